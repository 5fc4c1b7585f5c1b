/** Programs that are no dense nets, as jax-js writes them; see jax.ts for how it counts references. */
import { jit, nn, numpy as np, scipySpecial, tree, valueAndGrad, type Array as Tensor } from "@jax-js/jax";
import { valuesOf, type ProgramJob, type ProgramName, type Read } from "../job.ts";
import { firstLosses, sample, Unavailable, type Work } from "./contestant.ts";

/** A type rather than an interface: its trees want index signatures. */
type Tensors = { [name: string]: Tensor };
type Settings = ProgramJob["settings"];

interface Written {
  readonly output: (parameters: Tensors, inputs: Tensors, settings: Settings) => Tensor;
  readonly loss: (parameters: Tensors, inputs: Tensors, settings: Settings) => Tensor;
}

/** What stands under a path. @throws Error where nothing does: a mistake of the benchmark's own */
function at(tensors: Tensors, path: string): Tensor {
  const tensor = tensors[path];
  if (tensor === undefined) throw new Error(`no ${path}`);
  return tensor.ref;
}

const dense = (p: Tensors, path: string, x: Tensor): Tensor =>
  np.matmul(x, at(p, `${path}.weight`).transpose()).add(at(p, `${path}.bias`));

function norm(p: Tensors, path: string, x: Tensor): Tensor {
  const away = x.ref.sub(x.mean(-1, { keepdims: true }));
  const variance = np.square(away.ref).mean(-1, { keepdims: true });
  return away
    .div(np.sqrt(variance.add(1e-5)))
    .mul(at(p, `${path}.weight`))
    .add(at(p, `${path}.bias`));
}

const gelu = (x: Tensor): Tensor => x.ref.mul(0.5).mul(scipySpecial.erf(x.mul(Math.SQRT1_2)).add(1));

function block(p: Tensors, path: string, x: Tensor, heads: number): Tensor {
  const [rows = 0, steps = 0, width = 0] = x.shape;
  const qkv = np.split(dense(p, `${path}.mixed.qkv`, norm(p, `${path}.before`, x.ref)), 3, -1);
  const [q, k, v] = qkv.map((part) =>
    part.reshape([rows, steps, heads, width / heads]).transpose([0, 2, 1, 3]),
  );
  const scores = np.matmul(q!, k!.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(width / heads));
  const mixed = np.matmul(nn.softmax(scores, -1), v!).transpose([0, 2, 1, 3]).reshape([rows, steps, width]);
  const h = x.add(dense(p, `${path}.mixed.out`, mixed));
  const up = gelu(dense(p, `${path}.up`, norm(p, `${path}.after`, h.ref)));
  return h.add(dense(p, `${path}.down`, up));
}

function transformer(p: Tensors, { x }: Tensors, settings: Settings): Tensor {
  const { blocks = 0, heads = 1 } = settings;
  let h = x!.ref;
  for (let i = 0; i < blocks; i++) h = block(p, `h.${i}`, h, heads);
  return dense(p, "logits", h.mean(1));
}

const softmaxRows = (p: Tensors, { x }: Tensors): Tensor => nn.softmax(at(p, "weight").mul(x!.ref), -1);

const programs: Readonly<Partial<Record<ProgramName, Written>>> = {
  transformer: {
    output: (p, inputs, settings) => nn.softmax(transformer(p, inputs, settings), -1),
    loss: (p, inputs, settings) =>
      nn
        .logSoftmax(transformer(p, inputs, settings), -1)
        .mul(nn.oneHot(at(inputs, "y"), 10))
        .sum(-1)
        .mean()
        .neg(),
  },
  "softmax-rows": {
    output: softmaxRows,
    loss: (p, inputs) => np.square(softmaxRows(p, inputs).sub(at(inputs, "y"))).mean(),
  },
};

/** @throws Unavailable for a program that is not written here */
export async function programWork(job: ProgramJob, read: Read): Promise<Work> {
  const written = programs[job.program];
  if (written === undefined) throw new Unavailable(`${job.program} is not written for it`);
  const tensors = async (files: ProgramJob["tensors"]): Promise<Tensors> => {
    const found: Tensors = {};
    for (const [name, file] of Object.entries(files)) {
      found[name] = np.array(await valuesOf(file, read)).reshape([...file.shape]);
    }
    return found;
  };
  let parameters = await tensors(job.parameters);
  const inputs = await tensors(job.tensors);
  const { settings, lr } = job;
  if (job.mode === "predict") {
    const forward = jit((p: Tensors, inputs: Tensors) => written.output(p, inputs, settings));
    const call = () => forward(tree.ref(parameters), tree.ref(inputs)).dataSync();
    return { units: 1, call, check: () => sample(call()) };
  }
  const step = jit((p: Tensors, inputs: Tensors): [Tensor, Tensors] => {
    const [value, gradients] = valueAndGrad((p: Tensors, inputs: Tensors) =>
      written.loss(p, inputs, settings),
    )(tree.ref(p), inputs);
    return [value, tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(lr)), p, gradients) as Tensors];
  });
  const call = () => {
    const [value, next] = step(parameters, tree.ref(inputs));
    parameters = next;
    return value.dataSync()[0] ?? NaN;
  };
  return { units: 1, call, check: () => firstLosses(call) };
}
