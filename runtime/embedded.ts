/**
 * The runtime as a compiled `NAME.js` carries it; what several threads need stands beside it there.
 */
export { NndslError } from "./errors.ts";
export { loadWith } from "./load.ts";
