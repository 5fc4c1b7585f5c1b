/**
 * The vector functions in f64, a number at a time, as a module of their own: numbers that are known
 * when compiling are computed by it.
 */
import { ConstantTable } from "../constants.ts";
import { F64 } from "../format.ts";
import { functionOps, type FunctionOp } from "./function.ts";
import { MathLibrary } from "./library.ts";

/** AssemblyScript of a module that exports them. */
export function scalarsSource(): string {
  const constants = new ConstantTable();
  const math = new MathLibrary(constants, false);
  // The keys of a record are its names.
  const exports = (Object.keys(functionOps) as FunctionOp[]).map((name) => {
    const names = ["x", "y"].slice(0, functionOps[name]);
    const called = `${math.use(name, F64)}(${names.map((x) => `f64x2.splat(${x})`).join(", ")})`;
    return `export function ${name}(${names.map((x) => `${x}: f64`).join(", ")}): f64 {\n  return f64x2.extract_lane(${called}, 0);\n}\n`;
  });
  return [constants.source(), math.source(), ...exports].join("\n");
}
