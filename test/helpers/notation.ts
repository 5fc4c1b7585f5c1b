/** What reads formulas with indices, in one place, for it to be loaded with mistakes. */
export { analyze, check } from "../../compiler/analyze.ts";
export { read } from "./elaborated.ts";
