/** What is said of an op that is applied to each element; `elementwise.ts` makes its record. */
import type { Formulas } from "../ir/formulas.ts";
import type { Node } from "../ir/node.ts";
import type { Interval } from "./interval.ts";
import type { Finiteness, Op } from "./op.ts";

export interface Definition extends Pick<Op<"add">, "pole" | "gap"> {
  readonly formula: string;
  /**
   * Of the result: always `float`, or `int` where all operands are (`number`), or `bool`, or that
   * of the operands (`same`).
   */
  readonly result: "float" | "number" | "bool" | "same";
  readonly takes?: "bool" | "any";
  readonly evaluate: (a: number, b: number, c: number) => number;
  readonly vjp: ((b: Formulas, g: Node, x: readonly Node[], y: Node) => readonly (Node | null)[]) | "flat";
  readonly linear?: true;
  readonly range: (operands: readonly Interval[], x: readonly Node[]) => Interval;
  readonly finite: Finiteness;
  /** Where kernels are not made of it. */
  readonly inKernels?: false;
  readonly flops?: number;
  /** What the language's function of one number by this name is; without it there is none. */
  readonly doc?: string;
  readonly domain: readonly Interval[];
  readonly kinks?: readonly number[];
}

/** Where tests draw operands. */
export const ANY: Interval = [-3, 3];
export const POSITIVE: Interval = [0.2, 4];
