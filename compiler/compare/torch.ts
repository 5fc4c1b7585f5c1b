/**
 * A program's training loss as PyTorch that a person would write: formulas in place, names kept.
 */
import { reachable } from "../graph/graph.ts";
import { parametersOf, pathOf, type Model } from "../graph/model.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { bySize, countOf, isFree, isOne, sameSize, type Shape, type Size } from "../ir/size.ts";
import { Lacking } from "./question.ts";

export interface TorchProgram {
  readonly text: string;
  /**
   * The `random` nodes, in the order in which the program reads `random.0`, `random.1` …, since its
   * masks must be those of the module.
   */
  readonly randoms: readonly NodeOf<"random">[];
}

/**
 * How tightly an expression holds together, as in Python's grammar: a tighter place needs
 * parentheses around a looser one.
 */
const level = { any: 0, comparison: 1, bitwise: 2, sum: 3, product: 4, sign: 5, power: 6, atom: 7 } as const;
type Level = (typeof level)[keyof typeof level];

interface Expression {
  readonly text: string;
  readonly level: Level;
}

const atom = (text: string): Expression => ({ text, level: level.atom });

/** Words that a program's names must not hide. */
const RESERVED = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
  lambda nonlocal not or pass raise return try while with torch np F given gradient variable embed sys len range float abs print N`.split(
    /\s+/,
  ),
);

/** Lines are kept shorter than this by naming what has grown. */
const LONGEST = 88;

/**
 * A script `FILE.py GIVEN.npz ANSWER.npz` that reads `input.NAME`, `parameter.PATH` and `random.I`,
 * and writes `loss` and `gradient.PATH`.
 * @throws Lacking where PyTorch has no such op
 */
export function torchProgram(model: Model, wanted: readonly number[], n: number): TorchProgram {
  const root = model.roots.trainingLoss;
  if (root === null) throw new Lacking("a loss");
  return new Writer(model, root, wanted, n).program();
}

class Writer {
  readonly #model: Model;
  readonly #root: Node;
  readonly #wanted: readonly number[];
  readonly #n: number;
  readonly #order: readonly Node[];
  /** How often each node will be written. */
  readonly #uses = new Map<Node, number>();
  /** Reductions whose axes are dropped at once. */
  readonly #dropped = new Set<Node>();
  readonly #written = new Map<Node, Expression>();
  readonly #taken = new Set<string>(RESERVED);
  readonly #variables = new Set<Node>();
  readonly #lines: string[] = [];
  readonly #randoms: NodeOf<"random">[] = [];

  constructor(model: Model, root: Node, wanted: readonly number[], n: number) {
    this.#model = model;
    this.#root = root;
    this.#wanted = wanted;
    this.#n = n;
    this.#order = reachable([root]);
    // Users first: what is written in place is written as often as its user.
    for (const node of this.#order.toReversed()) {
      const times = isInPlace(node) ? (this.#uses.get(node) ?? 0) : 1;
      for (const operand of node.operands) this.#uses.set(operand, (this.#uses.get(operand) ?? 0) + times);
      if (node.op === "grad") this.#variables.add(node.operands[1]!);
      if (node.op === "reshape") this.#dropped.add(node.operands[0]!);
    }
  }

  program(): TorchProgram {
    const parameters = parametersOf(this.#model).map(({ path }) => this.#fresh(path));
    const inputs = this.#model.inputs.map(({ name }) => this.#fresh(name));
    for (const node of this.#order) {
      if (node.op === "parameter") this.#written.set(node, atom(parameters[node.attributes.index]!));
      else if (node.op === "input") {
        const index = this.#model.inputs.findIndex(({ name }) => name === node.attributes.name);
        this.#written.set(node, atom(inputs[index]!));
      }
    }
    for (const node of this.#order) if (!this.#written.has(node)) this.#write(node);
    const loss = this.#tensor(this.#root);
    const given = this.#model.inputs.map(({ name, type }, i) => {
      const moves = type === "float" && this.#moves(name) ? ".requires_grad_()" : "";
      const kind = type === "int" ? ".long()" : type === "bool" ? ".bool()" : "";
      return `${inputs[i]} = given["input.${name}"]${kind}${moves}`;
    });
    const weights = parametersOf(this.#model).map(
      ({ path }, i) => `${parameters[i]} = given["parameter.${path}"].requires_grad_()`,
    );
    const answers = this.#wanted.map(
      (index) =>
        `    ${JSON.stringify(`gradient.${pathOf(this.#model, index)}`)}: gradient(loss, ${parameters[index]}),`,
    );
    const text = [
      `"""The training loss of ${this.#model.name} and its gradients, by PyTorch's autograd. Written by nndsl."""`,
      "import sys",
      "",
      "import numpy as np",
      "import torch",
      "import torch.nn.functional as F",
      "",
      "torch.set_default_dtype(torch.float64)",
      "given = {name: torch.from_numpy(array) for name, array in np.load(sys.argv[1]).items()}",
      "",
      ...helpers(this.#order),
      ...(this.#model.freeName === null ? [] : ["# rows of the batch", `N = ${this.#n}`, ""]),
      ...(given.length === 0 ? [] : ["# data", ...given, ""]),
      ...(weights.length === 0 ? [] : ["# weights", ...weights, ""]),
      "# formulas",
      ...this.#lines,
      `loss = ${loss}`,
      "",
      "answer = {",
      `    "loss": loss,`,
      ...answers,
      "}",
      "print(torch.__version__)",
      "np.savez(sys.argv[2], **{name: tensor.detach().numpy() for name, tensor in answer.items()})",
      "",
    ].join("\n");
    return { text, randoms: this.#randoms };
  }

  #moves = (name: string): boolean =>
    [...this.#variables].some((node) => node.op === "input" && node.attributes.name === name);

  // ------------------------------------------------------------------------------------------------ names

  /** A Python name close to `path` that nothing else has. */
  #fresh(path: string): string {
    const plain = path.replace(/\W+/g, "_").replace(/^(?=\d)/, "_");
    let name = plain;
    for (let i = 2; this.#taken.has(name) || name === "loss"; i++) name = `${plain}_${i}`;
    this.#taken.add(name);
    return name;
  }

  #write(node: Node): void {
    const expression = this.#expression(node);
    const uses = this.#uses.get(node) ?? 0;
    const isVariable = this.#variables.has(node);
    const { name } = node.origin;
    const isPlain = isInPlace(node) || (expression.text.length < 12 && !/[[(]/.test(expression.text));
    const isShort = expression.text.length < LONGEST || (this.#dropped.has(node) && isReduction(node));
    const isNamed = name !== undefined && /^[a-z]\w*$/i.test(name) && node !== this.#root;
    if (!isVariable && (isPlain || (uses <= 1 && isShort && !isNamed))) {
      this.#written.set(node, expression);
      return;
    }
    const bound = this.#fresh(name ?? "t");
    this.#lines.push(`${bound} = ${isVariable ? `variable(${expression.text})` : expression.text}`);
    this.#written.set(node, atom(bound));
  }

  // ---------------------------------------------------------------------------------------- operands

  #at(node: Node, least: Level): string {
    const { text, level: own } = this.#written.get(node)!;
    return own < least ? `(${text})` : text;
  }

  /** An operand that must be a tensor of its full shape. */
  #tensor(node: Node, least: Level = level.any): string {
    if (node.op === "constant") return constantTensor(node, this.#shape(node.shape));
    if (node.op === "extent") return `torch.tensor(float(${this.#at(node, level.any)}))`;
    return this.#at(node, least);
  }

  /** The operand as floats, as ops of numbers want it. */
  #float(node: Node, least: Level = level.any): string {
    if (node.type === "float" || node.op === "constant") return this.#tensor(node, least);
    return `${this.#tensor(node, level.atom)}.double()`;
  }

  /**
   * Operands of an elementwise op. PyTorch stretches axes by itself, and takes numbers, as long as
   * one operand has the shape of the result.
   */
  #elementwise(node: Node, needs: readonly Level[], asFloat: boolean): string[] {
    const isLoose = (x: Node): boolean =>
      x.op === "broadcast" || x.op === "constant" || (x.op === "extent" && node.shape.length === 0);
    const anchored = node.operands.some((x, i) => !isLoose(x) && !(node.op === "where" && i === 0));
    return node.operands.map((x, i) => {
      const least = needs[i] ?? level.any;
      const isCondition = node.op === "where" && i === 0;
      // What a gradient is taken with respect to must be met itself.
      if (this.#variables.has(x)) return this.#float(x, least);
      if (anchored && x.op === "constant" && !isCondition) {
        return literal(x.attributes.value, x.type, least);
      }
      if (anchored && x.op === "broadcast") {
        const inner = unpadded(x.operands[0]!);
        if (inner.op === "extent") return this.#at(inner, least);
        if (inner.op === "constant") return literal(inner.attributes.value, inner.type, least);
        if (inner.type === "float" || isCondition || !asFloat) return this.#at(inner, least);
        return `${this.#at(inner, level.atom)}.double()`;
      }
      if (anchored && x.op === "extent") return this.#at(x, least);
      return asFloat && !isCondition ? this.#float(x, least) : this.#tensor(x, least);
    });
  }

  #size = (size: Size): string => bySize(size, String, (count) => (count === 1 ? "N" : `${count} * N`));
  #shape(shape: Shape): string {
    return shape.length === 1 ? `(${this.#size(shape[0]!)},)` : `(${shape.map(this.#size).join(", ")})`;
  }

  // -------------------------------------------------------------------------------------- expressions

  #infix(node: Node, sign: string, own: Level, left: Level, right: Level): Expression {
    const asFloat = node.type === "float" || sign === "/" || sign === "**";
    const [a, b] = this.#elementwise(node, [left, right], asFloat);
    return { text: `${a} ${sign} ${b}`, level: own };
  }
  #call(node: Node, name: string): Expression {
    return atom(`${name}(${this.#elementwise(node, [], node.type !== "bool").join(", ")})`);
  }
  #method(x: Node, call: string): Expression {
    return atom(`${this.#float(x, level.atom)}.${call}`);
  }

  #expression(node: Node): Expression {
    const [a, b] = node.operands as readonly [Node, Node];
    switch (node.op) {
      case "add":
      case "couple":
        return this.#infix(node, "+", level.sum, level.sum, level.product);
      case "sub":
        return this.#infix(node, "-", level.sum, level.sum, level.product);
      case "mul":
        return this.#infix(node, "*", level.product, level.product, level.sign);
      case "div":
        return this.#infix(node, "/", level.product, level.product, level.sign);
      case "pow":
        return this.#infix(node, "**", level.power, level.atom, level.atom);
      case "neg":
        return { text: `-${this.#tensor(a, level.sign)}`, level: level.sign };
      case "lt":
        return this.#infix(node, "<", level.comparison, level.bitwise, level.bitwise);
      case "le":
        return this.#infix(node, "<=", level.comparison, level.bitwise, level.bitwise);
      case "gt":
        return this.#infix(node, ">", level.comparison, level.bitwise, level.bitwise);
      case "ge":
        return this.#infix(node, ">=", level.comparison, level.bitwise, level.bitwise);
      case "eq":
        return this.#infix(node, "==", level.comparison, level.bitwise, level.bitwise);
      case "ne":
        return this.#infix(node, "!=", level.comparison, level.bitwise, level.bitwise);
      case "and":
        return this.#infix(node, "&", level.bitwise, level.sum, level.sum);
      case "or":
        return this.#infix(node, "|", level.bitwise, level.sum, level.sum);
      case "not":
        return { text: `~${this.#tensor(a, level.sign)}`, level: level.sign };
      case "exp":
      case "expm1":
      case "log":
      case "log1p":
      case "sqrt":
      case "reciprocal":
      case "abs":
      case "sign":
      case "sin":
      case "cos":
      case "tanh":
      case "sigmoid":
      case "relu":
      case "erf":
      case "floor":
      case "round":
        return this.#call(node, `torch.${node.op}`);
      case "softplus":
        // Its default leaves the curve at 20, which is 2e-9 off.
        return atom(`F.softplus(${this.#float(a)}, threshold=40)`);
      case "max":
      case "min":
        return this.#extreme(node);
      case "where":
        return this.#call(node, "torch.where");
      case "cast":
        return atom(`${this.#tensor(a, level.atom)}.double()`);
      case "stop_gradient":
        return atom(`${this.#tensor(a, level.atom)}.detach()`);

      case "sum":
      case "logsumexp":
        return this.#method(a, `${node.op}(dim=${axesText(node.attributes.axes)}, keepdim=True)`);
      case "reduce_max":
        return this.#method(a, `amax(dim=${axesText(node.attributes.axes)}, keepdim=True)`);
      case "reduce_min":
        return this.#method(a, `amin(dim=${axesText(node.attributes.axes)}, keepdim=True)`);
      case "prod":
        // One axis a call; with the axes kept, their numbers stay.
        return this.#method(
          a,
          node.attributes.axes.map((axis) => `prod(dim=${axis}, keepdim=True)`).join("."),
        );
      case "argmax":
        return this.#method(a, `argmax(dim=${node.attributes.axes[0]}, keepdim=True)`);
      case "softmax":
        return this.#method(a, `softmax(dim=${node.attributes.axis})`);
      case "matmul":
        return {
          text: `${this.#float(a, level.product)} @ ${this.#float(b, level.sign)}`,
          level: level.product,
        };

      case "reshape":
        return this.#reshape(node);
      case "permute": {
        const { axes } = node.attributes;
        const x = this.#tensor(a, level.atom);
        return atom(axes.length === 2 ? `${x}.T` : `${x}.permute(${axes.join(", ")})`);
      }
      case "broadcast":
        return atom(`${this.#tensor(a, level.atom)}.expand(${node.shape.map(this.#size).join(", ")})`);
      case "slice":
        return this.#slice(node);
      case "embed": {
        const { index, flips } = indexText(node, a.shape, this.#size);
        if (flips.length > 0) throw new Lacking("slices that go backwards, written to");
        return atom(`embed(${this.#float(a)}, ${this.#shape(node.shape)}, np.s_[${index}])`);
      }
      case "concat": {
        const parts = node.operands.map((x) => (node.type === "float" ? this.#float(x) : this.#tensor(x)));
        return atom(`torch.cat([${parts.join(", ")}], dim=${node.attributes.axis})`);
      }
      case "one_hot":
        return atom(`F.one_hot(${this.#tensor(a)}, ${node.attributes.classes}).bool()`);
      case "gather":
        return atom(
          `${this.#tensor(a, level.atom)}.gather(-1, ${this.#tensor(b, level.atom)}.unsqueeze(-1)).squeeze(-1)`,
        );
      case "grad":
        return atom(`gradient(${this.#float(a)}, ${this.#at(b, level.any)})`);

      case "constant":
        return atom(constantTensor(node, this.#shape(node.shape)));
      case "table": {
        const { values, type, shape } = node.attributes;
        const numbers = `torch.tensor([${values.map((v) => ownLiteral(v, type)).join(", ")}])`;
        return atom(shape.length === 1 ? numbers : `${numbers}.reshape${this.#shape(shape)}`);
      }
      case "extent":
        return {
          text: this.#size(node.attributes.size),
          level: countOf(node.attributes.size) === 1 ? level.atom : level.product,
        };
      case "iota": {
        const { axis, shape } = node.attributes;
        const line = `torch.arange(${this.#size(shape[axis]!)})`;
        if (shape.length === 1) return atom(line);
        const ones = shape.map((_, i) => (i === axis ? "-1" : "1")).join(", ");
        return atom(`${line}.reshape(${ones}).expand(${shape.map(this.#size).join(", ")})`);
      }
      case "random":
        this.#randoms.push(node);
        return atom(`given["random.${this.#randoms.length - 1}"]`);
      case "input":
      case "parameter":
      case "state":
      case "hyper":
      case "step":
        throw new Lacking(`\`${node.op}\` in a loss`);
      default:
        return node satisfies never;
    }
  }

  /**
   * max and min take tensors alone; against a number they are a clamp, whose gradient at the number
   * differs, so the number is stretched.
   */
  #extreme(node: NodeOf<"max"> | NodeOf<"min">): Expression {
    const operands = node.operands.map((x) => {
      if (x.op === "constant") return `torch.tensor(${ownLiteral(x.attributes.value, "float")})`;
      return this.#float(x);
    });
    return atom(`torch.${node.op}imum(${operands.join(", ")})`);
  }

  /** Axes that a reduction kept only to be dropped are not kept. */
  #reshape(node: NodeOf<"reshape">): Expression {
    const x = node.operands[0]!;
    const text = this.#tensor(x, level.atom);
    const axes = "axes" in x.attributes ? x.attributes.axes : [];
    const dropped = x.shape.filter((_, axis) => !axes.some((a) => a === axis));
    if (
      isReduction(x) &&
      this.#written.get(x)!.text.endsWith(", keepdim=True)") &&
      sameShapes(dropped, node.shape)
    ) {
      const all = x.shape.length === axes.length && x.op === "sum";
      return atom(
        all ? text.replace(/dim=[^=]*, keepdim=True\)$/, ")") : text.replace(/, keepdim=True\)$/, ")"),
      );
    }
    if (node.shape.length === 0) return atom(`${text}.squeeze()`);
    return atom(`${text}.reshape(${node.shape.map(this.#size).join(", ")})`);
  }

  #slice(node: NodeOf<"slice">): Expression {
    const { index, flips } = indexText(node, node.shape, this.#size);
    const x = `${this.#tensor(node.operands[0]!, level.atom)}[${index}]`;
    return atom(flips.length === 0 ? x : `${x}.flip(${flips.join(", ")})`);
  }
}

const sameShapes = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, i) => sameSize(size, b[i]!));

/**
 * What a reshape only gave leading axes of size 1, before them: broadcasting adds those by itself.
 */
function unpadded(x: Node): Node {
  if (x.op !== "reshape") return x;
  const inner = x.operands[0]!;
  const missing = x.shape.length - inner.shape.length;
  const isPadding =
    missing > 0 && x.shape.slice(0, missing).every(isOne) && sameShapes(x.shape.slice(missing), inner.shape);
  return isPadding ? inner : x;
}

/** What is part of its users' lines: numbers, and views that broadcasting makes needless. */
const isInPlace = (node: Node): boolean =>
  node.op === "constant" || node.op === "extent" || node.op === "broadcast" || unpadded(node) !== node;

const isReduction = ({ op }: Node): boolean =>
  op === "sum" || op === "logsumexp" || op === "reduce_max" || op === "reduce_min" || op === "argmax";

const axesText = (axes: readonly number[]): string =>
  axes.length === 1 ? String(axes[0]) : `(${axes.join(", ")})`;

/** Python's spelling of a number. */
function literal(value: number, type: Node["type"], least: Level): string {
  if (type === "bool") return value === 0 ? "False" : "True";
  if (Number.isNaN(value)) return "torch.nan";
  if (!Number.isFinite(value))
    return value > 0 ? "torch.inf" : least > level.sign ? "(-torch.inf)" : "-torch.inf";
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return text.startsWith("-") && least > level.sign ? `(${text})` : text;
}

/** A number that decides the type of its tensor: floats have a point. */
function ownLiteral(value: number, type: Node["type"]): string {
  const text = literal(value, type, level.any);
  return type === "float" && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function constantTensor({ attributes: { value, type }, shape }: NodeOf<"constant">, sizes: string): string {
  const number = ownLiteral(value, type);
  return shape.length === 0 ? `torch.tensor(${number})` : `torch.full(${sizes}, ${number})`;
}

/** `0, :, 2:8:2`, and the axes to turn round afterwards, since PyTorch has no negative steps. */
function indexText(
  node: NodeOf<"slice"> | NodeOf<"embed">,
  part: Shape,
  show: (size: Size) => string,
): { readonly index: string; readonly flips: readonly number[] } {
  const wholeShape = node.op === "slice" ? node.operands[0]!.shape : node.shape;
  const flips: number[] = [];
  const index = node.attributes.axes.map(({ start, fromEnd, step }, axis) => {
    const size = part[axis]!;
    if (start === 0 && !fromEnd && step === 1 && sameSize(size, wholeShape[axis]!)) return ":";
    const first = fromEnd ? `${show(wholeShape[axis]!)} - ${start}` : String(start);
    const count = isFree(size) ? `(${show(size)})` : String(countOf(size));
    if (step > 0) {
      const last =
        !fromEnd && !isFree(size)
          ? String(start + step * (countOf(size) - 1) + 1)
          : `${first} + ${step} * (${count} - 1) + 1`;
      return step === 1 ? `${first}:${last}` : `${first}:${last}:${step}`;
    }
    flips.push(axis);
    return `${first} + ${step} * (${count} - 1):${first} + 1:${-step}`;
  });
  return { index: index.join(", "), flips };
}

/** Functions of the script that the program needs. */
function helpers(order: readonly Node[]): string[] {
  const has = (op: OpName): boolean => order.some((node) => node.op === op);
  return [
    "",
    "def gradient(of, wrt):",
    '    """d of / d wrt, which can be differentiated again; zeros where `of` does not depend on `wrt`."""',
    "    if not of.requires_grad:",
    "        return torch.zeros_like(wrt)",
    "    found = torch.autograd.grad(of, wrt, create_graph=True, allow_unused=True)[0]",
    "    return torch.zeros_like(wrt) if found is None else found",
    "",
    ...(has("grad")
      ? [
          "",
          "def variable(x):",
          '    """x, as something that can be differentiated with respect to."""',
          "    return x if x.requires_grad else x.detach().requires_grad_()",
          "",
        ]
      : []),
    ...(has("embed")
      ? [
          "",
          "def embed(x, shape, index):",
          "    whole = torch.zeros(shape)",
          "    whole[index] = x",
          "    return whole",
          "",
        ]
      : []),
    "",
  ];
}
