"""What PyTorch (f64) says of programs that are trained some steps: optimizers, schedules, groups, clipping, averages and states,
written from the language page alone: `unseen-training.json`.

Run `/usr/bin/python3 test/oracle/unseen_training_oracle.py`; `test/unseen-recurrence.test.ts` compares.
"""
import math
import torch
import torch.nn.functional as F
from torch.optim import lr_scheduler as schedulers
from unseen_oracle import CASES, write
from unseen_programs import affine, inp, linear, program
from unseen_sequences_oracle import run, weights

CASES.clear()
ROWS, STEPS = 4, 6


def trained(name, head, optimizer, fn, inputs, params, make, steps=STEPS):
    """A program that ends in an optimizer; `make` has the parameters and gives what a step does when the gradients are there."""
    program(name, f"{head}\n  {optimizer} }}", inputs, params)(fn)
    CASES[-1]["train"] = (make, steps)


def torch_step(p, make, schedule=None, clip=None, value=None):
    """A step of an optimizer of torch, of the parameters that it is made of."""
    o = make(list(p.values()))
    s = None if schedule is None else schedule(o)

    def step(k):
        group = [q for g in o.param_groups for q in g["params"]]
        if clip is not None: torch.nn.utils.clip_grad_norm_(group, clip)
        if value is not None: torch.nn.utils.clip_grad_value_(group, value)
        o.step()
        if s is not None: s.step()
    return step


GRU = """model M { input x: [N, 4, 2]; target y: [N]
  h = gru(x, 3); z = dense(h[:, -1], 1)[:, 0]
  output z; loss mse(z, y)"""
GRU_IN = dict(x=inp(None, 4, 2), y=inp(None))
GRU_PARAMS = {**weights("h", "gru", 2, 3), **affine("z", 1, 3)}


def gru_fn(i, p, N):
    z = linear(run("gru", i["x"], p, "h")[0][:, -1], p, "z")[:, 0]
    return dict(out={"z": z}, loss=F.mse_loss(z, i["y"]))


def gru(name, optimizer, make, steps=STEPS):
    trained(name, GRU, optimizer, gru_fn, GRU_IN, GRU_PARAMS, make, steps)


def warmed(steps, warmup, curve):
    """Of the number of steps made so far: the rate of the next, as a part of the first."""
    return lambda k: (k + 1) / warmup if k + 1 <= warmup else curve(min(1, (k + 1 - warmup) / (steps - warmup)))


O = torch.optim
half_wave = lambda a: 0.5 * (1 + math.cos(math.pi * a))
gru("adamw, a cosine after a warm-up, the norm clipped", "optimizer adamw(lr = cosine(0.05, steps = 5, warmup = 2, final = 0.01), clip_norm = 0.3)",
    lambda p: torch_step(p, lambda q: O.AdamW(q, 1.0), lambda o: schedulers.LambdaLR(o, lambda k: (lambda f: 0.05 * f if k + 1 <= 2 else 0.01 + 0.04 * f)(warmed(5, 2, half_wave)(k))), clip=0.3))
gru("momentum along a line, values clipped", "optimizer sgd(lr = linear(0.2, steps = 8, warmup = 3), momentum = 0.9, dampening = 0.1, weight_decay = 0.01, clip_value = 0.05)",
    lambda p: torch_step(p, lambda q: O.SGD(q, 0.2, momentum=0.9, dampening=0.1, weight_decay=0.01), lambda o: schedulers.LambdaLR(o, warmed(8, 3, lambda a: 1 - a)), value=0.05))
gru("adam, falling exponentially", "optimizer adam(lr = exponential(0.1, 0.7), beta1 = 0.8, weight_decay = 0.1)",
    lambda p: torch_step(p, lambda q: O.Adam(q, 0.1, betas=(0.8, 0.999), weight_decay=0.1), lambda o: schedulers.ExponentialLR(o, 0.7)))
gru("rmsprop in steps", "optimizer rmsprop(lr = step_decay(0.02, step_size = 2, gamma = 0.5), centered = true, momentum = 0.5)",
    lambda p: torch_step(p, lambda q: O.RMSprop(q, 0.02, centered=True, momentum=0.5), lambda o: schedulers.StepLR(o, 2, 0.5)))
gru("nesterov in one cycle", "optimizer nesterov(lr = one_cycle(0.3, steps = 10), momentum = 0.8)",
    lambda p: torch_step(p, lambda q: O.SGD(q, 0.3, momentum=0.8, nesterov=True), lambda o: schedulers.OneCycleLR(o, 0.3, total_steps=10, cycle_momentum=False)), 10)
for name, line, make in [
    ("adagrad", "adagrad(lr = 0.1, lr_decay = 0.1, initial_accumulator_value = 0.2)", lambda q: O.Adagrad(q, 0.1, 0.1, 0, 0.2)),
    ("adamax", "adamax(lr = 0.05, weight_decay = 0.02)", lambda q: O.Adamax(q, 0.05, weight_decay=0.02)),
    ("nadam", "nadam(lr = 0.05, momentum_decay = 0.01)", lambda q: O.NAdam(q, 0.05, momentum_decay=0.01)),
    ("radam", "radam(lr = 0.05)", lambda q: O.RAdam(q, 0.05)),
    ("adadelta", "adadelta(rho = 0.8, weight_decay = 0.1)", lambda q: O.Adadelta(q, rho=0.8, weight_decay=0.1)),
]:
    gru(name, f"optimizer {line}", lambda p, make=make: torch_step(p, make), 9)


def lion(p):
    m = {k: torch.zeros_like(v) for k, v in p.items()}
    def step(k):
        for n, v in p.items():
            v.data -= 0.01 * ((0.9 * m[n] + 0.1 * v.grad).sign() + 0.1 * v.data)
            m[n] = 0.99 * m[n] + 0.01 * v.grad
    return step


def lamb(p):
    m, s = ({k: torch.zeros_like(v) for k, v in p.items()} for _ in range(2))
    def step(k):
        for n, v in p.items():
            m[n] = 0.9 * m[n] + 0.1 * v.grad
            s[n] = 0.999 * s[n] + 0.001 * v.grad**2
            r = (m[n] / (1 - 0.9**k)) / ((s[n] / (1 - 0.999**k)).sqrt() + 1e-6) + 0.1 * v.data
            trust = v.data.norm() / r.norm()
            v.data -= 0.02 * (trust if trust > 0 else 1.0) * r
    return step


gru("lion", "optimizer lion(lr = 0.01, weight_decay = 0.1)", lion)
gru("lamb", "optimizer lamb(lr = 0.02, weight_decay = 0.1)", lamb)


def by_hand(update):
    """A step of every parameter by itself."""
    def make(p):
        state = {}
        def step(k):
            grads = [v.grad.clone() for v in p.values()]
            for n, v in p.items(): update(n, v, grads, k, state)
        return step
    return make


def halving(n, v, grads, k, state): v.data -= 0.3 * 0.5 ** ((k - 1) // 2) * v.grad
gru("a schedule of one's own", "optimizer sgd(lr = halved(0.3, 2)) }\nfn halved(lr, every) = lr * 0.5^floor((step - 1) / every)\nmodel Other { param w = 1; loss w^2", by_hand(halving))
CASES[-1]["model"] = "M"


def signed(n, v, grads, k, state):
    total = sum((g**2).sum() for g in grads).sqrt()
    state[n] = 0.9 * state.get(n, 0) + v.grad / (total + 1)
    v.data -= 0.1 / math.sqrt(k) * state[n] / (1 + v.data.abs())
trained("an optimizer of one's own that sees all gradients", """optimizer calm(lr = 0.1, decay = 0.9) {
  state m = 0
  total = sqrt(l2(grads))
  m = decay * m + grad / (total + 1)
  param = param - lr / sqrt(step) * m / (1 + abs(param))
}
""" + GRU, "optimizer calm", gru_fn, GRU_IN, GRU_PARAMS, by_hand(signed))

# ---- groups
GROUPS = """model M { input x: [N, 3]; target y: int[N]
  encoder = dense(dense(x, 4, tanh), 3, tanh)
  middle = dense(encoder, 3, relu)
  head = dense(middle, 3)
  output head; loss cross_entropy(head, y)"""
GROUPS_IN = dict(x=inp(None, 3), y=inp(None, kind="i", k=3))
GROUPS_PARAMS = {**affine("encoder.0", 4, 3), **affine("encoder.1", 3, 4), **affine("middle", 3, 3), **affine("head", 3, 3)}


def groups_fn(i, p, N):
    h = torch.tanh(linear(torch.tanh(linear(i["x"], p, "encoder.0")), p, "encoder.1"))
    z = linear(F.relu(linear(h, p, "middle")), p, "head")
    return dict(out={"head": z}, loss=F.cross_entropy(z, i["y"]))


def several(*parts):
    """A step of each part: which parameters, and the step that is made of them."""
    def make(p):
        steps = [s({k: v for k, v in p.items() if which(k)}) for which, s in parts]
        return lambda k: [s(k) for s in steps]
    return make


first = lambda k: k.startswith("encoder") or k == "head.bias"
trained("two groups, each with its norm", GROUPS, "optimizer sgd(lr = 0.5, clip_norm = 0.05) for encoder, head.bias\n  optimizer adam(lr = 0.02, clip_norm = 0.1)", groups_fn, GROUPS_IN, GROUPS_PARAMS,
        several((first, lambda p: torch_step(p, lambda q: O.SGD(q, 0.5), clip=0.05)), (lambda k: not first(k), lambda p: torch_step(p, lambda q: O.Adam(q, 0.02), clip=0.1))))
trained("three groups, one on a schedule, the rest untrained", GROUPS, "optimizer adamw(lr = cosine(0.05, steps = 6)) for encoder.0\n  optimizer lion(lr = 0.01, weight_decay = 0.1) for head.weight\n  optimizer momentum(lr = 0.1) for middle.bias, encoder.1.weight", groups_fn, GROUPS_IN, GROUPS_PARAMS,
        several((lambda k: k.startswith("encoder.0"), lambda p: torch_step(p, lambda q: O.AdamW(q, 1.0), lambda o: schedulers.LambdaLR(o, lambda k: 0.05 * half_wave((k + 1) / 6)))),
                (lambda k: k == "head.weight", lion), (lambda k: k in ("middle.bias", "encoder.1.weight"), lambda p: torch_step(p, lambda q: O.SGD(q, 0.1, momentum=0.9)))))


# ---- what else a step does
def lm_fn(i, p, N):
    z = run("lstm", p["e.weight"][i["ids"]], p, "h")[0] @ p["e.weight"].T
    return dict(out={"z": z}, loss=F.cross_entropy(z[:, :-1].reshape(-1, 5), i["ids"][:, 1:].reshape(-1), ignore_index=0).nan_to_num(0))
trained("tied words, trained", """model M { input ids: int[N, 4]
  e = embedding(ids, 5, 3); h = lstm(e, 3); z = h @ e.weight'
  output z; loss cross_entropy(z[:, :-1], ids[:, 1:], ignore = 0)""", "optimizer adam(lr = 0.05)", lm_fn,
        dict(ids=inp(None, 4, kind="i", k=5)), {"e.weight": [5, 3], **weights("h", "lstm", 3, 3)}, lambda p: torch_step(p, lambda q: O.Adam(q, 0.05)))


def frozen_fn(i, p, N):
    h = torch.tanh(i["x"] @ p["w"].T)
    z = linear(h, p, "z")
    return dict(out={"z": z}, loss=F.mse_loss(z, i["y"]) + 0.01 * (p["z.weight"]**2).sum())
trained("frozen weights stay", """model M { input x: [N, 3]; target y: [N, 2]; frozen param w: [4, 3] ~ normal
  z = dense(tanh(x @ w'), 2)
  output z; loss mse(z, y) + 0.01 * l2(z.weight)""", "optimizer adam(lr = 0.05, weight_decay = 0.1)", frozen_fn,
        dict(x=inp(None, 3), y=inp(None, 2)), {"w": [4, 3], **affine("z", 2, 3 + 1)}, several((lambda k: k != "w", lambda p: torch_step(p, lambda q: O.Adam(q, 0.05, weight_decay=0.1)))))


def penalty_fn(i, p, N):
    x = i["x"].clone().requires_grad_(True)
    z = linear(torch.tanh(linear(x, p, "h")), p, "z")[:, 0]
    g, = torch.autograd.grad(z.sum(), x, create_graph=True)
    return dict(out={"z": z}, loss=F.mse_loss(z, i["y"]) + 0.1 * (g**2).sum(1).mean())
trained("a gradient in the loss, trained", """model M { input x: [N, 2]; target y: [N]
  h = dense(x, 4, tanh); z = dense(h, 1)[:, 0]; g = grad(sum(z), x)
  output z; loss mse(z, y) + 0.1 * mean(sum(g^2, axis = 1))""", "optimizer radam(lr = 0.05)", penalty_fn,
        dict(x=inp(None, 2), y=inp(None)), {**affine("h", 4, 2), **affine("z", 1, 4)}, lambda p: torch_step(p, lambda q: O.RAdam(q, 0.05)))


def decoder_fn(i, p, N):
    h = run("gru", torch.zeros(N, 3, 1), p, "h", first=linear(i["x"], p, "first")[None])[0]
    y = linear(h, p, "y")[..., 0]
    return dict(out={"y": y}, loss=F.smooth_l1_loss(y, i["target_of"]))
trained("weights decayed along a schedule", """model M { input x: [N, 2]; target target_of: [N, 3]
  first = dense(x, 3); h = gru(zeros([N, 3, 1]), 3, first = first); y = dense(h, 1)[..., 0]
  output y; loss huber(y, target_of)""", "optimizer adamw(lr = 0.03, weight_decay = linear(0.5, steps = 5))", decoder_fn,
        dict(x=inp(None, 2), target_of=inp(None, 3)), {**affine("first", 3, 2), **weights("h", "gru", 1, 3), **affine("y", 1, 3)},
        lambda p: (lambda o: lambda k: (o.param_groups[0].update(weight_decay=0.5 * max(0, 5 - k) / 5), o.step()))(O.AdamW(list(p.values()), 0.03)))

if __name__ == "__main__":
    write("unseen-training.json", [1, 3, 17], ROWS)
