/** A kernel's formula as a person would write it: `h = sigmoid(x @ h_weight' + h_bias)`. */
import { COMPARISON, INFIX, showNumber } from "../ir/notation.ts";
import { showSize } from "../ir/size.ts";
import type { Nest, Product } from "./kernel.ts";

type Nameless = Omit<Nest, "name" | "formula"> | Omit<Product, "name" | "formula">;

const PRODUCT = 5;
const NEGATION = 7;
const ATOM = 9;
/** Beyond this a formula helps nobody. */
const LONGEST = 240;

/**
 * The formulas of all stores in order, as `name = formula`, with `;` between; a value that has been stored is called by its name from there on.
 * @param labels beside the kernel's stores: what a person calls that which they store
 */
export function formulaOf(kernel: Nameless, labels: readonly string[]): string {
  const named = new Map<number, string>();
  const texts: string[] = [];
  for (const [i, { value }] of kernel.stores.entries()) {
    texts.push(`${labels[i]!} = ${named.get(value) ?? expression(kernel, value, named)}`);
    // A number is clearer than a name for it.
    if (kernel.values[value]!.kind !== "constant") named.set(value, labels[i]!);
  }
  const joined = texts.join("; ");
  return joined.length <= LONGEST ? joined : `${joined.slice(0, LONGEST - 1)}…`;
}

function expression(kernel: Nameless, root: number, named: ReadonlyMap<number, string>): string {
  // Values come after what they are made of; a text that is too long already need not grow.
  const texts: { text: string; rank: number }[] = [];
  const wrap = (value: number, rank: number): string => {
    const part = texts[value]!;
    return part.rank >= rank ? part.text : `(${part.text})`;
  };
  for (const [i, value] of kernel.values.slice(0, root + 1).entries()) {
    const name = named.get(i);
    if (name !== undefined) {
      texts.push({ text: name, rank: ATOM });
      continue;
    }
    let [text, rank] = ["", ATOM];
    switch (value.kind) {
      case "load":
        text = kernel.operands[value.operand]!.name;
        break;
      case "constant":
        text = showNumber(rounded(value.value));
        rank = value.value < 0 ? NEGATION : ATOM;
        break;
      case "extent":
        text = showSize(value.size);
        rank = value.size.count === 1 ? ATOM : 5;
        break;
      case "index":
        text = "index";
        break;
      case "random":
        text = value.distribution;
        break;
      case "reduce":
        text = `${value.op}(${texts[value.value]!.text})`;
        break;
      case "product":
        text = product(kernel);
        rank = PRODUCT;
        break;
      case "apply": {
        const infix = INFIX[value.op];
        const [a, b] = value.arguments;
        if (value.op === "neg") [text, rank] = [`-${wrap(a!, NEGATION)}`, NEGATION];
        else if (value.op === "cast") [text, rank] = [texts[a!]!.text, texts[a!]!.rank];
        else if (infix === undefined)
          text = `${value.op}(${value.arguments.map((v) => texts[v]!.text).join(", ")})`;
        else {
          ({ rank } = infix);
          const isOneSided = value.op === "pow" || rank === COMPARISON;
          text = `${wrap(a!, isOneSided ? rank + 1 : rank)} ${infix.symbol} ${wrap(b!, rank + 1)}`;
        }
        break;
      }
      default:
        value satisfies never;
    }
    if (text.length > LONGEST) [text, rank] = [`${text.slice(0, LONGEST)}…`, ATOM];
    texts.push({ text, rank });
  }
  return texts[root]!.text;
}

function product(kernel: Nameless): string {
  if (kernel.kind !== "product") return "product";
  const [left, right] = [kernel.operands[kernel.left]!, kernel.operands[kernel.right]!];
  const unit = (operand: typeof left, loop: number): boolean => operand.strides.at(loop)!.constant === 1;
  // Rows and columns are the last two loops, the depth comes behind them.
  const leftTurned = unit(left, -3) && !unit(left, -1);
  const rightTurned = unit(right, -1) && !unit(right, -2);
  return `${left.name}${leftTurned ? "'" : ""} @ ${right.name}${rightTurned ? "'" : ""}`;
}

/** To nine digits, which tell numbers of f32 apart. */
const rounded = (value: number): number => (value === 0 ? value : Number(value.toPrecision(9)));
