/** A tile of a product before its epilogue: the sums over the depth, which stay in registers. */
import type { Product } from "../schedule/kernel.ts";
import { constantOf, isZero } from "../ir/size.ts";
import { addressName, advance, immediate, type Location } from "./address.ts";
import { affineText } from "./affine.ts";
import type { DepthWriter } from "./depth.ts";
import type { KernelTools } from "./values.ts";
import type { FunctionWriter } from "./writer.ts";

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

/**
 * Where the rows or columns of a tile are: a variable that moves along the depth, and each of them
 * from it.
 */
interface Line {
  readonly base: string;
  readonly at: (k: number) => Location;
}

export class TileWriter {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  /** Whether multiplication and addition may be one rounding. */
  readonly #fused: boolean;
  readonly #depth: DepthWriter;
  readonly #around: Surroundings;
  readonly #rowLoop: number;
  readonly #columnLoop: number;

  /** @param around is read when a tile is written, and may change in between */
  constructor(
    product: Product,
    tools: KernelTools,
    { fused, depth, around }: { fused: boolean; depth: DepthWriter; around: Surroundings },
  ) {
    this.#product = product;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#fused = fused;
    this.#depth = depth;
    this.#around = around;
    this.#columnLoop = product.loops.length - 1;
    this.#rowLoop = product.loops.length - 2;
  }

  /**
   * Vectors of the right factor by numbers of the left one.
   * @param left where the tile's rows of it are, if they are packed, and how far it is to the next
   * step of depth, and from one to the other
   */
  outer(
    { rows, columns, steps }: Piece,
    left: { readonly at: string | null; readonly step: string; readonly apart?: number },
    right: { readonly at: string; readonly step: string },
  ): Sums {
    const { format } = this.#tools;
    const factor = this.#product.operands[this.#product.right]!;
    const l = this.#leftLine(rows, left.at, left.apart);
    const r = this.#writer.usize(`${addressName(factor.name)}Column`, right.at, "let");
    const wide = Math.ceil(columns / format.lanes);
    const sums = grid(rows, wide, (row, v) => this.#writer.fresh(`sum${row}${v}`));
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
    const body = (depth: number): void => {
      const factors = new Factors(this.#writer);
      for (let step = 0; step < depth; step++) one(factors);
    };
    this.#depth.sumUp({ sums: sums.flat(), steps: [steps, 1], body });
    return sums;
  }

  /**
   * Vectors along the depth of both factors.
   * @param gathered where the tile's rows of the left one are, if they are copies
   */
  dot(
    { rows, columns, steps }: Piece,
    gathered: { readonly at: string | null; readonly apart?: number },
  ): Sums {
    const { format } = this.#tools;
    const { left, right } = this.#product;
    const l = this.#leftLine(rows, gathered.at, gathered.apart);
    const r = this.#line(right, this.#columnLoop, columns);
    const sums = grid(rows, columns, (row, column) => this.#writer.fresh(`sum${row}${column}`));
    const one = (factors: Factors, load: string, further: number): void => {
      const at = ({ base, offset }: Location): string => `${load}(${base}${immediate(offset + further)})`;
      const lefts = Array.from({ length: rows }, (_, row) => factors.set(`left${row}`, at(l.at(row))));
      for (let column = 0; column < columns; column++) {
        const right = factors.set(`right${column}`, at(r.at(column)));
        for (let row = 0; row < rows; row++) this.#accumulate(sums[row]![column]!, lefts[row]!, right);
      }
    };
    // The rest of the depth goes into the first lane alone.
    const body = (depth: number): void => {
      const factors = new Factors(this.#writer);
      if (depth === 1) one(factors, `v128.load_zero<${format.dtype}>`, 0);
      else for (let step = 0; step < depth / format.lanes; step++) one(factors, "v128.load", step * 16);
      if (gathered.at === null) this.#step(l.base, left, depth);
      else this.#writer.line(`${l.base} += ${format.bytes * depth};`);
      this.#step(r.base, right, depth);
    };
    this.#depth.sumUp({ sums: sums.flat(), steps: [steps * format.lanes, format.lanes, 1], body });
    return sums.map((row) => this.#acrossLanes(row));
  }

  /** Where there is one step of depth: numbers of the left factor, for so many rows. */
  lefts(rows: number, at: string | null): string[] {
    const line = this.#leftLine(rows, at);
    return Array.from({ length: rows }, (_, row) =>
      this.#writer.vector("left", this.#loadLeft(line.at(row))),
    );
  }

  /**
   * These by a vector of the right factor, at an address: sums of one, which begin at 0 as all do,
   * so that -0 becomes 0.
   */
  products(lefts: readonly string[], at: string, columns: number): Sums {
    const right = this.#writer.vector("right", this.#loadRight(at, columns, 0));
    const { format, constants } = this.#tools;
    const zero = constants.float(format, 0);
    return lefts.map((left) => [
      this.#writer.vector("product", multiplyAdd(format.vector, this.#fused, left, right, zero)),
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
    const base = this.#writer.usize(
      `${name}${loop === this.#rowLoop ? "Row" : "Column"}`,
      advance(this.#around.addresses[operand]!, this.#around.indices[loop]!, stride),
      "let",
    );
    const step = constantOf(stride);
    if (step !== null && step >= 0) return { base, at: (k) => ({ base, offset: k * step * format.bytes }) };
    const apart = Array.from({ length: count }, (_, k) =>
      k === 0 ? null : this.#writer.usize(`${name}Apart`, `${k} * (${affineText(stride, format.bytes)})`),
    );
    return { base, at: (k) => ({ base: k === 0 ? base : `${base} + ${apart[k]}`, offset: 0 }) };
  }

  /** The same of packed rows, which lie entry by entry, or so many bytes apart. */
  #packedLine(operand: number, at: string, apart: number = this.#tools.format.bytes): Line {
    const { name } = this.#product.operands[operand]!;
    const base = this.#writer.usize(`${addressName(name)}Row`, at, "let");
    return { base, at: (k) => ({ base, offset: k * apart }) };
  }

  /** @param at where the tile's rows of the left factor are, if they are packed */
  #leftLine(rows: number, at: string | null, apart?: number): Line {
    const { left } = this.#product;
    return at === null ? this.#line(left, this.#rowLoop, rows) : this.#packedLine(left, at, apart);
  }

  #loadLeft({ base, offset }: Location): string {
    return `v128.load_splat<${this.#tools.format.dtype}>(${base}${immediate(offset)})`;
  }

  /** The vector number `v` of so many columns. */
  #loadRight(base: string, columns: number, v: number): string {
    const { dtype, lanes } = this.#tools.format;
    return columns === 1
      ? `v128.load_splat<${dtype}>(${base})`
      : columns < lanes
        ? `v128.load64_zero(${base})`
        : `v128.load(${base}${immediate(v * 16)})`;
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
   * Adds up the lanes of each sum, (s0 + s1) + (s2 + s3), and gathers the results of neighboring
   * columns in one vector.
   */
  #acrossLanes(row: readonly string[]): string[] {
    const { format } = this.#tools;
    const F = format.vector;
    const pair = (a: string, b: string): string => {
      const [even, odd] = format.lanes === 4 ? ["0, 2, 4, 6", "1, 3, 5, 7"] : ["0, 2", "1, 3"];
      return this.#writer.vector(
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
}

/**
 * Variables for what is loaded of the factors, set anew at each step of depth. With a variable for
 * each step, binaryen would nest the steps of a sum in each other, and load the factors of all
 * steps first.
 */
class Factors {
  readonly #writer: FunctionWriter;
  readonly #known = new Map<string, string>();

  constructor(writer: FunctionWriter) {
    this.#writer = writer;
  }

  /** @returns the variable's name */
  set(wanted: string, text: string): string {
    const known = this.#known.get(wanted);
    const name = known ?? this.#writer.fresh(wanted);
    this.#known.set(wanted, name);
    this.#writer.line(`${known === undefined ? "let " : ""}${name} = ${text};`);
    return name;
  }
}

/** a · b + sum, in one rounding where that is allowed. */
export const multiplyAdd = (vector: string, fused: boolean, a: string, b: string, sum: string): string =>
  fused ? `${vector}.relaxed_madd(${a}, ${b}, ${sum})` : `${vector}.add(${sum}, ${vector}.mul(${a}, ${b}))`;

const grid = (rows: number, columns: number, make: (row: number, column: number) => string): string[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));
