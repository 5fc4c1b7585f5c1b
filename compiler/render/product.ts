/**
 * Matrix products: tiles of results in registers, a loop over the depth, and the epilogue on each vector of results.
 *
 * Three forms, by the strides:
 * - outer: the right operand lies side by side along the columns. Each step of depth takes one vector of it and one number of the left.
 * - dot: both operands lie side by side along the depth. Lanes sum every fourth product, and are added up at the end.
 * - element: anything else, and products too small to be worth more code.
 *
 * An entry's sum has one order of its own, the same in every tile and tail of its form.
 */
import type { Affine } from "../ir/size.ts";
import type { Product } from "../schedule/kernel.ts";
import { advance, affineText, isUnit, isZero, sizeText } from "./affine.ts";
import { cover, type Range } from "./cover.ts";
import { addressName, levelsOf } from "./nest.ts";
import { Values, type KernelTools, type Site } from "./values.ts";
import type { Writer } from "./writer.ts";

type Form = "outer" | "dot" | "element";

/**
 * Rows and columns of results held at once. Engines leave 15 vector registers: outer takes 4 · 2 for sums, 2 for the right operand
 * and 1 for the left; dot takes 2 · 4 for sums, 2 for the left and one or two for the right.
 */
const OUTER = { rows: 4, vectors: 2 };
const DOT = { rows: 2, columns: 4 };
/** Products with fewer multiplications than this are written in the smallest form. */
const TINY = 512;
/** Rows are taken in blocks whose left operand fits the second-level cache, beside the tile's columns of the right one. */
const BLOCK_BYTES = 128 * 1024;

export interface ProductOptions {
  /** Whether multiplication and addition may be one rounding. */
  readonly fused: boolean;
}

/** Writes the body of the function that runs `product`. */
export function renderProduct(
  product: Product,
  tools: KernelTools,
  writer: Writer,
  options: ProductOptions,
): void {
  new ProductWriter(product, tools, writer, options).write();
}

interface Tile {
  readonly rows: number;
  /** Full vectors of columns, or 0 for one column. */
  readonly vectors: number;
}

class ProductWriter {
  readonly #product: Product;
  readonly #tools: KernelTools;
  readonly #writer: Writer;
  readonly #fused: boolean;
  readonly #form: Form;
  readonly #rowLoop: number;
  readonly #columnLoop: number;
  /** Of each operand, inside the loops opened so far. */
  readonly #addresses: string[];
  readonly #indices: string[] = [];

  constructor(product: Product, tools: KernelTools, writer: Writer, options: ProductOptions) {
    this.#product = product;
    this.#tools = tools;
    this.#writer = writer;
    this.#fused = options.fused;
    this.#form = chooseForm(product, tools.format.lanes);
    this.#columnLoop = product.loops.length - 1;
    this.#rowLoop = product.loops.length - 2;
    this.#addresses = product.operands.map((o) => addressName(o.name));
  }

  write(): void {
    this.#batch(0, new Values(this.#tools));
  }

  /** Loops over the leading axes, outermost first. */
  #batch(level: number, values: Values): void {
    for (const [index, valueLevel] of levelsOf({ ...this.#product, inner: 0 }).entries()) {
      if (valueLevel === level && level <= this.#rowLoop) values.compute(index, this.#site(null, 0, 0));
    }
    if (level === this.#rowLoop) {
      this.#columns(values);
      return;
    }
    const { format, names } = this.#tools;
    const index = names.fresh("b");
    this.#indices[level] = index;
    const saved = [...this.#addresses];
    cover(
      { writer: this.#writer, names },
      index,
      { size: this.#product.loops[level]!, unit: format.bytes },
      [format.bytes],
      () => {
        for (const [i, operand] of this.#product.operands.entries()) {
          const stride = operand.strides[level]!;
          if (isZero(stride)) continue;
          const text = advance(this.#addresses[i]!, index, stride);
          this.#addresses[i] = this.#declare(`${addressName(operand.name)}${level}`, text);
        }
        this.#batch(level + 1, values.inside());
      },
    );
    this.#addresses.splice(0, this.#addresses.length, ...saved);
  }

  #declare(wanted: string, text: string): string {
    const name = this.#tools.names.fresh(wanted);
    this.#writer.line(`const ${name}: usize = ${text};`);
    return name;
  }

  #columns(values: Values): void {
    const { format, names } = this.#tools;
    const w = this.#writer;
    const rows = this.#product.loops[this.#rowLoop]!;
    const columns = this.#product.loops[this.#columnLoop]!;
    const i = names.fresh("i");
    const j = names.fresh("j");
    this.#indices[this.#rowLoop] = i;
    this.#indices[this.#columnLoop] = j;

    const tallest = this.#form === "outer" ? OUTER.rows : this.#form === "dot" ? DOT.rows : 1;
    const { lanes, bytes } = format;
    const widths =
      this.#form === "outer"
        ? [OUTER.vectors * lanes, lanes, 1]
        : this.#form === "dot"
          ? [DOT.columns, 1]
          : [1];
    const tiles = (rowRange: Range): void =>
      cover(
        { writer: this.#writer, names },
        j,
        { size: columns, unit: bytes },
        widths.map((width) => width * bytes),
        (columnStep) =>
          cover({ writer: this.#writer, names }, i, rowRange, [tallest * bytes, bytes], (rowStep) => {
            const width = columnStep / bytes;
            this.#tile({ rows: rowStep / bytes, vectors: width === 1 ? 0 : width / lanes }, values.inside());
          }),
      );
    const block = this.#rowsOfBlock(tallest);
    if (block === null) {
      tiles({ size: rows, unit: bytes });
      return;
    }
    const start = names.fresh("block");
    const end = sizeText(rows, bytes);
    w.block(`for (let ${start}: usize = 0; ${start} < ${end}; ${start} += ${block * bytes})`, () => {
      const stop = this.#declare("blockEnd", `min<usize>(${start} + ${block * bytes}, ${end})`);
      tiles({ from: start, end: stop });
    });
  }

  /** How many rows a block has; null where all rows are one block. */
  #rowsOfBlock(tallest: number): number | null {
    const { loops, depth } = this.#product;
    const rows = loops[this.#rowLoop]!;
    if (depth.free || this.#form === "element") return null;
    const rowBytes = Math.max(1, depth.count * this.#tools.format.bytes);
    const fitting = Math.max(tallest, Math.floor(BLOCK_BYTES / rowBytes / tallest) * tallest);
    return rows.free || rows.count > fitting ? fitting : null;
  }

  #tile(tile: Tile, values: Values): void {
    const sums =
      this.#form === "outer" ? this.#outer(tile) : this.#form === "dot" ? this.#dot(tile) : this.#element();
    this.#epilogue(tile, sums, values);
  }

  /** Addresses of the tile's rows or columns of an operand: a base and an offset each, the offset constant where the stride is. */
  #line(
    operand: number,
    loop: number,
    count: number,
  ): { at: (k: number) => { base: string; offset: number }; base: string } {
    const { format } = this.#tools;
    const stride = this.#product.operands[operand]!.strides[loop]!;
    const name = addressName(this.#product.operands[operand]!.name);
    const base = this.#tools.names.fresh(`${name}${loop === this.#rowLoop ? "Row" : "Column"}`);
    this.#writer.line(
      `let ${base}: usize = ${advance(this.#addresses[operand]!, this.#indices[loop]!, stride)};`,
    );
    if (stride.perRow === 0 && stride.constant >= 0) {
      return { base, at: (k) => ({ base, offset: k * stride.constant * format.bytes }) };
    }
    const apart = Array.from({ length: count }, (_, k) =>
      k === 0 ? null : this.#declare(`${name}Apart`, `${k} * (${affineText(stride, format.bytes)})`),
    );
    return { base, at: (k) => ({ base: k === 0 ? base : `${base} + ${apart[k]}`, offset: 0 }) };
  }

  #step(base: string, operand: number, lanes = 1): void {
    const { format } = this.#tools;
    const stride = this.#product.operands[operand]!.strides.at(-1)!;
    if (!isZero(stride)) this.#writer.line(`${base} += ${affineText(stride, format.bytes * lanes)};`);
  }

  #zero(wanted: string): string {
    const { format, constants, names } = this.#tools;
    const name = names.fresh(wanted);
    this.#writer.line(`let ${name} = ${constants.float(format, 0)};`);
    return name;
  }

  #accumulate(sum: string, a: string, b: string): void {
    const F = this.#tools.format.vector;
    this.#writer.line(
      this.#fused
        ? `${sum} = ${F}.relaxed_madd(${a}, ${b}, ${sum});`
        : `${sum} = ${F}.add(${sum}, ${F}.mul(${a}, ${b}));`,
    );
  }

  /** Loops over the depth in the steps given, in elements. */
  #overDepth(steps: readonly number[], body: (step: number) => void): void {
    const { format, names } = this.#tools;
    const { depth } = this.#product;
    const { bytes } = format;
    cover(
      { writer: this.#writer, names },
      names.fresh("d"),
      { size: depth, unit: bytes },
      steps.map((step) => step * bytes),
      (step) => body(step / bytes),
    );
  }

  /** sums[row][vector] */
  #outer({ rows, vectors }: Tile): string[][] {
    const { dtype } = this.#tools.format;
    const { left, right } = this.#product;
    const l = this.#line(left, this.#rowLoop, rows);
    const r = this.#line(right, this.#columnLoop, 1);
    const wide = Math.max(1, vectors);
    const sums = grid(rows, wide, (row, v) => this.#zero(`sum${row}${v}`));
    this.#overDepth([1], () => {
      const loaded = Array.from({ length: wide }, (_, v) =>
        this.#value(
          "right",
          vectors === 0 ? `v128.load_splat<${dtype}>(${r.base})` : `v128.load(${address(r.base, v * 16)})`,
        ),
      );
      for (let row = 0; row < rows; row++) {
        const { base, offset } = l.at(row);
        const one = this.#value("left", `v128.load_splat<${dtype}>(${address(base, offset)})`);
        for (let v = 0; v < wide; v++) this.#accumulate(sums[row]![v]!, one, loaded[v]!);
      }
      this.#step(l.base, left);
      this.#step(r.base, right);
    });
    return sums;
  }

  #dot({ rows, vectors }: Tile): string[][] {
    const { format } = this.#tools;
    const { left, right } = this.#product;
    const columns = vectors === 0 ? 1 : vectors * format.lanes;
    const l = this.#line(left, this.#rowLoop, rows);
    const r = this.#line(right, this.#columnLoop, columns);
    const sums = grid(rows, columns, (row, column) => this.#zero(`sum${row}${column}`));
    const body = (load: string): void => {
      const lefts = Array.from({ length: rows }, (_, row) => {
        const { base, offset } = l.at(row);
        return this.#value("left", `${load}(${address(base, offset)})`);
      });
      for (let column = 0; column < columns; column++) {
        const { base, offset } = r.at(column);
        const one = this.#value("right", `${load}(${address(base, offset)})`);
        for (let row = 0; row < rows; row++) this.#accumulate(sums[row]![column]!, lefts[row]!, one);
      }
    };
    const whole = (lanes: number): void => {
      body(lanes === 1 ? `v128.load_zero<${format.dtype}>` : "v128.load");
      this.#step(l.base, left, lanes);
      this.#step(r.base, right, lanes);
    };
    // The rest of the depth goes into the first lane alone.
    this.#overDepth([format.lanes, 1], whole);
    return sums.map((row) => this.#acrossLanes(row));
  }

  /** Adds up the lanes of each sum, (s0 + s1) + (s2 + s3), and gathers the results of neighbouring columns in one vector. */
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
      const half = group.length / 2;
      return pair(gather(group.slice(0, half)), gather(group.slice(half)));
    };
    if (row.length === 1) return [gather(Array.from({ length: format.lanes }, () => row[0]!))];
    return Array.from({ length: row.length / format.lanes }, (_, v) =>
      gather(row.slice(v * format.lanes, (v + 1) * format.lanes)),
    );
  }

  #element(): string[][] {
    return this.#outer({ rows: 1, vectors: 0 });
  }

  #value(wanted: string, text: string): string {
    const name = this.#tools.names.fresh(wanted);
    this.#writer.line(`const ${name} = ${text};`);
    return name;
  }

  #epilogue(tile: Tile, sums: readonly (readonly string[])[], values: Values): void {
    const { left, right, operands, stores } = this.#product;
    const productValue = this.#product.values.findIndex((v) => v.kind === "product");
    const saved = [...this.#addresses];
    for (const [i, operand] of operands.entries()) {
      if (i === left || i === right) continue;
      let text = this.#addresses[i]!;
      for (const loop of [this.#rowLoop, this.#columnLoop])
        text = advance(text, this.#indices[loop]!, operand.strides[loop]!);
      if (text !== this.#addresses[i])
        this.#addresses[i] = this.#declare(`${addressName(operand.name)}Tile`, text);
    }
    for (const [row, vectors] of sums.entries()) {
      for (const [v, sum] of vectors.entries()) {
        const site = this.#site(tile.vectors === 0 ? null : this.#columnLoop, row, v);
        const here = values.inside();
        here.set(productValue, { text: sum, lanes: "number" });
        for (const index of this.#product.values.keys()) here.compute(index, site);
        for (const store of stores) here.store(store.operand, store.value, site);
      }
    }
    this.#addresses.splice(0, this.#addresses.length, ...saved);
  }

  #site(vectorLoop: number | null, row: number, vector: number): Site {
    const { bytes, lanes } = this.#tools.format;
    return {
      writer: this.#writer,
      vectorLoop,
      suffix: "",
      address: (operand) => {
        const { strides } = this.#product.operands[operand]!;
        let base = this.#addresses[operand]!;
        let offset = 0;
        const move = (stride: Affine | undefined, by: number): void => {
          if (stride === undefined || by === 0 || isZero(stride)) return;
          if (stride.perRow === 0 && stride.constant > 0) offset += stride.constant * by * bytes;
          else base = `${base} + ${by} * (${affineText(stride, bytes)})`;
        };
        move(strides[this.#rowLoop], row);
        move(strides[this.#columnLoop], vector * lanes);
        return { base, offset };
      },
      index: (loop) => {
        const by = loop === this.#rowLoop ? row * bytes : loop === this.#columnLoop ? vector * 16 : 0;
        return by === 0 ? this.#indices[loop]! : `${this.#indices[loop]} + ${by}`;
      },
    };
  }
}

const address = (base: string, offset: number): string => (offset === 0 ? base : `${base}, ${offset}`);

const grid = (rows: number, columns: number, make: (row: number, column: number) => string): string[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));

function chooseForm(product: Product, lanes: number): Form {
  const { loops, operands, depth } = product;
  const rows = loops.at(-2)!;
  const columns = loops.at(-1)!;
  const multiplications = [rows, columns, depth].reduce((n, size) => n * (size.free ? 1 : size.count), 1);
  const isFree = rows.free || columns.free || depth.free;
  const left = operands[product.left]!.strides;
  const right = operands[product.right]!.strides;
  const isSmall = isFree ? multiplications < TINY / 16 : multiplications < TINY;
  if (isSmall) return "element";
  if (isUnit(right.at(-2)!) && (columns.free || columns.count >= lanes)) return "outer";
  if (isUnit(left.at(-1)!) && isUnit(right.at(-1)!)) return "dot";
  return isUnit(right.at(-2)!) ? "outer" : "element";
}
