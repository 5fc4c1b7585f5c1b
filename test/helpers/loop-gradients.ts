/** Programs with loops and their gradients, and what central differences say of these: for tests and mutants. */
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { analyze } from "../../compiler/analyze.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import type { Model } from "../../compiler/graph/model.ts";
import { countOf, isFree } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";

/** Rows of a batch in all tests. */
export const ROWS = 2;

export type Data = Readonly<Record<string, Values>>;

/** Numbers that look drawn, of which no two are equal. */
export function drawn(shape: readonly number[], seed: number): Values {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float64Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
  return { shape, data };
}

export const environment = (inputs: Data): Environment => ({
  n: ROWS,
  inputs: new Map(Object.entries(inputs)),
  parameters: new Map(),
  states: new Map(),
  hyper: new Map(),
  step: 0,
  seed: 0,
});

/** The outputs of a model by name, where all that it reads are inputs. */
export function outputs({ roots }: Model, inputs: Data): Data {
  const values = evaluate(
    roots.outputs.map(({ node }) => node),
    environment(inputs),
  );
  return Object.fromEntries(roots.outputs.map(({ name }, i) => [name, values[i]!]));
}

/** A program whose gradients are outputs. */
export interface LoopProgram {
  /** Of its model. */
  readonly body: string;
  /** Inputs that are not drawn. */
  readonly given?: Data;
  /** Functions. */
  readonly before?: string;
}

/** A model of any stage, and inputs for it. */
export interface Made {
  readonly model: Model;
  readonly inputs: Data;
}

export const textOf = ({ body, before = "" }: LoopProgram): string => `${before}\nmodel M {\n${body}\n}`;

/** The model after the passes that end with the joint graph, and inputs for it. */
export async function made(program: LoopProgram): Promise<Made> {
  const { joint } = await analyze(textOf(program));
  return { model: joint, inputs: inputsOf(joint, program.given) };
}

export function inputsOf(model: Model, given: Data = {}): Data {
  const inputs = model.inputs.map(({ name, shape }, i) => {
    const sizes = shape.map((size) => (isFree(size) ? ROWS : countOf(size)));
    return [name, given[name] ?? drawn(sizes, i + 1)] as const;
  });
  return Object.fromEntries(inputs);
}

/** The slope of the output `of` by an input, by central differences. */
export function slope(model: Model, inputs: Data, of: string, by: string): number[] {
  const step = 1e-5;
  const { node } = model.roots.outputs.find(({ name }) => name === of)!;
  const at = (i: number, move: number): number => {
    const { shape, data } = inputs[by]!;
    const moved = data.slice();
    moved[i]! += move;
    const [values] = evaluate([node], environment({ ...inputs, [by]: { shape, data: moved } }));
    return values!.data.reduce((sum, x) => sum + x, 0);
  };
  return [...inputs[by]!.data].map((_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

/** What the outputs `d_X` of a model are, the slopes of Σ `loss_is` by X, and `dd_X`, those of Σ `second`. */
export function slopesOf({ model, inputs }: Made): ReadonlyMap<string, readonly number[]> {
  const wanted = model.roots.outputs.flatMap(({ name }): [string, readonly number[]][] => {
    const by = /^d+_(.*)$/.exec(name)?.[1];
    if (by === undefined) return [];
    return [[name, slope(model, inputs, name.startsWith("dd_") ? "second" : "loss_is", by)]];
  });
  return new Map(wanted);
}

/** The first entry of `found` that is no slope, or a gradient that is 0 throughout; null where all are right. */
export function faultOfSlopes(found: Data, slopes: ReadonlyMap<string, readonly number[]>): string | null {
  for (const [name, wanted] of slopes) {
    const { data } = found[name]!;
    if (data.length !== wanted.length) return `${name} has ${data.length} entries`;
    const at = wanted.findIndex((x, i) => !(Math.abs(x - data[i]!) < 5e-8));
    if (at >= 0) return `${name}, entry ${at}: ${data[at]}, not ${wanted[at]}`;
    if (data.every((x) => x === 0)) return `${name} is 0 throughout`;
  }
  return null;
}

/** The gradients of the output `loss_is` by inputs. */
export const gradients = (names: string): string =>
  names
    .split(" ")
    .map((name) => `  output d_${name} = grad(loss_is, ${name})\n`)
    .join("");

export const RNN = (length: number, more = ""): string => `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input w: [3, 4]
  input u: [4, 4]
  input b: [4]
  input v: [N, ${length}, 4]
  hs = scan(x, h0, (h, x) => tanh(x @ w + h @ u + b), axis = -2${more})
`;

export const GRU = `
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

/** What loops read and leave. */
const bodies: Readonly<Record<string, string>> = {
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

/** An LSTM over so many steps, with the options of its `scan`, and the loss. */
export const lstmOf = (length: number, more: string, loss: string): LoopProgram => ({
  before: LSTM,
  body: `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input c0: [N, 4]
  input w: [3, 16]
  input u: [4, 16]
  input b: [16]
  input v: [N, ${length}, 4]
  s = scan(x, [h0, c0], (s, x) => lstm_step(x, s[0], s[1], w, u, b), axis = -2${more})
  output loss_is = ${loss}
${gradients("x h0 c0 w u b")}`,
});

/** Rows of different lengths: what stands behind their ends has no logarithm, and no root. */
const masked: LoopProgram = {
  body: `
  input x: [N, 4, 2]
  input keep: bool[N, 4]
  input w: [2]
  input h0: [N, 2]
  hs = scan([x, keep], h0, (h, e) => where(reshape(e[1], [N, 1]), sqrt(e[0] * w + h^2), h), axis = 1)
  output loss_is = sum(hs[:, -1]^3)
${gradients("x w h0")}`,
  given: {
    x: {
      shape: [2, 4, 2],
      data: Float64Array.from([1, 2, -9, -9, 3, 1, -9, -9, 2, 2, 1, 3, -9, -9, -9, -9]),
    },
    keep: { shape: [2, 4], data: Float64Array.from([1, 0, 1, 0, 1, 1, 0, 0]) },
    w: { shape: [2], data: Float64Array.from([0.5, 0.7]) },
    h0: { shape: [2, 2], data: Float64Array.from([0.1, 0.2, 0.3, 0.4]) },
  },
};

export const loopPrograms: Readonly<Record<string, LoopProgram>> = {
  ...Object.fromEntries(Object.entries(bodies).map(([name, body]) => [name, { body }])),
  "an lstm": lstmOf(3, "", "sum(s[0] * v)"),
  "an lstm in reverse": lstmOf(3, ", reverse = true", "sum(s[0] * v)"),
  "a step that a mask leaves out hands on what is carried, and no NaN": masked,
  // One step of descent on (h w - x)² at each place, h being what is carried.
  "a gradient that the body itself takes": {
    body: `
  input x: [3]
  input w: []
  input h0: []
  hs = scan(x, h0, (h, e) => h - 0.1 * grad((h * w - e)^2, h), axis = 0)
  output loss_is = sum(hs^2)
${gradients("x w h0")}`,
  },
  // Σ_t ∂x_t² / ∂w is the slope of Σ x².
  "a gradient by what entries depend on": {
    body: `
  input w: [3]
  x = w^3 * w[::-1]
  hs = scan(x, zeros([3]), (h, e) => h + grad(e^2, w), axis = 0)
  output loss_is = sum(x^2)
  output d_w = hs[-1]`,
  },
  "a loop that is written out": {
    body: `
  input x: [N, 3, 3]
  input w: [3, 4]
  input u: [4, 4]
  input b: [1, 4]
  h = zeros([N, 4])
  for t in 0..3 { h = tanh(x[:, t] @ w + h @ u + b) }
  output loss_is = sum(h^2)
${gradients("x w u b")}`,
  },
  "a gradient of a gradient": {
    body: `${RNN(3)}
  output loss_is = sum(hs^2 * v)
  output second = sum(grad(loss_is, u)^2) + sum(grad(loss_is, x)^3)
${["x", "u", "w", "h0", "b"].map((name) => `  output dd_${name} = grad(second, ${name})`).join("\n")}`,
  },
  "a gradient of a gradient through loops inside one another": {
    body: `
  input x: [3, 2]
  input y: [2, 2]
  input w: [2]
  inner = (h, e) => scan(y, h, (g, f) => sin(g * w + f * e), axis = 0)
  hs = scan(x, ones([2]), (h, e) => inner(h, e)[-1], axis = 0)
  output second = sum(grad(sum(hs^2), w)^2) + sum(grad(sum(hs), y)^2)
${["x", "y", "w"].map((name) => `  output dd_${name} = grad(second, ${name})`).join("\n")}`,
  },
};

/** Loops that are long enough for blocks, with a rest and without. */
export const longLoops: Readonly<Record<string, LoopProgram>> = Object.fromEntries(
  ["", ", reverse = true"].flatMap((reverse): [string, LoopProgram][] => [
    [`twelve places${reverse}`, lstmOf(12, reverse, "sum(s[0] * v) + sum(s[1][:, 2]^2)")],
    [`eleven places${reverse}`, lstmOf(11, reverse, "sum(s[0] * v) + sum(s[1][:, -1]^3)")],
    [
      `a loop in each place of ten${reverse}`,
      {
        body: `
  input x: [N, 10, 2]
  input y: [2, 2]
  input h0: [N, 2]
  input w: [2, 2]
  inner = (h, e) => scan(y, h, (g, f) => tanh(g @ w + sin(f) + e), axis = 0${reverse})
  hs = scan(x, h0, (h, e) => inner(h, e)[-1] * inner(h, e)[0], axis = -2${reverse})
  output loss_is = sum(hs^2)
${gradients("x y h0 w")}`,
      },
    ],
  ]),
);

/** A loop that does not move some parameters, and what is said of that. */
export const flatLoop = {
  text: `model M {
  input x: [N, 3, 2]
  param a: [2] ~ ones
  param b: [2] ~ ones
  param c: [2] ~ ones
  hs = scan(x, zeros([N, 2]) + a, (h, x) => tanh(x * c + floor(h + b)), axis = -2)
  loss sum(hs^2)
}`,
  warnings: [
    "flat-gradient: the loss depends on `a` only through steps, whose slope is 0",
    "flat-gradient: the loss depends on `b` only through steps, whose slope is 0",
  ],
  /** Where each says that the gradient ends. */
  end: "floor",
};

/** What was said of `flatLoop`: messages, and the places of ends. */
export const saidOf = (warnings: readonly Diagnostic[]): { warnings: string[]; ends: string[] } => ({
  warnings: warnings.map(({ code, message }) => `${code}: ${message}`),
  ends: warnings.flatMap(({ labels }) =>
    labels.flatMap(({ span, text }) =>
      text === "the gradient ends here" ? [flatLoop.text.slice(span.start, span.end)] : [],
    ),
  ),
});

/** A name in the body, and the names of cotangents. */
export const namedLoop = {
  text: `
fn cell(h, x, w) {
  gate = sigmoid(x * w)
  return gate * h
}
model M {
  input x: [N, 3, 2]
  param w: [2] ~ ones
  hs = scan(x, ones([N, 2]), (h, x) => cell(h, x, w), axis = -2)
  loss sum(hs^2)
}`,
  names: ["d_gate", "d_hs", "d_w"],
};
