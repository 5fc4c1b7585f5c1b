/** The order of long rows, which are sorted, beside PyTorch's stable sort, and of those just too short for it. */
import { describe, expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { start } from "./helpers/model.ts";
import oracle from "./oracle/order.json" with { type: "json" };

/** As in `oracle/order_oracle.py`. */
const SPECIAL: ReadonlyMap<number, number> = new Map([
  [3, NaN],
  [17, Infinity],
  [31, -Infinity],
  [40, -0],
  [41, 0],
  [55, NaN],
  [60, -0],
]);
const rowOf = (length: number, number: number): number[] =>
  Array.from(
    { length },
    (_, i) => SPECIAL.get(i) ?? ((((i * 29 + number * 13) % 47) - 23) / 4) * 10 ** (i % 3),
  );

const cases = Object.entries(oracle).map(([length, order]) => [Number(length), order] as const);

const model = (length: number): string => `
  model Order {
    input x: [N, ${length}]
    output rising = argsort(x)
    output falling = argsort(x, descending = true)
    output sorted = sort(x)
    output turned = sort(flip(x, 1))
    output down = sort(transpose(x, [1, 0]), axis = 0, descending = true)
    top = top_k(x, 5)
    output most = top[0]
    output which = top[1]
    output twice = argsort(2 * x)
    param w: [${length}] ~ constant(1)
    loss sum(sort(x * w) * iota(${length}))
  }`;

describe.each(["f32", "f64"] as const)("in %s", (dtype) => {
  test.each(cases)("rows of %i are in the order of a stable sort", async (length, { rising, falling }) => {
    const net = await start(model(length), { dtype });
    const rows = [rowOf(length, 0), rowOf(length, 1)];
    const out = net.predict({ x: rows });
    const single = (value: number): number => (dtype === "f32" ? Math.fround(value) : value);
    const along = (order: readonly (readonly number[])[]): number[] =>
      order.flatMap((indices, row) => indices.map((i) => single(rows[row]![i]!)));
    expect([...out.rising!.data]).toEqual(rising.flat());
    expect([...out.falling!.data]).toEqual(falling.flat());
    expect([...out.twice!.data]).toEqual(rising.flat());
    // Where zeros of both signs tie, a sum may lose the sign.
    const plain = (values: Iterable<number>): number[] => Array.from(values, (value) => value + 0);
    expect(plain(out.sorted!.data)).toEqual(plain(along(rising)));
    expect(plain(out.turned!.data)).toEqual(plain(along(rising)));
    expect(plain(out.most!.data)).toEqual(plain(along(falling.map((order) => order.slice(0, 5)))));
    expect([...out.which!.data]).toEqual(falling.flatMap((order) => order.slice(0, 5)));
    const columns = Array.from({ length }, (_, i) => [0, 1].map((row) => along(falling)[row * length + i]!));
    expect(plain(out.down!.data)).toEqual(plain(columns.flat()));
  });
});

test("what flows back to a long row goes to where its entries came from", async () => {
  const net = await start(model(300), { dtype: "f64" });
  const x = Array.from({ length: 300 }, (_, i) => Math.sin(i * 7 + 1));
  const { gradients } = net.gradients({ x: [x] });
  const order = [...x.keys()].sort((i, j) => x[i]! - x[j]!);
  for (const [place, i] of order.entries()) expect(gradients["w"]!.data[i]).toBeCloseTo(place * x[i]!, 12);
});

test("rows are sorted in the body of a loop", async () => {
  const net = await start(
    `model Sorting {
      input x: [N, 3, 100]
      sums = scan(x, zeros([N, 100]), (h, e) => sort(h + e), axis = 1)
      output last = sums[:, 2]
    }`,
    { dtype: "f64" },
  );
  const x = Array.from({ length: 600 }, (_, i) => Math.sin(i * 7 + 1));
  const wanted = [0, 1].flatMap((n) => {
    const places = [0, 1, 2].map((t) => x.slice((n * 3 + t) * 100, (n * 3 + t + 1) * 100));
    return places.reduce(
      (h, e) => h.map((v, i) => v + e[i]!).sort((a, b) => a - b),
      Array<number>(100).fill(0),
    );
  });
  expect([...net.predict({ x }).last!.data]).toEqual(wanted);
});

test("long rows are sorted, each in a call, and threads divide them", async () => {
  const source = "model Rows { input x: [N, 500] output o = argsort(x) }";
  expect((await plan(source)).stages.kernels).toMatch(/= rank x$/m);
  const { wasm } = await compile(source);
  // Nothing is stored for the room where rows are sorted.
  expect(wasm.length).toBeLessThan(4000);
  const x = Array.from({ length: 64 }, (_, row) => rowOf(500, row));
  const orders: number[][] = [];
  for (const threads of [1, 2]) {
    const net = await load(wasm, { threads });
    expect(net.threads.count).toBe(threads);
    orders.push([...net.predict({ x }).o!.data]);
    net.dispose();
  }
  expect(orders[1]).toEqual(orders[0]);
});
