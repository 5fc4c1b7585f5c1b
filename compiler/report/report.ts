/** What `nndsl inspect` shows: the compiler's decisions as data. */
import type { Join, ManifestSize } from "../../runtime/manifest.ts";
import { CompilerFault } from "../fault.ts";
import { reachable } from "../graph/graph.ts";
import { modelJoins } from "../graph/join.ts";
import { ownedBy, type Model } from "../graph/model.ts";
import { timesOf } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { countOf, elements, isFree, ONE, showSize, writtenShape } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { type KernelReport, kernelReports } from "./kernels.ts";
import { rowsOf } from "../schedule/any-size.ts";
import { kernelOf } from "../schedule/arguments.ts";
import { flopsOf } from "../schedule/cost.ts";
import { type Buffer, type Entry, type KernelProgram, timesMade } from "../schedule/kernel.ts";
import { liveRanges } from "../schedule/liveness.ts";
import { arenaBytes, bytesOf } from "../schedule/memory.ts";
import type { Plan } from "../schedule/plan.ts";

export interface Report {
  readonly model: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly role: string;
    readonly dtype: string;
    readonly shape: readonly ManifestSize[];
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly ManifestSize[];
    readonly join: Join;
  }[];
  /** Null for a model without a loss. */
  readonly loss: { readonly join: Join } | null;
  readonly metrics: readonly { readonly name: string; readonly join: Join }[];
  readonly parameters: readonly {
    readonly path: string;
    readonly shape: readonly number[];
    readonly init: string;
    readonly frozen: boolean;
    readonly count: number;
    /** The optimizer line, as in `sgd for encoder`; null where training leaves it as it is. */
    readonly trainedBy: string | null;
  }[];
  /** What layers and the model keep from step to step beside them. */
  readonly states: readonly {
    readonly path: string;
    readonly shape: readonly number[];
    readonly init: string;
    readonly count: number;
  }[];
  /** Every call of a layer that owns something, and what it owns itself; the model's own first. */
  readonly layers: readonly {
    /** Empty for the model. */
    readonly path: string;
    readonly callee: string;
    /** Paths. */
    readonly parameters: readonly string[];
    /** Numbers in them. */
    readonly count: number;
    /** Paths. */
    readonly states: readonly string[];
  }[];
  /**
   * Floating-point operations for one row of a batch: the loss, and what its gradients add to that.
   */
  readonly flops: { readonly forward: number; readonly backward: number };
  /** Values that one step keeps for later kernels, and which keep them alive. */
  readonly stored: readonly {
    readonly name: string;
    readonly size: string;
    /** Bytes, for each row where the size has the batch in it. */
    readonly bytes: number;
    readonly perRow: boolean;
    /**
     * Where it lies in its part of the arena, in bytes; values that are not alive at the same time
     * may overlap there.
     */
    readonly offset: number;
    /** The kernels that write it first and touch it last. */
    readonly from: string;
    readonly until: string;
    readonly because: string;
  }[];
  /** Bytes of the arena: the fixed part, and for each row of a batch. */
  readonly arena: {
    readonly fixed: number;
    readonly perRow: number;
    /** What it is made of; the sums are the two numbers above. */
    readonly parts: readonly { readonly of: ArenaPart; readonly fixed: number; readonly perRow: number }[];
  };
  /**
   * Values that are made again in a step instead of kept, and their price; null where everything is
   * kept.
   */
  readonly recomputed: null | {
    readonly values: readonly {
      readonly name: string;
      readonly size: string;
      /** Bytes, for each row where the size has the batch in it. */
      readonly bytes: number;
      readonly perRow: boolean;
    }[];
    /** Whether loops are run again, in blocks of their places, instead of keeping what is made at each place. */
    readonly loops: boolean;
    /** The batch that the price is told for. */
    readonly rows: number;
    /** Operations of one step. */
    readonly flops: { readonly keeping: number; readonly recomputing: number };
    /** Bytes of the arena. */
    readonly memory: { readonly keeping: number; readonly recomputing: number };
  };
  readonly kernels: readonly KernelReport[];
}

/** `shared`: the space in which all that kernels leave for one another lies, in turns. */
export type ArenaPart =
  | "inputs"
  | "parameters"
  | "states"
  | "optimizer"
  | "gradients"
  | "outputs"
  | "loss and metrics"
  | "probes"
  | "shared";

/**
 * What the compiler decided.
 * @param model before `lower`, in the terms of the source
 * @param rows the batch that prices and kernels are told for
 */
export function buildReport(model: Model, program: KernelProgram, plan: Plan, rows: number): Report {
  const elementBytes = plan.target.bytes;
  const freeName = model.freeName ?? "N";
  const { roots } = model;
  const joins = modelJoins(model);
  const forward = roots.trainingLoss === null ? roots.outputs.map((o) => o.node) : [roots.trainingLoss];
  const forwardNodes = new Set(reachable(forward));
  const gradients = model.persistent.flatMap(({ gradient }) => gradient ?? []);
  const backwardNodes = reachable(gradients).filter((node) => !forwardNodes.has(node));
  const owned = ownedBy(model).map(({ path, shape, init, kind }, index) => {
    const sizes = shape.map(countOf);
    const told = { path, shape: sizes, init, count: sizes.reduce((a, b) => a * b, 1) };
    return { kind, told, trainedBy: trainerOf(model, index) };
  });

  return {
    model: model.name,
    inputs: model.inputs.map((i) => ({
      name: i.name,
      role: i.role,
      dtype: i.type,
      shape: writtenShape(i.shape, freeName),
    })),
    outputs: roots.outputs.map((o, index) => ({
      name: o.name,
      shape: writtenShape(o.node.shape, freeName),
      join: joins.outputs[index]!,
    })),
    loss: joins.loss === null ? null : { join: joins.loss },
    metrics: roots.metrics.map(({ name }, index) => ({ name, join: joins.metrics[index]! })),
    parameters: owned.flatMap(({ kind, told: { count, ...told }, trainedBy }) =>
      kind === "layer-state" ? [] : [{ ...told, frozen: kind === "frozen", count, trainedBy }],
    ),
    states: owned.flatMap(({ kind, told }) => (kind === "layer-state" ? [told] : [])),
    layers: model.layers.flatMap(({ path, callee, parameters: numbers }) => {
      const own = numbers.map((index) => owned[index]!);
      const states = own.filter(({ kind }) => kind === "layer-state");
      const parameters = own.filter(({ kind }) => kind !== "layer-state");
      const count = parameters.reduce((sum, { told }) => sum + told.count, 0);
      const paths = (list: typeof own): string[] => list.map(({ told }) => told.path);
      return own.length === 0
        ? []
        : [{ path, callee, parameters: paths(parameters), count, states: paths(states) }];
    }),
    flops: { forward: totalFlops(forwardNodes), backward: totalFlops(backwardNodes) },
    stored: storedValues(program, freeName, elementBytes),
    arena: arenaParts(program, elementBytes),
    recomputed: recomputedValues(program, freeName, elementBytes, rows),
    kernels: kernelReports(program, freeName, rows, plan),
  };
}

/** The line that trains a parameter, without its arguments. */
function trainerOf({ optimizer }: Model, parameter: number): string | null {
  const group = optimizer?.groups.find(({ parameters }) => parameters.includes(parameter));
  if (group === undefined) return null;
  return group.paths === null ? group.name : `${group.name} for ${group.paths.join(", ")}`;
}

/** `step`, or `gradients` where there is no optimizer. */
const trainingEntry = (entries: readonly Entry[]): Entry | undefined =>
  entries.find((e) => e.name === "step") ?? entries.find((e) => e.name === "gradients");

function storedValues(program: KernelProgram, freeName: string, elementBytes: number): Report["stored"] {
  const entry = trainingEntry(program.entries);
  if (entry === undefined) return [];
  const nameOf = (call: number): string => program.kernels[entry.calls[call]!.kernel]!.name;
  const index = program.entries.indexOf(entry);
  const ranges = liveRanges(program.buffers, program.entries);
  return program.buffers.flatMap((buffer) => {
    const { id, name, size, role } = buffer;
    const range = ranges[id];
    if (role.kind !== "temporary" || !range || range.entry !== index) return [];
    return [
      {
        name,
        size: showSize(size, freeName),
        bytes: countOf(size) * elementBytes,
        perRow: isFree(size),
        offset: program.arena.places[id]!.offset,
        from: nameOf(range.first),
        until: nameOf(range.last),
        because: role.because,
      },
    ];
  });
}

function recomputedValues(
  program: KernelProgram,
  freeName: string,
  elementBytes: number,
  rows: number,
): Report["recomputed"] {
  const { buffers, entries, arena, unblocked } = program;
  const keeping = unblocked?.arena ?? program.keeping;
  const entry = trainingEntry(entries);
  if (keeping === undefined || entry === undefined) return null;
  const again = entry.calls.filter((call) => call.again);
  const made = new Set(
    again.flatMap((call) => {
      const { operands } = kernelOf(program, call);
      return call.addresses.filter((_, i) => operands[i]!.access === "write").map(({ buffer }) => buffer);
    }),
  );
  const recomputing = operationsOf(program, entry, rows);
  const whole = unblocked === undefined ? undefined : trainingEntry(unblocked.entries);
  const flops =
    unblocked !== undefined && whole !== undefined
      ? { keeping: operationsOf(unblocked, whole, rows), recomputing }
      : { keeping: recomputing - operationsOf(program, { calls: again, loops: [] }, rows), recomputing };
  const values = [...made].flatMap((id) => {
    const { name, size, role } = buffers[id]!;
    if (role.kind !== "temporary") return [];
    const bytes = countOf(size) * elementBytes;
    return [{ name: role.again ?? name, size: showSize(size, freeName), bytes, perRow: isFree(size) }];
  });
  const memory = { keeping: arenaBytes(keeping, rows), recomputing: arenaBytes(arena, rows) };
  return { values, loops: unblocked !== undefined, rows, flops, memory };
}

function operationsOf(program: KernelProgram, entry: Pick<Entry, "calls" | "loops">, rows: number): number {
  const times = timesMade(entry);
  return entry.calls.reduce(
    (sum, call, i) => sum + times[i]! * flopsOf(kernelOf(program, call), rowsOf(call, rows)),
    0,
  );
}

const partOf = {
  input: "inputs",
  parameter: "parameters",
  "layer-state": "states",
  state: "optimizer",
  hyper: "optimizer",
  step: "optimizer",
  gradient: "gradients",
  output: "outputs",
  loss: "loss and metrics",
  metric: "loss and metrics",
  probe: "probes",
} as const satisfies Partial<Record<Buffer["role"]["kind"], ArenaPart>>;

/** What keeps its place is counted; what is left of the arena is shared. */
function arenaParts({ buffers, arena }: KernelProgram, elementBytes: number): Report["arena"] {
  const parts = new Map<ArenaPart, { fixed: number; perRow: number }>();
  const { fixed, perRow } = arena;
  const shared = { fixed, perRow };
  for (const buffer of buffers) {
    const { kind } = buffer.role;
    if (kind === "temporary" || kind === "table") continue;
    const of = partOf[kind];
    const part = parts.get(of) ?? { fixed: 0, perRow: 0 };
    parts.set(of, part);
    const column = isFree(buffer.size) ? "perRow" : "fixed";
    part[column] += bytesOf(buffer, elementBytes);
    shared[column] -= bytesOf(buffer, elementBytes);
  }
  return {
    fixed,
    perRow,
    parts: [...parts, ["shared", shared] as const].map(([of, part]) => ({ of, ...part })),
  };
}

/** Operations for a batch of one row. */
function totalFlops(nodes: Iterable<Node>): number {
  let total = 0;
  for (const node of nodes) total += nodeFlops(node);
  return total;
}

function nodeFlops(node: Node): number {
  const { family, flops } = ops[node.op];
  const first = node.operands[0];
  const counted = family === "reduction" && first !== undefined ? first : node;
  const count = elements(counted.shape);
  if (count === null) throw new CompilerFault(`${node.op} has the batch on two axes`);
  const depth = family === "product" ? countOf(first?.shape.at(-1) ?? ONE) : 1;
  return countOf(count) * flops * depth * timesOf(node);
}
