/**
 * Random programs over the whole language: outputs, loss and gradients of the compiled module
 * beside the tape, differences of values, and PyTorch. `npm run fuzz:gradients` runs more of them.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { stdSources } from "../compiler/generated/std-sources.ts";
import type { Build } from "../compiler/graph/build.ts";
import { reachable } from "../compiler/graph/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { ops } from "../compiler/ops/table.ts";
import { parse } from "../grammar/parse.ts";
import { check } from "./fuzz/check.ts";
import { describeWrong, fuzz, shrink, survey, type Report } from "./fuzz/fuzz.ts";
import { compareWithTorch } from "./fuzz/torch.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { warmPython } from "./helpers/warm-torch.ts";

const RUNS = 100;
const SURVEYED = 1800;
const SEED = 20_260;
type Rule = (build: Build, node: never, cotangent: Node) => readonly (Node | null)[];
const python = warmPython();

/** Found by `npm run fuzz:gradients`, and cut down. */
const onceWrong: Readonly<Record<string, string>> = {
  "a value that a reduction had stored was read by a kernel formed before, which did not wait for it": `model Found {
    param w: [4, 3] ~ uniform(-1, 1)
    a = log(softmax(w, 1))
    b = (0.5 + sigmoid(a))^tanh(a)
    c = broadcast(b, [2, 4, 3])
    d = where(c > 0.05, c, b)
    output out = d
    loss mean(prod(tanh(w), axis = 0)) + mean(var(a, axis = 1, correction = 0)^2) + mean(d^2)
  }`,
  "what flows back to windows was divided by the sums of windows that are not there": `model Found {
    param w: [3, 2] ~ xavier_uniform
    a = logsumexp(0.5 * windows(pad(w, 1, 1, 0), 3, 0), axis = -1)
    output out = a
    loss mean(a^2)
  }`,
};

it.each(Object.entries(onceWrong))("%s", async (_, source) => {
  const { verdict } = await check({ source, inputs: [], batch: 1, seed: 7 }, ["f32", "f64"]);
  expect(verdict).toEqual({ kind: "right" });
});

describe(`${RUNS} random programs`, () => {
  let report: Report;
  beforeAll(async () => {
    report = await fuzz({ runs: RUNS, seed: SEED, keep: RUNS });
  }, 600_000);

  it("have the outputs, losses and gradients of the tape and of differences", async () => {
    const [first] = report.wrong;
    const shortest = first === undefined ? null : await shrink(SEED, first.index, 60);
    expect([...(shortest ? [shortest] : []), ...report.wrong].map(describeWrong).join("\n\n")).toBe("");
  }, 120_000);

  it("seldom are constant or no number, and seldom lose their digits by rounding", () => {
    const { constant, nan, rounding } = report.counts;
    expect(constant + nan).toBeLessThan(0.05 * RUNS);
    expect(rounding).toBeLessThan(0.03 * RUNS);
    expect(report.kinks).toBeLessThan(0.03 * report.differences);
  });

  it.each(["tanh", "matmul", "max", "gather", "sum", "windows"] as const)(
    "notice a rule of %s that is 1 % off",
    async (name) => {
      // Records are read-only to all but this test.
      const record = ops[name] as unknown as { vjp: Rule };
      const right = record.vjp;
      record.vjp = (b, node, g) =>
        right(b, node, g).map((flow) => (flow === null ? null : b.mul(flow, 1.01)));
      try {
        let noticed = false;
        for (const { program, run } of report.kept) {
          if (noticed || !reachable([run.model.roots.trainingLoss!]).some((node) => node.op === name))
            continue;
          noticed = (await check(program, ["f32"])).verdict.kind === "wrong";
        }
        expect(noticed).toBe(true);
      } finally {
        record.vjp = right;
      }
    },
  );

  it.skipIf(skippedWithout(python))(
    "have the losses and gradients of PyTorch",
    () => {
      const { compared, lacking, wrong } = compareWithTorch(
        python!,
        report.kept.map(({ run }) => run),
        1e-4,
      );
      expect(wrong.map(({ because }) => because)).toEqual([]);
      expect([...lacking.keys()]).toEqual([]);
      expect(compared).toBeGreaterThan(0.9 * RUNS);
    },
    120_000,
  );
});

describe(`what ${SURVEYED} programs are made of`, () => {
  let held: ReadonlySet<string>;
  let words: ReadonlySet<string>;
  beforeAll(async () => {
    ({ ops: held, words } = await survey(SURVEYED, SEED));
  }, 60_000);

  it("is every op that a loss can hold", () => {
    // The optimizer's, and those that only derivatives and the compiler's rewrites make.
    const elsewhere = ["state", "hyper", "step", "softmax", "reciprocal", "recur"];
    expect(Object.keys(ops).filter((op) => !held.has(op) && !elsewhere.includes(op))).toEqual([]);
  });

  it("is every function and layer of the library that lets gradients through", () => {
    const metrics = [
      "accuracy",
      "soft_accuracy",
      "binary_accuracy",
      "r2",
      "top_k_accuracy",
      "precision",
      "recall",
      "f1",
      "confusion",
    ];
    const initializers = [
      "zeros",
      "ones",
      "constant",
      "normal",
      "xavier_normal",
      "kaiming_uniform",
      "kaiming_normal",
    ];
    const elsewhere = [
      "share_of",
      "hits_and_misses",
      "fan_in",
      "fan_out",
      "clipped",
      "averaged",
      "coth_rest",
    ];
    const schedules = ["cosine", "linear", "exponential", "step_decay", "one_cycle", "progress", "warmed_up"];
    const bodies = new Map(
      [...stdSources].flatMap(([file, text]) =>
        parse(text, file).file.declarations.flatMap((d): [string, string][] =>
          d.kind === "fn" || d.kind === "layer" ? [[d.name.text, text.slice(d.span.start, d.span.end)]] : [],
        ),
      ),
    );
    expect(bodies.size).toBeGreaterThan(80);
    const called = new Set<string>();
    const queue = [...words];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const body = bodies.get(name);
      if (body === undefined || called.has(name)) continue;
      called.add(name);
      queue.push(...(body.match(/[A-Za-z_]\w*/g) ?? []));
    }
    const others = new Set([...metrics, ...initializers, ...schedules, ...elsewhere]);
    expect([...bodies.keys()].filter((name) => !called.has(name) && !others.has(name))).toEqual([]);
  });
});
