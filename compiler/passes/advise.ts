/**
 * Formulas that are well formed and yet not what anyone means. Comes after `stabilize`, which names
 * the formulas it looks for.
 */
import type { Diagnostic, Label } from "../../grammar/diagnostic.ts";
import { reachable } from "../graph/graph.ts";
import type { Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { instabilities } from "./rules/instabilities.ts";

/**
 * A function that takes logits, by op, and the op that has turned them into probabilities before.
 */
const normalizers = new Map([
  ["logsumexp", { op: "softmax", loss: "nll(log(…), y)" }],
  ["softplus", { op: "sigmoid", loss: "bce" }],
] as const);

/** The model with the warnings `probabilities-as-logits` and `unstable-formula`. */
export function advise(model: Model): Model {
  return { ...model, warnings: [...model.warnings, ...normalizedTwice(model), ...unstable(model)] };
}

/** A warning wherever the loss normalizes what is normalized already. */
function normalizedTwice({ roots: { trainingLoss } }: Model): Diagnostic[] {
  if (trainingLoss === null) return [];
  return [...lossFormula(trainingLoss)].flatMap((node): Diagnostic[] => {
    if (node.op !== "logsumexp" && node.op !== "softplus") return [];
    const { op, loss } = normalizers.get(node.op)!;
    const inner = node.operands[0]!;
    return inner.op === op ? [asLogits(node, inner, loss)] : [];
  });
}

/**
 * A warning for each place where what is computed of the inputs is unstable: once, though the
 * training graph has it too.
 */
function unstable({ roots }: Model): Diagnostic[] {
  const scalars = [roots.loss, roots.trainingLoss].filter((node) => node !== null);
  const formulas = [...roots.outputs, ...roots.metrics].map(({ node }) => node);
  const found = new Map<string, Diagnostic>();
  for (const node of reachable([...formulas, ...scalars])) {
    const known = instabilities.find(({ at, matches }) => at.includes(node.op) && matches(node));
    if (known === undefined) continue;
    const { span } = node.origin;
    found.set(`${known.name} ${JSON.stringify(span)}`, {
      code: "unstable-formula",
      severity: "warning",
      message: `${span === undefined ? "a formula" : "this formula"} is unstable: ${known.reason}`,
      labels: span === undefined ? [] : [{ span, text: "can be infinite or NaN" }],
      notes: [],
      help: known.help,
    });
  }
  return [...found.values()];
}

/**
 * What stands between a loss and the network before it: the nodes down to the products with
 * weights.
 */
function lossFormula(loss: Node): ReadonlySet<Node> {
  const seen = new Set<Node>([loss]);
  for (const node of seen) if (node.op !== "matmul") for (const operand of node.operands) seen.add(operand);
  return seen;
}

function asLogits(node: Node, inner: Node, loss: string): Diagnostic {
  const at = (span: Node["origin"]["span"], text: string): Label[] =>
    span === undefined ? [] : [{ span, text }];
  return {
    code: "probabilities-as-logits",
    severity: "warning",
    message: `the loss takes logits, and is given probabilities: the result of \`${inner.op}\``,
    labels: [...at(node.origin.span, "normalizes again"), ...at(inner.origin.span, "normalized here")],
    notes: [],
    help: `give it what \`${inner.op}\` is given; a loss of probabilities is \`${loss}\``,
  };
}
