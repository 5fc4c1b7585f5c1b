/** What probes saw of each layer, as curves. */
import { Thinned } from "../pictures/thin.ts";
import type { LayerProbe } from "../../runtime/index.ts";
import type { Curve, LayerCurves } from "./run.ts";

const MOST_POINTS = 600;

/** Parameters whose updates are followed. */
const MOST_PARAMETERS = 64;

export class LayerRecorder {
  readonly #gradients = new Map<string, Thinned>();
  readonly #deviations = new Map<string, Thinned>();
  readonly #dead = new Map<string, Thinned>();
  readonly #updates = new Map<string, Thinned>();
  #last: readonly LayerProbe[] = [];

  add(step: number, probes: readonly LayerProbe[]): void {
    this.#last = probes;
    for (const { path, gradient, std, dead, units, updates } of probes) {
      keep(this.#gradients, path, step, gradient);
      keep(this.#deviations, path, step, std);
      keep(this.#dead, path, step, units === 0 ? 0 : dead / units);
      for (const [parameter, ratio] of Object.entries(updates)) {
        if (this.#updates.size < MOST_PARAMETERS || this.#updates.has(parameter)) {
          keep(this.#updates, parameter, step, ratio);
        }
      }
    }
  }

  /** Null where nothing was probed. */
  curves(): LayerCurves | null {
    if (this.#last.length === 0) return null;
    return {
      gradients: curvesOf(this.#gradients),
      deviations: curvesOf(this.#deviations),
      dead: curvesOf(this.#dead),
      updates: curvesOf(this.#updates),
      last: this.#last,
    };
  }
}

function keep(curves: Map<string, Thinned>, name: string, x: number, y: number): void {
  let curve = curves.get(name);
  if (curve === undefined) curves.set(name, (curve = new Thinned(MOST_POINTS)));
  curve.add({ x, y });
}

const curvesOf = (curves: ReadonlyMap<string, Thinned>): readonly Curve[] =>
  [...curves].map(([name, curve]) => ({ name, points: curve.points() }));
