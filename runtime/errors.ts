import type { ErrorCode } from "./types.ts";

/** What the runtime throws: `code` for programs, `message` for people. */
export class NndslError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "NndslError";
    this.code = code;
  }
}

/** Characters of a message: names in it may be a hostile file's. */
const LONGEST = 2000;

/** @throws NndslError */
export function refuse(code: ErrorCode, message: string, options?: { readonly cause?: unknown }): never {
  throw new NndslError(code, message.slice(0, LONGEST), options);
}

/**
 * What a value is, for a message; runs none of its code. "2" is in quotes: it is no number, and
 * would look like one.
 */
export const shown = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 40))
    : Object(value) === value
      ? `a ${typeof value}`
      : String(value);

/** Why something was thrown. */
export const why = (cause: unknown): string => (cause instanceof Error ? cause.message : shown(cause));

/**
 * Refuses for what an engine or a caller's own code threw; what has been refused already stays as
 * it is.
 * @throws NndslError
 */
export function refuseFor(cause: unknown, code: ErrorCode, what: string, failed = "cannot be read"): never {
  if (cause instanceof NndslError) throw cause;
  return refuse(code, `${what} ${failed}: ${why(cause)}.`, { cause });
}

/** `a`, `b` */
export const list = (names: Iterable<string>): string =>
  [...names].map((name) => `\`${name}\``).join(", ") || "none";

/** With how many letters both begin. */
function alike(a: string, b: string): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count++;
  return count;
}

/** Refuses a name that is none of those that there are. @throws NndslError */
export function refuseName(code: ErrorCode, kind: string, name: unknown, names: Iterable<string>): never {
  const typed = typeof name === "string" ? name : shown(name);
  // `batchSize` is meant to be `batch`, and `validation` to be `validate`.
  const all = [...names];
  const [best = ""] = [...all].sort((a, b) => alike(b, typed) - alike(a, typed));
  const hint = alike(best, typed) > 2 ? ` (did you mean \`${best}\`?)` : "";
  return refuse(code, `There is no ${kind} \`${typed}\`${hint}; there are: ${list(all)}.`);
}
