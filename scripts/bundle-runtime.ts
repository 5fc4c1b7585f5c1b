import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";

/** Where a declaration, a method or a statement begins after another has ended. */
const seam = /(?<=[;}])(?=(?:let|var|class|function|async|get|throw|return) |#?\w+\([^()]*\)\{)/g;

/** Characters of a line, where it has a seam. */
const LINE = 900;

/**
 * `runtime/embedded.ts` and what it imports, as a statement that declares `nndsl` with its exports.
 */
export const bundleRuntime = (): Promise<string> => bundle("embedded.ts", "nndsl");

/** `runtime/threads.ts`, as a statement that declares `threads`. */
export const bundleThreads = (): Promise<string> => bundle("threads.ts", "threads");

/** `runtime/probe.ts`, as a statement that declares `probing`. */
export const bundleProbing = (): Promise<string> => bundle("probe.ts", "probing");

/**
 * Minified, and broken into lines, since engines print the line of an error that nobody catches.
 */
async function bundle(file: string, name: string): Promise<string> {
  const made = await rolldown({ input: fileURLToPath(new URL(`../runtime/${file}`, import.meta.url)) });
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
