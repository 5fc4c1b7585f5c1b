/** Whether bytes are a text that is read: UTF-8 without zeros. */
import { isUtf8 } from "node:buffer";
import { DataError } from "../failures.ts";
import { sourceOf, type ByteSource } from "./byte-source.ts";
import { CHUNK, wholeCharacters } from "./byte-window.ts";

/** @throws DataError where the bytes, or the first of them, are no text in one-byte units */
export function expectText(bytes: Uint8Array, file: string): void {
  expectNoOtherMark(bytes, file);
  const zero = bytes.indexOf(0);
  if (zero !== -1) throw zeroByte(sourceOf(bytes), zero, file);
}

/** @throws DataError at the first of all that is wrong with a text as such */
export function expectSoundText(source: ByteSource, file: string): void {
  const bytes = new Uint8Array(CHUNK);
  let isSound = true;
  let kept = 0;
  for (let position = 0; position < source.size;) {
    const count = source.read(bytes.subarray(kept), position);
    if (count === 0) break;
    if (position === 0) expectNoOtherMark(bytes.subarray(0, count), file);
    const end = kept + count;
    const zero = bytes.subarray(kept, end).indexOf(0);
    if (zero !== -1) throw zeroByte(source, position + zero, file);
    position += count;
    const whole = position < source.size ? wholeCharacters(bytes, end) : end;
    isSound &&= isUtf8(bytes.subarray(0, whole));
    bytes.copyWithin(0, whole, end);
    kept = end - whole;
  }
  if (!isSound) {
    throw new DataError("data-encoding", "this is not UTF-8 text", { file }, { help: "save it as UTF-8" });
  }
}

/** @param at its place */
function zeroByte(source: ByteSource, at: number, file: string): DataError {
  const bytes = new Uint8Array(CHUNK);
  let row = 1;
  for (let position = 0; position < at; position += bytes.length) {
    const count = source.read(bytes.subarray(0, Math.min(bytes.length, at - position)), position);
    for (let i = 0; i < count; i++) if (bytes[i] === 0x0a) row++;
  }
  return new DataError(
    "data-encoding",
    "there is a zero byte in this text",
    { file, row },
    {
      help: "save UTF-16 text as UTF-8; binary files are .npy, .npz, .safetensors or IDX",
    },
  );
}

/** @throws DataError where the bytes begin with the mark of another encoding */
export function expectNoOtherMark(bytes: Uint8Array, file: string): void {
  const [a, b, c, d] = bytes;
  const encoding =
    a === 0xff && b === 0xfe
      ? c === 0 && d === 0
        ? "UTF-32"
        : "UTF-16"
      : a === 0xfe && b === 0xff
        ? "UTF-16"
        : null;
  if (encoding === null) return;
  throw new DataError("data-encoding", `this text is ${encoding}`, { file }, { help: "save it as UTF-8" });
}
