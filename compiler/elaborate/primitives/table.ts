/** Every definition in TypeScript, by name. The standard library is written over these. */
import { derivatives } from "./derivatives.ts";
import { elementwise } from "./elementwise.ts";
import { indices } from "./indices.ts";
import { movement } from "./movement.ts";
import type { Value } from "../values.ts";
import type { Primitive } from "./primitive.ts";
import { randoms } from "./random.ts";
import { reductions } from "./reductions.ts";
import { running } from "./running.ts";
import { scans } from "./scan.ts";
import { windows } from "./windows.ts";

export const primitives: ReadonlyMap<string, Primitive> = new Map(
  Object.entries({
    ...elementwise,
    ...reductions,
    ...movement,
    ...windows,
    ...running,
    ...scans,
    ...indices,
    ...randoms,
    ...derivatives,
  }),
);

/** Whether these arguments are single numbers to it, so that entries of tensors may be among them. */
export const isOfNumbers = (name: string, values: readonly (Value | undefined)[]): boolean =>
  Object.hasOwn(elementwise, name) || ((name === "max" || name === "min") && values[1] !== undefined);
