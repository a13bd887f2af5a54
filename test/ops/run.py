#!/usr/bin/env python3
"""Numeric rows: each row of *.rows beside this is one call of one function, compiled, run and compared with PyTorch.

Many rows are compiled into one library; a library that does not compile is halved until the rows at fault are alone.
Tolerance in float32: |a-b| <= 1e-5 + 1e-4 |b|, and 4 * 2^-24 of the sum of absolute products for sums. Integers and bool
are equal. Prints `FAIL case: why` lines and, last, `N passed, N failed, N skipped`.
"""
import argparse
import concurrent.futures
import subprocess
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]

import numpy as np
import torch

import nnf
import reference
import rows as reading

# Enough that loading and linking do not count, few enough that both processors have work.
ROWS_PER_LIBRARY = 40
COMPILE_TIMEOUT_S = 300


class Case:
    """A row with what PyTorch says of it."""

    def __init__(self, row, number):
        self.row, self.model = row, f"r{number}"
        self.expected, self.slack = None, None

    def prepare(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.expected = reference.call(self.row)
            if self.row.op in reference.CONTRACTIONS:
                self.slack = reference.call(self.row, wide=True, absolute=True)

    def text(self):
        return reading.graph_text(self.row, self.model, len(self.expected) - len(self.row.also))


def first_line(text):
    return (text.strip().splitlines() or ["no output"])[0]


def compiled(nnfc, folder, cases, flags):
    """Yields (cases, library) and (case, why it does not compile)."""
    for case in cases:
        (folder / f"{case.model}.nnf.txt").write_text(case.text())
    library = folder / f"{cases[0].model}_{len(cases)}.so"
    try:
        done = subprocess.run([nnfc, "compile", *(str(folder / f"{c.model}.nnf.txt") for c in cases), "-o", str(library),
                               *flags], capture_output=True, text=True, errors="replace", timeout=COMPILE_TIMEOUT_S)
        why = first_line(done.stderr) if done.returncode > 0 else f"nnfc was killed by signal {-done.returncode}: " + \
            first_line(done.stderr) if done.returncode else None
    except subprocess.TimeoutExpired:
        why = f"no end after {COMPILE_TIMEOUT_S} s"
    if why is None:
        return [(cases, library)], []
    if len(cases) == 1:
        return [], [(cases[0], why)]
    built, refused = [], []
    for half in (cases[:len(cases) // 2], cases[len(cases) // 2:]):
        b, r = compiled(nnfc, folder, half, flags)
        built += b
        refused += r
    return built, refused


def as_numpy(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    return tensor.contiguous().numpy()


def difference(found, expected, slack):
    """Why `found` is not `expected`; None where it is."""
    if tuple(found.shape) != tuple(expected.shape):
        return f"shape {list(found.shape)}, expected {list(expected.shape)}"
    if expected.dtype == torch.bfloat16:
        found = torch.from_numpy(found.view(np.int16).copy()).view(torch.bfloat16)
    else:
        if found.dtype != as_numpy(expected).dtype:
            return f"dtype {found.dtype}, expected {expected.dtype}"
        found = torch.from_numpy(found.copy())
    if not expected.is_floating_point():
        bad = (found != expected).flatten().nonzero()
        if len(bad) == 0:
            return None
        i = int(bad[0])
        return f"{len(bad)} of {expected.numel()} differ, first at {i}: {found.flatten()[i]}, expected {expected.flatten()[i]}"
    absolute, relative = {torch.float64: (1e-10, 1e-9), torch.float32: (1e-5, 1e-4), torch.float16: (1e-4, 2 ** -9),
                          torch.bfloat16: (1e-4, 2 ** -6)}[expected.dtype]
    a, b = found.double(), expected.double()
    allowed = absolute + relative * b.abs()
    if slack is not None:
        allowed = allowed + 4 * 2.0 ** -24 * slack.double()
    same = ((a - b).abs() <= allowed) | (a == b) | (a.isnan() & b.isnan())
    bad = (~same).flatten().nonzero()
    if len(bad) == 0:
        return None
    i = int(bad[0])
    return f"{len(bad)} of {b.numel()} differ, first at {i}: {a.flatten()[i]:.9g}, expected {b.flatten()[i]:.9g}"


def run_case(case, library):
    """None, or why the case fails."""
    inputs = {name: as_numpy(value.data.clone()) for name, value in reading.tensors_of(case.row).items()
              if not value.is_constant}
    with nnf.Program(library, case.model) as program, nnf.Context(program, threads=2) as context:
        try:
            outputs = context.run(inputs)
        except nnf.Error as error:
            if case.row.run_error and case.row.run_error in str(error):
                return None
            return f"run: {error}" + (f", expected '{case.row.run_error}'" if case.row.run_error else "")
    if case.row.run_error:
        return f"runs, expected the run error '{case.row.run_error}'"
    names = [f"y{i}" for i in range(len(case.expected) - len(case.row.also))] + list(case.row.also)
    for i, (name, expected) in enumerate(zip(names, case.expected)):
        why = difference(outputs[name], expected, case.slack[i] if case.slack else None)
        if why:
            return f"{name}: {why}"
    return None


def run_library(library, names):
    """In a process of its own, so that a crash costs the rest of one library only: prints a line a case."""
    numbered = {f"r{i}": row for i, row in enumerate(all_rows())}
    for name in names:
        case = Case(numbered[name], int(name[1:]))
        if case.row.run_error:
            case.expected = [torch.zeros(())]
        else:
            case.prepare()
        print(f"{name}\t{run_case(case, library) or ''}", flush=True)


def all_rows():
    return [row for path in sorted(HERE.glob("*.rows")) for row in reading.read_rows(path)]


def outputs_of_error_row(row):
    """How many outputs to name where PyTorch cannot be asked: one is right for all that are tested so."""
    return [torch.zeros(())] * (1 + len(row.also))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--target", default="cpu", help="what the rows are compiled for: cpu or cuda-emu")
    parser.add_argument("--only", default="", help="rows whose text holds this")
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="a fixed sample of the rows, by hash")
    parser.add_argument("--library", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.library:
        return run_library(options.library, options.names)

    nnfc = str(options.build / "bin" / "nnfc")
    failures, passed, working, refusing = [], 0, [], []
    for number, row in enumerate(all_rows()):
        if options.only and options.only not in f"{row.file} {row.text}":
            continue
        if zlib.crc32(row.text.encode()) % options.one_in:
            continue
        case = Case(row, number)
        try:
            if row.compile_error or row.run_error:
                case.expected = outputs_of_error_row(row)
            else:
                case.prepare()
        except Exception as error:  # the row or its reference is at fault
            failures.append((case, f"PyTorch: {type(error).__name__}: {first_line(str(error))}"))
            continue
        (refusing if row.compile_error else working).append(case)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        groups = [working[i:i + ROWS_PER_LIBRARY] for i in range(0, len(working), ROWS_PER_LIBRARY)]

        def refuse(case):
            (folder / f"{case.model}.nnf.txt").write_text(case.text())
            done = subprocess.run([nnfc, "compile", str(folder / f"{case.model}.nnf.txt"), "-o",
                                   str(folder / f"{case.model}.so")], capture_output=True, text=True, errors="replace",
                                  timeout=COMPILE_TIMEOUT_S)
            if done.returncode == 1 and case.row.compile_error in first_line(done.stderr):
                return None
            return f"exit status {done.returncode}, '{first_line(done.stderr)}', expected '{case.row.compile_error}'"

        def work(group):
            built, refused = compiled(nnfc, folder, group, [f"--target={options.target}"])
            results = [(case, f"compile: {why}") for case, why in refused]
            for cases, library in built:
                pending = {case.model: case for case in cases}
                while pending:
                    done = subprocess.run([sys.executable, "-B", str(HERE / "run.py"), "--library", str(library),
                                           *pending], capture_output=True, text=True, errors="replace")
                    for line in done.stdout.splitlines():
                        name, tab, why = line.partition("\t")
                        if tab and name in pending:
                            results.append((pending.pop(name), why or None))
                    if pending:  # the first that is left took the process with it
                        name = next(iter(pending))
                        results.append((pending.pop(name), f"the process ended with {done.returncode}: "
                                        + (done.stderr.strip().splitlines() or [""])[-1]))
            return results

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for results in pool.map(work, groups):
                passed += sum(why is None for _, why in results)
                failures += [(case, why) for case, why in results if why is not None]
            for case, why in zip(refusing, pool.map(refuse, refusing)):
                if why:
                    failures.append((case, why))
                else:
                    passed += 1

    for case, why in sorted(failures, key=lambda f: (f[0].row.file, f[0].row.line)):
        print(f"FAIL {case.row.name} {case.row.text}: {why}")
    print(f"{passed} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
