/**
 * What a page loads for the digit network, without its weights: JavaScript as a bundler leaves it,
 * minified, and WebAssembly.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { compile } from "../../dist/compiler/index.js";
import { modelSource } from "../models.ts";

export interface PageSize {
  /** Gzipped bytes. */
  readonly js: number;
  readonly wasm: number;
}

const gzipped = (content: string | Uint8Array): number => gzipSync(content, { level: 9 }).length;
const { resolve } = createRequire(import.meta.url);

/** The smallest entry that can do the job: a bundler leaves out what it does not name. */
const entries = {
  jax: 'export { defaultDevice, init, jit, nn, numpy, tree, valueAndGrad } from "@jax-js/jax";',
  tfjs: `export { add, fused, losses, matMul, oneHot, setBackend, sigmoid, softmax, tensor1d, tensor2d, tidy, train, variable } from "@tensorflow/tfjs-core";
    export { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";`,
  ort: 'export { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";',
} as const;

/**
 * What is loaded at once: chunks that are imported only when a backend is asked for do not count.
 */
async function bundled(entry: string): Promise<number> {
  const build = await rolldown({
    input: "entry",
    platform: "browser",
    logLevel: "silent",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "entry" ? join(import.meta.dirname, "entry.js") : null),
        load: (id) => (id === join(import.meta.dirname, "entry.js") ? entry : null),
      },
    ],
  });
  const { output } = await build.generate({ format: "esm", minify: true });
  await build.close();
  const chunks = new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file]] : [])));
  const loaded = new Set<string>();
  const visit = (name: string): void => {
    const chunk = chunks.get(name);
    if (!chunk || loaded.has(name)) return;
    loaded.add(name);
    chunk.imports.forEach(visit);
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) visit(chunk.fileName);
  return [...loaded].reduce((sum, name) => sum + gzipped(chunks.get(name)?.code ?? ""), 0);
}

export async function pageSizes(): Promise<Readonly<Record<"nndsl" | keyof typeof entries, PageSize>>> {
  const source = await modelSource("digits");
  const { js, wasm } = await compile(source);
  const tfjs = join(
    dirname(resolve("@tensorflow/tfjs-backend-wasm/package.json")),
    "wasm-out/tfjs-backend-wasm-simd.wasm",
  );
  const ort = resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
  return {
    nndsl: { js: gzipped(js), wasm: gzipped(wasm) },
    jax: { js: await bundled(entries.jax), wasm: 0 },
    tfjs: { js: await bundled(entries.tfjs), wasm: gzipped(await readFile(tfjs)) },
    ort: { js: await bundled(entries.ort), wasm: gzipped(await readFile(ort)) },
  };
}
