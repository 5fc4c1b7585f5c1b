/** The ES module and the declarations that go beside `NAME.wasm`. */
import type { Manifest, ManifestSize } from "../../runtime/manifest.ts";
import { probingSource, runtimeSource, runtimeTypes, threadsSource } from "../generated/runtime-source.ts";
import { version } from "../version.ts";

/** `DigitNet` → `digit-net`, `XOR2` → `xor2`. */
export const fileName = (model: string): string =>
  model
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

/**
 * A module with one function that multiplies and adds in one instruction: valid where WebAssembly
 * has relaxed SIMD.
 */
// prettier-ignore
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 6, 1, 96, 1, 123, 1, 123, // type: v128 -> v128
  3, 2, 1, 0, // function 0 of type 0
  10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253, 133, 2, 11, // f32x4.relaxed_madd of it, three times
];

/** Where `NAME.js` finds the module. Bundlers know an address of this very form. */
function addressText(name: string, { simd }: Manifest): string {
  const at = (file: string): string => `new URL("./${file}.wasm", import.meta.url)`;
  if (simd === "strict") return at(name);
  return `WebAssembly.validate(Uint8Array.of(${RELAXED_SIMD.join()})) ? ${at(name)} : ${at(`${name}.strict`)}`;
}

/**
 * The text of `NAME.threads.js`, which `NAME.js` imports where several threads are asked for; null
 * where the model is too small for them.
 */
export const threadsText = (manifest: Manifest): string | null =>
  manifest.threads
    ? `// What several threads need; compiled by nndsl ${version}.\n${threadsSource.trim()}\nexport const { startThreads } = threads;\n`
    : null;

/**
 * The text of `NAME.js`. It carries the runtime, so that it works on a page without a bundler or an
 * import map; Deno finds the types by the comment in its first line.
 */
export function moduleText(name: string, manifest: Manifest): string {
  return `// @ts-self-types="./${name}.d.ts"
// ${manifest.model}, compiled by nndsl ${version}. It loads ./${name}.wasm${manifest.simd === "relaxed" ? `, or ./${name}.strict.wasm where relaxed SIMD is missing` : ""}; types are in ./${name}.d.ts.
${runtimeSource.trim()}
${manifest.threads ? threadingText(name) : "const threading = async () => ({});"}
${manifest.probes ? `${probingSource.trim()}\nexport const { joinProbes } = probing;\n` : ""}const load = (source = ${addressText(name, manifest)}, options) => nndsl.loadWith(threading, source, options, "${manifest.build}"${manifest.probes ? ", probing" : ""});
const NndslError = nndsl.NndslError;
export { load, load as default, NndslError };
`;
}

/**
 * How `NAME.js` loads `NAME.threads.js`: as a file beside it, whose address bundlers know by its
 * form as they know the module's. A plain `import("./NAME.threads.js")` would be a chunk, which
 * they refuse where the program is to be one script, as a worker often is.
 */
const threadingText = (
  name: string,
): string => `const threads = () => new URL("./${name}.threads.js", import.meta.url);
const threading = () => import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ threads().href);`;

/**
 * The text of `NAME.d.ts`: this model's names and shapes, and the runtime's interface over them.
 */
export function declarationsText(manifest: Manifest, doc?: string): string {
  const { inputs, outputs, parameters, states, metrics, optimizer } = manifest;
  const name = fileName(manifest.model);
  const inRole = (role: "input" | "target"): Field[] =>
    inputs.filter((i) => i.role === role).map((i) => ({ ...i, note: inputNote(i) }));
  const names = (list: readonly string[]): string =>
    list.length === 0 ? "never" : list.map((name) => JSON.stringify(name)).join(" | ");

  return `// ${manifest.model}, compiled by nndsl ${version}.

/** The names and shapes of ${manifest.model}${manifest.free === null ? "" : `; \`number\` is the size of the batch, ${manifest.free}`}. */
export interface Model extends ModelTypes {
  readonly dtype: ${JSON.stringify(manifest.dtype)};
  readonly inputs: ${fields(inRole("input"))};
  readonly targets: ${fields(inRole("target"))};
  readonly outputs: ${fields(outputs)};
  readonly parameters: ${fields(parameters.map((p) => ({ ...p, name: p.path, note: `${p.frozen ? "frozen, " : ""}starts as ${p.init}` })))};
  readonly states: ${fields(states.map((s) => ({ ...s, name: s.path, note: `starts as ${s.init}` })))};
  readonly frozen: ${names(parameters.filter((p) => p.frozen).map((p) => p.path))};
  readonly metrics: ${names(metrics.map((m) => m.name))};
  readonly hyper: ${names(Object.keys(optimizer?.hyper ?? {}))};
}

${comment([doc ?? `The model ${manifest.model}.`], "")}export type ${manifest.model}Net = Net<Model>;

/** Loads \`./${name}.wasm\` beside this module${manifest.simd === "relaxed" ? ` (\`./${name}.strict.wasm\` where relaxed SIMD is missing)` : ""}, or \`source\` in its place. */
export declare function load(source?: Source | Promise<Source>, options?: LoadOptions): Promise<Net<Model>>;
export default load;

/** What every method throws for a call it refuses; the model is then as it was. */
export declare class NndslError extends Error {
  readonly code: ErrorCode;
}

${manifest.probes ? joinProbesType : ""}// ---------------------------------------------------------------------- the interface of every compiled model

${runtimeTypes.trim()}
`;
}

const joinProbesType = `/**
 * Figures of all rows, from those of parts of them; each part weighs by its rows. Norms of gradients and ratios of updates,
 * which differ from batch to batch, are the root of their mean square.
 */
export declare function joinProbes(parts: readonly (readonly LayerProbe[])[], rows: readonly number[]): readonly LayerProbe[];

`;

interface Field {
  readonly name: string;
  readonly shape: readonly ManifestSize[];
  readonly doc?: string;
  readonly note?: string;
}

/** An object type with a field for each tensor: `{ readonly x: readonly [number, 784] }`. */
function fields(list: readonly Field[]): string {
  if (list.length === 0) return "{}";
  const lines = list.map(({ name, shape, doc, note }) => {
    const about = [...(doc === undefined ? [] : [doc]), ...(note === undefined ? [] : [note])];
    const sizes = shape.map((size) => (typeof size === "number" ? size : "number")).join(", ");
    return `${about.length === 0 ? "" : comment(about, "    ")}    readonly ${key(name)}: readonly [${sizes}];\n`;
  });
  return `{\n${lines.join("")}  }`;
}

function inputNote({ dtype, shape, classes, labels: said }: Manifest["inputs"][number]): string {
  const [least, most, ...others] = said ?? (classes === undefined ? [] : [0, classes - 1]);
  const labels = least === undefined ? "" : `, labels ${[`${least} … ${most}`, ...others].join(", ")}`;
  return `${dtype === "float" ? "" : dtype}[${shape.join(", ")}]${labels}`;
}

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function comment(lines: readonly string[], indent: string): string {
  const text = lines.flatMap((line) => line.split("\n")).map((line) => line.replaceAll("*/", "*∕"));
  return text.length === 1
    ? `${indent}/** ${text[0]} */\n`
    : `${indent}/**\n${text.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}
