import { refuse, refuseFor, shown } from "./errors.ts";
import { isTexts } from "./safetensors.ts";

/** A copy of what a caller adds to a file. */
export function textsOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  try {
    const texts = { ...metadata };
    if (!isTexts(texts)) refuse("wrong-option", "`metadata` must be strings.");
    return texts;
  } catch (cause) {
    return refuseFor(cause, "wrong-option", "`metadata`");
  }
}

/** A count that a file says. @throws `bad-weights` */
export function savedCount(name: string, text: string | undefined, most: number): number {
  const value = Number(text);
  if (text && Number.isInteger(value) && value >= 0 && value <= most) return value;
  return refuse("bad-weights", `The file's \`${name}\` is not a count: ${shown(text)}.`);
}

/** Arguments of the optimizer. Numbers that JSON has not are strings in it. */
export const hyperText = (hyper: Readonly<Record<string, number>>): string =>
  JSON.stringify(hyper, (_, value: unknown) =>
    Object.is(value, -0) ? "-0" : typeof value !== "number" || Number.isFinite(value) ? value : String(value),
  );

/** @throws `bad-weights` for what has not all that `hyper` has */
export function savedHyper(
  text: string | undefined,
  hyper: Readonly<Record<string, number>>,
): Record<string, number> {
  try {
    const saved: unknown = JSON.parse(text ?? "");
    return Object.fromEntries(
      Object.keys(hyper).map((name) => {
        const value = Object.getOwnPropertyDescriptor(saved, name)?.value;
        if (typeof value !== "number" && !/^(-0|-?Infinity|NaN)$/.test(value)) throw new TypeError(name);
        return [name, Number(value)];
      }),
    );
  } catch (cause) {
    return refuse("bad-weights", "The file's optimizer arguments are not those of this optimizer.", {
      cause,
    });
  }
}
