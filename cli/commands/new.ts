/** `nndsl new`: a project that runs. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { version } from "../../compiler/version.ts";
import { UsageError } from "../failures.ts";
import { writeFiles } from "../files.ts";
import type { Output } from "../output.ts";
import { projectFiles } from "../templates/project.ts";

export function addNew(program: Command, output: Output): Command {
  return (
    program
      .command("new")
      .description("make a project: a model, data, a web page, a script and a test that run")
      .argument("<dir>", "its folder, new or empty")
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
  const files = projectFiles(packageName(folder), dependency());
  await writeFiles([...files].map(([path, bytes]) => ({ path: join(folder, path), bytes })));
  if (output.json) {
    output.write(`${JSON.stringify({ folder, files: [...files.keys()] }, null, 2)}\n`);
    return;
  }
  output.write(`${[...files.keys()].map((path) => join(folder, path)).join("\n")}\n`);
  const place = relative(process.cwd(), resolve(folder)) || ".";
  output.say(`\nNow: ${place === "." ? "" : `cd ${place} && `}npm install && npm test`);
}

/** A name that npm accepts, after the folder's. */
function packageName(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return name === "" || name === "node-modules" ? "moons" : name.slice(0, 200);
}

/** This version from the registry; or, where nndsl runs from its own checkout, that folder. */
function dependency(): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
  return root.split(sep).includes("node_modules") ? `^${version}` : `file:${root}`;
}
