/** atan2, and the inverse circular functions, which are angles of points. */
import { functionName, type VectorFunction } from "./function.ts";

/**
 * (arctan z - z) / z³ as a polynomial in z² on |z| ≤ tan π/8: the least maximum of the error of
 * arctan. It is 6.6e-10 of it in f32, 1.2e-18 in f64.
 */
const ARCTANGENT = {
  f32: [-0.333333155, 0.199984884, -0.142438268, 0.10595829, -0.0608299236],
  f64: [
    -0.333333333333332, 0.19999999999954002, -0.14285714280239864, 0.1111111078568351, -0.09090897822827984,
    0.07692061385983126, -0.06663117438094776, 0.058479868730564, -0.050397436462434615, 0.03807567255842446,
    -0.017919316943932024,
  ],
} as const;

/** π in two parts: the nearest number of the format, and the rest. */
const PI = {
  f32: { high: Math.fround(Math.PI), low: Math.PI - Math.fround(Math.PI) },
  f64: { high: Math.PI, low: 1.2246467991473532e-16 },
} as const;

export const atan2: VectorFunction = {
  needs: [],
  source(pen) {
    const { vector: F, integer: I, dtype, bytes } = pen.format;
    const { c } = pen;
    const { high, low } = PI[dtype];
    return `/// The angle of (x, y): of r = arctan of the smaller by the larger, which beyond tan π/8 is π/4 + arctan (q - 1) / (q + 1), one of
/// r, π/2 - r, π/2 + r and π - r, with the sign of y
function ${functionName("atan2", pen.format)}(y: v128, x: v128): v128 {
  const a = ${F}.abs(y);
  const b = ${F}.abs(x);
  const isSteep = ${F}.gt(a, b);
  const least = v128.bitselect(b, a, isSteep);
  const most = v128.bitselect(a, b, isSteep);
  // Of equals it is 1, of infinities too, but 0 by 0 is 0.
  const quotient = v128.bitselect(${c(1)}, ${F}.div(least, most), ${F}.eq(least, most));
  const q = v128.andnot(quotient, ${F}.eq(${F}.add(least, most), ${c(0)}));
  const isWide = ${F}.gt(q, ${c(Math.SQRT2 - 1, "tan π/8")});
  const z = v128.bitselect(${F}.div(${F}.sub(q, ${c(1)}), ${F}.add(q, ${c(1)})), q, isWide);
  const square = ${F}.mul(z, z);
  ${pen.longPolynomial("p", "square", ARCTANGENT[dtype])}
  const rest = ${pen.madd(`${F}.mul(z, square)`, "p", `v128.and(isWide, ${c(low / 4, "π/4, low part")})`)};
  const r = ${F}.add(v128.and(isWide, ${c(high / 4, "π/4, high part")}), ${F}.add(z, rest));
  const isLeft = ${I}.shr_s(x, ${bytes * 8 - 1});
  const turned = v128.xor(r, v128.and(v128.xor(isSteep, isLeft), ${pen.signBit}));
  const lowTurn = v128.bitselect(${c(low / 2, "π/2, low part")}, v128.and(isLeft, ${c(low, "π, low part")}), isSteep);
  const turn = v128.bitselect(${c(high / 2, "π/2, high part")}, v128.and(isLeft, ${c(high, "π, high part")}), isSteep);
  return v128.or(${F}.abs(${F}.add(turn, ${F}.add(turned, lowTurn))), v128.and(y, ${pen.signBit}));
}
`;
  },
};

export const atan: VectorFunction = {
  needs: ["atan2"],
  source: (pen) => `/// The angle of (1, x)
function ${functionName("atan", pen.format)}(x: v128): v128 {
  return ${functionName("atan2", pen.format)}(x, ${pen.c(1)});
}
`,
};

export const asin: VectorFunction = {
  needs: ["atan2"],
  source: (pen) => {
    const { vector: F } = pen.format;
    return `/// The angle of (√(1 - x²), x)
function ${functionName("asin", pen.format)}(x: v128): v128 {
  const leg = ${F}.sqrt(${F}.mul(${F}.sub(${pen.c(1)}, x), ${F}.add(${pen.c(1)}, x)));
  return ${functionName("atan2", pen.format)}(x, leg);
}
`;
  },
};

export const acos: VectorFunction = {
  needs: ["atan2"],
  source: (pen) => {
    const { vector: F } = pen.format;
    return `/// The angle of (x, √(1 - x²))
function ${functionName("acos", pen.format)}(x: v128): v128 {
  const leg = ${F}.sqrt(${F}.mul(${F}.sub(${pen.c(1)}, x), ${F}.add(${pen.c(1)}, x)));
  return ${functionName("atan2", pen.format)}(leg, x);
}
`;
  },
};
