"""Cases beside ONNX's suite, for what it has none of: more ranks, sizes that only the run knows, large tensors.

A case is a function that returns its inputs and the outputs to expect, or, when outputs are drawn, takes the outputs
and says what is wrong with them.
"""
import numpy as np
import onnx
from onnx import numpy_helper, parser

CASES, CHECKS = {}, {}


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
