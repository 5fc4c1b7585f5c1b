/**
 * Reads a model over compile-time values. Whatever is known is computed; tensors become nodes of the graph, layers expand into
 * theirs, and each parameter is recorded where it is made. A mistake ends its statement, whose names are poisoned so that what
 * depends on them is passed over in silence, and reading goes on.
 */
import type {
  Block,
  Expression,
  InputDeclaration,
  ModelDeclaration,
  OptimizerStatement,
  ParameterDeclaration,
  StateDeclaration,
  Statement,
  TensorType,
} from "../../grammar/ast.ts";
import type { Diagnostic, Span } from "../../grammar/diagnostic.ts";
import { reachable } from "../graph/graph.ts";
import type { InputInfo, NamedNode } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { isFree, type Shape, showShape, showSize } from "../ir/size.ts";
import type { GivenArgument } from "./arguments.ts";
import { Expressions } from "./expressions.ts";
import type { CallSite, Frame } from "./frame.ts";
import { ParameterScope } from "./paths.ts";
import { POISONED, Problem } from "./problem.ts";
import type { MadeParameter } from "./reading.ts";
import { POISON, Scope } from "./values.ts";
import type { FileScope } from "./file-scope.ts";
import { boundName, statementsOf } from "./syntax.ts";
import { checkedShape, sizeValue, toSize } from "./tensors.ts";
import {
  calledName,
  isCallable,
  kindOf,
  list,
  show,
  tensor,
  type OptimizerValue,
  type Value,
} from "./values.ts";

export interface ChosenOptimizer {
  readonly callee: OptimizerValue;
  /** First values, in the order of its parameters. */
  readonly values: ReadonlyMap<string, Value>;
  readonly span: Span;
  readonly site: CallSite;
}

export interface StateResult {
  readonly name: string;
  readonly start: Node;
  readonly update: Node;
}

interface OpenState {
  readonly start: Node;
  /** What the name stands for until it is bound again. */
  readonly node: Node;
}

export class Interpreter extends Expressions {
  readonly inputs: InputInfo[] = [];
  readonly inputSpans = new Map<string, Span>();
  readonly outputs: (NamedNode & { readonly span: Span })[] = [];
  readonly metrics: (NamedNode & { readonly span: Span })[] = [];
  readonly losses: Node[] = [];
  optimizer: ChosenOptimizer | null = null;
  root: ParameterScope | null = null;

  #problems = 0;
  #states: Map<string, OpenState> | null = null;
  #stateParameter: { readonly index: number; readonly made: MadeParameter } | null = null;

  /** Reads the model whole. `settings` are values given from outside; of `freeNames` the first is the batch, and others are in error. */
  readModel(
    model: ModelDeclaration,
    file: FileScope,
    settings: ReadonlyMap<string, Expression>,
    freeNames: readonly string[],
  ): void {
    this.root = new ParameterScope(this.scopes++);
    this.frame = {
      kind: "model",
      name: model.name.text,
      file,
      caller: null,
      site: null,
      owner: this.root,
      binding: null,
    };
    const scope = new Scope(file);
    freeNames.forEach((name, i) => scope.names.set(name, i === 0 ? { kind: "size", count: 1 } : POISON));
    for (const parameter of model.parameters) {
      this.#guarded(
        () => [parameter.name.text],
        scope,
        () => {
          const standard = parameter.default === undefined ? null : this.evaluate(parameter.default, scope);
          const given = settings.get(parameter.name.text);
          const value = given === undefined ? standard : this.evaluate(given, new Scope(file));
          if (value === null) {
            throw this.problem(
              "setting-missing",
              parameter.span,
              `\`${parameter.name.text}\` of ${model.name.text} has no value`,
              {
                help: `give it one with \`--set ${parameter.name.text}=…\`, or a default here`,
              },
            );
          }
          if (given !== undefined && standard !== null && !sameKind(standard, value)) {
            throw this.problem(
              "setting-kind",
              given.span,
              `\`${parameter.name.text}\` is ${kindOf(standard)} by default, and this is ${kindOf(value)}`,
              {
                also: [{ span: parameter.span, text: "declared here" }],
                help: `give ${kindOf(standard)}`,
              },
            );
          }
          scope.names.set(parameter.name.text, value);
        },
      );
    }
    this.execute(model.body, scope);
  }

  /** What the optimiser makes of one parameter. */
  runOptimizer(
    chosen: ChosenOptimizer,
    index: number,
    parameter: MadeParameter,
    gradient: Node,
  ): { readonly update: Node; readonly states: readonly StateResult[] } | null {
    const { declaration, file } = chosen.callee;
    const build = this.build(chosen.span);
    const scope = new Scope(file);
    for (const [name, value] of chosen.values) scope.names.set(name, value);
    scope.names.set("param", tensor(parameter.node));
    scope.names.set("grad", tensor(gradient));
    scope.names.set("step", tensor(this.reading.graph.make("step", [], {}, build.origin)));
    const caller = this.frame;
    this.frame = {
      kind: "optimizer",
      name: declaration.name.text,
      file,
      caller,
      site: chosen.site,
      owner: null,
      binding: null,
    };
    this.#states = new Map();
    this.#stateParameter = { index, made: parameter };
    try {
      this.execute(declaration.body, scope);
      const last = (name: string, span: Span): Node => {
        const value = scope.find(name);
        if (value === undefined || value === POISON) throw POISONED;
        return this.shaped(
          value,
          parameter.shape,
          span,
          `\`${name}\` of the optimizer`,
          "an update is shaped like its parameter",
        );
      };
      const update = last("param", declaration.name.span);
      if (update === parameter.node) {
        throw this.problem(
          "optimizer-idle",
          declaration.name.span,
          `${declaration.name.text} never binds \`param\`, so nothing is trained`,
          {
            help: "end it with `param = …`",
          },
        );
      }
      const states = [...this.#states].map(([name, { start }]) => ({
        name,
        start,
        update: last(name, declaration.name.span),
      }));
      return { update, states };
    } catch (error) {
      this.#settle(error);
      return null;
    } finally {
      this.frame = caller;
      this.#states = null;
      this.#stateParameter = null;
    }
  }

  /** Runs a block; what it returns, or null where it comes to its end. */
  protected override execute(block: Block, scope: Scope): Value | null {
    for (const statement of block.statements) {
      let returned: Value | null = null;
      this.#guarded(
        () => namesOf(statement),
        scope,
        () => {
          returned = this.#statement(statement, scope);
        },
        statement,
      );
      if (returned !== null) return returned;
    }
    return null;
  }

  /** Runs `action`; if it fails, says why and poisons `names`. A body that fails to return has no value at all. */
  #guarded(names: () => readonly string[], scope: Scope, action: () => void, statement?: Statement): void {
    const [frame, depth, calls, fixing] = [this.frame, this.depth, this.calls, this.fixing];
    try {
      action();
    } catch (error) {
      this.frame = frame;
      this.depth = depth;
      this.calls = calls;
      this.fixing = fixing;
      this.#settle(error);
      for (const name of names()) scope.names.set(name, POISON);
      const returns = frame.kind === "fn" || frame.kind === "layer";
      if (returns && statement !== undefined && mayReturn(statement)) throw POISONED;
    } finally {
      frame.binding = null;
    }
  }

  /** Reports a mistake of the program; anything else, and a limit that was passed, goes on upwards. */
  #settle(error: unknown): void {
    if (error === POISONED) return;
    if (!(error instanceof Problem)) throw error;
    this.reading.reporter.report(error.diagnostic);
    // A mistake inside a loop is met at every turn.
    if (error.fatal || ++this.#problems > this.reading.limits.problems) throw error;
  }

  #statement(statement: Statement, scope: Scope): Value | null {
    this.tick(statement.span);
    this.#requirePlace(statement);
    const frame = this.frame;
    switch (statement.kind) {
      case "bind": {
        frame.binding = statement.name.text;
        scope.names.set(statement.name.text, this.evaluate(statement.value, scope, statement.name.text));
        return null;
      }
      case "return":
        return this.evaluate(statement.value, scope, this.frame.result);
      case "if": {
        const condition = this.#condition(statement.condition, scope);
        if (condition) return this.execute(statement.then, scope);
        return statement.otherwise === undefined ? null : this.execute(statement.otherwise, scope);
      }
      case "for": {
        this.fixing++;
        const items = this.evaluate(statement.iterable, scope);
        this.fixing--;
        for (const item of this.turns(items, statement.iterable.span)) {
          this.tick(statement.span);
          scope.names.set(statement.variable.text, item);
          const returned = this.execute(statement.body, scope);
          if (returned !== null) return returned;
        }
        return null;
      }
      case "param":
        this.#declareParameter(statement, scope);
        return null;
      case "input":
        this.#declareInput(statement, scope);
        return null;
      case "output":
      case "metric": {
        frame.binding = statement.name?.text ?? null;
        const name = statement.name?.text ?? calledName(statement.value);
        const value = this.evaluate(statement.value, scope, name ?? undefined);
        this.#result(statement, name, value, scope);
        return null;
      }
      case "loss": {
        const value = this.evaluate(statement.value, scope, "loss");
        const node = this.floatOf(value, statement.value);
        if (node.shape.length > 0) {
          throw this.problem("loss-not-scalar", statement.value.span, "a loss is one number", {
            label: showShape(node.shape, this.reading.freeName),
            help: "take its `mean` or its `sum`",
          });
        }
        this.losses.push(node);
        return null;
      }
      case "optimizer":
        this.#chooseOptimizer(statement, scope);
        return null;
      case "state":
        this.#declareState(statement, scope);
        return null;
      default:
        return statement satisfies never;
    }
  }

  #requirePlace(statement: Statement): void {
    const places = placesOf(statement);
    const { kind, name } = this.frame;
    if (places === null || places.includes(kind)) return;
    const what = statement.kind === "input" ? statement.role : statement.kind;
    if (statement.kind === "param" && kind === "fn") {
      throw this.problem(
        "param-in-fn",
        statement.span,
        `a fn is pure: it cannot own the parameter \`${statement.name.text}\``,
        {
          help: `write \`layer ${name}\` instead of \`fn ${name}\``,
        },
      );
    }
    throw this.problem(
      "statement-misplaced",
      statement.span,
      `\`${what}\` cannot stand in ${kind === "optimizer" ? "an" : "a"} ${kind}`,
      {
        help: `it belongs in ${places.map((p) => (p === "optimizer" ? "an optimizer" : `a ${p}`)).join(" or ")}`,
      },
    );
  }

  #condition(expression: Expression, scope: Scope): boolean {
    this.fixing++;
    const value = this.evaluate(expression, scope);
    this.fixing--;
    if (value.kind === "boolean") return value.value;
    if (value.kind === "tensor") {
      throw this.problem(
        "condition-not-known",
        expression.span,
        "`if` decides when compiling, and this is computed at run time",
        {
          label: show(value, this.reading.freeName),
          help: "choose between tensors with `where(condition, a, b)`",
        },
      );
    }
    throw this.problem(
      "condition-not-boolean",
      expression.span,
      `\`if\` needs true or false, and this is ${kindOf(value)}`,
      {
        help: "compare it with something, as in `n > 0`",
      },
    );
  }

  #declareParameter(statement: ParameterDeclaration, scope: Scope): void {
    const { owner } = this.frame;
    const name = statement.name.text;
    if (owner === null)
      throw this.problem("param-in-fn", statement.span, "a parameter belongs to a model or a layer");
    const declared = statement.type === undefined ? null : this.#fixedShape(statement.type, scope, name);
    const { start } = statement;
    if (start === undefined) {
      throw this.problem("param-without-start", statement.name.span, `\`${name}\` has no first value`, {
        help: `draw one, \`param ${name}: […] ~ normal(0, 0.1)\`, or give one, \`param ${name} = 0\``,
      });
    }
    let value: Value;
    if (start.kind === "initializer") {
      if (declared === null) {
        throw this.problem(
          "param-without-shape",
          statement.name.span,
          `\`${name}\` is drawn, so its shape must be written`,
          {
            help: `write \`param ${name}: [2, 3] ~ …\``,
          },
        );
      }
      value = this.#initial(start.value, declared, statement, scope);
    } else value = this.#firstValue(start.value, statement, scope);

    const shape = declared ?? this.floatOf(value, start.value).shape;
    if (shape.some(isFree)) {
      throw this.problem("free-parameter", start.value.span, "a parameter cannot be as large as the batch", {
        help: "write its shape with known sizes",
      });
    }
    const node = this.shaped(
      value,
      shape,
      start.value.span,
      `the first value of \`${name}\``,
      `\`${name}\` another`,
    );
    const moving = reachable([node]).find((n) => n.op === "input" || n.op === "parameter" || n.op === "grad");
    if (moving !== undefined) {
      throw this.problem(
        "start-not-known",
        start.value.span,
        `the first value of \`${name}\` depends on ${moving.op === "input" ? "an input" : "another parameter"}`,
        {
          help: "a first value is made before there is any data",
        },
      );
    }
    const index = this.parameters.length;
    const made = this.build(statement.span, name).graph.make(
      "parameter",
      [],
      { index, shape },
      { name, span: this.originSpan(statement.span) },
    );
    const text = this.text(start.value.span).replace(/\s+/g, " ");
    this.parameters.push({
      shape,
      frozen: statement.frozen,
      init: start.kind === "initializer" ? text : `= ${text}`,
      doc: statement.doc,
      span: this.originSpan(statement.name.span),
      ...(this.isStd(statement.name.span) ? { declared: statement.name.span } : {}),
      start: node,
      node: made,
    });
    owner.addParameter(name, index);
    scope.names.set(name, tensor(made));
  }

  /** `~ f(a)` is `f(shape, a)`. */
  #initial(expression: Expression, shape: Shape, statement: ParameterDeclaration, scope: Scope): Value {
    const span = statement.type?.span ?? statement.span;
    const first: GivenArgument = { name: null, value: list(shape.map(sizeValue)), span, place: span };
    return this.#advised(
      () => this.applied(expression, first, scope),
      ({ code, labels }) =>
        code === "not-callable" && labels[0]?.span === expression.span
          ? `a value that is given is written with \`=\`: \`${this.#declaredWith("=", expression, statement)}\``
          : undefined,
    );
  }

  /** `= value`. An initialiser there has not been given its shape. */
  #firstValue(expression: Expression, statement: ParameterDeclaration, scope: Scope): Value {
    const called = expression.kind === "call" ? expression.callee : expression;
    const found = called.kind === "name" ? scope.file.find(called.text)?.declaration : undefined;
    const draws = found?.kind === "fn" && found.parameters[0]?.name.text === "shape";
    return this.#advised(
      () => {
        const value = this.evaluate(expression, scope);
        if (draws) this.floatOf(value, expression);
        return value;
      },
      () =>
        draws
          ? `first values are drawn with \`~\`: \`${this.#declaredWith("~", expression, statement)}\``
          : undefined,
    );
  }

  /** The declaration with its value after another sign. */
  #declaredWith(sign: "=" | "~", value: Expression, { name, type }: ParameterDeclaration): string {
    const shape = type === undefined ? "[…]" : this.quoted(type.span);
    return `param ${name.text}: ${shape} ${sign} ${this.quoted(value.span)}`;
  }

  /** Runs `action`, whose problems get another help where `advice` has one. */
  #advised<T>(action: () => T, advice: (diagnostic: Diagnostic) => string | undefined): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const help = advice(error.diagnostic);
      throw help === undefined ? error : new Problem({ ...error.diagnostic, help }, error.fatal);
    }
  }

  #declareInput(statement: InputDeclaration, scope: Scope): void {
    const { name, type, role } = statement;
    const before = this.inputSpans.get(name.text);
    if (before !== undefined) {
      throw this.problem("duplicate-name", name.span, `there is an input \`${name.text}\` already`, {
        also: [{ span: before, text: "here" }],
        help: "give this one another name",
      });
    }
    const shape = this.#typeShape(type, scope);
    const build = this.build(statement.span, name.text);
    const node = build.graph.make("input", [], { name: name.text, shape, type: type.element }, build.origin);
    this.inputs.push({
      name: name.text,
      role,
      type: type.element,
      shape,
      ...(statement.doc === undefined ? {} : { doc: statement.doc }),
    });
    this.inputSpans.set(name.text, name.span);
    scope.names.set(name.text, tensor(node));
  }

  #result(
    statement: Statement & { kind: "output" | "metric" },
    name: string | null,
    value: Value,
    scope: Scope,
  ): void {
    if (name === null) {
      throw this.problem("name-missing", statement.value.span, `this ${statement.kind} has no name`, {
        help: `write \`${statement.kind} name = …\``,
      });
    }
    const node = this.floatOf(value, statement.value);
    const results = statement.kind === "output" ? this.outputs : this.metrics;
    const before = results.find((r) => r.name === name);
    if (before !== undefined) {
      throw this.problem(
        "duplicate-name",
        statement.name?.span ?? statement.value.span,
        `there is a${statement.kind === "output" ? "n output" : " metric"} \`${name}\` already`,
        {
          also: [{ span: before.span, text: "here" }],
          help: `write \`${statement.kind} another = …\``,
        },
      );
    }
    if (statement.kind === "metric" && node.shape.length > 0) {
      throw this.problem("metric-not-scalar", statement.value.span, "a metric is one number", {
        label: showShape(node.shape, this.reading.freeName),
        help: "take its `mean`",
      });
    }
    results.push({
      name,
      node,
      span: statement.name?.span ?? statement.value.span,
      ...(statement.doc === undefined ? {} : { doc: statement.doc }),
    });
    if (statement.name !== undefined) scope.names.set(name, value);
  }

  #chooseOptimizer(statement: OptimizerStatement, scope: Scope): void {
    if (this.optimizer !== null) {
      throw this.problem("duplicate-optimizer", statement.span, "a model has one optimizer", {
        also: [{ span: this.optimizer.span, text: "the first" }],
        help: "remove one",
      });
    }
    const { value } = statement;
    const call = value.kind === "call" ? value : null;
    const calleeExpression = call?.callee ?? value;
    const callee = this.callee(calleeExpression, scope);
    if (callee.kind !== "optimizer") {
      throw this.problem(
        "not-an-optimizer",
        calleeExpression.span,
        `this is ${kindOf(callee)}, not an optimizer`,
        { help: "write `optimizer adam(lr = 1e-3)`, or define one with `optimizer name(…) { … }`" },
      );
    }
    const { declaration, file } = callee;
    const given = this.given(call?.arguments ?? [], scope);
    const site: CallSite = { callee: calleeExpression.span, arguments: given };
    const formals = declaration.parameters.map((p) => ({
      name: p.name.text,
      optional: p.default !== undefined,
    }));
    const matched = this.matched(declaration.name.text, formals, site);
    const values = new Map<string, Value>();
    const own = new Scope(file);
    declaration.parameters.forEach((parameter, i) => {
      const argument = matched[i];
      const at = argument?.value ?? this.evaluate(parameter.default!, own);
      const name = parameter.name.text;
      if (at.kind !== "number" && at.kind !== "boolean") {
        throw this.problem(
          "type-mismatch",
          argument?.span ?? parameter.span,
          `\`${name}\` of ${declaration.name.text} must be a number or a boolean known when compiling, not ${kindOf(at)}`,
          {
            help: "to change it while training, set it from outside: arguments of an optimizer stay adjustable",
          },
        );
      }
      own.names.set(name, at);
      values.set(name, at.kind === "number" ? { kind: "hyper", name, value: at.value } : at);
    });
    this.optimizer = { callee, values, span: statement.span, site };
  }

  #declareState(statement: StateDeclaration, scope: Scope): void {
    const current = this.#stateParameter;
    const states = this.#states;
    if (current === null || states === null)
      throw this.problem("statement-misplaced", statement.span, "`state` belongs in an optimizer");
    const name = statement.name.text;
    if (states.has(name)) {
      throw this.problem("duplicate-name", statement.name.span, `there is a state \`${name}\` already`, {
        help: "bind it again with `=`, without `state`",
      });
    }
    const before = scope.snapshot();
    // Before the first step the parameter and the states have their first values.
    before.names.set("param", tensor(current.made.start));
    for (const [other, state] of states) {
      const bound = before.names.get(other);
      if (bound !== undefined && bound !== POISON && bound.kind === "tensor" && bound.node === state.node) {
        before.names.set(other, tensor(state.start));
      }
    }
    this.fixing++;
    const value = this.evaluate(statement.value, before);
    this.fixing--;
    const { shape } = current.made;
    const start = this.shaped(
      value,
      shape,
      statement.value.span,
      `the first value of \`${name}\``,
      "a state is shaped like its parameter",
    );
    const parts = reachable([start]);
    // A gradient is made of parameters too, so it is looked for first.
    const late = (["grad", "step", "state", "parameter"] as const).find((op) =>
      parts.some((n) => n.op === op),
    );
    if (late !== undefined) {
      const on = {
        grad: "a gradient",
        step: "the step",
        state: "a state that has been bound again",
        parameter: "what a line before has made of `param`",
      };
      throw this.problem(
        "start-not-known",
        statement.value.span,
        `the first value of \`${name}\` depends on ${on[late]}`,
        { help: "a first value is made before the first step: give a number, and bind it again with `=`" },
      );
    }
    const build = this.build(statement.span, name);
    const node = build.graph.make("state", [], { parameter: current.index, name, shape }, build.origin);
    states.set(name, { start, node });
    scope.names.set(name, tensor(node));
  }

  #typeShape(type: TensorType, scope: Scope): Shape {
    const { freeName } = this.reading;
    const sizes = type.dimensions.map((dimension) => {
      if (dimension.kind === "ellipsis")
        throw this.problem("bad-size", dimension.span, "`...` stands in signatures alone", {
          help: "write out the sizes",
        });
      const value = this.evaluate(dimension, scope);
      return this.placed(dimension.span, () => toSize(value, freeName));
    });
    return this.placed(type.span, () => checkedShape(sizes, freeName));
  }

  #fixedShape(type: TensorType, scope: Scope, name: string): Shape {
    if (type.element !== "float")
      throw this.problem(
        "type-mismatch",
        type.span,
        `the parameter \`${name}\` cannot be trained as ${type.element}`,
        { help: "parameters are floats: leave the type out" },
      );
    const shape = this.#typeShape(type, scope);
    const at = shape.findIndex(isFree);
    if (at < 0) return shape;
    throw this.problem(
      "free-parameter",
      type.dimensions[at]!.span,
      `the parameter \`${name}\` cannot be as large as the batch`,
      {
        label: `${showSize(shape[at]!, this.reading.freeName)} is free until run time`,
        help: "a parameter's sizes are known when compiling; sum or average over the batch instead",
      },
    );
  }
}

// --------------------------------------------------------------------------------------------------------- syntax

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
      return ["optimizer"];
    default:
      return statement satisfies never;
  }
}

/** Whether a setting may take the place of its default: callables stand for one another. */
const sameKind = (a: Value, b: Value): boolean =>
  isCallable(a) ? isCallable(b) : a.kind === b.kind || (a.kind === "list" && b.kind === "range");
