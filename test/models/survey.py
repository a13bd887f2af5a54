#!/usr/bin/env python3
"""Many whole models (zoo.py): export, compile, run, compare with PyTorch.

    ./dev test-models [--only TEXT]... [--table docs/models.md]

Each in processes of its own, one after the other, and its files are removed before the next: the larger ones come to
gigabytes. A model passes when the largest difference is below 1e-4 of the largest value of each output, and when one
and two threads give the same bytes. One that zoo.py says is `missing` passes when nnfc refuses it with that text. Prints
a table, `FAIL model: why` lines and, last, `N passed, N failed`.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

# Not zoo.py nor PyTorch: the peak memory of a child is at least that of its parent.
from compiled import Failure, compare

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT_S = 900
LARGE = "large_external"  # large.py: above 2 GB
EMBEDDED_BYTES = 3 * 2**29  # at most, as nnfc has it (compiler/Compile.cpp)
LARGEST_SHARE = 1.5  # of the weights: what it may take to compile where they are not embedded
TABLE = """# Models
Made by `./dev test-models --table docs/models.md`, not by hand. Weights are random, from a fixed seed, and inputs small
(`test/models/zoo.py`). Error: the largest difference from PyTorch {torch} over the largest value; below 1e-4 a model
passes, if also two threads give the same bytes as one. What a detector finds may be in another order where two scores
are that close, and one keypoint of a hundred elsewhere where its heatmap is as large but for that. Seconds of processor
time and peak memory: of `nnfc compile`. Time: of a run, in that of ONNX Runtime's, both with one thread; other programs
ran meanwhile, so it tells halves from doubles, not 0.9 from 1.1.

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
    """Runs a program. Returns its exit status, what it wrote, its seconds of processor time and its peak memory in MB."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT)
        killer = threading.Timer(TIMEOUT_S, process.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        return process.returncode, log.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def explain(what, code, output):
    lines = [line for line in output.strip().splitlines() if "error" in line.lower()] or output.strip().splitlines()[-1:]
    return f"{what}: {f'signal {-code}' if code < 0 else f'exit status {code}'}: {(lines or ['no message'])[0]}"


def examine(name, missing, folder, options):
    """Exports, compiles and runs one model, and measures it where there is an ONNX Runtime."""
    maker = [HERE / "large.py"] if name == LARGE else [HERE / "zoo.py", name]
    code, output, *_ = child(["/usr/bin/python3", "-B", *maker, folder])
    if code:
        raise Failure(explain("export", code, output))
    nnfc, library = options.build / "bin" / "nnfc", folder / "model.so"
    # torch writes each weight of such a model to a file of its own.
    weights = "external" if sum(f.stat().st_size for f in folder.glob("*")) > EMBEDDED_BYTES else "embed"
    code, output, seconds, memory = child([nnfc, "compile", "--no-cache", folder / "model.onnx", "-o", library,
                                          "--weights", weights])
    row = Row(name, seconds=seconds, memory_mb=memory)
    if code == 1 and missing and missing in output:
        return Row(name, note=f"not yet: {missing}")
    if code:
        raise Failure(explain("nnfc compile", code, output))
    if missing:
        raise Failure("it compiles: take `missing` out of zoo.py")
    row.library_mb = sum(f.stat().st_size for f in folder.glob("model.so*")) / 1e6
    if weights == "external" and memory * 1.048576 > LARGEST_SHARE * row.library_mb:
        raise Failure(f"{memory:.0f} MB to compile {row.library_mb:.0f} MB, expected at most {LARGEST_SHARE} times that")
    row.error = compare(folder, library, folder, nnfc)
    if options.peer:
        code, output, *_ = child([options.peer, "-B", ROOT / "bench" / "pair.py", folder, library, "--build", options.build])
        if code:
            print(f"{name}: no time: {explain('pair.py', code, output)}", file=sys.stderr)
        else:
            row.time = float(output.split()[-1])
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", metavar="TEXT", action="append", help="models whose name has TEXT in it; may be repeated")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there; rows of models not run stay")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has onnxruntime, for the last column")
    parser.add_argument("--keep", action="store_true", help="leave the files in BUILD/zoo")
    options = parser.parse_args()
    listed = json.loads(subprocess.run(["/usr/bin/python3", "-B", HERE / "zoo.py"], stdout=subprocess.PIPE, check=True).stdout)
    known = listed["models"] | {LARGE: ""}
    for name in options.models:
        if name not in known:
            parser.error(f"model '{name}', expected one of {', '.join(known)}")
    models = {name: known[name] for name in sorted(known)
              if name in options.models or any(text in name for text in options.only or [])
              or not (options.models or options.only)}

    lines, failures = {}, []
    if options.table and options.table.exists():
        for line in options.table.read_text().splitlines():
            if line.startswith("| ") and (name := line.split()[1]) in known:
                lines[name] = line
    for name, missing in models.items():
        folder = options.build / "zoo" / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            row = examine(name, missing, folder, options)
        except Failure as failure:
            row = Row(name, note=f"FAIL {failure}")
            failures.append(f"FAIL {name}: {failure}")
        lines[name] = f"| {' | '.join(row.cells())} |"
        print("  ".join(cell.ljust(width) for cell, width in zip(row.cells(), (38, 8, 6, 6, 7, 5))).rstrip(), flush=True)
        if options.table:  # after each model: the rest takes long
            options.table.write_text(TABLE.format(torch=listed["torch"]) + "".join(f"{lines[n]}\n" for n in sorted(lines)))
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(*failures, f"{len(models) - len(failures)} passed, {len(failures)} failed", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
