/**
 * The package as npm packs it: what is in it, and the way of a user who has nothing but the
 * tarball.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { version } from "../compiler/version.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
// npm passes its settings on to the npm that a script starts; here it is to be as from a shell.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
const PATH = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;

const run = (command: string, cwd: string) =>
  spawnSync(command, { cwd, shell: true, encoding: "utf8", env: { ...environment, PATH, NO_COLOR: "1" } });

/** What it printed. @throws with all of it where it fails */
function succeed(command: string, cwd: string): string {
  const { status, stdout, stderr } = run(command, cwd);
  if (status !== 0) throw new Error(`${command}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

describe("npm pack", () => {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-package-"));
  const tarball = join(folder, `nndsl-${version}.tgz`);
  let files: readonly string[] = [];
  beforeAll(() => {
    // `npm test` has built what is packed; the scripts of packing would build it under the other
    // tests.
    const said = succeed(`npm pack --ignore-scripts --json --pack-destination "${folder}"`, root);
    const [packed] = JSON.parse(said) as { files: { path: string }[] }[];
    files = packed!.files.map(({ path }) => path);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds what is built, the library, the grammar and the pages that go with them, and no more", () => {
    const kinds = new Set(
      files.map((path) => path.replace(/^(dist\/\w+|std)\/.*?(\.d)?\.(\w+)$/, "$1/*$2.$3")),
    );
    expect([...kinds].sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist/cli/*.js",
      "dist/cli/*.txt",
      "dist/compiler/*.d.ts",
      "dist/compiler/*.js",
      "dist/grammar/*.d.ts",
      "dist/grammar/*.js",
      "dist/runtime/*.d.ts",
      "dist/runtime/*.js",
      "grammar/nndsl.tmLanguage.json",
      "package.json",
      "std/*.nn",
    ]);
  });

  test("has no script that runs where it is installed", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const lifecycle = [
      "preinstall",
      "install",
      "postinstall",
      "prepublish",
      "preprepare",
      "prepare",
      "postprepare",
    ];
    expect(Object.keys(scripts).filter((name) => lifecycle.includes(name))).toEqual([]);
  });

  test("installs, makes a project, and the project's tests pass, whatever the registry has of nndsl", (context) => {
    const user = join(folder, "user's files");
    // With a folder of packages of its own: npm would take one that stands further up, in /tmp.
    mkdirSync(join(user, "node_modules"), { recursive: true });
    const installed = run(`npm install --prefer-offline --no-audit --no-fund "${tarball}"`, user);
    if (
      /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH/.test(installed.stderr) &&
      !process.env["NNDSL_NO_SKIP"]
    )
      context.skip("the registry of npm cannot be reached");
    expect(installed.status, installed.stderr).toBe(0);
    succeed("npx nndsl new hello", user);
    const hello = join(user, "hello");
    const { devDependencies } = JSON.parse(readFileSync(join(hello, "package.json"), "utf8")) as {
      devDependencies: { nndsl: string };
    };
    expect(devDependencies.nndsl).toBe(`file:${tarball}`);
    succeed("npm install --prefer-offline --no-audit --no-fund", hello);
    expect(succeed("npm test", hello)).toContain("pass 2");
  }, 300_000);
});
