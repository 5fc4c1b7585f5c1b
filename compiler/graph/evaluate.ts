/** The f64 evaluator: slow, plain, and the definition of what every op means. */
import type { Environment, Op, Values } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import { reachable } from "./graph.ts";
import type { Node, OpName } from "../ir/node.ts";

/**
 * The values of `roots`, each node computed once, operands first.
 * @throws RangeError where `environment` lacks something, or a `grad` node is left
 */
export function evaluate(roots: readonly Node[], environment: Environment): Values[] {
  const values = new Map<Node, Values>();
  for (const node of reachable(roots)) {
    const operands = node.operands.map((operand) => values.get(operand)!);
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    values.set(node, record.evaluate(operands, node as never, environment));
  }
  return roots.map((root) => values.get(root)!);
}
