/** Mismatched shapes in words: which sizes clash, and what would agree. */
import type { Node } from "../ir/node.ts";
import { isFree, isOne, sameSize, type Shape, showShape, showSize } from "../ir/size.ts";
import type { OpError } from "../ir/op-error.ts";
import type { Value } from "./values.ts";

export interface OperandText {
  readonly text: string;
  readonly isTranspose: boolean;
}

/** A sharper message and help for an OpError than the op, which sees no source, could give. */
export function explainShapes(
  error: OpError,
  what: string,
  values: readonly Value[],
  freeName: string,
  operands: readonly OperandText[] = [],
): { readonly message: string; readonly help: string | undefined } {
  const shapes = values.map((v) => (v.kind === "tensor" ? v.node.shape : null));
  const [a, b] = shapes;
  if (error.code === "shape-mismatch" && a != null && b != null && values.length === 2) {
    if (what === "@")
      return { message: error.message, help: productHelp(a, b, operands, freeName) ?? error.help };
    const clash = clashOf(a, b);
    if (clash !== null && error.message.includes("broadcast")) {
      const [left, right] = clash.map((size) => showSize(size, freeName));
      return {
        message: `\`${what}\` needs shapes that broadcast: ${left} does not go with ${right}`,
        help:
          columnHelp(a, b, operands, freeName) ??
          "sizes agree, counted from the last axis, or one of them is 1",
      };
    }
  }
  if (error.code === "free-squared" && a != null && b != null && columnAndVector(a, b)) {
    const [column, vector] = [
      showShape(a.length === 2 ? a : b, freeName),
      showShape(a.length === 2 ? b : a, freeName),
    ];
    return {
      message: error.message,
      help: `one side is a column, ${column}, and the other is ${vector}: give both one shape`,
    };
  }
  if (what === "concat")
    return {
      message: error.message,
      help: error.help ?? "`reshape` or slice them so that they differ only along that axis",
    };
  return { message: error.message, help: error.help };
}

/** [N, 1] and [N], which broadcast to every pair of rows. */
const columnAndVector = (a: Shape, b: Shape): boolean =>
  Math.min(a.length, b.length) === 1 &&
  Math.max(a.length, b.length) === 2 &&
  isOne((a.length === 2 ? a : b)[1]!);

/** The last axes on which two shapes do not broadcast. */
function clashOf(a: Shape, b: Shape) {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [left, right] = [a.at(-i)!, b.at(-i)!];
    if (!sameSize(left, right) && !isOne(left) && !isOne(right)) return [left, right] as const;
  }
  return null;
}

function productHelp(
  a: Shape,
  b: Shape,
  operands: readonly OperandText[],
  freeName: string,
): string | undefined {
  const [left, right] = operands;
  if (left === undefined || right === undefined || b.length !== 2) return undefined;
  const inner = a.at(-1);
  if (inner === undefined) return undefined;
  const [depth, columns] = [b[0]!, b[1]!];
  if (sameSize(inner, columns)) {
    if (right.isTranspose)
      return `leave the transpose out: ${left.text} @ ${right.text.replace(/\s*'$/, "")}`;
    return `transpose it: ${left.text} @ ${/^\w+$/.test(right.text) ? right.text : `(${right.text})`}'`;
  }
  if (isFree(inner)) return `sum over ${freeName} first, or transpose the left side`;
  if (right.isTranspose)
    return `${right.text.replace(/\s*'$/, "")} should be ${showShape([columns, inner], freeName)}`;
  return isFree(depth) ? undefined : `${right.text} should be ${showShape([inner, columns], freeName)}`;
}

/** [N, K] with [N], where a column was meant. */
function columnHelp(
  a: Shape,
  b: Shape,
  operands: readonly OperandText[],
  freeName: string,
): string | undefined {
  const [long, short, operand] = a.length > b.length ? [a, b, operands[1]] : [b, a, operands[0]];
  if (long.length !== 2 || short.length !== 1 || !sameSize(long[0]!, short[0]!) || operand === undefined)
    return undefined;
  return `shapes are matched from the last axis; make it a column: reshape(${operand.text}, [${showSize(short[0]!, freeName).replace("·", " * ")}, 1])`;
}

/**
 * For targets of the standard library with an axis of size 1 at their end: labels given as [N, 1].
 */
export function labelHelp(name: string, node: Pick<Node, "shape">, freeName: string): string | undefined {
  const last = node.shape.at(-1);
  if (node.shape.length < 2 || last === undefined || !isOne(last)) return undefined;
  const rows = showShape(node.shape.slice(0, -1), freeName).replaceAll("·", " * ");
  return `labels are one for each row, int${rows}: declare them so, or write reshape(${name}, ${rows})`;
}
