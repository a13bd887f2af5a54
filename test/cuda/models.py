"""The models of the CUDA tests: each names the kernel family it is for, and computes its answer with numpy in float64.

A model is a chain of nodes in the text form of the graph file. Its reference does not look at that text: it is written
beside it by hand.
"""
from dataclasses import dataclass
from typing import Callable

import numpy as np

from convolutions import add_convolutions

GRAPH_DTYPES = {np.float32: "FLOAT32", np.float64: "FLOAT64", np.float16: "FLOAT16", np.int64: "INT64", np.int32: "INT32",
                np.bool_: "BOOL", np.uint16: "BFLOAT16"}


@dataclass
class Model:
    name: str
    family: str                # map, row, contract, tensor (cores), convolution or convolution16: what its kernel should become
    inputs: dict               # name -> array
    nodes: list                # (op, {argument: value}, outputs)
    outputs: list
    reference: Callable        # arrays in float64 -> list of arrays
    symbols: dict = None       # (input, dimension) -> symbol
    scale: Callable = None     # arrays -> sums of absolute products, for contractions

    def text(self):
        lines = [f'name: "{self.name}"']
        for name, array in self.inputs.items():
            dims = ""
            for i, size in enumerate(array.shape):
                symbol = (self.symbols or {}).get((name, i))
                dims += f' dims {{ symbol: "{symbol}" }}' if symbol else f" dims {{ size: {size} }}"
            lines.append(f'inputs {{ name: "{name}" type {{ dtype: {GRAPH_DTYPES[array.dtype.type]}{dims} }} }}')
        for op, arguments, outputs in self.nodes:
            text = "".join(f' arguments {{ name: "{name}" {argument(value)} }}' for name, value in arguments.items())
            names = "".join(f' outputs: "{name}"' for name in outputs)
            lines.append(f'nodes {{ op: "{op}"{text}{names} }}')
        lines += [f'outputs: "{name}"' for name in self.outputs]
        return "\n".join(lines) + "\n"


def argument(value):
    if isinstance(value, bool):
        return f"b: {str(value).lower()}"
    if isinstance(value, int):
        return f"i: {value}"
    if isinstance(value, float):
        return f"f: {value!r}"
    if isinstance(value, str):
        return f'tensor: "{value}"'
    return "ints { values: [" + ", ".join(map(str, value)) + "] }"


def bfloat16(array):
    """The nearest bfloat16 numbers, as their bits."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widened(array):
    """Floats in float64, bfloat16 among them; others as they are."""
    if array.dtype == np.uint16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def layer_norm(x, axes):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)


def conv2d(x, w, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, _, h, wide = x.shape
    o, _, kh, kw = w.shape
    y = np.zeros((n, o, h - kh + 1, wide - kw + 1))
    for i in range(kh):
        for j in range(kw):
            y += np.einsum("nchw,oc->nohw", x[:, :, i:i + y.shape[2], j:j + y.shape[3]], w[:, :, i, j])
    return y


def erf(x):
    import math
    return np.vectorize(math.erf)(x)


def models():
    rng = np.random.default_rng(5)

    def f32(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    found = []

    def add(name, family, inputs, nodes, reference, **more):
        outputs = more.pop("outputs", ["y"])
        found.append(Model(name, family, inputs, nodes, outputs, reference, **more))

    # ---- map: vectors, ragged ends, broadcasts, views, symbols
    chain = [("mul", {"input": "a", "other": "b"}, ["m"]), ("gelu", {"input": "m"}, ["g"]),
             ("tanh", {"input": "g"}, ["t"]), ("exp", {"input": "t"}, ["y"])]
    for rows, columns in ((3, 8), (5, 7), (64, 1024), (1, 1)):
        add(f"chain_{rows}x{columns}", "map", {"a": f32(rows, columns), "b": f32(columns)}, chain,
            lambda a, b: [np.exp(np.tanh(0.5 * (a * b) * (1 + erf(a * b / np.sqrt(2)))))])
    add("symbolic", "map", {"a": f32(5, 12), "b": f32(12)}, chain,
        lambda a, b: [np.exp(np.tanh(0.5 * (a * b) * (1 + erf(a * b / np.sqrt(2)))))], symbols={("a", 0): "N"})
    add("doubles", "map", {"x": f32(9, 6).astype(np.float64)}, [("exp", {"input": "x"}, ["e"]), ("log", {"input": "e"}, ["y"])],
        lambda x: [x])
    add("halves", "map", {"x": f32(4, 20).astype(np.float16)}, [("mul", {"input": "x", "other": "x"}, ["y"])],
        lambda x: [x * x])
    add("integers", "map", {"x": rng.integers(-99, 99, (7, 12)), "z": rng.integers(-99, 99, (7, 12))},
        [("mul", {"input": "x", "other": "z"}, ["p"]), ("maximum", {"input": "p", "other": "x"}, ["y"])],
        lambda x, z: [np.maximum(x * z, x)])
    add("compare", "map", {"x": f32(6, 16)}, [("gt", {"input": "x", "other": 0.25}, ["y"])], lambda x: [x > 0.25])
    add("permute", "map", {"x": f32(3, 4, 8)}, [("permute", {"input": "x", "dims": [2, 0, 1]}, ["p"]),
                                                ("neg", {"input": "p"}, ["y"])], lambda x: [-x.transpose(2, 0, 1)])
    add("cat", "map", {"x": f32(2, 8), "z": f32(3, 8)},
        [("relu", {"input": "x"}, ["r"]), ("flip", {"input": "z", "dims": [0]}, ["v"]),
         ("mul", {"input": "v", "other": 2.0}, ["y"])],
        lambda x, z: [2 * z[::-1], np.maximum(x, 0)], outputs=["y", "r"])
    add("max_pool", "map", {"x": f32(2, 3, 9, 8)}, [("max_pool2d", {"input": "x", "kernel_size": 2}, ["y"])],
        lambda x: [x[:, :, :8].reshape(2, 3, 4, 2, 4, 2).max(axis=(3, 5))])
    add("conv", "map", {"x": f32(2, 5, 9, 8), "w": f32(7, 5, 3, 3)},
        [("conv2d", {"input": "x", "weight": "w", "padding": 1}, ["c"]), ("relu", {"input": "c"}, ["y"])],
        lambda x, w: [np.maximum(conv2d(x, w, 1), 0)], scale=lambda x, w: conv2d(abs(x), abs(w), 1))

    # ---- rows: one thread, a warp, or a block for each; some reductions after others
    for rows, width in ((3, 1), (5, 7), (9, 64), (2, 1000), (3, 1028), (2, 4099), (1, 20000)):
        add(f"softmax_{rows}x{width}", "row", {"x": f32(rows, width)}, [("softmax", {"input": "x", "dim": -1}, ["y"])],
            lambda x: [softmax(x, -1)])
    add("softmax_middle", "row", {"x": f32(2, 6, 40)}, [("softmax", {"input": "x", "dim": 1}, ["y"])],
        lambda x: [softmax(x, 1)])
    add("softmax_symbolic", "row", {"x": f32(5, 33)}, [("softmax", {"input": "x", "dim": -1}, ["y"])],
        lambda x: [softmax(x, -1)], symbols={("x", 0): "N", ("x", 1): "M"})
    for width in (48, 2048):
        add(f"layer_norm_{width}", "row", {"x": f32(6, width)},
            [("layer_norm", {"input": "x", "normalized_shape": [width]}, ["y"])], lambda x: [layer_norm(x, -1)])
    add("layer_norm_2", "row", {"x": f32(3, 40, 50)}, [("layer_norm", {"input": "x", "normalized_shape": [40, 50]}, ["y"])],
        lambda x: [layer_norm(x, (1, 2))])
    add("mean_leading", "row", {"x": f32(30, 17)}, [("mean", {"input": "x", "dim": 0}, ["y"])], lambda x: [x.mean(0)])
    add("sum_all", "row", {"x": f32(70, 77)}, [("sum", {"input": "x"}, ["y"])], lambda x: [x.sum()],
        scale=lambda x: abs(x).sum())
    add("sum_doubles", "row", {"x": f32(3, 3000).astype(np.float64)}, [("sum", {"input": "x", "dim": 1}, ["y"])],
        lambda x: [x.sum(1)])
    add("sum_integers", "row", {"x": rng.integers(-9, 9, (4, 1500))}, [("sum", {"input": "x", "dim": 1}, ["y"])],
        lambda x: [x.sum(1)])
    add("extremes", "row", {"x": f32(5, 2000)},
        [("amax", {"input": "x", "dim": [1]}, ["y"]), ("amin", {"input": "x", "dim": [1]}, ["z"])],
        lambda x: [x.max(1), x.min(1)], outputs=["y", "z"])
    add("arg_max", "map", {"x": f32(5, 200)}, [("argmax", {"input": "x", "dim": 1}, ["y"])], lambda x: [x.argmax(1)])

    # ---- products of matrices: edges on every side, batches, transposed operands, what follows
    def product(a, b):
        return [a @ b]

    def magnitude(a, b):
        return abs(a) @ abs(b)

    for m, k, n in ((1, 1, 1), (64, 64, 64), (65, 33, 70), (128, 17, 48), (7, 100, 5), (33, 16, 32), (200, 130, 96),
                    (1200, 20, 1000), (9000, 20, 60), (1200, 12, 1000)):
        add(f"matmul_{m}x{k}x{n}", "contract", {"a": f32(m, k), "b": f32(k, n)},
            [("matmul", {"input": "a", "other": "b"}, ["y"])], product, scale=magnitude)
    add("matmul_both_transposed", "contract", {"a": f32(40, 100), "b": f32(88, 40)},
        [("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"]), ("linear", {"input": "t", "weight": "b"}, ["y"])],
        lambda a, b: [a.T @ b.T], scale=lambda a, b: abs(a.T) @ abs(b.T))
    add("matmul_batch", "contract", {"a": f32(3, 40, 24), "b": f32(3, 24, 36)},
        [("bmm", {"input": "a", "mat2": "b"}, ["y"])], product, scale=magnitude)
    add("matmul_doubles", "contract", {"a": f32(40, 30).astype(np.float64), "b": f32(30, 50).astype(np.float64)},
        [("matmul", {"input": "a", "other": "b"}, ["y"])], product)
    add("matmul_symbolic", "contract", {"a": f32(45, 20), "b": f32(20, 40)},
        [("matmul", {"input": "a", "other": "b"}, ["y"])], product, scale=magnitude, symbols={("a", 0): "N"})
    add("linear", "contract", {"x": f32(50, 72), "w": f32(40, 72), "b": f32(40), "r": f32(50, 40)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("relu", {"input": "l"}, ["p"]),
         ("add", {"input": "p", "other": "r"}, ["y"])],
        lambda x, w, b, r: [np.maximum(x @ w.T + b, 0) + r], scale=lambda x, w, b, r: abs(x) @ abs(w.T))
    add("matmul_transposed", "contract", {"a": f32(30, 66), "b": f32(30, 20)},
        [("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"]), ("matmul", {"input": "t", "other": "b"}, ["y"])],
        lambda a, b: [a.T @ b], scale=lambda a, b: abs(a.T) @ abs(b))

    # ---- 16-bit floats on tensor cores: lines of whole, half and quarter chunks and of single elements, all four ways
    # that operands lie, edges on every side, tiles of all kinds
    def f16(*shape):
        return f32(*shape).astype(np.float16)

    for m, k, n in ((1, 1, 1), (64, 64, 64), (65, 33, 70), (130, 72, 136), (33, 100, 52), (40, 34, 30), (7, 200, 264),
                    (1200, 40, 1000), (9000, 40, 60), (60, 33, 9000), (24, 40, 20000), (16, 72, 30000),
                    (2600, 16, 2700)):  # more blocks than a GPU runs at once: in bands, the last one lower
        add(f"matmul16_{m}x{k}x{n}", "tensor", {"a": f16(m, k), "b": f16(k, n)},
            [("matmul", {"input": "a", "other": "b"}, ["y"])], product, scale=magnitude)
    add("matmul16_transposed", "tensor", {"a": f16(72, 66), "b": f16(72, 24)},
        [("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"]), ("matmul", {"input": "t", "other": "b"}, ["y"])],
        lambda a, b: [a.T @ b], scale=lambda a, b: abs(a.T) @ abs(b))
    add("matmul16_both_transposed", "tensor", {"a": f16(40, 100), "b": f16(88, 40)},
        [("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"]), ("linear", {"input": "t", "weight": "b"}, ["y"])],
        lambda a, b: [a.T @ b.T], scale=lambda a, b: abs(a.T) @ abs(b.T))
    add("matmul16_batch", "tensor", {"a": f16(3, 40, 24), "b": f16(3, 24, 36)},
        [("bmm", {"input": "a", "mat2": "b"}, ["y"])], product, scale=magnitude)
    # Few tiles and much to contract: in parts that a reduction adds, with what follows; more slabs than a kernel has of
    # its own where the tiles are many enough. The last part may be shorter, by whole slabs and by some steps.
    for m, k, n in ((16, 1024, 128), (3, 512, 40), (60, 4096, 64), (100, 1000, 640), (16, 1000, 128), (100, 2999, 72),
                    (33, 1344, 50)):
        add(f"deep16_{m}x{k}x{n}", "tensor", {"a": f16(m, k), "b": f16(k, n)},
            [("matmul", {"input": "a", "other": "b"}, ["m"]), ("relu", {"input": "m"}, ["y"])],
            lambda a, b: [np.maximum(a @ b, 0)], scale=lambda a, b: abs(a) @ abs(b))
    for m, k, n in ((1, 1024, 130), (40, 2048, 64), (1, 1000, 130), (60, 4100, 64), (40, 2003, 50)):
        add(f"deep_{m}x{k}x{n}", "contract", {"a": f32(m, k), "b": f32(n, k), "c": f32(n)},
            [("linear", {"input": "a", "weight": "b", "bias": "c"}, ["m"]), ("relu", {"input": "m"}, ["y"])],
            lambda a, b, c: [np.maximum(a @ b.T + c, 0)], scale=lambda a, b, c: abs(a) @ abs(b.T) + abs(c))
    add("deep_batch", "contract", {"a": f32(2, 512, 9), "b": f32(2, 512, 20)},
        [("transpose", {"input": "a", "dim0": 1, "dim1": 2}, ["t"]), ("bmm", {"input": "t", "mat2": "b"}, ["y"])],
        lambda a, b: [a.swapaxes(1, 2) @ b], scale=lambda a, b: abs(a).swapaxes(1, 2) @ abs(b))
    add("deep16_lines_across", "tensor", {"a": f16(1500, 40), "b": f16(72, 1500)},
        [("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"]), ("linear", {"input": "t", "weight": "b"}, ["y"])],
        lambda a, b: [a.T @ b.T], scale=lambda a, b: abs(a.T) @ abs(b.T))
    # Several products of the same rows, each rounded to 16 bits before they are added; a batch with parts of its own.
    add("deep16_same_rows", "tensor", {"a": f16(24, 1000), "b": f16(1000, 64), "c": f16(1000, 64)},
        [("matmul", {"input": "a", "other": "b"}, ["m"]), ("matmul", {"input": "a", "other": "c"}, ["n"]),
         ("add", {"input": "m", "other": "n"}, ["y"])],
        lambda a, b, c: [a @ b + a @ c], scale=lambda a, b, c: 1024 * (abs(a) @ abs(b) + abs(a) @ abs(c)))
    add("deep16_batch_uneven", "tensor", {"a": f16(3, 24, 1000), "b": f16(3, 1000, 40)},
        [("bmm", {"input": "a", "mat2": "b"}, ["y"])], product, scale=magnitude)
    add("matmul16_symbolic", "tensor", {"a": f16(45, 48), "b": f16(48, 40)},
        [("matmul", {"input": "a", "other": "b"}, ["y"])], product, scale=magnitude,
        symbols={("a", 0): "N", ("a", 1): "K", ("b", 0): "K"})
    add("linear16", "tensor", {"x": f16(50, 72), "w": f16(40, 72), "b": f16(40), "r": f16(50, 40)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("relu", {"input": "l"}, ["p"]),
         ("add", {"input": "p", "other": "r"}, ["y"])],
        lambda x, w, b, r: [np.maximum(x @ w.T + b, 0) + r], scale=lambda x, w, b, r: 64 * abs(x) @ abs(w.T))
    add("linear_bfloat16", "tensor",
        {"x": bfloat16(f32(70, 136)), "w": bfloat16(f32(96, 136)), "b": bfloat16(f32(96))},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("gelu", {"input": "l"}, ["y"])],
        lambda x, w, b: [0.5 * (x @ w.T + b) * (1 + erf((x @ w.T + b) / np.sqrt(2)))],
        scale=lambda x, w, b: 1024 * abs(x) @ abs(w.T))
    # What the second product reads is stored in 16 bits.
    add("perceptron16", "tensor", {"x": f16(70, 48), "v": f16(40, 48), "w": f16(56, 40)},
        [("linear", {"input": "x", "weight": "v"}, ["h"]), ("relu", {"input": "h"}, ["r"]),
         ("linear", {"input": "r", "weight": "w"}, ["y"])],
        lambda x, v, w: [np.maximum(x @ v.T, 0) @ w.T], scale=lambda x, v, w: 1024 * (abs(x) @ abs(v.T)) @ abs(w.T))
    add_convolutions(add, rng, bfloat16)
    return found
