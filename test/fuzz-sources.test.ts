/** Damaged programs: nothing but diagnostics. `npm run fuzz:sources` runs more of them. */
import { expect, test } from "vitest";
import { describeReport, fuzzSources } from "./fuzz/sources.ts";

test.each([
  ["check", 600],
  ["compile", 100],
] as const)("%s of %i damaged programs", async (door, to) => {
  const report = await fuzzSources({ door, seed: 20_261, from: 0, to });
  expect(report.counts.fault + report.counts.hang, describeReport(door, report)).toBe(0);
  // Some are still programs, and most are not.
  expect(report.counts.right).toBeGreaterThan(0);
  expect(report.counts.refused).toBeGreaterThan(0);
});
