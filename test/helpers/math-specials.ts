/**
 * What the vector functions answer at zeros, infinities and NaN: C99's annex F, the 2008 standard's
 * recommended functions.
 */

/** Arguments of the table's columns. */
export const SPECIAL_ARGUMENTS = [-Infinity, -0, 0, Infinity, NaN] as const;

/** Of each function of one number, its values there. */
export const specials: Readonly<Record<string, readonly number[]>> = {
  exp: [0, 1, 1, Infinity, NaN],
  expm1: [-1, -0, 0, Infinity, NaN],
  log: [NaN, -Infinity, -Infinity, Infinity, NaN],
  log1p: [NaN, -0, 0, Infinity, NaN],
  tanh: [-1, -0, 0, 1, NaN],
  sigmoid: [0, 0.5, 0.5, 1, NaN],
  softplus: [0, Math.LN2, Math.LN2, Infinity, NaN],
  erf: [-1, -0, 0, 1, NaN],
  sin: [NaN, -0, 0, NaN, NaN],
  cos: [NaN, 1, 1, NaN, NaN],
  asin: [NaN, -0, 0, NaN, NaN],
  acos: [NaN, Math.PI / 2, Math.PI / 2, NaN, NaN],
  atan: [-Math.PI / 2, -0, 0, Math.PI / 2, NaN],
  sinh: [-Infinity, -0, 0, Infinity, NaN],
  cosh: [Infinity, 1, 1, Infinity, NaN],
  asinh: [-Infinity, -0, 0, Infinity, NaN],
  acosh: [NaN, NaN, NaN, Infinity, NaN],
  atanh: [NaN, -0, 0, NaN, NaN],
  erfinv: [NaN, -0, 0, NaN, NaN],
  lgamma: [Infinity, Infinity, Infinity, Infinity, NaN],
};

interface PowerRule {
  readonly x: string;
  readonly y: string;
  readonly is: string;
  /** x, y, x^y */
  readonly examples: readonly (readonly [number, number, number])[];
}

/** All of C99's annex F.10.4.4. */
export const powerRules: readonly PowerRule[] = [
  {
    x: "±0",
    y: "odd integer < 0",
    is: "±inf",
    examples: [
      [0, -1, Infinity],
      [-0, -3, -Infinity],
    ],
  },
  {
    x: "±0",
    y: "other y < 0, -inf",
    is: "inf",
    examples: [
      [0, -0.5, Infinity],
      [-0, -2, Infinity],
      [-0, -Infinity, Infinity],
    ],
  },
  {
    x: "±0",
    y: "odd integer > 0",
    is: "±0",
    examples: [
      [0, 1, 0],
      [-0, 3, -0],
    ],
  },
  {
    x: "±0",
    y: "other y > 0, inf",
    is: "0",
    examples: [
      [0, 0.5, 0],
      [-0, 2, 0],
      [-0, Infinity, 0],
    ],
  },
  {
    x: "-1",
    y: "±inf",
    is: "1",
    examples: [
      [-1, Infinity, 1],
      [-1, -Infinity, 1],
    ],
  },
  {
    x: "1",
    y: "any, NaN too",
    is: "1",
    examples: [
      [1, NaN, 1],
      [1, Infinity, 1],
      [1, -1e30, 1],
    ],
  },
  {
    x: "any, NaN too",
    y: "±0",
    is: "1",
    examples: [
      [NaN, 0, 1],
      [Infinity, -0, 1],
      [-0, 0, 1],
      [-2, -0, 1],
    ],
  },
  {
    x: "finite < 0",
    y: "finite, no integer",
    is: "NaN",
    examples: [
      [-2, 0.5, NaN],
      [-1, 1e-30, NaN],
      [-1e30, -1.5, NaN],
    ],
  },
  {
    x: "between -1 and 1",
    y: "-inf",
    is: "inf",
    examples: [
      [0.5, -Infinity, Infinity],
      [-0.5, -Infinity, Infinity],
    ],
  },
  {
    x: "below -1, above 1",
    y: "-inf",
    is: "0",
    examples: [
      [2, -Infinity, 0],
      [-2, -Infinity, 0],
    ],
  },
  {
    x: "between -1 and 1",
    y: "inf",
    is: "0",
    examples: [
      [0.5, Infinity, 0],
      [-0.5, Infinity, 0],
    ],
  },
  {
    x: "below -1, above 1",
    y: "inf",
    is: "inf",
    examples: [
      [2, Infinity, Infinity],
      [-2, Infinity, Infinity],
    ],
  },
  {
    x: "-inf",
    y: "odd integer < 0",
    is: "-0",
    examples: [
      [-Infinity, -1, -0],
      [-Infinity, -5, -0],
    ],
  },
  {
    x: "-inf",
    y: "other y < 0, -inf",
    is: "0",
    examples: [
      [-Infinity, -2, 0],
      [-Infinity, -0.5, 0],
      [-Infinity, -Infinity, 0],
    ],
  },
  {
    x: "-inf",
    y: "odd integer > 0",
    is: "-inf",
    examples: [
      [-Infinity, 1, -Infinity],
      [-Infinity, 7, -Infinity],
    ],
  },
  {
    x: "-inf",
    y: "other y > 0, inf",
    is: "inf",
    examples: [
      [-Infinity, 2, Infinity],
      [-Infinity, 0.5, Infinity],
      [-Infinity, Infinity, Infinity],
    ],
  },
  {
    x: "inf",
    y: "y < 0",
    is: "0",
    examples: [
      [Infinity, -1, 0],
      [Infinity, -0.5, 0],
      [Infinity, -Infinity, 0],
    ],
  },
  {
    x: "inf",
    y: "y > 0",
    is: "inf",
    examples: [
      [Infinity, 1, Infinity],
      [Infinity, 0.5, Infinity],
      [Infinity, Infinity, Infinity],
    ],
  },
  {
    x: "NaN",
    y: "any but 0",
    is: "NaN",
    examples: [
      [NaN, 1, NaN],
      [NaN, Infinity, NaN],
      [NaN, NaN, NaN],
    ],
  },
  {
    x: "any but 1",
    y: "NaN",
    is: "NaN",
    examples: [
      [0, NaN, NaN],
      [-1, NaN, NaN],
      [Infinity, NaN, NaN],
    ],
  },
];

/** Behind it stands what scripts/measure-math.ts writes. */
export const MARK = "<!-- tables: node scripts/measure-math.ts -->";

const shown = (x: number): string =>
  Object.is(x, -0)
    ? "-0"
    : x === Math.LN2
      ? "log 2"
      : Math.abs(x) === Math.PI / 2
        ? x < 0
          ? "-π/2"
          : "π/2"
        : String(x).replace("Infinity", "inf");

/** The tables of special values in `docs/math.md`. */
export function specialTables(): string {
  const unary = Object.entries(specials).map(
    ([name, values]) => `| ${name} | ${values.map(shown).join(" | ")} |`,
  );
  const powers = powerRules.map(({ x, y, is, examples }) => {
    const list = examples.map(([a, b, c]) => `\`${shown(a)}^${shown(b)}\` = ${shown(c)}`);
    return `| ${x} | ${y} | ${is} | ${list.join(", ")} |`;
  });
  return [
    "## Special values",
    "",
    `| function | ${SPECIAL_ARGUMENTS.map(shown).join(" | ")} |`,
    `| --- | ${SPECIAL_ARGUMENTS.map(() => "---").join(" | ")} |`,
    ...unary,
    "",
    "## Special values of pow",
    "",
    "| x | y | x^y | for example |",
    "| --- | --- | --- | --- |",
    ...powers,
  ].join("\n");
}
