/**
 * Products whose rows, columns or depth lie in no single stride, as windows of images do: through
 * the module, against the definition in f64, for every geometry and batch, and the same bits by
 * threads.
 */
import { expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { parametersOf } from "../compiler/graph/model.ts";
import type { Values } from "../compiler/ops/op.ts";
import { shapeAt } from "../compiler/ir/size.ts";
import { load } from "../runtime/index.ts";

const convolution = (size: string, out: number, stride: number, dilation = 1): string => `
  input x: [N, ${size}]
  param w: [${out}, C, 3, 3] ~ normal
  y[n, i, j, o] = sum[c, u, v] x[n, ${stride} * i + ${dilation} * u, ${stride} * j + ${dilation} * v, c] * w[o, c, u, v]`;

const models: Readonly<Record<string, string>> = {
  // Runs of 18, tiles of all widths and heights.
  "3 × 3 of 6 channels": convolution("7, 9, 6", 15, 1).replace("C", "6"),
  "of one channel": convolution("6, 7, 1", 8, 1).replace("C", "1"),
  "to three channels": convolution("6, 7, 8", 3, 1).replace("C", "8"),
  "stride 2": convolution("9, 8, 5", 9, 2).replace("C", "5"),
  "dilation 2, a long run": convolution("9, 9, 64", 16, 1, 2).replace("C", "64"),
  // Rows are gathered in blocks, and more than 60 addends are cut into spans.
  "many channels": convolution("6, 6, 130", 40, 1).replace("C", "130"),
  "a sequence, weights first": `
  input x: [N, 12, 10]
  param w: [7, 10, 5] ~ normal
  y[n, o, t] = sum[c, u] w[o, c, u] * x[n, t + u, c]`,
  groups: `
  input x: [N, 7, 6, 8]
  param w: [4, 3, 2, 3, 3] ~ normal
  s = reshape(x, [N, 7, 6, 4, 2])
  y[n, i, j, g, o] = sum[c, u, v] s[n, i + u, j + v, g, c] * w[g, o, c, u, v]`,
  "windows of slices": `
  input x: [N, 5, 12]
  param w: [6, 10] ~ normal
  y = reshape(windows(x[:, 1:5, 2:8:2], 2, 1), [3 * N, 6]) @ w`,
  "patches on the right": `
  input x: [N, 3]
  param w: [6, 7, 4] ~ normal
  param v: [5, 4, 2, 2] ~ normal
  y[o, i, j] = sum[c, a, b] v[o, c, a, b] * w[i + a, j + b, c]
  q = sum(x)
  y = y * q`,
};

const DTYPES = { f32: 2e-4, f64: 1e-12 } as const;

/** Each program is strict in f32, and one other by turns. */
const OTHERS = [
  ["f32", "relaxed"],
  ["f64", "strict"],
] as const;

test.each(Object.entries(models))("%s", async (name, body) => {
  const source = `model P {${body}
    output z = y
    output dx = grad(sum(sin(y) * y), x)
    loss mean(sin(y) * y)
    optimizer sgd(lr = 0.1)
  }`;
  const other = OTHERS[Object.keys(models).indexOf(name) % OTHERS.length]!;
  for (const [dtype, simd] of [["f32", "strict"] as const, other]) {
    const { wasm, analysis, stages } = await compile(source, { dtype, simd, fallback: false });
    expect(stages.kernels).toMatch(/product .*\n(  in .*\n)*  in .* over /);
    const nets = await Promise.all([load(wasm, { seed: 3 }), load(wasm, { seed: 3, threads: 3 })]);
    const [net, threaded] = nets as [(typeof nets)[0], (typeof nets)[0]];
    const { joint } = analysis;
    const parameters = parametersOf(joint);
    for (const n of [1, 5]) {
      const shape = shapeAt(joint.inputs[0]!.shape, n);
      const x = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (__, i) =>
        Math.sin(1 + 1.7 * i),
      );
      const given = { x: { data: x, shape } };
      const values = new Map(
        parameters.map(({ path, shape: s }, i): [number, Values] => [
          i,
          { shape: shapeAt(s, n), data: Float64Array.from(net.get(path).data) },
        ]),
      );
      const wanted = evaluate(
        [...joint.roots.outputs.map(({ node }) => node), ...parameters.map(({ gradient }) => gradient!)],
        {
          n,
          inputs: new Map([["x", { shape, data: Float64Array.from(x) }]]),
          parameters: values,
          states: new Map(),
          hyper: new Map(),
          step: 1,
          seed: 3,
        },
      );
      const { gradients } = net.gradients(given);
      const { z, dx } = net.predict(given);
      const got = [z!, dx!, ...parameters.map(({ path }) => gradients[path]!)].map(({ data }) => [...data]);
      for (const [i, { data }] of wanted.entries()) {
        const size = Math.max(...data.map(Math.abs));
        const worst = Math.max(...data.map((value, k) => Math.abs(value - got[i]![k]!)));
        expect(
          worst / size,
          `${dtype} ${simd}, batch ${n}, ${["z", "dx", ...parameters.map(({ path }) => path)][i]}`,
        ).toBeLessThan(DTYPES[dtype]);
        expect(got[i]!.length).toBe(data.length);
      }
      const again = threaded.gradients(given).gradients;
      expect([...threaded.predict(given)["z"]!.data]).toEqual(got[0]);
      expect([...threaded.predict(given)["dx"]!.data]).toEqual(got[1]);
      for (const { path } of parameters) expect(again[path]!.data).toEqual(gradients[path]!.data);
    }
    for (const one of nets) one.dispose();
  }
});

test("a factor that repeats no entry, such as heads put together, is stored once for all products", async () => {
  const { stages } = await plan(`model M {
    input x: [N, 4, 6, 8]
    param w: [32, 24] ~ normal
    loss mean(tanh(reshape(transpose(x, [0, 2, 1, 3]), [6 * N, 32]) @ w))
  }`);
  expect(stages.kernels).not.toMatch(/ over /);
});
