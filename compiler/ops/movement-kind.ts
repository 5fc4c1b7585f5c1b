/** What all ops that move entries have in common, and what views have besides. */
import { kept } from "./interval.ts";

export const movement = { family: "movement", finite: "kept", flops: 0, inKernels: true } as const;
export const view = { ...movement, takes: "any", arity: [1, 1], range: kept, isView: true } as const;
