/** `nndsl sweep`: every combination with every seed, however it is spread, stopped or broken. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { splitAtCommas } from "../cli/commas.ts";
import { drawSweep } from "../cli/sweep/draw.ts";
import { gridOf } from "../cli/sweep/grid.ts";
import { cellsOf, quartiles } from "../cli/sweep/measures.ts";
import type { Run } from "../cli/sweep/run.ts";
import { drawSvg } from "../cli/pictures/render.ts";
import { cliPath, runCli, runHere, type CliResult } from "./helpers/run-cli.ts";

const examples = fileURLToPath(new URL("../examples/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nndsl-sweep-"));
// The processes of a sweep need not compile our sources each time.
process.env["NODE_COMPILE_CACHE"] ??= join(folder, "cache");
afterAll(() => rmSync(folder, { recursive: true }));

const xy = ["--data", "x=square.csv:x", "y=square.csv:y"];
const square = ["square.nn", ...xy, "--batch", "100"];
/** The textbook's: 2, 4 and 8 units, 20 seeds each. */
const units = [...square, "--set", "units=2,4,8", "--seeds", "20", "--epochs", "100"];

/** So small that it is compiled quickly, with all kinds of settings. */
const tiny = `model Tiny(sizes = [2], act = relu, deep = false) {
  input x: [N, 1]
  target y: [N, 1]
  h = x
  for n in sizes { h = dense(h, n, act) }
  if deep { h = dense(h, 2) }
  z = dense(h, 1)
  output z
  metric far = max(abs(z - y))
  loss mse(z, y)
  optimizer sgd(lr = 0.01)
}`;

beforeAll(() => {
  cpSync(join(examples, "square.nn"), join(folder, "square.nn"));
  cpSync(join(examples, "data/square.csv"), join(folder, "square.csv"));
  writeFileSync(join(folder, "tiny.nn"), tiny);
});

const sweep = (args: readonly string[]): Promise<CliResult> => runHere(["sweep", ...args], folder);
/** In one process, since starting one is most of the work. */
const tinySweep = (args: readonly string[], data: readonly string[] = xy): Promise<CliResult> =>
  sweep(["tiny.nn", ...data, "--jobs", "1", ...args]);

interface Result {
  readonly runs: readonly {
    readonly settings: Readonly<Record<string, number | string>>;
    readonly seed: number;
    readonly loss: number | null;
    readonly metrics: Readonly<Record<string, number | null>>;
    readonly test?: { readonly loss: number; readonly metrics: Readonly<Record<string, number>> };
    readonly failed?: { readonly code: string; readonly message: string };
  }[];
  readonly pictures: readonly { readonly file: string; readonly kind: string }[];
}
const resultOf = ({ stdout, stderr }: CliResult): Result => {
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as Result;
};

const contents = (name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(join(folder, name)).map((file) => [file, readFileSync(join(folder, name, file), "utf8")]),
  );
const csvOf = (name: string): readonly Record<string, string>[] =>
  Papa.parse<Record<string, string>>(readFileSync(join(folder, name, "runs.csv"), "utf8").trimEnd(), {
    header: true,
  }).data;

describe("a sweep", () => {
  let done: CliResult;
  beforeAll(async () => {
    done = await sweep([...units, "--jobs", "2", "--json", "-o", "whole"]);
  });

  test("trains each combination with each seed, compiled once", () => {
    expect(done.code, done.stderr).toBe(0);
    expect(done.stderr.match(/^compiling /gm)).toHaveLength(3);
    const { runs } = resultOf(done);
    const expected = [2, 4, 8].flatMap((n) => Array.from({ length: 20 }, (_, seed) => [n, seed]));
    expect(runs.map(({ settings, seed }) => [settings["units"], seed])).toEqual(expected);
  });

  test("shows that the error of the textbook's net falls with its width", () => {
    const { runs } = resultOf(done);
    const [two, four, eight] = [2, 4, 8].map((n) => {
      const losses = runs.filter(({ settings }) => settings["units"] === n).map(({ loss }) => loss!);
      const sorted = losses.toSorted((a, b) => a - b);
      return (sorted[9]! + sorted[10]!) / 2;
    }) as [number, number, number];
    expect(four).toBeLessThan(two);
    expect(eight).toBeLessThan(four);
  });

  test("has the numbers of `train` with the same seed", async () => {
    const args = [...square, "--set", "units=4", "--seed", "7", "--epochs", "100", "--json"];
    const trained = await runHere(["train", ...args], folder);
    const { loss } = JSON.parse(trained.stdout) as { loss: number };
    const run = resultOf(done).runs.find(({ settings, seed }) => settings["units"] === 4 && seed === 7);
    expect(run!.loss).toBe(loss);
  });

  test("writes its runs as a table and as JSON, and its pictures", () => {
    const files = contents("whole");
    const { runs, pictures } = resultOf(done);
    expect(pictures).toEqual([
      { file: "distribution-loss.svg", kind: "distribution" },
      { file: "curves.svg", kind: "curves" },
    ]);
    expect(Object.keys(files).sort()).toEqual(
      ["runs.csv", "runs.json", ...pictures.map(({ file }) => file)].sort(),
    );
    expect(csvOf("whole").map((row) => [row["units"], row["seed"], row["loss"], row["failed"]])).toEqual(
      runs.map(({ settings, seed, loss }) => [String(settings["units"]), String(seed), String(loss), ""]),
    );
    const kept = JSON.parse(files["runs.json"]!) as Result;
    expect(kept.runs).toMatchObject(runs);
    for (const { file } of pictures) expect(files[file]).toMatch(/^<svg .*Square.*<\/svg>\n$/s);
    // A point for each run, and a box and a line for each width.
    const marks = (kind: string): readonly (RegExpMatchArray | null)[] =>
      [
        ...files["distribution-loss.svg"]!.matchAll(
          new RegExp(`<g class="mark-${kind} role-mark.*?</g>`, "g"),
        ),
      ].map(([group]) => group.match(/<path/g));
    expect(marks("symbol").map((paths) => paths?.length)).toEqual([60]);
    expect(marks("rect").map((paths) => paths?.length)).toEqual([3, 3]);
  });

  test("goes on where it was stopped, to the same bytes", async () => {
    cpSync(join(folder, "whole"), join(folder, "half"), { recursive: true });
    const path = join(folder, "half/runs.json");
    const lines = readFileSync(path, "utf8").split("\n");
    // Runs of all widths are missing, and all of the last.
    const left = lines.filter((line) => !/"units":8|"seed":1[0-9]?,/.test(line));
    expect(left.length).toBeLessThan(lines.length - 20);
    const text = left.join("\n").replace(/,(\s*\],\s*"pictures")/, "$1");
    writeFileSync(path, text);
    for (const file of ["curves.svg", "runs.csv"]) rmSync(join(folder, "half", file));
    // In another number of processes, too.
    const resumed = await sweep([...units, "--jobs", "1", "--resume", "-o", "half"]);
    expect(resumed.code, resumed.stderr).toBe(0);
    const [header, first] = resumed.stdout.split("\n");
    expect(header).toMatch(/^ {2}units {2}runs {2}loss +quartiles$/);
    expect(first).toMatch(/^ {2}2 +20 +\d\S* +\S+ … \S+$/);
    expect(resumed.stderr).toMatch(/, \d+ runs left/);
    expect(contents("half")).toEqual(contents("whole"));
  });

  test("leaves other runs alone", async () => {
    const before = contents("whole");
    const swapped = units.map((word) =>
      word.replace(/^(x|y)=square.csv:./, (_, to) => `${to}=square.csv:${to === "x" ? "y" : "x"}`),
    );
    const again = await sweep([...units, "-o", "whole"]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("error[has-runs]");
    expect(again.stderr).toContain("--resume");
    for (const [args, word] of [
      [[...units, "--epochs", "99"], "--epochs"],
      [[...units, "--batch", "10"], "--batch"],
      [swapped, "--data"],
      [[...units, "--opt", "lr=0.1"], "with --set units"],
    ] as const) {
      const { code, stderr } = await sweep([...args, "--resume", "-o", "whole"]);
      expect(code).toBe(2);
      expect(stderr).toContain("error[cannot-resume]");
      expect(stderr).toContain(word);
    }
    expect(contents("whole")).toEqual(before);
  });

  test("are never lost: what they have can be added to alone", async () => {
    const before = contents("whole");
    for (const [args, missing, help] of [
      [["--set", "units=16"], "units=2, units=4, units=8", "--set units=2,4,8,16 --seed 0 --seeds 20"],
      [["--set", "units=8,2"], "units=4", "--set units=2,4,8 --seed 0 --seeds 20"],
      [["--seeds", "19"], "seed 19", "--seed 0 --seeds 20"],
      [["--seed", "2"], "seed 0, seed 1", "--seed 0 --seeds 22"],
      [["--seeds", "2"], "seed 6, seed 7, and 12 more", "--seed 0 --seeds 20"],
    ] as const) {
      const typed = args[0] === "--set" ? [...square, ...units.slice(square.length + 2)] : units;
      const { code, stderr } = await sweep([...typed, ...args, "--resume", "-o", "whole"]);
      expect(code).toBe(2);
      expect(stderr).toContain("error[cannot-resume]");
      expect(stderr).toContain(missing);
      expect(stderr.replaceAll(/\s+/g, " ")).toContain(help);
    }
    expect(contents("whole")).toEqual(before);
  });

  test("refuses runs that it did not write", async () => {
    mkdirSync(join(folder, "foreign"));
    for (const text of ["", "{}", '{"recipe":{},"axes":[],"runs":[{"seed":1}],"pictures":[]}']) {
      writeFileSync(join(folder, "foreign/runs.json"), text);
      const { code, stderr } = await sweep([...units, "--resume", "-o", "foreign"]);
      expect(code).toBe(2);
      expect(stderr).toContain("is not what a sweep writes");
    }
  });
});

describe("runs that fail", () => {
  test("are rows that say why, where others are trained", async () => {
    const args = [
      "--set",
      "act=relu,nonsense,tanh",
      "--opt",
      "lr=0.01,1e30",
      "--seeds",
      "2",
      "--epochs",
      "30",
    ];
    const { code, stderr, stdout } = await tinySweep([...args, "--json", "-o", "failing"]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("error[unknown-name]: ");
    const { runs } = resultOf({ code, stderr, stdout });
    const found = runs.map(({ settings: { act, lr }, failed }) => [act, lr, failed?.code]);
    const twice = (row: unknown[]): unknown[][] => [row, row];
    expect(found).toEqual([
      ...twice(["relu", 0.01, undefined]),
      ...twice(["relu", 1e30, "diverged"]),
      ...twice(["nonsense", 0.01, "unknown-name"]),
      ...twice(["nonsense", 1e30, "unknown-name"]),
      ...twice(["tanh", 0.01, undefined]),
      ...twice(["tanh", 1e30, "diverged"]),
    ]);
    for (const { failed, loss } of runs) expect(failed === undefined).toBe(loss !== null);
    const rows = csvOf("failing");
    expect(rows[2]!["failed"]).toMatch(/^diverged: The loss stopped being finite at step \d/);
    expect(rows[2]!["loss"]).toBe("");
    expect(readFileSync(join(folder, "failing/distribution-loss.svg"), "utf8")).toContain("(2 of 2 failed)");
  });

  test("are no success where there are no others", async () => {
    const { code, stderr, stdout } = await tinySweep([
      "--opt",
      "lr=1e30,1e31",
      "--seeds",
      "2",
      "--json",
      "-o",
      "lost",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("error[all-runs-failed]");
    expect(JSON.parse(stdout)).toMatchObject({ diagnostics: [{ code: "all-runs-failed" }] });
    expect(csvOf("lost")).toHaveLength(4);
  });

  test("of a program that does not compile at all are its errors, and nothing is written", async () => {
    const { code, stderr } = await tinySweep(["--set", "act=none,nonsense", "-o", "wrong"]);
    expect(code).toBe(1);
    expect(stderr).toContain("error[unknown-name]");
    expect(stderr).not.toContain("training");
    expect(readdirSync(join(folder, "wrong"))).toEqual([]);
  });
});

describe("mistakes are told before anything is trained", () => {
  test.each([
    [["--seeds", "1"], "there is nothing to sweep"],
    [["--set", "act=relu", "--set", "act=tanh"], "given twice"],
    [["--set", "act=relu,tanh,relu"], "The value relu is repeated"],
    [["--set", "act=relu,,tanh"], "comma with no value"],
    [["--opt", "lr=0.1,fast"], "fast is not a number"],
    [["--set", "lr=0.1", "--opt", "lr=0.1"], "by --set and by --opt"],
    [["--seed", "4294967290"], "the last seed would be"],
    [["--seeds", "1000000"], "more than 100,000 runs"],
    [["--test", "x=missing.csv", "y=square.csv:y"], "there is no file missing.csv"],
    [["--set", "acct=relu,tanh"], "did you mean `act`?"],
    [["--opt", "lt=0.1,0.2"], "did you mean `lr`?"],
  ])("%j", async (args, message) => {
    const { code, stderr } = await tinySweep([...args, "-o", "mistaken"]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("training");
    expect(existsSync(join(folder, "mistaken/runs.json"))).toBe(false);
  });

  test("data that is wrong", async () => {
    const { code, stderr } = await tinySweep(
      ["-o", "mistaken"],
      ["--data", "x=square.csv:x,y", "y=square.csv:y"],
    );
    expect(code).toBe(1);
    expect(stderr).toContain("error[data-");
    expect(stderr).not.toContain("training");
  });

  test("a folder that may not be written to", async () => {
    mkdirSync(join(folder, "sealed"), { mode: 0o555 });
    const { code, stderr } = await tinySweep(["-o", "sealed"]);
    expect(code).toBe(2);
    expect(stderr).toContain("error[not-writable]");
    expect(stderr).not.toContain("compiling");
  });
});

describe("validation", () => {
  test("has the numbers of `train`, whose seed draws the rows, and curves", async () => {
    const args = ["--validate", "0.2", "--epochs", "5"];
    const { code, stderr, stdout } = await tinySweep([...args, "--seeds", "3", "--json", "-o", "validated"]);
    expect(code, stderr).toBe(0);
    const { runs, pictures } = resultOf({ code, stderr, stdout });
    const trained = await runHere(["train", "tiny.nn", ...xy, ...args, "--seed", "1", "--json"], folder);
    const { loss, metrics, validation } = JSON.parse(trained.stdout) as object & Record<string, unknown>;
    expect(runs[1]).toEqual({ settings: {}, seed: 1, loss, metrics, validation });
    expect(csvOf("validated")[1]!["validation.loss"]).toBe(String((validation as { loss: number }).loss));
    const files = pictures.map(({ file }) => file);
    expect(files).toEqual(
      expect.arrayContaining(["curves-validation.svg", "distribution-validation-far.svg"]),
    );
    // What is read back is what was written.
    const before = contents("validated");
    expect((await tinySweep([...args, "--seeds", "3", "--resume", "-o", "validated"])).code).toBe(0);
    expect(contents("validated")).toEqual(before);
    const more = await tinySweep([...args, "--seeds", "5", "--resume", "--json", "-o", "validated"]);
    expect(more.stderr).toContain("2 runs left");
    expect(resultOf(more).runs.slice(0, 3)).toEqual(runs);
    expect(resultOf(more).runs.map(({ seed }) => seed)).toEqual([0, 1, 2, 3, 4]);
    const changed = ["--validate", "0.1", "--epochs", "5", "--seeds", "5", "--resume", "-o", "validated"];
    const other = await tinySweep(changed);
    expect(other.stderr).toContain("with another --validate");
  });
});

describe("values", () => {
  test("are separated by commas outside of brackets", () => {
    expect(splitAtCommas("[8,8],[16]")).toEqual(["[8,8]", "[16]"]);
    expect(splitAtCommas("z => elu(z, 0.5), relu")).toEqual(["z => elu(z, 0.5)", "relu"]);
    expect(splitAtCommas("1,,2")).toEqual(["1", "", "2"]);
    expect(splitAtCommas("a],b")).toEqual(["a]", "b"]);
  });

  test("of any look stand in the table as they were typed", async () => {
    const args = [
      "--set",
      "sizes=[2,2],[3]",
      "--set",
      "act=z => elu(z, 0.5),relu",
      "--seeds",
      "1",
      "--epochs",
      "2",
    ];
    const test = ["--test", "x=square.csv:x", "y=square.csv:y"];
    const { code, stderr, stdout } = await tinySweep([...args, ...test, "--json", "-o", "lists"]);
    expect(code, stderr).toBe(0);
    const rows = csvOf("lists");
    expect(rows.map(({ sizes, act }) => [sizes, act])).toEqual([
      ["[2,2]", "z => elu(z, 0.5)"],
      ["[2,2]", "relu"],
      ["[3]", "z => elu(z, 0.5)"],
      ["[3]", "relu"],
    ]);
    // The test is the data here.
    for (const row of rows) expect([row["test.loss"], row["test.far"]]).toEqual([row["loss"], row["far"]]);
    const { runs, pictures } = resultOf({ code, stderr, stdout });
    for (const run of runs) expect(run.test).toEqual({ loss: run.loss, metrics: run.metrics });
    expect(pictures.map(({ file }) => file)).toEqual([
      "distribution-loss.svg",
      "distribution-far.svg",
      "distribution-test-loss.svg",
      "distribution-test-far.svg",
      "curves.svg",
    ]);
  });

  test("are found by combination in one pass over the runs", () => {
    const values = Array.from({ length: 500 }, (_, i) => String(i));
    const grid = gridOf([{ kind: "opt", name: "lr", values }], 0, 2);
    let reads = 0;
    const runs = grid.combinations.flatMap((_, combination) =>
      grid.seeds.map((seed): Run => {
        const own = { loss: combination + seed, metrics: {} };
        const outcome = {
          kind: "trained",
          own,
          validation: null,
          test: null,
          history: { loss: [] },
        } as const;
        return {
          seed,
          outcome,
          get combination() {
            reads++;
            return combination;
          },
        };
      }),
    );
    const losses = cellsOf(grid, runs).map(({ trained }) => trained.map(({ own }) => own.loss));
    expect(losses).toEqual(grid.combinations.map((_, i) => [i, i + 1]));
    expect(reads).toBeLessThan(3 * runs.length);
  });

  test("have quartiles as NumPy computes them", () => {
    expect(quartiles([])).toBeNull();
    expect(quartiles([3])).toEqual({ low: 3, median: 3, high: 3 });
    // numpy.quantile([4, 1, 3, 2], [0.25, 0.5, 0.75])
    expect(quartiles([4, 1, 3, 2])).toEqual({ low: 1.75, median: 2.5, high: 3.25 });
  });
});

describe("pictures", () => {
  /** Runs whose loss is given by their values. */
  const runsOf = (grid: ReturnType<typeof gridOf>, loss: (values: readonly number[]) => number): Run[] =>
    grid.combinations.flatMap(({ values }, combination) =>
      grid.seeds.map((seed) => {
        const value = loss(values.map(Number)) + seed;
        const own = { loss: value, metrics: {} };
        return {
          combination,
          seed,
          outcome: { kind: "trained", own, validation: null, test: null, history: { loss: [3, 2, value] } },
        };
      }),
    );

  test("have a heat map for two settings that are numbers, in the order of the numbers", async () => {
    const grid = gridOf(
      [
        { kind: "set", name: "width", values: ["16", "4"] },
        { kind: "opt", name: "lr", values: ["0.1", "0.01", "1"] },
      ],
      0,
      3,
    );
    const drawn = drawSweep(
      "Net",
      grid,
      runsOf(grid, ([width, lr]) => width! * lr!),
    );
    const map = drawn.find(({ kind }) => kind === "heat map")!;
    expect(map.file).toBe("heat-width-lr-loss.svg");
    const svg = await drawSvg(map.picture);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
    // Medians over the seeds 0, 1, 2.
    for (const [width, lr] of [16, 4].flatMap((w) => [0.1, 0.01, 1].map((l) => [w, l] as const)))
      expect(texts).toContain(String(Number((width * lr + 1).toPrecision(3))));
    const at = (text: string): number => texts.indexOf(text);
    expect(at("0.01")).toBeLessThan(at("0.1"));
    expect(at("16")).toBeLessThan(at("4"));
  });

  test("of metrics whose names differ in their case alone are files of their own", () => {
    const grid = gridOf([], 0, 2);
    const runs = runsOf(grid, () => 1).map((run) => ({
      ...run,
      outcome: { ...run.outcome, own: { loss: 1, metrics: { far: 1, Far: 2 } } },
    }));
    const files = drawSweep("Net", grid, runs).map(({ file }) => file);
    expect(files).toEqual(
      ["loss", "far", "far-2"].map((name) => `distribution-${name}.svg`).concat("curves.svg"),
    );
  });

  test("of many combinations still show each of them", async () => {
    const values = Array.from({ length: 40 }, (_, i) => `[${i}, "a very long, <name> & more ${i}"]`);
    const grid = gridOf([{ kind: "set", name: "sizes", values }], 0, 2);
    for (const { picture, kind } of drawSweep(
      "Net",
      grid,
      runsOf(grid, () => 1),
    )) {
      const svg = await drawSvg(picture);
      const missing = values.filter((_, i) => !svg.includes(`>[${i}, "a very`));
      expect(missing, kind).toEqual([]);
    }
  });
});

/** Enough epochs for a signal to arrive in the midst of them. */
const long = [
  "tiny.nn",
  ...xy,
  "--batch",
  "100",
  "--set",
  "sizes=[2],[100]",
  "--seeds",
  "3",
  "--epochs",
  "1500",
];

describe("a process", () => {
  test("that is interrupted keeps what is done; resumed, it ends with the bytes of one that was not", async () => {
    let asked = false;
    const stopped = await runCli(["sweep", ...long, "--jobs", "1", "--json", "-o", "stopped"], {
      cwd: folder,
      onStderr: (text, child) => {
        if (asked || !text.includes("sizes=[2]: 3 runs")) return;
        asked = true;
        child.kill("SIGINT");
      },
    });
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toMatch(/stopped by Ctrl-C, after [345] of 6 runs; .*runs\.json; --resume/);
    expect(Object.keys(contents("stopped")).sort()).toEqual(["runs.csv", "runs.json"]);
    const kept = JSON.parse(contents("stopped")["runs.json"]!) as Result;
    const printed = resultOf(stopped);
    expect(printed).toMatchObject({ model: "Tiny", pictures: [], interrupted: true });
    expect(printed.runs.length).toBeGreaterThan(2);
    expect(kept.runs).toMatchObject(printed.runs);
    const resumed = await sweep([...long, "--jobs", "1", "--resume", "-o", "stopped"]);
    expect(resumed.stderr).not.toContain("with sizes=[2]");
    const { code } = await sweep([...long, "--jobs", "1", "-o", "unstopped"]);
    expect([resumed.code, code]).toEqual([0, 0]);
    expect(contents("stopped")).toEqual(contents("unstopped"));
  });

  test("that is interrupted before anything is trained says so", async () => {
    const before = process.listenerCount("SIGINT");
    const listening = setInterval(() => {
      if (process.listenerCount("SIGINT") === before) return;
      clearInterval(listening);
      process.emit("SIGINT", "SIGINT");
    }, 1);
    const { code, stdout, stderr } = await tinySweep(["--json", "-o", "early"]);
    clearInterval(listening);
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("stopped by Ctrl-C, after 0 of 10 runs; nothing was trained");
    expect(JSON.parse(stdout)).toMatchObject({ runs: [], pictures: [], interrupted: true });
    expect(readdirSync(join(folder, "early"))).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("that has no room for its pictures keeps its runs", async () => {
    const args = ["tiny.nn", ...xy, "--seeds", "2", "--epochs", "2", "-o", "narrow"];
    // Files of at most 8 KB: a picture has more.
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", 'ulimit -f 8; exec "$@"', "bash", process.execPath, cliPath, "sweep", ...args],
      { cwd: folder, encoding: "utf8" },
    );
    expect(status, stderr).toBe(2);
    expect(stderr).toContain("--resume draws the pictures");
    expect(Object.keys(contents("narrow")).sort()).toEqual(["runs.csv", "runs.json"]);
    const resumed = await sweep([...args, "--resume"]);
    expect(resumed.stderr).toContain("all 2 runs of Tiny are there");
    expect(existsSync(join(folder, "narrow/curves.svg"))).toBe(true);
  });

  test.skipIf(process.platform !== "linux")("of its own that is killed is replaced", async () => {
    const children = (): readonly string[] =>
      readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").match(/\d+/g) ?? [];
    const before = children();
    let killed = 0;
    const looking = setInterval(() => {
      const [child] = children().filter((pid) => !before.includes(pid));
      if (child === undefined) return;
      clearInterval(looking);
      setTimeout(() => (killed = Number(process.kill(Number(child), "SIGKILL"))), 150);
    }, 10);
    const { code, stderr } = await sweep([...long, "--jobs", "2", "-o", "killed"]);
    clearInterval(looking);
    expect(killed).toBe(1);
    expect(code, stderr).toBe(0);
    expect(contents("killed")).toEqual(contents("unstopped"));
  });
});
