/**
 * A tree as one line of text with a pair of brackets for every node: how the operators were
 * understood.
 */
import type { Expression, IndexItem } from "../../grammar/ast.ts";

export function show(e: Expression): string {
  switch (e.kind) {
    case "number":
    case "name":
      return e.text;
    case "boolean":
      return String(e.value);
    case "list":
      return `[${e.items.map((i) => (i.kind === "spread" ? `...${show(i.value)}` : show(i))).join(" ")}]`;
    case "unary":
      return `(${e.operator} ${show(e.operand)})`;
    case "binary":
      return `(${show(e.left)} ${e.operator} ${show(e.right)})`;
    case "pipe":
      return `(${show(e.left)} |> ${show(e.right)})`;
    case "range":
      return `(${show(e.start)} .. ${show(e.stop)})`;
    case "transpose":
      return `(${show(e.operand)})'`;
    case "member":
      return `(${show(e.operand)} . ${e.member.text})`;
    case "lambda":
      return `(${e.parameters.map((p) => p.text).join(" ")} => ${show(e.body)})`;
    case "call":
      return `${show(e.callee)}(${e.arguments.map((a) => (a.name ? `${a.name.text}=` : "") + show(a.value)).join(" ")})`;
    case "reduction": {
      const indices = e.indices.map((i) => (i.range ? `${i.name.text} in ${show(i.range)}` : i.name.text));
      return `(${e.reducer}[${indices.join(" ")}] ${show(e.operand)})`;
    }
    case "index":
      return `${show(e.operand)}[${e.items.map(showItem).join(" ")}]`;
  }
}

function showItem(item: IndexItem): string {
  switch (item.kind) {
    case "at":
      return show(item.value);
    case "ellipsis":
      return "...";
    case "slice":
      return [item.start, item.stop, item.step].map((part) => (part ? show(part) : "_")).join(":");
  }
}
