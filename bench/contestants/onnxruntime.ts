/**
 * ONNX Runtime Web's WASM build on one thread. Its inputs are tensors of JavaScript, made once;
 * each call copies them in and its answers out. (Outputs that are given beforehand are left as they
 * were by 1.30.)
 */
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { valuesOf, type Job, type Read, type TensorFile } from "../job.ts";
import { sample, Unavailable, type Contestant, type Work } from "./contestant.ts";

/** What one call does. */
function unitsOf(job: Job): number {
  switch (job.kind) {
    case "function":
      return job.tensors["x"]?.shape[0] ?? 0;
    case "product":
      return 2 * job.n ** 3;
    default:
      if (job.kind === "predict" || (job.kind === "program" && job.mode === "predict")) return 1;
      throw new Unavailable("its WASM build does not train");
  }
}

/** An input as a session takes it: images, which the job has channels last, with channels second. */
async function tensorOf({ file, dtype, shape }: TensorFile, read: Read): Promise<Tensor> {
  const values = await valuesOf({ file, dtype, shape }, read);
  const [rows = 0, height = 0, width = 0, channels = 0] = shape;
  if (values instanceof Int32Array) return new Tensor("int32", values, shape);
  if (shape.length < 4) return new Tensor("float32", values, shape);
  const turned = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / channels);
    const row = Math.floor(place / (height * width));
    turned[(row * channels + (i % channels)) * height * width + (place % (height * width))] = values[i]!;
  }
  return new Tensor("float32", turned, [rows, channels, height, width]);
}

async function work(job: Job, read: Read): Promise<Work> {
  const units = unitsOf(job);
  const file = job.modules["onnx"];
  if (file === undefined) throw new Unavailable("the job has no ONNX file");
  const session = await InferenceSession.create(new Uint8Array(await read(file)), {
    executionProviders: ["wasm"],
  });
  const feeds: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const tensor = job.tensors[name];
    if (tensor === undefined) throw new Error(`The job has no ${name}.`);
    feeds[name] = await tensorOf(tensor, read);
  }
  const call = () => session.run(feeds);
  return {
    units,
    asynchronous: true,
    call,
    check: async () => {
      const { result } = await call();
      if (!(result?.data instanceof Float32Array)) throw new Error("The session answers no floats.");
      return sample(result.data);
    },
  };
}

export const onnxruntime =
  (binaries?: string): Contestant =>
  async (job, read) => {
    env.wasm.numThreads = 1;
    if (binaries !== undefined) env.wasm.wasmPaths = binaries;
    return work(job, read);
  };
