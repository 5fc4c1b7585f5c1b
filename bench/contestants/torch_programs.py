"""Programs that are no dense nets, as PyTorch's users write them.

Each function gets the parameters by nndsl's paths and the job's settings, and returns what takes the
inputs by their names: the output for inference, the loss for a step.
"""

import math

import torch
import torch.nn.functional as F


def linear(parameters, path, x):
    return F.linear(x, parameters[f"{path}.weight"], parameters[f"{path}.bias"])


def norm(parameters, path, x):
    return F.layer_norm(x, x.shape[-1:], parameters[f"{path}.weight"], parameters[f"{path}.bias"])


def transformer(p, settings):
    heads, blocks = int(settings["heads"]), int(settings["blocks"])

    def block(path, x):
        rows, steps, width = x.shape
        qkv = linear(p, f"{path}.mixed.qkv", norm(p, f"{path}.before", x))
        q, k, v = (part.view(rows, steps, heads, width // heads).transpose(1, 2) for part in qkv.chunk(3, -1))
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(width // heads), -1)
        mixed = (weights @ v).transpose(1, 2).reshape(rows, steps, width)
        h = x + linear(p, f"{path}.mixed.out", mixed)
        return h + linear(p, f"{path}.down", F.gelu(linear(p, f"{path}.up", norm(p, f"{path}.after", h))))

    def logits(x):
        for i in range(blocks):
            x = block(f"h.{i}", x)
        return linear(p, "logits", x.mean(1))

    return classifier(logits)


def classifier(logits):
    return lambda x: torch.softmax(logits(x), -1), lambda x, y: F.cross_entropy(logits(x), y)


def attention(_, settings):
    scale = math.sqrt(settings["width"])
    return lambda q, k, v: torch.softmax(q @ k.transpose(-2, -1) / scale, -1) @ v, None


def recurrent(kind):
    def program(p, settings):
        module = kind(int(settings["inputs"]), int(settings["units"]), batch_first=True)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(module, f"{name}_l0", p[name])
        module.flatten_parameters()
        return classifier(lambda x: linear(p, "logits", module(x)[0][:, -1]))

    return program


def rows_towards(output):
    """A function of rows, trained towards given ones."""
    return output, lambda x, y: F.mse_loss(output(x), y)


def softmax_rows(p, _):
    return rows_towards(lambda x: torch.softmax(p["weight"] * x, -1))


def layer_norm(p, settings):
    return rows_towards(lambda x: F.layer_norm(x, x.shape[-1:], p["weight"], p["bias"], settings["eps"]))


def batch_norm(p, settings):
    return rows_towards(
        lambda x: F.batch_norm(x, None, None, p["weight"], p["bias"], training=True, eps=settings["eps"])
    )


def chain(p, _):
    def output(x):
        h = x
        for _ in range(10):
            h = h * p["weight"] + x
        return h

    return output, lambda x: output(x).mean()


def classes(p, _):
    return classifier(lambda x: linear(p, "logits", x))


def pinn(p, _):
    def solution(t):
        return linear(p, "u", torch.tanh(linear(p, "h.1", torch.tanh(linear(p, "h.0", t)))))

    def loss(t):
        t = t.detach().requires_grad_()
        u = solution(t)
        (velocity,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        (acceleration,) = torch.autograd.grad(velocity.sum(), t, create_graph=True)
        return ((acceleration + u) ** 2).mean() + u[0, 0] ** 2 + (velocity[0, 0] - 1) ** 2

    return solution, loss


PROGRAMS = {
    "transformer": transformer,
    "attention": attention,
    "lstm": recurrent(torch.nn.LSTM),
    "lstm-beforehand": recurrent(torch.nn.LSTM),
    "gru": recurrent(torch.nn.GRU),
    "softmax-rows": softmax_rows,
    "layer-norm": layer_norm,
    "batch-norm": batch_norm,
    "chain": chain,
    "classes": classes,
    "pinn": pinn,
}
