/**
 * Programs of kernels made wrong: places that two living tensors share, and calls in a wrong order.
 * The verifier must refuse them.
 */
import { readFileSync, readdirSync } from "node:fs";
import { analyze } from "../../compiler/analyze.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { KernelProgram } from "../../compiler/schedule/kernel.ts";
import { schedule } from "../../compiler/schedule/schedule.ts";
import { verifyProgram } from "../../compiler/schedule/verify-program.ts";
import type { Outcome, Tried } from "./outcome.ts";

const folder = new URL("../../test/cases/", import.meta.url);

/** Of each program, at most so many of a kind. */
const MOST = 4;

export async function programMutants(): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".nn"))) {
    const { joint } = await analyze(readFileSync(new URL(file, folder), "utf8"));
    const program = schedule(runPasses(joint, "lower", "simplify-lowered"));
    const outcomes = [
      ...sharedPlaces(program).slice(0, MOST),
      ...swappedCalls(program).slice(0, MOST),
      ...shortArenas(program),
    ].map(({ name, mutant }) => ({ name, outcome: judge(mutant) }));
    if (outcomes.length > 1)
      tried.push({ name: `program of ${file}`, unsound: judge(program) === "caught", outcomes });
  }
  return tried;
}

interface Mutant {
  readonly name: string;
  readonly mutant: KernelProgram;
}

function judge(program: KernelProgram): Outcome {
  try {
    verifyProgram(program);
    return "missed";
  } catch {
    return "caught";
  }
}

/** Two tensors that one kernel reads, or that one kernel writes, at one place. */
function sharedPlaces(program: KernelProgram): Mutant[] {
  const { buffers, kernels, arena } = program;
  const found = new Map<string, Mutant>();
  for (const { calls } of program.entries) {
    for (const { kernel, addresses } of calls) {
      const { operands } = kernels[kernel]!;
      for (const [i, { buffer: a }] of addresses.entries()) {
        for (const [j, { buffer: b }] of addresses.entries()) {
          const [from, to] = [arena.places[a]!, arena.places[b]!];
          if (a === b || buffers[a]!.role.kind !== "temporary" || from.part !== to.part) continue;
          if (from.part === "table" || operands[i]!.access !== operands[j]!.access) continue;
          const places = arena.places.with(a, to);
          found.set(`${a} ${b}`, {
            name: `${buffers[a]!.name} at ${buffers[b]!.name}`,
            mutant: { ...program, arena: { ...arena, places } },
          });
        }
      }
    }
  }
  return [...found.values()];
}

/** A call before the one whose result it reads. */
function swappedCalls(program: KernelProgram): Mutant[] {
  const { buffers, kernels } = program;
  return program.entries.flatMap((entry, e) =>
    entry.calls.flatMap((call, i): Mutant[] => {
      const before = entry.calls[i - 1];
      if (before === undefined) return [];
      const writes = before.addresses.flatMap(({ buffer }, k) =>
        kernels[before.kernel]!.operands[k]!.access === "write" && buffers[buffer]!.role.kind === "temporary"
          ? [buffer]
          : [],
      );
      const firstTime = writes.filter(
        (buffer) =>
          !entry.calls.slice(0, i - 1).some(({ addresses }) => addresses.some((a) => a.buffer === buffer)),
      );
      const reads = call.addresses.some(
        ({ buffer }, k) => firstTime.includes(buffer) && kernels[call.kernel]!.operands[k]!.access === "read",
      );
      if (!reads) return [];
      const calls = entry.calls.with(i - 1, call).with(i, before);
      return [
        {
          name: `${kernels[call.kernel]!.name} before ${kernels[before.kernel]!.name}`,
          mutant: { ...program, entries: program.entries.with(e, { ...entry, calls }) },
        },
      ];
    }),
  );
}

/** An arena that ends within its last tensor. */
const shortArenas = (program: KernelProgram): Mutant[] =>
  (["fixed", "perRow"] as const)
    .filter((part) => program.arena[part] > 0)
    .map((part) => ({
      name: `${part} short`,
      mutant: { ...program, arena: { ...program.arena, [part]: program.arena[part] - 16 } },
    }));
