/** Models whose steps need what gradients need, and more, or less. */

const model = (lines: string, optimizer: string, before = ""): string => `${before}
model Steps {
  input x: [N, 5, 3]
  target y: [N, 2]
  first = zeros([N, 3])
  ${lines}
  loss mse(z, y)
  optimizer ${optimizer}
}`;

/** Keeps a value from step to step. */
const keeping = `layer keeping(h: [N, 3], kept: [N, 5, 3]) {
  state last: [5, 3] = 0
  last = last + mean(kept, axis = 0, keep = false)
  return h
}`;

export const stepModules: Readonly<Record<string, string>> = {
  "what a state reads of the forward pass": model(
    "z = dense(batch_norm(dense(x[:, 0], 4, tanh)), 2)\n  output z",
    "adam",
  ),
  "a recurrence that is not trained": model(
    "h = gru(x, 3)\n  head = dense(h[:, -1], 2)\n  z = head\n  output z",
    "sgd(lr = 0.1) for head",
  ),
  "a state that reads all of a stack of which gradients read the end": model(
    "param u: [3, 3] ~ normal\n  h = scan(x, first, (h, x) => tanh(x + h @ u), axis = 1)\n  z = dense(keeping(h[:, -1], h), 2)\n  output z",
    "sgd(lr = 0.1)",
    keeping,
  ),
  "a state that reads what a loop carries beside": model(
    "param u: [3, 3] ~ normal\n  s = scan(x, [first, first], (s, x) => [tanh(x + s[0] @ u), s[1] * 0.5 + s[0]], axis = 1)\n  z = dense(keeping(s[0][:, -1], s[1]), 2)\n  output z",
    "sgd(lr = 0.1)",
    keeping,
  ),
  "the end of a stack that is a gradient itself": model(
    "param p: [5, 3] ~ normal\n  param q: [3] ~ normal\n  h = scan(p, q, (h, p) => tanh(h + p), axis = 0)\n  z = (x[:, 0] * h[4])[:, 0:2]\n  output z",
    "sgd(lr = 0.1) for q",
  ),
  "gradients that are not stored": model(
    "param a: [3] ~ normal\n  param b: [3] ~ normal\n  z = (x[:, 0] * a + b)[:, 0:2] + sum(sigmoid(a) * exp(b))\n  output z",
    "sgd(lr = 0.1)",
  ),
  "gradients that lie otherwise": model(
    "h = conv1d(x, 4, 3)\n  z = dense(reshape(h, [N, -1]), 2)\n  output z",
    "momentum",
  ),
  "updates behind products": model(
    "h = x[:, 0] @ ones([3, 64])\n  z = x[:, 0, 0:2] + mean(dense(h, 64, tanh, use_bias = false))\n  output z",
    "momentum",
  ),
  "a norm of all gradients": model(
    "z = dense(dense(x[:, 0], 4, tanh), 2)\n  output z",
    "adam(clip_norm = 0.1, ema = 0.9, weight_decay = 0.01)",
  ),
  "two parameters with one gradient": model(
    "param a: [3] ~ normal\n  param b: [3] ~ normal\n  z = (x[:, 0] * (a + b))[:, 0:2]\n  output z",
    "sgd(lr = 0.1) for a\n  optimizer adam for b",
  ),
};
