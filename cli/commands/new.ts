/** `nndsl new`: a project that runs. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { version } from "../../compiler/version.ts";
import { UsageError } from "../failures.ts";
import { writeFiles } from "../write-files.ts";
import type { Output } from "../output.ts";
import { shellWord } from "../shell.ts";

export function addNew(program: Command, output: Output): Command {
  return (
    program
      .command("new")
      .description("create a project: a model, data, a web page, a script and a test, ready to run")
      .argument("<dir>", "project folder, new or empty")
      .addHelpText(
        "after",
        `
Example:
  nndsl new moons && cd moons && npm install && npm test && npm start`,
      )
      // An empty name is the folder at hand, as it is to `join`.
      .action((folder: string) => newCommand(folder || ".", output))
  );
}

async function newCommand(folder: string, output: Output): Promise<void> {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory())
      throw new UsageError("not-a-folder", `${folder} is a file`, { file: folder });
    if (readdirSync(folder).length > 0) {
      throw new UsageError("folder-not-empty", `${folder} is not empty`, {
        file: folder,
        help: "name a new folder; nothing is overwritten",
      });
    }
  }
  const { projectFiles } = await import("../templates/project.ts");
  const files = projectFiles(packageName(folder), dependency());
  await writeFiles([...files].map(([path, bytes]) => ({ path: join(folder, path), bytes })));
  if (output.json) {
    output.write(`${JSON.stringify({ folder, files: [...files.keys()] }, null, 2)}\n`);
    return;
  }
  output.write(`${[...files.keys()].map((path) => join(folder, path)).join("\n")}\n`);
  const place = relative(process.cwd(), resolve(folder)) || ".";
  output.say(`\nNow: ${place === "." ? "" : `cd ${shellWord(place)} && `}npm install && npm test`);
}

/** A name that npm accepts, after the folder's. */
function packageName(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return name === "" || name === "node-modules" ? "moons" : name.slice(0, 200);
}

/**
 * What the project's package.json says of nndsl: the checkout where nndsl runs from one; the
 * tarball that npm installed it from, if it is still there; otherwise this version, from the
 * registry.
 */
function dependency(): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
  if (!root.split(sep).includes("node_modules")) return `file:${root}`;
  const tarball = installedFrom(root);
  return tarball === null ? `^${version}` : `file:${tarball}`;
}

/**
 * The tarball that npm unpacked into `root`, as its record of node_modules says; null where there
 * is none.
 */
function installedFrom(root: string): string | null {
  const modules = dirname(root);
  let record: unknown;
  try {
    record = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
  } catch {
    return null; // Another package manager installed it.
  }
  const { packages } = Object(record) as { packages?: Readonly<Record<string, { resolved?: unknown }>> };
  const resolved = packages?.[`node_modules/${basename(root)}`]?.resolved;
  if (typeof resolved !== "string" || !resolved.startsWith("file:")) return null;
  const tarball = resolve(dirname(modules), resolved.slice("file:".length));
  return existsSync(tarball) ? tarball : null;
}
