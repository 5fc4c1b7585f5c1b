/**
 * Concrete tree → AST, of one expression: the flat reading gets its shape by precedence, and here
 * the things are said that the parser reads but the language does not have (`a < b < c`).
 */
import type * as ast from "./ast.ts";
import type { Complaints } from "./complaints.ts";
import { giveUp, Part, Unreadable } from "./cst.ts";
import type { Span } from "./diagnostic.ts";
import { MAX_EXPRESSION_HEIGHT } from "./limits.ts";
import {
  infix,
  isInfix,
  LAMBDA_LEVEL,
  NOT_LEVEL,
  isReducer,
  prefix as prefixes,
  PRODUCT_LEVEL,
  type InfixOperator,
} from "./operators.ts";
import { closest } from "./suggest.ts";
import { RECOMPUTE } from "./tokens.ts";

export class ExpressionBuilder {
  readonly #complaints: Complaints;
  /** The height of each expression built so far, and the depth of the one being built. */
  readonly #heights = new WeakMap<object, number>();
  #depth = 0;

  constructor(complaints: Complaints) {
    this.#complaints = complaints;
  }

  /** What is built, or `undefined` where it was given up. */
  attempt<T>(build: () => T): T | undefined {
    try {
      return build();
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.#depth = 0;
      return undefined;
    }
  }

  /** Two commas in a row, or one before the first item; one after the last is allowed. */
  checkCommas(part: Part, label: string): void {
    const items = part.parts(label);
    part.words("Comma").forEach((comma, i) => {
      const item = items[i];
      if (item === undefined || item.start > comma.span.start) {
        this.#complaints.report(
          "missing-value",
          comma.span,
          "a value is missing before this comma",
          "remove the comma",
        );
        giveUp();
      }
    });
  }

  /**
   * Records how tall an expression is; no tree may be taller than a recursive visitor can climb.
   */
  #made<T extends ast.Expression>(expression: T, children: readonly (ast.Expression | undefined)[] = []): T {
    let height = 0;
    for (const child of children) if (child) height = Math.max(height, this.#heights.get(child) ?? 0);
    if (height >= MAX_EXPRESSION_HEIGHT) this.#tooLong(expression.span);
    this.#heights.set(expression, height + 1);
    return expression;
  }

  #tooLong(span: Span): never {
    this.#complaints.report(
      "expression-too-long",
      { ...span, end: Math.min(span.end, span.start + 1) },
      `this expression has more than ${MAX_EXPRESSION_HEIGHT} operators inside one another`,
      "bind parts of it to names, or build it with a `for` over a list",
      "starts here",
    );
    return giveUp();
  }

  /** Precedence climbing over the flat reading; see `operators.ts`. */
  build(part: Part): ast.Expression {
    return this.#climb(new Cursor(part), LAMBDA_LEVEL);
  }

  /** Reads as far as operators bind at `level` or tighter. */
  #climb(cursor: Cursor, level: number): ast.Expression {
    if (++this.#depth > MAX_EXPRESSION_HEIGHT) this.#tooLong(cursor.operand.span);
    let left = this.#prefixed(cursor, level);
    let previous: InfixOperator | undefined;
    for (let token = cursor.operator; token; token = cursor.operator) {
      const operator = isInfix(token.text) ? token.text : giveUp();
      const binding = infix[operator];
      if (binding.level < level) break;
      if (binding.associates === "none" && previous && infix[previous].level === binding.level) {
        this.#chained(token, operator);
      }
      previous = operator;
      left = this.#combine(
        token,
        operator,
        left,
        this.#climb(cursor, binding.associates === "right" ? binding.level : binding.level + 1),
      );
    }
    this.#depth--;
    return left;
  }

  #chained(token: ast.Identifier, operator: InfixOperator): void {
    if (operator === "..") {
      this.#complaints.report("chained-range", token.span, "a range has two ends", "write `start..stop`");
    } else {
      this.#complaints.report(
        "chained-comparison",
        token.span,
        "comparisons do not chain: the left side here is already true or false",
        "write `a < b and b < c`",
      );
    }
  }

  #combine(
    token: ast.Identifier,
    operator: InfixOperator,
    left: ast.Expression,
    right: ast.Expression,
  ): ast.Expression {
    const span = { ...left.span, end: right.span.end };
    switch (operator) {
      case "|>":
        return this.#made({ kind: "pipe", left, right, span }, [left, right]);
      case "..":
        return this.#made({ kind: "range", start: left, stop: right, span }, [left, right]);
      default: {
        const operatorSpan = token.span;
        return this.#made({ kind: "binary", operator, operatorSpan, left, right, span }, [left, right]);
      }
    }
  }

  /** One operand with what stands before it: `-`, `not`, `(a, b) =>`. */
  #prefixed(cursor: Cursor, level: number): ast.Expression {
    const prefix = cursor.takePrefix();
    if (prefix === undefined) return this.#postfixed(cursor.takeOperand());
    const reducer = prefix.word("reducer");
    if (reducer !== undefined) return this.#reduction(cursor, prefix, reducer);
    const token = prefix.word("operator");
    if (token === undefined) {
      const body = this.#climb(cursor, LAMBDA_LEVEL);
      const span = { ...prefix.span, end: body.span.end };
      return this.#made({ kind: "lambda", parameters: prefix.words("Name"), body, span }, [body]);
    }
    const isAttribute = token.text.startsWith("@");
    if (isAttribute) this.checkAttribute(token);
    const operator = isAttribute ? RECOMPUTE : token.text === "-" ? "-" : "not";
    if (operator === "not" && level > NOT_LEVEL) {
      this.#complaints.report(
        "not-needs-parentheses",
        token.span,
        "`not` binds looser than the operator before it",
        "write `(not …)`",
      );
    }
    const operand = this.#climb(cursor, prefixes[operator]);
    const span = { ...prefix.span, end: operand.span.end };
    return this.#made({ kind: "unary", operator, operand, span }, [operand]);
  }

  /** `sum[i, j] …`, which reaches over products. */
  #reduction(cursor: Cursor, prefix: Part, { text }: ast.Identifier): ast.Expression {
    const reducer = isReducer(text) ? text : giveUp();
    const indices = this.binders(prefix.the("binders")).map((binder) =>
      binder.kind === "index" ? binder : this.#summedEllipsis(binder.span, text),
    );
    const operand = this.#climb(cursor, PRODUCT_LEVEL);
    const span = { ...prefix.span, end: operand.span.end };
    const ranges = indices.map((index) => index.range);
    return this.#made({ kind: "reduction", reducer, indices, operand, head: prefix.span, span }, [
      operand,
      ...ranges,
    ]);
  }

  #summedEllipsis(span: Span, reducer: string): never {
    this.#complaints.report(
      "bad-index-name",
      span,
      `\`${reducer}[…]\` reduces over indices that have names, and \`...\` has none`,
      "give the axes names, as in `sum[i, j] x[i, j]`",
    );
    return giveUp();
  }

  /** The indices between brackets, of a reduction or left of a `=`. */
  binders(part: Part): readonly ast.AxisBinder[] {
    this.checkCommas(part, "binder");
    const binders = part.parts("binder").map((binder) => this.#binder(binder));
    const names = new Set<string>();
    let dots = 0;
    for (const binder of binders) {
      const name = binder.kind === "ellipsis" ? "..." : binder.name.text;
      if (binder.kind === "ellipsis" ? dots++ > 0 : names.has(name)) {
        this.#complaints.report(
          "duplicate-index",
          binder.span,
          `\`${name}\` stands twice among these indices`,
          binder.kind === "ellipsis"
            ? "`...` stands for all axes that have no name, once"
            : "an index is named once; a diagonal is `a[i, i]`, as in `d[i] = a[i, i]` and `sum[i] a[i, i]`",
        );
        giveUp();
      }
      names.add(name);
    }
    if (binders.length === 0) {
      this.#complaints.report(
        "bad-index-name",
        part.span,
        "there is no index between these brackets",
        "write the names of the axes, as in `y[i, j] = …`",
      );
      giveUp();
    }
    return binders;
  }

  #binder(part: Part): ast.AxisBinder {
    const { span } = part;
    if (part.has("Ellipsis")) return { kind: "ellipsis", span };
    const written = part.part("index");
    const name = written === undefined ? undefined : this.build(written);
    if (name?.kind !== "name" || part.has("sliceTail")) {
      this.#complaints.report(
        "bad-index-name",
        span,
        "an index is a name: a tensor is defined whole, entry by entry, and no part of it can be bound again",
        "write `y[i, j] = …` with a name for each axis; `where(i == 0, a, b)` treats one entry apart",
      );
      return giveUp();
    }
    const range = part.part("range");
    return {
      kind: "index",
      name: { text: name.text, span: name.span },
      ...(range && { range: this.build(range) }),
      span,
    };
  }

  checkAttribute(token: ast.Identifier): void {
    if (token.text === RECOMPUTE) return;
    const near = closest(token.text, [RECOMPUTE]);
    this.#complaints.report(
      "unknown-attribute",
      token.span,
      `there is no attribute \`${token.text}\``,
      near === undefined ? `the only attribute is \`${RECOMPUTE}\`` : `did you mean \`${near}\`?`,
    );
  }

  #postfixed(part: Part): ast.Expression {
    const atom = part.the("atom");
    let operand = this.#atom(atom);
    for (const postfix of part.parts("postfix")) {
      operand = this.#postfix(operand, postfix, { ...atom.span, end: postfix.span.end });
    }
    return operand;
  }

  #atom(part: Part): ast.Expression {
    const { span } = part;
    const number = part.word("Number");
    if (number) {
      const value = Number(number.text.replaceAll("_", ""));
      return this.#made({ kind: "number", value, text: number.text, span });
    }
    const name = part.word("Name");
    if (name) return this.#made({ kind: "name", text: name.text, span });
    if (part.has("True")) return this.#made({ kind: "boolean", value: true, span });
    if (part.has("False")) return this.#made({ kind: "boolean", value: false, span });
    const group = part.part("group");
    if (group) {
      // The parentheses belong to the span, so that a label under an operand shows all of it.
      const inner = this.build(group);
      return this.#made({ ...inner, span }, [inner]);
    }
    if (!part.has("OpenSquare")) return giveUp();
    this.checkCommas(part, "item");
    const items = part.parts("item").map((item): ast.ListItem => {
      const value = this.build(item.the("expression"));
      return item.has("Ellipsis") ? { kind: "spread", value, span: item.span } : value;
    });
    const parts = items.map((item) => (item.kind === "spread" ? item.value : item));
    return this.#made({ kind: "list", items, span }, parts);
  }

  #postfix(operand: ast.Expression, part: Part, span: Span): ast.Expression {
    if (part.has("Prime")) return this.#made({ kind: "transpose", operand, span }, [operand]);
    const member = part.word("member");
    if (member) return this.#made({ kind: "member", operand, member, span }, [operand]);
    if (part.has("OpenRound")) {
      this.checkCommas(part, "argument");
      const args = part.parts("argument").map((r): ast.Argument => {
        const name = r.word("Name");
        const value = this.build(r.the("expression"));
        return { ...(name && { name }), value, span: r.span };
      });
      const values = args.map((argument) => argument.value);
      return this.#made({ kind: "call", callee: operand, arguments: args, span }, [operand, ...values]);
    }
    this.checkCommas(part, "indexItem");
    const items = part.parts("indexItem").map((item) => this.#indexItem(item));
    const parts = items.flatMap((item) =>
      item.kind === "at" ? [item.value] : item.kind === "slice" ? [item.start, item.stop, item.step] : [],
    );
    return this.#made({ kind: "index", operand, items, span }, [operand, ...parts]);
  }

  #indexItem(part: Part): ast.IndexItem {
    const { span } = part;
    if (part.has("Ellipsis")) return { kind: "ellipsis", span };
    const start = part.part("start");
    const tail = part.part("sliceTail");
    if (tail === undefined) return { kind: "at", value: this.build(part.the("start")), span };
    const stop = tail.part("stop");
    const step = tail.part("step");
    return {
      kind: "slice",
      ...(start && { start: this.build(start) }),
      ...(stop && { stop: this.build(stop) }),
      ...(step && { step: this.build(step) }),
      span,
    };
  }
}

/**
 * A place in a flat expression: the next prefix, else the next operand; and the operator before it.
 */
class Cursor {
  readonly #operands: readonly Part[];
  readonly #operators: readonly ast.Identifier[];
  #at = 0;
  #prefixes: readonly Part[];
  #prefix = 0;

  constructor(expression: Part) {
    this.#operands = expression.parts("operand");
    this.#operators = expression.words("Infix");
    this.#prefixes = this.#operands[0]?.parts("prefix") ?? [];
  }
  /** The operand that stands next. */
  get operand(): Part {
    return this.#operands[this.#at] ?? giveUp();
  }
  /** The operator after the operands taken so far. */
  get operator(): ast.Identifier | undefined {
    return this.#operators[this.#at - 1];
  }
  takePrefix(): Part | undefined {
    return this.#prefixes[this.#prefix++];
  }
  takeOperand(): Part {
    const operand = this.operand;
    this.#at++;
    this.#prefix = 0;
    this.#prefixes = this.#operands[this.#at]?.parts("prefix") ?? [];
    return operand;
  }
}
