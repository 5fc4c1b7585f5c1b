/**
 * Mistakes in words: with their places, the calls that led to them, and the text of the program.
 */
import type { Label, Span } from "../../grammar/diagnostic.ts";
import { lineAndColumn } from "../../grammar/text-position.ts";
import { OpError } from "../ir/op-error.ts";
import { entryToStd, type CallSite, type Frame } from "./frame.ts";
import type { Machine } from "./machine.ts";
import { brief, diagnose, Problem, type Details } from "./problem.ts";
import { show } from "./values.ts";

interface Complaint extends Details {
  readonly code: string;
  readonly span: Span;
  readonly message: string;
  /** Whether reading the program must stop: a limit was passed. */
  readonly fatal?: boolean;
}

/** A mistake met in `frame`. */
export function problem(machine: Machine, frame: Frame, complaint: Complaint): Problem {
  const { code, span, message, fatal, ...details } = complaint;
  const notes = details.notes ?? [];
  const entry = entryToStd(frame);
  if (entry === null || entry.site === null || !isStd(span)) {
    const calls = callNotes(machine, frame);
    return new Problem(
      diagnose("error", code, span, message, { ...details, notes: [...notes, ...calls] }),
      fatal,
    );
  }
  // The reader wrote the call, not the standard library: the call is the place.
  const known = details.also?.filter((label) => !isStd(label.span)) ?? [];
  const within = `in \`${entry.name}\` of the standard library, at ${placeOf(machine, span)}: \`${lineOf(machine, span)}\``;
  return new Problem(
    diagnose("error", code, entry.site.callee, `in ${entry.name}: ${message}`, {
      also: known.length > 0 ? known : shown(machine, entry.site),
      notes: [...notes, within, ...callNotes(machine, entry.caller)],
      help: details.help,
    }),
    fatal,
  );
}

/** Does `action`, whose OpErrors are about the expression at `span`. */
export function placed<T>(machine: Machine, frame: Frame, span: Span, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    const { code, message, help } = error;
    throw problem(machine, frame, { code, span, message, help, fatal: isLimit(error) });
  }
}

/** Whether reading must stop. */
export const isLimit = ({ code }: OpError): boolean => code === "graph-too-large";

/**
 * The place of a recursion is the call by which a definition calls itself, not where the limit was
 * passed.
 */
export function endless(machine: Machine, frame: Frame, site: CallSite): Problem {
  const names = new Set<string>();
  let again: Frame | null = frame;
  while (again !== null && !names.has(again.name)) {
    names.add(again.name);
    again = again.caller;
  }
  const limit = `more than ${machine.limits.callDepth} calls inside one another`;
  const help = "a fn or a layer that calls itself needs an `if` that ends it";
  const code = "recursion-too-deep";
  if (again?.site == null)
    return problem(machine, frame, { code, span: site.callee, message: limit, help, fatal: true });
  const message = `\`${again.name}\` calls itself endlessly: ${limit}`;
  return new Problem(diagnose("error", code, again.site.callee, message, { help }), true);
}

function callNotes(machine: Machine, frame: Frame | null): string[] {
  const notes: string[] = [];
  for (let f = frame; f !== null && notes.length < 4; f = f.caller) {
    if (f.site !== null && !isStd(f.site.callee))
      notes.push(`in \`${f.name}\`, called at ${placeOf(machine, f.site.callee)}`);
  }
  return notes;
}

/** What a call was given, in labels. */
export const shown = (machine: Machine, site: CallSite): Label[] =>
  site.arguments.map((a) => ({ span: a.span, text: show(a.value, machine.freeName) }));

/** `load.ts` names the library's files so. */
export const isStd = (span: Span): boolean => span.file.startsWith("std/");

const fileText = ({ texts }: Machine, { file }: Span): string => texts.get(file) ?? "";

export function placeOf(machine: Machine, span: Span): string {
  const { line, column } = lineAndColumn(fileText(machine, span), span.start);
  return `${span.file}:${line}:${column}`;
}

export const textOf = (machine: Machine, span: Span): string =>
  fileText(machine, span).slice(span.start, span.end);

/** The text of an expression as part of a sentence. */
export const quoted = (machine: Machine, span: Span): string => brief(textOf(machine, span));

function lineOf(machine: Machine, span: Span): string {
  const text = fileText(machine, span);
  const start = text.lastIndexOf("\n", span.start - 1) + 1;
  const end = text.indexOf("\n", span.start);
  return text
    .slice(start, end < 0 ? text.length : end)
    .replace(/\/\/.*$/, "")
    .trim();
}
