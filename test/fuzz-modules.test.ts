/**
 * Damaged modules: an NndslError, or a net that works. `npm run fuzz:modules` runs more of them.
 */
import { expect, test } from "vitest";
import { describeReport, fuzzModules } from "./fuzz/modules.ts";

test("200 damaged modules", async () => {
  const report = await fuzzModules({ seed: 20_262, to: 200 });
  for (const { fault, hang, refused } of Object.values(report.counts)) {
    expect(fault + hang, describeReport(report)).toBe(0);
    expect(refused).toBeGreaterThan(0);
  }
  expect(report.counts.manifest.works).toBeGreaterThan(0);
});
