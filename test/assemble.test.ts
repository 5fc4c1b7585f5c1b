/**
 * The assembler's doors: a module with its manifest, in a worker whose crash is an error; and what
 * every module exports.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import binaryen from "binaryen";
import { expect, test } from "vitest";
import { LEFT_OUT } from "../compiler/assemble/asc.ts";
import { assemble, attachManifest, readManifest } from "../compiler/assemble/assemble.ts";
import { compile } from "../compiler/compile.ts";
import { plan } from "../compiler/index.ts";
import { CompilerFault } from "../compiler/fault.ts";
import { DiagnosticError } from "../grammar/diagnostic.ts";
import { render } from "../compiler/render/render.ts";
import { planKernels } from "../compiler/schedule/plan.ts";
import { ascCommand } from "./helpers/asc-command.ts";
import { instantiate, programOf, type ModuleExports } from "./helpers/program.ts";

const tiny = "export function twice(x: i32): i32 { return x + x; }";
const wrong = "export function f(): v128 { return 1; }";
/** The same as `tiny`, so that there is something to optimize. */
const roundabout = "export function twice(x: i32): i32 { let a = x; let b = a; a = b + x; return a; }";

test("a module carries its manifest in the custom section nndsl, and runs", async () => {
  const manifest = JSON.stringify({ model: "Größe", n: "x".repeat(300) });
  const { wasm, wat } = await assemble(tiny, { manifest, simd: "strict", wat: true });
  const module = await WebAssembly.compile(wasm);
  const [section] = WebAssembly.Module.customSections(module, "nndsl");
  expect(new TextDecoder().decode(section)).toBe(manifest);
  expect(readManifest(wasm)).toBe(manifest);
  expect(WebAssembly.Module.imports(module)).toEqual([]);
  expect(wat).toContain('(export "twice"');
});

test("a manifest is found after other sections, and in nothing else", () => {
  const header = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const other = Uint8Array.of(...header, 0, 3, 1, 0x61, 7);
  expect(readManifest(attachManifest(other, "{}"))).toBe("{}");
  expect(readManifest(other)).toBeNull();
  expect(readManifest(Uint8Array.of(1, 2, 3))).toBeNull();
  expect(readManifest(attachManifest(header, "{}").subarray(0, 12))).toBeNull();
});

/** What the command makes of a text with every pass that is not left out. */
function byCommand(text: string): Promise<Uint8Array> {
  binaryen.clearPassesToSkip();
  for (const pass of LEFT_OUT) binaryen.addPassToSkip(pass);
  return ascCommand(text, "--runtime stub --noAssert -O3s --enable simd,threads");
}

test.each(["xor", "mnist", "digits-conv", "penguins", "names-gru"])(
  "fewer declarations and fewer passes than the command asc has make nothing of %s larger",
  async (name) => {
    const source = readFileSync(new URL(`../examples/${name}.nn`, import.meta.url), "utf8");
    const text = (await plan(source)).stages.as;
    const { wasm } = await assemble(text, { manifest: "{}", simd: "strict" });
    const whole = attachManifest(await byCommand(text), "{}");
    expect(wasm.length).toBeLessThanOrEqual(whole.length);
  },
);

test("what asc refuses is a fault with its message, and the next call works", async () => {
  const failing = assemble(wrong, { manifest: "{}", simd: "strict" });
  await expect(failing).rejects.toThrow(CompilerFault);
  await expect(failing).rejects.toThrow(/assembler-failed: .*TS2322/s);
  const { wasm } = await assemble(tiny, { manifest: "{}", simd: "strict" });
  expect(readManifest(wasm)).toBe("{}");
});

const TOO_LARGE =
  /^error\[module-too-large\]: the program is too large to be compiled: it takes more than \d/;

/** Ends each worker that starts from now on as one that is out of memory, so many of them. */
async function endWorkers(count: number): Promise<void> {
  // After a failure the next call gets a new worker.
  await expect(assemble(wrong, { manifest: "{}", simd: "strict" })).rejects.toThrow();
  const end = (worker: Worker): void => {
    if (--count === 0) process.off("worker", end);
    worker.emit("error", new Error("Worker terminated due to reaching memory limit: JS heap out of memory"));
  };
  process.on("worker", end);
}

test("a source that takes all of asc's memory is optimized less", async () => {
  const { wasm } = await assemble(roundabout, { manifest: "{}", simd: "strict" });
  await endWorkers(2);
  const unoptimized = await assemble(roundabout, { manifest: "{}", simd: "strict" });
  expect(unoptimized.wasm.length).toBeGreaterThan(wasm.length);
  const { instance } = await WebAssembly.instantiate(unoptimized.wasm);
  expect((instance.exports["twice"] as (x: number) => number)(21)).toBe(42);
});

test("one that takes all of it even so is an error of the program, not a fault", async () => {
  await endWorkers(3);
  const failing = assemble(tiny, { manifest: "{}", simd: "strict" });
  await expect(failing).rejects.toThrow(TOO_LARGE);
  await expect(failing).rejects.toMatchObject({
    diagnostics: [{ notes: [expect.stringMatching(/MB of code in 1 function/)], help: expect.any(String) }],
  });
  await expect(assemble(tiny, { manifest: "{}", simd: "strict" })).resolves.toBeDefined();
});

test("a source that overflows asc's stack does not take the process with it", async () => {
  const deep = `export const x: i32 = ${"(".repeat(200_000)}1${")".repeat(200_000)};`;
  await expect(assemble(deep, { manifest: "{}", simd: "strict" })).rejects.toThrow(TOO_LARGE);
  await expect(assemble(tiny, { manifest: "{}", simd: "strict" })).resolves.toBeDefined();
});

test("asc is stopped where it passes its time, and the call that waits has the whole of its own", async () => {
  // This takes asc more than a minute, and some tenths of a second where it optimizes nothing.
  const sum = `export function f(x: f64): f64 { return ${Array(20_000).fill("x").join(" + ")}; }`;
  const slow = assemble(sum, { manifest: "{}", simd: "strict", timeLimit: 10 });
  const waiting = assemble(tiny, { manifest: "{}", simd: "strict" });
  await expect(slow).rejects.toThrow(DiagnosticError);
  await expect(slow).rejects.toThrow(TOO_LARGE);
  await expect(slow).rejects.toThrow("more than 1 seconds");
  await expect(waiting).resolves.toBeDefined();
});

test("a worker killed at work fails that call alone; one killed at rest, none", async () => {
  // After a failure the next call gets a new worker.
  await expect(assemble(wrong, { manifest: "{}", simd: "strict" })).rejects.toThrow();
  process.once("worker", (worker) => void worker.terminate());
  const killed = assemble(tiny, { manifest: "{}", simd: "strict" });
  await expect(killed).rejects.toThrow(/assembler-failed: the worker of asc ended with code \d/);

  const started = once(process, "worker") as Promise<[Worker]>;
  await assemble(tiny, { manifest: "{}", simd: "strict" });
  const [worker] = await started;
  await worker.terminate();
  await expect(assemble(tiny, { manifest: "{}", simd: "strict" })).resolves.toBeDefined();
});

test("calls made together are answered each with its own module", async () => {
  const results = await Promise.all(
    [1, 2, 3].map((k) =>
      assemble(`export function f(): i32 { return ${k}; }`, { manifest: String(k), simd: "strict" }),
    ),
  );
  expect(results.map((r) => readManifest(r.wasm))).toEqual(["1", "2", "3"]);
});

const emptyModule = async (fixed: number, perRow: number) => {
  const program = programOf([], 4);
  const plan = planKernels(program, { lanes: 4, bytes: 4, fused: false });
  return instantiate(
    render({ ...program, arena: { ...program.arena, fixed, perRow } }, plan, {
      dtype: "f32",
      simd: "strict",
      model: "Empty",
    }),
  );
};

test("memory holds the fixed part from the start and grows by rows", async () => {
  const fixed = 200_000;
  const module = await emptyModule(fixed, 1000);
  const arena = Number(module.arena.value);
  expect(arena % 16).toBe(0);
  expect(module.memory.buffer.byteLength).toBeGreaterThanOrEqual(arena + fixed);
  expect(module.capacity.value).toBe(0);
  expect(module.reserve(1001)).toBe(1);
  expect(module.capacity.value).toBe(1004);
  expect(module.memory.buffer.byteLength).toBeGreaterThanOrEqual(arena + fixed + 1004 * 1000);
  const { byteLength } = module.memory.buffer;
  expect(module.reserve(7)).toBe(1);
  expect(module.capacity.value).toBe(1004);
  // 10^7 rows of 1000 bytes are past what 32 bits can address.
  expect(module.reserve(10_000_000)).toBe(0);
  expect(module.capacity.value).toBe(1004);
  expect(module.memory.buffer.byteLength).toBe(byteLength);
});

test("a gigabyte of parameters costs the compiler nothing; more than a module can address is refused", async () => {
  const dense = (units: number): string => `model M { input x: [N, 16000] output y = dense(x, ${units}) }`;
  const { wasm } = await compile(dense(16_000));
  expect(wasm.length).toBeLessThan(10_000);
  const { instance } = await WebAssembly.instantiate(wasm, {});
  // The interface of docs/abi.md.
  const { memory } = instance.exports as unknown as ModuleExports;
  expect(memory.buffer.byteLength).toBeGreaterThan(4 * 16_000 ** 2);
  const trained = dense(20_000).replace("output y =", "loss mean(").replace(/ }$/, ") optimizer adam() }");
  await expect(compile(trained)).rejects.toThrow(
    /4\.\d GB of memory, but a WebAssembly module has less than 4 GB/,
  );
});

test("shuffle writes every number once, differently by seed and epoch, and evenly", async () => {
  const module = await emptyModule(1024, 0);
  const at = Number(module.arena.value);
  const shuffled = (count: number, seed: number, epoch: number): number[] => {
    module.shuffle(at, count, seed, epoch);
    return [...new Uint32Array(module.memory.buffer, at, count)];
  };
  for (const count of [0, 1, 2, 17, 200]) {
    expect(shuffled(count, 1, 2).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  }
  expect(shuffled(50, 1, 1)).toEqual(shuffled(50, 1, 1));
  expect(shuffled(50, 1, 1)).not.toEqual(shuffled(50, 1, 2));
  expect(shuffled(50, 1, 1)).not.toEqual(shuffled(50, 2, 1));

  // χ² of the 24 orders of four, 23 degrees of freedom: above 49.7 once in a thousand fair
  // generators; this one is fixed.
  const rounds = 24_000;
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < rounds; epoch++) {
    const key = shuffled(4, 5, epoch).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  const expected = rounds / 24;
  const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(49.7);
});

test("no data lies behind the start of the arena, where a batch would overwrite it", async () => {
  const source = `model Waves {
    input x: [N, 3]
    output y = sin(x) + cos(x) @ [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
  }`;
  const { stages, wasm } = await compile(source, { wat: true });
  const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(wasm));
  const arena = (exports["arena"] as WebAssembly.Global<"i32">).value;
  const segments = [...stages.wat!.matchAll(/\(data \S+ \(i32\.const (\d+)\) "((?:[^"\\]|\\.)*)"\)/g)];
  const ends = segments.map(
    ([, at, bytes]) => Number(at) + bytes!.replaceAll(/\\[0-9a-f]{2}|\\./g, "?").length,
  );
  expect(segments.length).toBeGreaterThan(1);
  expect(Math.max(...ends)).toBeLessThanOrEqual(arena);
});
