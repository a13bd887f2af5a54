"""Cases with sizes, axes, places and the like that only the run knows: values, modes and ranks that the suite has not."""
import numpy as np
from own import CASES, case, fails, model, numbers


def ints(*values):
    return np.array(values, np.int64)


def add(name, graph, inputs, outputs, opset=18):
    CASES[name] = (model(graph, opset), inputs, outputs)


# ---- sizes

@case("(float[A,B] x, int64 k) => (float[C,D,E] y) { minus = Constant<value = int64[1] {-1}>() "
      "zero = Constant<value = int64[1] {0}>() k1 = Unsqueeze(k, zero) shape = Concat<axis = 0>(zero, k1, minus) "
      "y = Reshape(x, shape) }")
def reshape_with_a_size_in_the_middle():
    x = numbers(4, 6)
    return [x, np.int64(3)], [x.reshape(4, 3, 2)]


for i, shape in enumerate([(0, -1), (-1, 0), (24,), (2, 3, -1), (4, 0)]):
    x = numbers(4, 6)
    result = [x.shape[d] if size == 0 else size for d, size in enumerate(shape)]
    add(f"reshape_to_sizes_of_the_run_{i}", f"(float[A,B] x, int64[{len(shape)}] s) => (float y) {{ y = Reshape(x, s) }}",
        [x, ints(*shape)], [x.reshape(result)])
add("reshape_that_allows_zero", "(float[A,B] x, int64[3] s) => (float y) { y = Reshape<allowzero = 1>(x, s) }",
    [numbers(0, 6), ints(3, 0, 2)], [np.zeros((3, 0, 2), np.float32)])

for i, (sizes, shape) in enumerate([((3, 1), (2, 1, 6)), ((1, 4), (3, 4)), ((1, 1), (1, 1)), ((3, 4), (1,)), ((1,), (0, 1))]):
    x = numbers(*sizes)
    names = ",".join("AB"[:len(sizes)])
    add(f"expand_to_sizes_of_the_run_{i}",
        f"(float[{names}] x, int64[{len(shape)}] s) => (float y) {{ y = Expand(x, s) }}",
        [x, ints(*shape)], [x * np.ones(shape, np.float32)])


@case("(float[A,B] x, int64[2] r) => (float[C,D] y) { y = Tile(x, r) }")
def tile_no_times():
    x = numbers(2, 3)
    return [x, ints(0, 2)], [np.tile(x, (0, 2))]


for kind, first, last, step in [("int64", 5, -6, -3), ("int64", 5, 5, 1), ("int64", 0, -3, 1), ("int64", -2, 9, 4),
                                ("float", 0.5, 2.1, 0.4), ("float", 1, -2, -0.5), ("float", 1, -2, 1),
                                ("double", 0, 1, 0.1), ("int32", 0, 7, 7)]:
    dtype = {"float": np.float32, "double": np.float64}.get(kind) or np.dtype(kind)
    first, last, step = (np.array(value, dtype) for value in (first, last, step))
    count = max(int(np.ceil((float(last) - float(first)) / float(step))), 0)
    y = (first + np.arange(count).astype(dtype) * step).astype(dtype)
    add(f"range_{kind}_{first}_{last}_{step}", f"({kind} a, {kind} b, {kind} c) => ({kind}[N] y) {{ y = Range(a, b, c) }}",
        [first, last, step], [y])


@case("(float[A,B] x, int64[1] k) => (float[A,K] y, int64[A,K] i) { y, i = TopK<largest = 0>(x, k) }")
def top_k_of_the_run():
    x = numbers(3, 7)
    i = np.argsort(x, axis=1, kind="stable")[:, :4]
    return [x, ints(4)], [np.take_along_axis(x, i, 1), i]


@case("(int64[A] x, double d, float[2] v) => (float[A,D] y) { y = OneHot(x, d, v) }")
def one_hot_of_a_float_depth():
    x = ints(0, 2, -1, 5)
    y = np.full((4, 4), 2, np.float32)
    for i, place in enumerate(x):
        if -4 <= place < 4:
            y[i, place] = 3
    return [x, np.float64(4), np.array([2, 3], np.float32)], [y]


@case("(float[A,B] x, int64[2] s) => (float[A,C] y, float[A,D] z) { y, z = Split<axis = -1>(x, s) }")
def split_into_sizes_of_the_run():
    x = numbers(3, 7)
    return [x, ints(7, 0)], [x, x[:, 7:]]


@case("(float[A,B] x) => (float[C,B] y, float[D,B] z, float[E,B] w) { y, z, w = Split<num_outputs = 3>(x) }", 18)
def split_of_a_symbolic_size():
    x = numbers(4, 2)
    return [x], [x[:2], x[2:], x[4:]]


@case("(float[A,B] x, int64[2] s) => (float y) { y = CenterCropPad(x, s) }", 18)
def center_crop_and_pad():
    x = numbers(5, 4)
    y = np.zeros((2, 7), np.float32)
    y[:, 1:5] = x[1:3]
    return [x, ints(2, 7)], [y]


# ---- slices

def slice_case(starts, ends, axes, steps, shape=(5, 6, 3)):
    x = numbers(*shape)
    cut = [slice(None)] * len(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        # NumPy's -1 is the last element, ONNX's end before the first is below -size.
        stop = None if step < 0 and end < -shape[axis] else end
        cut[axis] = slice(start, stop, step)
    return [x, ints(*starts), ints(*ends), ints(*axes), ints(*steps)], [x[tuple(cut)]]


big = np.iinfo(np.int64)
for i, entries in enumerate([
        ((1, 0), (3, 6), (0, 1), (1, 2)), ((-1, 4), (-6, 1), (0, 1), (-2, -1)), ((3,), (big.max,), (1,), (1,)),
        ((big.max,), (big.min,), (1,), (-1,)), ((4,), (2,), (0,), (1,)), ((-9,), (9,), (-1,), (1,)),
        ((0,), (-1,), (1,), (4,)), ((9,), (0,), (0,), (-3,)), ((2,), (3,), (0,), (big.max,))]):
    n = len(entries[0])
    inputs, outputs = slice_case(*entries)
    sizes = "float[A,B,C] x, " + ", ".join(f"int64[{n}] {name}" for name in ("s", "e"))
    add(f"slice_along_axes_of_the_run_{i}",
        f"({sizes}, int64[{n}] a, int64[{n}] t) => (float y) {{ y = Slice(x, s, e, a, t) }}", inputs, outputs)
    axes = ", ".join(map(str, entries[2]))
    add(f"slice_with_steps_of_the_run_{i}",
        f"({sizes}, int64[{n}] t) => (float y) {{ a = Constant<value = int64[{n}] {{{axes}}}>() y = Slice(x, s, e, a, t) }}",
        [*inputs[:3], inputs[4]], outputs)


@case("(float[A,B] x, int64[1] e) => (float[A,C] y) { s = Constant<value = int64[1] {1}>() "
      "a = Constant<value = int64[1] {1}>() t = Constant<value = int64[1] {2}>() y = Slice(x, s, e, a, t) }")
def slice_from_the_front_to_an_end_of_the_run():
    x = numbers(3, 8)
    return [x, ints(-1)], [x[:, 1:-1:2]]


@case("(float[8,B] x) => (float y) { s = Shape(x) z = Constant<value = int64[1] {0}>() o = Constant<value = int64[1] {1}>() "
      "two = Constant<value = int64[1] {2}>() n = Slice(s, o, two) half = Div(n, two) y = Slice(x, half, n, o) }")
def slice_from_half_of_a_size():
    x = numbers(8, 5)
    return [x], [x[:, 2:]]


# ---- padding

def padded(x, low, high, mode, value=0):
    """Negative amounts cut."""
    x = x[tuple(slice(max(-a, 0), x.shape[d] - max(-b, 0)) for d, (a, b) in enumerate(zip(low, high)))]
    pairs = [(max(a, 0), max(b, 0)) for a, b in zip(low, high)]
    return np.pad(x, pairs, mode, **({"constant_values": value} if mode == "constant" else {}))


for mode in ("constant", "edge", "reflect", "wrap"):
    x = numbers(4, 5)
    add(f"pad_{mode}_by_amounts_of_the_run", f'(float[A,B] x, int64[4] p) => (float y) {{ y = Pad<mode = "{mode}">(x, p) }}',
        [x, ints(1, 2, 0, 3)], [padded(x, (1, 2), (0, 3), mode)], 19)
    add(f"pad_{mode}_of_symbolic_sizes", f'(float[A,B] x) => (float y) {{ p = Constant<value = int64[4] {{0, 3, 2, 1}}>() '
        f'y = Pad<mode = "{mode}">(x, p) }}', [x], [padded(x, (0, 3), (2, 1), mode)], 19)
    add(f"pad_{mode}_along_axes_of_the_run",
        f'(float[A,B] x, int64[2] p, int64[1] a) => (float y) {{ none = Constant<value = float {{0}}>() '
        f'y = Pad<mode = "{mode}">(x, p, none, a) }}', [x, ints(2, 1), ints(-2)], [padded(x, (2, 0), (1, 0), mode)], 19)
x = numbers(4, 5)
add("pad_with_cuts_and_a_value", "(float[A,B] x, int64[4] p, float v) => (float y) { y = Pad(x, p, v) }",
    [x, ints(-1, 2, 3, -2), np.float32(7)], [padded(x, (-1, 2), (3, -2), "constant", 7)])
add("pad_by_sizes", "(float[A,B] x, float[C,D] z) => (float y) { s = Shape(z) p = Concat<axis = 0>(s, s) y = Pad(x, p) }",
    [x, numbers(2, 1)], [padded(x, (2, 1), (2, 1), "constant")])


# ---- axes

REDUCTIONS = {
    "ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min, "ReduceMean": np.mean, "ReduceProd": np.prod,
    "ReduceL1": lambda x, **k: np.sum(np.abs(x), **k), "ReduceL2": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
    "ReduceSumSquare": lambda x, **k: np.sum(x * x, **k), "ReduceLogSum": lambda x, **k: np.log(np.sum(x, **k)),
    "ReduceLogSumExp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
}
for op, function in REDUCTIONS.items():
    x = np.abs(numbers(3, 4, 5))
    for axes, keep in ((1,), 1), ((0, -1), 0), ((2, 1, 0), 0):
        add(f"{op}_{len(axes)}_axes_of_the_run", f"(float[A,B,C] x, int64[{len(axes)}] a) => (float y) "
            f"{{ y = {op}<keepdims = {keep}>(x, a) }}", [x, ints(*axes)],
            [np.asarray(function(x, axis=tuple(axes), keepdims=bool(keep)), np.float32)])


@case("(int32[A,B] x, int64[1] a) => (int32 y) { y = ReduceMean<keepdims = 0>(x, a) }", 18)
def mean_of_integers_along_axes_of_the_run():
    x = np.array([[1, 2, 6], [-4, 5, 5]], np.int32)
    return [x, ints(-1)], [np.array([3, 2], np.int32)]


@case("(float[A,B] x, int64 a) => (float[A,B] y) { y = CumSum<exclusive = 1, reverse = 1>(x, a) }")
def running_sums_along_an_axis_of_the_run():
    x = numbers(4, 3)
    return [x, np.int64(-2)], [np.cumsum(x[::-1], axis=0)[::-1] - x]


@case("(float[A,B,C,D] x, int64[2] a) => (float y) { y = Squeeze(x, a) }")
def squeeze_of_the_run():
    x = numbers(1, 3, 1, 2)
    return [x, ints(2, -4)], [x.reshape(3, 2)]


@case("(float[A,B] x, int64[2] a) => (float y) { y = Unsqueeze(x, a) }")
def unsqueeze_of_the_run():
    x = numbers(3, 2)
    return [x, ints(-1, 1)], [x.reshape(3, 1, 2, 1)]


# ---- signals

@case("(float[N,L,1] x, int64 n) => (float y) { y = DFT<axis = 1, onesided = 1>(x, n) }", 17)
def dft_of_a_length_of_the_run():
    x = numbers(2, 10, 1)
    y = np.fft.rfft(x[..., 0], 7)
    return [x, np.int64(7)], [np.stack([y.real, y.imag], -1).astype(np.float32)]


@case("(float[N,L,2] x, int64 n) => (float y) { y = DFT<axis = 1, inverse = 1>(x, n) }", 17)
def inverse_dft_of_a_longer_length():
    x = numbers(2, 5, 2)
    y = np.fft.ifft(x[..., 0] + 1j * x[..., 1], 8)
    return [x, np.int64(8)], [np.stack([y.real, y.imag], -1).astype(np.float32)]


@case("(float[N,L] x, int64 s, int64 n) => (float y) { y = STFT<onesided = 0>(x, s, , n) }", 17)
def stft_of_frames_of_the_run():
    x = numbers(2, 20)
    frames = np.stack([x[:, i:i + 6] for i in range(0, 15, 4)], 1)
    y = np.fft.fft(frames)
    return [x, np.int64(4), np.int64(6)], [np.stack([y.real, y.imag], -1).astype(np.float32)]


@case("(float[N,L,M,2] x, int64 n, int64 a) => (float y) { y = DFT(x, n, a) }", 20)
def dft_along_an_axis_of_the_run():
    x = numbers(2, 5, 4, 2)
    y = np.fft.fft(x[..., 0] + 1j * x[..., 1], 6, 1)
    return [x, np.int64(6), np.int64(-3)], [np.stack([y.real, y.imag], -1).astype(np.float32)]


# ---- nothing to reduce

@case("(float[A,0,B] x, int64[1] a) => (float y) { e = Exp(x) y = ReduceProd(e, a) }", 18)
def reduce_no_elements_along_an_axis_of_the_run():
    return [numbers(2, 0, 4), ints(1)], [np.ones((2, 1, 4), np.float32)]


for name, value in ("ReduceMax", -np.inf), ("ReduceMin", np.inf):
    add(f"{name}_of_no_elements", f"(float16[A,B] x) => (float16 y) {{ a = Constant<value = int64[1] {{1}}>() "
        f"y = {name}<keepdims = 0>(x, a) }}", [np.zeros((3, 0), np.float16)], [np.full(3, value, np.float16)])


# ---- resizing

def positions(size, out, scale, coordinates):
    i = np.arange(out)
    if coordinates == "asymmetric":
        return i / scale
    if coordinates == "align_corners":
        return i * (size - 1) / max(out - 1, 1)
    if coordinates == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    middle = size / 2 * (1 - out / (scale * size)) if coordinates == "half_pixel_symmetric" else 0
    at = (i + 0.5) / scale - 0.5 + middle
    return at * 0 if coordinates == "pytorch_half_pixel" and out == 1 else at


def kernel(d, mode, a=-0.75):
    if mode == "linear":
        return np.maximum(1 - d, 0)
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def resized_along(x, axis, out, scale, mode, coordinates, nearest, excludes, antialias):
    size = x.shape[axis]
    at = positions(size, out, scale, coordinates)
    if mode == "nearest":
        rounded = {"floor": np.floor(at), "ceil": np.ceil(at), "round_prefer_ceil": np.floor(at + 0.5),
                   "round_prefer_floor": np.ceil(at - 0.5)}[nearest]
        return np.take(x, np.clip(rounded, 0, size - 1).astype(int), axis)
    if mode == "linear" and not antialias:
        at = np.clip(at, 0, size - 1)
    stretch = max(1 / scale, 1) if antialias else 1
    half = int(np.ceil(stretch * (2 if mode == "cubic" else 1)))
    rows = [np.floor(at) + k for k in range(1 - half, half + 1)]
    taps = [kernel(abs(row - at) / stretch, mode) for row in rows]
    if excludes:
        taps = [np.where((row >= 0) & (row < size), tap, 0) for row, tap in zip(rows, taps)]
    if excludes or antialias:
        taps = [tap / sum(taps) for tap in taps]
    shape = [-1 if d == axis else 1 for d in range(x.ndim)]
    return sum(np.take(x, np.clip(row, 0, size - 1).astype(int), axis) * tap.reshape(shape) for row, tap in zip(rows, taps))


def resized(x, outs, scales, mode="nearest", coordinates="half_pixel", nearest="round_prefer_floor", excludes=False,
            antialias=False):
    y = x.astype(np.float64)
    for axis, (out, scale) in enumerate(zip(outs, scales)):
        y = resized_along(y, axis, out, scale, mode, coordinates, nearest, excludes, antialias)
    return y.astype(x.dtype)


def add_resize(name, x, outs, scales, by_size, mode="nearest", coordinates="half_pixel", nearest="round_prefer_floor",
               excludes=0, antialias=0):
    attributes = (f'mode = "{mode}", coordinate_transformation_mode = "{coordinates}", nearest_mode = "{nearest}", '
                  f'exclude_outside = {excludes}, antialias = {antialias}')
    names = ",".join("ABCD"[:x.ndim])
    given = f"int64[{x.ndim}] s" if by_size else f"float[{x.ndim}] s"
    call = "Resize<%s>(x, , , s)" if by_size else "Resize<%s>(x, , s)"
    add(name, f"(float[{names}] x, {given}) => (float y) {{ y = {call % attributes} }}",
        [x, ints(*outs) if by_size else np.array(scales, np.float32)],
        [resized(x, outs, scales, mode, coordinates, nearest, excludes, antialias)], 19)


x = numbers(1, 2, 4, 5)
for mode in "nearest", "linear", "cubic":
    for coordinates in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                        "tf_half_pixel_for_nn"):
        for by_size in (False, True) if coordinates.startswith("half_pixel") else (False,):
            # Of as many elements as the scale says, and of a fraction more.
            scales = (1, 1, 1.6, 0.5)
            outs = [int(np.floor(size * np.float32(scale))) for size, scale in zip(x.shape, scales)]
            exact = [out / size for out, size in zip(outs, x.shape)] if by_size else np.float32(scales).astype(float)
            add_resize(f"resize_{mode}_{coordinates}_{'sizes' if by_size else 'scales'}", x, outs, exact, by_size, mode,
                       coordinates)
for nearest in "floor", "ceil", "round_prefer_ceil":
    add_resize(f"resize_nearest_{nearest}", x, (1, 2, 8, 10), (1, 1, 2, 2), False, nearest=nearest)
add_resize("resize_to_one_element", x, (1, 2, 1, 1), (1, 1, 1 / 4, 1 / 5), True, "linear", "pytorch_half_pixel")
add_resize("resize_that_excludes_outside", x, (1, 2, 9, 3), (1, 1, 9 / 4, 3 / 5), True, "cubic", excludes=1)
for mode in "linear", "cubic":
    add_resize(f"resize_{mode}_antialiased_to_sizes_of_the_run", x, (1, 1, 9, 2), (1, 0.5, 9 / 4, 2 / 5), True, mode,
               antialias=1)
add_resize("resize_antialiased_by_scales_of_the_run", x, (1, 2, 1, 3), (1, 1, 0.25, 0.625), False, "cubic", excludes=1,
           antialias=1)
for policy, scale in ("not_larger", 1.25), ("not_smaller", 2):
    outs = [int(np.floor(size * scale + 0.5)) for size in (4, 5)]
    add(f"resize_{policy}_of_the_run", f'(float[A,B,C,D] x, int64[2] s) => (float y) {{ y = Resize<axes = [2, 3], '
        f'mode = "linear", keep_aspect_ratio_policy = "{policy}">(x, , , s) }}', [x, ints(5, 10)],
        [resized(x, (1, 2, *outs), (1, 1, scale, scale), "linear")], 19)


@case("(float[A,B,C,D] x) => (float y) { s = Constant<value = float[4] {1, 1, 1.7, 0.6}>() "
      'y = Resize<mode = "cubic", coordinate_transformation_mode = "asymmetric">(x, , s) }', 13)
def resize_of_symbolic_sizes():
    return [x], [resized(x, (1, 2, 6, 3), np.float32([1, 1, 1.7, 0.6]).astype(float), "cubic", "asymmetric")]


@case("(float[A,B,C,D] x) => (float y) { s = Constant<value = float[4] {1, 1, 0.3, 0.6}>() "
      'y = Resize<mode = "linear", antialias = 1>(x, , s) }', 18)
def resize_antialiased_of_symbolic_sizes():
    x = numbers(1, 2, 30, 10)
    scales = np.float32([1, 1, 0.3, 0.6]).astype(float)
    return [x], [resized(x, (1, 2, 9, 6), scales, "linear", antialias=True)]


@case("(float[A,B,C,D] x, float[8] r, int64[4] s) => (float y) { y = Resize<mode = \"linear\", extrapolation_value = 7.0, "
      'coordinate_transformation_mode = "tf_crop_and_resize">(x, r, , s) }', 13)
def resize_of_a_region_of_the_run():
    y = np.full((1, 2, 2, 3), 7, np.float32)
    rows, columns = np.array([0.25, 0.75]) * 3, np.array([0, 0.5, 1]) * 0.5 * 4
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            a, b = int(row), int(column)
            t, u = row - a, column - b
            y[0, :, i, j] = ((1 - t) * ((1 - u) * x[0, :, a, b] + u * x[0, :, a, b + 1]) +
                             t * ((1 - u) * x[0, :, a + 1, b] + u * x[0, :, a + 1, b + 1]))
    return [x, np.array([0, 0, 0.25, 0, 1, 1, 0.75, 0.5], np.float32), ints(1, 2, 2, 3)], [y]


# ---- images

@case("(float[N,C,H,W] x, int64[4] s) => (float y) { a, i = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x) "
      "y = MaxUnpool<kernel_shape = [2, 2], strides = [2, 2]>(a, i, s) }", 17)
def max_unpool_to_sizes_of_the_run():
    x = numbers(2, 3, 4, 6)
    blocks = x.reshape(2, 3, 2, 2, 3, 2)
    return [x, ints(2, 3, 4, 6)], [np.where(blocks == blocks.max((3, 5), keepdims=True), blocks, 0).reshape(x.shape)]


def columns(image, block, stride=(1, 1), low=(0, 0), high=(0, 0)):
    """The blocks of a padded image as columns: [N, C * block, L]."""
    n, c = image.shape[:2]
    image = np.pad(image, [(0, 0), (0, 0), *zip(low, high)])
    starts = [range(0, size - b + 1, s) for size, b, s in zip(image.shape[2:], block, stride)]
    cut = [image[:, :, i:i + block[0], j:j + block[1]].reshape(n, -1) for i in starts[0] for j in starts[1]]
    return np.stack(cut, -1).reshape(n, c * np.prod(block), -1)


@case("(float[N,K,L] x, int64[2] i, int64[2] b) => (float y) { y = Col2Im<strides = [2, 1], pads = [1, 0, 0, 1]>(x, i, b) }",
      18)
def col2im_of_the_run():
    image = numbers(2, 3, 5, 4)
    arguments = (2, 3), (2, 1), (1, 0), (0, 1)
    counts = columns(np.ones_like(image), *arguments)
    # What a column has of an element is added once for each block that has it.
    times = np.zeros((1, 1, 5, 4), np.float32)
    for at in np.ndindex(5, 4):
        one = np.zeros((1, 1, 5, 4), np.float32)
        one[0, 0, at[0], at[1]] = 1
        times[0, 0, at[0], at[1]] = columns(one, *arguments).sum()
    assert counts.shape[1] == 18
    return [columns(image, *arguments), ints(5, 4), ints(2, 3)], [image * times]


for i, (aligned, sizes) in enumerate([(0, (2, 3, 4, 5)), (1, (2, 1, 1, 3)), (1, (2, 3, 2, 3, 4))]):
    spatial = sizes[2:]
    theta = numbers(2, len(spatial), len(spatial) + 1)
    axes = [np.array([0.0]) if aligned and n == 1 else np.linspace(-1, 1, n) if aligned else (2 * np.arange(n) + 1) / n - 1
            for n in spatial]
    grid = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(spatial)], -1)
    add(f"affine_grid_of_the_run_{i}", f"(float[N,{len(spatial)},{len(spatial) + 1}] t, int64[{len(sizes)}] s) => (float y) "
        f"{{ y = AffineGrid<align_corners = {aligned}>(t, s) }}", [theta, ints(*sizes)],
        [np.einsum("...k,njk->n...j", grid, theta).astype(np.float32)], 20)


# ---- sizes that the data decide, and that meet others

@case("(float[N,T,D] x, int64[N] n) => (float[N,K,D] y) { k = ReduceMax<keepdims = 0>(n) zero = Constant<value_int = 0>() "
      "one = Constant<value_int = 1>() first = Constant<value_ints = [0]>() axis = Constant<value_ints = [1]>() "
      "last = Constant<value_ints = [2]>() end = Unsqueeze(k, first) steps = Range(zero, k, one) m = Unsqueeze(n, axis) "
      "isInside = Less(steps, m) c = Cast<to = 1>(isInside) d = Unsqueeze(c, last) z = Slice(x, first, end, axis) "
      "y = Mul(z, d) }", 13)
def mask_of_sequences():
    x, n = numbers(3, 7, 2), ints(2, 5, 1)
    return [x, n], [x[:, :5] * (np.arange(5) < n[:, None])[..., None]]


@case("(float[N] x, int64 k) => (float[M] y) { zero = Constant<value_int = 0>() one = Constant<value_int = 1>() "
      "r = Range(zero, k, one) f = Cast<to = 1>(r) y = Add(x, f) }")
def a_size_of_the_data_that_is_one_of_the_input():
    x = numbers(4)
    return [x, np.int64(4)], [x + np.arange(4, dtype=np.float32)]


# ---- what a run refuses

def refuse(name, graph, text, *inputs, opset=18):
    def named():
        pass
    named.__name__ = name
    fails(graph, text, *inputs, opset=opset)(named)


x = numbers(3, 4)
refuse("reshape_to_other_sizes", "(float[A,B] x, int64[2] s) => (float y) { y = Reshape(x, s) }",
       "node 'y' (Reshape), argument 'shape': 10 elements, expected the A * B of an input [A, B]", x, ints(5, 2))
refuse("reshape_to_another_last_size", "(float[3,4] x, int64 k) => (float y) { z = Constant<value_ints = [0]>() "
       "six = Constant<value_ints = [6]>() k1 = Unsqueeze(k, z) s = Concat<axis = 0>(six, k1) y = Reshape(x, s) }",
       "node 'y' (Reshape), argument 'shape': 3, expected 2 or -1", x, np.int64(3))
refuse("reshape_to_what_is_not_declared", "(float[3,4] x, int64[2] s) => (float[6,2] y) { y = Reshape(x, s) }",
       "node 'y' (Reshape): size 2 in dimension 0, expected 6, which the model declares for 'y'", x, ints(2, 6))
refuse("expand_to_another_size", "(float[A,4] x, int64[2] s) => (float y) { y = Expand(x, s) }",
       "node 'y' (Expand), argument 'shape': 3, expected 1 or 4 in dimension 1", x, ints(3, 3))
refuse("negative_size", "(int64[2] s) => (float y) { y = ConstantOfShape(s) }",
       "node 'y' (ConstantOfShape), argument 'input': -1, expected a size of 0 or more [NNFC-E0504]", ints(2, -1))
refuse("range_of_step_0", "(int64 a, int64 b, int64 c) => (int64[N] y) { y = Range(a, b, c) }",
       "node 'y' (Range), argument 'delta': 0, expected a number other than 0", *map(np.int64, (1, 2, 0)))
refuse("too_many_of_the_top", "(float[A,B] x, int64[1] k) => (float[A,K] y, int64[A,K] i) { y, i = TopK(x, k) }",
       "node 'y' (TopK), argument 'k': 5, expected at most the size B", x, ints(5))
refuse("split_into_too_much", "(float[A,B] x, int64[2] s) => (float[C,B] y, float[D,B] z) { y, z = Split<axis = 0>(x, s) }",
       "node 'y' (Split), argument 'split': 4 in all, expected the size A of dimension 0", x, ints(1, 3))
refuse("slice_by_step_0", "(float[A,B] x, int64[1] s, int64[1] e, int64[1] a, int64[1] t) => (float y) "
       "{ y = Slice(x, s, e, a, t) }", "node 'y' (Slice), argument 'steps': 0, expected another number",
       x, ints(0), ints(1), ints(0), ints(0))
refuse("slice_along_no_axis", "(float[A,B] x, int64[1] s, int64[1] a) => (float y) { y = Slice(x, s, s, a) }",
       "node 'y' (Slice), argument 'axes': 2, expected -2 to 1", x, ints(0), ints(2))
refuse("pad_nothing", '(float[A,B] x, int64[4] p) => (float y) { y = Pad<mode = "edge">(x, p) }',
       "node 'y' (Pad), argument 'data': size 0 in dimension 0, expected at least 1", numbers(0, 4), ints(1, 0, 0, 0))
refuse("squeeze_of_size_3", "(float[A,B] x, int64[1] a) => (float y) { y = Squeeze(x, a) }",
       "node 'y' (Squeeze), argument 'axes': dimension 0 has size 3, expected 1", x, ints(0))
refuse("reduce_an_axis_twice", "(float[A,B] x, int64[2] a) => (float y) { y = ReduceSum<keepdims = 0>(x, a) }",
       "node 'y' (ReduceSum), argument 'axes': 1 dimensions are left, expected 0 (is one named twice?)", x, ints(1, -1))
refuse("dft_of_the_parts", "(float[N,L,2] x, int64 a) => (float y) { y = DFT(x, , a) }",
       "argument 'axis': 2, expected one before the last", numbers(2, 5, 2), np.int64(-1), opset=20)
refuse("resize_by_nothing", "(float[A,B] x, float[2] scales) => (float y) { y = Resize(x, , scales) }",
       "node 'y' (Resize), argument 'scales': 0, expected numbers above 0", x, np.array([1, 0], np.float32))
refuse("affine_grid_of_other_images", "(float[N,2,3] t, int64[4] s) => (float y) { y = AffineGrid(t, s) }",
       "node 'y' (AffineGrid), argument 'size': 3, expected N first", numbers(2, 2, 3), ints(3, 1, 2, 2), opset=20)
refuse("frames_beyond_the_signal", "(float[N,L] x, int64 s, int64 n) => (float y) { y = STFT(x, s, , n) }",
       "node 'y' (STFT), argument 'frame_length': 5, expected at most the signal's L", x, np.int64(1), np.int64(5))
refuse("frames_without_step", "(float[N,L] x, int64 s, float[W] w) => (float y) { y = STFT(x, s, w) }",
       "node 'y' (STFT), argument 'frame_step': 0, expected 1 or more", x, np.int64(0), np.ones(2, np.float32))
refuse("sizes_of_the_data_that_differ", "(float[N] x, int64 k) => (float[M] y) { zero = Constant<value_int = 0>() "
       "one = Constant<value_int = 1>() r = Range(zero, k, one) f = Cast<to = 1>(r) y = Add(x, f) }",
       "node 'y' (Add), argument 'input': size 2, expected N as another input", numbers(4), np.int64(2))
