/**
 * Random well-shaped programs, as text. Each statement of a program is drawn from numbers of its
 * own, so that fast-check shrinks a program by leaving statements out.
 */
import fc from "fast-check";
import { fixed, free, isFree, ONE, type Shape } from "../../compiler/ir/size.ts";
import { Choices } from "./choices.ts";
import { functions, steps, textbook } from "./functions.ts";
import { type Given, Program } from "./program.ts";
import { range, times } from "./range.ts";
import { attention, enlarged, normalized, ordered } from "./sequences.ts";
import { batches, type Term } from "./terms.ts";
import { windowed } from "./windows.ts";
import { normalize, product, reduce } from "./statements/axes.ts";
import { control, derivative, parameter } from "./statements/derivatives.ts";
import { apply, binary, choose } from "./statements/elementwise.ts";
import { labels } from "./statements/labels.ts";
import { embedding, layer, made, ofSequence, windows } from "./statements/layers.ts";
import { loop, recurrent } from "./statements/loops.ts";
import { loss } from "./statements/losses.ts";
import {
  index,
  indexedFormula,
  joined,
  partsOf,
  reshape,
  stretched,
  transpose,
} from "./statements/movement.ts";

export interface Case {
  readonly source: string;
  readonly inputs: readonly Given[];
  readonly batch: number;
  /** Of the data and of the first values. */
  readonly seed: number;
}

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
    const program = begin(new Choices(head));
    for (const numbers of body) grow(program, new Choices(numbers));
    finish(program, new Choices(tail));
    return { source: program.source, inputs: program.inputs, batch, seed };
  });

/** Inputs, and parameters that they are multiplied by. */
function begin(c: Choices): Program {
  const p = new Program();
  const width = fixed(c.pick([3, 4, 2, 5, 1, 9]));
  p.input("x", [free(), width], "float");
  scale(p, c, p.terms[0]!);
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
    p.input("a", shape, "float");
    scale(p, c, p.terms.at(-1)!);
  }
  const weight = p.param(c, [fixed(c.pick([3, 2, 4])), width]);
  if (c.once(2)) return p;
  p.bind(c, `x @ ${weight.text}'`, [free(), weight.shape[0]!], range(-9, 9), [p.terms[0]!, weight]);
  return p;
}

/** An input times parameters, so that what is made of it has gradients. */
function scale(p: Program, c: Choices, x: Term): void {
  const last = x.shape.at(-1)!;
  const w = p.param(c, isFree(last) ? [ONE] : [last], 0.3, 1.5);
  p.bind(c, `${x.text} * ${w.text}`, x.shape, times(x.range, w.range), [x, w]);
}

/** One statement more. */
function grow(p: Program, c: Choices): void {
  const x = p.float(c);
  const made = rule(p, c, x);
  if (!made) apply(p, c, x, functions);
}

/** The kinds of statement; false where this one has no operands to work on. */
function rule(p: Program, c: Choices, x: Term): boolean {
  switch (c.below(43)) {
    case 0:
    case 1:
    case 2:
      return apply(p, c, x, functions);
    case 3:
      return apply(p, c, x, textbook);
    case 4:
      return apply(p, c, x, steps);
    case 5:
    case 6:
    case 7:
      return binary(p, c, x);
    case 8:
      return choose(p, c, x);
    case 9:
    case 10:
    case 11:
      return reduce(p, c, x);
    case 12:
    case 13:
      return product(p, c, x);
    case 14:
    case 15:
      return layer(p, c, x);
    case 16:
      return normalize(p, c, x);
    case 17:
      return reshape(p, c, x);
    case 18:
      return transpose(p, c, x);
    case 19:
      return index(p, c, x);
    case 20:
      return joined(p, c, x);
    case 21:
      return labels(p, c, x);
    case 22:
      return stretched(p, c, x);
    case 23:
      return derivative(p, c, x);
    case 24:
      return parameter(p, c, x);
    case 26:
    case 27:
      return partsOf(p, c, x);
    case 28:
      return made(p, c, x, windowed(c, x));
    case 29:
    case 30:
      return windows(p, c, x);
    case 31:
    case 32:
    case 33:
    case 34:
      return indexedFormula(p, c, x);
    case 39:
    case 40:
      return loop(p, c, x);
    case 41:
      return ofSequence(p, c, x, recurrent);
    case 35:
      return ofSequence(p, c, x, attention);
    case 36:
      return ofSequence(p, c, x, normalized);
    case 37:
      return made(p, c, x, ordered(c, x));
    case 38:
      return c.once(2) ? ofSequence(p, c, x, enlarged) : embedding(p, c);
    default:
      return control(p, c, x);
  }
}

/** The output and the loss: everything that was made and not used has a part in it. */
function finish(p: Program, c: Choices): void {
  const floats = p.terms.filter((t) => t.type === "float" && t.from.size > 0);
  const last = floats.at(-1) ?? p.terms[0]!;
  p.line(`output out = ${last.text}`);
  p.use(last);
  loss(p, c, last);
  const rest = p.unused.slice(0, 6);
  if (rest.length > 0) {
    const parts = rest.map((t) => c.pick([`mean(${t.text})`, `mean(${t.text}^2)`, `mean(sin(${t.text}))`]));
    p.line(`loss 0.5 * (${parts.join(" + ")})`);
  }
  if (c.once(3)) {
    p.line(c.pick(["loss 0.01 * l2(weights)", "loss 0.01 * l1(params)", "loss 0.1 * l2(params)"]));
  }
}
