/** Observers of a run of `train`: what they are told, and what they may do. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { createOutput } from "../cli/output.ts";
import type { TrainArguments } from "../cli/train/arguments.ts";
import { findCulprit } from "../cli/train/culprit.ts";
import { trainNet } from "../cli/train/fit.ts";
import type { Observer, TrainingRun } from "../cli/train/observe.ts";
import { prepare, type Prepared } from "../cli/train/prepare.ts";
import { Rewind } from "../cli/train/rewind.ts";
import { trainCommand } from "../cli/train/train.ts";
import { readSafetensors } from "../runtime/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-observers-"));
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  writeFileSync(
    at("line.nn"),
    "model Line {\n  input x: [N, 1]\n  target y: [N, 1]\n  p = dense(x, 1)\n  loss mse(p, y)\n  optimizer sgd(lr = 0.01)\n}\n",
  );
  const lines = Array.from({ length: 12 }, (_, i) => `${Math.sin(i)},${i / 12}`);
  writeFileSync(at("line.csv"), `x,y\n${lines.join("\n")}\n`);
});

const options: TrainArguments = {
  data: [`x=${at("line.csv")}:x`, `y=${at("line.csv")}:y`],
  set: {},
  opt: {},
  seed: 0,
  batch: 4,
  epochs: 5,
  threads: 1,
  dtype: "f32",
  simd: "strict",
  shuffle: true,
  restartEpoch: false,
};
const silent = {
  ...createOutput({ json: false, color: false }),
  say: () => {},
  aside: () => {},
  write: () => {},
};
const never = { signal: new AbortController().signal, received: () => null, release: () => {} };
const ready = (): Promise<Prepared> => prepare(at("line.nn"), options, false, silent);

test("are told in order, and training waits for them", async () => {
  const told: string[] = [];
  const slow = (what: string): Promise<void> =>
    new Promise((resolve) => setTimeout(() => resolve(void told.push(what)), 1));
  const first: Observer = {
    started: () => slow("started"),
    step: ({ step }) => slow(`step ${step}`),
    epoch: ({ epoch }) => void told.push(`epoch ${epoch}`),
  };
  const second: Observer = { step: ({ step }) => void told.push(`then ${step}`) };
  const prepared = await ready();
  const trained = await trainNet(prepared, [first, second], never);
  expect(trained).toMatchObject({ ending: "done", steps: 15, stoppedBy: null });
  expect(told.slice(0, 9)).toEqual([
    "started",
    "step 1",
    "then 1",
    "step 2",
    "then 2",
    "step 3",
    "then 3",
    "epoch 1",
    "step 4",
  ]);
});

test("may stop the run after the step", async () => {
  let run!: TrainingRun;
  const prepared = await ready();
  const observer: Observer = {
    started: (begun) => void (run = begun),
    step: ({ step }) => {
      if (step === 7) run.stop("the page");
    },
  };
  const trained = await trainNet(prepared, [observer], never);
  expect(trained).toMatchObject({ ending: "stopped", stoppedBy: "the page", steps: 7 });
  expect(prepared.net.steps).toBe(7);
});

test("may set the learning rate, also to one with which the run diverges: its cause is found all the same", async () => {
  const prepared = await ready();
  const rewind = new Rewind(prepared);
  let run!: TrainingRun;
  const observer: Observer = {
    started: (begun) => void (run = begun),
    step: ({ step }) => (step === 6 ? run.setHyper("lr", 1e25) : undefined),
  };
  const { ending, step } = await trainNet(prepared, [observer, rewind], never);
  expect(ending).toBe("diverged");
  const found = await findCulprit(prepared, rewind, step!.step);
  // Step 7 makes the weights 1e25, whose square overflows.
  expect(step!.step).toBe(8);
  expect(found).toMatchObject({ step: 8, spoilt: null, value: Infinity, node: { op: "mul" } });
});

test.each([
  { where: "after a step", at: 7, call: "step" },
  { where: "after the last step of an epoch", at: 6, call: "step" },
  { where: "after an epoch", at: 2, call: "epoch" },
] as const)(
  "that throws $where ends the run, whose weights are kept and go on",
  async ({ at: when, call }) => {
    const whole = at("whole.safetensors");
    const part = at(`${call}-${when}.safetensors`);
    const program = at("line.nn");
    const train = (more: Partial<TrainArguments>, watching: readonly Observer[] = []): Promise<void> =>
      trainCommand(program, { ...options, ...more }, false, never, silent, watching);
    await train({ output: whole });
    const broken: Observer = {
      [call]: (report: { readonly step?: number; readonly epoch: number }) => {
        if ((call === "step" ? report.step : report.epoch) === when) throw new Error("the disk is full");
      },
    };
    await expect(train({ output: part }, [broken])).rejects.toThrow("the disk is full");
    const { metadata } = readSafetensors(readFileSync(part));
    expect(metadata["step"]).toBe(String(call === "step" ? when : 3 * when));
    await train({ output: part, resume: part });
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
  },
);

test.skipIf(!existsSync("/dev/full"))("a history that cannot be written costs no weights", async () => {
  const output = at("full.safetensors");
  const command = trainCommand(
    at("line.nn"),
    { ...options, output, history: "/dev/full", checkpoint: 1 },
    false,
    never,
    silent,
  );
  await expect(command).rejects.toMatchObject({ code: "disk-full" });
  expect(readSafetensors(readFileSync(output)).metadata["epochs"]).toBe("1");
});

test("are told of an interrupted run's end before signals have their usual meaning again", async () => {
  const told: string[] = [];
  const asked = new AbortController();
  const interrupt = {
    signal: asked.signal,
    received: () => (asked.signal.aborted ? { by: "Ctrl-C", code: 130 } : null),
    release: () => void told.push("released"),
  };
  const observer: Observer = {
    step: ({ step }) => {
      if (step === 4) asked.abort();
    },
    ended: ({ ending, steps }) => void told.push(`${ending} after ${steps}`),
  };
  const before = process.exitCode;
  await trainCommand(at("line.nn"), options, false, interrupt, silent, [observer]);
  process.exitCode = before;
  expect(told).toEqual(["interrupted after 4", "released"]);
});
