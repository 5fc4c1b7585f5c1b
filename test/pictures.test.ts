/** Pictures: what every one of them holds to, and the charts that commands share. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { groupsChart, heatMap, linesChart, wrapped } from "../cli/pictures/charts.ts";
import { svgPng } from "../cli/pictures/png.ts";
import { drawSvg, type Picture } from "../cli/pictures/render.ts";
import { textWidth } from "../cli/pictures/text-width.ts";
import { colorsOf } from "../cli/pictures/theme.ts";
import { writePicture } from "../cli/pictures/write.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));

const saying = { title: "Loss by width", description: "The loss falls with the width." };
const chart = (name = "2"): Picture =>
  groupsChart(
    saying,
    { name: "loss" },
    [
      { name, values: [1, 2, 3, 4], box: { low: 1.75, median: 2.5, high: 3.25 } },
      { name: "4", values: [0.5], box: null },
    ],
    "units",
  );

/** Texts of a picture, as they are shown. */
const textsOf = (svg: string): readonly string[] =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]*)</g)].map(([, text = ""]) =>
    text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&"),
  );

describe("an SVG", () => {
  test("is the same text whenever and with whatever it is drawn", async () => {
    const clipped = linesChart(
      saying,
      { name: "epoch" },
      { name: "loss" },
      [{ name: "a", points: [0, 1, 2].map((x) => ({ x, y: x })) }],
      "run",
    );
    const [first, other, second] = await Promise.all([drawSvg(clipped), drawSvg(chart()), drawSvg(clipped)]);
    expect(second).toBe(first);
    expect(await drawSvg(chart())).toBe(other);
    // Several stand in one page: no two have an id in common.
    const ids = (svg: string): string[] => [...svg.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id!);
    const dark = await drawSvg(clipped, { theme: "dark" });
    expect(ids(first).length).toBeGreaterThan(0);
    expect(ids(first).filter((id) => ids(dark).includes(id))).toEqual([]);
    for (const id of ids(first)) expect(first).toContain(`url(#${id})`);
  });

  test("has a title, a description, a ground of its theme, and refers to nothing outside", async () => {
    for (const theme of ["light", "dark"] as const) {
      const svg = await drawSvg(chart(), { theme });
      expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="Loss by width"><title>Loss by width<\/title>/);
      expect(svg).toContain("<desc>The loss falls with the width.</desc>");
      expect(svg).toContain(`fill="${colorsOf[theme].background}"`);
      expect(textsOf(svg)).toEqual(expect.arrayContaining(["Loss by width", "loss", "units", "2", "4"]));
      expect(svg.replaceAll(/xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:|<style|<script|href/);
    }
  });

  test("holds names of any characters as text, and never as code or markup", async () => {
    const hostile = [
      "</title><script>alert(1)</script>",
      `a.b[0]"'\\`,
      `' + (globalThis.reached = true) + '`,
      "datum.x || 1; signal",
      "&amp; <b>",
      "__proto__",
    ];
    const rows = await drawSvg(
      groupsChart(
        { title: hostile[0]!, subtitle: hostile[1]!, description: hostile[2]! },
        { name: hostile[3]! },
        hostile.map((name) => ({ name, values: [1, 2], box: null })),
        hostile[4]!,
      ),
    );
    expect(textsOf(rows)).toEqual(expect.arrayContaining(hostile));
    expect(rows).not.toContain("<script");
    const lines = await drawSvg(
      linesChart(
        saying,
        { name: hostile[0]! },
        { name: hostile[1]! },
        hostile.map((name, i) => ({
          name,
          points: [1, 2].map((x) => ({ x, y: i, low: i - 1, high: i + 1 })),
        })),
        hostile[2]!,
      ),
    );
    expect(textsOf(lines)).toEqual(expect.arrayContaining(hostile));
    const cells = await drawSvg(
      heatMap(
        saying,
        { name: hostile[0]!, columns: hostile },
        { name: hostile[1]!, rows: hostile },
        { name: hostile[2]! },
        hostile.map((name, value) => ({ x: name, y: name, value, label: name })),
      ),
    );
    expect(textsOf(cells)).toEqual(expect.arrayContaining(hostile));
    expect("reached" in globalThis).toBe(false);
  });

  test("has titles that are names of what every object has", async () => {
    const names = ["constructor", "toString", "hasOwnProperty"] as const;
    const saying = { title: names[0], subtitle: names[1], description: names[2] };
    const svg = await drawSvg(
      linesChart(
        saying,
        { name: names[1] },
        { name: names[2] },
        [{ name: "a", points: [{ x: 0, y: 1 }] }],
        names[0],
      ),
    );
    for (const name of names) expect(textsOf(svg)).toContain(name);
  });

  test("has no characters that XML cannot hold", async () => {
    const svg = await drawSvg(chart("a\u0000b\u001b[31m\uD800\uFFFF\u202E"));
    // eslint-disable-next-line no-control-regex
    expect(svg).not.toMatch(/[\u0000-\u0008\u000b-\u001f\uFFFE\uFFFF\u202E]|\p{Cs}/u);
    expect(textsOf(svg)).toContain("a␀b␛[31m\uFFFD\uFFFD\uFFFD");
  });

  test("fetches nothing", async () => {
    const fetched = vi.spyOn(globalThis, "fetch");
    const picture: Picture = {
      title: { text: "Data from elsewhere" },
      description: "None.",
      data: { url: "https://example.org/data.csv" },
      mark: "point",
      encoding: { x: { field: "x", type: "quantitative" } },
    };
    await drawSvg(picture).catch(() => undefined);
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
  });
});

describe("a file", () => {
  /** Width and height of a PNG. */
  const sizeOf = (png: Uint8Array): readonly number[] => {
    const view = new DataView(png.buffer, png.byteOffset);
    return [view.getUint32(16), view.getUint32(20)];
  };

  test("is an SVG or a PNG of twice as many pixels, by its ending", async () => {
    const [svg, png] = [join(folder, "a.svg"), join(folder, "b.PNG")];
    expect(await writePicture(svg, chart())).toEqual([]);
    expect(await writePicture(png, chart())).toEqual([]);
    const text = readFileSync(svg, "utf8");
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(text) ?? [];
    expect(sizeOf(readFileSync(png))).toEqual([2 * Number(width), 2 * Number(height)]);
  });

  test("of another ending is refused, with a name that would do", async () => {
    for (const [name, better] of [
      ["c.jpg", "c.svg"],
      ["c", "c.svg"],
      ["c.d/e.pdf", "c.d/e.svg"],
    ] as const) {
      const path = join(folder, name);
      await expect(writePicture(path, chart())).rejects.toMatchObject({
        code: "bad-option",
        help: `name it ${join(folder, better)}`,
      });
      expect(existsSync(path)).toBe(false);
    }
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("without fonts on the machine has text, or says that it has none", async () => {
    const svg = await drawSvg(chart());
    const bare = await svgPng(svg.replaceAll(/<text.*?<\/text>/g, ""), "none");
    const png = await svgPng(svg, "none");
    expect(Buffer.compare(png.bytes, bare.bytes) !== 0).toBe(png.hasText);
  });
});

describe("charts", () => {
  /** Circles that mark points, by their place from the left. */
  const points = (svg: string): readonly number[] => {
    const [marks = ""] = /<g class="mark-symbol role-mark[^>]*>.*?<\/g>/.exec(svg) ?? [];
    return [...marks.matchAll(/translate\(([\d.e-]+),/g)].map(([, x]) => Number(x));
  };

  test("show a point for each value, at its place, and leave out what is not finite", async () => {
    const values = [0, 1, NaN, 4, Infinity];
    const svg = await drawSvg(
      groupsChart(saying, { name: "loss", zero: true }, [{ name: "a", values, box: null }], "units"),
    );
    const [zero, one, four] = points(svg);
    expect(points(svg)).toHaveLength(3);
    expect((four! - zero!) / (one! - zero!)).toBeCloseTo(4, 1);
  });

  test("have equal distances between powers of ten where they are logarithmic, with ticks there", async () => {
    const values = [1e-4, 1e-2, 1, -1, 0];
    const svg = await drawSvg(
      groupsChart(saying, { name: "loss", logarithmic: true }, [{ name: "a", values, box: null }], "units"),
    );
    const [a, b, c] = points(svg);
    expect(points(svg)).toHaveLength(3);
    expect((c! - b!) / (b! - a!)).toBeCloseTo(1, 1);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["0.01", "1"]));
  });

  test("without anything to show still have their axes", async () => {
    expect(textsOf(await drawSvg(linesChart(saying, { name: "x" }, { name: "y" }, [])))).toContain("x");
    const empty = groupsChart(saying, { name: "v" }, [{ name: "a", values: [NaN], box: null }], "of");
    expect(textsOf(await drawSvg(empty))).toEqual(expect.arrayContaining(["a", "v", "of"]));
    const cells = [{ x: "a", y: "b", value: NaN, label: "" }];
    const map = heatMap(
      saying,
      { name: "p", columns: ["a"] },
      { name: "q", rows: ["b"] },
      { name: "v" },
      cells,
    );
    expect(textsOf(await drawSvg(map))).toEqual(expect.arrayContaining(["a", "b", "p", "q"]));
  });

  test("have titles whose lines fit", () => {
    const lines = wrapped("one two three four five", 90, 15);
    expect(lines.join(" ")).toBe("one two three four five");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(textWidth(line, 15)).toBeLessThanOrEqual(90);
    expect(wrapped("unbreakable", 10, 15)).toEqual(["unbreakable"]);
  });
});
