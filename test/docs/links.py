#!/usr/bin/env python3
"""Follows the links of the project's pages: links.py ROOT [PAGE...]. Prints those that lead nowhere; exit status 1 then.

Without PAGEs, those of ROOT itself, ROOT/docs and the READMEs of folders. A link is a file or a folder of the tree, with
or without an anchor, which is a heading of that page as Markdown makes one of it. Addresses of the web are not tried:
nothing here depends on the network.
"""
import re
import subprocess
import sys
from pathlib import Path

FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
WEB = re.compile(r"(https?|mailto):")


def anchors(text):
    """The anchors of a page's headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", LINK.sub(lambda m: m.group().split("]")[0], heading)).strip().lower()
        name, number = re.sub(r"[\s-]+", "-", words), 0
        while name in found:  # the second of its name
            number += 1
            name = f"{re.sub('_[0-9]+$', '', name)}_{number}"
        found.add(name)
    return found


def pages(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            stdout=subprocess.PIPE, text=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    return [root / name for name in names if (root / name).is_file()] or sorted(root.rglob("*.md"))


def dead_links(root, page):
    text = CODE.sub("", FENCE.sub("", page.read_text()))
    for link in LINK.findall(text):
        if WEB.match(link):
            continue
        path, _, anchor = link.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists():
            yield f"{link}: no such file"
        elif root not in found.parents and found != root:
            yield f"{link}: outside the tree"
        elif anchor and (found.suffix != ".md" or anchor not in anchors(found.read_text())):
            yield f"{link}: no such heading"


def main():
    root = Path(sys.argv[1]).resolve()
    listed = [Path(page).resolve() for page in sys.argv[2:]] or pages(root)
    problems = [f"{page}: {why}" for page in listed for why in dead_links(root, page)]
    if not listed:
        problems.append(f"{root}: no pages")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
