/** What holds of every graph; a breach is a fault of the pass before. */
import { CompilerFault } from "../fault.ts";
import type { Op } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import { reachable } from "./graph.ts";
import { listRoots, type Model } from "./model.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { isFree, sameShape, showShape, type Shape } from "../ir/size.ts";

/** What is wrong with a node; null where nothing is. */
export type Invariant = (node: Node) => string | null;

/**
 * Checks the model after the pass named.
 * @param ensured what passes have added to what holds of every graph
 * @throws CompilerFault naming the pass and what is wrong
 */
export function verify(model: Model, after: string, ensured: readonly Invariant[] = []): void {
  const fail = (what: string): never => {
    throw new CompilerFault(`after ${after}: ${what}`);
  };
  // Made into text of a node only where something is wrong with it.
  const failAt = ({ id, op, origin }: Node, what: string): never =>
    fail(`node ${id} (${op}${origin.name === undefined ? "" : `, ${origin.name}`}) ${what}`);
  const roots = listRoots(model);
  const nodes = reachable(roots);
  for (const node of nodes) {
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const [least, most] = record.arity;
    if (node.operands.length < least || node.operands.length > most) {
      failAt(node, `has ${node.operands.length} operands`);
    }
    if (node.operands.some((operand) => operand.id >= node.id)) failAt(node, "comes before its operands");
    const { shape, type } = inferred(record, node, failAt);
    if (!sameShape(shape, node.shape) || type !== node.type) {
      failAt(node, `is ${node.type}${showShape(node.shape)} and should be ${type}${showShape(shape)}`);
    }
    for (const invariant of ensured) {
      const wrong = invariant(node);
      if (wrong !== null) failAt(node, wrong);
    }
  }
  verifyRoots(model, fail);
  verifyLoops(roots, nodes, fail);
}

/** Loops are run once each, and nothing of what is in one is asked for from outside of it. */
function verifyLoops(roots: readonly Node[], nodes: readonly Node[], fail: (what: string) => never): void {
  for (const root of roots) if (loopsAround(root).size > 0) fail(`root ${root.id} is inside of a loop`);
  const runs = new Map<number, NodeOf<"scan">>();
  for (const node of nodes) {
    if (node.op !== "scan") continue;
    const run = runs.get(node.attributes.loop.id) ?? node;
    runs.set(node.attributes.loop.id, run);
    const same = node.operands.length === run.operands.length;
    if (!same || node.operands.some((operand, i) => i > 0 && operand !== run.operands[i]))
      fail(`scans ${run.id} and ${node.id} of loop ${node.attributes.loop.id} carry different values`);
    const [own, others] = [loopsAround(node), loopsAround(run)];
    if (own.size !== others.size || [...own.keys()].some((id) => !others.has(id)))
      fail(
        `scans ${run.id} and ${node.id} of loop ${node.attributes.loop.id} stand inside of different loops`,
      );
  }
  for (const node of nodes) {
    if (node.op !== "scan" && node.op !== "pick" && node.op !== "carried") continue;
    const { loop } = node.attributes;
    const run = runs.get(loop.id) ?? fail(`node ${node.id} is inside of loop ${loop.id}, which is never run`);
    const { length, reverse } = run.attributes.loop;
    if (loop.length !== length || loop.reverse !== reverse)
      fail(`node ${node.id} is inside of loop ${loop.id}, which is another`);
    if (node.op === "carried" && node.attributes.index >= run.attributes.carries)
      fail(`loop ${loop.id} carries no number ${node.attributes.index}`);
  }
}

function inferred(
  record: Op<OpName>,
  node: Node,
  failAt: (node: Node, what: string) => never,
): { readonly shape: Shape; readonly type: Node["type"] } {
  try {
    return record.infer(node.operands, node.attributes as never);
  } catch (error) {
    return failAt(node, `is ill-formed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function verifyRoots({ roots, persistent }: Model, fail: (what: string) => never): void {
  const expectShape = (what: string, node: Node | null, shape: Shape): void => {
    if (node === null || sameShape(node.shape, shape)) return;
    fail(`${what} is ${showShape(node.shape)} and should be ${showShape(shape)}`);
  };
  const started = persistent.filter(({ start }) => start !== null).length;
  if (started !== 0 && started !== persistent.length) {
    fail(`${started} first values for ${persistent.length}`);
  }
  for (const [i, tensor] of persistent.entries()) {
    const { path, shape, start, gradient, update } = tensor;
    expectShape(`the first value of ${path}`, start, shape);
    expectShape(`the gradient of ${path}`, gradient, shape);
    expectShape(`the update of ${path}`, update, shape);
    if (tensor.kind === "state") {
      const of = persistent[tensor.parameter];
      if (of?.kind !== "parameter" && of?.kind !== "frozen") fail(`${path} belongs to no parameter`);
      if ((start === null) !== (update === null)) fail(`${path} has one of first value and update`);
    } else if (persistent[i - 1]?.kind === "state") fail(`${path} comes after a state`);
  }
  expectShape("the loss", roots.loss, []);
  expectShape("the training loss", roots.trainingLoss, []);
  for (const { name, node } of roots.metrics) expectShape(`metric ${name}`, node, []);
  for (const { call, figure, parameter, node } of roots.probes) {
    if (figure !== "alive") expectShape(`${figure} of layer ${call}`, node, []);
    else if (node.shape.length !== 1 || isFree(node.shape[0]!))
      fail(`the units of layer ${call} are no list`);
    if ((parameter !== null) !== (figure === "gradients" || figure === "updates"))
      fail(`${figure} of layer ${call} is of no parameter, or should be of none`);
  }
}
