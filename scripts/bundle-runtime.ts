import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";

/** `runtime/index.ts` and what it imports as one minified ES module. */
export async function bundleRuntime(): Promise<string> {
  const bundle = await rolldown({ input: fileURLToPath(new URL("../runtime/index.ts", import.meta.url)) });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  return output[0].code;
}
