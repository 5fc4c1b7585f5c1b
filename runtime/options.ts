import { refuse, refuseFor, refuseName, shown } from "./errors.ts";

/**
 * A copy, so that nothing changes after it has been checked.
 * @throws `wrong-option` for what is no object, and for options that there are not
 */
export function readOptions<T extends object>(
  options: T,
  known: readonly (keyof T & string)[],
  what = "options",
): T {
  const copy: Partial<T> = {};
  try {
    must(typeof options === "object" && options !== null, what, "an object", options);
    for (const name in options) {
      if (!known.includes(name)) refuseName("wrong-option", "option", name, known);
    }
    for (const name of known) copy[name] = options[name];
  } catch (cause) {
    refuseFor(cause, "wrong-option", `\`${what}\``);
  }
  // All of T's names are known, and those that are missing are optional.
  return copy as T;
}

/** @throws `wrong-option` where an option is not what it must be */
export function must(right: boolean, name: string, what: string, value: unknown): void {
  if (!right) refuse("wrong-option", `\`${name}\` must be ${what}, not ${shown(value)}.`);
}

/** @throws `wrong-option` for what is no integer from `least` to `most` */
export function whole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const right = Number.isInteger(value) && value >= least && value <= most;
  must(right, name, `an integer from ${least} to ${most}`, value);
  return value;
}

/** @throws `wrong-option` for what is no unsigned integer of 32 bits */
export const checkSeed = (seed: number): number => whole("seed", seed, 0, 2 ** 32 - 1);
