/**
 * AssemblyScript text → optimized WebAssembly, in this very thread. Of the whole compiler only this
 * file imports assemblyscript and binaryen. `assemble.ts` runs this file in a worker, since a crash
 * of theirs must not be ours.
 */
// First: what follows loads under what it sets.
import { restore } from "./inline-wasm.ts";
import asc from "assemblyscript/asc";
import binaryen from "binaryen";

restore();

export interface AscRequest {
  readonly source: string;
  readonly relaxed: boolean;
  /** Whether the text format is wanted too. */
  readonly text: boolean;
  readonly effort: Effort;
}

/** How much is done for speed and size, from everything to nothing. */
export type Effort = "most" | "less" | "least" | "none";

export interface AscResult {
  readonly wasm: Uint8Array;
  readonly wat: string | null;
}

/**
 * Levels of optimizing and of shrinking. As fast as can be, then small where that costs nothing:
 * `-O3` alone gives the same speed and a tenth more bytes. With level 2 asc takes a third less time,
 * and what it finds less is a few bytes in ten thousand; with level 1 it takes 60 % less, for an
 * eighth more bytes in what calls many kernels.
 */
const LEVELS: Readonly<Record<Effort, readonly [optimize: number, shrink: number]>> = {
  most: [3, 1],
  less: [2, 1],
  least: [1, 0],
  none: [0, 0],
};

/**
 * Passes of binaryen that are left out. `reorder-functions` and `reorder-locals` break ties by name:
 * without them names have no say in the bytes, and models that differ in names alone are one
 * module. `ssa-nomerge` would give every assignment a variable of its own, and `simplify-locals`
 * then makes one expression of all the steps of a sum, which loads the factors of all before it
 * multiplies any, more than there are registers for (see `Factors` in render/tile.ts). `flatten`
 * would give every operation a variable of its own for the passes behind it, which take a fifth of
 * the whole time with them and find nothing more for it: our text has one operation a line. Those
 * named `-optimizing` optimize each function anew after every small change to it: nearly half of
 * the whole time, and it leaves neither faster code (the functions have been optimized by then) nor
 * 1 % fewer bytes.
 */
const LEFT_OUT = [
  "reorder-functions",
  "reorder-locals",
  "ssa-nomerge",
  "flatten",
  "dae-optimizing",
  "gufa-optimizing",
  "inlining-optimizing",
  "simplify-globals-optimizing",
];

/**
 * Compiles one module.
 * @throws Error with asc's messages
 */
export async function runAsc({ source, relaxed, text, effort }: AscRequest): Promise<AscResult> {
  const [optimize, shrink] = LEVELS[effort];
  binaryen.clearPassesToSkip();
  for (const pass of LEFT_OUT) binaryen.addPassToSkip(pass);
  const files = new Map<string, string | Uint8Array>();
  const messages: string[] = [];
  const sink = { write: (chunk: string | Uint8Array): void => void messages.push(String(chunk)) };
  const { error } = await asc.main(
    [
      "model.ts",
      "--outFile",
      "model.wasm",
      ...(text ? ["--textFile", "model.wat"] : []),
      "--runtime",
      "stub",
      "--noAssert",
      "--optimizeLevel",
      String(optimize),
      "--shrinkLevel",
      String(shrink),
      "--enable",
      relaxed ? "simd,threads,relaxed-simd" : "simd,threads",
    ],
    {
      readFile: (name) => (name === "model.ts" ? source : null),
      writeFile: (name, contents) => void files.set(name, contents),
      listFiles: () => [],
      stdout: sink,
      stderr: sink,
    },
  );
  const wasm = files.get("model.wasm");
  if (error !== null || !(wasm instanceof Uint8Array)) {
    throw new Error(messages.join("").trim() || String(error));
  }
  const wat = files.get("model.wat");
  return { wasm, wat: typeof wat === "string" ? wat : null };
}
