"""Convolutions as compute capability 9.0 multiplies them: the image by tensor maps of positions (im2col mode)."""
import numpy as np

from convolutions import convolve, lists
from models import Model, bfloat16

# name: dtype, channels, outputs, size of the image, kernel, stride, padding, dilation, groups, images
CASES = {
    # tiles that begin within an image and go on in the next one, edges of rows and columns
    "3x3": ("f16", 64, 64, (9, 8), (3, 3), 1, 1, 1, 1, 2),
    # channels that end within a slab, the first one and the second
    "half_slab": ("bf16", 40, 72, (7, 10), (3, 3), 1, 1, 1, 1, 1),
    "slab_and_more": ("f16", 104, 40, (6, 5), (3, 3), 1, 1, 1, 1, 2),
    "stride": ("f16", 64, 40, (15, 17), (3, 3), 2, 1, 1, 1, 2),
    "longest_stride": ("bf16", 32, 16, (70, 25), (2, 3), 8, (0, 5), 1, 1, 1),
    "one_pixel_stride": ("f16", 64, 48, (9, 9), (1, 1), 2, 0, 1, 1, 2),
    "dilation": ("f16", 32, 40, (14, 15), (3, 3), 1, 2, 2, 1, 1),
    "uneven": ("bf16", 64, 24, (10, 12), (3, 2), (1, 2), (2, 0), (1, 3), 1, 2),
    "no_padding": ("f16", 64, 72, (11, 9), (3, 3), 1, 0, 1, 1, 1),
    "beyond": ("f16", 48, 16, (4, 4), (3, 3), 1, 3, 1, 1, 1),  # some rows meet no tap
    "groups": ("f16", 128, 48, (8, 9), (3, 3), 1, 1, 1, 2, 2),
    "one_dim": ("f16", 64, 40, (75,), (5,), 2, 2, 1, 1, 3),
    "one_dim_far": ("bf16", 32, 16, (400,), (2,), 1, 150, 300, 1, 1),
    "three_dims": ("f16", 64, 16, (3, 4, 5), (3, 3, 3), 1, 1, 1, 1, 1),
    "three_dims_uneven": ("bf16", 32, 24, (6, 7, 9), (2, 3, 1), (2, 1, 2), (1, 2, 0), (1, 2, 1), 1, 2),
    # few blocks and many channels: parts, which are groups
    "split": ("f16", 512, 16, (5, 5), (3, 3), 1, 1, 1, 1, 1),
    # tiles of 128 columns, and of 128 rows and 256 columns, by the model of an H100
    "tile_1x128": ("f16", 64, 4096, (16, 16), (1, 1), 2, 0, 1, 1, 3),
    "tile_2x256": ("bf16", 32, 9000, (16, 15), (1, 1), 2, 0, 1, 1, 4),
}
# What no map says, or what would be zeros for the most part: few channels of a group, a group's last slab with the next
# one's channels, a longer stride, taps or padding that are farther than the instruction can say.
ELSEWHERE = {
    "few_channels": ("f16", 24, 40, (7, 10), (3, 3), 1, 1, 1, 1, 1),
    "odd_channels": ("f16", 66, 40, (6, 7), (3, 3), 1, 1, 1, 1, 1),
    "uneven_groups": ("f16", 96, 48, (6, 7), (3, 3), 1, 1, 1, 2, 1),
    "longer_stride": ("f16", 64, 16, (70, 25), (2, 3), 9, 1, 1, 1, 1),
    "far_taps": ("f16", 32, 16, (5, 5, 40), (1, 1, 2), 1, 0, (1, 1, 32), 1, 1),
    "far_padding": ("f16", 32, 16, (5, 4, 5), (1, 1, 3), 1, (0, 0, 17), 1, 1, 1),
}
# More tiles than two multiprocessors have at once, stored transposed: an image's positions lie beside each other.
STAYING = {
    "3x3": ("f16", 64, 72, (12, 13), (3, 3), 1, 1, 1, 1, 4),
    "half_slab": ("bf16", 40, 200, (13, 10), (3, 3), 1, 1, 1, 1, 5),
    "groups": ("f16", 128, 48, (11, 14), (3, 3), 2, 1, 1, 2, 9),
    "one_tap": ("f16", 64, 300, (23, 21), (1, 1), 2, 0, 1, 1, 4),
}
# Products of matrices, which no image is to be mapped for.
POINTWISE = {
    "pointwise": ("f16", 64, 72, (9, 8), (1, 1), 1, 0, 1, 1, 2),
}


def array_of(rng, dtype, *shape):
    values = rng.standard_normal(shape).astype(np.float32)
    return bfloat16(values) if dtype == "bf16" else values.astype(np.float16)


def add_cases(found, cases, rng, prefix, symbols=None):
    """One convolution for each case, with a bias and relu."""
    def array(dtype, *shape):
        return array_of(rng, dtype, *shape)

    def add(name, inputs, nodes, reference, scale, **more):
        found.append(Model(f"{prefix}_{name}", "hopper", inputs, nodes, ["y"], reference, scale=scale, **more))

    def one(name, case):
        dtype, channels, outputs, image, kernel, *_, groups, images = case
        stride, padding, dilation = lists(case[1:])
        inputs = {"x": array(dtype, images, channels, *image), "w": array(dtype, outputs, channels // groups, *kernel),
                  "b": array(dtype, outputs)}
        node = (f"conv{len(image)}d", {"input": "x", "weight": "w", "bias": "b", "stride": stride, "padding": padding,
                                       "dilation": dilation, "groups": groups}, ["c"])
        bias = (1, outputs) + (1,) * len(image)
        add(name, inputs, [node, ("relu", {"input": "c"}, ["y"])],
            lambda x, w, b: [np.maximum(convolve(x, w, stride, padding, dilation, groups) + b.reshape(bias), 0)],
            # Sums are rounded before the bias is added.
            lambda x, w, b: (64 if dtype == "f16" else 1024) * convolve(abs(x), abs(w), stride, padding, dilation,
                                                                       groups), symbols=symbols)

    for name, case in cases.items():
        one(name, case)


def add_convolutions(found):
    rng = np.random.default_rng(90)

    def array(dtype, *shape):
        return array_of(rng, dtype, *shape)

    def add(name, inputs, nodes, reference, scale, **more):
        found.append(Model(f"hopper_conv_{name}", "hopper", inputs, nodes, ["y"], reference, scale=scale, **more))

    for cases in (CASES, ELSEWHERE, POINTWISE):
        add_cases(found, cases, rng, "hopper_conv")
    add_cases(found, {"symbolic": CASES["stride"]}, rng, "hopper_conv", {("x", 0): "N"})

    # One after the other, with a residual: of the second one image and result lie as the first has left them.
    same = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}

    def conv(x, w):
        return convolve(x, w, [1, 1], [1, 1], [1, 1], 1)

    # Behind a tap's channels are zeros of the weights as well: not the next tap's, of which one is infinite.
    far = array("f16", 24, 40, 3, 3)
    far[5, 0, 0, 1] = np.inf
    none = same | {"padding": [0, 0]}
    add("infinite", {"x": array("f16", 1, 40, 6, 7), "w": far}, [("conv2d", {"input": "x", "weight": "w", **none}, ["y"])],
        lambda x, w: [convolve(x, w, [1, 1], [0, 0], [1, 1], 1)],
        lambda x, w: convolve(abs(x), abs(w), [1, 1], [0, 0], [1, 1], 1))
    # Weights whose channels lie side by side: lines run along the contracted dimension.
    add("lines_down", {"x": array("f16", 2, 40, 6, 7), "w": array("f16", 72, 3, 3, 40)},
        [("permute", {"input": "w", "dims": [0, 3, 1, 2]}, ["v"]), ("conv2d", {"input": "x", "weight": "v", **same}, ["y"])],
        lambda x, w: [conv(x, w.transpose(0, 3, 1, 2))], lambda x, w: conv(abs(x), abs(w).transpose(0, 3, 1, 2)))
    # Some channels of an image.
    add("sliced", {"x": array("f16", 2, 32, 6, 7), "v": array("f16", 96, 32, 3, 3), "w": array("f16", 40, 64, 3, 3)},
        [("conv2d", {"input": "x", "weight": "v", **same}, ["c"]),
         ("slice", {"input": "c", "dim": 1, "start": 32, "end": 96}, ["s"]),
         ("conv2d", {"input": "s", "weight": "w", **same}, ["y"])],
        lambda x, v, w: [conv(conv(x, v)[:, 32:], w)], lambda x, v, w: 64 * conv(conv(abs(x), abs(v))[:, 32:], abs(w)))
    add("residual", {"x": array("f16", 2, 32, 9, 10), "v": array("f16", 64, 32, 3, 3), "w": array("f16", 64, 64, 3, 3)},
        [("conv2d", {"input": "x", "weight": "v", **same}, ["c"]), ("relu", {"input": "c"}, ["r"]),
         ("conv2d", {"input": "r", "weight": "w", **same}, ["d"]), ("add", {"input": "d", "other": "r"}, ["s"]),
         ("relu", {"input": "s"}, ["y"])],
        lambda x, v, w: [np.maximum(conv(np.maximum(conv(x, v), 0), w) + np.maximum(conv(x, v), 0), 0)],
        lambda x, v, w: 64 * conv(conv(abs(x), abs(v)), abs(w)))


def look_at(text, name):
    """What the PTX has of an image's map."""
    if name == "hopper_conv_pointwise":
        return "an image is mapped for a product" if ".im2col." in text else None
    return None if ".im2col." in text else "no .im2col."


NOWHERE = tuple(f"hopper_conv_{name}" for name in (*ELSEWHERE, "symbolic"))
# Those that are cut the same way for either GPU alone and for both.
THROUGH_DRIVER = tuple(f"hopper_conv_{name}" for name in ("uneven", "groups", "one_dim", "three_dims_uneven", "residual"))
