#!/usr/bin/env node
/**
 * Starts the command line on a Node that is new enough, looking for one if this is not. Imports
 * nothing that an old Node lacks.
 */
import "./heap.ts";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { constants, homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const needed = [22, 12] as const;

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > needed[0] || (major === needed[0] && minor >= needed[1]);
}

/** The Node that npm's package `node` installs, in a `node_modules` above this file. */
function findNode(): string | undefined {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", "node", "bin", name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Where V8's code of nndsl is kept from run to run: in the user's own folder of caches, since
 * Node's is one for all users of the machine, any of whom may have made it. Where nothing can be
 * written there, nothing is kept.
 */
function keepCode(): void {
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (NODE_COMPILE_CACHE !== undefined) return void nodeModule.enableCompileCache?.();
  const home = homedir();
  const folders = {
    darwin: join(home, "Library", "Caches"),
    win32: LOCALAPPDATA ?? join(home, "AppData", "Local"),
    other: XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(home, ".cache"),
  };
  const { platform } = process;
  const folder = folders[platform === "darwin" || platform === "win32" ? platform : "other"];
  // Caches are made where there is a home, and no home is made for them.
  if (existsSync(dirname(folder))) nodeModule.enableCompileCache?.(join(folder, "nndsl"));
}

async function runOn(node: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // By the channel the child knows when this process is gone, for it cannot be told of a SIGKILL.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    // The child does not look for a third one.
    env: { ...process.env, NNDSL_NODE: node },
  });
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
  });
}

if (isNewEnough(process.versions.node)) {
  keepCode();
  if (process.env["NNDSL_NODE"] !== undefined && process.channel !== undefined) {
    process.on("disconnect", () => process.exit(128 + constants.signals.SIGKILL));
    process.channel.unref();
  }
  // Awaiting lets nothing else run meanwhile; `main` sets the exit code itself.
  const { main } = await import("./main.ts");
  await main(process.argv.slice(2));
} else {
  const node = process.env["NNDSL_NODE"] === undefined ? findNode() : undefined;
  if (node === undefined) {
    process.stderr.write(
      `error[old-node]: nndsl needs Node ${needed.join(".")} or newer, but this is ${process.versions.node}\n` +
        "   = help: install a newer one from https://nodejs.org, or `npm install --save-dev node@24` next to nndsl\n",
    );
    process.exitCode = 2;
  } else await runOn(node);
}
