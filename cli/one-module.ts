/** V8's own: how much work a WebAssembly function does before it is optimized. */
const USUAL = 13_000_000;

/**
 * `work` in a process that compiles one module: V8 optimizes WebAssembly as it runs, and what it
 * would optimize here is the assembler, of which little runs long enough to repay it. Only what is
 * far hotter than usual is optimized of what is loaded meanwhile: compiling XOR takes 1.5 s of
 * processor time instead of 2.5. What is loaded afterwards, as a model that trains, is as usual.
 */
export async function optimizingRarely<T>(work: () => Promise<T>): Promise<T> {
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--wasm-tiering-budget=1000000000");
  try {
    return await work();
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${USUAL}`);
  }
}
