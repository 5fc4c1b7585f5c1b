/** How the lanes of a vector lie in memory, and the loads that fill them. */
import type { Operand } from "../schedule/kernel.ts";
import { type Affine, isUnit, isZero } from "../ir/size.ts";
import { further, immediate, type Location } from "./address.ts";
import type { Tools } from "./elementwise.ts";

/** What the lanes hold where a piece of code stands. */
export interface LanesAt {
  /** The loop whose entries fill the lanes; null where all lanes hold one entry. */
  readonly vectorLoop: number | null;
  /**
   * How many lanes are filled, where that is not all of them: the others are neither read nor
   * written.
   */
  readonly filled?: number;
}

/** An expression for the operand's entries at an address, along the site's lanes. */
export function loadVector(
  { dtype, bytes, lanes }: Tools["format"],
  operand: Operand,
  site: LanesAt,
  { base, offset }: Location,
): string {
  const stride = laneStride(operand, site);
  if (stride === "none") return `v128.load_splat<${dtype}>(${base}${immediate(offset)})`;
  if (stride === "unit")
    return `${isHalf(site, lanes) ? "v128.load64_zero" : "v128.load"}(${base}${immediate(offset)})`;
  let text = `v128.load_zero<${dtype}>(${base}${immediate(offset)})`;
  for (let lane = 1; lane < (site.filled ?? lanes); lane++) {
    const at = further({ base, offset }, stride, lane, bytes);
    text = `v128.load_lane<${dtype}>(${at.base}, ${text}, ${lane}${immediate(at.offset)})`;
  }
  return text;
}

/** Entries from rows on that are so many bytes further, all lanes from one or each from its own. */
export function fetchVector(
  format: Tools["format"],
  operand: Operand,
  site: LanesAt,
  { base, offset }: Location,
  rows: readonly string[],
): string {
  const [first] = rows;
  if (rows.length === 1) return loadVector(format, operand, site, { base: `${base} + ${first}`, offset });
  const { dtype, bytes } = format;
  const stride = operand.strides[site.vectorLoop!]!;
  let text = "";
  for (const [lane, row] of rows.entries()) {
    const at = further({ base: `${base} + ${row}`, offset }, stride, lane, bytes);
    text =
      lane === 0
        ? `v128.load_zero<${dtype}>(${at.base}${immediate(at.offset)})`
        : `v128.load_lane<${dtype}>(${at.base}, ${text}, ${lane}${immediate(at.offset)})`;
  }
  return text;
}

export const isHalf = ({ filled }: Pick<LanesAt, "filled">, lanes: number): boolean =>
  filled !== undefined && filled < lanes;

/** How an operand's elements lie along the lanes: one for all, side by side, or this far apart. */
export function laneStride(operand: Operand, site: Pick<LanesAt, "vectorLoop">): "none" | "unit" | Affine {
  if (site.vectorLoop === null) return "none";
  const stride = operand.strides[site.vectorLoop]!;
  if (isZero(stride)) return "none";
  if (isUnit(stride)) return "unit";
  return stride;
}
