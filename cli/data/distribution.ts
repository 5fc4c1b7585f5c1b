/** Rows of numbers as probabilities. */

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
