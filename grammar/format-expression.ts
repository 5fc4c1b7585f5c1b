/** The canonical layout of an expression: no parentheses that precedence makes needless. */
import type * as ast from "./ast.ts";
import { concat, group, indent, line, type Document } from "./document.ts";
import type { CommentLayout } from "./format-comments.ts";
import {
  ATOM_LEVEL,
  infix,
  isReducer,
  LAMBDA_LEVEL,
  NEGATION_LEVEL,
  POSTFIX_LEVEL,
  prefix,
  PRODUCT_LEVEL,
  REDUCTION_LEVEL,
} from "./operators.ts";

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
      case "reduction": {
        const list = this.binders(e.indices, e.span.start);
        return concat(e.reducer, list, " ", this.#operand(e.operand, PRODUCT_LEVEL));
      }
      case "index": {
        // A tensor called `sum`: without parentheses `sum[i] - 1` would sum up -1.
        const operand = this.print(e.operand, looksReduced(e) ? ATOM_LEVEL + 1 : POSTFIX_LEVEL);
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
   * After an operator: `2^-1`, `@recompute -x` and `2 * sum[i] x[i]` need no parentheses, since
   * nothing else could be meant; `@recompute (x^sum[i] y[i])` does, for the sake of x.
   */
  #operand(e: ast.Expression, level: number): Document {
    const isClear = isSigned(e) || (isOpen(e) && (e.kind !== "binary" || infix[e.operator].level >= level));
    return isClear ? this.#bare(e) : this.print(e, level);
  }

  /** `[..., i, j in 0..3]`, which follows what ends at `from`. */
  binders(binders: readonly ast.AxisBinder[], from: number): Document {
    const start = this.#text.indexOf("[", from);
    const end = this.#layout.closer(binders, start, "]");
    const draw = (binder: ast.AxisBinder): Document =>
      binder.kind === "ellipsis"
        ? "..."
        : concat(binder.name.text, binder.range ? concat(" in ", this.print(binder.range)) : "");
    return this.#layout.list("[]", binders, draw, { start, end });
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
    const rest = links.map((link, i) => {
      const comments = this.#layout.between(end, link.right.span.start);
      end = link.right.span.end;
      const text = link.kind === "pipe" ? "|>" : link.operator;
      const bare = isOpen(link.right) && (level < PRODUCT_LEVEL || i === links.length - 1);
      const right = bare ? this.#bare(link.right) : this.print(link.right, level + 1);
      return concat(comments, line, `${text} `, right);
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
      return isOpen(e) ? REDUCTION_LEVEL : infix[e.operator].level;
    case "reduction":
      return REDUCTION_LEVEL;
    case "unary":
      if (isOpen(e)) return REDUCTION_LEVEL;
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

/**
 * Whether it is printed with a reduction at its end that a product to its right would become part
 * of.
 */
function isOpen(e: ast.Expression): boolean {
  switch (e.kind) {
    case "reduction":
      return true;
    case "unary":
      return e.operator !== "not" && isOpen(e.operand);
    case "binary":
      return e.operator === "^" && isOpen(e.right);
    default:
      return false;
  }
}

/** `sum[i]` or `sum[...]`, of a tensor, where a reduction would look the same. */
const looksReduced = ({ operand, items }: ast.Index): boolean =>
  operand.kind === "name" &&
  isReducer(operand.text) &&
  items.every((item) => item.kind === "ellipsis" || (item.kind === "at" && item.value.kind === "name"));

function isLink(e: ast.Expression): e is ast.Binary | ast.Pipe {
  return e.kind === "binary" || e.kind === "pipe";
}
