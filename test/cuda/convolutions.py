"""Convolutions of the CUDA tests: products of matrices whose rows are read from the image, and what is left to maps."""
import numpy as np


def convolve(x, w, stride, padding, dilation, groups):
    """x of N,C,* by w of O,C/groups,*, tap by tap; a list of one number a spatial dimension each."""
    spatial = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])
    sizes = [(x.shape[2 + d] - (w.shape[2 + d] - 1) * dilation[d] - 1) // stride[d] + 1 for d in range(spatial)]
    y = np.zeros((x.shape[0], w.shape[0], *sizes))
    inputs, outputs = w.shape[1], w.shape[0] // groups
    for tap in np.ndindex(*w.shape[2:]):
        window = tuple(slice(t * dl, t * dl + (size - 1) * st + 1, st)
                       for t, dl, st, size in zip(tap, dilation, stride, sizes))
        for g in range(groups):
            image = x[(slice(None), slice(g * inputs, (g + 1) * inputs)) + window]
            y[:, g * outputs:(g + 1) * outputs] += np.einsum(
                "nc...,oc->no...", image, w[(slice(g * outputs, (g + 1) * outputs), slice(None)) + tap])
    return y


# name: channels, outputs, size of the image, kernel, stride, padding, dilation, groups, images
CASES = {
    # copies of 16 bytes, of 8 and 4 and 2; edges of rows, columns and channels
    "3x3": (8, 64, (9, 8), (3, 3), 1, 1, 1, 1, 2),
    "3x3_wide": (32, 72, (7, 10), (3, 3), 1, 1, 1, 1, 3),
    "two_channels": (6, 65, (9, 7), (3, 3), 1, 1, 1, 1, 1),
    "first_layer": (3, 32, (23, 21), (7, 7), 2, 3, 1, 1, 2),
    "one_channel": (1, 16, (12, 13), (5, 5), 1, 2, 1, 1, 1),
    "stride": (16, 40, (15, 17), (3, 3), 2, 1, 1, 1, 2),
    "one_pixel_stride": (24, 48, (9, 9), (1, 1), 2, 0, 1, 1, 2),
    "dilation": (8, 33, (14, 15), (3, 3), 1, 2, 2, 1, 1),
    "uneven": (20, 24, (10, 12), (3, 2), (1, 2), (2, 0), (1, 3), 1, 2),
    "no_padding": (12, 70, (11, 9), (3, 3), 1, 0, 1, 1, 1),
    "beyond": (8, 16, (4, 4), (3, 3), 1, 3, 1, 1, 1), # some rows meet no tap
    "cube": (8, 12, (12, 12), (3, 3), 1, 1, 1, 1, 2), # turned, a result has the same sizes
    "deep": (260, 24, (3, 3), (3, 3), 1, 1, 1, 1, 1),
    # few blocks and many channels: groups of them first, also of what is a group already
    "split": (512, 16, (5, 5), (3, 3), 1, 1, 1, 1, 1),
    "split_pointwise": (1024, 40, (6, 5), (1, 1), 1, 0, 1, 1, 1),
    "split_groups": (1024, 32, (4, 5), (3, 3), 2, 1, 1, 2, 2),
    "many_rows": (4, 130, (64, 66), (3, 3), 1, 1, 1, 1, 3),
    "groups": (32, 48, (8, 9), (3, 3), 1, 1, 1, 2, 2),
    "narrow_groups": (36, 60, (6, 7), (3, 3), 1, 1, 1, 3, 2),
    "one_dim": (16, 40, (75,), (5,), 2, 2, 1, 1, 3),
    "one_dim_causal": (10, 32, (33,), (4,), 1, 3, 2, 1, 1),
    "three_dims": (8, 32, (5, 6, 7), (3, 3, 3), 1, 1, 1, 1, 1),
    "three_dims_uneven": (8, 20, (6, 7, 9), (2, 3, 1), (2, 1, 2), (1, 2, 0), (1, 2, 1), 2, 2),
}
# left to a map: too few outputs of a group, too few products of an output
MAPS = {
    "depthwise": (12, 12, (9, 8), (3, 3), 1, 1, 1, 12, 2),
    "few_outputs": (16, 3, (9, 8), (3, 3), 1, 1, 1, 1, 1),
    "shallow": (1, 40, (9, 8), (3, 3), 1, 1, 1, 1, 1),
}


def lists(case):
    """The case's lists, each with a number a spatial dimension."""
    rank = len(case[2])
    return [list(v) if isinstance(v, tuple) else [v] * rank for v in case[4:7]]


def add_convolutions(add, rng, bfloat16):
    def array(dtype, *shape):
        values = rng.standard_normal(shape).astype(np.float32)
        return bfloat16(values) if dtype == "bf16" else values.astype(np.float16) if dtype == "f16" else values

    def one(name, family, dtype, case, symbols=()):
        channels, outputs, image, kernel, *_, groups, images = case
        stride, padding, dilation = lists(case)
        op = f"conv{len(image)}d"
        inputs = {"x": array(dtype, images, channels, *image), "w": array(dtype, outputs, channels // groups, *kernel),
                  "b": array(dtype, outputs)}
        node = (op, {"input": "x", "weight": "w", "bias": "b", "stride": stride, "padding": padding,
                     "dilation": dilation, "groups": groups}, ["c"])
        bias = (1, outputs) + (1,) * len(image)
        add(name, family, inputs, [node, ("relu", {"input": "c"}, ["y"])],
            lambda x, w, b: [np.maximum(convolve(x, w, stride, padding, dilation, groups) + b.reshape(bias), 0)],
            # Sums of 16-bit floats are rounded before the bias is added.
            scale=lambda x, w, b: (1 if dtype == "f32" else 64 if dtype == "f16" else 1024) * convolve(
                abs(x), abs(w), stride, padding, dilation, groups),
            symbols={("x", d): s for d, s in symbols})

    for name, case in CASES.items():
        one(f"conv_{name}", "convolution", "f32", case)
    for name, case in MAPS.items():
        one(f"conv_{name}", "map", "f32", case)
    one("conv_symbolic", "convolution", "f32", CASES["stride"], [(0, "N"), (2, "H"), (3, "W")])
    one("conv_symbolic_3", "convolution", "f32", CASES["three_dims"], [(0, "N"), (2, "D"), (3, "H"), (4, "W")])

    for name in ("3x3_wide", "two_channels", "first_layer", "stride", "one_pixel_stride", "dilation", "beyond", "deep",
                 "many_rows", "groups", "narrow_groups", "one_dim", "three_dims_uneven"):
        one(f"conv16_{name}", "convolution16", "f16", CASES[name])
    for name in ("3x3_wide", "uneven", "three_dims"):
        one(f"conv_bfloat16_{name}", "convolution16", "bf16", CASES[name])
    for name in ("split", "split_pointwise", "split_groups"):
        one(f"conv16_{name}", "convolution16", "f16", CASES[name])
    one("conv16_symbolic", "convolution16", "f16", CASES["stride"], [(0, "N"), (2, "H"), (3, "W")])

    # One after the other: float32 and 16 bits, with a residual, whose value both a convolution and a sum read.
    def chain(name, family, dtype, scale):
        inputs = {"x": array(dtype, 2, 8, 9, 10), "v": array(dtype, 24, 8, 3, 3), "w": array(dtype, 24, 24, 3, 3)}
        same = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}

        def conv(x, w):
            return convolve(x, w, [1, 1], [1, 1], [1, 1], 1)

        add(name, family, inputs,
            [("conv2d", {"input": "x", "weight": "v", **same}, ["c"]), ("relu", {"input": "c"}, ["r"]),
             ("conv2d", {"input": "r", "weight": "w", **same}, ["d"]), ("add", {"input": "d", "other": "r"}, ["s"]),
             ("relu", {"input": "s"}, ["y"])],
            lambda x, v, w: [np.maximum(conv(np.maximum(conv(x, v), 0), w) + np.maximum(conv(x, v), 0), 0)],
            scale=lambda x, v, w: scale * conv(conv(abs(x), abs(v)), abs(w)))

    chain("conv_residual", "convolution", "f32", 1)
    chain("conv16_residual", "convolution16", "f16", 64)
