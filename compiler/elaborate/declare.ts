/** What a model has beside its formulas: inputs, outputs, metrics and losses. */
import type { Expression, InputDeclaration, Statement } from "../../grammar/ast.ts";
import { showShape } from "../ir/size.ts";
import { problem } from "./complain.ts";
import { evaluate, valueOfBound } from "./evaluate.ts";
import { binding, type Frame } from "./frame.ts";
import { typeShape } from "./lasting.ts";
import { bind, type Machine } from "./machine.ts";
import { buildAt, floatOf } from "./operate.ts";
import { calledName, tensor } from "./values.ts";

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
  const value = valueOfBound(machine, inside, statement, name ?? undefined);
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
