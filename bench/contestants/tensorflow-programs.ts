/** Programs that are no dense nets, as TensorFlow.js writes them. */
import * as tf from "@tensorflow/tfjs";
import { valuesOf, type ProgramJob, type ProgramName, type Read } from "../job.ts";
import { block, digitsConv, inItsLayout, mobile } from "./tensorflow-images.ts";
import { firstLosses, sample, Unavailable, type Work } from "./contestant.ts";

type Tensors = Readonly<Record<string, tf.Tensor>>;

interface Written {
  readonly output: (parameters: Tensors, inputs: Tensors) => tf.Tensor;
  /** A function, or why there is none. */
  readonly loss: ((parameters: Tensors, inputs: Tensors) => tf.Scalar) | string;
  /** Parameters as it likes them best. */
  readonly prepare?: (parameters: Tensors) => Tensors;
}

const softmaxOf = ({ weight }: Tensors, { x }: Tensors): tf.Tensor => tf.softmax(tf.mul(weight!, x!), -1);

const convolution = (output: Written["output"]): Written => ({
  output,
  loss: "its WASM backend has no gradient of a convolution",
  prepare: inItsLayout,
});

const programs: Readonly<Partial<Record<ProgramName, Written>>> = {
  "digits-conv": convolution(digitsConv),
  block: convolution(block),
  mobile: convolution(mobile),
  "softmax-rows": {
    output: softmaxOf,
    loss: (parameters, inputs) => tf.losses.meanSquaredError(inputs["y"]!, softmaxOf(parameters, inputs)),
  },
};

/** @throws Unavailable for a program that is not written here */
export async function programWork(job: ProgramJob, read: Read): Promise<Work> {
  const written = programs[job.program];
  if (written === undefined) throw new Unavailable(`${job.program} is not written for it`);
  const parameters: Record<string, tf.Variable> = {};
  for (const [path, file] of Object.entries(job.parameters)) {
    parameters[path] = tf.variable(tf.tensor(await valuesOf(file, read), [...file.shape]));
  }
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, file] of Object.entries(job.tensors)) {
    inputs[name] = tf.tensor(await valuesOf(file, read), [...file.shape], file.dtype);
  }
  if (job.mode === "predict") {
    const prepared = written.prepare?.(parameters) ?? parameters;
    const call = () => {
      const result = tf.tidy(() => written.output(prepared, inputs));
      const numbers = result.dataSync();
      result.dispose();
      return numbers;
    };
    return { units: 1, call, check: () => sample(call()) };
  }
  const { loss } = written;
  if (typeof loss === "string") throw new Unavailable(loss);
  const optimizer = tf.train.sgd(job.lr);
  const step = () => {
    const value = optimizer.minimize(() => loss(parameters, inputs), true);
    const number = value?.dataSync()[0] ?? NaN;
    value?.dispose();
    return number;
  };
  return { units: 1, call: step, check: () => firstLosses(step) };
}
