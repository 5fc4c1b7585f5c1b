/** Reverse mode over whole graphs: values, orders, what is missing, and what it is called. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { CompilerFault } from "../compiler/fault.ts";
import { type Model, parametersOf, type Persistent } from "../compiler/graph/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { printModel } from "../compiler/graph/print.ts";
import { fixed } from "../compiler/ir/size.ts";
import { verify } from "../compiler/graph/verify.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { verifyAfter } from "../compiler/passes/pipeline.ts";
import { DiagnosticError } from "../grammar/diagnostic.ts";
import { valueOf, values as tensor } from "./helpers/elaborated.ts";
import { ALL, Formulas, modelOf, pass, shapeOf, stream, values } from "./helpers/graph.ts";

/** A model of two parameters trained by `loss`. */
function training(b: Formulas, loss: (w: Node, v: Node) => Node): Model {
  const [w, v] = [b.parameter(0, 2), b.parameter(1, 2)];
  const scalar = loss(w, v);
  const model = modelOf(b.graph, []);
  const span = (start: number) => ({ file: "test.nn", start, end: start + 1 });
  return {
    ...model,
    persistent: [w, v].map((node, i) => ({
      kind: "parameter",
      path: ["w", "v"][i]!,
      shape: shapeOf(2),
      init: "zeros",
      span: span(i),
      start: b.zeros(node.shape),
      gradient: b.grad(scalar, node),
      update: null,
    })),
    roots: { ...model.roots, loss: scalar, trainingLoss: scalar },
  };
}

describe("gradients", () => {
  test("the graph (x + y)(y - z) at 1, 2, 3", () => {
    const b = new Formulas();
    const [x, y, z] = [b.input("x"), b.input("y"), b.input("z")];
    const loss = b.mul(b.add(x, y), b.sub(y, z));
    const { nodes } = pass(
      b,
      [x, y, z].map((p) => b.grad(loss, p)),
      ALL,
    );
    expect(values(nodes, { x: [1], y: [2], z: [3] }).flat()).toEqual([-1, 2, -3]);
  });

  test("by an input and by a value on the way", () => {
    const b = new Formulas();
    const x = b.input("x", 2);
    const h = b.mul(x, x);
    const loss = b.sumAll(b.add(b.mul(h, h), x));
    const { nodes } = pass(b, [b.grad(loss, h), b.grad(loss, x)], ALL);
    expect(values(nodes, { x: [1, 2] })).toEqual([
      [2, 8],
      [5, 33],
    ]);
  });

  test("the fourth derivative of x^5 is 120 x", () => {
    const b = new Formulas();
    const x = b.input("x");
    let y: Node = b.pow(x, 5);
    for (let order = 0; order < 4; order++) y = b.grad(y, x);
    expect(values(pass(b, [y], ALL).nodes, { x: [3] })).toEqual([[360]]);
  });

  test("a gradient inside of a loss", () => {
    // loss = mean (du/dt + u)², u = w t; du/dt = w; d loss / dw = mean 2 (w + w t)(1 + t)
    const b = new Formulas();
    const [w, t] = [b.input("w"), b.input("t", "N", 1)];
    const u = b.mul(w, t);
    const du = b.grad(b.sumAll(u), t);
    const residual = b.add(du, u);
    const loss = b.mean(b.mul(residual, residual));
    const { nodes } = pass(b, [b.grad(loss, w)], ALL);
    expect(values(nodes, { w: [2], t: [1, 3] }, 2)[0]![0]).toBeCloseTo((2 * 4 * 2 + 2 * 8 * 4) / 2, 12);
  });

  test("scalars that become one formula, each by tensors of its own", () => {
    const b = new Formulas();
    const [x, w] = [b.input("x", 2), b.input("w", 2)];
    const f = b.sumAll(b.mul(b.pow(x, 3), b.mul(w, w)));
    // The slope of f + Σ w by x is that of f, 3 x² w².
    const byX = b.grad(b.sumAll(b.grad(f, x)), x);
    const byW = b.grad(b.sumAll(b.grad(b.add(f, b.sumAll(w)), x)), w);
    const { nodes } = pass(b, [byX, byW], ALL);
    expect(values(nodes, { x: [1, 2], w: [3, 4] })).toEqual([
      [54, 192],
      [18, 96],
    ]);
  });

  test("a tensor that the scalar does not depend on has zeros", () => {
    const b = new Formulas();
    const [x, y] = [b.input("x", 2), b.input("y", 3)];
    expect(values(pass(b, [b.grad(b.sumAll(x), y)], ALL).nodes, { x: [1, 2], y: [1, 2, 3] })).toEqual([
      [0, 0, 0],
    ]);
  });

  test("a chain of 20,000 operations", () => {
    const b = new Formulas();
    const x = b.input("x");
    let y: Node = x;
    for (let i = 0; i < 20_000; i++) y = b.sin(y);
    const { nodes } = pass(b, [b.grad(y, x)], ["differentiate", "lower"]);
    expect(values(nodes, { x: [1] })[0]![0]).toBeGreaterThan(0);
  });

  test("random formulas, against central differences", () => {
    const step = fc.record({ op: fc.nat(13), a: fc.nat(1000), b: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 12 }), fc.nat(1e6), (steps, seed) => {
        const b = new Formulas();
        const x = b.input("x", 3, 2);
        const pool: Node[] = [x, b.broadcast(b.sum(x, [0]), x.shape)];
        for (const s of steps) {
          const [u, v] = [pool[s.a % pool.length]!, pool[s.b % pool.length]!];
          pool.push(
            [
              () => b.add(u, v),
              () => b.sub(u, v),
              () => b.mul(b.tanh(u), v),
              () => b.div(u, b.add(b.mul(v, v), 1)),
              () => b.sigmoid(u),
              () => b.softplus(u),
              () => b.softmax(u, s.b % 2),
              () => b.broadcast(b.logsumexp(u, [s.b % 2]), u.shape),
              () => b.sin(u),
              () => b.matmul(b.matmul(b.tanh(u), b.transpose(b.tanh(v))), u),
              () => b.concat([b.slice(v, cut(1), shapeOf(1, 2)), b.slice(u, cut(0), shapeOf(2, 2))], 0),
              () => b.where(b.gt(u, v), b.sin(u), b.cos(v)),
              () => b.log(b.add(b.exp(b.neg(b.tanh(u))), 1)),
              () => b.broadcast(b.prod(b.tanh(u), [0]), u.shape),
            ][s.op]!(),
          );
        }
        const loss = b.mean(b.tanh(pool.at(-1)!));
        const { nodes } = pass(b, [loss, b.grad(loss, x)], ALL);
        const next = stream(seed);
        const data = Array.from({ length: 6 }, () => 2 * next() - 1);
        const f = (moved: readonly number[]): number => values([loss], { x: moved })[0]![0]!;
        const [value, gradient] = values(nodes, { x: data });
        expect(value![0]).toBeCloseTo(f(data), 10);
        gradient!.forEach((g, i) => {
          const at = (h: number): number => f(data.map((d, j) => (j === i ? d + h : d)));
          const slope = (h: number): number => (at(h) - at(-h)) / (2 * h);
          const [coarse, fine] = [slope(2e-4), slope(1e-4)];
          // Where the two differ, a `where` changes its mind in between, or the formula is too
          // steep to tell.
          if (Math.abs(coarse - fine) > 1e-6 * (1 + Math.abs(fine))) return;
          expect(Math.abs(g - fine)).toBeLessThan(1e-5 * (1 + Math.abs(fine)));
        });
      }),
      { seed: 5, numRuns: 400 },
    );
    function cut(start: number) {
      return [start, 0].map((first) => ({ start: first, fromEnd: false, step: 1 }));
    }
  });
});

describe("gradients that are missing", () => {
  const warnings = (loss: (b: Formulas, w: Node, v: Node) => Node) => {
    const b = new Formulas();
    const model = differentiate(training(b, (w, v) => loss(b, w, v)));
    verifyAfter(model, "differentiate");
    return model.warnings.map((d) => `${d.severity} ${d.code} at ${d.labels[0]!.span.start}`);
  };
  test("a parameter that is not used", () => {
    expect(warnings((b, w) => b.sumAll(w))).toEqual(["warning no-gradient at 1"]);
    expect(warnings((b, w, v) => b.sumAll(b.add(w, b.elementwise("stop_gradient", v))))).toEqual([
      "warning no-gradient at 1",
    ]);
  });
  test("a parameter behind a step", () => {
    const flat = (make: (b: Formulas, v: Node) => Node) =>
      expect(warnings((b, w, v) => b.sumAll(b.mul(w, make(b, v))))).toEqual(["warning flat-gradient at 1"]);
    flat((b, v) => b.where(b.ge(v, 0), 1, 0));
    flat((b, v) => b.sign(v));
    flat((b, v) => b.toFloat(b.gt(v, 0)));
  });
  test("none where every parameter moves the loss", () => {
    expect(warnings((b, w, v) => b.sumAll(b.mul(w, b.add(v, b.sign(v)))))).toEqual([]);
  });
  test("what has no derivative is refused", () => {
    const b = new Formulas();
    const x = b.input("x", "N");
    expect(() => pass(b, [b.grad(b.sumAll(b.prod(x, [0])), x)], ["differentiate"])).toThrow(DiagnosticError);
  });
});

describe("the verifier", () => {
  test("names the pass and the node", () => {
    const b = new Formulas();
    const x = b.input("x", 2);
    expect(() => verifyAfter(modelOf(b.graph, [b.grad(b.sumAll(x), x)]), "differentiate")).toThrow(
      CompilerFault,
    );
    expect(() => verifyAfter(modelOf(b.graph, [b.softmax(x, 0)]), "lower")).toThrow(
      /after lower: .*softmax.* not lowered/,
    );
    const wrong = { ...b.exp(x), shape: [fixed(3)] } as Node;
    expect(() => verifyAfter(modelOf(b.graph, [wrong]), "simplify")).toThrow(
      /\[3\] and should be float\[2\]/,
    );
    const model = training(b, (w) => b.sumAll(w));
    const roots = { ...model.roots, trainingLoss: x };
    expect(() => verify({ ...model, roots }, "elaborate")).toThrow(/the training loss is \[2\]/);
  });
});

test("a weight read by rows of the batch, and by rows whose product is spread over the batch", async () => {
  const { joint } = await analyze(`model M {
    input x: [N, 1]
    param w = [0.5]
    param v = [[2], [3]]
    a = x @ w
    b = broadcast(v @ w, [N, 2])
    loss sum(a^2) + sum(b^2)
  }`);
  const parameters = new Map([
    [0, tensor([1], [0.5])],
    [1, tensor([2, 1], [2, 3])],
  ]);
  const [w, v] = parametersOf(joint).map(({ gradient }) => gradient!);
  const found = valueOf([w!, v!], { n: 2, inputs: { x: tensor([2, 1], [1, 2]) }, parameters });
  // 2 w Σ x² + 2 N w Σ v², 2 N w² v
  expect(found).toEqual([[31], [2, 3]]);
});

test("printing: names, shapes and numbers in place", () => {
  const b = new Formulas();
  const named = (name: string): Formulas => {
    const other = new Formulas(name);
    return Object.assign(other, { graph: b.graph });
  };
  const x = b.input("x", "N", 2);
  const w = b.parameter(0, 3, 2);
  const h = named("h").sigmoid(b.matmul(x, b.transpose(w)));
  const loss = b.mean(b.mul(h, h));
  const model = modelOf(b.graph, [h]);
  const weight: Persistent = {
    kind: "parameter",
    path: "h.weight",
    shape: w.shape,
    init: "",
    span: { file: "", start: 0, end: 0 },
    start: b.zeros(w.shape),
    gradient: b.grad(loss, w),
    update: null,
  };
  const roots = { ...model.roots, trainingLoss: loss };
  const text = printModel(differentiate({ ...model, persistent: [weight], roots }));
  expect(text).toBe(`model Test

-- initialize
h.weight <- 0

-- predict
t.1: [N, 3] = x @ h.weight'
h: [N, 3] = sigmoid t.1
out0 <- h

-- training loss
t.2: [N, 3] = h * h
t.3: [1, 1] = sum t.2 axes=[0, 1]
t.4: [] = reshape t.3
t.5: [] = t.4 / 3·N
loss <- t.5

-- gradients
t.6: [] = 1 / 3·N
t.7: [N, 3] = t.6 * h
d_h: [N, 3] = t.7 + t.7
t.8: [N, 3] = 1 - h
t.9: [N, 3] = h * t.8
t.10: [N, 3] = d_h * t.9
t.11: [2, 3] = x' @ t.10
d loss / d h.weight <- t.11'
`);
});
