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


def images(x, layout):
    """Rows of channels, as the job has them, as a convolution wants them."""
    x = x.permute(0, 3, 1, 2)
    return x if layout == torch.channels_last else x.contiguous()


def convolve(p, path, x, **options):
    return F.conv2d(x, p[f"{path}.weight"], p[f"{path}.bias"], **options)


def in_layout(p, layout):
    """Weights of convolutions in the layout of the images: made once."""
    for path, weight in p.items():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=layout)


def digits_conv(p, _, layout=torch.contiguous_format):
    in_layout(p, layout)

    def logits(x):
        h = F.max_pool2d(F.relu(convolve(p, "first", images(x, layout))), 2)
        h = F.max_pool2d(F.relu(convolve(p, "second", h)), 2)
        return linear(p, "logits", h.permute(0, 2, 3, 1).reshape(len(x), -1))

    return classifier(logits)


def block(p, _, layout=torch.contiguous_format):
    in_layout(p, layout)

    def logits(x):
        x = images(x, layout)
        h = convolve(p, "second", F.relu(convolve(p, "first", x, padding=1)), padding=1)
        return linear(p, "logits", F.relu(x + h).mean((2, 3)))

    return classifier(logits)


def mobile(p, _, layout=torch.contiguous_format):
    in_layout(p, layout)

    def logits(x):
        x = images(x, layout)
        h = F.relu(convolve(p, "depthwise", x, padding=1, groups=x.shape[1]))
        return linear(p, "logits", F.relu(convolve(p, "pointwise", h)).mean((2, 3)))

    return classifier(logits)


def gpt(p, settings):
    heads, blocks, steps = (int(settings[name]) for name in ("heads", "blocks", "steps"))
    hidden = torch.ones(steps, steps, dtype=torch.bool).triu(1)

    def block(path, x):
        rows, steps, width = x.shape
        own = f"{path}.self_attn"
        z = F.linear(norm(p, f"{path}.norm1", x), p[f"{own}.in_proj_weight"], p[f"{own}.in_proj_bias"])
        q, k, v = (part.view(rows, steps, heads, width // heads).transpose(1, 2) for part in z.chunk(3, -1))
        scores = (q @ k.transpose(-2, -1) / math.sqrt(width // heads)).masked_fill(hidden, -math.inf)
        mixed = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(rows, steps, width)
        h = x + linear(p, f"{own}.out_proj", mixed)
        up = F.gelu(linear(p, f"{path}.linear1", norm(p, f"{path}.norm2", h)), approximate="tanh")
        return h + linear(p, f"{path}.linear2", up)

    def logits(ids):
        h = p["table"][ids] + p["places"]
        for i in range(blocks):
            h = block(f"h.{i}", h)
        return F.linear(norm(p, "last", h), p["logits.weight"])

    return (
        lambda ids: torch.softmax(logits(ids), -1),
        lambda ids, y: F.cross_entropy(logits(ids).flatten(0, 1), y.flatten()),
    )


def embedding(p, _):
    """The gradient of the table has the rows that were looked up, and no others."""

    def logits(ids):
        return linear(p, "logits", F.embedding(ids, p["table"], sparse=True).mean(1))

    return (
        lambda ids: torch.softmax(logits(ids), -1),
        lambda ids, y: F.cross_entropy(logits(ids), y),
    )


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
    "gru": recurrent(torch.nn.GRU),
    "softmax-rows": softmax_rows,
    "layer-norm": layer_norm,
    "batch-norm": batch_norm,
    "chain": chain,
    "classes": classes,
    "pinn": pinn,
    "digits-conv": digits_conv,
    "block": block,
    "mobile": mobile,
    "gpt": gpt,
    "embedding": embedding,
}

# Those that can be written in two layouts.
CONVOLUTIONS = {"digits-conv", "block", "mobile"}
