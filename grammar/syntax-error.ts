/** What to say of a place where the parser could not go on. */
import { EOF, type IRecognitionException, type IToken, type TokenType } from "chevrotain";
import type { Diagnostic } from "./diagnostic.ts";
import { endsOperand } from "./habits.ts";
import * as t from "./tokens.ts";

/** How the thing that the parser was reading is written. */
const examples: Readonly<Record<string, string>> = {
  importDeclaration: 'write `import { a, b as c } from "./file.nn"`',
  importedName: 'write `import { a, b as c } from "./file.nn"`',
  constDeclaration: "write `const name = value`",
  functionDeclaration:
    "write `fn name(a, b) = …`, or a block `{ … return … }` for the body; a layer likewise",
  modelDeclaration: "write `model Name { … }`, or `model Name(setting = 1) { … }`",
  optimizerDeclaration: "write `optimizer name(lr = 0.1) { … }`; inside a model, `optimizer name(lr = 0.1)`",
  parameters: "parameters are written `(x: [..., I], units, act = relu)`",
  parameter: "parameters are written `(x: [..., I], units, act = relu)`",
  tensorType: "a shape is written `[N, 784]`, or `int[N]` for whole numbers",
  dimension: "a shape is written `[N, 784]`, or `int[N]` for whole numbers",
  inputStatement: "write `input x: [N, 784]`",
  optimizerStatement:
    "write `optimizer adam(lr = 0.1)`, or `optimizer sgd for encoder, head.bias` for a part of the model",
  path: "paths of parameters are written `encoder, head.0.bias`",
  paramStatement: "write `param w: [2, 3] ~ normal(0, 1)` or `param b = 0`",
  stateStatement: "write `state m = 0` in an optimizer, `state mean: [C] = 0` in a layer or a model",
  forStatement: "write `for n in sizes { … }`",
  ifStatement: "write `if condition { … } else { … }`",
  indexItem: "write `x[0]`, `x[:, 1:3]` or `x[..., -1]`",
  sliceTail: "write `x[0]`, `x[:, 1:3]` or `x[..., -1]`",
};

/** `error.message` is only what was expected, in words; see `parser.ts`. */
export function explain(error: IRecognitionException, text: string, file: string): Diagnostic {
  const { token } = error;
  const previous = previousOf(error);
  const atEnd = token.tokenType === EOF;
  const end = text.trimEnd().length;
  const { code, message, help } = word(error);
  // What is missing is shown where it belongs, unless what was found instead stands on the same
  // line.
  const gap = previous && Number.isFinite(previous.startOffset) ? t.endOf(previous) : 0;
  const newLine = !atEnd && /[\r\n]/.test(text.slice(gap, token.startOffset));
  const span =
    atEnd || (newLine && gap > 0)
      ? { file, start: Math.min(gap, end), end: Math.min(gap, end) + 1 }
      : { file, start: token.startOffset, end: Math.max(t.endOf(token), token.startOffset + 1) };
  return {
    code,
    severity: "error",
    message,
    labels: [{ span }],
    notes: [],
    ...(help !== undefined && { help }),
  };
}

function word(error: IRecognitionException): { code: string; message: string; help?: string } {
  const { token } = error;
  const previous = previousOf(error);
  const wanting = previous?.tokenType === t.Comma || previous?.tokenType === t.OpenRound;
  const expected = wanting && error.message === "`)`" ? "a value" : error.message;
  const rule = error.context.ruleStack.at(-1) ?? "";
  const outer = error.context.ruleStack.at(-2) ?? "";
  const type = token.tokenType;
  const found = type === EOF ? "the end of the file" : `\`${token.image}\``;
  const example = examples[rule] ?? (rule === "block" ? examples[outer] : undefined);

  if (type === t.Equals && expected !== "a name" && !(rule in examples)) {
    return {
      code: "assignment-in-expression",
      message: "`=` cannot stand inside an expression",
      help: "to compare write `==`; to bind a name start a statement with it: `name = …`",
    };
  }
  if (type === t.LambdaArrow) {
    return {
      code: "unexpected-token",
      message: "`=>` follows the names of a lambda's parameters",
      help: "write `z => …` or `(a, b) => …`",
    };
  }
  if (type === t.Prime) {
    return {
      code: "unexpected-token",
      message: `expected ${expected}${after(previous?.image)}, found \`'\``,
      help: "`'` transposes the value before it; only the path of an import is quoted, in double quotes",
    };
  }
  if (type === t.StringToken && rule !== "importDeclaration") {
    return {
      code: "unexpected-string",
      message: `${found}: only the path of an import is quoted`,
      help: "a function or a size is given by its name, without quotes",
    };
  }
  if (expected === "a name") {
    return t.hardWords.includes(type)
      ? {
          code: "missing-name",
          message: `${found} is a reserved word and cannot be a name`,
          help: "choose another name",
        }
      : {
          code: "missing-name",
          message: `expected a name${after(previous?.image)}, found ${found}`,
          help:
            example ??
            (previous?.tokenType === t.Dot
              ? "a dot leads to a parameter, as in `h.bias` or `h.0.weight`"
              : "a name is made of letters, digits and `_`"),
        };
  }
  if ((expected === "`)`" || expected === "`]`") && startsOperand(type) && endsOperand(previous)) {
    return {
      code: "missing-comma",
      message: `a comma or an operator is missing between \`${previous?.image}\` and ${found}`,
      help: "separate values with `,`",
    };
  }
  if (expected === "`{`" && rule === "block") {
    return {
      code: "missing-block",
      message: `expected a block \`{ … }\`${after(previous?.image)}, found ${found}`,
      help:
        type === t.Colon
          ? "blocks are written in braces, not after a colon"
          : (example ?? "put the statements in braces: `{ … }`"),
    };
  }
  if (
    expected === "`}`" ||
    expected === "EOF" ||
    expected === "a statement" ||
    expected === "a declaration"
  ) {
    return {
      code: "unexpected-token",
      message: `${found} cannot stand here`,
      help:
        type === t.Else
          ? "`else` follows the `}` of an `if`"
          : "a statement starts with a keyword or with `name =`",
    };
  }
  return {
    code: "unexpected-token",
    message: `expected ${expected}${after(previous?.image)}, found ${found}`,
    help:
      example ??
      (expected === "a value"
        ? helpForNoValue(type, previous?.tokenType)
        : `put ${expected} before it, or remove it`),
  };
}

/** What to write where a value is wanted, and a token of the type stands after `previous`. */
function helpForNoValue(type: TokenType, previous: TokenType | undefined): string {
  if (type === t.If) return "to choose between two values write `where(condition, a, b)`";
  return type === t.OpenCurly && previous === t.LambdaArrow
    ? "a lambda is one formula: write the block as a `fn` or a `layer`, and give its name or call it in the lambda"
    : "a value is a number, a name, a call, a list `[…]`, or a formula in parentheses";
}

/** The last token that fitted; the errors that carry it do not say so in their common type. */
function previousOf(error: IRecognitionException & { readonly previousToken?: IToken }): IToken | undefined {
  return error.previousToken;
}

/** Before the first token of a file nothing was read. */
function after(image: string | undefined): string {
  return image ? ` after \`${image}\`` : "";
}

function startsOperand(type: TokenType): boolean {
  return t.isName(type) || type === t.NumberToken || type === t.True || type === t.False || type === t.Not;
}
