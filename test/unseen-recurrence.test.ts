/**
 * Programs of scans, recurrent layers and training, written from the language page alone, against
 * PyTorch's f64 numbers (`oracle/unseen-scan.json` and its three neighbors, written by the scripts
 * beside them). In f64 a wrong formula has no rounding to hide behind; how modules compute in f32 is
 * told by the other suites, and by one part here.
 */
import { describe, it } from "vitest";
import { expectAgreement, unseen } from "./helpers/unseen.ts";

describe.each(["unseen-scan", "unseen-recursions", "unseen-sequences", "unseen-training"])("%s", (name) => {
  for (const program of unseen(name)) {
    it(`${program.name} agrees with PyTorch`, () => expectAgreement(program, 1e-9, { dtype: "f64" }));
  }
});

describe("in f32", () => {
  for (const program of unseen("unseen-training").slice(0, 3)) {
    it(program.name, () => expectAgreement(program, 1e-4));
  }
});
