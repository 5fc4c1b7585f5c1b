/**
 * How loops are written: as recurrences, h_t = f(h_(t-1), x_t), with a line for what is computed at
 * each place that says where t goes. What a loop leaves is [h_1, …, h_T].
 */
import { reachable } from "../graph/graph.ts";
import { readersOf } from "../graph/readers.ts";
import type { Loop } from "../ir/loop.ts";
import { isInside, loopsAround, partsOf } from "../ir/loops.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { type LoopStep, nodesOf, type Step, stepsTo } from "../graph/steps.ts";
import { isOne } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { entryAt } from "./entries.ts";
import { symbol, type Formula, type Symbol } from "./formula.ts";
import { sliceParts } from "./read.ts";
import { isReshaped } from "./names.ts";
import { symbolText } from "./text.ts";

/** Letters for the places of loops, by how deep they are nested. */
export const LETTERS = "tsrq";

/** For what the sweep back carries, that which the program does not use. */
const FLOWS = ["c", "e", "u"] as const;

/** A value of a loop that has a line of its own. */
export interface Recurrence {
  readonly letter: string;
  readonly loop: Loop;
  /** What is carried is, before the first place, this; null for what is not carried. */
  readonly start: { readonly at: Symbol; readonly node: Node } | null;
}

/** How nodes are named and read. */
export interface Reader {
  /** A name that nothing else has, like the one given. */
  readonly fresh: (name: string) => string;
  readonly isFree: (name: string) => boolean;
  readonly isOne: (node: Node) => boolean;
  /** What `node` is, where its operands are what `operands` says. */
  readonly read: (node: Node, operands: readonly Formula[]) => Formula;
  /** The symbol of what has been read before, or its formula. */
  readonly formulaOf: (node: Node) => Formula;
}

export class LoopLines {
  readonly #letters = new Map<number, string>();
  readonly #recurrences = new Map<Node, Recurrence>();
  /** What stands for values of lines that are written elsewhere, as it is written. */
  readonly aliases = new Map<Node, Node>();
  /** What has the line of which a list tells the entries, or an entry the whole, by how it is written. */
  readonly lines = new Map<string, Node>();
  /** Names of the program for what loops leave, by the value at a place. */
  readonly #given = new Map<Node, string>();
  #flowLetter: string | undefined;
  readonly #readers: ReadonlyMap<Node, readonly Node[]>;
  readonly #symbols: Map<Node, Symbol>;
  readonly #reader: Reader;

  /** Gives symbols to what loops carry and leave. */
  constructor(roots: readonly Node[], symbols: Map<Node, Symbol>, reader: Reader) {
    this.#symbols = symbols;
    this.#reader = reader;
    this.#readers = readersOf(reachable(roots));
    for (const [node, { name, mark }] of symbols) {
      const stack = unpermuted(node);
      if (stack.op === "scan" && mark === "") this.#given.set(stack.operands[0]!, name);
    }
    const steps = stepsTo(roots);
    this.#letter(steps, 0);
    this.#walk(steps);
  }

  readonly recurrence = (node: Node): Recurrence | undefined => this.#recurrences.get(node);

  /**
   * How a value that gets a name only now says its place: nothing outside of loops. Its line says
   * where the innermost of them goes.
   */
  placed(node: Node): string {
    const loops = [...loopsAround(node).values()];
    const depth = (loop: Loop): number => LETTERS.indexOf(this.letterOf(loop));
    const innermost = loops.toSorted((a, b) => depth(b) - depth(a))[0];
    if (innermost === undefined) return "";
    const letter = this.letterOf(innermost);
    this.#recurrences.set(node, { letter, loop: innermost, start: null });
    return `@${letter}`;
  }

  #letter(steps: readonly Step[], depth: number): void {
    for (const step of steps) {
      if (step.kind !== "loop") continue;
      this.#letters.set(step.loop.id, LETTERS[depth] ?? `t${depth}`);
      this.#letter(step.body, depth + 1);
    }
  }

  #walk(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind !== "loop") continue;
      this.#name(step);
      this.#walk(step.body);
    }
  }

  #name({ loop, first, next, scans, body }: LoopStep): void {
    const letter = this.#letters.get(loop.id)!;
    const inner = [...nodesOf(body)];
    first.forEach((node, index) => {
      const to = next[index]!;
      const carried = inner.find(
        (x) => x.op === "carried" && x.attributes.loop.id === loop.id && x.attributes.index === index,
      );
      if (carried === undefined || !isInside(to, loop)) return;
      const name = this.#given.get(to) ?? this.#carriedName(carried, to, first.length);
      const isOne = this.#reader.isOne(carried);
      const before = loop.reverse ? `${letter}+1` : `${letter}-1`;
      this.#symbols.set(carried, symbol(`${name}@${before}`, isOne));
      if (this.#symbols.has(to)) return;
      this.#symbols.set(to, symbol(`${name}@${letter}`, isOne));
      this.aliases.set(carried, to);
      const at = symbol(`${name}@${loop.reverse ? loop.length + 1 : 0}`, isOne);
      this.#recurrences.set(to, { letter, loop, start: { at, node } });
    });
    for (const scan of scans) {
      const { value } = partsOf(scan);
      if (!isInside(value, loop) || value.op === "pick" || this.#symbols.has(value)) continue;
      const isList = unpermuted(value).op === "scan";
      const own = value.origin.name?.replace(/^d_/, "δ");
      const given = this.#given.get(value) ?? (own === undefined ? undefined : this.#reader.fresh(own));
      if (given === undefined && !isList && this.#isReadInPlace(scan, letter)) continue;
      const name = given ?? this.#reader.fresh("g");
      this.#symbols.set(value, symbol(`${name}@${letter}`, this.#reader.isOne(value)));
      this.#recurrences.set(value, { letter, loop, start: null });
    }
  }

  /** As the body calls it: `h`; of a list, whose items the body calls by numbers, as what is carried on is called. */
  #carriedName(carried: Node, to: Node, count: number): string {
    const name = (count > 1 ? to.origin.name : undefined) ?? carried.origin.name;
    return name === undefined || name.startsWith("d_") ? this.#flow() : this.#reader.fresh(name);
  }

  /** What the sweep back carries, which has no name in the program. */
  #flow(): string {
    this.#flowLetter ??= FLOWS.find(this.#reader.isFree) ?? FLOWS[0];
    return this.#reader.fresh(this.#flowLetter);
  }

  /** Whether all that reads a list does so at the place where the value is written, or adds it up. */
  #isReadInPlace(list: Node, letter: string): boolean {
    return (this.#readers.get(list) ?? []).every((user) => {
      if (user.op === "pick") return this.letterOf(user.attributes.loop) === letter && axisOf(list) === 0;
      if (user.op === "permute") return this.#isReadInPlace(user, letter);
      return user.op === "sum" && user.attributes.axes[0] === 0 && list.op === "scan";
    });
  }

  /** The value of which `node` is an entry at the same place, or the list: it is read as that. */
  readonly seenThrough = (node: Node): Node => {
    if (node.op === "pick" || node.op === "permute") {
      const inner = unpermuted(node.op === "pick" ? node.operands[0]! : node);
      return inner.op === "scan" ? inner.operands[0]! : node;
    }
    return node.op === "scan" ? node.operands[0]! : node;
  };

  readonly letterOf = ({ id }: Loop): string => this.#letters.get(id) ?? LETTERS[0]!;

  /** Σₜ hₜ instead of the sum of a list. */
  total(node: Node, formula: Formula): Formula {
    const of = node.operands[0];
    if (node.op !== "sum" || node.attributes.axes[0] !== 0 || of?.op !== "scan") return formula;
    const value = this.#symbols.get(of.operands[0]!);
    const letter = this.letterOf(of.attributes.loop);
    const summed = (part: Formula): Formula => {
      if (part.kind === "product") {
        return { ...part, factors: part.factors.map((f) => ({ ...f, base: summed(f.base) })) };
      }
      if (part.kind !== "total") return part;
      const [, ...others] = part.indices;
      const indices = [letter, ...others];
      return { ...part, indices, of: value ?? part.of, ...(others.length === 0 ? { places: true } : {}) };
    };
    return summed(formula);
  }

  /** The formula of what a loop leaves and takes; null for other nodes. */
  read(node: Node, operands: readonly Formula[]): Formula | null {
    if (node.op === "scan") return this.#stack(node.attributes.loop, node.operands[0]!, operands[0]!);
    if (node.op === "permute" && this.#isPutInPlace(node)) return operands[0]!;
    if (node.op === "slice") return this.#placeOf(node);
    if (node.op === "pick") return this.#entry(node.attributes.loop, node.operands[0]!, operands[0]!);
    return null;
  }

  /** Whether lists, or sums of them and the like, get their axis to another place, and no other axis is moved. */
  #isPutInPlace(node: NodeOf<"permute">): boolean {
    const of = node.operands[0]!;
    if (unpermuted(of).op === "scan") return true;
    const axis = this.#listAxis(of);
    const others = node.attributes.axes.filter((from) => from !== axis);
    return axis !== null && others.every((from, i) => i === 0 || from > others[i - 1]!);
  }

  /** The axis along which the lists lie that a node is made of entry by entry. */
  #listAxis(node: Node): number | null {
    if (unpermuted(node).op === "scan") return axisOf(node);
    if (ops[node.op].family !== "elementwise") return null;
    const axes = node.operands
      .filter(({ shape }) => shape.some((s) => !isOne(s)))
      .map((o) => this.#listAxis(o));
    const [axis] = axes;
    return axis !== undefined && axes.every((other) => other === axis) ? axis : null;
  }

  /** The entry of a list at one of its places: h₄. */
  #placeOf(node: NodeOf<"slice">): Formula | null {
    const list = node.operands[0]!;
    const inner = unpermuted(list);
    if (inner.op !== "scan") return null;
    const value = inner.operands[0]!;
    const named = this.#symbols.get(value);
    const axis = axisOf(list);
    const { start, fromEnd } = node.attributes.axes[axis]!;
    const letter = this.letterOf(inner.attributes.loop);
    if (named === undefined || fromEnd || !isOne(node.shape[axis]!)) return null;
    const [name, index] = named.name.split("@") as [string, string | undefined];
    if (index !== letter) return null;
    const at = { ...named, name: `${name}@${start + 1}` };
    this.lines.set(symbolText(at), this.aliases.get(value) ?? value);
    const others = sliceParts(node).filter((_, i) => i !== axis);
    return others.every((part) => part === ":") ? at : { kind: "entry", of: at, at: others.join(", ") };
  }

  /** The list that a node is, or that is an entry of a list of lists, at the same place. */
  #listOf(node: Node): NodeOf<"scan"> | null {
    const inner = unpermuted(node);
    if (inner.op === "scan") return inner;
    const value = inner.op === "pick" ? this.seenThrough(inner) : inner;
    return value === inner ? null : this.#listOf(value);
  }

  /** [h₁, …, h₄] */
  #stack({ length, id }: Loop, value: Node, formula: Formula): Formula {
    if (formula.kind !== "symbol" || !formula.name.includes("@")) return formula;
    const letter = this.#letters.get(id)!;
    const at = (place: number): string => {
      const [name, index] = formula.name.split("@") as [string, string];
      const shift = index.startsWith(letter) ? Number(index.slice(letter.length) || 0) : 0;
      return `${formula.mark}${name}@${place + shift}`;
    };
    const all = length === 1 ? [at(1)] : length === 2 ? [at(1), at(2)] : [at(1), "…", at(length)];
    const list = symbol(`[${all.join(", ")}]`, this.#reader.isOne(value));
    this.lines.set(symbolText(list), this.aliases.get(value) ?? value);
    return list;
  }

  #entry(loop: Loop, of: Node, formula: Formula): Formula {
    const letter = this.letterOf(loop);
    const list = this.#listOf(of);
    // A value without a name is read in place.
    if (list !== null && axisOf(of) === 0) return this.#symbols.get(list.operands[0]!) ?? formula;
    return entryAt(of, 0, letter, {
      read: this.#reader.read,
      formulaOf: this.#reader.formulaOf,
      placed: (node, whole) => {
        const entry = {
          ...whole,
          name: whole.name.includes("@") ? `${whole.name}${letter}` : `${whole.name}@${letter}`,
        };
        let named = node;
        while (isReshaped(named) && !this.#symbols.has(named)) named = named.operands[0]!;
        if (this.#symbols.has(named)) this.lines.set(symbolText(entry), named);
        return entry;
      },
    });
  }
}

/** Along which axis a list lies, the order of whose axes may have been changed. */
function axisOf(list: Node): number {
  return list.op === "permute" ? list.attributes.axes.indexOf(axisOf(list.operands[0]!)) : 0;
}

/** Without changes of the order of its axes. */
function unpermuted(node: Node): Node {
  while (node.op === "permute") node = node.operands[0]!;
  return node;
}
