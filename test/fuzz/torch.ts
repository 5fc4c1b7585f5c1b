/** Many programs beside PyTorch's autograd, in one process of Python. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lacking } from "../../compiler/compare/question.ts";
import { drawn } from "../../compiler/compare/sources.ts";
import { torchProgram } from "../../compiler/compare/torch.ts";
import { ownedBy } from "../../compiler/graph/model.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { readNpz, writeNpz } from "../../cli/data/npz.ts";
import { distance } from "./distance.ts";
import type { Run } from "./run.ts";

const candidates = [process.env["NNDSL_PYTHON"], "python3", "/usr/bin/python3", "python"];

/** A Python with PyTorch and NumPy; undefined where there is none. */
export const findPython = (): string | undefined =>
  candidates.find(
    (python) => python && spawnSync(python, ["-c", "import torch, numpy"], { stdio: "ignore" }).status === 0,
  );

/**
 * Runs the numbered scripts of a folder; what one of them fails of is printed and stops no other.
 */
const DRIVER = `
import sys
folder, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    script = f"{folder}/{i}.py"
    sys.argv = [script, f"{folder}/{i}.given.npz", f"{folder}/{i}.answer.npz"]
    try:
        exec(compile(open(script).read(), script, "exec"), {"__name__": "__main__"})
    except Exception as error:
        open(f"{folder}/{i}.error", "w").write(f"{type(error).__name__}: {error}")
`;

export interface TorchReport {
  readonly compared: number;
  /** Programs with something that PyTorch, or its writer, lacks, by what that is. */
  readonly lacking: ReadonlyMap<string, number>;
  readonly wrong: readonly { readonly run: number; readonly because: string }[];
}

/** @throws Error where Python itself fails */
export function compareWithTorch(python: string, runs: readonly Run[], tolerance: number): TorchReport {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-fuzz-"));
  const lacking = new Map<string, number>();
  const wrong: { run: number; because: string }[] = [];
  const asked: number[] = [];
  try {
    runs.forEach((run, i) => {
      try {
        const { text, given } = question(run);
        writeFileSync(join(folder, `${asked.length}.py`), text);
        writeFileSync(join(folder, `${asked.length}.given.npz`), writeNpz(given));
        asked.push(i);
      } catch (error) {
        if (!(error instanceof Lacking)) throw error;
        lacking.set(error.message, (lacking.get(error.message) ?? 0) + 1);
      }
    });
    const done = spawnSync(python, ["-c", DRIVER, folder, String(asked.length)], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`Python failed: ${done.stderr}`);
    asked.forEach((run, k) => {
      const because = offense(runs[run]!, join(folder, String(k)), tolerance);
      if (because !== null) wrong.push({ run, because });
    });
    return { compared: asked.length, lacking, wrong };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function question({ model, environment }: Run): {
  readonly text: string;
  readonly given: Readonly<Record<string, Values>>;
} {
  const wanted = ownedBy(model).flatMap(({ kind }, index) => (kind === "layer-state" ? [] : [index]));
  const { text, randoms } = torchProgram(model, wanted, environment.n);
  const given = Object.fromEntries([
    ...[...environment.inputs].map(([name, values]) => [`input.${name}`, values]),
    ...[...environment.parameters].map(([i, values]) => [`parameter.${model.persistent[i]!.path}`, values]),
    ...randoms.map((node, i) => [`random.${i}`, drawn(node, environment)]),
  ]);
  return { text, given };
}

function offense(run: Run, place: string, tolerance: number): string | null {
  const error = readOptional(`${place}.error`);
  if (error !== null) return error;
  const answer = readNpz(readFileSync(`${place}.answer.npz`), place);
  const found = [["loss", [run.trainingLoss]] as const];
  const all = [...found, ...[...run.gradients].map(([path, data]) => [`gradient.${path}`, data] as const)];
  const offenses = all.flatMap(([name, ours]) => {
    const e = distance(ours, answer.get(name)!.values);
    return e <= tolerance ? [] : [`${name}: E = ${e.toExponential(2)}`];
  });
  return offenses.length === 0 ? null : offenses.join("\n");
}

function readOptional(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
