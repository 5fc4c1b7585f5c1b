/** Functions of one tensor as programs write them, with the interval that their results are in. */
import { lgamma } from "../../compiler/ops/numerics.ts";
import { extreme, magnitude, negative, plus, range, reach, through, times, type Range } from "./range.ts";

export interface Written {
  readonly text: string;
  readonly range: Range;
}

type Writer = (x: Written) => Written;

const grows =
  (call: string, f: (x: number) => number): Writer =>
  ({ text, range: r }) => ({ text: call.replaceAll("#", text), range: through(r, f) });

/** Of a function that dips a little below 0 before it grows as its argument does. */
const dips =
  (call: string): Writer =>
  ({ text, range: r }) => ({ text: call.replaceAll("#", text), range: range(-0.5, Math.max(r.high, 0.1)) });

const within =
  (low: number, high: number, call: string): Writer =>
  ({ text }) => ({ text: call.replaceAll("#", text), range: range(low, high) });

const softplus = (x: number): number => Math.log1p(Math.exp(x));
const elu = (x: number): number => (x > 0 ? x : Math.expm1(x));

/** x, or something like it that is 0.2 at least. */
function positive(x: Written): Written {
  if (x.range.low >= 0.2) return x;
  const { low, high } = magnitude(x.range);
  const odd = x.text.length % 3;
  if (odd === 0) return { text: `(${x.text}^2 + 0.5)`, range: range(low * low + 0.5, high * high + 0.5) };
  if (odd === 1) return { text: `(abs(${x.text}) + 0.3)`, range: range(low + 0.3, high + 0.3) };
  return {
    text: `(softplus(${x.text}) + 0.2)`,
    range: plus(through(x.range, softplus), range(0.2, 0.2)),
  };
}

/** x, or a multiple that is 2 in magnitude at most. */
function small(x: Written): Written {
  const most = reach(x.range);
  if (most <= 2) return x;
  const factor = Number((2 / most).toPrecision(1));
  return { text: `(${factor} * ${x.text})`, range: times(x.range, range(factor, factor)) };
}

const ofPositive =
  (call: string, f: (x: number) => number): Writer =>
  (x) =>
    grows(call, f)(positive(x));
const ofSmall =
  (call: string, f: (x: number) => number): Writer =>
  (x) =>
    grows(call, f)(small(x));

/** Smooth, or with kinks; all of them let gradients through. */
export const functions: readonly Writer[] = [
  grows("tanh(#)", Math.tanh),
  grows("relu(#)", (x) => Math.max(x, 0)),
  within(0, 1, "sigmoid(#)"),
  grows("softplus(#)", softplus),
  grows("softplus(#, 2)", (x) => softplus(2 * x) / 2),
  grows("leaky_relu(#)", (x) => Math.max(x, 0.01 * x)),
  grows("leaky_relu(#, 0.2)", (x) => Math.max(x, 0.2 * x)),
  grows("elu(#)", elu),
  grows("elu(#, alpha = 0.7)", (x) => Math.max(x, 0.7 * elu(x))),
  grows("selu(#)", (x) => 1.06 * (x > 0 ? x : 1.68 * elu(x))),
  grows("softsign(#)", (x) => x / (1 + Math.abs(x))),
  dips("swish(#)"),
  dips("swish(#, 1.5)"),
  dips("silu(#)"),
  dips("gelu(#)"),
  dips("gelu_erf(#)"),
  dips("mish(#)"),
  within(0, 1, "hard_sigmoid(#)"),
  within(-1, 1, "hard_tanh(#)"),
  within(-0.5, 1.5, "hard_tanh(#, -0.5, 1.5)"),
  within(-0.7, 0.9, "clamp(#, -0.7, 0.9)"),
  ({ text, range: r }) => ({
    text: `clamp(${text}, min = 0.1)`,
    range: extreme(r, range(0.1, 0.1), Math.max),
  }),
  ({ text, range: r }) => ({ text: `abs(${text})`, range: magnitude(r) }),
  ({ text, range: r }) => ({ text: `-${text}`, range: negative(r) }),
  within(-1, 1, "sin(#)"),
  within(-1, 1, "cos(#)"),
  within(-1, 1, "erf(#)"),
  grows("atan(#)", Math.atan),
  grows("atan2(#, 1.5)", Math.atan),
  within(-3.2, 3.2, "atan2(2 + sin(#), #)"),
  grows("asinh(#)", Math.asinh),
  within(-1.2, 1.2, "asin(0.9 * sin(#))"),
  within(0.4, 2.8, "acos(0.9 * cos(#))"),
  within(-1.5, 1.5, "atanh(0.9 * tanh(#))"),
  within(-1.2, 1.2, "erfinv(0.9 * tanh(#))"),
  ofSmall("sinh(#)", Math.sinh),
  (x) => ({ text: `cosh(${small(x).text})`, range: range(1, Math.cosh(2)) }),
  ofPositive("acosh(1 + #)", (x) => Math.acosh(1 + x)),
  (x) => {
    const of = positive(x);
    return { text: `lgamma(${of.text})`, range: range(-0.2, Math.max(1.6, lgamma(of.range.high))) };
  },
  ofPositive("digamma(#)", (x) => Math.log(x) - 1 / x),
  ofSmall("exp(#)", Math.exp),
  ofSmall("expm1(#)", Math.expm1),
  ofPositive("log(#)", Math.log),
  ofPositive("log1p(#)", Math.log1p),
  ofPositive("sqrt(#)", Math.sqrt),
  ofPositive("1 / #", (x) => 1 / x),
  ofPositive("#^0.5", Math.sqrt),
  ofPositive("#^-1.5", (x) => x ** -1.5),
  ofSmall("2^#", (x) => 2 ** x),
  ofSmall("e^#", Math.exp),
  (x) => ofSmall("#^3", (v) => v ** 3)(x),
  (x) => {
    const { low, high } = magnitude(small(x).range);
    return { text: `${small(x).text}^2`, range: range(low * low, high * high) };
  },
  grows("identity(#)", (x) => x),
  grows("(z => max(z, 0.1 * z))(#)", (x) => Math.max(x, 0.1 * x)),
];

/** Formulas as textbooks write them, which the compiler is to rewrite to stable ones. */
export const textbook: readonly Writer[] = [
  grows("log(1 + exp(#))", softplus),
  grows("log(sigmoid(#))", (x) => -softplus(-x)),
  grows("-log(sigmoid(-#))", softplus),
  grows("log(1 - sigmoid(#))", (x) => -softplus(x)),
  within(0, 1, "1 / (1 + exp(-#))"),
  ofSmall("exp(#) - 1", Math.expm1),
  ofPositive("log(1 + #)", Math.log1p),
  ofPositive("log(#^2)", (x) => 2 * Math.log(x)),
  ofPositive("exp(0.5 * log(#))", Math.sqrt),
  within(-1, 1, "(exp(#) - exp(-#)) / (exp(#) + exp(-#))"),
];

/** Flat wherever they have a slope. */
export const steps: readonly Writer[] = [
  within(-1, 1, "sign(#)"),
  within(0, 1, "step(#)"),
  grows("floor(#)", Math.floor),
  grows("round(#)", (x) => x + Math.sign(x)),
  grows("stop_gradient(#)", (x) => x),
];
