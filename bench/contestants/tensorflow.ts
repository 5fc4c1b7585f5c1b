/**
 * TensorFlow.js on its WASM backend: SIMD, one thread, tensors kept in its memory, everything else
 * in `tidy`.
 */
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import {
  layersOf,
  floatsOf,
  labelsOf,
  transposed,
  type FunctionName,
  type Job,
  type NetworkJob,
  type Read,
} from "../job.ts";
import { programWork } from "./tensorflow-programs.ts";
import {
  batches,
  firstLosses,
  sample,
  shuffler,
  Unavailable,
  type Contestant,
  type Work,
} from "./contestant.ts";

const functions: Readonly<Record<FunctionName, ((x: tf.Tensor) => tf.Tensor) | null>> = {
  exp: tf.exp,
  log: tf.log,
  tanh: tf.tanh,
  sigmoid: tf.sigmoid,
  softplus: tf.softplus,
  gelu_erf: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  sin: tf.sin,
};

async function networkWork(job: NetworkJob, read: Read): Promise<Work> {
  const { activation, loss, sizes } = job.network;
  // [in, out], the layout of its own layers.
  const layers = (await layersOf(job, read)).map(({ weight, bias, inputs, outputs }) => ({
    weight: tf.variable<tf.Rank.R2>(tf.tensor2d(transposed(weight, outputs, inputs), [inputs, outputs])),
    bias: tf.variable(tf.tensor1d(bias)),
  }));
  const data = await floatsOf(job, "x", read);
  const width = sizes[0] ?? 0;
  const classes = sizes.at(-1) ?? 0;

  if (job.kind === "predict") {
    const x = tf.tensor2d(data, [job.batch, width]);
    const logits = (): tf.Tensor => {
      let h: tf.Tensor = x;
      for (const [i, { weight, bias }] of layers.entries()) {
        const fused = i < layers.length - 1 && activation === "sigmoid" ? "sigmoid" : "linear";
        h = tf.fused.matMul({ a: h, b: weight, bias, activation: fused });
        if (i < layers.length - 1 && activation === "tanh") h = tf.tanh(h);
      }
      return h;
    };
    const call = () => {
      const result = tf.tidy(() => (loss === "cross_entropy" ? tf.softmax(logits()) : tf.sigmoid(logits())));
      const numbers = result.dataSync();
      result.dispose();
      return numbers;
    };
    return { units: 1, call, check: () => sample(call()) };
  }

  const { name, lr } = job.optimizer;
  const optimizer = name === "sgd" ? tf.train.sgd(lr) : tf.train.adam(lr, 0.9, 0.999, 1e-8);
  const lossOf = (x: tf.Tensor2D, y: tf.Tensor): tf.Scalar => {
    let h: tf.Tensor = x;
    for (const [i, { weight, bias }] of layers.entries()) {
      h = tf.add(tf.matMul(h, weight), bias);
      if (i < layers.length - 1) h = activation === "sigmoid" ? tf.sigmoid(h) : tf.tanh(h);
    }
    if (loss === "cross_entropy") return tf.losses.softmaxCrossEntropy(y, h);
    return tf.losses.sigmoidCrossEntropy(y, h);
  };
  const train = (x: tf.Tensor2D, y: tf.Tensor): number => {
    const value = optimizer.minimize(() => lossOf(x, y), true);
    const number = value?.dataSync()[0] ?? NaN;
    value?.dispose();
    return number;
  };
  if (job.kind === "epoch") {
    const digits = await labelsOf(job, "y", read);
    const order = shuffler(digits.length);
    const call = () => {
      let sum = 0;
      for (const batch of batches(data, digits, order(), job.batch)) {
        const x = tf.tensor2d(batch.x, [batch.rows, width]);
        const y = tf.tidy(() => tf.oneHot(tf.tensor1d(batch.labels, "int32"), classes));
        sum += train(x, y) * batch.rows;
        tf.dispose([x, y]);
      }
      return sum / digits.length;
    };
    return { units: 1, call, check: () => [call()] };
  }
  const x = tf.tensor2d(data, [job.batch, width]);
  const y =
    loss === "cross_entropy"
      ? tf.oneHot(tf.tensor1d(await labelsOf(job, "y", read), "int32"), classes).toFloat()
      : tf.tensor2d(await floatsOf(job, "y", read), [job.batch, 1]);
  const call = () => train(x, y);
  return { units: 1, call, check: () => firstLosses(call) };
}

async function kernelWork(job: Job, read: Read): Promise<Work> {
  const data = await floatsOf(job, "x", read);
  if (job.kind === "function") {
    const apply = functions[job.name];
    if (!apply) throw new Unavailable(`it has no ${job.name}`);
    const x = tf.tensor1d(data);
    const call = () => tf.tidy(() => apply(x)).dispose();
    return { units: data.length, call, check: () => sample(apply(x).dataSync()) };
  }
  if (job.kind !== "product") throw new Error(`No kernel of a ${job.kind}.`);
  const { form, n } = job;
  const x = tf.tensor2d(data, [n, n]);
  const other = tf.tensor2d(await floatsOf(job, form === "xᵀ·y" ? "y" : "w", read), [n, n]);
  const product = () => tf.matMul(x, other, form === "xᵀ·y", form === "x·wᵀ");
  return { units: 2 * n ** 3, call: () => product().dispose(), check: () => sample(product().dataSync()) };
}

export const tensorflow =
  (binaries: string): Contestant =>
  async (job, read) => {
    setWasmPaths(binaries);
    // Its threads are a build of their own, taken in pages that may share memory; all peers run on
    // one.
    setThreadsCount(1);
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    await tf.setBackend("wasm");
    await tf.ready();
    if (job.kind === "program") return programWork(job, read);
    return job.kind === "function" || job.kind === "product" ? kernelWork(job, read) : networkWork(job, read);
  };
