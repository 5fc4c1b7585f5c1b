/**
 * Folds of formulas, entry by entry of the result: what the windows that cover it have there is
 * computed where it is added up, of operands that depend on the window, on the place in it, or on
 * the entry itself. So the pass back through a pool reads the pool's input at the entry, and result
 * and gradient at the windows around it.
 */
import type { Build } from "../../graph/build.ts";
import type { Node, OpName } from "../../ir/node.ts";
import { countOf, isOne, ONE } from "../../ir/size.ts";
import { isElementwise } from "../../ops/elementwise.ts";
import { entries, type Folding, padAxis, type Phase } from "./phases.ts";

/** How deep formulas are read. */
const DEEPEST = 24;

/** They neither overflow nor have poles. */
const TAME: ReadonlySet<OpName> = new Set<OpName>([
  ...(["add", "sub", "mul", "neg", "abs", "sign", "max", "min", "relu", "where", "cast"] as const),
  ...(["lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"] as const),
  ...(["tanh", "sigmoid", "sin", "cos", "floor", "round", "stop_gradient"] as const),
]);

/**
 * What one phase along each axis is to be made of; null for those whose windows are apart, and stay
 * as they are.
 */
export type Phases = readonly (Phase | null)[];

export class Gather {
  readonly #b: Build;
  /** The outermost fold first: its windows run along the first axis behind those of the result. */
  readonly #foldings: readonly Folding[];
  /** Axes of the result. */
  readonly #rank: number;
  /** With the windows that are missing, which all phases share. */
  readonly #padded = new Map<string, Node>();

  constructor(b: Build, foldings: readonly Folding[], rank: number) {
    this.#b = b;
    this.#foldings = foldings;
    this.#rank = rank;
  }

  /** Whether the formula can be computed entry by entry, and is 0 for the windows that are missing. */
  fits(formula: Node, isGathered: readonly boolean[]): boolean {
    if (!this.#reads(formula, DEEPEST)) return false;
    const missing = this.#foldings.map(({ before, after }, j) => isGathered[j]! && before + after > 0);
    if (!missing.includes(true)) return true;
    const vanishes = this.#vanishes(formula);
    // 0 times what is no number is none.
    return missing.every((is, j) => !is || vanishes[j]!) && this.#isTame(formula);
  }

  /** Whether the formula is finite where its operands are, also for missing windows. */
  #isTame(node: Node): boolean {
    if (this.#isPart(node) || this.#inner(node) !== null) return true;
    if (node.op !== "div") return TAME.has(node.op) && node.operands.every((x) => this.#isTame(x));
    const [dividend, divisor] = [node.operands[0]!, this.#part(node.operands[1]!)];
    const isKept = divisor !== null && this.#foldings.every((_, j) => !this.#dependsOnWindow(divisor, j));
    return isKept && this.#isTame(dividend);
  }

  #reads(node: Node, depth: number): boolean {
    if (this.#isPart(node) || this.#inner(node) !== null) return true;
    return isElementwise(node) && depth > 0 && node.operands.every((x) => this.#reads(x, depth - 1));
  }

  #windowAxis = (j: number): number => this.#rank + j;
  #dependsOnWindow = ({ shape }: Node, j: number): boolean => !isOne(shape[this.#foldings[j]!.axis]!);
  #dependsOnPlace = ({ shape }: Node, j: number): boolean => !isOne(shape[this.#windowAxis(j)]!);

  /** What a stretched tensor is before that: it depends on the window or on the place, never on both. */
  #part(node: Node): Node | null {
    if (node.op === "constant") {
      const { value, type } = node.attributes;
      return this.#b.constant(
        value,
        node.shape.map(() => ONE),
        type,
      );
    }
    const part = node.op === "broadcast" ? node.operands[0]! : node;
    const isEither = this.#foldings.every(
      (_, j) => !this.#dependsOnWindow(part, j) || !this.#dependsOnPlace(part, j),
    );
    return isEither ? part : null;
  }
  #isPart = (node: Node): boolean => this.#part(node) !== null;

  /** What the formula's own windows are taken of, which is read at the entry itself. */
  #inner(node: Node): Node | null {
    let x = node;
    for (let j = this.#foldings.length - 1; j >= 0; j--) {
      const { axis, stride, dilation, whole } = this.#foldings[j]!;
      if (x.op !== "windows") return null;
      const { attributes } = x;
      const own =
        attributes.axis === axis && attributes.stride === stride && attributes.dilation === dilation;
      x = x.operands[0]!;
      if (!own || countOf(x.shape[axis]!) !== whole) return null;
    }
    return x;
  }

  /** Beside the folds: whether a formula is 0 for missing windows, where what depends on the window is 0. */
  #vanishes(node: Node): readonly boolean[] {
    if (node.op === "constant") return this.#foldings.map(() => node.attributes.value === 0);
    const part = this.#part(node);
    if (part !== null) return this.#foldings.map((_, j) => this.#dependsOnWindow(part, j));
    if (!isElementwise(node)) return this.#foldings.map(() => false);
    const found = node.operands.map((x) => this.#vanishes(x));
    return this.#foldings.map((_, j) =>
      vanishes(
        node.op,
        found.map((of) => of[j]!),
      ),
    );
  }

  /** The formula over [..result, ..places], for a phase of each axis. */
  at(node: Node, phases: Phases): Node {
    const part = this.#part(node);
    if (part !== null) return this.#moved(part, phases);
    const inner = this.#inner(node);
    if (inner !== null) return this.#itself(inner, phases);
    if (!isElementwise(node)) return node;
    return this.#b.elementwise(node.op, ...node.operands.map((x) => this.at(x, phases)));
  }

  /** The entries of the result's own shape that are of these phases, the same for all places. */
  #itself(inner: Node, phases: Phases): Node {
    const b = this.#b;
    let x = b.reshape(inner, [...inner.shape, ...phases.map(() => ONE)]);
    for (const [j, { axis, stride, rows, offset, whole }] of this.#foldings.entries())
      if (phases[j]) x = this.#pad(x, axis, 0, Math.max(0, offset + rows * stride - whole));
    for (const [j, { axis, stride, rows, dilation, size }] of this.#foldings.entries()) {
      const phase = phases[j];
      if (phase === null || phase === undefined) {
        // As many windows as there are, each with its own entries.
        x = b.windows(x, { axis, size, stride, dilation });
        x = this.#inPlaceOfLast(x, j);
        continue;
      }
      const start = stride * phase.shift + dilation * phase.first;
      x = entries(b, x, axis, start, rows, stride);
    }
    return x;
  }

  #moved(part: Node, phases: Phases): Node {
    const b = this.#b;
    // The whole is padded before windows of it are taken, which are never stored.
    let x = this.#withMissing(part, phases);
    for (const [j, { axis, rows, before }] of this.#foldings.entries()) {
      const phase = phases[j];
      if (phase === null || phase === undefined) continue;
      const { first, step, count, shift, apart } = phase;
      // Places from the last to the first, since windows further on have the entry further ahead.
      if (this.#dependsOnPlace(x, j))
        x = entries(b, x, this.#windowAxis(j), first + step * (count - 1), count, -step);
      if (!this.#dependsOnWindow(part, j)) continue;
      const start = before + shift - apart * (count - 1);
      x = entries(b, x, axis, start, rows + apart * (count - 1));
      if (count === 1) continue;
      x = this.#inPlaceOfLast(b.windows(x, { axis, size: count, stride: 1, dilation: apart }), j);
    }
    return x;
  }

  /** With zeros for the windows that are missing. */
  #withMissing(part: Node, phases: Phases): Node {
    let x = part;
    for (const [j, { axis, before, after }] of this.#foldings.entries())
      if (phases[j] && this.#dependsOnWindow(part, j)) x = this.#pad(x, axis, before, after);
    return x;
  }

  /** The last axis put where the axis of places is, which has size 1. */
  #inPlaceOfLast(x: Node, j: number): Node {
    const axes = x.shape.map((_, k) => k);
    const last = axes.pop()!;
    const at = this.#windowAxis(j);
    return this.#b.reshape(
      this.#b.permute(x, [...axes.with(at, last), at]),
      x.shape.slice(0, -1).with(at, x.shape.at(-1)!),
    );
  }

  #pad(x: Node, axis: number, before: number, after: number): Node {
    if (before + after === 0) return x;
    const key = `${x.id} ${axis}`;
    const known = this.#padded.get(key);
    if (known !== undefined) return known;
    const padded = padAxis(this.#b, x, axis, before, after);
    this.#padded.set(key, padded);
    return padded;
  }
}

/** Whether an op is 0 where these of its operands are. */
function vanishes(op: OpName, [a, b, c]: readonly boolean[]): boolean {
  switch (op) {
    case "mul":
    case "and":
      return a! || b!;
    case "neg":
    case "cast":
      return a!;
    case "where":
      return b! && c!;
    case "add":
    case "sub":
    case "or":
      return a! && b!;
    case "div":
      // 0 / 0 is no number.
      return a! && !b!;
    default:
      return false;
  }
}
