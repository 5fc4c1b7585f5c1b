import { Arena, type ModuleExports } from "./arena.ts";
import { courseOf } from "./course.ts";
import { NndslError } from "./errors.ts";
import { entries, shapeOf } from "./extent.ts";
import { Feed } from "./feed.ts";
import { checkSeed, fit } from "./fit.ts";
import type { Manifest, ManifestPlace } from "./manifest.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "./safetensors.ts";
import type { FitOptions, FitReport, Net, Tensor } from "./types.ts";

type Values = Readonly<Record<string, unknown>>;
type Floats = Float32Array | Float64Array;

/** A tensor of the module: the door to it and where it lies. */
interface Slot {
  readonly feed: Feed;
  readonly place: ManifestPlace;
}

interface InputSlot extends Slot {
  readonly target: boolean;
}

interface ParameterSlot extends Slot {
  readonly gradient: ManifestPlace | null;
  readonly frozen: boolean;
}

const list = (names: Iterable<string>): string =>
  [...names].map((name) => `\`${name}\``).join(", ") || "none";

/** Numbers that JSON cannot write. */
const UNWRITABLE: ReadonlySet<unknown> = new Set(["-0", "Infinity", "-Infinity", "NaN"]);

const hyperText = (hyper: Readonly<Record<string, number>>): string =>
  JSON.stringify(hyper, (_, value: unknown) =>
    Object.is(value, -0) ? "-0" : typeof value !== "number" || Number.isFinite(value) ? value : String(value),
  );

const inputSlots = ({ inputs, dtype }: Manifest): InputSlot[] =>
  inputs.map((input) => ({
    feed: new Feed(input.role, input, dtype),
    place: input.place,
    target: input.role === "target",
  }));

/** A module in memory. The types that users see are those of `Net`. */
export class LoadedNet implements Net {
  readonly manifest: Manifest;
  readonly threads: Net["threads"];
  readonly hyper: Record<string, number>;
  readonly #inputs: readonly InputSlot[];
  readonly #inputNames: ReadonlySet<string>;
  readonly #outputs = new Map<string, Slot>();
  readonly #parameters = new Map<string, ParameterSlot>();
  /** States of the optimiser, by their names in files. */
  readonly #states = new Map<string, Slot>();
  /** Arguments of the optimiser as they were given, before rounding to the module's format. */
  readonly #given = new Map<string, number>();
  readonly #stop: () => void;
  /** Null once disposed. */
  #memory: Arena | null;
  #fitting = false;

  constructor(
    exports: ModuleExports,
    manifest: Manifest,
    seed: number,
    { threads, stop }: { readonly threads: Net["threads"]; readonly stop: () => void },
  ) {
    const { dtype, optimizer } = manifest;
    this.manifest = manifest;
    this.threads = threads;
    this.#stop = stop;
    this.#memory = new Arena(exports, manifest);
    this.#inputs = inputSlots(manifest);
    this.#inputNames = new Set(manifest.inputs.map(({ name }) => name));
    for (const { name, shape, place } of manifest.outputs) {
      this.#outputs.set(name, { feed: new Feed("output", { name, shape, dtype: "float" }, dtype), place });
    }
    for (const { path, shape, ...rest } of manifest.parameters) {
      const feed = new Feed("parameter", { name: path, shape, dtype: "float" }, dtype);
      this.#parameters.set(path, { feed, ...rest });
    }
    const shapes = new Map(manifest.parameters.map(({ path, shape }) => [path, shape]));
    for (const { name, parameter, place } of optimizer?.states ?? []) {
      const shape = shapes.get(parameter) ?? [];
      const path = `optimizer.${name}.${parameter}`;
      this.#states.set(path, {
        feed: new Feed("state", { name: path, shape, dtype: "float" }, dtype),
        place,
      });
    }
    this.hyper = this.#hyperAccess();
    this.reset(seed);
  }

  get #arena(): Arena {
    if (this.#memory) return this.#memory;
    throw new NndslError("disposed", `This ${this.manifest.model} has been disposed of; load it again.`);
  }

  get seed(): number {
    return this.#arena.exports.seed.value >>> 0;
  }

  get steps(): number {
    const arena = this.#arena;
    return arena.doubles[arena.double(this.manifest.step)] ?? NaN;
  }

  // ------------------------------------------------------------------------------------------------ running

  predict(inputs?: Values): Record<string, Tensor>;
  predict<I extends Readonly<Record<string, Floats | undefined>>>(inputs: Values, into: I): I;
  predict(inputs: Values = {}, into?: Readonly<Record<string, Floats | undefined>>): unknown {
    const arena = this.#arena;
    const rows = this.#feed(inputs, false);
    for (const name in into) this.#checkRoom(name, into[name], rows);
    arena.exports.predict(rows);
    if (!into) {
      const outputs: Record<string, Tensor> = {};
      for (const [name, { feed, place }] of this.#outputs) outputs[name] = this.#copy(feed, place, rows);
      return outputs;
    }
    const { floats } = arena;
    for (const name in into) {
      const slot = this.#outputs.get(name);
      const to = into[name];
      if (!slot || !to) continue;
      const from = arena.index(slot.place);
      const count = entries(slot.feed.extent, rows);
      for (let i = 0; i < count; i++) to[i] = floats[from + i] ?? NaN;
    }
    return into;
  }

  loss(examples: Values = {}): number {
    const { evaluate } = this.#arena.exports;
    if (!this.manifest.loss || !evaluate) return this.#noLoss();
    return evaluate(this.#feed(examples, true));
  }

  evaluate(examples: Values = {}): { loss: number; metrics: Record<string, number> } {
    const { evaluate } = this.#arena.exports;
    if (!evaluate) return this.#noLoss();
    const loss = evaluate(this.#feed(examples, true));
    const metrics: Record<string, number> = {};
    for (const { name, place } of this.manifest.metrics) metrics[name] = this.#scalar(place);
    return { loss: this.manifest.loss ? loss : NaN, metrics };
  }

  gradients(examples: Values = {}): { loss: number; gradients: Record<string, Tensor> } {
    const run = this.#arena.exports.gradients;
    if (!this.manifest.loss || !run) return this.#noLoss();
    const loss = run(this.#feed(examples, true));
    const gradients: Record<string, Tensor> = {};
    for (const [path, { feed, gradient }] of this.#parameters) {
      if (gradient) gradients[path] = this.#copy(feed, gradient, 1);
    }
    return { loss, gradients };
  }

  step(examples: Values = {}): number {
    const { step } = this.#arena.exports;
    if (!this.manifest.optimizer || !step) return this.#noOptimizer();
    return step(this.#feed(examples, true));
  }

  async fit(examples: Values = {}, options: FitOptions = {}): Promise<FitReport> {
    if (!this.manifest.optimizer || !this.#arena.exports.step) return this.#noOptimizer();
    if (this.#fitting) {
      throw new NndslError(
        "busy",
        "This net is being trained already; await the first `fit` before the next.",
      );
    }
    // Feeds of its own, so that `step` and `predict` may be called from `onStep`.
    const slots = inputSlots(this.manifest);
    const total = this.#take(slots, examples, true);
    this.#fitting = true;
    try {
      return await fit(
        {
          total,
          seed: this.seed,
          steps: () => this.steps,
          course: (plan) => courseOf(() => this.#arena, slots, plan),
        },
        options,
      );
    } finally {
      this.#fitting = false;
    }
  }

  // ------------------------------------------------------------------------------------------------- memory

  get(path: string): Tensor {
    const { feed, place } = this.#parameter(path);
    return this.#copy(feed, place, 1);
  }

  set(path: string, data: unknown): void {
    const { feed, place } = this.#parameter(path);
    const arena = this.#arena;
    feed.take(data, arena);
    feed.write(arena, arena.index(place));
    feed.clear();
  }

  view(path: string): Floats {
    const { feed, place } = this.#parameter(path);
    const arena = this.#arena;
    const index = arena.index(place);
    return arena.floats.subarray(index, index + entries(feed.extent, 1));
  }

  save(metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
    const { model, source, optimizer } = this.manifest;
    const tensors: [string, Tensor][] = [];
    for (const [name, { feed, place }] of [...this.#parameters, ...this.#states]) {
      tensors.push([name, this.#copy(feed, place, 1)]);
    }
    return writeSafetensors(tensors, {
      ...metadata,
      // What libraries of PyTorch's kind look for.
      format: "pt",
      model,
      source: source.hash,
      seed: String(this.seed),
      step: String(this.steps),
      ...(optimizer && { optimizer: optimizer.name, hyper: hyperText(this.hyper) }),
    });
  }

  restore(bytes: ArrayBuffer | ArrayBufferView): void {
    const arena = this.#arena;
    const { tensors, metadata } = readSafetensors(bytes);
    const { optimizer, model } = this.manifest;
    // The state of another optimiser is of no use to this one.
    const resumes = optimizer !== null && metadata["optimizer"] === optimizer.name;

    const slots: Slot[] = [];
    for (const [path, slot] of this.#parameters) {
      const kept = slot.frozen && !tensors.has(path);
      slots.push(this.#match(slot, kept ? new Map([[path, this.get(path)]]) : tensors));
    }
    if (resumes) for (const slot of this.#states.values()) slots.push(this.#match(slot, tensors));
    for (const name of tensors.keys()) {
      if (this.#parameters.has(name) || name.startsWith("optimizer.")) continue;
      throw new NndslError(
        "bad-weights",
        `The file holds \`${name}\`, which ${model} has not; its parameters: ${list(this.#parameters.keys())}.`,
      );
    }
    const seed = resumes ? this.#number("seed", metadata["seed"], 2 ** 32 - 1) : this.seed;
    const step = resumes ? this.#number("step", metadata["step"], Number.MAX_SAFE_INTEGER) : 0;
    const hyper = resumes ? this.#savedHyper(metadata["hyper"]) : { ...this.hyper };

    // From here on nothing can fail.
    this.reset(seed);
    for (const { feed, place } of slots) {
      feed.write(arena, arena.index(place));
      feed.clear();
    }
    arena.doubles[arena.double(this.manifest.step)] = step;
    Object.assign(this.hyper, hyper);
  }

  reset(seed: number = this.seed): void {
    this.#arena.exports.initialize(checkSeed(seed));
    for (const [name, value] of Object.entries(this.manifest.optimizer?.hyper ?? {}))
      this.#given.set(name, value);
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
    const arena = this.#arena;
    const rows = this.#take(this.#inputs, values, targets);
    arena.reserve(rows);
    for (const { feed, place, target } of this.#inputs) {
      if (target && !targets) continue;
      feed.write(arena, arena.index(place));
      feed.clear();
    }
    return rows;
  }

  /** Checks all inputs. @returns the rows, on which they must agree */
  #take(slots: readonly InputSlot[], values: Values, targets: boolean): number {
    if (typeof values !== "object" || values === null) {
      throw new NndslError(
        "wrong-type",
        `Inputs are given by name, as in { ${[...this.#inputNames].join(", ")} }.`,
      );
    }
    for (const name in values) {
      if (!this.#inputNames.has(name)) {
        throw new NndslError(
          "unknown-input",
          `There is no input \`${name}\`; there are: ${list(this.#inputNames)}.`,
        );
      }
    }
    let rows = 1;
    let leader: Feed | undefined;
    for (const { feed, target } of slots) {
      if (target && !targets) continue;
      const value = Object.hasOwn(values, feed.name) ? values[feed.name] : undefined;
      if (value === undefined) {
        throw new NndslError("missing-input", `${target ? "Target" : "Input"} \`${feed.name}\` is missing.`);
      }
      const given = feed.take(value, this.#arena);
      if (!feed.extent.free) continue;
      if (given === 0) throw new NndslError("empty-batch", `\`${feed.name}\` has no rows.`);
      if (leader && given !== rows) {
        throw new NndslError(
          "batch-mismatch",
          `\`${leader.name}\` has ${rows} rows and \`${feed.name}\` has ${given}; they must have as many.`,
        );
      }
      rows = given;
      leader = feed;
    }
    return rows;
  }

  /** Takes the slot's tensor of a file. @throws `bad-weights` */
  #match(slot: Slot, tensors: ReadonlyMap<string, StoredTensor>): Slot {
    const { name } = slot.feed;
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new NndslError("bad-weights", `The file has no \`${name}\`; it holds: ${list(tensors.keys())}.`);
    }
    try {
      slot.feed.take(tensor, this.#arena);
    } catch (cause) {
      throw new NndslError("bad-weights", cause instanceof Error ? cause.message : name, { cause });
    }
    return slot;
  }

  #number(name: string, text: string | undefined, most: number): number {
    const value = Number(text);
    if (text && Number.isInteger(value) && value >= 0 && value <= most) return value;
    throw new NndslError("bad-weights", `The file's \`${name}\` is no count: ${JSON.stringify(text)}.`);
  }

  #savedHyper(text: string | undefined): Record<string, number> {
    const hyper: Record<string, number> = {};
    try {
      const saved: unknown = JSON.parse(text ?? "");
      for (const name of Object.keys(this.hyper)) {
        const value = Object.getOwnPropertyDescriptor(saved, name)?.value;
        // Of what is no number JSON has a string.
        if (typeof value !== "number" && !UNWRITABLE.has(value)) throw new TypeError(name);
        hyper[name] = Number(value);
      }
    } catch (cause) {
      throw new NndslError("bad-weights", "The file's arguments of the optimiser are not this optimiser's.", {
        cause,
      });
    }
    return hyper;
  }

  #parameter(path: string): ParameterSlot {
    const slot = this.#parameters.get(path);
    if (slot) return slot;
    throw new NndslError(
      "unknown-parameter",
      `There is no parameter \`${path}\`; there are: ${list(this.#parameters.keys())}.`,
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

  #scalar(place: ManifestPlace): number {
    const arena = this.#arena;
    return arena.floats[arena.index(place)] ?? NaN;
  }

  #checkRoom(name: string, array: unknown, rows: number): void {
    const slot = this.#outputs.get(name);
    if (!slot) {
      throw new NndslError(
        "unknown-output",
        `There is no output \`${name}\`; there are: ${list(this.#outputs.keys())}.`,
      );
    }
    const count = entries(slot.feed.extent, rows);
    if (!(array instanceof Float32Array || array instanceof Float64Array)) {
      throw new NndslError(
        "wrong-type",
        `Output \`${name}\` can be written to a Float32Array or Float64Array only.`,
      );
    }
    if (array.length < count) {
      throw new NndslError(
        "wrong-size",
        `Output \`${name}\` has ${count} numbers; the array has room for ${array.length}.`,
      );
    }
  }

  #hyperAccess(): Record<string, number> {
    const access: Record<string, number> = {};
    const places = Object.entries(this.manifest.optimizer?.places ?? {});
    for (const [name, place] of places) {
      Object.defineProperty(access, name, {
        enumerable: true,
        get: () => {
          const stored = this.#scalar(place);
          const given = this.#given.get(name) ?? NaN;
          const rounded = this.manifest.dtype === "f64" ? given : Math.fround(given);
          return rounded === stored ? given : stored;
        },
        set: (value: unknown) => {
          const arena = this.#arena;
          // What is not finite the program itself may say, as in `clip = inf`.
          const own = Object.is(value, this.manifest.optimizer?.hyper[name]);
          if (typeof value !== "number" || !(Number.isFinite(value) || own)) {
            throw new NndslError(
              "not-a-number",
              `\`hyper.${name}\` must be a finite number, not ${String(value)}.`,
            );
          }
          this.#given.set(name, value);
          arena.floats[arena.index(place)] = value;
        },
      });
    }
    return new Proxy(Object.preventExtensions(access), {
      set: (target, name, value) => {
        if (Object.hasOwn(target, name)) return Reflect.set(target, name, value);
        throw new NndslError(
          "unknown-hyper",
          `The optimiser has no argument \`${String(name)}\`; it has: ${list(places.map(([known]) => known))}.`,
        );
      },
    });
  }

  #noLoss(): never {
    throw new NndslError("no-loss", `${this.manifest.model} has no \`loss\`.`);
  }

  #noOptimizer(): never {
    throw new NndslError(
      "no-optimizer",
      `${this.manifest.model} has no \`optimizer\`, so it cannot be trained.`,
    );
  }
}
