/** What the scheduler decides: how few kernels, which values are stored, how much memory. */
import { describe, expect, test } from "vitest";
import { Build } from "../compiler/ir/build.ts";
import { Graph } from "../compiler/ir/graph.ts";
import type { Model } from "../compiler/ir/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { fixed, free, type Shape } from "../compiler/ir/size.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { lower } from "../compiler/passes/lower.ts";
import { simplify } from "../compiler/passes/simplify.ts";
import { lowerBound } from "../compiler/schedule/memory.ts";
import { printProgram } from "../compiler/schedule/print.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { verifyProgram } from "../compiler/schedule/verify-program.ts";
import { expectScheduled, modelOf, shape } from "./helpers/schedule.ts";

/** Fully connected layers with sigmoid, cross-entropy and Adam, as the elaborator makes them. */
function perceptron(sizes: readonly number[]): Model {
  const graph = new Graph();
  const parameters: Record<string, Shape> = {};
  const nodes: Node[] = [];
  const make = (path: string, s: Shape): Node => {
    parameters[path] = s;
    const node = graph.make(
      "parameter",
      [],
      { index: nodes.length, shape: s },
      { name: path },
    ) as unknown as Node;
    nodes.push(node);
    return node;
  };
  const input = (name: string, s: Shape): Node =>
    graph.make(
      "input",
      [],
      { name, shape: s, type: name === "y" ? "int" : "float" },
      { name },
    ) as unknown as Node;
  let h = input("x", [free(), fixed(sizes[0]!)]);
  for (let i = 1; i < sizes.length; i++) {
    const name = i === sizes.length - 1 ? "logits" : `h.${i - 1}`;
    const b = new Build(graph, { name });
    const weight = make(`${name}.weight`, shape(sizes[i]!, sizes[i - 1]!));
    const bias = make(`${name}.bias`, shape(sizes[i]!));
    const z = b.add(b.matmul(h, b.transpose(weight)), bias);
    h = i === sizes.length - 1 ? z : b.sigmoid(z);
  }
  const b = new Build(graph);
  const y = input("y", [free()]);
  const rows = b.sub(b.reshape(b.logsumexp(h, [1]), [free()]), b.gather(h, y));
  const loss = b.div(b.sumAll(rows), b.extent(free()));
  const step = graph.make("step", [], {}) as unknown as Node;
  const hyper = (name: string): Node => graph.make("hyper", [], { name }) as unknown as Node;
  const [lr, beta1, beta2, eps] = [hyper("lr"), hyper("beta1"), hyper("beta2"), hyper("eps")];
  const stateUpdates: Node[] = [];
  const gradients = nodes.map((p) => b.grad(loss, p));
  const parameterUpdates = nodes.map((p, parameter) => {
    const state = (name: string): Node =>
      graph.make("state", [], { parameter, name, shape: p.shape }) as unknown as Node;
    const g = gradients[parameter]!;
    const m = b.add(b.mul(beta1, state("m")), b.mul(b.sub(1, beta1), g));
    const v = b.add(b.mul(beta2, state("v")), b.mul(b.sub(1, beta2), b.mul(g, g)));
    stateUpdates.push(m, v);
    const mean = b.div(m, b.sub(1, b.pow(beta1, step)));
    const root = b.sqrt(b.div(v, b.sub(1, b.pow(beta2, step))));
    return b.sub(p, b.mul(lr, b.div(mean, b.add(root, eps))));
  });
  const model = modelOf(graph, {
    inputs: { x: [free(), fixed(sizes[0]!)], y: [free()] },
    parameters,
    optimizer: {
      name: "adam",
      hyper: [
        { name: "lr", value: 1e-3 },
        { name: "beta1", value: 0.9 },
        { name: "beta2", value: 0.999 },
        { name: "eps", value: 1e-8 },
      ],
      states: nodes.flatMap((_, parameter) => [
        { parameter, name: "m" },
        { parameter, name: "v" },
      ]),
    },
    roots: {
      outputs: [{ name: "probs", node: b.softmax(h, 1) }],
      loss,
      trainingLoss: loss,
      gradients,
      parameterUpdates,
      stateUpdates,
      parameterStarts: nodes.map((p, site) =>
        b.mul(
          graph.make("random", [], { distribution: "uniform", site, shape: p.shape }) as unknown as Node,
          0.1,
        ),
      ),
      stateStarts: stateUpdates.map((s) => b.zeros(s.shape)),
    },
  });
  return simplify(lower(differentiate(model)));
}

describe("the digit network", () => {
  const model = perceptron([784, 256, 128, 10]);
  const program = schedule(model);
  const calls = (name: string): string[] =>
    program.entries.find((e) => e.name === name)!.calls.map((c) => program.kernels[c.kernel]!.name);
  if (process.env["PRINT"]) console.log(printProgram(program));

  test("passes the verifier", () => {
    expect(() => verifyProgram(program)).not.toThrow();
  });

  test("takes few kernels", () => {
    expect(calls("predict").length).toBeLessThanOrEqual(4);
    expect(calls("step").length).toBeLessThanOrEqual(20);
  });
});

test("a small perceptron computes what the evaluator says", () => {
  for (const n of [1, 3]) expectScheduled(perceptron([4, 3, 5, 2]), n);
});

test("the arena is close to what must be alive", () => {
  const program = schedule(perceptron([784, 256, 128, 10]));
  const bound = lowerBound(program, 4);
  expect(program.arena.fixed).toBeLessThanOrEqual(1.15 * bound.fixed);
  expect(program.arena.perRow).toBeLessThanOrEqual(1.15 * bound.perRow);
});
