/**
 * One training step (forward, backward, SGD) of 784-256-128-10 with sigmoid and cross-entropy at batch 32: nndsl and TensorFlow.js's WASM backend,
 * interleaved in one run, as medians and their ratio. `node training-step.js [--json]`
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { compile } from "../dist/compiler/index.js";
import { load } from "../dist/runtime/index.js";

const BATCH = 32;
const SIZES = [784, 256, 128, 10];
const LEARNING_RATE = 0.1;
const ROUNDS = 40;
const STEPS_A_ROUND = 8;

const require = createRequire(import.meta.url);
const pixels = Float32Array.from({ length: BATCH * 784 }, (_, i) => ((i * 7919) % 256) / 255);
const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);

async function nndslStep() {
  const source = readFileSync(new URL("./digits.nn", import.meta.url), "utf8");
  const { wasm } = await compile(source, { file: "digits.nn" });
  const net = await load(wasm, { seed: 1 });
  const batch = { x: pixels, y: labels };
  return { bytes: wasm.length, step: () => net.step(batch) };
}

async function tensorflowStep() {
  setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "wasm-out", "/"));
  await tf.setBackend("wasm");
  await tf.ready();
  const layers = SIZES.slice(1).map((units, i) => ({
    weight: tf.variable(tf.randomUniform([SIZES[i], units], -0.05, 0.05)),
    bias: tf.variable(tf.zeros([units])),
  }));
  const x = tf.tensor2d(pixels, [BATCH, 784]);
  const y = tf.oneHot(tf.tensor1d(labels, "int32"), 10);
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const loss = () => {
    let h = x;
    for (const [i, { weight, bias }] of layers.entries()) {
      h = tf.add(tf.matMul(h, weight), bias);
      if (i < layers.length - 1) h = tf.sigmoid(h);
    }
    return tf.mean(tf.neg(tf.sum(tf.mul(y, tf.logSoftmax(h)), -1)));
  };
  return {
    step: () => {
      const value = optimizer.minimize(loss, true);
      const number = value.dataSync()[0];
      value.dispose();
      return number;
    },
  };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function time(step) {
  const start = performance.now();
  for (let i = 0; i < STEPS_A_ROUND; i += 1) step();
  return (performance.now() - start) / STEPS_A_ROUND;
}

const contestants = { nndsl: await nndslStep(), "TensorFlow.js wasm": await tensorflowStep() };
const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (let round = 0; round < ROUNDS + 5; round += 1) {
  for (const [name, { step }] of Object.entries(contestants)) {
    const milliseconds = time(step);
    // The first rounds are spent in the engines' baseline compilers.
    if (round >= 5) times[name].push(milliseconds);
  }
}

const ours = median(times["nndsl"]);
const theirs = median(times["TensorFlow.js wasm"]);
const result = {
  workload: `training step (SGD) of ${SIZES.join("-")}, batch ${BATCH}`,
  milliseconds: { nndsl: ours, "TensorFlow.js wasm": theirs },
  ratio: ours / theirs,
};
if (process.argv.includes("--json")) console.log(JSON.stringify(result));
else {
  console.log(result.workload);
  console.log(`  nndsl                ${ours.toFixed(3)} ms`);
  console.log(`  TensorFlow.js wasm   ${theirs.toFixed(3)} ms`);
  console.log(`  ratio                ${result.ratio.toFixed(3)}`);
}
process.exit(0);
