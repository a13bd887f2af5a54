#!/usr/bin/python3
"""Exports the models of the model tests, with seeded random weights, and PyTorch's answers.

    /usr/bin/python3 test/models/export.py --out build/models [CASE...]

Needs Debian's python3-torch and python3-torchvision. For each case writes build/models/CASE/
    model.onnx              the model
    inputs/NAME.npy         one input each
    expected/NAME.npy       PyTorch's output for them
    stamp                   hash of the scripts and versions: a case whose stamp is current is not exported again
"""
import argparse
import hashlib
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torchvision
from torch import nn

import networks

HERE = Path(__file__).resolve().parent
SEED = 7


@dataclass
class Case:
    """One exported model. `inputs` makes its tensors for a batch; `symbolic`: the batch size is the symbol N."""
    network: Callable[[], nn.Module]
    inputs: Callable[[int], dict]
    outputs: list
    opset: int
    batch: int = 1
    symbolic: bool = False
    # Names of sizes, {tensor: {dimension: name}}; then the export traces inputs(batch) and the test runs inputs(batch + 1).
    axes: dict | None = None
    # Samples that batch statistics are taken of: one alone has none worth the name. 0: they stay 0 and 1.
    samples: int = 2
    # Of the models of zoo.py: a part of the error that nnfc gives, as long as it cannot compile this one.
    missing: str = ""
    # Keep batch-norms apart and constants unfolded, as a training framework leaves them.
    preserve: bool = False
    # Only in the full product (test/models/run.py --all).
    full: bool = False


def image(side):
    return lambda batch: {"image": torch.randn(batch, 3, side, side)}


def audio(batch):
    return {"audio": torch.randn(batch, 1, 16000)}


def text(tokens):
    def make(batch):
        mask = torch.ones(batch, tokens, dtype=torch.int64)
        mask[0, tokens - tokens // 4:] = 0  # a padded sentence
        return {"input_ids": torch.randint(0, 30522, (batch, tokens)), "attention_mask": mask}
    return make


def resnet50():
    return torchvision.models.resnet50(weights=None)


def mobilenet_v2():
    return torchvision.models.mobilenet_v2(weights=None)


def encoder(layers):
    return lambda: networks.Encoder(layers)


CASES = {
    "resnet50": Case(resnet50, image(224), ["logits"], opset=13, preserve=True),
    "resnet50-n": Case(resnet50, image(224), ["logits"], opset=9, batch=2, symbolic=True, full=True),
    "mobilenet_v2": Case(mobilenet_v2, image(224), ["logits"], opset=13),
    "mobilenet_v2-n": Case(mobilenet_v2, image(224), ["logits"], opset=10, batch=3, symbolic=True, preserve=True),
    "unet": Case(networks.UNet, image(128), ["mask"], opset=13),
    "unet-n": Case(networks.UNet, image(128), ["mask"], opset=11, batch=2, symbolic=True, preserve=True, full=True),
    "bert": Case(encoder(12), text(128), ["hidden", "pooled"], opset=14),
    "bert-small": Case(encoder(2), text(64), ["hidden", "pooled"], opset=17),
    "bert-small-n": Case(encoder(2), text(64), ["hidden", "pooled"], opset=15, batch=3, symbolic=True, preserve=True),
    "audionet": Case(networks.AudioNet, audio, ["logprobs"], opset=16),
    "audionet-n": Case(networks.AudioNet, audio, ["logprobs"], opset=12, batch=2, symbolic=True, preserve=True),
    "blocks": Case(networks.Blocks, image(30), ["logits"], opset=13),
    "blocks-n": Case(networks.Blocks, image(30), ["logits"], opset=13, batch=2, symbolic=True, preserve=True),
}


def calibrate(model, inputs):
    """Gives random weights the manners of trained ones: activations of size one, batch statistics that are not 0 and 1.

    Running statistics are taken from a pass over random data, then moved a little, so that leaving out or mixing up a
    batch-norm shows in the result. Linear layers of the encoder get the spread that makes attention choose.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # a plain average
        nn.init.uniform_(norm.weight, 0.6, 1.4)
        # Around 0 half of what ReLU is given is lost, and the next norm's division by the rest's deviation makes rounding
        # errors 1.2 times larger, layer by layer: after 100 layers PyTorch itself is 2e-4 off its result in float64.
        nn.init.normal_(norm.bias, 0.5, 0.2)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=1.5 / module.in_features**0.5)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
            nn.init.normal_(module.weight, std=0.5)
    for name, parameter in model.named_parameters():
        if "layer_scale" in name:  # 1e-6 at first: what it scales would not show in the result
            nn.init.uniform_(parameter, 0.2, 0.6)
    if norms and inputs:
        model.eval()
        for norm in norms:  # only they: detection models want targets when in training
            norm.train()
        model(*inputs.values())
        for norm in norms:
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.8, 1.25)
            norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
    return model.eval()


def prepared(case):
    """The model with its weights, the inputs to trace it with and those to compare results for."""
    torch.manual_seed(SEED)
    model = case.network()
    with torch.no_grad():
        calibrate(model, case.inputs(max(case.batch, case.samples)) if case.samples else None)
        traced = case.inputs(case.batch)
        return model, traced, case.inputs(case.batch + 1) if case.axes else traced


def export(name, case, folder):
    model, traced, inputs = prepared(case)
    with torch.no_grad():
        results = model(*inputs.values())
    results = results if isinstance(results, tuple) else (results,)
    shutil.rmtree(folder, ignore_errors=True)
    for part, tensors in (("inputs", inputs), ("expected", dict(zip(case.outputs, results)))):
        (folder / part).mkdir(parents=True)
        for tensor_name, tensor in tensors.items():
            sane = torch.isfinite(tensor).all() and (tensor.numel() == 0 or tensor.abs().max() < 1e3)
            assert part == "inputs" or sane, f"{name}: {tensor_name} got out of hand"
            np.save(folder / part / f"{tensor_name}.npy", tensor.numpy())
    axes = {t: {0: "N"} for t in [*inputs, *case.outputs]} if case.symbolic else case.axes
    mode = torch.onnx.TrainingMode.PRESERVE if case.preserve else torch.onnx.TrainingMode.EVAL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of every Python number it traces
        torch.onnx.export(model, tuple(traced.values()), str(folder / "model.onnx"), opset_version=case.opset,
                          training=mode, do_constant_folding=not case.preserve, input_names=list(inputs),
                          output_names=case.outputs, dynamic_axes=axes)
    return model


def stamp():
    """What an export depends on."""
    text = "".join((HERE / f).read_text() for f in ("export.py", "networks.py"))
    return hashlib.sha256(f"{torch.__version__} {torchvision.__version__} {text}".encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all; " + ", ".join(CASES))
    parser.add_argument("--out", type=Path, required=True, help="folder of the exported models")
    options = parser.parse_args()
    for name in options.cases:
        if name not in CASES:
            parser.error(f"case '{name}', expected one of {', '.join(CASES)}")
    current = stamp()
    for name in options.cases or CASES:
        folder = options.out / name
        mark = folder / "stamp"
        if mark.exists() and mark.read_text() == current:
            continue
        print(f"exporting {name}", file=sys.stderr, flush=True)
        export(name, CASES[name], folder)
        mark.write_text(current)


if __name__ == "__main__":
    main()
