"""ONNX models in text beside formulas of numpy: compiled together, run, and compared.

Each case is a model in ONNX's text, the formula, inputs for several runs of one context, and how many kernels are
launched. All are in one library for each CPU that this machine can stand for; runs with one and two threads are bitwise
equal. `main` prints `FAIL case: why` lines and, last, `N passed, N failed`. May be run by Debian's Python only, to which
its numpy and onnx belong.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser

import nnf

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
# --cpu, and what /proc/cpuinfo must name for it beside what every x86-64 machine of today has: vectors of 4, 8 and 16.
CPUS = {"native": "", "x86-64-v2": "sse4_2", "x86-64-v3": "fma", "x86-64-v4": "avx512bw"}
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
    runtime, passed, failed = nnf.Runtime(options.build), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, (model, *_) in CASES.items():
            files.append(Path(folder) / f"{name}.onnx")
            onnx.save(model, files[-1])
        here = Path("/proc/cpuinfo").read_text().split()
        for cpu, needed in CPUS.items():
            if needed and needed not in here:
                continue
            library = Path(folder) / f"{cpu}.so"
            done = subprocess.run([options.build / "bin" / "nnfc", "compile", *files, "-o", library, f"--cpu={cpu}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
            for name in CASES:
                try:
                    why = why_wrong(name, library, runtime) if done.returncode == 0 else done.stdout.strip()
                except nnf.Error as error:
                    why = f"run: {error}"
                if why:
                    failed += 1
                    print(f"FAIL {name} ({cpu}): {why}")
                else:
                    passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
