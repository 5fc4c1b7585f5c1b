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

/** `#` is the number of the program: all of them are outputs of one module. */
const convolution = (size: string, channels: number, out: number, stride = 1, dilation = 1): string => `
  input x#: [N, ${size}, ${channels}]
  param w#: [${out}, ${channels}, 3, 3] ~ normal
  y#[n, i, j, o] = sum[c, u, v] x#[n, ${stride} * i + ${dilation} * u, ${stride} * j + ${dilation} * v, c] * w#[o, c, u, v]`;

const programs: Readonly<Record<string, string>> = {
  // Runs of 18, tiles of all widths and heights.
  "3 × 3 of 6 channels": convolution("7, 9", 6, 15),
  "of one channel": convolution("6, 7", 1, 8),
  "to three channels": convolution("6, 7", 8, 3),
  "stride 2": convolution("9, 8", 5, 9, 2),
  "dilation 2, a long run": convolution("9, 9", 64, 16, 1, 2),
  // Rows are gathered in blocks, and more than 60 addends are cut into spans.
  "many channels": convolution("5, 5", 130, 40),
  "a sequence, weights first": `
  input x#: [N, 12, 10]
  param w#: [7, 10, 5] ~ normal
  y#[n, o, t] = sum[c, u] w#[o, c, u] * x#[n, t + u, c]`,
  groups: `
  input x#: [N, 7, 6, 8]
  param w#: [4, 3, 2, 3, 3] ~ normal
  s# = reshape(x#, [N, 7, 6, 4, 2])
  y#[n, i, j, g, o] = sum[c, u, v] s#[n, i + u, j + v, g, c] * w#[g, o, c, u, v]`,
  "windows of slices": `
  input x#: [N, 5, 12]
  param w#: [6, 10] ~ normal
  y# = reshape(windows(x#[:, 1:5, 2:8:2], 2, 1), [3 * N, 6]) @ w#`,
  "patches on the right": `
  input x#: [N, 3]
  param w#: [6, 7, 4] ~ normal
  param v#: [5, 4, 2, 2] ~ normal
  p#[o, i, j] = sum[c, a, b] v#[o, c, a, b] * w#[i + a, j + b, c]
  y# = p# * sum(x#)`,
};

const names = Object.keys(programs);
const numbered = names.map((_, k) => k);

/** The programs of these numbers as outputs of one model, with their gradients. */
function modelOf(numbers: readonly number[]): string {
  const parts = numbers.map((k) =>
    `${programs[names[k]!]!}
  r# = sin(y#) * y#
  output z# = y#
  output dx# = grad(sum(r#), x#)`.replaceAll("#", String(k)),
  );
  return `model P {${parts.join("")}
  loss ${numbers.map((k) => `mean(r${k})`).join(" + ")}
}`;
}

/** Relative to the largest entry. */
const BOUNDS = { f32: 2e-4, f64: 1e-12 } as const;

/** All in strict f32, and some otherwise. */
test.each([
  ["f32", "strict", numbered],
  ["f32", "relaxed", numbered.filter((k) => k % 4 === 0)],
  ["f64", "strict", numbered.filter((k) => k % 4 === 1)],
] as const)("%s, %s", async (dtype, simd, numbers) => {
  const { wasm, analysis, stages } = await compile(modelOf(numbers), { dtype, simd, fallback: false });
  const gathered = stages.kernels.match(/^product .*\n(  in .*\n)*  in .* over /gm) ?? [];
  for (const k of numbers) {
    const own = new RegExp(`^  in .*[a-z]${k}(_\\w+)? .* over `, "m");
    expect(
      gathered.some((kernel) => own.test(kernel)),
      names[k],
    ).toBe(true);
  }
  const nets = await Promise.all([load(wasm, { seed: 3 }), load(wasm, { seed: 3, threads: 3 })]);
  const [net, threaded] = nets as [(typeof nets)[0], (typeof nets)[0]];
  const { joint } = analysis;
  const parameters = parametersOf(joint);
  for (const n of [1, 5]) {
    const given = Object.fromEntries(
      joint.inputs.map(({ name, shape: sizes }) => {
        const shape = shapeAt(sizes, n);
        const length = shape.reduce((a, b) => a * b, 1);
        return [name, { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(1 + 1.7 * i)) }];
      }),
    );
    const values = new Map(
      parameters.map(({ path, shape }, i): [number, Values] => [
        i,
        { shape: shapeAt(shape, n), data: Float64Array.from(net.get(path).data) },
      ]),
    );
    const { outputs } = joint.roots;
    const wanted = evaluate(
      [...outputs.map(({ node }) => node), ...parameters.map(({ gradient }) => gradient!)],
      {
        n,
        inputs: new Map(
          Object.entries(given).map(([name, { shape, data }]) => [
            name,
            { shape, data: Float64Array.from(data) },
          ]),
        ),
        parameters: values,
        states: new Map(),
        hyper: new Map(),
        step: 1,
        seed: 3,
      },
    );
    const computed = (of: typeof net): { readonly name: string; readonly data: readonly number[] }[] => {
      const predicted = of.predict(given);
      const { gradients } = of.gradients(given);
      return [
        ...outputs.map(({ name }) => ({ name, data: [...predicted[name]!.data] })),
        ...parameters.map(({ path }) => ({ name: path, data: [...gradients[path]!.data] })),
      ];
    };
    const got = computed(net);
    for (const [i, { data }] of wanted.entries()) {
      const { name, data: found } = got[i]!;
      const size = Math.max(...data.map(Math.abs));
      const worst = Math.max(...data.map((value, k) => Math.abs(value - found[k]!)));
      const program = names[Number(/\d+/.exec(name)![0])];
      expect(worst / size, `${name} of ${program}, batch ${n}`).toBeLessThan(BOUNDS[dtype]);
      expect(found.length).toBe(data.length);
    }
    expect(computed(threaded)).toEqual(got);
  }
  for (const one of nets) one.dispose();
});

test("a factor that repeats no entry, such as heads put together, is stored once for all products", async () => {
  const { stages } = await plan(`model M {
    input x: [N, 4, 6, 8]
    param w: [32, 24] ~ normal
    loss mean(tanh(reshape(transpose(x, [0, 2, 1, 3]), [6 * N, 32]) @ w))
  }`);
  expect(stages.kernels).not.toMatch(/ over /);
});
