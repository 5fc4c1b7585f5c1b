/** `train --report FILE.html`: the page of a run as a file, written when the run is over. */
import { expectWritable, writeFiles } from "../write-files.ts";
import { UsageError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import type { Output } from "../output.ts";
import type { Observer } from "../train/observe.ts";
import { fixedSections, pageOf, sectionsOf } from "./page.ts";
import type { Recording } from "./recording.ts";

/** @throws UsageError where it is no name of a page, or the file cannot be written */
export function expectReportFile(path: string): void {
  if (!/\.html?$/i.test(path)) {
    throw new UsageError("bad-option", `a report is a page, but ${path} does not end in .html`, {
      file: path,
      help: `name it ${shellWord(`${path.replace(/\.\w+$/, "")}.html`)}`,
    });
  }
  expectWritable(path);
}

/** Writes the page at the end; told after `recording`. */
export const reportWriter = (recording: Recording, path: string, output: Output): Observer => ({
  async ended() {
    const facts = await recording.facts();
    const state = recording.recorder.state();
    const sections = await sectionsOf(facts, state, await fixedSections(facts));
    await writeFiles([{ path, bytes: await pageOf(facts, state, sections) }]);
    output.say(`the report is in ${path}`);
  },
});
