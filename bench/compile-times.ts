/**
 * How long programs of several kinds take to compile, and how much memory: `node
 * bench/compile-times.ts [NAME…]`, after `npm run build`. Each is compiled five times in a process
 * of its own that has compiled before; the table shows medians of the processor's time, which
 * others at work on the machine disturb less than the clock's, and the largest memory. The heap grows
 * as the command has it.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { analyze, compile } from "../dist/compiler/index.js";
import { runPasses } from "../dist/compiler/passes/pipeline.js";
import { formatOf } from "../dist/compiler/render/format.js";
import { render } from "../dist/compiler/render/render.js";
import { planKernels } from "../dist/compiler/schedule/plan.js";
import { schedule } from "../dist/compiler/schedule/schedule.js";
import { verifyProgram } from "../dist/compiler/schedule/verify-program.js";
import { median } from "./results.ts";

const TIMES = 5;

/** A program; where `text` says so, as far as its AssemblyScript, without what asc takes for it. */
interface Subject {
  readonly title: string;
  readonly source: string;
  readonly text?: true;
  /** The arena's size that has to do for a batch of 32. */
  readonly bytes?: number;
}

const digits = readFileSync(new URL("models/digits.nn", import.meta.url), "utf8");

const dense = (layers: number, width: string): string => `model Dense {
  input x: [N, 16]
  target y: [N, 1]
  h = x
  for i in 0..${layers} { h = dense(h, ${width}, tanh) }
  z = dense(h, 1)
  output z
  loss mse(z, y)
  optimizer sgd(lr = 0.1)
}`;

const lstm = (steps: number): string => `model Lstm {
  input x: [N, ${steps}, 16]
  target y: [N, 32]
  param w: [16, 128] ~ xavier_uniform
  param u: [32, 128] ~ xavier_uniform
  param b: [128] ~ zeros
  h = zeros([1, 32])
  c = zeros([1, 32])
  for t in 0..${steps} {
    z = x[:, t] @ w + h @ u + b
    c = sigmoid(z[:, 32:64]) * c + sigmoid(z[:, 0:32]) * tanh(z[:, 64:96])
    h = sigmoid(z[:, 96:128]) * tanh(c)
  }
  output h
  loss mse(h, y)
  optimizer adam
}`;

const jacobian = `model Jacobian {
  input x: [N, 1]
  param p: [16] ~ normal(0, 1)
  param w: [1024, 16] ~ xavier_uniform
  output j = jacobian(tanh(w @ p), p)
  loss mean(j^2) + mean(x)
  optimizer sgd(lr = 0.1)
}`;

/** About as many operations, written out: nine of each line, those of the gradient included. */
function written(operations: number): string {
  const lines = Math.floor(operations / 9.1);
  const line = (i: number): string => `  h${i + 1} = tanh(h${i} * w + x)`;
  return `model Written {
  input x: [N, 8]
  param w: [8] ~ normal(0, 1)
  h0 = x
${Array.from({ length: lines }, (_, i) => line(i)).join("\n")}
  output h${lines}
  loss mean(h${lines}^2)
  optimizer sgd(lr = 0.1)
}`;
}

const subjects: Readonly<Record<string, Subject>> = {
  digits: { title: "the digit network", source: digits },
  equal: { title: "400 equal dense layers", source: dense(400, "16") },
  different: { title: "100 different dense layers", source: dense(100, "16 + i") },
  "different-250": { title: "250 different dense layers", source: dense(250, "16 + i") },
  lstm: { title: "an LSTM over 100 steps", source: lstm(100) },
  "lstm-200": { title: "an LSTM over 200 steps", source: lstm(200) },
  jacobian: { title: "a Jacobian of 1,024 rows, without asc", source: jacobian, text: true },
  tight: {
    title: "400 equal dense layers in 1.1 MB, without asc",
    source: dense(400, "16"),
    text: true,
    bytes: 1_100_000,
  },
  "operations-5000": { title: "5,000 operations, without asc", source: written(5000), text: true },
  "operations-50000": { title: "50,000 operations, without asc", source: written(50_000), text: true },
};

async function textOf(source: string, bytes: number | undefined): Promise<string> {
  const { joint } = await analyze(source);
  const program = schedule(runPasses(joint, "lower", "simplify-lowered"), {
    elementBytes: 4,
    ...(bytes === undefined ? {} : { memory: { bytes, rows: 32 } }),
  });
  verifyProgram(program, 4);
  const plan = planKernels(program, { ...formatOf("f32"), fused: false });
  return render(program, plan, { dtype: "f32", simd: "strict", model: joint.name });
}

/** Seconds of all threads, once each time, and the process's largest memory in MB. */
interface Costs {
  readonly seconds: readonly number[];
  readonly megabytes: number;
}

async function measure({ source, text, bytes }: Subject): Promise<Costs> {
  const once = async (): Promise<void> => void (await (text ? textOf(source, bytes) : compile(source)));
  await (text ? textOf(digits, undefined) : compile(digits));
  const seconds: number[] = [];
  let megabytes = 0;
  for (let i = 0; i < TIMES; i++) {
    const before = process.cpuUsage();
    await once();
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
    // Of the first alone: garbage of others is none of its business.
    if (i === 0) megabytes = process.resourceUsage().maxRSS / 1024;
  }
  return { seconds, megabytes };
}

const [first, ...others] = process.argv.slice(2);
if (first === "--measure") {
  process.stdout.write(JSON.stringify(await measure(subjects[others[0] ?? ""]!)));
  process.exit();
}
const heap = new URL("../cli/heap.ts", import.meta.url).href;
const wanted = first === undefined ? Object.keys(subjects) : [first, ...others];
for (const name of wanted) {
  const subject = subjects[name];
  if (subject === undefined) throw new Error(`no ${name}; there are ${Object.keys(subjects).join(", ")}`);
  const script = fileURLToPath(import.meta.url);
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", heap, script, "--measure", name], {
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(stderr);
  // What `measure` wrote just now.
  const { seconds, megabytes } = JSON.parse(stdout) as Costs;
  console.log(
    `${subject.title.padEnd(46)} ${median(seconds).toFixed(2).padStart(7)} s ${megabytes.toFixed(0).padStart(5)} MB`,
  );
}
