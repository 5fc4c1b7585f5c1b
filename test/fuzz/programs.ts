/**
 * Random well-shaped programs, as text. Each statement of a program is drawn from numbers of its
 * own, so that fast-check shrinks a program by leaving statements out.
 */
import fc from "fast-check";
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
  sameSize,
  type Shape,
  type Size,
  sumOfSizes,
} from "../../compiler/ir/size.ts";
import { Choices } from "./choices.ts";
import { functions, steps, textbook, type Written } from "./functions.ts";
import { indexed } from "./indexed.ts";
import { parts } from "./parts.ts";
import { extreme, plus, negative, range, reach, times, total, union, type Range } from "./range.ts";
import { attention, enlarged, normalized, ordered } from "./sequences.ts";
import { windowed, windowLayer } from "./windows.ts";
import { batches, broadcastShape, fits, largest, showShape, showSize, type Term } from "./terms.ts";

/** What an input is given. */
export interface Given {
  readonly name: string;
  readonly shape: Shape;
  readonly values: "float" | "bool" | "probability" | "side" | { readonly classes: number };
}

export interface Case {
  readonly source: string;
  readonly inputs: readonly Given[];
  readonly batch: number;
  /** Of the data and of the first values. */
  readonly seed: number;
}

/** An expression, not yet bound to a name. */
type Made = Pick<Term, "text" | "shape" | "range">;

/** Entries of a float input lie within ± this. */
export const INPUT_REACH = 2;
const CLASSES = 3;
/** What a term may reach before it is brought back. */
const REACH = 12;

const statement = fc.array(fc.nat(0xffff), { minLength: 12, maxLength: 12 });

export const cases: fc.Arbitrary<Case> = fc
  .record({
    head: statement,
    body: fc.array(statement, { minLength: 1, maxLength: 9 }),
    tail: statement,
    batch: fc.constantFrom(...batches),
    seed: fc.nat(0xffff),
  })
  .map(({ head, body, tail, batch, seed }) => {
    const writer = new ProgramWriter(new Choices(head));
    for (const numbers of body) writer.grow(new Choices(numbers));
    return { ...writer.finish(new Choices(tail)), batch, seed };
  });

class ProgramWriter {
  readonly #definitions: string[] = [];
  readonly #lines: string[] = [];
  readonly #inputs: Given[] = [];
  readonly #terms: Term[] = [];
  readonly #unused = new Set<string>();
  /** Of terms that are derivatives: by what. */
  readonly #derivedBy = new Map<string, string>();
  #names = 0;

  constructor(c: Choices) {
    const width = fixed(c.pick([3, 4, 2, 5, 1, 9]));
    this.#input("x", [free(), width], "float");
    this.#scale(c, this.#terms[0]!);
    const shapes: (Shape | null)[] = [
      null,
      [free(), fixed(2), fixed(3)],
      [free()],
      [fixed(3), free()],
      [fixed(2), width],
      null,
    ];
    const shape = c.pick(shapes);
    if (shape !== null) {
      this.#input("a", shape, "float");
      this.#scale(c, this.#terms.at(-1)!);
    }
    const weight = this.#param(c, [fixed(c.pick([3, 2, 4])), width]);
    if (c.once(2)) return;
    this.#bind(c, `x @ ${weight.text}'`, [free(), weight.shape[0]!], range(-9, 9), [this.#terms[0]!, weight]);
  }

  /** An input times parameters, so that what is made of it has gradients. */
  #scale(c: Choices, x: Term): void {
    const last = x.shape.at(-1)!;
    const w = this.#param(c, isFree(last) ? [ONE] : [last], 0.3, 1.5);
    this.#bind(c, `${x.text} * ${w.text}`, x.shape, times(x.range, w.range), [x, w]);
  }

  /** One statement more. */
  grow(c: Choices): void {
    const x = this.#float(c);
    const made = this.#rule(c, x);
    if (!made) this.#apply(c, x, functions);
  }

  /** The kinds of statement; false where this one has no operands to work on. */
  #rule(c: Choices, x: Term): boolean {
    switch (c.below(39)) {
      case 0:
      case 1:
      case 2:
        return this.#apply(c, x, functions);
      case 3:
        return this.#apply(c, x, textbook);
      case 4:
        return this.#apply(c, x, steps);
      case 5:
      case 6:
      case 7:
        return this.#binary(c, x);
      case 8:
        return this.#choose(c, x);
      case 9:
      case 10:
      case 11:
        return this.#reduce(c, x);
      case 12:
      case 13:
        return this.#product(c, x);
      case 14:
      case 15:
        return this.#layer(c, x);
      case 16:
        return this.#normalize(c, x);
      case 17:
        return this.#reshape(c, x);
      case 18:
        return this.#transpose(c, x);
      case 19:
        return this.#index(c, x);
      case 20:
        return this.#join(c, x);
      case 21:
        return this.#labels(c, x);
      case 22:
        return this.#broadcast(c, x);
      case 23:
        return this.#derivative(c, x);
      case 24:
        return this.#parameter(c, x);
      case 26:
      case 27:
        return this.#parts(c, x);
      case 28:
        return this.#made(c, x, windowed(c, x));
      case 29:
      case 30:
        return this.#windows(c, x);
      case 31:
      case 32:
      case 33:
      case 34:
        return this.#indexed(c, x);
      case 35:
        return this.#ofSequence(c, x, attention);
      case 36:
        return this.#ofSequence(c, x, normalized);
      case 37:
        return this.#made(c, x, ordered(c, x));
      case 38:
        return c.once(2) ? this.#ofSequence(c, x, enlarged) : this.#embedding(c);
      default:
        return this.#control(c, x);
    }
  }

  /** The output and the loss: everything that was made and not used has a part in it. */
  finish(c: Choices): Pick<Case, "source" | "inputs"> {
    const floats = this.#terms.filter((t) => t.type === "float" && t.from.size > 0);
    const last = floats.at(-1) ?? this.#terms[0]!;
    this.#lines.push(`output out = ${last.text}`);
    this.#unused.delete(last.text);
    this.#loss(c, last);
    const rest = this.#terms.filter((t) => this.#unused.has(t.text)).slice(0, 6);
    if (rest.length > 0) {
      const parts = rest.map((t) => c.pick([`mean(${t.text})`, `mean(${t.text}^2)`, `mean(sin(${t.text}))`]));
      this.#lines.push(`loss 0.5 * (${parts.join(" + ")})`);
    }
    if (c.once(3)) {
      this.#lines.push(
        c.pick(["loss 0.01 * l2(weights)", "loss 0.01 * l1(params)", "loss 0.1 * l2(params)"]),
      );
    }
    const body = this.#lines.map((line) => `  ${line}`).join("\n");
    const source = `${this.#definitions.map((d) => `${d}\n\n`).join("")}model Fuzz {\n${body}\n}\n`;
    return { source, inputs: this.#inputs };
  }

  // ------------------------------------------------------------------------------------------- bookkeeping

  #add(term: Term): void {
    this.#terms.push(term);
    if (term.type === "float") this.#unused.add(term.text);
  }

  #input(name: string, shape: Shape, values: Given["values"], role = "input"): void {
    this.#inputs.push({ name, shape, values });
    const type = typeof values === "object" ? "int" : values === "bool" ? "bool" : "float";
    this.#lines.push(`${role} ${name}: ${type === "float" ? "" : type}${showShape(shape)}`);
    if (role === "target") return;
    const reaches =
      typeof values === "object" ? range(0, values.classes - 1) : range(-INPUT_REACH, INPUT_REACH);
    const classes = typeof values === "object" ? { classes: values.classes } : {};
    this.#add({ text: name, shape, type, range: reaches, ...classes, from: new Set([name]) });
  }

  /** The input of this name, declared where it is not yet. */
  #side(name: string, shape: Shape, values: Given["values"]): Term {
    if (!this.#inputs.some((i) => i.name === name)) this.#input(name, shape, values);
    return this.#terms.find((t) => t.text === name)!;
  }

  /** Parameters: numbers that are written down, one number everywhere, or drawn. */
  #param(c: Choices, shape: Shape, low = -1, high = 1, kind = "param"): Term {
    const name = `w${this.#names++}`;
    const counts = shape.map((s) => countOf(s));
    const table = (axis: number): string =>
      axis === counts.length
        ? String(c.exact(low, high))
        : `[${Array.from({ length: counts[axis]! }, () => table(axis + 1)).join(", ")}]`;
    const drawn = `uniform(${low}, ${high})`;
    switch (largest(shape) > 9 ? 1 + c.below(2) : c.below(4)) {
      case 0:
        this.#lines.push(`${kind} ${name} = ${table(0)}`);
        break;
      case 1:
        this.#lines.push(`${kind} ${name}: ${showShape(shape)} ~ ${drawn}`);
        break;
      case 2:
        this.#lines.push(
          `${kind} ${name}: ${showShape(shape)} ~ ${low < 0 && shape.length > 0 ? "xavier_uniform" : drawn}`,
        );
        break;
      default:
        this.#lines.push(`${kind} ${name}: ${showShape(shape)} = ${c.exact(low, high)}`);
    }
    // Glorot's bound for the smallest shapes is √3.
    const reaches = low < 0 ? range(-2.5, 2.5) : range(low, high);
    const term: Term = { text: name, shape, type: "float", range: reaches, from: new Set([name]) };
    this.#add(term);
    return term;
  }

  /** `name = text`, brought back into reach where it may be far out. */
  #bind(
    c: Choices,
    text: string,
    shape: Shape,
    reaches: Range,
    operands: readonly Term[],
    type: Term["type"] = "float",
    classes?: number,
  ): true {
    const name = `t${this.#names++}`;
    let written: Written = { text, range: reaches };
    const most = reach(reaches);
    if (type === "float" && most > REACH) {
      const k = Number((4 / most).toPrecision(1));
      const scaled: Written = { text: `${k} * (${text})`, range: times(reaches, range(k, k)) };
      written = c.pick([
        scaled,
        { text: `tanh(${scaled.text})`, range: range(-1, 1) },
        { text: `softsign(${scaled.text})`, range: range(-1, 1) },
      ]);
    }
    this.#lines.push(`${name} = ${written.text}`);
    for (const o of operands) this.#unused.delete(o.text);
    const from = new Set([name, ...operands.flatMap((o) => [...o.from])]);
    this.#add({
      text: name,
      shape,
      type,
      range: written.range,
      ...(classes === undefined ? {} : { classes }),
      from,
    });
    return true;
  }

  /** One of the last floats. */
  #float(c: Choices, suits: (t: Term) => boolean = () => true): Term {
    const floats = this.#terms.filter((t) => t.type === "float" && suits(t));
    return floats.toReversed()[Math.min(c.below(6), c.below(6), floats.length - 1)]!;
  }

  #maybe(c: Choices, suits: (t: Term) => boolean): Term | null {
    const found = this.#terms.filter((t) => suits(t)).toReversed();
    return found.length === 0 ? null : c.pick(found);
  }

  // ------------------------------------------------------------------------------------------ each entry

  #apply(c: Choices, x: Term, table: readonly ((x: Written) => Written)[]): true {
    const { text, range: reaches } = c.pick(table)(x);
    return this.#bind(c, text, x.shape, reaches, [x]);
  }

  #binary(c: Choices, x: Term): boolean {
    const y = this.#maybe(c, (t) => t.type === "float" && broadcastShape(x.shape, t.shape) !== null)!;
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
    return this.#bind(c, written.text, shape, written.range, [x, y]);
  }

  #choose(c: Choices, x: Term): boolean {
    const y = this.#maybe(c, (t) => t.type === "float" && broadcastShape(x.shape, t.shape) !== null)!;
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
      mask = { ...this.#side("m", [free()], "bool"), shape: column };
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
    return this.#bind(c, text, made, union(union(x.range, y.range), range(-3, 3)), operands);
  }

  // ----------------------------------------------------------------------------------------- over axes

  #reduce(c: Choices, x: Term): boolean {
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
    const axis = everything
      ? ""
      : `, axis = ${written.length === 1 ? written[0] : `[${written.join(", ")}]`}`;
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
    return this.#bind(c, made.text, shape, made.range, [x]);
  }

  #normalize(c: Choices, x: Term): boolean {
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
    return this.#bind(c, made.text, x.shape, made.range, [x]);
  }

  // ------------------------------------------------------------------------------------------ products

  #product(c: Choices, x: Term): boolean {
    const options: { text: string; shape: Shape; depth: Size; operands: Term[] }[] = [];
    for (const y of this.#terms.filter((t) => t.type === "float" && t.shape.length > 0)) {
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
    return this.#bind(c, text, shape, reaches, operands);
  }

  #layer(c: Choices, x: Term): boolean {
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
        return this.#bind(c, `${t} |> dense(${units}, ${act})`, shape, reaches, [x]);
      case 1:
        return this.#bind(c, `dense(${t}, ${units}, use_bias = false)`, shape, reaches, [x]);
      case 2:
        return this.#bind(c, `glu(${t}, ${units})`, shape, reaches, [x]);
      case 3:
        return this.#bind(c, `maxout(${t}, ${units})`, shape, reaches, [x]);
      case 4:
        return this.#bind(c, `prelu(${t})`, x.shape, x.range, [x]);
      case 5:
        return this.#bind(c, `dropout(${t}, 0.25)`, x.shape, times(x.range, range(0, 1.4)), [x]);
      case 6: {
        this.#define(
          "layer highway(x: [..., I], act = tanh) {\n  g = dense(x, I, sigmoid)\n  return g * dense(x, I, act) + (1 - g) * x\n}",
        );
        return this.#bind(c, `highway(${t}, ${act})`, x.shape, times(reaches, range(0, 2)), [x]);
      }
      case 7:
        if (countOf(last) % 2 === 0) return this.#reversible(c, x, countOf(last) / 2, act);
        return this.#bind(c, `dense(${t}, ${units}, ${act})`, shape, reaches, [x]);
      default:
        return this.#bind(c, `dense(${t}, ${units}, ${act})`, shape, reaches, [x]);
    }
  }

  /** One or two blocks: of the second all of the first is undone. */
  #reversible(c: Choices, x: Term, half: number, act: string): true {
    const first = `reversible(${x.text}, z => dense(z, ${half}, tanh), z => tanh(dense(z, ${half}, ${act})))`;
    const second = `reversible(z => glu(z, ${half}) / ${half + 2}, z => dense(z, ${half}, sigmoid))`;
    const once = plus(x.range, range(-1, 1));
    if (!c.once(2)) return this.#bind(c, first, x.shape, once, [x]);
    // The unit is within √(6 half) reach + 1, and √(6 half) < half + 2.
    const most = reach(once) + 1;
    return this.#bind(c, `${first} |> ${second}`, x.shape, plus(once, range(-most, most)), [x]);
  }

  // ----------------------------------------------------------------------------------------- movement

  #reshape(c: Choices, x: Term): boolean {
    const all = elements(x.shape)!;
    const shapes: Shape[] = [[all], [ONE, all], [all, ONE], x.shape.toReversed()];
    for (const k of [2, 3, 4]) {
      if (countOf(all) % k !== 0) continue;
      shapes.push([divideSize(all, fixed(k))!, fixed(k)]);
      if (!isFree(all)) shapes.push([fixed(k), fixed(countOf(all) / k)]);
    }
    const shape = c.pick(shapes.filter((s) => fits(s)));
    const sizes = shape.map(showSize);
    const hidden = c.below(4);
    if (hidden < sizes.length) sizes[hidden] = "-1";
    return this.#bind(c, `reshape(${x.text}, [${sizes.join(", ")}])`, shape, x.range, [x]);
  }

  #transpose(c: Choices, x: Term): boolean {
    const rank = x.shape.length;
    if (rank < 2) return false;
    if (c.once(2)) {
      const shape = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!];
      return this.#bind(c, `${x.text}'`, shape, x.range, [x]);
    }
    const order = x.shape.map((_, axis) => axis);
    const axes = c.pick([order.toReversed(), [...order.slice(1), 0], [rank - 1, ...order.slice(0, -1)]]);
    return this.#bind(
      c,
      `transpose(${x.text}, [${axes.join(", ")}])`,
      axes.map((axis) => x.shape[axis]!),
      x.range,
      [x],
    );
  }

  #index(c: Choices, x: Term): boolean {
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
    return this.#bind(c, `${x.text}[${parts.join(", ")}]`, shape, x.range, [x]);
  }

  /** A formula entry by entry. */
  #indexed(c: Choices, x: Term): boolean {
    const found = indexed(c, x, {
      weight: (shape) => this.#param(c, shape),
      labels: () => this.#side("k", [free()], { classes: CLASSES }),
    });
    if (found === null) return false;
    const name = `v${this.#names++}`;
    this.#lines.push(`${name}${found.left === "" ? "" : `[${found.left}]`} = ${found.formula}`);
    return this.#bind(c, name, found.shape, found.range, found.operands);
  }

  /** What is made of sequences or planes: of `x`, or of its rows made into some. */
  #ofSequence(c: Choices, x: Term, make: (c: Choices, x: Made) => Made | null): boolean {
    const last = x.shape.at(-1);
    if (x.shape.length !== 2 || !isFree(x.shape[0]!) || last === undefined || isFree(last) || c.once(5))
      return this.#made(c, x, make(c, x));
    const shape = c.pick([
      [free(), fixed(3), fixed(4)],
      [free(), fixed(4), fixed(2)],
      [free(), fixed(2), fixed(3), fixed(2)],
    ]);
    const units = shape.slice(1).reduce((product, size) => product * countOf(size), 1);
    // Whole examples: rows of the batch laid one after the other are not these.
    const rows = countOf(x.shape[0]!) === 1 ? shape : shape.with(0, x.shape[0]!);
    const name = `v${this.#names++}`;
    const found = make(c, { text: name, shape: rows, range: range(-1, 1) });
    if (found === null) return false;
    this.#lines.push(`${name} = reshape(dense(${x.text}, ${units}, tanh), ${showShape(rows)})`);
    return this.#made(c, x, found);
  }

  #embedding(c: Choices): boolean {
    const [k, size] = [this.#side("k", [free()], { classes: CLASSES }), c.pick([3, 2, 4])];
    // Drawn from the normal distribution.
    return this.#bind(c, `embedding(k, ${CLASSES}, ${size})`, [free(), fixed(size)], range(-6, 6), [k]);
  }

  /** A layer of windows; of rows made into sequences or planes where x has none. */
  #windows(c: Choices, x: Term): boolean {
    if (x.shape.length > 2) return this.#made(c, x, windowLayer(c, x) ?? windowed(c, x));
    const shape = c.pick([
      [free(), fixed(6), fixed(2)],
      [free(), fixed(4), fixed(3), fixed(2)],
      [free(), fixed(5), fixed(4)],
    ]);
    const last = x.shape.at(-1);
    if (x.shape.length !== 2 || !isFree(x.shape[0]!) || last === undefined || isFree(last))
      return this.#made(c, x, windowed(c, x));
    const units = shape.slice(1).reduce((product, size) => product * countOf(size), 1);
    const text = `reshape(dense(${x.text}, ${units}, tanh), ${showShape(shape)})`;
    return this.#made(c, x, windowLayer(c, { text, shape, range: range(-1, 1) }));
  }

  #made(c: Choices, x: Term, found: Made | null): boolean {
    return found !== null && this.#bind(c, found.text, found.shape, found.range, [x]);
  }

  /** Parts of a tensor, or of a product that nothing else reads. */
  #parts(c: Choices, x: Term): boolean {
    const last = x.shape.at(-1);
    const units = c.pick([6, 4, 9]);
    const wide = [...x.shape.slice(0, -1), fixed(units)];
    const ofLayer = c.once(2) && last !== undefined && !isFree(last) && fits(wide);
    const most = ofLayer ? Math.sqrt(6 * countOf(last)) * reach(x.range) + 1 : reach(x.range);
    const text = ofLayer ? `h${this.#names++}` : x.text;
    const found = parts(c, { text, shape: ofLayer ? wide : x.shape, range: range(-most, most) });
    if (found === null) return false;
    if (ofLayer) this.#lines.push(`${text} = dense(${x.text}, ${units}, ${c.pick(["identity", "tanh"])})`);
    return this.#bind(c, found.text, found.shape, found.range, [x]);
  }

  #join(c: Choices, x: Term): boolean {
    const rank = x.shape.length;
    const same = this.#maybe(c, (t) => t.type === "float" && sameShape(t.shape, x.shape))!;
    if (rank === 0 || c.once(2)) {
      const axis = c.below(rank + 1);
      const shape = x.shape.toSpliced(axis, 0, fixed(2));
      if (!fits(shape)) return false;
      return this.#bind(
        c,
        `stack([${x.text}, ${same.text}], axis = ${axis})`,
        shape,
        union(x.range, same.range),
        [x, same],
      );
    }
    const axis = c.below(rank);
    // Joined along the batch there is no derivative.
    if (isFree(x.shape[axis]!)) return false;
    const others = (s: Shape): Shape => s.toSpliced(axis, 1);
    const y = this.#maybe(
      c,
      (t) =>
        t.type === "float" &&
        t.shape.length === rank &&
        sameShape(others(t.shape), others(x.shape)) &&
        isFree(t.shape[axis]!) === isFree(x.shape[axis]!),
    )!;
    const shape = x.shape.with(axis, sumOfSizes([x.shape[axis]!, y.shape[axis]!]));
    if (!fits(shape)) return false;
    return this.#bind(c, `concat([${x.text}, ${y.text}], axis = ${axis})`, shape, union(x.range, y.range), [
      x,
      y,
    ]);
  }

  #broadcast(c: Choices, x: Term): boolean {
    const shape = x.shape.map((s) => (isOne(s) ? fixed(3) : s));
    const wide = shape.some((s) => isFree(s)) || c.once(2) ? [fixed(2), ...shape] : [free(), ...shape];
    if (!fits(wide)) return false;
    return this.#bind(c, `broadcast(${x.text}, ${showShape(wide)})`, wide, x.range, [x]);
  }

  // -------------------------------------------------------------------------------- labels, derivatives

  #labels(c: Choices, x: Term): boolean {
    const [first, ...inner] = x.shape;
    const last = x.shape.at(-1);
    if (first !== undefined && sameSize(first, free()) && inner.length === 1 && countOf(last!) === CLASSES) {
      const k = this.#side("k", [free()], { classes: CLASSES });
      const label = c.pick([
        "k",
        `${CLASSES - 1} - k`,
        "max(k - 1, 0)",
        "abs(k - 1)",
        "where(k > 0, k - 1, 1)",
      ]);
      return this.#bind(c, `gather(${x.text}, ${label})`, [free()], x.range, [x, k]);
    }
    switch (c.below(7)) {
      case 0: {
        const k = this.#side("k", [free()], { classes: CLASSES });
        return this.#bind(
          c,
          `one_hot(${c.pick(["k", `min(k + 1, ${CLASSES - 1})`])}, ${CLASSES}) * ${c.constant(0.3, 2)}`,
          [free(), fixed(CLASSES)],
          range(0, 2),
          [k],
        );
      }
      case 1: {
        if (last === undefined || isFree(last) || x.shape.length < 2) return false;
        const shape = x.shape;
        return this.#bind(
          c,
          `${x.text} * one_hot(argmax(${x.text}, axis = -1), ${countOf(last)})`,
          shape,
          union(x.range, range(0, 0)),
          [x],
        );
      }
      case 2: {
        if (last === undefined || isFree(last)) return false;
        return this.#bind(
          c,
          `${x.text} * (0.5 + iota(${countOf(last)}))`,
          x.shape,
          times(x.range, range(0, countOf(last))),
          [x],
        );
      }
      case 3:
        if (last === undefined || isFree(last)) return false;
        return this.#bind(
          c,
          `cumsum(${x.text}, axis = -1)`,
          x.shape,
          times(x.range, range(0, countOf(last))),
          [x],
        );
      case 4:
        if (last === undefined || isFree(last)) return false;
        return this.#bind(c, `cumprod(tanh(${x.text}), axis = -1)`, x.shape, range(-1, 1), [x]);
      case 5: {
        if (first === undefined || isFree(first)) return false;
        const ids = Array.from({ length: 3 }, () => c.below(countOf(first)));
        return this.#bind(c, `take(${x.text}, [${ids.join(", ")}])`, [fixed(3), ...inner], x.range, [x]);
      }
      default: {
        if (last === undefined || isFree(last) || x.shape.length !== 2) return false;
        const labels = Array.from({ length: isFree(first!) ? 0 : countOf(first!) }, () =>
          c.below(countOf(last)),
        );
        if (labels.length === 0) return false;
        return this.#bind(c, `gather(${x.text}, [${labels.join(", ")}])`, [first!], x.range, [x]);
      }
    }
  }

  /** Derivatives as formulas, which the loss differentiates again. */
  #derivative(c: Choices, x: Term): boolean {
    if (x.text.startsWith("w") && c.once(2)) return false;
    // The derivative of a derivative by what lies on the way depends on how the inner one is
    // written: 1 - tanh² moves with tanh, 1 / cosh² does not.
    const onTheWay = (t: Term): boolean =>
      [...t.from].some((name) => {
        const by = this.#derivedBy.get(name);
        return by !== undefined && by !== x.text && x.from.has(by);
      });
    const user = this.#maybe(c, (t) => t.type === "float" && t !== x && t.from.has(x.text) && !onTheWay(t));
    const inner = c.pick([
      `sum(tanh(${x.text}) * ${x.text})`,
      `sum(sin(${x.text})^2)`,
      `mean(softplus(${x.text}))`,
      `sum(${x.text}^3)`,
    ]);
    const scalar = user !== null && !c.once(3) ? `sum(sin(${user.text}))` : inner;
    const operands: readonly [Term, ...Term[]] = user === null ? [x] : [x, user];
    const size = elements(x.shape)!;
    if (!isFree(size) && countOf(size) <= 6 && c.once(3)) {
      const shape = [...x.shape, ...x.shape];
      if (!fits(shape)) return false;
      const vector = `softmax(sin(${x.text}) * 2${x.shape.length === 0 ? " + [0]" : ""})`;
      const made = x.shape.length === 0 ? [ONE] : shape;
      return this.#derived(c, `tanh(jacobian(${vector}, ${x.text}))`, made, [x]);
    }
    const text = c.pick([`tanh(grad(${scalar}, ${x.text}))`, `softsign(0.3 * grad(${scalar}, ${x.text}))`]);
    return this.#derived(c, text, x.shape, operands);
  }

  /** @param operands by the first of which it is derived */
  #derived(c: Choices, text: string, shape: Shape, operands: readonly [Term, ...Term[]]): true {
    this.#bind(c, text, shape, range(-1, 1), operands);
    this.#derivedBy.set(this.#terms.at(-1)!.text, operands[0].text);
    return true;
  }

  #parameter(c: Choices, x: Term): boolean {
    const axes = x.shape.filter((s) => !isFree(s));
    const shape = c.pick([axes, axes.slice(-1), axes.slice(0, 2).toReversed(), []]);
    if (!fits(shape)) return false;
    const kind = c.pick(["param", "param", "param", "frozen param"]);
    const [low, high] = c.pick([[-1, 1] as const, [0.3, 1.5] as const]);
    const w = this.#param(c, shape, low, high, kind);
    if (broadcastShape(x.shape, w.shape) === null) return true;
    return this.#bind(
      c,
      `${x.text} * ${w.text}`,
      broadcastShape(x.shape, w.shape)!,
      times(x.range, w.range),
      [x, w],
    );
  }

  #control(c: Choices, x: Term): boolean {
    const name = `u${this.#names++}`;
    switch (c.below(3)) {
      case 0:
        this.#lines.push(
          `${name} = ${x.text}`,
          `for i in 1..3 { ${name} = sin(${name}) / i + 0.2 * ${x.text} }`,
        );
        return this.#bind(c, name, x.shape, plus(range(-1, 1), times(x.range, range(0.2, 0.2))), [x]);
      case 1:
        this.#define("fn blend(a, b, share = 0.4) = share * a + (1 - share) * b");
        return this.#bind(c, `blend(${x.text}, cos(${x.text}))`, x.shape, union(x.range, range(-1, 1)), [x]);
      default:
        this.#define(
          "fn bump(x, turns) {\n  if turns == 0 { return x }\n  return bump(sin(x) + 0.3 * x^2 / (1 + x^2), turns - 1)\n}",
        );
        return this.#bind(c, `bump(${x.text}, 2)`, x.shape, range(-1, 1.3), [x]);
    }
  }

  #define(text: string): void {
    if (!this.#definitions.includes(text)) this.#definitions.push(text);
  }

  // ---------------------------------------------------------------------------------------------- loss

  #loss(c: Choices, z: Term): void {
    const t = z.text;
    const scalarized: string[] = [`mean(${t}^2)`, `mean(sin(${t}))`, `sum(tanh(${t})) / ${largest(z.shape)}`];
    const target = (values: Given["values"], shape = z.shape): void => {
      this.#inputs.push({ name: "y", shape, values });
      this.#lines.push(`target y: ${typeof values === "object" ? "int" : ""}${showShape(shape)}`);
    };
    const loss = (text: string): void => void this.#lines.push(`loss ${text}`);
    const last = z.shape.at(-1);
    const classes = last === undefined || isFree(last) ? 0 : countOf(last);
    switch (c.below(22)) {
      case 0:
        target("float");
        return loss(`mse(${t}, y)`);
      case 1:
        target("float");
        // Far from where the root has no slope.
        return loss(`rmse(2 * tanh(${t}), y + 4)`);
      case 2:
        target("float");
        return loss(`mae(${t}, y)`);
      case 3:
        target("float");
        return loss(`huber(${t}, y, delta = ${c.constant(0.3, 1.5)})`);
      case 4:
        target("probability");
        return loss(`bce(sigmoid(${t}), y)`);
      case 5:
        target("probability");
        return loss(`bce_with_logits(${t}, y)`);
      case 6:
        target("side");
        return loss(`hinge(${t}, y)`);
      case 7:
        // Of one column there is none to choose, and the compiler says so.
        if (classes > 1) target("float");
        return loss(classes > 1 ? `soft_cross_entropy(${t}, softmax(y))` : scalarized[0]!);
      case 8:
        if (classes > 0) target("float");
        return loss(classes > 0 ? `kl_div(log_softmax(${t}), softmax(y))` : scalarized[1]!);
      case 9:
      case 10:
      case 11:
        if (classes < 2) return loss(c.pick(scalarized));
        target({ classes }, z.shape.slice(0, -1));
        return loss(
          c.pick([
            `cross_entropy(${t}, y)`,
            `nll(log_softmax(${t}), y)`,
            `mean(-gather(log(softmax(${t})), y))`,
            `log(perplexity(${t}, y, ignore = ${c.below(classes)}))`,
            `cross_entropy(${t}, y, label_smoothing = 0.1)`,
            `cross_entropy(${t}, y, weight = 0.5 + iota(${classes}), ignore = ${c.below(classes)})`,
          ]),
        );
      case 12:
        target("probability");
        return loss(`focal(${t}, y${c.pick(["", ", alpha = -1", ", gamma = 1.5"])})`);
      case 13:
        target("float");
        if (classes === 0) return loss(`mse(${t}, y)`);
        return loss(
          `triplet(${t}, y, 2 + cos(${t})${c.pick(["", ", swap = true", ", p = 3", ", p = inf"])})`,
        );
      case 14:
        target("float");
        return loss(
          classes === 0 ? `mse(${t}, y)` : `mean(1 - cosine_similarity(2 + tanh(${t}), y + 0.1 * sin(${t})))`,
        );
      case 15:
        if (classes === 0) return loss(scalarized[2]!);
        target("probability", z.shape.slice(0, -1));
        return loss(`contrastive(${t}, sin(${t}) + 1.5, y, margin = 2)`);
      default:
        return loss(c.pick(scalarized));
    }
  }
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
