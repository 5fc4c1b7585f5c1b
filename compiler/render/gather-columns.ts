/** Copies of columns whose loops or whose depth's are lists, to where tiles read them as those of a plain factor. */
import { constantOf, countOf } from "../ir/size.ts";
import type { Loop, Product } from "../schedule/kernel.ts";
import { immediate } from "./address.ts";
import { eachOf, factorLoops, inSteps, type Stretch } from "./gather.ts";
import type { Run } from "./panels.ts";
import type { KernelTools } from "./values.ts";
import { back, move, startOf, Walk } from "./walk.ts";
import type { FunctionWriter } from "./writer.ts";

export class ColumnGather {
  readonly #product: Product;
  readonly #writer: FunctionWriter;
  readonly #tools: KernelTools;
  readonly #bytes: number;
  readonly #lines: readonly Loop[];
  readonly #depth: readonly Loop[];

  constructor(product: Product, tools: KernelTools) {
    this.#product = product;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#bytes = tools.format.bytes;
    const { lines, depth } = factorLoops(product, "right");
    this.#lines = lines;
    this.#depth = depth;
  }

  /** Tile behind tile of columns, in each a step of depth behind the other. @param width of a tile in columns */
  tiles(base: string, width: number, { from, end, memory }: Run): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const { lanes } = this.#tools.format;
    const [lines, depth] = [this.#lines, this.#depth];
    const deep = countOf(this.#product.depth);
    const [column] = lines;
    const across = column === undefined ? 1 : constantOf(column.stride);
    if (lines.length > 1 || across === null || across < 0 || width % lanes !== 0)
      return this.#columns(base, { from, end, memory }, width, deep * width * bytes);
    const source = w.usize("source", `${base} + ${from} * ${across}`, "let");
    const to = w.usize("to", memory, "let");
    const last = w.usize("last", `${memory} + (${end} - ${from}) * ${deep}`);
    w.scope(`for (; ${to} < ${last}; ${to} += ${deep * width * bytes})`, () => {
      this.#eachStep(source, to, depth, width * bytes, (at, place) => {
        for (let v = 0; v < width / lanes; v++) {
          const first = v * lanes * across * bytes;
          w.line(`v128.store(${place}, ${this.#vector(at, first, across)}${immediate(v * 16)});`);
        }
      });
      w.line(`${source} += ${width * across * bytes};`);
    });
  }

  /** A vector of entries so many apart. */
  #vector(at: string, first: number, across: number): string {
    const { dtype, lanes, bytes } = this.#tools.format;
    if (across < 0 && first !== 0) return this.#vector(`${at} - ${-first}`, 0, across);
    if (across === 1) return `v128.load(${at}${immediate(first)})`;
    if (across === 0) return `v128.load_splat<${dtype}>(${at}${immediate(first)})`;
    let text = `v128.load_zero<${dtype}>(${at}${immediate(first)})`;
    for (let lane = 1; lane < lanes; lane++)
      text =
        across < 0
          ? `v128.load_lane<${dtype}>(${at} - ${-lane * across * bytes}, ${text}, ${lane})`
          : `v128.load_lane<${dtype}>(${at}, ${text}, ${lane}${immediate(first + lane * across * bytes)})`;
    return text;
  }

  /** The same of some of a depth that is not known, where columns are one loop. */
  tilesOf(base: string, width: number, deep: Stretch, { from, end, memory }: Run): void {
    const w = this.#writer;
    const { lanes, bytes } = this.#tools.format;
    const across = this.#across();
    this.#eachStepOf(base, width, deep, memory, (at, to) => {
      const place = w.usize("place", to, "let");
      const column = w.fresh("column");
      w.scope(
        `for (let ${column}: usize = ${from}; ${column} < ${end}; ${column} += ${width * bytes})`,
        () => {
          const source = w.usize("source", `${at} + ${column} * ${across}`);
          if (width % lanes !== 0) {
            for (let k = 0; k < width; k++) this.#copyEntry(source, k * across * bytes, place, k * bytes);
          } else {
            for (let v = 0; v < width / lanes; v++) {
              const first = v * lanes * across * bytes;
              w.line(`v128.store(${place}, ${this.#vector(source, first, across)}${immediate(v * 16)});`);
            }
          }
          w.line(`${place} += ${deep.entries} * ${width * bytes};`);
        },
      );
    });
  }

  /** So many columns that fill no tile of some width. */
  restOf(
    base: string,
    { width, count }: { readonly width: number; readonly count: number },
    deep: Stretch,
    { from, memory }: Run,
  ): void {
    const across = this.#across();
    const bytes = this.#bytes;
    this.#eachStepOf(base, width, deep, memory, (at, to) => {
      const source = this.#writer.usize("source", `${at} + ${from} * ${across}`);
      for (let k = 0; k < count; k++) this.#copyEntry(source, k * across * bytes, to, k * bytes);
    });
  }

  /** From a column to the next, in entries. */
  #across(): number {
    const [column] = this.#lines;
    return column === undefined ? 1 : constantOf(column.stride)!;
  }

  #copyEntry(from: string, fromOffset: number, to: string, toOffset: number): void {
    const type = this.#bytes === 4 ? "u32" : "u64";
    const source = fromOffset < 0 ? `${from} - ${-fromOffset}` : from;
    this.#writer.line(
      `store<${type}>(${to}, load<${type}>(${source}${immediate(Math.max(0, fromOffset))})${immediate(toOffset)});`,
    );
  }

  #eachStepOf(
    base: string,
    width: number,
    deep: Stretch,
    memory: string,
    body: (at: string, to: string) => void,
  ): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const depth = this.#depth;
    const steps = new Walk(w, base, depth, startOf(w, depth, inSteps(deep.from, bytes), bytes), bytes);
    const to = w.usize("to", memory, "let");
    const d = w.fresh("d");
    w.scope(`for (let ${d}: usize = 0; ${d} < ${deep.bytes}; ${d} += ${bytes})`, () => {
      body(steps.at, to);
      w.line(`${to} += ${width * bytes};`);
      steps.next();
    });
  }

  /** The columns that fill no tile of so many. */
  rest(base: string, width: number, run: Run): void {
    this.#columns(base, run, width, 0);
  }

  /** Column by column. @param wide bytes of a tile; 0 where all are in one */
  #columns(base: string, { from, end, memory }: Run, width: number, wide: number): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const [lines, depth] = [this.#lines, this.#depth];
    const type = bytes === 4 ? "u32" : "u64";
    const columns = new Walk(w, base, lines, startOf(w, lines, inSteps(from, bytes), bytes), bytes);
    const column = w.fresh("column");
    w.scope(`for (let ${column}: usize = ${from}; ${column} < ${end}; ${column} += ${bytes})`, () => {
      const within = w.usize("within", from === "0" ? column : `${column} - ${from}`);
      const tile = width * bytes;
      const to = w.usize(
        "to",
        wide === 0
          ? `${memory} + ${within}`
          : `${memory} + ${within} / ${tile} * ${wide} + ${within} % ${tile}`,
      );
      this.#eachStep(columns.at, to, depth, tile, (at, place) =>
        w.line(`store<${type}>(${place}, load<${type}>(${at}));`),
      );
      columns.next();
    });
  }

  /**
   * What `body` writes at each step of the depth, in the order in which they lie in memory.
   * @param step bytes from one to the next of the copy
   */
  #eachStep(
    source: string,
    target: string,
    depth: readonly Loop[],
    step: number,
    body: (at: string, place: string) => void,
  ): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const at = w.usize("from", source, "let");
    const place = w.usize("place", target, "let");
    let inside = step;
    const loops = depth
      .toReversed()
      .map((loop) => {
        const apart = inside;
        inside *= countOf(loop.size);
        return { ...loop, apart };
      })
      .toReversed();
    const reach = ({ stride }: Loop): number => Math.abs(constantOf(stride) ?? Infinity);
    const sorted = loops.toSorted((a, b) => reach(b) - reach(a) || b.apart - a.apart);
    eachOf(
      w,
      sorted,
      (loop) => ({
        move: () => {
          move(w, at, loop.stride, bytes);
          w.line(`${place} += ${loop.apart};`);
        },
        back: () => {
          back(w, at, loop, bytes);
          w.line(`${place} -= ${loop.apart * countOf(loop.size)};`);
        },
      }),
      () => body(at, place),
    );
  }
}
