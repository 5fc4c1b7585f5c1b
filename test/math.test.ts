/**
 * The vector functions: errors in units in the last place, and IEEE's special values. What is
 * measured, and against which truth, stands in helpers/math-errors.ts; docs/math.md tells it to
 * readers.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { ElementwiseName } from "../compiler/ir/node.ts";
import { fixed } from "../compiler/ir/size.ts";
import type { Net } from "../runtime/index.ts";
import * as wide from "./helpers/double-double.ts";
import { page } from "./helpers/markdown.ts";
import { answers, mathModule, measure, POINTS, subjects, ulps, type Dtype } from "./helpers/math-errors.ts";
import { MARK, powerRules, SPECIAL_ARGUMENTS, specials, specialTables } from "./helpers/math-specials.ts";
import { operand, prepare, type Bench } from "./helpers/program.ts";

/**
 * The first so many of the points in f64, whose truth takes microseconds a point; all are for
 * scripts/measure-math.ts.
 */
const FEW_POINTS = 20_000;
/** Sizes that end in every place of a vector. */
const SIZES = [1, 3, 5, 17, 64];

/** A number at every place of a vector, and in the tail. */
const places = (x: number): Float64Array => new Float64Array(5).fill(x);

const markdown = page("math.md");

/**
 * The row of a function in the page's table of errors: the largest and the mean error in f32, then
 * in f64.
 */
function written(name: string): Record<Dtype, { readonly most: string; readonly mean: string }> {
  const row = markdown.split("\n").find((line) => new RegExp(`^\\| ${name} +\\| \\d+ +\\|`).test(line));
  const cells = row!.split("|").map((cell) => cell.trim());
  return { f32: { most: cells[3]!, mean: cells[4]! }, f64: { most: cells[6]!, mean: cells[7]! } };
}

describe.each(["f32", "f64"] as const)("in %s", (dtype) => {
  let net: Net;
  beforeAll(async () => {
    net = await mathModule(dtype);
  });

  test.each(subjects.map((s) => [s.name, s] as const))("errors of %s", (name, subject) => {
    const count = dtype === "f32" ? POINTS : FEW_POINTS;
    const { most, mean, at } = measure(net, subject, count, dtype);
    expect(most, `at ${at.join(", ")}`).toBeLessThanOrEqual(subject.limit);
    const { [dtype]: said } = written(name);
    if (count === POINTS) expect({ most: most.toFixed(2), mean: mean.toFixed(3) }).toEqual(said);
    else expect(most).toBeLessThanOrEqual(Number(said.most) + 0.005);
  });

  test.each(Object.entries(specials))("special values of %s", (name, wanted) => {
    const x = Float64Array.from(SPECIAL_ARGUMENTS);
    const found = answers(net, name, { x, y: new Float64Array(x.length) });
    const round = dtype === "f32" ? Math.fround : (v: number): number => v;
    for (const [i, value] of wanted.entries()) {
      expect(found[i], `${name}(${x[i]})`).toBe(round(value));
    }
  });

  test.each(powerRules.map((rule) => [`(${rule.x})^(${rule.y}) = ${rule.is}`, rule] as const))(
    "%s",
    (_, { examples }) => {
      for (const [x, y, z] of examples) {
        const found = answers(net, "pow", { x: places(x), y: places(y) });
        expect([...found], `${x}^${y}`).toEqual([...places(z)]);
      }
    },
  );

  test("outside the domain", () => {
    const smallest = dtype === "f32" ? 2 ** -149 : 2 ** -1074;
    const largest = dtype === "f32" ? 2 ** 127 * (2 - 2 ** -23) : Number.MAX_VALUE;
    const at = (name: string, x: number): number =>
      answers(net, name, { x: Float64Array.of(x), y: Float64Array.of(0) })[0]!;
    for (const x of [-smallest, -1, -largest]) expect(at("log", x)).toBeNaN();
    for (const x of [-1.5, -2, -largest]) expect(at("log1p", x)).toBeNaN();
    expect(at("log1p", -1)).toBe(-Infinity);
    expect(at("log", 1)).toBe(0);
    for (const name of ["exp", "expm1", "softplus"]) {
      expect(at(name, largest)).toBe(name === "softplus" ? largest : Infinity);
      expect(at(name, -largest)).toBe(name === "expm1" ? -1 : 0);
    }
    for (const name of ["tanh", "erf"]) {
      expect([at(name, largest), at(name, -largest)]).toEqual([1, -1]);
      expect([at(name, smallest), at(name, -smallest)]).toEqual([smallest, -smallest]);
    }
    for (const name of ["expm1", "log1p", "sin"]) {
      expect([at(name, smallest), at(name, -smallest)]).toEqual([smallest, -smallest]);
    }
  });
});

describe.each(["f32", "f64"] as const)("with fused multiplication and addition, in %s", (dtype) => {
  let net: Net;
  beforeAll(async () => {
    net = await mathModule(dtype, "relaxed");
  });

  test.each(subjects.map((s) => [s.name, s] as const))("errors of %s", (_, subject) => {
    const { most, at } = measure(net, subject, FEW_POINTS, dtype);
    expect(most, `at ${at.join(", ")}`).toBeLessThanOrEqual(subject.limit);
  });

  test.each(Object.entries(specials))("special values of %s", (name, wanted) => {
    const x = Float64Array.from(SPECIAL_ARGUMENTS);
    const found = answers(net, name, { x, y: x });
    const round = dtype === "f32" ? Math.fround : (v: number): number => v;
    for (const [i, value] of wanted.entries()) expect(found[i], `${name}(${x[i]})`).toBe(round(value));
  });
});

describe("docs/math.md", () => {
  test.each(subjects.map((s) => [s.name, s.limit] as const))("%s is within %d", (name, limit) => {
    const { f32, f64 } = written(name);
    for (const { most, mean } of [f32, f64]) {
      expect(Number(mean)).toBeGreaterThan(0);
      expect(Number(most)).toBeGreaterThan(Number(mean));
      expect(Number(most)).toBeLessThanOrEqual(limit);
    }
  });

  test("exp and log are within 2, the others within 4", () => {
    for (const { name, limit } of subjects) expect(limit).toBe(name === "exp" || name === "log" ? 2 : 4);
    expect(POINTS).toBeGreaterThanOrEqual(1e6);
    expect(markdown).toContain(POINTS.toLocaleString("en"));
  });

  test("has the special values", () => {
    const squeezed = (text: string): string => text.replace(/-{3,}/g, "---").replace(/ +/g, " ");
    expect(squeezed(markdown.split(MARK)[1]!)).toContain(squeezed(specialTables()));
  });
});

// Written by oracle/transcendental.py: arguments, and the value nearest to 60 digits of mpmath.
const digits = JSON.parse(
  readFileSync(new URL("./oracle/transcendental.json", import.meta.url), "utf8"),
) as Record<string, number[][]>;

describe("the truth for f64", () => {
  test.each(subjects.map((s) => [s.name, s] as const))("%s agrees with 60 digits", (name, { exact }) => {
    for (const row of digits[name]!) {
      const [x, y] = row;
      // 0.5 is what rounding to f64 takes away.
      expect(ulps(row.at(-1)!, exact(x!, y!), "f64"), row.join(", ")).toBeLessThanOrEqual(0.5 + 1e-9);
    }
  });

  test("the unit in the last place", () => {
    const at = (high: number, low = 0, exponent = 0): wide.Scaled => ({ high, low, exponent });
    expect(ulps(1 + 2 ** -52, at(1), "f64")).toBe(1);
    expect(ulps(1, at(1, 2 ** -54), "f64")).toBe(0.25);
    expect(ulps(1 + 2 ** -23, at(1), "f32")).toBe(1);
    expect(ulps(2 ** -149, at(3, 0, -149), "f32")).toBe(2);
    expect(ulps(0, at(1, 0, -1075), "f64")).toBe(0.5);
    expect(ulps(-0, at(1, 0, -1075), "f64")).toBe(Infinity);
    expect(ulps(Infinity, at(1, 0, 1024), "f64")).toBe(0);
    expect(ulps(Infinity, at(1.5, 0, 1100), "f64")).toBe(0);
    expect(ulps(Infinity, at(2 - 2 ** -52, 0, 1023), "f64")).toBe(1);
    expect(ulps(Number.MAX_VALUE, at(1, 0, 1024), "f64")).toBe(1);
    expect(ulps(-Infinity, at(1, 0, 1024), "f64")).toBeGreaterThan(1e15);
    expect(ulps(NaN, at(1), "f64")).toBe(Infinity);
  });
});

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

/** Those of one number, as elementwise ops. */
const ops = [
  "exp",
  "expm1",
  "log",
  "log1p",
  "tanh",
  "sigmoid",
  "softplus",
  "erf",
  "sin",
  "cos",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "asinh",
  "acosh",
  "erfinv",
  "lgamma",
] as const;

test("a result has the same bits wherever the element lies", async () => {
  const numbers = Array.from({ length: 64 }, (_, i) => (i - 31.5) / 5);
  const benches = ops.flatMap((op) => SIZES.map((n) => unary(`${op}${n}`, op, numbers.slice(0, n))));
  const found = (await prepare(benches))();
  ops.forEach((op, i) => {
    const whole = found[i * SIZES.length + 4]![1]!;
    SIZES.forEach((n, k) =>
      expect(found[i * SIZES.length + k]![1], `${op}, ${n}`).toEqual(whole.slice(0, n)),
    );
  });
});
