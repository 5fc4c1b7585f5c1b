/**
 * `npm run fuzz:gradients`: 5,000 random programs beside the tape and differences of values, a
 * sample of 300 beside PyTorch, none wrong. `npm run fuzz:gradients -- --runs 1000 --seed 7` for
 * others, `-- --holding scan` for those with a scan alone.
 */
import { parseArgs } from "node:util";
import { describeReport, describeWrong, fuzz, shrink } from "../test/fuzz/fuzz.ts";
import { compareWithTorch, findPython } from "../test/fuzz/torch.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5000" },
    seed: { type: "string" },
    holding: { type: "string" },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed)) {
  console.error("--runs and --seed are whole numbers");
  process.exit(2);
}

console.log(`seed ${seed}`);
const report = await fuzz({
  runs,
  seed,
  keep: 300,
  ...(values.holding !== undefined && { holding: values.holding }),
  progress: (done, wrong) => {
    if (wrong !== null) console.log(`\nwrong: ${describeWrong(wrong)}`);
    if (done % 100 === 0) console.error(`${done} of ${runs}`);
  },
});
console.log(describeReport(report));
for (const found of report.rounding) console.log(`\nrounding: ${describeWrong(found)}`);
const [first] = report.wrong;
if (first !== undefined) {
  const shortest = await shrink(seed, first.index, 120);
  if (shortest !== null) console.log(`\nshortest: ${describeWrong(shortest)}`);
}

const python = findPython();
let torchWrong = 0;
if (python === undefined) console.log("no Python with PyTorch here: set NNDSL_PYTHON to one");
else {
  const { compared, lacking, wrong } = compareWithTorch(
    python,
    report.kept.map(({ run }) => run),
    1e-4,
  );
  torchWrong = wrong.length;
  console.log(`${compared} beside PyTorch, ${wrong.length} wrong`);
  for (const [what, count] of lacking) console.log(`  ${count} not compared: ${what}`);
  for (const { because } of wrong) console.log(`  ${because}`);
}
process.exitCode = report.counts.wrong + torchWrong > 0 ? 1 : 0;
