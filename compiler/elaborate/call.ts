/** Calls: of primitives, lambdas, functions and layers. */
import type { Expression, FunctionDeclaration, Parameter, TensorType } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { OpError } from "../ir/op-error.ts";
import type { Carries } from "../ir/loops.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import type { Size } from "../ir/size.ts";
import { matchArguments, type Formal, type GivenArgument } from "./arguments.ts";
import { endless, isStd, placed, problem, shown } from "./complain.ts";
import { labelHelp } from "./explain.ts";
import { enter, type CallSite, type Frame } from "./frame.ts";
import { isEntry, onEntries } from "./indices/entries.ts";
import { endStates } from "./layer-states.ts";
import type { Finding } from "./library-call.ts";
import { checkArgmax, checkLibraryCall } from "./library-checks.ts";
import { bind, type Machine } from "./machine.ts";
import { scheduling } from "./schedules.ts";
import { tickItems } from "./steps.ts";
import { remember, sizeNotes } from "./makers.ts";
import { earlierResult, noteResult } from "./list-results.ts";
import { buildAt, checked, misfit, originSpan, sizeOf } from "./operate.ts";
import type { ParameterScope } from "./paths.ts";
import { isOfNumbers, primitives } from "./primitives/table.ts";
import { fit, sizesIn, type NamedSizes } from "./signature.ts";
import { sizeValue, toNode } from "./tensors.ts";
import {
  isCallable,
  kindOf,
  POISON,
  Scope,
  show,
  tensor,
  type FunctionValue,
  type LambdaValue,
  type PrimitiveValue,
  type Value,
} from "./values.ts";

/** What a call gives; `name` is what its last operation is called in print. */
export function call(
  machine: Machine,
  caller: Frame,
  callee: Value,
  site: CallSite,
  name: string | undefined,
): Value {
  if (!isCallable(callee)) {
    const help =
      callee.kind === "optimizer"
        ? "write it after the keyword: `optimizer adam(lr = 1e-3)`"
        : callee.kind === "model"
          ? "write what is to be used in several places as a layer"
          : "only a fn, a layer or a lambda can be called; multiplication is `*`";
    const message = `this is ${kindOf(callee)}, which cannot be called`;
    const label = show(callee, machine.freeName);
    throw problem(machine, caller, { code: "not-callable", span: site.callee, message, label, help });
  }
  if (caller.calls >= machine.limits.callDepth) throw endless(machine, caller, site);
  switch (callee.kind) {
    case "primitive":
      return callPrimitive(machine, caller, callee, site, name);
    case "lambda":
      return callLambda(machine, caller, callee, site, name);
    case "function":
      return callFunction(machine, caller, callee, site, name);
    default:
      return callee satisfies never;
  }
}

/** The arguments of a call in the order of `formals`, `undefined` where left out. */
export function matched(
  machine: Machine,
  caller: Frame,
  callee: string,
  formals: readonly Formal[],
  site: CallSite,
): readonly (GivenArgument | undefined)[] {
  const found = matchArguments(callee, formals, site.arguments);
  if (!("code" in found)) return found;
  throw problem(machine, caller, {
    code: found.code,
    span: found.span ?? site.callee,
    message: found.message,
    help: found.help,
  });
}

export const formalsOf = (declaration: { readonly parameters: readonly Parameter[] }): readonly Formal[] =>
  declaration.parameters.map((p) => ({ name: p.name.text, optional: p.default !== undefined }));

function callPrimitive(
  machine: Machine,
  caller: Frame,
  callee: PrimitiveValue,
  site: CallSite,
  name: string | undefined,
): Value {
  const primitive = primitives.get(callee.name)!;
  const formals = primitive.parameters.map((p) => ({
    name: p.replace("?", ""),
    optional: p.endsWith("?"),
  }));
  const given = matched(machine, caller, callee.name, formals, site);
  const values = site.arguments.map((argument) => argument.value);
  tickItems(machine, caller, site.callee, values);
  if (callee.name === "argmax" && !caller.file.isStd) {
    const finding = checkArgmax(nodeOf(given[0]?.value ?? null), numberOf(given[1]?.value ?? null));
    tell(machine, caller, finding, site);
  }
  const context = {
    build: buildAt(machine, caller, site.callee, name),
    freeName: machine.freeName,
    site: () => machine.counts.randomSites++,
    loops: caller.loops,
    callIn: (loop: Loop, body: Value, ...values: readonly Value[]): Value => {
      const inside = { ...caller, loops: [...caller.loops, loop] };
      const { span } = given.find((argument) => argument?.value === body)!;
      const arguments_ = values.map((value) => ({ name: null, value, span, place: span }));
      return call(machine, inside, body, { callee: span, arguments: arguments_ }, undefined);
    },
    oneLoop: (loop: Loop, carries: Carries) => machine.loops.of(loop, carries, caller.loops),
  };
  try {
    const of = given.map((argument) => argument?.value);
    const space = isOfNumbers(callee.name, of) ? (caller.indices?.space ?? null) : null;
    return checked(
      machine,
      onEntries(context.build, space, callee.name, of, (values) => primitive.apply(context, ...values)),
    );
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    const labels = [{ span: site.callee }, ...shown(machine, site)];
    throw misfit(machine, caller, error, { what: callee.name, values, labels });
  }
}

/** Reports what is amiss with a call, or with what it is given `at` a place. @throws Problem where it has no meaning */
export function tell(
  machine: Machine,
  caller: Frame,
  finding: Finding | null,
  site: CallSite,
  at?: Span,
): void {
  if (finding === null) return;
  const { severity, code, message, help } = finding;
  const told = problem(machine, caller, {
    code,
    span: at ?? site.callee,
    message,
    also: at === undefined ? shown(machine, site) : [],
    help,
  });
  if (severity === "error") throw told;
  machine.reporter.report({ ...told.diagnostic, severity });
}

function callLambda(
  machine: Machine,
  caller: Frame,
  { lambda, scope }: LambdaValue,
  site: CallSite,
  name: string | undefined,
): Value {
  const formals = lambda.parameters.map((p) => ({ name: p.text, optional: false }));
  const given = matched(machine, caller, "this lambda", formals, site);
  const inside = { ...caller, calls: caller.calls + 1, scope: new Scope(scope) };
  lambda.parameters.forEach((p, i) => bind(machine, inside, p, given[i]!.value));
  return machine.evaluate(machine, inside, lambda.body, name);
}

function callFunction(
  machine: Machine,
  caller: Frame,
  callee: FunctionValue,
  site: CallSite,
  name: string | undefined,
): Value {
  const { declaration, file } = callee;
  const { kind } = declaration;
  const title = declaration.name.text;
  const earlier = earlierResult(machine, callee, site);
  if (earlier !== undefined) return earlier;
  const given = matched(machine, caller, title, formalsOf(declaration), site);
  const owner = kind === "layer" ? layerOwner(machine, caller, title, site) : null;
  const scope = new Scope(file);
  const calls = caller.calls + 1;
  const inside = enter(caller, scope, { kind, name: title, site, owner, result: name, calls });
  const adjustable = scheduling(machine.schedule, caller, scope);
  declaration.parameters.forEach((p, i) => {
    const value = given[i]?.value;
    bind(machine, inside, p.name, adjustable(p, value ?? machine.evaluate(machine, inside, p.default!)));
    if (value !== undefined) bindSizes(p.type, value, scope);
  });
  fitSignature(machine, caller, inside, declaration, site);
  // The layers of the library call no definition that is checked but an activation that they were
  // given.
  if (file.isStd && (!caller.file.isStd || caller.kind === "layer")) {
    const known = (parameter: string): Value | null => {
      const value = scope.names.get(parameter);
      return value === undefined || value === POISON ? null : value;
    };
    const finding = checkLibraryCall(title, {
      node: (parameter) => nodeOf(known(parameter)),
      number: (parameter) => numberOf(known(parameter)),
      value: known,
      freeName: machine.freeName,
    });
    const at = declaration.parameters.findIndex((p) => p.name.text === finding?.parameter);
    tell(machine, caller, finding, site, given[at]?.span);
  }
  const work = (): Value => {
    const value = valueOfBody(machine, inside, declaration, name);
    endStates(machine, inside);
    return value;
  };
  const value = declaration.recompute ? recomputed(machine, inside, site.callee, work) : work();
  if (owner !== null) owner.results = tensorsIn(value);
  remember(machine, value, declaration, scope, site);
  noteResult(machine, callee, site, value);
  return value;
}

/** What is to own the parameters of a layer's call. */
function layerOwner(machine: Machine, caller: Frame, title: string, site: CallSite): ParameterScope {
  if (caller.owner === null) {
    const message = `\`${title}\` is a layer, and a ${caller.kind} cannot own its parameters`;
    const help =
      caller.kind === "fn"
        ? `write \`layer ${caller.name}\` instead of \`fn ${caller.name}\``
        : "call it in a model or in a layer";
    throw problem(machine, caller, { code: "layer-in-fn", span: site.callee, message, help });
  }
  const name = caller.binding?.name ?? title;
  return caller.owner.addCall(name, title, originSpan(caller, site.callee), machine.callNumbers);
}

/** What `work` gives; what it is computed from meanwhile is not kept for the backward pass. */
export function recomputed(machine: Machine, frame: Frame, span: Span, work: () => Value): Value {
  const { value, asked } = machine.graph.watch(work);
  const results = tensorsIn(value);
  if (results.length === 0) {
    const message = `only a tensor can be recomputed, but this is ${kindOf(value)}`;
    const help = "write `@recompute` before a call that gives a tensor, or before a layer";
    throw problem(machine, frame, { code: "nothing-to-recompute", span, message, help });
  }
  for (const to of results) machine.unkept.push({ from: borderOf(to, asked), to });
  return value;
}

function valueOfBody(
  machine: Machine,
  frame: Frame,
  { name: title, body }: FunctionDeclaration,
  name: string | undefined,
): Value {
  if (body.kind === "expression") return machine.evaluate(machine, frame, body.value, name);
  const returned = machine.execute(machine, frame, body.block);
  if (returned !== null) return returned;
  const message = `\`${title.text}\` ends without a \`return\``;
  throw problem(machine, frame, {
    code: "no-return",
    span: title.span,
    message,
    help: "end it with `return …`",
  });
}

/** What an entry of a tensor is to a signature. */
const ONE_NUMBER: Pick<Node, "shape" | "type"> = { shape: [], type: "float" };
const ENTRY_HELP =
  "this is an entry, one number: give it the tensor, and subscript what comes out, as in `softmax(x)[i, j]`";

function fitSignature(
  machine: Machine,
  caller: Frame,
  inside: Frame,
  declaration: FunctionDeclaration,
  site: CallSite,
): void {
  const sizes: NamedSizes = new Map();
  const { freeName } = machine;
  const { names } = inside.scope;
  for (const { type, name } of declaration.parameters) {
    const value = names.get(name.text);
    if (type === undefined || value === undefined || value === POISON) continue;
    tickItems(machine, inside, site.callee, [value]);
    const node = isEntry(value)
      ? ONE_NUMBER
      : placed(machine, inside, name.span, () => toNode(buildAt(machine, inside, name.span), value));
    const size = (dimension: Expression): Size => sizeOf(machine, inside, dimension);
    const wrong = fit(name.text, type, node, { sizes, size, freeName });
    if (wrong !== null) {
      throw problem(machine, caller, {
        code: "shape-mismatch",
        span: site.callee,
        message: `in ${declaration.name.text}, ${wrong}`,
        also: shown(machine, site),
        notes: sizeNotes(
          machine,
          site.arguments.map((a) => a.value),
        ),
        help:
          (node === ONE_NUMBER ? ENTRY_HELP : undefined) ??
          (isStd(site.callee) ? labelHelp(name.text, node, freeName) : undefined) ??
          "give it a tensor of that shape",
      });
    }
    if (value.kind === "list")
      bind(machine, inside, name, tensor(toNode(buildAt(machine, inside, name.span), value)));
    for (const [capital, { size: known }] of sizes) names.set(capital, sizeValue(known));
  }
}

const nodeOf = (value: Value | null): Node | null => (value?.kind === "tensor" ? value.node : null);
const numberOf = (value: Value | null): number | null => (value?.kind === "number" ? value.value : null);

function tensorsIn(value: Value): Node[] {
  if (value.kind === "tensor" || value.kind === "entry") return [value.node];
  return value.kind === "list" ? value.items.flatMap(tensorsIn) : [];
}

/** What `to` is computed from, of `inside` alone, has as operands that are not inside. */
function borderOf(to: Node, inside: ReadonlySet<Node>): Node[] {
  const border = new Set<Node>();
  const seen = new Set([to]);
  const stack = [to];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (!inside.has(node)) border.add(node);
    else {
      for (const operand of node.operands) {
        if (seen.has(operand)) continue;
        seen.add(operand);
        stack.push(operand);
      }
    }
  }
  return [...border];
}

/**
 * The sizes that a tensor's type names, for the defaults that follow; whether they fit is seen when
 * every argument is there.
 */
function bindSizes(type: TensorType | undefined, value: Value, scope: Scope): void {
  if (type === undefined || value.kind !== "tensor") return;
  for (const [name, size] of sizesIn(type, value.node.shape)) {
    if (!scope.names.has(name)) scope.names.set(name, sizeValue(size));
  }
}
