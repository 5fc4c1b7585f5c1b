/** A kernel's formula as a person would write it: `h = sigmoid(x @ h_weight' + h_bias)`. */
import {
  ATOM_LEVEL,
  NEGATION_LEVEL,
  PRODUCT_LEVEL,
  spellInfix,
  within,
  type Spelled,
} from "../../grammar/operators.ts";
import { operatorOf, showNumber } from "../ir/notation.ts";
import { countOf, isUnit, showSize } from "../ir/size.ts";
import { madeOf, type Nest, type Product, type Value } from "./kernel.ts";

type Nameless = Omit<Nest, "name" | "formula"> | Omit<Product, "name" | "formula">;

/** Beyond this a formula helps nobody. */
const LONGEST = 240;

/**
 * The formulas of all stores in order, as `name = formula`, with `;` between; a value that has been
 * stored is called by its name from there on.
 * @param labels beside the kernel's stores: what a person calls that which they store
 */
export function formulaOf(kernel: Nameless, labels: readonly string[]): string {
  const named = new Map<number, string>();
  const texts: string[] = [];
  for (const [i, { value, row }] of kernel.stores.entries()) {
    const text = named.get(value) ?? expression(kernel, value, named);
    const at = row === undefined ? "" : `[${expression(kernel, row, named)}]`;
    texts.push(`${labels[i]!}${at} ${row === undefined ? "=" : "+="} ${text}`);
    // A number is clearer than a name for it.
    if (kernel.values[value]!.kind !== "constant") named.set(value, labels[i]!);
  }
  const joined = texts.join("; ");
  return joined.length <= LONGEST ? joined : `${joined.slice(0, LONGEST - 1)}…`;
}

function expression(kernel: Nameless, root: number, named: ReadonlyMap<number, string>): string {
  // Values come after what they are made of; a text that is too long already need not grow.
  const spelled: Spelled[] = [];
  for (const [i, value] of kernel.values.slice(0, root + 1).entries()) {
    const name = named.get(i);
    const { text, level } = name === undefined ? spell(kernel, value, spelled) : atom(name);
    spelled.push(text.length > LONGEST ? atom(`${text.slice(0, LONGEST)}…`) : { text, level });
  }
  return spelled[root]!.text;
}

/** A value, where those before it are `spelled`. */
function spell(kernel: Nameless, value: Value, spelled: readonly Spelled[]): Spelled {
  switch (value.kind) {
    case "load":
      return atom(kernel.operands[value.operand]!.name);
    case "row":
      return spelled[value.of]!;
    case "fetch":
      return atom(`${kernel.operands[value.operand]!.name}[${spelled[value.row]!.text}]`);
    case "constant":
      return {
        text: showNumber(rounded(value.value)),
        level: value.value < 0 ? NEGATION_LEVEL : ATOM_LEVEL,
      };
    case "extent":
      return { text: showSize(value.size), level: countOf(value.size) === 1 ? ATOM_LEVEL : PRODUCT_LEVEL };
    case "index":
      return atom("index");
    case "random":
      return atom(value.distribution);
    case "running":
      return atom(
        `running ${value.op}(${madeOf(value)
          .map((a) => spelled[a]!.text)
          .join(", ")})`,
      );
    case "rank":
      return atom(`rank(${kernel.operands[value.operand]!.name})`);
    case "reduce":
      return atom(`${value.op}(${spelled[value.value]!.text})`);
    case "product":
      return { text: product(kernel), level: PRODUCT_LEVEL };
    case "apply": {
      const [a, b] = value.arguments.map((argument) => spelled[argument]!);
      const operator = operatorOf(value.op);
      if (operator !== undefined) return spellInfix(operator, a!, b!);
      if (value.op === "neg") return { text: `-${within(a!, NEGATION_LEVEL)}`, level: NEGATION_LEVEL };
      if (value.op === "cast") return a!;
      return atom(`${value.op}(${value.arguments.map((argument) => spelled[argument]!.text).join(", ")})`);
    }
  }
}

const atom = (text: string): Spelled => ({ text, level: ATOM_LEVEL });

function product(kernel: Nameless): string {
  if (kernel.kind !== "product") return "product";
  const [left, right] = [kernel.operands[kernel.left]!, kernel.operands[kernel.right]!];
  const unit = ({ strides, lists }: typeof left, loop: number): boolean =>
    lists === undefined && isUnit(strides.at(loop)!);
  // Rows and columns are the last two loops, the depth comes behind them.
  const leftTurned = unit(left, -3) && !unit(left, -1);
  const rightTurned = unit(right, -1) && !unit(right, -2);
  return `${left.name}${leftTurned ? "'" : ""} @ ${right.name}${rightTurned ? "'" : ""}`;
}

/** To nine digits, which tell numbers of f32 apart. */
const rounded = (value: number): number => (value === 0 ? value : Number(value.toPrecision(9)));
