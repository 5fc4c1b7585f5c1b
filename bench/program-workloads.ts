/** Workloads of the programs that are no dense nets. */
import type { ContestantName } from "./hosts/runner.ts";
import { programJob, type OfProgram } from "./programs.ts";
import { peaks, type Workload } from "./workload.ts";

const transformer64: OfProgram = { program: "transformer", mode: "step", rows: 32 };
const transformer256: OfProgram = {
  program: "transformer",
  mode: "step",
  rows: 8,
  settings: { width: 256, steps: 64 },
};
const attention: OfProgram = { program: "attention", mode: "predict", rows: 1 };
const lstm256: OfProgram = { program: "lstm", mode: "step", rows: 32, settings: { units: 256 } };

/** Whose inputs are multiplied before the loop, and whose gradients of weights are products after it. */
const recurrentNets = ["lstm", "gru"] as const;
const ARTICLES = { lstm: "an LSTM", gru: "a GRU" } as const;

/** Those whose kernels are timed one by one. */
export const profiled: readonly { readonly id: string; readonly title: string; readonly of: OfProgram }[] = [
  { id: "transformer-64", title: "a step of the transformer of 64, batch 32", of: transformer64 },
  { id: "transformer-256", title: "a step of the transformer of 256, batch 8", of: transformer256 },
  { id: "attention-1024", title: "attention over 1,024 steps", of: attention },
  { id: "lstm-256", title: "a step of the LSTM of 256, batch 32", of: lstm256 },
  {
    id: "digits-conv",
    title: "a step of two convolutions on digits, batch 32",
    of: { program: "digits-conv", mode: "step", rows: 32 },
  },
  {
    id: "block",
    title: "a step of two convolutions of 64, batch 8",
    of: { program: "block", mode: "step", rows: 8 },
  },
  {
    id: "mobile",
    title: "a step of a convolution of each channel and one of all, batch 8",
    of: { program: "mobile", mode: "step", rows: 8 },
  },
  {
    id: "gpt",
    title: "a step of the language model of 64, batch 8",
    of: { program: "gpt", mode: "step", rows: 8 },
  },
];

const program = (id: string, title: string, of: OfProgram, peers: readonly ContestantName[]): Workload => ({
  id,
  title,
  group: of.mode === "predict" ? "Inference of other programs" : "Training of other programs",
  unit: "ms",
  contestants: ["nndsl", "nndsl-relaxed", "nndsl-threads", ...peers, ...peaks],
  // Sums of thousands of terms, in orders of each one's own.
  tolerance: 1e-3,
  inPages: false,
  job: programJob(of),
});

const steps = (
  id: string,
  title: string,
  of: Omit<OfProgram, "mode">,
  ...peers: ContestantName[]
): Workload =>
  program(id, `step (SGD) of ${title}, batch ${of.rows}`, { ...of, mode: "step" }, ["torch", ...peers]);

const recurrent: readonly Workload[] = [
  ...recurrentNets.flatMap((net) => [
    steps(
      `${net}-64`,
      `${ARTICLES[net]} of 64 over 28 steps`,
      { program: net, rows: 32, settings: { units: 64 } },
      "jax",
    ),
    steps(`${net}-256`, `${ARTICLES[net]} of 256 over 28 steps`, {
      program: net,
      rows: 32,
      settings: { units: 256 },
    }),
    program(
      `${net}-one`,
      `${ARTICLES[net]} of 64, one sequence of 28 steps`,
      { program: net, mode: "predict", rows: 1 },
      ["torch"],
    ),
  ]),
  steps("lstm-100", "an LSTM of 64 over 100 steps", { program: "lstm", rows: 32, settings: { steps: 100 } }),
];

/** Inference and a training step of one program at the sizes given. */
const both = (
  id: string,
  title: string,
  of: Omit<OfProgram, "mode" | "rows">,
  { predict, step }: { readonly predict: readonly number[]; readonly step: number },
  ...peers: ContestantName[]
): readonly Workload[] => [
  ...predict.map((rows) =>
    program(`${id}-predict-${rows}`, `${title}, batch ${rows}`, { ...of, mode: "predict", rows }, [
      "torch",
      "jax",
      "ort",
      ...peers,
    ]),
  ),
  // A call of jax-js takes up to seconds.
  { ...steps(`${id}-step`, title, { ...of, rows: step }, "jax", ...peers), rounds: 7 },
];

const convolutional = [
  ...both(
    "digits-conv",
    "two convolutions, 28×28, 1-8-16 channels",
    { program: "digits-conv" },
    { predict: [1, 32], step: 32 },
    "tfjs",
  ),
  ...both(
    "block",
    "two 3×3 convolutions of 64 on 16×16",
    { program: "block" },
    { predict: [1, 8], step: 8 },
    "tfjs",
  ),
  ...both(
    "mobile",
    "depthwise 3×3 of 64 and pointwise to 128 on 32×32",
    { program: "mobile" },
    { predict: [1, 8], step: 8 },
    "tfjs",
  ),
];

const WIDE_GPT = { width: 256, blocks: 2, steps: 64 };
const sequences = [
  ...both("gpt", "a language model, 4 blocks of 64, 32 steps", { program: "gpt" }, { predict: [1], step: 8 }),
  steps(
    "wide-gpt-step",
    "a language model, 2 blocks of 256, 64 steps",
    { program: "gpt", rows: 8, settings: WIDE_GPT },
    "jax",
  ),
  steps("embedding-step", "a table of 10,000 × 64, 32 ids a row", { program: "embedding", rows: 32 }),
];

const MANY_ROWS = 16_384;

export const programWorkloads: readonly Workload[] = [
  steps(
    "transformer-64",
    "a transformer, 2 blocks of 64, 4 heads, 32 steps",
    { program: "transformer", rows: 32 },
    "jax",
  ),
  steps(
    "transformer-256",
    "a transformer, 2 blocks of 256, 4 heads, 64 steps",
    { program: "transformer", rows: 8, settings: { width: 256, steps: 64 } },
    "jax",
  ),
  program(
    "attention-1024",
    "attention over 1,024 steps of 64",
    { program: "attention", mode: "predict", rows: 1 },
    ["torch"],
  ),
  ...recurrent,
  program(
    "softmax-predict",
    "softmax of 16,384 × 64",
    { program: "softmax-rows", mode: "predict", rows: MANY_ROWS },
    ["torch", "tfjs"],
  ),
  steps("softmax-step", "softmax of 64", { program: "softmax-rows", rows: MANY_ROWS }, "tfjs"),
  steps("layer-norm", "layer norm of 64", { program: "layer-norm", rows: MANY_ROWS }),
  steps("batch-norm", "batch norm of 64", { program: "batch-norm", rows: MANY_ROWS }),
  steps("chain", "20 operations on 64 entries", { program: "chain", rows: MANY_ROWS }),
  steps("classes", "one layer, 64 to 10,000 classes", { program: "classes", rows: 32 }),
  ...convolutional,
  ...sequences,
  steps("pinn", "a physics-informed net, 1-64-64-1", { program: "pinn", rows: 256 }),
];
