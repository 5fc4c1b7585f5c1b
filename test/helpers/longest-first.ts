/**
 * The order of test files where nothing is known of an earlier run, as after `npm ci`: vitest begins
 * with the largest files then, and would end with short ones that take long, one core being idle.
 */
import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest, from some 70 seconds to 20. */
const LONGEST = [
  "compare",
  "fuzz-gradients",
  "memory",
  "recurrence",
  "recipes",
  "torch",
  "mutants",
  "gallery",
  "bundlers",
  "fuzz-kill",
].map((name) => `${name}.test.ts`);

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.indexOf(basename(moduleId));
  return rank < 0 ? LONGEST.length : rank;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // Files of one project share their workers, so they stay together.
    const projects = new Set(sorted.map(({ project }) => project));
    return [...projects].flatMap((project) =>
      sorted.filter((file) => file.project === project).sort((a, b) => rankOf(a) - rankOf(b)),
    );
  }
}
