/** Images of few, large pixels, for the mark `image`. */
import { pixelPng } from "./pixel-png.ts";

/** Three bytes a pixel, rows from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly colors: Uint8Array;
}

/** An image as an address that holds it, each of its pixels `zoom` by `zoom`: whoever shows it may smooth pixels that are drawn larger than they are. */
export function imageAddress({ width, height, colors }: Pixels, zoom: number): string {
  const line = 3 * width * zoom;
  const zoomed = new Uint8Array(line * height * zoom);
  for (let y = 0; y < height; y++) {
    const row = new Uint8Array(line);
    for (let x = 0; x < width * zoom; x++) {
      const from = 3 * (y * width + Math.floor(x / zoom));
      row.set(colors.subarray(from, from + 3), 3 * x);
    }
    for (let k = 0; k < zoom; k++) zoomed.set(row, (y * zoom + k) * line);
  }
  const png = pixelPng(zoomed, width * zoom, height * zoom, 3);
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
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
