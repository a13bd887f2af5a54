"""nnfc with no flags, through the runtime's C interface (test/harness/nnf.py)."""
import subprocess
import sys
from pathlib import Path

from engines import Unable, out_of_date

ROOT = Path(__file__).resolve().parent.parent.parent
TITLE = "nnfc"


def version():
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], stdout=subprocess.PIPE, text=True).stdout.strip()
    changed = " and changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return f"nnfc of {git('rev-parse', '--short', 'HEAD') or 'an unknown commit'}{changed}"


def environment(threads):
    return {}


def library(case):
    return case.work("nnfc") / f"{case.key}.so"


def compile(case):
    nnfc = case.build / "bin" / "nnfc"
    if out_of_date(library(case), nnfc, case.onnx):
        done = subprocess.run([nnfc, "compile", case.onnx, "-o", library(case)], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Unable((done.stderr.strip().splitlines() or [f"nnfc compile: exit status {done.returncode}"])[0])


def shipped(case):
    return [library(case)]


def load(case, threads):
    sys.path.insert(0, str(ROOT / "test" / "harness"))
    import nnf
    program = nnf.Program(library(case), runtime=nnf.Runtime(case.build))
    context = nnf.Context(program, threads=threads)
    run = context.prepare(case.tensors("inputs"))
    run.keep += (program, context)
    return run
