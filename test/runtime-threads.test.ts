/**
 * Threads of a net as they start, fail and end: results of several stand in threads-bits.test.ts,
 * those of pages in browser-threads.test.ts.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import workerThreads from "node:worker_threads";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { compile } from "../compiler/index.ts";
import { load, type LoadOptions, type Net } from "../runtime/index.ts";

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
let js: string;
let threadsJs: string;
beforeAll(async () => {
  const compiled = await compile(source);
  ({ wasm, js } = compiled);
  threadsJs = compiled.threads ?? "";
});

const { Worker } = workerThreads;
afterEach(() => {
  workerThreads.Worker = Worker;
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/**
 * What a net starts from here on; `text` makes the thread's program another. The runtime asks for
 * the class when it starts a thread.
 */
function watch(text: (own: string) => string = (own) => own): workerThreads.Worker[] {
  const started: workerThreads.Worker[] = [];
  workerThreads.Worker = class extends Worker {
    constructor(own: string | URL, options?: workerThreads.WorkerOptions) {
      super(text(String(own)), options);
      started.push(this);
    }
  };
  return started;
}

/** Of threads that have ended. */
const gone = (threads: readonly workerThreads.Worker[]): Promise<void> =>
  expect.poll(() => threads.every(({ threadId }) => threadId === -1)).toBe(true);

/**
 * @returns the message of the error that `call` throws, which has the code `worker-failed`; within
 * so many milliseconds
 */
function lossOf(call: () => unknown, within = 5000): string {
  const begin = performance.now();
  try {
    call();
  } catch (error) {
    expect(error).toMatchObject({ code: "worker-failed" });
    expect(performance.now() - begin).toBeLessThan(within);
    return (error as Error).message;
  }
  return expect.fail("it did not throw");
}

describe("results", () => {
  test("of everything a net does are those of one thread", async () => {
    const one = await load(wasm, { seed: 3 });
    const many = await load(wasm, { seed: 3, threads: 3 });
    expect(many.threads).toEqual({ count: 3, reason: null });
    for (const net of [one, many]) {
      for (let i = 0; i < 5; i++) net.step({ x, y });
      await net.fit({ x, y }, { epochs: 4, batch: 17 });
    }
    const saved = many.save();
    expect(saved).toEqual(one.save());
    for (const net of [one, many]) {
      net.reset(4);
      net.hyper["lr"] = 0.5;
      net.step({ x, y });
      net.set("h.0.bias", new Float32Array(96).fill(0.25));
    }
    expect(many.save()).toEqual(one.save());
    for (const net of [one, many]) net.restore(saved);
    expect(many.save()).toEqual(one.save());
    expect(many.predict({ x })).toEqual(one.predict({ x }));
    expect(many.evaluate({ x, y })).toEqual(one.evaluate({ x, y }));
    expect(many.gradients({ x, y })).toEqual(one.gradients({ x, y }));
    many.dispose();
  });

  test("are copies outside of the shared memory, but for a view", async () => {
    const net = await load(wasm, { threads: 2 });
    const isShared = ({ buffer }: ArrayBufferView): boolean => buffer instanceof SharedArrayBuffer;
    expect(isShared(net.get("h.0.bias").data)).toBe(false);
    expect(isShared(net.save())).toBe(false);
    expect(isShared(net.predict({ x })["p"]!.data)).toBe(false);
    const view = net.view("h.0.bias");
    expect(isShared(view)).toBe(true);
    view.fill(0.5);
    expect(net.get("h.0.bias").data).toEqual(new Float32Array(96).fill(0.5));
    net.dispose();
  });

  test("stay those of one as the shared memory grows", async () => {
    const one = await load(wasm);
    const two = await load(wasm, { threads: 2 });
    const large = Float32Array.from({ length: 20_000 * 40 }, (_, i) => Math.cos(i * 0.11));
    two.predict({ x });
    const [p, q] = [one, two].map((net) => Buffer.from(net.predict({ x: large })["p"]!.data.buffer));
    expect(q!.equals(p!)).toBe(true);
    two.dispose();
  });

  test("of two nets with threads do not disturb each other", async () => {
    const one = await load(wasm, { seed: 3 });
    const nets = [await load(wasm, { seed: 3, threads: 3 }), await load(wasm, { seed: 3, threads: 2 })];
    await Promise.all([one, ...nets].map((net) => net.fit({ x, y }, { epochs: 3, batch: 21 })));
    for (const net of nets) {
      expect(net.save()).toEqual(one.save());
      net.dispose();
    }
  });
});

describe("memory", () => {
  /** An engine that grants no larger shared memory, in pages. */
  function grantAtMost(pages: number): void {
    const { Memory } = WebAssembly;
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function (descriptor) {
      if ((descriptor.maximum ?? 0) > pages) throw new RangeError("could not allocate memory");
      return new Memory(descriptor);
    });
  }

  test("that cannot grow further refuses a batch, and the net is as it was", async () => {
    grantAtMost(4096);
    const net = await load(wasm, { threads: 2 });
    expect(net.threads.count).toBe(2);
    const before = net.predict({ x });
    const large = new Float32Array(700_000 * 40);
    expect(() => net.predict({ x: large })).toThrow(expect.objectContaining({ code: "out-of-memory" }));
    expect(net.predict({ x })).toEqual(before);
    net.dispose();
  });

  test("that is not granted at all leaves one thread", async () => {
    grantAtMost(0);
    const net = await load(wasm, { threads: 2 });
    expect(net.threads).toEqual({ count: 1, reason: "could not allocate memory" });
    expect(net.step({ x, y })).toBeGreaterThan(0);
  });
});

describe("why there are fewer threads", () => {
  const reasonOf = async (options: LoadOptions, of: Uint8Array<ArrayBuffer> = wasm): Promise<unknown> => {
    const net = await load(of, options);
    expect(net.predict({ x: of === wasm ? x : [[1, 2]] })).toBeDefined();
    net.dispose();
    return net.threads;
  };

  test("a model that is too small", async () => {
    const small = await compile(`model Small { input x: [N, 2]  output y = dense(x, 1) }`);
    expect(await reasonOf({ threads: 2 }, small.wasm)).toEqual({
      count: 1,
      reason: "the model is too small to be divided",
    });
  });

  test("more than the module has room for", async () => {
    const most = (await load(wasm)).manifest.threads!.most;
    expect(await reasonOf({ threads: most + 1 })).toEqual({
      count: most,
      reason: `the work can be divided among at most ${most} threads`,
    });
  });

  test("a WebAssembly.Module", async () => {
    const net = await load(await WebAssembly.compile(wasm), { threads: 2 });
    expect(net.threads).toMatchObject({
      count: 1,
      reason: expect.stringContaining("WebAssembly.Module"),
    });
  });

  test("no SharedArrayBuffer, as on a page without the headers", async () => {
    const kept = globalThis.SharedArrayBuffer;
    try {
      // @ts-expect-error Of a global that every engine has.
      delete globalThis.SharedArrayBuffer;
      expect(await reasonOf({ threads: 2 })).toMatchObject({
        count: 1,
        reason: expect.stringContaining("Cross-Origin-Opener-Policy"),
      });
    } finally {
      globalThis.SharedArrayBuffer = kept;
    }
  });

  test("no threads in the host", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    expect(await reasonOf({ threads: 2 })).toEqual({
      count: 1,
      reason: "this engine starts no thread from here",
    });
  });

  test("a thread that cannot be made, beside one that was", async () => {
    const started = watch((own) => {
      if (started.length > 0) throw new Error("no more");
      return own;
    });
    expect(await reasonOf({ threads: 3 })).toEqual({ count: 1, reason: "no more" });
    expect(started.length).toBe(1);
    await gone(started);
  });

  test("a thread that fails as it starts", async () => {
    const started = watch(() => `throw new Error("planted")`);
    expect(await reasonOf({ threads: 3 })).toEqual({ count: 1, reason: "planted" });
    await gone(started);
  });

  test("a thread that ends as it starts", async () => {
    watch(() => "");
    expect(await reasonOf({ threads: 2 })).toEqual({ count: 1, reason: "a thread has ended" });
  });

  test("a message that cannot be sent", async () => {
    const started = watch();
    vi.spyOn(Worker.prototype, "postMessage").mockImplementation(() => {
      throw new DOMException("not cloned", "DataCloneError");
    });
    expect(await reasonOf({ threads: 2 })).toEqual({ count: 1, reason: "not cloned" });
    vi.restoreAllMocks();
    await gone(started);
  });

  test("a thread that says nothing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const started = watch(() => "setInterval(() => {}, 1e6)");
    const reason = reasonOf({ threads: 2 });
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    vi.advanceTimersByTime(10_000);
    expect(await reason).toEqual({ count: 1, reason: "a thread has not started in 10 seconds" });
    vi.useRealTimers();
    await gone(started);
  });

  test("no whole number of them is an error", async () => {
    for (const threads of [0, -1, 1.5, NaN])
      await expect(load(wasm, { threads })).rejects.toMatchObject({ code: "wrong-option" });
  });
});

describe("a thread that is lost", () => {
  test("between two calls: all fail from then on, and what is in memory can be read", async () => {
    const started = watch();
    const net = await load(wasm, { threads: 3 });
    net.step({ x, y });
    await started[0]!.terminate();
    expect(lossOf(() => net.step({ x, y }))).toContain("a thread has ended");
    expect(lossOf(() => net.predict({ x }))).toContain("a thread has ended");
    expect(net.get("h.0.bias").shape).toEqual([96]);
    await gone(started);
    net.dispose();
  });

  /** Makes every instance in a thread trap in `entry`. */
  const trapIn = (entry: string): ((own: string) => string) => {
    const planted = `const { Instance } = WebAssembly;
      WebAssembly.Instance = function (...given) {
        const { exports } = new Instance(...given);
        return { exports: { ...exports, ${entry}() { throw new WebAssembly.RuntimeError("planted"); } } };
      };\n`;
    return (own) => planted + own;
  };

  test("by a trap: the call it was at fails at once", async () => {
    const started = watch(trapIn("step"));
    const net = await load(wasm, { threads: 3 });
    net.predict({ x });
    expect(lossOf(() => net.step({ x, y }))).toContain("a thread has trapped");
    await gone(started);
    await expect(net.fit({ x, y })).rejects.toMatchObject({ code: "worker-failed" });
    net.dispose();
  });

  test("is not missed by a batch with few rows, which is left to this thread alone", async () => {
    watch(trapIn("predict"));
    const net = await load(wasm, { threads: 2 });
    const least = net.manifest.threads!.rows["predict"]!;
    expect(least).toBeGreaterThan(1);
    const few = (count: number) => ({ x: x.subarray(0, count * 40) });
    expect(net.predict(few(least - 1))["p"]!.shape).toEqual([least - 1, 10]);
    expect(lossOf(() => net.predict(few(least)))).toContain("a thread has trapped");
    net.dispose();
  });

  test("in fit: it rejects", async () => {
    watch(trapIn("train"));
    const net = await load(wasm, { threads: 2 });
    await expect(net.fit({ x, y })).rejects.toMatchObject({ code: "worker-failed" });
    net.dispose();
  });

  // As this thread has no time to hear of the end, it waits for ten seconds.
  test("in the middle of calls that leave no time to hear of it: it is not waited for without end", async () => {
    const started = watch();
    const net = await load(wasm, { threads: 2 });
    void started[0]!.terminate();
    const message = lossOf(() => {
      for (;;) net.step({ x, y });
    }, 40_000);
    expect(message).toContain("a thread does not answer");
    net.dispose();
  });
});

describe("the end", () => {
  test("dispose leaves no thread behind", async () => {
    const started = watch();
    const net = await load(wasm, { threads: 4 });
    net.step({ x, y });
    expect(started.map(({ threadId }) => threadId > 0)).toEqual([true, true, true]);
    net.dispose();
    net.dispose();
    await gone(started);
    expect(() => net.step({ x, y })).toThrow(expect.objectContaining({ code: "disposed" }));
  });

  test("of a net in the middle of fit", async () => {
    const started = watch();
    const net: Net = await load(wasm, { threads: 2 });
    const training = net.fit({ x, y }, { epochs: 1e9 });
    setImmediate(() => net.dispose());
    await expect(training).rejects.toMatchObject({ code: "disposed" });
    await gone(started);
  });

  describe("of a process", () => {
    const folder = mkdtempSync(join(tmpdir(), "nndsl-threads-"));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    beforeAll(() => {
      writeFileSync(join(folder, "wide.js"), js);
      writeFileSync(join(folder, "wide.threads.js"), threadsJs);
      writeFileSync(join(folder, "wide.wasm"), wasm);
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    });
    const run = async (program: string): Promise<unknown> => {
      const begin = `import { load } from "./wide.js";
        const net = await load(undefined, { threads: 4 });
        net.predict({ x: new Float32Array(40) });
        const { count } = net.threads;\n`;
      writeFileSync(join(folder, "main.js"), begin + program);
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "main.js")], {
        timeout: 30_000,
      });
      return JSON.parse(stdout);
    };

    test("is not held up by a net that nobody disposed of", async () => {
      expect(await run(`console.log(JSON.stringify({ count }));`)).toEqual({ count: 4 });
    });

    test("has one thread, and the reason, where the file with their code is not beside the module's", async () => {
      const away = join(folder, "wide.threads.js");
      rmSync(away);
      const report = await run(`console.log(JSON.stringify(net.threads));`);
      expect(report).toMatchObject({ count: 1, reason: expect.stringContaining("wide.threads.js") });
      writeFileSync(away, threadsJs);
    });

    test("and until then idle threads take no time of the processor", async () => {
      const report = await run(`
        const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        await pause(500);
        const before = process.cpuUsage();
        await pause(1000);
        const { user, system } = process.cpuUsage(before);
        console.log(JSON.stringify({ count, microseconds: user + system }));`);
      expect(report).toMatchObject({ count: 4 });
      expect((report as { microseconds: number }).microseconds).toBeLessThan(100_000);
    });
  });
});
