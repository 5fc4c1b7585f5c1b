/**
 * Random trees of the language, without places and comments: what `print` and `parse` must carry
 * through unchanged.
 */
import fc from "fast-check";
import type * as ast from "../../grammar/ast.ts";

const span = { file: "random.nn", start: 0, end: 0 };

const word = fc.constantFrom(
  "x", "y", "h", "W1", "_a", "N", "inputs", "format", "iff", "nota", "orb", "e", "inf", "training",
  "param", "input", "target", "output", "metric", "loss", "optimizer", "state", "from", "as", "sum",
); // prettier-ignore
const identifier = word.map((text): ast.Identifier => ({ text, span }));
const number = fc
  .constantFrom("0", "1", "3", "1.5", "1e-3", "2.5E+7", "1_000", "0.1", "12e4")
  .map((text): ast.NumberLiteral => ({
    kind: "number",
    text,
    value: Number(text.replaceAll("_", "")),
    span,
  }));
const member = fc.oneof(
  identifier,
  fc.constantFrom("0", "1", "23").map((text): ast.Identifier => ({ text, span })),
);
const binary = fc.constantFrom<ast.BinaryOperator>(
  "+", "-", "*", "/", "^", "@", "<", "<=", ">", ">=", "==", "!=", "and", "or",
); // prettier-ignore

const list = <T>(one: fc.Arbitrary<T>, minLength = 0): fc.Arbitrary<T[]> =>
  fc.array(one, { minLength, maxLength: 4 });

const SOFT = /^(?:param|input|target|output|metric|loss|optimizer|state)$/;
const reducer = fc.constantFrom<ast.Reducer>("sum", "prod", "max", "min", "mean", "logsumexp", "argmax");
const indexOf = (e: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.IndexBinder> =>
  fc
    .tuple(identifier, fc.option(e, { nil: undefined }))
    .map(([name, range]): ast.IndexBinder => ({ kind: "index", name, ...(range && { range }), span }));
/** Each name once. */
const indicesOf = (e: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.IndexBinder[]> =>
  fc.uniqueArray(indexOf(e), { minLength: 1, maxLength: 4, selector: ({ name }) => name.text });

export const { expression, argument } = fc.letrec<{
  expression: ast.Expression;
  argument: ast.Argument;
  item: ast.IndexItem;
  spread: ast.Spread;
}>((tie) => {
  const e = tie("expression");
  return {
    expression: fc.oneof(
      { maxDepth: 5, depthSize: "small" },
      number,
      word.map((text): ast.Name => ({ kind: "name", text, span })),
      fc.boolean().map((value): ast.BooleanLiteral => ({ kind: "boolean", value, span })),
      list(fc.oneof({ weight: 4, arbitrary: e }, tie("spread"))).map((items): ast.ListLiteral => ({
        kind: "list",
        items,
        span,
      })),
      fc
        .tuple(fc.constantFrom<ast.UnaryOperator>("-", "not", "@recompute"), e)
        .map(([operator, operand]): ast.Unary => ({ kind: "unary", operator, operand, span })),
      fc.tuple(binary, e, e).map(([operator, left, right]): ast.Binary => ({
        kind: "binary",
        operator,
        operatorSpan: span,
        left,
        right,
        span,
      })),
      e.map((operand): ast.Transpose => ({ kind: "transpose", operand, span })),
      fc
        .tuple(e, list(tie("argument")))
        .map(([callee, args]): ast.Call => ({ kind: "call", callee, arguments: args, span })),
      fc
        .tuple(e, list(tie("item"), 1))
        .map(([operand, items]): ast.Index => ({ kind: "index", operand, items, span })),
      fc.tuple(e, member).map(([operand, m]): ast.Member => ({ kind: "member", operand, member: m, span })),
      fc.tuple(e, e).map(([left, right]): ast.Pipe => ({ kind: "pipe", left, right, span })),
      fc
        .tuple(list(identifier), e)
        .map(([parameters, body]): ast.Lambda => ({ kind: "lambda", parameters, body, span })),
      fc
        .tuple(
          reducer,
          indicesOf(e),
          // After the indices a word like `loss` before a name is taken to begin the next statement.
          e.filter(({ kind, ...rest }) => kind !== "name" || !("text" in rest) || !SOFT.test(rest.text)),
        )
        .map(([of, indices, operand]): ast.Reduction => ({
          kind: "reduction",
          reducer: of,
          indices,
          operand,
          head: span,
          span,
        })),
      fc.tuple(e, e).map(([start, stop]): ast.RangeExpression => ({ kind: "range", start, stop, span })),
    ),
    argument: fc
      .tuple(fc.option(identifier, { nil: undefined }), e)
      .map(([name, value]): ast.Argument => ({ ...(name && { name }), value, span })),
    spread: e.map((value): ast.Spread => ({ kind: "spread", value, span })),
    item: fc.oneof(
      e.map((value): ast.IndexItem => ({ kind: "at", value, span })),
      fc.constant<ast.IndexItem>({ kind: "ellipsis", span }),
      fc
        .record({ start: e, stop: e, step: e }, { requiredKeys: [] })
        .map((parts): ast.IndexItem => ({ kind: "slice", ...parts, span })),
    ),
  };
});

const type = fc
  .tuple(
    fc.constantFrom<ast.TensorType["element"]>("float", "int", "bool"),
    list(fc.oneof(fc.constant<ast.Dimension>({ kind: "ellipsis", span }), expression)),
  )
  .map(([element, dimensions]): ast.TensorType => ({ element, dimensions, span }));

const optional = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });

const dots = fc.constantFrom<readonly ast.AxisBinder[]>([], [{ kind: "ellipsis", span }]);
/** `[i, j]` after a name, or nothing. */
const axes = optional(
  fc
    .tuple(dots, indicesOf(expression), dots)
    .map(([before, indices, after]): readonly ast.AxisBinder[] => [
      ...before,
      ...indices,
      ...(before.length === 0 ? after : []),
    ]),
);

/** `h.0.weight` */
const path = fc
  .tuple(identifier, fc.array(member, { maxLength: 2 }))
  .map(([first, rest]): ast.Identifier => ({
    text: [first, ...rest].map(({ text }) => text).join("."),
    span,
  }));

const plain: fc.Arbitrary<ast.Statement> = fc.oneof(
  fc.tuple(identifier, axes, expression).map(([name, indices, value]): ast.Bind => ({
    kind: "bind",
    name,
    ...(indices && { indices }),
    value,
    span,
  })),
  fc.tuple(identifier, optional(type), expression).map(([name, of, value]): ast.StateDeclaration => ({
    kind: "state",
    name,
    ...(of && { type: of }),
    value,
    span,
  })),
  fc
    .tuple(fc.constantFrom("return" as const, "loss" as const), expression)
    .map(([kind, value]): ast.Statement => ({ kind, value, span })),
  fc
    .tuple(expression, optional(fc.array(path, { minLength: 1, maxLength: 3 })))
    .map(([value, paths]): ast.Statement => ({ kind: "optimizer", value, ...(paths && { paths }), span })),
  fc
    .tuple(
      fc.constantFrom("output" as const, "metric" as const),
      optional(fc.tuple(identifier, axes)),
      expression,
    )
    .map(([kind, bound, value]): ast.Statement => ({
      kind,
      ...(bound && { name: bound[0], ...(bound[1] && { indices: bound[1] }) }),
      value,
      span,
    })),
  fc
    .tuple(fc.constantFrom("input" as const, "target" as const), identifier, type)
    .map(([role, name, of]): ast.InputDeclaration => ({ kind: "input", role, name, type: of, span })),
  fc
    .tuple(fc.boolean(), identifier, optional(type), optional(fc.tuple(fc.boolean(), expression)))
    .map(([frozen, name, of, start]): ast.ParameterDeclaration => ({
      kind: "param",
      frozen,
      name,
      ...(of && { type: of }),
      ...(start && { start: { kind: start[0] ? "value" : "initializer", value: start[1] } }),
      span,
    })),
);

const { block } = fc.letrec<{ block: ast.Block; statement: ast.Statement }>((tie) => ({
  block: list(tie("statement")).map((statements): ast.Block => ({ statements, span })),
  statement: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    plain,
    fc
      .tuple(expression, tie("block"), optional(tie("block")))
      .map(([condition, then, otherwise]): ast.If => ({
        kind: "if",
        condition,
        // oxlint-disable-next-line unicorn/no-thenable -- the branch of an `if`; nobody awaits a tree
        then,
        ...(otherwise && { otherwise }),
        span,
      })),
    fc
      .tuple(identifier, expression, tie("block"))
      .map(([variable, iterable, body]): ast.For => ({ kind: "for", variable, iterable, body, span })),
  ),
}));

const parameters = list(
  fc.tuple(identifier, optional(type), optional(expression)).map(([name, of, value]): ast.Parameter => ({
    name,
    ...(of && { type: of }),
    ...(value && { default: value }),
    span,
  })),
);

export const declaration: fc.Arbitrary<ast.Declaration> = fc.oneof(
  list(fc.tuple(identifier, optional(identifier))).map((names): ast.Import => ({
    kind: "import",
    names: names.map(([name, as]) => ({ name, ...(as && { as }) })),
    path: { text: "./a.nn", span },
    span,
  })),
  fc.tuple(identifier, expression).map(([name, value]): ast.Const => ({ kind: "const", name, value, span })),
  fc
    .tuple(
      fc.constantFrom("fn" as const, "layer" as const),
      fc.boolean(),
      identifier,
      parameters,
      fc.oneof(expression, block),
    )
    .map(([kind, recompute, name, ps, body]): ast.FunctionDeclaration => ({
      kind,
      recompute,
      name,
      parameters: ps,
      body: "kind" in body ? { kind: "expression", value: body } : { kind: "block", block: body },
      span,
    })),
  fc
    .tuple(fc.constantFrom("model" as const, "optimizer" as const), identifier, parameters, block)
    .map(([kind, name, ps, body]): ast.Declaration => ({ kind, name, parameters: ps, body, span })),
);
