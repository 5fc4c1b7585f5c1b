/** Draws a model: its boxes and the arrows between them. */
import { reachable } from "../graph/graph.ts";
import { carriedBy } from "../ir/loops.ts";
import type { Model, NamedNode } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import {
  DiagramError,
  type Arrow,
  type Box,
  type Diagram,
  type DiagramOptions,
  type Group,
  type Pass,
  type Target,
  type What,
} from "./diagram.ts";
import { jointOf, type Joint } from "./joint.ts";
import { Labels } from "./labels.ts";
import { backwardGroups, forwardGroups } from "./layers.ts";
import { isDrawn, isNumber, unviewed } from "./visible.ts";

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
  return new Draughtsman(jointOf(given), what, fold).diagram();
}

class Draughtsman {
  readonly #joint: Joint;
  readonly #what: What;
  readonly #forward: ReadonlySet<Node>;
  /** What the backward pass reads of the places of loops of the forward pass, which make it. */
  readonly #stacks: ReadonlySet<Node>;
  readonly #drawn: readonly Node[];
  readonly #stored: ReadonlySet<Node>;
  readonly #groups: ReadonlyMap<Node, Group>;
  readonly #fold: boolean;
  readonly #labels: Labels;

  constructor(joint: Joint, what: What, fold: boolean | undefined) {
    const { model, results, gradients, hasLoss } = joint;
    this.#joint = joint;
    this.#what = what;
    const computed = reachable(results.map(({ node }) => node));
    const all = reachable([...results, ...gradients].map(({ node }) => node));
    this.#stacks = stacksFor(computed, all);
    this.#forward = new Set([...computed, ...this.#stacks]);
    const forward = all.filter((node) => this.#forward.has(node));
    const backward = all.filter((node) => !this.#forward.has(node));
    this.#stored = new Set(
      backward
        .flatMap((node) => node.operands.map(unviewed))
        .filter((node) => this.#forward.has(node) && node.operands.length > 0 && !isNumber(node)),
    );
    const wanted = what === "forward" ? computed : what === "joint" ? all : backward;
    this.#drawn = wanted.filter(isDrawn);
    const groups = forwardGroups(model, forward, hasLoss);
    this.#groups = new Map([...groups, ...backwardGroups(model, backward, groups)]);
    this.#fold = fold ?? this.#drawn.filter((node) => node.operands.length > 0).length > MOST_UNFOLDED;
    this.#labels = new Labels(joint, this.#forward);
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
    const groups = [...new Map([...this.#groups.values()].map((g) => [g.id, g])).values()];
    const forward = groups.filter(({ pass }) => pass === "forward");
    // The backward pass begins at the loss.
    const backward = forward.toReversed().flatMap(({ id }) => groups.find(({ of }) => of === id) ?? []);
    const { model, results, hasLoss } = this.#joint;
    const loops = groups.filter(({ pass, of }) => pass === "backward" && of === undefined);
    return {
      title: model.name,
      what: this.#what,
      boxes,
      arrows: kept.arrows,
      groups: [...forward, ...backward, ...loops].filter(({ id }) => present.has(id)),
      backOf,
      model,
      results: results.map(({ node }) => node),
      hasLoss,
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
        label: this.#labels.label(node),
        caption: this.#labels.caption(node),
        shape: this.#labels.shape(node),
        stored: this.#stored.has(node),
        group: group?.id ?? null,
        // Unfolded, they are boxes of their own.
        gradients: this.#fold ? this.#gradientsIn(new Set([node])) : [],
        nodes: [node],
      });
    }
    const byId = new Map([...this.#groups.values()].map((group) => [group.id, group]));
    for (const [id, nodes] of folded) {
      const { pass, label, of } = byId.get(id)!;
      const last = nodes.findLast((node) => !this.#stacks.has(node)) ?? nodes.at(-1)!;
      const inside = new Set(nodes);
      boxes.push({
        id,
        kind: "layer",
        pass,
        label: of === undefined ? label : `${label} backward`,
        caption: pass === "forward" ? this.#labels.ofLayer(last, inside) : this.#labels.ofFlow(inside),
        shape: this.#labels.shape(last),
        stored: nodes.some((node) => this.#stored.has(node)),
        group: null,
        gradients: this.#gradientsIn(inside),
        nodes,
      });
    }
    return boxes;
  }

  #gradientsIn(nodes: ReadonlySet<Node>): readonly NamedNode[] {
    return this.#joint.gradients.filter(({ node }) => nodes.has(unviewed(node)));
  }

  /** What the picture leads to: the loss or the outputs, and the gradients of parameters. */
  #resultBoxes(): Box[] {
    const box = (pass: Pass, { name, node }: NamedNode): Box => ({
      id: `${pass}-${name}`,
      kind: "result",
      pass,
      label: name,
      caption: null,
      shape: this.#labels.shape(node),
      stored: false,
      group: null,
      gradients: [],
      nodes: [unviewed(node)],
    });
    return [
      ...(this.#what === "backward" ? [] : this.#joint.results.map((r) => box("forward", r))),
      ...(this.#what === "forward" || this.#fold ? [] : this.#joint.gradients.map((g) => box("backward", g))),
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
        shape: this.#labels.shape(source),
        source,
        targets: [...(before?.targets ?? []), ...(target === null ? [] : [target])],
      });
    };
    for (const node of this.#drawn) {
      node.operands.forEach((operand, i) =>
        add(operand, this.#boxOf(node), this.#passOf(node), { node, operand: i }),
      );
    }
    for (const { name, node } of this.#joint.results) add(node, `forward-${name}`, "forward", null);
    for (const { name, node } of this.#joint.gradients) add(node, `backward-${name}`, "backward", null);
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
      const { source } = arrow;
      const from = `${idOf(source)}-${arrow.to}-${arrow.targets[0]?.operand ?? 0}`;
      kept.push({
        id: from,
        kind: "kept",
        pass: "backward",
        label: this.#labels.ofKept(source),
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
}

/** What loops of the forward pass leave, among `all`, for none of its own results. */
function stacksFor(forward: readonly Node[], all: readonly Node[]): ReadonlySet<Node> {
  const loops = carriedBy(forward);
  const known = new Set(forward);
  return new Set(
    all.filter((node) => node.op === "scan" && loops.has(node.attributes.loop.id) && !known.has(node)),
  );
}

const idOf = (node: Node): string => `n${node.id}`;
