import type { ModuleExports } from "./arena.ts";
import { NndslError } from "./errors.ts";
import { checkSeed, whole } from "./fit.ts";
import type { Manifest } from "./manifest.ts";
import { LoadedNet } from "./net.ts";
import type { startThreads } from "./threads.ts";
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

/** The bytes in a `data:` address, as which bundlers inline small files: a policy that allows the script need not allow to fetch it. */
const inlined = (address: string): BufferSource | undefined => {
  const [head = "", text] = address.split(";base64,", 2);
  return text && head.startsWith("data:") ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) : undefined;
};

async function readBytes(source: URL | Response): Promise<BufferSource> {
  const address = source instanceof URL ? source.href : source.url;
  try {
    const bytes = inlined(address);
    if (bytes) return bytes;
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
      `The module${address === "" ? "" : ` at ${address.slice(0, 99)}`} cannot be read: ${why}.`,
      { cause },
    );
  }
}

/** A module, and the bytes it was made of where they are known. */
interface Compiled {
  readonly module: WebAssembly.Module;
  readonly bytes?: BufferSource;
}

async function compileModule(source: Source): Promise<Compiled> {
  if (source instanceof WebAssembly.Module) return { module: source };
  // Of JavaScript, where types do not say so.
  if (typeof source === "string") {
    throw new NndslError("not-a-module", "The module is given by a string; make it a URL.");
  }
  // A view of shared memory is refused by the engine, and that is reported as any other refusal.
  const bytes = (
    source instanceof URL || source instanceof Response ? await readBytes(source) : source
  ) as BufferSource;
  if (!WebAssembly.validate(SIMD)) {
    throw new NndslError("no-simd", "This engine has no WebAssembly SIMD; any browser since 2023 has.");
  }
  try {
    return { module: await WebAssembly.compile(bytes), bytes };
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
  const sound = manifest as Manifest;
  // Numbers that JSON has not are strings in it.
  const hyper: Record<string, number> | undefined = sound.optimizer?.hyper;
  for (const name in hyper) hyper[name] = Number(hyper[name]);
  return sound;
}

/** Exports of a module that runs, its threads, and how to end them. */
interface Started {
  readonly exports: ModuleExports;
  readonly threads: Net["threads"];
  readonly stop: () => void;
}

/** Where the code for several threads is: asked for only where it is needed, as few pages do. */
export type Threading = () => Promise<{ readonly startThreads: typeof startThreads }>;

async function start(
  { module, bytes }: Compiled,
  manifest: Manifest,
  threads: number,
  threading: Threading,
): Promise<Started> {
  let reason: string | null = null;
  if (threads > 1) {
    const { most, rows } = manifest.threads ?? { most: 1, rows: {} };
    if (threads > most) reason = `the model is divided among ${most} at most`;
    if (most === 1) reason = "the model is too small to be divided";
    else if (!bytes) reason = "a WebAssembly.Module has been given, whose memory cannot be shared";
    else {
      const fail = (why: string): never => {
        throw new NndslError(
          "worker-failed",
          `The threads of this net are lost: ${why}. Its weights may be those of half a step; load it again.`,
        );
      };
      try {
        const { startThreads } = await threading();
        const crew = await startThreads(bytes, Math.min(threads, most), rows, fail);
        if ("exports" in crew) return { ...crew, threads: { count: crew.count, reason } };
        reason = crew.reason;
      } catch (cause) {
        reason = `NAME.threads.js cannot be loaded: ${String(cause)}`;
      }
    }
  }
  try {
    const { exports } = await WebAssembly.instantiate(module);
    // What a module with such a manifest exports.
    return { exports: exports as unknown as ModuleExports, threads: { count: 1, reason }, stop: () => {} };
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
}

/** See `load` in index.ts. @param build of the compilation that made the caller */
export async function loadWith<M extends ModelTypes = ModelTypes>(
  threading: Threading,
  source: Source | Promise<Source>,
  options: LoadOptions = {},
  build?: string,
): Promise<Net<M>> {
  const seed = checkSeed(options.seed ?? 0);
  const threads = whole("threads", options.threads ?? 1, 1);
  const compiled = await compileModule(await source);
  const manifest = readManifest(compiled.module);
  if (build && build !== manifest.build) {
    throw new NndslError(
      "wrong-build",
      "The module and its NAME.js are of two compilations; take both from one.",
    );
  }
  const { exports, ...rest } = await start(compiled, manifest, threads, threading);
  // The names and types of a net's members are those of its model.
  return new LoadedNet(exports, manifest, seed, rest) as unknown as Net<M>;
}
