/** `nndsl plot`: the numbers behind each picture, held against other ways to them; the files, and what is refused. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bandsOf, type Region } from "../cli/pictures/contours.ts";
import { writeNpy } from "../cli/data/npy.ts";
import { dot, norm, randomDirection, type Direction } from "../cli/plot/directions.ts";
import { principalComponents } from "../cli/plot/components.ts";
import { lineOf } from "../cli/plot/jumps.ts";
import { planeOf } from "../cli/plot/loss-surface.ts";
import type {
  CurvePlot,
  FunctionsPlot,
  ImagesPlot,
  Line,
  LossSurfacePlot,
  Plot,
  SurfacePlot,
} from "../cli/plot/plot.ts";
import { showPlot } from "../cli/plot/show.ts";
import { functionOfOneNumber, functionsOfOneNumber } from "../compiler/derive/index.ts";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { readHistory } from "../cli/train/history.ts";
import { runHere } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-plot-"));
const at = (name: string): string => join(folder, name);
const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const squares = example("data/square.csv");
const xorTable = example("data/xor.csv");
const ofXor = ["--data", `x=${xorTable}:a,b`, `y=${xorTable}:xor`];

/** The numbers that are drawn. */
async function numbers<P extends Plot>(...args: string[]): Promise<P> {
  const { code, stdout, stderr } = await runHere(["plot", ...args, "--json"], folder);
  expect(code, stderr).toBe(0);
  // What the command wrote: the kind is checked by each test's own reading.
  return (JSON.parse(stdout) as { pictures: [P] }).pictures[0];
}

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(args, folder);
  expect(code, stderr).toBe(0);
  return stdout;
}

const kinds = `model Kinds {
  input x: [N, 2]; target y: int[N]
  z = dense(dense(x, 8, tanh), 3)
  output p = softmax(z)
  loss cross_entropy(z, y)
  optimizer adam(lr = 0.05)
}`;

const pixels = `model Pixels {
  input x: [N, 16]; target y: int[N]
  z = dense(dense(x, 3, relu), 2)
  output p = softmax(z)
  loss cross_entropy(z, y)
  optimizer sgd
}`;

beforeAll(async () => {
  writeFileSync(at("kinds.nn"), kinds);
  writeFileSync(at("pixels.nn"), pixels);
  writeFileSync(at("coupled.nn"), "model C { input x: [N, 2]; output y = x[:, 0] - mean(x[:, 0]) }");
  const rows = ["cold,hot", "left,right"].map(() => "");
  for (let i = 0; i < 30; i++) {
    const kind = ["up", "down", "</text><script>alert(1)</script>"][i % 3]!;
    rows.push(`${((i * 7) % 30) / 10},${(i % 3) + ((i * 3) % 10) / 20},"${kind}"`);
  }
  writeFileSync(
    at("kinds.csv"),
    `"a.b[0]","{""signal"":""x""}",kind\n${rows.filter((row) => row !== "").join("\n")}\n`,
  );
  const cells = Float32Array.from({ length: 40 * 16 }, (_, i) => ((i * 37) % 101) / 100);
  writeFileSync(at("images.npy"), writeNpy(cells, [40, 16]));
  writeFileSync(
    at("labels.npy"),
    writeNpy(
      Float32Array.from({ length: 40 }, (_, i) => i % 2),
      [40],
    ),
  );
  await done(
    "train",
    example("xor.nn"),
    ...ofXor,
    "--epochs",
    "300",
    "-o",
    "xor.safetensors",
    "--history",
    "xor-history.safetensors",
  );
  await done(
    "train",
    example("square.nn"),
    "--set",
    "units=8",
    "--data",
    `x=${squares}:x`,
    `y=${squares}:y`,
    "--epochs",
    "200",
    "--batch",
    "100",
    "--seed",
    "3",
    "-o",
    "square.safetensors",
  );
  await done(
    "train",
    "kinds.nn",
    "--data",
    "x=kinds.csv:-kind",
    "y=kinds.csv:kind",
    "--epochs",
    "200",
    "-o",
    "kinds.safetensors",
  );
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

// ------------------------------------------------------------------------------------------------------- surfaces

describe("a model of two features", () => {
  test("is the band between two lines, for equivalence by thresholds", async () => {
    const { columns, rows, x, y, panels, map } = await numbers<SurfacePlot>(example("equivalence.nn"));
    expect([x.from, x.to, y.from, y.to]).toEqual([-0.5, 1.5, -0.5, 1.5]);
    expect(map).toBeNull();
    let inside = 0;
    for (let i = 0; i < columns * rows; i++) {
      const a = x.from + ((x.to - x.from) * (i % columns)) / (columns - 1);
      const b = y.from + ((y.to - y.from) * Math.floor(i / columns)) / (rows - 1);
      // On the lines themselves f32 decides.
      if (Math.abs(a + b - 0.5) < 1e-5 || Math.abs(a + b - 1.5) < 1e-5) continue;
      const isBetween = a + b > 0.5 && a + b < 1.5;
      expect(panels[0]!.values[i], `${a}, ${b}`).toBe(isBetween ? 0 : 1);
      if (isBetween) inside++;
    }
    expect(inside).toBeGreaterThan(5000);
  });

  test("has the data on it, in the columns' names and around its range", async () => {
    const plot = await numbers<SurfacePlot>(example("xor.nn"), "--weights", "xor.safetensors", ...ofXor);
    expect([plot.x.name, plot.y.name, plot.title]).toEqual([
      "a",
      "b",
      "What Xor after 300 steps gives for each a and b",
    ]);
    expect([plot.x.from, plot.x.to]).toEqual([-0.1, 1.1]);
    expect(plot.points).toHaveLength(4);
    expect(plot.points).toContainEqual({ x: 0, y: 1, target: "1" });
    expect(plot.panels[0]).toMatchObject({ name: "p", low: 0, high: 1, boundary: 0.5 });
  });

  test("shows each class of a classifier and which is largest, by the texts that it was trained on", async () => {
    const plot = await numbers<SurfacePlot>("kinds.nn", "--weights", "kinds.safetensors");
    const classes = ["</text><script>alert(1)</script>", "down", "up"];
    expect(plot.map?.classes).toEqual(classes);
    expect(plot.panels.map(({ name }) => name)).toEqual(classes.map((name) => `p: ${name}`));
    expect([plot.x.name, plot.y.name]).toEqual(["a.b[0]", '{"signal":"x"}']);
    for (const i of [0, 500, 20_000]) {
      const chances = plot.panels.map(({ values }) => values[i]!);
      expect(chances.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      expect(plot.map!.values[i]).toBe(chances.indexOf(Math.max(...chances)));
    }
  });

  test("may be two inputs, of numbers, whole numbers or truths", async () => {
    writeFileSync(
      at("truth.nn"),
      "model Truth { input a: bool[N]; input b: int[N]; output y = where(a, 1, 0) * b }",
    );
    const plot = await numbers<SurfacePlot>("truth.nn", "--range=-0.5:1.5,-0.5:2.5");
    const value = (a: number, b: number): number => {
      const column = Math.round(((a + 0.5) / 2) * (plot.columns - 1));
      const row = Math.round(((b + 0.5) / 3) * (plot.rows - 1));
      return plot.panels[0]!.values[row * plot.columns + column]!;
    };
    expect([value(0, 0), value(0, 2), value(1, 0), value(1, 2), value(1.4, 0.6)]).toEqual([0, 0, 0, 2, 1]);
  });

  test("says in the title that nobody trained it", async () => {
    const { title } = await numbers<SurfacePlot>(example("xor.nn"), "--seed", "7");
    expect(title).toBe("What Xor as it starts from seed 7 gives for each x[0] and x[1]");
  });
});

// --------------------------------------------------------------------------------------------------------- curves

describe("a model of one feature", () => {
  test("is the fitted curve with the data, as predict has it", async () => {
    const model = [example("square.nn"), "--set", "units=8", "--weights", "square.safetensors"];
    const { lines, points, axis } = await numbers<CurvePlot>(
      ...model,
      "--data",
      `x=${squares}:x`,
      `y=${squares}:y`,
    );
    expect(axis.from).toBeCloseTo(-2.4);
    expect(points).toHaveLength(100);
    for (const { x, y, target } of points) {
      expect(y).toBeCloseTo(x * x, 4);
      expect(target).toBe(y);
    }
    const [line] = lines;
    expect(line!.line.pieces).toHaveLength(1);
    const drawn = line!.line.pieces[0]!.filter(([x]) => Math.abs(x) <= 2);
    for (const [x, y] of drawn) expect(Math.abs(y - x * x), `at ${x}`).toBeLessThan(0.5);
    writeFileSync(at("some.csv"), `x\n${drawn.map(([x]) => x).join("\n")}\n`);
    const predicted = (await done("predict", ...model, "--data", "x=some.csv:x")).trim().split("\n").slice(1);
    expect(predicted.map(Number)).toEqual(drawn.map(([, y]) => expect.closeTo(y, 4)));
  });

  test("is drawn broken where it jumps", async () => {
    const { lines } = await numbers<CurvePlot>(example("gates.nn"), "--model", "Not");
    expect(lines[0]!.line.pieces).toHaveLength(2);
    expect(lines[0]!.line.ends).toEqual([
      { x: 0.5, y: 1, closed: true },
      { x: 0.5, y: 0, closed: false },
    ]);
  });
});

// ------------------------------------------------------------------------------------------------------ functions

const chapter = "leaky_relu,elu,softplus,swish,gelu,identity,step,sigmoid,tanh";

describe("functions", () => {
  test("have derivatives near central differences, all of the library's", async () => {
    const names = await functionsOfOneNumber();
    expect(names).toEqual(expect.arrayContaining(chapter.split(",")));
    const h = 1e-5;
    // Away from kinks and jumps, and where all but one have values.
    const points = Float64Array.from([0.13, 0.37, 0.61, 0.83]);
    const near = (got: number, want: number): number => Math.abs(got - want) / Math.max(1, Math.abs(want));
    for (const name of names) {
      const { evaluate } = await functionOfOneNumber(name);
      const xs = points.map((x) => (name === "acosh" ? 1 + x : x));
      const shifted = (by: number): Float64Array => xs.map((x) => x + by);
      const [, first, second] = evaluate(xs);
      const [above, below] = [evaluate(shifted(h)), evaluate(shifted(-h))];
      xs.forEach((x, i) => {
        const slope = (above[0][i]! - below[0][i]!) / (2 * h);
        const bend = (above[1][i]! - below[1][i]!) / (2 * h);
        expect(near(first[i]!, slope), `${name}' at ${x}`).toBeLessThan(1e-6);
        expect(near(second[i]!, bend), `${name}'' at ${x}`).toBeLessThan(1e-6);
      });
    }
  });

  test("of the chapter come by one command", async () => {
    const { functions, title } = await numbers<FunctionsPlot>(`std:${chapter}`);
    expect(title).toBe("Functions with their first and second derivatives");
    const elu = functions.find(({ name }) => name === "elu")!.lines[0].pieces[0]!;
    const near = (x: number): number => elu.find(([at_]) => Math.abs(at_ - x) < 1e-9)![1];
    expect([-1, 0, 1, 2].map(near)).toEqual([expect.closeTo(-0.6321, 4), 0, 1, 2]);
  });

  test("show jumps as jumps, with the value that there is", async () => {
    const { functions } = await numbers<FunctionsPlot>("std:relu,step,abs", "--range=-1:2");
    const ends = (k: number, order: 0 | 1): string =>
      functions[k]!.lines[order].ends.map(({ x, y, closed }) => `${x}:${y}${closed ? "*" : ""}`).join(" ");
    expect(ends(0, 0)).toBe("");
    expect(ends(0, 1)).toBe("0:0* 0:1");
    expect(ends(1, 0)).toBe("0:0 0:1*");
    expect(ends(2, 1)).toBe("0:-1 0:0* 0:1");
    const across = (line: Line): boolean =>
      line.pieces.some((piece) => piece.some(([x]) => x < 0) && piece.some(([x]) => x > 0));
    expect([functions[0]!.lines[1], functions[1]!.lines[0], functions[2]!.lines[1]].some(across)).toBe(false);
    expect(across(functions[0]!.lines[0])).toBe(true);
  });

  test("that are steep are not torn, and poles are not joined", () => {
    const line = (f: (x: number) => number): Line => lineOf((xs) => xs.map(f), { from: -1, to: 1 }, 100);
    const steep = line((x) => Math.tanh(1e4 * x));
    expect([steep.pieces.length, steep.ends]).toEqual([1, []]);
    const pole = line((x) => 1 / x);
    expect([pole.pieces.length, pole.ends]).toEqual([2, []]);
    expect(line((x) => (x < 0 ? NaN : Math.sqrt(x))).pieces).toHaveLength(1);
  });

  test("take arguments, formulas and lambdas, and are a program's own", async () => {
    writeFileSync(
      at("own.nn"),
      "const k = 3\nfn cube(x) = x ^ k\nmodel M { input x: [N]; output y = cube(x) }",
    );
    const value = async (what: string, order: 0 | 1 | 2 = 0): Promise<number> =>
      (await numbers<FunctionsPlot>(what, "--range=2:3")).functions[0]!.lines[order].pieces[0]![0]![1];
    expect(await value("own.nn:cube")).toBe(8);
    expect(await value("own.nn:cube", 2)).toBe(12);
    expect(await value("std:clamp(max = 1, min = 0)")).toBe(1);
    expect(await value("std:z => z^2 + 1", 1)).toBe(4);
    expect(await value("std:2 * relu(z)")).toBe(4);
  });

  test("are shown in a terminal, with or without braille", async () => {
    const plot = await numbers<FunctionsPlot>("std:relu", "--range=-2:2");
    const show = (unicode: boolean): string => showPlot(plot, { columns: 46, unicode, depth: "none" });
    expect(show(false)).toMatchInlineSnapshot(`
      "relu with its first and second derivative

            relu
       2.12 |
            |                                **
            |                              ***
            |                             **
            |                            **
            |                          ***
            |                         **
            |                 o+++++***++++++++
            |                      **
            |                     **
            |                   **
            |                  **
            |*****************O*...............
      -0.12 |
            +----------------------------------
             -2               z               2
        ** f   ++ f'   .. f''

      "
    `);
    expect(show(true)).toMatchInlineSnapshot(`
      "relu with its first and second derivative

            relu
       2.12 │                                 ⢀
            │                                ⣰⠋
            │                              ⢀⡜⠁
            │                             ⢠⠎
            │                            ⡴⠃
            │                          ⢀⡞⠁
            │                         ⣠⠏
            │                 ○⠉  ⠉⠉ ⡴⠉⠉  ⠉⠉  ⠉
            │                      ⢀⠞
            │                     ⣰⠋
            │                   ⢀⡼⠁
            │                  ⢠⠞
            │                 ⣰⠋
      -0.12 │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉●⠁ ⠁ ⠁ ⠁ ⠁ ⠁ ⠁ ⠁
            └──────────────────────────────────
             -2               z               2
        ── f   ╴╴ f′   ·· f″

      "
    `);
  });
});

// --------------------------------------------------------------------------------------------------------- images

describe("features that are pixels", () => {
  const data = ["--data", "x=images.npy", "y=labels.npy"];

  test("are the first layer's weights and the worst mistakes, in two files", async () => {
    const { code, stdout } = await runHere(
      ["plot", "pixels.nn", ...data, "--image", "4x4", "--seed", "5", "-o", "p.svg", "--json"],
      folder,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      pictures: [
        { file: "p-weights.svg", kind: "weights" },
        { file: "p-mistakes.svg", kind: "mistakes" },
      ],
    });
    expect(readFileSync(at("p-weights.svg"), "utf8").match(/data:image\/png;base64,/g)).toHaveLength(3);
    expect(existsSync(at("p.svg"))).toBe(false);
  });

  test("the mistakes are the rows whose wrong class is furthest ahead", async () => {
    const text = await done("plot", "pixels.nn", ...data, "--image", "4x4", "--seed", "5", "--json");
    const [weights, mistakes] = (JSON.parse(text) as { pictures: [ImagesPlot, ImagesPlot] }).pictures;
    expect(weights.images.map(({ values }) => values.length)).toEqual([16, 16, 16]);
    const net = await load((await compile(pixels)).wasm, { seed: 5 });
    expect(weights.images.flatMap(({ values }) => values)).toEqual([...net.get("z.0.weight").data]);
    const cells = Float32Array.from({ length: 40 * 16 }, (_, i) => ((i * 37) % 101) / 100);
    const p = net.predict({ x: cells })["p"]!.data;
    const wrong = Array.from({ length: 40 }, (_, row) => ({
      row,
      ahead: p[2 * row + 1 - (row % 2)]! - p[2 * row + (row % 2)]!,
    }))
      .filter(({ ahead }) => ahead > 0)
      .sort((a, b) => b.ahead - a.ahead);
    expect(mistakes.subtitle).toContain(`${wrong.length} of 40 rows`);
    expect(mistakes.images.map(({ values }) => values)).toEqual(
      wrong.slice(0, 25).map(({ row }) => [...cells.subarray(row * 16, row * 16 + 16)]),
    );
    expect(mistakes.images[0]!.caption).toBe(`${wrong[0]!.row % 2} taken for ${1 - (wrong[0]!.row % 2)}`);
  });
});

test("one probability tells two classes apart, in mistakes as elsewhere", async () => {
  writeFileSync(
    at("binary.nn"),
    "model B { input x: [N, 16]; target y: [N, 1]; param w: [1, 16] ~ constant(0.01); z = x @ w' - 0.07; output p = sigmoid(z); loss bce_with_logits(z, y) }",
  );
  const data = ["--data", "x=images.npy", "y=labels.npy"];
  const text = await done("plot", "binary.nn", "--image", "4x4", ...data, "--json");
  const mistakes = (JSON.parse(text) as { pictures: ImagesPlot[] }).pictures[1]!;
  const sums = Array.from({ length: 40 }, (_, row) =>
    Array.from({ length: 16 }, (_unused, i) => (((row * 16 + i) * 37) % 101) / 100).reduce((a, b) => a + b),
  );
  const wrong = sums.filter((sum, row) => 0.01 * sum > 0.07 !== (row % 2 === 1)).length;
  expect(wrong).toBeGreaterThan(0);
  expect(mistakes.subtitle).toContain(`${wrong} of 40 rows`);
});

// --------------------------------------------------------------------------------------------------- loss surface

describe("the loss surface", () => {
  test("is the loss of the weights moved along both directions", async () => {
    const plot = await numbers<LossSurfacePlot>(
      example("xor.nn"),
      "--weights",
      "xor.safetensors",
      ...ofXor,
      "--loss-surface",
      "--points",
      "5",
      "--seed",
      "2",
    );
    const net = await load((await compile(readFileSync(example("xor.nn"), "utf8"))).wasm);
    net.restore(readFileSync(at("xor.safetensors")));
    const data = {
      x: [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      y: [[0], [1], [1], [0]],
    };
    expect(plot.loss).toHaveLength(25);
    expect(plot.loss[12]).toBeCloseTo(net.loss(data), 7);
    const weights = net.manifest.parameters.map(({ path, shape }) => ({
      path,
      shape,
      data: net.get(path).data,
    }));
    const { directions } = planeOf(weights, {
      title: "",
      seed: 2,
      span: null,
      points: 5,
      path: [],
      progress: () => undefined,
    });
    const move = ([a, b]: readonly [Direction, Direction], x: number, y: number): void =>
      weights.forEach(({ path, data: own }, k) =>
        net.set(
          path,
          Float64Array.from(own, (value, i) => value + x * a[k]![i]! + y * b[k]![i]!),
        ),
      );
    move(directions, 1, -0.5);
    expect(plot.loss[1 * 5 + 4]).toBeCloseTo(net.loss(data), 6);
    move(directions, -0.5, 1);
    expect(plot.loss[4 * 5 + 1]).toBeCloseTo(net.loss(data), 6);
  });

  test("goes along directions whose filters are as long as the weights', and leaves biases", () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => (i - 3) / 7);
    const weights = [
      { path: "h.weight", shape: [3, 4], data },
      { path: "c.weight", shape: [2, 1, 2, 3], data },
      { path: "h.bias", shape: [3], data: data.slice(0, 3) },
    ];
    const [dense, conv, bias] = randomDirection(weights, 1);
    for (let row = 0; row < 3; row++)
      expect(norm(dense!.subarray(4 * row, 4 * row + 4))).toBeCloseTo(
        norm(data.subarray(4 * row, 4 * row + 4)),
        12,
      );
    for (let filter = 0; filter < 2; filter++)
      expect(norm(conv!.subarray(6 * filter, 6 * filter + 6))).toBeCloseTo(
        norm(data.subarray(6 * filter, 6 * filter + 6)),
        12,
      );
    expect([...bias!]).toEqual([0, 0, 0]);
    expect(randomDirection(weights, 1)).toEqual([dense, conv, bias]);
    expect(randomDirection(weights, 2)[0]).not.toEqual(dense);
  });

  test("lies in the plane of the path that training took, which ends at (0, 0)", async () => {
    const plot = await numbers<LossSurfacePlot>(
      example("xor.nn"),
      ...ofXor,
      "--weights",
      "xor.safetensors",
      "--loss-surface",
      "--history",
      "xor-history.safetensors",
      "--points",
      "3",
    );
    expect(plot.path.length).toBeGreaterThan(100);
    expect(plot.path.at(-1)).toEqual([0, 0]);
    const [a, b] = plot.path[0]!;
    expect(a).toBeGreaterThanOrEqual(plot.x.from);
    expect(b).toBeLessThanOrEqual(plot.y.to);
    // No point is further from the end in the plane than in the space of all weights, and the start nearly as far.
    const { weights, points } = await readHistory(at("xor-history.safetensors"));
    const [first, last] = [0, points.length - 1].map((k) =>
      [...weights.values()].flatMap(({ shape, data }) => {
        const size = data.length / shape[0]!;
        return [...data.subarray(k * size, (k + 1) * size)];
      }),
    );
    const whole = norm(first!.map((value, i) => value - last![i]!));
    expect(Math.hypot(a, b)).toBeLessThanOrEqual(whole * (1 + 1e-9));
    expect(Math.hypot(a, b)).toBeGreaterThan(0.9 * whole);
    expect(plot.x.name).toMatch(/^first principal component of the path \(\d+(\.\d)? %\)$/);
  });

  test("has the path's end for weights where none are given", async () => {
    const args = [
      example("xor.nn"),
      ...ofXor,
      "--loss-surface",
      "--history",
      "xor-history.safetensors",
      "--points",
      "3",
    ];
    const { title, path } = await numbers<LossSurfacePlot>(...args);
    expect(title).toBe("The loss around the weights of Xor after 300 steps");
    expect(path.at(-1)).toEqual([0, 0]);
  });

  test("has principal components where points lie in a plane", () => {
    const size = 40;
    const axis = (k: number): Float64Array =>
      Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0));
    // An ellipse, turned in the plane of two axes, three times as long as wide.
    const points = Array.from({ length: 24 }, (_, i) => {
      const [long, wide] = [3 * Math.cos((i * Math.PI) / 12), Math.sin((i * Math.PI) / 12)];
      const point = new Float64Array(size);
      point[7] = 0.6 * long - 0.8 * wide;
      point[21] = 0.8 * long + 0.6 * wide;
      return point;
    });
    const { directions, shares } = principalComponents(points);
    const [first, second] = [directions[0]!, directions[1]!];
    expect(Math.abs(dot(first, axis(7)))).toBeCloseTo(0.6, 10);
    expect(Math.abs(dot(first, axis(21)))).toBeCloseTo(0.8, 10);
    expect(dot(first, second)).toBeCloseTo(0, 10);
    expect([norm(first), norm(second)]).toEqual([expect.closeTo(1, 10), expect.closeTo(1, 10)]);
    expect(shares).toEqual([expect.closeTo(0.9, 10), expect.closeTo(0.1, 10)]);
    expect(principalComponents([axis(1), axis(1)]).shares).toEqual([expect.closeTo(1, 10)]);
    expect(principalComponents([new Float64Array(size)]).directions).toEqual([]);
  });
});

// -------------------------------------------------------------------------------------------- files, names, errors

describe("pictures", () => {
  test("of hostile names are well formed, and nothing in them is code", async () => {
    const data = ["--data", "x=kinds.csv:-kind", "y=kinds.csv:kind"];
    await done("plot", "kinds.nn", "--weights", "kinds.safetensors", ...data, "-o", "kinds.svg");
    const svg = readFileSync(at("kinds.svg"), "utf8");
    expect(svg).not.toMatch(/<script|<\/text>\s*<script/);
    expect(svg).toContain("&lt;/text&gt;&lt;script&gt;");
    expect(svg).toContain("a.b[0]");
    expect(svg).toContain('{"signal":"x"}');
    await done(
      "plot",
      "kinds.nn",
      "--weights",
      "kinds.safetensors",
      ...data,
      "-o",
      "kinds.png",
      "--theme",
      "dark",
    );
    expect([...readFileSync(at("kinds.png")).subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
  });

  test.each([
    ["curve", [example("square.nn"), "--seed", "1"]],
    [
      "loss-surface",
      [example("xor.nn"), "--weights", "xor.safetensors", ...ofXor, "--loss-surface", "--points", "7"],
    ],
    ["functions", ["std:relu,gelu"]],
  ] as const)("are drawn of each kind: %s", async (kind, args) => {
    const { stdout, code } = await runHere(["plot", ...args, "-o", "drawn.svg", "--json"], folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ pictures: [{ file: "drawn.svg", kind }] });
    const svg = readFileSync(at("drawn.svg"), "utf8");
    expect(svg).toMatch(/^<svg [^>]*role="img"/);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  test("have regions where the numbers are, rows from the bottom", async () => {
    // As high as the row, and NaN in the first column.
    const values = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2].map((value, i) => (i % 4 === 0 ? NaN : value));
    const size = { width: 300, height: 200 };
    const [all, upper] = await bandsOf({ columns: 4, rows: 3, values }, [0, 1.5], size);
    const reach = (region: Region, k: 0 | 1): number[] => {
      const all_ = region.coordinates.flat(2).map((place) => place[k]!);
      return [Math.min(...all_), Math.max(...all_)];
    };
    // Half of a cell beyond the plot, which is clipped.
    expect([reach(all!, 0), reach(all!, 1)]).toEqual([
      [50, 350],
      [-50, 250],
    ]);
    expect(reach(upper!, 1)).toEqual([-50, 50]);
  });

  test("leave out what is no number, and cut off what goes to a pole", async () => {
    writeFileSync(
      at("pole.nn"),
      "model constructor { input x: [N, 2]; output toString = log(x[:, 0]) / x[:, 1] }",
    );
    const plot = await numbers<SurfacePlot>("pole.nn");
    const [{ values, low, high }] = plot.panels as [SurfacePlot["panels"][0]];
    expect(values.filter((value) => value === null).length).toBeGreaterThan(0.2 * values.length);
    expect(values.filter((value) => value !== null && (value < low || value > high)).length).toBeGreaterThan(
      0,
    );
    expect(high - low).toBeLessThan(100);
    await done("plot", "pole.nn", "-o", "pole.svg");
    expect(readFileSync(at("pole.svg"), "utf8")).not.toMatch(/NaN|Infinity/);
  });

  test("of a million points draw two thousand, with the outermost", async () => {
    const rows = 1_000_000;
    const xs = Float32Array.from({ length: 2 * rows }, (_, i) => ((i * 7919) % 10_007) / 10_007);
    xs[2 * 123_457] = 9;
    writeFileSync(at("many.npy"), writeNpy(xs, [rows, 2]));
    const args = ["plot", example("xor.nn"), "--data", "x=many.npy", "--range=-1:10,-1:2"];
    const { points } = (JSON.parse(await done(...args, "--json")) as { pictures: [SurfacePlot] }).pictures[0];
    expect(points.length).toBeLessThan(2100);
    expect(points.some(({ x }) => x === 9)).toBe(true);
  });
});

test.each([
  ["a name that is misspelt", ["std:sofplus"], 1, "unknown-function", "did you mean `softplus`?"],
  ["a function of rows", ["std:softmax"], 1, "not-one-number", "gelu, gelu_erf"],
  ["a function of two", ["std:mse"], 1, "not-one-number", "needs `y`"],
  ["text that is no expression", ["std:};model X{"], 1, "not-one-number", "expected"],
  ["no function", ["std:"], 2, "bad-usage", "std:gelu"],
  ["options that a function has no use for", ["std:relu", "--weights", "w"], 2, "bad-option", "--weights"],
  ["layers of a function", ["std:relu", "--layers"], 2, "bad-option", "--layers is for models"],
  ["a function's loss", ["std:relu", "--loss-surface"], 2, "bad-option", "--loss-surface is for models"],
  ["two ranges of a function", ["std:relu", "--range=0:1,0:1"], 2, "bad-option", "one axis"],
  ["a range that is none", ["std:relu", "--range=1:0"], 2, "bad-usage", "a below b"],
  ["one range for two features", [example("xor.nn"), "--range=0:1"], 2, "bad-option", "`x[0]` and `x[1]`"],
  ["four features", [example("iris.nn")], 1, "no-picture", "--image HxW"],
  ["an image of another size", ["pixels.nn", "--image", "3x3"], 2, "bad-option", "9 pixels"],
  ["an output that rows share", ["coupled.nn"], 1, "no-picture", "depends on the other rows"],
  ["a loss without data", [example("xor.nn"), "--loss-surface"], 2, "bad-usage", "add --data"],
  [
    "a loss surface of no loss",
    [example("gates.nn"), "--model", "And", "--loss-surface"],
    1,
    "no-loss",
    "no loss",
  ],
  ["another ending", ["std:relu", "-o", "p.pdf"], 2, "bad-option", "p.svg"],
  [
    "weights of another model",
    ["pixels.nn", "--image", "4x4", "--weights", "xor.safetensors"],
    1,
    "bad-weights",
    "",
  ],
])("%s: an error", async (_, args, expected, errorCode, says) => {
  const { code, stdout, stderr } = await runHere(["plot", ...args, "--json"], folder);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; message: string; help?: string }[];
  };
  expect([code, diagnostics[0]!.code], stderr).toEqual([expected, errorCode]);
  expect(`${diagnostics[0]!.message} ${diagnostics[0]!.help ?? ""}`).toContain(says);
});
