"""Recurrent nets of torch.nn, in f64.

Reads from stdin, as JSON, a list of {cell, units: [...], act, reverse, bidirectional, masked, parameters: {path: {shape, data}}, inputs: {name: {shape, data}}}
and writes to stdout for each {output, loss, gradients: {path: data}}. The loss is Σ sin(y) w / rows over the steps that the mask leaves. Where the inputs have
`h`, and an LSTM's `c`, the net begins with them.
"""

import json
import sys

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def tensor(given):
    return torch.tensor(given["data"], dtype=torch.float64).reshape(given["shape"])


def net(case, features):
    options = {"nonlinearity": case["act"]} if case["cell"] == "rnn" else {}
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[case["cell"]]
    made = kind(
        features,
        case["units"][0],
        num_layers=len(case["units"]),
        bias=any("bias" in path for path in case["parameters"]),
        batch_first=True,
        bidirectional=case["bidirectional"],
        **options,
    )
    # Every name, and no other.
    made.load_state_dict({path: tensor(p) for path, p in case["parameters"].items()}, strict=True)
    return made


def solve(case):
    inputs = {name: tensor(given) for name, given in case["inputs"].items()}
    x, w = inputs["x"].requires_grad_(), inputs["w"]
    rnn = net(case, x.shape[-1])
    leaves = dict(rnn.named_parameters()) | {"x": x}
    start = None
    if "h" in inputs:
        leaves |= {name: inputs[name].requires_grad_() for name in ("h", "c") if name in inputs}
        # One after the other by layers, which come first here.
        start = inputs["h"].transpose(0, 1)
        if case["cell"] == "lstm":
            start = (start, inputs["c"].transpose(0, 1))
    rows, steps = x.shape[:2]
    there = torch.ones(rows, steps, 1)
    if case["masked"]:
        there = inputs["mask"].unsqueeze(-1)
        lengths = inputs["mask"].sum(1).long()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(rnn(packed, start)[0], batch_first=True, total_length=steps)
    elif case["reverse"]:
        y = rnn(x.flip(1), start)[0].flip(1)
    else:
        y = rnn(x, start)[0]
    loss = (y.sin() * w * there).sum() / rows
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return {
        "output": y.flatten().tolist(),
        "loss": loss.item(),
        "gradients": {name: g.flatten().tolist() for name, g in zip(leaves, gradients)},
    }


print(json.dumps([solve(case) for case in json.load(sys.stdin)]))
