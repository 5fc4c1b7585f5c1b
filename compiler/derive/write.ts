/** The lines of a derivation: values and gradients by name, and their formulas. */
import { reachable } from "../graph/graph.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { sameShape, sameSize, type Shape } from "../ir/size.ts";
import { chain } from "./algebra.ts";
import type { Derivation, DerivedFormula, Line } from "./derivation.ts";
import { symbol, weight, type Formula, type Symbol } from "./formula.ts";
import { formulaLatex, functionLatex, nameLatex, symbolLatex } from "./latex.ts";
import { LoopLines } from "./loops.ts";
import { isReshaped } from "./names.ts";
import type { Question } from "./question.ts";
import { isOneNumber, readNode, type Naming } from "./read.ts";
import { formulaText, symbolText } from "./text.ts";

/**
 * What stands in place though it is used again: up to this weight, for sums and products and for
 * what costs more.
 */
const MOST_AGAIN = { arithmetic: 8, inFunction: 60, other: 4, otherInFunction: 5 } as const;
/** At every place of a loop, for what is used three times or more: sums of products of matrices, and others. */
const MOST_AT_PLACES = { matrices: 2, other: 3 } as const;
/** A formula of more symbols is broken into lines. */
const MOST_IN_LINE = 60;
const ARITHMETIC: ReadonlySet<Node["op"]> = new Set([
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "reciprocal",
  "where",
  "cast",
]);

export class Writer {
  readonly #question: Question;
  readonly #naming: Naming;
  readonly #functionName: string | null;
  readonly #symbols = new Map<Node, Symbol>();
  readonly #formulas = new Map<Node, Formula>();
  readonly #forward = new Set<Node>();
  readonly #loops: LoopLines;

  constructor(question: Question, naming: Naming, functionName: string | null) {
    this.#question = question;
    this.#naming = naming;
    this.#functionName = functionName;
    this.#nameAll();
    const { result, gradients, inputs } = question;
    const taken = new Set([
      ...[...this.#symbols.values()].map(({ name }) => name),
      ...inputs.map((i) => i.name),
    ]);
    const fresh = (name: string): string => {
      let unique = name;
      for (let count = 2; taken.has(unique); count++) unique = `${name}.${count}`;
      taken.add(unique);
      return unique;
    };
    const roots = [result, ...gradients.map(({ node }) => node)];
    this.#loops = new LoopLines(roots, this.#symbols, {
      fresh,
      isFree: (name) => !taken.has(name),
      isOne: this.#isOne,
      read: (node, operands) => readNode(node, operands, naming),
      formulaOf: this.#formulaOf,
    });
    this.#readAll();
  }

  derivation(): Derivation {
    const { gradients, result, given, of } = this.#question;
    const backward = new Set<Node>();
    const forward = new Set<Node>();
    const formulas = gradients.map(({ name, node }): DerivedFormula => {
      const lines = this.#lines([node]);
      for (const line of lines) (this.#forward.has(line) ? forward : backward).add(line);
      const own = lines.filter((line) => {
        const { mark } = this.#symbols.get(line)!;
        if (line === node) return mark === "δ";
        // What has a name in the source is defined there.
        return !this.#forward.has(line) || isInvented(this.#symbols.get(line)!);
      });
      const written = [...own.map((line) => this.#line(line)), this.#gradientLine(name, node)];
      return {
        of: this.#functionName === null ? of : `${this.#functionName}(${this.#variables().join(", ")})`,
        wrt: name,
        text: written.map(({ text }) => text).join("\n"),
        latex: aligned(written),
      };
    });
    for (const line of this.#lines([result])) forward.add(line);
    forward.delete(result);
    return {
      forward: [...byId(forward).map((node) => this.#line(node)), ...this.#resultLine()],
      backward: [
        ...byId(backward)
          .filter((node) => this.#symbols.get(node)!.mark !== "∇")
          .map((node) => this.#line(node)),
        ...gradients.map(({ name, node }) => this.#gradientLine(name, node)),
      ],
      given,
      formulas,
    };
  }

  /**
   * Names for forward values, for what flows back to them, and for the gradients that were asked
   * for.
   */
  #nameAll(): void {
    const { values, cotangents, result, gradients } = this.#question;
    for (const node of reachable([result])) this.#forward.add(node);
    const name = (node: Node, symbolOf: Symbol): void => {
      if (node.operands.length > 0 && !this.#symbols.has(node)) this.#symbols.set(node, symbolOf);
    };
    for (const value of values) {
      if (value.node !== result) name(value.node, symbol(value.name, this.#isOne(value.node)));
    }
    const asked = new Map(gradients.map((gradient) => [gradient.name, gradient.node]));
    for (const cotangent of cotangents) {
      const mark = asked.has(cotangent.name) ? "∇" : "δ";
      name(cotangent.node, symbol(cotangent.name, this.#isOne(cotangent.node), mark));
    }
  }

  readonly #isOne = (node: Node): boolean => isOneNumber(node, this.#naming);

  /** Formulas of all nodes, operands first; what is long and used again is given a name. */
  #readAll(): void {
    const { gradients, result, isFunction } = this.#question;
    const order = reachable([result, ...gradients.map(({ node }) => node)]);
    const uses = new Map<Node, number>();
    const { seenThrough } = this.#loops;
    for (const node of order) {
      if (seenThrough(node) !== node) continue;
      for (const operand of node.operands.map(seenThrough)) uses.set(operand, (uses.get(operand) ?? 0) + 1);
    }
    const taken = new Set([...this.#symbols.values()].map(({ name }) => name));
    let made = 0;
    for (const node of order) {
      const operands = node.operands.map(this.#formulaOf);
      const plain =
        this.#loops.read(node, operands) ?? this.#rowwise(node) ?? readNode(node, operands, this.#naming);
      const formula = this.#loops.total(node, plain);
      this.#formulas.set(node, formula);
      if (this.#symbols.has(node) || node === result || gradients.some((g) => g.node === node)) continue;
      if (seenThrough(node) !== node) continue;
      const size = weight(formula);
      const times = uses.get(node) ?? 0;
      const isAgain =
        times > 1 &&
        size > mostAgain(node, formula, times, isFunction) &&
        !isReshaped(node) &&
        node.type === "float";
      if (!isAgain && size <= MOST_IN_LINE) continue;
      do made += 1;
      while (taken.has(`${INVENTED}${made}`));
      const name = `${INVENTED}${made}${this.#loops.placed(node)}`;
      this.#symbols.set(node, symbol(name, this.#isOne(node)));
    }
  }

  /** x Wᵀ, where the rows of x are written one below the other to be multiplied, and apart again after it. */
  #rowwise(node: Node): Formula | null {
    const product = node.op === "reshape" ? node.operands[0]! : node;
    const [rows, by] = product.op === "matmul" ? product.operands : [];
    if (product === node || rows?.op !== "reshape" || by?.shape.length !== 2) return null;
    if (this.#symbols.has(product) || this.#symbols.has(rows)) return null;
    const x = rows.operands[0]!;
    const leading = ({ shape }: Node): Shape => shape.slice(0, -1);
    const isApart = sameShape(leading(x), leading(node)) && sameSize(x.shape.at(-1)!, rows.shape.at(-1)!);
    return isApart ? chain(this.#formulaOf(x), this.#formulaOf(by)) : null;
  }

  /** The nodes with names that `roots` are written in, operands first. */
  #lines(roots: readonly Node[]): Node[] {
    const found = new Set<Node>();
    const stack = [...roots];
    const written = new Set<string>();
    const bySymbol = new Map(
      [...this.#symbols].map(([node, s]) => [symbolText(s), this.#loops.aliases.get(node) ?? node]),
    );
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (found.has(node)) continue;
      found.add(node);
      const start = this.#loops.recurrence(node)?.start;
      const parts = [this.#formulas.get(node)!, ...(start ? [this.#formulaOf(start.node)] : [])];
      for (const name of parts.flatMap((part) => [...symbolsIn(part)])) {
        const other = bySymbol.get(name) ?? this.#loops.lines.get(name);
        if (other === undefined || written.has(name)) continue;
        written.add(name);
        stack.push(other);
      }
    }
    return byId(new Set([...found].filter((node) => this.#symbols.has(node))));
  }

  #line(node: Node): Line {
    const left = this.#symbols.get(node)!;
    const { text, latex } = this.#equation(symbolText(left), symbolLatex(left), node);
    const recurrence = this.#loops.recurrence(node);
    if (recurrence === undefined) return { text, latex };
    const { letter, loop, start } = recurrence;
    const [from, to] = loop.reverse ? [loop.length, 1] : [1, loop.length];
    const texts = [`${text}, ${letter} = ${from} … ${to}`];
    const latexes = [String.raw`${latex},\quad ${letter} = ${from}, \ldots, ${to}`];
    if (start !== null) {
      const first = this.#formulaOf(start.node);
      texts.push(`${symbolText(start.at)} = ${formulaText(first)}`);
      latexes.push(`${symbolLatex(start.at)} = ${formulaLatex(first)}`);
    }
    return { text: texts.join(", "), latex: latexes.join(String.raw`,\ `) };
  }

  readonly #formulaOf = (node: Node): Formula => this.#symbols.get(node) ?? this.#formulas.get(node)!;

  #equation(text: string, latex: string, node: Node): Line {
    const formula = this.#formulas.get(node)!;
    return { text: `${text} = ${formulaText(formula)}`, latex: `${latex} &= ${formulaLatex(formula)}` };
  }

  #gradientLine(name: string, node: Node): Line {
    const { isFunction, of } = this.#question;
    const own = this.#symbols.get(node);
    const formula =
      own === undefined || (own.mark === "∇" && own.name === name) ? this.#formulas.get(node)! : own;
    const [left, leftLatex] =
      this.#functionName !== null && isFunction
        ? [`${this.#functionName}'(${name})`, `${functionLatex(this.#functionName)}'(${nameLatex(name)})`]
        : isFunction
          ? [
              `∂${of === "loss" ? "L" : of}/∂${name}`,
              String.raw`\frac{\partial ${of === "loss" ? "L" : nameLatex(of)}}{\partial ${nameLatex(name)}}`,
            ]
          : [`∇${name}`, String.raw`\nabla_{\!${nameLatex(name)}}${of === "loss" ? " L" : ""}`];
    return { text: `${left} = ${formulaText(formula)}`, latex: `${leftLatex} &= ${formulaLatex(formula)}` };
  }

  /** The arguments of a function of the library. */
  #variables(): string[] {
    return this.#question.inputs.map(({ name }) => name);
  }

  /** What is differentiated, unless that is one name. */
  #resultLine(): Line[] {
    const { of, result } = this.#question;
    const variables = this.#variables();
    if (this.#functionName === null) {
      if (of === "loss") return [this.#equation("L", "L", result)];
      return of.includes(",") ? [] : [this.#equation(of, nameLatex(of), result)];
    }
    const formula = this.#formulas.get(result)!;
    if (formula.kind === "call" && formula.name === this.#functionName) return [];
    return [
      this.#equation(
        `${this.#functionName}(${variables.join(", ")})`,
        `${functionLatex(this.#functionName)}(${variables.map(nameLatex).join(", ")})`,
        result,
      ),
    ];
  }
}

/** Up to which weight a formula stands in place wherever it is used. */
function mostAgain(node: Node, formula: Formula, times: number, isFunction: boolean): number {
  const isArithmetic = ARITHMETIC.has(node.op);
  if (isFunction) return isArithmetic ? MOST_AGAIN.inFunction : MOST_AGAIN.otherInFunction;
  if (isArithmetic && times > 2 && loopsAround(node).size > 0) {
    const isOfMatrices = formula.kind === "sum" && formula.terms.some(({ kind }) => kind === "chain");
    return isOfMatrices ? MOST_AT_PLACES.matrices : MOST_AT_PLACES.other;
  }
  return isArithmetic ? MOST_AGAIN.arithmetic : MOST_AGAIN.other;
}

/** What a value without a name in the source is called, with a number. */
const INVENTED = "t";
const isInvented = ({ name, mark }: Symbol): boolean => mark === "" && /^t\d+(@.*)?$/.test(name);

const byId = (nodes: ReadonlySet<Node>): Node[] => [...nodes].sort((a, b) => a.id - b.id);

/** Names in a formula, as they are written. */
function symbolsIn(formula: Formula): Set<string> {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === "object" && part !== null) {
      if ("kind" in part && part.kind === "symbol") {
        // The tag says which member of the union this is.
        found.add(symbolText(part as Symbol));
      } else Object.values(part).forEach(visit);
    }
  };
  visit(formula);
  return found;
}

const aligned = (lines: readonly Line[]): string =>
  lines.length === 1
    ? lines[0]!.latex.replace("&=", "=")
    : String.raw`\begin{aligned} ${lines.map(({ latex }) => latex).join(String.raw` \\ `)} \end{aligned}`;
