/**
 * Fifty steps of every optimizer of the library, with a schedule, clipping and two groups, beside
 * PyTorch's (`oracle/trajectories.json`, written by `oracle/trajectories.py`): the formulas in f64, and
 * modules in f32.
 */
import { describe, expect, it, test } from "vitest";
import { analyze } from "../compiler/index.ts";
import { stdSources } from "../compiler/generated/std-sources.ts";
import { ownedBy } from "../compiler/graph/model.ts";
import { build } from "./helpers/model.ts";
import { afterStep, firstEnvironment } from "./helpers/steps.ts";
import { nameOf, trajectories, trajectory, valuesOf } from "./helpers/trajectories.ts";
import { distance } from "./oracle/data.ts";

const { oracle, models } = trajectories;

/** The distance of each, and none further than `tolerance`. */
function expectClose(distances: Readonly<Record<string, number>>, tolerance: number): void {
  expect(Object.entries(distances).filter(([, e]) => !(e <= tolerance))).toEqual([]);
}

test("every optimizer of the library has a run", () => {
  const defined = [...stdSources.get("optimizers.nn")!.matchAll(/^optimizer (\w+)/gm)].map((m) => m[1]!);
  expect(Object.keys(oracle.runs).sort()).toEqual(defined.sort());
});

describe("formulas in f64", () => {
  it.each(Object.entries(oracle.runs))("%s", async (optimizer, run) => {
    const { joint, environment, losses, average } = await trajectory(models, optimizer, run.losses.length);
    const distances: Record<string, number> = {
      losses: distance(losses, run.losses),
      average: distance(average, run.average),
    };
    ownedBy(joint).forEach(({ path }, i) => {
      distances[path] = distance(environment.parameters.get(i)!.data, run.final[path]!);
    });
    expectClose(distances, 1e-9);
  });
});

describe("modules in f32", () => {
  it.each(Object.entries(oracle.runs))("%s", { timeout: 240_000 }, async (optimizer, run) => {
    const { net } = await build(models, { model: nameOf(optimizer) });
    for (const [path, data] of Object.entries(oracle.parameters)) net.set(path, data);
    const losses = run.losses.map(() => net.step({ x: oracle.inputs.x, y: oracle.inputs.y }));
    const distances: Record<string, number> = {
      losses: distance(losses, run.losses),
      average: distance(net.get("optimizer.average.h.weight").data, run.average),
    };
    for (const [path, values] of Object.entries(run.final))
      distances[path] = distance(net.get(path).data, values);
    expectClose(distances, 1e-3);
    expect(net.hyper).toMatchObject({ "h.steps": 40, "h.warmup": 5, "h.clip_norm": 0.5, "h.ema": 0.9 });
    expect(Object.keys(net.hyper)).not.toContain("lr");
  });
});

describe("schedules", () => {
  it.each(Object.entries(oracle.schedules))("%s", async (schedule, rates) => {
    // The gradient is 1, so a step goes as far as the rate.
    const { joint } = await analyze(`model M { param w = 0\n loss w\n optimizer sgd(lr = ${schedule}) }`);
    const start = firstEnvironment(joint, { n: 1, inputs: new Map(), seed: 0 }, () => valuesOf([0], []));
    const found = rates.map(
      (_, k) => -afterStep(joint, { ...start, step: k + 1 }).parameters.get(0)!.data[0]!,
    );
    found.forEach((rate, k) => expect(rate).toBeCloseTo(rates[k]!, 12));
  });
});

// PyTorch refuses these: it divides by the length of a rise that is none.
it.each([
  ["one_cycle(1, 10, pct_start = 0.1)", [1, 0.5 * (1 + Math.cos(Math.PI / 9))]],
  ["one_cycle(1, 2, pct_start = 0.5, final_div_factor = 1)", [1, 0.04]],
])("%s begins at the height of the cycle", async (schedule, rates) => {
  const { joint } = await analyze(`model M { param w = 0\n loss w\n optimizer sgd(lr = ${schedule}) }`);
  const start = firstEnvironment(joint, { n: 1, inputs: new Map(), seed: 0 }, () => valuesOf([0], []));
  rates.forEach((rate, k) => {
    const { data } = afterStep(joint, { ...start, step: k + 1 }).parameters.get(0)!;
    expect(-data[0]!).toBeCloseTo(rate, 5);
  });
});

test("names of numbers in schedules", async () => {
  const names = async (line: string, more = ""): Promise<string[]> => {
    const { joint } = await analyze(`${more}\nmodel M { param w = 0\n loss w\n optimizer ${line} }`);
    return joint.optimizer!.hyper.map(({ name, value }) => `${name} ${value}`);
  };
  expect(await names("sgd(lr = cosine(0.1, steps = 9, warmup = 2))")).toEqual([
    "lr 0.1",
    "steps 9",
    "warmup 2",
    "final 0",
  ]);
  expect(await names("sgd(lr = 0.1 * 0.99^step, weight_decay = linear(1, 9))")).toEqual([
    "lr 1",
    "steps 9",
    "final 0",
  ]);
  expect(await names("sgd(lr = 0.5, weight_decay = exponential(0.1, 0.9))")).toEqual([
    "lr 0.5",
    "weight_decay 0.1",
    "gamma 0.9",
  ]);
  expect(await names("sgd(lr = f(0.1, 5), momentum = f(0.2, 6))", "fn f(a, b) = a * 0.5^(step / b)")).toEqual(
    ["lr 0.1", "lr.b 5", "momentum 0.2", "momentum.b 6"],
  );
  expect(await names("sgd(lr = f(1, 5) + f(2, 6))", "fn f(a, b) = a * 0.5^(step / b)")).toEqual([
    "lr.0 1",
    "lr.0.b 5",
    "lr.1 2",
    "lr.1.b 6",
  ]);
});
