/** The `///` comments, as the text of what follows them. */
import type * as ast from "./ast.ts";

export interface Doc {
  readonly doc?: string;
}

/** Asked for in the order of the text. */
export class DocComments {
  readonly #text: string;
  readonly #comments: readonly ast.Comment[];
  #nextComment = 0;

  constructor(text: string, comments: readonly ast.Comment[]) {
    this.#text = text;
    this.#comments = comments;
  }

  /** The `///` lines between the token before and `start`. */
  before(start: number): Doc {
    const lines: string[] = [];
    for (; this.#nextComment < this.#comments.length; this.#nextComment++) {
      const comment = this.#comments[this.#nextComment];
      if (comment === undefined || comment.span.start >= start) break;
      if (isDoc(comment.text) && this.#onOwnLine(comment)) {
        lines.push(comment.text.slice(3).replace(/^ /, "").trimEnd());
      }
      const next = this.#comments[this.#nextComment + 1];
      const gap = this.#text.slice(comment.span.end, Math.min(next?.span.start ?? start, start));
      if (/\S/.test(gap)) lines.length = 0;
    }
    return lines.length === 0 ? {} : { doc: lines.join("\n") };
  }

  #onOwnLine(comment: ast.Comment): boolean {
    let i = comment.span.start - 1;
    while (i >= 0 && (this.#text[i] === " " || this.#text[i] === "\t" || this.#text[i] === "\uFEFF")) i--;
    return i < 0 || this.#text[i] === "\n" || this.#text[i] === "\r";
  }
}

/** `///`, but not the `////…` of a drawn line. */
function isDoc(comment: string): boolean {
  return comment.startsWith("///") && !comment.startsWith("////");
}
