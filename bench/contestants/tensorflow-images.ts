/**
 * Convolutional programs as TensorFlow.js writes them: channels last, as the job has them. Its WASM
 * backend has no gradient of a convolution.
 */
import * as tf from "@tensorflow/tfjs";

type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * Weights of convolutions in its layout, from [out, in / groups, rows, columns]: [rows, columns,
 * in, out], or of a convolution of each channel by itself [rows, columns, channels, 1]. Dense ones
 * become [in, out].
 */
export function inItsLayout(parameters: Tensors): Tensors {
  const turned = Object.entries(parameters).map(([path, weight]): [string, tf.Tensor] => {
    if (weight.rank === 2) return [path, tf.transpose(weight)];
    if (weight.rank !== 4) return [path, weight];
    return [path, tf.transpose(weight, path === "depthwise.weight" ? [2, 3, 0, 1] : [2, 3, 1, 0])];
  });
  return Object.fromEntries(turned);
}

function convolve(
  p: Tensors,
  path: string,
  x: tf.Tensor4D,
  pad: "valid" | "same",
  activation: "relu" | "linear",
) {
  // Of four axes, as `inItsLayout` made them.
  const filter = p[`${path}.weight`] as tf.Tensor4D;
  const options = { x, filter, strides: 1, pad, bias: p[`${path}.bias`]!, activation };
  return path === "depthwise" ? tf.fused.depthwiseConv2d(options) : tf.fused.conv2d(options);
}

function classified(p: Tensors, features: tf.Tensor): tf.Tensor {
  const [a, b] = [features as tf.Tensor2D, p["logits.weight"] as tf.Tensor2D];
  return tf.softmax(tf.fused.matMul({ a, b, bias: p["logits.bias"]! }), -1);
}

const pooled = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 2, 2, "valid");

export function digitsConv(p: Tensors, inputs: Tensors): tf.Tensor {
  const x = inputs["x"] as tf.Tensor4D;
  const first = pooled(convolve(p, "first", x, "valid", "relu"));
  const second = pooled(convolve(p, "second", first, "valid", "relu"));
  return classified(p, tf.reshape(second, [x.shape[0], -1]));
}

export function block(p: Tensors, inputs: Tensors): tf.Tensor {
  const x = inputs["x"] as tf.Tensor4D;
  const second = convolve(p, "second", convolve(p, "first", x, "same", "relu"), "same", "linear");
  return classified(p, tf.mean(tf.relu(tf.add(x, second)), [1, 2]));
}

export function mobile(p: Tensors, inputs: Tensors): tf.Tensor {
  const x = inputs["x"] as tf.Tensor4D;
  const depthwise = convolve(p, "depthwise", x, "same", "relu");
  return classified(p, tf.mean(convolve(p, "pointwise", depthwise, "same", "relu"), [1, 2]));
}
