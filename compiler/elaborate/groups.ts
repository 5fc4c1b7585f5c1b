/** Which parameters each `optimizer` line trains: those under its paths, or all that no other line has. */
import type { Identifier } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import type { ChosenOptimizer, Known, Machine } from "./machine.ts";
import { diagnose } from "./problem.ts";

/** Whether a parameter is the one at `path`, or lies under it. */
const liesUnder = (parameter: string, path: string): boolean =>
  parameter === path || parameter.startsWith(`${path}.`);

/** The numbers of the parameters that a path stands for, and that are not frozen. */
const trainedUnder = ({ paths, parameters }: Known, path: string): number[] =>
  paths.flatMap((parameter, i) =>
    liesUnder(parameter, path) && parameters[i]!.kind === "parameter" ? i : [],
  );

/** The numbers of the parameters that each optimizer trains, beside `optimizers`. */
export function membersOf(known: Known, optimizers: readonly ChosenOptimizer[]): readonly number[][] {
  const named = optimizers.map(({ paths }) => [
    ...new Set((paths ?? []).flatMap(({ text }) => trainedUnder(known, text))),
  ]);
  const taken = new Set(named.flat());
  const rest = known.parameters.flatMap(({ kind }, i) => (kind === "parameter" && !taken.has(i) ? i : []));
  return optimizers.map(({ paths }, i) => (paths === null ? rest : named[i]!.toSorted((a, b) => a - b)));
}

/** Paths that name nothing or what another line has, and lines that are left with nothing. */
export function checkGroups(known: Known, { optimizers }: Machine): Diagnostic[] {
  const found = optimizers.flatMap(({ paths }) => (paths ?? []).flatMap((path) => checkPath(known, path)));
  const lines = new Map<number, { line: number; path: Identifier }>();
  optimizers.forEach(({ paths }, line) => {
    for (const path of paths ?? []) {
      for (const index of trainedUnder(known, path.text)) {
        const before = lines.get(index);
        if (before === undefined) lines.set(index, { line, path });
        else if (before.line !== line) {
          const message = `\`${known.paths[index]}\` is in two groups`;
          const also = [{ span: before.path.span, text: "the first" }];
          const help = "one parameter has one optimizer: name in each line what the other does not";
          found.push(diagnose("error", "group-overlap", path.span, message, { also, help }));
        }
      }
    }
  });
  const members = membersOf(known, optimizers);
  optimizers.forEach(({ paths, span }, i) => {
    if (paths !== null || members[i]!.length > 0 || optimizers.length === 1) return;
    const message = "every parameter has an optimizer of its own, and none is left for this line";
    found.push(diagnose("error", "nothing-to-train", span, message, { help: "remove it" }));
  });
  if (found.length > 0) return found;
  const names = optimizers.flatMap(({ hyper, span }) => hyper.map(({ name }) => ({ name, span })));
  for (const [i, { name, span }] of names.entries()) {
    if (names.findIndex((other) => other.name === name) === i) continue;
    const message = `two numbers of the optimizers would be called \`${name}\` at run time`;
    const help = "bind the parameter to another name";
    found.push(diagnose("error", "duplicate-name", span, message, { help }));
  }
  return found;
}

function checkPath(known: Known, { text, span }: Identifier): Diagnostic[] {
  if (trainedUnder(known, text).length > 0) return [];
  const owned = known.paths.find((parameter) => liesUnder(parameter, text));
  if (owned !== undefined) {
    const message = `nothing under \`${text}\` is trained`;
    const help = `\`${owned}\` is frozen, or a state: remove it from this line`;
    return [diagnose("error", "nothing-to-train", span, message, { help })];
  }
  const trained = known.paths.filter((_, i) => known.parameters[i]!.kind === "parameter");
  const beginnings = new Set(trained.flatMap(beginningsOf));
  const near = closest(text, [...beginnings]);
  const tops = [...new Set(trained.map((path) => path.split(".")[0]!))];
  const shown = `${tops.slice(0, 12).join(", ")}${tops.length > 12 ? ", …" : ""}`;
  const help = near === undefined ? `there are ${shown}` : `did you mean \`${near}\`?`;
  return [diagnose("error", "unknown-path", span, `there is no parameter under \`${text}\``, { help })];
}

/** `h`, `h.0` and `h.0.weight` of the last. */
const beginningsOf = (path: string): string[] =>
  path.split(".").map((_, i, segments) => segments.slice(0, i + 1).join("."));
