/** Types of operands: what an op takes, and what several have in common. */
import type { ElementType, Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";

/** @throws OpError `type-mismatch`, where an operand is not what `takes` says */
export function requireTypes(
  name: string,
  takes: "number" | "bool" | "any",
  operands: readonly Node[],
): void {
  const fits = (type: ElementType): boolean =>
    takes === "any" || (takes === "bool" ? type === "bool" : type !== "bool");
  if (operands.every((x) => fits(x.type))) return;
  throw new OpError(
    "type-mismatch",
    takes === "bool" ? `\`${name}\` needs true or false` : `\`${name}\` needs numbers`,
    operands.map((x) => x.type),
    takes === "bool" ? "compare it first, as in `x > 0`" : undefined,
  );
}

/** The type in which values of all these types are held: float unless all are int, or all are bool. */
export function commonType(operands: readonly Node[]): ElementType {
  const first = operands[0]?.type ?? "float";
  return operands.every((x) => x.type === first) ? first : "float";
}
