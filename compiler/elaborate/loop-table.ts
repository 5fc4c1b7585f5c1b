/**
 * Equal loops are one. A loop is read anew in each reading of a model, and has another number each
 * time; what its body computes says whether it was there before.
 */
import { reachable } from "../graph/graph.ts";
import { attributesKey } from "../ir/key.ts";
import { loopsAround, type Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";

interface Known {
  readonly loop: Loop;
  readonly carries: Carries;
}

export class LoopTable {
  readonly #known = new Map<string, Known>();

  /**
   * The loop itself, or the first that computes the same from the same.
   * @param around the loops that it stands in
   */
  of(loop: Loop, carries: Carries, around: readonly Loop[]): Known {
    const key = keyOf(loop, carries, new Set(around.map(({ id }) => id)));
    const known = this.#known.get(key) ?? { loop, carries };
    this.#known.set(key, known);
    return known;
  }
}

/** Equal text for loops that differ by their numbers alone, and those of loops in them. */
function keyOf(loop: Loop, { first, next }: Carries, around: ReadonlySet<number>): string {
  const numbers = new Map<number, number>([[loop.id, 0]]);
  const places = new Map<Node, string>();
  const number = ({ id }: Loop): number => {
    const known = numbers.get(id) ?? numbers.size;
    numbers.set(id, known);
    return known;
  };
  const lines: string[] = [];
  for (const node of reachable(next)) {
    const isLocal = [...loopsAround(node).keys()].some((id) => !around.has(id));
    if (!isLocal) continue;
    const operands = node.operands.map((x) => places.get(x) ?? `#${x.id}`);
    places.set(node, String(lines.length));
    lines.push(`${node.op}(${operands.join()})${attributesOf(node, number, around)}`);
  }
  const ids = (nodes: readonly Node[]): string => nodes.map((x) => places.get(x) ?? `#${x.id}`).join();
  return `${loop.length} ${loop.reverse} ${ids(first)} ${ids(next)}\n${lines.join("\n")}`;
}

function attributesOf(node: Node, number: (loop: Loop) => number, around: ReadonlySet<number>): string {
  if (node.op !== "scan" && node.op !== "pick" && node.op !== "carried")
    // They belong together by construction; the union hides it.
    return attributesKey(node.op, node.attributes as never);
  const { loop } = node.attributes;
  if (around.has(loop.id)) return attributesKey(node.op, node.attributes as never);
  const { length, reverse } = loop;
  const own = { ...node.attributes, loop: { ...loop, id: number(loop) } };
  return `:${length} ${reverse} ${attributesKey(node.op, own as never)}`;
}
