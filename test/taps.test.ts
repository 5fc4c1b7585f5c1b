/**
 * Sums that differ by a shift, in one pass: the gradients of depthwise convolutions' weights, beside
 * plain loops, and the same bits by threads.
 */
import { expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { compile } from "../compiler/index.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import { formatOf } from "../compiler/render/format.ts";
import { planKernels } from "../compiler/schedule/plan.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { load } from "../runtime/index.ts";

interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly window: readonly [number, number];
  readonly stride: number;
}

const geometries: Readonly<Record<string, Geometry>> = {
  "nine taps, spans of whole rows": { height: 9, width: 11, channels: 8, window: [3, 3], stride: 1 },
  "spans within a row": { height: 4, width: 70, channels: 8, window: [3, 3], stride: 1 },
  "spans of several images": { height: 4, width: 5, channels: 20, window: [2, 2], stride: 1 },
  "stride 2": { height: 11, width: 12, channels: 16, window: [3, 3], stride: 2 },
  "rows of the window one by one": { height: 12, width: 13, channels: 12, window: [5, 5], stride: 1 },
};

const placesOf = ({ height, width, window: [u, v], stride }: Geometry): [number, number] => [
  Math.floor((height - u) / stride) + 1,
  Math.floor((width - v) / stride) + 1,
];

function sourceOf(geometry: Geometry): string {
  const { height, width, channels, window, stride } = geometry;
  const [rows, columns] = placesOf(geometry);
  return `model Taps {
    input x: [N, ${height}, ${width}, ${channels}]
    target t: [N, ${rows}, ${columns}, ${channels}]
    param w: [${window.join(", ")}, ${channels}] ~ normal
    y[n, i, j, c] = sum[u, v] x[n, ${stride} * i + u, ${stride} * j + v, c] * w[u, v, c]
    output y
    loss sum(y * t)
    optimizer sgd
  }`;
}

/** Σ t[n, i, j, c] x[n, s i + u, s j + v, c] */
function expected(geometry: Geometry, x: Float32Array, t: Float32Array, batch: number): number[] {
  const { height, width, channels, window, stride } = geometry;
  const [rows, columns] = placesOf(geometry);
  const sums: number[] = [];
  for (let u = 0; u < window[0]; u++)
    for (let v = 0; v < window[1]; v++)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let n = 0; n < batch; n++)
          for (let i = 0; i < rows; i++)
            for (let j = 0; j < columns; j++)
              sum +=
                t[((n * rows + i) * columns + j) * channels + c]! *
                x[((n * height + stride * i + u) * width + stride * j + v) * channels + c]!;
        sums.push(sum);
      }
  return sums;
}

test.each(Object.keys(geometries))("%s", async (name) => {
  const geometry = geometries[name]!;
  const source = sourceOf(geometry);
  const { joint } = await analyze(source);
  const program = schedule(runPasses(joint, "lower", "simplify-lowered"));
  const plan = planKernels(program, { ...formatOf("f32"), fused: false });
  expect(plan.kernels.some(({ kind }) => kind === "taps")).toBe(true);

  const { wasm } = await compile(source);
  const [one, many] = [await load(wasm, { seed: 1 }), await load(wasm, { seed: 1, threads: 3 })];
  for (const batch of [1, 7]) {
    const { height, width, channels } = geometry;
    const wave = (length: number, by: number): Float32Array =>
      Float32Array.from({ length }, (_, i) => Math.sin(1 + by * i));
    const x = wave(batch * height * width * channels, 1.7);
    const [rows, columns] = placesOf(geometry);
    const t = wave(batch * rows * columns * channels, 2.3);
    const { w } = one.gradients({ x, t }).gradients;
    const wanted = expected(geometry, x, t, batch);
    const size = Math.max(...wanted.map(Math.abs));
    expect(w!.data.length).toBe(wanted.length);
    for (const [i, value] of wanted.entries())
      expect(Math.abs(w!.data[i]! - value) / size, `entry ${i} of a batch of ${batch}`).toBeLessThan(2e-5);
    expect([...many.gradients({ x, t }).gradients.w!.data]).toEqual([...w!.data]);
  }
  one.dispose();
  many.dispose();
});
