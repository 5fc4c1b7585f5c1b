/**
 * ONNX Runtime Web's WASM build on one thread. Its inputs are tensors of JavaScript, made once;
 * each call copies them in and its answers out. (Outputs that are given beforehand are left as they
 * were by 1.30.)
 */
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { floatsOf, type Job, type Read } from "../job.ts";
import { sample, Unavailable, type Contestant, type Work } from "./contestant.ts";

/** What the session reads, and what one call does. */
function shapes(job: Job): { readonly inputs: readonly string[]; readonly units: number } {
  switch (job.kind) {
    case "predict":
      return { inputs: ["x"], units: 1 };
    case "function":
      return { inputs: ["x"], units: job.tensors["x"]?.shape[0] ?? 0 };
    case "product":
      return { inputs: job.form === "xᵀ·y" ? ["x", "y"] : ["x"], units: 2 * job.n ** 3 };
    case "train":
    case "fit":
    case "epoch":
      throw new Unavailable("its WASM build does not train");
    case "program":
      throw new Unavailable("no program is written as ONNX");
  }
}

async function work(job: Job, read: Read): Promise<Work> {
  const { inputs, units } = shapes(job);
  const file = job.modules["onnx"];
  if (file === undefined) throw new Unavailable("the job has no ONNX file");
  const session = await InferenceSession.create(new Uint8Array(await read(file)), {
    executionProviders: ["wasm"],
  });
  const feeds: Record<string, Tensor> = {};
  for (const name of inputs) {
    const data = await floatsOf(job, name, read);
    feeds[name] = new Tensor("float32", data, job.tensors[name]?.shape ?? []);
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
