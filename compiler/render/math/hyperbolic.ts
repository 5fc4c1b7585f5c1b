/** sinh and cosh by e^x, and their inverses by log1p. */
import { reduction } from "./exponential.ts";
import { functionName, type Pen, type VectorFunction } from "./function.ts";

/** Above the first both overflow, and what is computed on the way does not yet. */
const MOST = { f32: 89.6, f64: 710.6 } as const;

/** Lines that define `h` = (e^a - 1) / 4 = t (e^r - 1) + (t - 1/4) with t = 2^(n-2), and `e` = e^a, of a = |x|. */
function quarter(pen: Pen): string {
  const { vector: F, integer: I, significand, bias, dtype } = pen.format;
  return `const a = ${F}.pmin(${F}.abs(x), ${pen.c(MOST[dtype])});
  ${reduction(pen, "a", bias - 2)}
  const t = ${I}.shl(shifted, ${significand});
  const h = ${pen.madd("t", pen.madd("tail", "square", "r"), `${F}.sub(t, ${pen.c(0.25)})`)};
  const e = ${pen.madd(pen.c(4), "h", pen.c(1))};`;
}

export const sinh: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, significand } = pen.format;
    const tiny = 2 ** -Math.ceil(significand / 2 + 1);
    return `/// sinh |x| = (q + q / (q + 1)) / 2 with q = e^|x| - 1, and the sign of x; x itself where x^2 / 6 is below its last place
function ${functionName("sinh", pen.format)}(x: v128): v128 {
  ${quarter(pen)}
  const half = ${F}.add(h, ${F}.div(h, e));
  const y = v128.or(${F}.add(half, half), v128.and(x, ${pen.signBit}));
  return v128.bitselect(x, y, ${F}.lt(${F}.abs(x), ${pen.c(tiny)}));
}
`;
  },
};

export const cosh: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// cosh x = (e^|x| + e^-|x|) / 2
function ${functionName("cosh", pen.format)}(x: v128): v128 {
  ${quarter(pen)}
  const k = ${F}.add(h, ${pen.c(0.25)});
  return ${F}.add(${F}.add(k, k), ${F}.div(${pen.c(0.5)}, e));
}
`;
  },
};

/** Beyond it squares may overflow, and 1 + x is x. */
const large = ({ format: { significand } }: Pen): number => 2 ** (significand + 2);

/** log(1 + w), or where `value` is large log of twice that. */
function logarithm(pen: Pen, value: string): string {
  const { vector: F } = pen.format;
  return `const isLarge = ${F}.gt(${value}, ${pen.c(large(pen))});
  const log = ${functionName("log1p", pen.format)}(v128.bitselect(${value}, w, isLarge));
  const y = ${F}.add(log, v128.and(isLarge, ${pen.c(Math.LN2, "ln 2")}));`;
}

export const asinh: VectorFunction = {
  needs: ["log1p"],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// arsinh |x| = log(1 + w), w = a + a^2 / (1 + √(1 + a^2)), and the sign of x
function ${functionName("asinh", pen.format)}(x: v128): v128 {
  const a = ${F}.abs(x);
  const b = ${F}.pmin(a, ${pen.c(large(pen))});
  const s = ${F}.mul(b, b);
  const w = ${F}.add(b, ${F}.div(s, ${F}.add(${pen.c(1)}, ${F}.sqrt(${F}.add(${pen.c(1)}, s)))));
  ${logarithm(pen, "a")}
  return v128.or(y, v128.and(x, ${pen.signBit}));
}
`;
  },
};

export const acosh: VectorFunction = {
  needs: ["log1p"],
  source(pen) {
    const { vector: F } = pen.format;
    return `/// arcosh x = log(1 + w), w = t + √t √(t + 2) with t = x - 1
function ${functionName("acosh", pen.format)}(x: v128): v128 {
  const t = ${F}.sub(x, ${pen.c(1)});
  const b = ${F}.pmin(t, ${pen.c(large(pen))});
  const w = ${F}.add(b, ${F}.mul(${F}.sqrt(b), ${F}.sqrt(${F}.add(b, ${pen.c(2)}))));
  ${logarithm(pen, "t")}
  return y;
}
`;
  },
};
