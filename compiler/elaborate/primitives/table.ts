/** Every definition in TypeScript, by name. The standard library is written over these. */
import { derivatives } from "./derivatives.ts";
import { elementwise } from "./elementwise.ts";
import { indices } from "./indices.ts";
import { movement } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { randoms } from "./random.ts";
import { reductions } from "./reductions.ts";
import { windows } from "./windows.ts";

export const primitives: ReadonlyMap<string, Primitive> = new Map(
  Object.entries({
    ...elementwise,
    ...reductions,
    ...movement,
    ...windows,
    ...indices,
    ...randoms,
    ...derivatives,
  }),
);
