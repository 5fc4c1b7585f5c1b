/**
 * A program's outputs, loss and gradients beside two that share no derivative rule with the compiler: the tape, and differences of values. Both go by
 * the graph as it was elaborated, before any rewrite.
 */
import { askTape } from "../../compiler/compare/run-tape.ts";
import { analyse, DiagnosticError } from "../../compiler/index.ts";
import { reachable } from "../../compiler/ir/graph.ts";
import type { Node, OpName } from "../../compiler/ir/node.ts";
import type { Environment, Op, Values } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";
import { distance, most } from "./distance.ts";
import { differentiateAt0, isKink, Numeric } from "./numeric.ts";
import type { Case } from "./programs.ts";
import { run, type Dtype, type Run } from "./run.ts";

/** Of E, the largest error over the largest entry: beside what is exact in f64, and beside differences. */
const TOLERANCES = {
  f32: { exact: 1e-4, differences: 1e-4 },
  f64: { exact: 1e-9, differences: 1e-6 },
} as const;

/** Entries of a parameter that differences are taken of; few where the model holds derivatives, which are differences themselves. */
const ENTRIES = { plain: 8, nested: 1 } as const;

/** How often more than once a kernel's sum rounds what the evaluator rounds once. */
const ROUNDINGS = 16;

export type Verdict =
  | { readonly kind: "right" }
  /** No parameter moves the loss. */
  | { readonly kind: "constant" }
  | { readonly kind: "nan" }
  /** Past the tolerance in f32 by rounding alone: right in f64, and the same formulas evaluated in f32 are as far off. */
  | { readonly kind: "rounding"; readonly because: string }
  | { readonly kind: "wrong"; readonly because: string };

export interface Result {
  readonly verdict: Verdict;
  /** Differences taken, and those of them that were left out at a kink. */
  readonly differences: number;
  readonly kinks: number;
  readonly ops: ReadonlySet<OpName>;
  /** Of the first dtype; null where the program did not run. */
  readonly run: Run | null;
}

export async function check(program: Case, dtypes: readonly Dtype[]): Promise<Result> {
  const results: Result[] = [];
  for (const dtype of dtypes) {
    const result = await checkIn(program, dtype);
    if (result.verdict.kind !== "right") return result;
    results.push(result);
  }
  return results[0]!;
}

async function checkIn(program: Case, dtype: Dtype): Promise<Result> {
  try {
    const ran = await run(program, dtype);
    const result = compare(ran, dtype);
    const { verdict } = result;
    if (verdict.kind !== "wrong" || dtype === "f64") return result;
    const exact = compare(await run(program, "f64"), "f64").verdict.kind === "right";
    const excused = exact && (await inherentError(program, ran.environment)) >= result.largest;
    return excused ? { ...result, verdict: { kind: "rounding", because: verdict.because } } : result;
  } catch (error) {
    return {
      verdict: { kind: "wrong", because: describe(error) },
      differences: 0,
      kinks: 0,
      ops: new Set(),
      run: null,
    };
  }
}

function describe(error: unknown): string {
  if (error instanceof DiagnosticError)
    return error.diagnostics.map((d) => `${d.code}: ${d.message}`).join("; ");
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function compare(ran: Run, dtype: Dtype): Result & { readonly largest: number } {
  const { model, environment } = ran;
  const tolerance = TOLERANCES[dtype];
  const { outputs, loss, trainingLoss } = model.roots;
  if (loss === null || trainingLoss === null) throw new RangeError("the program has no loss");
  const nodes = reachable([trainingLoss]);
  const used = new Set(reachable([trainingLoss, ...outputs.map((o) => o.node)]).map((node) => node.op));
  const offences: string[] = [];
  let largest = 0;
  let differences = 0;
  let kinks = 0;
  const note = (name: string, error: number, limit: number): void => {
    if (error <= limit) return;
    offences.push(`${name}: E = ${error.toExponential(2)}`);
    largest = Math.max(largest, error);
  };
  const result = (verdict: Verdict) => ({ verdict, differences, kinks, ops: used, run: ran, largest });

  const numeric = new Numeric([...outputs.map((o) => o.node), loss, trainingLoss], environment);
  const values = [...outputs.map((o) => o.node), loss, trainingLoss].map((node) => numeric.value(node));
  if (values.some(({ data }) => data.some((x) => !Number.isFinite(x)))) return result({ kind: "nan" });
  // Differences within a model are not exact to the last digits.
  const holdsGrad = used.has("grad");
  const limit = holdsGrad ? tolerance.differences : tolerance.exact;
  for (const { name, node } of outputs) {
    note(`output ${name}`, distance(ran.outputs.get(name)!, numeric.value(node).data), limit);
  }
  note("loss", distance([ran.loss], numeric.value(loss).data), limit);
  note("loss in training", distance([ran.trainingLoss], numeric.value(trainingLoss).data), limit);

  const wanted = model.parameters.flatMap(({ frozen }, index) => (frozen ? [] : [index]));
  const tape = askTape({ model, environment, wanted });
  note("loss of the tape", distance([ran.trainingLoss], [tape.loss]), tolerance.exact);
  let moves = false;
  for (const index of wanted) {
    const { path } = model.parameters[index]!;
    const ours = ran.gradients.get(path)!;
    const theirs = tape.gradients.get(index)!.data;
    const scale = most(theirs) + 1e-8;
    if (scale > 1e-7) moves = true;
    note(`${path} beside the tape`, distance(ours, theirs), tolerance.exact);

    const parameter = nodes.find((node) => node.op === "parameter" && node.attributes.index === index);
    if (parameter === undefined) continue;
    for (const entry of spread(ours.length, holdsGrad ? ENTRIES.nested : ENTRIES.plain)) {
      const along = numeric.along(trainingLoss, parameter, entry);
      const { value, uncertainty } = differentiateAt0(along);
      const error = Math.abs(ours[entry]! - value) / scale;
      differences++;
      if (error <= tolerance.differences) continue;
      // A difference that does not settle says nothing, and at a kink there is nothing to say.
      if (uncertainty > (tolerance.differences / 4) * scale || isKink(along)) kinks++;
      else note(`${path}[${entry}] = ${ours[entry]} beside the difference ${value}`, error, 0);
    }
  }
  if (offences.length > 0) return result({ kind: "wrong", because: offences.join("\n") });
  return result({ kind: moves ? "right" : "constant" });
}

/** At most `limit` of the numbers 0 … count - 1, evenly. */
const spread = (count: number, limit: number): number[] => {
  const taken = Math.min(count, limit);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
};

/** How far the compiler's own formulas come out, as E, if each value is rounded to f32, with room for the sums in kernels. */
async function inherentError({ source }: Case, environment: Environment): Promise<number> {
  const { joint } = await analyse(source);
  const { loss, trainingLoss, outputs, gradients } = joint.roots;
  const roots = [loss, trainingLoss, ...gradients].flatMap((node) => node ?? []);
  roots.push(...outputs.map((o) => o.node));
  const exact = evaluateRounding(roots, environment, (x) => x);
  const rounded = evaluateRounding(roots, environment, Math.fround);
  return ROUNDINGS * most(roots.map((root) => distance(rounded.get(root)!.data, exact.get(root)!.data)));
}

function evaluateRounding(
  roots: readonly Node[],
  environment: Environment,
  round: (x: number) => number,
): ReadonlyMap<Node, Values> {
  const values = new Map<Node, Values>();
  for (const node of reachable(roots)) {
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const operands = node.operands.map((operand) => values.get(operand)!);
    const { shape, data } = record.evaluate(operands, node as never, environment);
    values.set(node, { shape, data: data.map(round) });
  }
  return values;
}
