"""Attentions of the CUDA tests: one kernel each, whatever lies where. Answers are numpy's in float64."""
import numpy as np

from models import Model, bfloat16, softmax


def attend(q, k, v, bias=0.0, scale=None, causal=False):
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale) + bias
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        return softmax(scores, -1) @ v


def kernels_of(model):
    """That there should be. What joins heads again is not part of the kernel that puts parts together."""
    return 3 if "decode_in_place" in model.name else 2 if "decode" in model.name else 1


def repeated(x, heads):
    return np.repeat(x, heads // x.shape[-3], axis=-3)


def attentions():
    rng = np.random.default_rng(9)
    kinds = {"f32": lambda x: x, "f16": lambda x: x.astype(np.float16), "bf16": bfloat16}
    found = []

    def random(kind, *shape):
        return kinds[kind](rng.standard_normal(shape).astype(np.float32))

    def add(name, kind, shapes, nodes, reference, symbols=None, others=None, roundings=1):
        inputs = {key: random(kind, *shape) for key, shape in shapes.items()} | (others or {})
        # Powers are multiplied as numbers of the operands' type.
        error = {"f32": 2.0 ** 4, "f16": 2.0 ** 13, "bf16": 2.0 ** 15}[kind] * roundings
        found.append(Model(f"attention_{kind}_{name}", "attention", inputs, nodes, ["y"], reference, symbols,
                           lambda *arrays: np.full_like(reference(*arrays)[0], error)))

    def sdpa(**more):
        return [("scaled_dot_product_attention", {"query": "q", "key": "k", "value": "v"} | more, ["y"])]

    # ---- sizes: widths of all tiles, ragged queries, keys and widths, one of each; several blocks of keys
    for kind, sizes in {
            "f16": ((100, 80, 64, 64), (64, 64, 32, 32), (1, 1, 8, 8), (70, 130, 72, 40), (33, 65, 30, 18), (5, 200, 7, 3),
                    (129, 96, 128, 128), (66, 70, 112, 128), (40, 33, 128, 96)),
            "bf16": ((90, 100, 64, 64), (17, 150, 80, 80), (64, 64, 128, 128)),
            "f32": ((100, 80, 64, 64), (1, 1, 8, 8), (70, 45, 33, 19), (64, 96, 128, 128), (65, 33, 30, 100))}.items():
        for queries, keys, depth, columns in sizes:
            add(f"{queries}x{keys}x{depth}x{columns}", kind,
                {"q": (2, 2, queries, depth), "k": (2, 2, keys, depth), "v": (2, 2, keys, columns)}, sdpa(),
                lambda q, k, v: [attend(q, k, v)])
    # Heads of 256 leave few registers: with what the graph does to a score, and with parts of the keys.
    for kind in ("f16", "bf16"):
        for queries, keys, depth, columns in ((70, 90, 256, 256), (40, 33, 160, 200), (65, 70, 192, 64)):
            add(f"wide_{queries}x{keys}x{depth}x{columns}", kind,
                {"q": (2, queries, depth), "k": (2, keys, depth), "v": (2, keys, columns)}, sdpa(),
                lambda q, k, v: [attend(q, k, v)])
        wide = {key: (2, 66, 256) for key in "qkv"}
        add("wide_causal", kind, wide, sdpa(is_causal=True), lambda q, k, v: [attend(q, k, v, causal=True)])
        add("wide_bias", kind, wide | {"m": (66, 66)}, sdpa(attn_mask="m"), lambda q, k, v, m: [attend(q, k, v, m)])
        mask = rng.random((2, 66, 75)) < 0.7
        mask[1, 5] = False
        add("wide_padding", kind, {"q": (2, 66, 256), "k": (2, 75, 256), "v": (2, 75, 256)}, sdpa(attn_mask="m"),
            lambda q, k, v, m: [np.nan_to_num(attend(q, k, v, np.where(m, 0, -np.inf)))], others={"m": mask})
        add("wide_decode", kind, {"q": (2, 1, 256), "k": (2, 1200, 256), "v": (2, 1200, 256)}, sdpa(),
            lambda q, k, v: [attend(q, k, v)])
        add("wide_turned", kind, {"q": (2, 256, 40), "k": (2, 256, 72), "v": (2, 256, 72)},
            [("transpose", {"input": key, "dim0": 1, "dim1": 2}, [key + "t"]) for key in "qkv"] +
            [("scaled_dot_product_attention", {"query": "qt", "key": "kt", "value": "vt"}, ["y"])],
            lambda q, k, v: [attend(*(x.swapaxes(1, 2) for x in (q, k, v)))])
    # So many heads that tiles of more queries fill a GPU.
    add("many_heads", "f16", {"q": (54, 130, 64), "k": (54, 20, 64), "v": (54, 20, 64)}, sdpa(),
        lambda q, k, v: [attend(q, k, v)])
    for kind in kinds:
        add("symbolic", kind, {"q": (2, 45, 40), "k": (2, 77, 40), "v": (2, 77, 40)}, sdpa(),
            lambda q, k, v: [attend(q, k, v)],
            {("q", 0): "N", ("k", 0): "N", ("v", 0): "N", ("q", 1): "L", ("k", 1): "S", ("v", 1): "S"})

    # ---- what is done to a score
    for kind in kinds:
        for length in (64, 150):
            add(f"causal_{length}", kind, {key: (2, length, 48) for key in "qkv"}, sdpa(is_causal=True, scale=0.3),
                lambda q, k, v: [attend(q, k, v, scale=0.3, causal=True)])
        add("causal_wide", kind, {"q": (2, 40, 16), "k": (2, 130, 16), "v": (2, 130, 16)}, sdpa(is_causal=True),
            lambda q, k, v: [attend(q, k, v, causal=True)])
        bias = rng.standard_normal((3, 70, 90)).astype(np.float32)
        add("bias", kind, {"q": (2, 3, 70, 24), "k": (2, 3, 90, 24), "v": (2, 3, 90, 24), "m": (3, 70, 90)},
            sdpa(attn_mask="m"), lambda q, k, v, m: [attend(q, k, v, m)])
        for keys in (70, 75):
            # A padded key, a row that is masked as a whole: its result is 0.
            mask = rng.random((2, 1, 66, keys)) < 0.7
            mask[..., -9:] = False
            mask[1, 0, 5] = False
            add(f"padding_{keys}", kind, {"q": (2, 3, 66, 32), "k": (2, 3, keys, 32), "v": (2, 3, keys, 32)},
                sdpa(attn_mask="m"),
                lambda q, k, v, m: [np.nan_to_num(attend(q, k, v, np.where(m, 0, -np.inf)))], others={"m": mask})

    # ---- few queries and many keys: parts of the keys, then their mixes together. Masks of both kinds, a part of which
    # a row has nothing, rows that have nothing at all; heads that several queries share; parts that are not whole blocks
    for kind in kinds:
        add("decode", kind, {"q": (1, 2, 1, 64), "k": (1, 2, 2048, 64), "v": (1, 2, 2048, 64)}, sdpa(),
            lambda q, k, v: [attend(q, k, v)])
        add("decode_ragged", kind, {"q": (3, 70, 40), "k": (3, 1210, 40), "v": (3, 1210, 24)}, sdpa(scale=0.3),
            lambda q, k, v: [attend(q, k, v, scale=0.3)])
        add("decode_grouped", kind, {"q": (1, 4, 3, 32), "k": (1, 2, 1536, 32), "v": (1, 2, 1536, 32)},
            sdpa(enable_gqa=True), lambda q, k, v: [attend(q, repeated(k, 4), repeated(v, 4))])
        mask = rng.random((2, 1, 5, 1600)) < 0.7
        mask[0, ..., 300:] = False
        mask[1, 0, 3] = False
        add("decode_padding", kind, {"q": (2, 2, 5, 32), "k": (2, 2, 1600, 32), "v": (2, 2, 1600, 32)},
            sdpa(attn_mask="m"), lambda q, k, v, m: [np.nan_to_num(attend(q, k, v, np.where(m, 0, -np.inf)))],
            others={"m": mask})
        bias = rng.standard_normal((2, 1, 1500)).astype(np.float32)
        add("decode_bias", kind, {"q": (2, 1, 16), "k": (2, 1500, 16), "v": (2, 1500, 16)}, sdpa(attn_mask="m"),
            lambda q, k, v, m: [attend(q, k, v, m)], others={"m": bias if kind == "f32" else kinds[kind](bias)})
        # Turned operands, and heads in place that are joined again.
        add("decode_in_place", kind, {"q": (2, 4, 64), "k": (2, 1024, 64), "v": (2, 1024, 64)},
            [node for key, length in (("q", 4), ("k", 1024), ("v", 1024)) for node in (
                ("reshape", {"input": key, "shape": [2, length, 4, 16]}, [key + "r"]),
                ("permute", {"input": key + "r", "dims": [0, 2, 1, 3]}, [key + "h"]))] +
            [("scaled_dot_product_attention", {"query": "qh", "key": "kh", "value": "vh"}, ["m"]),
             ("permute", {"input": "m", "dims": [0, 2, 1, 3]}, ["p"]), ("reshape", {"input": "p", "shape": [2, 4, 64]}, ["y"])],
            lambda q, k, v: [attend(*(x.reshape(2, -1, 4, 16).transpose(0, 2, 1, 3) for x in (q, k, v)))
                             .transpose(0, 2, 1, 3).reshape(2, 4, 64)])
        add("decode_turned", kind, {"q": (2, 40, 8), "k": (2, 40, 1280), "v": (2, 24, 1280)},
            [("transpose", {"input": key, "dim0": 1, "dim1": 2}, [key + "t"]) for key in "qkv"] +
            [("scaled_dot_product_attention", {"query": "qt", "key": "kt", "value": "vt"}, ["y"])],
            lambda q, k, v: [attend(*(x.swapaxes(1, 2) for x in (q, k, v)))])

    # ---- how operands lie: heads that several queries share, all turned, heads in place and joined again
    for kind in kinds:
        add("grouped", kind, {"q": (2, 6, 40, 32), "k": (2, 2, 70, 32), "v": (2, 2, 70, 32)}, sdpa(enable_gqa=True),
            lambda q, k, v: [attend(q, repeated(k, 6), repeated(v, 6))])

        def turned(key, out):
            return ("transpose", {"input": key, "dim0": 1, "dim1": 2}, [out])

        for size in (72, 75):
            add(f"turned_{size}", kind, {"q": (2, 40, size), "k": (2, 40, size), "v": (2, 24, size)},
                [turned("q", "qt"), turned("k", "kt"), turned("v", "vt"),
                 ("scaled_dot_product_attention", {"query": "qt", "key": "kt", "value": "vt"}, ["y"])],
                lambda q, k, v: [attend(*(x.swapaxes(1, 2) for x in (q, k, v)))])

        def heads(key):
            return [("reshape", {"input": key, "shape": [2, 70, 4, 16]}, [key + "r"]),
                    ("permute", {"input": key + "r", "dims": [0, 2, 1, 3]}, [key + "h"])]

        def split(x):
            return x.reshape(2, 70, 4, 16).transpose(0, 2, 1, 3)

        add("heads_in_place", kind, {key: (2, 70, 64) for key in "qkv"},
            heads("q") + heads("k") + heads("v") +
            [("scaled_dot_product_attention", {"query": "qh", "key": "kh", "value": "vh"}, ["m"]),
             ("permute", {"input": "m", "dims": [0, 2, 1, 3]}, ["p"]),
             ("reshape", {"input": "p", "shape": [2, 70, 64]}, ["y"])],
            lambda q, k, v: [attend(split(q), split(k), split(v)).transpose(0, 2, 1, 3).reshape(2, 70, 64)])
        # Scores, weights and the mix that a graph rounds by itself.
        add("spelled_out", kind, {"q": (2, 70, 32), "k": (2, 90, 32), "v": (2, 90, 32), "r": (2, 70, 32)},
            [turned("k", "kt"), ("matmul", {"input": "q", "other": "kt"}, ["s"]), ("mul", {"input": "s", "other": 0.25}, ["t"]),
             ("softmax", {"input": "t", "dim": -1}, ["w"]), ("matmul", {"input": "w", "other": "v"}, ["m"]),
             ("add", {"input": "m", "other": "r"}, ["y"])],
            lambda q, k, v, r: [attend(q, k, v, scale=0.25) + r], roundings=4)
    return found
