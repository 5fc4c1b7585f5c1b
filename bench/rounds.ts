/** Interleaved timing: in each round every contestant has its slice, in an order that moves on, so that a slow moment hits all alike. */
import type { ContestantName, Host, Runner } from "./hosts/runner.ts";
import type { JobFolder } from "./folder.ts";
import type { Workload } from "./workloads.ts";

export interface Pace {
  readonly rounds: number;
  /** Rounds that are not counted: engines compile a function well only after it has been called often. */
  readonly warmUps: number;
  /** Milliseconds of each contestant in the first of them. */
  readonly firstSlice: number;
  /** Milliseconds of each contestant in a round. */
  readonly slice: number;
}

export interface Timing {
  readonly kind: "timing";
  /** Milliseconds for one unit of work. */
  readonly median: number;
  readonly min: number;
  readonly samples: readonly number[];
}

export type Cell = Timing | { readonly kind: "missing"; readonly reason: string };

export interface Row {
  readonly workload: string;
  readonly cells: ReadonlyMap<ContestantName, Cell>;
}

/** The middle of some numbers, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

const missing = (error: unknown): Cell => ({
  kind: "missing",
  reason: error instanceof Error ? error.message : String(error),
});

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
  readonly samples: number[];
}

/**
 * Times one workload on one host.
 * @throws Error where contestants disagree about the answer
 */
export async function time(
  workload: Workload,
  host: Host,
  names: readonly ContestantName[],
  folder: JobFolder,
  pace: Pace,
): Promise<Row> {
  const job = await workload.job(folder);
  const cells = new Map<ContestantName, Cell>();
  const entrants: Entrant[] = [];
  let reference: { readonly name: ContestantName; readonly check: readonly number[] } | undefined;
  try {
    for (const name of names) {
      const runner = await host.open(name);
      try {
        const prepared = await runner.prepare(job);
        if (prepared.kind === "unavailable") {
          cells.set(name, { kind: "missing", reason: prepared.reason });
          await runner.close();
          continue;
        }
        const { units, check } = prepared;
        entrants.push({ name, runner, units, samples: [] });
        if (check.length === 0) continue;
        reference ??= { name, check };
        const far = distance(check, reference.check);
        if (far > workload.tolerance) {
          throw new Disagreement(
            `${workload.id}: ${name} answers ${check.join(" ")}, ${reference.name} ${reference.check.join(" ")}.`,
          );
        }
      } catch (error) {
        if (error instanceof Disagreement) throw error;
        cells.set(name, missing(error));
        await runner.close();
      }
    }
    for (const { runner } of entrants) await runner.run(pace.firstSlice);
    const rounds = Math.min(pace.rounds, workload.rounds ?? Infinity);
    for (let round = -pace.warmUps; round < rounds; round++) {
      for (let i = 0; i < entrants.length; i++) {
        const entrant = entrants[(i + round + pace.warmUps) % entrants.length];
        if (!entrant) continue;
        const { calls, milliseconds } = await entrant.runner.run(pace.slice);
        if (round >= 0) entrant.samples.push(milliseconds / calls / entrant.units);
      }
    }
    for (const { name, samples } of entrants) {
      cells.set(name, { kind: "timing", median: median(samples), min: Math.min(...samples), samples });
    }
    return { workload: workload.id, cells };
  } finally {
    for (const { runner } of entrants) await runner.close();
  }
}

/** Somebody is doing another job: no figure of this workload means anything. */
export class Disagreement extends Error {}
