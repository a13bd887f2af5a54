"""The single kernels of ./dev bench, each a model of one operator: products, the convolutions of three networks, rows.

Sizes of the convolutions are taken from the networks themselves, by running them, so they cannot be mistyped.
"""
import functools

import models
from models import Model

FLOAT = 4  # bytes
GEMMS = [128, 256, 384, 512, 768, 1024, 1536, 2048]
# Rows, columns: what one token needs of a layer of BERT or GPT-2, and squares.
GEMVS = [(512, 512), (768, 768), (768, 3072), (3072, 768), (1024, 1024), (2048, 2048), (4096, 4096)]
# Rows, length: BERT's attention and hidden states, a vocabulary, a long and a short row.
ROWS = [(1536, 128), (128, 768), (512, 1024), (64, 50257), (4096, 4096), (65536, 64)]


def product(rows, inner, columns):
    """[rows, inner] times a constant of [inner, columns]."""
    def build():
        import torch
        from torch import nn

        class Product(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(inner, columns) / inner**0.5)

            def forward(self, x):
                return torch.matmul(x, self.weight)
        return Product()
    return build


def over_rows(function, length):
    def build():
        from torch import nn

        class Mean(nn.Module):
            def forward(self, x):
                return x.mean(dim=-1)
        return {"softmax": lambda: nn.Softmax(dim=-1), "layer_norm": lambda: nn.LayerNorm(length), "mean": Mean}[function]()
    return build


def matrix(rows, columns):
    def make(_):
        import torch
        return {"x": torch.randn(rows, columns)}
    return make


def convolution(size):
    def build():
        from torch import nn
        inputs, outputs, kernel, stride, padding, groups = size[:6]
        return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
    return build


def convolutions_of(network):
    """The distinct ones, in order: (inputs, outputs, kernel, stride, padding, groups, height, width)."""
    import torch
    from torch import nn
    found, model = {}, models.MODELS[network]

    def note(layer, inputs, _):
        assert layer.dilation == (1, 1) and layer.kernel_size[0] == layer.kernel_size[1]
        found[(layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.groups,
               *inputs[0].shape[2:])] = None

    module = model.network().eval()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    with torch.no_grad():
        module(*model.inputs(1).values())
    return list(found)


def convolution_case(size):
    inputs, outputs, kernel, stride, padding, groups, height, width = size
    kind = "depthwise" if groups == inputs > 1 else f"{groups} groups" if groups > 1 else ""
    channels = f"{inputs}" if kind == "depthwise" else f"{inputs} to {outputs}"
    label = " ".join(f"{kernel}x{kernel} {kind} {channels} of {height}x{width}{f' /{stride}' if stride > 1 else ''}".split())
    pixels = [(n + 2 * padding - kernel) // stride + 1 for n in (height, width)]
    moved = inputs * height * width + outputs * inputs // groups * kernel**2 + outputs * pixels[0] * pixels[1]
    name = f"conv{kernel}x{kernel}-{inputs}-{outputs}-{height}x{width}-s{stride}-g{groups}"
    return name, Model(label, convolution(size), models.image(inputs, height, width), ["y"], bytes=FLOAT * moved)


@functools.cache
def cases():
    """Name -> Model. A convolution that two networks have is the first one's."""
    made = {}

    def add(group, name, model):
        model.group = group
        made.setdefault(name, model)

    for n in GEMMS:
        add("gemm", f"gemm-{n}", Model(f"{n} x {n} x {n}", product(n, n, n), matrix(n, n), ["y"], bytes=3 * FLOAT * n * n))
    for rows, columns in GEMVS:
        add("gemv", f"gemv-{rows}x{columns}", Model(f"{rows} x {columns}", product(1, rows, columns), matrix(1, rows), ["y"],
                                                    bytes=FLOAT * (rows * columns + rows + columns)))
    for function in ("softmax", "layer_norm", "mean"):
        for rows, length in ROWS:
            moved = rows * length + (rows if function == "mean" else rows * length)
            add("rows", f"{function}-{rows}x{length}", Model(f"{function} {rows} x {length}", over_rows(function, length),
                                                             matrix(rows, length), ["y"], bytes=FLOAT * moved))
    for network in ("resnet50", "mobilenet_v2", "unet"):
        for size in convolutions_of(network):
            add(f"conv {network}", *convolution_case(size))
    return made
