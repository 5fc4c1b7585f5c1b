import type { ManifestInput } from "./manifest.ts";

/** `[least, most, ...others]`: the integers that an input takes, all that are `exact` where nothing is said. */
export const labelsOf = (
  { dtype, classes, labels }: Partial<ManifestInput>,
  exact: number,
): readonly number[] =>
  dtype === "bool" ? [0, 1] : (labels ?? (classes ? [0, classes - 1] : [-exact, exact]));

export const isAmong = (labels: readonly number[], label: number): boolean =>
  (label >= labels[0]! && label <= labels[1]!) || labels.indexOf(label, 2) > 0;
