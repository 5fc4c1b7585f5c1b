/** Pictures of characters: dots in braille, areas in half blocks or shades. */
import { dots } from "./braille.ts";
import { colored, type Depth } from "./depth.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

/** What a picture may be made of. */
export interface Screen {
  /** Columns that there are. */
  readonly columns: number;
  readonly unicode: boolean;
  readonly depth: Depth;
}

/** An area: one number from 0 to 1 a pixel, rows from the top, with its color. NaN is nothing. */
export interface Area {
  readonly width: number;
  /** An even number. */
  readonly height: number;
  readonly shares: ArrayLike<number>;
  readonly ramp: (share: number) => Rgb;
  /** A character in place of the two pixels that begin at row `2 y`. */
  readonly marks?: ReadonlyMap<number, string>;
}

const SHADES = { unicode: " ░▒▓█", plain: " .:-=+*#%@" } as const;

/** The place of a character among an area's marks. */
export const markAt = ({ width }: Pick<Area, "width">, x: number, y: number): number =>
  Math.floor(y / 2) * width + x;

/** Black on what is light, and white on what is dark. */
function legible(ground: Rgb | null): Rgb | null {
  if (ground === null) return null;
  const [red, green, blue] = ground;
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? [0, 0, 0] : [255, 255, 255];
}

/** One character for two pixels, one above the other: so that a pixel is a square. */
export function areaLines(
  { width, height, shares, ramp, marks }: Area,
  { unicode, depth }: Screen,
): string[] {
  const at = (x: number, y: number): number => shares[y * width + x] ?? NaN;
  const colorAt = (x: number, y: number): Rgb | null => (Number.isNaN(at(x, y)) ? null : ramp(at(x, y)));
  const shades = unicode ? SHADES.unicode : SHADES.plain;
  const shade = (share: number): string =>
    Number.isNaN(share) ? " " : shades[Math.min(shades.length - 1, Math.floor(share * shades.length))]!;
  return Array.from({ length: Math.ceil(height / 2) }, (_, row) => {
    let line = "";
    for (let x = 0; x < width; x++) {
      const mark = marks?.get(row * width + x);
      const [top, bottom] = [colorAt(x, 2 * row), colorAt(x, 2 * row + 1)];
      if (depth === "none") line += mark ?? shade((at(x, 2 * row) + at(x, 2 * row + 1)) / 2);
      else if (mark !== undefined) line += colored(mark, legible(bottom), bottom, depth);
      else if (unicode) line += top === null && bottom === null ? " " : colored("▀", top, bottom, depth);
      else line += colored(" ", null, top, depth);
    }
    return line;
  });
}

/** Characters of lines where there is no braille. */
const PLAIN = "*+.ox%#@";

/** Where there are no colors, of how many dots of a line how many are drawn. */
const DASHES = [
  [1, 1],
  [8, 4],
  [4, 1],
  [12, 9],
] as const;

/** What a line looks like, for a legend. @param kind as of `Canvas.line` */
export function lineSign(kind: number, { unicode, depth }: Pick<Screen, "unicode" | "depth">): string {
  if (!unicode) return PLAIN[kind % PLAIN.length]!.repeat(2);
  return depth === "none" ? ["──", "╴╴", "··", "─╴"][kind % DASHES.length]! : "──";
}

/** Lines and points in colors, over a range of either axis. A cell has the color of what was drawn last. */
export class Canvas {
  readonly #width: number;
  readonly #height: number;
  readonly #screen: Screen;
  readonly #range: { readonly x: readonly [number, number]; readonly y: readonly [number, number] };
  readonly #bits: Uint8Array;
  readonly #characters: (string | null)[];
  readonly #colors: (Rgb | null)[];

  /** @param width in characters, as `height` */
  constructor(
    width: number,
    height: number,
    range: { readonly x: readonly [number, number]; readonly y: readonly [number, number] },
    screen: Screen,
  ) {
    this.#width = width;
    this.#height = height;
    this.#range = range;
    this.#screen = screen;
    this.#bits = new Uint8Array(width * height);
    this.#characters = Array.from({ length: width * height }, () => null);
    this.#colors = Array.from({ length: width * height }, () => null);
  }

  /** Straight lines from point to point. @param kind which of several it is */
  line(points: readonly (readonly [number, number])[], color: Rgb, kind: number): void {
    const [period, drawn] =
      this.#screen.depth === "none" && this.#screen.unicode ? DASHES[kind % DASHES.length]! : [1, 1];
    let last = "";
    let count = -1;
    points.forEach((point, i) => {
      const [ax, ay] = this.#place(points[Math.max(0, i - 1)]!);
      const [bx, by] = this.#place(point);
      const steps = Math.min(2000, Math.max(1, Math.ceil(Math.max(Math.abs(bx - ax), Math.abs(by - ay)))));
      for (let k = i === 0 ? steps : 0; k <= steps; k++) {
        const [x, y] = [Math.round(ax + ((bx - ax) * k) / steps), Math.round(ay + ((by - ay) * k) / steps)];
        // Dashes are counted in dots.
        if (last !== `${x} ${y}`) count++;
        last = `${x} ${y}`;
        if (count % period < drawn) this.#dot(x, y, color, kind);
      }
    });
  }

  /** A character at a point. */
  mark([x, y]: readonly [number, number], character: string, color: Rgb): void {
    const [across, down] = this.#dots();
    const [px, py] = this.#place([x, y]);
    const [column, row] = [Math.floor(Math.round(px) / across), Math.floor(Math.round(py) / down)];
    if (!(column >= 0 && column < this.#width && row >= 0 && row < this.#height)) return;
    this.#characters[row * this.#width + column] = character;
    this.#colors[row * this.#width + column] = color;
  }

  lines(): string[] {
    return Array.from({ length: this.#height }, (_, row) => {
      let line = "";
      for (let column = 0; column < this.#width; column++) {
        const cell = row * this.#width + column;
        const bits = this.#bits[cell]!;
        const character = this.#characters[cell] ?? (bits === 0 ? " " : String.fromCharCode(0x2800 + bits));
        line += character === " " ? " " : colored(character, this.#colors[cell]!, null, this.#screen.depth);
      }
      return line.trimEnd();
    });
  }

  #dots(): readonly [number, number] {
    return this.#screen.unicode ? [2, 4] : [1, 1];
  }

  /** In dots from the upper left. */
  #place([x, y]: readonly [number, number]): [number, number] {
    const [across, down] = this.#dots();
    const share = (value: number, [from, to]: readonly [number, number]): number =>
      (value - from) / (to - from);
    return [
      share(x, this.#range.x) * (this.#width * across - 1),
      (1 - share(y, this.#range.y)) * (this.#height * down - 1),
    ];
  }

  #dot(px: number, py: number, color: Rgb, kind: number): void {
    const [across, down] = this.#dots();
    if (!(px >= 0 && px < this.#width * across && py >= 0 && py < this.#height * down)) return;
    const cell = Math.floor(py / down) * this.#width + Math.floor(px / across);
    if (this.#screen.unicode) {
      // What is drawn later covers a mark.
      this.#characters[cell] = null;
      this.#bits[cell]! |= dots[py % 4]![px % 2]!;
    } else this.#characters[cell] = PLAIN[kind % PLAIN.length]!;
    this.#colors[cell] = color;
  }
}

/** Lines in a frame: numbers at the ends of both axes, and the name of the horizontal one. */
export function framed(
  lines: readonly string[],
  width: number,
  x: { readonly name: string; readonly from: string; readonly to: string },
  y: { readonly name: string; readonly from: string; readonly to: string },
  unicode: boolean,
): string[] {
  const margin = Math.max(y.from.length, y.to.length, 3);
  const bar = unicode ? "│" : "|";
  const labels = lines.map((_, row) => (row === 0 ? y.to : row === lines.length - 1 ? y.from : ""));
  const room = width - x.from.length - x.to.length;
  const name = x.name.length > room - 2 ? "" : x.name;
  const before = Math.max(0, Math.floor((room - name.length) / 2));
  return [
    ...(y.name === "" ? [] : [`${" ".repeat(margin + 1)}${y.name}`]),
    ...lines.map((line, row) => `${labels[row]!.padStart(margin)} ${bar}${line}`.trimEnd()),
    `${" ".repeat(margin + 1)}${unicode ? "└" : "+"}${(unicode ? "─" : "-").repeat(width)}`,
    `${" ".repeat(margin + 2)}${x.from}${" ".repeat(before)}${name}${" ".repeat(Math.max(1, room - name.length - before))}${x.to}`,
  ];
}
