/**
 * Probes: what a step in training does to each layer call, as formulas of the graph. They are
 * derived, simplified and scheduled like all others, and share with a step what it computes anyway.
 * What is trained is no different for them: they are roots of a model beside the one that trains,
 * and only in the end are both brought into one graph, where what is equal is one node.
 */
import { Build } from "../graph/build.ts";
import { adoptBeside } from "../graph/adopt-beside.ts";
import { adopt, reachable } from "../graph/graph.ts";
import { listRoots, ownedBy, type Figure, type LayerCall, type Model, type Probe } from "../graph/model.ts";
import { carriedBy, loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { MODEL_CALL } from "../ir/origin.ts";
import { fixed, isFree } from "../ir/size.ts";
import { runPasses } from "./pipeline.ts";
import { withinLimit } from "./rewrite.ts";

/**
 * The model after `stabilize`, with the formulas of its probes.
 * @param model as it was read
 * @throws DiagnosticError `graph-too-large`
 */
export const probed = (model: Model): Model => withinLimit(() => withProbes(model));

/**
 * `model` with the probes of another, which were made of the same program.
 * @throws DiagnosticError `graph-too-large`
 */
export const graft = (model: Model, { roots: { probes } }: Model): Model =>
  withinLimit(() => {
    const graph = model.graph.fork(model.graph.limit);
    const nodes = adoptBeside(
      graph,
      listRoots(model),
      probes.map(({ node }) => node),
    );
    const grafted = probes.map((probe) => ({ ...probe, node: nodes.get(probe.node)! }));
    return { ...model, graph, roots: { ...model.roots, probes: grafted } };
  });

function withProbes(given: Model): Model {
  const outsideOf = stacker(given);
  const layers = given.layers.map((layer, call) =>
    call === MODEL_CALL ? [] : layer.trained.flatMap((node) => outsideOf(node) ?? []),
  );
  const results = [...new Set(layers.flat())];
  const { model, found } = stabilized(given, results);
  const graph = model.graph.fork(model.graph.limit);
  const values = new Map(results.map((result, i) => [result, found[i]!]));
  const moved = movedBy(given);
  const gradients = gradientsAt(given, { ...model, graph }, results.filter(moved));

  const writer = new FigureWriter(new Build(graph), model);
  const probes = given.layers.flatMap((layer, call): Probe[] => {
    if (call === MODEL_CALL) return [];
    const own = layers[call]!.map((result) => values.get(result)!);
    const flows = layers[call]!.flatMap((result) => gradients.get(result) ?? []);
    const isInLoop = layer.trained.some((node) => loopsAround(node).size > 0);
    const figures = [
      ...writer.ofOutput(own),
      // What flows to a value in a loop flows to none of its stacks.
      ...(isInLoop ? [] : writer.ofGradient(own, flows)),
      ...writer.ofParameters(layer),
    ];
    return figures.map((figure) => ({ call, ...figure }));
  });
  return { ...model, graph, roots: { ...model.roots, probes } };
}

/**
 * What a node in loops is outside of them: the stack of its values at all places. Null where a loop is
 * run for nothing that the model is asked for.
 */
function stacker(model: Model): (node: Node) => Node | null {
  const loops = carriedBy(reachable(listRoots(model)));
  const build = new Build(model.graph);
  return (node) => {
    let stack = node;
    for (;;) {
      // The last one made is the innermost.
      const loop = [...loopsAround(stack).values()].toSorted((a, b) => b.id - a.id)[0];
      if (loop === undefined) return stack;
      const carries = loops.get(loop.id);
      if (carries === undefined) return null;
      stack = build.scan(loop, stack, carries);
    }
  };
}

/** The model after `stabilize`, and what has become of nodes that its own formulas may pass over. */
function stabilized(model: Model, nodes: readonly Node[]): { model: Model; found: readonly Node[] } {
  const { outputs } = model.roots;
  const asked = nodes.map((node) => ({ name: "", node }));
  const made = runPasses(
    { ...model, roots: { ...model.roots, outputs: [...outputs, ...asked] } },
    "stabilize",
  );
  const found = made.roots.outputs.slice(outputs.length).map(({ node }) => node);
  const roots = { ...made.roots, outputs: made.roots.outputs.slice(0, outputs.length) };
  return { model: { ...made, roots }, found };
}

/** Whether a tensor depends on what is trained: nothing flows back to what does not. */
function movedBy(model: Model): (node: Node) => boolean {
  const trained = new Set(ownedBy(model).flatMap(({ kind }, i) => (kind === "parameter" ? [i] : [])));
  return (node) =>
    node.type === "float" &&
    reachable([node]).some((n) => n.op === "parameter" && trained.has(n.attributes.index));
}

/**
 * The gradient of the training loss at each of `results`, as nodes of `plain`'s graph.
 *
 * Rules that make a loss stable look through a layer's output: log σ(z) becomes -softplus(-z), and
 * σ(z) is no longer on the way. So where a loss changes for its being differentiated by a result,
 * which is then left whole, the gradient is that of a loss of its own; all others share the one
 * that is trained.
 */
function gradientsAt(given: Model, plain: Model, results: readonly Node[]): ReadonlyMap<Node, Node> {
  const { trainingLoss } = given.roots;
  if (trainingLoss === null || results.length === 0) return new Map();
  const graph = given.graph.fork(given.graph.limit);
  const build = new Build(graph);
  const asked = results.map((result) => build.grad(trainingLoss, result));
  const { model, found } = stabilized({ ...given, graph }, asked);
  const loss = model.roots.trainingLoss!;
  const nodes = adopt(plain.graph, [loss, ...found]);
  if (results.length === 1 || nodes.get(loss) === plain.roots.trainingLoss)
    return new Map(results.map((result, i) => [result, nodes.get(found[i]!)!]));
  const middle = results.length >> 1;
  return new Map([
    ...gradientsAt(given, plain, results.slice(0, middle)),
    ...gradientsAt(given, plain, results.slice(middle)),
  ]);
}

type Formula = Omit<Probe, "call">;

/** Writes the formulas of figures; of a layer that gives several tensors they are of all entries. */
class FigureWriter {
  readonly #build: Build;
  readonly #model: Model;

  constructor(build: Build, model: Model) {
    this.#build = build;
    this.#model = model;
  }

  ofOutput(tensors: readonly Node[]): Formula[] {
    if (tensors.length === 0) return [];
    const b = this.#build;
    const xs = tensors.map(b.toFloat);
    const count = this.#total(xs.map((x) => b.count(x.shape)));
    const meanOf = (of: (x: Node) => Node): Node => b.div(this.#total(xs.map((x) => b.sumAll(of(x)))), count);
    const mean = meanOf((x) => x);
    const squared = (x: Node): Node => b.mul(x, x);
    const all = (op: "reduce_max" | "reduce_min", x: Node): Node => b.reshape(b.reduce(op, x, axesOf(x)), []);
    return [
      scalar("mean", mean),
      scalar("std", b.sqrt(meanOf((x) => squared(b.sub(x, mean))))),
      scalar(
        "min",
        xs.map((x) => all("reduce_min", x)).reduce((x, y) => b.min(x, y)),
      ),
      scalar(
        "max",
        xs.map((x) => all("reduce_max", x)).reduce((x, y) => b.max(x, y)),
      ),
      scalar(
        "zeros",
        meanOf((x) => b.toFloat(b.eq(x, 0))),
      ),
      scalar("alive", xs.length === 1 ? this.#alive(xs[0]!) : b.concat(xs.map(this.#alive), 0)),
    ];
  }

  /** NaN is other than 0. An output without a last axis that every row has is one unit. */
  #alive = (x: Node): Node => {
    const b = this.#build;
    const last = x.shape.at(-1);
    const hasUnits = last !== undefined && !isFree(last);
    const axes = axesOf(x).slice(0, hasUnits ? -1 : undefined);
    const units = hasUnits ? [last] : [fixed(1)];
    return b.reshape(b.reduce("reduce_max", b.toFloat(b.ne(x, 0)), axes), units);
  };

  ofGradient(tensors: readonly Node[], flows: readonly Node[]): Formula[] {
    if (tensors.length === 0 || this.#model.roots.trainingLoss === null) return [];
    return [scalar("gradient", flows.length === 0 ? this.#build.constant(0) : this.#norm(flows))];
  }

  ofParameters({ parameters }: LayerCall): Formula[] {
    const b = this.#build;
    return parameters.flatMap((parameter): Formula[] => {
      const { kind, shape, gradient, update } = this.#model.persistent[parameter]!;
      if (kind !== "parameter" || gradient === null) return [];
      const norm = { figure: "gradients", parameter, node: this.#norm([gradient]) } as const;
      if (update === null) return [norm];
      const old = b.graph.make("parameter", [], { index: parameter, shape });
      // Plain squares, which in f32 hold lengths from 1e-19 to 1e19: every step pays for what is
      // done here to each entry, and weights are none of those that `#norm` is for.
      const length = (x: Node): Node => b.sqrt(this.#squares([x], (y) => y));
      const moved = length(b.sub(update, old));
      // What is 0 and stays has not moved.
      const ratio = b.where(b.eq(moved, 0), 0, b.div(moved, length(old)));
      return [norm, { figure: "updates", parameter, node: ratio }];
    });
  }

  /**
   * √ Σ x². Squares leave what f32 can hold long before x does, as gradients that vanish do, so the
   * sum is taken of x enlarged, and in the same pass of x reduced for where that is too large.
   * There, what is small does not count, and is left out: numbers that are almost 0 are slow.
   */
  #norm(xs: readonly Node[]): Node {
    const b = this.#build;
    const enlarged = this.#squares(xs, (x) => b.mul(x, SCALE));
    const reduced = this.#squares(xs, (x) => b.mul(b.where(b.le(b.abs(x), SMALL), 0, x), 1 / SCALE));
    return b.where(
      b.lt(enlarged, Infinity),
      b.mul(b.sqrt(enlarged), 1 / SCALE),
      b.mul(b.sqrt(reduced), SCALE),
    );
  }

  #squares(xs: readonly Node[], scaled: (x: Node) => Node): Node {
    const b = this.#build;
    return this.#total(
      xs.map((x) => {
        const y = scaled(x);
        return b.sumAll(b.mul(y, y));
      }),
    );
  }

  #total = (nodes: readonly Node[]): Node => nodes.reduce((sum, node) => this.#build.add(sum, node));
}

/**
 * Powers of two, so that nothing is rounded. In f32, Σ (SCALE x)² holds x from 2^-113 on, and is
 * infinite from Σ x² = 2^28 on; then 2^24 entries of SMALL are less than half a unit in its last
 * place. And (SMALL / SCALE)² is the least number that is not slow.
 */
const SCALE = 2 ** 50;
const SMALL = 2 ** -13;

const axesOf = (x: Node): number[] => x.shape.map((_, axis) => axis);

const scalar = (figure: Figure, node: Node): Formula => ({ figure, parameter: null, node });
