"""Reads [[line, text], …] of Python from stdin; writes which names of PyTorch in them do not exist. A text that is no Python is an error."""

import ast
import json
import sys

import torch

ROOTS = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}


def dotted(node):
    """["torch", "optim", "SGD"] for torch.optim.SGD; None for what is no chain of names."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else None


missing, found = [], 0
for line, text in json.load(sys.stdin):
    for node in ast.walk(ast.parse(text, filename=f"line {line}")):
        names = dotted(node) if isinstance(node, ast.Attribute) else None
        if not names or names[0] not in ROOTS:
            continue
        value = ROOTS[names[0]]
        for name in names[1:]:
            value = getattr(value, name, None)
        found += 1
        if value is None:
            missing.append([line, ".".join(names)])
json.dump({"missing": missing, "found": found}, sys.stdout)
