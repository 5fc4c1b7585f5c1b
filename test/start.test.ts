/**
 * What the built command loads, from which its start takes its time: few files, and no part that
 * the command at hand has no use for.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const dist = fileURLToPath(new URL("../dist/cli/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nndsl-start-"));
const xor = fileURLToPath(new URL("../examples/xor.nn", import.meta.url));

/** Written to $LOADED in the end: addresses of modules, names of Node's own, and of workers' files. */
const watching = `
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
const modules = [];
const workers = [];
registerHooks({ load: (url, context, next) => { modules.push(url); return next(url, context); } });
const threads = process.getBuiltinModule("node:worker_threads");
threads.Worker = class extends threads.Worker {
  constructor(file, options) { workers.push(String(file)); super(file, options); }
};
process.on("exit", () => {
  const builtin = process.moduleLoadList.map((name) => name.replace(/^NativeModule /, ""));
  writeFileSync(process.env.LOADED, JSON.stringify({ modules, workers, builtin }));
});`;

interface Loaded {
  /** Relative to `dist/cli`. */
  readonly modules: readonly string[];
  readonly workers: readonly string[];
  readonly builtin: readonly string[];
}

function run(args: readonly string[], own: Readonly<Record<string, string>> = {}) {
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: __, ...env } = process.env;
  return spawnSync(process.execPath, [join(dist, "bin.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...env, ...own },
  });
}

function loadedBy(...args: string[]): Loaded {
  const report = join(folder, "loaded.json");
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(watching)}`, join(dist, "bin.js"), ...args],
    { cwd: folder, encoding: "utf8", env: { ...process.env, LOADED: report } },
  );
  expect({ status, stderr: stderr.includes("error") }).toEqual({ status: 0, stderr: false });
  const { modules, workers, builtin } = JSON.parse(readFileSync(report, "utf8")) as Loaded;
  const named = (urls: readonly string[]): string[] =>
    urls.filter((url) => url.startsWith("file:")).map((url) => relative(dist, fileURLToPath(url)));
  return { modules: named(modules), workers: named(workers), builtin };
}

describe("the built command", () => {
  test("check reads six files, and nothing that plans or makes a module, or starts a process", () => {
    const { modules, builtin } = loadedBy("check", xor);
    expect(modules.length).toBeLessThanOrEqual(6);
    expect(modules).toEqual(expect.arrayContaining(["bin.js", "main.js", "analyze.js"]));
    expect(modules.filter((file) => /node_modules|plan|compile|assemble/.test(file))).toEqual([]);
    expect(builtin).not.toContain("child_process");
    expect(builtin).not.toContain("zlib");
  });

  test("--version reads the commands, and nothing of the compiler", () => {
    expect(loadedBy("--version").modules.filter((file) => /analyze|plan|node_modules/.test(file))).toEqual(
      [],
    );
  });

  test.each([
    ["inspect", [xor]],
    ["derive", [xor]],
    ["graph", [xor, "-o", "graph.svg"]],
    ["compile", [xor, "--emit", "as"]],
  ])("%s %s starts no worker and nothing of asc", (command, args) => {
    const { modules, workers } = loadedBy(command, ...args);
    expect(workers).toEqual([]);
    expect(modules.filter((file) => /assemble|asc|binaryen/.test(file))).toEqual([]);
  });

  test("compile does, from a file of the bundle", () => {
    const { modules, workers } = loadedBy("compile", xor, "-o", "out");
    expect(workers).toEqual(["assemble/worker.js"]);
    expect(modules).toContain("assemble/isolate.js");
  });

  test("a sweep trains in processes of the bundle", () => {
    writeFileSync(join(folder, "xor.csv"), "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n");
    const data = ["--data", "x=xor.csv:a,b", "y=xor.csv:y"];
    const { status, stdout } = run([
      "sweep",
      xor,
      ...data,
      "--epochs",
      "1",
      "--seeds",
      "2",
      "--json",
      "-o",
      "runs",
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs: [{ seed: 0 }, { seed: 1 }] });
  });
});

describe("code that V8 keeps from run to run", () => {
  test("lies in the user's folder of caches", () => {
    const home = join(folder, "home");
    mkdirSync(home);
    expect(run(["check", xor], { HOME: home }).status).toBe(0);
    expect(existsSync(join(home, ".cache", "nndsl"))).toBe(true);
    const caches = join(folder, "caches");
    mkdirSync(caches);
    run(["check", xor], { HOME: home, XDG_CACHE_HOME: join(caches, "own") });
    expect(existsSync(join(caches, "own", "nndsl"))).toBe(true);
  });

  test("is not kept where there is no home, or no folder, and nobody hears of it", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const home of [join(folder, "nobody"), file]) {
      const { status, stderr } = run(["check", xor], { HOME: home });
      expect({ status, stderr }).toEqual({ status: 0, stderr: `${xor}: nothing wrong\n` });
    }
    expect(existsSync(join(folder, "nobody"))).toBe(false);
  });
});
