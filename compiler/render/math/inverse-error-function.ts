/** The inverse of erf. */
import { functionName, type VectorFunction } from "./function.ts";

/**
 * erf⁻¹ x / x with w = -log(1 - x²) as polynomials in w - 2.5 up to w = 5 in f32, w - 3.125 up to
 * 6.25 in f64, and beyond in √w - 3 in f32, in f64 √w - 3.25 up to 4 and √w - 5 up to the last x
 * below 1: the least maximum of their errors. It is 5.8e-9 of it in f32, 3.6e-17 in f64.
 */
const POLYNOMIALS = {
  f32: {
    near: {
      middle: 2.5,
      coefficients: [
        1.50140936, 0.246640286, -0.00417738682, -0.00125274193, 0.000218344476, -4.96331236e-6,
        -3.46271559e-6, 4.66161908e-7, 2.32336365e-8, -8.79034887e-9,
      ],
    },
    far: [
      {
        from: Math.sqrt(5),
        middle: 3,
        coefficients: [
          2.8329768, 1.00167509, 0.00944568185, -0.0076393863, 0.00568319745, -0.00358710692, 0.00149578085,
          -7.63950462e-5, -0.000318656325, 0.000128820459,
        ],
      },
    ],
  },
  f64: {
    near: {
      middle: 3.125,
      coefficients: [
        1.6536545626831027, 0.24015818242558834, -0.006033670871426996, -0.0007407025341545546,
        0.00018673420802052925, -1.3882523394196368e-5, -1.3654691772635462e-6, 4.2347881711921594e-7,
        -2.907038989611941e-8, -4.11266064193288e-9, 1.0512225672518073e-9, -5.414294669491367e-11,
        -1.2978504312123247e-11, 2.630503584167911e-12, -8.079287703856416e-14, -4.0015922732811264e-14,
        6.533334099549195e-15, -3.9874880176517696e-17, -1.2344773145079848e-16, 1.5544957708222877e-17,
        6.955856455344589e-19, -3.4875425637998274e-19, 1.6542805381579684e-20, 3.2191679092267087e-21,
        -3.002277433612987e-22,
      ],
    },
    far: [
      {
        from: 2.5,
        middle: 3.25,
        coefficients: [
          3.0838856104922208, 1.0052589676941655, 0.005370914553555091, -0.0037512085082238335,
          0.002491442097953415, -0.0016882755354771344, 0.000953289341663599, -0.00035503781338215167,
          2.403151185802055e-5, 6.82871142824596e-5, -4.732067377460695e-5, 1.2465042311910562e-5,
          2.932549891881831e-6, -3.985744497396173e-6, 1.4816708199915097e-6, -2.7554488160368586e-8,
          -2.4561072699535697e-7, 1.315309325130452e-7, -2.0818740177209453e-8, -1.528455716234428e-8,
          7.645609745573024e-9,
        ],
      },
      {
        from: 4,
        middle: 5,
        coefficients: [
          4.849906401408584, 1.0103004648645462, -0.00013871931835355048, -0.0002150301198615113,
          7.599527738965983e-5, -1.968177025358985e-5, 4.526059751733011e-6, -9.930320517070588e-7,
          2.2901588012327718e-7, -6.754773170952616e-8, 2.9124613995422578e-8, -1.5270328184470722e-8,
          7.642996371892509e-9, -3.455661551497595e-9, 1.4910323604303996e-9, -4.4608661306377504e-10,
          -2.2995498375390725e-11, 4.4774363417308305e-11,
        ],
      },
    ],
  },
} as const;

export const erfinv: VectorFunction = {
  needs: ["log"],
  source(pen) {
    const { vector: F, dtype } = pen.format;
    const { c } = pen;
    const { near, far } = POLYNOMIALS[dtype];
    const beyond = far.map(
      ({ from, middle, coefficients }, i) => `const from${i} = ${F}.sub(root, ${c(middle)});
  ${pen.longPolynomial(`p${i}`, `from${i}`, coefficients)}
  factor = v128.bitselect(p${i}, factor, ${F}.ge(root, ${c(from)}));`,
    );
    return `/// x times a polynomial in w = -log(1 - x^2), or in its root; infinite at ±1
function ${functionName("erfinv", pen.format)}(x: v128): v128 {
  const w = ${F}.neg(${functionName("log", pen.format)}(${F}.mul(${F}.sub(${c(1)}, x), ${F}.add(${c(1)}, x))));
  const root = ${F}.sqrt(w);
  const fromMiddle = ${F}.sub(w, ${c(near.middle)});
  ${pen.polynomial("factor", "fromMiddle", near.coefficients)}
  ${beyond.join("\n  ")}
  const isEnd = ${F}.eq(${F}.abs(x), ${c(1)});
  return ${F}.mul(x, v128.bitselect(${c(Infinity)}, factor, isEnd));
}
`;
  },
};
