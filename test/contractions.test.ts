/** Sums of products of two tensors, however they are written: one matrix product, and the same value. */
import { describe, expect, test } from "vitest";
import { plan } from "../compiler/index.ts";
import type { Node } from "../compiler/ir/node.ts";
import { ONE } from "../compiler/ir/size.ts";
import { Formulas, pass, shapeOf, values } from "./helpers/graph.ts";

const twins = {
  "x @ w": ["x @ w", "sum(reshape(x, [N, 3, 1]) * reshape(w, [1, 3, 4]), axis = 1)"],
  "x @ w, the right factor first": ["x @ w", "sum(reshape(w, [1, 3, 4]) * reshape(x, [N, 3, 1]), axis = 1)"],
  "x @ w'": ["x @ v'", "sum(reshape(x, [N, 1, 3]) * reshape(v, [1, 4, 3]), axis = -1)"],
  "a sign and a divisor": [
    "-(x @ w) / 3",
    "sum(-reshape(x, [N, 3, 1]) * reshape(w, [1, 3, 4]) / 3, axis = 1)",
  ],
  "a function of one factor": [
    "exp(x) @ w",
    "sum(exp(broadcast(reshape(x, [N, 3, 1]), [N, 3, 4])) * w, axis = 1)",
  ],
  "over the batch": ["x' @ x", "sum(reshape(x, [N, 3, 1]) * reshape(x, [N, 1, 3]), axis = 0)"],
} as const;

test.each(Object.entries(twins))("%s", async (_, formulas) => {
  const [product, sum] = await Promise.all(
    formulas.map(async (formula) => {
      const source = `model P {
        input x: [N, 3]
        param w: [3, 4] ~ normal
        param v: [4, 3] ~ normal
        loss mean((${formula})^2)
        output y = ${formula}
        optimizer sgd(lr = 0.1)
      }`;
      return (await plan(source)).stages.kernels;
    }),
  );
  expect(sum).toBe(product);
});

/** Which axes of five factors have, and which are summed. */
interface Sum {
  readonly left: readonly boolean[];
  readonly right: readonly boolean[];
  readonly axes: readonly number[];
}

const SIZES = [2, 3, 2, 1, 4] as const;

function* sums(): Generator<Sum> {
  let state = 7;
  const draw = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % n;
  };
  for (let i = 0; i < 800; i++) {
    const some = (): boolean[] => SIZES.map(() => draw(3) > 0);
    yield { left: some(), right: some(), axes: SIZES.flatMap((_, axis) => (draw(2) === 0 ? [axis] : [])) };
  }
}

test("sums of products over any axes keep their values", () => {
  let rewritten = 0;
  let left = 0;
  for (const sum of sums()) {
    const b = new Formulas();
    const sized = (has: readonly boolean[]): number[] => SIZES.map((size, axis) => (has[axis]! ? size : 1));
    const [x, y] = [b.input("x", ...sized(sum.left)), b.input("y", ...sized(sum.right))];
    const full = shapeOf(...SIZES);
    const terms = b.mul(b.broadcast(x, full), b.broadcast(y, full));
    const written = b.sum(terms, sum.axes);
    const { nodes, applied } = pass(b, [written], ["stabilize"]);
    const numbers = (has: readonly boolean[], seed: number): number[] =>
      Array.from({ length: sized(has).reduce((n, size) => n * size, 1) }, (_, i) => Math.sin(seed + i));
    const given = { x: numbers(sum.left, 1), y: numbers(sum.right, 2) };
    const [[before], [after]] = [values([written], given), values(nodes, given)];
    for (const [i, value] of before!.entries()) expect(after![i]).toBeCloseTo(value, 12);
    const kept = (own: readonly boolean[], other: readonly boolean[]): boolean =>
      SIZES.some((size, axis) => size > 1 && own[axis]! && !other[axis]! && !sum.axes.includes(axis));
    const isProduct =
      sum.axes.length > 0 &&
      kept(sum.left, sum.right) &&
      kept(sum.right, sum.left) &&
      SIZES.every(
        (size, axis) => size === 1 || sum.axes.includes(axis) || sum.left[axis]! || sum.right[axis]!,
      ) &&
      [sum.left, sum.right].every((has) => sum.axes.some((axis) => SIZES[axis]! > 1 && has[axis]!));
    if (isProduct) {
      expect(applied.map(({ rule }) => rule)).toEqual(["contraction"]);
      rewritten += 1;
    } else {
      expect(applied).toEqual([]);
      left += 1;
    }
  }
  expect(Math.min(rewritten, left)).toBeGreaterThan(30);
});

describe("what is left as it is", () => {
  const rulesOf = (make: (b: Formulas, x: Node, y: Node) => Node): string[] => {
    const b = new Formulas();
    const [x, y] = [b.input("x", 3, 1, 4), b.input("y", 1, 5, 4)];
    return pass(b, [make(b, x, y)], ["stabilize"]).applied.map(({ rule }) => rule);
  };

  test("sums without a row or a column of their own", () => {
    expect(rulesOf((b, x) => b.sum(b.mul(x, x), [2]))).toEqual([]);
    expect(rulesOf((b, x, y) => b.sum(b.mul(x, y), [0, 2]))).toEqual([]);
    expect(rulesOf((b, x, y) => b.sum(b.mul(x, y), [2]))).toEqual(["contraction"]);
  });

  test("a product that something is differentiated by", () => {
    expect(
      rulesOf((b, x, y) => {
        const product = b.mul(x, y);
        return b.grad(b.sumAll(b.sin(b.sum(product, [2]))), product);
      }),
    ).toEqual([]);
  });

  test("three factors are associated so that two are left", () => {
    const third = (b: Formulas, ...shape: number[]): Node => b.input("z", ...shape);
    expect(rulesOf((b, x, y) => b.sum(b.mul(b.mul(x, y), third(b, 1, 1, 4)), [2]))).toEqual(["contraction"]);
    expect(rulesOf((b, x, y) => b.sum(b.mul(b.mul(x, y), third(b, 3, 5, 4)), [2]))).toEqual([]);
    const b = new Formulas();
    const z = b.div(
      b.mul(b.input("x", 3, 1, 4), b.input("y", 1, 5, 4)),
      b.reshape(b.input("c", 3), [...shapeOf(3), ONE, ONE]),
    );
    const { nodes } = pass(b, [b.sum(z, [2])], ["stabilize"]);
    expect(nodes[0]!.op).toBe("div");
  });
});
