/**
 * Elementwise ops as vector instructions. Booleans are masks in registers: all bits of a lane, or
 * none.
 */
import type { ElementwiseName } from "../ir/node.ts";
import type { ConstantTable } from "./constants.ts";
import type { Format } from "./format.ts";
import { functionOps, type FunctionOp } from "./math/function.ts";
import type { MathLibrary } from "./math/library.ts";

/**
 * What an op takes and gives: numbers, masks, or `same`: masks where its result's type is `bool`,
 * numbers otherwise.
 */
type Lanes = "number" | "mask" | "same";

interface Instruction {
  readonly takes: readonly Lanes[];
  readonly gives: Lanes;
  readonly write: (arguments_: readonly string[], tools: Tools) => string;
  /** Whether what it writes is the call of a vector function. */
  readonly calls?: true;
}

export interface Tools {
  readonly format: Format;
  readonly constants: ConstantTable;
  readonly math: MathLibrary;
}

const vector =
  (name: string) =>
  (a: readonly string[], { format }: Tools): string =>
    `${format.vector}.${name}(${a.join(", ")})`;

const call = (name: FunctionOp): Instruction => ({
  takes: functionOps[name] === 1 ? ["number"] : ["number", "number"],
  gives: "number",
  calls: true,
  write: (a, { format, math }) => `${math.use(name, format)}(${a.join(", ")})`,
});

const unary = (write: Instruction["write"]): Instruction => ({ takes: ["number"], gives: "number", write });
const binary = (write: Instruction["write"]): Instruction => ({
  takes: ["number", "number"],
  gives: "number",
  write,
});
const comparison = (name: string): Instruction => ({
  takes: ["number", "number"],
  gives: "mask",
  write: vector(name),
});
const logical = (name: string): Instruction => ({
  takes: ["mask", "mask"],
  gives: "mask",
  write: ([a, b]) => `v128.${name}(${a}, ${b})`,
});
const same: Instruction = { takes: ["same"], gives: "same", write: ([a]) => a! };

export const instructions: { readonly [K in ElementwiseName]: Instruction } = {
  neg: unary(vector("neg")),
  exp: call("exp"),
  expm1: call("expm1"),
  log: call("log"),
  log1p: call("log1p"),
  sqrt: unary(vector("sqrt")),
  reciprocal: unary(
    ([a], { format, constants }) => `${format.vector}.div(${constants.float(format, 1)}, ${a})`,
  ),
  abs: unary(vector("abs")),
  // The sign bit of x on a 1 where |x| > 0; 0 elsewhere, as for NaN.
  sign: unary(([a], { format, constants }) => {
    const signed = `v128.or(${constants.float(format, 1)}, v128.and(${a}, ${constants.float(format, -0)}))`;
    return `v128.and(${signed}, ${format.vector}.gt(${format.vector}.abs(${a}), ${constants.float(format, 0)}))`;
  }),
  sin: call("sin"),
  cos: call("cos"),
  asin: call("asin"),
  acos: call("acos"),
  atan: call("atan"),
  sinh: call("sinh"),
  cosh: call("cosh"),
  tanh: call("tanh"),
  asinh: call("asinh"),
  acosh: call("acosh"),
  sigmoid: call("sigmoid"),
  softplus: call("softplus"),
  // a where it is no less than 0, so NaN stays NaN; one instruction, where `max` takes several.
  relu: unary(([a], { format, constants }) => `${format.vector}.pmax(${a}, ${constants.float(format, 0)})`),
  erf: call("erf"),
  erfinv: call("erfinv"),
  lgamma: call("lgamma"),
  floor: unary(vector("floor")),
  round: unary(vector("nearest")),
  not: { takes: ["mask"], gives: "mask", write: ([a]) => `v128.not(${a})` },
  cast: unary(([a]) => a!),
  stop_gradient: same,
  add: binary(vector("add")),
  couple: binary(vector("add")),
  sub: binary(vector("sub")),
  mul: binary(vector("mul")),
  div: binary(vector("div")),
  pow: call("pow"),
  atan2: call("atan2"),
  max: binary(vector("max")),
  min: binary(vector("min")),
  lt: comparison("lt"),
  le: comparison("le"),
  gt: comparison("gt"),
  ge: comparison("ge"),
  eq: comparison("eq"),
  ne: comparison("ne"),
  and: logical("and"),
  or: logical("or"),
  where: {
    takes: ["mask", "same", "same"],
    gives: "same",
    write: ([c, a, b]) => `v128.bitselect(${a}, ${b}, ${c})`,
  },
};
