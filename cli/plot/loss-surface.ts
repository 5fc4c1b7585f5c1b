/** The loss along two directions around the weights. */
import type { Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { evaluate } from "../parts.ts";
import { trainedParameters } from "../trained.ts";
import { principalComponents, unit, without } from "./components.ts";
import { dot, randomDirection, type Direction, type Weights } from "./directions.ts";
import { extent } from "./features.ts";
import { spread, type Axis, type LossSurfacePlot, type Point } from "./plot.ts";

export interface SurfaceOptions {
  readonly title: string;
  readonly seed: number;
  /** How far to go from the weights along each direction; null for as far as the path goes, or 1. */
  readonly span: number | null;
  /** Points along each axis, an odd number: the weights are the middle one where nothing else is asked for. */
  readonly points: number;
  /** Weights on the way, one list in the order of the parameters for each; empty where nothing was kept. */
  readonly path: readonly Direction[];
  /** Told after each row of the grid. */
  readonly progress: (done: number, of: number) => void;
}

interface Plane {
  readonly directions: readonly [Direction, Direction];
  readonly axes: readonly [Axis, Axis];
  readonly path: readonly Point[];
  readonly how: string;
}

/** The parameters that training moves. */
export const trained = (net: Net): Weights[] =>
  trainedParameters(net.manifest).map(({ path, shape }) => ({ path, shape, data: net.get(path).data }));

/** The net has its own weights again afterwards. */
export function plotLossSurface(net: Net, data: Dataset, options: SurfaceOptions): LossSurfacePlot {
  const weights = trained(net);
  const { points, progress, title } = options;
  const { directions, axes, path, how } = planeOf(weights, options);
  const [xs, ys] = axes.map((axis) => spread(axis, points));
  const loss: (number | null)[] = [];
  try {
    for (const [row, y] of ys!.entries()) {
      for (const x of xs!) {
        move(net, weights, directions, [x, y]);
        const found = evaluate(net, data);
        if (found?.missing != null) throw found.missing;
        const value = found?.evaluation.loss ?? NaN;
        loss.push(Number.isFinite(value) ? value : null);
      }
      progress(row + 1, points);
    }
  } finally {
    for (const { path: name, data: own } of weights) net.set(name, Float64Array.from(own));
  }
  return {
    kind: "loss-surface",
    title: `The loss around the weights of ${title}`,
    subtitle: how,
    x: axes[0],
    y: axes[1],
    columns: points,
    rows: points,
    loss,
    path,
  };
}

function move(net: Net, weights: readonly Weights[], [a, b]: Plane["directions"], [x, y]: Point): void {
  weights.forEach(({ path, data }, k) => {
    const [da, db] = [a[k]!, b[k]!];
    net.set(
      path,
      Float64Array.from(data, (value, i) => value + x * da[i]! + y * db[i]!),
    );
  });
}

export function planeOf(weights: readonly Weights[], { seed, span, path }: SurfaceOptions): Plane {
  const flat = (parts: Direction | readonly ArrayLike<number>[]): Float64Array =>
    Float64Array.from(parts.flatMap((part) => Array.from(part)));
  const origin = flat(weights.map(({ data }) => data));
  const steps = path
    .map((parts) => flat(parts).map((value, i) => value - origin[i]!))
    // A run that diverged may have ended in what is no point.
    .filter((step) => step.every(Number.isFinite));
  const { directions: found, shares } = principalComponents(steps);
  const random = (k: 1 | 2): Direction => randomDirection(weights, 2 * seed + k);
  const [first] = found;
  if (first === undefined) {
    const reach = span ?? 1;
    const axis = (name: string): Axis => ({ name, from: -reach, to: reach });
    return {
      directions: [random(1), random(2)],
      axes: [axis("first random direction"), axis("second random direction")],
      path: [],
      how: "along two random directions; at 1 each row of the weights has moved as far as it is long",
    };
  }
  // A straight path spans no plane.
  const second = found[1] ?? unit(without(flat(random(1)), first));
  const projected = steps.map((step): Point => [dot(step, first), dot(step, second)]);
  const axes = ([0, 1] as const).map((k): Axis => {
    const share = shares[k];
    const percent = share === undefined ? "" : `${(100 * share).toFixed(share > 0.995 ? 1 : 0)} %`;
    const which = k === 0 ? "first" : "second";
    const name =
      share === undefined
        ? "a random direction at right angles to the path"
        : `${which} principal component of the path (${percent})`;
    if (span !== null) return { name, from: -span, to: span };
    const [low, high] = extent([0, ...projected.map((point) => point[k])]);
    const margin = 0.25 * (high - low) || 1;
    return { name, from: low - margin, to: high + margin };
  });
  let at = 0;
  const parts = (direction: Float64Array): Direction => {
    at = 0;
    return weights.map(({ data }) => direction.subarray(at, (at += data.length)));
  };
  return {
    directions: [parts(first), parts(second)],
    axes: [axes[0]!, axes[1]!],
    path: projected,
    how: "in the plane in which training went furthest; the weights are at (0, 0)",
  };
}
