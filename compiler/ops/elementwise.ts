/**
 * Ops applied to each element. A derivative rule gets the cotangent `g` of the result, the operands and the result `y`, and names the
 * cotangents of the operands; the comment beside it is the formula. A rule knows nothing of 0 · ∞: that is `passes/silence.ts`'s.
 */
import type { Formulas } from "../ir/formulas.ts";
import type { ElementType, ElementwiseName, Node } from "../ir/node.ts";
import { sameShape, showShape } from "../ir/size.ts";
import { erf, roundTiesToEven, sigmoid, softplus } from "./numerics.ts";
import { OpError } from "../ir/op-error.ts";
import type { Finiteness, Interval, Op, OpTable } from "./op.ts";

interface Spec {
  readonly formula: string;
  /** Of the result: always `float`, or `int` where all operands are (`number`), or `bool`, or that of the operands (`same`). */
  readonly result: "float" | "number" | "bool" | "same";
  readonly takes?: "bool" | "any";
  readonly evaluate: (a: number, b: number, c: number) => number;
  readonly vjp: ((b: Formulas, g: Node, x: readonly Node[], y: Node) => readonly (Node | null)[]) | "flat";
  readonly linear?: true;
  readonly range: Interval;
  readonly finite: Finiteness;
  /** Where kernels are not made of it. */
  readonly inKernels?: false;
  readonly flops?: number;
  /** What the language's function of one number by this name is; without it there is none. */
  readonly doc?: string;
  readonly domain: readonly Interval[];
  readonly kinks?: readonly number[];
}

const ALL: Interval = [-Infinity, Infinity];
const FROM_ZERO: Interval = [0, Infinity];
const WITHIN_ONE: Interval = [-1, 1];
const ANY: Interval = [-3, 3];
const POSITIVE: Interval = [0.2, 4];
const BIT: Interval = [0, 1];

const spec = {
  neg: {
    formula: "-x",
    result: "number",
    evaluate: (x) => -x!,
    vjp: (b, g) => [b.neg(g)],
    linear: true,
    range: ALL,
    finite: "kept",
    domain: [ANY],
  },
  exp: {
    formula: "e^x",
    result: "float",
    evaluate: (x) => Math.exp(x!),
    // d e^x = y dx
    vjp: (b, g, _, y) => [b.mul(g, y)],
    flops: 16,
    range: FROM_ZERO,
    finite: "poles",
    doc: "e^x",
    domain: [ANY],
  },
  expm1: {
    formula: "e^x - 1",
    result: "float",
    evaluate: (x) => Math.expm1(x!),
    // d (e^x - 1) = (y + 1) dx
    vjp: (b, g, _, y) => [b.mul(g, b.add(y, 1))],
    flops: 20,
    range: [-1, Infinity],
    finite: "poles",
    doc: "e^x - 1, exact near 0",
    domain: [ANY],
  },
  log: {
    formula: "log x",
    result: "float",
    evaluate: (x) => Math.log(x!),
    // d log x = dx / x
    vjp: (b, g, [x]) => [b.div(g, x!)],
    flops: 16,
    range: ALL,
    finite: "poles",
    doc: "the natural logarithm",
    domain: [POSITIVE],
  },
  log1p: {
    formula: "log(1 + x)",
    result: "float",
    evaluate: (x) => Math.log1p(x!),
    // d log(1 + x) = dx / (1 + x)
    vjp: (b, g, [x]) => [b.div(g, b.add(x!, 1))],
    flops: 20,
    range: ALL,
    finite: "poles",
    doc: "log(1 + x), exact near 0",
    domain: [[-0.8, 4]],
  },
  sqrt: {
    formula: "√x",
    result: "float",
    evaluate: (x) => Math.sqrt(x!),
    // d √x = ½ dx / y
    vjp: (b, g, _, y) => [b.div(b.mul(g, 0.5), y)],
    range: FROM_ZERO,
    finite: "poles",
    doc: "the square root",
    domain: [POSITIVE],
  },
  reciprocal: {
    formula: "1 / x",
    result: "float",
    evaluate: (x) => 1 / x!,
    // d (1/x) = -y² dx
    vjp: (b, g, _, y) => [b.neg(b.mul(b.mul(g, y), y))],
    range: ALL,
    finite: "poles",
    domain: [POSITIVE],
  },
  abs: {
    formula: "|x|",
    result: "number",
    evaluate: (x) => Math.abs(x!),
    // d |x| = sign(x) dx, and 0 at 0
    vjp: (b, g, [x]) => [b.mul(g, b.sign(x!))],
    range: FROM_ZERO,
    finite: "kept",
    doc: "the absolute value",
    domain: [ANY],
    kinks: [0],
  },
  sign: {
    formula: "sign x",
    result: "number",
    // As PyTorch: 0 for NaN too.
    evaluate: (x) => Number(x! > 0) - Number(x! < 0),
    vjp: "flat",
    range: WITHIN_ONE,
    finite: "always",
    doc: "-1, 0 or 1",
    domain: [ANY],
    kinks: [0],
  },
  sin: {
    formula: "sin x",
    result: "float",
    evaluate: (x) => Math.sin(x!),
    // d sin x = cos x dx
    vjp: (b, g, [x]) => [b.mul(g, b.cos(x!))],
    flops: 20,
    range: WITHIN_ONE,
    finite: "kept",
    doc: "the sine",
    domain: [ANY],
  },
  cos: {
    formula: "cos x",
    result: "float",
    evaluate: (x) => Math.cos(x!),
    // d cos x = -sin x dx
    vjp: (b, g, [x]) => [b.neg(b.mul(g, b.sin(x!)))],
    flops: 20,
    range: WITHIN_ONE,
    finite: "kept",
    doc: "the cosine",
    domain: [ANY],
  },
  tanh: {
    formula: "tanh x",
    result: "float",
    evaluate: (x) => Math.tanh(x!),
    // d tanh x = (1 - y²) dx
    vjp: (b, g, _, y) => [b.mul(g, b.sub(1, b.mul(y, y)))],
    flops: 20,
    range: WITHIN_ONE,
    finite: "bounded",
    doc: "the hyperbolic tangent",
    domain: [ANY],
  },
  sigmoid: {
    formula: "1 / (1 + e^-x)",
    result: "float",
    evaluate: (x) => sigmoid(x!),
    // d σ(x) = y (1 - y) dx
    vjp: (b, g, _, y) => [b.mul(g, b.mul(y, b.sub(1, y)))],
    flops: 20,
    range: BIT,
    finite: "bounded",
    doc: "1 / (1 + e^-x)",
    domain: [ANY],
  },
  softplus: {
    formula: "log(1 + e^x)",
    result: "float",
    evaluate: (x) => softplus(x!),
    // d softplus x = σ(x) dx
    vjp: (b, g, [x]) => [b.mul(g, b.sigmoid(x!))],
    flops: 36,
    range: FROM_ZERO,
    finite: "kept",
    domain: [ANY],
  },
  relu: {
    formula: "max(x, 0)",
    result: "number",
    // -0 stays -0.
    evaluate: (x) => (x! < 0 ? 0 : x!),
    // d relu x = [y > 0] dx, and 0 at 0
    vjp: (b, g, _, y) => [b.where(b.le(y, 0), 0, g)],
    range: FROM_ZERO,
    finite: "kept",
    doc: "max(x, 0)",
    domain: [ANY],
    kinks: [0],
  },
  erf: {
    formula: "2/√π ∫₀ˣ e^(-t²) dt",
    result: "float",
    evaluate: (x) => erf(x!),
    // d erf x = 2/√π e^(-x²) dx
    vjp: (b, g, [x]) => [b.mul(g, b.mul(b.exp(b.neg(b.mul(x!, x!))), 2 / Math.sqrt(Math.PI)))],
    flops: 30,
    range: WITHIN_ONE,
    finite: "bounded",
    doc: "the error function, 2/√π ∫₀ˣ e^-t² dt",
    domain: [ANY],
  },
  floor: {
    formula: "⌊x⌋",
    result: "number",
    evaluate: (x) => Math.floor(x!),
    vjp: "flat",
    range: ALL,
    finite: "kept",
    doc: "the largest whole number not above x",
    domain: [ANY],
    kinks: [-3, -2, -1, 0, 1, 2, 3],
  },
  round: {
    formula: "the nearest integer, ties to even",
    result: "number",
    evaluate: (x) => roundTiesToEven(x!),
    vjp: "flat",
    range: ALL,
    finite: "kept",
    doc: "the nearest whole number, a half to the even one",
    domain: [ANY],
    kinks: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5],
  },
  not: {
    formula: "¬x",
    result: "bool",
    takes: "bool",
    evaluate: (x) => (x === 0 ? 1 : 0),
    vjp: "flat",
    range: BIT,
    finite: "always",
    domain: [BIT],
  },
  cast: {
    formula: "x as a float",
    result: "float",
    takes: "any",
    evaluate: (x) => x!,
    vjp: "flat",
    flops: 0,
    linear: true,
    range: ALL,
    finite: "kept",
    domain: [BIT],
  },
  stop_gradient: {
    formula: "x, as a constant",
    result: "same",
    takes: "any",
    evaluate: (x) => x!,
    vjp: () => [null],
    flops: 0,
    linear: true,
    range: ALL,
    finite: "kept",
    inKernels: false,
    domain: [ANY],
  },
  add: {
    formula: "a + b",
    result: "number",
    evaluate: (a, b) => a! + b!,
    vjp: (_, g) => [g, g],
    linear: true,
    range: ALL,
    finite: "kept",
    domain: [ANY, ANY],
  },
  couple: {
    formula: "a + b, undone in the backward pass",
    result: "float",
    evaluate: (a, b) => a! + b!,
    vjp: (_, g) => [g, g],
    linear: true,
    range: ALL,
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
    range: ALL,
    finite: "kept",
    domain: [ANY, ANY],
  },
  mul: {
    formula: "a b",
    result: "number",
    evaluate: (a, b) => a! * b!,
    // d (u v) = v du + u dv
    vjp: (b, g, [u, v]) => [b.mul(g, v!), b.mul(g, u!)],
    range: ALL,
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
    range: ALL,
    finite: "poles",
    domain: [ANY, POSITIVE],
  },
  pow: {
    formula: "a^b",
    result: "float",
    evaluate: (a, b) => pow(a!, b!),
    vjp: (b, g, [x, p], y) => [powBase(b, g, x!, p!), isConstant(p!) ? null : powExponent(b, g, x!, y)],
    flops: 36,
    range: ALL,
    finite: "poles",
    domain: [POSITIVE, ANY],
  },
  max: {
    formula: "max(a, b)",
    result: "number",
    evaluate: (a, b) => Math.max(a!, b!),
    // d max(u, v) = [u > v] du + [v > u] dv, and ½ each at a tie
    vjp: (b, g, [u, v]) => {
      const shared = b.where(b.eq(u!, v!), b.mul(g, 0.5), g);
      return [b.where(b.lt(u!, v!), 0, shared), b.where(b.gt(u!, v!), 0, shared)];
    },
    range: ALL,
    finite: "kept",
    domain: [ANY, ANY],
  },
  min: {
    formula: "min(a, b)",
    result: "number",
    evaluate: (a, b) => Math.min(a!, b!),
    // d min(u, v) = [u < v] du + [v < u] dv, and ½ each at a tie
    vjp: (b, g, [u, v]) => {
      const shared = b.where(b.eq(u!, v!), b.mul(g, 0.5), g);
      return [b.where(b.gt(u!, v!), 0, shared), b.where(b.lt(u!, v!), 0, shared)];
    },
    range: ALL,
    finite: "kept",
    domain: [ANY, ANY],
  },
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
    range: BIT,
    finite: "always",
    domain: [BIT, BIT],
  },
  or: {
    formula: "a ∨ b",
    result: "bool",
    takes: "bool",
    evaluate: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
    vjp: "flat",
    range: BIT,
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
    range: ALL,
    finite: "kept",
    domain: [BIT, ANY, ANY],
  },
} satisfies { readonly [K in ElementwiseName]: Spec };

function comparison(formula: string, holds: (a: number, b: number) => boolean): Spec {
  return {
    formula,
    result: "bool",
    evaluate: (a, b) => (holds(a!, b!) ? 1 : 0),
    vjp: "flat",
    range: BIT,
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

/** @throws OpError `type-mismatch`, where an operand is not what `takes` says */
export function requireTypes(
  name: string,
  takes: "number" | "bool" | "any",
  operands: readonly Node[],
): void {
  const fits = (type: ElementType): boolean =>
    takes === "any" || (takes === "bool" ? type === "bool" : type !== "bool");
  if (operands.every((x) => fits(x.type))) return;
  throw new OpError(
    "type-mismatch",
    takes === "bool" ? `\`${name}\` needs true or false` : `\`${name}\` needs numbers`,
    operands.map((x) => x.type),
    takes === "bool" ? "compare it first, as in `x > 0`" : undefined,
  );
}

/** The type in which values of all these types are held: float unless all are int, or all are bool. */
export function commonType(operands: readonly Node[]): ElementType {
  const first = operands[0]?.type ?? "float";
  return operands.every((x) => x.type === first) ? first : "float";
}

function resultType(spec: Spec, operands: readonly Node[]): ElementType {
  switch (spec.result) {
    case "float":
    case "bool":
      return spec.result;
    case "number":
    case "same":
      return commonType(operands);
  }
}

// The keys of a record are its names.
export const elementwiseNames = Object.keys(spec) as ElementwiseName[];

const names: ReadonlySet<string> = new Set(elementwiseNames);
export const isElementwise = (node: Node): node is Extract<Node, { op: ElementwiseName }> =>
  names.has(node.op);

/** The language's functions of one number that are ops by themselves, with what they are. */
export const numberFunctions: readonly (readonly [op: ElementwiseName, doc: string])[] =
  elementwiseNames.flatMap((name) => {
    const { doc }: Spec = spec[name];
    return doc === undefined ? [] : [[name, doc] as const];
  });

/** The definition of an op for single numbers. */
export const definitionOf = (name: ElementwiseName): ((a: number, b: number, c: number) => number) =>
  spec[name].evaluate;

function elementwise<K extends ElementwiseName>(name: K, spec: Spec): Op<K> {
  const takes = spec.takes ?? "number";
  const arity = spec.domain.length;
  const rule = spec.vjp;
  return {
    name,
    family: "elementwise",
    formula: spec.formula,
    takes,
    arity: [arity, arity],
    linear: spec.linear === true,
    range: spec.range,
    finite: spec.finite,
    flops: spec.flops ?? 1,
    inKernels: spec.inKernels ?? true,
    sample: spec.kinks === undefined ? { domain: spec.domain } : { domain: spec.domain, kinks: spec.kinks },
    infer(operands) {
      const shape = operands[0]!.shape;
      if (!operands.every((x) => sameShape(x.shape, shape))) {
        throw new OpError(
          "shape-mismatch",
          `\`${name}\` needs operands of one shape`,
          operands.map((x) => showShape(x.shape)),
        );
      }
      requireTypes(name, takes, operands);
      if (name !== "where") return { shape, type: resultType(spec, operands) };
      requireTypes(name, "bool", operands.slice(0, 1));
      const branches = operands.slice(1);
      if (branches.some((x) => x.type === "bool")) requireTypes(name, "bool", branches);
      return { shape, type: resultType(spec, branches) };
    },
    vjp:
      rule === "flat"
        ? { absent: "flat", because: `the derivative of ${spec.formula} is 0 wherever it exists` }
        : // A record for K is asked about nodes of op K alone; the union of nodes cannot say so.
          (build, node, g) => rule(build, g, node.operands, node as unknown as Node),
    evaluate(operands) {
      const { shape, data } = operands[0]!;
      const [a, b, c] = operands.map((x) => x.data);
      const apply = spec.evaluate;
      const result = new Float64Array(data.length);
      // An operand that the op does not have is not read.
      for (let i = 0; i < result.length; i++) result[i] = apply(a![i]!, b?.[i] ?? 0, c?.[i] ?? 0);
      return { shape, data: result };
    },
  };
}

// `Object.fromEntries` forgets which key has which record; `elementwise` makes for each name the record of that name.
export const elementwiseOps = Object.fromEntries(
  Object.entries(spec).map(([name, s]) => [name, elementwise(name as ElementwiseName, s)]),
) as unknown as Pick<OpTable, ElementwiseName>;
