/** Rows with a number for each class: as probabilities, and which is the largest. */

/** Rounding of f32 sums. */
const NEAR = 1e-3;

/** Whether each row is one of probabilities. */
export function isDistribution(values: ArrayLike<number>, width: number): boolean {
  for (let row = 0; row < values.length; row += width) {
    let sum = 0;
    for (let k = 0; k < width; k++) {
      const value = values[row + k]!;
      if (!(value >= 0)) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > NEAR) return false;
  }
  return true;
}

/** Where the largest of `count` numbers is, from `at` on. */
export function largest(values: ArrayLike<number>, at: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[at + i]! > values[at + best]!) best = i;
  return best;
}
