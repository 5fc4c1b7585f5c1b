"""Convolutions and pools in PyTorch, for torch_oracle.py: channels are last here and second there, and paddings may differ at the ends."""

import math

import torch
import torch.nn.functional as F

SEQUENCES = {"x": [7, 4], "y": [6, 4], "s": [1, 4]}
PLANES = {"x": [7, 6, 4], "s": [1, 5, 2], "t": [8, 3]}

# Name: layer, input, channels, kernel, and what differs from the defaults.
OF_SEQUENCES = {
    "a0": ("conv", "y", 6, 2, dict(dilation=2, groups=2)),
    "a1": ("conv", "x", 4, 3, dict(stride=2, padding=(0, 1), groups=4)),
    "a2": ("conv", "y", 3, 5, dict(stride=3, padding=(2, 1))),
    "a3": ("conv", "s", 6, 1, dict(padding="same", groups=2)),
    "a4": ("conv", "x", 3, 1, dict(stride=2, padding=1, dilation=2, bias=False)),
    "a5": ("conv", "s", 4, 2, dict(stride=3, padding=1, dilation=2, groups=4)),
    "a6": ("conv", "x", 6, 5, dict(stride=2, padding=(2, 1), dilation=2, groups=2)),
    "a7": ("conv", "y", 3, 3, dict(padding=(0, 1), dilation=2)),
    "a8": ("conv", "x", 3, 2, dict(stride=2)),
    "a9": ("conv", "y", 4, 5, dict(padding="same", dilation=2, groups=4, bias=False)),
    "a10": ("conv", "x", 6, 3, dict(stride=3, padding=1, groups=2)),
    "a11": ("conv", "s", 4, 1, dict(stride=3, dilation=2, groups=4)),
    "a12": ("conv", "s", 4, 3, dict(padding=(2, 1), groups=4)),
    "a13": ("conv", "y", 6, 1, dict(stride=3, padding=(0, 1), dilation=2, groups=2)),
    "a14": ("conv", "x", 3, 2, dict(padding="same", bias=False)),
    "a15": ("conv", "s", 3, 1, dict(stride=2, padding=(2, 1))),
    "a16": ("conv", "y", 6, 5, dict(padding=1, groups=2)),
    "a17": ("conv", "s", 6, 2, dict(stride=3, padding=(0, 1), groups=2)),
    "a18": ("conv", "y", 6, 3, dict(stride=2, dilation=2, groups=2)),
    "a19": ("conv", "x", 6, 5, dict(stride=2, groups=2, bias=False)),
    "a20": ("conv", "s", 4, 2, dict(stride=2, padding=(2, 1), dilation=2, groups=4)),
    "a21": ("conv", "s", 6, 3, dict(padding="same", dilation=2, groups=2)),
    "a22": ("conv", "s", 4, 5, dict(padding="same", groups=4)),
    "a23": ("conv", "y", 4, 5, dict(stride=3, padding=(0, 1), groups=4)),
    "b0": ("conv_transpose", "y", 3, 5, dict(stride=2, dilation=2, output_padding=1)),
    "b1": ("conv_transpose", "x", 3, 3, dict(stride=3, padding=(0, 1))),
    "b2": ("conv_transpose", "y", 4, 2, dict(padding=(2, 1), groups=4)),
    "b3": ("conv_transpose", "x", 6, 1, dict(padding=1, dilation=2, groups=2)),
    "b4": ("conv_transpose", "s", 6, 3, dict(stride=2, groups=2, output_padding=1, bias=False)),
    "b5": ("conv_transpose", "s", 4, 5, dict(stride=3, padding=(0, 1), dilation=2, groups=4)),
    "b6": ("conv_transpose", "s", 3, 5, dict(padding="same")),
    "b7": ("conv_transpose", "x", 4, 1, dict(stride=2, padding=1, groups=4)),
    "b8": ("conv_transpose", "y", 6, 2, dict(stride=3, padding=(0, 1), dilation=2, groups=2, output_padding=1)),
    "b9": ("conv_transpose", "y", 3, 1, dict(stride=3, padding=(2, 1), dilation=2, bias=False)),
    "b10": ("conv_transpose", "y", 4, 3, dict(padding="same", dilation=2, groups=4)),
    "b11": ("conv_transpose", "x", 6, 5, dict(stride=2, padding=(2, 1), dilation=2, groups=2)),
    "b12": ("conv_transpose", "s", 3, 2, dict(stride=3, padding=1, dilation=2, output_padding=1)),
    "b13": ("conv_transpose", "x", 4, 2, dict(stride=3, dilation=2, groups=4)),
    "b14": ("conv_transpose", "s", 6, 1, dict(dilation=2, groups=2, bias=False)),
    "b15": ("conv_transpose", "x", 6, 2, dict(padding="same", groups=2)),
    "b16": ("conv_transpose", "y", 4, 2, dict(stride=2, padding=1, dilation=2, groups=4, output_padding=1)),
    "b17": ("conv_transpose", "x", 6, 1, dict(padding=(0, 1), dilation=2, groups=2)),
    "b18": ("conv_transpose", "s", 4, 3, dict(padding=(2, 1), dilation=2, groups=4)),
    "b19": ("conv_transpose", "s", 3, 3, dict(stride=2, padding=(0, 1), bias=False)),
    "b20": ("conv_transpose", "x", 6, 1, dict(padding="same", dilation=2, groups=2)),
    "b21": ("conv_transpose", "x", 3, 3, dict(stride=3, padding=1, dilation=2)),
    "b22": ("conv_transpose", "x", 6, 5, dict(padding=1, groups=2)),
}
OF_PLANES = {
    "plain": ("conv", "x", 5, (3, 3), dict()),
    "kept": ("conv", "x", 5, (3, 2), dict(padding="same")),
    "wide": ("conv", "x", 3, (1, 5), dict(stride=(1, 2), padding=(1, 2))),
    "far": ("conv", "x", 6, (3, 3), dict(stride=2, padding=2, dilation=2, groups=2)),
    "apart": ("conv", "x", 4, (5, 5), dict(padding="same", groups=4, bias=False)),
    "twice": ("conv", "x", 8, (3, 3), dict(stride=2, padding=1, groups=4)),
    "points": ("conv", "x", 7, (1, 1), dict()),
    "thin": ("conv", "s", 3, (1, 3), dict(stride=3, dilation=(1, 2))),
    "stacked": ("conv", "x", 3, (2, 2), dict()),
    "back": ("conv_transpose", "x", 3, (3, 3), dict(stride=2, padding=1, output_padding=1)),
    "back_far": ("conv_transpose", "x", 6, (2, 3), dict(stride=(3, 1), dilation=2, groups=2)),
    "back_apart": ("conv_transpose", "s", 2, (3, 3), dict(stride=2, padding=(0, 1), groups=2, bias=False)),
    "back_kept": ("conv_transpose", "s", 4, (3, 4), dict(padding="same")),
    "q": ("conv", "x", 4, (1, 1), dict()),
}
POOLS = {
    "max_halved": ("max", "q", 2, 2, 0),
    "max_over": ("max", "q", 3, 2, 1),
    "max_mixed": ("max", "q", (1, 4), (2, 1), (0, 2)),
    "max_line": ("max", "t", 3, 3, 0),
    "max_line_over": ("max", "t", 4, 3, 2),
    "mean_halved": ("avg", "q", 2, 2, 0),
    "mean_over": ("avg", "q", 3, 2, 1),
    "mean_mixed": ("avg", "q", (2, 3), 1, 0),
    "mean_line": ("avg", "t", 2, 3, 0),
}


def parameters(layers, shapes):
    """The shapes of weights and biases, by path."""
    found = {}
    for name, (layer, given, channels, kernel, options) in layers.items():
        inputs, groups = shapes[given][-1], options.get("groups", 1)
        kernel = [kernel] if isinstance(kernel, int) else list(kernel)
        ends = [channels, inputs // groups] if layer == "conv" else [inputs, channels // groups]
        found[f"{name}.weight"] = [*ends, *kernel]
        if options.get("bias", True):
            found[f"{name}.bias"] = [channels]
    return found


def borders(padding, reach):
    if padding == "same":
        return reach // 2, reach - reach // 2
    return padding if isinstance(padding, tuple) else (padding, padding)


def first(z):
    return z.movedim(-1, 1)


def last(z):
    return z.movedim(1, -1)


def padded(z, ends, value=0):
    """F.pad wants the last axis first."""
    return F.pad(z, [n for end in reversed(ends) for n in end], value=value)


def convolution(p, name, layer, x, kernel, stride=1, padding=0, dilation=1, groups=1, output_padding=0, bias=True):
    weight, b = p[f"{name}.weight"], p[f"{name}.bias"] if bias else None
    axes = weight.dim() - 2
    each = lambda v: [v] * axes if isinstance(v, int) else list(v)
    ends = [borders(padding, d * (k - 1)) for k, d in zip(each(kernel), each(dilation))]
    z = first(x)
    if layer == "conv":
        of = F.conv1d if axes == 1 else F.conv2d
        return last(of(padded(z, ends), weight, b, stride, 0, dilation, groups))
    of = F.conv_transpose1d if axes == 1 else F.conv_transpose2d
    z = of(z, weight, b, stride, 0, output_padding, groups, dilation)
    return last(padded(z, [(-before, -after) for before, after in ends]))


def pool(kind, x, size, stride, padding):
    z = first(x)
    axes = z.dim() - 2
    z = padded(z, [borders(padding, 0)] * axes, -math.inf if kind == "max" else 0)
    return last(getattr(F, f"{kind}_pool{axes}d")(z, size, stride))


def slopes(outputs, inputs):
    """The outputs, with the gradient of the sum of their sines, and of the sum of its squares; and a loss of both."""
    of = lambda scalar: torch.autograd.grad(scalar, list(inputs.values()), create_graph=True)
    total = sum(torch.sin(z).sum() for z in outputs.values())
    flows = of(total)
    squares = sum((g**2).sum() for g in flows)
    outputs.update({f"{name}_d": g for name, g in zip(inputs, flows)})
    outputs.update({f"{name}_dd": g for name, g in zip(inputs, of(squares))})
    return outputs, (total + squares) / len(flows[0]), {}


def convolutions(i, p):
    outputs = {
        name: convolution(p, name, layer, i[given], kernel, **options)
        for name, (layer, given, _, kernel, options) in OF_SEQUENCES.items()
    }
    return slopes(outputs, i)


def planes(i, p):
    x, t = i["x"], i["t"]
    outputs = {}
    for name, (layer, given, _, kernel, options) in OF_PLANES.items():
        if name == "stacked":
            made = [convolution(p, name, layer, z, kernel, **options) for z in [x, x**2]]
            outputs[name] = torch.stack(made, 1)
        else:
            outputs[name] = convolution(p, name, layer, i[given], kernel, **options)
    given = {"q": x * outputs.pop("q"), "t": t}
    for name, (kind, of, *options) in POOLS.items():
        outputs[name] = pool(kind, given[of], *options)
    q = given["q"]
    outputs["max_all"], outputs["mean_all"] = q.amax((1, 2)), q.mean((1, 2))
    outputs["max_steps"], outputs["mean_steps"] = t.amax(1), (t**2).mean(1)
    return slopes(outputs, i)
