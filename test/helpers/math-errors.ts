/** How far the vector functions of a compiled module are from the truth: which points, which truth, in which unit. */
import { erf, erfinv, lgamma, sigmoid, softplus } from "../../compiler/ops/numerics.ts";
import type { Net } from "../../runtime/index.ts";
import * as wide from "./double-double.ts";
import * as inverses from "./double-double-inverses.ts";
import { split, type Scaled } from "./double-double.ts";
import { start } from "./model.ts";

export type Dtype = "f32" | "f64";

interface Limits {
  readonly significand: number;
  /** The exponents of the smallest denormal and of the smallest normal number, and the first that overflows. */
  readonly smallest: number;
  readonly normal: number;
  readonly overflow: number;
  readonly round: (x: number) => number;
}

const LIMITS: { readonly [D in Dtype]: Limits } = {
  f32: { significand: 23, smallest: -149, normal: -126, overflow: 128, round: Math.fround },
  f64: { significand: 52, smallest: -1074, normal: -1022, overflow: 1024, round: (x) => x },
};

/** x · 2^k, where 2^k itself may be out of range. */
const scale = (x: number, k: number): number => x * 2 ** Math.trunc(k / 2) * 2 ** (k - Math.trunc(k / 2));

/**
 * |found - truth| in units in the last place of the truth. The unit of denormal numbers is the smallest of them. Infinity counts as the
 * number after the largest, 2^128 or 2^1024, on either side; a NaN and a zero of the wrong sign are infinitely far.
 */
export function ulps(found: number, truth: Scaled, dtype: Dtype): number {
  const { significand, smallest, overflow } = LIMITS[dtype];
  if (Number.isNaN(found)) return Infinity;
  if (truth.high === 0) return scale(Math.abs(found), -smallest);
  if (found === 0 && Object.is(found, 0) !== truth.high > 0) return Infinity;
  const e = split(truth.high).e + truth.exponent;
  const end = Math.sign(truth.high) * 2 ** (overflow / 2) * 2 ** (overflow / 2 - 1);
  const isBeyond = e >= overflow;
  // In halves, since 2^1024 is no number.
  const half = Math.abs(found) === Infinity ? Math.sign(found) * Math.abs(end) : found / 2;
  if (isBeyond) return Math.abs(half - end) / 2 ** (overflow - 2 - significand);
  if (half === end)
    return scale(end * 2 ** -truth.exponent - truth.high / 2, truth.exponent - e + significand + 1);
  const unit = Math.max(e - significand, smallest);
  const near = scale(found, -truth.exponent);
  return scale(Math.abs(near - truth.high - truth.low), truth.exponent - unit);
}

export interface Subject {
  readonly name: string;
  /** In the language, of x and y. */
  readonly formula: string;
  /** The largest error allowed, in units in the last place. */
  readonly limit: number;
  /** Good to about the last place of f64: the truth for f32. */
  readonly near: (x: number, y: number) => number;
  /** Good to 100 bits: the truth for f64. */
  readonly exact: (x: number, y: number) => Scaled;
  readonly points: (random: Random, count: number, dtype: Dtype) => Points;
}

export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

type Random = () => number;

/** Numbers in [0, 1), the same each time (G. Marsaglia's xorshift). */
function xorshift(seed: number): Random {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The number `steps` representable numbers from x, but for powers of two on the way. */
function neighbor(x: number, steps: number, dtype: Dtype): number {
  const { significand, smallest, round } = LIMITS[dtype];
  const e = x === 0 ? -Infinity : split(x).e;
  return round(round(x) + steps * 2 ** Math.max(e - significand, smallest));
}

interface Spread {
  /** Where two fifths of the points lie evenly. */
  readonly range: (dtype: Dtype) => readonly [number, number];
  /** Where a fifth of the points crowd: the ends of ranges, and where an algorithm changes pieces. */
  readonly edges: (dtype: Dtype) => readonly number[];
  /** Turns a number outside the domain into one inside. */
  readonly domain?: (x: number) => number;
}

/** Two fifths over all exponents and signs alike, denormals included; two fifths evenly over a range; a fifth at edges. */
function spread({ range, edges, domain = (x) => x }: Spread): Subject["points"] {
  return (random, count, dtype) => {
    const { normal, overflow, smallest, significand, round } = LIMITS[dtype];
    const places = edges(dtype);
    const [low, high] = range(dtype);
    const x = new Float64Array(count);
    const y = new Float64Array(count);
    const precise = (): number => random() + random() * 2 ** -32;
    for (let i = 0; i < count; i++) {
      const kind = i % 5;
      let value: number;
      if (kind < 2) {
        // Exponents in turn; one of them stands for all denormals, whose exponents come in turn as well.
        const turn = (i / 5) | 0;
        const e = normal - 1 + (turn % (overflow - normal + 1));
        const exponent = e < normal ? smallest + (turn % significand) : e;
        // Some significands are 1, some just below 2.
        const m = turn % 97 === 0 ? 1 : turn % 97 === 1 ? 2 - 2 ** -significand : 1 + precise();
        value = (kind === 0 ? 1 : -1) * scale(Math.min(m, 2 - 2 ** -significand), exponent);
      } else if (kind < 4) {
        value = low + (high - low) * precise();
      } else {
        const turn = (i / 5) | 0;
        const edge = places[turn % places.length]!;
        // Neighbors one by one, and at distances of every order.
        const distance = 2 ** (-60 * random()) * (random() < 0.5 ? -1 : 1);
        value =
          random() < 0.5
            ? neighbor(edge, Math.floor(random() * 65) - 32, dtype)
            : edge + distance * (edge === 0 ? 1 : edge);
      }
      const inside = round(domain(round(value)));
      x[i] = inside === 0 || !Number.isFinite(inside) ? round(low + (high - low) * 0.37) : inside;
    }
    return { x, y };
  };
}

/** Where x / ln 2 lies between two integers. */
const ties = (from: number, to: number, unit = Math.LN2): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => (from + i + 0.5) * unit);

/** Where e^x overflows, becomes denormal and vanishes. */
const ends = (dtype: Dtype): number[] => {
  const { overflow, normal, smallest } = LIMITS[dtype];
  return [overflow, normal, smallest, smallest - 1].map((e) => e * Math.LN2);
};

const tiesOf = (dtype: Dtype): number[] => (dtype === "f32" ? ties(-151, 128) : ties(-1076, 1024));
const exponents = (dtype: Dtype): readonly [number, number] => (dtype === "f32" ? [-104.5, 89] : [-746, 710]);
const QUARTERS = Array.from({ length: 400 }, (_, k) => (k * Math.PI) / 2);
const LARGE_QUARTERS = Array.from({ length: 120 }, (_, k) => (2 ** k * Math.PI) / 2);

const one = (
  name: string,
  limit: number,
  near: (x: number) => number,
  exact: (x: number) => Scaled,
  how: Spread,
): Subject => ({ name, formula: `${name}(x)`, limit, near, exact, points: spread(how) });

/** The functions, and what an error of each may be. */
export const subjects: readonly Subject[] = [
  one("exp", 2, Math.exp, wide.exp, {
    range: exponents,
    edges: (d) => [0, 1, ...ends(d), ...tiesOf(d)],
    domain: (x) => Math.max(Math.min(x, 1000), -1000),
  }),
  one("expm1", 4, Math.expm1, wide.expm1, {
    range: (d) => (d === "f32" ? [-20, 89] : [-40, 710]),
    edges: (d) => [0, 1, 2 ** -25, 2 ** -54, -17.33, -37.43, ends(d)[0]!, ...tiesOf(d)],
    domain: (x) => Math.max(Math.min(x, 1000), -1000),
  }),
  one("log", 2, Math.log, wide.log, {
    range: () => [0, 4],
    edges: (d) => [
      1,
      Math.SQRT1_2,
      Math.SQRT2,
      2,
      0.5,
      1e3,
      2 ** LIMITS[d].normal,
      2 ** (LIMITS[d].overflow - 1),
    ],
    domain: (x) => (x === 1 ? 2 : Math.abs(x)),
  }),
  one("log1p", 4, Math.log1p, wide.log1p, {
    range: () => [-1, 4],
    edges: (d) => [
      0,
      -1,
      1,
      Math.SQRT1_2 - 1,
      Math.SQRT2 - 1,
      2 * Math.SQRT2 - 1,
      2 ** -LIMITS[d].significand,
      2 ** LIMITS[d].significand,
    ],
    domain: (x) => (x <= -1 ? -x - 0.5 : x),
  }),
  one("tanh", 4, Math.tanh, wide.tanh, {
    range: (d) => (d === "f32" ? [-10, 10] : [-20, 20]),
    edges: (d) => [
      0,
      9.01,
      19.06,
      Math.log(3) / 2,
      2 ** -12,
      ...(d === "f32" ? ties(-27, 27, Math.LN2 / 2) : ties(-60, 60, Math.LN2 / 2)),
    ],
  }),
  one("sigmoid", 4, sigmoid, wide.sigmoid, {
    range: (d) => (d === "f32" ? [-104.5, 20] : [-746, 40]),
    edges: (d) => [0, 17.33, 37.43, ...ends(d), ...tiesOf(d)],
    domain: (x) => Math.max(Math.min(x, 1000), -1000),
  }),
  one("softplus", 4, softplus, wide.softplus, {
    range: (d) => (d === "f32" ? [-104.5, 20] : [-746, 40]),
    edges: (d) => [0, 17.33, 37.43, ...ends(d), ...tiesOf(d)],
    domain: (x) => Math.max(x, -1000),
  }),
  one("erf", 4, erf, wide.erf, {
    range: (d) => (d === "f32" ? [-4.2, 4.2] : [-6.2, 6.2]),
    edges: () => [0, 0.92, 1, -0.92, -1, 3.92, 4, 5.92, 6, 0.47],
  }),
  one("sin", 4, Math.sin, wide.sin, {
    range: () => [-100, 100],
    edges: () => [...QUARTERS, ...LARGE_QUARTERS, 786432, 6381956970095103 * 2 ** 797],
  }),
  one("cos", 4, Math.cos, wide.cos, {
    range: () => [-100, 100],
    edges: () => [...QUARTERS, ...LARGE_QUARTERS, 786432, 6381956970095103 * 2 ** 797],
  }),
  one("asin", 4, Math.asin, inverses.asin, {
    range: () => [-1, 1],
    edges: () => [0, 0.38268, 0.70711, 0.92388, 1, -1],
    domain: (x) => (Math.abs(x) > 1 ? 0.9999 / x : x),
  }),
  one("acos", 4, Math.acos, inverses.acos, {
    range: () => [-1, 1],
    edges: () => [0, 0.38268, 0.70711, 0.92388, 1, -1],
    domain: (x) => (x === 1 ? 0.5 : Math.abs(x) > 1 ? 0.9999 / x : x),
  }),
  one("atan", 4, Math.atan, inverses.atan, {
    range: () => [-10, 10],
    edges: () => [0, 1, -1, Math.SQRT2 - 1, Math.SQRT2 + 1],
  }),
  one("sinh", 4, Math.sinh, inverses.sinh, {
    range: (d) => (d === "f32" ? [-89.5, 89.5] : [-710.5, 710.5]),
    edges: (d) => [0, 2 ** -13, 2 ** -27, (d === "f32" ? 129 : 1025) * Math.LN2, ...ties(-20, 20)],
    domain: (x) => Math.max(Math.min(x, 1000), -1000),
  }),
  one("cosh", 4, Math.cosh, inverses.cosh, {
    range: (d) => (d === "f32" ? [-89.5, 89.5] : [-710.5, 710.5]),
    edges: (d) => [0, (d === "f32" ? 129 : 1025) * Math.LN2, ...ties(-20, 20)],
    domain: (x) => Math.max(Math.min(x, 1000), -1000),
  }),
  one("asinh", 4, Math.asinh, inverses.asinh, {
    range: () => [-10, 10],
    edges: () => [0, 0.75, -0.75, 1, 2 ** 25, 2 ** 54],
  }),
  one("acosh", 4, Math.acosh, inverses.acosh, {
    range: () => [1, 10],
    edges: () => [1, 1.25, 2, 2 ** 25, 2 ** 54],
    domain: (x) => (Math.abs(x) > 1 ? Math.abs(x) : 1 + x * x || 2),
  }),
  one("atanh", 4, Math.atanh, inverses.atanh, {
    range: () => [-1, 1],
    edges: () => [0, 0.5, 1, -1],
    domain: (x) => (Math.abs(x) < 1 ? x : 0.9999 / x),
  }),
  one("erfinv", 4, erfinv, inverses.erfinv, {
    range: () => [-1, 1],
    edges: () => [0, 1, -1, Math.sqrt(1 - Math.exp(-5)), Math.sqrt(1 - Math.exp(-6.25))],
    domain: (x) => (Math.abs(x) < 1 ? x : 0.9999 / x),
  }),
  // Near 1 and 2 the truth loses digits with f64's last place, and below 0, where log Γ has a zero between any two poles, it is not asked.
  one("lgamma", 4, lgamma, inverses.lgamma, {
    range: () => [0, 20],
    edges: () => [0.5, 1.5, 2.5, 3.5, 7.5, 8, 40],
    domain: (x) => (Math.min(Math.abs(Math.abs(x) - 1), Math.abs(Math.abs(x) - 2)) < 1e-3 ? 3 : Math.abs(x)),
  }),
  {
    name: "atan2",
    formula: "atan2(x, y)",
    limit: 4,
    near: Math.atan2,
    exact: inverses.atan2,
    points: pairs,
  },
  {
    name: "pow",
    formula: "x^y",
    limit: 4,
    near: (x, y) => x ** y,
    exact: (x, y) => {
      const magnitude = wide.pow(Math.abs(x), y);
      const isNegative = x < 0 && Math.abs(y) % 2 === 1;
      return isNegative ? { ...wide.negative(magnitude), exponent: magnitude.exponent } : magnitude;
    },
    points: powers,
  },
];

/**
 * Two fifths with x of any exponent and x^y evenly over all exponents; a fifth near 1, with large y; a fifth in [0, 10] × [-20, 20];
 * a tenth where x^y overflows, becomes denormal or vanishes; a tenth of negative x and integers y.
 */
function powers(random: Random, count: number, dtype: Dtype): Points {
  const { normal, overflow, smallest, significand, round } = LIMITS[dtype];
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const ends = [overflow, normal, smallest, smallest - 1];
  const anyBase = (): number => scale(1 + random(), Math.floor(smallest + (overflow - smallest) * random()));
  for (let i = 0; i < count; i++) {
    const kind = i % 10;
    const any = smallest - 2 + (overflow + 4 - smallest) * random();
    const nearOne = 1 + (random() < 0.5 ? -0.5 : 1) * 2 ** (-(significand + 1) * random());
    const base =
      kind < 4
        ? anyBase()
        : kind < 6
          ? nearOne
          : kind === 8
            ? i % 20 === 8
              ? anyBase()
              : nearOne
            : 10 * random();
    let a = round(base);
    if (a === 0 || a === Infinity) a = 3;
    let b = any / Math.log2(a === 1 ? 2 : a);
    if (kind === 6 || kind === 7) b = 40 * random() - 20;
    if (kind === 8)
      b =
        (ends[((i / 10) | 0) % 4]! / Math.log2(a === 1 ? 2 : a)) *
        (1 + 2 ** (-significand * random()) * (random() - 0.5));
    if (kind === 9) [a, b] = [-a, Math.floor(80 * random()) - 40];
    x[i] = a;
    y[i] = Math.abs(round(b)) === Infinity ? 1.5 : round(b);
  }
  return { x, y };
}

/** Half with both of any exponent and sign, half with the second from a tenth to ten times the first. */
function pairs(random: Random, count: number, dtype: Dtype): Points {
  const { smallest, overflow, round } = LIMITS[dtype];
  const any = (): number =>
    (random() < 0.5 ? -1 : 1) *
    scale(1 + random(), Math.floor(smallest + 1 + (overflow - smallest - 2) * random()));
  const x = Float64Array.from({ length: count }, () => round(any()));
  const y = x.map((v, i) => {
    const near = round(v * 10 ** (2 * random() - 1) * (random() < 0.5 ? -1 : 1));
    return i % 2 === 0 || near === 0 || !Number.isFinite(near) ? round(any()) : near;
  });
  return { x, y };
}

export interface Figures {
  readonly name: string;
  readonly points: number;
  readonly most: number;
  readonly mean: number;
  /** Where it is furthest off: x, or x and y. */
  readonly at: readonly number[];
}

const ROWS = 2 ** 16;

/** One module with all functions, through the compiler's door. */
export const mathModule = (dtype: Dtype, simd: "strict" | "relaxed" = "strict"): Promise<Net> =>
  start(
    `model Functions {
      input x: [N]
      input y: [N]
      ${subjects.map(({ name, formula }) => `output of_${name} = ${formula}`).join("\n")}
    }`,
    { dtype, simd },
  );

/** What the module answers, so many rows at a time. */
export function answers(net: Net, name: string, { x, y }: Points): Float64Array {
  const found = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += ROWS) {
    const outputs = net.predict({ x: x.subarray(at, at + ROWS), y: y.subarray(at, at + ROWS) });
    found.set(outputs[`of_${name}`]!.data, at);
  }
  return found;
}

/** The errors of one function at `count` points. */
export function measure(net: Net, subject: Subject, count: number, dtype: Dtype): Figures {
  const points = subject.points(xorshift(20261123), count, dtype);
  const found = answers(net, subject.name, points);
  let [most, total, worst] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const x = points.x[i]!;
    const y = points.y[i]!;
    const truth = dtype === "f64" ? subject.exact(x, y) : { high: subject.near(x, y), low: 0, exponent: 0 };
    const error = ulps(found[i]!, truth, dtype);
    total += error;
    if (!(error <= most)) [most, worst] = [error, i];
  }
  const at =
    subject.name === "pow" || subject.name === "atan2"
      ? [points.x[worst]!, points.y[worst]!]
      : [points.x[worst]!];
  return { name: subject.name, points: count, most, mean: total / count, at };
}

/** The points that the page's figures are of. */
export const POINTS = 2 ** 20;

const cell = ({ most, mean, at }: Figures): string =>
  `${most.toFixed(2)} | ${mean.toFixed(3)} | ${at.map((x) => String(x)).join(", ")}`;

/** The table of errors in `docs/math.md`. */
export function errorTable(single: readonly Figures[], double: readonly Figures[]): string {
  const rows = subjects.map(
    ({ name, limit }, i) => `| ${name} | ${limit} | ${cell(single[i]!)} | ${cell(double[i]!)} |`,
  );
  return [
    "| function | at most | f32 | f32, mean | f32 furthest off at | f64 | f64, mean | f64 furthest off at |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
