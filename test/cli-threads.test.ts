/** `--threads` changes how long `train` and `predict` take, and nothing that they write. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-cli-threads-"));
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
const read = (name: string): Buffer => readFileSync(join(folder, name));

const model = (width: number): string => `model Net {
  input x: [N, 3]
  target y: [N, 1]
  p = x |> dense(${width}, tanh) |> dense(${width}, tanh) |> dense(1)
  output p
  loss mse(p, y)
  optimizer adam(lr = 0.01)
}`;
const data = ["--data", "x=points.csv:a,b,c", "y=points.csv:y"];

beforeAll(() => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 5},${i % 3},${(i % 7) - (i % 5)}`);
  writeFileSync(join(folder, "points.csv"), ["a,b,c,y", ...lines].join("\n"));
  writeFileSync(join(folder, "wide.nn"), model(64));
  writeFileSync(join(folder, "narrow.nn"), model(4));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("--threads", () => {
  test("the weights and the predictions are those of one", async () => {
    for (const [threads, name] of [
      ["1", "one"],
      ["3", "three"],
    ] as const) {
      const weights = `${name}.safetensors`;
      const shared = ["wide.nn", "--threads", threads];
      const trained = await run("train", ...shared, ...data, "--epochs", "3", "-o", weights);
      expect({ code: trained.code, notes: trained.stderr.match(/note/g) }).toEqual({ code: 0, notes: null });
      const points = ["--data", "x=points.csv:a,b,c"];
      const predicted = await run("predict", ...shared, ...points, "--weights", weights, "-o", `${name}.npy`);
      expect(predicted.code).toBe(0);
    }
    expect(read("three.safetensors").equals(read("one.safetensors"))).toBe(true);
    expect(read("three.npy").equals(read("one.npy"))).toBe(true);
  });

  test("where there are fewer, stderr says why", async () => {
    const shared = ["narrow.nn", "--threads", "2"];
    const { code, stderr } = await run("train", ...shared, ...data, "--epochs", "1", "-o", "w.safetensors");
    expect(code).toBe(0);
    expect(stderr).toContain("note: 1 thread, since the model is too small to be divided\n");
    const points = ["--data", "x=points.csv:a,b,c"];
    const predicted = await run("predict", ...shared, ...points, "--weights", "w.safetensors");
    expect(predicted.stderr).toContain("note: 1 thread, since the model is too small to be divided\n");
  });

  test("is a number", async () => {
    const { code, stderr } = await run("train", "wide.nn", "--threads", "many", ...data);
    expect(code).toBe(2);
    expect(stderr).toContain("--threads");
  });
});
