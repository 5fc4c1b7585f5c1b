/** What may have been meant by an expression that stands alone as a statement. */
import type * as ast from "./ast.ts";
import { closest } from "./suggest.ts";
import { hardWords, RECOMPUTE, statementWords } from "./tokens.ts";

const KEYWORDS = [...statementWords, ...hardWords].map((type) => type.name.toLowerCase());

export function helpForBareExpression(value: ast.Expression, text: string): string {
  if (value.kind === "unary" && value.operator === RECOMPUTE) {
    const help = helpForAttribute(value, text);
    if (help !== undefined) return help;
  }
  if (value.kind === "name" || value.kind === "call") {
    const help = helpFromAround(value, text);
    if (help !== undefined) return help;
  }
  if (value.kind === "binary" && value.operator === "==" && value.left.kind === "name") {
    return "to bind a name write `=`; `==` compares";
  }
  if (value.kind === "list" && /^[ \t]*=/.test(text.slice(value.span.end, value.span.end + 40)))
    return "a statement binds one name: `pair = …`, then `a = pair[0]`";
  if (value.kind === "list") return "if this is a shape, a colon is missing before it: `param w: [2, 3]`";
  if (value.kind === "name" && value.text === "while")
    return "there is no `while`; write `for n in sizes { … }`";
  const near = value.kind === "name" ? closest(value.text, KEYWORDS) : undefined;
  return near === undefined
    ? "give it a name, `h = …`, or put `return`, `output`, `metric` or `loss` before it"
    : `did you mean \`${near}\`?`;
}

/** Where the attribute stands before a whole statement: `@recompute a = …`. */
function helpForAttribute({ span, operand }: ast.Unary, text: string): string | undefined {
  const isBinding = operand.kind === "name" && /^[ \t]*=/.test(text.slice(span.end, span.end + 40));
  if (isBinding) return `put the attribute before the formula: \`${operand.text} = @recompute …\``;
  const word = /^@recompute\s+([a-z]{1,10})\b/.exec(text.slice(span.start, span.start + 40))?.[1] ?? "";
  if (["loss", "output", "metric"].includes(word))
    return `put the attribute before the formula: \`${word} @recompute …\``;
  if (["param", "input", "target", "optimizer", "state"].includes(word))
    return `only the value of a formula, a layer or a fn can be recomputed: remove the \`@recompute\` before \`${word}\``;
  return undefined;
}

/** What is written around it may say more: `3 x`, `a, b = …`. */
function helpFromAround(
  { kind, span: { start, end } }: ast.Name | ast.Call,
  text: string,
): string | undefined {
  // A line is as long as a file at most, and no number is: so much is read of it.
  const number = /(?:^|[^\w.])(\d[\w.]*)[ \t]+$/.exec(text.slice(Math.max(0, start - 40), start))?.[1];
  const written = text.slice(start, Math.min(end, start + 40));
  if (number !== undefined) return `write the multiplication sign: \`${number} * ${written}\``;
  const second = /^[ \t]*,[ \t]*(\w{1,40})[ \t]*[,=]/.exec(text.slice(end, end + 90))?.[1];
  if (kind !== "name" || second === undefined) return undefined;
  return `a statement binds one name: \`${written} = …\`, then \`${second} = …\``;
}
