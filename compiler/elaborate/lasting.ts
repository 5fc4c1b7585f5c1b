/** What models and layers own, which lasts from call to call: parameters and states. */
import type { Expression, ParameterDeclaration, StateDeclaration, TensorType } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { reachable } from "../graph/graph.ts";
import { isFree, showSize, type Shape } from "../ir/size.ts";
import type { GivenArgument } from "./arguments.ts";
import { isStd, placed, problem, quoted, textOf } from "./complain.ts";
import { applied, evaluate } from "./evaluate.ts";
import type { Frame, MadeTensor } from "./frame.ts";
import { bind, type Machine } from "./machine.ts";
import { endState } from "./layer-states.ts";
import { buildAt, floatOf, originSpan, shaped, sizeOf } from "./operate.ts";
import type { ParameterScope } from "./paths.ts";
import { POISONED } from "./problem.ts";
import { advised } from "./recover.ts";
import { checkedShape, sizeValue } from "./tensors.ts";
import { list, tensor, type Value } from "./values.ts";

/** `param w: [2, 3] ~ normal`, `param b = 0` */
export function declareParameter(machine: Machine, around: Frame, statement: ParameterDeclaration): void {
  // First values are drawn once, wherever the declaration stands.
  const frame = { ...around, loops: [] };
  const { start, type, name, frozen } = statement;
  const owner = ownerOf(frame);
  const declared = type === undefined ? null : fixedShape(machine, frame, statement, type);
  if (start === undefined) {
    const message = `\`${name.text}\` has no initial value`;
    const help = `write an initializer, \`param ${name.text}: […] ~ normal(0, 0.1)\`, or a value, \`param ${name.text} = 0\``;
    throw problem(machine, frame, { code: "param-without-start", span: name.span, message, help });
  }
  let value: Value;
  if (start.kind === "value") value = givenValue(machine, frame, start.value, statement);
  else if (declared !== null) value = drawnValue(machine, frame, start.value, declared, statement);
  else {
    const message = `\`${name.text}\` has an initializer, so its shape must be written`;
    const help = `write \`param ${name.text}: [2, 3] ~ …\``;
    throw problem(machine, frame, { code: "param-without-shape", span: name.span, message, help });
  }
  const text = startText(machine, start.value.span);
  const init = start.kind === "initializer" ? text : `= ${text}`;
  const kind = frozen ? "frozen" : "parameter";
  own(machine, frame, owner, { statement, kind, declared, value, written: start.value, init });
}

/**
 * `state mean: [C] = 0` in a layer or a model. A name declared again, as in a loop, is another
 * state, and the one before ends there.
 */
export function declareState(machine: Machine, frame: Frame, statement: StateDeclaration): void {
  const { type, name, value: written } = statement;
  const owner = ownerOf(frame);
  const declared = type === undefined ? null : fixedShape(machine, frame, statement, type);
  const value = evaluate(machine, { ...frame, fixing: true }, written);
  endState(machine, frame, owner, name.text);
  const init = `= ${startText(machine, written.span)}`;
  const index = own(machine, frame, owner, {
    statement,
    kind: "layer-state",
    declared,
    value,
    written,
    init,
  });
  owner.states.set(name.text, { index, scope: frame.scope, bound: name.span });
}

/** A body that owns nothing has been refused before. */
function ownerOf({ owner }: Frame): ParameterScope {
  if (owner === null) throw POISONED;
  return owner;
}

const startText = (machine: Machine, span: Span): string => textOf(machine, span).replace(/\s+/g, " ");

interface Owned extends Pick<MadeTensor, "kind" | "init"> {
  readonly statement: ParameterDeclaration | StateDeclaration;
  readonly declared: Shape | null;
  /** The first value, and its expression. */
  readonly value: Value;
  readonly written: Expression;
}

/** Makes it, gives it to its owner, and binds its name. @returns its number */
function own(machine: Machine, frame: Frame, owner: ParameterScope, owned: Owned): number {
  const { statement, kind, declared, value, written, init } = owned;
  const { name, span, doc } = statement;
  const at = written.span;
  const shape = declared ?? floatOf(machine, frame, value, written).shape;
  if (shape.some(isFree)) {
    throw problem(machine, frame, {
      code: "free-parameter",
      span: at,
      message: `a ${wordOf(statement)} cannot be as large as the batch`,
      help: "write its shape with known sizes",
    });
  }
  const what = `the initial value of \`${name.text}\``;
  const start = shaped(machine, frame, value, { shape, span: at, what, whose: `\`${name.text}\`` });
  const moving = reachable([start]).find((n) => n.op === "input" || n.op === "parameter" || n.op === "grad");
  if (moving !== undefined) {
    const other = moving.op === "parameter" && machine.parameters[moving.attributes.index];
    const word = other && other.kind === "layer-state" ? "state" : "parameter";
    const on = `${word === wordOf(statement) ? "another" : "a"} ${word}`;
    const message = `${what} depends on ${moving.op === "input" ? "an input" : on}`;
    const help = "initial values are computed before there is data";
    throw problem(machine, frame, { code: "start-not-known", span: at, message, help });
  }
  const index = machine.parameters.length;
  const { graph, origin } = buildAt(machine, frame, span, name.text);
  const node = graph.make("parameter", [], { index, shape }, origin);
  machine.parameters.push({
    kind,
    shape,
    init,
    doc,
    span: originSpan(frame, name.span),
    ...(isStd(name.span) ? { declared: name.span } : {}),
    start,
    node,
  });
  owner.addParameter(name.text, index);
  bind(machine, frame, name, tensor(node));
  return index;
}

/** `~ f(a)` is `f(shape, a)`. */
function drawnValue(
  machine: Machine,
  frame: Frame,
  expression: Expression,
  shape: Shape,
  statement: ParameterDeclaration,
): Value {
  const span = statement.type?.span ?? statement.span;
  const first: GivenArgument = { name: null, value: list(shape.map(sizeValue)), span, place: span };
  return advised(
    () => applied(machine, frame, expression, first),
    ({ code, labels }) =>
      code === "not-callable" && labels[0]?.span === expression.span
        ? `values are given with \`=\`: \`${declaredWith(machine, "=", expression, statement)}\``
        : undefined,
  );
}

/** `= value`. An initializer there has not been given its shape. */
function givenValue(
  machine: Machine,
  frame: Frame,
  expression: Expression,
  statement: ParameterDeclaration,
): Value {
  const called = expression.kind === "call" ? expression.callee : expression;
  const found = called.kind === "name" ? frame.scope.file.find(called.text)?.declaration : undefined;
  const draws = found?.kind === "fn" && found.parameters[0]?.name.text === "shape";
  return advised(
    () => {
      const value = evaluate(machine, frame, expression);
      if (draws) floatOf(machine, frame, value, expression);
      return value;
    },
    () =>
      draws
        ? `initializers are given with \`~\`: \`${declaredWith(machine, "~", expression, statement)}\``
        : undefined,
  );
}

/** The declaration with its value after another sign. */
function declaredWith(
  machine: Machine,
  sign: "=" | "~",
  value: Expression,
  { name, type }: ParameterDeclaration,
): string {
  const shape = type === undefined ? "[…]" : quoted(machine, type.span);
  return `param ${name.text}: ${shape} ${sign} ${quoted(machine, value.span)}`;
}

/** What the declared thing is called in messages. */
const wordOf = ({ kind }: ParameterDeclaration | StateDeclaration): string =>
  kind === "state" ? "state" : "parameter";

/** The shape that a type writes. @throws Problem for `...` */
export function typeShape(machine: Machine, frame: Frame, type: TensorType): Shape {
  const sizes = type.dimensions.map((dimension) => {
    if (dimension.kind !== "ellipsis") return sizeOf(machine, frame, dimension);
    const message = "`...` is only allowed in signatures";
    throw problem(machine, frame, {
      code: "bad-size",
      span: dimension.span,
      message,
      help: "write out the sizes",
    });
  });
  return placed(machine, frame, type.span, () => checkedShape(sizes, machine.freeName));
}

function fixedShape(
  machine: Machine,
  frame: Frame,
  statement: ParameterDeclaration | StateDeclaration,
  type: TensorType,
): Shape {
  const word = wordOf(statement);
  const what = `the ${word} \`${statement.name.text}\``;
  if (type.element !== "float") {
    throw problem(machine, frame, {
      code: "type-mismatch",
      span: type.span,
      message: `${what} cannot be ${word === "state" ? "kept" : "trained"} as ${type.element}`,
      help: `${word}s are floats: leave the type out`,
    });
  }
  const shape = typeShape(machine, frame, type);
  const at = shape.findIndex(isFree);
  if (at < 0) return shape;
  throw problem(machine, frame, {
    code: "free-parameter",
    span: type.dimensions[at]!.span,
    message: `${what} cannot be as large as the batch`,
    label: `${showSize(shape[at]!, machine.freeName)} is free until run time`,
    help: `a ${word}'s sizes must be known at compile time; sum or average over the batch instead`,
  });
}
