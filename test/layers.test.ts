/**
 * Every node knows the layer call that it computes for, and in which pass, whatever the passes have
 * made of it.
 */
import { expect, test } from "vitest";
import { analyze } from "../compiler/index.ts";
import { reachable } from "../compiler/graph/graph.ts";
import type { Model } from "../compiler/graph/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";

/** Layers of the library in a layer of one's own, which is called twice. */
const nested = `
  layer block(x: [..., I]) {
    h = dense(x, I, gelu)
    h = glu(h, I)
    return x + h / sqrt(mean(h ^ 2) + 1)
  }
  model Nested {
    input x: [N, 4]
    target y: int[N]
    for i in 0..2 { x = block(x) }
    z = dense(x * [1, 2, 3, 4], 3)
    output p = softmax(z)
    loss cross_entropy(z, y) + 0.01 * sum(z.weight ^ 2)
    optimizer adam(lr = 0.1)
  }
`;
const PATHS = ["", "x.0", "x.0.h.0", "x.0.h.1", "x.0.h.1.dense.0", "x.0.h.1.dense.1"];

const read = async (text: string): Promise<readonly Model[]> => {
  const { elaborated, formulas, joint } = await analyze(text);
  return [elaborated, formulas, joint, runPasses(joint, "lower", "simplify-lowered")];
};

/** `x.0.h.1 backward` */
function layerOf({ layers }: Model, { op, origin }: Node): string {
  const { layer } = origin;
  expect(layer, op).toBeDefined();
  const call = layers[layer!.call];
  expect(call, op).toBeDefined();
  return `${call!.path} ${["forward", "backward"][layer!.order] ?? layer!.order}`.trim();
}

const forwardOf = ({ roots }: Model): Node[] =>
  reachable([roots.trainingLoss!, ...roots.outputs.map(({ node }) => node)]);

/** How many operations each layer has in each pass, by path. */
function countsOf(model: Model, nodes: readonly Node[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const node of nodes) {
    const layer = layerOf(model, node);
    if (node.operands.length > 0) counts[layer] = (counts[layer] ?? 0) + 1;
  }
  return counts;
}

test("layers two deep and a layer called twice are told apart, in both passes", async () => {
  const paths = [...PATHS, ...PATHS.slice(1).map((path) => path.replace("x.0", "x.1")), "z"];
  const models = await read(nested);
  for (const model of models) {
    expect(model.layers.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
    const forward = countsOf(model, forwardOf(model));
    // `lower` writes [k = y] of the loss and of its gradient as one node, which is of the pass that
    // is met first.
    if (model !== models.at(-1)) expect(forward).not.toHaveProperty("backward");
    for (const path of paths) expect(forward[`${path} forward`.trim()]).toBeGreaterThan(0);
    for (const path of PATHS.slice(1)) {
      expect(forward[`${path} forward`]).toBe(forward[`${path.replace("x.0", "x.1")} forward`]);
    }
  }
  for (const model of models.slice(2)) {
    const inForward = new Set(forwardOf(model));
    const gradients = model.persistent.flatMap(({ gradient }) => gradient ?? []);
    const backward = countsOf(
      model,
      reachable(gradients).filter((node) => !inForward.has(node)),
    );
    for (const path of paths) expect(backward[`${path} backward`.trim()]).toBeGreaterThan(0);
  }
});

test("parameters and their gradients are their layer's", async () => {
  for (const model of await read(nested)) {
    for (const node of forwardOf(model)) {
      if (node.op !== "parameter") continue;
      const { path, gradient } = model.persistent[node.attributes.index]!;
      const owner = path.slice(0, path.lastIndexOf("."));
      expect(layerOf(model, node)).toBe(`${owner} forward`);
      // The penalty of z.weight is the model's own.
      if (gradient!.op !== "grad" && path !== "z.weight")
        expect(layerOf(model, gradient!)).toBe(`${owner} backward`);
    }
  }
});

test("a layer's results are known by its call", async () => {
  for (const { layers, roots } of await read(nested)) {
    const forward = new Set(reachable([roots.trainingLoss!]));
    for (const { path, results, callee } of layers) {
      expect([path, callee, results.length]).toEqual([path, callee, path === "" ? 0 : 1]);
      for (const node of results) expect(forward).toContain(node);
    }
    expect(layers.find(({ path }) => path === "x.1.h.1")).toMatchObject({
      callee: "glu",
      results: [{ op: "mul" }],
    });
  }
});

test("what the backward pass makes again is the backward side of its layer", async () => {
  const [, , joint] = await read(`
    model Halves {
      input x: [N, 4]
      r = reversible(reversible(x, u => dense(u, 2, tanh), u => dense(u, 2)), u => dense(u, 2, tanh), u => dense(u, 2))
      output r = r
      loss mean(r ^ 2)
    }
  `);
  const again = reachable(joint!.persistent.flatMap(({ gradient }) => gradient ?? [])).filter(
    ({ op, origin }) => op === "sub" && origin.name === "y1",
  );
  expect(again.length).toBeGreaterThan(0);
  for (const node of again) expect(layerOf(joint!, node)).toMatch(/^r\.\d backward$/);
});

test("what only training calls moves no other call's number", async () => {
  const models = await read(`
    layer noisy(x) = x + 0.1 * sin(x)
    layer tied(x) { h = dense(x, 4, tanh); return h @ h.weight }
    model Tied {
      input x: [N, 4]
      a = x
      if training { a = noisy(x) }
      b = tied(a)
      output b = b
      loss mean(b ^ 2)
    }
  `);
  for (const model of models) {
    expect(model.layers.map(({ path }) => path)).toEqual(["", "b", "b.h", "a"]);
    expect(countsOf(model, forwardOf(model))["a forward"]).toBeGreaterThan(0);
  }
});

test("a call that is made only while the parameters are still unknown is in the table too", async () => {
  const models = await read(`
    layer idle(x) = x * 2
    model Late {
      input x: [N, 2]
      if len(params) == 0 { z = idle(x) }
      output y = dense(x * 2, 1)
      loss mean(y)
    }
  `);
  for (const { layers } of models) {
    expect(Array.from(layers, (layer) => layer?.callee)).toEqual(["Late", "idle", "dense"]);
  }
});
