import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";

/** `runtime/index.ts` and what it imports, minified, as a statement that declares `nndsl` with the runtime's exports. */
export async function bundleRuntime(): Promise<string> {
  const bundle = await rolldown({ input: fileURLToPath(new URL("../runtime/index.ts", import.meta.url)) });
  const { output } = await bundle.generate({ format: "iife", name: "nndsl", minify: true });
  await bundle.close();
  return output[0].code;
}
