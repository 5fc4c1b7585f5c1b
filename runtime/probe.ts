/**
 * What `net.probe` tells. Those alone carry it who load modules with probes: `nndsl/runtime`, and
 * the `NAME.js` of such a module.
 */
import type { Arena } from "./arena.ts";
import { refuse } from "./errors.ts";
import { extentOf } from "./extent.ts";
import type { ManifestPlace, ManifestProbe } from "./manifest.ts";
import type { LayerProbe } from "./types.ts";

const SCALAR = extentOf([1]);

/** @throws `not-a-module` where a figure has no place in the arena, or nothing that would leave it */
export function checkProbes(probes: readonly ManifestProbe[], arena: Arena): void {
  if (probes.length > 0 && !arena.exports.probe) {
    refuse("not-a-module", "The module is damaged: it has no `probe`.");
  }
  for (const { path, units, places, gradients, updates } of probes) {
    const { alive, ...numbers } = places;
    if (alive) arena.checked(path, alive, extentOf([units]));
    const all = [numbers, gradients, updates].flatMap((list) => Object.values<ManifestPlace>(list));
    for (const place of all) arena.checked(path, place, SCALAR);
  }
}

/** The figures as the last call has left them. */
export const readProbes = (probes: readonly ManifestProbe[], arena: Arena): LayerProbe[] =>
  probes.map(({ path, callee, units, places, gradients, updates }): LayerProbe => {
    const number = (place: ManifestPlace | undefined): number => (place ? arena.scalar(place) : NaN);
    const numbers = (list: Readonly<Record<string, ManifestPlace>>): Record<string, number> =>
      Object.fromEntries(Object.entries(list).map(([name, place]) => [name, number(place)]));
    const { alive } = places;
    const at = alive ? arena.index(alive) : 0;
    const deadUnits = Array.from({ length: alive ? units : 0 }, (_, unit) => unit).filter(
      (unit) => arena.floats[at + unit] === 0,
    );
    return {
      path,
      callee,
      mean: number(places.mean),
      std: number(places.std),
      min: number(places.min),
      max: number(places.max),
      zeros: number(places.zeros),
      units,
      dead: deadUnits.length,
      deadUnits,
      gradient: number(places.gradient),
      gradients: numbers(gradients),
      updates: numbers(updates),
    };
  });

/**
 * Figures of all rows, from those of parts of them: `mean`, `std`, `min`, `max`, `zeros` and `dead`
 * are those of one call with all rows. Norms of gradients and ratios of updates differ from batch
 * to batch: they are the root of their mean square.
 * @param rows of each part, by which it weighs
 */
export function joinProbes(
  parts: readonly (readonly LayerProbe[])[],
  rows: readonly number[],
): readonly LayerProbe[] {
  const total = rows.reduce((sum, count) => sum + count, 0);
  return (parts[0] ?? []).map((first, layer): LayerProbe => {
    const all = parts.map((part) => part[layer]!);
    const mean = (of: (probe: LayerProbe) => number): number =>
      all.reduce((sum, probe, i) => sum + of(probe) * (rows[i]! / total), 0);
    // Not spread to one call, whose arguments have a limit that parts have not.
    const least = (of: (probe: LayerProbe) => number): number =>
      all.reduce((value, probe) => Math.min(value, of(probe)), Infinity);
    const greatest = (of: (probe: LayerProbe) => number): number =>
      all.reduce((value, probe) => Math.max(value, of(probe)), -Infinity);
    // Of the largest and shares of it: squares may be beyond all numbers, or 0.
    const rootOfMean = (of: (probe: LayerProbe) => number): number => {
      const largest = greatest(of);
      if (!(largest > 0 && largest < Infinity)) return largest;
      return largest * Math.sqrt(mean((probe) => (of(probe) / largest) ** 2));
    };
    const byName = (of: "gradients" | "updates"): Record<string, number> =>
      Object.fromEntries(
        Object.keys(first[of]).map((name) => [name, rootOfMean((probe) => probe[of][name]!)]),
      );
    const center = mean((probe) => probe.mean);
    const dead = all.map((probe) => new Set(probe.deadUnits));
    const deadUnits = first.deadUnits.filter((unit) => dead.every((units) => units.has(unit)));
    return {
      ...first,
      mean: center,
      // Within the parts, and of the parts' means around their own.
      std: Math.sqrt(mean((probe) => probe.std ** 2 + (probe.mean - center) ** 2)),
      min: least((probe) => probe.min),
      max: greatest((probe) => probe.max),
      zeros: mean((probe) => probe.zeros),
      dead: deadUnits.length,
      deadUnits,
      gradient: rootOfMean((probe) => probe.gradient),
      gradients: byName("gradients"),
      updates: byName("updates"),
    };
  });
}
