/**
 * Formulas with indices are notation and nothing else: a program written with them has the kernels
 * of its twin, which is written with `@`, `'`, slices, windows and reductions along axes.
 */
import { expect, it } from "vitest";
import { plan } from "../compiler/index.ts";

const w = "param w: [4, 5] ~ normal";
const sgd = "optimizer sgd(lr = 0.1)";

const twins: Readonly<Record<string, readonly [string, string]>> = {
  "scores of attention": [
    `input q: [N, 3, 2] input k: [N, 4, 2]
    a[n, t, s] = sum[d] q[n, t, d] * k[n, s, d] / sqrt(2)
    output z = softmax(a)`,
    `input q: [N, 3, 2] input k: [N, 4, 2]
    a = q @ k' / sqrt(2)
    output z = softmax(a)`,
  ],
  "a linear layer that trains": [
    `input x: [N, 5] ${w}
    h[..., o] = sum[i] x[..., i] * w[o, i]
    loss mean[n, o] h[n, o]^2
    ${sgd}`,
    `input x: [N, 5] ${w}
    h = x @ w'
    loss mean(h^2)
    ${sgd}`,
  ],
  "a linear layer along time that trains": [
    `input x: [N, 3, 5] ${w}
    h[n, t, o] = sum[i] x[n, t, i] * w[o, i]
    loss mean[n, t, o] h[n, t, o]^2
    ${sgd}`,
    `input x: [N, 3, 5] ${w}
    h = x @ w'
    loss mean(h^2)
    ${sgd}`,
  ],
  "columns beside each other, and a reduction of the row": [
    `input x: [N, 5]
    h[n, i] = exp(x[n, i]) * x[n, 2] - max[j] x[n, j]
    output z = h`,
    `input x: [N, 5]
    h = exp(x) * x[:, 2:3] - max(x, axis = -1, keep = true)
    output z = h`,
  ],
  "axes exchanged and turned round": [
    `input x: [N, 3, 5]
    h[n, i, t] = x[n, 2 - t, i]
    output z = h`,
    `input x: [N, 3, 5]
    h = transpose(x[:, ::-1], [0, 2, 1])
    output z = h`,
  ],
  "a causal mask": [
    `input a: [N, 3, 3]
    m[n, t, s] = where(s <= t, a[n, t, s], -inf)
    output z = softmax(m)`,
    `input a: [N, 3, 3]
    t = reshape(iota(3), [3, 1])
    m = where(iota(3) <= t, a, -inf)
    output z = softmax(m)`,
  ],
  "rows of a table": [
    `input ids: int[N, 3] param table: [7, 4] ~ normal
    e[n, t, d] = table[ids[n, t], d]
    loss sum(e^2)
    ${sgd}`,
    `input ids: int[N, 3] param table: [7, 4] ~ normal
    e = take(table, ids)
    loss sum(e^2)
    ${sgd}`,
  ],
  "one entry a row": [
    `input x: [N, 5] input y: int[N]
    h[n] = x[n, y[n]]
    output z = h`,
    `input x: [N, 5] input y: int[N]
    h = gather(x, y)
    output z = h`,
  ],
  "a pool": [
    `input x: [N, 8, 3]
    h[n, t, c] = max[u in 0..2] x[n, 2 * t + u, c]
    output z = h`,
    `input x: [N, 8, 3]
    h = max(windows(x, 2, axis = 1, stride = 2), axis = -1)
    output z = h`,
  ],
};

/** What is computed, by which loops and over what; results are called alike. */
const anonymous = (kernels: string): string =>
  kernels
    .replaceAll(/^\/\/\/.*$/gm, "")
    .replaceAll(/\b(?:h|a|e|m|product|max|sum|take|gather|rows|x)(?:_\d+)?\b/g, "it");

it.each(Object.entries(twins))("%s", async (_name, [indexed, twin]) => {
  const [a, b] = await Promise.all([indexed, twin].map((text) => plan(`model M {\n${text}\n}`)));
  expect(anonymous(a!.stages.kernels)).toBe(anonymous(b!.stages.kernels));
});
