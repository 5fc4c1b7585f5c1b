/** `nndsl fmt`: the canonical layout. */
import type { Command } from "commander";
import { exitCodes } from "../failures.ts";
import { writeFiles } from "../write-files.ts";
import type { Output } from "../output.ts";
import { openProgram, ProgramError } from "../program.ts";
import { counted } from "../terminal/numbers.ts";

export function addFmt(program: Command, output: Output): Command {
  return program
    .command("fmt")
    .description("format programs in place")
    .argument("<files...>", "programs, FILE.nn")
    .option("--check", "write nothing; list the files that would change and exit with 1 if there are any")
    .addHelpText(
      "after",
      `
Examples:
  nndsl fmt model.nn blocks.nn
  nndsl fmt --check src/*.nn                           before a commit`,
    )
    .action((files: readonly string[], options: { readonly check?: boolean }) =>
      fmtCommand(files, options.check === true, output),
    );
}

async function fmtCommand(files: readonly string[], checkOnly: boolean, output: Output): Promise<void> {
  const programs = await Promise.all(files.map(openProgram));
  const { format } = await import("../../grammar/format.ts");
  // All are read before the first is written: one that cannot be read leaves every file as it was.
  const changed = programs.flatMap((program) => {
    const { text, diagnostics } = format(program.text, program.options.file);
    if (diagnostics.some((d) => d.severity === "error")) throw new ProgramError(program, diagnostics);
    return text === program.text ? [] : [{ path: program.path, bytes: text }];
  });
  if (!checkOnly) await writeFiles(changed);
  else if (changed.length > 0) process.exitCode = exitCodes.wrong;

  const paths = changed.map(({ path }) => path);
  if (output.json) {
    output.write(`${JSON.stringify({ files: files.length, changed: paths }, null, 2)}\n`);
    return;
  }
  for (const path of paths) output.write(`${path}\n`);
  const whole = counted(files.length, "file");
  output.say(
    checkOnly
      ? `${paths.length} of ${whole} would change${paths.length === 0 ? "" : "; `nndsl fmt` without --check changes them"}`
      : `${paths.length} of ${whole} changed`,
  );
}
