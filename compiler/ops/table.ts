// Placeholder until the op records land.
import type { OpTable } from "./op.ts";
export declare const ops: OpTable;
