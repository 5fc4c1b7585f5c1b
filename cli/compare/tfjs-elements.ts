/** TensorFlow.js's functions of each element, and what goes around its faults. */
import type * as Tf from "@tensorflow/tfjs";
import { Lacking } from "../../compiler/compare/question.ts";
import type { ElementwiseOf } from "../../compiler/ir/node.ts";

type Tensor = Tf.Tensor;

type Curve = (x: Tensor) => Tensor;
export type Curves = Record<"exp" | "tanh" | "sigmoid", Curve>;

/**
 * TensorFlow.js 4.22 writes the saved result of these ops on its tape before the ops themselves,
 * and so loses what flows through it when a derivative is differentiated again (`tf.grad` of
 * `tf.grad` of `tf.exp` throws). For programs that do so, their derivatives are made of new
 * results: e^x, (1 + tanh x)(1 - tanh x), σ(x) σ(-x).
 */
export function differentiableTwice(tf: typeof Tf): Curves {
  const curve = (value: Curve, slope: Curve): Curve => {
    const op = tf.customGrad((...args) => {
      // By its types they are tensors; the last is a function, which keeps tensors for the way
      // back.
      const [x, save] = args as unknown as [Tensor, Tf.GradSaveFunc];
      save([x]);
      return { value: value(x), gradFunc: (g: Tensor, [kept]: Tensor[]) => tf.mul(g, slope(kept!)) };
    });
    return (x) => op(x);
  };
  const curves: Curves = {
    exp: curve(tf.exp, (x) => curves.exp(x)),
    tanh: curve(tf.tanh, (x) => tf.mul(tf.add(1, curves.tanh(x)), tf.sub(1, curves.tanh(x)))),
    sigmoid: curve(tf.sigmoid, (x) => tf.mul(curves.sigmoid(x), curves.sigmoid(tf.neg(x)))),
  };
  return curves;
}

/** The same numbers, through which no gradient flows. */
export const constant = (tf: typeof Tf, x: Tensor): Tensor =>
  tf.tensor(x.dataSync(), x.shape, x.dtype === "bool" ? "bool" : "float32");

/** @throws Lacking where it is called */
const lacking = (what: string) => (): never => {
  throw new Lacking(what);
};

/** Booleans are floats between ops, as in the modules. */
export function elementwise(tf: typeof Tf, { exp, tanh, sigmoid }: Curves): ElementwiseOf<Tensor> {
  const still = (x: Tensor): Tensor => constant(tf, x);
  const truth = (x: Tensor): Tensor => tf.cast(still(x), "bool");
  const flat = (x: Tensor): Tensor => tf.cast(still(x), "float32");
  type OfTwo = (a: Tensor, b: Tensor) => Tensor;
  const comparison =
    (of: OfTwo): OfTwo =>
    (a, b) =>
      flat(of(still(a), still(b)));
  const logical =
    (of: OfTwo): OfTwo =>
    (a, b) =>
      flat(of(truth(a), truth(b)));
  return {
    neg: tf.neg,
    exp,
    expm1: tf.expm1,
    log: tf.log,
    log1p: tf.log1p,
    sqrt: tf.sqrt,
    reciprocal: tf.reciprocal,
    abs: tf.abs,
    sign: (x) => flat(tf.sign(x)),
    sin: tf.sin,
    cos: tf.cos,
    asin: tf.asin,
    acos: tf.acos,
    atan: tf.atan,
    sinh: tf.sinh,
    cosh: tf.cosh,
    tanh,
    asinh: tf.asinh,
    acosh: tf.acosh,
    sigmoid,
    softplus: tf.softplus,
    relu: tf.relu,
    erf: tf.erf,
    erfinv: lacking("the inverse of erf"),
    lgamma: lacking("log Γ"),
    floor: (x) => flat(tf.floor(x)),
    round: (x) => flat(tf.round(x)),
    not: (x) => flat(tf.logicalNot(truth(x))),
    cast: (x) => x,
    stop_gradient: still,
    add: tf.add,
    couple: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    div: tf.div,
    pow: tf.pow,
    atan2: tf.atan2,
    max: tf.maximum,
    min: tf.minimum,
    lt: comparison(tf.less),
    le: comparison(tf.lessEqual),
    gt: comparison(tf.greater),
    ge: comparison(tf.greaterEqual),
    eq: comparison(tf.equal),
    ne: comparison(tf.notEqual),
    and: logical(tf.logicalAnd),
    or: logical(tf.logicalOr),
    where: (c, a, b) => tf.where(truth(c), a, b),
  };
}
