/**
 * Memory: the arena beside what must be alive, values made again instead of kept, and layers that
 * are undone instead of kept.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { analyze, check, compile, DiagnosticError, plan } from "../compiler/index.ts";
import { parametersOf, type Model } from "../compiler/graph/model.ts";
import { lower } from "../compiler/passes/lower.ts";
import { simplify } from "../compiler/passes/simplify.ts";
import { lowerBound } from "./helpers/lower-bound.ts";
import { Interpreter } from "./helpers/interpret.ts";
import type { KernelProgram } from "../compiler/schedule/kernel.ts";
import { arenaBytes, bytesOf } from "../compiler/schedule/memory.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { schedule, type ScheduleOptions } from "../compiler/schedule/schedule.ts";
import { verifyProgram } from "../compiler/schedule/verify-program.ts";
import { parse } from "../grammar/parse.ts";
import { cases } from "./fuzz/programs.ts";
import { page, programBlocks } from "./helpers/markdown.ts";
import { example, start } from "./helpers/model.ts";
import { runHere } from "./helpers/run-cli.ts";
import { environmentOf, keyOf } from "./helpers/scheduled.ts";
import { isFree, countOf } from "../compiler/ir/size.ts";

const RANDOM_PROGRAMS = Number(process.env["RANDOM_PROGRAMS"] ?? 30);

const folder = (path: string): URL => new URL(`../${path}/`, import.meta.url);

/** Every model of the examples and of the test cases, as `name of file, name of model, source`. */
const programs = ["examples", "test/cases"].flatMap((path) =>
  readdirSync(folder(path))
    .filter((file) => file.endsWith(".nn"))
    .flatMap((file) => {
      const source = readFileSync(new URL(file, folder(path)), "utf8");
      const { declarations } = parse(source, file).file;
      return declarations.flatMap((d) => (d.kind === "model" ? [[file, d.name.text, source] as const] : []));
    }),
);

async function lowered(source: string, model?: string): Promise<Model> {
  const { joint } = await analyze(source, model === undefined ? {} : { model });
  return simplify(lower(joint));
}

const deep = (depth: number, layer = "dense(h, 16, tanh)"): string => `model Deep {
  input x: [N, 16]
  target y: int[N]
  h = x
  for i in 0..${depth} { h = ${layer} }
  z = dense(h, 3)
  loss cross_entropy(z, y)
  optimizer adam(lr = 1e-2)
}`;

describe("the arena", () => {
  it.each(programs)(
    "of %s, %s is within 15 %% of the largest sum of live values",
    async (_, name, source) => {
      const model = await lowered(source, name);
      for (const elementBytes of [4, 8]) {
        const program = schedule(model, { elementBytes });
        const bound = lowerBound(program, elementBytes);
        expect(program.arena.fixed).toBeLessThanOrEqual(1.15 * bound.fixed);
        expect(program.arena.perRow).toBeLessThanOrEqual(1.15 * bound.perRow);
      }
    },
  );
});

/** The least memory that `model` can do with, by the compiler's own word. */
function leastOf(model: Model, rows: number, elementBytes: number): number {
  try {
    schedule(model, { elementBytes, memory: { bytes: 1, rows } });
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const [, least = ""] = /takes at least ([\d,]+) bytes/.exec(error.diagnostics[0]!.message) ?? [];
    return Number(least.replaceAll(",", ""));
  }
  throw new Error("a model in one byte");
}

/** What the training entries leave of everything the host can see. */
function results(model: Model, options: ScheduleOptions, rows: number): Map<string, Float64Array> {
  const program = schedule(model, { ...options, elementBytes: 8 });
  verifyProgram(program, 8);
  const machine = new Interpreter(program, rows, 7);
  const given = environmentOf(model, rows, 0);
  machine.run("initialize");
  for (const buffer of program.buffers) {
    if (buffer.role.kind !== "input") continue;
    const input = model.inputs.find(({ name }) => buffer.name === name)!;
    const { data } = given.inputs.get(input.name)!;
    machine.view(buffer).set(input.type === "int" ? data.map(() => 1) : data);
  }
  const names = program.entries.map((entry) => entry.name);
  const found = new Map<string, Float64Array>();
  for (const entry of ["gradients", "step", "step"] as const) {
    if (!names.includes(entry)) continue;
    machine.run(entry);
    for (const buffer of program.buffers) {
      const passing = buffer.role.kind === "temporary" || buffer.role.kind === "table";
      if (!passing) found.set(`${found.size} ${entry} ${keyOf(buffer)}`, machine.view(buffer).slice());
    }
  }
  return found;
}

const repeats = (program: KernelProgram): number =>
  program.entries.flatMap((entry) => entry.calls).filter((call) => call.again).length;

describe("values made again", () => {
  it.each([
    ["dense layers", deep(16)],
    ["dropout", deep(12, "dense(h, 16, tanh) |> dropout(0.3)")],
    ["skips", deep(12, "h + dense(relu(dense(h, 24)), 16)")],
    [
      "one layer many times",
      deep(1, "h").replace(
        "for",
        "param w: [16, 16] ~ xavier_uniform for i in 0..16 { h = tanh(h @ w) } for",
      ),
    ],
    ["softmax inside", deep(6, "dense(softmax(dense(h, 16)), 16)")],
  ])("%s: less memory, the same bits", async (_, source) => {
    // A stack is whole until the weight's gradient is there: where memory is short there is none.
    const { formulas } = await analyze(source);
    const model = simplify(lower(simplify(differentiate(formulas, false))));
    const rows = 32;
    const kept = schedule(model, { elementBytes: 8 });
    const whole = arenaBytes(kept.arena, rows);
    const least = leastOf(model, rows, 8);
    const stays = kept.buffers.flatMap((b) =>
      b.role.kind === "temporary" ? [] : [bytesOf(b, 8) * (isFree(b.size) ? rows : 1)],
    );
    const always = stays.reduce((a, b) => a + b, 0);
    expect(least - always).toBeLessThan(0.8 * (whole - always));
    const plain = results(model, {}, rows);
    for (const bytes of [least, Math.round((least + whole) / 2)]) {
      const memory = { bytes, rows };
      const program = schedule(model, { elementBytes: 8, memory });
      expect(arenaBytes(program.arena, rows)).toBeLessThanOrEqual(bytes);
      if (bytes === least) expect(repeats(program)).toBeGreaterThan(0);
      expect(results(model, { memory }, rows)).toEqual(plain);
    }
  });

  it.each(programs)("%s, %s: the same bits in the least memory", async (_, name, source) => {
    const model = await lowered(source, name);
    const entries = parametersOf(model).map(({ shape }) =>
      shape.reduce((all, size) => all * countOf(size), 1),
    );
    // The interpreter is slow, and the digit networks differ from others in size alone.
    if (entries.reduce((a, b) => a + b, 0) > 3000) return;
    const rows = 8;
    const memory = { bytes: leastOf(model, rows, 8), rows };
    expect(results(model, { memory }, rows)).toEqual(results(model, {}, rows));
  });

  it("random programs have the same bits in the least memory", async () => {
    let repeated = 0;
    for (const { source } of fc.sample(cases, { numRuns: RANDOM_PROGRAMS, seed: 4 })) {
      const model = await lowered(source);
      const memory = { bytes: leastOf(model, 4, 8), rows: 4 };
      repeated += Math.min(1, repeats(schedule(model, { elementBytes: 8, memory })));
      expect(results(model, { memory }, 4), source).toEqual(results(model, {}, 4));
    }
    expect(repeated).toBeGreaterThan(RANDOM_PROGRAMS / 10);
  });

  it("more memory costs fewer operations; k layers do with about 2√k", async () => {
    const rows = 4096;
    const model = await lowered(deep(100));
    const kept = schedule(model);
    const whole = arenaBytes(kept.arena, rows);
    const counts = [0.25, 0.5, 0.75, 0.9].map((part) =>
      repeats(schedule(model, { memory: { bytes: Math.round(part * whole), rows } })),
    );
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    const perLayer = 16 * 4;
    const above = leastOf(model, rows, 4) - kept.arena.fixed;
    expect(above / rows / perLayer).toBeLessThan(2 * Math.sqrt(100) + 6);
  });

  it("nothing is made again where there is room", async () => {
    const model = await lowered(deep(4));
    const program = schedule(model, { memory: { bytes: 1e9, rows: 32 } });
    expect(repeats(program)).toBe(0);
    expect(program.keeping).toBeUndefined();
  });

  it("a compiled module trains to the same bytes; the report tells the price", async () => {
    const source = deep(10, "dense(h, 16, tanh) |> dropout(0.2)");
    const memory = { bytes: 105_000, rows: 64 };
    const { report } = await plan(source, { memory });
    const price = report.recomputed!;
    expect(price.rows).toBe(64);
    expect(price.memory.recomputing).toBeLessThanOrEqual(memory.bytes);
    expect(price.memory.recomputing).toBe(report.arena.fixed + 64 * report.arena.perRow);
    expect(price.memory.keeping).toBeGreaterThan(memory.bytes);
    expect(price.flops.recomputing).toBeGreaterThan(price.flops.keeping);
    expect(price.flops.recomputing).toBeLessThan(1.5 * price.flops.keeping);
    expect(price.values.map(({ name }) => name)).toContain("h_5");

    const trained = async (options: object): Promise<string> => {
      const net = await start(source, options);
      const x = Array.from({ length: 64 * 16 }, (_, i) => Math.sin(i));
      const y = Array.from({ length: 64 }, (_, i) => i % 3);
      for (let step = 0; step < 3; step++) net.step({ x: Float32Array.from(x), y });
      return net.save().join();
    };
    expect(await trained({ memory })).toBe(await trained({}));
  });

  it("says the least that would do where nothing helps", async () => {
    const model = await lowered(deep(4));
    const least = leastOf(model, 32, 4);
    expect(arenaBytes(schedule(model, { memory: { bytes: least, rows: 32 } }).arena, 32)).toBe(least);
    await expect(compile(deep(4), { memory: { bytes: least - 1 } })).rejects.toMatchObject({
      diagnostics: [{ code: "memory-too-small", message: expect.stringContaining("a batch of 32") }],
    });
  });
});

/**
 * A stack of blocks over [N, 16]: reversible ones, or residual ones of the same formulas that keep
 * what they add to.
 */
const stack = (blocks: number, kind: "reversible" | "residual"): string => `
layer residual(x: [..., C], f, g) {
  x1 = x[..., 0:C / 2]
  x2 = x[..., C / 2:]
  f = f(x2)
  y1 = x1 + f
  g = g(y1)
  y2 = x2 + g
  return concat([y1, y2], axis = -1)
}
layer wide(x) = dense(dense(x, 24, tanh), 8)
layer gated(x) = dropout(glu(x, 8), 0.1)
model Stack {
  input x: [N, 6]
  target y: int[N]
  h = dense(x, 16)
  for i in 0..${blocks} { h = ${kind}(h, wide, gated) }
  z = dense(h, 3)
  loss cross_entropy(z, y)
  optimizer sgd(lr = 1e-2)
}`;

describe("reversible blocks", () => {
  const perRow = async (source: string): Promise<number> => (await plan(source)).report.arena.perRow;

  it("take the memory of one block, however many there are", async () => {
    const few = await perRow(stack(3, "reversible"));
    expect(await perRow(stack(4, "reversible"))).toBe(few);
    expect(await perRow(stack(12, "reversible"))).toBe(few);
    // What a residual block keeps at the least: its input, and what the products inside read.
    const residual = [await perRow(stack(4, "residual")), await perRow(stack(12, "residual"))] as const;
    expect(residual[1] - residual[0]).toBeGreaterThan(8 * 4 * (8 + 8 + 24));
  });

  it.each([
    ["f64", 1e-9],
    ["f32", 1e-4],
  ] as const)("have the gradients of the same sums that keep everything, in %s", async (dtype, tolerance) => {
    const x = Array.from({ length: 20 * 6 }, (_, i) => Math.sin(i * i));
    const y = Array.from({ length: 20 }, (_, i) => i % 3);
    const gradients = async (kind: "reversible" | "residual", type: "f32" | "f64") => {
      const net = await start(stack(5, kind), { dtype: type });
      return net.gradients({ x: type === "f64" ? Float64Array.from(x) : Float32Array.from(x), y });
    };
    const undone = await gradients("reversible", dtype);
    const kept = await gradients("residual", "f64");
    expect(undone.loss).toBeCloseTo(kept.loss, dtype === "f64" ? 12 : 5);
    for (const [path, { data }] of Object.entries(kept.gradients)) {
      const own = undone.gradients[path]!.data;
      const scale = Math.max(...Array.from(data, Math.abs));
      const error = Math.max(...Array.from(data, (value, i) => Math.abs(value - own[i]!)));
      expect([path, error / (scale + 1e-8) < tolerance]).toEqual([path, true]);
    }
  });

  it.each([
    ["of x itself", "y = couple(h, dense(h, 4))"],
    [
      "of both halves before",
      "a = h[:, 0:2] b = h[:, 2:] y = concat([couple(a, dense(b, 2)), couple(b, dense(a, 2))], axis = 1)",
    ],
  ])("cannot be undone where what is added is made %s", async (_, formula) => {
    const source = `model M { input x: [N, 4] h = dense(x, 4, tanh) ${formula} loss mean(y^2) optimizer sgd(lr = 1) }`;
    await expect(compile(source)).rejects.toMatchObject({ diagnostics: [{ code: "not-undoable" }] });
  });

  it("couple adds within one shape", async () => {
    await expect(
      compile("model M { input x: [N, 4] output y = couple(x[:, 0:1], x) }"),
    ).rejects.toMatchObject({ diagnostics: [{ code: "shape-mismatch" }] });
  });
});

/** Residual blocks, with `definition` before the layer and `application` before its call. */
const blocks = (definition: string, application: string, depth = 6): string => `
${definition}layer block(x) = x + dense(dense(x, 48, tanh) |> dropout(0.2), 16)
model Blocks {
  input x: [N, 16]
  target y: int[N]
  h = x
  for i in 0..${depth} { h = ${application}block(h) }
  z = dense(h, 3)
  loss cross_entropy(z, y)
  optimizer adam(lr = 1e-2)
}`;

describe("@recompute", () => {
  it("before a layer, or its application, gives the same bits in less memory", async () => {
    const plain = await lowered(blocks("", ""));
    const kept = schedule(plain);
    const rows = 16;
    const expected = results(plain, {}, rows);
    for (const source of [blocks("@recompute ", ""), blocks("", "@recompute ")]) {
      const model = await lowered(source);
      const program = schedule(model);
      verifyProgram(program, 4);
      expect(program.arena.perRow).toBeLessThan(0.6 * kept.arena.perRow);
      expect(program.keeping?.perRow).toBeGreaterThan(program.arena.perRow);
      expect(results(model, {}, rows)).toEqual(expected);
    }
  });

  it("keeps of each block no more than its result", async () => {
    const perRow = async (depth: number): Promise<number> =>
      schedule(await lowered(blocks("@recompute ", "", depth))).arena.perRow;
    expect((await perRow(16)) - (await perRow(8))).toBe(8 * 16 * 4);
  });

  it.each([
    ["in a pipe", "z = x |> dense(24, tanh) |> @recompute glu(24) |> dense(3)"],
    ["before a formula", "z = dense(@recompute tanh(dense(tanh(dense(x, 24)), 24)), 3)"],
    [
      "inside another",
      "z = dense(@recompute dense(@recompute dense(dense(x, 24, tanh), 24, tanh), 24, tanh), 3)",
    ],
    [
      "before a lambda's body",
      "f = t => @recompute dense(dense(t, 24, tanh), 24, tanh) z = dense(f(f(x)), 3)",
    ],
  ])("stands %s", async (_, formula) => {
    const source = `model M { input x: [N, 8] target y: int[N] ${formula} loss cross_entropy(z, y) optimizer sgd(lr = 1) }`;
    const model = await lowered(source);
    expect(repeats(schedule(model))).toBeGreaterThan(0);
    expect(results(model, {}, 5)).toEqual(
      results(await lowered(source.replaceAll("@recompute ", "")), {}, 5),
    );
  });

  it("is reported with its price", async () => {
    const { report } = await plan(blocks("@recompute ", ""));
    const { flops, memory, values } = report.recomputed!;
    expect(memory.recomputing).toBeLessThan(memory.keeping);
    expect(flops.recomputing / flops.keeping).toBeGreaterThan(1);
    expect(flops.recomputing / flops.keeping).toBeLessThan(4 / 3);
    expect(values.every(({ perRow }) => perRow)).toBe(true);
  });

  it("is a product where a space says so", async () => {
    const source =
      "model M { input x: [N, 2] param recompute: [2, 3] ~ normal(0, 1) output y = x @ recompute }";
    expect(await check(source)).toEqual([]);
  });

  it.each([
    ["@recomputed layer f(x) = x", "unknown-attribute", "@recompute"],
    ["layer a(x) = x @recomputed layer f(x) = x", "unknown-attribute", "@recompute"],
    ["const c = @inline 3", "unknown-attribute", "the only attribute"],
    ["model M { output y = @recompute 3 }", "nothing-to-recompute", "tensor"],
  ])("%s: %s", async (source, code, help) => {
    const found = await check(source);
    expect(found.map((d) => d.code)).toContain(code);
    expect(found.find((d) => d.code === code)?.help).toContain(help);
  });
});

describe("docs/memory.md", () => {
  const markdown = page("memory.md");
  const [deepest, block] = programBlocks(markdown).map(({ text }) => text);

  it("has programs that are in order", async () => {
    for (const { text } of programBlocks(markdown)) expect(await check(text)).toEqual([]);
    expect(block).toContain("@recompute layer");
  });

  it("tells the figures of its network", async () => {
    const rows = [...markdown.matchAll(/^\| (\d[\d.]*)MB +\| (\d\.\d\d) MB \| \+ ([\d.]+) % +\|$/gm)];
    expect(rows.length).toBe(3);
    const whole = /^\| none +\| (\d\.\d\d) MB/m.exec(markdown)![1];
    for (const [, limit, arena, percent] of rows) {
      const { report } = await plan(deepest!, { memory: { bytes: 1e6 * Number(limit), rows: 256 } });
      const { memory, flops } = report.recomputed!;
      expect((memory.keeping / 1e6).toFixed(2)).toBe(whole);
      expect((memory.recomputing / 1e6).toFixed(2)).toBe(arena);
      const more = 100 * (flops.recomputing / flops.keeping - 1);
      expect(Math.abs(more - Number(percent))).toBeLessThan(1);
    }
  });

  it("tells the bytes a row of the reversible example", async () => {
    const said = Number(/takes (\d+)\nbytes a row with 4 blocks and with 16/.exec(markdown)![1]);
    for (const depth of [4, 16]) {
      const { report } = await plan(example("reversible"), { settings: { depth } });
      expect(report.arena.perRow).toBe(said);
    }
  });
});

describe("--memory", () => {
  const place = mkdtempSync(join(tmpdir(), "nndsl-memory-"));
  writeFileSync(join(place, "deep.nn"), deep(16));
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it.each(["compile", "inspect"])("of %s prints the price", async (command) => {
    const { code, stdout } = await runHere(
      [command, "deep.nn", "--memory", "320KB", "--batch", "256"],
      place,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/recomputed instead of stored: h/);
    expect(stdout).toMatch(/256 rows of a batch: 3[01]\d KB instead of \d+ KB/);
    expect(stdout).toMatch(/a step: [\d.]+ MFLOP instead of [\d.]+ MFLOP, [\d.]+ % more/);
  });

  it("of train says the price and keeps the weights to the bit", async () => {
    const rows = 64;
    const x = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: 16 }, (__, j) => Math.sin(16 * i + j)),
    );
    const columns = x[0]!.map((_, j) => `x${j}`);
    writeFileSync(
      join(place, "x.csv"),
      [[...columns, "y"], ...x.map((row, i) => [...row, i % 3])].map((row) => row.join(",")).join("\n"),
    );
    const train = (weights: string, ...more: string[]): ReturnType<typeof runHere> =>
      runHere(
        ["train", "deep.nn", "--data", `x=x.csv:${columns.join(",")}`, "y=x.csv:y"].concat(
          ["--epochs", "2", "-o", weights],
          more,
        ),
        place,
      );
    const [plain, small] = [
      await train("plain.safetensors"),
      await train("small.safetensors", "--memory", "95KB"),
    ];
    expect([plain.code, small.code]).toEqual([0, 0]);
    expect(plain.stderr).not.toContain("recomputed");
    expect(small.stderr).toMatch(
      /recomputed instead of stored: h[\s\S]*32 rows of a batch: [89]\d\.\d KB instead of/,
    );
    const weights = (name: string): Buffer => readFileSync(join(place, name));
    expect(weights("small.safetensors").equals(weights("plain.safetensors"))).toBe(true);
  });

  it("counts eight bytes a number with inspect --dtype f64", async () => {
    const fixed = async (dtype: string): Promise<number> => {
      const { code, stdout } = await runHere(["inspect", "deep.nn", "--dtype", dtype, "--json"], place);
      expect(code).toBe(0);
      return (JSON.parse(stdout) as { arena: { fixed: number } }).arena.fixed;
    };
    expect(await fixed("f64")).toBeGreaterThan(1.9 * (await fixed("f32")));
  });

  it("says so where making values again saves nothing", async () => {
    writeFileSync(join(place, "shallow.nn"), deep(0));
    const { code, stderr } = await runHere(["compile", "shallow.nn", "--memory", "100"], place);
    expect(code).toBe(1);
    expect(stderr).toContain("recomputing values would save nothing");
  });

  it.each([
    ["100", 1, "memory-too-small"],
    ["a lot", 2, "such as 65536, 64KB or 2MB"],
    ["0", 2, "such as 65536, 64KB or 2MB"],
    ["1KB", 1, "a batch of 32 takes at least"],
    ["1KB", 1, "with the most useful recomputation"],
  ])("%s ends with exit code %i", async (size, exit, text) => {
    const { code, stderr } = await runHere(["compile", "deep.nn", "--memory", size], place);
    expect(code).toBe(exit);
    expect(stderr).toContain(text);
  });
});
