/** A picture in Graphviz's language. */
import { arrowRows, boxRows } from "./content.ts";
import type { Box, Diagram } from "./diagram.ts";
import type { Numbers } from "./values.ts";

export function diagramDot(diagram: Diagram, numbers: Numbers | null): string {
  const lines = [
    `digraph ${quoted(diagram.title)} {`,
    "  rankdir=LR;",
    '  node [fontname="Helvetica", style=filled, fillcolor=white];',
    '  edge [fontname="Helvetica", fontsize=10];',
  ];
  const box = (b: Box, indent: string): string => {
    const text = [b.label, ...boxRows(b, numbers).map((row) => row.text)].join("\n");
    const shape = b.kind === "operation" ? (b.label.length <= 2 ? "circle" : "ellipse") : "box";
    const color = b.pass === "forward" ? "#1d4ed8" : "#c2240c";
    const more = `${b.stored ? ", peripheries=2" : ""}${b.kind === "parameter" ? ", fillcolor=lightyellow" : ""}`;
    return `${indent}${quoted(b.id)} [label=${quoted(text)}, shape=${shape}, color=${quoted(color)}${more}];`;
  };
  for (const b of diagram.boxes) if (b.group === null) lines.push(box(b, "  "));
  diagram.groups.forEach((group, i) => {
    lines.push(`  subgraph cluster_${i} {`, `    label=${quoted(group.label)};`);
    for (const b of diagram.boxes) if (b.group === group.id) lines.push(box(b, "    "));
    lines.push("  }");
  });
  for (const arrow of diagram.arrows) {
    const text = arrowRows(arrow, diagram, numbers)
      .map((row) => row.text)
      .join("\n");
    const color = arrow.kind === "forward" ? "#1d4ed8" : arrow.kind === "backward" ? "#c2240c" : "#94a3b8";
    const style = arrow.kind === "stored" ? ", style=dashed" : "";
    lines.push(
      `  ${quoted(arrow.from)} -> ${quoted(arrow.to)} [label=${quoted(text)}, color=${quoted(color)}${style}];`,
    );
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
