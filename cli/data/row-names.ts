/** What the numbers of a row are: how many there are, the names of features, the names of classes. */
import type { ManifestInput, ManifestSize } from "../../runtime/index.ts";
import type { KnownTables } from "./load-data.ts";
import { own } from "./own.ts";

/** Entries of one row; null where rows do not stand first, or stand several times. */
export function entriesOfRow(shape: readonly ManifestSize[], free: string | null): number | null {
  const [first, ...rest] = free === null ? [null, ...shape] : shape;
  if (free !== null && first !== free) return null;
  let entries = 1;
  for (const size of rest) {
    if (typeof size !== "number") return null;
    entries *= size;
  }
  return entries;
}

/** A name for each number of an input's row: those of the table's columns where there are some. */
export function featureNames(input: ManifestInput, entries: number, known: Partial<KnownTables>): string[] {
  const columns = own(known.columns ?? {}, input.name);
  return Array.from(
    { length: entries },
    (_, entry) => columns?.[entry] ?? (entries === 1 ? input.name : `${input.name}[${entry}]`),
  );
}

/** The names of at least `count` classes, as the data or the weights tell them; else their numbers. */
export function classNames(input: string, count: number, known: Partial<KnownTables>): string[] {
  const byColumn = Object.values(own(known.categories ?? {}, input) ?? {});
  const texts = byColumn.length === 1 ? byColumn[0]! : [];
  return Array.from({ length: Math.max(count, texts.length) }, (_, k) => texts[k] ?? String(k));
}

/** Whether every row has one 1 and else 0. */
export function isOneHot(values: ArrayLike<number>, width: number): boolean {
  if (width < 2) return false;
  for (let at = 0; at < values.length; at += width) {
    let ones = 0;
    for (let k = 0; k < width; k++) {
      const value = values[at + k];
      if (value === 1) ones++;
      else if (value !== 0) return false;
    }
    if (ones !== 1) return false;
  }
  return true;
}
