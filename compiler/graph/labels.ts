/** What the manifest says of labels. */
import type { ManifestInput } from "../../runtime/manifest.ts";
import type { LabelRange } from "./model.ts";

/** Beyond this a float of the module does not hold every integer. */
const EXACT = { f32: 2 ** 24, f64: Number.MAX_SAFE_INTEGER } as const;

/** `classes` where they are 0 … classes - 1, else `labels`; nothing where any integer may stand there. */
export function saidOf(
  range: LabelRange | undefined,
  dtype: keyof typeof EXACT,
): Pick<ManifestInput, "classes" | "labels"> {
  if (range === undefined) return {};
  const { least, most, besides } = range;
  if (least === 0 && most < Infinity && besides.length === 0) return { classes: most + 1 };
  return { labels: [Math.max(least, -EXACT[dtype]), Math.min(most, EXACT[dtype]), ...besides] };
}
