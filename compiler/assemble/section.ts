/**
 * Custom sections of a WebAssembly module (its binary format, section 5.5.3): where the manifest
 * lies.
 */
import type { Bytes } from "../../runtime/types.ts";

const HEADER_BYTES = 8;
const CUSTOM = 0;
const NAME = "nndsl";

/** The module with `json` appended as the custom section `nndsl`. */
export function attachManifest(wasm: Uint8Array, json: string): Bytes {
  const encoder = new TextEncoder();
  const name = encoder.encode(NAME);
  const contents = encoder.encode(json);
  const payload = [...leb128(name.length), ...name];
  const size = leb128(payload.length + contents.length);
  const result = new Uint8Array(wasm.length + 1 + size.length + payload.length + contents.length);
  result.set(wasm);
  result.set([CUSTOM, ...size, ...payload], wasm.length);
  result.set(contents, result.length - contents.length);
  return result;
}

/** The text of the custom section `nndsl`, null where there is none or the bytes are no module. */
export function readManifest(wasm: Uint8Array): string | null {
  if (
    wasm.length < HEADER_BYTES ||
    wasm[0] !== 0 ||
    wasm[1] !== 0x61 ||
    wasm[2] !== 0x73 ||
    wasm[3] !== 0x6d
  ) {
    return null;
  }
  let at = HEADER_BYTES;
  while (at < wasm.length) {
    const id = wasm[at]!;
    const size = readLeb128(wasm, at + 1);
    if (size === null || size.next + size.value > wasm.length) return null;
    const end = size.next + size.value;
    if (id === CUSTOM) {
      const name = readLeb128(wasm, size.next);
      if (name === null || name.next + name.value > end) return null;
      const contents = name.next + name.value;
      const decoder = new TextDecoder();
      if (decoder.decode(wasm.subarray(name.next, contents)) === NAME)
        return decoder.decode(wasm.subarray(contents, end));
    }
    at = end;
  }
  return null;
}

/** Unsigned LEB128. */
function leb128(value: number): number[] {
  const bytes = [];
  while (value >= 0x80) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  bytes.push(value);
  return bytes;
}

function readLeb128(bytes: Uint8Array, at: number): { value: number; next: number } | null {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at };
  }
  return null;
}
