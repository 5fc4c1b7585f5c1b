/** Questions about the tree alone. */
import type { Block, Expression, ModelDeclaration, Statement } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { isCapital } from "./signature.ts";

/** Every statement of a block, those in the blocks inside it included. */
export function* statementsIn(block: Block): Generator<Statement> {
  for (const statement of block.statements) yield* statementsOf(statement);
}

export function* statementsOf(statement: Statement): Generator<Statement> {
  yield statement;
  if (statement.kind === "if") {
    yield* statementsIn(statement.then);
    if (statement.otherwise !== undefined) yield* statementsIn(statement.otherwise);
  } else if (statement.kind === "for") yield* statementsIn(statement.body);
}

/** The name that a statement gives to a value, if it does. */
export function boundName(statement: Statement): string | null {
  switch (statement.kind) {
    case "bind":
    case "param":
    case "input":
    case "state":
      return statement.name.text;
    case "output":
    case "metric":
      return statement.name?.text ?? null;
    case "for":
      return statement.variable.text;
    case "return":
    case "if":
    case "loss":
    case "optimizer":
      return null;
    default:
      return statement satisfies never;
  }
}

/** The expressions directly under one, for walks over a tree. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "number":
    case "boolean":
    case "name":
      return [];
    case "list":
      return expression.items.map((item) => (item.kind === "spread" ? item.value : item));
    case "unary":
    case "transpose":
    case "member":
      return [expression.operand];
    case "binary":
    case "pipe":
      return [expression.left, expression.right];
    case "call":
      return [expression.callee, ...expression.arguments.map((a) => a.value)];
    case "index":
      return [
        expression.operand,
        ...expression.items.flatMap((item) => {
          if (item.kind === "at") return [item.value];
          if (item.kind === "ellipsis") return [];
          return [item.start, item.stop, item.step].filter((e) => e !== undefined);
        }),
      ];
    case "lambda":
      return [expression.body];
    case "reduction":
      return [...expression.indices.flatMap((index) => index.range ?? []), expression.operand];
    case "range":
      return [expression.start, expression.stop];
    default:
      return expression satisfies never;
  }
}

/** `h.0.weight` as ["h", "0", "weight"]; `null` where the members are not those of a name. */
export function pathSegments(expression: Expression): readonly string[] | null {
  const segments: string[] = [];
  let at = expression;
  while (at.kind === "member") {
    segments.unshift(...at.member.text.split("."));
    at = at.operand;
  }
  return at.kind === "name" ? [at.text, ...segments] : null;
}

/**
 * Capital names in the shapes of a model's inputs that nothing else defines: the free dimension,
 * where there is one.
 */
export function freeNames(model: ModelDeclaration, isKnown: (name: string) => boolean): Map<string, Span> {
  const defined = new Set(model.parameters.map((p) => p.name.text));
  for (const statement of statementsIn(model.body)) {
    const name = boundName(statement);
    if (name !== null) defined.add(name);
  }
  const found = new Map<string, Span>();
  for (const statement of statementsIn(model.body)) {
    if (statement.kind !== "input") continue;
    const walk: Expression[] = statement.type.dimensions.filter((d) => d.kind !== "ellipsis").reverse();
    for (let e = walk.pop(); e !== undefined; e = walk.pop()) {
      if (
        e.kind === "name" &&
        isCapital(e.text) &&
        !defined.has(e.text) &&
        !isKnown(e.text) &&
        !found.has(e.text)
      ) {
        found.set(e.text, e.span);
      }
      walk.push(...childrenOf(e));
    }
  }
  return found;
}
