#!/usr/bin/env python3
"""Compares docs/pipeline.md with the code: pipeline_page.py ROOT. Prints what differs; exit status 1 then.

    phases  those of compiler/Pipeline.cpp, in order
    passes  of each phase, in the order of the create…() calls of the functions that make it up; every pass with a record
            in a .td file is in the page once, in a phase or under "Outside the pipeline"
"""
import re
import sys
from pathlib import Path

# The functions of Pipeline.cpp that a phase is made of, and files of passes they call from elsewhere.
FUNCTIONS = {"input": [], "primitives": ["addPrimitives"], "groups": ["addConstantPart", "addGroups", "addTuning"], "tiles": ["addTiles"],
             "buffers": ["addMemory", "addDriver"], "code": ["addCode"]}
CALLED = {"addCpuLowering": "codegen/cpu/Lowering.cpp"}


def records(root):
    """Class of a pass -> its flag."""
    found = {}
    for folder in ("passes", "codegen"):
        for file in sorted((root / folder).rglob("*.td")):
            found.update(re.findall(r'^def (\w+) : Pass<"([\w-]+)"', file.read_text(), re.MULTILINE))
    return found


def created(root, text, flags):
    """The flags of the passes that a piece of C++ creates, in order."""
    for function, file in CALLED.items():
        if function + "(" in text:
            text += (root / file).read_text()
    return [flags[name] for name in re.findall(r"\bcreate(\w+)\(", text) if name in flags]


def main():
    root = Path(sys.argv[1])
    flags = records(root)
    source = (root / "compiler/Pipeline.cpp").read_text()
    page = (root / "docs/pipeline.md").read_text()
    problems = []

    phases = re.findall(r'"(\w+)"', re.search(r"names\[\] = \{(.*?)\}", source).group(1))
    section = page.split("## Passes by phase")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)
    if [name for name, _ in rows] != phases:
        problems.append(f"phases: the page has {[name for name, _ in rows]}, the code {phases}")

    running = []
    for phase, cell in rows:
        written = re.findall(r"`(nnf-[\w-]+)`", cell)
        bodies = [re.search(rf"^void {name}\((?:[^\n]*\}}$|.*?^\}})", source, re.MULTILINE | re.DOTALL)
                  for name in FUNCTIONS.get(phase, [])]
        runs = [flag for body in bodies if body for flag in created(root, body.group(0), flags)]
        if written != runs:
            problems.append(f"{phase}: the page has {written}, the code runs {runs}")
        running += runs

    outside = re.findall(r"^\| `(nnf-[\w-]+)` \|", page.split("## Outside the pipeline")[1], re.MULTILINE)
    expected = sorted(set(flags.values()) - set(running))
    if sorted(outside) != expected:
        problems.append(f"outside the pipeline: the page has {sorted(outside)}, the records leave {expected}")
    for name in sorted(set(re.findall(r"`(nnf-[a-z-]+)`", page)) - set(flags.values())):
        if name != "nnf-opt":
            problems.append(f"{name}: named in the page, but no pass")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
