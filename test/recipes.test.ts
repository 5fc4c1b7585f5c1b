/**
 * Holds `docs/recipes.md`: every program is in order, compiles and learns; every script and every
 * command runs in a folder with the recipe's files; what is shown of other libraries is theirs.
 */
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../compiler/analyze.ts";
import { format } from "../grammar/format.ts";
import { writeNpz } from "../cli/data/npz.ts";
import { load, type Manifest, type Net } from "../runtime/index.ts";
import { page } from "./helpers/markdown.ts";
import { claims, preparations } from "./helpers/recipe-claims.ts";
import {
  commandsOf,
  dataFor,
  modelsOf,
  nested,
  peersOf,
  programsOf,
  recipesOf,
  scriptsOf,
  type Data,
} from "./helpers/recipes.ts";
import { runHere } from "./helpers/run-cli.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { usingWarmTorch, warmPython } from "./helpers/warm-torch.ts";

const recipes = recipesOf(page("recipes.md"));
const root = mkdtempSync(join(tmpdir(), "nndsl-recipes-"));
afterAll(() => rmSync(root, { recursive: true }));
beforeAll(() => usingWarmTorch());

const ROWS = 64;
/** For compiling, and for commands that do: on a busy machine it takes long. */
const PATIENCE = 300_000;
/** Of the optimizer, on all rows. */
const STEPS = 60;

const kebab = (name: string): string => name.replaceAll(/(?!^)([A-Z])/g, "-$1").toLowerCase();
const slug = (title: string): string => title.toLowerCase().replaceAll(/\W+/g, "-");

test("the page has at least thirty recipes, and a table of contents of all", () => {
  expect(recipes.length).toBeGreaterThanOrEqual(30);
  const contents = page("recipes.md").split("\n## ")[0]!;
  const links = [...contents.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link);
  expect(links).toEqual(recipes.map(({ title }) => slug(title)));
  expect(Object.keys(claims).filter((title) => !recipes.some((recipe) => recipe.title === title))).toEqual(
    [],
  );
});

describe.each(recipes.map((recipe) => [recipe.title, recipe] as const))("%s", (title, recipe) => {
  const folder = join(root, slug(title));
  const programs = programsOf(recipe);
  const models = programs.flatMap((block) => modelsOf(block).map((name) => ({ name, block })));
  const fileOf = (block: (typeof programs)[number]): string => `${kebab(modelsOf(block)[0]!)}.nn`;
  const manifests = new Map<string, Manifest>();
  let data: Data = {};
  const printed: string[][] = [];
  const said: string[] = [];

  const net = (model: string): Promise<Net> =>
    load(new Uint8Array(readFileSync(join(folder, `${kebab(model)}.wasm`))), { seed: 1 });

  beforeAll(async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    for (const block of programs) writeFileSync(join(folder, fileOf(block)), `${block.text}\n`);
    for (const { name, block } of models) {
      const { code, stderr } = await runHere(["compile", fileOf(block), "--model", name, "-o", "."], folder);
      expect(code, stderr).toBe(0);
      manifests.set(name, (await net(name)).manifest);
    }
    const inputs = new Map([...manifests.values()].flatMap((m) => m.inputs.map((i) => [i.name, i] as const)));
    data = dataFor([...inputs.values()], ROWS);
    const lists = Object.fromEntries(Object.entries(data).map(([k, t]) => [k, nested(t.data, t.shape)]));
    writeFileSync(join(folder, "data.js"), `export const data = ${JSON.stringify(lists)};\n`);
    writeFileSync(join(folder, "data.npz"), writeNpz(data));
    copyFileSync(new URL("../examples/data/penguins.csv", import.meta.url), join(folder, "penguins.csv"));
    await preparations[title]?.({ folder, data, net });
  }, PATIENCE);

  test("shows three things: the peer's lines, ours, and what differs", () => {
    expect(peersOf(recipe).length).toBeGreaterThan(0);
    expect(programs.length).toBeGreaterThan(0);
    expect(recipe.prose.trim()).not.toBe("");
  });

  test.each(programs.map((block) => [block.line, block] as const))(
    "the program in line %i is written as `nndsl fmt` does",
    (_line, { text }) => {
      expect(format(text, "recipe.nn").text).toBe(`${text}\n`);
    },
  );

  test.each(programs.map((block) => [block.line, block] as const))(
    "the program in line %i is in order",
    async (_line, block) => {
      for (const model of modelsOf(block)) {
        const diagnostics = await check(block.text, { model });
        expect(diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual([]);
      }
    },
  );

  test.each(models.map(({ name, block }) => [name, block] as const))("%s learns", async (name, block) => {
    const { inputs, optimizer } = manifests.get(name)!;
    if (optimizer === null || block.options.includes("no-falling-loss")) return;
    const own = Object.fromEntries(inputs.map((input) => [input.name, data[input.name]!]));
    const model = await net(name);
    const before = model.loss(own);
    for (let step = 0; step < STEPS; step++) model.step(own);
    expect(model.loss(own)).toBeLessThan(0.9 * before);
  });

  test.each(scriptsOf(recipe).map((block, i) => [block.line, block, i] as const))(
    "the script in line %i runs",
    async (_line, { text }, i) => {
      writeFileSync(join(folder, `script-${i}.js`), text);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [`script-${i}.js`], {
        cwd: folder,
      });
      expect(stderr).toBe("");
      expect(stdout).not.toMatch(/NaN|undefined/);
      printed[i] = stdout.trim().split("\n");
    },
  );

  test.each(commandsOf(recipe))(
    "%s",
    async (command) => {
      const words = [...command.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word.replaceAll('"', ""));
      expect(words.slice(0, 2)).toEqual(["npx", "nndsl"]);
      if (words.includes("torch") && warmPython() === undefined) return;
      const { code, stdout, stderr } = await runHere(words.slice(2), folder);
      expect(code, stderr).toBe(0);
      said.push(stdout + stderr);
    },
    PATIENCE,
  );

  const claim = claims[title];
  if (claim !== undefined)
    test("what it claims is so", () => claim({ recipe, folder, data, printed, said, net }), PATIENCE);
});

// ---------------------------------------------------------------------------------------------------------- peers

const peers = recipes.flatMap(peersOf);

describe("what is shown of other libraries", () => {
  test("says which library it is", () => {
    expect(
      peers.filter(({ text }) => !/^(#|\/\/) (PyTorch|Keras|TensorFlow\.js|scikit-learn)/.test(text)),
    ).toEqual([]);
  });

  test("is short", () => {
    expect(peers.filter(({ text }) => text.split("\n").length > 6).map(({ line }) => line)).toEqual([]);
  });

  const python = warmPython();
  test.skipIf(skippedWithout(python))("is Python, and what it takes of PyTorch is there", () => {
    const texts = peers.flatMap(({ language, text, line }) => (language === "python" ? [[line, text]] : []));
    const helper = fileURLToPath(new URL("helpers/peers.py", import.meta.url));
    const { status, stdout, stderr } = spawnSync(python ?? "python3", [helper], {
      input: JSON.stringify(texts),
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ missing: [], found: expect.any(Number) });
  });

  test("what it takes of TensorFlow.js is there", () => {
    const names = peers.flatMap(({ options, text }) =>
      options.includes("tfjs") ? [...text.matchAll(/\btf\.([\w.]+)/g)].map(([, name = ""]) => name) : [],
    );
    expect(names.length).toBeGreaterThan(0);
    const missing = names.filter(
      (name) =>
        name
          .split(".")
          .reduce<unknown>((at, part) => (at === undefined ? at : Reflect.get(Object(at), part)), tf) ===
        undefined,
    );
    expect(missing).toEqual([]);
  });
});
