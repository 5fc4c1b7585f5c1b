/** The kernels of a program's entry, compiled so that each can be called alone. */
import { assemble } from "../../dist/compiler/assemble/assemble.js";
import { analyze } from "../../dist/compiler/index.js";
import { affineAt, sizeAt, type Affine } from "../../dist/compiler/ir/size.js";
import type { Model } from "../../dist/compiler/graph/model.js";
import { runPasses } from "../../dist/compiler/passes/pipeline.js";
import { formatOf } from "../../dist/compiler/render/format.js";
import { render } from "../../dist/compiler/render/render.js";
import { rowsOf } from "../../dist/compiler/schedule/any-size.js";
import { callTree, inRounds } from "../../dist/compiler/schedule/call-tree.js";
import {
  countsStep,
  type KernelCall,
  type Product,
  type KernelProgram,
} from "../../dist/compiler/schedule/kernel.js";
import { planKernels, type Plan } from "../../dist/compiler/schedule/plan.js";
import { predict } from "../../dist/compiler/schedule/predict.js";
import { schedule } from "../../dist/compiler/schedule/schedule.js";
import { labels, uniform } from "../data.ts";

export type Simd = "strict" | "relaxed";

type Settings = Readonly<Record<string, number>>;

async function planned(
  source: string,
  settings: Settings,
  simd: Simd,
): Promise<{ model: Model; program: KernelProgram; plan: Plan }> {
  const { joint } = await analyze(source, { settings });
  const model = runPasses(joint, "lower", "simplify-lowered");
  const program = schedule(model, { elementBytes: 4 });
  return { model, program, plan: planKernels(program, { ...formatOf("f32"), fused: simd === "relaxed" }) };
}

/** As often as they are made; those of loops all at the first place. */
function callsOfEntry(program: KernelProgram, name: "step" | "predict"): readonly KernelCall[] {
  const entry = program.entries.find((entry) => entry.name === name);
  return entry === undefined ? [] : inRounds(callTree(entry), Infinity).map((call) => entry.calls[call]!);
}

/** Multiplications and additions of a product, called with so many rows. */
const flopsOfProduct = ({ loops, depth }: Product, rows: number): number =>
  2 * [...loops, depth].reduce((n, loop) => n * sizeAt(loop, rows), 1);

/** Multiplications and additions of all products of an entry, for a batch of so many rows. */
export async function productFlopsOf(
  source: string,
  settings: Settings,
  entry: "step" | "predict",
  rows: number,
): Promise<number> {
  const { program } = await planned(source, settings, "strict");
  return callsOfEntry(program, entry).reduce((sum, call) => {
    const kernel = program.kernels[call.kernel];
    return kernel?.kind === "product" ? sum + flopsOfProduct(kernel, rowsOf(call, rows)) : sum;
  }, 0);
}

/** The calls of an entry in their order, in a module with room for so many rows. */
export async function kernelCalls(
  source: string,
  entry: "step" | "predict",
  rows: number,
  simd: Simd,
  settings: Settings = {},
): Promise<{ readonly wasm: Uint8Array; readonly calls: readonly EntryCall[]; readonly lanes: number }> {
  const { model, program, plan } = await planned(source, settings, simd);
  const text = render(program, plan, { dtype: "f32", simd, model: "Kernels" });
  const { wasm } = await assemble(text.replaceAll(/^function (\w+)\(/gm, "export function $1("), {
    manifest: "{}",
    simd,
  });
  const { instance } = await WebAssembly.instantiate(wasm);
  // All functions of the module are exported here.
  const exports = instance.exports as unknown as Exports;
  exports.reserve(rows);
  exports.initialize(1);
  const places = placesIn(program, exports, rows);
  for (const { name, type, labels: range } of model.inputs) {
    const buffer = program.buffers.findIndex(({ role }) => role.kind === "input" && role.name === name);
    if (buffer < 0) continue;
    const { start, entries } = places(buffer);
    const numbers = type === "int" ? labels(entries, (range?.most ?? 0) + 1, 2) : uniform(entries, -1, 1, 1);
    // Labels ride as floats too.
    new Float32Array(exports.memory.buffer, start, entries).set(numbers);
  }
  // So that kernels meet numbers of the usual size.
  exports[entry]?.(rows);
  return { wasm, calls: callsOf(program, plan, exports, entry, rows), lanes: plan.target.lanes };
}

/** Where a buffer begins in the module's memory, and how many entries it has. */
type Places = (buffer: number) => { readonly start: number; readonly entries: number };

const placesIn =
  (program: KernelProgram, exports: Exports, rows: number): Places =>
  (buffer) => {
    const place = program.arena.places[buffer];
    const size = program.buffers[buffer]?.size;
    if (place === undefined || size === undefined || place.part === "table")
      throw new Error("tables have no place");
    const offset =
      place.part === "fixed" ? place.offset : program.arena.fixed + exports.capacity.value * place.offset;
    return { start: exports.arena.value + offset, entries: sizeAt(size, rows) };
  };

type Exports = Readonly<Record<string, (...numbers: number[]) => number>> & {
  readonly memory: WebAssembly.Memory;
  readonly arena: WebAssembly.Global<"i32">;
  readonly capacity: WebAssembly.Global<"i32">;
  readonly reserve: (rows: number) => number;
  readonly initialize: (seed: number) => void;
};

/** One kernel as an entry calls it. */
export interface EntryCall {
  readonly kernel: string;
  /** Of its function in the module, as engines name those that are exported. */
  readonly number: string;
  readonly prediction: ReturnType<typeof predict>;
  /** Multiplications and additions of a product, and the shortest of its rows, columns and depth. */
  readonly product?: { readonly flops: number; readonly shortest: number };
  /** Whether threads divide it among them. */
  readonly divided: boolean;
  readonly call: () => void;
  /**
   * Brings what it writes back to what it was: kernels that work in place and are called again and
   * again arrive at numbers that processors are slow with.
   */
  readonly restore: () => void;
}

function callsOf(
  program: KernelProgram,
  plan: Plan,
  exports: Exports,
  entryName: "step" | "predict",
  rows: number,
): EntryCall[] {
  const places = placesIn(program, exports, rows);
  const at = (offset: Affine): number => affineAt(offset, rows) * 4;
  return callsOfEntry(program, entryName).flatMap((call) => {
    const { kernel: index, addresses } = call;
    const kernel = program.kernels[index];
    if (kernel === undefined || countsStep(program, call)) return [];
    const numbers = addresses.map(({ buffer, offset }) => places(buffer).start + at(offset));
    const size = rowsOf(call, rows);
    const run = exports[kernel.name];
    if (run === undefined) throw new Error(`${kernel.name} is not exported`);
    return [
      {
        kernel: kernel.name,
        number: run.name,
        ...(kernel.kind === "product" && {
          product: {
            flops: flopsOfProduct(kernel, size),
            shortest: Math.min(
              ...[...kernel.loops.slice(-2), kernel.depth].map((loop) => sizeAt(loop, size)),
            ),
          },
        }),
        divided: plan.sharing.splits[index] !== null,
        prediction: predict(kernel, plan.kernels[index]!, size, plan.target),
        call: () => void run(...numbers, size, 0),
        restore: restorer(
          exports.memory,
          addresses.flatMap(({ buffer }, i) =>
            kernel.operands[i]?.access === "write" ? [places(buffer)] : [],
          ),
        ),
      },
    ];
  });
}

function restorer(memory: WebAssembly.Memory, written: readonly ReturnType<Places>[]): () => void {
  const kept = written.map(({ start, entries }) => {
    const bytes = new Uint8Array(memory.buffer, start, 4 * entries);
    return { bytes, before: bytes.slice() };
  });
  return () => {
    for (const { bytes, before } of kept) bytes.set(before);
  };
}
