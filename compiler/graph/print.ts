/**
 * The graph as text, for `--emit ir` and `--emit grad`: one node a line, `name: shape = formula`,
 * each where it is first needed. What a reader does not want to see as lines of their own is
 * written in place: inputs, parameters and other sources, numbers, transposes, and the broadcasts
 * that every formula on tensors implies. The body of a loop is indented under a line that says where
 * it goes and what it carries, and ends with what it carries on.
 */
import { reachable } from "./graph.ts";
import { type LoopStep, nodesOf, type Step, stepsTo } from "./steps.ts";
import {
  layerStatesOf,
  ownedBy,
  parametersOf,
  pathOf,
  statesOf,
  type Model,
  type NamedNode,
} from "./model.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import { operatorOf, showNumber } from "../ir/notation.ts";
import { isOne, showShape, showSize, type Shape } from "../ir/size.ts";

/** Every so many views on one another, one gets a line. */
const MOST_VIEWS = 4;
/** How many places of a rule are listed. */
const MOST_PLACES = 5;

interface Section {
  readonly title: string;
  readonly roots: readonly NamedNode[];
}

/**
 * The model's sections, such as `predict` and `step`, and the rules that made them; ends with a
 * line break.
 */
export function printModel(model: Model): string {
  const printer = new Printer(model);
  const lines = [`model ${model.name}`];
  for (const { title, roots } of sections(model)) {
    if (roots.length > 0) lines.push("", `-- ${title}`, printer.section(roots).join("\n"));
  }
  if (model.applied.length > 0) lines.push("", "-- rules applied", ...printer.rules());
  return lines.join("\n") + "\n";
}

/** The line of `printModel` for a node, by which a reader finds it there; null where it has none. */
export function lineOf(model: Model, node: Node): string | null {
  const printer = new Printer(model);
  for (const { roots } of sections(model)) printer.section(roots);
  return printer.lineOf(node);
}

function sections(model: Model): Section[] {
  const { roots } = model;
  const named = (name: string, node: Node | null): NamedNode[] => (node === null ? [] : [{ name, node }]);
  const [parameters, states] = [parametersOf(model), statesOf(model)];
  const updated = [...layerStatesOf(model), ...states, ...parameters];
  return [
    { title: "initialize", roots: ownedBy(model).flatMap(({ path, start }) => named(path, start)) },
    { title: "initialize states", roots: states.flatMap(({ path, start }) => named(path, start)) },
    { title: "predict", roots: roots.outputs },
    { title: "evaluate", roots: [...named("loss", roots.loss), ...roots.metrics] },
    { title: "training loss", roots: named("loss", roots.trainingLoss) },
    {
      title: "gradients",
      roots: parameters.flatMap(({ path, gradient }) => named(`d loss / d ${path}`, gradient)),
    },
    {
      title: "step",
      roots: updated.flatMap(({ path, update }) => named(path, update)),
    },
    {
      title: "probe",
      roots: roots.probes.map(({ call, figure, parameter, node }) => {
        const of = parameter === null ? model.layers[call]!.path : pathOf(model, parameter);
        return { name: `${figure} of ${of}`, node };
      }),
    },
  ];
}

class Printer {
  readonly #model: Model;
  readonly #free: string;
  readonly #names = new Map<Node, string>();
  readonly #uses = new Map<string, number>();
  readonly #printed = new Map<Node, string>();
  readonly #viewDepths = new Map<Node, number>();
  /** Numbers by which lines speak of loops, by their own. */
  readonly #loops = new Map<number, number>();

  constructor(model: Model) {
    this.#model = model;
    this.#free = model.freeName ?? "N";
    // A lambda's parameter may have the name of an input.
    for (const { name } of model.inputs) this.#uses.set(name, 1);
  }

  /** The lines of what `roots` need and no line before has said, and then a line for each root. */
  section(roots: readonly NamedNode[]): string[] {
    const lines: string[] = [];
    const scans = reachable(roots.map(({ node }) => node)).filter(({ op }) => op === "scan");
    for (const { name, node } of roots) {
      lines.push(...this.#steps(stepsTo(withWholeLoops(node, scans))));
      lines.push(`${name} <- ${this.reference(node)}`);
    }
    return lines;
  }

  #steps(steps: readonly Step[]): string[] {
    return steps.flatMap((step) => (step.kind === "loop" ? this.#loop(step) : this.#line(step.node)));
  }

  /** None where a line has said it, or none needs to. */
  #line(node: Node): string[] {
    if (this.#printed.has(node) || this.#inPlace(node) !== null) return [];
    const line = `${this.#name(node)}: ${this.#type(node)} = ${this.#formula(node)}`;
    this.#printed.set(node, line);
    return [line];
  }

  /** Its head and its body, and then what it leaves; of a loop that was there before what is new. */
  #loop(step: LoopStep): string[] {
    const { loop, first, next, scans } = step;
    const isNew = !this.#loops.has(loop.id);
    const number = this.#loopNumber(loop);
    const carried = carriedBy(step);
    const [from, to] = loop.reverse ? [loop.length - 1, 0] : [0, loop.length - 1];
    const starts = first.map((node, i) => {
      const name = carried[i] === undefined ? "_" : this.#name(carried[i]);
      return `${name}: ${this.#type(node)} from ${this.reference(node)}`;
    });
    const carries = starts.length === 0 ? "" : `, carries ${starts.join(", ")}`;
    const head = isNew ? `loop ${number}, places ${from} to ${to}${carries}` : `loop ${number}, further`;
    for (const node of carried)
      if (node !== undefined && !this.#printed.has(node)) this.#printed.set(node, head);
    const body = this.#steps(step.body);
    if (isNew)
      next.forEach((node, i) =>
        body.push(`${carried[i] === undefined ? "_" : this.#name(carried[i])} <- ${this.reference(node)}`),
      );
    const lines = body.length === 0 && !isNew ? [] : [head, ...body.map((line) => `  ${line}`)];
    // The steps give them as what they are of: nodes.
    return [...lines, ...scans.flatMap((scan: Node) => this.#line(scan))];
  }

  #loopNumber({ id }: Loop): number {
    const known = this.#loops.get(id) ?? this.#loops.size + 1;
    this.#loops.set(id, known);
    return known;
  }

  lineOf(node: Node): string | null {
    return this.#printed.get(node) ?? null;
  }

  /** A line for each rule that was applied, with the first places. */
  rules(): string[] {
    const places = new Map<string, string[]>();
    for (const { pass, rule, formula, node } of this.#model.applied) {
      const line = `${pass}, ${rule}: ${formula}`;
      places.set(line, [...(places.get(line) ?? []), this.reference(node)]);
    }
    return [...places].map(([line, at]) => {
      const more = at.length > MOST_PLACES ? ` and ${at.length - MOST_PLACES} more` : "";
      return `${line}   at ${at.slice(0, MOST_PLACES).join(", ")}${more}`;
    });
  }

  /** How other lines speak of a node. */
  reference(node: Node): string {
    return this.#inPlace(node) ?? this.#name(node);
  }

  #name(node: Node): string {
    const known = this.#names.get(node);
    if (known !== undefined) return known;
    const base = node.origin.name ?? "t";
    const uses = (this.#uses.get(base) ?? 0) + 1;
    this.#uses.set(base, uses);
    const name = node.origin.name !== undefined && uses === 1 ? base : `${base}.${uses}`;
    this.#names.set(node, name);
    return name;
  }

  #type(node: Node): string {
    return (node.type === "float" ? "" : node.type) + this.#shape(node.shape);
  }

  #shape(shape: Shape): string {
    return showShape(shape, this.#free);
  }

  /** What stands for a node that gets no line of its own; null for one that does. */
  #inPlace(node: Node): string | null {
    let suffix = "";
    let inner = node;
    for (; this.#viewDepth(inner) % MOST_VIEWS !== 0; inner = inner.operands[0]!) {
      if (inner.op === "permute") suffix = `'${suffix}`;
    }
    const source = this.#source(inner);
    if (source !== null) return source + suffix;
    return inner === node ? null : this.#name(inner) + suffix;
  }

  /** How many views that may stand in place lie on one another here. */
  #viewDepth(node: Node): number {
    const stack: Node[] = [];
    let inner = node;
    for (; isUnspoken(inner) && !this.#viewDepths.has(inner); inner = inner.operands[0]!) stack.push(inner);
    let depth = this.#viewDepths.get(inner) ?? 0;
    for (let view = stack.pop(); view !== undefined; view = stack.pop()) this.#viewDepths.set(view, ++depth);
    return depth;
  }

  #source(node: Node): string | null {
    switch (node.op) {
      case "constant":
        return showNumber(node.attributes.value);
      case "extent":
        return showSize(node.attributes.size, this.#free);
      case "input":
        return node.attributes.name;
      case "parameter":
        return this.#path(node.attributes.index);
      case "state":
        return `${this.#path(node.attributes.parameter)}.${node.attributes.name}`;
      case "hyper":
        return node.attributes.name;
      case "step":
        return "step";
      default:
        return null;
    }
  }

  #path(index: number): string {
    return pathOf(this.#model, index);
  }

  #formula(node: Node): string {
    // What its loop carries stands there.
    const said = node.op === "scan" ? node.operands.slice(0, 1) : node.operands;
    const operands = said.map((operand) => this.reference(operand));
    const operator = operatorOf(node.op);
    if (operator !== undefined) return operands.join(` ${operator} `);
    if (node.op === "neg") return `-${operands[0]}`;
    return [node.op, ...operands, ...this.#details(node)].join(" ");
  }

  /** What a node's attributes say that its shape does not. */
  #details(node: Node): string[] {
    switch (node.op) {
      case "sum":
      case "prod":
      case "reduce_max":
      case "reduce_min":
      case "logsumexp":
      case "argmax":
      case "permute":
        return [`axes=[${node.attributes.axes.join(", ")}]`];
      case "softmax":
      case "concat":
      case "iota":
        return [`axis=${node.attributes.axis}`];
      case "slice":
      case "embed":
        return [
          `[${node.attributes.axes
            .map(
              ({ start, fromEnd, step }) =>
                `${fromEnd ? `-${start}` : start}:${step === 1 ? "" : `:${step}`}`,
            )
            .join(", ")}]`,
        ];
      case "windows":
      case "fold": {
        const { axis, stride, dilation } = node.attributes;
        const extent = node.op === "windows" ? node.attributes.size : node.attributes.length;
        return [
          `axis=${axis} ${node.op === "windows" ? "size" : "length"}=${extent}`,
          ...(stride === 1 ? [] : [`stride=${stride}`]),
          ...(dilation === 1 ? [] : [`dilation=${dilation}`]),
        ];
      }
      case "table":
        return [
          `[${node.attributes.values.slice(0, 8).map(showNumber).join(", ")}${node.attributes.values.length > 8 ? ", …" : ""}]`,
        ];
      case "scan":
      case "pick":
      case "carried":
        return [`loop=${this.#loopNumber(node.attributes.loop)}`];
      case "random":
        return [node.attributes.distribution, `site=${node.attributes.site}`];
      default:
        return [];
    }
  }
}

/** What a node needs, and of each loop on the way to it all that the section has of it. */
function withWholeLoops(root: Node, scans: readonly Node[]): readonly Node[] {
  if (scans.length === 0) return [root];
  const roots = new Set([root]);
  for (let before = 0; before < roots.size;) {
    before = roots.size;
    const loops = new Set(
      reachable([...roots]).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
    );
    for (const scan of scans) if (scan.op === "scan" && loops.has(scan.attributes.loop.id)) roots.add(scan);
  }
  return [...roots];
}

/** The nodes that stand for what a loop carries, by number; undefined where nobody reads it. */
function carriedBy({ loop, first, body }: LoopStep): readonly (Node | undefined)[] {
  const nodes = [...nodesOf(body)];
  return first.map((_, index) =>
    nodes.find(
      ({ op, attributes }) =>
        op === "carried" && attributes.loop.id === loop.id && attributes.index === index,
    ),
  );
}

/** Whether a node is a view that formulas on tensors do not spell out, or a transpose. */
const isUnspoken = (node: Node): boolean =>
  node.op === "broadcast" ||
  (node.op === "reshape" && addsLeadingOnes(node)) ||
  (node.op === "permute" && exchangesLastTwo(node.attributes.axes));

const exchangesLastTwo = (axes: readonly number[]): boolean => {
  const rank = axes.length;
  return (
    rank >= 2 && axes.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
  );
};

/** Whether a reshape is the first half of NumPy's broadcast. */
function addsLeadingOnes(node: Node): boolean {
  const before = node.operands[0]!.shape;
  const added = node.shape.length - before.length;
  return (
    added > 0 &&
    node.shape.every((size, axis) =>
      axis < added ? isOne(size) : showSize(size) === showSize(before[axis - added]!),
    )
  );
}
