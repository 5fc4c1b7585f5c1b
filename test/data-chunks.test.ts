/** Data is read in parts, once, and into memory once; what is read does not depend on how. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sourceOf } from "../cli/data/byte-source.ts";
import { readCsv } from "../cli/data/csv.ts";
import { loadData, type DataOptions, type Dataset } from "../cli/data/load-data.ts";
import { writeNpy } from "../cli/data/npy.ts";
import { DataError } from "../cli/failures.ts";
import { holdOut } from "../cli/train/hold-out.ts";
import type { Net } from "../runtime/index.ts";
import { writeSafetensors } from "../runtime/safetensors.ts";
import { modelManifest, type InputSketch } from "./data/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-chunks-"));

/** What is read of a file, or what is said of it, as something that can be compared. */
async function outcome(
  specs: readonly string[],
  inputs: readonly InputSketch[],
  options: Partial<DataOptions> = {},
  dtype: "f32" | "f64" = "f32",
): Promise<unknown> {
  try {
    const {
      rows,
      inputs: read,
      categories,
      notes,
    } = await loadData(
      specs,
      { ...modelManifest(inputs), dtype },
      { option: "--data", targets: true, folders: [], ...options },
    );
    return { rows, read, categories, notes };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { complaint: error.complaint(), place: error.place };
  }
}

/** Cells of all kinds, more of them sound than not. */
const cell = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("1", "-2.5", "3e2", " 4 ", ".5", "1.23456789012345678", "-0") },
  {
    weight: 2,
    arbitrary: fc.constantFrom('"5"', '" 6"', '"7" ', "blue", "grün", '"a ""b"""', '"two\nlines"'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "NA", '"open', "\u00a0", "\ufeff8", "1e999", '"1"2', "\u2028"),
  },
);
const lineEnd = fc.constantFrom("\n", "\n", "\r\n", "\r", "\r\r\n", "\n\n");

const table = fc
  .record({
    above: fc.constantFrom("", "", "\ufeff", "# made by a program\n", "sep=;\n", "# a,b,c\n"),
    header: fc.constantFrom("a,b,c", "a,b,c", "1,2,3", '"a",b,"c"', ""),
    rows: fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 12 }),
    odd: fc.option(fc.record({ at: fc.nat(12), row: fc.constantFrom("1,2", "1,2,3,4", "a,b,c", "", "  ") }), {
      freq: 4,
    }),
    trailing: fc.constantFrom("", "", ","),
    end: lineEnd,
    last: fc.boolean(),
  })
  .map(({ above, header, rows, odd, trailing, end, last }) => {
    const lines = rows.map((cells) => cells.join(",") + trailing);
    if (odd !== null) lines.splice(odd.at, 0, odd.row);
    const all = header === "" ? lines : [header + trailing, ...lines];
    return above + all.join(end) + (last ? end : "");
  });

const x: InputSketch = { name: "x", shape: ["N", 2] };
const y: InputSketch = { name: "y", role: "target", dtype: "int", shape: ["N"] };

describe("a table", () => {
  test("is read the same whatever the size of its chunks, and whoever else reads it", async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(["a,b", "c"], ["1,2", "3"], ["c,a", "b"], ["a,b", "zz"]),
        fc.constantFrom(undefined, true, false),
        async (text, chunk, [a, b], header) => {
          const path = join(folder, "t.csv");
          writeFileSync(path, text);
          const [own, other] = [`x=${path}:${a}`, `y=${path}:${b}`];
          const whole = await outcome([own, other], [x, y], { header });
          expect(await outcome([own, other], [x, y], { header, chunk })).toEqual(whole);
          // From a copy of the file, which then nobody else reads.
          const copy = join(folder, "copy.csv");
          writeFileSync(copy, text);
          const apart = await outcome([own, `y=${copy}:${b}`], [x, y], { header });
          const named = JSON.parse(JSON.stringify(apart).replaceAll("copy.csv", "t.csv"));
          const notes = new Set((apart as { readonly notes?: readonly string[] }).notes);
          if (notes.size === 0) expect(named).toEqual(JSON.parse(JSON.stringify(whole)));
        },
      ),
      { numRuns: 200 },
    );
  });

  const digits = (most: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: most });
  const decimal = fc
    .record({
      sign: fc.constantFrom("", "", "-", "+"),
      whole: fc.oneof(digits(3), digits(25), fc.constantFrom("0", "9007199254740993", "16777217")),
      fraction: fc.oneof(fc.constant(""), digits(3), digits(30)),
      exponent: fc.option(fc.integer({ min: -60, max: 30 }), { nil: undefined }),
    })
    .map(
      ({ sign, whole, fraction, exponent }) =>
        `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}${exponent === undefined ? "" : `e${exponent}`}`,
    );
  const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
  const anyFloat = fc.float({ noNaN: true, noDefaultInfinity: true }).map(String);
  /** Halfway between two f32, and close to it, where rounding twice would show. */
  const halfway = fc
    .tuple(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: 2 ** -100, max: 2 ** 100 }),
      fc.integer({ min: -3, max: 3 }),
    )
    .map(([low, ulps]) => {
      const bits = new Float32Array([low]);
      new Uint32Array(bits.buffer)[0]!++;
      const middle = (low + bits[0]!) / 2;
      return (middle * (1 + ulps * 2 ** -52)).toPrecision(20);
    });

  test.each(["f32", "f64"] as const)("has the %s nearest to what stands there, bit by bit", async (dtype) => {
    const path = join(folder, "numbers.csv");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(decimal, anyDouble, anyFloat, halfway), { minLength: 2, maxLength: 40 }),
        async (texts) => {
          const [largest, round] = dtype === "f32" ? [3.4e38, Math.fround] : [Infinity, Number];
          const sound = texts.filter((text) => Math.abs(Number(text)) < largest);
          fc.pre(sound.length > 0);
          writeFileSync(path, ["v", ...sound].join("\n"));
          const expected = Array.from(sound, (text) => round(Number(text)));
          const read = await outcome([`x=${path}`], [{ name: "x", shape: ["N"] }], {}, dtype);
          const { data } = (read as { readonly read: { readonly x: { readonly data: Float64Array } } }).read
            .x;
          const wrong = expected.findIndex((value, at) => !Object.is(value, data[at]));
          expect([wrong, sound[wrong], data[wrong]]).toEqual([-1, undefined, undefined]);
          expect(data.length).toBe(expected.length);
        },
      ),
      { numRuns: 250 },
    );
  });

  test("is read once for all that take something of it", () => {
    const bytes = Buffer.from(`a,b,c\n${"1.5,2,3\n".repeat(200_000)}`);
    let read = 0;
    const source = sourceOf(bytes);
    const counted: typeof source = {
      size: source.size,
      read: (into, position) => {
        const count = source.read(into, position);
        read += count;
        return count;
      },
    };
    const taken = readCsv(counted, "t.csv", {}, [
      { picked: ["a"] },
      { picked: ["b"] },
      { picked: ["c", "a"] },
    ]);
    expect(taken.map((one) => (one.kind === "table" ? one.table.shape : null))).toEqual([
      [200_000, 1],
      [200_000, 1],
      [200_000, 2],
    ]);
    // Its beginning is looked at before.
    expect(read).toBeLessThan(bytes.length + 2 ** 19);
  });

  test("of which a later number is beyond f32 says which", async () => {
    const path = join(folder, "beyond.csv");
    writeFileSync(path, `v\n${"1\n".repeat(20)}1e39\n2e39\n`);
    expect(await outcome([`x=${path}`], [{ name: "x", shape: ["N"] }])).toMatchObject({
      complaint: { code: "data-too-large-number", row: 22, message: expect.stringContaining("1e+39") },
    });
  });

  test("that is no text in the end is told to be none, whatever else is wrong with it", async () => {
    const path = join(folder, "late.csv");
    const rows = "1,2\n".repeat(100_000);
    writeFileSync(path, Buffer.concat([Buffer.from(`a,b\nx,y\n${rows}`), Buffer.from([0xff, 0x0a])]));
    expect(await outcome([`x=${path}`], [x])).toMatchObject({ complaint: { code: "data-encoding" } });
    writeFileSync(path, `a,b\nx,y\n${rows}\0`);
    expect(await outcome([`x=${path}`], [x])).toMatchObject({
      complaint: { code: "data-encoding", row: 100_003 },
    });
  });
});

describe("without a copy", () => {
  const numbers = Float32Array.from({ length: 6000 }, (_, k) => k / 7);
  const one: InputSketch = { name: "x", shape: ["N", 3] };
  const memory = async (path: string): Promise<readonly [ArrayBufferLike, Float32Array]> => {
    const { inputs } = await loadData([`x=${path}`], modelManifest([one]), {
      option: "--data",
      targets: true,
      folders: [],
    });
    const data = inputs["x"]!.data as Float32Array;
    return [data.buffer, data];
  };

  test.each([0, 1, 2, 3, 5, 7])("NumPy's arrays are, with a header %i bytes longer", async (more) => {
    const plain = Buffer.from(writeNpy(numbers, [2000, 3]));
    const length = plain.readUInt16LE(8);
    const header = Buffer.from(plain.subarray(0, 10 + length));
    header.writeUInt16LE(length + more, 8);
    const path = join(folder, `aligned-${more}.npy`);
    writeFileSync(path, Buffer.concat([header, Buffer.alloc(more, "\n"), plain.subarray(10 + length)]));
    const [buffer, data] = await memory(path);
    expect(data).toEqual(numbers);
    expect(buffer.byteLength).toBeLessThan(numbers.byteLength + 256);
    expect(buffer.byteLength).toBeGreaterThan(numbers.byteLength + 64);
  });

  test.each([0, 1, 3, 4])("tensors of safetensors are, with a header %i bytes longer", async (more) => {
    const plain = Buffer.from(writeSafetensors([["x", { shape: [2000, 3], data: numbers }]]));
    const length = Number(plain.readBigUInt64LE(0));
    const header = Buffer.from(plain.subarray(0, 8 + length));
    header.writeBigUInt64LE(BigInt(length + more), 0);
    const path = join(folder, `aligned-${more}.safetensors`);
    writeFileSync(path, Buffer.concat([header, Buffer.alloc(more, " "), plain.subarray(8 + length)]));
    const [buffer, data] = await memory(path);
    expect(data).toEqual(numbers);
    expect(buffer.byteLength).toBeLessThan(numbers.byteLength + 256);
    expect(buffer.byteLength).toBeGreaterThan(numbers.byteLength + 32);
  });
});

test("rows that are held out leave the others where they are, also of what two inputs share", () => {
  const inputs: readonly InputSketch[] = [
    { name: "x", shape: ["N", 2] },
    { name: "again", shape: ["N", 2] },
    { name: "across", shape: [3, "N"] },
    { name: "fixed", shape: [2] },
  ];
  const manifest = modelManifest(inputs);
  const order = (rows: number): Uint32Array =>
    Uint32Array.from({ length: rows }, (_, i) => (7 * i + 3) % rows);
  // All of a net that it is asked for.
  const net = { manifest, order } as unknown as Net;
  const made = (): Dataset => {
    const shared = { data: Float32Array.from({ length: 20 }, (_, k) => k), shape: [10, 2] };
    const across = { data: Float32Array.from({ length: 30 }, (_, k) => k), shape: [3, 10] };
    const fixed = { data: new Float32Array(2), shape: [2] };
    return {
      rows: 10,
      inputs: { x: shared, again: shared, across, fixed },
      notes: [],
      categories: {},
      columns: {},
    };
  };
  const data = made();
  const moved = holdOut(net, data, 0.3, true);
  expect(moved).toEqual(holdOut(net, made(), 0.3));
  expect(moved.training.inputs["across"]!.data.buffer).toBe(data.inputs["across"]!.data.buffer);
});
