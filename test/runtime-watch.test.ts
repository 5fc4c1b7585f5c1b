/** What `fit` does after each epoch: it evaluates rows, and keeps the best weights. */
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load, type Best, type EpochReport, type FitOptions, type Net } from "../runtime/index.ts";

const source = `model Curve {
  input x: [N, 2]
  target y: [N, 1]
  z = x |> dense(6, tanh) |> dropout(0.1) |> dense(1)
  output p = z
  metric r2(z, y)
  metric far = max(abs(z - y))
  loss mse(z, y)
  optimizer adam(lr = 0.02)
}
`;

/** Rows with noise that nothing explains, so that the loss on others grows again. */
function examples(rows: number) {
  const x = Float32Array.from({ length: 2 * rows }, (_, i) => Math.sin(i * i));
  const y = Float32Array.from({ length: rows }, (_, i) => x[2 * i]! * x[2 * i + 1]! + Math.sin(i * i * i));
  return { x, y };
}
const pick = ({ x, y }: ReturnType<typeof examples>, rows: Iterable<number>) => {
  const list = [...rows];
  return {
    x: Float32Array.from(list.flatMap((row) => [x[2 * row]!, x[2 * row + 1]!])),
    y: Float32Array.from(list, (row) => y[row]!),
  };
};

let module: WebAssembly.Module;
const curve = (seed = 3): Promise<Net> => load(module, { seed });
beforeAll(async () => {
  module = await WebAssembly.compile((await compile(source)).wasm);
});

const data = examples(50);

describe("validate", () => {
  test("reports what evaluate gives after each epoch, and changes nothing of the training", async () => {
    const [plain, watched] = [await curve(), await curve()];
    const held = examples(17);
    await plain.fit(data, { epochs: 3, batch: 8 });
    const seen: unknown[] = [];
    const { history } = await watched.fit(data, {
      epochs: 3,
      batch: 8,
      validate: held,
      metrics: true,
      onEpoch: (report) => {
        const { metrics } = watched.evaluate(data);
        seen.push({ validation: watched.evaluate(held), metrics });
        expect(report.hyper).toEqual({ ...watched.hyper });
      },
    });
    expect(watched.save()).toEqual(plain.save());
    expect(history.map(({ validation, metrics }) => ({ validation, metrics }))).toEqual(seen);
    expect(history[0]!.validation!.metrics).toEqual({ r2: expect.any(Number), far: expect.any(Number) });
  });

  test("as a share holds out the first rows of order 0, and trains on the others in their order", async () => {
    const [share, given] = [await curve(), await curve()];
    const order = given.order(50, 0, 9);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    const held = order.slice(0, 8).sort();
    const rest = order.slice(8).sort();
    const common = { epochs: 2, batch: 8, seed: 9 };
    const a = await share.fit(data, { ...common, validate: 0.15 });
    const b = await given.fit(pick(data, rest), { ...common, validate: pick(data, held) });
    expect(share.save()).toEqual(given.save());
    expect(a.history.map((e) => e.validation)).toEqual(b.history.map((e) => e.validation));
    // Another seed, other rows.
    expect(given.order(50, 0, 10)).not.toEqual(order);
  });

  test("leaves a row for each side", async () => {
    const net = await curve();
    for (const validate of [0.001, 0.999]) {
      const { history } = await net.fit(examples(3), { validate });
      expect(history[0]!.validation!.loss).toBeGreaterThan(0);
    }
    await expect(net.fit(examples(1), { validate: 0.5 })).rejects.toMatchObject({
      code: "wrong-option",
      message: "`validate` as a share needs two rows or more.",
    });
  });

  test("as a share leaves the data as they are, in a Buffer too, whose slices are views", async () => {
    const x = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 37) % 251));
    const y = Float32Array.from({ length: 50 }, (_, i) => i);
    const before = [...x];
    const [buffer, plain] = [await curve(), await curve()];
    const a = await buffer.fit({ x, y }, { validate: 0.3 });
    expect([...x]).toEqual(before);
    const b = await plain.fit({ x: before, y }, { validate: 0.3 });
    expect(buffer.save()).toEqual(plain.save());
    expect(a.history[0]!.validation).toEqual(b.history[0]!.validation);
  });

  test("joins what is evaluated in parts as one call of all would give it", async () => {
    const { wasm } = await compile(source.replace("  metric r2(z, y)\n", "  metric mae(z, y)\n"));
    const net = await load(wasm);
    const { perRow } = net.manifest.arena;
    // More than two parts of 16 MiB.
    const held = examples(Math.ceil((2.5 * 2 ** 24) / perRow));
    const { history } = await net.fit(examples(20), { validate: held });
    const whole = net.evaluate(held);
    const { loss, metrics } = history[0]!.validation!;
    expect(loss).toBeCloseTo(whole.loss, 5);
    expect(metrics["mae"]).toBeCloseTo(whole.metrics["mae"]!, 5);
    expect(metrics["far"]).toBe(whole.metrics["far"]);
  });
});

describe("patience", () => {
  /** The epoch that a reader of the losses would choose, and the one after which he would stop. */
  const byHand = (losses: readonly number[], patience: number) => {
    let best = 0;
    for (let epoch = 1; epoch < losses.length; epoch++) {
      if (losses[epoch]! < losses[best]!) best = epoch;
      if (epoch - best === patience) return { best: best + 1, last: epoch + 1 };
    }
    return { best: best + 1, last: losses.length };
  };

  test.each([
    { by: "the validation loss", more: { validate: 0.3 } },
    { by: "the epoch's own loss", more: {} },
  ])("keeps the best epoch by $by, and stops when there is no better one", async ({ more }) => {
    const common = { batch: 5, ...more };
    const long = await curve();
    const weights: Uint8Array[] = [];
    const { history } = await long.fit(data, {
      ...common,
      epochs: 150,
      onEpoch: () => weights.push(long.save()),
    });
    const losses = history.map((report) => report.validation?.loss ?? report.loss);
    for (const patience of [1, 4]) {
      const { best, last } = byHand(losses, patience);
      expect(last).toBeLessThan(150);
      const net = await curve();
      const report = await net.fit(data, { ...common, epochs: 150, patience });
      expect(report).toMatchObject({
        stopped: "patience",
        epochs: last,
        best: { epoch: best, loss: losses[best - 1] },
      });
      expect(report.history.length).toBe(last);
      // The weights of every past best would add up.
      expect(report.history.at(-1)!.best).toEqual({ epoch: best, loss: losses[best - 1] });
      expect(net.save()).toEqual(weights[best - 1]);
    }
  });

  test("puts the best weights back where the epochs are over first", async () => {
    const net = await curve();
    const weights: Uint8Array[] = [];
    const report = await net.fit(data, {
      epochs: 150,
      batch: 5,
      validate: 0.3,
      patience: 150,
      onEpoch: () => weights.push(net.save()),
    });
    expect(report).toMatchObject({ stopped: "epochs", epochs: 150 });
    expect(report.best!.epoch).toBeLessThan(150);
    expect(net.save()).toEqual(weights[report.best!.epoch - 1]);
  });

  test("goes on after a pause with the best so far, to the same bytes", async () => {
    const options = { epochs: 150, batch: 5, validate: 0.3, patience: 4 };
    const whole = await curve();
    const report = await whole.fit(data, options);
    const { epochs } = report;
    for (const stopAt of [1, epochs - 2, epochs]) {
      const net = await curve();
      const control = new AbortController();
      let last: EpochReport | undefined;
      const stopped = net.fit(data, {
        ...options,
        signal: control.signal,
        onEpoch: (made) => {
          last = made;
          if (made.epoch === stopAt) control.abort();
        },
      });
      await expect(stopped).rejects.toMatchObject({ code: "aborted" });
      const rest = await net.fit(data, { ...options, firstEpoch: stopAt + 1, best: last!.best! });
      expect(net.save()).toEqual(whole.save());
      expect(rest).toMatchObject({ epochs: epochs - stopAt, stopped: "patience", best: report.best });
    }
  });
});

test("a `best` that cannot be put back is refused before the first step", async () => {
  const net = await curve();
  const before = net.save();
  const weights = net.save();
  const other = await load((await compile(source.replaceAll("6, tanh", "5, tanh"))).wasm);
  const common = { patience: 2, firstEpoch: 3, epochs: 5 };
  for (const wrong of [new Uint8Array(), weights.slice(0, -4), other.save()]) {
    const best = { epoch: 1, loss: 1e-9, weights: wrong };
    await expect(net.fit(data, { ...common, best })).rejects.toMatchObject({ code: "bad-weights" });
  }
  const best = { epoch: 1, loss: 1, weights };
  for (const [options, message] of [
    [{ firstEpoch: 3, best }, "`best` needs `patience`."],
    [{ patience: 2, best }, "`best` is of an epoch before `firstEpoch`, which is 1."],
    [{ patience: 2, firstEpoch: 3, best: null as never }, "`best` must be an object, not null."],
  ] as const) {
    await expect(net.fit(data, options)).rejects.toMatchObject({ code: "wrong-option", message });
  }
  expect(net.save()).toEqual(before);
});

test("patience in the middle of an epoch needs the losses before, where it goes by them", async () => {
  const net = await curve();
  const options = { batch: 8, patience: 2, firstBatch: 3 };
  await expect(net.fit(data, options)).rejects.toMatchObject({
    code: "wrong-option",
    message: "`patience` goes by the epoch's loss, which needs `lossBefore`.",
  });
  expect(net.steps).toBe(0);
  await net.fit(data, { ...options, lossBefore: 16 });
  await net.fit(data, { ...options, validate: 0.2 });
});

test("a run that diverges tells of the best epoch before", async () => {
  const net = await curve();
  let weights: Uint8Array | undefined;
  const onEpoch = () => {
    weights ??= net.save();
    net.hyper.lr = 1e38;
  };
  const diverged = net.fit(data, { epochs: 9, batch: 8, patience: 9, onEpoch });
  await expect(diverged).rejects.toMatchObject({ code: "diverged", cause: { loss: expect.any(Number) } });
  const { cause } = (await diverged.catch((error: Error) => error)) as {
    cause: { best: Best; step: number };
  };
  expect(cause.best).toEqual({ epoch: 1, loss: expect.any(Number), weights });
  // The net is as the last step left it.
  expect(net.steps).toBe(cause.step);
});

test.each<FitOptions & Record<string, unknown>>([
  { validate: 0 },
  { validate: 1 },
  { validate: NaN },
  { validate: -0.5 },
  { patience: 0 },
  { patience: 1.5 },
  { patience: NaN },
  { patience: "3" as never },
  { metrics: 1 as never },
  { best: 3 as never },
  { best: { epoch: 1, loss: 1, weights: new Uint8Array() } },
  { firstEpoch: 3, best: { epoch: 1, loss: NaN, weights: new Uint8Array() } },
  { validation: 0.1 },
  { patient: 3 },
])("refuses %o before the first step", async (options) => {
  const net = await curve();
  await expect(net.fit(data, options)).rejects.toMatchObject({ code: "wrong-option" });
  expect(net.steps).toBe(0);
});

test("proposes the option that was meant", async () => {
  const net = await curve();
  for (const [option, meant] of [
    ["batchSize", "batch"],
    ["validation", "validate"],
    ["epoch", "epochs"],
  ] as const) {
    await expect(net.fit(data, { [option]: 1 })).rejects.toThrow(
      `There is no option \`${option}\` (did you mean \`${meant}\`?); there are: \`epochs\`, `,
    );
  }
  await expect(net.fit(data, { lr: 1 } as never)).rejects.toThrow("There is no option `lr`; there are:");
  await expect(load(module, { seeds: 1 } as never)).rejects.toThrow("did you mean `seed`?");
});

test("does not count the time that a callback takes as that of the epoch", async () => {
  const net = await curve();
  const { history, seconds } = await net.fit(data, {
    batch: 50,
    onStep: () => new Promise((resolve) => void setTimeout(resolve, 200)),
  });
  expect(seconds).toBeGreaterThan(0.19);
  expect(history[0]!.seconds).toBeLessThan(seconds / 2);
});

test("refuses examples to validate that are none", async () => {
  const net = await curve();
  for (const [validate, code] of [
    [null, "wrong-type"],
    ["0.1", "wrong-type"],
    [{ x: data.x }, "missing-input"],
    [{ x: data.x, y: data.y.subarray(1) }, "batch-mismatch"],
  ] as const) {
    await expect(net.fit(data, { validate: validate as never })).rejects.toMatchObject({ code });
  }
  expect(net.steps).toBe(0);
  const busy = net.fit(data, { epochs: 50 });
  expect(() => net.order(5, 0)).toThrow("being trained");
  await busy;
});
