/**
 * `--history`: the figures of each epoch, and weights along the path of training.
 *
 * The file is safetensors. Its metadata has `history`, a JSON object:
 *
 * - `model`, and `seed` of the run;
 * - `epochs`: `[{ epoch, steps, loss, seconds, hyper, metrics?, validation?: { loss, metrics } }]`,
 *   where null stands for a number that is not finite, and with `--probe` `layers` as in `fit`'s;
 * - `points`: `[{ step, epoch }]`, in the order of steps: where the weights are from. The first is
 *   where the run began.
 *
 * Its tensors are the parameters that are trained: `PATH`, of shape `[points, ...shape]`, whose
 * entry i along the first axis is the parameter after `points[i].step` steps.
 */
import { existsSync } from "node:fs";
import type { EpochReport, Net, StepReport } from "../../runtime/index.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "../../runtime/safetensors.ts";
import { ModelError } from "../failures.ts";
import { readBytes } from "../files.ts";
import { trainedParameters } from "../trained.ts";
import { writeFiles } from "../write-files.ts";
import type { Observer, RunResult, TrainingRun } from "./observe.ts";
import { epochJson } from "./show.ts";

/** Points that are kept, and bytes that they may take together, at most. */
const mostPoints = 200;
const mostBytes = 2 ** 26;

/** What a file may have. */
const mostFile = 2 ** 31;

/** Writing takes no more than this share of the time. */
const writingShare = 0.05;

/** A number, null where it was not finite. */
type Figure = number | null;

export interface EpochRecord {
  readonly epoch: number;
  readonly steps: number;
  readonly loss: Figure;
  readonly seconds: number;
  readonly hyper: Readonly<Record<string, Figure>>;
  readonly metrics?: Readonly<Record<string, Figure>>;
  readonly layers?: EpochReport["layers"];
  readonly validation?: { readonly loss: Figure; readonly metrics: Readonly<Record<string, Figure>> };
}

export interface Point {
  readonly step: number;
  readonly epoch: number;
}

export interface History {
  readonly model: string;
  readonly seed: number;
  readonly epochs: readonly EpochRecord[];
  readonly points: readonly Point[];
  /** By path: `[points, ...shape]`. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

/** @throws ModelError for what is no such file, UsageError where there is none */
export async function readHistory(path: string): Promise<History> {
  const fail = (why: string): ModelError =>
    new ModelError("bad-history", `it is no history of a run: ${why}`, path, "train with --history FILE");
  const bytes = await readBytes(path, mostFile, (size) => fail(`it has ${size}`));
  try {
    const { tensors, metadata } = readSafetensors(bytes);
    const said: unknown = JSON.parse(metadata["history"] ?? "null");
    if (!isHistory(said)) throw fail("its metadata does not say which epochs it is of");
    for (const [name, { shape }] of tensors) {
      if (shape[0] !== said.points.length) throw fail(`it has not ${said.points.length} of \`${name}\``);
    }
    return { ...said, weights: tensors };
  } catch (error) {
    throw error instanceof ModelError ? error : fail(error instanceof Error ? error.message : String(error));
  }
}

function isHistory(value: unknown): value is Omit<History, "weights"> {
  if (typeof value !== "object" || value === null) return false;
  const { model, seed, epochs, points }: Partial<Record<keyof History, unknown>> = value;
  const all = <K extends string>(list: unknown, names: readonly K[]): boolean =>
    Array.isArray(list) &&
    list.every((entry: Readonly<Record<string, unknown>> | null) =>
      names.every((name) => Number.isSafeInteger(entry?.[name])),
    );
  return (
    typeof model === "string" &&
    Number.isSafeInteger(seed) &&
    all(epochs, ["epoch", "steps"]) &&
    all(points, ["step", "epoch"])
  );
}

interface Kept extends Point {
  readonly weights: readonly (Float32Array | Float64Array)[];
}

/** Keeps the history of a run, and writes it now and then and at the end. */
export class HistoryFile implements Observer {
  readonly #path: string;
  #run!: TrainingRun;
  #epochs: EpochRecord[] = [];
  #points: Kept[] = [];
  #most = mostPoints;
  /** Steps between two points. */
  #stride = 1;
  #written = performance.now();
  #cost = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async started(run: TrainingRun): Promise<void> {
    this.#run = run;
    const { net, plan, options } = run;
    const numbers = trained(net).reduce((all, path) => all + net.view(path).byteLength, 0);
    this.#most = Math.max(2, Math.min(mostPoints, Math.floor(mostBytes / Math.max(1, numbers))));
    if (options.resume !== undefined && existsSync(this.#path)) {
      this.#goOn(await readHistory(this.#path), plan.firstEpoch);
    }
    if (this.#points.at(-1)?.step !== net.steps) this.#add(net.steps, plan.firstEpoch);
  }

  step({ step, epoch }: StepReport): void {
    if (step % this.#stride === 0) this.#add(step, epoch);
  }

  async epoch(report: EpochReport): Promise<void> {
    this.#epochs.push(epochJson(report));
    const { checkpoint } = this.#run.options;
    const due = performance.now() - this.#written > Math.max(1000, this.#cost / writingShare);
    // A run that goes on from a checkpoint finds all that was before it.
    if (due || (checkpoint !== undefined && report.epoch % checkpoint === 0)) await this.#write();
  }

  async ended({ ending }: RunResult): Promise<void> {
    const { net } = this.#run;
    const last = this.#points.at(-1);
    if (ending !== "diverged" && last !== undefined && net.steps > last.step)
      this.#add(net.steps, last.epoch);
    await this.#write();
  }

  /**
   * What was kept before a run that goes on; a killed one may have kept more than it saved.
   * @throws ModelError where it is of another run
   */
  #goOn(history: History, firstEpoch: number): void {
    const { net } = this.#run;
    expectSameRun(history, net, this.#path);
    const { epochs, points, weights } = history;
    this.#epochs = epochs.filter(({ epoch }) => epoch < firstEpoch);
    const paths = trained(net);
    this.#points = points
      .map(({ step, epoch }, i) => ({
        step,
        epoch,
        weights: paths.map((path) => {
          const all = weights.get(path)!.data;
          const size = all.length / points.length;
          const own = all.subarray(i * size, (i + 1) * size);
          return all instanceof Float64Array ? Float64Array.from(own) : Float32Array.from(own);
        }),
      }))
      .filter(({ step }) => step <= net.steps);
    const [, second, third] = this.#points;
    if (second !== undefined && third !== undefined) this.#stride = Math.max(1, third.step - second.step);
  }

  #add(step: number, epoch: number): void {
    const { net } = this.#run;
    this.#points.push({ step, epoch, weights: trained(net).map((path) => net.get(path).data) });
    while (this.#points.length > this.#most) {
      this.#stride *= 2;
      this.#points = this.#points.filter((point, i) => i === 0 || point.step % this.#stride === 0);
    }
  }

  async #write(): Promise<void> {
    const begun = performance.now();
    const { net, compiled } = this.#run;
    const points = this.#points.map(({ step, epoch }) => ({ step, epoch }));
    const tensors = trained(net).map((path, i) => {
      const { shape, data: like } = net.get(path);
      const data = like.length === 0 ? like : new (kindOf(like))(points.length * like.length);
      for (const [at, { weights }] of this.#points.entries()) data.set(weights[i]!, at * like.length);
      return [path, { shape: [points.length, ...shape], data }] as const;
    });
    const history = { model: compiled.manifest.model, seed: net.seed, epochs: this.#epochs, points };
    const bytes = writeSafetensors(tensors, { history: JSON.stringify(history) });
    await writeFiles([{ path: this.#path, bytes }]);
    this.#written = performance.now();
    this.#cost = this.#written - begun;
  }
}

/** Another model's points would be no path of this one. @throws ModelError */
function expectSameRun({ model, seed, points, weights }: History, net: Net, path: string): void {
  const fail = (why: string): never => {
    throw new ModelError(
      "bad-history",
      `it is of another run: ${why}`,
      path,
      "give --history the file that the run began with, or one that is not there yet",
    );
  };
  const { manifest } = net;
  if (model !== manifest.model) fail(`its model is ${model}, not ${manifest.model}`);
  if (seed !== net.seed) fail(`its seed is ${seed}, not ${net.seed}`);
  const paths = trained(net);
  for (const name of paths) {
    const expected = [points.length, ...net.get(name).shape].join();
    if (weights.get(name)?.shape.join() !== expected) fail(`it has no \`${name}\` of this shape`);
  }
  const foreign = [...weights.keys()].find((name) => !paths.includes(name));
  if (foreign !== undefined) fail(`it has \`${foreign}\`, which this one does not train`);
}

const kindOf = (data: Float32Array | Float64Array) =>
  data instanceof Float64Array ? Float64Array : Float32Array;

const trained = ({ manifest }: Net): readonly string[] => trainedParameters(manifest).map(({ path }) => path);
