/** What the scheduler decides: how few kernels, which values are stored, how much memory. */
import { describe, expect, test } from "vitest";
import { Build } from "../compiler/graph/build.ts";
import { Graph } from "../compiler/graph/graph.ts";
import type { Model } from "../compiler/graph/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { constantOf, fixed, free, type Shape } from "../compiler/ir/size.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { lower } from "../compiler/passes/lower.ts";
import { simplify } from "../compiler/passes/simplify.ts";
import { plan } from "../compiler/index.ts";
import { printProgram } from "../compiler/schedule/print.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { verifyProgram } from "../compiler/schedule/verify-program.ts";
import { lowerBound } from "./helpers/lower-bound.ts";
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
    // Three products, what is between them, and the softmax.
    expect(calls("predict").length).toBeLessThanOrEqual(6);
    expect(calls("step").length).toBeLessThanOrEqual(22);
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

const input = (graph: Graph, name: string, s: Shape): Node =>
  graph.make("input", [], { name, shape: s, type: "float" }, { name }) as unknown as Node;
const parameter = (graph: Graph, index: number, s: Shape): Node =>
  graph.make("parameter", [], { index, shape: s }) as unknown as Node;

/** The kernels that `predict` calls for one output `o` of the inputs x [N, 6] and y [N, 6]. */
function predictOf(make: (b: Build, x: Node, y: Node) => Node): { formulas: string[]; temporaries: number } {
  const graph = new Graph();
  const [x, y] = [input(graph, "x", [free(), fixed(6)]), input(graph, "y", [free(), fixed(6)])];
  const node = make(new Build(graph), x, y);
  const model = modelOf(graph, {
    inputs: { x: x.shape, y: y.shape },
    roots: { outputs: [{ name: "o", node }] },
  });
  for (const n of [1, 5]) expectScheduled(model, n);
  const program = schedule(model);
  const { calls } = program.entries.find((e) => e.name === "predict")!;
  return {
    formulas: calls.map((c) => program.kernels[c.kernel]!.formula),
    temporaries: program.buffers.filter((b) => b.role.kind === "temporary").length,
  };
}

describe("fusion", () => {
  test("a chain of elementwise ops is one kernel", () => {
    const { formulas, temporaries } = predictOf((b, x, y) =>
      b.tanh(b.mul(b.add(x, y), b.sigmoid(b.add(x, y)))),
    );
    expect(formulas).toEqual(["o = tanh((x + y) * sigmoid(x + y))"]);
    expect(temporaries).toBe(0);
  });

  test("a row's maximum, sum and quotient are one pass over rows", () => {
    const { formulas } = predictOf((b, x) => {
      const e = b.exp(b.sub(x, b.reduce_max(x, [1])));
      return b.div(e, b.sum(e, [1]));
    });
    expect(formulas).toEqual(["o = exp(x - max(x)) / sum(exp(x - max(x)))"]);
  });

  test("formulas are as the language reads them: `*` and `@` from the left, comparisons one at a time", () => {
    const { formulas } = predictOf((b, x, y) => {
      const product = b.matmul(b.transpose(x), y);
      return b.mul(product, product);
    });
    expect(formulas).toEqual(["o = x' @ y * (x' @ y)"]);
    const compared = predictOf((b, x, y) => b.eq(b.gt(x, 0), b.gt(y, 0)));
    expect(compared.formulas).toEqual(["o = (x > 0) == (y > 0)"]);
  });

  test("a column sum keeps the columns side by side", () => {
    const graph = new Graph();
    const x = input(graph, "x", [free(), fixed(6)]);
    const model = modelOf(graph, {
      inputs: { x: x.shape },
      roots: { outputs: [{ name: "o", node: new Build(graph).sum(x, [0]) }] },
    });
    const [kernel] = schedule(model).kernels.filter((k) => k.formula === "o = sum(x)");
    expect(kernel!.loops).toEqual([fixed(6), free()]);
    expect(kernel!.operands[0]!.strides.map(constantOf)).toEqual([1, 6]);
  });

  test("movement costs no kernel", () => {
    const { formulas } = predictOf((b, x, y) => {
      const turned = b.permute(b.reshape(x, [free(), fixed(2), fixed(3)]), [2, 0, 1]);
      return b.mul(b.reshape(b.permute(turned, [1, 2, 0]), y.shape), y);
    });
    expect(formulas).toEqual(["o = x * y"]);
  });

  test("a reshape that is no view copies once", () => {
    const { formulas, temporaries } = predictOf((b, x, y) =>
      b.mul(b.reshape(b.permute(b.reshape(x, [free(), fixed(2), fixed(3)]), [0, 2, 1]), y.shape), y),
    );
    expect(formulas).toHaveLength(2);
    expect(temporaries).toBe(1);
  });

  test("the parts of a concatenation are written in place", () => {
    const { formulas, temporaries } = predictOf((b, x, y) => b.concat([b.exp(x), b.tanh(y)], 1));
    expect(formulas).toEqual(["o = exp(x)", "o = tanh(y)"]);
    expect(temporaries).toBe(0);
  });

  test("what is put together is read only when it is whole", () => {
    const { formulas } = predictOf((b, x) => {
      const corner = b.slice(
        b.reshape(b.sum(x, [0]), shape(6)),
        [{ start: 2, fromEnd: false, step: 1 }],
        shape(1),
      );
      const embedded = b.embed(corner, [{ start: 0, fromEnd: false, step: 1 }], shape(1));
      return b.mul(embedded, 0.5);
    });
    expect(formulas.at(-1)).toBe("o = embed * 0.5");
  });

  test("a costly formula with readers in several kernels is stored, a cheap one computed again", () => {
    const both = (of: (b: Build, x: Node) => Node) =>
      predictOf((b, x, y) => {
        const value = of(b, x);
        return b.add(b.mul(b.sum(value, [0]), y), b.sum(value, [1]));
      });
    expect(both((b, x) => b.tanh(x)).temporaries).toBe(2);
    expect(both((b, x) => b.mul(x, 3)).temporaries).toBe(1);
  });

  describe("of a product with what follows it", () => {
    const formulasOf = async (act: string, units: number, memory = false): Promise<string[]> => {
      const source = `model Net {
        input x: [N, ${units}]
        target y: [N, 1]
        h = ${memory ? "@recompute " : ""}dense(x, ${units}, ${act})
        output z = dense(h, 1)
        loss mse(z, y)
        optimizer adam
      }`;
      const { kernels } = (await plan(source)).report;
      return kernels.flatMap(({ formula }) => formula);
    };
    const isProduct = (formula: string): boolean => formula.includes(" @ ");

    test("a bias and a short activation are in its epilogue", async () => {
      expect(await formulasOf("relu", 40)).toContainEqual(expect.stringMatching(/= relu\(x @ .* \+ /));
    });

    test("a function is a kernel of its own, and so is a long update", async () => {
      const formulas = await formulasOf("tanh", 40);
      expect(formulas.filter((formula) => isProduct(formula) && /tanh|sqrt/.test(formula))).toEqual([]);
      expect(formulas).toContainEqual(expect.stringMatching(/= tanh\(/));
    });

    test.each([
      ["where lanes hold rows", 8, false],
      ["where memory is dear", 40, true],
    ])("but not %s", async (_, units, memory) => {
      expect(await formulasOf("tanh", units, memory)).toContainEqual(
        expect.stringMatching(/= tanh\(x @ .* \+ /),
      );
    });
  });

  test("a factor that lies the wrong way is copied", () => {
    const { formulas } = predictOf((b, x, y) =>
      b.reshape(
        b.matmul(
          b.permute(b.reshape(x, [free(), fixed(2), fixed(3)]), [0, 2, 1]),
          b.permute(b.reshape(y, [free(), fixed(3), fixed(2)]), [0, 2, 1]),
        ),
        [free(), fixed(9)],
      ),
    );
    expect(formulas).toHaveLength(2);
  });
});

describe("updates in place", () => {
  /**
   * Parameters of the shapes given, moved by `update`; a step must use the old values throughout.
   */
  function stepOf(
    shapes: readonly Shape[],
    update: (b: Build, p: readonly Node[]) => readonly Node[],
  ): string[] {
    const graph = new Graph();
    const b = new Build(graph);
    const nodes = shapes.map((s, i) => parameter(graph, i, s));
    const loss = b.sumAll(nodes[0]!);
    const model = modelOf(graph, {
      parameters: Object.fromEntries(shapes.map((s, i) => [`p${i}`, s])),
      optimizer: { name: "own", hyper: [], states: [] },
      roots: {
        loss,
        trainingLoss: loss,
        gradients: nodes,
        parameterUpdates: update(b, nodes),
        parameterStarts: nodes.map((n) => b.zeros(n.shape)),
      },
    });
    expectScheduled(model, 1);
    const program = schedule(model);
    return program.entries
      .find((e) => e.name === "step")!
      .calls.map((c) => program.kernels[c.kernel]!.formula);
  }

  test("two that read each other exchange their values", () => {
    stepOf([shape(5), shape(5)], (_, [p, q]) => [q!, p!]);
    stepOf([shape(5), shape(1, 5)], (b, [p, q]) => [b.reshape(q!, shape(5)), b.reshape(p!, shape(1, 5))]);
    stepOf([shape(2, 3), shape(3, 2)], (b, [p, q]) => [b.transpose(q!), b.transpose(p!)]);
  });

  test("one that reads its own transpose, or its own sum, waits in a buffer", () => {
    stepOf([shape(3, 3)], (b, [p]) => [b.sub(p!, b.transpose(p!))]);
    stepOf([shape(3, 3)], (b, [p]) => [b.div(p!, b.sqrt(b.sum(b.mul(p!, p!), [0, 1])))]);
    stepOf([shape(3, 3)], (b, [p]) => [b.matmul(p!, p!)]);
  });

  test("a plain one needs no buffer", () => {
    expect(stepOf([shape(4)], (b, [p]) => [b.mul(p!, 0.5)])).toContain("param = param * 0.5");
  });
});

describe("large programs", () => {
  test("a formula of ten thousand terms is cut into kernels", { timeout: 30_000 }, () => {
    const graph = new Graph();
    const b = new Build(graph);
    const x = input(graph, "x", [free()]);
    let sum = x;
    for (let i = 0; i < 10_000; i++) sum = b.add(sum, b.mul(x, i));
    const program = schedule(
      modelOf(graph, { inputs: { x: x.shape }, roots: { outputs: [{ name: "o", node: sum }] } }),
    );
    expect(() => verifyProgram(program)).not.toThrow();
    expect(Math.max(...program.kernels.map((k) => k.values.length))).toBeLessThan(1000);
  });

  test("fifty equal layers take no more kernels than three", { timeout: 60_000 }, () => {
    const kernels = (layers: number): number =>
      schedule(perceptron([8, ...Array.from({ length: layers }, () => 8), 3])).kernels.length;
    expect(kernels(50)).toBe(kernels(3));
  });
});

test("the verifier finds two live buffers in one place", () => {
  const program = schedule(perceptron([4, 3, 5, 2]));
  const places = program.arena.places.map((place) => ({ ...place, offset: 0 }));
  const broken = { ...program, arena: { ...program.arena, places } };
  expect(() => verifyProgram(broken)).toThrow(/share memory/);
});
