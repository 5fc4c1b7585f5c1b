/**
 * Runs a program in plain f64 TypeScript, slowly, in a memory laid out as planned: what kernels
 * mean, and the oracle that shows mistakes of fusion, order and memory without a WebAssembly module
 * in between.
 */
import { CompilerFault } from "../../compiler/fault.ts";
import { randomEntry } from "../../compiler/ir/random.ts";
import { type Affine, affineAt, movesOf, type Size, sizeAt } from "../../compiler/ir/size.ts";
import { placesOf } from "../../compiler/graph/steps.ts";
import { type CallStep, callTree } from "../../compiler/schedule/call-tree.ts";
import { rowsOf } from "../../compiler/schedule/any-size.ts";
import { kernelOf } from "../../compiler/schedule/arguments.ts";
import type { Op, Values } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";
import {
  type Address,
  type Buffer,
  type EntryName,
  type Kernel,
  type KernelCall,
  loopsAlong,
  type KernelProgram,
} from "../../compiler/schedule/kernel.ts";

/** Elements are 8 bytes: the program must be scheduled with `elementBytes: 8`. */
const BYTES = 8;

export class Interpreter {
  readonly #program: KernelProgram;
  readonly #rows: number;
  readonly #seed: number;
  /** Tables, the fixed part, then the rows part. Nothing has a value before it is written. */
  readonly #memory: Float64Array;

  constructor(program: KernelProgram, rows: number, seed: number) {
    const { tables, fixed, perRow, places } = program.arena;
    this.#program = program;
    this.#rows = rows;
    this.#seed = seed;
    this.#memory = new Float64Array((tables + fixed + perRow * this.#capacity()) / BYTES).fill(NaN);
    for (const { id, role } of program.buffers) {
      if (role.kind !== "table") continue;
      this.#memory.set(role.values, places[id]!.offset / BYTES);
    }
  }

  #capacity(): number {
    return Math.ceil(this.#rows / 4) * 4;
  }

  /** The live memory of a buffer. */
  view(buffer: Buffer): Float64Array {
    const start = this.#start(buffer.id);
    return this.#memory.subarray(start, start + sizeAt(buffer.size, this.#rows));
  }

  #start(buffer: number): number {
    const { part, offset } = this.#program.arena.places[buffer]!;
    const { tables, fixed } = this.#program.arena;
    switch (part) {
      case "table":
        return offset / BYTES;
      case "fixed":
        return (tables + offset) / BYTES;
      case "rows":
        return (tables + fixed + offset * this.#capacity()) / BYTES;
      default:
        return part satisfies never;
    }
  }

  /** @throws CompilerFault where the program has no such entry */
  run(name: EntryName): void {
    const entry = this.#program.entries.find((e) => e.name === name);
    if (entry === undefined) throw new CompilerFault(`the program has no entry ${name}`);
    const counter = this.#program.buffers.find((b) => b.role.kind === "step");
    const run = (steps: readonly CallStep[], places: ReadonlyMap<number, number>): void => {
      for (const made of steps) {
        if (made.kind === "loop") {
          const { loop } = made;
          for (const place of placesOf(loop)) run(made.steps, new Map([...places, [loop.id, place]]));
          continue;
        }
        const step = counter === undefined || name === "initialize" ? 0 : this.view(counter)[0]!;
        this.#call(entry.calls[made.call]!, step, places);
      }
    };
    run(callTree(entry), new Map());
  }

  #offset(offset: Affine, places: ReadonlyMap<number, number>): number {
    const first = affineAt(offset, this.#rows);
    return movesOf(offset).reduce(
      (sum, { loop, by }) => sum + places.get(loop.id)! * affineAt(by, this.#rows),
      first,
    );
  }

  #call(call: KernelCall, step: number, places: ReadonlyMap<number, number>): void {
    const { addresses, site = 0 } = call;
    new Run(kernelOf(this.#program, call), {
      memory: this.#memory,
      starts: addresses.map((a: Address) => this.#start(a.buffer) + this.#offset(a.offset, places)),
      rows: rowsOf(call, this.#rows),
      seed: this.#seed,
      step,
      site,
    }).run();
  }
}

interface Machine {
  readonly memory: Float64Array;
  readonly starts: readonly number[];
  readonly rows: number;
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

/** One loop of those that a view has along a loop of its kernel, in numbers. */
interface Along {
  readonly count: number;
  readonly stride: number;
}

class Run {
  readonly #kernel: Kernel;
  readonly #machine: Machine;
  readonly #inner: number;
  /** By operand and loop, the innermost first; filled as they are asked for, since most entries ask again. */
  readonly #along: Along[][][];
  /** Results of reductions for the kept point being made. */
  readonly #reduced = new Map<number, number>();

  constructor(kernel: Kernel, machine: Machine) {
    this.#kernel = kernel;
    this.#machine = machine;
    this.#along = kernel.operands.map(() => []);
    this.#inner = kernel.kind === "nest" ? kernel.inner : 0;
  }

  run(): void {
    const { loops, values } = this.#kernel;
    const border = loops.length - this.#inner;
    for (const kept of this.#points(loops.slice(0, border))) {
      this.#reduced.clear();
      for (const [index, value] of values.entries()) {
        if (value.kind !== "reduce") continue;
        let result = { sum: 0, prod: 1, max: -Infinity, min: Infinity }[value.op];
        for (const inner of this.#points(loops.slice(border))) {
          const x = this.#values([...kept, ...inner], value.value)[value.value]!;
          result = { sum: result + x, prod: result * x, max: Math.max(result, x), min: Math.min(result, x) }[
            value.op
          ];
        }
        this.#reduced.set(index, result);
      }
      for (const inner of this.#points(loops.slice(border))) this.#store([...kept, ...inner]);
    }
  }

  #store(point: readonly number[]): void {
    const { stores, values } = this.#kernel;
    const made = this.#values(point, values.length - 1);
    for (const { operand, value, row } of stores) {
      const address = this.#address(operand, point);
      if (row === undefined) this.#machine.memory[address] = made[value]!;
      else if (!Number.isNaN(made[row]!)) this.#machine.memory[address + made[row]!]! += made[value]!;
    }
  }

  #points(loops: readonly Size[]): number[][] {
    let points: number[][] = [[]];
    for (const size of loops) {
      const count = sizeAt(size, this.#machine.rows);
      points = points.flatMap((point) => Array.from({ length: count }, (_, i) => [...point, i]));
    }
    return points;
  }

  #address(index: number, point: readonly number[]): number {
    let address = this.#machine.starts[index]!;
    for (let loop = 0; loop < point.length; loop++) address += this.#offset(index, loop, point[loop]!);
    return address;
  }

  /** How far a view's entries at 0 and at `i` of one loop lie apart. */
  #offset(index: number, loop: number, i: number): number {
    let offset = 0;
    let left = i;
    for (const { count, stride } of (this.#along[index]![loop] ??= this.#loopsOf(index, loop))) {
      // The outermost loop of a list takes what is left.
      offset += stride * (left % count);
      left = Math.floor(left / count);
    }
    return offset;
  }

  #loopsOf(index: number, loop: number): Along[] {
    const { rows } = this.#machine;
    return loopsAlong(this.#kernel, this.#kernel.operands[index]!, loop)
      .toReversed()
      .map(({ size, stride }) => ({ count: sizeAt(size, rows), stride: affineAt(stride, rows) }));
  }

  /** The values up to number `last` at a point of all loops. */
  #values(point: readonly number[], last: number): number[] {
    const { values } = this.#kernel;
    const { memory, rows, seed, step } = this.#machine;
    const siteOf = (site: number): number => this.#machine.site + site;
    const made: number[] = [];
    for (const [index, value] of values.slice(0, last + 1).entries()) {
      switch (value.kind) {
        case "load":
          made.push(memory[this.#address(value.operand, point)]!);
          break;
        case "row": {
          const id = made[value.of]!;
          const isThere = id >= 0 && id < sizeAt(value.rows, rows);
          made.push(isThere ? id * affineAt(value.stride, rows) : NaN);
          break;
        }
        case "fetch": {
          const row = made[value.row]!;
          const first = this.#address(value.operand, point);
          made.push(Number.isNaN(row) ? 0 : memory[first + row]!);
          break;
        }
        case "constant":
          made.push(value.value);
          break;
        case "extent":
          made.push(sizeAt(value.size, rows));
          break;
        case "index":
        case "random": {
          let entry = affineAt(value.start, rows);
          for (const [loop, i] of point.entries()) entry += affineAt(value.strides[loop]!, rows) * i;
          const { kind } = value;
          made.push(
            kind === "index"
              ? entry
              : randomEntry(value.distribution, { seed, step, site: siteOf(value.site), entry }),
          );
          break;
        }
        case "apply": {
          const columns = value.arguments.map((a): Values => ({
            shape: [],
            data: Float64Array.of(made[a]!),
          }));
          // The evaluation of an elementwise op looks at its operands alone.
          const op = ops[value.op] as unknown as Op<"add">;
          made.push(op.evaluate(columns, undefined as never, undefined as never).data[0]!);
          break;
        }
        case "running": {
          // From the first entry to this one.
          const last = point.length - 1;
          let y = value.op === "prod" ? 1 : 0;
          for (let i = 0; i <= point[last]!; i++) {
            const there = i === point[last]! ? made : this.#values(point.with(last, i), index - 1);
            const x = there[value.value]!;
            y = value.op === "sum" ? y + x : value.op === "prod" ? y * x : there[value.by!]! * y + x;
          }
          made.push(y);
          break;
        }
        case "rank": {
          const axis = point.length - 1;
          const entry = (i: number): number => memory[this.#address(value.operand, point.with(axis, i))]!;
          const own = point[axis]!;
          const precedes = (i: number): boolean => {
            const [a, b] = value.descending ? [entry(own), entry(i)] : [entry(i), entry(own)];
            if (a < b || (Number.isNaN(b) && !Number.isNaN(a))) return true;
            return i < own && (a === b || (Number.isNaN(a) && Number.isNaN(b)));
          };
          const length = sizeAt(this.#kernel.loops[axis]!, rows);
          made.push(Array.from({ length }, (_, i) => i).filter(precedes).length);
          break;
        }
        case "reduce":
          made.push(this.#reduced.get(index) ?? NaN);
          break;
        case "product":
          made.push(this.#product(point));
          break;
        default:
          value satisfies never;
      }
    }
    return made;
  }

  #product(point: readonly number[]): number {
    const kernel = this.#kernel;
    if (kernel.kind !== "product") throw new CompilerFault("a product outside of a product kernel");
    const { left, right } = kernel;
    const { memory, rows } = this.#machine;
    const row = this.#address(left, point);
    const column = this.#address(right, point);
    const depth = point.length;
    let sum = 0;
    for (let d = 0; d < sizeAt(kernel.depth, rows); d++) {
      sum += memory[row + this.#offset(left, depth, d)]! * memory[column + this.#offset(right, depth, d)]!;
    }
    return sum;
  }
}
