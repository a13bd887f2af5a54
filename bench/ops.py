#!/usr/bin/env python3
"""Every function beside eager PyTorch, in one process, calls in turn: the table is ops.cases.

    ./dev bench ops [--only TEXT] [--sizes cache,memory] [--threads 1,2] [--seconds S] [--json FILE]

Each call is timed with data that stays in a core's cache and with data that does not, in interleaved batches. Times are
medians, with one thread of its processor time, which does not count other processes' turns; "ratio" is that of the medians,
torch over nnfc (above 1 nnfc is faster), "of bests" that of the fastest batches. On a busy machine the latter counts: one
batch undisturbed is enough. Both get the same input arrays and go through Python, about 2 us a call. torch's heap is told to keep what it frees: otherwise each large result costs fresh pages from the system,
which no kernel can make up for. Before they are timed both must give the same numbers. Exit status 1 when a call fails,
gives other numbers, or a function that `nnfc ops` lists has no line.
"""
import argparse
import ctypes
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "test" / "ops"), str(ROOT / "test" / "harness")]
import nnf  # noqa: E402
import philox  # noqa: E402
import reference  # noqa: E402
import rows as reading  # noqa: E402
from cases import as_numpy, compiled  # noqa: E402

SIZES = ("cache", "memory")
# Their data is held at once.
CASES_PER_LIBRARY = 16
# A batch of calls that is timed as one; between batches, long enough for the other's threads to park: OpenMP's spin for 7 ms.
BATCH_S, PAUSE_S, PAUSE_OF_ONE_THREAD_S = 0.001, 0.015, 0.001
MIN_TURNS, MAX_TURNS = 7, 200
# Of the largest value of the result. Elements of integers may differ in number: equals in another order.
MAX_RELATIVE_ERROR, MAX_OTHER_INTEGERS = 1e-3, 1e-3
# Random functions draw other numbers than torch: they are compared with the reference, which takes its time.
MAX_RANDOM_ELEMENTS = 1 << 17
# From malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_freed_memory():
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2 ** 31 - 1)


# ---- the table

class Case:
    """One call at one size; its row, with the data, from `load` to `drop`."""

    def __init__(self, line, op, shared, size, arguments, number):
        self.op, self.size, self.model, self.line = op, size, f"c{number}", line
        self.call = " ".join(f"{op} {shared} {arguments}".split())
        self.drop()

    def load(self):
        self.row = reading.read_row("ops.cases", self.line, self.call)
        self.eager, self.expected = eager_call(self.row)

    def drop(self):
        self.row = self.eager = self.expected = None

    def text(self):
        return reading.graph_text(self.row, self.model, len(self.expected))


def read_cases(path):
    cases = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            head, *sizes = (cell.strip() for cell in line.split("|"))
            ops, _, shared = head.partition(" ")
            if len(sizes) != len(SIZES):
                sys.exit(f"{path.name}:{number}: {len(sizes)} sizes, expected {len(SIZES)}")
            for op in ops.split(","):
                cases += [Case(number, op, shared, size, cell, len(cases) + i)
                          for i, (size, cell) in enumerate(zip(SIZES, sizes))]
    return cases


def without_cases(nnfc, cases):
    known = subprocess.run([nnfc, "ops"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted({line.split()[0] for line in known.splitlines() if line.strip()} - {case.op for case in cases})


# ---- PyTorch

def slice_(input, dim, start=None, end=None, step=1):
    return input[(slice(None),) * dim + (slice(start, end, step),)]


def eager_call(row):
    """The row as a call without arguments of torch, and the tensors it gives. What is a view becomes a copy."""
    def plain(name, value):
        if isinstance(value, reading.TensorValue):
            return value.data
        if isinstance(value, list) and value and isinstance(value[0], reading.TensorValue):
            return [plain(name, v) for v in value]
        return reference.DTYPE_NAMES[value] if name == "dtype" else value

    arguments = {name: plain(name, value) for name, value in row.arguments.items()}
    # What the reference spells out is for torch 1.13, or for arguments under the names they have in a graph.
    places = ({"slice": slice_}, vars(F), vars(torch), reference.SPELLED)
    functions = [place[row.op] for place in places if row.op in place]
    for function in functions:
        try:
            results = function(**arguments)
            break
        except TypeError:
            if function is functions[-1]:
                raise
    as_list = lambda r: [t for t in r if t is not None] if isinstance(r, (tuple, list)) else [r]
    memory = lambda tensor: tensor.untyped_storage().data_ptr()
    given = {memory(value.data) for value in reading.tensors_of(row).values()}
    if any(memory(r) in given for r in as_list(results)):
        eager = lambda: [r.clone(memory_format=torch.contiguous_format) for r in as_list(function(**arguments))]
    else:
        eager = lambda: function(**arguments)
    return eager, as_list(eager())


def difference(found, expected):
    """Why `found` is not `expected`, within what other orders of summation may change; None where it is."""
    found = torch.from_numpy(found.copy())
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{found.dtype} {list(found.shape)}, torch has {expected.dtype} {list(expected.shape)}"
    if not expected.is_floating_point():
        others = int((found != expected).sum())
        return f"{others} of {expected.numel()} integers differ" if others > MAX_OTHER_INTEGERS * expected.numel() else None
    if not torch.equal(found.isfinite(), expected.isfinite()):
        return "infinities or NaNs at other places"
    found, expected = (t.double().nan_to_num(0, 0, 0) for t in (found, expected))
    error = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
    return f"relative error {error:.1e} against torch" if error > MAX_RELATIVE_ERROR else None


def check(case, outputs):
    draws = case.op in philox.FUNCTIONS and case.row.arguments.get("training", True)
    if draws and any(t.numel() > MAX_RANDOM_ELEMENTS for t in case.expected):
        return
    expected = reference.call(case.row) if draws else case.expected
    for i, tensor in enumerate(expected):
        if why := difference(outputs[f"y{i}"], tensor):
            raise RuntimeError(f"y{i}: {why}")


# ---- timing

def timed(call, count, threads):
    """Seconds of one call in a batch."""
    clock = time.perf_counter if threads > 1 else time.thread_time
    time.sleep(PAUSE_S if threads > 1 else PAUSE_OF_ONE_THREAD_S)
    if count > 1:  # threads and caches as they are between calls
        for _ in range(count):
            call()
    start = clock()
    for _ in range(count):
        call()
    return (clock() - start) / count


def in_turn(ours, theirs, threads, seconds):
    """Seconds of a call in each batch of both."""
    calls = (ours, theirs)
    counts = [max(1, int(BATCH_S / min(timed(call, 1, threads) for _ in range(3)))) for call in calls]
    times, end = ([], []), time.monotonic() + seconds
    while len(times[0]) < MIN_TURNS or (time.monotonic() < end and len(times[0]) < MAX_TURNS):
        for call, count, series in zip(calls, counts, times):
            series.append(timed(call, count, threads))
    return times


def measure(case, library, runtime, options):
    """Yields a figure for each thread count."""
    inputs = {name: as_numpy(value.data) for name, value in reading.tensors_of(case.row).items() if not value.is_constant}
    with nnf.Program(library, case.model, runtime) as program:
        for threads in options.threads:
            torch.set_num_threads(threads)
            with nnf.Context(program, threads=threads) as context:
                run = context.prepare(inputs)
                check(case, run())
                ours, theirs = in_turn(lambda: run(False), case.eager, threads, options.seconds)
            a, b = statistics.median(ours), statistics.median(theirs)
            yield {"function": case.op, "call": case.call, "size": case.size, "threads": threads, "nnfc_us": a * 1e6,
                   "torch_us": b * 1e6, "ratio": b / a, "ratio_of_bests": min(theirs) / min(ours), "nnfc_best_us": min(ours) * 1e6,
                   "torch_best_us": min(theirs) * 1e6, "turns": len(ours)}


def run_group(cases, runtime, options, folder):
    """Yields figures, and (case, why) of those that fail."""
    loaded = []
    for case in cases:
        try:
            case.load()
            loaded.append(case)
        except Exception as error:  # the line is at fault, or torch has no such function
            yield case, f"PyTorch: {type(error).__name__}: {error}"
    built, refused = compiled(str(options.build / "bin" / "nnfc"), folder, loaded, []) if loaded else ([], [])
    yield from ((case, f"compile: {why}") for case, why in refused)
    for some, library in built:
        for case in some:
            try:
                yield from measure(case, library, runtime, options)
            except (RuntimeError, nnf.Error) as error:
                yield case, str(error)
    for case in cases:
        case.drop()


# ---- the report

def geometric_mean(figures, ratio):
    return math.exp(statistics.fmean(math.log(f[ratio]) for f in figures))


def line(figure):
    return (f"{figure['function']:<34} {figure['size']:<6} {figure['threads']:>7} {figure['nnfc_us']:11.1f} "
            f"{figure['torch_us']:11.1f} {figure['ratio']:10.2f} {figure['ratio_of_bests']:8.2f}")


def summary(figures, options):
    for size in options.sizes:
        for threads in options.threads:
            if some := [f for f in figures if f["size"] == size and f["threads"] == threads]:
                slower = sum(f["ratio_of_bests"] < 1 for f in some)
                print(f"{size}, {threads} thread{'s'[:threads > 1]}: geometric mean {geometric_mean(some, 'ratio'):.2f}, of "
                      f"bests {geometric_mean(some, 'ratio_of_bests'):.2f}; {slower} of {len(some)} slower than torch")
    print(f"\nworst {options.worst} by bests:")
    for figure in sorted(figures, key=lambda f: f["ratio_of_bests"])[:options.worst]:
        print(f"{line(figure)}  {figure['call']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", default="", metavar="TEXT", help="calls whose line holds this: 'conv2d ', 'dim=0'")
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=list(SIZES))
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.3, help="per call, size and thread count (default: 0.3)")
    parser.add_argument("--worst", type=int, default=10, help="how many of the worst to repeat at the end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    keep_freed_memory()
    warnings.simplefilter("ignore")  # deprecations

    everything = read_cases(HERE / "ops.cases")
    missing = without_cases(options.build / "bin" / "nnfc", everything)
    cases = [case for case in everything if options.only in case.call + " " and case.size in options.sizes]
    print(f"PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()})")
    if (load := os.getloadavg()[0]) > 1:
        print(f"note: other processes are busy (load average {load:.1f}): figures are rough")
    print(f"\n{'function':<34} {'size':<6} {'threads':>7} {'nnfc us':>11} {'torch us':>11} {'torch:nnfc':>10} {'of bests':>8}")
    runtime, figures, failures = nnf.Runtime(options.build), [], []
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        for i in range(0, len(cases), CASES_PER_LIBRARY):
            for result in run_group(cases[i:i + CASES_PER_LIBRARY], runtime, options, Path(scratch)):
                if isinstance(result, dict):
                    figures.append(result)
                    print(line(result), flush=True)
                else:
                    failures.append(result)
                    print(f"FAIL {result[0].call} ({result[0].size}): {result[1]}", flush=True)
    print()
    if figures:
        summary(figures, options)
    for case, why in failures:
        print(f"FAIL {case.call} ({case.size}): {why}")
    if missing:
        print(f"no line in ops.cases: {', '.join(missing)}")
    if options.json:
        options.json.write_text(json.dumps({
            "torch": torch.__version__, "load_average": load, "figures": figures,
            "failures": [{"call": case.call, "size": case.size, "why": why} for case, why in failures]}, indent=1) + "\n")
    return 1 if failures or missing else 0


if __name__ == "__main__":
    sys.exit(main())
