/**
 * Derivative rules, rewrite rules, loops, programs of kernels and optimizers, each made wrong, are noticed
 * by the suite's checks: `npm run mutants`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("no mutant passes", () => {
  const script = fileURLToPath(new URL("../scripts/mutants.ts", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 300_000 });
  const [, mutants = ""] = /\d+ things, (\d+) mutants, \1 caught, 0 missed/.exec(stdout) ?? [];
  expect(Number(mutants), stdout).toBeGreaterThan(1300);
  expect(status).toBe(0);
});
