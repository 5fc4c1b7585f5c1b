/**
 * Concrete syntax tree → AST. Here flat expressions get their shape, and here the things are said
 * that the parser reads but the language does not have (an expression as a statement, a declaration
 * in a block, `a < b < c`). A statement that the parser had to recover in is left out.
 */
import type { CstElement, CstNode, IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import type { Diagnostic, Span } from "./diagnostic.ts";
import { MAX_DIAGNOSTICS, MAX_ELSE_IFS, MAX_EXPRESSION_HEIGHT } from "./limits.ts";
import {
  infix,
  isInfix,
  LAMBDA_LEVEL,
  NOT_LEVEL,
  prefix as prefixes,
  type InfixOperator,
} from "./operators.ts";
import { closest } from "./suggest.ts";
import { Attribute, endOf, hardWords, RECOMPUTE, statementWords } from "./tokens.ts";

/** What the parser read of one rule, by label. */
class Reading {
  readonly node: CstNode;
  constructor(node: CstNode) {
    this.node = node;
  }
  get start(): number {
    return this.node.location?.startOffset ?? 0;
  }
  /** Exclusive, as in a Span. */
  get end(): number {
    return (this.node.location?.endOffset ?? this.start - 1) + 1;
  }
  #elements(label: string): readonly CstElement[] {
    // Chevrotain types a child as always present; a label that was not met is absent.
    return (this.node.children as Readonly<Record<string, CstElement[] | undefined>>)[label] ?? [];
  }
  tokens(label: string): readonly IToken[] {
    return this.#elements(label).filter((e) => "image" in e);
  }
  readings(label: string): readonly Reading[] {
    return this.#elements(label).flatMap((e) => ("image" in e ? [] : [new Reading(e)]));
  }
  token(label: string): IToken | undefined {
    return this.tokens(label)[0];
  }
  reading(label: string): Reading | undefined {
    return this.readings(label)[0];
  }
  /**
   * A part that the grammar requires; its absence means that the parser gave up inside this rule.
   */
  theToken(label: string): IToken {
    return this.token(label) ?? giveUp();
  }
  the(label: string): Reading {
    return this.reading(label) ?? giveUp();
  }
}

/**
 * Thrown where a statement cannot be built; caught where statements are listed. The reason is
 * already reported.
 */
class Unreadable extends Error {}
/** One for all, since taking the stack's trace for each of many thousands would take seconds. */
const UNREADABLE = new Unreadable();

function giveUp(): never {
  throw UNREADABLE;
}

export interface Built {
  readonly declarations: readonly ast.Declaration[];
  readonly diagnostics: readonly Diagnostic[];
}

/** From the reading of a whole file. */
export function buildFile(
  node: CstNode,
  file: string,
  text: string,
  comments: readonly ast.Comment[],
): Built {
  const builder = new Builder(file, text, comments);
  return { declarations: builder.declarations(new Reading(node)), diagnostics: builder.diagnostics };
}

/** From the reading of one expression. */
export function buildExpression(
  node: CstNode,
  file: string,
  text: string,
): { readonly expression: ast.Expression | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const builder = new Builder(file, text, []);
  const expression = builder.attempt(() => builder.expression(new Reading(node).the("expression")));
  return { expression, diagnostics: builder.diagnostics };
}

interface Doc {
  readonly doc?: string;
}

type Item = ast.Statement | ast.Declaration;

class Builder {
  readonly diagnostics: Diagnostic[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #comments: readonly ast.Comment[];
  /** The height of each expression built so far, and the depth of the one being built. */
  readonly #heights = new WeakMap<object, number>();
  #depth = 0;
  #nextComment = 0;

  constructor(file: string, text: string, comments: readonly ast.Comment[]) {
    this.#file = file;
    this.#text = text;
    this.#comments = comments;
  }

  // ------------------------------------------------------------------------------------------------------ places

  #span(start: number, end: number): Span {
    return { file: this.#file, start, end };
  }
  #spanOf(reading: Reading): Span {
    return this.#span(reading.start, reading.end);
  }
  #tokenSpan(token: IToken): Span {
    return this.#span(token.startOffset, endOf(token));
  }
  #report(code: string, span: Span, message: string, help?: string, label?: string): void {
    // The rest would not be shown; see MAX_DIAGNOSTICS.
    if (this.diagnostics.length > 10 * MAX_DIAGNOSTICS) return;
    this.diagnostics.push({
      code,
      severity: "error",
      message,
      labels: [label === undefined ? { span } : { span, text: label }],
      notes: [],
      ...(help !== undefined && { help }),
    });
  }

  // ---------------------------------------------------------------------------------- declarations, statements

  attempt<T>(build: () => T): T | undefined {
    try {
      return build();
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.#depth = 0;
      return undefined;
    }
  }

  declarations(root: Reading): readonly ast.Declaration[] {
    const readings = [...root.readings("optimizerDeclaration"), ...root.readings("statement")];
    readings.sort((a, b) => a.start - b.start);
    const declarations: ast.Declaration[] = [];
    for (const reading of readings) {
      const doc = this.#docBefore(reading.start);
      const item = this.#item(reading, doc);
      if (item === undefined) continue;
      if (isDeclaration(item)) declarations.push(item);
      else if (item.kind === "bind") {
        const { span, text } = item.name;
        this.#report(
          "statement-outside-block",
          span,
          `\`${text} = …\` stands outside of any model, layer, fn or optimizer`,
          `write \`const ${text} = …\` for a constant, or move the line into a model`,
        );
      } else {
        this.#report(
          "statement-outside-block",
          this.#firstWord(item.span),
          `\`${this.#word(item.span)}\` stands outside of any model, layer, fn or optimizer`,
          "a file holds import, const, fn, layer, model and optimizer; move this line into one of them",
        );
      }
    }
    return declarations;
  }

  #block(reading: Reading): ast.Block {
    const statements: ast.Statement[] = [];
    for (const inner of reading.readings("statement")) {
      const doc = this.#docBefore(inner.start);
      const item = this.#item(inner, doc);
      if (item === undefined) continue;
      if (!isDeclaration(item)) statements.push(item);
      else {
        const constant = item.kind === "const";
        this.#report(
          "declaration-in-block",
          this.#firstWord(item.span),
          `\`${this.#word(item.span)}\` stands inside a block`,
          constant
            ? `inside a block write \`${item.name.text} = …\`; every binding is constant`
            : `move the ${item.kind} to the top level of the file`,
        );
        if (item.kind === "const") {
          const { name, value, span } = item;
          statements.push({ kind: "bind", name, value, span, ...doc });
        }
      }
    }
    return { statements, span: this.#spanOf(reading) };
  }

  #firstWord(span: Span): Span {
    return this.#span(span.start, span.start + this.#word(span).length);
  }
  #word(span: Span): string {
    return /^(?:\w+|.)/u.exec(this.#text.slice(span.start, span.end))?.[0] ?? "";
  }

  /** The `///` lines between the token before and `start`. */
  #docBefore(start: number): Doc {
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

  #item(reading: Reading, doc: Doc): Item | undefined {
    return this.attempt((): Item => {
      if (reading.node.recoveredNode === true) return giveUp();
      if (reading.node.name === "optimizerDeclaration") return this.#optimizerDeclaration(reading, doc);
      for (const [label, [inner]] of Object.entries(reading.node.children)) {
        if (inner === undefined || "image" in inner) continue;
        const part = new Reading(inner);
        switch (label) {
          case "importDeclaration": return this.#import(part);
          case "constDeclaration": return this.#const(part, doc);
          case "functionDeclaration": return this.#function(part, doc);
          case "modelDeclaration": return this.#model(part, doc);
          case "returnStatement": return this.#return(part);
          case "ifStatement": return this.#if(part);
          case "forStatement": return this.#for(part);
          case "paramStatement": return this.#param(part, doc);
          case "inputStatement": return this.#input(part, doc);
          case "resultStatement": return this.#result(part, doc);
          case "trainingStatement": return this.#training(part);
          case "stateStatement": return this.#state(part);
          case "bindStatement": return this.#bind(part, doc);
          case "block": return this.#bareBlock(part);
          case "expression": return this.#bareExpression(part);
        } // prettier-ignore
      }
      return giveUp();
    });
  }

  #identifier(token: IToken): ast.Identifier {
    return { text: token.image, span: this.#tokenSpan(token) };
  }
  #name(reading: Reading): ast.Identifier {
    return this.#identifier(reading.theToken("Name"));
  }

  #import(reading: Reading): ast.Import {
    const path = reading.theToken("String");
    const span = this.#tokenSpan(path);
    if (path.image.length < 2 || !path.image.endsWith('"')) {
      this.#report("unclosed-string", span, "the path has no closing quote", 'end it with `"`');
    }
    return {
      kind: "import",
      names: reading.readings("importedName").map((r) => {
        const as = r.token("as");
        return { name: this.#identifier(r.theToken("name")), ...(as && { as: this.#identifier(as) }) };
      }),
      path: { text: path.image.replaceAll('"', ""), span },
      span: this.#spanOf(reading),
    };
  }

  #const(reading: Reading, doc: Doc): ast.Const {
    const value = this.expression(reading.the("expression"));
    return { kind: "const", name: this.#name(reading), value, span: this.#spanOf(reading), ...doc };
  }

  #function(reading: Reading, doc: Doc): ast.FunctionDeclaration {
    const expression = reading.reading("expression");
    const attribute = reading.token("Attribute");
    if (attribute !== undefined) this.#checkAttribute(attribute);
    return {
      kind: reading.theToken("keyword").image === "fn" ? "fn" : "layer",
      recompute: attribute !== undefined,
      name: this.#name(reading),
      parameters: this.#parameters(reading.the("parameters")),
      body: expression
        ? { kind: "expression", value: this.expression(expression) }
        : { kind: "block", block: this.#block(reading.the("block")) },
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #model(reading: Reading, doc: Doc): ast.ModelDeclaration {
    const parameters = reading.reading("parameters");
    return {
      kind: "model",
      name: this.#name(reading),
      parameters: parameters ? this.#parameters(parameters) : [],
      body: this.#block(reading.the("block")),
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #optimizerDeclaration(reading: Reading, doc: Doc): ast.OptimizerDeclaration {
    return {
      kind: "optimizer",
      name: this.#name(reading),
      parameters: this.#parameters(reading.the("parameters")),
      body: this.#block(reading.the("block")),
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #parameters(reading: Reading): readonly ast.Parameter[] {
    this.#checkCommas(reading, "parameter");
    return reading.readings("parameter").map((r) => {
      const type = r.reading("tensorType");
      const value = r.reading("expression");
      return {
        name: this.#name(r),
        ...(type && { type: this.#type(type) }),
        ...(value && { default: this.expression(value) }),
        span: this.#spanOf(r),
      };
    });
  }

  #type(reading: Reading): ast.TensorType {
    this.#checkCommas(reading, "dimension");
    return {
      element: this.#element(reading.token("element")),
      dimensions: reading.readings("dimension").map((r): ast.Dimension => {
        const size = r.reading("expression");
        return size ? this.expression(size) : { kind: "ellipsis", span: this.#spanOf(r) };
      }),
      span: this.#spanOf(reading),
    };
  }

  #element(token: IToken | undefined): ast.TensorType["element"] {
    const text = token?.image ?? "float";
    if (text === "float" || text === "int" || text === "bool") return text;
    if (token) {
      this.#report(
        "unknown-element-type",
        this.#tokenSpan(token),
        `there is no element type \`${text}\``,
        "write `[…]` for floating point, `int[…]` for whole numbers or `bool[…]`; " +
          "the precision of floats is chosen when compiling, with --dtype",
      );
    }
    return "float";
  }

  #bind(reading: Reading, doc: Doc): ast.Bind {
    const value = this.expression(reading.the("expression"));
    return { kind: "bind", name: this.#name(reading), value, span: this.#spanOf(reading), ...doc };
  }

  #return(reading: Reading): ast.Return {
    return { kind: "return", value: this.expression(reading.the("expression")), span: this.#spanOf(reading) };
  }

  #state(reading: Reading): ast.StateDeclaration {
    const value = this.expression(reading.the("expression"));
    return { kind: "state", name: this.#name(reading), value, span: this.#spanOf(reading) };
  }

  #if(reading: Reading): ast.If {
    const conditions = reading.readings("expression");
    const blocks = reading.readings("block");
    if (conditions.length > MAX_ELSE_IFS) {
      const word = reading.tokens("elseIf")[MAX_ELSE_IFS - 1] ?? giveUp();
      this.#report(
        "nesting-too-deep",
        this.#tokenSpan(word),
        `more than ${MAX_ELSE_IFS} branches in one \`if\``,
        "look the value up in a list instead, or split the chain",
      );
      giveUp();
    }
    // In the order of the text, since doc comments are taken as they come.
    const built = blocks.map((block, i) => {
      const condition = conditions[i];
      return { condition: condition && this.expression(condition), block: this.#block(block) };
    });
    let otherwise: ast.Block | undefined;
    for (let i = built.length - 1; i >= 0; i--) {
      const { condition, block } = built[i] ?? giveUp();
      if (condition === undefined) {
        otherwise = block;
        continue;
      }
      const start = i === 0 ? reading.start : (reading.tokens("If")[i]?.startOffset ?? giveUp());
      const branch: ast.If = {
        kind: "if",
        condition,
        // oxlint-disable-next-line unicorn/no-thenable -- the branch of an `if`; nobody awaits a tree
        then: block,
        ...(otherwise && { otherwise }),
        span: this.#span(start, reading.end),
      };
      if (i === 0) return branch;
      otherwise = { statements: [branch], span: branch.span };
    }
    return giveUp();
  }

  #for(reading: Reading): ast.For {
    return {
      kind: "for",
      variable: this.#name(reading),
      iterable: this.expression(reading.the("expression")),
      body: this.#block(reading.the("block")),
      span: this.#spanOf(reading),
    };
  }

  #param(reading: Reading, doc: Doc): ast.ParameterDeclaration {
    const type = reading.reading("tensorType");
    const start = reading.token("start");
    return {
      kind: "param",
      frozen: reading.token("Frozen") !== undefined,
      name: this.#name(reading),
      ...(type && { type: this.#type(type) }),
      ...(start && {
        start: {
          kind: start.image === "~" ? "initializer" : "value",
          value: this.expression(reading.the("expression")),
        },
      }),
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #input(reading: Reading, doc: Doc): ast.InputDeclaration {
    return {
      kind: "input",
      role: reading.theToken("keyword").image === "input" ? "input" : "target",
      name: this.#name(reading),
      type: this.#type(reading.the("tensorType")),
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #result(reading: Reading, doc: Doc): ast.OutputStatement | ast.MetricStatement {
    const name = reading.token("Name");
    return {
      kind: reading.theToken("keyword").image === "output" ? "output" : "metric",
      ...(name && { name: this.#identifier(name) }),
      value: this.expression(reading.the("expression")),
      span: this.#spanOf(reading),
      ...doc,
    };
  }

  #training(reading: Reading): ast.LossStatement | ast.OptimizerStatement {
    return {
      kind: reading.theToken("keyword").image === "loss" ? "loss" : "optimizer",
      value: this.expression(reading.the("expression")),
      span: this.#spanOf(reading),
    };
  }

  #bareBlock(reading: Reading): never {
    this.#report(
      "bare-block",
      this.#span(reading.start, reading.start + 1),
      "a block belongs to an `if`, a `for` or a declaration",
      "remove the braces, or write what the block is for",
    );
    this.#block(reading);
    return giveUp();
  }

  #bareExpression(reading: Reading): never {
    const value = this.expression(reading);
    if (this.diagnostics.length > 10 * MAX_DIAGNOSTICS) return giveUp();
    this.#report(
      "bare-expression",
      value.span,
      "an expression alone is not a statement: nothing would use its value",
      this.#helpAround(value) ?? helpForBareExpression(value),
    );
    return giveUp();
  }

  /** Where an attribute stands before a whole statement. */
  #helpAroundAttribute({ span, operand }: ast.Unary): string | undefined {
    const isBinding = operand.kind === "name" && /^[ \t]*=/.test(this.#text.slice(span.end, span.end + 40));
    if (isBinding) return `the attribute stands before the formula: \`${operand.text} = @recompute …\``;
    const word =
      /^@recompute\s+([a-z]{1,10})\b/.exec(this.#text.slice(span.start, span.start + 40))?.[1] ?? "";
    if (["loss", "output", "metric"].includes(word))
      return `the attribute stands before the formula: \`${word} @recompute …\``;
    if (["param", "input", "target", "optimizer", "state"].includes(word))
      return `only what a formula, a layer or a fn computes is made again: remove the \`@recompute\` before \`${word}\``;
    return undefined;
  }

  /**
   * What is written around a bare expression may say what was meant: `3 x`, `a, b = …`, `@recompute
   * a = …`.
   */
  #helpAround(value: ast.Expression): string | undefined {
    if (value.kind === "unary" && value.operator === "@recompute") return this.#helpAroundAttribute(value);
    if (value.kind !== "name" && value.kind !== "call") return undefined;
    const { start, end } = value.span;
    // A line is as long as a file at most, and no number is: so much is read of it.
    const number = /(?:^|[^\w.])(\d[\w.]*)[ \t]+$/.exec(
      this.#text.slice(Math.max(0, start - 40), start),
    )?.[1];
    const written = this.#text.slice(start, Math.min(end, start + 40));
    if (number !== undefined) return `a product has its sign: \`${number} * ${written}\``;
    const second = /^[ \t]*,[ \t]*(\w{1,40})[ \t]*[,=]/.exec(this.#text.slice(end, end + 90))?.[1];
    if (value.kind !== "name" || second === undefined) return undefined;
    return `a statement binds one name: \`${written} = …\`, then \`${second} = …\``;
  }

  // ------------------------------------------------------------------------------------------------- expressions

  /** Two commas in a row, or one before the first item; one after the last is allowed. */
  #checkCommas(reading: Reading, ...labels: readonly string[]): void {
    const items = labels.flatMap((label) => reading.readings(label));
    items.sort((a, b) => a.start - b.start);
    reading.tokens("Comma").forEach((comma, i) => {
      const item = items[i];
      if (item === undefined || item.start > comma.startOffset) {
        this.#report(
          "missing-value",
          this.#tokenSpan(comma),
          "nothing stands before this comma",
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
    this.#report(
      "expression-too-long",
      this.#span(span.start, Math.min(span.end, span.start + 1)),
      `this expression has more than ${MAX_EXPRESSION_HEIGHT} operators inside one another`,
      "bind parts of it to names, or build it with a `for` over a list",
      "starts here",
    );
    return giveUp();
  }

  /** Precedence climbing over the flat reading; see `operators.ts`. */
  expression(reading: Reading): ast.Expression {
    return this.#climb(new Cursor(reading), LAMBDA_LEVEL);
  }

  /** Reads as far as operators bind at `level` or tighter. */
  #climb(cursor: Cursor, level: number): ast.Expression {
    if (++this.#depth > MAX_EXPRESSION_HEIGHT) this.#tooLong(this.#spanOf(cursor.operand));
    let left = this.#prefixed(cursor, level);
    let previous: InfixOperator | undefined;
    for (let token = cursor.operator; token; token = cursor.operator) {
      const operator = isInfix(token.image) ? token.image : giveUp();
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

  #chained(token: IToken, operator: InfixOperator): void {
    if (operator === "..") {
      this.#report("chained-range", this.#tokenSpan(token), "a range has two ends", "write `start..stop`");
    } else {
      this.#report(
        "chained-comparison",
        this.#tokenSpan(token),
        "comparisons do not chain: the left side here is already true or false",
        "write `a < b and b < c`",
      );
    }
  }

  #combine(
    token: IToken,
    operator: InfixOperator,
    left: ast.Expression,
    right: ast.Expression,
  ): ast.Expression {
    const span = this.#span(left.span.start, right.span.end);
    switch (operator) {
      case "|>":
        return this.#made({ kind: "pipe", left, right, span }, [left, right]);
      case "..":
        return this.#made({ kind: "range", start: left, stop: right, span }, [left, right]);
      default: {
        const operatorSpan = this.#tokenSpan(token);
        return this.#made({ kind: "binary", operator, operatorSpan, left, right, span }, [left, right]);
      }
    }
  }

  /** One operand with what stands before it: `-`, `not`, `(a, b) =>`. */
  #prefixed(cursor: Cursor, level: number): ast.Expression {
    const prefix = cursor.takePrefix();
    if (prefix === undefined) return this.#postfixed(cursor.takeOperand());
    const token = prefix.token("operator");
    if (token === undefined) {
      const body = this.#climb(cursor, LAMBDA_LEVEL);
      const parameters = prefix.tokens("Name").map((name) => this.#identifier(name));
      return this.#made({ kind: "lambda", parameters, body, span: this.#span(prefix.start, body.span.end) }, [
        body,
      ]);
    }
    if (token.tokenType === Attribute) this.#checkAttribute(token);
    const operator = token.tokenType === Attribute ? RECOMPUTE : token.image === "-" ? "-" : "not";
    if (operator === "not" && level > NOT_LEVEL) {
      this.#report(
        "not-needs-parentheses",
        this.#tokenSpan(token),
        "`not` binds looser than the operator before it",
        "write `(not …)`",
      );
    }
    const operand = this.#climb(cursor, prefixes[operator]);
    const span = this.#span(prefix.start, operand.span.end);
    return this.#made({ kind: "unary", operator, operand, span }, [operand]);
  }

  #checkAttribute(token: IToken): void {
    if (token.image === RECOMPUTE) return;
    const near = closest(token.image, [RECOMPUTE]);
    this.#report(
      "unknown-attribute",
      this.#tokenSpan(token),
      `there is no attribute \`${token.image}\``,
      near === undefined ? `the one there is is \`${RECOMPUTE}\`` : `did you mean \`${near}\`?`,
    );
  }

  #postfixed(reading: Reading): ast.Expression {
    const atom = reading.the("atom");
    let operand = this.#atom(atom);
    for (const postfix of reading.readings("postfix")) {
      operand = this.#postfix(operand, postfix, this.#span(atom.start, postfix.end));
    }
    return operand;
  }

  #atom(reading: Reading): ast.Expression {
    const span = this.#spanOf(reading);
    const number = reading.token("Number");
    if (number) {
      const value = Number(number.image.replaceAll("_", ""));
      return this.#made({ kind: "number", value, text: number.image, span });
    }
    const name = reading.token("Name");
    if (name) return this.#made({ kind: "name", text: name.image, span });
    if (reading.token("True")) return this.#made({ kind: "boolean", value: true, span });
    if (reading.token("False")) return this.#made({ kind: "boolean", value: false, span });
    const group = reading.reading("group");
    if (group) {
      // The parentheses belong to the span, so that a label under an operand shows all of it.
      const inner = this.expression(group);
      return this.#made({ ...inner, span }, [inner]);
    }
    if (reading.token("OpenSquare") === undefined) return giveUp();
    this.#checkCommas(reading, "item");
    const items = reading.readings("item").map((item): ast.ListItem => {
      const value = this.expression(item.the("expression"));
      return item.token("Ellipsis") ? { kind: "spread", value, span: this.#spanOf(item) } : value;
    });
    const parts = items.map((item) => (item.kind === "spread" ? item.value : item));
    return this.#made({ kind: "list", items, span }, parts);
  }

  #postfix(operand: ast.Expression, reading: Reading, span: Span): ast.Expression {
    if (reading.token("Prime")) return this.#made({ kind: "transpose", operand, span }, [operand]);
    const member = reading.token("member");
    if (member) {
      return this.#made({ kind: "member", operand, member: this.#identifier(member), span }, [operand]);
    }
    if (reading.token("OpenRound")) {
      this.#checkCommas(reading, "argument");
      const args = reading.readings("argument").map((r): ast.Argument => {
        const name = r.token("Name");
        const value = this.expression(r.the("expression"));
        return { ...(name && { name: this.#identifier(name) }), value, span: this.#spanOf(r) };
      });
      const values = args.map((argument) => argument.value);
      return this.#made({ kind: "call", callee: operand, arguments: args, span }, [operand, ...values]);
    }
    this.#checkCommas(reading, "indexItem");
    const items = reading.readings("indexItem").map((item) => this.#indexItem(item));
    const parts = items.flatMap((item) =>
      item.kind === "at" ? [item.value] : item.kind === "slice" ? [item.start, item.stop, item.step] : [],
    );
    return this.#made({ kind: "index", operand, items, span }, [operand, ...parts]);
  }

  #indexItem(reading: Reading): ast.IndexItem {
    const span = this.#spanOf(reading);
    if (reading.token("Ellipsis")) return { kind: "ellipsis", span };
    const start = reading.reading("start");
    const tail = reading.reading("sliceTail");
    if (tail === undefined) return { kind: "at", value: this.expression(reading.the("start")), span };
    const stop = tail.reading("stop");
    const step = tail.reading("step");
    return {
      kind: "slice",
      ...(start && { start: this.expression(start) }),
      ...(stop && { stop: this.expression(stop) }),
      ...(step && { step: this.expression(step) }),
      span,
    };
  }
}

/**
 * A place in a flat expression: the next prefix, else the next operand; and the operator before it.
 */
class Cursor {
  readonly #operands: readonly Reading[];
  readonly #operators: readonly IToken[];
  #at = 0;
  #prefixes: readonly Reading[];
  #prefix = 0;

  constructor(expression: Reading) {
    this.#operands = expression.readings("operand");
    this.#operators = expression.tokens("Infix");
    this.#prefixes = this.#operands[0]?.readings("prefix") ?? [];
  }
  /** The operand that stands next. */
  get operand(): Reading {
    return this.#operands[this.#at] ?? giveUp();
  }
  /** The operator after the operands taken so far. */
  get operator(): IToken | undefined {
    return this.#operators[this.#at - 1];
  }
  takePrefix(): Reading | undefined {
    return this.#prefixes[this.#prefix++];
  }
  takeOperand(): Reading {
    const operand = this.operand;
    this.#at++;
    this.#prefix = 0;
    this.#prefixes = this.#operands[this.#at]?.readings("prefix") ?? [];
    return operand;
  }
}

const KEYWORDS = [...statementWords, ...hardWords].map((type) => type.name.toLowerCase());

function helpForBareExpression(value: ast.Expression): string {
  if (value.kind === "binary" && value.operator === "==" && value.left.kind === "name") {
    return "to bind a name write `=`; `==` compares";
  }
  if (value.kind === "list") return "if this is a shape, a colon is missing before it: `param w: [2, 3]`";
  if (value.kind === "name" && value.text === "while")
    return "there is no `while`; write `for n in sizes { … }`";
  const near = value.kind === "name" ? closest(value.text, KEYWORDS) : undefined;
  return near === undefined
    ? "give it a name, `h = …`, or put `return`, `output`, `metric` or `loss` before it"
    : `did you mean \`${near}\`?`;
}

/** `///`, but not the `////…` of a drawn line. */
function isDoc(comment: string): boolean {
  return comment.startsWith("///") && !comment.startsWith("////");
}

/** An `optimizer` is one or the other by its shape: only a definition has a name and a block. */
function isDeclaration(item: Item): item is ast.Declaration {
  switch (item.kind) {
    case "import":
    case "const":
    case "fn":
    case "layer":
    case "model":
      return true;
    case "optimizer":
      return "body" in item;
    default:
      return false;
  }
}
