/** `nndsl plot --layers`: C18 and C19 of the chapter by one command each. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { LayerProbe } from "../runtime/index.ts";
import { runHere } from "./helpers/run-cli.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const iris = ["--data", "x=examples/data/iris.csv:-species", "species=examples/data/iris.csv:species"];
const square = ["--data", "x=examples/data/square.csv:x", "y=examples/data/square.csv:y"];

async function layersOf(...args: readonly string[]): Promise<readonly LayerProbe[]> {
  const { stdout, code, stderr } = await runHere(["plot", ...args, "--layers", "--json"], root);
  expect(code, stderr).toBe(0);
  const { pictures } = JSON.parse(stdout) as {
    pictures: readonly { kind: string; layers: readonly LayerProbe[] }[];
  };
  expect(pictures.map(({ kind }) => kind)).toEqual(["layers"]);
  return pictures[0]!.layers;
}

describe("C18: ten layers", () => {
  const ratio = async (act: string): Promise<number> => {
    const layers = await layersOf("examples/deep.nn", "--set", `act=${act}`, ...iris);
    const hidden = layers.filter(({ path }) => path.startsWith("h."));
    expect(hidden).toHaveLength(10);
    const norm = ({ path, gradients }: LayerProbe): number => gradients[`${path}.weight`]!;
    return norm(hidden[0]!) / norm(hidden[9]!);
  };

  test("of sigmoid let the gradient vanish", async () => expect(await ratio("sigmoid")).toBeLessThan(1e-4));
  test("of relu with He's start keep it", async () => expect(await ratio("relu")).toBeGreaterThan(0.1));
});

describe("C19: a planted dead unit", () => {
  test("is counted, and no other", async () => {
    const [h] = await layersOf("examples/dead.nn", ...square);
    expect(h).toMatchObject({ path: "h", units: 8, dead: 1, deadUnits: [2] });
  });

  test("is shown in a terminal", async () => {
    const { stdout } = await runHere(["plot", "examples/dead.nn", "--layers", ...square], root);
    expect(stdout).toMatch(/^ {2}h .* 1 of 8$/m);
  });
});

test("says what it needs", async () => {
  const none = await runHere(["plot", "examples/dead.nn", "--layers"], root);
  expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/needs data/)]);
  const formulas = await runHere(["plot", "examples/gates.nn", "--model", "And", "--layers"], root);
  expect(formulas.code).toBe(2);
});
