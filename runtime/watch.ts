import { measure, partOf } from "./measure.ts";
import { refuse } from "./errors.ts";
import { must, readOptions, whole } from "./options.ts";
import { orderOf, split, type Rows } from "./rows.ts";
import type { Trainee } from "./trainee.ts";
import type { Best, EpochReport, FitOptions } from "./types.ts";

/** What happens after the epochs of a run: rows are evaluated, and the best weights are kept. */
export interface Watch {
  /** The rows to train on: those given, without what is held out. */
  readonly training: Rows;
  /** Whether anything happens; if not, one call of the module may make many epochs. */
  readonly active: boolean;
  /** What `report` becomes. @param breathe called between two calls of the module */
  after(report: EpochReport, breathe: () => Promise<void>): Promise<EpochReport>;
  /** Whether patience is out when `epochs` epochs are made. */
  isOut(epochs: number): boolean;
  /** The best epoch so far. */
  best(): Best | undefined;
  /** Puts the best weights back, once `epochs` are made and no more will be. */
  end(epochs: number): Best | undefined;
}

/** @throws `wrong-option`, `out-of-memory`, and what is wrong with examples to validate */
export function watchOf(
  { net, arena, take, feeds, checkWeights }: Trainee,
  given: Rows,
  options: Pick<FitOptions, "validate" | "metrics" | "patience" | "best" | "batch">,
  { seed, batch, first }: { readonly seed: number; readonly batch: number; readonly first: number },
): Watch {
  const { manifest } = net;
  const metrics = options.metrics ?? false;
  must(typeof metrics === "boolean", "metrics", "true or false", metrics);
  const { validate } = options;
  const patience = options.patience === undefined ? Infinity : whole("patience", options.patience, 1);
  let best: Best | undefined;
  if (options.best !== undefined) {
    if (patience === Infinity) refuse("wrong-option", "`best` needs `patience`.");
    if (first === 1) refuse("wrong-option", "`best` is of an epoch before `firstEpoch`, which is 1.");
    best = readOptions(options.best, ["epoch", "loss", "weights"], "best");
    whole("best.epoch", best.epoch, 1, first - 1);
    must(Number.isFinite(best.loss) && ArrayBuffer.isView(best.weights), "best", "that of a report", best);
    checkWeights(best.weights);
  }
  let training = given;
  let validation: Rows | undefined;
  if (typeof validate === "number") {
    const { total } = given;
    const isShare = validate > 0 && validate < 1;
    must(isShare, "validate", "examples, or a share of rows between 0 and 1", validate);
    if (total < 2) refuse("wrong-option", "`validate` as a share needs two rows or more.");
    const order = split(orderOf(arena(), total, seed, 0), validate);
    const rows = (part: Uint32Array): Rows => ({
      feeds: feeds().map((feed, i) => feed.takeFrom(given.feeds[i]!, part, total)),
      total: part.length,
    });
    training = rows(order.training);
    validation = rows(order.validation);
  } else if (validate !== undefined) {
    validation = take(validate);
    for (const feed of validation.feeds) feed.settle();
  }

  const part = ({ total }: Rows): number => partOf(manifest, total, Math.min(batch, training.total));
  // Refused before anything is trained; and memory that grew later would be laid out anew.
  if (validation) arena().reserve(part(validation));
  if (metrics) arena().reserve(part(training));
  return {
    training,
    active: Boolean(metrics || validation || patience < Infinity),
    async after(report, breathe) {
      const { epoch } = report;
      const evaluate = (rows: Rows) => measure(arena, manifest, rows, part(rows), breathe);
      const own = metrics && (await evaluate(training)).metrics;
      const held = validation && (await evaluate(validation));
      const loss = held ? held.loss : report.loss;
      if (patience < Infinity && Number.isFinite(loss) && !(best && loss >= best.loss)) {
        best = { epoch, loss, weights: net.save() };
      }
      return {
        ...report,
        ...(own && { metrics: own }),
        ...(held && { validation: held }),
        ...(best && { best }),
      };
    },
    isOut: (epochs) => epochs - (best?.epoch ?? first - 1) >= patience,
    best: () => best,
    end(epochs) {
      if (best && best.epoch < epochs) net.restore(best.weights);
      return best;
    },
  };
}
