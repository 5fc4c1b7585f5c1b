/**
 * Random graphs over everything the scheduler knows, scheduled, interpreted in the planned memory,
 * and compared with the evaluator.
 */
import fc from "fast-check";
import { test } from "vitest";
import { Build } from "../compiler/graph/build.ts";
import { Graph } from "../compiler/graph/graph.ts";
import { printModel } from "../compiler/graph/print.ts";
import type { Node, SliceAxis } from "../compiler/ir/node.ts";
import {
  countOf,
  divideSize,
  elements,
  fixed,
  free,
  isFree,
  isOne,
  ONE,
  sameShape,
  type Shape,
  type Size,
} from "../compiler/ir/size.ts";
import { expectScheduled, modelOf, shape } from "./helpers/schedule.ts";

const INPUTS: Readonly<Record<string, Shape>> = {
  a: [free(), fixed(5)],
  b: [free(), fixed(3)],
  c: [free()],
  d: [free(), fixed(2), fixed(3)],
};
const PARAMETERS: Readonly<Record<string, Shape>> = {
  p: shape(5, 3),
  q: shape(3),
  r: shape(),
  s: shape(17, 5),
  t: shape(2, 1, 3),
  u: shape(5, 5),
};

/**
 * Draws of choices: every decision of the generator is the next number, so that shrinking shrinks
 * the graph.
 */
class Choices {
  readonly #numbers: readonly number[];
  #next = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.number(list.length)]!;
  }
  number(below: number): number {
    return (this.#numbers[this.#next++ % this.#numbers.length]! ^ (this.#next >> 3)) % below;
  }
}

const unary = [
  "neg",
  "exp",
  "tanh",
  "sigmoid",
  "abs",
  "relu",
  "sin",
  "softplus",
  "sign",
  "stop_gradient",
] as const;
const binary = ["add", "sub", "mul", "max", "min"] as const;
const compare = ["lt", "ge", "eq"] as const;
const reductions = ["sum", "reduce_max", "reduce_min", "sum"] as const;

function grow(b: Build, pool: Node[], choices: Choices): void {
  const x = choices.pick(pool.slice(-12));
  const rank = x.shape.length;
  switch (choices.number(21)) {
    case 0:
    case 1:
      return void pool.push(b.elementwise(choices.pick(unary), x));
    case 2:
    case 3:
    case 4: {
      const other = choices.pick(pool.filter((y) => fits(x.shape, y.shape)));
      return void pool.push(b.elementwise(choices.pick(binary), x, other));
    }
    case 5: {
      const other = choices.pick(pool.filter((y) => fits(x.shape, y.shape)));
      const condition = b.elementwise(choices.pick(compare), x, other);
      return void pool.push(b.where(condition, x, other));
    }
    case 6:
    case 7:
    case 8: {
      if (rank === 0) return;
      const axes = x.shape.map((_, axis) => axis).filter(() => choices.number(2) === 0);
      const chosen = axes.length === 0 ? [rank - 1] : axes;
      return void pool.push(b.reduce(choices.pick(reductions), x, chosen));
    }
    case 9: {
      const order = x.shape.map((_, axis) => axis);
      const turned = choices.number(2) === 0 ? order.toReversed() : [...order.slice(1), ...order.slice(0, 1)];
      return void pool.push(b.permute(x, turned));
    }
    case 10: {
      const flat = elements(x.shape)!;
      const shapes: Shape[] = [[flat], [ONE, flat], [flat, ONE]];
      for (const k of [2, 3, 5]) {
        if (countOf(flat) % k === 0) shapes.push([divideSize(flat, fixed(k))!, fixed(k)]);
        if (countOf(flat) % k === 0 && !isFree(flat)) shapes.push([fixed(k), fixed(countOf(flat) / k)]);
      }
      return void pool.push(b.reshape(x, choices.pick(shapes)));
    }
    case 11: {
      if (rank === 0) return;
      const [axes, result] = slicing(x.shape, choices);
      const part = b.slice(x, axes, result);
      return void pool.push(choices.number(2) === 0 ? part : b.embed(part, axes, x.shape));
    }
    case 12: {
      if (rank === 0) return;
      const axis = choices.number(rank);
      const others = pool.filter(
        (y) =>
          y.shape.length === rank &&
          y.type === x.type &&
          sameShape(y.shape.toSpliced(axis, 1), x.shape.toSpliced(axis, 1)) &&
          isFree(y.shape[axis]!) === isFree(x.shape[axis]!),
      );
      return void pool.push(b.concat([x, choices.pick(others), x], axis));
    }
    case 13:
    case 14: {
      if (rank < 2 || x.type !== "float") return;
      const others = [...pool, b.transpose(x)].filter((y) => y.type === "float" && product(x.shape, y.shape));
      return void (others.length > 0 && pool.push(b.matmul(x, choices.pick(others))));
    }
    case 15: {
      const axis = choices.number(Math.max(rank, 1));
      if (rank === 0 || isFree(x.shape[axis]!)) return;
      const size = 1 + choices.number(countOf(x.shape[axis]!));
      const dilation = 1 + choices.number(2);
      if (dilation * (size - 1) >= countOf(x.shape[axis]!)) return;
      return void pool.push(b.windows(x, { axis, size, stride: 1 + choices.number(3), dilation }));
    }
    case 18: {
      const axis = choices.number(Math.max(rank, 1));
      if (rank === 0 || isFree(x.shape[axis]!)) return;
      const kind = choices.number(3);
      const others = pool.filter((y) => y.type === "float" && sameShape(y.shape, x.shape));
      if (kind < 2 || others.length === 0)
        return void pool.push(kind === 0 ? b.cumsum(x, axis) : b.cumprod(x, axis));
      return void pool.push(b.recur(choices.pick(others), x, axis));
    }
    case 16:
    case 17: {
      const batch = choices.number(3) === 0 && rank > 1 ? 1 : 0;
      const ids = labels(b, x, batch, choices);
      const frees = [...x.shape.slice(batch), ...ids.shape].filter((size) => isFree(size)).length;
      if (rank === 0 || x.type !== "float" || frees > 1) return;
      pool.push(b.take(x, ids, batch));
      const isMatching = sameShape(x.shape.slice(0, ids.shape.length), ids.shape);
      return void (isMatching && pool.push(b.scatter(x, ids, fixed(1 + choices.number(4)), batch)));
    }
    default: {
      const axis = choices.number(Math.max(rank, 1));
      const source = choices.number(3);
      if (source === 0 && rank > 0) return void pool.push(b.toFloat(b.iota(axis, x.shape)));
      if (source === 1)
        return void pool.push(
          b.graph.make("random", [], { distribution: "uniform", site: choices.number(2), shape: x.shape }),
        );
      return void pool.push(b.extent(free(2)));
    }
  }
}

/** Numbers of rows, of which some name none: written down, computed, or one for each row of x. */
function labels(b: Build, x: Node, batch: number, choices: Choices): Node {
  const outer = x.shape.slice(0, batch);
  if (choices.number(3) === 0 && x.shape.length > 1 && x.type === "float") {
    const last = x.shape.length - 1;
    const first = b.where(b.ge(x, 0), b.iota(last, x.shape), b.constant(9, x.shape, "int"));
    return b.reshape(b.reduce_min(first, [last]), x.shape.slice(0, -1));
  }
  if (choices.number(3) === 0 && x.shape.length > batch) return b.iota(batch, x.shape.slice(0, batch + 1));
  const line = fixed(1 + choices.number(4));
  const values = Array.from({ length: countOf(line) }, () => choices.number(5) - 1);
  const table = b.graph.make("table", [], { values, shape: [line], type: "int" }) as unknown as Node;
  return b.broadcast(table, [...outer, line]);
}

const fits = (a: Shape, b: Shape): boolean =>
  Array.from({ length: Math.max(a.length, b.length) }).every((_, i) => {
    const [x, y] = [a.at(-1 - i), b.at(-1 - i)];
    if (i >= a.length || i >= b.length || isOne(x!) || isOne(y!)) return true;
    return countOf(x!) === countOf(y!) && isFree(x!) === isFree(y!);
  }) &&
  [...a, ...b].filter((s) => isFree(s)).length < 3 &&
  onlyOneFree(a, b);

/** Broadcasting [N, 1] with [N] would make [N, N]. */
function onlyOneFree(a: Shape, b: Shape): boolean {
  const rank = Math.max(a.length, b.length);
  const frees = Array.from(
    { length: rank },
    (_, i) => (i < a.length && isFree(a.at(-1 - i)!)) || (i < b.length && isFree(b.at(-1 - i)!)),
  );
  return frees.filter(Boolean).length < 2;
}

/** Whether a matrix product of these exists, in which the batch is one axis at most. */
const product = (a: Shape, b: Shape): boolean =>
  a.length === b.length &&
  sameShape([...a.slice(0, -2), a.at(-1)!], b.slice(0, -1)) &&
  [...a.slice(0, -1), b.at(-1)!].filter((size) => isFree(size)).length < 2;

function slicing(of: Shape, choices: Choices): [SliceAxis[], Shape] {
  const result: Size[] = [];
  const axes = of.map((size): SliceAxis => {
    if (isFree(size)) {
      // What holds for every batch: all of it, forwards or backwards, its first or its last entry.
      const kind = choices.number(4);
      result.push(kind < 2 ? size : ONE);
      if (kind === 1) return { start: 1, fromEnd: true, step: -1 };
      return { start: kind === 3 ? 1 : 0, fromEnd: kind === 3, step: 1 };
    }
    const start = choices.number(countOf(size));
    const back = choices.number(3) === 0;
    const step = back ? -1 - choices.number(2) : 1 + choices.number(2);
    const room = back ? start : countOf(size) - 1 - start;
    result.push(fixed(1 + choices.number(1 + Math.floor(room / Math.abs(step)))));
    return { start, fromEnd: false, step };
  });
  return [axes, result];
}

const program = fc.record({
  numbers: fc.array(fc.nat(1 << 20), { minLength: 4, maxLength: 120 }),
  length: fc.integer({ min: 1, max: 40 }),
  n: fc.constantFrom(1, 2, 3, 5),
});

test("random graphs compute in kernels what the evaluator says", { timeout: 600_000 }, () => {
  const runs = Number(process.env["SCHEDULE_RUNS"] ?? 150);
  fc.assert(
    fc.property(program, ({ numbers, length, n }) => {
      const graph = new Graph();
      const b = new Build(graph);
      const choices = new Choices(numbers);
      const pool: Node[] = [
        ...Object.entries(INPUTS).map(
          ([name, s]) =>
            graph.make("input", [], { name, shape: s, type: "float" as const }) as unknown as Node,
        ),
        ...Object.values(PARAMETERS).map(
          (s, index) => graph.make("parameter", [], { index, shape: s }) as unknown as Node,
        ),
      ];
      for (let i = 0; i < length; i++) grow(b, pool, choices);
      const made = pool.filter((x) => x.type === "float");
      const outputs = Array.from({ length: 1 + choices.number(3) }, (_, i) => ({
        name: `o${i}`,
        node: i === 0 ? made.at(-1)! : choices.pick(made.slice(-8)),
      }));
      const loss = b.add(b.sumAll(choices.pick(made.slice(-5))), b.sumAll(b.mul(made.at(-1)!, 0.5)));
      // Each parameter moves by whatever of its shape there is, others' old values included.
      const like = (s: Shape): Node => choices.pick(made.filter((x) => sameShape(x.shape, s)).slice(-4));
      const parameters = Object.values(PARAMETERS).map(
        (s, index) => graph.make("parameter", [], { index, shape: s }) as unknown as Node,
      );
      const gradients = parameters.map((p) => b.mul(like(p.shape), 2));
      const states = parameters.map(
        (p, index) =>
          graph.make("state", [], { parameter: index, name: "m", shape: p.shape }) as unknown as Node,
      );
      const stateUpdates = parameters.map((p, i) =>
        b.add(b.mul(states[i]!, 0.9), choices.number(2) === 0 ? gradients[i]! : like(p.shape)),
      );
      const step = graph.make("step", [], {}) as unknown as Node;
      const lr = graph.make("hyper", [], { name: "lr" }) as unknown as Node;
      const parameterUpdates = parameters.map((p, i) =>
        b.sub(choices.number(4) === 0 ? like(p.shape) : p, b.mul(b.div(lr, step), stateUpdates[i]!)),
      );
      const model = modelOf(graph, {
        inputs: INPUTS,
        parameters: PARAMETERS,
        optimizer: {
          name: "test",
          hyper: [{ name: "lr", value: 0.1 }],
          states: parameters.map((_, parameter) => ({ parameter, name: "m" })),
        },
        roots: {
          outputs,
          loss,
          trainingLoss: loss,
          gradients,
          parameterUpdates,
          stateUpdates,
          parameterStarts: parameters.map((p) => b.zeros(p.shape)),
          stateStarts: parameters.map((p) => b.zeros(p.shape)),
        },
      });
      try {
        expectScheduled(model, n);
      } catch (fault) {
        throw new Error(`${String(fault)}\n${printModel(model)}`, { cause: fault });
      }
    }),
    { numRuns: runs, seed: Number(process.env["SCHEDULE_SEED"] ?? 11) },
  );
});
