/**
 * No signal, no blame: where the cotangent of a result is exactly 0, nothing flows to the operands,
 * whatever the derivative there is. A rule gives 0 · ∞ or 0 · NaN, which is NaN; this file puts
 * tests into its formulas where that can be met, and nowhere else: at poles, and behind a `where`
 * (`guards.ts`) at whatever may be no number. A NaN that meets a cotangent other than 0 goes on,
 * and a test changes nothing where the product is a number, so that derivatives of derivatives see
 * the plain rule.
 */
import type { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { hasGap, hasPole, mayBeInfinite, mayBeZero } from "../ops/bounds.ts";
import { ops } from "../ops/table.ts";
import type { Guards, Hidden } from "./guards.ts";

type Flows = readonly (Node | null)[];

/** Which entries of a node that are no numbers its scalar is blind to. */
export type Hides = (node: Node) => Hidden;

/** How many operations inside one another are read. */
const DEPTH = 8;

/** What a test is made of, and for. */
interface Scene {
  readonly b: Build;
  readonly node: Node;
  /** The cotangent of `node`. */
  readonly g: Node;
  readonly hides: Hides;
  /** Takes down a test put in for the sake of a choice: it hides as that choice does. */
  readonly noted: (test: Node) => Node;
}

/**
 * Cotangents of the operands, for the node given: the op on other operands where these have to be
 * made harmless first.
 */
type Rule = (node: Node) => Flows | null;

/** By family of op, what takes the place of its rule: the rule, with its tests. */
export const silencers: Readonly<
  Record<"elementwise" | "reduction" | "product", (scene: Scene, rule: Rule) => Flows | null>
> = {
  elementwise(scene, rule) {
    const isFinite = factors(scene);
    return each(rule(scene.node), (flow) => silenced(scene, flow, isFinite));
  },
  reduction(scene, rule) {
    const { node, hides } = scene;
    // A sum and a maximum hand their cotangent on as it is.
    const hasFactor = node.op === "prod" || node.op === "logsumexp" || node.op === "softmax";
    const isPlain = !hasFactor || hides(node) === "nothing" || isFinite(node.operands[0]!, hides);
    return isPlain ? rule(node) : each(rule(node), (flow) => silentRuns(scene, flow));
  },
  product: (scene, rule) => rule(scene.hides(scene.node) === "nothing" ? scene.node : harmless(scene)),
};

/** What an op's rule gives, with the tests that it needs. */
export function silence(
  { guards, ...given }: Omit<Scene, "noted"> & { readonly guards: Guards },
  rule: Rule,
): Flows | null {
  const { node, g, hides } = given;
  const { family } = ops[node.op];
  if (family !== "elementwise" && family !== "reduction" && family !== "product") return rule(node);
  if (!mayBeZero(g)) return rule(node);
  const isGuarded = hides(node) !== "nothing";
  const noted = (test: Node): Node => {
    if (isGuarded) guards.add(test);
    return test;
  };
  return silencers[family]({ ...given, noted }, rule);
}

const each = (flows: Flows | null, change: (flow: Node) => Node): Flows | null =>
  flows?.map((flow) => (flow === null ? null : change(flow))) ?? null;

/** `flow`, but 0 where it is 0 · ∞ or 0 · NaN. */
function silenced(scene: Scene, flow: Node, isFinite: (node: Node) => boolean): Node {
  const { b, g, noted } = scene;
  if (isFinite(flow)) return flow;
  const [inner, zero, other] = flow.operands;
  // A rule's own choice, as for x^0.
  if (flow.op === "where" && zero!.op === "constant") {
    return b.where(inner!, zero!, silenced(scene, other!, isFinite));
  }
  const value = flow.op === "neg" ? inner! : flow;
  return noted(b.where(b.and(b.eq(g, 0), b.ne(value, value)), 0, flow));
}

/** The cotangent of a reduction's operand: 0 along runs whose results have the cotangent 0. */
function silentRuns({ b, node, g, noted }: Scene, flow: Node): Node {
  const silent = node.op === "softmax" ? isSilent(b, g, node.attributes.axis) : b.eq(g, 0);
  return noted(b.where(b.and(b.broadcast(silent, flow.shape), b.ne(flow, flow)), 0, flow));
}

/**
 * The product with 0 in place of what is no number in the rows of the left and the columns of the
 * right operand that meet nothing but zeros of `g`. An entry that is no number spoils all of its
 * row, or column, of the result; so what is hidden at all is hidden all along it.
 */
function harmless({ b, node, g, hides, noted }: Scene): Node {
  const last = node.shape.length - 1;
  const operands = node.operands.map((x, side) => {
    if (isFinite(x, hides)) return x;
    const silent = b.broadcast(isSilent(b, g, side === 0 ? last : last - 1), x.shape);
    return noted(b.where(b.and(silent, b.ne(b.sub(x, x), 0)), 0, x));
  });
  // The op and its attributes stay together.
  return { ...node, operands } as Node;
}

/** Whether every entry of a run along `axis` is 0. */
const isSilent = (b: Build, g: Node, axis: number): Node => b.eq(b.reduce_max(b.abs(g), [axis]), 0);

/** Says of parts of the formula of an elementwise rule whether they are numbers where `g` is 0. */
function factors({ node, g, hides }: Scene): (node: Node) => boolean {
  const hidden = hides(node);
  const given = new Set([node, ...node.operands]);
  const known = (x: Node): boolean => {
    if (x === g || x.type !== "float") return true;
    if (given.has(x)) return isFinite(x, hides);
    const [, other, zero] = x.operands;
    switch (x.op) {
      case "constant":
        return Number.isFinite(x.attributes.value);
      case "where":
        // where(x > 0, …, 0): a rule that keeps away from its poles itself.
        return hidden === "nothing" && zero!.op === "constant" ? true : known(other!) && known(zero!);
      default:
        return ops[x.op].finite === "always" || (x.operands.every(known) && !isBroken(x, hidden));
    }
  };
  return known;
}

/** Whether finite operands may give what is no number; a NaN that is not hidden is seen anyway. */
const isBroken = (x: Node, hidden: Hidden): boolean => hasPole(x) || (hidden !== "nothing" && hasGap(x));

/**
 * Whether no entry of x is ∞, -∞ or NaN, as far as can be seen. Of what is not hidden the scalar
 * tells, and a pole alone counts; overflow of sums and products of finite numbers does not.
 */
function isFinite(given: Node, hides: Hides): boolean {
  const known = (x: Node, depth: number): boolean => {
    if (x.type !== "float") return true;
    const hidden = hides(x);
    if (hidden === "nothing") return !mayBeInfinite(x);
    const parts = (): boolean =>
      x.operands.every((operand) => operand.type !== "float" || (depth > 0 && known(operand, depth - 1)));
    switch (x.op) {
      case "constant":
        return Number.isFinite(x.attributes.value);
      case "table":
        return x.attributes.values.every((value) => Number.isFinite(value));
      // An infinite parameter is past help; one that is NaN may be of no use to this scalar.
      case "parameter":
        return hidden === "infinities";
      default:
        break;
    }
    const { finite } = ops[x.op];
    switch (finite) {
      case "always":
        return true;
      case "bounded":
        return hidden === "infinities" || parts();
      case "kept":
        return parts() && !isBroken(x, hidden);
      case "given":
        return false;
    }
  };
  return known(given, DEPTH);
}
