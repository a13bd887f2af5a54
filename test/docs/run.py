#!/usr/bin/env python3
"""The book, built by MkDocs and read, the language server, and the how-to pages, run as they stand.

Prints `FAIL case: why` lines and, last, the counts. Without MkDocs (./dev test installs it from PyPI, where that can be
reached) the cases of the book are skipped; without Chromium it is not searched, without Neovim one case is skipped.
"""
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "harness"), str(Path(__file__).parent)]
import editors  # noqa: E402
import tutorial  # noqa: E402
import casefolder  # noqa: E402
from casefolder import Skipped, expect  # noqa: E402

MKDOCS = ROOT / ".venv" / "bin" / "mkdocs"
# What the book is made of.
SOURCES = ["docs", "tools/book", "runtime", "compiler/builder", "python", "SECURITY.md"]


def built(build, root, site):
    """MkDocs on the tree at `root`."""
    if not MKDOCS.exists():
        raise Skipped("no MkDocs")
    return subprocess.run([MKDOCS, "build", "--strict", "-f", root / "tools/book/mkdocs.yml", "-d", site], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                          env={**os.environ, "NNFC_BUILD": str(build), "NO_MKDOCS_2_WARNING": "1"})


def book(work):
    """Each page is there, can be found, and fetches nothing from elsewhere."""
    build, folder = work
    done = built(build, ROOT, folder / "site")
    expect(done.returncode == 0, "mkdocs: " + " / ".join(done.stdout.strip().splitlines()[2:])[-600:])
    index = json.loads((folder / "site/search/search_index.json").read_text())["docs"]
    texts = {}
    for entry in index:
        page = entry["location"].split("#")[0] or "index.html"
        texts[page] = texts.get(page, "") + html.unescape(entry["title"] + " " + entry["text"])
    wanted = [str(path.relative_to(ROOT / "docs").with_suffix(".html")).replace("README", "index")
              for path in (ROOT / "docs").rglob("*.md")]
    wanted += ["security.html", *(f"reference/{name}.html" for name in ("c", "cpp", "builder", "python"))]
    for page in wanted:
        expect((folder / "site" / page).is_file(), f"{page} is not there")
        expect(len(texts.get(page, "")) > 200, f"{page} cannot be searched")
        fetched = re.findall(r'<(?:script|img)[^>]* src="(https?:[^"]*)|<link[^>]*stylesheet[^>]* href="(https?:[^"]*)',
                             (folder / "site" / page).read_text())
        expect(not fetched, f"{page} fetches {fetched}")
    for page, words in (("reference/c.html", "nnf_data_parallel"), ("reference/cpp.html", "Context::run"),
                        ("reference/builder.html", "Graph::constant"), ("reference/python.html", "nnfc.load")):
        expect(words in texts[page], f"{page} says nothing of {words}")
    search(folder / "site", folder / "browser")


def search(site, profile):
    """What a browser finds that reads the book as files."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        return
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000",
                           f"--user-data-dir={profile}", "--dump-dom", f"file://{site}/tutorials/c.html?q=layer_norm"],
                          capture_output=True, text=True, errors="replace", timeout=100)
    results = re.findall(r'href="([^"]*)" class="md-search-result__link', done.stdout)
    expect(any("ops/normalization.html" in result for result in results),
           f"a search for layer_norm finds {results or 'nothing'}: {done.stderr[-200:]}")


def planted(work):
    """A dead anchor and a page that is nowhere in the book fail its build."""
    build, folder = work
    tree = folder / "tree"
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tree / name)
    page = tree / "docs/python.md"
    page.write_text(page.read_text() + "\n[nowhere](seeing.md#nowhere)\n")
    (tree / "docs/forgotten.md").write_text("# Forgotten\n")
    done = built(build, tree, folder / "site")
    expect(done.returncode != 0, "a dead anchor passes")
    for words in ("seeing.md#nowhere", "forgotten.md"):
        expect(words in done.stdout, f"mkdocs does not name {words}: {done.stdout[-400:]}")


def language_server(work):
    editors.language_server(*work)


def neovim(work):
    if why := editors.neovim(*work):
        raise Skipped(why)


def page_runs(path):
    def case(work):
        build, folder = work
        needs = re.search(r"^<!-- needs: (.*) -->$", path.read_text(), re.MULTILINE)
        if missing := [name for name in (needs[1].split() if needs else ()) if not shutil.which(name)]:
            raise Skipped(f"no {missing[0]}")
        problem = tutorial.run(path, folder, [build / "bin", Path("/usr/bin")], NNFC=ROOT)  # Debian's Python has NumPy
        expect(problem is None, problem)
    case.__name__ = "how_to_" + path.stem.replace("-", "_")
    return case


HOW_TOS = [page_runs(path) for path in sorted((ROOT / "docs/how-to").glob("*.md"))]


if __name__ == "__main__":
    sys.exit(casefolder.run(__doc__, [book, planted, language_server, neovim, *HOW_TOS],
                            lambda build, folder: (build, folder)))
