/** Which argument of a call is which parameter of the definition. */
import type { Span } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import { argumentHelp, argumentHere } from "./foreign-names.ts";
import type { Value } from "./values.ts";

export interface GivenArgument {
  readonly name: string | null;
  readonly value: Value;
  readonly span: Span;
  /** Its name, where it has one; else the value. */
  readonly place: Span;
}

export interface Formal {
  readonly name: string;
  readonly optional: boolean;
}

export interface Mismatch {
  readonly code: string;
  /** The argument at fault; null where one is missing. */
  readonly span: Span | null;
  readonly message: string;
  readonly help: string;
}

/**
 * The arguments in the order of `formals`, `undefined` where left out; or what is wrong with them.
 */
export function matchArguments(
  callee: string,
  formals: readonly Formal[],
  given: readonly GivenArgument[],
): readonly (GivenArgument | undefined)[] | Mismatch {
  const names = formals.map((f) => f.name);
  const definition = (): string =>
    `its definition is ${callee}(${formals.map((f) => (f.optional ? `${f.name} = …` : f.name)).join(", ")})`;
  const matched: (GivenArgument | undefined)[] = formals.map(() => undefined);
  let position = 0;
  let named: string | null = null;
  for (const argument of given) {
    if (argument.name === null) {
      if (named !== null) {
        return mismatch(
          "argument-order",
          argument.place,
          `a positional argument follows \`${named} = …\``,
          "put the named arguments last",
        );
      }
      if (position >= formals.length) {
        const most =
          formals.length === 0
            ? "no arguments"
            : formals.length === 1
              ? "one argument"
              : `${formals.length} arguments`;
        return mismatch("argument-unexpected", argument.place, `\`${callee}\` takes ${most}`, definition());
      }
      matched[position++] = argument;
      continue;
    }
    named = argument.name;
    const at = names.indexOf(argument.name);
    if (at < 0) {
      const near = argumentHere(argument.name, names) ?? closest(argument.name, names);
      return mismatch(
        "argument-unknown",
        argument.place,
        `\`${callee}\` has no argument \`${argument.name}\``,
        argumentHelp(argument.name, names) ??
          (near === undefined ? definition() : `did you mean \`${near}\`?`),
      );
    }
    if (matched[at] !== undefined) {
      return mismatch(
        "argument-duplicate",
        argument.place,
        `\`${argument.name}\` of \`${callee}\` is given twice`,
        "give it once",
      );
    }
    matched[at] = argument;
  }
  const missing = formals.find((f, i) => !f.optional && matched[i] === undefined);
  if (missing !== undefined) {
    return mismatch("argument-missing", null, `\`${callee}\` needs \`${missing.name}\``, definition());
  }
  return matched;
}

const mismatch = (code: string, span: Span | null, message: string, help: string): Mismatch => ({
  code,
  span,
  message,
  help,
});
