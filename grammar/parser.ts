/**
 * Tokens → concrete syntax tree. Expressions are read flat, as operands with operators between;
 * `build-ast.ts` gives them their shape from the table in `operators.ts`. So a sum of any length is
 * a loop here, and the only recursion is that of brackets, which are counted beforehand.
 *
 * The grammar is a little wider than the language where that makes for a better diagnostic: an
 * expression alone is read as a statement, a block is read without its `if`, and any statement or
 * declaration is read in any place; the builder says what is wrong.
 */
import {
  CstParser,
  type CstNode,
  type IParserErrorMessageProvider,
  type IToken,
  type TokenType,
} from "chevrotain";
import { MAX_DIAGNOSTICS } from "./limits.ts";
import * as t from "./tokens.ts";

/**
 * Thrown out of the parser where a file has more errors than anyone would read; recovery costs
 * time.
 */
export class TooManyErrors extends Error {}

/**
 * The message of a Chevrotain error is, here, only what was expected, in words; `syntax-error.ts`
 * says the rest.
 */
class Expectation implements IParserErrorMessageProvider {
  /** Errors since the last file began. */
  count = 0;

  #say(expected = "something else"): string {
    if (++this.count > 2 * MAX_DIAGNOSTICS) throw new TooManyErrors();
    return expected;
  }
  buildMismatchTokenMessage({ expected }: { expected: TokenType }): string {
    return this.#say(expected.LABEL ?? expected.name);
  }
  buildNotAllInputParsedMessage(): string {
    return this.#say("EOF");
  }
  buildNoViableAltMessage({ customUserDescription }: { customUserDescription?: string }): string {
    return this.#say(customUserDescription);
  }
  buildEarlyExitMessage({ customUserDescription }: { customUserDescription?: string }): string {
    return this.#say(customUserDescription);
  }
}

/** Resynchronization is left to whole statements and declarations; inside them an error goes up. */
const INNER = { resyncEnabled: false } as const;

class Parser extends CstParser {
  readonly #expectation: Expectation;

  constructor() {
    const expectation = new Expectation();
    super([...t.allTokens], {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectation,
    });
    this.#expectation = expectation;
    this.performSelfAnalysis();
  }

  /** Makes ready to read these tokens. */
  begin(tokens: readonly IToken[]): void {
    this.#expectation.count = 0;
    this.input = [...tokens];
  }

  // A made-up token would put a name or a bracket into the tree that nobody wrote.
  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false;
  }
  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false;
  }

  #next(offset: number, type: TokenType): boolean {
    return this.LA(offset).tokenType === type;
  }

  /** A soft keyword is a keyword unless `=` follows. */
  #isKeyword(word: TokenType): boolean {
    return this.#next(1, word) && !this.#next(2, t.Equals);
  }

  /** `a =>` or `(a, b) =>` ahead, as against a name or an expression in parentheses. */
  #isLambdaHead(): boolean {
    if (this.#next(2, t.LambdaArrow)) return t.isName(this.LA(1).tokenType);
    if (!this.#next(1, t.OpenRound)) return false;
    let i = 2;
    while (t.isName(this.LA(i).tokenType) && this.#next(i + 1, t.Comma)) i += 2;
    if (t.isName(this.LA(i).tokenType)) i++;
    return this.#next(i, t.CloseRound) && this.#next(i + 1, t.LambdaArrow);
  }

  readonly sourceFile = this.RULE("sourceFile", () => {
    this.MANY(() => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(t.Semicolon) },
          {
            GATE: () =>
              this.#next(1, t.Optimizer) && t.isName(this.LA(2).tokenType) && !this.#next(2, t.Equals),
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

  readonly importDeclaration = this.RULE(
    "importDeclaration",
    () => {
      this.CONSUME(t.Import);
      this.CONSUME(t.OpenCurly);
      this.MANY(() => {
        this.SUBRULE(this.importedName);
        this.OPTION(() => this.CONSUME(t.Comma));
      });
      this.CONSUME(t.CloseCurly);
      this.CONSUME(t.From);
      this.CONSUME(t.StringToken);
    },
    INNER,
  );

  readonly importedName = this.RULE(
    "importedName",
    () => {
      this.CONSUME(t.Name, { LABEL: "name" });
      this.OPTION({
        GATE: () => this.#next(1, t.As),
        DEF: () => {
          this.CONSUME(t.As);
          this.CONSUME1(t.Name, { LABEL: "as" });
        },
      });
    },
    INNER,
  );

  readonly constDeclaration = this.RULE(
    "constDeclaration",
    () => {
      this.CONSUME(t.Const);
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly functionDeclaration = this.RULE(
    "functionDeclaration",
    () => {
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
    },
    INNER,
  );

  readonly modelDeclaration = this.RULE(
    "modelDeclaration",
    () => {
      this.CONSUME(t.Model);
      this.CONSUME(t.Name);
      this.OPTION(() => this.SUBRULE(this.parameters));
      this.SUBRULE(this.block);
    },
    INNER,
  );

  readonly optimizerDeclaration = this.RULE("optimizerDeclaration", () => {
    this.CONSUME(t.Optimizer);
    this.CONSUME(t.Name);
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.block);
  });

  readonly parameters = this.RULE(
    "parameters",
    () => {
      this.CONSUME(t.OpenRound);
      this.OPTION(() => {
        this.SUBRULE(this.parameter);
        this.MANY(() => {
          this.CONSUME(t.Comma);
          this.OPTION1(() => this.SUBRULE1(this.parameter));
        });
      });
      this.CONSUME(t.CloseRound);
    },
    INNER,
  );

  readonly parameter = this.RULE(
    "parameter",
    () => {
      this.CONSUME(t.Name);
      this.OPTION(() => {
        this.CONSUME(t.Colon);
        this.SUBRULE(this.tensorType);
      });
      this.OPTION1(() => {
        this.CONSUME(t.Equals);
        this.SUBRULE(this.expression);
      });
    },
    INNER,
  );

  readonly tensorType = this.RULE(
    "tensorType",
    () => {
      this.OPTION(() => this.CONSUME(t.Name, { LABEL: "element" }));
      this.CONSUME(t.OpenSquare);
      this.OPTION1(() => {
        this.SUBRULE(this.dimension);
        this.MANY(() => {
          this.CONSUME(t.Comma);
          this.OPTION2(() => this.SUBRULE1(this.dimension));
        });
      });
      this.CONSUME(t.CloseSquare);
    },
    INNER,
  );

  readonly dimension = this.RULE(
    "dimension",
    () => {
      this.OR({
        DEF: [{ ALT: () => this.CONSUME(t.Ellipsis) }, { ALT: () => this.SUBRULE(this.expression) }],
        ERR_MSG: "a size",
      });
    },
    INNER,
  );

  // -------------------------------------------------------------------------------------------------- statements

  readonly block = this.RULE(
    "block",
    () => {
      this.CONSUME(t.OpenCurly);
      this.MANY(() => {
        this.OR({
          DEF: [{ ALT: () => this.CONSUME(t.Semicolon) }, { ALT: () => this.SUBRULE(this.statement) }],
          ERR_MSG: "a statement",
        });
      });
      this.CONSUME(t.CloseCurly);
    },
    INNER,
  );

  readonly statement = this.RULE("statement", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.importDeclaration) },
        { ALT: () => this.SUBRULE(this.constDeclaration) },
        {
          GATE: () => !this.#next(1, t.Attribute) || this.#next(2, t.Fn) || this.#next(2, t.Layer),
          ALT: () => this.SUBRULE(this.functionDeclaration),
          IGNORE_AMBIGUITIES: true,
        },
        { ALT: () => this.SUBRULE(this.modelDeclaration) },
        { ALT: () => this.SUBRULE(this.returnStatement) },
        { ALT: () => this.SUBRULE(this.ifStatement) },
        { ALT: () => this.SUBRULE(this.forStatement) },
        {
          GATE: () => this.#next(1, t.Frozen) || this.#isKeyword(t.Param),
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
          GATE: () => this.#isKeyword(t.Loss) || this.#isKeyword(t.Optimizer),
          ALT: () => this.SUBRULE(this.trainingStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#isKeyword(t.State),
          ALT: () => this.SUBRULE(this.stateStatement),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.#next(2, t.Equals),
          ALT: () => this.SUBRULE(this.bindStatement),
          IGNORE_AMBIGUITIES: true,
        },
        { ALT: () => this.SUBRULE(this.expression) },
        { ALT: () => this.SUBRULE(this.block) },
      ],
      ERR_MSG: "a statement",
    });
  });

  readonly bindStatement = this.RULE(
    "bindStatement",
    () => {
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly returnStatement = this.RULE(
    "returnStatement",
    () => {
      this.CONSUME(t.Return);
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly ifStatement = this.RULE(
    "ifStatement",
    () => {
      this.CONSUME(t.If);
      this.SUBRULE(this.expression);
      this.SUBRULE(this.block);
      this.MANY({
        GATE: () => this.#next(2, t.If),
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
    },
    INNER,
  );

  readonly forStatement = this.RULE(
    "forStatement",
    () => {
      this.CONSUME(t.For);
      this.CONSUME(t.Name);
      this.CONSUME(t.In);
      this.SUBRULE(this.expression);
      this.SUBRULE(this.block);
    },
    INNER,
  );

  readonly paramStatement = this.RULE(
    "paramStatement",
    () => {
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
    },
    INNER,
  );

  readonly inputStatement = this.RULE(
    "inputStatement",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Input, { LABEL: "keyword" }) },
        { ALT: () => this.CONSUME(t.Target, { LABEL: "keyword" }) },
      ]);
      this.CONSUME(t.Name);
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    },
    INNER,
  );

  readonly resultStatement = this.RULE(
    "resultStatement",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Output, { LABEL: "keyword" }) },
        { ALT: () => this.CONSUME(t.Metric, { LABEL: "keyword" }) },
      ]);
      this.OPTION({
        GATE: () => this.#next(2, t.Equals),
        DEF: () => {
          this.CONSUME(t.Name);
          this.CONSUME(t.Equals);
        },
      });
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly trainingStatement = this.RULE(
    "trainingStatement",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Loss, { LABEL: "keyword" }) },
        { ALT: () => this.CONSUME(t.Optimizer, { LABEL: "keyword" }) },
      ]);
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly stateStatement = this.RULE(
    "stateStatement",
    () => {
      this.CONSUME(t.State);
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  // ------------------------------------------------------------------------------------------------- expressions

  readonly expression: () => CstNode = this.RULE(
    "expression",
    () => {
      this.SUBRULE(this.operand);
      this.MANY(() => {
        this.CONSUME(t.Infix);
        this.SUBRULE1(this.operand);
      });
    },
    INNER,
  );

  readonly operand = this.RULE(
    "operand",
    () => {
      this.MANY({
        GATE: () =>
          this.#next(1, t.Minus) ||
          this.#next(1, t.Not) ||
          this.#next(1, t.Attribute) ||
          this.#isLambdaHead(),
        DEF: () => this.SUBRULE(this.prefix),
      });
      this.SUBRULE(this.atom);
      this.MANY1(() => this.SUBRULE(this.postfix));
    },
    INNER,
  );

  readonly prefix = this.RULE(
    "prefix",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Minus, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.Not, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.Attribute, { LABEL: "operator" }) },
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
    },
    INNER,
  );

  readonly atom = this.RULE(
    "atom",
    () => {
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
          {
            ALT: () => {
              this.CONSUME(t.OpenSquare);
              this.OPTION(() => {
                this.SUBRULE(this.listItem, { LABEL: "item" });
                this.MANY(() => {
                  this.CONSUME(t.Comma);
                  this.OPTION1(() => this.SUBRULE1(this.listItem, { LABEL: "item" }));
                });
              });
              this.CONSUME(t.CloseSquare);
            },
          },
        ],
        ERR_MSG: "a value",
      });
    },
    INNER,
  );

  readonly listItem = this.RULE(
    "listItem",
    () => {
      this.OPTION(() => this.CONSUME(t.Ellipsis));
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly postfix = this.RULE(
    "postfix",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Prime) },
        {
          ALT: () => {
            this.CONSUME(t.OpenRound);
            this.OPTION(() => {
              this.SUBRULE(this.argument);
              this.MANY(() => {
                this.CONSUME(t.Comma);
                this.OPTION1(() => this.SUBRULE1(this.argument));
              });
            });
            this.CONSUME(t.CloseRound);
          },
        },
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
    },
    INNER,
  );

  readonly argument = this.RULE(
    "argument",
    () => {
      this.OPTION({
        GATE: () => this.#next(2, t.Equals),
        DEF: () => {
          this.CONSUME(t.Name);
          this.CONSUME(t.Equals);
        },
      });
      this.SUBRULE(this.expression);
    },
    INNER,
  );

  readonly indexItem = this.RULE(
    "indexItem",
    () => {
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
    },
    INNER,
  );

  /** `:stop:step` */
  readonly sliceTail = this.RULE(
    "sliceTail",
    () => {
      this.CONSUME(t.Colon);
      this.OPTION(() => this.SUBRULE(this.expression, { LABEL: "stop" }));
      this.OPTION1(() => {
        this.CONSUME1(t.Colon);
        this.OPTION2(() => this.SUBRULE1(this.expression, { LABEL: "step" }));
      });
    },
    INNER,
  );
}

let parser: Parser | undefined;

/** One parser for the whole process: its analysis of the grammar takes longer than any file. */
export function theParser(): Parser {
  parser ??= new Parser();
  return parser;
}
export type { Parser };
