/**
 * `int` arithmetic: what stays whole numbers, what labels of the input follow from where they pick,
 * and modules that compute with them.
 */
import { describe, expect, test } from "vitest";
import { modelOf } from "./helpers/elaborated.ts";
import type { Net } from "../runtime/index.ts";
import { labelCases, labelsOf } from "./helpers/label-cases.ts";
import { build } from "./helpers/model.ts";

test.each(labelCases)("an input used as %s", async (uses, expected) =>
  expect(await labelsOf(uses, modelOf)).toEqual(expected),
);

describe("whole numbers in formulas", () => {
  let net: Net;
  const program = `model M {
    input x: [N, 4]
    input k: int[N]
    target y: int[N]
    output half = (k - 1) / 2
    output squared = (k + k * 3)^2
    output most = max(k) - min(k, axis = 0)
    output picked = gather(x, max(k, 0))
    output weighed = one_hot(abs(k) + 1, 8) @ [1, 2, 3, 4, 5, 6, 7, 8]
    output chosen = gather(x, where(k > 1, 2, abs(-k)))
    output capped = gather(x, max(min(k, y_max), 0))
    z = dense(x, 3)
    metric accuracy(z, y - 1)
    loss cross_entropy(z, y - 1)
    optimizer sgd(lr = 0.1)
  }`.replace("y_max", "3");
  const x = Float32Array.from({ length: 12 }, (_, i) => i / 4);

  test("the module computes with them", async () => {
    net = (await build(program)).net;
    const outputs = net.predict({ x, k: [-1, 2, 3] });
    const numbers = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
    expect(numbers).toEqual({
      half: [-1, 0.5, 1],
      squared: [16, 64, 144],
      most: [4],
      picked: [0, 1.5, 2.75],
      weighed: [3, 4, 5],
      chosen: [0.25, 1.5, 2.5],
      capped: [0, 1.5, 2.75],
    });
  });

  test("labels counted from 1 are the labels counted from 0", async () => {
    const from0 = (await build(program.replaceAll("y - 1", "y"))).net;
    const given = { x, k: [0, 0, 0] };
    expect(net.evaluate({ ...given, y: [1, 3, 2] })).toEqual(from0.evaluate({ ...given, y: [0, 2, 1] }));
    net.step({ ...given, y: [1, 3, 2] });
    from0.step({ ...given, y: [0, 2, 1] });
    expect(net.get("z.weight")).toEqual(from0.get("z.weight"));
  });

  test.each([
    ["label-out-of-range", /target `y` must hold integers from 1 to 3; row 1 has 0/, { y: [1, 0, 3] }],
    ["label-out-of-range", /row 2 has 4/, { y: [1, 2, 4] }],
    ["label-out-of-range", /input `k` must hold integers from -6 to 3; row 0 has 4/, { k: [4, 0, 0] }],
    ["wrong-type", /row 0 has 0.5/, { k: [0.5, 0, 0] }],
  ])("%s: %s", (code, message, wrong) => {
    expect(() => net.loss({ x, k: [0, 0, 0], y: [1, 1, 1], ...wrong })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test("the manifest says it, and a value beside the others is taken", async () => {
    const { net: ignoring, compiled } = await build(`model M {
      input x: [N, 4]
      input k: int[N]
      output a = gather(x, where(k == -100, 1, k))
    }`);
    const [, k] = compiled.manifest.inputs;
    expect(k!.labels).toEqual([0, 3, -100]);
    expect([...ignoring.predict({ x, k: [3, -100, 0] })["a"]!.data]).toEqual([0.75, 1.25, 2]);
    expect(() => ignoring.predict({ x, k: [0, 0, -1] })).toThrow("from 0 to 3 or -100; row 2 has -1");
    expect(compiled.dts).toContain("labels 0 … 3, -100");
  });
});
