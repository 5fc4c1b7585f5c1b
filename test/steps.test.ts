/**
 * The number of steps is exact up to 2^53, whatever the module's format, and each step has random
 * numbers of its own.
 */
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/index.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { randomEntry } from "../compiler/ir/random.ts";
import type { Net } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors } from "../runtime/safetensors.ts";
import { build, start } from "./helpers/model.ts";

/** The net as if it had made `steps` steps. */
function goOn(net: Net, steps: number): void {
  const { tensors, metadata } = readSafetensors(net.save());
  net.restore(writeSafetensors(tensors, { ...metadata, step: String(steps) }));
}

const LAST = Number.MAX_SAFE_INTEGER;
const borders = [2 ** 24, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 48, LAST - 4];

describe.each(["f32", "f64"] as const)("%s", (dtype) => {
  test("steps are counted, saved and restored", async () => {
    const net = await start("model M { param w = 0  loss w  optimizer sgd(lr = 0) }", { dtype });
    expect(net.steps).toBe(0);
    for (const border of borders) {
      goOn(net, border - 3);
      const counts = [1, 2, 3, 4, 5].map(() => (net.step({}), net.steps - border));
      expect(counts).toEqual([-2, -1, 0, 1, 2]);
      expect(readSafetensors(net.save()).metadata["step"]).toBe(String(border + 2));
      await net.fit({}, { epochs: 2, batch: 1 });
      expect(net.steps).toBe(border + 4);
    }
    expect(net.steps).toBe(LAST);
    net.reset(1);
    expect(net.steps).toBe(0);
    expect(() => goOn(net, LAST + 1)).toThrow(/`step` is not a count/);
  });

  test("it may be the last of what the module keeps", async () => {
    expect((await start("model M { input x: [N]  output y = 2 * x }", { dtype })).steps).toBe(0);
  });

  test("`step` in a formula is the float of it", async () => {
    const source =
      "optimizer o(beta = 0.5) { state seen = 0  state power = 0  seen = step  power = beta ^ step  param = param - 0 * grad }  model M { param w = 0  loss w  optimizer o }";
    const net = await start(source, { dtype });
    const state = (name: string): number =>
      readSafetensors(net.save()).tensors.get(`optimizer.${name}.w`)!.data[0]!;
    for (const border of [0, 1, 5, ...borders]) {
      goOn(net, border);
      net.step({});
      expect(state("seen")).toBe(dtype === "f32" ? Math.fround(border + 1) : border + 1);
      expect(state("power")).toBe(border + 1 > 1100 ? 0 : 0.5 ** (border + 1));
    }
  });

  test("masks of dropout differ from step to step, and are the evaluator's", async () => {
    const size = 96;
    const source = `model M { param w: [${size}] ~ ones  loss sum(dropout(w, 0.5))  optimizer sgd(lr = 0.25) }`;
    const { net } = await build(source, { dtype, seed: 7 });
    const { joint } = await analyze(source);
    const masks = new Set<string>();
    for (const border of [0, ...borders]) {
      for (const step of [border + 1, border + 2]) {
        net.set("w", new Float64Array(size).fill(1));
        goOn(net, step - 1);
        const { gradients } = net.gradients({});
        net.step({});
        const mask = [...net.get("w").data].map((w) => (1 - w) * 4);
        const gradientAt = (at: number): number[] => [
          ...evaluate([joint.persistent[0]!.gradient!], {
            n: 1,
            inputs: new Map(),
            parameters: new Map([[0, { shape: [size], data: new Float64Array(size).fill(1) }]]),
            states: new Map(),
            hyper: new Map([["lr", 0.25]]),
            step: at,
            seed: 7,
          })[0]!.data,
        ];
        expect(mask).toEqual(gradientAt(step));
        // The gradients of a call are those of the steps that were made.
        expect([...gradients["w"]!.data]).toEqual(gradientAt(step - 1));
        masks.add(mask.join());
      }
    }
    expect(masks.size).toBe(2 * (borders.length + 1));
  });
});

test("random numbers of the first 2^32 steps are a function of seed and step; later ones have keys of their own", () => {
  const at = (step: number): number => randomEntry("uniform", { seed: 3, step, site: 1, entry: 5 });
  // As they were when a step had 32 bits: Threefry-2x32-20 of key (3, step) and counter (5, 1).
  expect([0, 1, 2 ** 32 - 1].map((step) => at(step) * 2 ** 24)).toEqual([2229376, 3876375, 4888925]);
  const far = [2 ** 32, 2 ** 32 + 1, 2 ** 33, 2 ** 33 + 1, 2 ** 40, LAST].map(at);
  expect(new Set([...far, at(0), at(1)]).size).toBe(8);
});
