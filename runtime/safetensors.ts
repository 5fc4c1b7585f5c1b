/**
 * The safetensors format: eight bytes with the header's length, the header in JSON, then all
 * tensors' bytes, little-endian and row-major. Host memory is little-endian too on every machine
 * that runs WebAssembly.
 */
import { refuse, refuseFor, shown } from "./errors.ts";
import { showShape } from "./extent.ts";
import type { Bytes } from "./types.ts";

export type StoredNumbers =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: StoredNumbers;
}

export interface Stored {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Of the header, as in the format's reference implementation. */
const HEADER_LIMIT = 100_000_000;

/** IEEE half: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const mantissa = (bits & 1023) / 1024;
  const size = exponent ? (1 + mantissa) * 2 ** (exponent - 15) : mantissa * 2 ** -14;
  return (bits >> 15 ? -1 : 1) * (exponent < 31 ? size : mantissa ? NaN : Infinity);
}

/** bfloat16 is the upper half of a float. */
const fromBrain = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;

interface Kind {
  readonly BYTES_PER_ELEMENT: number;
  new (bytes: ArrayBufferLike, from: number, count: number): StoredNumbers | BigInt64Array | BigUint64Array;
}

/**
 * What entries are stored as, and what makes numbers of them; of 64 bits they are exact up to 2⁵³.
 */
const formats: Readonly<Record<string, readonly [Kind, ((entry: never) => number)?]>> = {
  F64: [Float64Array],
  F32: [Float32Array],
  F16: [Uint16Array, fromHalf],
  BF16: [Uint16Array, fromBrain],
  I64: [BigInt64Array, Number],
  U64: [BigUint64Array, Number],
  I32: [Int32Array],
  U32: [Uint32Array],
  I16: [Int16Array],
  U16: [Uint16Array],
  I8: [Int8Array],
  U8: [Uint8Array],
  BOOL: [Uint8Array],
};

const fail = (why: string): never => refuse("bad-weights", `This is not a valid safetensors file: ${why}.`);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isTexts = (
  record: Readonly<Record<string, unknown>>,
): record is Readonly<Record<string, string>> =>
  Object.values(record).every((value) => typeof value === "string");

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);

function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array {
  try {
    // A DataView is made of buffers alone, and of none that is detached.
    const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(source) ? source : new DataView(source);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (cause) {
    return refuseFor(cause, "bad-weights", "`bytes`");
  }
}

/**
 * All tensors of a safetensors file: views of `source` where typed arrays may begin there, else
 * copies. Tensors must fill the file without a gap or an overlap.
 * @throws `bad-weights` for anything that is not such a file
 */
export function readSafetensors(source: ArrayBuffer | ArrayBufferView): Stored {
  const bytes = bytesOf(source);
  if (bytes.length < 8) return fail(`it has only ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > Math.min(HEADER_LIMIT, bytes.length - 8)) {
    return fail(`it claims a header of ${length} bytes and has ${bytes.length}`);
  }
  const body = bytes.subarray(8 + length);

  const tensors = new Map<string, StoredTensor>();
  const ranges: [begin: number, end: number, name: string][] = [];
  let metadata: Stored["metadata"] = {};
  let text = "";
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
    header = JSON.parse(text);
  } catch (cause) {
    return refuseFor(cause, "bad-weights", "This is not a valid safetensors file: its header", "is not JSON");
  }
  if (!isRecord(header)) return fail("its header is no JSON object");
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) return fail(`the header's \`${name}\` is no object`);
    if (name === "__metadata__") {
      if (!isTexts(entry)) return fail("its metadata are not all strings");
      metadata = entry;
      continue;
    }
    const bad = (why: string): never => fail(`tensor \`${name}\` ${why}`);
    const { dtype, shape, data_offsets: offsets } = entry;
    const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
    if (!format) return bad(`has the unknown dtype ${shown(dtype)}`);
    if (!isCounts(shape)) return bad("has no proper shape");
    const [begin = 0, end = -1, more] = isCounts(offsets) ? offsets : [];
    if (more !== undefined || begin > end || end > body.length) {
      return bad("lies outside of it");
    }
    const [Kind, convert] = format;
    const size = Kind.BYTES_PER_ELEMENT;
    if (shape.reduce((all, one) => all * one, size) !== end - begin) {
      return bad(`with shape ${showShape(shape)} does not fit its ${end - begin} bytes`);
    }
    ranges.push([begin, end, name]);
    const part = body[(body.byteOffset + begin) % size ? "slice" : "subarray"](begin, end);
    const stored = new Kind(part.buffer, part.byteOffset, part.length / size);
    // Each format's function takes its own entries.
    const data = convert ? Float64Array.from(stored as Iterable<never>, convert) : (stored as StoredNumbers);
    tensors.set(name, { shape, data });
  }
  // `JSON.parse` keeps one entry of those with the same name.
  if (text.split(/"data_offsets"\s*:\s*\[/).length - 1 !== ranges.length) {
    return fail("a name stands twice in its header");
  }

  let at = 0;
  for (const [begin, end, name] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== at) return fail(`tensor \`${name}\` ${begin < at ? "overlaps another" : "follows a gap"}`);
    at = end;
  }
  if (at !== body.length) return fail(`${body.length - at} bytes at its end belong to no tensor`);
  return { tensors, metadata };
}

/** `Float32Array` → `F32`, `Uint8Array` → `U8`. */
const formatOf = (data: StoredNumbers): string => data.constructor.name.replace(/^(.)\D*(\d+).*/, "$1$2");

/**
 * The tensors as a safetensors file, in the order given, which keeps every tensor aligned where
 * wider formats come first.
 * @throws `bad-weights` for two tensors of one name, and for one of the name that the format keeps
 * for itself
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Bytes {
  const list = [...tensors];
  const header = new Map<string, unknown>([["__metadata__", metadata]]);
  let size = 0;
  for (const [name, { data, shape }] of list) {
    const end = size + data.byteLength;
    if (header.has(name)) refuse("bad-weights", `A file cannot hold a second \`${name}\`.`);
    header.set(name, { dtype: formatOf(data), shape, data_offsets: [size, end] });
    size = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Spaces after the header let the tensors begin at a multiple of eight.
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const bytes = new Uint8Array(start + size).fill(32, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const [, { data }] of list) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
