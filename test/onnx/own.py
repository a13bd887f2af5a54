"""Cases beside ONNX's suite, for what it has none of: more ranks, sizes that only the run knows, large tensors.

A case is a function that returns its inputs and the outputs to expect, or, when outputs are drawn, runs the program
and says what is wrong with what comes out.
"""
import nnf
import numpy as np
import onnx
from onnx import numpy_helper, parser

CASES, CHECKS = {}, {}
ON_CPUS = set()  # the cases that are also compiled for other CPUs than this one


def model(graph, opset=17):
    """A graph in ONNX's text form: "(float[N] x) => (float[N] y) { y = Relu(x) }"."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}, "ai.onnx.preview.training" : 1]> '
                              f"case {graph}")


def case(graph, opset=17):
    """The function gives (inputs, outputs), lists of arrays."""
    def add(function):
        CASES[function.__name__] = (model(graph, opset), *function())
        return function
    return add


def draws(graph, *inputs, opset=17):
    """The function gets drawn(seed=0), which runs the inputs in a new context and returns the outputs by name."""
    def add(function):
        proto = model(graph, opset)
        CASES[function.__name__] = (proto, inputs, [])
        names = [info.name for info in proto.graph.input]

        def check(program):
            def drawn(seed=0):
                with nnf.Context(program, threads=1, seed=seed) as context:
                    return context.run(dict(zip(names, inputs)))
            return function(drawn)
        CHECKS[function.__name__] = check
        return function
    return add


def fails(graph, text, *inputs, opset=17):
    """A case whose run must end with this error."""
    def add(function):
        proto = model(graph, opset)
        CASES[function.__name__] = (proto, inputs, [])
        names = [info.name for info in proto.graph.input]

        def check(program):
            with nnf.Context(program, threads=1) as context:
                try:
                    context.run(dict(zip(names, inputs)))
                except nnf.Error as error:
                    return None if text in str(error) else f"'{error}', expected '{text}'"
            return f"no error, expected '{text}'"
        CHECKS[function.__name__] = check
        return function
    return add


def write(folder):
    """Writes every case as the suite has them; returns their folders."""
    folders = []
    for name, (proto, inputs, outputs) in CASES.items():
        data = folder / name / "test_data_set_0"
        data.mkdir(parents=True)
        onnx.save(proto, folder / name / "model.onnx")
        for kind, arrays in ("input", inputs), ("output", outputs):
            for i, array in enumerate(arrays):
                (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.asarray(array)).SerializeToString())
        folders.append(folder / name)
    return folders


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# ---- sizes that the data decide

@case("(bool[A,B,C] x) => (int64[3,M] y) { y = NonZero(x) }")
def nonzero_of_rank_3():
    x = numbers(3, 4, 5) > 0.3
    return [x], [np.array(np.nonzero(x))]


@case("(float s) => (int64[0,M] y) { y = NonZero(s) }")
def nonzero_of_a_scalar():
    return [np.float32(2)], [np.zeros((0, 1), np.int64)]


@case("(float[N] x) => (float[M] y) { "
      "ones = Constant<value = int64[6] {1, 0, 0, 2, 1, 0}>() i = NonZero(ones) j = Squeeze(i) y = Gather(x, j) }", 11)
def nonzero_of_a_constant():
    x = numbers(8)
    return [x], [x[[0, 3, 4]]]


@case("(float[N,M] x, bool[K] c) => (float[N,S] y) { y = Compress<axis = -1>(x, c) }")
def compress_with_a_shorter_condition():
    x, c = numbers(3, 7), np.array([True, False, False, True])
    return [x, c], [x[:, [0, 3]]]


@case("(float[N,M] x, bool[K] c) => (float[S] y) { y = Compress(x, c) }")
def compress_of_a_flat_tensor():
    x, c = numbers(30, 40), numbers(1000, seed=1) > 0
    return [x, c], [x.flatten()[:1000][c]]


@case("(float[N,2] x) => (float[2,2] y) { "
      "c = Constant<value = bool[3] {1, 0, 1}>() y = Compress<axis = 0>(x, c) }")
def compress_by_a_constant():
    x = numbers(4, 2)
    return [x], [x[[0, 2]]]



PICKED_PRODUCT = ("(float[N,M] x, bool[M] c, float[K,3] w) => (float[N,3] y) {{ p = Compress<axis = 1>(x, c) {} }}")


@case(PICKED_PRODUCT.format("y = MatMul(p, w)"))
def product_of_picked_columns():
    x, c, w = numbers(5, 7), np.array([1, 0, 1, 1, 0, 0, 1], bool), numbers(4, 3, seed=1)
    return [x, c, w], [x[:, c] @ w]


@case("(float[N,M] x, bool[M] c, float[3,K] w, float[3] b) => (float[N,3] y) { "
      "p = Compress<axis = 1>(x, c) y = Gemm<transB = 1>(p, w, b) }")
def product_of_picked_columns_with_a_bias():
    x, c, w, b = numbers(5, 7), np.array([1, 0, 1, 1, 0, 0, 1], bool), numbers(3, 4, seed=1), numbers(3, seed=2)
    return [x, c, w, b], [x[:, c] @ w.T + b]


@fails(PICKED_PRODUCT.format("y = MatMul(p, w)"), "node 'y' (MatMul), argument 'B': 4 rows, expected size(0) as A has columns",
       numbers(5, 7), np.array([1, 0, 1, 1, 0, 1, 1], bool), numbers(4, 3))
def product_of_too_many_picked_columns():
    pass


def grams(mode):
    return (f'(int64[N,C] x) => (float[N,6] y) {{ y = TfIdfVectorizer<mode = "{mode}", max_gram_length = 3, '
            'min_gram_length = 2, max_skip_count = 2, ngram_counts = [0, 2, 6], ngram_indexes = [4, 0, 5, 2, 3], '
            'pool_int64s = [1, 2, 1, 2, 2, 2, 1, 2, 1], weights = [9.0, 9.0, 0.5, 2.0, 3.0]>(x) }')


def counted(x, weigh):
    """Pairs and triples of tokens with up to two others between each and the next."""
    y = np.zeros((len(x), 6), np.float32)
    for gram, column, weight in (((1, 2), 5, 0.5), ((2, 2), 2, 2.0), ((1, 2, 1), 3, 3.0)):
        for row, tokens in enumerate(x):
            found = sum(tuple(tokens[i:i + d * (len(gram) - 1) + 1:d]) == gram for d in (1, 2, 3) for i in range(len(tokens)))
            y[row, column] = weigh(found, weight)
    return y


def tokens(*shape):
    return np.random.default_rng(0).integers(1, 3, shape)


@case(grams("TFIDF"))
def grams_weighed():
    x = tokens(3, 20)
    return [x], [counted(x, lambda found, weight: found * weight)]


@case(grams("IDF"))
def grams_that_occur():
    x = tokens(2, 5)
    return [x], [counted(x, lambda found, weight: (found > 0) * weight)]


@case(grams("TF"))
def grams_of_rows_that_are_too_short():
    x = tokens(2, 1)
    return [x], [counted(x, lambda found, weight: found)]


def uniques(x, axis, is_sorted):
    y, first, inverse, counts = np.unique(x, True, True, True, axis=axis)
    if not is_sorted:
        order = np.argsort(first)
        y, first, counts = np.take(y, order, axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return [y, first, inverse.reshape(-1), counts]


UNIQUE = ("=> (float[P,Q,R] y, int64[K] first, int64[M] inverse, int64[K] counts) "
          "{ y, first, inverse, counts = Unique")


@case("(float[N] x) => (float[K] y, int64[K] first, int64[N] inverse, int64[K] counts) "
      "{ y, first, inverse, counts = Unique(x) }")
def unique_elements():
    x = numbers(5000).round(2)
    return [x], uniques(x, None, True)


@case("(int64[A,B] x) => (int64[K] y, int64[K] first, int64[N] inverse, int64[K] counts) "
      "{ y, first, inverse, counts = Unique<sorted = 0>(x) }")
def unique_elements_in_their_order():
    x = (numbers(30, 40) * 9).astype(np.int64)
    return [x], uniques(x, None, False)


@case(f"(float[A,5,B] x) {UNIQUE}<axis = 1, sorted = 0>(x) }}")
def unique_slices_of_a_symbolic_size():
    x = numbers(3, 3, 2)[:, [2, 0, 2, 1, 0]]
    return [x], uniques(x, 1, False)


@case(f"(float[N,3,3] x) {UNIQUE}<axis = 0>(x) }}")
def unique_slices_of_nine():
    x = numbers(2000, 3, 3).round()
    x[:, 1:] = 0
    return [x], uniques(x, 0, True)


@case(f"(float[N,3,3] x) {UNIQUE}<axis = 0, sorted = 0>(x) }}")
def unique_slices_of_none():
    x = numbers(0, 3, 3)
    none = np.zeros(0, np.int64)
    return [x], [x, none, none, none]


@case("(bool[N] x) => (bool[K] y) { y = Unique(x) }")
def unique_bools():
    return [np.array([True, True, False, True])], [np.array([False, True])]


# ---- boxes

def suppressed(boxes, scores, most, iou, score):
    """NonMaxSuppression of corners [y, x, y, x], greedily."""
    selected = []
    low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    area = (high - low).prod(-1)
    for b, c in np.ndindex(scores.shape[:2]):
        kept = []
        for i in np.argsort(-scores[b, c], kind="stable"):
            common = np.maximum(np.minimum(high[b, i], high[b, kept]) - np.maximum(low[b, i], low[b, kept]), 0).prod(-1)
            overlap = common / (area[b, i] + area[b, kept] - common)
            if scores[b, c, i] > score and len(kept) < most and not (overlap > iou).any():
                kept.append(i)
        selected += [[b, c, i] for i in kept]
    return np.array(selected, np.int64).reshape(-1, 3)


def random_boxes(images, classes, boxes):
    random = np.random.default_rng(7)
    corner = random.uniform(0, 10, (images, boxes, 2))
    size = random.uniform(-3, 3, (images, boxes, 2))
    scores = random.uniform(0, 1, (images, classes, boxes)).round(2)  # some are equal
    return np.concatenate([corner, corner + size], -1).astype(np.float32), scores.astype(np.float32)


NMS = ("(float[B,N,4] boxes, float[B,C,N] scores, int64 most, float iou, float score) => (int64[K,3] y) "
       "{ y = NonMaxSuppression(boxes, scores, most, iou, score) }")


@case(NMS)
def nms_of_several_images():
    boxes, scores = random_boxes(2, 3, 200)
    return [boxes, scores, np.int64(9), np.float32(0.1), np.float32(0.3)], [suppressed(boxes, scores, 9, 0.1, 0.3)]


@case(NMS)
def nms_of_no_candidates():
    boxes, scores = random_boxes(2, 3, 20)
    return [boxes, scores, np.int64(9), np.float32(0.1), np.float32(2)], [np.zeros((0, 3), np.int64)]


@case(NMS)
def nms_of_no_boxes():
    boxes, scores = random_boxes(2, 3, 0)
    return [boxes, scores, np.int64(9), np.float32(0.1), np.float32(0)], [np.zeros((0, 3), np.int64)]


@case("(float[1,N,4] boxes, float[1,C,N] scores, int64[1] most) => (int64[K,3] y) "
      "{ y = NonMaxSuppression(boxes, scores, most) }")
def nms_without_thresholds():
    boxes, scores = random_boxes(1, 2, 100)
    return [boxes, scores, np.array([1000])], [suppressed(boxes, scores, 1000, 0, -1)]


@case("(float[1,N,4] boxes, float[1,C,N] scores) => (int64[K,3] y) { y = NonMaxSuppression(boxes, scores) }")
def nms_of_nothing_without_a_limit():
    boxes, scores = random_boxes(1, 2, 10)
    return [boxes, scores], [np.zeros((0, 3), np.int64)]


def roi_aligned(x, rois, batch, height, width, ratio, scale, half_pixel, mode):
    y = np.zeros((len(rois), x.shape[1], height, width))
    sizes, bins = np.array(x.shape[2:]), np.array([height, width])
    for r, (roi, image) in enumerate(zip(rois[:, [1, 0, 3, 2]].reshape(-1, 2, 2), batch)):
        start, end = roi.astype(np.float64) * scale - (0.5 if half_pixel else 0)
        length = (end - start if half_pixel else np.maximum(end - start, 1)) / bins
        counts = np.maximum(np.ceil(length), 0).astype(int) if ratio == 0 else np.array([ratio, ratio])
        for ph, pw in np.ndindex(height, width):
            values = []
            for sample in np.ndindex(*counts):
                at = start + length * ([ph, pw] + (np.array(sample) + 0.5) / counts)
                inside = (at >= -1).all() and (at <= sizes).all()
                at = np.clip(at, 0, sizes - 1)
                low = np.minimum(at.astype(int), sizes - 1)
                high, part = np.minimum(low + 1, sizes - 1), at - low
                for i, j in np.ndindex(2, 2):
                    weight = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1]) * inside
                    values.append(weight * x[image, :, (low, high)[i][0], (low, high)[j][1]])
            if values:
                y[r, :, ph, pw] = np.max(values, 0) if mode == "max" else np.sum(values, 0) / counts.prod()
    return y.astype(np.float32)


def roi_case(mode, ratio, scale, half_pixel):
    x = numbers(2, 5, 12, 9)
    # Inside, small, far outside, across a rim, turned round.
    rois = np.array([[1, 2, 20, 9], [3, 3, 3.5, 4], [90, 90, 99, 99], [-9, 4, 7, 30], [9, 9, 2, 2]], np.float32)
    batch = np.array([0, 1, 1, 0, 1])
    return [x, rois, batch], [roi_aligned(x, rois, batch, 3, 2, ratio, scale, half_pixel, mode)]


def roi_align(attributes):
    return ("(float[N,C,H,W] x, float[R,4] rois, int64[R] batch) => (float[R,C,3,2] y) "
            f"{{ y = RoiAlign<output_height = 3, output_width = 2, {attributes}>(x, rois, batch) }}")


@case(roi_align("spatial_scale = 0.5"))
def roi_align_with_samples_as_needed():
    return roi_case("avg", 0, 0.5, True)


@case(roi_align('sampling_ratio = 2, coordinate_transformation_mode = "output_half_pixel"'))
def roi_align_of_four_samples():
    return roi_case("avg", 2, 1, False)


@case(roi_align('mode = "max"'), 10)
def roi_align_of_the_largest():
    return roi_case("max", 0, 1, False)


@fails(roi_align("sampling_ratio = 1"), "node 'y' (RoiAlign), argument 'batch_indices': index 2, expected 0 <= index < N",
       numbers(2, 1, 5, 5), numbers(3, 4), np.array([1, 2, 0]))
def roi_align_of_an_image_that_is_not_there():
    pass


@fails(roi_align("sampling_ratio = 1"), "node 'y' (RoiAlign), argument 'X': size 0 in dimension 2, expected at least 1",
       numbers(2, 1, 0, 5), numbers(3, 4), np.array([1, 1, 0]))
def roi_align_of_no_pixels():
    pass


@fails(NMS, "node 'y' (NonMaxSuppression), argument 'iou_threshold': expected 0 to 1",
       *random_boxes(1, 1, 5), np.int64(1), np.float32(-1), np.float32(0))
def nms_with_a_negative_threshold():
    pass


@case("(float[N,C,H,W] x, float[R,5] r) => (float y) "
      "{ y = MaxRoiPool<pooled_shape = [2, 3], spatial_scale = 0.5>(x, r) }", 13)
def max_roi_pool():
    x = numbers(2, 3, 6, 7)
    rois = np.array([[0, 0, 0, 13, 11], [1, 3, 1, 8, 9], [0, 5, 5, 5, 5], [1, -9, -3, 4, 2], [0, 20, 20, 30, 30]], np.float32)
    y = np.zeros((5, 3, 2, 3), np.float32)
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (int(np.sign(c) * np.floor(abs(c) * 0.5 + 0.5)) for c in corners)
        height, width = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i, j in np.ndindex(2, 3):
            rows = np.clip([y1 + i * height // 2, y1 - (-(i + 1) * height // 2)], 0, 6)
            columns = np.clip([x1 + j * width // 3, x1 - (-(j + 1) * width // 3)], 0, 7)
            part = x[int(image), :, rows[0]:rows[1], columns[0]:columns[1]]
            y[r, :, i, j] = part.max((1, 2)) if part.size else 0
    return [x, rois], [y]


# ---- writes, reads and determinants

def written(x, axis, index, updates, operation):
    y = x.copy()
    for at in np.ndindex(*index.shape):
        to = (*at[:axis], index[at], *at[axis + 1:])
        y[to] = operation(y[to], updates[at])
    return y


def scatter_case(axis, operation, dtype=np.float32):
    x, updates = (numbers(4, 5) * 9).astype(dtype), (numbers(3, 4, seed=1) * 9).astype(dtype)
    index = np.array([[0, 2, 1, 1], [-1, 2, 0, 3], [2, 2, 2, 0]])
    return [x, index, updates], [written(x, axis, index, updates, operation)]


def scatter_elements(axis, reduction, dtype="float"):
    return (f"({dtype}[4,5] x, int64[3,4] i, {dtype}[3,4] u) => ({dtype}[4,5] y) "
            f'{{ y = ScatterElements<axis = {axis}, reduction = "{reduction}">(x, i, u) }}')


@case(scatter_elements(1, "mul"), 18)
def scatter_elements_mul():
    return scatter_case(1, np.multiply)


@case(scatter_elements(0, "max"), 18)
def scatter_elements_max():
    return scatter_case(0, np.maximum)


@case(scatter_elements(0, "min", "int32"), 18)
def scatter_elements_min_of_integers():
    return scatter_case(0, np.minimum, np.int32)


@case(scatter_elements(1, "max", "float16"), 18)
def scatter_elements_max_of_float16():
    return scatter_case(1, np.maximum, np.float16)


@case('(float[A,B,C] x, int64[N,2] i, float[N,C] u) => (float[A,B,C] y) { y = ScatterND<reduction = "min">(x, i, u) }',
      18)
def scatter_nd_min():
    x, i, u = numbers(3, 4, 6), np.array([[0, 1], [2, 3], [0, 1], [-1, 0]]), numbers(4, 6, seed=1)
    y = x.copy()
    for (a, b), update in zip(i, u):
        y[a, b] = np.minimum(y[a, b], update)
    return [x, i, u], [y]


@fails(scatter_elements(1, "mul"), "node 'y' (ScatterElements): index 5, expected one below 5",
       numbers(4, 5), np.full((3, 4), 5), numbers(3, 4), opset=18)
def scatter_elements_beyond_the_end():
    pass


@case("(float[A,B] x, int64[A,3,0] i) => (float[A,3,B] y) { y = GatherND<batch_dims = 1>(x, i) }")
def gather_nd_of_positions_without_entries():
    x = numbers(2, 4)
    return [x, np.zeros((2, 3, 0), np.int64)], [np.repeat(x[:, None], 3, 1)]


@case("(float[B,N,N] x) => (float[B] y) { y = Det(x) }")
def det_of_many():
    x = numbers(20, 11, 11)
    x[3, 4] = x[3, 7]  # singular
    x[4, 0, 0] = 0
    y = np.linalg.det(x.astype(np.float64))
    y[3] = 0
    return [x], [y.astype(np.float32)]


@case("(double[N,N] x) => (double y) { y = Det(x) }")
def det_of_nothing():
    return [np.zeros((0, 0))], [np.float64(1)]


@case("(float16[2,1,1] x) => (float16[2] y) { y = Det(x) }")
def det_of_one_element():
    x = numbers(2, 1, 1).astype(np.float16)
    return [x], [x.reshape(2)]


# ---- steps of optimizers

@case("(float R, int64 T, float[N] x1, float[2,M] x2, float[N] g1, float[2,M] g2, float[N] v1, float[2,M] v2, "
      "float[N] h1, float[2,M] h2) => (float[N] y1, float[2,M] y2, float[N] w1, float[2,M] w2, float[N] i1, "
      "float[2,M] i2) { y1, y2, w1, w2, i1, i2 = ai.onnx.preview.training.Adam<alpha = 0.8, beta = 0.7, epsilon = 0.1, "
      "norm_coefficient = 0.2, norm_coefficient_post = 0.3>(R, T, x1, x2, g1, g2, v1, v2, h1, h2) }")
def adam_after_some_steps():
    rate, count = np.float32(0.5), np.int64(3)
    outputs = []
    inputs = [[numbers(*shape, seed=kind) for shape in ((5,), (2, 3))] for kind in range(4)]
    inputs[3] = [np.abs(h) for h in inputs[3]]
    for x, g, v, h in zip(*inputs):
        g = 0.2 * x + g
        v, h = 0.8 * v + 0.2 * g, 0.7 * h + 0.3 * g * g
        adjusted = rate * np.sqrt(1 - 0.7**count) / (1 - 0.8**count)
        outputs.append([(1 - 0.3) * (x - adjusted * v / (np.sqrt(h) + 0.1)), v, h])
    return ([rate, count, *sum(inputs, [])], [output.astype(np.float32) for output in sum(zip(*outputs), ())])


# ---- draws: bounds are five standard deviations of what is estimated, and the seeds are fixed

def strays(values, mean, deviation):
    """What is wrong with the mean and the standard deviation of independent draws."""
    values = values.astype(np.float64).ravel()
    error = deviation / np.sqrt(values.size)
    if abs(values.mean() - mean) > 5 * error:
        return f"mean {values.mean()}, expected {mean}"
    if abs(values.std() - deviation) > 5 * error:
        return f"standard deviation {values.std()}, expected {deviation}"
    return None


def strays_from_uniform(values, low, high):
    if not (low <= values.min() and values.max() <= high):
        return f"from {values.min()} to {values.max()}, expected {low} to {high}"
    shares = np.histogram(values.astype(np.float64), 16, (low, high))[0] / values.size
    if np.abs(shares - 1 / 16).max() > 5 * np.sqrt(1 / 16 / values.size):
        return f"shares {shares}"
    return strays(values, (low + high) / 2, (high - low) / np.sqrt(12))


def strays_from_normal(values, mean, deviation):
    inside = (np.abs(values.astype(np.float64) - mean) < deviation).mean()
    if abs(inside - 0.6826895) > 5 * np.sqrt(0.22 / values.size):
        return f"{inside} within one standard deviation, expected 0.683"
    return strays(values, mean, deviation)


@draws("() => (float[100,1000] y, float[100,1000] z) { y = RandomUniform<shape = [100,1000], low = -2.0, high = 6.0>() "
       "z = RandomUniform<shape = [100,1000], low = -2.0, high = 6.0>() }")
def random_uniform(drawn):
    y, z = drawn().values()
    correlation = np.corrcoef(y.ravel(), z.ravel())[0, 1]
    if abs(correlation) > 5 / np.sqrt(y.size):
        return f"two nodes correlate by {correlation}"
    if not (drawn()["y"] == y).all() or (drawn(1)["y"] == y).any(axis=-1).all():
        return "the seed does not decide"
    return strays_from_uniform(y, -2, 6) or strays_from_uniform(z, -2, 6)


@draws("() => (float[K,L,2000] y) { n = Constant<value = int64 {3}>() m = Constant<value = int64 {4}>() "
       "y = Loop<body = b (int64 i, bool c) => (bool c2, float[4,2000] s) { c2 = Identity(c) "
       "s = Loop<body = d (int64 j, bool e) => (bool e2, float[2000] t) { e2 = Identity(e) "
       "t = RandomUniform<shape = [2000]>() }>(m, ) }>(n, ) }")
def random_in_nested_loops(drawn):
    """Each step of each loop draws other numbers."""
    steps = drawn()["y"].reshape(-1, 2000)
    correlations = np.corrcoef(steps) - np.eye(len(steps))
    if np.abs(correlations).max() > 5 / np.sqrt(2000):
        return f"two of {len(steps)} steps correlate by {np.abs(correlations).max()}"
    return strays_from_uniform(steps, 0, 1)


@draws("(float[N,3] x) => (double[N,3] y, float16[N,3] z) { y = RandomUniformLike<dtype = 11>(x) "
       "z = RandomUniformLike<dtype = 10, low = 1.0, high = 3.0>(x) }", numbers(50000, 3))
def random_uniform_like(drawn):
    y, z = drawn().values()
    if (y.astype(np.float32) == y).all():
        return "float64 has the digits of float32"
    return strays_from_uniform(y, 0, 1) or strays_from_uniform(z, 1, 3)


@draws("() => (float[300,500] y, double[40000] z) { y = RandomNormal<shape = [300,500], mean = 3.0, scale = 0.5>() "
       "z = RandomNormal<shape = [40000], dtype = 11>() }")
def random_normal(drawn):
    y, z = drawn().values()
    return strays_from_normal(y, 3, 0.5) or strays_from_normal(z, 0, 1)


@draws("(float16[N] x) => (float16[N] y, float16[N] z) { y = RandomNormalLike<seed = 7.0>(x) "
       "z = RandomNormalLike<seed = 8.0, scale = 10.0>(x) }", np.zeros(100000, np.float16))
def random_normal_like_of_a_seed(drawn):
    y, z = drawn().values()
    if (y * 10 == z).mean() > 0.1:
        return "two seeds, the same draws"
    if not (drawn(5)["y"] == y).all():
        return "the run's seed decides where the node has one"
    return strays_from_normal(y, 0, 1) or strays_from_normal(z, 0, 10)


@draws("(float[P,N] x) => (float[P,N] y, bool[P,N] z) { y = Bernoulli(x) z = Bernoulli<dtype = 9, seed = 1.0>(x) }",
       np.repeat(np.float32([[0], [0.1], [0.5], [1]]), 50000, 1))
def bernoulli(drawn):
    y, z = drawn().values()
    for outcomes in (y, z.astype(np.float32)):
        if not np.isin(outcomes, (0, 1)).all():
            return "other numbers than 0 and 1"
        for p, row in zip((0, 0.1, 0.5, 1), outcomes):
            wrong = strays(row, p, np.sqrt(p * (1 - p)))
            if wrong:
                return f"probability {p}: {wrong}"
    return None


@draws("(float[R,C] x) => (int32[R,100000] y) { y = Multinomial<sample_size = 100000>(x) }",
       np.float32([[0, 1, -np.inf, 2, -1], [-np.inf, 500, 500, -np.inf, -np.inf]]))
def multinomial(drawn):
    y = drawn()["y"]
    weights = np.exp(np.float64([[0, 1, -np.inf, 2, -1], [-np.inf, 0, 0, -np.inf, -np.inf]]))
    for row, expected in zip(y, weights / weights.sum(1, keepdims=True)):
        shares = np.bincount(row, minlength=5) / row.size
        if len(shares) > 5 or (np.abs(shares - expected) > 5 * np.sqrt(expected * (1 - expected) / row.size)).any():
            return f"shares {shares}, expected {expected}"
    return None


DROPOUT = "(float[N] x, float ratio, bool training) => (float[N] y, bool[N] mask) "


@draws(DROPOUT + "{ y, mask = Dropout(x, ratio, training) }", numbers(100000), np.float32(0.25), np.True_)
def dropout_and_its_mask(drawn):
    y, mask = drawn().values()
    expected = np.where(mask, numbers(100000) / np.float32(0.75), 0)
    if not np.allclose(y, expected, rtol=1e-6):
        return "what the mask keeps is not the input by the share that is kept"
    return strays(mask, 0.75, np.sqrt(0.25 * 0.75))


@draws(DROPOUT + "{ y, mask = Dropout<seed = 3>(x, ratio, training) }", numbers(1000), np.float32(1), np.False_)
def dropout_that_a_run_turns_off(drawn):
    y, mask = drawn().values()
    return None if mask.all() and (y == numbers(1000)).all() else "it is not the identity"


@draws("(float[N] x) => (float[N] y) { r = Constant<value = float {0.5}>() t = Constant<value = bool {1}>() "
       "y = Dropout<seed = 3>(x, r, t) }", np.ones(100000, np.float32))
def dropout_of_a_seed(drawn):
    y = drawn()["y"]
    if not (drawn(1)["y"] == y).all():
        return "the run's seed decides where the node has one"
    return strays(y, 1, 1)


@fails(DROPOUT + "{ y, mask = Dropout(x, ratio, training) }", "node 'y' (Dropout), argument 'ratio': expected 0 to 1",
       numbers(4), np.float32(2), np.True_)
def dropout_of_more_than_all():
    pass
