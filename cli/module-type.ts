/** Whether Node reads a `.js` file in a folder as an ES module. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { FileToWrite } from "./write-files.ts";

export interface ModuleType {
  /**
   * A package.json that makes the files of the folder ES modules; null where they are, or where it
   * has another one already.
   */
  readonly file: FileToWrite | null;
  /** What the user has to do, where nothing can be written for it. */
  readonly note: string | null;
}

/**
 * What compiled files need in `folder`, which may not exist yet. Node reads `.js` as CommonJS below
 * a package.json that says so, as `npm init -y` writes it; a package.json nearer to the files wins.
 */
export function moduleTypeOf(folder: string): ModuleType {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, "package.json");
    if (existsSync(path)) {
      if (!saysCommonJs(path)) return { file: null, note: null };
      if (at !== resolve(folder))
        return {
          file: { path: join(folder, "package.json"), bytes: '{ "type": "module" }\n' },
          note: null,
        };
      return {
        file: null,
        note:
          `Node reads the .js files of this folder as CommonJS, since ${path} says "type": "commonjs"; ` +
          'compile into a folder of its own with -o, or say "type": "module"',
      };
    }
    if (dirname(at) === at) return { file: null, note: null };
  }
}

function saysCommonJs(path: string): boolean {
  try {
    const text: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof text === "object" && text !== null && "type" in text && text.type === "commonjs";
  } catch {
    return false; // Node will say what is wrong with it.
  }
}
