#!/usr/bin/env python3
"""The runtime under load, by build/unit/nnf-soak: many runs on 8 threads with changing sizes, a library loaded and closed
again and again, every allocation failing once, runs cancelled by another thread, and what a call costs.

A part of it by default; with --all 100,000 runs and 1,000 cycles. Prints `FAIL case: why` lines and, last, the counts;
the figures that nnf-soak prints are in the log.
"""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
from casefolder import expect  # noqa: E402
from craft import Ref, constant, input_of, node, outputs, x, y  # noqa: E402

IS_FULL = "--all" in sys.argv
TIMEOUT_S = 3600 if IS_FULL else 600


class Work:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder

    def compiled(self, name, text, *options, output=None):
        output = output or name
        (self.folder / f"{name}.nnf.txt").write_text(text)
        done = subprocess.run([self.build / "bin" / "nnfc", "compile", f"{name}.nnf.txt", "-o", f"{output}.so", *options],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
        expect(done.returncode == 0, f"compile: {done.stdout[:300]}")
        return self.folder / f"{output}.so"

    def soak(self, kind, library, environment=None, **options):
        """Its figures by name."""
        given = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        done = subprocess.run([self.build / "unit" / "nnf-soak", kind, library, *given], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=TIMEOUT_S,
                              env=os.environ | {name: str(value) for name, value in (environment or {}).items()})
        expect(done.returncode == 0, f"status {done.returncode}: {done.stderr[-500:]}")
        print(f"{kind} {library.name}: " + done.stdout.strip().replace("\n", ", "), flush=True)
        return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32).tobytes()


def network():
    """A product, rows, a lookup, a sum, and a result whose size the data decide, over two named sizes."""
    text = input_of("x", ("N", "M", 16)) + input_of("i", ("N",), "INT64")
    text += constant("w", (32, 16), data=numbers(32, 16)) + constant("t", (3, 32), data=numbers(3, 32))
    text += node("linear", "l", input=x, weight=Ref("w")) + node("relu", "r", input=Ref("l"))
    text += node("softmax", "y", input=Ref("r"), dim=-1) + node("embedding", "e", input=Ref("i"), weight=Ref("t"))
    text += node("sum", "s", input=y, dim=[1]) + node("add", "z", input=Ref("s"), other=Ref("e"))
    text += node("nonzero", "n", input=Ref("r"))
    return text + outputs("y z n")


def runs_from_many_threads(work):
    count = 100_000 if IS_FULL else 6_000
    library = work.compiled("net", network())
    expect(work.soak("runs", library, count=count, threads=8)["runs"] == [str(count)], "not all runs")


def libraries_that_come_and_go(work):
    """With the weights in the library, and beside it."""
    for name, options in (("inside", ()), ("beside", ("--weights=external",))):
        library = work.compiled(name, network(), *options)
        work.soak("cycles", library, count=1000 if IS_FULL else 100)


def every_allocation_fails_once(work):
    for name, options in (("inside", ()), ("beside", ("--weights=external",))):
        figures = work.soak("failures", work.compiled(name, network(), *options), max_size=9)
        expect(int(figures["errors"][0]) >= 10, f"no more than {figures['errors'][0]} failures were seen: they are not injected")


def cancelled_runs_end_soon(work):
    """Eight products of 1,024 (and 2,048 in full), by one thread and by two."""
    size = 2048 if IS_FULL else 1024
    text = input_of("x", (size, size)) + node("matmul", "y0", input=x, other=x)
    for i in range(7):
        text += node("matmul", f"y{i + 1}", input=Ref(f"y{i}"), other=x)
    library = work.compiled("long", text + outputs("y7"))
    for threads in (1, 2):
        work.soak("cancelling", library, threads=threads, count=12)


def weights_set_while_others_run(work):
    """On the CPU, and on the GPU that test/gpu/FakeCuda.cpp plays."""
    text = network()
    count = 200_000 if IS_FULL else 20_000
    cpu = work.compiled("swap", text, "--swappable-weights")
    figures = [work.soak("weights", cpu, count=count, threads=4)]
    emulator = work.compiled("swap", text, "--swappable-weights", "--target=cuda-emu", output="emulator")
    gpu = work.compiled("swap", text, "--swappable-weights", "--target=cuda", output="gpu")
    environment = {"NNFC_CUDA_DRIVER": work.build / "unit" / "nnf-fake-cuda.so", "NNF_FAKE_LIBRARY": emulator}
    figures.append(work.soak("weights", gpu, count=count // 100, threads=3, max_size=9, environment=environment))
    for one in figures:
        expect(one["seen"].count("0") < 2, f"runs have seen one set of weights only: {one['seen']}")


def what_a_call_costs(work):
    library = work.compiled("one", input_of("x", (4,)) + node("add", "y", input=x, other=x) + outputs("y"))
    work.soak("cost", library, threads=4)


CASES = [runs_from_many_threads, libraries_that_come_and_go, every_allocation_fails_once, cancelled_runs_end_soon,
         weights_set_while_others_run, what_a_call_costs]


if __name__ == "__main__":
    sys.exit(casefolder.run(__doc__, CASES, Work))
