/** Losses that are well formed and yet not what anyone means. Comes after `stabilise`, which names the formulas it looks for. */
import type { Diagnostic, Label } from "../../grammar/diagnostic.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";

/** A function that takes logits, by op, and the op that has turned them into probabilities before. */
const normalisers = new Map([
  ["logsumexp", { op: "softmax", loss: "nll(log(…), y)" }],
  ["softplus", { op: "sigmoid", loss: "bce" }],
] as const);

/** The model with a warning `probabilities-as-logits` wherever its loss normalises what is normalised already. */
export function advise(model: Model): Model {
  const { trainingLoss } = model.roots;
  if (trainingLoss === null) return model;
  const found = [...lossFormula(trainingLoss)].flatMap((node): Diagnostic[] => {
    if (node.op !== "logsumexp" && node.op !== "softplus") return [];
    const { op, loss } = normalisers.get(node.op)!;
    const inner = node.operands[0]!;
    return inner.op === op ? [asLogits(node, inner, loss)] : [];
  });
  return { ...model, warnings: [...model.warnings, ...found] };
}

/** What stands between a loss and the network before it: the nodes down to the products with weights. */
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
    labels: [...at(node.origin.span, "normalises again"), ...at(inner.origin.span, "normalised here")],
    notes: [],
    help: `give it what \`${inner.op}\` is given; a loss of probabilities is \`${loss}\``,
  };
}
