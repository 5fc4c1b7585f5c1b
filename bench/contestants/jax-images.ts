/**
 * Convolutional programs as jax-js writes them: channels come second, as its convolution wants them;
 * see jax.ts for how it counts references.
 */
import { lax, nn, numpy as np, type Array as Tensor } from "@jax-js/jax";
import { at, dense, type Tensors } from "./jax-layers.ts";

const channelsSecond = (x: Tensor): Tensor => x.transpose([0, 3, 1, 2]);

function convolve(p: Tensors, path: string, x: Tensor, padding: "VALID" | "SAME", groups = 1): Tensor {
  const bias = at(p, `${path}.bias`);
  const z = lax.convGeneralDilated(x, at(p, `${path}.weight`), [1, 1], padding, {
    featureGroupCount: groups,
  });
  return z.add(bias.reshape([1, bias.shape[0]!, 1, 1]));
}

/** The greatest of each 2 × 2; a last row or column that is alone is left out. */
const pooled = (x: Tensor): Tensor => lax.reduceWindow(x, np.max, [2, 2], [2, 2]);

export function digitsConv(p: Tensors, { x }: Tensors): Tensor {
  const first = pooled(nn.relu(convolve(p, "first", channelsSecond(x!.ref), "VALID")));
  const second = pooled(nn.relu(convolve(p, "second", first, "VALID")));
  const rows = second.shape[0]!;
  return dense(p, "logits", second.transpose([0, 2, 3, 1]).reshape([rows, -1]));
}

export function block(p: Tensors, inputs: Tensors): Tensor {
  const x = channelsSecond(inputs["x"]!.ref);
  const first = nn.relu(convolve(p, "first", x.ref, "SAME"));
  const second = convolve(p, "second", first, "SAME");
  return dense(p, "logits", nn.relu(x.add(second)).mean([2, 3]));
}

export function mobile(p: Tensors, inputs: Tensors): Tensor {
  const x = channelsSecond(inputs["x"]!.ref);
  const depthwise = nn.relu(convolve(p, "depthwise", x, "SAME", x.shape[1]));
  return dense(p, "logits", nn.relu(convolve(p, "pointwise", depthwise, "VALID")).mean([2, 3]));
}
