/**
 * `npm run fuzz:sources`: 100,000 damaged programs through `check` and 2,000 through `compile`;
 * nothing but diagnostics may come of them, in bounded time and memory. `npm run fuzz:sources --
 * --check 5000 --compile 100 --seed 7` for others.
 */
import { parseArgs } from "node:util";
import { describeReport, fuzzSources } from "../test/fuzz/sources.ts";

const { values } = parseArgs({
  options: {
    check: { type: "string", default: "100000" },
    compile: { type: "string", default: "2000" },
    seed: { type: "string" },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const counts = { check: Number(values.check), compile: Number(values.compile) };
if (![seed, counts.check, counts.compile].every((n) => Number.isInteger(n) && n >= 0)) {
  console.error("--check, --compile and --seed are whole numbers");
  process.exit(2);
}

console.log(`seed ${seed}`);
for (const door of ["check", "compile"] as const) {
  const to = counts[door];
  const report = await fuzzSources({ door, seed, from: 0, to }, (done) => {
    if (done % 1000 === 0) console.error(`${door}: ${done} of ${to}`);
  });
  console.log(describeReport(door, report));
  if (report.counts.fault + report.counts.hang > 0) process.exitCode = 1;
}
