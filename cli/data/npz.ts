/** NumPy's `.npz`: a zip file with a `.npy` file for each array. */
import { zipSync } from "fflate";
import { DataError } from "../failures.ts";
import type { DataArray } from "./array.ts";
import { packedLimit, tooLarge, unpackedLimit } from "./gzip.ts";
import { readNpy, writeNpy } from "./npy.ts";
import { readZip, ZipError } from "./zip.ts";

/**
 * The arrays by name.
 * @throws DataError where the archive is damaged, unpacks to more than `limit` bytes, or an array
 * cannot be read
 */
export function readNpz(bytes: Uint8Array, file: string, limit = unpackedLimit): Map<string, DataArray> {
  try {
    const entries = readZip(bytes);
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    if (total > packedLimit(bytes.length, limit)) throw tooLarge(file, bytes.length, limit);
    return new Map(
      entries
        .filter(({ name }) => name.endsWith(".npy"))
        .map(({ name, read }) => {
          const array = name.slice(0, -".npy".length);
          return [array, readNpy(read(), `${file}:${array}`)];
        }),
    );
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    throw new DataError(
      "data-damaged",
      `this .npz file is damaged or cut short: ${error.message}`,
      { file },
      {
        help: "copy it again, or write it again with numpy.savez",
      },
    );
  }
}

/** An uncompressed archive, as `numpy.savez` writes it; equal arrays give equal bytes. */
export function writeNpz(
  arrays: Readonly<
    Record<string, { readonly data: Float32Array | Float64Array; readonly shape: readonly number[] }>
  >,
): Uint8Array {
  return zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, a]) => [`${name}.npy`, writeNpy(a.data, a.shape)])),
    // The earliest time a zip file can tell.
    { level: 0, mtime: new Date(1980, 0, 1) },
  );
}
