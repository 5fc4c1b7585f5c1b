/** Long sums in f32, in every form that a kernel can give them, against sums in f64: equal addends, which all round the same way, and uneven ones. */
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load, type Net } from "../runtime/index.ts";
import { stream } from "./fuzz/choices.ts";

const ROWS_OF = { x: 1, narrow: 2, five: 5, nine: 9 } as const;
type Input = keyof typeof ROWS_OF;

const source = `model Sums {
  input x: [N]
  input narrow: [N, 2]
  input five: [N, 5]
  input nine: [N, 9]
  input lying: [2, N]
  input other: [3, N]

  output mean = mean(x)
  output roots = stack([sum(x), sum(x^2), sum(abs(x))])
  output all = sum(nine)
  output columns = sum(nine, axis = 0)
  output pair = sum(narrow, axis = 0)
  output weighted = sum(five * nine[:, 0:5], axis = 0)
  output tiles = five' @ nine
  output half = five' @ narrow
  output dots = lying @ other'
}`;

/** Each output as its terms: for entry k, which numbers of a row are multiplied. */
const terms: Readonly<Record<string, readonly (readonly [Input, number][])[]>> = {
  mean: [[["x", 0]]],
  roots: [
    [["x", 0]],
    [
      ["x", 0],
      ["x", 0],
    ],
    [["x", 0]],
  ],
  columns: Array.from({ length: 9 }, (_, k) => [["nine", k]]),
  pair: [[["narrow", 0]], [["narrow", 1]]],
  weighted: Array.from({ length: 5 }, (_, k) => [
    ["five", k],
    ["nine", k],
  ]),
  tiles: Array.from({ length: 45 }, (_, k) => [
    ["five", Math.floor(k / 9)],
    ["nine", k % 9],
  ]),
  half: Array.from({ length: 10 }, (_, k) => [
    ["five", k >> 1],
    ["narrow", k & 1],
  ]),
  dots: Array.from({ length: 6 }, (_, k) => [
    ["narrow", Math.floor(k / 3)],
    ["five", k % 3],
  ]),
};

type Rows = Readonly<Record<Input, Float32Array>>;

/** `lying` and `other` are `narrow` and the first of `five`, row by row of theirs. */
function examplesOf(rows: Rows, count: number): Record<string, Float32Array> {
  const turned = (of: Input, lines: number): Float32Array =>
    new Float32Array(lines * count).map(
      (_, i) => rows[of][(i % count) * ROWS_OF[of] + Math.floor(i / count)]!,
    );
  return { ...rows, lying: turned("narrow", 2), other: turned("five", 3) };
}

function rowsOf(count: number, entry: (of: Input, k: number) => number): Rows {
  const fill = (of: Input): Float32Array =>
    new Float32Array(count * ROWS_OF[of]).map((_, i) => entry(of, i % ROWS_OF[of]));
  return { x: fill("x"), narrow: fill("narrow"), five: fill("five"), nine: fill("nine") };
}

/** The worst difference of any entry from its sum in f64, relative to the sum of its addends' sizes. */
function worst(
  net: Net,
  rows: Rows,
  count: number,
  areEqual = false,
): { readonly at: string; readonly error: number } {
  const got = net.predict(examplesOf(rows, count));
  let result = { at: "", error: 0 };
  const note = (at: string, value: number, sum: number, size: number): void => {
    const error = Math.abs(value - sum) / size;
    if (!(error <= result.error)) result = { at, error };
  };
  for (const [name, entries] of Object.entries(terms)) {
    for (const [k, factors] of entries.entries()) {
      let [sum, size] = [0, 0];
      for (let row = 0; row < (areEqual ? 1 : count); row++) {
        const term = factors.reduce((product, [of, at]) => product * rows[of][row * ROWS_OF[of] + at]!, 1);
        sum += name === "roots" && k === 2 ? Math.abs(term) : term;
        size += Math.abs(term);
      }
      // The sum of equal rows is so many times the first.
      const times = areEqual ? count : 1;
      const by = (name === "mean" ? count : 1) / times;
      note(`${name} ${k}`, got[name]!.data[k]!, sum / by, size / by);
    }
  }
  const total = rows.nine.reduce((sum, value) => sum + value, 0);
  note(
    "all",
    got["all"]!.data[0]!,
    total,
    rows.nine.reduce((sum, value) => sum + Math.abs(value), 0),
  );
  return result;
}

describe.each(["strict", "relaxed"] as const)("%s", (simd) => {
  let nets: Net[] = [];
  beforeAll(async () => {
    const { wasm } = await compile(source, { simd, fallback: false });
    nets = [await load(wasm), await load(wasm, { threads: 2 }), await load(wasm, { threads: 3 })];
  }, 120_000);

  test.each([0.1, 0.7, 1 / 3, 1.0000001, 1.9999999, 5e-12, 123456.7])(
    "equal rows of %f",
    (value) => {
      const count = 300_003;
      // The others of a row are not the same, so that places cannot be mixed up.
      const rows = rowsOf(count, (of, k) => value * (of === "x" ? 1 : 1 + k / 8));
      const { at, error } = worst(nets[0]!, rows, count, true);
      expect(error, at).toBeLessThan(1e-6);
    },
    120_000,
  );

  // A span, two, a power of two of them, and one more or fewer; the same along four lanes.
  const sizes = [1, 2, 47, 48, 49, 95, 96, 97, 99, 191, 192, 193, 195, 387, 768, 769, 1539, 6145];
  test.each(sizes)("%i uneven rows, on one thread or several", (count) => {
    const next = stream(count);
    const rows = rowsOf(count, () => Math.fround(2 * next() - 1) * 10 ** Math.floor(3 * next()));
    const { at, error } = worst(nets[0]!, rows, count);
    expect(error, at).toBeLessThan(2e-6);
    const [one, ...others] = nets.map((net) => JSON.stringify(net.predict(examplesOf(rows, count))));
    for (const other of others) expect(other).toBe(one);
  });

  test("infinity and NaN pass through", () => {
    const rows = rowsOf(100, () => 1);
    rows.x[3] = Infinity;
    rows.nine[0] = Infinity;
    rows.nine[9 * 60 + 1] = NaN;
    const got = nets[0]!.predict(examplesOf(rows, 100));
    expect(got["mean"]!.data[0]).toBe(Infinity);
    expect(got["columns"]!.data.slice(0, 3)).toEqual(Float32Array.of(Infinity, NaN, 100));
    expect(got["tiles"]!.data.slice(0, 3)).toEqual(Float32Array.of(Infinity, NaN, 100));
  });
});

test("ten million equal rows", async () => {
  const { wasm } = await compile(`model Means {
  input x: [N]
  param w = 0
  output mean = mean(x)
  metric spread = var(x)
  loss mean((x - w)^2)
}`);
  const net = await load(wasm);
  const count = 10_000_000;
  for (const value of [0.1, 0.3]) {
    const x = new Float32Array(count).fill(value);
    const v = Math.fround(value);
    expect(Math.abs(net.predict({ x })["mean"]!.data[0]! / v - 1)).toBeLessThan(1e-6);
    const { loss, metrics } = net.evaluate({ x });
    expect(Math.abs(loss / (v * v) - 1)).toBeLessThan(1e-6);
    expect(metrics["spread"]!).toBeLessThan(1e-12);
    expect(Math.abs(net.gradients({ x }).gradients["w"]!.data[0]! / (-2 * v) - 1)).toBeLessThan(1e-6);
  }
}, 120_000);

test("a product over ten million equal rows, of the significands that round worst", async () => {
  const { wasm } = await compile(`model Products {
  input x: [N, 4]
  output p = x' @ x
}`);
  const net = await load(wasm);
  const count = 10_000_000;
  // Found by trying all significands, at spans of 60 and of 64 addends.
  const [v, w] = [9_272_624, 16_289_888].map((significand) => significand / 2 ** 24);
  const x = new Float32Array(4 * count);
  for (let i = 0; i < x.length; i += 4) x.set([1, v!, w!, 0.5], i);
  const row = net.predict({ x })["p"]!.data.slice(0, 4);
  for (const [k, addend] of [1, v!, w!, 0.5].entries()) {
    expect(Math.abs(row[k]! / (count * addend) - 1)).toBeLessThan(1e-6);
  }
}, 120_000);

test("an update that is its gradient's epilogue takes the gradient of all spans", async () => {
  const { wasm } = await compile(`model Layer {
  input x: [N, 64]
  target y: [N, 40]
  loss mse(dense(x, 40), y)
  optimizer sgd(lr = 0.5)
}`);
  for (const threads of [1, 2, 3]) {
    const net = await load(wasm, { threads });
    for (const count of [48, 49, 101, 1000]) {
      const next = stream(count);
      const fill = (n: number): Float32Array => Float32Array.from({ length: n }, () => 2 * next() - 1);
      const examples = { x: fill(count * 64), y: fill(count * 40) };
      const [path] = net.manifest.parameters.map((parameter) => parameter.path);
      const before = net.get(path!).data.slice();
      const gradient = net.gradients(examples).gradients[path!]!.data;
      net.step(examples);
      const want = before.map((w, i) => Math.fround(w - Math.fround(0.5 * gradient[i]!)));
      expect(net.get(path!).data).toEqual(want);
    }
  }
}, 120_000);

test.each([
  ["mean(x, axis = 1)", [3, 100_000]],
  ["x @ ones([20000, 4])", [5, 20_000]],
  ["x @ ones([20000, 1])", [5, 20_000]],
])("%s, whose length is known", async (formula, [rows, width]) => {
  const { wasm } = await compile(`model Long {
  input x: [N, ${width}]
  output y = ${formula}
}`);
  const net = await load(wasm);
  for (const value of [0.1, 0.7]) {
    const v = Math.fround(value);
    const want = formula.startsWith("mean") ? v : v * width!;
    const { data } = net.predict({ x: new Float32Array(rows! * width!).fill(value) })["y"]!;
    for (const entry of data) expect(Math.abs(entry / want - 1)).toBeLessThan(1e-6);
  }
});
