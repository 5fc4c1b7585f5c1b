/**
 * Kernels that go over a row several times: what is costly is computed once, and largest and least
 * entries are right for NaN, infinities and both zeros, whatever the width of the row.
 */
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { compile, plan } from "../compiler/index.ts";
import { known } from "../compiler/ir/size.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import { formatOf } from "../compiler/render/format.ts";
import { planKernels } from "../compiler/schedule/plan.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { load } from "../runtime/index.ts";
import { stream } from "./fuzz/choices.ts";

/** Narrow, of whole vectors, with entries left over, and of several turns with some left over. */
const WIDTHS = [5, 64, 67, 301];

const training = (width: number): string => `model Rows {
  input x: [N, ${width}]
  target y: [N, ${width}]
  param w: [${width}] ~ ones
  output p = softmax(w * x)
  loss mse(p, y)
  optimizer sgd(lr = 0.1)
}`;

test.each(WIDTHS)("a softmax over %i computes each e^x once, in every entry", async (width) => {
  const { joint } = await analyze(training(width));
  const program = schedule(runPasses(joint, "lower", "simplify-lowered"));
  const plan = planKernels(program, { ...formatOf("f32"), fused: false });
  const counts = program.kernels.flatMap((kernel, i) => {
    const own = plan.kernels[i]!;
    if (own.kind !== "nest") return [];
    const exps = kernel.values.flatMap((v, k) => (v.kind === "apply" && v.op === "exp" ? [k] : []));
    return exps.map((k) => own.passes.filter(({ values }) => values.flat().includes(k)).length);
  });
  expect(counts).toEqual(counts.map(() => 1));
  expect(counts.length).toBeGreaterThan(2);
});

const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1];

/** Rows that put each special number everywhere, among what is less or more, and random rows. */
function rowsOf(width: number): number[][] {
  const draw = stream(width);
  const rows: number[][] = [];
  for (const around of [-1, 1, 0, -0, -Infinity, Infinity, 0.5])
    for (const one of special)
      for (const place of new Set([0, 1, 4, width >> 1, width - 2, width - 1]))
        rows.push(Array.from({ length: width }, (_, k) => (k === place ? one : around)));
  for (let i = 0; i < 20; i++) rows.push(Array.from({ length: width }, () => Math.fround(20 * draw() - 10)));
  return rows;
}

function softmax(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const e = row.map((x) => Math.exp(x - (Math.abs(top) === Infinity ? 0 : top)));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
}

const source = `model Rows {
  ${WIDTHS.map(
    (w) => `input x${w}: [N, ${w}]
  output max${w} = max(x${w}, axis = 1)
  output min${w} = min(x${w}, axis = 1)
  output p${w} = softmax(x${w})`,
  ).join("\n  ")}
}`;

describe.each(["f32", "f64"] as const)("rows of %s", (dtype) => {
  test("have the largest, the least and the softmax that the formulas say", async () => {
    const net = await load((await compile(source, { dtype })).wasm);
    const tables = Object.fromEntries(WIDTHS.map((w) => [`x${w}`, rowsOf(w)]));
    const count = Math.min(...Object.values(tables).map(({ length }) => length));
    const inputs = Object.fromEntries(
      Object.entries(tables).map(([name, rows]) => [name, rows.slice(-count).flat()]),
    );
    const outputs = net.predict(inputs);
    for (const width of WIDTHS) {
      const rows = tables[`x${width}`]!.slice(-count);
      expect([...outputs[`max${width}`]!.data], `max of ${width}`).toEqual(rows.map((r) => Math.max(...r)));
      expect([...outputs[`min${width}`]!.data], `min of ${width}`).toEqual(rows.map((r) => Math.min(...r)));
      const p = outputs[`p${width}`]!.data;
      const bound = dtype === "f32" ? 2e-6 : 1e-14;
      const off = rows.flatMap((row, i) =>
        softmax(row).filter((q, k) => {
          const own = p[i * width + k]!;
          return Number.isNaN(q) ? !Number.isNaN(own) : !(Math.abs(own - q) <= bound * q);
        }),
      );
      expect(off, `softmax of ${width}`).toEqual([]);
    }
  });
});

/** Four vectors of columns go down the rows together where there are so many; with some left over. */
const COLUMNS = [16, 37, 70];

const downward = `model Columns {
  ${COLUMNS.map(
    (w) => `input x${w}: [N, ${w}]
  output sum${w} = sum(x${w}, axis = 0)
  output max${w} = max(x${w}, axis = 0)
  output z${w} = (x${w} - mean(x${w}, axis = 0)) / sqrt(var(x${w}, axis = 0) + 1e-5) * iota(${w})`,
  ).join("\n  ")}
}`;

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe.each(["f32", "f64"] as const)("columns of %s", (dtype) => {
  test("are summed and normalized each by itself, wherever they stand", async () => {
    const net = await load((await compile(downward, { dtype })).wasm);
    for (const rows of [2, 50, 333]) {
      const inputs = Object.fromEntries(
        COLUMNS.map((w) => {
          const draw = stream(rows + w);
          return [`x${w}`, Array.from({ length: rows * w }, (_, i) => Math.fround(draw() + (i % w)))];
        }),
      );
      const outputs = net.predict(inputs);
      for (const width of COLUMNS) {
        const of = (name: string): ArrayLike<number> => outputs[`${name}${width}`]!.data;
        for (let k = 0; k < width; k++) {
          const column = inputs[`x${width}`]!.filter((_, i) => i % width === k);
          const m = mean(column);
          const deviation = Math.sqrt((mean(column.map((x) => (x - m) ** 2)) * rows) / (rows - 1) + 1e-5);
          const digits = dtype === "f32" ? 2 : 9;
          const label = `${rows} rows, column ${k} of ${width}`;
          expect(of("sum")[k]! / rows, label).toBeCloseTo(m, dtype === "f32" ? 4 : 10);
          expect(of("max")[k], label).toBe(Math.max(...column));
          for (const row of [0, rows - 1])
            expect(of("z")[row * width + k]! / Math.max(1, k), label).toBeCloseTo(
              ((column[row]! - m) / deviation) * Math.min(1, k),
              digits,
            );
        }
      }
    }
  });
});

test("sums over places have channels in the lanes, whichever loop these are", async () => {
  // One turn of four vectors, one of a single vector, and one entry left over.
  const [rows, places, channels, taps] = [3, 9, 21, 3];
  const source = `model Taps {
    input x: [N, ${places + taps - 1}, ${channels}]
    param w: [${channels}, ${taps}] ~ normal
    y[n, i, c] = sum[u] x[n, i + u, c] * w[c, u]
    loss sum(y * y)
  }`;
  const { joint } = await analyze(source);
  const program = schedule(runPasses(joint, "lower", "simplify-lowered"));
  const plan = planKernels(program, { ...formatOf("f32"), fused: false });
  const sums = program.kernels.findIndex(({ name }) => name === "d_w");
  const own = plan.kernels[sums]!;
  const lanes = own.kind === "nest" ? own.lanes : null;
  expect(lanes).toMatchObject({ end: "entries", vectors: 4 });
  expect(known(program.kernels[sums]!.loops[lanes!.loop]!)).toBe(channels);

  const net = await load((await compile(source)).wasm, { seed: 1 });
  const draw = stream(1);
  const x = Float32Array.from({ length: rows * (places + taps - 1) * channels }, () => 2 * draw() - 1);
  const w = net.get("w").data;
  const at = (n: number, i: number, c: number): number => x[(n * (places + taps - 1) + i) * channels + c]!;
  const wanted = Array.from(w, () => 0);
  for (let n = 0; n < rows; n++)
    for (let i = 0; i < places; i++)
      for (let c = 0; c < channels; c++) {
        let y = 0;
        for (let u = 0; u < taps; u++) y += at(n, i + u, c) * w[c * taps + u]!;
        for (let u = 0; u < taps; u++) wanted[c * taps + u]! += 2 * y * at(n, i + u, c);
      }
  const found = net.gradients({ x }).gradients["w"]!.data;
  for (const [k, value] of wanted.entries()) expect(found[k]).toBeCloseTo(value, 4);
});

/** The loops of kernels of a prediction, of a batch of `width` columns normalized down the rows. */
async function loopsOfNorm(width: number): Promise<Readonly<Record<string, string>>> {
  const { report } = await plan(`model Norm {
    input x: [N, ${width}]
    m = mean(x, axis = 0, keep = true)
    output z = (x - m) / sqrt(mean((x - m)^2, axis = 0, keep = true) + 1e-5)
  }`);
  const kernels = report.kernels.filter(({ calls }) => calls.predict !== undefined);
  return Object.fromEntries(kernels.map(({ name, loops }) => [name, loops]));
}

test("what is made of sums down the rows is written along the rows, unless those are as short as a line of the cache", async () => {
  expect(await loopsOfNorm(64)).toEqual({ m: "64 × N", z: "N × 64" });
  expect(await loopsOfNorm(16)).toEqual({ z: "16 × N" });
});
