/** How far tensors are apart, as `nndsl compare` measures it. */
export type Numbers = ArrayLike<number>;

export const most = (data: Numbers): number =>
  Array.from(data).reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);

/** What errors are measured by where all entries are 0. */
export const LEAST = 1e-8;

/**
 * E = max |ours - theirs| / (max |theirs| + least); Infinity where an entry is no number, or one is
 * missing.
 */
export function distance(ours: Numbers, theirs: Numbers, least = LEAST): number {
  if (ours.length !== theirs.length) return Infinity;
  const errors = Array.from(theirs, (x, i) => Math.abs(ours[i]! - x));
  return errors.some((e) => Number.isNaN(e)) ? Infinity : most(errors) / (most(theirs) + least);
}
