/** Loops beside the same formulas written out place by place, for tests and for mutants of what runs loops. */
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { reachable } from "../../compiler/graph/graph.ts";
import { listRoots, type Model } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { type Data, environment, inputsOf } from "./loop-gradients.ts";
import * as own from "./running-loops.ts";

/** Two programs of the same outputs; the first with so many loops. */
export interface Twins {
  readonly loops: number;
  readonly scan: string;
  readonly written: string;
}

const given = `
  input x: [N, 4, 2]
  input h0: [N, 2]
  input w: [2, 2]
  output seen = x * w[0] + reshape(h0, [N, 1, 2])`;

const model = (lines: string): string => `model M {${given}\n${lines}\n}`;

/** `h` from place to place, in the order of `t`. */
const written = (order: string, first: string, step: string, result: string): string =>
  model(`  h = ${first}
  all = []
  for k in 0..4 {
    t = ${order}
    e = x[:, t]
    h = ${step}
    all = ${order === "k" ? "[...all, h]" : "[h, ...all]"}
  }
  output y = ${result}`);

const step = "tanh(h @ w + e)";

export const loopTwins: Readonly<Record<string, Twins>> = {
  "from the first place": {
    loops: 1,
    scan: model(`  output y = scan(x, h0, (h, e) => ${step}, axis = 1)`),
    written: written("k", "h0", step, "stack(all, axis = 1)"),
  },
  "from the last place": {
    loops: 1,
    scan: model(`  output y = scan(x, h0, (h, e) => ${step}, axis = 1, reverse = true)`),
    written: written("3 - k", "h0", step, "stack(all, axis = 1)"),
  },
  "values that change places": {
    loops: 1,
    scan: model(`  s = scan(x, [h0, h0^2], (s, e) => [s[1] + e, sin(s[0])], axis = 1)
  output y = s[0]
  output z = s[1]`),
    written: model(`  a = h0
  b = h0^2
  alls = []
  blls = []
  for t in 0..4 {
    old = a
    a = b + x[:, t]
    b = sin(old)
    alls = [...alls, a]
    blls = [...blls, b]
  }
  output y = stack(alls, axis = 1)
  output z = stack(blls, axis = 1)`),
  },
  "a loop in a loop, which waits for what was made around it": {
    loops: 2,
    scan: model(`  v = sin(w)
  inner = (h, e) => scan(v, h * e, (g, f) => g * f + cos(e), axis = 0, reverse = true)
  output y = scan(x, h0, (h, e) => inner(h, e)[0] + inner(h, e)[1]^2, axis = 1)`),
    written: written(
      "k",
      "h0",
      "((h * e * v[1] + cos(e)) * v[0] + cos(e)) + (h * e * v[1] + cos(e))^2",
      "stack(all, axis = 1)",
    ).replace("  h = h0", "  v = sin(w)\n  h = h0"),
  },
  "a loop over what another leaves, and one over its square": {
    loops: 3,
    scan: model(`  a = scan(x, h0, (h, e) => ${step}, axis = 1)
  b = scan(a, h0, (h, e) => ${step}, axis = 1)
  c = scan(a^2, h0, (h, e) => ${step}, axis = 1)
  output y = b - c[:, ::-1]`),
    written: model(`  a = h0
  b = h0
  c = h0
  alls = []
  clls = []
  for t in 0..4 {
    a = tanh(a @ w + x[:, t])
    b = tanh(b @ w + a)
    c = tanh(c @ w + a^2)
    alls = [...alls, b]
    clls = [c, ...clls]
  }
  output y = stack(alls, axis = 1) - stack(clls, axis = 1)`),
  },
  "equal loops, and loops that differ": {
    loops: 5,
    scan: model(`  f = (u, first) => scan(x, first, (h, e) => tanh(h @ u + e), axis = 1)
  again = scan(x, h0, (g, x) => tanh(g @ w + x), axis = 1)
  back = scan(x, h0, (h, e) => tanh(h @ w + e), axis = 1, reverse = true)
  less = scan(x, h0, (h, e) => tanh(h @ w - e), axis = 1)
  output y = f(w, h0) + 2 * again + 4 * f(w', h0) + 8 * f(w, h0^2) + 16 * back + 32 * less`),
    written: model(`  h = [h0, h0, h0^2, h0]
  alls = []
  for t in 0..4 {
    e = x[:, t]
    h = [tanh(h[0] @ w + e), tanh(h[1] @ w' + e), tanh(h[2] @ w + e), tanh(h[3] @ w - e)]
    alls = [...alls, 3 * h[0] + 4 * h[1] + 8 * h[2] + 32 * h[3]]
  }
  g = h0
  blls = []
  for k in 0..4 {
    g = tanh(g @ w + x[:, 3 - k])
    blls = [g, ...blls]
  }
  output y = stack(alls, axis = 1) + 16 * stack(blls, axis = 1)`),
  },
};

const outputsWith = (
  evaluated: typeof evaluate,
  names: readonly string[],
  roots: readonly Node[],
  inputs: Data,
): Data => {
  const values = evaluated(roots, environment(inputs));
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
};

const loopsOf = (model: Model): number =>
  new Set(
    reachable(listRoots(model)).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
  ).size;

/** The first output in which two differ. */
function differenceOf(found: Data, wanted: Data): string | null {
  for (const [name, { data }] of Object.entries(wanted)) {
    const own = found[name]!.data;
    const at = data.findIndex((x, i) => !(Math.abs(x - own[i]!) < 1e-12));
    if (at >= 0 || own.length !== data.length) return `${name}, entry ${at}: ${own[at]}, not ${data[at]}`;
  }
  return null;
}

/** Where the loops of the first differ from the second, as they are run, and as they are unrolled. */
export async function faultOfTwins(
  { scan, written, loops }: Twins,
  { modelOf, evaluate: evaluated, unroll, Graph }: typeof own = own,
): Promise<string | null> {
  const twin = await own.modelOf(written);
  const inputs = inputsOf(twin);
  const nodesOf = ({ roots }: Model): Node[] => roots.outputs.map(({ node }) => node);
  const names = twin.roots.outputs.map(({ name }) => name);
  const wanted = outputsWith(evaluate, names, nodesOf(twin), inputs);
  const model = await modelOf(scan);
  if (loopsOf(model) !== loops || loopsOf(twin) !== 0) return `${loopsOf(model)} loops`;
  const unrolled = unroll(new Graph(), nodesOf(model)).roots;
  return (
    differenceOf(outputsWith(evaluated, names, nodesOf(model), inputs), wanted) ??
    differenceOf(outputsWith(evaluate, names, unrolled, inputs), wanted)
  );
}
