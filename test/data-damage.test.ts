/**
 * Damaged data files are told as such, whatever the damage: never a crash, never an endless wait.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadData } from "../cli/data/load-data.ts";
import { DataError, UsageError } from "../cli/failures.ts";
import { writeSafetensors } from "../runtime/safetensors.ts";
import { modelManifest } from "./data/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-damage-"));
const numpy = (name: string): Uint8Array => readFileSync(new URL(`data/${name}`, import.meta.url));

const sound: Readonly<Record<string, Uint8Array>> = {
  "x.npy": numpy("f4-little.npy"),
  "x.npz": numpy("compressed.npz"),
  "x.csv": new TextEncoder().encode('a,b\n1,2\n"3",4\n'),
  "x.csv.gz": gzipSync("a,b\n1,2\n3,4\n"),
  "x-idx2-ubyte": Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4),
  "x.safetensors": writeSafetensors([["x", { shape: [2, 2], data: new Float32Array(4) }]]),
};

test.each(Object.keys(sound))("%s", async (name) => {
  const bytes = sound[name]!;
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    with: fc.uint8Array({ maxLength: 8 }),
    drop: fc.oneof(fc.constant(0), fc.nat(bytes.length)),
  });
  const manifest = modelManifest([{ name: "x", shape: ["N", 2] }]);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let damaged = Uint8Array.from(bytes);
      for (const { at, with: other, drop } of changes) {
        const [before, after] = [damaged.subarray(0, at), damaged.subarray(at + drop)];
        damaged = Uint8Array.from([...before, ...other, ...after]);
      }
      const path = join(folder, name);
      writeFileSync(path, damaged);
      try {
        await loadData([`x=${path}`], manifest, {
          option: "--data",
          targets: true,
          folders: [],
          unpackedLimit: 1e6,
        });
      } catch (error) {
        if (!(error instanceof DataError || error instanceof UsageError)) throw error;
        refused += 1;
      }
    }),
    { numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(100);
});
