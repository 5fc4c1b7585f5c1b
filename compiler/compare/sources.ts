/** Values of the nodes that every autograd is given as constants. */
import type { NodeOf } from "../ir/node.ts";
import { randomEntry } from "../ir/random.ts";
import { shapeAt } from "../ir/size.ts";
import type { Environment, Values } from "../ops/op.ts";
import { copyView, count } from "../ops/strided.ts";

/** 0, 1, 2 … along an axis. */
export function counting({ attributes: { axis, shape } }: NodeOf<"iota">, n: number): Values {
  const sizes = shapeAt(shape, n);
  const line = Float64Array.from({ length: sizes[axis]! }, (_, i) => i);
  return copyView(
    line,
    sizes,
    sizes.map((_, i) => Number(i === axis)),
  );
}

/**
 * The random numbers that the module draws: a pure function of seed, step, site and entry, so that
 * all see the same.
 */
export function drawn(
  { attributes: { distribution, site, shape } }: NodeOf<"random">,
  { n, seed, step }: Environment,
): Values {
  const sizes = shapeAt(shape, n);
  const data = Float64Array.from({ length: count(sizes) }, (_, entry) =>
    randomEntry(distribution, { seed, step, site, entry }),
  );
  return { shape: sizes, data };
}
