#!/usr/bin/env python3
"""Runs every kind of test and adds up: the last line is `N passed, N failed[, N skipped]`.

A kind is one of
  lit    files with RUN lines under test/ (*.mlir, *.test), run by LLVM's lit
  unit   the GoogleTest programs that the build registered with ctest
  NAME   each folder test/NAME with a run.py. That script takes --build DIR, --jobs N and --all, prints a line
         `FAIL case: why` for each failed case, and ends with `N passed, N failed[, N skipped]`.
Exit status: 0 all passed, 1 something failed, 2 wrong usage.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LLVM = "/usr/lib/llvm-22"
# A kind that hangs must not hang the rest; the whole suite has a budget of 25 minutes.
KIND_TIMEOUT_S = 20 * 60
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


class Result:
    """What one kind came to. `failures` are lines a person can act on."""

    def __init__(self, passed=0, failed=0, skipped=0, failures=()):
        self.passed, self.failed, self.skipped = passed, failed, skipped
        self.failures = list(failures)

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def indented(text, last_lines):
    """The last lines of a log, indented, for below a FAIL line."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-last_lines:])


def describe_exit(code):
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def run_lit(options):
    """Every RUN line below test/."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "lit.xml"
        done = subprocess.run(
            [sys.executable, f"{LLVM}/bin/lit", "-q", f"-j{options.jobs}", f"--xunit-xml-output={report}",
             "--param", f"build={options.build}", str(ROOT / "test")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=KIND_TIMEOUT_S)
        if not report.exists():
            return Result(failed=1, failures=[f"FAIL lit: {describe_exit(done.returncode)}\n" + indented(done.stdout, 30)])
        result = Result()
        for case in ElementTree.parse(report).iter("testcase"):
            failure = case.find("failure")
            if failure is not None:
                result.failed += 1
                result.failures.append(f"FAIL {case.get('classname')}/{case.get('name')}\n" +
                                       indented(failure.text or "", 40))
            elif case.find("skipped") is not None:
                result.skipped += 1
            else:
                result.passed += 1
        if done.returncode and not result.failed:
            result.failed, result.failures = 1, ["FAIL lit itself\n" + indented(done.stdout, 30)]
        return result


def google_test_counts(report, output, name):
    """The cases of one GoogleTest report."""
    result = Result()
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("result") == "SKIPPED" or case.get("status") == "NOTRUN":
                result.skipped += 1
            elif case.get("failures"):
                result.failed += 1
                why = "\n".join(failure["failure"] for failure in case["failures"])
                result.failures.append(f"FAIL {name}: {suite['name']}.{case['name']}\n" + indented(why, 40))
            else:
                result.passed += 1
    return result


def run_unit_program(test):
    name, command = test["name"], test["command"]
    folder = next((p["value"] for p in test.get("properties", []) if p["name"] == "WORKING_DIRECTORY"), str(ROOT))
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        try:
            done = subprocess.run(command + [f"--gtest_output=json:{report}"], cwd=folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=KIND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return Result(failed=1, failures=[f"FAIL {name}: no end after {KIND_TIMEOUT_S} s"])
        result = google_test_counts(report, done.stdout, name) if report.exists() else Result()
        if done.returncode and not result.failed:  # it crashed, or is no GoogleTest program
            result.failed = 1
            result.failures = [f"FAIL {name}: {describe_exit(done.returncode)}\n" + indented(done.stdout, 40)]
        elif not report.exists():
            result.passed = 1
        return result


def run_unit(options):
    """Every program that ctest knows, one after the other (some measure threads)."""
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=options.build, stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    result = Result()
    for test in json.loads(listing)["tests"]:
        if "command" not in test:
            result.failed += 1
            result.failures.append(f"FAIL {test['name']}: not built")
            continue
        one = run_unit_program(test)
        result.passed, result.failed, result.skipped = (
            result.passed + one.passed, result.failed + one.failed, result.skipped + one.skipped)
        result.failures += one.failures
    return result


def run_script(script, options):
    """A folder's run.py, by the protocol above."""
    command = ["/usr/bin/python3", "-B", str(script), "--build", str(options.build), "--jobs", str(options.jobs)]
    if options.all:
        command.append("--all")
    timeout = None if options.all else KIND_TIMEOUT_S
    log = options.build / "test-logs" / f"{script.parent.name}.log"
    log.parent.mkdir(exist_ok=True)
    with open(log, "w") as stream:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            code = f"no end after {timeout} s"
    output = log.read_text(errors="replace")
    lines = output.rstrip().splitlines()
    counts = COUNTS.match(lines[-1]) if lines else None
    if not counts:
        why = code if isinstance(code, str) else describe_exit(code)
        return Result(failed=1, failures=[f"FAIL {script.parent.name}: {why}, no counts in {log}\n" + indented(output, 30)])
    result = Result(*(int(n or 0) for n in counts.groups()))
    result.failures = [line for line in lines if line.startswith("FAIL ")]
    if code != 0 and not result.failed:
        result.failed = 1
        result.failures.append(f"FAIL {script.parent.name}: {describe_exit(code)} though no case failed\n" +
                               indented(output, 15))
    return result


def kinds():
    """Name -> function of the options, in the order they run: quick ones first."""
    found = {"lit": run_lit, "unit": run_unit}
    for script in sorted((ROOT / "test").glob("*/run.py")):
        found[script.parent.name] = lambda options, script=script: run_script(script, options)
    return found


# Kinds that need hardware the machine at hand may lack: only run when named.
ON_REQUEST = {"gpu"}


def main():
    known = kinds()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="kinds to run: " + ", ".join(known))
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build tree (default: build)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--all", action="store_true", help="full products instead of samples")
    parser.add_argument("--list", action="store_true", help="print the kinds and stop")
    options = parser.parse_args()
    options.build = options.build.resolve()
    # Kernels are shared by all tests of a build, and with nobody else. They are the same ones as without: an entry is
    # found by all that decides the code, the compiler's own build included (docs/design/0006).
    os.environ["NNFC_CACHE_DIR"] = str(options.build / "kernel-cache")
    if options.list:
        print("\n".join(known))
        return 0
    for kind in options.kinds:
        if kind not in known:
            parser.error(f"kind '{kind}', expected one of {', '.join(known)}")

    total, rows = Result(), []
    for kind in options.kinds or [k for k in known if k not in ON_REQUEST]:
        print(f"== {kind} ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            result = known[kind](options)
        except subprocess.TimeoutExpired:
            result = Result(failed=1, failures=[f"FAIL {kind}: no end after {KIND_TIMEOUT_S} s"])
        if result.passed + result.failed + result.skipped == 0:
            result = Result(failed=1, failures=[f"FAIL {kind}: there is nothing to run"])
        for failure in result.failures:
            print(failure, flush=True)
        rows.append((kind, result, time.monotonic() - start))
        total.passed += result.passed
        total.failed += result.failed
        total.skipped += result.skipped
    print()
    for kind, result, seconds in rows:
        print(f"{kind:<14} {seconds:7.1f} s   {result}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
