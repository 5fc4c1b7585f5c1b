/**
 * Rows taken in parts come to what all rows at once do, or are not taken in parts, or it is said
 * that they cannot be.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate, predict, RowsDoNotFit } from "../cli/parts.ts";
import { compile } from "../compiler/index.ts";
import { load, NndslError, type Net } from "../runtime/index.ts";
import { stream } from "./helpers/graph.ts";
import { runHere } from "./helpers/run-cli.ts";

const columns = 3;

/** Values that join in each of the ways, the couplings left to `coupled`. */
const source = (coupled: string): string => `
model Measured {
  input x: [N, ${columns}]
  input bias: [${columns}]
  target y: [N, ${columns}]
  target c: int[N]
  w = dense(x, ${columns}, tanh)
  output w
  output turned = x'
  output average = mean(x, axis = 0)
  output gram = x' @ x
  output highest = max(x, axis = 0)
  output lowest = min(x + bias)
  output own = bias * 2
  metric mae(x, y)
  metric accuracy(x, c)
  metric total = sum(x * y)
  metric rows = sum(x > 0)
  metric most = max(abs(x - y))
  metric least = min(x)
  metric size = l2(bias)
  ${coupled}
  loss mse(w, y)
  loss 1e-2 * l2(weights)
  optimizer sgd(lr = 0.1)
}`;
const coupling =
  "output centered = x - mean(x, axis = 0)\n  metric r2(w, y)\n  metric rmse = sqrt(mse(w, y))";

function dataOf(rows: number, seed: number) {
  const next = stream(seed);
  const floats = (count: number) => Float64Array.from({ length: count }, () => next() * 4 - 2);
  const inputs = {
    x: { data: floats(rows * columns), shape: [rows, columns] },
    bias: { data: floats(columns), shape: [columns] },
    y: { data: floats(rows * columns), shape: [rows, columns] },
    c: { data: Int32Array.from({ length: rows }, () => Math.floor(next() * columns)), shape: [rows] },
  };
  return { rows, inputs, categories: {}, columns: {}, notes: [] };
}

async function netOf(coupled: string): Promise<Net> {
  const { wasm } = await compile(source(coupled), { dtype: "f64" });
  return load(wasm, { seed: 3 });
}

/** A net that has memory for so many rows and no more. */
const withRoomFor = (net: Net, most: number): Net =>
  new Proxy(net, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "evaluate" && name !== "predict") return value;
      return (inputs: Parameters<Net["evaluate"]>[0]) => {
        const given = inputs["x"];
        if (typeof given === "object" && "shape" in given && given.shape[0]! > most) {
          throw new NndslError("out-of-memory", "There is no memory.");
        }
        return name === "evaluate" ? target.evaluate(inputs) : target.predict(inputs);
      };
    },
  });

describe("parts of a compiled model", () => {
  let apart: Net;
  let coupled: Net;
  beforeAll(async () => {
    [apart, coupled] = [await netOf(""), await netOf(coupling)];
  });
  afterAll(() => {
    apart.dispose();
    coupled.dispose();
  });

  const cases = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.nat(2 ** 31));

  test("come to what all rows at once do, whatever their size", () => {
    fc.assert(
      fc.property(cases, ([rows, size, seed]) => {
        const data = dataOf(rows, seed);
        for (const net of [apart, coupled]) {
          const { loss, metrics } = net.evaluate(data.inputs);
          const { evaluation, missing } = evaluate(net, data, { rows: size })!;
          expect(missing).toBeNull();
          for (const [name, want] of Object.entries({ loss, ...metrics })) {
            const got = name === "loss" ? evaluation.loss : evaluation.metrics[name];
            if (Number.isFinite(want)) expect(got, name).toBeCloseTo(want, 9);
          }
          const { x, bias } = data.inputs;
          const want = net.predict({ x, bias });
          const got = predict(net, { ...data, inputs: { x, bias } }, { rows: size });
          expect(Object.keys(got)).toEqual(Object.keys(want));
          for (const [name, { data: values, shape }] of Object.entries(want)) {
            expect(got[name]!.shape, name).toEqual(shape);
            for (const [i, value] of values.entries()) expect(got[name]!.data[i], name).toBeCloseTo(value, 9);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("are really taken: without couplings no call sees more rows than a part has", () => {
    const data = dataOf(100, 1);
    const small = withRoomFor(apart, 7);
    expect(evaluate(small, data, { rows: 7 })!.evaluation.loss).toBeCloseTo(apart.loss(data.inputs), 9);
    expect(predict(small, data, { rows: 7 })["w"]!.shape).toEqual([100, columns]);
  });

  test("where all rows at once do not fit, what couples them is missing with its reason, and the rest is there", () => {
    const data = dataOf(100, 1);
    const { evaluation, missing } = evaluate(withRoomFor(coupled, 7), data, { rows: 7 })!;
    const { loss, metrics } = coupled.evaluate(data.inputs);
    expect(evaluation.metrics).toMatchObject({ r2: null, rmse: null });
    expect(evaluation.metrics["accuracy"]).toBeCloseTo(metrics["accuracy"]!, 9);
    expect(evaluation.loss).toBeCloseTo(loss, 9);
    expect(missing?.complaint("warning").code).toBe("rows-do-not-fit");
    expect(missing?.message).toMatch(
      /^`r2`, `rmse` take all 100 rows at once: [\d.]+ KB of memory, which is not available$/,
    );
  });

  test("outputs that couple rows are refused whole", () => {
    expect(() => predict(withRoomFor(coupled, 7), dataOf(100, 1), { rows: 7 })).toThrow(RowsDoNotFit);
  });

  test("another error of the runtime is passed on", () => {
    const data = dataOf(10, 1);
    const { x, bias, y } = data.inputs;
    expect(() => evaluate(coupled, { ...data, inputs: { x, bias, y } })).toThrow(/`c` is missing/);
  });
});

describe("the commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-parts-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** So wide a layer that 17,000 rows take more than a module can address. */
  const wide = (lines: string): string => `
model Wide {
  input x: [N, 1]
  target y: [N, 1]
  z = dense(dense(x, 65536, relu), 1)
  ${lines}
  loss mse(z, y)
  optimizer sgd(lr = 0)
}`;
  const rows = 17_000;

  beforeAll(() => {
    const lines = Array.from({ length: rows }, (_, i) => `${Math.sin(i)},${Math.cos(i)}`);
    writeFileSync(join(folder, "data.csv"), `x,y\n${lines.join("\n")}\n`);
    writeFileSync(join(folder, "few.csv"), `x,y\n${lines.slice(0, 1200).join("\n")}\n`);
    writeFileSync(join(folder, "metric.nn"), wide("output z\n  metric r2(z, y)\n  metric mae(z, y)"));
    writeFileSync(join(folder, "output.nn"), wide("output centered = z - mean(z)"));
  });
  const data = (file: string): string[] => ["--data", `x=${file}:x`, `y=${file}:y`];

  test("train tells which metric is not to be had, and gives the others", async () => {
    const { code, stdout, stderr } = await runHere(
      ["train", "metric.nn", ...data("data.csv"), "--epochs", "0", "--json"],
      folder,
    );
    expect(stderr).toContain("warning[rows-do-not-fit]: `r2` takes all 17,000 rows at once");
    expect(code).toBe(0);
    const { loss, metrics } = JSON.parse(stdout);
    expect(metrics.r2).toBeNull();
    expect(metrics.mae).toBeGreaterThan(0);
    expect(loss).toBeGreaterThan(0);
  }, 60_000);

  test("train says what memory it takes where that is much", async () => {
    const { code, stdout, stderr } = await runHere(
      ["train", "metric.nn", ...data("few.csv"), "--epochs", "0", "--json"],
      folder,
    );
    expect(stderr).toMatch(/note: `r2` takes all 1,200 rows at once: \d+ MB of memory/);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).metrics.r2).toBeLessThan(1);
  }, 60_000);

  test("predict refuses, with a code, and writes nothing", async () => {
    const weights = ["train", "output.nn", ...data("few.csv"), "--epochs", "0", "-o", "w.safetensors"];
    expect((await runHere(weights, folder)).code).toBe(0);
    const { code, stderr } = await runHere(
      ["predict", "output.nn", "--weights", "w.safetensors", "--data", "x=data.csv:x", "-o", "out.csv"],
      folder,
    );
    expect(stderr).toContain("error[rows-do-not-fit]: `centered` takes all 17,000 rows at once");
    expect(code).toBe(1);
    expect(existsSync(join(folder, "out.csv"))).toBe(false);
  }, 60_000);
});
