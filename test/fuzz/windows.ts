/**
 * Windows of an axis, what is added up of them, borders, and the layers made of these: each in any
 * geometry that fits.
 */
import { countOf, fixed, isFree, type Shape } from "../../compiler/ir/size.ts";
import type { Choices } from "./choices.ts";
import { plus, range, reach, times, total, union, type Range } from "./range.ts";
import { fits } from "./terms.ts";

interface Made {
  readonly text: string;
  readonly shape: Shape;
  readonly range: Range;
}

/** Windows of an axis: how they are written behind their size and axis, and how many there are. */
interface Geometry {
  readonly size: number;
  readonly count: number;
  readonly options: string;
}

const geometry = (c: Choices, length: number): Geometry => {
  const size = 1 + c.below(Math.min(length, 4));
  const dilation = size > 1 && 2 * (size - 1) < length && c.once(3) ? 2 : 1;
  const stride = 1 + c.below(3);
  const count = Math.floor((length - dilation * (size - 1) - 1) / stride) + 1;
  return { size, count, options: `${stride}, ${dilation}` };
};

/** What is made of a window's entries, and how far it reaches. */
const inWindow = (r: Range, size: number): readonly (readonly [call: string, range: Range])[] => [
  ["sum(#, axis = -1)", total(r, size)],
  ["mean(#, axis = -1)", r],
  // Entries that are equal are told apart: a tie between several is a kink too slight to be seen.
  [`max(# + 0.137 * iota(${size}), axis = -1)`, plus(r, range(0, 0.137 * size))],
  [`min(sin(#) - 0.137 * iota(${size}), axis = -1)`, range(-1 - 0.137 * size, 1)],
  ["logsumexp(0.5 * #, axis = -1)", plus(times(r, range(0.5, 0.5)), range(0, Math.log(size)))],
];

/** A formula of windows of `x`; null where it has no axis that they could lie along. */
export function windowed(c: Choices, x: Made): Made | null {
  const axes = x.shape.flatMap((size, axis) => (isFree(size) ? [] : [axis]));
  if (axes.length === 0) return null;
  const axis = c.pick(axes.toReversed());
  const length = countOf(x.shape[axis]!);
  const along = (count: number): Shape => x.shape.with(axis, fixed(count));
  const made = (text: string, shape: Shape, reaches: Range): Made | null =>
    fits(shape) ? { text, shape, range: reaches } : null;
  switch (c.below(5)) {
    case 0:
      return made(`flip(${x.text}, ${axis})`, x.shape, x.range);
    case 1: {
      const [before, after, value] = [c.below(3), 1 + c.below(2), c.pick([0, 0, 0.5, -1.5])];
      const text = `pad(${x.text}, ${before}, ${after}, ${axis}${value === 0 ? "" : `, ${value}`})`;
      return made(text, along(length + before + after), union(x.range, range(value, value)));
    }
    case 2: {
      const { size, options } = geometry(c, length);
      const windows = `windows(${x.text}, ${size}, ${axis}, ${options})`;
      const of = c.pick([windows, `tanh(${windows})`, `${windows}^2`]);
      const most = Math.max(reach(x.range), reach(x.range) ** 2) * size;
      return made(`fold(${of}, ${length}, ${axis}, ${options})`, x.shape, range(-most, most));
    }
    default: {
      const border = c.below(2);
      const given = border === 0 ? x.text : `pad(${x.text}, ${border}, ${border}, ${axis})`;
      const { size, count, options } = geometry(c, length + 2 * border);
      const [call, reaches] = c.pick(inWindow(union(x.range, range(0, 0)), size));
      const windows = `windows(${given}, ${size}, ${axis}, ${options})`;
      return made(call.replace("#", windows), along(count), reaches);
    }
  }
}

/** A convolution or a pool of `x`, whose last axis are channels; null where it has none before it. */
export function windowLayer(c: Choices, x: Made): Made | null {
  const channels = x.shape.at(-1);
  const spatial = x.shape.slice(1, -1);
  if (channels === undefined || [...spatial, channels].some(isFree) || !isFree(x.shape[0]!)) return null;
  if (spatial.length !== 1 && spatial.length !== 2) return null;
  const dimensions = spatial.length;
  const lengths = spatial.map(countOf);
  const [C, least] = [countOf(channels), Math.min(...lengths)];
  const result = (text: string, sizes: readonly number[], out: number, reaches: Range): Made | null => {
    const shape = [x.shape[0]!, ...sizes.map(fixed), fixed(out)];
    return fits(shape) ? { text, shape, range: reaches } : null;
  };
  const [size, stride, padding] = [1 + c.below(Math.min(least, 3)), 1 + c.below(2), c.below(2)];
  const pooled = (border: number): number[] =>
    lengths.map((length) => Math.floor((length + 2 * border - size) / stride) + 1);
  const groups = C % 2 === 0 && c.once(2) ? 2 : c.once(3) ? C : 1;
  const units = groups * (groups === C ? 1 : 1 + c.below(2));
  const options = `stride = ${stride}, padding = ${padding}, groups = ${groups}`;
  // Weights and biases lie within 1 / √n, n being what one entry is a sum of.
  const of = (C / groups) * size ** dimensions;
  const most = Math.sqrt(of) * reach(x.range) + 1;
  const t = x.text;
  switch (c.below(6)) {
    case 0: {
      // Padding beyond half of a window would leave some of them empty.
      const border = size > 1 ? padding : 0;
      return result(`max_pool(${t}, ${size}, ${stride}, ${border})`, pooled(border), C, x.range);
    }
    case 1:
      return result(
        `avg_pool(${t}, ${size}, ${stride}, ${padding})`,
        pooled(padding),
        C,
        union(x.range, range(0, 0)),
      );
    case 2:
      return result(`${c.pick(["global_avg_pool", "global_max_pool"])}(${t})`, [], C, x.range);
    case 3: {
      const sizes = lengths.map((length) => stride * (length - 1) + size + stride - 1);
      const text = `conv_transpose${dimensions}d(${t}, ${units}, ${size}, stride = ${stride}, groups = ${groups}, output_padding = ${stride - 1})`;
      const reaches = Math.sqrt(units) * C * reach(x.range) * 2 + 1;
      return result(text, sizes, units, range(-reaches, reaches));
    }
    case 4: {
      const text = `conv${dimensions}d(${t}, ${units}, ${size}, padding = same, groups = ${groups})`;
      return result(text, lengths, units, range(-most, most));
    }
    default:
      return result(
        `conv${dimensions}d(${t}, ${units}, ${size}, ${options})`,
        pooled(padding),
        units,
        range(-most, most),
      );
  }
}
