#!/usr/bin/python3
"""Trains the digit recogniser of this example and writes everything that is committed beside it.

    /usr/bin/python3 examples/digits/train.py          (Debian: python3-torch python3-sklearn; some 20 s)

Data: the 1,797 handwritten digits of sklearn's load_digits (8x8 pixels, values 0 to 16), scaled to 0 to 1. A fifth of the
images, stratified by class, is held out and never trained on. Writes
    digits.onnx                 the trained network, opset 13, batch size "N"
    digits.nnf.txt, weights/    the same network as a graph file with its weights as .npy
    images.npy, labels.npy      the held-out images [n, 1, 8, 8] float32 and their digits [n] int64
    expected.npy                PyTorch's log-probabilities for them [n, 10] float32
    accuracy.json               what PyTorch reaches on them
"""
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from network import Digits

HERE = Path(__file__).resolve().parent
EPOCHS, BATCH, SEED = 60, 64, 20

# The network once more, as graph-file nodes: op, arguments, output. A string names a tensor; "network.parameter" is a
# constant. tests compare both spellings with PyTorch's numbers.
NODES = [
    ("conv2d", {"input": "images", "weight": "stem.weight", "padding": 1}, "stem"),
    ("batch_norm", {"input": "stem", "running_mean": "stem_norm.running_mean", "running_var": "stem_norm.running_var",
                    "weight": "stem_norm.weight", "bias": "stem_norm.bias"}, "stem_norm"),
    ("relu", {"input": "stem_norm"}, "stem_relu"),
    ("conv2d", {"input": "stem_relu", "weight": "widen.weight", "bias": "widen.bias", "padding": 1}, "widen"),
    ("leaky_relu", {"input": "widen", "negative_slope": 0.1}, "widen_relu"),
    ("max_pool2d", {"input": "widen_relu", "kernel_size": 2}, "pooled"),
    ("conv2d", {"input": "pooled", "weight": "block.weight", "padding": 1}, "block"),
    ("batch_norm", {"input": "block", "running_mean": "block_norm.running_mean",
                    "running_var": "block_norm.running_var", "weight": "block_norm.weight",
                    "bias": "block_norm.bias"}, "block_norm"),
    ("sigmoid", {"input": "block_norm"}, "gate"),
    ("mul", {"input": "block_norm", "other": "gate"}, "gated"),
    ("add", {"input": "pooled", "other": "gated"}, "residual"),
    ("avg_pool2d", {"input": "residual", "kernel_size": 2}, "averaged"),
    ("flatten", {"input": "averaged", "start_dim": 1}, "features"),
    ("linear", {"input": "features", "weight": "hidden.weight", "bias": "hidden.bias"}, "hidden"),
    ("relu", {"input": "hidden"}, "hidden_relu"),
    ("linear", {"input": "hidden_relu", "weight": "classes.weight", "bias": "classes.bias"}, "classes"),
    ("log_softmax", {"input": "classes", "dim": 1}, "logprobs"),
]


def shifted(images):
    """Each image moved by up to one pixel: the only augmentation."""
    out = torch.empty_like(images)
    padded = F.pad(images, (1, 1, 1, 1))
    for i, (dy, dx) in enumerate(torch.randint(0, 3, (len(images), 2)).tolist()):
        out[i] = padded[i, :, dy:dy + 8, dx:dx + 8]
    return out


def train(images, labels):
    model = Digits()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.nll_loss(model(shifted(images[batch])), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def write_onnx(model):
    # PRESERVE keeps the batch-norms apart, as training frameworks leave them: folding them is the compiler's business.
    torch.onnx.export(model, torch.zeros(2, 1, 8, 8), str(HERE / "digits.onnx"), opset_version=13,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, input_names=["images"],
                      output_names=["logprobs"], dynamic_axes={"images": {0: "N"}, "logprobs": {0: "N"}})


def tensor_type(array):
    kinds = {np.dtype(np.float32): "FLOAT32"}
    return f"dtype: {kinds[array.dtype]} " + " ".join(f"dims {{ size: {size} }}" for size in array.shape)


def argument(name, value):
    field = {str: 'tensor: "{}"', int: "i: {}", float: "f: {}"}[type(value)].format(value)
    return f'  arguments {{ name: "{name}" {field} }}\n'


def write_graph(model):
    folder = HERE / "weights"
    folder.mkdir(exist_ok=True)
    symbolic = 'dims { symbol: "N" } dims { size: 1 } dims { size: 8 } dims { size: 8 }'
    text = ["# Written by train.py: the network of digits.onnx as a graph file.\n", 'name: "digits"\n',
            f'inputs {{ name: "images" type {{ dtype: FLOAT32 {symbolic} }} }}\n']
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        array = value.numpy()
        np.save(folder / f"{name}.npy", array)
        text.append(f'constants {{ name: "{name}" tensor {{ type {{ {tensor_type(array)} }} '
                    f'file: "weights/{name}.npy" }} }}\n')
    for op, arguments, output in NODES:
        text.append(f'nodes {{\n  op: "{op}"\n  name: "{output}"\n' +
                    "".join(argument(*item) for item in arguments.items()) + f'  outputs: "{output}"\n}}\n')
    text.append('outputs: "logprobs"\n')
    (HERE / "digits.nnf.txt").write_text("".join(text))


def main():
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).div(16).unsqueeze(1)
    labels = torch.tensor(data.target, dtype=torch.int64)
    kept, held_out = train_test_split(np.arange(len(images)), test_size=0.2, stratify=data.target, random_state=SEED)
    model = train(images[kept], labels[kept])
    with torch.no_grad():
        expected = model(images[held_out])
    correct = int((expected.argmax(1) == labels[held_out]).sum())
    accuracy = correct / len(held_out)
    print(f"{correct} of {len(held_out)} held-out digits right: {accuracy:.2%}")
    assert accuracy >= 0.97, "worse than the example promises: change SEED or EPOCHS"

    np.save(HERE / "images.npy", images[held_out].numpy())
    np.save(HERE / "labels.npy", labels[held_out].numpy())
    np.save(HERE / "expected.npy", expected.numpy())
    summary = {"images": len(held_out), "correct": correct, "accuracy": round(accuracy, 4), "torch": torch.__version__}
    (HERE / "accuracy.json").write_text(json.dumps(summary, indent=2) + "\n")
    write_graph(model)
    write_onnx(model)


if __name__ == "__main__":
    main()
