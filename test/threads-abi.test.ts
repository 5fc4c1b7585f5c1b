/**
 * docs/abi.md is enough to run a module on several threads: a host that knows nothing of the
 * runtime.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { ascCommand } from "./helpers/asc-command.ts";

const source = `model Wide {
  input x: [N, 40]
  target y: [N, 10]
  p = x |> dense(96, tanh) |> dense(64, tanh) |> dense(10)
  output p
  loss mse(p, y)
  optimizer sgd(lr = 0.01)
}`;
const rows = 21;
const x = Float32Array.from({ length: rows * 40 }, (_, i) => Math.sin(i * 0.37));
const y = Float32Array.from({ length: rows * 10 }, (_, i) => Math.cos(i * 0.11));

/** The module's text as a module that imports a shared memory. */
const assemble = (text: string): Promise<Uint8Array<ArrayBuffer>> =>
  ascCommand(
    text,
    "--runtime stub --noAssert -O2 --enable simd,threads --importMemory --sharedMemory --maximumMemory 65536",
  );

/** A word that the host keeps for itself: how many calls were asked for. */
const CALLS = 21;

/** Calls what it is told, one call after another. */
const member = `
const { parentPort, workerData: { module, memory, worker, workers, capacity, calls } } = require("node:worker_threads");
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.worker.value = worker;
exports.workers.value = workers;
exports.sleeps.value = 1;
const words = new Int32Array(memory.buffer, exports.control.value, 32);
parentPort.postMessage("here");
calls.forEach(([name, argument], made) => {
  while (Atomics.load(words, ${CALLS}) <= made) Atomics.wait(words, ${CALLS}, made);
  exports.capacity.value = capacity;
  exports[name](argument);
});
`;

test("instances on one memory that make the same calls compute what one does", async () => {
  const { wasm, manifest, stages } = await compile(source);
  const one = await load(wasm, { seed: 9 });
  const losses = [one.step({ x, y }), one.step({ x, y })];
  const { data } = one.predict({ x })["p"]!;

  const module = await WebAssembly.compile(await assemble(stages.as));
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  // What docs/abi.md says of the exports.
  const exports = instance.exports as unknown as Record<
    "arena" | "capacity" | "control" | "workers",
    WebAssembly.Global<"i32">
  > &
    Record<string, (argument: number) => number>;
  expect(exports["reserve"]!(rows)).toBe(1);
  const capacity = exports.capacity.value;
  const calls: [string, number][] = [
    ["initialize", 9],
    ["step", rows],
    ["step", rows],
    ["predict", rows],
  ];
  const workers = 3;
  const words = new Int32Array(memory.buffer, exports.control.value, 32);
  exports.workers.value = workers;
  const threads = [1, 2].map(
    (worker) =>
      new Worker(member, { eval: true, workerData: { module, memory, worker, workers, capacity, calls } }),
  );
  await Promise.all(threads.map((thread) => once(thread, "message")));

  const view = (
    place: { readonly rows: number } | { readonly fixed: number },
    length: number,
  ): Float32Array => {
    const offset = "rows" in place ? manifest.arena.fixed + place.rows * capacity : place.fixed;
    return new Float32Array(memory.buffer, exports.arena.value + offset, length);
  };
  const results = calls.map(([name, argument]) => {
    const given = { x, y };
    for (const { name: input, place } of manifest.inputs) {
      const values = given[input as "x" | "y"];
      view(place, values.length).set(values);
    }
    Atomics.add(words, CALLS, 1);
    Atomics.notify(words, CALLS);
    return exports[name]!(argument);
  });
  expect(results.slice(1, 3)).toEqual(losses);
  expect(view(manifest.outputs[0]!.place, data.length).slice()).toEqual(data);
  for (const { path, place } of manifest.parameters) {
    const weights = one.get(path).data;
    expect(view(place, weights.length).slice()).toEqual(weights);
  }
  await Promise.all(threads.map((thread) => thread.terminate()));
});

// Rows of a batch have nothing to do with each other until a gradient is summed over them.
test("workers of a recurrent net keep to their rows, and do not wait at every step", async () => {
  const steps = 12;
  const { stages } = await plan(`model Recurrent {
    input x: [N, ${steps}, 16]
    param w: [64, 16] ~ xavier_uniform
    param u: [64, 64] ~ xavier_uniform
    h = zeros([1, 64])
    for t in 0..${steps} { h = tanh(x[:, t] @ w' + h @ u') }
    output h = dense(h, 10)
  }`);
  const predict = /\nexport function predict\([^]*?\n\}/.exec(stages.as)?.[0] ?? "";
  const meetings = predict.match(/meet\(\)/g)?.length;
  // When what all of them read has been made, and at the end.
  expect(meetings).toBe(2);
});
