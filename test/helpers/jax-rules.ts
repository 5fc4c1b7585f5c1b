/**
 * The rules that JAX's answers at the hard points follow from, as its source states them. JAX was
 * not run: no package of it is to be had here. g is what flows in, y the result.
 */
export interface JaxRule {
  /** What is called. */
  readonly call: string;
  /** What it does with g. */
  readonly rule: string;
  readonly file: keyof typeof jaxFiles;
}

/**
 * The commit of github.com/jax-ml/jax at which each file was read: the copies that were at hand, of
 * 2023 to 2026.
 */
export const jaxFiles = {
  "lax/lax.py": "00003c2d2182",
  "lax/special.py": "09219c09cd42",
  "lax/other.py": "d9c46142e111",
  "numpy/ufuncs.py": "01a644217fe5",
  "numpy/lax_numpy.py": "dbe98ecb816e",
  "numpy/reductions.py": "62fb0cd8a2c5",
  "numpy/linalg.py": "1e60c75c54c5",
  "nn/functions.py": "2c70b80b8b79",
  "ops/special.py": "0f103d33849c",
} as const;

export const jaxRules = {
  relu: { call: "jax.nn.relu(x)", rule: "g where x > 0, else 0", file: "nn/functions.py" },
  leaky_relu: {
    call: "jax.nn.leaky_relu(x)",
    rule: "is where(x >= 0, x, 0.01 * x)",
    file: "nn/functions.py",
  },
  elu: {
    call: "jax.nn.elu(x)",
    rule: "is where(x > 0, x, expm1(where(x > 0, 0, x)))",
    file: "nn/functions.py",
  },
  hard_tanh: {
    call: "jax.nn.hard_tanh(x)",
    rule: "is where(x > 1, 1, where(x < -1, -1, x))",
    file: "nn/functions.py",
  },
  silu: { call: "jax.nn.silu(x)", rule: "is x * logistic(x)", file: "nn/functions.py" },
  gelu: {
    call: "jax.nn.gelu(x, approximate=False)",
    rule: "is x * (erf(x / sqrt(2)) + 1) / 2",
    file: "nn/functions.py",
  },
  mish: { call: "jax.nn.mish(x)", rule: "is x * tanh(softplus(x))", file: "nn/functions.py" },
  softplus: { call: "jax.nn.softplus(x)", rule: "is logaddexp(x, 0)", file: "nn/functions.py" },
  log_sigmoid: { call: "jax.nn.log_sigmoid(x)", rule: "is -softplus(-x)", file: "nn/functions.py" },
  softmax: { call: "jax.nn.softmax(x)", rule: "y (g - Σ g y); y of x - max(x)", file: "nn/functions.py" },
  abs: { call: "jnp.abs(x)", rule: "g where x ≥ 0, else -g", file: "lax/lax.py" },
  max: {
    call: "jnp.maximum(x, y), jnp.minimum(x, y)",
    rule: "g to the chosen one, g / 2 to each at a tie",
    file: "lax/lax.py",
  },
  reduce_max: { call: "jnp.max(x), jnp.min(x)", rule: "g shared evenly among the ties", file: "lax/lax.py" },
  clip: { call: "jnp.clip(x, a, b)", rule: "is minimum(b, maximum(a, x))", file: "numpy/lax_numpy.py" },
  where: {
    call: "jnp.where(c, x, y)",
    rule: "g to the one taken, and a 0 to the other, which flows on",
    file: "lax/lax.py",
  },
  prod: {
    call: "jnp.prod(x)",
    rule: "is multiplied in pairs, by a tree: no division",
    file: "lax/lax.py",
  },
  integer_pow: { call: "x ** n, n an integer", rule: "g n x ** (n - 1); 0 where n = 0", file: "lax/lax.py" },
  pow: {
    call: "x ** y",
    rule: "g y x ** (y - 1); g log(x) x ** y, with 1 for x = 0 in the logarithm",
    file: "lax/lax.py",
  },
  power: {
    call: "jnp.power(x, y)",
    rule: "is integer_pow where y is a known integer, else pow",
    file: "numpy/ufuncs.py",
  },
  sqrt: { call: "jnp.sqrt(x)", rule: "g (0.5 / y)", file: "lax/lax.py" },
  norm: { call: "jnp.linalg.norm(x)", rule: "is sqrt(sum(x * x))", file: "numpy/linalg.py" },
  mul: { call: "x * y", rule: "g y and g x, so that 0 · inf is NaN", file: "lax/lax.py" },
  div: { call: "x / y", rule: "g / y and -g x y ** -2", file: "lax/lax.py" },
  exp: { call: "jnp.exp(x)", rule: "g y", file: "lax/lax.py" },
  expm1: { call: "jnp.expm1(x)", rule: "g (y + 1)", file: "lax/lax.py" },
  log: { call: "jnp.log(x)", rule: "g / x", file: "lax/lax.py" },
  log1p: { call: "jnp.log1p(x)", rule: "g / (x + 1)", file: "lax/lax.py" },
  logistic: { call: "jax.nn.sigmoid(x)", rule: "g (y (1 - y))", file: "lax/lax.py" },
  tanh: { call: "jnp.tanh(x)", rule: "(g + g y) (1 - y)", file: "lax/lax.py" },
  erf: { call: "jax.lax.erf(x)", rule: "2 / sqrt(π) g exp(-x²)", file: "lax/special.py" },
  logaddexp: {
    call: "jnp.logaddexp(x, y)",
    rule: "g exp(x - result), with 0 for +inf in the difference",
    file: "lax/other.py",
  },
  logsumexp: {
    call: "jax.nn.logsumexp(x)",
    rule: "g exp(x - y); -inf - -inf is NaN",
    file: "ops/special.py",
  },
  var: {
    call: "jnp.var(x, ddof=c)",
    rule: "is sum((x - mean(x)) ** 2) / (n - c)",
    file: "numpy/reductions.py",
  },
  sum: { call: "jnp.sum(x), jnp.mean(x)", rule: "g to each; a mean divides", file: "lax/lax.py" },
} satisfies Record<string, JaxRule>;

export type JaxRuleName = keyof typeof jaxRules;

/** An answer in f32, and the rules that it follows from. */
export interface JaxAnswer {
  readonly is: readonly number[];
  readonly by: readonly JaxRuleName[];
}

export const jax = (is: readonly number[], ...by: readonly JaxRuleName[]): JaxAnswer => ({ is, by });
