/**
 * Programs made by hand: kernels on buffers of their own, run once by `predict` of one compiled
 * module.
 */
import { type Effort, runAsc } from "../../compiler/assemble/asc.ts";
import type { ElementType } from "../../compiler/ir/node.ts";
import { affine, fixed, type Affine } from "../../compiler/ir/size.ts";
import { formatOf } from "../../compiler/render/format.ts";
import { render } from "../../compiler/render/render.ts";
import { planKernels } from "../../compiler/schedule/plan.ts";
import { Interpreter } from "./interpret.ts";
import type { Buffer, Kernel, Operand, Place, KernelProgram } from "../../compiler/schedule/kernel.ts";

export interface Bench {
  readonly kernel: Kernel;
  /**
   * What each operand's buffer holds before, `write` operands included; its view begins at `offset`
   * elements.
   */
  readonly data: readonly (readonly number[])[];
  readonly offsets?: readonly number[];
}

export interface RunOptions {
  readonly dtype?: "f32" | "f64";
  readonly simd?: "strict" | "relaxed";
  readonly rows?: number;
  readonly seed?: number;
  readonly step?: number;
}

/**
 * A program of the benches' kernels; every buffer lies in the fixed part. Buffer 0 is the step
 * number.
 */
export function programOf(benches: readonly Bench[], bytes: number): KernelProgram {
  const buffers: Buffer[] = [{ id: 0, name: "step", size: fixed(1), role: { kind: "step" } }];
  const places: Place[] = [{ part: "fixed", offset: 0 }];
  let end = 16;
  const calls = benches.map(({ kernel, data, offsets }, k) => ({
    kernel: k,
    addresses: kernel.operands.map((operand, i) => {
      const id = buffers.length;
      buffers.push({
        id,
        name: operand.name,
        size: fixed(data[i]!.length),
        role: { kind: "temporary", because: "a test" },
      });
      places.push({ part: "fixed", offset: end });
      end += Math.ceil((data[i]!.length * bytes) / 16) * 16;
      return { buffer: id, offset: affine(offsets?.[i] ?? 0) };
    }),
  }));
  return {
    kernels: benches.map((b) => b.kernel),
    buffers,
    entries: [
      { name: "initialize", calls: [], loops: [] },
      { name: "predict", calls, loops: [] },
    ],
    arena: { places, fixed: end, perRow: 0, tables: 0 },
  };
}

export interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  readonly arena: WebAssembly.Global;
  readonly capacity: WebAssembly.Global;
  readonly seed: WebAssembly.Global;
  readonly predict: (rows: number) => void;
  readonly initialize: (seed: number) => void;
  readonly reserve: (rows: number) => number;
  readonly shuffle: (address: number, count: number, seed: number, epoch: number) => void;
}

export async function instantiate(
  source: string,
  relaxed = false,
  effort: Effort = "most",
): Promise<ModuleExports> {
  const { wasm } = await runAsc({ source, relaxed, text: false, effort });
  const { instance } = await WebAssembly.instantiate(wasm.slice().buffer, {});
  // The interface of docs/abi.md, which `render` promises.
  return instance.exports as unknown as ModuleExports;
}

/**
 * Compiles the benches into one module; the function it resolves to runs them and gives what each
 * one's operands hold afterwards.
 */
export async function prepare(
  benches: readonly Bench[],
  { dtype = "f32", simd = "strict" }: Pick<RunOptions, "dtype" | "simd"> = {},
): Promise<(options?: RunOptions) => number[][][]> {
  const bytes = dtype === "f32" ? 4 : 8;
  const program = programOf(benches, bytes);
  const isRelaxed = simd === "relaxed";
  const plan = planKernels(program, { ...formatOf(dtype), fused: isRelaxed });
  const module = await instantiate(render(program, plan, { dtype, simd, model: "test" }), isRelaxed);
  const base = Number(module.arena.value);
  const view = (offset: number, length: number): Float32Array | Float64Array =>
    dtype === "f32"
      ? new Float32Array(module.memory.buffer, base + offset, length)
      : new Float64Array(module.memory.buffer, base + offset, length);
  const [, predict] = program.entries;
  const placed = benches.map(({ data }, k) =>
    data.map((values, i) => {
      const { buffer } = predict!.calls[k]!.addresses[i]!;
      return { offset: program.arena.places[buffer]!.offset, values };
    }),
  );
  return ({ rows = 1, seed = 0, step = 0 } = {}) => {
    module.reserve(rows);
    module.initialize(seed);
    // The exact number, behind the one that formulas read.
    new Float64Array(module.memory.buffer, base + 8, 1)[0] = step;
    for (const list of placed) for (const { offset, values } of list) view(offset, values.length).set(values);
    module.predict(rows);
    return placed.map((list) => list.map(({ offset, values }) => [...view(offset, values.length)]));
  };
}

/** What each bench's operands hold after one run. */
export async function run(benches: readonly Bench[], options: RunOptions = {}): Promise<number[][][]> {
  return (await prepare(benches, options))(options);
}

export const operand = (
  name: string,
  access: "read" | "write",
  strides: readonly (number | Affine)[],
  type: ElementType = "float",
): Operand => ({ name, access, type, strides: strides.map((s) => (typeof s === "number" ? affine(s) : s)) });

/** What the scheduler's interpreter, in f64, leaves in each bench's operands. */
export function interpretBenches(
  benches: readonly Bench[],
  { rows = 1, seed = 0, step = 0 }: RunOptions = {},
): number[][][] {
  const program = programOf(benches, 8);
  const interpreter = new Interpreter(program, rows, seed);
  interpreter.view(program.buffers[0]!)[0] = step;
  const buffers = program.entries[1]!.calls.map((call) =>
    call.addresses.map((a) => program.buffers[a.buffer]!),
  );
  benches.forEach(({ data }, k) =>
    data.forEach((values, i) => interpreter.view(buffers[k]![i]!).set(values)),
  );
  interpreter.run("predict");
  return buffers.map((list) => list.map((buffer) => [...interpreter.view(buffer)]));
}
