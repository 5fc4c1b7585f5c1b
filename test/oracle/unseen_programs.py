"""What the scripts about programs with scans and training share: how a program is written down, and what a scan means."""
import torch
import torch.nn.functional as F
import unseen_oracle
from unseen_oracle import case


def program(name, src, inputs=None, params=None, **more):
    """The function that follows gives its outputs, its loss and its metrics, of inputs, parameters and the batch."""
    return lambda fn: case(name, src, fn, inputs, params, **more)


def inp(*shape, kind="g", **more):
    """An input: numbers of few digits unless told."""
    return unseen_oracle.inp(*shape, kind=kind, **more)


def linear(x, p, n):
    return F.linear(x, p[n + ".weight"], p[n + ".bias"])


def affine(name, rows, columns):
    """The parameters of `dense`."""
    return {name + ".weight": [rows, columns], name + ".bias": [rows]}


def along(xs, first, body, axis=1, reverse=False):
    """What a scan means, by PyTorch alone, of lists: the carried values after each place."""
    n = xs[0].shape[axis]
    c, all = first, [None] * n
    for t in reversed(range(n)) if reverse else range(n):
        c = body(c, [x.select(axis, t) for x in xs])
        all[t] = c
    return [torch.stack(v, axis) for v in zip(*all)]


def scanned(x, first, body, axis=1, reverse=False):
    return along([x], [first], lambda c, v: [body(c[0], v[0])], axis, reverse)[0]
