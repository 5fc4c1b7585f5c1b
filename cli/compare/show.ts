/**
 * A comparison as a person reads it: a table, and for each autograd a line that says where it is
 * furthest off.
 */
import type { Verdict } from "../../compiler/compare/judge.ts";
import type { Answer } from "../../compiler/compare/question.ts";
import { pathOf, type Model } from "../../compiler/graph/model.ts";
import type { Output } from "../output.ts";
import { figure } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";
import { countOf } from "../../compiler/ir/size.ts";

/** One that answered. */
export interface Asked {
  readonly name: string;
  readonly version: string;
  readonly theirs: Answer;
  readonly verdict: Verdict;
  readonly tolerance: number;
}

/** One that could not. */
export interface Missing {
  readonly name: string;
  readonly lacks: string;
}

export interface Comparison {
  readonly model: Model;
  readonly ours: Answer;
  readonly asked: readonly Asked[];
  readonly missing: readonly Missing[];
  /** Whether somebody answered, and nobody is further off than is allowed. */
  readonly ok: boolean;
}

/** As `--json` prints it; `tolerance` is what is allowed to the closest of them. */
export function comparisonJson({ model, ours, asked, missing, ok }: Comparison, tolerance: number): object {
  const byPath = ({ gradients }: Verdict): Record<string, number> =>
    Object.fromEntries([...gradients].map(([i, { error }]) => [pathOf(model, i), error]));
  const against = asked.map(({ name, version, verdict, theirs, tolerance: allowed }) => {
    const { loss, max } = verdict;
    const largest = furthest(model, ours, verdict, theirs);
    const left = { sampled: sampledByPath(model, theirs), kinks: kinksByPath(model, theirs) };
    return [name, { version, loss, gradients: byPath(verdict), max, largest, ...left, tolerance: allowed }];
  });
  return {
    loss: ours.loss,
    against: Object.fromEntries(against),
    missing: Object.fromEntries(missing.map(({ name, lacks }) => [name, lacks])),
    tolerance,
    ok,
  };
}

export function showComparison(comparison: Comparison, { colors }: Output): string {
  const { model, ours, asked, missing, ok } = comparison;
  const line = (title: string, errorOf: (verdict: Verdict) => number): string[] => [
    title,
    ...asked.map(({ verdict }) => showError(errorOf(verdict))),
  ];
  const rows = [
    line("loss", ({ loss }) => loss),
    ...[...ours.gradients.keys()].map((i) =>
      line(pathOf(model, i), ({ gradients }) => gradients.get(i)!.error),
    ),
    line("largest", ({ max }) => max),
  ];
  const names = ["", ...asked.map(({ name }) => name)];
  return [
    `loss ${figure(ours.loss)}`,
    "",
    ...(asked.length === 0 ? [] : [table(names, rows, colors, Infinity), ""]),
    ...asked.map((one) => {
      const agrees = one.verdict.max <= one.tolerance;
      const remarks = notes(model, one.theirs).map((note) => colors.dim(`; ${note}`));
      const place = furthest(model, ours, one.verdict, one.theirs);
      const furthestOff = showFurthest(one.verdict.max, place);
      const verdict = agrees ? colors.green("agrees to") : colors.red("differs by more than");
      return `${one.name} ${one.version} ${verdict} ${one.tolerance}: ${furthestOff}${remarks.join("")}`;
    }),
    ...missing.map(({ name, lacks }) => `${name} did not run: it lacks ${lacks}`),
    ...(asked.length === 0 ? [colors.red("nothing was compared")] : []),
    ...(asked.length > 0 && !ok ? [colors.red("the gradients differ")] : []),
    "",
  ].join("\n");
}

const showError = (error: number): string => (error === 0 ? "0" : error.toExponential(1));

/** Where two answers are furthest apart. */
interface Furthest {
  /** Null for the loss. */
  readonly parameter: string | null;
  /** For each axis, the entry of the parameter's gradient. */
  readonly index: readonly number[];
  readonly here: number;
  readonly there: number;
}

/** @returns null where they are the same */
function furthest(model: Model, ours: Answer, verdict: Verdict, theirs: Answer): Furthest | null {
  if (verdict.max === 0) return null;
  if (verdict.max === verdict.loss)
    return { parameter: null, index: [], here: ours.loss, there: theirs.loss };
  const [i, { at }] = [...verdict.gradients].find(([, distance]) => distance.error === verdict.max)!;
  const { data, sampled } = theirs.gradients.get(i)!;
  return {
    parameter: pathOf(model, i),
    index: indexIn(model, i, at),
    here: ours.gradients.get(i)!.data[at]!,
    there: data[sampled === undefined ? at : sampled.indexOf(at)]!,
  };
}

/** `largest error 8.6e-8 at h.bias[0] (0.05831 here, 0.05831 there)` */
function showFurthest(max: number, place: Furthest | null): string {
  const error = `largest error ${showError(max)}`;
  if (place === null) return error;
  const { parameter, index, here, there } = place;
  const at = parameter === null ? "the loss" : showEntry(parameter, index);
  return `${error} at ${at} (${figure(here)} here, ${figure(there)} there)`;
}

const showEntry = (path: string, index: readonly number[]): string =>
  index.length === 0 ? path : `${path}[${index.join(", ")}]`;

/** How many entries of a parameter were asked for, where not all were. */
const sampledByPath = (model: Model, { gradients }: Answer): Record<string, number> =>
  Object.fromEntries(
    [...gradients].flatMap(([i, { sampled, data }]) =>
      sampled === undefined ? [] : [[pathOf(model, i), data.length]],
    ),
  );

/** The entries at which there is no derivative to compare with. */
const kinksByPath = (model: Model, { gradients }: Answer): Record<string, number[][]> =>
  Object.fromEntries(
    [...gradients].flatMap(([i, { kinks }]) =>
      kinks === undefined ? [] : [[pathOf(model, i), kinks.map((position) => indexIn(model, i, position))]],
    ),
  );

/** Kinks that a line has room for. */
const NAMED = 4;

function notes(model: Model, answer: Answer): string[] {
  const [sampled] = Object.values(sampledByPath(model, answer));
  const kinks = Object.entries(kinksByPath(model, answer)).flatMap(([path, entries]) =>
    entries.map((index) => showEntry(path, index)),
  );
  const named = [...kinks.slice(0, NAMED), ...(kinks.length > NAMED ? ["…"] : [])].join(", ");
  return [
    ...(sampled === undefined ? [] : [`${sampled} entries of each larger parameter`]),
    ...(kinks.length === 0
      ? []
      : [`${kinks.length} ${kinks.length === 1 ? "entry" : "entries"} at a kink left out: ${named}`]),
  ];
}

/** A row-major position in a parameter as an index for each axis. */
function indexIn(model: Model, parameter: number, position: number): number[] {
  const index: number[] = [];
  for (const count of model.persistent[parameter]!.shape.map(countOf).toReversed()) {
    index.unshift(position % count);
    position = Math.floor(position / count);
  }
  return index;
}
