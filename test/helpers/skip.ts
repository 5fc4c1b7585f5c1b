/**
 * Whether a suite is left out for want of a tool (`undefined` where this machine has none). Under
 * NNDSL_NO_SKIP=1, which `.ci/run` sets, nothing is: the suite runs and fails.
 */
export const skippedWithout = (tool: string | undefined): boolean =>
  tool === undefined && process.env["NNDSL_NO_SKIP"] !== "1";
