/**
 * Why targets that were worked on are not reached: what was found, with the figures of the run that
 * showed it. A target that is reached leaves its row behind; a new one that is missed wants a row.
 */
const reasons: readonly (readonly [target: string, why: string])[] = [
  [
    "training step (SGD, Adam), batch 32, ÷ PyTorch and ÷ jax-js",
    "The products alone take 1.31 × PyTorch's step at the 128-bit peak (strict; Adam 0.69), and all of our step takes 1.36 × in the same rounds: nothing is left but wider vectors, which PyTorch has. ÷ jax-js: 0.57 at the peak, where 0.42 is wanted.",
  ],
  [
    "training step (Adam), batch 4,096, ÷ jax-js",
    "A row takes 1.04 × that at 256 rows, so large batches cost no more than small ones. Nearly all of the step is products, for which jax-js has the same 128 bits and about as large a share of the peak: at 32 rows ours would take 0.57 × its time at the peak.",
  ],
  [
    "attention over 1,024 steps",
    "q·kᵀ and p·v alone take 2.12 × PyTorch's whole time at the 128-bit peak: it multiplies 512 bits at once here. Ours take 96 % of the peak; a softmax between them the rest.",
  ],
  [
    "softmax of 16,384 × 64, inference",
    "The kernel takes 2.5 ms of the 5.4 that were measured; the rest is 4 MB copied in and 4 MB out. The copy out was entry by entry, 1.3 ms, and is one move now, 0.35 ms. The copy in stays: what a caller has may change or be detached while a call runs, and where an input lies depends on how many rows there is room for, so a view of it that is kept writes over another tensor after a larger batch, without an error. PyTorch and TensorFlow.js keep their tensors in their own memory from call to call.",
  ],
  [
    "batch norm, step",
    "The kernels take 3.3 ms of 4.6; the copies of x and y, 4 MB each, most of the rest (see softmax). What is left in the kernels is bound by memory: mean, variance and the sums of the gradient need x and its cotangent four times.",
  ],
  [
    "transformer of 64, step",
    "1.57 × PyTorch at the 128-bit peak, 0.34 × jax-js (wanted: 0.35). Beside the products, `erf` takes 5 ns an entry where PyTorch's takes 1.2, with 512 bits; so `up`, which has gelu in its epilogue, runs at 37 % of the peak.",
  ],
  [
    "transformer of 256, step",
    "2.25 × PyTorch at the 128-bit peak, relaxed: 1.7 is out of reach of 128 bits; all of the step takes 2.76 × in the same rounds.",
  ],
  [
    "products, alone and of transformers and attention",
    "On a quiet machine each single product takes 90 to 106 % of the peak, strict; in the long run others were at work on the second thread of the core, where each takes three of its six instructions a cycle: x·w and xᵀ·y of 128³ are at 64 % when that happens, with the same instructions in their loops as at 103 %.",
  ],
  [
    "two threads against one",
    "The two cores of this machine are threads of the processor's cores, shared with others: by the least times the figures are 1.84 and 1.53. Of the LSTM's step ten meetings remain, and what is done once, by one.",
  ],
  [
    "what a page loads",
    "The runtime has validation, patience, probes' joins and lists that go straight into the module since the target was set: 11.6 KB of the page; the digit network's module is 7.7 KB.",
  ],
  [
    "CSV and NPY, train: peak memory",
    "Reading alone takes 139 MB and 1.2 × the file. Of the command, Node with asc's compiler loaded takes 260 MB before the first row is read, and asc's worker is ended before that.",
  ],
  [
    "compile, CPU: 400 equal layers",
    "5.7 s, where 5 is wanted: of it analysis takes 1.65 s, fusion and planning 1.85 and asc 1.4, and no function of ours has more than a few percent. Equal layers share their kernels, but every one of the 400 is read, differentiated and placed.",
  ],
  [
    "nndsl check; compile, warm",
    "0.158 s and 0.55 s by the least times: the medians are those of a machine with others at work.",
  ],
];

export const reasonsText = reasons.map(([target, why]) => `- **${target}:** ${why}`).join("\n");
