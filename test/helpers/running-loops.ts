/** What reads loops and runs them, in one place, for it to be loaded with mistakes. */
export { evaluate } from "../../compiler/graph/evaluate.ts";
export { Graph } from "../../compiler/graph/graph.ts";
export { unroll } from "../../compiler/graph/unroll.ts";
export { modelOf } from "./elaborated.ts";
