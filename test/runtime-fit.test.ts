import { describe, expect, test } from "vitest";
import { load, NndslError, type EpochReport, type Net, type StepReport } from "../runtime/index.ts";
import { fakeModule } from "./helpers/fake-module.ts";

const line = async (seed = 1): Promise<Net> => load(await fakeModule(), { seed });

/** y = 2 x₀ - 3 x₁ + 1, exactly. */
function examples(rows: number): { x: Float32Array; y: Float32Array } {
  const x = Float32Array.from({ length: rows * 2 }, (_, i) => ((i * 37) % 17) / 8 - 1);
  return { x, y: Float32Array.from({ length: rows }, (_, i) => 2 * x[2 * i]! - 3 * x[2 * i + 1]! + 1) };
}

describe("fit", () => {
  test("learns the line", async () => {
    const net = await line();
    const { loss, history, steps, epochs } = await net.fit(examples(50), { epochs: 30, batch: 8 });
    expect({ steps, epochs, reports: history.length }).toEqual({ steps: 30 * 7, epochs: 30, reports: 30 });
    expect(loss).toBeLessThan(1e-6);
    expect(net.get("z.weight").data[0]).toBeCloseTo(2, 3);
    expect(net.get("z.weight").data[1]).toBeCloseTo(-3, 3);
    expect(net.get("z.bias").data[0]).toBeCloseTo(1, 3);
  });

  test("in order is the same as steps on the slices, the rest being a batch too", async () => {
    const { x, y } = examples(11);
    const [fitted, stepped] = [await line(), await line()];
    const losses: number[] = [];
    const { history } = await fitted.fit({ x, y }, { batch: 4, shuffle: false });
    for (const [from, to] of [
      [0, 4],
      [4, 8],
      [8, 11],
    ] as const) {
      losses.push(stepped.step({ x: x.slice(2 * from, 2 * to), y: y.slice(from, to) }) * (to - from));
    }
    expect(fitted.save()).toEqual(stepped.save());
    expect(history[0]!.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 11, 10);
  });

  test("shuffles every row in once an epoch, by seed and epoch alone", async () => {
    const data = examples(10);
    const run = async (options: object, net?: Net) => {
      const one = net ?? (await line());
      await one.fit(data, { batch: 3, ...options });
      return one;
    };
    const a = (await run({ epochs: 4, seed: 5 })).save();
    expect((await run({ epochs: 4, seed: 5 })).save()).toEqual(a);
    expect((await run({ epochs: 4, seed: 6 })).save()).not.toEqual(a);
    expect((await run({ epochs: 4, shuffle: false })).save()).not.toEqual(a);
    // Paused after two epochs and taken up again.
    const paused = await run({ epochs: 2, seed: 5 });
    expect((await run({ epochs: 2, seed: 5, firstEpoch: 3 }, paused)).save()).toEqual(a);

    // With one row a step and no momentum the sum of biases' changes over x = 0 tells which rows were seen.
    const net = await line();
    const seen: number[] = [];
    net.hyper["momentum"] = 0;
    const y = Float32Array.from({ length: 1000 }, (_, i) => i);
    await net.fit(
      { x: new Float32Array(2000), y },
      {
        batch: 1,
        onStep: ({ loss }) => {
          seen.push(Math.round(Math.sqrt(loss)));
          net.set("z.bias", [0]);
        },
      },
    );
    expect(seen).not.toEqual(Array.from(y));
    expect(seen.sort((p, q) => p - q)).toEqual(Array.from(y));
  });

  test("has another order in each epoch", async () => {
    const net = await line();
    const y = Float32Array.from({ length: 20 }, (_, i) => i);
    const seen: [number[], number[]] = [[], []];
    net.hyper["lr"] = 0;
    net.set("z.weight", [0, 0]);
    await net.fit(
      { x: new Float32Array(40), y },
      { batch: 1, epochs: 2, onStep: ({ epoch, loss }) => seen[epoch === 1 ? 0 : 1].push(Math.sqrt(loss)) },
    );
    expect(seen[0]).not.toEqual(seen[1]);
    expect(seen[0].toSorted((a, b) => a - b)).toEqual(seen[1].toSorted((a, b) => a - b));
  });

  test("takes the rows of a free axis that is not the first", async () => {
    // Columns of x are the rows of the batch: the same numbers to both nets, as a matrix in parts and whole.
    const bytes = await fakeModule((manifest) => ({
      ...manifest,
      inputs: manifest.inputs.map((input) => ({ ...input, shape: [input.role === "input" ? 2 : 1, "N"] })),
    }));
    const [fitted, stepped] = [await load(bytes), await load(bytes)];
    await fitted.fit(
      {
        x: [
          [1, 2, 3],
          [4, 5, 6],
        ],
        y: [7, 8, 9],
      },
      { batch: 2, shuffle: false },
    );
    stepped.step({ x: [1, 2, 4, 5], y: [7, 8] });
    stepped.step({ x: [3, 6], y: [9] });
    expect(fitted.save()).toEqual(stepped.save());
  });

  test("shuffles more rows than the memory holds", async () => {
    const net = await line();
    const rows = 100_000;
    await net.fit(examples(rows), { batch: 1000 });
    expect(net.steps).toBe(100);
    expect(net.get("z.bias").data[0]).toBeCloseTo(1, 3);
  });

  test("reports steps and epochs, and awaits what the callbacks return", async () => {
    const net = await line();
    const steps: StepReport[] = [];
    const epochs: EpochReport[] = [];
    let waiting = false;
    await net.fit(examples(5), {
      epochs: 2,
      batch: 4,
      onStep: (report) => {
        expect(waiting).toBe(false);
        steps.push(report);
        waiting = true;
        return new Promise<void>((resolve) => {
          setTimeout(() => {
            waiting = false;
            resolve();
          }, 1);
        });
      },
      onEpoch: async (report) => {
        waiting = true;
        await new Promise((resolve) => setTimeout(resolve, 5));
        waiting = false;
        epochs.push(report);
      },
    });
    const loss = expect.any(Number);
    expect(steps).toEqual([
      { epoch: 1, batch: 1, batches: 2, rows: 4, step: 1, loss },
      { epoch: 1, batch: 2, batches: 2, rows: 1, step: 2, loss },
      { epoch: 2, batch: 1, batches: 2, rows: 4, step: 3, loss },
      { epoch: 2, batch: 2, batches: 2, rows: 1, step: 4, loss },
    ]);
    expect(epochs.map(({ epoch, steps: made }) => [epoch, made])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(epochs[1]!.loss).toBeCloseTo((steps[2]!.loss * 4 + steps[3]!.loss) / 5, 10);
  });

  test("lets the net be used between steps without losing its place", async () => {
    const [quiet, busy] = [await line(), await line()];
    const options = { epochs: 3, batch: 4 };
    await quiet.fit(examples(9), options);
    await busy.fit(examples(9), {
      ...options,
      onStep: () => {
        busy.predict({ x: new Float32Array(2 * 5000) });
        busy.evaluate(examples(3));
      },
    });
    expect(busy.save()).toEqual(quiet.save());
  });

  test("gives way to timers while it runs, and stops when aborted, after a whole step", async () => {
    const net = await line();
    const control = new AbortController();
    const timer = setTimeout(() => control.abort("enough"), 60);
    const start = performance.now();
    const error = await net.fit(examples(1000), { epochs: 1e6, signal: control.signal }).then(
      () => null,
      (reason: unknown) => reason,
    );
    clearTimeout(timer);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(error).toBeInstanceOf(NndslError);
    expect(error).toMatchObject({ code: "aborted", cause: "enough" });
    const { steps } = net;
    expect(steps).toBeGreaterThan(0);
    // It can be trained again, and a signal that has been raised already stops it before the first step.
    await expect(net.fit(examples(10), { signal: control.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(net.steps).toBe(steps);
    await net.fit(examples(10));
    expect(net.steps).toBe(steps + 1);
  });

  test("refuses to run twice at once", async () => {
    const net = await line();
    const first = net.fit(examples(100), { epochs: 200 });
    await expect(net.fit(examples(10))).rejects.toMatchObject({ code: "busy" });
    await first;
    expect(net.steps).toBe(200 * 4);
  });

  test("ends when a callback throws or the net is disposed of", async () => {
    const net = await line();
    const fault = new Error("mine");
    const throwing = () => {
      throw fault;
    };
    await expect(net.fit(examples(10), { onStep: throwing })).rejects.toBe(fault);
    await expect(net.fit(examples(10), { onEpoch: async () => throwing() })).rejects.toBe(fault);
    await expect(net.fit(examples(10), { epochs: 9, onEpoch: () => net.dispose() })).rejects.toMatchObject({
      code: "disposed",
    });
  });

  test.each([
    { epochs: -1 },
    { epochs: 1.5 },
    { batch: 0 },
    { batch: NaN },
    { seed: -1 },
    { seed: 2 ** 32 },
    { firstEpoch: 0 },
  ])("refuses %o", async (options) => {
    const net = await line();
    await expect(net.fit(examples(4), options)).rejects.toMatchObject({ code: "wrong-option" });
    expect(net.steps).toBe(0);
  });

  test("without an optimiser says so", async () => {
    const bytes = await fakeModule((manifest) => ({ ...manifest, optimizer: null }));
    const net = await load(bytes);
    expect(() => net.step(examples(1))).toThrow(expect.objectContaining({ code: "no-optimizer" }));
    await expect(net.fit(examples(1))).rejects.toMatchObject({ code: "no-optimizer" });
  });
});
