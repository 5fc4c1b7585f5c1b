import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";

/** Where a declaration, a method or a statement begins after another has ended. */
const seam = /(?<=[;}])(?=(?:let|var|class|function|async|get|throw|return) |#?\w+\([^()]*\)\{)/g;

/** Characters of a line, where it has a seam. */
const LINE = 900;

/**
 * `runtime/embedded.ts` and what it imports, as a statement that declares `nndsl` with its exports.
 */
export const bundleRuntime = (): Promise<string> => bundle("runtime/embedded.ts", "nndsl");

/** `runtime/threads.ts`, as a statement that declares `threads`. */
export const bundleThreads = (): Promise<string> => bundle("runtime/threads.ts", "threads");

/** The script of a report, as a statement. It is written into pages, which `</script` would end. */
export async function bundlePage(): Promise<string> {
  const text = await bundle("cli/report/page/main.ts", "page");
  if (/<\/script|<!--/i.test(text)) throw new Error("the script of reports would end itself");
  return text;
}

/** `runtime/probe.ts`, as a statement that declares `probing`. */
export const bundleProbing = (): Promise<string> => bundle("runtime/probe.ts", "probing");

/**
 * Minified, and broken into lines, since engines print the line of an error that nobody catches.
 */
async function bundle(file: string, name: string): Promise<string> {
  const made = await rolldown({ input: fileURLToPath(new URL(`../${file}`, import.meta.url)) });
  const { output } = await made.generate({
    format: "iife",
    name,
    minify: true,
    generatedCode: { symbols: false },
  });
  await made.close();
  const [first = "", ...parts] = output[0].code.replaceAll("/* @__PURE__ */ ", "").split(seam);
  let text = first;
  let line = first.length;
  for (const part of parts) {
    line += part.length;
    if (line > LINE) {
      text += "\n";
      line = part.length;
    }
    text += part;
  }
  return text;
}
