/**
 * Central differences of the loss in f64: the derivative as its definition says, from values alone.
 */
import type { Model } from "../graph/model.ts";
import { evaluate } from "../graph/evaluate.ts";
import { reachable, remake, type Graph } from "../graph/graph.ts";
import { unroll } from "../graph/unroll.ts";
import { loopsAround, timesOf } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { shapeAt, sizeAt } from "../ir/size.ts";
import type { Environment, Values } from "../ops/op.ts";
import { count } from "../ops/strided.ts";
import { Lacking, type Answer, type Gradient, type Question } from "./question.ts";

/** A parameter with more entries than this is sampled. */
const SAMPLE = 48;
/**
 * Multiplications that the differences of all parameters may cost: some seconds. Where it is less
 * than the sample needs, that shrinks.
 */
const WORK = 1.5e9;
const SMALLEST_SAMPLE = 4;
/** Losses that an entry takes: two steps, each halved once, on both sides. */
const LOSSES_AN_ENTRY = 4;

/**
 * @param joint the model without `grad` nodes, which values alone are asked of
 * @throws Lacking where the program has no loss
 */
export function askDifferences({ environment: given, wanted }: Question, joint: Model): Answer {
  if (joint.roots.trainingLoss === null) throw new Lacking("a loss");
  const { root, environment } = withStopped(joint.graph, joint.roots.trainingLoss, given);
  const budget = WORK / (LOSSES_AN_ENTRY * Math.max(1, wanted.length) * workOf(root, environment.n));
  const limit = Math.max(SMALLEST_SAMPLE, Math.min(SAMPLE, Math.floor(budget)));
  const values = new Map<Node, Values>();
  const loss = evaluate([root], environment, values)[0]!.data[0]!;
  const gradientOf = (index: number): Gradient => {
    const moving = movedBy(root, index);
    const still = new Map([...values].filter(([node]) => !moving.has(node)));
    const lossOf = (at: Environment): number => evaluate([root], at, new Map(still))[0]!.data[0]!;
    return differences(lossOf, loss, environment, index, limit);
  };
  return { loss, gradients: new Map(wanted.map((index) => [index, gradientOf(index)])) };
}

/** What a parameter has a say in. A loop is run as a whole where one of its stacks is among it. */
function movedBy(root: Node, index: number): ReadonlySet<Node> {
  const moving = new Set<Node>();
  for (const node of reachable([root])) {
    const isIt = node.op === "parameter" && node.attributes.index === index;
    if (isIt || node.operands.some((operand) => moving.has(operand))) moving.add(node);
  }
  return moving;
}

/** What `stop_gradient` holds does not move with the weights: its values become data. */
function withStopped(
  given: Graph,
  root: Node,
  environment: Environment,
): { readonly root: Node; readonly environment: Environment } {
  const stops = (roots: readonly Node[]): readonly Node[] =>
    reachable(roots).filter((node) => node.op === "stop_gradient");
  // In a loop it holds another value at each place.
  const isRepeated = stops([root]).some((node) => loopsAround(node).size > 0);
  const graph = isRepeated ? given.fork(Infinity) : given;
  const loss = isRepeated ? unroll(graph, [root]).roots[0]! : root;
  const stopped = stops([loss]);
  const values = evaluate(stopped, environment);
  // No name of a program has a space in it.
  const name = (i: number): string => `stopped ${i}`;
  const map = new Map<Node, Node>();
  for (const node of reachable([loss])) {
    const i = stopped.indexOf(node);
    const { shape, type } = node;
    const held = i === -1 ? null : graph.make("input", [], { name: name(i), shape, type });
    const operands = node.operands.map((operand) => map.get(operand)!);
    map.set(node, held ?? remake(graph, node, operands));
  }
  const inputs = new Map([...environment.inputs, ...values.map((held, i) => [name(i), held] as const)]);
  return { root: map.get(loss)!, environment: { ...environment, inputs } };
}

/** About how many multiplications a loss is. */
const workOf = (root: Node, n: number): number =>
  reachable([root]).reduce((sum, node) => {
    const depth = node.op === "matmul" ? sizeAt(node.operands[0]!.shape.at(-1)!, n) : 1;
    return sum + timesOf(node) * depth * count(shapeAt(node.shape, n));
  }, 0);

/** Evenly spread positions, each somewhere in its own part, the same at every run. */
function positions(size: number, limit: number): number[] {
  if (size <= limit) return Array.from({ length: size }, (_, i) => i);
  // Steps of the golden ratio fall evenly and in no row's rhythm.
  return Array.from({ length: limit }, (_, i) => Math.floor(((i + ((i * 0.618034) % 1)) * size) / limit));
}

function differences(
  lossOf: (at: Environment) => number,
  here: number,
  environment: Environment,
  index: number,
  limit: number,
): Gradient {
  const { shape, data } = environment.parameters.get(index)!;
  const lossAt = (position: number, value: number): number => {
    const moved = data.slice();
    moved[position] = value;
    return lossOf({
      ...environment,
      parameters: new Map([...environment.parameters, [index, { shape, data: moved }]]),
    });
  };
  const sampled = positions(data.length, limit);
  const slopes = sampled.map((position) => slope((value) => lossAt(position, value), data[position]!, here));
  const kinks = sampled.filter((_, i) => slopes[i] === null);
  return {
    data: slopes.map((value) => value ?? 0),
    ...(sampled.length < data.length ? { sampled } : {}),
    ...(kinks.length > 0 ? { kinks } : {}),
  };
}

/** Relative to max(1, |x|). The error of a central difference is about f‴h²/6 and 1e-16 f/h. */
const FIRST_STEP = 2 ** -8;
const STEPS = 5;
const SHRINK = 8;

/**
 * f′(x) by Richardson's extrapolation, (4 D(h/2) - D(h)) / 3, at the h where D(h) and D(h/2) agree
 * best: smaller steps where a kink is near. Null at a kink, where the slopes of the two sides do
 * not approach each other.
 */
function slope(f: (x: number) => number, x: number, here: number): number | null {
  let best = { value: NaN, doubt: Infinity, sides: 0, sidesBefore: 0 };
  let h = FIRST_STEP * Math.max(1, Math.abs(x));
  for (let i = 0; i < STEPS; i++, h /= SHRINK) {
    const wide = sample(f, x, h, here);
    const narrow = sample(f, x, h / 2, here);
    const doubt = Math.abs(wide.slope - narrow.slope);
    if (doubt < best.doubt) {
      const value = (4 * narrow.slope - wide.slope) / 3;
      best = { value, doubt, sides: narrow.sides, sidesBefore: wide.sides };
    }
    if (best.doubt <= 1e-5 * Math.abs(best.value) + 1e-12 && !standsApart(best)) break;
  }
  return standsApart(best) ? null : best.value;
}

/** Where f is smooth, the sides' difference is f″h and halves with h. */
const standsApart = (at: {
  readonly value: number;
  readonly sides: number;
  readonly sidesBefore: number;
}): boolean => at.sides > 0.9 * at.sidesBefore && at.sides > 1e-4 * Math.abs(at.value) + 1e-7;

function sample(
  f: (x: number) => number,
  x: number,
  h: number,
  here: number,
): { readonly slope: number; readonly sides: number } {
  // What is added, not what was meant to be: x + h is rounded.
  const [after, before] = [x + h, x - h];
  const [right, left] = [f(after), f(before)];
  return {
    slope: (right - left) / (after - before),
    sides: Math.abs((right - here) / (after - x) - (here - left) / (x - before)),
  };
}
