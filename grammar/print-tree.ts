/**
 * The syntax tree as an indented outline, for `--emit ast`: a line a node, its kind first. Spans
 * are left out.
 */
import type { Declaration } from "./ast.ts";

export const printTree = (declarations: readonly Declaration[]): string =>
  declarations.flatMap((declaration) => outline(declaration, "")).join("\n");

type Field = readonly [name: string, value: unknown];

/** The lines of one node: what is plain on the first, what has parts of its own below. */
function outline(node: object, label: string): string[] {
  const fields: Field[] = Object.entries(node).filter(
    ([name]) => name !== "span" && name !== "operatorSpan" && name !== "head",
  );
  const plain: string[] = label === "" ? [] : [`${label}:`];
  const below: string[] = [];
  for (const [name, value] of fields) {
    const text = plainText(name, value);
    if (text === null) {
      // What is neither plain nor a list of nodes is a node.
      const [parts, each]: [object[], string] = Array.isArray(value)
        ? [value, singular(name)]
        : [[value as object], name];
      for (const part of parts) for (const line of outline(part, each)) below.push(`  ${line}`);
    } else if (text !== "" && text !== plain.at(-1)) plain.push(text);
  }
  return [plain.join(" "), ...below];
}

/** A field that fits on its node's line; null for one that has parts. */
function plainText(name: string, value: unknown): string | null {
  if (name === "kind" || name === "text" || name === "operator") return String(value);
  if (name === "doc") return JSON.stringify(value);
  if (typeof value === "boolean") return value ? name : "";
  if (typeof value === "string") return value;
  // The spelling of a number says it all.
  if (typeof value === "number") return "";
  if (Array.isArray(value)) return value.length === 0 ? "" : null;
  if (typeof value !== "object" || value === null) return "";
  const own = Object.keys(value).filter((key) => key !== "span");
  if (own.length !== 1 || own[0] !== "text" || !("text" in value)) return null;
  return name === "name" ? String(value.text) : `${name} ${String(value.text)}`;
}

const singular = (name: string): string => name.replace(/ies$/, "y").replace(/s$/, "");
