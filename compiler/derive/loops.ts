/**
 * How loops are written: as recurrences, h_t = f(h_(t-1), x_t), with a line for what is computed at
 * each place that says where t goes. What a loop leaves is [h_1, …, h_T].
 */
import type { Loop } from "../ir/loop.ts";
import { isInside, loopsAround, partsOf } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { type LoopStep, nodesOf, type Step, stepsTo } from "../graph/steps.ts";
import { symbol, type Formula, type Symbol } from "./formula.ts";
import { symbolText } from "./text.ts";

/** Letters for the places of loops, by how deep they are nested. */
const LETTERS = "tsrq";

/** A value of a loop that has a line of its own. */
export interface Recurrence {
  readonly letter: string;
  readonly loop: Loop;
  /** What is carried is, before the first place, this; null for what is not carried. */
  readonly start: { readonly at: Symbol; readonly node: Node } | null;
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
  readonly #symbols: Map<Node, Symbol>;
  readonly #fresh: (name: string) => string;
  readonly #isOne: (node: Node) => boolean;

  /**
   * Gives symbols to what loops carry and leave.
   * @param fresh a name that nothing else has, like the one given
   */
  constructor(
    roots: readonly Node[],
    symbols: Map<Node, Symbol>,
    fresh: (name: string) => string,
    isOne: (node: Node) => boolean,
  ) {
    this.#symbols = symbols;
    this.#fresh = fresh;
    this.#isOne = isOne;
    for (const [node, { name, mark }] of symbols) {
      const stack = unpermuted(node);
      if (stack.op === "scan" && mark === "") this.#given.set(stack.operands[0]!, name);
    }
    this.#walk(stepsTo(roots), 0);
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

  #walk(steps: readonly Step[], depth: number): void {
    for (const step of steps) {
      if (step.kind !== "loop") continue;
      this.#letters.set(step.loop.id, LETTERS[depth] ?? `t${depth}`);
      this.#name(step);
      this.#walk(step.body, depth + 1);
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
      const name = this.#given.get(to) ?? this.#fresh(carried.origin.name ?? "c");
      const isOne = this.#isOne(carried);
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
      if (!isInside(value, loop) || value.op === "pick") continue;
      if (!this.#symbols.has(value)) {
        const name = this.#given.get(value) ?? this.#fresh(value.origin.name?.replace(/^d_/, "δ") ?? "g");
        this.#symbols.set(value, symbol(`${name}@${letter}`, this.#isOne(value)));
        this.#recurrences.set(value, { letter, loop, start: null });
      }
    }
  }

  readonly letterOf = ({ id }: Loop): string => this.#letters.get(id) ?? LETTERS[0]!;

  /** Σₜ gₜ instead of the sum of a list. */
  total(node: Node, formula: Formula): Formula {
    const of = node.operands[0];
    if (formula.kind !== "total" || node.op !== "sum" || node.attributes.axes[0] !== 0 || of?.op !== "scan")
      return formula;
    const value = this.#symbols.get(of.operands[0]!);
    if (value === undefined) return formula;
    const [, ...others] = formula.indices;
    return { ...formula, indices: [this.letterOf(of.attributes.loop), ...others], of: value };
  }

  /** The formula of what a loop leaves and takes; null for other nodes. */
  read(node: Node, operands: readonly Formula[]): Formula | null {
    if (node.op === "scan") return this.#stack(node.attributes.loop, node.operands[0]!, operands[0]!);
    if (node.op === "permute" && unpermuted(node).op === "scan") return operands[0]!;
    if (node.op === "pick") return this.#entry(node.attributes.loop, node.operands[0]!, operands[0]!);
    return null;
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
    const list = symbol(`[${all.join(", ")}]`, this.#isOne(value));
    this.lines.set(symbolText(list), this.aliases.get(value) ?? value);
    return list;
  }

  #entry(loop: Loop, of: Node, formula: Formula): Formula {
    const letter = this.letterOf(loop);
    const inner = unpermuted(of);
    if (inner.op === "scan") {
      const value = this.#symbols.get(inner.operands[0]!);
      if (value !== undefined) return value;
    }
    const source = inner.op === "input" ? symbol(inner.attributes.name, false) : null;
    const named = this.#symbols.get(of) ?? this.#symbols.get(inner) ?? source ?? formula;
    const plain = named.kind === "transpose" ? named.of : named;
    if (plain.kind === "symbol" && !/[@[]/.test(plain.name)) {
      const entry = { ...plain, name: `${plain.name}@${letter}` };
      const whole = [of, inner].find((node) => this.#symbols.has(node));
      if (whole !== undefined) this.lines.set(symbolText(entry), whole);
      return entry;
    }
    if (plain.kind === "number") return plain;
    return { kind: "entry", of: formula, at: letter };
  }
}

/** Without changes of the order of its axes. */
function unpermuted(node: Node): Node {
  while (node.op === "permute") node = node.operands[0]!;
  return node;
}
