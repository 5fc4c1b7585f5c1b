/** The table that a sweep ends with: medians and quartiles by combination. */
import type { Output } from "../output.ts";
import { figure } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";
import type { Grid } from "./grid.ts";
import { cellsOf, measuresOf, quartiles, telling, valuesOf, type Measure } from "./measures.ts";
import type { Run } from "./run.ts";

/** Longer values are cut, so that the table stays one. */
const LONGEST = 32;

export function summary(grid: Grid, runs: readonly Run[], { colors, dataColumns }: Output): string {
  const measures = measuresOf(runs);
  const draw = (of: readonly Measure[]): string => table(...cellsAsText(grid, runs, of), colors, dataColumns);
  const whole = draw(measures);
  // All is in the files.
  const fits = dataColumns === Infinity || whole.split("\n").every((line) => stripped(line) <= dataColumns);
  return fits ? whole : draw(telling(measures));
}

/** Columns of a line without its colors. */
// eslint-disable-next-line no-control-regex
const stripped = (line: string): number => line.replaceAll(/\x1b\[[\d;]*m/g, "").length;

function cellsAsText(
  grid: Grid,
  runs: readonly Run[],
  measures: readonly Measure[],
): [readonly string[], readonly (readonly string[])[]] {
  const changes = grid.axes.map(({ values }) => values.length > 1);
  const header = [
    ...grid.axes.flatMap(({ name }, i) => (changes[i]! ? [name] : [])),
    "runs",
    ...measures.flatMap(({ label }) => [label, "quartiles"]),
  ];
  const rows = cellsOf(grid, runs).map(({ combination, trained, failed }) => [
    ...combination.values.flatMap((value, i) => (changes[i]! ? [short(value)] : [])),
    failed === 0 ? String(trained.length) : `${trained.length}, ${failed} failed`,
    ...measures.flatMap((measure) => {
      const spread = quartiles(valuesOf(measure, trained));
      return spread === null
        ? ["–", ""]
        : [figure(spread.median), `${figure(spread.low)} … ${figure(spread.high)}`];
    }),
  ]);
  return [header, rows];
}

const short = (value: string): string => (value.length > LONGEST ? `${value.slice(0, LONGEST - 1)}…` : value);

/** Why runs failed, each reason once, with the combinations that it is of. */
export function reasons(grid: Grid, runs: readonly Run[]): readonly string[] {
  const found = new Map<string, { runs: number; first: string }>();
  for (const { combination, seed, outcome } of runs) {
    if (outcome.kind !== "failed") continue;
    const { code, message } = outcome.failure;
    const { label } = grid.combinations[combination]!;
    // One reason differs from run to run in its numbers alone.
    const key = `${code} ${combination}`;
    const known = found.get(key);
    if (known === undefined) {
      const where = [label, `seed ${seed}`].filter((part) => part !== "").join(", ");
      found.set(key, { runs: 1, first: `${where}: ${message}` });
    } else known.runs++;
  }
  return [...found.values()].map(({ runs: count, first }) =>
    count === 1 ? first : `${first} (and ${count - 1} more)`,
  );
}
