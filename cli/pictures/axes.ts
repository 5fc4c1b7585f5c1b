/** What charts have in common: what they say, and how they measure. */
import type { PictureTitle } from "./render.ts";
import { textWidth } from "./text-width.ts";
import { WIDTH } from "./theme.ts";

/** What every chart says of itself. */
export interface Saying {
  /** What is seen. */
  readonly title: string;
  readonly subtitle?: string;
  /** For who cannot see it. */
  readonly description: string;
}

/** A quantity on an axis, with its unit where it has one: `loss`, `time (s)`. */
export interface Quantity {
  readonly name: string;
  /** Powers of ten at equal distances. Wants positive numbers. */
  readonly logarithmic?: boolean;
  /** Whether the axis begins at 0 though no value is there. */
  readonly zero?: boolean;
}

/** Pixels of title beside the plot that an axis takes anyway. */
const MARGIN = 80;

/** A title whose lines are no longer than the picture is wide. */
export function titleOf({ title, subtitle }: Saying, width = WIDTH): PictureTitle {
  return {
    text: wrapped(title, width + MARGIN, 15, true),
    ...(subtitle === undefined ? {} : { subtitle: wrapped(subtitle, width + MARGIN, 12) }),
  };
}

/** Lines of at most `width` pixels; a longer word is a line by itself. */
export function wrapped(text: string, width: number, size: number, bold = false): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer, size, bold) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Whether values are better told by their powers of ten: positive, over more than so many of them. */
export function spansDecades(values: readonly number[], decades = 2): boolean {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  return low > 0 && high / low > 10 ** decades;
}

/** The scale of an axis. */
export const scaleOf = ({ logarithmic = false, zero = false }: Quantity): object =>
  logarithmic ? { type: "log", nice: false, padding: PADDING } : { zero };

/** Pixels between the outermost values and the ends of an axis. */
const PADDING = 8;

/** Decades between which 2 and 5 have ticks too. */
const FEW = 2;

/** Ticks of a logarithmic axis over these values; of any other, Vega's own. */
export function ticksOf({ logarithmic = false }: Quantity, values: readonly (number | null)[]): object {
  if (!logarithmic) return {};
  const logs = values.flatMap((value) => (value !== null && value > 0 ? [Math.log10(value)] : []));
  const low = logs.reduce((a, b) => Math.min(a, b), Infinity);
  const high = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low > high) return {};
  const factors = high - low > FEW ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    // As it is written, since powers of ten are not exact.
    ticks.push(...factors.map((factor) => Number(`${factor}e${power}`)));
  }
  return { axis: { values: ticks, format: "~g" } };
}
