/**
 * Interleaved timing: in each round every contestant has its slice, in an order that moves on, so
 * that a slow moment hits all alike.
 */
import type { ContestantName, Host, Runner } from "./hosts/runner.ts";
import type { JobFolder } from "./folder.ts";
import type { Workload } from "./workload.ts";

export interface Pace {
  readonly rounds: number;
  /**
   * Rounds that are not counted: engines compile a function well only after it has been called
   * often.
   */
  readonly warmUps: number;
  /** Milliseconds of each contestant in the first of them. */
  readonly firstSlice: number;
  /** Milliseconds of each contestant in a round. */
  readonly slice: number;
  /** Milliseconds of each kernel in the profile. */
  readonly kernel: number;
}

export interface Timing {
  readonly kind: "timing";
  /** Milliseconds for one unit of work, of each round. */
  readonly samples: readonly number[];
}

/** `wrong`: its answer is not that of the others. */
export type Cell = Timing | { readonly kind: "missing" | "wrong"; readonly reason: string };

export interface Row {
  readonly workload: string;
  readonly cells: ReadonlyMap<ContestantName, Cell>;
}

const missing = (error: unknown): Cell => ({
  kind: "missing",
  reason: error instanceof Error ? error.message : String(error),
});

const figures = (values: readonly number[]): string => values.map((value) => value.toPrecision(7)).join(" ");

/** How far two answers are apart, as a part of the largest entry. */
function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  const scale = Math.max(...b.map(Math.abs), 1e-8);
  // A NaN is as far away as can be.
  return Math.max(
    ...a.map((value, i) => Math.abs(value - (b[i] ?? NaN)) / scale).map((far) => (far >= 0 ? far : Infinity)),
  );
}

interface Entrant {
  readonly name: ContestantName;
  readonly runner: Runner;
  readonly units: number;
  readonly check: readonly number[];
  readonly samples: number[];
}

/**
 * Those that can do the job and agree about the answer; why the others do not take part goes to
 * `cells`.
 */
async function admit(
  workload: Workload,
  host: Host,
  names: readonly ContestantName[],
  folder: JobFolder,
  cells: Map<ContestantName, Cell>,
): Promise<Entrant[]> {
  const job = await workload.job(folder);
  const entrants: Entrant[] = [];
  for (const name of names) {
    let runner: Runner | undefined;
    try {
      runner = await host.open(name);
      const prepared = await runner.prepare(job);
      if (prepared.kind === "unavailable") throw new Error(prepared.reason);
      const { units, check, note } = prepared;
      if (note) process.stderr.write(`${name}: ${note}\n`);
      const reference = entrants.find((entrant) => entrant.check.length > 0);
      if (reference && check.length > 0 && distance(check, reference.check) > workload.tolerance) {
        cells.set(name, {
          kind: "wrong",
          reason: `answers ${figures(check)}, where ${reference.name} answers ${figures(reference.check)}`,
        });
        await runner.close();
        continue;
      }
      entrants.push({ name, runner, units, check, samples: [] });
    } catch (error) {
      cells.set(name, missing(error));
      await runner?.close();
    }
  }
  return entrants;
}

/** Times one workload on one host. */
export async function time(
  workload: Workload,
  host: Host,
  names: readonly ContestantName[],
  folder: JobFolder,
  pace: Pace,
): Promise<Row> {
  const cells = new Map<ContestantName, Cell>();
  const all = await admit(workload, host, names, folder, cells);
  let entrants = all;
  const run = async (entrant: Entrant, milliseconds: number, counted: boolean): Promise<void> => {
    try {
      const slice = await entrant.runner.run(milliseconds);
      if (counted) entrant.samples.push(slice.milliseconds / slice.calls / entrant.units);
    } catch (error) {
      // It ended or threw: the others go on.
      cells.set(entrant.name, missing(error));
      entrants = entrants.filter((other) => other !== entrant);
    }
  };
  try {
    for (const entrant of entrants) await run(entrant, pace.firstSlice, false);
    // Where one call is long it has warmed up by now.
    const warmUps = workload.rounds === undefined ? pace.warmUps : 0;
    const rounds = Math.min(pace.rounds, workload.rounds ?? Infinity);
    for (let round = 0; round < warmUps + rounds; round++) {
      const first = round % Math.max(entrants.length, 1);
      const turns = [...entrants.slice(first), ...entrants.slice(0, first)];
      for (const entrant of turns) await run(entrant, pace.slice, round >= warmUps);
    }
    for (const { name, samples } of entrants) {
      cells.set(name, { kind: "timing", samples });
    }
    return { workload: workload.id, cells };
  } finally {
    for (const { runner } of all) await runner.close();
  }
}
