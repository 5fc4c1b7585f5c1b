/**
 * What ops give for numbers that are known when compiling, bit by bit what a tensor of f64 would
 * hold. Transcendental functions are those that modules run, since engines differ in
 * `Math.exp` and its like: so a program compiles to the same bytes everywhere.
 */
import { scalarModule } from "../generated/scalar-module.ts";
import type { ElementwiseName, ReductionName } from "../ir/node.ts";
import { definitionOf } from "./elementwise.ts";
import { foldOf, type Transcendental } from "./reductions.ts";

type Scalars = Readonly<Partial<Record<string, (...numbers: readonly number[]) => number>>>;

let scalars: Scalars | undefined;

/** The value of `op` at `numbers`. Booleans are 0 and 1. */
export function scalar(op: ElementwiseName, ...numbers: readonly number[]): number {
  scalars ??= load();
  const [a = 0, b = 0, c = 0] = numbers;
  const power = op === "pow" ? smallPowers.get(b) : undefined;
  if (power !== undefined) return power(a);
  const own = scalars[op];
  return own === undefined ? definitionOf(op)(a, b, c) : own(...numbers);
}

/** What a reduction gives for all of `numbers`. */
export const reduced = (op: ReductionName, numbers: readonly number[]): number =>
  foldOf(op)(Float64Array.from(numbers), modules);

const modules: Transcendental = { exp: (x) => scalar("exp", x), log: (x) => scalar("log", x) };

/** Powers that are products, quotients and roots; the rule `small-powers` writes tensors so too. */
const smallPowers: ReadonlyMap<number, (x: number) => number> = new Map<number, (x: number) => number>([
  [-2, (x) => 1 / (x * x)],
  [-1, (x) => 1 / x],
  [-0.5, (x) => 1 / Math.sqrt(x)],
  [0, () => 1],
  [0.5, (x) => Math.sqrt(x)],
  [1, (x) => x],
  [2, (x) => x * x],
  [3, (x) => x * x * x],
]);

function load(): Scalars {
  const bytes = Uint8Array.from(atob(scalarModule), (byte) => byte.charCodeAt(0));
  // The module exports the functions of `render/math/scalars.ts` and its memory, which no op is
  // called after.
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Scalars;
}
