/** What a caller may ask of the compiler, and what it gets. */
import type { Diagnostic } from "../grammar/diagnostic.ts";
import type { Manifest } from "../runtime/manifest.ts";
import type { Bytes } from "../runtime/types.ts";
import type { Model } from "./graph/model.ts";
import type { Report } from "./report/report.ts";

export interface SourceOptions {
  /** The name that diagnostics show and imports are relative to; `model.nn` without it. */
  readonly file?: string;
  /**
   * Values of the model's settings as expressions of the language: `{ sizes: "[512, 256]", act:
   * "relu" }`.
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Which model, where a file has several. */
  readonly model?: string;
  /**
   * The text of an imported file, by its path relative to the root folder; `null` where there is
   * none. What it throws is told as the reason why the file cannot be read. Without it, every
   * import is an error.
   */
  readonly readImport?: (path: string) => Promise<string | null>;
}

export interface CompileOptions extends SourceOptions {
  /**
   * `strict` (the default) gives the same bytes everywhere; `relaxed` may fuse multiply and add,
   * and comes with a strict `fallback`.
   */
  readonly simd?: "strict" | "relaxed";
  /** False saves the time that the strict module beside a relaxed one takes. */
  readonly fallback?: boolean;
  readonly dtype?: "f32" | "f64";
  /**
   * Whether the module is to tell, by `net.probe`, what a step does to each layer call: how its
   * output is distributed, and the sizes of gradients and updates.
   */
  readonly probe?: boolean;
  /** Whether `stages.wat` is wanted: binaryen takes a twentieth of the whole time to write it. */
  readonly wat?: boolean;
  /**
   * The batch that the report tells of kernels and prices for; 32 without it. Nothing that is
   * compiled depends on it.
   */
  readonly reportRows?: number;
  /**
   * The arena that has to do for a batch of `rows` (32 without it), in bytes: values of the forward
   * pass are made again in the backward pass, rather than kept, until it does. Nothing that is
   * computed changes by a bit but gradients of weights that are read at many places of time, whose
   * addends may come in another order (docs/memory.md). What it costs is in the report. Where it
   * cannot do: an error, `memory-too-small`.
   */
  readonly memory?: { readonly bytes: number; readonly rows?: number };
}

/** Each stage of the compilation, printed. */
export interface Stages {
  readonly ast: string;
  readonly ir: string;
  readonly grad: string;
  readonly kernels: string;
  readonly as: string;
  /** WebAssembly text; null unless it is asked for by the option `wat`. */
  readonly wat: string | null;
}

export type StageName = keyof Stages;
export const stageNames: readonly StageName[] = ["ast", "ir", "grad", "kernels", "as", "wat"];

/** Everything that is known of a program before code is made for it. */
export interface Analysis {
  /** The formulas as they were written. */
  readonly elaborated: Model;
  /** With good derivatives. */
  readonly formulas: Model;
  /** Values and gradients in one graph, in the terms of the source. */
  readonly joint: Model;
  /** The same with formulas of probes, where they are asked for. */
  readonly probed: Model | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly ast: () => string;
  readonly sourceHash: string;
}

/** Everything that is decided of a module, before asc makes it. */
export interface Planned {
  readonly manifest: Manifest;
  /** Warnings: errors are thrown. */
  readonly diagnostics: readonly Diagnostic[];
  readonly stages: Omit<Stages, "wat">;
  readonly report: Report;
  readonly analysis: Analysis;
}

export interface Compiled extends Planned {
  /** The model's name in kebab case: the name of its files. */
  readonly name: string;
  readonly wasm: Bytes;
  /**
   * Beside a relaxed module the strict one, `NAME.strict.wasm`, for engines without relaxed SIMD.
   */
  readonly fallback: Bytes | null;
  /** An ES module that loads `./NAME.wasm` beside it; it carries the runtime. */
  readonly js: string;
  /**
   * What `js` imports as `./NAME.threads.js` where several threads are asked for; null where the
   * model is too small for them.
   */
  readonly threads: string | null;
  readonly dts: string;
  readonly stages: Stages;
}
