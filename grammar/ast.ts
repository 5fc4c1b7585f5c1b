/**
 * The syntax tree. It says what was written and where, and nothing about what it means: no op,
 * shape or type is known here.
 */
import type { Span } from "./diagnostic.ts";

interface Spanned {
  readonly span: Span;
}

export interface Identifier extends Spanned {
  readonly text: string;
}

// ------------------------------------------------------------------------------------------------ expressions

/**
 * `@recompute` is an attribute: the value is that of the operand, and what it was computed from is
 * not kept.
 */
export type UnaryOperator = "-" | "not" | "@recompute";
export type BinaryOperator =
  | "+" | "-" | "*" | "/" | "^" | "@"
  | "<" | "<=" | ">" | ">=" | "==" | "!="
  | "and" | "or"; // prettier-ignore

export type Expression =
  | NumberLiteral
  | BooleanLiteral
  | ListLiteral
  | Name
  | Unary
  | Binary
  | Transpose
  | Call
  | Index
  | Member
  | Pipe
  | Lambda
  | Reduction
  | RangeExpression;

/** `1e-3`; `text` is the spelling, so that the formatter keeps it. */
export interface NumberLiteral extends Spanned {
  readonly kind: "number";
  readonly value: number;
  readonly text: string;
}
export interface BooleanLiteral extends Spanned {
  readonly kind: "boolean";
  readonly value: boolean;
}
/** `[1, 2]`, `[...sizes, 3]` */
export interface ListLiteral extends Spanned {
  readonly kind: "list";
  readonly items: readonly ListItem[];
}
export type ListItem = Expression | Spread;
/** `...sizes`: the items of a list, among those of another. */
export interface Spread extends Spanned {
  readonly kind: "spread";
  readonly value: Expression;
}
export interface Name extends Spanned {
  readonly kind: "name";
  readonly text: string;
}
export interface Unary extends Spanned {
  readonly kind: "unary";
  readonly operator: UnaryOperator;
  readonly operand: Expression;
}
/** `operatorSpan` is the place of the operator itself, which is where a shape error points. */
export interface Binary extends Spanned {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly operatorSpan: Span;
  readonly left: Expression;
  readonly right: Expression;
}
/** `x'` */
export interface Transpose extends Spanned {
  readonly kind: "transpose";
  readonly operand: Expression;
}
export interface Argument extends Spanned {
  readonly name?: Identifier;
  readonly value: Expression;
}
export interface Call extends Spanned {
  readonly kind: "call";
  readonly callee: Expression;
  readonly arguments: readonly Argument[];
}
export type IndexItem =
  | ({ readonly kind: "at"; readonly value: Expression } & Spanned)
  | ({
      readonly kind: "slice";
      readonly start?: Expression;
      readonly stop?: Expression;
      readonly step?: Expression;
    } & Spanned)
  | ({ readonly kind: "ellipsis" } & Spanned);
/** `x[:, 0]` */
export interface Index extends Spanned {
  readonly kind: "index";
  readonly operand: Expression;
  readonly items: readonly IndexItem[];
}
/** `h.bias`, and `h.0.weight`, where the member's text is `0`. */
export interface Member extends Spanned {
  readonly kind: "member";
  readonly operand: Expression;
  readonly member: Identifier;
}
/** `x |> f(a)` */
export interface Pipe extends Spanned {
  readonly kind: "pipe";
  readonly left: Expression;
  readonly right: Expression;
}
/** `z => elu(z, 0.5)` and `(a, b) => a + b` */
export interface Lambda extends Spanned {
  readonly kind: "lambda";
  readonly parameters: readonly Identifier[];
  readonly body: Expression;
}
/** The words before `[…]` that reduce over indices. */
export type Reducer = "sum" | "prod" | "max" | "min" | "mean" | "logsumexp" | "argmax";
/** `u`, and `u in 0..3` where its range is written. */
export interface IndexBinder extends Spanned {
  readonly kind: "index";
  readonly name: Identifier;
  readonly range?: Expression;
}
/** `sum[c, u in 0..3] x[c, u]`; `head` is the place of what stands before the operand. */
export interface Reduction extends Spanned {
  readonly kind: "reduction";
  readonly reducer: Reducer;
  readonly indices: readonly IndexBinder[];
  readonly operand: Expression;
  readonly head: Span;
}
/** `0..3` */
export interface RangeExpression extends Spanned {
  readonly kind: "range";
  readonly start: Expression;
  readonly stop: Expression;
}

// ------------------------------------------------------------------------------------------------------ types

export type Dimension = ({ readonly kind: "ellipsis" } & Spanned) | Expression;

/** `[N, 784]`, `int[N]`. `element` is `float` where nothing is written before the bracket. */
export interface TensorType extends Spanned {
  readonly element: "float" | "int" | "bool";
  readonly dimensions: readonly Dimension[];
}

// ------------------------------------------------------------------------------------------------- statements

interface Documented {
  /**
   * The text of the `///` lines before the declaration, without the slashes, joined by newlines.
   */
  readonly doc?: string;
}

export interface Block extends Spanned {
  readonly statements: readonly Statement[];
}

export type Statement =
  | Bind
  | Return
  | If
  | For
  | ParameterDeclaration
  | InputDeclaration
  | OutputStatement
  | MetricStatement
  | LossStatement
  | OptimizerStatement
  | StateDeclaration;

/** What stands between the brackets of `y[..., i, j in 0..3] = …`. */
export type AxisBinder = IndexBinder | ({ readonly kind: "ellipsis" } & Spanned);

/** A name that may be bound entry by entry: `indices` are its axes. */
interface Indexed {
  readonly indices?: readonly AxisBinder[];
}

/** `h = relu(z)`, `y[i, j] = a[j, i]` */
export interface Bind extends Spanned, Documented, Indexed {
  readonly kind: "bind";
  readonly name: Identifier;
  readonly value: Expression;
}
export interface Return extends Spanned {
  readonly kind: "return";
  readonly value: Expression;
}
/** `else if` is an `otherwise` block with one `if` in it. */
export interface If extends Spanned {
  readonly kind: "if";
  readonly condition: Expression;
  readonly then: Block;
  readonly otherwise?: Block;
}
export interface For extends Spanned {
  readonly kind: "for";
  readonly variable: Identifier;
  readonly iterable: Expression;
  readonly body: Block;
}
/** `param w: [2, 3] ~ normal(0, 1)`, `param x = 1`, `frozen param p: [2] = [1, 2]` */
export interface ParameterDeclaration extends Spanned, Documented {
  readonly kind: "param";
  readonly frozen: boolean;
  readonly name: Identifier;
  readonly type?: TensorType;
  readonly start?:
    | { readonly kind: "value"; readonly value: Expression }
    | { readonly kind: "initializer"; readonly value: Expression };
}
export interface InputDeclaration extends Spanned, Documented {
  readonly kind: "input";
  readonly role: "input" | "target";
  readonly name: Identifier;
  readonly type: TensorType;
}
export interface OutputStatement extends Spanned, Documented, Indexed {
  readonly kind: "output";
  readonly name?: Identifier;
  readonly value: Expression;
}
export interface MetricStatement extends Spanned, Documented, Indexed {
  readonly kind: "metric";
  readonly name?: Identifier;
  readonly value: Expression;
}
export interface LossStatement extends Spanned {
  readonly kind: "loss";
  readonly value: Expression;
}
/** `optimizer adam(lr = 0.1)` inside a model, `optimizer sgd for encoder, head.bias` for a part of it */
export interface OptimizerStatement extends Spanned {
  readonly kind: "optimizer";
  readonly value: Expression;
  /** Paths of parameters, or what they begin with; absent for all others. */
  readonly paths?: readonly Identifier[];
}
/** `state m = 0` inside an optimizer's definition, `state mean: [C] = 0` in a layer or a model */
export interface StateDeclaration extends Spanned, Documented {
  readonly kind: "state";
  readonly name: Identifier;
  readonly type?: TensorType;
  readonly value: Expression;
}

// ----------------------------------------------------------------------------------------------- declarations

export interface Parameter extends Spanned {
  readonly name: Identifier;
  readonly type?: TensorType;
  readonly default?: Expression;
}

export type Body =
  | { readonly kind: "expression"; readonly value: Expression }
  | { readonly kind: "block"; readonly block: Block };

export type Declaration = Import | Const | FunctionDeclaration | ModelDeclaration | OptimizerDeclaration;

/** `import { residual, squash as s } from "./blocks.nn"` */
export interface Import extends Spanned {
  readonly kind: "import";
  readonly names: readonly { readonly name: Identifier; readonly as?: Identifier }[];
  readonly path: { readonly text: string; readonly span: Span };
}
export interface Const extends Spanned, Documented {
  readonly kind: "const";
  readonly name: Identifier;
  readonly value: Expression;
}
/** `fn` and `layer` look alike; they differ in that a layer may own parameters. */
export interface FunctionDeclaration extends Spanned, Documented {
  readonly kind: "fn" | "layer";
  /** Whether `@recompute` stands before it. */
  readonly recompute: boolean;
  readonly name: Identifier;
  readonly parameters: readonly Parameter[];
  readonly body: Body;
}
export interface ModelDeclaration extends Spanned, Documented {
  readonly kind: "model";
  readonly name: Identifier;
  readonly parameters: readonly Parameter[];
  readonly body: Block;
}
export interface OptimizerDeclaration extends Spanned, Documented {
  readonly kind: "optimizer";
  readonly name: Identifier;
  readonly parameters: readonly Parameter[];
  readonly body: Block;
}

export interface Comment extends Spanned {
  /** With its slashes. */
  readonly text: string;
}

export interface SourceFile {
  readonly file: string;
  readonly text: string;
  readonly declarations: readonly Declaration[];
  /** Every `//` and `///` comment in order of place; the formatter puts them back. */
  readonly comments: readonly Comment[];
}
