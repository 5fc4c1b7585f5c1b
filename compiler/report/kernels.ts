/**
 * What `nndsl inspect --kernels` shows: the scheduler's choices for each kernel, and what they are
 * expected to give.
 */
import { CompilerFault } from "../fault.ts";
import { countOf, showSize, type Size } from "../ir/size.ts";
import { rowsOf } from "../schedule/any-size.ts";
import { kernelOf } from "../schedule/arguments.ts";
import { type EntryName, type Kernel, type KernelProgram, type Nest, timesMade } from "../schedule/kernel.ts";
import type { NestPlan } from "../schedule/nest-plan.ts";
import { predict } from "../schedule/predict.ts";
import type { KernelPlan } from "../schedule/kernel-plan.ts";
import type { Plan } from "../schedule/plan.ts";
import type { TapsPlan } from "../schedule/taps.ts";
import type { Tile, Tiling } from "../schedule/tiling.ts";

export interface KernelReport {
  readonly name: string;
  readonly formula: string;
  readonly loops: string;
  /** How often each entry calls it. */
  readonly calls: Readonly<Partial<Record<EntryName, number>>>;
  /** The form of its code: `outer, tiles of 4×8` */
  readonly form: string;
  readonly because: string;
  /** The loop that threads divide among them; null where the first thread does it all. */
  readonly divided: string | null;
  /** Of its largest call, for the batch asked about. */
  readonly flops: number;
  /** Of everything that this call touches, each element once. */
  readonly bytes: number;
  /** The share of the processor's peak that is predicted for this call, 0 … 1. */
  readonly peakShare: number;
}

/** @param rows the batch */
export function kernelReports(
  program: KernelProgram,
  freeName: string,
  rows: number,
  { target, kernels, sharing }: Plan,
): KernelReport[] {
  return program.kernels.map((kernel, index) => {
    const plan = kernels[index]!;
    const calls = program.entries.map((entry) => {
      const times = timesMade(entry);
      const own = entry.calls.flatMap((call, i) =>
        call.kernel === index ? [{ call, times: times[i]! }] : [],
      );
      return { name: entry.name, calls: own };
    });
    const { flops, bytes, share } = calls
      .flatMap((entry) => entry.calls)
      .map(({ call }) => predict(kernelOf(program, call), plan, rowsOf(call, rows), target))
      .reduce((most, one) => (one.flops > most.flops ? one : most), predict(kernel, plan, 0, target));
    const split = sharing.splits[index]!;
    return {
      name: kernel.name,
      formula: kernel.formula,
      loops: kernel.loops.map((size) => showSize(size, freeName)).join(" × "),
      calls: Object.fromEntries(
        calls.flatMap(({ name, calls: own }) =>
          own.length === 0 ? [] : [[name, own.reduce((sum, { times }) => sum + times, 0)]],
        ),
      ),
      ...describe(kernel, plan),
      divided: split === null ? null : loopName(kernel, split.loop, freeName),
      flops,
      bytes,
      peakShare: share,
    };
  });
}

type Description = Pick<KernelReport, "form" | "because">;

function describe(kernel: Kernel, plan: KernelPlan): Description {
  if (plan.kind === "product") return describeProduct(plan.tiling);
  if (kernel.kind === "nest")
    return plan.kind === "taps" ? describeTaps(kernel, plan) : describeNest(kernel, plan);
  throw new CompilerFault(`kernel ${kernel.name} has the plan of another`);
}

function describeProduct({
  form,
  tiles,
  order,
  steps,
  span,
  stretches,
  single,
  block,
  packs,
  gathers,
  because,
}: Tiling): Description {
  const sizeOf = ({ rows, widths }: Tile): string => `${rows}×${widths.join("|")}`;
  const sizes = tiles.map(sizeOf).join(", ");
  const packed = (["rows", "columns"] as const).filter((side) => packs[side] !== null);
  const parts = [
    form,
    ...(form === "element" || form === "unrolled" ? [] : [`tiles of ${sizes} ${order}`]),
    ...(steps > 1 ? [`${steps} steps of depth a turn`] : []),
    ...(span === null ? [] : [`sums of ${span.entries}`]),
    ...(stretches === null ? [] : [`stretches of ${stretches.entries}`]),
    ...(single !== null ? [`a batch of one row by ${sizeOf(single)}`] : []),
    ...(block !== null ? [`blocks of ${block} rows`] : []),
    ...(packed.length === 0 ? [] : [`packed ${packed.join(" and ")}`]),
    ...(packs.turned === null ? [] : ["turned columns"]),
    ...(["rows", "columns"] as const).flatMap((side) => (gathers?.[side] ? [`gathered ${side}`] : [])),
  ];
  return { form: parts.join(", "), because };
}

function describeNest(
  { inner, loops, values, stores }: Nest,
  { lanes, passes, room }: NestPlan,
): Description {
  const results = stores.length === 1 ? "a result" : `${stores.length} results`;
  if (inner === 0 && passes.length > 1) {
    return {
      form: `elementwise, ${passes.length} passes over each row`,
      because: `${results}, of which functions wait for functions: those of a pass overlap`,
    };
  }
  if (inner === 0) {
    const one = lanes === null ? ", an entry at a time" : "";
    return { form: `elementwise${one}`, because: `${results} in one pass over memory` };
  }
  if (values.some(({ kind }) => kind === "rank")) {
    return {
      form: "sorting of rows",
      because:
        "each row is put in order by its entries' bits, a byte at a time, in a time that grows as the row",
    };
  }
  const reductions = values.filter((value) => value.kind === "reduce").length;
  const isKept = lanes !== null && lanes.loop < loops.length - inner;
  const along =
    lanes === null ? "an entry at a time" : isKept ? "rows side by side in vectors" : "vectors along the row";
  const accumulators = Math.max(1, ...passes.map((pass) => pass.accumulators));
  const spans = new Set(
    passes.flatMap(({ span }) => (span === null ? [] : addends(span.entries, loops.slice(span.loop + 1)))),
  );
  const counted = reductions === 1 ? "a reduction" : `${reductions} reductions`;
  return {
    form: [
      inner === loops.length ? "reduction of all" : "reduction of rows",
      along,
      ...(isKept && lanes.vectors > 1 ? [`${lanes.vectors} vectors abreast`] : []),
      ...(accumulators > 1 ? [`${accumulators} accumulators`] : []),
      ...(room === null ? [] : [room.slots === 1 ? "a value kept" : `${room.slots} values kept`]),
      ...(spans.size > 0 ? [`sums of ${[...spans].join(" and ")}`] : []),
    ].join(", "),
    because: `${counted} and ${results} made of ${reductions === 1 ? "it" : "them"} while the row is in the cache`,
  };
}

function describeTaps(nest: Nest, plan: TapsPlan): Description {
  const taps = plan.entries.length;
  return {
    form: `${describeNest(nest, plan.nest).form}, ${taps} taps a pass`,
    because: `${taps} sums that differ by a shift are made while what they have in common is in registers`,
  };
}

/** Of so many entries of a loop and the loops inside it. */
const addends = (entries: number, inside: readonly Size[]): number =>
  inside.reduce((count, size) => count * countOf(size), entries);

function loopName(kernel: Kernel, loop: number, freeName: string): string {
  const size = showSize(kernel.loops[loop]!, freeName);
  if (kernel.kind === "nest") return size;
  const fromEnd = kernel.loops.length - loop;
  return `${fromEnd === 1 ? "columns" : fromEnd === 2 ? "rows" : "batch"} ${size}`;
}
