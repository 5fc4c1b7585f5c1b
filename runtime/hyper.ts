import type { Arena } from "./arena.ts";
import { refuse, refuseName, shown } from "./errors.ts";
import type { Manifest, ManifestPlace } from "./manifest.ts";

/** The optimizer's arguments in the module, as a record that a user reads and sets. */
export function hyperOf(
  arenaNow: () => Arena,
  manifest: Manifest,
  places: ReadonlyMap<unknown, ManifestPlace>,
  given: Record<string, number>,
): Record<string, number> {
  return new Proxy(given, {
    /** What the module has, as it was given where that is what it was rounded from. */
    get: (target: Readonly<Record<PropertyKey, number>>, name) => {
      const own: unknown = target[name];
      const place = places.get(name);
      if (!place || typeof own !== "number") return own;
      const stored = arenaNow().scalar(place);
      return (manifest.dtype === "f64" ? own : Math.fround(own)) === stored ? own : stored;
    },
    set: (target, name, value) => {
      const place = places.get(name);
      if (!place) return refuseName("unknown-hyper", "argument of the optimizer", name, Object.keys(target));
      const arena = arenaNow();
      // What is not finite the program itself may say, as in `clip = inf`.
      if (!Number.isFinite(value) && !Object.is(value, manifest.optimizer?.hyper[String(name)])) {
        refuse("not-a-number", `\`hyper.${String(name)}\` must be a finite number, not ${shown(value)}.`);
      }
      arena.floats[arena.index(place)] = value;
      return Reflect.set(target, name, value);
    },
  });
}
