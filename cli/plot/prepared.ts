/** What every picture of a model is made of. */
import type { Net } from "../../runtime/index.ts";
import type { Dataset, KnownTables } from "../data/load-data.ts";

/** A model with its weights, and what is known of its data. */
export interface Prepared {
  readonly net: Net;
  readonly file: string;
  /** `Xor after 400 steps`, as titles name it. */
  readonly title: string;
  readonly data: Dataset | null;
  readonly known: Partial<KnownTables>;
}
