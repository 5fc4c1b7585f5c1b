/**
 * Where the time of training steps goes, and of products: each kernel alone, beside the peak of the
 * machine, in cycles, with the bytes it touches, and what the engine has made of its loops: how
 * many instructions they take, and which vectors are on the stack for want of registers.
 */
import { productForms } from "../job.ts";
import { modelSource } from "../models.ts";
import { profiled } from "../program-workloads.ts";
import type { OfProgram } from "../programs.ts";
import { products } from "../workloads.ts";
import { kernelCalls, type Simd } from "./kernel-calls.ts";
import { least } from "./least.ts";
import { codesOf, type LoopCode } from "./machine-code.ts";
import { speedsOf, type Speeds } from "./speeds.ts";

const ROWS = 32;

export interface KernelTime {
  readonly kernel: string;
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
  /** Of a product, the shortest of its rows, columns and depth. */
  readonly shortest?: number;
  /** Undefined where the engine does not print its code. */
  readonly code?: LoopCode;
}

export interface Profile extends Speeds {
  readonly id: string;
  /** What its kernels are of. */
  readonly title: string;
  readonly simd: Simd;
  readonly kernels: readonly KernelTime[];
}

/** Those of the steps and products among the targets. @param milliseconds for each kernel */
export const profiles = async (milliseconds: number): Promise<Profile[]> => [
  await stepProfile("SGD", "digits", "strict", milliseconds),
  await stepProfile("SGD", "digits", "relaxed", milliseconds),
  await stepProfile("Adam", "digits-adam", "strict", milliseconds),
  await productsProfile("strict", milliseconds),
  await productsProfile("relaxed", milliseconds),
];

/** Other programs, whose products have many shapes. @param milliseconds for each kernel */
export async function programProfiles(milliseconds: number): Promise<Profile[]> {
  const found: Profile[] = [];
  for (const { id, title, of } of profiled) {
    const source = await modelSource(of.program);
    for (const simd of ["strict", "relaxed"] as const) {
      const speeds = await speedsOf(simd);
      const kernels = await timesOf(source, of.mode, of.rows, simd, speeds, milliseconds, of.settings);
      found.push({ id, title: `Kernels of ${title}`, simd, ...speeds, kernels: byTime(joined(kernels)) });
    }
  }
  return found;
}

/** The calls of one kernel as one line, `KERNEL × CALLS`, with the time of all and the mean rate. */
function joined(times: readonly KernelTime[]): KernelTime[] {
  const kernels = [...new Set(times.map(({ kernel }) => kernel))];
  return kernels.map((kernel) => {
    const each = times.filter((time) => time.kernel === kernel);
    const [first] = each;
    const microseconds = each.reduce((sum, call) => sum + call.microseconds, 0);
    const mean = (rate: (call: KernelTime) => number): number =>
      each.reduce((sum, call) => sum + rate(call) * call.microseconds, 0) / microseconds;
    return {
      // Its name came from one of them.
      ...first!,
      kernel: each.length === 1 ? kernel : `${kernel} × ${each.length}`,
      microseconds,
      gigaflops: mean((call) => call.gigaflops),
      share: mean((call) => call.share),
      gigabytes: mean((call) => call.gigabytes),
      ...(first!.cycles !== undefined && { cycles: mean((call) => call.cycles ?? NaN) }),
    };
  });
}

const byTime = (kernels: readonly KernelTime[]): KernelTime[] =>
  kernels.toSorted((a, b) => b.microseconds - a.microseconds);

async function stepProfile(
  optimizer: string,
  model: string,
  simd: Simd,
  milliseconds: number,
): Promise<Profile> {
  const source = await modelSource(model);
  const speeds = await speedsOf(simd);
  const kernels = await timesOf(source, "step", ROWS, simd, speeds, milliseconds);
  const title = `Kernels of a step (${optimizer}), batch ${ROWS}`;
  return { id: "digits", title, simd, ...speeds, kernels: byTime(kernels) };
}

async function productsProfile(simd: Simd, milliseconds: number): Promise<Profile> {
  const speeds = await speedsOf(simd);
  const kernels: KernelTime[] = [];
  for (const form of productForms) {
    for (const n of [128, 256, 512]) {
      const times = await timesOf(products[form](n), "predict", n, simd, speeds, milliseconds);
      kernels.push(...times.map((time) => ({ ...time, kernel: `${form}, ${n}³` })));
    }
  }
  return { id: "products", title: "Products", simd, ...speeds, kernels };
}

/** Of the kernels of an entry, in its order, each alone. @param milliseconds for each */
async function timesOf(
  source: string,
  entry: "step" | "predict",
  rows: number,
  simd: Simd,
  { peak, clock }: Speeds,
  milliseconds: number,
  settings: OfProgram["settings"] = {},
): Promise<KernelTime[]> {
  const { wasm, calls, lanes } = await kernelCalls(source, entry, rows, simd, settings);
  const codes = await codesOf(wasm);
  return calls.map(({ kernel, number, prediction, product, call, restore }) => {
    const time = least(call, milliseconds, restore);
    const { flops, bytes, share } = prediction;
    const counted = product?.flops ?? flops;
    const gigaflops = counted / time / 1e6;
    const code = codes?.get(number);
    return {
      kernel,
      microseconds: time * 1000,
      gigaflops,
      share: gigaflops / peak,
      predicted: (share * counted) / flops,
      gigabytes: bytes / time / 1e6,
      ...(product && {
        cycles: (time * 1e6 * clock) / (product.flops / 2 / lanes),
        shortest: product.shortest,
      }),
      ...(code && { code }),
    };
  });
}
