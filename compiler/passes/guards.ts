/**
 * What a `where` may hide from a scalar. A NaN in x is seen in x + 1 and in every sum with it, but
 * not in where(c, x, 0) where c does not hold: there nothing flows back to x, and nothing may,
 * whatever the rules on the way make of it (`silence.ts`).
 */
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { arrivesFrom, carriedBy, type Carries } from "../ir/loops.ts";
import { ops } from "../ops/table.ts";
import { scalar } from "../ops/scalar.ts";
import { productsShown, showAll, windowsShowAll } from "./visible.ts";

/**
 * Which entries that are no numbers the scalar may be blind to: none; infinities, as for x in
 * clamp(x, 0, 1), which hands NaN on; or NaN too. Without a `where` in between nothing counts as
 * hidden: that relu and max pass nothing to what is smaller costs no test.
 */
export type Hidden = "nothing" | "infinities" | "anything";

/** What a scalar may be blind to, in the order of `Hidden`. */
type Blindness = 0 | 1 | 2;
const HIDDEN: readonly Hidden[] = ["nothing", "infinities", "anything"];

/** They pass NaN on, and a smaller or greater operand takes the place of an infinite one. */
const SELECTIVE: ReadonlySet<OpName> = new Set<OpName>(["relu", "max", "min", "reduce_max", "reduce_min"]);
/** They show some entries alone. */
const PARTIAL: ReadonlySet<OpName> = new Set<OpName>(["gather", "take"]);

/** Nodes below a choice that are looked at: the cost is the square of it, for each choice. */
const NEAR = 60;

export class Guards {
  /**
   * Choices that hide: those of the program, those that their derivatives make of them, and tests
   * put in for their sake.
   */
  readonly #choices = new Set<Node>();

  add(choice: Node): void {
    this.#choices.add(choice);
  }

  /**
   * Notes a choice of the program. One that is drawn at random, as in dropout, shows every entry
   * sooner or later.
   */
  addOfProgram(node: Node): void {
    if (node.op === "where" && node.type === "float" && !isDrawn(node.operands[0]!)) this.#choices.add(node);
  }

  has = (node: Node): boolean => this.#choices.has(node);

  /**
   * What `scalar` may be blind to, for each node that it depends on.
   * @param order those nodes, operands before users, and loops as `stepsTo` orders them
   */
  hidden(order: readonly Node[], scalar: Node): (node: Node) => Hidden {
    const choices = order.filter(this.has);
    if (choices.length === 0) return () => "nothing";
    const loops = carriedBy(order);
    const guarded = below(choices, loops);
    const blindness = new Map<Node, Blindness>([[scalar, 0]]);
    const see = (node: Node, through: Blindness): void => {
      const known = blindness.get(node) ?? 2;
      if (through < known) blindness.set(node, through);
    };
    // What is seen through a slice is seen where slices show all of their tensor between them.
    const slices = new Map<Node, NodeOf<"slice">[]>();
    for (const node of order.toReversed()) {
      const parts = slices.get(node);
      if (parts !== undefined && showAll(parts))
        see(node, parts.map((part) => blindness.get(part) ?? 2).reduce(atLeast));
      const own = blindness.get(node) ?? 2;
      const isGuard = this.#choices.has(node);
      if (own === 2) continue;
      // What is carried on from the last place is seen where the loop leaves it, and only there.
      if (node.op === "scan") see(node.operands[0]!, own);
      else if (node.op === "carried") {
        const first = loops.get(node.attributes.loop.id)?.first[node.attributes.index];
        if (first !== undefined) see(first, own);
      } else if (node.op === "where") {
        if (!isGuard) for (const branch of node.operands.slice(1)) see(branch, own);
        else {
          for (const [below, through] of shown(node)) see(below, atLeast(own, through));
          for (const product of productsShown(node)) see(product, own);
        }
      } else if (node.op === "slice") {
        const known = slices.get(node.operands[0]!);
        if (known === undefined) slices.set(node.operands[0]!, [node]);
        else known.push(node);
      } else if (node.op === "windows") {
        if (windowsShowAll(node)) see(node.operands[0]!, own);
      } else if (ops[node.op].finite !== "always" && !PARTIAL.has(node.op)) {
        const through = SELECTIVE.has(node.op) ? atLeast(own, 1) : own;
        const seen = node.op === "pow" ? basesOf(node) : node.operands;
        for (const operand of seen) see(operand, through);
      }
    }
    const asked = new Set(order);
    // What is made again in the backward pass (`undo.ts`) is not in `order`: then nothing is known.
    return (node) => (guarded.has(node) || !asked.has(node) ? HIDDEN[blindness.get(node) ?? 2]! : "nothing");
  }
}

/** The nodes below `choices`. */
function below(choices: readonly Node[], loops: ReadonlyMap<number, Carries>): ReadonlySet<Node> {
  const found = new Set<Node>();
  const stack = choices.flatMap((choice) => arrivesFrom(choice, loops));
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    stack.push(...arrivesFrom(node, loops));
  }
  return found;
}

const atLeast = (a: Blindness, b: Blindness): Blindness => (a > b ? a : b);

/** x of x^p, where p is a number other than 0: NaN^0 and 1^NaN are 1. */
function basesOf({ operands: [x, p] }: Node): readonly Node[] {
  return p!.op === "constant" && p!.attributes.value !== 0 ? [x!] : [];
}

/** Whether random numbers, and nothing else that changes, decide. */
function isDrawn(condition: Node): boolean {
  const seen = new Set<Node>([condition]);
  let isRandom = false;
  for (const node of seen) {
    isRandom ||= node.op === "random";
    const isFixed = node.op === "constant" || node.op === "extent" || node.op === "random";
    if (ops[node.op].family === "source" && !isFixed) return false;
    for (const operand of node.operands) seen.add(operand);
  }
  return isRandom;
}

/**
 * The nodes below a choice, entry under entry, that it shows whichever branch is taken, and what it
 * is blind to.
 */
function shown(choice: Node): [Node, Blindness][] {
  const near = new Set<Node>(choice.operands);
  for (const node of near) {
    if (near.size > NEAR) return [];
    if (ops[node.op].family === "elementwise") for (const operand of node.operands) near.add(operand);
  }
  return [...near].flatMap((x): [Node, Blindness][] => {
    if (x.type !== "float" || !isLive(choice, x, NaN)) return [];
    return [[x, isLive(choice, x, Infinity) && isLive(choice, x, -Infinity) ? 0 : 1]];
  });
}

/** Whether what is taken of `node`, entry by entry, is computed from x, where x is `value`. */
function isLive(node: Node, x: Node, value: number): boolean {
  const live = new Map<Node, boolean>();
  const numbers = new Map<Node, number | null>();
  const known = (n: Node): number | null => {
    const found = numbers.get(n);
    if (found !== undefined) return found;
    const number = n === x ? value : entryOf(n, known);
    numbers.set(n, number);
    return number;
  };
  const isComputed = (n: Node): boolean => {
    if (n === x) return true;
    const found = live.get(n);
    if (found !== undefined) return found;
    const [condition, ...branches] = n.operands;
    let result = false;
    if (n.op === "where") {
      const holds = known(condition!);
      result = holds === null ? branches.every(isComputed) : isComputed(branches[holds === 0 ? 1 : 0]!);
    } else if (ops[n.op].family === "elementwise" && ops[n.op].finite !== "always") {
      result = (n.op === "pow" ? basesOf(n) : n.operands).some(isComputed);
    }
    live.set(n, result);
    return result;
  };
  return isComputed(node);
}

/**
 * An entry of an elementwise node, where those of its operands that are known decide it; else null.
 */
function entryOf(node: Node, known: (node: Node) => number | null): number | null {
  if (node.op === "constant") return node.attributes.value;
  if (!isElementwise(node)) return null;
  if (node.op === "where") {
    const holds = known(node.operands[0]!);
    return holds === null ? null : known(node.operands[holds === 0 ? 2 : 1]!);
  }
  const numbers = node.operands.map(known);
  if (numbers.includes(null)) {
    // What is not known may be anything: NaN decides nevertheless, and so does one half of an and,
    // or an or.
    const spoils = numbers.some((n) => n !== null && Number.isNaN(n));
    switch (node.op) {
      case "lt":
      case "le":
      case "gt":
      case "ge":
      case "eq":
        return spoils ? 0 : null;
      case "ne":
        return spoils ? 1 : null;
      case "and":
        return numbers.includes(0) ? 0 : null;
      case "or":
        return numbers.includes(1) ? 1 : null;
      case "pow":
        return null;
      default:
        return spoils ? NaN : null;
    }
  }
  return scalar(node.op, ...numbers.map((number) => number!));
}
