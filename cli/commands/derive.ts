/** `nndsl derive`: gradients as formulas. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Derivation, DeriveOptions } from "../../compiler/derive/index.ts";
import type { SourceOptions } from "../../compiler/index.ts";
import { ModelError } from "../failures.ts";
import { addModelOptions, sourceOptions, type SharedOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { analyseProgram, openProgram, ProgramError } from "../program.ts";

interface DeriveArguments extends SharedOptions {
  readonly wrt?: readonly string[];
  readonly format: "text" | "latex";
}

const LIBRARY = "std:";

export function addDerive(program: Command, output: Output): Command {
  return addModelOptions(program.command("derive"))
    .description("show the derived gradients as formulas, in the names of the source")
    .argument("<what>", "a program, FILE.nn; or std:NAME, a function of the library")
    .addOption(
      new Option(
        "--wrt <paths>",
        "by what to derive: parameters, inputs or bindings, with commas; all trained parameters without it",
      ).argParser(paths),
    )
    .addOption(new Option("--format <kind>", "how to write them").choices(["text", "latex"]).default("text"))
    .addHelpText(
      "after",
      `
Examples:
  nndsl derive xor.nn                         every gradient, with the steps on the way
  nndsl derive mnist.nn --wrt logits          what comes back to a binding: (softmax(z) - onehot(y))/N
  nndsl derive std:gelu                       f'(z) of a function of the library
  nndsl derive xor.nn --format latex > gradients.tex

δh is what flows back to h: the derivative of the loss L by h. ∇w is the gradient asked for. a b is a matrix product, ∘ one entry by
entry, ᵀ the transpose; Σₙ adds over the rows of the batch, Σⱼ along axis j = 1 (i, j, k …). [c] is 1 where c holds, else 0.
Cases that only infinities and 0/0 ask for are left out.`,
    )
    .action((what: string, options: DeriveArguments) => deriveCommand(what, options, output));
}

function paths(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === ""))
    throw new InvalidArgumentError("It is a path, or several with commas.");
  return [...before, ...names];
}

async function deriveCommand(what: string, options: DeriveArguments, output: Output): Promise<void> {
  const wrt: DeriveOptions = options.wrt === undefined ? {} : { wrt: options.wrt };
  const derivation = what.startsWith(LIBRARY)
    ? await deriveFunction(what, wrt)
    : await deriveProgram(what, sourceOptions(options), wrt, output);
  if (output.json) output.write(`${JSON.stringify({ formulas: derivation.formulas }, null, 2)}\n`);
  else output.write(options.format === "latex" ? latex(derivation) : text(derivation, output));
}

async function deriveFunction(what: string, options: DeriveOptions): Promise<Derivation> {
  const { derive, DerivationError, libraryModel } = await import("../../compiler/derive/index.ts");
  const { DiagnosticError } = await import("../../compiler/index.ts");
  const functionName = what.slice(LIBRARY.length);
  try {
    return derive(await libraryModel(functionName), { ...options, functionName });
  } catch (error) {
    if (error instanceof DerivationError) throw new ModelError(error.code, error.message, what, error.help);
    // A place in the model that was drawn up for the function would tell nobody anything.
    const [first] = error instanceof DiagnosticError ? error.diagnostics : [];
    throw first === undefined ? error : new ModelError(first.code, first.message, what);
  }
}

async function deriveProgram(
  file: string,
  source: Pick<SourceOptions, "settings" | "model">,
  options: DeriveOptions,
  output: Output,
): Promise<Derivation> {
  const program = await openProgram(file);
  output.aside(`deriving ${file}`);
  const { formulas } = await analyseProgram(program, source, output);
  const { derive, DerivationError } = await import("../../compiler/derive/index.ts");
  const { DiagnosticError } = await import("../../compiler/index.ts");
  try {
    return derive(formulas, options);
  } catch (error) {
    if (error instanceof DerivationError) throw new ModelError(error.code, error.message, file, error.help);
    throw error instanceof DiagnosticError ? new ProgramError(program, error.diagnostics) : error;
  }
}

function text({ forward, backward, given }: Derivation, { colors }: Output): string {
  const section = (title: string, lines: readonly { readonly text: string }[]): string =>
    `${colors.bold(title)}\n${lines.map((line) => `  ${line.text}`).join("\n")}\n`;
  const arriving =
    given.length === 0
      ? ""
      : `, from ${given.join(", ")} at the ${given.length === 1 ? "output" : "outputs"}`;
  return [
    ...(forward.length === 0 ? [] : [section("Forward", forward)]),
    section(`Derived${arriving}`, backward),
  ].join("\n");
}

const latex = ({ forward, backward }: Derivation): string => {
  const block = (lines: readonly { readonly latex: string }[]): string =>
    `\\begin{aligned}\n${lines.map((line) => `  ${line.latex}`).join(" \\\\\n")}\n\\end{aligned}\n`;
  return [forward, backward]
    .filter((lines) => lines.length > 0)
    .map(block)
    .join("\n");
};
