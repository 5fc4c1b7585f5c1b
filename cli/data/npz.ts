/** NumPy's `.npz`: a zip file with a `.npy` file for each array. */
import { unzipSync, zipSync } from "fflate";
import { DataError } from "../failures.ts";
import type { DataArray } from "./array.ts";
import { tooLarge, unpackedLimit } from "./gzip.ts";
import { readNpy, writeNpy } from "./npy.ts";

/** Local file header, or the end record of an empty archive. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 &&
  bytes[1] === 0x4b &&
  ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

/**
 * The arrays by name.
 * @throws DataError where the archive is damaged, unpacks to more than `limit` bytes, or an array cannot be read
 */
export function readNpz(bytes: Uint8Array, file: string, limit = unpackedLimit): Map<string, DataArray> {
  let total = 0;
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        total += originalSize;
        if (total > limit) throw tooLarge(file, limit);
        return name.endsWith(".npy");
      },
    });
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      "data-damaged",
      "this .npz file is damaged or cut short",
      { file },
      {
        help: "write it again with numpy.savez",
      },
    );
  }
  const arrays = new Map<string, DataArray>();
  for (const [name, member] of Object.entries(members)) {
    const array = name.slice(0, -".npy".length);
    arrays.set(array, readNpy(member, `${file}:${array}`));
  }
  return arrays;
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
