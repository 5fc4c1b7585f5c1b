/** What programs of jax-js have in common; see jax.ts for how it counts references. */
import { nn, numpy as np, type Array as Tensor } from "@jax-js/jax";
import type { ProgramJob } from "../job.ts";

/** A type rather than an interface: its trees want index signatures. */
export type Tensors = { [name: string]: Tensor };
export type Settings = ProgramJob["settings"];

/** What stands under a path. @throws Error where nothing does: a mistake of the benchmark's own */
export function at(tensors: Tensors, path: string): Tensor {
  const tensor = tensors[path];
  if (tensor === undefined) throw new Error(`no ${path}`);
  return tensor.ref;
}

export const dense = (p: Tensors, path: string, x: Tensor): Tensor =>
  np.matmul(x, at(p, `${path}.weight`).transpose()).add(at(p, `${path}.bias`));

export function norm(p: Tensors, path: string, x: Tensor): Tensor {
  const away = x.ref.sub(x.mean(-1, { keepdims: true }));
  const variance = np.square(away.ref).mean(-1, { keepdims: true });
  return away
    .div(np.sqrt(variance.add(1e-5)))
    .mul(at(p, `${path}.weight`))
    .add(at(p, `${path}.bias`));
}

/**
 * Of q, k and v side by side. @param hidden is added to the scores, where it is given
 */
export function attention(qkv: Tensor, heads: number, hidden?: Tensor): Tensor {
  const [rows = 0, steps = 0, all = 0] = qkv.shape;
  const width = all / 3;
  const [q, k, v] = np
    .split(qkv, 3, -1)
    .map((part) => part.reshape([rows, steps, heads, width / heads]).transpose([0, 2, 1, 3]));
  const scores = np.matmul(q!, k!.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(width / heads));
  const seen = hidden === undefined ? scores : scores.add(hidden);
  return np.matmul(nn.softmax(seen, -1), v!).transpose([0, 2, 1, 3]).reshape([rows, steps, width]);
}
