/**
 * The safetensors format: eight bytes with the header's length, the header in JSON, then all tensors' bytes, little-endian and
 * row-major. Host memory is little-endian too on every machine that runs WebAssembly.
 */
import { NndslError } from "./errors.ts";

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
  const size =
    exponent === 0
      ? mantissa * 2 ** -14
      : exponent === 31
        ? mantissa
          ? NaN
          : Infinity
        : (1 + mantissa) * 2 ** (exponent - 15);
  return bits >> 15 ? -size : size;
}

/** bfloat16 is the upper half of a float. */
const fromBrain = (halves: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);

/** Bytes of an entry, and how entries are read from a copy of their bytes. */
const formats: Readonly<Record<string, readonly [number, (bytes: ArrayBuffer) => StoredNumbers]>> = {
  F64: [8, (bytes) => new Float64Array(bytes)],
  F32: [4, (bytes) => new Float32Array(bytes)],
  F16: [2, (bytes) => Float32Array.from(new Uint16Array(bytes), fromHalf)],
  BF16: [2, (bytes) => fromBrain(new Uint16Array(bytes))],
  // Exact up to 2⁵³.
  I64: [8, (bytes) => Float64Array.from(new BigInt64Array(bytes), Number)],
  U64: [8, (bytes) => Float64Array.from(new BigUint64Array(bytes), Number)],
  I32: [4, (bytes) => new Int32Array(bytes)],
  U32: [4, (bytes) => new Uint32Array(bytes)],
  I16: [2, (bytes) => new Int16Array(bytes)],
  U16: [2, (bytes) => new Uint16Array(bytes)],
  I8: [1, (bytes) => new Int8Array(bytes)],
  U8: [1, (bytes) => new Uint8Array(bytes)],
  BOOL: [1, (bytes) => new Uint8Array(bytes)],
};

const fail = (why: string, options?: ErrorOptions): never => {
  throw new NndslError("bad-weights", `This is not a sound safetensors file: ${why}.`, options);
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);

/** Names that stand twice in the header, which `JSON.parse` passes over. */
function repeatedName(header: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token, name] of header.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") depth++;
    else if (token === "}") depth--;
    else if (depth === 1 && name !== undefined) {
      if (seen.has(name)) return name;
      seen.add(name);
    }
  }
  return undefined;
}

function parseHeader(bytes: Uint8Array): readonly (readonly [string, unknown])[] {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const header: unknown = JSON.parse(text);
    const repeated = repeatedName(text);
    if (repeated !== undefined) return fail(`${repeated} stands twice in its header`);
    return isRecord(header) ? Object.entries(header) : fail("its header is no JSON object");
  } catch (cause) {
    if (cause instanceof NndslError) throw cause;
    return fail("its header is not JSON", { cause });
  }
}

/**
 * All tensors of a safetensors file, as copies. Tensors must fill the file without a gap or an overlap.
 * @throws `bad-weights` for anything that is not such a file
 */
export function readSafetensors(source: ArrayBuffer | ArrayBufferView): Stored {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  if (bytes.length < 8) return fail(`it has only ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > Math.min(HEADER_LIMIT, bytes.length - 8)) {
    return fail(`it claims a header of ${length} bytes and has ${bytes.length}`);
  }
  const body = bytes.subarray(8 + length);

  const tensors = new Map<string, StoredTensor>();
  const ranges: [begin: number, end: number, name: string][] = [];
  const metadata: Record<string, string> = {};
  for (const [name, entry] of parseHeader(bytes.subarray(8, 8 + length))) {
    if (!isRecord(entry)) return fail(`the header's \`${name}\` is no object`);
    if (name === "__metadata__") {
      for (const [key, value] of Object.entries(entry)) metadata[key] = String(value);
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
    if (!format) return fail(`tensor \`${name}\` has the unknown dtype ${JSON.stringify(dtype)}`);
    if (!isCounts(shape)) return fail(`tensor \`${name}\` has no proper shape`);
    const [begin, end, more] = isCounts(offsets) ? offsets : [];
    if (begin === undefined || end === undefined || more !== undefined || begin > end || end > body.length) {
      return fail(`tensor \`${name}\` lies outside of it`);
    }
    const [size, read] = format;
    if (shape.reduce((all, one) => all * one, size) !== end - begin) {
      return fail(
        `tensor \`${name}\` with shape [${shape.join(", ")}] does not fit its ${end - begin} bytes`,
      );
    }
    ranges.push([begin, end, name]);
    // `slice` also puts the bytes where typed arrays may begin.
    tensors.set(name, { shape, data: read(body.slice(begin, end).buffer) });
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

/** The tensors as a safetensors file, in the order given, which keeps every tensor aligned where wider formats come first. */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const list = [...tensors];
  const header: [string, unknown][] = [["__metadata__", metadata]];
  let size = 0;
  for (const [name, { data, shape }] of list) {
    const end = size + data.byteLength;
    header.push([name, { dtype: formatOf(data), shape, data_offsets: [size, end] }]);
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
