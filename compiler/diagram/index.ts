/** Models as pictures: what `nndsl graph` draws. */
export { DiagramError, type Diagram, type DiagramOptions, type What } from "./diagram.ts";
export { drawDiagram } from "./draw.ts";
export { diagramDot } from "./dot.ts";
export { diagramMermaid } from "./mermaid.ts";
export { diagramSvg, type DiagramColors, type SvgOptions } from "./svg.ts";
export { computeNumbers, type Given, type Numbers } from "./values.ts";
