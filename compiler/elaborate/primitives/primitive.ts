/** What a definition in TypeScript is: the vocabulary that the standard library is written in. */
import type { Build } from "../../graph/build.ts";
import type { Carries } from "../../ir/loops.ts";
import type { Loop } from "../../ir/loop.ts";
import type { Value } from "../values.ts";

export interface PrimitiveContext {
  readonly build: Build;
  readonly freeName: string;
  /** A number that no other random tensor of the program has. */
  readonly site: () => number;
  /** The loops around this place, outermost first. */
  readonly loops: readonly Loop[];
  /** What a callable gives for these arguments, read inside of one more loop. */
  readonly callIn: (loop: Loop, callee: Value, ...values: readonly Value[]) => Value;
  /** Of equal loops the first one, so that what several readings have in common is there once. */
  readonly oneLoop: (loop: Loop, carries: Carries) => { readonly loop: Loop; readonly carries: Carries };
}

export interface Primitive {
  /** Names of the arguments in order; an optional one ends in `?`. */
  readonly parameters: readonly string[];
  /** One line for the reference and for hovers. */
  readonly doc: string;
  /** Arguments in the order of `parameters`, `undefined` where left out. @throws OpError */
  readonly apply: (context: PrimitiveContext, ...values: readonly (Value | undefined)[]) => Value;
}

export type PrimitiveTable = Readonly<Record<string, Primitive>>;
