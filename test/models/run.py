#!/usr/bin/env python3
"""End to end on whole models: export (export.py), compile, run by the command line, compare with PyTorch.

A case passes when the largest difference is below 1e-4 of the largest value of each output, when one and two threads
give the same bytes, and when the memory between kernels is within 10 % of what is alive at one of them. Prints a table,
`FAIL case: why` lines and, last, `N passed, N failed`.
"""
import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import export
from compiled import Failure, call, compare

HERE = Path(__file__).resolve().parent
MOST_MEMORY = 110  # of what is alive at one kernel, in percent


def check(name, folder, work, nnfc):
    """Compiles and runs one case. Returns the row of the table."""
    library = work / "model.so"
    work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    call([nnfc, "compile", folder / "model.onnx", "-o", library])
    seconds = time.monotonic() - start
    memory = re.search(r"the plan takes ([\d.]+) % of that", call([nnfc, "inspect", library]))
    if memory and float(memory[1]) > MOST_MEMORY:
        raise Failure(f"between kernels it takes {memory[1]} % of the least that it needs, expected {MOST_MEMORY} at most")
    error = compare(folder, library, work, nnfc)
    return f"{name:<16} {error:9.1e} {seconds:10.2f} {library.stat().st_size / 1e6:9.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all but the large variants")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used: cases are big and run one after the other")
    parser.add_argument("--all", action="store_true", help="the large variants too")
    options = parser.parse_args()
    names = options.cases or [n for n, c in export.CASES.items() if options.all or not c.full]
    models = options.build / "models"
    subprocess.run(["/usr/bin/python3", "-B", HERE / "export.py", "--out", models, *names], check=True)

    passed, failures = 0, []
    print(f"{'model':<16} {'rel. error':>9} {'compile s':>10} {'size MB':>9}")
    for name in names:
        try:
            print(check(name, models / name, options.build / "models-run" / name, options.build / "bin" / "nnfc"),
                  flush=True)
            passed += 1
        except Failure as failure:
            failures.append(f"FAIL {name}: {failure}")
            print(failures[-1], flush=True)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
