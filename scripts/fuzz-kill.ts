/**
 * `npm run fuzz:kill`: 500 processes of `nndsl train` and 200 of `nndsl compile`, each ended at a
 * random moment, none leaving anything wrong. `npm run fuzz:kill -- --train 50 --compile 20 --seed
 * 7` for others. It runs what `npm run build` has built.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeKills, fuzzCompile, fuzzTrain } from "../test/fuzz/kill.ts";

const { values } = parseArgs({
  options: {
    train: { type: "string", default: "500" },
    compile: { type: "string", default: "200" },
    seed: { type: "string" },
  },
});
const [train, compile, seed] = [values.train, values.compile, values.seed ?? Date.now() % 2 ** 31].map(
  Number,
);
const cli = fileURLToPath(new URL("../dist/cli/bin.js", import.meta.url));
if (![train, compile, seed].every((value) => Number.isInteger(value) && Number(value) >= 0)) {
  console.error("--train, --compile and --seed are whole numbers");
  process.exit(2);
}
if (!existsSync(cli)) {
  console.error("there is nothing built: npm run build");
  process.exit(2);
}

console.log(`seed ${seed}`);
for (const [name, fuzz, kills] of [
  ["train", fuzzTrain, train],
  ["compile", fuzzCompile, compile],
] as const) {
  if (kills === undefined || seed === undefined || kills === 0) continue;
  const folder = mkdtempSync(join(tmpdir(), "nndsl-kill-"));
  const started = performance.now();
  const report = await fuzz({
    kills,
    seed,
    folder,
    cli,
    progress: (done) => {
      if (done % 10 === 0) console.error(`${name}: ${done} of ${kills}`);
    },
  });
  console.log(`${name}: ${describeKills(report)}, in ${Math.round((performance.now() - started) / 1000)} s`);
  for (const what of report.wrong) console.log(`  wrong: ${what}`);
  if (report.wrong.length > 0) process.exitCode = 1;
  else rmSync(folder, { recursive: true });
}
