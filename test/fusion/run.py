#!/usr/bin/env python3
"""Graphs that fusion turns into fewer kernels, run and held against what numpy makes of the same formula in float64.

How many launches a graph comes to is part of each case; harness/formulas.py says what else is compared.
"""
import sys
from pathlib import Path

# Debian's numpy and onnx belong to Debian's Python.
if sys.executable != "/usr/bin/python3":
    import os
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))
from formulas import case, inputs, main, random  # noqa: E402


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def relu(x):
    return np.maximum(x, 0)


def filled(shapes, scale=0.2):
    """Weights of these shapes."""
    return {name: random(*shape, seed=100 + i) * np.float32(scale) for i, (name, shape) in enumerate(shapes.items())}


def heads(x, count):
    return x.reshape(*x.shape[:-1], count, -1).swapaxes(-2, -3)


# ---- products that read the same rows

QKV = filled({"wq": (48, 64), "wk": (48, 64), "wv": (48, 32), "bq": (64,), "bv": (32,)})
QKV |= {"split": np.array([0, 0, 4, -1]), "whole": np.array([0, 0, 32]), "scale": np.array(0.25, np.float32)}


@case("(float[N, L, 48] x) => (float[N, L, 32] y)",
      """qm = MatMul(x, wq)  qb = Add(qm, bq)  qc = Mul(qb, scale)  k = MatMul(x, wk)  vm = MatMul(x, wv)  v = Add(bv, vm)
         qs = Reshape(qc, split)  qh = Transpose<perm = [0, 2, 1, 3]>(qs)
         ks = Reshape(k, split)  kh = Transpose<perm = [0, 2, 3, 1]>(ks)
         vs = Reshape(v, split)  vh = Transpose<perm = [0, 2, 1, 3]>(vs)
         scores = MatMul(qh, kh)  weights = Softmax<axis = -1>(scores)  mixed = MatMul(weights, vh)
         back = Transpose<perm = [0, 2, 1, 3]>(mixed)  y = Reshape(back, whole)""",
      [inputs(x=(2, 21, 48)), inputs(x=(1, 1, 48)), inputs(x=(3, 5, 48))], launches=2, weights=QKV)
def queries_keys_and_values(x):
    """Queries have a bias and a scale, values a bias of another length, keys neither: one product, and attention."""
    q, k, v = (x @ QKV["wq"] + QKV["bq"]) * 0.25, x @ QKV["wk"], x @ QKV["wv"] + QKV["bv"]
    q, k, v = heads(q, 4), heads(k, 4), heads(v, 4)
    y = (softmax(q @ k.swapaxes(-1, -2)) @ v).swapaxes(-2, -3)
    return [y.reshape(*y.shape[:2], -1)]


BRANCHES = filled({"wa": (32, 24, 1, 1), "wb": (20, 24, 1, 1), "wc": (48, 24, 1, 1), "ba": (32,), "bc": (48,),
                   "va": (8, 32, 3, 3), "vb": (8, 20, 3, 3), "vc": (8, 48, 3, 3)})


def conv3(x, w):
    """3 x 3 with a border of zeros."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = x.shape[2:]
    return sum(np.einsum("nchw,oc->nohw", padded[:, :, i:i + rows, j:j + columns], w[:, :, i, j])
               for i in range(3) for j in range(3))


def conv1(x, w):
    return np.einsum("nchw,oc->nohw", x, w[:, :, 0, 0])


@case("(float[2, 24, 9, 7] x) => (float[2, 8, 9, 7] p, float[2, 8, 9, 7] q, float[2, 8, 9, 7] r)",
      """am = Conv(x, wa, ba)  as = Sigmoid(am)  a = Mul(am, as)  bm = Conv(x, wb)  bs = Sigmoid(bm)  b = Mul(bm, bs)
         cm = Conv(x, wc, bc)  c = Relu(cm)
         p = Conv<pads = [1, 1, 1, 1]>(a, va)  q = Conv<pads = [1, 1, 1, 1]>(b, vb)  r = Conv<pads = [1, 1, 1, 1]>(c, vc)""",
      [inputs(x=(2, 24, 9, 7))], launches=8, weights=BRANCHES)
def branches_of_one_activation(x):
    """The two with silu are one convolution of 52 channels, the one with relu is another."""
    a, b, c = conv1(x, BRANCHES["wa"]) + BRANCHES["ba"][:, None, None], conv1(x, BRANCHES["wb"]), \
        conv1(x, BRANCHES["wc"]) + BRANCHES["bc"][:, None, None]
    return [conv3(a * sigmoid(a), BRANCHES["va"]), conv3(b * sigmoid(b), BRANCHES["vb"]),
            conv3(relu(c), BRANCHES["vc"])]


GATED = filled({"wg": (32, 48), "wu": (32, 48), "wd": (48, 32)})


@case("(float[N, 32] x) => (float[N, 32] y)",
      "g = MatMul(x, wg)  s = Sigmoid(g)  a = Mul(g, s)  u = MatMul(x, wu)  p = Mul(a, u)  y = MatMul(p, wd)",
      [inputs(x=(7, 32)), inputs(x=(1, 32))], launches=3, weights=GATED)
def gate_follows_its_product(x):
    """Joined, both would be stored before the gate: they stay apart, and the gate is computed by a product."""
    g = x @ GATED["wg"]
    return [(g * sigmoid(g) * (x @ GATED["wu"])) @ GATED["wd"]]


NORMED = filled({"wn": (64, 40)})


@case("(float[N, 64] x) => (float[N, 40] y)", "m = ReduceMean<axes = [1]>(x)  d = Sub(x, m)  n = Relu(d)  y = MatMul(n, wn)",
      [inputs(x=(rows, 64)) for rows in (1, 2, 4, 7, 13, 24)], launches=2, weights=NORMED)
def rows_of_any_number_are_computed(x):
    """A tile's rows are computed into scratch memory, also where the last tile has fewer than its place is for."""
    return [relu(x - x.mean(-1, keepdims=True)) @ NORMED["wn"]]


@case("(float[N, 32] x) => (float[N, 48] y, float[N, 48] z)", "y = MatMul(x, wg)  z = MatMul(x, wu)",
      [inputs(x=(7, 32))], launches=2, weights=GATED)
def results_of_the_graph(x):
    """Each is written where the caller wants it."""
    return [x @ GATED["wg"], x @ GATED["wu"]]


# ---- concatenations whose operands are stored where they belong

SIDES = filled({"wa": (24, 32), "wb": (24, 48), "wc": (24, 20), "va": (32, 16), "vc": (100, 8), "gain": (48,)})


@case("(float[N, 24] x) => (float[N, 100] y)",
      """am = MatMul(x, wa)  a = Relu(am)  bm = MatMul(x, wb)  b = Tanh(bm)  cm = MatMul(x, wc)  c = Sigmoid(cm)
         y = Concat<axis = 1>(a, b, c)""",
      [inputs(x=(7, 24)), inputs(x=(1, 24)), inputs(x=(40, 24))], launches=3, weights=SIDES)
def three_products_side_by_side(x):
    """Straight into the caller's buffer, at a distance that is not each one's own."""
    return [np.concatenate([relu(x @ SIDES["wa"]), np.tanh(x @ SIDES["wb"]), sigmoid(x @ SIDES["wc"])], 1)]


@case("(float[N, 24] x) => (float[N, 16] p, float[N] r, float[N, 8] q)",
      """am = MatMul(x, wa)  a = Relu(am)  bm = MatMul(x, wb)  b = Tanh(bm)  cm = MatMul(x, wc)  c = Sigmoid(cm)
         y = Concat<axis = 1>(a, b, c)  q = MatMul(y, vc)  p = MatMul(a, va)
         e = Exp(b)  s = Mul(e, gain)  r = ReduceSum<keepdims = 0>(s, last)""",
      [inputs(x=(7, 24)), inputs(x=(1, 24)), inputs(x=(40, 24))], launches=6,
      weights=SIDES | {"last": np.array([1])})
def parts_with_other_readers(x):
    """A product and a reduction read parts of the rows where they lie."""
    a, b, c = relu(x @ SIDES["wa"]), np.tanh(x @ SIDES["wb"]), sigmoid(x @ SIDES["wc"])
    return [a @ SIDES["va"], (np.exp(b) * SIDES["gain"]).sum(1), np.concatenate([a, b, c], 1) @ SIDES["vc"]]


@case("(float[M, 24] x, float[N, 24] z) => (float[S, 48] y)",
      "am = MatMul(x, wb)  a = Relu(am)  bm = MatMul(z, wb)  b = Tanh(bm)  y = Concat<axis = 0>(a, b)",
      [inputs(x=(7, 24), z=(3, 24)), inputs(x=(1, 24), z=(50, 24))], launches=2, weights=SIDES)
def rows_after_rows(x, z):
    """One piece each, the second at an address that the run knows."""
    return [np.concatenate([relu(x @ SIDES["wb"]), np.tanh(z @ SIDES["wb"])], 0)]


IMAGES = filled({"w3": (20, 24, 3, 3), "wd": (20, 1, 3, 3), "w1": (28, 20, 1, 1), "wq": (36, 48, 3, 3),
                 "wz": (16, 36, 1, 1), "b3": (20,)})


@case("(float[2, 24, 9, 7] x) => (float[2, 16, 9, 7] y)",
      """am = Conv<pads = [1, 1, 1, 1]>(x, w3, b3)  a = Relu(am)
         dm = Conv<pads = [1, 1, 1, 1], group = 20>(a, wd)  d = Relu(dm)  bm = Conv(d, w1)  b = Sigmoid(bm)
         c = Concat<axis = 1>(a, b)  qm = Conv<pads = [1, 1, 1, 1]>(c, wq)  q = Relu(qm)  y = Conv(q, wz)""",
      [inputs(x=(2, 24, 9, 7))], launches=7, weights=IMAGES)
def skip_connection(x):
    """Written by one convolution, read by a depthwise one in between: at the distance of all channels."""
    a = relu(conv3(x, IMAGES["w3"]) + IMAGES["b3"][:, None, None])
    d = relu(np.stack([conv3(a[:, i:i + 1], IMAGES["wd"][i:i + 1])[:, 0] for i in range(20)], 1))
    q = relu(conv3(np.concatenate([a, sigmoid(conv1(d, IMAGES["w1"]))], 1), IMAGES["wq"]))
    return [conv1(q, IMAGES["wz"])]


@case("(float[2, 24, 8, 8] x) => (float[2, 36, 8, 8] y)",
      """am = Conv<pads = [1, 1, 1, 1]>(x, w3, b3)  a = Relu(am)  m = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(a)
         bm = Conv(m, w1)  b = Sigmoid(bm)  c = Concat<axis = 1>(b, a)  qm = Conv<pads = [1, 1, 1, 1]>(c, wq)  y = Tanh(qm)""",
      [inputs(x=(2, 24, 8, 8))], launches=6, weights=IMAGES)
def window_on_a_part(x):
    a = relu(conv3(x, IMAGES["w3"]) + IMAGES["b3"][:, None, None])
    padded = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    m = np.max([padded[:, :, i:i + 8, j:j + 8] for i in range(3) for j in range(3)], 0)
    return [np.tanh(conv3(np.concatenate([sigmoid(conv1(m, IMAGES["w1"])), a], 1), IMAGES["wq"]))]


@case("(float[N, 200] x) => (float[N, 200] y)",
      f"""{", ".join(f"p{i}" for i in range(40))} = Split<axis = 1>(x)
          y = Concat<axis = 1>({", ".join(f"p{i}" for i in reversed(range(40)))})""",
      [inputs(x=(7, 200)), inputs(x=(1, 200))], launches=3)
def many_operands(x):
    """Three kernels, of at most 16 operands each, that store their parts of the result."""
    return [np.concatenate(np.split(x, 40, 1)[::-1], 1)]


if __name__ == "__main__":
    sys.exit(main(__doc__))
