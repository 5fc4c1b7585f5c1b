/** A comparison as a person reads it: a table, and for each autograd a line that says where it is furthest off. */
import type { Verdict } from "../../compiler/compare/judge.ts";
import type { Answer } from "../../compiler/compare/question.ts";
import type { Model } from "../../compiler/ir/model.ts";
import type { Output } from "../output.ts";
import { figure } from "../terminal/numbers.ts";
import { table } from "../terminal/table.ts";

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
    Object.fromEntries([...gradients].map(([i, { error }]) => [model.parameters[i]!.path, error]));
  const against = asked.map(({ name, version, verdict, tolerance: allowed }) => {
    const { loss, max } = verdict;
    return [name, { version, loss, gradients: byPath(verdict), max, tolerance: allowed }];
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
      line(model.parameters[i]!.path, ({ gradients }) => gradients.get(i)!.error),
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
      const remarks = notes(one.theirs).map((note) => colors.dim(`; ${note}`));
      const verdict = agrees ? colors.green("agrees to") : colors.red("differs by more than");
      return `${one.name} ${one.version} ${verdict} ${one.tolerance}: ${furthest(comparison, one)}${remarks.join("")}`;
    }),
    ...missing.map(({ name, lacks }) => `${name} did not run: it lacks ${lacks}`),
    ...(asked.length === 0 ? [colors.red("nothing was compared")] : []),
    ...(asked.length > 0 && !ok ? [colors.red("the gradients differ")] : []),
    "",
  ].join("\n");
}

const showError = (error: number): string => (error === 0 ? "0" : error.toExponential(1));

/** `largest error 8.6e-8 at h.bias[0] (0.05831 here, 0.05831 there)` */
function furthest({ model, ours }: Comparison, { verdict, theirs }: Asked): string {
  const error = `largest error ${showError(verdict.max)}`;
  if (verdict.max === 0) return error;
  if (verdict.max === verdict.loss)
    return `${error} at the loss (${figure(ours.loss)} here, ${figure(theirs.loss)} there)`;
  const [i, { at }] = [...verdict.gradients].find(([, distance]) => distance.error === verdict.max)!;
  const { path, shape } = model.parameters[i]!;
  const { data, sampled } = theirs.gradients.get(i)!;
  const there = data[sampled === undefined ? at : sampled.indexOf(at)]!;
  const index = indexOf(
    at,
    shape.map((size) => size.count),
  );
  const place = index.length === 0 ? path : `${path}[${index.join(", ")}]`;
  return `${error} at ${place} (${figure(ours.gradients.get(i)!.data[at]!)} here, ${figure(there)} there)`;
}

function notes({ gradients }: Answer): string[] {
  const all = [...gradients.values()];
  const kinks = all.reduce((sum, gradient) => sum + (gradient.kinks?.length ?? 0), 0);
  const sampled = all.find((gradient) => gradient.sampled !== undefined);
  return [
    ...(sampled === undefined ? [] : [`${sampled.data.length} entries of each larger parameter`]),
    ...(kinks === 0 ? [] : [`${kinks} ${kinks === 1 ? "entry" : "entries"} at a kink left out`]),
  ];
}

/** A row-major position as an index for each axis. */
function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(position % size);
    position = Math.floor(position / size);
  }
  return index;
}
