/**
 * Calls from JavaScript, where nothing holds a caller to the types: each is refused by an
 * `NndslError`, and the model is as it was.
 */
import binaryen from "binaryen";
import { describe, expect, test } from "vitest";
import { load, NndslError, type ErrorCode, type Net } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors } from "../runtime/safetensors.ts";
import { fakeManifest, fakeModule, bareModule, withSection } from "./helpers/fake-module.ts";

const x = [1, 2, 3, 4];
const y = [1, 2];
const throwing = {
  toString(): string {
    throw new Error("mine");
  },
};
const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};
const detached = (): Float32Array => {
  const array = new Float32Array(4);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
};
const hole = (length: number): unknown[] => {
  const list: unknown[] = [];
  list.length = length;
  return list;
};

/** The error's code; anything but an NndslError fails the test. */
async function codeOf(call: () => unknown): Promise<ErrorCode | null> {
  try {
    await call();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(NndslError);
    return (error as NndslError).code;
  }
}

type Untyped = Record<string, (...given: readonly unknown[]) => unknown> & {
  hyper: Record<PropertyKey, unknown>;
};

test.each<[string, ErrorCode, (net: Untyped) => unknown]>([
  ["options that are null", "wrong-option", (net) => net["fit"]!({ x, y }, null)],
  ["options that are a number", "wrong-option", (net) => net["fit"]!({ x, y }, 5)],
  ["an unknown option", "wrong-option", (net) => net["fit"]!({ x, y }, { batchSize: 2 })],
  ["another", "wrong-option", (net) => net["fit"]!({ x, y }, { epoch: 2 })],
  ["learningRate", "wrong-option", (net) => net["fit"]!({ x, y }, { learningRate: 0.1 })],
  ["onStep that is no function", "wrong-option", (net) => net["fit"]!({ x, y }, { onStep: 5 })],
  ["onEpoch that is no function", "wrong-option", (net) => net["fit"]!({ x, y }, { onEpoch: {} })],
  ["a signal that is none", "wrong-option", (net) => net["fit"]!({ x, y }, { signal: {} })],
  ["shuffle that is text", "wrong-option", (net) => net["fit"]!({ x, y }, { shuffle: "no" })],
  ["a symbol for epochs", "wrong-option", (net) => net["fit"]!({ x, y }, { epochs: Symbol("e") })],
  ["a bigint for a batch", "wrong-option", (net) => net["fit"]!({ x, y }, { batch: 1n })],
  ["a throwing toString", "wrong-option", (net) => net["fit"]!({ x, y }, { seed: throwing })],
  ["options that are revoked", "wrong-option", (net) => net["fit"]!({ x, y }, revoked({}))],
  ["examples that are null", "wrong-type", (net) => net["fit"]!(null)],
  ["an array in place of names", "wrong-type", (net) => net["predict"]!(new Float32Array(4))],
  ["inputs that are revoked", "wrong-type", (net) => net["step"]!(revoked({ x, y }))],
  ["an input that is revoked", "wrong-type", (net) => net["step"]!({ x: revoked([]), y })],
  ["a detached array", "empty-batch", (net) => net["step"]!({ x: detached(), y })],
  ["a symbol", "wrong-type", (net) => net["step"]!({ x: Symbol("x"), y })],
  ["a symbol in a list", "wrong-type", (net) => net["step"]!({ x: [1, 2, 3, Symbol("x")], y })],
  ["an object in a list", "wrong-type", (net) => net["step"]!({ x: [1, 2, 3, throwing], y })],
  ["a sparse array", "wrong-type", (net) => net["step"]!({ x: hole(4), y })],
  ["a huge length", "batch-mismatch", (net) => net["step"]!({ x: hole(2 ** 32 - 2), y })],
  [
    "a shape without end",
    "wrong-size",
    (net) => net["step"]!({ x: { data: x, shape: hole(2 ** 32 - 1) }, y }),
  ],
  ["a DataView", "wrong-type", (net) => net["step"]!({ x: new DataView(new ArrayBuffer(16)), y })],
  [
    "a getter that throws",
    "wrong-type",
    (net) =>
      net["step"]!({
        get x() {
          throw new Error("mine");
        },
        y,
      }),
  ],
  [
    "a getter that steps",
    "busy",
    (net) =>
      net["step"]!({
        x,
        get y() {
          net["predict"]!({ x });
          return y;
        },
      }),
  ],
  [
    "a getter that disposes",
    "disposed",
    (net) =>
      net["predict"]!({
        get x() {
          net["dispose"]!();
          return x;
        },
      }),
  ],
  ["a symbol for a path", "unknown-parameter", (net) => net["get"]!(Symbol("w"))],
  ["an object for a path", "unknown-parameter", (net) => net["view"]!(throwing)],
  ["nothing for a path", "unknown-parameter", (net) => net["set"]!(undefined, [1])],
  ["a value that throws", "wrong-type", (net) => net["set"]!("z.bias", [throwing])],
  ["into a number", "wrong-type", (net) => net["predict"]!({ x }, 5)],
  ["into a detached array", "wrong-size", (net) => net["predict"]!({ x }, { p: detached() })],
  ["hyper that is a symbol", "not-a-number", (net) => (net.hyper["lr"] = Symbol("lr"))],
  ["hyper that throws", "not-a-number", (net) => (net.hyper["lr"] = throwing)],
  ["hyper by a symbol", "unknown-hyper", (net) => (net.hyper[Symbol("lr")] = 1)],
  ["a seed of a bigint", "wrong-option", (net) => net["reset"]!(1n)],
  ["metadata that are no strings", "wrong-option", (net) => net["save"]!({ epoch: 5n })],
  ["metadata that are revoked", "wrong-option", (net) => net["save"]!(revoked({}))],
  ["weights that are nothing", "bad-weights", (net) => net["restore"]!(undefined)],
  ["weights that are a number", "bad-weights", (net) => net["restore"]!(1e12)],
  ["weights that are detached", "bad-weights", (net) => net["restore"]!(detached())],
])("%s: %s", async (_, code, call) => {
  const net = await load(await fakeModule(), { seed: 1 });
  const before = net.save();
  // Deliberately untyped: what a caller without types might give.
  expect(await codeOf(() => call(net as unknown as Untyped))).toBe(code);
  if (code !== "disposed") expect(net.save()).toEqual(before);
});

test.each<[string, ErrorCode, () => unknown]>([
  ["options that are null", "wrong-option", async () => load(await fakeModule(), null as never)],
  ["an unknown option", "wrong-option", async () => load(await fakeModule(), { thread: 2 } as never)],
  [
    "a symbol for a seed",
    "wrong-option",
    async () => load(await fakeModule(), { seed: Symbol("s") } as never),
  ],
  ["a source that is a symbol", "not-a-module", () => load(Symbol("m") as never)],
  ["a source that is rejected", "fetch-failed", () => load(Promise.reject(new TypeError("fetch failed")))],
])("load with %s: %s", async (_, code, call) => {
  expect(await codeOf(call)).toBe(code);
});

test("an unknown option is told which there are", async () => {
  const net = await load(await fakeModule());
  await expect(net.fit({ x, y }, { batchSize: 4 } as never)).rejects.toThrow(/`batchSize`.*`batch`/);
});

test("a list is read once, whatever its getters say afterwards", async () => {
  const net = await load(await fakeModule());
  let reads = 0;
  const list = new Proxy(x, {
    get: (target, name) => (name === "3" && reads++ > 0 ? NaN : Reflect.get(target, name)),
  });
  expect(net.predict({ x: list })).toEqual(net.predict({ x }));
  expect(reads).toBe(1);
});

test("arrays of shared and of resizable memory are taken as they are at the call", async () => {
  const net = await load(await fakeModule());
  const shared = new Float32Array(new SharedArrayBuffer(16));
  shared.set(x);
  // Of ES2024, which the types that we check with do not know.
  const Resizable = ArrayBuffer as unknown as new (
    size: number,
    most: object,
  ) => ArrayBuffer & {
    resize(size: number): void;
  };
  const resizable = new Resizable(16, { maxByteLength: 64 });
  const tracking = new Float32Array(resizable);
  tracking.set(x);
  expect(net.predict({ x: shared })).toEqual(net.predict({ x }));
  expect(net.predict({ x: tracking })).toEqual(net.predict({ x }));
  resizable.resize(24);
  expect(net.predict({ x: tracking })["p"]!.shape).toEqual([3, 1]);
});

test("the manifest cannot be changed after it has been checked", async () => {
  const net = await load(await fakeModule());
  expect(() => (net.manifest.inputs as unknown[]).pop()).toThrow(TypeError);
  expect(net.step({ x, y })).toBeGreaterThan(0);
});

test("no name is special", async () => {
  const bytes = await fakeModule((manifest) => ({
    ...manifest,
    outputs: manifest.outputs.map((output) => ({ ...output, name: "__proto__" })),
    metrics: manifest.metrics.map((metric) => ({ ...metric, name: "__proto__" })),
  }));
  const net: Net = await load(bytes);
  expect(Object.keys(net.predict({ x }))).toEqual(["__proto__"]);
  expect(Object.keys(net.evaluate({ x, y }).metrics)).toEqual(["__proto__"]);
  const metadata = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>;
  const stored = readSafetensors(net.save(metadata)).metadata;
  expect(Object.entries(stored)).toEqual(expect.arrayContaining(Object.entries(metadata)));
  const one = { shape: [1], data: new Float32Array(1) };
  expect(() => writeSafetensors([["__metadata__", one]])).toThrow(NndslError);
  expect(() =>
    writeSafetensors([
      ["a", one],
      ["a", one],
    ]),
  ).toThrow(NndslError);
});

describe("manifests that are damaged", () => {
  /** Every value of the manifest in turn becomes each of these, or is left out. */
  const others = [
    null,
    true,
    "text",
    -1,
    0.5,
    1e18,
    [],
    {},
    [[]],
    { fixed: -4 },
    { rows: 1e9 },
    { fixed: "0" },
    undefined,
  ];

  function* mutants(value: unknown): Generator<unknown> {
    yield* others;
    if (typeof value !== "object" || value === null) return;
    for (const name of Object.keys(value)) {
      const part: unknown = Reflect.get(value, name);
      for (const mutant of mutants(part)) {
        yield Array.isArray(value)
          ? value.map((entry: unknown, i) => (String(i) === name ? mutant : entry))
          : { ...value, [name]: mutant };
      }
    }
  }

  test("are refused, or make a net that works", async () => {
    const bare = await bareModule();
    const counts = { refused: 0, works: 0 };
    for (const manifest of mutants(fakeManifest())) {
      const code = await codeOf(async () => {
        const net = await load(withSection(bare, "nndsl", JSON.stringify(manifest) ?? ""));
        net.save();
        net.predict({ x });
        net.step({ x, y });
        await net.fit({ x, y });
        net.restore(net.save());
      });
      counts[code === null ? "works" : "refused"]++;
    }
    expect(counts.refused + counts.works).toBeGreaterThan(1000);
    expect(counts.refused).toBeGreaterThan(counts.works);
  });
});

test("a module that traps, or lacks what it must export, is refused", async () => {
  const text = (predict: string) => `(module
    (memory (export "memory") 1)
    (global (export "arena") i32 (i32.const 0))
    (global (export "capacity") i32 (i32.const 4))
    (global (export "seed") i32 (i32.const 0))
    (func (export "reserve") (param i32) (result i32) (i32.const 1))
    (func (export "initialize") (param i32))
    (func (export "step") (param i32) (result i64) (i64.const 7))
    ${predict})`;
  const make = (predict: string) => {
    const module = binaryen.parseText(text(predict));
    return load(withSection(module.emitBinary(), "nndsl", JSON.stringify(fakeManifest())));
  };
  const trapping = await make('(func (export "predict") (param i32) unreachable)');
  expect(await codeOf(() => trapping.predict({ x }))).toBe("module-failed");
  expect(trapping.step({ x, y })).toBe(7);
  const lacking = await make('(global (export "predict") i32 (i32.const 0))');
  expect(await codeOf(() => lacking.predict({ x }))).toBe("module-failed");
});
