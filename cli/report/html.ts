/** Text into a page: what is not marked as HTML is escaped, in one place. */
import { escape } from "../../compiler/diagram/escape.ts";

/** Text that is HTML already. */
export class Html {
  readonly text: string;

  /** @param text made by `markup`, or by a library that escapes for itself */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Piece = Html | string | number | null | readonly Html[];

/**
 * A template of HTML; its name is not `html`, since Prettier would format it: strings in it are
 * text, in attributes (between double quotes) as well.
 */
export const markup = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  new Html(
    strings.map((string, i) => string + (i < pieces.length ? written(pieces[i] ?? null) : "")).join(""),
  );

function written(piece: Piece): string {
  if (piece === null) return "";
  if (piece instanceof Html) return piece.text;
  if (typeof piece === "string" || typeof piece === "number") return escape(String(piece));
  return piece.map(({ text }) => text).join("");
}
