"""The polynomials of compiler/render/math/, by Remez' exchange with mpmath: python3 scripts/fit-math.py

Each is the polynomial with the least maximum of weight(x) |f(x) - p(x)|, where the weight turns its error into the relative error of the
function it serves. Printed: that maximum, then the coefficients from the lowest power up.
"""
from mpmath import cos, erf, erfc, erfinv, euler, exp, factorial, log, loggamma, lu_solve, matrix, mp, mpf, nstr, pi, sin, sqrt, tan

mp.dps = 60
GRID = 1500


def remez(f, weight, count, low, high, rounds=25):
    """count coefficients, and the maximum of the weighted error on [low, high]."""
    nodes = lambda n: [(low + high) / 2 - (high - low) / 2 * cos(pi * i / n) for i in range(n + 1)]
    points = [(x, f(x), weight(x)) for x in nodes(GRID)]
    extrema = [(x, f(x), weight(x)) for x in nodes(count)]
    for _ in range(rounds):
        rows = [[x**j for j in range(count)] + [(-1) ** i / w] for i, (x, _, w) in enumerate(extrema)]
        solved = lu_solve(matrix(rows), matrix([y for _, y, _ in extrema]))
        coefficients = [solved[j] for j in range(count)]
        errors = [w * (y - mp.polyval(coefficients[::-1], x)) for x, y, w in points]
        # The furthest point of each run of errors of one sign.
        runs = []
        for i, e in enumerate(errors):
            if runs and (errors[runs[-1]] > 0) == (e > 0):
                runs[-1] = max(runs[-1], i, key=lambda k: abs(errors[k]))
            else:
                runs.append(i)
        while len(runs) > count + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
        if len(runs) <= count:
            break
        extrema = [points[i] for i in runs]
    return coefficients, max(abs(e) for e in errors)


def series(term):
    """The sum of term(i) x^i, by which values near 0 keep their digits."""
    terms = [term(i) for i in range(160)]
    return lambda x: mp.polyval(terms[::-1], x)


# Weights must not vanish: the polynomials end a little above 0, and the ranges a little beyond what is needed.
NEAR_ZERO = mpf("1e-9")
WIDER = mpf("1.0001")
half_ln2 = log(2) / 2 * WIDER
log_end = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * WIDER
quarter = (pi / 4) ** 2 * WIDER**2

exponential = series(lambda i: 1 / factorial(i + 2))
logarithm = series(lambda i: mpf(2) / (2 * i + 3))
quintic = series(lambda i: mpf(2) / (2 * i + 5))
sine = series(lambda i: (-1) ** (i + 1) / factorial(2 * i + 3))
cosine = series(lambda i: (-1) ** i / factorial(2 * i + 4))
complement = lambda a: log(erfc(a)) / a + 1
complement_weight = lambda a: a * erfc(a) / erf(a)
arctangent = series(lambda i: (-1) ** (i + 1) / mpf(2 * i + 3))
eighth = tan(pi / 8) ** 2 * WIDER**2
half = mpf("0.5") * WIDER


def inverse_erf(w):
    """erfinv(x) / x with w = -log(1 - x^2)."""
    x = sqrt(1 - exp(-w))
    return erfinv(x) / x if w > mpf("1e-20") else sqrt(pi) / 2


def gamma_from(n):
    """log Gamma(n + t) / t, n being 1 or 2."""
    return lambda t: loggamma(n + t) / t if abs(t) > mpf("1e-30") else n - 1 - euler


def stirling(v):
    """What Stirling's formula leaves of log Gamma(x), times x, with v = 1 / x^2."""
    x = 1 / sqrt(v)
    return x * (loggamma(x) - ((x - mpf(1) / 2) * log(x) - x + log(2 * pi) / 2)) if v > mpf("1e-12") else mpf(1) / 12 - v / 360


def relative(name, f, low, high, counts):
    return name, f, lambda x: 1 / abs(f(x)), low, high, counts


by_w = lambda middle: lambda d: inverse_erf(d + middle)
by_root = lambda middle: lambda d: inverse_erf((d + middle) ** 2)

fits = [
    ("(e^r - 1 - r) / r^2", exponential, lambda r: max(r**2 / exp(r), mpf("1e-18")), -half_ln2, half_ln2, (5, 10)),
    ("log's tail", logarithm, lambda z: z / 2, NEAR_ZERO, log_end, (3, 4, 7)),
    ("pow's tail", quintic, lambda z: z**2 / 2, NEAR_ZERO, log_end, (7,)),
    ("softplus' tail", logarithm, lambda z: z / 2, NEAR_ZERO, WIDER / 9, (4, 10)),
    ("log erfc, f32", complement, complement_weight, NEAR_ZERO, mpf("3.92"), (9,)),
    ("log erfc, f64", complement, complement_weight, NEAR_ZERO, mpf("5.93"), (25,)),
    ("sine's tail", sine, lambda z: z * sqrt(z) / sin(sqrt(z)), NEAR_ZERO, quarter, (3, 6)),
    ("arctan's tail", arctangent, lambda z: z, NEAR_ZERO, eighth, (5, 11)),
    relative("log Gamma(1 + t) / t", gamma_from(1), -half, half, (13, 28)),
    relative("log Gamma(2 + t) / t", gamma_from(2), -half, half, (9, 18)),
    ("Stirling's rest", stirling, lambda v: sqrt(v) / mpf("8.5"), NEAR_ZERO, WIDER / 64, (2, 7)),
    relative("erfinv near 0, f32", by_w(mpf("2.5")), mpf("-2.5") + NEAR_ZERO, mpf("2.5") * WIDER, (10,)),
    relative("erfinv far, f32", by_root(mpf(3)), sqrt(mpf(5)) - 3 - mpf("1e-4"), mpf("1.001"), (10,)),
    relative("erfinv near 0, f64", by_w(mpf("3.125")), mpf("-3.125") + NEAR_ZERO, mpf("3.125") * WIDER, (25,)),
    relative("erfinv far, f64", by_root(mpf("3.25")), mpf("-0.7501"), mpf("0.7501"), (21,)),
    relative("erfinv farther, f64", by_root(mpf(5)), mpf("-1.0001"), mpf("1.01"), (18,)),
    ("cosine's tail", cosine, lambda z: z**2 / cos(sqrt(z)), NEAR_ZERO, quarter, (3, 6)),
]

for name, f, weight, low, high, counts in fits:
    for count in counts:
        coefficients, error = remez(f, weight, count, low, high)
        print(f"{name}, {count} terms, error {nstr(error, 2)}:")
        print("  " + ", ".join(nstr(c, 9) if error > 1e-12 else repr(float(c)) for c in coefficients))
