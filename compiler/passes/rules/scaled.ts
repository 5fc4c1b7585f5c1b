/**
 * Numbers as factor · e^log: probabilities, exponentials, and what products and sums make of them,
 * without making them. A logarithm of one is log + log factor; a root is that of the factor times
 * e^(log / 2). What of a formula is no exponential at heart stays in the factor, whose sign is not
 * known.
 */
import type { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import type { Site } from "../rewrite.ts";
import { isConstant, negated, orders, throughViews } from "./match.ts";

/** factor · e^log */
export interface Scaled {
  /** Null for 1. */
  readonly factor: Node | null;
  /** Null for 0. */
  readonly log: Node | null;
}

/** With what there is of it changed. */
export const changed = (
  { factor, log }: Scaled,
  ofFactor: (factor: Node) => Node,
  ofLog: (log: Node) => Node = ofFactor,
): Scaled => ({
  factor: factor === null ? null : ofFactor(factor),
  log: log === null ? null : ofLog(log),
});

/** A node as factor · e^log, by the first identity that knows it; null where none does. */
export type Read = (node: Node) => Scaled | null;

/** Of real numbers. */
export interface Identity {
  readonly name: string;
  /** As a rule of logarithms. */
  readonly formula: string;
  /** `node` as factor · e^log, or null where nothing is won by it; `read` is for its operands. */
  readonly of: (site: Site, node: Node, read: Read) => Scaled | null;
}

/** Terms of a sum, or parts of a `concat`. */
export const MOST_TERMS = 64;

export const ONE: Scaled = { factor: null, log: null };

/** e^log */
export const pure = (log: Node | undefined): Scaled | null =>
  log === undefined ? null : { factor: null, log };

/**
 * What is no exponential: a positive number or a size by its logarithm, 0 and 1 by -∞ and 0, all
 * else as a factor.
 */
export function plain(site: Site, node: Node): Scaled {
  const { b } = site;
  const { core, again } = throughViews(site, node);
  if (core.op === "extent") return { factor: null, log: again(b.log(core)) };
  const truth = site.as(core, "cast")?.operands[0];
  if (truth?.type === "bool") return { factor: null, log: again(b.where(truth, 0, -Infinity)) };
  if (!isConstant(core) || !(core.attributes.value >= 0)) return { factor: b.toFloat(node), log: null };
  const { value } = core.attributes;
  return { factor: null, log: value === 1 ? null : b.constant(Math.log(value), node.shape) };
}

/** Both operands, where one of them is won by an identity. */
export function both(
  site: Site,
  { operands: [a, c] }: { readonly operands: readonly Node[] },
  read: Read,
): readonly [Scaled, Scaled] | readonly [null, null] {
  const [u, v] = [read(a!), read(c!)];
  return u === null && v === null ? [null, null] : [u ?? plain(site, a!), v ?? plain(site, c!)];
}

export const times = (b: Build, x: Scaled, y: Scaled): Scaled => ({
  factor: x.factor === null ? y.factor : y.factor === null ? x.factor : b.mul(x.factor, y.factor),
  log: x.log === null ? y.log : y.log === null ? x.log : b.add(x.log, y.log),
});

/** The quotient of two. */
export const over = (b: Build, x: Scaled, y: Scaled): Scaled => ({
  factor: y.factor === null ? x.factor : b.div(x.factor ?? 1, y.factor),
  log: y.log === null ? x.log : x.log === null ? b.neg(y.log) : b.sub(x.log, y.log),
});

export const logSigmoid = (site: Site, x: Node): Node => site.b.neg(site.b.softplus(negated(site, x)));

/** c x, where x may be a number times something already. */
export function scaledBy({ b, as }: Site, x: Node, c: number): Node {
  const inner = as(x, "mul");
  for (const [u, d] of inner === null ? [] : orders(inner))
    if (isConstant(d)) return d.attributes.value * c === 1 ? u : b.mul(u, d.attributes.value * c);
  return b.mul(x, c);
}
