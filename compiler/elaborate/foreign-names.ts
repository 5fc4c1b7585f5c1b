/**
 * What to say of a name that means nothing: first to those who know it from PyTorch, Keras, NumPy
 * or JavaScript.
 */
import { closest } from "../../grammar/suggest.ts";

const convolutions =
  "convolutions have one axis or two, with channels last: `conv1d(x, channels, kernel)`, `conv2d(x, channels, kernel)`";
const depthwise = "it is `conv2d(x, channels, kernel, groups = channels)`";
const pooling = "pools of one axis or two are `max_pool(x, size)` and `avg_pool(x, size)`";
const globalPooling = "it is `global_avg_pool(x)`, or `global_max_pool(x)`, of one axis or two";
const cells =
  "recurrent layers are `rnn(x, units)`, `gru(x, units)` and `lstm(x, units)`; `scan` repeats a cell of your own";
const attention = "attention is `attend(q, k, v)`, and with weights `multi_head_attention(x, heads)`";
const movement =
  "this is not in this version; there are slices, `reshape`, `transpose`, `concat`, `stack` and `broadcast`";
const linear = "a linear layer is `dense(x, units)`; how many inputs it has is known from `x`";
const crossEntropy = "it is `cross_entropy(logits, y)`, of logits, with labels or rows of probabilities";

/** By the name in small letters without underscores. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ["range", "a range is written `0..3`, which is 0, 1, 2"],
  ["arange", "numbers along an axis are `iota(n)`; a range for a loop is `0..n`"],
  ["flatten", "write `reshape(x, [N, -1])`"],
  ["view", "write `reshape(x, [a, b])`"],
  ["squeeze", "write `reshape(x, [a, b])` without the axis, or `x[:, 0]`"],
  ["unsqueeze", "write `reshape(x, [a, b, 1])`"],
  ["permute", "write `transpose(x, [1, 0])`"],
  ["cat", "write `concat([a, b], axis = 1)`"],
  ["concatenate", "write `concat([a, b], axis = 1)`"],
  ["matmul", "a product of matrices is written `a @ b`"],
  ["mm", "a product of matrices is written `a @ b`"],
  ["bmm", "a product of matrices is written `a @ b`"],
  ["dot", "a product of matrices or vectors is written `a @ b`"],
  ["einsum", "write it as a formula with indices: `y[i, j] = sum[k] a[i, k] * b[k, j]`"],
  ["power", "a power is written `x^2`"],
  ["pow", "a power is written `x^2`"],
  ["square", "a square is written `x^2`"],
  ["maximum", "write `max(a, b)`"],
  ["minimum", "write `min(a, b)`"],
  ["reducemean", "write `mean(x, axis = 0)`"],
  ["reducesum", "write `sum(x, axis = 0)`"],
  ["reducemax", "write `max(x, axis = 0)`"],
  ["reducemin", "write `min(x, axis = 0)`"],
  ["amax", "write `max(x, axis = 0)`"],
  ["amin", "write `min(x, axis = 0)`"],
  ["std", "write `sqrt(var(x))`"],
  ["randn", "write `random_normal(shape)`"],
  ["rand", "write `random_uniform(shape)`"],
  ["detach", "write `stop_gradient(x)`"],
  ["backward", "gradients of the loss are derived by themselves; one in a formula is `grad(y, x)`"],
  ["tensor", "a tensor is written as a list: `[[1, 2], [3, 4]]`"],
  ["array", "a tensor is written as a list: `[[1, 2], [3, 4]]`"],
  ["sequential", "layers follow one another with `|>`: `x |> dense(64, relu) |> dense(10)`"],
  ["linear", linear],
  ["lazylinear", linear],
  ["fc", linear],
  ["fullyconnected", linear],
  ["mseloss", "it is `mse(prediction, y)`"],
  ["meansquarederror", "it is `mse(prediction, y)`"],
  ["l1loss", "it is `mae(prediction, y)`"],
  ["meanabsoluteerror", "it is `mae(prediction, y)`"],
  ["smoothl1loss", "it is `huber(prediction, y)`"],
  ["huberloss", "it is `huber(prediction, y)`"],
  ["crossentropyloss", crossEntropy],
  ["categoricalcrossentropy", crossEntropy],
  ["sparsecategoricalcrossentropy", crossEntropy],
  ["softmaxcrossentropywithlogits", crossEntropy],
  ["bceloss", "it is `bce(p, y)`"],
  ["binarycrossentropy", "it is `bce(p, y)`, and of logits `bce_with_logits(z, y)`"],
  ["bcewithlogitsloss", "it is `bce_with_logits(z, y)`"],
  ["nllloss", "it is `nll(log_probs, y)`"],
  ["kldivloss", "it is `kl_div(log_probs, y)`"],
  ["conv", convolutions],
  ["conv3d", convolutions],
  ["conv2dtranspose", "it is `conv_transpose2d(x, channels, kernel)`"],
  ["depthwiseconv2d", depthwise],
  ...[
    "maxpool1d",
    "maxpool2d",
    "maxpooling1d",
    "maxpooling2d",
    "avgpool1d",
    "avgpool2d",
    "averagepooling1d",
    "averagepooling2d",
  ].map((name): [string, string] => [name, pooling]),
  ...["globalaveragepooling2d", "globalmaxpooling2d", "adaptiveavgpool2d", "adaptivemaxpool2d"].map(
    (name): [string, string] => [name, globalPooling],
  ),
  ["simplernn", "it is `rnn(x, units)`"],
  ...["rnncell", "grucell", "lstmcell"].map((name): [string, string] => [name, cells]),
  ...["batchnorm", "batchnorm1d", "batchnorm2d", "batchnormalization"].map((name): [string, string] => [
    name,
    "it is `batch_norm(x)`, of the last axis",
  ]),
  ...["layernorm", "layernormalization"].map((name): [string, string] => [name, "it is `layer_norm(x)`"]),
  ["groupnorm", "it is `group_norm(x, groups)`, of the last axis"],
  ...["instancenorm", "instancenorm1d", "instancenorm2d"].map((name): [string, string] => [
    name,
    "it is `instance_norm(x)`, or `instance_norm(x, affine = true)`",
  ]),
  ["rmsnorm", "it is `rms_norm(x)`"],
  ...["attention", "scaleddotproductattention"].map((name): [string, string] => [name, attention]),
  ["transformerencoderlayer", "it is `transformer_block(x, heads)`"],
  ["unfold", "windows of an axis are `windows(x, size, axis)`"],
  ["fliplr", "write `flip(x, axis = 1)`"],
  ["flipud", "write `flip(x, axis = 0)`"],
  ["reverse", "write `flip(x, axis = 1)`"],
  ["zeropad2d", "write `pad(x, before, after, axis)` for each axis"],
  ...["roll", "tile"].map((name): [string, string] => [name, movement]),
  ...["packpaddedsequence", "padpackedsequence", "masking"].map((name): [string, string] => [
    name,
    "recurrent layers take a mask of the steps there are: `gru(x, units, mask = iota(T) < reshape(lengths, [N, 1]))`",
  ]),
  ["timedistributed", "layers act on the last axis, at every step alike: `dense(x, units)` of [N, T, C]"],
  ["repeatvector", "write `broadcast(reshape(x, [N, 1, C]), [N, T, C])`"],
  ...["stopgrad", "nograd"].map((name): [string, string] => [name, "write `stop_gradient(x)`"]),
  ["vmap", "rows of the batch are computed each by itself: write the formula with the axis N"],
  [
    "reducelronplateau",
    "a schedule is a formula of `step`; by the loss the rate is set from outside, as `net.hyper.lr`",
  ],
  ["lambdalr", "a schedule is a formula of `step`: `adam(lr = 1e-3 * 0.99^step)`"],
  ...["foriloop", "whileloop", "foldl", "rnnlayer"].map((name): [string, string] => [name, cells]),
  ...["cosineannealinglr", "cosineannealing", "cosinedecay"].map((name): [string, string] => [
    name,
    "it is `cosine(lr, steps)`",
  ]),
  ["linearlr", "it is `linear(lr, steps)`"],
  ...["exponentiallr", "exponentialdecay"].map((name): [string, string] => [
    name,
    "it is `exponential(lr, gamma)`",
  ]),
  ["steplr", "it is `step_decay(lr, step_size)`"],
  ["onecyclelr", "it is `one_cycle(lr, steps)`"],
  ["clipgradvalue", "every optimizer clips: `adam(clip_value = 0.5)`"],
  ...["clipgradnorm", "clipbyglobalnorm"].map((name): [string, string] => [
    name,
    "every optimizer clips: `adam(clip_norm = 1)`",
  ]),
  ["indexselect", "it is `take(table, ids)`"],
  ["embeddingbag", "write `mean(embedding(ids, count, size), axis = 1)`"],
  ["accumulate", "sums so far are `cumsum(x, axis)`"],
  ["interpolate", "it is `upsample(x, factor)`, with `mode = bilinear` for the other way"],
  ["upsamplingbilinear2d", "it is `upsample(x, factor, mode = bilinear)`"],
  ["upsampling2d", "it is `upsample(x, factor)`"],
]);

const plain = (name: string): string => name.toLowerCase().replaceAll("_", "");

/** What the name is called here: in the table, or another spelling of one of `known`. */
function foreignHelp(name: string, known: readonly string[]): string | undefined {
  const here = known.find((k) => plain(k) === plain(name));
  if (here === name) return undefined;
  // `nn.Linear` is not `linear`, a schedule.
  return elsewhere.get(plain(name)) ?? (here === undefined ? undefined : `did you mean \`${here}\`?`);
}

export function nameHelp(name: string, known: readonly string[]): string {
  const foreign = foreignHelp(name, known) ?? (LIBRARIES.has(name) ? NO_PREFIX : undefined);
  if (foreign !== undefined) return foreign;
  const near = closest(name, known);
  return near === undefined
    ? "names are known from the line that binds them on"
    : `did you mean \`${near}\`?`;
}

const NO_PREFIX = "there are no library prefixes: write `relu(x)`";

/** What functions of other libraries are reached through. */
const LIBRARIES: ReadonlySet<string> = new Set(
  "nn torch F tf keras np numpy jnp jax lax flax Math math layers activations losses optim tfjs self".split(
    " ",
  ),
);

export const isLibrary = (name: string): boolean => LIBRARIES.has(name);

/** Of `nn.Linear`, `Math.max`: what the last name of the path is here. */
export function libraryHelp(name: string, known: readonly string[]): string {
  if (known.includes(name)) return `names have no prefix here: write \`${name}(…)\``;
  const help = foreignHelp(name, known);
  if (help !== undefined)
    return help.replace(/^did you mean (`\w+)`\?$/, "names have no prefix here: write $1(…)`");
  const near = closest(name, known);
  return near === undefined ? NO_PREFIX : `names have no prefix here: did you mean \`${near}\`?`;
}

/** Names of arguments elsewhere, and what they may be here. */
const foreignArguments: Readonly<Record<string, readonly string[]>> = {
  activation: ["act"],
  nonlinearity: ["act"],
  bias: ["use_bias"],
  num_embeddings: ["count"],
  embedding_dim: ["size"],
  scale_factor: ["factor"],
  out_features: ["units"],
  hidden_size: ["units"],
  go_backwards: ["reverse"],
  initial_state: ["first"],
  return_state: ["states"],
  ignore_index: ["ignore"],
  max_norm: ["clip_norm"],
  clipnorm: ["clip_norm"],
  clipvalue: ["clip_value"],
  dim: ["axis"],
  dims: ["axis"],
  kernel_size: ["kernel", "size"],
  out_channels: ["channels"],
  filters: ["channels"],
  axes: ["axis"],
  keepdim: ["keep"],
  keepdims: ["keep"],
  learning_rate: ["lr"],
  p: ["rate"],
  negative_slope: ["alpha", "slope"],
  beta_1: ["beta1"],
  beta_2: ["beta2"],
  epsilon: ["eps"],
};

/** Arguments elsewhere that are no arguments here, by one that the definition has. */
const otherWays: Readonly<Record<string, readonly [beside: string, help: string]>> = {
  bidirectional: [
    "reverse",
    "both directions are a layer of their own: `bidirectional(x, units, cell = gru)`",
  ],
  num_layers: ["reverse", "several layers are a list of their units: `lstm(x, [64, 64])`"],
  return_sequences: ["reverse", "a recurrent layer gives all steps; the last one is `h[:, -1]`"],
  batch_first: ["reverse", "remove it: the axes are batch, steps, features"],
};

/** What to write in place of an argument known from elsewhere, of a definition with `names`. */
export function argumentHelp(name: string, names: readonly string[]): string | undefined {
  const other = Object.hasOwn(otherWays, name) ? otherWays[name] : undefined;
  return other !== undefined && names.includes(other[0]) ? other[1] : undefined;
}

/** What an argument known from elsewhere is called among `names`. */
export function argumentHere(name: string, names: readonly string[]): string | undefined {
  const here = Object.hasOwn(foreignArguments, name) ? foreignArguments[name] : undefined;
  return here?.find((own) => names.includes(own));
}
