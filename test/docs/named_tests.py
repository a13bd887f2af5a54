#!/usr/bin/env python3
"""Looks for the tests that SECURITY.md names: named_tests.py ROOT PAGE. Prints those that are not there.

In its tables, `Suite.case` is a GoogleTest case, `kind` (`case`, `case`) are cases of that kind of `./dev test`.
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))


def bad_input_cases(root):
    sys.path.insert(0, str(root / "test/bad_input"))
    import cases
    return {case.name for case in cases.CASES}


def main():
    root, page = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).read_text()
    tests = "\n".join(path.read_text() for path in (root / "test").rglob("*.cpp"))
    unit = {f"{suite}.{case}" for suite, case in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", tests, re.MULTILINE)}
    functions = {"bad_input": bad_input_cases(root),
                 "cli": set(re.findall(r"^def (\w+)\(", "\n".join(p.read_text() for p in (root / "test/cli").glob("*.py")),
                                       re.MULTILINE))}
    problems, count = [], 0
    for row in re.findall(r"^\| .* \| (.*) \|$", page.split("## What is checked")[1], re.MULTILINE):
        for kind, names in re.findall(r"`(\w+)` \(([^)]*)\)", row):
            for name in re.findall(r"`([\w-]+)`", names):
                count += 1
                if name not in functions.get(kind, ()):
                    problems.append(f"{kind} has no case '{name}'")
        for name in re.findall(r"`(\w+\.\w+)`", row):
            count += 1
            if name not in unit:
                problems.append(f"there is no unit test {name}")
    if not count:
        problems.append("no tests are named")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
