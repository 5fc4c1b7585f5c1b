/**
 * Textbook formulas as graphs, with the values and slopes that were derived for them by hand, and
 * the check of the rules that rewrite them.
 */
import type { Node } from "../../compiler/ir/node.ts";
import { fixed, ONE } from "../../compiler/ir/size.ts";
import type { Rule } from "../../compiler/passes/rewrite.ts";
import { stabilizations } from "../../compiler/passes/rules/stabilizations.ts";
import { ALL, Formulas, pass, shapeOf, values } from "./graph.ts";

export interface Case {
  /** Rules whose right side must be in the result. */
  readonly rules: readonly string[];
  /** From z: [N, 3], labels y: [N], and t: [N, 3] in [0, 1]. */
  readonly make: (b: Formulas, z: Node, y: Node, t: Node) => Node;
  /**
   * The value and its sum's gradient by z, from a row of numbers, written with care by hand; row by
   * row.
   */
  readonly value: (z: readonly number[], y: number, t: readonly number[]) => readonly number[];
  readonly slope: (z: readonly number[], y: number, t: readonly number[]) => readonly number[];
}

const sigma = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const plus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const lse = (z: readonly number[]): number => {
  const top = Math.max(...z);
  return top + Math.log(z.reduce((sum, x) => sum + Math.exp(x - top), 0));
};
const soft = (z: readonly number[]): number[] => z.map((x) => Math.exp(x - lse(z)));
const each = (f: (x: number) => number) => (z: readonly number[]) => z.map(f);

const sumExp = (b: Formulas, z: Node): Node => b.sum(b.exp(z), [1]);
const softmax = (b: Formulas, z: Node): Node => b.div(b.exp(z), sumExp(b, z));
const top = (b: Formulas, z: Node): Node => b.reduce_max(z, [1]);
const shifted = (b: Formulas, z: Node): Node => b.sub(z, top(b, z));
const sig = (b: Formulas, z: Node): Node => b.div(1, b.add(1, b.exp(b.neg(z))));
const row = (b: Formulas, x: Node): Node => b.reshape(x, [x.shape[0]!]);
const oneHot = (b: Formulas, y: Node): Node => b.oneHot(y, 3);

const sigmoidCase = { value: each(sigma), slope: each((x) => sigma(x) * sigma(-x)) };
const tanhCase = { value: each(Math.tanh), slope: each((x) => 4 * sigma(2 * x) * sigma(-2 * x)) };
const logSigmoid = { value: each((x) => -plus(-x)), slope: each((x) => sigma(-x)) };
const logRest = { value: each((x) => -plus(x)), slope: each((x) => -sigma(x)) };
const softplusCase = { value: each(plus), slope: each(sigma) };
const lseCase = { value: (z: readonly number[]) => [lse(z)], slope: soft };
const softmaxCase = { value: soft, slope: each(() => 0) };
const logSoftmax = {
  value: (z: readonly number[]) => z.map((x) => x - lse(z)),
  slope: (z: readonly number[]) => soft(z).map((p) => 1 - 3 * p),
};
const crossEntropy = {
  value: (z: readonly number[], y: number) => [lse(z) - z[y]!],
  slope: (z: readonly number[], y: number) => soft(z).map((p, k) => p - (k === y ? 1 : 0)),
};
const bce = {
  value: (z: readonly number[], _: number, t: readonly number[]) => z.map((x, k) => plus(x) - t[k]! * x),
  slope: (z: readonly number[], _: number, t: readonly number[]) => z.map((x, k) => sigma(x) - t[k]!),
};

/** log σ(x) where it holds of the target, log(1 - σ(x)) else. */
const seen = (yes: (t: number) => boolean): Pick<Case, "value" | "slope"> => ({
  value: (z, _, t) => z.map((x, k) => -plus(yes(t[k]!) ? -x : x)),
  slope: (z, _, t) => z.map((x, k) => (yes(t[k]!) ? sigma(-x) : -sigma(x))),
});

/** 1 + k + 2 o of row k and column o. */
const counted = (k: number, o: number): number => 1 + k + 2 * o;
const table = (b: Formulas): Node => {
  const shape = shapeOf(1, 3, 4);
  return b.add(1, b.add(b.toFloat(b.iota(1, shape)), b.mul(2, b.toFloat(b.iota(2, shape)))));
};

export const cases: Record<string, Case> = {
  "Σ_k -x_k w_ko / 2": {
    rules: ["contraction"],
    make: (b, z) => {
      const [rows, depth] = z.shape;
      const terms = b.mul(b.neg(b.reshape(z, [rows!, depth!, ONE])), table(b));
      return b.sum(b.div(terms, 2), [1]);
    },
    value: (z) => [0, 1, 2, 3].map((o) => -z.reduce((sum, x, k) => sum + x * counted(k, o), 0) / 2),
    slope: (z) => z.map((_, k) => -[0, 1, 2, 3].reduce((sum, o) => sum + counted(k, o), 0) / 2),
  },
  "1 / (1 + e^-x)": { rules: ["sigmoid"], make: (b, z) => sig(b, z), ...sigmoidCase },
  "(e^-x + 1)^-1": {
    rules: ["sigmoid"],
    make: (b, z) => b.pow(b.add(b.exp(b.mul(z, -1)), 1), -1),
    ...sigmoidCase,
  },
  "e^x / (1 + e^x)": {
    rules: ["sigmoid-of-exp"],
    make: (b, z) => b.div(b.exp(z), b.add(b.exp(z), 1)),
    ...sigmoidCase,
  },
  "x / (1 + e^-x)": {
    rules: ["sigmoid"],
    make: (b, z) => b.div(z, b.add(1, b.exp(b.neg(z)))),
    value: each((x) => x * sigma(x)),
    slope: each((x) => sigma(x) + x * sigma(x) * sigma(-x)),
  },
  "(e^x - e^-x) / (e^x + e^-x)": {
    rules: ["tanh"],
    make: (b, z) => b.div(b.sub(b.exp(z), b.exp(b.neg(z))), b.add(b.exp(z), b.exp(b.neg(z)))),
    ...tanhCase,
  },
  "(e^2x - 1) / (e^2x + 1)": {
    rules: ["tanh-of-half"],
    make: (b, z) => b.div(b.sub(b.exp(b.mul(2, z)), 1), b.add(b.exp(b.mul(2, z)), 1)),
    ...tanhCase,
  },
  "(1 - e^-2x) / (1 + e^-2x)": {
    rules: ["tanh-of-half"],
    make: (b, z) => b.div(b.sub(1, b.exp(b.mul(-2, z))), b.add(1, b.exp(b.mul(-2, z)))),
    ...tanhCase,
  },
  "log σ(x)": { rules: ["log-sigmoid"], make: (b, z) => b.log(b.sigmoid(z)), ...logSigmoid },
  "log 1/(1 + e^-x)": { rules: ["log-sigmoid"], make: (b, z) => b.log(sig(b, z)), ...logSigmoid },
  "log of a reshaped σ(x)": {
    rules: ["log-sigmoid"],
    make: (b, z) => b.log(b.reshape(b.sigmoid(z), [ONE, ...z.shape])),
    ...logSigmoid,
  },
  "log(1 - σ(x))": {
    rules: ["log-sigmoid"],
    make: (b, z) => b.log(b.sub(1, b.sigmoid(z))),
    ...logRest,
  },
  "log1p(-σ(x))": {
    rules: ["log-one-minus-sigmoid"],
    make: (b, z) => b.log1p(b.neg(b.sigmoid(z))),
    ...logRest,
  },
  "log(1 + e^x)": { rules: ["log-one-plus-exp"], make: (b, z) => b.log(b.add(1, b.exp(z))), ...softplusCase },
  "log1p(e^x)": { rules: ["log-one-plus-exp"], make: (b, z) => b.log1p(b.exp(z)), ...softplusCase },
  "-log σ(-x)": {
    rules: ["log-sigmoid"],
    make: (b, z) => b.neg(b.log(b.sigmoid(b.neg(z)))),
    ...softplusCase,
  },
  "log e^x": {
    rules: ["log-exp"],
    make: (b, z) => b.log(b.exp(z)),
    value: each((x) => x),
    slope: each(() => 1),
  },
  "log Σ e^x": { rules: ["logsumexp"], make: (b, z) => b.log(row(b, sumExp(b, z))), ...lseCase },
  "log of the mean of e^x": {
    rules: ["log-quotient"],
    make: (b, z) => b.log(b.div(sumExp(b, z), 3)),
    value: (z) => [lse(z) - Math.log(3)],
    slope: soft,
  },
  "max x + log Σ e^(x - max x)": {
    rules: ["logsumexp-shift"],
    make: (b, z) => b.add(row(b, top(b, z)), b.log(row(b, b.sum(b.exp(shifted(b, z)), [1])))),
    ...lseCase,
  },
  "e^x / Σ e^x": { rules: ["softmax"], make: (b, z) => softmax(b, z), ...softmaxCase },
  "e^(x - max x) / Σ, with the maximum kept back from the gradient": {
    rules: ["softmax-shift"],
    make(b, z) {
      const e = b.exp(b.sub(z, b.elementwise("stop_gradient", top(b, z))));
      return b.div(e, b.reshape(row(b, b.sum(e, [1])), [z.shape[0]!, ONE]));
    },
    ...softmaxCase,
  },
  "e^(x - log Σ e^x)": {
    rules: ["softmax-of-logsumexp"],
    make: (b, z) => b.exp(b.sub(z, b.log(sumExp(b, z)))),
    ...softmaxCase,
  },
  "x softmax(x - max x), and x e^(x - log Σ e^x)": {
    rules: ["softmax-shift", "softmax-of-logsumexp"],
    make(b, z) {
      const shift = b.softmax(b.sub(z, b.reduce_max(z, [1])), 1);
      return b.mul(z, b.add(shift, b.mul(2, b.exp(b.sub(z, b.logsumexp(z, [1]))))));
    },
    value: (z) => soft(z).map((p, k) => 3 * p * z[k]!),
    slope: (z) =>
      soft(z).map((p, k) => 3 * p * (1 + soft(z).reduce((sum, q, i) => sum + q * (z[k]! - z[i]!), 0))),
  },
  "log(e^x / Σ e^x)": { rules: ["log-softmax"], make: (b, z) => b.log(softmax(b, z)), ...logSoftmax },
  "x - max x - log Σ e^(x - max x)": {
    rules: ["log-softmax-shift"],
    make: (b, z) => b.sub(shifted(b, z), b.log(b.sum(b.exp(shifted(b, z)), [1]))),
    ...logSoftmax,
  },
  "-log(e^(x_y) / Σ e^x)": {
    rules: ["log-exp"],
    make: (b, z, y) => b.neg(b.log(b.div(b.gather(b.exp(z), y), row(b, sumExp(b, z))))),
    ...crossEntropy,
  },
  "-log softmax(x)[y]": {
    rules: ["gather-difference"],
    make: (b, z, y) => b.neg(b.log(b.gather(softmax(b, z), y))),
    ...crossEntropy,
  },
  "-(log softmax x)[y]": {
    rules: ["gather-difference"],
    make: (b, z, y) => b.neg(b.gather(b.log(softmax(b, z)), y)),
    ...crossEntropy,
  },
  "-Σ one_hot(y) log softmax x": {
    rules: ["log-softmax"],
    make: (b, z, y) => b.neg(b.sum(b.mul(oneHot(b, y), b.log(softmax(b, z))), [1])),
    ...crossEntropy,
  },
  "-log Σ one_hot(y) softmax x": {
    rules: ["log-picked-softmax"],
    make: (b, z, y) => b.neg(b.log(b.sum(b.mul(oneHot(b, y), softmax(b, z)), [1]))),
    ...crossEntropy,
  },
  "-log(softmax(x)^2 / 3) / 2": {
    rules: ["log-quotient"],
    make: (b, z) => b.log(b.div(b.pow(softmax(b, z), 2), 3)),
    value: (z) => z.map((x) => 2 * (x - lse(z)) - Math.log(3)),
    slope: (z) => soft(z).map((p) => 2 - 6 * p),
  },
  "log 1/σ(x)": {
    rules: ["log-reciprocal"],
    make: (b, z) => b.log(b.reciprocal(b.sigmoid(z))),
    value: each((x) => plus(-x)),
    slope: each((x) => -sigma(-x)),
  },
  "log σ(x)^2": {
    rules: ["log-power"],
    make: (b, z) => b.log(b.pow(b.sigmoid(z), 2)),
    value: each((x) => -2 * plus(-x)),
    slope: each((x) => 2 * sigma(-x)),
  },
  "log(2 σ(x))": {
    rules: ["log-product"],
    make: (b, z) => b.log(b.mul(b.sigmoid(z), 2)),
    value: each((x) => Math.LN2 - plus(-x)),
    slope: each((x) => sigma(-x)),
  },
  "-t log p - (1 - t) log(1 - p)": {
    rules: ["binary-cross-entropy"],
    make(b, z, _, t) {
      const p = sig(b, z);
      return b.sub(b.neg(b.mul(t, b.log(p))), b.mul(b.sub(1, t), b.log(b.sub(1, p))));
    },
    ...bce,
  },
  "-(log(p) t + log(1 - p) (1 - t))": {
    rules: ["binary-cross-entropy"],
    make(b, z, _, t) {
      const p = b.sigmoid(z);
      return b.neg(b.add(b.mul(b.log(p), t), b.mul(b.log(b.sub(1, p)), b.sub(1, t))));
    },
    ...bce,
  },
  "1 - σ(x)": {
    rules: ["one-minus-sigmoid"],
    make: (b, z) => b.sub(1, b.sigmoid(z)),
    value: each((x) => sigma(-x)),
    slope: each((x) => -sigma(x) * sigma(-x)),
  },
  "log(1 - where(t, σ(x), 1 - σ(x)))": {
    rules: ["log-choice"],
    make(b, z, _, t) {
      const p = b.sigmoid(z);
      return b.log(b.sub(1, b.where(b.gt(t, 0.4), p, b.sub(1, p))));
    },
    ...seen((t) => t <= 0.4),
  },
  "1 - where(t, σ(x), 1 - σ(x))": {
    rules: ["one-minus-choice"],
    make(b, z, _, t) {
      const p = b.sigmoid(z);
      return b.sub(1, b.where(b.gt(t, 0.4), p, b.sub(1, p)));
    },
    value: (z, _, t) => z.map((x, k) => sigma(t[k]! > 0.4 ? -x : x)),
    slope: (z, _, t) => z.map((x, k) => (t[k]! > 0.4 ? -1 : 1) * sigma(x) * sigma(-x)),
  },
  "log(1 - concat(σ(x), σ(-x)))": {
    rules: ["log-concat"],
    make: (b, z) => b.log(b.sub(1, b.concat([b.sigmoid(z), b.sigmoid(b.neg(z))], 1))),
    value: (z) => [...z.map((x) => -plus(x)), ...z.map((x) => -plus(-x))],
    slope: each((x) => sigma(-x) - sigma(x)),
  },
  "(z t')[1, 0:2]": {
    rules: ["slice-of-product"],
    make(b, z, _, t) {
      const n = z.shape[0]!;
      const outer = b.matmul(b.reshape(z, [n, fixed(3), ONE]), b.reshape(t, [n, ONE, fixed(3)]));
      const from = (start: number) => ({ start, fromEnd: false, step: 1 });
      return b.reshape(b.slice(outer, [from(0), from(1), from(0)], [n, ONE, fixed(2)]), [n, fixed(2)]);
    },
    value: (z, _, t) => [z[1]! * t[0]!, z[1]! * t[1]!],
    slope: (_, __, t) => [0, t[0]! + t[1]!, 0],
  },
  "log where(t, σ(x), 1 - σ(x))": {
    rules: ["log-choice"],
    make: (b, z, _, t) => b.log(b.where(b.gt(t, 0.4), b.sigmoid(z), b.sub(1, b.sigmoid(z)))),
    ...seen((t) => t > 0.4),
  },
  "log((½ + t) σ(x) + (2 - t) (1 - σ(x)))": {
    rules: ["log-sum"],
    make: (b, z, _, t) =>
      b.log(b.add(b.mul(b.add(t, 0.5), b.sigmoid(z)), b.mul(b.sub(2, t), b.sub(1, b.sigmoid(z))))),
    value: (z, _, t) =>
      z.map((x, k) => lse([Math.log(t[k]! + 0.5) - plus(-x), Math.log(2 - t[k]!) - plus(x)])),
    slope: (z, _, t) =>
      z.map((x, k) => {
        const [a, c] = soft([Math.log(t[k]! + 0.5) - plus(-x), Math.log(2 - t[k]!) - plus(x)]);
        return a! * sigma(-x) - c! * sigma(x);
      }),
  },
  "log Σ (1 + t) e^x": {
    rules: ["log-weighted-sum"],
    make: (b, z, _, t) => b.log(b.sum(b.mul(b.add(t, 1), b.exp(z)), [1])),
    value: (z, _, t) => [lse(z.map((x, k) => x + Math.log1p(t[k]!)))],
    slope: (z, _, t) => soft(z.map((x, k) => x + Math.log1p(t[k]!))),
  },
  "log(e^x + e^2x + 2)": {
    rules: ["log-sum"],
    make: (b, z) => b.log(b.add(b.add(b.exp(z), b.exp(b.mul(z, 2))), 2)),
    value: each((x) => lse([x, 2 * x, Math.LN2])),
    slope: each((x) => soft([x, 2 * x, Math.LN2])[0]! + 2 * soft([x, 2 * x, Math.LN2])[1]!),
  },
  "log(e^x - e^(x - 1))": {
    rules: ["log-sum"],
    make: (b, z) => b.log(b.sub(b.exp(z), b.exp(b.sub(z, 1)))),
    value: each((x) => x + Math.log(-Math.expm1(-1))),
    slope: each(() => 1),
  },
  "log(½ + ½ tanh x)": {
    rules: ["log-one-plus-tanh"],
    make: (b, z) => b.log(b.add(0.5, b.mul(b.tanh(z), 0.5))),
    value: each((x) => -plus(-2 * x)),
    slope: each((x) => 2 * sigma(-2 * x)),
  },
  "log(1 - tanh² x)": {
    rules: ["log-one-minus-tanh-squared"],
    make: (b, z) => b.log(b.sub(1, b.pow(b.tanh(z), 2))),
    value: each((x) => 2 * Math.LN2 - plus(2 * x) - plus(-2 * x)),
    slope: each((x) => -2 * Math.tanh(x)),
  },
  "log(1 - softmax x)": {
    rules: ["log-one-minus-softmax"],
    make: (b, z) => b.log(b.sub(1, softmax(b, z))),
    value: (z) => z.map((_, k) => lse(z.filter((__, i) => i !== k)) - lse(z)),
    slope: (z) =>
      z.map((_, i) =>
        z.reduce((sum, __, k) => {
          const others = soft(z.map((x, j) => (j === k ? -Infinity : x)));
          return sum + others[i]! - soft(z)[i]!;
        }, 0),
      ),
  },
  "log(1 - σ(x) σ(2x))": {
    rules: ["log-one-minus-product"],
    make: (b, z) => b.log(b.sub(1, b.mul(b.sigmoid(z), b.sigmoid(b.mul(z, 2))))),
    value: each((x) => lse([-plus(x), -plus(-x) - plus(2 * x)])),
    slope: each((x) => {
      const [a, c] = soft([-plus(x), -plus(-x) - plus(2 * x)]);
      return -a! * sigma(x) + c! * (sigma(-x) - 2 * sigma(2 * x));
    }),
  },
  "log(1 - e^-(1 + x²))": {
    rules: ["log-one-minus-exp"],
    make: (b, z) => b.log(b.sub(1, b.exp(b.neg(b.add(b.mul(z, z), 1))))),
    value: each((x) => Math.log1p(-Math.exp(-1 - x * x))),
    slope: each((x) => (2 * x) / Math.expm1(1 + x * x)),
  },
  "log(σ(x + 1) - σ(x))": {
    rules: ["log-difference-of-sigmoids"],
    make: (b, z) => b.log(b.sub(b.sigmoid(b.add(z, 1)), b.sigmoid(z))),
    value: each((x) => -plus(-x - 1) - plus(x) + Math.log(-Math.expm1(-1))),
    slope: each((x) => sigma(-x - 1) - sigma(x)),
  },
  "log √e^x": {
    rules: ["log-root"],
    make: (b, z) => b.log(b.sqrt(b.mul(b.exp(b.tanh(z)), 2))),
    value: each((x) => (Math.tanh(x) + Math.LN2) / 2),
    slope: each((x) => 2 * sigma(2 * x) * sigma(-2 * x)),
  },
  "log Π σ(x)": {
    rules: ["log-product-of-all"],
    make: (b, z) => b.log(b.prod(b.sigmoid(z), [1])),
    value: (z) => [z.reduce((sum, x) => sum - plus(-x), 0)],
    slope: each((x) => sigma(-x)),
  },
  "√(σ(x) (1 - σ(x)))": {
    rules: ["root-of-probability"],
    make: (b, z) => b.sqrt(b.mul(b.sigmoid(z), b.sub(1, b.sigmoid(z)))),
    value: each((x) => Math.exp(-(plus(x) + plus(-x)) / 2)),
    slope: each((x) => (Math.exp(-(plus(x) + plus(-x)) / 2) * (sigma(-x) - sigma(x))) / 2),
  },
  "e^x / (e^x + e^2x)": {
    rules: ["quotient-of-exponentials"],
    make: (b, z) => b.div(b.exp(z), b.add(b.exp(z), b.exp(b.mul(z, 2)))),
    value: each((x) => sigma(-x)),
    slope: each((x) => -sigma(x) * sigma(-x)),
  },
  "t log t, and t log softmax": {
    rules: ["zero-times-log"],
    make: (b, z, _, t) => b.add(b.mul(t, b.log(t)), b.mul(t, b.log(softmax(b, z)))),
    value: (z, _, t) => z.map((x, k) => (t[k] === 0 ? 0 : t[k]! * (Math.log(t[k]!) + x - lse(z)))),
    slope: (z, _, t) => soft(z).map((p, k) => t[k]! - p * t.reduce((sum, v) => sum + v, 0)),
  },
};

/** Rows of logits with their label and their soft targets. */
export const mild: readonly (readonly [number[], number, number[]])[] = [
  [[0.5, -1.5, 2], 1, [0, 1, 0.25]],
  [[-0.1, 0.7, 0.3], 2, [1, 0.5, 0]],
];
export const wild: typeof mild = [
  [[1e4, -1e4, 3], 1, [0, 1, 0.5]],
  [[-1e4, -1e4, 1e4], 0, [1, 0, 1]],
  [[800, 800, -800], 0, [0, 1, 0]],
];

/** Inputs of the cases: z, y and t. */
const inputs = (b: Formulas): [Node, Node, Node] => [
  b.input("z", "N", 3),
  b.labels("y", "N"),
  b.input("t", "N", 3),
];

/**
 * What is wrong after all passes with the value or the slope, or with the value as it is written,
 * where logits are mild; null for nothing.
 */
export function faultOfCase({ make, value, slope }: Case): string | null {
  const b = new Formulas();
  const [z, y, t] = inputs(b);
  const naive = make(b, z, y, t);
  const { nodes } = pass(b, [naive, b.grad(b.sumAll(naive), z)], ALL);
  const given = (rows: typeof mild): Record<string, number[]> => ({
    z: rows.flatMap((r) => r[0]),
    y: rows.map((r) => r[1]),
    t: rows.flatMap((r) => r[2]),
  });
  const found = [mild, wild].flatMap((rows) => {
    const wanted = rows.flatMap((r) => value(...r));
    const slopes = rows.flatMap((r) => slope(...r));
    const [v, g] = values(nodes, given(rows), rows.length);
    // What is NaN or ∞ as written is for the rules to put right.
    const plain = values([naive], given(rows), rows.length)[0]!.map((x, i) =>
      rows === mild && Number.isFinite(x) ? x : wanted[i]!,
    );
    return [
      ...apart("as written", plain, wanted),
      ...apart("value", v!, wanted),
      ...apart("slope", g!, slopes),
    ];
  });
  return found[0] ?? null;
}

const apart = (what: string, got: readonly number[], wanted: readonly number[]): string[] =>
  wanted.flatMap((w, i) => {
    const g = got[i] ?? NaN;
    const isClose = Math.abs(g - w) <= 1e-12 * (1 + Math.abs(w));
    return isClose && got.length === wanted.length ? [] : [`${what}, entry ${i}: ${g} for ${w}`];
  });

/** The names of the rules of `stabilize` that rewrite the formula, or a formula that it became. */
export function rulesOfCase({ make }: Case): ReadonlySet<string> {
  const fired = new Set<string>();
  const restore = stabilizations.map((rule) =>
    replaceRewrite(rule, (right) => (site, node) => {
      const found = right(site, node);
      if (found !== null) fired.add(rule.name);
      return found;
    }),
  );
  try {
    const b = new Formulas();
    pass(b, [make(b, ...inputs(b))], ["stabilize"]);
  } finally {
    for (const undo of restore) undo();
  }
  return fired;
}

/** Puts another right side in a rule; what is returned puts the first back. */
export function replaceRewrite(rule: Rule, change: (right: Rule["rewrite"]) => Rule["rewrite"]): () => void {
  // Rules are read-only to all but tests.
  const open = rule as { rewrite: Rule["rewrite"] };
  const right = open.rewrite;
  open.rewrite = change(right);
  return () => void (open.rewrite = right);
}
