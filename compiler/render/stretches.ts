/**
 * The code of a depth that is taken a stretch at a time (see `schedule/stretches.ts`): of a block
 * of rows as many columns as there is room for, of these one stretch after the other, and of each
 * all tiles. A tile finds its sums of the stretches before where it has put them, since tiles come
 * in the same order each time.
 */
import type { Size } from "../ir/size.ts";
import type { Span } from "../schedule/tiling.ts";
import type { Stretches } from "../schedule/stretches.ts";
import { immediate } from "./address.ts";
import { sizeText } from "./affine.ts";
import { type Ends, ends, type Range } from "./cover.ts";
import type { Extent } from "./extent.ts";
import type { SpanStack } from "./spans.ts";
import type { KernelTools } from "./values.ts";
import type { FunctionWriter } from "./writer.ts";

export class StretchWriter {
  readonly #stretches: Stretches;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  readonly #room: (bytes: number) => string;
  /** Whether sums of spans stand above each other until they are added pairwise; else there is one. */
  readonly #isPaired: boolean;
  /** The whole depth in bytes of its index, and places for sums of each result; none if it is one stretch. */
  readonly #deep: string;
  readonly #places: string;
  #extent: Extent;
  // Names of variables inside a stretch: how many sums of each result are aside before and after it,
  // whether it is the last, where the next tile's are, and this one's behind the loop over the depth.
  #start = "";
  #before = "";
  #limit = "";
  #isLast = "";
  #at = "";

  /** @param room the address of memory of this worker's own for sums that are put aside */
  constructor(
    depth: Size,
    { stretches, span }: { readonly stretches: Stretches; readonly span: Span | null },
    tools: KernelTools,
    room: (bytes: number) => string,
  ) {
    this.#stretches = stretches;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#room = room;
    this.#isPaired = span !== null;
    const w = tools.writer;
    const { bytes } = tools.format;
    this.#deep = w.usize("deep", sizeText(depth, bytes));
    // All stretches or none, since tiles that are packed come in another order.
    const packedIf = w.fresh("packs");
    w.line(`const ${packedIf} = ${this.#deep} >= ${stretches.shallowest * bytes};`);
    this.#extent = { entries: "", bytes: "", packedIf };
    // Of a power of two of stretches, all but the last leave as many sums as that has zeros; inside
    // a stretch spans do likewise.
    const inside = Math.log2(stretches.spans);
    const places = this.#isPaired ? `${31 + inside} - clz((${this.#deep} - 1) / ${this.#bytes} + 1)` : "1";
    this.#places = w.usize("places", `${this.#deep} > ${this.#bytes} ? ${places} : 0`);
  }

  get #bytes(): number {
    return this.#stretches.entries * this.#tools.format.bytes;
  }

  /** Of the stretch that is being written. */
  extent = (): Extent => this.#extent;

  /** As many whole tiles of rows as a block has, as the bytes of their index. @param height of a tile */
  blockSize(height: number): string {
    const { block, gap } = this.#stretches;
    const { bytes } = this.#tools.format;
    const deep = `(min<usize>(${this.#deep}, ${this.#bytes}) + ${gap * bytes})`;
    const room = block * bytes;
    return this.#writer.usize("blockSize", `max<usize>(${room} / ${deep} / ${height}, 1) * ${height}`);
  }

  /**
   * Writes the loops over strips of columns, and over stretches.
   * @param rows bytes of the index of a block's rows
   * @param step columns are taken in multiples of that, in bytes
   * @param inside writes a stretch of a strip, given where in the depth that begins, in bytes
   */
  each(rows: string, columns: Range, step: number, inside: (strip: Ends, from: string) => void): void {
    const w = this.#writer;
    const { bytes, lanes } = this.#tools.format;
    const { from, end } = ends(columns);
    const strip = w.usize("strip", from === "0" ? end : `${end} - ${from}`, "let");
    // Fewer columns than a vector take all of it.
    const fitting = `(${this.#stretches.room} / (${rows} * ${this.#places}) - ${2 * lanes}) / ${step / bytes}`;
    w.line(`if (${this.#places}) ${strip} = ${fitting} * ${step};`);
    const left = w.fresh("left");
    w.block(`for (let ${left}: usize = ${from}; ${left} < ${end}; ${left} += ${strip})`, () => {
      const right = w.usize("right", `min<usize>(${left} + ${strip}, ${end})`);
      const start = w.fresh("start");
      w.line(`let ${start}: usize = 0;`);
      w.block(
        "do",
        () => {
          const size = w.usize("size", `min<usize>(${this.#deep} - ${start}, ${this.#bytes})`);
          this.#open(start, size);
          inside({ from: left, end: right }, start);
          w.line(`${start} += ${size};`);
        },
        ` while (${start} < ${this.#deep});`,
      );
    });
  }

  #open(start: string, size: string): void {
    const w = this.#writer;
    this.#extent = { ...this.#extent, bytes: size, entries: `${size} / ${this.#tools.format.bytes}` };
    this.#isLast = w.fresh("isLast");
    w.line(`const ${this.#isLast} = ${start} + ${size} == ${this.#deep};`);
    this.#start = start;
    if (this.#isPaired) {
      // Those before have left a sum for each bit of their number.
      this.#before = w.usize("before", `popcnt(${start} / ${this.#bytes})`);
      this.#limit = w.usize("limit", `${size} + <usize>!${this.#isLast}`);
    }
    this.#at = w.usize("sumsAt", this.#room(this.#stretches.room), "let");
  }

  /**
   * A tile has a stack of its own, on which all spans go but the last of all.
   * @param size bytes of a tile's sums
   */
  stack(size: number): SpanStack {
    const top = this.#writer.usize("top", `${this.#at} + ${this.#before} * ${size}`, "let");
    return {
      top,
      bottom: () => this.#writer.usize("bottom", `${this.#isLast} ? ${this.#at} : ${top}`),
      limit: this.#limit,
      number: (until) => `(${this.#start} + ${until})`,
    };
  }

  /** Where sums are not cut, they go on from what they were. */
  resume(sums: readonly string[]): void {
    this.#writer.block(`if (${this.#start})`, () => {
      for (const [k, sum] of sums.entries())
        this.#writer.line(`${sum} = v128.load(${this.#at}${immediate(k * 16)});`);
    });
  }

  /** What becomes of a tile's sums over the stretch. @param epilogue writes what follows the last one */
  finish(sums: readonly string[], epilogue: () => void): void {
    const w = this.#writer;
    w.scope(`if (${this.#isLast})`, epilogue);
    if (!this.#isPaired)
      w.scope("else", () => {
        for (const [k, sum] of sums.entries()) w.line(`v128.store(${this.#at}, ${sum}${immediate(k * 16)});`);
      });
    w.line(`${this.#at} += ${this.#places} * ${sums.length * 16};`);
  }
}
