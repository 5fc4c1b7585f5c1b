/** All that is timed: dense nets, other programs, functions and products. */
import { labels, uniform } from "./data.ts";
import type { JobFolder } from "./folder.ts";
import {
  functionNames,
  productForms,
  type FunctionName,
  type Job,
  type Network,
  type Optimizer,
  type ProductForm,
  type TensorFile,
} from "./job.ts";
import { contestantNames, type ContestantName } from "./hosts/runner.ts";
import { programWorkloads } from "./program-workloads.ts";
import { peaks, type Workload } from "./workload.ts";
import { functionToOnnx, networkToOnnx, productToOnnx } from "./onnx.ts";

const DIGITS: Network = { sizes: [784, 256, 128, 10], activation: "sigmoid", loss: "cross_entropy" };
const XOR: Network = { sizes: [2, 2, 1], activation: "sigmoid", loss: "bce_with_logits" };
const DEEP: Network = {
  sizes: [64, ...Array<number>(10).fill(64), 10],
  activation: "tanh",
  loss: "cross_entropy",
};
const WIDE: Network = { sizes: [1024, 1024, 1024, 10], activation: "sigmoid", loss: "cross_entropy" };
const SGD: Optimizer = { name: "sgd", lr: 0.1 };
const ADAM: Optimizer = { name: "adam", lr: 1e-3 };

const learners: readonly ContestantName[] = [
  "nndsl",
  "nndsl-relaxed",
  "nndsl-threads",
  "torch",
  "jax",
  "tfjs",
];
const single: readonly ContestantName[] = ["nndsl", "nndsl-relaxed", "torch", "jax", "tfjs", "ort"];

interface OfNetwork {
  readonly model: string;
  readonly network: Network;
  readonly batch: number;
  readonly kind: "train" | "fit" | "predict" | "epoch";
  readonly optimizer?: Optimizer;
}

type Tensors = Record<string, TensorFile>;

/** Weights as PyTorch would draw them: uniform, up to one over the root of the inputs. */
async function weightFiles(folder: JobFolder, { sizes }: Network): Promise<Tensors> {
  const tensors: Tensors = {};
  for (const [i, outputs] of sizes.slice(1).entries()) {
    const inputs = sizes[i] ?? 0;
    const bound = 1 / Math.sqrt(inputs);
    tensors[`weight.${i}`] = await folder.tensor(uniform(outputs * inputs, -bound, bound, 100 + i), [
      outputs,
      inputs,
    ]);
    tensors[`bias.${i}`] = await folder.tensor(uniform(outputs, -bound, bound, 200 + i), [outputs]);
  }
  return tensors;
}

async function rowFiles(folder: JobFolder, { kind, network, batch }: OfNetwork): Promise<Tensors> {
  if (kind === "epoch") {
    const { images, digits } = await folder.mnist();
    return {
      x: await folder.tensor(images, [digits.length, 784]),
      y: await folder.tensor(digits, [digits.length]),
    };
  }
  if (network.loss === "bce_with_logits") {
    return {
      x: await folder.tensor(Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1), [4, 2]),
      y: await folder.tensor(Float32Array.of(0, 1, 1, 0), [4, 1]),
    };
  }
  const width = network.sizes[0] ?? 0;
  return {
    x: await folder.tensor(uniform(batch * width, 0, 1, 1), [batch, width]),
    y: await folder.tensor(labels(batch, network.sizes.at(-1) ?? 0, 2), [batch]),
  };
}

const networkJob =
  (of: OfNetwork) =>
  async (folder: JobFolder): Promise<Job> => {
    const { kind, network, batch, optimizer = SGD } = of;
    const tensors = { ...(await weightFiles(folder, network)), ...(await rowFiles(folder, of)) };
    const modules = {
      ...(await folder.modelModules(of.model)),
      ...(kind === "predict" && {
        onnx: await folder.write(networkToOnnx(network, await folder.layers(network, tensors), batch)),
      }),
    };
    return kind === "predict"
      ? { kind, network, batch, tensors, modules }
      : { kind, network, batch, optimizer, tensors, modules };
  };

const FUNCTION_ENTRIES = 2 ** 16;

const functionJob =
  (name: FunctionName) =>
  async (folder: JobFolder): Promise<Job> => {
    // Where the functions are neither flat nor overflow; logarithms have no other side.
    const x = uniform(FUNCTION_ENTRIES, name === "log" ? 0.01 : -8, 8, 3);
    const source = `model Each { input x: [N]  output y = ${name}(x) }`;
    return {
      kind: "function",
      name,
      tensors: { x: await folder.tensor(x, [x.length]) },
      modules: {
        ...(await folder.sourceModules(source)),
        onnx: await folder.write(functionToOnnx(name, x.length)),
      },
    };
  };

/** Programs of one product of n³. */
export const products: Readonly<Record<ProductForm, (n: number) => string>> = {
  "x·wᵀ": (n) => `model Product { input x: [N, ${n}]  param w: [${n}, ${n}] ~ zeros  output z = x @ w' }`,
  "x·w": (n) => `model Product { input x: [N, ${n}]  param w: [${n}, ${n}] ~ zeros  output z = x @ w }`,
  "xᵀ·y": (n) => `model Product { input x: [N, ${n}]  input y: [N, ${n}]  output z = x' @ y }`,
};

const productJob =
  (form: ProductForm, n: number) =>
  async (folder: JobFolder): Promise<Job> => {
    const square = [n, n];
    const other = uniform(n * n, -1, 1, 5);
    return {
      kind: "product",
      form,
      n,
      tensors: {
        x: await folder.tensor(uniform(n * n, -1, 1, 4), square),
        [form === "xᵀ·y" ? "y" : "w"]: await folder.tensor(other, square),
      },
      modules: {
        ...(await folder.sourceModules(products[form](n))),
        onnx: await folder.write(productToOnnx(form, n, other)),
      },
    };
  };

const network = (id: string, title: string, of: OfNetwork, more: Partial<Workload> = {}): Workload => ({
  id,
  title,
  group: of.kind === "predict" ? "Inference" : "Training",
  unit: "ms",
  contestants: [...learners, ...(of.kind === "predict" ? (["ort"] as const) : []), ...peaks],
  tolerance: 1e-4,
  inPages: true,
  job: networkJob(of),
  ...more,
});

const digits = (kind: "train" | "predict", batch: number): OfNetwork => ({
  model: "digits",
  network: DIGITS,
  batch,
  kind,
});
const BATCHES = [1, 32, 256];

export const workloads: readonly Workload[] = [
  ...BATCHES.map((batch) =>
    network(`train-${batch}`, `step (SGD) of 784-256-128-10, batch ${batch}`, digits("train", batch)),
  ),
  network("train-adam-32", "step (Adam) of 784-256-128-10, batch 32", {
    ...digits("train", 32),
    model: "digits-adam",
    optimizer: ADAM,
  }),
  network("train-deep", "step (SGD) of 64-10×64-10, tanh, batch 32", {
    model: "deep",
    network: DEEP,
    batch: 32,
    kind: "train",
  }),
  network("train-wide", "step (SGD) of 1024-1024-1024-10, batch 32", {
    model: "wide",
    network: WIDE,
    batch: 32,
    kind: "train",
  }),
  ...[256, 4096, 60_000].map((batch) =>
    network(
      `train-adam-${batch}`,
      `step (Adam) of 784-256-128-10, batch ${batch}`,
      { ...digits("train", batch), model: "digits-adam", optimizer: ADAM },
      {
        contestants: batch > 4096 ? ["nndsl", "nndsl-relaxed", "torch", ...peaks] : learners,
        ...(batch > 4096 && { rounds: 5 }),
        inPages: false,
      },
    ),
  ),
  network(
    "xor-step",
    "step (SGD) of XOR, 2-2-1, 4 rows, called from the program",
    { model: "xor", network: XOR, batch: 4, kind: "train" },
    // So little of it are products that their time says nothing.
    { unit: "µs", contestants: learners },
  ),
  network(
    "xor-fit",
    "step (SGD) of XOR, 2-2-1, 4 rows, in the library's loop",
    { model: "xor", network: XOR, batch: 4, kind: "fit" },
    { unit: "µs", contestants: ["nndsl", "nndsl-relaxed", "torch", "jax", "tfjs"] },
  ),
  network(
    "mnist-epoch",
    "epoch of MNIST, 60,000 rows in a new order, batch 128",
    { model: "digits", network: DIGITS, batch: 128, kind: "epoch" },
    // Each has an order of its own, so the mean losses agree roughly.
    { unit: "s", contestants: learners, rounds: 5, tolerance: 0.03, inPages: false },
  ),
  ...BATCHES.map((batch) =>
    network(`predict-${batch}`, `784-256-128-10, batch ${batch}`, digits("predict", batch)),
  ),
  ...programWorkloads,
  ...functionNames.map((name): Workload => ({
    id: `function-${name}`,
    title: `${name}, an entry`,
    group: "Functions of 65,536 entries",
    unit: "ns",
    contestants: single,
    tolerance: 1e-4,
    inPages: true,
    job: functionJob(name),
  })),
  ...productForms.flatMap((form) =>
    [128, 256, 512].map((n): Workload => ({
      id: `product-${form}-${n}`,
      title: `${form}, ${n}³`,
      group: "Products",
      unit: "GFLOP/s",
      contestants: contestantNames.filter((name) => name !== "nndsl-threads"),
      tolerance: 1e-4,
      inPages: true,
      job: productJob(form, n),
    })),
  ),
];
