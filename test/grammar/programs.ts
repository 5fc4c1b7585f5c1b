/** Programs of the language, by what they show. */
export const programs: Readonly<Record<string, string>> = {
  "a first model": `// xor.nn
/// Two sigmoid neurons and one on top: the smallest network that learns XOR.
model Xor {
  input  x: [N, 2]              // f32; N is free until run time: the batch
  target y: [N, 1]

  h = dense(x, 2, sigmoid)      // parameters h.weight [2, 2] and h.bias [2]
  z = dense(h, 1)

  output p = sigmoid(z)
  loss bce_with_logits(z, y)
  optimizer adam(lr = 0.1)
}
`,
  definitions: `const sharpness = 20

fn soft_step(z, c = sharpness) = sigmoid(c * z)          // one expression

fn log_softmax(z) {                                      // or a block
  m = max(z, axis = -1, keep = true)
  return z - m - log(sum(exp(z - m), axis = -1, keep = true))
}

layer dense(x: [..., I], units, act = identity, use_bias = true) {
  param weight: [units, I] ~ kaiming_uniform             // [out, in], as in z = W x
  z = x @ weight'                                        // ' is transpose
  if use_bias {
    param bias: [units] ~ uniform(-1 / sqrt(I), 1 / sqrt(I))
    z = z + bias
  }
  return act(z)
}

layer glu(x, units) = sigmoid(dense(x, units)) * dense(x, units)

layer maxout(x, units) = max(dense(x, units), dense(x, units))
`,
  "depth from a list": `/// The textbook's digit classifier. \`nndsl compile mnist.nn --set sizes=[512,256] --set act=relu\`
model Mnist(sizes = [256, 128], act = sigmoid, classes = 10) {
  input  x: [N, 784]
  target y: int[N]                      // labels 0 .. classes-1, checked at run time

  h = x
  for n in sizes { h = dense(h, n, act) }
  logits = dense(h, classes)

  output probs = softmax(logits)
  metric accuracy(logits, y)
  loss cross_entropy(logits, y) + 1e-4 * l2(weights)
  optimizer adam(lr = 1e-3)
}
`,
  "graphs without a network": `model Graph {
  param x = 1
  param y = 2
  param z = 3
  loss (x + y) * (y - z)        // gradients -1, 2, -3
}

model Equivalence {             // fixed weights, threshold activations
  input x: [N, 2]
  a = x[:, 0]
  b = x[:, 1]
  output same = step(step(a + b - 1.5) + step(-a - b + 0.5) - 0.5)
}
`,
  derivatives: `/// Physics-informed: u' = -u, u(0) = 1, learnt from the equation alone.
model Decay {
  input t: [N, 1]
  h = dense(t, 32, tanh)
  u = dense(h, 1)
  du = grad(sum(u), t)                     // a tensor shaped like t
  output solution = u
  loss mean((du + u)^2)
  loss (u[0, 0] - 1)^2                     // row 0 of each batch is t = 0
  optimizer adam(lr = 1e-2)
}
`,
  "an optimizer": `optimizer adam(lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8) {
  state m = 0
  state v = 0
  m = beta1 * m + (1 - beta1) * grad
  v = beta2 * v + (1 - beta2) * grad^2
  param = param - lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
}
`,
  imports: `import { residual, squash } from "./blocks.nn"
`,
  "words that are names too": `fn mse(input, target) = mean((input - target)^2)
fn f(loss, state = 1, output: [..., N]) = loss.state(param = state, metric = output.input)
optimizer sgd(lr = 0.1) { state state = 0; state = state + grad; param = param - lr * state }
model M { input input: [N, 2] target target: [N, 2]
  param param: [2] ~ zeros
  output = param
  output loss = output
  metric metric
  loss loss - 1
  loss = loss loss (loss)
  optimizer optimizer(lr = 1) for loss, param.0.state
  for optimizer in [1] { x = 1 }
  frozen param state = [[1, 2], [3, -4]]
}
import { from, as as as, a as from, } from "./a.nn"
`,
  operators: `const a = -x^2 + 2^-1^-b' - x'^2
const b = not a and b == c or not not d
const c = x |> f |> g(1) |> z => z + 1 |> h
const d = (x |> z => z)(1)
const e = (0..3) == 0..n - 1
const f = a - (b - c) - d / (e * f) @ g
const g = (-x)^(a^b)^(-c)
const h = (a < b) == c
const i = h.0.1.weight'.x[0, :, 1:2, ::3, a:, :b:c, ..., -1](a, b = c,)(() => 1, (a, b) => a, a => b => c)
const j = [[1, 2,], [3, 4], [], true, false, 1_000.5e-3]
`,
  branches: `layer block(x: [..., I], n = 3) {
  for i in 0..n {
    if i == 0 { x = dense(x, I) } else if i < 2 { x = relu(x) } else { x = x }
    if a {} else { if b { y = 1 } }
    if a { // nothing yet
    } else if b { y = 1 }
  }
  return x // done
}
`,
  "comments everywhere": `// one
/// two
//// three
model // after model
M( // settings
  a // a
  = // is
  1, // one

  // dangling
) { // open

  // first


  // second
  h = f( // call
    // nothing
  ) // end of call
  z = [ 1, 2 // two
    , 3 // three
  ] + // plus
    4 // four
    // own line
    - 5
  /// documents w
  param w: [ // shape
    2, 3 // sizes
  ] ~ // drawn
    zeros; // from nothing
  // last
} // closed

// end`,
};
