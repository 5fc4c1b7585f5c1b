/**
 * Settings given from outside, `--set sizes=[512,256]`: expressions of the language, read in the
 * model's file.
 */
import type { Expression, ModelDeclaration } from "../../grammar/ast.ts";
import { parseExpression } from "../../grammar/parse.ts";
import { closest } from "../../grammar/suggest.ts";
import { diagnose, type Reporter } from "./problem.ts";

/** The name that spans in a setting carry. */
const settingFile = (name: string): string => `--set ${name}`;

/**
 * The settings as expressions; those that are unknown or cannot be read are reported and left out.
 */
export function readSettings(
  model: ModelDeclaration,
  written: Readonly<Record<string, string>>,
  reporter: Reporter,
): { readonly expressions: Map<string, Expression>; readonly texts: ReadonlyMap<string, string> } {
  const names = model.parameters.map((p) => p.name.text);
  const expressions = new Map<string, Expression>();
  const texts = new Map<string, string>();
  for (const [name, text] of Object.entries(written)) {
    const file = settingFile(name);
    texts.set(file, text);
    if (!names.includes(name)) {
      const near = closest(name, names);
      const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
      reporter.report(
        diagnose(
          "error",
          "setting-unknown",
          { file, start: 0, end: text.length },
          `${model.name.text} has no setting \`${name}\``,
          {
            help: near === undefined ? known : `did you mean \`${near}\`?`,
          },
        ),
      );
      continue;
    }
    const { expression, diagnostics } = parseExpression(text, file);
    diagnostics.forEach((d) => reporter.report(d));
    if (expression !== undefined) expressions.set(name, expression);
  }
  return { expressions, texts };
}
