/** Those who take columns of a table while it is read, up to the first for whom something is wrong. */
import { DataError } from "../failures.ts";
import type { DataArray } from "./array.ts";
import type { Categories, Columns } from "./columns.ts";
import type { Picked } from "./pick-columns.ts";
import type { CellUse, PlainRows } from "./plain-rows.ts";

export interface Table extends DataArray {
  /** What text stands for in each column that holds some. */
  readonly categoriesByColumn: Categories;
  /** Names of the columns taken, in order; null without a header. */
  readonly names: readonly string[] | null;
  readonly notes: readonly string[];
}

/** What one input got of a table, or what was wrong with it. */
export type Taken =
  { readonly kind: "table"; readonly table: Table } | { readonly kind: "wrong"; readonly error: DataError };

/** Of one input. */
export interface Taker {
  readonly columns: Columns;
  readonly picked: Picked;
  readonly note: string | null;
}

/** From what any column can be read as to what is asked most of. */
const uses: readonly CellUse[] = ["nothing", "rounded", "number", "text"];

/**
 * Inputs are told what is wrong in their order, as if the table were read for one after another:
 * those behind the first for whom something is wrong take no more.
 */
export class Takers {
  all: readonly Taker[] = [];
  #wrong: DataError | null = null;
  /** Columns of texts when uses were last told. */
  #texts = -1;

  /** @throws DataError where it is wrong for the first of them */
  static of<T>(wanted: readonly T[], taker: (one: T) => Taker): Takers {
    const made: Taker[] = [];
    const takers = new Takers();
    takers.#each(wanted, (one) => made.push(taker(one)));
    takers.all = made;
    return takers;
  }

  /** @throws DataError where it is wrong for the first of them */
  each(use: (taker: Taker) => void): void {
    const { all } = this;
    const right = this.#each(all, use);
    if (right < all.length) this.all = all.slice(0, right);
  }

  /** @returns for how many nothing was wrong */
  #each<T>(all: readonly T[], use: (one: T) => void): number {
    let at = 0;
    try {
      for (; at < all.length; at++) use(all[at]!);
    } catch (error) {
      if (at === 0 || !(error instanceof DataError)) throw error;
      this.#wrong = error;
    }
    return at;
  }

  /** Says which columns are numbers, and which are texts by now. */
  tellUses(plain: PlainRows): void {
    const texts = this.all.reduce((sum, { columns }) => sum + columns.texts, 0);
    if (texts === this.#texts) return;
    this.#texts = texts;
    const most = new Uint8Array(plain.values.length);
    for (const { columns, picked } of this.all) {
      for (const [position, column] of picked.indices.entries())
        most[column] = Math.max(most[column]!, uses.indexOf(columns.use(position)));
    }
    most.forEach((use, column) => plain.use(column, uses[use]!));
  }

  finish(table: (taker: Taker) => Table): readonly Taken[] {
    const tables: Taken[] = [];
    this.each((taker) => tables.push({ kind: "table", table: table(taker) }));
    return this.#wrong === null ? tables : [...tables, { kind: "wrong", error: this.#wrong }];
  }
}
