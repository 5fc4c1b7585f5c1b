/** The words and numbers in a picture, whatever draws it. */
import { showShape } from "../ir/size.ts";
import type { Arrow, Box, Diagram } from "./diagram.ts";
import { valueText, type Numbers } from "./values.ts";

/** A line of text, by what it tells. */
export interface Row {
  readonly kind: "name" | "formula" | "shape" | "value" | "gradient";
  readonly text: string;
}

/** Beside the label of a box. */
export function boxRows(box: Box, numbers: Numbers | null): Row[] {
  const rows: Row[] = [];
  if (box.caption !== null) {
    const isFormula = box.kind === "layer";
    rows.push({
      kind: isFormula ? "formula" : "name",
      text: isFormula ? box.caption.replaceAll("-", "−") : box.caption,
    });
  }
  for (const { name, node } of box.gradients) {
    const last = name.slice(1).split(".").at(-1);
    const told = numbers === null ? showShape(node.shape) : valueText(numbers.value(node));
    rows.push({ kind: "gradient", text: `∇${last} ${told}` });
  }
  if (box.kind === "operation" || box.kind === "layer") return rows;
  const node = box.nodes.at(-1)!;
  if (box.shape !== "") rows.push({ kind: "shape", text: box.shape });
  if (numbers === null) return rows;
  const kind = box.pass === "forward" || box.kind === "kept" ? "value" : "gradient";
  rows.push({ kind, text: valueText(numbers.value(node)) });
  const gradient = box.kind === "parameter" ? numbers.gradient(node) : null;
  if (gradient !== null) rows.push({ kind: "gradient", text: valueText(gradient) });
  return rows;
}

/**
 * Beside an arrow: its shape, and with numbers the value that goes along it and the gradient that
 * comes back.
 */
export function arrowRows(arrow: Arrow, { what }: Diagram, numbers: Numbers | null): Row[] {
  if (arrow.kind === "stored") return [];
  const rows: Row[] = arrow.shape === "" ? [] : [{ kind: "shape", text: arrow.shape }];
  if (numbers === null) return rows;
  const kind = arrow.kind === "forward" ? "value" : "gradient";
  rows.push({ kind, text: valueText(numbers.value(arrow.source)) });
  const gradient = arrow.kind === "forward" && what === "forward" ? numbers.along(arrow) : null;
  if (gradient !== null) rows.push({ kind: "gradient", text: valueText(gradient) });
  return rows;
}
