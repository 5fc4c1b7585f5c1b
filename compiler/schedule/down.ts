/**
 * Nests that sum down the rows, a few columns at a time: batch norms, gradients of biases. What is
 * made of such sums for every row would be written by a later pass in pieces of a few columns, far
 * apart. A nest of its own, along the rows, takes two thirds of the time for many rows.
 */
import { countOf, isFree, isZero } from "../ir/size.ts";
import type { KernelCluster } from "./cluster.ts";
import type { GrowingBody } from "./form.ts";
import type { Group } from "./group.ts";
import type { Region } from "./place.ts";

/** A line of the cache, in floats: rows no longer than that lie side by side. */
const LINE = 16;

/** Whether the loops that reduce run over rows that lie apart. */
function goesDown({ domain, inner, matmul }: Group): boolean {
  const rows = domain.findIndex((size, axis) => isFree(size) && inner[axis] === true);
  if (matmul !== null || rows < 0) return false;
  const columns = domain.slice(rows + 1).reduce((all, size) => all * countOf(size), 1);
  return inner.includes(false, rows) && columns > LINE;
}

/**
 * Whether `cluster` sums down the rows and `body` makes something of the sums for every row.
 * @param isMade whether the cluster writes to a region
 */
export function comesAfterSums(
  cluster: KernelCluster,
  { group, reads }: GrowingBody,
  isMade: (region: Region) => boolean,
): boolean {
  if (!goesDown(cluster.body.group) || group.inner.includes(true)) return false;
  const rows = group.domain.findIndex(isFree);
  return rows >= 0 && reads.some(({ region, view }) => isZero(view.strides[rows]!) && isMade(region));
}
