/** The arena in a module: where it lies, and how it grows with the batch. */
import type { KernelProgram } from "../schedule/kernel.ts";

/** Bytes of a fixed part that the module is born with: asc, which makes it, takes as much memory. */
const LAID_OUT = 2 ** 20;

/** Its place and sizes. Comes after all other data, since rows lie behind it. */
export const arenaSource = ({
  fixed,
  perRow,
}: KernelProgram["arena"]): string => `/// Bytes of the arena: of its fixed part, and for each row of capacity
const FIXED: usize = ${fixed};
const ROWS: usize = ${perRow};

${
  fixed <= LAID_OUT
    ? `/// Last of all data; its rows lie behind the fixed part
const ARENA: usize = memory.data(${Math.max(16, fixed)}, 16);`
    : `/// Last of all data: what lies behind is asked for as the module starts
const ARENA: usize = memory.data(16, 16);
if (!reach(<u64>(ARENA + FIXED))) unreachable();`
}
export const arena: i32 = <i32>ARENA;
export let capacity: i32 = 0;
export let seed: i32 = 0;
`;

/** How memory is asked for, for rows as they come. */
export const reserveSource = `/// Whether memory reaches to \`end\`, or could be made to.
function reach(end: u64): bool {
  const pages = (end + 0xffff) >> 16;
  if (pages > 0xffff) return false;
  const missing = <i32>pages - memory.size();
  return missing <= 0 || memory.grow(missing) >= 0;
}

/// Makes room for a batch of so many rows. 1 = done, 0 = memory cannot grow.
export function reserve(rows: i32): i32 {
  if (rows <= capacity) return 1;
  const room = (<u64>rows + 3) & ~3;
  if (!reach(<u64>(ARENA + FIXED) + room * <u64>ROWS)) return 0;
  capacity = <i32>room;
  return 1;
}
`;
