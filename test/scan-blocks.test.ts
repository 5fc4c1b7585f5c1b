/** Loops in blocks: the same gradients from fewer stacked values. */
import { describe, expect, test } from "vitest";
import { analyze, inSteps } from "../compiler/analyze.ts";
import { compile, type CompileOptions } from "../compiler/index.ts";
import { plan } from "../compiler/plan.ts";
import { DiagnosticError } from "../grammar/diagnostic.ts";
import { load } from "../runtime/index.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { reachable } from "../compiler/graph/graph.ts";
import { listRoots, type Model } from "../compiler/graph/model.ts";
import { verify } from "../compiler/graph/verify.ts";
import { countOf, isFree } from "../compiler/ir/size.ts";
import { differentiate, differentiateInBlocks } from "../compiler/passes/differentiate.ts";

const ROWS = 2;

const lstm = (length: number, more: string): string => `
fn cell(h, c, x, w, u) {
  g = x @ w + h @ u
  after = sigmoid(g[:, 0:3]) * c + sigmoid(g[:, 3:6]) * tanh(g[:, 6:9])
  return [sigmoid(g[:, 9:12]) * tanh(after), after]
}
model M {
  input x: [N, ${length}, 2]
  param h0: [3] ~ normal(0, 1)
  param w: [2, 12] ~ normal(0, 1)
  param u: [3, 12] ~ normal(0, 1)
  first = zeros([N, 3]) + h0
  s = scan(x, [first, first^2], (s, x) => cell(s[0], s[1], x, w, u), axis = -2${more})
  loss sum(s[0][:, -1]^2) + sum(s[1]^3)
}`;

/** The gradients of the parameters, whose numbers look drawn. */
function gradients(model: Model): number[] {
  verify(model, "differentiate");
  const drawn = (shape: readonly number[], seed: number) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { shape, data: Float64Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + seed))) };
  };
  const nodes = model.persistent.flatMap(({ gradient }) => gradient ?? []);
  return evaluate(nodes, {
    n: ROWS,
    inputs: new Map(
      model.inputs.map(({ name, shape }) => [
        name,
        drawn(
          shape.map((size) => (isFree(size) ? ROWS : countOf(size))),
          1,
        ),
      ]),
    ),
    parameters: new Map(model.persistent.map(({ shape }, i) => [i, drawn(shape.map(countOf), i + 2)])),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 0,
  }).flatMap(({ data }) => [...data]);
}

const loopsOf = (model: Model): number =>
  new Set(
    reachable(listRoots(model)).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
  ).size;

describe("loops in blocks", () => {
  for (const length of [9, 10, 11, 16, 23])
    for (const reverse of ["", ", reverse = true"])
      test(`${length} places${reverse}: the gradients are those of the whole loop`, async () => {
        const { formulas } = await analyze(lstm(length, reverse));
        const [whole, parts] = [
          gradients(differentiate(formulas)),
          gradients(differentiateInBlocks(formulas)),
        ];
        expect(parts.length).toBe(whole.length);
        parts.forEach((x, i) => expect(x).toBeCloseTo(whole[i]!, 10));
        expect(whole.every((x) => x !== 0)).toBe(true);
      });

  test("all passes keep the gradients of loops in blocks", async () => {
    const analysis = await analyze(lstm(11, ""));
    const [whole, parts] = [gradients(analysis.joint), gradients(inSteps(analysis).joint)];
    parts.forEach((x, i) => expect(x).toBeCloseTo(whole[i]!, 10));
    expect(loopsOf(inSteps(analysis).joint)).toBeGreaterThan(loopsOf(analysis.joint));
  });

  test("a module that runs them has the same numbers, and says the price", async () => {
    const source = `model M {
  input x: [N, 100, 3]
  target y: [N, 100, 8]
  h = lstm(x, 8)
  output h
  loss mse(h, y)
}`;
    const whole = await plan(source);
    const { fixed, perRow } = whole.report.arena;
    const memory = { bytes: fixed + 2 * perRow, rows: 4 };
    const blocks = await plan(source, { memory });
    const price = blocks.report.recomputed!;
    expect(price.loops).toBe(true);
    expect(price.memory.recomputing).toBeLessThanOrEqual(memory.bytes);
    expect(price.memory.keeping).toBe(fixed + 4 * perRow);
    expect(price.flops.recomputing).toBeGreaterThan(1.1 * price.flops.keeping);
    expect(price.flops.recomputing).toBeLessThan(1.7 * price.flops.keeping);
    const x = Float64Array.from({ length: 4 * 300 }, (_, i) => Math.sin(i));
    const y = Float64Array.from({ length: 4 * 800 }, (_, i) => Math.cos(i));
    const computed = async (options: CompileOptions): Promise<readonly number[]> => {
      const { wasm } = await compile(source, { dtype: "f64", ...options });
      const net = await load(wasm, { seed: 1 });
      const { gradients: found } = net.gradients({ x, y });
      net.dispose();
      return Object.values(found).flatMap(({ data }) => [...data]);
    };
    const kept = await computed({});
    const again = await computed({ memory: { bytes: 2 * memory.bytes, rows: 4 } });
    again.forEach((g, i) => expect(g).toBeCloseTo(kept[i]!, 12));
  });

  test("of 100 steps no more than 10 values are stacked at a time, where the last one is all that is read", async () => {
    const text = `model M {
  input x: [N, 100, 2]
  param w: [2, 2] ~ normal(0, 1)
  hs = scan(x, zeros([N, 2]), (h, x) => tanh(x + h @ w), axis = -2)
  loss sum(hs[:, -1]^2)
}`;
    const { formulas } = await analyze(text);
    const longest = (model: Model): number =>
      Math.max(
        ...reachable(model.persistent.flatMap(({ gradient }) => gradient ?? [])).flatMap((node) =>
          node.op === "scan" ? [countOf(node.shape[0]!)] : [],
        ),
      );
    expect(longest(differentiate(formulas))).toBe(100);
    expect(longest(differentiateInBlocks(formulas))).toBe(10);
  });

  test("a net over 400 steps of which the last state is read trains in a sixth of the memory", async () => {
    const source = `model M {
  input x: [N, 400, 8]
  target y: [N, 32]
  loss mse(gru(x, 32)[:, -1], y)
}`;
    const { fixed, perRow } = (await plan(source)).report.arena;
    const bytes = (fixed + 32 * perRow) / 6;
    const { report } = await plan(source, { memory: { bytes, rows: 32 } });
    expect(report.recomputed!.memory.recomputing).toBeLessThanOrEqual(bytes);
  });

  describe("the least that would do", () => {
    const least = async (source: string): Promise<{ readonly bytes: number; readonly note: string }> => {
      const error: unknown = await plan(source, { memory: { bytes: 1, rows: 8 } }).catch((e: unknown) => e);
      if (!(error instanceof DiagnosticError)) throw error;
      const { code, message, notes } = error.diagnostics[0]!;
      expect(code).toBe("memory-too-small");
      const bytes = Number(/at least ([\d,]+) bytes/.exec(message)![1]!.replaceAll(",", ""));
      return { bytes, note: notes.join() };
    };
    const program = (loss: string): string => `model M {
  input x: [N, 50, 2]
  target y: [N, 1]
  z = dense(gru(x, 8)[:, -1], 1)
  loss ${loss}
}`;

    test("is that of the blocks, beside what the whole loop takes", async () => {
      const source = program("mse(z, y)");
      const { fixed, perRow } = (await plan(source)).report.arena;
      const { bytes, note } = await least(source);
      expect(bytes).toBeLessThan((fixed + 8 * perRow) / 2);
      expect(note).toContain(
        `it takes ${(fixed + 8 * perRow).toLocaleString("en")} bytes if every value is stored`,
      );
      await plan(source, { memory: { bytes, rows: 8 } });
      await expect(plan(source, { memory: { bytes: bytes - 1, rows: 8 } })).rejects.toThrow(
        "memory-too-small",
      );
    });

    test("is what is taken without a limit, where blocks take more", async () => {
      const source = program("mse(z, y) + mean(grad(sum(z), x)^2)");
      const { fixed, perRow } = (await plan(source)).report.arena;
      const { bytes, note } = await least(source);
      expect(bytes).toBe(fixed + 8 * perRow);
      expect(note).toBe("recomputing values would save nothing");
      await plan(source, { memory: { bytes, rows: 8 } });
    });
  });
});
