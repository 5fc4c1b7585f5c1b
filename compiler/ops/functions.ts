/**
 * Functions of one number, applied to each element. A derivative rule gets the cotangent `g` of the
 * result, the operand and the result `y`, and gives the cotangent of the operand; the comment
 * beside it is the formula. A rule knows nothing of 0 · ∞: that is `passes/silence.ts`'s.
 */
import type { UnaryAttributes } from "../ir/node.ts";
import { ANY, type Definition, POSITIVE } from "./definition.ts";
import {
  always,
  BIT,
  contains,
  FROM_ZERO,
  type Interval,
  kept,
  magnitude,
  negative,
  quotient,
  rising,
  through,
} from "./interval.ts";
import { inverseFunctions } from "./inverse-functions.ts";
import { erf, roundTiesToEven, sigmoid, softplus } from "./numerics.ts";

const WITHIN_ONE: Interval = [-1, 1];
/** e to this is finite in f32. */
const LARGEST_EXPONENT = 88;

export const functions = {
  ...inverseFunctions,
  neg: {
    formula: "-x",
    result: "number",
    evaluate: (x) => -x!,
    vjp: (b, g) => [b.neg(g)],
    linear: true,
    range: ([x]) => negative(x!),
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
    range: through([-Infinity, 0], [0, 1], [Infinity, Infinity]),
    finite: "kept",
    pole: ([x]) => x![1] > LARGEST_EXPONENT,
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
    range: through([-Infinity, -1], [-0, -0], [0, 0], [Infinity, Infinity]),
    finite: "kept",
    pole: ([x]) => x![1] > LARGEST_EXPONENT,
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
    range: through([-Infinity, -Infinity], [1, 0], [Infinity, Infinity]),
    finite: "kept",
    pole: ([x]) => contains(x!, 0),
    gap: ([x]) => x![0] < 0,
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
    range: through([-Infinity, -Infinity], [-0, -0], [0, 0], [Infinity, Infinity]),
    finite: "kept",
    pole: ([x]) => contains(x!, -1),
    gap: ([x]) => x![0] < -1,
    doc: "log(1 + x), exact near 0",
    domain: [[-0.8, 4]],
  },
  sqrt: {
    formula: "√x",
    result: "float",
    evaluate: (x) => Math.sqrt(x!),
    // d √x = ½ dx / y
    vjp: (b, g, _, y) => [b.div(b.mul(g, 0.5), y)],
    range: rising((x) => Math.sqrt(Math.max(x, -0))),
    finite: "kept",
    gap: ([x]) => x![0] < 0,
    doc: "the square root",
    domain: [POSITIVE],
  },
  reciprocal: {
    formula: "1 / x",
    result: "float",
    evaluate: (x) => 1 / x!,
    // d (1/x) = -y² dx
    vjp: (b, g, _, y) => [b.neg(b.mul(b.mul(g, y), y))],
    range: ([x]) => quotient([1, 1], x!),
    finite: "kept",
    pole: ([x]) => contains(x!, 0),
    domain: [POSITIVE],
  },
  abs: {
    formula: "|x|",
    result: "number",
    evaluate: (x) => Math.abs(x!),
    // d |x| = sign(x) dx, and 0 at 0
    vjp: (b, g, [x]) => [b.mul(g, b.sign(x!))],
    range: ([x]) => magnitude(x!),
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
    // What is no number may be in any interval.
    range: ([x]) => [x![0] < 0 ? -1 : 0, x![1] > 0 ? 1 : 0],
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
    range: always(WITHIN_ONE),
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
    range: always(WITHIN_ONE),
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
    range: through([-Infinity, -1], [-0, -0], [0, 0], [Infinity, 1]),
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
    range: through([-Infinity, 0], [0, 0.5], [Infinity, 1]),
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
    range: always(FROM_ZERO),
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
    range: ([x]) => [Math.max(x![0], -0), Math.max(x![1], 0)],
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
    range: through([-Infinity, -1], [-0, -0], [0, 0], [Infinity, 1]),
    finite: "bounded",
    doc: "the error function, 2/√π ∫₀ˣ e^-t² dt",
    domain: [ANY],
  },
  floor: {
    formula: "⌊x⌋",
    result: "number",
    evaluate: (x) => Math.floor(x!),
    vjp: "flat",
    range: rising(Math.floor),
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
    range: rising(roundTiesToEven),
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
    range: always(BIT),
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
    range: kept,
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
    range: kept,
    finite: "kept",
    inKernels: false,
    domain: [ANY],
  },
} satisfies { readonly [K in keyof UnaryAttributes]: Definition };
