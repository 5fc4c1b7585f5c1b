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
 * @param entry what leads to it, handed to `isNoticed`: loaded anew each time with all that leads from
 * it to the file; everything else is shared
 */
export async function tryMistakes<Entry>(
  { file, entry }: { readonly file: string; readonly entry: string },
  mistakes: readonly Mistake[],
  isNoticed: (entry: Entry) => Promise<boolean>,
): Promise<Tried> {
  const source = readFileSync(new URL(file, root), "utf8");
  const judge = async (text: string): Promise<Outcome> => {
    try {
      return (await isNoticed(await loadWith<Entry>(file, text, entry))) ? "caught" : "missed";
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
  const [folder, own] = file.split("/").slice(-2);
  return { name: `${folder}/${own}`, unsound: (await judge(source)) === "caught", outcomes };
}

/** The same of several files, by their paths. */
export async function tryMistakesIn<Entry>(
  byFile: Readonly<Record<string, readonly Mistake[]>>,
  entry: string,
  isNoticed: (entry: Entry) => Promise<boolean>,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const [file, mistakes] of Object.entries(byFile))
    tried.push(await tryMistakes<Entry>({ file, entry }, mistakes, isNoticed));
  return tried;
}

async function loadWith<Entry>(file: string, text: string, entry: string): Promise<Entry> {
  const version = `?mistake=${(loaded += 1)}`;
  const changed = new URL(file, root).href;
  const way = wayTo(changed, new URL(entry, root).href);
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const isAnew = context.parentURL?.endsWith(version) === true && way.has(found.url);
      return isAnew ? { ...found, url: `${found.url}${version}` } : found;
    },
    load: (url, context, next) =>
      url === `${changed}${version}`
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

/** What is imported from where, by the address of a file. */
const imports = new Map<string, readonly string[]>();

function importsOf(file: string): readonly string[] {
  const known = imports.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(file), "utf8");
  const found = [...text.matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.[^"]+\.ts)";/gm)].map(
    ([, path]) => new URL(path!, file).href,
  );
  imports.set(file, found);
  return found;
}

/** The files by way of which one leads to another, both included. */
function wayTo(goal: string, entry: string): ReadonlySet<string> {
  const leads = new Map<string, boolean>();
  const visit = (file: string): boolean => {
    const known = leads.get(file);
    if (known !== undefined) return known;
    // Nothing is imported by itself.
    const does = importsOf(file).map(visit).includes(true) || file === goal;
    leads.set(file, does);
    return does;
  };
  if (!visit(entry)) throw new Error(`${entry} does not lead to ${goal}`);
  return new Set([...leads].flatMap(([file, does]) => (does ? [file] : [])));
}
