"""Contractions of 8-bit integers with constant weights, compared with integers that numpy computes.

Weights, scales and zero points are initializers: that is what quantising tools write, and what lies in panels.
"""
import itertools

import numpy as np
from onnx import helper, numpy_helper
from own import CASES, ON_CPUS

TYPES = {"u": np.uint8, "s": np.int8}


def integers(shape, dtype, seed):
    """Integers over the whole range, the ends among them."""
    info = np.iinfo(dtype)
    x = np.random.default_rng(seed).integers(info.min, info.max, shape, dtype, endpoint=True)
    x.flat[:2] = info.min, info.max
    return x


def add(name, nodes, inputs, constants, outputs, opset=17):
    """A case of these nodes: inputs, constants and outputs are arrays by name."""
    def info(name, x):
        return helper.make_tensor_value_info(name, numpy_helper.from_array(np.asarray(x)).data_type, x.shape)

    graph = helper.make_graph(nodes, "case", [info(*x) for x in inputs.items()], [info(*y) for y in outputs.items()],
                              [numpy_helper.from_array(np.asarray(c), n) for n, c in constants.items()])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    ON_CPUS.add(name)
    CASES[name] = (proto, list(inputs.values()), list(outputs.values()))


def convolved(x, w, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    """The sums of a convolution in int64: tap by tap."""
    x, w = x.astype(np.int64), w.astype(np.int64)
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    out_channels, per_group, *kernel = w.shape
    size = [(x.shape[2 + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    y = np.zeros((x.shape[0], out_channels, *size), np.int64)
    per_output = out_channels // groups
    for i, j, g in itertools.product(range(kernel[0]), range(kernel[1]), range(groups)):
        rows = slice(i * dilation[0], i * dilation[0] + (size[0] - 1) * stride[0] + 1, stride[0])
        columns = slice(j * dilation[1], j * dilation[1] + (size[1] - 1) * stride[1] + 1, stride[1])
        taps = x[:, g * per_group:(g + 1) * per_group, rows, columns]
        outputs = slice(g * per_output, (g + 1) * per_output)
        y[:, outputs] += np.einsum("nchw,oc->nohw", taps, w[outputs, :, i, j])
    return y


def quantized(x, scale, zero):
    info = np.iinfo(zero.dtype)
    return np.clip(np.rint(x / np.float32(scale)) + np.float32(zero), info.min, info.max).astype(zero.dtype)


# ---- products

def matmul_integer(name, shape, types, zeros, seed=0, columns_of_zeros=False, rows_of_zeros=False):
    rows, depth, columns = shape
    a, b = integers((rows, depth), TYPES[types[0]], seed), integers((depth, columns), TYPES[types[1]], seed + 1)
    za, zb = np.array(zeros[0], a.dtype), np.array(zeros[1], b.dtype)
    if columns_of_zeros:
        zb = integers(columns, b.dtype, seed + 2)
    if rows_of_zeros:
        za = integers(rows, a.dtype, seed + 2)
    y = (a.astype(np.int64) - za.astype(np.int64).reshape(-1, 1)) @ (b.astype(np.int64) - zb)
    add(name, [helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["y"])], {"a": a},
        {"b": b, "za": za, "zb": zb}, {"y": y.astype(np.int32)})


for types, zeros in itertools.product(("us", "ss", "uu", "su"), ((0, 0), (7, 0), (100, 128 - 28))):
    zeros = (zeros[0], 128 if types[1] == "u" and zeros[1] == 0 else zeros[1])
    matmul_integer(f"matmul_integer_{types}_{zeros[0]}_{zeros[1]}", (13, 96, 40), types, zeros)
for depth in (1, 2, 3, 5, 7, 130, 1025):
    matmul_integer(f"matmul_integer_depth_{depth}", (9, depth, 17), "us", (3, 0), depth)
matmul_integer("matmul_integer_one_row", (1, 512, 256), "us", (128, 0))
matmul_integer("matmul_integer_large", (150, 2048, 300), "ss", (-3, 0))
matmul_integer("matmul_integer_columns_of_zeros", (20, 64, 48), "us", (5, 0), columns_of_zeros=True)
matmul_integer("matmul_integer_rows_of_zeros", (20, 64, 48), "us", (0, 0), rows_of_zeros=True)


def wrapping():
    """More than 2^31: 255 * 255 * 34000."""
    a, b = np.full((2, 34000), 255, np.uint8), np.full((34000, 8), 255, np.uint8)
    y = (a.astype(np.int64) @ b.astype(np.int64)).astype(np.int32)
    add("matmul_integer_wraps", [helper.make_node("MatMulInteger", ["a", "b"], ["y"])], {"a": a}, {"b": b}, {"y": y})


def dynamic_zero():
    """A zero point that only the run knows, as dynamic quantisation has it."""
    a, b, za = integers((30, 64), np.uint8, 1), integers((64, 80), np.int8, 2), np.array(77, np.uint8)
    y = (a.astype(np.int64) - 77) @ b.astype(np.int64)
    add("matmul_integer_dynamic_zero", [helper.make_node("MatMulInteger", ["a", "b", "za"], ["y"])],
        {"a": a, "za": za}, {"b": b}, {"y": y.astype(np.int32)})


def computed_operands():
    a, b = integers((3, 10, 40), np.uint8, 1), integers((3, 40, 24), np.int8, 2)
    y = (a.astype(np.int64) - 9) @ (b.astype(np.int64) + 4)
    add("matmul_integer_computed", [helper.make_node("MatMulInteger", ["a", "b", "za", "zb"], ["y"])],
        {"a": a, "b": b}, {"za": np.uint8(9), "zb": np.int8(-4)}, {"y": y.astype(np.int32)})


wrapping()
dynamic_zero()
computed_operands()


# ---- convolutions

def conv_integer(name, x, w, types, zeros, seed=0, **window):
    a, b = integers(x, TYPES[types[0]], seed), integers(w, TYPES[types[1]], seed + 1)
    za, zb = np.array(zeros[0], a.dtype), np.array(zeros[1], b.dtype)
    y = convolved(a.astype(np.int64) - int(za), b.astype(np.int64) - int(zb), **window)
    attributes = {"strides": window.get("stride", (1, 1)), "pads": window.get("pads", (0, 0, 0, 0)),
                  "dilations": window.get("dilation", (1, 1)), "group": window.get("groups", 1)}
    add(name, [helper.make_node("ConvInteger", ["x", "w", "za", "zb"], ["y"], **attributes)], {"x": a},
        {"w": b, "za": za, "zb": zb}, {"y": y.astype(np.int32)})


ONE = (1, 1, 1, 1)
for types, zeros in (("us", (0, 0)), ("us", (9, 0)), ("ss", (-5, 0)), ("uu", (130, 128)), ("uu", (3, 77))):
    conv_integer(f"conv_integer_{types}_{abs(zeros[0])}_{zeros[1]}", (2, 32, 9, 11), (24, 32, 3, 3), types, zeros, pads=ONE)
conv_integer("conv_integer_pointwise", (1, 64, 7, 9), (40, 64, 1, 1), "us", (4, 0))
conv_integer("conv_integer_pointwise_stride", (1, 64, 9, 9), (40, 64, 1, 1), "ss", (4, 0), stride=(2, 2))
conv_integer("conv_integer_first_layer", (1, 3, 20, 24), (32, 3, 7, 7), "us", (114, 0), stride=(2, 2), pads=(3, 3, 3, 3))
conv_integer("conv_integer_odd_channels", (1, 18, 8, 8), (20, 18, 3, 3), "us", (50, 0), pads=ONE)
conv_integer("conv_integer_uneven_padding", (1, 16, 8, 9), (20, 16, 3, 3), "ss", (50, 0), pads=(0, 1, 2, 1))
conv_integer("conv_integer_dilation", (1, 16, 12, 12), (20, 16, 3, 3), "us", (50, 0), pads=(2, 2, 2, 2), dilation=(2, 2))
conv_integer("conv_integer_groups", (1, 32, 8, 8), (48, 8, 3, 3), "us", (50, 0), pads=ONE, groups=4)
conv_integer("conv_integer_groups_odd", (1, 36, 8, 8), (32, 9, 3, 3), "ss", (50, 0), pads=ONE, groups=4)
conv_integer("conv_integer_depthwise", (1, 32, 9, 9), (32, 1, 3, 3), "us", (50, 0), pads=ONE, groups=32)
conv_integer("conv_integer_deep", (1, 512, 5, 5), (33, 512, 3, 3), "us", (1, 0), pads=ONE)


# ---- with scales

def qlinear_matmul():
    a, b = integers((14, 64), np.int8, 5), integers((64, 40), np.int8, 6)
    scales = np.random.default_rng(7).uniform(0.01, 0.02, 40).astype(np.float32)
    sums = (a.astype(np.int64) - 3) @ b.astype(np.int64)
    y = quantized(sums.astype(np.float32) * (np.float32(0.25) * scales / np.float32(2)), 1, np.int8(-7))
    add("qlinear_matmul_columns", [helper.make_node("QLinearMatMul", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], ["y"])],
        {"a": a}, {"sa": np.float32(0.25), "za": np.int8(3), "b": b, "sb": scales, "zb": np.zeros(40, np.int8),
                   "sy": np.float32(2), "zy": np.int8(-7)}, {"y": y})


def qlinear_conv():
    x, w = integers((1, 16, 8, 8), np.uint8, 8), integers((24, 16, 3, 3), np.int8, 9)
    scales = np.random.default_rng(7).uniform(0.01, 0.02, 24).astype(np.float32)
    bias = np.random.default_rng(8).integers(-5000, 5000, 24).astype(np.int32)
    sums = convolved(x.astype(np.int64) - 100, w, pads=ONE) + bias.reshape(-1, 1, 1)
    scale = scales * np.float32(0.25) / np.float32(8)
    y = quantized(sums.astype(np.float32) * scale.reshape(-1, 1, 1), 1, np.uint8(120))
    add("qlinear_conv_channels",
        [helper.make_node("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"], ["y"], pads=ONE)],
        {"x": x}, {"sx": np.float32(0.25), "zx": np.uint8(100), "w": w, "sw": scales, "zw": np.zeros(24, np.int8),
                   "sy": np.float32(8), "zy": np.uint8(120), "b": bias}, {"y": y})


def scaled(name, q, scale, zero, axis=None):
    """DequantizeLinear of `q` to `name`, and its constants."""
    node = helper.make_node("DequantizeLinear", [f"{name}.q", f"{name}.s", f"{name}.z"], [name],
                            **({} if axis is None else {"axis": axis}))
    return node, {f"{name}.s": scale, f"{name}.z": zero}


def qdq_conv():
    """Scales are powers of two, so that floats say the same: x -> Conv -> Relu -> q -> Conv + x2 -> q."""
    x, w, v = integers((1, 16, 8, 8), np.int8, 8), integers((32, 16, 3, 3), np.int8, 9), integers((32, 32, 1, 1), np.int8, 10)
    scales = np.exp2(np.arange(32) % 3 - 9).astype(np.float32)
    bias = np.random.default_rng(8).integers(-99, 99, 32).astype(np.float32)
    zx, zm, zy = np.int8(-20), np.int8(-128), np.int8(5)
    xf = (x.astype(np.float32) - zx) * np.float32(0.25)
    mf = convolved(x.astype(np.int64) - zx, w, pads=ONE).astype(np.float32) * (scales / 4).reshape(-1, 1, 1)
    mq = quantized(np.maximum(mf + bias.reshape(-1, 1, 1), 0), 0.5, zm)
    yf = convolved(mq.astype(np.int64) - zm, v).astype(np.float32) * np.float32(2.0**-9)
    yq = quantized(yf + (mq.astype(np.float32) - zm) * np.float32(0.5), 4, zy)
    nodes, constants = [], {"w.q": w, "v.q": v, "b": bias}
    for node, more in (scaled("x", x, np.float32(0.25), zx), scaled("w", w, scales, np.zeros(32, np.int8), 0),
                       scaled("v", v, np.float32(2.0**-8), np.int8(0))):
        nodes.append(node)
        constants.update(more)
    constants.update({"m.s": np.float32(0.5), "m.z": zm, "y.s": np.float32(4), "y.z": zy})
    nodes += [helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=ONE), helper.make_node("Relu", ["c"], ["r"]),
              helper.make_node("QuantizeLinear", ["r", "m.s", "m.z"], ["m.q"]),
              helper.make_node("DequantizeLinear", ["m.q", "m.s", "m.z"], ["m"]),
              helper.make_node("Conv", ["m", "v"], ["d"]), helper.make_node("Add", ["d", "m"], ["e"]),
              helper.make_node("QuantizeLinear", ["e", "y.s", "y.z"], ["y"])]
    add("qdq_convs", nodes, {"x.q": x}, constants, {"y": yq})
    del xf


def qdq_gemm():
    x, w = integers((10, 64), np.uint8, 8), integers((40, 64), np.int8, 9)
    scales = np.exp2(np.arange(40) % 3 - 9).astype(np.float32)
    bias = np.random.default_rng(8).integers(-99, 99, 40).astype(np.float32)
    sums = (x.astype(np.int64) - 31) @ w.astype(np.int64).T
    y = quantized(sums.astype(np.float32) * (scales / 4) + bias, 2, np.uint8(99))
    nodes, constants = [], {"w.q": w, "b": bias, "y.s": np.float32(2), "y.z": np.uint8(99)}
    for node, more in (scaled("x", x, np.float32(0.25), np.uint8(31)), scaled("w", w, scales, np.zeros(40, np.int8), 0)):
        nodes.append(node)
        constants.update(more)
    nodes += [helper.make_node("Gemm", ["x", "w", "b"], ["g"], transB=1),
              helper.make_node("QuantizeLinear", ["g", "y.s", "y.z"], ["y"])]
    add("qdq_gemm", nodes, {"x.q": x}, constants, {"y": y})


qlinear_matmul()
qlinear_conv()
qdq_conv()
qdq_gemm()
