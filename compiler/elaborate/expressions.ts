/** The value of an expression. */
import type { Argument, Binary, Call, Expression, Index, Member, Pipe } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import type { GivenArgument } from "./arguments.ts";
import { Calls } from "./calls.ts";
import { select, type Selection } from "./indexing.ts";
import { binary, negate, not, transpose } from "./operators.ts";
import { primitives } from "./primitives/table.ts";
import { POISONED } from "./problem.ts";
import { isLibrary, libraryHelp, nameHelp } from "./foreign-names.ts";
import type { MadeParameter } from "./reading.ts";
import { POISON, Scope } from "./values.ts";
import type { Found } from "./file-scope.ts";
import { pathSegments } from "./syntax.ts";
import { toInteger, toNode } from "./tensors.ts";
import { boolean, isCallable, kindOf, list, number, tensor, type Value } from "./values.ts";

const named: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["pi", number(Math.PI)],
  ["e", number(Math.E)],
  ["inf", number(Infinity)],
  ["all", { kind: "all" }],
]);

/** Names that always have a meaning, definitions aside. */
export const predefined: readonly string[] = [...named.keys(), "training", "weights", "params"];

/** How many items a list or a range has; `null` for what has none. */
const lengthOf = (value: Value): number | null =>
  value.kind === "list"
    ? value.items.length
    : value.kind === "range"
      ? Math.max(0, value.stop - value.start)
      : null;

function* itemsOf(value: Value): Iterable<Value> {
  if (value.kind === "list") yield* value.items;
  else if (value.kind === "range") for (let i = value.start; i < value.stop; i++) yield number(i);
}

export abstract class Expressions extends Calls {
  /** Those made so far, in order. */
  readonly parameters: MadeParameter[] = [];
  /** Expressions inside one another at this moment. */
  protected depth = 0;
  /** Above 0 where an optimiser's arguments stand for their first values. */
  protected fixing = 0;
  #steps = 0;
  readonly #constants = new Map<object, Value | typeof POISON | "open">();

  /** The value of an expression; `name` is what its last operation is called in print. @throws Problem, or POISONED */
  protected override evaluate(expression: Expression, scope: Scope, name?: string): Value {
    this.tick(expression.span);
    if (++this.depth > this.reading.limits.expressionDepth) {
      throw this.problem(
        "recursion-too-deep",
        expression.span,
        "calls and expressions are nested too deeply",
        { help: "break the formula into named parts" },
        true,
      );
    }
    const value = this.evaluateKind(expression, scope, name);
    this.depth--;
    return value;
  }

  protected evaluateKind(expression: Expression, scope: Scope, name: string | undefined): Value {
    switch (expression.kind) {
      case "number":
        return number(expression.value);
      case "boolean":
        return boolean(expression.value);
      case "list":
        return this.list(expression, scope);
      case "name":
        return this.lookup(expression.text, expression.span, scope);
      case "unary": {
        if (expression.operator === "@recompute") {
          return this.recomputed(expression.span, () => this.evaluate(expression.operand, scope, name));
        }
        const operand = this.evaluate(expression.operand, scope);
        const apply = expression.operator === "-" ? negate : not;
        return this.operation(
          expression.operator,
          expression.span,
          [expression.operand],
          [operand],
          name,
          (b) => apply(b, operand),
        );
      }
      case "binary":
        return this.binary(expression, scope, name);
      case "transpose": {
        const operand = this.evaluate(expression.operand, scope);
        return this.operation("'", expression.span, [expression.operand], [operand], name, (b) =>
          transpose(b, operand),
        );
      }
      case "call":
        return this.callExpression(expression, scope, name);
      case "index":
        return this.index(expression, scope, name);
      case "member":
        return this.member(expression, scope);
      case "pipe":
        return this.pipe(expression, scope, name);
      case "lambda":
        this.#steps += scope.names.size;
        return { kind: "lambda", lambda: expression, scope: scope.snapshot() };
      case "range": {
        const [start, stop] = [expression.start, expression.stop].map((e) => {
          const value = this.evaluate(e, scope);
          return this.placed(e.span, () => toInteger(value, "the end of a range"));
        });
        return { kind: "range", start: start!, stop: stop! };
      }
      default:
        return expression satisfies never;
    }
  }

  protected list(expression: Expression & { kind: "list" }, scope: Scope): Value {
    const { limits } = this.reading;
    const items: Value[] = [];
    let total = 0;
    for (const item of expression.items) {
      if (item.kind !== "spread") items.push(this.evaluate(item, scope));
      else {
        const joined = this.evaluate(item.value, scope);
        const length = lengthOf(joined);
        if (length === null) {
          throw this.problem(
            "type-mismatch",
            item.span,
            `\`...\` gives the items of a list or a range, and this is ${kindOf(joined)}`,
            { help: "write it without the dots: it is one item" },
          );
        }
        total += length;
        if (total > limits.items) throw this.tooLong(expression);
        this.tick(item.span, Math.ceil(length / 4));
        for (const one of itemsOf(joined)) items.push(one);
      }
    }
    const value = list(items);
    if (value.depth > limits.listDepth || value.total > limits.items) {
      throw this.tooLong(expression);
    }
    return value;
  }

  private tooLong({ span }: Expression): Error {
    const { limits } = this.reading;
    return this.problem(
      "list-too-large",
      span,
      `a list may hold ${limits.items.toLocaleString("en")} items, ${limits.listDepth} lists deep`,
      { help: "make it smaller" },
      true,
    );
  }

  protected lookup(name: string, span: Span, scope: Scope): Value {
    const bound = scope.find(name);
    if (bound === POISON) throw POISONED;
    if (bound !== undefined) {
      return bound.kind === "hyper" && this.fixing > 0 ? number(bound.value) : bound;
    }
    if (scope.file.missing.has(name)) throw POISONED;
    const found = scope.file.find(name);
    if (found !== undefined) return this.declared(found, span);
    if (primitives.has(name)) return { kind: "primitive", name };
    const constant = named.get(name);
    if (constant !== undefined) return constant;
    if (name === "training") return boolean(this.reading.training);
    if (name === "weights" || name === "params") return this.parameterList(name, span);
    throw this.problem("unknown-name", span, `there is no \`${name}\` here`, {
      help: nameHelp(name, this.visible(scope)),
    });
  }

  protected visible(scope: Scope): string[] {
    return [...scope.visible(), ...scope.file.visible(), ...primitives.keys(), ...predefined];
  }

  protected declared(found: Found, span: Span): Value {
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
        if (known === POISON) throw POISONED;
        if (known === "open") {
          throw this.problem("const-cycle", span, `\`${declaration.name.text}\` is defined by itself`, {
            help: "one of the constants in this circle needs a value of its own",
          });
        }
        if (known !== undefined) return known;
        this.#constants.set(declaration, "open");
        const caller = this.frame;
        this.frame = {
          kind: "const",
          name: declaration.name.text,
          file,
          caller,
          site: null,
          owner: null,
          binding: null,
        };
        try {
          const value = this.evaluate(declaration.value, new Scope(file), declaration.name.text);
          this.#constants.set(declaration, value);
          return value;
        } catch (error) {
          this.#constants.set(declaration, POISON);
          throw error;
        } finally {
          this.frame = caller;
        }
      }
      default:
        return declaration satisfies never;
    }
  }

  /** Every parameter of the model, or those with two or more axes; complete from the second reading on. */
  protected parameterList(name: "weights" | "params", span: Span): Value {
    if (this.frame.kind !== "model") {
      throw this.problem(
        "unknown-name",
        span,
        `\`${name}\` are those of a model, and this is ${this.frame.kind === "optimizer" ? "an" : "a"} ${this.frame.kind}`,
        { help: "give them as an argument" },
      );
    }
    const all = this.reading.known?.parameters ?? this.parameters;
    return list(all.filter((p) => name === "params" || p.shape.length >= 2).map((p) => tensor(p.node)));
  }

  /** Chains such as a + b + c + … lean to the left; they are walked, not descended. */
  protected binary(expression: Binary, scope: Scope, name: string | undefined): Value {
    const chain: Binary[] = [];
    let first: Expression = expression;
    for (; first.kind === "binary"; first = first.left) chain.push(first);
    let value = this.evaluate(first, scope);
    for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
      this.tick(link.span);
      const { operator } = link;
      const left = value;
      if ((operator === "and" || operator === "or") && left.kind === "boolean") {
        if (left.value === (operator === "or")) continue;
        value = this.evaluate(link.right, scope);
        const right = value;
        if (right.kind !== "boolean")
          value = this.operation(
            operator,
            link.operatorSpan,
            [link.left, link.right],
            [left, right],
            undefined,
            (b) => binary(b, operator, left, right),
          );
        continue;
      }
      const right = this.evaluate(link.right, scope);
      value = this.operation(
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

  protected callExpression(expression: Call, scope: Scope, name: string | undefined): Value {
    this.refuseMaking(expression, scope);
    const callee = this.callee(expression.callee, scope);
    const given = this.given(expression.arguments, scope);
    return this.call(callee, { callee: expression.callee.span, arguments: given }, name);
  }

  /** What is called. A value that cannot be called does not hide a definition: after `mean = mean(x)`, `mean(y)` is still a mean. */
  protected callee(expression: Expression, scope: Scope): Value {
    if (expression.kind === "name") {
      const bound = scope.find(expression.text);
      if (bound !== undefined && (bound === POISON || !isCallable(bound))) {
        const found = scope.file.find(expression.text);
        if (found !== undefined && found.declaration.kind !== "const")
          return this.declared(found, expression.span);
        if (primitives.has(expression.text)) return { kind: "primitive", name: expression.text };
      }
    }
    return this.evaluate(expression, scope);
  }

  protected given(given: readonly Argument[], scope: Scope): GivenArgument[] {
    return given.map((argument) => ({
      name: argument.name?.text ?? null,
      value: this.evaluate(argument.value, scope),
      span: argument.value.span,
      place: argument.name?.span ?? argument.value.span,
    }));
  }

  /** `x |> f(a)` is `f(x, a)`; chains lean to the left. */
  protected pipe(expression: Pipe, scope: Scope, name: string | undefined): Value {
    const chain: Pipe[] = [];
    let first: Expression = expression;
    for (; first.kind === "pipe"; first = first.left) chain.push(first);
    let value = this.evaluate(first, scope);
    for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
      this.tick(link.span);
      value = this.applied(
        link.right,
        { name: null, value, span: link.left.span, place: link.left.span },
        scope,
        link === expression ? name : undefined,
      );
    }
    return value;
  }

  /** Calls what `expression` says with `first` before its own arguments. */
  protected applied(expression: Expression, first: GivenArgument, scope: Scope, name?: string): Value {
    if (expression.kind === "unary" && expression.operator === "@recompute") {
      return this.recomputed(expression.span, () => this.applied(expression.operand, first, scope, name));
    }
    const call = expression.kind === "call" ? expression : null;
    const calleeExpression = call?.callee ?? expression;
    const callee = this.callee(calleeExpression, scope);
    const rest = this.given(call?.arguments ?? [], scope);
    return this.call(callee, { callee: calleeExpression.span, arguments: [first, ...rest] }, name);
  }

  protected index(expression: Index, scope: Scope, name: string | undefined): Value {
    const operand = this.evaluate(expression.operand, scope);
    const items = expression.items.map((item): Selection & { readonly span: Span } => {
      const integer = (e: Expression): number => {
        const value = this.evaluate(e, scope);
        return this.placed(e.span, () => toInteger(value, "an index"));
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
    if (items.length === 1 && items[0]!.kind !== "ellipsis") {
      if (operand.kind === "list" || operand.kind === "range")
        return this.listItem(operand, items[0]!, expression);
    } else if (operand.kind === "list" && items.every((item) => item.kind === "at")) {
      return this.itemWithin(operand, items, expression);
    }
    return this.operation("[…]", expression.span, [expression.operand], [operand], name, (b) =>
      tensor(select(b, toNode(b, operand), items, this.reading.freeName)),
    );
  }

  /** `table[1, 0]` is `table[1][0]`; where an item on the way is a tensor, the rest are its indices. */
  protected itemWithin(
    table: Value,
    items: readonly (Selection & { readonly kind: "at" })[],
    expression: Index,
  ): Value {
    let value = table;
    for (const [i, item] of items.entries()) {
      if (value.kind !== "list") {
        const rest = items.slice(i);
        const inner = value;
        if (inner.kind !== "tensor") {
          throw this.problem("bad-index", expression.span, `${items.length} indices for a list ${i} deep`, {
            help: `leave out the last, since item ${items[i - 1]?.index} is ${kindOf(inner)}`,
          });
        }
        return this.operation("[…]", expression.span, [expression.operand], [inner], undefined, (b) =>
          tensor(select(b, toNode(b, inner), rest, this.reading.freeName)),
        );
      }
      value = this.listItem(value, item, expression);
    }
    return value;
  }

  protected listItem(
    value: Value & { kind: "list" | "range" },
    item: Exclude<Selection, { readonly kind: "ellipsis" }>,
    expression: Index,
  ): Value {
    const length = value.kind === "list" ? value.items.length : value.stop - value.start;
    if (item.kind === "slice") {
      const all = value.kind === "list" ? value.items : [...this.turns(value, expression.span)];
      this.tickItems(expression.span, [value]);
      const bound = (at: number | null, otherwise: number): number =>
        at === null ? otherwise : at < 0 ? at + length : at;
      if (item.step !== 1)
        throw this.problem("bad-index", expression.span, "a slice of a list has no step", {
          help: "take the items one by one",
        });
      return list(all.slice(Math.max(0, bound(item.start, 0)), Math.max(0, bound(item.stop, length))));
    }
    const at = item.index < 0 ? item.index + length : item.index;
    if (at < 0 || at >= length) {
      throw this.problem(
        "bad-index",
        expression.span,
        `there is no item ${item.index} in a list of ${length}`,
        { help: length === 0 ? "the list is empty" : `items are 0 to ${length - 1}` },
      );
    }
    return value.kind === "list" ? value.items[at]! : number(value.start + at);
  }

  /** `h.0.weight`: the parameter at that path from the scope at hand. */
  protected member(expression: Member, scope: Scope): Value {
    const segments = pathSegments(expression);
    const { owner } = this.frame;
    this.refuseLibrary(expression, segments, scope);
    const method = this.methodHelp(expression, scope);
    if (segments === null || owner === null) {
      throw this.problem(
        "unknown-path",
        expression.span,
        "only the parameters of layer calls are reached with a dot",
        { help: method ?? "in `h = dense(x, 4)`, h.bias is a parameter; a fn gets it as an argument" },
      );
    }
    const { known } = this.reading;
    if (known === null) {
      const guess = owner.guess(segments);
      const made = guess === undefined ? undefined : this.parameters[guess];
      if (made === undefined) throw POISONED;
      return tensor(made.node);
    }
    const table = known.within.get(owner.number);
    const index = table?.get(segments.join("."));
    if (index !== undefined) return tensor(known.parameters[index]!.node);
    const all = [...(table?.keys() ?? [])];
    const below = all.filter((path) => path.startsWith(`${segments[0]}.`));
    const near = closest(segments.join("."), below.length > 0 ? below : all);
    const help =
      method !== undefined && (below.length === 0 || near === undefined)
        ? method
        : near !== undefined
          ? `did you mean \`${near}\`?`
          : below.length > 0
            ? `${segments[0]} has ${below.slice(0, 12).join(", ")}${below.length > 12 ? ", …" : ""}`
            : `no layer is called under the name \`${segments[0]}\` here`;
    throw this.problem("unknown-path", expression.span, `there is no parameter \`${segments.join(".")}\``, {
      help,
    });
  }

  /** `nn.relu`, `Math.max`, where nothing here is called `nn`. */
  protected refuseLibrary(expression: Member, segments: readonly string[] | null, scope: Scope): void {
    const [library, ...rest] = segments ?? [];
    const name = rest.at(-1);
    if (library === undefined || name === undefined || !isLibrary(library)) return;
    if (scope.find(library) !== undefined || scope.file.find(library) !== undefined) return;
    const { owner } = this.frame;
    const paths = owner === null ? undefined : this.reading.known?.within.get(owner.number);
    if ([...(paths?.keys() ?? [])].some((path) => path.startsWith(`${library}.`))) return;
    const known = [...scope.file.visible(), ...primitives.keys(), ...predefined];
    throw this.problem("unknown-name", expression.span, `there is no \`${segments?.join(".")}\` here`, {
      help: libraryHelp(name, known),
    });
  }

  /** `dense(4, 16)(x)`: a layer made first and called after. */
  protected refuseMaking(expression: Call, scope: Scope): void {
    const { callee } = expression;
    if (callee.kind !== "call" || callee.callee.kind !== "name") return;
    const { text } = callee.callee;
    const found = scope.find(text) === undefined ? scope.file.find(text) : undefined;
    if (found?.declaration.kind !== "layer") return;
    // One that takes no tensor first may give a lambda.
    if (!found.file.isStd && found.declaration.parameters[0]?.type === undefined) return;
    // The number of inputs comes first elsewhere: dense(4, 16) and Dense(16) are both dense(x, 16).
    const numbers = callee.arguments.filter((a) => a.name === undefined && a.value.kind === "number");
    const kept = numbers.length > 1 ? callee.arguments.slice(1) : callee.arguments;
    const written = [...expression.arguments, ...kept].map((a) => this.quoted(a.span)).join(", ");
    throw this.problem("not-callable", callee.span, `\`${text}\` is not made first and called after`, {
      help: `its input is its first argument, which also says how many inputs it has: \`${text}(${written})\``,
    });
  }

  /** For `x.sum()` and the like, where `sum` is something to call. */
  protected methodHelp(expression: Member, scope: Scope): string | undefined {
    const { text } = expression.member;
    const { operand } = expression;
    const written = this.quoted(operand.span);
    if (text === "T") return `the transpose is written \`${written}'\``;
    const grouped = operand.kind === "binary" || operand.kind === "unary" || operand.kind === "pipe";
    const object = grouped ? written.replace(/^\(|\)$/g, "") : written;
    const found = scope.file.find(text)?.declaration;
    const parameters =
      found?.kind === "fn" || found?.kind === "layer"
        ? found.parameters.map((p) => p.default === undefined)
        : primitives.get(text)?.parameters.map((p) => !p.endsWith("?"));
    if (parameters === undefined) return undefined;
    const rest = parameters.filter((needed) => needed).length > 1 ? ", …" : "";
    return `there are no methods; write \`${text}(${object}${rest})\``;
  }

  protected *turns(value: Value, span: Span): Generator<Value> {
    const limit = this.reading.limits.turns;
    const length = lengthOf(value);
    if (length === null) {
      throw this.problem(
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
      throw this.problem(
        "loop-too-long",
        span,
        `a loop of ${length} turns; ${limit} is the most`,
        {
          help: "loops are unrolled when compiling; let an axis of a tensor do the counting",
        },
        true,
      );
    }
    yield* itemsOf(value);
  }

  protected override tick(span: Span, steps = 1): void {
    this.#steps += steps;
    if (this.#steps <= this.reading.limits.steps) return;
    throw this.problem(
      "program-too-long",
      span,
      `reading this program takes more than ${this.reading.limits.steps.toLocaleString("en")} steps`,
      { help: "use fewer or smaller loops, and smaller lists in them" },
      true,
    );
  }
}
