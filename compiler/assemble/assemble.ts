/** AssemblyScript → the finished `.wasm`, its manifest inside. */
import { CompilerFault } from "../fault.ts";
import { isolatedAsc } from "./isolate.ts";
import { attachManifest } from "./section.ts";

export { warmUp } from "./isolate.ts";
export { attachManifest, readManifest } from "./section.ts";

export interface AssembleOptions {
  /** JSON for the custom section `nndsl`. */
  readonly manifest: string;
  readonly simd: "strict" | "relaxed";
  /** Milliseconds that asc may take; a minute without it. */
  readonly timeLimit?: number;
}

export interface Assembled {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** WebAssembly text, without the manifest. */
  readonly wat: () => string;
}

/**
 * Compiles and optimises a module in a worker.
 * @throws CompilerFault where asc refuses the source, crashes or passes the time limit
 */
export async function assemble(source: string, options: AssembleOptions): Promise<Assembled> {
  try {
    const request = { source, relaxed: options.simd === "relaxed", text: true };
    const { wasm, wat } = await isolatedAsc(request, options.timeLimit);
    return { wasm: attachManifest(wasm, options.manifest), wat: () => wat ?? "" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CompilerFault(`assembler-failed: ${reason}`, { cause: error });
  }
}
