/** What is said of a run whose loss is not a finite number any more. */
import type { Diagnostic, Label } from "../../compiler/index.ts";
import { lineOf } from "../../compiler/graph/print.ts";
import { ownedBy, pathOf, type Model } from "../../compiler/graph/model.ts";
import { MODEL_CALL, type Origin } from "../../compiler/ir/origin.ts";
import { operatorOf } from "../../compiler/ir/notation.ts";
import { countOf, isFree } from "../../compiler/ir/size.ts";
import type { StepReport } from "../../runtime/index.ts";
import { count } from "../terminal/numbers.ts";
import type { Found } from "./culprit.ts";
import type { Divergence } from "./wrong.ts";

export function divergenceOf(
  { epoch, batch, step }: StepReport,
  found: Found | null,
  model: Model,
): Divergence {
  if (found === null) return { epoch, batch, step };
  const { node, entry, value } = found;
  const call = callOf(model, node.origin);
  const row = rowOf(found);
  return {
    epoch,
    batch,
    step,
    tensor: {
      step: found.step,
      layer: call?.path ?? null,
      callee: call?.callee ?? null,
      pass: passOf(found),
      formula: formulaOf(found, model),
      op: node.op,
      entry,
      value: String(value),
      ...(row === null ? {} : { row }),
      ...(found.places.length === 0 ? {} : { places: found.places }),
    },
  };
}

function passOf({ node: { op, origin }, spoilt }: Found): "source" | "forward" | "backward" | "update" {
  if (op === "input" || op === "parameter" || op === "state" || op === "hyper") return "source";
  if (origin.layer === undefined) return spoilt === null ? "forward" : "update";
  return origin.layer.order === 0 ? "forward" : "backward";
}

const callOf = (model: Model, { layer }: Origin) =>
  layer === undefined || layer.call === MODEL_CALL ? undefined : model.layers[layer.call];

/** Of the data that is trained on; null for a tensor without rows. */
function rowOf({ node: { shape }, entry, rows }: Found): number | null {
  const [first] = shape;
  return first !== undefined && isFree(first) ? rows[Math.floor(entry[0]! / countOf(first))]! : null;
}

function formulaOf({ node }: Found, model: Model): string {
  const line = lineOf(model, node);
  if (line !== null) return line;
  if (node.op === "input" || node.op === "hyper") return node.attributes.name;
  if (node.op === "parameter") return pathOf(model, node.attributes.index);
  if (node.op === "state")
    return `state ${node.attributes.name} of ${pathOf(model, node.attributes.parameter)}`;
  return node.origin.name ?? node.op;
}

/**
 * @param steps made by this process
 * @param kept what became of the file at `-o`
 */
export function diagnosticOf(
  { epoch, step, loss }: StepReport,
  found: Found | null,
  model: Model,
  { steps, kept }: { readonly steps: number; readonly kept: readonly string[] },
): Diagnostic {
  return {
    code: "diverged",
    severity: "error",
    message: `the loss stopped being finite at step ${count(step)}, in epoch ${count(epoch)}: it is ${loss}`,
    labels: found === null ? [] : labelsOf(found, model),
    notes: [...(found === null ? [] : notesOf(found, model, step)), ...kept],
    help: helpFor(found, steps),
  };
}

function notesOf(found: Found, model: Model, step: number): readonly string[] {
  const { node, spoilt } = found;
  const call = callOf(model, node.origin);
  const pass = passOf(found);
  const layer = call && `layer \`${call.path}\` (${call.callee})`;
  const whose =
    pass === "update"
      ? `, in the update of \`${spoilt}\``
      : layer === undefined
        ? pass === "backward"
          ? ", on the way back"
          : ""
        : `, ${pass === "backward" ? "on the way back through" : "in"} ${layer}`;
  const earlier = `that was in step ${count(found.step)}, after which \`${spoilt}\` was not finite`;
  return [
    `the first tensor that is not finite: \`${formulaOf(found, model)}\`${whose}`,
    ...(found.step === step ? [] : [earlier]),
  ];
}

/** The user's words first: the call of a layer of the library, before the line in the library. */
function labelsOf(found: Found, model: Model): readonly Label[] {
  const { node, spoilt } = found;
  const row = rowOf(found);
  const term =
    passOf(found) === "source" ? `\`${formulaOf(found, model)}\` is ${found.value}` : termOf(found);
  const inRow = row === null ? term : `${term}, in row ${count(row)} of the data, from 0`;
  const at = found.places.map(count).join(", ");
  const text = at === "" ? inRow : `${inRow}, at place ${at} of the scan`;
  const call = callOf(model, node.origin);
  const parameter = ownedBy(model).find(
    ({ path }, index) => path === spoilt || (node.op === "parameter" && node.attributes.index === index),
  );
  const own = node.origin.span ?? (node.op === "parameter" ? parameter?.span : undefined);
  const spans = [own, call?.span, own === undefined ? parameter?.span : undefined].filter(
    (span) => span !== undefined,
  );
  const [first, second] = spans.toSorted((a, b) => Number(isLibrary(a.file)) - Number(isLibrary(b.file)));
  if (first === undefined) return [];
  const again = second === undefined || (second.start === first.start && second.file === first.file);
  return [{ span: first, text }, ...(again ? [] : [{ span: second }])];
}

const isLibrary = (file: string): boolean => file.startsWith("std/");

/** `log(0) is -Infinity`, `1 / 0 is Infinity` */
function termOf({ node, operands, value }: Found): string {
  if (operands === null) {
    const what = node.op === "matmul" ? "a sum of products" : node.op === "sum" ? "a sum" : "an entry";
    return `${what} is ${value}`;
  }
  const numbers = operands.map((number) => String(Number(number.toPrecision(6))));
  const operator = operatorOf(node.op);
  const term = operator === undefined ? `${node.op}(${numbers.join(", ")})` : numbers.join(` ${operator} `);
  return `${term} is ${value}`;
}

function helpFor(found: Found | null, steps: number): string {
  const op = found?.node.op;
  if (op === "input") return "leave such rows out of the data, or replace the values";
  if (op === "log" || op === "sqrt" || op === "div" || op === "reciprocal" || op === "log1p")
    return "keep the operand away from 0, as in log(x + 1e-6); or write the formula by a function of the library that is stable";
  if (op === "exp" || op === "expm1" || op === "pow")
    return "keep the operand small, with clamp or a smaller --lr, or subtract its largest entry first, as softmax does";
  if (steps === 1 && found?.spoilt == null)
    return "it was not finite before training: look for very large inputs, and for log, sqrt and division at 0 in the formulas";
  return "try a smaller --lr, scale the inputs to about 1, or look for log and division near 0 in the loss";
}
