#!/usr/bin/python3
"""Exports what ./dev bench measures, as the model tests do (test/models/export.py), and prints the folders.

    /usr/bin/python3 -B bench/cases.py --out build/bench/cases --level models [--only TEXT,TEXT] [--batch 1,8]

Needs Debian's PyTorch. A case is a folder as the model tests have it, with sizes that are numbers, and beside the model
    state.pt       the weights, from which PyPI's PyTorch makes the same module
    case.json      name, level, group, label, batch, inputs and outputs in the module's order, flops, bytes
"""
import argparse
import hashlib
import inspect
import json
import sys
from pathlib import Path
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import kernels
import models

import export as exporting  # of test/models

OPSET = 17
# As many as the largest batch: all batches have one set of weights.
SAMPLES = 8


def cases_of(level):
    return models.MODELS if level == "models" else kernels.cases()


def write(name, model, level, batch, folder):
    case = exporting.Case(model.network, model.inputs, model.outputs, OPSET, batch=batch,
                          samples=SAMPLES if level == "models" else 0)
    # torchvision 0.14 calls dropout in Swin with probability 0 but as in training, which not every engine takes.
    with mock.patch("torch.nn.functional.dropout", lambda x, *_, **__: x):
        module = exporting.export(name, case, folder)
    torch.save(module.state_dict(), folder / "state.pt")
    about = {"name": name, "level": level, "group": model.group, "label": model.label, "batch": batch,
             "inputs": list(model.inputs(1)), "outputs": model.outputs,
             "flops": contraction_flops(module, model.inputs(batch)), "bytes": model.bytes}
    (folder / "case.json").write_text(json.dumps(about, indent=1) + "\n")


class ContractionCount(TorchDispatchMode):
    """Counts two for each multiply-add of products and convolutions by the direct method, whatever a compiler makes of them."""

    def __init__(self):
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        aten = torch.ops.aten
        if function is aten.convolution.default:
            transposed = args[6]
            self.flops += 2 * (args[0] if transposed else result).numel() * args[1][0].numel()
        elif function in (aten.mm.default, aten.bmm.default):
            self.flops += 2 * result.numel() * args[0].size(-1)
        elif function in (aten.addmm.default, aten.baddbmm.default):
            self.flops += 2 * result.numel() * args[1].size(-1)
        return result


def contraction_flops(module, inputs):
    # With gradients: without, torch runs attention layers as one operator, inside which nobody sees.
    with ContractionCount() as count:
        module(*inputs.values())
    return count.flops


def stamp(model):
    """What an export depends on: the rest of the model tests may change."""
    sources = [path.read_text() for path in (Path(__file__), Path(models.__file__), Path(kernels.__file__), model.source) if path]
    functions = [inspect.getsource(f) for f in (exporting.calibrate, exporting.prepared, exporting.export)]
    return hashlib.sha256("".join([torch.__version__, *sources, *functions]).encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the exported models")
    parser.add_argument("--level", choices=["models", "kernels"], required=True)
    parser.add_argument("--only", default="", help="cases whose 'group name' holds one of these, by comma")
    parser.add_argument("--batch", type=lambda text: [int(n) for n in text.split(",")], default=[1, 8])
    options = parser.parse_args()
    parts = options.only.split(",")
    # A kernel's sizes are its own: a batch would only be another size.
    batches = options.batch if options.level == "models" else [1]
    for name, model in cases_of(options.level).items():
        if not any(part in f"{model.group} {name}" for part in parts):
            continue
        for batch in batches:
            folder = options.out / options.level / f"{name}-b{batch}"
            mark, current = folder / "stamp", stamp(model)
            if not mark.exists() or mark.read_text() != current:
                print(f"exporting {name}, batch {batch}", file=sys.stderr, flush=True)
                write(name, model, options.level, batch, folder)
                mark.write_text(current)
            print(folder, flush=True)


if __name__ == "__main__":
    main()
