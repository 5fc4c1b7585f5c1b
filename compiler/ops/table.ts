/**
 * Every op there is. A new op is one record in one of these files; a missing one is a type error
 * here.
 */
import { elementwiseOps } from "./elementwise.ts";
import { indexOps } from "./indices.ts";
import { loopOps } from "./loops.ts";
import { movementOps } from "./movement.ts";
import type { OpTable } from "./op.ts";
import { productOps } from "./products.ts";
import { reductionOps } from "./reductions.ts";
import { runningOps } from "./running.ts";
import { sourceOps } from "./sources.ts";
import { tableOps } from "./tables.ts";

export const ops: OpTable = {
  ...elementwiseOps,
  ...reductionOps,
  ...productOps,
  ...movementOps,
  ...indexOps,
  ...tableOps,
  ...runningOps,
  ...loopOps,
  ...sourceOps,
};
