/** What must hold of every program that the scheduler hands on. */
import { CompilerFault } from "../fault.ts";
import { affineAt, countOf, movesOf, sizeAt } from "../ir/size.ts";
import { rowsOf } from "./any-size.ts";
import { kernelOf } from "./arguments.ts";
import {
  type Buffer,
  type Kernel,
  type KernelCall,
  type KernelProgram,
  loopsOf,
  madeOf,
  rowOf,
} from "./kernel.ts";
import { liveRanges } from "./liveness.ts";

/** Batches that addresses are tried at; they are affine in the batch, so two would do. */
const ROWS = [1, 2, 17];

/**
 * Names unique and valid; values before their use; addresses inside their buffers; temporaries
 * written before they are read, and of one entry each; what is alive at one time apart in memory.
 * @param elementBytes 8 for f64; taking it for 4 only checks less
 * @throws CompilerFault naming the kernel or the buffer
 */
export function verifyProgram(program: KernelProgram, elementBytes = 4): void {
  const names = new Set<string>();
  for (const kernel of program.kernels) {
    if (names.has(kernel.name)) throw new CompilerFault(`two kernels are named ${kernel.name}`);
    names.add(kernel.name);
    verifyKernel(kernel);
  }
  const owners = new Map<number, string>();
  for (const entry of program.entries) {
    const written = new Set<number>();
    for (const [i, call] of entry.calls.entries()) {
      const around = entry.loops.filter(({ first, last }) => first <= i && i <= last);
      const outside = call.addresses.flatMap(({ offset }) =>
        movesOf(offset).filter(({ loop }) => !around.some((repeat) => repeat.loop.id === loop.id)),
      );
      if (outside.length > 0)
        throw new CompilerFault(`${program.kernels[call.kernel]!.name} is called outside of its loop`);
      verifyCall(program, call, written);
      for (const [i, { buffer }] of call.addresses.entries()) {
        if (program.kernels[call.kernel]!.operands[i]!.access === "write") written.add(buffer);
        const { name, role } = program.buffers[buffer]!;
        if (role.kind !== "temporary") continue;
        const owner = owners.get(buffer) ?? entry.name;
        if (owner !== entry.name) throw new CompilerFault(`${name} is a temporary of two entries`);
        owners.set(buffer, owner);
      }
    }
  }
  verifyPlaces(program, elementBytes);
}

function verifyKernel(kernel: Kernel): void {
  const fault = (what: string): never => {
    throw new CompilerFault(`kernel ${kernel.name}: ${what}`);
  };
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(kernel.name)) fault("its name is no identifier");
  const { loops, operands, values, stores } = kernel;
  for (const [i, operand] of operands.entries()) {
    const factor = kernel.kind === "product" && (i === kernel.left || i === kernel.right);
    const expected = operand.lists?.flat().length ?? loops.length + (factor ? 1 : 0);
    if (operand.strides.length !== expected) fault(`${operand.name} has strides for other loops`);
  }
  for (const [i, value] of values.entries()) {
    if (madeOf(value).some((v) => v >= i || v < 0)) fault(`value ${i} is used before it is made`);
    const reads = value.kind === "load" || value.kind === "fetch" || value.kind === "rank";
    if (reads && operands[value.operand]?.access !== "read") fault(`value ${i} loads what is not read`);
    const runs = value.kind === "running" || value.kind === "rank";
    if (runs && (kernel.kind !== "nest" || kernel.inner !== 1))
      fault(`a ${value.kind} value without one inner loop`);
    if (value.kind === "fetch" && values[value.row]?.kind !== "row") fault(`value ${i} fetches from no row`);
    if (value.kind === "product" && kernel.kind !== "product") fault("a product in a nest");
    if (value.kind === "reduce" && (kernel.kind !== "nest" || kernel.inner === 0))
      fault("a reduction without inner loops");
  }
  for (const { operand, value, row } of stores) {
    if (operands[operand]?.access !== "write") fault("it stores to what is not written");
    if (values[value] === undefined) fault("it stores what is not made");
    if (row !== undefined && values[row]?.kind !== "row") fault("it adds to no row");
  }
  if (stores.length === 0) fault("it stores nothing");
}

function verifyCall(program: KernelProgram, call: KernelCall, written: ReadonlySet<number>): void {
  const kernel = kernelOf(program, call);
  if (call.addresses.length !== kernel.operands.length) {
    throw new CompilerFault(`kernel ${kernel.name} is called with too many or too few addresses`);
  }
  for (const [i, address] of call.addresses.entries()) {
    const buffer = program.buffers[address.buffer]!;
    const operand = kernel.operands[i]!;
    verifyReach(kernel, i, call, buffer);
    if (operand.access === "write" && (buffer.role.kind === "table" || buffer.role.kind === "input")) {
      throw new CompilerFault(`kernel ${kernel.name} writes to the ${buffer.role.kind} ${buffer.name}`);
    }
    const passing = buffer.role.kind === "temporary" || buffer.role.kind === "output";
    if (operand.access === "read" && passing && !written.has(address.buffer)) {
      throw new CompilerFault(`kernel ${kernel.name} reads ${buffer.name} before it is written`);
    }
  }
}

function verifyReach(kernel: Kernel, index: number, call: KernelCall, buffer: Buffer): void {
  const operand = kernel.operands[index]!;
  const { strides, name } = operand;
  const { offset } = call.addresses[index]!;
  const loops = loopsOf(kernel, operand);
  for (const n of ROWS) {
    const rows = rowsOf(call, n);
    let [low, high] = [affineAt(offset, n), affineAt(offset, n)];
    for (const { loop, by } of movesOf(offset)) {
      const last = affineAt(by, n) * (loop.length - 1);
      if (last < 0) low += last;
      else high += last;
    }
    for (const [loop, stride] of strides.entries()) {
      const last = affineAt(stride, rows) * (sizeAt(loops[loop]!, rows) - 1);
      if (last < 0) low += last;
      else high += last;
    }
    const row = rowOf(kernel, index);
    if (row !== null) high += affineAt(row.stride, rows) * (sizeAt(row.rows, rows) - 1);
    if (low < 0 || high >= sizeAt(buffer.size, n)) {
      throw new CompilerFault(`kernel ${kernel.name} reaches outside of ${buffer.name} by ${name}`);
    }
  }
}

/** A run of the arena that a buffer takes. */
interface Run {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

function verifyPlaces({ buffers, entries, arena }: KernelProgram, elementBytes: number): void {
  const ranges = liveRanges(buffers, entries);
  for (const part of ["fixed", "rows"] as const) {
    const always: Run[] = [];
    const passing = entries.map(({ calls }) => calls.map(() => ({ born: [] as Run[], gone: [] as Run[] })));
    for (const buffer of buffers) {
      const range = ranges[buffer.id] ?? null;
      const { offset: from, ...place } = arena.places[buffer.id]!;
      if (place.part !== part || (buffer.role.kind === "temporary" && range === null)) continue;
      const run = { buffer, from, to: from + countOf(buffer.size) * elementBytes };
      if (part === "fixed" && from % 16 !== 0) throw new CompilerFault(`${buffer.name} is not aligned`);
      if (run.to > (part === "fixed" ? arena.fixed : arena.perRow))
        throw new CompilerFault(`${buffer.name} ends outside of the arena`);
      if (range === null) always.push(run);
      else {
        const calls = passing[range.entry]!;
        calls[range.first]!.born.push(run);
        calls[range.last]!.gone.push(run);
      }
    }
    // Runs in the order of their places: of what lies apart, only neighbors can meet.
    const alive: Run[] = [];
    for (const run of always) verifyApart(alive, run);
    for (const calls of passing) {
      for (const { born, gone } of calls) {
        for (const run of born) verifyApart(alive, run);
        for (const run of gone) alive.splice(alive.indexOf(run, placeOf(alive, run)), 1);
      }
    }
  }
}

/** Puts a run among those that are alive. */
function verifyApart(alive: Run[], run: Run): void {
  const at = placeOf(alive, run);
  for (const [a, b] of [
    [alive[at - 1], run],
    [run, alive[at]],
  ] as const) {
    if (a !== undefined && b !== undefined && b.from < a.to)
      throw new CompilerFault(`${a.buffer.name} and ${b.buffer.name} share memory while both are alive`);
  }
  alive.splice(at, 0, run);
}

/** Of the first run that begins no earlier. */
function placeOf(alive: readonly Run[], { from }: Run): number {
  let [low, high] = [0, alive.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (alive[middle]!.from < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
