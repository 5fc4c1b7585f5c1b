/** Models with loops of every kind: what is carried and how it is read, loops in loops and one after another. */

/** A model over x [N, 5, 3], a parameter w [3] and a matrix u [3, 3]. */
const model = (lines: string, before = ""): string => `${before}
model Loops {
  input x: [N, 5, 3]
  param w: [3] ~ normal
  param u: [3, 3] ~ normal
  first = zeros([size(x, 0), 3])
  ${lines}
  loss mean(h^2)
}`;

export const loopModules: Readonly<Record<string, string>> = {
  "all of what is carried, over steps in front": model(
    "h = scan(x, first, (h, x) => tanh(x * w + h @ u), axis = 1)\n  output h = transpose(h, [1, 0, 2])",
  ),
  "from the last step to the first": model(
    "h = scan(x, first, (h, x) => tanh(x * w + h @ u), axis = 1, reverse = true)\n  output h",
  ),
  "the last of what is carried alone": model(
    "h = scan(x, first, (h, x) => tanh(x * w + h @ u), axis = 1)[:, -1]\n  output h",
  ),
  "the first alone, which comes last, of what is gated": model(
    "h = scan(x, first, (h, x) => sigmoid(x * w) * h + flip(tanh(h @ u), 1) * x, axis = 1, reverse = true)[:, 0]\n  output h",
  ),
  "the last alone of two that change places": model(
    "s = scan(x, [first, x[:, 0]], (s, x) => [s[1] * w, tanh(s[0] + x)], axis = 1)\n  h = s[0][:, -1] - s[1][:, -1]\n  output h",
  ),
  "the last alone of what each place of a loop computes": model(
    "h = scan(x, first, (h, x) => 0.5 * h + scan(x * h, zeros([size(x, 0)]), (g, e) => g * e + e, axis = 1)[:, 2:], axis = 1)[:, -1]\n  output h",
  ),
  "the last of one, and all of another": model(
    "s = scan(x, [first, first], (s, x) => [tanh(x + s[1] * w), 0.5 * s[1] + s[0]], axis = 1)\n  h = s[0] * s[1][:, 4:5]\n  output h",
  ),
  "a line of delays": model(
    "s = scan(x, [first, first, first], (s, x) => [s[1], s[2] + x @ u, x * s[0]], axis = 1)\n  h = s[0] + s[1] * s[2]\n  output h",
  ),
  "what never changes": model(
    "h = scan(x, [first, x[:, 0]], (s, x) => [tanh(s[0] * s[1] + x @ u), s[1]], axis = 1)[0]\n  output h",
  ),
  "a first value that is learned": model(
    "h = scan(x, broadcast(w, [size(x, 0), 3]), (h, x) => tanh(x + h @ u), axis = 1)\n  output h",
  ),
  "what is carried, and what arrives at each place": model(
    "s = scan(x, [first, first], (s, x) => [tanh(x + s[0] @ u), s[0]], axis = 1)\n  h = s[0] - s[1]\n  output h",
  ),
  "a loop in a loop": model(
    "h = scan(x, first, (h, x) => tanh(h @ u + scan(x, zeros([size(x, 0)]), (g, e) => tanh(0.5 * g + e), axis = 1)), axis = 1)\n  output h",
  ),
  "a loop over the steps of a loop": model(
    "g = scan(x, first, (h, x) => tanh(x * w + h @ u), axis = 1)\n  h = scan(g, first, (h, g) => sigmoid(g @ u - h), axis = 1, reverse = true)\n  output h",
  ),
  "a product of what is carried by itself": model(
    "h = scan(x, first, (h, x) => sin(h * (h @ u) + x), axis = 1)\n  output h",
  ),
  "steps counted, and places by number": model(
    "s = scan([x, reshape(iota(5), [1, 5, 1])], [first, 0], (s, e) => [tanh(s[0] @ u + e[0] * e[1] - s[1]), s[1] + 1], axis = 1)\n  h = s[0]\n  output h",
  ),
  "numbers drawn at each place": model(
    "h = scan(x, first, (h, x) => tanh(dropout(x, 0.3) * w + h @ u), axis = 1)\n  output h",
  ),
  "two values that go on as one": model(
    "s = scan(x, [first, x[:, 0], x[:, 1]], (s, x) => twice(tanh(x * w + s[0] @ u), s[0] * s[1] + s[2]), axis = 1)\n  h = s[2] - s[0]\n  output h",
    "fn twice(t, both) = [t, t, both]",
  ),
  "a first value that lies otherwise": model(
    "v = reshape(transpose(x[:, 1:3], [0, 2, 1]), [size(x, 0), 6])\n  h = scan(x, v[:, 1:4], (h, x) => tanh(x * w + h @ u), axis = 1)\n  output h",
  ),
  "many values at a place": model(
    "h = scan(x, first, (h, x) => step(h, x, w, u), axis = 1)[:, -1]\n  output h",
    `fn step(h, x, w, u) {
    a = tanh(h @ u + x)
    b = softmax(a @ u + w)
    c = sin((a * b) @ u' + x @ u)
    return tanh(c @ u + softmax(b @ u + h) * a)
  }`,
  ),
  "pairs of places": model(
    "h = scan(x, first, (h, e) => scan(x, h, (g, f) => tanh(g @ u + e * f), axis = 1)[:, -1] + h @ u, axis = 1)\n  output h",
  ),
};
