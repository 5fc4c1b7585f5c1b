/** Many random programs, and what came of them. */
import fc from "fast-check";
import { reachable } from "../../compiler/graph/graph.ts";
import { modelOf } from "../helpers/elaborated.ts";
import { check, type Result, type Verdict } from "./check.ts";
import { cases, type Case } from "./programs.ts";
import type { Dtype, Run } from "./run.ts";

export interface Wrong {
  readonly index: number;
  readonly program: Case;
  readonly because: string;
}

export interface Report {
  readonly programs: number;
  readonly counts: Readonly<Record<Verdict["kind"], number>>;
  readonly differences: number;
  readonly kinks: number;
  /** Parameters whose differences would take too long, and were left to the tape. */
  readonly costly: number;
  readonly seconds: number;
  readonly ops: ReadonlySet<string>;
  /** The first few that are wrong. */
  readonly wrong: readonly Wrong[];
  readonly rounding: readonly Wrong[];
  /** The first programs that are right, for other autograds. */
  readonly kept: readonly { readonly program: Case; readonly run: Run }[];
}

/** The module is made in a worker meanwhile, so two at a time keep both busy. */
const AT_ONCE = 2;
/** Every so many programs one is compiled in f64 too. */
const F64_EVERY = 5;
const KEPT = 5;
/** How many times as many are drawn at most to find programs that hold a word. */
const MOST_DRAWN = 100;

const arbitrary = fc.noBias(cases);
const dtypesOf = (index: number): readonly Dtype[] =>
  index % F64_EVERY === F64_EVERY - 1 ? ["f32", "f64"] : ["f32"];

/** The first so many programs of a seed, those alone that hold a word where one is given, with their numbers. */
function drawn(
  runs: number,
  seed: number,
  word: string | null,
): { readonly index: number; readonly program: Case }[] {
  for (let numRuns = runs; ; numRuns *= 2) {
    const found = fc
      .sample(arbitrary, { numRuns, seed })
      .map((program, index) => ({ index, program }))
      .filter(({ program }) => word === null || program.source.includes(word));
    if (found.length >= runs || numRuns > runs * MOST_DRAWN) return found.slice(0, runs);
  }
}

/**
 * @param options.keep of how many programs the runs are kept
 * @param options.holding a word that all programs hold; others are drawn and left out
 */
export async function fuzz(options: {
  readonly runs: number;
  readonly seed: number;
  readonly keep?: number;
  readonly holding?: string;
  /** Called after each program, with what is wrong with it. */
  readonly progress?: (done: number, wrong: Wrong | null) => void;
}): Promise<Report> {
  const { runs, seed, keep = 0, holding = null, progress } = options;
  const programs = drawn(runs, seed, holding);
  const counts: Record<Verdict["kind"], number> = { right: 0, constant: 0, nan: 0, rounding: 0, wrong: 0 };
  const ops = new Set<string>();
  const wrong: Wrong[] = [];
  const rounding: Wrong[] = [];
  const kept: { program: Case; run: Run }[] = [];
  let [next, done, differences, kinks, costly] = [0, 0, 0, 0, 0];
  const began = performance.now();

  const record = ({ index, program }: (typeof programs)[number], { verdict, ...result }: Result): void => {
    counts[verdict.kind]++;
    differences += result.differences;
    kinks += result.kinks;
    costly += result.costly;
    for (const op of result.ops) ops.add(op);
    const found = "because" in verdict ? { index, program, because: verdict.because } : null;
    if (found !== null) {
      const list = verdict.kind === "wrong" ? wrong : rounding;
      if (list.length < KEPT) list.push(found);
    }
    if (kept.length < keep && verdict.kind === "right" && result.run !== null)
      kept.push({ program, run: result.run });
    progress?.(++done, verdict.kind === "wrong" ? found : null);
  };
  const work = async (): Promise<void> => {
    while (next < programs.length) {
      const one = programs[next++]!;
      record(one, await check(one.program, dtypesOf(one.index)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const seconds = (performance.now() - began) / 1000;
  return {
    programs: programs.length,
    counts,
    differences,
    kinks,
    costly,
    seconds,
    ops,
    wrong,
    rounding,
    kept,
  };
}

/** What programs hold, without running them: the ops of their losses and outputs, and all words. */
export async function survey(
  programs: number,
  seed: number,
): Promise<{ readonly ops: ReadonlySet<string>; readonly words: ReadonlySet<string> }> {
  const [ops, words] = [new Set<string>(), new Set<string>()];
  for (const { source } of fc.sample(arbitrary, { numRuns: programs, seed })) {
    for (const word of source.match(/[A-Za-z_]\w*/g) ?? []) words.add(word);
    const { outputs, trainingLoss } = (await modelOf(source)).roots;
    for (const node of reachable([trainingLoss!, ...outputs.map((o) => o.node)])) ops.add(node.op);
  }
  return { ops, words };
}

/**
 * The shortest program that is wrong as program `index` of a seed is, as far as it is found in
 * `seconds`.
 */
export async function shrink(seed: number, index: number, seconds: number): Promise<Wrong | null> {
  let because = "";
  const property = fc.asyncProperty(arbitrary, async (program) => {
    const { verdict } = await check(program, dtypesOf(index));
    if (verdict.kind === "wrong") because = verdict.because;
    return verdict.kind !== "wrong";
  });
  const { counterexample } = await fc.check(property, {
    seed,
    path: String(index),
    numRuns: 1,
    interruptAfterTimeLimit: seconds * 1000,
  });
  return counterexample === null ? null : { index, program: counterexample[0], because };
}

/** A report in words. */
export function describeReport(report: Report): string {
  const { programs, counts, differences, kinks, costly, seconds, ops } = report;
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${programs} programs in ${seconds.toFixed(0)} s: ${kinds.join(", ")}`,
    `${differences} differences, ${kinks} of them left out at kinks; ${costly} gradients too costly for differences, beside the tape alone; ${ops.size} ops`,
  ].join("\n");
}

export const describeWrong = ({ program, because, index }: Wrong): string =>
  `program ${index}, batch ${program.batch}, data of seed ${program.seed}\n${because}\n${program.source}`;
