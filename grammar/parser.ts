/**
 * Tokens → concrete syntax tree: declarations and statements, over the expressions of
 * `expression-parser.ts`.
 *
 * The grammar is a little wider than the language where that makes for a better diagnostic: an
 * expression alone is read as a statement, a block is read without its `if`, and any statement or
 * declaration is read in any place; the builder says what is wrong.
 */
import type { TokenType } from "chevrotain";
import { ExpressionParser } from "./expression-parser.ts";
import * as t from "./tokens.ts";

export class Parser extends ExpressionParser {
  /**
   * @param validated whether the grammar itself is searched for ambiguities and left recursion: a
   * third of the analysis, for a test to do
   */
  constructor({ validated = false } = {}) {
    super({ validated });
    this.performSelfAnalysis();
  }

  /** A soft keyword is a keyword unless it is bound. */
  #isKeyword(word: TokenType): boolean {
    return this.isNext(1, word) && !this.#isBinding(1);
  }

  /** `name =`, or `name[…] =`. */
  #isBinding(offset: number): boolean {
    if (!t.isName(this.LA(offset).tokenType)) return false;
    if (this.isNext(offset + 1, t.Equals)) return true;
    const end = this.isNext(offset + 1, t.OpenSquare) ? this.closing(offset + 1) : null;
    return end !== null && this.isNext(end + 1, t.Equals);
  }

  readonly sourceFile = this.RULE("sourceFile", () => {
    this.MANY(() => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(t.Semicolon) },
          {
            GATE: () =>
              this.isNext(1, t.Optimizer) && t.isName(this.LA(2).tokenType) && !this.isNext(2, t.Equals),
            ALT: () => this.SUBRULE(this.optimizerDeclaration),
            IGNORE_AMBIGUITIES: true,
          },
          { ALT: () => this.SUBRULE(this.statement) },
        ],
        ERR_MSG: "a declaration",
      });
    });
  });

  /** For `--set act=relu`: an expression and nothing after it. */
  readonly loneExpression = this.RULE("loneExpression", () => {
    this.SUBRULE(this.expression);
  });

  // ------------------------------------------------------------------------------------------------ declarations

  readonly importDeclaration = this.inner("importDeclaration", () => {
    this.CONSUME(t.Import);
    this.CONSUME(t.OpenCurly);
    this.MANY(() => {
      this.SUBRULE(this.importedName);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.CloseCurly);
    this.CONSUME(t.From);
    this.CONSUME(t.StringToken);
  });

  readonly importedName = this.inner("importedName", () => {
    this.CONSUME(t.Name, { LABEL: "name" });
    this.OPTION({
      GATE: () => this.isNext(1, t.As),
      DEF: () => {
        this.CONSUME(t.As);
        this.CONSUME1(t.Name, { LABEL: "as" });
      },
    });
  });

  readonly constDeclaration = this.inner("constDeclaration", () => {
    this.CONSUME(t.Const);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly functionDeclaration = this.inner("functionDeclaration", () => {
    this.OPTION(() => this.CONSUME(t.Attribute));
    this.OR([
      { ALT: () => this.CONSUME(t.Fn, { LABEL: "keyword" }) },
      { ALT: () => this.CONSUME(t.Layer, { LABEL: "keyword" }) },
    ]);
    this.CONSUME(t.Name);
    this.SUBRULE(this.parameters);
    this.OR1({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(t.Equals);
            this.SUBRULE(this.expression);
          },
        },
        { ALT: () => this.SUBRULE(this.block) },
      ],
      ERR_MSG: "`= …` or a block `{ … }`",
    });
  });

  readonly modelDeclaration = this.inner("modelDeclaration", () => {
    this.CONSUME(t.Model);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.SUBRULE(this.block);
  });

  readonly optimizerDeclaration = this.RULE("optimizerDeclaration", () => {
    this.CONSUME(t.Optimizer);
    this.CONSUME(t.Name);
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.block);
  });

  readonly parameters = this.inner("parameters", () => {
    this.bracketed(t.OpenRound, this.parameter, t.CloseRound);
  });

  readonly parameter = this.inner("parameter", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.OPTION1(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
  });

  readonly tensorType = this.inner("tensorType", () => {
    this.OPTION(() => this.CONSUME(t.Name, { LABEL: "element" }));
    this.bracketed(t.OpenSquare, this.dimension, t.CloseSquare);
  });

  readonly dimension = this.inner("dimension", () => {
    this.OR({
      DEF: [{ ALT: () => this.CONSUME(t.Ellipsis) }, { ALT: () => this.SUBRULE(this.expression) }],
      ERR_MSG: "a size",
    });
  });

  // -------------------------------------------------------------------------------------------------- statements

  readonly block = this.inner("block", () => {
    this.CONSUME(t.OpenCurly);
    this.MANY(() => {
      this.OR({
        DEF: [{ ALT: () => this.CONSUME(t.Semicolon) }, { ALT: () => this.SUBRULE(this.statement) }],
        ERR_MSG: "a statement",
      });
    });
    this.CONSUME(t.CloseCurly);
  });

  readonly statement = this.RULE("statement", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.importDeclaration) },
        { ALT: () => this.SUBRULE(this.constDeclaration) },
        {
          GATE: () => !this.isNext(1, t.Attribute) || this.isNext(2, t.Fn) || this.isNext(2, t.Layer),
          ALT: () => this.SUBRULE(this.functionDeclaration),
          IGNORE_AMBIGUITIES: true,
        },
        { ALT: () => this.SUBRULE(this.modelDeclaration) },
        { ALT: () => this.SUBRULE(this.returnStatement) },
        { ALT: () => this.SUBRULE(this.ifStatement) },
        { ALT: () => this.SUBRULE(this.forStatement) },
        {
          GATE: () => this.isNext(1, t.Frozen) || this.#isKeyword(t.Param),
          ALT: () => this.SUBRULE(this.paramStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.Input) || this.#isKeyword(t.Target),
          ALT: () => this.SUBRULE(this.inputStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.Output) || this.#isKeyword(t.Metric),
          ALT: () => this.SUBRULE(this.resultStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.Loss),
          ALT: () => this.SUBRULE(this.lossStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.Optimizer),
          ALT: () => this.SUBRULE(this.optimizerStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.State),
          ALT: () => this.SUBRULE(this.stateStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isBinding(1),
          ALT: () => this.SUBRULE(this.bindStatement),
          IGNORE_AMBIGUITIES: true,
        },
        { ALT: () => this.SUBRULE(this.expression) },
        { ALT: () => this.SUBRULE(this.block) },
      ],
      ERR_MSG: "a statement",
    });
  });

  readonly bindStatement = this.inner("bindStatement", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.binders));
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly returnStatement = this.inner("returnStatement", () => {
    this.CONSUME(t.Return);
    this.SUBRULE(this.expression);
  });

  readonly ifStatement = this.inner("ifStatement", () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
    this.MANY({
      GATE: () => this.isNext(2, t.If),
      DEF: () => {
        this.CONSUME(t.Else, { LABEL: "elseIf" });
        this.CONSUME1(t.If);
        this.SUBRULE1(this.expression);
        this.SUBRULE1(this.block);
      },
    });
    this.OPTION(() => {
      this.CONSUME1(t.Else);
      this.SUBRULE2(this.block);
    });
  });

  readonly forStatement = this.inner("forStatement", () => {
    this.CONSUME(t.For);
    this.CONSUME(t.Name);
    this.CONSUME(t.In);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
  });

  readonly paramStatement = this.inner("paramStatement", () => {
    this.OPTION(() => this.CONSUME(t.Frozen));
    this.CONSUME(t.Param);
    this.CONSUME(t.Name);
    this.OPTION1(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.OPTION2(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Tilde, { LABEL: "start" }) },
        { ALT: () => this.CONSUME(t.Equals, { LABEL: "start" }) },
      ]);
      this.SUBRULE(this.expression);
    });
  });

  readonly inputStatement = this.inner("inputStatement", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Input, { LABEL: "keyword" }) },
      { ALT: () => this.CONSUME(t.Target, { LABEL: "keyword" }) },
    ]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
  });

  readonly resultStatement = this.inner("resultStatement", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Output, { LABEL: "keyword" }) },
      { ALT: () => this.CONSUME(t.Metric, { LABEL: "keyword" }) },
    ]);
    this.OPTION({
      GATE: () => this.#isBinding(1),
      DEF: () => {
        this.CONSUME(t.Name);
        this.OPTION1(() => this.SUBRULE(this.binders));
        this.CONSUME(t.Equals);
      },
    });
    this.SUBRULE(this.expression);
  });

  readonly lossStatement = this.inner("lossStatement", () => {
    this.CONSUME(t.Loss);
    this.SUBRULE(this.expression);
  });

  readonly optimizerStatement = this.inner("optimizerStatement", () => {
    this.CONSUME(t.Optimizer);
    this.SUBRULE(this.expression);
    this.OPTION({
      // What follows may be a loop, `for n in sizes { … }`.
      GATE: () => this.isNext(1, t.For) && !this.isNext(3, t.In),
      DEF: () => {
        this.CONSUME(t.For);
        this.SUBRULE(this.path);
        this.MANY(() => {
          this.CONSUME(t.Comma);
          this.SUBRULE1(this.path);
        });
      },
    });
  });

  readonly path = this.inner("path", () => {
    this.CONSUME(t.Name, { LABEL: "segment" });
    this.MANY(() => {
      this.CONSUME(t.Dot);
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME1(t.Name, { LABEL: "segment" }) },
          { ALT: () => this.CONSUME(t.NumberToken, { LABEL: "segment" }) },
        ],
        ERR_MSG: "a name",
      });
    });
  });

  readonly stateStatement = this.inner("stateStatement", () => {
    this.CONSUME(t.State);
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });
}

let parser: Parser | undefined;

/** One parser for the whole process: its analysis of the grammar takes longer than any file. */
export function theParser(): Parser {
  parser ??= new Parser();
  return parser;
}
