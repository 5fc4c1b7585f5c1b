import { describe, expect, test } from "vitest";
import { load, NndslError, type Net } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "../runtime/safetensors.ts";
import { fakeModule } from "./helpers/fake-module.ts";

const line = async (seed = 1, dtype: "f32" | "f64" = "f32"): Promise<Net> =>
  load(await fakeModule((manifest) => manifest, dtype), { seed });

const batch = { x: [1, 2, 3, 4], y: [1, 2] };

/** A file from a header as text and the bytes behind it. */
function file(header: string, body: readonly number[] = [], length?: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

const tensor = (dtype: string, shape: readonly number[], begin: number, end: number): string =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

describe("safetensors", () => {
  test("are read in each format of numbers", () => {
    const read = (dtype: string, bytes: readonly number[], count: number) =>
      Array.from(
        readSafetensors(file(`{"t":${tensor(dtype, [count], 0, bytes.length)}}`, bytes)).tensors.get("t")!
          .data,
      );
    // Bytes written out from IEEE 754 and two's complement.
    expect(read("F32", [0, 0, 128, 63, 0, 0, 192, 127], 2)).toEqual([1, NaN]);
    expect(read("F64", [0, 0, 0, 0, 0, 0, 240, 63], 1)).toEqual([1]);
    expect(read("F16", [0, 60, 0, 192, 1, 0, 0, 124, 0, 126, 255, 123], 6)).toEqual([
      1,
      -2,
      2 ** -24,
      Infinity,
      NaN,
      65504,
    ]);
    expect(read("BF16", [128, 63, 32, 193], 2)).toEqual([1, -10]);
    expect(read("I64", [255, 255, 255, 255, 255, 255, 255, 255], 1)).toEqual([-1]);
    expect(read("I32", [254, 255, 255, 255], 1)).toEqual([-2]);
    expect(read("U16", [1, 2], 1)).toEqual([513]);
    expect(read("U8", [7, 255], 2)).toEqual([7, 255]);
    expect(read("BOOL", [0, 1], 2)).toEqual([0, 1]);
  });

  test("are written as they are read, names and scalars and empty tensors too", () => {
    const tensors: [string, StoredTensor][] = [
      ["a.0.weight", { shape: [2, 2], data: new Float64Array([1, NaN, -Infinity, -0]) }],
      ["scalar", { shape: [], data: new Float32Array([0.5]) }],
      ["__proto__", { shape: [3], data: new Int32Array([1, -2, 3]) }],
      ['é "q" \\', { shape: [0, 4], data: new Uint8Array() }],
    ];
    const bytes = writeSafetensors(tensors, { note: "ünïcode" });
    const stored = readSafetensors(bytes);
    expect([...stored.tensors]).toEqual(tensors);
    expect(stored.metadata).toEqual({ note: "ünïcode" });
    expect(readSafetensors(new Uint8Array([9, ...bytes]).subarray(1)).tensors.size).toBe(4);
  });

  const f32 = (begin: number, end: number, count = 1) => tensor("F32", [count], begin, end);
  test.each<[string, RegExp, Uint8Array]>([
    ["nothing", /only 0 bytes/, new Uint8Array()],
    ["a header beyond the end", /claims a header/, file("{}", [], 3)],
    ["a huge header", /claims a header/, file("{}", [], 2 ** 52)],
    ["no JSON", /not JSON/, file("{")],
    ["bytes that are no text", /not JSON/, file("\u0000".repeat(4))],
    ["a list", /no JSON object/, file("[]")],
    ["a tensor that is no object", /`a` is no object/, file('{"a":1}')],
    ["an unknown dtype", /unknown dtype "F4"/, file(`{"a":${tensor("F4", [1], 0, 1)}}`, [0])],
    ["a dtype of Object's", /unknown dtype/, file(`{"a":${tensor("toString", [1], 0, 1)}}`, [0])],
    ["a negative size", /shape/, file(`{"a":${tensor("U8", [-1], 0, 1)}}`, [0])],
    ["a fractional size", /shape/, file(`{"a":${tensor("U8", [0.5], 0, 1)}}`, [0])],
    ["a shape for other bytes", /does not fit its 4 bytes/, file(`{"a":${f32(0, 4, 2)}}`, [0, 0, 0, 0])],
    ["sizes that overflow", /does not fit/, file(`{"a":${tensor("U8", [2 ** 32, 2 ** 32], 0, 1)}}`, [0])],
    ["offsets beyond the end", /outside/, file(`{"a":${f32(0, 4)}}`, [0])],
    ["offsets in reverse", /outside/, file(`{"a":${f32(4, 0)}}`, [0, 0, 0, 0])],
    ["three offsets", /outside/, file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}', [0])],
    ["no offsets", /outside/, file('{"a":{"dtype":"U8","shape":[1]}}', [0])],
    ["an overlap", /`b` overlaps/, file(`{"a":${f32(0, 4)},"b":${f32(2, 6)}}`, [0, 0, 0, 0, 0, 0])],
    ["a gap", /`b` follows a gap/, file(`{"a":${f32(0, 4)},"b":${f32(5, 9)}}`, Array(9).fill(0))],
    ["bytes of no tensor", /2 bytes at its end/, file(`{"a":${f32(0, 4)}}`, Array(6).fill(0))],
    ["a name twice", /name stands twice/, file(`{"a":${f32(0, 4)},"a" :${f32(0, 4)}}`, Array(4).fill(0))],
  ])("are refused with %s", async (_, message, bytes) => {
    const sound = expect.objectContaining({ code: "bad-weights", message: expect.stringMatching(message) });
    expect(() => readSafetensors(bytes)).toThrow(sound);
    const net = await line();
    expect(() => net.restore(bytes)).toThrow(NndslError);
  });

  test("cut short or with a bit turned never crash the reader", async () => {
    const net = await line();
    net.step(batch);
    const whole = net.save();
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length))).toThrow(NndslError);
    }
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bent = whole.slice();
      bent[bit >> 3]! ^= 1 << (bit & 7);
      try {
        readSafetensors(bent);
      } catch (error) {
        expect(error).toBeInstanceOf(NndslError);
      }
    }
  });
});

describe("save and restore", () => {
  /** The tensors and metadata of a trained net, some of them changed. */
  async function altered(
    change: (tensors: Map<string, StoredTensor>, metadata: Record<string, string>) => void,
  ): Promise<Uint8Array> {
    const net = await line(3);
    net.step(batch);
    const { tensors, metadata } = readSafetensors(net.save());
    const [map, about] = [new Map(tensors), { ...metadata }];
    change(map, about);
    return writeSafetensors(map, about);
  }

  test("name tensors as PyTorch does, with the optimizer's beside them", async () => {
    const net = await line(3);
    net.step(batch);
    const { tensors, metadata } = readSafetensors(net.save({ labels: "a,b" }));
    expect([...tensors.keys()]).toEqual(["z.weight", "z.bias", "optimizer.m.z.weight", "optimizer.m.z.bias"]);
    expect(tensors.get("z.weight")).toEqual(net.get("z.weight"));
    expect(metadata).toEqual({
      labels: "a,b",
      format: "pt",
      model: "Line",
      source: "0123",
      seed: "3",
      step: "1",
      optimizer: "momentum",
      hyper: '{"lr":0.1,"momentum":0.5}',
    });
  });

  test("take weights alone from a file of PyTorch's kind, and the optimizer begins afresh", async () => {
    const net = await line();
    for (let i = 0; i < 3; i++) net.step(batch);
    net.hyper["lr"] = 0.25;
    net.restore(
      writeSafetensors([
        ["z.bias", { shape: [1], data: new Float64Array([4]) }],
        ["z.weight", { shape: [1, 2], data: new Float32Array([2, 3]) }],
      ]),
    );
    expect(Array.from(net.get("z.weight").data)).toEqual([2, 3]);
    expect([net.steps, net.hyper["lr"], net.seed]).toEqual([0, 0.25, 1]);
    const states = readSafetensors(net.save()).tensors;
    expect(Array.from(states.get("optimizer.m.z.weight")!.data)).toEqual([0, 0]);
  });

  test("take weights from a net with another optimizer, or with another format of numbers", async () => {
    const trained = await line(3);
    trained.step(batch);
    const other = await load(
      await fakeModule((m) => ({ ...m, optimizer: { ...m.optimizer, name: "other" } })),
    );
    other.restore(trained.save());
    expect(other.get("z.weight")).toEqual(trained.get("z.weight"));
    expect(other.steps).toBe(0);
    const wide = await line(4, "f64");
    wide.restore(trained.save());
    expect(Array.from(wide.get("z.weight").data)).toEqual(Array.from(trained.get("z.weight").data));
    expect(wide.steps).toBe(1);
  });

  test("keep infinities, and refuse NaN, with which no training goes on", async () => {
    const [net, other] = [await line(), await line(2)];
    net.set("z.weight", [-Infinity, Infinity]);
    other.restore(net.save());
    expect(Array.from(other.get("z.weight").data)).toEqual([-Infinity, Infinity]);
    for (const name of ["z.bias", "optimizer.m.z.bias"]) {
      const { tensors, metadata } = readSafetensors(net.save());
      const bad = new Map([...tensors, [name, { shape: [1], data: new Float32Array([NaN]) }]]);
      const before = other.save();
      expect(() => other.restore(writeSafetensors(bad, metadata))).toThrow(
        expect.objectContaining({
          code: "bad-weights",
          message: expect.stringContaining(`\`${name}\` holds NaN`),
        }),
      );
      expect(other.save()).toEqual(before);
    }
  });

  test("do without frozen parameters", async () => {
    const net = await load(
      await fakeModule((m) => ({
        ...m,
        parameters: m.parameters.map((p) => ({ ...p, frozen: p.path === "z.bias" })),
      })),
    );
    net.set("z.bias", [3]);
    net.restore(writeSafetensors([["z.weight", { shape: [1, 2], data: new Float32Array([2, 3]) }]]));
    expect(Array.from(net.get("z.weight").data)).toEqual([2, 3]);
    expect(net.get("z.bias").data[0]).toBe(3);
  });

  test.each<[string, RegExp, Parameters<typeof altered>[0]]>([
    ["a parameter missing", /no `z.bias`; it holds: `z.weight`/, (t) => t.delete("z.bias")],
    ["a state missing", /no `optimizer.m.z.bias`/, (t) => t.delete("optimizer.m.z.bias")],
    [
      "another shape",
      /parameter `z.weight` needs shape \[1, 2\], not \[2, 1\]/,
      (t) => t.set("z.weight", { shape: [2, 1], data: new Float32Array(2) }),
    ],
    [
      "another model's tensor",
      /has `h.weight`, which Line does not have; its parameters: `z.weight`, `z.bias`/,
      (t) => t.set("h.weight", { shape: [1], data: new Float32Array(1) }),
    ],
    ["a wrong step", /`step`.*"-1"/, (_, m) => (m["step"] = "-1")],
    ["a wrong seed", /`seed`.*"x"/, (_, m) => (m["seed"] = "x")],
    ["other arguments", /optimizer arguments/, (_, m) => (m["hyper"] = '{"lr":0.1}')],
    ["arguments that are no numbers", /arguments/, (_, m) => (m["hyper"] = '{"lr":"0.1","momentum":0.5}')],
    ["arguments that are nothing", /arguments/, (_, m) => (m["hyper"] = "null")],
  ])("leave the net as it was where the file has %s", async (_, message, change) => {
    const net = await line(1);
    net.step(batch);
    const before = net.save();
    const bytes = await altered(change);
    expect(() => net.restore(bytes)).toThrow(
      expect.objectContaining({ code: "bad-weights", message: expect.stringMatching(message) }),
    );
    expect(net.save()).toEqual(before);
  });
});
