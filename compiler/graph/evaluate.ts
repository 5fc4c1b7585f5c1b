/** The f64 evaluator: slow, plain, and the definition of what every op means. */
import type { Environment, Op, Values } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import type { Node, OpName } from "../ir/node.ts";
import { type LoopStep, placesOf, type Step, stepsTo } from "./steps.ts";

/**
 * The values of `roots`, each node computed once, operands first, and the body of a loop at each of
 * its places.
 * @throws RangeError where `environment` lacks something, or a `grad` node is left
 */
export function evaluate(roots: readonly Node[], environment: Environment): Values[] {
  const values = new Map<Node, Values>();
  run(stepsTo(roots), values, environment, new Map());
  return roots.map((root) => values.get(root)!);
}

/** What each open loop carries, and the place where it is, by number. */
type Open = Map<number, { readonly place: number; readonly carried: readonly Values[] }>;

function run(steps: readonly Step[], values: Map<Node, Values>, environment: Environment, open: Open): void {
  for (const step of steps) {
    if (step.kind === "loop") runLoop(step, values, environment, open);
    else values.set(step.node, valueOf(step.node, values, environment, open));
  }
}

function valueOf(
  node: Node,
  values: ReadonlyMap<Node, Values>,
  environment: Environment,
  open: Open,
): Values {
  if (node.op === "carried") return open.get(node.attributes.loop.id)!.carried[node.attributes.index]!;
  const operands = node.operands.map((operand) => values.get(operand)!);
  if (node.op === "pick") return entryAt(operands[0]!, open.get(node.attributes.loop.id)!.place);
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  return record.evaluate(operands, node as never, environment);
}

function runLoop(
  { loop, scans, first, next, body }: LoopStep,
  values: Map<Node, Values>,
  environment: Environment,
  open: Open,
): void {
  const stacks = scans.map((): Values[] => []);
  let carried = first.map((node) => values.get(node)!);
  for (const place of placesOf(loop)) {
    open.set(loop.id, { place, carried });
    run(body, values, environment, open);
    for (const [i, scan] of scans.entries()) stacks[i]![place] = values.get(scan.operands[0]!)!;
    carried = next.map((node) => values.get(node)!);
  }
  open.delete(loop.id);
  for (const [i, scan] of scans.entries()) values.set(scan, stacked(stacks[i]!));
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
