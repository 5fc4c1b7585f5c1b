/**
 * AssemblyScript text → optimized WebAssembly, in this very thread. Of the whole compiler only this
 * file imports assemblyscript and binaryen. `assemble.ts` runs this file in a worker, since a crash
 * of theirs must not be ours.
 */
// First: what follows loads under what it sets.
import { restore } from "./inline-wasm.ts";
import * as asc from "assemblyscript";
import binaryen from "binaryen";
import { library } from "./library.ts";

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
 * level 3 without shrinking gives the same speed and a tenth more bytes. With level 2 binaryen takes a
 * fifth less time than with `PASSES`, and what it finds less is a few bytes in ten thousand; with level
 * 1 it takes 70 % less, for 3 to 6 % more bytes.
 */
const LEVELS: Readonly<Record<Effort, readonly [optimize: number, shrink: number]>> = {
  most: [3, 1],
  less: [2, 1],
  least: [1, 0],
  none: [0, 0],
};

/**
 * Passes of binaryen that do harm, or nothing for their time. `reorder-functions` and `reorder-locals`
 * break ties by name: without them names have no say in the bytes, and models that differ in names
 * alone are one module. `ssa-nomerge` would give every assignment a variable of its own, and
 * `simplify-locals` then makes one expression of all the steps of a sum, which loads the factors of all
 * before it multiplies any, more than there are registers for (see `Factors` in render/tile.ts).
 * `flatten` would give every operation a variable of its own for the passes behind it, which take a
 * fifth of the whole time with them and find nothing more for it: our text has one operation a line.
 * Those named `-optimizing` optimize each function anew after every small change to it: nearly half of
 * the whole time, and it leaves neither faster code (the functions have been optimized by then) nor
 * 1 % fewer bytes.
 */
export const LEFT_OUT = [
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
 * What is left of asc's level 3 without those, and without each turn of the others that found nothing
 * in any of the 1,136 modules that the tests assemble: half of the passes, in four fifths of the time.
 */
const PASSES = `
  duplicate-function-elimination inlining generate-global-effects rse local-cse remove-unused-brs
  remove-unused-names merge-blocks precompute-propagate simplify-locals-nostructure vacuum
  simplify-locals-notee-nostructure vacuum local-cse licm merge-locals optimize-instructions
  inlining precompute-propagate simplify-locals-notee-nostructure local-cse coalesce-locals
  simplify-locals coalesce-locals vacuum merge-locals remove-unused-brs merge-blocks
  optimize-instructions optimize-added-constants-propagate rse code-pushing simplify-globals
  local-cse coalesce-locals simplify-locals inlining precompute-propagate rse coalesce-locals
  optimize-instructions remove-unused-brs merge-blocks vacuum remove-unused-brs
  optimize-instructions memory-packing remove-unused-module-elements
`
  .trim()
  .split(/\s+/);

/**
 * Compiles one module.
 * @throws Error with asc's messages
 */
export function runAsc({ source, relaxed, text, effort }: AscRequest): AscResult {
  const [optimize, shrink] = LEVELS[effort];
  const module = moduleOf(source, relaxed, optimize, shrink);
  try {
    if (!module.validate()) throw new Error("binaryen finds the module invalid");
    if (effort === "most") optimizeMost(module);
    else optimizeLess(module, optimize, shrink);
    const wasm = module.toBinary().output;
    return { wasm, wat: text ? textOf(module) : null };
  } finally {
    module.dispose();
  }
}

function moduleOf(source: string, relaxed: boolean, optimize: number, shrink: number): asc.Module {
  const options = asc.newOptions();
  asc.setRuntime(options, asc.Runtime.Stub);
  asc.setNoAssert(options, true);
  asc.setFeature(options, asc.FEATURE_SIMD, true);
  asc.setFeature(options, asc.FEATURE_THREADS, true);
  asc.setFeature(options, asc.FEATURE_RELAXED_SIMD, relaxed);
  asc.setOptimizeLevelHints(options, optimize, shrink);
  const program = asc.newProgram(options);
  for (const [path, content] of Object.entries(library)) asc.parse(program, content, `~lib/${path}.ts`);
  asc.parse(program, source, "model.ts", true);
  refuse(program);
  asc.initializeProgram(program);
  const module = asc.compile(program);
  refuse(program);
  return module;
}

/** As asc would set binaryen up for its level 3, but for mathematics that may be inexact. */
function optimizeMost(module: asc.Module): void {
  const [optimize, shrink] = LEVELS.most;
  module.setOptimizeLevel(optimize);
  module.setShrinkLevel(shrink);
  module.setDebugInfo(false);
  module.setFastMath(false);
  module.setGenerateStackIR(true);
  module.setOptimizeStackIR(true);
  module.setAlwaysInlineMaxSize(6);
  module.setFlexibleInlineMaxSize(65);
  module.setOneCallerInlineMaxSize(80);
  module.setAllowInliningFunctionsWithLoops(false);
  module.setPartialInliningIfs(4);
  binaryen.clearPassesToSkip();
  module.runPasses(PASSES);
}

function optimizeLess(module: asc.Module, optimize: number, shrink: number): void {
  binaryen.clearPassesToSkip();
  for (const pass of LEFT_OUT) binaryen.addPassToSkip(pass);
  module.optimize(optimize, shrink);
}

/** @throws Error with what asc has found wrong so far, if anything */
function refuse(program: asc.Program): void {
  const errors: string[] = [];
  for (let found = asc.nextDiagnostic(program); found !== null; found = asc.nextDiagnostic(program)) {
    if (asc.isError(found)) errors.push(asc.formatDiagnostic(found, false, true));
  }
  if (errors.length > 0) throw new Error(errors.join("\n"));
}

/** The text format, an instruction a line. */
function textOf(module: asc.Module): string {
  return binaryen.wrapModule(asc.getBinaryenModuleRef(module)).emitStackIR();
}
