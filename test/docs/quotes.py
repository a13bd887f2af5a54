#!/usr/bin/env python3
"""Holds the code that docs/adding-an-op.md quotes against the tree: quotes.py ROOT PAGE.

Below a heading that names `folder/<Family>.ext`, each line of a fenced block is a line of folder's Elementwise.ext (the
family the page takes its example from). Shell commands, the blocks that begin with `ninja`, are left out.
"""
import re
import sys
from pathlib import Path


def main():
    root, page = Path(sys.argv[1]), Path(sys.argv[2])
    problems, quoted = [], 0
    for section in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
        named = re.search(r"`([\w/]+)/<([Ff])amily>(\.\w+)`", section.splitlines()[0])
        if not named:
            continue
        folder, case, ending = named.groups()
        path = f"{folder}/{'Elementwise' if case == 'F' else 'elementwise'}{ending}"
        lines = {line.strip() for line in (root / path).read_text().splitlines()}
        for block in re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            if block.startswith("ninja"):
                continue
            for line in filter(None, map(str.strip, block.splitlines())):
                quoted += 1
                if line not in lines:
                    problems.append(f"{path}: not there: {line}")
    if not quoted:
        problems.append(f"{page}: quotes nothing")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
