import { whole } from "./options.ts";
import type { Trainee } from "./trainee.ts";
import type { LayerProbe } from "./types.ts";

/** Which steps of a run are probed, and what those of an epoch have left. */
export class Probed {
  readonly #trainee: Trainee;
  readonly #every: number;
  #layers: readonly LayerProbe[] | undefined;
  #rows = 0;

  /** @throws `wrong-option`, `no-probes` */
  constructor(trainee: Trainee, every: number | undefined) {
    this.#trainee = trainee;
    this.#every = every === undefined ? Infinity : whole("probe", every, 1);
    if (every !== undefined) trainee.probes();
  }

  /** How many steps come before the next one that is probed, after so many. */
  until(steps: number): number {
    return this.#every - 1 - (steps % this.#every);
  }

  /** What a step of so many rows has left. */
  take(rows: number): readonly LayerProbe[] {
    const { probes, joinProbes } = this.#trainee;
    const layers = probes();
    this.#layers = this.#layers ? joinProbes?.([this.#layers, layers], [this.#rows, rows]) : layers;
    this.#rows += rows;
    return layers;
  }

  /** Joined, and forgotten. */
  ofEpoch(): { readonly layers?: readonly LayerProbe[] } {
    const layers = this.#layers;
    this.#layers = undefined;
    this.#rows = 0;
    return layers ? { layers } : {};
  }
}
