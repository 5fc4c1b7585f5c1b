/** `nndsl derive`: gradients as formulas. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Derivation, DeriveOptions } from "../../compiler/derive/index.ts";
import type { SourceOptions } from "../../compiler/index.ts";
import { ModelError } from "../failures.ts";
import { addModelOptions, sourceOptions, type SharedOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { analyzeProgram, openProgram, ProgramError } from "../program.ts";

interface DeriveArguments extends SharedOptions {
  readonly wrt?: readonly string[];
  readonly format: "text" | "latex";
}

const LIBRARY = "std:";

export function addDerive(program: Command, output: Output): Command {
  return addModelOptions(program.command("derive"), {
    seed: "Formulas do not depend on it.",
    batch: "Formulas hold for batches of every size.",
  })
    .description("show the derived gradients as formulas, in the names of the source")
    .argument("<what>", "a program, FILE.nn; or std:NAME, a function of the library")
    .addOption(
      new Option(
        "--wrt <paths>",
        "what to differentiate with respect to: parameters, inputs or bindings, separated by commas (default: all trained parameters)",
      ).argParser(paths),
    )
    .addOption(new Option("--format <kind>", "notation").choices(["text", "latex"]).default("text"))
    .addHelpText(
      "after",
      `
Examples:
  nndsl derive xor.nn                         every gradient, with intermediate steps
  nndsl derive mnist.nn --wrt logits          the cotangent of a binding: (softmax(z) - onehot(y))/N
  nndsl derive std:gelu                       f'(z) of a library function
  nndsl derive xor.nn --format latex > gradients.tex

δh is the cotangent of h: the derivative of the loss L with respect to h. ∇w is the requested gradient. a b is a matrix product,
∘ an elementwise product, ᵀ the transpose; Σₙ sums over the rows of the batch, Σⱼ along axis j = 1 (i, j, k …). [c] is 1 where c
holds, else 0. Cases that matter only for infinities and 0/0 are omitted.`,
    )
    .action((what: string, options: DeriveArguments) => deriveCommand(what, options, output));
}

function paths(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === ""))
    throw new InvalidArgumentError("Write a path, or several separated by commas.");
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
  const { DiagnosticError } = await import("../../grammar/diagnostic.ts");
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
  const { formulas } = await analyzeProgram(program, source, output);
  const { derive, DerivationError } = await import("../../compiler/derive/index.ts");
  const { DiagnosticError } = await import("../../grammar/diagnostic.ts");
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
