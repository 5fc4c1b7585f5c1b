/**
 * AssemblyScript text → optimised WebAssembly, in this very thread. Of the whole compiler only this folder imports assemblyscript and
 * binaryen. `assemble.ts` runs this file in a worker, since a crash of theirs must not be ours.
 */
import asc from "assemblyscript/asc";
import binaryen from "binaryen";

export interface AscRequest {
  readonly source: string;
  readonly relaxed: boolean;
  /** Whether the text format is wanted too. */
  readonly text: boolean;
}

export interface AscResult {
  readonly wasm: Uint8Array;
  readonly wat: string | null;
}

/**
 * Passes left out: they nest the chains of a product's multiply-adds in one expression, for which engines then spill registers.
 */
const SKIPPED = [
  "simplify-locals",
  "simplify-locals-notee",
  "simplify-locals-nostructure",
  "simplify-locals-notee-nostructure",
  "simplify-locals-nonesting",
  "reorder-functions", // breaks ties by name: without it, names have no say in the bytes
];

/**
 * Compiles one module.
 * @throws Error with asc's messages
 */
export async function runAsc({ source, relaxed, text }: AscRequest): Promise<AscResult> {
  binaryen.clearPassesToSkip();
  for (const pass of SKIPPED) binaryen.addPassToSkip(pass);
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
      "-O3",
      "--enable",
      relaxed ? "simd,relaxed-simd" : "simd",
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
