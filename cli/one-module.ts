import { setFlagsFromString } from "node:v8";

/**
 * For a process that compiles one module and ends: V8 optimizes WebAssembly as it runs, and what it
 * would optimize here is the assembler, of which little runs long enough to repay it. Only what is
 * far hotter than usual is optimized after this (the default budget is 13,000,000): compiling XOR
 * takes 1.5 s of processor time instead of 2.5. Not for a process that trains.
 */
export function optimizeRarely(): void {
  setFlagsFromString("--wasm-tiering-budget=1000000000");
}
