/** `train --report`: what its page says is what the run was, whatever stands in names and data. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { thin, thinCloud, Thinned } from "../cli/pictures/thin.ts";
import type { Dataset } from "../cli/data/load-data.ts";
import { classify } from "../cli/report/classify.ts";
import { takerOf } from "../cli/report/frames.ts";
import { sharesOf } from "../cli/report/rows.ts";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { pixelPng } from "../cli/pictures/pixel-png.ts";
import { markup } from "../cli/report/html.ts";
import { chromiumPath, inChromium } from "./helpers/chromium.ts";
import { runCli, runHere, type CliResult } from "./helpers/run-cli.ts";
import { skippedWithout } from "./helpers/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-report-"));
const at = (name: string): string => join(folder, name);
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
const page = (name: string): string => readFileSync(at(name), "utf8");

/** Text of a page without its tags, its entities resolved. */
const textOf = (html: string): string =>
  html
    .replace(/<(style|script)[^]*?<\/\1>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, " ");

const section = (html: string, id: string): string =>
  textOf(new RegExp(`<section id="${id}">([^]*?)</section>`).exec(html)?.[1] ?? "");

/** z is what the weights say by hand: 4a, 4b, -4 (a + b). */
const known = `/// Three classes by hand. See \`docs\`.
model Known {
  input x: [N, 2]
  target y: int[N]
  param w = [[4, 0], [0, 4], [-4, -4]]
  z = x @ w'
  output p = softmax(z)
  metric accuracy(z, y)
  loss cross_entropy(z, y)
  optimizer sgd(lr = 0.1)
}
`;

/** By the weights: up, up, down, up; down is given twice for what is up, and so on. */
const knownRows = [
  [2, 0, "left", "left"],
  [1, 0, "left", "left"],
  [0, 3, "left", "right"],
  [0, 1, "right", "right"],
  [-1, -1, "none", "none"],
  [-2, 0.5, "none", "none"],
  [3, 1, "none", "left"],
  [1, 2, "none", "right"],
  [2, 1, "right", "left"],
] as const;

const hostile = `</script><img src=x onerror=alert(1)>"'<!--`;

beforeAll(async () => {
  writeFileSync(at("known.nn"), known);
  writeFileSync(at("known.csv"), `a,b,y\n${knownRows.map(([a, b, y]) => `${a},${b},${y}`).join("\n")}\n`);
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  writeFileSync(
    at("hostile.csv"),
    `${quoted(hostile)},b\u2028,y\n${knownRows.map(([a, b, y]) => `${a},${b},${quoted(`${y}${hostile}\u2028`)}`).join("\n")}\n`,
  );
  writeFileSync(at("hostile.nn"), known.replace("Three classes by hand", hostile));
  writeFileSync(
    at("line.nn"),
    `model Line {
  input x: [N, 1]
  target y: [N, 1]
  h = planted(x)
  z = dense(h, 1)
  output guess = z
  loss mse(z, y)
  optimizer sgd(lr = 0.01)
}
layer planted(x: [..., I]) {
  param weight = [[1], [0.5], [-1], [0.2]]
  param bias = [0.1, -100, 0.1, 0.2]
  return relu(x @ weight' + bias)
}
`,
  );
  writeFileSync(
    at("line.csv"),
    `x,y\n${Array.from({ length: 40 }, (_, i) => `${i / 20 - 1},${(i / 20 - 1) ** 2}`).join("\n")}\n`,
  );
  const results = [
    await run(
      "train",
      "known.nn",
      "--data",
      "x=known.csv:a,b",
      "y=known.csv:y",
      "--epochs",
      "0",
      "--report",
      "known.html",
      "--json",
    ),
    await run(
      "train",
      "hostile.nn",
      "--data",
      "x=hostile.csv:-y",
      "y=hostile.csv:y",
      "--epochs",
      "3",
      "--report",
      "hostile.html",
    ),
    await run(
      "train",
      "line.nn",
      "--data",
      "x=line.csv:x",
      "y=line.csv:y",
      "--epochs",
      "80",
      "--batch",
      "8",
      "--validate",
      "0.2",
      "--probe",
      "1",
      "--opt",
      "lr=0.02",
      "--report",
      "it's line.html",
    ),
  ];
  for (const { code, stderr } of results) expect({ code, stderr }).toMatchObject({ code: 0 });
  writeFileSync(at("known.json"), results[0]!.stdout);
});

describe("what the page says", () => {
  test("the confusion matrix is what a count by hand gives, and the mistakes are those rows", () => {
    const rows = [...page("known.html").matchAll(/<th scope="row">(\w+)<\/th>([^]*?)<\/tr>/g)].map(
      ([, name, cells]) => [
        name,
        ...[...cells!.matchAll(/<td[^>]*>\s*([^]*?)\s*<\/td>/g)].map(([, cell]) => Number(textOf(cell!))),
      ],
    );
    // Classes in the order of the texts: left is 0, whose score is 4a.
    const names = ["left", "none", "right"];
    const scores = ([a, b]: readonly [number, number, ...unknown[]]): number[] => [
      4 * a,
      4 * b,
      -4 * (a + b),
    ];
    const counted = names.map((truth) => [
      truth,
      ...names.map(
        (_, predicted) =>
          knownRows.filter((row) => {
            const z = scores(row);
            return row[2] === truth && z.indexOf(Math.max(...z)) === predicted;
          }).length,
      ),
    ]);
    expect(rows).toEqual(counted);
    const right = counted.reduce((sum, row, i) => sum + Number(row[i + 1]), 0);
    expect(section(page("known.html"), "mistakes")).toContain(
      `${right} of 9 rows of the training data are right`,
    );
    const wrong = knownRows.flatMap((row, i) => {
      const z = scores(row);
      return names[z.indexOf(Math.max(...z))] === row[2] ? [] : [i + 1];
    });
    const shown = [...section(page("known.html"), "mistakes").matchAll(/row (\d+):/g)].map(([, row]) =>
      Number(row),
    );
    expect(shown.toSorted((a, b) => a - b)).toEqual(wrong);
  });

  test("loss and metrics are those of the run", () => {
    const { loss, metrics } = JSON.parse(page("known.json")) as {
      loss: number;
      metrics: { accuracy: number };
    };
    const result = section(page("known.html"), "result");
    expect(result).toContain(loss.toPrecision(4));
    expect(result).toContain(metrics.accuracy.toPrecision(4));
  });

  test("the command makes the run again, with its seed, and quotes what a shell would take apart", () => {
    const command = /<pre class="command"><code>([^<]*)<\/code>/.exec(page("it's line.html"))?.[1] ?? "";
    expect(textOf(command)).toBe(
      `nndsl train line.nn --seed 0 --batch 8 --data x=line.csv:x y=line.csv:y --validate 0.2 --epochs 80 --opt lr=0.02 --probe 1 --report 'it'\\''s line.html'`,
    );
  });

  test("with --probe, curves of gradients, spread, dead units and updates, and the planted dead unit", () => {
    const html = page("it's line.html");
    const layers = section(html, "layers");
    for (const title of ["gradient", "Spread", "Units that were 0 on every row", "update"])
      expect(layers).toContain(title);
    expect(layers).toMatch(/planted .*1 of 4 units 1 /);
    expect(layers).not.toContain("NaN");
    expect(section(html, "learning")).toContain("validation");
  });

  test("without --probe and --validate, one line says how to get them", () => {
    expect(section(page("known.html"), "layers")).toContain("--probe looks into the layers");
    expect(section(page("known.html"), "learning")).not.toContain("NaN");
    expect(page("it's line.html")).not.toContain("--validate 0.1");
  });

  test("a run that diverges has a page that says where, and the command fails as without", async () => {
    const { code } = await run(
      "train",
      "line.nn",
      "--data",
      "x=line.csv:x",
      "y=line.csv:y",
      "--lr",
      "1e30",
      "--report",
      "diverged.html",
    );
    expect(code).toBe(1);
    const html = page("diverged.html");
    expect(textOf(html)).toMatch(/Diverged.*The loss stopped being finite in epoch \d+, at step \d+/);
    expect(textOf(html)).toMatch(/The first tensor that is not finite: `.+?`/);
    expect(section(html, "learning")).not.toMatch(/NaN|Infinity/);
  });

  test("an interrupted run has its page, whole, whatever its program's file is by then", async () => {
    writeFileSync(at("edited.nn"), readFileSync(at("line.nn")));
    let sent = false;
    const { code } = await runCli(
      [
        "train",
        "edited.nn",
        "--data",
        "x=line.csv:x",
        "y=line.csv:y",
        "--epochs",
        "1000000000",
        "--report",
        "interrupted.html",
      ],
      {
        cwd: folder,
        onStderr: (text, child) => {
          if (sent || !text.includes("training ")) return;
          sent = true;
          writeFileSync(at("edited.nn"), "model Broken {");
          setTimeout(() => child.kill("SIGINT"), 300);
        },
      },
    );
    expect(code).toBe(130);
    expect(textOf(page("interrupted.html"))).toContain("A signal ended the run in epoch");
    expect(section(page("interrupted.html"), "formulas")).toContain("operatorname{relu}");
    expect(page("interrupted.html").trimEnd()).toMatch(/<\/html>$/);
    expect(readdirSync(folder).filter((name) => name.includes(".tmp"))).toEqual([]);
  });

  test("another ending than .html is refused before anything is trained", async () => {
    const { code, stderr } = await run("train", "line.nn", "--data", "line.csv", "--report", "report.pdf");
    expect(code).toBe(2);
    expect(stderr).toContain("report.html");
    expect(existsSync(at("report.pdf"))).toBe(false);
  });
});

describe("what is no picture of the model", () => {
  const dataset = (inputs: Dataset["inputs"], rows: number): Dataset => ({
    rows,
    inputs,
    categories: {},
    columns: {},
    notes: [],
  });
  const x = { data: Float32Array.of(2, 0, 1, 0, 0, 3), shape: [3, 2] };

  test("a target below 0 is none of the classes", async () => {
    const net = await load((await compile(known)).wasm);
    const seen = (labels: readonly number[]): unknown =>
      classify(net, dataset({ x, y: { data: Int32Array.from(labels), shape: [3] } }, 3), "data");
    expect(seen([0, 1, 2])).toMatchObject({ rows: 3 });
    expect(seen([0, -1, 2])).toBeNull();
    expect(seen([0, 3, 2])).toBeNull();
  });

  test("an output that rows share has no surface, the next one that they do not has", async () => {
    const source = (rest: string): string =>
      `model Coupled {\n  input x: [N, 2]\n  param w = [[1, 1]]\n  c = x - mean(x, axis=0)\n  output p = c @ w'\n${rest}  loss mean(p ^ 2)\n  optimizer sgd(lr = 0.1)\n}\n`;
    const takerFor = async (rest: string) =>
      takerOf(await load((await compile(source(rest))).wasm), dataset({ x }, 3));
    expect(await takerFor("")).toBeNull();
    const taker = await takerFor("  output q = x @ w'\n");
    taker?.take("0");
    expect(taker?.frames()).toMatchObject({ kind: "surface", output: "q" });
  });

  test("numbers are probabilities where all rows are, and else none is", () => {
    expect([...sharesOf([1, 0, 0.25, 0.75], 2)]).toEqual([1, 0, 0.25, 0.75]);
    const share = (a: number, b: number): number => Math.exp(a) / (Math.exp(a) + Math.exp(b));
    const shares = [...sharesOf([1, 0, 2, 0], 2)];
    for (const [i, expected] of [share(1, 0), share(0, 1), share(2, 0), share(0, 2)].entries())
      expect(shares[i]).toBeCloseTo(expected, 12);
  });
});

test("text is escaped in one place, and nothing that is HTML already is escaped twice", () => {
  expect(
    markup`<p title="${hostile}">${markup`<b>${"<&>"}</b>`}${[markup`<i>1</i>`]}${null}${3}</p>`.text,
  ).toBe(
    `<p title="&#60;/script&#62;&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#60;!--"><b>&#60;&#38;&#62;</b><i>1</i>3</p>`,
  );
});

describe("long series", () => {
  const wave = (x: number): number => (x === 777_777 ? 99 : x === 123 ? -50 : Math.sin(x / 1e4));

  test("a million points become 1,200 that keep the first, the last, the least and the largest", () => {
    const all = Array.from({ length: 1e6 }, (_, x) => ({ x, y: wave(x) }));
    const series = new Thinned(1200);
    for (const point of all) series.add(point);
    for (const kept of [thin(all, 1200), series.points()]) {
      expect(kept.length).toBeLessThanOrEqual(1200);
      expect(kept.length).toBeGreaterThan(900);
      expect([kept[0]!.x, kept.at(-1)!.x]).toEqual([0, 999_999]);
      expect(kept.map(({ y }) => y)).toEqual(expect.arrayContaining([99, -50]));
      expect(kept.every((point, i) => i === 0 || point.x > kept[i - 1]!.x)).toBe(true);
      // As dense at the beginning as at the end.
      expect(kept.filter(({ x }) => x < 1e5).length).toBeGreaterThan(80);
    }
  });

  test("of a million points of a plane the outermost are kept", () => {
    const place = (i: number): readonly [number, number] =>
      i === 500_001 ? [9, 0] : i === 2 ? [0, -9] : [Math.cos(i), Math.sin(i)];
    const kept = thinCloud(1e6, place, 1000);
    expect(kept.length).toBeLessThanOrEqual(1004);
    expect(kept).toEqual(
      expect.arrayContaining([
        [9, 0],
        [0, -9],
      ]),
    );
  });
});

describe.skipIf(skippedWithout(chromiumPath))(inChromium("the page"), () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
  });
  afterAll(() => browser?.close());

  /** Opens a report as a file, and gives all that the browser says or asks for. */
  async function open(
    name: string,
    options: { readonly width?: number; readonly dark?: boolean } = {},
  ): Promise<{ readonly page: Page; readonly said: string[]; readonly asked: string[] }> {
    const opened = await browser.newPage({
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.dark === true ? "dark" : "light",
    });
    const said: string[] = [];
    const asked: string[] = [];
    opened.on("console", (message) => said.push(message.text()));
    opened.on("pageerror", (error) => said.push(error.message));
    opened.on("dialog", (dialog) => said.push(`dialog ${dialog.message()}`));
    opened.on("request", (request) => asked.push(request.url()));
    await opened.goto(`file://${encodeURI(at(name)).replaceAll("'", "%27")}`);
    return { page: opened, said, asked };
  }

  test.each(["known.html", "hostile.html", "it's line.html"])(
    "%s opens under default-src 'none' with no message, asks for nothing, and fits on a phone",
    async (name) => {
      for (const [width, dark] of [
        [1280, false],
        [390, true],
      ] as const) {
        const { page: opened, said, asked } = await open(name, { width, dark });
        const policy = await opened.getAttribute('meta[http-equiv="Content-Security-Policy"]', "content");
        expect(policy).toMatch(/^default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[^']+';/);
        expect(await opened.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        expect(said).toEqual([]);
        expect(asked.filter((url) => !url.startsWith("data:"))).toHaveLength(1);
        // The contents lead to all parts.
        const links = await opened.$$eval("nav a", (all) => all.map((link) => link.getAttribute("href")));
        const parts = await opened.$$eval("main section", (all) => all.map(({ id }) => `#${id}`));
        expect(links).toEqual(parts);
        await opened.close();
      }
    },
  );

  test("hostile names are shown as they are", async () => {
    const { page: opened } = await open("hostile.html");
    expect(await opened.textContent(".doc")).toContain(hostile);
    expect(await opened.textContent(".confusion")).toContain(hostile);
    expect(await opened.$$eval("script", (all) => all.length)).toBe(1);
    expect(await opened.$$eval("img", (all) => all.length)).toBe(0);
    await opened.close();
  });

  test("formulas are set, charts and graph are drawn, in the ink of the theme", async () => {
    const ink = async (dark: boolean): Promise<string> => {
      const { page: opened } = await open("it's line.html", { dark });
      expect(await opened.$$eval(".katex math", (all) => all.length)).toBeGreaterThan(1);
      expect(await opened.$$eval("#learning figure svg", (all) => all.length)).toBe(1);
      expect(await opened.$$eval("#graph svg", (all) => all.length)).toBe(1);
      expect(await opened.evaluate(() => document.fonts.check("16px KaTeX_Main"))).toBe(true);
      const color = await opened.$eval(
        "#learning figure svg .role-title-text text",
        (text) => getComputedStyle(text).fill,
      );
      await opened.close();
      return color;
    };
    const luminance = (color: string): number => Number(/\d+/.exec(color)?.[0]);
    expect(luminance(await ink(false))).toBeLessThan(80);
    expect(luminance(await ink(true))).toBeGreaterThan(180);
  });

  test("the slider shows the fit as it was: another picture, and its epoch", async () => {
    const { page: opened } = await open("it's line.html");
    const picture = (): Promise<string> =>
      opened.$eval("canvas", (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    expect(await opened.textContent(".player output")).toBe("epoch 80");
    const last = await picture();
    await opened.fill(".player input", "0");
    expect(await opened.textContent(".player output")).toBe("before training");
    expect(await picture()).not.toBe(last);
    await opened.fill(".player input", String(Number(await opened.getAttribute(".player input", "max")) - 3));
    await opened.click(".player button");
    await opened.waitForFunction(() => document.querySelector(".player output")?.textContent === "epoch 80");
    expect(await picture()).toBe(last);
    await opened.close();
  });

  test("an image of pixels is the image", async () => {
    const { page: opened } = await open("known.html");
    const pixels = Uint8Array.from([0, 255, 128, 7, 9, 200]);
    const source = `data:image/png;base64,${Buffer.from(pixelPng(pixels, 3, 2, 1)).toString("base64")}`;
    const seen = await opened.evaluate(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext("2d")!;
      context.drawImage(image, 0, 0);
      return [...context.getImageData(0, 0, 3, 2).data].filter((_, i) => i % 4 === 0);
    }, source);
    expect(seen).toEqual([...pixels]);
    await opened.close();
  });
});
