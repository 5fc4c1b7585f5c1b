/** A picture in Mermaid's language, as Markdown pages draw it. */
import { arrowRows, boxRows } from "./content.ts";
import type { Box, Diagram } from "./diagram.ts";
import type { Numbers } from "./values.ts";

export function diagramMermaid(diagram: Diagram, numbers: Numbers | null): string {
  const ids = new Map([...diagram.boxes, ...diagram.groups].map(({ id }, i) => [id, `b${i}`]));
  const lines = ["flowchart LR"];
  const box = (b: Box, indent: string): string => {
    const text = quoted([b.label, ...boxRows(b, numbers).map((row) => row.text)].join("\n"));
    const [open, close] =
      b.kind === "operation" ? ["([", "])"] : b.kind === "layer" ? ["[[", "]]"] : ["[", "]"];
    return `${indent}${ids.get(b.id)}${open}${text}${close}:::${b.kind === "parameter" || b.kind === "input" ? b.kind : b.pass}${b.stored ? "Stored" : ""}`;
  };
  for (const b of diagram.boxes) if (b.group === null) lines.push(box(b, "  "));
  for (const group of diagram.groups) {
    lines.push(`  subgraph ${ids.get(group.id)}[${quoted(group.label)}]`);
    for (const b of diagram.boxes) if (b.group === group.id) lines.push(box(b, "    "));
    lines.push("  end");
  }
  for (const arrow of diagram.arrows) {
    const text = arrowRows(arrow, diagram, numbers)
      .map((row) => row.text)
      .join("\n");
    const line = arrow.kind === "stored" ? "-.->" : "-->";
    lines.push(
      `  ${ids.get(arrow.from)} ${line}${text === "" ? "" : `|${quoted(text)}|`} ${ids.get(arrow.to)}`,
    );
  }
  lines.push(
    "  classDef input fill:#ffffff,stroke:#475569",
    "  classDef parameter fill:#fefbe8,stroke:#a16207",
    "  classDef forward fill:#eff5ff,stroke:#1d4ed8",
    "  classDef forwardStored fill:#eff5ff,stroke:#1d4ed8,stroke-width:3px",
    "  classDef backward fill:#fff4f1,stroke:#c2240c",
  );
  return `${lines.join("\n")}\n`;
}

/** Mermaid reads HTML in quoted texts, and writes characters as entities. */
const quoted = (text: string): string =>
  `"${text.replace(/[&"<>#|`\\]/g, (c) => `#${c.charCodeAt(0)};`).replaceAll("\n", "<br/>")}"`;
