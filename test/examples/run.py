#!/usr/bin/env python3
"""The examples, built and run as their READMEs say. Prints `FAIL case: why` lines and, last, the counts."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
DIGITS = ROOT / "examples" / "digits"
TIMEOUT_S = 120
sys.path.insert(0, str(ROOT / "test" / "harness"))
import nnf  # noqa: E402
from casefolder import Failure, expect  # noqa: E402
import tutorial  # noqa: E402


def call(*command):
    try:
        done = subprocess.run([str(c) for c in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(command[0]).name}: no end after {TIMEOUT_S} s") from None
    if done.returncode:
        text = " / ".join((done.stderr or done.stdout).strip().splitlines()[:3])
        raise Failure(f"{Path(command[0]).name}: exit status {done.returncode}: {text or 'no message'}")
    return done.stdout


def compiled(build, work, source, name):
    target = work / name
    call(build / "bin" / "nnfc", "compile", source, "-o", target)
    return target


def demo_program(build, work):
    """digits.cpp: accuracy and PyTorch's digit for every held-out image."""
    text = call(build / "bin" / "digits", compiled(build, work, DIGITS / "digits.onnx", "digits.so"), DIGITS)
    summary = json.loads((DIGITS / "accuracy.json").read_text())
    expected = f"{summary['correct']} of {summary['images']} held-out images"
    expect(expected in text, f"output lacks '{expected}': {text[-300:]}")


def same_numbers(build, work, source, name):
    """Log-probabilities of a model file's library against PyTorch's."""
    library = compiled(build, work, source, name)
    images, expected = np.load(DIGITS / "images.npy"), np.load(DIGITS / "expected.npy")
    with nnf.Program(library, runtime=nnf.Runtime(build)) as program, nnf.Context(program) as context:
        got = context.run({"images": images})["logprobs"]
        one = context.run({"images": images[:1]})["logprobs"]
    error = float(np.abs(got - expected).max() / np.abs(expected).max())
    expect(error < 1e-5, f"relative error {error:.1e}, expected below 1e-05")
    expect(np.allclose(one, expected[:1], rtol=1e-4, atol=1e-5), "a batch of one gives other numbers")


def graph_file(build, work):
    same_numbers(build, work, DIGITS / "digits.nnf.txt", "digits-graph.so")


def built_graph(build, work):
    call(build / "bin" / "digits-build-graph", DIGITS, work / "built.nnf")
    same_numbers(build, work, work / "built.nnf", "digits-built.so")


def embedded(build, work):
    """embed.c with digits.o and digits.h: a C program that needs no file."""
    compiled(build, work, DIGITS / "digits.onnx", "digits.o")
    program = work / "embed"
    sanitizer = build_option(build, "NNF_SANITIZE")
    call("clang-22", "-std=c11", "-Wall", "-Werror", *([f"-fsanitize={sanitizer}"] if sanitizer else []), f"-I{ROOT}",
         f"-I{work}", DIGITS / "embed.c", work / "digits.o", build / "lib" / "libnnf.a", "-lm", "-o", program)
    images, expected = np.load(DIGITS / "images.npy"), np.load(DIGITS / "expected.npy")
    expect(call(program).startswith("3 "), "the built-in three is not read as 3")
    for i in range(0, len(images), 40):
        digit = int(expected[i].argmax())
        pixels = [str(int(round(v * 16))) for v in images[i].ravel()]
        text = call(program, *pixels)
        expect(text.startswith(f"{digit} "), f"image {i}: '{text.strip()}', expected {digit}")


def build_option(build, name):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    return ""


def tutorial_of(name):
    """As somebody does it who has installed nnfc."""
    def case(build, work):
        with tempfile.TemporaryDirectory(prefix="nnf-tutorial-") as folder:
            prefix = Path(folder) / "installed"
            for component in ("runtime", "dev", "compiler"):
                call("cmake", "--install", build, "--prefix", prefix, "--component", component)
            (Path(folder) / "empty").mkdir()
            problem = tutorial.run(ROOT / "docs" / "tutorials" / f"{name}.md", Path(folder) / "empty",
                                   [prefix / "bin", Path("/usr/bin")],  # Debian's Python has NumPy
                                   NNFC=prefix / "share/nnfc", PKG_CONFIG_PATH=prefix / "lib/pkgconfig")
        expect(problem is None, problem)
    case.__name__ = "tutorial_" + name.replace("-", "_")
    return case


# The one for Python is run by test/python.
CASES = [demo_program, graph_file, built_graph, embedded, tutorial_of("command-line"), tutorial_of("c"), tutorial_of("builder")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used")
    parser.add_argument("--all", action="store_true", help="not used: there is no larger product")
    options = parser.parse_args()
    work = options.build / "examples-run"
    work.mkdir(exist_ok=True)
    passed, failed = 0, 0
    for case in CASES:
        try:
            case(options.build, work)
            passed += 1
        except (Failure, nnf.Error) as failure:
            print(f"FAIL {case.__name__}: {failure}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
