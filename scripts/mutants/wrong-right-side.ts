/** A rewrite rule with a wrong right side, and whether anything tells. */
import type { Build } from "../../compiler/graph/build.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Rule } from "../../compiler/passes/rewrite.ts";
import { replaceRewrite } from "../../test/helpers/stabilize-cases.ts";
import type { Outcome } from "./outcome.ts";

/**
 * @param of what takes the place of the right side, once for each node: a rule may match its own
 * result
 * @param isNoticed the check, which runs while the rule is wrong
 */
export function tryRightSide(
  rule: Rule,
  of: (b: Build, right: Node) => Node,
  isNoticed: () => boolean,
): Outcome {
  const done = new Set<Node>();
  const restore = replaceRewrite(rule, (right) => (site, node) => {
    const found = done.has(node) ? null : right(site, node);
    if (found === null) return null;
    const mutant = of(site.b, found);
    for (const made of [mutant, found]) done.add(made);
    return mutant;
  });
  try {
    return isNoticed() ? "caught" : "missed";
  } catch {
    // A graph that the verifier refuses, or rewriting that does not end.
    return "caught";
  } finally {
    restore();
  }
}
