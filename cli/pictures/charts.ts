/**
 * Charts that several commands draw, each from plain data. Texts are data: any character may stand in
 * them.
 */
export { spansDecades, titleOf, wrapped, type Quantity, type Saying } from "./axes.ts";
export { groupsChart, type Group } from "./groups.ts";
export { heatMap, type Cell } from "./heat-map.ts";
export { linesChart, linePanels, type Line, type LinePoint } from "./lines.ts";
