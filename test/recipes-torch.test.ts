/**
 * Recipes whose peer is PyTorch: twenty steps of the program of `docs/recipes.md` have the losses
 * that PyTorch computes with the peer's lines (`oracle/recipes.json`, written by
 * `oracle/recipes_oracle.py`).
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { page } from "./helpers/markdown.ts";
import { start } from "./helpers/model.ts";
import { programsOf, recipesOf } from "./helpers/recipes.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { warmPython } from "./helpers/warm-torch.ts";
import { distance, draw, drawTensor, type Spec } from "./oracle/data.ts";

interface Expected {
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Spec>>;
  readonly parameters: Readonly<Record<string, Spec>>;
  /** Before each step. */
  readonly losses: readonly number[];
}

const file = (name: string): URL => new URL(`oracle/${name}`, import.meta.url);
// Written by the script beside it.
const cases = JSON.parse(readFileSync(file("recipes.json"), "utf8")) as Readonly<Record<string, Expected>>;
const recipes = recipesOf(page("recipes.md"));

// On a busy machine the first to be compiled waits long for the assembler.
test.each(Object.entries(cases))(
  "%s",
  { timeout: 300_000 },
  async (title, { rows, inputs, parameters, losses }) => {
    const program = programsOf(recipes.find((recipe) => recipe.title === title)!)[0]!.text;
    const net = await start(program, { dtype: "f64" });
    expect(net.manifest.parameters.map(({ path }) => path).sort()).toEqual(Object.keys(parameters).sort());
    for (const [path, spec] of Object.entries(parameters)) net.set(path, draw(spec, rows));
    const data = Object.fromEntries(
      Object.entries(inputs).map(([name, spec]) => [name, drawTensor(spec, rows)]),
    );
    const own = losses.map(() => net.step(data));
    expect(losses.at(-1)).not.toBeCloseTo(losses[0]!, 3);
    expect(distance(own, losses)).toBeLessThan(1e-9);
  },
);

const python = warmPython();
test.skipIf(skippedWithout(python))("the numbers are those that PyTorch gives today", () => {
  const run = spawnSync(python ?? "python3", [fileURLToPath(file("recipes_oracle.py")), "--check"], {
    encoding: "utf8",
  });
  expect(run.status, run.stderr).toBe(0);
});
