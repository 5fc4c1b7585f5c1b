import type { Node } from "./node.ts";

/**
 * A fact of a node that follows from the same fact of its operands. It is found once for each node,
 * and without recursion, since graphs are deep.
 */
export function fact<T>(of: (node: Node, operands: readonly T[]) => T): (node: Node) => T {
  const known = new WeakMap<Node, T>();
  return (asked) => {
    const stack = [asked];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const waiting = stack.length;
      if (!known.has(top)) for (const x of top.operands) if (!known.has(x)) stack.push(x);
      if (stack.length > waiting) continue;
      // Every operand has been found, as the loop has just seen.
      if (!known.has(top))
        known.set(
          top,
          of(
            top,
            top.operands.map((x) => known.get(x)!),
          ),
        );
      stack.pop();
    }
    return known.get(asked)!;
  };
}
