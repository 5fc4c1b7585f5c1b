/**
 * Directions in the space of all weights. Li et al., Visualizing the Loss Landscape of Neural Nets, 2018: a random direction
 * says something of a loss only where each filter of it is as long as that of the weights, since scaling one layer up and the
 * next one down leaves a net of ReLUs as it is.
 */

/** A parameter's numbers with its shape. */
export interface Weights {
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** One number for each of the weights, parameter by parameter. */
export type Direction = readonly Float64Array[];

/** Numbers between 0 and 1 by mulberry32: good enough for directions, and the same everywhere. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whether a parameter is of one axis, as biases are, or a single number. */
const isBias = ({ shape }: Weights): boolean => shape.length < 2;

/**
 * Normal random numbers; each row of a parameter of two or more axes is scaled to the norm of the weights' row. Biases, and
 * other parameters of one axis, stay as they are: the direction is 0 there, unless there are no others.
 */
export function randomDirection(weights: readonly Weights[], seed: number): Direction {
  const next = uniform(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const onlyBiases = weights.every(isBias);
  return weights.map((parameter) => {
    const { shape, data } = parameter;
    const direction = new Float64Array(data.length);
    if (isBias(parameter) && !onlyBiases) return direction;
    const width = isBias(parameter) ? data.length : data.length / shape[0]!;
    for (let i = 0; i < direction.length; i++) direction[i] = normal();
    for (let from = 0; from < data.length; from += width) {
      const row = direction.subarray(from, from + width);
      const scale = norm(Array.from(row, (_, i) => data[from + i]!)) / (norm(row) || 1);
      for (let i = 0; i < width; i++) row[i]! *= scale;
    }
    return direction;
  });
}

export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
