/** The export `train`: many steps in one call, over data that lie in the module's memory. */
import { countOf, isFree, type Size } from "../ir/size.ts";

/** Bytes from which on `memory.copy`, a call in most engines, is faster than a loop. */
const LONG = 128;

const gatherSource = (
  name: string,
  copy: string,
): string => `/// The rows order[0] … order[rows - 1] of what lies at \`from\`, \`size\` bytes each, one after another to \`to\`
function ${name}(to: usize, from: usize, size: usize, order: usize, rows: usize): void {
  for (const end = order + (rows << 2); order < end; order += 4) {
    let at = from + <usize>load<u32>(order) * size;
${copy}  }
}

`;
const copyWords = `    for (const next = to + size; to < next; to += 4) {
      store<u32>(to, load<u32>(at));
      at += 4;
    }
`;
const copyLong = `    memory.copy(to, at, size);
    to += size;
`;

/** An input as `train` moves it. */
export interface TrainInput {
  readonly name: string;
  readonly size: Size;
  /** A row is so many runs of entries: the product of the sizes before the free axis. */
  readonly runs: number;
  /** An expression for the address where `step` reads it. */
  readonly place: string;
}

/**
 * The source of `train` and what it calls, with `shared` for several workers that gather their
 * parts of each batch. `step` stays a function of its own: engines replace code by faster code at
 * calls, and not in a loop that is running.
 */
export function trainSource(inputs: readonly TrainInput[], elementBytes: number, shared: boolean): string {
  const alone = shared ? "if (worker == 0) " : "";
  const lines: string[] = [];
  const moves: string[] = [];
  const gathers = new Set<string>();
  let end = "<usize>data";
  for (const [i, { name, size, runs, place }] of inputs.entries()) {
    const from = `from${i}`;
    lines.push(`const ${from} = ${end}; // ${name}`);
    const bytes = countOf(size) * elementBytes;
    if (isFree(size)) {
      end = `${from} + ((<usize>total * ${bytes} + 15) & ~15)`;
      const run = bytes / runs;
      const gather = run < LONG ? "gather" : "gatherLong";
      gathers.add(gather);
      const [order, count, to] = shared
        ? ["next + (mine << 2)", "till - mine", `${place} + mine * ${run}`]
        : ["next", "rows", place];
      moves.push(
        runs === 1
          ? `${gather}(${to}, ${from}, ${run}, ${order}, ${count});`
          : `for (let o: usize = 0; o < ${runs}; o++) ${gather}(${to} + o * rows * ${run}, ${from} + o * total * ${run}, ${run}, ${order}, ${count});`,
      );
    } else {
      end = `${from} + ${Math.ceil(bytes / 16) * 16}`;
      lines.push(`${alone}memory.copy(${place}, ${from}, ${bytes});`);
    }
  }
  return `${gathers.has("gather") ? gatherSource("gather", copyWords) : ""}${gathers.has("gatherLong") ? gatherSource("gatherLong", copyLong) : ""}/// So many steps over batches of the data, from row \`from\` of an epoch on, and on into the next; the loss before the last of them.
/// A step whose loss is not finite is the last.
/// losses[i] is the sum of (epoch + i)'s losses over its rows so far, and at its end their mean.
export function train(data: i32, order: i32, losses: i32, total: i32, batch: i32, shuffles: i32, key: i32, epoch: i32, from: i32, steps: i32): f64 {
  const room = <usize>capacity;
  const rowsAt = ARENA + FIXED;
${lines.map((line) => `  ${line}\n`).join("")}  let loss: f64 = 0;
  for (; steps > 0; steps--) {
    if (from == 0) {
      ${shared ? "if (shuffles && worker == 0)" : "if (shuffles)"} shuffle(order, total, key, epoch);
      ${alone}store<f64>(losses, 0);
${shared ? "      meet();\n" : ""}    }
    const next = <usize>order + (<usize>from << 2);
    const rows = <usize>min(batch, total - from);
${shared ? "    const mine = shareFrom(rows, 1);\n    const till = shareEnd(rows, 1);\n" : ""}${moves.map((line) => `    ${line}\n`).join("")}${shared ? "    meet();\n" : ""}    loss = step(<i32>rows);
    from += <i32>rows;
    let sum = load<f64>(losses) + loss * <f64>rows;
    if (from == total) sum /= <f64>total;
    ${alone}store<f64>(losses, sum);
    if (from == total) {
      losses += 8;
      epoch++;
      from = 0;
    }
    if (loss - loss != 0) break;
  }
  return loss;
}
`;
}
