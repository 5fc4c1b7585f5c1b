/**
 * Data that is wrong, and what a stranger is told. Each case is a model's inputs, files, and what
 * `--data` was given.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { loadData, type DataOptions } from "../cli/data/load-data.ts";
import { DataError, showPlace, UsageError } from "../cli/failures.ts";
import { renderComplaint } from "../cli/output.ts";
import { writeSafetensors } from "../runtime/safetensors.ts";
import { modelManifest, type InputSketch } from "./data/manifest.ts";

const x: InputSketch = { name: "x", shape: ["N", 2] };
const y: InputSketch = { name: "y", role: "target", dtype: "int", shape: ["N"], classes: 3 };
const numpy = (name: string): Buffer => readFileSync(new URL(`data/${name}`, import.meta.url));
const csv = (...lines: string[]): string => lines.map((line) => `${line}\n`).join("");

interface Case {
  readonly inputs?: readonly InputSketch[];
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly data: readonly string[];
  readonly code: string;
  /** What a program reads: row and column. */
  readonly row?: number;
  readonly column?: string | number;
  readonly options?: Partial<DataOptions>;
}

const cases: Readonly<Record<string, Case>> = {
  "a word among numbers": {
    files: { "points.csv": csv("a,b", "1,2", "3,four", "5,6") },
    data: ["points.csv"],
    code: "data-not-a-number",
    row: 3,
    column: "b",
  },
  "a decimal comma": {
    files: { "points.csv": csv("a;b", "1;2", '1;"2,5"') },
    data: ["points.csv"],
    code: "data-not-a-number",
    row: 3,
    column: "b",
  },
  "a hexadecimal number": {
    files: { "points.csv": csv("1,2", "3,0x10") },
    data: ["points.csv"],
    code: "data-not-a-number",
    row: 2,
    column: "2",
  },
  "an empty cell": {
    files: { "points.csv": csv("a,b", "1,2", "3,") },
    data: ["points.csv"],
    code: "data-empty-cell",
    row: 3,
    column: "b",
  },
  "nan in a table": {
    files: { "points.csv": csv("a,b", "1,2", "nan,4") },
    data: ["points.csv"],
    code: "data-not-finite",
    row: 3,
    column: "a",
  },
  "a row too long": {
    files: { "points.csv": csv("a,b", "1,2", "3,4,5") },
    data: ["points.csv"],
    code: "data-ragged-row",
    row: 3,
  },
  "a row too short": {
    files: { "points.csv": csv("a,b", "1,2", "3") },
    data: ["points.csv"],
    code: "data-ragged-row",
    row: 3,
  },
  "an empty row": {
    files: { "points.csv": csv("a,b", "1,2", "", "3,4") },
    data: ["points.csv"],
    code: "data-ragged-row",
    row: 3,
  },
  "an open quote": {
    files: { "points.csv": csv("a,b", '1,"2', "3,4") },
    data: ["points.csv"],
    code: "data-bad-quotes",
    row: 2,
  },
  "a header alone": { files: { "points.csv": csv("a,b") }, data: ["points.csv"], code: "data-empty" },
  "an empty file": { files: { "points.csv": "" }, data: ["points.csv"], code: "data-empty" },
  "a mistyped column": {
    inputs: [x],
    files: { "iris.csv": csv("length,width", "1,2") },
    data: ["x=iris.csv:lenght,width"],
    code: "data-missing-column",
  },
  "a named column without a header": {
    files: { "iris.csv": csv("1,2", "3,4") },
    data: ["x=iris.csv:length,width"],
    code: "data-missing-column",
  },
  "two columns of one name": {
    files: { "iris.csv": csv("a,a", "1,2") },
    data: ["x=iris.csv:a"],
    code: "data-duplicate-column",
    row: 1,
  },
  "a column left out beside one that is picked": {
    inputs: [x],
    files: { "iris.csv": csv("a,b,c,d", "1,2,3,4") },
    data: ["x=iris.csv:-c,d"],
    code: "data-mixed-columns",
  },
  "too many columns for the model": {
    files: { "points.csv": csv("a,b,c", "1,2,3") },
    data: ["points.csv"],
    code: "data-wrong-shape",
  },
  "UTF-16 text": {
    files: { "points.csv": Buffer.from("\uFEFFa,b\n1,2\n", "utf16le") },
    data: ["points.csv"],
    code: "data-encoding",
  },
  "Latin-1 text": {
    files: { "points.csv": Buffer.from("größe,b\n1,2\n", "latin1") },
    data: ["points.csv"],
    code: "data-encoding",
  },
  "a binary file named .csv": {
    files: { "points.csv": Uint8Array.of(0x31, 0x0a, 0x32, 0) },
    data: ["points.csv"],
    code: "data-encoding",
    row: 2,
  },
  "a label out of range": {
    inputs: [y],
    files: { "labels.csv": csv("digit", "0", "3") },
    data: ["labels.csv"],
    code: "data-label-out-of-range",
    row: 3,
    column: "digit",
  },
  "a label that is none": {
    inputs: [y],
    files: { "labels.csv": csv("digit", "0", "-1") },
    data: ["labels.csv"],
    code: "data-label-out-of-range",
    row: 3,
    column: "digit",
  },
  "more texts than classes": {
    inputs: [y],
    files: { "labels.csv": csv("kind", "b", "a", "d", "c") },
    data: ["labels.csv"],
    code: "data-label-out-of-range",
    row: 4,
    column: "kind",
  },
  "a label that is no integer": {
    inputs: [y],
    files: { "labels.csv": csv("digit", "0", "1.5") },
    data: ["labels.csv"],
    code: "data-not-an-integer",
    row: 3,
    column: "digit",
  },
  "a text that training did not know": {
    inputs: [y],
    files: { "labels.csv": csv("kind", "setosa", "virginca") },
    data: ["labels.csv"],
    code: "data-unknown-label",
    row: 3,
    column: "kind",
    options: { known: { categories: { y: { kind: ["setosa", "versicolor", "virginica"] } } } },
  },
  "different numbers of rows": {
    inputs: [x, y],
    files: { "points.csv": csv("1,2", "3,4"), "labels.csv": csv("0", "1", "2") },
    data: ["x=points.csv", "y=labels.csv"],
    code: "data-row-counts",
  },
  "an unknown input": {
    inputs: [x, y],
    files: { "points.csv": csv("1,2") },
    data: ["X=points.csv", "y=points.csv"],
    code: "data-unknown-input",
  },
  "a missing input": {
    inputs: [x, y],
    files: { "points.csv": csv("1,2") },
    data: ["x=points.csv"],
    code: "data-missing-input",
  },
  "an archive without an input": {
    inputs: [x, { ...y, name: "z" }],
    files: { "d.npz": numpy("plain.npz") },
    data: ["d.npz"],
    code: "data-missing-input",
  },
  "one table for two inputs": {
    inputs: [x, y],
    files: { "points.csv": csv("a,b,c", "1,2,0") },
    data: ["points.csv"],
    code: "data-which-input",
  },
  "an array name that is not there": {
    files: { "d.npz": numpy("plain.npz") },
    data: ["x=d.npz:exta"],
    code: "data-missing-array",
  },
  "an archive for one input": {
    files: { "d.npz": numpy("plain.npz") },
    data: ["x=d.npz"],
    code: "data-which-array",
  },
  "nan in an array": {
    files: { "x.npy": numpy("nan.npy") },
    data: ["x.npy"],
    code: "data-not-finite",
    row: 1,
    column: 1,
  },
  "an integer beyond 2^53": {
    inputs: [{ name: "x", shape: ["N", 1] }],
    files: { "x.npy": numpy("huge-integer.npy") },
    data: ["x.npy"],
    code: "data-too-precise",
    row: 1,
    column: 0,
  },
  "a number beyond f32": {
    inputs: [{ name: "x", shape: ["N"] }],
    files: { "x.csv": csv("1e38", "1e39") },
    data: ["x.csv"],
    code: "data-too-large-number",
    row: 2,
    column: "1",
  },
  "an array of text": {
    files: { "x.npy": numpy("text.npy") },
    data: ["x.npy"],
    code: "data-unsupported-type",
  },
  "an array of objects": {
    files: { "x.npy": numpy("objects.npy") },
    data: ["x.npy"],
    code: "data-unsupported-type",
  },
  "an array of complex numbers": {
    files: { "x.npy": numpy("complex.npy") },
    data: ["x.npy"],
    code: "data-unsupported-type",
  },
  "an array of records": {
    files: { "x.npy": numpy("records.npy") },
    data: ["x.npy"],
    code: "data-unsupported-type",
  },
  "an array of another shape": {
    files: { "x.npy": numpy("f4-little.npy") },
    data: ["x.npy"],
    code: "data-wrong-shape",
  },
  "an array without rows": {
    inputs: [{ name: "x", shape: ["N", 4] }],
    files: { "x.npy": numpy("empty.npy") },
    data: ["x.npy"],
    code: "data-empty",
  },
  "an array cut short": {
    files: { "x.npy": numpy("f4-little.npy").subarray(0, -3) },
    data: ["x.npy"],
    code: "data-truncated",
  },
  "a header cut short": {
    files: { "x.npy": numpy("f4-little.npy").subarray(0, 40) },
    data: ["x.npy"],
    code: "data-bad-header",
  },
  "an archive cut short": {
    files: { "x.npz": numpy("compressed.npz").subarray(0, -100) },
    data: ["x.npz"],
    code: "data-damaged",
  },
  "gzip cut short": {
    files: { "x.csv.gz": gzipSync("1,2\n3,4\n").subarray(0, -9) },
    data: ["x.csv.gz"],
    code: "data-damaged",
  },
  "no gzip": { files: { "x.csv.gz": csv("1,2") }, data: ["x.csv.gz"], code: "data-not-gzip" },
  "a gzip bomb": {
    files: { "x.csv.gz": gzipSync("1,2\n".repeat(100_000)) },
    data: ["x.csv.gz"],
    code: "data-too-large",
    options: { unpackedLimit: 10_000 },
  },
  "IDX cut short": {
    files: { images: Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3) },
    data: ["x=images"],
    code: "data-truncated",
  },
  "safetensors with a gap": {
    files: {
      "x.safetensors": writeSafetensors([["x", { shape: [1, 2], data: new Float32Array(2) }]]).subarray(
        0,
        -4,
      ),
    },
    data: ["x.safetensors"],
    code: "data-damaged",
  },
  "a picture": {
    files: { "x.png": Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2, 3, 4, 5) },
    data: ["x.png"],
    code: "data-unknown-format",
  },
  "a mistyped data set": { data: ["mnist:tset"], code: "data-unknown-name" },
  "a data set that is not installed": { data: ["mnist:train"], code: "data-not-installed" },
  "a mistyped file": { files: { "points.csv": csv("1,2") }, data: ["x=poinst.csv"], code: "missing-file" },
  "an input given twice": {
    files: { "p.csv": csv("1,2") },
    data: ["x=p.csv", "x=p.csv"],
    code: "bad-option",
  },
  "files of which it is not said what they are for": {
    files: { "p.csv": csv("1,2") },
    data: ["p.csv", "q.csv"],
    code: "bad-option",
  },
};

describe("wrong data", () => {
  test.each(Object.entries(cases))("%s", async (name, wrong) => {
    const folder = mkdtempSync(join(tmpdir(), "nndsl-wrong-"));
    for (const [file, content] of Object.entries(wrong.files ?? {}))
      writeFileSync(join(folder, file), content);
    const told = await inFolder(folder, () =>
      loadData(wrong.data, modelManifest(wrong.inputs ?? [x]), {
        option: "--data",
        targets: true,
        folders: [folder],
        ...wrong.options,
      }),
    );
    expect(told.complaint.code).toBe(wrong.code);
    expect(told.complaint.row).toBe(wrong.row);
    expect(told.complaint.column).toBe(wrong.column);
    await expect(`${told.text}\n`).toMatchFileSnapshot(`data/wrong/${name.replaceAll(/[^\w]+/g, "-")}.txt`);
  });
});

type Complaint = ReturnType<DataError["complaint"]>;

async function inFolder(
  folder: string,
  load: () => Promise<unknown>,
): Promise<{ readonly complaint: Complaint; readonly text: string }> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    await load();
  } catch (error) {
    if (!(error instanceof DataError || error instanceof UsageError)) throw error;
    const complaint = error.complaint();
    const place = error instanceof DataError ? showPlace(error.place) : undefined;
    return { complaint, text: renderComplaint(complaint, place, pc.createColors(false)) };
  } finally {
    process.chdir(before);
  }
  throw new Error("nothing was wrong");
}
