/**
 * The canonical layout: two spaces of indent, lines of 100 columns where that is possible, no
 * parentheses that precedence makes needless. Comments stay where they are, and one blank line
 * stays where there are any.
 */
import type * as ast from "./ast.ts";
import type { Diagnostic, Span } from "./diagnostic.ts";
import {
  atLineEnd,
  concat,
  group,
  hardLine,
  ifBroken,
  indent,
  join,
  layOut,
  line,
  sequence,
  softLine,
  type Document,
} from "./document.ts";
import { parse } from "./parse.ts";
import { ATOM_LEVEL, infix, LAMBDA_LEVEL, NEGATION_LEVEL, POSTFIX_LEVEL, prefix } from "./operators.ts";

const WIDTH = 100;

/** A program with errors comes back as it was, with what is wrong. */
export function format(text: string, file: string): { text: string; diagnostics: Diagnostic[] } {
  const parsed = parse(text, file);
  if (parsed.diagnostics.some((diagnostic) => diagnostic.severity === "error")) {
    return { text, diagnostics: parsed.diagnostics };
  }
  return { text: print(parsed.file), diagnostics: parsed.diagnostics };
}

/** A tree as text; its spans say where its comments and blank lines belong. */
export function print(file: ast.SourceFile): string {
  return layOut(new Printer(file).file(), WIDTH);
}

class Printer {
  readonly #source: ast.SourceFile;
  #nextComment = 0;

  constructor(source: ast.SourceFile) {
    this.#source = source;
  }

  // ---------------------------------------------------------------------------------------------------- comments

  #takeComment(before: number): ast.Comment | undefined {
    const comment = this.#source.comments[this.#nextComment];
    if (comment === undefined || comment.span.start >= before) return undefined;
    this.#nextComment++;
    return comment;
  }

  /** Comments on the rest of the line that `offset` is on, with nothing but separators between. */
  #trailing(offset: number): Document {
    const comment = this.#source.comments[this.#nextComment];
    if (!comment || comment.span.start < offset) return "";
    if (!/^[ \t;,]*$/.test(this.#source.text.slice(offset, comment.span.start))) return "";
    this.#nextComment++;
    return atLineEnd(comment.text.trimEnd());
  }

  /** Comments that found no place of their own, at the end of the line. */
  #leftOver(end: number): Document {
    const parts: Document[] = [];
    for (let c = this.#takeComment(end); c; c = this.#takeComment(end))
      parts.push(atLineEnd(c.text.trimEnd()));
    return sequence(parts);
  }

  /** Comments before an element of a list, a line each. */
  #leading(start: number): Document {
    const parts: Document[] = [];
    for (let c = this.#takeComment(start); c; c = this.#takeComment(start))
      parts.push(c.text.trimEnd(), hardLine);
    return sequence(parts);
  }

  // -------------------------------------------------------------------------------------------------- sequences

  /**
   * Declarations or statements, a line or more each, with the comments between `start` and `end`.
   */
  #lines<T extends { readonly span: Span }>(
    items: readonly T[],
    draw: (item: T) => Document,
    start: number,
    end: number,
  ): readonly Document[] {
    const lines: Document[] = [];
    let previousEnd = start;
    const add = (span: Span, document: Document): void => {
      const gap = this.#source.text.slice(previousEnd, span.start);
      if (lines.length > 0 && (gap.match(/\r\n|\n|\r/g)?.length ?? 0) > 1) lines.push("");
      lines.push(document);
      previousEnd = span.end;
    };
    const addComments = (before: number): void => {
      for (let c = this.#takeComment(before); c; c = this.#takeComment(before)) add(c.span, c.text.trimEnd());
    };
    for (const item of items) {
      addComments(item.span.start);
      const document = draw(item);
      const leftOver = this.#leftOver(item.span.end);
      add(item.span, concat(document, leftOver, this.#trailing(item.span.end)));
      const comment = this.#source.comments[this.#nextComment - 1];
      if (comment) previousEnd = Math.max(previousEnd, comment.span.end);
    }
    addComments(end);
    return lines;
  }

  /** `(a, b)`: on one line, or an element a line. */
  #list<T extends { readonly span: Span }>(
    open: string,
    items: readonly T[],
    draw: (item: T) => Document,
    close: string,
    start: number,
    end: number,
  ): Document {
    const opened = this.#trailing(start + 1);
    const parts = items.map((item, i) => {
      const leading = this.#leading(item.span.start);
      const drawn = draw(item);
      const comma = i < items.length - 1 ? concat(",") : ifBroken(",");
      return concat(leading, drawn, comma, this.#trailing(item.span.end));
    });
    const last = this.#leading(end - 1);
    // The comments before the closer end in a new line of their own, which would be one too many.
    const dangling = isEmpty(last) ? [] : [hardLine, dropLast(last)];
    if (items.length === 0 && dangling.length === 0 && isEmpty(opened)) return open + close;
    const padding = open === "{" ? line : softLine;
    const first = items.length === 0 ? [] : [padding];
    return group(open, opened, indent(...first, join(line, parts), ...dangling), padding, close);
  }

  // ------------------------------------------------------------------------------------------------ declarations

  file(): Document {
    const { declarations, text } = this.#source;
    const lines = this.#lines(declarations, (d) => this.#declaration(d), 0, text.length + 1);
    return lines.length === 0 ? "" : concat(join(hardLine, lines), hardLine);
  }

  #declaration(d: ast.Declaration): Document {
    switch (d.kind) {
      case "import": {
        const draw = (n: Named): Document => (n.as ? `${n.name.text} as ${n.as.text}` : n.name.text);
        const names = d.names.map((n): Named => ({
          ...n,
          span: { ...n.name.span, end: (n.as ?? n.name).span.end },
        }));
        const open = this.#source.text.indexOf("{", d.span.start);
        const close = this.#source.text.lastIndexOf("}", d.path.span.start) + 1;
        return concat("import ", this.#list("{", names, draw, "}", open, close), ` from "${d.path.text}"`);
      }
      case "const":
        return concat(`const ${d.name.text} = `, this.#expression(d.value));
      case "fn":
      case "layer": {
        const attribute = d.recompute ? "@recompute " : "";
        const head = concat(
          `${attribute}${d.kind} ${d.name.text}`,
          this.#parameters(d.parameters, d.name.span.end),
        );
        return d.body.kind === "block"
          ? group(head, " ", this.#block(d.body.block, isOneLine(d.body.block.span, this.#source.text)))
          : concat(head, " = ", this.#expression(d.body.value));
      }
      case "model":
      case "optimizer": {
        // A model without settings has no parentheses; an optimizer always has them.
        const bare = d.kind === "model" && d.parameters.length === 0;
        const parameters = bare ? "" : this.#parameters(d.parameters, d.name.span.end);
        return group(
          `${d.kind} ${d.name.text}`,
          parameters,
          " ",
          this.#block(d.body, isOneLine(d.body.span, this.#source.text)),
        );
      }
    }
  }

  #parameters(parameters: readonly ast.Parameter[], after: number): Document {
    const open = this.#source.text.indexOf("(", after);
    const draw = (p: ast.Parameter): Document =>
      concat(
        p.name.text,
        p.type ? concat(": ", this.#type(p.type)) : "",
        p.default ? concat(" = ", this.#expression(p.default)) : "",
      );
    return this.#list("(", parameters, draw, ")", open, this.#closer(parameters, open, ")"));
  }

  /** One past the bracket that closes a list whose span is not in the tree. */
  #closer(items: readonly { readonly span: Span }[], open: number, bracket: string): number {
    let from = items.at(-1)?.span.end ?? open;
    // A comment before the bracket may hold a bracket too.
    for (const { span } of this.#source.comments) {
      const at = this.#source.text.indexOf(bracket, from);
      if (span.start >= from && span.start < at && span.end > at) from = span.end;
    }
    return this.#source.text.indexOf(bracket, from) + 1;
  }

  #type(type: ast.TensorType): Document {
    const draw = (d: ast.Dimension): Document => (d.kind === "ellipsis" ? "..." : this.#expression(d));
    const open = this.#source.text.indexOf("[", type.span.start);
    const element = type.element === "float" ? "" : type.element;
    return concat(element, this.#list("[", type.dimensions, draw, "]", open, type.span.end));
  }

  // -------------------------------------------------------------------------------------------------- statements

  /**
   * `inline`: on one line with what is before it, if it fits there and holds no more than one plain
   * statement.
   */
  #block(block: ast.Block, inline: boolean): Document {
    const { span, statements } = block;
    const opened = this.#trailing(span.start + 1);
    const lines = this.#lines(statements, (s) => this.#statement(s), span.start + 1, span.end);
    if (lines.length === 0 && isEmpty(opened)) return "{}";
    const [only] = statements;
    const plain = statements.length === 1 && only?.kind !== "if" && only?.kind !== "for";
    const edge = inline && plain ? line : hardLine;
    return concat("{", opened, indent(...(lines.length > 0 ? [edge] : []), join(hardLine, lines)), edge, "}");
  }

  #statement(s: ast.Statement): Document {
    switch (s.kind) {
      case "bind":
        return concat(`${s.name.text} = `, this.#expression(s.value));
      case "state":
        return concat(`state ${s.name.text} = `, this.#expression(s.value));
      case "return":
      case "loss":
      case "optimizer":
        return concat(`${s.kind} `, this.#expression(s.value));
      case "output":
      case "metric":
        return concat(`${s.kind} `, s.name ? `${s.name.text} = ` : "", this.#expression(s.value));
      case "input":
        return concat(`${s.role} ${s.name.text}: `, this.#type(s.type));
      case "param":
        return concat(
          s.frozen ? "frozen " : "",
          `param ${s.name.text}`,
          s.type ? concat(": ", this.#type(s.type)) : "",
          s.start ? concat(s.start.kind === "value" ? " = " : " ~ ", this.#expression(s.start.value)) : "",
        );
      case "for": {
        const head = concat(`for ${s.variable.text} in `, this.#expression(s.iterable), " ");
        return group(head, this.#block(s.body, isOneLine(s.span, this.#source.text)));
      }
      case "if":
        return group(this.#if(s, isOneLine(s.span, this.#source.text)));
    }
  }

  #if(s: ast.If, inline: boolean): Document {
    const parts: Document[] = [];
    for (let branch: ast.If | undefined = s; branch;) {
      parts.push("if ", this.#expression(branch.condition), " ", this.#block(branch.then, inline));
      const { otherwise }: ast.If = branch;
      if (otherwise === undefined) break;
      parts.push(" else ");
      branch = elseIf(otherwise);
      if (branch === undefined) parts.push(this.#block(otherwise, inline));
    }
    return sequence(parts);
  }

  // ------------------------------------------------------------------------------------------------- expressions

  /** With parentheses where it binds looser than its place asks. */
  #expression(e: ast.Expression, level = LAMBDA_LEVEL): Document {
    return levelOf(e) < level ? concat("(", this.#bare(e), ")") : this.#bare(e);
  }

  #listItem(item: ast.ListItem): Document {
    return item.kind === "spread" ? concat("...", this.#expression(item.value)) : this.#expression(item);
  }

  #bare(e: ast.Expression): Document {
    switch (e.kind) {
      case "number":
      case "name":
        return e.text;
      case "boolean":
        return String(e.value);
      case "list":
        return this.#list("[", e.items, (item) => this.#listItem(item), "]", e.span.start, e.span.end);
      case "unary": {
        const text = e.operator === "-" ? "-" : `${e.operator} `;
        return concat(text, this.#operand(e.operand, prefix[e.operator]));
      }
      case "transpose":
        return concat(this.#expression(e.operand, POSTFIX_LEVEL), "'");
      case "member": {
        // `1.x` would be a bad number.
        const operand = this.#expression(
          e.operand,
          e.operand.kind === "number" ? ATOM_LEVEL + 1 : POSTFIX_LEVEL,
        );
        return concat(operand, `.${e.member.text}`);
      }
      case "call":
        return concat(this.#expression(e.callee, POSTFIX_LEVEL), this.#arguments(e));
      case "index": {
        const operand = this.#expression(e.operand, POSTFIX_LEVEL);
        const open = this.#source.text.indexOf("[", e.operand.span.end);
        return concat(
          operand,
          this.#list("[", e.items, (item) => this.#indexItem(item), "]", open, e.span.end),
        );
      }
      case "lambda": {
        const names = e.parameters.map((p) => p.text).join(", ");
        const head = e.parameters.length === 1 ? names : `(${names})`;
        return concat(`${head} => `, this.#expression(e.body));
      }
      case "range": {
        const { level } = infix[".."];
        return concat(this.#expression(e.start, level + 1), "..", this.#expression(e.stop, level + 1));
      }
      case "binary":
        if (e.operator === "^") return this.#power(e);
        return this.#chain(e, e.operator);
      case "pipe":
        return this.#chain(e, "|>");
    }
  }

  #power(e: ast.Binary): Document {
    const { level } = infix["^"];
    return concat(this.#expression(e.left, level + 1), "^", this.#operand(e.right, level));
  }

  /**
   * After an operator: `2^-1` and `@recompute -x` need no parentheses, since nothing else could be
   * meant.
   */
  #operand(e: ast.Expression, level: number): Document {
    return isSigned(e) ? this.#bare(e) : this.#expression(e, level);
  }

  /**
   * Operators of one level that follow each other break together, each at the start of its line.
   */
  #chain(e: ast.Binary | ast.Pipe, operator: Exclude<ast.BinaryOperator, "^"> | "|>"): Document {
    const { level, associates } = infix[operator];
    const links: (ast.Binary | ast.Pipe)[] = [];
    let first: ast.Expression = e;
    while (isLink(first) && levelOf(first) === level && (first === e || associates === "left")) {
      links.unshift(first);
      first = first.left;
    }
    const start = this.#expression(first, level + (associates === "none" ? 1 : 0));
    let end = first.span.end;
    const rest = links.map((link) => {
      const comments = this.#between(end, link.right.span.start);
      end = link.right.span.end;
      const text = link.kind === "pipe" ? "|>" : link.operator;
      return concat(comments, line, `${text} `, this.#expression(link.right, level + 1));
    });
    return group(start, indent(...rest));
  }

  /**
   * Comments between two operands: one on the line of the first stays there, the others take lines
   * of their own.
   */
  #between(start: number, end: number): Document {
    const parts: Document[] = [];
    for (let c = this.#takeComment(end); c; c = this.#takeComment(end)) {
      const sameLine = parts.length === 0 && !/[\r\n]/.test(this.#source.text.slice(start, c.span.start));
      parts.push(sameLine ? atLineEnd(c.text.trimEnd()) : concat(hardLine, c.text.trimEnd()));
    }
    return sequence(parts);
  }

  #arguments(e: ast.Call): Document {
    const draw = (a: ast.Argument): Document =>
      concat(a.name ? `${a.name.text} = ` : "", this.#expression(a.value));
    const open = this.#source.text.indexOf("(", e.callee.span.end);
    return this.#list("(", e.arguments, draw, ")", open, e.span.end);
  }

  #indexItem(item: ast.IndexItem): Document {
    switch (item.kind) {
      case "at":
        return this.#expression(item.value);
      case "ellipsis":
        return "...";
      case "slice": {
        const part = (e: ast.Expression | undefined): Document => (e ? this.#expression(e) : "");
        const start = part(item.start);
        const stop = part(item.stop);
        return concat(start, ":", stop, item.step ? concat(":", part(item.step)) : "");
      }
    }
  }
}

type Named = ast.Import["names"][number] & { readonly span: Span };

/** How tightly an expression holds together; see `operators.ts`. */
function levelOf(e: ast.Expression): number {
  switch (e.kind) {
    case "lambda":
      return LAMBDA_LEVEL;
    case "pipe":
      return infix["|>"].level;
    case "range":
      return infix[".."].level;
    case "binary":
      return infix[e.operator].level;
    case "unary":
      return isSigned(e) ? NEGATION_LEVEL : prefix[e.operator];
    case "transpose":
    case "call":
    case "index":
    case "member":
      return POSTFIX_LEVEL;
    case "number":
    case "boolean":
    case "list":
    case "name":
      return ATOM_LEVEL;
  }
}

/**
 * Whether it begins with a minus, which a power to its right would become part of, be it behind
 * `@recompute`.
 */
function isSigned(e: ast.Expression): boolean {
  let inner = e;
  while (inner.kind === "unary" && inner.operator === "@recompute") inner = inner.operand;
  return inner.kind === "unary" && inner.operator === "-";
}

function isLink(e: ast.Expression): e is ast.Binary | ast.Pipe {
  return e.kind === "binary" || e.kind === "pipe";
}

/** The `if` of an `else if`, which is the whole of its block, braces and all. */
function elseIf(block: ast.Block): ast.If | undefined {
  const [only] = block.statements;
  const whole = block.statements.length === 1 && only?.kind === "if" && only.span.start === block.span.start;
  return whole ? only : undefined;
}

function isOneLine(span: Span, text: string): boolean {
  return !/[\r\n]/.test(text.slice(span.start, span.end));
}

function isEmpty(document: Document): boolean {
  return typeof document === "string"
    ? document === ""
    : document.kind === "concat" && document.parts.every(isEmpty);
}

function dropLast(document: Document): Document {
  return typeof document !== "string" && document.kind === "concat"
    ? sequence(document.parts.slice(0, -1))
    : document;
}
