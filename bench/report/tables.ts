/** The tables of a run. */
import type { ContestantName } from "../hosts/runner.ts";
import { gigaflops, least, median, type HostResults, type Results } from "../results.ts";
import type { Row } from "../rounds.ts";
import type { Target } from "../measures.ts";
import { isReached, missed, missOf, targetsOf } from "../targets.ts";
import type { Unit, Workload } from "../workload.ts";
import { workloads } from "../workloads.ts";
import { figure, type Table } from "./table.ts";

export const headings: Readonly<Record<ContestantName, string>> = {
  nndsl: "nndsl strict",
  "nndsl-relaxed": "nndsl relaxed",
  "nndsl-threads": "nndsl relaxed, 2 threads",
  torch: "PyTorch",
  jax: "jax-js",
  tfjs: "TensorFlow.js",
  ort: "ONNX Runtime Web",
  peak: "peak, × +",
  "peak-relaxed": "peak, fused",
};

const factors: Readonly<Record<Exclude<Unit, "GFLOP/s">, number>> = { s: 1e-3, ms: 1, µs: 1e3, ns: 1e6 };

/** Milliseconds for one unit of work, in the unit of the workload. */
export const inUnit = (milliseconds: number, unit: Unit): number =>
  unit === "GFLOP/s" ? gigaflops(milliseconds) : milliseconds * factors[unit];

/** The median; behind it how many times as long as nndsl's strict module it takes. */
function cell(row: Row, { unit }: Workload, name: ContestantName): string {
  const timing = row.cells.get(name);
  if (timing?.kind !== "timing") return "–";
  const time = median(timing.samples);
  const shown = figure(inUnit(time, unit));
  const ours = row.cells.get("nndsl");
  if (name === "nndsl" || ours?.kind !== "timing") return shown;
  return `${shown} (${figure(time / median(ours.samples))}×)`;
}

/** One group of workloads on one host; undefined where none of it was timed. */
export function timesTable(host: HostResults, group: string): Table | undefined {
  const timed = workloads.flatMap((workload) => {
    const row = host.rows.find((row) => row.workload === workload.id);
    return row && workload.group === group ? [{ workload, row }] : [];
  });
  if (timed.length === 0) return undefined;
  const names = host.contestants.filter((name) => timed.some(({ row }) => row.cells.has(name)));
  return {
    head: [group, "unit", ...names.map((name) => headings[name])],
    rows: timed.map(({ workload, row }) => [
      workload.title,
      workload.unit,
      ...names.map((name) => cell(row, workload, name)),
    ]),
  };
}

export const groups: readonly string[] = [...new Set(workloads.map(({ group }) => group))];

/** Why cells are empty. */
export function gaps({ rows }: HostResults): string[] {
  const reasons = new Map<string, string[]>();
  for (const { workload, cells } of rows) {
    for (const [name, found] of cells) {
      if (found.kind === "timing") continue;
      const [reason] = found.reason.split("\n");
      const key = `${headings[name]}: ${reason}`;
      reasons.set(key, [...(reasons.get(key) ?? []), workload]);
    }
  }
  return [...reasons].map(([reason, ids]) => `${reason} (${ids.join(", ")})`);
}

const KIBI = 1024;

export function sizesTable({ pageSizes }: Results): Table | undefined {
  if (!pageSizes) return undefined;
  const ours = pageSizes.nndsl.js + pageSizes.nndsl.wasm;
  return {
    head: [
      "What a page loads for the digit network, gzipped",
      "js, KiB",
      "wasm, KiB",
      "together, KiB",
      "to nndsl",
    ],
    rows: (["nndsl", "jax", "tfjs", "ort"] as const).map((name) => {
      const { js, wasm } = pageSizes[name];
      const title = name === "nndsl" ? "nndsl, training and inference" : headings[name];
      return [
        title,
        ...[js, wasm, js + wasm].map((bytes) => figure(bytes / KIBI)),
        `${figure((js + wasm) / ours)}×`,
      ];
    }),
  };
}

export function memoryTable({ peakMemory }: Results): Table | undefined {
  if (!peakMemory) return undefined;
  const row = (title: string, bytes: number): string[] => [title, figure(bytes / KIBI ** 2)];
  return {
    head: ["Peak memory of a process that trains the digit network, batch 32", "MiB"],
    rows: [
      row("Node with no library", peakMemory.node),
      ...[...peakMemory.contestants].map(([name, bytes]) => row(headings[name], bytes)),
    ],
  };
}

export function compileTable({ compileTime }: Results): Table | undefined {
  if (!compileTime) return undefined;
  return {
    head: ["Compile of the digit network", "s"],
    rows: [
      ["`nndsl compile`, a fresh process", figure(median(compileTime.cold))],
      ["`compile()`, in a process that has compiled before", figure(median(compileTime.warm))],
    ],
  };
}

export function startsTable({ coldStarts }: Results): Table | undefined {
  if (!coldStarts) return undefined;
  return {
    head: ["A command from nothing to its end", "s", "least", "without kept code"],
    rows: coldStarts.map(({ title, seconds, first }) => [
      `\`${title}\``,
      ...[median(seconds), least(seconds), first].map(figure),
    ]),
  };
}

export function dataTable({ dataCosts }: Results): Table | undefined {
  if (!dataCosts) return undefined;
  return {
    head: ["A table of 1,000,000 × 10 (CSV), an array of 500 MB (NPY)", "s", "peak memory, MB"],
    rows: dataCosts.map(({ what, milliseconds, peakBytes }) => [
      what,
      figure(milliseconds / 1000),
      figure(peakBytes / 1e6),
    ]),
  };
}

/** Kernels that take less than this share of a step are left out. */
const WORTH_A_LINE = 0.002;

export function profileTables({ profiles = [], programProfiles = [] }: Results): Table[] {
  return [...profiles, ...programProfiles].map(({ title, simd, peak, clock, kernels }) => {
    const whole = kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
    return {
      head: [
        `${title}, ${simd}, peak ${figure(peak)} GFLOP/s at ${figure(clock)} GHz`,
        "µs",
        "GFLOP/s",
        "% of peak",
        "predicted",
        "GB/s touched",
        "cycles",
        "instructions",
        "on the stack",
      ],
      rows: kernels
        .filter(({ microseconds }) => microseconds > WORTH_A_LINE * whole)
        .map((k) => [
          k.kernel,
          figure(k.microseconds),
          figure(k.gigaflops),
          String(Math.round(100 * k.share)),
          String(Math.round(100 * k.predicted)),
          figure(k.gigabytes),
          k.cycles === undefined ? "–" : figure(k.cycles),
          k.code === undefined || k.cycles === undefined ? "–" : figure(k.code.instructions),
          k.code === undefined ? "–" : String(k.code.spills),
        ]),
    };
  });
}

export function sharingTable({ sharings }: Results): Table | undefined {
  if (!sharings) return undefined;
  return {
    head: [
      "A step (SGD) and two threads, relaxed, µs",
      "one thread",
      "of it divided, %",
      "half of that, and the rest",
      "two threads",
      "waiting",
    ],
    rows: sharings.map(({ batch, oneThread, twoThreads, divided }) => {
      const half = oneThread * (1 - divided / 2);
      const times = [oneThread, 100 * divided, half, twoThreads, twoThreads - half];
      return [`batch ${batch}`, ...times.map(figure)];
    }),
  };
}

const withUnit = (value: number, unit: Target["unit"]): string =>
  unit === "% of peak" ? `${figure(value)} %` : unit === "×" ? figure(value) : `${figure(value)} ${unit}`;

/** What falls behind, the furthest first; undefined where nothing does. */
export function missedTable(results: Results): Table | undefined {
  const targets = missed(targetsOf(results));
  if (targets.length === 0) return undefined;
  return {
    words: 2,
    head: ["Falls behind", "of", "wanted", "measured", "short by"],
    rows: targets.map((target) => [
      target.workload,
      target.measure,
      `${target.bound} ${withUnit(target.limit, target.unit)}`,
      withUnit(target.measured ?? NaN, target.unit),
      `${figure(missOf(target))}×`,
    ]),
  };
}

/** @param all whether those are shown, too, for which something was not measured */
export function targetsTable(results: Results, all: boolean): Table {
  return {
    words: 2,
    head: ["Target", "of", "wanted", "measured", "of least times", "at the peak", "reached"],
    rows: targetsOf(results).flatMap((target) => {
      if (!all && target.measured === undefined) return [];
      const reached = isReached(target);
      const row = [
        target.workload,
        target.measure,
        `${target.bound} ${withUnit(target.limit, target.unit)}`,
        ...[target.measured, target.ofLeast, target.atPeak].map((value) =>
          value === undefined ? "–" : withUnit(value, target.unit),
        ),
        reached === undefined ? "–" : reached ? "yes" : "no",
      ];
      return [row];
    }),
  };
}
