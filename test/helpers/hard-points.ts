/**
 * The points of `docs/hard-points.md`: formulas where a derivative is easily NaN, infinite or a
 * matter of convention, and what is right there.
 */
import { spawnSync } from "node:child_process";
import * as tf from "@tensorflow/tfjs";
import { jax, jaxFiles, jaxRules, type JaxAnswer } from "./jax-rules.ts";
import { start } from "./model.ts";

type Tensor = tf.Tensor1D;

export interface HardPoint {
  /** In nndsl, of a vector `x`. */
  readonly formula: string;
  readonly at: readonly number[];
  /**
   * What is shown: dy/dx of the sum of the entries, the derivative of that, or the formula's own
   * values.
   */
  readonly shows: "gradient" | "second" | "value";
  /** By hand; never copied from a run. */
  readonly is: readonly number[];
  /** The same in PyTorch, an expression of `x`. */
  readonly torch: string;
  /** The same in TensorFlow.js, where it has the ops. */
  readonly tfjs?: (x: Tensor) => tf.Tensor;
  /** JAX's in f32, as its source decides it; it was not run. */
  readonly jax?: JaxAnswer;
}

export interface Section {
  readonly title: string;
  readonly points: readonly HardPoint[];
}

const inf = Infinity;

const point = (
  formula: string,
  at: readonly number[],
  is: readonly number[],
  torch: string,
  tfjs?: HardPoint["tfjs"],
  more: Partial<Pick<HardPoint, "shows" | "jax">> = {},
): HardPoint => ({
  formula,
  at,
  is,
  torch,
  shows: "gradient",
  ...(tfjs === undefined ? {} : { tfjs }),
  ...more,
});

const first = (x: Tensor): tf.Tensor => x.slice([0], [1]);
/**
 * The same numbers, as a constant: TensorFlow.js cannot differentiate where a comparison is on the
 * way.
 */
const held = (x: Tensor): Tensor => tf.tensor1d(x.dataSync());
const second = (x: Tensor): tf.Tensor => x.slice([1], [1]);

export const sections: readonly Section[] = [
  {
    title: "Kinks and ties",
    points: [
      point("relu(x)", [-1, 0, 2], [0, 0, 1], "torch.relu(x)", (x) => tf.relu(x), {
        jax: jax([0, 0, 1], "relu"),
      }),
      point("abs(x)", [-2, 0, 3], [-1, 0, 1], "torch.abs(x)", (x) => tf.abs(x), {
        jax: jax([-1, 1, 1], "abs"),
      }),
      point("leaky_relu(x)", [-1, 0, 2], [0.01, 0.01, 1], "F.leaky_relu(x)", (x) => tf.leakyRelu(x, 0.01), {
        jax: jax([0.01, 1, 1], "leaky_relu", "where"),
      }),
      point("elu(x)", [0, 1e4], [1, 1], "F.elu(x)", (x) => tf.elu(x), {
        jax: jax([1, 1], "elu", "where", "expm1"),
      }),
      point(
        "max(x[0], x[1])",
        [2, 2],
        [0.5, 0.5],
        "torch.maximum(x[0], x[1])",
        (x) => tf.maximum(first(x), second(x)),
        { jax: jax([0.5, 0.5], "max") },
      ),
      point(
        "min(x[0], x[1])",
        [2, 2],
        [0.5, 0.5],
        "torch.minimum(x[0], x[1])",
        (x) => tf.minimum(first(x), second(x)),
        { jax: jax([0.5, 0.5], "max") },
      ),
      point("max(x)", [3, 1, 3], [0.5, 0, 0.5], "torch.amax(x)", (x) => tf.max(x), {
        jax: jax([0.5, 0, 0.5], "reduce_max"),
      }),
      point("min(x)", [1, 1, 2], [0.5, 0.5, 0], "torch.amin(x)", (x) => tf.min(x), {
        jax: jax([0.5, 0.5, 0], "reduce_max"),
      }),
      point(
        "clamp(x, -1, 1)",
        [-1, 0, 1],
        [0, 1, 0],
        "torch.clamp(x, -1, 1)",
        (x) => tf.clipByValue(x, -1, 1),
        { jax: jax([0.5, 1, 0.5], "clip", "max") },
      ),
      point("hard_tanh(x)", [-1, 0, 1], [0, 1, 0], "F.hardtanh(x)", undefined, {
        jax: jax([1, 1, 1], "hard_tanh", "where"),
      }),
      point(
        "where(x > 0, x, 0.1 * x)",
        [0, 1],
        [0.1, 1],
        "torch.where(x > 0, x, 0.1 * x)",
        (x) => tf.where(tf.greater(held(x), 0), x, tf.mul(x, 0.1)),
        { jax: jax([0.1, 1], "where") },
      ),
    ],
  },
  {
    title: "Products with zeros",
    points: [
      point("prod(x)", [2, 3, 4], [12, 8, 6], "torch.prod(x)", (x) => tf.prod(x), {
        jax: jax([12, 8, 6], "prod"),
      }),
      point("prod(x)", [0, 2, 3], [6, 0, 0], "torch.prod(x)", (x) => tf.prod(x), {
        jax: jax([6, 0, 0], "prod"),
      }),
      point("prod(x)", [0, 0, 3], [0, 0, 0], "torch.prod(x)", (x) => tf.prod(x), {
        jax: jax([0, 0, 0], "prod"),
      }),
      point("prod(x)", [2, 3, 4], [7, 6, 5], "torch.prod(x)", (x) => tf.prod(x), {
        shows: "second",
        jax: jax([7, 6, 5], "prod"),
      }),
      point("prod(x)", [0, 2, 3], [5, 3, 2], "torch.prod(x)", (x) => tf.prod(x), {
        shows: "second",
        jax: jax([5, 3, 2], "prod"),
      }),
      point("prod(x)", [0, 0, 3], [3, 3, 0], "torch.prod(x)", (x) => tf.prod(x), {
        shows: "second",
        jax: jax([3, 3, 0], "prod"),
      }),
    ],
  },
  {
    title: "Roots, powers and logarithms at the edge",
    points: [
      point("sqrt(x)", [0, 4], [inf, 0.25], "torch.sqrt(x)", (x) => tf.sqrt(x), {
        jax: jax([inf, 0.25], "sqrt"),
      }),
      point(
        "sqrt(sum(x^2))",
        [0, 0],
        [0, 0],
        "torch.sqrt(torch.sum(x**2))",
        (x) => tf.sqrt(tf.sum(tf.square(x))),
        { jax: jax([NaN, NaN], "sqrt", "integer_pow") },
      ),
      point("sqrt(sum(x^2))", [0, 0], [0, 0], "torch.norm(x)", (x) => tf.norm(x), {
        jax: jax([NaN, NaN], "norm", "sqrt", "mul"),
      }),
      point("sqrt(sum(x^2))", [3, 4], [0.6, 0.8], "torch.norm(x)", (x) => tf.norm(x), {
        jax: jax([0.6, 0.8], "norm", "sqrt", "mul"),
      }),
      point("sqrt(x^2)", [-3, 0, 2], [-1, 0, 1], "torch.sqrt(x**2)", (x) => tf.sqrt(tf.square(x)), {
        jax: jax([-1, NaN, 1], "sqrt", "integer_pow"),
      }),
      point("x^2", [0, -1], [0, -2], "x**2", (x) => tf.pow(x, 2), {
        jax: jax([0, -2], "power", "integer_pow"),
      }),
      point("x^2", [0, -1], [2, 2], "x**2", (x) => tf.pow(x, 2), {
        shows: "second",
        jax: jax([2, 2], "power", "integer_pow"),
      }),
      point("x^1", [0, -1], [1, 1], "x**1", (x) => tf.pow(x, 1), {
        jax: jax([1, 1], "power", "integer_pow"),
      }),
      point("x^0", [0, 5], [0, 0], "x**0", (x) => tf.pow(x, 0), { jax: jax([0, 0], "power", "integer_pow") }),
      point("x^0.5", [0, 4], [inf, 0.25], "x**0.5", (x) => tf.pow(x, 0.5), {
        jax: jax([inf, 0.25], "power", "pow"),
      }),
      point("x^1.5", [0, 4], [0, 3], "x**1.5", (x) => tf.pow(x, 1.5), { jax: jax([0, 3], "power", "pow") }),
      point("x^3", [0, -1], [0, 3], "x**3", (x) => tf.pow(x, 3), {
        jax: jax([0, 3], "power", "integer_pow"),
      }),
      point("x[0]^x[1]", [0, 0], [0, 0], "x[0]**x[1]", (x) => tf.pow(first(x), second(x)), {
        jax: jax([NaN, 0], "pow"),
      }),
      point("x[0]^x[1]", [0, 2], [0, 0], "x[0]**x[1]", (x) => tf.pow(first(x), second(x)), {
        jax: jax([0, 0], "pow"),
      }),
      point("x[0]^x[1]", [0, 1], [1, 0], "x[0]**x[1]", (x) => tf.pow(first(x), second(x)), {
        jax: jax([1, 0], "pow"),
      }),
      point("x[0]^x[1]", [-2, 2], [-4, 0], "x[0]**x[1]", (x) => tf.pow(first(x), second(x)), {
        jax: jax([-4, NaN], "pow"),
      }),
      point("log(x)", [0, 4], [inf, 0.25], "torch.log(x)", (x) => tf.log(x), {
        jax: jax([inf, 0.25], "log"),
      }),
      point("log1p(x)", [-1, 0], [inf, 1], "torch.log1p(x)", (x) => tf.log1p(x), {
        jax: jax([inf, 1], "log1p"),
      }),
      point("exp(x) - 1", [1e-8, 0], [1e-8, 0], "torch.exp(x) - 1", (x) => tf.sub(tf.exp(x), 1), {
        shows: "value",
        jax: jax([0, 0], "exp"),
      }),
      point("log(1 + x)", [1e-8, 0], [1e-8, 0], "torch.log(1 + x)", (x) => tf.log(tf.add(x, 1)), {
        shows: "value",
        jax: jax([0, 0], "log"),
      }),
    ],
  },
  {
    title: "A singular branch that is not taken",
    points: [
      point(
        "where(x > 0, log(x), x)",
        [0, -1, 2],
        [1, 1, 0.5],
        "torch.where(x > 0, torch.log(x), x)",
        (x) => tf.where(tf.greater(held(x), 0), tf.log(x), x),
        { jax: jax([NaN, 1, 0.5], "where", "log") },
      ),
      point(
        "where(x != 0, 1 / x, 0)",
        [0, 2],
        [0, -0.25],
        "torch.where(x != 0, 1 / x, 0 * x)",
        (x) => tf.where(tf.notEqual(held(x), 0), tf.div(1, x), tf.zerosLike(x)),
        { jax: jax([NaN, -0.25], "where", "div") },
      ),
      point(
        "where(x > 0, sqrt(x), 0)",
        [0, 4],
        [0, 0.25],
        "torch.where(x > 0, torch.sqrt(x), 0 * x)",
        (x) => tf.where(tf.greater(held(x), 0), tf.sqrt(x), tf.zerosLike(x)),
        { jax: jax([NaN, 0.25], "where", "sqrt") },
      ),
      point(
        "where(x > 0, x * log(x), 0)",
        [0, 1],
        [0, 1],
        "torch.where(x > 0, x * torch.log(x), 0 * x)",
        (x) => tf.where(tf.greater(held(x), 0), tf.mul(x, tf.log(x)), tf.zerosLike(x)),
        { jax: jax([NaN, 1], "where", "mul") },
      ),
      point(
        "where(x < 80, x * exp(x), x)",
        [1e3, 0],
        [1, 1],
        "torch.where(x < 80, x * torch.exp(x), x)",
        (x) => tf.where(tf.less(held(x), 80), tf.mul(x, tf.exp(x)), x),
        { jax: jax([NaN, 1], "where", "mul") },
      ),
      point(
        "where(x < 80, exp(x), x)",
        [1e3, 0],
        [1, 1],
        "torch.where(x < 80, torch.exp(x), x)",
        (x) => tf.where(tf.less(held(x), 80), tf.exp(x), x),
        { jax: jax([NaN, 1], "where", "exp") },
      ),
    ],
  },
  {
    title: "Saturation and overflow",
    points: [
      point(
        "softplus(x)",
        [-1e4, -80, 0, 89, 1e4],
        [0, Math.exp(-80), 0.5, 1, 1],
        "F.softplus(x)",
        (x) => tf.softplus(x),
        { jax: jax([0, Math.exp(-80), 0.5, 1, 1], "softplus", "logaddexp") },
      ),
      point(
        "log(1 + exp(x))",
        [-1e4, 0, 1e4],
        [0, 0.5, 1],
        "torch.log(1 + torch.exp(x))",
        (x) => tf.log(tf.add(1, tf.exp(x))),
        { jax: jax([0, 0.5, NaN], "log", "exp") },
      ),
      point(
        "log1p(exp(x))",
        [-1e4, 0, 1e4],
        [0, 0.5, 1],
        "torch.log1p(torch.exp(x))",
        (x) => tf.log1p(tf.exp(x)),
        { jax: jax([0, 0.5, NaN], "log1p", "exp") },
      ),
      point(
        "log(sigmoid(x))",
        [-200, 0, 200],
        [1, 0.5, 0],
        "torch.log(torch.sigmoid(x))",
        (x) => tf.log(tf.sigmoid(x)),
        { jax: jax([NaN, 0.5, 0], "log", "logistic") },
      ),
      point("log(sigmoid(x))", [-200, 0, 200], [1, 0.5, 0], "F.logsigmoid(x)", (x) => tf.logSigmoid(x), {
        jax: jax([1, 0.5, 0], "log_sigmoid", "softplus"),
      }),
      point(
        "log(1 - sigmoid(x))",
        [-200, 0, 200],
        [0, -0.5, -1],
        "torch.log(1 - torch.sigmoid(x))",
        (x) => tf.log(tf.sub(1, tf.sigmoid(x))),
        { jax: jax([0, -0.5, NaN], "log", "logistic") },
      ),
      point("sigmoid(x)", [-1e4, 0, 1e4], [0, 0.25, 0], "torch.sigmoid(x)", (x) => tf.sigmoid(x), {
        jax: jax([0, 0.25, 0], "logistic"),
      }),
      point(
        "exp(x) / (1 + exp(x))",
        [-1e4, 0, 1e4],
        [0, 0.25, 0],
        "torch.exp(x) / (1 + torch.exp(x))",
        (x) => tf.div(tf.exp(x), tf.add(1, tf.exp(x))),
        { jax: jax([0, 0.25, NaN], "div", "exp") },
      ),
      point("tanh(x)", [-1e4, 0, 1e4], [0, 1, 0], "torch.tanh(x)", (x) => tf.tanh(x), {
        jax: jax([0, 1, 0], "tanh"),
      }),
      point("swish(x)", [-1e4, 0, 1e4], [0, 0.5, 1], "F.silu(x)", (x) => tf.mul(x, tf.sigmoid(x)), {
        jax: jax([0, 0.5, 1], "silu", "logistic"),
      }),
      point("gelu_erf(x)", [-1e4, 0, 1e4], [0, 0.5, 1], "F.gelu(x)", undefined, {
        jax: jax([0, 0.5, 1], "gelu", "erf"),
      }),
      point("mish(x)", [-1e4, 0, 1e4], [0, 0.6, 1], "F.mish(x)", (x) => tf.mul(x, tf.tanh(tf.softplus(x))), {
        jax: jax([0, 0.6, 1], "mish", "tanh", "softplus"),
      }),
    ],
  },
  {
    title: "Softmax, logsumexp and the losses made of them",
    points: [
      point("logsumexp(x)", [1e4, -1e4, -inf], [1, 0, 0], "torch.logsumexp(x, 0)", (x) => tf.logSumExp(x), {
        jax: jax([1, 0, 0], "logsumexp"),
      }),
      point("logsumexp(x)", [-inf, -inf], [0, 0], "torch.logsumexp(x, 0)", (x) => tf.logSumExp(x), {
        jax: jax([NaN, NaN], "logsumexp"),
      }),
      point("logsumexp(x)", [-inf, -inf], [-inf], "torch.logsumexp(x, 0)", (x) => tf.logSumExp(x), {
        shows: "value",
        jax: jax([-inf], "logsumexp"),
      }),
      point(
        "log(sum(exp(x)))",
        [1e4, 1e4],
        [0.5, 0.5],
        "torch.log(torch.sum(torch.exp(x)))",
        (x) => tf.log(tf.sum(tf.exp(x))),
        { jax: jax([NaN, NaN], "log", "exp") },
      ),
      point("softmax(x)", [1e4, -1e4, -inf], [1, 0, 0], "torch.softmax(x, 0)", (x) => tf.softmax(x), {
        shows: "value",
        jax: jax([1, 0, 0], "softmax"),
      }),
      point(
        "softmax(x)[0]",
        [0, 0, -inf],
        [0.25, -0.25, 0],
        "torch.softmax(x, 0)[0]",
        (x) => first(tf.softmax(x) as Tensor),
        { jax: jax([0.25, -0.25, 0], "softmax") },
      ),
      point(
        "exp(x) / sum(exp(x))",
        [1e4, -1e4],
        [1, 0],
        "torch.exp(x) / torch.sum(torch.exp(x))",
        (x) => tf.div(tf.exp(x), tf.sum(tf.exp(x))),
        { shows: "value", jax: jax([NaN, 0], "div", "exp") },
      ),
      point(
        "log(softmax(x))[0]",
        [-1e4, 1e4],
        [1, -1],
        "torch.log(torch.softmax(x, 0))[0]",
        (x) => first(tf.log(tf.softmax(x)) as Tensor),
        { jax: jax([NaN, NaN], "log", "softmax") },
      ),
      point(
        "-log(exp(x[0]) / sum(exp(x)))",
        [-1e4, 1e4],
        [-1, 1],
        "-torch.log(torch.exp(x[0]) / torch.sum(torch.exp(x)))",
        (x) => tf.neg(tf.log(tf.div(tf.exp(first(x)), tf.sum(tf.exp(x))))),
        { jax: jax([NaN, NaN], "log", "div", "exp") },
      ),
      point(
        "bce_with_logits(x, ones([2]))",
        [-1e4, 1e4],
        [-0.5, 0],
        "F.binary_cross_entropy_with_logits(x, torch.ones(2))",
        (x) => tf.losses.sigmoidCrossEntropy(tf.ones([2]), x),
      ),
      point(
        "bce(sigmoid(x), zeros([2]))",
        [-1e4, 50],
        [0, 0.5],
        "F.binary_cross_entropy(torch.sigmoid(x), torch.zeros(2))",
      ),
    ],
  },
  {
    title: "One entry",
    points: [
      point("var(x)", [5], [NaN], "torch.var(x)", undefined, { shows: "value", jax: jax([NaN], "var") }),
      point(
        "var(x, correction = 0)",
        [5],
        [0],
        "torch.var(x, unbiased=False)",
        (x) => tf.moments(x).variance,
        { jax: jax([0], "var") },
      ),
      point(
        "sqrt(var(x, correction = 0))",
        [5],
        [0],
        "torch.std(x, unbiased=False)",
        (x) => tf.sqrt(tf.moments(x).variance),
        { jax: jax([NaN], "sqrt", "var") },
      ),
      point(
        "sqrt(var(x, correction = 0))",
        [2, 2, 2],
        [0, 0, 0],
        "torch.std(x, unbiased=False)",
        (x) => tf.sqrt(tf.moments(x).variance),
        { jax: jax([NaN, NaN, NaN], "sqrt", "var") },
      ),
      point("max(x)", [5], [1], "torch.amax(x)", (x) => tf.max(x), { jax: jax([1], "reduce_max") }),
      point("prod(x)", [0], [1], "torch.prod(x)", (x) => tf.prod(x), { jax: jax([1], "prod") }),
      point("logsumexp(x)", [1e4], [1], "torch.logsumexp(x, 0)", (x) => tf.logSumExp(x), {
        jax: jax([1], "logsumexp"),
      }),
      point("softmax(x)", [1e4], [0], "torch.softmax(x, 0)", (x) => tf.softmax(x), {
        jax: jax([0], "softmax"),
      }),
      point("mean(x)", [5], [1], "torch.mean(x)", (x) => tf.mean(x), { jax: jax([1], "sum") }),
    ],
  },
];

export const points = sections.flatMap((section) => section.points);

/** The smallest number that f32 has; what f64 has below it is shown as 0. */
const LEAST = 2 ** -149;

/** Four digits: f32, f64 and the libraries agree in so many. */
export const shown = (answer: readonly number[] | null): string => answer?.map(digits).join(", ") ?? "—";

function digits(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  // Adding 0 makes -0 a 0.
  return String(Math.abs(value) < LEAST ? 0 : Number(value.toPrecision(4)) + 0);
}

/** In the page, before the tables. */
export const MARK = "<!-- tables: node scripts/hard-points.ts -->";

/** What others answer, beside `points`; null where they have no such op, or refuse. */
export interface Answers {
  readonly torch: readonly (readonly number[] | null)[];
  readonly tfjs: readonly (readonly number[] | null)[];
}

/** The page's tables, as `scripts/hard-points.ts` writes them and the test expects them. */
export function tables({ torch, tfjs }: Answers): string {
  const row = (p: HardPoint): string => {
    const i = points.indexOf(p);
    const others = p.torch === p.formula ? "" : ` as \`${p.torch}\``;
    const cells = [shown(p.is), `${shown(torch[i]!)}${others}`, shown(tfjs[i]!), jaxCell(p.jax)];
    return `| \`${p.formula}\` | ${shown(p.at)} | ${p.shows} | ${cells.join(" | ")} |`;
  };
  const answered = sections.map(({ title, points: own }) =>
    [
      `## ${title}`,
      "",
      "| formula | at x | shown | nndsl | PyTorch | TensorFlow.js | JAX, from its source |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      ...own.map(row),
    ].join("\n"),
  );
  return [...answered, jaxTable()].join("\n\n");
}

const jaxCell = (answer: JaxAnswer | undefined): string =>
  answer === undefined ? "—" : `${shown(answer.is)} by ${answer.by.join(", ")}`;

function jaxTable(): string {
  const rows = Object.entries(jaxRules).map(([name, { call, rule, file }]) => {
    const source = `[${file}](https://github.com/jax-ml/jax/blob/${jaxFiles[file]}/jax/_src/${file})`;
    return `| ${name} | \`${call}\` | ${rule} | ${source} |`;
  });
  return [
    "## The rules of JAX",
    "",
    "What each function does with g, what flows in; y is its result.",
    "",
    "| rule | in JAX | derivative, or what it is made of | read in |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** One compiled model of all points, as everyone would write it. */
export async function ours(dtype: "f32" | "f64"): Promise<number[][]> {
  const lines = points.map(({ at, shows }, i) => {
    const gradient = `g${i} = grad(sum(f${i}(x${i})), x${i})`;
    const output = { value: `f${i}(x${i})`, gradient: `g${i}`, second: `grad(sum(g${i}), x${i})` }[shows];
    return [
      `input x${i}: [${at.length}]`,
      ...(shows === "value" ? [] : [gradient]),
      `output y${i} = ${output}`,
    ].join("\n  ");
  });
  const functions = points.map(({ formula }, i) => `fn f${i}(x) = ${formula}`);
  const net = await start(`${functions.join("\n")}\nmodel HardPoints {\n  ${lines.join("\n  ")}\n}`, {
    dtype,
  });
  const outputs = net.predict(Object.fromEntries(points.map(({ at }, i) => [`x${i}`, at])));
  const answers = points.map((_, i) => [...outputs[`y${i}`]!.data]);
  net.dispose();
  return answers;
}

const PYTHON = `
import json, sys, torch
import torch.nn.functional as F
def answer(case):
    x = torch.tensor([float(v) for v in case["at"]], requires_grad=True)
    y = eval(case["torch"])
    if case["shows"] != "value":
        y, = torch.autograd.grad(y.sum(), x, create_graph=case["shows"] == "second")
    if case["shows"] == "second":
        y, = torch.autograd.grad(y.sum(), x)
    return [str(v) for v in y.detach().reshape(-1).tolist()]
def attempt(case):
    try:
        return answer(case)
    except RuntimeError:
        return None
json.dump([attempt(case) for case in json.load(sys.stdin)], sys.stdout)
`;

const written = (value: number): string =>
  Number.isFinite(value) ? String(value) : value > 0 ? "inf" : "-inf";
const read = (text: string): number =>
  text === "inf" ? inf : text === "-inf" ? -inf : text === "nan" ? NaN : Number(text);

const HAS_TORCH = 'import torch; assert torch.__version__.startswith("1.13")';

/**
 * The first Python on the path, or the system's, that has the PyTorch of the page; another version
 * may choose otherwise.
 */
export const python = ["python3", "/usr/bin/python3"].find(
  (candidate) => spawnSync(candidate, ["-c", HAS_TORCH], { timeout: 60_000 }).status === 0,
);

/** PyTorch in f32; null where it refuses. @throws Error with what Python printed */
export function torchAnswers(interpreter: string): (number[] | null)[] {
  const input = JSON.stringify(points.map(({ at, torch, shows }) => ({ at: at.map(written), torch, shows })));
  const run = spawnSync(interpreter, ["-c", PYTHON], { input, encoding: "utf8", timeout: 60_000 });
  if (run.status !== 0) throw new Error(run.stderr);
  // The shape is what the program above prints.
  return (JSON.parse(run.stdout) as (string[] | null)[]).map((row) => row?.map(read) ?? null);
}

/** TensorFlow.js on its CPU backend; null where it has no such op, no such derivative. */
export async function tfjsAnswers(): Promise<(number[] | null)[]> {
  await tf.setBackend("cpu");
  return points.map(({ at, tfjs, shows }) => {
    if (tfjs === undefined) return null;
    try {
      return tf.tidy(() => {
        const x = tf.tensor1d([...at]);
        const derivative =
          (f: (t: Tensor) => tf.Tensor) =>
          (t: Tensor): tf.Tensor =>
            tf.grad((u: tf.Tensor) => tf.sum(f(u as Tensor)))(t);
        const asked = { value: tfjs, gradient: derivative(tfjs), second: derivative(derivative(tfjs)) }[
          shows
        ];
        const answer = asked(x);
        return [...answer.dataSync()];
      });
    } catch {
      return null;
    }
  });
}
