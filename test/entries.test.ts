/** Entries that need much alike: what `gradients` and `step` have in common is put together once, and each goes on by itself. */
import { describe, expect, it, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import type { Model } from "../compiler/graph/model.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import type { KernelProgram } from "../compiler/schedule/kernel.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import { verifyProgram } from "../compiler/schedule/verify-program.ts";
import { faultOfSchedule } from "./helpers/scheduled.ts";
import { stepModules } from "./helpers/step-modules.ts";

const lowered = async (source: string): Promise<Model> =>
  runPasses((await analyze(source)).joint, "lower", "simplify-lowered");

describe("gradients and a step are what the evaluator says", () => {
  it.each(Object.entries(stepModules))("%s", async (_, source) => {
    expect(faultOfSchedule(await lowered(source), 3)).toBeNull();
  });
});

type Entry = KernelProgram["entries"][number];

async function planned(
  name: keyof typeof stepModules,
): Promise<{ program: KernelProgram; gradients: Entry; step: Entry }> {
  const program = schedule(await lowered(stepModules[name]!));
  const find = (wanted: string): Entry => program.entries.find((entry) => entry.name === wanted)!;
  return { program, gradients: find("gradients"), step: find("step") };
}

/** The kinds of buffers that an entry touches. */
const kindsIn = ({ buffers }: KernelProgram, { calls }: Entry): ReadonlySet<string> =>
  new Set(calls.flatMap(({ addresses }) => addresses.map(({ buffer }) => buffers[buffer]!.role.kind)));

test("gradients are made by kernels of the step, also where that wants more of the forward pass", async () => {
  const { program, gradients, step } = await planned("what a state reads of the forward pass");
  const known = new Set(step.calls.map(({ kernel }) => kernel));
  const others = gradients.calls.filter(({ kernel }) => !known.has(kernel));
  expect(others.map(({ kernel }) => program.kernels[kernel]!.name)).toEqual([]);
});

test("gradients read nothing of the optimizer, whose updates join kernels that make them", async () => {
  const { program, gradients, step } = await planned("updates behind products");
  expect(kindsIn(program, step)).toContain("state");
  expect(kindsIn(program, step)).not.toContain("gradient");
  expect(kindsIn(program, gradients)).not.toContain("state");
  expect(kindsIn(program, gradients)).not.toContain("hyper");
});

test("a step writes no gradient that lies otherwise than what its update reads", async () => {
  const { program, gradients, step } = await planned("gradients that lie otherwise");
  const weight = program.buffers.find(({ name }) => name === "d_h.weight")!.id;
  const touches = ({ calls }: Entry): boolean =>
    calls.some(({ addresses }) => addresses.some(({ buffer }) => buffer === weight));
  expect(touches(gradients)).toBe(true);
  expect(touches(step)).toBe(false);
});

test("a loop leaves an entry what that wants, and runs once", async () => {
  const { gradients, step } = await planned("a recurrence that is not trained");
  expect(gradients.loops).toHaveLength(2);
  expect(step.loops).toHaveLength(1);
  expect(step.calls.length).toBeLessThan(gradients.calls.length);
});

test("the verifier finds a temporary of two entries", async () => {
  const { program, gradients, step } = await planned("a norm of all gradients");
  const temporaryOf = ({ calls }: Entry): number =>
    calls
      .flatMap(({ addresses }) => addresses)
      .find(({ buffer }) => program.buffers[buffer]!.role.kind === "temporary")!.buffer;
  const [from, to] = [temporaryOf(step), temporaryOf(gradients)];
  const entries = program.entries.map((entry) => ({
    ...entry,
    calls: entry.calls.map((call) => ({
      ...call,
      addresses: call.addresses.map((a) => (a.buffer === from ? { ...a, buffer: to } : a)),
    })),
  }));
  expect(() => verifyProgram({ ...program, entries })).toThrow("two entries");
});
