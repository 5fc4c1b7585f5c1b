/**
 * Shapes of one formula that share a function compute, bit for bit, what functions of their own do:
 * whole arenas are compared, after a prediction and steps in batches of several sizes.
 */
import { expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { compile } from "../compiler/index.ts";
import { sizeAt } from "../compiler/ir/size.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import { formatOf } from "../compiler/render/format.ts";
import { render } from "../compiler/render/render.ts";
import type { Kernel, KernelProgram } from "../compiler/schedule/kernel.ts";
import { SHAPES } from "../compiler/schedule/many-shapes.ts";
import { planKernels } from "../compiler/schedule/plan.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { load } from "../runtime/index.ts";
import { stream } from "./helpers/graph.ts";
import { instantiate, type ModuleExports } from "./helpers/program.ts";

/** Products of each form, sums of rows and of columns, maxima, random numbers; depths past a span. */
const network = (widths: readonly number[]): string => `model Shapes {
  input x: [N, 9]
  target y: [N, 1]
  h = x
  for width in [${widths.join(", ")}] {
    h = dropout(tanh(dense(h, width)), 0.1)
    param turned: [width + 5, width] ~ normal(0, 0.1)
    h = softmax(h @ turned') + max(h, axis = 1, keep = true)
  }
  z = dense(h, 1)
  output z
  loss mse(z, y)
  optimizer momentum(lr = 0.1)
}`;

const hasArguments = (kernel: Kernel): boolean => kernel.arguments !== undefined;

type Kind = Parameters<typeof render>[2];

async function programOf(source: string, shapes: { most: number; own: number }, { dtype }: Kind) {
  const { joint } = await analyze(source);
  const elementBytes = formatOf(dtype).bytes;
  return schedule(runPasses(joint, "lower", "simplify-lowered"), { elementBytes, shapes });
}

/** Everything in memory after some work. */
async function memoryAfter(program: KernelProgram, kind: Kind): Promise<string> {
  const isRelaxed = kind.simd === "relaxed";
  const { bytes } = formatOf(kind.dtype);
  const plan = planKernels(program, { ...formatOf(kind.dtype), fused: isRelaxed });
  const exports = await instantiate(render(program, plan, kind), isRelaxed, "least");
  // `step` is there beside what every module has: the program has an optimizer.
  const module = exports as ModuleExports & { readonly step: (rows: number) => number };
  const base = Number(module.arena.value);
  const { fixed, perRow, places } = program.arena;
  const seen: Buffer[] = [];
  module.reserve(72);
  module.initialize(1);
  for (const rows of [1, 5, 70]) {
    const next = stream(rows);
    for (const { id, role, size } of program.buffers) {
      if (role.kind !== "input") continue;
      const at = base + fixed + places[id]!.offset * 72;
      const numbers = Array.from({ length: sizeAt(size, rows) }, () => 2 * next() - 1);
      if (bytes === 4) new Float32Array(module.memory.buffer, at).set(numbers);
      else new Float64Array(module.memory.buffer, at).set(numbers);
    }
    module.predict(rows);
    for (let steps = 0; steps < 2; steps++) expect(module.step(rows)).toBeGreaterThan(0);
    seen.push(Buffer.from(new Uint8Array(module.memory.buffer, base, fixed + perRow * 72)));
  }
  return Buffer.concat(seen).toString("base64");
}

const kinds: readonly Kind[] = [
  { dtype: "f32", simd: "strict", model: "Shapes" },
  { dtype: "f32", simd: "relaxed", model: "Shapes" },
  { dtype: "f64", simd: "strict", model: "Shapes" },
];

test.for(kinds)("one function for many shapes changes no bit: $dtype, $simd", async (kind) => {
  // Multiples of a vector and others; depths that are one span and, in f32, several.
  const source = network(kind.dtype === "f64" || kind.simd === "relaxed" ? [12, 21] : [12, 301, 21, 260]);
  const own = await programOf(source, { most: Infinity, own: Infinity }, kind);
  const shared = await programOf(source, { most: 1, own: 0 }, kind);
  expect(own.kernels.some(hasArguments)).toBe(false);
  const general = shared.kernels.filter(hasArguments);
  expect(new Set(general.map(({ kind: one }) => one))).toEqual(new Set(["nest", "product"]));
  expect(shared.kernels.length).toBeLessThan(own.kernels.length - 4);
  expect(await memoryAfter(shared, kind)).toBe(await memoryAfter(own, kind));
});

test("sixty different layers have no more products than forty", async () => {
  const products = async (layers: number): Promise<number> => {
    const { joint } = await analyze(`model Many {
      input x: [N, 16]
      h = x
      for i in 0..${layers} { h = dense(h, 16 + i, tanh) }
      loss mean(h)
      optimizer sgd(lr = 0.1)
    }`);
    const { kernels } = schedule(runPasses(joint, "lower", "simplify-lowered"));
    return kernels.filter(({ kind }) => kind === "product").length;
  };
  expect(await products(60)).toBeLessThanOrEqual(await products(40));
});

test("few shapes of a formula have code of their own each", async () => {
  const { joint } = await analyze(network([9, 12, 21, 34, 26]));
  const { kernels } = schedule(runPasses(joint, "lower", "simplify-lowered"));
  expect(kernels.some(hasArguments)).toBe(false);
});

test("shared shapes give the same bits on one, two and three threads", async () => {
  const widths = Array.from({ length: SHAPES.most + 2 }, (_, i) => 40 + 3 * i);
  const source = `model Wide {
    input x: [N, 64]
    target y: [N, 1]
    h = x
    for width in [${widths.join(", ")}] { h = tanh(dense(h, width)) }
    z = dense(h, 1)
    output z
    loss mse(z, y)
    optimizer adam(lr = 0.01)
  }`;
  const { kernels } = await programOf(source, SHAPES, kinds[0]!);
  expect(kernels.some(hasArguments)).toBe(true);
  const { wasm } = await compile(source);
  const next = stream(1);
  const rows = (columns: number): Float32Array =>
    Float32Array.from({ length: 33 * columns }, () => 2 * next() - 1);
  const [x, y] = [rows(64), rows(1)];
  const trained = async (threads: number): Promise<Uint8Array> => {
    using net = await load(wasm, { seed: 1, threads });
    expect(net.threads).toEqual({ count: threads, reason: null });
    net.step({ x, y });
    return net.save();
  };
  const one = await trained(1);
  for (const threads of [2, 3]) expect(await trained(threads)).toEqual(one);
});
