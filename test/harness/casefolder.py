"""Cases that are functions of a folder of their own: what scripts of the protocol of run-tests.py share."""
import argparse
import subprocess
import tempfile
from pathlib import Path

import nnf

ROOT = Path(__file__).resolve().parents[2]


class Failure(Exception):
    """Why a case failed, in a line."""


class Skipped(Exception):
    """Why a case does not run here."""


def expect(condition, why):
    if not condition:
        raise Failure(why)


def run(about, cases, work):
    """The exit status of a script whose help is `about`: calls case(work(build, folder)) for each, in a folder that goes
    afterwards, and prints `FAIL case: why` lines and, last, the counts."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used: one case at a time")
    parser.add_argument("--all", action="store_true", help="not used: all cases run always")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    options = parser.parse_args()
    passed = failed = skipped = 0
    for case in cases:
        if options.only not in case.__name__:
            continue
        with tempfile.TemporaryDirectory(prefix="nnf-case-") as folder:
            try:
                case(work(options.build.resolve(), Path(folder)))
                passed += 1
            except Skipped as why:
                print(f"skip {case.__name__}: {why}", flush=True)
                skipped += 1
            except (Failure, nnf.Error, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as why:
                print(f"FAIL {case.__name__}: {why}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0
