/**
 * The language by example: what programs mean, told by the shapes, paths and values that they give.
 */
import { expect, test } from "vitest";
import { check } from "../compiler/analyze.ts";
import { statesOf } from "../compiler/graph/model.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { modelOf, outputsOf, parametersOf, read, valueOf, values } from "./helpers/elaborated.ts";

/** The first number of each output. */
async function numbers(body: string, options: Parameters<typeof modelOf>[1] = {}): Promise<number[]> {
  const model = await modelOf(`model M {\n${body}\n}`, options);
  return valueOf(model.roots.outputs.map((o) => o.node)).map((data) => data[0]!);
}

const xor = `
/// Two sigmoid neurons and one on top: the smallest network that learns XOR.
model Xor {
  input  x: [N, 2]              // f32; N is free until run time: the batch
  target y: [N, 1]

  h = dense(x, 2, sigmoid)      // parameters h.weight [2, 2] and h.bias [2]
  z = dense(h, 1)

  output p = sigmoid(z)
  loss bce_with_logits(z, y)
  optimizer adam(lr = 0.1)
}`;

test("a first model", async () => {
  const model = await modelOf(xor);
  expect(model.name).toBe("Xor");
  expect(model.doc).toContain("Two sigmoid neurons");
  expect(model.freeName).toBe("N");
  expect(model.inputs.map((i) => `${i.role} ${i.name}`)).toEqual(["input x", "target y"]);
  expect(parametersOf(model)).toEqual(["h.weight [2, 2]", "h.bias [2]", "z.weight [1, 2]", "z.bias [1]"]);
  expect(outputsOf(model)).toEqual(["p [N, 1]"]);
  expect(model.optimizer?.hyper).toEqual([
    { name: "lr", value: 0.1 },
    { name: "beta1", value: 0.9 },
    { name: "beta2", value: 0.999 },
    { name: "eps", value: 1e-8 },
  ]);
  expect(statesOf(model)).toHaveLength(8);
});

const definitions = `
const sharpness = 20
fn soft_step(z, c = sharpness) = sigmoid(c * z)
fn log_softmax(z) {
  m = max(z, axis = -1, keep = true)
  return z - m - log(sum(exp(z - m), axis = -1, keep = true))
}
layer dense(x: [..., I], units, act = identity, use_bias = true) {
  param weight: [units, I] ~ kaiming_uniform
  z = x @ weight'
  if use_bias {
    param bias: [units] ~ uniform(-1 / sqrt(I), 1 / sqrt(I))
    z = z + bias
  }
  return act(z)
}
layer glu(x, units) = sigmoid(dense(x, units)) * dense(x, units)
layer maxout(x, units) = max(dense(x, units), dense(x, units))
`;

test("definitions of one's own take the place of the library's, with a warning each", async () => {
  const program = `${definitions}
    model M {
      input x: [N, 6]
      g = glu(x, 4)
      m = maxout(g, 3)
      a = dense(m, 64, z => elu(z, 0.5))
      b = dense(a, 5, use_bias = false) |> soft_step(c = 2) |> log_softmax
      output b
    }`;
  const { diagnostics } = await read(program);
  expect(diagnostics.map((d) => d.code)).toEqual(Array.from({ length: 4 }, () => "shadows-std"));
  expect(parametersOf(await modelOf(program))).toEqual([
    "g.dense.0.weight [4, 6]",
    "g.dense.0.bias [4]",
    "g.dense.1.weight [4, 6]",
    "g.dense.1.bias [4]",
    "m.dense.0.weight [3, 4]",
    "m.dense.0.bias [3]",
    "m.dense.1.weight [3, 4]",
    "m.dense.1.bias [3]",
    "a.weight [64, 3]",
    "a.bias [64]",
    "b.weight [5, 64]",
  ]);
});

const mnist = `
model Mnist(sizes = [256, 128], act = sigmoid, classes = 10) {
  input  x: [N, 784]
  target y: int[N]                      // labels 0 .. classes-1, checked at run time
  h = x
  for n in sizes { h = dense(h, n, act) }
  logits = dense(h, classes)
  output probs = softmax(logits)
  metric accuracy(logits, y)
  loss cross_entropy(logits, y) + 1e-4 * l2(weights)
  optimizer adam(lr = 1e-3)
}`;

test("depth from a list", async () => {
  const model = await modelOf(mnist);
  expect(parametersOf(model)).toEqual([
    "h.0.weight [256, 784]",
    "h.0.bias [256]",
    "h.1.weight [128, 256]",
    "h.1.bias [128]",
    "logits.weight [10, 128]",
    "logits.bias [10]",
  ]);
  expect(model.roots.metrics.map((m) => m.name)).toEqual(["accuracy"]);
  expect(model.inputs[1]).toMatchObject({ type: "int", labels: { least: 0, most: 9 } });
  expect(model.settings).toEqual({ sizes: "[256, 128]", act: "sigmoid", classes: "10" });
});

test("settings are expressions of the language", async () => {
  const model = await modelOf(mnist, {
    settings: { sizes: "[2 * 3]", act: "z => elu(z, 0.5)", classes: "3" },
  });
  expect(parametersOf(model)).toEqual([
    "h.weight [6, 784]",
    "h.bias [6]",
    "logits.weight [3, 6]",
    "logits.bias [3]",
  ]);
  expect(model.inputs[1]).toMatchObject({ labels: { least: 0, most: 2 } });
  expect(model.settings["sizes"]).toBe("[2 * 3]");
});

test("a graph without a network, and its gradients", async () => {
  const model = differentiate(
    await modelOf(`model Graph {
      param x = 1
      param y = 2
      param z = 3
      loss (x + y) * (y - z)        // gradients -1, 2, -3
    }`),
  );
  const parameters = new Map([1, 2, 3].map((v, i) => [i, values([], [v])]));
  const roots = [model.roots.loss!, ...model.persistent.map((p) => p.gradient!)];
  expect(valueOf(roots, { parameters })).toEqual([[-3], [-1], [2], [-3]]);
});

test("thresholds and columns", async () => {
  const model = await modelOf(`model Equivalence {
    input x: [N, 2]
    a = x[:, 0]
    b = x[:, 1]
    output same = step(step(a + b - 1.5) + step(-a - b + 0.5) - 0.5)
  }`);
  const x = values([4, 2], [0, 0, 0, 1, 1, 0, 1, 1]);
  expect(valueOf([model.roots.outputs[0]!.node], { n: 4, inputs: { x } })).toEqual([[1, 0, 0, 1]]);
});

test("derivatives are formulas", async () => {
  const model = await modelOf(`model Decay {
    input t: [N, 1]
    h = dense(t, 32, tanh)
    u = dense(h, 1)
    du = grad(sum(u), t)                     // a tensor shaped like t
    output solution = u
    loss mean((du + u)^2)
    loss (u[0, 0] - 1)^2                     // row 0 of each batch is t = 0
    optimizer adam(lr = 1e-2)
  }`);
  expect(outputsOf(model)).toEqual(["solution [N, 1]"]);
  expect(model.persistent.filter((p) => p.gradient !== null)).toHaveLength(4);
});

test("an optimizer of one's own: arguments stay adjustable, states are shaped like the parameter", async () => {
  const model = differentiate(
    await modelOf(`
      optimizer heavy(lr = 0.5, decay = 0, look = true) {
        state m = 1
        if decay != 0 { m = m * decay }
        if look { m = 0.5 * m + grad }
        param = param - lr * m / step
      }
      model M {
        param w = [3, 4]
        loss sum(w^2)
        optimizer heavy
      }`),
  );
  expect(model.optimizer).toEqual({
    name: "heavy",
    hyper: [{ name: "lr", value: 0.5 }],
    groups: [{ name: "heavy", paths: null, parameters: [0] }],
  });
  expect(statesOf(model)).toMatchObject([{ parameter: 0, name: "m", path: "w.m" }]);
  const given = {
    parameters: new Map([[0, values([2], [3, 4])]]),
    states: new Map([["0.m", values([2], [1, 1])]]),
    hyper: { lr: 0.5 },
    step: 2,
  };
  // m = 0.5 + 2w; w - 0.5 m / 2
  expect(valueOf([statesOf(model)[0]!.update!, model.persistent[0]!.update!], given)).toEqual([
    [6.5, 8.5],
    [3 - 6.5 / 4, 4 - 8.5 / 4],
  ]);
  expect(valueOf(statesOf(model).map((s) => s.start!))).toEqual([[1, 1]]);
});

test("a state may start as its parameter does", async () => {
  const model = await modelOf(`
    optimizer slow(lr = 0.5) {
      state anchor = param
      param = anchor - lr * grad
    }
    model M { param w = [3, 4]; loss sum(w^2); optimizer slow }`);
  expect(valueOf(statesOf(model).map((s) => s.start!))).toEqual([[3, 4]]);
});

test("imports: renamed, from a folder, from one another", async () => {
  const model = await modelOf(
    `import { residual as r, squash } from "./lib/blocks.nn"
     model M { input x: [N, 3] output y = squash(r(x)) }`,
    {
      file: "models/m.nn",
      files: {
        "models/lib/blocks.nn": `import { width } from "../../common.nn"
          layer residual(x: [..., I]) = x + dense(dense(x, width), I)
          fn squash(x) = tanh(x)`,
        "common.nn": "const width = 7",
      },
    },
  );
  expect(parametersOf(model)).toEqual([
    "y.dense.0.weight [7, 3]",
    "y.dense.0.bias [7]",
    "y.dense.1.weight [3, 7]",
    "y.dense.1.bias [3]",
  ]);
});

test("paths: a pipe counts, a name bound again counts, no name is the layer's own", async () => {
  const model = await modelOf(`
    layer block(x, n) {
      q = dense(x, n)
      return q * dense(x, n)
    }
    model M {
      input x: [N, 2]
      h = x |> dense(3, relu) |> dense(4, relu)
      b = block(h, 5)
      s = dense(b, 1)
      s = s + dense(h, 1)
      output p = s
      output dense(h, 2)
      loss mean(dense(p, 1)) + l2(h.0.weight) + l2(b.q.bias) + l2(dense.1.bias)
    }`);
  expect(model.persistent.map((p) => p.path).filter((p) => p.endsWith("weight"))).toEqual([
    "h.0.weight",
    "h.1.weight",
    "b.q.weight",
    "b.dense.weight",
    "s.0.weight",
    "s.1.weight",
    "dense.0.weight",
    "dense.1.weight",
  ]);
});

test("paths: a parameter declared several times counts the last number of its name on", async () => {
  const model = await modelOf(`
    layer stacked(x: [..., I], n) {
      penalty = 0
      for k in 0..3 {
        param w_l0_back: [n, n] ~ ones
        param w: [n] ~ zeros
        param w007: [1] ~ zeros
        param taken0: [] = 0
        x = x @ w_l0_back + w + w007 + taken0
        // Read before the later ones are declared.
        if k > 0 { penalty = penalty + l2(w_l0_back) }
      }
      param taken2: [] = 0
      for k in 8..10 { param from8: [k] ~ zeros }
      return x + taken2 + penalty + sum(from8)
    }
    model M {
      input x: [N, 2]
      y = stacked(x, 2)
      output y
      loss l2(y.w_l1_back) + l2(y.w.2) + l2(y.from9) + l2(y.taken0.1)
    }`);
  expect(parametersOf(model).map((p) => p.replace(/^y\./, ""))).toEqual([
    ...[0, 1, 2].flatMap((k) => [`w_l${k}_back [2, 2]`, `w.${k} [2]`, `w007.${k} [1]`, `taken0.${k} []`]),
    "taken2 []",
    "from8 [8]",
    "from9 [9]",
  ]);
});

test("weights may be tied, and a parameter named before the last layer of its name is called", async () => {
  const model = await modelOf(`model Tied {
    input x: [N, 6]
    code = dense(x, 2)
    output again = code @ code.weight
    h = dense(x, 3)
    penalty = l2(h.0.bias) + l2(h.1.bias)
    h = dense(h, 3)
    loss mse(again, x) + penalty + mean(h)
  }`);
  expect(outputsOf(model)).toEqual(["again [N, 6]"]);
  expect(model.persistent.map((p) => p.path)).toContain("h.1.bias");
});

test("weights and params are complete wherever they are read", async () => {
  const model = await modelOf(`model M {
    input x: [N, 2]
    loss l2(weights) + l1(params)
    frozen param lone = [[1, -2]]
    output y = dense(x, 3)
  }`);
  const parameters = new Map([
    [0, values([1, 2], [1, -2])],
    [1, values([3, 2], [1, 1, 1, 1, 1, 1])],
    [2, values([3], [1, -1, 1])],
  ]);
  expect(parametersOf(model)).toEqual(["lone [1, 2] frozen", "y.weight [3, 2]", "y.bias [3]"]);
  expect(valueOf([model.roots.loss!], { parameters })).toEqual([[5 + 6 + (3 + 6 + 3)]]);
});

test("later lines see the later binding, and a lambda sees what stood where it was made", async () => {
  expect(
    await numbers(`
      c = 1
      f = z => c * z
      c = 10
      for i in 0..3 { c = c + i }
      if c == 13 { d = 1 } else { d = 2 }
      output a = f(5)
      output b = c
      output e = d`),
  ).toEqual([5, 13, 1]);
});

test("a definition can be called under a name that a value has taken", async () => {
  expect(await numbers("mean = mean([1, 3])\noutput a = mean\noutput b = mean([4, 6])")).toEqual([2, 5]);
});

test("precedence", async () => {
  expect(
    await numbers("output a = -2^2\noutput b = 2^3^2\noutput c = 1 + 2 * 3\noutput d = [1, 2] |> sum"),
  ).toEqual([-4, 512, 7, 3]);
});

test("numbers are computed while compiling, and may be sizes", async () => {
  const model = await modelOf(`model M(n = 3) {
    input x: [N, 8]
    output a = dense(x, round(sqrt(17)) * 2 - len([1, 2]) + max(1, n))
    output b = reshape(x, [2 * N, 4])
    output c = reshape(x, [N, -1, 2])
    output d = sum(x) / N
    output e = zeros(shape(x))
  }`);
  expect(outputsOf(model)).toEqual(["a [N, 9]", "b [2·N, 4]", "c [N, 4, 2]", "d []", "e [N, 8]"]);
});

test("training is known when the graph is made", async () => {
  const model = await modelOf(`model M {
    input x: [N, 2]
    h = x
    if training { h = 2 * h }
    output y = h
    loss mean(h)
  }`);
  const given = { n: 1, inputs: { x: values([1, 2], [1, 3]) } };
  expect(
    valueOf([model.roots.outputs[0]!.node, model.roots.loss!, model.roots.trainingLoss!], given),
  ).toEqual([[1, 3], [2], [4]]);
});

test("indexing is NumPy's", async () => {
  const model = await modelOf(`model M {
    input x: [N, 4, 3]
    output a = x[0]
    output b = x[-1, 1]
    output c = x[..., -1]
    output d = x[:, 1:3]
    output e = x[:, ::-2, 0]
    output f = x[:, -2:, :2]
  }`);
  expect(outputsOf(model)).toEqual([
    "a [4, 3]",
    "b [3]",
    "c [N, 4]",
    "d [N, 2, 3]",
    "e [N, 2]",
    "f [N, 2, 2]",
  ]);
  const x = values(
    [2, 4, 3],
    Array.from({ length: 24 }, (_, i) => i),
  );
  const [, b, , , e] = valueOf(
    model.roots.outputs.map((o) => o.node),
    { n: 2, inputs: { x } },
  );
  expect(b).toEqual([15, 16, 17]);
  expect(e).toEqual([9, 3, 21, 15]);
});

test("products of vectors, matrices and stacks are NumPy's", async () => {
  const model = await modelOf(`model M {
    input x: [N, 5, 3]
    input r: [N, 3]
    output a = x @ ones([3, 2])
    output b = x @ ones([3])
    output c = x @ x'
    output d = r' @ r
    output e = [1, 2] @ [3, 4]
    output f = ones([4, 5]) @ x
  }`);
  expect(outputsOf(model)).toEqual([
    "a [N, 5, 2]",
    "b [N, 5]",
    "c [N, 5, 5]",
    "d [3, 3]",
    "e []",
    "f [N, 4, 3]",
  ]);
});

test("a variance is PyTorch's: divided by n - 1, NaN for one entry", async () => {
  expect(
    await numbers(
      "output a = var([1, 2, 3, 4])\noutput b = var([1, 2, 3, 4], correction = 0)\noutput c = var([7])",
    ),
  ).toEqual([5 / 3, 1.25, NaN]);
});

test("the first values of the initializers lie where their formulas say", async () => {
  const model = await modelOf(`model M {
    param a: [50, 200] ~ kaiming_uniform
    param b: [50, 200] ~ xavier_normal(2)
    param c: [3] ~ constant(4)
    loss l2(params)
  }`);
  const [a, b, c] = valueOf(model.persistent.map((p) => p.start!));
  const deviation = (x: readonly number[]): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);
  expect(Math.max(...a!.map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(6 / 200));
  expect(deviation(a!)).toBeCloseTo(Math.sqrt(6 / 200 / 3), 2);
  expect(deviation(b!)).toBeCloseTo(2 * Math.sqrt(2 / 250), 2);
  expect(c).toEqual([4, 4, 4]);
});

test("`where` of a known condition has the shape of both sides, and takes what are no tensors as they are", async () => {
  const model = await modelOf(`model M {
    input x: [N, 2]
    param w = [1, 2]
    output none = where(false, x, 7)
    output wide = where(true, w, x)
    output same = where(true, x, 0)
    output count = zeros(where(true, [3], [2, 2]))
    output h = where(false, relu, tanh)(x)
  }`);
  expect(outputsOf(model)).toEqual(["none [N, 2]", "wide [N, 2]", "same [N, 2]", "count [3]", "h [N, 2]"]);
  const inputs = { x: values([2, 2], [1, 2, 3, 4]) };
  const parameters = new Map([[0, values([2], [5, 6])]]);
  const [none, wide] = model.roots.outputs.map(({ node }) => node);
  expect(valueOf([none!, wide!], { n: 2, inputs, parameters })).toEqual([
    [7, 7, 7, 7],
    [5, 6, 5, 6],
  ]);
});

test("reductions of lists of numbers: infinities, and more numbers than a stack has room for", async () => {
  const many = `[${"1, ".repeat(150_000)}2]`;
  expect(
    await numbers(
      `output a = logsumexp([-inf, -inf])
       output b = logsumexp([inf, 1])
       output c = max([1, inf - inf])
       output d = max(${many})`,
    ),
  ).toEqual([-Infinity, Infinity, NaN, 2]);
});

test("settings may be called as what every object inherits", async () => {
  const model = await modelOf("model M(toString = 2, constructor = 3) { output y = toString * constructor }");
  expect(model.settings).toEqual({ toString: "2", constructor: "3" });
});

test("a state starts from the first values before it, and from nothing that a step brings", async () => {
  const program = (body: string): string =>
    `optimizer o(lr = 1) { ${body} param = param - lr * grad * b }
     model M { param w = 3 loss w * w optimizer o() }`;
  const model = await modelOf(program("state a = param + 1 state b = 2 * a a = a + grad"));
  expect(valueOf(statesOf(model).map((s) => s.start!))).toEqual([[4], [8]]);
  for (const body of [
    "state b = grad",
    "g = grad state b = g",
    "state b = step",
    "state a = 1 a = a + 1 state b = a",
    "q = 2 * param state b = q",
  ]) {
    expect((await read(program(body))).diagnostics.map((d) => d.code)).toEqual(["start-not-known"]);
  }
  const { diagnostics } = await read(program("state b = grad"));
  expect(diagnostics[0]?.message).toBe("the initial value of `b` depends on a gradient");
});

test("limits end in a diagnostic", async () => {
  const bombs: Record<string, string> = {
    "loop-too-long": "t = 0 for i in 0..1000000000 { t = t + i }",
    "program-too-long": "t = 0 for i in 0..9999 { for j in 0..9999 { t = t + 1 } }",
    "list-too-large": "a = [1] for i in 0..60 { a = [a, a] }",
    "tensor-too-large": "a = zeros([100000, 100000])",
    "graph-too-large": "h = x for i in 0..9999 { for j in 0..30 { h = h * sin(h) + i } }",
  };
  for (const [code, body] of Object.entries(bombs)) {
    const { diagnostics } = await read(`model M { input x: [N, 2] ${body} output y = x }`);
    expect(diagnostics.map((d) => d.code)).toContain(code);
  }
  // A range and a list are cheap until tensors are made of them.
  const range = "model M { output y = sum(0..1000000000000) }";
  expect((await read(range)).diagnostics.map((d) => d.code)).toEqual(["tensor-too-large"]);
  const list = `c = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] ${"c = [c, c, c, c, c, c, c, c, c, c] ".repeat(4)}`;
  const tables = `model M { ${list} for i in 0..10000 { n = size(c, 0) } output y = n }`;
  expect((await read(tables)).diagnostics.map((d) => d.code)).toEqual(["program-too-long"]);
  const deep = `fn g(x, n) { if n == 0 { return x } return ${"-".repeat(900)}g(x, n - 1) } model M { param w = 1 loss g(w, 60) }`;
  expect((await read(deep)).diagnostics.map((d) => d.code)).toEqual(["recursion-too-deep"]);
});

test("a default may use the sizes that types before it bind", async () => {
  const model = await modelOf(`
    layer square(x: [..., I], units = I) = dense(x, units)
    layer later(x: [..., units], units = 3) = dense(x, units)
    model M {
      input x: [N, 3]
      a = square(x)
      b = later(a)
      c = square(b, 5)
      output c
    }`);
  expect(parametersOf(model).filter((p) => p.includes("weight"))).toEqual([
    "a.dense.weight [3, 3]",
    "b.dense.weight [3, 3]",
    "c.dense.weight [5, 3]",
  ]);
});

test("a list indexed along several axes", async () => {
  const model = await modelOf(`
    const m = [[1, 2, 3], [4, 5, 6]]
    model M {
      param p = [7, 8]
      output column = m[:, 1]
      output entry = zeros([m[1, 0]])
      output rows = m[..., ::2]
      output inner = [p, 2 * p][1, 0]
    }`);
  expect(outputsOf(model)).toEqual(["column [2]", "entry [4]", "rows [2, 2]", "inner []"]);
  const data = valueOf(
    model.roots.outputs.map((o) => o.node),
    { parameters: new Map([[0, values([2], [7, 8])]]) },
  );
  expect(data).toEqual([[2, 5], [0, 0, 0, 0], [1, 3, 4, 6], [14]]);
});

test("a parameter of the library that nothing trains is shown at the call, and where it is declared", async () => {
  const text = `model M {
    input x: [N, 3]
    h = dense(x, 2, use_bias = false)
    g = dense(x, 2, use_bias = false)
    output h
    loss mean(dense(step(g), 1)^2)
  }`;
  const { warnings } = differentiate(await modelOf(text));
  expect(warnings.map((d) => d.code)).toEqual(["no-gradient", "flat-gradient"]);
  for (const { labels } of warnings) {
    const [first] = labels;
    const last = labels.at(-1);
    expect(text.slice(first!.span.start, first!.span.end)).toBe("dense");
    expect(last?.span.file).toBe("std/layers.nn");
  }
  expect(warnings.map((d) => d.labels[0]!.span.start)).toEqual([
    text.indexOf("dense(x"),
    text.lastIndexOf("dense(x"),
  ]);
});

test.each([
  ["cross_entropy(softmax(z), y)", "softmax"],
  ["cross_entropy(exp(z) / sum(exp(z), axis = -1, keep = true), one_hot(y, 4))", "softmax"],
  ["bce_with_logits(sigmoid(z), one_hot(y, 4))", "sigmoid"],
  ["cross_entropy(z, y)", null],
  ["bce_with_logits(z, one_hot(y, 4))", null],
  ["nll(log(softmax(z)), y)", null],
  ["cross_entropy(dense(softmax(z), 4), y)", null],
  ["mean(dense(softplus(sigmoid(z)), 4)^2) + 0 * sum(y)", null],
])("the loss %s is given the result of %s", async (loss, normalized) => {
  const text = `model M { input x: [N, 3] target y: int[N] z = dense(x, 4) loss ${loss} }`;
  const warnings = (await check(text)).filter((d) => d.code === "probabilities-as-logits");
  expect(warnings.map((d) => d.message.split("`")[1])).toEqual(normalized === null ? [] : [normalized]);
  for (const { labels } of warnings) {
    const words = labels.map(({ span }) => text.slice(span.start, span.end));
    expect(words[0]).toBe(loss.slice(0, loss.indexOf("(")));
    if (loss.includes(`${normalized}(`)) expect(words[1]).toBe(normalized);
  }
});
