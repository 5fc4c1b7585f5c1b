/** `std:gelu,relu` and `FILE.nn:own`: functions of one number with their derivatives. */
import type { FunctionOfOneNumber, Surroundings } from "../../compiler/derive/index.ts";
import { splitAtCommas } from "../commas.ts";
import { ModelError, UsageError } from "../failures.ts";
import { lineOf } from "./jumps.ts";
import type { Axis, FunctionsPlot, FunctionGraph } from "./plot.ts";

/** Numbers at which a function is computed, jumps aside. */
const SAMPLES = 601;

/** Where a function is looked at unless `--range` says. */
const USUAL = { from: -5, to: 5 } as const;

const MOST = 40;

/** What is asked for in place of a program: functions, of the library where there is no file. */
export interface WantedFunctions {
  readonly file: string | null;
  readonly names: readonly string[];
}

/** `std:a,b` or `FILE.nn:a,b`; null for what names a program as a whole. */
export function wantedFunctions(what: string): WantedFunctions | null {
  const [, source, list] = /^(std|.+?\.nn):(.*)$/s.exec(what) ?? [];
  if (source === undefined || list === undefined) return null;
  const names = splitAtCommas(list).filter((name) => name !== "");
  if (names.length === 0)
    throw new UsageError("bad-usage", `${what} names no function`, { help: "such as std:gelu,relu" });
  if (names.length > MOST)
    throw new UsageError("bad-usage", `${names.length} functions are too many for one picture`, {
      help: `name ${MOST} at most`,
    });
  return { file: source === "std" ? null : source, names };
}

/** @throws ModelError for what is no function of one number */
export async function plotFunctions(
  { file, names }: WantedFunctions,
  surroundings: Surroundings | undefined,
  range: { readonly from: number; readonly to: number } = USUAL,
): Promise<FunctionsPlot> {
  const { DerivationError, functionOfOneNumber } = await import("../../compiler/derive/index.ts");
  const axis: Axis = { name: "z", ...range };
  const functions: FunctionGraph[] = [];
  for (const name of names) {
    try {
      functions.push(graphOf(await functionOfOneNumber(name, surroundings), axis));
    } catch (error) {
      if (error instanceof DerivationError)
        throw new ModelError(error.code, error.message, file ?? `std:${name}`, error.help);
      throw error;
    }
  }
  const title =
    functions.length === 1
      ? `${functions[0]!.name} with its first and second derivative`
      : "Functions with their first and second derivatives";
  return { kind: "functions", title, axis, functions };
}

function graphOf({ name, evaluate }: FunctionOfOneNumber, axis: Axis): FunctionGraph {
  // Where a function has no value its derivative has none, though the formula of it may.
  const line = (order: 0 | 1 | 2): FunctionGraph["lines"][0] =>
    lineOf(
      (xs) => {
        const values = evaluate(xs);
        return Float64Array.from(values[order], (y, i) => (Number.isNaN(values[0][i]) ? NaN : y));
      },
      axis,
      SAMPLES,
    );
  return { name, lines: [line(0), line(1), line(2)] };
}
