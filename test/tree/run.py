#!/usr/bin/env python3
"""The tree itself: what may include what, a README in each folder, files with one subject.

    tools -> compiler -> codegen -> passes -> dialects      left may use right, never the other way
                            `-----> runtime/abi.h           the only words compiler and runtime share,
                                    runtime/Hash.h          and the hash that both compute over weights
    runtime -> libc, libm

Prints `FAIL case: why` lines and, last, `N passed, N failed`.
"""
import re
import subprocess
import sys
from pathlib import Path

import diagnostics

ROOT = Path(__file__).resolve().parent.parent.parent

# Folder -> folders it may include from, beside itself.
MAY_INCLUDE = {
    "dialects": set(),
    "passes": {"dialects"},
    "codegen": {"dialects", "passes", "runtime/abi.h", "runtime/Hash.h"},
    "compiler": {"dialects", "passes", "codegen", "runtime/abi.h", "runtime/Hash.h"},
    "runtime": set(),
    "tools": {"dialects", "passes", "codegen", "compiler", "runtime"},
    "bench": {"dialects", "passes", "codegen", "compiler", "runtime"},
    "examples": {"compiler", "runtime"},
    "python": {"runtime"},
}
WITH_README = ["compiler", "runtime", "dialects", "passes", "codegen", "tools", "test", "docs", "examples", "bench", "python"]
# Where errors are raised that users read.
WITH_ERRORS = ("dialects/", "passes/", "codegen/", "compiler/", "runtime/", "tools/nnfc/", "tools/nnf-run/", "tools/run/")
# A file past this length usually holds two subjects.
MAX_LINES = 700
NAMELESS = re.compile(r"(^|/)(utils?|helpers?|misc|common)\.(cpp|h|py)$", re.IGNORECASE)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)

passed, failures = 0, []


def check(case, problems):
    global passed
    if problems:
        failures.extend(f"FAIL {case}: {problem}" for problem in problems)
    else:
        passed += 1


def include_problems(path, text):
    folder = path.split("/")[0]
    allowed = MAY_INCLUDE[folder]
    for name in INCLUDE.findall(text):
        target = name.split("/")[0]
        if target not in MAY_INCLUDE or target == folder:
            continue  # a library's header, a generated one, or one of its own
        if target not in allowed and name not in allowed:
            yield f'includes "{name}"; {folder}/ may use {", ".join(sorted(allowed)) or "nothing of the project"}'


def main():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    files = [f for f in listing.split("\0") if f and (ROOT / f).is_file()]
    sources = [f for f in files if f.endswith((".cpp", ".h", ".hpp", ".c"))]
    for folder in MAY_INCLUDE:
        check(f"includes of {folder}/", [f"{path} {problem}"
                                         for path in sources if path.startswith(folder + "/")
                                         for problem in include_problems(path, (ROOT / path).read_text(errors="replace"))])
    for folder in WITH_README:
        check(f"{folder}/README.md", [] if (ROOT / folder / "README.md").is_file() else ["missing"])
    long_files = []
    for path in sources + [f for f in files if f.endswith((".py", ".td"))]:
        lines = (ROOT / path).read_bytes().count(b"\n")
        if lines > MAX_LINES:
            long_files.append(f"{path} has {lines} lines, expected at most {MAX_LINES}")
    check("length of files", long_files)
    check("names of files", [f"{path} does not name its subject" for path in files if NAMELESS.search(path)])

    # A page of docs/design that a comment names by its number is there.
    pages = {f.split("/")[-1][:4] for f in files if f.startswith("docs/design/")}
    texts = [f for f in files if f.endswith((".h", ".cpp", ".td", ".py", ".md"))]
    named = {(f, n) for f in texts for n in re.findall(r"docs/design/(\d{4})", (ROOT / f).read_text(errors="replace"))}
    check("design pages", [f"{f} names docs/design/{n}, which is not there" for f, n in sorted(named) if n not in pages])

    # Every error has a number, every number is explained, and none is explained that nothing raises.
    explained = set(re.findall(r"^### (NNFC-E\d{4})", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))
    texts = {path: (ROOT / path).read_text() for path in sources if path.startswith(WITH_ERRORS)}
    check("numbers of errors", [problem for path, text in texts.items()
                                for problem in diagnostics.problems(path, text, explained)])
    raised = {number for text in texts.values() for number in re.findall(r"NNFC-E\d{4}(?=\])", text)}
    check("explained errors", [f"docs/errors.md: nothing raises {number}" for number in sorted(explained - raised)])

    print("\n".join(failures))
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
