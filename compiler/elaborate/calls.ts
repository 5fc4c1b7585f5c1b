/** Calls: of primitives, lambdas, functions and layers. */
import type { Block, Expression, FunctionDeclaration, TensorType } from "../../grammar/ast.ts";
import type { Unkept } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import type { Size } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { matchArguments, type Formal, type GivenArgument } from "./arguments.ts";
import { explainShapes, labelHelp } from "./explain.ts";
import { Explainer } from "./explainer.ts";
import type { CallSite, Frame } from "./frame.ts";
import { checkArgmax, checkLibraryCall, type Finding } from "./library-checks.ts";
import { ParameterScope } from "./paths.ts";
import { primitives } from "./primitives/table.ts";
import { diagnose, Problem } from "./problem.ts";
import { POISON, Scope } from "./values.ts";
import { fit, sizesIn, type NamedSizes } from "./signature.ts";
import { sizeValue, toNode, toSize } from "./tensors.ts";
import {
  isCallable,
  kindOf,
  show,
  tensor,
  type Callable,
  type FunctionValue,
  type LambdaValue,
  type PrimitiveValue,
  type Value,
} from "./values.ts";

export abstract class Calls extends Explainer {
  /** Calls inside one another at this moment. */
  protected calls = 0;
  /** Scopes of parameters made so far. */
  protected scopes = 0;
  /** What `@recompute` was written before. */
  readonly unkept: Unkept[] = [];
  #sites = 0;

  /** The value of an expression; `name` is what its last operation is called in print. @throws Problem, or POISONED */
  protected abstract evaluate(expression: Expression, scope: Scope, name?: string): Value;
  /** Runs a block; what it returns, or null where it comes to its end. */
  protected abstract execute(block: Block, scope: Scope): Value | null;

  protected call(callee: Value, site: CallSite, name: string | undefined): Value {
    if (!isCallable(callee)) {
      const help =
        callee.kind === "optimizer"
          ? "write it after the keyword: `optimizer adam(lr = 1e-3)`"
          : callee.kind === "model"
            ? "write what is to be used in several places as a layer"
            : "only a fn, a layer or a lambda can be called; multiplication is `*`";
      throw this.problem("not-callable", site.callee, `this is ${kindOf(callee)}, which cannot be called`, {
        label: show(callee, this.reading.freeName),
        help,
      });
    }
    if (++this.calls > this.reading.limits.callDepth) {
      throw this.endless(site);
    }
    const value = this.callOf(callee, site, name);
    this.calls--;
    return value;
  }

  /** The place of a recursion is the call by which a definition calls itself, not where the limit was passed. */
  protected endless(site: CallSite): Problem {
    const names = new Set<string>();
    let again: Frame | null = this.frame;
    while (again !== null && !names.has(again.name)) {
      names.add(again.name);
      again = again.caller;
    }
    const limit = `more than ${this.reading.limits.callDepth} calls inside one another`;
    const help = "a fn or a layer that calls itself needs an `if` that ends it";
    if (again?.site == null) return this.problem("recursion-too-deep", site.callee, limit, { help }, true);
    return new Problem(
      diagnose(
        "error",
        "recursion-too-deep",
        again.site.callee,
        `\`${again.name}\` calls itself without an end: ${limit}`,
        { help },
      ),
      true,
    );
  }

  protected callOf(callee: Callable, site: CallSite, name: string | undefined): Value {
    switch (callee.kind) {
      case "primitive":
        return this.callPrimitive(callee, site, name);
      case "lambda":
        return this.callLambda(callee, site, name);
      case "function":
        return this.callFunction(callee, site, name);
      default:
        return callee satisfies never;
    }
  }

  protected matched(
    callee: string,
    formals: readonly Formal[],
    site: CallSite,
  ): readonly (GivenArgument | undefined)[] {
    const matched = matchArguments(callee, formals, site.arguments);
    if ("code" in matched) {
      throw this.problem(matched.code, matched.span ?? site.callee, matched.message, { help: matched.help });
    }
    return matched;
  }

  protected callPrimitive(callee: PrimitiveValue, site: CallSite, name: string | undefined): Value {
    const primitive = primitives.get(callee.name)!;
    const formals = primitive.parameters.map((p) => ({
      name: p.replace("?", ""),
      optional: p.endsWith("?"),
    }));
    const matched = this.matched(callee.name, formals, site);
    this.tickItems(
      site.callee,
      site.arguments.map((argument) => argument.value),
    );
    if (callee.name === "argmax" && !this.frame.file.isStd)
      this.tell(checkArgmax(nodeOf(matched[0]?.value ?? null), numberOf(matched[1]?.value ?? null)), site);
    const context = {
      build: this.build(site.callee, name),
      freeName: this.reading.freeName,
      site: () => this.#sites++,
    };
    try {
      return this.checked(primitive.apply(context, ...matched.map((argument) => argument?.value)));
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      const values = site.arguments.map((a) => a.value);
      const explained = explainShapes(error, callee.name, values, this.reading.freeName);
      throw this.problem(
        error.code,
        site.callee,
        explained.message,
        {
          also: this.shown(site),
          notes: this.sizeNotes(values),
          help: explained.help,
        },
        error.code === "graph-too-large",
      );
    }
  }

  /** Reports what is amiss with a call. @throws Problem where it has no meaning */
  protected tell(finding: Finding | null, site: CallSite): void {
    if (finding === null) return;
    const { severity, code, message, help } = finding;
    const problem = this.problem(code, site.callee, message, { also: this.shown(site), help });
    if (severity === "error") throw problem;
    this.reading.reporter.report({ ...problem.diagnostic, severity });
  }

  protected callLambda(callee: LambdaValue, site: CallSite, name: string | undefined): Value {
    const { lambda, scope } = callee;
    const formals = lambda.parameters.map((p) => ({ name: p.text, optional: false }));
    const matched = this.matched("this lambda", formals, site);
    const inner = new Scope(scope);
    lambda.parameters.forEach((p, i) => inner.names.set(p.text, matched[i]!.value));
    return this.evaluate(lambda.body, inner, name);
  }

  protected callFunction(callee: FunctionValue, site: CallSite, name: string | undefined): Value {
    const { declaration, file } = callee;
    const title = declaration.name.text;
    const formals = declaration.parameters.map((p) => ({
      name: p.name.text,
      optional: p.default !== undefined,
    }));
    const matched = this.matched(title, formals, site);
    const caller = this.frame;
    let owner: ParameterScope | null = null;
    if (declaration.kind === "layer") {
      if (caller.owner === null) {
        throw this.problem(
          "layer-in-fn",
          site.callee,
          `\`${title}\` is a layer, and a ${caller.kind} cannot own its parameters`,
          {
            help:
              caller.kind === "fn"
                ? `write \`layer ${caller.name}\` instead of \`fn ${caller.name}\``
                : "call it in a model or in a layer",
          },
        );
      }
      owner = new ParameterScope(this.scopes++);
      caller.owner.addCall(caller.binding ?? title, owner);
    }
    const inside: Frame = {
      kind: declaration.kind,
      name: title,
      file,
      caller,
      site,
      owner,
      binding: null,
      result: name,
    };
    this.frame = inside;
    const scope = new Scope(file);
    declaration.parameters.forEach((p, i) => {
      const argument = matched[i];
      if (argument === undefined) scope.names.set(p.name.text, this.evaluate(p.default!, scope));
      else {
        scope.names.set(p.name.text, argument.value);
        bindSizes(p.type, argument.value, scope);
      }
    });
    this.fitSignature(declaration, scope, site, caller);
    // The layers of the library call no definition that is checked but an activation that they were given.
    if (file.isStd && (!caller.file.isStd || caller.kind === "layer")) {
      const known = (parameter: string): Value | null => {
        const value = scope.names.get(parameter);
        return value === undefined || value === POISON ? null : value;
      };
      const finding = checkLibraryCall(title, {
        node: (parameter) => nodeOf(known(parameter)),
        number: (parameter) => numberOf(known(parameter)),
        freeName: this.reading.freeName,
      });
      this.frame = caller;
      this.tell(finding, site);
      this.frame = inside;
    }
    const work = (): Value => this.body(declaration, scope, name);
    const value = declaration.recompute ? this.recomputed(site.callee, work) : work();
    this.frame = caller;
    this.remember(value, declaration, scope, site);
    return value;
  }

  /** What `work` gives; what it is computed from meanwhile is not kept for the backward pass. */
  protected recomputed(span: Span, work: () => Value): Value {
    const { value, asked } = this.reading.graph.watch(work);
    const results = tensorsIn(value);
    if (results.length === 0) {
      throw this.problem(
        "nothing-to-recompute",
        span,
        `what is made again is a tensor, and this is ${kindOf(value)}`,
        {
          help: "write `@recompute` before a call that gives a tensor, or before a layer",
        },
      );
    }
    for (const to of results) this.unkept.push({ from: borderOf(to, asked), to });
    return value;
  }

  protected body(declaration: FunctionDeclaration, scope: Scope, name: string | undefined): Value {
    const { body } = declaration;
    if (body.kind === "expression") return this.evaluate(body.value, scope, name);
    const returned = this.execute(body.block, scope);
    if (returned !== null) return returned;
    throw this.problem(
      "no-return",
      declaration.name.span,
      `\`${declaration.name.text}\` comes to its end without a \`return\``,
      { help: "end it with `return …`" },
    );
  }

  protected fitSignature(
    declaration: FunctionDeclaration,
    scope: Scope,
    site: CallSite,
    caller: Frame,
  ): void {
    const sizes: NamedSizes = new Map();
    const { freeName } = this.reading;
    for (const parameter of declaration.parameters) {
      const { type, name } = parameter;
      const value = scope.names.get(name.text);
      if (type === undefined || value === undefined || value === POISON) continue;
      this.tickItems(site.callee, [value]);
      const node = this.placed(name.span, () => toNode(this.build(name.span), value));
      const size = (dimension: Expression): Size => {
        const wanted = this.evaluate(dimension, scope);
        return this.placed(dimension.span, () => toSize(wanted, freeName));
      };
      const wrong = fit(name.text, type, node, sizes, size, freeName);
      if (wrong !== null) {
        this.frame = caller;
        throw this.problem("shape-mismatch", site.callee, `in ${declaration.name.text}, ${wrong}`, {
          also: this.shown(site),
          notes: this.sizeNotes(site.arguments.map((a) => a.value)),
          help:
            (this.isStd(site.callee) ? labelHelp(name.text, node, freeName) : undefined) ??
            "give it a tensor of that shape",
        });
      }
      if (value.kind === "list") scope.names.set(name.text, tensor(node));
      for (const [capital, { size: known }] of sizes) scope.names.set(capital, sizeValue(known));
    }
  }
}

const nodeOf = (value: Value | null): Node | null => (value?.kind === "tensor" ? value.node : null);
const numberOf = (value: Value | null): number | null => (value?.kind === "number" ? value.value : null);

function tensorsIn(value: Value): Node[] {
  if (value.kind === "tensor") return [value.node];
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

/** The sizes that a tensor's type names, for the defaults that follow; whether they fit is seen when every argument is there. */
function bindSizes(type: TensorType | undefined, value: Value, scope: Scope): void {
  if (type === undefined || value.kind !== "tensor") return;
  for (const [name, size] of sizesIn(type, value.node.shape)) {
    if (!scope.names.has(name)) scope.names.set(name, sizeValue(size));
  }
}
