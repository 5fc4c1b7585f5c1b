/** Statements that move entries: reshapes, slices, joins, formulas with indices. */
import {
  countOf,
  divideSize,
  elements,
  fixed,
  free,
  isFree,
  isOne,
  ONE,
  sameShape,
  type Shape,
  type Size,
  sumOfSizes,
} from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import { indexed } from "../indexed.ts";
import { parts } from "../parts.ts";
import { CLASSES, type Program } from "../program.ts";
import { range, reach, union } from "../range.ts";
import { fits, showShape, showSize, type Term } from "../terms.ts";

export function reshape(p: Program, c: Choices, x: Term): boolean {
  const all = elements(x.shape)!;
  const shapes: Shape[] = [[all], [ONE, all], [all, ONE], x.shape.toReversed()];
  for (const k of [2, 3, 4]) {
    if (countOf(all) % k !== 0) continue;
    shapes.push([divideSize(all, fixed(k))!, fixed(k)]);
    if (!isFree(all)) shapes.push([fixed(k), fixed(countOf(all) / k)]);
  }
  const fitting = shapes.filter((s) => fits(s));
  // A parameter may be larger than what is made of others.
  if (fitting.length === 0) return false;
  const shape = c.pick(fitting);
  const sizes = shape.map(showSize);
  const hidden = c.below(4);
  if (hidden < sizes.length) sizes[hidden] = "-1";
  return p.bind(c, `reshape(${x.text}, [${sizes.join(", ")}])`, shape, x.range, [x]);
}

export function transpose(p: Program, c: Choices, x: Term): boolean {
  const rank = x.shape.length;
  if (rank < 2) return false;
  if (c.once(2)) {
    const shape = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!];
    return p.bind(c, `${x.text}'`, shape, x.range, [x]);
  }
  const order = x.shape.map((_, axis) => axis);
  const axes = c.pick([order.toReversed(), [...order.slice(1), 0], [rank - 1, ...order.slice(0, -1)]]);
  return p.bind(
    c,
    `transpose(${x.text}, [${axes.join(", ")}])`,
    axes.map((axis) => x.shape[axis]!),
    x.range,
    [x],
  );
}

export function index(p: Program, c: Choices, x: Term): boolean {
  if (x.shape.length === 0) return false;
  const parts: string[] = [];
  const shape: Size[] = [];
  for (const size of x.shape) {
    const kind = c.below(5);
    if (isFree(size)) {
      if (kind === 1 && countOf(size) === 1) parts.push(c.pick(["0", "-1"]));
      else {
        parts.push(":");
        shape.push(size);
      }
      continue;
    }
    const start = c.below(countOf(size));
    switch (kind) {
      case 0:
        parts.push(":");
        shape.push(size);
        break;
      case 1:
        parts.push(String(c.once(2) ? start - countOf(size) : start));
        break;
      case 2:
        parts.push(`${start}:`);
        shape.push(fixed(countOf(size) - start));
        break;
      case 3:
        parts.push("::-1");
        shape.push(size);
        break;
      default:
        parts.push(`${start}::2`);
        shape.push(fixed(Math.ceil((countOf(size) - start) / 2)));
    }
  }
  while (parts.at(-1) === ":" && parts.length > 1) parts.pop();
  return p.bind(c, `${x.text}[${parts.join(", ")}]`, shape, x.range, [x]);
}

/** A formula entry by entry. */
export function indexedFormula(p: Program, c: Choices, x: Term): boolean {
  const found = indexed(c, x, {
    weight: (shape) => p.param(c, shape),
    labels: () => p.side("k", [free()], { classes: CLASSES }),
  });
  if (found === null) return false;
  const name = `v${p.fresh()}`;
  p.line(`${name}${found.left === "" ? "" : `[${found.left}]`} = ${found.formula}`);
  return p.bind(c, name, found.shape, found.range, found.operands);
}

/** Parts of a tensor, or of a product that nothing else reads. */
export function partsOf(p: Program, c: Choices, x: Term): boolean {
  const last = x.shape.at(-1);
  const units = c.pick([6, 4, 9]);
  const wide = [...x.shape.slice(0, -1), fixed(units)];
  const ofLayer = c.once(2) && last !== undefined && !isFree(last) && fits(wide);
  const most = ofLayer ? Math.sqrt(6 * countOf(last)) * reach(x.range) + 1 : reach(x.range);
  const text = ofLayer ? `h${p.fresh()}` : x.text;
  const found = parts(c, { text, shape: ofLayer ? wide : x.shape, range: range(-most, most) });
  if (found === null) return false;
  if (ofLayer) p.line(`${text} = dense(${x.text}, ${units}, ${c.pick(["identity", "tanh"])})`);
  return p.bind(c, found.text, found.shape, found.range, [x]);
}

export function joined(p: Program, c: Choices, x: Term): boolean {
  const rank = x.shape.length;
  const same = p.maybe(c, (t) => t.type === "float" && sameShape(t.shape, x.shape))!;
  if (rank === 0 || c.once(2)) {
    const axis = c.below(rank + 1);
    const shape = x.shape.toSpliced(axis, 0, fixed(2));
    if (!fits(shape)) return false;
    return p.bind(c, `stack([${x.text}, ${same.text}], axis = ${axis})`, shape, union(x.range, same.range), [
      x,
      same,
    ]);
  }
  const axis = c.below(rank);
  // Joined along the batch there is no derivative.
  if (isFree(x.shape[axis]!)) return false;
  const others = (s: Shape): Shape => s.toSpliced(axis, 1);
  const y = p.maybe(
    c,
    (t) =>
      t.type === "float" &&
      t.shape.length === rank &&
      sameShape(others(t.shape), others(x.shape)) &&
      isFree(t.shape[axis]!) === isFree(x.shape[axis]!),
  )!;
  const shape = x.shape.with(axis, sumOfSizes([x.shape[axis]!, y.shape[axis]!]));
  if (!fits(shape)) return false;
  return p.bind(c, `concat([${x.text}, ${y.text}], axis = ${axis})`, shape, union(x.range, y.range), [x, y]);
}

export function stretched(p: Program, c: Choices, x: Term): boolean {
  const shape = x.shape.map((s) => (isOne(s) ? fixed(3) : s));
  const wide = shape.some((s) => isFree(s)) || c.once(2) ? [fixed(2), ...shape] : [free(), ...shape];
  if (!fits(wide)) return false;
  return p.bind(c, `broadcast(${x.text}, ${showShape(wide)})`, wide, x.range, [x]);
}
