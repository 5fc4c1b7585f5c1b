import type { Node } from "./node.ts";

/**
 * A fact of a node that follows from the same fact of its operands. It is found once for each node,
 * and without recursion, since graphs are deep.
 */
export function fact<T>(of: (node: Node, operands: readonly T[]) => T): (node: Node) => T {
  const known = new WeakMap<Node, T>();
  return (asked) => {
    const before = known.get(asked);
    if (before !== undefined) return before;
    const stack = [asked];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const waiting = stack.length;
      const operands: T[] = [];
      for (const x of top.operands) {
        const found = known.get(x);
        if (found === undefined && !known.has(x)) stack.push(x);
        // It is there, so it is a T.
        else operands.push(found as T);
      }
      if (stack.length > waiting) continue;
      if (!known.has(top)) known.set(top, of(top, operands));
      stack.pop();
    }
    return known.get(asked)!;
  };
}
