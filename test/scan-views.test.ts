/** Loops where people look at a program: printed, as formulas, as pictures, and counted. */
import { expect, test } from "vitest";
import { derive } from "../compiler/derive/index.ts";
import { drawDiagram } from "../compiler/diagram/index.ts";
import { plan } from "../compiler/index.ts";
import { modelOf } from "./helpers/elaborated.ts";

const program = (length: number, reverse = false): string => `model Rnn {
  input x: [N, ${length}, 3]
  target y: [N, 2]
  param w: [2, 3] ~ normal
  param u: [2, 2] ~ normal
  h = scan(x, zeros([N, 2]), (h, x) => tanh(x @ w' + h @ u'), axis = 1, reverse = ${reverse})
  loss sum((h[:, ${reverse ? 0 : -1}] - y) ^ 2)
  output z = h
  optimizer sgd(lr = 0.1)
}`;

test("the printed graph indents the body under its loop, with what is carried by the lambda's name", async () => {
  const { stages } = await plan(program(4));
  expect(stages.ir).toContain(`loop 1, places 0 to 3, carries h: [N, 2] from 0
  x.2: [N, 3] = pick t.7 loop=1
  t.8: [N, 2] = x.2 @ w'
  t.9: [N, 2] = h @ u'
  t.10: [N, 2] = t.8 + t.9
  t.11: [N, 2] = tanh t.10
  h <- t.11
t.12: [4, N, 2] = scan t.11 loop=1
`);
  expect(stages.grad).toMatch(/\nloop 1, places 0 to 3, carries h: \[N, 2\] from 0\n {2}/);
  // What it begins with is the cotangent of the last place, the only one that is read.
  expect(stages.grad).toMatch(/\nloop 2, places 3 to 0, carries t\.\d+: \[N, 2\] from t\.\d+\n {2}/);
});

test("derive writes recurrences with the index of the place, forward and back", async () => {
  const { forward, formulas } = derive(await modelOf(program(4)), { wrt: ["w", "u"] });
  expect(forward.map(({ text }) => text).slice(0, 2)).toEqual([
    "hₜ = tanh(xₜ wᵀ + hₜ₋₁ uᵀ), t = 1 … 4, h₀ = 0",
    "loss = Σₙⱼ (h₄ - y)²",
  ]);
  expect(forward[0]!.latex).toBe(
    String.raw`h_{t} &= \tanh(x_{t}\,w^{\top} + h_{t-1}\,u^{\top}),\quad t = 1, \ldots, 4,\ h_{0} = 0`,
  );
  const [, byU] = formulas;
  expect(byU!.text.split("\n").slice(-2)).toEqual([
    "cₜ = (cₜ₊₁ ∘ (1 - hₜ²)) u, t = 4 … 1, c₅ = 2(h₄ - y)",
    "∇u = Σₜ (cₜ₊₁ ∘ (1 - hₜ²))ᵀ hₜ₋₁",
  ]);
});

test("where all places are read, there arrives what flows back to each, and what the place after carries", async () => {
  const source = program(4).replace("(h[:, -1] - y) ^ 2", "h ^ 2");
  const { formulas } = derive(await modelOf(source), { wrt: ["u"] });
  expect(formulas[0]!.text.split("\n").slice(-3)).toEqual([
    "δh = 2 h",
    "cₜ = ((δhₜ + cₜ₊₁) ∘ (1 - hₜ²)) u, t = 4 … 1, c₅ = 0",
    "∇u = Σₜ ((δhₜ + cₜ₊₁) ∘ (1 - hₜ²))ᵀ hₜ₋₁",
  ]);
});

test("and of a loop in reverse from the last place to the first", async () => {
  const { forward } = derive(await modelOf(program(4, true)), { wrt: ["w"] });
  expect(forward[0]!.text).toBe("hₜ = tanh(xₜ wᵀ + hₜ₊₁ uᵀ), t = 4 … 1, h₅ = 0");
});

test("a picture has a box around the body of a loop", async () => {
  const model = await modelOf(program(4));
  const { groups, boxes } = drawDiagram(model, { what: "forward", fold: false });
  const loop = groups.find(({ label }) => label === "loop of 4 places, carries h")!;
  const inside = boxes.filter(({ group }) => group === loop.id).map(({ label }) => label);
  expect(inside).toEqual(expect.arrayContaining(["h, from before", "entry", "tanh", "all places"]));
  const { boxes: folded } = drawDiagram(model, { what: "joint", fold: true });
  expect(folded.filter(({ kind }) => kind === "layer").map(({ label }) => label)).toEqual([
    "loop of 4 places, carries h",
    "loop of 4 places, in reverse, carries what flows back",
  ]);
});

test("what the way back reads of a loop's places stands beside it, and gradients are named", async () => {
  const gated = `fn cell(h, x, w) {
  g = sigmoid(x @ w)
  return g * h + x
}
model Gated {
  input x: [N, 4, 2]
  param w: [2, 2] ~ normal
  h = scan(x, zeros([N, 2]), (h, x) => cell(h, x, w), axis = 1)
  loss sum(h[:, -1]^2)
}`;
  const { boxes, arrows } = drawDiagram(await modelOf(gated), { what: "joint", fold: true });
  const back = boxes.find(({ label }) => label.startsWith("loop of 4 places, in reverse"))!;
  const read = arrows.filter(({ to, kind }) => to === back.id && kind === "stored").map(({ from }) => from);
  const kept = boxes.filter(({ id }) => read.includes(id)).map(({ label }) => label);
  expect(kept).toEqual(expect.arrayContaining(["g", "x", "h"]));
  expect(new Set(boxes.map(({ id }) => id)).size).toBe(boxes.length);
  expect(boxes.flatMap(({ gradients }) => gradients.map(({ name }) => name))).toEqual(["∇w"]);
});

test("formulas in boxes call values of loops by their names, and entries by their place", async () => {
  const gated = `fn cell(h, x, w) {
  next = tanh(h @ w) + x
  return x * next
}
model Gated {
  input x: [N, 4, 2]
  param w: [2, 2] ~ normal
  h = scan(x, zeros([N, 2]), (h, x) => cell(h, x, w), axis = 1)
  z = dense(h[:, -1], 1)
  loss sum(z^2)
}`;
  const { boxes } = drawDiagram(await modelOf(gated), { what: "forward", fold: true });
  expect(Object.fromEntries(boxes.map(({ label, caption }) => [label, caption]))).toMatchObject({
    "loop of 4 places, carries h": "xₜ ∘ next",
    z: "h[:, 3, :] weightᵀ + bias",
  });
});

test("operations in a loop are counted at every place", async () => {
  const flops = async (length: number): Promise<number> => {
    const { report } = await plan(program(length));
    return report.flops.forward;
  };
  const [four, five, eight] = await Promise.all([4, 5, 8].map(flops));
  const each = five! - four!;
  // Two products, 2 · 2 · 3 and 2 · 2 · 2, a sum and a tanh of two entries.
  expect(each).toBeGreaterThanOrEqual(2 * 2 * 3 + 2 * 2 * 2 + 2 + 2);
  expect(eight! - four!).toBe(4 * each);
});
