/** A long text looked at through a window, whose bytes are known to be UTF-8 without zeros. */
import { isUtf8 } from "node:buffer";
import type { ByteSource } from "./byte-source.ts";

/** Bytes that are read at a time. */
export const CHUNK = 2 ** 18;

/** Line ends behind the last byte, so that whoever looks for one need not look at the end as well. */
const STOPS = 4;

/** Bytes that are no text; `expectSoundText` says why. */
export class UnsoundText extends Error {}

export class ByteWindow {
  /** Of the source, what lies from `at` to `end` is still to be read. */
  bytes: Buffer;
  at = 0;
  end = 0;
  /** Whether the window reaches to the end of the source. */
  isLast = false;
  readonly #source: ByteSource;
  /** Where in the source the window ends. */
  #position: number;
  /** Up to where the bytes have been looked at. */
  #sound = 0;

  /** @param from the place of the source where the window begins */
  constructor(source: ByteSource, from = 0, chunk = CHUNK) {
    this.#source = source;
    this.#position = from;
    this.bytes = Buffer.alloc(chunk + STOPS);
    this.more();
  }

  /** The place in the source of the next byte. */
  get position(): number {
    return this.#position - (this.end - this.at);
  }

  /** The share of the source that has been read. */
  get share(): number {
    return this.#source.size === 0 ? 1 : this.position / this.#source.size;
  }

  /**
   * Reads on; what is before `at` makes room.
   * @returns false where nothing is left
   * @throws UnsoundText
   */
  more(): boolean {
    if (this.isLast) return false;
    const room = this.bytes.length - STOPS;
    const kept = this.end - this.at;
    const bytes = kept > room >> 1 ? Buffer.alloc(2 * room + STOPS) : this.bytes;
    this.bytes.copy(bytes, 0, this.at, this.end);
    this.bytes = bytes;
    this.#sound -= this.at;
    this.at = 0;
    const count = this.#source.read(bytes.subarray(kept, bytes.length - STOPS), this.#position);
    this.end = kept + count;
    this.#position += count;
    this.isLast = count === 0 || this.#position >= this.#source.size;
    bytes.fill(0x0a, this.end, this.end + STOPS);
    this.#expectSound();
    return count > 0;
  }

  #expectSound(): void {
    const end = this.isLast ? this.end : wholeCharacters(this.bytes, this.end);
    const fresh = this.bytes.subarray(this.#sound, end);
    if (fresh.includes(0) || !isUtf8(fresh)) throw new UnsoundText();
    this.#sound = end;
  }

  /** The text from `at` to `end`, without a character that is cut. */
  text(): string {
    return this.bytes.toString("utf8", this.at, this.#sound);
  }

  /** Passes over all that the window has. */
  skip(): void {
    this.at = this.#sound;
  }
}

/** Where the last character of `bytes` before `end` that is whole ends. */
export function wholeCharacters(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= Math.min(3, end); back++) {
    const byte = bytes[end - back]!;
    // Bytes of a character after its first begin with 10.
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? end - back : end;
  }
  return end;
}
