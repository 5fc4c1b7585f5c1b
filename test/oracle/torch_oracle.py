"""Writes torch.json: losses, outputs, gradients and trajectories of the programs beside this file, as PyTorch computes them in f64.

    python3 torch_oracle.py            writes torch.json
    python3 torch_oracle.py --check    recomputes it and compares with the committed file to 1e-10; exit 1 where they differ

Every program is written a second time here, by hand, in PyTorch. Inputs and parameters come from `draw`, integer arithmetic that the
test beside it repeats bit for bit, so the file holds results only.
"""

import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch.nn.utils.stateless import functional_call

import convolutions as conv
from recurrence import case as recurrence_case
from tables import case as tables_case

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

HERE = pathlib.Path(__file__).parent
BATCHES = [1, 3, 5, 17, 64]
STEPS = 50
LIMIT = 64  # entries of a tensor kept in full; of larger ones every k-th, with the sum over all


# Data: the same on both sides. Values are odd multiples of a power of two, so that they are exact in f32 and never hit a kink.


def mix(stream, index):
    """32 bits for entry `index` of a stream: MurmurHash3's finalizer."""
    h = (index * 0x9E3779B1 + stream * 0x85EBCA77) & 0xFFFFFFFF
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


def draw(spec, n):
    """A tensor of `spec`: uniform in (low, high) on a grid, whole numbers 0 … classes - 1, or one of some choices."""
    shape = [n if size == "N" else size for size in spec["shape"]]
    bits = [mix(spec["stream"], i) >> 16 for i in range(math.prod(shape))]
    if "classes" in spec:
        values = [b * spec["classes"] >> 16 for b in bits]
    elif "choices" in spec:
        values = [spec["choices"][b * len(spec["choices"]) >> 16] for b in bits]
    else:
        width = spec["high"] - spec["low"]
        values = [spec["low"] + width * (2 * b + 1) / 131072 for b in bits]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def real(shape, low, high):
    return {"shape": shape, "low": low, "high": high}


def whole(shape, classes):
    return {"shape": shape, "classes": classes}


def numbers(values):
    """JSON has no NaN and no infinity: they are written as strings."""
    return [float(f"{v:.15g}") if math.isfinite(v) else str(v) for v in values]


def digest(tensor):
    """Shape, entries (every `stride`-th), their sum and the sum of their absolute values."""
    flat = tensor.detach().to(torch.float64).reshape(-1)
    stride = max(1, -(-flat.numel() // LIMIT))
    stride += stride > 1 and stride % 2 == 0  # an odd stride meets every column
    return {
        "shape": list(tensor.shape),
        "stride": stride,
        "values": numbers(flat[::stride].tolist()),
        "sum": numbers([flat.sum().item(), flat.abs().sum().item()]),
    }


def gradient(scalar, tensor, create_graph=False):
    return torch.autograd.grad(scalar, tensor, retain_graph=True, create_graph=create_graph)[0]


# The programs.


def swish(z, alpha=1.0):
    return z * torch.sigmoid(alpha * z)


ELEMENTWISE_X = {
    "exp": torch.exp,
    "expm1": torch.expm1,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "relu": F.relu,
    "neg": torch.neg,
    "clamp": lambda z: torch.clamp(z, -1, 1),
}
ELEMENTWISE_U = {"log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal}
ACTIVATIONS = {
    "identity": torch.nn.Identity(),
    "leaky_relu": F.leaky_relu,
    "leaky_relu_steep": lambda z: F.leaky_relu(z, 0.25),
    "elu": F.elu,
    "elu_alpha": lambda z: F.elu(z, 0.5),
    "selu": F.selu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "swish": swish,
    "swish_alpha": lambda z: swish(z, 2),
    "silu": F.silu,
    "gelu": lambda z: F.gelu(z, approximate="tanh"),
    "gelu_erf": F.gelu,
    "mish": F.mish,
    "hard_sigmoid": lambda z: F.hardtanh(z + 3, 0, 6) / 6,  # F.hardsigmoid has its 1/6 in f32
    "hard_tanh": F.hardtanh,
    "softmax": lambda z: F.softmax(z, -1),
    "log_softmax": lambda z: F.log_softmax(z, -1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
}

EXTREMES = """sigmoid tanh softplus relu leaky_relu elu selu gelu gelu_erf swish silu mish softsign
    hard_sigmoid hard_tanh softmax log_softmax""".split()


def family(functions, at, c, p):
    """For each function: outputs `NAME_y` and `NAME_d` at the point `at`, scaled by the parameter `NAME_at`, and a loss term."""
    outputs, loss = {}, 0
    for name, function in functions.items():
        y = function(at * p[f"{name}_at"])
        outputs[f"{name}_y"] = y
        outputs[f"{name}_d"] = gradient((c * y).sum(), at)
        loss = loss + (c * y).mean()
    return outputs, loss


def elementwise(i, p):
    x, u, c = i["x"], i["u"], i["c"]
    outputs, loss = family(ELEMENTWISE_X, x, c, p)
    more, rest = family(ELEMENTWISE_U, u, c, p)
    flat = {
        "sign_y": torch.sign(x),
        "floor_y": torch.floor(x),
        "round_y": torch.round(x),
        "step_y": (x >= 0).double(),
        "not_y": torch.where(~(x > 0), x, 0.0),
        "truth_y": 2 * (x > 0).double(),
    }
    return {**outputs, **more, **flat}, loss + rest, {}


INVERSES_X = {name: getattr(torch, name) for name in "atan sinh cosh asinh".split()}
INVERSES_S = {name: getattr(torch, name) for name in "asin acos atanh erfinv".split()}
INVERSES_U = {name: getattr(torch, name) for name in "acosh lgamma digamma".split()}


def inverses(i, p):
    x, s, u, c = (i[name] for name in "xsuc")
    outputs, loss = {}, 0
    for functions, at in ((INVERSES_X, x), (INVERSES_S, s), (INVERSES_U, u)):
        for name, function in functions.items():
            y = function(at * p[f"{name}_at"])
            outputs[f"{name}_y"] = y
            outputs[f"{name}_d"] = gradient((c * y).sum(), at, create_graph=True)
            loss = loss + (c * y).mean()
    angle = torch.atan2(x * p["atan2_at"], c)
    outputs["atan2_y"] = angle
    outputs["atan2_d"] = gradient(angle.sum(), x, create_graph=True)
    outputs["atan2_e"] = gradient(angle.sum(), c)
    outputs["reflected"] = torch.lgamma(-u + 0.03125)
    for name, at in (("asinh", x), ("asin", s), ("lgamma", u), ("digamma", u), ("atan2", x)):
        outputs[f"{name}_dd"] = gradient((c * outputs[f"{name}_d"]).sum(), at)
    return outputs, loss + angle.mean(), {}


def activations(i, p):
    outputs, loss = family(ACTIVATIONS, i["x"], i["c"], p)
    return {**outputs, "step_y": (i["x"] >= 0).double()}, loss, {}


def arithmetic(i, p):
    x, v, u, s, c = (i[name] for name in "xvusc")
    row, column, scalar = p["row"], p["column"], p["scalar"]
    y = {
        "add": x + v * row,
        "sub": x * row - v,
        "mul": x * v * row,
        "div": x / (u * row),
        "pow": u ** (v * row),
        "max": torch.maximum(x, v * row),
        "min": torch.minimum(x, v * row),
        "square": (x * row) ** 2,
        "cube": (x * row) ** 3,
        "root": (u * row) ** 0.5,
        "inverse": (u * row) ** -1.5,
        "tower": -(u ** (2**0.5)),
        "column": x * s + s / row,
        "outer": column * row - scalar,
        "affine": scalar * x + 2,
        "where": torch.where(x < v, x * row, v**2),
        "logic": torch.where((x > 0) & (v > 0) | ~(u >= 1), x * row, -v),
        "compare": (x <= v).double() + 2 * (x >= u).double() + 4 * (x != v).double() + 8 * (x == x).double(),
    }
    at = {
        "add_d": ("add", v),
        "sub_d": ("sub", v),
        "mul_d": ("mul", v),
        "div_d": ("div", u),
        "pow_d": ("pow", u),
        "pow_e": ("pow", v),
        "max_d": ("max", v),
        "min_d": ("min", x),
        "square_d": ("square", x),
        "cube_d": ("cube", x),
        "root_d": ("root", u),
        "inverse_d": ("inverse", u),
        "tower_d": ("tower", u),
        "column_d": ("column", s),
        "where_d": ("where", v),
        "logic_d": ("logic", v),
    }
    outputs = {f"{name}_y": value for name, value in y.items()}
    outputs.update({name: gradient((c * y[of]).sum(), wrt) for name, (of, wrt) in at.items()})
    first = sum(y[name] for name in "add sub mul div pow max min square cube".split())
    second = sum(y[name] for name in "root inverse column affine where logic".split())
    return outputs, (c * first).mean() + (c * second).mean() + (y["outer"] ** 2).sum() / len(x), {}


def reductions(i, p):
    x, u = i["x"], i["u"]
    n = len(x)
    at = {name: x * p[f"{name}_at"] for name in "sum mean max min var logsumexp".split()}
    w = u * p["prod_at"]
    o = {
        "sum_all": at["sum"].sum(),
        "sum_batch": at["sum"].sum(0),
        "sum_last": at["sum"].sum(-1),
        "sum_pair": at["sum"].sum((1, 2)),
        "sum_ends": at["sum"].sum((0, 2), keepdim=True),
        "mean_all": at["mean"].mean(),
        "mean_batch": at["mean"].mean(0),
        "mean_last": at["mean"].mean(2, keepdim=True),
        "max_all": at["max"].max(),
        "max_batch": at["max"].amax(0),
        "max_last": at["max"].amax(-1),
        "min_all": at["min"].min(),
        "min_batch": at["min"].amin(0),
        "min_last": at["min"].amin(-1, keepdim=True),
        "prod_batch": u.prod(0),
        "prod_last": w.prod(-1),
        "prod_middle": x.prod(1),
        "var_last": at["var"].var(-1),
        "var_pair": at["var"].var((1, 2)),
        "logsumexp_all": at["logsumexp"].logsumexp((0, 1, 2)),
        "logsumexp_batch": at["logsumexp"].logsumexp(0),
        "logsumexp_last": at["logsumexp"].logsumexp(-1, keepdim=True),
        "argmax_last": x.argmax(-1),
        "argmax_middle": x.argmax(1),
        "argmax_batch": x.argmax(0),
    }
    sq = lambda name: (o[name] ** 2).sum()
    msq = lambda name: (o[name] ** 2).mean()
    loss = (sq("sum_all") + sq("sum_batch")) / n**2 + msq("sum_last") + msq("sum_pair") + sq("sum_ends") / n
    loss = loss + sq("mean_all") + sq("mean_batch") + msq("mean_last")
    loss = loss + sq("max_all") + sq("max_batch") + msq("max_last")
    loss = loss + sq("min_all") + sq("min_batch") + msq("min_last")
    loss = loss + msq("prod_last") + msq("var_last") + o["var_pair"].mean()
    loss = loss + o["logsumexp_all"] + sq("logsumexp_batch") + msq("logsumexp_last")
    d = {
        "sum_d": gradient(sq("sum_last"), x),
        "mean_d": gradient(sq("mean_batch"), x),
        "max_d": gradient(sq("max_last") + sq("max_batch"), x),
        "min_d": gradient(sq("min_last") + sq("min_batch"), x),
        "prod_d": gradient(sq("prod_last"), u),
        "prod_e": gradient(sq("prod_middle"), x),
        "var_d": gradient(sq("var_last"), x),
        "logsumexp_d": gradient(sq("logsumexp_batch"), x),
    }
    return {**o, **d}, loss, {}


def movement(i, p):
    x, y = i["x"], i["y"].long()
    n = len(x)
    table = p["table"]
    w = x * p["block"]
    first, tail, last, corner = w[:, 0], w[:, :, 1:3], w[..., -1], w[:, 1, -2:]
    strided, backwards, row = w[:, :, ::2], w.flip(1), w[0]
    flat = w.reshape(n, 6)
    o = {
        "first": first,
        "tail": tail,
        "last": last,
        "corner": corner,
        "strided": strided,
        "backwards": backwards,
        "row": row,
        "flat": flat,
        "swapped": w.permute(0, 2, 1),
        "turned": w.permute(2, 0, 1),
        "primed": flat.T,
        "joined": torch.cat([w, 2 * w, x[:, :1]], 1),
        "wide": torch.cat([flat, flat**2], -1),
        "piled": torch.stack([first, w[:, 1] ** 2], 1),
        "stretched": table[0].expand(n, 4) * x[:, 0, :1],
        "hot": F.one_hot(y, 5).double() @ table,
        "picked": (flat @ torch.ones(6, 5) * table[:, 0]).gather(1, y[:, None])[:, 0],
        "counted": flat * torch.arange(6.0) + 2 + n,
        "constants": math.pi * x[:, 0] + torch.tensor([1, math.e, 3]) - 1,
    }
    m = lambda name, power=2: (o[name] ** power).mean()
    s = lambda name, power=2: (o[name] ** power).sum()
    loss = m("first") + m("tail", 3) + m("last") + m("corner", 3) + m("strided") + m("backwards", 3)
    loss = loss + s("row") + m("flat", 3) + torch.sin(o["swapped"]).mean() + torch.cos(o["turned"]).mean()
    loss = loss + (o["primed"] * torch.arange(float(n)) / n).mean()
    loss = loss + m("joined") + torch.sin(o["wide"]).mean() + m("piled", 3) + m("stretched") + m("hot") + m("picked")
    loss = loss + m("counted")
    d = {
        "slices_d": gradient(
            s("first") + s("tail", 3) + s("last") + s("corner", 3) + s("strided") + s("backwards", 3), x
        ),
        "row_d": gradient(s("row"), x),
        "joins_d": gradient(s("joined") + torch.sin(o["wide"]).sum() + s("piled", 3), x),
        "picked_d": gradient(s("picked"), x),
    }
    return {**o, **d}, loss, {}


def products(i, p):
    x, a, b = i["x"], i["a"], i["b"]
    n = len(x)
    w, v, t, m, large = (p[name] for name in ["w", "v", "t", "m", "large"])
    o = {
        "plain": x @ w.T,
        "chain": x @ w.T @ t,
        "vector": x @ v,
        "batched": a @ b,
        "shared": a @ m,
        "turned": b.transpose(1, 2) @ m,
        "gram": x.T @ x,
        "weights_only": t.T @ w,
        "tails": torch.cat([x, x, x, x, x[:, :5]], 1) @ large.T,
        "square": (x @ w.T @ w) * x,
    }
    mean = lambda name: (o[name] ** 2).mean()
    total = lambda name: (o[name] ** 2).sum()
    loss = sum(mean(name) for name in "plain chain vector batched shared turned weights_only".split())
    loss = loss + mean("gram") / n**2 + torch.sin(o["tails"]).mean() + o["square"].mean()
    at_x = total("chain") + total("vector") + total("gram") / n**2 + o["square"].sum() + torch.sin(o["tails"]).sum()
    d = {
        "x_d": gradient(at_x, x),
        "a_d": gradient(total("batched") + total("shared"), a),
        "b_d": gradient(total("batched") + total("turned"), b),
    }
    return {**o, **d}, loss, {}


def extremes(i, p):
    x, c, q, label = i["x"], i["c"], i["q"], i["label"].long()
    outputs = {}
    for name in EXTREMES:
        y = ACTIVATIONS[name](x)
        outputs[f"{name}_y"] = y
        outputs[f"{name}_d"] = gradient((c * y).sum(), x)
    outputs["logsumexp_y"] = x.logsumexp(1)
    outputs["logsumexp_d"] = gradient((x.logsumexp(1) * c[:, 0]).sum(), x)
    outputs["bce_with_logits_d"] = gradient(F.binary_cross_entropy_with_logits(x, q), x)
    outputs["cross_entropy_d"] = gradient(F.cross_entropy(x, label), x)
    loss = F.binary_cross_entropy_with_logits(x + p["shift"], q) + F.cross_entropy(x - p["shift"], label)
    return outputs, loss, {}


def losses(i, p):
    x, y, q, label = i["x"], i["y"], i["q"], i["label"].long()
    at = lambda name: x * p[f"{name}_at"]
    values = {
        "mse": F.mse_loss(at("mse"), y),
        "mae": F.l1_loss(at("mae"), y),
        "huber": F.huber_loss(at("huber"), y),
        "huber_delta": F.huber_loss(at("huber_delta"), y, delta=0.5),
        "bce": F.binary_cross_entropy(torch.sigmoid(at("bce")), q),
        "bce_with_logits": F.binary_cross_entropy_with_logits(at("bce_with_logits"), q),
        "cross_entropy": F.cross_entropy(at("cross_entropy"), label),
        "cross_entropy_rows": F.cross_entropy(at("cross_entropy_rows"), F.softmax(y, -1)),
        "nll": F.nll_loss(F.log_softmax(at("nll"), -1), label),
        "hinge": torch.clamp(1 - at("hinge") * (2 * q - 1), min=0).mean(),
        "kl_div": F.kl_div(F.log_softmax(at("kl_div"), -1), F.softmax(y, -1), reduction="none").mean(),
    }
    outputs = {f"{name}_y": value for name, value in values.items()}
    outputs.update({f"{name}_d": gradient(value, x) for name, value in values.items()})
    outputs["l1_y"] = p["penalty_at"].abs().sum()
    outputs["l2_y"] = (p["penalty_at"] ** 2).sum()
    hit = (x.argmax(-1) == label).double().mean()
    metrics = {
        "accuracy_y": hit,
        "accuracy_rows_y": hit,
        "binary_accuracy_y": ((torch.sigmoid(x) >= 0.5).double() == q).double().mean(),
        "r2_y": 1 - ((y - x) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
    }
    return outputs, sum(values.values()) + 0.1 * outputs["l1_y"] + 0.01 * outputs["l2_y"], metrics


def focal(z, y, alpha=0.25, gamma=2):
    """torchvision.ops.sigmoid_focal_loss, as a mean."""
    p = torch.sigmoid(z)
    ce = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    loss = ce * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    return (loss * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else loss).mean()


def classifying(i, p):
    x, y, z, q, pair, label = i["x"], i["y"], i["z"], i["q"], i["pair"], i["label"].long()
    mark = i["mark"].long() - 1
    weight = torch.tensor([0.5, 2, 1, 0.25])
    at = lambda name: x * p[f"{name}_at"]
    # PyTorch has 0/0 where every label is ignored.
    marked = lambda given, **options: given.sum() * 0 if (mark == -1).all() else F.cross_entropy(given, mark, ignore_index=-1, **options)
    apart = F.pairwise_distance(at("contrastive"), y, eps=0)
    cosine = F.cosine_similarity(at("cosine"), y, dim=-1)
    values = {
        "smooth": F.cross_entropy(at("smooth"), label, label_smoothing=0.1),
        "weighted": F.cross_entropy(at("weighted"), label, weight=weight),
        "ignoring": marked(at("ignoring")),
        "all_of_it": marked(at("all_of_it"), label_smoothing=0.2, weight=weight),
        "soft": F.cross_entropy(at("soft"), F.softmax(y, -1), label_smoothing=0.1, weight=weight),
        "focal": focal(at("focal"), q),
        "focal_even": focal(at("focal_even"), q, -1, 1.5),
        "triplet": F.triplet_margin_loss(at("triplet"), y, z),
        "triplet_swap": F.triplet_margin_loss(at("triplet_swap"), y, z, margin=2, p=1, swap=True),
        "triplet_cube": F.triplet_margin_loss(at("triplet_cube"), y, z, p=3),
        "triplet_far": F.triplet_margin_loss(at("triplet_far"), y, z, p=math.inf),
        "cosine": (1 - cosine).mean(),
        "contrastive": (pair * apart**2 + (1 - pair) * torch.clamp(4 - apart, min=0) ** 2).mean(),
    }
    outputs = {f"{name}_y": value for name, value in values.items()}
    outputs.update({f"{name}_d": gradient(value, x) for name, value in values.items()})
    table = torch.zeros(4, 4)
    for said, meant in zip(x.argmax(-1), label):
        table[meant, said] += 1
    yes = (torch.sigmoid(x) > 0.5).double()
    tp, fp, fn = (yes * q).sum(), (yes * (1 - q)).sum(), ((1 - yes) * q).sum()
    right, found, meant = table.diag(), table.sum(0), table.sum(1)
    there = found + meant > 0
    ratio = lambda part, whole: torch.where(whole > 0, part / whole, 0.0)
    top = (x.topk(2, -1).indices == label[:, None]).any(-1).double().mean()
    metrics = {
        "top_2": top,
        "top_2_rows": top,
        "precise": ratio(tp, tp + fp),
        "precise_classes": ratio(right, found)[there].mean(),
        "recalled": ratio(tp, tp + fn),
        "recalled_classes": ratio(right, meant)[there].mean(),
        "f1_y": ratio(2 * tp, 2 * tp + fp + fn),
        "f1_classes": ratio(2 * right, found + meant)[there].mean(),
        "perplexity_y": torch.exp(F.cross_entropy(x, label)),
        "perplexity_ignoring": torch.exp(marked(x)),
        "rmse_y": torch.sqrt(F.mse_loss(x, y)),
    }
    return {**outputs, "cosine_rows": cosine, "table": table}, sum(values.values()), metrics


def layers(i, p):
    x, label = i["x"], i["label"].long()
    dense = lambda z, path: F.linear(z, p[f"{path}.weight"], p.get(f"{path}.bias"))
    h = torch.tanh(dense(x, "h.0"))
    h = F.relu(dense(h, "h.1"))
    o = {
        "logits": dense(h, "logits"),
        "bare": dense(x, "bare"),
        "g": torch.sigmoid(dense(x, "g.dense.0")) * dense(x, "g.dense.1"),
        "m": torch.maximum(dense(x, "m.dense.0"), dense(x, "m.dense.1")),
        "p": F.prelu(x, p["p.weight"].reshape(-1)),
    }
    s = lambda name, power=2: (o[name] ** power).sum()
    weights = [w for w in p.values() if w.dim() >= 2]
    loss = F.cross_entropy(o["logits"], label) + 1e-2 * sum((w**2).sum() for w in weights)
    loss = loss + 1e-3 * sum(w.abs().sum() for w in p.values())
    loss = loss + (o["bare"] ** 2).mean() + (o["g"] ** 2).mean() + (o["m"] ** 2).mean() + (o["p"] ** 3).mean()
    o["x_d"] = gradient(s("logits") + s("g") + s("m") + s("p", 3), x)
    return o, loss, {"accuracy": (o["logits"].argmax(-1) == label).double().mean()}


def derivatives(i, p):
    x, u, at = i["x"], i["u"], p["at"]
    d = lambda scalar, tensor: gradient(scalar, tensor, create_graph=True)
    dense = lambda z, path: F.linear(z, p[f"{path}.weight"], p[f"{path}.bias"])
    z = dense(torch.tanh(dense(x, "h")), "z")
    slope = d(z.sum(), x)
    point, w = p["point"], p["h.weight"]
    jacobian = lambda f: torch.autograd.functional.jacobian(f, point, create_graph=True)
    o = {
        "tanh_dd": d(d(torch.tanh(x).sum(), x).sum(), x),
        "sigmoid_dd": d((d(torch.sigmoid(x).sum(), x) ** 2).sum(), x),
        "softplus_dd": d(d(F.softplus(x).sum(), x).sum(), x),
        "exp_dd": d(d((torch.exp(x) * x).sum(), x).sum(), x),
        "log_dd": d(d(torch.log(u).sum(), u).sum(), u),
        "gelu_dd": d(d((x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))).sum(), x).sum(), x),
        "power_dd": d(d((u**x).sum(), u).sum(), x),
        "sine_ddd": d(d(d((torch.sin(x) * x).sum(), x).sum(), x).sum(), x),
        "logsumexp_dd": d((d(torch.logsumexp(x, 1).sum(), x) ** 2).sum(), x),
        "softmax_dd": d((d((F.softmax(x, -1) ** 2).sum(), x) ** 2).sum(), x),
        "cut": d((x * x.detach() * at).sum(), x),
        "slope": slope,
        "curved": d((slope**2).sum(), x),
        "matrix": jacobian(lambda q: torch.tanh(w @ q)),
    }
    loss = ((slope + z[:, :1] * at) ** 2).mean() + (z.detach() * z).mean()
    return o, loss + (jacobian(lambda q: w @ torch.tanh(q)) ** 2).sum(), {}


def attend(q, k, v, mask=None, causal=False):
    """Rows that may look nowhere are kept out of the softmax, so that they are 0 and nothing flows back."""
    a = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if causal:
        steps = torch.ones(a.shape[-2:], dtype=torch.bool).tril()
        mask = steps if mask is None else mask & steps
    if mask is None:
        return F.softmax(a, -1) @ v
    mask = mask.expand(a.shape)
    somewhere = mask.any(-1, keepdim=True)
    return F.softmax(a.masked_fill(~mask & somewhere, -math.inf), -1) * somewhere @ v


def rotary(x, base=10000):
    """Pairs of neighbors as complex numbers."""
    steps, size = x.shape[-2:]
    angles = torch.outer(torch.arange(steps), base ** (-torch.arange(0, size, 2) / size))
    turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2)


def positions(steps, size):
    table = torch.empty(steps, size)
    for t in range(steps):
        for d in range(0, size, 2):
            table[t, d] = math.sin(t / 10000 ** (d / size))
            table[t, d + 1] = math.cos(t / 10000 ** (d / size))
    return table


def attention(i, p):
    q, k, v = i["q"], i["k"], i["v"]
    s, visible = q * p["scale"], i["mask"] == 1
    heads = s.unflatten(-1, (2, 2)).transpose(1, 2)
    halves = p["keys"].unflatten(-1, (2, 2)).transpose(0, 1)
    o = {
        "plain": attend(s, k, v),
        "masked": attend(s, k, v, visible),
        "causal": attend(s, k, v, causal=True),
        "both": attend(s, k, v, visible, True),
        "itself": attend(s, s, s, causal=True),
        "shared": attend(s, p["keys"], p["values"], torch.tensor([1, 0, 1, 1, 1, 0]) == 1),
        "nowhere": torch.zeros(*q.shape[:2], 3),
        "one": v[:, :1] + 0 * s[:, :1, :3],
        "two": attend(s[:, :2], k[:, :2], v[:, :2], causal=True),
        "heads": torch.stack([attend(s, k, v, visible), attend(-s, k**2, v, visible)], 1),
        "turned": rotary(s),
        "turned_heads": rotary(heads, 100).transpose(1, 2).flatten(-2),
        "alone": attend(halves, halves, halves**2).transpose(0, 1).flatten(-2),
        "twice": torch.stack([s**2, s**2], 1),
        "positions": positions(17, 6),
    }
    squares = sum((o[name] ** 2).sum() for name in ["plain", "masked", "causal", "both", "itself", "shared", "one", "two", "heads"])
    squares = squares + (o["turned"] * q**2).sum() + (o["turned_heads"] ** 3).sum()
    for name in ["q", "k", "v"]:
        o[f"{name}_d"] = gradient(squares, i[name])
    o["q_dd"] = gradient((gradient((o["both"] ** 2).sum(), q, create_graph=True) ** 2).sum(), q)
    return o, squares / len(q), {}


def transformers(i, p):
    x, other = i["x"], i["other"]

    def module(path, made):
        """A module of PyTorch with the parameters under `path`."""
        weights = {name: p[f"{path}.{name}"] for name, _ in made.named_parameters()}
        return lambda *args, **options: functional_call(made, weights, args, options)

    def attention(path, heads, q, k, v, mask=None):
        """PyTorch's mask is true where one may not look."""
        mask = None if mask is None else ~mask.expand(len(q), -1, -1).repeat_interleave(heads, 0)
        made = torch.nn.MultiheadAttention(8, heads, batch_first=True)
        return module(path, made)(q, k, v, need_weights=False, attn_mask=mask)[0]

    def block(path, heads, x, mask=None, **options):
        mask = None if mask is None else ~mask.repeat_interleave(heads, 0)
        made = torch.nn.TransformerEncoderLayer(8, heads, dropout=0, batch_first=True, **options)
        return module(path, made)(x, src_mask=mask)

    steps = torch.ones(1, 5, 5, dtype=torch.bool).tril()
    # The one module that is asked for rows without an answer is written by hand.
    apart = lambda z, k: z.unflatten(-1, (k, -1)).transpose(1, 2)
    q, k, v = (
        apart(F.linear(z, w, b), 4)
        for z, w, b in zip([x, other, other], p["cross.in_proj_weight"].chunk(3), p["cross.in_proj_bias"].chunk(3))
    )
    cross = attend(q, k, v, (i["mask"] == 1)[:, None]).transpose(1, 2).flatten(-2)
    # Everyone may look at the first step at least.
    padding = ((i["padding"] == 1) | (torch.arange(5) == 0)).expand(-1, 5, -1)
    o = {
        "itself": attention("itself", 1, x, x, x),
        "causal": attention("causal", 2, x, x, x, steps),
        "cross": F.linear(cross, p["cross.out_proj.weight"], p["cross.out_proj.bias"]),
        "apart": attention("apart", 2, x, other, other**2),
        "same_key": attention("same_key", 2, x, x, torch.sin(x), (torch.arange(5) < 4)[None, None].expand(1, 5, -1)),
        "after": block("after", 2, x, padding, dim_feedforward=32),
        "before": block("before", 4, x, steps.expand(len(x), -1, -1), dim_feedforward=6, activation="gelu", norm_first=True),
        "short": block("short", 1, x[:, :1], dim_feedforward=32),
    }
    squares = sum((o[name] ** 2).sum() for name in ["itself", "causal", "cross", "apart", "same_key", "before"])
    squares = squares + torch.sin(o["after"]).sum() + torch.sin(o["short"]).sum()
    o["x_d"], o["other_d"] = gradient(squares, x), gradient(squares, other)
    return o, squares / len(x), {}


def reversible(i, p):
    x, a = i["x"], i["a"]
    dense = lambda z, path: F.linear(z, p[f"{path}.weight"], p[f"{path}.bias"])

    def block(z, f, g):
        left, right = z.chunk(2, -1)
        left = left + f(right)
        return torch.cat([left, right + g(left)], -1)

    h = torch.tanh(dense(x, "h"))
    first = block(h, lambda z: F.softplus(dense(z, "stacked.0.f")), lambda z: dense(z, "stacked.0.g"))
    o = {
        "one": block(h, lambda z: torch.tanh(dense(z, "one.f")), lambda z: torch.sigmoid(dense(z, "one.g"))),
        "stacked": block(
            first, lambda z: torch.tanh(dense(z, "stacked.1.f")), lambda z: torch.tanh(dense(z, "stacked.1.g"))
        ),
        "matrix": block(a * p["scale"], lambda z: torch.tanh(dense(z, "matrix.f")), torch.sin),
        "added": dense(x, "kept") + torch.tanh(h),
    }
    loss = (o["one"] ** 3).mean() + F.mse_loss(o["stacked"], i["y"])
    loss = loss + torch.sin(o["matrix"]).mean() + (o["added"] ** 2).mean()
    o["x_d"] = gradient((o["one"] ** 2).sum() + (o["stacked"] ** 2).sum() + (o["added"] ** 2).sum(), x)
    o["a_d"] = gradient((o["matrix"] ** 3).sum(), a)
    return o, loss, {}


def normalization(i, p):
    x = {name: i[name] for name in ["flat", "sequence", "plane"]}
    scale = lambda path: (p[f"{path}.weight"], p[f"{path}.bias"])
    second = lambda f, z: f(z.movedim(-1, 1)).movedim(1, -1)  # PyTorch has the channels second
    layer = lambda z, path, eps: F.layer_norm(z, z.shape[-1:], *scale(path), eps)

    def group(z, groups, weight, bias, eps):
        # The formula: of a single sample PyTorch 1.13 gets second derivatives of its own function wrong.
        g = z.reshape(len(z), -1, groups, z.shape[-1] // groups)
        m = g.mean((1, 3), keepdim=True)
        y = (g - m) / torch.sqrt(((g - m) ** 2).mean((1, 3), keepdim=True) + eps)
        y = y.reshape(z.shape) * weight + bias
        assert torch.allclose(y, second(lambda c: F.group_norm(c, groups, weight, bias, eps), z), 1e-12)
        return y

    rms = lambda z, path, eps: z / torch.sqrt((z**2).mean(-1, keepdim=True) + eps) * p[f"{path}.weight"]
    o = {
        "layer_flat": layer(x["flat"], "layer_flat", 1e-5),
        "layer_sequence": layer(x["sequence"], "layer_sequence", 0.1),
        "layer_plane": layer(x["plane"], "layer_plane", 1e-5),
        "group_flat": group(x["flat"], 2, *scale("group_flat"), 1e-5),
        "group_sequence": group(x["sequence"], 3, *scale("group_sequence"), 0.1),
        "group_plane": group(x["plane"], 6, *scale("group_plane"), 1e-5),
        "group_whole": group(x["plane"], 1, *scale("group_whole"), 1e-5),
        "instance_sequence": group(x["sequence"], 6, *scale("instance_sequence"), 1e-5),
        "instance_plane": group(x["plane"], 6, torch.ones(6), torch.zeros(6), 0.1),
        "rms_flat": rms(x["flat"], "rms_flat", 1e-6),
        "rms_sequence": rms(x["sequence"], "rms_sequence", 0.1),
        "rms_plane": rms(x["plane"], "rms_plane", 1e-6),
    }
    assert torch.allclose(o["instance_plane"], second(lambda c: F.instance_norm(c, eps=0.1), x["plane"]), 1e-12)
    of = {name: sum(torch.sin(y).sum() for key, y in o.items() if key.split("_")[1] == name) for name in x}
    of["plane"] = of["plane"] + torch.sin(o["group_whole"]).sum()
    d = {f"{name}_d": gradient(of[name], x[name], create_graph=True) for name in x}
    dd = {f"{name}_dd": gradient((d[f"{name}_d"] ** 2).sum(), x[name]) for name in x}
    loss = (sum(of.values()) + sum((y**2).sum() for y in d.values())) / len(x["flat"])
    return {**o, **d, **dd}, loss, {}


AT = real([3], 0.5, 1.5)
DENSE = lambda path, out, into: {f"{path}.weight": real([out, into], -1, 1), f"{path}.bias": real([out], -1, 1)}
HEADS = lambda path: {
    f"{path}.in_proj_weight": real([24, 8], -1, 1),
    f"{path}.in_proj_bias": real([24], -1, 1),
    **DENSE(f"{path}.out_proj", 8, 8),
}
SCALE6 = lambda path: {f"{path}.weight": real([6], 0.5, 1.5), f"{path}.bias": real([6], -1, 1)}
SCALE = lambda path: {f"{path}.weight": real([8], 0.5, 1.5), f"{path}.bias": real([8], -1, 1)}
BLOCK = lambda path, hidden: {
    **HEADS(f"{path}.self_attn"),
    **DENSE(f"{path}.linear1", hidden, 8),
    **DENSE(f"{path}.linear2", 8, hidden),
    **SCALE(f"{path}.norm1"),
    **SCALE(f"{path}.norm2"),
}

CASES = {
    "elementwise": (
        elementwise,
        {"x": real(["N", 3], -3, 3), "u": real(["N", 3], 0.25, 4), "c": real(["N", 3], -1, 1)},
        {f"{name}_at": AT for name in [*ELEMENTWISE_X, *ELEMENTWISE_U]},
    ),
    "inverses": (
        inverses,
        {
            "x": real(["N", 3], -3, 3),
            "s": real(["N", 3], -0.6, 0.6),
            "u": real(["N", 3], 2.25, 4),
            "c": real(["N", 3], -1, 1),
        },
        {f"{name}_at": AT for name in [*INVERSES_X, *INVERSES_S, *INVERSES_U, "atan2"]},
    ),
    "activations": (
        activations,
        {"x": real(["N", 3], -4, 4), "c": real(["N", 3], -1, 1)},
        {f"{name}_at": AT for name in ACTIVATIONS},
    ),
    "arithmetic": (
        arithmetic,
        {
            "x": real(["N", 3], -3, 3),
            "v": real(["N", 3], -3, 3),
            "u": real(["N", 3], 0.25, 4),
            "s": real(["N", 1], -2, 2),
            "c": real(["N", 3], -1, 1),
        },
        {"row": AT, "column": real([3, 1], 0.5, 1.5), "scalar": real([], 0.5, 1.5)},
    ),
    "reductions": (
        reductions,
        {"x": real(["N", 2, 3], -2, 2), "u": real(["N", 2, 3], 0.5, 1.5)},
        {f"{name}_at": AT for name in "sum mean max min prod var logsumexp".split()},
    ),
    "movement": (
        movement,
        {"x": real(["N", 2, 3], -2, 2), "y": whole(["N"], 5)},
        {"table": real([5, 4], -1, 1), "block": real([2, 3], 0.5, 1.5)},
    ),
    "products": (
        products,
        {"x": real(["N", 7], -1, 1), "a": real(["N", 2, 3], -1, 1), "b": real(["N", 3, 4], -1, 1)},
        {
            "w": real([5, 7], -1, 1),
            "v": real([7], -1, 1),
            "t": real([5, 4], -1, 1),
            "m": real([3, 4], -1, 1),
            "large": real([17, 33], -0.25, 0.25),
        },
    ),
    "tables": tables_case(real, whole),
    "recurrence": recurrence_case(real, whole),
    "losses": (
        losses,
        {
            "x": real(["N", 4], -3, 3),
            "y": real(["N", 4], -3, 3),
            "q": whole(["N", 4], 2),
            "label": whole(["N"], 4),
        },
        {
            **{
                f"{name}_at": real([4], 0.5, 1.5)
                for name in "mse mae huber huber_delta bce bce_with_logits cross_entropy cross_entropy_rows nll hinge kl_div".split()
            },
            "penalty_at": real([4, 4], -2, 2),
        },
    ),
    "classifying": (
        classifying,
        {
            **{name: real(["N", 4], -3, 3) for name in "xyz"},
            "q": whole(["N", 4], 2),
            "pair": whole(["N"], 2),
            "label": whole(["N"], 4),
            "mark": whole(["N"], 5),
        },
        {
            f"{name}_at": real([4], 0.5, 1.5)
            for name in "smooth weighted ignoring all_of_it soft focal focal_even triplet triplet_swap triplet_cube triplet_far cosine contrastive".split()
        },
    ),
    "extremes": (
        extremes,
        {
            "x": {"shape": ["N", 4], "choices": [s * v for s in (-1, 1) for v in (10000, 9998.5, 300, 90, 30, 3, 1, 0.5, 0)]},
            "c": real(["N", 4], -1, 1),
            "q": whole(["N", 4], 2),
            "label": whole(["N"], 4),
        },
        {"shift": real([4], -0.5, 0.5)},
    ),
    "layers": (
        layers,
        {"x": real(["N", 7], -2, 2), "label": whole(["N"], 3)},
        {
            **DENSE("h.0", 5, 7),
            **DENSE("h.1", 6, 5),
            **DENSE("logits", 3, 6),
            "bare.weight": real([4, 7], -1, 1),
            **DENSE("g.dense.0", 4, 7),
            **DENSE("g.dense.1", 4, 7),
            **DENSE("m.dense.0", 4, 7),
            **DENSE("m.dense.1", 4, 7),
            "p.weight": real([1], 0.125, 0.375),
        },
    ),
    "derivatives": (
        derivatives,
        {"x": real(["N", 3], -2, 2), "u": real(["N", 3], 0.5, 2)},
        {"at": AT, **DENSE("h", 4, 3), **DENSE("z", 2, 4), "point": real([3], -1, 1)},
    ),
    "attention": (
        attention,
        {"q": real(["N", 17, 4], -2, 2), "k": real(["N", 6, 4], -2, 2), "v": real(["N", 6, 3], -2, 2), "mask": whole(["N", 17, 6], 2)},
        {"scale": real([4], 0.5, 1.5), "keys": real([6, 4], -2, 2), "values": real([6, 3], -2, 2)},
    ),
    "transformers": (
        transformers,
        {
            "x": real(["N", 5, 8], -2, 2),
            "other": real(["N", 3, 8], -2, 2),
            "mask": whole(["N", 5, 3], 2),
            "padding": whole(["N", 1, 5], 2),
        },
        {
            **HEADS("itself"),
            **HEADS("causal"),
            **HEADS("cross"),
            **HEADS("apart"),
            **HEADS("same_key"),
            **BLOCK("after", 32),
            **BLOCK("before", 6),
            **BLOCK("short", 32),
        },
    ),
    "convolutions": (
        conv.convolutions,
        {name: real(["N", *shape], -2, 2) for name, shape in conv.SEQUENCES.items()},
        {path: real(shape, -0.5, 0.5) for path, shape in conv.parameters(conv.OF_SEQUENCES, conv.SEQUENCES).items()},
    ),
    "planes": (
        conv.planes,
        {name: real(["N", *shape], -2, 2) for name, shape in conv.PLANES.items()},
        {path: real(shape, -0.5, 0.5) for path, shape in conv.parameters(conv.OF_PLANES, conv.PLANES).items()},
    ),
    "normalization": (
        normalization,
        {"flat": real(["N", 6], -2, 2), "sequence": real(["N", 5, 6], -2, 2), "plane": real(["N", 3, 4, 6], -2, 2)},
        {
            f"{path}.{name}": real([6], low, high)
            for path, names in {
                **{f"layer_{of}": "wb" for of in "flat sequence plane".split()},
                **{f"group_{of}": "wb" for of in "flat sequence plane whole".split()},
                "instance_sequence": "wb",
                **{f"rms_{of}": "w" for of in "flat sequence plane".split()},
            }.items()
            for name, low, high in [("weight", 0.5, 1.5), ("bias", -1, 1)]
            if name[0] in names
        },
    ),
    "reversible": (
        reversible,
        {"x": real(["N", 5], -2, 2), "a": real(["N", 2, 4], -2, 2), "y": real(["N", 6], -1, 1)},
        {
            **DENSE("h", 6, 5),
            **DENSE("one.f", 3, 3),
            **DENSE("one.g", 3, 3),
            **DENSE("stacked.0.f", 3, 3),
            **DENSE("stacked.0.g", 3, 3),
            **DENSE("stacked.1.f", 3, 3),
            **DENSE("stacked.1.g", 3, 3),
            "scale": real([4], 0.5, 1.5),
            **DENSE("matrix.f", 2, 2),
            **DENSE("kept", 6, 5),
        },
    ),
}


def run_case(name):
    function, inputs, parameters = CASES[name]
    specs = [*inputs.values(), *parameters.values()]
    streams = {id_: stream for stream, id_ in enumerate([*inputs, *parameters])}
    inputs = {key: {**spec, "stream": streams[key]} for key, spec in inputs.items()}
    parameters = {key: {**spec, "stream": streams[key]} for key, spec in parameters.items()}
    assert len(specs) == len(streams), f"{name}: an input and a parameter share a name"
    batches = {}
    for n in BATCHES:
        i = {key: draw(spec, n).requires_grad_("classes" not in spec) for key, spec in inputs.items()}
        p = {key: draw(spec, n).requires_grad_() for key, spec in parameters.items()}
        outputs, loss, metrics = function(i, p)
        gradients = torch.autograd.grad(loss, list(p.values()))
        batches[str(n)] = {
            "loss": numbers([loss.item()])[0],
            "outputs": {key: digest(value) for key, value in outputs.items()},
            "gradients": {key: digest(value) for key, value in zip(p, gradients)},
            "metrics": dict(zip(metrics, numbers([v.item() for v in metrics.values()]))),
        }
    return {"inputs": inputs, "parameters": parameters, "batches": batches}


# Optimizers: 50 steps on one small network; step k reads `batch` rows of 40, from row k·batch on, round and round.

OPTIMIZERS = {
    "Sgd": lambda w: torch.optim.SGD(w, lr=0.1),
    "SgdMomentum": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9),
    "SgdDecay": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.8, dampening=0.1, weight_decay=0.01),
    "SgdNesterov": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True),
    "Momentum": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9),
    "MomentumDecay": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, weight_decay=0.02),
    "Nesterov": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True),
    "NesterovDecay": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02),
    "Adagrad": lambda w: torch.optim.Adagrad(w, lr=0.1),
    "AdagradDecay": lambda w: torch.optim.Adagrad(w, lr=0.1, lr_decay=0.01, weight_decay=0.01, eps=1e-8),
    "Rmsprop": lambda w: torch.optim.RMSprop(w, lr=0.01),
    "RmspropCentered": lambda w: torch.optim.RMSprop(w, lr=0.005, centered=True),
    "RmspropMomentum": lambda w: torch.optim.RMSprop(w, lr=0.005, alpha=0.9, momentum=0.5, weight_decay=0.01),
    "Adam": lambda w: torch.optim.Adam(w, lr=0.05),
    "AdamDecay": lambda w: torch.optim.Adam(w, lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.01),
    "Adamw": lambda w: torch.optim.AdamW(w, lr=0.05),
    "AdamwDecay": lambda w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.2),
}
ROWS = 40
TRAINING_INPUTS = {"x": {**real([ROWS, 2], -2, 2), "stream": 0}, "y": {**real([ROWS, 1], -1, 1), "stream": 1}}
TRAINING_PARAMETERS = {
    key: {**spec, "stream": 2 + k}
    for k, (key, spec) in enumerate({**DENSE("z.h", 4, 2), **DENSE("z.dense", 1, 4)}.items())
}


def run_optimizer(name, batch):
    data = {key: draw(spec, ROWS) for key, spec in TRAINING_INPUTS.items()}
    p = {key: draw(spec, ROWS).requires_grad_() for key, spec in TRAINING_PARAMETERS.items()}
    optimizer = OPTIMIZERS[name](list(p.values()))
    trace = []
    for step in range(STEPS):
        start = step * batch % ROWS
        x, y = (data[key][start : start + batch] for key in "xy")
        h = torch.tanh(F.linear(x, p["z.h.weight"], p["z.h.bias"]))
        loss = F.mse_loss(F.linear(h, p["z.dense.weight"], p["z.dense.bias"]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        trace.append(loss.item())
    return {
        "model": name,
        "batch": batch,
        "losses": numbers(trace),
        "final": {key: numbers(value.detach().reshape(-1).tolist()) for key, value in p.items()},
    }


# Batch norm: 20 steps with its running statistics, then what the net predicts by them. Step k reads the rows k·batch … of 60, round and round.

NORM_SHAPES = {"Rows": [5], "Sequences": [4, 5], "Planes": [3, 2, 5]}
NORM_ROWS = 60
NORM_STEPS = 20
NORM_PARAMETERS = {**DENSE("h.0", 6, 5), **SCALE6("h.1"), **SCALE6("p.0"), **DENSE("p.1", 2, 6)}


def run_batch_norm(name, batch):
    inputs = {"x": real([NORM_ROWS, *NORM_SHAPES[name]], -2, 2), "y": real([NORM_ROWS, 2], -1, 1)}
    inputs = {key: {**spec, "stream": stream} for stream, (key, spec) in enumerate(inputs.items())}
    parameters = {key: {**spec, "stream": 2 + k} for k, (key, spec) in enumerate(NORM_PARAMETERS.items())}
    data = {key: draw(spec, NORM_ROWS) for key, spec in inputs.items()}
    p = {key: draw(spec, NORM_ROWS).requires_grad_() for key, spec in parameters.items()}
    states = {f"{path}.running_{of}": value * torch.ones(6) for path in ["h.1", "p.0"] for of, value in [("mean", 0.0), ("var", 1.0)]}

    def norm(z, path, training, momentum, eps):
        flat = z.reshape(-1, 6)  # the channels of all places of all samples
        means, vars = states[f"{path}.running_mean"], states[f"{path}.running_var"]
        return F.batch_norm(flat, means, vars, p[f"{path}.weight"], p[f"{path}.bias"], training, momentum, eps).reshape(z.shape)

    def net(x, training):
        h = torch.tanh(norm(F.linear(x, p["h.0.weight"], p["h.0.bias"]), "h.1", training, 0.1, 1e-5))
        h = norm(h, "p.0", training, 0.3, 0.01)
        return F.linear(h.reshape(len(x), -1, 6).mean(1), p["p.1.weight"], p["p.1.bias"])

    def loss_of(x, y, training):
        x = x.clone().requires_grad_()
        out = net(x, training)
        return F.mse_loss(out, y) + 0.1 * (gradient(torch.sin(out).sum(), x, create_graph=True) ** 2).mean()

    optimizer = torch.optim.SGD(list(p.values()), lr=0.1)
    losses = []
    for step in range(NORM_STEPS):
        rows = [(step * batch + k) % NORM_ROWS for k in range(batch)]
        loss = loss_of(data["x"][rows], data["y"][rows], True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {
        "model": name,
        "batch": batch,
        "inputs": inputs,
        "parameters": parameters,
        "losses": numbers(losses),
        "final": {key: numbers(value.detach().reshape(-1).tolist()) for key, value in {**p, **states}.items()},
        "predicted": numbers(net(data["x"][:7], False).detach().reshape(-1).tolist()),
        "evaluated": loss_of(data["x"][:7], data["y"][:7], False).item(),
    }


# Initializers: what PyTorch's functions aim at, for a weight [out, in].


def initializers(out=96, into=128):
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(out, into))
    uniform = lambda bound, low=None: {
        "low": -bound if low is None else low,
        "high": bound,
        "mean": 0.0 if low is None else (low + bound) / 2,
        "std": (bound if low is None else (bound - low) / 2) / math.sqrt(3),
    }
    normal = lambda std, mean=0.0: {"mean": mean, "std": std}
    exactly = lambda value: {"low": value, "high": value, "mean": value, "std": 0.0}
    gain = lambda slope: torch.nn.init.calculate_gain("leaky_relu", slope)
    glorot = math.sqrt(2 / (fan_in + fan_out))
    return {
        "from_zeros": exactly(0.0),
        "from_ones": exactly(1.0),
        "from_constant": exactly(0.375),
        "from_normal": normal(1.0),
        "from_normal_given": normal(0.5, 2.0),
        "from_uniform": uniform(1.0, 0.0),
        "from_uniform_given": uniform(1.0, -2.0),
        "from_xavier_uniform": uniform(math.sqrt(3) * glorot),
        "from_xavier_uniform_gain": uniform(math.sqrt(3) * 2 * glorot),
        "from_xavier_normal": normal(glorot),
        "from_kaiming_uniform": uniform(math.sqrt(3) * gain(0) / math.sqrt(fan_in)),
        "from_kaiming_uniform_slope": uniform(math.sqrt(3) * gain(1) / math.sqrt(fan_in)),
        "from_kaiming_normal": normal(gain(0) / math.sqrt(fan_in)),
    }


def oracle():
    return {
        "cases": {name: run_case(name) for name in CASES},
        "training": {
            "inputs": TRAINING_INPUTS,
            "parameters": TRAINING_PARAMETERS,
            "runs": [
                *(run_optimizer(name, ROWS) for name in OPTIMIZERS),
                *(run_optimizer("Sgd", batch) for batch in [1, 5]),
            ],
        },
        "batchNorm": [
            *(run_batch_norm(name, batch) for name in NORM_SHAPES for batch in [3, 17]),
            *(run_batch_norm(name, 1) for name in ["Sequences", "Planes"]),
        ],
        "initializers": initializers(),
    }


def lines(made):
    """JSON with a line for each program, so that programs can be added side by side."""
    text = lambda value: json.dumps(value, separators=(",", ":"))
    cases = ",\n".join(f"{text(name)}:{text(case)}" for name, case in made["cases"].items())
    rest = ",\n".join(f"{text(key)}:{text(value)}" for key, value in made.items() if key != "cases")
    return f'{{"cases":{{\n{cases}\n}},\n{rest}}}\n'


def differences(a, b, path=""):
    """Places where two JSON values differ by more than 1e-10, relative to the larger of 1 and the number."""
    if isinstance(a, bool) or isinstance(a, str) or a is None or type(a) is not type(b) and not is_number(a, b):
        if a != b:
            yield f"{path}: {a!r} and {b!r}"
    elif isinstance(a, dict):
        if list(a) != list(b):
            yield f"{path}: other keys"
        else:
            for key in a:
                yield from differences(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list):
        if len(a) != len(b):
            yield f"{path}: {len(a)} and {len(b)} entries"
        else:
            for k, (left, right) in enumerate(zip(a, b)):
                yield from differences(left, right, f"{path}/{k}")
    elif abs(a - b) > 1e-10 * max(1, abs(b)):
        yield f"{path}: {a!r} and {b!r}"


def is_number(*values):
    return all(isinstance(v, (int, float)) for v in values)


def main():
    file = HERE / "torch.json"
    made = json.loads(json.dumps(oracle()))
    if "--check" not in sys.argv:
        file.write_text(lines(made))
        print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB, PyTorch {torch.__version__}")
        return 0
    found = list(differences(made, json.loads(file.read_text())))
    for line in found[:20]:
        print(line, file=sys.stderr)
    print(f"PyTorch {torch.__version__}: {len(found)} differences from {file.name}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
