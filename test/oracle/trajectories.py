"""Fifty steps of every optimizer of the library with a schedule, clipping and two groups, by PyTorch's own
optimizers, clip_grad_norm_ and LambdaLR in f64; lamb and lion by the formulas of their papers. Also rates of
PyTorch's own schedulers.

    python3 test/oracle/trajectories.py            writes trajectories.json and trajectories.nn
    python3 test/oracle/trajectories.py --check    compares them with what it would write
"""

import json
import math
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
STEPS = 50
# After so many steps the average is noted too.
EARLY = 8
ROWS = 8


def wave(count, a, b):
    """Numbers that any language computes alike: fractions, no sines."""
    return [((i * a + b) % 23) / 11 - 1 for i in range(count)]


PARAMETERS = {"h.weight": ([4, 3], 7, 3), "h.bias": ([4], 5, 1), "z.weight": ([1, 4], 11, 2), "z.bias": ([1], 1, 5)}
X = torch.tensor(wave(ROWS * 3, 13, 4)).reshape(ROWS, 3)
Y = torch.tensor(wave(ROWS, 17, 9)).reshape(ROWS, 1)


class Lamb(torch.optim.Optimizer):
    """You et al., 2020, algorithm 2."""

    def __init__(self, params, lr, eps=1e-6, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                s = self.state[w]
                if not s:
                    s["t"], s["m"], s["v"] = 0, torch.zeros_like(w), torch.zeros_like(w)
                s["t"] += 1
                s["m"] = 0.9 * s["m"] + 0.1 * w.grad
                s["v"] = 0.999 * s["v"] + 0.001 * w.grad**2
                r = (s["m"] / (1 - 0.9 ** s["t"])) / ((s["v"] / (1 - 0.999 ** s["t"])).sqrt() + group["eps"])
                r = r + group["weight_decay"] * w
                trust = (w.norm() / r.norm()).item() if w.norm() > 0 and r.norm() > 0 else 1.0
                w -= group["lr"] * trust * r


class Lion(torch.optim.Optimizer):
    """Chen et al., 2023, algorithm 2."""

    def __init__(self, params, lr, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                s = self.state[w]
                if not s:
                    s["m"] = torch.zeros_like(w)
                c = 0.9 * s["m"] + 0.1 * w.grad
                w -= group["lr"] * (torch.sign(c) + group["weight_decay"] * w)
                s["m"] = 0.99 * s["m"] + 0.01 * w.grad


O = torch.optim
# The call here, and in PyTorch, without the rate; the rate of the first group.
OPTIMIZERS = {
    "sgd": ("momentum = 0.9, dampening = 0.1, weight_decay = 0.01", lambda p: O.SGD(p, 1, momentum=0.9, dampening=0.1, weight_decay=0.01), 0.05),
    "momentum": ("weight_decay = 0.01", lambda p: O.SGD(p, 1, momentum=0.9, weight_decay=0.01), 0.05),
    "nesterov": ("weight_decay = 0.01", lambda p: O.SGD(p, 1, momentum=0.9, nesterov=True, weight_decay=0.01), 0.05),
    "adagrad": ("weight_decay = 0.01", lambda p: O.Adagrad(p, 1, weight_decay=0.01), 0.05),
    "rmsprop": ("weight_decay = 0.01", lambda p: O.RMSprop(p, 1, weight_decay=0.01), 0.01),
    "adam": ("weight_decay = 0.01", lambda p: O.Adam(p, 1, weight_decay=0.01), 0.02),
    "adamw": ("weight_decay = 0.1", lambda p: O.AdamW(p, 1, weight_decay=0.1), 0.02),
    "adamax": ("weight_decay = 0.01", lambda p: O.Adamax(p, 1, weight_decay=0.01), 0.02),
    "nadam": ("weight_decay = 0.01", lambda p: O.NAdam(p, 1, weight_decay=0.01), 0.02),
    "radam": ("beta2 = 0.9, weight_decay = 0.01", lambda p: O.RAdam(p, 1, betas=(0.9, 0.9), weight_decay=0.01), 0.05),
    "adadelta": ("weight_decay = 0.01", lambda p: O.Adadelta(p, 1, weight_decay=0.01), 1.0),
    "lamb": ("weight_decay = 0.1", lambda p: Lamb(p, 1, weight_decay=0.1), 0.02),
    "lion": ("weight_decay = 0.1", lambda p: Lion(p, 1, weight_decay=0.1), 0.01),
}


def cosine(lr, t):
    """Forty steps with five of warm-up, down to a tenth."""
    final = lr / 10
    if t < 5:
        return lr * t / 5
    return final + (lr - final) * 0.5 * (1 + math.cos(math.pi * (t - 5) / 35)) if t < 40 else final


def model(name, call, lr):
    return f"""model {name.capitalize()} {{
  input x: [N, 3]
  target y: [N, 1]
  h = dense(x, 4, tanh)
  z = dense(h, 1)
  output z
  loss mse(z, y)
  optimizer {name}(lr = cosine({lr}, steps = 40, warmup = 5, final = {lr / 10:g}), {call}, clip_norm = 0.5, ema = 0.9) for h, z.bias
  optimizer {name}(lr = {lr / 2:g} * 0.99^step, {call}, clip_value = 0.2)
}}
"""


def run(name):
    _, make, lr = OPTIMIZERS[name]
    p = {k: torch.tensor(wave(math.prod(s), a, b)).reshape(s).requires_grad_() for k, (s, a, b) in PARAMETERS.items()}
    first, second = [p["h.weight"], p["h.bias"], p["z.bias"]], [p["z.weight"]]
    groups = [make(first), make(second)]
    rates = [lambda k: cosine(lr, k + 1), lambda k: lr / 2 * 0.99 ** (k + 1)]
    schedulers = [O.lr_scheduler.LambdaLR(g, rate) for g, rate in zip(groups, rates)]
    average = None
    losses = []
    for t in range(STEPS):
        out = torch.tanh(X @ p["h.weight"].T + p["h.bias"]) @ p["z.weight"].T + p["z.bias"]
        loss = ((out - Y) ** 2).mean()
        for g in groups:
            g.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(first, 0.5)
        torch.nn.utils.clip_grad_value_(second, 0.2)
        for g, s in zip(groups, schedulers):
            g.step()
            s.step()
        losses.append(loss.item())
        w = first[0].detach().clone()
        average = w if average is None else 0.9 * average + 0.1 * w
        if t == EARLY - 1:
            early = average.flatten().tolist()
    return {
        "losses": losses,
        "final": {k: v.detach().flatten().tolist() for k, v in p.items()},
        "average": average.flatten().tolist(),
        "early": early,
    }


def rates(make, lr=0.1):
    g = O.SGD([torch.zeros(1, requires_grad=True)], lr)
    s = make(g)
    found = []
    for _ in range(30):
        found.append(g.param_groups[0]["lr"])
        g.step()
        if len(found) < 30:
            s.step()
    return found


S = O.lr_scheduler
SCHEDULES = {
    "exponential(0.1, 0.9)": rates(lambda g: S.ExponentialLR(g, 0.9)),
    "step_decay(0.1, 7)": rates(lambda g: S.StepLR(g, 7)),
    "one_cycle(0.1, 30)": rates(lambda g: S.OneCycleLR(g, 0.1, total_steps=30, cycle_momentum=False)),
    "linear(0.1, steps = 20, warmup = 4)": rates(
        lambda g: S.LambdaLR(g, lambda k: (k + 1) / 4 if k < 3 else max(0, (20 - (k + 1)) / 16))
    ),
    "cosine(0.1, steps = 25)": rates(
        lambda g: S.LambdaLR(g, lambda k: 0.5 * (1 + math.cos(math.pi * min(1, (k + 1) / 25))))
    ),
}

made = {
    "inputs": {"x": X.flatten().tolist(), "y": Y.flatten().tolist()},
    "parameters": {k: wave(math.prod(s), a, b) for k, (s, a, b) in PARAMETERS.items()},
    "schedules": SCHEDULES,
    "runs": {name: run(name) for name in OPTIMIZERS},
}
sources = "// Written by trajectories.py: every optimizer with a schedule, clipping and two groups.\n\n" + "\n".join(
    model(name, call, lr) for name, (call, _, lr) in OPTIMIZERS.items()
)
text = "{" + ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in made.items()) + "}\n"


def far(a, b):
    if isinstance(a, dict):
        return a.keys() != b.keys() or any(far(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) != len(b) or any(far(x, y) for x, y in zip(a, b))
    return abs(a - b) > 1e-9 * (1 + abs(b))


if "--check" in sys.argv:
    same = not far(json.loads((HERE / "trajectories.json").read_text()), json.loads(text))
    sys.exit(0 if same else "trajectories.json is another")
(HERE / "trajectories.json").write_text(text)
(HERE / "trajectories.nn").write_text(sources)
