/** The canonical layout of an expression: no parentheses that precedence makes needless. */
import type * as ast from "./ast.ts";
import { concat, group, indent, line, type Document } from "./document.ts";
import type { CommentLayout } from "./format-comments.ts";
import { ATOM_LEVEL, infix, LAMBDA_LEVEL, NEGATION_LEVEL, POSTFIX_LEVEL, prefix } from "./operators.ts";

export class ExpressionPrinter {
  readonly #text: string;
  readonly #layout: CommentLayout;

  constructor(text: string, layout: CommentLayout) {
    this.#text = text;
    this.#layout = layout;
  }

  /** With parentheses where it binds looser than its place asks. */
  print(e: ast.Expression, level = LAMBDA_LEVEL): Document {
    return levelOf(e) < level ? concat("(", this.#bare(e), ")") : this.#bare(e);
  }

  #listItem(item: ast.ListItem): Document {
    return item.kind === "spread" ? concat("...", this.print(item.value)) : this.print(item);
  }

  #bare(e: ast.Expression): Document {
    switch (e.kind) {
      case "number":
      case "name":
        return e.text;
      case "boolean":
        return String(e.value);
      case "list":
        return this.#layout.list("[]", e.items, (item) => this.#listItem(item), e.span);
      case "unary": {
        const text = e.operator === "-" ? "-" : `${e.operator} `;
        return concat(text, this.#operand(e.operand, prefix[e.operator]));
      }
      case "transpose":
        return concat(this.print(e.operand, POSTFIX_LEVEL), "'");
      case "member": {
        // `1.x` would be a bad number.
        const operand = this.print(e.operand, e.operand.kind === "number" ? ATOM_LEVEL + 1 : POSTFIX_LEVEL);
        return concat(operand, `.${e.member.text}`);
      }
      case "call":
        return concat(this.print(e.callee, POSTFIX_LEVEL), this.#arguments(e));
      case "index": {
        const operand = this.print(e.operand, POSTFIX_LEVEL);
        const start = this.#text.indexOf("[", e.operand.span.end);
        return concat(
          operand,
          this.#layout.list("[]", e.items, (item) => this.#indexItem(item), { ...e.span, start }),
        );
      }
      case "lambda": {
        const names = e.parameters.map((p) => p.text).join(", ");
        const head = e.parameters.length === 1 ? names : `(${names})`;
        return concat(`${head} => `, this.print(e.body));
      }
      case "range": {
        const { level } = infix[".."];
        return concat(this.print(e.start, level + 1), "..", this.print(e.stop, level + 1));
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
    return concat(this.print(e.left, level + 1), "^", this.#operand(e.right, level));
  }

  /**
   * After an operator: `2^-1` and `@recompute -x` need no parentheses, since nothing else could be
   * meant.
   */
  #operand(e: ast.Expression, level: number): Document {
    return isSigned(e) ? this.#bare(e) : this.print(e, level);
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
    const start = this.print(first, level + (associates === "none" ? 1 : 0));
    let end = first.span.end;
    const rest = links.map((link) => {
      const comments = this.#layout.between(end, link.right.span.start);
      end = link.right.span.end;
      const text = link.kind === "pipe" ? "|>" : link.operator;
      return concat(comments, line, `${text} `, this.print(link.right, level + 1));
    });
    return group(start, indent(...rest));
  }

  #arguments(e: ast.Call): Document {
    const draw = (a: ast.Argument): Document =>
      concat(a.name ? `${a.name.text} = ` : "", this.print(a.value));
    const start = this.#text.indexOf("(", e.callee.span.end);
    return this.#layout.list("()", e.arguments, draw, { ...e.span, start });
  }

  #indexItem(item: ast.IndexItem): Document {
    switch (item.kind) {
      case "at":
        return this.print(item.value);
      case "ellipsis":
        return "...";
      case "slice": {
        const part = (e: ast.Expression | undefined): Document => (e ? this.print(e) : "");
        const start = part(item.start);
        const stop = part(item.stop);
        return concat(start, ":", stop, item.step ? concat(":", part(item.step)) : "");
      }
    }
  }
}

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
