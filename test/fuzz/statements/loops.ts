/** Loops along an axis: recurrences of all kinds, one in another too. */
import { countOf, fixed, isFree, type Shape } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import type { Made, Program } from "../program.ts";
import { range } from "../range.ts";
import { fits, showShape, type Term } from "../terms.ts";

/** A loop along an axis of known size; false where `x` has none. */
export function loop(p: Program, c: Choices, x: Term): boolean {
  const axes = x.shape.map((_, axis) => axis).filter((axis) => !isFree(x.shape[axis]!));
  if (axes.length === 0) return false;
  const axis = c.pick(axes);
  const entry = x.shape.toSpliced(axis, 1);
  const how = `axis = ${c.once(2) ? axis : axis - x.shape.length}${c.once(3) ? ", reverse = true" : ""}`;
  const from = firstOf(p, c, x, entry, axis);
  const operands = [x, ...from.operands];
  const bounded = range(-1, 1);
  const body = (name: string, e: string): string => cell(p, c, name, e, entry, operands);
  switch (c.below(9)) {
    case 0: {
      // Two are carried; what is given is one of them, or both added.
      const inner = `[${body("s[0]", "e")}, 0.5 * s[1] + 0.25 * s[0]]`;
      const text = `scan(${x.text}, [${from.text}, zeros(${showShape(entry)})], (s, e) => ${inner}, ${how})`;
      return p.bind(c, c.once(2) ? `${text}[0]` : `tanh(${text}[1])`, x.shape, bounded, operands);
    }
    case 1: {
      const text = `scan([${x.text}, cos(${x.text})], ${from.text}, (h, e) => ${body("h", "(e[0] * e[1])")}, ${how})`;
      return p.bind(c, text, x.shape, bounded, operands);
    }
    case 2: {
      // A loop in a loop, along another axis of the entry.
      const inner = entry.findIndex((size) => !isFree(size));
      if (inner < 0) break;
      const rest = showShape(entry.toSpliced(inner, 1));
      const nested = `scan(e, zeros(${rest}), (g, f) => tanh(0.5 * g + f), axis = ${inner})`;
      const text = `scan(${x.text}, ${from.text}, (h, e) => ${body("h", nested)}, ${how})`;
      return p.bind(c, text, x.shape, bounded, operands);
    }
    case 3: {
      const text = `scan(${x.text}, ${from.text}, (h, e) => where(e > 0.1, ${body("h", "e")}, h), ${how})`;
      return p.bind(c, text, x.shape, bounded, operands);
    }
    case 4: {
      const text = `scan(${x.text}, ${from.text}, (h, e) => dropout(${body("h", "e")}, 0.25), ${how})`;
      return p.bind(c, text, x.shape, range(-1.4, 1.4), operands);
    }
    case 5: {
      // Of what a loop in a loop carries, only one value has to do with the outer one.
      const [end, place] = c.once(2) ? ["last", "-1"] : ["first", "0"];
      const entryOf = x.shape.map((_, i) => (i === axis ? place : ":")).join(", ");
      const name = `${end}_of_${x.shape.length}_${axis}`;
      p.define(`fn ${name}(q) = 0.5 * (q[0][${entryOf}] + q[1][${entryOf}])`);
      const inside = `[h * sin(g[1]), tanh(0.5 * g[1] + f)]`;
      const nested = `${name}(scan(${x.text}, [h, zeros(${showShape(entry)})], (g, f) => ${inside}, axis = ${axis}))`;
      const text = `scan(${x.text}, ${from.text}, (h, e) => ${body("h", `(e * ${nested})`)}, ${how})`;
      return p.bind(c, text, x.shape, bounded, operands);
    }
    default:
  }
  return p.bind(
    c,
    `scan(${x.text}, ${from.text}, (h, e) => ${body("h", "e")}, ${how})`,
    x.shape,
    bounded,
    operands,
  );
}

interface First {
  readonly text: string;
  readonly operands: readonly Term[];
}

function firstOf(p: Program, c: Choices, x: Term, entry: Shape, axis: number): First {
  if (entry.some(isFree) || c.once(3))
    return c.once(2)
      ? { text: `tanh(mean(${x.text}, axis = ${axis}))`, operands: [] }
      : { text: `zeros(${showShape(entry)})`, operands: [] };
  const w = p.param(c, entry);
  return { text: `tanh(${w.text})`, operands: [w] };
}

/** What goes on from `h` at the entry `e`, within ±1. */
function cell(p: Program, c: Choices, h: string, e: string, entry: Shape, operands: Term[]): string {
  const last = entry.at(-1);
  const isKnown = last !== undefined && !isFree(last);
  const weight = (shape: Shape): string => {
    const w = p.param(c, shape);
    operands.push(w);
    return w.text;
  };
  switch (c.below(7)) {
    case 0:
      return isKnown && entry.length >= 2 && countOf(last) <= 5
        ? `tanh(${h} @ ${weight([last, last])}' + ${e})`
        : `tanh(0.7 * ${h} + ${e})`;
    case 1:
      return isKnown && entry.length >= 2 && countOf(last) <= 5
        ? `sigmoid(${e} @ ${weight([last, last])}' - ${h} * ${weight([last])})`
        : `sigmoid(${e} - ${h})`;
    case 2:
      return isKnown ? `tanh(${h} * ${weight([last])} + ${e})` : `tanh(${h} * 0.8 + ${e})`;
    case 3:
      return `(0.6 * ${h} + 0.4 * tanh(${e}))`;
    case 4:
      return `sin(${h} + ${e} * sigmoid(${h}))`;
    case 5:
      return isKnown ? `softmax(${h} + 0.3 * ${e})` : `tanh(max(${h}, ${e}))`;
    default:
      return `tanh(${h} * stop_gradient(${h}) + ${e})`;
  }
}

/** A recurrent layer of the library over `x` [..., T, C]; null where T and C are not known. */
export function recurrent(c: Choices, x: Made): Made | null {
  if (x.shape.length < 2 || x.shape.length > 3 || x.shape.slice(-2).some(isFree)) return null;
  const [t, units] = [x.text, 1 + c.below(4)];
  const cell = c.pick(["rnn", "gru", "lstm"]);
  const reverse = c.once(3) ? ", reverse = true" : "";
  // Whose own entries say which steps there are: none, perhaps.
  const mask = c.once(3) ? `, mask = ${t}[..., 0] > -0.3` : "";
  const made = (text: string, size: number, shape = x.shape): Made => ({
    text,
    shape: shape.with(-1, fixed(size)),
    range: range(-1, 1),
  });
  switch (c.below(6)) {
    case 0: {
      const text = `bidirectional(${t}, ${units}, cell = ${cell}${mask})`;
      return fits(x.shape.with(-1, fixed(2 * units))) ? made(text, 2 * units) : null;
    }
    case 1:
      return made(`${cell}(${t}, [3, ${units}]${reverse}${mask})`, units);
    case 2: {
      const first = `final_state(${cell}(${t}, ${units}, states = true))`;
      return made(`${cell}(${t}, ${units}, first = ${first}${reverse})`, units);
    }
    default:
      return made(`${cell}(${t}, ${units}${reverse}${mask})`, units);
  }
}
