/** The f64 evaluator: slow, plain, and the definition of what every op means. */
import type { Environment, Op, Values } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import type { Node, OpName } from "../ir/node.ts";
import { StepRunner } from "./run-steps.ts";

/**
 * The values of `roots`, each node computed once, operands first, and the body of a loop at each of
 * its places; of a root inside of a loop that another root runs, the value at the last place.
 * @param values what is known already, to which is added what else is computed
 * @throws RangeError where `environment` lacks something, or a `grad` node is left
 */
export function evaluate(
  roots: readonly Node[],
  environment: Environment,
  values = new Map<Node, Values>(),
): Values[] {
  const runner = new StepRunner<Values>({
    apply: (node, operands) => {
      // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
      const record = ops[node.op] as unknown as Op<OpName>;
      return record.evaluate(operands, node as never, environment);
    },
    entry: entryAt,
    stack: stacked,
  });
  runner.run(roots, values);
  return roots.map((root) => values.get(root)!);
}

/** The entry of the first axis. */
function entryAt({ shape: [, ...shape], data }: Values, place: number): Values {
  const count = shape.reduce((all, size) => all * size, 1);
  return { shape, data: data.slice(place * count, (place + 1) * count) };
}

/** Along a new first axis; at least one, of one shape. */
function stacked(parts: readonly Values[]): Values {
  const { shape, data } = parts[0]!;
  const all = new Float64Array(parts.length * data.length);
  for (const [i, part] of parts.entries()) all.set(part.data, i * data.length);
  return { shape: [parts.length, ...shape], data: all };
}
