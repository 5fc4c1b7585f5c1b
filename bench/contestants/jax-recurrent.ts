/** Recurrent nets as jax-js writes them, step by step; see jax.ts for how it counts references. */
import { nn, numpy as np, type Array as Tensor } from "@jax-js/jax";
import { at, dense, type Settings, type Tensors } from "./jax-layers.ts";

/** W x + w, or U h + u. */
const affine = (p: Tensors, side: "ih" | "hh", x: Tensor): Tensor =>
  np.matmul(x, at(p, `weight_${side}`).transpose()).add(at(p, `bias_${side}`));

function stepsOf(x: Tensor): Tensor[] {
  const [rows = 0, steps = 0, inputs = 0] = x.shape;
  return np.split(x, steps, 1).map((part) => part.reshape([rows, inputs]));
}

export function lstm(p: Tensors, { x }: Tensors, { units = 0 }: Settings): Tensor {
  const rows = x!.shape[0]!;
  let [h, c] = [np.zeros([rows, units]), np.zeros([rows, units])];
  for (const entry of stepsOf(x!.ref)) {
    const [i, f, g, o] = np.split(affine(p, "ih", entry).add(affine(p, "hh", h)), 4, -1);
    c = nn
      .sigmoid(f!)
      .mul(c)
      .add(nn.sigmoid(i!).mul(np.tanh(g!)));
    h = nn.sigmoid(o!).mul(np.tanh(c.ref));
  }
  c.dispose();
  return dense(p, "logits", h);
}

export function gru(p: Tensors, { x }: Tensors, { units = 0 }: Settings): Tensor {
  let h = np.zeros([x!.shape[0]!, units]);
  for (const entry of stepsOf(x!.ref)) {
    const [r, z, n] = np.split(affine(p, "ih", entry), 3, -1);
    const [s, y, m] = np.split(affine(p, "hh", h.ref), 3, -1);
    const update = nn.sigmoid(z!.add(y!));
    const candidate = np.tanh(n!.add(nn.sigmoid(r!.add(s!)).mul(m!)));
    h = candidate.ref.add(update.mul(h.sub(candidate)));
  }
  return dense(p, "logits", h);
}
