/** `nndsl check`: every diagnostic of every file. */
import { Option, type Command } from "commander";
import { exitCodes } from "../failures.ts";
import { addModelOptions, sourceOptions, type SharedOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { diagnosticsJson, openProgram, renderDiagnostics, type DiagnosticJson } from "../program.ts";
import { counted } from "../terminal/numbers.ts";
import { safeJson } from "../terminal/safe.ts";

interface CheckArguments extends SharedOptions {
  readonly format: "text" | "json" | "github";
}

export function addCheck(program: Command, output: Output): Command {
  return addModelOptions(program.command("check"), {
    seed: "Checking uses no random numbers.",
    batch: "A program is checked for batches of every size.",
  })
    .description("report all errors and warnings in programs, with fixes")
    .argument("<files...>", "programs, FILE.nn")
    .addOption(
      new Option("--format <form>", "github: annotations on a pull request")
        .choices(["text", "json", "github"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `
Examples:
  nndsl check model.nn
  nndsl check src/*.nn --format github                 in a GitHub workflow
  nndsl check model.nn --set "sizes=[64,64]"           with other settings

Exit code 1 if a file has an error; warnings alone leave it at 0.`,
    )
    .action((files: readonly string[], options: CheckArguments) => checkCommand(files, options, output));
}

async function checkCommand(
  files: readonly string[],
  options: CheckArguments,
  output: Output,
): Promise<void> {
  // Opened before anything is checked: a mistyped name should not cost the wait.
  const programs = await Promise.all(files.map(openProgram));
  const { check } = await import("../../compiler/analyze.ts");
  const format = output.json ? "json" : options.format;
  const found: DiagnosticJson[] = [];
  for (const program of programs) {
    const diagnostics = await check(program.text, { ...program.options, ...sourceOptions(options) });
    if (diagnostics.length === 0) continue;
    found.push(...(await diagnosticsJson(program, diagnostics)));
    if (format === "text") {
      output.write(`${await renderDiagnostics(program, diagnostics, output.colors.isColorSupported)}\n\n`);
    }
  }
  const errors = found.filter((d) => d.severity === "error").length;
  const warnings = found.length - errors;
  if (errors > 0) process.exitCode = exitCodes.wrong;

  switch (format) {
    case "json":
      output.write(
        safeJson(
          `${JSON.stringify({ files: files.length, errors, warnings, diagnostics: found }, null, 2)}\n`,
        ),
      );
      return;
    case "github":
      for (const diagnostic of found) output.write(`${annotation(diagnostic)}\n`);
      return;
    case "text":
      output.say(summary(files, errors, warnings));
      return;
    default:
      format satisfies never;
  }
}

function summary(files: readonly string[], errors: number, warnings: number): string {
  const where = files.length === 1 ? files[0]! : counted(files.length, "file");
  return errors + warnings === 0
    ? `${where}: nothing wrong`
    : `${where}: ${counted(errors, "error")}, ${counted(warnings, "warning")}`;
}

/**
 * A workflow command:
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
function annotation(d: DiagnosticJson): string {
  const property = (text: string | number): string =>
    data(String(text)).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const data = (text: string): string =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const place = {
    file: d.file,
    line: d.line,
    endLine: d.endLine,
    col: d.column,
    endColumn: d.endColumn,
    title: d.code,
  };
  const properties = Object.entries(place).map(([name, value]) => `${name}=${property(value)}`);
  const text = [d.message, ...d.notes, ...(d.help === undefined ? [] : [d.help])].join("\n");
  return `::${d.severity} ${properties.join(",")}::${data(text)}`;
}
