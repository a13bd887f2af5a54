#!/usr/bin/env python3
"""Holds the code on pages against what understands it: commands.py ROOT PROGRAMS [PAGE...]. Prints what does not fit.

    nnfc, nnf-run   in blocks and in `code`: the command and each of its options are in the help of the programs in PROGRAMS
    ./dev           the command is in its usage
    python, json    blocks that say they are one can be parsed
"""
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`((?:nnfc|nnf-run|\./dev) [^`\n]+)`")


def options_of(programs, known={}):
    """(program, command) -> its options; the command is None for nnf-run alone."""
    if not known:
        def help_of(*command):
            return subprocess.run([programs / command[0], *command[1:], "--help"], stdout=subprocess.PIPE, text=True,
                                  check=True).stdout

        def found(text):
            return set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", text))
        for name in re.findall(r"^  nnfc (\w+)", help_of("nnfc"), re.MULTILINE):
            known["nnfc", name] = found(help_of("nnfc", name))
        known["nnf-run", None] = found(help_of("nnf-run"))
        known["nnf-run", "bench"] = found(help_of("nnf-run", "bench"))
    return known


def command_problems(line, programs):
    known = options_of(programs)
    words = line.split()
    program, command = words[0], words[1] if len(words) > 1 else None
    if program == "nnf-run" and command != "bench":
        command = None
    if program == "nnfc" and (command or "").startswith("-"):
        return
    if (program, command) not in known:
        yield f"'{line}': {program} has no command '{command}'"
        return
    for word in words[1:words.index("--") if "--" in words else None]:  # what follows is another command's
        option = re.match(r"--?[a-zA-Z][\w-]*", word)
        if not option:
            continue
        name = option.group()
        if name not in known[program, command] and not re.match(r"-O\d$", name):
            yield f"'{line}': {program} {command or ''} has no option '{name}'"


def page_problems(page, root, programs):
    usage = {"help"} | set(re.findall(r"^  ([\w-]+)", (root / "dev").read_text().split("usage()")[1].split("EOF\n}")[0], re.MULTILINE))
    text = page.read_text()
    commands = CODE.findall(BLOCK.sub("", text))
    for kind, block in BLOCK.findall(text):
        if kind in ("", "sh"):
            joined = re.sub(r"\\\n", " ", block)
            commands += re.findall(r"^\s*((?:nnfc|nnf-run|\./dev) [^#|&>\n]*)", joined, re.MULTILINE)
        try:
            if kind == "python":
                ast.parse(block)
            elif kind == "json":
                json.loads(block)
        except (SyntaxError, ValueError) as why:
            yield f"a block of {kind} cannot be parsed: {why}"
    for line in map(str.strip, commands):
        if line.startswith("./dev"):
            if line.split()[1] not in usage:
                yield f"'{line}': ./dev has no such command"
        else:
            yield from command_problems(line, programs)


def main():
    root, programs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    pages = [Path(page) for page in sys.argv[3:]] or [root / "README.md", root / "SECURITY.md",
                                                      *sorted((root / "docs").rglob("*.md"))]
    problems = [f"{page}: {why}" for page in pages for why in page_problems(page, root, programs)]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
