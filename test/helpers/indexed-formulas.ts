/** Random formulas with indices, and what loops over their indices give. */
import fc from "fast-check";
import type { analyze } from "../../compiler/analyze.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { parametersOf } from "../../compiler/graph/model.ts";
import { showShape } from "../../compiler/ir/size.ts";
import { type read as readWith, valueOf, values } from "./elaborated.ts";

type Indices = Readonly<Record<string, number>>;
type Tensors = readonly (readonly number[])[];
/** A formula as text, and what it is worth. */
interface Written {
  readonly text: string;
  readonly value: (at: Indices, tensors: Tensors) => number;
}
/** Whole numbers below `below`. */
type Draw = (below: number) => number;

/** The formula `y[…] = …` with what is in it. */
class Formula {
  readonly sizes: Indices;
  readonly left: readonly string[];
  readonly reduced: readonly string[];
  readonly shapes: number[][] = [];
  readonly alone = new Set<string>();
  readonly #draw: Draw;

  constructor(draw: Draw) {
    this.#draw = draw;
    this.left = ["i", "j", "k"].slice(0, 1 + draw(3));
    this.reduced = ["u", "v"].slice(0, draw(3));
    this.sizes = Object.fromEntries([...this.left, ...this.reduced].map((name) => [name, 1 + draw(4)]));
  }

  /** `x0[i, 2 * j - u + 1]` */
  entry(names: readonly string[]): Written {
    const draw = this.#draw;
    const number = this.shapes.length;
    const shape: number[] = [];
    const subscripts = Array.from({ length: 1 + draw(3) }, (): Written => {
      const name = names[draw(names.length)]!;
      const kind = draw(4);
      if (kind === 0) {
        const size = 1 + draw(3);
        shape.push(size);
        const c = draw(2 * size) - size;
        return { text: String(c), value: () => (c < 0 ? c + size : c) };
      }
      if (kind === 1) {
        shape.push(this.sizes[name]!);
        this.alone.add(name);
        return { text: name, value: (at) => at[name]! };
      }
      const terms = [...new Set(Array.from({ length: 1 + draw(3) }, () => names[draw(names.length)]!))].map(
        (index) => ({ index, factor: [1, 2, -1, 3, -2][draw(5)]! }),
      );
      const reach = (sign: 1 | -1): number =>
        terms.reduce(
          (sum, { index, factor }) => sum + Math.max(0, sign * factor) * (this.sizes[index]! - 1),
          0,
        );
      const constant = reach(-1) + draw(2);
      shape.push(constant + reach(1) + 1 + draw(2));
      const written = terms.map(
        ({ index, factor }) => `${factor < 0 ? "-" : "+"} ${Math.abs(factor)} * ${index}`,
      );
      return {
        text: [constant, ...written].join(" "),
        value: (at) => terms.reduce((sum, { index, factor }) => sum + factor * at[index]!, constant),
      };
    });
    this.shapes.push(shape);
    return {
      text: `x${number}[${subscripts.map(({ text }) => text).join(", ")}]`,
      value: (at, tensors) =>
        tensors[number]![
          subscripts.reduce((place, { value }, axis) => place * shape[axis]! + value(at, tensors), 0)
        ]!,
    };
  }

  /** A product, a choice between entries, or a sum of them. */
  body(names: readonly string[]): Written {
    const kind = this.#draw(4);
    const a = this.entry(names);
    if (kind === 0) return a;
    const b = this.entry(names);
    switch (kind) {
      case 1: {
        const [p, q] = [names[this.#draw(names.length)]!, names[this.#draw(names.length)]!];
        return {
          text: `where(${p} <= ${q}, ${a.text}, ${p} - ${b.text})`,
          value: (at, x) => (at[p]! <= at[q]! ? a.value(at, x) : at[p]! - b.value(at, x)),
        };
      }
      case 2: {
        const c = this.entry(names);
        return {
          text: `(${a.text} * ${b.text} - ${c.text})`,
          value: (at, x) => a.value(at, x) * b.value(at, x) - c.value(at, x),
        };
      }
      default:
        return { text: `${a.text} * ${b.text}`, value: (at, x) => a.value(at, x) * b.value(at, x) };
    }
  }

  right(): Written {
    if (this.reduced.length === 0) return this.body(this.left);
    const reducer = ["sum", "sum", "mean", "max"][this.#draw(4)]!;
    const body = this.body([...this.left, ...this.reduced]);
    const after = this.#draw(2) === 0 ? null : this.entry(this.left);
    const all = (at: Indices): Indices[] =>
      placesOf(this.reduced, this.sizes).map((inner) => ({ ...at, ...inner }));
    const head = this.reduced.map((name) => this.#binder(name)).join(", ");
    return {
      text: `${reducer}[${head}] ${body.text}${after === null ? "" : ` + ${after.text}`}`,
      value: (at, x) => {
        const each = all(at).map((place) => body.value(place, x));
        const sum = each.reduce((total, value) => total + value, 0);
        const reduced = reducer === "max" ? Math.max(...each) : reducer === "mean" ? sum / each.length : sum;
        return reduced + (after?.value(at, x) ?? 0);
      },
    };
  }

  /** Where an index stands alone as a subscript, its range need not be written. */
  #binder(name: string): string {
    return this.alone.has(name) ? name : `${name} in 0..${this.sizes[name]}`;
  }
  get head(): string {
    return this.left.map((name) => this.#binder(name)).join(", ");
  }
}

const placesOf = (names: readonly string[], sizes: Indices): Indices[] =>
  names.reduce<Indices[]>(
    (places, name) =>
      places.flatMap((place) => Array.from({ length: sizes[name]! }, (_, i) => ({ ...place, [name]: i }))),
    [{}],
  );

const table = (shape: readonly number[], data: readonly number[]): string => {
  const [size, ...rest] = shape;
  if (size === undefined) return String(data[0]);
  const part = data.length / size;
  return `[${Array.from({ length: size }, (_, i) => table(rest, data.slice(i * part, (i + 1) * part))).join(", ")}]`;
};

interface Drawn {
  /** A model whose parameters are what the formula reads. */
  readonly text: string;
  readonly formula: Formula;
  readonly right: Written;
  readonly tensors: Tensors;
  readonly places: readonly Indices[];
  /** What the loss has of each entry. */
  readonly weights: readonly number[];
}

export const formulas: fc.Arbitrary<Drawn> = fc.gen().map((gen) => {
  const draw: Draw = (below) => gen(fc.integer, { min: 0, max: below - 1 });
  const formula = new Formula(draw);
  const right = formula.right();
  const numbers = (shape: readonly number[], number: number): number[] =>
    Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      (_, i) => ((i * 7 + number * 5 + 3) % 13) / 4 - 1.5,
    );
  const tensors = formula.shapes.map(numbers);
  const places = placesOf(formula.left, formula.sizes);
  const weights = places.map((_, i) => ((i * 5) % 7) / 2 - 1);
  const lines = [
    ...tensors.map((data, i) => `param x${i} = ${table(formula.shapes[i]!, data)}`),
    `y[${formula.head}] = ${right.text}`,
    "output y = y",
    `loss sum(y * ${table(
      formula.left.map((name) => formula.sizes[name]!),
      weights,
    )})`,
  ];
  return { text: `model M {\n${lines.join("\n")}\n}`, formula, right, tensors, places, weights };
});

const near = (a: number | undefined, b: number): boolean => Math.abs((a ?? NaN) - b) < 5e-9;

/** Where values or gradients differ from those of loops; null where they do not. */
export async function faultOfFormula(
  { text, formula, right, tensors, places, weights }: Drawn,
  /** That of the compiler, or of one made wrong. */
  analyzed: typeof analyze,
): Promise<string | null> {
  const { joint } = await analyzed(text);
  const environment = {
    n: 1,
    inputs: new Map(),
    parameters: new Map(tensors.map((data, i) => [i, values(formula.shapes[i]!, data)])),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 0,
  };
  const gradients = parametersOf(joint).map(({ gradient }) => gradient);
  const [y, ...flows] = evaluate(
    [joint.roots.outputs[0]!.node, ...gradients.filter((g) => g !== null)],
    environment,
  );
  for (const [i, at] of places.entries())
    if (!near(y!.data[i], right.value(at, tensors))) return `${text}\nentry ${i} is ${y!.data[i]}`;

  if (/max\[/.test(text)) return null;
  const loss = (x: Tensors): number =>
    places.reduce((sum, at, i) => sum + weights[i]! * right.value(at, x), 0);
  for (const [number, gradient] of gradients.entries()) {
    if (gradient === null) continue;
    const flow = flows[gradients.slice(0, number).filter((g) => g !== null).length]!;
    const { length } = tensors[number]!;
    for (let place = 0; place < length; place += Math.ceil(length / 5)) {
      const moved = (by: number): Tensors =>
        tensors.map((data, t) => (t === number ? data.map((v, i) => (i === place ? v + by : v)) : data));
      // The loss is linear in each entry.
      const slope = loss(moved(0.5)) - loss(moved(-0.5));
      if (!near(flow.data[place], slope))
        return `${text}\nd loss / d x${number}, entry ${place}, is ${flow.data[place]}, not ${slope}`;
    }
  }
  return null;
}

/** Formulas whose ranges are not written, and the shape that follows, or what is said. */
export const rangeCases: readonly (readonly [formula: string, found: string])[] = [
  ["y[i] = a[i + 1] + b[2 * i]", "[2]"],
  ["y[i, u in 0..2] = a[2 * i + 3 * u]", "[2, 2]"],
  ["y[i] = a[5 - 2 * i]", "[3]"],
  ["y[i in 0..3] = a[2 * i]", "[3]"],
  ["y[i in 0..4] = a[2 * i]", "subscript-outside"],
  ["y[i in 0..4] = a[3 - i] + a[i]", "[4]"],
  ["y[i in 0..5] = a[3 - i]", "subscript-outside"],
  ["y[..., i] = x[..., i] * w[..., i]", "[N, 3, 4]"],
  ["y[i] = a[i] + b[i]", "index-range-mismatch"],
  ["y[i] = a[2 * i + 1 - 1]", "[3]"],
  ["y[n, ...] = x[n, ...]", "[N, 3, 4]"],
];

/** Formulas of a = 1 … 6 and b = 1 … 4, and their entries. */
export const entryCases: readonly (readonly [formula: string, entries: readonly number[]])[] = [
  ["y[i in 0..3, j in 0..2] = 3 * i + 2 * j + 1", [1, 3, 4, 6, 7, 9]],
  ["y[i in 0..3] = a[-i + 5]", [6, 5, 4]],
  ["y[i in 0..3] = a[i * 2]", [1, 3, 5]],
  ["y[i in 0..3] = a[i] + b[i - i + 2]", [4, 5, 6]],
];

/** The entries of one of them, by a compiler. */
export async function entriesIn(formula: string, read: typeof readWith): Promise<readonly number[]> {
  const { model, rendered } = await read(`model M {
    param a = [1, 2, 3, 4, 5, 6]
    param b = [1, 2, 3, 4]
    ${formula}
    output y = y
  }`);
  if (model === null) throw new Error(rendered);
  const parameters = new Map(
    [6, 4].map((size, i) => [
      i,
      values(
        [size],
        Array.from({ length: size }, (_, k) => k + 1),
      ),
    ]),
  );
  return valueOf([model.roots.outputs[0]!.node], { parameters })[0]!;
}

/** What follows from one of them, by a compiler. */
export async function rangesIn(formula: string, read: typeof readWith): Promise<string> {
  const { model, diagnostics } = await read(`model M {
    input x: [N, 3, 4]
    param a = [1, 2, 3, 4, 5, 6]
    param b = [1, 2, 3, 4]
    param w: [3, 4] ~ ones
    ${formula}
    output y = y
    output z = x
  }`);
  return model === null ? diagnostics[0]!.code : showShape(model.roots.outputs[0]!.node.shape);
}
