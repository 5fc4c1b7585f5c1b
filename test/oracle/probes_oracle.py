"""What PyTorch's hooks see of a net of each kind in examples/, in one step of its optimizer, in f64.

Reads from stdin, as JSON, a list of {net, parameters: {path: {shape, data}}, inputs: {name: {shape, data}}}, and writes to stdout for
each the figures by the layer's path. The nets are written by hand, so that nothing of nndsl is in them but the paths.
"""

import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


class Layer(nn.Module):
    """Its calls are probed."""


class Dense(Layer):
    def __init__(self, inputs, units, act=lambda z: z):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(units, inputs))
        self.bias = nn.Parameter(torch.zeros(units))
        self.act = act

    def forward(self, x):
        return self.act(F.linear(x, self.weight, self.bias))


class Two(Layer):
    """Two linear maps of one input, put together."""

    def __init__(self, inputs, units, join):
        super().__init__()
        self.dense = nn.ModuleList([Dense(inputs, units), Dense(inputs, units)])
        self.join = join

    def forward(self, x):
        return self.join(self.dense[0](x), self.dense[1](x))


class Block(Layer):
    """A reversible block, here with everything kept."""

    def __init__(self, half, width, depth):
        super().__init__()
        self.f = nn.ModuleList([Dense(half, width, torch.tanh), Dense(width, half)])
        self.g = nn.ModuleList([Dense(half, width, torch.tanh), Dense(width, half)])
        self.depth = depth

    def forward(self, x):
        x1, x2 = x.chunk(2, -1)
        y1 = x1 + self.f[1](self.f[0](x2)) / self.depth
        y2 = x2 + self.g[1](self.g[0](y1)) / self.depth
        return torch.cat([y1, y2], -1)


class Net(nn.Module):
    def __init__(self, loss, optimizer, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, nn.ModuleList(layer) if isinstance(layer, list) else layer)
        self.loss = loss
        self.optimizer = optimizer


def chain(net, x):
    """Layers one after the other."""
    for child in net.children():
        for layer in child if isinstance(child, nn.ModuleList) else [child]:
            x = layer(x)
    return x


def labels(y):
    return y.long()


bce = lambda net, x, y: F.binary_cross_entropy_with_logits(chain(net, x), y)
ce = lambda net, x, y: F.cross_entropy(chain(net, x), labels(y))
mse = lambda net, x, y: F.mse_loss(chain(net, x), y)


def decay(net, t):
    t = t.requires_grad_()
    u = chain(net, t)
    du = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    return ((du + u) ** 2).mean() + (u[0, 0] - 1) ** 2


def transfer(net, x, y):
    return F.mse_loss(net.z(torch.tanh(x @ net.features.T)), y)


def beside(net, x, y):
    return F.binary_cross_entropy_with_logits(net.z(torch.cat([x, net.h(x)], 1)), y)


def plain(net, x, y):
    z = chain(net, x)
    p = z.exp() / z.exp().sum(1, keepdim=True)
    return -p.gather(1, labels(y)[:, None]).log().mean()


class Lion(torch.optim.Optimizer):
    """The first step, before there is any momentum."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * torch.sign((1 - 0.9) * p.grad)


adam = lambda lr: lambda params: torch.optim.Adam(params, lr=lr)
sgd = lambda lr: lambda params: torch.optim.SGD(params, lr=lr)
lion = lambda lr: lambda params: Lion(params, lr)
sigmoid, tanh, relu = torch.sigmoid, torch.tanh, torch.relu


def with_features(net):
    net.register_buffer("features", torch.zeros(3, 4))
    return net


NETS = {
    "xor": lambda: Net(bce, adam(0.1), h=Dense(2, 8, sigmoid), z=Dense(8, 1)),
    "mnist": lambda: Net(ce, adam(1e-3), h=[Dense(784, 6, relu), Dense(6, 5, relu)], logits=Dense(5, 10)),
    "digits": lambda: Net(ce, adam(1e-3), h=[Dense(784, 7, sigmoid), Dense(7, 6, sigmoid)], z=Dense(6, 10)),
    "iris": lambda: Net(
        lambda net, x, y: ce(
            net,
            (x - torch.tensor([5.843, 3.057, 3.758, 1.199])) / torch.tensor([0.828, 0.436, 1.765, 0.762]),
            y,
        ),
        adam(0.02),
        h=Dense(4, 16, tanh),
        logits=Dense(16, 3),
    ),
    "square": lambda: Net(mse, adam(0.1), h=Dense(1, 4, relu), z=Dense(4, 1)),
    "Glu": lambda: Net(bce, adam(0.1), g=Two(2, 4, lambda a, b: sigmoid(a) * b), z=Dense(4, 1)),
    "Maxout": lambda: Net(bce, adam(0.1), m=Two(2, 4, torch.maximum), z=Dense(4, 1)),
    "decay": lambda: Net(decay, adam(1e-2), h=Dense(1, 32, tanh), u=Dense(32, 1)),
    "reversible": lambda: Net(bce, adam(3e-3), h=[Dense(2, 4), Block(2, 4, 2), Block(2, 4, 2)], z=Dense(4, 1)),
    "transfer": lambda: with_features(Net(transfer, sgd(0.1), z=Dense(3, 1))),
    "own-activation": lambda: Net(
        mse,
        sgd(0.1),
        h=Dense(3, 4, lambda z: torch.where(z > 0, z, 0.5 * (z.exp() - 1))),
        z=Dense(4, 1),
    ),
    "own-loss": lambda: Net(
        lambda net, x, y: mse(net, x, y) + 1e-3 * (net.z.weight**2).sum(), sgd(0.1), z=Dense(3, 1)
    ),
    "own-optimizer": lambda: Net(bce, lion(0.02), h=Dense(2, 8, tanh), z=Dense(8, 1)),
    "xor-two-neurons": lambda: Net(beside, adam(0.1), h=Dense(2, 1, sigmoid), z=Dense(3, 1)),
    "heads": lambda: Net(ce, adam(1e-3), z=Dense(4, 3)),
    "plain-cross-entropy": lambda: Net(plain, sgd(0.1), z=Dense(4, 3)),
    "typed": lambda: Net(
        lambda net, x, y: F.binary_cross_entropy(chain(net, x), y),
        sgd(0.1),
        h=Dense(2, 3, relu),
        p=Dense(3, 1, sigmoid),
    ),
}


def tensor(given):
    return torch.tensor(given["data"], dtype=torch.float64).reshape(given["shape"])


def norm(x):
    return x.norm().item()


def probe(case):
    net = NETS[case["net"]]()
    net.load_state_dict({path: tensor(given) for path, given in case["parameters"].items()})
    outputs = {}

    def note(path):
        def hook(module, inputs, output):
            output.retain_grad()
            outputs[path] = output

        return hook

    layers = {path: module for path, module in net.named_modules() if isinstance(module, Layer)}
    for path, module in layers.items():
        module.register_forward_hook(note(path))
    optimizer = net.optimizer(net.parameters())
    loss = net.loss(net, **{name: tensor(given) for name, given in case["inputs"].items()})
    for output in outputs.values():
        # A gradient in the loss has left its own there.
        output.grad = None
    loss.backward()
    old = {path: p.detach().clone() for path, p in net.named_parameters()}
    optimizer.step()
    new = dict(net.named_parameters())

    figures = {}
    for path, module in layers.items():
        y = outputs[path].detach()
        own = [f"{path}.{name}" for name, _ in module.named_parameters(recurse=False)]
        dead = (y.reshape(-1, y.shape[-1]) == 0).all(0)
        figures[path] = {
            "mean": y.mean().item(),
            "std": y.std(unbiased=False).item(),
            "min": y.min().item(),
            "max": y.max().item(),
            "zeros": (y == 0).double().mean().item(),
            "units": y.shape[-1],
            "deadUnits": dead.nonzero().flatten().tolist(),
            "gradient": norm(outputs[path].grad),
            "gradients": {p: norm(new[p].grad) for p in own},
            "updates": {p: norm(new[p].detach() - old[p]) / norm(old[p]) for p in own},
        }
    return figures


json.dump([probe(case) for case in json.load(sys.stdin)], sys.stdout)
