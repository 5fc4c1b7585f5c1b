"""Recurrent layers and loops in PyTorch, for torch_oracle.py. Layers that are masked are written out by steps, as are loops."""

import torch

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
KINDS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


def weights(p, path, layer=0, suffix=""):
    names = [f"{path}.{kind}_l{layer}{suffix}" for kind in KINDS]
    return [p[name] for name in names if name in p]


def whole(p, path, x, kind, units, reverse=False, both=False, first=None):
    """By PyTorch's own loops, of all layers at once: their results, and what the last step leaves."""
    layers, n = len(units), len(x)
    zeros = torch.zeros(layers * (1 + both), n, units[0])
    hx = first if first is not None else (zeros, zeros) if kind is torch.lstm else zeros
    flat = [w for k in range(layers) for suffix in ["", "_reverse"][: 1 + both] for w in weights(p, path, k, suffix)]
    turned = x.flip(1) if reverse else x
    y, *left = kind(turned, hx, flat, f"{path}.bias_ih_l0" in p, layers, 0.0, False, both, True)
    return y.flip(1) if reverse else y, left


def steps(p, path, x, cell, layer=0, suffix="", reverse=False, there=None, first=None):
    """One layer, step by step: all that it carries at each step."""
    w = weights(p, path, layer, suffix)
    units = w[1].shape[1]
    zeros = torch.zeros(len(x), units)
    h = first if first is not None else (zeros, zeros) if cell is torch.lstm_cell else zeros
    found = [None] * x.shape[1]
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        after = cell(x[:, t], h, *w) if len(w) == 4 else cell(x[:, t], h, *w, None, None)
        if there is not None:
            keep = lambda a, b: torch.where(there[:, t : t + 1], a, b)
            after = tuple(map(keep, after, h)) if isinstance(h, tuple) else keep(after, h)
        h = found[t] = after
    if isinstance(h, tuple):
        return [torch.stack(part, 1) for part in zip(*found)]
    return torch.stack(found, 1)


def recurrence(i, p):
    x, other, there = i["x"], i["other"], i["mask"] == 1
    n = len(x)
    plain, _ = whole(p, "plain", x, torch.rnn_tanh, [4])
    backward = x
    for k in range(2):
        backward = steps(p, "backward", backward, torch.rnn_relu_cell, k, reverse=True)
    g0 = steps(p, "gated", x, torch.gru_cell, 0, there=there)
    gated = steps(p, "gated", g0, torch.gru_cell, 1, there=there)
    e0 = steps(p, "encoder", x, torch.lstm_cell, 0, there=there)
    e1 = steps(p, "encoder", e0[0], torch.lstm_cell, 1, there=there)
    decoder = steps(p, "decoder", other, torch.lstm_cell, 0, first=(e0[0][:, -1], e0[1][:, -1]))[0]
    decoder = steps(p, "decoder", decoder, torch.lstm_cell, 1, first=(e1[0][:, -1], e1[1][:, -1]))[0]
    last, _ = whole(p, "last", other, torch.gru, [3], reverse=True, first=gated[:, -1][None])
    learned = steps(p, "learned", other, torch.lstm_cell, reverse=True, first=tuple(h.expand(n, 4) for h in p["h0"]))
    both = x
    for k in range(2):
        both = torch.cat(
            [
                steps(p, "both", both, torch.gru_cell, k, there=there),
                steps(p, "both", both, torch.gru_cell, k, "_reverse", reverse=True, there=there),
            ],
            -1,
        )
    long, _ = whole(p, "long", other, torch.lstm, [3], both=True)
    simple, _ = whole(p, "simple", x, torch.rnn_relu, [2], both=True)
    own = torch.cat(
        [
            whole(p, f"own.{path}.rnn", x, torch.rnn_relu, [2], reverse=reverse)[0]
            for path, reverse in [("forward", False), ("backward", True)]
        ],
        -1,
    )

    a, b, spun = x[:, 0], torch.ones(n, 1), []
    for t in range(6):
        a, b = a @ p["turn"] * 0.5 + x[:, t], b * torch.cos(a[:, 0:1] + x[:, t, 0:1] ** 2)
        spun.append((a, b))
    spun = [torch.stack(part, 1) for part in zip(*spun)]
    h, nested = torch.zeros(4), []
    for row in p["table"].flip(0):
        made, c = [], h[0]
        for entry in row * h[3]:
            c = torch.tanh(c + entry)
            made.append(c)
        h = torch.stack(made) + row
        nested.insert(0, h)
    nested = torch.stack(nested)

    loss = plain.sin().mean() + (backward**2).mean() + (gated**3).mean() + (e1[0] * e0[1][..., 0:3]).mean()
    loss = loss + (decoder**2).mean() + last.sin().mean() + (learned[0] * learned[1]).mean() + (both**2).mean()
    loss = loss + long.sin().mean() + (simple**2).mean() + (own**3).mean()
    loss = loss + (spun[0] ** 2 * spun[1]).mean() + (nested**2).mean()
    # Of what PyTorch differentiates once alone, the second derivative is taken of the same steps written out.
    stepped = (steps(p, "plain", x, torch.rnn_tanh_cell) ** 2).mean() + (gated**2).mean() + (spun[0] ** 2).mean()
    by_x = torch.autograd.grad(stepped, x, create_graph=True)[0]
    return (
        {
            "plain": plain,
            "backward": backward,
            "gated": gated,
            "encoder": e1[0],
            "cells": e0[1],
            "decoder": decoder,
            "last": last,
            "learned": torch.cat(learned, -1),
            "ends": torch.cat([part[:, 0] for part in learned], -1),
            "both": both,
            "long": long,
            "simple": simple,
            "own": own,
            "spun": torch.cat(spun, -1),
            "nested": nested,
            "by_x": by_x,
            "by_x_twice": torch.autograd.grad((by_x**2).sum(), x, create_graph=True)[0],
        },
        loss,
        {},
    )


def of_layer(path, kind, inputs, units, bias=True, both=False):
    """The shapes of a layer's parameters by their paths."""
    found = {}
    for k, n in enumerate(units):
        width = inputs if k == 0 else units[k - 1] * (1 + both)
        rows = GATES[kind] * n
        for suffix in ["", "_reverse"][: 1 + both]:
            shapes = [[rows, width], [rows, n], [rows], [rows]]
            for name, shape in list(zip(KINDS, shapes))[: 4 if bias else 2]:
                found[f"{path}.{name}_l{k}{suffix}"] = shape
    return found


def case(real, whole_numbers):
    """Function, inputs and parameters."""
    shapes = {
        "h0": [2, 4],
        "turn": [3, 3],
        "table": [5, 4],
        **of_layer("plain", "rnn", 3, [4]),
        **of_layer("backward", "rnn", 3, [4, 3], bias=False),
        **of_layer("gated", "gru", 3, [4, 3]),
        **of_layer("encoder", "lstm", 3, [4, 3]),
        **of_layer("decoder", "lstm", 2, [4, 3]),
        **of_layer("last", "gru", 2, [3]),
        **of_layer("learned", "lstm", 2, [4]),
        **of_layer("both", "gru", 3, [3, 2], both=True),
        **of_layer("long", "lstm", 2, [3], both=True),
        **of_layer("simple", "rnn", 3, [2], bias=False, both=True),
        **of_layer("own.forward.rnn", "rnn", 3, [2]),
        **of_layer("own.backward.rnn", "rnn", 3, [2]),
    }
    inputs = {"x": real(["N", 6, 3], -2, 2), "other": real(["N", 4, 2], -2, 2), "mask": whole_numbers(["N", 6], 2)}
    return recurrence, inputs, {path: real(shape, -0.75, 0.75) for path, shape in shapes.items()}
