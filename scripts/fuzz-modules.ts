/**
 * `npm run fuzz:modules`: 2,000 damaged modules are loaded and used; an NndslError or a net that
 * works may come of them, in bounded time. `npm run fuzz:modules -- --modules 500 --seed 7` for
 * others.
 */
import { parseArgs } from "node:util";
import { describeReport, fuzzModules } from "../test/fuzz/modules.ts";

const { values } = parseArgs({
  options: { modules: { type: "string", default: "2000" }, seed: { type: "string" } },
});
const to = Number(values.modules);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!Number.isInteger(to) || to < 1 || !Number.isInteger(seed)) {
  console.error("--modules and --seed are whole numbers");
  process.exit(2);
}

console.log(`seed ${seed}`);
const report = await fuzzModules({ seed, to }, (done) => {
  if (done % 100 === 0) console.error(`${done} of ${to}`);
});
console.log(describeReport(report));
for (const { fault, hang } of Object.values(report.counts)) if (fault + hang > 0) process.exitCode = 1;
