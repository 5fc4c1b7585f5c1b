/** Damaged data files: right numbers or diagnostics. `npm run fuzz:data` runs more of them. */
import { expect, test } from "vitest";
import { kinds } from "./fuzz/data-files.ts";
import { describeDataReport, fuzzData } from "./fuzz/data.ts";

test("1,400 damaged data files of seven kinds", async () => {
  const report = await fuzzData({ seed: 20_262, from: 0, to: 1400 });
  expect(report.bad, describeDataReport(report)).toBe(0);
  for (const kind of kinds) {
    const { read, refused } = report.counts[kind];
    expect([read > 10, refused > 10], describeDataReport(report)).toEqual([true, true]);
  }
});
