#!/usr/bin/env python3
"""Attention as ONNX models spell it, run and held against what numpy makes of the same formula in float64.

Attention is one launch, whatever views it reads and writes; harness/formulas.py says what else is compared.
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


def softmax(x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


def attend(q, k, v, bias=0):
    return softmax(q @ k.swapaxes(-1, -2) + bias) @ v


def heads(x, count):
    return x.reshape(*x.shape[:-1], count, -1).swapaxes(-2, -3)


def joined(x):
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], -1)


SPLIT = {"split": np.array([0, 0, 4, 16]), "whole": np.array([0, 0, 64]), "scale": np.array(0.25, np.float32)}


@case("(float[N, L, 64] q, float[N, S, 64] k, float[N, S, 64] v) => (float[N, L, 64] y)",
      """qs = Reshape(q, split)  qh = Transpose<perm = [0, 2, 1, 3]>(qs)
         ks = Reshape(k, split)  kh = Transpose<perm = [0, 2, 3, 1]>(ks)
         vs = Reshape(v, split)  vh = Transpose<perm = [0, 2, 1, 3]>(vs)
         product = MatMul(qh, kh)  scores = Mul(product, scale)  weights = Softmax<axis = -1>(scores)
         mix = MatMul(weights, vh)  back = Transpose<perm = [0, 2, 1, 3]>(mix)  y = Reshape(back, whole)""",
      [inputs(q=(n, l, 64), k=(n, s, 64), v=(n, s, 64)) for n, l, s in
       ((2, 30, 30), (1, 1, 1), (1, 1, 45), (3, 2, 300), (1, 3, 700), (1, 125, 257), (2, 13, 12))], weights=SPLIT)
def heads_in_place(q, k, v):
    return [joined(attend(heads(q, 4) / 4, heads(k, 4), heads(v, 4)))]


@case("(float[2, 50, 192] qkv) => (float[2, 50, 64] y)",
      """parts = Reshape(qkv, parted)  turned = Transpose<perm = [2, 0, 3, 1, 4]>(parts)
         q4, k4, v4 = Split<axis = 0>(turned)
         q = Squeeze(q4, zero)  k = Squeeze(k4, zero)  v = Squeeze(v4, zero)
         kt = Transpose<perm = [0, 1, 3, 2]>(k)  product = MatMul(q, kt)  weights = Softmax<axis = -1>(product)
         mix = MatMul(weights, v)  back = Transpose<perm = [0, 2, 1, 3]>(mix)  y = Reshape(back, whole)""",
      [inputs(qkv=(2, 50, 192))],
      weights={"parted": np.array([2, 50, 3, 4, 16]), "whole": np.array([2, 50, 64]), "zero": np.array([0])})
def merged_projection(qkv):
    q, k, v = (heads(qkv[..., 64 * i:64 * i + 64], 4) for i in range(3))
    return [joined(attend(q, k, v))]


@case("(float[3, L, 24] q, float[3, 24, S] kt, float[3, 20, S] vt) => (float[3, L, 20] y)",
      """product = MatMul(q, kt)  weights = Softmax<axis = -1>(product)
         v = Transpose<perm = [0, 2, 1]>(vt)  y = MatMul(weights, v)""",
      [inputs(q=(3, l, 24), kt=(3, 24, s), vt=(3, 20, s)) for l, s in ((7, 45), (1, 45), (30, 301))])
def turned_operands(q, kt, vt):
    return [attend(q, kt.swapaxes(-1, -2), vt.swapaxes(-1, -2))]


WINDOWS = {"images": np.array([-1, 4, 3, 49, 49]), "all": np.array([-1, 3, 49, 49])}


@case("(float[8, 3, 49, 32] q, float[8, 3, 49, 32] k, float[8, 3, 49, 32] v, float[3, 49, 49] bias,"
      " float[4, 1, 49, 49] mask) => (float[8, 3, 49, 32] y)",
      """kt = Transpose<perm = [0, 1, 3, 2]>(k)  product = MatMul(q, kt)  biased = Add(product, bias)
         split = Reshape(biased, images)  masked = Add(split, mask)  scores = Reshape(masked, all)
         weights = Softmax<axis = -1>(scores)  y = MatMul(weights, v)""",
      [inputs(q=(8, 3, 49, 32), k=(8, 3, 49, 32), v=(8, 3, 49, 32), bias=(3, 49, 49), mask=(4, 1, 49, 49))],
      weights=WINDOWS)
def windows(q, k, v, bias, mask):
    return [attend(q, k, v, bias + np.tile(mask, (2, 1, 1, 1)))]


@case("(float[2, 3, L, 8] q, float[2, 3, S, 8] k, float[2, 3, S, 8] v, float[2, 1, 1, S] mask) => (float[2, 3, L, 8] y)",
      """flat = Reshape(q, rows)  kflat = Reshape(k, rows)  kt = Transpose<perm = [0, 2, 1]>(kflat)
         product = MatMul(flat, kt)  qs = Shape(q)  ks = Shape(k)  b3l = Slice(qs, i0, i3)  s = Slice(ks, i2, i3)
         four = Concat<axis = 0>(b3l, s)  split = Reshape(product, four)  masked = Add(split, mask)
         bl = Shape(product)  scores = Reshape(masked, bl)
         weights = Softmax<axis = -1>(scores)  vflat = Reshape(v, rows)  mix = MatMul(weights, vflat)
         y = Reshape(mix, qs)""",
      [inputs(q=(2, 3, l, 8), k=(2, 3, s, 8), v=(2, 3, s, 8), mask=(2, 1, 1, s))
       for l, s in ((5, 6), (1, 300), (40, 33))],
      weights={"rows": np.array([6, -1, 8]), "i0": np.array([0]), "i2": np.array([2]), "i3": np.array([3])})
def batch_splits(q, k, v, mask):
    return [attend(q, k, v, mask)]


def masks(*shape):
    """Added to scores: a row of -inf, rows that begin or end with it, a row that becomes NaN, and numbers."""
    mask = random(*shape)
    mask[..., 0, :] = -np.inf
    mask[..., 1, : shape[-1] // 2] = -np.inf
    mask[..., 2, shape[-1] // 3:] = -np.inf
    mask[..., 3, 1] = np.inf
    return mask


ZEROED = """kt = Transpose<perm = [0, 2, 1]>(k)  product = MatMul(q, kt)  scores = Add(product, mask)
            weights = Softmax<axis = -1>(scores)  bad = IsNaN(weights)  numbers = Where(bad, zero, weights)
            y = MatMul(numbers, v)"""


@case("(float[2, 5, 8] q, float[2, S, 8] k, float[2, S, 8] v, float[5, S] mask) => (float[2, 5, 8] y)", ZEROED,
      [{**inputs(q=(2, 5, 8), k=(2, s, 8), v=(2, s, 8)), "mask": masks(5, s)} for s in (6, 33, 700)],
      weights={"zero": np.array(0, np.float32)})
def rows_of_no_number_are_zero(q, k, v, mask):
    return [np.nan_to_num(softmax(q @ k.swapaxes(-1, -2) + mask)) @ v]


@case("(float[2, 5, 8] q, float[2, S, 8] k, float[2, S, 8] v, float[5, S] mask) => (float[2, 5, 8] y)",
      """kt = Transpose<perm = [0, 2, 1]>(k)  product = MatMul(q, kt)  scores = Add(product, mask)
         weights = Softmax<axis = -1>(scores)  y = MatMul(weights, v)""",
      [{**inputs(q=(2, 5, 8), k=(2, s, 8), v=(2, s, 8)), "mask": masks(5, s)} for s in (6, 33, 700)])
def rows_of_no_number_stay(q, k, v, mask):
    return [attend(q, k, v, mask)]


@case("(float[2, 9, 8] q, float[2, 7, 8] k, float[2, 7, 8] r, float[2, 7, 8] v, float[2, 9, 8] x) => (float[2, 9, 8] y)",
      """kt = Transpose<perm = [0, 2, 1]>(k)  rt = Transpose<perm = [0, 2, 1]>(r)
         content = MatMul(q, kt)  position = MatMul(q, rt)  scores = Add(content, position)
         weights = Softmax<axis = -1>(scores)  mix = MatMul(weights, v)  sum = Add(mix, x)  y = Tanh(sum)""",
      [inputs(q=(2, 9, 8), k=(2, 7, 8), r=(2, 7, 8), v=(2, 7, 8), x=(2, 9, 8))], launches=3)
def two_products(q, k, r, v, x):
    return [np.tanh(attend(q, k, v, q @ r.swapaxes(-1, -2)) + x)]


@case("(float[2, 9, 8] q, float[2, 7, 8] k, float[2, 7, 8] v) => (float[2, 9, 8] y, float[2, 9, 7] weights)",
      """kt = Transpose<perm = [0, 2, 1]>(k)  product = MatMul(q, kt)  weights = Softmax<axis = -1>(product)
         y = MatMul(weights, v)""", [inputs(q=(2, 9, 8), k=(2, 7, 8), v=(2, 7, 8))], launches=4)
def weights_are_an_output(q, k, v):
    weights = softmax(q @ k.swapaxes(-1, -2))
    return [weights @ v, weights]


if __name__ == "__main__":
    sys.exit(main(__doc__))
