/** What came of a mutant, and of all of one thing. */

/** `no mutant` where the mistake cannot be made, or changes nothing. */
export type Outcome = "caught" | "missed" | "no mutant";

export interface Tried {
  readonly name: string;
  /** Whether it does not pass as it is. */
  readonly unsound: boolean;
  readonly outcomes: readonly { readonly name: string; readonly outcome: Outcome }[];
}
