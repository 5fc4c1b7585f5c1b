/**
 * A program's training loss as PyTorch that a person would write: formulas in place, names kept.
 */
import { reachable } from "../graph/graph.ts";
import { ownedBy, pathOf, type Model } from "../graph/model.ts";
import { type LoopStep, nodesOf, type Step, stepsTo } from "../graph/steps.ts";
import { partsOf } from "../ir/loops.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { atom, type Expression } from "./python.ts";
import { Lacking } from "./question.ts";
import { entriesOf, writeLoop } from "./torch-loops.ts";
import { isInPlace, Operands } from "./torch-operands.ts";
import { expressions, isReduction } from "./torch-ops.ts";

export interface TorchProgram {
  readonly text: string;
  /**
   * The `random` nodes, in the order in which the program reads `random.0`, `random.1` …, since its
   * masks must be those of the module.
   */
  readonly randoms: readonly NodeOf<"random">[];
}

/** Words that a program's names must not hide. */
const RESERVED = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
  lambda nonlocal not or pass raise return try while with torch np F given gradient variable embed fold list take_rows add_rows recurrence sys len float abs print N`.split(
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
  readonly #operands = new Operands();
  readonly #taken = new Set<string>(RESERVED);
  readonly #lines: string[] = [];
  /** Of the lines that are written, in loops deeper than outside. */
  #indent = "";
  /** Names for nodes that have none of their own. */
  readonly #hints = new Map<Node, string>();

  constructor(model: Model, root: Node, wanted: readonly number[], n: number) {
    this.#model = model;
    this.#root = root;
    this.#wanted = wanted;
    this.#n = n;
    this.#order = reachable([root]);
    // Users first: what is written in place is written as often as its user.
    const counted = new Set<number>();
    for (const node of this.#order.toReversed()) {
      const times = isInPlace(node) ? (this.#uses.get(node) ?? 0) : 1;
      const used =
        node.op === "scan"
          ? usedBy(node, counted)
          : node.op === "pick"
            ? [entriesOf(node.operands[0]!).of]
            : node.operands;
      for (const operand of used) this.#uses.set(operand, (this.#uses.get(operand) ?? 0) + times);
      if (node.op === "grad") this.#operands.variables.add(node.operands[1]!);
      if (node.op === "reshape") this.#dropped.add(node.operands[0]!);
    }
  }

  program(): TorchProgram {
    const parameters = ownedBy(this.#model).map(({ path }) => this.#fresh(path));
    const inputs = this.#model.inputs.map(({ name }) => this.#fresh(name));
    for (const node of this.#order) {
      if (node.op === "parameter") this.#operands.written.set(node, atom(parameters[node.attributes.index]!));
      else if (node.op === "input") {
        const index = this.#model.inputs.findIndex(({ name }) => name === node.attributes.name);
        this.#operands.written.set(node, atom(inputs[index]!));
      }
    }
    this.#steps(stepsTo([this.#root]));
    const loss = this.#operands.tensor(this.#root);
    const given = this.#model.inputs.map(({ name, type }, i) => {
      const moves = type === "float" && this.#moves(name) ? ".requires_grad_()" : "";
      const kind = type === "int" ? ".long()" : type === "bool" ? ".bool()" : "";
      return `${inputs[i]} = given["input.${name}"]${kind}${moves}`;
    });
    const weights = ownedBy(this.#model).map(
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
    return { text, randoms: this.#operands.randoms };
  }

  #moves = (name: string): boolean =>
    [...this.#operands.variables].some((node) => node.op === "input" && node.attributes.name === name);

  // ------------------------------------------------------------------------------------------------ names

  /** A Python name close to `path` that nothing else has. */
  #fresh(path: string): string {
    const plain = path.replace(/\W+/g, "_").replace(/^(?=\d)/, "_");
    let name = plain;
    for (let i = 2; this.#taken.has(name) || name === "loss"; i++) name = `${plain}_${i}`;
    this.#taken.add(name);
    return name;
  }

  #line(text: string): void {
    this.#lines.push(this.#indent + text);
  }

  #steps(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind === "loop") this.#loop(step);
      else if (!this.#operands.written.has(step.node)) this.#write(step.node);
    }
  }

  #loop(step: LoopStep): void {
    writeLoop(step, {
      operands: this.#operands,
      nodes: [...nodesOf(step.body)],
      fresh: (name) => this.#fresh(name),
      hint: (node, name) => this.#hints.set(node, name),
      line: (text) => this.#line(text),
      inside: (work) => {
        const outer = this.#indent;
        this.#indent += "    ";
        work();
        this.#indent = outer;
      },
      body: () => this.#steps(step.body),
    });
    for (const scan of step.scans) {
      // The steps give it as what it is of: a node.
      const node: Node = scan;
      const { text } = this.#operands.written.get(node)!;
      const isPermutedAlone = this.#uses.get(node) === 1;
      if (isPermutedAlone && node !== this.#root && !this.#operands.variables.has(node)) continue;
      this.#name(node, text);
    }
  }

  #write(node: Node): void {
    // A table indexed by `node.op` holds the rule of that op, which the compiler cannot follow.
    const rule = expressions[node.op] as (node: Node, operands: Operands) => Expression;
    const expression = rule(node, this.#operands);
    const uses = this.#uses.get(node) ?? 0;
    const isVariable = this.#operands.variables.has(node);
    const { name } = node.origin;
    const isPlain = isInPlace(node) || (expression.text.length < 12 && !/[[(]/.test(expression.text));
    const isShort = expression.text.length < LONGEST || (this.#dropped.has(node) && isReduction(node));
    const isNamed = name !== undefined && /^[a-z]\w*$/i.test(name) && node !== this.#root;
    if (!isVariable && (isPlain || (uses <= 1 && isShort && !isNamed))) {
      this.#operands.written.set(node, expression);
      return;
    }
    this.#name(node, expression.text);
  }

  /** A line of its own. */
  #name(node: Node, text: string): void {
    const bound = this.#fresh(node.origin.name ?? this.#hints.get(node) ?? "t");
    this.#line(`${bound} = ${this.#operands.variables.has(node) ? `variable(${text})` : text}`);
    this.#operands.written.set(node, atom(bound));
    this.#operands.stacks.delete(node);
  }
}

/** What is written for a `scan`: what its loop carries once for all of its results. */
function usedBy(scan: NodeOf<"scan">, counted: Set<number>): readonly Node[] {
  const { value, first, next } = partsOf(scan);
  const values = next.includes(value) ? [] : [value];
  if (counted.has(scan.attributes.loop.id)) return values;
  counted.add(scan.attributes.loop.id);
  return [...values, ...new Set(first), ...new Set(next)];
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
    ...(has("recur")
      ? [
          "",
          "def recurrence(a, x, axis):",
          '    """y[i] = a[i] * y[i - 1] + x[i] along an axis."""',
          "    rows = []",
          "    for a_i, x_i in zip(a.unbind(axis), x.unbind(axis)):",
          "        rows.append(a_i * rows[-1] + x_i if rows else x_i)",
          "    return torch.stack(rows, axis)",
          "",
        ]
      : []),
    ...(has("take")
      ? [
          "",
          "def take_rows(table, ids, batch):",
          '    """The rows of each table of a batch that its ids name."""',
          "    rest = table.shape[batch + 1:]",
          "    index = ids.reshape(*ids.shape[:batch], -1, *[1] * len(rest))",
          "    index = index.expand(*index.shape[:batch + 1], *rest)",
          "    return table.gather(batch, index).reshape(*ids.shape, *rest)",
          "",
        ]
      : []),
    ...(has("scatter")
      ? [
          "",
          "def add_rows(rows, ids, count, batch):",
          '    """Zeros of `count` rows, with each row added where its id says; what is out of range is left out."""',
          "    rest = rows.shape[ids.dim():]",
          "    rows = rows.reshape(*ids.shape[:batch], -1, *rest)",
          "    ids = ids.reshape(*ids.shape[:batch], -1)",
          "    kept = (ids >= 0) & (ids < count)",
          "    index = torch.where(kept, ids, count).reshape(*ids.shape, *[1] * len(rest)).expand(rows.shape)",
          "    sums = torch.zeros(*ids.shape[:batch], count + 1, *rest).scatter_add(batch, index, rows)",
          "    return sums.narrow(batch, 0, count)",
          "",
        ]
      : []),
    ...(has("fold")
      ? [
          "",
          "def fold(windows, axis, length, stride, dilation):",
          '    """Windows along the last axis, added up where they lie along `axis`."""',
          "    count, size = windows.shape[axis], windows.shape[-1]",
          "    at = stride * torch.arange(count)[:, None] + dilation * torch.arange(size)",
          "    entries = windows.movedim(-1, axis + 1).flatten(axis, axis + 1)",
          "    shape = list(windows.shape[:-1])",
          "    shape[axis] = length",
          "    return torch.zeros(shape).index_add(axis, at.flatten(), entries)",
          "",
        ]
      : []),
    "",
  ];
}
