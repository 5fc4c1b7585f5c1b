/** The loss surface of a command: its data, its path, and its progress. */
import type { Dataset } from "../data/load-data.ts";
import { UsageError } from "../failures.ts";
import type { Output } from "../output.ts";
import { firstRows } from "../parts.ts";
import { counted, duration } from "../terminal/numbers.ts";
import type { PlotArguments } from "./arguments.ts";
import { plotLossSurface } from "./loss-surface.ts";
import type { Plot } from "./plot.ts";
import type { Prepared } from "./prepared.ts";

/** Seconds after which a user wants to know how long it takes. */
const PATIENCE = 2;

export async function lossPlot(
  { net, title, data }: Prepared,
  options: PlotArguments,
  output: Output,
): Promise<Plot> {
  const { manifest } = net;
  if (data === null && manifest.inputs.length > 0)
    throw new UsageError("bad-usage", "--loss-surface needs the data that the loss is of", {
      help: "add --data",
    });
  const rows: Dataset =
    data === null
      ? { rows: 1, inputs: {}, categories: {}, columns: {}, notes: [] }
      : options.rows === undefined
        ? data
        : { ...data, ...firstRows(net, data, options.rows) };
  const started = performance.now();
  const plot = plotLossSurface(net, rows, {
    title,
    seed: options.seed,
    span: options.span ?? null,
    points: options.points,
    path: [],
    progress: (done, of) => {
      const seconds = (performance.now() - started) / 1000;
      if (seconds < PATIENCE) return;
      const left = (seconds / done) * (of - done);
      if (output.live) output.draw(`\r\x1b[2Kloss surface ${done}/${of}  ${duration(left)} left`);
      else if (done === 1 || (seconds - seconds / done < PATIENCE && done < of))
        output.aside(
          `loss surface: ${duration(left)} left for ${counted(rows.rows, "row")}; --rows and --points take less`,
        );
      if (output.live && done === of) output.draw("\r\x1b[2K");
    },
  });
  return plot;
}
