/**
 * Names of files and what stands in them come from others: none of their control characters reaches
 * a terminal.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeNpz } from "../cli/data/npz.ts";
import { safeJson, safeLines } from "../cli/terminal/safe.ts";
import { cut } from "../cli/terminal/cut.ts";
import { writeSafetensors } from "../runtime/safetensors.ts";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-terminal-"));
const write = (name: string, content: string | Uint8Array): void =>
  writeFileSync(join(folder, name), content);
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);

/** Clears the screen, sets the title, turns text around, comes as one C1 character, rings. */
const evil = "\u001b[2J\u001b]0;owned\u0007\u202eabc\u009b31m\u2028\ufeff\u007f\r";
/** The same for a name that a file may have in any folder. */
const evilName = `x${evil.replaceAll("/", "")}y`;

/** Nothing but text and line ends. */
const unsafe = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

beforeAll(() => {
  write("same.nn", "model Same {\n  input x: [N, 2]\n  output same = 1 * x\n}\n");
  write("labels.nn", "model L {\n  input x: int[N]\n  output same = 1 * x\n}\n");
  write("cell.csv", `a,b\n1,"${evil}"\n`);
  write("column.csv", `"${evil}",b\nz,1\n`);
  write("label.csv", `k\n"${evil}"\n5\n`);
  write(
    "member.npz",
    writeNpz({
      [evil]: { data: new Float32Array(2), shape: [1, 2] },
      x: { data: new Float32Array(2), shape: [1, 2] },
    }),
  );
  write("tensor.safetensors", writeSafetensors([[evil, { data: new Float32Array(3), shape: [1, 3] }]]));
  write(`${evilName}.csv`, "a,b\n1,z\n");
  write(`${evilName}.nn`, "model Same {\n  input x: [N, 2]\n  output same = 1 * x + nothing\n}\n");
  write(
    "comment.nn",
    `// ${evil}\nmodel Same {\n  input x: [N, 2] // ${evil}\n  output same = nothing * x // ${evil}\n}\n`,
  );
  mkdirSync(join(folder, `${evilName}.folder`));
});

const predict = ["predict", "same.nn", "--data"];

describe("no control character is printed", () => {
  test.each<readonly [string, readonly string[]]>([
    ["of a cell", [...predict, "cell.csv"]],
    ["of a column's name", [...predict, "column.csv"]],
    ["of a column that is missing", [...predict, `x=column.csv:${evil}q`]],
    ["of a label", ["predict", "labels.nn", "--data", "label.csv"]],
    ["of an archive's member", [...predict, "member.npz"]],
    ["of a member that is missing", [...predict, `x=member.npz:${evil}q`]],
    ["of members to choose from", [...predict, "x=member.npz"]],
    ["of a tensor", [...predict, "tensor.safetensors"]],
    ["of a tensor in weights", [...predict, "cell.csv", "--weights", "tensor.safetensors"]],
    ["of a data file", [...predict, `${evilName}.csv`]],
    ["of a data file that is missing", [...predict, `${evilName}.cvs`]],
    ["of a folder", [...predict, `${evilName}.folder`]],
    ["of a program", ["check", `${evilName}.nn`]],
    ["of a program in an annotation", ["check", `${evilName}.nn`, "--format", "github"]],
    ["of a program in JSON", ["check", `${evilName}.nn`, "--format", "json"]],
    ["of a program's text", ["check", "comment.nn"]],
    ["of a program to predict with", ["predict", `${evilName}.nn`, "--data", "cell.csv"]],
    ["of an option", ["check", `--${evilName}`]],
    ["of a command", [evilName]],
    ["of a model's name", ["check", "same.nn", "--model", evil]],
    ["of an input", [...predict, `${evilName}=cell.csv`]],
    ["of a --labels column", [...predict, "cell.csv", "--labels", evil]],
    ["of an output", [...predict, "cell.csv", "-o", `${evilName}.folder/x.npy/y`]],
  ])("%s", async (_, args) => {
    for (const more of args.includes("--format") ? [[]] : [[], ["--json"]]) {
      const { stdout, stderr, code } = await run(...args, ...more);
      expect(code).toBeLessThan(3);
      // It is shown, and not left out.
      if (more.length === 0) expect(stdout + stderr).toMatch(/[␛\ufffd]|u001b/);
      for (const line of `${stdout}\n${stderr}`.split("\n")) expect(line).not.toMatch(unsafe);
      if (more.length > 0) expect(JSON.parse(stdout)).toBeTypeOf("object");
    }
  });
});

test("JSON keeps what it says", async () => {
  const { stdout } = await run("predict", "same.nn", "--data", `${evilName}.csv`, "--json");
  expect(JSON.parse(stdout).diagnostics[0].file).toBe(`${evilName}.csv`);
  const text = JSON.stringify({ [evil]: ["\ud800", evil] });
  expect(JSON.parse(safeJson(text))).toEqual({ [evil]: ["\ud800", evil] });
});

test("colors of our own stay where there are colors", () => {
  expect(safeLines("\u001b[31mred\u001b[39m\u001b[2J\tx\n", true)).toBe("\u001b[31mred\u001b[39m␛[2J\tx\n");
  expect(safeLines("\u001b[31mred", false)).toBe("␛[31mred");
});

test("long text is cut, between characters", () => {
  expect(cut("a".repeat(60))).toBe("a".repeat(60));
  expect(cut("ab".repeat(1000), 5)).toBe("ababa… (2,000 characters)");
  expect(cut("a😀b", 2)).toBe("a… (4 characters)");
});

test("a cell of a million characters is named by its beginning", async () => {
  write("long.csv", `a,b\n1,${"z".repeat(1_000_000)}\n`);
  for (const more of [[], ["--json"]]) {
    const { stdout, stderr } = await run(...predict, "long.csv", ...more);
    expect(stdout.length + stderr.length).toBeLessThan(2000);
    expect(stderr).toContain("zzz… (1,000,000 characters)");
  }
});
