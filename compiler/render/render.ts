/**
 * Kernels → one AssemblyScript module, written to be read. Its exports are those of docs/abi.md.
 */
import { CompilerFault } from "../fault.ts";
import { argumentName, isZero } from "../ir/size.ts";
import { callTree, type CallStep } from "../schedule/call-tree.ts";
import {
  countsStep,
  EXACT_STEP,
  type Address,
  type Buffer,
  type Entry,
  type Kernel,
  type KernelCall,
  type KernelProgram,
} from "../schedule/kernel.ts";
import type { Plan } from "../schedule/plan.ts";
import { addressName } from "./address.ts";
import { affineText, placeName, sizeText } from "./affine.ts";
import { arenaSource, reserveSource } from "./arena.ts";
import { bitsLiteral, ConstantTable, isPlainLiteral } from "./constants.ts";
import { formatOf, type Format } from "./format.ts";
import { MathLibrary } from "./math/library.ts";
import { Names, unmark } from "./names.ts";
import { packSource } from "./packing.ts";
import { placesName, placesSource } from "./places.ts";
import { renderNest } from "./nest.ts";
import { renderProduct } from "./product.ts";
import {
  keySource,
  lastStepSource,
  nextStepSource,
  normalSource,
  readKeySource,
  shuffleSource,
  threefrySource,
  uniformSource,
} from "./random.ts";
import { type Room, ROOMS } from "./room.ts";
import { renderTaps } from "./taps.ts";
import { trainSource } from "./train.ts";
import type { KernelTools } from "./values.ts";
import { workersSource } from "./workers.ts";
import { FunctionWriter, Writer } from "./writer.ts";

export interface RenderOptions {
  readonly dtype: "f32" | "f64";
  /** `relaxed` fuses multiplication and addition in products and vector functions. */
  readonly simd: "strict" | "relaxed";
  /** The model's name, for the header. */
  readonly model: string;
}

/**
 * The module's source.
 * @throws CompilerFault where the program is inconsistent
 */
export function render(program: KernelProgram, plan: Plan, options: RenderOptions): string {
  return unmark(new ModuleWriter(program, plan, options).write());
}

class ModuleWriter {
  readonly #program: KernelProgram;
  readonly #options: RenderOptions;
  readonly #format: Format;
  readonly #constants = new ConstantTable();
  readonly #math: MathLibrary;
  readonly #names = new Names();
  /** Functions that make some calls of an entry, by their lines. */
  readonly #parts = new Map<string, string>();
  #hasPlaces = false;
  readonly #draws = new Map<"uniform" | "normal", string>();
  readonly #tables: readonly (string | null)[];
  readonly #functions: readonly string[];
  readonly #plan: Plan;
  readonly #copiers = new Map<number, string>();
  readonly #rooms: Record<Room, number> = { left: 0, right: 0, kept: 0, sums: 0, stretches: 0, row: 0 };

  constructor(program: KernelProgram, plan: Plan, options: RenderOptions) {
    this.#program = program;
    this.#plan = plan;
    this.#options = options;
    this.#format = formatOf(options.dtype);
    this.#math = new MathLibrary(this.#constants, options.simd === "relaxed");
    this.#functions = program.kernels.map((kernel) => this.#names.fresh(kernel.name));
    this.#tables = program.buffers.map((buffer) =>
      buffer.role.kind === "table" ? this.#names.fresh(`${buffer.name}Table`) : null,
    );
  }

  write(): string {
    // Kernels come first: what they call and which constants they use is known after they are
    // written.
    const calls = this.#program.entries.flatMap((entry) => (entry.name === "initialize" ? [] : entry.calls));
    const readsKey = calls.some((call) => this.#isDraw(call));
    const counts = calls.some((call) => countsStep(this.#program, call));
    const called = new Set(this.#program.entries.flatMap((entry) => this.#kernelsOf(entry)));
    const kernels = this.#program.kernels.flatMap((_, i) => (called.has(i) ? [this.#kernel(i)] : []));
    const entries = this.#entries();
    const draws = [...this.#draws.values()];
    const step = this.#place(this.#bufferOf("step"));
    const { arena } = this.#program;
    return [
      `// ${this.#options.model}: ${this.#format.dtype}, ${this.#options.simd} SIMD. Made by nndsl; the interface is described in docs/abi.md.\n`,
      `// ---------------------------------------------------------------- constants\n`,
      this.#constants.source(),
      ...this.#program.buffers.map((buffer, i) => this.#table(buffer, this.#tables[i]!)),
      `// ---------------------------------------------------------------- functions of vectors\n`,
      // Some bring data of their own, which must come before the arena's: asc lays data out in the
      // order of the text.
      this.#math.source(),
      this.#plan.sharing.any
        ? `// ---------------------------------------------------------------- workers\n\n${workersSource}`
        : "",
      this.#roomSource("left"),
      this.#roomSource("right"),
      this.#roomSource("kept"),
      this.#roomSource("sums"),
      this.#roomSource("stretches"),
      this.#roomSource("row"),
      ...[...this.#copiers].map(([width, name]) => packSource(name, width)),
      this.#hasPlaces ? placesSource(this.#format) : "",
      `// ---------------------------------------------------------------- memory\n`,
      arenaSource(arena),
      reserveSource,
      `// ---------------------------------------------------------------- random numbers\n`,
      threefrySource,
      ...(draws.length === 0 ? [] : [keySource, readsKey ? readKeySource(step) : "", ...draws]),
      shuffleSource,
      `// ---------------------------------------------------------------- kernels\n`,
      counts ? nextStepSource(this.#format, step) : "",
      this.#program.entries.some((entry) => this.#isUndone(entry)) ? lastStepSource(this.#format, step) : "",
      ...kernels,
      `// ---------------------------------------------------------------- entries\n`,
      ...entries,
    ]
      .filter((part) => part !== "")
      .join("\n");
  }

  #kernel(index: number): string {
    const kernel = this.#program.kernels[index]!;
    const name = this.#functions[index]!;
    const writer = new FunctionWriter();
    const parameters = kernel.operands.map((operand) => `${writer.fresh(addressName(operand.name))}: usize`);
    const tools: KernelTools = {
      kernel: {
        ...kernel,
        operands: kernel.operands.map((o, i) => ({
          ...o,
          name: parameters[i]!.slice(0, -"At: usize".length),
        })),
      },
      writer,
      format: this.#format,
      constants: this.#constants,
      math: this.#math,
      random: (distribution) => this.#draw(distribution),
      places: () => this.#places(),
    };
    writer.line(`/// ${kernel.formula}`);
    const sizes = Array.from({ length: kernel.arguments ?? 0 }, (_, i) => `${argumentName(i)}: usize`);
    const last = ["rows: usize", ...sizes, ...(drawsRandom(kernel) ? ["site: i32"] : [])];
    writer.block(`function ${name}(${[...parameters, ...last].join(", ")}): void`, () => {
      const split = this.#plan.sharing.splits[index] ?? null;
      const plan = this.#plan.kernels[index]!;
      const room = (bytes: number): string => this.#reserveRoom("row", bytes);
      if (tools.kernel.kind === "nest" && plan.kind === "nest")
        renderNest(tools.kernel, tools, { plan, split, room });
      else if (tools.kernel.kind === "nest" && plan.kind === "taps")
        renderTaps(tools.kernel, tools, { plan, split, room });
      else if (tools.kernel.kind === "product" && plan.kind === "product")
        renderProduct(tools.kernel, tools, {
          plan,
          split,
          fused: this.#plan.target.fused,
          room: (of, bytes) => this.#reserveRoom(of, bytes),
          copier: (width) => this.#copier(width),
        });
      else throw new CompilerFault(`kernel ${name} has the plan of another`);
    });
    return writer.toString();
  }

  /** One room serves all kernels of a worker, which run one after the other. */
  #reserveRoom(of: Room, bytes: number): string {
    this.#rooms[of] = Math.max(this.#rooms[of], bytes);
    const name = ROOMS[of].name;
    return this.#plan.sharing.any ? `(${name}S + <usize>worker * ${name})` : `${name}S`;
  }

  #roomSource(of: Room): string {
    const bytes = this.#rooms[of];
    const name = ROOMS[of].name;
    if (bytes === 0) return "";
    return `/// ${ROOMS[of].about}, and how many bytes that takes\nconst ${name}: usize = ${bytes};\nconst ${name}S: usize = memory.data(${this.#plan.sharing.workers * bytes}, 64);\n`;
  }

  #copier(width: number): string {
    const name = this.#copiers.get(width) ?? this.#names.fresh(`pack${width}`);
    this.#copiers.set(width, name);
    return name;
  }

  #draw(distribution: "uniform" | "normal"): string {
    const { vector } = this.#format;
    if (!this.#draws.has(distribution)) {
      this.#draws.set(
        distribution,
        distribution === "uniform"
          ? uniformSource(this.#format, this.#math)
          : normalSource(this.#format, this.#math),
      );
    }
    return `${distribution}_${vector}`;
  }

  #places(): string {
    this.#hasPlaces = true;
    return placesName(this.#format);
  }

  #table(buffer: Buffer, name: string | null): string {
    if (buffer.role.kind !== "table" || name === null) return "";
    const { values } = buffer.role;
    const plain = values.every(isPlainLiteral);
    const element = plain ? this.#format.dtype : this.#format.dtype === "f32" ? "u32" : "u64";
    const items = values.map((v) => (plain ? String(v) : bitsLiteral(v, this.#format)));
    return `const ${name}: usize = memory.data<${element}>([${items.join(", ")}], 16);\n`;
  }

  #isDraw = ({ kernel }: KernelCall): boolean => drawsRandom(this.#program.kernels[kernel]!);

  #bufferOf(kind: "step" | "loss"): number {
    const index = this.#program.buffers.findIndex((b) => b.role.kind === kind);
    if (index < 0) throw new CompilerFault(`the program has no buffer for ${kind}`);
    return index;
  }

  /** The address of a buffer's first element; of buffers in the rows part only inside an entry. */
  #place(buffer: number): string {
    const place = this.#program.arena.places[buffer]!;
    switch (place.part) {
      case "fixed":
        return `ARENA + ${place.offset}`;
      case "rows":
        return `rowsAt + room * ${place.offset}`;
      case "table":
        return this.#tables[buffer]!;
      default:
        return place satisfies never;
    }
  }

  #address({ buffer, offset }: Address): string {
    const place = this.#place(buffer);
    if (isZero(offset)) return place;
    return `${place} + ${affineText(offset, this.#format.bytes)}`;
  }

  #entries(): string[] {
    const { entries } = this.#program;
    const sources = entries.map((entry, i) => this.#entry(entry, this.#plan.sharing.waits[i]!));
    return entries.some(({ name }) => name === "step") ? [...sources, this.#train()] : sources;
  }

  #train(): string {
    const inputs = this.#program.buffers.flatMap(({ id, name, size, role }) =>
      role.kind === "input" ? [{ name, size, runs: role.runs, place: this.#place(id) }] : [],
    );
    return trainSource(inputs, this.#format.bytes, this.#plan.sharing.any);
  }

  /** The kernels that an entry calls by their functions. */
  #kernelsOf({ name, calls }: Entry): number[] {
    return calls
      .filter((call) => name === "initialize" || !countsStep(this.#program, call))
      .map(({ kernel }) => kernel);
  }

  #entry(entry: Entry, waits: readonly boolean[]): string {
    const { dtype } = this.#format;
    const isInitialize = entry.name === "initialize";
    const returns = isInitialize || entry.name === "predict" ? "void" : "f64";
    const places = ["const room = <usize>capacity;", "const rowsAt = ARENA + FIXED;"];
    const parts = inParts(this.#calls(entry, waits));
    const [only, ...others] = parts;
    const functions =
      others.length === 0 ? [] : parts.map((lines) => this.#part(`${entry.name}Part`, [...places, ...lines]));
    const sources = functions.map(({ source }) => source).filter((source) => source !== "");
    const hasLoss = this.#program.buffers.some((b) => b.role.kind === "loss");
    const parameter = isInitialize ? "newSeed: i32" : "count: i32";
    const whole = functionSource(`export function ${entry.name}(${parameter}): ${returns}`, [
      ...(isInitialize ? this.#beginning(entry) : ["const rows = <usize>count;"]),
      ...places,
      ...(others.length === 0 ? only! : functions.map(({ name }) => `${name}(rows);`)),
      ...(this.#plan.sharing.any ? ["meet();"] : []),
      ...(this.#isUndone(entry) ? this.#undoing() : []),
      ...(returns === "void"
        ? []
        : [hasLoss ? `return <f64>load<${dtype}>(${this.#place(this.#bufferOf("loss"))});` : "return 0;"]),
    ]);
    return [...sources, `/// ${DESCRIPTIONS[entry.name]}\n${whole}`].join("\n");
  }

  /** A function for some calls; entries that make the same ones share it, and its source is there once. */
  #part(wanted: string, lines: readonly string[]): { readonly name: string; readonly source: string } {
    const key = lines.join("\n");
    const known = this.#parts.get(key);
    if (known !== undefined) return { name: known, source: "" };
    const name = this.#names.fresh(wanted);
    this.#parts.set(key, name);
    return { name, source: functionSource(`function ${name}(rows: usize): void`, lines) };
  }

  /** Whether the entry counts a step that it does not make. */
  #isUndone({ name, calls }: Entry): boolean {
    return name === "probe" && calls.some((call) => countsStep(this.#program, call));
  }

  #undoing(): string[] {
    return this.#plan.sharing.any ? ["if (worker == 0) lastStep();", "meet();"] : ["lastStep();"];
  }

  /** How `initialize` begins: first values are drawn as of step 0. */
  #beginning(entry: Entry): string[] {
    return [
      "seed = newSeed;",
      `store<f64>(${this.#place(this.#bufferOf("step"))}, 0, ${EXACT_STEP});`,
      ...(entry.calls.some((call) => this.#isDraw(call)) ? ["key0 = newSeed;", "key1 = 0;"] : []),
      "const rows: usize = 1;",
    ];
  }

  /** An entry's calls and loops in their order. */
  #calls(entry: Entry, waits: readonly boolean[]): WrittenCall[] {
    const keys = { known: false };
    return callTree(entry).map((step) => this.#step(entry, step, waits, keys));
  }

  #step(entry: Entry, step: CallStep, waits: readonly boolean[], keys: { known: boolean }): WrittenCall {
    if (step.kind === "call") return this.#call(entry, step.call, waits[step.call]!, keys);
    const { loop, steps } = step;
    const inside = steps.map((other) => this.#step(entry, other, waits, keys));
    const place = placeName(loop);
    const head = loop.reverse
      ? `for (let ${place}: usize = ${loop.length}; ${place}-- > 0; ) {`
      : `for (let ${place}: usize = 0; ${place} < ${loop.length}; ${place}++) {`;
    const lines = inside.flatMap((call) => call.lines.map((line) => `  ${line}`));
    return {
      lines: [head, ...lines, "}"],
      addresses: inside.reduce((sum, { addresses }) => sum + addresses, 0),
    };
  }

  /** @param keys whether the key of random numbers has been read */
  #call(entry: Entry, index: number, isWaiting: boolean, keys: { known: boolean }): WrittenCall {
    const { splits, any } = this.#plan.sharing;
    const isInitialize = entry.name === "initialize";
    const call = entry.calls[index]!;
    const lines: string[] = [];
    const alone = any && splits[call.kernel] === null ? "if (worker == 0) " : "";
    if (any && isWaiting) lines.push("meet();");
    const isDraw = this.#isDraw(call);
    // With several workers another one may have counted meanwhile.
    if (isDraw && !isInitialize && (any || !keys.known)) lines.push("readKey();");
    keys.known ||= isDraw;
    if (!isInitialize && countsStep(this.#program, call)) lines.push(`${alone}nextStep();`);
    else {
      const addresses = call.addresses.map((a) => this.#address(a));
      const rows = call.rows === undefined ? "rows" : sizeText(call.rows, 1);
      const site = isDraw ? [call.site ?? 0] : [];
      lines.push(
        `${alone}${this.#functions[call.kernel]!}(${[...addresses, rows, ...(call.sizes ?? []), ...site].join(", ")});`,
      );
    }
    return { lines, addresses: call.addresses.length };
  }
}

interface WrittenCall {
  readonly lines: readonly string[];
  readonly addresses: number;
}

/**
 * Addresses that one function hands to kernels. Binaryen makes each a variable, and assigning
 * registers takes it time by the square of these: of a `concat` of 3,200 parts, 85 of 90 s.
 */
const MOST_ADDRESSES = 1000;

/** Calls by the function that makes them: one, or several where they are many. */
function inParts(calls: readonly WrittenCall[]): string[][] {
  const parts: string[][] = [[]];
  let addresses = 0;
  for (const call of calls) {
    addresses += call.addresses;
    if (addresses > MOST_ADDRESSES && parts.at(-1)!.length > 0) {
      parts.push([]);
      addresses = call.addresses;
    }
    parts.at(-1)!.push(...call.lines);
  }
  return parts;
}

function functionSource(head: string, lines: readonly string[]): string {
  const writer = new Writer();
  writer.block(head, () => {
    for (const line of lines) writer.line(line);
  });
  return writer.toString();
}

const drawsRandom = (kernel: Kernel): boolean => kernel.values.some((value) => value.kind === "random");

const DESCRIPTIONS: Readonly<Record<Entry["name"], string>> = {
  initialize: "First values of parameters, states, optimizer arguments and the step number",
  predict: "From inputs to outputs",
  evaluate: "From inputs and targets to metrics and the loss",
  gradients: "The gradient of each parameter, and the loss in training",
  step: "One step of the optimizer; the loss before it",
  probe: "What the next step would do to each layer; the loss in training, if any. Nothing else changes",
  probed_step: "One step of the optimizer that leaves what it does to each layer; the loss before it",
};
