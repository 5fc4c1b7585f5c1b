"""PyTorch, eager, on one thread: answers lines of JSON as hosts/child.ts does."""

import functools
import json
import sys
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

from torch_programs import CONVOLUTIONS, PROGRAMS

torch.set_num_threads(1)

CHECKED_STEPS = 3
CHECKED_ENTRIES = 16
LOOKS = 20

FUNCTIONS = {
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "gelu_erf": F.gelu,
    "sin": torch.sin,
}
ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}


def tensor_of(job, name, folder):
    return read_tensor(job["tensors"][name], folder)


def read_tensor(entry, folder):
    values = numpy.fromfile(Path(folder) / entry["file"], dtype=entry["dtype"]).reshape(entry["shape"])
    return torch.from_numpy(values)


def network_of(job, folder):
    network = job["network"]
    sizes = network["sizes"]
    modules = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        if modules:
            modules.append(ACTIVATIONS[network["activation"]]())
        layer = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            layer.weight.copy_(tensor_of(job, f"weight.{i}", folder))
            layer.bias.copy_(tensor_of(job, f"bias.{i}", folder))
        modules.append(layer)
    return torch.nn.Sequential(*modules)


def sample(tensor):
    values = tensor.detach().reshape(-1)
    count = min(CHECKED_ENTRIES, len(values))
    return [float(values[i * len(values) // count]) for i in range(count)]


def predict_work(job, folder):
    network = network_of(job, folder)
    x = tensor_of(job, "x", folder)
    last = (lambda z: F.softmax(z, -1)) if job["network"]["loss"] == "cross_entropy" else torch.sigmoid

    def call():
        with torch.inference_mode():
            return last(network(x))

    return 1, call, lambda: sample(call())


def train_work(job, folder):
    network = network_of(job, folder)
    x = tensor_of(job, "x", folder)
    y = tensor_of(job, "y", folder)
    if job["network"]["loss"] == "cross_entropy":
        y, loss_of = y.long(), F.cross_entropy
    else:
        loss_of = F.binary_cross_entropy_with_logits
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = optimizers[job["optimizer"]["name"]](network.parameters(), lr=job["optimizer"]["lr"])

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(network(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if job["kind"] == "epoch":
        batch = job["batch"]

        def epoch():
            total = torch.zeros(())
            order = torch.randperm(len(x))
            for at in range(0, len(x), batch):
                rows = order[at : at + batch]
                total += step(x[rows], y[rows]).detach() * len(rows)
            return float(total) / len(x)

        return 1, epoch, lambda: [epoch()]
    return 1, lambda: step(x, y), lambda: [float(step(x, y)) for _ in range(CHECKED_STEPS)]


def function_work(job, folder):
    x = tensor_of(job, "x", folder)
    function = FUNCTIONS[job["name"]]

    def call():
        with torch.inference_mode():
            return function(x)

    return len(x), call, lambda: sample(call())


def product_work(job, folder):
    n, form = job["n"], job["form"]
    x = tensor_of(job, "x", folder)
    other = tensor_of(job, "y" if form == "xᵀ·y" else "w", folder)
    left = x.T if form == "xᵀ·y" else x
    right = other.T if form == "x·wᵀ" else other

    def call():
        with torch.inference_mode():
            return torch.mm(left, right)

    return 2 * n**3, call, lambda: sample(call())


def program_work(job, folder):
    write = PROGRAMS[job["program"]]
    if job["program"] not in CONVOLUTIONS:
        return program_in(job, folder, write)
    # Which layout is faster depends on the sizes: a job gets the better of the two.
    writes = [functools.partial(write, layout=layout) for layout in (torch.contiguous_format, torch.channels_last)]
    write = min(writes, key=lambda each: least_time(program_in(job, folder, each)[1]))
    return *program_in(job, folder, write), str(write.keywords["layout"])


def least_time(call, calls=12):
    call()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def program_in(job, folder, write):
    parameters = {
        path: torch.nn.Parameter(read_tensor(entry, folder)) for path, entry in job["parameters"].items()
    }
    inputs = {name: read_tensor(entry, folder) for name, entry in job["tensors"].items()}
    # Indices are 64 bits wide there.
    inputs = {name: x if x.is_floating_point() else x.long() for name, x in inputs.items()}
    output, loss_of = write(parameters, job["settings"])
    if job["mode"] == "predict":
        inputs.pop("y", None)

        def call():
            with torch.inference_mode():
                return output(**inputs)

        return 1, call, lambda: sample(call())
    optimizer = torch.optim.SGD(parameters.values(), lr=job["lr"])

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(**inputs)
        loss.backward()
        optimizer.step()
        return loss

    return 1, step, lambda: [float(step()) for _ in range(CHECKED_STEPS)]


WORKS = {
    "program": program_work,
    "predict": predict_work,
    "train": train_work,
    "fit": train_work,
    "epoch": train_work,
    "function": function_work,
    "product": product_work,
}


class Timer:
    """Times slices of calls, as timing.ts does."""

    def __init__(self, call):
        self.call = call
        self.group = 1

    def slice(self, least):
        call, group = self.call, self.group
        start = time.perf_counter()
        calls, milliseconds = 0, 0.0
        while milliseconds < least:
            for _ in range(group):
                call()
            calls += group
            milliseconds = (time.perf_counter() - start) * 1000
        self.group = max(1, int(calls * least / (LOOKS * milliseconds)))
        return {"calls": calls, "milliseconds": milliseconds}


def peak_memory():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def main():
    timer = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                job = request["job"]
                units, call, check, *note = WORKS[job["kind"]](job, request["folder"])
                result = {"kind": "ready", "units": units, "check": check(), "note": " ".join(note)}
                timer = Timer(call)
            elif request["do"] == "run":
                result = timer.slice(request["milliseconds"])
            else:
                result = peak_memory()
            reply = {"result": result}
        except Exception as error:  # The parent says what went wrong.
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
