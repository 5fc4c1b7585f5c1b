/**
 * Programs whose loop is a `scan`, and the same with the places written out by `for`, as modules:
 * predictions, losses, gradients and steps, of batches of several sizes.
 */
import { expect, test } from "vitest";
import type { Net, Tensor } from "../runtime/index.ts";
import { start } from "./helpers/model.ts";

const LOOP = "fn along(x, first, body, reverse = false) = scan(x, first, body, axis = 1, reverse = reverse)";
const WRITTEN = `
fn entry(x, t) {
  if not is_list(x) { return x[:, t] }
  each = []
  for one in x { each = [...each, one[:, t]] }
  return each
}
fn stacked(all) {
  if not is_list(all[0]) { return stack(all, axis = 1) }
  each = []
  for i in 0..len(all[0]) {
    one = []
    for h in all { one = [...one, h[i]] }
    each = [...each, stack(one, axis = 1)]
  }
  return each
}
fn along(x, first, body, reverse = false) {
  h = first
  all = []
  T = 5
  for k in 0..T {
    t = k
    if reverse { t = T - 1 - k }
    h = body(h, entry(x, t))
    if reverse { all = [h, ...all] } else { all = [...all, h] }
  }
  return stacked(all)
}`;

/** Of a sequence x, a row y, labels ids, and weights w and v. */
const programs: Readonly<Record<string, string>> = {
  "batch norm before and after": `
  h = along(batch_norm(x), y, (h, e) => tanh(h @ w + e))
  z = batch_norm(h) * v`,
  "one cell, forward and then back from where that ended": `
  cell = (h, e) => tanh(h @ w + e * v)
  a = along(x, y, cell)
  z = along(a, a[:, -1], cell, reverse = true)`,
  "derivatives of derivatives, by the first value and by the sequence": `
  a = along(x, y, (h, e) => tanh(h @ w + e * v))
  g = grad(sum(a[:, -1]^2), y)
  z = grad(sum(g * v), x)`,
  "second derivatives by a weight": `
  last = u => mean(along(x, y, (h, e) => tanh(h @ u + e))[:, -1]^2)
  z = jacobian(reshape(grad(last(w), w), [9]), w) * v`,
  "cut in the middle": `
  places = broadcast(reshape(iota(5), [1, 5]), [size(x, 0), 5])
  held = (h, t) => where(reshape(t == 2, [-1, 1]), stop_gradient(h), h)
  z = along([x, places], y, (h, e) => tanh(held(h, e[1]) @ w + e[0] * v))`,
  "descents inside": `
  miss = u => mean((x[:, 0] @ u - x[:, 1])^2)
  rates = broadcast(reshape([0.1, 0.2, 0.1, 0.3, 0.1], [1, 5]), [3, 5])
  z = along(rates, w, (u, rate) => u - reshape(rate, [3, 1]) * grad(miss(u), u)) * v`,
  "outer products, read by a product": `
  column = a => reshape(a, [-1, 3, 1])
  row = a => reshape(a, [-1, 1, 3])
  read = (m, e) => tanh(reshape(row(e) @ m, [-1, 3]) @ w)
  z = along(x, zeros([size(x, 0), 3, 3]), (m, e) => 0.9 * m + column(e) * row(read(m, e) * v))`,
  "a label carried, which picks a row and is picked by what is carried": `
  begin = [y, ids]
  s = along(x, begin, (s, e) => [tanh(s[0] + e + take(w, s[1])), argmax(s[0] * v + e, axis = 1)])
  output labels = s[1]
  z = s[0]`,
  "values that change places, one handed on as it is, one dropped": `
  s = along(x, [y, y^2, sin(y), y], (s, e) => [s[1], s[0] * v, s[2], tanh(s[3] @ w + e)])
  z = s[0] + s[1] * s[2]`,
  "a loop inside, over what is carried": `
  inner = (m, e) => scan(m, e, (g, f) => tanh(g @ w + sort(f, axis = -1)), axis = 1, reverse = true)
  z = along(x, stack([y, y * v], axis = 1), (m, e) => inner(m, e))`,
  "a derivative of a loop inside, by what is carried": `
  inner = (h, e) => sum(scan(x, h, (g, f) => sin(g * f) + e, axis = 1)[:, -1])
  z = along(x, y, (h, e) => tanh(grad(inner(h, e), h) + h @ w) * v)`,
  "attention over a memory and a mean over the batch": `
  see = h => reshape(attend(reshape(h @ w, [-1, 1, 3]), x, x), [-1, 3])
  z = along(x, y, (h, e) => tanh(see(h) + e - mean(h, axis = 0, keep = true)) * v)`,
  "windows, sums so far, and the greatest": `
  smooth = h => sum(windows(pad(h, 1, 1, axis = 1), 3, 1) * v, axis = 2)
  z = along(x, y, (h, e) => tanh(cumsum(smooth(h), axis = 1) @ w) + max(h, axis = 1, keep = true) * e)`,
  "made again on the way back": `
  h = @recompute along(x, y, (h, e) => tanh(h @ w + e))
  z = @recompute along(h^2, y, (h, e) => sigmoid(h * v + e @ w))`,
};

const program = (definitions: string, lines: string): string => `${definitions}
model M {
  input x: [N, 5, 3]
  input y: [N, 3]
  input ids: int[N]
  param w: [3, 3] ~ normal(0, 0.5)
  param v = [0.7, -0.4, 1.1]${lines}
  output z
  loss mean(z^2) + mean(sin(z)) + 0.1 * sum(w^2)
  optimizer adam(lr = 0.01)
}`;

function batch(n: number): Record<string, Tensor> {
  const drawn = (shape: readonly number[], of: (i: number) => number): Tensor => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => of(i)),
  });
  return {
    x: drawn([n, 5, 3], (i) => 1.5 * Math.sin(12.9898 * (i + 1))),
    y: drawn([n, 3], (i) => Math.cos(78.233 * (i + 1))),
    ids: drawn([n], (i) => (i * 7 + 1) % 3),
  };
}

const results = (net: Net): readonly (readonly [string, readonly number[]])[] =>
  [17, 1, 3].flatMap((n) => {
    const data = batch(n);
    const { loss, gradients } = net.gradients(data);
    const tensors = { ...net.predict(data), ...gradients };
    return [
      [`loss of ${n}`, [loss, net.loss(data), net.step(data)]] as const,
      ...Object.entries(tensors).map(([name, found]) => [`${name} of ${n}`, [...found.data]] as const),
    ];
  });

test.each(Object.entries(programs))("%s", async (_, lines) => {
  const nets = await Promise.all(
    [LOOP, WRITTEN].map((definitions) => start(program(definitions, lines), { dtype: "f64" })),
  );
  const [found, wanted] = nets.map(results);
  for (const [i, [name, numbers]] of wanted!.entries()) {
    const scale = Math.max(1e-3, ...numbers.map(Math.abs));
    const [ownName, own] = found![i]!;
    expect(ownName).toBe(name);
    expect(own.length).toBe(numbers.length);
    const error = Math.max(...numbers.map((x, at) => Math.abs(x - own[at]!) / scale));
    expect(error, name).toBeLessThan(1e-10);
  }
  for (const net of nets) net.dispose();
});
