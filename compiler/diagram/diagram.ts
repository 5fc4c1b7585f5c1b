/**
 * A model as a picture before it has places: boxes, arrows, groups. What a formula on tensors does
 * not spell out (broadcasts, reshapes, numbers) is not drawn.
 */
import { infix } from "../../grammar/operators.ts";
import { nameNodes, ownersOf } from "../derive/names.ts";
import { formulaText } from "../derive/text.ts";
import { readNode, type Reading } from "../derive/read.ts";
import { symbol, weight, type Formula } from "../derive/formula.ts";
import { Build } from "../graph/build.ts";
import { reachable } from "../graph/graph.ts";
import { pathOf, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { operatorOf } from "../ir/notation.ts";
import { isOne, showShape } from "../ir/size.ts";
import { ask } from "../passes/pipeline.ts";
import { derivedReadably } from "../derive/rules.ts";

export type Pass = "forward" | "backward";
export type What = Pass | "joint";

export interface Box {
  readonly id: string;
  /**
   * An `input` and a `parameter` are given, an `operation` computes, a `layer` is folded, a
   * `result` is what is asked for, and what is `kept` is a value of the forward pass where the
   * backward pass reads it.
   */
  readonly kind: "input" | "parameter" | "operation" | "layer" | "result" | "kept";
  readonly pass: Pass;
  /** What it does, `+`, `σ`; or what it is called. */
  readonly label: string;
  /** The name of its result in the source; the formula of a folded layer. */
  readonly caption: string | null;
  readonly shape: string;
  /** Whether the backward pass reads what it computed. */
  readonly stored: boolean;
  readonly group: string | null;
  /** Gradients of parameters that a folded layer's backward pass ends in. */
  readonly gradients: readonly NamedResult[];
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
  /**
   * The nodes that take it, and as which of their operands: several in a folded layer, none at a
   * result.
   */
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
  /** Of a backward group: the forward one. */
  readonly of?: string;
}

export interface Diagram {
  readonly title: string;
  readonly what: What;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly groups: readonly Group[];
  /**
   * The forward layer of a folded backward one, by the ids of their boxes: where every box of the
   * backward pass has one, so that each can stand under its own. Empty where not.
   */
  readonly backOf: ReadonlyMap<string, string>;
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
 * The picture of a model's training loss and its gradients; of a model without a loss, of its
 * outputs.
 * @param given as it is before `differentiate`
 * @throws DiagramError `no-loss` where the backward pass of a model without a loss is asked for,
 * `diagram-too-large`
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
  return new Draughtsman(prepared(given), what, fold).diagram();
}

export interface NamedResult {
  readonly name: string;
  readonly node: Node;
}

interface Prepared {
  readonly model: Model;
  readonly hasLoss: boolean;
  readonly results: readonly NamedResult[];
  readonly gradients: readonly NamedResult[];
  readonly names: ReadonlyMap<Node, string>;
  /**
   * Paths of layers, by the nodes of the forward pass that they own; LOSS where no layer comes
   * after.
   */
  readonly owners: ReadonlyMap<Node, string>;
  /** What flows back to values of the forward pass that a layer hands on or takes, by value. */
  readonly flows: ReadonlyMap<Node, Node>;
}

/** The owner of what comes after all layers. No path of the source is empty. */
const LOSS = "";

/** Values and gradients in one graph, in the form that a person would write. */
function prepared(given: Model): Prepared {
  const { trainingLoss, outputs } = given.roots;
  const build = new Build(given.graph);
  const results = trainingLoss === null ? outputs : [{ name: "L", node: trainingLoss }];
  const forward = reachable(results.map(({ node }) => node));
  const names = nameNodes(given, forward, new Set());
  const owners = withLoss(ownersOf(given, forward, names), forward, trainingLoss !== null);

  const computed = forward.filter((node) => node.operands.length > 0 && isDrawn(node) && node.op !== "grad");
  const handed = new Set<Node>();
  const trained: NamedResult[] = [];
  for (const node of trainingLoss === null ? [] : forward) {
    for (const operand of isView(node) ? [] : node.operands.map(unviewed)) {
      const isHanded = owners.get(operand) !== owners.get(node) && operand.operands.length > 0;
      if (isHanded && operand.type === "float" && operand.op !== "grad") handed.add(operand);
    }
    if (node.op !== "parameter") continue;
    const { kind, path } = given.persistent[node.attributes.index]!;
    if (kind !== "frozen") trained.push({ name: `∇${path}`, node: build.grad(trainingLoss!, node) });
  }
  const { model, found } = ask(
    given,
    {
      results: results.map(({ node }) => node),
      gradients: trained.map(({ node }) => node),
      computed,
      handed: [...handed],
      flows: [...handed].map((node) => build.grad(trainingLoss!, node)),
    },
    derivedReadably,
  );
  const named = (list: readonly NamedResult[], nodes: readonly Node[]): NamedResult[] =>
    list.map(({ name }, i) => ({ name, node: nodes[i]! }));
  const moved = <T>(known: ReadonlyMap<Node, T>): Map<Node, T> =>
    new Map(
      computed.flatMap((node, i) => {
        const value = known.get(node);
        const after = unviewed(found.computed[i]!);
        return value === undefined || after.operands.length === 0 ? [] : [[after, value] as const];
      }),
    );
  return {
    model,
    hasLoss: trainingLoss !== null,
    results: named(results, found.results),
    gradients: named(trained, found.gradients),
    names: moved(names),
    owners: completed(moved(owners), reachable(found.results), model),
    flows: new Map(found.handed.map((node, i) => [unviewed(node), unviewed(found.flows[i]!)])),
  };
}

/** What no layer comes after belongs to the loss, where there are layers. */
function withLoss(
  layers: ReadonlyMap<Node, string>,
  forward: readonly Node[],
  hasLoss: boolean,
): Map<Node, string> {
  const owners = new Map(layers);
  if (layers.size === 0 || !hasLoss) return owners;
  const leadsOn = new Set<Node>();
  for (const node of forward.toReversed()) {
    const isComputed = node.operands.length > 0;
    if (isComputed && !leadsOn.has(node) && !owners.has(node) && isDrawn(node)) owners.set(node, LOSS);
    if (leadsOn.has(node) || layers.has(node)) for (const operand of node.operands) leadsOn.add(operand);
  }
  return owners;
}

/** Nodes that a rule made inside of a layer are the layer's too, and so are its parameters. */
function completed(
  owners: Map<Node, string>,
  forward: readonly Node[],
  model: Model,
): ReadonlyMap<Node, string> {
  const users = new Map<Node, Node[]>();
  for (const node of forward) {
    for (const operand of node.operands.map(unviewed)) {
      if (!isView(node)) users.set(operand, [...(users.get(operand) ?? []), node]);
    }
  }
  for (const node of forward.toReversed()) {
    if (node.op === "parameter") {
      const { path } = model.persistent[node.attributes.index]!;
      if (path.includes(".")) owners.set(node, path.slice(0, path.lastIndexOf(".")));
    }
    if (owners.has(node) || node.operands.length === 0 || !isDrawn(node)) continue;
    const around = new Set((users.get(node) ?? []).map((user) => owners.get(user)));
    const [only] = around;
    const isInside = around.size === 1 && only !== undefined;
    if (isInside && (only === LOSS || node.operands.some((o) => owners.get(unviewed(o)) === only))) {
      owners.set(node, only);
    }
  }
  return owners;
}

class Draughtsman {
  readonly #model: Model;
  readonly #hasLoss: boolean;
  readonly #results: readonly NamedResult[];
  readonly #gradients: readonly NamedResult[];
  readonly #flows: ReadonlyMap<Node, Node>;
  readonly #what: What;
  readonly #forward: ReadonlySet<Node>;
  readonly #drawn: readonly Node[];
  readonly #names: ReadonlyMap<Node, string>;
  readonly #stored: ReadonlySet<Node>;
  readonly #groups: ReadonlyMap<Node, Group>;
  readonly #fold: boolean;
  readonly #reading: Reading;

  constructor(prepared: Prepared, what: What, fold: boolean | undefined) {
    const { model, hasLoss, results, gradients, flows, names, owners } = prepared;
    this.#model = model;
    this.#hasLoss = hasLoss;
    this.#results = results;
    this.#gradients = gradients;
    this.#flows = flows;
    this.#what = what;
    this.#reading = {
      freeName: model.freeName ?? "N",
      parameterPath: (index) => pathOf(model, index),
      asNumber: false,
    };
    const forward = reachable(results.map(({ node }) => node));
    this.#forward = new Set(forward);
    const all = reachable([...results, ...gradients].map(({ node }) => node));
    const backward = all.filter((node) => !this.#forward.has(node));
    this.#names = names;
    this.#stored = new Set(
      backward
        .flatMap((node) => node.operands.map(unviewed))
        .filter((node) => this.#forward.has(node) && node.operands.length > 0 && !isNumber(node)),
    );
    const wanted = what === "forward" ? forward : what === "joint" ? all : backward;
    this.#drawn = [...new Set(wanted)].filter(isDrawn).sort((a, b) => a.id - b.id);
    this.#groups = this.#grouped(owners, forward, backward);
    this.#fold = fold ?? this.#drawn.filter((node) => node.operands.length > 0).length > MOST_UNFOLDED;
  }

  diagram(): Diagram {
    const own = [...this.#boxes(), ...this.#resultBoxes()];
    const backOf = this.#mirrored(own);
    const arrows = this.#arrows(new Set(own.map(({ id }) => id)), backOf.size > 0);
    const kept = backOf.size > 0 ? { boxes: [], arrows } : this.#keptBoxes(arrows, own);
    const boxes = [...own, ...kept.boxes];
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
      arrows: kept.arrows,
      groups: [...groups.values()].filter(({ id }) => present.has(id)),
      backOf,
      model: this.#model,
      results: this.#results.map(({ node }) => node),
      hasLoss: this.#hasLoss,
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
        gradients: [],
        nodes: [node],
      });
    }
    const byId = new Map([...this.#groups.values()].map((group) => [group.id, group]));
    for (const [id, nodes] of folded) {
      const { pass, label } = byId.get(id)!;
      const last = nodes.at(-1)!;
      const inside = new Set(nodes);
      boxes.push({
        id,
        kind: "layer",
        pass,
        label: pass === "forward" ? label : `${label} backward`,
        caption: told(pass === "forward" ? this.#formula(last, inside) : this.#flowFormula(inside)),
        shape: this.#shape(last),
        stored: nodes.some((node) => this.#stored.has(node)),
        group: null,
        gradients: this.#gradients.filter(({ node }) => inside.has(unviewed(node))),
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
      gradients: [],
      nodes: [unviewed(node)],
    });
    return [
      ...(this.#what === "backward" ? [] : this.#results.map((r) => box("forward", r))),
      ...(this.#what === "forward" || this.#fold ? [] : this.#gradients.map((g) => box("backward", g))),
    ];
  }

  #arrows(present: ReadonlySet<string>, keepsWhole: boolean): Arrow[] {
    const arrows = new Map<string, Arrow>();
    const add = (from: Node, to: string, pass: Pass, target: Target | null): void => {
      const source = unviewed(from);
      if (!isDrawn(source)) return;
      const start = this.#boxOf(source);
      const isAcross = pass === "backward" && this.#forward.has(source);
      if (start === to || !present.has(to) || (!present.has(start) && !isAcross)) return;
      // A folded layer is kept as a whole.
      const what =
        isAcross && keepsWhole ? "" : `${idOf(source)} ${this.#fold ? "" : (target?.operand ?? "")}`;
      const key = `${start} ${to} ${what}`;
      const before = arrows.get(key);
      arrows.set(key, {
        from: start,
        to,
        kind: isAcross ? "stored" : pass,
        shape: this.#shape(source),
        source,
        targets: [...(before?.targets ?? []), ...(target === null ? [] : [target])],
      });
    };
    for (const node of this.#drawn) {
      node.operands.forEach((operand, i) =>
        add(operand, this.#boxOf(node), this.#passOf(node), { node, operand: i }),
      );
    }
    for (const { name, node } of this.#results) add(node, `forward-${name}`, "forward", null);
    for (const { name, node } of this.#gradients) add(node, `backward-${name}`, "backward", null);
    return [...arrows.values()];
  }

  /** By backward box, the forward one; empty where one of them has none. */
  #mirrored(boxes: readonly Box[]): ReadonlyMap<string, string> {
    if (this.#what !== "joint" || !this.#fold) return new Map();
    const ofGroup = new Map([...this.#groups.values()].map(({ id, of }) => [id, of]));
    const pairs = boxes.flatMap(({ id, pass }) =>
      pass === "backward" ? [[id, ofGroup.get(id)] as const] : [],
    );
    const known = pairs.flatMap(([id, of]) => (of === undefined ? [] : [[id, of] as const]));
    return new Map(known.length === pairs.length ? known : []);
  }

  /**
   * What the backward pass reads of the forward pass stands where it is read; the arrow begins
   * there.
   */
  #keptBoxes(
    arrows: readonly Arrow[],
    boxes: readonly Box[],
  ): { readonly boxes: Box[]; readonly arrows: Arrow[] } {
    const groupOf = new Map(boxes.map(({ id, group }) => [id, group]));
    const kept: Box[] = [];
    const led = arrows.map((arrow): Arrow => {
      if (arrow.kind !== "stored") return arrow;
      const from = `${arrow.from}-${arrow.to}-${arrow.targets[0]?.operand ?? 0}`;
      const { source } = arrow;
      const label =
        source.operands.length === 0
          ? this.#label(source)
          : (this.#names.get(source) ?? this.#formula(source, new Set()));
      kept.push({
        id: from,
        kind: "kept",
        pass: "backward",
        label,
        caption: null,
        shape: arrow.shape,
        stored: this.#stored.has(source),
        group: groupOf.get(arrow.to) ?? null,
        gradients: [],
        nodes: [source],
      });
      return { ...arrow, from };
    });
    return { boxes: kept, arrows: led };
  }

  #boxOf(node: Node): string {
    const group = this.#groups.get(node);
    return this.#fold && group !== undefined ? group.id : idOf(node);
  }

  #passOf(node: Node): Pass {
    return this.#forward.has(node) ? "forward" : "backward";
  }

  #shape(node: Node): string {
    // A reduction keeps its axes as size 1, which is no news.
    if (node.operands.length > 0 && node.shape.every(isOne)) return "";
    return node.shape.length === 0
      ? ""
      : (node.type === "float" ? "" : node.type) + showShape(node.shape, this.#reading.freeName);
  }

  #caption(node: Node): string | null {
    if (node.operands.length === 0) return null;
    const own = this.#names.get(node);
    if (own !== undefined) return own === "loss" ? null : own;
    const of = [...this.#flows].find(([, flow]) => flow === node)?.[0];
    return of === undefined ? null : `δ${this.#names.get(of) ?? ""}`;
  }

  /** `+`, `σ`, `÷ N`: with the numbers among its operands, and without the tensors. */
  #label(node: Node): string {
    const { op } = node;
    if (node.operands.length === 0) {
      const formula = readNode(node, [], this.#reading);
      return formula.kind === "symbol" ? formula.name : formulaText(formula);
    }
    const operator = operatorOf(op);
    if (operator !== undefined) {
      const sign = infix[operator].sign ?? operator;
      const numbers = node.operands.map((operand) => {
        const source = unviewed(operand);
        return isNumber(source) && op !== "matmul" ? this.#numberText(source) : null;
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
    return formulaText(
      readFormula(last, this.#reading, (node) =>
        isNumber(node) || inside.has(node) ? this.#localName(node) : this.#outerName(node),
      ),
    );
  }

  /**
   * What the backward pass of a folded layer hands on; where that is nothing, the gradient of its
   * first parameter.
   */
  #flowFormula(inside: ReadonlySet<Node>): string | null {
    const flow = [...this.#flows.values()].find((node) => inside.has(node));
    const gradient = this.#gradients.find(({ node }) => inside.has(unviewed(node)));
    const node = flow ?? gradient?.node;
    if (node === undefined) return null;
    return formulaText(
      readFormula(node, this.#reading, (part) => {
        if (isNumber(part)) return null;
        const of = [...this.#flows].find(([, own]) => own === part)?.[0];
        if (of !== undefined) return `δ${this.#names.get(of) ?? ""}`;
        return this.#forward.has(part) ? (this.#localName(part) ?? this.#names.get(part) ?? null) : null;
      }),
    );
  }

  /** Sources go by their names, parameters without the layer's. */
  #localName(node: Node): string | null {
    if (node.op === "parameter") return this.#reading.parameterPath(node.attributes.index).split(".").at(-1)!;
    return node.op === "input" ? node.attributes.name : null;
  }

  readonly #outerName = (node: Node): string | null => this.#localName(node) ?? this.#names.get(node) ?? null;

  #grouped(
    owners: ReadonlyMap<Node, string>,
    forward: readonly Node[],
    backward: readonly Node[],
  ): Map<Node, Group> {
    const groups = new Map<Node, Group>();
    for (const [node, path] of owners) {
      groups.set(node, { id: `layer-${path}`, label: path === LOSS ? "loss" : path, pass: "forward" });
    }
    // From the loss back, each group takes what leads to what it hands back, and to its parameters'
    // gradients.
    const last = new Map<string, number>();
    for (const node of forward) {
      const group = groups.get(node);
      if (group !== undefined && node.operands.length > 0) last.set(group.id, node.id);
    }
    const order = [...new Map([...groups.values()].map((group) => [group.id, group])).values()].sort(
      (g, h) => (last.get(h.id) ?? 0) - (last.get(g.id) ?? 0),
    );
    const isBackward = new Set(backward);
    for (const { id, label } of order) {
      const inside = forward.filter((node) => groups.get(node)?.id === id);
      const ends = inside.flatMap((node) => [
        ...node.operands
          .map(unviewed)
          .flatMap((o) => (groups.get(o)?.id === id ? [] : (this.#flows.get(o) ?? []))),
        ...this.#gradients.flatMap((g) =>
          node.op === "parameter" && g.name === `∇${this.#reading.parameterPath(node.attributes.index)}`
            ? [unviewed(g.node)]
            : [],
        ),
      ]);
      // What flows back to its own results comes from elsewhere.
      const arriving = new Set(inside.flatMap((node) => this.#flows.get(node) ?? []));
      const stack = [...ends];
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        if (groups.has(node) || arriving.has(node) || !isBackward.has(node)) continue;
        groups.set(node, { id: `back-${id}`, label, pass: "backward", of: id });
        stack.push(...node.operands);
      }
    }
    return groups;
  }
}

/** More symbols than this no box has room for. */
const MOST_SYMBOLS = 14;
const TOO_LONG = "…";
const told = (formula: string | null): string | null => (formula === TOO_LONG ? null : formula);

/** The formula of `node` down to where `nameOf` knows a name; what is too long for a box is `…`. */
function readFormula(node: Node, reading: Reading, nameOf: (node: Node) => string | null): Formula {
  const formulas = new Map<Node, Formula>();
  for (const part of reachable([node])) {
    const name = part === node || isView(part) ? null : nameOf(part);
    const operands = part.operands.map((operand) => formulas.get(operand)!);
    const formula = name === null ? readNode(part, operands, reading) : symbol(name, false);
    formulas.set(part, weight(formula) > MOST_SYMBOLS ? symbol(TOO_LONG, false) : formula);
  }
  return formulas.get(node)!;
}

const FUNCTIONS: Partial<Record<Node["op"], string>> = {
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
