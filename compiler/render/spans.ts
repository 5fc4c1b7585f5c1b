/** Loops over what a long sum runs over, a span at a time (see `schedule/spans.ts`). */
import type { Range } from "./cover.ts";
import type { FunctionWriter } from "./writer.ts";

/**
 * Writes a loop over spans of `bytes` of `index`, which it declares. What runs over a range given
 * to `one` moves the index to the range's end.
 * @param end of the index, an expression; there is at least one entry
 */
export function eachSpan(
  writer: FunctionWriter,
  index: string,
  end: string,
  bytes: number,
  one: (range: Range) => void,
): void {
  writer.line(`let ${index}: usize = 0;`);
  const until = writer.fresh("until");
  writer.scope(
    "do",
    () => {
      writer.line(`const ${until}: usize = min<usize>(${index} + ${bytes}, ${end});`);
      one({ from: index, end: until });
    },
    ` while (${index} < ${end});`,
  );
}

/** Where a tile puts sums of spans, as expressions. */
export interface SpanStack {
  /** A variable: the address behind the last sum. */
  readonly top: string;
  /** Of the first sum that is taken back in the end; asked for behind the loop over spans. */
  readonly bottom: () => string;
  /** A span that ends before that is put aside. */
  readonly limit: string;
  /** Where in the whole depth a span ends. */
  readonly number: (until: string) => string;
}
