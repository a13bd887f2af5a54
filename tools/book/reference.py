#!/usr/bin/env python3
"""The reference of the public interfaces as Markdown, made of the headers and the Python package.

    reference.py BUILD -o DIR         writes DIR/c.md, cpp.md, builder.md and python.md
    reference.py BUILD --undocumented prints each public function, class and type that has no words of its own;
                                      exit status 1 if there is one. --root DIR: of another tree, --only NAME: one page

BUILD is a build folder, for the headers that are generated. A field or an enumerator is seen in the text of what it
belongs to, and needs no words.
"""
import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CPP = ["-xc++", "-std=c++20"]
# Page -> its title, its headers, how they are parsed, and what is said before them.
PAGES = {
    "c": ("C", ["runtime/nnf.h", "runtime/abi.h"], ["-xc"],
          "Installed as `nnf.h`, which includes `abi.h`; a program is linked with `libnnf.a` or `libnnf.so`."),
    "cpp": ("C++", ["runtime/nnf.hpp", "runtime/typed.hpp"], CPP,
            "Header-only, on top of the [C interface](c.md), in `namespace nnf`. `typed.hpp` is for the classes that "
            "`nnfc compile --cxx-class` writes."),
    "builder": ("Graph builder", ["compiler/builder/builder.h"], CPP,
                "Graphs made in C++, in `namespace nnfc`. The methods of `Graph` that are functions of a network, one for each, "
                "are generated: their parameters, defaults and errors are on the pages of the [functions](../ops/README.md)."),
}
PYTHON = ["python/nnfc/__init__.py", "python/nnfc/compiler.py", "python/nnfc/model.py", "python/nnfc/graph.py"]


def parsed(root, build, header, arguments):
    from headers import Header  # here: the Python page needs no libclang
    found = subprocess.run(["clang-22", "-print-resource-dir"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return Header(root / header, [*arguments, f"-I{root}", f"-I{root / 'runtime'}", f"-I{build / 'include'}",
                                  "-resource-dir", found])


# ---- C and C++

def paragraphs(comment):
    """A comment as Markdown. What it indents is laid out by hand: examples, tables of a parameter a line."""
    block, out = [], []
    for line in [*comment.splitlines(), None]:  # None: the end, which closes a block
        if line is not None and (line.startswith("  ") or block and not line.strip()):
            block.append(line)
            continue
        while block and not block[-1].strip():
            block.pop()
        if block:
            out += ["", "```text", *block, "```", ""]
        block = []
        out.append(escaped(line or ""))
    text = "\n".join(out).strip()
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+ ", text) else text  # a comment behind its line


def escaped(line):
    """Outside of `code`, nnf_model_* and dtypeOf<T> are themselves, not markup."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([*<\[])", r"\\\1", part) for part in parts)


def entry(declaration, level):
    """Heading, text and words of one declaration, then those of the functions of a class."""
    members = [m for m in declaration.members if m.kind == "function" or (m.kind == "record" and m.name)]
    as_text = declaration.kind != "record" or not any(m.kind == "function" for m in members)
    lines = [f"{'#' * level} {declaration.name}", ""]
    if as_text:
        lines += ["```c" if level == 3 else "```cpp", declaration.text + ";", "```", ""]
    lines += [paragraphs(declaration.comment), ""]
    fields = [m for m in declaration.members if m.kind == "field"]
    # `int a, b;` are two, of which the second's text has the first's.
    fields = [f for f, after in zip(fields, [*fields[1:], None]) if not (after and after.text.startswith(f.text + ","))]
    if not as_text and fields:
        said = [f"{field.text};" + (f" // {' '.join(field.comment.split())}" if field.comment else "") for field in fields]
        lines += ["```cpp", *said, "```", ""]
    if not as_text:
        seen = set()
        for member in members:
            if member.kind == "record":
                lines += entry(member, level + 1)
                continue
            if member.name not in seen:  # overloads share a heading
                lines += [f"{'#' * (level + 1)} {declaration.name}::{re.sub('<.*', '', member.name)}", ""]
            seen.add(member.name)
            lines += ["```cpp", member.text + ";", "```", "", paragraphs(member.comment), ""]
    return lines


def header_page(root, build, name):
    title, headers, arguments, intro = PAGES[name]
    lines = [f"# {title}", "", intro, ""]
    for path in headers:
        header = parsed(root, build, path, arguments)
        lines += [f"## {Path(path).name}", "", paragraphs(header.intro), ""]
        sections = sorted(header.sections.items())
        for declaration in header.declarations:
            while sections and sections[0][0] < declaration.line:
                lines += [f"**{sections.pop(0)[1].rstrip(' -').capitalize()}**", ""]
            if declaration.name or declaration.kind == "record":
                if not declaration.name:  # an enum of constants: called as the first of them is
                    declaration.name = re.search(r"\w+_\w+", declaration.text).group() + ", …"
                lines += entry(declaration, 3)
    return "\n".join(lines)


def undocumented_in_header(root, build, name):
    _, headers, arguments, _ = PAGES[name]

    def look(path, declarations, inside):
        for declaration in declarations:
            needs = declaration.kind == "function" or (declaration.kind == "record" and declaration.name)
            if needs and not declaration.comment:
                yield f"{path}:{declaration.line}: {inside}{declaration.name} has no comment that says what it is"
            yield from look(path, declaration.members, f"{inside}{declaration.name}::")
    for path in headers:
        yield from look(path, parsed(root, build, path, arguments).declarations, "")


# ---- Python

def public_python(root):
    """(file, node, name within its class) of what `nnfc` exports, as its __init__.py lists it."""
    exported = ast.literal_eval(next(node.value for node in ast.parse((root / PYTHON[0]).read_text()).body
                                     if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"))
    for file in PYTHON[1:]:
        for node in ast.parse((root / file).read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in exported:
                yield file, node, ""
                for member in node.body if isinstance(node, ast.ClassDef) else []:
                    if isinstance(member, ast.FunctionDef) and (not member.name.startswith("_") or
                                                                member.name == "__call__"):
                        yield file, member, node.name


def python_page(root):
    lines = ["# Python", "", "```text", ast.get_docstring(ast.parse((root / PYTHON[0]).read_text())), "```", "",
             "`Error` is raised where the runtime fails, with its message; `CompileError` is one.", ""]
    for _, node, inside in public_python(root):
        name = f"{inside}.{node.name}" if inside else node.name
        is_property = any(getattr(d, "id", "") == "property" for d in node.decorator_list)
        lines += [f"{'###' if inside else '##'} {name}", ""]
        constructor = node if isinstance(node, ast.FunctionDef) else next(
            (m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
        if constructor and not is_property and node.name not in ("CompileError", "Tensor"):
            arguments = ast.unparse(constructor.args).removeprefix("self, ").removeprefix("self")
            called = name.replace(".__call__", "")
            lines += ["```python", f"{called}({arguments})", "```", ""]
        lines += ["```text", ast.get_docstring(node) or "", "```", ""]
    return "\n".join(lines)


def undocumented_in_python(root):
    for file, node, inside in public_python(root):
        if not ast.get_docstring(node):
            yield f"{file}:{node.lineno}: {inside + '.' if inside else ''}{node.name} has no docstring"


# ----

def pages(root, build):
    """Name of each page -> its Markdown."""
    return {**{name: header_page(root, build, name) for name in PAGES}, "python": python_page(root)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--undocumented", action="store_true")
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--only", choices=[*PAGES, "python"], action="append")
    options = parser.parse_args()
    build, root, names = options.build.resolve(), options.root.resolve(), options.only or [*PAGES, "python"]
    if options.undocumented:
        problems = [line for name in names for line in (undocumented_in_python(root) if name == "python" else
                                                        undocumented_in_header(root, build, name))]
        print("\n".join(problems), end="\n" if problems else "")
        return 1 if problems else 0
    if not options.output:
        parser.error("expected -o DIR or --undocumented")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, text in pages(root, build).items():
        (options.output / f"{name}.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
