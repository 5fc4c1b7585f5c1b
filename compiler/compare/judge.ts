/** How far two answers are apart. */
import type { Answer, Gradient } from "./question.ts";

export interface Distance {
  /** max |a - b| / (max |b| + 1e-8) over the tensor; Infinity where one is no number and the other is. */
  readonly error: number;
  /** The row-major position at which it sits. */
  readonly at: number;
}

/** Keeps the distance of two tensors of zeros from being 0 / 0. */
const FLOOR = 1e-8;

/** The distance of `ours` from `theirs`, over the entries that they have. */
export function distance(ours: ArrayLike<number>, theirs: Gradient): Distance {
  const { data, sampled, kinks = [] } = theirs;
  let scale = 0;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]!);
    if (Number.isFinite(size)) scale = Math.max(scale, size);
  }
  let worst = { error: 0, at: sampled?.[0] ?? 0 };
  for (let i = 0; i < data.length; i++) {
    const at = sampled?.[i] ?? i;
    if (kinks.includes(at)) continue;
    const [a, b] = [ours[at]!, data[i]!];
    // Infinities of one sign, and two that are no numbers, agree.
    const difference = Object.is(a, b) ? 0 : Math.abs(a - b);
    const error = Number.isNaN(difference) ? Infinity : difference / (scale + FLOOR);
    if (error > worst.error) worst = { error, at };
  }
  return worst;
}

export interface Verdict {
  readonly loss: number;
  /** By number of parameter. */
  readonly gradients: ReadonlyMap<number, Distance>;
  readonly max: number;
}

/** Our loss and gradients beside another's. */
export function judge(ours: Answer, theirs: Answer): Verdict {
  const loss = distance([ours.loss], { data: [theirs.loss] }).error;
  const gradients = new Map(
    [...theirs.gradients].map(([index, gradient]): [number, Distance] => {
      const own = ours.gradients.get(index);
      if (own === undefined) throw new RangeError(`there is no gradient of parameter ${index} to compare`);
      return [index, distance(own.data, gradient)];
    }),
  );
  return { loss, gradients, max: Math.max(loss, ...[...gradients.values()].map(({ error }) => error)) };
}
