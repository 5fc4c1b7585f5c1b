/** Where named data sets are looked for. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Beside the model, in the working directory, and where nndsl is installed. */
export const dataFolders = (file: string): string[] => [
  dirname(file),
  process.cwd(),
  dirname(fileURLToPath(import.meta.url)),
];
