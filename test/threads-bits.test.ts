/**
 * However many threads share a model's work, the bits are those of one. Kernels are divided here
 * from the first operation on, so that small models show what large ones do, in pieces and by rows
 * in turns; batches are smaller than the threads are many, and no multiples of a vector.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { compile } from "../compiler/index.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { load, type Net } from "../runtime/index.ts";
import { stream } from "./fuzz/choices.ts";
import { cases } from "./fuzz/programs.ts";

type Share = typeof import("../compiler/schedule/share.ts");
vi.mock("../compiler/schedule/share.ts", async (original): Promise<Share> => {
  const share = await original<Share>();
  return {
    ...share,
    shareOut: (program, plans, bytes) => {
      shared++;
      return share.shareOut(program, plans, bytes, { worth: 0, by: shared % 2 === 0 ? "pieces" : "rows" });
    },
  };
});
/** Modules so far. */
let shared = 0;

const batches = [5, 1, 17, 101];

/** Numbers for every input, different for each batch. */
function examplesFor({ inputs }: Manifest, rows: number): Record<string, Float64Array> {
  const next = stream(rows);
  return Object.fromEntries(
    inputs.map(({ name, shape, dtype, classes }) => {
      const length = shape.reduce<number>((all, size) => all * (typeof size === "string" ? rows : size), 1);
      const entry = (): number =>
        dtype === "float"
          ? Math.fround(2 * next() - 1)
          : Math.floor(next() * (dtype === "bool" ? 2 : (classes ?? 3)));
      return [name, Float64Array.from({ length }, entry)];
    }),
  );
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/**
 * Everything that a net computes, in the order of its batches, as text that says where two differ.
 */
async function trace(net: Net): Promise<string[]> {
  const { loss, optimizer, metrics } = net.manifest;
  const seen: string[] = [];
  const note = (what: string, data: ArrayBufferView): void =>
    void seen.push(`${what}: ${bytesOf(data).toString("hex")}`);
  for (const rows of net.manifest.free === null ? [1, 1] : batches) {
    const examples = examplesFor(net.manifest, rows);
    for (const [name, { data }] of Object.entries(net.predict(examples))) note(`${rows} ${name}`, data);
    if (loss || metrics.length > 0) {
      const { loss: value, metrics: measured } = net.evaluate(examples);
      note(`${rows} evaluate`, Float64Array.of(value, ...Object.values(measured)));
    }
    if (loss) {
      const { loss: value, gradients } = net.gradients(examples);
      note(`${rows} loss`, Float64Array.of(value));
      for (const [path, { data }] of Object.entries(gradients)) note(`${rows} d ${path}`, data);
    }
    if (!optimizer) continue;
    note(`${rows} step`, Float64Array.of(net.step(examples)));
    const { history } = await net.fit(examples, { epochs: 3, batch: 3 });
    note(
      `${rows} fit`,
      Float64Array.from(history, (epoch) => epoch.loss),
    );
    note(`${rows} save`, net.save());
  }
  return seen;
}

/** @returns whether anything of it was divided */
async function expectEqualBits(
  source: string,
  dtype: "f32" | "f64",
  counts: readonly number[],
): Promise<boolean> {
  const { wasm, manifest } = await compile(source, { dtype });
  if (manifest.threads === undefined) return false;
  const one = await load(wasm, { seed: 5 });
  const expected = await trace(one);
  for (const threads of counts) {
    const many = await load(wasm, { seed: 5, threads });
    expect(many.threads).toEqual({ count: threads, reason: null });
    expect(await trace(many), `${threads} threads, ${dtype}:\n${source}`).toEqual(expected);
    many.dispose();
  }
  one.dispose();
  return true;
}

const folder = new URL("cases/", import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith(".nn"));

describe("the programs of the corpus", () => {
  test.each(names)("%s", async (name) => {
    const source = readFileSync(new URL(name, folder), "utf8");
    await expectEqualBits(source, "f32", [3]);
  });
});

test("random programs", { timeout: 600_000 }, async () => {
  const count = Number(process.env["THREADS_RUNS"] ?? 8);
  const programs = fc.sample(cases, { seed: 4, numRuns: count });
  let divided = 0;
  for (const [i, { source }] of programs.entries()) {
    divided += Number(await expectEqualBits(source, i % 2 === 0 ? "f32" : "f64", [2 + (i % 6)]));
  }
  expect(divided).toBeGreaterThan(count / 2);
});

// Tiles of every form, with tails on both sides, and shares that are no whole tiles.
test.each([
  [23, 37, 9],
  [65, 66, 131],
  [130, 8, 97],
])("products of %i, %i and %i", async (a, b, c) => {
  const source = `model Wide {
    input x: [N, ${a}]
    target y: int[N]
    h = x |> dense(${b}, tanh) |> dense(${c}, gelu)
    z = dense(h, 11)
    output p = softmax(z)
    metric accuracy(z, y)
    loss cross_entropy(z, y) + 1e-3 * l2(weights)
    optimizer adam(lr = 0.01)
  }`;
  expect(await expectEqualBits(source, "f32", [2, 3, 7])).toBe(true);
  expect(await expectEqualBits(source, "f64", [3])).toBe(true);
});

// A costly epilogue on a product that is written out: only its rows can be divided.
test("a narrow product of parameters", async () => {
  const source = `model Narrow {
    input x: [N, 40]
    param a: [8, 8] ~ normal
    param b: [8, 8] ~ normal
    target y: [N, 8]
    z = dense(x, 8) @ mish(mish(a @ b))
    output z
    loss mse(z, y)
    optimizer sgd
  }`;
  expect(await expectEqualBits(source, "f32", [2, 3])).toBe(true);
  expect(await expectEqualBits(source, "f64", [2])).toBe(true);
});
