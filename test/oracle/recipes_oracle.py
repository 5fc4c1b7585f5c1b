"""Writes recipes.json: the losses of twenty steps of recipes of docs/recipes.md, as PyTorch computes them in f64.

    python3 recipes_oracle.py            writes recipes.json
    python3 recipes_oracle.py --check    recomputes it and compares with the committed file to 1e-10; exit 1 where they differ

Each case has the title of its recipe, and is written with what the recipe shows of PyTorch. Inputs and parameters come from `draw`.
"""

import json
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.stateless import functional_call

from torch_oracle import draw, numbers, real, whole

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 20
ROWS = 16
CASES = {}


def dense(name, units, inputs):
    return {f"{name}.weight": real([units, inputs], -0.8, 0.8), f"{name}.bias": real([units], -0.4, 0.4)}


def linear(x, p, name):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def two_layers(x, p, name="p"):
    return linear(torch.tanh(linear(x, p, f"{name}.0")), p, f"{name}.1")


def mlp(name, units, out):
    return {**dense(f"{name}.0", units, 4), **dense(f"{name}.1", out, units)}


X = {"x": real(["N", 4], -2, 2)}
Y = {"y": real(["N", 1], -1, 1)}
LABEL = {"y": whole(["N"], 3)}


def steps_of(optimizer, loss):
    """Plain training: the losses before each step."""
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        yield value.item()


def adam(lr):
    return lambda p, loss: steps_of(torch.optim.Adam(p.values(), lr=lr), loss)


def case(title, inputs, parameters, train, loss):
    """`loss(i, p)` of inputs and parameters; `train(p, loss)` yields the loss before each of its steps."""
    streams = {name: k for k, name in enumerate([*inputs, *parameters])}
    inputs = {name: {**spec, "stream": streams[name]} for name, spec in inputs.items()}
    parameters = {name: {**spec, "stream": streams[name]} for name, spec in parameters.items()}
    i = {name: draw(spec, ROWS) for name, spec in inputs.items()}
    i = {name: t.long() if "classes" in inputs[name] else t for name, t in i.items()}
    p = {name: draw(spec, ROWS).requires_grad_() for name, spec in parameters.items()}
    losses = list(train(p, lambda: loss(i, p)))
    CASES[title] = {"rows": ROWS, "inputs": inputs, "parameters": parameters, "losses": numbers(losses)}


# Losses.

case(
    "Weigh classes",
    {**X, **LABEL},
    mlp("z", 8, 3),
    adam(0.02),
    lambda i, p: F.cross_entropy(two_layers(i["x"], p, "z"), i["y"], weight=torch.tensor([1.0, 1.0, 4.0])),
)
case(
    "Smooth labels",
    {**X, **LABEL},
    mlp("z", 8, 3),
    adam(0.02),
    lambda i, p: F.cross_entropy(two_layers(i["x"], p, "z"), i["y"], label_smoothing=0.1),
)


def pinball(i, p):
    d = i["y"] - two_layers(i["x"], p)
    return torch.max(0.9 * d, -0.1 * d).mean()


case("Write a loss", {**X, **Y}, mlp("p", 8, 1), adam(0.02), pinball)


def several_terms(i, p):
    prediction = linear(torch.tanh(linear(i["x"], p, "h")), p, "p")
    loss = F.mse_loss(prediction, i["y"]) + 0.3 * F.l1_loss(prediction, i["y"])
    loss = loss + 1e-3 * sum((w**2).sum() for n, w in p.items() if "weight" in n)
    return loss + 1e-3 * p["h.weight"].abs().sum()


case("Add up several losses", {**X, **Y}, {**dense("h", 8, 4), **dense("p", 1, 8)}, adam(0.02), several_terms)


def tasks(i, p):
    h = torch.tanh(linear(i["x"], p, "h"))
    loss_a = F.mse_loss(linear(h, p, "amount"), i["y"])
    loss_b = F.cross_entropy(linear(h, p, "z"), i["label"])
    return (torch.exp(-p["log_var"]) * torch.stack([loss_a, loss_b]) + p["log_var"]).sum()


case(
    "Let several tasks weigh themselves",
    {**X, **Y, "label": whole(["N"], 3)},
    {**dense("h", 16, 4), **dense("amount", 1, 16), **dense("z", 3, 16), "log_var": real([2], -0.5, 0.5)},
    adam(0.02),
    tasks,
)
case(
    "Weigh single rows",
    {**X, **Y, "w": real(["N", 1], 0, 3)},
    mlp("p", 8, 1),
    adam(0.02),
    lambda i, p: (i["w"] * (two_layers(i["x"], p) - i["y"]) ** 2).sum() / i["w"].sum(),
)

# Nets.


def tied(i, p):
    embed = F.embedding(i["ids"], p["embed.weight"])
    h = torch.tanh(linear(embed, p, "h"))
    return F.cross_entropy((h @ p["embed.weight"].T).reshape(-1, 30), i["y"].reshape(-1))


case(
    "Tie weights",
    {"ids": whole(["N", 6], 30), "y": whole(["N", 6], 30)},
    {"embed.weight": real([30, 8], -1, 1), **dense("h", 8, 8)},
    adam(0.02),
    tied,
)


def batches(i, p):
    h = F.batch_norm(linear(i["x"], p, "p.0"), None, None, p["p.1.weight"], p["p.1.bias"], training=True)
    return F.mse_loss(linear(F.relu(h), p, "p.2"), i["y"])


case(
    "Normalize batches",
    {**X, **Y},
    {**dense("p.0", 8, 4), "p.1.weight": real([8], 0.5, 1.5), "p.1.bias": real([8], -0.5, 0.5), **dense("p.2", 1, 8)},
    lambda p, loss: steps_of(torch.optim.SGD(p.values(), lr=0.1), loss),
    batches,
)


def positions(steps, size):
    angle = torch.arange(steps)[:, None] * 10_000 ** (-torch.arange(0, size, 2) / size)
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(steps, size)


ENCODER = nn.TransformerEncoderLayer(8, 2, 32, dropout=0, batch_first=True)


def padded(i, p):
    there = i["ids"] != 0
    own = {name[2:]: value for name, value in p.items() if name.startswith("h.") and name != "h.0.weight"}
    own = {name.removeprefix("1."): value for name, value in own.items()}
    h = F.embedding(i["ids"], p["h.0.weight"]) + positions(12, 8)
    h = functional_call(ENCODER, own, (h,), {"src_key_padding_mask": ~there})
    h = torch.where(there[..., None], h, 0.0).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
    return F.cross_entropy(linear(h, p, "z"), i["y"])


case(
    "Pad and mask sequences",
    # A quarter of the words is padding, in the middle too.
    {"ids": {"shape": ["N", 12], "choices": [0, 0, 5, 17, 23, 31, 44, 49]}, "y": whole(["N"], 2)},
    {
        "h.0.weight": real([50, 8], -1, 1),
        "h.1.self_attn.in_proj_weight": real([24, 8], -0.6, 0.6),
        "h.1.self_attn.in_proj_bias": real([24], -0.3, 0.3),
        **dense("h.1.self_attn.out_proj", 8, 8),
        **{f"h.1.norm{k}.{name}": real([8], low, low + 1) for k in (1, 2) for name, low in (("weight", 0.5), ("bias", -0.5))},
        **dense("h.1.linear1", 32, 8),
        **dense("h.1.linear2", 8, 32),
        **dense("z", 2, 8),
    },
    adam(0.01),
    lambda i, p: padded({**i, "ids": i["ids"].long()}, p),
)

# Derivatives.


def penalized(i, p):
    x = i["x"].clone().requires_grad_()
    d = two_layers(x, p, "d")
    (slope,) = torch.autograd.grad(d.sum(), x, create_graph=True)
    return F.mse_loss(d, i["y"]) + 0.1 * (((slope**2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean()


case("Penalize a gradient", {**X, **Y}, mlp("d", 16, 1), adam(0.01), penalized)


def equation(i, p):
    t = i["t"].clone().requires_grad_()
    u = t + t**2 * two_layers(t, p, "u")
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    (ddu,) = torch.autograd.grad(du.sum(), t, create_graph=True)
    return ((ddu + u) ** 2).mean()


case(
    "Solve a differential equation",
    {"t": real(["N", 1], 0, 3)},
    {**dense("u.0", 16, 1), **dense("u.1", 1, 16)},
    adam(0.01),
    equation,
)

# Optimizers.


def accumulated(p, loss):
    optimizer = torch.optim.SGD(p.values(), lr=0.5)
    for step in range(1, STEPS + 1):
        value = loss()
        (value / 4).backward()
        if step % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
        yield value.item()


case(
    "Accumulate gradients",
    {**X, **Y},
    mlp("p", 8, 1),
    accumulated,
    lambda i, p: F.mse_loss(two_layers(i["x"], p), i["y"]),
)


def squares(i, p):
    return F.mse_loss(two_layers(i["x"], p), i["y"])


def scheduled(p, loss):
    optimizer = torch.optim.AdamW(p.values(), lr=0.02)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / 20, total_iters=19)
    rest = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 180)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, rest], [19])
    for _ in range(60):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        scheduler.step()
        yield value.item()


case("Let the learning rate follow a schedule", {**X, **Y}, mlp("p", 16, 1), scheduled, squares)


def clipping(clip, **options):
    """Steps whose gradients are clipped first, which the first ones must need."""

    def train(p, loss):
        optimizer = torch.optim.SGD(p.values(), lr=0.1, **options)
        for step in range(STEPS):
            optimizer.zero_grad()
            value = loss()
            value.backward()
            before = [t.grad.clone() for t in p.values()]
            clip(p.values())
            assert step > 0 or any(not torch.equal(a, b.grad) for a, b in zip(before, p.values()))
            optimizer.step()
            yield value.item()

    return train


case(
    "Clip the norm of gradients",
    {**X, **Y},
    mlp("p", 16, 1),
    clipping(lambda p: nn.utils.clip_grad_norm_(p, 0.5), momentum=0.9),
    squares,
)
case(
    "Clip every gradient",
    {**X, **Y},
    mlp("p", 16, 1),
    clipping(lambda p: nn.utils.clip_grad_value_(p, 0.1)),
    squares,
)



def body_and_head(i, p):
    return linear(torch.tanh(linear(i["x"], p, "body")), p, "head")


def part(p, name):
    return [t for path, t in p.items() if path.startswith(f"{name}.")]


case(
    "Give parts their own learning rates",
    {**X, **Y},
    {**dense("body", 16, 4), **dense("head", 1, 16)},
    lambda p, loss: steps_of(
        torch.optim.AdamW(
            [
                {"params": part(p, "body"), "lr": 1e-3, "weight_decay": 0.1},
                {"params": part(p, "head"), "lr": 2e-2, "weight_decay": 0.0},
            ]
        ),
        loss,
    ),
    lambda i, p: F.mse_loss(body_and_head(i, p), i["y"]),
)


def frozen(p, loss):
    for w in part(p, "body"):
        w.requires_grad = False
    return steps_of(torch.optim.Adam(part(p, "head"), lr=0.05), loss)


case(
    "Freeze layers",
    {**X, **LABEL},
    {**dense("body", 16, 4), **dense("head", 3, 16)},
    frozen,
    lambda i, p: F.cross_entropy(body_and_head(i, p), i["y"]),
)

# Sequences.

GRU = nn.GRU(3, 16, batch_first=True)
LSTM = nn.LSTM(8, 16, batch_first=True)


def recurrent(name, gates, inputs):
    sizes = {"weight_ih_l0": [gates * 16, inputs], "weight_hh_l0": [gates * 16, 16], "bias_ih_l0": [gates * 16], "bias_hh_l0": [gates * 16]}
    return {f"{name}.{key}": real(size, -0.4, 0.4) for key, size in sizes.items()}


def run(module, p, name, *args):
    # `functional_call` does not reach the list that recurrent modules read.
    module._flat_weights = [p[f"{name}.{key}"] for key in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    return module(*args)


def series(i, p):
    packed = nn.utils.rnn.pack_padded_sequence(i["x"], i["lengths"].long(), batch_first=True, enforce_sorted=False)
    _, h = run(GRU, p, "h", packed)
    return F.cross_entropy(linear(h[-1], p, "z"), i["y"])


case(
    "Classify sequences of different lengths",
    {"x": real(["N", 10, 3], -1, 1), "lengths": {"shape": ["N"], "choices": [1, 2, 5, 7, 9, 10]}, "y": whole(["N"], 2)},
    {**recurrent("h", 3, 3), **dense("z", 2, 16)},
    adam(0.02),
    series,
)


def handover(i, p):
    _, state = run(LSTM, p, "encoder.1", F.embedding(i["source"], p["encoder.0.weight"]))
    out, _ = run(LSTM, p, "decoder.1", F.embedding(i["before"], p["decoder.0.weight"]), state)
    return F.cross_entropy(linear(out, p, "z").reshape(-1, 9), i["answer"].reshape(-1))


case(
    "Begin a decoder with the state of an encoder",
    {"source": whole(["N", 6], 9), "before": whole(["N", 5], 9), "answer": whole(["N", 5], 9)},
    {
        "encoder.0.weight": real([9, 8], -1, 1),
        **recurrent("encoder.1", 4, 8),
        "decoder.0.weight": real([9, 8], -1, 1),
        **recurrent("decoder.1", 4, 8),
        **dense("z", 9, 16),
    },
    adam(0.01),
    handover,
)

# The file.

path = pathlib.Path(__file__).parent / "recipes.json"
if "--check" in sys.argv:
    kept = json.loads(path.read_text())
    assert kept.keys() == CASES.keys(), "other recipes"
    for title, found in CASES.items():
        for name in ("inputs", "parameters"):
            assert kept[title][name] == found[name], f"{title}: other {name}"
        off = max(abs(a - b) for a, b in zip(kept[title]["losses"], found["losses"], strict=True))
        assert off <= 1e-10, f"{title}: {off}"
else:
    path.write_text(json.dumps(CASES, indent=1) + "\n")
