"""Cases of windows and blocks whose last one has fewer elements, and of deformable convolutions."""
import numpy as np
from own import case, numbers
from own_parameters import add


def windows(x, starts, kernel, dilation):
    """The elements of x in each window along its last dimension, NaN where there are none."""
    places = np.array(starts)[:, None] + np.arange(kernel) * dilation
    inside = (places >= 0) & (places < x.shape[-1])
    return np.where(inside, x[..., np.clip(places, 0, x.shape[-1] - 1)], np.nan)


@case("(float[N,C,L] x) => (float y) { y = AveragePool<kernel_shape = [3], dilations = [2], pads = [1, 2]>(x) }", 19)
def average_pool_dilated_over_a_symbolic_size():
    x = numbers(2, 3, 7)
    return [x], [np.nanmean(windows(x, range(-1, 5), 3, 2), -1).astype(np.float32)]


@case("(float[N,C,10] x) => (float y) { y = AveragePool<kernel_shape = [3], dilations = [2], strides = [4], ceil_mode = 1, "
      "pads = [1, 0]>(x) }", 19)
def average_pool_dilated_with_a_ceiling():
    x = numbers(2, 3, 10)
    return [x], [np.nanmean(windows(x, (-1, 3, 7), 3, 2), -1).astype(np.float32)]


@case("(float[N,C,10] x) => (float y) { y = LpPool<kernel_shape = [3], strides = [3], ceil_mode = 1, p = 3>(x) }", 18)
def lp_pool_with_a_ceiling():
    x = numbers(2, 3, 10)
    return [x], [(np.nansum(abs(windows(x, (0, 3, 6, 9), 3, 1)) ** 3, -1) ** (1 / 3)).astype(np.float32)]


def add_ceiling(size, stride, kernel, low, high):
    """Uneven padding of a symbolic size, and one window more where that begins before the padding behind."""
    x = numbers(2, 3, size)
    starts = [at for at in range(-low, size + high - kernel + stride, stride) if at < size]
    seen = windows(x, starts, kernel, 1)
    attributes = f"ceil_mode = 1, kernel_shape = [{kernel}], strides = [{stride}], pads = [{low}, {high}]"
    for op, result in ("MaxPool", np.nanmax(seen, -1)), ("AveragePool", np.nanmean(seen, -1)):
        add(f"{op}_ceiling_{size}_by_{stride}_of_{kernel}_padded_{low}_{high}",
            f"(float[N,C,L] x) => (float y) {{ y = {op}<{attributes}>(x) }}", [x], [result.astype(np.float32)])


for size in 7, 8, 9, 10:
    add_ceiling(size, 3, 4, 1, 0)
    add_ceiling(size, 2, 2, 0, 1)


def add_same(size, stride, kernel, automatic):
    """The padding of SAME over a symbolic size, which depends on it where the stride is not 1."""
    x, weight = numbers(2, 3, size), numbers(4, 3, kernel, seed=1)
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    low = total // 2 if automatic == "SAME_UPPER" else total - total // 2
    seen = windows(x, range(-low, size + total - low - kernel + 1, stride), kernel, 1)
    attributes = f'auto_pad = "{automatic}", kernel_shape = [{kernel}], strides = [{stride}]'
    name = f"{automatic.lower()}_{size}_by_{stride}_of_{kernel}"
    for op, result in {
            "Conv": np.einsum("nclk,ock->nol", np.nan_to_num(seen), weight),
            "MaxPool": np.nanmax(seen, -1),
            "AveragePool": np.nanmean(seen, -1),
            "LpPool": np.sqrt(np.nansum(seen * seen, -1))}.items():
        given = [x, weight] if op == "Conv" else [x]
        info = f", float[4,3,{kernel}] w" if op == "Conv" else ""
        add(f"{op}_{name}", f"(float[N,3,L] x{info}) => (float y) {{ y = {op}<{attributes}>({'x, w' if info else 'x'}) }}",
            given, [result.astype(np.float32)])


for size, stride, kernel in (7, 2, 3), (8, 2, 3), (8, 3, 4), (9, 3, 2):
    for automatic in "SAME_UPPER", "SAME_LOWER":
        add_same(size, stride, kernel, automatic)


SCALE = np.array([[0.5, 2, 0.25], [1, 0.125, 4]], np.float32)


@case("(float[2,L] x, float[2,3] s, int8[2,3] z) => (int8[2,L] y, float[2,L] back) "
      "{ y = QuantizeLinear<axis = -1, block_size = 3>(x, s, z) "
      "back = DequantizeLinear<axis = -1, block_size = 3>(y, s, z) }", 21)
def quantize_in_blocks_of_a_symbolic_size():
    x, zero = numbers(2, 8) * 20, np.array([[1, -2, 3], [0, 5, -7]], np.int8)
    scale, place = np.repeat(SCALE, 3, 1)[:, :8], np.repeat(zero, 3, 1)[:, :8].astype(int)
    y = np.clip(np.round(x / scale) + place, -128, 127)
    return [x, SCALE, zero], [y.astype(np.int8), ((y - place) * scale).astype(np.float32)]


@case("(float[N] x, float s) => (int16[N] y) { y = QuantizeLinear<output_dtype = 5>(x, s) }", 21)
def quantize_to_a_dtype():
    x = numbers(8) * 20
    return [x, np.float32(0.01)], [np.round(x / np.float32(0.01)).astype(np.int16)]


def deformed(x, weight, offset, mask, bias, stride, low):
    """The definition, element by element; offsets and masks are [taps, …] of one group."""
    (channels, height, width), (outputs, _, kh, kw) = x.shape, weight.shape
    rows, columns = offset.shape[-2:]
    y = np.zeros((outputs, rows, columns))
    for i, j, tap in np.ndindex(rows, columns, kh * kw):
        top = i * stride - low + tap // kw + offset[tap, 0, i, j]
        left = j * stride - low + tap % kw + offset[tap, 1, i, j]
        for v in np.floor(top) + [0, 1]:
            for u in np.floor(left) + [0, 1]:
                if 0 <= v < height and 0 <= u < width:
                    share = (1 - abs(top - v)) * (1 - abs(left - u)) * mask[tap, i, j]
                    y[:, i, j] += share * weight[:, :, tap // kw, tap % kw] @ x[:, int(v), int(u)]
    return y + bias[:, None, None]


@case("(float[N,4,H,W] x, float[6,2,3,2] w, float[N,24,R,S] o, float[6] b, float[N,12,R,S] m) => (float y) "
      "{ y = DeformConv<group = 2, offset_group = 2, strides = [2, 2], pads = [1, 1, 1, 1]>(x, w, o, b, m) }", 19)
def deform_conv_in_groups_of_symbolic_sizes():
    x, w, b = numbers(2, 4, 7, 6), numbers(6, 2, 3, 2, seed=1), numbers(6, seed=2)
    o, m = 2 * numbers(2, 24, 4, 4, seed=3), numbers(2, 12, 4, 4, seed=4)
    y = [[deformed(x[n, 2 * g:2 * g + 2], w[3 * g:3 * g + 3], o.reshape(2, 2, 6, 2, 4, 4)[n, g],
                   m.reshape(2, 2, 6, 4, 4)[n, g], b[3 * g:3 * g + 3], 2, 1) for g in range(2)] for n in range(2)]
    return [x, w, o, b, m], [np.array(y, np.float32).reshape(2, 6, 4, 4)]
