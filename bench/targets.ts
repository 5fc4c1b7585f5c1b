/**
 * What nndsl has set itself, beside what was measured. All are ratios of medians in Node, unless
 * they say otherwise.
 */
import type { DataCost } from "./costs/data-cost.ts";
import type { ContestantName } from "./hosts/runner.ts";
import { productForms } from "./job.ts";
import {
  atPeak,
  fasterOf,
  labels,
  of,
  over,
  peakOf,
  ratio,
  scaled,
  type Goal,
  type Measure,
  type Target,
} from "./measures.ts";
import { least, median, type Results } from "./results.ts";

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
    const share = (ours: ContestantName, peak: "peak" | "peak-relaxed"): Goal => ({
      workload: `product ${form}, ${n}³`,
      measure: `${labels[ours]}, of the 128-bit peak of the quietest round`,
      limit: 85,
      bound: "at least",
      unit: "% of peak",
      read: scaled(over(peakOf(id, peak), of(id, ours)), 100),
    });
    return [share("nndsl", "peak"), share("nndsl-relaxed", "peak-relaxed")];
  }),
);

/** Per row, to the time at 256 rows. */
const perRow = (rows: number): Goal => ({
  workload: `training step (Adam), batch ${rows}`,
  measure: "strict, a row ÷ a row at batch 256",
  limit: 1.15,
  bound: "at most",
  unit: "×",
  read: scaled(over(of(`train-adam-${rows}`, "nndsl"), of("train-adam-256", "nndsl")), 256 / rows),
});

const others: readonly Goal[] = [
  perRow(4096),
  perRow(60_000),
  ratio("training step (Adam), batch 4096", "train-adam-4096", "nndsl", "jax", 0.7),
  ratio("attention over 1,024 steps, inference", "attention-1024", "nndsl", "torch", 1.1),
  ratio("softmax of 16,384 × 64, inference", "softmax-predict", "nndsl", "torch", 1.5),
  ratio("softmax of 16,384 × 64, inference", "softmax-predict", "nndsl", "tfjs", 0.9),
  ratio("softmax of 16,384 × 64, step", "softmax-step", "nndsl", "torch", 1.2),
  ratio("softmax of 16,384 × 64, step", "softmax-step", "nndsl", "tfjs", 0.9),
  ratio("layer norm, step", "layer-norm", "nndsl", "torch", 0.8),
  ratio("batch norm, step", "batch-norm", "nndsl", "torch", 0.8),
  ratio("transformer of 64, step at 32 rows", "transformer-64", "nndsl", "torch", 1),
  ratio("transformer of 64, step at 32 rows", "transformer-64", "nndsl", "jax", 0.35),
  ratio("transformer of 256, step at 8 rows", "transformer-256", "nndsl-relaxed", "torch", 1.7),
];

const peersOf = (id: string): Measure => fasterOf(of(id, "ort"), of(id, "tfjs"));

/** Against the faster of those that run in pages without nndsl. */
const overPeers = (title: string, id: string, limit: number): Goal => ({
  workload: title,
  measure: "relaxed ÷ the faster of ONNX Runtime Web and TensorFlow.js",
  limit,
  bound: "at most",
  unit: "×",
  read: over(of(id, "nndsl-relaxed"), peersOf(id)),
  readAtPeak: over(atPeak(id, "nndsl-relaxed"), peersOf(id)),
});

const relaxed = (title: string, id: string, theirs: ContestantName, limit: number): Goal =>
  ratio(title, id, "nndsl-relaxed", theirs, limit);

const twoThreads = (title: string, id: string): Goal => ({
  workload: `two threads against one, ${title}`,
  measure: "relaxed ÷ two threads",
  limit: 1.6,
  bound: "at least",
  unit: "×",
  read: over(of(id, "nndsl-relaxed"), of(id, "nndsl-threads")),
});

const convolutionsAndTables: readonly Goal[] = [
  relaxed("digits-conv, step at 32 rows", "digits-conv-step", "torch", 0.7),
  relaxed("digits-conv, step at 32 rows", "digits-conv-step", "jax", 0.01),
  overPeers("digits-conv, inference, batch 1", "digits-conv-predict-1", 0.6),
  overPeers("digits-conv, inference, batch 32", "digits-conv-predict-32", 0.6),
  ...[1, 8].flatMap((rows) => [
    overPeers(`block, inference, batch ${rows}`, `block-predict-${rows}`, 0.8),
    relaxed(`block, inference, batch ${rows}`, `block-predict-${rows}`, "torch", 2),
  ]),
  relaxed("block, step at 8 rows", "block-step", "torch", 2.2),
  relaxed("block, step at 8 rows", "block-step", "jax", 0.01),
  overPeers("mobile, inference, batch 1", "mobile-predict-1", 0.6),
  overPeers("mobile, inference, batch 8", "mobile-predict-8", 0.6),
  relaxed("mobile, step at 8 rows", "mobile-step", "torch", 1.2),
  relaxed("gpt, step at 8 rows", "gpt-step", "torch", 0.9),
  relaxed("gpt, step at 8 rows", "gpt-step", "jax", 0.3),
  relaxed("gpt, inference of one sequence", "gpt-predict-1", "ort", 0.6),
  relaxed("wide-gpt, step at 8 rows", "wide-gpt-step", "torch", 1.6),
  relaxed("embedding of 10,000 × 64, step", "embedding-step", "torch", 1.2),
  relaxed("10,000 classes, step at 32 rows", "classes", "torch", 1.2),
  twoThreads("block", "block-step"),
  twoThreads("gpt", "gpt-step"),
  ...["lstm", "gru"].flatMap((net): readonly Goal[] => {
    const title = net.toUpperCase();
    return [
      relaxed(`${title} of 64, step at 32 rows`, `${net}-64`, "torch", 0.7),
      relaxed(`${title} of 64, step at 32 rows`, `${net}-64`, "jax", 0.15),
      relaxed(`${title} of 256, step at 32 rows`, `${net}-256`, "torch", 1.5),
      relaxed(`${title} of 64, inference of one sequence`, `${net}-one`, "torch", 0.2),
      twoThreads(`${title} of 256`, `${net}-256`),
    ];
  }),
  relaxed("LSTM of 64 over 100 steps, step at 32 rows", "lstm-100", "torch", 0.8),
];

/** Products longer than this in each direction are held to a share of the peak. */
const LONG = 64;

/**
 * What all long products of some of the profiled programs take of the peak, by their work and their
 * time, in %.
 */
const shareOfLong =
  (simd: "strict" | "relaxed", wants: (id: string) => boolean, longerThan = LONG): Measure =>
  ({ programProfiles = [] }) => {
    let [needed, taken] = [0, 0];
    for (const profile of programProfiles.filter((profile) => profile.simd === simd && wants(profile.id))) {
      for (const { shortest = 0, microseconds, share } of profile.kernels) {
        if (shortest <= longerThan) continue;
        needed += share * microseconds;
        taken += microseconds;
      }
    }
    return taken === 0 ? undefined : (100 * needed) / taken;
  };

const isConvolutional = (id: string): boolean => ["block", "mobile"].includes(id);

const longProducts = (simd: "strict" | "relaxed"): Goal => ({
  workload: "products of transformers and attention",
  measure: `${simd}, above ${LONG} in each direction, of the 128-bit peak`,
  limit: 85,
  bound: "at least",
  unit: "% of peak",
  read: shareOfLong(simd, (id) => /^(transformer|attention|lstm)/.test(id)),
});

/** Beside a plain product that is long in each direction. */
const contractions: Goal = {
  workload: "contractions of convolutions",
  measure: "relaxed, 32 channels and more, ÷ the rate of x·wᵀ, 256³",
  limit: 0.8,
  bound: "at least",
  unit: "×",
  read(results, pick) {
    const share = shareOfLong("relaxed", isConvolutional, 31)(results, pick);
    const id = "product-x·wᵀ-256";
    const plain = over(peakOf(id, "peak-relaxed"), of(id, "nndsl-relaxed"))(results, pick);
    return share === undefined || plain === undefined ? undefined : share / 100 / plain;
  },
};

const startOf = (command: string, limit: number): Goal => ({
  workload: `nndsl ${command}`,
  measure: "a fresh process, with kept code",
  limit,
  bound: "at most",
  unit: "s",
  read: ({ coldStarts }, pick) => {
    const found = coldStarts?.find(({ title }) => title === `nndsl ${command}`);
    return found && pick(found.seconds);
  },
});

const costOf = (what: string, of: (cost: DataCost) => number): Measure => {
  return ({ dataCosts }) => {
    const found = dataCosts?.find((cost) => cost.what === what);
    return found && of(found);
  };
};

const dataGoals: readonly Goal[] = (["read", "train"] as const).flatMap((how): Goal[] => [
  {
    workload: `CSV of 1,000,000 × 10, ${how}`,
    measure: how === "read" ? "reading alone" : "the whole command, an epoch",
    limit: 2.5,
    bound: "at most",
    unit: "s",
    read: costOf(`${how}, table`, ({ milliseconds }) => milliseconds / 1000),
  },
  {
    workload: `CSV of 1,000,000 × 10, ${how}`,
    measure: "peak memory",
    limit: 250,
    bound: "at most",
    unit: "MB",
    read: costOf(`${how}, table`, ({ peakBytes }) => peakBytes / 1e6),
  },
  {
    workload: `NPY of 500 MB, ${how}`,
    measure: "peak memory ÷ the file",
    limit: 1.5,
    bound: "at most",
    unit: "×",
    read: costOf(`${how}, array`, ({ peakBytes }) => peakBytes / 500e6),
  },
]);

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
  ...others,
  ...convolutionsAndTables,
  longProducts("strict"),
  longProducts("relaxed"),
  contractions,
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
  startOf("check xor.nn", 0.2),
  startOf("inspect xor.nn", 0.35),
  ...dataGoals,
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

/** How far a target is missed: 1 where it is just met, 2 where twice the limit was needed. */
export const missOf = ({ bound, limit, measured = NaN }: Target): number =>
  bound === "at most" ? measured / limit : limit / measured;

/** Those that are not reached, the furthest first: what falls behind. */
export const missed = (targets: readonly Target[]): Target[] =>
  targets.filter((target) => isReached(target) === false).toSorted((a, b) => missOf(b) - missOf(a));

export const isReached = ({ bound, limit, measured }: Target): boolean | undefined =>
  measured === undefined ? undefined : bound === "at most" ? measured <= limit : measured >= limit;
