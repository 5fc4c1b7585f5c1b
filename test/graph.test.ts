/**
 * `nndsl graph`: what the pictures say, in each of their languages; and that they are sound files.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { chromiumPath, inChromium, withPage } from "./helpers/chromium.ts";
import { runHere, type CliResult } from "./helpers/run-cli.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nndsl-graph-"));
const place = (name: string): string => join(folder, name);

let files = 0;
function program(text: string): string {
  const path = place(`m${files++}.nn`);
  writeFileSync(path, text);
  return path;
}

const graph = (...args: readonly string[]): Promise<CliResult> => runHere(["graph", ...args], root);

async function picture(ending: string, ...args: readonly string[]): Promise<string> {
  const path = place(`p${files++}.${ending}`);
  const { code } = await graph(...args, "-o", path);
  expect(code).toBe(0);
  return readFileSync(path, "utf8");
}

writeFileSync(place("xor.csv"), "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n");
const xorData = ["--data", `x=${place("xor.csv")}:a,b`, `y=${place("xor.csv")}:y`];

interface DotNode {
  readonly id: string;
  readonly label: readonly string[];
}

/** Boxes and arrows of a DOT text, with their labels as lines. */
function readDot(text: string): {
  boxes: DotNode[];
  arrows: { from: string; to: string; label: string[] }[];
} {
  const unquoted = (t: string): string[] => t.replaceAll(String.raw`\"`, '"').split(String.raw`\n`);
  const string = String.raw`"((?:[^"\\]|\\.)*)"`;
  return {
    boxes: [...text.matchAll(new RegExp(String.raw`^\s*${string} \[label=${string}`, "gm"))].map((m) => ({
      id: m[1]!,
      label: unquoted(m[2]!),
    })),
    arrows: [
      ...text.matchAll(new RegExp(String.raw`^\s*${string} -> ${string} \[label=${string}`, "gm")),
    ].map((m) => ({
      from: m[1]!,
      to: m[2]!,
      label: unquoted(m[3]!),
    })),
  };
}

describe("f = (x + y)(y - z) at 1, 2, 3", () => {
  test("has values and gradients on every arrow", async () => {
    const { boxes, arrows } = readDot(await picture("dot", "examples/graph.nn"));
    const label = new Map(boxes.map((box) => [box.id, box.label]));
    const told = arrows.map(({ from, to, label: [value, gradient] }) => {
      return `${label.get(from)![0]} → ${label.get(to)![0]}: ${value}, ${gradient}`;
    });
    expect(told.toSorted()).toEqual(
      [
        "x → +: 1, −1",
        "y → +: 2, −1",
        "y → −: 2, 3",
        "z → −: 3, −3",
        "+ → ×: 3, −1",
        "− → ×: −1, 3",
        "× → L: −3, 1",
      ].toSorted(),
    );
    const byName = Object.fromEntries(boxes.map(({ label: [name, ...rows] }) => [name!, rows]));
    expect(byName).toMatchObject({
      x: ["1", "−1"],
      y: ["2", "2"],
      z: ["3", "−3"],
      L: ["−3"],
      "+": ["g"],
      "−": ["h"],
    });
  });

  test("as SVG says the same, with a legend", async () => {
    const svg = await picture("svg", "examples/graph.nn");
    const texts = [...svg.matchAll(/<text class="([^"]*)"[^>]*>([^<]*)<\/text>/g)].map(
      (m) => `${m[1]} ${m[2]}`,
    );
    for (const row of [
      "row value −3",
      "row gradient −1",
      "row gradient 2",
      "row gradient −3",
      "row value 3",
      "row value −1",
      "row name g",
      "row name h",
      "title Graph",
    ]) {
      expect(texts).toContain(row);
    }
    expect(svg).toContain("stored for the backward pass");
    expect(svg).toContain("derivative of the loss");
  });

  test("as Mermaid", async () => {
    const text = await picture("mmd", "examples/graph.nn");
    expect(text.startsWith("flowchart LR\n")).toBe(true);
    expect(text).toContain('["y<br/>2<br/>2"]:::parameter');
    expect(text).toContain('-->|"3<br/>−1"|');
  });
});

describe("a split sends back what each way sends, and the parameter has their sum", () => {
  test("x · x at 3", async () => {
    const { boxes, arrows } = readDot(await picture("dot", program("model M { param x = 3 loss x * x }")));
    const x = boxes.find((box) => box.label[0] === "x")!;
    expect(x.label).toEqual(["x", "3", "6"]);
    expect(arrows.filter((a) => a.from === x.id).map((a) => a.label)).toEqual([
      ["3", "3"],
      ["3", "3"],
    ]);
  });
});

describe("a network", () => {
  test("shows shapes without data", async () => {
    const { boxes, arrows } = readDot(
      await picture("dot", "examples/xor.nn", "--what", "forward", "--no-fold"),
    );
    const ids = new Map(boxes.map((box) => [box.label[0]!, box.id]));
    expect(boxes.map((box) => box.label.join(" "))).toEqual(
      expect.arrayContaining([
        "x [N, 2]",
        "y [N, 1]",
        "h.weight [8, 2]",
        "z.bias [1]",
        "σ h",
        "+ h.z",
        "softplus",
        "÷ N",
      ]),
    );
    expect(arrows.find((a) => a.from === ids.get("h.weight"))!.label).toEqual(["[8, 2]"]);
  });

  test("groups its layers, which fold with their formulas", async () => {
    const open = await picture("dot", "examples/xor.nn", "--what", "forward", "--no-fold");
    expect([...open.matchAll(/subgraph cluster_\d+ \{\n {4}label="(\w+)"/g)].map((m) => m[1])).toEqual([
      "h",
      "z",
      "loss",
    ]);
    const folded = readDot(await picture("dot", "examples/xor.nn", "--fold"));
    expect(folded.boxes.map((box) => box.label.join(" | ")).toSorted()).toEqual(
      [
        "x | [N, 2]",
        "y | [N, 1]",
        "h | σ(x weightᵀ + bias)",
        "z | h weightᵀ + bias",
        "loss | (Σₙ (softplus(z) − y ∘ z))/N",
        "loss backward | (σ(z) − y)/N",
        "z backward | δz weight | ∇weight [1, 8] | ∇bias [1]",
        "h backward | (δh ∘ h ∘ (1 − h))ᵀ x | ∇weight [8, 2] | ∇bias [8]",
        "L",
      ].toSorted(),
    );
  });

  test("draws with a layer what it computes and what is written around it, and nothing else", async () => {
    const file = program(`
      model M {
        input x: [N, 4]
        target y: [N, 2]
        g = glu(x, 3)
        h = sigmoid(dense(g, 3))
        q = prelu(h)
        z = dense(q, 2)
        loss mse(z, y) + 0.1 * sum(z.weight ^ 2)
      }
    `);
    const { boxes } = readDot(await picture("dot", file, "--what", "forward", "--fold"));
    expect(boxes.map((box) => box.label.slice(0, 2).join(" | "))).toEqual([
      "x | [N, 4]",
      "y | [N, 2]",
      "g.dense.0 | x weightᵀ + bias",
      "g | σ(g.dense.0) ∘ g.dense.1",
      "g.dense.1 | x weightᵀ + bias",
      "h | σ(g weightᵀ + bias)",
      "q | h if h > 0, else weight ∘ h",
      "z | q weightᵀ + bias",
      "loss | (Σₙⱼ (z − y)²)/(2 N) + (Σᵢⱼ weight²)/10",
      "L",
    ]);
  });

  test("runs backward from the loss to the first layer", async () => {
    const { boxes, arrows } = readDot(await picture("dot", "examples/mnist.nn", "--what", "joint", "--fold"));
    const name = new Map(boxes.map((box) => [box.id, box.label[0]!]));
    const told = arrows.map(
      ({ from, to, label }) => `${name.get(from)} → ${name.get(to)} ${label.join(" ")}`,
    );
    expect(told).toEqual(
      expect.arrayContaining([
        "x → h.0 [N, 784]",
        "h.0 → h.1 [N, 256]",
        "loss backward → logits backward [N, 10]",
        "logits backward → h.1 backward [N, 128]",
        "h.1 backward → h.0 backward [N, 256]",
        "x → h.0 backward ",
      ]),
    );
  });

  test("has values and gradients of given rows", async () => {
    const { boxes } = readDot(
      await picture("dot", "examples/xor.nn", "--what", "joint", "--no-fold", "--seed", "1", ...xorData),
    );
    const rows = (name: string): readonly string[] =>
      boxes.find((box) => box.label[0] === name)!.label.slice(1);
    expect(rows("y")).toEqual(["[N, 1]", "[0, 1, 1, 0]"]);
    expect(rows("x")[1]).toBe("‖·‖ 2");
    // The gradient beside the parameter and the one that the backward graph ends in are computed in
    // two ways.
    for (const path of ["h.weight", "h.bias", "z.weight", "z.bias"]) {
      expect(rows(path).at(-1)).toBe(rows(`∇${path}`).at(-1));
    }
  });

  test("marks what is stored", async () => {
    const dot = await picture("dot", "examples/xor.nn", "--what", "forward", "--no-fold");
    const stored = [...dot.matchAll(/label="([^"]*)"[^\]]*peripheries=2/g)].map((m) => m[1]);
    expect(stored).toEqual([String.raw`σ\nh`, String.raw`+\nz`]);
  });

  test("is the same picture twice", async () => {
    const [first, second] = [
      await picture("svg", "examples/mnist.nn"),
      await picture("svg", "examples/mnist.nn"),
    ];
    expect(first).toBe(second);
  });
});

const withOdd = `/// <script> & "quotes"
model Odd { param a = 2 param b = [[1, 2, 3], [4, 5, 6]] loss sum(where(b < 2 * a, b, 0) * a) }`;

describe.skipIf(chromiumPath === undefined)(inChromium("SVG"), () => {
  test("parses as XML and draws all its text inside of itself", async () => {
    const svgs = [await picture("svg", "examples/graph.nn")];
    svgs.push(await picture("svg", program(withOdd)));
    svgs.push(await picture("svg", "examples/xor.nn", "--no-fold", "--what", "joint", ...xorData));
    svgs.push(await picture("svg", "examples/mnist.nn"));
    await withPage({ "/index.html": "<!doctype html><title>pictures</title><body>" }, async ({ page }) => {
      // Away from the site's policy, which forbids the styles in the picture.
      const fresh = await page.context().browser()!.newPage();
      for (const svg of svgs) {
        const told = await fresh.evaluate((text) => {
          const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
          if (parsed.querySelector("parsererror") !== null) return "no XML";
          const element = document.importNode(parsed.documentElement, true);
          document.body.replaceChildren(element);
          const frame = element.getBoundingClientRect();
          const outside = [...element.querySelectorAll("text, rect, circle, path:not(marker *)")].filter(
            (part) => {
              const box = part.getBoundingClientRect();
              return (
                box.left < frame.left - 1 ||
                box.right > frame.right + 1 ||
                box.top < frame.top - 1 ||
                box.bottom > frame.bottom + 1
              );
            },
          );
          return outside.map((part) => part.outerHTML).join("\n");
        }, svg);
        expect(told).toBe("");
      }
    });
  });

  test("leads no arrow over a box that it does not join", async () => {
    const penalized = program(`model Penalized {
      input x: [N, 4]
      target y: int[N]
      h = dense(x, 8, gelu)
      z = dense(h, 3)
      loss cross_entropy(z, y) + 1e-3 * l2(weights)
      optimizer sgd
    }`);
    const svgs = [
      await picture("svg", "examples/graph.nn", "--what", "joint"),
      await picture("svg", "examples/xor.nn", "--no-fold", "--what", "joint", ...xorData),
      await picture("svg", "examples/mnist.nn", "--no-fold", "--what", "forward"),
      await picture("svg", "examples/mnist.nn", "--fold"),
      // The penalty's gradient skips the layer between.
      await picture("svg", penalized, "--fold"),
    ];
    await withPage({ "/index.html": "<!doctype html><title>pictures</title><body>" }, async ({ page }) => {
      const fresh = await page.context().browser()!.newPage();
      for (const svg of svgs) {
        await fresh.setContent(svg);
        const crossed = await fresh.evaluate(() => {
          const picture = document.querySelector("svg > g")!;
          const boxes = [...picture.querySelectorAll<SVGGeometryElement>(".box")];
          const STEPS = 200;
          const crossings = [...picture.querySelectorAll<SVGPathElement>("path.arrow")].map((arrow) => {
            const way = Array.from({ length: STEPS + 1 }, (_, i) =>
              arrow.getPointAtLength((arrow.getTotalLength() * i) / STEPS),
            );
            // An arrow begins and ends on the outlines of the two that it joins.
            const inside = boxes.filter((box) => way.slice(10, -10).some((at) => box.isPointInFill(at)));
            return inside.map((box) => `${arrow.getAttribute("d")} over ${box.outerHTML}`);
          });
          return { arrows: crossings.length, boxes: boxes.length, crossings: crossings.flat() };
        });
        expect(crossed.crossings).toEqual([]);
        expect(Math.min(crossed.arrows, crossed.boxes)).toBeGreaterThan(6);
      }
    });
  });
});

describe("what cannot be drawn is told in words", () => {
  test.each([
    [["examples/xor.nn", "-o", place("x.png")], 2, "bad-option"],
    [["examples/xor.nn", "-o", folder + "/"], 2, "bad-option"],
    [["examples/equivalence.nn", "-o", place("x.svg"), "--what", "backward"], 1, "no-loss"],
    [["examples/xor.nn", "-o", place("x.svg"), "--data", place("missing.npz")], 2, "missing-file"],
  ])("%j", async (args, code, name) => {
    const before = readdirSync(folder);
    const result = await graph(...args, "--json");
    expect(result.code).toBe(code);
    const [first] = (JSON.parse(result.stdout) as { diagnostics: { code: string }[] }).diagnostics;
    expect(first!.code).toBe(name);
    expect(readdirSync(folder)).toEqual(before);
  });
});
