#!/usr/bin/env python3
"""Many whole models (zoo.py): export, compile, run, compare with PyTorch.

    ./dev test-models [--only TEXT]... [--table docs/models.md]

Each in processes of its own, one after the other, and its files are removed before the next: the larger ones come to
gigabytes. A model passes when the largest difference is below 1e-4 of the largest value of each output, and when one and
two threads give the same bytes. One that zoo.py says is `missing` passes when nnfc refuses it with that text. Prints a
table, `FAIL model: why` lines and, last, `N passed, N failed`.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import run as suite
import zoo
from run import Failure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT_S = 900
TABLE = f"""# Models
Made by `./dev test-models --table docs/models.md`, not by hand. Weights are random, from a fixed seed, and inputs small
(`test/models/zoo.py`). Error: the largest difference from PyTorch {zoo.torch.__version__} over the largest value. Seconds and memory:
of `nnfc compile`, with {len(os.sched_getaffinity(0))} cores. Time: of a run, in that of ONNX Runtime's, both with one thread.

| model | error | seconds | memory, MB | library, MB | time |
| --- | --- | --- | --- | --- | --- |
"""


@dataclass
class Row:
    """A line of the table; what was not measured is None. `note` stands where there is no error to give."""
    model: str
    error: float | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    library_mb: float | None = None
    time: float | None = None
    note: str = ""

    def cells(self):
        def text(value, form):
            return "-" if value is None else format(value, form)
        return [self.model, self.note.replace("|", "\\|") or text(self.error, ".1e"), text(self.seconds, ".1f"),
                text(self.memory_mb, ".0f"), text(self.library_mb, ".1f"), text(self.time, ".2f")]


def child(command):
    """Runs a program. Returns its exit status, what it wrote, wall seconds and its peak memory in MB."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        start = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT)
        killer = threading.Timer(TIMEOUT_S, process.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        return process.returncode, log.read(), time.monotonic() - start, usage.ru_maxrss / 1024


def explain(what, code, output):
    lines = [line for line in output.strip().splitlines() if "error" in line.lower()] or output.strip().splitlines()[-1:]
    return f"{what}: {f'signal {-code}' if code < 0 else f'exit status {code}'}: {(lines or ['no message'])[0]}"


def compare(folder, library, nnfc):
    """The largest relative error of all outputs."""
    outputs = sorted((folder / "expected").glob("*.npy"))
    for threads in (1, 2):
        suite.run(nnfc, library, folder / "inputs", folder / f"threads-{threads}", threads)
    error = max(suite.relative_error(folder / "threads-1" / suite.file_name(o.stem), o) for o in outputs)
    if error >= suite.MAX_RELATIVE_ERROR:
        raise Failure(f"relative error {error:.1e}, expected below {suite.MAX_RELATIVE_ERROR:.0e}")
    for o in outputs:
        one, two = ((folder / f"threads-{t}" / suite.file_name(o.stem)).read_bytes() for t in (1, 2))
        if one != two:
            raise Failure(f"output '{o.stem}' differs between one and two threads")
    return error


def examine(name, case, folder, options):
    """Exports, compiles and runs one model, and measures it where there is an ONNX Runtime."""
    code, output, *_ = child(["/usr/bin/python3", "-B", HERE / "zoo.py", name, folder])
    if code:
        raise Failure(explain("export", code, output))
    nnfc, library = options.build / "bin" / "nnfc", folder / "model.so"
    code, output, seconds, memory = child([nnfc, "compile", folder / "model.onnx", "-o", library])
    row = Row(name, seconds=seconds, memory_mb=memory)
    if code == 1 and case.missing and case.missing in output:
        return Row(name, note=f"not yet: {case.missing}")
    if code:
        raise Failure(explain("nnfc compile", code, output))
    if case.missing:
        raise Failure("it compiles: take `missing` out of zoo.py")
    row.library_mb = library.stat().st_size / 1e6
    row.error = compare(folder, library, nnfc)
    if options.peer:
        code, output, *_ = child([options.peer, "-B", ROOT / "bench" / "pair.py", folder, library, "--build", options.build])
        if code:
            print(f"{name}: no time: {explain('pair.py', code, output)}", file=sys.stderr)
        else:
            row.time = float(output.split()[-1])
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", metavar="TEXT", action="append", help="models whose name has TEXT in it; may be repeated")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has onnxruntime, for the last column")
    parser.add_argument("--keep", action="store_true", help="leave the files in BUILD/zoo")
    options = parser.parse_args()
    names = [n for n in sorted(zoo.CASES) if not options.only or any(text in n for text in options.only)]

    rows, failures = [], []
    for name in names:
        folder = options.build / "zoo" / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            row = examine(name, zoo.CASES[name], folder, options)
        except Failure as failure:
            row = Row(name, note=f"FAIL {failure}")
            failures.append(f"FAIL {name}: {failure}")
        rows.append(row)
        print("  ".join(cell.ljust(width) for cell, width in zip(row.cells(), (38, 8, 6, 6, 7, 5))).rstrip(), flush=True)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.table:
        options.table.write_text(TABLE + "".join(f"| {' | '.join(row.cells())} |\n" for row in rows))
    print(*failures, f"{len(rows) - len(failures)} passed, {len(failures)} failed", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
