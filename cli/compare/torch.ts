/**
 * Runs the comparison's PyTorch in a Python of this machine, with data and answer in files of a
 * folder that is gone afterwards.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lacking, type Answer, type Question } from "../../compiler/compare/question.ts";
import { drawn } from "../../compiler/compare/sources.ts";
import { torchProgram } from "../../compiler/compare/torch.ts";
import { pathOf } from "../../compiler/graph/model.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { readNpz, writeNpz } from "../data/npz.ts";
import { exitCodes } from "../failures.ts";

/** `NNDSL_PYTHON` and no other where it is set. */
const pythons = (): readonly string[] => {
  const chosen = process.env["NNDSL_PYTHON"] ?? "";
  return chosen === "" ? ["python3", "/usr/bin/python3", "python"] : [chosen];
};

/** @throws Lacking where no Python has PyTorch, or the program fails in it */
export async function askTorch(
  question: Question,
): Promise<{ readonly answer: Answer; readonly version: string }> {
  const { model, environment, wanted } = question;
  const { text, randoms } = torchProgram(model, wanted, environment.n);
  const folder = await mkdtemp(join(tmpdir(), "nndsl-compare-"));
  const interrupted = (): void => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(exitCodes.interrupted);
  };
  process.once("SIGINT", interrupted);
  try {
    const [script, given, answer] = ["loss.py", "given.npz", "answer.npz"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const arrays: Record<string, Values> = Object.fromEntries([
      ...[...environment.inputs].map(([name, values]) => [`input.${name}`, values]),
      ...[...environment.parameters].map(([i, values]) => [`parameter.${pathOf(model, i)}`, values]),
      ...randoms.map((node, i) => [`random.${i}`, drawn(node, environment)]),
    ]);
    await writeFile(script, text);
    await writeFile(given, writeNpz(arrays));
    const version = await runAny([script, given, answer]);
    const found = readNpz(await readFile(answer), answer);
    return {
      version,
      answer: {
        loss: found.get("loss")!.values[0]!,
        gradients: new Map(
          wanted.map((i) => [i, { data: found.get(`gradient.${pathOf(model, i)}`)!.values }]),
        ),
      },
    };
  } finally {
    process.off("SIGINT", interrupted);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a script with the first Python that has what it needs. @returns PyTorch's version */
async function runAny(args: readonly string[]): Promise<string> {
  const tried: string[] = [];
  for (const python of pythons()) {
    const { code, stdout, stderr } = await run(python, args);
    if (code === 0) return stdout.trim();
    const lastLine = stderr.trim().split("\n").at(-1) ?? "";
    const missing = /No module named '(torch|numpy)/.exec(lastLine)?.[1];
    if (code !== null && missing === undefined) throw new Lacking(`what this needs: ${lastLine}`);
    tried.push(code === null ? `no ${python}` : `${python} has no ${missing}`);
  }
  throw new Lacking(`a Python with PyTorch and NumPy (${tried.join(", ")}); name one by NNDSL_PYTHON`);
}

interface Ended {
  /** Null where there is no such program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", () => done({ code: null, stdout, stderr }));
    child.on("close", (code, signal) =>
      done({ code: code ?? 1, stdout, stderr: signal === null ? stderr : `${stderr}\nended by ${signal}` }),
    );
  });
}
