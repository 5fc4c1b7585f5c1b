/** How far two answers are apart. */
import type { Answer, Gradient } from "./question.ts";

export interface Distance {
  /**
   * max |a - b| / max(max |b| + 1e-8, floor) over the tensor; Infinity where one is no number and
   * the other is.
   */
  readonly error: number;
  /** The row-major position at which it sits. */
  readonly at: number;
}

/** Keeps the distance of two tensors of zeros from being 0 / 0. */
const TINY = 1e-8;

/**
 * The share of the largest gradient by which every error is divided at least. A gradient that is 0
 * in exact arithmetic, as that of a bias before a normalization, comes out as the rounding of a sum
 * of terms that cancel, about 1e-7 of the others in f32: noise, of which a relative error says
 * nothing. With a hundredth, an error that passes 1e-4 is above 1e-6 of the largest gradient.
 */
const SHARE = 0.01;

/** The distance of `ours` from `theirs`, over the entries that they have. */
export function distance(ours: ArrayLike<number>, theirs: Gradient, floor = 0): Distance {
  const { data, sampled, kinks = [] } = theirs;
  const scale = Math.max(largest(theirs) + TINY, floor);
  let worst = { error: 0, at: sampled?.[0] ?? 0 };
  for (let i = 0; i < data.length; i++) {
    const at = sampled?.[i] ?? i;
    if (kinks.includes(at)) continue;
    const [a, b] = [ours[at]!, data[i]!];
    // Infinities of one sign, and two that are no numbers, agree.
    const difference = Object.is(a, b) ? 0 : Math.abs(a - b);
    const error = Number.isNaN(difference) ? Infinity : difference / scale;
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

/**
 * Our loss and gradients beside another's.
 *
 * The floor of the gradients' errors is a hundredth of the largest entry of all their gradients.
 * Where that is itself no more than rounding beside the loss, every gradient being 0 in exact
 * arithmetic, it is a hundredth of the loss.
 * @param closeness what an error is where the two agree as well as their number formats allow
 */
export function judge(ours: Answer, theirs: Answer, closeness: number): Verdict {
  const loss = distance([ours.loss], { data: [theirs.loss] }).error;
  const steepest = Math.max(0, ...[...theirs.gradients.values()].map(largest));
  const height = Math.abs(theirs.loss);
  const isNoise = Number.isFinite(height) && steepest <= SHARE * closeness * height;
  const floor = SHARE * (isNoise ? height : steepest);
  const gradients = new Map(
    [...theirs.gradients].map(([index, gradient]): [number, Distance] => {
      const own = ours.gradients.get(index);
      if (own === undefined) throw new RangeError(`there is no gradient of parameter ${index} to compare`);
      return [index, distance(own.data, gradient, floor)];
    }),
  );
  return { loss, gradients, max: Math.max(loss, ...[...gradients.values()].map(({ error }) => error)) };
}

/** The largest finite size of an entry. */
function largest({ data }: Gradient): number {
  let scale = 0;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]!);
    if (Number.isFinite(size)) scale = Math.max(scale, size);
  }
  return scale;
}
