/**
 * Nodes without operands: constants, what the caller gives, and what a call knows. `grad` is here
 * too: the other op that no kernel runs.
 */
import { randomEntry } from "../ir/random.ts";
import type { Attributes, ElementType, OpName } from "../ir/node.ts";
import { countOf, elements, isFree, sameShape, type Shape, shapeAt, showShape, sizeAt } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { ALL, always, anywhere, BIT, FROM_ONE, FROM_ZERO, type Interval, union } from "./interval.ts";
import type { Op, OpTable, Values } from "./op.ts";
import { copyView, count } from "./strided.ts";

type SourceName =
  "constant" | "table" | "extent" | "iota" | "input" | "parameter" | "state" | "hyper" | "step" | "random";

/** A record that has no operands to differentiate. */
function source<K extends SourceName>(
  name: K,
  formula: string,
  infer: (attributes: Attributes[K]) => { readonly shape: Shape; readonly type: ElementType },
  evaluate: Op<K>["evaluate"],
  facts: Pick<Op<K>, "range" | "finite"> = { range: anywhere, finite: "given" },
): Op<K> {
  return {
    name,
    family: "source",
    formula,
    takes: "any",
    arity: [0, 0],
    ...facts,
    flops: 0,
    inKernels: true,
    infer: (_, attributes) => infer(attributes),
    vjp: () => [],
    evaluate,
  };
}

/** Modules take a number of rows as an i32. */
const MOST_ROWS = 2 ** 31;

/** Of a number that is known. */
const only = (x: number): Interval => (Number.isNaN(x) ? ALL : [x, x]);

const scalar = (value: number): Values => ({ shape: [], data: Float64Array.of(value) });
const float = (shape: Shape): { readonly shape: Shape; readonly type: ElementType } => ({
  shape,
  type: "float",
});

function given(values: Values | undefined, what: string, op: OpName): Values {
  if (values === undefined) throw new RangeError(`the environment has no ${op} ${what}`);
  return values;
}

export const sourceOps: Pick<OpTable, SourceName | "grad"> = {
  constant: source(
    "constant",
    "a number",
    ({ shape, type }) => ({ shape, type }),
    (_, { attributes: { value, shape } }, { n }) => {
      const sizes = shapeAt(shape, n);
      return { shape: sizes, data: new Float64Array(count(sizes)).fill(value) };
    },
    { range: (_, { attributes: { value } }) => only(value), finite: "given" },
  ),
  table: source(
    "table",
    "numbers, row by row",
    ({ values, shape, type }) => {
      const size = elements(shape);
      if (size === null || isFree(size) || countOf(size) !== values.length) {
        throw new OpError("shape-mismatch", `${values.length} numbers do not fill ${showShape(shape)}`);
      }
      return { shape, type };
    },
    (_, { attributes: { values, shape } }, { n }) => ({
      shape: shapeAt(shape, n),
      data: Float64Array.from(values),
    }),
    {
      range: (_, { attributes: { values } }) => (values.length === 0 ? ALL : union(values.map(only))),
      finite: "given",
    },
  ),
  extent: source(
    "extent",
    "a size, as a number",
    () => float([]),
    (_, { attributes: { size } }, { n }) => scalar(sizeAt(size, n)),
    {
      range: (_, { attributes: { size } }) => [sizeAt(size, 1), sizeAt(size, MOST_ROWS)],
      finite: "always",
    },
  ),
  iota: source(
    "iota",
    "0, 1, 2 … along an axis",
    ({ axis, shape }) => {
      if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
        throw new OpError("bad-axis", `\`iota\` has no axis ${axis} here`, [showShape(shape)]);
      }
      return { shape, type: "int" };
    },
    (_, { attributes: { axis, shape } }, { n }) => {
      const sizes = shapeAt(shape, n);
      const line = Float64Array.from({ length: sizes[axis]! }, (_unused, i) => i);
      return copyView(
        line,
        sizes,
        sizes.map((_unused, i) => (i === axis ? 1 : 0)),
      );
    },
    { range: always(FROM_ZERO), finite: "always" },
  ),
  input: source(
    "input",
    "what the caller gives",
    ({ shape, type }) => ({ shape, type }),
    (_, { attributes: { name } }, { inputs }) => given(inputs.get(name), name, "input"),
    { range: (_, { attributes: { type } }) => (type === "bool" ? BIT : ALL), finite: "given" },
  ),
  parameter: source(
    "parameter",
    "a parameter",
    ({ shape }) => float(shape),
    (_, { attributes: { index } }, { parameters }) =>
      given(parameters.get(index), String(index), "parameter"),
  ),
  state: source(
    "state",
    "a state of the optimizer",
    ({ shape }) => float(shape),
    (_, { attributes: { parameter, name } }, { states }) =>
      given(states.get(`${parameter}.${name}`), `${parameter}.${name}`, "state"),
  ),
  hyper: source(
    "hyper",
    "an argument of the optimizer",
    () => float([]),
    (_, { attributes: { name } }, { hyper }) => {
      const value = hyper.get(name);
      return given(value === undefined ? undefined : scalar(value), name, "hyper");
    },
  ),
  step: source(
    "step",
    "the number of the step: 1, 2, 3 …",
    () => float([]),
    (_, __, { step }) => scalar(step),
    { range: always(FROM_ONE), finite: "always" },
  ),
  random: source(
    "random",
    "random numbers, a function of seed, step, site and entry",
    ({ shape }) => float(shape),
    (_, { attributes: { distribution, site, shape } }, { n, seed, step }) => {
      const sizes = shapeAt(shape, n);
      const data = Float64Array.from({ length: count(sizes) }, (_unused, i) =>
        randomEntry(distribution, { seed, step, site, entry: i }),
      );
      return { shape: sizes, data };
    },
    {
      range: (_, { attributes: { distribution } }) => (distribution === "uniform" ? BIT : ALL),
      finite: "always",
    },
  ),
  grad: {
    name: "grad",
    family: "derivative",
    formula: "∂ scalar / ∂ tensor",
    takes: "number",
    arity: [2, 2],
    range: anywhere,
    finite: "given",
    flops: 0,
    inKernels: false,
    infer([scalarNode, tensor]) {
      const remarks = [showShape(scalarNode!.shape), showShape(tensor!.shape)];
      if (!sameShape(scalarNode!.shape, [])) {
        throw new OpError(
          "not-a-scalar",
          "`grad` differentiates a single number",
          remarks,
          "take its `sum` or `mean` first, or use `jacobian`",
        );
      }
      if (tensor!.type !== "float" || scalarNode!.type === "bool") {
        throw new OpError("type-mismatch", "`grad` needs floats: nothing else can move a little", [
          scalarNode!.type,
          tensor!.type,
        ]);
      }
      return float(tensor!.shape);
    },
    vjp: { absent: "none", because: "it is differentiated by the pass `differentiate`, innermost first" },
    evaluate() {
      throw new RangeError("a `grad` node has no value before the pass `differentiate`");
    },
  },
};
