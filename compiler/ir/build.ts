/**
 * Formulas written in TypeScript: what derivative rules and rewrite rules are made of. Operands are broadcast to one another;
 * a number stands for a constant.
 */
import { OpError } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import type { Graph } from "./graph.ts";
import type { ElementType, ElementwiseName, Node, OpName, Origin, ReductionName, SliceAxis } from "./node.ts";
import {
  elements,
  fixed,
  isOne,
  ONE,
  sameShape,
  sameSize,
  showShape,
  type Shape,
  type Size,
} from "./size.ts";

type Operand = Node | number;

export class Build {
  readonly graph: Graph;
  /** Given to every node made here. */
  readonly origin: Origin;

  constructor(graph: Graph, origin: Origin = {}) {
    this.graph = graph;
    this.origin = origin;
  }

  // ---------------------------------------------------------------------------------------------- sources

  constant(value: number, shape: Shape = [], type: ElementType = "float"): Node {
    return this.graph.make("constant", [], { value, shape, type }, this.origin);
  }
  zeros(shape: Shape): Node {
    return this.constant(0, shape);
  }
  /** A size as a number, in every entry of `shape`. */
  extent(size: Size, shape: Shape = []): Node {
    if (!size.free) return this.constant(size.count, shape);
    return this.broadcast(this.graph.make("extent", [], { size }, this.origin), shape);
  }
  iota(axis: number, shape: Shape): Node {
    return this.graph.make("iota", [], { axis, shape }, this.origin);
  }

  // ------------------------------------------------------------------------------------------ elementwise

  /**
   * An elementwise op on operands that are first broadcast to one shape, and of which bools become floats where the op computes with
   * numbers. A whole number among ints is an int.
   * @throws OpError `shape-mismatch` `type-mismatch`
   */
  elementwise(op: ElementwiseName, ...operands: readonly Operand[]): Node {
    const given = operands.filter((o) => typeof o !== "number");
    const shape = commonShape(given.map((o) => o.shape));
    const allInts = given.length > 0 && given.every((o) => o.type === "int");
    const nodes = operands.map((o) => {
      if (typeof o !== "number") return this.broadcast(o, shape);
      return this.constant(o, shape, allInts && Number.isInteger(o) ? "int" : "float");
    });
    const branches = op === "where" ? nodes.slice(1) : ops[op].takes === "number" ? nodes : [];
    const typed =
      branches.length > 0 ? [...nodes.slice(0, -branches.length), ...this.#oneKind(op, branches)] : nodes;
    return this.graph.make(op, typed, {}, this.origin) as unknown as Node;
  }
  /** Bools as floats, but where all may stay bools: the branches of a `where`, the parts of a `concat`. */
  #oneKind(op: OpName, nodes: readonly Node[]): readonly Node[] {
    const allBools = nodes.every((x) => x.type === "bool");
    if (allBools && ops[op].takes === "any") return nodes;
    return nodes.map((x) => (x.type === "bool" ? this.cast(x) : x));
  }
  #number = (x: Node): Node => (x.type === "bool" ? this.cast(x) : x);
  neg = (x: Node): Node => this.elementwise("neg", x);
  exp = (x: Node): Node => this.elementwise("exp", x);
  expm1 = (x: Node): Node => this.elementwise("expm1", x);
  log = (x: Node): Node => this.elementwise("log", x);
  log1p = (x: Node): Node => this.elementwise("log1p", x);
  sqrt = (x: Node): Node => this.elementwise("sqrt", x);
  reciprocal = (x: Node): Node => this.elementwise("reciprocal", x);
  abs = (x: Node): Node => this.elementwise("abs", x);
  sign = (x: Node): Node => this.elementwise("sign", x);
  sin = (x: Node): Node => this.elementwise("sin", x);
  cos = (x: Node): Node => this.elementwise("cos", x);
  tanh = (x: Node): Node => this.elementwise("tanh", x);
  sigmoid = (x: Node): Node => this.elementwise("sigmoid", x);
  softplus = (x: Node): Node => this.elementwise("softplus", x);
  relu = (x: Node): Node => this.elementwise("relu", x);
  not = (x: Node): Node => this.elementwise("not", x);
  cast = (x: Node): Node => (x.type === "float" ? x : this.elementwise("cast", x));
  add = (a: Operand, b: Operand): Node => this.elementwise("add", a, b);
  sub = (a: Operand, b: Operand): Node => this.elementwise("sub", a, b);
  mul = (a: Operand, b: Operand): Node => this.elementwise("mul", a, b);
  div = (a: Operand, b: Operand): Node => this.elementwise("div", a, b);
  pow = (a: Operand, b: Operand): Node => this.elementwise("pow", a, b);
  max = (a: Operand, b: Operand): Node => this.elementwise("max", a, b);
  min = (a: Operand, b: Operand): Node => this.elementwise("min", a, b);
  lt = (a: Operand, b: Operand): Node => this.elementwise("lt", a, b);
  le = (a: Operand, b: Operand): Node => this.elementwise("le", a, b);
  gt = (a: Operand, b: Operand): Node => this.elementwise("gt", a, b);
  ge = (a: Operand, b: Operand): Node => this.elementwise("ge", a, b);
  eq = (a: Operand, b: Operand): Node => this.elementwise("eq", a, b);
  ne = (a: Operand, b: Operand): Node => this.elementwise("ne", a, b);
  and = (a: Operand, b: Operand): Node => this.elementwise("and", a, b);
  or = (a: Operand, b: Operand): Node => this.elementwise("or", a, b);
  where = (condition: Node, then: Operand, otherwise: Operand): Node =>
    this.elementwise("where", condition, then, otherwise);

  // ------------------------------------------------------------------------------------------- reductions

  /** Over `axes`, which stay as size 1; without axes, `x` itself. */
  reduce(op: ReductionName, x: Node, axes: readonly number[]): Node {
    if (axes.length === 0) return x;
    const sorted = [...axes].sort((a, b) => a - b);
    return this.graph.make(op, [this.#number(x)], { axes: sorted }, this.origin) as unknown as Node;
  }
  sum = (x: Node, axes: readonly number[]): Node => this.reduce("sum", x, axes);
  prod = (x: Node, axes: readonly number[]): Node => this.reduce("prod", x, axes);
  reduceMax = (x: Node, axes: readonly number[]): Node => this.reduce("reduce_max", x, axes);
  reduceMin = (x: Node, axes: readonly number[]): Node => this.reduce("reduce_min", x, axes);
  logsumexp = (x: Node, axes: readonly number[]): Node => this.reduce("logsumexp", x, axes);
  /** Sum over every axis, as a scalar. */
  sumAll = (x: Node): Node =>
    this.reshape(
      this.sum(
        x,
        x.shape.map((_, axis) => axis),
      ),
      [],
    );
  softmax(x: Node, axis: number): Node {
    return this.graph.make("softmax", [this.#number(x)], { axis }, this.origin);
  }

  // --------------------------------------------------------------------------------------------- products

  matmul(a: Node, b: Node): Node {
    return this.graph.make("matmul", [this.#number(a), this.#number(b)], {}, this.origin);
  }
  /** The last two axes exchanged. */
  transpose(x: Node): Node {
    const axes = x.shape.map((_, axis) => axis);
    const [last, before] = [axes.length - 1, axes.length - 2];
    axes[last] = before;
    axes[before] = last;
    return this.permute(x, axes);
  }

  // --------------------------------------------------------------------------------------------- movement

  reshape(x: Node, shape: Shape): Node {
    return sameShape(x.shape, shape) ? x : this.graph.make("reshape", [x], { shape }, this.origin);
  }
  permute(x: Node, axes: readonly number[]): Node {
    return axes.every((axis, i) => axis === i) ? x : this.graph.make("permute", [x], { axes }, this.origin);
  }
  /** NumPy's broadcast: leading axes are added by a reshape, axes of size 1 stretched. @throws OpError `shape-mismatch` */
  broadcast(x: Node, shape: Shape): Node {
    if (sameShape(x.shape, shape)) return x;
    if (x.op === "constant") {
      const { value, type } = x.attributes;
      return this.constant(value, shape, type);
    }
    const missing = shape.length - x.shape.length;
    const padded = this.reshape(x, [...Array.from({ length: missing }, () => ONE), ...x.shape]);
    if (sameShape(padded.shape, shape)) return padded;
    return this.graph.make("broadcast", [padded], { shape }, this.origin);
  }
  /** The inverse of broadcast for cotangents: sums over the axes along which `shape` was stretched. */
  unbroadcast(x: Node, shape: Shape): Node {
    const missing = x.shape.length - shape.length;
    const axes = x.shape.flatMap((size, axis) => {
      const before = axis < missing ? ONE : shape[axis - missing]!;
      return sameSize(size, before) ? [] : [axis];
    });
    return this.reshape(this.sum(x, axes), shape);
  }
  slice(x: Node, axes: readonly SliceAxis[], shape: Shape): Node {
    return this.graph.make("slice", [x], { axes, shape }, this.origin);
  }
  embed(x: Node, axes: readonly SliceAxis[], shape: Shape): Node {
    return this.graph.make("embed", [this.#number(x)], { axes, shape }, this.origin);
  }
  concat(parts: readonly Node[], axis: number): Node {
    return this.graph.make("concat", this.#oneKind("concat", parts), { axis }, this.origin);
  }

  // ---------------------------------------------------------------------------------------------- indices

  oneHot(y: Node, classes: number): Node {
    return this.graph.make("one_hot", [y], { classes }, this.origin);
  }
  gather(x: Node, y: Node): Node {
    return this.graph.make("gather", [x, y], {}, this.origin);
  }
  grad(scalar: Node, tensor: Node): Node {
    return this.graph.make("grad", [scalar, tensor], {}, this.origin);
  }
  /** The number of entries of `shape` as a number that may depend on the batch. @throws OpError where N would be squared */
  count(shape: Shape): Node {
    const size = elements(shape);
    if (size === null) throw new OpError("free-squared", `${showShape(shape)} has the batch on two axes`);
    return this.extent(size);
  }
}

/**
 * The shape that all of `shapes` broadcast to, as in NumPy, except that a free size matches only itself, 1, or an absent axis.
 * @throws OpError `shape-mismatch`
 */
export function commonShape(shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    let common = fixed(1);
    for (const shape of shapes) {
      const size = shape[axis - (rank - shape.length)];
      if (size === undefined || isOne(size) || sameSize(size, common)) continue;
      if (!isOne(common)) {
        throw new OpError(
          "shape-mismatch",
          "the shapes do not broadcast to one another",
          shapes.map((s) => showShape(s)),
          "sizes agree, counted from the last axis, or one of them is 1",
        );
      }
      common = size;
    }
    return common;
  });
}
