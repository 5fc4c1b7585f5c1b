/** What `nndsl inspect` says of memory, against the memory of the module. */
import { describe, expect, test } from "vitest";
import { compile, DiagnosticError, OptionError, plan, type Compiled } from "../compiler/index.ts";
import { example } from "./helpers/model.ts";
import type { ModuleExports } from "./helpers/program.ts";

const PAGE = 2 ** 16;
const names = ["xor", "iris", "decay"];

const instance = async ({ wasm }: Compiled): Promise<ModuleExports & Record<string, unknown>> =>
  // The interface of docs/abi.md.
  (await WebAssembly.instantiate(wasm.slice().buffer, {})).instance.exports as never;

describe.each(["f32", "f64"] as const)("in %s", (dtype) => {
  test("the parts sum up to the arena, and the module's memory is that for the rows reserved", async () => {
    for (const name of names) {
      const compiled = await compile(example(name), { dtype });
      const { arena } = compiled.report;
      const sum = (column: "fixed" | "perRow"): number =>
        arena.parts.reduce((total, part) => total + part[column], 0);
      expect({ fixed: sum("fixed"), perRow: sum("perRow") }).toEqual({
        fixed: arena.fixed,
        perRow: arena.perRow,
      });
      expect(arena.parts.every((part) => part.fixed >= 0 && part.perRow >= 0)).toBe(true);

      const module = await instance(compiled);
      // Enough rows that a byte a row more or less would be a page more or less.
      const rows = 4 * PAGE;
      expect(module.reserve(rows)).toBe(1);
      const end = Number(module.arena.value) + arena.fixed + rows * arena.perRow;
      expect(module.memory.buffer.byteLength).toBe(Math.ceil(end / PAGE) * PAGE);
    }
  });
});

test("all of the arena is written in use, but what rounds a place up, and nothing behind it", async () => {
  const rows = 8;
  const compiled = await compile(example("xor"));
  const { arena } = compiled.report;
  const module = await instance(compiled);
  module.reserve(rows);
  const start = Number(module.arena.value);
  const words = (arena.fixed + rows * arena.perRow) / 4;
  const untouched = 0x7fc0beef;
  // Behind the arena to the end of the memory too.
  const memory = new Uint32Array(module.memory.buffer, start);
  memory.fill(untouched);
  module.initialize(1);
  for (const { place, shape } of compiled.manifest.inputs) {
    const count = rows * shape.reduce<number>((n, size) => n * (typeof size === "number" ? size : 1), 1);
    const at = "rows" in place ? arena.fixed + place.rows * rows : place.fixed;
    new Float32Array(module.memory.buffer, start + at, count).fill(0.5);
  }
  for (const entry of ["predict", "evaluate", "gradients", "step"])
    (module[entry] as (n: number) => number)(rows);
  const left = [...memory.subarray(0, words).keys()].filter((i) => memory[i] === untouched);
  // Only a fixed place has padding: less than 16 bytes each.
  expect(left.every((i) => i * 4 < arena.fixed)).toBe(true);
  expect(left.length * 4).toBeLessThan(16 * compiled.report.parameters.length * 8);
  expect(memory.subarray(words).every((word) => word === untouched)).toBe(true);
});

test.each(names)(
  "what %s stores lies in the shared space, which is used more than once where values take turns",
  async (name) => {
    const { report } = await plan(example(name));
    const shared = report.arena.parts.find((part) => part.of === "shared")!;
    const kernels = new Set(report.kernels.map((kernel) => kernel.name));
    expect(report.stored.length).toBeGreaterThan(1);
    for (const column of ["fixed", "perRow"] as const) {
      const stored = report.stored.filter((s) => s.perRow === (column === "perRow"));
      for (const { offset, bytes, from, until } of stored) {
        expect(offset).toBeGreaterThanOrEqual(report.arena[column] - shared[column]);
        expect(offset + bytes).toBeLessThanOrEqual(report.arena[column]);
        expect(kernels).toContain(from);
        expect(kernels).toContain(until);
      }
    }
    const total = report.stored.reduce((sum, s) => sum + (s.perRow ? s.bytes : 0), 0);
    expect(total).toBeGreaterThan(shared.perRow);
  },
);

test("each kernel says how it computes, why, and what to expect of it", async () => {
  const source = `model Net {
  input x: [N, 784]
  target y: int[N]
  logits = x |> dense(256, relu) |> dense(10)
  loss cross_entropy(logits, y)
  optimizer sgd(lr = 0.1)
}`;
  const strict = (await plan(source, { reportRows: 32 })).report.kernels;
  const relaxed = (await plan(source, { reportRows: 32, simd: "relaxed" })).report.kernels;
  const find = (list: typeof strict, formula: RegExp): (typeof strict)[number] =>
    list.find((kernel) => formula.test(kernel.formula))!;

  // 32 rows by 256 columns by 784 of depth, a multiplication and an addition each; and what the
  // epilogue takes.
  const forward = find(strict, /= relu\(x @/);
  expect(forward.flops).toBeGreaterThan(2 * 32 * 256 * 784);
  expect(forward.flops).toBeLessThan(1.02 * 2 * 32 * 256 * 784);
  expect(forward.bytes).toBe(4 * (32 * 784 + 256 * 784 + 256 + 32 * 256));
  expect(forward.form).toMatch(/^dot, tiles of 2×4/);
  expect(find(relaxed, /= relu\(x @/).form).toMatch(/^dot, tiles of 2×6/);
  const update = find(strict, /^param = param - lr \* \(.* @ x\)$/);
  expect(update.form).toBe(
    "outer, tiles of 4×8 across, 4 steps of depth a turn, sums of 60, stretches of 960, a batch of one row by 4×4, packed rows and columns",
  );
  expect(update.divided).toBe("rows 256");
  expect(update.calls).toEqual({ step: 1 });
  for (const kernel of [...strict, ...relaxed]) {
    expect(kernel.peakShare).toBeGreaterThanOrEqual(0);
    expect(kernel.peakShare).toBeLessThanOrEqual(1);
    expect(kernel.because).not.toBe("");
  }
  // Large products are near the peak; a pass over memory is not.
  expect(forward.peakShare).toBeGreaterThan(0.9);
  expect(find(strict, /^param = param - lr \* grad$/).peakShare).toBeLessThan(0.3);
});

test("each layer that owns something is told by its call, with what it owns itself", async () => {
  const { report } = await plan(`layer pair(x, n) {
    param a: [4, n] ~ normal
    param a: [4, n] ~ normal
    return dense(x @ a, n)
  }
  model Own {
    input x: [N, 4]
    param scale = 2
    state steps: [3] = 0
    h = pair(x, 4)
    output z = scale * relu(h) |> dense(2) |> dense(3)
  }`);
  expect(report.layers).toEqual([
    { path: "", callee: "Own", parameters: ["scale"], count: 1, states: ["steps"] },
    { path: "h", callee: "pair", parameters: ["h.a.0", "h.a.1"], count: 32, states: [] },
    {
      path: "h.dense",
      callee: "dense",
      parameters: ["h.dense.weight", "h.dense.bias"],
      count: 20,
      states: [],
    },
    { path: "z.0", callee: "dense", parameters: ["z.0.weight", "z.0.bias"], count: 10, states: [] },
    { path: "z.1", callee: "dense", parameters: ["z.1.weight", "z.1.bias"], count: 9, states: [] },
  ]);
  expect(report.states).toEqual([{ path: "steps", shape: [3], init: "= 0", count: 3 }]);
});

test("plan tells what compile does, and makes no module", async () => {
  const options = { file: "xor.nn", simd: "relaxed" } as const;
  const [planned, compiled] = [await plan(example("xor"), options), await compile(example("xor"), options)];
  expect(planned.manifest).toEqual(compiled.manifest);
  expect(planned.report).toEqual(compiled.report);
  for (const stage of ["ast", "ir", "grad", "kernels", "as"] as const)
    expect(planned.stages[stage]).toBe(compiled.stages[stage]);
  expect(planned).not.toHaveProperty("wasm");
  await expect(plan("model M { output z = q }")).rejects.toThrow(DiagnosticError);
  await expect(plan(example("xor"), { batchSize: 1 } as object)).rejects.toThrow(OptionError);
});
