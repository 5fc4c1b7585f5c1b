/**
 * Widths of text, by which labels are laid out. They are those of DejaVu Sans, a wide font, to a
 * few percent: what fits is then right in narrower fonts too, and a picture does not depend on the
 * fonts of the machine that makes it.
 */

/** In ems. */
const classes: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'|!I ]/, 0.32],
  [/[ftr()[\]{}/\\"°-]/, 0.4],
  [/[mMW@%…—]/, 0.95],
  [/[w+=<>−×~]/, 0.83],
  [/[\dabdeghknopqu]/, 0.635],
  [/[A-HJ-LN-VX-Z]/, 0.7],
  [/[\u0020-\u052f]/, 0.62],
];

/** Of a character that has none above: as wide as it is high, like Han and emoji. */
const WIDEST = 1;

const ems = new Map<string, number>();

function emOf(character: string): number {
  let em = ems.get(character);
  if (em === undefined) {
    em = classes.find(([pattern]) => pattern.test(character))?.[1] ?? WIDEST;
    ems.set(character, em);
  }
  return em;
}

/** Pixels that a line of text takes at a font size in pixels. */
export function textWidth(text: string, size: number, bold = false): number {
  let sum = 0;
  for (const character of text) sum += emOf(character);
  return sum * size * (bold ? 1.1 : 1);
}
