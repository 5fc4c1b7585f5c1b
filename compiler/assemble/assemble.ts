/** AssemblyScript → the finished `.wasm`, its manifest inside. */
import { DiagnosticError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { CompilerFault } from "../fault.ts";
import { Exhausted, isolatedAsc } from "./isolate.ts";
import { attachManifest } from "./section.ts";
import type { Bytes } from "../../runtime/types.ts";

export { coolDown, warmUp } from "./isolate.ts";
export { attachManifest, readManifest } from "./section.ts";

export interface AssembleOptions {
  /** JSON for the custom section `nndsl`. */
  readonly manifest: string;
  readonly simd: "strict" | "relaxed";
  /** Whether the text format is wanted too. */
  readonly wat?: boolean;
  /** Milliseconds that asc may take; without it a minute, and more for a large module. */
  readonly timeLimit?: number;
}

export interface Assembled {
  readonly wasm: Bytes;
  /** WebAssembly text, without the manifest; null where it was not asked for. */
  readonly wat: string | null;
}

/**
 * Compiles and optimizes a module in a worker.
 * @throws DiagnosticError `module-too-large` where that takes more time or memory than it may,
 * CompilerFault where asc refuses the source or crashes
 */
export async function assemble(source: string, options: AssembleOptions): Promise<Assembled> {
  try {
    const request = { source, relaxed: options.simd === "relaxed", text: options.wat === true };
    const { wasm, wat } = await isolatedAsc(request, options.timeLimit);
    return { wasm: attachManifest(wasm, options.manifest), wat };
  } catch (error) {
    if (error instanceof Exhausted) throw new DiagnosticError([tooLarge(source, error.of)]);
    const reason = error instanceof Error ? error.message : String(error);
    throw new CompilerFault(`assembler-failed: ${reason}`, { cause: error });
  }
}

function tooLarge(source: string, limit: string): Diagnostic {
  const functions = source.match(/^(?:export )?function /gm)?.length ?? 0;
  const size = `${(source.length / 2 ** 20).toFixed(1)} MB of code in ${functions} function${functions === 1 ? "" : "s"}`;
  return {
    code: "module-too-large",
    severity: "error",
    message: `the program is too large to be compiled: it takes more than ${limit}`,
    labels: [],
    notes: [`it is ${size} before it is assembled`],
    help: "use an axis of a tensor instead of a long loop or list; if the machine is busy, try again later",
  };
}
