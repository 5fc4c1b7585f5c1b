/** A branch that is not taken has no say in a gradient, whatever is in it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { reachable } from "../compiler/graph/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { load } from "../runtime/index.ts";
import { Formulas, pass, shapeOf, values } from "./helpers/graph.ts";
import { checkGuard, guardCases, guardFault, knownGuards } from "./helpers/guards.ts";
import { ONE, fixed } from "../compiler/ir/size.ts";

const net = async (source: string, dtype: "f32" | "f64", options: { model?: string } = {}) =>
  load((await compile(source, { dtype, ...options })).wasm, { seed: 1 });

test("random formulas with a choice: 0 by what it hides, up to the second derivative, and on the tape too", () => {
  const kinds = { right: 0, idle: 0, wrong: 0 };
  fc.assert(
    fc.property(guardCases, (given) => {
      const found = checkGuard(given);
      kinds[found.kind]++;
      expect(found.kind === "wrong" ? found.because : "").toBe("");
    }),
    { numRuns: 600, seed: 10 },
  );
  expect(kinds.idle).toBeLessThan(60);
}, 120_000);

test.each(Object.entries(knownGuards))("%s", (_, given) => {
  expect(checkGuard(given)).toEqual({ kind: "right" });
});

test("what is taken is seen, and what happens to be 0 is differentiated as ever", () => {
  expect(guardFault()).toBeNull();
});

/** Of x, [N, 3], and w, [3, 3]; rows keep to themselves. */
const formulas = [
  "sqrt(x)",
  "tanh(x)",
  "sin(x)",
  "cos(x)",
  "log(x)",
  "log1p(x)",
  "exp(x)",
  "exp(x) - 1",
  "1 / x",
  "x / (x - 2)",
  "x^1.5",
  "x^-0.5",
  "x^3",
  "x^x",
  "2^x",
  "abs(x)",
  "erf(x)",
  "sigmoid(x)",
  "softplus(x)",
  "log(sigmoid(x))",
  "gelu(x)",
  "mish(x)",
  "elu(x)",
  "clamp(log(x), -5, 5)",
  "max(x, 1 / x)",
  "x * log(x)",
  "softmax(x)",
  "log_softmax(x)",
  "logsumexp(x, axis = -1, keep = true)",
  "prod(x, axis = -1, keep = true)",
  "max(x, axis = -1, keep = true)",
  "var(x, axis = -1, keep = true)",
  "sqrt(sum(x^2, axis = -1, keep = true))",
  "x / sum(x, axis = -1, keep = true)",
  "(x - mean(x, axis = -1, keep = true)) / sqrt(var(x, axis = -1, keep = true))",
  "x @ w",
  "(w @ x')'",
  "tanh(x @ w) @ w'",
  "softmax(x @ w)",
  "relu(x @ w)",
  "concat([x[:, 1:3], log(x[:, 0:1])], axis = 1)",
  "reshape(sqrt(reshape(x, [3 * N])), [N, 3])".replaceAll("3 * N", "size(x, 0) * 3"),
  "logsumexp(stack([x, 2 * x], axis = 0), axis = 0)",
];

/** How y is chosen where `keep`, [N, 1], holds. */
const choices = ["where(keep, y, 0)", "where(not keep, 3, y)", "where(keep, where(keep, y, 1 / y), 1)"];

const X = [
  [0.7, 1.2, 0.4],
  [0.3, 0.9, 1.1],
  [1.6, 0.5, 0.8],
  [0.6, 1.4, 1.3],
];
const KEPT = [true, false, true, false];
const POISON = [NaN, Infinity, -Infinity, 0, -0.7, 1e30, -1e30];

describe.each(["f32", "f64"] as const)("a table of formulas behind a choice, in %s", (dtype) => {
  test.each(choices)("%s", async (choice) => {
    const lines = formulas.flatMap((formula, i) => [
      `y${i} = ${formula}`,
      `s${i} = sum(sin(${choice.replaceAll(/\by\b/g, `y${i}`)}))`,
      `output dx${i} = grad(s${i}, x)`,
      `output dw${i} = grad(s${i}, w)`,
    ]);
    const model = await net(
      `model Table {
        input x: [N, 3]
        input keep: bool[N, 1]
        param w = [[0.5, -0.2, 0.3], [0.1, 0.4, -0.6], [0.2, 0.7, 0.9]]
        ${lines.join("\n")}
      }`,
      dtype,
    );
    const keep = KEPT.map((kept) => [kept]);
    const of = (x: readonly (readonly number[])[]) => model.predict({ x: x.map((row) => [...row]), keep });
    const want = of(X);
    for (const poison of POISON) {
      // Both whole rows and single entries of them are spoilt.
      for (const spoilt of [[0, 1, 2], [1]]) {
        const x = X.map((row, r) => row.map((v, c) => (KEPT[r] || !spoilt.includes(c) ? v : poison)));
        const got = of(x);
        formulas.forEach((formula, i) => {
          for (const name of [`dx${i}`, `dw${i}`]) {
            const [a, b] = [[...got[name]!.data], [...want[name]!.data]];
            // A zero may change its sign.
            expect(
              a.map((v) => v + 0),
              `${name.slice(0, 2)} of ${formula}, ${poison} hidden`,
            ).toEqual(b.map((v) => v + 0));
          }
          const dx = got[`dx${i}`]!.data;
          KEPT.forEach((kept, r) => {
            if (!kept) for (const c of [0, 1, 2]) expect(dx[3 * r + c]! + 0).toBe(0);
          });
        });
      }
    }
    expect(Object.values(want).every(({ data }) => data.every((v) => Number.isFinite(v)))).toBe(true);
  });
});

describe.each(["f32", "f64"] as const)("gaps in data, in %s", (dtype) => {
  const nets = {
    "after the loss's formula": "loss sum(where(known, (p - y)^2, 0)) / sum(known)",
    "before it": "loss sum((p - where(known, y, 0))^2 * known) / sum(known)",
    "before it, by the prediction": "loss sum((p - where(known, y, p))^2) / sum(known)",
    "with a logarithm": "loss sum(where(known, log(1 + (p - y)^2), 0)) / sum(known)",
    "row by row": "loss sum(where(known, huber_of(p - y), 0)) / sum(known)",
  };
  test.each(Object.entries(nets))("of targets and of inputs, %s", async (_, loss) => {
    const model = await net(
      `fn huber_of(d) = where(abs(d) < 1, 0.5 * d * d, abs(d) - 0.5)
      model Gaps {
        input x: [N, 2]
        input here: bool[N, 1]
        target y: [N, 1]
        known = y == y and here
        given = where(here, x, 0)
        a = dense(${loss.includes("here, x") ? "x" : "given"}, 5, tanh)
        h = dense(a, 4, gelu)
        p = dense(softmax(h), 1)
        ${loss}
        optimizer sgd(lr = 0.05)
      }`,
      dtype,
    );
    const rows = [
      { x: [1, 2], here: [true], y: [1.5] },
      { x: [3, -4], here: [true], y: [NaN] },
      { x: [NaN, NaN], here: [false], y: [0.3] },
      { x: [-1, 0.5], here: [true], y: [-0.5] },
    ];
    const batch = (which: readonly number[]) => ({
      x: which.map((i) => rows[i]!.x),
      here: which.map((i) => rows[i]!.here),
      y: which.map((i) => rows[i]!.y),
    });
    // Rows that are left out might as well not be there.
    const [all, known] = [model.gradients(batch([0, 1, 2, 3])), model.gradients(batch([0, 3]))];
    const tolerance = dtype === "f32" ? 1e-5 : 1e-12;
    expect(Math.abs(all.loss - known.loss)).toBeLessThan(tolerance);
    for (const [path, { data }] of Object.entries(known.gradients)) {
      data.forEach((g, i) => {
        expect(Math.abs(all.gradients[path]!.data[i]! - g), `${path} ${i}`).toBeLessThan(tolerance);
      });
    }
    for (let step = 0; step < 20; step++) model.step(batch([0, 1, 2, 3]));
    for (const path of Object.keys(known.gradients)) {
      expect(
        model.get(path).data.every((v) => Number.isFinite(v)),
        path,
      ).toBe(true);
    }
  });

  test("rows that are NaN and go through products before they are left out", async () => {
    const model = await net(
      `model Rows {
        input x: [N, 3]
        input here: bool[N, 1]
        target y: [N, 2]
        h = x |> dense(6, tanh) |> dense(5, leaky_relu) |> dense(4, swish)
        p = dense(h, 2)
        loss sum(where(here, (p - y)^2, 0)) / sum(here)
        optimizer adam(lr = 0.01)
      }`,
      dtype,
    );
    const y = [
      [1, 0],
      [0, 1],
      [0.5, 0.5],
      [1, 1],
    ];
    const here = KEPT.map((kept) => [kept]);
    const spoilt = X.map((row, r) => (KEPT[r] ? row : [NaN, Infinity, r]));
    const got = model.gradients({ x: spoilt, here, y });
    const want = model.gradients({ x: X, here, y });
    expect(got).toEqual(want);
    expect(Object.values(want.gradients).some(({ data }) => data.some((v) => v !== 0))).toBe(true);
  });

  test("a jacobian, and a parameter that is NaN and is not used", async () => {
    const model = await net(
      `model Jacobian {
        input x: [3]
        input flag: bool[]
        param a = [[0.5, -0.2], [0.1, 0.4], [0.2, 0.7]]
        param b = [[0.5, -0.2], [0.1, 0.4], [0.2, 0.7]]
        root = where(x > 0, sqrt(x), x)
        h = tanh(reshape(x, [1, 3]))
        y = where(flag, h @ a, h @ b)
        output roots = jacobian(root, x)
        output dx = grad(sum(y), x)
        loss sum(y^2)
      }`,
      dtype,
    );
    const x = [-1, 4, 0];
    expect([...model.predict({ x, flag: true })["roots"]!.data].map((v) => v + 0)).toEqual([
      1, 0, 0, 0, 0.25, 0, 0, 0, 1,
    ]);
    const want = model.predict({ x, flag: true })["dx"]!.data;
    const gradients = model.gradients({ x, flag: true });
    model.set("b", [NaN, 1, NaN, Infinity, 1, 1]);
    expect([...model.predict({ x, flag: true })["dx"]!.data]).toEqual([...want]);
    const got = model.gradients({ x, flag: true });
    expect([...got.gradients["a"]!.data]).toEqual([...gradients.gradients["a"]!.data]);
    expect([...got.gradients["b"]!.data].map((v) => v + 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("what nothing hides", () => {
  const gradient = (
    make: (b: Formulas, x: Node, c: Node) => Node,
    x: readonly number[],
    keep: readonly number[],
  ) => {
    const b = new Formulas();
    const [input, condition] = [b.input("x", x.length), b.input("keep", x.length)];
    const y = make(b, input, b.gt(condition, 0.5));
    return values(
      pass(b, [b.grad(b.sumAll(y), input)], ["stabilize", "differentiate", "lower", "simplify"]).nodes,
      { x, keep },
    )[0]!;
  };
  test("is not silenced: a NaN that is taken is seen", () => {
    const got = gradient((b, x, c) => b.where(c, b.tanh(x), 0), [NaN, NaN, 1], [1, 0, 1]);
    expect(got[0]).toBeNaN();
    expect(got.slice(1)).toEqual([0, 1 - Math.tanh(1) ** 2]);
    const rows = gradient(
      (b, x, c) =>
        b.where(
          c,
          b.reshape(b.matmul(b.reshape(x, [...x.shape, ONE]), b.constant(2, [1, 1].map(fixed))), x.shape),
          0,
        ),
      [NaN, 1],
      [1, 0],
    );
    expect(rows.map((v) => v + 0)).toEqual([2, 0]);
  });
  test("and a cotangent that happens to be 0 keeps its own derivative", () => {
    // At x = e the residual log x - 1 is 0, and its slope is 1/x: (log x - 1)² has the second
    // derivative 2/x².
    const b = new Formulas();
    const x = b.input("x", 2);
    const residual = b.sub(b.where(b.gt(x, 0), b.log(x), 0), b.constant(0.5, x.shape));
    const first = b.grad(b.sumAll(b.mul(residual, residual)), x);
    const second = b.grad(b.sumAll(first), x);
    const at = Math.exp(0.5);
    const [[got, hidden]] = values(
      pass(b, [second], ["stabilize", "differentiate", "lower", "simplify"]).nodes,
      { x: [at, -1] },
    ) as [[number, number]];
    expect(got).toBeCloseTo(2 / at ** 2, 9);
    expect(hidden + 0).toBe(0);
  });
});

/**
 * Rows of x weighed by their products with each other, as far as these lie `below` the diagonal or
 * further; factors are parts of one product.
 */
const masked =
  (below: number) =>
  (b: Formulas, x: Node, w: Node): Node => {
    const z = b.matmul(x, b.broadcast(b.sum(w, [1]), shapeOf(3, 4)));
    const [q, k] = [0, 1].map((start) => {
      const axes = [
        { start: 0, fromEnd: false, step: 1 },
        { start, fromEnd: false, step: 2 },
      ];
      return b.slice(z, axes, shapeOf(4, 2));
    }) as [Node, Node];
    const score = b.div(b.matmul(q, b.transpose(k)), 3);
    const isSeen = b.le(b.add(b.iota(1, score.shape), below), b.iota(0, score.shape));
    return b.where(isSeen, score, 0);
  };

describe("no test is put in", () => {
  const tests = (make: (b: Formulas, x: Node, w: Node) => Node): number => {
    const b = new Formulas();
    const [x, w] = [b.input("x", 4, 3), b.parameter(0, 3, 3)];
    const loss = b.sumAll(b.sin(make(b, x, w)));
    const { nodes } = pass(b, [b.grad(loss, w)], ["stabilize", "differentiate", "simplify"]);
    return reachable(nodes).filter(({ op }) => op === "ne").length;
  };
  test.each<[string, (b: Formulas, x: Node, w: Node) => Node]>([
    ["where there is no choice", (b, x, w) => b.softmax(b.tanh(b.matmul(x, w)), 1)],
    ["behind relu and max", (b, x, w) => b.max(b.matmul(b.relu(b.matmul(x, w)), w), 0)],
    [
      "behind a choice that shows x on either side",
      (b, x, w) => {
        const z = b.matmul(b.tanh(b.matmul(x, w)), w);
        return b.where(b.gt(z, 0), z, b.mul(z, 0.01));
      },
    ],
    [
      "behind dropout",
      (b, x, w) => {
        const z = b.tanh(b.matmul(x, w));
        const draw = b.graph.make("random", [], {
          distribution: "uniform",
          site: 0,
          shape: z.shape,
        }) as unknown as Node;
        return b.where(b.gt(draw, 0.5), b.mul(z, 2), 0);
      },
    ],
    [
      "behind a choice of what another way shows anyway",
      (b, x, w) => {
        const z = b.tanh(b.matmul(x, w));
        return b.add(b.where(b.gt(x, 0), z, 0), z);
      },
    ],
    ["behind a mask that shows some of every row and column of a product", masked(0)],
  ])("%s", (_, make) => expect(tests(make)).toBe(0));
  test("and one is, behind a mask that hides a row", () => {
    expect(tests(masked(1))).toBeGreaterThan(0);
  });
  test("and one is, behind a choice", () => {
    expect(tests((b, x, w) => b.where(b.gt(x, 0), b.tanh(b.matmul(x, w)), 0))).toBeGreaterThan(0);
  });
});
