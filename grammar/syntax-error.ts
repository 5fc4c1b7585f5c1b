/** What to say of a place where the parser could not go on. */
import { EOF, type IRecognitionException } from "chevrotain";
import type { Diagnostic } from "./diagnostic.ts";

/** `error.message` is only what was expected, in words; see `parser.ts`. */
export function explain(error: IRecognitionException, text: string, file: string): Diagnostic {
  const { token } = error;
  const atEnd = token.tokenType === EOF;
  const end = text.trimEnd().length;
  const span = atEnd
    ? { file, start: end, end }
    : { file, start: token.startOffset, end: token.startOffset + token.image.length };
  const found = atEnd ? "the end of the file" : `\`${token.image}\``;
  return {
    code: error.message === "a name" ? "missing-name" : "unexpected-token",
    severity: "error",
    message: `expected ${error.message}, found ${found}`,
    labels: [{ span }],
    notes: [],
  };
}
