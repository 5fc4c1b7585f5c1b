/**
 * A program for a person: buffers with their places, kernels as loop nests, entries as lists of
 * calls.
 */
import { showNumber } from "../ir/notation.ts";
import {
  type Affine,
  argumentName,
  argumentOfStride,
  atFirstPlaces,
  byTerms,
  countOf,
  isFree,
  isZero,
  movesOf,
  multiplySize,
  ONE,
  showSize,
  type Size,
} from "../ir/size.ts";
import { callTree, type CallStep } from "./call-tree.ts";
import { elementsTouched, flopsEach } from "./cost.ts";
import {
  type Address,
  type Buffer,
  type Entry,
  type Kernel,
  type KernelProgram,
  madeOf,
  type Place,
  type Value,
} from "./kernel.ts";

/**
 * The arena, the kernels and the entries of a program, for `--emit kernels`; ends with a line
 * break.
 */
export function printProgram(program: KernelProgram): string {
  const { arena, buffers, kernels, entries } = program;
  const lines = [`arena: ${arena.fixed} bytes + ${arena.perRow} bytes a row, tables ${arena.tables} bytes`];
  for (const buffer of buffers) lines.push(`  ${bufferLine(buffer, arena.places[buffer.id]!)}`);
  for (const kernel of kernels) lines.push("", ...kernelLines(kernel));
  for (const entry of entries) {
    lines.push("", `entry ${entry.name}`, ...stepLines(program, entry, callTree(entry), "  "));
  }
  return `${lines.join("\n")}\n`;
}

function stepLines(
  program: KernelProgram,
  entry: Entry,
  steps: readonly CallStep[],
  indent: string,
): string[] {
  const { buffers, kernels } = program;
  return steps.flatMap((step) => {
    if (step.kind === "loop") {
      const { id, length, reverse } = step.loop;
      const head = `${indent}for @${id} in 0..${length}${reverse ? ", last to first" : ""}`;
      return [head, ...stepLines(program, entry, step.steps, `${indent}  `)];
    }
    const { kernel, addresses, rows, sizes, site, again } = entry.calls[step.call]!;
    const shown = addresses.map((a) => showAddress(buffers[a.buffer]!, a));
    const entries = rows === undefined ? "" : `, rows ${showSize(rows)}`;
    const shape = (sizes ?? []).map((size, i) => `, ${argumentName(i)} ${size}`).join("");
    const random = site === undefined ? "" : `, site ${site}`;
    return `${indent}${again ? "again " : ""}${kernels[kernel]!.name}(${shown.join(", ")}${entries}${shape}${random})`;
  });
}

function bufferLine({ name, size, role }: Buffer, { part, offset }: Place): string {
  const because = role.kind === "temporary" ? `, ${role.because}` : "";
  return `${name}: ${role.kind} of ${showSize(size)} at ${part} ${offset}${because}`;
}

const showAddress = ({ name }: Buffer, { offset }: Address): string =>
  isZero(offset) ? name : `${name} + ${showAffine(offset)}`;

function showAffine(a: Affine): string {
  const argument = argumentOfStride(a);
  if (argument !== null) return argumentName(argument);
  const moves = movesOf(a);
  if (moves.length > 0) {
    const first = atFirstPlaces(a);
    const terms = moves.map(
      ({ loop, by }) => `@${loop.id} · ${/ /.test(showAffine(by)) ? `(${showAffine(by)})` : showAffine(by)}`,
    );
    return [...(isZero(first) ? [] : [showAffine(first)]), ...terms].join(" + ");
  }
  return byTerms(a, (constant, timesN) => {
    if (timesN === 0) return String(constant);
    const rows = timesN === 1 ? "N" : `${timesN}·N`;
    return constant === 0 ? rows : `${rows} ${constant < 0 ? "-" : "+"} ${Math.abs(constant)}`;
  });
}

function kernelLines(kernel: Kernel): string[] {
  const { name, formula, loops, operands, values, stores } = kernel;
  const lines = [`/// ${formula}`, `${kernel.kind} ${name}  (${work(kernel)})`];
  for (const { name: operand, access, strides, lists } of operands) {
    const over = lists === undefined ? "" : ` over ${lists.map(showList).join(", ")}`;
    lines.push(
      `  ${access === "read" ? "in " : "out"} ${operand} [${strides.map(showAffine).join(", ")}]${over}`,
    );
  }
  const inner = kernel.kind === "nest" ? kernel.inner : 0;
  const kept = loops.slice(0, loops.length - inner).map((size) => showSize(size));
  const reduced = loops.slice(loops.length - inner).map((size) => showSize(size));
  const depth = kernel.kind === "product" ? [`depth ${showSize(kernel.depth)}`] : [];
  lines.push(
    `  for ${[kept.join(" × ") || "once", ...(inner > 0 ? [`inner ${reduced.join(" × ")}`] : []), ...depth].join(", ")}`,
  );
  for (const [i, value] of values.entries()) lines.push(`    %${i} = ${showValue(kernel, value)}`);
  for (const { operand, value, row } of stores) {
    const to = operands[operand]!.name;
    lines.push(row === undefined ? `    ${to} ← %${value}` : `    ${to}[%${row}] += %${value}`);
  }
  return lines;
}

/** The loops that one is for a view. */
const showList = (sizes: readonly Size[]): string => sizes.map((size) => showSize(size)).join("×") || "1";

function showValue(kernel: Kernel, value: Value): string {
  switch (value.kind) {
    case "load":
      return `load ${kernel.operands[value.operand]!.name}`;
    case "row":
      return `row %${value.of} of ${showSize(value.rows)}, ${showAffine(value.stride)} apart`;
    case "fetch":
      return `load ${kernel.operands[value.operand]!.name}[%${value.row}]`;
    case "constant":
      return showNumber(value.value);
    case "extent":
      return `size ${showSize(value.size)}`;
    case "index":
      return `index ${showAffine(value.start)} + [${value.strides.map(showAffine).join(", ")}]`;
    case "random":
      return `random ${value.distribution} ${value.site}, entry ${showAffine(value.start)} + [${value.strides.map(showAffine).join(", ")}]`;
    case "apply":
      return `${value.op} ${value.arguments.map((a) => `%${a}`).join(", ")}`;
    case "running":
      return `running ${value.op} ${madeOf(value)
        .map((a) => `%${a}`)
        .join(", ")}`;
    case "rank":
      return `rank ${kernel.operands[value.operand]!.name}${value.descending ? ", the largest first" : ""}`;
    case "reduce":
      return `reduce ${value.op} %${value.value}`;
    case "product":
      return `Σ ${kernel.operands[(kernel.kind === "product" && kernel.left) || 0]!.name} · ${kernel.operands[kernel.kind === "product" ? kernel.right : 0]!.name}`;
    default:
      return value satisfies never;
  }
}

/**
 * Floating-point operations, and elements moved if each is moved once; those that grow with the
 * batch for a batch of one row.
 */
function work(kernel: Kernel): string {
  const points = kernel.loops.reduce<Size>(multiplySize, ONE);
  const each = flopsEach(kernel, 1);
  const rows = isFree(points) || (kernel.kind === "product" && isFree(kernel.depth)) ? " a row" : "";
  return `${countOf(points) * each} FLOPs, ${elementsTouched(kernel, 1)} elements${rows}`;
}
