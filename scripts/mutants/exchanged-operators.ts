/** A definition of `std/` once for each of its operators, with another one in its place. */

const other: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "+",
  "/": "*",
  "^": "*",
  "<=": "<",
};

export interface Exchanged {
  /** Which operator, and where: `+ of line 3`. */
  readonly name: string;
  readonly sign: string;
  /** The line, as it was. */
  readonly line: string;
  readonly mutant: string;
}

/**
 * @param operators matches them, in its first group behind a space, in its second without
 * @param from where in the text they are looked for
 */
export function exchangedOperators(text: string, operators: RegExp, from = 0): Exchanged[] {
  return [...text.slice(from).matchAll(operators)].map((found) => {
    const sign = (found[1] ?? found[2])!;
    const at = from + found.index + (found[1] === undefined ? 0 : 1);
    const lines = text.slice(0, at).split("\n");
    return {
      name: `${sign} of line ${lines.length}`,
      sign,
      line: text.split("\n")[lines.length - 1]!,
      mutant: `${text.slice(0, at)}${other[sign]}${text.slice(at + sign.length)}`,
    };
  });
}
