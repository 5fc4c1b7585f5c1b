/**
 * `npm run fuzz:data`: 10,000 damaged data files of seven kinds; each is read to the numbers that
 * an independent reader finds, or refused with a diagnostic, in bounded time and memory. `npm run
 * fuzz:data -- --files 500 --seed 7` for others.
 */
import { parseArgs } from "node:util";
import { describeDataReport, fuzzData } from "../test/fuzz/data.ts";

const { values } = parseArgs({
  options: { files: { type: "string", default: "10000" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const files = Number(values.files);
if (![seed, files].every((n) => Number.isInteger(n) && n >= 0)) {
  console.error("--files and --seed are whole numbers");
  process.exit(2);
}

console.log(`${files} files, seed ${seed}`);
const report = await fuzzData({ seed, from: 0, to: files }, (done) => {
  if (done % 1000 === 0) console.error(`${done} of ${files}`);
});
console.log(describeDataReport(report));
if (report.bad > 0) process.exitCode = 1;
