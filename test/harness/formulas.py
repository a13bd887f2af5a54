"""ONNX models in text beside formulas of numpy: compiled together, run, and compared.

Each case is a model in ONNX's text, the formula, inputs for several runs of one context, and how many kernels are
launched. All are in one library for each CPU that this machine can stand for; runs with one and two threads are bitwise
equal. `main` prints `FAIL case: why` lines and, last, `N passed, N failed`. May be run by Debian's Python only, to which
its numpy and onnx belong.
"""
import argparse
from pathlib import Path

import numpy as np
import onnx.numpy_helper
import onnx.parser

import libraries
import nnf

ROOT = Path(__file__).resolve().parents[2]
CASES = {}


def case(signature, body, runs, launches=1, weights=()):
    """Registers the formula below it: runs are dicts of inputs; signature is '(inputs) => (outputs)'."""
    def register(formula):
        text = f'<ir_version: 8, opset_import: ["" : 15]>\n{formula.__name__} {signature} {{ {body} }}'
        model = onnx.parser.parse_model(text)
        for name, value in dict(weights).items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
        CASES[formula.__name__] = (model, formula, runs, launches)
        return formula
    return register


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape, dtype=np.float32)


def inputs(**shapes):
    return {name: random(*shape, seed=i) for i, (name, shape) in enumerate(shapes.items())}


def why_wrong(name, library, runtime):
    model, formula, runs, launches = CASES[name]
    with nnf.Program(library, name, runtime) as program, nnf.Context(program, threads=1) as one, \
            nnf.Context(program, threads=2) as two:
        if program.model.num_launches != launches:
            return f"{program.model.num_launches} launches, expected {launches}"
        for k, given in enumerate(runs):
            found, again = one.run(dict(given)), two.run(dict(given))
            wide = {n: v.astype(np.float64) for n, v in given.items()}
            for info, expected in zip(model.graph.output, formula(**wide)):
                value = found[info.name]
                if value.shape != np.shape(expected):
                    return f"run {k}: {info.name} is {list(value.shape)}, expected {list(np.shape(expected))}"
                if (np.isnan(value) != np.isnan(expected)).any():
                    return f"run {k}: {info.name} is NaN elsewhere"
                if not np.allclose(value, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
                    return f"run {k}: {info.name} is off by {np.nanmax(np.abs(value - expected))}"
            if any(again[n].tobytes() != found[n].tobytes() for n in found):
                return f"run {k}: other bits with two threads"
    return None


def main(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="no difference")
    options = parser.parse_args()
    runtime = nnf.Runtime(options.build)
    passed, failed = libraries.check(options.build, {name: model for name, (model, *_) in CASES.items()},
                                     {cpu: f"--cpu={cpu}" for cpu in libraries.cpus()},
                                     lambda name, library, _: why_wrong(name, library, runtime))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
