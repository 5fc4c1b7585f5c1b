/** What every layer of the parser has: recovery, and its way to say what was expected. */
import {
  CstParser,
  type CstNode,
  type IParserErrorMessageProvider,
  type IToken,
  type ParserMethod,
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

type Rule = ParserMethod<[], CstNode>;

/** Its heirs hold the rules; the last of them calls `performSelfAnalysis`. */
export abstract class RecoveringParser extends CstParser {
  readonly #expectation: Expectation;

  constructor({ validated }: { readonly validated: boolean }) {
    const expectation = new Expectation();
    super([...t.allTokens], {
      recoveryEnabled: true,
      maxLookahead: 1,
      skipValidations: !validated,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectation,
    });
    this.#expectation = expectation;
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

  /**
   * A rule inside statements and declarations, to which resynchronization is left: an error goes
   * up.
   */
  protected inner(name: string, read: () => void): Rule {
    return this.RULE(name, read, { resyncEnabled: false });
  }

  protected isNext(offset: number, type: TokenType): boolean {
    return this.LA(offset).tokenType === type;
  }

  /**
   * `(a, b,)`, or with nothing between the brackets, once in a rule. Items may be missing between
   * commas; `build-expression.ts` says so.
   */
  protected bracketed(open: TokenType, item: Rule, close: TokenType, label?: string): void {
    const named = label === undefined ? {} : { LABEL: label };
    this.CONSUME8(open);
    this.OPTION8(() => {
      this.SUBRULE8(item, named);
      this.MANY8(() => {
        this.CONSUME9(t.Comma);
        this.OPTION9(() => this.SUBRULE9(item, named));
      });
    });
    this.CONSUME8(close);
  }
}
