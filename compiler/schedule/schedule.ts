/** The scheduler: from a model's formulas to kernels, their calls and the arena. */
import { CompilerFault } from "../fault.ts";
import { Build } from "../graph/build.ts";
import type { Model, Persistent } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { countOf, elements, isFree, type Shape } from "../ir/size.ts";
import { behindReshapes } from "../ops/movement.ts";
import { forAnySize } from "./any-size.ts";
import { Drafts } from "./drafts.ts";
import { fuse } from "./fuse.ts";
import { isStep, type Buffer, type EntryName, type KernelProgram, type Repeat } from "./kernel.ts";
import { buffersOf, namesOfReaders } from "./liveness.ts";
import { shapeLoops } from "./loops.ts";
import { generalName, identifier, kernelName, nodeName, ownerOf, probeName, Unique } from "./names.ts";
import { type ShapeLimits, SHAPES } from "./many-shapes.ts";
import { arenaBytes } from "./memory.ts";
import { orderTasks } from "./order.ts";
import { besideKeeping, recompute } from "./recompute.ts";
import type { Root } from "./roots.ts";
import { rowUpdates } from "./row-updates.ts";
import { baseOf } from "./select.ts";
import type { Target } from "./tiling.ts";
import { kernelsOf, type KernelTask, type Task, writtenBy } from "./task.ts";
import { unkeptIn } from "./unkept.ts";
import { KernelKeys, type PlannedCall, type PlannedEntry, shareKernels } from "./shared-kernels.ts";

export interface ScheduleOptions {
  /** 4 for f32, 8 for f64. */
  readonly elementBytes?: number;
  /**
   * The arena's size in bytes that has to do for a batch of `rows`: values are made again instead
   * of kept until it does.
   */
  readonly memory?: { readonly bytes: number; readonly rows: number };
  /** From how many shapes of one formula on these share code. */
  readonly shapes?: ShapeLimits;
}

/**
 * @param model after `lower` and `simplify`
 * @throws CompilerFault where the model holds what kernels cannot compute, DiagnosticError
 * `memory-too-small`
 */
export function schedule(model: Model, options: ScheduleOptions = {}): KernelProgram {
  const { elementBytes = 4, memory, ...rest } = options;
  const sparing = (): KernelProgram => new Scheduler(model, true).program({ ...options, elementBytes });
  if (model.unkept.length > 0) return sparing();
  const program = new Scheduler(model, false).program({ ...rest, elementBytes });
  if (memory === undefined) return program;
  const keeping = arenaBytes(program.arena, memory.rows);
  return keeping <= memory.bytes ? program : besideKeeping(keeping, sparing);
}

/** An entry, and what it has to leave. */
interface Wanted {
  readonly name: EntryName;
  readonly roots: readonly Root[];
}

type FullOptions = ScheduleOptions & { readonly elementBytes: number };

class Scheduler {
  readonly #model: Model;
  readonly #build: Build;
  readonly #buffers: Buffer[] = [];
  readonly #planned: PlannedEntry[] = [];
  readonly #keys = new KernelKeys();
  readonly #tables = new Map<Node, number>();
  readonly #inputs = new Map<string, number>();
  /** Buffers of lasting tensors, by number. */
  readonly #lasting: number[] = [];
  readonly #states = new Map<string, number>();
  readonly #hypers = new Map<string, number>();
  readonly #outputs: number[] = [];
  readonly #metrics: number[] = [];
  readonly #gradients = new Map<number, number>();
  readonly #probes: number[] = [];
  /** Temporaries that are not to be kept for late readers. */
  readonly #unkept = new Set<number>();
  /** Temporaries that these are made of. */
  readonly #kept = new Set<number>();
  #step = -1;
  #loss = -1;

  /** Whether memory is dearer than operations. */
  readonly #sparing: boolean;

  constructor(model: Model, sparing: boolean) {
    this.#model = model;
    this.#sparing = sparing;
    this.#build = new Build(model.graph);
  }

  program(options: FullOptions): KernelProgram {
    this.#persistent();
    const { roots, optimizer, persistent } = this.#model;
    this.#plan({ name: "initialize", roots: this.#starts() });
    this.#plan({ name: "predict", roots: roots.outputs.map(({ node }, i) => root(node, this.#outputs[i]!)) });
    if (roots.loss !== null || roots.metrics.length > 0) {
      const loss = roots.loss === null ? [] : [root(roots.loss, this.#loss)];
      const metrics = roots.metrics.map(({ node }, i) => root(node, this.#metrics[i]!));
      this.#plan({ name: "evaluate", roots: [...loss, ...metrics] });
    }
    const loss = roots.trainingLoss === null ? [] : [root(roots.trainingLoss, this.#loss)];
    /** The entry that makes the step too. */
    const step = (name: EntryName, also: readonly Root[] = []): Wanted[] =>
      optimizer === null ? [] : [{ name, roots: [...loss, ...this.#updates(), ...also] }];
    if (roots.trainingLoss !== null) {
      const gradients = persistent.flatMap(({ gradient }, i) =>
        gradient === null ? [] : [root(gradient, this.#gradients.get(i)!)],
      );
      this.#plan({ name: "gradients", roots: [...loss, ...gradients] }, ...step("step"));
    }
    if (roots.probes.length > 0) {
      const figures = roots.probes.map(({ node }, i) => root(node, this.#probes[i]!));
      this.#plan({ name: "probe", roots: [...loss, ...figures] }, ...step("probed_step", figures));
    }
    // Fused or not, sums are added in one order.
    const target: Target =
      options.elementBytes === 8
        ? { bytes: 8, lanes: 2, fused: false }
        : { bytes: 4, lanes: 4, fused: false };
    return this.#finish(shareKernels(this.#planned, target, options.shapes ?? SHAPES), options);
  }

  #buffer(name: string, shape: Shape, role: Buffer["role"]): number {
    const size = elements(shape);
    if (size === null) throw new CompilerFault(`${name} would hold N·N entries`);
    this.#buffers.push({ id: this.#buffers.length, name, size, role });
    return this.#buffers.length - 1;
  }

  #persistent(): void {
    const { inputs, persistent, optimizer, roots } = this.#model;
    for (const { name, shape } of inputs) {
      const free = shape.findIndex(isFree);
      const runs = shape.slice(0, Math.max(0, free)).reduce((all, size) => all * countOf(size), 1);
      this.#inputs.set(name, this.#buffer(name, shape, { kind: "input", name, runs }));
    }
    for (const [index, tensor] of persistent.entries()) {
      this.#lasting.push(this.#buffer(tensor.path, tensor.shape, roleOf(tensor, index)));
      if (tensor.kind === "state") {
        this.#states.set(`${tensor.parameter}.${tensor.name}`, this.#lasting[index]!);
      }
    }
    for (const { name } of optimizer?.hyper ?? []) {
      this.#hypers.set(name, this.#buffer(name, [], { kind: "hyper", name }));
    }
    this.#step = this.#buffer("step", [], { kind: "step" });
    if (roots.loss !== null || roots.trainingLoss !== null)
      this.#loss = this.#buffer("loss", [], { kind: "loss" });
    for (const { name, node } of roots.outputs) {
      this.#outputs.push(this.#buffer(name, node.shape, { kind: "output", name }));
    }
    for (const { name } of roots.metrics)
      this.#metrics.push(this.#buffer(name, [], { kind: "metric", name }));
    for (const [index, { path, shape, gradient }] of persistent.entries()) {
      if (gradient === null) continue;
      this.#gradients.set(index, this.#buffer(`d_${path}`, shape, { kind: "gradient", index }));
    }
    for (const [index, probe] of roots.probes.entries()) {
      this.#probes.push(
        this.#buffer(probeName(this.#model, probe), probe.node.shape, { kind: "probe", index }),
      );
    }
  }

  #starts(): Root[] {
    const { persistent, optimizer } = this.#model;
    return [
      ...persistent.flatMap(({ start }, i) => (start === null ? [] : [root(start, this.#lasting[i]!)])),
      ...(optimizer?.hyper ?? []).map(({ name, value }) =>
        root(this.#build.constant(value), this.#hypers.get(name)!),
      ),
      root(this.#build.constant(0), this.#step),
    ];
  }

  #updates(): Root[] {
    const updates = this.#model.persistent.flatMap((tensor, i) => {
      const { kind, update } = tensor;
      const buffer = this.#lasting[i]!;
      if (update === null || (update.op !== "constant" && this.#sourceOrNull(update) === buffer)) return [];
      const of = kind === "state" ? tensor.parameter : i;
      return this.#writes(update, buffer, tensor.shape).map((root) => ({ ...root, of, kind }));
    });
    // Of each parameter the states first.
    const rank = ({ of, kind }: (typeof updates)[number]): number => 2 * of + (kind === "state" ? 0 : 1);
    return updates.toSorted((a, b) => rank(a) - rank(b));
  }

  /** A new value, in place of the old one or added to rows of it. */
  #writes(update: Node, buffer: number, table: Shape): Root[] {
    const isOld = (node: Node): boolean => node.op === "parameter" && this.#sourceOrNull(node) === buffer;
    const rows = rowUpdates(this.#build, update, isOld);
    if (rows === null) return [{ node: update, buffer, inPlace: true }];
    return rows.map(({ rows: node, ids, gradient }) => ({
      node,
      buffer,
      inPlace: true,
      adds: { ids, table, first: baseOf(gradient) },
    }));
  }

  #sourceOf(node: Node): number {
    const buffer = this.#sourceOrNull(node);
    if (buffer === null) throw new CompilerFault(`${node.op} ${nodeName(node)} is not in the model's tables`);
    return buffer;
  }

  #sourceOrNull(node: Node): number | null {
    switch (node.op) {
      case "input":
        return this.#inputs.get(node.attributes.name) ?? null;
      case "parameter":
        return this.#lasting[node.attributes.index] ?? null;
      case "state":
        return this.#states.get(`${node.attributes.parameter}.${node.attributes.name}`) ?? null;
      case "hyper":
        return this.#hypers.get(node.attributes.name) ?? null;
      case "step":
        return this.#step;
      case "table": {
        const known = this.#tables.get(node);
        if (known !== undefined) return known;
        const { values } = node.attributes;
        const made = this.#buffer(node.origin.name ?? "table", node.shape, { kind: "table", values });
        this.#tables.set(node, made);
        return made;
      }
      default:
        return null;
    }
  }

  /** Plans entries that need much alike, the last the one whose speed counts most. */
  #plan(...entries: readonly Wanted[]): void {
    const { graph, persistent } = this.#model;
    const preferred = new Map<Node, number>();
    if (entries.some(({ name }) => isStep(name))) {
      // Gradients that are stored at all go where `gradients` leaves them.
      for (const [index, { gradient }] of persistent.entries()) {
        const base = gradient === null ? null : behindReshapes(gradient);
        if (base !== null && !preferred.has(base)) preferred.set(base, this.#gradients.get(index)!);
      }
    }
    const drafts = new Drafts((node) => this.#sourceOf(node), preferred);
    const wanted = entries.map(({ roots }) => roots);
    const fused = fuse(graph, wanted, drafts, this.#sparing);
    for (const [i, { name }] of entries.entries()) this.#entry(name, fused[i]!, drafts);
  }

  #entry(name: EntryName, fused: readonly Task[], drafts: Drafts): void {
    const tasks = orderTasks(fused, drafts.sizeOf, this.#sparing);
    const own = this.#temporaries(tasks, drafts);
    const { unkept } = this.#model;
    if (unkept.length > 0) {
      const stored = new Map(Array.from(own, ([draft, buffer]) => [drafts.find(draft)!.node, buffer]));
      const { dropped, kept } = unkeptIn(unkept, stored);
      for (const buffer of dropped) this.#unkept.add(buffer);
      for (const buffer of kept) this.#kept.add(buffer);
    }
    const calls: PlannedCall[] = [];
    const loops: Repeat[] = [];
    const add = (task: Task): void => {
      if (task.kind === "kernel") {
        calls.push(this.#shape(name, task, own));
        return;
      }
      const [at, first] = [loops.length, calls.length];
      for (const inside of task.tasks) add(inside);
      // One in which nothing is left to do is none.
      if (calls.length > first) loops.splice(at, 0, { loop: task.loop, first, last: calls.length - 1 });
    };
    if (isStep(name) || (name === "probe" && this.#model.optimizer !== null)) {
      // The step being made, or probed, has its number before anything reads it.
      for (const task of this.#nextStep()) calls.push({ ...this.#shape(name, task, own), name: "next_step" });
    }
    for (const task of tasks) add(task);
    this.#planned.push({ name, calls, loops });
  }

  #nextStep(): KernelTask[] {
    const { graph } = this.#model;
    const node = this.#build.add(graph.make("step", [], {}), 1);
    const drafts = new Drafts((source) => this.#sourceOf(source));
    return fuse(graph, [[{ node, buffer: this.#step, inPlace: true }]], drafts, true)
      .flat()
      .flatMap(kernelsOf);
  }

  /** An entry's buffers for the drafts that it writes, with names in the order in which it does. */
  #temporaries(tasks: readonly Task[], drafts: Drafts): ReadonlyMap<number, number> {
    const unique = new Unique();
    const names = new Map<number, string>();
    for (const { buffer } of tasks.flatMap(writtenBy)) {
      const held = drafts.find(buffer);
      if (held !== undefined && !names.has(buffer)) names.set(buffer, unique.take(nodeName(held.node)));
    }
    // The first draft has the largest number.
    const written = [...names].toSorted(([a], [b]) => b - a);
    return new Map(
      written.map(([draft, name]) => [
        draft,
        this.#buffer(name, drafts.find(draft)!.shape, { kind: "temporary", because: "" }),
      ]),
    );
  }

  /** @param own the entry's buffers for drafts */
  #shape(entry: EntryName, task: KernelTask, own: ReadonlyMap<number, number>): PlannedCall {
    const bufferOf = (draft: number): number => own.get(draft) ?? draft;
    // A strip is called by its own name, not that of all of them.
    const destinations = task.body.writes.map(({ item: { node }, region: { buffer, whole } }): Buffer => {
      const found = this.#buffers[bufferOf(buffer)]!;
      return whole === null ? found : { ...found, name: nodeName(node) };
    });
    const owners = new Set(destinations.map(({ role }) => ownerOf(role)));
    // An update that shares its kernel speaks of `param` and `grad`, as its definition does.
    const updates = destinations.some(({ role }) => role.kind === "parameter" || role.kind === "state");
    const general = isStep(entry) && updates && owners.size === 1;
    const label = (draft: number): string => {
      const { name, role } = this.#buffers[bufferOf(draft)]!;
      return identifier((general ? generalName(role) : null) ?? name);
    };
    const { kernel, ...shaped } = shapeLoops(task.group, task.body, label);
    const addresses = shaped.addresses.map((a) => ({ ...a, buffer: bufferOf(a.buffer) }));
    const sized = forAnySize(kernel, (operand) => {
      const { kind } = this.#buffers[addresses[operand]!.buffer]!.role;
      return kind === "hyper" || kind === "step";
    });
    const anySize = sized === null ? null : { ...this.#keys.of(sized.kernel), rows: sized.rows };
    const name = kernelName(entry, destinations, this.#model, kernel.kind);
    return { shaped: { ...shaped, addresses }, own: this.#keys.of(kernel), anySize, name };
  }

  /** Leaves out temporaries that nothing touches, and says of the others what they are kept for. */
  #finish(shared: Pick<KernelProgram, "kernels" | "entries">, options: FullOptions): KernelProgram {
    const { kernels } = shared;
    const readers = namesOfReaders(shared.entries, kernels);
    const touched = new Set(shared.entries.flatMap(({ calls }) => calls.flatMap(buffersOf)));
    const renumbered = new Map<number, number>();
    const buffers: Buffer[] = [];
    for (const buffer of this.#buffers) {
      const passing = buffer.role.kind === "temporary" || buffer.role.kind === "table";
      if (passing && !touched.has(buffer.id)) continue;
      const id = buffers.length;
      renumbered.set(buffer.id, id);
      const because = `read by ${[...(readers.get(buffer.id) ?? [])].join(", ")}`;
      const role = buffer.role.kind === "temporary" ? { kind: buffer.role.kind, because } : buffer.role;
      buffers.push({ ...buffer, id, role });
    }
    const entries = shared.entries.map((entry) => ({
      ...entry,
      calls: entry.calls.map((call) => ({
        ...call,
        addresses: call.addresses.map((a) => ({ ...a, buffer: renumbered.get(a.buffer)! })),
      })),
    }));
    const renumber = (ids: ReadonlySet<number>): Set<number> =>
      new Set([...ids].flatMap((id) => renumbered.get(id) ?? []));
    const [dropped, kept] = [renumber(this.#unkept), renumber(this.#kept)];
    return recompute({ kernels, buffers, entries }, { ...options, dropped, kept });
  }
}

function roleOf(tensor: Persistent, index: number): Buffer["role"] {
  switch (tensor.kind) {
    case "parameter":
    case "frozen":
      return { kind: "parameter", index };
    case "layer-state":
      return { kind: tensor.kind, index };
    case "state":
      return { kind: "state", parameter: tensor.parameter, name: tensor.name };
    default:
      return tensor satisfies never;
  }
}

const root = (node: Node, buffer: number): Root => ({ node, buffer, inPlace: false });
