/**
 * Copies of factors whose rows, columns or depth are lists of loops, to where tiles read them as
 * they would a plain factor (see `schedule/gathering.ts`).
 */
import { constantOf, countOf, isUnit, known, ONE } from "../ir/size.ts";
import { affine } from "../ir/size.ts";
import { type Loop, loopsAlong, type Product } from "../schedule/kernel.ts";
import { immediate } from "./address.ts";
import { sizeText } from "./affine.ts";
import type { Ends } from "./cover.ts";
import { copyBytes, type Lines } from "./packing.ts";
import type { Run } from "./panels.ts";
import type { KernelTools } from "./values.ts";
import { back, move, startOf, Walk } from "./walk.ts";
import type { FunctionWriter } from "./writer.ts";

/** Bytes up to which a copy is written out. */
const WRITTEN_OUT = 640;
/** Of one turn of the loop of a longer one. */
const TURN = 64;

/** Some of the depth, as expressions: where it begins, and how far it goes in bytes of the index and in steps. */
export interface Stretch {
  readonly from: string;
  readonly bytes: string;
  readonly entries: string;
}

export class GatherWriter {
  readonly #product: Product;
  readonly #writer: FunctionWriter;
  readonly #tools: KernelTools;
  readonly #bytes: number;

  constructor(product: Product, tools: KernelTools) {
    this.#product = product;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#bytes = tools.format.bytes;
  }

  #loops(side: "left" | "right"): { readonly lines: readonly Loop[]; readonly depth: readonly Loop[] } {
    const product = this.#product;
    const operand = product.operands[product[side]]!;
    const { length } = product.loops;
    return {
      lines: loopsAlong(product, operand, side === "left" ? length - 2 : length - 1),
      depth: loopsAlong(product, operand, length),
    };
  }

  /** Rows one behind the other, each along the whole depth. */
  alongDepth(base: string, { from, end }: Ends, memory: string): Lines {
    const w = this.#writer;
    const bytes = this.#bytes;
    const { lines, depth } = this.#loops("left");
    const deep = countOf(this.#product.depth);
    const result: Lines = {
      base: memory,
      origin: from,
      across: String(deep),
      step: String(bytes),
      apart: deep * bytes,
      mayBePacked: true,
    };
    w.scope("", () => {
      const start = startOf(w, lines, inSteps(from, bytes), bytes);
      const rows = new Walk(w, base, lines, start, bytes);
      const to = w.usize("to", memory, "let");
      const row = w.fresh("row");
      w.scope(`for (let ${row}: usize = ${from}; ${row} < ${end}; ${row} += ${bytes})`, () => {
        this.#row(rows.at, to, depth);
        w.line(`${to} += ${deep * bytes};`);
        rows.next();
      });
    });
    return result;
  }

  /** A row along the depth from `at` to `to`, neither of which it moves. */
  #row(at: string, to: string, depth: readonly Loop[]): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const run = depth.at(-1) ?? { size: ONE, stride: affine(1) };
    const outer = depth.slice(0, -1);
    const length = countOf(run.size) * bytes;
    const runs = outer.reduce((product, { size }) => product * countOf(size), 1);
    const offsets = offsetsOf(outer);
    if (isUnit(run.stride) && offsets !== null && runs * length <= WRITTEN_OUT) {
      for (const [i, offset] of offsets.entries()) copyBytes(w, at, to, length, offset * bytes, i * length);
      return;
    }
    const source = w.usize("source", at, "let");
    const target = w.usize("target", to, "let");
    eachOf(
      w,
      outer,
      (loop) => ({
        move: () => move(w, source, loop.stride, bytes),
        back: () => back(w, source, loop, bytes),
      }),
      () => {
        if (isUnit(run.stride)) this.#copyRun(source, target, length);
        else this.#copyApart(source, target, run);
        w.line(`${target} += ${length};`);
      },
    );
  }

  /** So many bytes that lie side by side. */
  #copyRun(from: string, to: string, length: number): void {
    const w = this.#writer;
    if (length <= WRITTEN_OUT / 2) return copyBytes(w, from, to, length);
    const whole = length - (length % TURN);
    const at = w.fresh("at");
    w.scope(`for (let ${at}: usize = 0; ${at} < ${whole}; ${at} += ${TURN})`, () =>
      copyBytes(w, `${from} + ${at}`, `${to} + ${at}`, TURN),
    );
    if (length > whole) copyBytes(w, from, to, length - whole, whole, whole);
  }

  /** Entries that lie apart, side by side. */
  #copyApart(from: string, to: string, { size, stride }: Loop): void {
    const w = this.#writer;
    const type = this.#bytes === 4 ? "u32" : "u64";
    const place = w.usize("entry", from, "let");
    const at = w.fresh("at");
    const end = countOf(size) * this.#bytes;
    w.scope(`for (let ${at}: usize = 0; ${at} < ${end}; ${at} += ${this.#bytes})`, () => {
      w.line(`store<${type}>(${to} + ${at}, load<${type}>(${place}));`);
      move(w, place, stride, this.#bytes);
    });
  }

  /**
   * At each step of some depth all rows side by side.
   * @param deep where in the depth that begins, and how far it goes, in bytes of its index
   */
  alongRows(
    base: string,
    { from, end }: Ends,
    memory: string,
    deep: { readonly from: string; readonly bytes: string },
  ): Lines {
    const w = this.#writer;
    const bytes = this.#bytes;
    const { lines, depth } = this.#loops("left");
    const pitch = w.usize("pitch", `${end} - ${from}`);
    w.scope("", () => {
      const run = lines.at(-1) ?? { size: ONE, stride: affine(1) };
      const isRun = isUnit(run.stride);
      const outer = isRun ? lines.slice(0, -1) : lines;
      const length = isRun ? sizeText(run.size, bytes) : String(bytes);
      const first = isRun && from !== "0" ? w.usize("first", `${from} % (${length})`) : "0";
      const begin = isRun ? (from === "0" ? "0" : `${from} / (${length})`) : inSteps(from, bytes);
      const rowStart = startOf(w, outer, begin, bytes);
      const steps = new Walk(w, base, depth, startOf(w, depth, inSteps(deep.from, bytes), bytes), bytes);
      const to = w.usize("to", memory, "let");
      const d = w.fresh("d");
      w.scope(`for (let ${d}: usize = 0; ${d} < ${deep.bytes}; ${d} += ${bytes})`, () => {
        const stop = w.usize("stop", `${to} + ${pitch}`);
        const rows = new Walk(w, steps.at, outer, rowStart, bytes);
        if (isRun && outer.length === 0) {
          this.#copySome(first === "0" ? rows.at : `${rows.at} + ${first}`, to, pitch);
          w.line(`${to} = ${stop};`);
        } else if (isRun) {
          const place = w.usize("inRun", first, "let");
          w.scope(`while (${to} < ${stop})`, () => {
            const some = w.usize("some", `min<usize>(${length} - ${place}, ${stop} - ${to})`);
            this.#copySome(`${rows.at} + ${place}`, to, some);
            w.line(`${to} += ${some};`);
            w.line(`${place} = 0;`);
            rows.next();
          });
        } else {
          const type = bytes === 4 ? "u32" : "u64";
          w.scope(`for (; ${to} < ${stop}; ${to} += ${bytes})`, () => {
            w.line(`store<${type}>(${to}, load<${type}>(${rows.at}));`);
            rows.next();
          });
        }
        steps.next();
      });
    });
    return { base: memory, origin: from, across: "1", step: pitch, mayBePacked: true };
  }

  /** As many bytes as a variable says, side by side. */
  #copySome(from: string, to: string, some: string): void {
    const w = this.#writer;
    const type = this.#bytes === 4 ? "u32" : "u64";
    const at = w.usize("at", "0", "let");
    w.block(`for (; ${at} + 16 <= ${some}; ${at} += 16)`, () =>
      w.line(`v128.store(${to} + ${at}, v128.load(${from} + ${at}));`),
    );
    w.block(`for (; ${at} < ${some}; ${at} += ${this.#bytes})`, () =>
      w.line(`store<${type}>(${to} + ${at}, load<${type}>(${from} + ${at}));`),
    );
  }

  /** Tile behind tile of columns, in each a step of depth behind the other. @param width of a tile in columns */
  tiles(base: string, width: number, { from, end, memory }: Run): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const { lanes } = this.#tools.format;
    const { lines, depth } = this.#loops("right");
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
    const [column] = this.#loops("right").lines;
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
    const { depth } = this.#loops("right");
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
    const { lines, depth } = this.#loops("right");
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

/** Steps of an index in bytes. */
const inSteps = (index: string, bytes: number): string => (index === "0" ? "0" : `${index} / ${bytes}`);

/** Loops in one another, whose variables are as they were behind each but the outermost. */
function eachOf<L extends Loop>(
  w: FunctionWriter,
  loops: readonly L[],
  steps: (loop: L) => { readonly move: () => void; readonly back: () => void },
  body: () => void,
  isOutermost = true,
): void {
  const [loop, ...inner] = loops;
  if (loop === undefined) return body();
  const n = w.fresh("n");
  w.scope(`for (let ${n}: usize = 0; ${n} < ${sizeText(loop.size, 1)}; ${n}++)`, () => {
    eachOf(w, inner, steps, body, false);
    steps(loop).move();
  });
  if (!isOutermost) steps(loop).back();
}

/** Where each step of some loops is, in entries; null where that is not known, or before the first. */
function offsetsOf(loops: readonly Loop[]): number[] | null {
  let offsets = [0];
  for (const { size, stride } of loops) {
    const [count, by] = [known(size), constantOf(stride)];
    if (count === null || by === null || by < 0) return null;
    offsets = offsets.flatMap((offset) => Array.from({ length: count }, (_, i) => offset + i * by));
  }
  return offsets;
}
