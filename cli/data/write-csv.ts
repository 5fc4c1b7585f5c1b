/** Tables that `predict` writes. */
import Papa from "papaparse";
import { elementCount } from "./array.ts";

/**
 * Column names of one output: `p` where a row has one number, else `p.0`, `p.1` …; further axes are
 * spelled out, `p.0.1`.
 */
export function columnNames(name: string, shape: readonly number[]): string[] {
  if (elementCount(shape) === 1) return [name];
  let names = [name];
  for (const size of shape) {
    names = names.flatMap((prefix) => Array.from({ length: size }, (_, index) => `${prefix}.${index}`));
  }
  return names;
}

/** A table with a header. */
export function writeCsv(header: readonly string[], rows: Iterable<readonly string[]>): string {
  return (
    Papa.unparse({ fields: [...header], data: [...rows].map((row) => [...row]) }, { newline: "\n" }) + "\n"
  );
}

/**
 * The shortest decimal that reads back as the same number of the array's type: `0.1`, not
 * 0.10000000149011612, for the f32 nearest it.
 */
export function shortest(value: number, type: "f32" | "f64"): string {
  if (type === "f32") {
    // 9 digits always tell two f32 apart.
    for (let digits = 6; digits <= 9; digits++) {
      const text = String(Number(value.toPrecision(digits)));
      if (Math.fround(Number(text)) === value) return text;
    }
  }
  return String(value);
}
