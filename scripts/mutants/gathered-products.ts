/**
 * Factors of products that are read as lists of loops, listed wrongly: what a program leaves must differ from
 * what the evaluator says, or the program must be refused. They are small ones of `test/gathered-products.test.ts`.
 */
import { analyze } from "../../compiler/analyze.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { faultOfSchedule, type Scheduling } from "../../test/helpers/scheduled.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const programs: readonly string[] = [
  `input x: [N, 5, 6, 2]
  param w: [3, 2, 3, 3] ~ normal
  y[n, i, j, o] = sum[c, u, v] x[n, i + u, j + 2 * v, c] * w[o, c, u, v]`,
  `input x: [N, 6, 3]
  param w: [4, 3, 3] ~ normal
  y[n, o, t] = sum[c, u] w[o, c, u] * x[n, t + u, c]`,
  `input x: [N, 4, 8]
  param w: [6, 5] ~ normal
  y = reshape(windows(x[:, 1:4, 2:8:2], 2, 1), [2 * N, 6]) @ w`,
];

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/schedule/lists.ts": [
    ["axes in their old order", "node.attributes.axes.map((axis) => axes[axis]!)", "axes"],

    ["outer parts as close as inner ones", "stride: scale(next.stride, rest) }", "stride: next.stride }"],
    [
      "inner parts as far as outer ones",
      "next = { size: rest, stride: next.stride };",
      "next = { size: rest, stride: scale(next.stride, rest) };",
    ],
    ["neighbors are one", "sameAffine(outer.stride, scale(loop.stride, loop.size)) &&", ""],
    [
      "as far apart as the outer one",
      "size: multiplySize(outer.size, loop.size), stride: loop.stride",
      "size: multiplySize(outer.size, loop.size), stride: outer.stride",
    ],
    [
      "slices from the start",
      "sliceView(view, node.attributes.axes, node.shape)",
      "sliceView(view, node.attributes.axes.map((axis) => ({ ...axis, start: 0 })), node.shape)",
    ],
  ],
};

const ROWS = 3;

export async function gatheredProductMutants(): Promise<Tried[]> {
  const models = await Promise.all(
    programs.map(async (lines) => {
      const { joint } = await analyze(
        `model P {\n${lines}\noutput z = y\noutput dx = grad(sum(sin(y)), x)\nloss mean(y^2)\n}`,
      );
      return runPasses(joint, "lower", "simplify-lowered");
    }),
  );
  return tryMistakesIn<Scheduling>(mistakes, "test/helpers/interpreted.ts", (loaded) =>
    Promise.resolve(models.some((model) => faultOfSchedule(model, ROWS, loaded) !== null)),
  );
}
