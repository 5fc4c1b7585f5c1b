/**
 * `nndsl derive`: the gradient as the formulas that a person would write down, with the names of
 * the source. The same rules make them that make the gradients of training; what is left out is
 * what only rounding needs.
 */
import { closest } from "../../grammar/suggest.ts";
import { Build } from "../graph/build.ts";
import { reachable } from "../graph/graph.ts";
import { parametersOf, pathOf, type InputInfo, type Model, type NamedNode } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { sameShape } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import { ask } from "../passes/pipeline.ts";
import { symbol, weight, type Formula, type Symbol } from "./formula.ts";
import { formulaLatex, functionLatex, nameLatex, symbolLatex } from "./latex.ts";
import { nameNodes } from "./names.ts";
import { isOneNumber, readNode, type Reading } from "./read.ts";
import { derivedReadably } from "./rules.ts";
import { formulaText, symbolText } from "./text.ts";

/** One gradient. */
export interface DerivedFormula {
  /** What is differentiated: `loss`, or an output's name. */
  readonly of: string;
  /** The path of the parameter, the input or the binding. */
  readonly wrt: string;
  /** Lines `name = formula`, in the order of their making, the gradient last. */
  readonly text: string;
  /** The same as one `aligned` environment, or a single formula. */
  readonly latex: string;
}

export interface Line {
  readonly text: string;
  readonly latex: string;
}

export interface Derivation {
  /**
   * What the gradients are written in: named values of the forward pass, then what is
   * differentiated.
   */
  readonly forward: readonly Line[];
  /** The lines of all formulas, each once. */
  readonly backward: readonly Line[];
  /** Where no loss closes the model: what stands for the gradient that arrives at an output. */
  readonly given: readonly string[];
  readonly formulas: readonly DerivedFormula[];
}

export interface DeriveOptions {
  /** Paths of parameters, inputs or bindings; all trained parameters without it. */
  readonly wrt?: readonly string[];
  /** A function of the library, by its name: its result is written f(z), its derivative f'(z). */
  readonly functionName?: string;
}

/** There is nothing to derive, or not by that. */
export class DerivationError extends Error {
  readonly code: string;
  readonly help: string;

  constructor(code: string, message: string, help: string) {
    super(message);
    this.name = "DerivationError";
    this.code = code;
    this.help = help;
  }
}

/**
 * What stands in place though it is used again: up to this weight, for sums and products and for
 * what costs more.
 */
const MOST_AGAIN = { arithmetic: 8, inFunction: 60, other: 4, otherInFunction: 5 } as const;
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

/**
 * The derivatives of a model's loss; of a model without one, what flows back from a gradient δ of
 * its outputs, and for a function of single numbers its derivative.
 * @param model as it is before `differentiate`
 * @throws DerivationError `nothing-to-derive` `unknown-wrt` `no-gradient`, DiagnosticError where an
 * op has no derivative
 */
export function derive(model: Model, options: DeriveOptions = {}): Derivation {
  const question = questionOf(model, options);
  const reading: Reading = {
    freeName: model.freeName ?? "N",
    parameterPath: (index) => pathOf(model, index),
    asNumber: question.isFunction,
  };
  return new Writer(question, reading, options.functionName ?? null).derivation();
}

/** `nodes`, and what they are other views of. */
function unviewed(nodes: readonly Node[]): Set<Node> {
  const found = new Set<Node>();
  for (let node of nodes) {
    for (; isView(node); node = node.operands[0]!) found.add(node);
    found.add(node);
  }
  return found;
}

interface Target {
  readonly path: string;
  readonly node: Node;
}

/** What is to be written, with nodes as they are after differentiation. */
interface Question {
  /** `loss`, or the outputs' names. */
  readonly of: string;
  readonly result: Node;
  readonly inputs: readonly InputInfo[];
  /** Whether the result is a function of single numbers. */
  readonly isFunction: boolean;
  readonly given: readonly string[];
  /** Forward values by name, in order. */
  readonly values: readonly NamedNode[];
  /** What flows back to them. */
  readonly cotangents: readonly NamedNode[];
  readonly gradients: readonly NamedNode[];
}

function questionOf(model: Model, { wrt, functionName }: DeriveOptions): Question {
  const { roots, graph } = model;
  const build = new Build(graph);
  const outputs = roots.outputs.filter(({ node }) => node.type === "float");
  const results = roots.trainingLoss === null ? outputs.map(({ node }) => node) : [roots.trainingLoss];
  if (results.length === 0) {
    throw new DerivationError(
      "nothing-to-derive",
      `${model.name} has neither a loss nor an output of numbers`,
      "add a line such as `loss mse(p, y)`",
    );
  }
  const forward = reachable(results);
  const names = nameNodes(model, forward, functionName === undefined ? new Set() : unviewed(results));
  const targets = findTargets(model, forward, names, wrt, functionName !== undefined);
  const isFunction =
    results.length === 1 && targets.length > 0 && targets.every(({ node }) => isEntrywise(results[0]!, node));

  const given: string[] = [];
  const scalar = (): Node => {
    if (roots.trainingLoss !== null) return roots.trainingLoss;
    if (isFunction) return build.sumAll(results[0]!);
    return outputs
      .map(({ name, node }) => {
        if (node.shape.length === 0) return node;
        const arriving = outputs.length === 1 ? "δ" : `δ${name}`;
        given.push(arriving);
        const cotangent = graph.make("input", [], { name: arriving, shape: node.shape, type: "float" });
        return build.sumAll(build.mul(cotangent as unknown as Node, node));
      })
      .reduce((sum, term) => build.add(sum, term));
  };
  const whole = scalar();

  const floats = [...names].filter(([node]) => node.type === "float");
  const outputNodes = new Set(roots.trainingLoss === null ? results : []);
  // The gradient that arrives at an output has its name already.
  const reached = floats.filter(([node]) => !outputNodes.has(node));
  const gradientBy = (node: Node): Node => build.grad(whole, node);
  const { found } = ask(
    model,
    {
      results,
      values: floats.map(([node]) => node),
      cotangents: reached.map(([node]) => gradientBy(node)),
      gradients: targets.map(({ node }) => gradientBy(node)),
    },
    derivedReadably,
  );
  return {
    of: roots.trainingLoss !== null ? "loss" : outputs.map(({ name }) => name).join(", "),
    result: found.results[0]!,
    inputs: model.inputs,
    isFunction,
    given,
    values: found.values.map((node, i) => ({ name: floats[i]![1], node })),
    cotangents: found.cotangents.map((node, i) => ({ name: reached[i]![1], node })),
    gradients: found.gradients.map((node, i) => ({ name: targets[i]!.path, node })),
  };
}

function findTargets(
  model: Model,
  forward: readonly Node[],
  names: ReadonlyMap<Node, string>,
  wrt: readonly string[] | undefined,
  isLibrary: boolean,
): Target[] {
  const sources = new Map<string, Node>();
  for (const node of forward) {
    if (node.op === "input") sources.set(node.attributes.name, node);
    if (node.op === "parameter") sources.set(pathOf(model, node.attributes.index), node);
  }
  if (wrt === undefined) {
    const trained = parametersOf(model)
      .filter((p) => p.kind === "parameter" && sources.has(p.path))
      .map((p) => p.path);
    const inputs = model.inputs.filter(
      (i) => i.type === "float" && i.role === "input" && sources.has(i.name),
    );
    const names = inputs.map(({ name }) => name);
    const paths = isLibrary ? [...names, ...trained] : trained.length > 0 ? trained : names;
    if (paths.length === 0) {
      throw new DerivationError(
        "nothing-to-derive",
        `nothing in ${model.name} is trained`,
        "say by what to derive, as in `--wrt x`",
      );
    }
    return paths.map((path) => ({ path, node: sources.get(path)! }));
  }
  const bindings = new Map([...names].map(([node, name]) => [name, node]));
  return wrt.map((path) => {
    const node = sources.get(path) ?? bindings.get(path);
    if (node === undefined) {
      const known = [...sources.keys(), ...bindings.keys()];
      const isKnown =
        parametersOf(model).some((p) => p.path === path) || model.inputs.some((i) => i.name === path);
      const near = closest(path, known);
      throw new DerivationError(
        "unknown-wrt",
        isKnown
          ? `the loss does not depend on \`${path}\``
          : `${model.name} has no \`${path}\` that its loss is made of`,
        near === undefined
          ? `it has ${known.map((k) => `\`${k}\``).join(", ")}`
          : `did you mean \`${near}\`?`,
      );
    }
    if (node.type !== "float") {
      throw new DerivationError(
        "unknown-wrt",
        `\`${path}\` holds ${node.type}s, and they have no gradient`,
        "derive by a tensor of numbers",
      );
    }
    return { path, node };
  });
}

/** Whether entry i of `result` depends on entry i of `variable` alone. */
function isEntrywise(result: Node, variable: Node): boolean {
  if (!sameShape(result.shape, variable.shape)) return false;
  return reachable([result]).every(
    (node) =>
      node === variable ||
      ops[node.op].family === "elementwise" ||
      node.operands.length === 0 ||
      (node.op === "broadcast" && reachable([node]).every((n) => n !== variable)),
  );
}

class Writer {
  readonly #question: Question;
  readonly #reading: Reading;
  readonly #functionName: string | null;
  readonly #symbols = new Map<Node, Symbol>();
  readonly #formulas = new Map<Node, Formula>();
  readonly #forward = new Set<Node>();

  constructor(question: Question, reading: Reading, functionName: string | null) {
    this.#question = question;
    this.#reading = reading;
    this.#functionName = functionName;
    this.#nameAll();
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

  readonly #isOne = (node: Node): boolean => isOneNumber(node, this.#reading);

  /** Formulas of all nodes, operands first; what is long and used again is given a name. */
  #readAll(): void {
    const { gradients, result, isFunction } = this.#question;
    const order = reachable([result, ...gradients.map(({ node }) => node)]);
    const uses = new Map<Node, number>();
    for (const node of order) for (const o of node.operands) uses.set(o, (uses.get(o) ?? 0) + 1);
    const taken = new Set([...this.#symbols.values()].map(({ name }) => name));
    let made = 0;
    for (const node of order) {
      const operands = node.operands.map(
        (operand) => this.#symbols.get(operand) ?? this.#formulas.get(operand)!,
      );
      const formula = readNode(node, operands, this.#reading);
      this.#formulas.set(node, formula);
      if (this.#symbols.has(node) || node === result || gradients.some((g) => g.node === node)) continue;
      const isArithmetic = ARITHMETIC.has(node.op);
      const most = isArithmetic
        ? isFunction
          ? MOST_AGAIN.inFunction
          : MOST_AGAIN.arithmetic
        : isFunction
          ? MOST_AGAIN.otherInFunction
          : MOST_AGAIN.other;
      const size = weight(formula);
      const isAgain = (uses.get(node) ?? 0) > 1 && size > most && !isView(node) && node.type === "float";
      if (!isAgain && size <= MOST_IN_LINE) continue;
      do made += 1;
      while (taken.has(`${INVENTED}${made}`));
      this.#symbols.set(node, symbol(`${INVENTED}${made}`, this.#isOne(node)));
    }
  }

  /** The nodes with names that `roots` are written in, operands first. */
  #lines(roots: readonly Node[]): Node[] {
    const found = new Set<Node>();
    const stack = [...roots];
    const written = new Set<string>();
    const bySymbol = new Map([...this.#symbols].map(([node, s]) => [symbolText(s), node]));
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (found.has(node)) continue;
      found.add(node);
      for (const name of symbolsIn(this.#formulas.get(node)!)) {
        const other = bySymbol.get(name);
        if (other === undefined || written.has(name)) continue;
        written.add(name);
        stack.push(other);
      }
    }
    return byId(new Set([...found].filter((node) => this.#symbols.has(node))));
  }

  #line(node: Node): Line {
    const left = this.#symbols.get(node)!;
    return this.#equation(symbolText(left), symbolLatex(left), node);
  }

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

/** What a value without a name in the source is called, with a number. */
const INVENTED = "t";
const isInvented = ({ name, mark }: Symbol): boolean => mark === "" && /^t\d+$/.test(name);

const isView = ({ op }: Node): boolean => op === "broadcast" || op === "reshape" || op === "permute";

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
