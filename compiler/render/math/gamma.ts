/** log Γ. */
import { functionName, type VectorFunction } from "./function.ts";

/**
 * log Γ(1 + t) / t and log Γ(2 + t) / t on |t| ≤ ½ as polynomials in t: the least maximum of their
 * errors. They are 8.5e-9 and 2.4e-9 of them in f32, 1.1e-17 in f64.
 */
const NEAR = {
  f32: [
    -0.577215664, 0.82246691, -0.400685866, 0.27059444, -0.207382384, 0.169130729, -0.143918688, 0.131132059,
    -0.114555581, 0.0651567072, -0.0654205916, 0.179969327, -0.157892386,
  ],
  f64: [
    -0.5772156649015329, 0.8224670334241133, -0.40068563438654087, 0.27058080842775606, -0.2073855510262383,
    0.16955717700041117, -0.14404989701623389, 0.12550966940789607, -0.11133425279401674, 0.10009945821105001,
    -0.0909544297697101, 0.08335392753194468, -0.07692411516122857, 0.07142965193417307, -0.06678419652119176,
    0.06256147246928442, -0.05772554005702956, 0.054870205045944816, -0.05991549285659479,
    0.05511869078944476, -0.014262909249437714, 0.019895708227450976, -0.14557757089632825,
    0.12527585581979123, 0.1537153108931202, -0.12890027185347835, -0.22523815095695301, 0.20603499369488204,
  ],
} as const;
const MIDDLE = {
  f32: [
    0.422784335, 0.322467019, -0.0673522187, 0.0205816024, -0.0073874284, 0.00287905202, -0.00117783537,
    0.000569834356, -0.000269862198,
  ],
  f64: [
    0.42278433509846713, 0.3224670334241133, -0.06735230105319576, 0.02058080842776593, -0.007385551028925563,
    0.0028905103318433915, -0.0011927539013159602, 0.0005096694950721567, -0.00022315497249688208,
    9.945794469214907e-5, -4.492376973437551e-5, 2.0503540424138976e-5, -9.45609010554524e-6,
    4.393534822619572e-6, -1.974796830115509e-6, 8.998729167082173e-7, -5.806438435588815e-7,
    2.977300252996754e-7,
  ],
} as const;

/**
 * x (log Γ(x) - (x - ½) log x + x - ½ log 2π) for x ≥ 8 as a polynomial in 1/x², J. Stirling's
 * series: its error is 1.8e-10 of log Γ in f32, 4.2e-21 in f64.
 */
const FAR = {
  f32: [0.0833332738, -0.00276247059],
  f64: [
    0.08333333333333333, -0.002777777777767428, 0.0007936507864060785, -0.0005952358523153544,
    0.0008413921602298377, -0.001886400451502662, 0.004987596320214957,
  ],
} as const;

export const lgamma: VectorFunction = {
  needs: ["log", "sin"],
  source(pen) {
    const { vector: F, significand, dtype } = pen.format;
    const { c } = pen;
    const steps = [1, 2, 3, 4, 5, 6].map(
      (j) => `const at${j} = ${F}.sub(a, ${c(j)});
  const is${j} = ${F}.ge(at${j}, ${c(1.5)});
  product = ${F}.mul(product, v128.bitselect(at${j}, ${c(1)}, is${j}));
  u = v128.bitselect(at${j}, u, is${j});`,
    );
    const log = functionName("log", pen.format);
    const sin = functionName("sin", pen.format);
    return `/// log Γ of a = x, or 1 - x below 0: up to 1.5 of a polynomial around 1 (of a + 1, less log a, up to 0.5); up to 8 of one around 2 and
/// the factors down to there; from 8 on Stirling's series. Below 0, log π - log |sin πx| - log Γ(1 - x).
function ${functionName("lgamma", pen.format)}(x: v128): v128 {
  const isNegative = ${F}.lt(x, ${c(0)});
  const a = v128.bitselect(${F}.sub(${c(1)}, x), x, isNegative);
  const isFar = ${F}.ge(a, ${c(8)});
  const isNear = ${F}.lt(a, ${c(1.5)});
  const isSmall = ${F}.lt(a, ${c(0.5)});
  let product = ${c(1)};
  let u = a;
  ${steps.join("\n  ")}
  const log = ${log}(v128.bitselect(a, product, v128.or(isFar, isSmall)));
  const one = v128.bitselect(a, ${F}.sub(a, ${c(1)}), isSmall);
  ${pen.polynomial("p", "one", NEAR[dtype])}
  const two = ${F}.sub(u, ${c(2)});
  ${pen.polynomial("q", "two", MIDDLE[dtype])}
  const inverse = ${F}.div(${c(1)}, a);
  const square = ${F}.mul(inverse, inverse);
  ${pen.polynomial("s", "square", FAR[dtype])}
  // Adding 0 - log makes 0 of -0.
  const near = ${F}.add(${F}.mul(one, p), ${F}.sub(${c(0)}, log));
  const middle = ${pen.madd("two", "q", "log")};
  const far = ${pen.madd(`${F}.sub(a, ${c(0.5)})`, `${F}.sub(log, ${c(1)})`, pen.madd("s", "inverse", c((Math.log(2 * Math.PI) - 1) / 2, "log √(2π/e)")))};
  const core = v128.bitselect(far, v128.bitselect(near, middle, isNear), isFar);
  if (!v128.any_true(isNegative)) return core;
  const clipped = ${F}.pmax(x, ${c(-(2 ** (significand + 1)))});
  const rest = ${F}.sub(clipped, ${F}.nearest(clipped));
  const size = ${F}.abs(rest);
  // As long as sin πr is πr, π is left out on both sides: the product with a denormal number has few bits.
  const isSine = ${F}.ge(size, ${c(2 ** -Math.ceil(significand / 2 + 2))});
  const sine = ${F}.abs(${sin}(${F}.mul(size, ${c(Math.PI)})));
  const logs = ${F}.sub(v128.and(${c(Math.log(Math.PI), "log π")}, isSine), ${log}(v128.bitselect(sine, size, isSine)));
  const reflected = ${F}.sub(logs, core);
  // All whole numbers are poles, so are those too large to be others, and -infinity.
  const below = v128.bitselect(${c(Infinity)}, reflected, ${F}.eq(size, ${c(0)}));
  return v128.bitselect(below, core, isNegative);
}
`;
  },
};
