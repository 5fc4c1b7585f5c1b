/**
 * Programs whose loops have to do with the loop around them in a part of what they carry alone: they are
 * a loop inside of it and another one outside.
 */
import { analyze } from "../../compiler/analyze.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { type Model, ownedBy } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Values } from "../../compiler/ops/op.ts";

const ROWS = 3;
const PLACES = 5;
const model = (of: string, lines: string): string => `fn g(q) = ${of}
model L {
  input x: [N, ${PLACES}, 3]
  param w: [3] ~ normal
  z = zeros([size(x, 0), 3])
  b = x[:, 0]
  ${lines}
  output h
  loss mean(h^2 * w)
}`;
const outer = (first: string, inner: string): string =>
  `h = scan(x, ${first}, (a, e) => ${inner}, axis = 1)[:, -1]`;

export const programs: Readonly<Record<string, string>> = {
  "ends of both": model(
    "q[0][:, -1] + q[1][:, -1]",
    outer("b", "g(scan(x, [e, b], (s, f) => [a * s[1], tanh(s[1] + b)], axis = 1))"),
  ),
  "other places": model(
    "q[0][:, 0] + q[1][:, 0]",
    outer(
      "z",
      "g(scan(x, [a, b, x[:, 1]], (s, f) => [a * s[1], softmax(s[1] + s[2]), flip(s[2], 1)], axis = 1))",
    ),
  ),
  "of two that are the same for all places, the second alone": model(
    "q[0][:, -1] + q[1][:, -1] * q[2][:, -1]",
    outer("b", "g(scan(x, [e, b, z], (s, f) => [a * s[2], tanh(s[1] + f), sin(s[2] + f)], axis = 1))"),
  ),
  "a mean, and an end": model(
    "mean(q[0], axis = 1) + q[1][:, -1]",
    outer(
      "b",
      "g(scan(x, [w * a, b], (s, f) => [tanh(s[1] * e) + 0.3 * s[0], sin(s[1] + f * w)], axis = 1, reverse = true))",
    ),
  ),
  "a loop that carries nothing on": model(
    "q[0][:, -1]",
    `c = mean(scan(x, b, (s, e) => b, axis = 1), axis = 1)
  ${outer("z", "g(scan(x, [a, a], (s, f) => [b - w, s[1]], axis = 1)) * c + a")}`,
  ),
  "a third loop in the second": model(
    "q[0][:, -1] + q[1][:, -1]",
    outer(
      "b",
      "g(scan(x, [e, b], (s, f) => [a * s[1], tanh(s[1] + scan(x, z, (t, y) => tanh(t + y * f), axis = 1)[:, -1])], axis = 1))",
    ),
  ),
};

const shape = [ROWS, PLACES, 3];
/** Rows of x. */
export const x: Values = {
  shape,
  data: Float64Array.from({ length: ROWS * PLACES * 3 }, (_, i) => Math.sin(1.7 * i)),
};

/** Nodes of a model where its parameter w is so. */
export function valuesAt(model: Model, nodes: readonly Node[], w: Float64Array): Values[] {
  const index = ownedBy(model).findIndex(({ path }) => path === "w");
  return evaluate(nodes, {
    n: ROWS,
    inputs: new Map([["x", x]]),
    parameters: new Map([[index, { shape: [3], data: w }]]),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 3,
  });
}

/** h, the loss, and its slopes by w, of a model as typed: by differences. */
export function typed(model: Model, w: Float64Array): readonly (readonly number[])[] {
  const nodes = [model.roots.outputs[0]!.node, model.roots.trainingLoss!];
  const at = (moved: Float64Array): Values[] => valuesAt(model, nodes, moved);
  const [h, loss] = at(w);
  const step = 1e-5;
  const slopes = Array.from(w, (value, i) => {
    const [up, down] = [step, -step].map((by) => at(w.with(i, value + by))[1]!.data[0]!);
    return (up! - down!) / (2 * step);
  });
  return [[...h!.data], [...loss!.data], slopes];
}

/** Where two lists of those differ; null where they do not. */
export function difference(
  ours: readonly ArrayLike<number>[],
  theirs: readonly (readonly number[])[],
): string | null {
  for (const [i, values] of theirs.entries()) {
    // Differences have half of the digits.
    const tolerance = i === 2 ? 1e-7 : 1e-11;
    for (const [k, value] of values.entries()) {
      const far = Math.abs((ours[i]![k] ?? NaN) - value);
      if (!(far <= tolerance)) return `${["h", "the loss", "a slope"][i]} ${k}: ${ours[i]![k]}, not ${value}`;
    }
  }
  return null;
}

/** How the formulas after all passes differ from those that were typed; null where they do not. */
export async function faultOfPasses(source: string): Promise<string | null> {
  const { elaborated, joint } = await analyze(source);
  const w = Float64Array.of(0.3, -0.7, 1.1);
  const gradient = joint.persistent.find(({ path }) => path === "w")!.gradient!;
  const nodes = [joint.roots.outputs[0]!.node, joint.roots.trainingLoss!, gradient];
  const ours = valuesAt(joint, nodes, w).map(({ data }) => data);
  return difference(ours, typed(elaborated, w));
}
