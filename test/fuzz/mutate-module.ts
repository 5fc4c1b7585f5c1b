/** Damaged modules: values of the manifest, bytes of its section, bytes of the code. */
import type { Random } from "./random.ts";

/**
 * Where the damage is: in the manifest as data, in the section that holds it, or anywhere in the
 * module.
 */
export const places = ["manifest", "section", "module"] as const;
export type Place = (typeof places)[number];

const strangers: readonly unknown[] = [
  null, true, false, 0, -1, 1, 0.5, 3, 16, 1e6, 2 ** 31, 2 ** 32, 1e18, -4, "", "N", "3·N", "-2·N", "0·N", "float", "f64", "__proto__", [], {}, [[]],
  ["N", "N"], [2], { fixed: 0 }, { fixed: -16 }, { fixed: 8 }, { fixed: 1e9 }, { fixed: "0" }, { rows: 0 }, { rows: 1e9 }, { rows: -8 }, { fixed: 0, rows: 0 },
]; // prettier-ignore

/**
 * The value with one part of it, near the top or deep inside, replaced, left out, doubled or taken
 * from elsewhere.
 */
function bend(value: unknown, random: Random, whole: unknown): unknown {
  if (typeof value !== "object" || value === null || random.below(12) === 0) {
    return random.below(4) === 0 ? somewhere(whole, random) : random.pick(strangers);
  }
  const names = Object.keys(value);
  if (names.length === 0) return random.pick(strangers);
  const name = random.pick(names);
  const entries = Object.entries(value).flatMap(([key, part]): [string, unknown][] => {
    if (key !== name) return [[key, part]];
    const way = random.below(10);
    if (way === 0) return [];
    if (way === 1 && Array.isArray(value)) return [[key, part], [key, part]]; // prettier-ignore
    return [[key, bend(part, random, whole)]];
  });
  return Array.isArray(value) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
}

function somewhere(value: unknown, random: Random): unknown {
  let part = value;
  while (typeof part === "object" && part !== null && random.below(3) > 0) {
    const parts: unknown[] = Object.values(part);
    if (parts.length === 0) break;
    part = random.pick(parts);
  }
  return part;
}

const leb = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb(Math.floor(value / 128))];

/** Where the last custom section, which is the manifest's, begins: its name is in it. */
function split(wasm: Uint8Array): { readonly code: Uint8Array; readonly text: Uint8Array } {
  let at = 8;
  for (;;) {
    const start = at++;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++]!;
      size += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    // A name of five letters and its length.
    if (wasm[start] === 0) return { code: wasm.subarray(0, start), text: wasm.subarray(at + 6, at + size) };
    at += size;
  }
}

function joined(code: Uint8Array, text: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode("nndsl");
  return Uint8Array.from([...code, 0, ...leb(1 + name.length + text.length), name.length, ...name, ...text]);
}

function damaged(bytes: Uint8Array, from: number, random: Random): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  for (let i = random.below(3); i >= 0; i--)
    copy[from + random.below(copy.length - from)]! ^= 1 << random.below(8);
  return random.below(6) === 0 ? copy.slice(0, from + random.below(copy.length - from)) : copy;
}

export function mutateModule(wasm: Uint8Array, place: Place, random: Random): Uint8Array<ArrayBuffer> {
  if (place === "module") return damaged(wasm, 8, random);
  const { code, text } = split(wasm);
  if (place === "section") return joined(code, damaged(text, 0, random));
  let manifest: unknown = JSON.parse(new TextDecoder().decode(text));
  for (let i = random.below(3); i >= 0; i--) manifest = bend(manifest, random, manifest);
  return joined(code, new TextEncoder().encode(JSON.stringify(manifest) ?? ""));
}
