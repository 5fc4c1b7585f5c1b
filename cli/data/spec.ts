/** What `--data` and `--test` were given, taken apart. */
import { existsSync } from "node:fs";
import { UsageError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { RowReader } from "./rows.ts";

export type DataSpec =
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "whole"; readonly path: string }
  | { readonly kind: "inputs"; readonly files: readonly InputFile[] };

/** The file of one input, and what to pick from it: columns of a table, or an array by its name. */
export interface InputFile {
  readonly input: string;
  readonly path: string;
  readonly picked?: readonly string[];
}

/** @throws UsageError where the arguments do not go together */
export function parseSpec(texts: readonly string[], option: string): DataSpec {
  const files: InputFile[] = [];
  const others: string[] = [];
  for (const text of texts) {
    const [, input, rest] = /^([A-Za-z_]\w*)=(.+)$/s.exec(text) ?? [];
    if (input === undefined || rest === undefined) {
      others.push(text);
      continue;
    }
    if (files.some((file) => file.input === input)) {
      throw new UsageError("bad-option", `${option} gives \`${input}\` twice`, {
        help: "one file for each input",
      });
    }
    files.push({ input, ...splitSelection(rest) });
  }
  const first = others[0];
  if (first === undefined) return { kind: "inputs", files };
  if (others.length > 1 || files.length > 0) {
    throw new UsageError(
      "bad-option",
      `${option} is one file for all inputs, or NAME=FILE for each of them`,
      {
        help: `\`${first}\` does not say which input it is for; write ${option} ${shellWord(`x=${first}`)}`,
      },
    );
  }
  return /^[a-z]+:[a-z]*$/.test(first) && !existsSync(first)
    ? { kind: "named", name: first }
    : { kind: "whole", path: first };
}

function splitSelection(text: string): Pick<InputFile, "path" | "picked"> {
  if (existsSync(text)) return { path: text };
  const [, path, list] = /^(.+?\.(?:csv|tsv|txt|npz|safetensors)(?:\.gz)?):(.+)$/is.exec(text) ?? [];
  if (path === undefined || list === undefined) return { path: text };
  return { path, picked: columnList(list) };
}

/** Names between commas; one with a comma in it is quoted as in the table itself. */
export function columnList(text: string): string[] {
  try {
    const reader = new RowReader(text, ",");
    const names = reader.next() ?? [];
    if (reader.position === text.length) return names.filter((name) => name !== "");
  } catch {
    // Quotes that do not match are of a name.
  }
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
