"""The order of long rows by PyTorch's stable sort, for test/order.test.ts: `python3 order_oracle.py > order.json`."""

import json
import math

import torch


def row(length, number):
    """Quarters that come again and again, both zeros, both infinities, and NaN in some places."""
    special = {3: math.nan, 17: math.inf, 31: -math.inf, 40: -0.0, 41: 0.0, 55: math.nan, 60: -0.0}
    return [special.get(i, (((i * 29 + number * 13) % 47) - 23) / 4 * 10 ** (i % 3)) for i in range(length)]


def places(length, number, descending):
    x = torch.tensor(row(length, number), dtype=torch.float64)
    return torch.sort(x, stable=True, descending=descending).indices.tolist()


LENGTHS = [63, 64, 65, 257]
print(
    json.dumps(
        {
            n: {way: [places(n, number, way == "falling") for number in range(2)] for way in ("rising", "falling")}
            for n in LENGTHS
        }
    )
)
