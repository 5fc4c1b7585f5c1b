/**
 * Rows of tables, sums so far and order, as modules compute them: ids at their bounds and beyond,
 * updates of the rows taken alone, threads, and what runs along an axis of any length.
 */
import { describe, expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { start } from "./helpers/model.ts";

/** Five ids a row, the first and the last row of the table among them, and some again and again. */
const idsOf = (rows: number, words: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: 5 }, (__, j) => [0, words - 1, 3, 3, (i * 37 + j * 11) % words][(i + j) % 5]!),
  );

const bag = (
  words: number,
  size: number,
  more: { act?: string; loss?: string; optimizer?: string } = {},
): string => `
  model Bag {
    input ids: int[N, 5]
    target y: int[N]
    e = embedding(ids, ${words}, ${size})
    z = dense(mean(${more.act ?? "identity"}(e), axis = 1), 7)
    output p = softmax(z)
    loss cross_entropy(z, y) + ${more.loss ?? "0"}
    optimizer ${more.optimizer ?? "sgd(lr = 0.1)"}
  }`;

const examples = (rows: number, words: number) => ({
  ids: idsOf(rows, words),
  y: Array.from({ length: rows }, (_, i) => i % 7),
});

const kernelsIn = async (source: string): Promise<string> => (await plan(source)).stages.kernels;

/** A kernel that adds to rows of a parameter itself. */
const ADDED = /^\/\/\/ param\[.*\] \+= /m;

describe("a step of plain gradient descent", () => {
  // The table's own formula in the loss, rows of one entry, whole vectors and some left over.
  const tables: [words: number, size: number, more: Parameters<typeof bag>[2]][] = [
    [300, 8, {}],
    [257, 1, { act: "sin" }],
    [256, 7, { act: "tanh", loss: "mean(take(e.weight, ids[:, 0])^2)" }],
  ];
  test.each(tables)(
    "adds to the rows of %i × %i that were taken, and to no others",
    async (words, size, more) => {
      const source = bag(words, size, more);
      expect(await kernelsIn(source)).toMatch(ADDED);
      for (const [dtype, tolerance] of [
        ["f32", 2e-6],
        ["f64", 1e-14],
      ] as const) {
        const net = await start(source, { dtype });
        const before = net.get("e.weight").data;
        const given = examples(13, words);
        const gradient = net.gradients(given).gradients["e.weight"]!.data;
        net.step(given);
        const after = net.get("e.weight").data;
        const taken = new Set(given.ids.flat());
        for (const [i, value] of after.entries()) {
          if (taken.has(Math.floor(i / size)))
            expect(Math.abs(value - before[i]! + 0.1 * gradient[i]!)).toBeLessThan(tolerance);
          else expect(value).toBe(before[i]);
        }
      }
    },
  );

  test("goes through all of a table that decays, is small, or has a product's gradient too", async () => {
    for (const source of [
      bag(300, 8, { optimizer: "sgd(lr = 0.1, weight_decay = 0.1)" }),
      bag(30, 8),
      bag(300, 8, { loss: "mean(e.weight^2)" }),
      bag(300, 8, { optimizer: "adam" }),
    ]) {
      expect(await kernelsIn(source)).not.toMatch(ADDED);
      const net = await start(source, { dtype: "f64" });
      const given = examples(9, source.includes("300") ? 300 : 30);
      const before = net.get("e.weight").data;
      net.step(given);
      expect(net.get("e.weight").data).not.toEqual(before);
    }
  });
});

describe("ids", () => {
  const source = `
    model Ids {
      input ids: int[N]
      input shifted: int[N]
      param table: [300, 3] ~ normal
      output rows = take(table, ids)
      output others = take(table, shifted - 1)
      output clipped = take(table, max(ids, 0))
      loss mean(take(table, ids)^2) + mean(take(table, shifted - 1))
      optimizer sgd(lr = 0.1)
    }`;

  test("at the bounds are taken, beyond them refused, and the model stays as it was", async () => {
    const net = await start(source);
    const table = net.get("table").data;
    const { rows, others } = net.predict({ ids: [0, 299], shifted: [1, 300] });
    const ends = [...table.slice(0, 3), ...table.slice(-3)];
    expect([...rows!.data]).toEqual(ends);
    expect([...others!.data]).toEqual(ends);
    const before = net.save();
    for (const given of [
      { ids: [0, 300], shifted: [1, 1] },
      { ids: [-1, 0], shifted: [1, 1] },
      { ids: [0, 0], shifted: [0, 1] },
      { ids: [0, 0], shifted: [1, 301] },
    ]) {
      for (const call of [() => net.step(given), () => net.predict(given), () => net.gradients(given)])
        expect(call).toThrow(expect.objectContaining({ code: "label-out-of-range" }));
    }
    expect(net.save()).toEqual(before);
  });

  test.each(["f32", "f64"] as const)(
    "that are computed and name no row give zeros, and change nothing (%s)",
    async (dtype) => {
      // Both loops of rows of entries and of rows of one entry each, of which lanes have their own.
      const net = await start(
        `model Beyond {
          input x: [N, 6]
          param table: [4, 5] ~ constant(2)
          param line: [4] ~ constant(3)
          best = argmax(x, axis = 1)
          output rows = take(table, best)
          output entries = take(line, best)
          loss sum(take(table, best)) + sum(take(line, best))
        }`,
        { dtype },
      );
      const x = Array.from({ length: 7 }, (_, i) =>
        Array.from({ length: 6 }, (__, j) => Number(j === i % 6)),
      );
      const { rows, entries } = net.predict({ x });
      expect([...entries!.data]).toEqual([3, 3, 3, 3, 0, 0, 3]);
      expect([...rows!.data]).toEqual([2, 2, 2, 2, 0, 0, 2].flatMap((value) => Array(5).fill(value)));
      const { gradients } = net.gradients({ x });
      expect([...gradients["line"]!.data]).toEqual([2, 1, 1, 1]);
      expect([...gradients["table"]!.data]).toEqual([2, 1, 1, 1].flatMap((value) => Array(5).fill(value)));
    },
  );

  test("pick one of many classes as they pick one of a few", async () => {
    const net = await start(
      `model Classes {
        input x: [N, 3]
        target y: int[N]
        z = dense(x, 300)
        output p = softmax(z)
        loss cross_entropy(z, y)
      }`,
      { dtype: "f64" },
    );
    const x = [
      [1, 2, 3],
      [-1, 0, 2],
      [0, 1, 0],
    ];
    const y = [0, 299, 7];
    const { p } = net.predict({ x });
    const { loss, gradients } = net.gradients({ x, y });
    expect(loss).toBeCloseTo(
      y.reduce((sum, label, i) => sum - Math.log(p!.data[i * 300 + label]!), 0) / 3,
      12,
    );
    const bias = Array.from({ length: 300 }, (_, k) =>
      y.reduce((sum, label, i) => sum + (p!.data[i * 300 + k]! - Number(label === k)) / 3, 0),
    );
    gradients["z.bias"]!.data.forEach((value, k) => expect(value).toBeCloseTo(bias[k]!, 14));
  });
});

test("threads divide a table by its columns, never a sum", async () => {
  const { wasm } = await compile(bag(3000, 64, { act: "tanh" }));
  const saved: Uint8Array[] = [];
  for (const threads of [1, 2]) {
    const net = await load(wasm, { seed: 3, threads });
    expect(net.threads.count).toBe(threads);
    net.step(examples(64, 3000));
    saved.push(net.save());
    net.dispose();
  }
  expect(saved[1]).toEqual(saved[0]);
});

describe("along an axis", () => {
  const sizes: [number, number][] = [
    [1, 3],
    [2, 1],
    [7, 5],
    [33, 4],
    [5, 64],
  ];
  test.each(sizes)("of %i by %i, sums and products so far, and order", async (long, wide) => {
    const net = await start(
      `model Along {
        input x: [N, ${long}, ${wide}]
        output sums = cumsum(x, axis = 1)
        output prods = cumprod(x, axis = 1)
        output sums_last = cumsum(x, axis = 2)
        output sorted = sort(x, axis = 1)
        output places = argsort(x, axis = 1, descending = true)
      }`,
      { dtype: "f64" },
    );
    const rows = 3;
    // Some are equal.
    const x = Float64Array.from({ length: rows * long * wide }, (_, i) => (((i * 29) % 11) - 5) / 4);
    const { sums, prods, sums_last: last, sorted, places } = net.predict({ x });
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < wide; column++) {
        const at = (i: number): number => (row * long + i) * wide + column;
        const line = Array.from({ length: long }, (_, i) => x[at(i)]!);
        const order = [...line.keys()].sort((i, j) => line[j]! - line[i]!);
        const rising = line.toSorted((a, b) => a - b);
        let [sum, prod] = [0, 1];
        for (const [i, value] of line.entries()) {
          sum += value;
          prod *= value;
          expect(sums!.data[at(i)]).toBe(sum);
          expect(prods!.data[at(i)]).toBeCloseTo(prod, 13);
          expect(sorted!.data[at(i)]).toBe(rising[i]);
          expect(places!.data[at(i)]).toBe(order[i]);
        }
      }
      for (let i = 0; i < long; i++) {
        let sum = 0;
        for (let column = 0; column < wide; column++) {
          const at = (row * long + i) * wide + column;
          sum += x[at]!;
          expect(last!.data[at]).toBe(sum);
        }
      }
    }
  });
});
