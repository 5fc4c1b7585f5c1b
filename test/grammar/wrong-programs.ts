/** Programs with mistakes that people make, by what is wrong with them. */
export const wrong: Readonly<Record<string, string>> = {
  "a bracket that nobody closes": `model M {
  input x: [N, 2]
  h = dense(x, 4
  z = dense(h, 1)
  output p = sigmoid(z)
}
`,
  "a block that nobody closes": `layer glu(x, units) {
  a = dense(x, units)
  return a * sigmoid(a)

model M {
  input x: [N, 2]
  output y = glu(x, 2)
}
`,
  "a bracket too many, and one of the wrong kind": `fn f(x) = (x + 1)) * 2
fn g(x) = max(x[0, 1), 2)
fn h(x) = [x, 2)
`,
  "a program from Python": `# a layer
def relu2(x):
  return max(x, 0) ** 2

const act = lambda z: z % 2
const yes = True && !False
`,
  "a program from JavaScript": `/* the model */
model M {
  input x: [N, 2];
  let h = dense(x, 4);
  h += 1;
  const z = h;
  act := (a, b) -> a === b || a !== 1;
  output p = z;
}
`,
  "an if without braces": `fn f(x, a) {
  if (a) return x
  if a == 1:
    x = 2
  elif a == 2 { x = 3 }
  return x
}
`,
  "an assignment in a condition": `fn f(x, a) {
  if a = 1 { return x }
  y = (b = 2) + 1
  z == 3
  return x
}
`,
  "chained comparisons and ranges": `fn f(a, b, c) = a < b < c
fn g(a) {
  for i in 0..3..1 { a = a + i }
  return a == not a
}
`,
  "a keyword for a name": `model M {
  input for: [N, 2]
  fn = 3
  h = if
  state.x = 4
}
`,
  "numbers that are none": `const a = .5 + 1.
const b = 1e + 0x1F + 2pi + 1__0 + 1e999
`,
  strings: `model M(act = "relu") {
  input x: [N, 2]
  h = dense(x, 4, 'relu')
}
import { a } from './b.nn'
`,
  "commas missing and too many": `const a = [1 2, 3]
const b = [1,, 2]
const c = f(a b)
const d = f(, a)
`,
  "values missing": `const a = 1 +
const b = * 2
const c = f(a, lr = )
const d =
`,
  "statements outside of a block": `h = dense(x, 2)
input x: [N, 2]
loss mse(x, y)
`,
  "declarations inside of a block": `model M {
  input x: [N, 2]
  fn f(a) = a
  import { g } from "./g.nn"
  const k = 2
  output y = f(x) * k
}
`,
  "keywords misspelt, and expressions alone": `model M {
  input x: [N, 2]
  ouput y = x
  dense(x, 2)
  retrun x
}
`,
  "inputs without shapes": `model M {
  input x
  target y: 3
  input z: float32[N]
  param w [2, 3] ~ zeros
  param ~ zeros
}
`,
  "an import of everything": `import * from "./a.nn"
import a from "./b.nn"
import { a, b } "./c.nn"
import { c } from "./d.nn
`,
  "letters of a textbook": `fn f(x) = x² × 3 − σ(x)
fn g(ŷ) = ŷ
fn h(a, b) = a ≤ b ? “a” : b
`,
  "a loop that is none": `fn f(x) {
  while x < 3 { x = x + 1 }
  for i = 0; i < 3 { x = x + i }
  for n sizes { x = x }
  else { x = 3 }
  return x
}
`,
  "an attribute before a name": `layer f(x) {
  @recompute h = dense(x, 8)
  @recompute h
  @recompute param w: [2] ~ zeros
  @recompute return h
}
model M {
  @recompute loss mean(x)
}
`,
  "a lambda with a pattern": `fn f(x) = map(x, (a + 1) => a)
fn g(x) = map(x, (a = 1) => a)
`,
  "indices that are no names": `model M {
  input x: [N, 3]
  a[0] = 1
  b[i, i] = x[i, 0]
  c[:, 0] = x[:, 1]
  d[] = x[0, 0]
  e[..., i, ...] = x[..., i]
  f = sum[...] x[0, 0]
  g = sum[i, i] x[0, i]
  h[i + 1] = x[0, i]
  k[i in] = x[0, i]
  l[i in 0..3 = x[0, i]
  m = sum[i] not x[0, i]
  n = sum[i] + 3
  output o[i, i] = x[0, i]
}
`,
  "lambdas with blocks, and two names at once": `model M {
  input x: [N, 5, 3]
  [h, c] = lstm(x, 4)
  a = scan(x, zeros([N, 3]), (h, v) => { u = h + v; return tanh(u) }, axis = 1)
  b = scan(x, zeros([N, 3]), (h, v) => if v > 0 then h else v, axis = 1)
  f = h => { return h }
}
`,
};
