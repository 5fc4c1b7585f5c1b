/**
 * Formulas with indices: shifts, strides, windows, products, masks, tables and reductions, entry by
 * entry, along one axis of a tensor.
 */
import { countOf, fixed, free, isFree, sameSize, type Shape } from "../../compiler/ir/size.ts";
import type { Choices } from "./choices.ts";
import { plus, range, reach, times, total, type Range } from "./range.ts";
import { fits, type Term } from "./terms.ts";

/** Declares what a formula reads beside its tensor. */
export interface Declare {
  readonly weight: (shape: Shape) => Term;
  /** Labels of rows, `int[N]`. */
  readonly labels: () => Term;
}

interface Indexed {
  /** The indices on the left, with their ranges where they are written; none of a number. */
  readonly left: string;
  readonly formula: string;
  readonly shape: Shape;
  readonly range: Range;
  readonly operands: readonly Term[];
}

/** A formula of the entries of `x`; null where it has no axis of a known size, or no room. */
export function indexed(c: Choices, x: Term, declare: Declare): Indexed | null {
  const axes = x.shape.flatMap((size, axis) => (isFree(size) ? [] : [axis]));
  if (axes.length === 0) return null;
  const axis = c.pick(axes.toReversed());
  const length = countOf(x.shape[axis]!);
  const names = x.shape.map((_, at) => (at === axis ? "i" : `p${at}`));
  const outer = names.toSpliced(axis, 1);
  const outerShape = x.shape.toSpliced(axis, 1);
  const at = (subscript: string | number): string =>
    `${x.text}[${names.with(axis, `${subscript}`).join(", ")}]`;
  const along = (name: string): string => names.with(axis, name).join(", ");
  const [r, most] = [x.range, reach(x.range)];
  const made = (
    left: string,
    formula: string,
    shape: Shape,
    reaches: Range,
    ...more: readonly Term[]
  ): Indexed | null =>
    fits(shape) ? { left, formula, shape, range: reaches, operands: [x, ...more] } : null;
  const resized = (count: number): Shape => x.shape.with(axis, fixed(count));
  const folded = (formula: string, reaches: Range): Indexed | null =>
    made(outer.join(", "), formula, outerShape, reaches);
  switch (c.below(14)) {
    case 0:
      if (length < 2) return null;
      return made(
        along(`i in 0..${length - 1}`),
        `${at("i + 1")} - ${c.pick(["", "2 * "])}${at("i")}`,
        resized(length - 1),
        times(r, range(-3, 3)),
      );
    case 1:
      return made(along("i"), `${at("i")} * ${at(`${length - 1} - i`)}`, x.shape, times(r, r));
    case 2:
      if (length < 2) return null;
      return made(
        along("i"),
        `${at("2 * i")} * sin(${at("2 * i + 1")})`,
        resized(Math.floor(length / 2)),
        range(-most, most),
      );
    case 3:
    case 4: {
      const size = 1 + c.below(Math.min(length, 3));
      const [stride, dilation] = [1 + c.below(3), 2 * (size - 1) < length ? 1 + c.below(2) : 1];
      const count = Math.floor((length - 1 - dilation * (size - 1)) / stride) + 1;
      const entry = at(`${stride} * i + ${dilation} * u`);
      if (c.once(2)) {
        const w = declare.weight([fixed(size)]);
        const reaches = total(times(r, w.range), size);
        return made(along("i"), `sum[u] ${entry} * ${w.text}[u]`, resized(count), reaches, w);
      }
      const [formula, reaches] = c.pick<readonly [string, Range]>([
        // Entries that are equal are told apart.
        [`max[u in 0..${size}] (${entry} + 0.137 * u)`, plus(r, range(0, 0.137 * size))],
        [`logsumexp[u in 0..${size}] (0.5 * ${entry})`, plus(times(r, range(0.5, 0.5)), range(0, 2))],
        [`mean[u in 0..${size}] ${entry}`, r],
        [`prod[u in 0..${size}] tanh(${entry})`, range(-1, 1)],
      ]);
      return made(along("i"), formula, resized(count), reaches);
    }
    case 5:
      return made(
        [...names, "j"].join(", "),
        c.pick([`${at("i")} * ${at("j")}`, `where(j <= i, ${at("i")} * ${at("j")}, 0)`]),
        [...x.shape, fixed(length)],
        times(range(-most, most), r),
      );
    case 6:
      return made(
        along(`i in 0..${length}`),
        `sum[j] where(${c.pick(["j <= i", "j != i", "j + 1 >= i"])}, ${at("j")}, 0)`,
        x.shape,
        range(-length * most, length * most),
      );
    case 7:
    case 8: {
      const units = 1 + c.below(4);
      const shape = resized(units);
      if (!fits(shape)) return null;
      const w = declare.weight([fixed(units), fixed(length)]);
      const reaches = total(times(r, w.range), length);
      const last = axis === names.length - 1 && c.once(2);
      return last
        ? made("..., o", `sum[i] ${x.text}[..., i] * ${w.text}[o, i]`, shape, reaches, w)
        : made(along("o"), `sum[i] ${at("i")} * ${w.text}[o, i]`, shape, reaches, w);
    }
    case 9: {
      if (!x.shape.some((size) => sameSize(size, free()))) return null;
      const labels = declare.labels();
      const w = declare.weight([fixed(labels.classes!), fixed(length)]);
      const row = names[x.shape.findIndex((size) => sameSize(size, free()))]!;
      const label = c.pick([`k[${row}]`, `${labels.classes! - 1} - k[${row}]`]);
      return made(
        along("i"),
        `${at("i")} * ${w.text}[${label}, i]`,
        x.shape,
        times(range(-most, most), w.range),
        labels,
        w,
      );
    }
    case 10: {
      if (length > 4) return null;
      const w = declare.weight([fixed(length), fixed(length)]);
      const reaches = length ** 2 * most ** 2 * reach(w.range);
      const formula = c.pick([
        `sum[i, j] ${w.text}[i, j] * ${at("i")} * ${at("j")}`,
        `sum[i] ${w.text}[i, i] * ${at("i")}^2`,
      ]);
      const found = folded(formula, range(-reaches, reaches));
      return found === null ? null : { ...found, operands: [x, w] };
    }
    case 11: {
      const [formula, reaches] = c.pick<readonly [string, Range]>([
        [`prod[i] (1 + 0.5 * tanh(${at("i")}))`, range(0, 1.5 ** length)],
        [`logsumexp[i] ${at("i")}`, plus(r, range(0, Math.log(length)))],
        [`mean[i] ${at("i")}^2`, range(0, most ** 2)],
        [`min[i] (${at("i")} - 0.137 * i)`, plus(r, range(-0.137 * length, 0))],
        [`-sum[i] sin(${at("i")}) / (1 + i)`, range(-length, length)],
      ]);
      return folded(formula, reaches);
    }
    case 12:
      return made(
        along("i"),
        `(i + 1) * ${at("i")} - ${at(c.pick([0, -1]))}`,
        x.shape,
        range(-(length + 1) * most, (length + 1) * most),
      );
    default:
      return made(along("i"), `${at("i")} / (1 + sum[j] ${at("j")}^2)`, x.shape, range(-most, most));
  }
}
