/**
 * The command as few files, `dist/cli`: to find and read some 400 modules one by one took longer
 * than what most of them do. What only some commands need stays apart, as `import(…)` parts it.
 * Names and lines are left as they are, so that the stack of a fault can be read.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown, type Plugin } from "rolldown";

const root = fileURLToPath(new URL("../", import.meta.url));
const out = join(root, "dist/cli");

/** What begins a process or a thread. */
const entries = {
  bin: "cli/bin.ts",
  "assemble/worker": "compiler/assemble/worker.ts",
  "live/worker": "cli/live/worker.ts",
  "sweep/worker": "cli/sweep/worker.ts",
};

/** What starts a worker, and finds it by its own address: a file beside it. */
const starters: Readonly<Record<string, string>> = {
  "assemble/isolate": "compiler/assemble/isolate.ts",
  "live/live": "cli/live/live.ts",
  "sweep/pool": "cli/sweep/pool.ts",
};

/**
 * Each of these files is one with all that it imports, but for what those before it import. So
 * `check` reads three files, and not one of what `plan` needs besides.
 */
const layers: Readonly<Record<string, string>> = {
  main: "cli/main.ts",
  analyze: "compiler/analyze.ts",
  plan: "compiler/plan.ts",
  compile: "compiler/compile.ts",
};

/**
 * Taken in beside those that are installed nowhere, since every command that reads a program loads
 * it. Others are loaded from where they are installed, when they are needed.
 */
const packages = ["chevrotain"];

/**
 * commander can run commands that are programs of their own, as ours are not; loading what starts
 * processes took half as long as all the rest of its start.
 */
const withoutProcesses: Plugin = {
  name: "commander without processes",
  resolveId: (id, importer) =>
    id === "node:child_process" && importer?.includes("/commander/") === true ? "\0no-processes" : null,
  load: (id) => (id === "\0no-processes" ? "export {};" : null),
};

// The one package file that there is.
const { dependencies: installed } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  dependencies: Readonly<Record<string, string>>;
};

/** The package of an import such as `assemblyscript/asc`. */
const nameOf = (id: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? "";

const taken = new Set<string>();
const groups = new Map<string, string>();
const plan: Plugin = {
  name: "plan",
  moduleParsed({ id }) {
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
    if (name !== undefined) taken.add(name);
  },
  buildEnd() {
    const put = (id: string, group: string): void => {
      if (groups.has(id)) return;
      groups.set(id, group);
      for (const next of this.getModuleInfo(id)?.importedIds ?? []) put(next, group);
    };
    for (const [group, file] of Object.entries(starters)) groups.set(join(root, file), group);
    for (const [group, file] of Object.entries(layers)) put(join(root, file), group);
  },
};

rmSync(out, { recursive: true, force: true });
const build = await rolldown({
  input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  external: (id) => nameOf(id) in installed && !packages.includes(id),
  plugins: [withoutProcesses, plan],
});
const { output } = await build.write({
  dir: out,
  format: "esm",
  entryFileNames: "[name].js",
  // Without a hash: V8's cache has a place for each name, and is not to grow with every version.
  chunkFileNames: "[name].js",
  comments: { legal: true, jsdoc: false, annotation: false },
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ debugName: "plan", name: (id) => groups.get(id) ?? null }],
  },
});
await build.close();

const chunks = output.filter((file) => file.type === "chunk");
const files = new Set(chunks.map(({ fileName }) => fileName));
for (const name of [...Object.keys(entries), ...Object.keys(starters)]) {
  if (!files.has(`${name}.js`))
    throw new Error(`dist/cli has no ${name}.js, which starts a worker or is one`);
}

for (const { fileName, imports, dynamicImports } of chunks) {
  const missing = [...imports, ...dynamicImports].find(
    (id) => !files.has(id) && !isBuiltin(id) && !(nameOf(id) in installed),
  );
  if (missing !== undefined)
    throw new Error(`dist/cli/${fileName} imports ${missing}, which nobody installs`);
}

/** The license of a package that is taken in. */
function licenseOf(name: string): string {
  const folder = join(root, "node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no license`);
  return readFileSync(join(folder, file), "utf8").trim();
}

const licenses = new Map<string, string[]>();
for (const name of [...taken].sort()) {
  const text = licenseOf(name);
  licenses.set(text, [...(licenses.get(text) ?? []), name]);
}
writeFileSync(
  join(out, "LICENSES.txt"),
  `These files contain packages by others.\n${[...licenses].map(([text, names]) => `\n${names.join(", ")}:\n\n${text}\n`).join("")}`,
);

// `npx nndsl` in this checkout runs the built command itself.
chmodSync(join(out, "bin.js"), 0o755);
