/** A tile of a product before its epilogue: the sums over the depth, which stay in registers. */
import type { Product } from "../schedule/kernel.ts";
import { constantOf, countOf, isFree, isZero } from "../ir/size.ts";
import { advance, affineText, sizeText } from "./affine.ts";
import { cover, type Range } from "./cover.ts";
import type { Names } from "./names.ts";
import { eachSpan } from "./spans.ts";
import { addressName } from "./nest.ts";
import type { KernelTools } from "./values.ts";
import type { Writer } from "./writer.ts";

/** A tile as it is written. A single column stands in all lanes of its vector. */
export interface Piece {
  readonly rows: number;
  readonly columns: number;
  /**
   * Of depth, written out in one turn of its loop: what the loop itself takes is then shared by so
   * many.
   */
  readonly steps: number;
}

/** Names of vectors of results: by row, and along the columns. */
export type Sums = readonly (readonly string[])[];

/**
 * Inside which loops a tile stands: the addresses of operands as these have moved them, and their
 * indices.
 */
export interface Surroundings {
  readonly addresses: readonly string[];
  readonly indices: readonly string[];
}

/** An address as a variable and a constant beside it. */
interface Place {
  readonly base: string;
  readonly offset: number;
}

/**
 * Where the rows or columns of a tile are: a variable that moves along the depth, and each of them
 * from it.
 */
interface Line {
  readonly base: string;
  readonly at: (k: number) => Place;
}

/**
 * How many sums of spans can be aside at once: a memory of 2³² bytes has no room for 2³⁰ addends,
 * which are fewer than 2²⁵ spans.
 */
const MOST_ASIDE = 25;

export interface TileOptions {
  /** Whether multiplication and addition may be one rounding. */
  readonly fused: boolean;
  /** How much of the depth is summed up at once, in entries; `null`: all of it. */
  readonly span: number | null;
  /** Whether no piece has more columns than half a vector, nor sums in all its lanes. */
  readonly isNarrow: boolean;
  /** The address of memory of this worker's own where sums of spans are put, for so many bytes. */
  readonly aside: (bytes: number) => string;
}

/** A loop over spans, and in each over the depth. */
interface SpanLoop {
  /** Of a span, of the index. */
  readonly bytes: number;
  readonly end: string;
  readonly index: string;
  /** Of the loops in a span, in bytes, the largest first. */
  readonly steps: readonly number[];
  readonly body: (step: number) => void;
}

export class TileWriter {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #writer: Writer;
  readonly #fused: boolean;
  readonly #span: number | null;
  readonly #isNarrow: boolean;
  readonly #aside: TileOptions["aside"];
  readonly #around: Surroundings;
  readonly #rowLoop: number;
  readonly #columnLoop: number;

  /** @param around is read when a tile is written, and may change in between */
  constructor(
    product: Product,
    tools: KernelTools,
    writer: Writer,
    { fused, span, isNarrow, aside }: TileOptions,
    around: Surroundings,
  ) {
    this.#product = product;
    this.#tools = tools;
    this.#writer = writer;
    this.#fused = fused;
    this.#span = span;
    this.#isNarrow = isNarrow;
    this.#aside = aside;
    this.#around = around;
    this.#columnLoop = product.loops.length - 1;
    this.#rowLoop = product.loops.length - 2;
  }

  /** Whether sums of spans are put aside. */
  get putsAside(): boolean {
    return this.#span !== null && !this.#isNarrow;
  }

  /**
   * Vectors of the right factor by numbers of the left one.
   * @param left where the tile's rows of it are, if they are packed, and how far it is to the next
   * step of depth
   */
  outer(
    { rows, columns, steps }: Piece,
    left: { readonly at: string | null; readonly step: string },
    right: { readonly at: string; readonly step: string },
  ): Sums {
    const { format, names } = this.#tools;
    const factor = this.#product.operands[this.#product.right]!;
    const l = this.#leftLine(rows, left.at);
    const r = names.fresh(`${addressName(factor.name)}Column`);
    this.#writer.line(`let ${r}: usize = ${right.at};`);
    const wide = Math.ceil(columns / format.lanes);
    const sums = grid(rows, wide, (row, v) => names.fresh(`sum${row}${v}`));
    const one = (factors: Factors): void => {
      const loaded = Array.from({ length: wide }, (_, v) =>
        factors.set(`right${v}`, this.#loadRight(r, columns, v)),
      );
      for (let row = 0; row < rows; row++) {
        const number = factors.set(`left${row}`, this.#loadLeft(l.at(row)));
        for (let v = 0; v < wide; v++) this.#accumulate(sums[row]![v]!, number, loaded[v]!);
      }
      if (left.step !== "0") this.#writer.line(`${l.base} += ${left.step};`);
      if (right.step !== "0") this.#writer.line(`${r} += ${right.step};`);
    };
    this.#sumUp(sums.flat(), [steps, 1], (depth) => {
      const factors = new Factors(this.#writer, names);
      for (let step = 0; step < depth; step++) one(factors);
    });
    return sums;
  }

  /** Vectors along the depth of both factors. */
  dot({ rows, columns, steps }: Piece): Sums {
    const { format } = this.#tools;
    const { left, right } = this.#product;
    const l = this.#line(left, this.#rowLoop, rows);
    const r = this.#line(right, this.#columnLoop, columns);
    const sums = grid(rows, columns, (row, column) => this.#tools.names.fresh(`sum${row}${column}`));
    const one = (factors: Factors, load: string, further: number): void => {
      const at = (place: Place): string => `${load}(${address(place.base, place.offset + further)})`;
      const lefts = Array.from({ length: rows }, (_, row) => factors.set(`left${row}`, at(l.at(row))));
      for (let column = 0; column < columns; column++) {
        const right = factors.set(`right${column}`, at(r.at(column)));
        for (let row = 0; row < rows; row++) this.#accumulate(sums[row]![column]!, lefts[row]!, right);
      }
    };
    // The rest of the depth goes into the first lane alone.
    this.#sumUp(sums.flat(), [steps * format.lanes, format.lanes, 1], (depth) => {
      const factors = new Factors(this.#writer, this.#tools.names);
      if (depth === 1) one(factors, `v128.load_zero<${format.dtype}>`, 0);
      else for (let step = 0; step < depth / format.lanes; step++) one(factors, "v128.load", step * 16);
      this.#step(l.base, left, depth);
      this.#step(r.base, right, depth);
    });
    return sums.map((row) => this.#acrossLanes(row));
  }

  /** Where there is one step of depth: numbers of the left factor, for so many rows. */
  lefts(rows: number, at: string | null): string[] {
    const line = this.#leftLine(rows, at);
    return Array.from({ length: rows }, (_, row) => this.#value("left", this.#loadLeft(line.at(row))));
  }

  /**
   * These by a vector of the right factor, at an address: sums of one, which begin at 0 as all do,
   * so that -0 becomes 0.
   */
  products(lefts: readonly string[], at: string, columns: number): Sums {
    const right = this.#value("right", this.#loadRight(at, columns, 0));
    const { format, constants } = this.#tools;
    const zero = constants.float(format, 0);
    return lefts.map((left) => [
      this.#value("product", multiplyAdd(format.vector, this.#fused, left, right, zero)),
    ]);
  }

  /**
   * Addresses of the tile's rows or columns of an operand: a base and an offset each, the offset
   * constant where the stride is.
   */
  #line(operand: number, loop: number, count: number): Line {
    const { format } = this.#tools;
    const stride = this.#product.operands[operand]!.strides[loop]!;
    const name = addressName(this.#product.operands[operand]!.name);
    const base = this.#tools.names.fresh(`${name}${loop === this.#rowLoop ? "Row" : "Column"}`);
    this.#writer.line(
      `let ${base}: usize = ${advance(this.#around.addresses[operand]!, this.#around.indices[loop]!, stride)};`,
    );
    const step = constantOf(stride);
    if (step !== null && step >= 0) return { base, at: (k) => ({ base, offset: k * step * format.bytes }) };
    const apart = Array.from({ length: count }, (_, k) => {
      if (k === 0) return null;
      const bytes = this.#tools.names.fresh(`${name}Apart`);
      this.#writer.line(`const ${bytes}: usize = ${k} * (${affineText(stride, format.bytes)});`);
      return bytes;
    });
    return { base, at: (k) => ({ base: k === 0 ? base : `${base} + ${apart[k]}`, offset: 0 }) };
  }

  /** The same of packed rows, which lie entry by entry. */
  #packedLine(operand: number, at: string): Line {
    const base = this.#tools.names.fresh(`${addressName(this.#product.operands[operand]!.name)}Row`);
    this.#writer.line(`let ${base}: usize = ${at};`);
    return { base, at: (k) => ({ base, offset: k * this.#tools.format.bytes }) };
  }

  /** @param at where the tile's rows of the left factor are, if they are packed */
  #leftLine(rows: number, at: string | null): Line {
    const { left } = this.#product;
    return at === null ? this.#line(left, this.#rowLoop, rows) : this.#packedLine(left, at);
  }

  #loadLeft({ base, offset }: Place): string {
    return `v128.load_splat<${this.#tools.format.dtype}>(${address(base, offset)})`;
  }

  /** The vector number `v` of so many columns. */
  #loadRight(base: string, columns: number, v: number): string {
    const { dtype, lanes } = this.#tools.format;
    return columns === 1
      ? `v128.load_splat<${dtype}>(${base})`
      : columns < lanes
        ? `v128.load64_zero(${base})`
        : `v128.load(${address(base, v * 16)})`;
  }

  #step(base: string, operand: number, entries: number): void {
    const { format } = this.#tools;
    const stride = this.#product.operands[operand]!.strides.at(-1)!;
    if (!isZero(stride)) this.#writer.line(`${base} += ${affineText(stride, format.bytes * entries)};`);
  }

  #accumulate(sum: string, a: string, b: string): void {
    this.#writer.line(`${sum} = ${multiplyAdd(this.#tools.format.vector, this.#fused, a, b, sum)};`);
  }

  /**
   * Sums over the depth.
   * @param sums names for them
   * @param steps of the loop in entries, the largest first
   */
  #sumUp(sums: readonly string[], steps: readonly number[], body: (step: number) => void): void {
    const { format, names } = this.#tools;
    const { depth } = this.#product;
    const { bytes } = format;
    const w = this.#writer;
    const cut = steps.map((step) => step * bytes);
    const each = (step: number): void => body(step / bytes);
    this.#clear(sums, "let ");
    let end = sizeText(depth, bytes);
    if (isFree(depth)) {
      // Engines would work out the end at each turn.
      const deep = names.fresh("deep");
      w.line(`const ${deep}: usize = ${end};`);
      end = deep;
    }
    const d = names.fresh("d");
    if (this.#span === null) {
      const range: Range = isFree(depth) ? { from: "0", end } : { size: depth, unit: bytes };
      cover({ writer: w, names }, d, range, cut, each);
      return;
    }
    // Spans are of whole steps, so what the depth leaves of one is left over by the last span.
    const whole = isFree(depth) ? -1 : steps.findIndex((step) => countOf(depth) % step === 0);
    const needed = whole < 0 ? cut : cut.slice(0, whole + 1);
    const span = { bytes: this.#span * bytes, end, index: d, steps: needed, body: each };
    if (this.#isNarrow) this.#addSpans(span, sums);
    else this.#pairSpans(span, sums);
  }

  /**
   * Spans of the depth, their sums added up in f64: where a result fills at most half of a vector
   * of f32.
   */
  #addSpans({ bytes, end, index, steps, body }: SpanLoop, sums: readonly string[]): void {
    const w = this.#writer;
    const { names } = this.#tools;
    const totals = sums.map(() => names.fresh("total"));
    for (const total of totals) w.line(`let ${total} = f64x2.splat(0);`);
    eachSpan({ writer: w, names }, index, end, bytes, (range) => {
      this.#clear(sums);
      cover({ writer: w, names }, index, range, steps, body);
      for (const [k, total] of totals.entries())
        w.line(`${total} = f64x2.add(${total}, f64x2.promote_low_f32x4(${sums[k]}));`);
    });
    for (const [k, total] of totals.entries()) w.line(`${sums[k]} = f32x4.demote_f64x2_zero(${total});`);
  }

  /**
   * Spans of the depth one after the other, their sums added up pairwise: those of a power of two
   * of spans are put away one behind the other, and two of as many become one. This is the order of
   * a binary counter: span number n is followed by as many additions as n has zeros at its end.
   *
   * The last span stands behind the loop over the others. A tile inside that loop took 10 cycles
   * more, even if it never turned: engines keep the addresses of an outer loop on the stack.
   */
  #pairSpans({ bytes, end, index, steps, body }: SpanLoop, sums: readonly string[]): void {
    const { format, names } = this.#tools;
    const { depth } = this.#product;
    const w = this.#writer;
    const size = sums.length * 16;
    const top = names.fresh("top");
    const room = this.#aside(size * MOST_ASIDE);
    const takeBack = (): void => {
      w.line(`${top} -= ${size};`);
      for (const [k, sum] of sums.entries())
        w.line(`${sum} = ${format.vector}.add(v128.load(${address(top, k * 16)}), ${sum});`);
    };
    w.line(`let ${top}: usize = ${room};`);
    w.line(`let ${index}: usize = 0;`);
    w.block(isFree(depth) ? `if (${end} > ${bytes})` : "", () =>
      names.scoped(() => {
        const [until, count] = [names.fresh("until"), names.fresh("count")];
        w.line(`let ${until}: usize = ${bytes};`);
        w.block(
          "do",
          () =>
            names.scoped(() => {
              cover({ writer: w, names }, index, { from: index, end: until }, steps.slice(0, 1), body);
              w.block(`for (let ${count} = ${until} / ${bytes}; !(${count} & 1); ${count} >>= 1)`, takeBack);
              for (const [k, sum] of sums.entries())
                w.line(`v128.store(${top}, ${sum}${k === 0 ? "" : `, ${k * 16}`});`);
              w.line(`${top} += ${size};`);
              this.#clear(sums);
              w.line(`${until} += ${bytes};`);
            }),
          ` while (${until} < ${end});`,
        );
      }),
    );
    cover({ writer: w, names }, index, { from: index, end }, steps, body);
    w.block(`while (${top} != ${room})`, takeBack);
  }

  #clear(sums: readonly string[], declare = ""): void {
    const zero = this.#tools.constants.zeros();
    for (const sum of sums) this.#writer.line(`${declare}${sum} = ${zero};`);
  }

  /**
   * Adds up the lanes of each sum, (s0 + s1) + (s2 + s3), and gathers the results of neighboring
   * columns in one vector.
   */
  #acrossLanes(row: readonly string[]): string[] {
    const { format } = this.#tools;
    const F = format.vector;
    const pair = (a: string, b: string): string => {
      const [even, odd] = format.lanes === 4 ? ["0, 2, 4, 6", "1, 3, 5, 7"] : ["0, 2", "1, 3"];
      return this.#value(
        "pair",
        `${F}.add(${F}.shuffle(${a}, ${b}, ${even}), ${F}.shuffle(${a}, ${b}, ${odd}))`,
      );
    };
    const gather = (group: readonly string[]): string => {
      if (group.length === 1) return group[0]!;
      const [first, last] = [group.slice(0, group.length / 2), group.slice(group.length / 2)];
      const low = gather(first);
      return pair(low, first.every((name, i) => name === last[i]) ? low : gather(last));
    };
    const { lanes } = format;
    return Array.from({ length: Math.ceil(row.length / lanes) }, (_, v) => {
      // Fewer sums than lanes stand there several times.
      const group = row.slice(v * lanes, (v + 1) * lanes);
      return gather(Array.from({ length: lanes }, (__, i) => group[i % group.length]!));
    });
  }

  #value(wanted: string, text: string): string {
    const name = this.#tools.names.fresh(wanted);
    this.#writer.line(`const ${name} = ${text};`);
    return name;
  }
}

/**
 * Variables for what is loaded of the factors, set anew at each step of depth. With a variable for
 * each step, binaryen would nest the steps of a sum in each other, and load the factors of all
 * steps first.
 */
class Factors {
  readonly #writer: Writer;
  readonly #names: Names;
  readonly #known = new Map<string, string>();

  constructor(writer: Writer, names: Names) {
    this.#writer = writer;
    this.#names = names;
  }

  /** @returns the variable's name */
  set(wanted: string, text: string): string {
    const known = this.#known.get(wanted);
    const name = known ?? this.#names.fresh(wanted);
    this.#known.set(wanted, name);
    this.#writer.line(`${known === undefined ? "let " : ""}${name} = ${text};`);
    return name;
  }
}

/** a · b + sum, in one rounding where that is allowed. */
export const multiplyAdd = (vector: string, fused: boolean, a: string, b: string, sum: string): string =>
  fused ? `${vector}.relaxed_madd(${a}, ${b}, ${sum})` : `${vector}.add(${sum}, ${vector}.mul(${a}, ${b}))`;

/** The arguments of a load or a store. */
export const address = (base: string, offset: number): string => (offset === 0 ? base : `${base}, ${offset}`);

const grid = (rows: number, columns: number, make: (row: number, column: number) => string): string[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));
