/**
 * Why targets that were worked on are not reached: what was found, with the figures of the run that
 * showed it. A target that is reached leaves its row behind; a new one that is missed wants a row.
 */
const reasons: readonly (readonly [target: string, why: string])[] = [
  [
    "all beside PyTorch",
    "The limits were set on a Xeon, where this step of the digit network took 1.31 × PyTorch's at the 128-bit peak, and on this processor takes 1.50 ×: its 512-bit vectors are faster beside its 128-bit ones. So `at the peak` says more of a target than its limit: no code for these instructions comes below it.",
  ],
  [
    "training step (SGD, Adam), batch 1 and 32, and the MNIST epoch, ÷ PyTorch and ÷ jax-js",
    "The products alone take 1.50 × PyTorch's step at the 128-bit peak (strict; Adam 0.91), and all of our step takes 1.74 ×: what is wanted, 1.05, is out of reach here. ÷ jax-js: 0.43 at the peak, where 0.42 is wanted.",
  ],
  [
    "attention over 1,024 steps",
    "q·kᵀ and p·v alone take 2.1 × PyTorch's whole time at the 128-bit peak: it multiplies 512 bits at once here. A softmax between them takes the rest.",
  ],
  [
    "softmax of 16,384 × 64, inference; batch norm, step",
    "Half of the time is 4 MB copied in and 4 MB out. The copy in stays: what a caller has may change or be detached while a call runs, and where an input lies depends on how many rows there is room for, so a view of it that is kept writes over another tensor after a larger batch, without an error. PyTorch and TensorFlow.js keep their tensors in their own memory from call to call. What is left in the kernels of batch norm is bound by memory: mean, variance and the sums of the gradient need x and its cotangent four times.",
  ],
  [
    "transformer of 64 and of 256, gpt, wide-gpt, steps",
    "At the 128-bit peak 1.5, 2.65, 0.97 and 2.3 × PyTorch, where 1.0, 1.7, 0.9 and 1.6 are wanted: out of reach of 128 bits. Of gpt's step the products take 85 %, gelu (`mul_2`) 4 %, softmax and norms the rest.",
  ],
  [
    "block, inference and step",
    "At the 128-bit peak 2.4, 3.7 and 2.9 × PyTorch, where 2.0, 2.0 and 2.2 are wanted: out of reach. The convolutions run at 93 to 95 % of the peak, their gradients by weights at 87 %: patches are gathered for them once in 960 places. Laying these by tiles, and columns beside them, gained 1 % and was left out.",
  ],
  [
    "mobile, step",
    "The products of the pointwise convolution take 77 % of the step, near the peak, at which they alone take 1.12 to 1.4 × PyTorch's step from run to run (wanted: 1.2). The depthwise convolution and its gradients take 0.5 ms of 7, bound by memory: channels are in the lanes, and each of nine taps is read once from the first cache.",
  ],
  [
    "digits-conv, step, and inference of 32 rows",
    "0.70 × PyTorch on a Xeon, where its convolutions of few channels took longer. Here products take 0.55 ms of 0.88 at the peak. The first layer has one channel: nine products an entry, so its gradient by weights runs at 45 % of the peak and its pass forward at 58 %; what is written besides, pooling and its choice among four, takes 0.13 ms.",
  ],
  [
    "10,000 classes, step",
    "1.17 × PyTorch at the 128-bit peak, and 1.05 to 1.1 on a Xeon: the rest is `exp` of 320,000 logits and a pass over them for the loss.",
  ],
  [
    "LSTM and GRU of 256, steps",
    "At the 128-bit peak 1.52 and 1.48 × PyTorch, where 1.5 is wanted. The products of the recurrence run at 92 to 99 %; the gates take 3 %, both ways, packing the weights at each place for the product that runs back 3 %.",
  ],
  [
    "LSTM and GRU of 64, steps",
    "0.59 × PyTorch at the 128-bit peak, 0.138 × jax-js (wanted: 0.7, 0.15). At the peak the products take 83 % of the step; five functions of the gates take 0.2 ms of 2.0, some 12 cycles a vector each, in two passes. One kernel for a step, the gates in the product's epilogue, takes a quarter longer than product and gates one after the other, which meet in the first cache: four gates of a unit, their weights and sums are more than 15 registers.",
  ],
  [
    "two threads against one, gpt",
    "1.76 by the least times of these rounds, and 1.76 to 1.87 when it was run alone; the median is of rounds in which the second core was at work for others.",
  ],
  [
    "products, alone and of transformers and attention",
    "By their least times all single products take 91 to 99 % of the peak; medians below are of rounds in which the machine was at work for others.",
  ],
  [
    "what a page loads",
    "The runtime has validation, patience, probes' joins and lists that go straight into the module since the target was set: 11.7 KB of the page; the digit network's module is 7.9 KB.",
  ],
  [
    "CSV and NPY, train: peak memory",
    "Reading alone takes 139 MB and 1.2 × the file. Most of what the command takes besides is Node with asc's compiler, which has made the module before the first row is read and is ended by then.",
  ],
];

export const reasonsText = reasons.map(([target, why]) => `- **${target}:** ${why}`).join("\n");
