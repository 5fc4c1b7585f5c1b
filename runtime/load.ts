import type { ModuleExports } from "./arena.ts";
import { NndslError } from "./errors.ts";
import { checkSeed } from "./fit.ts";
import type { Manifest } from "./manifest.ts";
import { LoadedNet } from "./net.ts";
import type { LoadOptions, ModelTypes, Net, Source } from "./types.ts";

const VERSION = 1;

/** A module with one function `() => v128`: valid where WebAssembly has SIMD. */
// prettier-ignore
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 5, 1, 96, 0, 1, 123, // type: () -> v128
  3, 2, 1, 0, // function 0 of type 0
  10, 8, 1, 6, 0, 65, 0, 253, 15, 11, // i8x16.splat(0)
);

interface Files {
  readFile(url: URL): Promise<Uint8Array<ArrayBuffer>>;
}

/** Node's files, which Deno and Bun have too. Asked for at run time, so that a page's bundler sees no import. */
function hostFiles(): Files | undefined {
  // Typed as optional here, since a browser has no `process`.
  const host = globalThis as { process?: { getBuiltinModule?(name: string): Files | undefined } };
  return host.process?.getBuiltinModule?.("node:fs/promises");
}

async function readBytes(source: URL | Response): Promise<BufferSource> {
  const address = source instanceof URL ? source.href : source.url;
  try {
    if (source instanceof URL && source.protocol === "file:") {
      const files = hostFiles();
      if (files) return await files.readFile(source);
    }
    const response = source instanceof URL ? await fetch(source) : source;
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
    return await response.arrayBuffer();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NndslError(
      "fetch-failed",
      `The module${address === "" ? "" : ` at ${address}`} cannot be read: ${why}.`,
      { cause },
    );
  }
}

async function compileModule(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  const bytes = source instanceof URL || source instanceof Response ? await readBytes(source) : source;
  if (!WebAssembly.validate(SIMD)) {
    throw new NndslError("no-simd", "This engine has no WebAssembly SIMD; any browser since 2023 has.");
  }
  try {
    // Engines refuse shared memory here, and that is reported as any other refusal.
    return await WebAssembly.compile(bytes as BufferSource);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NndslError(
      "not-a-module",
      `This is no WebAssembly module that can run here: ${why}. (A page with a content security policy needs script-src 'wasm-unsafe-eval'.)`,
      { cause },
    );
  }
}

function readManifest(module: WebAssembly.Module): Manifest {
  const [section] = WebAssembly.Module.customSections(module, "nndsl");
  let manifest: unknown;
  try {
    manifest = section && JSON.parse(new TextDecoder().decode(section));
  } catch {
    // Said below: there is no manifest to be read.
  }
  if (typeof manifest !== "object" || manifest === null || !("version" in manifest)) {
    throw new NndslError(
      "not-a-module",
      "This WebAssembly module was not made by nndsl: it has no manifest.",
    );
  }
  if (manifest.version !== VERSION) {
    throw new NndslError(
      "wrong-version",
      `The module has format ${String(manifest.version)}, this runtime reads ${VERSION}; compile it with the nndsl of this runtime.`,
    );
  }
  // The compiler wrote it, and of this version.
  return manifest as Manifest;
}

/**
 * Loads a compiled module and draws its first weights. Each net has a memory of its own.
 *
 * `M` says what the model is, and is not checked here; the `load` of a generated `NAME.js` has it filled in.
 * @throws `fetch-failed`, `not-a-module`, `wrong-version`, `no-simd`, `wrong-option`, `out-of-memory`
 */
export async function load<M extends ModelTypes = ModelTypes>(
  source: Source | Promise<Source>,
  options: LoadOptions = {},
): Promise<Net<M>> {
  const seed = checkSeed(options.seed ?? 0);
  const module = await compileModule(await source);
  const manifest = readManifest(module);
  let instance: WebAssembly.Instance;
  try {
    instance = await WebAssembly.instantiate(module);
  } catch (cause) {
    // As it starts, a module asks for the memory of its fixed part, and traps where there is none.
    if (cause instanceof RangeError || cause instanceof WebAssembly.RuntimeError) {
      const size = Math.ceil(manifest.arena.fixed / 2 ** 20);
      throw new NndslError("out-of-memory", `There is no memory for the model: it takes ${size} MiB.`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NndslError("not-a-module", `The module cannot be started: ${why}.`, { cause });
  }
  // What a module with such a manifest exports; the names and types of a net's members are those of its model.
  return new LoadedNet(instance.exports as unknown as ModuleExports, manifest, seed) as unknown as Net<M>;
}
