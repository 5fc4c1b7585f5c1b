/**
 * NumPy's array files, as https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * describes them.
 */
import { DataError } from "../failures.ts";
import { arrayPlace, elementCount, type DataArray, type Values } from "./array.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

export const isNpy = (bytes: Uint8Array): boolean => magic.every((byte, index) => bytes[index] === byte);

/** Bytes; NumPy itself writes hundreds, and for records some thousands. */
const LONGEST_HEADER = 2 ** 15;

interface Header {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly start: number;
}

/**
 * Reads an array of numbers or booleans, in any byte order, versions 1 to 3. 64-bit integers become
 * f64.
 * @throws DataError
 */
export function readNpy(bytes: Uint8Array, file: string): DataArray {
  const header = readHeader(bytes, file);
  const { fortranOrder, shape, start } = header;
  const { kind, little, size } = elementsOf(header, file);
  const count = elementCount(shape);
  const present = bytes.length - start;
  if (present !== count * size) throw wrongLength(header, size, present, file);
  const place = arrayPlace(file, shape);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, present);
  const values =
    asTheyAre(kind, little, bytes, start) ??
    readValues(kind, view, count, little, (position) =>
      place(fortranOrder ? rowMajor(position, shape) : position),
    );
  return {
    shape,
    values: fortranOrder && shape.length > 1 ? toRowMajor(values, shape) : values,
    place,
    file,
  };
}

/** Numbers that typed arrays have as well, as bytes lie in the memory of every machine that runs WebAssembly. */
const typedArrays = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
} as const;

/** The numbers without a copy; null where they are not laid out as a typed array's are. */
function asTheyAre(kind: string, little: boolean, bytes: Uint8Array, start: number): Values | null {
  // A name that is not in the table gives undefined.
  const Kind = (typedArrays as Readonly<Record<string, (typeof typedArrays)[keyof typeof typedArrays]>>)[
    kind
  ];
  if (Kind === undefined) return null;
  const size = Kind.BYTES_PER_ELEMENT;
  const at = bytes.byteOffset + start;
  if (at % size !== 0 || (size > 1 && !little)) return null;
  // The bytes are those of files, whose buffers are not shared.
  return new Kind(bytes.buffer as ArrayBuffer, at, (bytes.length - start) / size);
}

/**
 * The bytes that a file has by its header, which must be whole in `beginning`. @throws DataError
 */
export function npyLength(beginning: Uint8Array, file: string): number {
  const header = readHeader(beginning, file);
  return header.start + elementCount(header.shape) * elementsOf(header, file).size;
}

/** Where its numbers begin. @throws DataError */
export const npyStart = (beginning: Uint8Array, file: string): number => readHeader(beginning, file).start;

function elementsOf(
  { descr }: Header,
  file: string,
): { readonly kind: string; readonly little: boolean; readonly size: number } {
  const type = /^([<>|=])(b1|[iu][1248]|f[248])$/.exec(descr);
  if (type === null) throw unsupported(descr, file);
  const kind = type[2]!;
  return { kind, little: type[1] !== ">", size: Number(kind[1]) };
}

function wrongLength({ shape }: Header, size: number, present: number, file: string): DataError {
  const expected = elementCount(shape) * size;
  return new DataError(
    present < expected ? "data-truncated" : "data-trailing-bytes",
    `its header says [${shape.join(", ")}] of ${size} bytes each, ${expected} bytes, but ${present} follow`,
    { file },
    { help: "write the file again with numpy.save" },
  );
}

function readHeader(bytes: Uint8Array, file: string): Header {
  const bad = (why: string): DataError =>
    new DataError("data-bad-header", `its NumPy header ${why}`, { file });
  if (!isNpy(bytes)) throw new DataError("data-unknown-format", "this is not a NumPy array file", { file });
  const version = bytes[6];
  if (version === undefined || bytes.length < 12) throw bad("is cut short");
  if (version < 1 || version > 3) throw bad(`is of version ${version}; 1, 2 and 3 are known`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = (version === 1 ? 10 : 12) + length;
  if (length > LONGEST_HEADER) throw bad(`says that it has ${length} bytes`);
  if (start > bytes.length) throw bad("is cut short");
  const text = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(
    bytes.subarray(version === 1 ? 10 : 12, start),
  );
  const entries = dictionary(text);
  const descr = entries?.get("descr");
  const order = entries?.get("fortran_order");
  const shape = entries?.get("shape");
  if (entries?.size !== 3 || descr === undefined || order === undefined || shape === undefined)
    throw bad("is not a dictionary of `descr`, `fortran_order` and `shape`");
  const type = /^'([^'\\]*)'$/.exec(descr)?.[1] ?? "records";
  const tuple = /^\(((?:\d+L?,\s*)*\d*L?)\s*\)$/.exec(shape)?.[1];
  if (!/^(?:True|False)$/.test(order) || tuple === undefined) throw bad("has an impossible shape or order");
  const sizes = tuple
    .split(",")
    .map((size) => size.trim().replace("L", ""))
    .filter((size) => size !== "")
    .map(Number);
  if (!Number.isSafeInteger(elementCount(sizes))) throw bad("has an implausibly large shape");
  return { descr: type, fortranOrder: order === "True", shape: sizes, start };
}

/**
 * A Python dictionary of text keys as NumPy writes it, its values as they stand; null where it is
 * none or names a key twice.
 */
function dictionary(text: string): ReadonlyMap<string, string> | null {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) return null;
  const entries = new Map<string, string>();
  const entry = /\s*'(\w+)'\s*:\s*('[^']*'|\[.*\]|\([^()]*\)|\w+)\s*(?:,|$)\s*/sy;
  while (entry.lastIndex < inner.length) {
    const found = entry.exec(inner);
    const [, key, value] = found ?? [];
    if (key === undefined || value === undefined || entries.has(key)) return null;
    entries.set(key, value);
  }
  return entries;
}

function unsupported(descr: string, file: string): DataError {
  const what = descr.startsWith("|O")
    ? "Python objects"
    : /^[<>|=]?[US]/.test(descr)
      ? "text"
      : /^[<>=]?c/.test(descr)
        ? "complex numbers"
        : descr === "records"
          ? "records with named fields"
          : `the type ${descr}`;
  return new DataError(
    "data-unsupported-type",
    `it contains ${what}, but nndsl reads only numbers and booleans`,
    { file },
    {
      help: "convert it with .astype('float32') before numpy.save; for text labels, use a CSV file",
    },
  );
}

function readValues(
  kind: string,
  view: DataView,
  count: number,
  little: boolean,
  place: (position: number) => ReturnType<DataArray["place"]>,
): Values {
  const fill = <T extends Values>(array: T, get: (offset: number) => number): T => {
    const size = Number(kind[1]);
    for (let i = 0; i < count; i++) array[i] = get(i * size);
    return array;
  };
  const exact = (get: (offset: number) => bigint) => (offset: number) => {
    const integer = get(offset);
    const value = Number(integer);
    if (Number.isSafeInteger(value)) return value;
    throw new DataError(
      "data-too-precise",
      `${integer} is beyond ±2⁵³, where f64 skips integers`,
      place(offset / 8),
    );
  };
  switch (kind) {
    case "b1":
      return fill(new Uint8Array(count), (o) => {
        const value = view.getUint8(o);
        if (value <= 1) return value;
        throw new DataError("data-not-a-boolean", `a boolean is 0 or 1, but this is ${value}`, place(o));
      });
    case "u2":
      return fill(new Uint16Array(count), (o) => view.getUint16(o, little));
    case "i2":
      return fill(new Int16Array(count), (o) => view.getInt16(o, little));
    case "u4":
      return fill(new Uint32Array(count), (o) => view.getUint32(o, little));
    case "i4":
      return fill(new Int32Array(count), (o) => view.getInt32(o, little));
    case "u8":
      return fill(
        new Float64Array(count),
        exact((o) => view.getBigUint64(o, little)),
      );
    case "i8":
      return fill(
        new Float64Array(count),
        exact((o) => view.getBigInt64(o, little)),
      );
    case "f2":
      return fill(new Float32Array(count), (o) => fromHalf(view.getUint16(o, little)));
    case "f4":
      return fill(new Float32Array(count), (o) => view.getFloat32(o, little));
    default:
      return fill(new Float64Array(count), (o) => view.getFloat64(o, little));
  }
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The row-major position of the entry at `position` in column-major order. */
function rowMajor(position: number, shape: readonly number[]): number {
  let result = 0;
  let stride = elementCount(shape);
  for (const size of shape) {
    stride /= size;
    result += (position % size) * stride;
    position = Math.floor(position / size);
  }
  return result;
}

function toRowMajor(values: Values, shape: readonly number[]): Values {
  const result = values.slice();
  for (let position = 0; position < values.length; position++)
    result[rowMajor(position, shape)] = values[position]!;
  return result;
}

/** The bytes of an f32 or f64 array as `numpy.save` would write it, version 1. */
export function writeNpy(values: Float32Array | Float64Array, shape: readonly number[]): Uint8Array {
  const descr = values instanceof Float64Array ? "<f8" : "<f4";
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // The header is padded with spaces and a newline, so that the data starts at a multiple of 64.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length + values.byteLength);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, length, true);
  bytes.set(new TextEncoder().encode(dictionary.padEnd(length - 1) + "\n"), 10);
  const data = new DataView(bytes.buffer, 10 + length);
  const size = values.BYTES_PER_ELEMENT;
  values.forEach((value, i) =>
    size === 8 ? data.setFloat64(i * 8, value, true) : data.setFloat32(i * 4, value, true),
  );
  return bytes;
}
