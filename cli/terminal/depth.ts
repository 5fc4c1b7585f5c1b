/** How many colors a terminal has, and the codes for them. */
import type { Colors } from "../output.ts";

/** `none` where nothing is to be colored, or the terminal has no more than the sixteen colors of its theme. */
export type Depth = "none" | "256" | "full";

export function depthOf(colors: Colors, env: NodeJS.ProcessEnv = process.env): Depth {
  if (!colors.isColorSupported) return "none";
  if (/^(truecolor|24bit)$/i.test(env["COLORTERM"] ?? "")) return "full";
  return /256color|kitty|alacritty|ghostty/.test(env["TERM"] ?? "") ? "256" : "none";
}

type Rgb = readonly [red: number, green: number, blue: number];

/** Text on a ground, each in a color or as the terminal has it. */
export function colored(text: string, ink: Rgb | null, ground: Rgb | null, depth: Depth): string {
  const codes = [
    ...(ink === null ? [] : [`38;${code(ink, depth)}`]),
    ...(ground === null ? [] : [`48;${code(ground, depth)}`]),
  ];
  return depth === "none" || codes.length === 0 ? text : `\x1b[${codes.join(";")}m${text}\x1b[0m`;
}

/** In 256 colors: a cube of six levels each. */
function code([red, green, blue]: Rgb, depth: Depth): string {
  if (depth === "full") return `2;${red};${green};${blue}`;
  const level = (value: number): number => (value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40));
  return `5;${16 + 36 * level(red) + 6 * level(green) + level(blue)}`;
}
