/**
 * Sizes and shapes. A size is an integer, or an integer multiple of the model's one free dimension
 * (`N`, the batch), and nothing more general: everything about a program except `N` is known before
 * a kernel is made. What a size and an affine number are made of is this file's own; all else asks
 * its functions.
 */
import type { Loop } from "./loop.ts";

declare const sizeBrand: unique symbol;
declare const affineBrand: unique symbol;

/**
 * `count`, or `count · N`; the latter has `count ≥ 1`. In a kernel for many shapes (see
 * `schedule/many-shapes.ts`) it may be an argument, by its number: `count` is then that of the
 * largest of these shapes.
 */
export interface Size {
  readonly [sizeBrand]: never;
}
interface SizeFields {
  readonly count: number;
  readonly free: boolean;
  readonly argument?: number;
}

// Both casts hide the fields and no more: `make` makes every size there is.
const make = (fields: SizeFields): Size => fields as unknown as Size;
const fields = (of: Size): SizeFields => of as unknown as SizeFields;

export type Shape = readonly Size[];

export const fixed = (count: number): Size => make({ count, free: false });
export const free = (count = 1): Size => make({ count, free: true });
export const ONE: Size = fixed(1);
export const argumentSize = (count: number, argument: number): Size => make({ count, free: false, argument });

/** The number of the argument that it is, if it is one. */
export const argumentOf = (of: Size): number | null => fields(of).argument ?? null;
/** Whether it is a number: neither multiplied by N nor an argument. */
export const isKnown = (of: Size): boolean => !isFree(of) && argumentOf(of) === null;
export const isFree = (of: Size): boolean => fields(of).free;
/** The size, or what N is multiplied by. */
export const countOf = (of: Size): number => fields(of).count;
/** The size where it is known when compiling. */
export const known = (of: Size): number | null => (isKnown(of) ? countOf(of) : null);
/** Made of the size that is known, or of what N is multiplied by. */
export const bySize = <T>(of: Size, whereKnown: (count: number) => T, timesN: (count: number) => T): T =>
  (isFree(of) ? timesN : whereKnown)(countOf(of));

export const isOne = (of: Size): boolean => known(of) === 1;
export const isEmpty = (of: Size): boolean => known(of) === 0;

/** Whether both are known, or both multiples of one dimension. */
export const sameDimension = (a: Size, b: Size): boolean => isFree(a) === isFree(b);
export const sameSize = (a: Size, b: Size): boolean => sameDimension(a, b) && countOf(a) === countOf(b);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((of, axis) => sameSize(of, b[axis]!));

/** Of sizes of one dimension, at least one. */
export const sumOfSizes = (sizes: readonly Size[]): Size =>
  make({ count: sizes.reduce((sum, of) => sum + countOf(of), 0), free: isFree(sizes[0]!) });

/** @throws RangeError where the free dimension would be squared */
export function multiplySize(a: Size, b: Size): Size {
  if (isFree(a) && isFree(b)) throw new RangeError("the free dimension is squared in a size");
  return make({ count: countOf(a) * countOf(b), free: isFree(a) || isFree(b) });
}

/** What `part` is multiplied by to give `whole`; null where that is no size. */
export function divideSize(whole: Size, part: Size): Size | null {
  const count = countOf(whole) / countOf(part);
  if (!Number.isInteger(count) || (isFree(part) && !isFree(whole))) return null;
  return make({ count, free: isFree(whole) && !isFree(part) });
}

/** Whether it is the smaller one for every N, or at least does not hold N where the other does. */
export const isBelow = (a: Size, b: Size): boolean =>
  sameDimension(a, b) ? countOf(a) < countOf(b) : isFree(b);

/** The number of elements, or `null` where the free dimension would be squared. */
export function elements(shape: Shape): Size | null {
  if (shape.filter(isFree).length > 1) return null;
  return make({ count: shape.reduce((product, of) => product * countOf(of), 1), free: shape.some(isFree) });
}

/** The size when the free dimension is `n`. */
export const sizeAt = (of: Size, n: number): number => (isFree(of) ? countOf(of) * n : countOf(of));

/** The batch that costs are told and compared at where nobody says another. */
export const USUAL_ROWS = 32;

export const shapeAt = (shape: Shape, n: number): number[] => shape.map((of) => sizeAt(of, n));

/** `N`, `3·N`, `128`. */
export function showSize(of: Size, freeName = "N"): string {
  const argument = argumentOf(of);
  if (argument !== null) return argumentName(argument);
  return bySize(of, String, (count) => (count === 1 ? freeName : `${count}·${freeName}`));
}

/** What an argument is called, in generated code too. */
export const argumentName = (argument: number): string => `size${argument}`;

/** Sizes as numbers, and what has the batch in it as it is written: `["N", 784]`, `["3·N"]`. */
export const writtenShape = (shape: Shape, freeName = "N"): (number | string)[] =>
  shape.map((size) => known(size) ?? showSize(size, freeName));

/** `[N, 128]` */
export const showShape = (shape: Shape, freeName = "N"): string =>
  `[${shape.map((of) => showSize(of, freeName)).join(", ")}]`;

// ---------------------------------------------------------------------------------------------------- affine numbers

/**
 * `constant + perRow · N`: what strides, offsets and byte addresses are made of. A stride may be an
 * argument, as a size.
 */
export interface Affine {
  readonly [affineBrand]: never;
}
interface AffineFields {
  readonly constant: number;
  readonly perRow: number;
  readonly argument?: number;
  /** What is added for each place of a loop, by the loop's number. */
  readonly moves?: readonly Move[];
}

/** An offset grows by so much from one place of a loop to the next. */
export interface Move {
  readonly loop: Loop;
  readonly by: Affine;
}

const terms = (a: Affine): AffineFields => a as unknown as AffineFields;

// As `make` above.
export const affine = (constant: number, perRow = 0): Affine =>
  ({ constant, perRow }) satisfies AffineFields as unknown as Affine;
export const affineOf = (of: Size): Affine => bySize(of, affine, (count) => affine(0, count));
export const ZERO: Affine = affine(0);
export const argumentStride = (constant: number, argument: number): Affine =>
  ({ constant, perRow: 0, argument }) satisfies AffineFields as unknown as Affine;

/** The place where a loop is, times `by`. */
export const movingBy = (loop: Loop, by: Affine): Affine =>
  isZero(by) ? ZERO : withMoves(affine(0), [{ loop, by }]);
const withMoves = (a: Affine, moves: readonly Move[]): Affine =>
  (moves.length === 0 ? a : { ...terms(a), moves }) as unknown as Affine;
/** How it changes from place to place of loops. */
export const movesOf = (a: Affine): readonly Move[] => terms(a).moves ?? [];
/** Without that. */
export const atFirstPlaces = (a: Affine): Affine => {
  const { constant, perRow } = terms(a);
  return movesOf(a).length === 0 ? a : affine(constant, perRow);
};

/** The number of the argument that it is, if it is one. */
export const argumentOfStride = (a: Affine): number | null => terms(a).argument ?? null;
/** The number where it is one: neither dependent on N nor an argument. */
export const constantOf = (a: Affine): number | null =>
  terms(a).perRow === 0 && terms(a).argument === undefined && terms(a).moves === undefined
    ? terms(a).constant
    : null;
/** Made of its two terms, at the first places of loops. */
export const byTerms = <T>(a: Affine, of: (constant: number, timesN: number) => T): T =>
  of(terms(a).constant, terms(a).perRow);

export const isZero = (a: Affine): boolean => constantOf(a) === 0;
export const isUnit = (a: Affine): boolean => constantOf(a) === 1;
export const sameAffine = (a: Affine, b: Affine): boolean =>
  terms(a).constant === terms(b).constant &&
  terms(a).perRow === terms(b).perRow &&
  (terms(a).moves === terms(b).moves || sameMoves(movesOf(a), movesOf(b)));
const sameMoves = (a: readonly Move[], b: readonly Move[]): boolean =>
  a.length === b.length &&
  a.every(({ loop, by }) => b.some((other) => other.loop.id === loop.id && sameAffine(by, other.by)));
/** At the first places of loops. */
export const affineAt = (a: Affine, n: number): number => terms(a).constant + terms(a).perRow * n;

export function addAffine(a: Affine, b: Affine): Affine {
  const sum = affine(terms(a).constant + terms(b).constant, terms(a).perRow + terms(b).perRow);
  if (terms(a).moves === undefined && terms(b).moves === undefined) return sum;
  const moves = new Map<number, Move>();
  for (const { loop, by } of [...movesOf(a), ...movesOf(b)]) {
    const known = moves.get(loop.id);
    moves.set(loop.id, { loop, by: known === undefined ? by : addAffine(known.by, by) });
  }
  return withMoves(
    sum,
    [...moves.values()].filter(({ by }) => !isZero(by)),
  );
}

/** @throws RangeError where the free dimension would be squared, which the shape rules exclude */
export function multiplyAffine(a: Affine, b: Affine): Affine {
  const [x, y] = [terms(a), terms(b)];
  if (x.perRow !== 0 && y.perRow !== 0) throw new RangeError("the free dimension is squared in a stride");
  const product = affine(x.constant * y.constant, x.constant * y.perRow + x.perRow * y.constant);
  if (x.moves === undefined && y.moves === undefined) return product;
  const moves = [
    ...movesOf(a).map(({ loop, by }) => ({ loop, by: multiplyAffine(by, b) })),
    ...movesOf(b).map(({ loop, by }) => ({ loop, by: multiplyAffine(by, a) })),
  ];
  return withMoves(product, moves);
}

export const scale = (stride: Affine, of: Size): Affine => multiplyAffine(stride, affineOf(of));
