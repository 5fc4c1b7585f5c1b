/** Several threads on one memory: the same bits as one, and honest answers where there can be only one or one is lost. */
import workerThreads from "node:worker_threads";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load, type Net } from "../runtime/index.ts";

const source = `model Wide {
  input x: [N, 40]
  target y: int[N]
  h = x |> dense(96, tanh) |> dropout(0.2) |> dense(64, gelu)
  logits = dense(h, 10)
  output p = softmax(logits)
  loss cross_entropy(logits, y)
  metric accuracy(logits, y)
  optimizer adam(lr = 0.01)
}`;
const rows = 53;
const x = Float32Array.from({ length: rows * 40 }, (_, i) => Math.sin(i * 0.37));
const y = Int32Array.from({ length: rows }, (_, i) => i % 10);

let wasm: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  wasm = (await compile(source)).wasm;
});

describe.each([2, 3, 5])("%i threads", (threads) => {
  test("train, predict and evaluate to the same bits as one", async () => {
    const one = await load(wasm, { seed: 3 });
    const many = await load(wasm, { seed: 3, threads });
    expect(many.threads).toEqual({ count: threads, reason: null });
    for (const net of [one, many]) {
      for (let i = 0; i < 5; i++) net.step({ x, y });
      await net.fit({ x, y }, { epochs: 4, batch: 7 });
    }
    expect(many.save()).toEqual(one.save());
    expect(many.predict({ x })).toEqual(one.predict({ x }));
    expect(many.evaluate({ x, y })).toEqual(one.evaluate({ x, y }));
    expect(many.gradients({ x, y })).toEqual(one.gradients({ x, y }));
    one.dispose();
    many.dispose();
  });
});

test("a larger batch than before makes the shared memory grow", async () => {
  const one = await load(wasm);
  const two = await load(wasm, { threads: 2 });
  const many = 20_000;
  const large = Float32Array.from({ length: many * 40 }, (_, i) => Math.cos(i * 0.11));
  two.predict({ x });
  expect(two.predict({ x: large })).toEqual(one.predict({ x: large }));
  two.dispose();
});

/** The threads that `start` starts. */
async function threadsOf(start: () => Promise<unknown>): Promise<workerThreads.Worker[]> {
  const { Worker } = workerThreads;
  const started: workerThreads.Worker[] = [];
  // The runtime asks for the class when it starts a thread.
  workerThreads.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this);
    }
  };
  await start();
  workerThreads.Worker = Worker;
  return started;
}

test("dispose leaves no thread behind", async () => {
  let net: Net | undefined;
  const threads = await threadsOf(async () => (net = await load(wasm, { threads: 4 })));
  net?.step({ x, y });
  expect(threads.every(({ threadId }) => threadId > 0)).toBe(true);
  net?.dispose();
  net?.dispose();
  // Of a thread that has ended.
  await expect.poll(() => threads.map(({ threadId }) => threadId)).toEqual([-1, -1, -1]);
});

test("a thread that ends makes the call fail with a code, and those after it", async () => {
  let net: Net | undefined;
  const [thread] = await threadsOf(async () => (net = await load(wasm, { threads: 2 })));
  net?.step({ x, y });
  const training = net?.fit({ x, y }, { epochs: 1000, onEpoch: () => thread?.terminate() });
  await expect(training).rejects.toMatchObject({ code: "worker-failed" });
  expect(() => net?.step({ x, y })).toThrow(expect.objectContaining({ code: "worker-failed" }));
  expect(net?.get("h.0.bias").shape).toEqual([96]);
  net?.dispose();
});

test("why there is one thread", async () => {
  const small = await compile(`model Small { input x: [N, 2]  output y = dense(x, 1) }`);
  const tiny = await load(small.wasm, { threads: 2 });
  expect(tiny.threads).toEqual({ count: 1, reason: "the model is too small to be divided" });
  const module = await load(await WebAssembly.compile(wasm), { threads: 2 });
  expect(module.threads.count).toBe(1);
  expect(module.threads.reason).toContain("WebAssembly.Module");
  const kept = globalThis.SharedArrayBuffer;
  try {
    // @ts-expect-error As on a page without the headers.
    delete globalThis.SharedArrayBuffer;
    const alone = await load(wasm, { threads: 2 });
    expect(alone.threads.count).toBe(1);
    expect(alone.threads.reason).toContain("Cross-Origin-Opener-Policy");
    expect(alone.step({ x, y })).toBeGreaterThan(0);
  } finally {
    globalThis.SharedArrayBuffer = kept;
  }
  await expect(load(wasm, { threads: 0 })).rejects.toMatchObject({ code: "wrong-option" });
});
