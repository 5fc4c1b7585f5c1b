/** Copies of rows whose loops or whose depth's are lists, to where tiles read them as those of a plain factor. */
import { affine, countOf, isKnown, isUnit, ONE } from "../ir/size.ts";
import type { Loop, Product } from "../schedule/kernel.ts";
import { sizeText } from "./affine.ts";
import type { Ends } from "./cover.ts";
import { type Deep, eachOf, factorLoops, inSteps, offsetsOf } from "./gather.ts";
import { copyBytes, type Lines } from "./packing.ts";
import type { KernelTools } from "./values.ts";
import { back, move, startOf, Walk } from "./walk.ts";
import type { FunctionWriter } from "./writer.ts";

/** Bytes up to which a copy is written out. */
const WRITTEN_OUT = 640;
/** Of one turn of the loop of a longer one. */
const TURN = 64;

/** Runs of so many bytes, each at an offset in entries. */
interface Runs {
  readonly offsets: readonly number[];
  readonly length: number;
}

export class RowGather {
  readonly #product: Product;
  readonly #writer: FunctionWriter;
  readonly #bytes: number;
  readonly #lines: readonly Loop[];
  readonly #depth: readonly Loop[];

  constructor(product: Product, tools: KernelTools) {
    this.#product = product;
    this.#writer = tools.writer;
    this.#bytes = tools.format.bytes;
    const { lines, depth } = factorLoops(product, "left");
    this.#lines = lines;
    this.#depth = depth;
  }

  /** Rows one behind the other, each along the whole depth. */
  alongDepth(base: string, { from, end }: Ends, memory: string): Lines {
    const w = this.#writer;
    const bytes = this.#bytes;
    const [lines, depth] = [this.#lines, this.#depth];
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
  alongRows(base: string, { from, end }: Ends, memory: string, deep: Deep): Lines {
    const w = this.#writer;
    const bytes = this.#bytes;
    const [lines, depth] = [this.#lines, this.#depth];
    const pitch = w.usize("pitch", `${end} - ${from}`);
    const runs = this.#runsOf(lines);
    if (runs !== null)
      w.scope(`if (${pitch} == ${runs.offsets.length * runs.length})`, () =>
        this.#allRows(base, runs, depth, memory, deep),
      );
    w.scope(runs === null ? "" : "else", () => {
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

  /** All rows as runs of so many bytes, where these are few enough to be written out; else null. */
  #runsOf(lines: readonly Loop[]): Runs | null {
    const run = lines.at(-1);
    const outer = lines.slice(0, -1);
    const offsets = offsetsOf(outer);
    if (run === undefined || offsets === null || !isUnit(run.stride) || !isKnown(run.size)) return null;
    const length = countOf(run.size) * this.#bytes;
    return outer.length > 0 && offsets.length * length <= WRITTEN_OUT ? { offsets, length } : null;
  }

  #allRows(
    base: string,
    { offsets, length }: Runs,
    depth: readonly Loop[],
    memory: string,
    deep: Deep,
  ): void {
    const w = this.#writer;
    const bytes = this.#bytes;
    const steps = new Walk(w, base, depth, startOf(w, depth, inSteps(deep.from, bytes), bytes), bytes);
    const to = w.usize("to", memory, "let");
    const d = w.fresh("d");
    w.scope(`for (let ${d}: usize = 0; ${d} < ${deep.bytes}; ${d} += ${bytes})`, () => {
      for (const [i, offset] of offsets.entries())
        copyBytes(w, steps.at, to, length, offset * bytes, i * length);
      w.line(`${to} += ${offsets.length * length};`);
      steps.next();
    });
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
}
