/**
 * Records say where values lie and when they are numbers; each is held to its own definition, at
 * random points of random intervals, in f64 and rounded to f32.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ElementType, ElementwiseName, Node, OpName, ReductionName } from "../compiler/ir/node.ts";
import { rangeFrom } from "../compiler/ops/bounds.ts";
import { elementwiseNames } from "../compiler/ops/elementwise.ts";
import type { Interval } from "../compiler/ops/interval.ts";
import { reductionNames } from "../compiler/ops/reductions.ts";
import { records } from "./helpers/derivatives.ts";
import { Formulas, shapeOf, values } from "./helpers/graph.ts";

type Input = (shape: readonly number[], type?: ElementType) => Node;
type Make = (b: Formulas, input: Input) => Node;

const slice = (start: number, step: number) => ({ start, fromEnd: false, step });

/** Their values are those of a whole loop. */
type LoopName = "scan" | "pick" | "carried";
const loops: readonly OpName[] = ["scan", "pick", "carried"] satisfies readonly LoopName[];

/** Ops that are neither of each element nor reductions over axes. */
const others: { readonly [K in Exclude<OpName, ElementwiseName | ReductionName | LoopName | "grad">]: Make } =
  {
    softmax: (b, x) => b.softmax(x([2, 3]), 1),
    matmul: (b, x) => b.matmul(x([2, 3]), x([3, 2])),
    reshape: (b, x) => b.reshape(x([2, 3]), shapeOf(3, 2)),
    permute: (b, x) => b.permute(x([2, 3]), [1, 0]),
    broadcast: (b, x) => b.broadcast(x([2, 1]), shapeOf(2, 3)),
    slice: (b, x) => b.slice(x([5]), [slice(4, -2)], shapeOf(3)),
    embed: (b, x) => b.embed(x([2]), [slice(1, 2)], shapeOf(6)),
    concat: (b, x) => b.concat([x([2, 1]), x([2, 2])], 1),
    windows: (b, x) => b.windows(x([5]), { axis: 0, size: 3, stride: 1, dilation: 1 }),
    fold: (b, x) => b.fold(x([3, 3]), { axis: 0, length: 5, stride: 1, dilation: 1 }),
    one_hot: (b, x) => b.oneHot(x([4], "int"), 3),
    gather: (b, x) => b.gather(x([4, 3]), x([4], "int")),
    cumsum: (b, x) => b.cumsum(x([2, 3]), 1),
    cumprod: (b, x) => b.cumprod(x([3, 2]), 0),
    recur: (b, x) => b.recur(x([2, 3]), x([2, 3]), 1),
    rank: (b, x) => b.rank(x([2, 4])),
    take: (b, x) => b.take(x([3, 2]), x([4], "int")),
    scatter: (b, x) => b.scatter(x([4, 2]), x([4], "int"), shapeOf(3)[0]!),
    constant: (b) => b.constant(-0.3, shapeOf(2)),
    table: (b) => b.graph.make("table", [], { values: [2, -0.1, 0], shape: shapeOf(3), type: "float" }),
    extent: (b) => b.extent(shapeOf("N")[0]!),
    iota: (b) => b.iota(0, shapeOf(4)),
    input: (_, x) => x([3]),
    parameter: (b) => b.parameter(0, 3),
    state: (b) => b.graph.make("state", [], { parameter: 0, name: "m", shape: shapeOf(3) }),
    hyper: (b) => b.graph.make("hyper", [], { name: "lr" }),
    step: (b) => b.graph.make("step", [], {}),
    random: (b) => b.graph.make("random", [], { distribution: "uniform", site: 0, shape: shapeOf(50) }),
  };
/** Whose values are the caller's. */
const given: readonly OpName[] = ["parameter", "state", "hyper"];

function casesOf(name: OpName): readonly Make[] {
  if (name === "grad" || given.includes(name) || loops.includes(name)) return [];
  if (elementwiseNames.includes(name as ElementwiseName)) {
    const op = name as ElementwiseName;
    const { arity, takes } = records.find((record) => record.name === op)!;
    const type = takes === "bool" ? "bool" : "float";
    const operand = (x: Input, i: number): Node => x([4], op === "where" && i === 0 ? "bool" : type);
    const plain: Make = (b, x) =>
      b.elementwise(op, ...Array.from({ length: arity[0] }, (_, i) => operand(x, i)));
    const ofItself: Make = (b, x) => {
      const same = operand(x, 0);
      return b.elementwise(op, same, same);
    };
    return arity[0] === 2 ? [plain, ofItself] : [plain];
  }
  if (reductionNames.includes(name as ReductionName)) {
    const reduce =
      (axes: readonly number[]): Make =>
      (b, x) =>
        b.reduce(name as ReductionName, x([2, 3]), axes);
    return name === "argmax" ? [reduce([1])] : [reduce([1]), reduce([0, 1])];
  }
  return [others[name as keyof typeof others]];
}

const special = [0, -0, 1, -1, 2, -2, 0.5, -0.5, 88, 1e-40, -1e-46, 1e30, -1e39, 1e300, 5e-324];
const number = fc.oneof(
  fc.constantFrom(...special, Infinity, -Infinity),
  fc.double({ noNaN: true }),
  fc.double({ noNaN: true, min: -4, max: 4 }),
);
/** -0 lies below 0. */
const isBelow = (x: number, y: number): boolean =>
  x < y || (x === y && (Object.is(x, -0) || !Object.is(y, -0)));
const isIn = (x: number, [least, most]: Interval): boolean => isBelow(least, x) && isBelow(x, most);

const interval = fc.tuple(number, number).map(([a, b]): Interval => (isBelow(a, b) ? [a, b] : [b, a]));

/** A number of the interval, or NaN. */
function pointOf([least, most]: Interval, at: number, candidate: number): number {
  if (at > 0.95) return NaN;
  if (isIn(candidate, [least, most])) return candidate;
  const between = least + (most - least) * at;
  return at < 0.2 ? least : at < 0.4 || !isIn(between, [least, most]) ? most : between;
}

interface Draw {
  readonly interval: Interval;
  readonly points: readonly (readonly [at: number, candidate: number])[];
}
const draw = fc.record({
  interval,
  points: fc.array(fc.tuple(fc.double({ noNaN: true, min: 0, max: 1 }), number), {
    minLength: 12,
    maxLength: 12,
  }),
});

/** What is wrong with what the record says of values at drawn points, in f64 or rounded to f32. */
function fault(make: Make, draws: readonly Draw[], round: (x: number) => number): string | null {
  const b = new Formulas();
  const found: { readonly node: Node; readonly interval: Interval; readonly points: number[] }[] = [];
  const node = make(b, (shape, type = "float") => {
    const at = draws[found.length]!;
    const name = `x${found.length}`;
    const input = b.graph.make("input", [], { name, shape: shapeOf(...shape), type });
    const within: Interval = type === "bool" ? [0, 1] : at.interval;
    const points = Array.from({ length: shape.reduce((a, c) => a * c, 1) }, (_, i) => {
      const [place, candidate] = at.points[i]!;
      if (type === "bool") return Math.round(place);
      return round(pointOf(within, place, type === "int" ? Math.floor(candidate) : candidate));
    });
    found.push({ node: input, interval: within, points });
    return input;
  });
  const isInside = found.every((x) => x.points.every((p) => Number.isNaN(p) || isIn(p, x.interval)));
  if (!isInside) return null;
  const inputs = Object.fromEntries(found.map(({ points }, i) => [`x${i}`, points]));
  const intervals = node.operands.map((x) => found.find((input) => input.node === x)!.interval);
  const range = rangeFrom(node, intervals);
  const record = records.find(({ name }) => name === node.op)!;
  const points = found.flatMap((x) => x.points);
  const breaks = (record.pole?.(intervals) ?? false) || (record.gap?.(intervals) ?? false);
  // Sums, products and powers of these do not overflow.
  const [least, most] = record.name === "pow" ? [0.01, 4] : [1e-30, 80];
  const isMild = points.every((x) => x === 0 || (Math.abs(x) >= least && Math.abs(x) <= most));
  const isNumber =
    record.finite === "always" ||
    (record.finite === "bounded" && !points.some(Number.isNaN)) ||
    (record.finite === "kept" && isMild && !breaks);
  for (const value of values([node], inputs, 3)[0]!.map(round)) {
    const about = `${value} of ${JSON.stringify(inputs)} in ${JSON.stringify(intervals)}`;
    if (!Number.isNaN(value) && !isIn(value, range)) return `${about} is not in [${range.join(", ")}]`;
    if (isNumber && !Number.isFinite(value)) return `${about} is no number`;
  }
  return null;
}

test("the sign of what is no number is 0, whatever it was told to lie in", () => {
  // Of an interval of one infinity, which bounds the sign from below too.
  const point: readonly [number, number] = [0.99, 0];
  const nothing = {
    interval: [Infinity, Infinity] as Interval,
    points: Array.from({ length: 12 }, () => point),
  };
  for (const make of casesOf("sign")) expect(fault(make, [nothing, nothing, nothing], (x) => x)).toBeNull();
});

test.each(records.map(({ name }) => name).filter((name) => casesOf(name).length > 0))("%s", (name) => {
  for (const make of casesOf(name)) {
    fc.assert(
      fc.property(fc.array(draw, { minLength: 3, maxLength: 3 }), (draws) => {
        expect(fault(make, draws, (x) => x)).toBeNull();
        expect(fault(make, draws, Math.fround)).toBeNull();
      }),
      { numRuns: 400 },
    );
  }
});
