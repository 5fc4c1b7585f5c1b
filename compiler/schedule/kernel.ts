/**
 * Kernels: loops as data. A kernel says what is computed for each point of an iteration space, from
 * which views and to which; how that becomes vectors, tails and sums is decided in its plan. Kernels
 * carry no addresses, so that two places in a program with one formula and one shape share one
 * kernel.
 */
import type { Loop as GraphLoop } from "../ir/loop.ts";
import type { ElementType, ElementwiseName } from "../ir/node.ts";
import type { Affine, Size } from "../ir/size.ts";

/**
 * A view that a kernel reads or writes: the element at loop indices i is Σ strides[l] · i[l] from
 * the address it is called with.
 */
export interface Operand {
  /** A name for the reader of the generated code. */
  readonly name: string;
  readonly access: "read" | "write";
  /**
   * In elements, one for each loop, outermost first; 0 where the view is broadcast along that loop.
   */
  readonly strides: readonly Affine[];
  readonly type: ElementType;
  /**
   * Where a loop of the kernel, such as the rows of a product, lies in no single stride: beside the
   * kernel's loops, those that each is for this view, outermost first. Their strides follow each
   * other in `strides`.
   */
  readonly lists?: readonly (readonly Size[])[];
}

/**
 * Straight-line code in order (operands of a value have smaller numbers). A value lives at the
 * innermost loop it depends on: what does not change is hoisted. Where it depends on a
 * `reduce`, it is computed after the loops of that reduction have ended, and again inside a further
 * pass over the inner loops where it depends on those too.
 */
export type Value =
  | { readonly kind: "load"; readonly operand: number }
  /** Where the row is that the number `of` names in a table of `rows` that lie `stride` elements apart. */
  | { readonly kind: "row"; readonly of: number; readonly rows: Size; readonly stride: Affine }
  /** As a load, from that row on; 0 where it names none. What it reads never lies outside of the table. */
  | { readonly kind: "fetch"; readonly operand: number; readonly row: number }
  | { readonly kind: "constant"; readonly value: number; readonly type: ElementType }
  /** `size` as a number. */
  | { readonly kind: "extent"; readonly size: Size }
  /** start + Σ strides · indices, as a number: iota and its slices. */
  | { readonly kind: "index"; readonly start: Affine; readonly strides: readonly Affine[] }
  /**
   * Entry number start + Σ strides · indices of the random stream `site`, counted from the call's
   * site.
   */
  | {
      readonly kind: "random";
      readonly distribution: "uniform" | "normal";
      readonly site: number;
      readonly start: Affine;
      readonly strides: readonly Affine[];
    }
  | {
      readonly kind: "apply";
      readonly op: ElementwiseName;
      readonly arguments: readonly number[];
      readonly type: ElementType;
    }
  /**
   * From entry to entry along the one inner loop: y + x, y x or, with `by`, by y + x, where y is what
   * it was at the entry before; x at the first.
   */
  | {
      readonly kind: "running";
      readonly op: "sum" | "prod" | "linear";
      readonly value: number;
      /** Of `linear`. */
      readonly by: number | null;
    }
  /**
   * The place of this entry of the operand in the order of its row along the one inner loop: of equal
   * ones the first comes first, NaN counts as the largest.
   */
  | { readonly kind: "rank"; readonly operand: number; readonly descending: boolean }
  /** Over all the kernel's inner loops. */
  | { readonly kind: "reduce"; readonly op: "sum" | "prod" | "max" | "min"; readonly value: number }
  /** Σ_d left[…, d] · right[…, d]; only in a product kernel, once. */
  | { readonly kind: "product" };

/**
 * Where a kernel without reductions writes what it reads (an update in place), it reads each entry
 * at the point that writes it, before it is written.
 */
export interface Store {
  /** A `write` operand. */
  readonly operand: number;
  readonly value: number;
  /**
   * A value of kind `row`: the store adds to what is there, that row further, at every point of the
   * loops in their order; nothing where it names no row.
   */
  readonly row?: number;
}

interface Common {
  /** For the reader: a valid identifier made of names in the source, unique in the program. */
  readonly name: string;
  /** The formula, as a person would write it; one line. */
  readonly formula: string;
  /** Outermost first. Already coalesced: no two neighbors could be one. */
  readonly loops: readonly Size[];
  readonly operands: readonly Operand[];
  readonly values: readonly Value[];
  readonly stores: readonly Store[];
  /** How many sizes and strides calls pass to it, where these are arguments (see `many-shapes.ts`). */
  readonly arguments?: number;
}

/** A loop nest; its last `inner` loops are those that reductions run over. */
export interface Nest extends Common {
  readonly kind: "nest";
  readonly inner: number;
}

/**
 * A (batched) matrix product with an elementwise epilogue. `loops` are [...batch, rows, columns];
 * the operands `left` and `right` carry one stride more than there are loops: the last is along
 * `depth`. Their rows, columns and depth may be lists of loops, as those of a convolution are, which
 * reads overlapping windows. The other operands belong to the epilogue.
 */
export interface Product extends Common {
  readonly kind: "product";
  readonly left: number;
  readonly right: number;
  readonly depth: Size;
}

export type Kernel = Nest | Product;

/** The values that a value is made of. */
export function madeOf(value: Value): readonly number[] {
  switch (value.kind) {
    case "apply":
      return value.arguments;
    case "row":
      return [value.of];
    case "fetch":
      return [value.row];
    case "reduce":
      return [value.value];
    case "running":
      return value.by === null ? [value.value] : [value.value, value.by];
    default:
      return [];
  }
}

/** The row from which on an operand is read or written, where a number of run time says that. */
export function rowOf({ values, stores }: Common, operand: number): (Value & { kind: "row" }) | null {
  const fetch = values.find((value) => value.kind === "fetch" && value.operand === operand);
  const row = fetch?.kind === "fetch" ? fetch.row : stores.find((store) => store.operand === operand)?.row;
  const value = row === undefined ? undefined : values[row];
  return value?.kind === "row" ? value : null;
}

/** The loops that a view's strides are along: those of a product's factors end with the depth. */
export const loopsOf = (kernel: Kernel, { strides, lists }: Operand): readonly Size[] => {
  if (lists !== undefined) return lists.flat();
  return kernel.kind === "product" && strides.length > kernel.loops.length
    ? [...kernel.loops, kernel.depth]
    : kernel.loops;
};

/** A loop of a kernel, and what is between its steps in elements. */
export interface Loop {
  readonly size: Size;
  readonly stride: Affine;
}

/** The loops that number `loop` of the kernel is for a view, outermost first; behind the last is a product's depth. */
export function loopsAlong(kernel: Kernel, operand: Operand, loop: number): readonly Loop[] {
  const { lists, strides } = operand;
  if (lists === undefined) return [{ size: loopsOf(kernel, operand)[loop]!, stride: strides[loop]! }];
  const before = lists.slice(0, loop).flat().length;
  return lists[loop]!.map((size, i) => ({ size, stride: strides[before + i]! }));
}

// --------------------------------------------------------------------------------------------------------------- program

/** A run of elements in memory. `table` holds constants of the program and is never written. */
export interface Buffer {
  readonly id: number;
  readonly name: string;
  /** In elements. A free size is allotted by the capacity in rows, not by the rows of this call. */
  readonly size: Size;
  readonly role:
    /** One row is so many runs of entries: the product of the sizes before the free axis. */
    | { readonly kind: "input"; readonly name: string; readonly runs: number }
    | { readonly kind: "parameter"; readonly index: number }
    | { readonly kind: "layer-state"; readonly index: number }
    | { readonly kind: "state"; readonly parameter: number; readonly name: string }
    | { readonly kind: "hyper"; readonly name: string }
    | { readonly kind: "step" }
    | { readonly kind: "table"; readonly values: readonly number[] }
    | { readonly kind: "output"; readonly name: string }
    | { readonly kind: "metric"; readonly name: string }
    | { readonly kind: "loss" }
    | { readonly kind: "gradient"; readonly index: number }
    /** By number in the model's list. */
    | { readonly kind: "probe"; readonly index: number }
    /** A value kept for later kernels of the same entry; `because` says why it is stored. */
    | {
        readonly kind: "temporary";
        readonly because: string;
        /** The name of the value that is here for the second time. */
        readonly again?: string;
      };
}

export interface Address {
  readonly buffer: number;
  /** In elements. */
  readonly offset: Affine;
}

export interface KernelCall {
  readonly kernel: number;
  /** One for each operand of the kernel. */
  readonly addresses: readonly Address[];
  /**
   * What the kernel takes for the free dimension: the rows of the batch, unless this says otherwise
   * (see `any-size.ts`).
   */
  readonly rows?: Size;
  /** What the kernel takes for its arguments, if it has any. */
  readonly sizes?: readonly number[];
  /** Added to the sites of the kernel's random streams; 0 unless this says otherwise. */
  readonly site?: number;
  /** It repeats an earlier call, since what that one made was not kept. */
  readonly again?: true;
}

export type EntryName =
  "initialize" | "predict" | "evaluate" | "gradients" | "step" | "probe" | "probed_step";

/** Whether an entry makes a step of the optimizer. */
export const isStep = (entry: EntryName): boolean => entry === "step" || entry === "probed_step";

export interface Entry {
  readonly name: EntryName;
  readonly calls: readonly KernelCall[];
  /** Which of the calls are made again and again; of loops in one another the outer one first. */
  readonly loops: readonly Repeat[];
}

/** The calls from `first` to `last`, both included, are made at every place of a loop. */
export interface Repeat {
  readonly loop: GraphLoop;
  readonly first: number;
  readonly last: number;
}

/** Beside the calls of an entry: how often each is made. */
export const timesMade = ({ calls, loops }: Pick<Entry, "loops" | "calls">): number[] =>
  calls.map((_, i) =>
    loops.reduce(
      (times, { loop, first, last }) => (first <= i && i <= last ? times * loop.length : times),
      1,
    ),
  );

/**
 * Where a buffer lies: bytes from the arena's start, or bytes for each row of capacity after the
 * fixed part.
 */
export type Place =
  | { readonly part: "fixed"; readonly offset: number }
  | { readonly part: "rows"; readonly offset: number }
  | { readonly part: "table"; readonly offset: number };

export interface KernelProgram {
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly Buffer[];
  readonly entries: readonly Entry[];
  readonly arena: {
    /** Beside `buffers`. */
    readonly places: readonly Place[];
    /** Bytes of the fixed part, a multiple of 16. */
    readonly fixed: number;
    /**
     * Bytes for each row; the capacity in rows is a multiple of 4, so every place is aligned to 16
     * bytes.
     */
    readonly perRow: number;
    /** Bytes of constant tables. */
    readonly tables: number;
  };
  /** The arena's two sizes, were every value kept; left out where they are these. */
  readonly keeping?: { readonly fixed: number; readonly perRow: number };
  /** The program that keeps every value, where loops are run again in blocks of their places for less memory. */
  readonly unblocked?: KernelProgram;
}

/**
 * Bytes from the place of the step number as a float, which formulas read, to the exact one: f64 in
 * either format, whole up to 2^53.
 */
export const EXACT_STEP = 8;

/**
 * Whether a call of an entry other than `initialize` adds 1 to the step number: that is counted
 * exactly, in whatever format kernels compute, by code of the entry and no kernel.
 */
export const countsStep = (
  { buffers, kernels }: Pick<KernelProgram, "buffers" | "kernels">,
  { kernel, addresses }: KernelCall,
): boolean =>
  addresses.some(
    ({ buffer }, i) =>
      buffers[buffer]!.role.kind === "step" && kernels[kernel]!.operands[i]!.access === "write",
  );
