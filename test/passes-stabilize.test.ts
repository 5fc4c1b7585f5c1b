/**
 * Textbook formulas, as written, with logits that break them: after `stabilize` they have values
 * and derivatives.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Node } from "../compiler/ir/node.ts";
import { fixed } from "../compiler/ir/size.ts";
import { stabilizations } from "../compiler/passes/rules/stabilizations.ts";
import { ALL, Formulas, pass, shapeOf, values } from "./helpers/graph.ts";
import { cases, faultOfCase, rulesOfCase } from "./helpers/stabilize-cases.ts";

describe("textbook formulas", () => {
  test.each(Object.entries(cases))("%s", (_, one) => {
    expect([...rulesOfCase(one)]).toEqual(expect.arrayContaining([...one.rules]));
    expect(faultOfCase(one)).toBeNull();
  });

  test("log(1 ± x) and e^x - 1 keep the digits of a small x", () => {
    const b = new Formulas();
    const x = b.input("x", 1);
    const { nodes, applied } = pass(
      b,
      [b.log(b.add(1, x)), b.log(b.sub(1, x)), b.sub(b.exp(x), 1), b.sub(1, b.exp(x))],
      ["stabilize"],
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
    const { nodes, applied } = pass(b, forms, ["stabilize"]);
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

/** Random formulas of probabilities, where nothing rounds to 0 or 1. */
describe("the value and the gradient stay what they were where the formula as written has them", () => {
  type Make = (b: Formulas, z: Node, t: Node) => Node;
  const { logit, probability, formula } = fc.letrec<{ logit: Make; probability: Make; formula: Make }>(
    (tie) => ({
      logit: fc.record({ slope: fc.constantFrom(1, -1, 0.5, -2), offset: fc.constantFrom(0, 0.3, -1) }).map(
        ({ slope, offset }): Make =>
          (b, z) =>
            b.add(b.mul(z, slope), offset),
      ),
      probability: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        tie("logit").map(
          (x): Make =>
            (...at) =>
              at[0].sigmoid(x(...at)),
        ),
        tie("logit").map(
          (x): Make =>
            (...at) =>
              at[0].softmax(x(...at), 1),
        ),
        tie("logit").map(
          (x): Make =>
            (...at) =>
              at[0].mul(0.5, at[0].add(1, at[0].tanh(x(...at)))),
        ),
        tie("logit").map(
          (x): Make =>
            (...at) =>
              at[0].sub(1, at[0].pow(at[0].tanh(x(...at)), 2)),
        ),
        tie("logit").map(
          (x): Make =>
            (...at) =>
              at[0].exp(at[0].neg(at[0].pow(x(...at), 2))),
        ),
        tie("logit").map((x): Make => (...at) => {
          const e = at[0].exp(x(...at));
          return at[0].div(e, at[0].add(e, 2));
        }),
        tie("probability").map(
          (p): Make =>
            (...at) =>
              at[0].sub(1, at[0].mul(0.9, p(...at))),
        ),
        tie("probability").map(
          (p): Make =>
            (...at) =>
              at[0].sub(1, p(...at)),
        ),
        fc.tuple(tie("probability"), tie("probability")).map(
          ([p, q]): Make =>
            (...at) =>
              at[0].mul(p(...at), q(...at)),
        ),
        fc.tuple(tie("probability"), tie("probability")).map(
          ([p, q]): Make =>
            (b, z, t) =>
              b.where(b.gt(t, 0.4), p(b, z, t), q(b, z, t)),
        ),
        fc.tuple(tie("probability"), tie("probability")).map(
          ([p, q]): Make =>
            (b, z, t) =>
              b.add(b.mul(t, p(b, z, t)), b.mul(b.sub(1, t), q(b, z, t))),
        ),
      ),
      formula: fc.oneof(
        tie("probability").map(
          (p): Make =>
            (...at) =>
              at[0].log(p(...at)),
        ),
        tie("probability").map(
          (p): Make =>
            (...at) =>
              at[0].log1p(at[0].mul(-0.9, p(...at))),
        ),
        tie("probability").map(
          (p): Make =>
            (...at) =>
              at[0].sqrt(p(...at)),
        ),
        fc.tuple(tie("probability"), fc.constantFrom(-0.5, 0.5, 1.5, 2)).map(
          ([p, c]): Make =>
            (...at) =>
              at[0].pow(p(...at), c),
        ),
        tie("probability").map(
          (p): Make =>
            (b, z, t) =>
              b.log(b.sum(b.mul(b.add(t, 0.1), p(b, z, t)), [1])),
        ),
        tie("probability").map(
          (p): Make =>
            (b, z, t) =>
              b.mul(t, b.log(p(b, z, t))),
        ),
        fc.tuple(tie("probability"), tie("logit")).map(
          ([p, x]): Make =>
            (...at) =>
              at[0].log(at[0].add(at[0].exp(x(...at)), p(...at))),
        ),
        fc.tuple(tie("logit"), tie("logit")).map(
          ([x, y]): Make =>
            (b, ...at) =>
              b.log(b.add(b.exp(x(b, ...at)), b.exp(b.mul(2, y(b, ...at))))),
        ),
      ),
    }),
  );
  void logit;
  void probability;
  const number = fc.integer({ min: -160, max: 160 }).map((x) => x / 100 + 0.003);

  test("of 400 formulas", () => {
    let rewritten = 0;
    fc.assert(
      fc.property(formula, fc.array(number, { minLength: 6, maxLength: 6 }), (make, z) => {
        const b = new Formulas();
        const [x, t] = [b.input("z", 2, 3), b.input("t", 2, 3)];
        const written = make(b, x, t);
        const wanted = [written, b.grad(b.sumAll(written), x)];
        const given = { z, t: [0, 1, 0.25, 1, 0.75, 0] };
        const [plain, stable] = [ALL.filter((name) => name !== "stabilize"), ALL].map((names) =>
          values(pass(b, wanted, names).nodes, given).flat(),
        );
        rewritten += pass(b, [written], ["stabilize"]).applied.length > 0 ? 1 : 0;
        plain!.forEach((p, i) => {
          // 0 / 0 and 0 · ∞ are for the rules to put right; rests of rests lose digits as they are
          // written.
          if (Number.isFinite(p))
            expect(Math.abs(p - stable![i]!)).toBeLessThanOrEqual(1e-7 * (1 + Math.abs(p)));
        });
      }),
      { numRuns: 400 },
    );
    expect(rewritten).toBeGreaterThan(200);
  });
});

describe("what is left alone", () => {
  const untouched = (make: (b: Formulas, z: Node) => Node): void => {
    const b = new Formulas();
    const { applied } = pass(b, [make(b, b.input("z", "N", 3))], ["stabilize"]);
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
    const { nodes, applied } = pass(b, [b.div(e, columns)], ["stabilize"]);
    expect(applied.map((a) => a.rule)).not.toContain("softmax");
    const [wanted, got] = values([b.div(e, columns), ...nodes], { z: [1, 2, 3, 6, 5, 4, 0, 1, -1] });
    expect(got).toEqual(wanted!.map((v) => expect.closeTo(v, 12)));
  });
  test("a shift that differs along the sum", () => {
    const b = new Formulas();
    const z = b.input("z", 2, 3);
    const e = b.exp(b.sub(z, b.reduce_max(z, [0])));
    const p = b.div(e, b.sum(e, [1]));
    const { nodes, applied } = pass(b, [p], ["stabilize"]);
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
  const missing = stabilizations
    .map((r) => r.name)
    .filter((name) => !tested.has(name) && !elsewhere.includes(name));
  expect(missing).toEqual([]);
});
