/** Sums that differ by a shift, in one pass over what they have in common (see `schedule/taps.ts`). */
import { isZero } from "../ir/size.ts";
import type { Nest } from "../schedule/kernel.ts";
import type { Split } from "../schedule/split.ts";
import type { TapsPlan } from "../schedule/taps.ts";
import { addressName, advance, further, immediate } from "./address.ts";
import { sizeText } from "./affine.ts";
import { cover, ends, type Range } from "./cover.ts";
import { promoted, rounded } from "./reductions.ts";
import { eachSpan } from "./spans.ts";
import { type CodeSite, type KernelTools, Values } from "./values.ts";
import { shareOf } from "./workers.ts";
import type { FunctionWriter } from "./writer.ts";

export interface TapsOptions {
  readonly plan: TapsPlan;
  /** The address of so many bytes of memory of this worker's own. */
  readonly room: (bytes: number) => string;
  /** The loop that workers divide among them. */
  readonly split: Split | null;
}

/** Writes the body of the function that runs `nest`. */
export function renderTaps(nest: Nest, tools: KernelTools, options: TapsOptions): void {
  new TapsWriter(nest, tools, options).write();
}

/** One sum of one tap: where its total is behind that of the first, and its accumulator. */
interface Sum {
  readonly tap: number;
  readonly value: number;
  readonly of: number;
  readonly total: number;
}

class TapsWriter {
  readonly #nest: Nest;
  readonly #plan: TapsPlan;
  readonly #split: Split | null;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  readonly #room: string;
  /** Beside the taps: the entry of each of their loops. */
  readonly #taps: readonly (readonly number[])[];
  readonly #sums: readonly Sum[];
  #addresses: readonly string[];

  constructor(nest: Nest, tools: KernelTools, { plan, split, room }: TapsOptions) {
    this.#nest = nest;
    this.#plan = plan;
    this.#split = split;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#room = tools.writer.usize("room", room(plan.room));
    this.#taps = plan.entries;
    this.#sums = plan.entries.flatMap((_, tap) =>
      plan.reductions.map(({ value, of }, i) => ({
        tap,
        value,
        of,
        total: (tap * plan.reductions.length + i) * plan.total,
      })),
    );
    this.#addresses = nest.operands.map(({ name }) => addressName(name));
  }

  write(): void {
    this.#outer(0, this.#range(this.#plan.lanes));
  }

  #outer(at: number, channels: Range): void {
    const loop = this.#plan.outer[at];
    if (loop !== undefined)
      return this.#loop(loop, this.#range(loop), 4, () => this.#outer(at + 1, channels));
    const { from, end } = ends(channels);
    const bytes = `(${end} - ${from}) * ${this.#apart}`;
    this.#writer.line(`memory.fill(${this.#room} + ${from} * ${this.#apart}, 0, ${bytes});`);
    this.#spans(this.#nest.loops.length - this.#nest.inner, channels);
    this.#eachVector(channels, (totals) => this.#finish(totals));
  }

  /** Inner loops down to the one that spans are cut from, and each span for all channels. */
  #spans(level: number, channels: Range): void {
    const { span } = this.#plan;
    if (level < span.loop)
      return this.#loop(level, this.#range(level), 4, () => this.#spans(level + 1, channels));
    const index = this.#writer.fresh("span");
    const end = sizeText(this.#nest.loops[level]!, 4);
    eachSpan(this.#writer, index, end, span.entries * 4, (range) => {
      this.#eachVector(channels, (totals) => this.#sumUp(level, range, totals));
      if ("end" in range) this.#writer.line(`${index} = ${range.end};`);
    });
  }

  /** One span of one vector of channels. */
  #sumUp(level: number, range: Range, totals: string): void {
    const w = this.#writer;
    const names = this.#sums.map(() => w.fresh("sum"));
    for (const name of names) w.line(`let ${name} = ${this.#tools.constants.zeros()};`);
    const descend = (inner: number, within: Range): void =>
      this.#loop(inner, within, 4, () => {
        if (inner + 1 < this.#nest.loops.length) descend(inner + 1, this.#range(inner + 1));
        else this.#add(names);
      });
    descend(level, range);
    for (const [i, { total }] of this.#sums.entries()) {
      for (const [half, addend] of promoted(names[i]!).entries()) {
        const at = immediate(total + 16 * half);
        w.line(`v128.store(${totals}, f64x2.add(v128.load(${totals}${at}), ${addend})${at});`);
      }
    }
  }

  /** What stands inside of all loops. */
  #add(names: readonly string[]): void {
    const { vector: F } = this.#tools.format;
    const shared = new Values(this.#tools);
    for (const value of this.#plan.shared) shared.compute(value, this.#site(0));
    for (const tap of this.#taps.keys()) {
      const [values, site] = [shared.inside(), this.#site(tap)];
      for (const value of this.#plan.own) values.compute(value, site);
      for (const [i, sum] of this.#sums.entries()) {
        if (sum.tap !== tap) continue;
        this.#writer.line(`${names[i]!} = ${F}.add(${names[i]!}, ${values.number(sum.of, site)});`);
      }
    }
  }

  #finish(totals: string): void {
    const { values, stores } = this.#plan.after;
    for (const tap of this.#taps.keys()) {
      const [known, site] = [new Values(this.#tools), this.#site(tap)];
      for (const { value, total } of this.#sums.filter((sum) => sum.tap === tap)) {
        const half = (by: number): string => `v128.load(${totals}${immediate(total + by)})`;
        const text = rounded(half(0), half(16));
        known.set(value, { text: this.#writer.vector(`sum${site.suffix}`, text), lanes: "number" });
      }
      for (const value of values) known.compute(value, site);
      for (const store of stores) known.store(this.#nest.stores[store]!, site);
    }
  }

  #site(tap: number): CodeSite {
    const { lanes, taps, nest } = this.#plan;
    return {
      vectorLoop: lanes,
      inlined: nest.inlined,
      suffix: `_${tap}`,
      address: (operand) => {
        const { strides } = this.#nest.operands[operand]!;
        return taps.reduce((at, loop, i) => further(at, strides[loop]!, this.#taps[tap]![i]! * 4), {
          base: this.#addresses[operand]!,
          offset: 0,
        });
      },
      index: () => "0",
    };
  }

  /** Bytes of totals for one of channels. */
  get #apart(): number {
    return (this.#sums.length * this.#plan.total) / 16;
  }

  /** @param inside is given the address of the vector's totals */
  #eachVector(channels: Range, inside: (totals: string) => void): void {
    this.#loop(this.#plan.lanes, channels, 16, (index) =>
      inside(this.#writer.usize("totals", `${this.#room} + ${index} * ${this.#apart}`)),
    );
  }

  #loop(level: number, range: Range, step: number, inside: (index: string) => void): void {
    const index = this.#writer.fresh("ijklmnopq"[level] ?? `i${level}`);
    cover(this.#writer, index, range, [step], () => {
      const outside = this.#addresses;
      this.#addresses = this.#nest.operands.map(({ strides, name }, i) =>
        isZero(strides[level]!)
          ? outside[i]!
          : this.#writer.usize(`${addressName(name)}${level}`, advance(outside[i]!, index, strides[level]!)),
      );
      inside(index);
      this.#addresses = outside;
    });
  }

  /** All of a loop, or this worker's share of it. */
  #range(level: number): Range {
    const size = this.#nest.loops[level]!;
    if (this.#split?.loop !== level) return { size, unit: 4 };
    const { from, end } = shareOf(this.#split, { size, bytes: 4 }, level === this.#plan.lanes ? 16 : 4);
    return { from: this.#writer.usize("shareFrom", from), end: this.#writer.usize("shareEnd", end) };
  }
}
