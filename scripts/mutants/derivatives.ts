/**
 * Derivative rules made wrong in memory, in every way below that changes them: the check of
 * `test/ops.test.ts` must notice.
 */
import type { Build } from "../../compiler/graph/build.ts";
import type { Node, OpName } from "../../compiler/ir/node.ts";
import { countOf } from "../../compiler/ir/size.ts";
import type { Op } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";
import { differentiable, faultOf, records } from "../../test/helpers/derivatives.ts";
import type { Outcome, Tried } from "./outcome.ts";

type Flows = readonly (Node | null)[];
type Rule = (build: Build, node: never, cotangent: Node) => Flows;

interface Mutation {
  readonly name: string;
  /** The wrong cotangents; null where the mistake cannot be made here. */
  readonly of: (b: Build, flows: Flows, cotangent: Node) => Flows | null;
}

/** One mistake, made in the first cotangent it can be made in. */
const inOne =
  (wrong: (b: Build, flow: Node, cotangent: Node) => Node | null): Mutation["of"] =>
  (b, flows, cotangent) => {
    for (const [i, flow] of flows.entries()) {
      const mutant = flow === null ? null : wrong(b, flow, cotangent);
      if (mutant !== null && mutant !== flow) return flows.with(i, mutant);
    }
    return null;
  };

const sameShape = (a: Node, b: Node): boolean =>
  a.shape.length === b.shape.length && a.shape.every((size, i) => countOf(size) === countOf(b.shape[i]!));

const mutations: readonly Mutation[] = [
  { name: "sign", of: inOne((b, flow) => b.neg(flow)) },
  { name: "factor 2", of: inOne((b, flow) => b.mul(flow, 2)) },
  // What is left of g · f'(x) when f'(x) is forgotten.
  { name: "no factor", of: inOne((_, flow, g) => (sameShape(flow, g) ? g : null)) },
  { name: "nothing", of: inOne((b, flow) => b.zeros(flow.shape)) },
  {
    name: "wrong operand",
    of(_, flows) {
      const [i, j] = flows.flatMap((flow, at) => (flow === null ? [] : [at]));
      const [a, c] = [flows[i ?? -1], flows[j ?? -1]];
      if (!a || !c || a === c || !sameShape(a, c)) return null;
      return flows.with(i!, c).with(j!, a);
    },
  },
  {
    name: "wrong entry",
    of: inOne((b, flow) => {
      const turned = flow.shape.findIndex((size) => countOf(size) > 1);
      if (turned === -1) return null;
      const axes = flow.shape
        .map(countOf)
        .map((count, axis) =>
          axis === turned
            ? { start: count - 1, fromEnd: false, step: -1 }
            : { start: 0, fromEnd: false, step: 1 },
        );
      return b.slice(flow, axes, flow.shape);
    }),
  },
  {
    name: "leak",
    of: (_, flows, g) => (flows.length === 1 && flows[0] === null ? [g] : null),
  },
  {
    name: "leak, negative",
    of: (b, flows, g) => (flows.length === 1 && flows[0] === null ? [b.neg(g)] : null),
  },
];

/** Puts the wrong rule in the table, checks, and puts the right one back. */
function tryMutant(record: Op<OpName>, mutation: Mutation): Outcome {
  const right = record.vjp as Rule;
  let changed = false;
  const wrong: Rule = (build, node, cotangent) => {
    const flows = right(build, node, cotangent);
    const mutant = mutation.of(build, flows, cotangent);
    if (mutant === null) return flows;
    changed = true;
    return mutant;
  };
  // Records are read-only to all but this script.
  const table = ops as unknown as Record<OpName, { vjp: unknown }>;
  table[record.name].vjp = wrong;
  try {
    const fault = faultOf(record.name);
    return fault !== null ? "caught" : changed ? "missed" : "no mutant";
  } finally {
    table[record.name].vjp = right;
  }
}

const rules = records.filter(differentiable);

export const derivativeMutants = (): Tried[] =>
  rules.map((record) => ({
    name: record.name,
    unsound: faultOf(record.name) !== null,
    outcomes: mutations.map((mutation) => ({ name: mutation.name, outcome: tryMutant(record, mutation) })),
  }));
