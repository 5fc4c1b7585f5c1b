/** Statements that compute each entry of its own. */
import { free, ONE, sameSize } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import type { Written } from "../functions.ts";
import type { Program } from "../program.ts";
import { extreme, negative, plus, range, times, union } from "../range.ts";
import { broadcastShape, showShape, type Term } from "../terms.ts";

export function apply(p: Program, c: Choices, x: Term, table: readonly ((x: Written) => Written)[]): true {
  const { text, range: reaches } = c.pick(table)(x);
  return p.bind(c, text, x.shape, reaches, [x]);
}

export function binary(p: Program, c: Choices, x: Term): boolean {
  const y = p.maybe(c, (t) => t.type === "float" && broadcastShape(x.shape, t.shape) !== null);
  if (y === null) return false;
  const shape = broadcastShape(x.shape, y.shape)!;
  const [a, b] = [x.text, y.text];
  const both = union(x.range, y.range);
  const written = c.pick<Written>([
    { text: `${a} * ${b}`, range: times(x.range, y.range) },
    { text: `${a} + ${b}`, range: plus(x.range, y.range) },
    { text: `${a} - ${b}`, range: plus(x.range, negative(y.range)) },
    { text: `max(${a}, ${b})`, range: extreme(x.range, y.range, Math.max) },
    { text: `min(${a}, ${b})`, range: extreme(x.range, y.range, Math.min) },
    { text: `${a} / (1.5 + abs(${b}))`, range: times(x.range, range(0, 1)) },
    { text: `${a} / (0.5 + ${b}^2)`, range: times(x.range, range(0, 2)) },
    { text: `(0.5 + sigmoid(${a}))^(tanh(${b}))`, range: range(0.5, 2) },
    { text: `(0.7 + softsign(${a})^2)^(sin(${b}))`, range: range(0.5, 2) },
    {
      text: `${c.constant(-1, 1)} * ${a} + ${c.constant(0.2, 1)} * ${b}`,
      range: times(both, range(-2, 2)),
    },
  ]);
  return p.bind(c, written.text, shape, written.range, [x, y]);
}

export function choose(p: Program, c: Choices, x: Term): boolean {
  const y = p.maybe(c, (t) => t.type === "float" && broadcastShape(x.shape, t.shape) !== null);
  if (y === null) return false;
  const shape = broadcastShape(x.shape, y.shape)!;
  const k = c.constant(-0.5, 0.5);
  let condition = c.pick([
    `${x.text} > ${k}`,
    `${x.text} < ${y.text}`,
    `${x.text} >= ${k} and ${y.text} <= 0.61`,
    `${x.text} > 0.37 or not (${y.text} > ${k})`,
  ]);
  let mask: Term | null = null;
  if (c.once(4) && sameSize(shape[0] ?? ONE, free())) {
    const column = [free(), ...shape.slice(1).map(() => ONE)];
    mask = { ...p.side("m", [free()], "bool"), shape: column };
    condition = shape.length === 1 ? "m" : `reshape(m, ${showShape(column)})`;
  }
  const otherwise = c.pick([
    y.text,
    String(k),
    `tanh(${x.text})`,
    `0.3 * ${y.text}`,
    `log(abs(${y.text}) + 0.5)`,
  ]);
  const text = `where(${condition}, ${x.text}, ${otherwise})`;
  const holdsY = new RegExp(`\\b${y.text}\\b`).test(text);
  const operands = [x, ...(holdsY ? [y] : []), ...(mask === null ? [] : [mask])];
  const made = operands.map((o) => o.shape).reduce((p, q) => broadcastShape(p, q)!);
  return p.bind(c, text, made, union(union(x.range, y.range), range(-3, 3)), operands);
}
