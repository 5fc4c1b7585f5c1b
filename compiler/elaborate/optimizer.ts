/** Optimizers: which one a model has, its states, and what it makes of each parameter. */
import type { OptimizerStatement, StateDeclaration } from "../../grammar/ast.ts";
import { reachable } from "../graph/graph.ts";
import type { Node } from "../ir/node.ts";
import { problem } from "./complain.ts";
import { calleeOf, evaluate } from "./evaluate.ts";
import { enter, type Frame, type MadeTensor, type OpenState, type OpenUpdate } from "./frame.ts";
import { bind, type ChosenOptimizer, type Machine } from "./machine.ts";
import { buildAt, shaped } from "./operate.ts";
import { POISONED } from "./problem.ts";
import { recovered } from "./recover.ts";
import { optimizerArguments } from "./optimizer-arguments.ts";
import { kindOf, POISON, Scope, tensor, type ListValue } from "./values.ts";

export interface StateResult {
  readonly name: string;
  readonly start: Node;
  readonly update: Node;
}

/** `optimizer adam(lr = 0.1)` in a model, `optimizer sgd for encoder, head.bias`. */
export function chooseOptimizer(machine: Machine, frame: Frame, statement: OptimizerStatement): void {
  const { value, span, paths = null } = statement;
  const first = machine.optimizers.find((other) => other.paths === null);
  if (first !== undefined && paths === null) {
    throw problem(machine, frame, {
      code: "duplicate-optimizer",
      span,
      message: "a model has one optimizer for all that no other has",
      also: [{ span: first.span, text: "the first" }],
      help: "remove one, or say what it trains, as in `optimizer sgd for encoder`",
    });
  }
  const called = value.kind === "call" ? value.callee : value;
  const callee = calleeOf(machine, frame, called);
  if (callee.kind !== "optimizer") {
    const message = `this is ${kindOf(callee)}, not an optimizer`;
    const help = "write `optimizer adam(lr = 1e-3)`, or define one with `optimizer name(…) { … }`";
    throw problem(machine, frame, { code: "not-an-optimizer", span: called.span, message, help });
  }
  const written = value.kind === "call" ? value.arguments : [];
  const prefix = paths === null ? "" : `${paths[0]!.text}.`;
  const read = optimizerArguments(machine, frame, callee, { called: called.span, written, prefix });
  machine.optimizers.push({ callee, ...read, paths, span, frame });
}

/** A parameter that is trained. */
export interface Trainee {
  readonly index: number;
  readonly parameter: MadeTensor;
  readonly gradient: Node;
}

/** All gradients and parameters that an optimizer works on, as lists of tensors. */
export interface Group {
  readonly grads: ListValue;
  readonly params: ListValue;
}

/** What the optimizer makes of one parameter; null where it is in error. */
export function runOptimizer(
  machine: Machine,
  chosen: ChosenOptimizer,
  { index, parameter, gradient }: Trainee,
  { grads, params }: Group,
): { readonly update: Node; readonly states: readonly StateResult[] } | null {
  const { callee, site, span } = chosen;
  const { name, body } = callee.declaration;
  const scope = new Scope(callee.file);
  const { graph, origin } = buildAt(machine, chosen.frame, span);
  for (const [parameterName, value] of chosen.values) scope.names.set(parameterName, value);
  scope.names.set("param", tensor(parameter.node));
  scope.names.set("grad", tensor(gradient));
  scope.names.set("grads", grads);
  scope.names.set("params", params);
  scope.names.set("step", tensor(graph.make("step", [], {}, origin)));
  const states = new Map<string, OpenState>();
  const update: OpenUpdate = { index, parameter, states };
  const frame = enter(chosen.frame, scope, { kind: "optimizer", name: name.text, site, update });
  const last = (bound: string): Node => {
    const value = scope.find(bound);
    if (value === undefined || value === POISON) throw POISONED;
    const what = `\`${bound}\` of the optimizer`;
    const { shape } = parameter;
    return shaped(machine, frame, value, { shape, span: name.span, what, whose: "the parameter" });
  };
  const updated = () => {
    machine.execute(machine, frame, body);
    const next = last("param");
    if (next === parameter.node) {
      const message = `${name.text} never binds \`param\`, so nothing is trained`;
      throw problem(machine, frame, {
        code: "optimizer-idle",
        span: name.span,
        message,
        help: "end it with `param = …`",
      });
    }
    const results = [...states].map(([state, { start }]) => ({ name: state, start, update: last(state) }));
    return { update: next, states: results };
  };
  return recovered(machine, updated, () => null);
}

/** `state m = 0` in an optimizer. */
export function declareOptimizerState(machine: Machine, frame: Frame, statement: StateDeclaration): void {
  const { name, type, value } = statement;
  const { update, scope } = frame;
  if (update === null) {
    throw problem(machine, frame, {
      code: "statement-misplaced",
      span: statement.span,
      message: "`state` belongs in an optimizer",
    });
  }
  if (type !== undefined) {
    throw problem(machine, frame, {
      code: "state-with-shape",
      span: type.span,
      message: `the state \`${name.text}\` of an optimizer has the shape of its parameter`,
      help: `write \`state ${name.text} = …\``,
    });
  }
  const { index, parameter, states } = update;
  if (states.has(name.text)) {
    const message = `there is a state \`${name.text}\` already`;
    throw problem(machine, frame, {
      code: "duplicate-name",
      span: name.span,
      message,
      help: "bind it again with `=`, without `state`",
    });
  }
  const before = scope.snapshot();
  // Before the first step the parameter and the states have their first values.
  before.names.set("param", tensor(parameter.start));
  for (const [other, state] of states) {
    const bound = before.names.get(other);
    if (bound !== undefined && bound !== POISON && bound.kind === "tensor" && bound.node === state.node)
      before.names.set(other, tensor(state.start));
  }
  const first = evaluate(machine, { ...frame, scope: before, fixing: true }, value);
  const { shape } = parameter;
  const what = `the initial value of \`${name.text}\``;
  const start = shaped(machine, frame, first, { shape, span: value.span, what, whose: "its parameter" });
  const parts = reachable([start]);
  // A gradient is made of parameters too, so it is looked for first.
  const late = (["grad", "step", "state", "parameter"] as const).find((op) => parts.some((n) => n.op === op));
  if (late !== undefined) {
    const on = {
      grad: "a gradient",
      step: "the step",
      state: "a state that has been bound again",
      parameter: "what a line before has made of `param`",
    };
    const help =
      "initial values are computed before the first step: give a number, and bind it again with `=`";
    throw problem(machine, frame, {
      code: "start-not-known",
      span: value.span,
      message: `${what} depends on ${on[late]}`,
      help,
    });
  }
  const { graph, origin } = buildAt(machine, frame, statement.span, name.text);
  const node = graph.make("state", [], { parameter: index, name: name.text, shape }, origin);
  states.set(name.text, { start, node });
  bind(machine, frame, name, tensor(node));
}
