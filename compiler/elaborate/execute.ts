/**
 * Reads a model over values known when compiling: tensors become nodes of the graph, layers expand
 * into theirs, and each parameter is recorded where it is made. A mistake ends its statement, whose
 * names are poisoned so that what depends on them is passed over in silence, and reading goes on.
 */
import type { Block, Expression, ModelDeclaration, Parameter, Statement } from "../../grammar/ast.ts";
import { problem } from "./complain.ts";
import { addLoss, declareInput, declareResult } from "./declare.ts";
import { evaluate, valueOfBound } from "./evaluate.ts";
import type { FileScope } from "./file-scope.ts";
import { binding, enter, type Frame } from "./frame.ts";
import { turnsOf } from "./items.ts";
import { declareParameter, declareState } from "./lasting.ts";
import { endStates } from "./layer-states.ts";
import { bind, type Machine } from "./machine.ts";
import { tick } from "./steps.ts";
import { chooseOptimizer, declareOptimizerState } from "./optimizer.ts";
import { POISONED } from "./problem.ts";
import { recovered } from "./recover.ts";
import { boundName, statementsOf } from "./syntax.ts";
import { isCallable, kindOf, POISON, Scope, show, type Value } from "./values.ts";

/**
 * Reads the model whole. `settings` are values given from outside; of `freeNames` the first is the
 * batch, and others are in error.
 */
export function readModel(
  machine: Machine,
  model: ModelDeclaration,
  file: FileScope,
  settings: ReadonlyMap<string, Expression>,
  freeNames: readonly string[],
): void {
  const scope = new Scope(file);
  const frame = enter(null, scope, { kind: "model", name: model.name.text, owner: machine.root });
  freeNames.forEach((name, i) => scope.names.set(name, i === 0 ? { kind: "size", count: 1 } : POISON));
  for (const parameter of model.parameters) {
    const name = parameter.name.text;
    recovered(
      machine,
      () => bind(machine, frame, parameter.name, settingOf(machine, frame, parameter, settings.get(name))),
      () => void scope.names.set(name, POISON),
    );
  }
  execute(machine, frame, model.body);
  endStates(machine, frame);
}

/** The value of a setting: the one given, of the kind of its default. */
function settingOf(
  machine: Machine,
  frame: Frame,
  { name, span, default: written }: Parameter,
  given: Expression | undefined,
): Value {
  const standard = written === undefined ? null : evaluate(machine, frame, written);
  const alone = { ...frame, scope: new Scope(frame.file) };
  const value = given === undefined ? standard : evaluate(machine, alone, given);
  if (value === null) {
    const message = `\`${name.text}\` of ${frame.name} has no value`;
    const help = `give it one with \`--set ${name.text}=…\`, or a default here`;
    throw problem(machine, frame, { code: "setting-missing", span, message, help });
  }
  if (given !== undefined && standard !== null && !sameKind(standard, value)) {
    const message = `\`${name.text}\` is ${kindOf(standard)} by default, but this is ${kindOf(value)}`;
    throw problem(machine, frame, {
      code: "setting-kind",
      span: given.span,
      message,
      also: [{ span, text: "declared here" }],
      help: `give ${kindOf(standard)}`,
    });
  }
  return value;
}

/** Runs a block; what it returns, or null where it comes to its end. */
export function execute(machine: Machine, frame: Frame, block: Block): Value | null {
  const { kind, scope } = frame;
  for (const statement of block.statements) {
    const returned = recovered(
      machine,
      () => run(machine, frame, statement),
      () => {
        for (const name of namesOf(statement)) scope.names.set(name, POISON);
        // A body that fails to return has no value at all.
        if ((kind === "fn" || kind === "layer") && mayReturn(statement)) throw POISONED;
        return null;
      },
    );
    if (returned !== null) return returned;
  }
  return null;
}

function run(machine: Machine, frame: Frame, statement: Statement): Value | null {
  tick(machine, frame, statement.span);
  requirePlace(machine, frame, statement);
  switch (statement.kind) {
    case "bind": {
      const { name } = statement;
      bind(machine, frame, name, valueOfBound(machine, binding(frame, name.text), statement, name.text));
      return null;
    }
    case "return":
      return evaluate(machine, frame, statement.value, frame.result);
    case "if": {
      const chosen = holds(machine, frame, statement.condition) ? statement.then : statement.otherwise;
      return chosen === undefined ? null : execute(machine, frame, chosen);
    }
    case "for": {
      const { variable, iterable, body, span } = statement;
      const items = evaluate(machine, { ...frame, fixing: true }, iterable);
      for (const item of turnsOf(machine, frame, items, iterable.span)) {
        tick(machine, frame, span);
        bind(machine, frame, variable, item);
        const returned = execute(machine, frame, body);
        if (returned !== null) return returned;
      }
      return null;
    }
    case "param":
      declareParameter(machine, frame, statement);
      return null;
    case "input":
      declareInput(machine, frame, statement);
      return null;
    case "output":
    case "metric":
      declareResult(machine, frame, statement);
      return null;
    case "loss":
      addLoss(machine, frame, statement.value);
      return null;
    case "optimizer":
      chooseOptimizer(machine, frame, statement);
      return null;
    case "state":
      if (frame.kind === "optimizer") declareOptimizerState(machine, frame, statement);
      else declareState(machine, frame, statement);
      return null;
    default:
      return statement satisfies never;
  }
}

/** Whether the condition of an `if` is true. */
function holds(machine: Machine, frame: Frame, condition: Expression): boolean {
  const value = evaluate(machine, { ...frame, fixing: true }, condition);
  if (value.kind === "boolean") return value.value;
  if (value.kind === "tensor") {
    const message = "`if` needs a value known at compile time, but this is computed at run time";
    throw problem(machine, frame, {
      code: "condition-not-known",
      span: condition.span,
      message,
      label: show(value, machine.freeName),
      help: "choose between tensors with `where(condition, a, b)`",
    });
  }
  const message = `\`if\` needs true or false, but this is ${kindOf(value)}`;
  const help = "compare it with something, as in `n > 0`";
  throw problem(machine, frame, { code: "condition-not-boolean", span: condition.span, message, help });
}

/** @throws Problem where a statement cannot stand in a body of this kind */
function requirePlace(machine: Machine, frame: Frame, statement: Statement): void {
  const places = placesOf(statement);
  const { kind, name } = frame;
  if (places === null || places.includes(kind)) return;
  if ((statement.kind === "param" || statement.kind === "state") && kind === "fn") {
    const owned = statement.kind === "param" ? "own the parameter" : "keep the state";
    const message = `a fn is pure: it cannot ${owned} \`${statement.name.text}\``;
    const help = `write \`layer ${name}\` instead of \`fn ${name}\``;
    throw problem(machine, frame, { code: "param-in-fn", span: statement.span, message, help });
  }
  const what = statement.kind === "input" ? statement.role : statement.kind;
  const oneOf = (place: string): string => `${place === "optimizer" ? "an" : "a"} ${place}`;
  const message = `\`${what}\` cannot stand in ${oneOf(kind)}`;
  const help = `it belongs in ${places.map(oneOf).join(" or ")}`;
  throw problem(machine, frame, { code: "statement-misplaced", span: statement.span, message, help });
}

function namesOf(statement: Statement): string[] {
  return [...statementsOf(statement)].flatMap((s) => boundName(s) ?? []);
}

function mayReturn(statement: Statement): boolean {
  return [...statementsOf(statement)].some((s) => s.kind === "return");
}

/** The frames that a statement may stand in; null for any. */
function placesOf(statement: Statement): readonly Frame["kind"][] | null {
  switch (statement.kind) {
    case "bind":
    case "if":
    case "for":
      return null;
    case "return":
      return ["fn", "layer"];
    case "param":
      return ["model", "layer"];
    case "input":
    case "output":
    case "metric":
    case "loss":
    case "optimizer":
      return ["model"];
    case "state":
      return ["optimizer", "layer", "model"];
    default:
      return statement satisfies never;
  }
}

/** Whether a setting may take the place of its default: callables stand for one another. */
const sameKind = (a: Value, b: Value): boolean =>
  isCallable(a) ? isCallable(b) : a.kind === b.kind || (a.kind === "list" && b.kind === "range");
