/**
 * What the user sees: data on stdout, the rest on stderr; color and redrawn lines only where a
 * person watches.
 */
import pc from "picocolors";
import { printable } from "../grammar/text-position.ts";
import { exitCodes, type Complaint } from "./failures.ts";
import { cut } from "./terminal/cut.ts";
import { safeJson, safeLines } from "./terminal/safe.ts";

export type Colors = ReturnType<typeof pc.createColors>;

export interface Output {
  /** Whether stdout is to be one JSON object. */
  readonly json: boolean;
  /** Of stdout. */
  readonly colors: Colors;
  /** Of stderr. */
  readonly messageColors: Colors;
  /** Whether stdout and stderr can show block characters. */
  readonly unicode: boolean;
  /** Whether lines on stderr may be redrawn. */
  readonly live: boolean;
  /** Columns of the terminal, 80 where there is none. */
  readonly columns: number;
  /**
   * Columns that stdout has room for; Infinity where it is no terminal, so that nothing is clipped
   * in files.
   */
  readonly dataColumns: number;
  /** Writes text or JSON to stdout, characters that are none of text made visible. */
  readonly write: (text: string) => void;
  /** Writes a line to stderr, likewise. */
  readonly say: (line: string) => void;
  /** The same for what matters less, such as what is being done. */
  readonly aside: (line: string) => void;
  /** Writes to stderr as it is, to redraw a line. */
  readonly draw: (text: string) => void;
}

export interface OutputOptions {
  readonly json: boolean;
  /** False under `--no-color`. */
  readonly color: boolean;
}

export function createOutput({ json, color }: OutputOptions): Output {
  const { env, stdout, stderr } = process;
  const dumb = env["TERM"] === "dumb";
  const mayColor = color && !dumb && (env["NO_COLOR"] ?? "") === "";
  // For a pipe `isTTY` is undefined, whatever its type says, and picocolors would then decide
  // itself: for color where CI is set.
  const colorsFor = ({ isTTY }: { readonly isTTY: boolean }): Colors =>
    pc.createColors(mayColor && Boolean(isTTY));
  const [colors, messageColors] = [colorsFor(stdout), colorsFor(stderr)];
  return {
    json,
    colors,
    messageColors,
    unicode: !dumb && !/^(C|POSIX)$/.test(env["LC_ALL"] ?? env["LC_CTYPE"] ?? env["LANG"] ?? ""),
    live: stderr.isTTY && !dumb && !("CI" in env),
    columns: (stderr.isTTY ? stderr.columns : stdout.isTTY ? stdout.columns : 0) || 80,
    dataColumns: stdout.isTTY ? stdout.columns || 80 : Infinity,
    write: (text) => void stdout.write(json ? safeJson(text) : safeLines(text, colors.isColorSupported)),
    say: (line) => void stderr.write(`${safeLines(line, messageColors.isColorSupported)}\n`),
    aside: (line) => void stderr.write(`${messageColors.dim(printable(line))}\n`),
    draw: (text) => void stderr.write(text),
  };
}

let forgiving = false;

/**
 * A reader that went away (`| head`) is no failure: what is left to say is dropped. Where stdout is
 * a file on a full disk that is told, and is wrong usage in the end, whatever else the command
 * comes to.
 */
export function forgiveClosedPipes(): void {
  // A process that runs several command lines, as the tests do, listens once.
  if (forgiving) return;
  forgiving = true;
  let told = false;
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (told || error.code === "EPIPE" || error.code === "EIO") return;
    told = true;
    const [code, why] =
      error.code === "ENOSPC" ? ["disk-full", "the disk is full"] : ["not-writable", error.message];
    process.stderr.write(`error[${code}]: stdout could not be written: ${why}\n`);
    process.once("exit", () => {
      process.exitCode = exitCodes.usage;
    });
  });
}

/** Of a message; paths have 4,096 characters at most. */
const LONGEST_MESSAGE = 5000;

/** A complaint of which nothing is longer than a person reads. */
export function shortened(complaint: Complaint): Complaint {
  const { message, notes, help, column } = complaint;
  return {
    ...complaint,
    message: cut(message, LONGEST_MESSAGE),
    ...(typeof column === "string" ? { column: cut(column, LONGEST_MESSAGE) } : {}),
    ...(notes === undefined ? {} : { notes: notes.map((note) => cut(note, LONGEST_MESSAGE)) }),
    ...(help === undefined ? {} : { help: cut(help, LONGEST_MESSAGE) }),
  };
}

/** A complaint in the layout of the compiler's diagnostics. */
export function renderComplaint(complaint: Complaint, place: string | undefined, colors: Colors): string {
  const { severity, code, notes = [] } = complaint;
  const message = printable(complaint.message);
  const head = severity === "error" ? colors.red : colors.yellow;
  return [
    `${colors.bold(head(`${severity}[${code}]`))}${colors.bold(`: ${message}`)}`,
    ...(place === undefined ? [] : [`  ${colors.blue("-->")} ${printable(cut(place, LONGEST_MESSAGE))}`]),
    ...notes.map((note) => `   ${colors.blue("=")} ${colors.bold("note")}: ${printable(note)}`),
    ...(complaint.help === undefined
      ? []
      : [`   ${colors.blue("=")} ${colors.bold("help")}: ${printable(complaint.help)}`]),
  ].join("\n");
}
