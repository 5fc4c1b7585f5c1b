/**
 * The straight-line code of a kernel, one operation a line. Full vectors and single elements run
 * the same vector instructions (a single element fills all lanes), so an entry has the same bits
 * wherever it lies.
 */
import { CompilerFault } from "../fault.ts";
import type { Kernel, Operand, Store, Value } from "../schedule/kernel.ts";
import { type Affine, affine, constantOf, countOf, isUnit, isZero, known, ZERO } from "../ir/size.ts";
import { further, immediate, type Location } from "./address.ts";
import { affineText, sizeText } from "./affine.ts";
import { instructions, type Tools } from "./elementwise.ts";
import { fetchVector, isHalf, type LanesAt, laneStride, loadVector } from "./lanes.ts";
import { placesBytes } from "./places.ts";
import type { FunctionWriter } from "./writer.ts";

/** A value in a register: a number in each lane, or a mask. */
export interface Register {
  readonly text: string;
  readonly lanes: "number" | "mask";
  /**
   * Of a row: bytes from the first one, as names, for all lanes or for each. The mask says whether
   * there is such a row; where not, it is another.
   */
  readonly rows?: readonly string[];
}

/** Where a piece of code stands: how wide it is, and how it names loop indices and addresses. */
export interface CodeSite extends LanesAt {
  /** Whether vector functions are written into the code instead of called. */
  readonly inlined?: boolean;
  /** Rows of tables that are another one in each lane, by their numbers. */
  readonly rowsOfLanes?: readonly number[];
  /** Added to the names of values, where code stands several times in one block. */
  readonly suffix: string;
  /** The address of an operand's element, and a constant number of bytes beyond it. */
  readonly address: (operand: number) => Location;
  /** The index of a loop in bytes, as an expression. */
  readonly index: (loop: number) => string;
}

export interface KernelTools extends Tools {
  readonly kernel: Kernel;
  readonly writer: FunctionWriter;
  /** The vector function that draws random numbers: `uniform` or `normal`. */
  readonly random: (distribution: "uniform" | "normal") => string;
  /** The function that sorts a row (see `places.ts`). */
  readonly places: () => string;
}

/** Writes values as they are asked for and remembers where they are. */
export class Values {
  readonly tools: KernelTools;
  readonly #registers: Map<number, Register>;

  /** The variables of values that run along the inner loop, and where places of its entries are. */
  readonly #running: Map<number, string>;

  constructor(
    tools: KernelTools,
    registers: ReadonlyMap<number, Register> = new Map(),
    running: ReadonlyMap<number, string> = new Map(),
  ) {
    this.tools = tools;
    this.#registers = new Map(registers);
    this.#running = new Map(running);
  }

  /** A scope inside this one. */
  inside(): Values {
    return new Values(this.tools, this.#registers, this.#running);
  }

  /** Declares what of these values runs along the loop that is about to be opened. */
  begin(values: Iterable<number>, site: CodeSite, room: (bytes: number) => string): void {
    const { kernel, writer, constants, format } = this.tools;
    for (const index of values) {
      const value = kernel.values[index]!;
      if (value.kind === "rank") this.#running.set(index, this.#sort(value, site, room));
      if (value.kind !== "running") continue;
      const name = writer.fresh(`running${site.suffix}`);
      writer.line(`let ${name} = ${constants.float(format, value.op === "prod" ? 1 : 0)};`);
      this.#running.set(index, name);
    }
  }

  /** Where the places of a row's entries are. */
  #sort(
    { operand, descending }: Extract<Value, { kind: "rank" }>,
    site: CodeSite,
    room: (bytes: number) => string,
  ): string {
    const { kernel, writer, format, places } = this.tools;
    const { base, offset } = site.address(operand);
    const from = offset === 0 ? base : `${base} + ${offset}`;
    const row = kernel.loops.at(-1)!;
    const step = affineText(kernel.operands[operand]!.strides.at(-1)!, format.bytes);
    const memory = room(placesBytes(countOf(row), format));
    return writer.usize(
      "places",
      `${places()}(${from}, ${step}, ${sizeText(row, 1)}, ${memory}, ${descending})`,
    );
  }

  set(value: number, register: Register): void {
    this.#registers.set(value, register);
  }

  /** Forgets values, so that they are computed again where they are next asked for. */
  forget(values: Iterable<number>): void {
    for (const value of values) this.#registers.delete(value);
  }

  /**
   * The register of value number `index`; writes the line that fills it if there is none yet. Its
   * operands must be there.
   */
  compute(index: number, site: CodeSite): Register {
    const known = this.#registers.get(index);
    if (known !== undefined) return known;
    const value = this.tools.kernel.values[index]!;
    const register = this.#write(index, value, site);
    this.#registers.set(index, register);
    return register;
  }

  number(index: number, site: CodeSite): string {
    const { format, constants } = this.tools;
    const { text, lanes } = this.compute(index, site);
    return lanes === "number" ? text : `v128.and(${text}, ${constants.float(format, 1)})`;
  }

  mask(index: number, site: CodeSite): string {
    const { format, constants } = this.tools;
    const { text, lanes } = this.compute(index, site);
    return lanes === "mask" ? text : `${format.vector}.ne(${text}, ${constants.float(format, 0)})`;
  }

  /** Adds to a row: -0 where there is none, as that changes no number. */
  #add({ operand: index, value, row }: Required<Store>, site: CodeSite): void {
    const { format, constants, kernel, writer } = this.tools;
    const operand = kernel.operands[index]!;
    const { text: isRow, rows } = this.compute(row, site);
    const nothing = constants.float(format, -0);
    const addend = writer.vector(
      `added${site.suffix}`,
      `v128.bitselect(${this.number(value, site)}, ${nothing}, ${isRow})`,
    );
    const { base, offset } = site.address(index);
    const stride = laneStride(operand, site);
    const addTo = (row: string, lane: number, apart: Affine): void => {
      const to = writer.usize(`${operand.name}Row${site.suffix}`, `${base} + ${row}`);
      const at = further({ base: to, offset }, apart, lane, format.bytes);
      const there = `v128.load_splat<${format.dtype}>(${at.base}${immediate(at.offset)})`;
      const sum = `${format.vector}.add(${there}, ${addend})`;
      writer.line(`v128.store_lane<${format.dtype}>(${at.base}, ${sum}, ${lane}${immediate(at.offset)});`);
    };
    if (rows!.length > 1) {
      // One after the other, since lanes may have one row.
      const apart = site.vectorLoop === null ? ZERO : operand.strides[site.vectorLoop]!;
      for (const [lane, row] of rows!.entries())
        if (lane < (site.filled ?? format.lanes)) addTo(row, lane, apart);
    } else if (stride === "none") {
      addTo(rows![0]!, 0, ZERO);
    } else if (stride === "unit") {
      const to = writer.usize(`${operand.name}Row${site.suffix}`, `${base} + ${rows![0]!}`);
      const sum = `${format.vector}.add(v128.load(${to}${immediate(offset)}), ${addend})`;
      writer.line(`v128.store(${to}, ${sum}${immediate(offset)});`);
    } else {
      for (let lane = 0; lane < (site.filled ?? format.lanes); lane++) addTo(rows![0]!, lane, stride);
    }
  }

  store({ operand: operandIndex, value, row }: Store, site: CodeSite): void {
    if (row !== undefined) return this.#add({ operand: operandIndex, value, row }, site);
    const { format, kernel, writer } = this.tools;
    const operand = kernel.operands[operandIndex]!;
    const { base, offset } = site.address(operandIndex);
    const text = this.number(value, site);
    const stride = laneStride(operand, site);
    if (stride === "none") {
      writer.line(`v128.store_lane<${format.dtype}>(${base}, ${text}, 0${immediate(offset)});`);
    } else if (stride === "unit") {
      writer.line(
        isHalf(site, format.lanes)
          ? `v128.store64_lane(${base}, ${text}, 0${immediate(offset)});`
          : `v128.store(${base}, ${text}${immediate(offset)});`,
      );
    } else {
      const vector = writer.vector(`${operand.name}Lanes${site.suffix}`, text);
      for (let lane = 0; lane < (site.filled ?? format.lanes); lane++) {
        const at = further({ base, offset }, stride, lane, format.bytes);
        writer.line(
          `v128.store_lane<${format.dtype}>(${at.base}, ${vector}, ${lane}${immediate(at.offset)});`,
        );
      }
    }
  }

  #write(index: number, value: Value, site: CodeSite): Register {
    const { format, constants, writer } = this.tools;
    const assign = (wanted: string, text: string, lanes: Register["lanes"]): Register => ({
      text: writer.vector(`${wanted}${site.suffix}`, text),
      lanes,
    });
    switch (value.kind) {
      case "load": {
        const operand = this.tools.kernel.operands[value.operand]!;
        const loaded = this.#load(operand, value.operand, site);
        if (operand.type !== "bool") return assign(operand.name, loaded, "number");
        return assign(operand.name, `${format.vector}.ne(${loaded}, ${constants.float(format, 0)})`, "mask");
      }
      case "row":
        return this.#row(index, value, site);
      case "fetch": {
        const operand = this.tools.kernel.operands[value.operand]!;
        const row = this.compute(value.row, site);
        const loaded = fetchVector(format, operand, site, site.address(value.operand), row.rows!);
        const text = assign(operand.name, `v128.and(${loaded}, ${row.text})`, "number");
        if (operand.type !== "bool") return text;
        return assign(
          operand.name,
          `${format.vector}.ne(${text.text}, ${constants.float(format, 0)})`,
          "mask",
        );
      }
      case "constant":
        if (value.type !== "bool") return { text: constants.float(format, value.value), lanes: "number" };
        return {
          text: constants.bits(format, value.value === 0 ? 0n : -1n, value.value === 0 ? "false" : "true"),
          lanes: "mask",
        };
      case "extent":
        return assign(
          "extent",
          `${format.vector}.splat(<${format.dtype}>(${sizeText(value.size, 1)}))`,
          "number",
        );
      case "index": {
        const number = `${format.vector}.splat(<${format.dtype}>(${this.#entry(value, site)}))`;
        if (site.vectorLoop === null) return assign("index", number, "number");
        const lanes = this.#laneNumbers(value.strides[site.vectorLoop]!);
        return assign("index", `${format.vector}.add(${number}, ${lanes})`, "number");
      }
      case "random": {
        const entry = `i32x4.splat(${this.#entry(value, site)})`;
        const entries =
          site.vectorLoop === null
            ? entry
            : `i32x4.add(${entry}, ${this.#laneEntries(value.strides[site.vectorLoop]!)})`;
        return assign(
          "random",
          `${this.tools.random(value.distribution)}(${entries}, ${value.site === 0 ? "site" : `site + ${value.site}`})`,
          "number",
        );
      }
      case "apply": {
        const { takes, gives, write, calls } = instructions[value.op];
        const kind = value.type === "bool" ? "mask" : "number";
        const resolve = (lanes: "number" | "mask" | "same"): "number" | "mask" =>
          lanes === "same" ? kind : lanes;
        const inputs = value.arguments.map((argument, i) =>
          resolve(takes[i]!) === "mask" ? this.mask(argument, site) : this.number(argument, site),
        );
        const written = write(inputs, this.tools);
        const text = calls === true && site.inlined === true ? `inline.always(${written})` : written;
        const lanes = resolve(gives);
        if (/^[$\w]+$/.test(text)) return { text, lanes };
        return assign(this.#wanted(index), text, lanes);
      }
      case "running": {
        const name = this.#running.get(index);
        if (name === undefined) throw new CompilerFault("a running value outside of its loop");
        const { vector } = format;
        const x = this.number(value.value, site);
        const before = value.by === null ? name : `${vector}.mul(${this.number(value.by, site)}, ${name})`;
        writer.line(`${name} = ${vector}.${value.op === "prod" ? "mul" : "add"}(${before}, ${x});`);
        return { text: name, lanes: "number" };
      }
      case "rank": {
        const places = this.#running.get(index);
        if (places === undefined) throw new CompilerFault("a place outside of its row");
        const load = site.vectorLoop === null ? `v128.load_splat<${format.dtype}>` : "v128.load";
        return assign(
          "place",
          `${load}(${places} + ${site.index(this.tools.kernel.loops.length - 1)})`,
          "number",
        );
      }
      case "reduce":
      case "product":
        throw new CompilerFault(
          `kernel ${this.tools.kernel.name}: value ${index} (${value.kind}) used before it is there`,
        );
      default:
        return value satisfies never;
    }
  }

  /** A stored value bears its operand's name, another one a number. */
  #wanted(index: number): string {
    const { kernel } = this.tools;
    const store = kernel.stores.find((s) => s.value === index);
    return store === undefined ? `t${index}` : kernel.operands[store.operand]!.name;
  }

  #load(operand: Operand, index: number, site: CodeSite): string {
    return loadVector(this.tools.format, operand, site, site.address(index));
  }

  /** Numbers outside of the table are clamped to it, so that nothing but the table is read or written. */
  #row(index: number, value: Extract<Value, { kind: "row" }>, site: CodeSite): Register {
    const { of, rows, stride } = value;
    const { format, constants, writer } = this.tools;
    const { vector, dtype } = format;
    const isEach = site.vectorLoop !== null && site.rowsOfLanes?.includes(index) === true;
    const number = this.number(of, site);
    const count = known(rows);
    const size = sizeText(rows, 1);
    const end = count === null ? `${vector}.splat(<${dtype}>(${size}))` : constants.float(format, count);
    const isRow = writer.vector(
      `isRow${site.suffix}`,
      `v128.and(${vector}.ge(${number}, ${constants.float(format, 0)}), ${vector}.lt(${number}, ${end}))`,
    );
    const whole = dtype === "f32" ? "trunc_sat_f32x4_u" : "trunc_sat_f64x2_u_zero";
    const clamped = writer.vector(
      `row${site.suffix}`,
      `i32x4.min_u(i32x4.${whole}(${number}), i32x4.splat(<i32>(${size}) - 1))`,
    );
    const by = affineText(stride, format.bytes);
    const names = Array.from({ length: isEach ? format.lanes : 1 }, (_, lane) =>
      writer.usize(
        `row${site.suffix}At`,
        `<usize>i32x4.extract_lane(${clamped}, ${lane}) * ${/[ +-]/.test(by) ? `(${by})` : by}`,
      ),
    );
    return { text: isRow, lanes: "mask", rows: names };
  }

  /** The entry's number as an i32: start + Σ strides · indices. */
  #entry(value: Extract<Value, { kind: "index" | "random" }>, site: CodeSite): string {
    const { shift } = this.tools.format;
    const terms = value.strides.flatMap((stride, loop) => {
      if (isZero(stride)) return [];
      const index = `<i32>((${site.index(loop)}) >> ${shift})`;
      return [isUnit(stride) ? index : `${index} * <i32>(${affineText(stride, 1)})`];
    });
    if (!isZero(value.start) || terms.length === 0) terms.unshift(`<i32>(${affineText(value.start, 1)})`);
    return terms.join(" + ");
  }

  /** 0, 1, 2 … times a stride, as numbers. */
  #laneNumbers(stride: Affine): string {
    const { format, constants } = this.tools;
    const step = constantOf(stride);
    if (step === null) {
      const by = `${format.vector}.splat(<${format.dtype}>(${affineText(stride, 1)}))`;
      return `${format.vector}.mul(${this.#laneNumbers(affine(1))}, ${by})`;
    }
    const bytes = new DataView(new ArrayBuffer(16));
    const lanes = Array.from({ length: format.lanes }, (_, lane) => lane * step);
    for (const [lane, number] of lanes.entries()) {
      if (format.dtype === "f32") bytes.setFloat32(lane * 4, number, true);
      else bytes.setFloat64(lane * 8, number, true);
    }
    const word = (i: number): number => bytes.getUint32(i * 4, true);
    return constants.words([word(0), word(1), word(2), word(3)], lanes.join(", "));
  }

  /** 0, 1, 2, 3 times a stride, as i32; with lanes of f64 the last two are idle. */
  #laneEntries(stride: Affine): string {
    const { constants } = this.tools;
    const step = constantOf(stride);
    if (step === null) {
      return `i32x4.mul(${this.#laneEntries(affine(1))}, i32x4.splat(<i32>(${affineText(stride, 1)})))`;
    }
    const [a, b, c, d] = [0, 1, 2, 3].map((lane) => (lane * step) >>> 0);
    return constants.words([a!, b!, c!, d!], `${a}, ${b}, ${c}, ${d}`);
  }
}
