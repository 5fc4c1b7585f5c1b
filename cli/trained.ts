/** Which parameters a model's training moves. */
import type { Manifest } from "../runtime/manifest.ts";

/** Those that are not frozen and, where each optimizer line says what it trains, that one of them names. */
export function trainedParameters({ parameters, optimizer }: Manifest): Manifest["parameters"] {
  const named = optimizer?.groups?.flatMap((group) => group.parameters);
  return parameters.filter(({ path, frozen }) => !frozen && (named === undefined || named.includes(path)));
}
