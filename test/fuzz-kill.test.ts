/** A short form of `npm run fuzz:kill`. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fuzzCompile, fuzzTrain } from "./fuzz/kill.ts";
import { cliPath } from "./helpers/run-cli.ts";

const options = (kills: number) => ({
  kills,
  seed: 1,
  folder: mkdtempSync(join(tmpdir(), "nndsl-kill-")),
  cli: cliPath,
});

test(
  "training that is ended at random moments goes on to the same weights",
  { timeout: 300_000 },
  async () => {
    const { wrong } = await fuzzTrain(options(2));
    expect(wrong).toEqual([]);
  },
);

test(
  "compiling that is ended at random moments leaves files of one compilation",
  { timeout: 300_000 },
  async () => {
    const { wrong } = await fuzzCompile(options(1));
    expect(wrong).toEqual([]);
  },
);
