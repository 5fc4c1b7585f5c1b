"""Values of the vector functions to 17 digits, from 60 digits of mpmath: python3 test/oracle/transcendental.py > test/oracle/transcendental.json"""
import json
import random
import struct

from mpmath import mp, mpf, inf

mp.dps = 60
random.seed(1)


def spread(low, high, count):
    """Numbers whose exponents are spread evenly, both signs where low is negative."""
    out = []
    for _ in range(count):
        x = 2.0 ** random.uniform(low, high)
        out.append(random.choice([x, -x]))
    return out


def even(low, high, count):
    return [random.uniform(low, high) for _ in range(count)]


def softplus(x):
    return mp.log1p(mp.exp(x))


functions = {
    "exp": (mp.exp, even(-740, 709, 60) + spread(-40, 3, 40)),
    "expm1": (mp.expm1, even(-40, 709, 40) + spread(-60, 3, 60)),
    "log": (mp.log, [abs(x) for x in spread(-1070, 1020, 60) + even(0.5, 2, 40)] + [5e-324, 1 + 2**-52, 1 - 2**-53]),
    "log1p": (mp.log1p, [abs(x) for x in spread(-60, 1000, 60)] + even(-0.999, 1, 40) + spread(-60, -20, 20)),
    "tanh": (mp.tanh, even(-20, 20, 40) + spread(-60, 3, 60)),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), even(-700, 40, 60) + spread(-40, 3, 40)),
    "softplus": (softplus, even(-700, 700, 60) + spread(-40, 3, 40)),
    "erf": (mp.erf, even(-6, 6, 80) + spread(-60, 2, 60)),
    "sin": (mp.sin, even(-10, 10, 40) + spread(-30, 20, 40) + spread(20, 1020, 40) + [3.141592653589793, 1e5, 6381956970095103 * 2.0**797]),
    "cos": (mp.cos, even(-10, 10, 40) + spread(-30, 20, 40) + spread(20, 1020, 40) + [1.5707963267948966, 1e5, 6381956970095103 * 2.0**797]),
}


def within(points):
    return [x for x in points if 1e-3 < abs(x) < 0.99]


functions |= {
    "asin": (mp.asin, even(-1, 1, 60) + spread(-60, 0, 40)),
    "acos": (mp.acos, even(-1, 1, 60) + spread(-60, 0, 40)),
    "atan": (mp.atan, even(-5, 5, 60) + spread(-60, 60, 60)),
    "sinh": (mp.sinh, even(-710, 710, 60) + spread(-60, 3, 60)),
    "cosh": (mp.cosh, even(-710, 710, 60) + spread(-60, 3, 60)),
    "asinh": (mp.asinh, even(-10, 10, 60) + spread(-60, 1000, 60)),
    "acosh": (mp.acosh, even(1, 10, 60) + [abs(x) for x in spread(1, 1000, 60)] + [1 + abs(x) for x in spread(-50, 0, 40)]),
    "atanh": (mp.atanh, even(-1, 1, 60) + spread(-60, 0, 60)),
    "erfinv": (mp.erfinv, within(even(-1, 1, 80)) + spread(-60, -1, 40)),
    "lgamma": (lambda x: mp.re(mp.loggamma(x)), even(2.1, 50, 60) + even(0, 0.9, 40) + even(1.1, 1.9, 20) + [abs(x) for x in spread(-1000, 1000, 60)]),
}


def value(f, x):
    y = f(mpf(x))
    return float(y)


result = {name: [[x, value(f, x)] for x in points] for name, (f, points) in functions.items()}

pairs = []
while len(pairs) < 200:
    x = 2.0 ** random.uniform(-20, 20) if len(pairs) % 2 else random.uniform(0.5, 2)
    y = random.uniform(-30, 30) if len(pairs) % 3 else random.uniform(-700, 700)
    z = mp.power(mpf(x), mpf(y))
    if mpf(2) ** -1021 < z < mpf(2) ** 1023:
        pairs.append([x, y, float(z)])
result["pow"] = pairs
angles = [(x, y) for x, y in zip(spread(-500, 500, 100) + even(-5, 5, 100), spread(-500, 500, 100) + even(-5, 5, 100))]
result["atan2"] = [[y, x, float(mp.atan2(mpf(y), mpf(x)))] for y, x in angles]
print("{")
print(",\n".join(f'  "{name}": {json.dumps(rows)}' for name, rows in result.items()))
print("}")
