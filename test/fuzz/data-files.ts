/**
 * Sound data files of every kind that is read, with the numbers that stand in them. Written by
 * hand, without a line of ours.
 */
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import type { Random } from "./random.ts";

export const kinds = ["csv", "tsv", "npy", "npz", "safetensors", "idx", "gz"] as const;
export type Kind = (typeof kinds)[number];

export interface DataFile {
  readonly kind: Kind;
  /** What the bytes are where they are packed. */
  readonly inner: Exclude<Kind, "gz">;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  /** Row by row. */
  readonly values: readonly number[];
}

export function soundFile(kind: Kind, random: Random): DataFile {
  if (kind === "gz") {
    const packed = soundFile(random.pick(kinds.filter((k) => k !== "gz")), random);
    return { ...packed, kind, name: `${packed.name}.gz`, bytes: gzipSync(packed.bytes) };
  }
  const [rows, columns] = [1 + random.below(6), 1 + random.below(3)];
  const whole = kind === "idx";
  const values = Array.from({ length: rows * columns }, () =>
    whole ? random.below(256) : (random.below(4001) - 2000) / 8,
  );
  const made = { kind, inner: kind, rows, columns, values };
  switch (kind) {
    case "csv":
    case "tsv":
      return { ...made, name: `x.${kind}`, bytes: Buffer.from(table(made, kind, random)) };
    case "npy":
      return { ...made, name: "x.npy", bytes: npy(made, random) };
    case "npz":
      return {
        ...made,
        name: "x.npz",
        bytes: zipSync({ "x.npy": npy(made, random) }, { level: random.pick([0, 6]) }),
      };
    case "safetensors":
      return { ...made, name: "x.safetensors", bytes: safetensors(made) };
    case "idx":
      return { ...made, name: "x-idx2-ubyte", bytes: idx(made) };
    default:
      return kind satisfies never;
  }
}

type Numbers = Pick<DataFile, "rows" | "columns" | "values">;

function table({ rows, columns, values }: Numbers, kind: "csv" | "tsv", random: Random): string {
  const mark = kind === "tsv" ? "\t" : random.pick([",", ",", ";", "|"]);
  const end = random.pick(["\n", "\r\n"]);
  const lines = Array.from({ length: rows }, (_, row) =>
    values.slice(row * columns, (row + 1) * columns).join(mark),
  );
  const header = ["width", "height", "weight"].slice(0, columns).join(mark);
  return [...(random.below(3) > 0 ? [header] : []), ...lines, ""].join(end);
}

function npy({ rows, columns, values }: Numbers, random: Random): Uint8Array {
  const type = random.pick(["<f4", "<f8", ">f4", ">f8"]);
  const size = Number(type[2]);
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`.padEnd(117);
  const bytes = Buffer.alloc(128 + size * values.length);
  bytes.write("\u0093NUMPY\u0001\0\u0076\0", "latin1");
  bytes.write(`${header}\n`, 10);
  const view = new DataView(bytes.buffer, bytes.byteOffset + 128);
  values.forEach((value, i) =>
    size === 8
      ? view.setFloat64(8 * i, value, type[0] === "<")
      : view.setFloat32(4 * i, value, type[0] === "<"),
  );
  return bytes;
}

function safetensors({ rows, columns, values }: Numbers): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({ x: { dtype: "F64", shape: [rows, columns], data_offsets: [0, 8 * values.length] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from(Float64Array.from(values).buffer)]);
}

function idx({ rows, columns, values }: Numbers): Uint8Array {
  const head = Buffer.from([0, 0, 8, 2, 0, 0, 0, rows, 0, 0, 0, columns]);
  return Buffer.concat([head, Buffer.from(values)]);
}
