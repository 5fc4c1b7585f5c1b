/**
 * One seed, one result: the same bytes of weights in every process, at every level of V8's
 * compilers, and in a browser.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { chromiumPath, inChromium, withPage, type Site } from "./helpers/chromium.ts";
import { skippedWithout } from "./helpers/skip.ts";

/**
 * Everything in which engines could differ: transcendental functions, long sums, random numbers,
 * shuffling, tails of vectors.
 */
const source = `
model Noisy {
  input x: [N, 7]
  target y: int[N]
  h = dropout(dense(x, 37, tanh), 0.3)
  h = dense(h, 19, gelu_erf) + sin(dense(h, 19, softplus))
  h = dropout(dense(h, 8, a => exp(-a^2) + log1p(abs(a))^1.5), 0.1)
  logits = dense(h, 5)
  output probs = softmax(logits)
  metric accuracy(logits, y)
  loss cross_entropy(logits, y) + 1e-3 * l2(weights) + 1e-4 * mean(sqrt(1 + h^2) / (2 + cos(h)))
  optimizer adam(lr = 0.01)
}`;

/**
 * Runs wherever modules do; its numbers come of whole arithmetic alone. 101 rows leave a last batch
 * of five.
 */
const script = `
import { load } from "./noisy.js";
export async function train() {
  const rows = 101;
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647);
  const x = Float32Array.from({ length: rows * 7 }, () => (next() % 2001) / 1000 - 1);
  const y = Int32Array.from({ length: rows }, (_, row) => (x[7 * row] > 0 ? 1 : 0) + (next() % 4));
  const net = await load(undefined, { seed: 5 });
  await net.fit({ x, y }, { epochs: 12, batch: 16, shuffle: true, seed: 9 });
  const { loss, metrics } = net.evaluate({ x, y });
  const { data } = net.predict({ x }).probs;
  return { bytes: Array.from(net.save()), loss, metrics, probs: Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) };
}
`;

const printed = `import { train } from "./train.js"; process.stdout.write(JSON.stringify(await train()));`;
const shown = `
import { train } from "./train.js";
const show = (value) => { document.querySelector("#report").textContent = JSON.stringify(value); };
train().then(show, (error) => show({ error: String(error) }));
`;

interface Trained {
  readonly bytes: readonly number[];
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly probs: readonly number[];
}

describe("one seed", () => {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-determinism-"));
  let files: Readonly<Record<string, string | Uint8Array>>;
  let first: Trained;

  const inNode = async (...flags: string[]): Promise<Trained> => {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, join(folder, "main.js")]);
    return JSON.parse(stdout) as Trained;
  };

  beforeAll(async () => {
    const { wasm, js, name } = await compile(source);
    files = { [`${name}.wasm`]: wasm, [`${name}.js`]: js, "train.js": script };
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
    writeFileSync(join(folder, "main.js"), printed);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    first = await inNode();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("compiles to the same bytes", async () => {
    expect((await compile(source)).wasm).toEqual(files["noisy.wasm"]);
  });

  test("trains to the same bytes in another process, by V8's baseline and by its optimizing compiler", async () => {
    // Numbers, and not the first values still.
    expect(first.loss).toBeGreaterThan(0);
    expect(first.loss).toBeLessThan(1.6);
    for (const flags of [[], ["--liftoff-only"], ["--no-liftoff"]])
      expect(await inNode(...flags)).toEqual(first);
  });

  test.skipIf(skippedWithout(chromiumPath))(inChromium("trains to the same bytes"), async () => {
    const site: Site = {
      ...Object.fromEntries(Object.entries(files).map(([file, content]) => [`/${file}`, content])),
      "/index.html":
        '<!doctype html><title>One seed</title><p id="report"></p><script type="module" src="./page.js"></script>',
      "/page.js": shown,
    };
    await withPage(site, async ({ page, errors }) => {
      await page.waitForFunction(() => document.querySelector("#report")?.textContent);
      expect(JSON.parse((await page.textContent("#report")) ?? "")).toEqual(first);
      expect(errors).toEqual([]);
    });
  });
});
