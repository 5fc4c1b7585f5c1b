/** Every derivative rule made wrong is noticed by the check of `ops.test.ts`, every rule of `stabilise` by its cases: `npm run mutants`. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("no mutant of a derivative rule, or of a rule that makes formulas stable, passes", () => {
  const script = fileURLToPath(new URL("../scripts/mutants.ts", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 100_000 });
  expect(stdout).toMatch(/\d+ rules, [23]\d\d mutants, [23]\d\d caught, 0 missed/);
  expect(status).toBe(0);
});
