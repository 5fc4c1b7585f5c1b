/**
 * IDX, the format of MNIST: two zero bytes, a type, the number of axes, the sizes, then the
 * entries, all big-endian.
 */
import { DataError } from "../failures.ts";
import { arrayPlace, elementCount, type DataArray, type Values } from "./array.ts";

interface ElementType {
  readonly bytes: number;
  readonly read: (view: DataView, count: number) => Values;
}

const elementTypes: ReadonlyMap<number, ElementType> = new Map([
  [0x08, { bytes: 1, read: (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice() }],
  [0x09, { bytes: 1, read: (view, count) => Int8Array.from({ length: count }, (_, i) => view.getInt8(i)) }],
  [
    0x0b,
    { bytes: 2, read: (view, count) => Int16Array.from({ length: count }, (_, i) => view.getInt16(2 * i)) },
  ],
  [
    0x0c,
    { bytes: 4, read: (view, count) => Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i)) },
  ],
  [
    0x0d,
    {
      bytes: 4,
      read: (view, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i)),
    },
  ],
  [
    0x0e,
    {
      bytes: 8,
      read: (view, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i)),
    },
  ],
]);

export const isIdx = (bytes: Uint8Array): boolean =>
  bytes[0] === 0 && bytes[1] === 0 && elementTypes.has(bytes[2] ?? -1) && (bytes[3] ?? 0) > 0;

interface Header {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly start: number;
}

/** @throws DataError where the header is wrong or the entries are not as many as it says */
export function readIdx(bytes: Uint8Array, file: string): DataArray {
  const { type, shape, start } = readHeader(bytes, file);
  const expected = elementCount(shape) * type.bytes;
  const present = bytes.length - start;
  if (present !== expected) {
    throw new DataError(
      present < expected ? "data-truncated" : "data-trailing-bytes",
      `its header says [${shape.join(", ")}], ${expected} bytes, but ${present} follow`,
      { file },
      { help: "copy or download it again" },
    );
  }
  const entries = new DataView(bytes.buffer, bytes.byteOffset + start, present);
  return { shape, values: type.read(entries, elementCount(shape)), place: arrayPlace(file, shape), file };
}

/**
 * The bytes that a file has by its header, which must be whole in `beginning`. @throws DataError
 */
export function idxLength(beginning: Uint8Array, file: string): number {
  const { type, shape, start } = readHeader(beginning, file);
  return start + elementCount(shape) * type.bytes;
}

function readHeader(bytes: Uint8Array, file: string): Header {
  const type = elementTypes.get(bytes[2] ?? -1);
  const axes = bytes[3] ?? 0;
  const start = 4 + 4 * axes;
  if (!isIdx(bytes) || type === undefined || bytes.length < start) {
    throw new DataError("data-bad-header", "its IDX header is wrong or cut short", { file });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { type, shape: Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis)), start };
}
