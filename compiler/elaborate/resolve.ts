/**
 * Checks that need no values: every name in every definition means something, whether or not the
 * model at hand uses it, and no two definitions of a file share a name.
 */
import type { Body, Expression, Parameter, SourceFile, Statement, TensorType } from "../../grammar/ast.ts";
import type { Diagnostic, Span } from "../../grammar/diagnostic.ts";
import { predefined } from "./look-up.ts";
import { nameHelp } from "./foreign-names.ts";
import { primitives } from "./primitives/table.ts";
import { diagnose } from "./problem.ts";
import type { FileScope } from "./file-scope.ts";
import { isCapital } from "./signature.ts";
import { boundName, childrenOf, statementsIn } from "./syntax.ts";

/** Errors and warnings about the names of one file of the user's. */
export function resolveNames(source: SourceFile, scope: FileScope, std: FileScope): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const declared = new Map<string, Span>();
  for (const declaration of source.declarations) {
    const names =
      declaration.kind === "import" ? declaration.names.map((n) => n.as ?? n.name) : [declaration.name];
    for (const name of names) {
      const before = declared.get(name.text);
      if (before !== undefined) {
        diagnostics.push(
          diagnose("error", "duplicate-name", name.span, `\`${name.text}\` is defined twice`, {
            also: [{ span: before, text: "the first" }],
            help: "give one of them another name",
          }),
        );
        continue;
      }
      declared.set(name.text, name.span);
      if (std.own(name.text) !== undefined || primitives.has(name.text)) {
        diagnostics.push(
          diagnose(
            "warning",
            "shadows-std",
            name.span,
            `\`${name.text}\` takes the place of the standard library's \`${name.text}\` in this file`,
            {
              help: "give it another name, unless that is what you want",
            },
          ),
        );
      }
    }
  }
  const report: Report = (e, known, help, isIndex = false): void => {
    if (isIndex) {
      diagnostics.push(
        diagnose("error", "index-unbound", e.span, `the index \`${e.text}\` is bound nowhere`, {
          help: `write it on the left, as in \`y[${e.text}] = …\`, or sum over it: nothing is summed unless it is written, \`sum[${e.text}] …\``,
        }),
      );
      return;
    }
    const visible = [...known, ...scope.visible(), ...primitives.keys(), ...predefined];
    diagnostics.push(
      diagnose("error", "unknown-name", e.span, `there is no \`${e.text}\` here`, {
        help: help ?? nameHelp(e.text, visible),
      }),
    );
  };
  const isGlobal = (name: string): boolean =>
    declared.has(name) || scope.find(name) !== undefined || primitives.has(name) || predefined.includes(name);

  for (const declaration of source.declarations) {
    switch (declaration.kind) {
      case "import":
        break;
      case "const":
        walk({ e: declaration.value, known: new Set() }, isGlobal, report);
        break;
      case "fn":
      case "layer":
        walkBody(declaration.parameters, declaration.body, [], isGlobal, report);
        break;
      case "model":
        walkBody(declaration.parameters, { kind: "block", block: declaration.body }, [], isGlobal, report);
        break;
      case "optimizer":
        walkBody(
          declaration.parameters,
          { kind: "block", block: declaration.body },
          ["param", "grad", "step", "grads", "params"],
          isGlobal,
          report,
        );
        break;
      default:
        declaration satisfies never;
    }
  }
  return diagnostics;
}

/** @param isIndex whether it stands as a subscript in a formula with indices */
type Report = (
  name: Expression & { kind: "name" },
  known: ReadonlySet<string>,
  help?: string,
  isIndex?: boolean,
) => void;
type IsGlobal = (name: string) => boolean;

/**
 * Names are taken to be known in the whole of the body that binds them somewhere; the interpreter
 * minds the order.
 */
function walkBody(
  parameters: readonly Parameter[],
  body: Body,
  given: readonly string[],
  isGlobal: IsGlobal,
  report: Report,
): void {
  const known = new Set([...given, ...parameters.map((p) => p.name.text)]);
  const statements: Statement[] = body.kind === "block" ? [...statementsIn(body.block)] : [];
  const types: TensorType[] = parameters.flatMap((p) => p.type ?? []);
  for (const statement of statements) {
    const name = boundName(statement);
    if (name !== null) known.add(name);
    if (statement.kind === "input") types.push(statement.type);
  }
  for (const type of types) {
    for (const dimension of type.dimensions) {
      if (dimension.kind !== "ellipsis") for (const name of capitals(dimension)) known.add(name);
    }
  }
  const expressions: readonly Written[] = [
    ...parameters.flatMap((p) => (p.default === undefined ? [] : [{ e: p.default }])),
    ...(body.kind === "expression" ? [{ e: body.value }] : statements.flatMap(expressionsOf)),
  ];
  const batches = new Set(
    statements.flatMap((s) => (s.kind === "input" ? (s.type.dimensions[0] ?? []) : [])),
  );
  for (const { e, indices } of expressions) {
    const inside = indices === undefined ? known : new Set([...known, ...indices]);
    const asked: Report = (name, names, _, isIndex) =>
      report(name, names, batches.has(name) ? batchHelp(name.text) : undefined, isIndex);
    walk({ e, known: inside, isFormula: indices !== undefined }, isGlobal, asked);
  }
}

const batchHelp = (name: string): string =>
  `the size that is free until run time, the batch, has a capital name: write \`N\` for \`${name}\``;

/** An expression, and the indices that it sees because they are bound left of its `=`. */
interface Written {
  readonly e: Expression;
  readonly indices?: readonly string[];
}

function expressionsOf(statement: Statement): readonly Written[] {
  switch (statement.kind) {
    case "bind":
    case "output":
    case "metric": {
      if (statement.indices === undefined) return [{ e: statement.value }];
      const indices = statement.indices.filter((index) => index.kind === "index");
      const ranges = indices.flatMap(({ range }) => (range === undefined ? [] : [{ e: range }]));
      return [...ranges, { e: statement.value, indices: indices.map(({ name }) => name.text) }];
    }
    case "return":
    case "loss":
    case "optimizer":
    case "state":
      return [{ e: statement.value }];
    case "if":
      return [{ e: statement.condition }];
    case "for":
      return [{ e: statement.iterable }];
    case "param":
      return [
        ...sizesOf(statement.type),
        ...(statement.start === undefined ? [] : [{ e: statement.start.value }]),
      ];
    case "input":
      return sizesOf(statement.type);
    default:
      return statement satisfies never;
  }
}

const sizesOf = (type: TensorType | undefined): Written[] =>
  type?.dimensions.flatMap((e) => (e.kind === "ellipsis" ? [] : [{ e }])) ?? [];

function capitals(dimension: Expression): string[] {
  if (dimension.kind === "name") return isCapital(dimension.text) ? [dimension.text] : [];
  return childrenOf(dimension).flatMap(capitals);
}

/** A place of the tree, and what is known there. */
interface Place {
  readonly e: Expression;
  readonly known: ReadonlySet<string>;
  /** Whether it is in a formula with indices, and there a part of a subscript. */
  readonly isFormula?: boolean;
  readonly isSubscript?: boolean;
}

/** Chains are as long as the source; the walk keeps its own stack. */
function walk(start: Place, isGlobal: IsGlobal, report: Report): void {
  const stack = [start];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { e } = top;
    if (e.kind === "name") {
      if (!top.known.has(e.text) && !isGlobal(e.text)) report(e, top.known, undefined, top.isSubscript);
      continue;
    }
    if (e.kind === "member") {
      // A path need not begin with a bound name: `dense.weight` is the layer called without one.
      let root: Expression = e;
      while (root.kind === "member") root = root.operand;
      if (root.kind === "name") continue;
    }
    // One by one: a list may have more items than a call can take arguments.
    for (const place of placesIn(top).toReversed()) stack.push(place);
  }
}

function placesIn(place: Place): Place[] {
  const { e, known, isFormula = false, isSubscript = false } = place;
  const binding = (names: readonly { readonly text: string }[]): ReadonlySet<string> =>
    new Set([...known, ...names.map(({ text }) => text)]);
  switch (e.kind) {
    case "lambda":
      return [{ e: e.body, known: binding(e.parameters), isFormula }];
    case "reduction": {
      const ranges = e.indices.flatMap(({ range }) => (range === undefined ? [] : [{ e: range, known }]));
      return [
        ...ranges,
        { e: e.operand, known: binding(e.indices.map(({ name }) => name)), isFormula: true },
      ];
    }
    case "index":
      return childrenOf(e).map((child) => ({
        e: child,
        known,
        isFormula,
        isSubscript: isFormula && child !== e.operand,
      }));
    default: {
      const isSum = e.kind === "binary" || e.kind === "unary";
      return childrenOf(e).map((child) => ({
        e: child,
        known,
        isFormula,
        isSubscript: isSubscript && isSum,
      }));
    }
  }
}
