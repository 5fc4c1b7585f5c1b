/**
 * The ways in which a command ends without being done. Each is told to the user; only a fault of
 * nndsl shows a stack.
 */

/** Exit codes, as the documentation promises them to scripts. */
export const exitCodes = {
  done: 0,
  wrong: 1,
  usage: 2,
  fault: 101,
  /** By SIGHUP, SIGINT and SIGTERM: 128 and the signal's number, as shells have it. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/**
 * What a failure says, in the form that `--json` prints: one of these for each thing that is wrong.
 */
export interface Complaint {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly file?: string;
  /**
   * In text files the row as a spreadsheet shows it; in arrays the index along the first axis, from
   * 0.
   */
  readonly row?: number;
  readonly column?: string | number;
  readonly notes?: readonly string[];
  readonly help?: string;
}

/** Wrong usage, a missing file, a full disk: exit code 2. */
export class UsageError extends Error {
  readonly code: string;
  readonly help: string | undefined;
  readonly file: string | undefined;

  constructor(code: string, message: string, more: { readonly help?: string; readonly file?: string } = {}) {
    super(message);
    this.name = "UsageError";
    this.code = code;
    this.help = more.help;
    this.file = more.file;
  }

  complaint(): Complaint {
    return {
      code: this.code,
      severity: "error",
      message: this.message,
      ...(this.file === undefined ? {} : { file: this.file }),
      ...(this.help === undefined ? {} : { help: this.help }),
    };
  }
}

/** A model or weights that the command cannot work with: exit code 1. */
export class ModelError extends Error {
  readonly code: string;
  readonly file: string;
  readonly help: string | undefined;

  constructor(code: string, message: string, file: string, help?: string) {
    super(message);
    this.name = "ModelError";
    this.code = code;
    this.file = file;
    this.help = help;
  }

  complaint(): Complaint {
    return {
      code: this.code,
      severity: "error",
      message: this.message,
      file: this.file,
      ...(this.help === undefined ? {} : { help: this.help }),
    };
  }
}

/** Where in a data file something is wrong. */
export interface DataPlace {
  readonly file: string;
  readonly row?: number;
  readonly column?: string | number;
  /** How rows are counted there, said beside the number. */
  readonly counting?: string;
}

/** Data that cannot be used: exit code 1. Codes begin with `data-`. */
export class DataError extends Error {
  readonly code: string;
  readonly place: DataPlace;
  readonly notes: readonly string[];
  readonly help: string | undefined;

  constructor(
    code: `data-${string}`,
    message: string,
    place: DataPlace,
    more: { readonly help?: string; readonly notes?: readonly string[] } = {},
  ) {
    super(message);
    this.name = "DataError";
    this.code = code;
    this.place = place;
    this.notes = more.notes ?? [];
    this.help = more.help;
  }

  complaint(): Complaint {
    const { file, row, column } = this.place;
    return {
      code: this.code,
      severity: "error",
      message: this.message,
      file,
      ...(row === undefined ? {} : { row }),
      ...(column === undefined ? {} : { column }),
      ...(this.notes.length === 0 ? {} : { notes: this.notes }),
      ...(this.help === undefined ? {} : { help: this.help }),
    };
  }
}

/** `FILE, row R, column C (rows are counted from 0)` */
export function showPlace({ file, row, column, counting }: DataPlace): string {
  return [
    file,
    ...(row === undefined ? [] : [`row ${row}`]),
    ...(column === undefined ? [] : [`column ${typeof column === "string" ? `\`${column}\`` : column}`]),
  ]
    .join(", ")
    .concat(counting === undefined || row === undefined ? "" : ` (${counting})`);
}

/** A code that Node gives to a failed system call (`ENOENT`), if `error` is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  // Codes of our own are in kebab case.
  return typeof error.code === "string" && /^E[A-Z_\d]+$/.test(error.code) ? error.code : undefined;
}
