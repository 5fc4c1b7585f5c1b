/** The generator's known answers, its statistics, and the evaluator's sharing. */
import { describe, expect, test } from "vitest";
import { evaluate } from "../compiler/graph/evaluate.ts";
import type { Node } from "../compiler/ir/node.ts";
import { randomEntry, threefry } from "../compiler/ir/random.ts";
import type { Environment } from "../compiler/ops/op.ts";
import { Formulas, shapeOf, tensor } from "./helpers/graph.ts";
import { free } from "../compiler/ir/size.ts";

const nothing: Environment = {
  n: 2,
  inputs: new Map(),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 3,
  seed: 9,
};

describe("random numbers", () => {
  test("Threefry-2x32-20 gives the known answers of Random123 (kat_vectors)", () => {
    expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  test("uniform and normal have their moments", () => {
    const draw = (distribution: "uniform" | "normal"): number[] =>
      Array.from({ length: 40_000 }, (_, entry) =>
        randomEntry(distribution, { seed: 1, step: 2, site: 3, entry }),
      );
    const moment = (x: readonly number[], k: number): number =>
      x.reduce((sum, v) => sum + v ** k, 0) / x.length;
    const [uniform, normal] = [draw("uniform"), draw("normal")];
    // Five standard errors each.
    expect(Math.abs(moment(uniform, 1) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / 40_000));
    expect(Math.abs(moment(uniform, 2) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / 40_000));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(Math.abs(moment(normal, 1))).toBeLessThan(5 / 200);
    expect(Math.abs(moment(normal, 2) - 1)).toBeLessThan((5 * Math.sqrt(2)) / 200);
    expect(Math.abs(moment(normal, 4) - 3)).toBeLessThan((5 * Math.sqrt(96)) / 200);
  });

  test("every word of the place matters", () => {
    const place = { seed: 1, step: 2, site: 3, entry: 4 };
    const here = randomEntry("uniform", place);
    for (const key of ["seed", "step", "site", "entry"] as const) {
      expect(randomEntry("uniform", { ...place, [key]: 17 })).not.toBe(here);
    }
  });
});

describe("the evaluator", () => {
  test("takes every kind of source from its environment", () => {
    const b = new Formulas();
    const make = b.graph.make.bind(b.graph);
    const nodes: Node[] = [
      make("input", [], { name: "x", shape: shapeOf("N"), type: "float" }),
      make("parameter", [], { index: 1, shape: shapeOf(2) }),
      make("state", [], { parameter: 1, name: "m", shape: shapeOf(2) }),
      make("hyper", [], { name: "lr" }),
      make("step", [], {}),
      make("extent", [], { size: free(3) }),
      make("iota", [], { axis: 0, shape: shapeOf("N", 2) }),
      make("table", [], { values: [1, 2], shape: shapeOf(2), type: "float" }),
      make("random", [], { distribution: "uniform", site: 0, shape: shapeOf(1) }),
    ];
    const got = evaluate(nodes, {
      ...nothing,
      inputs: new Map([["x", tensor([2], [5, 6])]]),
      parameters: new Map([[1, tensor([2], [7, 8])]]),
      states: new Map([["1.m", tensor([2], [9, 10])]]),
      hyper: new Map([["lr", 0.5]]),
    });
    expect(got.map((v) => [...v.data])).toEqual([
      [5, 6],
      [7, 8],
      [9, 10],
      [0.5],
      [3],
      [6],
      [0, 0, 1, 1],
      [1, 2],
      [randomEntry("uniform", { seed: 9, step: 3, site: 0, entry: 0 })],
    ]);
  });

  test("says what is missing", () => {
    const b = new Formulas();
    expect(() => evaluate([b.input("x", 1)], nothing)).toThrow(/no input x/);
    expect(() => evaluate([b.parameter(4, 1)], nothing)).toThrow(/no parameter 4/);
  });

  test("computes a shared node once: 2^60 paths are no matter", () => {
    const b = new Formulas();
    let x: Node = b.toFloat(b.graph.make("step", [], {}));
    for (let i = 0; i < 60; i++) x = b.mul(b.add(x, x), 0.5);
    expect(evaluate([x], nothing)[0]!.data[0]).toBe(3);
  });
});
