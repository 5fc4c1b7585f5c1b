/** `train` with `--validate`, `--patience` and `--history`. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createOutput } from "../cli/output.ts";
import { planWatch, readRun, type Run } from "../cli/run.ts";
import type { Interrupt } from "../cli/terminal/interrupt.ts";
import type { TrainArguments } from "../cli/train/arguments.ts";
import { readHistory } from "../cli/train/history.ts";
import { trainCommand } from "../cli/train/train.ts";
import { compile } from "../compiler/index.ts";
import { load, type Net } from "../runtime/index.ts";
import { readSafetensors } from "../runtime/safetensors.ts";
import { runCli, runHere, type CliResult } from "./helpers/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-validation-"));
const at = (name: string): string => join(folder, name);
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(at(name)));
const run = (...args: string[]): Promise<CliResult> => runHere(args, folder);

const source = `model Curve {
  input x: [N, 2]
  target y: [N, 1]
  z = x |> dense(6, tanh) |> dropout(0.1) |> dense(1)
  output p = z
  metric r2(z, y)
  loss mse(z, y)
  optimizer adam(lr = 0.02)
}
`;
const rows = 60;
const x = Array.from({ length: rows }, (_, i) => [Math.sin(i * i), Math.cos(2 * i * i)] as const);
// Half of it is noise that nothing explains, so that the loss on other rows grows again.
const y = x.map(([a, b], i) => a * b + Math.sin(i * i * i));
const table = (from: number, to: number): string =>
  `a,b,y\n${x
    .slice(from, to)
    .map(([a, b], i) => `${a},${b},${y[from + i]}`)
    .join("\n")}\n`;
const train = ["train", "curve.nn", "--data", "x=all.csv:a,b", "y=all.csv:y", "--batch", "5"];

let module: WebAssembly.Module;
beforeAll(async () => {
  writeFileSync(at("curve.nn"), source);
  writeFileSync(at("all.csv"), table(0, rows));
  writeFileSync(at("rest.csv"), table(40, rows));
  module = await WebAssembly.compile((await compile(source)).wasm);
});

async function good(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

async function fitted(options: Parameters<Net["fit"]>[1], seed = 0) {
  const net = await load(module, { seed });
  const report = await net.fit({ x: Float32Array.from(x.flat()), y: Float32Array.from(y) }, options);
  return { net, report };
}

/** The parameters in a file and in a net. */
function expectSame(name: string, net: Net): void {
  const { tensors } = readSafetensors(bytes(name));
  for (const { path } of net.manifest.parameters)
    expect({ path, data: tensors.get(path)!.data }).toEqual({ path, data: net.get(path).data });
}

describe("--validate and --patience", () => {
  test("hold out the rows, choose the epoch and end where fit does", async () => {
    const { net, report } = await fitted({ epochs: 200, batch: 5, validate: 0.3, patience: 4 }, 7);
    expect(report.stopped).toBe("patience");
    const args = [...train, "--seed", "7", "--epochs", "200", "--validate", "0.3", "--patience", "4"];
    const result = await good(...args, "-o", "a.safetensors");
    const { epoch, loss } = report.best!;
    expect(result).toMatchObject({
      epochs: epoch + 4,
      best: { epoch, loss },
      stopped: "patience",
      validation: report.history[epoch - 1]!.validation,
    });
    const bare = (list: typeof report.history): unknown =>
      list.map((epoch) => ({ ...epoch, best: undefined, seconds: undefined }));
    expect(bare(result.history)).toEqual(bare(report.history));
    expectSame("a.safetensors", net);
    // The weights are those of the best epoch, and so is what the file says of them.
    const { metadata } = readSafetensors(bytes("a.safetensors"));
    expect(metadata).toMatchObject({ epochs: String(epoch), step: String(net.steps) });
    expect(metadata["run"]).toBe(undefined);

    const { stdout, stderr } = await run(...args);
    expect(stderr).toContain("on 42 rows, 5 a step, 18 to validate");
    expect(stderr).toMatch(/epoch +10\/200 {2}loss [\d.]+ {2}validation [\d.]+/);
    expect(stdout).toContain("validation loss, by epoch");
    expect(stdout).toContain(`epoch ${epoch} was the best: none of the 4 after it had a lower loss`);
  });

  test("validate on files too", async () => {
    const held = { x: Float32Array.from(x.slice(40).flat()), y: Float32Array.from(y.slice(40)) };
    const { report } = await fitted({ epochs: 3, batch: 5, validate: held });
    const { history, validation } = await good(
      ...train,
      "--epochs",
      "3",
      "--validate",
      "x=rest.csv:a,b",
      "y=rest.csv:y",
    );
    expect(history.map((epoch: any) => epoch.validation)).toEqual(
      report.history.map((epoch) => epoch.validation),
    );
    expect(validation).toEqual(report.history[2]!.validation);
  });

  test.each([
    ["--validate 0", "bad-option"],
    ["--validate 1", "bad-option"],
    ["--validate 10%", "bad-option"],
    ["--validate -0.5", "bad-option"],
    ["--validate 1.2.3", "bad-option"],
    ["--validate none.csv", "missing-file"],
    ["--validate x=all.csv:a,b", "data-missing-input"],
    ["--patience 0", null],
    ["--patience 1.5", null],
    ["--history h.json", "bad-option"],
    ["--history same.safetensors -o same.safetensors", "bad-option"],
  ])("%s is refused", async (text, code) => {
    const { code: exit, stderr } = await run(...train, "--epochs", "1", ...text.split(" "));
    expect(exit).toBe(code?.startsWith("data-") ? 1 : 2);
    expect(stderr).toContain(code === null ? "It must be an integer" : `error[${code}]`);
  });
});

describe("a run with patience that goes on from its file", () => {
  const common = [...train, "--validate", "0.3", "--patience", "6", "--epochs", "3000", "--lr", "0.004"];

  test("comes to the same bytes after it was killed", async () => {
    const whole = await good(...common, "-o", "whole.safetensors");
    expect(whole.stopped).toBe("patience");
    expect(whole.epochs).toBeGreaterThan(12);

    await good(...common, "--checkpoint", "4", "-o", "k.safetensors");
    expect(bytes("k.safetensors")).toEqual(bytes("whole.safetensors"));

    let sent = false;
    const { code } = await runCli([...common, "--checkpoint", "4", "-o", "killed.safetensors"], {
      cwd: folder,
      onStderr: (text, child) => {
        if (sent || !text.includes("training")) return;
        sent = true;
        const wait = setInterval(() => {
          if (!existsSync(at("killed.safetensors"))) return;
          clearInterval(wait);
          child.kill("SIGKILL");
        }, 1);
      },
    });
    // It may have come to its end before the signal.
    expect([null, 0]).toContain(code);
    if (code === null) {
      const { metadata, tensors } = readSafetensors(bytes("killed.safetensors"));
      expect(JSON.parse(metadata["run"]!)).toMatchObject({ watch: { validate: 0.3, patience: 6 } });
      expect(tensors.get("optimizer.best")!.data.length).toBeGreaterThan(0);
      await good(...train, "--resume", "killed.safetensors", "-o", "killed.safetensors");
    }
    expect(bytes("killed.safetensors")).toEqual(bytes("whole.safetensors"));
  });

  /** Runs in this process, and asks to stop as the line of an epoch is said. */
  async function stopAt(epoch: number, to: string): Promise<void> {
    const control = new AbortController();
    const stop: Interrupt = {
      signal: control.signal,
      received: () => (control.signal.aborted ? { by: "a test", code: 130 } : null),
      release: () => {},
    };
    const output = {
      ...createOutput({ json: false, color: false }),
      say: (line: string) => void (line.startsWith(`epoch ${String(epoch).padStart(2)}/`) && control.abort()),
      write: () => {},
      aside: () => {},
    };
    const options: TrainArguments = {
      data: [`x=${at("all.csv")}:a,b`, `y=${at("all.csv")}:y`],
      set: {},
      opt: {},
      seed: 0,
      batch: 5,
      threads: 1,
      dtype: "f32",
      simd: "strict",
      epochs: 20,
      lr: 0.05,
      validate: ["0.3"],
      patience: 3,
      shuffle: true,
      restartEpoch: false,
      output: at(to),
    };
    await trainCommand(at("curve.nn"), options, false, stop, output);
    expect(process.exitCode).toBe(130);
    process.exitCode = 0;
  }

  test("does so from every epoch, the last included", async () => {
    const args = [...train, "--validate", "0.3", "--patience", "3", "--epochs", "20", "--lr", "0.05"];
    const { epochs, stopped } = await good(...args, "-o", "end.safetensors");
    expect(stopped).toBe("patience");
    for (const epoch of [1, epochs - 2, epochs]) {
      await stopAt(epoch, "stopped.safetensors");
      const { metadata } = readSafetensors(bytes("stopped.safetensors"));
      expect(metadata["epochs"]).toBe(String(epoch));
      const rest = await good(...train, "--resume", "stopped.safetensors", "-o", "stopped.safetensors");
      expect(rest).toMatchObject({ epochs: epochs - epoch, stopped: "patience" });
      expect(bytes("stopped.safetensors")).toEqual(bytes("end.safetensors"));
    }
  });

  test("needs its data again, where it was validated on files", () => {
    const run: Run = { epochs: 9, last: 9, batch: 5, shuffle: true, rows, batches: 0, loss: 0 };
    const best = { epoch: 2, loss: 1, weights: new Uint8Array() };
    const files: Run = { ...run, watch: { validate: "data", patience: 3 } };
    const nothing = { validate: undefined, patience: undefined };
    expect(() => planWatch({ run: files, best }, nothing)).toThrow("the loss on other data");
    expect(planWatch({ run: files, best }, { ...nothing, validate: "data" })).toEqual({
      validate: "data",
      patience: 3,
      best,
    });
    // Losses of other rows cannot be compared, so patience begins anew.
    const share: Run = { ...run, watch: { validate: 0.3, patience: 3 } };
    expect(planWatch({ run: share, best }, nothing)).toEqual({ validate: 0.3, patience: 3, best });
    expect(planWatch({ run: share, best }, { ...nothing, validate: 0.2 })).toEqual({
      validate: 0.2,
      patience: 3,
    });
    for (const watch of [{ validate: 2, patience: 3 }, { validate: null, patience: 0 }, [], 3])
      expect(() => readRun(JSON.stringify({ ...run, watch }))).toThrow("does not say where");
  });
});

describe("--history", () => {
  test("keeps each epoch, and weights along the way, the last being those of the file", async () => {
    const args = [...train, "--epochs", "40", "--validate", "0.3"];
    const result = await good(...args, "--history", "h.safetensors", "-o", "w.safetensors");
    const { model, epochs, points, weights } = await readHistory(at("h.safetensors"));
    expect(model).toBe("Curve");
    expect(epochs).toEqual(result.history);
    expect(epochs[0]!.metrics).toEqual({ r2: expect.any(Number) });
    expect(points[0]).toEqual({ step: 0, epoch: 1 });
    const steps = points.map(({ step }) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(points.length).toBeGreaterThan(100);
    expect(points.length).toBeLessThanOrEqual(201);
    const net = await load(module);
    const first = weights.get("z.0.weight")!;
    expect(first.shape).toEqual([points.length, 6, 2]);
    expect(first.data.slice(0, 12)).toEqual(net.get("z.0.weight").data);
    const last = readSafetensors(bytes("w.safetensors")).tensors.get("z.0.weight")!;
    expect(first.data.slice(-12)).toEqual(last.data);
    // Each point is where the run was then.
    const { step } = points[3]!;
    await net.fit(
      { x: Float32Array.from(x.flat()), y: Float32Array.from(y) },
      {
        batch: 5,
        validate: 0.3,
        epochs: 40,
        onStep: (made) => {
          if (made.step === step) expect(first.data.slice(36, 48)).toEqual(net.get("z.0.weight").data);
        },
      },
    );
  });

  test("goes on where the run goes on, and changes nothing of it", async () => {
    const args = [...train, "--epochs", "3"];
    await good(...args, "-o", "p.safetensors");
    await good(...args, "--history", "i.safetensors", "-o", "q.safetensors");
    expect(bytes("q.safetensors")).toEqual(bytes("p.safetensors"));
    await good(...args, "--resume", "q.safetensors", "--history", "i.safetensors", "-o", "q.safetensors");
    const { epochs, points } = await readHistory(at("i.safetensors"));
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 73 }, (_, i) => i));
  });

  test("is told from other files", async () => {
    await good(...train, "--epochs", "1", "-o", "n.safetensors");
    const { code, stderr } = await run(...train, "--resume", "n.safetensors", "--history", "w.safetensors");
    expect(code).toBe(1);
    expect(stderr).toContain("error[bad-history]");
  });

  test.each([
    { what: "another model", from: "Curve", to: "Bend", seed: "0", why: "its model is Curve, not Bend" },
    { what: "another shape", from: "dense(6", to: "dense(7", seed: "0", why: "`z.0.weight` of this shape" },
    { what: "another seed", from: "Curve", to: "Curve", seed: "1", why: "its seed is 0, not 1" },
  ])("of $what is refused before the first step, and stays as it was", async ({ from, to, seed, why }) => {
    await good(...train, "--epochs", "2", "--history", "before.safetensors");
    const before = bytes("before.safetensors");
    writeFileSync(at("other.nn"), source.replace(from, to));
    const other = ["train", "other.nn", ...train.slice(2), "--epochs", "2", "-o", "other.safetensors"];
    await good(...other, "--seed", seed);
    const weights = bytes("other.safetensors");
    const args = [...other, "--resume", "other.safetensors", "--history", "before.safetensors"];
    const { code, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(stderr).toContain("error[bad-history]: it is of another run");
    expect(stderr).toContain(why);
    expect(bytes("before.safetensors")).toEqual(before);
    expect(bytes("other.safetensors")).toEqual(weights);
  });
});
