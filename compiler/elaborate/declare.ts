/** What a model is made of: parameters, inputs, outputs, metrics and losses. */
import type {
  Expression,
  InputDeclaration,
  ParameterDeclaration,
  Statement,
  TensorType,
} from "../../grammar/ast.ts";
import { reachable } from "../graph/graph.ts";
import { isFree, showShape, showSize, type Shape } from "../ir/size.ts";
import type { GivenArgument } from "./arguments.ts";
import { isStd, placed, problem, quoted, textOf } from "./complain.ts";
import { applied, evaluate } from "./evaluate.ts";
import { binding, type Frame } from "./frame.ts";
import { bind, type Machine } from "./machine.ts";
import { buildAt, floatOf, originSpan, shaped, sizeOf } from "./operate.ts";
import { advised } from "./recover.ts";
import { checkedShape, sizeValue } from "./tensors.ts";
import { calledName, list, tensor, type Value } from "./values.ts";

export function declareParameter(machine: Machine, frame: Frame, statement: ParameterDeclaration): void {
  const { owner } = frame;
  const { start, span } = statement;
  const name = statement.name.text;
  if (owner === null)
    throw problem(machine, frame, {
      code: "param-in-fn",
      span,
      message: "a parameter belongs to a model or a layer",
    });
  const declared = statement.type === undefined ? null : fixedShape(machine, frame, statement.type, name);
  if (start === undefined) {
    const message = `\`${name}\` has no initial value`;
    const help = `write an initializer, \`param ${name}: […] ~ normal(0, 0.1)\`, or a value, \`param ${name} = 0\``;
    throw problem(machine, frame, { code: "param-without-start", span: statement.name.span, message, help });
  }
  let value: Value;
  if (start.kind === "value") value = givenValue(machine, frame, start.value, statement);
  else if (declared !== null) value = drawnValue(machine, frame, start.value, declared, statement);
  else {
    const message = `\`${name}\` has an initializer, so its shape must be written`;
    const help = `write \`param ${name}: [2, 3] ~ …\``;
    throw problem(machine, frame, { code: "param-without-shape", span: statement.name.span, message, help });
  }
  const shape = declared ?? floatOf(machine, frame, value, start.value).shape;
  const at = start.value.span;
  if (shape.some(isFree)) {
    const message = "a parameter cannot be as large as the batch";
    throw problem(machine, frame, {
      code: "free-parameter",
      span: at,
      message,
      help: "write its shape with known sizes",
    });
  }
  const what = `the initial value of \`${name}\``;
  const node = shaped(machine, frame, value, { shape, span: at, what, whose: `\`${name}\`` });
  const moving = reachable([node]).find((n) => n.op === "input" || n.op === "parameter" || n.op === "grad");
  if (moving !== undefined) {
    const message = `${what} depends on ${moving.op === "input" ? "an input" : "another parameter"}`;
    const help = "initial values are computed before there is data";
    throw problem(machine, frame, { code: "start-not-known", span: at, message, help });
  }
  const index = machine.parameters.length;
  const { graph, origin } = buildAt(machine, frame, span, name);
  const made = graph.make("parameter", [], { index, shape }, origin);
  const text = textOf(machine, at).replace(/\s+/g, " ");
  machine.parameters.push({
    shape,
    frozen: statement.frozen,
    init: start.kind === "initializer" ? text : `= ${text}`,
    doc: statement.doc,
    span: originSpan(frame, statement.name.span),
    ...(isStd(statement.name.span) ? { declared: statement.name.span } : {}),
    start: node,
    node: made,
  });
  owner.addParameter(name, index);
  bind(machine, frame, statement.name, tensor(made));
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

export function declareInput(machine: Machine, frame: Frame, statement: InputDeclaration): void {
  const { name, type, role, doc } = statement;
  const before = machine.inputSpans.get(name.text);
  if (before !== undefined) {
    throw problem(machine, frame, {
      code: "duplicate-name",
      span: name.span,
      message: `there is an input \`${name.text}\` already`,
      also: [{ span: before, text: "here" }],
      help: "give this one another name",
    });
  }
  const shape = typeShape(machine, frame, type);
  const { graph, origin } = buildAt(machine, frame, statement.span, name.text);
  const node = graph.make("input", [], { name: name.text, shape, type: type.element }, origin);
  const documented = doc === undefined ? {} : { doc };
  machine.inputs.push({ name: name.text, role, type: type.element, shape, ...documented });
  machine.inputSpans.set(name.text, name.span);
  bind(machine, frame, name, tensor(node));
}

/** An output or a metric, called by its name or by what is called. */
export function declareResult(
  machine: Machine,
  frame: Frame,
  statement: Statement & { kind: "output" | "metric" },
): void {
  const { kind, name: written, doc } = statement;
  const name = written?.text ?? calledName(statement.value);
  const inside = written === undefined ? frame : binding(frame, written.text);
  const value = evaluate(machine, inside, statement.value, name ?? undefined);
  if (name === null) {
    const message = `this ${kind} has no name`;
    throw problem(machine, frame, {
      code: "name-missing",
      span: statement.value.span,
      message,
      help: `write \`${kind} name = …\``,
    });
  }
  const node = floatOf(machine, frame, value, statement.value);
  const results = kind === "output" ? machine.outputs : machine.metrics;
  const span = written?.span ?? statement.value.span;
  const before = results.find((r) => r.name === name);
  if (before !== undefined) {
    const message = `there is a${kind === "output" ? "n output" : " metric"} \`${name}\` already`;
    throw problem(machine, frame, {
      code: "duplicate-name",
      span,
      message,
      also: [{ span: before.span, text: "here" }],
      help: `write \`${kind} another = …\``,
    });
  }
  if (kind === "metric" && node.shape.length > 0) {
    throw problem(machine, frame, {
      code: "metric-not-scalar",
      span: statement.value.span,
      message: "a metric is one number",
      label: showShape(node.shape, machine.freeName),
      help: "take its `mean`",
    });
  }
  results.push({ name, node, span, ...(doc === undefined ? {} : { doc }) });
  if (written !== undefined) bind(machine, frame, written, value);
}

export function addLoss(machine: Machine, frame: Frame, expression: Expression): void {
  const value = evaluate(machine, frame, expression, "loss");
  const node = floatOf(machine, frame, value, expression);
  if (node.shape.length > 0) {
    throw problem(machine, frame, {
      code: "loss-not-scalar",
      span: expression.span,
      message: "a loss is one number",
      label: showShape(node.shape, machine.freeName),
      help: "take its `mean` or its `sum`",
    });
  }
  machine.losses.push(node);
}

function typeShape(machine: Machine, frame: Frame, type: TensorType): Shape {
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

function fixedShape(machine: Machine, frame: Frame, type: TensorType, name: string): Shape {
  if (type.element !== "float") {
    const message = `the parameter \`${name}\` cannot be trained as ${type.element}`;
    throw problem(machine, frame, {
      code: "type-mismatch",
      span: type.span,
      message,
      help: "parameters are floats: leave the type out",
    });
  }
  const shape = typeShape(machine, frame, type);
  const at = shape.findIndex(isFree);
  if (at < 0) return shape;
  const message = `the parameter \`${name}\` cannot be as large as the batch`;
  throw problem(machine, frame, {
    code: "free-parameter",
    span: type.dimensions[at]!.span,
    message,
    label: `${showSize(shape[at]!, machine.freeName)} is free until run time`,
    help: "a parameter's sizes must be known at compile time; sum or average over the batch instead",
  });
}
