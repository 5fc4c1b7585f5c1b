/**
 * Values become nodes, which know their place in the source; what does not fit is said of its
 * operands.
 */
import type { Expression } from "../../grammar/ast.ts";
import type { Label, Span } from "../../grammar/diagnostic.ts";
import { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import type { LayerSide, Origin } from "../ir/origin.ts";
import { isOne, sameSize, showShape, showSize, type Shape, type Size } from "../ir/size.ts";
import { isLimit, placed, problem, textOf } from "./complain.ts";
import { explainShapes, type OperandText } from "./explain.ts";
import { entryToStd, type Frame } from "./frame.ts";
import { onEntries } from "./indices/entries.ts";
import type { Machine } from "./machine.ts";
import { tickItems } from "./steps.ts";
import { sizeNotes } from "./makers.ts";
import type { Problem } from "./problem.ts";
import { checkedShape, oneBatch, toFloat, toInteger, toSize } from "./tensors.ts";
import { show, type Value } from "./values.ts";

/** The user's words that a node comes from: inside the standard library, the call into it. */
export const originSpan = (frame: Frame, span: Span): Span => entryToStd(frame)?.site?.callee ?? span;

/** The call that nodes made here belong to: the nearest of a layer, or the model itself. */
function layerAt(frame: Frame): LayerSide | null {
  let at: Frame | null = frame;
  while (at !== null && at.owner === null && at.kind !== "optimizer") at = at.caller;
  if (at === null || at.owner === null) return null;
  const { owner, binding } = at;
  const around = binding === null ? undefined : owner.calls.get(binding.name)?.slice(binding.earlier).at(-1);
  return around === undefined ? owner.side : { ...owner.side, around: around.number };
}

export function buildAt(machine: Machine, frame: Frame, span: Span, name?: string): Build {
  const at = originSpan(frame, span);
  const layer = layerAt(frame);
  const origin: Origin = layer === null ? { span: at } : { span: at, layer };
  return new Build(machine.graph, name === undefined ? origin : { ...origin, name });
}

interface Operation {
  readonly operator: string;
  readonly place: Span;
  readonly operands: readonly Expression[];
  readonly values: readonly Value[];
  /** What the result is called in print. */
  readonly name: string | undefined;
}

/** Operators of whole tensors, which an entry is none of. */
const ofAxes: ReadonlySet<string> = new Set(["@", "'", "[…]"]);

/** What an operator gives, by `apply`. @throws Problem that speaks of the operands */
export function operate(
  machine: Machine,
  frame: Frame,
  { operator, place, operands, values, name }: Operation,
  apply: (build: Build, ...values: readonly Value[]) => Value,
): Value {
  tickItems(machine, frame, place, values);
  try {
    const build = buildAt(machine, frame, place, name);
    const space = ofAxes.has(operator) ? null : (frame.indices?.space ?? null);
    return checked(
      machine,
      onEntries(build, space, operator, values, (of) => apply(build, ...of)),
    );
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    const labels = operands.map((operand, i): Label => ({
      span: operand.span,
      text: operandText(machine, operand, values[i]!, operator),
    }));
    const texts = operands.map((o) => ({
      text: textOf(machine, o.span),
      isTranspose: o.kind === "transpose",
    }));
    throw misfit(machine, frame, error, { what: operator, values, labels, texts });
  }
}

/** What an OpError is about: an operator or a callee, and what it was given. */
interface Misfit {
  readonly what: string;
  readonly values: readonly Value[];
  readonly labels: readonly Label[];
  readonly texts?: readonly OperandText[];
}

/** An OpError as a mistake at the first label, with where the sizes come from. */
export function misfit(machine: Machine, frame: Frame, error: OpError, about: Misfit): Problem {
  const { what, values, texts = [] } = about;
  const [first, ...also] = error.code === "subscripts-missing" ? wholeFirst(about) : about.labels;
  const { message, help } = explainShapes(error, what, values, machine.freeName, texts);
  return problem(machine, frame, {
    code: error.code,
    span: first!.span,
    message,
    ...(first!.text === undefined ? {} : { label: first!.text }),
    also,
    notes: sizeNotes(machine, values),
    help,
    fatal: isLimit(error),
  });
}

/** The tensor without subscripts, which the mistake is about. */
function wholeFirst({ labels, values }: Misfit): readonly Label[] {
  const at = values.findIndex((v) => v.kind === "list" || (v.kind === "tensor" && v.node.shape.length > 0));
  const label = labels[at + labels.length - values.length];
  return at < 0 || label === undefined ? labels : [label];
}

export function checked({ freeName }: Machine, value: Value): Value {
  if (value.kind === "tensor") checkedShape(value.node.shape, freeName);
  if (value.kind === "entry") oneBatch(value.node.shape, freeName);
  return value;
}

export function floatOf(machine: Machine, frame: Frame, value: Value, { span }: Expression): Node {
  tickItems(machine, frame, span, [value]);
  return placed(machine, frame, span, () => toFloat(buildAt(machine, frame, span), value));
}

interface Wanted {
  readonly shape: Shape;
  readonly span: Span;
  /** In words: the value, and what has that shape. */
  readonly what: string;
  readonly whose: string;
}

/** `value` as a tensor of exactly that shape, to which it may broadcast. */
export function shaped(machine: Machine, frame: Frame, value: Value, wanted: Wanted): Node {
  const { shape, span, what, whose } = wanted;
  const { freeName } = machine;
  tickItems(machine, frame, span, [value]);
  return placed(machine, frame, span, () => {
    const build = buildAt(machine, frame, span);
    const node = toFloat(build, value);
    const missing = shape.length - node.shape.length;
    const fits = missing >= 0 && node.shape.every((s, i) => isOne(s) || sameSize(s, shape[i + missing]!));
    if (!fits) {
      throw new OpError(
        "shape-mismatch",
        `${what} has shape ${showShape(node.shape, freeName)}, but ${whose} is ${showShape(shape, freeName)}`,
        [],
        "give it that shape, or one that broadcasts to it",
      );
    }
    return build.broadcast(node, shape);
  });
}

function operandText({ freeName }: Machine, operand: Expression, value: Value, operator: string): string {
  if (
    operator !== "@" ||
    operand.kind !== "transpose" ||
    value.kind !== "tensor" ||
    value.node.shape.length < 2
  )
    return show(value, freeName);
  const { shape } = value.node;
  const before = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
  return `${showShape(before, freeName)}', so ${showSize(shape.at(-2)!, freeName)} comes first`;
}

export function integerOf(machine: Machine, frame: Frame, expression: Expression, what: string): number {
  const value = machine.evaluate(machine, frame, expression);
  return placed(machine, frame, expression.span, () => toInteger(value, what));
}

/** The size that an expression stands for. */
export function sizeOf(machine: Machine, frame: Frame, dimension: Expression): Size {
  const value = machine.evaluate(machine, frame, dimension);
  return placed(machine, frame, dimension.span, () => toSize(value, machine.freeName));
}
