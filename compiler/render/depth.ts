/** Sums over the depth of a product, whole or a span at a time. */
import { countOf, isKnown, type Size } from "../ir/size.ts";
import type { Span } from "../schedule/tiling.ts";
import { immediate } from "./address.ts";
import { sizeText } from "./affine.ts";
import { cover, type Range } from "./cover.ts";
import { eachSpan, type SpanStack } from "./spans.ts";
import type { StretchWriter } from "./stretches.ts";
import type { KernelTools } from "./values.ts";
import type { FunctionWriter } from "./writer.ts";

/**
 * How many sums of spans can be aside at once: a memory of 2³² bytes has no room for 2³⁰ addends,
 * which are fewer than 2²⁵ spans.
 */
const MOST_ASIDE = 25;

/** What a tile adds up, and how its loop goes. */
export interface Summation {
  /** Names of the sums, which are declared here. */
  readonly sums: readonly string[];
  /** Of the loop in entries, the largest first. */
  readonly steps: readonly number[];
  /** Adds a step of so many entries to the sums. */
  readonly body: (step: number) => void;
}

/** A loop over spans, and in each over the depth. */
interface SpanLoop {
  readonly sums: readonly string[];
  /** Of the loop in bytes, the largest first. */
  readonly steps: readonly number[];
  /** Adds a step of so many bytes of the index. */
  readonly body: (step: number) => void;
  /** Of a span, of the index. */
  readonly bytes: number;
  readonly end: string;
  readonly index: string;
}

export class DepthWriter {
  readonly #depth: Size;
  readonly #span: Span | null;
  readonly #stretches: StretchWriter | null;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  readonly #aside: (bytes: number) => string;

  /**
   * @param stretches where only one of these is summed up at a time
   * @param aside the address of memory of this worker's own for sums of spans, for so many bytes
   */
  constructor(
    depth: Size,
    { span, stretches }: { readonly span: Span | null; readonly stretches: StretchWriter | null },
    tools: KernelTools,
    aside: (bytes: number) => string,
  ) {
    this.#depth = depth;
    this.#span = span;
    this.#stretches = stretches;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#aside = aside;
  }

  sumUp({ sums, steps, body }: Summation): void {
    const { bytes } = this.#tools.format;
    const depth = this.#depth;
    const w = this.#writer;
    const cut = steps.map((step) => step * bytes);
    const each = (step: number): void => body(step / bytes);
    this.#clear(sums, "let ");
    let end = this.#stretches?.extent().bytes ?? sizeText(depth, bytes);
    // Engines would work out the end at each turn.
    if (!isKnown(depth) && this.#stretches === null) end = w.usize("deep", end);
    const d = w.fresh("d");
    if (this.#span === null) {
      this.#stretches?.resume(sums);
      const range: Range = isKnown(depth) ? { size: depth, unit: bytes } : { from: "0", end };
      cover(w, d, range, cut, each);
      return;
    }
    // Spans are of whole steps, so what the depth leaves of one is left over by the last span.
    const whole = isKnown(depth) ? steps.findIndex((step) => countOf(depth) % step === 0) : -1;
    const needed = whole < 0 ? cut : cut.slice(0, whole + 1);
    const { entries, added } = this.#span;
    const loop: SpanLoop = { sums, steps: needed, body: each, bytes: entries * bytes, end, index: d };
    if (added === "in f64") this.#addSpans(loop);
    else this.#pairSpans(loop);
  }

  /**
   * Spans of the depth, their sums added up in f64: where a result fills at most half of a vector
   * of f32.
   */
  #addSpans({ sums, steps, body, bytes, end, index }: SpanLoop): void {
    const w = this.#writer;
    const totals = sums.map(() => w.fresh("total"));
    for (const total of totals) w.line(`let ${total} = f64x2.splat(0);`);
    eachSpan(w, index, end, bytes, (range) => {
      this.#clear(sums);
      cover(w, index, range, steps, body);
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
  #pairSpans({ sums, steps, body, bytes, end, index }: SpanLoop): void {
    const { vector } = this.#tools.format;
    const w = this.#writer;
    const size = sums.length * 16;
    const { top, bottom, limit, number } = this.#stretches?.stack(size) ?? this.#stack(size, end);
    const takeBack = (): void => {
      w.line(`${top} -= ${size};`);
      for (const [k, sum] of sums.entries())
        w.line(`${sum} = ${vector}.add(v128.load(${top}${immediate(k * 16)}), ${sum});`);
    };
    w.line(`let ${index}: usize = 0;`);
    w.scope(isKnown(this.#depth) ? "" : `if (${end} > ${bytes})`, () => {
      const [until, count] = [w.fresh("until"), w.fresh("count")];
      w.line(`let ${until}: usize = ${bytes};`);
      w.scope(
        "do",
        () => {
          cover(w, index, { from: index, end: until }, steps.slice(0, 1), body);
          w.block(
            `for (let ${count} = ${number(until)} / ${bytes}; !(${count} & 1); ${count} >>= 1)`,
            takeBack,
          );
          for (const [k, sum] of sums.entries()) w.line(`v128.store(${top}, ${sum}${immediate(k * 16)});`);
          w.line(`${top} += ${size};`);
          this.#clear(sums);
          w.line(`${until} += ${bytes};`);
        },
        ` while (${until} < ${limit});`,
      );
    });
    cover(w, index, { from: index, end }, steps, body);
    w.block(`while (${top} != ${bottom()})`, takeBack);
  }

  #stack(size: number, end: string): SpanStack {
    const bottom = this.#aside(size * MOST_ASIDE);
    const top = this.#writer.usize("top", bottom, "let");
    return { top, bottom: () => bottom, limit: end, number: (until) => until };
  }

  #clear(sums: readonly string[], declare = ""): void {
    const zero = this.#tools.constants.zeros();
    for (const sum of sums) this.#writer.line(`${declare}${sum} = ${zero};`);
  }
}
