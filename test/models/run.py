#!/usr/bin/env python3
"""End to end on whole models: export (export.py), compile, run by the command line, compare with PyTorch.

A case passes when the largest difference is below 1e-4 of the largest value of each output, and when one and two threads
give the same bytes. Prints a table, `FAIL case: why` lines and, last, `N passed, N failed`.
"""
import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import export

HERE = Path(__file__).resolve().parent
MAX_RELATIVE_ERROR = 1e-4
TIMEOUT_S = 300


class Failure(Exception):
    """Why a case failed, in a line."""


def call(command):
    try:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(command[0]).name} {command[1]}: no end after {TIMEOUT_S} s") from None
    if done.returncode != 0:
        what = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        text = " / ".join(done.stderr.strip().splitlines()[:3])
        raise Failure(f"{Path(command[0]).name} {command[1]}: {what}: {text or 'no message'}")


def file_name(output):
    """The contract's file name of an output."""
    text = re.sub(rb"[^A-Za-z0-9._-]", lambda m: b"%%%02X" % m.group()[0], output.encode()).decode()
    return ("%2E" + text[1:] if text.startswith(".") else text) + ".npy"


def run(nnfc, library, inputs, folder, threads):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npy"):
        old.unlink()
    given = [a for path in sorted(inputs.glob("*.npy")) for a in ("--input", f"{path.stem}={path}")]
    call([nnfc, "run", library, *given, "--output-dir", folder, "--threads", threads])


def relative_error(got_path, expected_path):
    if not got_path.exists():
        raise Failure(f"no output file {got_path.name}")
    got, expected = np.load(got_path), np.load(expected_path)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise Failure(f"output '{expected_path.stem}': {got.dtype}{list(got.shape)}, "
                      f"expected {expected.dtype}{list(expected.shape)}")
    if not np.isfinite(got).all():
        raise Failure(f"output '{expected_path.stem}': not finite")
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def check(name, folder, work, nnfc):
    """Compiles and runs one case. Returns the row of the table."""
    library = work / "model.so"
    work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    call([nnfc, "compile", folder / "model.onnx", "-o", library])
    seconds = time.monotonic() - start
    outputs = sorted((folder / "expected").glob("*.npy"))
    for threads in (1, 2):
        run(nnfc, library, folder / "inputs", work / f"threads-{threads}", threads)
    error = max(relative_error(work / "threads-1" / file_name(o.stem), o) for o in outputs)
    if error >= MAX_RELATIVE_ERROR:
        raise Failure(f"relative error {error:.1e}, expected below {MAX_RELATIVE_ERROR:.0e}")
    for o in outputs:
        one, two = ((work / f"threads-{t}" / file_name(o.stem)).read_bytes() for t in (1, 2))
        if one != two:
            raise Failure(f"output '{o.stem}' differs between one and two threads")
    return f"{name:<16} {error:9.1e} {seconds:10.2f} {library.stat().st_size / 1e6:9.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all but the large variants")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used: cases are big and run one after the other")
    parser.add_argument("--all", action="store_true", help="the large variants too")
    options = parser.parse_args()
    names = options.cases or [n for n, c in export.CASES.items() if c.test and (options.all or not c.full)]
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
