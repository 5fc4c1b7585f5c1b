/**
 * Runs that end before their time, and go on later: divergence, signals, checkpoints, `--resume`,
 * and the file at `-o` throughout.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { load } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors } from "../runtime/safetensors.ts";
import { compile } from "../compiler/index.ts";
import { checkWeights, weightBytes, type Kept } from "../cli/net.ts";
import { planRun, readRun, type Run } from "../cli/run.ts";
import { createOutput } from "../cli/output.ts";
import { onInterrupt, signalNames } from "../cli/terminal/interrupt.ts";
import { runCli, runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-runs-"));
const at = (name: string): string => join(folder, name);
const bytes = (name: string): Buffer => readFileSync(at(name));
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);

const source = `model Line {
  input x: [N, 2]
  target y: [N, 1]
  h = x |> dense(3, tanh) |> dropout(0.2) |> dense(1)
  output p = h
  loss mse(h, y)
  optimizer adam(lr = 0.01)
}
`;
const train = ["train", "line.nn", "--data", "x=line.csv:a,b", "y=line.csv:y"];
const rows = 50;

beforeAll(() => {
  writeFileSync(at("line.nn"), source);
  const lines = Array.from({ length: rows }, (_, i) => {
    const [a, b] = [Math.sin(i), Math.cos(2 * i)];
    return `${a},${b},${3 * a - 2 * b + 1}`;
  });
  writeFileSync(at("line.csv"), `a,b,y\n${lines.join("\n")}\n`);
  writeFileSync(at("short.csv"), `a,b,y\n${lines.slice(1).join("\n")}\n`);
});

async function good(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("a loss that is not finite", () => {
  test("ends the run there, says where and what to do, and leaves the file at -o", async () => {
    await good(...train, "--epochs", "1", "-o", "keep.safetensors");
    const before = bytes("keep.safetensors");
    const args = [...train, "--epochs", "2000", "--batch", "7", "--opt", "lr=1e30", "-o", "keep.safetensors"];
    const { code, stderr, stdout } = await run(...args, "--json");
    expect(code).toBe(1);
    const { diverged, diagnostics, history, steps, weights } = JSON.parse(stdout);
    expect(diverged).toMatchObject({ epoch: 1, batch: 2, step: 2 });
    expect({ steps, history, weights }).toEqual({ steps: 2, history: [], weights: undefined });
    expect(diagnostics).toMatchObject([{ code: "diverged", severity: "error", file: "line.nn" }]);
    expect(stderr).toContain("error[diverged]: the loss stopped being finite at step 2, in epoch 1: it is ");
    expect(stderr).toContain("--lr");
    expect(stderr).toContain("keep.safetensors is as it was");
    expect(bytes("keep.safetensors").equals(before)).toBe(true);
    expect((await run(...args)).stdout).toBe("");
  });

  test("leaves no file where there was none, and the last checkpoint where there was one", async () => {
    await run(...train, "--lr", "1e30", "-o", "none.safetensors");
    expect(existsSync(at("none.safetensors"))).toBe(false);

    writeFileSync(at("grow.nn"), "model Grow {\n  param x = 1\n  loss exp(x)\n  optimizer sgd(lr = -1)\n}\n");
    const { code, stderr } = await run(
      "train",
      "grow.nn",
      "--epochs",
      "9",
      "--checkpoint",
      "1",
      "-o",
      "grow.safetensors",
    );
    // x is 1, 1 + e = 3.7, 44.9, 3.2e19, and e to that is infinite.
    expect(code).toBe(1);
    expect(stderr).toContain("at step 4, in epoch 4: it is Infinity");
    expect(stderr).toContain("grow.safetensors is as epoch 3 left it");
    expect(readSafetensors(bytes("grow.safetensors")).metadata["epochs"]).toBe("3");
  });
});

/**
 * Runs `train` and sends signals: the first once training has begun, so the place in the epoch is
 * any.
 */
const stopped = (signal: NodeJS.Signals, ...args: string[]): Promise<CliResult> => {
  let sent = false;
  return runCli([...train, ...args], {
    cwd: folder,
    onStderr: (text, child) => {
      if (sent || !text.includes("training")) return;
      sent = true;
      child.kill(signal);
    },
  });
};

describe("signals", () => {
  test.each([
    { signal: "SIGINT", exit: 130 },
    { signal: "SIGTERM", exit: 143 },
    { signal: "SIGHUP", exit: 129 },
  ] as const)(
    "$signal ends a run that is saved and goes on as if nothing had been",
    async ({ signal, exit }) => {
      const common = ["--batch", "3", "--seed", "4", "--epochs", "2000"];
      const whole = `${signal}-whole.safetensors`;
      const part = `${signal}.safetensors`;
      await good(...train, ...common, "-o", whole);
      const { code, stderr } = await stopped(signal, ...common, "-o", part);
      expect(stderr).toContain(`the weights so far are in ${part}; --resume continues from there`);
      expect(code).toBe(exit);
      const { metadata } = readSafetensors(bytes(part));
      expect(Number(metadata["step"])).toBeGreaterThan(0);
      // The same command line goes on to the same end.
      await good(...train, ...common, "-o", part, "--resume", part);
      expect(bytes(part).equals(bytes(whole))).toBe(true);
    },
  );

  test("a second one stops at once, but for one that comes with the first", () => {
    const now = vi.spyOn(performance, "now");
    const exit = vi.spyOn(process, "exit").mockImplementation(() => {
      throw new Error("exit");
    });
    const said: string[] = [];
    const output = {
      ...createOutput({ json: false, color: false }),
      say: (line: string) => void said.push(line),
    };
    const stop = onInterrupt(output);
    try {
      now.mockReturnValue(1000);
      process.emit("SIGTERM", "SIGTERM");
      expect(stop.signal.aborted).toBe(true);
      now.mockReturnValue(1100);
      process.emit("SIGHUP", "SIGHUP");
      expect(exit).not.toHaveBeenCalled();
      now.mockReturnValue(2000);
      expect(() => process.emit("SIGHUP", "SIGHUP")).toThrow("exit");
      expect(exit).toHaveBeenCalledWith(129);
      expect(said.join()).toContain("stopped at once");
      expect(stop.received()).toEqual({ by: "SIGTERM", code: 143 });
    } finally {
      stop.release();
      vi.restoreAllMocks();
    }
    for (const name of signalNames) expect(process.listenerCount(name)).toBe(0);
  });
});

describe("--checkpoint", () => {
  test("writes every K epochs; a run that is killed goes on from there to the same bytes", async () => {
    const common = ["--batch", "9", "--epochs", "3000", "--checkpoint", "7"];
    await good(...train, ...common, "-o", "checked.safetensors");
    mkdirSync(at("killed"));
    const part = "killed/w.safetensors";
    const child = { kill: (): void => undefined };
    const watcher = watch(at("killed"), (_, name) => {
      if (name === "w.safetensors") child.kill();
    });
    const { code } = await runCli([...train, ...common, "-o", part], {
      cwd: folder,
      onStderr: (_, process) => {
        child.kill = () => void process.kill("SIGKILL");
      },
    });
    watcher.close();
    expect(code).toBe(null);
    const { metadata } = readSafetensors(bytes(part));
    expect(Number(metadata["epochs"]) % 7).toBe(0);
    await good(...train, "-o", part, "--resume", part, "--checkpoint", "7");
    expect(bytes(part).equals(bytes("checked.safetensors"))).toBe(true);
    expect(readdirSync(at("killed"))).toEqual(["w.safetensors"]);
  });

  test("needs -o", async () => {
    const { code, stderr } = await run(...train, "--checkpoint", "1");
    expect(code).toBe(2);
    expect(stderr).toContain("add -o");
  });
});

describe("what a file says of its run", () => {
  const begun: Run = { epochs: 5, last: 7, batch: 8, shuffle: true, rows, batches: 2, loss: 1.5 };
  const asked = { epochs: undefined, batch: undefined, shuffle: undefined, restartEpoch: false };

  test("is what --resume goes on with, where the command line says nothing or the same", () => {
    const plan = planRun({ epochs: 3, run: begun }, asked, rows);
    expect(plan).toEqual({
      firstEpoch: 4,
      firstBatch: 3,
      lossBefore: 1.5,
      epochs: 4,
      run: { epochs: 5, last: 7, batch: 8, shuffle: true, rows },
    });
    expect(planRun({ epochs: 3, run: begun }, { ...asked, epochs: 5, batch: 8 }, rows)).toEqual(plan);
  });

  test("gives way to another number of epochs: so many more", () => {
    expect(planRun({ epochs: 3, run: begun }, { ...asked, epochs: 2 }, rows)).toMatchObject({
      firstEpoch: 4,
      firstBatch: 3,
      epochs: 2,
      run: { epochs: 2, last: 5 },
    });
    expect(planRun({ epochs: 3, run: null }, { ...asked, epochs: 5 }, rows)).toMatchObject({
      firstEpoch: 4,
      epochs: 5,
      run: { last: 8, batch: 32, shuffle: true },
    });
    // None more: the place stays as it is.
    expect(planRun({ epochs: 3, run: begun }, { ...asked, epochs: 0 }, rows)).toMatchObject({
      firstBatch: 3,
      epochs: 0,
      run: { epochs: 5, last: 7 },
    });
  });

  test.each([
    { why: "another batch", change: { batch: 4 }, now: rows, says: "with --batch 8, but now it is 4" },
    { why: "other data", change: {}, now: rows - 1, says: "with 50 rows, but the data now has 49" },
    { why: "another order", change: { shuffle: false }, now: rows, says: "shuffled rows" },
  ] as const)("does not go on in an epoch with $why", ({ change, now, says }) => {
    const plan = (more: object) => planRun({ epochs: 3, run: begun }, { ...asked, ...change, ...more }, now);
    expect(() => plan({})).toThrow(says);
    expect(() => plan({})).toThrow("epoch 4 stopped after batch 2 of 7");
    expect(plan({ restartEpoch: true })).toMatchObject({ firstEpoch: 4, firstBatch: 1, lossBefore: 0 });
  });

  test("may change between epochs", () => {
    const paused = { epochs: 3, run: { ...begun, batches: 0, loss: 0 } };
    expect(planRun(paused, { ...asked, batch: 4 }, 49).run).toMatchObject({ batch: 4, rows: 49 });
  });

  test("is refused where it is damaged", () => {
    expect(readRun(JSON.stringify(begun))).toEqual(begun);
    expect(readRun(undefined)).toBe(null);
    for (const damage of [
      { batches: 7 },
      { batches: -1 },
      { batch: 0 },
      { rows: 1.5 },
      { shuffle: 1 },
      { loss: null },
      { last: "7" },
    ]) {
      expect(() => readRun(JSON.stringify({ ...begun, ...damage }))).toThrow("does not say where");
    }
    for (const text of ["", "null", "[]", "{"]) expect(() => readRun(text)).toThrow("does not say where");
  });

  test("keeps its seed", async () => {
    await good(...train, "--seed", "3", "--epochs", "1", "-o", "seed.safetensors");
    const other = await run(...train, "--seed", "4", "--resume", "seed.safetensors");
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("seed.safetensors continues with its own seed, 3, not with --seed 4");
    await good(...train, "--seed", "3", "--resume", "seed.safetensors");
  });
});

describe("the file at -o", () => {
  test.each([
    ["weights.pt", "weights.safetensors"],
    ["w.PTH", "w.safetensors"],
    ["w.bin", "w.safetensors"],
    ["w.h5", "w.safetensors"],
    ["w.onnx", "w.safetensors"],
    ["w.npz", "w.safetensors"],
    ["weights", "weights.safetensors"],
    ["v1.2", "v1.2.safetensors"],
    ["my weights.pt", "'my weights.safetensors'"],
    ["new/", "new/line.safetensors"],
  ])("%s is refused before anything is done, and %s proposed", async (name, proposed) => {
    const { code, stderr } = await run(...train, "-o", name);
    expect(code).toBe(2);
    expect(stderr).toContain("error[bad-option]");
    expect(stderr).toContain(`write -o ${proposed};`);
    expect(stderr).not.toContain("compiling");
  });

  test("is refused where it or its folder is read-only, before anything is done", async () => {
    writeFileSync(at("locked.safetensors"), "old", { mode: 0o444 });
    mkdirSync(at("locked"), { mode: 0o555 });
    for (const name of ["locked.safetensors", "locked/w.safetensors", "locked/new/w.safetensors"]) {
      const { code, stderr } = await run(...train, "-o", name);
      expect({ name, code }).toEqual({ name, code: 2 });
      expect(stderr).toContain("error[not-writable]");
      expect(stderr).toContain("is read-only");
      expect(stderr).not.toContain("compiling");
    }
    expect(readFileSync(at("locked.safetensors"), "utf8")).toBe("old");
    expect(readdirSync(at("locked"))).toEqual([]);
    chmodSync(at("locked"), 0o755);
  });

  test("is read back before it is replaced: what would not be read as it was made is a fault", async () => {
    const { wasm } = await compile(source);
    const net = await load(wasm);
    const kept: Kept = {
      categories: { y: { kind: ["cat"] } },
      columns: { x: ["a", "b"] },
      epochs: 3,
      run: null,
    };
    const made = weightBytes(net, kept);
    checkWeights(net, kept, made);
    const { tensors, metadata } = readSafetensors(made);
    const [first, ...rest] = [...tensors];
    const changed = { shape: first![1].shape, data: first![1].data.map((v) => v + 1) };
    for (const damaged of [
      writeSafetensors(rest, metadata),
      writeSafetensors([...tensors, ["more", first![1]]], metadata),
      writeSafetensors([[first![0], changed], ...rest], metadata),
      writeSafetensors(tensors, { ...metadata, epochs: "4" }),
      writeSafetensors(tensors, { ...metadata, labels: "{}" }),
      made.subarray(0, made.length - 1),
    ]) {
      expect(() => checkWeights(net, kept, damaged)).toThrow();
    }
  });
});
