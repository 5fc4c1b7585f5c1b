import { loadWith } from "./load.ts";
import * as probing from "./probe.ts";
import type { LoadOptions, ModelTypes, Net, Source } from "./types.ts";

export { NndslError } from "./errors.ts";
export { joinProbes } from "./probe.ts";
export type * from "./manifest.ts";
export type * from "./types.ts";

/**
 * Loads a compiled module and draws its first weights. Each net has a memory of its own.
 *
 * `M` says what the model is, and is not checked here; the `load` of a generated `NAME.js` has it
 * filled in.
 * @throws `fetch-failed`, `not-a-module`, `wrong-version`, `no-simd`, `wrong-option`,
 * `out-of-memory`
 */
export const load = <M extends ModelTypes = ModelTypes>(
  source: Source | Promise<Source>,
  options?: LoadOptions,
): Promise<Net<M>> => loadWith<M>(() => import("./threads.ts"), source, options, undefined, probing);
