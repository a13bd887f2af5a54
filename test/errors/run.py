#!/usr/bin/env python3
"""The numbers of errors: docs/errors.md, which `nnfc --explain` reads, against what happens.

Each `console` block of the page is run in a folder with the files of its section, and ends with the error that it shows,
to the letter. A number without one is quoted, where it is raised, by another test. `--explain` says of each number what
the page does. `--write` puts what the examples say now into the page. Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
SECTION = re.compile(r"^### (NNFC-E(\d{4})): ([^\n]*)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^`([\w.]+)`:\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n((?:\$ [^\n]*\n)+)(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 120


class Section:
    def __init__(self, match):
        self.number, self.digits, self.title, self.body = match.groups()
        self.files = FILE.findall(self.body)
        example = CONSOLE.search(self.body)
        self.commands = [line[2:] for line in example.group(1).splitlines()] if example else []
        self.shown = example.group(2).rstrip("\n") if example else ""


def run_example(section, build, work):
    """The first line that the last command writes to standard error, and its exit status. The folder is left out."""
    folder = work / section.digits
    folder.mkdir()
    for name, content in section.files:
        (folder / name).write_text(content)
    environment = dict(os.environ, PATH=f"{build / 'bin'}:{os.environ['PATH']}")
    for command in section.commands:
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
    line = done.stderr.decode(errors="replace").split("\n", 1)[0]
    return line.replace(f"{folder.resolve()}/", ""), done.returncode


def example_problem(section, build, work):
    line, status = run_example(section, build, work)
    if status not in (1, 2):
        return f"its example ends with status {status}, expected 1 or 2: {line[:200]}"
    if not line.endswith(f"[{section.number}]"):
        return f"its example says '{line[:300]}'"
    if line != section.shown:
        return f"its example says\n  {line}\nthe page\n  {section.shown}"
    return None


def explain_problem(section, nnfc, every_spelling):
    expected = f"{section.number}: {section.title}\n{section.body}".rstrip("\n")
    spellings = [section.number, section.number.lower(), "e" + section.digits, str(int(section.digits))]
    for spelling in spellings if every_spelling else spellings[:1]:
        done = subprocess.run([nnfc, "--explain", spelling], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode or done.stdout.rstrip("\n") != expected:
            return f"--explain {spelling} says {(done.stdout or done.stderr)[:200]!r}"
    return None


def quotes():
    """Number -> tests that quote it. The page's own and this folder's do not count."""
    found = {}
    for path in (ROOT / "test").rglob("*"):
        if path.suffix in (".py", ".cpp", ".test", ".mlir", ".rows", ".c") and path.parent.name not in ("errors", "tree"):
            for number in re.findall(r"NNFC-E\d{4}", path.read_text(errors="replace")):
                found.setdefault(number, set()).add(path.name)
    return found


def write_examples(sections, build, work, jobs):
    text = PAGE.read_text()
    with ThreadPoolExecutor(jobs) as pool:
        lines = list(pool.map(lambda section: run_example(section, build, work)[0], sections))
    for section, line in zip(sections, lines):
        if not line.endswith(f"[{section.number}]"):
            print(f"{section.number}: {line[:300]}", flush=True)
            continue
        commands = "".join(f"$ {command}\n" for command in section.commands)
        before = f"```console\n{commands}{section.shown}{chr(10) if section.shown else ''}```"
        at = text.index(before, text.index(f"### {section.number}:"))
        text = text[:at] + f"```console\n{commands}{line}\n```" + text[at + len(before):]
    PAGE.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="not used: all cases run always")
    parser.add_argument("--only", default="", help="numbers that hold this")
    parser.add_argument("--write", action="store_true", help="write what the examples say into the page")
    options = parser.parse_args()
    build = options.build.resolve()
    sections = [Section(match) for match in SECTION.finditer(PAGE.read_text())]
    chosen = [section for section in sections if options.only in section.number]
    passed, failures = 0, []

    def check(case, problem):
        nonlocal passed
        if problem:
            failures.append(f"FAIL {case}: {problem}")
        else:
            passed += 1

    with tempfile.TemporaryDirectory(prefix="nnf-errors-") as folder:
        work, examples = Path(folder), [section for section in chosen if section.commands]
        if options.write:
            return write_examples(examples, build, work, options.jobs)
        with ThreadPoolExecutor(options.jobs) as pool:
            for section, problem in zip(examples, pool.map(lambda s: example_problem(s, build, work), examples)):
                check(section.number, problem)
    quoted = quotes()
    with ThreadPoolExecutor(options.jobs) as pool:
        nnfc = build / "bin" / "nnfc"
        explained = list(pool.map(lambda s: explain_problem(s, nnfc, s is chosen[0]), chosen))
    for section, problem in zip(chosen, explained):
        check(f"{section.number} is explained", problem)
        if not section.commands:
            check(f"{section.number} is raised by a test", None if section.number in quoted else
                  "no example that is run, and no test quotes it")
    numbers = [section.number for section in sections]
    check("numbers go up", None if numbers == sorted(set(numbers)) else "a number is there twice, or out of order")
    print("\n".join(failures))
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
