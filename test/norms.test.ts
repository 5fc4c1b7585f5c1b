/**
 * Roots of sums of squares, however they are written: slope 0 where the sum is 0, and the slope of
 * the formula elsewhere.
 */
import { describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";

/**
 * A norm of d, [3, 2], with weights c of 0 and 1 and a mask k; and what it is of numbers, row by
 * row.
 */
interface Written {
  readonly formula: string;
  readonly is: (d: readonly number[], c: readonly number[], k: readonly boolean[]) => number;
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const squares = (d: readonly number[]): number => sum(d.map((v) => v * v));
const weighted = (d: readonly number[], c: readonly number[]): number => sum(d.map((v, i) => c[i]! * v * v));
const masked = (d: readonly number[], k: readonly boolean[]): number =>
  sum(d.map((v, i) => (k[i] ? v * v : 0)));
const powers = (d: readonly number[], p: number): number => sum(d.map((v) => Math.abs(v) ** p)) ** (1 / p);

const norms: readonly Written[] = [
  { formula: "sqrt(sum(d^2))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(d * d))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sum(d^2)^0.5", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(abs(d)^2))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(abs(d) * abs(d)))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(mean(d^2))", is: (d) => Math.sqrt(squares(d) / d.length) },
  { formula: "3 * sqrt(0.25 * sum(2 * d^2) / 7)", is: (d) => 3 * Math.sqrt((0.5 * squares(d)) / 7) },
  { formula: "sqrt(sum(c * d^2))", is: (d, c) => Math.sqrt(weighted(d, c)) },
  { formula: "sqrt(sum(c * d * d))", is: (d, c) => Math.sqrt(weighted(d, c)) },
  { formula: "sqrt(sum(d * c * d) / sum(c))", is: (d, c) => Math.sqrt(weighted(d, c) / sum(c)) },
  { formula: "sqrt(sum((c * d)^2))", is: (d, c) => Math.sqrt(squares(d.map((v, i) => c[i]! * v))) },
  { formula: "sqrt(mean(c * d^2) / mean(c))", is: (d, c) => Math.sqrt(weighted(d, c) / sum(c)) },
  { formula: "sqrt(sum(k * d^2) / sum(k))", is: (d, _, k) => Math.sqrt(masked(d, k) / sum(k.map(Number))) },
  {
    formula: "sqrt(sum(where(k, d^2, 0)) / sum(k))",
    is: (d, _, k) => Math.sqrt(masked(d, k) / sum(k.map(Number))),
  },
  { formula: "sqrt(sum(where(k, d, 0)^2))", is: (d, _, k) => Math.sqrt(masked(d, k)) },
  {
    formula: "sqrt(sum(where(not k, 0, d * d)) / max(sum(k), 1))",
    is: (d, _, k) => Math.sqrt(masked(d, k) / sum(k.map(Number))),
  },
  {
    formula: "sqrt(sum(k * c * d^2))",
    is: (d, c, k) =>
      Math.sqrt(
        masked(
          d.map((v, i) => v * Math.sqrt(c[i]!)),
          k,
        ),
      ),
  },
  { formula: "sqrt(v @ v)", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(reshape(v, [1, 6]) @ reshape(v, [6, 1])))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt((w * v) @ v)", is: (d, c) => Math.sqrt(weighted(d, c)) },
  { formula: "sqrt(v^2 @ w)", is: (d, c) => Math.sqrt(weighted(d, c)) },
  { formula: "sqrt(sum(d'^2))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(reshape(d * d, [6])))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(l2(d))", is: (d) => Math.sqrt(squares(d)) },
  { formula: "sqrt(sum(exp(c) * d^2))", is: (d, c) => Math.sqrt(weighted(d, c.map(Math.exp))) },
  { formula: "sqrt(max(d^2))", is: (d) => Math.max(...d.map(Math.abs)) },
  { formula: "sum(abs(d)^3)^(1 / 3)", is: (d) => powers(d, 3) },
  { formula: "sum(abs(d)^1.5)^(1 / 1.5)", is: (d) => powers(d, 1.5) },
  { formula: "sum(d^4)^0.25", is: (d) => powers(d, 4) },
  { formula: "sqrt(sum((d^2)^2))", is: (d) => powers(d, 4) ** 2 },
  {
    formula: "sqrt(sum((d[:, 0] - d[:, 1])^2))",
    is: (d) => Math.hypot(d[0]! - d[1]!, d[2]! - d[3]!, d[4]! - d[5]!),
  },
];

const D = [0.3, -1.2, 0.7, 0.4, -0.9, 1.6];
const C = [0.5, 1, 0, 2, 0.25, 1];
const K = [true, false, true, true, false, true];
const pairs = <T>(list: readonly T[]): T[][] => [0, 2, 4].map((i) => [list[i]!, list[i + 1]!]);

describe.each(["f32", "f64"] as const)("in %s", (dtype) => {
  test("a table of norms", async () => {
    const lines = norms.flatMap(({ formula }, i) => [
      `n${i} = reshape(${formula}, [])`,
      `output value${i} = n${i}`,
      `output slope${i} = grad(n${i}, p)`,
    ]);
    const { wasm } = await compile(
      `model Norms {
        input y: [3, 2]
        input c: [3, 2]
        input k: bool[3, 2]
        param p: [3, 2] = 0
        d = p - y
        v = reshape(d, [6])
        w = reshape(c, [6])
        ${lines.join("\n")}
      }`,
      { dtype },
    );
    const net = await load(wasm, { seed: 1 });
    const [c, k] = [pairs(C), pairs(K)];
    const zero = net.predict({ y: pairs([0, 0, 0, 0, 0, 0]), c, k });
    const some = net.predict({ y: pairs(D.map((v) => -v)), c, k });
    norms.forEach(({ formula, is }, i) => {
      expect([...zero[`value${i}`]!.data], formula).toEqual([0]);
      expect(
        [...zero[`slope${i}`]!.data].map((v) => v + 0),
        formula,
      ).toEqual([0, 0, 0, 0, 0, 0]);
      const tolerance = dtype === "f32" ? 2e-6 : 1e-8;
      expect(Math.abs(some[`value${i}`]!.data[0]! - is(D, C, K)), formula).toBeLessThan(tolerance);
      D.forEach((_, at) => {
        const along = (h: number): number =>
          is(
            D.map((v, j) => (j === at ? v + h : v)),
            C,
            K,
          );
        const slope = (along(1e-5) - along(-1e-5)) / 2e-5;
        expect(Math.abs(some[`slope${i}`]!.data[at]! - slope), `${formula}, entry ${at}`).toBeLessThan(
          Math.max(tolerance, 1e-8),
        );
      });
    });
  });

  test("of nothing but what is left out, and of what has an infinite slope", async () => {
    const { wasm } = await compile(
      `model Edges {
        input x: [3]
        input c: [3]
        param a: [3] = 0
        output root = grad(sum(sqrt(x)), x)
        output product = grad(sum(sqrt(x * c)), x)
        output cusp = grad(sum(abs(x)^0.5), x)
        output scale = grad(sum(sqrt(a * x^2)), a)
        output none = grad(sqrt(sum(c * x^2)), x)
      }`,
      { dtype },
    );
    const net = await load(wasm, { seed: 1 });
    const at0 = net.predict({ x: [0, 0, 4], c: [1, 1, 1] });
    expect([...at0["root"]!.data]).toEqual([Infinity, Infinity, 0.25]);
    expect([...at0["product"]!.data]).toEqual([Infinity, Infinity, 0.25]);
    const out = net.predict({ x: [1, 2, 3], c: [0, 0, 0] });
    // √(a x²) is a root in a.
    expect([...out["scale"]!.data]).toEqual([Infinity, Infinity, Infinity]);
    expect([...out["none"]!.data]).toEqual([0, 0, 0]);
  });
});
