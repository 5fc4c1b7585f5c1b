/** What `net.probe` and probed steps tell of layers, and that nothing else changes by it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { joinProbes, load, type LayerProbe, type Net } from "../runtime/index.ts";
import { example, start } from "./helpers/model.ts";
import { runHere } from "./helpers/run-cli.ts";

/** Numbers from -1 to 1 that are no pattern. */
const numbers = (count: number, seed = 1): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));

const layer = (layers: readonly LayerProbe[], path: string): LayerProbe =>
  layers.find((probe) => probe.path === path)!;

const probed = (source: string, dtype: "f32" | "f64" = "f64"): Promise<Net> =>
  start(source, { probe: true, dtype });

/** Dropout and adam depend on the number of the step, and the ratio of updates on what adam keeps. */
const source = `
  model Net {
    input x: [N, 3]
    target y: [N, 1]
    h = dropout(dense(x, 8, relu), 0.25)
    h = dense(h, 6, relu)
    z = dense(h, 1)
    output z = z
    loss mse(z, y)
    optimizer adam(lr = 0.01)
  }
`;
const data = (rows: number) => ({ x: numbers(3 * rows), y: numbers(rows, 2) });

describe("a net with probes", () => {
  let net: Net;
  let plain: Net;
  beforeAll(async () => {
    [net, plain] = await Promise.all([probed(source, "f32"), start(source)]);
  });

  test("probe tells what the next step does, and changes nothing", async () => {
    const given = data(8);
    net.reset(3);
    for (let step = 0; step < 3; step++) {
      const before = net.save();
      const told = net.probe(given).layers;
      expect(net.save()).toEqual(before);
      const { history } = await net.fit(given, { batch: 8, shuffle: false, probe: 1 });
      expect(history[0]!.layers).toEqual(told);
    }
    expect(net.steps).toBe(3);
  });

  test("what is trained is the same to the bit, probed or not", async () => {
    const given = data(50);
    const trained: Uint8Array[] = [];
    for (const [each, probe] of [
      [net, 1],
      [net, 7],
      [net, undefined],
      [plain, undefined],
    ] as const) {
      each.reset(5);
      await each.fit(given, { epochs: 3, batch: 8, ...(probe === undefined ? {} : { probe }) });
      trained.push(each.save());
    }
    for (const weights of trained) expect(weights).toEqual(trained[0]);
  });

  test("every so many steps: their reports have layers, and the epoch's is all of its own", async () => {
    net.reset(7);
    const steps: { readonly step: number; readonly layers: readonly LayerProbe[] | undefined }[] = [];
    const { history } = await net.fit(data(20), {
      epochs: 2,
      batch: 4,
      probe: 3,
      onStep: ({ step, layers }) => steps.push({ step, layers }),
    });
    expect(steps.filter(({ layers }) => layers).map(({ step }) => step)).toEqual([3, 6, 9]);
    expect(history[0]!.layers).toEqual(steps[2]!.layers);
    const [, second] = [history[0], history[1]!];
    expect(second.layers).toEqual(joinProbes([steps[5]!.layers!, steps[8]!.layers!], [4, 4]));
    net.reset(7);
    const again = await net.fit(data(20), { epochs: 2, batch: 4, probe: 3 });
    expect(again.history.map(({ layers }) => layers)).toEqual(history.map(({ layers }) => layers));
    net.reset(7);
    const rarely = await net.fit(data(20), { epochs: 2, batch: 4, probe: 100 });
    expect(rarely.history.every((report) => !("layers" in report))).toBe(true);
  });

  test("a module without probes refuses, and says what to do", async () => {
    expect(() => plain.probe(data(2))).toThrow(
      expect.objectContaining({ code: "no-probes", message: expect.stringContaining("--probe") as string }),
    );
    await expect(plain.fit(data(2), { probe: 1 })).rejects.toMatchObject({ code: "no-probes" });
    for (const probe of [0, 1.5, NaN, "1"])
      await expect(net.fit(data(2), { probe: probe as number })).rejects.toMatchObject({
        code: "wrong-option",
      });
    expect(() => net.probe({ x: [1, 2, 3] } as never)).toThrow(
      expect.objectContaining({ code: "missing-input" }),
    );
  });

  test("a planted dead unit is counted, and no other", () => {
    net.reset(1);
    const bias = net.get("h.1.bias").data;
    bias.fill(100);
    bias[4] = -100;
    net.set("h.1.bias", bias);
    const { layers } = net.probe(data(40));
    expect(layer(layers, "h.1")).toMatchObject({
      units: 6,
      dead: 1,
      deadUnits: [4],
      zeros: expect.closeTo(1 / 6) as number,
    });
    expect(layer(layers, "z")).toMatchObject({ units: 1, dead: 0, deadUnits: [] });
  });
});

test("without --probe a module has nothing of it: no export, no place, no byte", async () => {
  const [without, not, has] = await Promise.all([
    compile(source),
    compile(source, { probe: false }),
    compile(source, { probe: true }),
  ]);
  expect(not.wasm).toEqual(without.wasm);
  expect(not.js).toBe(without.js);
  expect(without.manifest).not.toHaveProperty("probes");
  const exported = ({ wasm }: typeof has): string[] =>
    WebAssembly.Module.exports(new WebAssembly.Module(new Uint8Array(wasm))).map(({ name }) => name);
  const more = exported(has).filter((name) => !exported(without).includes(name));
  expect(more).toEqual(["probe", "probed_step"]);
  expect(without.js).not.toContain("joinProbes}");
  // What trains is written as it was, kernel by kernel.
  const entry = ({ stages }: typeof has): string => /^entry step$[^]*?(?=\n\n|$)/m.exec(stages.kernels)![0];
  expect(entry(has)).toBe(entry(without));
});

describe("figures of all rows from those of parts", () => {
  const rows = 30;
  const given = data(rows);
  let net: Net;
  beforeAll(async () => {
    net = await probed(source.replace("dropout(dense(x, 8, relu), 0.25)", "dense(x, 8, relu)"));
    // Alive in the last rows alone.
    net.set(
      "h.0.weight",
      Array.from({ length: 24 }, (_, i) => (i < 3 ? 0 : numbers(24)[i]!)),
    );
  });

  const part = (from: number, to: number) => ({
    x: given.x.slice(3 * from, 3 * to),
    y: given.y.slice(from, to),
  });

  test.each([[7, 7, 7, 7, 2], [1, 29], [30]])("%j", (...sizes) => {
    const { layers } = net.probe(given);
    let from = 0;
    const parts = sizes.map((size) => net.probe(part(from, (from += size))).layers);
    for (const [i, { gradient, gradients, updates, ...joined }] of joinProbes(parts, sizes).entries()) {
      const { gradient: _, gradients: __, updates: ___, ...whole } = layers[i]!;
      const { mean, std, zeros, ...exact } = whole;
      expect(joined).toMatchObject(exact);
      expect(joined.mean).toBeCloseTo(mean, 12);
      expect(joined.std).toBeCloseTo(std, 12);
      expect(joined.zeros).toBeCloseTo(zeros, 12);
      const all = parts.map((probes) => probes[i]!);
      const root = (of: (probe: LayerProbe) => number): number =>
        Math.sqrt(all.reduce((sum, probe, k) => sum + (of(probe) ** 2 * sizes[k]!) / rows, 0));
      expect(gradient).toBeCloseTo(
        root((probe) => probe.gradient),
        12,
      );
      for (const [path, joinedNorm] of Object.entries(gradients)) {
        expect(joinedNorm).toBeCloseTo(
          root((probe) => probe.gradients[path]!),
          12,
        );
        expect(updates[path]).toBeCloseTo(
          root((probe) => probe.updates[path]!),
          12,
        );
      }
    }
  });

  test("a unit that lives in one part is not dead", () => {
    const fake = (deadUnits: readonly number[], mean: number): LayerProbe => ({
      ...net.probe(part(0, 1)).layers[0]!,
      mean,
      deadUnits,
      dead: deadUnits.length,
    });
    const [joined] = joinProbes([[fake([0, 3, 5], 1)], [fake([3, 5], 4)], [fake([1, 3], 1)]], [1, 2, 3]);
    expect(joined).toMatchObject({ dead: 1, deadUnits: [3], mean: 2 });
    expect(joinProbes([], [])).toEqual([]);
    // More than a call may have arguments.
    const one = [fake([3], 1)];
    const many = Array.from({ length: 200_000 }, () => one);
    const ones = Array.from(many, () => 1);
    expect(joinProbes(many, ones)[0]).toMatchObject({ dead: 1, max: one[0]!.max });
  });
});

describe("ten layers", () => {
  const deep = (definition: string): string => `
    layer he(x: [..., I], units) {
      param weight: [units, I] ~ kaiming_normal
      param bias: [units] ~ zeros
      return relu(x @ weight' + bias)
    }
    model Deep {
      input x: [N, 8]
      target y: [N, 1]
      h = x
      for i in 0..10 { h = ${definition} }
      z = dense(h, 1)
      loss mse(z, y)
      optimizer sgd(lr = 0.1)
    }
  `;
  /** Of the first layer to the last, of the gradients at outputs and of those of weights. */
  async function ratios(definition: string): Promise<number[]> {
    const net = await probed(deep(definition), "f32");
    const { layers } = net.probe({ x: numbers(8 * 64), y: numbers(64) });
    const [first, last] = [layer(layers, "h.0"), layer(layers, "h.9")];
    const weight = ({ path, gradients }: LayerProbe): number => gradients[`${path}.weight`]!;
    return [first.gradient / last.gradient, weight(first) / weight(last)];
  }

  test("of sigmoids lose the gradient", async () => {
    for (const ratio of await ratios("dense(h, 16, sigmoid)")) expect(ratio).toBeLessThan(1e-4);
  });
  test("of ReLU with He's start keep it", async () => {
    for (const ratio of await ratios("he(h, 16)")) expect(ratio).toBeGreaterThan(1e-1);
  });
});

describe("outputs of all kinds", () => {
  const edges = `
    layer within(x) = dense(x, 2, relu)
    layer around(x) = within(x) + within(x)
    layer largest(x) = argmax(x, axis = -1)
    layer sign_of(x) = x > 0
    layer total(x) = sum(x)
    layer each(x) = sum(x, axis = -1)
    layer both(x) { return [x, x[:, 0:1] * 0] }
    layer fixed(x) {
      frozen param weight: [3] ~ ones
      param scale: [3] ~ ones
      return x * weight * scale
    }
    model Edges {
      input x: [N, 3]
      input w: [2, N]
      target y: [N, 2]
      a = around(x)
      q = fixed(x)
      k = largest(x)
      s = sign_of(x)
      t = total(x)
      e = each(x)
      l = both(x)
      v = turned(w)
      shown = a
      if not training { shown = each(x) }
      output o = shown
      loss mse(a, y) + mean(q) + 0 * (t + mean(e) + mean(l[1]) + mean(v)) + 0 * mean(where(s, k[0] + 0.0, 1))
      optimizer sgd(lr = 0.5)
    }
    layer turned(w) = w * 1
  `;
  let net: Net;
  let layers: readonly LayerProbe[];
  const x = [1, -2, 3, 0, 5, -6, 7, 8, 0.5];
  const y = numbers(6);
  const w = [0, 0, 0, 1, 2, 3];
  beforeAll(async () => {
    net = await probed(edges);
    layers = net.probe({ x, w, y } as never).layers;
  });

  test("layers within layers have their own, by their paths; those of prediction alone have none", () => {
    expect(layers.map(({ path, callee }) => `${path} ${callee}`)).toEqual([
      "a around",
      "a.within.0 within",
      "a.within.0.dense dense",
      "a.within.1 within",
      "a.within.1.dense dense",
      "q fixed",
      "k largest",
      "s sign_of",
      "t total",
      "e each",
      "l both",
      "v turned",
    ]);
    expect(Object.keys(layer(layers, "a.within.1.dense").gradients)).toEqual([
      "a.within.1.dense.weight",
      "a.within.1.dense.bias",
    ]);
    expect(layer(layers, "a.within.1").gradients).toEqual({});
  });

  test("labels and booleans count as numbers, and no gradient flows to them", () => {
    expect(layer(layers, "k")).toMatchObject({
      mean: 4 / 3,
      min: 1,
      max: 2,
      zeros: 0,
      units: 1,
      gradient: 0,
    });
    expect(layer(layers, "s")).toMatchObject({ mean: 6 / 9, min: 0, max: 1, dead: 0, units: 3, gradient: 0 });
  });

  test("a scalar, a number a row, several tensors, the batch as the last axis", () => {
    const sum = x.reduce((a, b) => a + b);
    expect(layer(layers, "t")).toMatchObject({ mean: sum, std: 0, min: sum, max: sum, units: 1, dead: 0 });
    expect(layer(layers, "e")).toMatchObject({ units: 1, min: -1, max: 15.5 });
    expect(layer(layers, "l")).toMatchObject({ mean: sum / 12, zeros: 4 / 12, units: 4, deadUnits: [3] });
    expect(layer(layers, "v")).toMatchObject({ mean: 1, units: 1, zeros: 0.5, dead: 0 });
  });

  test("a frozen parameter has none", () => {
    const { gradients, updates } = layer(layers, "q");
    expect(Object.keys(gradients)).toEqual(["q.scale"]);
    const [gradient] = Object.values(gradients);
    const means = [0, 1, 2].map((i) => (x[i]! + x[i + 3]! + x[i + 6]!) / 9);
    expect(gradient).toBeCloseTo(Math.hypot(...means), 12);
    expect(Object.values(updates)[0]).toBeCloseTo((0.5 * gradient!) / Math.sqrt(3), 12);
  });

  test.each([NaN, Infinity])("%d in an output: its figures are no numbers, the dead are dead", (wrong) => {
    const bad = [...w];
    bad[4] = wrong;
    const probe = layer(
      net.probe({ x: x.map((v, i) => (i % 3 === 1 ? wrong : v)), w: bad, y } as never).layers,
      "l",
    );
    expect(probe).toMatchObject({ mean: wrong, std: NaN, max: wrong, units: 4 });
    expect(layer(net.probe({ x, w: bad, y } as never).layers, "v").dead).toBe(0);
  });
});

test("where memory is limited, what is made again is told of alike", async () => {
  const deep = `model Deep {
    input x: [N, 16]
    h = x
    for i in 0..10 { h = dense(h, 16, tanh) }
    loss mean(h ^ 2)
    optimizer sgd(lr = 0.1)
  }`;
  const rows = 256;
  const bytes = ({ fixed, perRow }: Net["manifest"]["arena"]): number => fixed + rows * perRow;
  const whole = await plan(deep, { probe: true });
  const memory = { bytes: Math.ceil(0.8 * bytes(whole.manifest.arena)), rows };
  const less = await plan(deep, { probe: true, memory });
  expect(less.report.recomputed!.values.length).toBeGreaterThan(0);
  const [kept, again] = await Promise.all([
    start(deep, { probe: true }),
    start(deep, { probe: true, memory }),
  ]);
  const given = { x: numbers(16 * 24) };
  const options = { batch: 8, probe: 1 };
  const histories = [await kept.fit(given, options), await again.fit(given, options)] as const;
  expect(histories[1].history[0]!.layers).toEqual(histories[0].history[0]!.layers);
  expect(again.get("h.0.weight")).toEqual(kept.get("h.0.weight"));
});

test("a layer that a loop calls has the figures of all places, and none of what flows to its output", async () => {
  const net = await probed(`model M {
    input x: [N, 2, 1]
    target y: [N, 1]
    h = scan(x, zeros([size(x, 0), 1]), (h, v) => dense(v, 1, relu) + 0 * h, axis = 1)
    loss mse(h[:, -1], y)
    optimizer sgd
  }`);
  net.set("h.weight", [2]);
  net.set("h.bias", [0]);
  const [h] = net.probe({ x: [1, -1, -3, 4], y: [0, 0] } as never).layers;
  // relu(2 x) at the places of both rows: 2, 0, 0, 8.
  expect(h).toMatchObject({ mean: 2.5, min: 0, max: 8, zeros: 0.5, dead: 0, gradient: NaN });
  // Of (0² + 8²) / 2, at the last place alone: 8 · 4 by the weight, 8 by the bias.
  expect(h!.gradients).toEqual({ "h.weight": 32, "h.bias": 8 });
});

test("a model without a loss or without layers tells what it has", async () => {
  const [neuron, graph] = await Promise.all([
    probed("model M { input x: [N, 2]  h = dense(x, 2, relu)  output h = h }"),
    probed(example("graph")),
  ]);
  neuron.set("h.weight", [1, 0, 0, 1]);
  neuron.set("h.bias", [0, 0]);
  const [h] = neuron.probe({ x: [1, -1, 3, -2] } as never).layers;
  expect(h).toMatchObject({ mean: 1, min: 0, max: 3, zeros: 0.5, dead: 1, deadUnits: [1], gradient: NaN });
  expect(h).toMatchObject({ gradients: {}, updates: {} });
  expect(h!.std).toBeCloseTo(Math.sqrt((0 + 1 + 4 + 1) / 4), 12);
  expect(graph.probe({} as never)).toEqual({ layers: [] });
});

test("the gradient at an output that the loss is not computed from is that of the formula as typed", async () => {
  const net = await probed(`
    model M {
      input x: [N, 2]
      target y: [N, 1]
      h = dense(x, 3, tanh)
      p = dense(h, 1, sigmoid)
      loss -mean(y * log(p) + (1 - y) * log(1 - p))
      optimizer sgd(lr = 0.1)
    }
  `);
  const x = numbers(8);
  const y = [0, 1, 1, 0];
  const { gradients } = net.gradients({ x, y } as never);
  const w = { h: net.get("h.weight").data, b: net.get("h.bias").data, p: net.get("p.weight").data };
  const at = y.map((label, row) => {
    const h = [0, 1, 2].map((i) =>
      Math.tanh(x[2 * row]! * w.h[2 * i]! + x[2 * row + 1]! * w.h[2 * i + 1]! + w.b[i]!),
    );
    const p = 1 / (1 + Math.exp(-h.reduce((sum, v, i) => sum + v * w.p[i]!, net.get("p.bias").data[0]!)));
    const dz = (p - label) / 4;
    return { p: dz / (p * (1 - p)), h: [0, 1, 2].map((i) => dz * w.p[i]!) };
  });
  const { layers } = net.probe({ x, y } as never);
  expect(layer(layers, "p").gradient).toBeCloseTo(Math.hypot(...at.map(({ p }) => p)), 12);
  expect(layer(layers, "h").gradient).toBeCloseTo(Math.hypot(...at.flatMap(({ h }) => h)), 12);
  expect(layer(layers, "h").gradients["h.weight"]).toBeCloseTo(
    Math.hypot(...gradients["h.weight"]!.data),
    12,
  );
  // Saturated, the formula as typed has no gradient; what is trained has one, and so has the layer below.
  net.set("p.bias", [-800]);
  const far = net.probe({ x, y } as never).layers;
  expect(Number.isFinite(layer(far, "p").gradient)).toBe(false);
  expect(layer(far, "h").gradient).toBeGreaterThan(0);
  expect(layer(far, "h").gradient).toBeLessThan(10);
});

test("norms of very small and very large numbers are not lost in f32", async () => {
  const net = await probed(
    "model M(c = 1) { input x: [N, 4]  h = dense(x, 3)  loss c * sum(h)  optimizer sgd(lr = 1) }",
    "f32",
  );
  for (const size of [1e-30, 1e-10, 1, 1e10, 1e30]) {
    const { layers } = net.probe({ x: Array(8).fill(size) } as never);
    const norm = layer(layers, "h").gradients["h.weight"]!;
    expect(norm / (size * Math.sqrt(48))).toBeCloseTo(1, 5);
  }
});

test("updates of large weights are told, and what is 0 and stays has not moved", async () => {
  const net = await probed(
    "model M { input x: [N, 4]  h = dense(x, 3)  loss sum(h)  optimizer sgd(lr = 1) }",
    "f32",
  );
  for (const size of [1e-10, 1, 1e10, 1e17]) {
    net.set("h.weight", Array(12).fill(size) as never);
    const { layers } = net.probe({ x: Array(4).fill(-size) } as never);
    expect(layer(layers, "h").updates["h.weight"]).toBeCloseTo(1, 5);
  }
  net.hyper["lr"] = 0;
  const { layers } = net.probe({ x: [1, 2, 3, 4] } as never);
  expect(layer(layers, "h").updates).toEqual({ "h.weight": 0, "h.bias": 0 });
});

describe("several threads", () => {
  const wide = source.replaceAll("8, relu", "96, relu").replaceAll("6, relu", "96, relu");
  test("tell the same to the bit", async () => {
    const { wasm } = await compile(wide, { probe: true });
    const told = [];
    for (const threads of [1, 2]) {
      const net = await load(new Uint8Array(wasm), { seed: 1, threads });
      expect(net.threads.count).toBe(threads);
      const given = data(256);
      const { layers } = net.probe(given as never);
      const { history } = await net.fit(given as never, { batch: 128, epochs: 2, probe: 1 });
      told.push({ layers, history: history.map((report) => report.layers), weights: net.save() });
      net.dispose();
    }
    expect(told[1]).toEqual(told[0]);
  });
});

describe("the commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-probe-"));
  const examples = new URL("../examples/", import.meta.url).pathname;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("compile --probe writes a module with net.probe, and its types", async () => {
    const { code } = await runHere(["compile", `${examples}xor.nn`, "--probe", "-o", folder], folder);
    expect(code).toBe(0);
    // What the command has just written.
    const made = (await import(pathToFileURL(join(folder, "xor.js")).href)) as {
      load(): Promise<Net>;
      joinProbes: typeof joinProbes;
    };
    const net = await made.load();
    const { layers } = net.probe({ x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] } as never);
    expect(layers.map(({ path }) => path)).toEqual(["h", "z"]);
    expect(made.joinProbes([layers, layers], [4, 4])[0]!.mean).toBeCloseTo(layers[0]!.mean, 12);
    const types = readFileSync(join(folder, "xor.d.ts"), "utf8");
    expect(types).toContain("export declare function joinProbes");
  });

  test("train --probe: the history has layers, joined by epoch", async () => {
    const train = (...more: string[]) =>
      runHere(
        [
          "train",
          `${examples}xor.nn`,
          "--data",
          `x=${examples}data/xor.csv:a,b`,
          `y=${examples}data/xor.csv:xor`,
          "--epochs",
          "2",
          "--batch",
          "3",
          "--json",
          ...more,
        ],
        folder,
      );
    const { stdout, stderr } = await train("--probe");
    expect(stderr).not.toContain("error");
    const { history } = JSON.parse(stdout) as { history: { layers: LayerProbe[] }[] };
    expect(history.map(({ layers }) => layers.map(({ path }) => path))).toEqual([
      ["h", "z"],
      ["h", "z"],
    ]);
    const net = await start(example("xor"), { probe: true, seed: 0 });
    const rows = { x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] };
    const direct = await net.fit(rows as never, { epochs: 2, batch: 3, probe: 1 });
    expect(history.map(({ layers }) => layers)).toEqual(
      direct.history.map(({ layers }) => JSON.parse(JSON.stringify(layers)) as unknown),
    );
    const rare = JSON.parse((await train("--probe", "3")).stdout) as { history: object[] };
    expect(rare.history.map((epoch) => "layers" in epoch)).toEqual([false, true]);
    expect((await train("--probe", "0")).code).toBe(2);
  });

  test("the figures are formulas of the graph", async () => {
    const { stages } = await plan(example("xor"), { probe: true });
    expect(stages.grad).toMatch(/^mean of h <- /m);
    expect(stages.grad).toMatch(/^updates of z\.weight <- /m);
  });
});
