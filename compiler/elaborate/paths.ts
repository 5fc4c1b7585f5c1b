/**
 * The paths of parameters and states. All layer calls made under one binding name in one scope
 * belong to that name: what one call owns is `name.weight`, what several own `name.0.weight`,
 * `name.1.weight`. Calls that own nothing are not counted. A parameter that is declared several
 * times counts on where its name has a number, `weight_l0`, `weight_l1`, and is numbered likewise
 * where it has none. How many there are is known when the scope has been read, so a scope is
 * recorded as it is read and the paths are read off afterwards.
 */

import type { Span } from "../../grammar/diagnostic.ts";
import type { LayerCall } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { MODEL_CALL, type LayerSide } from "../ir/origin.ts";
import type { Scope } from "./values.ts";

/** Gives calls their numbers: the same call of a model has the same in every reading. */
export class CallNumbers {
  readonly #known = new Map<string, number>();

  /** Of call `i` under `name` in the call numbered `caller`. */
  of(caller: number, name: string, i: number): number {
    const key = `${caller} ${i} ${name}`;
    const number = this.#known.get(key) ?? MODEL_CALL + 1 + this.#known.size;
    this.#known.set(key, number);
    return number;
  }
}

/** A state of a layer whose body is being read. */
interface OpenState {
  readonly index: number;
  readonly scope: Scope;
  /** Where its name was last bound. */
  bound: Span;
}

/** What one layer call, or the model itself, owns. */
export class ParameterScope {
  readonly callee: string;
  /** The call, in the user's words. */
  readonly span: Span;
  /** What its nodes bear. */
  readonly side: LayerSide;
  readonly parameters = new Map<string, number[]>();
  readonly calls = new Map<string, ParameterScope[]>();
  /** Those of its states whose last values are still to come, by name. */
  readonly states = new Map<string, OpenState>();
  /** The tensors it gives. */
  results: readonly Node[] = [];

  constructor(callee: string, span: Span, call: number = MODEL_CALL) {
    this.callee = callee;
    this.span = span;
    this.side = { call, order: 0 };
  }
  get number(): number {
    return this.side.call;
  }
  addParameter(name: string, index: number): void {
    append(this.parameters, name, index);
  }
  /** What is to own the parameters of a call of `callee` made here under `name`. */
  addCall(name: string, callee: string, span: Span, numbers: CallNumbers): ParameterScope {
    const number = numbers.of(this.number, name, this.calls.get(name)?.length ?? 0);
    const scope = new ParameterScope(callee, span, number);
    append(this.calls, name, scope);
    return scope;
  }
  /** Whether it owns anything, itself or by a call in it. */
  get isOwner(): boolean {
    return this.parameters.size > 0 || [...this.calls.values()].flat().some((call) => call.isOwner);
  }

  /**
   * The best guess at a path while the scope is still being read: a group's last call where no
   * number is given.
   */
  guess(segments: readonly string[]): number | undefined {
    const [name, ...rest] = segments;
    if (name === undefined) return undefined;
    const own = this.parameters.get(name);
    if (rest.length === 0) {
      const index = ownPaths(this.parameters).get(name) ?? own?.at(-1);
      if (index !== undefined) return index;
    }
    if (own !== undefined && rest.length === 1 && isNumber(rest[0]!)) return own[Number(rest[0])];
    const calls = (this.calls.get(name) ?? []).filter((call) => call.isOwner);
    if (rest[0] !== undefined && isNumber(rest[0])) return calls[Number(rest[0])]?.guess(rest.slice(1));
    return calls.at(-1)?.guess(rest);
  }
}

export interface Paths {
  /** By number of parameter. */
  readonly paths: readonly string[];
  /** For each scope, by its number: the parameters in it, by their path from there. */
  readonly within: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

/** Reads off every path below `root`. */
export function pathsOf(root: ParameterScope): Paths {
  const within = new Map<number, ReadonlyMap<string, number>>();
  const visit = (scope: ParameterScope): ReadonlyMap<string, number> => {
    const table = ownPaths(scope.parameters);
    for (const [name, calls] of scope.calls) {
      for (const [segment, call] of segmentsOf(name, calls)) {
        for (const [path, index] of visit(call)) table.set(`${segment}.${path}`, index);
      }
    }
    within.set(scope.number, table);
    return table;
  };
  const paths: string[] = [];
  for (const [path, index] of visit(root)) paths[index] = path;
  return { paths, within };
}

/**
 * The model itself and every layer call below `roots`, which are of all its readings, by number.
 * @param training the root of the reading that trains
 */
export function layerCalls(roots: readonly ParameterScope[], training: ParameterScope): LayerCall[] {
  const layers: LayerCall[] = [];
  const visit = (scope: ParameterScope, path: string, root: ParameterScope): void => {
    const { number, callee, span, results, calls } = scope;
    const trained = root === training ? results : [];
    // The paths of parameters are those of prediction, which is read first.
    const known = layers[number];
    layers[number] =
      known === undefined
        ? { path, callee, span, parameters: [...scope.parameters.values()].flat(), results, trained }
        : {
            ...known,
            results: [...new Set([...known.results, ...results])],
            trained: [...known.trained, ...trained],
          };
    for (const [name, group] of calls) {
      for (const [segment, call] of segmentsOf(name, group))
        visit(call, path === "" ? segment : `${path}.${segment}`, root);
    }
  };
  for (const root of roots) visit(root, "", root);
  return layers;
}

/** What the calls under one name are called: those that own something first, the rest after them. */
function segmentsOf(name: string, calls: readonly ParameterScope[]): (readonly [string, ParameterScope])[] {
  const owners = calls.filter((call) => call.isOwner);
  const others = calls.filter((call) => !call.isOwner);
  const first = owners.length > 0 ? owners : others;
  const rest = owners.length > 0 ? others : [];
  return [
    ...first.map((call, i) => [numbered(name, i, first.length), call] as const),
    // Never the name alone, which a call that owns something has.
    ...rest.map((call, i) => [`${name}.${owners.length + i}`, call] as const),
  ];
}

/** The paths of what a scope declares itself, by what is declared under each name. */
function ownPaths(parameters: ParameterScope["parameters"]): Map<string, number> {
  const table = new Map<string, number>();
  for (const [name, indices] of parameters) {
    const names = indices.map((_, i) => countedOn(name, i));
    const isFree = names.every((path) => path !== null && (path === name || !parameters.has(path)));
    for (const [i, index] of indices.entries()) {
      table.set((isFree ? names[i] : null) ?? numbered(name, i, indices.length), index);
    }
  }
  return table;
}

/** `weight_l0` and 2 give `weight_l2`: the last number of a name counts on; null where it has none. */
function countedOn(name: string, i: number): string | null {
  const isDigit = (at: number): boolean => name[at]! >= "0" && name[at]! <= "9";
  let end = name.length;
  while (end > 0 && !isDigit(end - 1)) end--;
  let start = end;
  while (start > 0 && isDigit(start - 1)) start--;
  const digits = name.slice(start, end);
  const number = Number(digits);
  // `007` is a word.
  if (String(number) !== digits || !Number.isSafeInteger(number + i)) return null;
  return `${name.slice(0, start)}${number + i}${name.slice(end)}`;
}

const numbered = (name: string, i: number, of: number): string => (of === 1 ? name : `${name}.${i}`);
const isNumber = (text: string): boolean => /^\d+$/.test(text);

function append<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}
