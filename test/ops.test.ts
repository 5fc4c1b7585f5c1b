/**
 * Every record of the op table: meaning, derivatives to the third, and the points where derivatives
 * are hard.
 */
import { describe, expect, test } from "vitest";
import { reachable } from "../compiler/graph/graph.ts";
import type { Build } from "../compiler/graph/build.ts";
import type { Node } from "../compiler/ir/node.ts";
import { fixed, free } from "../compiler/ir/size.ts";
import { definitionOf, elementwiseNames } from "../compiler/ops/elementwise.ts";
import { rangeFrom } from "../compiler/ops/bounds.ts";
import type { Interval } from "../compiler/ops/interval.ts";
import { erf } from "../compiler/ops/numerics.ts";
import { ops } from "../compiler/ops/table.ts";
import { OpError } from "../compiler/ir/op-error.ts";
import { differentiable, faultOf, records } from "./helpers/derivatives.ts";
import { ALL, Formulas, gradientsOf, pass, shapeOf, values } from "./helpers/graph.ts";

const inf = Infinity;

describe("derivatives agree with differences, to the third order", () => {
  test.each(records.filter(differentiable).map((op) => op.name))("%s", (name) => {
    expect(faultOf(name)).toBeNull();
  });
});

describe("range and finiteness are true of the definition at special numbers", () => {
  const numbers = [-inf, -1e30, -2, -1, -0.5, -0, 0, 0.5, 1, 2, 1e30, inf, NaN];
  test.each(elementwiseNames)("%s", (name) => {
    const { arity, takes, finite, pole, gap } = ops[name];
    const each = takes === "bool" ? [0, 1] : numbers;
    const b = new Formulas();
    const operands = Array.from({ length: arity[0] }, (_, i) => b.input(`x${i}`));
    const isBool = (i: number): boolean => takes === "bool" || (name === "where" && i === 0);
    const node = b.elementwise(name, ...operands.map((x, i) => (isBool(i) ? b.ne(x, 0) : x)));
    // Overflow of a power is as that of a product.
    const largest = name === "pow" ? 2 : 1e30;
    let cases: readonly (readonly number[])[] = [[]];
    for (let i = 0; i < arity[0]; i++) cases = cases.flatMap((xs) => each.map((x) => [...xs, x]));
    for (const xs of cases) {
      const y = definitionOf(name)(xs[0]!, xs[1] ?? 0, xs[2] ?? 0);
      const intervals = xs.map((x): Interval => (Number.isNaN(x) ? [-inf, inf] : [x, x]));
      const [least, most] = rangeFrom(node, intervals);
      if (!Number.isNaN(y)) expect(y >= least && y <= most, `${name}(${xs.join()}) = ${y}`).toBe(true);
      const isKnown =
        finite === "always" ||
        (finite === "bounded" && !xs.some(Number.isNaN)) ||
        (finite === "kept" &&
          xs.every((x) => Math.abs(x) <= largest) &&
          !pole?.(intervals) &&
          !gap?.(intervals));
      if (isKnown) expect(Number.isFinite(y), `${name}(${xs.join()}) = ${y}`).toBe(true);
    }
  });
});

describe("at the hard points, as PyTorch documents, and never NaN where there is an answer", () => {
  const unary = (make: (b: Formulas, x: Node) => Node, at: readonly number[]): number[] => {
    const b = new Formulas();
    const x = b.input("x", at.length);
    return values(gradientsOf(b, make(b, x), [x], ALL), { x: at })[0]!;
  };
  const binary = (make: (b: Formulas, x: Node, y: Node) => Node, at: [number, number]): number[] => {
    const b = new Formulas();
    const [x, y] = [b.input("x", 1), b.input("y", 1)];
    return values(gradientsOf(b, make(b, x, y), [x, y], ALL), { x: [at[0]], y: [at[1]] }).flat();
  };

  test("kinks", () => {
    expect(unary((b, x) => b.relu(x), [-1, 0, 1, NaN])).toEqual([0, 0, 1, 1]);
    expect(unary((b, x) => b.abs(x), [-2, 0, 3])).toEqual([-1, 0, 1]);
    expect(binary((b, x, y) => b.max(x, y), [2, 2])).toEqual([0.5, 0.5]);
    expect(binary((b, x, y) => b.min(x, y), [2, 2])).toEqual([0.5, 0.5]);
    expect(binary((b, x, y) => b.max(x, y), [2, 1])).toEqual([1, 0]);
    expect(unary((b, x) => b.reduce_max(x, [0]), [3, 1, 3, 3])).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
    expect(unary((b, x) => b.reduce("reduce_min", x, [0]), [1, 1, 2])).toEqual([0.5, 0.5, 0]);
  });
  test("square roots and norms at 0", () => {
    expect(unary((b, x) => b.sqrt(x), [0, 4])).toEqual([inf, 0.25]);
    expect(unary((b, x) => b.sqrt(b.sum(b.mul(x, x), [0])), [0, 0])).toEqual([0, 0]);
    expect(unary((b, x) => b.sqrt(b.sum(b.pow(x, 2), [0])), [0, 5])).toEqual([0, 1]);
    expect(unary((b, x) => b.pow(b.mean(b.pow(x, 2)), 0.5), [0, 0])).toEqual([0, 0]);
  });
  test("powers of 0 and of negative numbers", () => {
    expect(binary((b, x, p) => b.pow(x, p), [0, 0])).toEqual([0, 0]);
    expect(binary((b, x, p) => b.pow(x, p), [0, 2])).toEqual([0, 0]);
    expect(binary((b, x, p) => b.pow(x, p), [-2, 2])).toEqual([-4, 0]);
    expect(binary((b, x, p) => b.pow(x, p), [2, 3])).toEqual([12, 8 * Math.log(2)]);
    expect(unary((b, x) => b.pow(x, 0), [0, 5, NaN])).toEqual([0, 0, 0]);
    expect(unary((b, x) => b.pow(x, 1), [0])).toEqual([1]);
    expect(unary((b, x) => b.pow(x, 3), [0, -1])).toEqual([0, 3]);
  });
  test("second derivative of powers at 0", () => {
    const b = new Formulas();
    const x = b.input("x", 1);
    const g = b.grad(b.sumAll(b.pow(x, 2)), x);
    const { nodes } = pass(
      b,
      [b.grad(b.sumAll(g), x), b.grad(b.sumAll(b.grad(b.sumAll(b.pow(x, 1)), x)), x)],
      ALL,
    );
    expect(values(nodes, { x: [0] })).toEqual([[2], [0]]);
  });
  test("products with zeros, at any order", () => {
    expect(unary((b, x) => b.prod(x, [0]), [0, 2, 3])).toEqual([6, 0, 0]);
    expect(unary((b, x) => b.prod(x, [0]), [0, 0, 3])).toEqual([0, 0, 0]);
    const b = new Formulas();
    const x = b.input("x", 3);
    // ∂³ xyz / ∂x∂y∂z = 1, whatever they are.
    const slice = (node: Node, start: number): Node =>
      b.slice(node, [{ start, fromEnd: false, step: 1 }], [fixed(1)]);
    const dx = b.grad(b.sumAll(b.prod(x, [0])), x);
    const dxy = b.grad(b.sumAll(slice(dx, 0)), x);
    const dxyz = b.grad(b.sumAll(slice(dxy, 1)), x);
    expect(values(pass(b, [dx, dxy, dxyz], ALL).nodes, { x: [0, 0, 5] })).toEqual([
      [0, 0, 0],
      [0, 5, 0],
      [0, 0, 1],
    ]);
  });
  test("a branch not taken does not leak", () => {
    expect(unary((b, x) => b.where(b.ne(x, 0), b.div(1, x), 0), [0, 2])).toEqual([0, -0.25]);
    expect(unary((b, x) => b.where(b.gt(x, 0), b.log(x), x), [0, -1, 2])).toEqual([1, 1, 0.5]);
    expect(unary((b, x) => b.where(b.gt(x, 0), x, b.expm1(x)), [1000, -1])).toEqual([1, Math.exp(-1)]);
    expect(unary((b, x) => b.where(b.gt(x, 0), b.sqrt(x), 0), [0, 4])).toEqual([0, 0.25]);
    expect(unary((b, x) => b.where(b.gt(x, 0), x, b.div(x, 0)), [1])).toEqual([1]);
  });
  test("a guard is not there where the pole cannot be met", () => {
    const guards = (make: (b: Formulas, x: Node) => Node): number => {
      const b = new Formulas();
      const x = b.input("x", 2);
      return reachable(gradientsOf(b, make(b, x), [x], ALL)).filter((node) => node.op === "eq").length;
    };
    expect(guards((b, x) => b.div(x, b.add(b.abs(x), 1)))).toBe(0);
    expect(guards((b, x) => b.div(x, b.sqrt(b.add(b.mean(b.mul(x, x)), 1e-5))))).toBe(0);
    // Nor where no cotangent is 0.
    expect(guards((b, x) => b.div(x, b.sum(x, [0])))).toBe(0);
    expect(guards((b, x) => b.mul(x, b.div(x, b.sum(x, [0]))))).toBeGreaterThan(0);
  });
  test("saturation and infinity", () => {
    expect(unary((b, x) => b.softplus(x), [89, 1000, -1000, 0])).toEqual([1, 1, 0, 0.5]);
    expect(unary((b, x) => b.tanh(x), [1e3, -1e3])).toEqual([0, 0]);
    expect(unary((b, x) => b.logsumexp(x, [0]), [1e4, -1e4, -inf])).toEqual([1, 0, 0]);
    expect(unary((b, x) => b.logsumexp(x, [0]), [-inf, -inf])).toEqual([0, 0]);
    expect(unary((b, x) => b.log(x), [0])).toEqual([inf]);
  });
});

describe("meaning", () => {
  const of = (make: (b: Formulas, x: Node) => Node, x: readonly number[]): number[] => {
    const b = new Formulas();
    const y = make(b, b.input("x", x.length));
    const lowered = pass(b, [y], ["lower"]).nodes[0]!;
    const [plain, low] = values([y, lowered], { x });
    expect(low, "lowering keeps the meaning").toEqual(plain);
    return plain!;
  };
  test("NaN goes through, as in PyTorch", () => {
    expect(of((b, x) => b.max(x, 0), [NaN, -1])).toEqual([NaN, 0]);
    expect(of((b, x) => b.min(x, 0), [NaN, -1])).toEqual([NaN, -1]);
    expect(of((b, x) => b.relu(x), [NaN, -1, 2])).toEqual([NaN, 0, 2]);
    expect(of((b, x) => b.reduce_max(x, [0]), [1, NaN, 3])).toEqual([NaN]);
    expect(of((b, x) => b.sign(x), [NaN, -2, 0, 3])).toEqual([0, -1, 0, 1]);
    expect(of((b, x) => b.reduce("argmax", x, [0]), [1, NaN, 3])).toEqual([1]);
    expect(of((b, x) => b.eq(x, x), [NaN, 1])).toEqual([0, 1]);
  });
  test("argmax is the first of equals", () => {
    expect(of((b, x) => b.reduce("argmax", x, [0]), [1, 3, 3])).toEqual([1]);
    expect(of((b, x) => b.reduce("argmax", x, [0]), [-inf, -inf])).toEqual([0]);
  });
  test("logsumexp of infinities", () => {
    expect(of((b, x) => b.logsumexp(x, [0]), [-inf, -inf])).toEqual([-inf]);
    expect(of((b, x) => b.logsumexp(x, [0]), [inf, 1])).toEqual([inf]);
    expect(of((b, x) => b.logsumexp(x, [0]), [NaN, 1])).toEqual([NaN]);
    expect(of((b, x) => b.logsumexp(x, [0]), [1e4, 1e4])).toEqual([1e4 + Math.LN2]);
  });
  test("round is to even, 1^x is 1, x^0 is 1", () => {
    expect(of((b, x) => b.elementwise("round", x), [0.5, 1.5, 2.5, -0.5, -1.5, 2.6, inf])).toEqual([
      0,
      2,
      2,
      -0,
      -2,
      3,
      inf,
    ]);
    expect(of((b, x) => b.pow(1, x), [NaN, inf, 2])).toEqual([1, 1, 1]);
    expect(of((b, x) => b.pow(x, 0), [NaN, inf, 0])).toEqual([1, 1, 1]);
  });
  test("erf, against values of Abramowitz and Stegun's table 7.1 and of mpmath", () => {
    const known: [number, number][] = [
      [0.1, 0.1124629160182849],
      [0.46, 0.4846553900016797],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [-3.5, -0.9999992569016276],
      [5, 0.9999999999984626],
      [10, 1],
      [-inf, -1],
    ];
    for (const [x, y] of known) expect(Math.abs(erf(x) - y)).toBeLessThan(3e-16);
    expect(erf(NaN)).toBeNaN();
  });
  test("one_hot and gather", () => {
    const b = new Formulas();
    const [x, y] = [b.input("x", "N", 3), b.labels("y", "N")];
    const nodes = [b.gather(x, y), b.oneHot(y, 3)];
    const given = { x: [1, 2, 3, 4, 5, inf], y: [2, 0] };
    const wanted = [
      [3, 4],
      [0, 0, 1, 1, 0, 0],
    ];
    expect(values(nodes, given, 2)).toEqual(wanted);
    expect(values(pass(b, nodes, ["lower"]).nodes, given, 2)).toEqual(wanted);
  });
  test("take and scatter", () => {
    const b = new Formulas();
    const [x, y] = [b.input("x", 3, 2), b.labels("y", "N")];
    const rows = b.take(x, y);
    const inRow = b.graph.make("table", [], {
      values: [1, 0, 1, 1, 3, 0],
      shape: shapeOf(3, 2),
      type: "int",
    });
    const nodes = [rows, b.scatter(rows, y, fixed(3)), b.take(x, inRow, 1), b.scatter(x, inRow, fixed(2), 1)];
    const given = { x: [1, 2, 3, 4, 5, inf], y: [2, 0, 2, 0, -1, 3] };
    const wanted = [
      [5, inf, 1, 2, 5, inf, 1, 2, 0, 0, 0, 0],
      [2, 4, 0, 0, 10, inf],
      [2, 1, 4, 4, 0, 5],
      [2, 1, 0, 7, inf, 0],
    ];
    expect(values(nodes, given, 6)).toEqual(wanted);
    expect(values(pass(b, nodes, ["lower"]).nodes, given, 6)).toEqual(wanted);
  });
  test("slices from the end of the batch", () => {
    const b = new Formulas();
    const x = b.input("x", "N", 1);
    const last = b.slice(
      x,
      [
        { start: 1, fromEnd: true, step: 1 },
        { start: 0, fromEnd: false, step: 1 },
      ],
      shapeOf(1, 1),
    );
    const [g] = gradientsOf(b, last, [x], ALL);
    expect(values([last, g!], { x: [5, 6, 7] }, 3)).toEqual([[7], [0, 0, 1]]);
  });
});

describe("mistakes are OpErrors with a code", () => {
  const b = new Formulas();
  const [x, y] = [b.input("x", "N", 3), b.labels("y", "N")];
  const mistakes: Record<string, [() => Node, string]> = {
    "shapes that do not broadcast": [() => b.add(x, b.input("z", 4)), "shape-mismatch"],
    "the batch against a number": [() => b.add(x, b.input("z", 7, 3)), "shape-mismatch"],
    "inner sizes": [() => b.matmul(x, b.input("w", 4, 2)), "shape-mismatch"],
    "a reshape to another size": [() => b.reshape(x, shapeOf("N", 4)), "shape-mismatch"],
    "a condition that is a number": [() => b.where(x, 1, 0), "type-mismatch"],
    "an index that is a float": [() => b.gather(x, b.input("f", "N")), "type-mismatch"],
    "rows taken by floats": [() => b.take(x, b.input("f", "N")), "type-mismatch"],
    "rows of a number": [() => b.take(b.constant(1), y), "shape-mismatch"],
    "rows of another batch": [() => b.take(b.input("t", 2, 3), y, 1), "shape-mismatch"],
    "rows for other ids": [() => b.scatter(b.input("t", 2, 3), y, fixed(3)), "shape-mismatch"],
    "an axis that is not there": [() => b.sum(x, [2]), "bad-axis"],
    "a permutation that forgets an axis": [() => b.permute(x, [0, 0]), "bad-axis"],
    "a slice past the end": [
      () =>
        b.slice(
          x,
          [
            { start: 0, fromEnd: false, step: 1 },
            { start: 2, fromEnd: false, step: 1 },
          ],
          shapeOf("N", 2),
        ),
      "bad-slice",
    ],
    "the gradient of a vector": [() => b.grad(x, x), "not-a-scalar"],
    "the gradient by labels": [() => b.grad(b.sumAll(x), y), "type-mismatch"],
    "no classes": [() => b.oneHot(y, 0), "bad-size"],
  };
  test.each(Object.entries(mistakes))("%s", (_, [make, code]) => {
    expect(make).toThrow(OpError);
    try {
      make();
    } catch (error) {
      expect((error as OpError).code).toBe(code);
    }
  });
  test("a graph has a limit", () => {
    const make = (build: Build): Node => {
      let node = build.extent(free());
      for (let i = 0; i < 300_000; i++) node = build.add(node, i + 0.5);
      return node;
    };
    expect(() => make(new Formulas())).toThrow(/more than 200,000/);
  });
});
