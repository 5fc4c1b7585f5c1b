/**
 * What is named as a source, an import or weights and is no such file: a diagnostic at once,
 * whatever is there.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cliPath, runHere } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-sources-"));
const at = (name: string): string => join(folder, name);

const model = (name: string, before = ""): string =>
  `${before}model ${name} {\n  input x: [N, 2]\n  target y: [N, 1]\n  p = dense(x, 1)\n  output p\n  loss mse(p, y)\n  optimizer sgd(lr = 0.1)\n}\n`;

const odd = ["pipe", "device", "folder", "large"] as const;

/** What is said of each, as a file and as weights. */
const said = {
  pipe: /is a pipe, not a file/,
  device: /is a device, not a file/,
  folder: /is a folder, not a file/,
  large: /has 629,145,600 bytes/,
};

beforeAll(() => {
  for (const ending of ["nn", "safetensors", "npy"]) {
    execFileSync("mkfifo", [at(`pipe.${ending}`)]);
    symlinkSync("/dev/zero", at(`device.${ending}`));
    mkdirSync(at(`folder.${ending}`));
    const large = openSync(at(`large.${ending}`), "w");
    ftruncateSync(large, 600 * 2 ** 20);
    closeSync(large);
  }
  writeFileSync(at("good.nn"), model("Good"));
  writeFileSync(at("data.csv"), "a,b,y\n1,2,3\n4,5,6\n");
  for (const name of odd) {
    writeFileSync(
      at(`imports-${name}.nn`),
      model("M", `import { f } from "./${name}.nn"\nimport { g } from "./${name}.nn"\n`),
    );
  }
});

const data = ["--data", "x=data.csv:a,b", "y=data.csv:y"];

/** In this process: what would hang or take gigabytes fails by the limits of the test. */
async function refused(what: (typeof odd)[number], code: number, ...args: string[]): Promise<string> {
  const memory = process.memoryUsage().rss;
  const result = await runHere(args, folder);
  expect(result.code).toBe(code);
  expect(result.stderr + result.stdout).toMatch(said[what]);
  expect(process.memoryUsage().rss - memory).toBeLessThan(2 ** 29);
  return result.stderr;
}

describe.each(odd)("%s", (what) => {
  test("as a source", async () => {
    for (const command of ["check", "fmt", "compile", "inspect", "derive"]) {
      await refused(what, 2, command, `${what}.nn`);
    }
    await refused(what, 2, "train", `${what}.nn`, ...data);
    await refused(what, 2, "graph", `${what}.nn`, "-o", "g.svg");
  });

  // A link to a device leads out of the project, where there are no imports.
  test.skipIf(what === "device")("as an import: where it stands, and why", async () => {
    const { code, stdout } = await runHere(["check", `imports-${what}.nn`], folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(said[what]);
    expect(stdout).toContain(`${what}.nn`);
    expect(stdout).toContain("error[import-unreadable]");
    expect(stdout).toContain(`--> imports-${what}.nn:1:`);
    expect(stdout).not.toContain("there is no file");
  });

  test("as weights, to resume from and to predict with", async () => {
    const code = what === "large" ? 1 : 2;
    const weights = `${what}.safetensors`;
    await refused(what, code, "train", "good.nn", ...data, "--resume", weights);
    await refused(what, code, "predict", "good.nn", "--data", "x=data.csv:a,b", "--weights", weights);
    await refused(what, code, "graph", "good.nn", "-o", "g.svg", ...data, "--weights", weights);
  });
});

describe.each(["pipe", "device", "folder"] as const)("%s", (what) => {
  test("as data", async () => {
    await refused(what, 2, "train", "good.nn", "--data", `x=${what}.npy`, "y=data.csv:y");
  });
});

test("what a shell has opened is read", () => {
  const nndsl = `${JSON.stringify(process.execPath)} ${JSON.stringify(cliPath)}`;
  const run = spawnSync("bash", ["-c", `cat good.nn | ${nndsl} check /dev/stdin <(cat good.nn)`], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(run.stderr).toBe("2 files: nothing wrong\n");
  expect(run.status).toBe(0);
});
