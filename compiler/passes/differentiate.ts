/**
 * Reverse mode: each `grad(scalar, tensor)` becomes the formula of the gradient. One sweep from a
 * scalar back serves every tensor that its gradient is wanted by. Grads of grads come by
 * themselves, since operands go first.
 */
import { DiagnosticError, type Diagnostic, type Label } from "../../grammar/diagnostic.ts";
import { Build } from "../graph/build.ts";
import { type Graph, reachable, remake } from "../graph/graph.ts";
import { listRoots, mapRoots, parametersOf, type Model, type Unkept } from "../graph/model.ts";
import type { Node, OpName } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { backwardOf, unnamed, type Origin } from "../ir/origin.ts";
import type { Op } from "../ops/op.ts";
import { isView } from "../ops/movement.ts";
import { ops } from "../ops/table.ts";
import { accumulate, isSpreadOverFactors, summedRows } from "./accumulate.ts";
import { Guards } from "./guards.ts";
import { mapNotes, transplant, withinLimit } from "./rewrite.ts";
import { silence, type Hides } from "./silence.ts";
import { Undo } from "./undo.ts";

/** Why a tensor has no cotangent: nothing leads to it, or only ops without slope do. */
type Missing = { readonly reason: "independent" } | { readonly reason: "flat"; readonly at: Node };

/** What flows to a node, and what writes the formulas of the reader that it came from last. */
interface Flowing {
  readonly flows: Node[];
  readonly from: Build;
}

interface Sweep {
  /** By wanted tensor. */
  readonly gradients: ReadonlyMap<Node, Node | Missing>;
  /** Cotangents of nodes that have a name. */
  readonly named: readonly (readonly [of: Node, cotangent: Node])[];
  readonly unkept: readonly Unkept[];
}

/**
 * The model without `grad` nodes, with a warning (`no-gradient`, `flat-gradient`) for each
 * parameter that training cannot move.
 * @throws DiagnosticError `no-derivative` where an op on the way has none, `not-undoable` where a
 * `couple` cannot be undone, `graph-too-large`
 * @param inStacks whether weights that are used again and again have one product for their gradient,
 * which waits for all that it is made of
 */
export const differentiate = (model: Model, inStacks = true): Model =>
  withinLimit(() => differentiated(model, inStacks));

function differentiated(model: Model, inStacks: boolean): Model {
  const { graph } = model;
  const buildBack = (of: Node): Build => new Build(graph, backwardOf(unnamed(of.origin)));
  const order = reachable(listRoots(model));
  const map = new Map<Node, Node>();
  const sweeps = new Map<Node, Sweep>();
  const origins = new Map<Node, Origin>();
  const guards = new Guards();

  for (const node of order) {
    if (node.op !== "grad") {
      const operands = node.operands.map((operand) => map.get(operand)!);
      const made = remake(graph, node, operands);
      guards.addOfProgram(made);
      map.set(node, made);
      continue;
    }
    const scalar = map.get(node.operands[0]!)!;
    const tensor = map.get(node.operands[1]!)!;
    let sweep = sweeps.get(scalar);
    // Scalars that differed may be one formula once the grads in them are made: then there is a
    // sweep that did not know of this tensor.
    const isUnknown = tensor.id <= scalar.id && sweep?.gradients.has(tensor) !== true;
    if (sweep === undefined || isUnknown) {
      // What the scalar depends on comes before it, so it is in the map; any other tensor has no
      // gradient.
      const wanted = order.flatMap((other) =>
        other.op === "grad" && map.get(other.operands[0]!) === scalar
          ? (map.get(other.operands[1]!) ?? [])
          : [],
      );
      sweep = sweepBack(graph, buildBack, scalar, new Set(wanted), guards, inStacks);
      sweeps.set(scalar, sweep);
      for (const [of, cotangent] of sweep.named) {
        if (cotangent.origin.name === undefined && !origins.has(cotangent)) {
          origins.set(cotangent, { ...cotangent.origin, name: `d_${of.origin.name}` });
        }
      }
    }
    const gradient = sweep.gradients.get(tensor);
    const zeros = buildBack(tensor).zeros(node.shape);
    map.set(node, gradient === undefined || "reason" in gradient ? zeros : gradient);
  }

  const missing = (grad: Node): Missing | null => {
    const [scalar, tensor] = grad.operands.map((operand) => map.get(operand)!);
    const found = sweeps.get(scalar!)?.gradients.get(tensor!) ?? { reason: "independent" };
    return "reason" in found ? found : null;
  };
  const warnings = [...idleParameters(model, missing), ...zeroGradients(order, model, missing)];
  const formulas = mapRoots(model, (node) => map.get(node)!);
  const applied = model.applied.map((a) => ({ ...a, node: map.get(a.node) ?? a.node }));
  const notes = mapNotes(model, (node) => map.get(node));
  const unkept = [...notes.unkept, ...[...sweeps.values()].flatMap((sweep) => sweep.unkept)];
  return transplant(
    { ...model, ...formulas, ...notes, applied, unkept, warnings: [...model.warnings, ...warnings] },
    origins,
  );
}

/** The cotangents of `wanted`, from `scalar` back. */
function sweepBack(
  graph: Graph,
  buildBack: (of: Node) => Build,
  scalar: Node,
  wanted: ReadonlySet<Node>,
  guards: Guards,
  inStacks: boolean,
): Sweep {
  const order = reachable([scalar]);
  const hides = guards.hidden(order, scalar);
  const undo = new Undo(graph, order);
  const moving = new Set<Node>();
  for (const node of order) {
    if (wanted.has(node) || node.operands.some((operand) => moving.has(operand))) moving.add(node);
  }

  /** By node, what flows to it from the last reader to the first: one order, on every machine. */
  const flowing = new Map<Node, Flowing>();
  const cotangents = new Map<Node, Node>();
  /** Cotangents of products: factors of the products that are their operands' cotangents. */
  const factors = new Set<Node>();
  const flat: [behind: Node, at: Node][] = [];
  const named: [Node, Node][] = [];
  const flowTo = (node: Node, flow: Node, from: Build): void => {
    const others = flowing.get(node)?.flows ?? [];
    flowing.set(node, { flows: others, from });
    others.push(flow);
  };
  const start = buildBack(scalar);
  if (moving.has(scalar)) flowTo(scalar, start.constant(1), start);
  const isFactor = inStacks ? (node: Node): boolean => factors.has(node) : null;
  for (const node of backwards(order)) {
    const found = flowing.get(node);
    if (found === undefined) continue;
    const { flows, from } = found;
    const build = buildBack(node);
    if (isFactor !== null && isSpreadOverFactors(node, flows, isFactor) && !wanted.has(node)) {
      const [row] = node.operands;
      for (const flow of flows) flowTo(row!, build.unbroadcast(flow, row!.shape), build);
      continue;
    }
    const cotangent = accumulate(from, flows, isFactor);
    cotangents.set(node, cotangent);
    // A row that all rows read has the sum of theirs.
    if (node.op === "matmul") factors.add(summedRows(cotangent) ?? cotangent);
    if (node.origin.name !== undefined) named.push([node, cotangent]);
    if (!node.operands.some((operand) => moving.has(operand))) continue;

    const pulled = pullBack(build, undo.again(node), cotangent, hides, guards);
    if (guards.has(node)) for (const flow of pulled ?? []) if (flow?.op === "where") guards.add(flow);
    node.operands.forEach((operand, i) => {
      if (!moving.has(operand)) return;
      const flow = operand.type === "float" ? (pulled?.[i] ?? null) : null;
      if (flow === null) {
        // What is no float has lost its slope itself: an index, a comparison.
        if (node.op !== "stop_gradient") flat.push([operand, operand.type === "float" ? node : operand]);
        return;
      }
      flowTo(operand, flow, build);
    });
  }

  const ends = flatEnds(flat);
  const gradients = new Map(
    [...wanted].map((tensor): [Node, Node | Missing] => {
      const gradient = cotangents.get(tensor);
      if (gradient !== undefined) return [tensor, gradient];
      const at = ends.get(tensor);
      return [tensor, at === undefined ? { reason: "independent" } : { reason: "flat", at }];
    }),
  );
  return { gradients, named, unkept: undo.unkept() };
}

/**
 * Users before operands. Sources and views of them that are read several times come last, when all
 * cotangents of products are known.
 */
function backwards(order: readonly Node[]): readonly Node[] {
  const sources = new Set<Node>();
  const readers = new Map<Node, number>();
  for (const node of order) {
    const isSource = isView(node) ? sources.has(node.operands[0]!) : node.operands.length === 0;
    if (isSource) sources.add(node);
    for (const operand of node.operands) readers.set(operand, (readers.get(operand) ?? 0) + 1);
  }
  const last = new Set<Node>();
  const reversed = order.toReversed();
  for (const node of reversed) {
    if (!sources.has(node) || (readers.get(node) === 1 && !last.has(node))) continue;
    last.add(node);
    for (const operand of node.operands) last.add(operand);
  }
  return [...reversed.filter((node) => !last.has(node)), ...reversed.filter((node) => last.has(node))];
}

/** For each node at or behind the first of a pair of `flat`, the second: the op without slope. */
function flatEnds(flat: readonly (readonly [behind: Node, at: Node])[]): ReadonlyMap<Node, Node> {
  const ends = new Map<Node, Node>();
  for (const [behind, at] of flat) {
    const stack = [behind];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (ends.has(node)) continue;
      ends.set(node, at);
      stack.push(...node.operands);
    }
  }
  return ends;
}

/** Cotangents of the operands; null where the op is flat. */
function pullBack(
  build: Build,
  node: Node,
  cotangent: Node,
  hides: Hides,
  guards: Guards,
): readonly (Node | null)[] | null {
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  const rule = record.vjp;
  if (typeof rule !== "function") {
    if (rule.absent === "flat") return null;
    throw refusal(node, `\`${node.op}\` has no derivative: ${rule.because}`);
  }
  try {
    return silence({ b: build, node, g: cotangent, hides, guards }, (of) =>
      rule(build, of as never, cotangent),
    );
  } catch (error) {
    if (error instanceof OpError && error.code === "no-derivative") throw refusal(node, error.message);
    throw error;
  }
}

function refusal(node: Node, message: string): DiagnosticError {
  const { span } = node.origin;
  return new DiagnosticError([
    {
      code: "no-derivative",
      severity: "error",
      message,
      labels: span === undefined ? [] : [{ span, text: "a gradient is needed here" }],
      notes: [],
      help: "write it with other ops, or cut the gradient with `stop_gradient`",
    },
  ]);
}

/** Why a `grad` node is 0, or null where it is not. */
type FindMissing = (grad: Node) => Missing | null;

/**
 * A warning for each `grad` in the source that is 0, whatever the numbers are. Of a `jacobian`, or
 * a loop, all must be: single entries often do not depend on a tensor.
 */
function zeroGradients(order: readonly Node[], model: Model, missing: FindMissing): Diagnostic[] {
  const ofTraining = new Set(model.persistent.map(({ gradient }) => gradient));
  const places = new Map<string, Node[]>();
  for (const node of order) {
    const { span } = node.origin;
    if (node.op !== "grad" || span === undefined || ofTraining.has(node)) continue;
    const key = `${span.file} ${span.start}`;
    places.set(key, [...(places.get(key) ?? []), node]);
  }
  return [...places.values()].flatMap((nodes): Diagnostic[] => {
    const [grad] = nodes;
    const [found, ...others] = nodes.map(missing);
    if (!grad || !found || others.includes(null)) return [];
    const { name } = grad.operands[1]!.origin;
    const tensor = name === undefined ? "the tensor" : `\`${name}\``;
    const place: Label = { span: grad.origin.span!, text: "is 0 in every entry" };
    if (found.reason === "independent") {
      return [
        {
          code: "no-gradient",
          severity: "warning",
          message: `what is differentiated here does not depend on ${tensor}`,
          labels: [place],
          notes: [],
          help: "differentiate with respect to the tensor that the formula uses; another tensor of equal value is a different variable",
        },
      ];
    }
    return [flatGradient(`what is differentiated here depends on ${tensor}`, [place], found.at, [])];
  });
}

function flatGradient(
  subject: string,
  place: readonly Label[],
  at: Node,
  more: readonly Label[],
): Diagnostic {
  const end = at.origin.span;
  return {
    code: "flat-gradient",
    severity: "warning",
    message: `${subject} only through steps, whose slope is 0`,
    labels: [
      ...place,
      ...(end === undefined ? [] : [{ span: end, text: "the gradient ends here" }]),
      ...more,
    ],
    notes: ["comparisons, `step`, `sign`, `floor`, `round` and `argmax` have slope 0 wherever they have one"],
    help: "use a smooth function instead, such as `sigmoid`; declare a parameter that is not trained as `frozen param`",
  };
}

/** A warning for each trained parameter that the training loss does not move. */
function idleParameters(model: Model, missing: FindMissing): Diagnostic[] {
  return parametersOf(model).flatMap(({ path, span, declared, gradient }) => {
    const found = gradient?.op === "grad" ? missing(gradient) : null;
    if (found === null) return [];
    const place: Label = { span, text: "keeps its initial value" };
    const source: Label[] = declared === undefined ? [] : [{ span: declared, text: "declared here" }];
    if (found.reason === "independent") {
      return [
        {
          code: "no-gradient",
          severity: "warning",
          message: `the loss does not depend on the parameter \`${path}\``,
          labels: [place, ...source],
          notes: [],
          help: "use it in the loss, or declare it `frozen param`",
        },
      ];
    }
    return [flatGradient(`the loss depends on \`${path}\``, [place], found.at, source)];
  });
}
