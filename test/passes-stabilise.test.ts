/** Textbook formulas, as written, with logits that break them: after `stabilise` they have values and derivatives. */
import { describe, expect, test } from "vitest";
import type { Node } from "../compiler/ir/node.ts";
import { fixed, ONE } from "../compiler/ir/size.ts";
import { stabilisations } from "../compiler/passes/rules/stabilisations.ts";
import { ALL, Formulas, pass, shapeOf, values } from "./helpers/graph.ts";

interface Case {
  /** Rules whose right side must be in the result. */
  readonly rules: readonly string[];
  /** From z: [N, 3], labels y: [N], and t: [N, 3] in [0, 1]. */
  readonly make: (b: Formulas, z: Node, y: Node, t: Node) => Node;
  /** The value and its sum's gradient by z, from a row of numbers, written with care by hand; row by row. */
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
const top = (b: Formulas, z: Node): Node => b.reduceMax(z, [1]);
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

const cases: Record<string, Case> = {
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
    rules: ["log-one-minus-sigmoid"],
    make: (b, z) => b.log(b.sub(1, b.sigmoid(z))),
    ...logRest,
  },
  "log1p(-σ(x))": { rules: ["log1p-of-sigmoid"], make: (b, z) => b.log1p(b.neg(b.sigmoid(z))), ...logRest },
  "log(1 + e^x)": { rules: ["log-one-plus-exp"], make: (b, z) => b.log(b.add(1, b.exp(z))), ...softplusCase },
  "log1p(e^x)": { rules: ["softplus"], make: (b, z) => b.log1p(b.exp(z)), ...softplusCase },
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
  "log(e^x / Σ e^x)": { rules: ["log-softmax"], make: (b, z) => b.log(softmax(b, z)), ...logSoftmax },
  "x - max x - log Σ e^(x - max x)": {
    rules: ["log-softmax-shift"],
    make: (b, z) => b.sub(shifted(b, z), b.log(b.sum(b.exp(shifted(b, z)), [1]))),
    ...logSoftmax,
  },
  "-log(e^(x_y) / Σ e^x)": {
    rules: ["log-quotient"],
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
};

/** Rows of logits with their label and their soft targets. */
const mild: readonly (readonly [number[], number, number[]])[] = [
  [[0.5, -1.5, 2], 1, [0, 1, 0.25]],
  [[-0.1, 0.7, 0.3], 2, [1, 0.5, 0]],
];
const wild: typeof mild = [
  [[1e4, -1e4, 3], 1, [0, 1, 0.5]],
  [[-1e4, -1e4, 1e4], 0, [1, 0, 1]],
  [[800, 800, -800], 0, [0, 1, 0]],
];

describe("textbook formulas", () => {
  test.each(Object.entries(cases))("%s", (_, { rules, make, value, slope }) => {
    const b = new Formulas();
    const [z, y, t] = [b.input("z", "N", 3), b.labels("y", "N"), b.input("t", "N", 3)];
    const naive = make(b, z, y, t);
    const gradient = b.grad(b.sumAll(naive), z);
    const { nodes } = pass(b, [naive, gradient], ALL);
    const { applied } = pass(b, [naive], ["stabilise"]);
    expect(applied.map((a) => a.rule)).toEqual(expect.arrayContaining([...rules]));

    const given = (rows: typeof mild): Record<string, number[]> => ({
      z: rows.flatMap((r) => r[0]),
      y: rows.map((r) => r[1]),
      t: rows.flatMap((r) => r[2]),
    });
    const close = (got: readonly number[], wanted: readonly number[]): void => {
      expect(got.length).toBe(wanted.length);
      got.forEach((g, i) => {
        const w = wanted[i]!;
        expect(Math.abs(g - w), `entry ${i}: ${g} for ${w}`).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(w)));
      });
    };
    close(
      values([naive], given(mild), mild.length)[0]!,
      mild.flatMap((r) => value(...r)),
    );
    for (const rows of [mild, wild]) {
      const [v, g] = values(nodes, given(rows), rows.length);
      close(
        v!,
        rows.flatMap((r) => value(...r)),
      );
      close(
        g!,
        rows.flatMap((r) => slope(...r)),
      );
    }
  });

  test("log(1 ± x) and e^x - 1 keep the digits of a small x", () => {
    const b = new Formulas();
    const x = b.input("x", 1);
    const { nodes, applied } = pass(
      b,
      [b.log(b.add(1, x)), b.log(b.sub(1, x)), b.sub(b.exp(x), 1), b.sub(1, b.exp(x))],
      ["stabilise"],
    );
    expect(applied.map((a) => a.rule)).toEqual(["log1p", "log1p", "expm1", "expm1"]);
    expect(values(nodes, { x: [1e-12] }).flat()).toEqual([
      1e-12 - 5e-25,
      -1e-12 - 5e-25,
      1e-12 + 5e-25,
      -1e-12 - 5e-25,
    ]);
  });

  test("norms keep their value, and have slope 0 at 0", () => {
    const b = new Formulas();
    const x = b.input("x", 2);
    const part = (i: number): Node => b.slice(x, [{ start: i, fromEnd: false, step: 1 }], [fixed(1)]);
    const forms = [
      b.sqrt(b.sum(b.mul(x, x), [0])),
      b.pow(b.mul(b.sumAll(b.pow(x, 2)), 0.5), 0.5),
      b.sqrt(b.add(b.pow(part(0), 2), b.pow(part(1), 2))),
    ];
    const { nodes, applied } = pass(b, forms, ["stabilise"]);
    expect(applied.map((a) => a.rule)).toEqual(["norm", "norm", "norm"]);
    expect(values(nodes, { x: [3, 4] })).toEqual([[5], [Math.sqrt(12.5)], [5]]);
    const gradients = pass(
      b,
      forms.map((form) => b.grad(b.sumAll(form), x)),
      ALL,
    ).nodes;
    expect(values(gradients, { x: [0, 0] }).flat()).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("what is left alone", () => {
  const untouched = (make: (b: Formulas, z: Node) => Node): void => {
    const b = new Formulas();
    const { applied } = pass(b, [make(b, b.input("z", "N", 3))], ["stabilise"]);
    expect(applied).toEqual([]);
  };
  test("0 · x, and sums in another order", () => {
    untouched((b, z) => b.mul(z, 0));
    untouched((b, z) => b.add(b.sub(z, 1), 1));
  });
  test("a sum along another axis than the division", () => {
    const b = new Formulas();
    const e = b.exp(b.input("z", 3, 3));
    const columns = b.reshape(b.sum(e, [0]), shapeOf(3, 1));
    expect(pass(b, [b.div(e, columns)], ["stabilise"]).applied).toEqual([]);
  });
  test("a shift that differs along the sum", () => {
    const b = new Formulas();
    const z = b.input("z", 2, 3);
    const e = b.exp(b.sub(z, b.reduceMax(z, [0])));
    const p = b.div(e, b.sum(e, [1]));
    const { nodes, applied } = pass(b, [p], ["stabilise"]);
    expect(applied.map((a) => a.rule)).toEqual(["softmax"]);
    const [wanted, got] = values([p, ...nodes], { z: [1, 2, 3, 6, 5, 4] });
    expect(got).toEqual(wanted!.map((v) => expect.closeTo(v, 12)));
  });
  test("a difference where binary cross-entropy has a sum", () =>
    untouched((b, z) => {
      const t = b.input("t", "N", 3);
      return b.sub(b.mul(t, b.softplus(b.neg(z))), b.mul(b.sub(1, t), b.softplus(z)));
    }));
  test("binary cross-entropy under more factors than a target and a softplus", () =>
    untouched((b, z) => {
      const [t, p, q, r] = ["t", "p", "q", "r"].map((name) => b.input(name, "N", 3)) as [
        Node,
        Node,
        Node,
        Node,
      ];
      const yes = b.mul(p, b.mul(b.mul(q, r), b.mul(t, b.softplus(b.neg(z)))));
      return b.add(yes, b.mul(b.sub(1, t), b.softplus(z)));
    }));
  test("a logarithm with its own guard", () => untouched((b, z) => b.log(b.add(b.sigmoid(z), 1e-9))));
  test("a tensor that a gradient is taken by stays a variable", () => {
    const b = new Formulas();
    const p = b.sigmoid(b.input("z", 2));
    const loss = b.sumAll(b.log(p));
    const { nodes } = pass(b, [b.grad(loss, p)], ALL);
    // d log p / d p = 1 / p
    expect(values(nodes, { z: [0, Math.log(3)] })[0]).toEqual([2, 4 / 3].map((v) => expect.closeTo(v, 12)));
  });
  test("a tensor that a gradient is taken by is not taken for another one of the same value", () => {
    const b = new Formulas();
    const x = b.input("x", 2);
    const z = b.log(b.exp(x));
    const { nodes } = pass(b, [b.grad(b.sumAll(b.mul(z, x)), z)], ALL);
    // d (z x) / d z = x, though z = x
    expect(values(nodes, { x: [0.5, 2] })).toEqual([[0.5, 2]]);
  });
});

test("every rule has a case here", () => {
  const tested = new Set(Object.values(cases).flatMap((c) => c.rules));
  // The last is of use between layers, and is tested with the simplifications.
  const elsewhere = ["log1p", "expm1", "norm", "slice-of-concat"];
  const missing = stabilisations
    .map((r) => r.name)
    .filter((name) => !tested.has(name) && !elsewhere.includes(name));
  expect(missing).toEqual([]);
});
