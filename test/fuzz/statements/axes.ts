/** Statements that go along axes: reductions, normalizations, products. */
import { isFree, ONE, sameSize, type Shape, type Size } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import type { Written } from "../functions.ts";
import type { Program } from "../program.ts";
import { range, reach, times, total } from "../range.ts";
import { broadcastShape, fits, largest, type Term } from "../terms.ts";

export function reduce(p: Program, c: Choices, x: Term): boolean {
  const rank = x.shape.length;
  if (rank === 0) return false;
  const axes = x.shape.map((_, axis) => axis).filter(() => c.below(2) === 0);
  if (axes.length === 0) axes.push(rank - 1);
  const keep = c.once(2);
  const shape = x.shape.flatMap((s, axis) => (!axes.includes(axis) ? [s] : keep ? [ONE] : []));
  const reduced = axes.map((axis) => x.shape[axis]!);
  const count = largest(reduced);
  const everything = axes.length === rank && c.once(2);
  const written = axes.map((axis) => (c.once(3) ? axis - rank : axis));
  const axis = everything ? "" : `, axis = ${written.length === 1 ? written[0] : `[${written.join(", ")}]`}`;
  const call = (name: string, of = x.text, more = ""): string =>
    `${name}(${of}${axis}${keep ? ", keep = true" : ""}${more})`;
  const r = x.range;
  const sum: Written = { text: call("sum"), range: total(r, count) };
  const options: Written[] = [
    sum,
    { text: call("mean"), range: r },
    { text: call("max"), range: r },
    { text: call("min"), range: r },
    { text: call("logsumexp"), range: range(r.low, r.high + Math.log(count)) },
    { text: call("sum", `${x.text}^2`), range: total(times(r, r), count) },
    {
      text: `sqrt(${call("sum", `${x.text}^2`)} + 0.1)`,
      range: range(0.3, reach(r) * Math.sqrt(count) + 1),
    },
    { text: call("mean", `abs(${x.text})`), range: range(0, reach(r)) },
    { text: call("var", x.text, ", correction = 0"), range: range(0, 4 * reach(r) ** 2) },
    { text: `sqrt(${call("var", x.text, ", correction = 0")} + 0.1)`, range: range(0.3, 2 * reach(r) + 1) },
  ];
  if (reach(r) <= 6)
    options.push({ text: `log(${call("sum", `exp(${x.text})`)})`, range: range(r.low, r.high + 4) });
  if (!reduced.some((s) => isFree(s))) {
    const limited = `tanh(${x.text})`;
    options.push({ text: call("prod", limited), range: range(-1, 1) });
    options.push({ text: call("prod", `(1 + 0.5 * ${limited})`), range: range(0, 1.5 ** count) });
    if (count > 1) options.push({ text: call("var"), range: range(0, 8 * reach(r) ** 2) });
  }
  if (everything && !keep) {
    options.push({ text: `l1(${x.text})`, range: range(0, reach(r) * count) });
    options.push({ text: `l2(${x.text})`, range: range(0, reach(r) ** 2 * count) });
  }
  const made = c.pick(options);
  return p.bind(c, made.text, shape, made.range, [x]);
}

export function normalize(p: Program, c: Choices, x: Term): boolean {
  const rank = x.shape.length;
  if (rank === 0) return false;
  const axis = c.once(4) ? c.below(rank) : rank - 1;
  const count = largest([x.shape[axis]!]);
  const low = range(x.range.low - x.range.high - Math.log(count), 0);
  const t = x.text;
  const options: Written[] = [
    { text: `softmax(${t}, axis = ${axis})`, range: range(0, 1) },
    { text: `log_softmax(${t}, axis = ${axis})`, range: low },
    { text: `log(softmax(${t}, ${axis}))`, range: low },
    { text: `${t} - logsumexp(${t}, axis = ${axis}, keep = true)`, range: low },
    {
      text: `(${t} - mean(${t}, axis = ${axis}, keep = true)) / sqrt(var(${t}, axis = ${axis}, keep = true, correction = 0) + 0.1)`,
      range: range(-4, 4),
    },
    { text: `${t} / sqrt(sum(${t}^2, axis = ${axis}, keep = true) + 0.1)`, range: range(-1, 1) },
    { text: `${t} - max(${t}, axis = ${axis}, keep = true)`, range: range(x.range.low - x.range.high, 0) },
  ];
  if (reach(x.range) <= 6) {
    options.push({ text: `exp(${t}) / sum(exp(${t}), axis = ${axis}, keep = true)`, range: range(0, 1) });
  }
  const made = c.pick(options);
  return p.bind(c, made.text, x.shape, made.range, [x]);
}

export function product(p: Program, c: Choices, x: Term): boolean {
  const options: { text: string; shape: Shape; depth: Size; operands: Term[] }[] = [];
  for (const y of p.terms.filter((t) => t.type === "float" && t.shape.length > 0)) {
    for (const turned of [false, true]) {
      if (turned && y.shape.length < 2) continue;
      const right = turned ? [...y.shape.slice(0, -2), y.shape.at(-1)!, y.shape.at(-2)!] : y.shape;
      const shape = productShape(x.shape, right);
      if (shape === null) continue;
      const text = `${x.text} @ ${y.text}${turned ? "'" : ""}`;
      options.push({ text, shape, depth: x.shape.at(-1)!, operands: [x, y] });
    }
  }
  if (options.length === 0) return false;
  const { text, shape, depth, operands } = c.pick(options.toReversed());
  const reaches = total(times(x.range, operands[1]!.range), largest([depth]));
  return p.bind(c, text, shape, reaches, operands);
}

/** NumPy's matrix product; null where it does not fit. */
function productShape(a: Shape, b: Shape): Shape | null {
  const left = a.length === 1 ? [ONE, ...a] : a;
  const right = b.length === 1 ? [...b, ONE] : b;
  if (left.length < 2 || right.length < 2) return null;
  const [m, k] = [left.at(-2)!, left.at(-1)!];
  const [depth, n] = [right.at(-2)!, right.at(-1)!];
  if (!sameSize(k, depth)) return null;
  const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2));
  if (batch === null) return null;
  const shape = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  return fits(shape) && fits([...batch, m, n]) && fits([...batch, k]) ? shape : null;
}
