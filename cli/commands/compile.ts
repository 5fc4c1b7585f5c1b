/**
 * `nndsl compile`: a model becomes `NAME.wasm`, `NAME.js` and `NAME.d.ts`; with relaxed SIMD
 * `NAME.strict.wasm` too, and for a model that threads can share `NAME.threads.js`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Option, type Command } from "commander";
import { stageNames, type CompileOptions, type StageName } from "../../compiler/options.ts";
import { moduleTypeOf } from "../module-type.ts";
import { expectFolder, writeFiles } from "../write-files.ts";
import { UsageError } from "../failures.ts";
import {
  addModelOptions,
  dtypeOption,
  memoryOption,
  memoryOptions,
  simdOption,
  sourceOptions,
  type SharedOptions,
} from "../options.ts";
import type { Output } from "../output.ts";
import { compileProgram, type OpenedProgram, openProgram, planProgram } from "../program.ts";
import { bytes, counted, duration } from "../terminal/numbers.ts";
import { priceOf } from "../terminal/price.ts";
import { table } from "../terminal/table.ts";

interface CompileArguments extends SharedOptions {
  readonly output: string;
  readonly simd: "strict" | "relaxed";
  readonly dtype: "f32" | "f64";
  readonly emit?: StageName;
  readonly memory?: number;
  readonly probe?: true;
}

export function addCompile(program: Command, output: Output): Command {
  return addModelOptions(program.command("compile"), {
    seed: "Initial weights are drawn when a module is loaded: `load({ seed })`.",
  })
    .description("write a model as a WebAssembly module, an ES module that loads it, and its types")
    .argument("<file>", "a program, FILE.nn")
    .option("-o, --output <folder>", "output folder, created if needed", ".")
    .addOption(simdOption("; a strict module is written too"))
    .addOption(dtypeOption())
    .addOption(memoryOption())
    .option("--probe", "add `net.probe`, which tells what a step does to each layer")
    .addOption(new Option("--emit <stage>", "print one stage instead of writing files").choices(stageNames))
    .addHelpText(
      "after",
      `
Examples:
  nndsl compile xor.nn -o out                          out/xor.wasm, out/xor.js, out/xor.d.ts
  nndsl compile mnist.nn --set sizes=[512,256] --set act=relu
  nndsl compile deep.nn --memory 4MB --batch 256       recomputes values to fit, and says what that costs
  nndsl compile xor.nn --probe -o out                  net.probe tells of activations, gradients and updates by layer
  nndsl compile xor.nn --simd relaxed                  writes xor.strict.wasm too, used where relaxed SIMD is missing
  nndsl compile xor.nn --emit grad                     the derived backward pass
  nndsl compile xor.nn --emit as | less                the kernels as readable AssemblyScript

Files are named after the model, in kebab case: \`model DigitNet\` becomes digit-net.wasm.`,
    )
    .action((file: string, options: CompileArguments) => compileCommand(file, options, output));
}

/** A stage in print; only the last has to be assembled for it. */
async function stageText(
  program: OpenedProgram,
  stage: StageName,
  options: CompileOptions,
  output: Output,
): Promise<{ readonly model: string; readonly stage: StageName; readonly text: string }> {
  if (stage !== "wat") {
    const { manifest, stages } = await planProgram(program, options, output);
    return { model: manifest.model, stage, text: stages[stage].trimEnd() };
  }
  const { manifest, stages } = await compileProgram(program, { ...options, wat: true }, output);
  // It was asked for, so it is there.
  return { model: manifest.model, stage, text: stages.wat!.trimEnd() };
}

async function compileCommand(file: string, options: CompileArguments, output: Output): Promise<void> {
  const started = performance.now();
  if (options.batch !== undefined && options.memory === undefined)
    throw new UsageError("bad-usage", "--batch is the batch that --memory is planned for", {
      help: "leave it out: without a memory limit a module takes batches of any size",
    });
  if (options.emit === undefined) expectFolder(options.output);
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { simd, dtype } = options;
  const given = {
    ...sourceOptions(options),
    ...memoryOptions(options),
    simd,
    dtype,
    probe: options.probe === true,
  };
  if (options.emit !== undefined) {
    const text = await stageText(program, options.emit, given, output);
    output.write(output.json ? `${JSON.stringify(text, null, 2)}\n` : `${text.text}\n`);
    return;
  }
  const compiled = await compileProgram(program, { ...given, fallback: true }, output);

  const { name, wasm, fallback, js, threads, dts, manifest } = compiled;
  const path = (extension: string): string => join(options.output, `${name}.${extension}`);
  const moduleType = moduleTypeOf(options.output);
  // NAME.js knows the modules of its own compilation, so with it first and NAME.wasm last no
  // mixture of two goes unnoticed.
  await writeFiles(
    [
      ...(moduleType.file === null ? [] : [moduleType.file]),
      { path: path("js"), bytes: js },
      ...(threads === null ? [] : [{ path: path("threads.js"), bytes: threads }]),
      ...(fallback === null ? [] : [{ path: path("strict.wasm"), bytes: fallback }]),
      { path: path("d.ts"), bytes: dts },
      { path: path("wasm"), bytes: wasm },
    ],
    [
      ...(fallback === null ? [path("strict.wasm")] : []),
      ...(threads === null ? [path("threads.js")] : []),
    ].filter(isCompiled),
  );
  if (moduleType.note !== null) output.say(`note: ${moduleType.note}`);
  const milliseconds = Math.round(performance.now() - started);
  const { gzipSync } = await import("node:zlib");
  const module = (extension: string, content: Uint8Array) => ({
    file: path(extension),
    bytes: content.length,
    gzip: gzipSync(content).length,
  });
  const { recomputed } = compiled.report;
  const parameters = compiled.report.parameters.reduce((sum, p) => sum + p.count, 0);
  if (output.json) {
    const result = {
      model: manifest.model,
      wasm: module("wasm", wasm),
      ...(fallback === null ? {} : { fallback: module("strict.wasm", fallback) }),
      js: { file: path("js"), bytes: Buffer.byteLength(js) },
      ...(threads === null
        ? {}
        : { threads: { file: path("threads.js"), bytes: Buffer.byteLength(threads) } }),
      dts: { file: path("d.ts"), bytes: Buffer.byteLength(dts) },
      parameters,
      arena: manifest.arena,
      recomputed,
      milliseconds,
    };
    output.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const row = (extension: string, content: string | Uint8Array): string[] => [
    relative(process.cwd(), resolve(path(extension))) || path(extension),
    bytes(Buffer.byteLength(content)),
    bytes(gzipSync(content).length),
  ];
  output.write(
    `${manifest.model}: ${counted(parameters, "parameter")}, ` +
      `memory ${bytes(manifest.arena.fixed)} and ${bytes(manifest.arena.perRow)} a row, ` +
      `compiled in ${duration(milliseconds / 1000)}\n${table(
        ["file", "size", "gzipped"],
        [
          row("wasm", wasm),
          ...(fallback === null ? [] : [row("strict.wasm", fallback)]),
          row("js", js),
          ...(threads === null ? [] : [row("threads.js", threads)]),
          row("d.ts", dts),
        ],
        output.colors,
      )}\n${recomputed === null ? "" : `${priceOf(recomputed)}\n`}`,
  );
}

/** Whether a file that an earlier compilation may have left is one, and not the user's. */
function isCompiled(path: string): boolean {
  if (!existsSync(path)) return false;
  const bytes = readFileSync(path);
  return bytes.includes(path.endsWith(".wasm") ? '"model":' : "; compiled by nndsl ");
}
