/**
 * Loop nests, as their plan has it. One loop is the vector loop: its body stands once for full
 * vectors and once for single elements, which are its tail. Indices count bytes.
 */
import { isUnit, isZero } from "../ir/size.ts";
import type { Nest } from "../schedule/kernel.ts";
import type { NestPlan, Pass, Work } from "../schedule/nest-plan.ts";
import type { Split } from "../schedule/split.ts";
import { addressName, advance, further, type Location } from "./address.ts";
import { paddedText, sizeText } from "./affine.ts";
import { cover, type Range } from "./cover.ts";
import { Reductions } from "./reductions.ts";
import { RowRoomWriter } from "./row-room.ts";
import { eachSpan } from "./spans.ts";
import { Values, type KernelTools, type CodeSite } from "./values.ts";
import { shareOf } from "./workers.ts";
import type { FunctionWriter } from "./writer.ts";

export interface NestOptions {
  readonly plan: NestPlan;
  /** The address of so many bytes of memory of this worker's own. */
  readonly room: (bytes: number) => string;
  /** The loop that workers divide among them. */
  readonly split: Split | null;
}

/** Writes the body of the function that runs `nest`. */
export function renderNest(nest: Nest, tools: KernelTools, options: NestOptions): void {
  new NestWriter(nest, tools, options).write();
}

/** What is known between the loops opened so far: how wide code is, and values. */
interface Inside {
  readonly site: CodeSite;
  readonly values: Values;
  /** Bytes from the index of the lanes' loop to this vector, where several stand side by side. */
  readonly beyond: number;
}

/** A part of a loop, whose index is declared. */
interface Span {
  readonly index: string;
  readonly range: Range;
}

/** A turn of a loop: which accumulator it adds to, or that it is of the tail. */
interface Turn {
  readonly copy: number;
  readonly isTail: boolean;
}

const FIRST: Turn = { copy: 0, isTail: false };

class NestWriter {
  readonly #nest: Nest;
  readonly #plan: NestPlan;
  readonly #split: Split | null;
  readonly #tools: KernelTools;
  readonly #writer: FunctionWriter;
  /** How many loops stand around all passes. */
  readonly #kept: number;
  readonly #indices: string[] = [];
  readonly #addresses: string[];
  /** Of operands inside a loop: names that its copies share. */
  readonly #declared = new Map<string, string>();
  readonly #room: RowRoomWriter | null;
  readonly #reserve: (bytes: number) => string;

  constructor(nest: Nest, tools: KernelTools, { plan, split, room }: NestOptions) {
    this.#nest = nest;
    this.#plan = plan;
    this.#split = split;
    this.#reserve = room;
    this.#room = plan.room === null ? null : new RowRoomWriter(nest, plan.room, tools, room);
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#kept = plan.kept.length - 1;
    this.#addresses = nest.operands.map((o) => addressName(o.name));
  }

  write(): void {
    this.#open(0, [{ site: this.#site(null, "", 0), values: new Values(this.#tools), beyond: 0 }]);
  }

  #site(vectorLoop: number | null, suffix: string, beyond: number): CodeSite {
    const lanes = this.#plan.lanes;
    return {
      vectorLoop,
      // What is left over by whole vectors is little, and code of its own.
      inlined: vectorLoop !== null && this.#plan.inlined,
      rowsOfLanes: this.#plan.rowsOfLanes,
      suffix,
      address: (operand) => {
        const here = { base: this.#addresses[operand]!, offset: 0 };
        return lanes === null
          ? here
          : further(here, this.#nest.operands[operand]!.strides[lanes.loop]!, beyond);
      },
      index: (loop) =>
        beyond !== 0 && loop === lanes?.loop ? `${this.#indices[loop]} + ${beyond}` : this.#indices[loop]!,
    };
  }

  /** What stands at `level` open loops, and everything inside. */
  #open(level: number, insides: readonly Inside[]): void {
    for (const inside of insides) this.#work(this.#plan.kept[level]!, inside);
    if (level < this.#kept) {
      const { lanes } = this.#plan;
      const copies = level === lanes?.loop ? lanes.vectors : 1;
      this.#loop(level, insides, copies, null, (deeper) => this.#open(level + 1, deeper));
      return;
    }
    for (const pass of this.#plan.passes) {
      this.#pass(pass, insides);
      for (const inside of insides) this.#work(pass.after, inside);
    }
  }

  #work({ values, stores }: Work, inside: Inside): void {
    for (const index of values) inside.values.compute(index, inside.site);
    this.#store(stores, inside);
  }

  #store(stores: readonly number[], { values, site }: Inside): void {
    for (const index of stores) values.store(this.#nest.stores[index]!, site);
  }

  /** One pass over the inner loops: its reductions and stores. */
  #pass(pass: Pass, outsides: readonly Inside[]): void {
    const { loops } = this.#nest;
    const { format } = this.#tools;
    const { lanes } = this.#plan;
    const isAcross = lanes !== null && lanes.loop >= this.#kept;
    const reductions = outsides.map(
      ({ site }) =>
        new Reductions(pass, this.#tools, {
          isAcross,
          hasTail: isAcross && lanes.end === "entries",
          isWide: site.vectorLoop !== null,
        }),
    );
    const inRow = ({ copy }: Turn): Location => ({
      base: this.#indices.at(-1)!,
      offset: isAcross ? copy * 16 : 0,
    });
    const bottom = (inside: Inside, own: Reductions, turn: Turn): void => {
      this.#room?.put(pass.puts, inside, inRow(turn));
      this.#store(pass.stores, inside);
      own.add(inside.values, inside.site, turn.isTail ? "tail" : turn.copy);
    };
    const descend = (level: number, insides: readonly Inside[], turn: Turn): void => {
      for (const [i, inside] of insides.entries()) {
        if (level === loops.length) this.#room?.take(pass.takes, inside, inRow(turn));
        const known = level > this.#kept ? pass.values[level - this.#kept - 1]! : [];
        for (const index of known) inside.values.compute(index, inside.site);
        if (level === loops.length) bottom(inside, reductions[i]!, turn);
      }
      if (level === loops.length) return;
      const loop = (span: Span | null): void =>
        this.#loop(level, insides, pass.accumulators, span, (deeper, { copy, isTail }) =>
          descend(level + 1, deeper, { copy: turn.copy + copy, isTail: turn.isTail || isTail }),
        );
      if (pass.span?.loop !== level) return loop(null);
      const index = this.#writer.fresh(indexName(level));
      const end = sizeText(loops[level]!, format.bytes);
      eachSpan(this.#writer, index, end, pass.span.entries * format.bytes, (range) =>
        reductions.reduce(
          (inside, own) => () => own.eachSpan(inside),
          () => loop({ index, range }),
        )(),
      );
    };
    const insides = outsides.map((outside) => ({ ...outside, values: outside.values.inside() }));
    for (const { values, site } of insides) values.begin(pass.values.flat(), site, this.#reserve);
    descend(this.#kept, insides, FIRST);
    for (const [i, { values }] of outsides.entries()) reductions[i]!.finish(values);
  }

  /**
   * @param copies vectors that one turn of the vector loop takes: one after the other in an inner
   * loop, side by side through all that is inside in another
   */
  #loop(
    level: number,
    outsides: readonly Inside[],
    copies: number,
    span: Span | null,
    body: (insides: readonly Inside[], turn: Turn) => void,
  ): void {
    const { format } = this.#tools;
    const { lanes } = this.#plan;
    const { bytes } = format;
    const index = span?.index ?? this.#writer.fresh(indexName(level));
    this.#indices[level] = index;
    const saved = [...this.#addresses];
    const restore = (): void => void this.#addresses.splice(0, this.#addresses.length, ...saved);

    const deeper = (outside: Inside, vectorLoop: number | null, copy: number, count: number): Inside => {
      const suffix = count > 1 ? `${outside.site.suffix}_${copy}` : outside.site.suffix;
      const beyond = outside.beyond + copy * 16;
      const site = this.#site(vectorLoop ?? outside.site.vectorLoop, suffix, beyond);
      return { site, values: outside.values.inside(), beyond };
    };
    const enter = (vectorLoop: number | null, turn: Turn, count: number): void => {
      restore();
      this.#advance(level, index, turn.copy === 0);
      body(
        outsides.map((outside) => deeper(outside, vectorLoop, turn.copy, count)),
        turn,
      );
    };
    const enterTogether = (count: number): void => {
      restore();
      this.#advance(level, index, true);
      const copied = Array.from({ length: count }, (_, copy) =>
        outsides.map((outside) => deeper(outside, level, copy, count)),
      );
      body(copied.flat(), FIRST);
    };
    const range = span?.range ?? this.#range(level, level === lanes?.loop ? 16 * copies : bytes);
    if (level === lanes?.loop) {
      const vectors = lanes.end === "past" ? [16] : [16 * copies, 16];
      const steps = lanes.end === "entries" ? [...vectors, bytes] : vectors;
      cover(this.#writer, index, range, steps, (step) => {
        const count = step / 16;
        if (step === bytes) enter(null, { copy: 0, isTail: true }, 1);
        else if (level < this.#kept) enterTogether(count);
        else for (let copy = 0; copy < count; copy++) enter(level, { copy, isTail: false }, count);
      });
    } else {
      cover(this.#writer, index, range, [bytes], () => enter(null, FIRST, 1));
    }
    restore();
  }

  /** What a loop runs over: all of it, or this worker's share in pieces of `step` bytes. */
  #range(level: number, step: number): Range {
    const { bytes } = this.#tools.format;
    const size = this.#nest.loops[level]!;
    const isPadded = this.#plan.lanes?.end === "past";
    const whole = (isPadded ? paddedText : sizeText)(size, bytes);
    if (this.#split?.loop !== level) return isPadded ? { from: "0", end: whole } : { size, unit: bytes };
    const { from, end } = shareOf(this.#split, { size, bytes, total: whole }, step);
    return { from, end: this.#writer.usize("shareEnd", end) };
  }

  /**
   * Addresses inside a loop just opened: a name for each that moves further in deeper loops, an
   * expression for the rest.
   */
  #advance(level: number, index: string, declare: boolean): void {
    for (const [i, operand] of this.#nest.operands.entries()) {
      const stride = operand.strides[level]!;
      if (isZero(stride)) continue;
      const text = advance(this.#addresses[i]!, index, stride);
      const isLast = operand.strides.slice(level + 1).every(isZero);
      if (isLast && isUnit(stride)) {
        this.#addresses[i] = text;
        continue;
      }
      const key = `${i}.${level}`;
      if (declare) this.#declared.set(key, this.#writer.usize(`${addressName(operand.name)}${level}`, text));
      this.#addresses[i] = this.#declared.get(key)!;
    }
  }
}

const indexName = (level: number): string => "ijklmnopq"[level] ?? `i${level}`;
