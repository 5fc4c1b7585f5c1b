/**
 * The compiler, top to bottom: `analyze.ts`, then `plan.ts`, then this, which has the module made.
 * Each stage is a pure function from the one before.
 */
import { assemble, type Assembled, warmUp } from "./assemble/assemble.ts";
import { declarationsText, fileName, moduleText, threadsText } from "./emit/module.ts";
import { manifestText } from "./emit/manifest.ts";
import type { Compiled, CompileOptions, Stages } from "./options.ts";
import { kernelsOf, lazily, planOf, printers, type Module } from "./plan.ts";

type Simd = NonNullable<CompileOptions["simd"]>;

/**
 * Compiles one model of a program.
 * @throws DiagnosticError with every error found in it, CompilerFault where the compiler itself is
 * at fault
 */
export async function compile(source: string, options: CompileOptions = {}): Promise<Compiled> {
  // asc takes as long to load as all the rest to run.
  warmUp();
  const kernels = await kernelsOf(source, options);
  const { simd } = kernels;
  const module = kernels.module(simd);
  const planned = planOf(kernels, module);
  const { manifest } = planned;
  const { wasm, wat } = await assembled(module, simd, options.wat);
  const fallback =
    simd === "relaxed" && options.fallback !== false
      ? (await assembled(kernels.module("strict"), "strict")).wasm
      : null;

  const { joint } = planned.analysis;
  const name = fileName(joint.name);
  return {
    ...planned,
    name,
    wasm,
    fallback,
    js: moduleText(name, manifest),
    threads: threadsText(manifest),
    dts: declarationsText(manifest, joint.doc),
    stages: lazily<Stages>({ ...printers(kernels, module), wat: () => wat }),
  };
}

const assembled = ({ assembly, manifest }: Module, simd: Simd, wat = false): Promise<Assembled> =>
  assemble(assembly(), { manifest: manifestText(manifest), simd, wat });
