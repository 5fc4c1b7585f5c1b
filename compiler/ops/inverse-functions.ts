/** Hyperbolic functions, the inverse ones, and log Γ: records as those of `functions.ts`. */
import type { Formulas } from "../ir/formulas.ts";
import type { Node, UnaryAttributes } from "../ir/node.ts";
import { ANY, type Definition } from "./definition.ts";
import { ALL, always, contains, FROM_ONE, FROM_ZERO, type Interval, through } from "./interval.ts";
import { erfinv, lgamma } from "./numerics.ts";
import { digamma } from "./digamma.ts";

const WITHIN: Interval = [-0.9, 0.9];
/** sinh and cosh of this are finite in f32. */
const LARGEST = 88;
const HALF_PI = Math.PI / 2;

const leavesOne = ([x]: readonly Interval[]): boolean => x![0] < -1 || x![1] > 1;
const isLarge = ([x]: readonly Interval[]): boolean => x![0] < -LARGEST || x![1] > LARGEST;
/** Of an odd function that grows from -most to most. */
const odd = (most: number): Definition["range"] =>
  through([-Infinity, -most], [-0, -0], [0, 0], [Infinity, most]);
/** √(1 - x²), which keeps its digits near ±1. */
const leg = (b: Formulas, x: Node): Node => b.sqrt(b.mul(b.sub(1, x), b.add(x, 1)));

type Name = "asin" | "acos" | "atan" | "sinh" | "cosh" | "asinh" | "acosh" | "erfinv" | "lgamma";

export const inverseFunctions = {
  asin: {
    formula: "arcsin x",
    result: "float",
    evaluate: (x) => Math.asin(x!),
    // d arcsin x = dx / √(1 - x²)
    vjp: (b, g, [x]) => [b.div(g, leg(b, x!))],
    flops: 40,
    range: always([-HALF_PI, HALF_PI]),
    finite: "kept",
    gap: leavesOne,
    doc: "the angle from -π/2 to π/2 whose sine x is",
    domain: [WITHIN],
  },
  acos: {
    formula: "arccos x",
    result: "float",
    evaluate: (x) => Math.acos(x!),
    // d arccos x = -dx / √(1 - x²)
    vjp: (b, g, [x]) => [b.neg(b.div(g, leg(b, x!)))],
    flops: 40,
    range: always([0, Math.PI]),
    finite: "kept",
    gap: leavesOne,
    doc: "the angle from 0 to π whose cosine x is",
    domain: [WITHIN],
  },
  atan: {
    formula: "arctan x",
    result: "float",
    evaluate: (x) => Math.atan(x!),
    // d arctan x = dx / (1 + x²)
    vjp: (b, g, [x]) => [b.div(g, b.add(b.mul(x!, x!), 1))],
    flops: 34,
    range: odd(HALF_PI),
    finite: "bounded",
    doc: "the angle from -π/2 to π/2 whose tangent x is",
    domain: [ANY],
  },
  sinh: {
    formula: "sinh x",
    result: "float",
    evaluate: (x) => Math.sinh(x!),
    // d sinh x = cosh x dx
    vjp: (b, g, [x]) => [b.mul(g, b.cosh(x!))],
    flops: 24,
    range: odd(Infinity),
    finite: "kept",
    pole: isLarge,
    doc: "the hyperbolic sine, (e^x - e^-x) / 2",
    domain: [ANY],
  },
  cosh: {
    formula: "cosh x",
    result: "float",
    evaluate: (x) => Math.cosh(x!),
    // d cosh x = sinh x dx
    vjp: (b, g, [x]) => [b.mul(g, b.sinh(x!))],
    flops: 24,
    range: always(FROM_ONE),
    finite: "kept",
    pole: isLarge,
    doc: "the hyperbolic cosine, (e^x + e^-x) / 2",
    domain: [ANY],
  },
  asinh: {
    formula: "arsinh x",
    result: "float",
    evaluate: (x) => Math.asinh(x!),
    // d arsinh x = dx / cosh y, for √(1 + x²) overflows
    vjp: (b, g, _, y) => [b.div(g, b.cosh(y))],
    flops: 30,
    range: odd(Infinity),
    finite: "kept",
    doc: "the inverse of sinh, log(x + √(x² + 1))",
    domain: [ANY],
  },
  acosh: {
    formula: "arcosh x",
    result: "float",
    evaluate: (x) => Math.acosh(x!),
    // d arcosh x = dx / sinh y
    vjp: (b, g, _, y) => [b.div(g, b.sinh(y))],
    flops: 30,
    range: always(FROM_ZERO),
    finite: "kept",
    gap: ([x]) => x![0] < 1,
    doc: "the inverse of cosh on 1 …, log(x + √(x² - 1))",
    domain: [[1.3, 4]],
  },
  erfinv: {
    formula: "erf⁻¹ x",
    result: "float",
    evaluate: (x) => erfinv(x!),
    // d erf⁻¹ x = √π/2 e^(y²) dx
    vjp: (b, g, _, y) => [b.mul(g, b.mul(b.exp(b.mul(y, y)), Math.sqrt(Math.PI) / 2))],
    flops: 60,
    range: odd(Infinity),
    finite: "kept",
    pole: ([x]) => contains(x!, 1) || contains(x!, -1),
    gap: leavesOne,
    doc: "the number whose error function x is",
    domain: [WITHIN],
  },
  lgamma: {
    formula: "log |Γ(x)|",
    result: "float",
    evaluate: (x) => lgamma(x!),
    // d log |Γ(x)| = ψ(x) dx
    vjp: (b, g, [x]) => [b.mul(g, digamma(b, x!))],
    flops: 90,
    range: ([x]) => (x![0] >= 0 ? [-0.2, Infinity] : ALL),
    finite: "kept",
    // Below 0 at every whole number; and where the logarithm of a product overflows.
    pole: ([x]) => x![0] <= 0 || x![1] > 1e36,
    doc: "log |Γ(x)|; Γ(n) is (n - 1)!",
    domain: [[0.3, 6]],
  },
} satisfies { readonly [K in Name & keyof UnaryAttributes]: Definition };
