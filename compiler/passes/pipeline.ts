/**
 * The passes in order, from the program as read to what kernels are made of, verified after each.
 */
import { askedFor, type Model } from "../graph/model.ts";
import { verify, type Invariant } from "../graph/verify.ts";
import type { Node } from "../ir/node.ts";
import { ops } from "../ops/table.ts";
import { advise } from "./advise.ts";
import { differentiate } from "./differentiate.ts";
import { fission } from "./fission.ts";
import { lower } from "./lower.ts";
import { simplify } from "./simplify.ts";
import { stabilize } from "./stabilize.ts";

interface Pass {
  readonly name: string;
  readonly run: (model: Model) => Model;
  /** What holds of every node after this pass and all later ones. */
  readonly ensures: Invariant | null;
}

const isDifferentiated: Invariant = ({ op }) => (op === "grad" ? "is left" : null);
const isLowered: Invariant = ({ op }) => (ops[op].inKernels ? null : "is not lowered");

export const pipeline = [
  // From formulas typed to formulas with good derivatives.
  { name: "stabilize", run: stabilize, ensures: null },
  { name: "advise", run: advise, ensures: null },
  // To the joint graph of values and gradients, in the terms of the source.
  { name: "differentiate", run: differentiate, ensures: isDifferentiated },
  // Of loops what has to be one.
  { name: "fission", run: fission, ensures: null },
  { name: "simplify", run: simplify, ensures: null },
  // To the ops that kernels are made of.
  { name: "lower", run: lower, ensures: isLowered },
  { name: "simplify-lowered", run: simplify, ensures: null },
] as const satisfies readonly Pass[];

export type PassName = (typeof pipeline)[number]["name"];

const placeOf = (name: PassName): number => pipeline.findIndex((pass) => pass.name === name);

/** @throws CompilerFault naming the pass and what is wrong */
export function verifyAfter(model: Model, name: PassName): void {
  const before: readonly Pass[] = pipeline.slice(0, placeOf(name) + 1);
  const ensured = before.flatMap(({ ensures }) => ensures ?? []);
  verify(model, name, ensured);
}

/**
 * The model after the passes from `first` to `last`.
 * @param instead what some of them do here
 */
export function runPasses(
  model: Model,
  first: PassName,
  last: PassName = first,
  instead: Readonly<Partial<Record<PassName, Pass["run"]>>> = {},
): Model {
  for (const { name, run } of pipeline.slice(placeOf(first), placeOf(last) + 1)) {
    model = (instead[name] ?? run)(model);
    verifyAfter(model, name);
  }
  return model;
}

/**
 * What `passes` make of the nodes asked, under the names they were asked by, and the model that is
 * asked for nothing else.
 */
export function ask<Name extends string>(
  model: Model,
  asked: Readonly<Record<Name, readonly Node[]>>,
  passes: (model: Model) => Model,
): { readonly model: Model; readonly found: Readonly<Record<Name, readonly Node[]>> } {
  const lists = Object.entries<readonly Node[]>(asked);
  const outputs = lists.flatMap(([name, nodes]) => nodes.map((node) => ({ name, node })));
  const made = passes({ ...askedFor(model, outputs), applied: [] });
  const left = made.roots.outputs.map(({ node }) => node);
  const found: Record<string, readonly Node[]> = {};
  for (const [name, { length }] of lists) found[name] = left.splice(0, length);
  // The names are those of `asked`.
  return { model: made, found: found as Record<Name, readonly Node[]> };
}
