/**
 * Likelihoods as textbooks write them, compiled, at logits where p and 1 - p round to 0: the value
 * and the gradient against stable formulas that were derived by hand and are computed in f64.
 */
import { describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";

const { abs, exp, expm1, log, log1p, LN2, max, tanh } = Math;
const sigma = (x: number): number => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));
/** -log σ(-x) = log(1 + e^x) */
const plus = (x: number): number => max(x, 0) + log1p(exp(-abs(x)));
const lse = (...xs: number[]): number => {
  const top = max(...xs);
  return top + log(xs.reduce((sum, x) => sum + exp(x - top), 0));
};
/** Σ slope · softmax x: the slope of lse. */
const slopeOfLse = (...terms: (readonly [x: number, slope: number])[]): number => {
  const all = lse(...terms.map(([x]) => x));
  return terms.reduce((sum, [x, slope]) => sum + exp(x - all) * slope, 0);
};
/** log(1 - e^x) for x < 0 */
const log1mexp = (x: number): number => (x > -LN2 ? log(-expm1(x)) : log1p(-exp(x)));

interface Likelihood {
  readonly formula: string;
  /** Of a logit z and a label y of 0 or 1. */
  readonly value: (z: number, y: number) => number;
  readonly slope: (z: number, y: number) => number;
  /** Where the formula is defined; everywhere without it. */
  readonly on?: (z: number) => boolean;
  /** An error that is allowed beside the relative one, where terms cancel in the answer itself. */
  readonly within?: number;
}

const bernoulli = {
  value: (z: number, y: number) => -plus(y === 1 ? -z : z),
  slope: (z: number, y: number) => (y === 1 ? sigma(-z) : -sigma(z)),
};
const logSigmoid = { value: (z: number) => -plus(-z), slope: (z: number) => sigma(-z) };
const logRest = { value: (z: number) => -plus(z), slope: (z: number) => -sigma(z) };
const squashed = {
  value: (z: number) => 2 * (LN2 - abs(z) - log1p(exp(-2 * abs(z)))),
  slope: (z: number) => -2 * tanh(z),
};
const logCosh = { value: (z: number) => abs(z) + log1p(exp(-2 * abs(z))) - LN2, slope: tanh, within: 1e-7 };
const oneMinusExp = {
  value: (z: number) => log1mexp(-z),
  slope: (z: number) => 1 / expm1(z),
  on: (z: number) => z > 0,
};
/** (1 - p)^γ log p and its slope. */
const focal = (g: number) => ({
  value: (z: number) => -exp(-g * plus(z)) * plus(-z),
  slope: (z: number) => exp(-g * plus(z)) * (g * sigma(z) * plus(-z) + sigma(-z)),
});
const three = {
  value: (z: number) => lse(0, z, 2 * z),
  slope: (z: number) => slopeOfLse([0, 0], [z, 1], [2 * z, 2]),
  within: 1e-7,
};
/** 0.3 N(z; 1, 1) + 0.7 N(z; -1, 1) */
const mixture = {
  value: (z: number) => lse(log(0.3) - (z - 1) ** 2 / 2, log(0.7) - (z + 1) ** 2 / 2) - log(2 * Math.PI) / 2,
  slope: (z: number) =>
    slopeOfLse([log(0.3) - (z - 1) ** 2 / 2, 1 - z], [log(0.7) - (z + 1) ** 2 / 2, -1 - z]),
};
/** Of the class k of logits (z, 0, -z): log(1 - p). */
const otherThan = (k: number) => ({
  value: (z: number) => {
    const log = [z, 0, -z][k]! - lse(z, 0, -z);
    return log < -LN2 ? log1p(-exp(log)) : lse(...[z, 0, -z].filter((_, i) => i !== k)) - lse(z, 0, -z);
  },
  slope: (z: number) => {
    const all = [
      [z, 1],
      [0, 0],
      [-z, -1],
    ] as const;
    return slopeOfLse(...all.filter((_, i) => i !== k)) - slopeOfLse(...all);
  },
  within: 1e-6,
});

const p = "sigmoid(z)";
const likelihoods: readonly Likelihood[] = [
  // What was seen, 0 or 1, picks p or 1 - p.
  { formula: `log(${p} * y + (1 - ${p}) * (1 - y))`, ...bernoulli },
  { formula: `log((1 - y) * (1 - ${p}) + y * ${p})`, ...bernoulli },
  { formula: `log(1 / (1 + exp(-z)) * y + (1 - 1 / (1 + exp(-z))) * (1 - y))`, ...bernoulli },
  { formula: `log(where(y == 1, ${p}, 1 - ${p}))`, ...bernoulli },
  { formula: `log(where(y > 0.5, ${p}, sigmoid(-z)))`, ...bernoulli },
  // softplus(z) - y z, whose terms cancel where the answer is right.
  { formula: `log(${p}) * y + log(1 - ${p}) * (1 - y)`, ...bernoulli, within: 1e-6 },
  { formula: `log(${p}^y * (1 - ${p})^(1 - y))`, ...bernoulli, within: 1e-6 },
  { formula: `log((y == 1) * ${p} + (y == 0) * (1 - ${p}))`, ...bernoulli },
  { formula: `log(1 - where(y == 1, 1 - ${p}, ${p}))`, ...bernoulli },
  {
    formula: `log(sum(stack([1 - y, y], axis = 1) * stack([1 - ${p}, ${p}], axis = 1), axis = 1))`,
    ...bernoulli,
  },
  { formula: "-log(1 + exp(-(2 * y - 1) * z))", ...bernoulli },
  {
    formula: `sum(log(stack([1 - ${p}, ${p}], axis = 1)) * stack([1 - y, y], axis = 1), axis = 1)`,
    ...bernoulli,
  },
  { formula: `gather(log(stack([1 - ${p}, ${p}], axis = 1)), label)`, ...bernoulli },
  {
    formula: `log(gather(concat([reshape(1 - ${p}, [N, 1]), reshape(${p}, [N, 1])], axis = 1), label))`,
    ...bernoulli,
  },
  { formula: `log(prod(stack([${p}^y, (1 - ${p})^(1 - y)], axis = 1), axis = 1))`, ...bernoulli },
  // Soft labels: a mixture of what could have been.
  {
    formula: `log(0.25 * ${p} + 0.75 * (1 - ${p}))`,
    value: (z) => lse(log(0.25) - plus(-z), log(0.75) - plus(z)),
    slope: (z) => slopeOfLse([log(0.25) - plus(-z), sigma(-z)], [log(0.75) - plus(z), -sigma(z)]),
    within: 1e-7,
  },
  // Complements.
  { formula: `1 - ${p}`, value: (z) => sigma(-z), slope: (z) => -sigma(z) * sigma(-z), within: 1e-7 },
  { formula: `log(1 - ${p})`, ...logRest },
  { formula: `log1p(-${p})`, ...logRest },
  { formula: `log(0.5 - 0.5 * ${p})`, value: (z) => -plus(z) - LN2, slope: logRest.slope },
  { formula: "log(1 - tanh(z)^2)", ...squashed },
  { formula: "log(1 - tanh(z) * tanh(z))", ...squashed },
  { formula: "log1p(-tanh(z)^2)", ...squashed },
  { formula: "log((1 - tanh(z)) * (1 + tanh(z)))", ...squashed },
  { formula: "log(0.5 * (1 + tanh(z)))", value: (z) => -plus(-2 * z), slope: (z) => 2 * sigma(-2 * z) },
  { formula: "log((1 + tanh(z / 2)) / 2)", ...logSigmoid },
  { formula: "log(0.5 + tanh(z / 2) / 2)", ...logSigmoid },
  { formula: "log((1 - tanh(z / 2)) / 2)", ...logRest },
  { formula: "log1p(tanh(z / 2)) - log(2)", ...logSigmoid, within: 1e-7 },
  {
    formula: "log(sigmoid(z + 1) - sigmoid(z))",
    value: (z) => -plus(-z - 1) - plus(z) + log1mexp(-1),
    slope: (z) => sigma(-z - 1) - sigma(z),
    within: 1e-7,
  },
  {
    formula: "log(tanh(z + 1) - tanh(z))",
    value: (z) => LN2 - plus(-2 * z - 2) - plus(2 * z) + log1mexp(-2),
    slope: (z) => 2 * sigma(-2 * z - 2) - 2 * sigma(2 * z),
    within: 1e-6,
  },
  {
    formula: `log(1 - ${p} * sigmoid(2 * z))`,
    value: (z) => lse(-plus(z), -plus(-z) - plus(2 * z)),
    slope: (z) => slopeOfLse([-plus(z), -sigma(z)], [-plus(-z) - plus(2 * z), sigma(-z) - 2 * sigma(2 * z)]),
    within: 1e-7,
  },
  ...[0, 1, 2].map((k) => ({
    formula: `log(1 - softmax(stack([z, 0 * z, -z], axis = 1)))[:, ${k}]`,
    ...otherThan(k),
  })),
  { formula: "log(1 - softmax(stack([z, 0 * z, -z], axis = 1))[:, 0])", ...otherThan(0) },
  {
    formula: "log(1 - gather(softmax(stack([z, 0 * z, -z], axis = 1)), twice))",
    value: (z, y) => otherThan(2 * y).value(z),
    slope: (z, y) => otherThan(2 * y).slope(z),
    within: 1e-6,
  },
  // Roots and powers.
  {
    formula: `sqrt(${p} * (1 - ${p}))`,
    value: (z) => exp(-(plus(z) + plus(-z)) / 2),
    slope: (z) => (exp(-(plus(z) + plus(-z)) / 2) * (sigma(-z) - sigma(z))) / 2,
  },
  {
    formula: `(1 - ${p})^0.5`,
    value: (z) => exp(-plus(z) / 2),
    slope: (z) => (-exp(-plus(z) / 2) * sigma(z)) / 2,
  },
  ...[0, 0.5, 1, 1.5, 2, 3].flatMap((g) => [
    { formula: `(1 - ${p})^${g} * log(${p})`, ...focal(g) },
    {
      formula: `${p}^${g} * log(1 - ${p})`,
      value: (z: number) => focal(g).value(-z),
      slope: (z: number) => -focal(g).slope(-z),
    },
  ]),
  ...[0.5, 2].map((g) => ({
    formula: `(1 - where(y == 1, ${p}, 1 - ${p}))^${g} * log(where(y == 1, ${p}, 1 - ${p}))`,
    value: (z: number, y: number) => focal(g).value(y === 1 ? z : -z),
    slope: (z: number, y: number) => (y === 1 ? focal(g).slope(z) : -focal(g).slope(-z)),
  })),
  // Sums of exponentials.
  { formula: "log(1 + exp(z) + exp(2 * z))", ...three },
  { formula: "log(1 + sum(exp(stack([z, 2 * z], axis = 1)), axis = 1))", ...three },
  { formula: "log1p(sum(exp(stack([z, 2 * z], axis = 1)), axis = 1))", ...three },
  { formula: "log(sum(exp(stack([z, 2 * z], axis = 1)), axis = 1) + 1)", ...three },
  {
    formula: "log(exp(z) + exp(2 * z))",
    value: (z) => lse(z, 2 * z),
    slope: (z) => slopeOfLse([z, 1], [2 * z, 2]),
    within: 1e-7,
  },
  { formula: "log(3 + exp(z))", value: (z) => lse(log(3), z), slope: (z) => sigma(z - log(3)) },
  { formula: "log((exp(z) + exp(-z)) / 2)", ...logCosh },
  { formula: "log(exp(z) + exp(-z)) - log(2)", ...logCosh },
  { formula: "log(1 - exp(-z))", ...oneMinusExp },
  { formula: "log1p(-exp(-z))", ...oneMinusExp },
  { formula: "log(-expm1(-z))", ...oneMinusExp },
  {
    formula: "log(exp(z) - 1)",
    value: (z) => z + log1mexp(-z),
    slope: (z) => -1 / expm1(-z),
    on: (z) => z > 0,
    within: 1e-7,
  },
  {
    formula: "log(exp(2 * z) - exp(z))",
    value: (z) => 2 * z + log1mexp(-z),
    slope: (z) => 1 - 1 / expm1(-z),
    on: (z) => z > 0,
  },
  {
    formula: "exp(z) / (exp(z) + exp(2 * z))",
    value: (z) => sigma(-z),
    slope: (z) => -sigma(z) * sigma(-z),
    within: 1e-7,
  },
  // Densities, counts, divergences.
  {
    formula: "log(0.3 * exp(-(z - 1)^2 / 2) / sqrt(2 * pi) + 0.7 * exp(-(z + 1)^2 / 2) / sqrt(2 * pi))",
    ...mixture,
  },
  {
    formula: "log(sum([0.3, 0.7] * exp(-(reshape(z, [N, 1]) - [1, -1])^2 / 2) / sqrt(2 * pi), axis = 1))",
    ...mixture,
  },
  {
    formula: "y * log(exp(z) / (2 + exp(z))) + 2 * log(2 / (2 + exp(z)))",
    value: (z, y) => y * (z - lse(LN2, z)) + 2 * (LN2 - lse(LN2, z)),
    slope: (z, y) => y * sigma(LN2 - z) - 2 * sigma(z - LN2),
    within: 1e-7,
  },
  {
    formula: `y * log(y / ${p}) + (1 - y) * log((1 - y) / (1 - ${p}))`,
    value: (z, y) => -bernoulli.value(z, y),
    slope: (z, y) => -bernoulli.slope(z, y),
  },
  { formula: `log(${p} / (1 - ${p}))`, value: (z) => z, slope: () => 1 },
  {
    formula: `${p} * log(${p}) + (1 - ${p}) * log(1 - ${p})`,
    value: (z) => -sigma(z) * plus(-z) - sigma(-z) * plus(z),
    slope: (z) => sigma(z) * sigma(-z) * z,
    within: 1e-6,
  },
];

const logits = [0.5, 1, 17, 20, 40, 95, 1e4].flatMap((z) => [z, -z]);
const rows = logits.flatMap((z) => [0, 1].map((y) => ({ z, y })));

/** Every formula, with its derivative by z, as outputs of one model. */
const program = `model Likelihoods {
  input z: [N]
  input y: [N]
  input label: int[N]
  input twice: int[N]
${likelihoods.map(({ formula }, i) => `  v${i} = ${formula}\n  output value${i} = v${i}\n  output slope${i} = grad(sum(v${i}), z)`).join("\n")}
}`;

const answers = (dtype: "f32" | "f64") =>
  compile(program, { dtype }).then(async ({ wasm, diagnostics }) => {
    const net = await load(new Uint8Array(wasm), { seed: 1 });
    const y = rows.map((row) => row.y);
    const outputs = net.predict({ z: rows.map((row) => row.z), y, label: y, twice: y.map((k) => 2 * k) });
    return {
      diagnostics,
      outputs: likelihoods.map((_, i) => [outputs[`value${i}`]!.data, outputs[`slope${i}`]!.data] as const),
    };
  });

describe.each([
  ["f32", 2e-5, 1e-36],
  ["f64", 1e-11, 1e-300],
] as const)("in %s", (dtype, tolerance, smallest) => {
  const compiled = answers(dtype);

  test("no warning", async () => {
    expect((await compiled).diagnostics).toEqual([]);
  });

  test.each(likelihoods.map(({ formula }, i) => [formula, i] as const))("%s", async (_, i) => {
    const { value, slope, on, within = 0 } = likelihoods[i]!;
    const [values, slopes] = (await compiled).outputs[i]!;
    const room = dtype === "f32" ? within : within * 1e-8;
    const off = rows.flatMap(({ z, y }, row) => {
      if (on !== undefined && !on(z)) return [];
      return (
        [
          ["value", values[row]!, value(z, y)],
          ["slope", slopes[row]!, slope(z, y)],
        ] as const
      ).flatMap(([what, got, wanted]) =>
        abs(got - wanted) <= tolerance * abs(wanted) + smallest + room
          ? []
          : [`${what} at z = ${z}, y = ${y}: ${got} for ${wanted}`],
      );
    });
    expect(off.join("\n")).toBe("");
  });
});

describe("classes that cannot be: logits of -inf, where the label is 0", () => {
  const losses = [
    "cross_entropy(z, label)",
    "cross_entropy(z, y)",
    "cross_entropy(z, one_hot(label, 3))",
    "nll(log_softmax(z), label)",
    "nll(log(softmax(z)), label)",
    "mean(-sum(y * log_softmax(z), axis = -1))",
    "mean(sum(-y * log(softmax(z)), axis = 1))",
    "mean(sum(y * -log_softmax(z), axis = 1))",
    "-sum(one_hot(label, 3) * log_softmax(z)) / N",
    "mean(-log(sum(y * softmax(z), axis = 1)))",
    "mean(-log(gather(softmax(z), label)))",
    "3 * kl_div(log_softmax(z), y)",
  ];
  const program = `model Labels {
  input x: [N, 3]
  input open: bool[N, 3]
  input y: [N, 3]
  input label: int[N]
  z = where(open, x, -inf)
${losses.map((loss, i) => `  l${i} = ${loss}\n  output loss${i} = l${i}\n  output slope${i} = grad(l${i}, x)`).join("\n")}
}`;
  const given = {
    x: [
      [1, 2, 3],
      [0, 1, 5],
    ],
    open: [
      [true, false, true],
      [true, true, false],
    ],
    y: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    label: [0, 1],
  };
  // -log of 1 / (1 + e^2) and of 1 / (1 + e^-1), as a mean.
  const loss = (log1p(exp(2)) + log1p(exp(-1))) / 2;
  const [first, second] = [sigma(2) / 2, sigma(-1) / 2];
  const slope = [-first, 0, first, second, -second, 0];

  test.each(["f32", "f64"] as const)("in %s", async (dtype) => {
    const { wasm } = await compile(program, { dtype });
    const outputs = (await load(new Uint8Array(wasm), { seed: 1 })).predict(given);
    const digits = dtype === "f32" ? 6 : 14;
    losses.forEach((text, i) => {
      expect(outputs[`loss${i}`]!.data[0], text).toBeCloseTo(loss, digits);
      expect([...outputs[`slope${i}`]!.data], text).toEqual(slope.map((v) => expect.closeTo(v, digits)));
    });
  });

  test("the entropy of what is left", async () => {
    const { wasm } = await compile(
      `model Entropy { input x: [N, 3] input open: bool[N, 3]
        p = softmax(where(open, x, -inf)) h = -sum(p * log(p)) output h = h output slope = grad(h, x) }`,
      { dtype: "f64" },
    );
    const { x, open } = given;
    const outputs = (await load(new Uint8Array(wasm), { seed: 1 })).predict({ x, open });
    // Of two classes whose logits are d apart: h = softplus(d) - d σ(d), and dh/dd = -d σ(d) σ(-d).
    const entropy = (d: number): number => plus(d) - d * sigma(d);
    const bent = (d: number): number => -d * sigma(d) * sigma(-d);
    expect(outputs["h"]!.data[0]).toBeCloseTo(entropy(2) + entropy(1), 14);
    expect([...outputs["slope"]!.data]).toEqual(
      [-bent(2), 0, bent(2), -bent(1), bent(1), 0].map((v) => expect.closeTo(v, 14)),
    );
  });
});
