/** States of layers and models: what changes them, and where they are kept. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../runtime/safetensors.ts";
import type { Net } from "../runtime/index.ts";
import { parametersOf, read } from "./helpers/elaborated.ts";
import { build, start } from "./helpers/model.ts";
import { runHere } from "./helpers/run-cli.ts";

const source = `
model Kept {
  input x: [N, 3]
  target y: [N, 1]
  state steps = 0
  state last: [3] = [1, 2, 3]
  steps = steps + 1
  before = last
  last = mean(x, axis = 0)
  h = x |> dense(4) |> batch_norm |> relu
  p = dense(h, 1)
  output p = p
  output was = before + 0 * steps
  output after = last
  loss mse(p, y)
  optimizer adam(lr = 0.05)
}`;

/** Rows of examples; some other for another `seed`. */
function examples(rows: number, seed = 0) {
  const x = Float32Array.from({ length: 3 * rows }, (_, i) => Math.sin((i + 3 * seed) ** 2));
  const y = Float32Array.from({ length: rows }, (_, i) => x[3 * i]! * x[3 * i + 1]!);
  return { x, y };
}

const states = (net: Net): Record<string, number[]> =>
  Object.fromEntries(net.manifest.states.map(({ path }) => [path, [...net.get(path).data]]));

const data = examples(7);

describe("what changes a state", () => {
  let net: Net;
  beforeAll(async () => void (net = await start(source, { dtype: "f64" })));

  test("a step alone, after all that reads the old value", () => {
    net.reset();
    const first = states(net);
    expect(first).toEqual({
      steps: [0],
      last: [1, 2, 3],
      "h.1.running_mean": [0, 0, 0, 0],
      "h.1.running_var": [1, 1, 1, 1],
    });
    const { x } = data;
    net.predict({ x });
    net.loss(data);
    net.evaluate(data);
    net.gradients(data);
    expect(states(net)).toEqual(first);
    // Lines above the binding read the old value, lines below the new one.
    const mean = [0, 1, 2].map((c) => [0, 1, 2, 3, 4, 5, 6].reduce((s, r) => s + x[3 * r + c]!, 0) / 7);
    const { was, after } = net.predict({ x });
    expect([...was!.data]).toEqual([1, 2, 3]);
    [...after!.data].forEach((value, c) => expect(value).toBeCloseTo(mean[c]!, 12));
    net.step(data);
    net.step(examples(5, 1));
    const second = states(net);
    expect(second["steps"]).toEqual([2]);
    net.step(data);
    expect(net.get("last").data[1]).toBeCloseTo(mean[1]!, 12);
    expect(second["last"]).not.toEqual([...net.get("last").data]);
    expect(net.get("steps").data[0]).toBe(3);
    net.reset();
    expect(states(net)).toEqual(first);
  });

  test("`set` and the live view", () => {
    net.reset();
    net.set("last", [4, 5, 6]);
    net.view("steps")[0] = 9;
    expect(states(net)).toMatchObject({ last: [4, 5, 6], steps: [9] });
    expect([...net.predict({ x: data.x })["was"]!.data]).toEqual([4, 5, 6]);
    expect(() => net.set("last", [1, 2])).toThrow(expect.objectContaining({ code: "wrong-size" }));
    expect(() => net.get("late")).toThrow(expect.objectContaining({ code: "unknown-parameter" }));
  });

  test("it is no parameter, and has no gradient", () => {
    expect(net.manifest.parameters.map(({ path }) => path)).toEqual([
      "h.0.weight",
      "h.0.bias",
      "h.1.weight",
      "h.1.bias",
      "p.weight",
      "p.bias",
    ]);
    expect(Object.keys(net.gradients(data).gradients)).toEqual(net.manifest.parameters.map((p) => p.path));
    expect(net.manifest.states.map(({ path, shape, init }) => [path, shape, init])).toEqual([
      ["steps", [], "= 0"],
      ["last", [3], "= [1, 2, 3]"],
      ["h.1.running_mean", [4], "= 0"],
      ["h.1.running_var", [4], "= 1"],
    ]);
  });

  test("gradients take it for a constant, and go through what is bound to its name", async () => {
    const through = await start(
      `model Through {
        param w = 2
        param v = 3
        state s = 5
        loss v * s
        s = s * w
        loss s
        optimizer sgd(lr = 1)
      }`,
      { dtype: "f64" },
    );
    // 5 v + 5 w, then 10 v + 10 w at w = 2 - 5.
    for (const [s, w] of [
      [5, 2],
      [10, -3],
    ] as const) {
      const { loss, gradients } = through.gradients({});
      expect([gradients["v"]!.data[0], gradients["w"]!.data[0]]).toEqual([s, s]);
      expect(loss).toBe(through.get("v").data[0]! * s + s * w);
      through.step({});
    }
    expect(through.get("s").data[0]).toBe(-30);
  });

  test("a model without an optimizer keeps its first values", async () => {
    const fixed = await start(`model Fixed {
      input x: [N, 2]
      state seen = 1
      seen = seen + 1
      output y = x * seen
      loss mean(x * seen)
    }`);
    const x = [1, 2];
    expect(fixed.gradients({ x }).loss).toBe(3);
    expect(fixed.gradients({ x }).loss).toBe(3);
    expect([...fixed.predict({ x })["y"]!.data]).toEqual([2, 4]);
    expect(states(fixed)).toEqual({ seen: [1] });
  });

  test("a batch of one number per channel has the variance 0", async () => {
    const one = await start(`model One {
      input x: [N, 2]
      h = batch_norm(x)
      output h = h
      loss sum(h^2)
      optimizer sgd
    }`);
    expect(one.step({ x: [3, -4] })).toBe(0);
    expect(states(one)["h.running_var"]!.map((v) => Math.fround(v))).toEqual(
      [0.9, 0.9].map((v) => Math.fround(v)),
    );
    expect(states(one)["h.running_mean"]!.every(Number.isFinite)).toBe(true);
  });
});

describe("paths", () => {
  test("of layers in loops and in layers; calls that own nothing are not counted", async () => {
    const { model } = await read(`
      layer counted(x) {
        state calls = 0
        calls = calls + 1
        return x
      }
      layer twice(x) {
        h = counted(counted(x))
        return counted(h)
      }
      layer halved(x) = x / 2
      model Paths {
        input x: [N, 2]
        h = x |> halved |> dense(3) |> halved |> counted |> halved |> dense(2)
        g = halved(h) |> twice |> halved
        for i in 0..2 { state each = i; each = each + 1 }
        output y = g * h.1.calls + each
      }`);
    expect(model!.persistent.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "parameter h.0.weight",
      "parameter h.0.bias",
      "layer-state h.1.calls",
      "parameter h.2.weight",
      "parameter h.2.bias",
      "layer-state g.h.0.calls",
      "layer-state g.h.1.calls",
      "layer-state g.counted.calls",
      "layer-state each.0",
      "layer-state each.1",
    ]);
    expect(parametersOf(model!)).toHaveLength(4);
    const paths = model!.layers.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("`weights` and `params` leave states out", async () => {
    const net = await start(
      `model Sums {
        param w = [[1, 2], [3, 4]]
        state s: [2, 2] = 10
        s = s + 1
        output both = l1(weights) + l1(params)
        loss l2(w)
        optimizer sgd
      }`,
    );
    expect(net.predict({})["both"]!.data[0]).toBe(20);
  });
});

describe("files of weights", () => {
  let net: Net;
  beforeAll(async () => void (net = await start(source)));

  test("hold states beside parameters, and bring them back", () => {
    net.reset(4);
    for (const seed of [1, 2, 3]) net.step(examples(6, seed));
    const [bytes, kept] = [net.save(), states(net)];
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(expect.arrayContaining(Object.keys(kept)));
    const loss = net.step(data);
    net.reset(1);
    net.restore(bytes);
    expect(states(net)).toEqual(kept);
    expect(net.step(data)).toBe(loss);
  });

  test("must have them, and need no count of batches", () => {
    const { tensors, metadata } = readSafetensors(net.save());
    const without = [...tensors].filter(([name]) => name !== "h.1.running_var");
    expect(() => net.restore(writeSafetensors(without, metadata))).toThrow(/no `h.1.running_var`/);
    const weights = [...tensors].filter(([name]) => !name.startsWith("optimizer."));
    const count = { shape: [], data: Float32Array.of(7) };
    net.set("last", [7, 8, 9]);
    net.restore(writeSafetensors([...weights, ["h.1.num_batches_tracked", count]], {}));
    expect(states(net)["last"]).not.toEqual([7, 8, 9]);
  });

  test("patience puts the states of the best epoch back", async () => {
    const [trained, held] = [examples(24), examples(9, 5)];
    let best: Record<string, number[]> = {};
    let least = Infinity;
    net.reset(2);
    const { history } = await net.fit(trained, {
      epochs: 40,
      batch: 8,
      validate: held,
      patience: 3,
      onEpoch: ({ validation }) => {
        if (validation!.loss >= least) return;
        least = validation!.loss;
        best = states(net);
      },
    });
    expect(history.length).toBeGreaterThan(3);
    expect(states(net)).toEqual(best);
    expect(net.loss(held)).toBe(least);
    expect(states(net)["steps"]![0]).toBeLessThan(history.length * 3);
  });

  test("`train --resume` goes on as if it had not been interrupted", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nndsl-states-"));
    writeFileSync(join(folder, "kept.nn"), source);
    const { x, y } = examples(20);
    const lines = Array.from(y, (value, row) => [...x.slice(3 * row, 3 * row + 3), value].join(","));
    writeFileSync(join(folder, "d.csv"), `a,b,c,y\n${lines.join("\n")}\n`);
    const train = async (...more: string[]): Promise<void> => {
      const args = ["train", "kept.nn", "--data", "x=d.csv:a,b,c", "y=d.csv:y", "--batch", "6", ...more];
      const { code, stderr } = await runHere(args, folder);
      expect(code, stderr).toBe(0);
    };
    await train("--epochs", "5", "-o", "whole.safetensors");
    await train("--epochs", "2", "-o", "half.safetensors");
    await train("--epochs", "3", "--resume", "half.safetensors", "-o", "both.safetensors");
    const [whole, both] = ["whole", "both"].map((name) =>
      readSafetensors(readFileSync(join(folder, `${name}.safetensors`))),
    );
    expect(both!.tensors).toEqual(whole!.tensors);
    expect([...whole!.tensors.keys()]).toContain("h.1.running_mean");
  });
});

test("a probed step changes states as a step does", async () => {
  const [plain, probed] = [await start(source), await start(source, { probe: true })];
  for (const net of [plain, probed]) {
    net.reset(3);
    await net.fit(examples(12), { epochs: 2, batch: 4, ...(net === probed ? { probe: 2 } : {}) });
  }
  probed.probe(data);
  expect(states(probed)).toEqual(states(plain));
});

test("what is made again, or computed in another order, gives the same states", async () => {
  const plain = await start(source);
  const again = await start(
    source.replace("|> dense(4) |> batch_norm", "|> dense(4) |> normed").concat(`
    @recompute layer normed(x) = batch_norm(x)`),
  );
  for (const net of [plain, again]) {
    net.reset(3);
    for (const seed of [1, 2]) net.step(examples(12, seed));
  }
  expect(Object.values(states(again))).toEqual(Object.values(states(plain)));
});

test("types know the paths of states", async () => {
  const { compiled } = await build(source);
  expect(compiled.dts).toMatch(
    /readonly states: \{[^}]*readonly steps: readonly \[\];[^}]*readonly "h\.1\.running_var": readonly \[4\];/,
  );
});
