/** FNV-1a, 64 bits, in hexadecimal: tells sources apart; it is no protection against malice. */
export function hash(parts: readonly string[]): string {
  let h = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(parts.join("\0"))) {
    h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n);
  }
  return h.toString(16).padStart(16, "0");
}
