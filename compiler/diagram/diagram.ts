/**
 * A model as a picture before it has places: boxes, arrows, groups. What a formula on tensors does not spell out (broadcasts, reshapes,
 * numbers) is not drawn.
 */
import { nameNodes, ownersOf } from "../derive/names.ts";
import { formulaText } from "../derive/text.ts";
import { readNode, type Reading } from "../derive/read.ts";
import { symbol, type Formula } from "../derive/formula.ts";
import { Build } from "../ir/build.ts";
import { reachable } from "../ir/graph.ts";
import { NO_ROOTS, type Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { showShape } from "../ir/size.ts";
import { differentiate } from "../passes/differentiate.ts";
import { applyRules } from "../passes/rewrite.ts";
import { readableSimplifications } from "../derive/rules.ts";

export type Pass = "forward" | "backward";
export type What = Pass | "joint";

export interface Box {
  readonly id: string;
  /** A `value` is given (input, target, number of the step); an `operation` computes; a `layer` is folded; a `result` is what is asked for. */
  readonly kind: "input" | "parameter" | "operation" | "layer" | "result";
  readonly pass: Pass;
  /** What it does, `+`, `σ`; or what it is called. */
  readonly label: string;
  /** The name of its result in the source; the formula of a folded layer. */
  readonly caption: string | null;
  readonly shape: string;
  /** Whether the backward pass reads what it computed. */
  readonly stored: boolean;
  readonly group: string | null;
  /** The nodes that it stands for, its result last. */
  readonly nodes: readonly Node[];
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** `stored`: from a forward value to where the backward pass reads it. */
  readonly kind: Pass | "stored";
  readonly shape: string;
  /** The tensor that goes along it. */
  readonly source: Node;
  /** The nodes that take it, and as which of their operands: several in a folded layer, none at a result. */
  readonly targets: readonly Target[];
}

export interface Target {
  readonly node: Node;
  readonly operand: number;
}

export interface Group {
  readonly id: string;
  readonly label: string;
  readonly pass: Pass;
}

export interface Diagram {
  readonly title: string;
  readonly what: What;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly groups: readonly Group[];
  /** The model that its nodes are of: without views of `grad`, in the form that is drawn. */
  readonly model: Model;
  /** What the values flow to: the loss, or all outputs. */
  readonly results: readonly Node[];
  readonly hasLoss: boolean;
}

export interface DiagramOptions {
  readonly what: What;
  /** Layers drawn as one box; by default all, where the picture would be large. */
  readonly fold?: boolean;
}

/** There is nothing to draw. */
export class DiagramError extends Error {
  readonly code: string;
  readonly help: string;

  constructor(code: string, message: string, help: string) {
    super(message);
    this.name = "DiagramError";
    this.code = code;
    this.help = help;
  }
}

/** With more operations than this, layers are folded. */
const MOST_UNFOLDED = 16;
/** More boxes than this no layout ends in time, and nobody can read. */
const MOST_BOXES = 1500;

/**
 * The picture of a model's training loss and its gradients; of a model without a loss, of its outputs.
 * @param given as it is before `differentiate`
 * @throws DiagramError `no-loss` where the backward pass of a model without a loss is asked for, `diagram-too-large`
 */
export function drawDiagram(given: Model, { what, fold }: DiagramOptions): Diagram {
  const hasLoss = given.roots.trainingLoss !== null;
  if (!hasLoss && what !== "forward") {
    throw new DiagramError(
      "no-loss",
      `${given.name} has no loss, and so no backward pass`,
      "draw it with `--what forward`",
    );
  }
  const { model, results, gradients } = prepared(given);
  return new Draughtsman(model, results, gradients, what, fold).diagram();
}

interface NamedResult {
  readonly name: string;
  readonly node: Node;
}

/** Values and gradients in one graph, in the form that a person would write. */
function prepared(given: Model): {
  readonly model: Model;
  readonly results: readonly NamedResult[];
  readonly gradients: readonly NamedResult[];
} {
  const { trainingLoss, outputs } = given.roots;
  const build = new Build(given.graph);
  const results = trainingLoss === null ? outputs : [{ name: "L", node: trainingLoss }];
  const forward = reachable(results.map(({ node }) => node));
  const trained = forward.flatMap((node) => {
    if (trainingLoss === null || node.op !== "parameter") return [];
    const { frozen, path } = given.parameters[node.attributes.index]!;
    return frozen ? [] : [{ name: `∇${path}`, node: build.grad(trainingLoss, node) }];
  });
  const roots = { ...NO_ROOTS, outputs: [...results, ...trained] };
  const model = applyRules(differentiate({ ...given, roots }), "simplify", readableSimplifications);
  const made = model.roots.outputs;
  return { model, results: made.slice(0, results.length), gradients: made.slice(results.length) };
}

class Draughtsman {
  readonly #model: Model;
  readonly #results: readonly NamedResult[];
  readonly #gradients: readonly NamedResult[];
  readonly #what: What;
  readonly #forward: ReadonlySet<Node>;
  readonly #drawn: readonly Node[];
  readonly #names: ReadonlyMap<Node, string>;
  readonly #stored: ReadonlySet<Node>;
  readonly #groups: ReadonlyMap<Node, Group>;
  readonly #fold: boolean;
  readonly #reading: Reading;

  constructor(
    model: Model,
    results: readonly NamedResult[],
    gradients: readonly NamedResult[],
    what: What,
    fold: boolean | undefined,
  ) {
    this.#model = model;
    this.#results = results;
    this.#gradients = gradients;
    this.#what = what;
    this.#reading = {
      freeName: model.freeName ?? "N",
      parameterPath: (index) => model.parameters[index]?.path ?? `parameter ${index}`,
      asNumber: false,
    };
    const forward = reachable(results.map(({ node }) => node));
    this.#forward = new Set(forward);
    const all = reachable([...results, ...gradients].map(({ node }) => node));
    const backward = all.filter((node) => !this.#forward.has(node));
    this.#names = nameNodes(model, forward, new Set());
    this.#stored = new Set(
      backward
        .flatMap((node) => node.operands.map(unviewed))
        .filter((node) => this.#forward.has(node) && node.operands.length > 0 && !isNumber(node)),
    );
    const wanted =
      what === "forward"
        ? forward
        : what === "joint"
          ? all
          : [
              ...backward,
              ...backward.flatMap((node) => node.operands.map(unviewed)).filter((n) => this.#forward.has(n)),
            ];
    this.#drawn = [...new Set(wanted)].filter(isDrawn).sort((a, b) => a.id - b.id);
    this.#groups = this.#grouped(forward, backward);
    this.#fold = fold ?? this.#drawn.filter((node) => node.operands.length > 0).length > MOST_UNFOLDED;
  }

  diagram(): Diagram {
    const boxes = [...this.#boxes(), ...this.#resultBoxes()];
    if (boxes.length > MOST_BOXES) {
      throw new DiagramError(
        "diagram-too-large",
        `the picture would have ${boxes.length} boxes`,
        this.#fold ? "draw a smaller model of the same kind, with --set" : "fold the layers, with --fold",
      );
    }
    const present = new Set(boxes.map(({ group }) => group));
    const groups = new Map([...this.#groups.values()].map((g) => [g.id, g]));
    return {
      title: this.#model.name,
      what: this.#what,
      boxes,
      arrows: this.#arrows(new Set(boxes.map(({ id }) => id))),
      groups: [...groups.values()].filter(({ id }) => present.has(id)),
      model: this.#model,
      results: this.#results.map(({ node }) => node),
      hasLoss: this.#model.roots.outputs.length > this.#results.length || this.#results[0]?.name === "L",
    };
  }

  #boxes(): Box[] {
    const folded = new Map<string, Node[]>();
    const boxes: Box[] = [];
    for (const node of this.#drawn) {
      const group = this.#groups.get(node);
      if (this.#fold && group !== undefined) {
        folded.set(group.id, [...(folded.get(group.id) ?? []), node]);
        continue;
      }
      boxes.push({
        id: idOf(node),
        kind:
          node.op === "parameter" || node.op === "state" || node.op === "hyper"
            ? "parameter"
            : node.operands.length === 0
              ? "input"
              : "operation",
        pass: this.#passOf(node),
        label: this.#label(node),
        caption: this.#caption(node),
        shape: this.#shape(node),
        stored: this.#stored.has(node),
        group: group?.id ?? null,
        nodes: [node],
      });
    }
    for (const [id, nodes] of folded) {
      const group = [...this.#groups.values()].find((g) => g.id === id)!;
      const last = nodes.at(-1)!;
      boxes.push({
        id,
        kind: "layer",
        pass: group.pass,
        label: group.label,
        caption: group.pass === "forward" ? this.#formula(last, new Set(nodes)) : null,
        shape: this.#shape(last),
        stored: nodes.some((node) => this.#stored.has(node)),
        group: null,
        nodes,
      });
    }
    return boxes;
  }

  /** What the picture leads to: the loss or the outputs, and the gradients of parameters. */
  #resultBoxes(): Box[] {
    const box = (pass: Pass, { name, node }: NamedResult): Box => ({
      id: `${pass}-${name}`,
      kind: "result",
      pass,
      label: name,
      caption: null,
      shape: this.#shape(node),
      stored: false,
      group: null,
      nodes: [unviewed(node)],
    });
    return [
      ...(this.#what === "backward" ? [] : this.#results.map((r) => box("forward", r))),
      ...(this.#what === "forward" ? [] : this.#gradients.map((g) => box("backward", g))),
    ];
  }

  #arrows(present: ReadonlySet<string>): Arrow[] {
    const arrows = new Map<string, Arrow>();
    const add = (from: Node, to: string, pass: Pass, target: Target | null): void => {
      const source = unviewed(from);
      const start = this.#boxOf(source);
      if (start === to || !present.has(start) || !present.has(to)) return;
      const isStored = pass === "backward" && this.#forward.has(source) && source.operands.length > 0;
      const key = `${start} ${to} ${idOf(source)} ${this.#fold ? "" : (target?.operand ?? "")}`;
      const before = arrows.get(key);
      arrows.set(key, {
        from: start,
        to,
        kind: isStored ? "stored" : pass,
        shape: this.#shape(source),
        source,
        targets: [...(before?.targets ?? []), ...(target === null ? [] : [target])],
      });
    };
    for (const node of this.#drawn) {
      if (this.#what === "backward" && this.#forward.has(node)) continue;
      node.operands.forEach((operand, i) =>
        add(operand, this.#boxOf(node), this.#passOf(node), { node, operand: i }),
      );
    }
    for (const { name, node } of this.#results) add(node, `forward-${name}`, "forward", null);
    for (const { name, node } of this.#gradients) add(node, `backward-${name}`, "backward", null);
    return [...arrows.values()];
  }

  #boxOf(node: Node): string {
    const group = this.#groups.get(node);
    return this.#fold && group !== undefined ? group.id : idOf(node);
  }

  #passOf(node: Node): Pass {
    return this.#forward.has(node) ? "forward" : "backward";
  }

  #shape(node: Node): string {
    return node.shape.length === 0
      ? ""
      : (node.type === "float" ? "" : node.type) + showShape(node.shape, this.#reading.freeName);
  }

  #caption(node: Node): string | null {
    if (node.operands.length === 0) return null;
    const own = this.#names.get(node);
    if (own !== undefined) return own === "loss" ? null : own;
    const gradient = this.#gradients.find((g) => unviewed(g.node) === node);
    if (gradient !== undefined || this.#forward.has(node)) return null;
    const { name } = node.origin;
    return name?.startsWith("d_") === true ? `δ${name.slice(2)}` : null;
  }

  /** `+`, `σ`, `÷ N`: with the numbers among its operands, and without the tensors. */
  #label(node: Node): string {
    const { op } = node;
    if (node.operands.length === 0) {
      const formula = readNode(node, [], this.#reading);
      return formula.kind === "symbol" ? formula.name : formulaText(formula);
    }
    const sign = SIGNS[op];
    if (sign !== undefined) {
      const numbers = node.operands.map((operand) => {
        const source = unviewed(operand);
        return isNumber(source) ? this.#numberText(source) : null;
      });
      const [left, right] = numbers;
      if (right !== null && right !== undefined) return `${sign} ${right}`;
      if (left !== null && left !== undefined) return `${left} ${sign}`;
      return sign;
    }
    if (isReduction(node)) {
      const unknown: Formula = symbol("", true);
      const name = {
        sum: "Σ",
        prod: "Π",
        reduce_max: "max",
        reduce_min: "min",
        logsumexp: "log Σ exp",
        argmax: "argmax",
      }[node.op];
      const text = formulaText(readNode(node, [unknown], this.#reading)).trim();
      return node.op === "sum" ? text : name;
    }
    return FUNCTIONS[op] ?? op;
  }

  #numberText(node: Node): string {
    return formulaText(readFormula(node, this.#reading, () => null));
  }

  /** What a folded layer computes of what it is given. */
  #formula(last: Node, inside: ReadonlySet<Node>): string {
    const text = formulaText(
      readFormula(last, this.#reading, (node) => {
        if (node.op === "parameter")
          return this.#reading.parameterPath(node.attributes.index).split(".").at(-1)!;
        if (node.op === "input") return node.attributes.name;
        return this.#names.get(node) ?? (inside.has(node) ? null : "·");
      }),
    );
    return text;
  }

  #grouped(forward: readonly Node[], backward: readonly Node[]): Map<Node, Group> {
    const owners = ownersOf(this.#model, forward, this.#names);
    const groups = new Map<Node, Group>();
    if (owners.size === 0) return groups;
    for (const [node, path] of owners)
      groups.set(node, { id: `layer-${path}`, label: path, pass: "forward" });
    const lossGroup: Group = { id: "layer--loss", label: "loss", pass: "forward" };
    for (const node of forward) {
      if (node.operands.length > 0 && isDrawn(node) && !groups.has(node) && this.#results[0]?.name === "L")
        groups.set(node, lossGroup);
    }
    for (const node of backward) {
      let path: string | undefined;
      for (const operand of node.operands) {
        const source = unviewed(operand);
        const own = groups.get(source);
        if (own === undefined) continue;
        if (source.op === "parameter") path = own.label;
        else if (own.pass === "backward") path ??= own.label;
        else if (node.op !== "matmul") path ??= own.label;
      }
      // The derivative of an activation belongs to its layer, though what it is applied to came from the layer after.
      const activation = node.operands
        .map(unviewed)
        .find((o) => this.#forward.has(o) && o.op !== "parameter" && owners.has(o));
      if (activation !== undefined && node.op !== "matmul") path = owners.get(activation)!;
      const label = path ?? "loss";
      groups.set(node, { id: `back-${label}`, label, pass: "backward" });
    }
    return groups;
  }
}

/** The formula of `node` down to where `nameOf` knows a name or `inside` ends. */
function readFormula(node: Node, reading: Reading, nameOf: (node: Node) => string | null): Formula {
  const formulas = new Map<Node, Formula>();
  for (const part of reachable([node])) {
    const name = part === node || isView(part) ? null : nameOf(part);
    if (name !== null) formulas.set(part, symbol(name, false));
    else
      formulas.set(
        part,
        readNode(
          part,
          part.operands.map((o) => formulas.get(o)!),
          reading,
        ),
      );
  }
  return formulas.get(node)!;
}

const SIGNS: Partial<Record<Node["op"], string>> = {
  add: "+",
  sub: "−",
  mul: "×",
  div: "÷",
  pow: "^",
  lt: "<",
  le: "≤",
  gt: ">",
  ge: "≥",
  eq: "=",
  ne: "≠",
};
const FUNCTIONS: Partial<Record<Node["op"], string>> = {
  matmul: "@",
  neg: "−",
  reciprocal: "1/·",
  sigmoid: "σ",
  sqrt: "√",
  abs: "|·|",
  one_hot: "onehot",
  gather: "[y]",
  stop_gradient: "stop",
};

type Reduction = Extract<Node, { op: "sum" | "prod" | "reduce_max" | "reduce_min" | "logsumexp" | "argmax" }>;
const isReduction = (node: Node): node is Reduction =>
  ["sum", "prod", "reduce_max", "reduce_min", "logsumexp", "argmax"].includes(node.op);

const isView = ({ op }: Node): boolean =>
  op === "broadcast" || op === "reshape" || op === "permute" || op === "cast";

/** What a view is a view of. */
export function unviewed(node: Node): Node {
  let source = node;
  while (isView(source)) source = source.operands[0]!;
  return source;
}

/** A number written out in the label of what uses it: a constant, a size, one over it. */
function isNumber(node: Node): boolean {
  if (node.op === "constant" || node.op === "extent") return true;
  return (
    node.operands.length > 0 &&
    node.shape.length === 0 &&
    node.operands.every((operand) => isNumber(unviewed(operand)))
  );
}

const isDrawn = (node: Node): boolean => !isView(node) && !isNumber(node);

export const idOf = (node: Node): string => `n${node.id}`;
