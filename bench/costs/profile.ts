/**
 * Where the time of training steps goes, and of products: each kernel alone, beside the peak of the machine, in cycles, with the bytes it touches, and
 * what the engine has made of its loops: how many instructions they take, and which vectors are on the stack for want of registers.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "../../dist/compiler/assemble/assemble.js";
import { analyse } from "../../dist/compiler/compile.js";
import { sizeAt } from "../../dist/compiler/ir/size.js";
import { lower } from "../../dist/compiler/passes/lower.js";
import { simplify } from "../../dist/compiler/passes/simplify.js";
import { formatOf } from "../../dist/compiler/render/format.js";
import { render } from "../../dist/compiler/render/render.js";
import { rowsOf } from "../../dist/compiler/schedule/any-size.js";
import type { Program } from "../../dist/compiler/schedule/kernel.js";
import { planKernels, type Plan } from "../../dist/compiler/schedule/plan.js";
import { predict } from "../../dist/compiler/schedule/predict.js";
import { schedule } from "../../dist/compiler/schedule/schedule.js";
import { productForms } from "../job.ts";
import { products } from "../workloads.ts";
import { clockModule, CYCLES_A_LOOP } from "../clock-module.ts";
import { FLOPS_A_LOOP, peakModule } from "../peak-module.ts";

const ROWS = 32;

export interface KernelTime {
  readonly kernel: string;
  readonly formula: string;
  readonly microseconds: number;
  /** Of a product, its multiplications and additions; of another kernel, all its operations. */
  readonly gigaflops: number;
  /** Of the peak measured in the same minute, and as `inspect --kernels` predicts it. */
  readonly share: number;
  readonly predicted: number;
  /** Bytes that it touches, in 10⁹ a second. */
  readonly gigabytes: number;
  /** Of a product, for each multiplication of two vectors. */
  readonly cycles?: number;
  /** Undefined where the engine does not print its code. */
  readonly code?: LoopCode;
  /** Whether threads divide it among them. */
  readonly divided: boolean;
}

/** What the engine has made of a kernel's innermost loops. */
interface LoopCode {
  /** Vectors that they load from or store to the stack. */
  readonly spills: number;
  /** For each multiplication of two vectors, in the loop that takes the fewest: that of the largest tile. */
  readonly instructions: number;
}

type Simd = "strict" | "relaxed";

export interface Profile {
  /** What its kernels are of. */
  readonly title: string;
  readonly simd: Simd;
  /** In 10⁹ cycles a second. */
  readonly clock: number;
  /** In 10⁹ floating-point operations a second. */
  readonly peak: number;
  readonly kernels: readonly KernelTime[];
}

/** The least of many times, in milliseconds. */
export function least(call: () => void, milliseconds: number): number {
  const begin = performance.now();
  let calls = 0;
  while (performance.now() - begin < milliseconds / 4) {
    call();
    calls++;
  }
  const some = Math.max(1, Math.round(calls / 20));
  let best = Infinity;
  while (performance.now() - begin < milliseconds) {
    const start = performance.now();
    for (let i = 0; i < some; i++) call();
    best = Math.min(best, (performance.now() - start) / some);
  }
  return best;
}

/** Those of the steps and products among the targets. */
export const profiles = async (): Promise<Profile[]> => [
  await stepProfile("SGD", "digits.nn", "strict"),
  await stepProfile("SGD", "digits.nn", "relaxed"),
  await stepProfile("Adam", "digits-adam.nn", "strict"),
  await productsProfile("strict"),
  await productsProfile("relaxed"),
];

async function stepProfile(optimizer: string, model: string, simd: Simd): Promise<Profile> {
  const source = await readFile(new URL(`../models/${model}`, import.meta.url), "utf8");
  const speeds = await speedsOf(simd);
  const kernels = await timesOf(source, "step", ROWS, simd, speeds);
  const title = `Kernels of a step (${optimizer}), batch ${ROWS}`;
  return { title, simd, ...speeds, kernels: kernels.toSorted((a, b) => b.microseconds - a.microseconds) };
}

async function productsProfile(simd: Simd): Promise<Profile> {
  const speeds = await speedsOf(simd);
  const kernels: KernelTime[] = [];
  for (const form of productForms) {
    for (const n of [128, 256, 512]) {
      const times = await timesOf(products[form](n), "predict", n, simd, speeds);
      kernels.push(...times.map((time) => ({ ...time, kernel: `${form}, ${n}³` })));
    }
  }
  return { title: "Products", simd, ...speeds, kernels };
}

interface Speeds {
  readonly peak: number;
  readonly clock: number;
}

export const speedsOf = async (simd: Simd): Promise<Speeds> => ({
  peak: await peakOf(simd),
  clock: await clockOf(),
});

/** Of the kernels of an entry, in its order, each alone. */
export async function timesOf(
  source: string,
  entry: "step" | "predict",
  rows: number,
  simd: Simd,
  { peak, clock }: Speeds,
): Promise<KernelTime[]> {
  const { joint } = await analyse(source);
  const program = schedule(simplify(lower(joint)), { elementBytes: 4 });
  const plan = planKernels(program, { ...formatOf("f32"), fused: simd === "relaxed" });
  const text = render(program, plan, { dtype: "f32", simd, model: "Digits" });
  const { wasm } = await assemble(text.replaceAll(/^function (\w+)\(/gm, "export function $1("), {
    manifest: "{}",
    simd,
  });
  const { instance } = await WebAssembly.instantiate(wasm);
  // All functions of the module are exported here.
  const exports = instance.exports as unknown as Exports;
  exports.reserve(rows);
  exports.initialize(1);
  const codes = await codesOf(wasm);
  return callsOf(program, plan, exports, entry, rows).map(({ call, ...rest }) => {
    const milliseconds = least(call, 1000);
    const { flops, bytes, share } = rest.prediction;
    const counted = rest.productFlops ?? flops;
    const gigaflops = counted / milliseconds / 1e6;
    const code = codes?.get(exports[rest.kernel]?.name ?? "");
    return {
      kernel: rest.kernel,
      formula: rest.formula,
      microseconds: milliseconds * 1000,
      gigaflops,
      share: gigaflops / peak,
      predicted: (share * counted) / flops,
      gigabytes: bytes / milliseconds / 1e6,
      ...(rest.productFlops !== undefined && {
        cycles: (milliseconds * 1e6 * clock) / (rest.productFlops / 2 / plan.target.lanes),
      }),
      ...(code && { code }),
      divided: rest.divided,
    };
  });
}

type Exports = Readonly<Record<string, (...numbers: number[]) => number>> & {
  readonly arena: WebAssembly.Global<"i32">;
  readonly capacity: WebAssembly.Global<"i32">;
  readonly reserve: (rows: number) => number;
  readonly initialize: (seed: number) => void;
};

/** The clock of the processor, whatever it says of itself. */
async function clockOf(): Promise<number> {
  const { instance } = await WebAssembly.instantiate(clockModule());
  // The module's one export.
  const run = instance.exports["run"] as (loops: number, a: number) => number;
  const loops = 2000;
  return (loops * CYCLES_A_LOOP) / least(() => run(loops, 3), 200) / 1e6;
}

async function peakOf(simd: Simd): Promise<number> {
  const { instance } = await WebAssembly.instantiate(peakModule(simd === "relaxed"));
  // The module's one export.
  const run = instance.exports["run"] as (loops: number, a: number, b: number) => number;
  const loops = 2000;
  return (loops * FLOPS_A_LOOP) / least(() => run(loops, 0.5, 0.25), 500) / 1e6;
}

interface EntryCall {
  readonly kernel: string;
  readonly formula: string;
  readonly prediction: ReturnType<typeof predict>;
  /** Multiplications and additions of a product. */
  readonly productFlops?: number;
  readonly divided: boolean;
  readonly call: () => void;
}

function callsOf(
  program: Program,
  plan: Plan,
  exports: Exports,
  entryName: "step" | "predict",
  rows: number,
): EntryCall[] {
  const base = exports.arena.value;
  const at = (size: { readonly constant: number; readonly perRow: number }): number =>
    (size.constant + size.perRow * rows) * 4;
  const entry = program.entries.find(({ name }) => name === entryName);
  return (entry?.calls ?? []).flatMap((call) => {
    const { kernel: index, addresses } = call;
    const kernel = program.kernels[index];
    if (kernel === undefined) return [];
    const numbers = addresses.map(({ buffer, offset }) => {
      const place = program.arena.places[buffer];
      if (place === undefined || place.part === "table") throw new Error("tables have no place");
      const start =
        place.part === "fixed" ? place.offset : program.arena.fixed + exports.capacity.value * place.offset;
      return base + start + at(offset);
    });
    const size = rowsOf(call, rows);
    const run = exports[kernel.name];
    if (run === undefined) throw new Error(`${kernel.name} is not exported`);
    return [
      {
        kernel: kernel.name,
        formula: kernel.formula,
        ...(kernel.kind === "product" && {
          productFlops: 2 * [...kernel.loops, kernel.depth].reduce((n, loop) => n * sizeAt(loop, size), 1),
        }),
        divided: plan.sharing.splits[index] !== null,
        prediction: predict(kernel, plan.tilings[index] ?? null, size, plan.target),
        call: () => void run(...numbers, size, 0),
      },
    ];
  });
}

/** By the number of a function. Undefined where node does not print code. */
async function codesOf(wasm: Uint8Array): Promise<Map<string, LoopCode> | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "nndsl-profile-"));
  try {
    const file = join(folder, "module.wasm");
    await writeFile(file, wasm);
    const script = `const m = new WebAssembly.Module(require("node:fs").readFileSync(${JSON.stringify(file)})); new WebAssembly.Instance(m);`;
    const flags = ["--print-wasm-code", "--no-liftoff", "--no-wasm-lazy-compilation"];
    const { stdout, status } = spawnSync(process.execPath, [...flags, "-e", script], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0 || !/vmulps|vfmadd|fmla|mulps/.test(stdout)) return undefined;
    const found = new Map<string, LoopCode>();
    for (const part of stdout.split(/^name: /m).slice(1)) {
      const name = /^wasm-function\[(\d+)\]/.exec(part)?.[1];
      const code = loopCode(part);
      if (name !== undefined && code !== undefined) found.set(name, code);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Loops end with a jump back; an innermost one holds no other. Undefined where none multiplies vectors. */
function loopCode(code: string): LoopCode | undefined {
  const lines = [...code.matchAll(/^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(.*)$/gm)].map((match) => ({
    at: parseInt(match[1] ?? "", 16),
    text: match[2] ?? "",
  }));
  const loops = lines.flatMap(({ at, text }) => {
    const target = /^j\w+ .*<\+0x([0-9a-f]+)>/.exec(text)?.[1];
    const start = target === undefined ? NaN : parseInt(target, 16);
    return start <= at ? [{ start, end: at }] : [];
  });
  const innermost = loops.filter(
    (loop) => !loops.some((other) => other !== loop && other.start >= loop.start && other.end <= loop.end),
  );
  const counts = innermost.flatMap(({ start, end }) => {
    const body = lines.filter(({ at }) => at >= start && at <= end);
    const multiplications = body.filter(({ text }) => /^v(fmadd|mulps)/.test(text)).length;
    const stack = body.filter(({ text }) => /xmm/.test(text) && /\[r[bs]p[-+\]]/.test(text)).length;
    return multiplications >= 4 ? [{ stack, instructions: body.length / multiplications }] : [];
  });
  if (counts.length === 0) return undefined;
  return {
    spills: counts.reduce((sum, { stack }) => sum + stack, 0),
    instructions: Math.min(...counts.map(({ instructions }) => instructions)),
  };
}
