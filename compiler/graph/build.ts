/**
 * Makes nodes of formulas written in TypeScript: of derivative rules, rewrite rules and primitives
 * of the language.
 */
import { commonShape } from "../ir/broadcast.ts";
import type { Carries } from "../ir/loops.ts";
import type { ElementwiseFormulas, Formulas, Operand, ReductionFormulas } from "../ir/formulas.ts";
import type { Loop } from "../ir/loop.ts";
import type {
  Attributes,
  ElementType,
  ElementwiseName,
  Node,
  OpName,
  ReductionName,
  SliceAxis,
} from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import type { Origin } from "../ir/origin.ts";
import {
  countOf,
  elements,
  isFree,
  ONE,
  sameShape,
  sameSize,
  type Shape,
  showShape,
  type Size,
} from "../ir/size.ts";
import { elementwiseNames } from "../ops/elementwise.ts";
import { reductionNames } from "../ops/reductions.ts";
import { ops } from "../ops/table.ts";
import type { Graph } from "./graph.ts";

/**
 * Each elementwise op and each reduction is a method by its name: `add(a, b)` is
 * `elementwise("add", a, b)`. Defined below the class.
 */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging -- the loop below defines them all, by the same table
export interface Build extends ElementwiseFormulas, ReductionFormulas {}

/** The attributes of ops that have none: one object, for graphs hold many such ops. */
const PLAIN = {};

export class Build implements Formulas {
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
    if (!isFree(size)) return this.constant(countOf(size), shape);
    return this.broadcast(this.graph.make("extent", [], { size }, this.origin), shape);
  }
  iota(axis: number, shape: Shape): Node {
    return this.graph.make("iota", [], { axis, shape }, this.origin);
  }

  // ------------------------------------------------------------------------------------------ elementwise

  /**
   * An elementwise op on operands that are first broadcast to one shape, and of which bools become
   * floats where the op computes with numbers. A whole number among ints is an int.
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
    return this.graph.make(op, this.#typed(op, nodes), PLAIN, this.origin) as unknown as Node;
  }
  #typed(op: ElementwiseName, nodes: readonly Node[]): readonly Node[] {
    if (op === "where") return nodes.slice(0, 1).concat(this.#oneKind(op, nodes.slice(1)));
    return ops[op].takes === "number" ? this.#oneKind(op, nodes) : nodes;
  }
  /**
   * Bools as floats, but where all may stay bools: the branches of a `where`, the parts of a
   * `concat`.
   */
  #oneKind(op: OpName, nodes: readonly Node[]): readonly Node[] {
    const allBools = nodes.every((x) => x.type === "bool");
    if (allBools && ops[op].takes === "any") return nodes;
    return nodes.map((x) => (x.type === "bool" ? this.toFloat(x) : x));
  }
  #number = (x: Node): Node => (x.type === "bool" ? this.toFloat(x) : x);
  /** As a float. */
  toFloat = (x: Node): Node => (x.type === "float" ? x : this.elementwise("cast", x));

  // ------------------------------------------------------------------------------------------- reductions

  /** Over `axes`, which stay as size 1; without axes, `x` itself. */
  reduce(op: ReductionName, x: Node, axes: readonly number[]): Node {
    if (axes.length === 0) return x;
    const sorted = [...axes].sort((a, b) => a - b);
    return this.graph.make(op, [this.#number(x)], { axes: sorted }, this.origin) as unknown as Node;
  }
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
  /**
   * NumPy's broadcast: leading axes are added by a reshape, axes of size 1 stretched. @throws
   * OpError `shape-mismatch`
   */
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
  /**
   * The inverse of broadcast for cotangents: sums over the axes along which `shape` was stretched.
   */
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

  windows(x: Node, of: Attributes["windows"]): Node {
    return this.graph.make("windows", [x], of, this.origin);
  }
  fold(x: Node, of: Attributes["fold"]): Node {
    return this.graph.make("fold", [this.#number(x)], of, this.origin);
  }

  // ---------------------------------------------------------------------------------------------- running

  cumsum(x: Node, axis: number): Node {
    return this.graph.make("cumsum", [this.#number(x)], { axis }, this.origin);
  }
  cumprod(x: Node, axis: number): Node {
    return this.graph.make("cumprod", [this.#number(x)], { axis }, this.origin);
  }
  /** y_i = a_i y_(i-1) + x_i along an axis. */
  recur(a: Node, x: Node, axis: number): Node {
    return this.graph.make("recur", [this.#number(a), this.#number(x)], { axis }, this.origin);
  }
  /** The place of each entry in the order of its row, along the last axis. */
  rank(x: Node, descending = false): Node {
    return this.graph.make("rank", [this.#number(x)], { descending }, this.origin);
  }

  // ------------------------------------------------------------------------------------------------ loops

  /** What a loop carries as it arrives at a place, shaped as its first value. */
  carried(loop: Loop, index: number, { shape, type }: Pick<Node, "shape" | "type">): Node {
    return this.graph.make("carried", [], { loop, index, shape, type }, this.origin);
  }
  /** The entry of x at the place of the loop. */
  pick(x: Node, loop: Loop): Node {
    return this.graph.make("pick", [x], { loop }, this.origin);
  }
  /** `value` at every place of the loop, stacked along a new first axis. */
  scan(loop: Loop, value: Node, carries: Carries): Node {
    const { first, next } = carries;
    return this.graph.make("scan", [value, ...first, ...next], { loop, carries: first.length }, this.origin);
  }

  // ---------------------------------------------------------------------------------------------- indices

  oneHot(y: Node, classes: number): Node {
    return this.graph.make("one_hot", [y], { classes }, this.origin);
  }
  gather(x: Node, y: Node): Node {
    return this.graph.make("gather", [x, y], {}, this.origin);
  }
  /** The rows of a table that `ids` name; the first `batch` axes are those of both. */
  take(table: Node, ids: Node, batch = 0): Node {
    return this.graph.make("take", [table, ids], { batch }, this.origin);
  }
  /** The transpose of `take`: rows added up in a table of `count`. */
  scatter(rows: Node, ids: Node, count: Size, batch = 0): Node {
    return this.graph.make("scatter", [this.#number(rows), ids], { batch, count }, this.origin);
  }
  grad(scalar: Node, tensor: Node): Node {
    return this.graph.make("grad", [scalar, tensor], {}, this.origin);
  }
  /**
   * The number of entries of `shape` as a number that may depend on the batch. @throws OpError
   * where N would be squared
   */
  count(shape: Shape): Node {
    const size = elements(shape);
    if (size === null) throw new OpError("free-squared", `${showShape(shape)} has the batch on two axes`);
    return this.extent(size);
  }
}

// On the prototype, since there is a Build for every statement.
for (const name of elementwiseNames) {
  Object.defineProperty(Build.prototype, name, {
    value(this: Build, ...operands: readonly Operand[]): Node {
      return this.elementwise(name, ...operands);
    },
  });
}
for (const name of reductionNames) {
  Object.defineProperty(Build.prototype, name, {
    value(this: Build, x: Node, axes: readonly number[]): Node {
      return this.reduce(name, x, axes);
    },
  });
}
