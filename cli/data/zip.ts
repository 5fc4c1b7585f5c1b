/**
 * Zip archives, as https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT describes them:
 * stored or deflated files, zip64, and every file held against its CRC-32. The directory at the end
 * says where the files are; what each file says of itself must agree.
 */
import { crc32, inflateRawSync } from "node:zlib";

/** What is wrong with an archive, in words. */
export class ZipError extends Error {}

export interface ZipEntry {
  readonly name: string;
  /** Unpacked bytes, as the directory says. */
  readonly size: number;
  /** @throws ZipError where the file is damaged */
  readonly read: () => Uint8Array;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
/** The end record, and the longest comment after it. */
export const LONGEST_END = END_SIZE + 0xffff;
/** Files of the fullest archive that is read. */
const MOST_FILES = 2 ** 17;
const FULL_32 = 0xffffffff;
const FULL_16 = 0xffff;

/** Local file header, or the end record of an empty archive. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 &&
  bytes[1] === 0x4b &&
  ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

/**
 * Where the end record begins: it is the last, its comment ends with the file. -1 where there is
 * none.
 */
export function endOfZip(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  for (let at = bytes.length - END_SIZE; at >= Math.max(0, bytes.length - LONGEST_END); at--) {
    if (view.getUint32(at, true) === END && at + END_SIZE + view.getUint16(at + 20, true) === bytes.length)
      return at;
  }
  return -1;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

interface Directory {
  readonly count: number;
  readonly start: number;
  readonly size: number;
}

/** @throws ZipError where the archive is not sound */
export function readZip(bytes: Uint8Array): ZipEntry[] {
  const view = viewOf(bytes);
  const end = endOfZip(bytes);
  if (end === -1) throw new ZipError("it has no directory at its end");
  const { count, start, size } = directoryOf(view, end);
  if (count > MOST_FILES) throw new ZipError(`it says that it has ${count} files`);
  let at = start;
  const entries: Central[] = [];
  while (at < start + size) {
    const entry = readCentral(bytes, view, at, start + size);
    entries.push(entry);
    at = entry.next;
  }
  if (entries.length !== count)
    throw new ZipError(`its directory has ${entries.length} files and says ${count}`);
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) throw new ZipError(`it has two files of one name`);
    names.add(name);
  }
  return entries.map((entry) => {
    const packed = locate(bytes, view, entry, start);
    return { name: entry.name, size: entry.size, read: () => unpack(packed, entry) };
  });
}

function directoryOf(view: DataView, end: number): Directory {
  const disks = view.getUint32(end + 4, true);
  const [here, count] = [view.getUint16(end + 8, true), view.getUint16(end + 10, true)];
  const [size, start] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  const needs64 = count === FULL_16 || size === FULL_32 || start === FULL_32;
  const found = needs64 ? directory64(view, end) : { count, size, start };
  if (!needs64 && (disks !== 0 || here !== count)) throw new ZipError("it is one part of several");
  if (found.start + found.size > end) throw new ZipError("its directory lies outside the file");
  return found;
}

function directory64(view: DataView, end: number): Directory {
  const locator = end - 20;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64)
    throw new ZipError("its zip64 directory is missing");
  const at = readSize(view, locator + 8);
  if (at + 56 > locator || view.getUint32(at, true) !== END_64)
    throw new ZipError("its zip64 directory is missing");
  return { count: readSize(view, at + 32), size: readSize(view, at + 40), start: readSize(view, at + 48) };
}

/** 64 bits that are a size or a place in a file. */
function readSize(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw new ZipError("it has an impossible size");
  return value;
}

/** What the directory says of a file. */
interface Central {
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  readonly next: number;
}

const ENCRYPTED = 0x0001;
const DESCRIPTOR = 0x0008;

function readCentral(bytes: Uint8Array, view: DataView, at: number, end: number): Central {
  if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw new ZipError("its directory is damaged");
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => view.getUint16(at + o, true));
  const extra = at + 46 + nameLength!;
  const next = extra + extraLength! + commentLength!;
  if (next > end) throw new ZipError("its directory is damaged");
  const rawName = bytes.subarray(at + 46, extra);
  const [size, packed, offset] = extended(view, extra, extra + extraLength!, [
    view.getUint32(at + 24, true),
    view.getUint32(at + 20, true),
    view.getUint32(at + 42, true),
  ]);
  return {
    name: new TextDecoder().decode(rawName),
    rawName,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packed: packed!,
    size: size!,
    offset: offset!,
    next,
  };
}

/** Sizes of which those that are full are 64-bit ones in the zip64 extra field, in their order. */
function extended(view: DataView, from: number, to: number, sizes: readonly number[]): number[] {
  if (!sizes.includes(FULL_32)) return [...sizes];
  let at = from;
  while (at + 4 <= to) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    at += 4;
    if (id === 1 && at + length <= to) {
      const end = at + length;
      return sizes.map((size) => {
        if (size !== FULL_32) return size;
        if (at + 8 > end) throw new ZipError("a zip64 size is missing");
        at += 8;
        return readSize(view, at - 8);
      });
    }
    at += length;
  }
  throw new ZipError("a zip64 size is missing");
}

/**
 * The packed bytes of a file. @throws ZipError where what it says of itself is not what the
 * directory says
 */
function locate(bytes: Uint8Array, view: DataView, entry: Central, directory: number): Uint8Array {
  const { offset, packed, crc, method, flags } = entry;
  if (offset + 30 > directory || view.getUint32(offset, true) !== LOCAL)
    throw new ZipError("a file is not where its directory says");
  const nameLength = view.getUint16(offset + 26, true);
  const start = offset + 30 + nameLength + view.getUint16(offset + 28, true);
  if (start + packed > directory) throw new ZipError("a file lies outside the archive");
  const name = bytes.subarray(offset + 30, offset + 30 + nameLength);
  const localFlags = view.getUint16(offset + 6, true);
  // With a descriptor after the file, sizes and checksum stand there and not here.
  const agrees =
    Buffer.compare(name, entry.rawName) === 0 &&
    view.getUint16(offset + 8, true) === method &&
    ((localFlags & DESCRIPTOR) !== 0 || view.getUint32(offset + 14, true) === crc);
  if (!agrees) throw new ZipError("a file and its directory disagree");
  if (((flags | localFlags) & ENCRYPTED) !== 0) throw new ZipError("it is encrypted");
  return bytes.subarray(start, start + packed);
}

function unpack(packed: Uint8Array, { method, size, crc }: Central): Uint8Array {
  const content = inflated(packed, method, size);
  if (content.length !== size || crc32(content) !== crc)
    throw new ZipError("a file does not match its checksum");
  return content;
}

function inflated(packed: Uint8Array, method: number, size: number): Uint8Array {
  if (method === 0) return packed;
  if (method !== 8)
    throw new ZipError(`it is packed by method ${method}; only stored and deflated files can be read`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size), chunkSize: 2 ** 20 });
  } catch {
    throw new ZipError("a file in it is damaged");
  }
}
