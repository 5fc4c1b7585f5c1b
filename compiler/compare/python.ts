/** Python as a person writes it: how expressions hold together, numbers, sizes and indices. */
import type { Node, NodeOf } from "../ir/node.ts";
import { bySize, countOf, isFree, sameSize, type Shape, type Size } from "../ir/size.ts";

/**
 * How tightly an expression holds together, as in Python's grammar: a tighter place needs
 * parentheses around a looser one.
 */
export const level = {
  any: 0,
  comparison: 1,
  bitwise: 2,
  sum: 3,
  product: 4,
  sign: 5,
  power: 6,
  atom: 7,
} as const;
export type Level = (typeof level)[keyof typeof level];

export interface Expression {
  readonly text: string;
  readonly level: Level;
}

export const atom = (text: string): Expression => ({ text, level: level.atom });

/** `N` is a variable of the program. */
export const sizeText = (size: Size): string =>
  bySize(size, String, (count) => (count === 1 ? "N" : `${count} * N`));
export const sizesText = (shape: Shape): string => shape.map(sizeText).join(", ");
export const shapeText = (shape: Shape): string =>
  shape.length === 1 ? `(${sizeText(shape[0]!)},)` : `(${sizesText(shape)})`;

export const axesText = (axes: readonly number[]): string =>
  axes.length === 1 ? String(axes[0]) : `(${axes.join(", ")})`;

/** Python's spelling of a number. */
export function literal(value: number, type: Node["type"], least: Level): string {
  if (type === "bool") return value === 0 ? "False" : "True";
  if (Number.isNaN(value)) return "torch.nan";
  if (!Number.isFinite(value))
    return value > 0 ? "torch.inf" : least > level.sign ? "(-torch.inf)" : "-torch.inf";
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return text.startsWith("-") && least > level.sign ? `(${text})` : text;
}

/** A number that decides the type of its tensor: floats have a point. */
export function ownLiteral(value: number, type: Node["type"]): string {
  const text = literal(value, type, level.any);
  return type === "float" && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

export function constantTensor({ attributes: { value, type }, shape }: NodeOf<"constant">): string {
  const number = ownLiteral(value, type);
  return shape.length === 0 ? `torch.tensor(${number})` : `torch.full(${shapeText(shape)}, ${number})`;
}

/** `0, :, 2:8:2`, and the axes to turn round afterwards, since PyTorch has no negative steps. */
export function indexText(
  node: NodeOf<"slice"> | NodeOf<"embed">,
  part: Shape,
): { readonly index: string; readonly flips: readonly number[] } {
  const wholeShape = node.op === "slice" ? node.operands[0]!.shape : node.shape;
  const flips: number[] = [];
  const index = node.attributes.axes.map(({ start, fromEnd, step }, axis) => {
    const size = part[axis]!;
    if (start === 0 && !fromEnd && step === 1 && sameSize(size, wholeShape[axis]!)) return ":";
    const first = fromEnd ? `${sizeText(wholeShape[axis]!)} - ${start}` : String(start);
    const count = isFree(size) ? `(${sizeText(size)})` : String(countOf(size));
    if (step > 0) {
      const last =
        !fromEnd && !isFree(size)
          ? String(start + step * (countOf(size) - 1) + 1)
          : `${first} + ${step} * (${count} - 1) + 1`;
      return step === 1 ? `${first}:${last}` : `${first}:${last}:${step}`;
    }
    flips.push(axis);
    return `${first} + ${step} * (${count} - 1):${first} + 1:${-step}`;
  });
  return { index: index.join(", "), flips };
}
