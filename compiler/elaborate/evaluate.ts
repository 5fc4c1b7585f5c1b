/**
 * The value of an expression: whatever is known is computed, and tensors become nodes of the graph.
 */
import type { Argument, Bind, Binary, Call, Expression, ListLiteral, Pipe } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import type { GivenArgument } from "./arguments.ts";
import { call, recomputed } from "./call.ts";
import { problem } from "./complain.ts";
import { deeper, type Frame } from "./frame.ts";
import { valueByEntries, valueOfReduction } from "./indices/formula.ts";
import { itemsOf, lengthOf, valueOfIndex } from "./items.ts";
import { declared, lookUp } from "./look-up.ts";
import type { Machine } from "./machine.ts";
import { ITEMS_PER_STEP, tick } from "./steps.ts";
import { refuseMaking, valueOfMember } from "./members.ts";
import { integerOf, operate } from "./operate.ts";
import { binary, negate, not, transpose } from "./operators.ts";
import { primitives } from "./primitives/table.ts";
import type { Problem } from "./problem.ts";
import { boolean, isCallable, kindOf, list, number, POISON, type Value } from "./values.ts";

/**
 * The value of an expression; `name` is what its last operation is called in print. @throws
 * Problem, or POISONED
 */
export function evaluate(machine: Machine, frame: Frame, expression: Expression, name?: string): Value {
  tick(machine, frame, expression.span);
  if (frame.depth >= machine.limits.expressionDepth) {
    const message = "calls and expressions are nested too deeply";
    const help = "break the formula into named parts";
    throw problem(machine, frame, {
      code: "recursion-too-deep",
      span: expression.span,
      message,
      help,
      fatal: true,
    });
  }
  const value =
    frame.indices?.plan?.known.get(expression) ?? valueOf(machine, deeper(frame), expression, name);
  machine.observer?.(expression, value, frame);
  return value;
}

/** What a line gives to its name: the value of its formula, or the tensor of its entries. */
export const valueOfBound = (
  machine: Machine,
  frame: Frame,
  { indices, value }: Pick<Bind, "indices" | "value">,
  name: string | undefined,
): Value =>
  indices === undefined
    ? evaluate(machine, frame, value, name)
    : valueByEntries(machine, frame, indices, value, name);

function valueOf(machine: Machine, frame: Frame, expression: Expression, name: string | undefined): Value {
  switch (expression.kind) {
    case "number":
      return number(expression.value);
    case "boolean":
      return boolean(expression.value);
    case "list":
      return valueOfList(machine, frame, expression);
    case "name":
      return lookUp(machine, frame, expression);
    case "unary": {
      const { operator, operand, span } = expression;
      if (operator === "@recompute")
        return recomputed(machine, frame, span, () => evaluate(machine, frame, operand, name));
      const value = evaluate(machine, frame, operand);
      const apply = operator === "-" ? negate : not;
      const operation = { operator, place: span, operands: [operand], values: [value], name };
      return operate(machine, frame, operation, (b, operandValue) => apply(b, operandValue!));
    }
    case "binary":
      return valueOfBinary(machine, frame, expression, name);
    case "transpose": {
      const { operand, span } = expression;
      const value = evaluate(machine, frame, operand);
      const operation = { operator: "'", place: span, operands: [operand], values: [value], name };
      return operate(machine, frame, operation, (b) => transpose(b, value));
    }
    case "call":
      return valueOfCall(machine, frame, expression, name);
    case "index":
      return valueOfIndex(machine, frame, expression, name);
    case "member":
      return valueOfMember(machine, frame, expression);
    case "pipe":
      return valueOfPipe(machine, frame, expression, name);
    case "lambda":
      machine.counts.steps += frame.scope.names.size;
      return { kind: "lambda", lambda: expression, scope: frame.scope.snapshot() };
    case "reduction":
      return valueOfReduction(machine, frame, expression, name);
    case "range": {
      const [start, stop] = [expression.start, expression.stop].map((e) =>
        integerOf(machine, frame, e, "the end of a range"),
      );
      return { kind: "range", start: start!, stop: stop! };
    }
    default:
      return expression satisfies never;
  }
}

function valueOfList(machine: Machine, frame: Frame, expression: ListLiteral): Value {
  const { limits } = machine;
  const items: Value[] = [];
  let total = 0;
  for (const item of expression.items) {
    if (item.kind !== "spread") items.push(evaluate(machine, frame, item));
    else {
      const joined = evaluate(machine, frame, item.value);
      const length = lengthOf(joined);
      if (length === null) {
        const message = `\`...\` gives the items of a list or a range, but this is ${kindOf(joined)}`;
        const help = "write it without the dots: it is one item";
        throw problem(machine, frame, { code: "type-mismatch", span: item.span, message, help });
      }
      total += length;
      if (total > limits.items) throw tooLarge(machine, frame, expression.span);
      tick(machine, frame, item.span, Math.ceil(length / ITEMS_PER_STEP));
      for (const one of itemsOf(joined)) items.push(one);
    }
  }
  const value = list(items);
  if (value.depth > limits.listDepth || value.total > limits.items)
    throw tooLarge(machine, frame, expression.span);
  return value;
}

function tooLarge(machine: Machine, frame: Frame, span: Span): Problem {
  const { items, listDepth } = machine.limits;
  const message = `a list may hold ${items.toLocaleString("en")} items, ${listDepth} lists deep`;
  return problem(machine, frame, {
    code: "list-too-large",
    span,
    message,
    help: "make it smaller",
    fatal: true,
  });
}

/** Chains such as a + b + c + … lean to the left; they are walked, not descended. */
function valueOfBinary(machine: Machine, frame: Frame, expression: Binary, name: string | undefined): Value {
  const chain: Binary[] = [];
  let first: Expression = expression;
  for (; first.kind === "binary"; first = first.left) chain.push(first);
  let value = evaluate(machine, frame, first);
  for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
    tick(machine, frame, link.span);
    const { operator } = link;
    const left = value;
    const logical = (operator === "and" || operator === "or") && left.kind === "boolean";
    if (logical && left.value === (operator === "or")) continue;
    const right = evaluate(machine, frame, link.right);
    if (logical && right.kind === "boolean") {
      value = right;
      continue;
    }
    const operation = {
      operator,
      place: link.operatorSpan,
      operands: [link.left, link.right],
      values: [left, right],
      name: link === expression && !logical ? name : undefined,
    };
    value = operate(machine, frame, operation, (b, l, r) => binary(b, operator, l!, r!));
  }
  return value;
}

function valueOfCall(machine: Machine, frame: Frame, expression: Call, name: string | undefined): Value {
  refuseMaking(machine, frame, expression);
  const callee = calleeOf(machine, frame, expression.callee);
  const given = givenTo(machine, frame, expression.arguments);
  return call(machine, frame, callee, { callee: expression.callee.span, arguments: given }, name);
}

/**
 * What is called. A value that cannot be called does not hide a definition: after `mean = mean(x)`,
 * `mean(y)` is still a mean.
 */
export function calleeOf(machine: Machine, frame: Frame, expression: Expression): Value {
  const hidden =
    expression.kind === "name" ? hiddenDefinition(machine, frame, expression.text, expression.span) : null;
  if (hidden === null) return evaluate(machine, frame, expression);
  machine.observer?.(expression, hidden, frame);
  return hidden;
}

function hiddenDefinition(machine: Machine, frame: Frame, name: string, span: Span): Value | null {
  const { scope } = frame;
  const bound = scope.find(name);
  if (bound === undefined || (bound !== POISON && isCallable(bound))) return null;
  const found = scope.file.find(name);
  if (found !== undefined && found.declaration.kind !== "const") return declared(machine, frame, found, span);
  return primitives.has(name) ? { kind: "primitive", name } : null;
}

export const givenTo = (machine: Machine, frame: Frame, given: readonly Argument[]): GivenArgument[] =>
  given.map((argument) => ({
    name: argument.name?.text ?? null,
    value: evaluate(machine, frame, argument.value),
    span: argument.value.span,
    place: argument.name?.span ?? argument.value.span,
  }));

/** `x |> f(a)` is `f(x, a)`; chains lean to the left. */
function valueOfPipe(machine: Machine, frame: Frame, expression: Pipe, name: string | undefined): Value {
  const chain: Pipe[] = [];
  let first: Expression = expression;
  for (; first.kind === "pipe"; first = first.left) chain.push(first);
  let value = evaluate(machine, frame, first);
  for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
    tick(machine, frame, link.span);
    const { span } = link.left;
    const piped: GivenArgument = { name: null, value, span, place: span };
    value = applied(machine, frame, link.right, piped, link === expression ? name : undefined);
  }
  return value;
}

/** Calls what `expression` says with `first` before its own arguments. */
export function applied(
  machine: Machine,
  frame: Frame,
  expression: Expression,
  first: GivenArgument,
  name?: string,
): Value {
  if (expression.kind === "unary" && expression.operator === "@recompute") {
    const { operand, span } = expression;
    return recomputed(machine, frame, span, () => applied(machine, frame, operand, first, name));
  }
  const called = expression.kind === "call" ? expression.callee : expression;
  const callee = calleeOf(machine, frame, called);
  const rest = expression.kind === "call" ? givenTo(machine, frame, expression.arguments) : [];
  return call(machine, frame, callee, { callee: called.span, arguments: [first, ...rest] }, name);
}
