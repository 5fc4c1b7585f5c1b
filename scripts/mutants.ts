/**
 * Mutation test of the derivative rules, of the tests that keep a cotangent of 0 at 0, and of the rules that make formulas stable: each is made wrong in
 * memory, in every way below that changes it, and the checks of `test/ops.test.ts`, `test/guards.test.ts` and `test/passes-stabilise.test.ts` must notice.
 * `npm run mutants` prints what was tried; exit 1 where a wrong rule passes.
 */
import type { Build } from "../compiler/graph/build.ts";
import type { Node, OpName } from "../compiler/ir/node.ts";
import type { Op } from "../compiler/ops/op.ts";
import { ops } from "../compiler/ops/table.ts";
import { Guards } from "../compiler/passes/guards.ts";
import type { Rule as Rewriting } from "../compiler/passes/rewrite.ts";
import { stabilisations } from "../compiler/passes/rules/stabilisations.ts";
import { silencers } from "../compiler/passes/silence.ts";
import { differentiable, faultOf, records } from "../test/helpers/derivatives.ts";
import { guardFault } from "../test/helpers/guards.ts";
import { cases, faultOfCase, replaceRewrite, rulesOfCase } from "../test/helpers/stabilise-cases.ts";
import { countOf } from "../compiler/ir/size.ts";

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

type Outcome = "caught" | "missed" | "no mutant";

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

/** Wrong right sides of a rewriting. Each keeps the shape, so that nothing but a wrong number tells. */
const rewritings: readonly { readonly name: string; readonly of: (b: Build, right: Node) => Node }[] = [
  { name: "sign", of: (b, right) => b.neg(right) },
  { name: "factor 2", of: (b, right) => b.mul(right, 2) },
  { name: "term 1", of: (b, right) => b.add(right, 1) },
  { name: "nothing", of: (b, right) => b.zeros(right.shape) },
  { name: "no gradient", of: (b, right) => b.elementwise("stop_gradient", right) },
];

/** Rules that have tests of their own kind. */
const ELSEWHERE: readonly string[] = ["log1p", "expm1", "norm", "slice-of-concat"];

const formulas = Object.values(cases).map((one) => ({ one, fired: rulesOfCase(one) }));

/** Whether a case notices the wrong right side, which is put there once for each node: a rule may match its own result. */
function tryRewriting(rule: Rewriting, of: (b: Build, right: Node) => Node): Outcome {
  const told = formulas.filter(({ fired }) => fired.has(rule.name));
  const outcomes = told.map(({ one }): Outcome => {
    const done = new Set<Node>();
    const restore = replaceRewrite(rule, (right) => (site, node) => {
      const found = done.has(node) ? null : right(site, node);
      if (found === null) return null;
      const mutant = of(site.b, found);
      for (const made of [mutant, found]) done.add(made);
      return mutant;
    });
    try {
      return faultOfCase(one) === null ? "missed" : "caught";
    } catch {
      // A graph that the verifier refuses, or rewriting that does not end.
      return "caught";
    } finally {
      restore();
    }
  });
  return outcomes.length === 0 ? "no mutant" : outcomes.includes("caught") ? "caught" : "missed";
}

/** Ways to write a test where(g = 0 and f is no number, 0, f) wrongly: what the builder makes in place of its parts. */
const wrongTests: Readonly<Record<string, Partial<Build>>> = {
  "no test": { where: (_, __, flow) => flow as Node },
  "a cotangent of 0 alone": { and: (isZero) => isZero as Node },
  "no number alone": { and: (_, isNone) => isNone as Node },
};

/** Puts the wrong tests in the table of a family, checks, and puts the right ones back. */
function trySilencer(family: keyof typeof silencers, parts: Partial<Build>): Outcome {
  // The table is read-only to all but this script.
  const table = silencers as Record<keyof typeof silencers, (typeof silencers)["elementwise"]>;
  const right = table[family];
  table[family] = (scene, rule) =>
    right({ ...scene, b: Object.assign(Object.create(scene.b) as Build, parts) }, rule);
  try {
    return guardFault() === null ? "missed" : "caught";
  } finally {
    table[family] = right;
  }
}

/** Nothing is hidden by any choice. */
function tryBlindness(): Outcome {
  const right = Guards.prototype.hidden;
  Guards.prototype.hidden = () => () => "nothing";
  try {
    return guardFault() === null ? "missed" : "caught";
  } finally {
    Guards.prototype.hidden = right;
  }
}

const started = performance.now();
const rules = records.filter(differentiable);
const unsound = rules.filter((record) => faultOf(record.name) !== null);
const rows = rules.map((record) => ({
  record,
  outcomes: mutations.map((mutation) => ({ name: mutation.name, outcome: tryMutant(record, mutation) })),
}));
const unsoundCases = Object.entries(cases).filter(([, one]) => faultOfCase(one) !== null);
const families = Object.keys(silencers) as (keyof typeof silencers)[];
const silent = guardFault();
const blind = tryBlindness();
const tried = [
  ...rows.map(({ record, outcomes }) => ({ name: record.name, outcomes })),
  ...families.map((family) => ({
    name: `tests of ${family}`,
    outcomes: Object.entries(wrongTests).map(([name, parts]) => ({
      name,
      outcome: trySilencer(family, parts),
    })),
  })),
  ...stabilisations
    // Of use between layers, and tested with the simplifications.
    .filter((rule) => !ELSEWHERE.includes(rule.name))
    .map((rule) => ({
      name: rule.name,
      outcomes: rewritings.map(({ name, of }) => ({ name, outcome: tryRewriting(rule, of) })),
    })),
].map(({ name, outcomes }) => ({
  name,
  mutants: outcomes.filter((o) => o.outcome !== "no mutant"),
}));

const width = Math.max(...tried.map((row) => row.name.length));
for (const { name, mutants } of tried) {
  const told = mutants.map((m) => (m.outcome === "caught" ? m.name : `${m.name} MISSED`)).join(", ");
  console.log(`${name.padEnd(width)}  ${mutants.length}  ${told}`);
}
if (blind !== "caught") console.log("choices that hide nothing MISSED");
const mutants = tried.flatMap((row) => row.mutants);
const missed = mutants.filter((m) => m.outcome === "missed").length;
const few = tried.filter((row) => row.mutants.length < 2).map((row) => row.name);
console.log(
  `\n${tried.length} rules, ${mutants.length} mutants, ${mutants.length - missed} caught, ${missed} missed, ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
);
if (silent !== null) console.log(`the tests of zeros do not pass themselves: ${silent}`);
for (const { name } of unsound) console.log(`the rule of ${name} itself does not pass`);
for (const [name] of unsoundCases) console.log(`the case ${name} itself does not pass`);
if (few.length > 0) console.log(`fewer than two mutants: ${few.join(", ")}`);
const faults = missed + few.length + unsound.length + unsoundCases.length;
process.exitCode = faults === 0 && silent === null && blind === "caught" ? 0 : 1;
