/**
 * The vector functions: errors in units in the last place, measured over many points, and IEEE's special values. References: in f32
 * JavaScript's `Math` in f64 (its error is a billionth of f32's last place), in f64 numbers of 60 digits made by oracle/transcendental.py.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { ElementwiseName } from "../compiler/ir/node.ts";
import { fixed } from "../compiler/ir/size.ts";
import { erf, sigmoid, softplus } from "../compiler/ops/numerics.ts";
import { operand, prepare, type Bench } from "./helpers/program.ts";

const POINTS = 100_000;
/** Sizes that end in every place of a vector. */
const SIZES = [1, 3, 5, 17, 64];

interface Subject {
  readonly op: ElementwiseName;
  readonly f: (x: number) => number;
  /** Where points are spread evenly. */
  readonly range: readonly [number, number];
  /** The largest error allowed, in units in the last place: f32, f64. */
  readonly ulp: readonly [number, number];
}

const subjects: readonly Subject[] = [
  { op: "exp", f: Math.exp, range: [-104, 89], ulp: [2, 2] },
  { op: "expm1", f: Math.expm1, range: [-20, 89], ulp: [4, 4] },
  { op: "log", f: Math.log, range: [0, 10], ulp: [2, 2] },
  { op: "log1p", f: Math.log1p, range: [-1, 10], ulp: [4, 4] },
  { op: "tanh", f: Math.tanh, range: [-10, 10], ulp: [4, 4] },
  { op: "sigmoid", f: sigmoid, range: [-104, 20], ulp: [4, 4] },
  { op: "softplus", f: softplus, range: [-104, 100], ulp: [4, 4] },
  { op: "erf", f: erf, range: [-4, 4], ulp: [4, 5] },
  { op: "sin", f: Math.sin, range: [-100, 100], ulp: [4, 4] },
  { op: "cos", f: Math.cos, range: [-100, 100], ulp: [4, 4] },
];

const SPECIAL = [0, -0, Infinity, -Infinity, NaN];
const EDGES = [
  1, -1, 0.5, -0.5, 2, -2, 88.72, 88.73, 89, -87.3, -103.9, -104.1, 1e-45, -1e-45, 1e-40, 1.2e-38, 3.4e38,
  -3.4e38, 1e5, 1e10, 1e30,
];

/** Evenly over the range, then with evenly spread exponents, both signs. */
function pointsOf([low, high]: readonly [number, number]): number[] {
  const points = [...SPECIAL, ...EDGES];
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < POINTS / 2; i++) points.push(low + (high - low) * next());
  for (let i = 0; i < POINTS / 2; i++) points.push((next() < 0.5 ? -1 : 1) * 2 ** (-126 + 252 * next()));
  return points.map(Math.fround);
}

/** The distance of `found` from `exact` in units of f32's or f64's last place at `exact`. */
function ulps(found: number, exact: number, dtype: "f32" | "f64"): number {
  const [bits, least, most] = dtype === "f32" ? [23, -149, 3.4028235677973366e38] : [52, -1074, Infinity];
  if (Number.isNaN(exact)) return Number.isNaN(found) ? 0 : Infinity;
  // Beyond the middle between the largest number and the next, infinity is right.
  if (Math.abs(exact) >= most) return found === Math.sign(exact) * Infinity ? 0 : Infinity;
  if (!Number.isFinite(found)) return Infinity;
  if (exact === 0) return Object.is(found, exact) ? 0 : Infinity;
  const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(exact))) - bits, least);
  return Math.abs(found - exact) / unit;
}

const unary = (name: string, op: ElementwiseName, data: readonly number[]): Bench => ({
  kernel: {
    kind: "nest",
    name,
    formula: op,
    loops: [fixed(data.length)],
    inner: 0,
    operands: [operand("x", "read", [1]), operand("y", "write", [1])],
    values: [
      { kind: "load", operand: 0 },
      { kind: "apply", op, arguments: [0], type: "float" },
    ],
    stores: [{ operand: 1, value: 1 }],
  },
  data: [data, data.map(() => 0)],
});

const binary = (name: string, op: ElementwiseName, a: readonly number[], b: readonly number[]): Bench => ({
  kernel: {
    kind: "nest",
    name,
    formula: op,
    loops: [fixed(a.length)],
    inner: 0,
    operands: [operand("a", "read", [1]), operand("b", "read", [1]), operand("y", "write", [1])],
    values: [
      { kind: "load", operand: 0 },
      { kind: "load", operand: 1 },
      { kind: "apply", op, arguments: [0, 1], type: "float" },
    ],
    stores: [{ operand: 2, value: 2 }],
  },
  data: [a, b, a.map(() => 0)],
});

describe("in f32", () => {
  const points = subjects.map((s) => pointsOf(s.range));
  let found: number[][] = [];
  beforeAll(async () => {
    const benches = subjects.map(({ op }, i) => unary(op, op, points[i]!));
    found = (await prepare(benches))().map((bench) => bench[1]!);
  });

  test.each(subjects.map((s, i) => [s.op, i] as const))("%s", (_, i) => {
    const { f, ulp } = subjects[i]!;
    let worst = 0;
    let at = 0;
    for (const [k, x] of points[i]!.entries()) {
      const error = ulps(found[i]![k]!, f(x), "f32");
      if (error > worst) [worst, at] = [error, x];
    }
    expect(worst, `at ${at}`).toBeLessThanOrEqual(ulp[0]);
  });

  test("pow", async () => {
    const a = pointsOf([0, 4]).map(Math.abs);
    const b = pointsOf([-40, 40]).toReversed();
    const [bench] = (await prepare([binary("p", "pow", a, b)]))();
    let worst = 0;
    for (const [k, x] of a.entries()) worst = Math.max(worst, ulps(bench![2]![k]!, c99pow(x, b[k]!), "f32"));
    expect(worst).toBeLessThanOrEqual(1);
  });
});

/** JavaScript's power, but for 1^y and (-1)^±inf, which are 1 in C99 and NaN in JavaScript. */
const c99pow = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;

// Written by the script named above.
const exact = JSON.parse(
  readFileSync(new URL("./oracle/transcendental.json", import.meta.url), "utf8"),
) as Record<string, number[][]>;

describe("in f64", () => {
  test("against 60 digits", async () => {
    const benches = subjects.map(({ op }) =>
      unary(
        op,
        op,
        exact[op]!.map(([x]) => x!),
      ),
    );
    const found = (await prepare(benches, { dtype: "f64" }))();
    const worst = subjects.map(({ op }, i) =>
      Math.max(...exact[op]!.map(([, y], k) => ulps(found[i]![1]![k]!, y!, "f64"))),
    );
    for (const [i, { op, ulp }] of subjects.entries()) expect(worst[i], op).toBeLessThanOrEqual(ulp[1]);
  });

  test("special values", async () => {
    const data = [...SPECIAL, 1, -1, 5e-324, -5e-324, 1e308, -1e308, 710, -746];
    const found = (
      await prepare(
        subjects.map(({ op }) => unary(op, op, data)),
        { dtype: "f64" },
      )
    )();
    for (const [i, { op, f }] of subjects.entries()) {
      for (const [k, x] of data.entries()) {
        expect(
          ulps(found[i]![1]![k]!, f(x), "f64"),
          `${op}(${x}) = ${found[i]![1]![k]}, not ${f(x)}`,
        ).toBeLessThanOrEqual(4);
      }
    }
  });

  test("pow", async () => {
    const pairs = exact["pow"]!;
    const bench = binary(
      "p",
      "pow",
      pairs.map((p) => p[0]!),
      pairs.map((p) => p[1]!),
    );
    const found = (await prepare([bench], { dtype: "f64" }))()[0]![2]!;
    const worst = Math.max(...pairs.map(([, , z], k) => Math.abs(found[k]! - z!) / z!));
    expect(worst).toBeLessThan(2e-15);
  });
});

describe("special values of pow are C99's", () => {
  const values = [0, -0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e30, -1e30, Infinity, -Infinity, NaN];
  const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
  test.each(["f32", "f64"] as const)("%s", async (dtype) => {
    const bench = binary(
      "p",
      "pow",
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    const found = (await prepare([bench], { dtype }))()[0]![2]!;
    const round = dtype === "f32" ? Math.fround : (x: number): number => x;
    for (const [k, [x, y]] of pairs.entries()) {
      const wanted = c99pow(round(x), y);
      expect(ulps(found[k]!, wanted, dtype), `${x}^${y} = ${found[k]}, not ${wanted}`).toBeLessThanOrEqual(4);
    }
  });
});

test("a result has the same bits wherever the element lies", async () => {
  const numbers = Array.from({ length: 64 }, (_, i) => (i - 31.5) / 5);
  const benches = subjects.flatMap(({ op }) => SIZES.map((n) => unary(`${op}${n}`, op, numbers.slice(0, n))));
  const found = (await prepare(benches))();
  subjects.forEach(({ op }, i) => {
    const whole = found[i * SIZES.length + 4]![1]!;
    SIZES.forEach((n, k) =>
      expect(found[i * SIZES.length + k]![1], `${op}, ${n}`).toEqual(whole.slice(0, n)),
    );
  });
});
