/** What holds of every graph; a breach is a fault of the pass before. */
import { CompilerFault } from "../fault.ts";
import type { Op } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import { reachable } from "./graph.ts";
import { listRoots, type Model } from "./model.ts";
import type { Node, OpName } from "../ir/node.ts";
import { sameShape, showShape, type Shape } from "../ir/size.ts";

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
  for (const node of reachable(listRoots(model.roots))) {
    const where = `node ${node.id} (${node.op}${node.origin.name === undefined ? "" : `, ${node.origin.name}`})`;
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const [least, most] = record.arity;
    if (node.operands.length < least || node.operands.length > most) {
      fail(`${where} has ${node.operands.length} operands`);
    }
    if (node.operands.some((operand) => operand.id >= node.id)) fail(`${where} comes before its operands`);
    const { shape, type } = inferred(record, node, (reason) => fail(`${where} is ill-formed: ${reason}`));
    if (!sameShape(shape, node.shape) || type !== node.type) {
      fail(`${where} is ${node.type}${showShape(node.shape)} and should be ${type}${showShape(shape)}`);
    }
    for (const invariant of ensured) {
      const wrong = invariant(node);
      if (wrong !== null) fail(`${where} ${wrong}`);
    }
  }
  verifyRoots(model, fail);
}

function inferred(
  record: Op<OpName>,
  node: Node,
  fail: (reason: string) => never,
): { readonly shape: Shape; readonly type: Node["type"] } {
  try {
    return record.infer(node.operands, node.attributes as never);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function verifyRoots(model: Model, fail: (what: string) => never): void {
  const { roots, parameters } = model;
  const states = model.optimizer?.states ?? [];
  const expectShape = (what: string, node: Node | null | undefined, shape: Shape): void => {
    if (node === null || node === undefined || sameShape(node.shape, shape)) return;
    fail(`${what} is ${showShape(node.shape)} and should be ${showShape(shape)}`);
  };
  // A model may be asked for some of its roots alone.
  const expectCount = (what: string, count: number, wanted: number): void => {
    if (count !== wanted && count !== 0) fail(`${count} ${what} for ${wanted}`);
  };
  expectCount("first values of parameters", roots.parameterStarts.length, parameters.length);
  expectCount("gradients", roots.gradients.length, parameters.length);
  expectCount("parameter updates", roots.parameterUpdates.length, parameters.length);
  expectCount("first values of states", roots.stateStarts.length, states.length);
  expectCount("state updates", roots.stateUpdates.length, states.length);
  parameters.forEach(({ path, shape }, i) => {
    expectShape(`the first value of ${path}`, roots.parameterStarts[i], shape);
    expectShape(`the gradient of ${path}`, roots.gradients[i], shape);
    expectShape(`the update of ${path}`, roots.parameterUpdates[i], shape);
  });
  states.forEach(({ name, parameter }, i) => {
    const shape = parameters[parameter]?.shape ?? fail(`state ${name} belongs to no parameter`);
    expectShape(`the first value of state ${name}`, roots.stateStarts[i], shape);
    expectShape(`the update of state ${name}`, roots.stateUpdates[i], shape);
  });
  expectShape("the loss", roots.loss, []);
  expectShape("the training loss", roots.trainingLoss, []);
  for (const { name, node } of roots.metrics) expectShape(`metric ${name}`, node, []);
}
