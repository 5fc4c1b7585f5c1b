import { Arena, type ModuleExports } from "./arena.ts";
import { courseOf } from "./course.ts";
import { refuse, refuseFor, refuseName } from "./errors.ts";
import { entries, extentOf, shapeOf } from "./extent.ts";
import { Feed, isList } from "./feed.ts";
import { fit } from "./fit.ts";
import { hyperOf } from "./hyper.ts";
import type { Manifest, ManifestPlace } from "./manifest.ts";
import { hyperText, textsOf } from "./metadata.ts";
import { checkSeed, whole } from "./options.ts";
import type * as probing from "./probe.ts";
import { orderOf, type Rows } from "./rows.ts";
import { writeSafetensors } from "./safetensors.ts";
import type { Trainee } from "./trainee.ts";
import type { Bytes, FitOptions, FitReport, LayerProbe, Net, Tensor } from "./types.ts";
import { readWeights, type Weights } from "./weights.ts";

export type Probing = typeof probing;
type Values = Readonly<Record<string, unknown>>;
type Floats = Float32Array | Float64Array;

const feedsOf = ({ inputs }: Manifest, arena: Arena): Feed[] =>
  inputs.map((input) => new Feed(input.role, input.name, input, arena));

/** Of numbers that are alone, such as metrics. */
const SCALAR = extentOf([1]);

/** A module in memory. The types that users see are those of `Net`. */
export class LoadedNet implements Net {
  readonly manifest: Manifest;
  readonly threads: Net["threads"];
  readonly hyper: Record<string, number>;
  readonly #inputs: readonly Feed[];
  readonly #inputNames: ReadonlySet<string>;
  readonly #outputs: ReadonlyMap<string, Feed>;
  /** Parameters, then states of layers, then those of the optimizer, by their names in files. */
  readonly #kept = new Map<string, Feed>();
  /** Arguments of the optimizer as they were given, before rounding to the module's format. */
  readonly #given: Record<string, number>;
  readonly #hash: string;
  readonly #stop: () => void;
  readonly #probing: Probing | undefined;
  /** Null once disposed. */
  #memory: Arena | null;
  #fitting = false;
  /** How often inputs have been read. */
  #reads = 0;

  constructor(
    exports: ModuleExports,
    manifest: Manifest,
    seed: number,
    { threads, stop }: { readonly threads: Net["threads"]; readonly stop: () => void },
    /** For a module with probes. */
    probing: Probing | undefined,
  ) {
    const { optimizer } = manifest;
    this.manifest = manifest;
    this.threads = threads;
    this.#stop = stop;
    const arena = (this.#memory = new Arena(exports, manifest));
    this.#inputs = feedsOf(manifest, arena);
    this.#inputNames = new Set(manifest.inputs.map(({ name }) => name));
    this.#outputs = new Map(
      manifest.outputs.map((output) => [output.name, new Feed("output", output.name, output, arena)]),
    );
    for (const parameter of manifest.parameters) {
      const { path, gradient } = parameter;
      const feed = new Feed("parameter", path, parameter, arena);
      if (gradient) arena.checked(path, gradient, feed.extent);
      this.#kept.set(path, feed);
    }
    for (const state of manifest.states) {
      this.#kept.set(state.path, new Feed("state", state.path, state, arena));
    }
    for (const { name, parameter, place } of optimizer?.states ?? []) {
      const path = `optimizer.${name}.${parameter}`;
      const shape = this.#feedOf(parameter).extent.sizes;
      this.#kept.set(path, new Feed("state", path, { shape, place }, arena));
    }
    for (const { name, place } of manifest.metrics) arena.checked(name, place, SCALAR);
    this.#probing = probing;
    probing?.checkProbes(manifest.probes ?? [], arena);
    const places = Object.entries(optimizer?.places ?? {});
    for (const [name, place] of places) arena.checked(name, place, SCALAR);
    // Eight bytes, in either format.
    arena.checked("step", manifest.step, extentOf([manifest.dtype === "f64" ? 1 : 2]));
    this.#hash = manifest.source.hash;
    this.#given = Object.seal(Object.fromEntries(places.map(([name]) => [name, NaN])));
    this.hyper = hyperOf(() => this.#arena, manifest, new Map(places), this.#given);
    this.reset(seed);
  }

  get #arena(): Arena {
    if (this.#memory) return this.#memory;
    return refuse("disposed", `This ${this.manifest.model} has been disposed of; load it again.`);
  }

  get seed(): number {
    return this.#arena.exports.seed.value >>> 0;
  }

  get steps(): number {
    const arena = this.#arena;
    return arena.doubles[arena.double(this.manifest.step)]!;
  }

  // ------------------------------------------------------------------------------------------------ running

  predict(inputs?: Values): Record<string, Tensor>;
  predict<I extends Readonly<Record<string, Floats | undefined>>>(inputs: Values, into: I): I;
  predict(inputs: Values = {}, into?: Readonly<Record<string, Floats | undefined>>): unknown {
    const rows = this.#feed(inputs, false);
    if (into) this.#aim(into, rows);
    const arena = this.#arena;
    arena.exports.predict(rows);
    if (!into) return this.#copies(rows);
    const { outputs } = this.manifest;
    for (let i = 0; i < outputs.length; i++)
      this.#outputs.get(outputs[i]!.name)!.pour(arena, rows, this.#reads);
    return into;
  }

  loss(examples: Values = {}): number {
    return this.#entry("evaluate", "loss")(this.#feed(examples, true));
  }

  evaluate(examples: Values = {}): { loss: number; metrics: Record<string, number> } {
    const { loss: has, metrics } = this.manifest;
    // A model may have metrics alone.
    const loss = this.#entry("evaluate", "loss", true)(this.#feed(examples, true));
    return {
      loss: has ? loss : NaN,
      metrics: Object.fromEntries(metrics.map(({ name, place }) => [name, this.#arena.scalar(place)])),
    };
  }

  gradients(examples: Values = {}): { loss: number; gradients: Record<string, Tensor> } {
    const loss = this.#entry("gradients", "loss")(this.#feed(examples, true));
    const gradients = this.manifest.parameters.flatMap(({ path, gradient }) =>
      gradient ? [[path, this.#copy(this.#feedOf(path), gradient, 1)] as const] : [],
    );
    return { loss, gradients: Object.fromEntries(gradients) };
  }

  step(examples: Values = {}): number {
    return this.#entry("step", "optimizer")(this.#feed(examples, true));
  }

  probe(examples: Values = {}): { layers: LayerProbe[] } {
    this.#probes();
    const { exports } = this.#arena;
    exports.probe?.(this.#feed(examples, !!exports.gradients));
    return { layers: this.#probes() };
  }

  async fit(examples: Values = {}, options: FitOptions = {}): Promise<FitReport> {
    this.#entry("step", "optimizer");
    if (this.#fitting) refuse("busy", "This net is already training; await the first `fit`.");
    const arena = (): Arena => this.#arena;
    // Of their own, so that `step` and `predict` may be called from `onStep`.
    const feeds = (): Feed[] => feedsOf(this.manifest, arena());
    const take = (values: object): Rows => {
      const taken = feeds();
      // Names are looked up as those of a call's arguments are.
      return { feeds: taken, total: this.#take(taken, values as Values, true) };
    };
    const rows = take(examples);
    this.#fitting = true;
    try {
      const course: Trainee["course"] = (taken, how) => courseOf(arena, taken, how);
      const { joinProbes } = this.#probing ?? {};
      const probes = (): LayerProbe[] => this.#probes();
      const checkWeights: Trainee["checkWeights"] = (bytes) => void this.#read(bytes);
      const own = { net: this, arena, feeds, take, checkWeights, course, probes, joinProbes };
      return await fit(own, rows, options);
    } finally {
      this.#fitting = false;
    }
  }

  order(rows: number, epoch: number, seed: number = this.seed): Uint32Array {
    if (this.#fitting) refuse("busy", "This net is being trained.");
    return orderOf(
      this.#arena,
      whole("rows", rows, 1, 2 ** 32 - 1),
      checkSeed(seed),
      whole("epoch", epoch, 0),
    );
  }

  // ------------------------------------------------------------------------------------------------- memory

  get(path: string): Tensor {
    const feed = this.#feedOf(path);
    return this.#copy(feed, feed.place, 1);
  }

  set(path: string, data: unknown): void {
    const feed = this.#feedOf(path);
    feed.take(data, this.#arena);
    feed.settle();
    // The caller's code may have run meanwhile, and made the memory grow.
    feed.write(this.#arena);
    feed.clear();
  }

  view(path: string): Floats {
    const { place, extent } = this.#feedOf(path);
    const index = this.#arena.index(place);
    return this.#arena.floats.subarray(index, index + entries(extent, 1));
  }

  save(metadata: Readonly<Record<string, string>> = {}): Bytes {
    const { model, optimizer } = this.manifest;
    const own = textsOf(metadata);
    const tensors = Array.from(
      this.#kept,
      ([name, feed]) => [name, this.#copy(feed, feed.place, 1)] as const,
    );
    return writeSafetensors(tensors, {
      ...own,
      // What libraries of PyTorch's kind look for.
      format: "pt",
      model,
      source: this.#hash,
      seed: String(this.seed),
      step: String(this.steps),
      ...(optimizer && { optimizer: optimizer.name, hyper: hyperText(this.hyper) }),
    });
  }

  restore(bytes: ArrayBuffer | ArrayBufferView): void {
    const arena = this.#arena;
    const { feeds, seed, step, hyper } = this.#read(bytes);
    // From here on nothing can fail.
    this.reset(seed);
    for (const feed of feeds) {
      feed.write(arena);
      feed.clear();
    }
    arena.doubles[arena.double(this.manifest.step)] = step;
    Object.assign(this.hyper, hyper);
  }

  reset(seed: number = this.seed): void {
    this.#arena.exports.initialize(checkSeed(seed));
    const { optimizer } = this.manifest;
    for (const name in optimizer?.places) this.#given[name] = optimizer.hyper[name] ?? NaN;
  }

  dispose(): void {
    this.#stop();
    this.#memory = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // ------------------------------------------------------------------------------------------------- inside

  /** Checks all inputs, makes room, writes them. @returns the rows */
  #feed(values: Values, targets: boolean): number {
    const rows = this.#take(this.#inputs, values, targets);
    const reads = this.#reads;
    this.#arena.reserve(rows);
    for (const feed of this.#inputs) {
      if (feed.target && !targets) continue;
      feed.write(this.#arena);
      feed.clear();
      this.#refuseNested(reads);
    }
    return rows;
  }

  /** Reads all inputs, and checks them. @returns the rows, on which they must agree */
  #take(feeds: readonly Feed[], values: Values, targets: boolean): number {
    const reads = ++this.#reads;
    let rows = 1;
    try {
      if (typeof values !== "object" || values === null || isList(values)) {
        refuse("wrong-type", `Inputs are given by name, as in { ${[...this.#inputNames].join(", ")} }.`);
      }
      for (const name in values) {
        if (!this.#inputNames.has(name)) refuseName("unknown-input", "input", name, this.#inputNames);
      }
      let leader: Feed | undefined;
      for (const feed of feeds) {
        const { name, extent, target } = feed;
        if (target && !targets) continue;
        const value = Object.hasOwn(values, name) ? values[name] : undefined;
        if (value === undefined) {
          refuse("missing-input", `${target ? "Target" : "Input"} \`${name}\` is missing.`);
        }
        const given = feed.take(value, this.#arena);
        if (!extent.free) continue;
        if (given === 0) refuse("empty-batch", `\`${name}\` has no rows.`);
        if (leader && given !== rows) {
          refuse(
            "batch-mismatch",
            `\`${leader.name}\` has ${rows} rows and \`${name}\` has ${given}; they must have as many.`,
          );
        }
        rows = given;
        leader = feed;
      }
    } catch (cause) {
      refuseFor(cause, "wrong-type", "`inputs`");
    }
    this.#refuseNested(reads);
    for (const feed of feeds) if (targets || !feed.target) feed.check();
    return rows;
  }

  /** Getters among a call's arguments may call this net. @throws `busy`, `disposed` */
  #refuseNested(reads: number): void {
    void this.#arena;
    if (reads !== this.#reads)
      refuse("busy", "This net was called while it was reading another call's arguments.");
  }

  /** @throws `bad-weights` */
  #read(bytes: ArrayBuffer | ArrayBufferView): Weights {
    return readWeights(bytes, this, this.#arena, this.#kept);
  }

  /** The figures that the last call has left. @throws `no-probes` */
  #probes(): LayerProbe[] {
    const arena = this.#arena;
    const { model, probes } = this.manifest;
    if (!probes || !this.#probing)
      return refuse("no-probes", `${model} has no probes; compile it with --probe.`);
    return this.#probing.readProbes(probes, arena);
  }

  #feedOf(path: string): Feed {
    return this.#kept.get(path) ?? refuseName("unknown-parameter", "parameter", path, this.#kept.keys());
  }

  // Not in `predict`, which would allocate what the function in here reads.
  #copies(rows: number): Record<string, Tensor> {
    return Object.fromEntries(
      Array.from(this.#outputs, ([name, feed]) => [name, this.#copy(feed, feed.place, rows)]),
    );
  }

  #copy(feed: Feed, place: ManifestPlace, rows: number): Tensor {
    const { floats } = this.#arena;
    const index = this.#arena.index(place);
    return {
      data: floats.slice(index, index + entries(feed.extent, rows)),
      shape: shapeOf(feed.extent, rows),
    };
  }

  /** Notes where outputs are to be written. Each array is asked for once. */
  #aim(into: Readonly<Record<string, unknown>>, rows: number): void {
    const reads = this.#reads;
    try {
      if (typeof into !== "object") refuse("wrong-type", "`into` must be an object.");
      for (const name in into) {
        const feed = this.#outputs.get(name);
        if (!feed) return refuseName("unknown-output", "output", name, this.#outputs.keys());
        const to = into[name];
        if (!(to instanceof Float32Array || to instanceof Float64Array)) {
          return refuse(
            "wrong-type",
            `Output \`${name}\` can be written only to a Float32Array or a Float64Array.`,
          );
        }
        const count = entries(feed.extent, rows);
        if (to.length < count) {
          refuse(
            "wrong-size",
            `Output \`${name}\` has ${count} numbers; the array has room for ${to.length}.`,
          );
        }
        feed.aim(to, reads);
      }
    } catch (cause) {
      refuseFor(cause, "wrong-type", "`into`");
    }
    this.#refuseNested(reads);
  }

  /**
   * An export for which the model must have a loss or an optimizer. @throws `no-loss`,
   * `no-optimizer`
   */
  #entry<W extends "loss" | "optimizer">(
    name: "evaluate" | "gradients" | "step",
    needs: W,
    has: unknown = this.manifest[needs],
  ): (rows: number) => number {
    const run = this.#arena.exports[name];
    return run && has ? run : refuse(`no-${needs}`, `${this.manifest.model} has no \`${needs}\`.`);
  }
}
