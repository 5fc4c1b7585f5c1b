/**
 * Reads a model over compile-time values. Whatever is known is computed; tensors become nodes of the graph, layers expand into
 * theirs, and each parameter is recorded where it is made. A mistake ends its statement, whose names are poisoned so that what
 * depends on them is passed over in silence, and reading goes on.
 */
import type {
  Argument,
  Binary,
  Block,
  Call,
  Expression,
  FunctionDeclaration,
  Index,
  InputDeclaration,
  Member,
  ModelDeclaration,
  OptimizerStatement,
  ParameterDeclaration,
  Pipe,
  SourceFile,
  StateDeclaration,
  Statement,
  TensorType,
} from "../../grammar/ast.ts";
import type { Label, Span } from "../../grammar/diagnostic.ts";
import { lineAndColumn } from "../../grammar/text-position.ts";
import { closest } from "../../grammar/suggest.ts";
import { Build } from "../ir/build.ts";
import { reachable, type Graph } from "../ir/graph.ts";
import type { InputInfo, NamedNode } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { sameShape, showShape, showSize, type Shape, type Size } from "../ir/size.ts";
import { OpError } from "../ops/op.ts";
import { matchArguments, type Formal, type GivenArgument } from "./arguments.ts";
import { explainShapes } from "./explain.ts";
import { entryToStd, type CallSite, type Frame } from "./frame.ts";
import { select, type Selection } from "./indexing.ts";
import type { Limits } from "./limits.ts";
import { binary, negate, not, transpose } from "./operators.ts";
import { ParameterScope, type Paths } from "./paths.ts";
import { primitives } from "./primitives/table.ts";
import { diagnose, Poisoned, Problem, type Details, type Reporter } from "./problem.ts";
import { POISON, Scope, type FileScope, type Found } from "./scope.ts";
import { fit, type NamedSizes } from "./signature.ts";
import { boundName, pathSegments, statementsOf } from "./syntax.ts";
import { checkedShape, sizeValue, toFloat, toInteger, toNode, toSize } from "./tensors.ts";
import {
  boolean,
  calledName,
  isCallable,
  kindOf,
  list,
  number,
  show,
  tensor,
  type Callable,
  type FunctionValue,
  type LambdaValue,
  type OptimizerValue,
  type PrimitiveValue,
  type Value,
} from "./values.ts";

/** A parameter as it was made; its path is known when the whole model has been read. */
export interface MadeParameter {
  readonly shape: Shape;
  readonly frozen: boolean;
  readonly init: string;
  readonly doc: string | undefined;
  readonly span: Span;
  /** Its first value. */
  readonly start: Node;
  readonly node: Node;
}

/** What an earlier reading of the same model found. */
export interface Known extends Paths {
  readonly parameters: readonly MadeParameter[];
}

export interface Reading {
  readonly graph: Graph;
  readonly reporter: Reporter;
  readonly limits: Limits;
  readonly sources: ReadonlyMap<string, SourceFile>;
  /** The name of the free dimension; `N` for messages where the model has none. */
  readonly freeName: string;
  readonly training: boolean;
  /** Null in the first reading, which finds the parameters. */
  readonly known: Known | null;
}

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
}

/** A call's result may have sizes that its caller asked for by number: what to say of them. */
interface Maker {
  readonly name: string;
  readonly site: Span;
  readonly numbers: readonly (readonly [string, number])[];
}

const named: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["pi", number(Math.PI)],
  ["e", number(Math.E)],
  ["inf", number(Infinity)],
  ["all", { kind: "all" }],
]);

/** Names that always have a meaning, definitions aside. */
export const predefined: readonly string[] = [...named.keys(), "training", "weights", "params"];

export class Interpreter {
  readonly parameters: MadeParameter[] = [];
  readonly inputs: InputInfo[] = [];
  readonly inputSpans = new Map<string, Span>();
  readonly outputs: (NamedNode & { readonly span: Span })[] = [];
  readonly metrics: (NamedNode & { readonly span: Span })[] = [];
  readonly losses: Node[] = [];
  optimizer: ChosenOptimizer | null = null;
  root: ParameterScope | null = null;

  readonly #reading: Reading;
  readonly #constants = new Map<object, Value | typeof POISON | "open">();
  readonly #makers = new Map<Node, Maker[]>();
  #frame: Frame;
  #steps = 0;
  #depth = 0;
  #calls = 0;
  #sites = 0;
  #scopes = 0;
  #problems = 0;
  /** Above 0 where an optimiser's arguments stand for their first values. */
  #fixing = 0;
  #states: Map<string, OpenState> | null = null;
  #stateParameter: { readonly index: number; readonly made: MadeParameter } | null = null;

  constructor(reading: Reading, file: FileScope) {
    this.#reading = reading;
    this.#frame = { kind: "const", name: "", file, caller: null, site: null, owner: null, binding: null };
  }

  // ------------------------------------------------------------------------------------------------------- entries

  /** Reads the model whole. `settings` are values given from outside; of `freeNames` the first is the batch, and others are in error. */
  readModel(
    model: ModelDeclaration,
    file: FileScope,
    settings: ReadonlyMap<string, Expression>,
    freeNames: readonly string[],
  ): void {
    this.root = new ParameterScope(this.#scopes++);
    this.#frame = {
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
          const standard = parameter.default === undefined ? null : this.#evaluate(parameter.default, scope);
          const given = settings.get(parameter.name.text);
          const value = given === undefined ? standard : this.#evaluate(given, new Scope(file));
          if (value === null) {
            throw this.#problem(
              "setting-missing",
              parameter.span,
              `\`${parameter.name.text}\` of ${model.name.text} has no value`,
              {
                help: `give it one with \`--set ${parameter.name.text}=…\`, or a default here`,
              },
            );
          }
          if (given !== undefined && standard !== null && !sameKind(standard, value)) {
            throw this.#problem(
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
    this.#execute(model.body, scope);
  }

  /** What the optimiser makes of one parameter. */
  runOptimizer(
    chosen: ChosenOptimizer,
    index: number,
    parameter: MadeParameter,
    gradient: Node,
  ): { readonly update: Node; readonly states: readonly StateResult[] } | null {
    const { declaration, file } = chosen.callee;
    const build = this.#build(chosen.span);
    const scope = new Scope(file);
    for (const [name, value] of chosen.values) scope.names.set(name, value);
    scope.names.set("param", tensor(parameter.node));
    scope.names.set("grad", tensor(gradient));
    scope.names.set("step", tensor(this.#reading.graph.make("step", [], {}, build.origin)));
    const caller = this.#frame;
    this.#frame = {
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
      this.#execute(declaration.body, scope);
      const last = (name: string, span: Span): Node => {
        const value = scope.find(name);
        if (value === undefined || value === POISON) throw new Poisoned();
        return this.#shaped(
          value,
          parameter.shape,
          span,
          `\`${name}\` of the optimizer`,
          "an update is shaped like its parameter",
        );
      };
      const update = last("param", declaration.name.span);
      if (update === parameter.node) {
        throw this.#problem(
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
      this.#frame = caller;
      this.#states = null;
      this.#stateParameter = null;
    }
  }

  /** Says what is wrong at a place that is not inside an evaluation. */
  say(code: string, span: Span, message: string, details: Details = {}): void {
    this.#reading.reporter.report(diagnose("error", code, span, message, details));
  }

  // ---------------------------------------------------------------------------------------------------- statements

  /** Runs a block; what it returns, or null where it comes to its end. */
  #execute(block: Block, scope: Scope): Value | null {
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
    const [frame, depth, calls, fixing] = [this.#frame, this.#depth, this.#calls, this.#fixing];
    try {
      action();
    } catch (error) {
      this.#frame = frame;
      this.#depth = depth;
      this.#calls = calls;
      this.#fixing = fixing;
      this.#settle(error);
      for (const name of names()) scope.names.set(name, POISON);
      if (statement !== undefined && mayReturn(statement)) throw new Poisoned();
    } finally {
      frame.binding = null;
    }
  }

  /** Reports a mistake of the program; anything else, and a limit that was passed, goes on upwards. */
  #settle(error: unknown): void {
    if (error instanceof Poisoned) return;
    if (!(error instanceof Problem)) throw error;
    this.#reading.reporter.report(error.diagnostic);
    // A mistake inside a loop is met at every turn.
    if (error.fatal || ++this.#problems > this.#reading.limits.problems) throw error;
  }

  #statement(statement: Statement, scope: Scope): Value | null {
    this.#tick(statement.span);
    this.#requirePlace(statement);
    const frame = this.#frame;
    switch (statement.kind) {
      case "bind": {
        frame.binding = statement.name.text;
        scope.names.set(statement.name.text, this.#evaluate(statement.value, scope, statement.name.text));
        return null;
      }
      case "return":
        return this.#evaluate(statement.value, scope, this.#frame.result);
      case "if": {
        const condition = this.#condition(statement.condition, scope);
        if (condition) return this.#execute(statement.then, scope);
        return statement.otherwise === undefined ? null : this.#execute(statement.otherwise, scope);
      }
      case "for": {
        this.#fixing++;
        const items = this.#evaluate(statement.iterable, scope);
        this.#fixing--;
        for (const item of this.#turns(items, statement.iterable.span)) {
          this.#tick(statement.span);
          scope.names.set(statement.variable.text, item);
          const returned = this.#execute(statement.body, scope);
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
        const value = this.#evaluate(statement.value, scope, name ?? undefined);
        this.#result(statement, name, value, scope);
        return null;
      }
      case "loss": {
        const value = this.#evaluate(statement.value, scope, "loss");
        const node = this.#floatOf(value, statement.value);
        if (node.shape.length > 0) {
          throw this.#problem("loss-not-scalar", statement.value.span, "a loss is one number", {
            label: showShape(node.shape, this.#reading.freeName),
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
    const { kind, name } = this.#frame;
    if (places === null || places.includes(kind)) return;
    const what = statement.kind === "input" ? statement.role : statement.kind;
    if (statement.kind === "param" && kind === "fn") {
      throw this.#problem(
        "param-in-fn",
        statement.span,
        `a fn is pure: it cannot own the parameter \`${statement.name.text}\``,
        {
          help: `write \`layer ${name}\` instead of \`fn ${name}\``,
        },
      );
    }
    throw this.#problem(
      "statement-misplaced",
      statement.span,
      `\`${what}\` cannot stand in ${kind === "optimizer" ? "an" : "a"} ${kind}`,
      {
        help: `it belongs in ${places.map((p) => (p === "optimizer" ? "an optimizer" : `a ${p}`)).join(" or ")}`,
      },
    );
  }

  #condition(expression: Expression, scope: Scope): boolean {
    this.#fixing++;
    const value = this.#evaluate(expression, scope);
    this.#fixing--;
    if (value.kind === "boolean") return value.value;
    if (value.kind === "tensor") {
      throw this.#problem(
        "condition-not-known",
        expression.span,
        "`if` decides when compiling, and this is computed at run time",
        {
          label: show(value, this.#reading.freeName),
          help: "choose between tensors with `where(condition, a, b)`",
        },
      );
    }
    throw this.#problem(
      "condition-not-boolean",
      expression.span,
      `\`if\` needs true or false, and this is ${kindOf(value)}`,
      {
        help: "compare it with something, as in `n > 0`",
      },
    );
  }

  *#turns(value: Value, span: Span): Generator<Value> {
    const limit = this.#reading.limits.turns;
    const length =
      value.kind === "list" ? value.items.length : value.kind === "range" ? value.stop - value.start : null;
    if (length === null) {
      throw this.#problem(
        "not-iterable",
        span,
        `\`for\` goes through a list or a range, and this is ${kindOf(value)}`,
        {
          help:
            value.kind === "number"
              ? `a range of this length is \`0..${value.value}\``
              : "loops run when compiling; a sum over an axis is `sum(x, axis = …)`",
        },
      );
    }
    if (length > limit) {
      throw this.#problem(
        "loop-too-long",
        span,
        `a loop of ${length} turns; ${limit} is the most`,
        {
          help: "loops are unrolled when compiling; let an axis of a tensor do the counting",
        },
        true,
      );
    }
    if (value.kind === "list") yield* value.items;
    else if (value.kind === "range") for (let i = value.start; i < value.stop; i++) yield number(i);
  }

  #declareParameter(statement: ParameterDeclaration, scope: Scope): void {
    const { owner } = this.#frame;
    const name = statement.name.text;
    if (owner === null)
      throw this.#problem("param-in-fn", statement.span, "a parameter belongs to a model or a layer");
    const declared = statement.type === undefined ? null : this.#fixedShape(statement.type, scope, name);
    const { start } = statement;
    if (start === undefined) {
      throw this.#problem("param-without-start", statement.name.span, `\`${name}\` has no first value`, {
        help: `draw one, \`param ${name}: […] ~ normal(0, 0.1)\`, or give one, \`param ${name} = 0\``,
      });
    }
    let value: Value;
    if (start.kind === "initializer") {
      if (declared === null) {
        throw this.#problem(
          "param-without-shape",
          statement.name.span,
          `\`${name}\` is drawn, so its shape must be written`,
          {
            help: `write \`param ${name}: [2, 3] ~ …\``,
          },
        );
      }
      value = this.#initial(start.value, declared, statement.type!.span, scope);
    } else value = this.#evaluate(start.value, scope);

    const shape = declared ?? this.#floatOf(value, start.value).shape;
    if (shape.some((size) => size.free)) {
      throw this.#problem("free-parameter", start.value.span, "a parameter cannot be as large as the batch", {
        help: "write its shape with known sizes",
      });
    }
    const node = this.#shaped(
      value,
      shape,
      start.value.span,
      `the first value of \`${name}\``,
      `\`${name}\` another`,
    );
    const moving = reachable([node]).find((n) => n.op === "input" || n.op === "parameter" || n.op === "grad");
    if (moving !== undefined) {
      throw this.#problem(
        "start-not-known",
        start.value.span,
        `the first value of \`${name}\` depends on ${moving.op === "input" ? "an input" : "another parameter"}`,
        {
          help: "a first value is made before there is any data",
        },
      );
    }
    const index = this.parameters.length;
    const made = this.#build(statement.span, name).graph.make(
      "parameter",
      [],
      { index, shape },
      { name, span: this.#originSpan(statement.span) },
    );
    const text = this.#text(start.value.span).replace(/\s+/g, " ");
    this.parameters.push({
      shape,
      frozen: statement.frozen,
      init: start.kind === "initializer" ? text : `= ${text}`,
      doc: statement.doc,
      span: statement.name.span,
      start: node,
      node: made,
    });
    owner.addParameter(name, index);
    scope.names.set(name, tensor(made));
  }

  /** `~ f(a)` is `f(shape, a)`. */
  #initial(expression: Expression, shape: Shape, span: Span, scope: Scope): Value {
    const first: GivenArgument = { name: null, value: list(shape.map(sizeValue)), span, place: span };
    return this.#applied(expression, first, scope);
  }

  #declareInput(statement: InputDeclaration, scope: Scope): void {
    const { name, type, role } = statement;
    const before = this.inputSpans.get(name.text);
    if (before !== undefined) {
      throw this.#problem("duplicate-name", name.span, `there is an input \`${name.text}\` already`, {
        also: [{ span: before, text: "here" }],
        help: "give this one another name",
      });
    }
    const shape = this.#typeShape(type, scope);
    const build = this.#build(statement.span, name.text);
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
      throw this.#problem("name-missing", statement.value.span, `this ${statement.kind} has no name`, {
        help: `write \`${statement.kind} name = …\``,
      });
    }
    const node = this.#floatOf(value, statement.value);
    const results = statement.kind === "output" ? this.outputs : this.metrics;
    const before = results.find((r) => r.name === name);
    if (before !== undefined) {
      throw this.#problem(
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
      throw this.#problem("metric-not-scalar", statement.value.span, "a metric is one number", {
        label: showShape(node.shape, this.#reading.freeName),
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
      throw this.#problem("duplicate-optimizer", statement.span, "a model has one optimizer", {
        also: [{ span: this.optimizer.span, text: "the first" }],
        help: "remove one",
      });
    }
    const { value } = statement;
    const call = value.kind === "call" ? value : null;
    const calleeExpression = call?.callee ?? value;
    const callee = this.#callee(calleeExpression, scope);
    if (callee.kind !== "optimizer") {
      throw this.#problem(
        "not-an-optimizer",
        calleeExpression.span,
        `this is ${kindOf(callee)}, not an optimizer`,
        { help: "write `optimizer adam(lr = 1e-3)`, or define one with `optimizer name(…) { … }`" },
      );
    }
    const { declaration, file } = callee;
    const given = this.#given(call?.arguments ?? [], scope);
    const site: CallSite = { callee: calleeExpression.span, arguments: given };
    const formals = declaration.parameters.map((p) => ({
      name: p.name.text,
      optional: p.default !== undefined,
    }));
    const matched = this.#matched(declaration.name.text, formals, site);
    const values = new Map<string, Value>();
    const own = new Scope(file);
    declaration.parameters.forEach((parameter, i) => {
      const argument = matched[i];
      const at = argument?.value ?? this.#evaluate(parameter.default!, own);
      const name = parameter.name.text;
      if (at.kind !== "number" && at.kind !== "boolean") {
        throw this.#problem(
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
      throw this.#problem("statement-misplaced", statement.span, "`state` belongs in an optimizer");
    const name = statement.name.text;
    if (states.has(name)) {
      throw this.#problem("duplicate-name", statement.name.span, `there is a state \`${name}\` already`, {
        help: "bind it again with `=`, without `state`",
      });
    }
    const before = scope.snapshot();
    // Before the first step there is a parameter, but neither a gradient nor a step.
    before.names.set("param", tensor(current.made.start));
    before.names.delete("grad");
    before.names.delete("step");
    this.#fixing++;
    const value = this.#evaluate(statement.value, before);
    this.#fixing--;
    const { shape } = current.made;
    const start = this.#shaped(
      value,
      shape,
      statement.value.span,
      `the first value of \`${name}\``,
      "a state is shaped like its parameter",
    );
    states.set(name, { start });
    const build = this.#build(statement.span, name);
    scope.names.set(
      name,
      tensor(build.graph.make("state", [], { parameter: current.index, name, shape }, build.origin)),
    );
  }

  // --------------------------------------------------------------------------------------------------- expressions

  /** The value of an expression; `name` is what its last operation is called in print. @throws Problem, Poisoned */
  #evaluate(expression: Expression, scope: Scope, name?: string): Value {
    this.#tick(expression.span);
    if (++this.#depth > this.#reading.limits.expressionDepth) {
      throw this.#problem(
        "recursion-too-deep",
        expression.span,
        "calls and expressions are nested too deeply",
        { help: "break the formula into named parts" },
        true,
      );
    }
    const value = this.#evaluateKind(expression, scope, name);
    this.#depth--;
    return value;
  }

  #evaluateKind(expression: Expression, scope: Scope, name: string | undefined): Value {
    switch (expression.kind) {
      case "number":
        return number(expression.value);
      case "boolean":
        return boolean(expression.value);
      case "list":
        return this.#list(expression, scope);
      case "name":
        return this.#lookup(expression.text, expression.span, scope);
      case "unary": {
        const operand = this.#evaluate(expression.operand, scope);
        const apply = expression.operator === "-" ? negate : not;
        return this.#operation(
          expression.operator,
          expression.span,
          [expression.operand],
          [operand],
          name,
          (b) => apply(b, operand),
        );
      }
      case "binary":
        return this.#binary(expression, scope, name);
      case "transpose": {
        const operand = this.#evaluate(expression.operand, scope);
        return this.#operation("'", expression.span, [expression.operand], [operand], name, (b) =>
          transpose(b, operand),
        );
      }
      case "call":
        return this.#callExpression(expression, scope, name);
      case "index":
        return this.#index(expression, scope, name);
      case "member":
        return this.#member(expression);
      case "pipe":
        return this.#pipe(expression, scope, name);
      case "lambda":
        this.#steps += scope.names.size;
        return { kind: "lambda", lambda: expression, scope: scope.snapshot() };
      case "range": {
        const [start, stop] = [expression.start, expression.stop].map((e) => {
          const value = this.#evaluate(e, scope);
          return this.#placed(e.span, () => toInteger(value, "the end of a range"));
        });
        return { kind: "range", start: start!, stop: stop! };
      }
      default:
        return expression satisfies never;
    }
  }

  #list(expression: Expression & { kind: "list" }, scope: Scope): Value {
    const { limits } = this.#reading;
    const value = list(expression.items.map((item) => this.#evaluate(item, scope)));
    if (value.depth > limits.listDepth || value.total > limits.items) {
      throw this.#problem(
        "list-too-large",
        expression.span,
        `a list may hold ${limits.items.toLocaleString("en")} items, ${limits.listDepth} lists deep`,
        { help: "make it smaller" },
        true,
      );
    }
    return value;
  }

  #lookup(name: string, span: Span, scope: Scope): Value {
    const bound = scope.find(name);
    if (bound === POISON) throw new Poisoned();
    if (bound !== undefined) {
      return bound.kind === "hyper" && this.#fixing > 0 ? number(bound.value) : bound;
    }
    if (scope.file.missing.has(name)) throw new Poisoned();
    const found = scope.file.find(name);
    if (found !== undefined) return this.#declared(found, span);
    if (primitives.has(name)) return { kind: "primitive", name };
    const constant = named.get(name);
    if (constant !== undefined) return constant;
    if (name === "training") return boolean(this.#reading.training);
    if (name === "weights" || name === "params") return this.#parameterList(name, span);
    const near = closest(name, this.#visible(scope));
    throw this.#problem("unknown-name", span, `there is no \`${name}\` here`, {
      help:
        near === undefined ? "names are known from the line that binds them on" : `did you mean \`${near}\`?`,
    });
  }

  #visible(scope: Scope): string[] {
    return [...scope.visible(), ...scope.file.visible(), ...primitives.keys(), ...predefined];
  }

  #declared(found: Found, span: Span): Value {
    const { declaration, file } = found;
    switch (declaration.kind) {
      case "fn":
      case "layer":
        return { kind: "function", declaration, file };
      case "optimizer":
        return { kind: "optimizer", declaration, file };
      case "model":
        return { kind: "model", declaration };
      case "const": {
        const known = this.#constants.get(declaration);
        if (known === POISON) throw new Poisoned();
        if (known === "open") {
          throw this.#problem("const-cycle", span, `\`${declaration.name.text}\` is defined by itself`, {
            help: "one of the constants in this circle needs a value of its own",
          });
        }
        if (known !== undefined) return known;
        this.#constants.set(declaration, "open");
        const caller = this.#frame;
        this.#frame = {
          kind: "const",
          name: declaration.name.text,
          file,
          caller,
          site: null,
          owner: null,
          binding: null,
        };
        try {
          const value = this.#evaluate(declaration.value, new Scope(file), declaration.name.text);
          this.#constants.set(declaration, value);
          return value;
        } catch (error) {
          this.#constants.set(declaration, POISON);
          throw error;
        } finally {
          this.#frame = caller;
        }
      }
      default:
        return declaration satisfies never;
    }
  }

  /** Every parameter of the model, or those with two or more axes; complete from the second reading on. */
  #parameterList(name: "weights" | "params", span: Span): Value {
    if (this.#frame.kind !== "model") {
      throw this.#problem(
        "unknown-name",
        span,
        `\`${name}\` are those of a model, and this is ${this.#frame.kind === "optimizer" ? "an" : "a"} ${this.#frame.kind}`,
        { help: "give them as an argument" },
      );
    }
    const all = this.#reading.known?.parameters ?? this.parameters;
    return list(all.filter((p) => name === "params" || p.shape.length >= 2).map((p) => tensor(p.node)));
  }

  /** Chains such as a + b + c + … lean to the left; they are walked, not descended. */
  #binary(expression: Binary, scope: Scope, name: string | undefined): Value {
    const chain: Binary[] = [];
    let first: Expression = expression;
    for (; first.kind === "binary"; first = first.left) chain.push(first);
    let value = this.#evaluate(first, scope);
    for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
      this.#tick(link.span);
      const { operator } = link;
      const left = value;
      if ((operator === "and" || operator === "or") && left.kind === "boolean") {
        if (left.value === (operator === "or")) continue;
        value = this.#evaluate(link.right, scope);
        const right = value;
        if (right.kind !== "boolean")
          value = this.#operation(
            operator,
            link.operatorSpan,
            [link.left, link.right],
            [left, right],
            undefined,
            (b) => binary(b, operator, left, right),
          );
        continue;
      }
      const right = this.#evaluate(link.right, scope);
      value = this.#operation(
        operator,
        link.operatorSpan,
        [link.left, link.right],
        [left, right],
        link === expression ? name : undefined,
        (b) => binary(b, operator, left, right),
      );
    }
    return value;
  }

  #callExpression(expression: Call, scope: Scope, name: string | undefined): Value {
    const callee = this.#callee(expression.callee, scope);
    const given = this.#given(expression.arguments, scope);
    return this.#call(callee, { callee: expression.callee.span, arguments: given }, name);
  }

  /** What is called. A value that cannot be called does not hide a definition: after `mean = mean(x)`, `mean(y)` is still a mean. */
  #callee(expression: Expression, scope: Scope): Value {
    if (expression.kind === "name") {
      const bound = scope.find(expression.text);
      if (bound !== undefined && (bound === POISON || !isCallable(bound))) {
        const found = scope.file.find(expression.text);
        if (found !== undefined && found.declaration.kind !== "const")
          return this.#declared(found, expression.span);
        if (primitives.has(expression.text)) return { kind: "primitive", name: expression.text };
      }
    }
    return this.#evaluate(expression, scope);
  }

  #given(given: readonly Argument[], scope: Scope): GivenArgument[] {
    return given.map((argument) => ({
      name: argument.name?.text ?? null,
      value: this.#evaluate(argument.value, scope),
      span: argument.value.span,
      place: argument.name?.span ?? argument.value.span,
    }));
  }

  /** `x |> f(a)` is `f(x, a)`; chains lean to the left. */
  #pipe(expression: Pipe, scope: Scope, name: string | undefined): Value {
    const chain: Pipe[] = [];
    let first: Expression = expression;
    for (; first.kind === "pipe"; first = first.left) chain.push(first);
    let value = this.#evaluate(first, scope);
    for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
      this.#tick(link.span);
      value = this.#applied(
        link.right,
        { name: null, value, span: link.left.span, place: link.left.span },
        scope,
        link === expression ? name : undefined,
      );
    }
    return value;
  }

  /** Calls what `expression` says with `first` before its own arguments. */
  #applied(expression: Expression, first: GivenArgument, scope: Scope, name?: string): Value {
    const call = expression.kind === "call" ? expression : null;
    const calleeExpression = call?.callee ?? expression;
    const callee = this.#callee(calleeExpression, scope);
    const rest = this.#given(call?.arguments ?? [], scope);
    return this.#call(callee, { callee: calleeExpression.span, arguments: [first, ...rest] }, name);
  }

  #index(expression: Index, scope: Scope, name: string | undefined): Value {
    const operand = this.#evaluate(expression.operand, scope);
    const items = expression.items.map((item): Selection & { readonly span: Span } => {
      const integer = (e: Expression): number => {
        const value = this.#evaluate(e, scope);
        return this.#placed(e.span, () => toInteger(value, "an index"));
      };
      switch (item.kind) {
        case "at":
          return { kind: "at", index: integer(item.value), span: item.span };
        case "ellipsis":
          return { kind: "ellipsis", span: item.span };
        case "slice":
          return {
            kind: "slice",
            start: item.start === undefined ? null : integer(item.start),
            stop: item.stop === undefined ? null : integer(item.stop),
            step: item.step === undefined ? 1 : integer(item.step),
            span: item.span,
          };
        default:
          return item satisfies never;
      }
    });
    if (operand.kind === "list" || operand.kind === "range")
      return this.#listItem(operand, items, expression);
    return this.#operation("[…]", expression.span, [expression.operand], [operand], name, (b) =>
      tensor(select(b, toNode(b, operand), items, this.#reading.freeName)),
    );
  }

  #listItem(
    value: Value & { kind: "list" | "range" },
    items: readonly Selection[],
    expression: Index,
  ): Value {
    const [item] = items;
    const length = value.kind === "list" ? value.items.length : value.stop - value.start;
    if (items.length !== 1 || item?.kind === "ellipsis" || item === undefined) {
      throw this.#problem("bad-index", expression.span, "a list has one index", {
        help: "lists inside lists are reached one by one, `a[0][1]`",
      });
    }
    if (item.kind === "slice") {
      const all = value.kind === "list" ? value.items : [...this.#turns(value, expression.span)];
      const bound = (at: number | null, otherwise: number): number =>
        at === null ? otherwise : at < 0 ? at + length : at;
      if (item.step !== 1)
        throw this.#problem("bad-index", expression.span, "a slice of a list has no step", {
          help: "take the items one by one",
        });
      return list(all.slice(Math.max(0, bound(item.start, 0)), Math.max(0, bound(item.stop, length))));
    }
    const at = item.index < 0 ? item.index + length : item.index;
    if (at < 0 || at >= length) {
      throw this.#problem(
        "bad-index",
        expression.span,
        `there is no item ${item.index} in a list of ${length}`,
        { help: length === 0 ? "the list is empty" : `items are 0 to ${length - 1}` },
      );
    }
    return value.kind === "list" ? value.items[at]! : number(value.start + at);
  }

  /** `h.0.weight`: the parameter at that path from the scope at hand. */
  #member(expression: Member): Value {
    const segments = pathSegments(expression);
    const { owner } = this.#frame;
    if (segments === null || owner === null) {
      throw this.#problem(
        "unknown-path",
        expression.span,
        "only the parameters of layer calls are reached with a dot",
        { help: "in `h = dense(x, 4)`, h.bias is a parameter; a fn gets it as an argument" },
      );
    }
    const { known } = this.#reading;
    if (known === null) {
      const guess = owner.guess(segments);
      const made = guess === undefined ? undefined : this.parameters[guess];
      if (made === undefined) throw new Poisoned();
      return tensor(made.node);
    }
    const table = known.within.get(owner.number);
    const index = table?.get(segments.join("."));
    if (index !== undefined) return tensor(known.parameters[index]!.node);
    const all = [...(table?.keys() ?? [])];
    const below = all.filter((path) => path.startsWith(`${segments[0]}.`));
    const near = closest(segments.join("."), below.length > 0 ? below : all);
    const help =
      near !== undefined
        ? `did you mean \`${near}\`?`
        : below.length > 0
          ? `${segments[0]} has ${below.slice(0, 12).join(", ")}${below.length > 12 ? ", …" : ""}`
          : `no layer is called under the name \`${segments[0]}\` here`;
    throw this.#problem("unknown-path", expression.span, `there is no parameter \`${segments.join(".")}\``, {
      help,
    });
  }

  // --------------------------------------------------------------------------------------------------------- calls

  #call(callee: Value, site: CallSite, name: string | undefined): Value {
    if (!isCallable(callee)) {
      const help =
        callee.kind === "optimizer"
          ? "write it after the keyword: `optimizer adam(lr = 1e-3)`"
          : callee.kind === "model"
            ? "write what is to be used in several places as a layer"
            : "only a fn, a layer or a lambda can be called; multiplication is `*`";
      throw this.#problem("not-callable", site.callee, `this is ${kindOf(callee)}, which cannot be called`, {
        label: show(callee, this.#reading.freeName),
        help,
      });
    }
    if (++this.#calls > this.#reading.limits.callDepth) {
      throw this.#endless(site);
    }
    const value = this.#callOf(callee, site, name);
    this.#calls--;
    return value;
  }

  /** The place of a recursion is the call by which a definition calls itself, not where the limit was passed. */
  #endless(site: CallSite): Problem {
    const names = new Set<string>();
    let again: Frame | null = this.#frame;
    while (again !== null && !names.has(again.name)) {
      names.add(again.name);
      again = again.caller;
    }
    const limit = `more than ${this.#reading.limits.callDepth} calls inside one another`;
    const help = "a fn or a layer that calls itself needs an `if` that ends it";
    if (again?.site == null) return this.#problem("recursion-too-deep", site.callee, limit, { help }, true);
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

  #callOf(callee: Callable, site: CallSite, name: string | undefined): Value {
    switch (callee.kind) {
      case "primitive":
        return this.#callPrimitive(callee, site, name);
      case "lambda":
        return this.#callLambda(callee, site, name);
      case "function":
        return this.#callFunction(callee, site, name);
      default:
        return callee satisfies never;
    }
  }

  #matched(
    callee: string,
    formals: readonly Formal[],
    site: CallSite,
  ): readonly (GivenArgument | undefined)[] {
    const matched = matchArguments(callee, formals, site.arguments);
    if ("code" in matched) {
      throw this.#problem(matched.code, matched.span ?? site.callee, matched.message, { help: matched.help });
    }
    return matched;
  }

  #callPrimitive(callee: PrimitiveValue, site: CallSite, name: string | undefined): Value {
    const primitive = primitives.get(callee.name)!;
    const formals = primitive.parameters.map((p) => ({
      name: p.replace("?", ""),
      optional: p.endsWith("?"),
    }));
    const matched = this.#matched(callee.name, formals, site);
    const context = {
      build: this.#build(site.callee, name),
      freeName: this.#reading.freeName,
      site: () => this.#sites++,
    };
    try {
      return this.#checked(primitive.apply(context, ...matched.map((argument) => argument?.value)));
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      const values = site.arguments.map((a) => a.value);
      const explained = explainShapes(error, callee.name, values, this.#reading.freeName);
      throw this.#problem(
        error.code,
        site.callee,
        explained.message,
        {
          also: this.#shown(site),
          notes: this.#sizeNotes(values),
          help: explained.help,
        },
        error.code === "graph-too-large",
      );
    }
  }

  #callLambda(callee: LambdaValue, site: CallSite, name: string | undefined): Value {
    const { lambda, scope } = callee;
    const formals = lambda.parameters.map((p) => ({ name: p.text, optional: false }));
    const matched = this.#matched("this lambda", formals, site);
    const inner = new Scope(scope);
    lambda.parameters.forEach((p, i) => inner.names.set(p.text, matched[i]!.value));
    return this.#evaluate(lambda.body, inner, name);
  }

  #callFunction(callee: FunctionValue, site: CallSite, name: string | undefined): Value {
    const { declaration, file } = callee;
    const title = declaration.name.text;
    const formals = declaration.parameters.map((p) => ({
      name: p.name.text,
      optional: p.default !== undefined,
    }));
    const matched = this.#matched(title, formals, site);
    const caller = this.#frame;
    let owner: ParameterScope | null = null;
    if (declaration.kind === "layer") {
      if (caller.owner === null) {
        throw this.#problem(
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
      owner = new ParameterScope(this.#scopes++);
      caller.owner.addCall(caller.binding ?? title, owner);
    }
    this.#frame = {
      kind: declaration.kind,
      name: title,
      file,
      caller,
      site,
      owner,
      binding: null,
      result: name,
    };
    const scope = new Scope(file);
    declaration.parameters.forEach((p, i) => {
      const argument = matched[i];
      scope.names.set(
        p.name.text,
        argument === undefined ? this.#evaluate(p.default!, scope) : argument.value,
      );
    });
    this.#fitSignature(declaration, scope, site, caller);
    const value = this.#body(declaration, scope, name);
    this.#frame = caller;
    this.#remember(value, declaration, scope, site);
    return value;
  }

  #body(declaration: FunctionDeclaration, scope: Scope, name: string | undefined): Value {
    const { body } = declaration;
    if (body.kind === "expression") return this.#evaluate(body.value, scope, name);
    const returned = this.#execute(body.block, scope);
    if (returned !== null) return returned;
    throw this.#problem(
      "no-return",
      declaration.name.span,
      `\`${declaration.name.text}\` comes to its end without a \`return\``,
      { help: "end it with `return …`" },
    );
  }

  #fitSignature(declaration: FunctionDeclaration, scope: Scope, site: CallSite, caller: Frame): void {
    const sizes: NamedSizes = new Map();
    const { freeName } = this.#reading;
    for (const parameter of declaration.parameters) {
      const { type, name } = parameter;
      const value = scope.names.get(name.text);
      if (type === undefined || value === undefined || value === POISON) continue;
      const node = this.#placed(name.span, () => toNode(this.#build(name.span), value));
      const size = (dimension: Expression): Size => {
        const wanted = this.#evaluate(dimension, scope);
        return this.#placed(dimension.span, () => toSize(wanted, freeName));
      };
      const wrong = fit(name.text, type, node, sizes, size, freeName);
      if (wrong !== null) {
        this.#frame = caller;
        throw this.#problem("shape-mismatch", site.callee, `in ${declaration.name.text}, ${wrong}`, {
          also: this.#shown(site),
          notes: this.#sizeNotes(site.arguments.map((a) => a.value)),
          help: "give it a tensor of that shape",
        });
      }
      if (value.kind === "list") scope.names.set(name.text, tensor(node));
      for (const [capital, { size: known }] of sizes) scope.names.set(capital, sizeValue(known));
    }
  }

  /** Notes which numbers a call was given, for those who ask later where a size comes from. */
  #remember(value: Value, declaration: FunctionDeclaration, scope: Scope, site: CallSite): void {
    if (value.kind !== "tensor" || declaration.kind !== "layer") return;
    const numbers = declaration.parameters.flatMap((p): [string, number][] => {
      const argument = scope.names.get(p.name.text);
      return argument !== undefined && argument !== POISON && argument.kind === "number"
        ? [[p.name.text, argument.value]]
        : [];
    });
    const makers = this.#makers.get(value.node) ?? [];
    if (numbers.length > 0 && makers.length < 4)
      this.#makers.set(value.node, [...makers, { name: declaration.name.text, site: site.callee, numbers }]);
  }

  // -------------------------------------------------------------------------------------------- tensors and shapes

  #operation(
    operator: string,
    place: Span,
    operands: readonly Expression[],
    values: readonly Value[],
    name: string | undefined,
    apply: (build: Build) => Value,
  ): Value {
    if (values.every((v) => v.kind === "number")) return apply(this.#build(place));
    try {
      return this.#checked(apply(this.#build(place, name)));
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      const labels = operands.map((operand, i): Label => ({
        span: operand.span,
        text: this.#operandText(operand, values[i]!, operator),
      }));
      const [first, ...also] = labels;
      const explained = explainShapes(
        error,
        operator,
        values,
        this.#reading.freeName,
        operands.map((o) => ({ text: this.#text(o.span), isTranspose: o.kind === "transpose" })),
      );
      throw this.#problem(
        error.code,
        first!.span,
        explained.message,
        {
          ...(first!.text === undefined ? {} : { label: first!.text }),
          also,
          notes: this.#sizeNotes(values),
          help: explained.help,
        },
        error.code === "graph-too-large",
      );
    }
  }

  #operandText(operand: Expression, value: Value, operator: string): string {
    const { freeName } = this.#reading;
    if (
      operator === "@" &&
      operand.kind === "transpose" &&
      value.kind === "tensor" &&
      value.node.shape.length >= 2
    ) {
      const { shape } = value.node;
      const before = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
      return `${showShape(before, freeName)}', so ${showSize(shape.at(-2)!, freeName)} comes first`;
    }
    return show(value, freeName);
  }

  #shown(site: CallSite): Label[] {
    return site.arguments.map((a) => ({ span: a.span, text: show(a.value, this.#reading.freeName) }));
  }

  /** "128 is `units` of dense, called at mlp.nn:8:7", for the sizes of `values` that a layer call was given as numbers. */
  #sizeNotes(values: readonly Value[]): string[] {
    const notes = new Set<string>();
    for (const value of values) {
      if (value.kind !== "tensor") continue;
      let node: Node | undefined = value.node;
      for (let hops = 0; node !== undefined && hops < 32; hops++) {
        const sizes = node.shape.filter((s) => !s.free).map((s) => s.count);
        const makers: readonly Maker[] = this.#makers.get(node) ?? [];
        const hit = makers
          .filter((m) => !this.#isStd(m.site))
          .flatMap((m) =>
            m.numbers
              .filter(([, count]) => sizes.includes(count) && count !== 1)
              .map(([name, count]) => ({ m, name, count })),
          )
          .at(-1);
        if (hit !== undefined) {
          notes.add(
            `${hit.count} is \`${hit.name}\` of ${hit.m.name}, called at ${this.#placeOf(hit.m.site)}`,
          );
          break;
        }
        const shape: Shape = node.shape;
        node = node.operands.find((o) => sameShape(o.shape, shape) && o.op !== "broadcast");
      }
    }
    return [...notes];
  }

  #checked(value: Value): Value {
    if (value.kind === "tensor") checkedShape(value.node.shape, this.#reading.freeName);
    return value;
  }

  #floatOf(value: Value, expression: Expression): Node {
    return this.#placed(expression.span, () => toFloat(this.#build(expression.span), value));
  }

  /** `value` as a tensor of exactly `shape`, to which it may broadcast. */
  #shaped(value: Value, shape: Shape, span: Span, what: string, rule: string): Node {
    const { freeName } = this.#reading;
    return this.#placed(span, () => {
      const build = this.#build(span);
      const node = toFloat(build, value);
      const missing = shape.length - node.shape.length;
      const fits =
        missing >= 0 &&
        node.shape.every(
          (s, i) =>
            (s.count === 1 && !s.free) ||
            (s.count === shape[i + missing]!.count && s.free === shape[i + missing]!.free),
        );
      if (!fits) {
        throw new OpError(
          "shape-mismatch",
          `${what} has the shape ${showShape(node.shape, freeName)}, and ${rule}, ${showShape(shape, freeName)}`,
          [],
          `give it that shape, or one that broadcasts to it`,
        );
      }
      return build.broadcast(node, shape);
    });
  }

  #typeShape(type: TensorType, scope: Scope): Shape {
    const { freeName } = this.#reading;
    const sizes = type.dimensions.map((dimension) => {
      if (dimension.kind === "ellipsis")
        throw this.#problem("bad-size", dimension.span, "`...` stands in signatures alone", {
          help: "write out the sizes",
        });
      const value = this.#evaluate(dimension, scope);
      return this.#placed(dimension.span, () => toSize(value, freeName));
    });
    return this.#placed(type.span, () => checkedShape(sizes, freeName));
  }

  #fixedShape(type: TensorType, scope: Scope, name: string): Shape {
    if (type.element !== "float")
      throw this.#problem(
        "type-mismatch",
        type.span,
        `the parameter \`${name}\` cannot be trained as ${type.element}`,
        { help: "parameters are floats: leave the type out" },
      );
    const shape = this.#typeShape(type, scope);
    const at = shape.findIndex((size) => size.free);
    if (at < 0) return shape;
    throw this.#problem(
      "free-parameter",
      type.dimensions[at]!.span,
      `the parameter \`${name}\` cannot be as large as the batch`,
      {
        label: `${showSize(shape[at]!, this.#reading.freeName)} is free until run time`,
        help: "a parameter's sizes are known when compiling; sum or average over the batch instead",
      },
    );
  }

  // ------------------------------------------------------------------------------------------------------ problems

  /** Runs `action`, whose OpErrors are about the expression at `span`. */
  #placed<T>(span: Span, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      throw this.#problem(
        error.code,
        span,
        error.message,
        { help: error.help },
        error.code === "graph-too-large",
      );
    }
  }

  #problem(code: string, span: Span, message: string, details: Details = {}, fatal = false): Problem {
    const entry = entryToStd(this.#frame);
    if (entry === null || entry.site === null || !this.#isStd(span)) {
      return new Problem(
        diagnose("error", code, span, message, {
          ...details,
          notes: [...(details.notes ?? []), ...this.#stackNotes(this.#frame)],
        }),
        fatal,
      );
    }
    // The reader wrote the call, not the standard library: the call is the place.
    const known = details.also?.filter((label) => !this.#isStd(label.span)) ?? [];
    const also = known.length > 0 ? known : this.#shown(entry.site);
    const notes = [
      ...(details.notes ?? []),
      `in \`${entry.name}\` of the standard library, at ${this.#placeOf(span)}: \`${this.#line(span)}\``,
      ...this.#stackNotes(entry.caller),
    ];
    return new Problem(
      diagnose("error", code, entry.site.callee, `in ${entry.name}: ${message}`, {
        also,
        notes,
        help: details.help,
      }),
      fatal,
    );
  }

  #stackNotes(frame: Frame | null): string[] {
    const notes: string[] = [];
    for (let f = frame; f !== null && notes.length < 4; f = f.caller) {
      if (f.site !== null && !this.#isStd(f.site.callee))
        notes.push(`in \`${f.name}\`, called at ${this.#placeOf(f.site.callee)}`);
    }
    return notes;
  }

  #isStd(span: Span): boolean {
    return (
      this.#reading.sources.get(span.file)?.file.startsWith("std/") === true && span.file.startsWith("std/")
    );
  }

  #placeOf(span: Span): string {
    const { line, column } = lineAndColumn(this.#reading.sources.get(span.file)?.text ?? "", span.start);
    return `${span.file}:${line}:${column}`;
  }

  #text(span: Span): string {
    return (this.#reading.sources.get(span.file)?.text ?? "").slice(span.start, span.end);
  }

  #line(span: Span): string {
    const text = this.#reading.sources.get(span.file)?.text ?? "";
    const start = text.lastIndexOf("\n", span.start - 1) + 1;
    const end = text.indexOf("\n", span.start);
    return text
      .slice(start, end < 0 ? text.length : end)
      .replace(/\/\/.*$/, "")
      .trim();
  }

  /** The user's words that a node comes from: inside the standard library, the call into it. */
  #originSpan(span: Span): Span {
    return entryToStd(this.#frame)?.site?.callee ?? span;
  }

  #build(span: Span, name?: string): Build {
    const origin = this.#originSpan(span);
    return new Build(this.#reading.graph, name === undefined ? { span: origin } : { name, span: origin });
  }

  #tick(span: Span): void {
    if (++this.#steps <= this.#reading.limits.steps) return;
    throw this.#problem(
      "program-too-long",
      span,
      `reading this program takes more than ${this.#reading.limits.steps.toLocaleString("en")} steps`,
      { help: "use fewer or smaller loops" },
      true,
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
