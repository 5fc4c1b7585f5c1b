/**
 * What every command has in common: exit codes, where text goes, colors, and what is said of wrong
 * usage.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { curve } from "../cli/terminal/curve.ts";
import { Trace } from "../cli/terminal/trace.ts";
import { bytes, counted, duration, figure, short } from "../cli/terminal/numbers.ts";
import { readText } from "../cli/files.ts";
import { shellWord } from "../cli/shell.ts";
import { writeFiles } from "../cli/write-files.ts";
import { runCli, runHere } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-cli-"));

describe("usage", () => {
  test("--help teaches by example, on stdout", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("nndsl train mnist.nn --data mnist:train");
  });

  test.each(["compile", "check", "fmt", "inspect", "train", "predict", "new"])(
    "help %s has examples",
    async (name) => {
      const { code, stdout } = await runCli([name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples?:\n {2}nndsl /);
      expect(stdout).toContain("--json");
    },
  );

  test("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect((await runCli(["--version"])).stdout).toBe(`${version}\n`);
  });

  test.each([
    ["a mistyped command", ["trian", "x.nn"], "Did you mean train?"],
    ["a mistyped option", ["train", "x.nn", "--epcohs", "3"], "Did you mean --epochs?"],
    ["an option's wrong value", ["train", "x.nn", "--epochs", "many"], "must be an integer"],
    ["a seed where nothing is drawn", ["check", "x.nn", "--seed", "1"], "uses no random numbers"],
    ["a batch where all are meant", ["derive", "x.nn", "--batch", "8"], "batches of every size"],
    ["a batch without its limit", ["compile", "x.nn", "--batch", "8"], "--memory"],
    ["a wrong choice", ["compile", "x.nn", "--simd", "fast"], "strict, relaxed"],
    ["a setting without a value", ["compile", "x.nn", "--set", "units"], "NAME=VALUE"],
    ["no command", [], "Commands:"],
    ["no file", ["compile"], "missing required argument 'file'"],
    ["no program", ["train", "--data", "x.npz"], "there is no program"],
    ["a missing file", ["compile", "nothing-like-it.nn"], "there is no file nothing-like-it.nn"],
    ["a folder", ["check", tmpdir()], "is a folder"],
    [
      "an unknown output format",
      ["predict", "x.nn", "--weights", "w", "--data", "d", "-o", "out.txt"],
      ".npz",
    ],
  ])("%s: exit code 2 and a way out, on stderr", async (_, args, help) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(help);
    expect(stderr).not.toContain("\x1b[");
  });

  test("a mistyped file name gets the nearest", async () => {
    writeFileSync(join(folder, "mnist.nn"), "");
    const { stderr } = await runCli(["compile", "minst.nn"], { cwd: folder });
    expect(stderr).toBe(
      "error[missing-file]: there is no file minst.nn\n   = help: did you mean mnist.nn?\n",
    );
  });

  test("with --json a failure is JSON on stdout too", async () => {
    const { code, stdout } = await runCli(["compile", "nothing.nn", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      diagnostics: [{ code: "missing-file", severity: "error", file: "nothing.nn" }],
    });
  });

  test("a program typed after --data is found there", async () => {
    const { stderr } = await runCli(["train", "--data", "x.npz", "model.nn"], { cwd: folder });
    expect(stderr).toContain("there is no file model.nn");
  });

  test("a full disk under stdout is told, and is exit code 2", () => {
    const node = JSON.stringify(process.execPath);
    const cli = JSON.stringify(new URL("../cli/bin.ts", import.meta.url).pathname);
    const run = spawnSync("bash", ["-c", `${node} ${cli} --help > /dev/full`], { encoding: "utf8" });
    expect(run.stderr).toBe("error[disk-full]: stdout could not be written: the disk is full\n");
    expect(run.status).toBe(2);
  });

  test("a closed pipe is no failure", () => {
    const node = JSON.stringify(process.execPath);
    const cli = JSON.stringify(new URL("../cli/bin.ts", import.meta.url).pathname);
    const run = spawnSync("bash", ["-c", `${node} ${cli} --help | true; echo "\${PIPESTATUS[0]}"`], {
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.stdout).toBe("0\n");
  });
});

describe("printed commands", () => {
  test.each([
    ["moons", "moons"],
    ["../a/b-c_1.nn", "../a/b-c_1.nn"],
    ["my moons", "'my moons'"],
    ["x=my data.csv:a", "'x=my data.csv:a'"],
    ["it's", "'it'\\''s'"],
    ["$HOME `rm` \\", "'$HOME `rm` \\'"],
    ["-rf", "./-rf"],
    ["- x", "'./- x'"],
    ["", "''"],
    ["~", "'~'"],
    ["a\nb", "'a\nb'"],
  ])("%j is the word %s, which a shell reads back", (text, word) => {
    expect(shellWord(text)).toBe(word);
    const read = spawnSync("sh", ["-c", `printf %s ${word}`], { encoding: "utf8" });
    expect(read.stdout).toBe(text.startsWith("-") ? `./${text}` : text);
  });

  test("quote a folder with a space", async () => {
    const { stderr } = await runHere(["new", "two words"], folder);
    expect(stderr).toContain("Now: cd 'two words' && npm install && npm test");
  });
});

describe("new", () => {
  test("writes a project, and never over another", async () => {
    const { code, stdout } = await runCli(["new", "my Moons", "--json"], { cwd: folder });
    expect(code).toBe(0);
    const files: string[] = JSON.parse(stdout).files;
    expect(files).toContain("model.nn");
    for (const file of files) expect(existsSync(join(folder, "my Moons", file))).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, "my Moons", "package.json"), "utf8")).name).toBe("my-moons");

    const again = await runCli(["new", "my Moons"], { cwd: folder });
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("error[folder-not-empty]");
  });

  test("an empty name is the folder at hand, where nothing is overwritten", async () => {
    const { code, stderr } = await runCli(["new", ""], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain("error[folder-not-empty]");
  });

  test("fills a folder that is there and empty", async () => {
    mkdirSync(join(folder, "empty"));
    expect((await runCli(["new", "empty"], { cwd: folder })).code).toBe(0);
  });
});

describe("files", () => {
  test("a full disk is said to be full, and leaves nothing", async () => {
    // What is no ordinary file is written to as it is; /dev/full answers that there is no space.
    await expect(
      writeFiles([
        { path: join(folder, "whole", "a"), bytes: "a" },
        { path: "/dev/full", bytes: "b" },
      ]),
    ).rejects.toMatchObject({ code: "disk-full" });
    expect(readdirSync(join(folder, "whole"))).toEqual([]);
  });

  test("a link that is written through stays a link, and permissions stay as they were", async () => {
    writeFileSync(join(folder, "private"), "old", { mode: 0o600 });
    symlinkSync("private", join(folder, "link"));
    await writeFiles([{ path: join(folder, "link"), bytes: "new" }]);
    expect(readlinkSync(join(folder, "link"))).toBe("private");
    expect(readFileSync(join(folder, "private"), "utf8")).toBe("new");
    expect(statSync(join(folder, "private")).mode & 0o777).toBe(0o600);
  });

  test("a file that is named twice is written once more", async () => {
    const path = join(folder, "twice");
    await writeFiles([
      { path, bytes: "a" },
      { path, bytes: "b" },
    ]);
    expect(readFileSync(path, "utf8")).toBe("b");
  });

  test("a file on the way to a file, and links in a circle, are told in words", async () => {
    writeFileSync(join(folder, "plain"), "");
    symlinkSync("circle", join(folder, "circle"));
    const write = (name: string) => writeFiles([{ path: join(folder, name), bytes: "" }]);
    await expect(write("plain/x")).rejects.toMatchObject({ code: "not-a-folder" });
    await expect(write("circle")).rejects.toMatchObject({ code: "not-writable" });
    await expect(readText(join(folder, "circle"))).rejects.toMatchObject({
      code: "unreadable-file",
      message: expect.stringMatching(/circle cannot be read: too many symbolic links/),
    });
  });

  test("a folder in the place of a file is left alone", async () => {
    mkdirSync(join(folder, "taken"), { recursive: true });
    await expect(writeFiles([{ path: join(folder, "taken"), bytes: "" }])).rejects.toMatchObject({
      code: "is-a-folder",
    });
  });
});

describe("terminal", () => {
  test("a falling curve starts high and ends low", () => {
    const lines = curve([4, 3, 2, 1], { width: 4, height: 4, unicode: false });
    expect(lines).toEqual(["4.000 |*", "      | *", "      |  *", "1.000 |   *"]);
  });

  test("braille joins steep parts", () => {
    // U+28B1 is the first point above left, then a column of three to the second, below right.
    expect(curve([1, 0, 0, 0], { width: 2, height: 1, unicode: true })).toEqual(["1.000 │⢱⣀"]);
  });

  test("gaps where the loss is not finite, nothing to draw for one value", () => {
    expect(curve([2, NaN, 1], { width: 3, height: 2, unicode: false })).toEqual(["2.000 |*", "1.000 |  *"]);
    expect(curve([1], { width: 3, height: 2, unicode: false })).toEqual([]);
  });

  test("numbers as people read them", () => {
    expect([bytes(812), bytes(4712), bytes(12_345_678)]).toEqual(["812 B", "4.71 KB", "12.3 MB"]);
    expect([counted(0, "row"), counted(1, "row"), counted(1200, "row")]).toEqual([
      "0 rows",
      "1 row",
      "1,200 rows",
    ]);
    expect([short(950), short(1200), short(123_456)]).toEqual(["950", "1.2 k", "123 k"]);
    expect([duration(0.42), duration(65), duration(3725)]).toEqual(["0.4 s", "1:05", "1:02:05"]);
    expect([figure(0.123456), figure(1e-7), figure(NaN)]).toEqual(["0.1235", "1.000e-7", "NaN"]);
  });
});

describe("a trace", () => {
  test("keeps the shape of a long series in few points", () => {
    const trace = new Trace();
    for (let i = 0; i < 100_000; i++) trace.add(i);
    const values = trace.values();
    expect(values.length).toBeLessThanOrEqual(1024);
    // Stretches of 128 steps: the largest power of two that keeps fewer than 1024.
    expect(values[0]).toBe(63.5);
    expect(values.slice(0, 700)).toEqual(Array.from({ length: 700 }, (_, k) => 63.5 + 128 * k));
  });
});

test.each([{ CI: "true" }, { FORCE_COLOR: "1" }])(
  "a pipe gets no color, whatever else the environment says: %j",
  async (env) => {
    const { stdout, stderr } = await runCli(["derive", "std:tanh"], { env });
    const failed = await runCli(["check", "nowhere.nn"], { env });
    expect(stdout).toContain("1 - tanh(z)²");
    expect(stdout + stderr + failed.stderr).not.toContain("\u001b");
  },
);

test("the built command is executable, as `npx nndsl` in a checkout needs it", () => {
  expect(statSync(new URL("../dist/cli/bin.js", import.meta.url)).mode & 0o111).toBe(0o111);
});
