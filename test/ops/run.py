#!/usr/bin/env python3
"""Numeric rows: each row of *.rows beside this is one call of one function, compiled, run and compared with PyTorch.

Many rows are compiled into one library; a library that does not compile is halved until the rows at fault are alone.
Rows with many elements run with one, two and four threads, which must give equal bits.
Prints `FAIL case: why` lines and, last, `N passed, N failed, N skipped`.
"""
import argparse
import collections
import concurrent.futures
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]

import torch

import coverage
import nnf
from cases import COMPILE_TIMEOUT_S, NOT_THERE, Case, all_rows, compiled, first_line

# Enough that loading and linking do not count, few enough that both processors have work.
ROWS_PER_LIBRARY = 40
# Inputs of a row that are work for several threads: run with other numbers of them, it must give the same bits.
MANY_ELEMENTS = 50000


def other_threads(program, case, outputs):
    """Why other numbers of threads than two give other results; None where they do not."""
    for threads in (1, 4):
        with nnf.Context(program, threads=threads) as context:
            for name, array in context.run(case.inputs()).items():
                if array.tobytes() != outputs[name].tobytes():
                    return f"{name}: {threads} threads give other bits than 2"
    return None


def run_case(case, library):
    """None, or why the case fails."""
    inputs = case.inputs()
    with nnf.Program(library, case.model) as program, nnf.Context(program, threads=2) as context:
        try:
            outputs = context.run(inputs)
        except nnf.Error as error:
            if case.row.run_error and case.row.run_error in str(error):
                return None
            return f"run: {error}" + (f", expected '{case.row.run_error}'" if case.row.run_error else "")
        if sum(array.size for array in inputs.values()) >= MANY_ELEMENTS and (why := other_threads(program, case, outputs)):
            return why
    if case.row.run_error:
        return f"runs, expected the run error '{case.row.run_error}'"
    return case.difference(outputs)


def run_library(library, names):
    """In a process of its own, so that a crash costs the rest of one library only: prints a line a case."""
    numbered = {f"r{i}": row for i, row in enumerate(all_rows())}
    for name in names:
        case = Case(numbered[name], int(name[1:]))
        case.prepare()
        print(f"{name}\t{run_case(case, library) or ''}", flush=True)


def write_coverage(options, nnfc, results):
    """`results`: (case, why) of all that were run."""
    twins = {twin: name for name, twin in coverage.known_functions(nnfc).items() if twin}
    by_function = collections.defaultdict(list)
    for case, why in results:
        by_function[twins.get(case.row.op, case.row.op)].append((case.row, why))
    counts = collections.Counter(twins.get(row.op, row.op) for row in all_rows())
    report = json.loads(options.bench.read_text()) if options.bench else None
    coverage.write(options.coverage, nnfc, by_function, counts, report)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--target", default="cpu", help="what the rows are compiled for: cpu or cuda-emu")
    parser.add_argument("--cpu", default="native", help="the CPU they are compiled for, one whose code runs here")
    parser.add_argument("--level", type=int, default=2, help="how hard to optimise, 0 to 3")
    parser.add_argument("--only", default="", help="rows whose text holds this")
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="a fixed sample of the rows, by hash")
    parser.add_argument("--coverage", type=Path, metavar="FILE", help="write docs/ops/coverage.md there (see coverage.py)")
    parser.add_argument("--bench", type=Path, metavar="FILE", help="with --coverage: what ./dev bench ops --json wrote")
    parser.add_argument("--library", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.library:
        return run_library(options.library, options.names)

    nnfc = str(options.build / "bin" / "nnfc")
    results, working, refusing = [], [], []
    for number, row in enumerate(all_rows()):
        if options.only and options.only not in f"{row.file} {row.text}":
            continue
        if zlib.crc32(row.text.encode()) % options.one_in:
            continue
        case = Case(row, number)
        try:
            case.prepare()
        except Exception as error:  # the row or its reference is at fault
            results.append((case, f"PyTorch: {type(error).__name__}: {first_line(str(error))}"))
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
                numbers = first_line(done.stderr).count("[NNFC-E")
                return None if numbers == 1 else f"{numbers} numbers in '{first_line(done.stderr)}', expected one"
            return f"exit status {done.returncode}, '{first_line(done.stderr)}', expected '{case.row.compile_error}'"

        def work(group):
            flags = [f"--target={options.target}", f"--cpu={options.cpu}", f"-O{options.level}"]
            built, refused = compiled(nnfc, folder, group, flags)
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
            for some in pool.map(work, groups):
                results += some
            results += zip(refusing, pool.map(refuse, refusing))

    ran = [(case, why) for case, why in results if not (why and options.target != "cpu" and NOT_THERE in why)]
    skipped, results = len(results) - len(ran), ran
    if options.coverage:
        write_coverage(options, nnfc, results)
    failures = [(case, why) for case, why in results if why is not None]
    for case, why in sorted(failures, key=lambda f: (f[0].row.file, f[0].row.line)):
        print(f"FAIL {case.row.name} {case.row.text}: {why}")
    print(f"{len(results) - len(failures)} passed, {len(failures)} failed, {skipped} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
