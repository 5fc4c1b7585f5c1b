/**
 * What may go to a terminal. Names of files and what stands in them come from others: a control
 * character in them would move the cursor or hide text, so it is shown by a stand-in, as in
 * diagnostics.
 */
import { visible } from "../../grammar/text-position.ts";

/**
 * Characters that a terminal or a reader takes for something else than text, but line ends and
 * tabs.
 */
const unsafe = (character: string): boolean =>
  character !== "\n" && character !== "\t" && visible(character) !== character;

/** All of them are among these. */
const SUSPECT = /[^\P{C}\n\t]|[\u2028\u2029]/u;

/** The colors of our own. */
// eslint-disable-next-line no-control-regex
const COLOR = /(\x1b\[\d{1,3}(?:;\d{1,3})*m)/;

/** Lines of text, with colors where there may be some. */
export function safeLines(text: string, colored: boolean): string {
  if (!SUSPECT.test(text)) return text;
  // Every second piece is a color.
  return (colored ? text.split(COLOR) : [text])
    .map((piece, k) => (k % 2 === 1 ? piece : replaced(piece, visible)))
    .join("");
}

/** A JSON text with such characters escaped, which leaves its content as it is. */
export const safeJson = (json: string): string =>
  SUSPECT.test(json)
    ? replaced(json, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : json;

const replaced = (text: string, stand: (character: string) => string): string =>
  Array.from(text, (character) => (unsafe(character) ? stand(character) : character)).join("");
