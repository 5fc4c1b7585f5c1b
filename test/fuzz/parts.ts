/**
 * Parts of one tensor, as gates, heads and neighbors are: slices side by side, overlapping or in
 * turns, each put through something of its own, and then joined, added or multiplied.
 */
import { countOf, fixed, isFree, type Shape } from "../../compiler/ir/size.ts";
import type { Choices } from "./choices.ts";
import { plus, range, reach, times, type Range } from "./range.ts";
import { fits } from "./terms.ts";

interface Parts {
  readonly text: string;
  readonly shape: Shape;
  readonly range: Range;
}

/** What is made of a part, and how far it reaches from there. */
const through = (r: Range): readonly (readonly [call: string, range: Range])[] => [
  ["#", r],
  ["tanh(#)", range(-1, 1)],
  ["sigmoid(#)", range(0, 1)],
  ["0.5 * #", times(r, range(0.5, 0.5))],
  ["sin(#)", range(-1, 1)],
];

/**
 * A formula of slices of `x` along an axis, null where it has none to cut.
 * @param x any expression that can be sliced
 */
export function parts(c: Choices, x: Parts): Parts | null {
  const cuttable = x.shape.flatMap((size, axis) => (!isFree(size) && countOf(size) > 1 ? [axis] : []));
  if (cuttable.length === 0) return null;
  const axis = c.pick(cuttable.toReversed());
  const size = countOf(x.shape[axis]!);
  const several = 2 + c.below(3);
  const equal = c.pick([true, false]);
  const inTurns = equal && c.once(3) && size % several === 0;
  const length = inTurns ? size / several : 1 + c.below(Math.min(size, 4));
  const cuts = Array.from({ length: several }, (_, i): readonly [written: string, count: number] => {
    if (inTurns) return [`${i}::${several}`, length];
    // Side by side where there is room; else wherever it falls.
    const own = equal ? length : 1 + ((length + i) % size);
    const next = i * length + own <= size ? i * length : c.below(size - own + 1);
    return [`${next}:${next + own}`, own];
  });
  const slice = (written: string): string =>
    `${x.text}[${x.shape.map((_, i) => (i === axis ? written : ":")).join(", ")}]`;
  const made = cuts.map(([written, count]) => {
    const [call, r] = c.pick(through(x.range));
    return { text: call.replaceAll("#", slice(written)), range: r, count };
  });
  const shapeOf = (count: number): Shape => x.shape.with(axis, fixed(count));
  const together = equal ? c.below(4) : 0;
  if (together < 2) {
    const shape = shapeOf(made.reduce((sum, { count }) => sum + count, 0));
    const most = Math.max(...made.map((part) => reach(part.range)));
    const text = `concat([${made.map((part) => part.text).join(", ")}], axis = ${axis})`;
    return fits(shape) ? { text, shape, range: range(-most, most) } : null;
  }
  const join = together === 2 ? plus : times;
  return {
    text: made.map((part) => part.text).join(together === 2 ? " + " : " * "),
    shape: shapeOf(made[0]!.count),
    range: made.map((part) => part.range).reduce(join),
  };
}
