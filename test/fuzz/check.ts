/**
 * A program's outputs, loss and gradients beside two that share no derivative rule with the
 * compiler: the tape, and differences of values. Both go by the graph as it was elaborated, before
 * any rewrite.
 */
import { askTape } from "../../compiler/compare/run-tape.ts";
import { analyze, DiagnosticError } from "../../compiler/index.ts";
import { Graph, reachable } from "../../compiler/graph/graph.ts";
import { ownedBy, parametersOf } from "../../compiler/graph/model.ts";
import { unroll } from "../../compiler/graph/unroll.ts";
import type { Node, OpName } from "../../compiler/ir/node.ts";
import type { Environment, Op, Values } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";
import { stream } from "./choices.ts";
import { distance, LEAST, most } from "./distance.ts";
import { differentiateAt0, isKink, Numeric, slopeAt0, TooCostly } from "./numeric.ts";
import type { Case } from "./programs.ts";
import { run, type Dtype, type Run } from "./run.ts";

/**
 * Of E, the largest error over the largest entry: beside what is exact in f64, and beside
 * differences; and the ulp of 1.
 */
const TOLERANCES = {
  f32: { exact: 1e-4, differences: 1e-4, ulp: 2 ** -23 },
  f64: { exact: 1e-9, differences: 1e-6, ulp: 2 ** -52 },
} as const;

/**
 * Entries of a parameter that differences are taken of; few where the model holds derivatives,
 * which are differences themselves.
 */
const ENTRIES = { plain: 8, nested: 1 } as const;

/** What the entries of values are measured by at least where differences are among what they are made of. */
const LEAST_OF_DIFFERENCES = 1e-4;

/** How much more than the evaluator's one rounding the sums in a kernel may make of it. */
const ROUNDINGS = 8;
const TRIALS = 4;

/** E past the tolerance, by root: `loss`, `output p`, or a parameter's path. */
type Errors = ReadonlyMap<string, number>;

export type Verdict =
  | { readonly kind: "right" }
  /** No parameter moves the loss. */
  | { readonly kind: "constant" }
  | { readonly kind: "nan" }
  /**
   * Past the tolerance by rounding alone: as far off as the same formulas are when each value is an
   * ulp off; and in f64 not wrong.
   */
  | { readonly kind: "rounding"; readonly because: string }
  | { readonly kind: "wrong"; readonly because: string };

export interface Result {
  readonly verdict: Verdict;
  /** Differences taken, and those of them that were left out at a kink. */
  readonly differences: number;
  readonly kinks: number;
  /** Parameters whose differences would take too long: of derivatives of derivatives. */
  readonly costly: number;
  readonly ops: ReadonlySet<OpName>;
  /** Of the first dtype; null where the program did not run. */
  readonly run: Run | null;
}

export async function check(program: Case, dtypes: readonly Dtype[]): Promise<Result> {
  const results: Result[] = [];
  for (const dtype of dtypes) {
    const result = await checkIn(program, dtype);
    if (result.verdict.kind !== "right") return result;
    results.push(result);
  }
  return results[0]!;
}

async function checkIn(program: Case, dtype: Dtype): Promise<Result> {
  try {
    const ran = await run(program, dtype);
    const result = compare(ran, dtype);
    const { verdict } = result;
    if (verdict.kind !== "wrong") return result;
    const excused =
      (await isRounding(program, ran.environment, result.errors, TOLERANCES[dtype].ulp)) &&
      (dtype === "f64" || (await checkIn(program, "f64")).verdict.kind !== "wrong");
    return excused ? { ...result, verdict: { kind: "rounding", because: verdict.because } } : result;
  } catch (error) {
    return {
      verdict: { kind: "wrong", because: describe(error) },
      differences: 0,
      kinks: 0,
      costly: 0,
      ops: new Set(),
      run: null,
    };
  }
}

function describe(error: unknown): string {
  if (error instanceof DiagnosticError)
    return error.diagnostics.map((d) => `${d.code}: ${d.message}`).join("; ");
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function compare(ran: Run, dtype: Dtype): Result & { readonly errors: Errors } {
  const { model, environment } = ran;
  const tolerance = TOLERANCES[dtype];
  const { roots } = model;
  if (roots.loss === null || roots.trainingLoss === null) throw new RangeError("the program has no loss");
  const written = [roots.loss, roots.trainingLoss, ...roots.outputs.map((o) => o.node)];
  const used = new Set(reachable(written).map((node) => node.op));
  // The tape runs loops as they are.
  const [loss, trainingLoss, ...plain] = withoutLoops(written) as [Node, Node, ...Node[]];
  const outputs = roots.outputs.map(({ name }, i) => ({ name, node: plain[i]! }));
  const nodes = reachable([trainingLoss]);
  const offenses: string[] = [];
  const errors = new Map<string, number>();
  let differences = 0;
  let kinks = 0;
  let costly = 0;
  const note = (of: string, beside: string, error: number, limit: number): void => {
    if (error <= limit) return;
    offenses.push(`${of} beside ${beside}: E = ${error.toExponential(2)}`);
    errors.set(of, Math.max(errors.get(of) ?? 0, error));
  };
  const result = (verdict: Verdict) => ({
    verdict,
    differences,
    kinks,
    costly,
    ops: used,
    run: ran,
    errors,
  });

  const numeric = new Numeric([...outputs.map((o) => o.node), loss, trainingLoss], environment);
  const values = [...outputs.map((o) => o.node), loss, trainingLoss].map((node) => numeric.value(node));
  if (values.some(({ data }) => data.some((x) => !Number.isFinite(x)))) return result({ kind: "nan" });
  // Differences within a model are not exact to the last digits, and those of what cancels have no digit right.
  const holdsGrad = used.has("grad");
  const limit = holdsGrad ? tolerance.differences : tolerance.exact;
  const least = holdsGrad ? LEAST_OF_DIFFERENCES : LEAST;
  if (numeric.settled) {
    for (const { name, node } of outputs) {
      note(
        `output ${name}`,
        "the evaluator",
        distance(ran.outputs.get(name)!, numeric.value(node).data, least),
        limit,
      );
    }
    note("loss", "the evaluator", distance([ran.loss], numeric.value(loss).data, least), limit);
    note(
      "loss in training",
      "the evaluator",
      distance([ran.trainingLoss], numeric.value(trainingLoss).data, least),
      limit,
    );
  }

  const wanted = ownedBy(model).flatMap(({ kind }, index) => (kind === "parameter" ? [index] : []));
  const tape = askTape({ model, environment, wanted });
  note("loss in training", "the tape", distance([ran.trainingLoss], [tape.loss]), tolerance.exact);
  let moves = false;
  for (const index of wanted) {
    const { path } = model.persistent[index]!;
    const ours = ran.gradients.get(path)!;
    const theirs = tape.gradients.get(index)!.data;
    const scale = most(theirs) + 1e-8;
    if (scale > 1e-7) moves = true;
    note(path, "the tape", distance(ours, theirs), tolerance.exact);

    const parameter = nodes.find((node) => node.op === "parameter" && node.attributes.index === index);
    if (parameter === undefined) continue;
    const differ = (entry: number): void => {
      const along = numeric.along(trainingLoss, parameter, entry);
      const { value, uncertainty } = differentiateAt0(along);
      const error = Math.abs(ours[entry]! - value);
      const allowed = tolerance.differences * scale;
      differences++;
      if (error <= allowed) return;
      // Among the kinks of a maximum of many, steps of two widths may agree on a slope that is
      // nobody's.
      if (numeric.settled && Math.abs(ours[entry]! - slopeAt0(along)) <= allowed) return;
      // A difference that does not settle says nothing, and at a kink there is nothing to say.
      const settled = numeric.settled && uncertainty <= allowed / 4;
      if (!settled || isKink(along, error)) kinks++;
      else
        note(path, `the difference ${value} at entry ${entry}, where it is ${ours[entry]}`, error / scale, 0);
    };
    for (const entry of spread(ours.length, holdsGrad ? ENTRIES.nested : ENTRIES.plain)) {
      try {
        numeric.within(() => differ(entry));
      } catch (error) {
        // The tape has spoken for the whole of the gradient.
        if (!(error instanceof TooCostly)) throw error;
        costly++;
        break;
      }
    }
  }
  if (offenses.length > 0) return result({ kind: "wrong", because: offenses.join("\n") });
  return result({ kind: moves ? "right" : "constant" });
}

const withoutLoops = (roots: readonly Node[]): readonly Node[] => unroll(new Graph(), roots).roots;

/** At most `limit` of the numbers 0 … count - 1, evenly. */
const spread = (count: number, limit: number): number[] => {
  const taken = Math.min(count, limit);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
};

/**
 * Whether each error is within what rounding may make: the compiler's own formulas, evaluated in
 * f64 with every value off by up to an ulp of the module's format at random, come out as far off.
 */
async function isRounding(
  { source, seed }: Case,
  environment: Environment,
  errors: Errors,
  ulp: number,
): Promise<boolean> {
  const { joint } = await analyze(source);
  const { loss, trainingLoss, outputs } = joint.roots;
  const named = new Map<string, Node | null>([
    ["loss", loss],
    ["loss in training", trainingLoss],
    ...outputs.map(({ name, node }) => [`output ${name}`, node] as const),
    ...parametersOf(joint).map(({ path, gradient }) => [path, gradient] as const),
  ]);
  const wanted = [...errors].map(([name, error]) => ({ node: named.get(name)!, error }));
  const roots = withoutLoops(wanted.map(({ node }) => node));
  const next = stream(seed);
  const jitter = (x: number): number => x * (1 + ulp * (2 * next() - 1));
  const exact = evaluateThrough(roots, environment, (x) => x);
  const trials = Array.from({ length: TRIALS }, () => evaluateThrough(roots, environment, jitter));
  return wanted.every(({ error }, i) => {
    const node = roots[i]!;
    const inherent = trials.map((moved) => distance(moved.get(node)!.data, exact.get(node)!.data));
    return error <= ROUNDINGS * most(inherent);
  });
}

/**
 * Those of the ops that compute with numbers whose results are one of their operands, or 0, or its
 * negative.
 */
const EXACT: ReadonlySet<OpName> = new Set<OpName>([
  "neg",
  "abs",
  "relu",
  "sign",
  "floor",
  "round",
  "cast",
  "stop_gradient",
  "where",
  "max",
  "min",
  "reduce_max",
  "reduce_min",
]);

const rounds = ({ op, type }: Node): boolean =>
  type === "float" && !EXACT.has(op) && ["elementwise", "reduction", "product"].includes(ops[op].family);

function evaluateThrough(
  roots: readonly Node[],
  environment: Environment,
  change: (x: number) => number,
): ReadonlyMap<Node, Values> {
  const values = new Map<Node, Values>();
  for (const node of reachable(roots)) {
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const operands = node.operands.map((operand) => values.get(operand)!);
    const { shape, data } = record.evaluate(operands, node as never, environment);
    values.set(node, { shape, data: rounds(node) ? data.map(change) : data });
  }
  return values;
}
