/**
 * What a loop that runs back knows of the loop that ran forward: the values of its body at the same
 * place, each picked from the stack of them.
 */
import type { Build } from "../graph/build.ts";
import { remake } from "../graph/graph.ts";
import { type LoopStep, nodesOf } from "../graph/steps.ts";
import { type Carries, inLoop, loopsAround } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, OpName } from "../ir/node.ts";

/** What has become of formulas that read the body of a loop. */
export interface Backward {
  readonly made: ReadonlyMap<Node, Node>;
  /** Stacks of what the body computes, made for them. */
  readonly stacks: readonly Node[];
}

/** Views that are made again rather than stacked: they hold no less than what they are views of. */
const WHOLE: ReadonlySet<OpName> = new Set<OpName>(["reshape", "permute", "broadcast"]);

/**
 * `formulas` that read the body of a loop, made again in the body of the loop `back`.
 * @param values what the loop's body computes
 */
export function fromStacks(
  b: Build,
  { loop, first, next }: LoopStep,
  values: ReadonlySet<Node>,
  back: Loop,
  formulas: readonly Node[],
): Backward {
  const isStacked = (node: Node): boolean => values.has(node) && !isMadeAgain(node, loop);
  return inBack(b, { loop, first, next }, back, formulas, isStacked, new Map());
}

/**
 * The same, where the loop `back` runs the body again: of what the loop carries alone there are stacks.
 */
export function fromAgain(
  b: Build,
  { loop, first, next, body }: LoopStep,
  back: Loop,
  formulas: readonly Node[],
): Backward {
  const loops = new Map<number, Loop>();
  for (const node of nodesOf(body)) {
    if (node.op !== "scan") continue;
    const inner = node.attributes.loop;
    if (!loops.has(inner.id)) loops.set(inner.id, b.graph.loop(inner.length, inner.reverse));
  }
  const isStacked = (node: Node): boolean => node.op === "carried" && node.attributes.loop.id === loop.id;
  return inBack(b, { loop, first, next }, back, formulas, isStacked, loops);
}

/** @param loops by number, what takes the place of loops in the body */
function inBack(
  b: Build,
  { loop, first, next }: Carries & { readonly loop: Loop },
  back: Loop,
  formulas: readonly Node[],
  isStacked: (node: Node) => boolean,
  loops: ReadonlyMap<number, Loop>,
): Backward {
  const made = new Map<Node, Node>();
  const stacks: Node[] = [];
  const isChanged = (node: Node): boolean =>
    [...loopsAround(node).keys()].some((id) => id === loop.id || loops.has(id));
  for (const node of below(formulas, isChanged, isStacked)) {
    const operands = node.operands.map((operand) => made.get(operand) ?? operand);
    if (isStacked(node)) {
      const stack = b.scan(loop, node, { first, next });
      stacks.push(stack);
      made.set(node, b.pick(stack, back));
    } else if (node.op === "pick" && node.attributes.loop.id === loop.id) {
      made.set(node, b.pick(node.operands[0]!, back));
    } else made.set(node, remake(b.graph, inLoop(node, loops), operands));
  }
  return { made, stacks };
}

/** Entries that the loop takes can be taken again, and views of what is had can be made. */
function isMadeAgain(node: Node, loop: Loop): boolean {
  if (node.op === "pick") return node.attributes.loop.id === loop.id;
  if (WHOLE.has(node.op)) return true;
  return node.op === "slice" && isMadeAgain(node.operands[0]!, loop);
}

/** What `formulas` are made of that changes, down to what is stacked, operands before users. */
function below(
  formulas: readonly Node[],
  isChanged: (node: Node) => boolean,
  isStacked: (node: Node) => boolean,
): readonly Node[] {
  const seen = new Set<Node>();
  const stack = [...formulas];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node) || !isChanged(node)) continue;
    seen.add(node);
    if (!isStacked(node)) stack.push(...node.operands);
  }
  return [...seen].sort((x, y) => x.id - y.id);
}
