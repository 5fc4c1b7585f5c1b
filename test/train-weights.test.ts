/** `train --weights`: a new run that starts from what another model has learned. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors, type StoredTensor } from "../runtime/safetensors.ts";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-weights-"));
const at = (name: string): string => join(folder, name);
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
const tensors = (name: string): ReadonlyMap<string, StoredTensor> =>
  readSafetensors(readFileSync(at(name))).tensors;
const numbers = (name: string, path: string): number[] => [...tensors(name).get(path)!.data];

/** A body, a norm with states, and a head of so many classes. */
const classifier = (classes: number): string => `model Sorts {
  input x: [N, 2]
  target y: int[N]
  body = x |> dense(4) |> batch_norm |> tanh
  head = dense(body, ${classes})
  loss cross_entropy(head, y)
  optimizer adam
}
`;
const data = ["--data", "x=points.csv:a,b", "y=points.csv:sort"];

beforeAll(async () => {
  writeFileSync(at("three.nn"), classifier(3));
  writeFileSync(at("two.nn"), classifier(2));
  writeFileSync(at("other.nn"), "model Other {\n  param w = [1, 2]\n  loss l2(w)\n  optimizer sgd\n}\n");
  const rows = Array.from({ length: 30 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${i % 2}`);
  writeFileSync(at("points.csv"), `a,b,sort\n${rows.join("\n")}\n`);
  const { code, stderr } = await run(
    "train",
    "three.nn",
    ...data,
    "--epochs",
    "3",
    "-o",
    "three.safetensors",
  );
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of no epochs writes what it starts from. */
const started = (weights: string, ...args: string[]): Promise<CliResult> =>
  run("train", "two.nn", ...data, "--weights", weights, "--epochs", "0", "-o", "start.safetensors", ...args);

describe("weights of a net with another head", () => {
  test("are taken where path and shape are the same, states of layers included, and the rest is drawn", async () => {
    const { code, stderr } = await started("three.safetensors", "--seed", "5");
    expect(code, stderr).toBe(0);
    for (const path of [
      "body.0.weight",
      "body.0.bias",
      "body.1.weight",
      "body.1.running_mean",
      "body.1.running_var",
    ]) {
      expect(numbers("start.safetensors", path), path).toEqual(numbers("three.safetensors", path));
    }
    // As a run without the file draws it.
    await run("train", "two.nn", ...data, "--epochs", "0", "--seed", "5", "-o", "fresh.safetensors");
    expect(numbers("start.safetensors", "head.weight")).toEqual(numbers("fresh.safetensors", "head.weight"));
    expect(numbers("start.safetensors", "body.0.weight")).not.toEqual(
      numbers("fresh.safetensors", "body.0.weight"),
    );
    expect(stderr).toContain(
      "note: 6 of 8 tensors of Sorts from three.safetensors; drawn: head.weight ([3, 4] there, [2, 4] here), head.bias ([3] there, [2] here)\n",
    );
  });

  test("begin a new run: the optimizer starts afresh, and epochs are counted from 1", async () => {
    const continued = ["train", "three.nn", ...data, "--weights", "three.safetensors"];
    const { stdout, stderr } = await run(...continued, "--epochs", "1", "--json");
    expect(stderr).toContain("8 of 8 tensors of Sorts from three.safetensors\n");
    // Any of these fields may be missing, and then the test fails.
    const { history } = JSON.parse(stdout) as { history: readonly { epoch: number }[] };
    expect(history.map(({ epoch }) => epoch)).toEqual([1]);
    await started("three.safetensors");
    expect(new Set(numbers("start.safetensors", "optimizer.m.body.0.weight"))).toEqual(new Set([0]));
  });
});

describe("what is refused", () => {
  test("a file of which nothing fits", async () => {
    const { code, stderr } = await run("train", "other.nn", "--weights", "three.safetensors");
    expect(code).toBe(1);
    expect(stderr).toContain("error[bad-weights]");
    expect(stderr).toContain("none of its tensors has the path and the shape of a parameter of Other");
    expect(stderr).toContain("Other has w; the file has");
  });

  test("a file with NaN, and one that is no weights file", async () => {
    const bad = { shape: [4, 2], data: new Float32Array(8).fill(NaN) };
    writeFileSync(at("bad.safetensors"), writeSafetensors([["body.0.weight", bad]]));
    const { code, stderr } = await started("bad.safetensors");
    expect(code).toBe(1);
    expect(stderr).toContain("its `body.0.weight` holds NaN");
    expect((await started("points.csv")).stderr).toContain("error[bad-weights]");
    expect((await started("missing.safetensors")).code).toBe(2);
  });

  test("--resume beside it", async () => {
    const { code, stderr } = await started("three.safetensors", "--resume", "three.safetensors");
    expect(code).toBe(2);
    expect(stderr).toContain("--resume and --weights exclude each other");
  });
});
