/**
 * Mutation tests: derivative rules, the tests that keep a cotangent of 0 at 0, rules that make formulas
 * stable, those that gather what windows add up, programs of kernels, the optimizers, normalizations and
 * attention of `std/`, formulas with indices, loops as they are run, differentiated, split and scheduled,
 * entries with kernels in common, ranges of labels and updates of rows, each made wrong in every way of `mutants/` that changes it; the
 * checks of the test suite must notice. `npm run mutants` prints what was tried; exit 1 where a wrong one
 * passes, or a right one does not.
 */
import { attentionMutants } from "./mutants/attention.ts";
import { derivativeMutants } from "./mutants/derivatives.ts";
import { entryMutants } from "./mutants/entries.ts";
import { fissionMutants } from "./mutants/fission.ts";
import { foldMutants } from "./mutants/folds.ts";
import { gatheredProductMutants } from "./mutants/gathered-products.ts";
import { labelRangeMutants } from "./mutants/label-ranges.ts";
import { loopGradientMutants } from "./mutants/loop-gradients.ts";
import { loopMutants } from "./mutants/loops.ts";
import { loopsApartMutants } from "./mutants/loops-apart.ts";
import { normalizationMutants } from "./mutants/normalizations.ts";
import { notationMutants } from "./mutants/notation.ts";
import { opRuleMutants } from "./mutants/op-rules.ts";
import { optimizerMutants } from "./mutants/optimizers.ts";
import { programMutants } from "./mutants/programs.ts";
import { rewritingMutants, unsoundCases } from "./mutants/rewritings.ts";
import { rowUpdateMutants } from "./mutants/row-updates.ts";
import { scheduledLoopMutants } from "./mutants/scheduled-loops.ts";
import { silenceMutants } from "./mutants/silence.ts";
import { sliceMutants } from "./mutants/slices-of-products.ts";
import { visibleMutants } from "./mutants/visible.ts";

const started = performance.now();
const tried = [
  ...derivativeMutants(),
  ...(await opRuleMutants()),
  ...silenceMutants(),
  ...rewritingMutants(),
  ...foldMutants(),
  ...(await sliceMutants()),
  ...(await programMutants()),
  ...(await optimizerMutants()),
  ...(await normalizationMutants()),
  ...(await attentionMutants()),
  ...(await notationMutants()),
  ...(await loopMutants()),
  ...(await loopGradientMutants()),
  ...(await fissionMutants()),
  ...(await loopsApartMutants()),
  ...(await scheduledLoopMutants()),
  ...(await entryMutants()),
  ...(await gatheredProductMutants()),
  ...(await labelRangeMutants()),
  ...(await rowUpdateMutants()),
  ...(await visibleMutants()),
].map(({ name, unsound, outcomes }) => ({
  name,
  unsound,
  mutants: outcomes.filter((o) => o.outcome !== "no mutant"),
}));

/** There are more; of a mistake that changes nothing any more nobody would hear otherwise. */
const LEAST = 1301;

const width = Math.max(...tried.map((row) => row.name.length));
for (const { name, mutants } of tried) {
  const told = mutants.map((m) => (m.outcome === "caught" ? m.name : `${m.name} MISSED`)).join(", ");
  console.log(`${name.padEnd(width)}  ${mutants.length}  ${told}`);
}
const mutants = tried.flatMap((row) => row.mutants);
const missed = mutants.filter((m) => m.outcome === "missed").length;
const few = tried.filter((row) => row.mutants.length < 2).map((row) => row.name);
const wrong = [...tried.filter((row) => row.unsound).map((row) => row.name), ...unsoundCases()];
console.log(
  `\n${tried.length} things, ${mutants.length} mutants, ${mutants.length - missed} caught, ${missed} missed, ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
);
for (const name of wrong) console.log(`${name} does not pass as it is`);
if (few.length > 0) console.log(`fewer than two mutants: ${few.join(", ")}`);
const isEnough = mutants.length >= LEAST;
if (!isEnough) console.log(`there should be ${LEAST} mutants or more`);
process.exitCode = isEnough && missed + few.length + wrong.length === 0 ? 0 : 1;
