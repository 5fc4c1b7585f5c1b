/**
 * Writes the modules of text that the compiler carries, so that it needs no files at run time and
 * works in a browser: the standard library, the runtime, minified and as types (they become part of
 * every compiled `NAME.js` and `NAME.d.ts`), functions of numbers, and the script of reports.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { runAsc } from "../compiler/assemble/asc.ts";
import { scalarsSource } from "../compiler/render/math/scalars.ts";
import { bundlePage, bundleProbing, bundleRuntime, bundleThreads } from "./bundle-runtime.ts";

const root = new URL("../", import.meta.url);
const generated = new URL("compiler/generated/", root);
mkdirSync(generated, { recursive: true });

const banner = "// Written by scripts/generate.ts. Do not edit.\n";

const std = readdirSync(new URL("std/", root))
  .filter((name) => name.endsWith(".nn"))
  .sort()
  .map((name) => [name, readFileSync(new URL(`std/${name}`, root), "utf8")] as const);

writeFileSync(
  new URL("std-sources.ts", generated),
  `${banner}/** The standard library, by file name. */
export const stdSources: ReadonlyMap<string, string> = new Map(${JSON.stringify(std, null, 2)});
`,
);

writeFileSync(
  new URL("runtime-source.ts", generated),
  `${banner}/** \`runtime/embedded.ts\`, bundled and minified. */
export const runtimeSource: string = ${JSON.stringify(await bundleRuntime())};

/** \`runtime/threads.ts\`, bundled and minified. */
export const threadsSource: string = ${JSON.stringify(await bundleThreads())};

/** \`runtime/probe.ts\`, bundled and minified. */
export const probingSource: string = ${JSON.stringify(await bundleProbing())};

/** The runtime's public types, for every compiled \`NAME.d.ts\`. */
export const runtimeTypes: string = ${JSON.stringify(runtimeTypes())};
`,
);

const forCommand = new URL("cli/generated/", root);
mkdirSync(forCommand, { recursive: true });
writeFileSync(
  new URL("page-script.ts", forCommand),
  `${banner}/** \`cli/report/page/main.ts\`, bundled and minified: the script of reports. */
export const pageScript: string = ${JSON.stringify(await bundlePage())};
`,
);

const scalars = new URL("scalar-module.ts", generated);
const source = scalarsSource();
// asc takes seconds: only where the text is another one than that of the module there is.
const mark = `// ${createHash("sha256").update(source).digest("hex")}\n`;
if (!existsSync(scalars) || !readFileSync(scalars, "utf8").startsWith(`${banner}${mark}`)) {
  const { wasm } = await runAsc({ source, relaxed: false, text: false, effort: "most" });
  writeFileSync(
    scalars,
    `${banner}${mark}/** The module of \`render/math/scalars.ts\`, in base64. */
export const scalarModule: string = ${JSON.stringify(Buffer.from(wasm).toString("base64"))};
`,
  );
}

/**
 * The declarations of `runtime/manifest.ts` and `runtime/types.ts` as one text that imports
 * nothing.
 */
function runtimeTypes(): string {
  return ["manifest.ts", "types.ts"]
    .map((name) => readFileSync(new URL(`runtime/${name}`, root), "utf8"))
    .map((text) => text.replace(/^\/\*\*[\s\S]*?\*\/\n/, "").replace(/^import .*\n/gm, ""))
    .join("");
}
