/**
 * What an expression may be while the program is read: most of it is known then, and a tensor is a
 * node of the graph. Names stand for values in scopes, and a lambda is a value with the scope it
 * was made in.
 */
import type {
  Expression,
  FunctionDeclaration,
  Lambda,
  ModelDeclaration,
  OptimizerDeclaration,
} from "../../grammar/ast.ts";
import type { Node } from "../ir/node.ts";
import { showNumber } from "../ir/notation.ts";
import { free, showShape, showSize } from "../ir/size.ts";
import { FileScope } from "./file-scope.ts";
import type { Form, Space } from "./indices/space.ts";

export interface NumberValue {
  readonly kind: "number";
  readonly value: number;
}
export interface ListValue {
  readonly kind: "list";
  readonly items: readonly Value[];
  /** Lists inside lists: 1 for `[1, 2]`. */
  readonly depth: number;
  /** Items that are not lists, here and in the lists inside. */
  readonly total: number;
}
export interface TensorValue {
  readonly kind: "tensor";
  readonly node: Node;
}
/** A number for each value of the live indices; see `indices/space.ts`. */
export interface EntryValue {
  readonly kind: "entry";
  readonly node: Node;
  readonly space: Space;
}
export interface FunctionValue {
  readonly kind: "function";
  readonly declaration: FunctionDeclaration;
  readonly file: FileScope;
}
export interface LambdaValue {
  readonly kind: "lambda";
  readonly lambda: Lambda;
  readonly scope: Scope;
}
/** A definition in TypeScript; see `primitives/`. */
export interface PrimitiveValue {
  readonly kind: "primitive";
  readonly name: string;
}
export interface OptimizerValue {
  readonly kind: "optimizer";
  readonly declaration: OptimizerDeclaration;
  readonly file: FileScope;
}

export type Value =
  | NumberValue
  | { readonly kind: "boolean"; readonly value: boolean }
  /** `count · N`: a multiple of the free dimension. Every other size is a number. */
  | { readonly kind: "size"; readonly count: number }
  | ListValue
  | { readonly kind: "range"; readonly start: number; readonly stop: number }
  | TensorValue
  | EntryValue
  /** An index, or a sum of indices times whole numbers. */
  | { readonly kind: "index"; readonly form: Form }
  /** An optimizer's argument: a number of run time in formulas, its first value to an `if`. */
  | { readonly kind: "hyper"; readonly name: string; readonly value: number }
  /**
   * An optimizer's argument given as a formula of the step. To an `if`, which `asks`, it is unequal to
   * every number: what follows a schedule is on.
   */
  | { readonly kind: "scheduled"; readonly node: Node; readonly asks: boolean }
  /** Every axis: what `axis` is where nothing is said. */
  | { readonly kind: "all" }
  | FunctionValue
  | LambdaValue
  | PrimitiveValue
  | OptimizerValue
  | { readonly kind: "model"; readonly declaration: ModelDeclaration };

export const POISON = Symbol("poison");
export type Bound = Value | typeof POISON;

/** The names of one body. `parent` is the scope around a lambda, or the file. */
export class Scope {
  readonly names: Map<string, Bound>;
  readonly parent: Scope | FileScope;

  constructor(parent: Scope | FileScope, names: Map<string, Bound> = new Map()) {
    this.parent = parent;
    this.names = names;
  }
  get file(): FileScope {
    return this.parent instanceof FileScope ? this.parent : this.parent.file;
  }
  find(name: string): Bound | undefined {
    return this.names.get(name) ?? (this.parent instanceof Scope ? this.parent.find(name) : undefined);
  }
  /** Nothing is mutable: what a lambda sees is what stood here when it was made. */
  snapshot(): Scope {
    return new Scope(this.parent, new Map(this.names));
  }
  visible(): string[] {
    return [...this.names.keys(), ...(this.parent instanceof Scope ? this.parent.visible() : [])];
  }
}

export type Callable = FunctionValue | LambdaValue | PrimitiveValue;

export const number = (value: number): Value => ({ kind: "number", value });
export const boolean = (value: boolean): Value => ({ kind: "boolean", value });
export const tensor = (node: Node): TensorValue => ({ kind: "tensor", node });
export const isCallable = (value: Value): value is Callable =>
  value.kind === "function" || value.kind === "lambda" || value.kind === "primitive";

export function list(items: readonly Value[]): ListValue {
  let depth = 1;
  let total = 0;
  for (const item of items) {
    if (item.kind === "list") {
      depth = Math.max(depth, item.depth + 1);
      total += item.total;
    } else total += 1;
  }
  return { kind: "list", items, depth, total };
}

/** What kind of thing a value is, for the middle of a sentence. */
export function kindOf(value: Value): string {
  switch (value.kind) {
    case "number":
      return "a number";
    case "boolean":
      return "a boolean";
    case "size":
      return "a size";
    case "list":
      return "a list";
    case "range":
      return "a range";
    case "tensor":
      return "a tensor";
    case "entry":
      return "an entry of a tensor";
    case "index":
      return "an index";
    case "hyper":
      return "an argument of the optimizer";
    case "scheduled":
      return "a formula of the step";
    case "all":
      return "`all`, which stands for every axis";
    case "function":
      return `a ${value.declaration.kind}`;
    case "lambda":
      return "a lambda";
    case "primitive":
      return "a function";
    case "optimizer":
      return "an optimizer";
    case "model":
      return "a model";
    default:
      return value satisfies never;
  }
}

/** A value as a label shows it: `[N, 128]`, `int[N]`, `0.5`, `[1, 2]`, `fn relu`. */
export function show(value: Value, freeName: string): string {
  switch (value.kind) {
    case "number":
      return showNumber(value.value);
    case "boolean":
      return String(value.value);
    case "size":
      return showSize(free(value.count), freeName);
    case "list": {
      const shown = value.items
        .slice(0, 8)
        .map((item) => (item.kind === "list" ? "[…]" : show(item, freeName)));
      return `[${shown.join(", ")}${value.items.length > 8 ? ", …" : ""}]`;
    }
    case "range":
      return `${value.start}..${value.stop}`;
    case "tensor":
      return showTensor(value.node, freeName);
    case "entry":
      return value.node.type === "float" ? "one number" : `one ${value.node.type}`;
    case "index":
      return "an index";
    case "hyper":
      return showNumber(value.value);
    case "scheduled":
      return "a formula of the step";
    case "all":
      return "all";
    case "function":
      return `${value.declaration.kind} ${value.declaration.name.text}`;
    case "lambda":
      return "a lambda";
    case "primitive":
      return `fn ${value.name}`;
    case "optimizer":
      return `optimizer ${value.declaration.name.text}`;
    case "model":
      return `model ${value.declaration.name.text}`;
    default:
      return value satisfies never;
  }
}

/** `[N, 128]`, `int[N]`; a scalar is `a scalar`. */
export function showTensor(node: Node, freeName: string): string {
  const type = node.type === "float" ? "" : node.type;
  if (node.shape.length === 0) return type === "" ? "a scalar" : `${type}[]`;
  return `${type}${showShape(node.shape, freeName)}`;
}

/**
 * The name that an expression calls, for naming what has none: `accuracy` in `metric accuracy(z,
 * y)`.
 */
export function calledName(expression: Expression): string | null {
  switch (expression.kind) {
    case "name":
      return expression.text;
    case "member":
      return expression.member.text;
    case "call":
      return calledName(expression.callee);
    case "pipe":
      return calledName(expression.right);
    default:
      return null;
  }
}
