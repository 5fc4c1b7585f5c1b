export { NndslError } from "./errors.ts";
export { load } from "./load.ts";
export type * from "./manifest.ts";
export type * from "./types.ts";
