/**
 * Where reading is: the call, which owns parameters and explains mistakes, and the place in its
 * body.
 */
import type { Span } from "../../grammar/diagnostic.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node } from "../ir/node.ts";
import type { Shape } from "../ir/size.ts";
import type { GivenArgument } from "./arguments.ts";
import type { FileScope } from "./file-scope.ts";
import type { Indices } from "./indices/plan.ts";
import type { ParameterScope } from "./paths.ts";
import type { Scope } from "./values.ts";

/**
 * A parameter, or a state of a layer, as it was made; its path is known when the whole model has
 * been read.
 */
export interface MadeTensor {
  readonly kind: "parameter" | "frozen" | "layer-state";
  readonly shape: Shape;
  readonly init: string;
  readonly doc: string | undefined;
  /** In the user's words: its name, or the call into the standard library that made it. */
  readonly span: Span;
  /** Its name, where that is in the standard library. */
  readonly declared?: Span;
  /** Its first value. */
  readonly start: Node;
  readonly node: Node;
}

/** What an optimizer is at work on. */
export interface OpenUpdate {
  readonly index: number;
  readonly parameter: MadeTensor;
  readonly states: Map<string, OpenState>;
}

export interface OpenState {
  readonly start: Node;
  /** What the name stands for until it is bound again. */
  readonly node: Node;
}

/** Where a call is written and what it was given. */
export interface CallSite {
  readonly callee: Span;
  readonly arguments: readonly GivenArgument[];
}

/** A name being bound, and how many layer calls had been made under it before. */
export interface Binding {
  readonly name: string;
  readonly earlier: number;
}

export interface Frame {
  readonly kind: "model" | "layer" | "fn" | "const" | "optimizer";
  readonly name: string;
  readonly file: FileScope;
  readonly caller: Frame | null;
  /** null for the model itself and for constants. */
  readonly site: CallSite | null;
  /** What owns the parameters made here; null where none may be made. */
  readonly owner: ParameterScope | null;
  /** What an optimizer is at work on; null elsewhere. */
  readonly update: OpenUpdate | null;
  /** The name that the caller binds the returned value to: its last node bears it. */
  readonly result: string | undefined;
  /** The names that have a value here; in the body of a lambda, its own. */
  readonly scope: Scope;
  /** The name being bound by the statement at hand: layer calls belong to it. */
  readonly binding: Binding | null;
  /** Calls around this place. */
  readonly calls: number;
  /** Expressions around this place, over all calls. */
  readonly depth: number;
  /** Whether an optimizer's arguments stand for their first values. */
  readonly fixing: boolean;
  /** The indices of the formula around this place; null where there are none. */
  readonly indices: Indices | null;
  /** The loops around this place, outermost first. */
  readonly loops: readonly Loop[];
}

/** The frame of a body that is read from `caller`, with the names of `scope`. */
export const enter = (
  caller: Frame | null,
  scope: Scope,
  body: Pick<Frame, "kind" | "name"> & Partial<Pick<Frame, "site" | "owner" | "update" | "result" | "calls">>,
): Frame => ({
  kind: body.kind,
  name: body.name,
  file: scope.file,
  caller,
  site: body.site ?? null,
  owner: body.owner ?? null,
  update: body.update ?? null,
  result: body.result,
  scope,
  binding: null,
  calls: body.calls ?? caller?.calls ?? 0,
  depth: caller?.depth ?? 0,
  fixing: caller?.fixing ?? false,
  // A constant is read once, whoever reads it first.
  indices: caller?.indices == null || body.kind === "const" ? null : { ...caller.indices, plan: null },
  loops: body.kind === "const" ? [] : (caller?.loops ?? []),
});

/** The same place, where the statement at hand binds `name`. */
export const binding = (frame: Frame, name: string): Frame => ({
  ...frame,
  binding: { name, earlier: frame.owner?.calls.get(name)?.length ?? 0 },
});

/**
 * The same place, one expression further in. Made for every expression, so written out: a spread
 * takes several times as long.
 */
export const deeper = (frame: Frame): Frame => ({
  kind: frame.kind,
  name: frame.name,
  file: frame.file,
  caller: frame.caller,
  site: frame.site,
  owner: frame.owner,
  update: frame.update,
  result: frame.result,
  scope: frame.scope,
  binding: frame.binding,
  calls: frame.calls,
  depth: frame.depth + 1,
  fixing: frame.fixing,
  indices: frame.indices,
  loops: frame.loops,
});

/**
 * The call in the user's own words that led into the standard library; `null` where the frame is
 * the user's.
 */
export function entryToStd(frame: Frame): Frame | null {
  let at: Frame | null = null;
  for (let f: Frame | null = frame; f !== null && f.file.isStd; f = f.caller) at = f;
  return at;
}
