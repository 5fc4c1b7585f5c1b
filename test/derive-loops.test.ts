/**
 * Recurrences as `derive` writes them: read as the mathematics that they are, by a reader that knows nothing of the
 * compiler, their gradients are those of central differences; and their names are those of the program.
 */
import { expect, test } from "vitest";
import { derive } from "../compiler/derive/index.ts";
import { modelOf } from "./helpers/elaborated.ts";
import { evaluateFormula } from "./helpers/formula.ts";

const places = 5;
const x = [0.3, -1.2, 0.8, 1.5, -0.4];
const y = [0.1, 0.6, -0.3, 0.2, 0.9];
const parameters = { w: 0.7, u: -0.4, v: 0.9 };

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** The loss of the program below, by hand. */
function loss({ w, u, v }: typeof parameters, reverse: boolean, seen: readonly number[]): number {
  let [h, m] = [0.1, 0.2];
  let total = 0;
  const order = [...x.keys()];
  for (const t of reverse ? order.toReversed() : order) {
    const gate = sigmoid(w * x[t]! + u * h);
    const next = gate * m + (1 - gate) * Math.tanh(v * h + x[t]!);
    if (seen[t]! > 0) [h, m] = [gate * Math.tanh(next), next];
    total += (h - y[t]!) ** 2;
  }
  return total;
}

const program = (reverse: boolean): string => `
fn cell(h, m, x, w, u, v) {
  gate = sigmoid(w * x + u * h)
  m = gate * m + (1 - gate) * tanh(v * h + x)
  return [gate * tanh(m), m]
}
fn kept(s, at, w, u, v) {
  next = cell(s[0], s[1], at[0], w, u, v)
  return [where(at[1] > 0, next[0], s[0]), where(at[1] > 0, next[1], s[1])]
}
model Scalar {
  input x: [${places}]
  input seen: [${places}]
  target y: [${places}]
  param w = 0.7
  param u = -0.4
  param v = 0.9
  first = [0 * x[0] + 0.1, 0 * x[0] + 0.2]
  h = scan([x, seen], first, (s, at) => kept(s, at, w, u, v), axis = 0, reverse = ${reverse})
  loss sum((h[0] - y)^2)
}`;

interface Line {
  readonly right: string;
  /** Of a recurrence: the place before the first, and what the value is there. */
  readonly first: { readonly place: number; readonly value: string } | null;
}

const PLACE = "ₜ[₊₋]₁|ₜ|[₀-₉]+";
const digits = (text: string): number => Number([...text].map((c) => "₀₁₂₃₄₅₆₇₈₉".indexOf(c)).join(""));

/** Reads `hₜ = f(hₜ₋₁, xₜ), t = 1 … 5, h₀ = 0`. */
function readLines(texts: readonly string[]): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const text of texts) {
    const [equation, ...rest] = text.split(/, (?=t = |\S+[₀-₉] = )/);
    const [left, right] = [
      equation!.slice(0, equation!.indexOf(" = ")),
      equation!.slice(equation!.indexOf(" = ") + 3),
    ];
    const start = rest.map((part) => /([₀-₉]+) = (.*)$/.exec(part)).find((found) => found !== null);
    const first = start ? { place: digits(start[1]!), value: start[2]! } : null;
    const name = left.replace(/ₜ$/, "");
    // `h = [h₁, …, h₅]` says no more than that the h's are a list.
    if (!/^\[.*…/.test(right)) lines.set(name, { right, first });
  }
  return lines;
}

/** Reads values and formulas, each value once at a place. */
class Reader {
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #given: Readonly<Record<string, readonly number[] | number>>;
  readonly #values = new Map<string, number>();
  readonly #symbols: RegExp;

  constructor(lines: ReadonlyMap<string, Line>, given: Readonly<Record<string, readonly number[] | number>>) {
    this.#lines = lines;
    this.#given = given;
    const names = [...lines.keys(), ...Object.keys(given)].toSorted((a, b) => b.length - a.length);
    const any = names.map((name) => name.replace(".", "\\.")).join("|");
    this.#symbols = new RegExp(`(?<![A-Za-z.])(${any})(${PLACE})?(?![A-Za-z.])`, "g");
  }

  evaluate(text: string, place: number): number {
    if (text.startsWith("-Σₜ ")) return -this.evaluate(text.slice(1), place);
    if (text.startsWith("Σₜ ")) {
      return x.reduce((sum, _, t) => sum + this.evaluate(text.slice(3), t + 1), 0);
    }
    const values: Record<string, number> = {};
    const plain = text.replace(this.#symbols, (_, name: string, at: string | undefined) => {
      const alias = `V${Object.keys(values).length}`;
      values[alias] = this.#valueOf(name, placeAt(at, place));
      return ` ${alias} `;
    });
    return evaluateFormula(plain.replaceAll("∘", " ").replaceAll(/ +/g, " ").trim(), values);
  }

  #valueOf(name: string, place: number): number {
    const known = this.#given[name];
    if (known !== undefined) return typeof known === "number" ? known : known[place - 1]!;
    const key = `${name} ${place}`;
    const line = this.#lines.get(name)!;
    const right = line.first?.place === place ? line.first.value : line.right;
    const value = this.#values.get(key) ?? this.evaluate(right, place);
    this.#values.set(key, value);
    return value;
  }
}

/** The place that `ₜ₋₁` means at a place. */
function placeAt(at: string | undefined, place: number): number {
  if (at === undefined || at === "ₜ") return place;
  return at.startsWith("ₜ") ? place + (at[1] === "₊" ? 1 : -1) : digits(at);
}

test.each([
  ["forward", false],
  ["against the steps", true],
])("the gradients of a gated cell %s are those of central differences", async (_, reverse) => {
  const { forward, backward } = derive(await modelOf(program(reverse)));
  const lines = readLines([...forward, ...backward].map(({ text }) => text));
  const seen = [1, 1, 0, 1, 1];
  for (const name of ["w", "u", "v"] as const) {
    const reader = new Reader(lines, { x, y, seen, ...parameters });
    const found = reader.evaluate(lines.get(`∇${name}`)!.right, 0);
    const e = 1e-5;
    const at = (shift: number): number =>
      loss({ ...parameters, [name]: parameters[name] + shift }, reverse, seen);
    expect(found).toBeCloseTo((at(e) - at(-e)) / (2 * e), 7);
  }
});

test("an LSTM's lines have the names of the library, xₜ, and the entry of a list by its place", async () => {
  const model = await modelOf(`model Words {
  input x: [N, 6, 3]
  target y: int[N]
  h = lstm(x, 4)
  z = dense(h[:, -1], 2)
  loss cross_entropy(z, y)
}`);
  const { forward, backward } = derive(model);
  const texts = [...forward, ...backward].map(({ text }) => text.replaceAll("_l0", ""));
  expect(texts.slice(0, 8)).toEqual([
    "t1ₜ = xₜ h.weight_ihᵀ + h.bias_ih + hₜ₋₁ h.weight_hhᵀ + h.bias_hh, t = 1 … 6",
    "inputₜ = σ(t1ₜ[:, 0:4]), t = 1 … 6",
    "forgetₜ = σ(t1ₜ[:, 4:8]), t = 1 … 6",
    "newₜ = tanh(t1ₜ[:, 8:12]), t = 1 … 6",
    "outputₜ = σ(t1ₜ[:, 12:16]), t = 1 … 6",
    "cₜ = forgetₜ ∘ cₜ₋₁ + inputₜ ∘ newₜ, t = 1 … 6, c₀ = 0",
    "hₜ = outputₜ ∘ tanh(cₜ), t = 1 … 6, h₀ = 0",
    "z = h₆ z.weightᵀ + z.bias",
  ]);
  // What the sweep back carries is not called c, which is the cell's.
  expect(texts).toContain("eₜ = δzₜ h.weight_hh, t = 6 … 1, e₇ = δz z.weight");
  expect(texts).toContain("∇h.weight_ih = Σₜ δzₜᵀ xₜ");
  expect(texts).toContain("∇h.weight_hh = Σₜ δzₜᵀ hₜ₋₁");
  expect(forward[7]!.latex).toBe(String.raw`z &= h_{6}\,W_{z}^{\top} + b_{z}`);
});

test("what is said of a sequence is said of its entries: a mask, and a loop in a loop", async () => {
  const lines = async (text: string): Promise<string[]> =>
    derive(await modelOf(text)).forward.map(({ text: line }) => line);
  const masked = await lines(`model Masked {
  input x: [N, 6, 2]
  input ids: int[N, 6]
  h = rnn(x, 2, use_bias = false, mask = ids > 0)
  loss sum(h^2)
}`);
  expect(masked).toContain("hₜ = t1ₜ if idsₜ > 0, else hₜ₋₁, t = 1 … 6, h₀ = 0");
  const nested = await lines(`model Nested {
  input x: [N, 3, 4]
  param a = 0.5
  r = scan(x, zeros([size(x, 0)]), (c, row) => scan(row, c, (d, v) => tanh(a * d + v), axis = 1)[:, -1], axis = 1)
  loss sum(r[:, -1])
}`);
  expect(nested.slice(0, 2)).toEqual([
    "dₛ = tanh(a dₛ₋₁ + xₜₛ), s = 1 … 4, d₀ = rₜ₋₁",
    "rₜ = d₄, t = 1 … 3, r₀ = 0",
  ]);
});

test("rows of a sequence that a layer takes one by one are multiplied as they are", async () => {
  const { forward, backward } = derive(
    await modelOf(`model Tagged {
  input x: [N, 6, 2]
  z = dense(x, 3)
  loss sum(z^2)
}`),
  );
  expect([...forward, ...backward].map(({ text }) => text)[0]).toBe("z = x z.weightᵀ + z.bias");
});
