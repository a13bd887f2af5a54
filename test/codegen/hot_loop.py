#!/usr/bin/env python3
"""Checks the hot loop of an x86 assembly file: the innermost loop with the most `--op` instructions has at least
`--at-least` of them, and touches no stack slot: a register was spilled there otherwise. With `--loops=N`, each of the N
loops with the most; with `--with=OP`, of those that have this instruction, too.

An innermost loop is what lies between a label and a jump back to it, without another label or jump in between.
"""
import argparse
import re
import sys
from pathlib import Path

LABEL = re.compile(r"^(\.L\w+):")
JUMP = re.compile(r"^\s+j\w+\s+(\.L\w+)")
STACK = re.compile(r"\(%rsp\b")


def innermost_loops(lines):
    """The instructions of each loop, its jump left out."""
    label, body = None, []
    for line in lines:
        if match := LABEL.match(line):
            label, body = match.group(1), []
        elif match := JUMP.match(line):
            if match.group(1) == label:
                yield body
            label, body = None, []
        elif line.startswith("\t") and not line.startswith("\t."):
            body.append(line.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--op", required=True, help="the instruction the loop is there for")
    parser.add_argument("--at-least", type=int, required=True)
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--with", dest="also", metavar="OP", help="look at loops alone that have this one, too")
    options = parser.parse_args()

    def count(body, op=options.op):
        return sum(instruction.split()[0] == op for instruction in body)

    loops = [body for body in innermost_loops(options.file.read_text().splitlines())
             if count(body) and (not options.also or count(body, options.also))]
    if not loops:
        sys.exit(f"error: no loop with {options.op} in {options.file}")
    for hot in sorted(loops, key=count, reverse=True)[:options.loops]:
        if count(hot) < options.at_least:
            sys.exit(f"error: the hot loop has {count(hot)} {options.op}, expected at least {options.at_least}:\n" + "\n".join(hot))
        spills = [instruction for instruction in hot if STACK.search(instruction)]
        if spills:
            sys.exit(f"error: the hot loop goes to the stack: {'; '.join(spills)}")
    if len(loops) < options.loops:
        sys.exit(f"error: {len(loops)} loops with {options.op} in {options.file}, expected {options.loops}")


if __name__ == "__main__":
    main()
