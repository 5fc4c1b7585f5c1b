/** Help for names that were mistyped. */
import { closest } from "../grammar/suggest.ts";

/** `did you mean NAME?`, or what there is to choose from, or undefined where there is nothing. */
export function didYouMean(name: string, names: readonly string[]): string | undefined {
  const near = closest(name, names);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 12).map((n) => `\`${n}\``);
  return `there is ${shown.join(", ")}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ""}`;
}
