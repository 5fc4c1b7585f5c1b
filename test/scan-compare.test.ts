/**
 * Programs with `scan` by everybody whom `nndsl compare` asks: the tape, central differences,
 * TensorFlow.js and PyTorch, none of which shares a rule for loops with the compiler.
 */
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { askTensorFlow } from "../cli/compare/tfjs.ts";
import { askTorch } from "../cli/compare/torch.ts";
import { judge } from "../compiler/compare/judge.ts";
import { askDifferences } from "../compiler/compare/numeric.ts";
import { randomData, type Question } from "../compiler/compare/question.ts";
import { askTape } from "../compiler/compare/run-tape.ts";
import { torchProgram } from "../compiler/compare/torch.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { ownedBy } from "../compiler/graph/model.ts";
import type { Values } from "../compiler/ops/op.ts";
import { modelOf } from "./helpers/elaborated.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { usingWarmTorch, warmPython } from "./helpers/warm-torch.ts";

const N = 3;
const here = fileURLToPath(import.meta.url);
const python = warmPython();

beforeAll(() => usingWarmTorch());

/** A program at its first values, on random data. */
async function question(text: string): Promise<Question> {
  const model = await modelOf(text);
  const parameters = new Map<number, Values>();
  const inputs = randomData(model, N, 1, "normal");
  const environment = { n: N, inputs, parameters, states: new Map(), hyper: new Map(), step: 0, seed: 1 };
  for (const [i, { start }] of ownedBy(model).entries())
    parameters.set(i, evaluate([start!], environment)[0]!);
  return { model, environment, wanted: [...parameters.keys()] };
}

const cell = `layer cell(x: [..., T, I], units) {
  param w: [units, I] ~ normal(0, 0.5)
  param u: [units, units] ~ normal(0, 0.5)
  param b: [units] ~ normal(0, 0.5)
  first = zeros([...shape(x)[:-2], units])
  step = (h, x) => tanh(x @ w' + b + h @ u')
  return scan(x, first, step, axis = -2)
}
`;

const programs: Readonly<Record<string, string>> = {
  "a cell": `${cell}
    model Cell {
      input x: [N, 4, 3]
      target y: [N, 5]
      output z = cell(x, 5)[:, -1]
      loss mse(z, y)
    }`,
  "backwards, with two tensors carried, one of which is stopped on its way": `model Two {
      input x: [N, 4, 3]
      param w: [5, 3] ~ normal
      param c: [5] ~ normal
      body = (s, v) => [tanh(v @ w' + s[1]), stop_gradient(s[1]) * s[0] + sigmoid(s[0]) * v[:, :1]]
      both = scan(x, [zeros([N, 5]), zeros([N, 5]) + c], body, axis = -2, reverse = true)
      output z = both[0] * both[1]
      loss sum(z ^ 2)
    }`,
  "a loop in a loop, of which the inner one reads what the outer one carries": `model Nested {
      input x: [N, 4, 3]
      param a = 0.7
      param b = 0.2
      inner = (row, s) => scan(row, s[0], (h, v) => tanh(h * a + v * s[1]), axis = 0)
      output z = scan(x, zeros([2]), (s, v) => s * b + inner(mean(v, axis = 0), s)[-1], axis = 1)
      loss sum(z ^ 2)
    }`,
  "two lists of entries, and what is carried read by nobody": `model Lists {
      input x: [N, 4, 3]
      input y: [N, 4, 2]
      param a: [3] ~ normal
      pick = (s, v) => mean(v[0] * a, axis = 0) * mean(v[1])
      output z = scan([x, y], zeros([3]), pick, axis = 1)
      loss sum(z ^ 2)
    }`,
  "random numbers, others at each place": `model Noise {
      input x: [N, 4]
      param a = 0.5
      output z = scan(x, zeros([N]), (h, v) => h * a + v * normal([N]), axis = 1)
      loss sum(z ^ 2)
    }`,
};
const descent = (more: string): string => `model Descent {
      input x: [N, 4, 3]
      param q: [3] ~ normal
      energy = (s, v) => sum(s ^ 3 * q) * mean(v) + sum(mean(v, axis = 0) * s)
      output z = scan(x, q, (s, v) => s * 0.5 - 0.1 * grad(energy(s, v), s)${more}, axis = 1)
      loss sum(z ^ 2)
    }`;
/** With derivatives in the loss, which values alone cannot give. */
const nested: Readonly<Record<string, string>> = {
  "a derivative by what is carried, in the body": descent(""),
  "a derivative through a loop": `${cell}
    model Penalty {
      input x: [N, 4, 3]
      output z = cell(x, 5)[:, -1]
      loss sum(grad(sum(z ^ 2), x) ^ 2)
    }`,
};

describe.each(Object.entries(programs))("%s", (_, text) => {
  it("has the tape's gradients by differences of values", async () => {
    const asked = await question(text);
    expect(judge(askTape(asked), askDifferences(asked, asked.model), 1e-6).max).toBeLessThan(1e-6);
  });
});

describe.each(Object.entries({ ...programs, ...nested }))("%s", (_, text) => {
  it("has the tape's gradients in TensorFlow.js", async () => {
    const asked = await question(text);
    const { answer } = await askTensorFlow(asked, here);
    expect(judge(answer, askTape(asked), 1e-4).max).toBeLessThan(1e-4);
  });

  it.skipIf(skippedWithout(python))("has the tape's gradients in PyTorch", async () => {
    const asked = await question(text);
    const { answer } = await askTorch(asked);
    expect(judge(answer, askTape(asked), 1e-9).max).toBeLessThan(1e-12);
  });
});

describe("a derivative in a body by a parameter is of that place alone", () => {
  const text = descent(" + 0.1 * grad(energy(s, v), q)");

  it("on the tape and in TensorFlow.js", async () => {
    const asked = await question(text);
    // d energy / d q is s³ mean(v) where s is given.
    const written = await question(descent(" + 0.1 * s ^ 3 * mean(v)"));
    expect(judge(askTape(asked), askTape(written), 1e-9).max).toBeLessThan(1e-12);
    const { answer } = await askTensorFlow(asked, here);
    expect(judge(answer, askTape(written), 1e-4).max).toBeLessThan(1e-4);
  });

  it("and PyTorch, which has no such thing, is not asked", async () => {
    const { model, wanted } = await question(text);
    expect(() => torchProgram(model, wanted, N)).toThrow(
      "a derivative in the body of a `scan` by what is outside of it",
    );
  });
});

it("is written for PyTorch as a person writes it", async () => {
  const { model, wanted } = await question(programs["a cell"]!);
  const { text } = torchProgram(model, wanted, N);
  expect(text.slice(text.indexOf("# formulas"), text.indexOf("answer ="))).toBe(`# formulas
h = torch.full((N, 5), 0.0)
hs = []
for x_t in x.unbind(1):
    h = torch.tanh(x_t @ z_w.T + z_b + h @ z_u.T)
    hs.append(h)
z = torch.stack(hs, dim=1)[:, 3:4, :]
z_2 = z.reshape(N, 5)
loss = ((z_2 - y) * (z_2 - y)).sum() / (5 * N)

`);
});
