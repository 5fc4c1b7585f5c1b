/**
 * Loop nests and products in WebAssembly against the scheduler's interpreter, which shares no code
 * with the renderer.
 */
import { describe, expect, test } from "vitest";
import type { ElementType, ElementwiseName } from "../compiler/ir/node.ts";
import {
  affine,
  type Affine,
  affineAt,
  affineOf,
  countOf,
  fixed,
  free,
  isFree,
  scale,
  type Size,
} from "../compiler/ir/size.ts";
import { ops } from "../compiler/ops/table.ts";
import type { Kernel, Operand, Value } from "../compiler/schedule/kernel.ts";
import { interpretBenches, operand, prepare, run, type Bench } from "./helpers/program.ts";

const MOST_ROWS = 37;
const EMPTY = -7;

/** Numbers in [-2, 2), the same in every run; multiples of 2^-10, exact in f32. */
function numbers(count: number, seed: number): number[] {
  let state = seed + 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 20) / 1024 - 2;
  });
}

const load = (index: number): Value => ({ kind: "load", operand: index });
const apply = (op: ElementwiseName, arguments_: number[], type: ElementType = "float"): Value => ({
  kind: "apply",
  op,
  arguments: arguments_,
  type,
});
const reduce = (op: "sum" | "prod" | "max" | "min", value: number): Value => ({ kind: "reduce", op, value });
const constant = (value: number, type: ElementType = "float"): Value => ({ kind: "constant", value, type });

/**
 * Room for every element that a view reaches with at most MOST_ROWS rows, and where its first
 * element lies.
 */
function room(view: Operand, loops: readonly Size[], extra?: Size): { length: number; offset: number } {
  const sizes = [...loops, ...(extra === undefined ? [] : [extra])];
  let up = 0;
  let down = 0;
  view.strides.forEach((stride, i) => {
    const last = countOf(sizes[i]!) * (isFree(sizes[i]!) ? MOST_ROWS : 1) - 1;
    const reach = last * affineAt(stride, MOST_ROWS);
    if (reach > 0) up += reach;
    else down -= reach;
  });
  return { length: up + down + 1, offset: down };
}

function bench(kernel: Kernel, seed = 1): Bench {
  const extra = kernel.kind === "product" ? kernel.depth : undefined;
  const rooms = kernel.operands.map((o) => room(o, kernel.loops, extra));
  return {
    kernel,
    data: kernel.operands.map((o, i) => {
      const { length } = rooms[i]!;
      if (o.access === "write") return Array.from({ length }, () => EMPTY);
      const drawn = numbers(length, seed + i);
      return o.type === "bool" ? drawn.map((x) => (x > 0 ? 1 : 0)) : drawn;
    }),
    offsets: rooms.map((r) => r.offset),
  };
}

function nest(
  name: string,
  loops: Size[],
  inner: number,
  operands: Operand[],
  values: Value[],
  stores: [number, number][],
): Bench {
  return bench({
    kind: "nest",
    name,
    formula: name,
    loops,
    inner,
    operands,
    values,
    stores: stores.map(([o, value]) => ({ operand: o, value })),
  });
}

async function agree(benches: readonly Bench[]): Promise<void> {
  for (const [dtype, tolerance] of [
    ["f32", 3e-5],
    ["f64", 1e-12],
  ] as const) {
    const runAt = await prepare(benches, { dtype });
    for (const rows of [1, 3, 5, 17, MOST_ROWS]) {
      const options = { rows, seed: 11, step: 3 };
      const found = runAt(options);
      const expected = interpretBenches(benches, options);
      benches.forEach(({ kernel }, k) =>
        kernel.operands.forEach(({ name, access }, i) => {
          if (access === "read") return;
          const off = found[k]![i]!.findIndex((value, at) => {
            const wanted = expected[k]![i]![at]!;
            return (
              !Object.is(value, wanted) && !(Math.abs(value - wanted) <= tolerance * (1 + Math.abs(wanted)))
            );
          });
          const context = `${kernel.name}, ${dtype}, ${rows} rows, ${name}[${off}]: ${found[k]![i]![off]} for ${expected[k]![i]![off]}`;
          expect(off, context).toBe(-1);
        }),
      );
    }
  }
}

const N = free();

describe("loop nests", () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 17, 64, 67];
  const square: Value[] = [load(0), apply("mul", [0, 0])];

  test("elementwise over every small size, side by side and with steps", async () => {
    await agree(
      sizes.flatMap((n) => [
        nest(`unit${n}`, [fixed(n)], 0, [operand("x", "read", [1]), operand("y", "write", [1])], square, [
          [1, 1],
        ]),
        nest(`back${n}`, [fixed(n)], 0, [operand("x", "read", [-2]), operand("y", "write", [1])], square, [
          [1, 1],
        ]),
        nest(`spread${n}`, [fixed(n)], 0, [operand("x", "read", [1]), operand("y", "write", [3])], square, [
          [1, 1],
        ]),
        nest(
          `flip${n}`,
          [N, fixed(n)],
          0,
          [operand("x", "read", [n, 1]), operand("y", "write", [n, -1])],
          square,
          [[1, 1]],
        ),
        nest(
          `turn${n}`,
          [fixed(n), N],
          0,
          [operand("x", "read", [1, n]), operand("y", "write", [affine(0, 1), 1])],
          square,
          [[1, 1]],
        ),
        nest(`fill${n}`, [N, fixed(n)], 0, [operand("y", "write", [n, 1])], [constant(2.5)], [[0, 0]]),
      ]),
    );
  });

  test("broadcasts, comparisons, masks and booleans in memory", async () => {
    await agree([
      nest(
        "outer",
        [N, fixed(13)],
        0,
        [
          operand("a", "read", [1, 0]),
          operand("b", "read", [0, 1]),
          operand("c", "read", [0, 0]),
          operand("y", "write", [13, 1]),
        ],
        [load(0), load(1), load(2), apply("sub", [0, 1]), apply("mul", [3, 2])],
        [[3, 4]],
      ),
      nest(
        "masks",
        [N, fixed(6)],
        0,
        [
          operand("a", "read", [6, 1]),
          operand("b", "read", [6, 1], "bool"),
          operand("y", "write", [6, 1]),
          operand("z", "write", [6, 1], "bool"),
          operand("n", "write", [6, 1]),
        ],
        [
          load(0),
          load(1),
          constant(0.25),
          apply("gt", [0, 2], "bool"),
          apply("and", [3, 1], "bool"),
          apply("not", [4], "bool"),
          apply("where", [4, 0, 2]),
          apply("cast", [3]),
          apply("add", [7, 7]),
          apply("eq", [3, 1], "bool"),
          apply("where", [1, 5, 9], "bool"),
        ],
        [
          [2, 6],
          [3, 10],
          [4, 8],
        ],
      ),
      nest("constants", [N], 0, [operand("y", "write", [1], "bool")], [constant(1, "bool")], [[0, 0]]),
    ]);
  });

  test("every elementwise op is what its record says at zeros, infinities and NaN", async () => {
    const special = [0, -0, 1, -1, 0.5, -2.5, 3, Infinity, -Infinity, NaN];
    const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
    const benches = Object.values(ops).flatMap((op): Bench[] => {
      if (op.family !== "elementwise" || !op.inKernels || op.takes !== "number") return [];
      const isUnary = op.arity[0] === 1;
      const data = isUnary ? [special] : [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      const type = /^(lt|le|gt|ge|eq|ne)$/.test(op.name) ? "bool" : "float";
      // The family says it; the union of names does not follow.
      const value = apply(op.name as ElementwiseName, isUnary ? [0] : [0, 1], type);
      const made = nest(
        `special_${op.name}`,
        [fixed(data[0]!.length)],
        0,
        [...data.map((_, i) => operand(`x${i}`, "read", [1])), operand("y", "write", [1], type)],
        [...data.map((_, i) => load(i)), value],
        [[data.length, data.length]],
      );
      return [{ ...made, data: [...data, ...made.data.slice(data.length)] }];
    });
    expect(benches.length).toBeGreaterThan(25);
    await agree(benches);
  });

  test("reductions along every pattern of axes", async () => {
    await agree(
      (["sum", "prod", "max", "min"] as const).flatMap((op) => [
        nest(
          `${op}All`,
          [N],
          1,
          [operand("x", "read", [1]), operand("y", "write", [0])],
          [load(0), constant(0.5), apply("mul", [0, 1]), reduce(op, 2)],
          [[1, 3]],
        ),
        nest(
          `${op}Long`,
          [fixed(3), fixed(131)],
          1,
          [operand("x", "read", [131, 1]), operand("y", "write", [1, 0])],
          [load(0), constant(0.5), apply("mul", [0, 1]), reduce(op, 2)],
          [[1, 3]],
        ),
        nest(
          `${op}Row`,
          [N, fixed(10)],
          1,
          [operand("x", "read", [10, 1]), operand("y", "write", [1, 0])],
          [load(0), reduce(op, 0)],
          [[1, 1]],
        ),
        nest(
          `${op}Column`,
          [fixed(10), N],
          1,
          [operand("x", "read", [1, 10]), operand("y", "write", [1, 0])],
          [load(0), reduce(op, 0), apply("neg", [1])],
          [[1, 2]],
        ),
        nest(
          `${op}Narrow`,
          [fixed(2), N],
          1,
          [operand("x", "read", [1, 2]), operand("y", "write", [1, 0])],
          [load(0), reduce(op, 0)],
          [[1, 1]],
        ),
        nest(
          `${op}Both`,
          [fixed(5), fixed(3), fixed(6)],
          2,
          [operand("x", "read", [6, 30, 1]), operand("y", "write", [1, 0, 0])],
          [load(0), reduce(op, 0)],
          [[1, 1]],
        ),
      ]),
    );
  });

  test("several phases: softmax with cross-entropy and its gradient in one pass over a row", async () => {
    for (const classes of [3, 10, 64]) {
      const shape = [classes, 1];
      await agree([
        nest(
          `softmax${classes}`,
          [N, fixed(classes)],
          1,
          [
            operand("z", "read", shape),
            operand("label", "read", [1, 0], "int"),
            operand("p", "write", shape),
            operand("dz", "write", shape),
            operand("loss", "write", [1, 0]),
          ],
          [
            load(0), // 0: z
            reduce("max", 0), // 1
            apply("sub", [0, 1]), // 2
            apply("exp", [2]), // 3
            reduce("sum", 3), // 4
            apply("div", [3, 4]), // 5: p
            load(1), // 6
            { kind: "index", start: affine(0), strides: [affine(0), affine(1)] }, // 7
            apply("eq", [7, 6], "bool"), // 8
            constant(0), // 9
            apply("where", [8, 2, 9]), // 10
            reduce("sum", 10), // 11
            apply("log", [4]), // 12
            apply("sub", [12, 11]), // 13: loss
            apply("cast", [8]), // 14
            apply("sub", [5, 14]), // 15
            { kind: "extent", size: free() }, // 16
            apply("div", [15, 16]), // 17: dz
          ],
          [
            [2, 5],
            [3, 17],
            [4, 13],
          ],
        ),
      ]);
    }
  });

  test("indices and extents, with strides of the batch", async () => {
    await agree([
      nest(
        "iota",
        [N, fixed(9)],
        0,
        [operand("y", "write", [9, 1])],
        [
          { kind: "index", start: affine(5, 1), strides: [affine(2), affine(-3)] },
          { kind: "index", start: affine(0), strides: [affine(1), affine(0, 2)] },
          { kind: "extent", size: free(4) },
          apply("mul", [0, 1]),
          apply("add", [3, 2]),
        ],
        [[0, 4]],
      ),
    ]);
  });

  test("random numbers are those of ir/random.ts", async () => {
    const draw = (distribution: "uniform" | "normal", site: number): Value => ({
      kind: "random",
      distribution,
      site,
      start: affine(3),
      strides: [affine(17), affine(2)],
    });
    await agree([
      nest("uniform", [N, fixed(11)], 0, [operand("y", "write", [11, 1])], [draw("uniform", 4)], [[0, 0]]),
      nest("normal", [N, fixed(11)], 0, [operand("y", "write", [11, 1])], [draw("normal", 9)], [[0, 0]]),
      nest(
        "turned",
        [fixed(3), N],
        0,
        [operand("y", "write", [affine(0, 1), 1])],
        [
          {
            kind: "random",
            distribution: "normal",
            site: 1,
            start: affine(0),
            strides: [affine(1), affine(0, 3)],
          },
        ],
        [[0, 0]],
      ),
    ]);
  });

  test("a scalar kernel", async () => {
    await agree([
      nest(
        "scalar",
        [],
        0,
        [operand("x", "read", []), operand("y", "write", [])],
        [load(0), apply("exp", [0])],
        [[1, 1]],
      ),
    ]);
  });
});

describe("products", () => {
  type Layout = "normal" | "transposed";

  function product(
    name: string,
    m: Size,
    n: Size,
    k: Size,
    left: Layout,
    right: Layout,
    batch?: number,
  ): Bench {
    const leading = batch === undefined ? [] : [fixed(batch)];
    const whole = (a: Size, b: Size): Affine[] => (batch === undefined ? [] : [scale(affineOf(a), b)]);
    const one = affine(1);
    const none = affine(0);
    const leftStrides = left === "normal" ? [affineOf(k), none, one] : [one, none, affineOf(m)];
    const rightStrides = right === "normal" ? [none, one, affineOf(n)] : [none, affineOf(k), one];
    return bench({
      kind: "product",
      name,
      formula: name,
      loops: [...leading, m, n],
      depth: k,
      left: 0,
      right: 1,
      operands: [
        operand("x", "read", [...whole(m, k), ...leftStrides]),
        operand("w", "read", [...whole(n, k), ...rightStrides]),
        operand("bias", "read", [...leading.map(() => none), none, one]),
        operand("scale", "read", [...leading.map(() => none), one, none]),
        operand("h", "write", [...whole(m, n), affineOf(n), one]),
        operand("ht", "write", [...whole(m, n), one, affineOf(m)]),
      ],
      values: [
        { kind: "product" },
        load(2),
        apply("add", [0, 1]),
        apply("tanh", [2]),
        load(3),
        apply("mul", [0, 4]),
      ],
      stores: [
        { operand: 4, value: 3 },
        { operand: 5, value: 5 },
      ],
    });
  }

  const shapes: [Size, Size, Size][] = [
    [N, fixed(2), fixed(2)],
    [N, fixed(1), fixed(33)],
    [N, fixed(10), fixed(37)],
    [N, fixed(16), fixed(64)],
    [fixed(9), fixed(21), N],
    [fixed(8), fixed(8), fixed(8)],
    [fixed(1), fixed(32), fixed(32)],
    [fixed(7), fixed(23), fixed(35)],
    [fixed(5), N, fixed(40)],
  ];

  for (const [left, right] of [
    ["normal", "normal"],
    ["normal", "transposed"],
    ["transposed", "normal"],
    ["transposed", "transposed"],
  ] as const) {
    test(`of odd sizes, left ${left}, right ${right}, with epilogues`, async () => {
      await agree([
        ...shapes.map(([m, n, k], i) => product(`p${i}`, m, n, k, left, right)),
        product("batched", fixed(5), fixed(12), fixed(19), left, right, 3),
        product("batchedFree", N, fixed(12), fixed(19), left, right, 2),
      ]);
    });
  }

  test("relaxed products are close", async () => {
    const benches = [product("p", N, fixed(24), fixed(48), "normal", "transposed")];
    const options = { rows: 9 };
    const [relaxed] = await run(benches, { ...options, simd: "relaxed" });
    const [expected] = interpretBenches(benches, options);
    relaxed![4]!.forEach((value, i) => expect(value).toBeCloseTo(expected![4]![i]!, 4));
  });

  test("an entry has the same bits whatever the batch around it", async () => {
    const benches = [
      product("dot", N, fixed(10), fixed(37), "normal", "transposed"),
      product("outer", N, fixed(21), fixed(37), "normal", "normal"),
    ];
    const runAt = await prepare(benches);
    const many = runAt({ rows: 9 });
    const few = runAt({ rows: 5 });
    for (const [k, width] of [10, 21].entries()) {
      expect(few[k]![4]!.slice(0, 5 * width)).toEqual(many[k]![4]!.slice(0, 5 * width));
    }
  });
});
