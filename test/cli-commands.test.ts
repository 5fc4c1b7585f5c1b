/** The commands on real models: what they write, print and promise. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { check, getFileInfo } from "prettier";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { readSafetensors } from "../runtime/safetensors.ts";
import { runCli, runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-commands-"));
const at = (name: string): string => join(folder, name);
const write = (name: string, text: string | Uint8Array): void => writeFileSync(at(name), text);
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);
const runApart = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: folder });

async function json(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

beforeAll(() => {
  write(
    "line.nn",
    `model Line {
  input x: [N, 2]
  target y: [N, 1]
  p = dense(x, 1)
  output p
  loss mse(p, y)
  optimizer sgd(lr = 0.05, momentum = 0.5)
}
`,
  );
  const rows = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(2 * i)] as const);
  // y = 3a - 2b + 1
  write("line.csv", `a,b,y\n${rows.map(([a, b]) => `${a},${b},${3 * a - 2 * b + 1}`).join("\n")}\n`);
  write(
    "pets.nn",
    `model Pets {
  input x: [N, 1]
  target y: int[N]
  z = dense(x, 2)
  output probs = softmax(z)
  output half = x / 2
  metric accuracy(z, y)
  loss cross_entropy(z, y)
  optimizer adam(lr = 0.3)
}
`,
  );
  write("pets.csv", "weight,kind\n4,cat\n5,cat\n3,cat\n20,dog\n30,dog\n25,dog\n");
});

const lineData = ["--data", "x=line.csv:a,b", "y=line.csv:y"];

describe("compile", () => {
  test("writes a module that another program loads, and says what it wrote", async () => {
    const result = await json("compile", "line.nn", "-o", "out");
    expect(result).toMatchObject({ model: "Line", wasm: { file: join("out", "line.wasm") }, parameters: 3 });
    expect(readdirSync(at("out")).sort()).toEqual(["line.d.ts", "line.js", "line.wasm"]);
    const wasm = readFileSync(at("out/line.wasm"));
    expect(result.wasm.bytes).toBe(wasm.length);
    expect(result.wasm.gzip).toBe(gzipSync(wasm).length);
    expect(WebAssembly.validate(wasm)).toBe(true);

    const { load } = await import(pathToFileURL(at("out/line.js")).href);
    const net = await load();
    net.set("p.weight", [3, -2]);
    net.set("p.bias", [1]);
    expect([...net.predict({ x: [[1, 1]] }).p.data]).toEqual([2]);
  });

  test("relaxed comes with a strict module, which is taken where an engine has no relaxed SIMD", async () => {
    const result = await json("compile", "line.nn", "-o", "relaxed", "--simd", "relaxed");
    expect(readdirSync(at("relaxed")).sort()).toEqual([
      "line.d.ts",
      "line.js",
      "line.strict.wasm",
      "line.wasm",
    ]);
    for (const [file, { bytes, gzip }] of [
      ["line.wasm", result.wasm],
      ["line.strict.wasm", result.fallback],
    ]) {
      const wasm = readFileSync(at(`relaxed/${file}`));
      expect({ bytes, gzip }).toEqual({ bytes: wasm.length, gzip: gzipSync(wasm).length });
    }
    expect((await json("compile", "line.nn", "-o", "out")).fallback).toBeUndefined();
    expect(readFileSync(at("relaxed/line.strict.wasm"))).toEqual(readFileSync(at("out/line.wasm")));

    const { load } = await import(pathToFileURL(at("relaxed/line.js")).href);
    expect((await load()).manifest.simd).toBe("relaxed");
    const { validate } = WebAssembly;
    // An engine without it refuses what holds f32x4.relaxed_madd, 0xfd 0x105.
    const older = vi.spyOn(WebAssembly, "validate").mockImplementation((source) => {
      const code = Buffer.from(source as Uint8Array<ArrayBuffer>);
      return !code.includes(Buffer.of(0xfd, 0x85, 0x02)) && validate(source);
    });
    expect((await load()).manifest.simd).toBe("strict");
    older.mockRestore();
  });

  test("files of two compilations do not go together, and what the new one lacks is removed", async () => {
    await json("compile", "line.nn", "-o", "twice", "--simd", "relaxed");
    const old = readFileSync(at("twice/line.wasm"));
    write("twice/line.threads.js", "// My own.\n");
    write("twice/.line.js.nndsl-99999999-0.tmp", "half");
    write("steep.nn", readFileSync(at("line.nn"), "utf8").replace("0.05", "0.5"));
    await json("compile", "steep.nn", "-o", "twice");
    expect(readdirSync(at("twice")).sort()).toEqual(["line.d.ts", "line.js", "line.threads.js", "line.wasm"]);
    const { load } = await import(pathToFileURL(at("twice/line.js")).href);
    expect((await load()).hyper.lr).toBe(0.5);
    write("twice/line.wasm", old);
    await expect(load()).rejects.toMatchObject({ code: "wrong-build" });
  });

  test.each(["ast", "ir", "grad", "kernels", "as", "wat"])(
    "--emit %s prints and writes nothing",
    async (stage) => {
      const before = readdirSync(folder).sort();
      const { code, stdout } = await run("compile", "line.nn", "--emit", stage);
      expect(code).toBe(0);
      expect(stdout.length).toBeGreaterThan(100);
      expect(readdirSync(folder).sort()).toEqual(before);
    },
  );

  test("an error in the program: exit code 1, the place, and no files", async () => {
    write("wrong.nn", "model Wrong {\n  input x: [N, 2]\n  output p = dens(x, 1)\n}\n");
    const { code, stdout, stderr } = await runApart("compile", "wrong.nn", "-o", "nowhere");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("error[unknown-name]");
    expect(stderr).toContain("--> wrong.nn:3:14");
    expect(existsSync(at("nowhere"))).toBe(false);
  });

  test("an unknown setting gets the nearest", async () => {
    write("sized.nn", "model Sized(units = 3) {\n  input x: [N, 2]\n  output p = dense(x, units)\n}\n");
    const { code, stderr } = await run("compile", "sized.nn", "--set", "unit=4");
    expect(code).toBe(1);
    expect(stderr).toContain("did you mean `units`?");
    expect((await json("compile", "sized.nn", "--set", "units=4", "-o", "out")).parameters).toBe(12);
  });

  test("imports stay inside the project, through symbolic links too", async () => {
    writeFileSync(join(folder, "..", "outside-nndsl.nn"), "fn f(x) = x\n");
    symlinkSync(join(folder, "..", "outside-nndsl.nn"), at("link.nn"));
    write("blocks.nn", "fn double(x) = 2 * x\n");
    const importing = (path: string, name: string): string =>
      `import { ${name} } from "${path}"\nmodel M {\n  input x: [N]\n  output p = ${name}(x)\n}\n`;
    write("good.nn", importing("./blocks.nn", "double"));
    write("up.nn", importing("../outside-nndsl.nn", "f"));
    write("linked.nn", importing("./link.nn", "f"));
    expect((await run("check", "good.nn")).code).toBe(0);
    expect((await run("check", "up.nn")).stdout).toContain("import-outside-root");
    expect((await run("check", "linked.nn")).stdout).toContain("import-missing");
  });
});

describe("check", () => {
  test("several files, in the shape that is promised", async () => {
    write("wrong.nn", "model Wrong {\n  input x: [N, 2]\n  output p = dens(x, 1)\n}\n");
    const { code, stdout } = await run("check", "line.nn", "wrong.nn", "--format", "json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      files: 2,
      errors: 1,
      warnings: 0,
      diagnostics: [{ code: "unknown-name", severity: "error", file: "wrong.nn", line: 3, column: 14 }],
    });
    const github = await run("check", "wrong.nn", "--format", "github");
    expect(github.stdout).toMatch(
      /^::error file=wrong\.nn,line=3,endLine=3,col=14,endColumn=18,title=unknown-name::/,
    );
  });

  test("places in notes are under the path that was typed, too", async () => {
    mkdirSync(at("project/nets"), { recursive: true });
    write("project/package.json", "{}");
    write(
      "project/nets/deep.nn",
      "model M {\n  input x: [N, 3]\n  h = dense(x, 4)\n  output z = h @ ones([3, 2])\n}\n",
    );
    const { stdout } = await run("check", "project/nets/deep.nn");
    expect(stdout).toContain("called at project/nets/deep.nn:3:7");
    const report = await run("check", "project/nets/deep.nn", "--json");
    expect(report.stdout).toContain("called at project/nets/deep.nn:3:7");
  });

  test("all models of a file, and a file without any", async () => {
    write("two.nn", "model A {\n  param a = 1\n  loss a\n}\n\nmodel B {\n  param b = 1\n  loss c\n}\n");
    expect((await run("check", "two.nn")).stdout).toContain("two.nn:8:8");
    write("blocks.nn", "fn double(x) = 2 * x\n");
    expect((await run("check", "blocks.nn")).code).toBe(0);
  });
});

describe("fmt", () => {
  test("rewrites in place; --check only tells", async () => {
    const crooked = "model  A{param a=1;loss a}";
    write("crooked.nn", crooked);
    const told = await run("fmt", "--check", "crooked.nn", "line.nn");
    expect(told).toMatchObject({ code: 1, stdout: "crooked.nn\n" });
    expect(readFileSync(at("crooked.nn"), "utf8")).toBe(crooked);
    expect((await run("fmt", "crooked.nn")).code).toBe(0);
    expect(readFileSync(at("crooked.nn"), "utf8")).not.toBe(crooked);
    expect((await run("fmt", "--check", "crooked.nn")).code).toBe(0);
  });

  test("one file that cannot be read leaves all as they were", async () => {
    write("crooked.nn", "model  A{param a=1;loss a}");
    write("broken.nn", "model {");
    expect((await run("fmt", "crooked.nn", "broken.nn")).code).toBe(1);
    expect(readFileSync(at("crooked.nn"), "utf8")).toBe("model  A{param a=1;loss a}");
  });
});

describe("inspect", () => {
  test("as JSON and as tables", async () => {
    const report = await json("inspect", "line.nn");
    expect(report).toMatchObject({
      model: "Line",
      parameters: [
        { path: "p.weight", shape: [1, 2] },
        { path: "p.bias", shape: [1] },
      ],
    });
    expect(report.flops.forward).toBeGreaterThan(0);
    const { stdout } = await run("inspect", "line.nn", "--batch", "100");
    expect(stdout).toContain("p.weight");
    expect(stdout).toContain("for 100 rows");
    expect(stdout).not.toContain("trained by");
  });

  test("says which optimizer line trains each parameter, and which none does", async () => {
    const model = (lines: string): string => `model Parts {
  input x: [N, 2]
  target y: [N, 1]
  frozen param scale = 2
  body = dense(scale * x, 3, tanh)
  mid = dense(body, 3, tanh)
  head = dense(mid, 1)
  loss mse(head, y)
${lines}
}
`;
    write("parts.nn", model("  optimizer sgd for body, head.bias\n  optimizer adam for head.weight"));
    const { parameters } = await json("inspect", "parts.nn");
    const trainedBy = Object.fromEntries(
      parameters.map((p: { path: string; trainedBy: unknown }) => [p.path, p.trainedBy]),
    );
    expect(trainedBy).toEqual({
      scale: null,
      "body.weight": "sgd for body, head.bias",
      "body.bias": "sgd for body, head.bias",
      "mid.weight": null,
      "mid.bias": null,
      "head.weight": "adam for head.weight",
      "head.bias": "sgd for body, head.bias",
    });
    const { stdout } = await run("inspect", "parts.nn");
    expect(stdout).toMatch(/ scale .* frozen +nothing\n/);
    expect(stdout).toMatch(/ head\.weight .* adam for head\.weight\n/);
    expect(stdout).toContain(
      "No `optimizer` line trains mid.weight and mid.bias (12 numbers): training leaves them as they are.\n",
    );
    // 13 of 25 numbers: those of `mid` stay, and the scale is frozen.
    const data = ["--data", "x=line.csv:a,b", "y=line.csv:y", "--epochs", "1"];
    expect((await run("train", "parts.nn", ...data)).stderr).toContain("training 13 parameters of Parts");

    write("parts.nn", model("  optimizer sgd for body\n  optimizer adam"));
    const rest = await run("inspect", "parts.nn");
    expect(rest.stdout).toMatch(/ mid\.weight .* adam\n/);
    expect(rest.stdout).not.toContain("No `optimizer` line");
  });
});

describe("train", () => {
  test("finds the line, keeps it, and predicts with it", async () => {
    const result = await json(
      "train",
      "line.nn",
      ...lineData,
      "--epochs",
      "60",
      "--batch",
      "10",
      "-o",
      "line.safetensors",
    );
    expect(result).toMatchObject({ model: "Line", epochs: 60, steps: 300, weights: "line.safetensors" });
    expect(result.history).toHaveLength(60);
    expect(result.loss).toBeLessThan(1e-6);
    const { tensors } = readSafetensors(readFileSync(at("line.safetensors")));
    const weight = [...tensors.get("p.weight")!.data];
    expect(weight[0]).toBeCloseTo(3, 2);
    expect(weight[1]).toBeCloseTo(-2, 2);

    const predicted = await runApart(
      "predict",
      "line.nn",
      "--weights",
      "line.safetensors",
      "--data",
      "x=line.csv:a,b",
    );
    const [header, ...lines] = predicted.stdout.trim().split("\n");
    expect(header).toBe("p");
    expect(lines).toHaveLength(50);
    // Row 0 is a = sin 0, b = cos 0.
    expect(Number(lines[0])).toBeCloseTo(-1, 2);
  });

  test("the same seed gives the same bytes, another seed others", async () => {
    const bytes = async (seed: string): Promise<Buffer> => {
      const weights = ["-o", `seed-${seed}.safetensors`];
      await runApart("train", "line.nn", ...lineData, "--epochs", "2", "--seed", seed, ...weights);
      return readFileSync(at(`seed-${seed}.safetensors`));
    };
    const [a, b, c] = [await bytes("1"), await bytes("1"), await bytes("2")];
    expect(a.equals(b)).toBe(true);
    expect(a.equals(c)).toBe(false);
  });

  test("two epochs and two more are four", async () => {
    const common = ["train", "line.nn", ...lineData, "--batch", "7", "--seed", "5"];
    await json(...common, "--epochs", "4", "-o", "four.safetensors");
    await json(...common, "--epochs", "2", "-o", "two.safetensors");
    const more = await json(
      ...common,
      "--epochs",
      "2",
      "--resume",
      "two.safetensors",
      "-o",
      "two.safetensors",
    );
    expect(more.history.map((h: { epoch: number }) => h.epoch)).toEqual([3, 4]);
    expect(readFileSync(at("two.safetensors")).equals(readFileSync(at("four.safetensors")))).toBe(true);
  });

  test("--lr and --opt take the place of the model's arguments", async () => {
    const still = await json("train", "line.nn", ...lineData, "--epochs", "3", "--lr", "0");
    expect(still.history[0].loss).toBeCloseTo(still.history[2].loss, 5);
    const { code, stderr } = await run("train", "line.nn", ...lineData, "--opt", "learning_rate=1");
    expect(code).toBe(2);
    expect(stderr).toContain("unknown-hyper");
  });

  test("text labels are kept with the weights, for --test, predict and --resume", async () => {
    const data = ["--data", "x=pets.csv:weight", "y=pets.csv:kind"];
    // Dogs alone: without what training knew they would be class 0.
    write("dogs.csv", "weight,kind\n28,dog\n22,dog\n");
    const test = ["--test", "x=dogs.csv:weight", "y=dogs.csv:kind"];
    const result = await json(
      "train",
      "pets.nn",
      ...data,
      ...test,
      "--epochs",
      "200",
      "-o",
      "pets.safetensors",
    );
    expect(result.metrics.accuracy).toBe(1);
    expect(result.test.metrics.accuracy).toBe(1);
    const labels = readSafetensors(readFileSync(at("pets.safetensors"))).metadata["labels"]!;
    expect(JSON.parse(labels)).toEqual({ y: { kind: ["cat", "dog"] } });

    write("birds.csv", "weight,kind\n1,bird\n");
    const resumed = await run(
      "train",
      "pets.nn",
      "--data",
      "x=birds.csv:weight",
      "y=birds.csv:kind",
      "--resume",
      "pets.safetensors",
    );
    expect(resumed.code).toBe(1);
    expect(resumed.stderr).toContain("`bird` is not a label the weights know");
    expect(resumed.stderr).toContain("birds.csv, row 2, column `kind`");
  });

  test("columns are kept with the weights: predict, --test and --resume expect them", async () => {
    write("swapped.csv", "b,a,y\n1,2,3\n");
    write("inputs.csv", "a,b\n1,2\n");
    write("others.csv", "b,a\n2,1\n");
    const kept = await run("train", "line.nn", ...lineData, "--epochs", "1", "-o", "line.safetensors");
    expect(kept.code).toBe(0);
    const { metadata } = readSafetensors(readFileSync(at("line.safetensors")));
    expect(JSON.parse(metadata["columns"]!)).toEqual({ x: ["a", "b"], y: ["y"] });

    const predict = ["predict", "line.nn", "--weights", "line.safetensors", "--data"];
    const right = await run(...predict, "x=inputs.csv");
    expect(right.code).toBe(0);
    const swap = await run(...predict, "x=others.csv");
    expect(swap.code).toBe(1);
    expect(swap.stderr).toContain("error[data-other-columns]: column `b` is not where it was in training");
    expect(swap.stderr).toContain("x=others.csv:a,b");
    // What the help says reads the same rows.
    expect(await run(...predict, "x=others.csv:a,b")).toMatchObject({ code: 0, stdout: right.stdout });

    const resumed = ["train", "line.nn", "--data", "x=swapped.csv:b,a", "y=swapped.csv:y", "--resume"];
    expect((await run(...resumed, "line.safetensors")).stderr).toContain("data-other-columns");
    const tested = await run(
      "train",
      "line.nn",
      ...lineData,
      "--test",
      "x=swapped.csv:-y",
      "y=swapped.csv:y",
    );
    expect(tested.stderr).toContain("data-other-columns");
  });

  test("--decimal, --labels and --header are taken by every command with --data", async () => {
    write("comma.csv", "a;b;y\n1,5;2;3\n2;1,5;4\n");
    write("named.csv", "0,1,2\n1.5,2,3\n2,1.5,4\n");
    const comma = ["--data", "x=comma.csv:a,b", "y=comma.csv:y"];
    const named = ["--data", "x=named.csv:0,1", "y=named.csv:2"];
    expect((await run("train", "line.nn", ...comma, "--epochs", "1")).stderr).toContain("--decimal comma");
    const [first, second] = [
      await json("train", "line.nn", ...comma, "--decimal", "comma", "--epochs", "2", "-o", "c.safetensors"),
      await json("train", "line.nn", ...named, "--header", "--epochs", "2"),
    ];
    expect(first.loss).toBe(second.loss);
    const predict = ["predict", "line.nn", "--weights", "c.safetensors", ...comma.slice(0, 2)];
    expect((await run(...predict)).code).toBe(1);
    expect((await run(...predict, "--decimal", "comma")).code).toBe(0);
    expect((await run("compare", "line.nn", ...comma, "--decimal", "comma")).code).toBe(0);
    expect((await run("graph", "line.nn", ...comma, "--decimal", "comma", "-o", "c.svg")).code).toBe(0);
    const unnamed = await run("train", "line.nn", ...named, "--epochs", "1");
    expect(unnamed.stderr).toContain("error[data-header-unclear]");
  });

  test("wrong data: exit code 1, JSON too, and no weights", async () => {
    write("hole.csv", "a,b,y\n1,2,3\n4,,6\n");
    const args = [
      "train",
      "line.nn",
      "--data",
      "x=hole.csv:a,b",
      "y=hole.csv:y",
      "-o",
      "hole.safetensors",
      "--json",
    ];
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      diagnostics: [{ code: "data-empty-cell", severity: "error", file: "hole.csv", row: 3, column: "b" }],
    });
    expect(stderr).toContain("error[data-empty-cell]");
    expect(existsSync(at("hole.safetensors"))).toBe(false);
  });

  test("weights of another model are refused", async () => {
    await json(
      "train",
      "pets.nn",
      "--data",
      "x=pets.csv:weight",
      "y=pets.csv:kind",
      "--epochs",
      "1",
      "-o",
      "other.safetensors",
    );
    const { code, stderr } = await run("train", "line.nn", ...lineData, "--resume", "other.safetensors");
    expect(code).toBe(1);
    expect(stderr).toContain("error[bad-weights]");
  });

  test("a model without inputs needs no data, any other does", async () => {
    write("graph.nn", "model Graph {\n  param x = 3\n  loss (x - 1)^2\n  optimizer sgd(lr = 0.25)\n}\n");
    const result = await json("train", "graph.nn", "--epochs", "2");
    // x goes 3, 2, 1.5.
    expect(result.loss).toBe(0.25);
    const { code, stderr } = await run("train", "line.nn");
    expect(code).toBe(2);
    expect(stderr).toContain("Line needs data for `x`, `y`");
  });

  test("a model without a loss, or without an optimizer", async () => {
    write("bare.nn", "model Bare {\n  input x: [N, 2]\n  target y: [N, 1]\n  output p = dense(x, 1)\n}\n");
    const { code, stderr } = await run("train", "bare.nn", "--data", "x=line.csv:a,b", "y=line.csv:y");
    expect(code).toBe(1);
    expect(stderr).toContain("error[no-loss]");
  });

  test("the curve and the figures are on stdout, plain where nobody watches", async () => {
    const { stdout, stderr } = await runApart("train", "line.nn", ...lineData, "--epochs", "30");
    expect(stdout).toContain("│");
    expect(stdout).toMatch(/train {2}loss /);
    expect(stdout + stderr).not.toContain("\x1b");
    expect(stderr).not.toContain("\r");
    // At most twenty of the thirty epochs are told.
    expect(stderr.match(/^epoch /gm)!.length).toBeLessThanOrEqual(20);
    const dumb = await runCli(["train", "line.nn", ...lineData], { cwd: folder, env: { TERM: "dumb" } });
    expect(dumb.stdout).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe("predict", () => {
  const common = ["predict", "pets.nn", "--weights", "p.safetensors", "--data", "x=pets.csv:weight"];

  beforeAll(async () => {
    await json(
      "train",
      "pets.nn",
      "--data",
      "x=pets.csv:weight",
      "y=pets.csv:kind",
      "--epochs",
      "1",
      "-o",
      "p.safetensors",
    );
  });

  test("every format holds the same numbers, in one call or in parts", async () => {
    const { outputs, rows } = await json(...common);
    expect(rows).toBe(6);
    expect(outputs.half).toEqual({ shape: [6, 1], data: [2, 2.5, 1.5, 10, 15, 12.5] });
    await run(...common, "-o", "all.safetensors", "--batch", "4");
    const { tensors } = readSafetensors(readFileSync(at("all.safetensors")));
    expect([...tensors.get("probs")!.data]).toEqual(outputs.probs.data);
    await run(...common, "-o", "all.csv");
    const [header, first] = readFileSync(at("all.csv"), "utf8").split("\n");
    expect(header).toBe("probs.0,probs.1,half");
    expect(first!.split(",").map((v) => Math.fround(Number(v)))).toEqual([
      ...outputs.probs.data.slice(0, 2),
      2,
    ]);
  });

  test("a .npy cannot take two outputs", async () => {
    const { code, stderr } = await run(...common, "-o", "all.npy");
    expect(code).toBe(2);
    expect(stderr).toContain("write a .npz");
  });

  test("data may be gzipped", async () => {
    write("pets.csv.gz", gzipSync(readFileSync(at("pets.csv"))));
    expect(gunzipSync(readFileSync(at("pets.csv.gz"))).length).toBeGreaterThan(0);
    const { outputs } = await json(...common.slice(0, -1), "x=pets.csv.gz:weight");
    expect(outputs.half.data[0]).toBe(2);
  });

  test("no weights are needed where none is drawn at random", async () => {
    write("given.nn", "model Given {\n  input x: [N]\n  param w = 3\n  output p = w * x\n}\n");
    const { outputs } = await json("predict", "given.nn", "--data", "x=pets.csv:weight");
    expect(outputs.p.data).toEqual([12, 15, 9, 60, 90, 75]);
    const { code, stderr } = await run("predict", "pets.nn", "--data", "x=pets.csv:weight");
    expect(code).toBe(2);
    expect(stderr).toContain("--weights is missing");
  });

  test("a full disk: exit code 2, told as such", async () => {
    symlinkSync("/dev/full", at("full.csv"));
    const { code, stderr } = await run(...common, "-o", "full.csv");
    expect(code).toBe(2);
    expect(stderr).toContain("error[disk-full]");
  });
});

describe("new", () => {
  test("writes files as Prettier would", async () => {
    await json("new", "laid-out");
    const config = JSON.parse(
      readFileSync(new URL("../.prettierrc.json", import.meta.url), "utf8"),
    ) as object;
    for (const name of readdirSync(at("laid-out"), { recursive: true, encoding: "utf8" })) {
      const path = join(at("laid-out"), name);
      const { inferredParser } = await getFileInfo(path);
      if (inferredParser === null || !statSync(path).isFile()) continue;
      const isLaidOut = await check(readFileSync(path, "utf8"), { ...config, parser: inferredParser });
      expect(isLaidOut, name).toBe(true);
    }
  });

  test("makes a project whose own test passes", async () => {
    await json("new", "moons");
    expect((await run("fmt", "--check", "moons/model.nn")).code).toBe(0);
    expect((await run("compile", "moons/model.nn", "-o", "moons/out")).code).toBe(0);
    const output = execFileSync(process.execPath, ["--test"], { cwd: at("moons"), encoding: "utf8" });
    expect(output).toMatch(/pass 2/);
    const trained = await runCli(
      [
        "train",
        "model.nn",
        "--data",
        "x=data/moons.csv:a,b",
        "y=data/moons.csv:moon",
        "-o",
        "out/moons.safetensors",
        "--epochs",
        "100",
        "--json",
      ],
      { cwd: at("moons") },
    );
    expect(JSON.parse(trained.stdout).metrics.accuracy).toBeGreaterThan(0.9);
    expect(
      execFileSync(process.execPath, ["predict.js", "0.5", "1.2"], { cwd: at("moons"), encoding: "utf8" }),
    ).toContain("upper");
  });
});
