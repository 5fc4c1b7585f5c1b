/**
 * What derivative rules write formulas with; `graph/build.ts` makes nodes of them. Operands are
 * broadcast to one another, and a number stands for a constant.
 */
import type { Loop } from "./loop.ts";
import type {
  Attributes,
  BinaryAttributes,
  Node,
  ReductionName,
  SliceAxis,
  TernaryAttributes,
  UnaryAttributes,
} from "./node.ts";
import type { Shape, Size } from "./size.ts";

export type Operand = Node | number;

/** A method for each elementwise op: `add(a, b)`. */
export type ElementwiseFormulas = { readonly [K in keyof UnaryAttributes]: (x: Node) => Node } & {
  readonly [K in keyof BinaryAttributes]: (a: Operand, b: Operand) => Node;
} & { readonly [K in keyof TernaryAttributes]: (condition: Node, then: Operand, otherwise: Operand) => Node };

/** A method for each reduction over `axes`, which stay as size 1; without axes, `x` itself. */
export type ReductionFormulas = { readonly [K in ReductionName]: (x: Node, axes: readonly number[]) => Node };

export interface Formulas extends ElementwiseFormulas, ReductionFormulas {
  readonly constant: (value: number, shape?: Shape) => Node;
  readonly zeros: (shape: Shape) => Node;
  /** A size as a number, in every entry of `shape`. */
  readonly extent: (size: Size, shape?: Shape) => Node;
  readonly iota: (axis: number, shape: Shape) => Node;
  readonly toFloat: (x: Node) => Node;
  readonly softmax: (x: Node, axis: number) => Node;
  readonly matmul: (a: Node, b: Node) => Node;
  /** The last two axes exchanged. */
  readonly transpose: (x: Node) => Node;
  readonly reshape: (x: Node, shape: Shape) => Node;
  readonly permute: (x: Node, axes: readonly number[]) => Node;
  readonly broadcast: (x: Node, shape: Shape) => Node;
  /** The transpose of `broadcast`: sums over the axes along which `shape` was stretched. */
  readonly unbroadcast: (x: Node, shape: Shape) => Node;
  readonly slice: (x: Node, axes: readonly SliceAxis[], shape: Shape) => Node;
  readonly embed: (x: Node, axes: readonly SliceAxis[], shape: Shape) => Node;
  readonly concat: (parts: readonly Node[], axis: number) => Node;
  readonly windows: (x: Node, of: Attributes["windows"]) => Node;
  readonly fold: (x: Node, of: Attributes["fold"]) => Node;
  /** The entry of x at the place of a loop. */
  readonly pick: (x: Node, loop: Loop) => Node;
  readonly oneHot: (y: Node, classes: number) => Node;
  readonly cumsum: (x: Node, axis: number) => Node;
  readonly cumprod: (x: Node, axis: number) => Node;
  /** y_i = a_i y_(i-1) + x_i along an axis. */
  readonly recur: (a: Node, x: Node, axis: number) => Node;
  /** The rows of a table that `ids` name; the first `batch` axes are those of both. */
  readonly take: (table: Node, ids: Node, batch?: number) => Node;
  /** The transpose of `take`: rows added up in a table of `count`. */
  readonly scatter: (rows: Node, ids: Node, count: Size, batch?: number) => Node;
}
