/** Formulas with indices: what they are worth, against numbers worked out by hand and by plain loops. */
import { expect, it } from "vitest";
import { elementOf, outputsAt } from "./helpers/indexed.ts";

it("defines tensors entry by entry, and sums over what is written", async () => {
  const outputs = await outputsAt(`model Trace {
    param a = [[1, 2], [3, 4]]
    output trace = sum[i] a[i, i]
    output outer[i, j] = a[0, i] * a[1, j]
    output lower[i, j] = where(j <= i, a[i, j], 0)
    output turned[i] = a[1 - i, 0]
    output last[j] = a[-1, j]
    output both[i, j] = sum[k] a[i, k] * a[k, j] + a[i, j]
    loss sum[i, j] a[i, j] * a[j, i]
  }`);
  expect(outputs).toEqual({
    trace: 5,
    outer: [[3, 4], [6, 8]],
    lower: [[1, 0], [3, 4]],
    turned: [3, 1],
    last: [3, 4],
    both: [[8, 12], [18, 26]],
  }); // prettier-ignore
});

it("reduces by every reducer", async () => {
  const outputs = await outputsAt(
    `model Reductions {
    param a = [[1, 2, 4], [3, 5, 0]]
    output sums[i] = sum[j] a[i, j]
    output products[i] = prod[j] a[i, j]
    output largest[i] = max[j] a[i, j]
    output smallest[j] = min[i] a[i, j]
    output middle = mean[i, j] a[i, j]
    output soft[i] = exp(logsumexp[j] log(a[i, j] + 1))
    output place[i] = argmax[j] a[i, j]
    output count = sum[i in 0..3, j in 0..i_count] 2
    loss 0 * sum(a)
  }`.replace("i_count", "4"),
  );
  expect(outputs).toMatchObject({
    sums: [7, 8],
    products: [8, 0],
    largest: [4, 5],
    smallest: [1, 2, 0],
    middle: 2.5,
    place: [2, 1],
    count: 24,
  });
  [10, 11].forEach((sum, i) => expect(elementOf(outputs["soft"], i)).toBeCloseTo(sum, 12));
});

const x = [
  [1, 2, 3],
  [4, 5, 6],
];

it("knows what stands between the batch and its indices", async () => {
  const outputs = await outputsAt(
    `model Batch {
      input x: [N, 3]
      output centered[n, i] = x[n, i] - mean[m] x[m, i]
      output total = sum[n, i] x[n, i]
      output last[i] = x[-1, i]
      output rows[n] = sum[i] i * x[n, i]
      output counted[n, i in 0..3] = i + 10 * x[n, 0]
    }`,
    { x },
  );
  expect(outputs).toEqual({
    centered: [[-1.5, -1.5, -1.5], [1.5, 1.5, 1.5]],
    total: 21,
    last: [4, 5, 6],
    rows: [8, 17],
    counted: [[10, 11, 12], [40, 41, 42]],
  }); // prettier-ignore
});

it("takes `...` for the same leading axes, broadcast", async () => {
  const outputs = await outputsAt(
    `model Dots {
      input x: [N, 3]
      param w = [[1, 0, 0], [1, 1, 1]]
      param s = [[2], [3]]
      output y[..., o] = sum[i] x[..., i] * w[o, i]
      output all[...] = 2 * x[...]
      output turned[o, ...] = sum[i] w[o, i] * x[..., i]
      output scaled[..., i] = w[..., i] * s[..., 0] + sum(s)
      output stretched[...] = w[...] * s[...]
    }`,
    { x },
  );
  expect(outputs).toEqual({
    y: [[1, 6], [4, 15]],
    all: [[2, 4, 6], [8, 10, 12]],
    turned: [[1, 4], [6, 15]],
    scaled: [[7, 5, 5], [8, 8, 8]],
    stretched: [[2, 0, 0], [3, 3, 3]],
  }); // prettier-ignore
});

it("looks rows up by the entries of int tensors, and by sums of them", async () => {
  const outputs = await outputsAt(
    `model Tables {
      input ids: int[N, 2]
      input x: [N, 3]
      param table = [[1, 2], [3, 4], [5, 6]]
      output rows[n, t, d] = table[ids[n, t], d]
      output before[n, t] = table[ids[n, t] - 1, 0]
      output both[n] = table[ids[n, 0], ids[n, 1] - 1]
      output own[n] = x[n, ids[n, 0]]
      output next[n, i in 0..2] = x[n, ids[n, 0] - i]
      output written[i] = table[[2, 0][i], 1]
      output dots[..., d] = table[ids[...], d]
    }`,
    { ids: [[1, 2], [2, 1]], x },
  ); // prettier-ignore
  expect(outputs).toEqual({
    rows: [[[3, 4], [5, 6]], [[5, 6], [3, 4]]],
    before: [[1, 3], [3, 1]],
    both: [4, 5],
    own: [2, 6],
    next: [[2, 1], [6, 5]],
    written: [6, 2],
    dots: [[[3, 4], [5, 6]], [[5, 6], [3, 4]]],
  }); // prettier-ignore
});

it("gives entries to functions of numbers, and indices to functions of indices", async () => {
  const outputs = await outputsAt(`
    const half = sum[i in 0..3] i / 6
    fn line(v, slope = 2) = slope * v + half
    fn powers(v) = sum[k in 0..3] v^k
    fn after(i) = i + 1
    fn cube(v) { w = v * v return w * v }
    model Functions {
      param a = [[1, 2], [3, 4]]
      output lines[i, j] = line(a[i, j])
      output sums[i, j] = powers(a[i, j])
      output shifted[i in 0..1, j] = a[after(i), j]
      output cubes[i] = cube(max(a[i, 0], a[0, i]))
      output lambda[i, j] = (v => v + a[0, j])(a[i, j])
      output signed[i, j] = where(i == j and a[i, j] > 1, 1, 0)
      output means[i] = relu(a[i, 0] - mean(a)) + sum[j] step(a[i, j] - 2.5)
    }`);
  expect(outputs).toEqual({
    lines: [[2.5, 4.5], [6.5, 8.5]],
    sums: [[3, 7], [13, 21]],
    shifted: [[3, 4]],
    cubes: [1, 27],
    lambda: [[2, 4], [4, 6]],
    signed: [[0, 0], [0, 1]],
    means: [0, 2.5],
  }); // prettier-ignore
});

it("hides other bindings by its indices, and binds a name by its own entries", async () => {
  const outputs = await outputsAt(`model Names(stride = 2) {
    param a = [[1, 2], [3, 4]]
    param v = [1, 2, 3, 4, 5]
    i = 7
    a[i, j] = a[j, i] + i
    output a = a
    output i = i
    strided[t] = v[stride * t]
    output strided = strided
    h = v
    for k in 0..2 { h[t] = h[t + k] }
    output h = h
    sum = v
    output item = sum[2]
    output rest = sum[1] - 1
    max[t] = v[t]
    output named = max[0]
    output reduced = sum[t] v[t]
  }`);
  expect(outputs).toEqual({
    a: [[1, 3], [3, 5]],
    i: 7,
    strided: [1, 3, 5],
    h: [2, 3, 4, 5],
    item: 3,
    rest: 1,
    named: 1,
    reduced: 15,
  }); // prettier-ignore
});

it("reads what depends on no index once: a layer owns one set of parameters", async () => {
  const { parametersOf, modelOf } = await import("./helpers/elaborated.ts");
  const model = await modelOf(`model Layers {
    input x: [N, 3]
    h[n, i] = dense(x, 2)[n, i] + dense(x, 2)[n, 1 - i] * sum(dense(x, 1))
    output g[n] = sum[i] dense(h, 2)[n, i]
  }`);
  expect(parametersOf(model)).toEqual([
    "h.0.weight [2, 3]",
    "h.0.bias [2]",
    "h.1.weight [2, 3]",
    "h.1.bias [2]",
    "h.2.weight [1, 3]",
    "h.2.bias [1]",
    "g.weight [2, 2]",
    "g.bias [2]",
  ]);
});

it("reads a reduction as far as Σ reaches", async () => {
  const outputs = await outputsAt(`model Reach {
    param v = [1, 2, 3]
    output sums = sum[i] v[i] * 2 + 1
    output minus = sum[i] -v[i] / 2 - 1
    output nested = 2 * sum[i] v[i] * sum[j] v[j]^2
    output compared = where(sum[i] v[i] > 5, 1, 0)
    output grouped = (sum[i] v[i]) * 2
    output negative = -sum[i] v[i]
    output power = 2^sum[i] v[i]
    output list = sum[i] [5, 6, 7][i]
  }`);
  expect(outputs).toEqual({
    sums: 13,
    minus: -4,
    nested: 168,
    compared: 1,
    grouped: 12,
    negative: -6,
    power: 64,
    list: 18,
  });
});
