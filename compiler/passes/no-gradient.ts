/** Warnings about gradients that are 0 whatever the numbers are. */
import type { Diagnostic, Label } from "../../grammar/diagnostic.ts";
import { parametersOf, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import type { Missing } from "./sweep.ts";

/** Why a `grad` node is 0, or null where it is not. */
export type FindMissing = (grad: Node) => Missing | null;

/**
 * A warning for each `grad` in the source that is 0, whatever the numbers are. Of a `jacobian`, or
 * a loop, all must be: single entries often do not depend on a tensor.
 */
export function zeroGradients(order: readonly Node[], model: Model, missing: FindMissing): Diagnostic[] {
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
export function idleParameters(model: Model, missing: FindMissing): Diagnostic[] {
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
