/**
 * Operators: functions of two numbers or three, applied to each element. Their rules are as those
 * of `functions.ts`, with a cotangent for each operand.
 */
import type { Formulas } from "../ir/formulas.ts";
import type { BinaryAttributes, Node, TernaryAttributes } from "../ir/node.ts";
import { ANY, type Definition, POSITIVE } from "./definition.ts";
import {
  always,
  BIT,
  contains,
  isWhole,
  magnitude,
  negative,
  plus,
  power,
  product,
  quotient,
  union,
} from "./interval.ts";

export const operators = {
  add: {
    formula: "a + b",
    result: "number",
    evaluate: (a, b) => a! + b!,
    vjp: (_, g) => [g, g],
    linear: true,
    range: ([x, y]) => plus(x!, y!),
    finite: "kept",
    domain: [ANY, ANY],
  },
  couple: {
    formula: "a + b, undone in the backward pass",
    result: "float",
    evaluate: (a, b) => a! + b!,
    vjp: (_, g) => [g, g],
    linear: true,
    range: ([x, y]) => plus(x!, y!),
    finite: "kept",
    inKernels: false,
    domain: [ANY, ANY],
  },
  sub: {
    formula: "a - b",
    result: "number",
    evaluate: (a, b) => a! - b!,
    vjp: (b, g) => [g, b.neg(g)],
    linear: true,
    range: ([x, y]) => plus(x!, negative(y!)),
    finite: "kept",
    domain: [ANY, ANY],
  },
  mul: {
    formula: "a b",
    result: "number",
    evaluate: (a, b) => a! * b!,
    // d (u v) = v du + u dv
    vjp: (b, g, [u, v]) => [b.mul(g, v!), b.mul(g, u!)],
    range: ([x, y], [u, v]) => (u === v ? product(magnitude(x!), magnitude(x!)) : product(x!, y!)),
    finite: "kept",
    domain: [ANY, ANY],
  },
  div: {
    formula: "a / b",
    result: "float",
    evaluate: (a, b) => a! / b!,
    // d (u/v) = du / v - (y / v) dv
    vjp: (b, g, [, v], y) => {
      const du = b.div(g, v!);
      return [du, b.neg(b.mul(du, y))];
    },
    range: ([x, y]) => quotient(x!, y!),
    finite: "kept",
    pole: ([, y]) => contains(y!, 0),
    domain: [ANY, POSITIVE],
  },
  pow: {
    formula: "a^b",
    result: "float",
    evaluate: (a, b) => pow(a!, b!),
    vjp: (b, g, [x, p], y) => [powBase(b, g, x!, p!), isConstant(p!) ? null : powExponent(b, g, x!, y)],
    flops: 36,
    range: ([x, p]) => power(x!, p!),
    finite: "kept",
    pole: ([x, p]) => !(p![0] >= 0) && contains(x!, 0),
    gap: ([x, p]) => x![0] < 0 && !isWhole(p!),
    domain: [POSITIVE, ANY],
  },
  atan2: {
    formula: "the angle of (b, a)",
    result: "float",
    evaluate: (a, b) => Math.atan2(a!, b!),
    // d atan2(v, u) = (u dv - v du) / (u² + v²), of numbers divided by the larger, which may be any; 0 at the origin
    vjp: (b, g, [v, u]) => {
      const larger = b.stop_gradient(b.max(b.abs(u!), b.abs(v!)));
      const isOrigin = b.eq(larger, 0);
      const unit = b.where(isOrigin, 1, larger);
      const [p, q] = [b.div(u!, unit), b.div(v!, unit)];
      const square = b.where(isOrigin, 1, b.add(b.mul(p, p), b.mul(q, q)));
      const d = b.div(g, b.mul(unit, square));
      return [b.mul(d, p), b.neg(b.mul(d, q))];
    },
    flops: 40,
    range: always([-Math.PI, Math.PI]),
    finite: "bounded",
    domain: [POSITIVE, ANY],
  },
  max: extreme("max", "lt", "gt"),
  min: extreme("min", "gt", "lt"),
  lt: comparison("a < b", (a, b) => a < b),
  le: comparison("a ≤ b", (a, b) => a <= b),
  gt: comparison("a > b", (a, b) => a > b),
  ge: comparison("a ≥ b", (a, b) => a >= b),
  eq: comparison("a = b", (a, b) => a === b),
  ne: comparison("a ≠ b", (a, b) => a !== b),
  and: {
    formula: "a ∧ b",
    result: "bool",
    takes: "bool",
    evaluate: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
    vjp: "flat",
    range: always(BIT),
    finite: "always",
    domain: [BIT, BIT],
  },
  or: {
    formula: "a ∨ b",
    result: "bool",
    takes: "bool",
    evaluate: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
    vjp: "flat",
    range: always(BIT),
    finite: "always",
    domain: [BIT, BIT],
  },
  where: {
    formula: "a where c, else b",
    result: "same",
    takes: "any",
    evaluate: (c, a, b) => (c !== 0 ? a! : b!),
    // The branch not taken gets 0, whatever its own derivative is.
    vjp: (b, g, [c]) => [null, b.where(c!, g, 0), b.where(c!, 0, g)],
    range: ([, x, y]) => union([x!, y!]),
    finite: "kept",
    domain: [BIT, ANY, ANY],
  },
} satisfies { readonly [K in keyof (BinaryAttributes & TernaryAttributes)]: Definition };

/** d max(u, v) = [u > v] du + [v > u] dv, and ½ each at a tie; of min with < for >. */
function extreme(name: "max" | "min", loses: "lt" | "gt", wins: "lt" | "gt"): Definition {
  const pick = Math[name];
  return {
    formula: `${name}(a, b)`,
    result: "number",
    evaluate: (a, b) => pick(a, b),
    vjp: (b, g, [u, v]) => {
      const shared = b.where(b.eq(u!, v!), b.mul(g, 0.5), g);
      return [b.where(b[loses](u!, v!), 0, shared), b.where(b[wins](u!, v!), 0, shared)];
    },
    range: ([x, y]) => [pick(x![0], y![0]), pick(x![1], y![1])],
    finite: "kept",
    domain: [ANY, ANY],
  };
}

function comparison(formula: string, holds: (a: number, b: number) => boolean): Definition {
  return {
    formula,
    result: "bool",
    evaluate: (a, b) => (holds(a!, b!) ? 1 : 0),
    vjp: "flat",
    range: always(BIT),
    finite: "always",
    domain: [ANY, ANY],
  };
}

const isConstant = (x: Node): boolean => x.op === "constant";

/** IEEE 754's pow, in which 1^b = 1 even for a NaN or infinite b, and (-1)^±∞ = 1, where JavaScript's says NaN. */
const pow = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;

/** d x^p = p x^(p-1) dx; x^0 is 1 for every x, so its derivative is 0 for every x. */
function powBase(b: Formulas, g: Node, x: Node, p: Node): Node {
  if (p.op !== "constant") {
    return b.where(b.eq(p, 0), 0, b.mul(g, b.mul(p, b.pow(x, b.sub(p, 1)))));
  }
  const exponent = p.attributes.value;
  return exponent === 0 ? b.zeros(g.shape) : b.mul(b.mul(g, exponent), b.pow(x, exponent - 1));
}

/** d x^p = x^p log x dp. At x = 0 the limit is 0; for x < 0 the power exists at integers alone, and there too 0 is given. */
const powExponent = (b: Formulas, g: Node, x: Node, y: Node): Node =>
  b.where(b.gt(x, 0), b.mul(g, b.mul(y, b.log(b.where(b.gt(x, 0), x, 1)))), 0);
