import type { ModuleExports } from "./arena.ts";
import { refuse, refuseFor, shown, why } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { LoadedNet, type Probing } from "./net.ts";
import { checkSeed, readOptions, whole } from "./options.ts";
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

/**
 * Node's files, which Deno and Bun have too. Asked for at run time, so that a page's bundler sees
 * no import.
 */
function hostFiles(): Files | undefined {
  // Typed as optional here, since a browser has no `process`.
  const host = globalThis as { process?: { getBuiltinModule?(name: string): Files | undefined } };
  return host.process?.getBuiltinModule?.("node:fs/promises");
}

/**
 * The bytes in a `data:` address, as which bundlers inline small files: a policy that allows the
 * script need not allow to fetch it.
 */
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
    return refuseFor(cause, "fetch-failed", `The module${address && ` at ${address.slice(0, 99)}`}`);
  }
}

/** A module, and the bytes it was made of where they are known. */
interface Compiled {
  readonly module: WebAssembly.Module;
  readonly bytes?: BufferSource;
}

async function compileModule(given: Source | Promise<Source>): Promise<Compiled> {
  let source: Source;
  try {
    source = await given;
  } catch (cause) {
    return refuseFor(cause, "fetch-failed", "The module");
  }
  if (source instanceof WebAssembly.Module) return { module: source };
  // Of JavaScript, where types do not say so.
  if (typeof source === "string") {
    return refuse("not-a-module", "A module cannot be loaded from a string; pass a URL.");
  }
  // A view of shared memory is refused by the engine, and that is reported as any other refusal.
  const bytes = (
    source instanceof URL || source instanceof Response ? await readBytes(source) : source
  ) as BufferSource;
  if (!WebAssembly.validate(SIMD)) {
    return refuse("no-simd", "This engine has no WebAssembly SIMD; any browser since 2023 has.");
  }
  try {
    return { module: await WebAssembly.compile(bytes), bytes };
  } catch (cause) {
    return refuse(
      "not-a-module",
      `This is not a WebAssembly module that can run here: ${why(cause)}. (A page with a content security policy needs script-src 'wasm-unsafe-eval'.)`,
      { cause },
    );
  }
}

/** Nothing of it changes after it has been checked. */
function freeze(value: object): void {
  for (const part of Object.values(Object.freeze(value))) if (Object(part) === part) freeze(part);
}

function readManifest(module: WebAssembly.Module): Manifest {
  const [section] = WebAssembly.Module.customSections(module, "nndsl");
  try {
    // The compiler wrote it. Where it has been damaged, `LoadedNet` refuses it.
    const manifest = JSON.parse(new TextDecoder().decode(section)) as Manifest;
    if (manifest.version !== VERSION) {
      refuse(
        "wrong-version",
        `The module has format ${shown(manifest.version)}, this runtime reads ${VERSION}; compile it with the nndsl of this runtime.`,
      );
    }
    // Numbers that JSON has not are strings in it.
    const hyper: Record<string, number> | undefined = manifest.optimizer?.hyper;
    for (const name in hyper) hyper[name] = Number(hyper[name]);
    freeze(manifest);
    return manifest;
  } catch (cause) {
    return refuseFor(cause, "not-a-module", "The module", "was not made by nndsl");
  }
}

/** Exports, of which the first four are in every module. */
const functions = "reserve initialize predict shuffle evaluate gradients step train probe probed_step".split(
  " ",
);

type Call = (...numbers: number[]) => number;

/**
 * The exports, with numbers for results, and refusals where the module traps: one that has been
 * damaged may do anything.
 */
function guarded(own: ModuleExports): ModuleExports {
  const exports: Record<string, unknown> = { ...own };
  for (const [index, name] of functions.entries()) {
    const run = exports[name] as Call;
    // Ten arguments are as many as any takes; in an array they would be allocated.
    const call: Call = (a, b, c, d, e, f, g, h, i, j) => {
      try {
        return Number(run(a!, b!, c!, d!, e!, f!, g!, h!, i!, j!));
      } catch (cause) {
        return refuseFor(
          cause,
          "module-failed",
          `\`${name}\``,
          "has failed in the module, and may have made half a step",
        );
      }
    };
    exports[name] = index < 4 || typeof run === "function" ? call : undefined;
  }
  // What is no function the arena and the net look at as they are made.
  return exports as unknown as ModuleExports;
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
    reason = "the model is too small to be divided";
    if (manifest.threads) {
      try {
        const { startThreads } = await threading();
        const crew = await startThreads(bytes, threads, manifest.threads, refuse);
        if ("exports" in crew) return crew;
        reason = crew.reason;
      } catch (cause) {
        reason = `NAME.threads.js cannot be loaded: ${why(cause)}`;
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
      refuse("out-of-memory", "There is not enough memory for the model.", { cause });
    }
    return refuseFor(cause, "not-a-module", "The module", "cannot be started");
  }
}

/**
 * See `load` in index.ts.
 * @param build of the compilation that made the caller
 * @param probing what a module with probes needs
 */
export async function loadWith<M extends ModelTypes = ModelTypes>(
  threading: Threading,
  source: Source | Promise<Source>,
  given: LoadOptions = {},
  build?: string,
  probing?: Probing,
): Promise<Net<M>> {
  const options = readOptions(given, ["seed", "threads"]);
  const seed = checkSeed(options.seed ?? 0);
  const threads = whole("threads", options.threads ?? 1, 1);
  const compiled = await compileModule(source);
  const manifest = readManifest(compiled.module);
  if (build && build !== manifest.build) {
    refuse(
      "wrong-build",
      "The module and its NAME.js come from different compilations; use the files of one.",
    );
  }
  const { exports, ...rest } = await start(compiled, manifest, threads, threading);
  try {
    // The names and types of a net's members are those of its model.
    return new LoadedNet(guarded(exports), manifest, seed, rest, probing) as unknown as Net<M>;
  } catch (cause) {
    rest.stop();
    return refuseFor(cause, "not-a-module", "The module", "is damaged");
  }
}
