/** The programs of `models/`. */
import { readFile } from "node:fs/promises";

/** @param name of the file, without its ending */
export const modelSource = (name: string): Promise<string> =>
  readFile(new URL(`models/${name}.nn`, import.meta.url), "utf8");
