/** A random program while it is written: names, lines, and terms with their shapes and ranges. */
import { countOf, type Shape } from "../../compiler/ir/size.ts";
import type { Choices } from "./choices.ts";
import type { Written } from "./functions.ts";
import { range, type Range, reach, times } from "./range.ts";
import { largest, showShape, type Term } from "./terms.ts";

/** An input of a program, and what it is given. */
export interface Given {
  readonly name: string;
  readonly shape: Shape;
  readonly values: "float" | "bool" | "probability" | "side" | { readonly classes: number };
}

/** An expression, not yet bound to a name. */
export type Made = Pick<Term, "text" | "shape" | "range">;

/** Entries of a float input lie within ± this. */
export const INPUT_REACH = 2;
export const CLASSES = 3;
/** What a term may reach before it is brought back. */
const REACH = 12;

/** A program being written: its lines, and what they have made. */
export class Program {
  readonly #definitions: string[] = [];
  readonly #lines: string[] = [];
  readonly inputs: Given[] = [];
  readonly terms: Term[] = [];
  readonly #unused = new Set<string>();
  /** Of terms that are derivatives: by what. */
  readonly derivedBy = new Map<string, string>();
  #names = 0;

  get source(): string {
    const body = this.#lines.map((line) => `  ${line}`).join("\n");
    return `${this.#definitions.map((d) => `${d}\n\n`).join("")}model Fuzz {\n${body}\n}\n`;
  }

  /** What nothing has been made of. */
  get unused(): readonly Term[] {
    return this.terms.filter((t) => this.#unused.has(t.text));
  }

  use(term: Term): void {
    this.#unused.delete(term.text);
  }

  line(...texts: readonly string[]): void {
    this.#lines.push(...texts);
  }

  /** A number for a name. */
  fresh(): number {
    return this.#names++;
  }

  #add(term: Term): void {
    this.terms.push(term);
    if (term.type === "float") this.#unused.add(term.text);
  }

  input(name: string, shape: Shape, values: Given["values"], role = "input"): void {
    this.inputs.push({ name, shape, values });
    const type = typeof values === "object" ? "int" : values === "bool" ? "bool" : "float";
    this.#lines.push(`${role} ${name}: ${type === "float" ? "" : type}${showShape(shape)}`);
    if (role === "target") return;
    const reaches =
      typeof values === "object" ? range(0, values.classes - 1) : range(-INPUT_REACH, INPUT_REACH);
    const classes = typeof values === "object" ? { classes: values.classes } : {};
    this.#add({ text: name, shape, type, range: reaches, ...classes, from: new Set([name]) });
  }

  /** The input of this name, declared where it is not yet. */
  side(name: string, shape: Shape, values: Given["values"]): Term {
    if (!this.inputs.some((i) => i.name === name)) this.input(name, shape, values);
    return this.terms.find((t) => t.text === name)!;
  }

  /** Parameters: numbers that are written down, one number everywhere, or drawn. */
  param(c: Choices, shape: Shape, low = -1, high = 1, kind = "param"): Term {
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
  bind(
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
  float(c: Choices, suits: (t: Term) => boolean = () => true): Term {
    const floats = this.terms.filter((t) => t.type === "float" && suits(t));
    return floats.toReversed()[Math.min(c.below(6), c.below(6), floats.length - 1)]!;
  }

  maybe(c: Choices, suits: (t: Term) => boolean): Term | null {
    const found = this.terms.filter((t) => suits(t)).toReversed();
    return found.length === 0 ? null : c.pick(found);
  }

  define(text: string): void {
    if (!this.#definitions.includes(text)) this.#definitions.push(text);
  }
}
