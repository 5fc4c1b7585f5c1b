import type { Arena } from "./arena.ts";
import type { Join, Manifest } from "./manifest.ts";
import type { Rows } from "./rows.ts";
import type { Measured } from "./types.ts";

/** Bytes of rows in one call: what a processor keeps close by. */
const CLOSE = 2 ** 24;

/**
 * A value over the rows so far (none: undefined) joined with that over a further `share` of all
 * rows; where values cannot be joined, the latter.
 */
export function joined(join: Join | null, before: number | undefined, value: number, share: number): number {
  const part = join === "mean" ? value * share : value;
  return before === undefined
    ? part
    : join === "max" || join === "min"
      ? Math[join](before, part)
      : join === "mean" || join === "sum"
        ? before + part
        : part;
}

/** What `evaluate` leaves, the loss first. */
const measures = ({ lossJoin, metrics }: Manifest) => [{ join: lossJoin }, ...metrics];

/** How many rows are evaluated in one call: all, where a value cannot be joined. */
export const partOf = (manifest: Manifest, total: number, batch: number): number =>
  measures(manifest).some(({ join }) => join === "coupled")
    ? total
    : Math.min(total, Math.max(batch, Math.floor(CLOSE / manifest.arena.perRow)));

/**
 * Loss and metrics over all rows, `part` in a call.
 * @param breathe called between two calls
 * @throws `out-of-memory`, `disposed`
 */
export async function measure(
  arenaNow: () => Arena,
  manifest: Manifest,
  { feeds, total }: Rows,
  part: number,
  breathe: () => Promise<void>,
): Promise<Measured> {
  const { metrics } = manifest;
  const values: number[] = [];
  // A caller may have changed them.
  for (const feed of feeds) feed.check();
  for (let from = 0; from < total; from += part) {
    await breathe();
    const arena = arenaNow();
    const rows = Math.min(part, total - from);
    arena.reserve(rows);
    for (const feed of feeds) feed.gather(arena, null, from, rows, total);
    const loss = arena.exports.evaluate?.(rows) ?? NaN;
    const own = [loss, ...metrics.map(({ place }) => arena.scalar(place))];
    for (const [i, { join }] of measures(manifest).entries()) {
      values[i] = joined(join, values[i], own[i]!, rows / total);
    }
  }
  return {
    loss: values[0]!,
    metrics: Object.fromEntries(metrics.map(({ name }, i) => [name, values[i + 1]!])),
  };
}
