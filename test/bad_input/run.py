#!/usr/bin/env python3
"""Broken models, files and command lines: each must end with status 1 (2 for wrong usage), `error: ` as the first line on
standard error with the words of the case in it, no file left behind, and never a crash or a hang.

cases.py is the table. Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))
import cases  # noqa: E402
from craft import Compiled, Folder, Link, Pipe, Sparse  # noqa: E402

TIMEOUT_S = 30
MEMORY_BYTES = 8 << 30  # a file of a few bytes must not make the compiler ask for more


def sanitized(build):
    lines = (build / "CMakeCache.txt").read_text().splitlines()
    return any(line.startswith("NNF_SANITIZE:") and not line.endswith("=") for line in lines)


class Suite:
    def __init__(self, build, work):
        self.bin, self.work, self.libraries = build / "bin", work, {}
        self.limited = not sanitized(build)  # sanitizers reserve terabytes of addresses

    def start(self, command, folder, temporary):
        def limit():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if self.limited:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        environment = dict(os.environ, TMPDIR=str(temporary))
        return subprocess.run([str(self.bin / command[0]), *command[1:]], cwd=folder, env=environment, preexec_fn=limit,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT_S)

    def library(self, text):
        """Compiles a right graph, once."""
        if text not in self.libraries:
            folder = self.work / f"library{len(self.libraries)}"
            folder.mkdir()
            (folder / "model.nnf.txt").write_text(text)
            done = self.start(["nnfc", "compile", "model.nnf.txt", "-o", "model.so"], folder, folder)
            if done.returncode:
                raise RuntimeError("a right graph does not compile: " + done.stderr.decode(errors="replace"))
            self.libraries[text] = folder / "model.so"
        return self.libraries[text]

    def write(self, path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Link):
            path.symlink_to(content.target)
        elif isinstance(content, Folder):
            path.mkdir(exist_ok=True)
            path.chmod(content.mode)
        elif isinstance(content, Pipe):
            os.mkfifo(path)
        elif isinstance(content, Sparse):
            path.write_bytes(content.head)
            os.truncate(path, content.size)
        elif isinstance(content, Compiled):
            shutil.copyfile(self.libraries[content.text], path)

    def run(self, case):
        """Why the case fails, or None."""
        folder, temporary = self.work / case.name, self.work / (case.name + ".tmp")
        folder.mkdir()
        temporary.mkdir()
        for name, content in case.files.items():
            self.write(folder / name, content)
        before = listing(folder)
        try:
            done = self.start(case.command, folder, temporary)
        except subprocess.TimeoutExpired:
            return f"no end after {TIMEOUT_S} s"
        text = done.stderr.decode(errors="replace")
        first = text.split("\n", 1)[0]
        if done.returncode < 0 or done.returncode > 2:
            return f"exit status {done.returncode}: {text[-300:]!r}"
        if done.returncode != case.status:
            said = first or done.stdout.decode(errors="replace")
            return f"exit status {done.returncode}, expected {case.status}: {said[:300]}"
        if not first.startswith("error: "):
            return f"the first line is '{first[:200]}', expected 'error: …'"
        if case.says not in first:
            return f"the first line is '{first[:300]}', expected '{case.says}' in it"
        left = sorted((listing(folder) ^ before) | listing(temporary))
        if left:
            return f"files came or went: {', '.join(left)}"
        return None


def listing(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path(__file__).resolve().parents[2] / "build")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="not used: all cases run always")
    parser.add_argument("--only", help="cases whose name holds this")
    options = parser.parse_args()
    chosen = [case for case in cases.CASES if not options.only or options.only in case.name]
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="nnf-bad-input-") as work:
        suite = Suite(options.build.resolve(), Path(work))
        for case in chosen:
            for content in case.files.values():
                if isinstance(content, Compiled):
                    suite.library(content.text)
        with ThreadPoolExecutor(options.jobs) as pool:
            for case, why in zip(chosen, pool.map(suite.run, chosen)):
                passed, failed = passed + (why is None), failed + (why is not None)
                if why:
                    print(f"FAIL {case.name}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
