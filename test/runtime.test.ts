import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, describe, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { loadWith } from "../runtime/load.ts";
import { startThreads } from "../runtime/threads.ts";
import { load, NndslError, type ErrorCode, type Net } from "../runtime/index.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { bundleRuntime } from "../scripts/bundle-runtime.ts";
import { bareModule, fakeManifest, fakeModule, withSection } from "./helpers/fake-module.ts";

const line = async (seed = 1, dtype: "f32" | "f64" = "f32"): Promise<Net> =>
  load(await fakeModule((manifest) => manifest, dtype), { seed });

/** The module with its target declared as labels of three classes. */
const labeled = async (about: Partial<Manifest["inputs"][number]> = {}): Promise<Net> =>
  load(
    await fakeModule((manifest) => ({
      ...manifest,
      inputs: manifest.inputs.map((input) =>
        input.role === "target" ? { ...input, dtype: "int", shape: ["N"], classes: 3, ...about } : input,
      ),
    })),
  );

/** y = 2 x₀ - 3 x₁ + 1, exactly. */
function examples(rows: number): { x: Float32Array; y: Float32Array } {
  const x = Float32Array.from({ length: rows * 2 }, (_, i) => ((i * 37) % 17) / 8 - 1);
  return { x, y: Float32Array.from({ length: rows }, (_, i) => 2 * x[2 * i]! - 3 * x[2 * i + 1]! + 1) };
}

/** The error that a call ends with. */
async function refusal(call: () => unknown): Promise<NndslError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof NndslError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

describe("load", () => {
  test("takes bytes, buffers, modules, responses, addresses and promises of them", async () => {
    const bytes = await fakeModule();
    const file = join(tmpdir(), `nndsl-${process.pid}.wasm`);
    writeFileSync(file, bytes);
    const server = createServer((_, response) => response.end(bytes)).listen(0);
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    try {
      const sources = [
        bytes,
        bytes.buffer,
        new Uint8Array([1, 2, 3, ...bytes]).subarray(3),
        await WebAssembly.compile(bytes),
        new Response(bytes),
        Promise.resolve(new Response(bytes)),
        pathToFileURL(file),
        new URL(`http://localhost:${port}/m.wasm`),
      ];
      for (const source of sources) expect((await load(source)).manifest.model).toBe("Line");
    } finally {
      server.close();
      rmSync(file);
    }
  });

  test.each<[string, ErrorCode, () => unknown]>([
    ["text", "not-a-module", () => new TextEncoder().encode("hello")],
    ["nothing", "not-a-module", () => undefined],
    ["an address as text", "not-a-module", () => "./model.wasm"],
    ["a module of others", "not-a-module", bareModule],
    ["a broken manifest", "not-a-module", async () => withSection(await bareModule(), "nndsl", "{")],
    ["a later format", "wrong-version", () => fakeModule((manifest) => ({ ...manifest, version: 2 }))],
    [
      "probes that no export leaves",
      "not-a-module",
      () => {
        const probe = { path: "h", callee: "dense", units: 1, places: {}, gradients: {}, updates: {} };
        return fakeModule((manifest) => ({ ...manifest, probes: [probe] }));
      },
    ],
    ["a missing file", "fetch-failed", () => new URL("file:///nowhere/m.wasm")],
    ["a missing page", "fetch-failed", () => new Response("", { status: 404 })],
  ])("refuses %s", async (_, code, source) => {
    // Deliberately untyped: what a caller without types might give.
    expect(await refusal(async () => load((await source()) as never))).toMatchObject({ code });
  });

  test("gives every net a memory of its own, drawn from its seed", async () => {
    const [a, b, c] = [await line(1), await line(1), await line(2)];
    expect(a.get("z.weight")).toEqual(b.get("z.weight"));
    expect(a.get("z.weight")).not.toEqual(c.get("z.weight"));
    a.set("z.bias", [5]);
    expect(b.get("z.bias").data[0]).toBe(0);
    expect(await refusal(() => line(-1))).toMatchObject({ code: "wrong-option" });
  });
});

describe.each(["f32", "f64"] as const)("running in %s", (dtype) => {
  const room = (size: number) => (dtype === "f64" ? new Float64Array(size) : new Float32Array(size));

  test("predicts from typed arrays, flat and nested lists, and tensors alike", async () => {
    const net = await line(1, dtype);
    net.set("z.weight", [[2, -3]]);
    net.set("z.bias", [1]);
    const expected = { p: { data: room(2), shape: [2, 1] } };
    expected.p.data.set([-3, 5]);
    for (const x of [
      new Float32Array([1, 2, 2, 0]),
      new Float64Array([1, 2, 2, 0]),
      new Int8Array([1, 2, 2, 0]),
      new BigInt64Array([1n, 2n, 2n, 0n]),
      [1, 2, 2, 0],
      [
        [1, 2],
        [2, 0],
      ],
      [new Float32Array([1, 2]), [2, 0]],
      { data: [1, 2, 2, 0], shape: [2, 2] },
    ]) {
      expect(net.predict({ x })).toEqual(expected);
    }
  });

  test("gives copies, and fills arrays that are given", async () => {
    const net = await line(1, dtype);
    const { p } = net.predict({ x: [1, 2] });
    const before = Array.from(p!.data);
    const into = { p: room(5).fill(9) };
    expect(net.predict({ x: [3, 4, 5, 6] }, into)).toBe(into);
    expect(Array.from(p!.data)).toEqual(before);
    expect(Array.from(into.p.subarray(0, 2))).toEqual(Array.from(net.predict({ x: [3, 4, 5, 6] }).p!.data));
    expect(Array.from(into.p.subarray(2))).toEqual([9, 9, 9]);
    expect(await refusal(() => net.predict({ x: [1, 2, 3, 4] }, { p: room(1) }))).toMatchObject({
      code: "wrong-size",
    });
    expect(await refusal(() => net.predict({ x: [1, 2] }, { q: room(1) }))).toMatchObject({
      code: "unknown-output",
    });
  });

  test("has the loss, its gradients and metrics of the formula", async () => {
    const net = await line(1, dtype);
    net.set("z.weight", [1, 1]);
    net.set("z.bias", [0]);
    const batch = { x: [1, 2, 3, 5], y: [2, 4] };
    // p = 3, 8; differences 1, 4; d = 1, 4.
    expect(net.loss(batch)).toBeCloseTo(17 / 2, 6);
    expect(net.evaluate(batch).metrics["r2"]).toBeCloseTo(1 - 8.5, 6);
    const { loss, gradients } = net.gradients(batch);
    expect(loss).toBeCloseTo(8.5, 6);
    expect(Array.from(gradients["z.weight"]!.data)).toEqual([1 + 12, 2 + 20]);
    expect(gradients["z.bias"]).toEqual({ data: room(1).fill(5), shape: [1] });
    expect(net.steps).toBe(0);
    expect(net.step(batch)).toBeCloseTo(8.5, 6);
    expect(net.get("z.weight").data[0]).toBeCloseTo(1 - 0.1 * 13, 6);
    expect(net.steps).toBe(1);
  });

  test("takes views of its own memory, which change with every step and move when it grows", async () => {
    const [viewed, copied] = [await line(), await line()];
    await viewed.fit({ x: viewed.view("z.weight"), y: [5] }, { epochs: 3 });
    await copied.fit({ x: copied.get("z.weight").data, y: [5] }, { epochs: 3 });
    expect(viewed.save()).toEqual(copied.save());

    const all = new Float32Array(viewed.view("z.weight").buffer);
    const rows = all.length / 2;
    expect(viewed.predict({ x: all }).p!.shape).toEqual([rows, 1]);
    expect(all.length).toBe(0);
  });

  test("keeps its state while the memory grows", async () => {
    const net = await line(1, dtype);
    const { p: small } = net.predict({ x: [1, 2] });
    const weight = net.get("z.weight");
    const view = net.view("z.weight");
    net.predict({ x: new Float32Array(2 * 100_000) });
    expect(view.length).toBe(0);
    expect(net.get("z.weight")).toEqual(weight);
    expect(net.predict({ x: [1, 2] }).p).toEqual(small);
    net.view("z.bias")[0] = 7;
    expect(net.get("z.bias").data[0]).toBe(7);
  });

  test("trains, and comes back from its file to the same next step", async () => {
    const net = await line(1, dtype);
    net.hyper["lr"] = 0.05;
    for (let i = 0; i < 10; i++) net.step(examples(8));
    const other = await line(2, dtype);
    other.restore(net.save());
    expect(other.save()).toEqual(net.save());
    expect({ ...other.hyper, steps: other.steps, seed: other.seed }).toEqual({
      lr: 0.05,
      momentum: 0.5,
      steps: 10,
      seed: 1,
    });
    expect(other.step(examples(8))).toBe(net.step(examples(8)));
    expect(other.save()).toEqual(net.save());
  });
});

describe("wrong input", () => {
  const x = [1, 2, 3, 4];
  const y = [1, 2];
  const ring: unknown[] = [];
  ring.push(ring);
  test.each<[string, ErrorCode, RegExp, unknown]>([
    ["no inputs at all", "missing-input", /Input `x`/, {}],
    ["inputs that are no object", "wrong-type", /by name/, null],
    ["no target", "missing-input", /Target `y`/, { x }],
    ["a name of Object's", "missing-input", /`x`/, Object.create({ x })],
    ["an unknown name", "unknown-input", /`z`.*`x`, `y`/, { x, y, z: 1 }],
    [
      "a length that does not divide",
      "wrong-size",
      /\[N, 2\].*5 numbers.*multiple of 2/,
      { x: [1, 2, 3, 4, 5], y },
    ],
    ["another shape", "wrong-size", /\[N, 2\], not \[1, 4\]/, { x: { data: x, shape: [1, 4] }, y }],
    ["too deep a shape", "wrong-size", /not \[1, 1, 2\]/, { x: [[[1, 2]]], y }],
    ["a list that holds itself", "wrong-size", /not \[1, 1, 1\]/, { x: ring, y }],
    ["a shape with other data", "wrong-size", /holds 3/, { x: { data: [1, 2, 3], shape: [2, 2] }, y }],
    ["a ragged list", "wrong-size", /ragged: row 1 has 1 where others have 2/, { x: [[1, 2], [3]], y }],
    ["a string", "wrong-type", /"hello"/, { x: "hello", y }],
    ["a string in a list", "wrong-type", /row 1 has "3"/, { x: [1, 2, "3", 4], y }],
    [
      "a hole in a nested list",
      "wrong-type",
      /row 1 has undefined/,
      {
        x: [
          [1, 2],
          [3, undefined],
        ],
        y,
      },
    ],
    ["a function", "wrong-type", /a function/, { x: () => x, y }],
    ["no rows", "empty-batch", /`x`/, { x: [], y: [] }],
    ["unequal batches", "batch-mismatch", /`x` has 2 rows and `y` has 3/, { x, y: [1, 2, 3] }],
  ])("%s", async (_, code, message, given) => {
    const net = await line();
    const before = net.save();
    for (const call of ["step", "loss", "gradients", "evaluate"] as const) {
      // Deliberately untyped: what a caller without types might give.
      const error = await refusal(() => net[call](given as never));
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect((await refusal(() => net.fit(given as never))).code).toBe(code);
    expect(net.save()).toEqual(before);
    expect(net.step({ x, y })).toBeGreaterThan(0);
  });

  test.each<[string, ErrorCode, RegExp, number[]]>([
    ["NaN", "not-a-number", /target `y`.*row 1 has NaN/, [0, NaN]],
    ["too great", "label-out-of-range", /from 0 to 2; row 1 has 3/, [2, 3]],
    ["negative", "label-out-of-range", /row 0 has -1/, [-1, 0]],
    ["no integer", "wrong-type", /row 0 has 0.5/, [0.5, 0]],
  ])("a label that is %s", async (_, code, message, labels) => {
    const net = await labeled();
    for (const target of [labels, new Float32Array(labels)]) {
      const error = await refusal(() => net.step({ x, y: target }));
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect(net.step({ x, y: new Uint8Array([0, 2]) })).toBeGreaterThan(0);
  });

  test("integers without classes must be exact in the module's format", async () => {
    const unbounded = await load(
      await fakeModule((m) => ({ ...m, inputs: m.inputs.map((i) => ({ ...i, dtype: "int" })) })),
    );
    expect(unbounded.step({ x, y: [-5, 2 ** 24] })).toBeGreaterThan(0);
    expect(await refusal(() => unbounded.step({ x, y: [0, 2 ** 24 + 1] }))).toMatchObject({
      code: "label-out-of-range",
    });
  });

  test("booleans are true and false, 1 and 0", async () => {
    const net = await labeled({ dtype: "bool" });
    expect(net.loss({ x, y: [[true, false]].flat() as never })).toBe(net.loss({ x, y: [1, 0] }));
    expect(await refusal(() => net.loss({ x, y: [2, 0] }))).toMatchObject({ code: "label-out-of-range" });
  });

  test("a model beyond all memory is refused as it starts", async () => {
    // A start function that is `unreachable`: what a compiled module comes to where memory for its
    // fixed part is not to be had.
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const trap = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 0x0b];
    const manifest = JSON.stringify(fakeManifest());
    const source = withSection(Uint8Array.from([...header, ...trap]), "nndsl", manifest);
    await expect(load(source)).rejects.toMatchObject({ code: "out-of-memory" });
  });

  test("a batch beyond all memory leaves the net as it was", async () => {
    const net = await load(await fakeModule((m) => ({ ...m, arena: { ...m.arena, perRow: 2 ** 30 } })));
    const before = net.save();
    expect(await refusal(() => net.step(examples(8)))).toMatchObject({ code: "out-of-memory" });
    expect(net.save()).toEqual(before);
  });
});

describe("parameters and arguments of the optimizer", () => {
  test("are refused where wrong", async () => {
    const net = await line();
    for (const call of [() => net.get("z"), () => net.set("z", [1]), () => net.view("z")]) {
      expect(await refusal(call)).toMatchObject({
        code: "unknown-parameter",
        message: /`z.weight`, `z.bias`, `optimizer.m.z.weight`/,
      });
    }
    expect(await refusal(() => net.set("z.weight", [1, 2, 3]))).toMatchObject({ code: "wrong-size" });
    expect(await refusal(() => net.set("z.weight", [[1], [2]]))).toMatchObject({ code: "wrong-size" });
    expect(await refusal(() => (net.hyper["lr"] = NaN))).toMatchObject({ code: "not-a-number" });
    expect(await refusal(() => (net.hyper["rate"] = 1))).toMatchObject({
      code: "unknown-hyper",
      message: expect.stringContaining("`lr`, `momentum`"),
    });
    expect(net.hyper).toEqual({ lr: 0.1, momentum: 0.5 });
  });

  test("are read as they were set, and act", async () => {
    const net = await line();
    net.hyper["lr"] = 1e-4;
    expect(net.hyper["lr"]).toBe(1e-4);
    const weight = net.get("z.weight").data[0]!;
    const gradient = net.gradients(examples(4)).gradients["z.weight"]!.data[0]!;
    net.step(examples(4));
    expect(net.get("z.weight").data[0]).toBeCloseTo(weight - 1e-4 * gradient, 6);
    net.reset();
    expect(net.hyper["lr"]).toBe(0.1);
    expect(net.get("z.weight").data[0]).toBe(weight);
  });
});

test("a model says what it does not have", async () => {
  const net = await load(
    await fakeModule((m) => ({
      ...m,
      loss: false,
      optimizer: null,
      inputs: m.inputs.slice(0, 1),
      metrics: [],
    })),
  );
  for (const call of ["loss", "gradients"] as const) {
    expect(await refusal(() => net[call]({ x: [1, 2] }))).toMatchObject({ code: "no-loss" });
  }
  expect(net.evaluate({ x: [1, 2] }).loss).toBeNaN();
  expect(net.hyper).toEqual({});
});

test("a size may be a multiple of the free dimension", async () => {
  const net = await load(
    await fakeModule((m) => ({
      ...m,
      inputs: m.inputs.map((i) => (i.role === "input" ? { ...i, shape: ["2·N"] } : i)),
      outputs: m.outputs.map((o) => ({ ...o, shape: ["N", 1] })),
    })),
  );
  expect(net.predict({ x: [1, 2, 3, 4] }).p!.shape).toEqual([2, 1]);
  expect(net.predict({ x: { data: [1, 2, 3, 4], shape: [4] } }).p!.shape).toEqual([2, 1]);
  expect(await refusal(() => net.predict({ x: { data: [1, 2, 3], shape: [3] } }))).toMatchObject({
    code: "wrong-size",
    message: expect.stringContaining("[2·N]"),
  });
});

test("a model without a free dimension takes exactly one row", async () => {
  const { wasm } = await compile(`model Fixed {
    input x: [2]
    target y: [1]
    param w: [2] ~ uniform(0, 1)
    param b: [1] ~ zeros
    q = sum(w * x) + b
    output p = sum(q)
    loss mean((q - y)^2)
    optimizer sgd(lr = 0.1)
  }`);
  const net = await load(wasm);
  expect(net.predict({ x: [1, 2] }).p!.shape).toEqual([]);
  expect(await refusal(() => net.predict({ x: [1, 2, 3, 4] }))).toMatchObject({ code: "wrong-size" });
  expect((await net.fit({ x: [1, 2], y: [1] }, { epochs: 20 })).history.at(-1)!.loss).toBeLessThan(0.01);
});

test("after dispose every call is refused, and dispose may be repeated", async () => {
  const net = await line();
  net.dispose();
  net.dispose();
  const calls: (() => unknown)[] = [
    () => net.predict({ x: [1, 2] }),
    () => net.loss(examples(1)),
    () => net.step(examples(1)),
    () => net.evaluate(examples(1)),
    () => net.gradients(examples(1)),
    () => net.fit(examples(1)),
    () => net.get("z.bias"),
    () => net.set("z.bias", [1]),
    () => net.view("z.bias"),
    () => net.hyper["lr"],
    () => (net.hyper["lr"] = 1),
    () => net.save(),
    () => net.restore(new Uint8Array()),
    () => net.reset(),
    () => net.seed,
    () => net.steps,
    () => net.probe(examples(1)),
  ];
  for (const call of calls) expect((await refusal(call)).code).toBe("disposed");
});

test("the runtime is at most 11.66 KB, minified and gzipped, and uses neither eval nor imports", async () => {
  const text = await bundleRuntime();
  expect(gzipSync(text).length).toBeLessThanOrEqual(11_660);
  // An engine prints the line of an uncaught error.
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(1000);
  expect(text).not.toMatch(/\beval\s*\(|\bFunction\s*\(|\bimport\b|\brequire\b/);
});

test("a NAME.js loads no module of another compilation", async () => {
  const bytes = await fakeModule((manifest) => ({ ...manifest, build: "new" }));
  const loaded = (build?: string) => loadWith(async () => ({ startThreads }), bytes, {}, build);
  await expect(loaded("old")).rejects.toMatchObject({ code: "wrong-build" });
  expect((await loaded("new")).manifest.build).toBe("new");
  expect((await loaded()).manifest.build).toBe("new");
});

test("every error code stands in a test and in the reference", () => {
  const types = readFileSync(new URL("../runtime/types.ts", import.meta.url), "utf8");
  const union = /type ErrorCode =([^;]*);/.exec(types)?.[1] ?? "";
  const codes = Array.from(union.matchAll(/"([\w-]+)"/g), ([, code]) => code!);
  const tests = [
    "runtime.test.ts",
    "runtime-hostile.test.ts",
    "runtime-fit.test.ts",
    "runtime-weights.test.ts",
    "runtime-threads.test.ts",
    "probe.test.ts",
  ]
    .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
    .join("");
  // An engine without SIMD is not to be had here.
  const untested = codes.filter((code) => code !== "no-simd" && !tests.includes(`"${code}"`));
  expect(untested).toEqual([]);
  const reference = readFileSync(new URL("../docs/runtime.md", import.meta.url), "utf8");
  const described = Array.from(reference.matchAll(/^\| `([\w-]+)` +\|/gm), ([, code]) => code!);
  expect(described).toEqual(codes);
  expect(codes.length).toBeGreaterThan(20);
});

test("types hold names and shapes", async () => {
  type Line = {
    dtype: "f32";
    inputs: { x: readonly [number, 2] };
    targets: { y: readonly [number, 1] };
    outputs: { p: readonly [number, 1] };
    parameters: { "z.weight": readonly [1, 2]; "z.bias": readonly [1] };
    states: {};
    frozen: never;
    metrics: "r2";
    hyper: "lr" | "momentum";
  };
  const net = await load<Line>(await fakeModule());
  const data: Float32Array = net.predict({ x: [[1, 2]] }).p.data;
  const [rows]: readonly [number, 1] = net.predict({ x: [1, 2] }).p.shape;
  expect([data.length, rows, net.hyper.lr, net.get("z.bias").shape[0]]).toEqual([1, 1, 0.1, 1]);
  const [, columns]: readonly [1, 2] = net.get("optimizer.m.z.weight").shape;
  expect([columns, net.view("optimizer.m.z.weight").length]).toEqual([2, 2]);
  const wrong: (() => unknown)[] = [
    // @ts-expect-error a name that the model has not
    () => net.predict({ z: [1, 2] }),
    // @ts-expect-error a target is missing
    () => net.step({ x: [1, 2] }),
    // @ts-expect-error one list too deep
    () => net.predict({ x: [[[1, 2]]] }),
    // @ts-expect-error a path that the model has not
    () => net.get("weight"),
    // @ts-expect-error what the optimizer keeps of a path that the model has not
    () => net.get("optimizer.m.weight"),
    // @ts-expect-error an argument that the optimizer has not
    () => (net.hyper.rate = 1),
  ];
  for (const call of wrong) expect(await refusal(call)).toBeInstanceOf(NndslError);
});
