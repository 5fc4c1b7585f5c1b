/** The vector functions in f64, a number at a time, as a module of their own: numbers that are known when compiling are computed by it. */
import { ConstantTable } from "../constants.ts";
import { F64 } from "../format.ts";
import { MathLibrary } from "./library.ts";

/** Those that the compiler calls, by the names of ops, and how many numbers each takes. */
export const scalarFunctions = {
  exp: 1,
  expm1: 1,
  log: 1,
  log1p: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  sigmoid: 1,
  softplus: 1,
  erf: 1,
  pow: 2,
} as const;

/** AssemblyScript of a module that exports them. */
export function scalarsSource(): string {
  const constants = new ConstantTable();
  const math = new MathLibrary(constants, false);
  const exports = Object.entries(scalarFunctions).map(([name, arity]) => {
    const names = ["x", "y"].slice(0, arity);
    const called = `${math.use(name, F64)}(${names.map((x) => `f64x2.splat(${x})`).join(", ")})`;
    return `export function ${name}(${names.map((x) => `${x}: f64`).join(", ")}): f64 {\n  return f64x2.extract_lane(${called}, 0);\n}\n`;
  });
  return [constants.source(), math.source(), ...exports].join("\n");
}
