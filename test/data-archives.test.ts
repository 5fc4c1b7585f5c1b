/**
 * Archives: every kind that writers make is read, and no byte of one can be another without being
 * noticed.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { readDataFile, type FileContent } from "../cli/data/read-file.ts";
import { writeNpz } from "../cli/data/npz.ts";
import { DataError } from "../cli/failures.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-archives-"));
/** Files made by Python; see make.py there. */
const made = (name: string): Uint8Array => readFileSync(new URL(`data/${name}`, import.meta.url));

async function read(bytes: Uint8Array, name = "x.npz"): Promise<FileContent> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return readDataFile(path);
}

async function shown(content: FileContent): Promise<string> {
  if (content.kind === "table") {
    return content.read(({ size, read }) => {
      const bytes = Buffer.alloc(size);
      return bytes.toString("utf8", 0, read(bytes, 0));
    });
  }
  const arrays = content.kind === "array" ? new Map([["", content.array]]) : content.arrays;
  return JSON.stringify([...arrays].map(([name, { shape, values }]) => [name, shape, [...values]]));
}

const sound = {
  "zip64.npz": made("zip64.npz"),
  "streamed.npz": made("streamed.npz"),
  "streamed-deflated.npz": made("streamed-deflated.npz"),
  "compressed.npz": made("compressed.npz"),
  "ours.npz": writeNpz({ x: { data: new Float32Array([1, 2, 3]), shape: [3] } }),
  "x.npy.gz": gzipSync(made("f4-little.npy")),
  "x.csv.gz": gzipSync("a,b\n1,2\n3,4\n"),
};

test.each(["zip64", "streamed", "streamed-deflated"])("%s", async (name) => {
  expect(await shown(await read(made(`${name}.npz`)))).toBe('[["x",[3,2],[0,1,2,3,4,5]]]');
});

describe("a flipped bit", () => {
  test.each(Object.entries(sound))("of %s is an error, or changes nothing", async (name, bytes) => {
    const before = await shown(await read(bytes, name));
    let refused = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const damaged = Uint8Array.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      try {
        expect(await shown(await read(damaged, name)), `bit ${bit}`).toBe(before);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(bytes.length);
  });
});

describe("archives that are refused", () => {
  const npy = made("f4-little.npy");
  const zipped = zipSync({ "x.npy": npy, "y.npy": npy });
  const twice = Uint8Array.from(zipped);
  // Both names, in the files and in the directory.
  for (let at = 0; at + 5 < twice.length; at++)
    if (Buffer.from(twice.subarray(at, at + 5)).toString() === "y.npy") twice[at] = 0x78;
  test.each([
    ["two files of one name", twice, "two files of one name"],
    ["bytes after its end", Uint8Array.from([...zipped, 0]), "no directory"],
    ["cut short", zipped.subarray(0, -1), "no directory"],
    ["without its first file", zipped.subarray(200), "this is not a data file"],
  ])("%s", async (_, bytes, says) => {
    await expect(read(bytes)).rejects.toThrow(says);
  });

  test("a bomb, before it is unpacked", async () => {
    const bomb = zipSync({ "x.npy": new Uint8Array(2 ** 28) }, { level: 9 });
    await expect(read(bomb)).rejects.toMatchObject({ code: "data-too-large" });
  });
});
