/** The page's colors, as its style has them now: light or dark. */

export type Rgb = readonly [red: number, green: number, blue: number];

export const styleColor = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export const mixed = (from: Rgb, to: Rgb, share: number): Rgb => [
  from[0] + share * (to[0] - from[0]),
  from[1] + share * (to[1] - from[1]),
  from[2] + share * (to[2] - from[2]),
];

export const css = (color: Rgb): string => `rgb(${color.map(Math.round).join(" ")})`;

/** A scale of colors, `--NAME-0` … `--NAME-4`, as a function of 0 … 1. */
export function ramp(name: "two-sided" | "one-sided"): (share: number) => Rgb {
  const stops = [0, 1, 2, 3, 4].map((i) => rgbOf(styleColor(`--${name}-${i}`)));
  return (share) => {
    const at = 4 * Math.min(1, Math.max(0, share));
    const first = Math.min(3, Math.floor(at));
    return mixed(stops[first]!, stops[first + 1]!, at - first);
  };
}
