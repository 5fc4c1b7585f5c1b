/** The commands, and how each run ends: with an exit code, and with words where it went wrong. */
import { Command, CommanderError } from "commander";
import { version } from "../compiler/version.ts";
import { addCheck } from "./commands/check.ts";
import { addCompare } from "./commands/compare.ts";
import { addCompile } from "./commands/compile.ts";
import { addDerive } from "./commands/derive.ts";
import { addFmt } from "./commands/fmt.ts";
import { addGraph } from "./commands/graph.ts";
import { addInspect } from "./commands/inspect.ts";
import { addNew } from "./commands/new.ts";
import { addPlot } from "./commands/plot.ts";
import { addPredict } from "./commands/predict.ts";
import { addSweep } from "./commands/sweep.ts";
import { addTrain } from "./commands/train.ts";
import { DataError, exitCodes, ModelError, showPlace, UsageError, type Complaint } from "./failures.ts";
import { createOutput, forgiveClosedPipes, renderComplaint, shortened, type Output } from "./output.ts";
import { diagnosticsJson, ProgramError, renderDiagnostics } from "./program.ts";
import { shellWord } from "./shell.ts";
import { counted } from "./terminal/numbers.ts";

/** Runs one command line and sets `process.exitCode`; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  forgiveClosedPipes();
  const output = createOutput({ json: argv.includes("--json"), color: !argv.includes("--no-color") });
  try {
    await createProgram(output, argv[0]).parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = await tell(error, output);
  }
}

/** By name, in the order that help has them in. */
const commands = new Map([
  ["compile", addCompile],
  ["check", addCheck],
  ["fmt", addFmt],
  ["inspect", addInspect],
  ["derive", addDerive],
  ["graph", addGraph],
  ["train", addTrain],
  ["plot", addPlot],
  ["predict", addPredict],
  ["sweep", addSweep],
  ["compare", addCompare],
  ["new", addNew],
]);

/** @param first word of the command line: where it is a command, no other is made ready */
function createProgram(output: Output, first: string | undefined): Command {
  const program = new Command("nndsl")
    .description(
      "Write a neural network as formulas; get a small WebAssembly module that predicts and trains.",
    )
    .version(version, "-V, --version")
    .helpOption("-h, --help", "what it does and how it is used")
    .showSuggestionAfterError(true)
    .showHelpAfterError("`nndsl help` shows the commands, `nndsl help COMMAND` one of them with examples")
    .exitOverride()
    .configureOutput({ writeErr: (text) => (output.json ? undefined : output.say(text.replace(/\n$/, ""))) })
    .addHelpText(
      "after",
      `
A first session:
  nndsl new moons && cd moons                          a model, data, a page and a test
  nndsl check model.nn                                 all errors and warnings at once
  nndsl train model.nn --data x=data/moons.csv:a,b y=data/moons.csv:moon -o out/moons.safetensors
  nndsl compile model.nn -o out                        out/NAME.wasm, .js and .d.ts for your application

  nndsl train mnist.nn --data mnist:train --test mnist:test --epochs 5 --batch 128
  nndsl help train                                     more of each command, with examples

Exit codes: 0 done, 1 the program or the data is wrong, 2 wrong usage, a missing file or a full disk,
130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP, 101 a fault of nndsl itself.`,
    );
  const named = commands.get(first ?? "");
  for (const add of named === undefined ? commands.values() : [named]) {
    add(program, output)
      .option("--json", "write one JSON object to stdout")
      .option("--no-color", "no color, as with NO_COLOR");
  }
  return program;
}

/** Says why a command failed. @returns the exit code */
async function tell(error: unknown, output: Output): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    if (output.json) {
      const message = error.message.replace(/^error: /, "");
      json(output, [{ code: "bad-usage", severity: "error", message }]);
    }
    return exitCodes.usage;
  }
  if (error instanceof ProgramError) {
    output.say(
      await renderDiagnostics(error.program, error.diagnostics, output.messageColors.isColorSupported),
    );
    const errors = error.diagnostics.filter((d) => d.severity === "error").length;
    output.say(`\n${counted(errors, "error")} in ${error.program.path}`);
    if (output.json) json(output, await diagnosticsJson(error.program, error.diagnostics));
    return exitCodes.wrong;
  }
  if (error instanceof DataError)
    return complain(error.complaint(), showPlace(error.place), exitCodes.wrong, output);
  if (error instanceof ModelError) return complain(error.complaint(), error.file, exitCodes.wrong, output);
  if (error instanceof UsageError) return complain(error.complaint(), undefined, exitCodes.usage, output);
  return tellFault(error, output);
}

function complain(whole: Complaint, place: string | undefined, code: number, output: Output): number {
  const complaint = shortened(whole);
  output.say(renderComplaint(complaint, place, output.messageColors));
  if (output.json) json(output, [complaint]);
  return code;
}

/**
 * What went wrong, in the shape of `check --json`: the one thing that scripts must know to read any
 * failure.
 */
function json(output: Output, diagnostics: readonly object[]): void {
  output.write(`${JSON.stringify({ diagnostics }, null, 2)}\n`);
}

function tellFault(error: unknown, output: Output): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { red, bold } = output.messageColors;
  output.say(
    `${bold(red("This is a bug in nndsl, not in your program or data."))}\n` +
      "Please report it to the authors of nndsl, with the lines below and the file that caused it.\n\n" +
      `nndsl ${version}, Node ${process.version}, ${process.platform} ${process.arch}\n` +
      `nndsl ${process.argv.slice(2).map(shellWord).join(" ")}\n${stack}`,
  );
  if (output.json) {
    json(output, [
      { code: "fault", severity: "error", message: error instanceof Error ? error.message : String(error) },
    ]);
  }
  return exitCodes.fault;
}
