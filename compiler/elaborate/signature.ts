/**
 * Types in signatures, `x: [..., I]`: patterns that the shape of an argument must fit, and that
 * give names to its sizes.
 */
import type { Dimension, Expression, TensorType } from "../../grammar/ast.ts";
import type { Node } from "../ir/node.ts";
import { sameSize, showShape, showSize, type Shape, type Size } from "../ir/size.ts";

/** Sizes named so far in one signature, with the parameter that named each. */
export type NamedSizes = Map<string, { readonly size: Size; readonly by: string }>;

export const isCapital = (name: string): boolean => /^[A-Z]/.test(name);

/** What is known of the sizes of a call. */
interface Sizes {
  readonly sizes: NamedSizes;
  /** What an expression in a type means. */
  readonly size: (dimension: Expression) => Size;
  readonly freeName: string;
}

/**
 * Fits `node` to the type of parameter `name`, adding to `known.sizes`.
 * @returns what does not fit, as the end of a sentence, or null
 */
export function fit(
  name: string,
  type: TensorType,
  node: Pick<Node, "shape" | "type">,
  known: Sizes,
): string | null {
  const { sizes, freeName } = known;
  const pattern = showPattern(type);
  const shown = showShape(node.shape, freeName);
  if (type.element !== "float" && node.type !== type.element) {
    return `\`${name}\` must be ${pattern}, and its entries are ${node.type === "float" ? "floats" : `of type ${node.type}`}`;
  }
  const shape = aligned(type.dimensions, node.shape);
  if (shape === null) {
    const rank = type.dimensions.length;
    return `\`${name}\` must be ${pattern}, and ${shown} has ${node.shape.length === 1 ? "one axis" : `${node.shape.length} axes`}, not ${rank}`;
  }
  for (const [dimension, size] of shape) {
    if (dimension.kind === "name" && isCapital(dimension.text)) {
      const earlier = sizes.get(dimension.text);
      if (earlier === undefined) {
        sizes.set(dimension.text, { size, by: name });
        continue;
      }
      if (sameSize(earlier.size, size)) continue;
      return `\`${name}\` must be ${pattern}, where ${dimension.text} is ${showSize(earlier.size, freeName)} (from \`${earlier.by}\`), but it is ${shown}`;
    }
    const wanted = known.size(dimension);
    if (!sameSize(wanted, size)) {
      const [written, is] = [showDimension(dimension), showSize(wanted, freeName)];
      const whose = written === is ? "" : `, whose ${written} is ${is}`;
      return `\`${name}\` must be ${pattern}${whose}, but it is ${shown}`;
    }
  }
  return null;
}

/**
 * The capital names in `type`, each with the first size of `shape` that it stands for; none where
 * the ranks do not agree.
 */
export function sizesIn(type: TensorType, shape: Shape): ReadonlyMap<string, Size> {
  const sizes = new Map<string, Size>();
  for (const [dimension, size] of aligned(type.dimensions, shape) ?? []) {
    if (dimension.kind === "name" && isCapital(dimension.text) && !sizes.has(dimension.text))
      sizes.set(dimension.text, size);
  }
  return sizes;
}

/**
 * Each dimension written with its size; `...` stands for any number of axes. `null` where the ranks
 * do not agree.
 */
function aligned(dimensions: readonly Dimension[], shape: Shape): [Expression, Size][] | null {
  const at = dimensions.findIndex((d) => d.kind === "ellipsis");
  const pairs: [Expression, Size][] = [];
  const pair = (list: readonly Dimension[], sizes: Shape): void => {
    list.forEach((d, i) => {
      if (d.kind !== "ellipsis") pairs.push([d, sizes[i]!]);
    });
  };
  if (at < 0) {
    if (shape.length !== dimensions.length) return null;
    pair(dimensions, shape);
    return pairs;
  }
  const after = dimensions.length - at - 1;
  if (shape.length < at + after) return null;
  pair(dimensions.slice(0, at), shape.slice(0, at));
  pair(dimensions.slice(at + 1), after === 0 ? [] : shape.slice(-after));
  return pairs;
}

const showPattern = (type: TensorType): string =>
  `${type.element === "float" ? "" : type.element}[${type.dimensions.map((d) => (d.kind === "ellipsis" ? "..." : showDimension(d))).join(", ")}]`;

function showDimension(dimension: Expression): string {
  switch (dimension.kind) {
    case "name":
      return dimension.text;
    case "number":
      return dimension.text;
    case "binary":
      return `${showDimension(dimension.left)}${dimension.operator}${showDimension(dimension.right)}`;
    default:
      return "…";
  }
}
