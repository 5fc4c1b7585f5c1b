/** Files of the compiler with a mistake written into them, loaded beside the compiler as it is. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import type { Outcome, Tried } from "./outcome.ts";

/** Text that stands in a file once, and what stands there instead. */
export type Mistake = readonly [name: string, text: string, instead: string];

const root = new URL("../../", import.meta.url);
let loaded = 0;

/**
 * What `isNoticed` says of each mistake, and of the code as it is.
 * @param file by its path from the root
 * @param anew folders and files that are loaded anew each time; all others are shared
 * @param entry what leads to them, handed to `isNoticed`
 */
export async function tryMistakes<Entry>(
  { file, anew, entry }: { readonly file: string; readonly anew: readonly string[]; readonly entry: string },
  mistakes: readonly Mistake[],
  isNoticed: (entry: Entry) => Promise<boolean>,
): Promise<Tried> {
  const source = readFileSync(new URL(file, root), "utf8");
  const judge = async (text: string): Promise<Outcome> => {
    try {
      return (await isNoticed(await loadWith<Entry>(file, text, anew, entry))) ? "caught" : "missed";
    } catch {
      return "caught";
    }
  };
  const outcomes: { name: string; outcome: Outcome }[] = [];
  for (const [name, text, instead] of mistakes) {
    const isOnce = source.split(text).length === 2;
    // A mistake in what is no longer written so is none.
    outcomes.push({ name, outcome: isOnce ? await judge(source.replace(text, () => instead)) : "missed" });
  }
  return { name: file.split("/").slice(-2).join("/"), unsound: (await judge(source)) === "caught", outcomes };
}

/** The same of several files, by their paths. */
export async function tryMistakesIn<Entry>(
  byFile: Readonly<Record<string, readonly Mistake[]>>,
  code: { readonly anew: readonly string[]; readonly entry: string },
  isNoticed: (entry: Entry) => Promise<boolean>,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const [file, mistakes] of Object.entries(byFile))
    tried.push(await tryMistakes<Entry>({ ...code, file }, mistakes, isNoticed));
  return tried;
}

async function loadWith<Entry>(
  file: string,
  text: string,
  anew: readonly string[],
  entry: string,
): Promise<Entry> {
  const version = `?mistake=${(loaded += 1)}`;
  const changed = new URL(`${file}${version}`, root).href;
  const within = anew.map((path) => new URL(path, root).href);
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const isAnew =
        context.parentURL?.endsWith(version) === true && within.some((path) => found.url.startsWith(path));
      return isAnew ? { ...found, url: `${found.url}${version}` } : found;
    },
    load: (url, context, next) =>
      url === changed
        ? { format: "module-typescript", source: text, shortCircuit: true }
        : next(url, context),
  });
  try {
    // The caller says what the entry exports.
    return (await import(new URL(`${entry}${version}`, root).href)) as Entry;
  } finally {
    hooks.deregister();
  }
}
