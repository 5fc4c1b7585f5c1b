/**
 * Reverse mode through loops, in f64: what `grad` gives of what a `scan` computes, against central
 * differences of it.
 */
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { reachable } from "../compiler/graph/graph.ts";
import { listRoots, type Model } from "../compiler/graph/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { runPasses, verifyAfter } from "../compiler/passes/pipeline.ts";
import { graft } from "../compiler/passes/probe.ts";
import { countOf, isFree } from "../compiler/ir/size.ts";
import type { Environment, Values } from "../compiler/ops/op.ts";

/** Rows of a batch in all tests. */
const ROWS = 2;

type Data = Readonly<Record<string, Values>>;

/** Numbers that look drawn, of which no two are equal. */
function drawn(shape: readonly number[], seed: number): Values {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float64Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
  return { shape, data };
}

const environment = (inputs: Data): Environment => ({
  n: ROWS,
  inputs: new Map(Object.entries(inputs)),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 0,
  seed: 0,
});

/** The outputs of a model by name, where all that it reads are inputs. */
function outputs({ roots }: Model, inputs: Data): Data {
  const values = evaluate(
    roots.outputs.map(({ node }) => node),
    environment(inputs),
  );
  return Object.fromEntries(roots.outputs.map(({ name }, i) => [name, values[i]!]));
}

/** The model after the passes that end with the joint graph, and inputs for it. */
async function made(body: string, given: Data = {}, before = ""): Promise<{ model: Model; inputs: Data }> {
  const { joint } = await analyze(`${before}\nmodel M {\n${body}\n}`);
  const inputs = joint.inputs.map(({ name, shape }, i) => {
    const sizes = shape.map((size) => (isFree(size) ? ROWS : countOf(size)));
    return [name, given[name] ?? drawn(sizes, i + 1)] as const;
  });
  return { model: joint, inputs: Object.fromEntries(inputs) };
}

/** The slope of the output `of` by an input, by central differences. */
function slope(model: Model, inputs: Data, of: string, by: string): number[] {
  const step = 1e-5;
  const at = (i: number, move: number): number => {
    const { shape, data } = inputs[by]!;
    const moved = data.slice();
    moved[i]! += move;
    const values = outputs(model, { ...inputs, [by]: { shape, data: moved } })[of]!.data;
    return values.reduce((sum, x) => sum + x, 0);
  };
  return [...inputs[by]!.data].map((_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

/**
 * Expects that the outputs `d_X` of a model are the slopes of Σ `of` by the inputs X, and that of
 * `dd_X` of Σ `second`.
 */
async function expectSlopes(body: string, given: Data = {}, before = ""): Promise<void> {
  const { model, inputs } = await made(body, given, before);
  const found = outputs(model, inputs);
  for (const [name, { data }] of Object.entries(found)) {
    const by = /^d+_(.*)$/.exec(name)?.[1];
    if (by === undefined) continue;
    const wanted = slope(model, inputs, name.startsWith("dd_") ? "second" : "loss_is", by);
    expect(data.length, name).toBe(wanted.length);
    wanted.forEach((x, i) => expect(data[i]!, `${name} ${i} of ${body}`).toBeCloseTo(x, 7));
    expect(
      data.some((x) => x !== 0),
      name,
    ).toBe(true);
  }
}

/** The numbers of the loops that a model runs. */
const loopsOf = (model: Model): Set<number> =>
  new Set(
    reachable(listRoots(model)).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
  );

/** The gradients of the output `loss_is` by inputs. */
const gradients = (names: string): string =>
  names
    .split(" ")
    .map((name) => `  output d_${name} = grad(loss_is, ${name})\n`)
    .join("");

const RNN = (length: number, more = ""): string => `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input w: [3, 4]
  input u: [4, 4]
  input b: [4]
  input v: [N, ${length}, 4]
  hs = scan(x, h0, (h, x) => tanh(x @ w + h @ u + b), axis = -2${more})
`;

const GRU = `
fn gru_step(x, h, w, u, b, c) {
  z = sigmoid(x @ w[0] + h @ u[0] + b[0])
  r = sigmoid(x @ w[1] + h @ u[1] + b[1])
  n = tanh(x @ w[2] + b[2] + r * (h @ u[2] + c))
  return (1 - z) * n + z * h
}`;

const LSTM = `
fn lstm_step(x, h, c, w, u, b) {
  g = x @ w + h @ u + b
  i = sigmoid(g[:, 0:4])
  f = sigmoid(g[:, 4:8])
  n = tanh(g[:, 8:12])
  o = sigmoid(g[:, 12:16])
  after = f * c + i * n
  return [o * tanh(after), after]
}`;

describe("cells", () => {
  for (const length of [1, 2, 5])
    for (const reverse of ["", ", reverse = true"]) {
      test(`tanh rnn of ${length} steps${reverse}`, async () => {
        await expectSlopes(`${RNN(length, reverse)}
  output loss_is = sum(hs^2 * v)
${gradients("x h0 w u b")}`);
      });
      test(`gru of ${length} steps${reverse}`, async () => {
        await expectSlopes(
          `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input w: [3, 3, 4]
  input u: [3, 4, 4]
  input b: [3, 4]
  input c: [4]
  input v: [N, ${length}, 4]
  hs = scan(x, h0, (h, x) => gru_step(x, h, w, u, b, c), axis = -2${reverse})
  output loss_is = sum(hs * v)
${gradients("x h0 w u b c")}`,
          {},
          GRU,
        );
      });
      test(`lstm of ${length} steps${reverse}`, async () => {
        await expectSlopes(
          `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input c0: [N, 4]
  input w: [3, 16]
  input u: [4, 16]
  input b: [16]
  input v: [N, ${length}, 4]
  s = scan(x, [h0, c0], (s, x) => lstm_step(x, s[0], s[1], w, u, b), axis = -2${reverse})
  output loss_is = sum(s[0] * v)
${gradients("x h0 c0 w u b")}`,
          {},
          LSTM,
        );
      });
    }
});

describe("the last place alone", () => {
  const stacksOfZeros = ({ roots }: Model): number =>
    reachable(roots.outputs.map(({ node }) => node)).filter(({ op }) => op === "concat" || op === "embed")
      .length;

  for (const [more, last] of [
    ["", "-1"],
    [", reverse = true", "0"],
  ] as const) {
    const net = `${RNN(5, more)}
  output loss_is = sum(v[:, 0] * hs[:, ${last}]^2)
${gradients("x h0 w u b")}`;
    test(`${last}: the loop that runs back begins with its cotangent`, async () => {
      await expectSlopes(net);
      expect(stacksOfZeros((await made(net)).model)).toBe(0);
    });
  }
  test("read with others, or where nothing of it is carried on", async () => {
    await expectSlopes(`${RNN(5)}
  output loss_is = sum(v[:, 0] * hs[:, -1]^2) + sum(sin(hs[:, 1:3]))
${gradients("x h0 w u b")}`);
    await expectSlopes(`
  input x: [N, 5, 3]
  s = scan(x, [x[:, 0], x[:, 0]], (s, x) => [sin(x), s[0] * s[1]], axis = 1)
  output loss_is = sum(s[0][:, -1]^2) + sum(s[1][:, -1, 0:2])
${gradients("x")}`);
  });
  test("its gradient's square has a gradient", async () => {
    await expectSlopes(`${RNN(4)}
  loss_of = sum(v[:, 0] * hs[:, -1]^2)
  output second = sum(grad(loss_of, u)^2) + sum(grad(loss_of, x)^2)
  output dd_w = grad(second, w)
  output dd_x = grad(second, x)
  output dd_h0 = grad(second, h0)`);
  });
});

describe("what a loop reads and leaves", () => {
  const cases: Readonly<Record<string, string>> = {
    "several tensors, of several shapes and lengths of axis": `
  input x: [N, 3, 2]
  input y: [3, 2]
  input a: [N, 2]
  input b: [2]
  s = scan([x, y], [a, b], (s, e) => [sin(s[0] * s[1] + e[0]), s[1] * e[1]], axis = -2)
  output loss_is = sum(s[0]^2) + sum(s[1])
${gradients("x y a b")}`,
    "what is carried changes places": `
  input x: [3]
  input a: []
  input b: []
  s = scan(x, [a, b], (s, e) => [s[1] * e, sin(s[0])], axis = 0)
  output loss_is = sum(s[0]^2) + sum(s[1])
${gradients("x a b")}`,
    "only the last of what is carried": `${RNN(5)}
  output loss_is = sum(hs[:, -1] * v[:, 0])
${gradients("x h0 w u b")}`,
    "weights read in the loop, before it and behind it": `${RNN(3)}
  output loss_is = sum((hs @ u) * v) + sum(tanh(x @ w) * v * u[0])
${gradients("x h0 w u b")}`,
    "one weight for both layers": `
  input x: [N, 3, 4]
  input u: [4, 4]
  hs = scan(x, zeros([N, 4]), (h, x) => tanh(x @ u + h @ u'), axis = -2)
  gs = scan(hs, zeros([N, 4]), (h, x) => tanh(x @ u' + h @ u), axis = -2, reverse = true)
  output loss_is = sum(gs^2)
${gradients("x u")}`,
    "what a loop leaves is read by itself in another": `
  input x: [3, 2]
  hs = scan(x, ones([2]), (h, x) => sin(h * x), axis = 0)
  gs = scan([x, hs], [hs[-1]], (g, e) => [g[0] * e[0] + e[1]], axis = 0)
  output loss_is = sum(gs[0]^2)
${gradients("x")}`,
    "a body that carries nothing on": `
  input x: [3, 2]
  input w: [2]
  hs = scan(x, zeros([2]), (h, x) => sin(x * w), axis = 0)
  output loss_is = sum(hs^2)
${gradients("x w")}`,
    "a body that reads no entry": `
  input x: [3, 2]
  input w: [2]
  hs = scan(x, zeros([2]), (h, x) => sin(h + w), axis = 0)
  output loss_is = sum(hs^2)
${gradients("w")}`,
    "a carried number that is counted along": `
  input x: [4]
  input w: [6]
  s = scan(x, [argmax(w[0:3]), x[0]], (s, e) => [s[0] + 1, s[1] * e * take(w, s[0])], axis = 0)
  output loss_is = sum(s[1]^2) + sum(s[0] * s[1])
${gradients("x w")}`,
    "a loop in a loop": `
  input x: [N, 3, 2]
  input y: [2, 2]
  input h0: [N, 2]
  input w: [2, 2]
  inner = (h, e) => scan(y, h, (g, f) => tanh(g @ w + f + e), axis = 0)
  hs = scan(x, h0, (h, e) => inner(h, e)[-1], axis = -2)
  output loss_is = sum(hs^2)
${gradients("x y h0 w")}`,
    "a loop over what the loop around it takes, all of it read": `
  input x: [3, 4, 2]
  input w: [2]
  hs = scan(x, zeros([2]), (h, e) => sum(scan(e, h, (g, f) => sin(g * w + f), axis = 0, reverse = true)^2 * h, axis = 0) + sin(w), axis = 0)
  output loss_is = sum(hs)
${gradients("x w")}`,
    "three loops inside one another": `
  input x: [2, 3, 2]
  input w: [2]
  one = (h, e) => scan(e, h, (g, f) => sin(g * w + f), axis = 0)[-1]
  two = (h, e) => scan(e, h, (g, f) => one(g, stack([f * w, g])), axis = 0)[-1]
  hs = scan(x, ones([2]), two, axis = 0)
  output loss_is = sum(hs^2)
${gradients("x w")}`,
  };
  for (const [name, body] of Object.entries(cases)) test(name, () => expectSlopes(body));
});

describe("derivatives of derivatives", () => {
  test("of a gradient's square, by everything", async () => {
    await expectSlopes(`${RNN(3)}
  output loss_is = sum(hs^2 * v)
  output second = sum(grad(loss_is, u)^2) + sum(grad(loss_is, x)^3)
  output dd_x = grad(second, x)
  output dd_u = grad(second, u)
  output dd_w = grad(second, w)
  output dd_h0 = grad(second, h0)
  output dd_b = grad(second, b)
`);
  });

  test("of three orders", async () => {
    await expectSlopes(`
  input x: [3]
  input w: []
  hs = scan(x, 0.5, (h, e) => sin(h * w + e), axis = 0)
  first = grad(sum(hs^2), w)
  output second = grad(first, w) + sum(grad(first, x)^2)
  output dd_w = grad(second, w)
  output dd_x = grad(second, x)
`);
  });

  test("through loops inside one another", async () => {
    await expectSlopes(`
  input x: [3, 2]
  input y: [2, 2]
  input w: [2]
  inner = (h, e) => scan(y, h, (g, f) => sin(g * w + f * e), axis = 0)
  hs = scan(x, ones([2]), (h, e) => inner(h, e)[-1], axis = 0)
  output second = sum(grad(sum(hs^2), w)^2) + sum(grad(sum(hs), y)^2)
  output dd_x = grad(second, x)
  output dd_y = grad(second, y)
  output dd_w = grad(second, w)
`);
  });

  test("a jacobian's rows are the slopes of the entries", async () => {
    const { model, inputs } = await made(`
  input x: [3, 2]
  input w: [2]
  hs = scan(x, ones([2]), (h, e) => sin(h * w + e), axis = 0)
  output jacobian_is = jacobian(hs[-1], w)
  output entry0 = hs[-1][0]
  output entry1 = hs[-1][1]
`);
    const found = [...outputs(model, inputs)["jacobian_is"]!.data];
    const wanted = ["entry0", "entry1"].flatMap((of) => slope(model, inputs, of, "w"));
    expect(found.length).toBe(4);
    wanted.forEach((x, i) => expect(found[i]).toBeCloseTo(x, 7));
  });

  test("of a gradient that the body itself takes: what is carried is given there", async () => {
    // One step of descent on (h w - x)² at each place, h being what is carried.
    await expectSlopes(`
  input x: [3]
  input w: []
  input h0: []
  hs = scan(x, h0, (h, e) => h - 0.1 * grad((h * w - e)^2, h), axis = 0)
  output loss_is = sum(hs^2)
${gradients("x w h0")}`);
  });

  test("of a gradient by what is outside, which the entry depends on", async () => {
    const { model, inputs } = await made(
      `
  input w: [3]
  x = w^2
  output hs = scan(x, 0.0, (h, e) => h + sum(grad(e * w[0], w) * iota3), axis = 0)
`.replace("iota3", "w"),
    );
    const w = [...inputs["w"]!.data];
    // d w_t² w_0 / dw = 2 w_t w_0 e_t + w_t² e_0, times w: 2 w_t² w_0 + w_t² w_0
    const steps = w.map((x) => 3 * x * x * w[0]!);
    const wanted = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, x) => sum + x, 0));
    wanted.forEach((x, i) => expect(outputs(model, inputs)["hs"]!.data[i]).toBeCloseTo(x, 10));
  });
});

describe("what does not flow", () => {
  test("stop_gradient on what is carried is truncated backpropagation", async () => {
    const body = (stop: string): string => `
  input x: [4]
  input w: []
  hs = scan(x, 0.5, (h, e) => sin(${stop} * w + e), axis = 0)
  output hs_are = hs
  output d_w = grad(sum(hs), w)
`;
    const { model, inputs } = await made(body("stop_gradient(h)"));
    const { hs_are, d_w } = outputs(model, inputs);
    const [x, w] = [[...inputs["x"]!.data], inputs["w"]!.data[0]!];
    const before = [0.5, ...hs_are!.data];
    const wanted = x.reduce((sum, e, t) => sum + Math.cos(before[t]! * w + e) * before[t]!, 0);
    expect(d_w!.data[0]).toBeCloseTo(wanted, 12);
    expect(loopsOf(model).size, "nothing is carried back").toBe(1);
  });

  test("a step that a mask leaves out hands on what is carried, and no NaN", async () => {
    const body = `
  input x: [N, 4, 2]
  input keep: bool[N, 4]
  input w: [2]
  input h0: [N, 2]
  step = (h, e) => where(e[1], log(e[0] * w)^2 + sqrt(h^2), h)
  hs = scan([x, keep], h0, (h, e) => where(unsqueezed(e[1]), sqrt(e[0] * w + h^2), h), axis = 1)
  output loss_is = sum(hs[:, -1]^3)
${gradients("x w h0")}`;
    const at = body.replace(/ {2}step.*\n/, "").replace("unsqueezed(e[1])", "reshape(e[1], [N, 1])");
    const given = {
      x: {
        shape: [2, 4, 2],
        data: Float64Array.from([1, 2, -9, -9, 3, 1, -9, -9, 2, 2, 1, 3, -9, -9, -9, -9]),
      },
      keep: { shape: [2, 4], data: Float64Array.from([1, 0, 1, 0, 1, 1, 0, 0]) },
      w: { shape: [2], data: Float64Array.from([0.5, 0.7]) },
      h0: { shape: [2, 2], data: Float64Array.from([0.1, 0.2, 0.3, 0.4]) },
    };
    await expectSlopes(at, given);
  });
});

describe("training", () => {
  test("a parameter is the first value, and another is read in the body and outside", async () => {
    const { joint } = await analyze(`model M {
  input x: [N, 3, 2]
  param h0: [2] ~ normal(0, 1)
  param w: [2, 2] ~ normal(0, 1)
  hs = scan(x, h0 + zeros([N, 2]), (h, x) => tanh(x @ w + h), axis = -2)
  loss sum(hs^2) + sum(w^2)
}`);
    expect(joint.warnings).toEqual([]);
    const nodes = joint.persistent.map(({ gradient }) => gradient!);
    const parameters = joint.persistent.map(({ shape }, i) => drawn(shape.map(countOf), i + 3));
    const at = (given: readonly Values[], roots: readonly Node[]): Values[] =>
      evaluate(roots, {
        ...environment({ x: drawn([ROWS, 3, 2], 1) }),
        parameters: new Map(given.entries()),
      });
    const found = at(parameters, nodes);
    for (const [p, { data, shape }] of parameters.entries()) {
      for (const i of data.keys()) {
        const [up, down] = [1e-5, -1e-5].map((move) => {
          const moved = data.slice();
          moved[i]! += move;
          const given = parameters.with(p, { shape, data: moved });
          return at(given, [joint.roots.trainingLoss!])[0]!.data[0]!;
        });
        expect(found[p]!.data[i]).toBeCloseTo((up! - down!) / 2e-5, 7);
      }
    }
  });

  test("warnings tell of parameters that a loop does not move, or moves by steps alone", async () => {
    const { joint } = await analyze(`model M {
  input x: [N, 3, 2]
  param a: [2] ~ ones
  param b: [2] ~ ones
  param c: [2] ~ ones
  hs = scan(x, zeros([N, 2]) + a, (h, x) => tanh(x * c + step(h + b)), axis = -2)
  loss sum(hs^2)
}`);
    expect(joint.warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      "flat-gradient: the loss depends on `a` only through steps, whose slope is 0",
      "flat-gradient: the loss depends on `b` only through steps, whose slope is 0",
    ]);
  });

  test("cotangents of names in a body are known by theirs", async () => {
    const { joint } = await analyze(`
fn cell(h, x, w) {
  gate = sigmoid(x * w)
  return gate * h
}
model M {
  input x: [N, 3, 2]
  param w: [2] ~ ones
  hs = scan(x, ones([N, 2]), (h, x) => cell(h, x, w), axis = -2)
  loss sum(hs^2)
}`);
    const names = reachable(listRoots(joint)).map(({ origin }) => origin.name);
    expect(names).toContain("d_gate");
    expect(names).toContain("d_hs");
    expect(names).toContain("d_w");
  });
});

describe("probes", () => {
  test("of a layer that is called in a body are of its results at all places", async () => {
    const text = `model M {
  input x: [N, 3, 2]
  hs = scan(x, zeros([N, 2]), (h, x) => tanh(dense(x, 2) + h), axis = -2)
  loss sum(dense(hs, 1)^2)
}`;
    const { joint, probed } = await analyze(text, { probe: true });
    const lowered = (model: Model): Model => runPasses(model, "lower", "simplify-lowered");
    const both = graft(lowered(joint), lowered(probed!));
    verifyAfter(both, "simplify-lowered");
    const figures = both.roots.probes.filter(({ call }) => both.layers[call]!.path === "hs");
    expect(new Set(figures.map(({ figure }) => figure))).toEqual(
      new Set(["mean", "std", "min", "max", "zeros", "alive", "gradients"]),
    );
    const mean = figures.find(({ figure }) => figure === "mean")!.node;
    const parameters = both.persistent.map(({ shape }, i) => drawn(shape.map(countOf), i + 3));
    const x = drawn([ROWS, 3, 2], 1);
    const [found] = evaluate([mean], {
      ...environment({ x }),
      parameters: new Map(parameters.entries()),
    });
    const [weight, bias] = parameters.map(({ data }) => [...data]) as [number[], number[]];
    const entries = Array.from({ length: ROWS * 3 }, (_, row) =>
      [0, 1].map(
        (unit) =>
          x.data[2 * row]! * weight[2 * unit]! + x.data[2 * row + 1]! * weight[2 * unit + 1]! + bias[unit]!,
      ),
    ).flat();
    expect(found!.data[0]).toBeCloseTo(entries.reduce((sum, e) => sum + e, 0) / entries.length, 12);
    expect(loopsOf(both).size, "no loop is run twice").toBe(loopsOf(joint).size);
  });
});
