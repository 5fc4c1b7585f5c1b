/**
 * The numbers of a picture: what goes along each arrow, and the gradient that comes back along it.
 */
import { Build } from "../graph/build.ts";
import { evaluate } from "../graph/evaluate.ts";
import { reachable, remake } from "../graph/graph.ts";
import { ownedBy, type Model } from "../graph/model.ts";
import { loopsAround } from "../ir/loops.ts";
import type { Node } from "../ir/node.ts";
import { shapeAt } from "../ir/size.ts";
import type { Environment, Values } from "../ops/op.ts";
import { ask, runPasses } from "../passes/pipeline.ts";
import type { Arrow, Diagram } from "./diagram.ts";
import { isView } from "./visible.ts";

export interface Given {
  /** Rows of the batch; 1 for a model without one. */
  readonly rows: number;
  readonly inputs: ReadonlyMap<string, Values>;
  /** Values of parameters by path, in place of their first ones. */
  readonly weights?: ReadonlyMap<string, Float64Array>;
  readonly seed: number;
}

export interface Numbers {
  readonly value: (node: Node) => Values;
  /**
   * The derivative of the loss by a value of the forward pass, all its uses together; null where
   * there is none.
   */
  readonly gradient: (node: Node) => Values | null;
  /** What one use of a value contributes to that. */
  readonly along: (arrow: Arrow) => Values | null;
}

/**
 * @param model the model as it was before it was drawn: it has the first values of parameters
 * @throws RangeError where `given` lacks an input
 */
export function computeNumbers(diagram: Diagram, model: Model, given: Given): Numbers {
  const environment = environmentOf(model, given);
  const drawn = diagram.boxes.flatMap((box) => [...box.nodes, ...box.gradients.map(({ node }) => node)]);
  const nodes = [...new Set([...drawn, ...diagram.arrows.map(({ source }) => source)])];
  const values = new Map(evaluate(nodes, environment).map((value, i) => [nodes[i]!, value]));
  const gradients = diagram.hasLoss ? flowBack(diagram, environment) : NO_FLOW;
  return { value: (node) => values.get(node)!, ...gradients };
}

const NO_FLOW: Pick<Numbers, "gradient" | "along"> = { gradient: () => null, along: () => null };

function environmentOf(model: Model, { rows, inputs, weights, seed }: Given): Environment {
  const parameters = new Map<number, Values>();
  const states = new Map<string, Values>();
  const hyper = new Map((model.optimizer?.hyper ?? []).map(({ name, value }) => [name, value]));
  const environment: Environment = { n: rows, inputs, parameters, states, hyper, step: 0, seed };
  for (const [index, { path, start }] of ownedBy(model).entries()) {
    if (start === null) continue;
    const [first] = evaluate([start], environment);
    const trained = weights?.get(path);
    parameters.set(index, trained === undefined ? first! : { shape: first!.shape, data: trained });
  }
  return { ...environment, step: 1 };
}

/**
 * Gradients by arrow: every use of a value u becomes u + ε with an ε of its own that is 0, and the
 * derivative by that ε is what this use sends back.
 */
function flowBack(diagram: Diagram, environment: Environment): Pick<Numbers, "gradient" | "along"> {
  const { model, results, arrows } = diagram;
  const build = new Build(model.graph);
  const loss = results[0]!;
  const uses = new Map<Node, Map<number, Node>>();
  const byArrow = new Map<Arrow, Node[]>();
  const zeros = new Map<string, Values>();
  for (const arrow of arrows) {
    if (arrow.kind !== "forward" || arrow.source.type !== "float") continue;
    for (const { node, operand } of arrow.targets) {
      // What a loop carries is the same for all that it leaves.
      if (node.op === "scan" && operand > 0) continue;
      const name = `ε ${zeros.size}`;
      const { shape } = arrow.source;
      // The graph makes what it is asked for; the union of all nodes hides it.
      const epsilon = model.graph.make("input", [], { name, shape, type: "float" }) as unknown as Node;
      const numbers = shapeAt(shape, environment.n);
      zeros.set(name, { shape: numbers, data: new Float64Array(numbers.reduce((a, b) => a * b, 1)) });
      byArrow.set(arrow, [...(byArrow.get(arrow) ?? []), epsilon]);
      uses.set(node, (uses.get(node) ?? new Map<number, Node>()).set(operand, epsilon));
    }
  }

  const moved = new Map<Node, Node>();
  const shift = (operand: Node, epsilon: Node): Node => {
    const views: Node[] = [];
    let source = operand;
    for (; source.op !== epsilon.op && isView(source); source = source.operands[0]!) views.push(source);
    return views.reduceRight(
      (node, view) => remake(model.graph, view, [node]),
      build.add(moved.get(source)!, epsilon),
    );
  };
  const forward = reachable([loss]);
  for (const node of forward) {
    const own = uses.get(node);
    const operands = node.operands.map((operand, i) => {
      const epsilon = own?.get(i);
      return epsilon === undefined ? moved.get(operand)! : shift(operand, epsilon);
    });
    moved.set(node, remake(model.graph, node, operands));
  }

  const total = moved.get(loss)!;
  const floats = forward.filter(
    (node) => node.type === "float" && node.op !== "constant" && loopsAround(node).size === 0,
  );
  const asked = [...floats.map((node) => moved.get(node)!), ...[...byArrow.values()].flat()];
  const gradients = asked.map((node) => build.grad(total, node));
  const { found } = ask(model, { gradients }, (given) => runPasses(given, "differentiate"));
  const inputs = new Map([...environment.inputs, ...zeros]);
  const numbers = evaluate(found.gradients, { ...environment, inputs });
  const byNode = new Map(asked.map((node, i) => [node, numbers[i]!]));
  const gradient = (node: Node): Values | null => byNode.get(moved.get(node)!) ?? null;
  return {
    gradient,
    along: (arrow) => {
      if (arrow.kind !== "forward") return null;
      if (arrow.targets.length === 0) return gradient(arrow.source);
      const parts = (byArrow.get(arrow) ?? []).map((epsilon) => byNode.get(epsilon)!);
      const [first, ...others] = parts;
      if (first === undefined) return null;
      return others.reduce((a, b) => ({ shape: a.shape, data: a.data.map((x, i) => x + b.data[i]!) }), first);
    },
  };
}

/** Tensors with more entries, or a longer list of them, are told by their norm. */
const MOST_ENTRIES = 4;
const MOST_LETTERS = 16;

/** `-3`; `[1, 2]`; `‖ ‖ 0.71` for a tensor of many entries. */
export function valueText({ data }: Values): string {
  if (data.length === 1) return numberText(data[0]!);
  const list = data.length <= MOST_ENTRIES ? `[${[...data].map(numberText).join(", ")}]` : "";
  if (list !== "" && list.length <= MOST_LETTERS) return list;
  return `‖·‖ ${numberText(Math.hypot(...sampled(data)))}`;
}

/**
 * `Math.hypot` takes its numbers as arguments, of which there is a most: the norm of norms is the
 * norm.
 */
function sampled(data: Float64Array): number[] {
  const norms: number[] = [];
  for (let from = 0; from < data.length; from += 1024)
    norms.push(Math.hypot(...data.subarray(from, from + 1024)));
  return norms.length > 1024 ? sampled(Float64Array.from(norms)) : norms;
}

/** Three digits, and a real minus. */
function numberText(value: number): string {
  const text =
    Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(3)));
  return (Object.is(value, -0) ? "0" : text).replace("-", "−").replace("Infinity", "∞");
}
