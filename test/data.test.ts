import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadData, type Dataset } from "../cli/data/load-data.ts";
import { writeNpy } from "../cli/data/npy.ts";
import { writeNpz } from "../cli/data/npz.ts";
import { shortest } from "../cli/data/write-csv.ts";
import { writeSafetensors } from "../runtime/safetensors.ts";
import { modelManifest, type InputSketch } from "./data/manifest.ts";

/** Files made by NumPy; see make.py there. */
const numpy = (name: string): string => new URL(`data/${name}`, import.meta.url).pathname;

const folder = mkdtempSync(join(tmpdir(), "nndsl-data-"));
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const read = (
  specs: string[],
  inputs: readonly InputSketch[],
  options: Partial<Parameters<typeof loadData>[2]> = {},
): Promise<Dataset> =>
  loadData(specs, modelManifest(inputs), {
    option: "--data",
    targets: true,
    folders: [import.meta.dirname],
    ...options,
  });

const x: InputSketch = { name: "x", shape: ["N", 4] };
const values = (data: Dataset, name = "x"): number[] => [...data.inputs[name]!.data];
const range = (count: number, value: (k: number) => number): number[] =>
  Array.from({ length: count }, (_, k) => value(k));

describe("NumPy files", () => {
  test.each([
    ...["f2", "f4", "f8"].flatMap((kind) => [`${kind}-little`, `${kind}-big`]),
    "version-2",
    "version-3",
  ])("%s", async (name) => {
    const data = await read([`x=${numpy(`${name}.npy`)}`], [x]);
    expect(values(data)).toEqual(range(12, (k) => k / 2 - 3));
    expect(data.inputs["x"]!.shape).toEqual([3, 4]);
    expect(data.rows).toBe(3);
  });

  test.each(["i1", "i2", "i4", "i8", "i1-big", "i2-big", "i4-big", "i8-big"])("%s", async (name) => {
    expect(values(await read([`x=${numpy(`${name}.npy`)}`], [x]))).toEqual(range(12, (k) => k - 3));
  });

  test.each(["u1", "u2", "u4", "u8"])("%s", async (name) => {
    expect(values(await read([`x=${numpy(`${name}.npy`)}`], [x]))).toEqual(range(12, (k) => k));
  });

  test("booleans", async () => {
    expect(values(await read([`x=${numpy("b1.npy")}`], [{ ...x, dtype: "bool" }]))).toEqual(
      range(12, (k) => k % 2),
    );
  });

  test("column-major order", async () => {
    const data = await read([`x=${numpy("fortran.npy")}`], [{ name: "x", shape: ["N", 3, 4] }]);
    expect(values(data)).toEqual(range(24, (k) => k));
  });

  test("a scalar for a model without a batch", async () => {
    const data = await read([`x=${numpy("scalar.npy")}`], [{ name: "x", shape: [] }]);
    expect(data).toMatchObject({ rows: 1, inputs: { x: { data: new Float32Array([2.5]), shape: [] } } });
  });

  test.each(["plain", "compressed"])("%s archives, with arrays that are no inputs left out", async (name) => {
    const data = await read(
      [numpy(`${name}.npz`)],
      [x, { name: "y", role: "target", dtype: "int", shape: ["N"] }],
    );
    expect(values(data)).toEqual(range(12, (k) => k / 2 - 3));
    expect(data.inputs["y"]!.data).toEqual(new Int32Array([0, 1, 1]));
    expect(data.notes.length).toBe(name === "plain" ? 1 : 0);
  });

  test("one array of an archive, by its name", async () => {
    const data = await read([`x=${numpy("plain.npz")}:extra`], [{ name: "x", shape: ["N"] }]);
    expect(values(data)).toEqual([0, 1, 1]);
  });

  test("are written as NumPy writes them", () => {
    const written = writeNpy(
      Float32Array.from({ length: 12 }, (_, k) => k / 2 - 3),
      [3, 4],
    );
    expect(Buffer.from(written)).toEqual(readFileSync(numpy("f4-little.npy")));
  });

  test("archives written are read back", async () => {
    const path = file("back.npz", writeNpz({ x: { data: new Float32Array([1, 2, 3, 4]), shape: [1, 4] } }));
    expect(values(await read([path], [x]))).toEqual([1, 2, 3, 4]);
  });
});

describe("tables", () => {
  const target: InputSketch = { name: "y", role: "target", dtype: "int", shape: ["N"], classes: 3 };
  const iris =
    'length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n6.3,3.3,"virginica"\n4.9,3,setosa\n';

  test("columns by name, text as labels in sorted order", async () => {
    const path = file("iris.csv", iris);
    const data = await read(
      [`x=${path}:width,length`, `y=${path}:species`],
      [{ name: "x", shape: ["N", 2] }, target],
    );
    expect(data.inputs["x"]!.data).toEqual(new Float32Array([3.5, 5.1, 3.2, 7, 3.3, 6.3, 3, 4.9]));
    expect(data.inputs["y"]!.data).toEqual(new Int32Array([0, 1, 2, 0]));
    expect(data.categories).toEqual({ y: { species: ["setosa", "versicolor", "virginica"] } });
  });

  test("inputs and columns may be called as what every object inherits", async () => {
    const path = file("inherited.csv", "constructor,toString\n1,no\n2,yes\n");
    const data = await read(
      [`valueOf=${path}:constructor`, `constructor=${path}:toString`],
      [
        { name: "valueOf", shape: ["N", 1] },
        { ...target, name: "constructor" },
      ],
    );
    expect([data.inputs["valueOf"]!.data, data.inputs["constructor"]!.data]).toEqual([
      new Float32Array([1, 2]),
      new Int32Array([0, 1]),
    ]);
  });

  test("labels keep the numbers of an earlier run, also where some are missing now", async () => {
    const path = file("some.csv", "species\nvirginica\nversicolor\n");
    const data = await read([`y=${path}`], [target], {
      known: { categories: { y: { species: ["setosa", "versicolor", "virginica"] } } },
    });
    expect(values(data, "y")).toEqual([2, 1]);
  });

  test("one-hot rows from text, where the model wants them", async () => {
    const path = file("iris.csv", iris);
    const data = await read([`y=${path}:species`], [{ name: "y", role: "target", shape: ["N", 3] }]);
    expect(values(data, "y")).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
  });

  test("all columns but one", async () => {
    const path = file("iris.csv", iris);
    expect(values(await read([`x=${path}:-species`], [{ name: "x", shape: ["N", 2] }]))).toHaveLength(8);
  });

  test.each([
    ["no header", "1,2\n3,4\n"],
    ["a header", "a,b\n1,2\n3,4\n"],
    ["a byte order mark", "\uFEFFa,b\n1,2\n3,4\n"],
    ["CRLF", "a,b\r\n1,2\r\n3,4\r\n"],
    ["no line end at the end", "1,2\n3,4"],
    ["blank lines at the end", "1,2\n3,4\n\n\n"],
    ["quotes and spaces", '"a, or so","b ""c"""\n"1", 2 \n3,"4"\n'],
    ["semicolons", "a;b\n1;2\n3;4\n"],
    ["exponents and signs", "1e0,+2\n.3e1,4.\n"],
    ["a line end in quotes", '"a\nb",c\n1,2\n3,4\n'],
  ])("%s", async (_, text) => {
    const data = await read([file("t.csv", text)], [{ name: "x", shape: ["N", 2] }]);
    expect(values(data)).toEqual([1, 2, 3, 4]);
  });

  test("tabs in a .tsv", async () => {
    expect(values(await read([file("t.tsv", "a\tb\n1\t2\n")], [{ name: "x", shape: ["N", 2] }]))).toEqual([
      1, 2,
    ]);
  });

  test("a model in f64 takes all digits", async () => {
    const manifest = { ...modelManifest([{ name: "x", shape: ["N"] }]), dtype: "f64" as const };
    const data = await loadData([file("t.csv", "0.1\n0.2\n")], manifest, {
      option: "--data",
      targets: false,
      folders: [],
    });
    expect(values(data)).toEqual([0.1, 0.2]);
  });

  test("the shortest text of a number reads back as the same number", () => {
    expect(shortest(Math.fround(0.1), "f32")).toBe("0.1");
    expect(shortest(16777217.5, "f64")).toBe("16777217.5");
    for (const value of [1 / 3, 1e-42, 3.4028234663852886e38, 16777216, -0.00012345678]) {
      expect(Math.fround(Number(shortest(Math.fround(value), "f32")))).toBe(Math.fround(value));
    }
  });
});

/** IDX by the book: type, sizes, entries, all big-endian. */
function idx(type: number, shape: readonly number[], entries: Uint8Array): Uint8Array {
  const sizes = new DataView(new ArrayBuffer(4 * shape.length));
  shape.forEach((size, axis) => sizes.setUint32(4 * axis, size));
  return Uint8Array.from([0, 0, type, shape.length, ...new Uint8Array(sizes.buffer), ...entries]);
}

describe("IDX", () => {
  test.each([
    ["u8", 0x08, [1, 2, 3, 254], [1, 2, 3, 254]],
    ["i8", 0x09, [1, 2, 3, 254], [1, 2, 3, -2]],
    ["i16", 0x0b, [0, 1, 255, 255, 1, 0, 0, 0], [1, -1, 256, 0]],
    ["i32", 0x0c, [0, 0, 0, 7, 255, 255, 255, 254, 0, 1, 0, 0, 0, 0, 0, 0], [7, -2, 65536, 0]],
    ["f32", 0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0], [1, -2, 0, 0.5]],
    [
      "f64",
      0x0e,
      [0x3f, 0xf0, ...range(6, () => 0), 0xc0, ...range(7, () => 0), ...range(16, () => 0)],
      [1, -2, 0, 0],
    ],
  ])("%s", async (_, type, bytes, expected) => {
    const path = file("some-idx2-ubyte", idx(type, [2, 2], Uint8Array.from(bytes)));
    expect(values(await read([`x=${path}`], [{ name: "x", shape: ["N", 2] }]))).toEqual(expected);
  });

  test("flat rows for images, and gzip", async () => {
    const path = file("images.gz", gzipSync(idx(0x08, [3, 2, 2], Uint8Array.from(range(12, (k) => k)))));
    const data = await read([`x=${path}`], [x]);
    expect(data.inputs["x"]).toEqual({ data: Float32Array.from(range(12, (k) => k)), shape: [3, 4] });
  });
});

describe("safetensors", () => {
  test("an array for each input", async () => {
    const path = file(
      "d.safetensors",
      writeSafetensors([["x", { shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) }]]),
    );
    expect(values(await read([path], [{ name: "x", shape: ["N", 2] }]))).toEqual([1, 2, 3, 4]);
  });
});

describe("MNIST", () => {
  test("images in [0, 1], flat, and labels", async () => {
    const data = await read(
      ["mnist:test"],
      [
        { name: "x", shape: ["N", 784] },
        { name: "y", role: "target", dtype: "int", shape: ["N"], classes: 10 },
      ],
    );
    expect(data.rows).toBe(10_000);
    expect(data.inputs["x"]!.shape).toEqual([10_000, 784]);
    // The first test digits, as every tutorial prints them.
    expect([...data.inputs["y"]!.data.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    const ink = data.inputs["x"]!.data.subarray(0, 784);
    expect(Math.max(...ink)).toBe(1);
    expect(Math.min(...ink)).toBe(0);
    // Mean ink of the first image: its bytes sum to 18454, counted with od and awk.
    expect(Array.from(ink).reduce((sum, v) => sum + v, 0)).toBeCloseTo(18454 / 255, 3);
  });

  test("images with a channel, labels one-hot; no target where none is asked for", async () => {
    const inputs: InputSketch[] = [
      { name: "x", shape: ["N", 1, 28, 28] },
      { name: "y", role: "target", shape: ["N", 10] },
    ];
    const data = await read(["mnist:test"], inputs);
    expect(data.inputs["x"]!.shape).toEqual([10_000, 1, 28, 28]);
    expect(values(data, "y").slice(0, 20)).toEqual([
      0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ]);
    const inference = await read(["mnist:test"], inputs, { targets: false });
    expect(Object.keys(inference.inputs)).toEqual(["x"]);
  });
});

describe("shapes", () => {
  test("axes of size 1 may be there or not", async () => {
    const path = file("v.csv", "1\n2\n");
    expect((await read([`x=${path}`], [{ name: "x", shape: ["N"] }])).inputs["x"]!.shape).toEqual([2]);
    expect((await read([`x=${path}`], [{ name: "x", shape: ["N", 1, 1] }])).inputs["x"]!.shape).toEqual([
      2, 1, 1,
    ]);
  });

  test("a multiple of the free dimension", async () => {
    const path = file("v.csv", "1\n2\n3\n4\n5\n6\n");
    expect((await read([`x=${path}`], [{ name: "x", shape: ["3·N"] }])).rows).toBe(2);
  });
});
