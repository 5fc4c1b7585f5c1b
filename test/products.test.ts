/**
 * Products large enough to be packed, blocked and tiled in every way, through the module, against
 * sums in f64.
 */
import { describe, expect, test } from "vitest";
import { compile, plan } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";

const forms = {
  "a @ b": (i: number, j: number, d: number, [, columns, depth]: Sizes) => [i * depth + d, d * columns + j],
  "a' @ b": (i: number, j: number, d: number, [rows, columns]: Sizes) => [d * rows + i, d * columns + j],
  "a @ b'": (i: number, j: number, d: number, [, , depth]: Sizes) => [i * depth + d, j * depth + d],
} as const;
type Form = keyof typeof forms;
type Sizes = readonly [rows: number, columns: number, depth: number];

/** Which of the three sizes is the batch. */
interface Case {
  readonly form: Form;
  readonly sizes: Sizes;
  readonly free: 0 | 2;
  readonly batches: readonly number[];
}

const cases: readonly Case[] = [
  // Packed rows and columns: tiles of six, four, two and one; a depth beyond what is packed.
  { form: "a' @ b", sizes: [157, 209, 0], free: 2, batches: [1, 3, 37, 1030] },
  { form: "a' @ b", sizes: [256, 128, 0], free: 2, batches: [32] },
  // Blocks of packed rows: more rows than there is room for.
  { form: "a' @ b", sizes: [515, 130, 260], free: 0, batches: [1] },
  // Packed columns at a fixed depth, rows of the batch: none, one, and several tiles.
  { form: "a @ b", sizes: [0, 261, 300], free: 0, batches: [1, 5, 30, 129] },
  // Blocks of rows, sums across lanes.
  { form: "a @ b'", sizes: [0, 23, 517], free: 0, batches: [1, 2, 83] },
];

const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i) * 1.3);

const shapeOf = (form: Form, free: 0 | 2): { readonly a: string; readonly b: string } => {
  const [r, c, d] = [free === 0 ? "N" : "R", "C", free === 2 ? "N" : "D"];
  if (form === "a @ b") return { a: `[${r}, ${d}]`, b: `[${d}, ${c}]` };
  if (form === "a' @ b") return { a: `[${d}, ${r}]`, b: `[${d}, ${c}]` };
  return { a: `[${r}, ${d}]`, b: `[${c}, ${d}]` };
};

/** By form and sizes: every kind of module is held against the same sums, which take longer than they do. */
const sums = new Map<string, Float64Array>();

/** The factors, and their product in f64. */
function expected(form: Form, sizes: Sizes): readonly [a: Float32Array, b: Float32Array, c: Float64Array] {
  const [rows, columns, depth] = sizes;
  const [a, b] = [numbers(rows * depth, 1), numbers(columns * depth, 2)];
  const key = `${form} ${sizes.join()}`;
  const known = sums.get(key) ?? summed(form, sizes, a, b);
  sums.set(key, known);
  return [a, b, known];
}

function summed(form: Form, sizes: Sizes, a: Float32Array, b: Float32Array): Float64Array {
  const [rows, columns, depth] = sizes;
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let d = 0; d < depth; d++) {
        const [l, r] = forms[form](i, j, d, sizes);
        sum += a[l!]! * b[r!]!;
      }
      out[i * columns + j] = sum;
    }
  }
  return out;
}

describe.each(["strict", "relaxed"] as const)("%s", (simd) => {
  test.each(cases)("$form of $sizes", async ({ form, sizes, free, batches }) => {
    const shape = shapeOf(form, free);
    const filled = (text: string): string =>
      text.replace("R", String(sizes[0])).replace("C", String(sizes[1])).replace("D", String(sizes[2]));
    const source = `model P {
  input a: ${filled(shape.a)}
  input b: ${filled(shape.b)}
  output c = ${form}
}`;
    for (const dtype of ["f32", "f64"] as const) {
      const { wasm } = await compile(source, { simd, dtype, fallback: false });
      const nets = [await load(wasm), await load(wasm, { threads: 3 })];
      for (const batch of batches) {
        const full = sizes.map((size, k) => (k === free ? batch : size)) as unknown as Sizes;
        const [, , depth] = full;
        const [a, b, want] = expected(form, full);
        const [one, three] = nets.map((net) => net.predict({ a, b })["c"]!.data);
        const worst = Math.max(...want.map((value, i) => Math.abs(value - one![i]!)));
        // Rounding of as many additions of numbers near 1.
        expect(worst).toBeLessThan((dtype === "f32" ? 4e-7 : 4e-15) * depth);
        expect(three).toEqual(one);
      }
      for (const net of nets) net.dispose();
    }
  });
});

/**
 * The order of additions that docs/kernels.md states, entry by entry: spans of 60 one after the
 * other, and their sums like the carries of a binary counter; in f64 all one after the other.
 */
function inOrder(terms: (d: number) => number, depth: number, dtype: "f32" | "f64"): number {
  const round = dtype === "f32" ? Math.fround : (x: number): number => x;
  const span = dtype === "f32" ? 60 : depth;
  const aside: { sum: number; spans: number }[] = [];
  for (let from = 0; from < depth; from += span) {
    let [sum, spans] = [0, 1];
    for (let d = from; d < Math.min(from + span, depth); d++) sum = round(sum + round(terms(d)));
    while (aside.at(-1)?.spans === spans) {
      sum = round(aside.pop()!.sum + sum);
      spans *= 2;
    }
    aside.push({ sum, spans });
  }
  const last = aside.pop()!.sum;
  return aside.reduceRight((sum, before) => round(before.sum + sum), last);
}

// One stretch of 960, two, and five, whose sums take two strips of columns; a row and a column more
// than tiles, and several blocks of rows.
test.each([
  { depths: [960, 961, 1919, 4799], rows: 71, columns: 333 },
  { depths: [20 * 960 + 60], rows: 18, columns: 33 },
])(
  "a depth of $depths that is taken in stretches is added up as one",
  async ({ depths, rows, columns }) => {
    const source = `model P { input a: [N, ${rows}]  input b: [N, ${columns}]  output c = a' @ b }`;
    for (const dtype of ["f32", "f64"] as const) {
      const { wasm } = await compile(source, { dtype, fallback: false });
      const nets = [await load(wasm), await load(wasm, { threads: 3 })];
      for (const depth of depths) {
        const [a, b] = [numbers(rows * depth, 1), numbers(columns * depth, 2)];
        const [one, three] = nets.map((net) => net.predict({ a, b })["c"]!.data);
        expect(Buffer.from(three!.buffer).equals(Buffer.from(one!.buffer))).toBe(true);
        for (let entry = 0; entry < rows * columns; entry += 331) {
          const [i, j] = [Math.floor(entry / columns), entry % columns];
          const sum = inOrder((d) => a[d * rows + i]! * b[d * columns + j]!, depth, dtype);
          expect(one![entry], `${dtype} ${depth}: ${i}, ${j}`).toBe(sum);
        }
      }
      for (const net of nets) net.dispose();
    }
  },
  60_000,
);

// Rows that whole tiles take, and rows that are left over, in code of their own.
test("a sum of one begins at 0 too, so that no zero is negative", async () => {
  const { wasm } = await compile("model P { input a: [N, 67]  input b: [N, 64]  output c = a' @ b }");
  const net = await load(wasm);
  for (const rows of [1, 2]) {
    const { c } = net.predict({ a: new Float32Array(67 * rows), b: new Float32Array(64 * rows).fill(-1) });
    expect(c!.data.some((value) => Object.is(value, -0))).toBe(false);
  }
});

/** Of a short depth that the right factor lies along, such as those of queries and keys. */
interface Turned {
  readonly inputs: string;
  readonly c: string;
  /** Whether each row of the batch has a right factor of its own. */
  readonly batched: boolean;
}

describe.each(["strict", "relaxed"] as const)("turned columns, %s", (simd) => {
  // Whole tiles in one panel and in several; columns left over, and so many that threads divide them; few rows; a long depth.
  test.each([
    { rows: 32, columns: 32, depth: 16, turned: true },
    { rows: 18, columns: 72, depth: 33, turned: true },
    { rows: 23, columns: 47, depth: 7, turned: true },
    { rows: 16, columns: 525, depth: 8, turned: true },
    { rows: 12, columns: 32, depth: 16, turned: false },
    { rows: 32, columns: 32, depth: 300, turned: false },
  ])("$rows × $columns of depth $depth", async ({ rows, columns, depth, turned }) => {
    const [a, b] = [`input a: [N, ${rows}, ${depth}]`, `input b: [N, ${columns}, ${depth}]`];
    const cases: readonly Turned[] = [
      { inputs: `${a} ${b}`, c: "a @ transpose(b, [0, 2, 1])", batched: true },
      { inputs: `${a} input b: [${columns}, ${depth}]`, c: "a @ b'", batched: false },
    ];
    for (const { inputs, c, batched } of cases) {
      const source = `model P { ${inputs} output c = ${c} }`;
      const { report } = await plan(source, { simd });
      const { form } = report.kernels.find(({ name }) => name === "c")!;
      expect(form.includes("turned columns")).toBe(turned);
      if (!turned) continue;
      const { wasm } = await compile(source, { simd, fallback: false });
      const nets = [await load(wasm), await load(wasm, { threads: 3 })];
      for (const batch of [1, 3]) {
        const given = {
          a: numbers(batch * rows * depth, 1),
          b: numbers((batched ? batch : 1) * columns * depth, 2),
        };
        const [one, three] = nets.map((net) => net.predict(given)["c"]!.data);
        expect(three).toEqual(one);
        let worst = 0;
        for (const [i, value] of one!.entries()) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const n = Math.floor(row / rows);
          let sum = 0;
          for (let d = 0; d < depth; d++)
            sum += given.a[row * depth + d]! * given.b[((batched ? n : 0) * columns + column) * depth + d]!;
          worst = Math.max(worst, Math.abs(value - sum));
        }
        expect(worst).toBeLessThan(4e-7 * depth);
      }
      for (const net of nets) net.dispose();
    }
  });
});
