#!/usr/bin/env python3
"""Loops and branches of ONNX models, run and held against what numpy makes of the same formula in float64.

Each case is a model in ONNX's text, the formula, and inputs for several runs of one context: other numbers of steps,
other branches, none. All are in one library; runs with one and two threads and for the emulator are bitwise equal. So are those
of libraries for GPUs, through a driver that plays one (test/gpu/FakeCuda.cpp). So are the cases of test/onnx whose
operators are loops in a kernel.
Prints `FAIL case: why` lines and, last, `N passed, N failed`.
"""
import argparse
import os
import sys
from pathlib import Path

# Debian's numpy and onnx belong to Debian's Python.
if sys.executable != "/usr/bin/python3":
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "harness"), str(ROOT / "test" / "onnx")]
import libraries  # noqa: E402
import nnf  # noqa: E402
import own  # noqa: E402

CASES = {}


def case(signature, body, runs, opset=15, weights=()):
    """Registers the formula below it: runs are dicts of inputs; signature is '(inputs) => (outputs)'."""
    def register(formula):
        text = f'<ir_version: 8, opset_import: ["" : {opset}]>\n{formula.__name__} {signature} {{ {body} }}'
        model = onnx.parser.parse_model(text)
        for name, value in dict(weights).items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
        CASES[formula.__name__] = (model, formula, runs)
        return formula
    return register


def random(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32)


W = random(4, 4) / 2


# ---- loops

@case("(int64 n, float[N, 3] x) => (float[R, 3] y, float[1] last)", """
    y = Loop<body = b (int64 i, bool c, float[M, 3] v) => (bool c2, float[K, 3] w) {
        c2 = Identity(c)
        f = Cast<to = 1>(i)
        x1 = Add(x, f)
        w = Concat<axis = 0>(v, x1)
    }>(n, , x)
    s = Shape<end = 1>(y)
    last = Cast<to = 1>(s)
    """, [{"n": np.int64(n), "x": random(rows, 3)} for n, rows in ((3, 2), (0, 2), (7, 1), (1, 5), (2, 0))])
def rows_added(n, x):
    y = np.concatenate([x, *(x + i for i in range(n))])
    return y, np.array([len(y)], np.float32)


@case("(float[N] x, int64 n) => (float[A] y, float[B] z, int64 steps)", """
    zero = Constant<value = int64 {0}>()
    y, z, steps = Loop<body = b (int64 i, bool c, float[P] v, float[Q] w, int64 k) => (bool goes, float[R] v2, float[S] w2, int64 k2) {
        one = Constant<value = int64 {1}>()
        f = Cast<to = 1>(i)
        quarter = Constant<value = float {0.25}>()
        least = Mul(f, quarter)
        stays = Greater(v, least)
        v2 = Compress(v, stays)
        w2 = Concat<axis = 0>(w, v2)
        k2 = Add(k, one)
        left = Shape(v2)
        some = Greater(left, one)
        goes = Squeeze(some)
    }>(n, , x, x, zero)
    """, [{"x": np.abs(random(m)), "n": np.int64(n)} for m, n in ((20, 10), (1, 4), (100, 3), (9, 0))])
def survivors(x, n):
    kept, steps = x, 0
    goes = True
    while steps < n and goes:
        kept = kept[kept > 0.25 * steps]
        x = np.concatenate([x, kept])
        steps, goes = steps + 1, len(kept) > 1
    return kept, x, np.int64(steps)


@case("(float[N] x, float limit) => (float[N] y, float[K, N] all)", """
    empty = Constant<value = int64 {9223372036854775807}>()
    zero = ReduceSum<keepdims = 0>(x)
    go = Less(zero, limit)
    y, all = Loop<body = b (int64 i, bool c, float[N] v) => (bool goes, float[N] w, float[N] s) {
        w = Add(v, v)
        t = ReduceSum<keepdims = 0>(w)
        goes = Less(t, limit)
        s = Identity(w)
    }>(empty, go, x)
    """, [{"x": np.abs(random(5)) + 0.1, "limit": np.float32(limit)} for limit in (1000, 0, 3, 1e6, 50)])
def until_large(x, limit):
    steps = []
    while x.sum() < limit:
        x = x + x
        steps.append(x)
    return x, np.stack(steps) if steps else np.zeros((0, len(x)))


@case("(int64 n, float[2, 4] x) => (float[2, 4] y, float[K, 2, 4] all, float[2, 4] after)", """
    y, all = Loop<body = b (int64 i, bool c, float[2, 4] v) => (bool c2, float[2, 4] w, float[2, 4] s) {
        c2 = Identity(c)
        p = MatMul(v, weight)
        f = Cast<to = 1>(i)
        q = Add(p, f)
        w = Tanh(q)
        s = Mul(w, x)
    }>(n, , x)
    after = Add(y, x)
    """, [{"n": np.int64(n), "x": random(2, 4)} for n in (3, 0, 1, 40)], weights={"weight": W})
def counted(n, x):
    v, all_v = x, []
    for i in range(n):
        v = np.tanh(v @ W + i)
        all_v.append(v * x)
    return v, np.stack(all_v) if all_v else np.zeros((0, 2, 4)), v + x


@case("(float[3, 4] x, int64 n) => (float[3] y)", """
    three = Constant<value = int64 {3}>()
    rows = Loop<body = outer (int64 r, bool c) => (bool c2, float s) {
        c2 = Identity(c)
        row = Gather<axis = 0>(x, r)
        end = Loop<body = inner (int64 i, bool d, float[4] v) => (bool d2, float[4] w) {
            d2 = Identity(d)
            f = Cast<to = 1>(r)
            m = Mul(v, row)
            w = Add(m, f)
        }>(n, , row)
        s = ReduceSum<keepdims = 0>(end)
    }>(three, )
    y = Relu(rows)
    """, [{"x": random(3, 4), "n": np.int64(n)} for n in (2, 0, 5)])
def nested(x, n):
    sums = []
    for r in range(3):
        v = x[r]
        for _ in range(n):
            v = v * x[r] + r
        sums.append(v.sum())
    return (np.maximum(np.array(sums), 0),)


@case("(float[2, 5, 3] x, float[2] s) => (float[2] last, float[5, 2] sums)", """
    last, sums = Scan<num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
                      scan_output_directions = [1], body = b (float[2] a, float[2, 3] e) => (float[2] c, float[2] d) {
        t = ReduceSum<keepdims = 0>(e, axis)
        c = Add(a, t)
        d = Mul(c, c)
    }>(s, x)
    """, [{"x": random(2, 5, 3), "s": random(2)}], weights={"axis": np.array([1])})
def backwards(x, s):
    sums = []
    for t in reversed(range(5)):
        s = s + x[:, t].sum(1)
        sums.insert(0, s * s)
    return s, np.stack(sums)


# ---- branches

@case("(bool c, float[N, 3] x) => (float[M, 3] y, float[3] sums)", """
    y = If<then_branch = t () => (float[A, 3] a) { a = Concat<axis = 0>(x, x) },
           else_branch = e () => (float[B, 3] b) { b = Slice(x, zero, two) }>(c)
    r = Relu(y)
    sums = ReduceSum<keepdims = 0>(r, zero)
    """, [{"c": np.bool_(c), "x": random(n, 3)} for c, n in ((True, 4), (False, 4), (False, 7), (True, 1))],
      weights={"zero": np.array([0]), "two": np.array([2])})
def sizes_differ(c, x):
    y = np.concatenate([x, x]) if c else x[:2]
    return y, np.maximum(y, 0).sum(0)


@case("(int64 n, float[4] x) => (float[4] y)", """
    half = Constant<value = float {0.5}>()
    nothing = Constant<value = int64 {0}>()
    y = Loop<body = b (int64 i, bool c, float[4] v) => (bool c2, float[4] w) {
        c2 = Identity(c)
        r = Mod(i, two)
        is = Equal(r, nothing)
        w = If<then_branch = t () => (float[4] a) { p = MatMul(v, weight) a = Tanh(p) },
               else_branch = e () => (float[4] b) { b = Mul(v, half) }>(is)
    }>(n, , x)
    """, [{"n": np.int64(n), "x": random(4)} for n in (5, 2, 0)],
      weights={"weight": W, "two": np.int64(2)})
def branch_in_loop(n, x):
    for i in range(n):
        x = np.tanh(x @ W) if i % 2 == 0 else x / 2
    return (x,)


@case("(bool c, int64[1] n, float[9] x) => (float[M] y, float[K] z)", """
    y = If<then_branch = t () => (float[A] a) { a = Slice(x, zero, n) },
           else_branch = e () => (float[B] b) { p = Slice(x, n, nine) b = Neg(p) }>(c)
    z = Slice(x, zero, n)
    """, [{"c": np.bool_(c), "n": np.array([n]), "x": random(9)} for c, n in ((True, 4), (False, 4), (True, 0), (False, 9))],
      weights={"zero": np.array([0]), "nine": np.array([9])})
def size_of_the_run_in_branches(c, n, x):
    return x[:n[0]] if c else -x[n[0]:], x[:n[0]]


# ---- recurrences

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrence(x, lengths, step, states, reverse):
    """Runs `step` over x [T, B, I]; returns [T, B, H] and the states in the end."""
    steps, outputs = x.shape[0], np.zeros((x.shape[0], *states[0].shape))
    for t in reversed(range(steps)) if reverse else range(steps):
        on = (t < lengths)[:, None]
        now = step(x[t], states)
        outputs[t] = np.where(on, now[0], 0)
        states = [np.where(on, new, old) for new, old in zip(now, states)]
    return outputs, states


LSTM = {"w": random(2, 20, 3) / 2, "r": random(2, 20, 5) / 2, "b": random(2, 40) / 2}


@case("(float[T, B, 3] x, int32[B] lengths) => (float[T, 2, B, 5] y, float[2, B, 5] h, float[2, B, 5] c)",
      'y, h, c = LSTM<hidden_size = 5, direction = "bidirectional">(x, w, r, b, lengths)',
      [{"x": random(t, n, 3), "lengths": np.random.default_rng(t).integers(1, t + 1, n).astype(np.int32)}
       for t, n in ((30, 2), (1, 1), (9, 4))], weights=LSTM)
def lstm(x, lengths):
    found = []
    for d in range(2):
        w, r, b = LSTM["w"][d].T, LSTM["r"][d].T, LSTM["b"][d][:20] + LSTM["b"][d][20:]

        def step(x_t, states, w=w, r=r, b=b):
            i, o, f, g = np.split(x_t @ w + states[0] @ r + b, 4, 1)
            c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
            return [sigmoid(o) * np.tanh(c), c]
        zero = np.zeros((x.shape[1], 5))
        found.append(recurrence(x, lengths, step, [zero, zero], d == 1))
    return (np.stack([y for y, _ in found], 1), np.stack([s[0] for _, s in found]), np.stack([s[1] for _, s in found]))


GRU = {"w": random(1, 18, 4) / 2, "r": random(1, 18, 6) / 2, "b": random(1, 36) / 2}


@case("(float[T, 2, 4] x, float[1, 2, 6] first) => (float[T, 1, 2, 6] y, float[1, 2, 6] h)",
      'y, h = GRU<hidden_size = 6, direction = "reverse", linear_before_reset = 1>(x, w, r, b, , first)',
      [{"x": random(t, 2, 4), "first": random(1, 2, 6)} for t in (17, 2)], weights=GRU)
def gru(x, first):
    w, r, b = GRU["w"][0].T, GRU["r"][0].T, GRU["b"][0]

    def step(x_t, states):
        (xz, xr, xh), (hz, hr, hh) = np.split(x_t @ w + b[:18], 3, 1), np.split(states[0] @ r + b[18:], 3, 1)
        z, n = sigmoid(xz + hz), np.tanh(xh + sigmoid(xr + hr) * hh)
        return [(1 - z) * n + z * states[0]]
    y, states = recurrence(x, np.full(2, 99), step, [first[0]], True)
    return y[:, None], states[0][None]


# ---- places in two dimensions, one after the other

@case("(float[N, 5] x, int64[2, 3, 2] i, float[2, 3] u) => (float[N, 5] y, float[N, 5] z)",
      'y = ScatterND(x, i, u) z = ScatterND<reduction = "add">(x, i, u)',
      [{"x": random(4, 5), "i": np.array([[[0, 1], [3, 4], [0, 1]], [[2, 2], [0, 0], [3, 4]]]), "u": random(2, 3)}], opset=16)
def scattered(x, i, u):
    y, z = x.copy(), x.copy()
    for place in np.ndindex(2, 3):
        y[tuple(i[place])] = u[place]
        z[tuple(i[place])] += u[place]
    return y, z


# ---- operators that are loops in a kernel

IN_KERNELS = {"NonMaxSuppression", "RoiAlign", "Det"}
OPERATORS = {name: case for name, case in own.CASES.items()
             if name not in own.CHECKS and any(node.op_type in IN_KERNELS for node in case[0].graph.node)}


def why_operator_wrong(name, library, runtime):
    model, inputs, outputs = OPERATORS[name]
    with nnf.Program(library, name, runtime) as program, nnf.Context(program, threads=2) as context:
        found = context.run({info.name: np.asarray(value) for info, value in zip(model.graph.input, inputs)})
        for info, expected in zip(model.graph.output, outputs):
            value = found[info.name]
            if value.shape != np.shape(expected):
                return f"{info.name} is {list(value.shape)}, expected {list(np.shape(expected))}"
            if not np.allclose(value, expected, rtol=1e-3 if value.dtype == np.float16 else 1e-4, atol=1e-5):
                return f"{info.name} is off by {np.abs(value - expected).max()}"
    return None


# ---- running them

def why_wrong(name, library, runtime):
    model, formula, runs = CASES[name]
    with nnf.Program(library, name, runtime) as program, nnf.Context(program, threads=1) as one, \
            nnf.Context(program, threads=2) as two:
        for k, inputs in enumerate(runs):
            found = one.run(dict(inputs))
            wide = {n: v.astype(np.float64) if v.dtype == np.float32 else v for n, v in inputs.items()}
            for info, expected in zip(model.graph.output, formula(**wide)):
                value = found[info.name].copy()
                if value.shape != np.shape(expected):
                    return f"run {k}: {info.name} is {list(value.shape)}, expected {list(np.shape(expected))}"
                if not np.allclose(value, expected, rtol=2e-5, atol=2e-6):
                    return f"run {k}: {info.name} is off by {np.abs(value - expected).max()}"
            again = two.run(dict(inputs))
            found = one.run(dict(inputs))
            if any(again[n].tobytes() != found[n].tobytes() for n in found):
                return f"run {k}: other bits with two threads"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="no difference")
    options = parser.parse_args()
    runtime = nnf.Runtime(options.build)
    os.environ["NNFC_CUDA_DRIVER"] = str(options.build / "unit" / "nnf-fake-cuda.so")

    def why(name, library, _):
        # The driver that plays a GPU has its kernels from the emulator's library.
        os.environ |= {"NNF_FAKE_LIBRARY": str(library.with_name("cuda-emu.so")), "NNF_FAKE_MODEL": name}
        return why_operator_wrong(name, library, runtime) if name in OPERATORS else why_wrong(name, library, runtime)

    passed, failed = libraries.check(options.build, {name: case[0] for name, case in {**CASES, **OPERATORS}.items()},
                                     {target: f"--target={target}" for target in ("cpu", "cuda-emu", "cuda")}, why)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
