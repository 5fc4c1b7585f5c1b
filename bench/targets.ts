/**
 * What nndsl has set itself, beside what was measured. All are ratios of medians in Node, unless
 * they say otherwise.
 */
import type { ContestantName } from "./hosts/runner.ts";
import { productForms } from "./job.ts";
import { least, median, timeOf, type Pick, type Results } from "./results.ts";

export interface Target {
  readonly workload: string;
  readonly measure: string;
  readonly limit: number;
  /** Whether the figure must not be above the limit, or not below. */
  readonly bound: "at most" | "at least";
  readonly unit: "×" | "µs" | "s" | "% of peak";
  /** Of medians; undefined where something that it needs was not measured. */
  readonly measured: number | undefined;
  /** The same of the least times: what others at work on the machine disturb less. */
  readonly ofLeast: number | undefined;
  /**
   * That of the least times if nndsl took the time of the products alone at the 128-bit peak, which
   * the same rounds measured: none can be lower.
   */
  readonly atPeak: number | undefined;
}

type Measure = (results: Results, pick: Pick) => number | undefined;

interface Goal extends Omit<Target, "measured" | "ofLeast" | "atPeak"> {
  readonly read: Measure;
  readonly readAtPeak?: Measure;
}

const of =
  (workload: string, contestant: ContestantName): Measure =>
  (results, pick) =>
    timeOf(
      results.hosts.find(({ name }) => name === "Node"),
      workload,
      contestant,
      pick,
    );

const over =
  (above: Measure, below: Measure): Measure =>
  (results, pick) => {
    const [a, b] = [above(results, pick), below(results, pick)];
    return a === undefined || b === undefined ? undefined : a / b;
  };

const fasterOf =
  (a: Measure, b: Measure): Measure =>
  (results, pick) => {
    const times = [a(results, pick), b(results, pick)].filter((time) => time !== undefined);
    return times.length === 2 ? Math.min(...times) : undefined;
  };

const scaled =
  (measure: Measure, factor: number): Measure =>
  (results, pick) => {
    const value = measure(results, pick);
    return value === undefined ? undefined : value * factor;
  };

const labels: Readonly<Record<ContestantName, string>> = {
  nndsl: "strict",
  "nndsl-relaxed": "relaxed",
  "nndsl-threads": "two threads",
  torch: "PyTorch",
  jax: "jax-js",
  tfjs: "TensorFlow.js",
  ort: "ONNX Runtime Web",
  peak: "peak",
  "peak-relaxed": "peak (relaxed)",
};

/** The time at the peak of the code that a contestant is made of, shared by its threads. */
function atPeak(workload: string, ours: ContestantName): Measure {
  const alone = of(workload, ours === "nndsl" ? "peak" : "peak-relaxed");
  return ours === "nndsl-threads" ? scaled(alone, 1 / 2) : alone;
}

function ratio(
  title: string,
  workload: string,
  ours: ContestantName,
  theirs: ContestantName,
  limit: number,
): Goal {
  return {
    workload: title,
    measure: `${labels[ours]} ÷ ${labels[theirs]}`,
    limit,
    bound: "at most",
    unit: "×",
    read: over(of(workload, ours), of(workload, theirs)),
    readAtPeak: over(atPeak(workload, ours), of(workload, theirs)),
  };
}

const inference = [1, 32, 256].flatMap((batch): Goal[] => {
  const id = `predict-${batch}`;
  const peers = fasterOf(of(id, "ort"), of(id, "tfjs"));
  const goal = (ours: ContestantName, limit: number): Goal => ({
    workload: `inference, batch ${batch}`,
    measure: `${labels[ours]} ÷ the faster of ONNX Runtime Web and TensorFlow.js`,
    limit,
    bound: "at most",
    unit: "×",
    read: over(of(id, ours), peers),
    readAtPeak: over(atPeak(id, ours), peers),
  });
  return [goal("nndsl", 0.9), goal("nndsl-relaxed", 0.75)];
});

const products = productForms.flatMap((form) =>
  [128, 256, 512].flatMap((n): Goal[] => {
    const id = `product-${form}-${n}`;
    const share = (ours: ContestantName, peak: ContestantName): Goal => ({
      workload: `product ${form}, ${n}³`,
      measure: `${labels[ours]}, of the 128-bit peak`,
      limit: 85,
      bound: "at least",
      unit: "% of peak",
      read: scaled(over(of(id, peak), of(id, ours)), 100),
    });
    return [share("nndsl", "peak"), share("nndsl-relaxed", "peak-relaxed")];
  }),
);

const sgd32 = "training step (SGD), batch 32";
const sgd256 = "training step (SGD), batch 256";
const sizeOf =
  (name: "nndsl" | "jax" | "ort"): Measure =>
  ({ pageSizes }) =>
    pageSizes && pageSizes[name].js + pageSizes[name].wasm;

const goals: readonly Goal[] = [
  ratio(sgd32, "train-32", "nndsl", "torch", 1.05),
  ratio(sgd32, "train-32", "nndsl", "jax", 0.42),
  ratio(sgd32, "train-32", "nndsl", "tfjs", 0.1),
  ratio(sgd32, "train-32", "nndsl-relaxed", "torch", 0.85),
  ratio(sgd32, "train-32", "nndsl-relaxed", "jax", 0.35),
  ratio(sgd32, "train-32", "nndsl-threads", "torch", 0.55),
  ratio("training step (Adam), batch 32", "train-adam-32", "nndsl", "torch", 0.6),
  ratio("training step (SGD), batch 1", "train-1", "nndsl", "torch", 0.2),
  ratio("training step (SGD), batch 1", "train-1", "nndsl", "jax", 0.1),
  ratio(sgd256, "train-256", "nndsl-relaxed", "jax", 0.65),
  ratio(sgd256, "train-256", "nndsl-threads", "jax", 0.36),
  ratio(sgd256, "train-256", "nndsl-threads", "torch", 1.6),
  ...inference,
  {
    workload: "XOR step, 4 rows, inside `fit`",
    measure: "strict",
    limit: 1,
    bound: "at most",
    unit: "µs",
    read: scaled(of("xor-fit", "nndsl"), 1000),
  },
  ratio("XOR step, 4 rows, inside `fit`", "xor-fit", "nndsl", "torch", 0.01),
  {
    workload: "XOR step through `step()`",
    measure: "strict",
    limit: 2,
    bound: "at most",
    unit: "µs",
    read: scaled(of("xor-step", "nndsl"), 1000),
  },
  ratio("MNIST epoch, batch 128", "mnist-epoch", "nndsl-threads", "torch", 1.3),
  ...products,
  {
    workload: "two threads against one, batch 256",
    measure: "relaxed ÷ two threads",
    limit: 1.7,
    bound: "at least",
    unit: "×",
    read: over(of("train-256", "nndsl-relaxed"), of("train-256", "nndsl-threads")),
  },
  {
    workload: "what a page loads, gzipped",
    measure: "nndsl ÷ jax-js",
    limit: 0.2,
    bound: "at most",
    unit: "×",
    read: over(sizeOf("nndsl"), sizeOf("jax")),
  },
  {
    workload: "what a page loads, gzipped",
    measure: "nndsl ÷ ONNX Runtime Web",
    limit: 0.005,
    bound: "at most",
    unit: "×",
    read: over(sizeOf("nndsl"), sizeOf("ort")),
  },
  {
    workload: "compile of the digit network",
    measure: "cold",
    limit: 2.5,
    bound: "at most",
    unit: "s",
    read: ({ compileTime }, pick) => compileTime && pick(compileTime.cold),
  },
  {
    workload: "compile of the digit network",
    measure: "warm",
    limit: 0.8,
    bound: "at most",
    unit: "s",
    read: ({ compileTime }, pick) => compileTime && pick(compileTime.warm),
  },
];

export const targetsOf = (results: Results): Target[] =>
  goals.map(({ read, readAtPeak, ...goal }) => ({
    ...goal,
    measured: read(results, median),
    ofLeast: read(results, least),
    atPeak: readAtPeak?.(results, least),
  }));

export const isReached = ({ bound, limit, measured }: Target): boolean | undefined =>
  measured === undefined ? undefined : bound === "at most" ? measured <= limit : measured >= limit;
