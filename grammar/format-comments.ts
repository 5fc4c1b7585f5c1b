/**
 * Layout of what stands in a row, lines or a list in brackets, with the comments between; they stay
 * where they are.
 */
import type * as ast from "./ast.ts";
import type { Span } from "./diagnostic.ts";
import {
  atLineEnd,
  concat,
  group,
  hardLine,
  ifBroken,
  indent,
  isEmpty,
  join,
  line,
  sequence,
  softLine,
  type Document,
} from "./document.ts";

interface Spanned {
  readonly span: Span;
}
type Range = Pick<Span, "start" | "end">;

/** Each comment is taken once, in the order of the text. */
export class CommentLayout {
  readonly #text: string;
  readonly #comments: readonly ast.Comment[];
  #nextComment = 0;

  constructor({ text, comments }: ast.SourceFile) {
    this.#text = text;
    this.#comments = comments;
  }

  *#take(before: number): Iterable<ast.Comment> {
    for (;;) {
      const comment = this.#comments[this.#nextComment];
      if (comment === undefined || comment.span.start >= before) return;
      this.#nextComment++;
      yield comment;
    }
  }

  /** Comments on the rest of the line that `offset` is on, with nothing but separators between. */
  trailing(offset: number): Document {
    const comment = this.#comments[this.#nextComment];
    if (!comment || comment.span.start < offset) return "";
    if (!/^[ \t;,]*$/.test(this.#text.slice(offset, comment.span.start))) return "";
    this.#nextComment++;
    return atLineEnd(comment.text.trimEnd());
  }

  /** Comments that found no place of their own, at the end of the line. */
  #leftOver(end: number): Document {
    return sequence(Array.from(this.#take(end), (c) => atLineEnd(c.text.trimEnd())));
  }

  /** Comments before an element of a list, a line each. */
  #leading(start: number): Document {
    return sequence([...this.#take(start)].flatMap((c) => [c.text.trimEnd(), hardLine]));
  }

  /**
   * Declarations or statements, a line or more each, with the comments between `start` and `end`.
   */
  lines<T extends Spanned>(
    items: readonly T[],
    draw: (item: T) => Document,
    { start, end }: Range,
  ): readonly Document[] {
    const lines: Document[] = [];
    let previousEnd = start;
    const add = (span: Span, document: Document): void => {
      const gap = this.#text.slice(previousEnd, span.start);
      if (lines.length > 0 && (gap.match(/\r\n|\n|\r/g)?.length ?? 0) > 1) lines.push("");
      lines.push(document);
      previousEnd = span.end;
    };
    const addComments = (before: number): void => {
      for (const c of this.#take(before)) add(c.span, c.text.trimEnd());
    };
    for (const item of items) {
      addComments(item.span.start);
      const document = draw(item);
      const leftOver = this.#leftOver(item.span.end);
      add(item.span, concat(document, leftOver, this.trailing(item.span.end)));
      const comment = this.#comments[this.#nextComment - 1];
      if (comment) previousEnd = Math.max(previousEnd, comment.span.end);
    }
    addComments(end);
    return lines;
  }

  /** `(a, b)`: on one line, or an element a line. */
  list<T extends Spanned>(
    brackets: "()" | "[]" | "{}",
    items: readonly T[],
    draw: (item: T) => Document,
    { start, end }: Range,
  ): Document {
    const [open = "", close = ""] = brackets;
    const opened = this.trailing(start + 1);
    const parts = items.map((item, i) => {
      const leading = this.#leading(item.span.start);
      const drawn = draw(item);
      const comma = i < items.length - 1 ? concat(",") : ifBroken(",");
      return concat(leading, drawn, comma, this.trailing(item.span.end));
    });
    const last = this.#leading(end - 1);
    // The comments before the closer end in a new line of their own, which would be one too many.
    const dangling = isEmpty(last) ? [] : [hardLine, dropLast(last)];
    if (items.length === 0 && dangling.length === 0 && isEmpty(opened)) return brackets;
    const padding = open === "{" ? line : softLine;
    const first = items.length === 0 ? [] : [padding];
    return group(open, opened, indent(...first, join(line, parts), ...dangling), padding, close);
  }

  /**
   * Comments between two operands: one on the line of the first stays there, the others take lines
   * of their own.
   */
  between(start: number, end: number): Document {
    const parts: Document[] = [];
    for (const c of this.#take(end)) {
      const sameLine = parts.length === 0 && !/[\r\n]/.test(this.#text.slice(start, c.span.start));
      parts.push(sameLine ? atLineEnd(c.text.trimEnd()) : concat(hardLine, c.text.trimEnd()));
    }
    return sequence(parts);
  }

  /** One past the bracket that closes a list whose span is not in the tree. */
  closer(items: readonly Spanned[], open: number, bracket: string): number {
    let from = items.at(-1)?.span.end ?? open;
    // A comment before the bracket may hold a bracket too.
    for (const { span } of this.#comments) {
      const at = this.#text.indexOf(bracket, from);
      if (span.start >= from && span.start < at && span.end > at) from = span.end;
    }
    return this.#text.indexOf(bracket, from) + 1;
  }
}

function dropLast(document: Document): Document {
  return typeof document !== "string" && document.kind === "concat"
    ? sequence(document.parts.slice(0, -1))
    : document;
}
