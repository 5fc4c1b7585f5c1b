/**
 * Files that are no data, or more of it than anybody means: told at once, and without the memory
 * that they ask for.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { loadData } from "../cli/data/load-data.ts";
import { DataError, UsageError } from "../cli/failures.ts";
import { modelManifest } from "./data/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-bounds-"));
const at = (name: string): string => join(folder, name);

function npy(shape: string): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + "\n";
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]),
    Buffer.from(header),
    Buffer.alloc(64),
  ]);
}

/** As long as `bytes` says, zeros that take no room on the disk. */
function sparse(name: string, beginning: Uint8Array, bytes: number): void {
  writeFileSync(at(name), beginning);
  truncateSync(at(name), bytes);
}

beforeAll(() => {
  execFileSync("mkfifo", [at("pipe.csv")]);
  symlinkSync("/dev/zero", at("device.csv"));
  mkdirSync(at("folder.csv"));
  writeFileSync(at("claims.npy"), npy("1152921504606846976,"));
  writeFileSync(at("billions.npy"), npy("4294967296, 2"));
  writeFileSync(at("billions.npy.gz"), gzipSync(Buffer.concat([npy("1, 2"), Buffer.alloc(2 ** 28)])));
  writeFileSync(at("longer.npy.gz"), gzipSync(Buffer.concat([npy("1, 2"), Buffer.alloc(2 ** 20)])));
  writeFileSync(at("bomb.csv.gz"), gzipSync(Buffer.alloc(2 ** 28, "1,2\n")));
  writeFileSync(at("zeros.csv.gz"), gzipSync(Buffer.alloc(2 ** 28)));
  sparse("zeros.csv", Buffer.from("1,2\n"), 1.9e9);
  sparse("zeros.npy", npy("4294967296, 2"), 1.9e9);
  sparse("zeros.npz", Buffer.from("PK\u0003\u0004"), 1.9e9);
  sparse("zeros.bin", Buffer.alloc(4), 1.9e9);
  sparse("zeros.safetensors", Buffer.from("\u0002\0\0\0\0\0\0\0{}"), 1.9e9);
  sparse("images-idx2-ubyte", Uint8Array.of(0, 0, 8, 2, 255, 0, 0, 0, 255, 0, 0, 0), 1.9e9);
  sparse("too-long.csv", Buffer.from("1,2\n"), 5e9);
  writeFileSync(at("cell.csv"), Buffer.concat([Buffer.from("a,b\n1,"), Buffer.alloc(1e8, "x")]));
  writeFileSync(at("digits.csv"), Buffer.concat([Buffer.from("a,b\n1,"), Buffer.alloc(1e8, "7")]));
  writeFileSync(at("quoted.csv"), Buffer.concat([Buffer.from('a,b\n1,"'), Buffer.alloc(1e8, "x\n")]));
  writeFileSync(at("name.csv"), Buffer.concat([Buffer.alloc(1e8, "x"), Buffer.from(",b\n1,2\n")]));
  writeFileSync(at("commas.csv"), Buffer.alloc(1e8, ","));
  writeFileSync(at("ragged.csv"), Buffer.concat([Buffer.from("a,b\n"), Buffer.alloc(1e8, ",")]));
  writeFileSync(at("blank.csv"), Buffer.alloc(1e8, "\n"));
});

describe.skipIf(process.platform === "win32")("is refused at once", () => {
  test.each([
    ["a pipe", "pipe.csv", "not-a-file"],
    ["a device", "device.csv", "not-a-file"],
    ["a folder", "folder.csv", "is-a-folder"],
    ["an array of 2^60 numbers", "claims.npy", "data-bad-header"],
    ["an array of billions", "billions.npy", "data-truncated"],
    ["far more than its header says, packed", "billions.npy.gz", "data-too-large"],
    ["more than its header says, packed", "longer.npy.gz", "data-trailing-bytes"],
    ["a packed table of a million times one row", "bomb.csv.gz", "data-too-large"],
    ["packed zeros", "zeros.csv.gz", "data-encoding"],
    ["a table that goes on in zeros", "zeros.csv", "data-encoding"],
    ["an array longer than the file", "zeros.npy", "data-truncated"],
    ["an archive without an end", "zeros.npz", "data-damaged"],
    ["a file of zeros", "zeros.bin", "data-unknown-format"],
    ["a file far longer than its header", "zeros.safetensors", "data-trailing-bytes"],
    ["images by the billion", "images-idx2-ubyte", "data-truncated"],
    ["a table of 5 GB", "too-long.csv", "data-too-large"],
    ["a cell of 100 MB", "cell.csv", "data-not-a-number"],
    ["a number of 100 MB", "digits.csv", "data-not-a-number"],
    ["quotes that never close", "quoted.csv", "data-bad-quotes"],
    ["a name of 100 MB", "name.csv", "data-long-label"],
    ["100,000,000 columns", "commas.csv", "data-too-large"],
    ["100,000,000 cells below two", "ragged.csv", "data-ragged-row"],
    ["100,000,000 empty lines", "blank.csv", "data-empty"],
  ])("%s", async (_, name, code) => {
    const before = process.memoryUsage().rss;
    const started = process.cpuUsage();
    const loading = loadData([`x=${at(name)}`], modelManifest([{ name: "x", shape: ["N", 2] }]), {
      option: "--data",
      targets: true,
      folders: [],
    });
    const error = await loading.then(
      () => null,
      (e: unknown) => e,
    );
    if (!(error instanceof DataError || error instanceof UsageError)) throw error;
    expect(error.code).toBe(code);
    expect(JSON.stringify(error.complaint()).length).toBeLessThan(2000);
    // Its own time, whatever else the machine does: less than 2 s where it has a core of its own,
    // up to three times that beside others.
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(6e6);
    expect(process.memoryUsage().rss - before).toBeLessThan(8e8);
  });
});
