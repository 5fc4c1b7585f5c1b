/** The stack of calls, which owns parameters and explains mistakes. */
import type { Span } from "../../grammar/diagnostic.ts";
import type { GivenArgument } from "./arguments.ts";
import type { ParameterScope } from "./paths.ts";
import type { FileScope } from "./file-scope.ts";

/** Where a call is written and what it was given. */
export interface CallSite {
  readonly callee: Span;
  readonly arguments: readonly GivenArgument[];
}

export interface Frame {
  readonly kind: "model" | "layer" | "fn" | "const" | "optimizer";
  readonly name: string;
  readonly file: FileScope;
  readonly caller: Frame | null;
  /** null for the model itself. */
  readonly site: CallSite | null;
  /** What owns the parameters made here; null where none may be made. */
  readonly owner: ParameterScope | null;
  /** The name that the caller binds the returned value to: its last node bears it. */
  readonly result?: string | undefined;
  /** The name being bound by the statement at hand: layer calls belong to it. */
  binding: string | null;
}

/** The call in the user's own words that led into the standard library; `null` where the frame is the user's. */
export function entryToStd(frame: Frame): Frame | null {
  let at: Frame | null = null;
  for (let f: Frame | null = frame; f !== null && f.file.isStd; f = f.caller) at = f;
  return at;
}
