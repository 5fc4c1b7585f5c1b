/**
 * `nndsl compare`: the module's gradients beside a tape, central differences, TensorFlow.js and
 * PyTorch, on every program there is.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { judge } from "../compiler/compare/judge.ts";
import type { Answer } from "../compiler/compare/question.ts";
import type { Build } from "../compiler/graph/build.ts";
import type { Node } from "../compiler/ir/node.ts";
import { ops } from "../compiler/ops/table.ts";
import { parse } from "../grammar/parse.ts";
import { runHere, type CliResult } from "./helpers/run-cli.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { usingWarmTorch, warmPython } from "./helpers/warm-torch.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

interface Compared {
  readonly version: string;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, number>>;
  readonly max: number;
  readonly largest: {
    readonly parameter: string | null;
    readonly index: readonly number[];
    readonly here: number;
    readonly there: number;
  } | null;
  readonly sampled: Readonly<Record<string, number>>;
  readonly kinks: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly tolerance: number;
}

interface Comparison {
  readonly model: string;
  readonly dtype: string;
  readonly batch: number;
  readonly seed: number;
  readonly loss: number;
  readonly against: Readonly<Record<string, Compared>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly tolerance: number;
  readonly ok: boolean;
}

async function compare(
  args: readonly string[],
): Promise<{ readonly run: CliResult; readonly result: Comparison }> {
  const run = await runHere(["compare", ...args, "--json"], root);
  return { run, result: JSON.parse(run.stdout) as Comparison };
}

/** `FILE --model NAME` for each model with a loss in a folder of programs. */
const programs = (folder: string): (readonly [name: string, file: string, model: string])[] =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(".nn"))
    .flatMap((file) => {
      const text = readFileSync(join(root, folder, file), "utf8");
      return parse(text, file).file.declarations.flatMap((declaration) => {
        if (declaration.kind !== "model") return [];
        const hasLoss = declaration.body.statements.some((statement) => statement.kind === "loss");
        const name = declaration.name.text;
        return hasLoss ? [[`${file} ${name}`, `${folder}/${file}`, name] as const] : [];
      });
    });

const corpus = [...programs("examples"), ...programs("test/cases")];

const python = warmPython();

const folder = mkdtempSync(join(tmpdir(), "nndsl-compare-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => usingWarmTorch());

/** The path of a program with this text. */
function written(text: string): string {
  const file = join(folder, "program.nn");
  writeFileSync(file, text);
  return file;
}

/** The module is compiled once for several: that is most of the time. */
describe("every program", () => {
  it("is many", () => {
    expect(corpus.length).toBeGreaterThan(40);
  });

  /**
   * At a kink by design, where conventions differ: TensorFlow.js gives all that a tie gets to one.
   */
  const isTie = (model: string): boolean => model === "Tie";

  /** Smaller networks of the same layers: each entry that moves costs several passes. */
  const smallerOf: Readonly<Record<string, readonly string[]>> = {
    "examples/mnist.nn": ["sizes=[6,5]"],
    "examples/digits.nn": ["sizes=[6,5]"],
    "examples/reversible.nn": ["depth=3", "width=8"],
    "examples/digits-conv.nn": ["channels=[2,3]"],
    "examples/vae.nn": ["hidden=5", "latent=2"],
    "examples/gan.nn": ["hidden=4", "latent=3"],
    "examples/names.nn": ["width=8", "heads=2", "blocks=1"],
    "examples/names-gru.nn": ["width=8"],
    "examples/phonemes.nn": ["width=6"],
    "examples/weather.nn": ["days=3", "ahead=2", "units=4"],
  };
  const smaller = (file: string): string[] => (smallerOf[file] ?? []).flatMap((to) => ["--set", to]);

  /** What TensorFlow.js has no gradient of, or a wrong one, or one of rounding alone. */
  const WITHOUT_TFJS: Readonly<Record<string, string>> = {
    Convolution: "no gradient of the tile of rank 6 that windows are made of",
    IndexedWindows: "no gradient of a tile of rank 5",
    Tables: "the gradient of a cumulative sum along an inner axis has another shape",
    DigitsConv: "a bias before batch norm has the gradient 0, which both give as what was rounded",
  };

  const isLarge = (file: string): boolean =>
    ["digits-conv", "names", "names-gru", "phonemes"].some((name) => file === `examples/${name}.nn`);

  it.each(corpus)("%s in f32 agrees with the tape and TensorFlow.js", async (_, file, model) => {
    const others = isTie(model) || model in WITHOUT_TFJS ? "tape" : "tape,tfjs";
    const settings = isLarge(file) ? smaller(file) : [];
    const { run, result } = await compare([file, "--model", model, "--against", others, ...settings]);
    expect(result).toMatchObject({ ok: true, missing: {}, dtype: "f32", tolerance: 1e-4 });
    expect(Object.keys(result.against).join()).toBe(others);
    for (const [name, { max }] of Object.entries(result.against)) expect(max, name).toBeLessThanOrEqual(1e-4);
    expect(run.code).toBe(0);
  });

  const withTorch =
    python === undefined ? "and differences (SKIPPED: a Python with PyTorch)" : "differences and PyTorch";

  // One module with DigitsList (test/chapter.test.ts), and no way to make them smaller.
  const inF64 = corpus.filter(([, , model]) => model !== "DigitsPipe" && model !== "DigitsBindings");

  it.each(inF64)(`%s in f64 agrees with the tape, ${withTorch}`, async (_, file, model) => {
    const against = python === undefined ? "tape,numeric" : "tape,numeric,torch";
    const options = ["--against", against, "--dtype", "f64", "--batch", "4"];
    const { result } = await compare([file, "--model", model, ...options, ...smaller(file)]);
    expect(result).toMatchObject({ ok: true, missing: {}, tolerance: 1e-9 });
    const most: Readonly<Record<string, number>> = { tape: 1e-9, numeric: 1e-6, torch: 1e-9 };
    expect(Object.keys(result.against).join()).toBe(against);
    for (const [name, { max }] of Object.entries(result.against))
      expect(max, name).toBeLessThanOrEqual(most[name]!);
    // docs/hard-points.md lists them.
    expect(result.against["numeric"]!.kinks).toEqual(isTie(model) ? { x: [[]], y: [[]] } : {});
  });

  it.each(programs("test/oracle"))("%s in f64 agrees with the tape", async (_, file, model) => {
    const args = [file, "--model", model, "--against", "tape", "--dtype", "f64"];
    expect((await compare(args)).result.against["tape"]!.max).toBeLessThanOrEqual(1e-9);
  });

  it("differs from TensorFlow.js at a tie", async () => {
    const { run, result } = await compare(["examples/backward.nn", "--model", "Tie", "--against", "tfjs"]);
    expect(result.ok).toBe(false);
    expect(run.code).toBe(1);
  });
});

describe.skipIf(skippedWithout(python))("against PyTorch", () => {
  it("leaves nothing behind", async () => {
    const left = (): string[] => readdirSync(tmpdir()).filter((name) => /^nndsl-compare-\w{6}$/.test(name));
    const before = left();
    await compare(["examples/xor.nn", "--against", "torch"]);
    expect(left()).toEqual(before);
  });
});

describe("hard points agree with the tape, whatever it costs", () => {
  const points: Readonly<Record<string, string>> = {
    "no zero in a product": "param w = [3, 2, 5] loss prod(w)",
    "one zero": "param w = [3, 0, 5] loss prod(w)",
    "two zeros": "param w = [0, 0, 5] loss prod(w)",
    "one zero, differentiated twice": "param w = [3, 0, 5] loss sum(grad(prod(w), w)^2)",
    "ties of a maximum": "param w = [2, 2, 1, 2] loss max(w)",
    "a maximum of two that tie": "param a = 2 param b = 2 loss max(a, b)",
    "relu at 0": "param w = [0, 1, -1] loss sum(relu(w))",
    "|x| at 0": "param w = [0, 1, -1] loss sum(abs(w))",
    "a singular branch not taken": "param w = [0, 2] loss sum(where(w != 0, 1 / w, 0))",
    "a root not taken": "param w = [0, 4] loss sum(where(w > 0, sqrt(w), 0))",
    "x^2 at 0": "param w = [0, 4] loss sum(w^2)",
    "softplus far out": "param w = [89, -89, 10000, -10000] loss sum(softplus(w))",
    "third order":
      "param w = [0.3, -0.7] loss sum(grad(sum(grad(sum(grad(sum(sin(w) * exp(w)), w)), w)), w))",
    "a Jacobian": "param w = [0.3, -0.7] loss sum(jacobian(tanh(w * w), w)^2)",
  };

  it.each(Object.entries(points))("%s", async (_, body) => {
    const file = written(`model Point { ${body} }`);
    const { result } = await compare([file, "--against", "tape", "--dtype", "f64"]);
    expect(result.against["tape"]!.max).toBeLessThanOrEqual(1e-12);
    expect(Object.values(result.against["tape"]!.gradients)).not.toEqual([]);
  });
});

describe("a wrong derivative in the compiler", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  type Rule = (build: Build, node: Node, cotangent: Node) => readonly (Node | null)[];
  const wrong: readonly (readonly [string, "tanh" | "matmul" | "sum", (right: Rule) => Rule])[] = [
    ["a sign", "tanh", (right) => (build, node, g) => right(build, node, build.neg(g))],
    ["a factor", "tanh", (right) => (build, node, g) => right(build, node, build.mul(g, 1.001))],
    [
      "a lost operand",
      "matmul",
      (right) => (build, node, g) => [build.zeros(node.operands[0]!.shape), right(build, node, g)[1]!],
    ],
    ["a mean for a sum", "sum", (right) => (build, node, g) => right(build, node, build.div(g, 4))],
  ];

  it.each(wrong)("%s in %s is caught by the tape and by differences", async (_, op, mutate) => {
    // The records of these ops have rules; the table's type cannot say so by name.
    const record = ops[op] as unknown as { vjp: Rule };
    const right = record.vjp;
    vi.spyOn(record, "vjp").mockImplementation(mutate(right));
    const program = written(
      "model M { input x: [N, 3] target y: [N, 1] loss mse(dense(dense(x, 4, tanh), 1), y) }",
    );
    const { run, result } = await compare([program, "--against", "tape,numeric"]);
    for (const name of ["tape", "numeric"]) {
      expect(result.against[name]!.max, name).toBeGreaterThan(1e-4);
      expect(result.against[name]!.loss, name).toBeLessThanOrEqual(1e-6);
    }
    expect(result.ok).toBe(false);
    expect(run.code).toBe(1);
  });

  it("a factor is caught in the one small parameter that has it, among large ones", async () => {
    // tanh is before w alone, whose gradient is some 1e-4 of the others.
    const record = ops.tanh as unknown as { vjp: Rule };
    const right = record.vjp;
    const program = written(
      `model M { input x: [N, 3] target y: [N, 1] param w = 0.5
        loss mse(dense(x, 1) + 1e-4 * tanh(w), y) }`,
    );
    const errors = async (): Promise<Comparison> => (await compare([program, "--against", "tape"])).result;
    expect((await errors()).ok).toBe(true);
    vi.spyOn(record, "vjp").mockImplementation((build, node, g) => right(build, node, build.mul(g, 1.1)));
    const { ok, against } = await errors();
    expect(ok).toBe(false);
    expect(
      Object.entries(against["tape"]!.gradients)
        .filter(([, e]) => e > 1e-4)
        .map(([path]) => path),
    ).toEqual(["w"]);
  });
});

describe("gradients that are 0 in exact arithmetic", () => {
  const normalized = (x: string, axis: string): string =>
    `m = mean(${x}, axis = ${axis}, keep = true) v = var(${x}, axis = ${axis}, correction = 0, keep = true)
     n = (${x} - m) / sqrt(v + 1e-5)`;
  /** With the parameters of which nothing is left but rounding. */
  const programs: Readonly<Record<string, readonly [body: string, noise: readonly string[]]>> = {
    "a bias before a normalization of the batch": [
      `input x: [N, 8] target y: int[N] h = dense(x, 16) ${normalized("h", "0")}
       loss cross_entropy(dense(relu(n), 4), y)`,
      ["h.bias"],
    ],
    "a number before a normalization of the row": [
      `input x: [N, 8] target y: int[N] param b = 0.5 h = x + b ${normalized("h", "-1")}
       loss cross_entropy(dense(n, 4), y)`,
      ["b"],
    ],
    "one number added to all logits": [
      "input x: [N, 8] target y: int[N] param b = 0.3 loss cross_entropy(dense(x, 4) + b, y)",
      ["b"],
    ],
    "the bias of the keys": [
      `input x: [N, 6, 8] target y: [N, 1] k = dense(x, 8) q = dense(x, 8)
       a = softmax(q @ transpose(k, [0, 2, 1]) / sqrt(8))
       loss mse(dense(mean(a @ x, axis = 1), 1), y)`,
      ["k.bias"],
    ],
    "the sum of a softmax, and nothing else": ["param w = [1, 2, 3] loss sum(softmax(w))", ["w"]],
    "a normalization, and nothing else": [
      `input x: [N, 8] param b = 0.5 h = x + b ${normalized("h", "0")} loss mean((n - 1)^2)`,
      ["b"],
    ],
  };
  const all = Object.entries(programs).flatMap(([name, [body, noise]]) =>
    (["f32", "f64"] as const).map((dtype) => [name, dtype, body, noise] as const),
  );

  it.each(all)("%s, in %s: no alarm", async (_, dtype, body, noise) => {
    const args = [written(`model Zero { ${body} }`), "--dtype", dtype, "--against", "tape,numeric"];
    const { run, result } = await compare(args);
    expect(result).toMatchObject({ ok: true, missing: {} });
    expect(run.code).toBe(0);
    for (const path of noise) expect(Object.keys(result.against["tape"]!.gradients)).toContain(path);
  });

  it("a wrong gradient of one small parameter among large ones is seen all the same", () => {
    const large = { data: [3, -2] };
    const small = (value: number): Answer => ({
      loss: 1,
      gradients: new Map([
        [0, large],
        [1, { data: [value] }],
      ]),
    });
    // In f32 from a millionth of the largest gradient on, in f64 from 1e-11.
    expect(judge(small(2e-5), small(1e-5), 1e-4).max).toBeGreaterThan(1e-4);
    expect(judge(small(0), small(1e-5), 1e-4).max).toBeGreaterThan(1e-4);
    expect(judge(small(1e-5), small(0), 1e-4).max).toBeGreaterThan(1e-4);
    expect(judge(small(2e-10), small(1e-10), 1e-9).max).toBeGreaterThan(1e-9);
    // Rounding is not.
    expect(judge(small(2e-7), small(1e-17), 1e-4).max).toBeLessThanOrEqual(1e-4);
    expect(judge(small(1e-15), small(1e-17), 1e-9).max).toBeLessThanOrEqual(1e-9);
  });

  it("where all should be 0, one that is not is seen", () => {
    const answer = (value: number): Answer => ({ loss: 1, gradients: new Map([[0, { data: [value] }]]) });
    expect(judge(answer(3e-8), answer(2e-17), 1e-4).max).toBeLessThanOrEqual(1e-4);
    expect(judge(answer(1e-5), answer(2e-17), 1e-4).max).toBeGreaterThan(1e-4);
    // A single gradient that is small beside its loss, but more than rounding, is its own measure.
    expect(judge(answer(2e-5), answer(1e-5), 1e-4).max).toBeCloseTo(1, 2);
  });

  it("an error is relative to its own tensor where that is no noise", () => {
    const answer = (value: number): Answer => ({
      loss: 1,
      gradients: new Map([
        [0, { data: [5] }],
        [1, { data: [value, 1] }],
      ]),
    });
    expect(judge(answer(0.5), answer(0.4), 1e-4).gradients.get(1)).toEqual({
      error: expect.closeTo(0.1, 7),
      at: 0,
    });
  });
});

describe("the command", () => {
  it("gives what it promises under --json", async () => {
    const { run, result } = await compare(["examples/xor.nn", "--batch", "4", "--seed", "7"]);
    expect(Object.keys(result.against)).toEqual(["tape", "numeric"]);
    expect(result).toMatchObject({
      model: "Xor",
      dtype: "f32",
      batch: 4,
      seed: 7,
      tolerance: 1e-4,
      ok: true,
    });
    const { loss, gradients, max } = result.against["tape"]!;
    expect(Object.keys(gradients)).toEqual(["h.weight", "h.bias", "z.weight", "z.bias"]);
    expect(max).toBe(Math.max(loss, ...Object.values(gradients)));
    expect(run.code).toBe(0);
    expect((await compare(["examples/xor.nn", "--batch", "4", "--seed", "7"])).result).toEqual(result);
  });

  it("says under --json where the largest error of each sits", async () => {
    // TensorFlow.js gives all that a tie gets to the first.
    const { result } = await compare([
      written("model M { param w = [[1, 2], [2, 0]] loss 3 * max(w[0, 1], w[1, 0]) }"),
      "--against",
      "tape,tfjs",
    ]);
    expect(result.against["tape"]!.largest).toBeNull();
    expect(result.against["tfjs"]!.largest).toEqual({ parameter: "w", index: [0, 1], here: 1.5, there: 3 });
    expect(result.against["tfjs"]!.max).toBeCloseTo(0.5, 7);
  });

  it("allows in f64 what each can reach, unless it is told", async () => {
    const all = ["examples/xor.nn", "--dtype", "f64", "--against", "tape,numeric,tfjs,torch"];
    const allowed = async (args: readonly string[]): Promise<Record<string, number>> => {
      const { against, missing } = (await compare(args)).result;
      expect(Object.keys(missing).filter((name) => name !== "torch")).toEqual([]);
      return Object.fromEntries(Object.entries(against).map(([name, { tolerance }]) => [name, tolerance]));
    };
    const torch = (tolerance: number): Record<string, number> =>
      python === undefined ? {} : { torch: tolerance };
    expect(await allowed(all)).toEqual({ tape: 1e-9, numeric: 1e-6, tfjs: 1e-4, ...torch(1e-9) });
    const same = { tape: 1e-3, numeric: 1e-3, tfjs: 1e-3, ...torch(1e-3) };
    expect(await allowed([...all, "--tolerance", "1e-3"])).toEqual(same);
  });

  it("takes data", async () => {
    const csv = "examples/data/iris.csv";
    const columns = readFileSync(join(root, csv), "utf8").split("\n")[0]!.trim().split(",");
    const data = [`x=${csv}:${columns.slice(0, 4).join(",")}`, `y=${csv}:${columns[4]}`];
    const args = ["examples/iris.nn", "--batch", "20", "--against", "tape", "--data"];
    const { result } = await compare(args.concat(data));
    expect(result).toMatchObject({ batch: 20, ok: true });
  });

  it("shows a table with the largest error and its place", async () => {
    const { stdout, code } = await runHere(["compare", "examples/xor.nn"], root);
    expect(stdout).toMatch(/^Xor, f32, 16 rows of random data, seed 0\nloss /);
    expect(stdout).toMatch(/^ +h\.weight +\d\.\de-\d+ +\d\.\de-\d+$/m);
    expect(stdout).toMatch(/^tape 0\.1\.0 agrees to 0\.0001: largest error \S+ at [\w.]+\[/m);
    expect(code).toBe(0);
  });

  it("says which entries it sampled, and leaves kinks out", async () => {
    const many = await runHere(
      ["compare", "examples/mnist.nn", "--against", "numeric", "--set", "sizes=[4]"],
      root,
    );
    expect(many.stdout).toContain("48 entries of each larger parameter");
    const { result } = await compare(["examples/mnist.nn", "--against", "numeric", "--set", "sizes=[4]"]);
    expect(result.against["numeric"]!.sampled).toEqual({ "h.weight": 48 });
    const tie = await runHere(["compare", "examples/backward.nn", "--model", "Tie"], root);
    expect(tie.stdout).toContain("2 entries at a kink left out: x, y");
    expect(tie.code).toBe(0);
  });

  it("passes or fails by the tolerance", async () => {
    const { run, result } = await compare(["examples/xor.nn", "--tolerance", "0", "--against", "tape"]);
    expect(result).toMatchObject({ tolerance: 0, ok: false });
    expect(run.code).toBe(1);
  });

  it("names an autograd that is missing, and fails where none is left", async () => {
    vi.stubEnv("NNDSL_PYTHON", join(folder, "no-python"));
    const some = await compare(["examples/xor.nn", "--against", "tape,torch"]);
    expect(some.result.missing["torch"]).toMatch(/^a Python with PyTorch/);
    expect(some.run.code).toBe(0);
    const none = await runHere(["compare", "examples/xor.nn", "--against", "torch"], root);
    expect(none.stdout).toContain("torch did not run: it lacks a Python with PyTorch");
    expect(none.code).toBe(1);
  });

  it("refuses a model without a loss, and an autograd it does not know", async () => {
    const lossless = await runHere(["compare", "examples/neuron.nn", "--json"], root);
    expect(lossless.stdout).toContain('"no-loss"');
    expect(lossless.code).toBe(1);
    const unknown = await runHere(["compare", "examples/xor.nn", "--against", "jax"], root);
    expect(unknown.stderr).toContain("tape,numeric,tfjs,torch");
    expect(unknown.code).toBe(2);
    expect(existsSync(join(root, "loss.py"))).toBe(false);
  });
});
