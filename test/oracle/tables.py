"""Rows of tables, what runs along an axis, order, and upsampling in PyTorch, for torch_oracle.py."""

import math

import torch
import torch.nn.functional as F


def grown(x, **options):
    """Channels are last here and second there."""
    return F.interpolate(x.movedim(-1, 1), **options).movedim(1, -1)


def larger(x, mode="nearest", **options):
    return grown(x, mode=mode, **({} if mode == "nearest" else {"align_corners": False}), **options)


def tables(i, p):
    x, ids, picks, table = i["x"], i["ids"].long(), i["picks"].long(), p["table"]
    n = len(x)
    e = F.embedding(ids, p["e.weight"])
    taken = table[picks]
    some = table[[6, 0, 6]]
    clipped = table[ids.clamp(max=6)]
    o = {
        "embedded": e,
        "taken": taken,
        "some": some,
        "clipped": clipped,
        "entries": table[:, 0, 1][ids[:, 1:3] - ids[:, 1:3]],
    }
    loss = (e**2).sum() / n + taken.sin().mean() + (e[:, 0] * e[:, 1] ** 2).mean() + (clipped**3).mean()
    loss = loss + some.exp().sum() + (taken[:, 0, 0] * taken[:, 1, 1]).sum() / n

    s, q = x * p["sum_at"], x * p["prod_at"]
    holes = torch.where(x > 0.7, torch.zeros(()), q)
    o |= {
        "sums": s.cumsum(-1),
        "sums_down": s.cumsum(1),
        "prods": q.cumprod(2),
        "prods_down": q.cumprod(1),
        "with_zeros": holes.cumprod(2),
        "counted": torch.tensor([3, 4, 6]),
    }
    loss = loss + o["sums"].sin().mean() + (o["sums_down"] ** 2).mean() + (o["prods"] ** 2).mean()
    loss = loss + o["prods_down"].sin().mean() + (o["with_zeros"] ** 2).mean() + (table.cumsum(0) ** 2).mean()

    r = x * p["order_at"]
    weights = torch.arange(1.0, 6.0)
    nan = torch.tensor([2, 1, 2, 1, math.nan])
    top = r.topk(3)
    o |= {
        "sorted": r.sort().values,
        "falling": r.sort(1, descending=True).values,
        "order": r.argsort(1),
        "falling_order": r.argsort(-1, descending=True),
        "top_values": top.values,
        "top_indices": top.indices,
        "one": r.topk(1, 1).values,
        "ties": torch.sort(nan, stable=True, dim=0, descending=True).indices,
        "rising_ties": torch.sort(nan, stable=True, dim=0).indices,
    }
    loss = loss + (o["sorted"] * weights).mean() + (o["falling"] ** 3).mean()
    loss = loss + (top.values**2 * torch.tensor([3.0, 2.0, 1.0])).mean() + o["one"].sin().mean()

    plane, line = i["plane"] * p["plane_at"], i["line"] * p["line_at"]
    o |= {
        "plane2": larger(plane, scale_factor=2),
        "plane_to": larger(plane, size=[5, 7]),
        "plane_bilinear": larger(plane, "bilinear", scale_factor=2),
        "plane_bilinear_to": larger(plane, "bilinear", size=[5, 9]),
        "plane_smaller": larger(plane, "bilinear", size=[2, 3]),
        "line3": larger(line, scale_factor=3),
        "line_linear": larger(line, "linear", scale_factor=3),
        "line_to": larger(line, "linear", size=7),
    }
    loss = loss + (o["plane2"] ** 2).mean() + (o["plane_to"] ** 3).mean() + o["plane_bilinear"].sin().mean()
    loss = loss + (o["plane_bilinear_to"] ** 2).mean() + (o["plane_smaller"] ** 3).mean()
    loss = loss + (o["line3"] ** 3).mean() + (o["line_linear"] ** 2).mean() + o["line_to"].sin().mean()

    first = lambda of, wrt=x: torch.autograd.grad(of, wrt, create_graph=True)[0]
    second = lambda of: first((first(of) ** 2).sum())
    o |= {
        "sums_d": first((o["sums"] ** 2).sum()),
        "prods_d": first((o["prods"] ** 2).sum()),
        "zeros_d": first((o["with_zeros"] ** 2).sum()),
        "zeros_dd": second((o["with_zeros"] ** 2).sum()),
        "order_d": first((o["sorted"] ** 3 * weights).sum() + (o["falling"] ** 2).sum()),
        "order_dd": second((o["top_values"] ** 3).sum()),
        "plane_d": first((o["plane_bilinear_to"] ** 2).sum(), i["plane"]),
    }
    return o, loss, {}


def case(real, whole):
    """Function, inputs and parameters."""
    inputs = {
        "x": real(["N", 3, 5], -2, 2),
        "plane": real(["N", 3, 4, 2], -1, 1),
        "line": real(["N", 5, 2], -1, 1),
        "ids": whole(["N", 4], 11),
        "picks": whole(["N", 2, 2], 7),
    }
    shapes = {"sum_at": [3, 5], "prod_at": [3, 5], "order_at": [3, 5], "plane_at": [3, 4, 2], "line_at": [5, 2]}
    scales = {name: real(shape, 0.5, 1.5) for name, shape in shapes.items()}
    return tables, inputs, {"e.weight": real([11, 3], -1, 1), "table": real([7, 2, 3], -1, 1), **scales}
