/**
 * Where the time of a training step goes: each kernel of the digit network alone, beside the peak of the machine, with the bytes it touches and the
 * vectors that its innermost loops keep on the stack for want of registers.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "../../dist/compiler/assemble/assemble.js";
import { analyse } from "../../dist/compiler/compile.js";
import { lower } from "../../dist/compiler/passes/lower.js";
import { simplify } from "../../dist/compiler/passes/simplify.js";
import { formatOf } from "../../dist/compiler/render/format.js";
import { render } from "../../dist/compiler/render/render.js";
import { rowsOf } from "../../dist/compiler/schedule/any-size.js";
import type { Program } from "../../dist/compiler/schedule/kernel.js";
import { planKernels, type Plan } from "../../dist/compiler/schedule/plan.js";
import { predict } from "../../dist/compiler/schedule/predict.js";
import { schedule } from "../../dist/compiler/schedule/schedule.js";
import { FLOPS_A_LOOP, peakModule } from "../peak-module.ts";

const ROWS = 32;

export interface KernelTime {
  readonly kernel: string;
  readonly formula: string;
  readonly microseconds: number;
  readonly gigaflops: number;
  /** Of the peak measured in the same minute, and as `inspect --kernels` predicts it. */
  readonly share: number;
  readonly predicted: number;
  /** Bytes that it touches, in 10⁹ a second. */
  readonly gigabytes: number;
  /** Vectors that its innermost loops load from or store to the stack; undefined where the engine does not print its code. */
  readonly spills?: number;
}

export interface Profile {
  readonly simd: "strict" | "relaxed";
  /** In 10⁹ floating-point operations a second. */
  readonly peak: number;
  readonly kernels: readonly KernelTime[];
}

/** The least of many times, in milliseconds. */
function least(call: () => void, milliseconds: number): number {
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

export async function profile(simd: "strict" | "relaxed"): Promise<Profile> {
  const source = await readFile(new URL("../models/digits.nn", import.meta.url), "utf8");
  const { joint } = await analyse(source);
  const program = schedule(simplify(lower(joint)), { elementBytes: 4 });
  const plan = planKernels(program, { ...formatOf("f32"), fused: simd === "relaxed" });
  const text = render(program, plan, { dtype: "f32", simd, model: "Digits" });
  const { wasm } = await assemble(text.replaceAll(/^function (\w+)\(/gm, "export function $1("), {
    manifest: "{}",
    simd,
  });
  const peak = await peakOf(simd);
  const { instance } = await WebAssembly.instantiate(wasm);
  // All functions of the module are exported here.
  const exports = instance.exports as unknown as Exports;
  exports.reserve(ROWS);
  exports.initialize(1);
  const spills = await spillsOf(wasm);
  const kernels = callsOfStep(program, plan, exports).map(({ call, ...rest }) => {
    const milliseconds = least(call, 300);
    const { flops, bytes } = rest.prediction;
    const gigaflops = flops / milliseconds / 1e6;
    const own = spills?.get(exports[rest.kernel]?.name ?? "");
    return {
      kernel: rest.kernel,
      formula: rest.formula,
      microseconds: milliseconds * 1000,
      gigaflops,
      share: gigaflops / peak,
      predicted: rest.prediction.share,
      gigabytes: bytes / milliseconds / 1e6,
      ...(own === undefined ? {} : { spills: own }),
    };
  });
  return { simd, peak, kernels: kernels.toSorted((a, b) => b.microseconds - a.microseconds) };
}

type Exports = Readonly<Record<string, (...numbers: number[]) => number>> & {
  readonly arena: WebAssembly.Global<"i32">;
  readonly capacity: WebAssembly.Global<"i32">;
  readonly reserve: (rows: number) => number;
  readonly initialize: (seed: number) => void;
};

async function peakOf(simd: "strict" | "relaxed"): Promise<number> {
  const { instance } = await WebAssembly.instantiate(peakModule(simd === "relaxed"));
  // The module's one export.
  const run = instance.exports["run"] as (loops: number, a: number, b: number) => number;
  const loops = 2000;
  return (loops * FLOPS_A_LOOP) / least(() => run(loops, 0.5, 0.25), 500) / 1e6;
}

interface StepCall {
  readonly kernel: string;
  readonly formula: string;
  readonly prediction: ReturnType<typeof predict>;
  readonly call: () => void;
}

function callsOfStep(program: Program, plan: Plan, exports: Exports): StepCall[] {
  const base = exports.arena.value;
  const at = (size: { readonly constant: number; readonly perRow: number }): number =>
    (size.constant + size.perRow * ROWS) * 4;
  const step = program.entries.find(({ name }) => name === "step");
  return (step?.calls ?? []).flatMap((call) => {
    const { kernel: index, addresses } = call;
    const kernel = program.kernels[index];
    if (kernel === undefined) return [];
    const numbers = addresses.map(({ buffer, offset }) => {
      const place = program.arena.places[buffer];
      if (place === undefined || place.part === "table") throw new Error("the digit network has no tables");
      const start =
        place.part === "fixed" ? place.offset : program.arena.fixed + exports.capacity.value * place.offset;
      return base + start + at(offset);
    });
    const size = rowsOf(call, ROWS);
    const run = exports[kernel.name];
    if (run === undefined) throw new Error(`${kernel.name} is not exported`);
    return [
      {
        kernel: kernel.name,
        formula: kernel.formula,
        prediction: predict(kernel, plan.tilings[index] ?? null, size, plan.target),
        call: () => void run(...numbers, size, 0),
      },
    ];
  });
}

/** By the number of a function: accesses of the stack in its innermost loops that multiply. Undefined where node does not print code. */
async function spillsOf(wasm: Uint8Array): Promise<Map<string, number> | undefined> {
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
    const found = new Map<string, number>();
    for (const part of stdout.split(/^name: /m).slice(1)) {
      const name = /^wasm-function\[(\d+)\]/.exec(part)?.[1];
      if (name !== undefined) found.set(name, stackVectors(part));
    }
    return found;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Loops end with a jump back; an innermost one holds no other. */
function stackVectors(code: string): number {
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
  return innermost.reduce((sum, { start, end }) => {
    const body = lines.filter(({ at }) => at >= start && at <= end);
    const multiplies = body.filter(({ text }) => /^v(fmadd|mulps)/.test(text)).length;
    const stack = body.filter(({ text }) => /xmm/.test(text) && /\[r[bs]p[-+\]]/.test(text)).length;
    return sum + (multiplies >= 4 ? stack : 0);
  }, 0);
}
