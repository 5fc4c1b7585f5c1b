/** A language model as jax-js writes it; see jax.ts for how it counts references. */
import { nn, numpy as np, type Array as Tensor } from "@jax-js/jax";
import { at, attention, dense, norm, type Settings, type Tensors } from "./jax-layers.ts";

function block(p: Tensors, path: string, x: Tensor, heads: number, hidden: Tensor): Tensor {
  const own = `${path}.self_attn`;
  const qkv = np
    .matmul(norm(p, `${path}.norm1`, x.ref), at(p, `${own}.in_proj_weight`).transpose())
    .add(at(p, `${own}.in_proj_bias`));
  const h = x.add(dense(p, `${own}.out_proj`, attention(qkv, heads, hidden)));
  const up = nn.gelu(dense(p, `${path}.linear1`, norm(p, `${path}.norm2`, h.ref)));
  return h.add(dense(p, `${path}.linear2`, up));
}

export function gpt(p: Tensors, inputs: Tensors, settings: Settings): Tensor {
  const { blocks = 0, heads = 1, steps = 0, symbols = 0 } = settings;
  // A product with one-hot rows: its gradient by `take` is slower.
  const rows = nn.oneHot(at(inputs, "ids"), symbols);
  let h = np.matmul(rows, at(p, "table")).add(at(p, "places"));
  const behind = np.triu(np.ones([steps, steps]), 1).mul(-1e30);
  for (let i = 0; i < blocks; i++) h = block(p, `h.${i}`, h, heads, behind.ref);
  behind.dispose();
  return np.matmul(norm(p, "last", h), at(p, "logits.weight").transpose());
}
