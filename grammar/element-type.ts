import type * as ast from "./ast.ts";
import type { Complaints } from "./complaints.ts";

/** The type of a tensor's entries, by the word before its shape; `float` where none stands there. */
export function elementOf(
  token: ast.Identifier | undefined,
  complaints: Complaints,
): ast.TensorType["element"] {
  const text = token?.text ?? "float";
  if (text === "float" || text === "int" || text === "bool") return text;
  if (token) {
    complaints.report(
      "unknown-element-type",
      token.span,
      `there is no element type \`${text}\``,
      "write `[…]` for floating point, `int[…]` for whole numbers or `bool[…]`; " +
        "the precision of floats is chosen at compile time, with --dtype",
    );
  }
  return "float";
}
