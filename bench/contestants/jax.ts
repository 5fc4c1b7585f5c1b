/**
 * jax-js on its `wasm` device, the whole step in one `jit`. It counts references: what is passed is
 * given away, `.ref` keeps it. Reading the loss runs the step, since all results of a `jit` are
 * made together.
 */
import {
  init,
  defaultDevice,
  jit,
  nn,
  numpy as np,
  scipySpecial,
  tree,
  valueAndGrad,
  type Array as Tensor,
} from "@jax-js/jax";
import {
  layersOf,
  floatsOf,
  labelsOf,
  transposed,
  type FunctionName,
  type Job,
  type Labels,
  type Layer,
  type NetworkJob,
  type Optimizer,
  type Read,
} from "../job.ts";
import { programWork } from "./jax-programs.ts";
import { batches, firstLosses, sample, shuffler, type Contestant, type Work } from "./contestant.ts";

/** Types rather than interfaces: its trees want index signatures. */
type Parameters = { weight: Tensor; bias: Tensor }[];
type State = { parameters: Parameters; m: Parameters; v: Parameters; step: Tensor };

const functions: Readonly<Record<FunctionName, (x: Tensor) => Tensor>> = {
  exp: np.exp,
  log: np.log,
  tanh: np.tanh,
  sigmoid: nn.sigmoid,
  softplus: nn.softplus,
  gelu_erf: (x) => x.ref.mul(0.5).mul(scipySpecial.erf(x.mul(Math.SQRT1_2)).add(1)),
  sin: np.sin,
};

/**
 * Its training is fastest with weights as [out, in], its inference with [in, out]: each has what
 * suits it.
 */
const outputsFirst = (job: NetworkJob): boolean => job.kind !== "predict";

const parametersOf = (job: NetworkJob, layers: readonly Layer[]): Parameters =>
  layers.map(({ weight, bias, inputs, outputs }) => ({
    weight: outputsFirst(job)
      ? np.array(weight).reshape([outputs, inputs])
      : np.array(transposed(weight, outputs, inputs)).reshape([inputs, outputs]),
    bias: np.array(bias),
  }));

function logits(job: NetworkJob, parameters: Parameters, x: Tensor): Tensor {
  let h = x;
  for (const [i, { weight, bias }] of parameters.entries()) {
    h = np.matmul(h, outputsFirst(job) ? weight.transpose() : weight).add(bias);
    if (i < parameters.length - 1) h = job.network.activation === "sigmoid" ? nn.sigmoid(h) : np.tanh(h);
  }
  return h;
}

/** `y` is one-hot rows, or [rows, 1]. */
function lossOf(job: NetworkJob, parameters: Parameters, x: Tensor, y: Tensor): Tensor {
  const z = logits(job, parameters, x);
  if (job.network.loss === "cross_entropy") return nn.logSoftmax(z, -1).mul(y).sum(-1).mean().neg();
  return nn.softplus(z.ref).sub(z.mul(y)).mean();
}

function updated({ name, lr }: Optimizer, state: State, gradients: Parameters): State {
  if (name === "sgd") {
    const parameters = tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(lr)), state.parameters, gradients);
    return { ...state, parameters };
  }
  const step = state.step.add(1);
  const m = tree.map((m: Tensor, g: Tensor) => m.mul(0.9).add(g.mul(0.1)), state.m, tree.ref(gradients));
  const v = tree.map((v: Tensor, g: Tensor) => v.mul(0.999).add(np.square(g).mul(0.001)), state.v, gradients);
  const first = np.subtract(1, np.power(0.9, step.ref));
  const second = np.subtract(1, np.power(0.999, step.ref));
  const parameters = tree.map(
    (p: Tensor, m: Tensor, v: Tensor) =>
      p.sub(
        m
          .div(first.ref)
          .mul(lr)
          .div(np.sqrt(v.div(second.ref)).add(1e-8)),
      ),
    state.parameters,
    tree.ref(m),
    tree.ref(v),
  );
  tree.dispose([first, second]);
  return { parameters, m, v, step };
}

const zerosLike = (parameters: Parameters): Parameters =>
  tree.map((p: Tensor) => np.zeros(p.shape), parameters) as Parameters;

async function networkWork(job: NetworkJob, read: Read): Promise<Work> {
  const { loss, sizes } = job.network;
  const width = sizes[0] ?? 0;
  const classes = sizes.at(-1) ?? 0;
  const first = parametersOf(job, await layersOf(job, read));
  const data = await floatsOf(job, "x", read);

  if (job.kind === "predict") {
    const x = np.array(data).reshape([job.batch, width]);
    const forward = jit((parameters: Parameters, x: Tensor) => {
      const z = logits(job, parameters, x);
      return loss === "cross_entropy" ? nn.softmax(z, -1) : nn.sigmoid(z);
    });
    const call = () => forward(tree.ref(first), x.ref).dataSync();
    return { units: 1, call, check: () => sample(call()) };
  }

  const { optimizer } = job;
  let state: State = { parameters: first, m: [], v: [], step: np.array(0) };
  if (optimizer.name === "adam") state = { ...state, m: zerosLike(first), v: zerosLike(first) };
  const step = jit((state: State, x: Tensor, y: Tensor): [Tensor, State] => {
    const [value, gradients] = valueAndGrad((p: Parameters, x: Tensor, y: Tensor) => lossOf(job, p, x, y))(
      tree.ref(state.parameters),
      x,
      y,
    );
    return [value, updated(optimizer, state, gradients)];
  });
  const train = (x: Tensor, y: Tensor): number => {
    const [value, next] = step(state, x, y);
    state = next;
    return value.dataSync()[0] ?? NaN;
  };
  const oneHot = (labels: Labels): Tensor => nn.oneHot(np.array(labels), classes);

  if (job.kind === "epoch") {
    const digits = await labelsOf(job, "y", read);
    const order = shuffler(digits.length);
    const call = () => {
      let sum = 0;
      for (const batch of batches(data, digits, order(), job.batch)) {
        const x = np.array(batch.x).reshape([batch.rows, width]);
        sum += train(x, oneHot(batch.labels)) * batch.rows;
      }
      return sum / digits.length;
    };
    return { units: 1, call, check: () => [call()] };
  }
  const x = np.array(data).reshape([job.batch, width]);
  const y =
    loss === "cross_entropy"
      ? oneHot(await labelsOf(job, "y", read))
      : np.array(await floatsOf(job, "y", read)).reshape([job.batch, 1]);
  const call = () => train(x.ref, y.ref);
  return { units: 1, call, check: () => firstLosses(call) };
}

/** The result is waited for, not copied out: peers leave theirs where it is too. */
const kernel = (units: number, result: () => Tensor): Work => ({
  units,
  asynchronous: true,
  call: async () => (await result().blockUntilReady()).dispose(),
  check: () => sample(result().dataSync()),
});

async function kernelWork(job: Job, read: Read): Promise<Work> {
  const data = await floatsOf(job, "x", read);
  if (job.kind === "function") {
    const x = np.array(data);
    const apply = jit(functions[job.name]);
    return kernel(data.length, () => apply(x.ref));
  }
  if (job.kind !== "product") throw new Error(`No kernel of a ${job.kind}.`);
  const { form, n } = job;
  const x = np.array(data).reshape([n, n]);
  const other = np.array(await floatsOf(job, form === "xᵀ·y" ? "y" : "w", read)).reshape([n, n]);
  const product = jit((x: Tensor, w: Tensor) =>
    np.matmul(form === "xᵀ·y" ? x.transpose() : x, form === "x·wᵀ" ? w.transpose() : w),
  );
  return kernel(2 * n ** 3, () => product(x.ref, other.ref));
}

export const jax: Contestant = async (job, read) => {
  await init("wasm");
  defaultDevice("wasm");
  if (job.kind === "program") return programWork(job, read);
  return job.kind === "function" || job.kind === "product" ? kernelWork(job, read) : networkWork(job, read);
};
