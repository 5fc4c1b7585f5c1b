/** Averages of weights: how a program reads them, and how `predict --average` predicts with them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { start } from "./helpers/model.ts";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const body = `
  input x: [N, 2]
  target y: [N, 1]
  h = dense(x, 3, tanh)
  p = dense(h, 1)
  output p
  loss mse(p, y)`;
/** The head has no averages. */
const source = `model Averaged {${body}
  optimizer sgd(lr = 0.3, ema = 0.75) for h
  optimizer adam(lr = 0.1)
}
`;
const averaged = ["h.weight", "h.bias"];

const rows = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(3 * i)] as const);
const examples = { x: rows.map(([a, b]) => [a, b]), y: rows.map(([a, b]) => [a - 2 * a * b]) };

/** A net after five steps, and what the definition says of its averages, in f64. */
async function trained() {
  const net = await start(source);
  const means = new Map<string, number[]>();
  for (let step = 1; step <= 5; step++) {
    net.step(examples);
    for (const path of averaged) {
      const weights = [...net.get(path).data];
      const before = means.get(path);
      means.set(path, before ? weights.map((w, i) => 0.75 * before[i]! + 0.25 * w) : weights);
    }
  }
  return { net, means };
}

describe("net.get", () => {
  test("has what the optimizer keeps, by its name in files", async () => {
    const { net, means } = await trained();
    for (const [path, mean] of means) {
      const { data, shape } = net.get(`optimizer.average.${path}`);
      expect(shape).toEqual(net.get(path).shape);
      data.forEach((value, i) => expect(value).toBeCloseTo(mean[i]!, 6));
      expect(data).not.toEqual(net.get(path).data);
      expect(net.view(`optimizer.average.${path}`)).toEqual(data);
    }
    const named = net.manifest.optimizer!.states.map(({ name, parameter }) => `${name} ${parameter}`);
    expect(named.toSorted()).toEqual(
      ["average h.bias", "average h.weight", "m p.bias", "m p.weight", "v p.bias", "v p.weight"].toSorted(),
    );
    const missing = expect.objectContaining({
      code: "unknown-parameter",
      message: expect.stringMatching(/did you mean `optimizer.average.h.weight`/),
    });
    expect(() => net.get("optimizer.average.p.weight")).toThrow(missing);
  });

  test("takes the weights' place by net.set, and a saved net goes on as it was", async () => {
    const { net, means } = await trained();
    const before = net.save();
    for (const path of averaged) net.set(path, net.get(`optimizer.average.${path}`));
    expect(net.get("h.bias").data[0]).toBeCloseTo(means.get("h.bias")![0]!, 6);
    net.restore(before);
    expect(net.save()).toEqual(before);
  });

  test("a value that is set is what the next step goes on from", async () => {
    const { net } = await trained();
    net.set("optimizer.average.h.bias", [8, 0, -8]);
    net.step(examples);
    const { data } = net.get("h.bias");
    net.get("optimizer.average.h.bias").data.forEach((value, i) => {
      expect(value).toBeCloseTo(0.75 * [8, 0, -8][i]! + 0.25 * data[i]!, 5);
    });
  });
});

describe("predict --average", () => {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-averages-"));
  const at = (name: string): string => join(folder, name);
  const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
  const predict = async (file: string, weights: string, ...more: string[]): Promise<number[]> => {
    const args = ["predict", file, "--weights", weights, "--data", "x=points.csv:a,b", "--json"];
    const { code, stdout, stderr } = await run(...args, ...more);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout).outputs.p.data;
  };

  beforeAll(async () => {
    writeFileSync(at("averaged.nn"), source);
    writeFileSync(at("plain.nn"), `model Averaged {${body}\n}\n`);
    writeFileSync(at("points.csv"), `a,b\n${rows.map((row) => row.join()).join("\n")}\n`);
    const { net } = await trained();
    writeFileSync(at("five.safetensors"), net.save());
    net.reset();
    writeFileSync(at("none.safetensors"), net.save());
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("predicts with the averages, and with the weights that have none", async () => {
    const { net, means } = await trained();
    const weights = [...net.predict(examples)["p"]!.data];
    for (const [path, mean] of means) net.set(path, mean);
    const wanted = [...net.predict(examples)["p"]!.data];
    const found = await predict("averaged.nn", "five.safetensors", "--average");
    found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 6));
    expect(await predict("averaged.nn", "five.safetensors")).toEqual(weights);
    expect(weights).not.toEqual(found);
    // The file has them, whatever the program's own optimizer.
    expect(await predict("plain.nn", "five.safetensors", "--average")).toEqual(found);
  });

  test("says so where there are none", async () => {
    const args = ["predict", "averaged.nn", "--average", "--data", "x=points.csv:a,b"];
    const { code, stderr } = await run(...args, "--weights", "none.safetensors");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /none.safetensors.*no averages of weights|no averages of weights.*none.safetensors/s,
    );
    expect(stderr).toContain("adam(ema = 0.999)");
    const unnamed = await run(...args);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toContain("--average takes averages from a file");
  });
});
