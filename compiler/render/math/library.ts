/** All vector functions, and the parts of them that a module needs. */
import type { ConstantTable } from "../constants.ts";
import type { Format } from "../format.ts";
import { acos, asin, atan, atan2 } from "./arctangent.ts";
import { erf } from "./error-function.ts";
import { exp, expm1 } from "./exponential.ts";
import { functionName, Pen, type FunctionName, type VectorFunction } from "./function.ts";
import { lgamma } from "./gamma.ts";
import { acosh, asinh, cosh, sinh } from "./hyperbolic.ts";
import { erfinv } from "./inverse-error-function.ts";
import { log, log1p } from "./logarithm.ts";
import { pow } from "./power.ts";
import { sigmoid, softplus, tanh } from "./sigmoid.ts";
import { cos, foldAngle, foldFar, sin } from "./trigonometry.ts";

const library: Readonly<Record<FunctionName, VectorFunction>> = {
  exp, expm1, log, log1p, sigmoid, tanh, softplus, erf, erfinv, lgamma, sin, cos, asin, acos, atan, atan2,
  sinh, cosh, asinh, acosh, pow, foldAngle, foldFar,
}; // prettier-ignore

/** Collects the functions that generated code calls, each once, those it calls before it. */
export class MathLibrary {
  readonly #sources = new Map<string, string>();
  readonly #table: ConstantTable;
  readonly #fused: boolean;

  /** @param fused whether multiplications and additions may be fused: `--simd relaxed` */
  constructor(table: ConstantTable, fused: boolean) {
    this.#table = table;
    this.#fused = fused;
  }

  /** What bodies in `format` are written with. */
  pen(format: Format): Pen {
    return new Pen(format, this.#table, this.#fused);
  }

  /** The name to call `name` by in `format`; its source becomes part of the module. */
  use(name: FunctionName, format: Format): string {
    const called = functionName(name, format);
    if (!this.#sources.has(called)) {
      const known = library[name];
      for (const needed of known.needs) this.use(needed, format);
      this.#sources.set(called, known.source(this.pen(format)));
    }
    return called;
  }

  source(): string {
    return [...this.#sources.values()].join("\n");
  }
}
