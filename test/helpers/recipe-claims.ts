/** What recipes of `docs/recipes.md` claim beyond running, by their titles. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { readSafetensors } from "../../runtime/safetensors.ts";
import type { Net } from "../../runtime/index.ts";
import { start } from "./model.ts";
import { nested, programsOf, type Data, type Recipe } from "./recipes.ts";
import { runHere } from "./run-cli.ts";
import { skippedWithout } from "./skip.ts";
import { warmPython } from "./warm-torch.ts";

/** A recipe after its scripts and commands. */
export interface Ran {
  readonly recipe: Recipe;
  readonly folder: string;
  readonly data: Data;
  /** The lines of each script. */
  readonly printed: readonly (readonly string[])[];
  /** What each command wrote. */
  readonly said: readonly string[];
  /** A compiled model. */
  readonly net: (model: string) => Promise<Net>;
}

const numbersIn = (text: string): number[] => (text.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number);
const program = ({ recipe }: Ran): string => programsOf(recipe)[0]!.text;
const tensorsOf = (folder: string, name: string) => readSafetensors(readFileSync(join(folder, name))).tensors;

/** What a net of PyTorch gives for rows, whose weights it writes to a file or reads from it; null without PyTorch. */
function inTorch(how: "write" | "read", file: string, { data, shape }: Data[string]): number[] | null {
  const python = warmPython();
  if (skippedWithout(python)) return null;
  const helper = fileURLToPath(new URL("exchange.py", import.meta.url));
  const input = JSON.stringify(nested(data, shape));
  const { status, stdout, stderr } = spawnSync(python ?? "python3", [helper, how, file], {
    input,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return numbersIn(stdout);
}

/** Files that a recipe's commands read beside its data. */
export const preparations: Readonly<
  Record<string, (ran: Pick<Ran, "folder" | "data" | "net">) => Promise<void>>
> = {
  "Read weights of PyTorch": async ({ folder, data, net }) => {
    const file = join(folder, "net.safetensors");
    if (inTorch("write", file, data["x"]!) === null) writeFileSync(file, (await net("Ported")).save());
  },
};

export const claims: Readonly<Record<string, (ran: Ran) => void | Promise<void>>> = {
  "Stop when the validation loss no longer falls": ({ printed }) => {
    const [stopped, epoch, loss] = printed[0]!.at(-1)!.split(" ");
    expect(stopped).toBe("patience");
    expect(Number(epoch)).toBeGreaterThan(1);
    expect(Number(loss)).toBeLessThan(0.5);
  },

  "Keep checkpoints and continue": async ({ folder, net, data }) => {
    await runHere(
      ["train", "kept.nn", "--data", "data.npz", "--epochs", "10", "-o", "ten.safetensors"],
      folder,
    );
    expect(tensorsOf(folder, "run.safetensors")).toEqual(tensorsOf(folder, "ten.safetensors"));
    const [whole, parted] = [await net("Kept"), await net("Kept")];
    await whole.fit(data, { epochs: 10 });
    await parted.fit(data, { epochs: 6 });
    await parted.fit(data, { epochs: 4, firstEpoch: 7 });
    expect(parted.save()).toEqual(whole.save());
  },

  "Lower the learning rate on a plateau": ({ printed }) => {
    expect(Number(printed[0]!.at(-1))).toBeLessThan(0.1);
  },

  "Write the loop yourself": ({ printed }) => {
    const losses = printed[0]!.map((line) => numbersIn(line)[1]!);
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]! / 2);
  },

  "Cross-validate in k folds": ({ printed }) => {
    // A third would be right by chance.
    expect(Number(printed[0]!.at(-1))).toBeGreaterThan(0.7);
  },

  "Get the same result again": ({ printed }) => expect(printed[0]).toEqual(["true"]),

  "Use several threads": ({ printed }) => expect(printed[0]!.join(" ")).toMatch(/count: 2, reason: null/),

  "Augment images": async (ran) => {
    const source = program(ran).replace(/^model [\s\S]*/m, "");
    const net = await start(`${source}model Seen { input x: [N, 4, 5, 1]\n output y = augmented(x) }`);
    const image = Array.from({ length: 20 }, (_, i) => i + 1);
    const at = (row: number, column: number): number =>
      row < 0 || row > 3 || column < 0 || column > 4 ? 0 : image[5 * row + column]!;
    const possible = [-1, 0, 1].flatMap((down) =>
      [-1, 0, 1].flatMap((right) =>
        [false, true].map((mirrored) =>
          image
            .map((_, i) => [Math.floor(i / 5) + down, (i % 5) + right] as const)
            .map(([row, column]) => at(row, mirrored && column >= 0 && column < 5 ? 4 - column : column))
            .join(),
        ),
      ),
    );
    const { data } = net.predict({ x: Array.from({ length: 400 }, () => image).flat() })["y"]!;
    const seen = new Set(Array.from({ length: 400 }, (_, n) => data.slice(20 * n, 20 * n + 20).join()));
    expect([...seen].sort()).toEqual([...new Set(possible)].sort());
  },

  "Leave out missing targets": async ({ net, data }) => {
    const model = await net("Gaps");
    const y = data["y"]!;
    const whole = model.predict({ x: data["x"]! })["p"]!.data;
    const gaps = y.data.map((value, i) => (i % 3 === 0 || i > 100 ? NaN : value));
    const squares = [...whole].flatMap((p, i) => (Number.isNaN(gaps[i]!) ? [] : [(p - gaps[i]!) ** 2]));
    const { loss, gradients } = model.gradients({ x: data["x"]!, y: { ...y, data: gaps } });
    expect(loss).toBeCloseTo(squares.reduce((a, b) => a + b) / squares.length, 5);
    expect(Object.values(gradients).every((t) => t.data.every(Number.isFinite))).toBe(true);
  },

  "Pad and mask sequences": async (ran) => {
    const long = await ran.net("Padded");
    const short = await start(program(ran), { settings: { steps: "5" } });
    for (const { path } of short.manifest.parameters) short.set(path, long.get(path));
    const words = [7, 31, 2];
    const padded = (steps: number): number[] => [...words, ...Array.from({ length: steps - 3 }, () => 0)];
    const [p, q] = [long.predict({ ids: padded(12) })["p"]!, short.predict({ ids: padded(5) })["p"]!];
    p.data.forEach((value, i) => expect(value).toBeCloseTo(q.data[i]!, 6));
  },

  "Choose the initial weights": async (ran) => {
    const source = program(ran).replace(/^layer [\s\S]*/m, "");
    const net = await start(
      `${source}model Drawn { param w: [20000] ~ trunc_normal(0.02)\n loss l2(w)\n optimizer sgd }`,
    );
    const { data } = net.get("w");
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(0.04);
    // √(1 - 4 φ(2) / (2 Φ(2) - 1)) of the deviation that is not cut.
    expect(Math.hypot(...data) / Math.sqrt(data.length)).toBeCloseTo(0.02 * 0.8796, 3);
  },

  "Freeze layers": async ({ net, data }) => {
    const model = await net("Frozen");
    const body = model.get("body.weight");
    for (let step = 0; step < 5; step++) model.step(data);
    expect(model.get("body.weight")).toEqual(body);
  },

  "Give parts their own learning rates": async ({ net }) => {
    expect((await net("Parts")).hyper).toMatchObject({ "body.lr": 1e-3, lr: 2e-2 });
  },

  "Train two nets against each other": ({ printed }) => {
    const [first = NaN, second = NaN] = printed[0]!.map(Number);
    expect(Math.hypot(first - 2, second + 1)).toBeLessThan(0.7);
  },

  "Average the weights": async ({ net, data }) => {
    const model = await net("Averaged");
    const path = "p.0.weight";
    let mean: number[] = [];
    for (let step = 0; step < 10; step++) {
      model.step(data);
      const now = [...model.get(path).data];
      mean = step === 0 ? now : mean.map((m, i) => 0.95 * m + 0.05 * now[i]!);
    }
    const kept = readSafetensors(model.save()).tensors.get(`optimizer.average.${path}`)!.data;
    mean.forEach((m, i) => expect(kept[i]).toBeCloseTo(m, 6));
  },

  "Normalize batches": ({ printed }) => {
    const [single, batch] = numbersIn(printed[0]!.at(-1)!.replace(/.*\[/, "["));
    expect(single).toBeCloseTo(batch!, 5);
  },

  "Give several inputs and outputs": ({ printed }) => expect(printed[0]).toEqual(["[ 64, 1 ] [ 64, 3 ]"]),

  "Fine-tune with a new head": ({ said, recipe }) => {
    expect(said[1]).toContain("drawn: head.weight ([10, 16] there, [2, 16] here)");
    expect(recipe.prose).toContain("drawn: head.weight ([10, 16] there, [2, 16] here)");
  },

  "Read weights of PyTorch": async ({ folder, net, data }) => {
    const given = inTorch("write", join(folder, "net.safetensors"), data["x"]!);
    const model = await net("Ported");
    model.restore(readFileSync(join(folder, "net.safetensors")));
    const own = model.predict({ x: data["x"]! })["p"]!.data;
    given?.forEach((p, i) => expect(own[i]).toBeCloseTo(p, 6));
  },

  "Hand weights to PyTorch": async ({ folder, net, data }) => {
    const given = inTorch("read", join(folder, "handed.safetensors"), data["x"]!);
    const model = await net("Handed");
    model.restore(readFileSync(join(folder, "handed.safetensors")));
    const own = model.predict({ x: data["x"]! })["p"]!.data;
    given?.forEach((p, i) => expect(own[i]).toBeCloseTo(p, 6));
  },

  "Draw from a model token by token": ({ printed }) => {
    const word = numbersIn(printed[0]!.join(" "));
    expect(word.every((letter) => letter >= 1 && letter < 5)).toBe(true);
  },

  "Solve a differential equation": async ({ net }) => {
    const model = await net("Swing");
    const t = Float32Array.from({ length: 64 }, (_, i) => (Math.PI * i) / 63);
    for (let step = 0; step < 1500; step++) model.step({ t });
    const u = model.predict({ t })["u"]!.data;
    t.forEach((at, i) => expect(Math.abs(u[i]! - Math.sin(at))).toBeLessThan(0.01));
  },
};
