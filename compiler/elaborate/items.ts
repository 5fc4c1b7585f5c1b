/** The items of lists and ranges, and `x[…]`. */
import type { Expression, Index } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { isReducer } from "../../grammar/operators.ts";
import { placed, problem } from "./complain.ts";
import type { Frame } from "./frame.ts";
import { areSubscripts, entryAt } from "./indices/subscripts.ts";
import { select, type Selection } from "./indexing.ts";
import type { Machine } from "./machine.ts";
import { tickItems } from "./steps.ts";
import { integerOf, operate } from "./operate.ts";
import { toInteger, toNode } from "./tensors.ts";
import { kindOf, list, number, tensor, type Value } from "./values.ts";

/** How many items a list or a range has; `null` for what has none. */
export const lengthOf = (value: Value): number | null =>
  value.kind === "list"
    ? value.items.length
    : value.kind === "range"
      ? Math.max(0, value.stop - value.start)
      : null;

export function* itemsOf(value: Value): Iterable<Value> {
  if (value.kind === "list") yield* value.items;
  else if (value.kind === "range") for (let i = value.start; i < value.stop; i++) yield number(i);
}

/** The items that a loop goes through. */
export function turnsOf(machine: Machine, frame: Frame, value: Value, span: Span): Iterable<Value> {
  const limit = machine.limits.turns;
  const length = lengthOf(value);
  if (length === null) {
    const message = `\`for\` iterates over a list or a range, but this is ${kindOf(value)}`;
    const help =
      value.kind === "number"
        ? `a range of this length is \`0..${value.value}\``
        : "loops run when compiling; a sum over an axis is `sum(x, axis = …)`, and `scan` goes along one";
    throw problem(machine, frame, { code: "not-iterable", span, message, help });
  }
  if (length > limit) {
    const help = "loops are unrolled when compiling; let an axis of a tensor do the counting";
    const message = `a loop of ${length} turns; ${limit} is the most`;
    throw problem(machine, frame, { code: "loop-too-long", span, message, help, fatal: true });
  }
  return itemsOf(value);
}

export function valueOfIndex(
  machine: Machine,
  frame: Frame,
  expression: Index,
  name: string | undefined,
): Value {
  const operand = machine.evaluate(machine, frame, expression.operand);
  if (operand.kind === "primitive" || operand.kind === "function") refuseEndless(machine, frame, expression);
  const values = expression.items.map((item) =>
    item.kind === "at" ? machine.evaluate(machine, frame, item.value) : null,
  );
  const { indices } = frame;
  if (indices !== null && areSubscripts(indices, expression, values))
    return entryAt(machine, frame, indices, expression, operand, values, name);
  const items = expression.items.map((item, i): Selection => {
    const integer = (e: Expression): number => integerOf(machine, frame, e, "an index");
    switch (item.kind) {
      case "at":
        return {
          kind: "at",
          index: placed(machine, frame, item.value.span, () =>
            toInteger(values[i]!, "an index", helpToPick(values[i]!)),
          ),
        };
      case "ellipsis":
        return { kind: "ellipsis" };
      case "slice":
        return {
          kind: "slice",
          start: item.start === undefined ? null : integer(item.start),
          stop: item.stop === undefined ? null : integer(item.stop),
          step: item.step === undefined ? 1 : integer(item.step),
        };
      default:
        return item satisfies never;
    }
  });
  const [first] = items;
  if (items.length === 1 && first!.kind !== "ellipsis") {
    if (operand.kind === "list" || operand.kind === "range")
      return itemOf(machine, frame, operand, first!, expression);
  } else if (operand.kind === "list" && items.every((item) => item.kind === "at"))
    return itemWithin(machine, frame, operand, items, expression);
  return selected(machine, frame, operand, items, { ...expression, name });
}

/** What is meant where PyTorch has a tensor for an index. */
function helpToPick(value: Value): string | undefined {
  if (value.kind !== "tensor") return undefined;
  switch (value.node.type) {
    case "int":
      return "entries that a tensor names are picked with indices, as in `y[n, c] = x[n, ids[n], c]`, or with `take(table, ids)`";
    case "bool":
      return "how many entries are true is not known when compiling: set the others to 0, as in `where(mask, x, 0)`";
    default:
      return "declare it as `int`, and pick entries with indices, as in `y[n, c] = x[n, ids[n], c]`";
  }
}

/** `sum[i]` with nothing after it, where `sum` is a definition and no tensor. */
function refuseEndless(machine: Machine, frame: Frame, { operand, span }: Index): void {
  if (operand.kind !== "name" || !isReducer(operand.text)) return;
  const name = operand.text;
  throw problem(machine, frame, {
    code: "nothing-reduced",
    span,
    message: `\`${name}[…]\` reduces what follows it, and nothing does`,
    help: `write \`${name}[i] x[i]\`; \`${name}(x, axis = 0)\` reduces along an axis`,
  });
}

function selected(
  machine: Machine,
  frame: Frame,
  value: Value,
  items: readonly Selection[],
  { operand, span, name }: Pick<Index, "operand" | "span"> & { readonly name?: string | undefined },
): Value {
  const operation = { operator: "[…]", place: span, operands: [operand], values: [value], name };
  return operate(machine, frame, operation, (b) =>
    tensor(select(b, toNode(b, value), items, machine.freeName)),
  );
}

/**
 * `table[1, 0]` is `table[1][0]`; where an item on the way is a tensor, the rest are its indices.
 */
function itemWithin(
  machine: Machine,
  frame: Frame,
  table: Value,
  items: readonly (Selection & { readonly kind: "at" })[],
  expression: Index,
): Value {
  let value = table;
  for (const [i, item] of items.entries()) {
    if (value.kind === "tensor") return selected(machine, frame, value, items.slice(i), expression);
    if (value.kind !== "list") {
      const message = `${items.length} indices for a list ${i} deep`;
      const help = `leave out the last, since item ${items[i - 1]?.index} is ${kindOf(value)}`;
      throw problem(machine, frame, { code: "bad-index", span: expression.span, message, help });
    }
    value = itemOf(machine, frame, value, item, expression);
  }
  return value;
}

function itemOf(
  machine: Machine,
  frame: Frame,
  value: Value & { kind: "list" | "range" },
  item: Exclude<Selection, { readonly kind: "ellipsis" }>,
  { span }: Index,
): Value {
  const length = value.kind === "list" ? value.items.length : value.stop - value.start;
  if (item.kind === "slice") {
    const all = value.kind === "list" ? value.items : [...turnsOf(machine, frame, value, span)];
    tickItems(machine, frame, span, [value]);
    const bound = (at: number | null, otherwise: number): number =>
      at === null ? otherwise : at < 0 ? at + length : at;
    if (item.step !== 1) {
      const help = "take the items one by one";
      throw problem(machine, frame, {
        code: "bad-index",
        span,
        message: "a slice of a list has no step",
        help,
      });
    }
    return list(all.slice(Math.max(0, bound(item.start, 0)), Math.max(0, bound(item.stop, length))));
  }
  const at = item.index < 0 ? item.index + length : item.index;
  if (at < 0 || at >= length) {
    const message = `there is no item ${item.index} in a list of ${length}`;
    const help = length === 0 ? "the list is empty" : `items are 0 to ${length - 1}`;
    throw problem(machine, frame, { code: "bad-index", span, message, help });
  }
  return value.kind === "list" ? value.items[at]! : number(value.start + at);
}
