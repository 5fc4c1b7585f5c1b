/** Bytes that are read from any place: those of a file on disk, or what a packed one unpacked to. */
export interface ByteSource {
  readonly size: number;
  /** Fills `into` from `position` on. @returns how many bytes there were, fewer at the end alone */
  readonly read: (into: Uint8Array, position: number) => number;
}

export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (into, position) => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  },
});
