/** What an `optimizer` line gives to its definition: numbers, booleans, formulas of the step. */
import type { Argument, Expression, Parameter } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { reachable } from "../graph/graph.ts";
import type { OptimizerInfo } from "../graph/model.ts";
import type { OpName } from "../ir/node.ts";
import type { GivenArgument } from "./arguments.ts";
import { formalsOf, matched, tell } from "./call.ts";
import { problem } from "./complain.ts";
import { evaluate } from "./evaluate.ts";
import type { CallSite, Frame } from "./frame.ts";
import { checkIdleOptimizer } from "./idle-checks.ts";
import type { Finding } from "./library-call.ts";
import { bind, type Machine } from "./machine.ts";
import { checkOptimizerNumber } from "./number-checks.ts";
import { buildAt } from "./operate.ts";
import { namesOf, type Schedule } from "./schedules.ts";
import { isCallable, kindOf, number, Scope, tensor, type OptimizerValue, type Value } from "./values.ts";

export interface OptimizerArguments {
  readonly site: CallSite;
  readonly values: ReadonlyMap<string, Value>;
  readonly hyper: OptimizerInfo["hyper"];
}

/** What an optimizer is called with, and `called` where. The names of its numbers begin with `prefix`. */
export function optimizerArguments(
  machine: Machine,
  frame: Frame,
  { declaration, file }: OptimizerValue,
  { called, written, prefix }: { called: Span; written: readonly Argument[]; prefix: string },
): OptimizerArguments {
  const { name, parameters } = declaration;
  // Which argument is which is known before their values are.
  const unread = written.map((argument): GivenArgument => ({
    name: argument.name?.text ?? null,
    value: number(NaN),
    span: argument.value.span,
    place: argument.name?.span ?? argument.value.span,
  }));
  const order = matched(machine, frame, name.text, formalsOf(declaration), {
    callee: called,
    arguments: unread,
  });
  const formulas = parameters.map((parameter, i): { at: Expression; isDefault: boolean } => {
    const argument = order[i] === undefined ? undefined : written[unread.indexOf(order[i])];
    return argument === undefined
      ? { at: parameter.default!, isDefault: true }
      : { at: argument.value, isDefault: false };
  });
  const { graph, origin } = buildAt(machine, frame, called);
  const step = graph.make("step", [], {}, origin);

  const read = (names: readonly string[] | null) => {
    const schedule: Schedule = { argument: "", calls: 0, step, numbers: [], names };
    const outer = { ...frame, scope: new Scope(frame.scope, new Map([["step", tensor(step)]])) };
    const own = { ...frame, scope: new Scope(file, new Map([["step", tensor(step)]])) };
    machine.schedule = schedule;
    try {
      const values = parameters.map((parameter, i) => {
        const { at, isDefault } = formulas[i]!;
        schedule.argument = parameter.name.text;
        schedule.calls = 0;
        const found = evaluate(machine, isDefault ? own : outer, at);
        const value = argumentValue(machine, frame, found, {
          parameter,
          optimizer: name.text,
          span: at.span,
        });
        bind(machine, own, parameter.name, value);
        return value;
      });
      return { values, numbers: schedule.numbers };
    } finally {
      machine.schedule = null;
    }
  };
  const first = read(null);
  if (file.isStd) {
    const given = new Map(parameters.map((parameter, i) => [parameter.name.text, first.values[i]!]));
    for (const finding of findingsOf(name.text, given)) {
      const at = parameters.findIndex((parameter) => parameter.name.text === finding.parameter);
      tell(machine, frame, finding, { callee: called, arguments: unread }, order[at]?.span);
    }
  }
  const own = parameters.flatMap(({ name: { text } }, i) => (first.values[i]!.kind === "number" ? text : []));
  const names = namesOf(own, first.numbers, usedIn(first.values)).map((bare) => `${prefix}${bare}`);
  const { values, numbers } = names.length === 0 ? first : read(names);

  const hyper: { name: string; value: number }[] = [];
  const adjustable = new Map<string, Value>();
  parameters.forEach(({ name: { text } }, i) => {
    const value = values[i]!;
    if (value.kind === "number") {
      const of = { name: `${prefix}${text}`, value: value.value };
      hyper.push(of);
      adjustable.set(text, { kind: "hyper", ...of });
    } else adjustable.set(text, value);
    numbers.forEach((of, at) => {
      if (of.argument === text) hyper.push({ name: names[at]!, value: of.value });
    });
  });
  const site = {
    callee: called,
    arguments: unread.map((argument) => ({ ...argument, value: values[order.indexOf(argument)]! })),
  };
  return { site, values: adjustable, hyper };
}

/** What is amiss with what an optimizer of the library is given. */
function findingsOf(optimizer: string, given: ReadonlyMap<string, Value>): readonly Finding[] {
  const numbers = [...given].map(([parameter, value]) => checkOptimizerNumber(optimizer, parameter, value));
  const idle = checkIdleOptimizer(optimizer, (parameter) => given.get(parameter) ?? null);
  return [...numbers, idle].filter((finding) => finding !== null);
}

/** The names of the numbers that formulas read, and not just an `if`. */
const usedIn = (values: readonly Value[]): ReadonlySet<string> =>
  new Set(
    reachable(values.flatMap((value) => (value.kind === "scheduled" ? value.node : []))).flatMap((node) =>
      node.op === "hyper" ? [node.attributes.name] : [],
    ),
  );

/** What a schedule cannot depend on: it is known before there is data. */
const MOVING: ReadonlySet<OpName> = new Set<OpName>([
  "input",
  "parameter",
  "state",
  "grad",
  "random",
  "extent",
]);

/** A value as an optimizer takes it. @throws Problem */
function argumentValue(
  machine: Machine,
  frame: Frame,
  value: Value,
  about: { readonly parameter: Parameter; readonly optimizer: string; readonly span: Span },
): Value {
  const { parameter, optimizer, span } = about;
  switch (value.kind) {
    case "number":
    case "boolean":
    case "hyper":
    case "scheduled":
      return value;
    case "tensor": {
      const { node } = value;
      const moving = reachable([node]).find(({ op }) => MOVING.has(op));
      if (moving === undefined && node.shape.length === 0 && node.type !== "bool") {
        if (node.op === "constant") return number(node.attributes.value);
        return { kind: "scheduled", node: buildAt(machine, frame, span).toFloat(node), asks: false };
      }
      break;
    }
    default:
  }
  const name = parameter.name.text;
  const message = `\`${name}\` of ${optimizer} must be a number, a boolean or a formula of \`step\`, not ${kindOf(value)}`;
  const help = isCallable(value)
    ? "call it, as in `lr = cosine(1e-3, steps = 1000)`"
    : "a formula of the step, as in `lr = 1e-3 * 0.99^step`, reads no data; a number may be set while training";
  throw problem(machine, frame, { code: "type-mismatch", span, message, help });
}
