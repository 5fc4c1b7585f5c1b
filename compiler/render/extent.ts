/** How far a product reaches into the depth. */
import type { Size } from "../ir/size.ts";
import { sizeText } from "./affine.ts";
import type { Format } from "./format.ts";

/** A depth, or a stretch of it, as expressions: in steps, and in bytes of their index. */
export interface Extent {
  readonly entries: string;
  readonly bytes: string;
  /** The condition on which lines of it are packed, as a variable; `null`: none. */
  readonly packedIf: string | null;
}

export const extentOf = (depth: Size, { bytes }: Format): Extent => ({
  entries: sizeText(depth, 1),
  bytes: sizeText(depth, bytes),
  packedIf: null,
});
