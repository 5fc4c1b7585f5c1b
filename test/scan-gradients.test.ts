/**
 * Reverse mode through loops, in f64: what `grad` gives of what a `scan` computes, against central
 * differences of it.
 */
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { reachable } from "../compiler/graph/graph.ts";
import { listRoots, type Model } from "../compiler/graph/model.ts";
import type { Node } from "../compiler/ir/node.ts";
import { differentiateInBlocks } from "../compiler/passes/differentiate.ts";
import { runPasses, verifyAfter } from "../compiler/passes/pipeline.ts";
import { graft } from "../compiler/passes/probe.ts";
import { countOf } from "../compiler/ir/size.ts";
import type { Values } from "../compiler/ops/op.ts";
import {
  type Data,
  drawn,
  environment,
  faultOfSlopes,
  flatLoop,
  gradients,
  GRU,
  inputsOf,
  longLoops,
  lstmOf,
  loopPrograms,
  made,
  namedLoop,
  outputs,
  RNN,
  ROWS,
  saidOf,
  slope,
  slopesOf,
  textOf,
} from "./helpers/loop-gradients.ts";

/** Expects that the outputs `d_X` and `dd_X` of a model are slopes. */
async function expectSlopes(body: string, given: Data = {}, before = ""): Promise<void> {
  const { model, inputs } = await made({ body, given, before });
  expect(faultOfSlopes(outputs(model, inputs), slopesOf({ model, inputs }))).toBeNull();
}

/** The numbers of the loops that a model runs. */
const loopsOf = (model: Model): Set<number> =>
  new Set(
    reachable(listRoots(model)).flatMap((node) => (node.op === "scan" ? [node.attributes.loop.id] : [])),
  );

describe("cells", () => {
  for (const length of [1, 2, 5])
    for (const reverse of ["", ", reverse = true"]) {
      test(`tanh rnn of ${length} steps${reverse}`, async () => {
        await expectSlopes(`${RNN(length, reverse)}
  output loss_is = sum(hs^2 * v)
${gradients("x h0 w u b")}`);
      });
      test(`gru of ${length} steps${reverse}`, async () => {
        await expectSlopes(
          `
  input x: [N, ${length}, 3]
  input h0: [N, 4]
  input w: [3, 3, 4]
  input u: [3, 4, 4]
  input b: [3, 4]
  input c: [4]
  input v: [N, ${length}, 4]
  hs = scan(x, h0, (h, x) => gru_step(x, h, w, u, b, c), axis = -2${reverse})
  output loss_is = sum(hs * v)
${gradients("x h0 w u b c")}`,
          {},
          GRU,
        );
      });
      test(`lstm of ${length} steps${reverse}`, async () => {
        const { body, before } = lstmOf(length, reverse, "sum(s[0] * v)");
        await expectSlopes(body, {}, before);
      });
    }
});

describe("the last place alone", () => {
  const stacksOfZeros = ({ roots }: Model): number =>
    reachable(roots.outputs.map(({ node }) => node)).filter(({ op }) => op === "concat" || op === "embed")
      .length;

  for (const [more, last] of [
    ["", "-1"],
    [", reverse = true", "0"],
  ] as const) {
    const net = `${RNN(5, more)}
  output loss_is = sum(v[:, 0] * hs[:, ${last}]^2)
${gradients("x h0 w u b")}`;
    test(`${last}: the loop that runs back begins with its cotangent`, async () => {
      await expectSlopes(net);
      expect(stacksOfZeros((await made({ body: net })).model)).toBe(0);
    });
  }
  test("read with others, or where nothing of it is carried on", async () => {
    await expectSlopes(`${RNN(5)}
  output loss_is = sum(v[:, 0] * hs[:, -1]^2) + sum(sin(hs[:, 1:3]))
${gradients("x h0 w u b")}`);
    await expectSlopes(`
  input x: [N, 5, 3]
  s = scan(x, [x[:, 0], x[:, 0]], (s, x) => [sin(x), s[0] * s[1]], axis = 1)
  output loss_is = sum(s[0][:, -1]^2) + sum(s[1][:, -1, 0:2])
${gradients("x")}`);
  });
  test("its gradient's square has a gradient", async () => {
    await expectSlopes(`${RNN(4)}
  loss_of = sum(v[:, 0] * hs[:, -1]^2)
  output second = sum(grad(loss_of, u)^2) + sum(grad(loss_of, x)^2)
  output dd_w = grad(second, w)
  output dd_x = grad(second, x)
  output dd_h0 = grad(second, h0)`);
  });
});

describe("what a loop reads and leaves", () => {
  test.each(Object.entries(loopPrograms))("%s", async (_, program) => {
    const of = await made(program);
    expect(faultOfSlopes(outputs(of.model, of.inputs), slopesOf(of))).toBeNull();
  });
});

describe("loops in blocks", () => {
  test.each(Object.entries(longLoops))("%s", async (_, program) => {
    const { formulas } = await analyze(textOf(program));
    const inputs = inputsOf(formulas, program.given);
    const model = differentiateInBlocks(formulas);
    expect(faultOfSlopes(outputs(model, inputs), slopesOf({ model: formulas, inputs }))).toBeNull();
  });
});

describe("derivatives of derivatives", () => {
  test("of three orders", async () => {
    await expectSlopes(`
  input x: [3]
  input w: []
  hs = scan(x, 0.5, (h, e) => sin(h * w + e), axis = 0)
  first = grad(sum(hs^2), w)
  output second = grad(first, w) + sum(grad(first, x)^2)
  output dd_w = grad(second, w)
  output dd_x = grad(second, x)
`);
  });

  test("a jacobian's rows are the slopes of the entries", async () => {
    const { model, inputs } = await made({
      body: `
  input x: [3, 2]
  input w: [2]
  hs = scan(x, ones([2]), (h, e) => sin(h * w + e), axis = 0)
  output jacobian_is = jacobian(hs[-1], w)
  output entry0 = hs[-1][0]
  output entry1 = hs[-1][1]
`,
    });
    const found = [...outputs(model, inputs)["jacobian_is"]!.data];
    const wanted = ["entry0", "entry1"].flatMap((of) => slope(model, inputs, of, "w"));
    expect(found.length).toBe(4);
    wanted.forEach((x, i) => expect(found[i]).toBeCloseTo(x, 7));
  });

  test("of a gradient by what is outside, which the entry depends on", async () => {
    const { model, inputs } = await made({
      body: `
  input w: [3]
  x = w^2
  output hs = scan(x, 0.0, (h, e) => h + sum(grad(e * w[0], w) * iota3), axis = 0)
`.replace("iota3", "w"),
    });
    const w = [...inputs["w"]!.data];
    // d w_t² w_0 / dw = 2 w_t w_0 e_t + w_t² e_0, times w: 2 w_t² w_0 + w_t² w_0
    const steps = w.map((x) => 3 * x * x * w[0]!);
    const wanted = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, x) => sum + x, 0));
    wanted.forEach((x, i) => expect(outputs(model, inputs)["hs"]!.data[i]).toBeCloseTo(x, 10));
  });
});

describe("what does not flow", () => {
  test("stop_gradient on what is carried is truncated backpropagation", async () => {
    const body = (stop: string): string => `
  input x: [4]
  input w: []
  hs = scan(x, 0.5, (h, e) => sin(${stop} * w + e), axis = 0)
  output hs_are = hs
  output d_w = grad(sum(hs), w)
`;
    const { model, inputs } = await made({ body: body("stop_gradient(h)") });
    const { hs_are, d_w } = outputs(model, inputs);
    const [x, w] = [[...inputs["x"]!.data], inputs["w"]!.data[0]!];
    const before = [0.5, ...hs_are!.data];
    const wanted = x.reduce((sum, e, t) => sum + Math.cos(before[t]! * w + e) * before[t]!, 0);
    expect(d_w!.data[0]).toBeCloseTo(wanted, 12);
    expect(loopsOf(model).size, "nothing is carried back").toBe(1);
  });
});

describe("training", () => {
  test("a parameter is the first value, and another is read in the body and outside", async () => {
    const { joint } = await analyze(`model M {
  input x: [N, 3, 2]
  param h0: [2] ~ normal(0, 1)
  param w: [2, 2] ~ normal(0, 1)
  hs = scan(x, h0 + zeros([N, 2]), (h, x) => tanh(x @ w + h), axis = -2)
  loss sum(hs^2) + sum(w^2)
}`);
    expect(joint.warnings).toEqual([]);
    const nodes = joint.persistent.map(({ gradient }) => gradient!);
    const parameters = joint.persistent.map(({ shape }, i) => drawn(shape.map(countOf), i + 3));
    const at = (given: readonly Values[], roots: readonly Node[]): Values[] =>
      evaluate(roots, {
        ...environment({ x: drawn([ROWS, 3, 2], 1) }),
        parameters: new Map(given.entries()),
      });
    const found = at(parameters, nodes);
    for (const [p, { data, shape }] of parameters.entries()) {
      for (const i of data.keys()) {
        const [up, down] = [1e-5, -1e-5].map((move) => {
          const moved = data.slice();
          moved[i]! += move;
          const given = parameters.with(p, { shape, data: moved });
          return at(given, [joint.roots.trainingLoss!])[0]!.data[0]!;
        });
        expect(found[p]!.data[i]).toBeCloseTo((up! - down!) / 2e-5, 7);
      }
    }
  });

  test("warnings tell of parameters that a loop does not move, or moves by steps alone", async () => {
    const { joint } = await analyze(flatLoop.text);
    const { warnings, end } = flatLoop;
    expect(saidOf(joint.warnings)).toEqual({ warnings, ends: warnings.map(() => end) });
  });

  test("cotangents of names in a body are known by theirs", async () => {
    const { joint } = await analyze(namedLoop.text);
    const names = reachable(listRoots(joint)).map(({ origin }) => origin.name);
    for (const name of namedLoop.names) expect(names).toContain(name);
  });
});

describe("probes", () => {
  test("of a layer that is called in a body are of its results at all places", async () => {
    const text = `model M {
  input x: [N, 3, 2]
  hs = scan(x, zeros([N, 2]), (h, x) => tanh(dense(x, 2) + h), axis = -2)
  loss sum(dense(hs, 1)^2)
}`;
    const { joint, probed } = await analyze(text, { probe: true });
    const lowered = (model: Model): Model => runPasses(model, "lower", "simplify-lowered");
    const both = graft(lowered(joint), lowered(probed!));
    verifyAfter(both, "simplify-lowered");
    const figures = both.roots.probes.filter(({ call }) => both.layers[call]!.path === "hs");
    expect(new Set(figures.map(({ figure }) => figure))).toEqual(
      new Set(["mean", "std", "min", "max", "zeros", "alive", "gradients"]),
    );
    const mean = figures.find(({ figure }) => figure === "mean")!.node;
    const parameters = both.persistent.map(({ shape }, i) => drawn(shape.map(countOf), i + 3));
    const x = drawn([ROWS, 3, 2], 1);
    const [found] = evaluate([mean], {
      ...environment({ x }),
      parameters: new Map(parameters.entries()),
    });
    const [weight, bias] = parameters.map(({ data }) => [...data]) as [number[], number[]];
    const entries = Array.from({ length: ROWS * 3 }, (_, row) =>
      [0, 1].map(
        (unit) =>
          x.data[2 * row]! * weight[2 * unit]! + x.data[2 * row + 1]! * weight[2 * unit + 1]! + bias[unit]!,
      ),
    ).flat();
    expect(found!.data[0]).toBeCloseTo(entries.reduce((sum, e) => sum + e, 0) / entries.length, 12);
    expect(loopsOf(both).size, "no loop is run twice").toBe(loopsOf(joint).size);
  });
});
