"""What MkDocs asks while it builds the book.

Pages of docs/ are written to be read in the tree as well, so
- links to files outside docs/ lead to a page made of that file: SECURITY.md, headers, READMEs of folders;
- lists and tables may follow a line of text, as CommonMark has it, where Python's Markdown wants an empty line;
- the reference is made of headers and docstrings (reference.py).
What the theme would fetch from elsewhere, the stand-in for a worker, is worker.js.
"""
import os
import posixpath
import re
import subprocess
import tempfile
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# Files outside docs/ that have a page of their own in the book.
OWN_PAGES = {"SECURITY.md": "security.md", "runtime/nnf.h": "reference/c.md", "runtime/abi.h": "reference/c.md",
             "runtime/nnf.hpp": "reference/cpp.md", "runtime/typed.hpp": "reference/cpp.md",
             "compiler/builder/builder.h": "reference/builder.md"}
WORKER = "assets/worker.js"
LANGUAGES = {".h": "cpp", ".hpp": "cpp", ".cpp": "cpp", ".c": "c", ".py": "python", ".cmake": "cmake", ".proto": "protobuf"}


def outside_fences(text, change):
    """The text with `change` made to what is not code."""
    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[at:fence.start()]), fence.group()]
        at = fence.end()
    return "".join([*parts, change(text[at:])])


def target(page, link):
    """The file that a link of `page` (a path in the tree) means, as a path in the tree; None: it leads elsewhere."""
    path = link.split("#")[0]
    if not path or re.match(r"[a-z]+:", link):
        return None
    found = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if (ROOT / found).is_dir() and (ROOT / found / "README.md").is_file():
        found += "/README.md"
    return found


def page_of(path):
    """The page of the book that a file of the tree is."""
    if path.startswith("docs/"):
        return path[len("docs/"):]
    return OWN_PAGES.get(path) or "tree/" + (path if path.endswith(".md") else path + ".md")


def relinked(text, page, own):
    """Links of a file of the tree, as they are from the page `own` of the book."""
    def link(found):
        words, to = found.groups()
        path = target(page, to)
        if path is None or not (ROOT / path).is_file():
            return found.group()
        if path.startswith("docs/") and page.startswith("docs/"):
            return found.group()
        anchor = "#" + to.split("#")[1] if "#" in to else ""
        return f"[{words}]({posixpath.relpath(page_of(path), posixpath.dirname(own) or '.')}{anchor})"
    return outside_fences(text, lambda part: LINK.sub(link, part))


def spaced(text):
    """An empty line before each list and table that follows a line of text."""
    def change(part):
        lines = part.split("\n")
        out = lines[:1]
        for line, before in zip(lines[1:], lines):
            begins = re.match(r"([-*]|\d+\.) ", line) and not re.match(r"\s*([-*]|\d+\.) |\s", before)
            begins = begins or line.startswith("|") and not before.startswith("|")
            if begins and before.strip():
                out.append("")
            out.append(line)
        return "\n".join(out)
    return outside_fences(text, change)


def from_outside(pages):
    """Files outside docs/ that these files of the tree, and those they lead to, link to."""
    found, waiting = set(), list(pages)
    while waiting:
        page = waiting.pop()
        text = FENCE.sub("", (ROOT / page).read_text(errors="replace"))
        for _, link in LINK.findall(text):
            path = target(page, link)
            if path and not path.startswith("docs/") and (ROOT / path).is_file() and path not in found:
                found.add(path)
                waiting += [path] if path.endswith(".md") else []
    return found


def as_page(path):
    """A file of the tree as Markdown."""
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return relinked(text, path, page_of(path))
    return f"# {path}\n\n```{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}\n```\n"


def on_files(files, config):
    docs = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    for path in sorted(from_outside([*docs, "SECURITY.md"]) | {"SECURITY.md"}):
        if not page_of(path).startswith("reference/"):
            files.append(File.generated(config, page_of(path), content=as_page(path)))
    build = Path(os.environ.get("NNFC_BUILD", ROOT / "build"))
    with tempfile.TemporaryDirectory() as folder:  # by Debian's Python, which has libclang
        subprocess.run(["/usr/bin/python3", "-B", Path(__file__).parent / "reference.py", build, "-o", folder], check=True)
        for page in sorted(Path(folder).glob("*.md")):
            files.append(File.generated(config, f"reference/{page.name}", content=page.read_text()))
    files.append(File.generated(config, WORKER, content=(Path(__file__).parent / "worker.js").read_text()))
    return files


def on_page_markdown(markdown, page, config, files):
    if page.file.generated_by is None:
        markdown = relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)
    return spaced(markdown)


def on_post_page(output, page, config):
    return output.replace("https://unpkg.com/iframe-worker/shim", posixpath.relpath(WORKER, posixpath.dirname(page.url) or "."))
