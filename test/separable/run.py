#!/usr/bin/env python3
"""Depthwise convolutions with the pointwise ones around them, held against PyTorch in float64.

Each case is an ONNX model: images, perhaps a 1 x 1 convolution that expands, a depthwise one, perhaps a 1 x 1 one that
projects, activations between, a residual, a gate of the channels' means. Where the images between leave the second-level
cache they are one kernel: how many are launched is pinned for the generic CPUs, whose cache is taken to be small, and a
machine of its own may keep these sizes in cache. Random cases follow, by fixed seeds. All are in one library for each CPU
that this machine can stand for; runs with one and three threads are bitwise equal. Prints `FAIL case: why` lines and,
last, `N passed, N failed`.
"""
import argparse
import sys
from pathlib import Path

# Debian's numpy, onnx and PyTorch belong to Debian's Python.
if sys.executable != "/usr/bin/python3":
    import os
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "harness"))
import libraries  # noqa: E402
import nnf  # noqa: E402

GENERIC = tuple(cpu for cpu in libraries.CPUS if cpu != "native")
RANDOM_CASES = 12
FEWEST_FUSED = 4  # of them, with a projection: others have a gate in their way, or do not project

ACTIVATIONS = {
    "none": lambda x: x, "relu": F.relu, "relu6": F.relu6, "hardswish": F.hardswish, "silu": F.silu,
    "leaky": lambda x: F.leaky_relu(x, 0.1), "sigmoid": torch.sigmoid, "offset": lambda x: F.relu(x) + 1.5,
}


class Block:
    """One model and its formula. Sizes: images N x C x H x W (N the runs' batches; None: symbolic), channels after
    `expand` and `project` (None: there is no such convolution)."""

    def __init__(self, name, image, batches, depthwise, expand=None, project=None, acts=("relu6", "relu6", "none"),
                 residual=False, gate=False, dtype="float32", symbolic=False, launches=None, seed=0):
        self.name, self.image, self.batches, self.acts = name, image, batches, acts
        self.expand, self.project, self.residual, self.gate = expand, project, residual, gate
        self.kernel, self.stride, self.dilation, padding = depthwise
        self.padding = padding if len(padding) == 4 else padding * 2  # as ONNX has it: before, then after
        self.dtype, self.symbolic, self.launches, self.found = np.dtype(dtype), symbolic, launches, None
        self.random = np.random.default_rng(seed)
        channels = image[0]
        self.weights, self.expected = {}, []
        if expand:
            self.weight("expand", (expand, channels, 1, 1))
            channels = expand
        self.weight("depthwise", (channels, 1, *self.kernel))
        self.middle = channels
        if project:
            self.weight("project", (project, channels, 1, 1))

    def weight(self, name, shape):
        scale = np.prod(shape[1:]) ** -0.5
        self.weights[name] = (self.random.standard_normal(shape) * scale).astype(self.dtype)
        self.weights[name + "_bias"] = self.random.standard_normal(shape[0]).astype(self.dtype)

    def model(self):
        nodes, kind = [], helper.np_dtype_to_tensor_dtype(self.dtype) if hasattr(helper, "np_dtype_to_tensor_dtype") \
            else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[self.dtype]
        constants = dict(self.weights, lo=np.array(0, self.dtype), hi=np.array(6, self.dtype), up=np.array(1.5, self.dtype))

        def add(op, *inputs, **attributes):
            nodes.append(helper.make_node(op, inputs, [f"v{len(nodes)}"], **attributes))
            return nodes[-1].output[0]

        def activate(name, x):
            if name == "silu":
                return add("Mul", x, add("Sigmoid", x))
            if name == "offset":
                return add("Add", add("Relu", x), "up")
            if name == "none":
                return x
            if name == "relu6":
                return add("Clip", x, "lo", "hi")
            return add({"relu": "Relu", "hardswish": "HardSwish", "leaky": "LeakyRelu", "sigmoid": "Sigmoid"}[name], x,
                       **({"alpha": 0.1} if name == "leaky" else {}))

        x = "x"
        if self.expand:
            x = activate(self.acts[0], add("Conv", x, "expand", "expand_bias"))
        x = add("Conv", x, "depthwise", "depthwise_bias", group=self.middle, strides=self.stride,
                dilations=self.dilation, pads=self.padding)
        x = activate(self.acts[1], x)
        if self.gate:
            x = add("Mul", x, add("Sigmoid", add("GlobalAveragePool", x)))
        if self.project:
            x = activate(self.acts[2], add("Conv", x, "project", "project_bias"))
        if self.residual:
            x = add("Add", x, "x")
        nodes[-1].output[0] = "y"
        batch = "N" if self.symbolic else self.batches[0]
        graph = helper.make_graph(
            nodes, self.name, [helper.make_tensor_value_info("x", kind, [batch, *self.image])],
            [helper.make_tensor_value_info("y", kind, None)],
            [numpy_helper.from_array(value, name) for name, value in constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)

    def references(self):
        """Inputs and what is expected of them, for each batch: computed once."""
        if not self.expected:
            for batch in self.batches:
                image = self.random.standard_normal((batch, *self.image)).astype(self.dtype)
                self.expected.append((image, self.formula(image)))
        return self.expected

    def formula(self, image):
        w = {name: torch.from_numpy(value.astype(np.float64)) for name, value in self.weights.items()}
        x = start = torch.from_numpy(image.astype(np.float64))
        if self.expand:
            x = ACTIVATIONS[self.acts[0]](F.conv2d(x, w["expand"], w["expand_bias"]))
        top, left, bottom, right = self.padding
        x = F.conv2d(F.pad(x, (left, right, top, bottom)), w["depthwise"], w["depthwise_bias"], self.stride, 0,
                     self.dilation, self.middle)
        x = ACTIVATIONS[self.acts[1]](x)
        if self.gate:
            x = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
        if self.project:
            x = ACTIVATIONS[self.acts[2]](F.conv2d(x, w["project"], w["project_bias"]))
        return (x + start if self.residual else x).numpy()

    def why_wrong(self, library, runtime, cpu):
        with nnf.Program(library, self.name, runtime) as program, nnf.Context(program, threads=1) as one, \
                nnf.Context(program, threads=3) as three:
            self.found = program.model.num_launches
            if self.launches and cpu in GENERIC and self.found not in np.atleast_1d(self.launches):
                return f"{self.found} launches, expected {self.launches}"
            for image, expected in self.references():
                found, again = one.run({"x": image})["y"].copy(), three.run({"x": image})["y"]
                if found.shape != expected.shape:
                    return f"{list(found.shape)}, expected {list(expected.shape)}"
                bound = (1e-12 if self.dtype == np.float64 else 1e-5) * np.abs(expected).max()
                worst = np.nanmax(np.abs(found - expected))
                if np.isnan(found).any() or worst > bound:
                    return f"batch {len(image)}: off by {worst:.3g}, more than {bound:.3g}"
                if again.tobytes() != found.tobytes():
                    return f"batch {len(image)}: other bits with three threads"
        return None


def square(kernel, stride=1, dilation=1, padding=None):
    padding = (kernel - 1) * dilation // 2 if padding is None else padding
    return (kernel, kernel), (stride, stride), (dilation, dilation), (padding, padding)


# Two launches are the transposes at the rim; a gate takes a kernel for the means and one for what they are multiplied
# with. Images of half the size project apart where vectors are short.
CASES = [
    Block("residual", (24, 36, 40), [2], square(3), expand=96, project=24, residual=True, launches=3),
    Block("halved", (16, 74, 75), [1], square(3, stride=2), expand=96, project=24, launches=(3, 4)),
    Block("five_taps", (24, 66, 65), [2], square(5, stride=2), expand=72, project=40,
          acts=("hardswish", "hardswish", "none"), launches=(3, 4)),
    Block("gated", (16, 41, 40), [2], square(3), expand=80, project=24, acts=("silu", "silu", "none"), gate=True,
          launches=7),
    Block("gated_five", (24, 29, 31), [3], square(5), expand=72, project=24, acts=("relu", "relu", "none"), gate=True,
          residual=True, launches=6),
    Block("separable", (64, 56, 57), [1], square(3), project=100, acts=("", "relu", "relu"), launches=3),
    Block("separable_linear", (32, 64, 65), [1], square(3), project=16, acts=("", "relu6", "none"), launches=3),
    Block("dilated", (48, 47, 49), [2], square(3, dilation=2), project=64, acts=("", "relu", "silu"), launches=3),
    Block("dilated_expand", (20, 41, 50), [1], square(3, dilation=3), expand=68, project=33, launches=3),
    # Outside the image there is nothing, not what the activation makes of the bias.
    Block("padding_is_zero", (16, 38, 41), [2], square(5, padding=4), expand=64, project=20,
          acts=("offset", "offset", "sigmoid"), launches=3),
    Block("not_square", (16, 61, 63), [1], ((3, 5), (2, 1), (1, 2), (2, 3)), expand=90, project=17,
          acts=("leaky", "silu", "relu"), launches=3),
    Block("one_sided", (16, 80, 78), [1], ((3, 5), (2, 1), (1, 2), (0, 3, 1, 5)), expand=80, project=17, launches=3),
    Block("expand_only", (16, 37, 41), [3], square(3), expand=50, acts=("silu", "relu6", ""), launches=3),
    Block("doubles", (18, 31, 43), [2], square(3), expand=54, project=18, residual=True, dtype="float64", launches=3),
    Block("symbolic", (24, 64, 60), [1, 2, 5], square(3), expand=96, project=24, residual=True, symbolic=True,
          launches=3),
    Block("symbolic_separable", (64, 94, 95), [1, 3], square(3, stride=2), project=48, symbolic=True, launches=3),
    # Small enough to stay in cache: a kernel each, of which the first reads the image where it lies.
    Block("small", (24, 12, 12), [1], square(3), expand=96, project=24, residual=True, launches=4),
]


def random_case(seed):
    r = np.random.default_rng([7, seed])
    pick = lambda *values: values[r.integers(len(values))]  # noqa: E731
    pair = lambda *values: (pick(*values), pick(*values))  # noqa: E731
    number = lambda low, high: int(r.integers(low, high))  # noqa: E731
    kernel, dilation, stride = pair(1, 2, 3, 3, 5, 7), pair(1, 1, 2), pair(1, 1, 2)
    reach = [(k - 1) * d for k, d in zip(kernel, dilation)]
    padding = pick(tuple(number(0, r + 1) for r in reach), tuple(r // 2 for r in reach))
    expand = pick(None, number(33, 130), number(33, 130))
    project = pick(number(4, 70), number(4, 70), None) if expand else number(4, 70)
    channels = number(4, 40) if expand else number(40, 90)
    same = stride == (1, 1) and project and all(2 * p == r for p, r in zip(padding, reach))
    residual = bool(same and pick(False, True))
    # So many outputs of the depthwise convolution that they leave the cache.
    height = number(30, 60)
    width = number(150_000, 200_000) // ((expand or channels) * height)
    image = (channels, *(max(1, (size - 1) * s + extent + 1 - 2 * p)
                         for size, s, extent, p in zip((height, width), stride, reach, padding)))
    return Block(f"random_{seed}", image, [number(1, 3)], (kernel, stride, dilation, padding), expand,
                 channels if residual else project, tuple(pick(*ACTIVATIONS) for _ in range(3)), residual,
                 gate=bool(project and pick(False, False, True)), symbolic=pick(False, False, True), seed=seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="ten times as many random cases")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    options = parser.parse_args()
    torch.set_num_threads(options.jobs)
    runtime, passed, failed = nnf.Runtime(options.build), 0, 0
    count = RANDOM_CASES * (10 if options.all else 1)
    cases = {case.name: case for case in CASES + [random_case(seed) for seed in range(count)]
             if options.only in case.name}
    models = {name: case.model() for name, case in cases.items()}
    for cpu in libraries.cpus():
        right, wrong = libraries.check(options.build, models, {cpu: f"--cpu={cpu}"},
                                       lambda name, library, cpu: cases[name].why_wrong(library, runtime, cpu))
        passed, failed = passed + right, failed + wrong
        fused = sum(case.found == 3 and bool(case.project) for name, case in cases.items() if "random" in name)
        if cpu in GENERIC and not options.only and fused < FEWEST_FUSED:
            failed += 1
            print(f"FAIL random ({cpu}): {fused} of {count} cases are one kernel, expected {FEWEST_FUSED}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
