/** What to say of a name that means nothing. */
import { closest } from "../../grammar/suggest.ts";

/** Names that other languages and libraries have, and what is written here. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ["range", "a range is written `0..3`, which is 0, 1, 2"],
  ["flatten", "write `reshape(x, [N, -1])`"],
  ["view", "write `reshape(x, [a, b])`"],
  ["permute", "write `transpose(x, [1, 0])`"],
  ["linear", "a linear layer is `dense(x, units)`"],
  ["Linear", "a linear layer is `dense(x, units)`"],
]);

export function nameHelp(name: string, known: readonly string[]): string {
  const foreign = elsewhere.get(name);
  if (foreign !== undefined) return foreign;
  const near = closest(name, known);
  return near === undefined
    ? "names are known from the line that binds them on"
    : `did you mean \`${near}\`?`;
}
