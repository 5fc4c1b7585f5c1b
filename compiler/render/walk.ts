/** Variables that go through loops inside one another, which a list of them is. */
import { constantOf, type Affine } from "../ir/size.ts";
import type { Loop } from "../schedule/kernel.ts";
import { affineText, sizeText } from "./affine.ts";
import type { FunctionWriter } from "./writer.ts";

/** Where a walk begins: an address to which its base is added, and the steps of all loops but the outermost. */
export interface Start {
  readonly offset: string;
  readonly counters: readonly string[];
}

/** Declares where step number `step` of all the loops is, if they are one. */
export function startOf(w: FunctionWriter, loops: readonly Loop[], step: string, bytes: number): Start {
  if (step === "0") return { offset: "0", counters: loops.slice(1).map(() => "0") };
  const counters: string[] = [];
  const terms: string[] = [];
  let left = step;
  for (const { size, stride } of loops.slice(1).toReversed()) {
    const whole = w.usize("whole", left);
    const count = sizeText(size, 1);
    const counter = w.usize("counter", `${whole} % (${count})`);
    counters.unshift(counter);
    terms.push(`${counter} * (${affineText(stride, bytes)})`);
    left = `${whole} / (${count})`;
  }
  const [outermost] = loops;
  if (outermost !== undefined) terms.push(`(${left}) * (${affineText(outermost.stride, bytes)})`);
  return { offset: w.usize("offset", terms.join(" + ") || "0"), counters };
}

export class Walk {
  /** The variable that holds the address. */
  readonly at: string;
  readonly #writer: FunctionWriter;
  readonly #loops: readonly Loop[];
  readonly #counters: readonly string[];
  readonly #bytes: number;

  constructor(
    w: FunctionWriter,
    base: string,
    loops: readonly Loop[],
    { offset, counters }: Start,
    bytes: number,
  ) {
    this.#writer = w;
    this.#loops = loops;
    this.#bytes = bytes;
    this.at = w.usize("place", offset === "0" ? base : `${base} + ${offset}`, "let");
    this.#counters = counters.map((counter) => w.usize("step", counter, "let"));
  }

  /** Writes a step of the innermost loop, and those of outer ones that follow from it. */
  next(): void {
    this.#step(this.#loops.length - 1);
  }

  #step(level: number): void {
    const w = this.#writer;
    const loop = this.#loops[level];
    if (loop === undefined) return;
    move(w, this.at, loop.stride, this.#bytes);
    if (level === 0) return;
    const counter = this.#counters[level - 1]!;
    const size = sizeText(loop.size, 1);
    w.line(`${counter} += 1;`);
    w.block(`if (${counter} == ${size})`, () => {
      w.line(`${counter} = 0;`);
      back(w, this.at, loop, this.#bytes);
      this.#step(level - 1);
    });
  }
}

/** `address += stride`. */
export function move(w: FunctionWriter, address: string, stride: Affine, bytes: number): void {
  const by = constantOf(stride);
  if (by === 0) return;
  if (by !== null && by < 0) w.line(`${address} -= ${-by * bytes};`);
  else w.line(`${address} += ${affineText(stride, bytes)};`);
}

/** From behind the last step of a loop to its first. */
export function back(w: FunctionWriter, address: string, { size, stride }: Loop, bytes: number): void {
  const by = constantOf(stride);
  if (by === 0) return;
  const count = sizeText(size, 1);
  if (by !== null && /^\d+$/.test(count)) {
    const all = by * Number(count) * bytes;
    w.line(all < 0 ? `${address} += ${-all};` : `${address} -= ${all};`);
  } else w.line(`${address} -= (${count}) * (${affineText(stride, bytes)});`);
}
