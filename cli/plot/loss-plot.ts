/** The loss surface of a command: its data, its path, and its progress. */
import type { Net } from "../../runtime/index.ts";
import type { Dataset } from "../data/load-data.ts";
import { ModelError, UsageError } from "../failures.ts";
import type { Output } from "../output.ts";
import { firstRows } from "../parts.ts";
import { counted, duration } from "../terminal/numbers.ts";
import type { PlotArguments } from "./arguments.ts";
import type { Direction } from "./directions.ts";
import { readPath } from "./history.ts";
import { plotLossSurface, trained } from "./loss-surface.ts";
import type { Plot } from "./plot.ts";
import type { Prepared } from "./prepared.ts";

/** Along each direction; an odd number, so that the weights are one of them. */
const POINTS = 31;

/** Seconds after which a user wants to know how long it takes. */
const PATIENCE = 2;

export async function lossPlot(
  { net, file, title, data }: Prepared,
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
  if (trained(net).length === 0) {
    throw new ModelError("no-picture", `${manifest.model} has no parameter that is trained`, file);
  }
  const path = options.history === undefined ? null : await pathOf(net, options.history, options, output);
  const started = performance.now();
  return plotLossSurface(net, rows, {
    title: path?.title ?? title,
    seed: options.seed,
    span: options.span ?? null,
    points: options.points ?? POINTS,
    path: path?.points ?? [],
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
}

/** The path, the net being given the weights that it ends with where no others are asked for. */
async function pathOf(
  net: Net,
  file: string,
  { weights }: PlotArguments,
  output: Output,
): Promise<{ readonly points: readonly Direction[]; readonly title?: string }> {
  const { points, steps } = await readPath(file, trained(net));
  const last = points.at(-1);
  if (last === undefined || points.length < 2) {
    output.say(`note: ${file} has no path: nothing was trained`);
    return { points: [] };
  }
  if (weights === undefined) {
    trained(net).forEach(({ path }, k) => net.set(path, last[k]!));
    return { points, title: `${net.manifest.model} after ${counted(steps.at(-1)!, "step")}` };
  }
  const isEnd = trained(net).every(({ data }, k) => last[k]!.every((value, i) => value === data[i]));
  if (!isEnd) output.say(`note: the path in ${file} ends at other weights than those of ${weights}`);
  return { points };
}
