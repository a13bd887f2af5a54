#!/usr/bin/env python3
"""The Python package: its wheel is built, installed into an empty environment, and used there (cases.py), and once more
by Debian's Python, which has torch. Where PyPI cannot be reached, all cases are skipped.

Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
TIMEOUT_S = 300
sys.path[:0] = [str(HERE), str(ROOT / "test" / "harness")]
import tutorial  # noqa: E402
from cases import NAMES  # noqa: E402


def call(*command, **environment):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=TIMEOUT_S, env={**os.environ, **environment})


def environment(folder, requirements):
    """A virtual environment with these packages; made anew when they change. Returns what went wrong."""
    stamp = folder / "made-of"
    if stamp.exists() and stamp.read_text() == requirements:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    for command in ((PYTHON, "-m", "venv", folder), (folder / "bin" / "pip", "install", "-q", *requirements.split())):
        done = call(*command)
        if done.returncode:
            return done.stdout
    stamp.write_text(requirements)
    return None


def is_offline(text):
    return bool(re.search(r"NewConnectionError|Temporary failure in name resolution|No matching distribution|Connection|timed out",
                          text))


def sources_hash(build):
    digest = hashlib.sha256()
    listed = sorted(path for path in (ROOT / "python").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in [*listed, ROOT / "runtime" / "nnf.h", ROOT / "runtime" / "abi.h", build / "bin" / "nnfc",
                 build / "lib" / "libnnf.a", build / "python" / "functions.py"]:
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def make_wheel(build, tools, folder):
    """The wheel in `folder`, and what went wrong."""
    stamp, wanted = folder / "made-of", sources_hash(build)
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        done = call(tools / "bin" / "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", folder, ROOT / "python",
                    SKBUILD_CMAKE_DEFINE=f"NNFC_BUILD={build};CMAKE_CXX_COMPILER=clang++-22;CMAKE_C_COMPILER=clang-22")
        if done.returncode:
            return None, done.stdout
        stamp.write_text(wanted)
    wheels = list(folder.glob("nnfc-*.whl"))
    return (wheels[0], None) if len(wheels) == 1 else (None, f"{len(wheels)} wheels")


def run_cases(label, interpreter, **more):
    """Results of cases.py: lines `ok NAME` or `FAIL NAME: why`, `skip NAME: why`."""
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    done = call(interpreter, "-B", HERE / "cases.py", **more)
    seen = set()
    for line in done.stdout.splitlines():
        found = re.match(r"(ok|FAIL|skip) (\w+)", line)
        if found and found[2] in NAMES:
            counts[found[1]] += 1
            seen.add(found[2])
            if found[1] != "ok":
                print(f"{found[1]} {label}, {line[len(found[1]) + 1:]}", flush=True)
    for name in NAMES:
        if name not in seen:
            counts["FAIL"] += 1
            print(f"FAIL {label}, {name}: did not end: {done.stdout.strip()[-300:]!r}", flush=True)
    return counts


def tutorial_result(environment):
    """The tutorial for Python, by a user's environment."""
    with tempfile.TemporaryDirectory(prefix="nnf-tutorial-") as folder:
        problem = tutorial.run(ROOT / "docs" / "tutorials" / "python.md", Path(folder), [environment / "bin"], NNFC=ROOT)
    if problem:
        print(f"FAIL tutorial: {problem}", flush=True)
    return {"ok": int(not problem), "FAIL": int(bool(problem)), "skip": 0}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used")
    parser.add_argument("--all", action="store_true", help="not used: there is no larger product")
    options = parser.parse_args()
    build = options.build.resolve()
    work = build / "python-test"
    work.mkdir(exist_ok=True)
    problem = environment(work / "tools", (HERE / "requirements.txt").read_text())
    if not problem:
        # The environment of a user: the wheel and what it asks for.
        problem = environment(work / "user", "numpy==2.4.6")
    if problem and is_offline(problem):
        print(f"skipped: PyPI cannot be reached: {problem.strip().splitlines()[-1]}")
        print(f"0 passed, 0 failed, {2 * len(NAMES) + 1} skipped")
        return 0
    wheel = None
    if not problem:
        wheel, problem = make_wheel(build, work / "tools", work / "wheel")
    if not problem:
        done = call(work / "user" / "bin" / "pip", "install", "-q", "--no-deps", "--force-reinstall", wheel)
        problem = done.stdout if done.returncode else None
    if problem:
        print(f"FAIL wheel: {problem.strip()[-1500:]}")
        print("0 passed, 1 failed")
        return 1
    shutil.rmtree(work / "unpacked", ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "unpacked")
    (work / "unpacked" / "nnfc" / "bin" / "nnfc").chmod(0o755)
    tutorials = tutorial_result(work / "user")
    totals = [tutorials, run_cases("empty environment", work / "user" / "bin" / "python"),
              run_cases("Debian's Python", PYTHON, PYTHONPATH=str(work / "unpacked"))]
    passed, failed, skipped = (sum(counts[kind] for counts in totals) for kind in ("ok", "FAIL", "skip"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
