import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";

/** Where a declaration, a method or a statement begins after another has ended. */
const seam = /(?<=[;}])(?=(?:let|var|class|function|async|get|throw|return) |#?\w+\([^()]*\)\{)/g;

/**
 * `runtime/index.ts` and what it imports, minified, as a statement that declares `nndsl` with the runtime's exports. It is broken into
 * lines, since engines print the line of an error that nobody catches.
 */
export async function bundleRuntime(): Promise<string> {
  const bundle = await rolldown({ input: fileURLToPath(new URL("../runtime/index.ts", import.meta.url)) });
  const { output } = await bundle.generate({
    format: "iife",
    name: "nndsl",
    minify: true,
    generatedCode: { symbols: false },
  });
  await bundle.close();
  return output[0].code.replaceAll("/* @__PURE__ */ ", "").replace(seam, "\n");
}
