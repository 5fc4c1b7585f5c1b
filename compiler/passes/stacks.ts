/**
 * What a loop that runs back knows of the loop that ran forward: the values of its body at the same
 * place, each picked from the stack of them.
 */
import type { Build } from "../graph/build.ts";
import { remake } from "../graph/graph.ts";
import type { LoopStep } from "../graph/steps.ts";
import { isInside } from "../ir/loops.ts";
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
  const made = new Map<Node, Node>();
  const stacks: Node[] = [];
  const known = (node: Node): Node => made.get(node) ?? node;
  for (const node of insideOf(formulas, loop, values)) {
    if (values.has(node) && !isMadeAgain(node, loop)) {
      const stack = b.scan(loop, node, { first, next });
      stacks.push(stack);
      made.set(node, b.pick(stack, back));
    } else if (node.op === "pick" && node.attributes.loop.id === loop.id) {
      made.set(node, b.pick(node.operands[0]!, back));
    } else made.set(node, remake(b.graph, node, node.operands.map(known)));
  }
  return { made, stacks };
}

/** Entries that the loop takes can be taken again, and views of what is had can be made. */
function isMadeAgain(node: Node, loop: Loop): boolean {
  if (node.op === "pick") return node.attributes.loop.id === loop.id;
  if (WHOLE.has(node.op)) return true;
  return node.op === "slice" && isMadeAgain(node.operands[0]!, loop);
}

/** What `formulas` need of the loop's body, down to what is stacked, operands before users. */
function insideOf(formulas: readonly Node[], loop: Loop, values: ReadonlySet<Node>): readonly Node[] {
  const seen = new Set<Node>();
  const stack = [...formulas];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node) || !isInside(node, loop)) continue;
    seen.add(node);
    if (!values.has(node) || isMadeAgain(node, loop)) stack.push(...node.operands);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
