/** Layers of the library. */
import { countOf, fixed, free, isFree } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import { CLASSES, type Made, type Program } from "../program.ts";
import { plus, range, reach, times } from "../range.ts";
import { fits, showShape, type Term } from "../terms.ts";
import { windowed, windowLayer } from "../windows.ts";

export function layer(p: Program, c: Choices, x: Term): boolean {
  const last = x.shape.at(-1);
  if (last === undefined || isFree(last)) return false;
  const act = c.pick([
    "tanh",
    "relu",
    "sigmoid",
    "identity",
    "gelu",
    "z => max(z, 0.2 * z)",
    "elu",
    "mish",
    "softplus",
    "silu",
    "hard_tanh",
  ]);
  const units = c.pick([3, 2, 1, 4, 8, 17]);
  const shape = [...x.shape.slice(0, -1), fixed(units)];
  if (!fits(shape)) return false;
  // Weights lie within √(6 / I), biases within 1/√I.
  const most = Math.sqrt(6 * countOf(last)) * reach(x.range) + 1;
  const reaches = range(-most, most);
  const t = x.text;
  switch (c.below(9)) {
    case 0:
      return p.bind(c, `${t} |> dense(${units}, ${act})`, shape, reaches, [x]);
    case 1:
      return p.bind(c, `dense(${t}, ${units}, use_bias = false)`, shape, reaches, [x]);
    case 2:
      return p.bind(c, `glu(${t}, ${units})`, shape, reaches, [x]);
    case 3:
      return p.bind(c, `maxout(${t}, ${units})`, shape, reaches, [x]);
    case 4:
      return p.bind(c, `prelu(${t})`, x.shape, x.range, [x]);
    case 5:
      return p.bind(c, `dropout(${t}, 0.25)`, x.shape, times(x.range, range(0, 1.4)), [x]);
    case 6: {
      p.define(
        "layer highway(x: [..., I], act = tanh) {\n  g = dense(x, I, sigmoid)\n  return g * dense(x, I, act) + (1 - g) * x\n}",
      );
      return p.bind(c, `highway(${t}, ${act})`, x.shape, times(reaches, range(0, 2)), [x]);
    }
    case 7:
      if (countOf(last) % 2 === 0) return reversible(p, c, x, countOf(last) / 2, act);
      return p.bind(c, `dense(${t}, ${units}, ${act})`, shape, reaches, [x]);
    default:
      return p.bind(c, `dense(${t}, ${units}, ${act})`, shape, reaches, [x]);
  }
}

/** One or two blocks: of the second all of the first is undone. */
export function reversible(p: Program, c: Choices, x: Term, half: number, act: string): true {
  const first = `reversible(${x.text}, z => dense(z, ${half}, tanh), z => tanh(dense(z, ${half}, ${act})))`;
  const second = `reversible(z => glu(z, ${half}) / ${half + 2}, z => dense(z, ${half}, sigmoid))`;
  const once = plus(x.range, range(-1, 1));
  if (!c.once(2)) return p.bind(c, first, x.shape, once, [x]);
  // The unit is within √(6 half) reach + 1, and √(6 half) < half + 2.
  const most = reach(once) + 1;
  return p.bind(c, `${first} |> ${second}`, x.shape, plus(once, range(-most, most)), [x]);
}

/** What is made of sequences or planes: of `x`, or of its rows made into some. */
export function ofSequence(
  p: Program,
  c: Choices,
  x: Term,
  make: (c: Choices, x: Made) => Made | null,
): boolean {
  const last = x.shape.at(-1);
  if (x.shape.length !== 2 || !isFree(x.shape[0]!) || last === undefined || isFree(last) || c.once(5))
    return made(p, c, x, make(c, x));
  const shape = c.pick([
    [free(), fixed(3), fixed(4)],
    [free(), fixed(4), fixed(2)],
    [free(), fixed(2), fixed(3), fixed(2)],
  ]);
  const units = shape.slice(1).reduce((product, size) => product * countOf(size), 1);
  // Whole examples: rows of the batch laid one after the other are not these.
  const rows = countOf(x.shape[0]!) === 1 ? shape : shape.with(0, x.shape[0]!);
  const name = `v${p.fresh()}`;
  const found = make(c, { text: name, shape: rows, range: range(-1, 1) });
  if (found === null) return false;
  p.line(`${name} = reshape(dense(${x.text}, ${units}, tanh), ${showShape(rows)})`);
  return made(p, c, x, found);
}

export function embedding(p: Program, c: Choices): boolean {
  const [k, size] = [p.side("k", [free()], { classes: CLASSES }), c.pick([3, 2, 4])];
  // Drawn from the normal distribution.
  return p.bind(c, `embedding(k, ${CLASSES}, ${size})`, [free(), fixed(size)], range(-6, 6), [k]);
}

/** A layer of windows; of rows made into sequences or planes where x has none. */
export function windows(p: Program, c: Choices, x: Term): boolean {
  if (x.shape.length > 2) return made(p, c, x, windowLayer(c, x) ?? windowed(c, x));
  const shape = c.pick([
    [free(), fixed(6), fixed(2)],
    [free(), fixed(4), fixed(3), fixed(2)],
    [free(), fixed(5), fixed(4)],
  ]);
  const last = x.shape.at(-1);
  if (x.shape.length !== 2 || !isFree(x.shape[0]!) || last === undefined || isFree(last))
    return made(p, c, x, windowed(c, x));
  const units = shape.slice(1).reduce((product, size) => product * countOf(size), 1);
  // Whole examples, as in `ofSequence`.
  const rows = countOf(x.shape[0]!) === 1 ? shape : shape.with(0, x.shape[0]!);
  const text = `reshape(dense(${x.text}, ${units}, tanh), ${showShape(rows)})`;
  return made(p, c, x, windowLayer(c, { text, shape: rows, range: range(-1, 1) }));
}

export function made(p: Program, c: Choices, x: Term, found: Made | null): boolean {
  return found !== null && p.bind(c, found.text, found.shape, found.range, [x]);
}
