/**
 * Expressions are read flat, as operands with operators between; `build-expression.ts` gives them
 * their shape from the table in `operators.ts`. So a sum of any length is a loop here, and the only
 * recursion is that of brackets, which are counted beforehand.
 */
import { EOF, type CstNode, type TokenType } from "chevrotain";
import { isReducer } from "./operators.ts";
import { RecoveringParser } from "./recovering-parser.ts";
import * as t from "./tokens.ts";

/** What may follow the name of an index. */
const BINDER_ENDS: readonly TokenType[] = [t.Comma, t.CloseSquare, t.In];

export abstract class ExpressionParser extends RecoveringParser {
  /** `a =>` or `(a, b) =>` ahead, as against a name or an expression in parentheses. */
  #isLambdaHead(): boolean {
    if (this.isNext(2, t.LambdaArrow)) return t.isName(this.LA(1).tokenType);
    if (!this.isNext(1, t.OpenRound)) return false;
    let i = 2;
    while (t.isName(this.LA(i).tokenType) && this.isNext(i + 1, t.Comma)) i += 2;
    if (t.isName(this.LA(i).tokenType)) i++;
    return this.isNext(i, t.CloseRound) && this.isNext(i + 1, t.LambdaArrow);
  }

  /**
   * `sum[i, j in 0..3]` ahead, and after it a value, which is what is summed. Where none follows it
   * is an entry of a tensor that is called `sum`.
   */
  #isReductionHead(): boolean {
    if (!isReducer(this.LA(1).image)) return false;
    const end = this.endOfBinders(2);
    return end !== null && this.#startsOperand(end + 1);
  }

  /** Whether a value begins there, and not the next statement. */
  #startsOperand(offset: number): boolean {
    const type = this.LA(offset).tokenType;
    if (!t.isName(type)) return t.startsValue(type);
    if (this.isNext(offset + 1, t.Equals)) return false;
    if (t.statementWords.includes(type) && t.isName(this.LA(offset + 1).tokenType)) return false;
    const close = this.isNext(offset + 1, t.OpenSquare) ? this.closing(offset + 1) : null;
    return close === null || !this.isNext(close + 1, t.Equals);
  }

  /** The bracket that closes the one at `offset`. Brackets are balanced before parsing. */
  protected closing(offset: number): number | null {
    let depth = 0;
    for (let i = offset; ; i++) {
      const type = this.LA(i).tokenType;
      if (type === t.OpenSquare || type === t.OpenRound) depth++;
      else if (type === t.CloseSquare || type === t.CloseRound) depth--;
      else if (type === t.OpenCurly || type === t.CloseCurly || type === EOF) return null;
      if (depth === 0) return i;
    }
  }

  /** Where `[i, j in 0..3]` from `offset` on ends; null where something else stands there. */
  protected endOfBinders(offset: number): number | null {
    if (!this.isNext(offset, t.OpenSquare)) return null;
    const end = this.closing(offset);
    let depth = 0;
    for (let i = offset; end !== null && i < end; i++) {
      const type = this.LA(i).tokenType;
      if (type === t.OpenSquare || type === t.OpenRound) depth++;
      else if (type === t.CloseSquare || type === t.CloseRound) depth--;
      if (depth !== 1 || (i > offset && type !== t.Comma)) continue;
      const after = this.LA(i + 2).tokenType;
      const isDots = this.isNext(i + 1, t.Ellipsis) && BINDER_ENDS.includes(after);
      const isBinder = isDots || (t.isName(this.LA(i + 1).tokenType) && BINDER_ENDS.includes(after));
      if (!isBinder && !(i > offset && i + 1 === end)) return null;
    }
    return end;
  }

  readonly expression: () => CstNode = this.inner("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(t.Infix);
      this.SUBRULE1(this.operand);
    });
  });

  readonly operand = this.inner("operand", () => {
    this.MANY({
      GATE: () =>
        this.isNext(1, t.Minus) ||
        this.isNext(1, t.Not) ||
        this.isNext(1, t.Attribute) ||
        this.#isLambdaHead() ||
        this.#isReductionHead(),
      DEF: () => this.SUBRULE(this.prefix),
    });
    this.SUBRULE(this.atom);
    this.MANY1(() => this.SUBRULE(this.postfix));
  });

  readonly prefix = this.inner("prefix", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Minus, { LABEL: "operator" }) },
      { ALT: () => this.CONSUME(t.Not, { LABEL: "operator" }) },
      { ALT: () => this.CONSUME(t.Attribute, { LABEL: "operator" }) },
      {
        GATE: () => isReducer(this.LA(1).image) && this.isNext(2, t.OpenSquare),
        ALT: () => {
          this.CONSUME2(t.Name, { LABEL: "reducer" });
          this.SUBRULE(this.binders);
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.CONSUME(t.LambdaArrow);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.OpenRound);
          this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Name) });
          this.CONSUME(t.CloseRound);
          this.CONSUME1(t.LambdaArrow);
        },
      },
    ]);
  });

  readonly binders = this.inner("binders", () => {
    this.bracketed(t.OpenSquare, this.binder, t.CloseSquare);
  });

  /** Wider than the language, so that the builder can say what is wrong with `a[0] = 1`. */
  readonly binder = this.inner("binder", () => {
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(t.Ellipsis) },
        {
          ALT: () => {
            this.SUBRULE(this.expression, { LABEL: "index" });
            this.OPTION(() => {
              this.CONSUME(t.In);
              this.SUBRULE1(this.expression, { LABEL: "range" });
            });
            this.OPTION1(() => this.SUBRULE(this.sliceTail));
          },
        },
        { ALT: () => this.SUBRULE1(this.sliceTail) },
      ],
      ERR_MSG: "the name of an index",
    });
  });

  readonly atom = this.inner("atom", () => {
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(t.NumberToken) },
        { ALT: () => this.CONSUME(t.True) },
        { ALT: () => this.CONSUME(t.False) },
        { ALT: () => this.CONSUME(t.Name) },
        {
          ALT: () => {
            this.CONSUME(t.OpenRound);
            this.SUBRULE(this.expression, { LABEL: "group" });
            this.CONSUME(t.CloseRound);
          },
        },
        { ALT: () => this.bracketed(t.OpenSquare, this.listItem, t.CloseSquare, "item") },
      ],
      ERR_MSG: "a value",
    });
  });

  readonly listItem = this.inner("listItem", () => {
    this.OPTION(() => this.CONSUME(t.Ellipsis));
    this.SUBRULE(this.expression);
  });

  readonly postfix = this.inner("postfix", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Prime) },
      { ALT: () => this.bracketed(t.OpenRound, this.argument, t.CloseRound) },
      {
        ALT: () => {
          this.CONSUME(t.OpenSquare);
          this.SUBRULE(this.indexItem);
          this.MANY1(() => {
            this.CONSUME1(t.Comma);
            this.OPTION2(() => this.SUBRULE1(this.indexItem));
          });
          this.CONSUME(t.CloseSquare);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.OR1({
            DEF: [
              { ALT: () => this.CONSUME(t.Name, { LABEL: "member" }) },
              { ALT: () => this.CONSUME(t.NumberToken, { LABEL: "member" }) },
            ],
            ERR_MSG: "a name",
          });
        },
      },
    ]);
  });

  readonly argument = this.inner("argument", () => {
    this.OPTION({
      GATE: () => this.isNext(2, t.Equals),
      DEF: () => {
        this.CONSUME(t.Name);
        this.CONSUME(t.Equals);
      },
    });
    this.SUBRULE(this.expression);
  });

  readonly indexItem = this.inner("indexItem", () => {
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(t.Ellipsis) },
        {
          ALT: () => {
            this.SUBRULE(this.expression, { LABEL: "start" });
            this.OPTION(() => this.SUBRULE(this.sliceTail));
          },
        },
        { ALT: () => this.SUBRULE1(this.sliceTail) },
      ],
      ERR_MSG: "an index or a slice",
    });
  });

  /** `:stop:step` */
  readonly sliceTail = this.inner("sliceTail", () => {
    this.CONSUME(t.Colon);
    this.OPTION(() => this.SUBRULE(this.expression, { LABEL: "stop" }));
    this.OPTION1(() => {
      this.CONSUME1(t.Colon);
      this.OPTION2(() => this.SUBRULE1(this.expression, { LABEL: "step" }));
    });
  });
}
