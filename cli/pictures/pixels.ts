/** Images of few, large pixels, for the mark `image`. */
import { zlibSync } from "fflate";

/** Three bytes a pixel, rows from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly colors: Uint8Array;
}

/** An image as an address that holds it, each of its pixels `zoom` by `zoom`: whoever shows it may smooth pixels that are drawn larger than they are. */
export function imageAddress({ width, height, colors }: Pixels, zoom: number): string {
  const line = 1 + 3 * width * zoom;
  const raw = new Uint8Array(line * height * zoom);
  for (let y = 0; y < height; y++) {
    const row = new Uint8Array(line);
    for (let x = 0; x < width * zoom; x++) {
      const from = 3 * (y * width + Math.floor(x / zoom));
      row.set(colors.subarray(from, from + 3), 1 + 3 * x);
    }
    for (let k = 0; k < zoom; k++) raw.set(row, (y * zoom + k) * line);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width * zoom);
  view.setUint32(4, height * zoom);
  // Eight bits of each of red, green and blue.
  header.set([8, 2], 8);
  const bytes = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("IDAT", zlibSync(raw, { level: 9 })),
    chunk("IEND", new Uint8Array()),
  ];
  return `data:image/png;base64,${Buffer.concat(bytes).toString("base64")}`;
}

/** A part of a PNG: its length, its name, its content, and the checksum of the two. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, checksum(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export type Rgb = readonly [red: number, green: number, blue: number];

const rgbOf = (hex: string): Rgb => {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
};

/** Colors for numbers from 0 to 1, between those given at equal distances. */
export function rampOf(stops: readonly string[]): (share: number) => Rgb {
  const colors = stops.map(rgbOf);
  return (share) => {
    const at = Math.min(1, Math.max(0, Number.isNaN(share) ? 0 : share)) * (colors.length - 1);
    const [from, to] = [colors[Math.floor(at)]!, colors[Math.ceil(at)]!];
    const part = at - Math.floor(at);
    const mix = (k: 0 | 1 | 2): number => Math.round(from[k] + (to[k] - from[k]) * part);
    return [mix(0), mix(1), mix(2)];
  };
}
