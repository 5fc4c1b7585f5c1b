/**
 * The check of what a `where` hides: random formulas of x and w, of which some rows are not taken.
 * Whatever is in the rows of x that are hidden, the gradient by them is 0, and all else is what it
 * is with ordinary numbers there; the tape says the same. Tests and mutants share it.
 */
import fc from "fast-check";
import { askTape } from "../../compiler/compare/run-tape.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import { Formulas, modelOf, pass, runPasses, shapeOf, tensor, values } from "./graph.ts";

const ROWS = 4;
const COLUMNS = 3;
const SHAPE = shapeOf(ROWS, COLUMNS);

export interface GuardCase {
  readonly steps: readonly { readonly op: number; readonly a: number; readonly b: number }[];
  /** Which rows are taken. */
  readonly kept: readonly boolean[];
  /** What the hidden rows hold. */
  readonly poison: readonly number[];
  /** Of what is visible, and of w; in (0, 1). */
  readonly data: readonly number[];
  /** How the last choice is written. */
  readonly form: number;
}

export const POISON = [NaN, Infinity, -Infinity, 0, -0, -1, 1, 70, 1e300, -1e300, 5e-324] as const;

export const guardCases: fc.Arbitrary<GuardCase> = fc.record({
  steps: fc.array(fc.record({ op: fc.nat(1000), a: fc.nat(2), b: fc.nat(1000) }), {
    minLength: 1,
    maxLength: 6,
  }),
  kept: fc.array(fc.boolean(), { minLength: ROWS, maxLength: ROWS }),
  poison: fc.boolean().chain((isExtreme) =>
    fc.array(fc.constantFrom(...(isExtreme ? POISON : POISON.slice(0, 8))), {
      minLength: ROWS * COLUMNS,
      maxLength: ROWS * COLUMNS,
    }),
  ),
  data: fc.array(
    fc.integer({ min: 20, max: 90 }).map((v) => v / 100),
    { minLength: (ROWS + COLUMNS) * COLUMNS, maxLength: (ROWS + COLUMNS) * COLUMNS },
  ),
  form: fc.nat(100),
});

/** Formulas of rows that keep to themselves. Each meets a pole, an overflow or NaN somewhere. */
const makers: readonly ((b: Formulas, u: Node, v: Node, w: Node, keep: Node) => Node)[] = [
  (b, u, v) => b.add(u, v),
  (b, u, v) => b.sub(v, u),
  (b, u, v) => b.mul(u, v),
  (b, u, v) => b.div(u, v),
  (b, u) => b.exp(u),
  (b, u) => b.expm1(u),
  (b, u) => b.log(b.abs(u)),
  (b, u) => b.log1p(b.abs(u)),
  (b, u) => b.sqrt(b.abs(u)),
  (b, u) => b.reciprocal(u),
  (b, u) => b.sin(u),
  (b, u) => b.cos(u),
  (b, u) => b.tanh(u),
  (b, u) => b.sigmoid(u),
  (b, u) => b.softplus(u),
  (b, u) => b.elementwise("erf", u),
  (b, u) => b.relu(u),
  (b, u, v) => b.max(u, v),
  (b, u) => b.min(u, 0.5),
  (b, u) => b.pow(b.abs(u), 1.5),
  (b, u) => b.pow(b.abs(u), -0.5),
  (b, u, v) => b.pow(b.abs(u), b.tanh(v)),
  (b, u, _, w) => b.matmul(u, w),
  (b, u, _, w) => b.transpose(b.matmul(b.transpose(w), b.transpose(b.tanh(u)))),
  (b, u) => b.softmax(u, 1),
  (b, u) => b.broadcast(b.logsumexp(u, [1]), SHAPE),
  (b, u) => b.broadcast(b.prod(u, [1]), SHAPE),
  (b, u) => b.broadcast(b.reduce_max(u, [1]), SHAPE),
  (b, u) => b.broadcast(b.sqrt(b.sum(b.mul(u, u), [1])), SHAPE),
  (b, u, v) => b.concat([columns(b, v, 1, 2), columns(b, u, 0, 1)], 1),
  (b, u) => b.sub(u, b.broadcast(b.div(b.sum(u, [1]), COLUMNS), SHAPE)),
  (b, u, v, _, keep) => b.where(keep, u, v),
  (b, u, _, __, keep) => b.where(keep, u, 0.5),
  (b, u, v) => b.where(b.gt(u, 0.4), b.log(u), v),
  (b, u) => b.reshape(b.tanh(b.reshape(u, shapeOf(ROWS * COLUMNS))), SHAPE),
  (b, u) => b.asin(u),
  (b, u) => b.atan(u),
  (b, u) => b.acosh(b.abs(u)),
  (b, u) => b.asinh(b.sinh(u)),
  (b, u) => b.erfinv(b.tanh(u)),
  (b, u) => b.lgamma(b.abs(u)),
  (b, u, v) => b.atan2(u, v),
];

const columns = (b: Formulas, x: Node, start: number, count: number): Node =>
  b.slice(
    x,
    [0, start].map((first) => ({ start: first, fromEnd: false, step: 1 })),
    shapeOf(ROWS, count),
  );

/** The last choice: rows are hidden by an input, or by what they hold. */
const choices: readonly ((b: Formulas, y: Node, keep: Node) => Node)[] = [
  (b, y, keep) => b.where(keep, y, 0),
  (b, y, keep) => b.where(b.not(keep), b.constant(2, SHAPE), y),
  (b, y, keep) => b.tanh(b.where(keep, y, b.where(keep, b.exp(y), 1))),
  // Hidden once they are a single column, or columns turned.
  (b, y, keep) => {
    const [row, shown] = [b.sum(b.sin(y), [1]), columns(b, keep, 0, 1)];
    return b.broadcast(b.where(shown, row, 0), SHAPE);
  },
  (b, y, keep) => b.transpose(b.where(b.transpose(keep), b.transpose(y), 0)),
];

export type GuardFinding =
  | { readonly kind: "right" }
  /** The visible part is no number: nothing can be said. */
  | { readonly kind: "idle" }
  | { readonly kind: "wrong"; readonly because: string };

export function checkGuard({ steps, kept, poison, data, form }: GuardCase): GuardFinding {
  const b = new Formulas();
  const [x, w] = [b.parameter(0, ROWS, COLUMNS), b.parameter(1, COLUMNS, COLUMNS)];
  const keep = b.gt(b.broadcast(b.input("keep", ROWS, 1), SHAPE), 0.5);
  const pool: Node[] = [x];
  for (const { op, a, b: c } of steps) {
    const [u, v] = [pool[pool.length - 1 - (a % pool.length)]!, pool[c % pool.length]!];
    pool.push(makers[op % makers.length]!(b, u, v, w, keep));
  }
  const taken = choices[form % choices.length]!(b, pool.at(-1)!, keep);
  const weights = b.cos(b.toFloat(b.iota(0, shapeOf(ROWS * COLUMNS))));
  const weighted = (node: Node): Node => b.sumAll(b.mul(b.reshape(node, weights.shape), weights));
  const loss = weighted(b.sin(taken));
  const slope = b.grad(loss, x);
  const [second, byX, byW] = [weighted(slope), slope, b.grad(loss, w)];
  const asked = [loss, byX, byW, second, b.grad(second, x), b.grad(second, w)];
  const joint = pass(b, asked, ["stabilize", "differentiate", "simplify"]);
  const lowered = runPasses(joint.model, ["lower", "simplify"]).roots.outputs.map(({ node }) => node);

  const rows = (hidden: (i: number) => number): Environment => {
    const entries = kept.flatMap((is, row) =>
      Array.from({ length: COLUMNS }, (_, column) => {
        const i = row * COLUMNS + column;
        return is ? data[i]! : hidden(i);
      }),
    );
    return {
      n: 1,
      inputs: new Map([["keep", tensor([ROWS, 1], kept.map(Number))]]),
      parameters: new Map<number, Values>([
        [0, tensor([ROWS, COLUMNS], entries)],
        [1, tensor([COLUMNS, COLUMNS], data.slice(ROWS * COLUMNS))],
      ]),
      states: new Map(),
      hyper: new Map(),
      step: 1,
      seed: 0,
    };
  };
  const harmless = rows((i) => 0.3 + 0.01 * i);
  const poisoned = rows((i) => poison[i]!);
  const numbers = (nodes: readonly Node[], environment: Environment): number[][] =>
    evaluate(nodes, environment).map(({ data: found }) => [...found]);
  const want = numbers(joint.nodes, harmless);
  const got = numbers(joint.nodes, poisoned);
  const low = numbers(lowered, poisoned);

  // The visible part alone may be flat, infinite or no number; and where digits are lost, comparing
  // says nothing.
  if (want.flat().some((v) => !(Math.abs(v) < 1e6))) return { kind: "idle" };
  const names = ["loss", "d/dx", "d/dw", "slope", "second by x", "second by w"];
  const differ = (beside: string, found: readonly number[], i: number): string | null => {
    const scale = 1 + Math.max(...want[i]!.map(Math.abs));
    const at = found.findIndex((v, entry) => !(Math.abs(v - want[i]![entry]!) <= 1e-9 * scale));
    return at === -1 ? null : `${names[i]} ${beside}, entry ${at}: ${found[at]} and not ${want[i]![at]}`;
  };
  // The second derivative of what is hidden is 0 times a product of slopes: one that overflows, of
  // numbers that do not, is NaN.
  const isExtreme = poison.some(
    (v) => Number.isFinite(v) && v !== 0 && Math.abs(Math.log10(Math.abs(v))) > 2,
  );
  const orders = isExtreme ? 1 : 2;
  for (const i of want.keys()) {
    if (i >= 3 * orders) break;
    const wrong = differ("poisoned", got[i]!, i) ?? differ("lowered", low[i]!, i);
    if (wrong !== null) return { kind: "wrong", because: wrong };
  }
  for (const i of [1, 4].slice(0, orders)) {
    const leak = got[i]!.findIndex((v, entry) => !kept[Math.floor(entry / COLUMNS)] && v !== 0);
    if (leak !== -1)
      return { kind: "wrong", because: `${names[i]} of hidden entry ${leak}: ${got[i]![leak]}` };
  }
  const scalars = [
    [loss, 1],
    [second, 4],
  ] as const;
  for (const [scalar, first] of scalars.slice(0, orders)) {
    const model = modelOf(b.graph, []);
    const roots = { ...model.roots, trainingLoss: scalar };
    const [clean, tape] = [harmless, poisoned].map((environment) =>
      askTape({ model: { ...model, roots }, environment, wanted: [0, 1] }),
    );
    // A norm at 0 is stabilized, and the tape goes by what was written.
    const isDefined = (index: number): boolean =>
      Array.from(clean!.gradients.get(index)!.data).every((v) => Number.isFinite(v));
    for (const index of [0, 1]) {
      if (!isDefined(index)) continue;
      const wrong = differ("on the tape", Array.from(tape!.gradients.get(index)!.data), first + index);
      if (wrong !== null) return { kind: "wrong", because: wrong };
    }
  }
  return { kind: "right" };
}

const spoilt = (steps: readonly number[], poison: number, form = 0): GuardCase => ({
  steps: steps.map((op) => ({ op, a: 0, b: 0 })),
  kept: [true, false, true, false],
  poison: Array.from({ length: ROWS * COLUMNS }, () => poison),
  data: Array.from({ length: (ROWS + COLUMNS) * COLUMNS }, (_, i) => 0.2 + ((i * 37) % 70) / 100),
  form,
});

/** One for each way in which 0 · ∞ and 0 · NaN come about. */
export const knownGuards: Readonly<Record<string, GuardCase>> = {
  "tanh of NaN": spoilt([12], NaN),
  "the pole of 1/x": spoilt([9], 0),
  "e^∞": spoilt([4], Infinity),
  "x^1.5 of NaN, hidden twice": spoilt([19], NaN, 2),
  "NaN on the left of a product": spoilt([22], NaN),
  "∞ on the right of a product": spoilt([23, 22], Infinity),
  "softmax of a row of NaN": spoilt([24], NaN),
  "logsumexp of ∞, hidden as a column": spoilt([25], Infinity, 3),
  "a product of entries that are NaN": spoilt([26], NaN),
  "a norm of NaN, turned": spoilt([28], NaN, 4),
  "a choice behind a choice": spoilt([33, 12], -1, 2),
};

/** The first fault in `knownGuards` and in what is not hidden, or null. */
export function guardFault(): string | null {
  for (const [name, given] of Object.entries(knownGuards)) {
    const found = checkGuard(given);
    if (found.kind !== "right") return `${name}: ${found.kind === "wrong" ? found.because : found.kind}`;
  }
  for (const op of [12, 9, 22, 24, 25, 26]) {
    const fault = visibleFault(op);
    if (fault !== null) return `op ${op}: ${fault}`;
  }
  return null;
}

/**
 * ½ (y - c)² of rows that are taken. Where y is NaN, so is its gradient. Where y happens to be c
 * its cotangent is 0, and the second derivative is that of a c next to it.
 */
function visibleFault(op: number): string | null {
  const b = new Formulas();
  const [x, w] = [b.input("x", ROWS, COLUMNS), b.input("w", COLUMNS, COLUMNS)];
  const offset = b.broadcast(b.reshape(b.input("offset"), shapeOf(1, 1)), SHAPE);
  const keep = b.gt(b.broadcast(b.input("keep", ROWS, 1), SHAPE), 0.5);
  const y = makers[op]!(b, x, x, w, keep);
  const away = b.where(keep, b.sub(y, b.add(b.elementwise("stop_gradient", y), offset)), 0);
  const weights = b.cos(b.toFloat(b.iota(1, SHAPE)));
  const slope = b.grad(b.sumAll(b.mul(b.mul(away, away), 0.5)), x);
  // A cotangent that is a number, whatever y is.
  const byW = b.grad(b.sumAll(b.where(keep, b.mul(y, weights), 0)), w);
  const curvature = b.grad(b.sumAll(b.mul(slope, weights)), x);
  const { nodes } = pass(b, [slope, byW, curvature], ["stabilize", "differentiate", "lower", "simplify"]);
  const entries = Array.from({ length: ROWS * COLUMNS }, (_, i) => 0.3 + ((i * 29) % 60) / 100);
  const of = (row0: readonly number[], c: number): number[][] =>
    values(nodes, {
      x: [...row0, ...entries.slice(COLUMNS)],
      w: entries.slice(0, COLUMNS * COLUMNS),
      offset: [c],
      keep: [1, 0, 1, 1],
    });
  const [spoilt, byOthers] = of([NaN, NaN, NaN], 0.1);
  if (!Number.isNaN(spoilt![0])) return `a NaN that is taken has the gradient ${spoilt![0]}`;
  if (op === 22 && !Number.isNaN(byOthers![0])) return "a NaN that is taken is hidden from the other factor";
  const [at, near] = [of(entries.slice(0, COLUMNS), 0)[2]!, of(entries.slice(0, COLUMNS), 1e-8)[2]!];
  const differs = at.findIndex((v, i) => !(Math.abs(v - near[i]!) < 1e-5));
  return differs === -1 ? null : `the second derivative is ${at[differs]}, and next to it ${near[differs]}`;
}
