/**
 * A program's training loss by TensorFlow.js, and its gradients by `tf.grads`, in f32 on the CPU
 * backend.
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type * as Tf from "@tensorflow/tfjs";
import { Lacking, type Answer, type Question } from "../../compiler/compare/question.ts";
import { counting, drawn } from "../../compiler/compare/sources.ts";
import { CompilerFault } from "../../compiler/fault.ts";
import { reachable } from "../../compiler/graph/graph.ts";
import { StepRunner } from "../../compiler/graph/run-steps.ts";
import type { Node, WindowAttributes } from "../../compiler/ir/node.ts";
import { shapeAt, sizeAt } from "../../compiler/ir/size.ts";
import { isElementwise } from "../../compiler/ops/elementwise.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { placesOf } from "../../compiler/ops/running.ts";
import { constant, type Curves, differentiableTwice, elementwise } from "./tfjs-elements.ts";

type Tensor = Tf.Tensor;
type Memo = Map<Node, Tensor>;

const NAME = "@tensorflow/tfjs";

/**
 * Of the program's project where it has one, else of the folder worked in, else nndsl's own.
 * @throws Lacking
 */
function findTensorFlow(file: string): typeof Tf {
  const places = [join(dirname(resolve(file)), "x.js"), join(process.cwd(), "x.js"), import.meta.url];
  for (const place of places) {
    const require = createRequire(place);
    try {
      require.resolve(NAME);
    } catch {
      continue;
    }
    // What a package gives is known by its name alone.
    return require(NAME) as typeof Tf;
  }
  throw new Lacking(`the package ${NAME}: \`npm install ${NAME}\``);
}

/** @throws Lacking where there is no TensorFlow.js, or it has no gradient of an op */
export async function askTensorFlow(
  question: Question,
  file: string,
): Promise<{ readonly answer: Answer; readonly version: string }> {
  const tf = findTensorFlow(file);
  // Without this it writes a banner.
  tf.enableProdMode();
  await tf.setBackend("cpu");
  tf.engine().startScope();
  try {
    return { answer: gradients(tf, question), version: tf.version.tfjs };
  } catch (error) {
    if (error instanceof Lacking) throw error;
    throw new Lacking(`what this needs: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    tf.engine().endScope();
  }
}

function gradients(tf: typeof Tf, { model, environment, wanted }: Question): Answer {
  const root = model.roots.trainingLoss;
  if (root === null) throw new Lacking("a loss");
  const run = new Run(tf, { model, environment, wanted }, root);
  const tensors = wanted.map((index) => run.tensor(environment.parameters.get(index)!));
  const lossOf = (...parameters: readonly Tensor[]): Tf.Scalar => {
    const given = new Map(wanted.map((index, i) => [index, parameters[i]!]));
    const loss = run.loss(root, given);
    return parameters.reduce((sum, x) => tf.add(sum, run.nothingOf(x)), loss).asScalar();
  };
  const found = wanted.length === 0 ? [] : tf.grads(lossOf)(tensors);
  return {
    loss: lossOf(...tensors).dataSync()[0]!,
    gradients: new Map(wanted.map((index, i) => [index, { data: found[i]!.dataSync() }])),
  };
}

class Run {
  readonly #tf: typeof Tf;
  readonly #question: Question;
  readonly #curves: Curves;
  readonly #elementwise: ReturnType<typeof elementwise>;
  readonly #isTwice: boolean;

  constructor(tf: typeof Tf, question: Question, root: Node) {
    this.#tf = tf;
    this.#question = question;
    this.#isTwice = reachable([root]).some((node) => node.op === "grad");
    this.#curves = this.#isTwice ? differentiableTwice(tf) : tf;
    this.#elementwise = elementwise(tf, this.#curves);
  }

  tensor = ({ data, shape }: Values): Tensor => this.#tf.tensor(Float32Array.from(data), [...shape]);

  /** 0 that depends on x: `tf.grads` refuses what a loss does not depend on. */
  nothingOf = (x: Tensor): Tensor => this.#tf.mul(this.#tf.sum(x), 0);

  loss(root: Node, parameters: ReadonlyMap<number, Tensor>): Tensor {
    const tf = this.#tf;
    // What nodes are worth where the runner is: within a derivative they depend on its variable.
    let known: Memo = new Map();
    const within = (node: Node, memo: Memo): Tensor => {
      const before = known;
      known = memo;
      runner.run([node], memo);
      known = before;
      return memo.get(node)!;
    };
    const runner = new StepRunner<Tensor>({
      apply: (node, operands) => {
        const given = node.op === "parameter" ? parameters.get(node.attributes.index) : undefined;
        if (given !== undefined) return given;
        if (node.op === "grad") return this.#gradient(node.operands[0]!, node.operands[1]!, known, within);
        return this.#apply(node, operands);
      },
      entry: (x, place) => tf.squeeze(tf.slice(x, place, 1), [0]),
      stack: (parts) => tf.stack([...parts]),
    });
    return within(root, known);
  }

  /**
   * d scalar / d tensor as a function of what the tensor is made of, so that it can be
   * differentiated again.
   */
  #gradient(scalar: Node, tensor: Node, memo: Memo, valueOf: (node: Node, memo: Memo) => Tensor): Tensor {
    const moves = new Set<Node>([tensor]);
    for (const node of reachable([scalar])) if (node.operands.some((x) => moves.has(x))) moves.add(node);
    return this.#tf.grad((x) => {
      const inner: Memo = new Map([...memo].filter(([node]) => !moves.has(node)));
      inner.set(tensor, x);
      return this.#tf.add(valueOf(scalar, inner), this.nothingOf(x));
      // A copy, to which nothing leads from what was computed before.
    })(this.#tf.clone(memo.get(tensor)!));
  }

  #constant = (x: Tensor): Tensor => constant(this.#tf, x);

  #apply(node: Node, raw: readonly Tensor[]): Tensor {
    const tf = this.#tf;
    const { environment } = this.#question;
    const { n } = environment;
    if (isElementwise(node)) {
      const operation: (...operands: readonly Tensor[]) => Tensor = this.#elementwise[node.op];
      return operation(...raw);
    }
    // An operand that the op does not have is not read.
    const [a, b] = raw as [Tensor, Tensor];
    switch (node.op) {
      case "sum":
        return tf.sum(a, [...node.attributes.axes], true);
      case "prod":
        return tf.prod(a, [...node.attributes.axes], true);
      case "reduce_max":
        return tf.max(a, [...node.attributes.axes], true);
      case "reduce_min":
        return tf.min(a, [...node.attributes.axes], true);
      case "logsumexp":
        return this.#logSumExp(a, node.attributes.axes);
      case "argmax":
        return this.#constant(
          tf.expandDims(tf.argMax(this.#constant(a), node.attributes.axes[0]), node.attributes.axes[0]),
        );
      case "softmax":
        return this.#curves.exp(tf.sub(a, this.#logSumExp(a, [node.attributes.axis])));
      case "matmul":
        return tf.matMul(a, b);

      case "reshape":
        return tf.reshape(a, shapeAt(node.attributes.shape, n));
      case "broadcast":
        return tf.broadcastTo(a, shapeAt(node.attributes.shape, n));
      case "permute":
        return tf.transpose(a, [...node.attributes.axes]);
      case "slice": {
        const shape = shapeAt(node.attributes.shape, n);
        return node.attributes.axes.reduce((x, { start, fromEnd, step }, axis) => {
          const size = x.shape[axis]!;
          const first = fromEnd ? size - start : start;
          if (first === 0 && step === 1 && shape[axis] === size) return x;
          const picks = Int32Array.from({ length: shape[axis]! }, (_, i) => first + i * step);
          return tf.gather(x, tf.tensor1d(picks, "int32"), axis);
        }, a);
      }
      case "embed": {
        const shape = shapeAt(node.attributes.shape, n);
        return node.attributes.axes.reduce((x, { start, fromEnd, step }, axis) => {
          const size = shape[axis]!;
          const first = fromEnd ? size - start : start;
          if (first === 0 && step === 1 && x.shape[axis] === size) return x;
          return this.#addAt(
            x,
            Int32Array.from({ length: x.shape[axis]! }, (_, i) => first + i * step),
            axis,
            size,
          );
        }, a);
      }
      case "windows": {
        const { axis } = node.attributes;
        const shape = shapeAt(node.shape, n);
        const size = shape.pop()!;
        const runs = tf.gather(a, tf.tensor1d(places(node.attributes, shape[axis]!, size), "int32"), axis);
        return moved(tf, tf.reshape(runs, shape.toSpliced(axis + 1, 0, size)), axis + 1, shape.length);
      }
      case "fold": {
        const { axis, length } = node.attributes;
        const [windows, size] = [a.shape[axis]!, a.shape.at(-1)!];
        const runs = moved(tf, a, a.shape.length - 1, axis + 1);
        const flat = tf.reshape(runs, runs.shape.toSpliced(axis, 2, windows * size));
        return this.#addAt(flat, places(node.attributes, windows, size), axis, length);
      }
      case "concat":
        return tf.concat([...raw], node.attributes.axis);
      case "one_hot":
        return this.#oneHot(a, node.attributes.classes);
      case "gather": {
        const picks = this.#oneHot(b, a.shape.at(-1)!);
        return tf.sum(tf.where(tf.cast(picks, "bool"), a, tf.zerosLike(a)), -1);
      }
      case "cumsum":
        return tf.cumsum(a, node.attributes.axis);
      case "cumprod":
        return this.#steps([a], node.attributes.axis, (before, [now]) => tf.mul(before, now!));
      case "recur":
        return this.#steps([b, a], node.attributes.axis, (before, [now, by]) =>
          tf.add(tf.mul(by!, before), now!),
        );
      case "rank":
        return this.#rank(a, node.attributes.descending);
      case "take":
        return this.#take(a, b, node.attributes.batch);
      case "scatter":
        return this.#scatter(a, b, node.attributes.batch, sizeAt(node.attributes.count, n));

      case "constant":
        return tf.fill(shapeAt(node.attributes.shape, n), node.attributes.value);
      case "table":
        return tf.tensor([...node.attributes.values], shapeAt(node.attributes.shape, n));
      case "extent":
        return tf.scalar(sizeAt(node.attributes.size, n));
      case "iota":
        return this.tensor(counting(node, n));
      case "random":
        return this.tensor(drawn(node, environment));
      case "input":
        return this.tensor(environment.inputs.get(node.attributes.name)!);
      case "parameter":
        return this.tensor(environment.parameters.get(node.attributes.index)!);
      case "scan":
      case "pick":
      case "carried":
      case "grad":
        throw new CompilerFault(`\`${node.op}\` is computed by what runs the steps`);
      case "state":
      case "hyper":
      case "step":
        throw new Lacking(`\`${node.op}\` in a loss`);
      default:
        return node satisfies never;
    }
  }

  /** Zeros along an axis of `length`, and each entry of x added to the one that `at` says. */
  #addAt(x: Tensor, at: Int32Array, axis: number, length: number): Tensor {
    const tf = this.#tf;
    const added = tf.unsortedSegmentSum(moved(tf, x, axis, 0), tf.tensor1d(at, "int32"), length);
    return moved(tf, added, 0, axis);
  }

  /** As `tf.logSumExp`, by way of an `exp` that can be differentiated twice. */
  #logSumExp(x: Tensor, axes: readonly number[]): Tensor {
    const tf = this.#tf;
    if (!this.#isTwice) return tf.logSumExp(x, [...axes], true);
    const shift = this.#constant(tf.max(x, [...axes], true));
    return tf.add(tf.log(tf.sum(this.#curves.exp(tf.sub(x, shift)), [...axes], true)), shift);
  }

  /** An axis step by step, from the entry that the first of `xs` has there. */
  #steps(
    xs: readonly Tensor[],
    axis: number,
    next: (before: Tensor, now: readonly Tensor[]) => Tensor,
  ): Tensor {
    const entries = xs.map((x) => this.#tf.unstack(x, axis));
    const results: Tensor[] = [];
    for (const at of entries[0]!.keys()) {
      const now = entries.map((list) => list[at]!);
      results.push(at === 0 ? now[0]! : next(results[at - 1]!, now));
    }
    return this.#tf.stack(results, axis);
  }

  #rank(x: Tensor, descending: boolean): Tensor {
    const data = placesOf(
      { shape: x.shape, data: Float64Array.from(this.#constant(x).dataSync()) },
      descending,
    );
    return this.#constant(this.tensor(data));
  }

  /** Rows are picked by a product with one-hot rows: its own gather has no gradient of a batch. */
  #take(x: Tensor, labels: Tensor, batch: number): Tensor {
    const rest = x.shape.slice(batch + 1);
    const picks = this.#picks(labels, batch, x.shape[batch]!);
    const rows = this.#tf.matMul(
      picks,
      this.#tf.reshape(x, [picks.shape[0]!, x.shape[batch]!, product(rest)]),
    );
    return this.#tf.reshape(rows, [...labels.shape, ...rest]);
  }

  #scatter(x: Tensor, labels: Tensor, batch: number, count: number): Tensor {
    const rest = x.shape.slice(labels.shape.length);
    const picks = this.#picks(labels, batch, count);
    const rows = this.#tf.reshape(x, [picks.shape[0]!, picks.shape[1]!, product(rest)]);
    const sums = this.#tf.matMul(picks, rows, true);
    return this.#tf.reshape(sums, [...labels.shape.slice(0, batch), count, ...rest]);
  }

  /** One-hot rows of labels, by batch. */
  #picks(labels: Tensor, batch: number, count: number): Tf.Tensor3D {
    const outer = product(labels.shape.slice(0, batch));
    const each = product(labels.shape.slice(batch));
    return this.#tf.reshape(this.#oneHot(labels, count), [outer, each, count]);
  }

  #oneHot(labels: Tensor, classes: number): Tensor {
    const flat = this.#tf.cast(this.#constant(labels), "int32").flatten();
    const rows = this.#tf.oneHot(flat, classes);
    return this.#constant(this.#tf.cast(rows, "float32").reshape([...labels.shape, classes]));
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
/** An axis put elsewhere among the others. */
function moved(tf: typeof Tf, x: Tensor, from: number, to: number): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, axes.toSpliced(from, 1).toSpliced(to, 0, from));
}

/** Entries that windows have, one window after another. */
const places = ({ stride, dilation }: WindowAttributes, windows: number, size: number): Int32Array =>
  Int32Array.from(
    { length: windows * size },
    (_, i) => stride * Math.floor(i / size) + dilation * (i % size),
  );
