"""Tutorials are run as they stand: their files are written, their commands run, what they show is looked for.

A block ```sh is a script of bash; a block that begins with `file: NAME` in a comment is a file; the lines of a block
```output must be in what the commands above it said, in that order, with anything for `…`.
"""
import os
import re
import subprocess

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^(?://|#) file: (\S+)$", re.MULTILINE)
HERE_DOCUMENT = re.compile(r"<<-?\s*['\"]?(\w+)")


def blocks(page):
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text())]


def missing_line(wanted, said):
    """The first line of `wanted` that does not follow the others in `said`, or None."""
    at = 0
    for line in wanted.splitlines():
        found = re.compile(".*?".join(map(re.escape, line.strip().split("…")))).search(said, at)
        if not found:
            return line
        at = found.end()
    return None


def conversation(script, said):
    """What `bash -v` wrote, line by line: (the prompt before it, or None where the script does not say it; the line)."""
    waiting, end, goes_on = script.splitlines(), None, False
    for line in said.splitlines():
        if not waiting or line != waiting[0]:
            yield None, line
            continue
        del waiting[0]
        yield ("> " if end or goes_on else "$ "), line
        goes_on = line.endswith("\\")
        if end:
            end = None if line == end else end
        elif begun := HERE_DOCUMENT.search(line):
            end = begun[1]


def run(page, folder, path, transcript=None, **variables):
    """Runs the page's blocks in an empty folder, with the programs of `path`. Returns what went wrong, or None.
    `transcript`, a list, gets what was typed and what was said."""
    said, count = "", 0
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()},
                   "PATH": os.pathsep.join([*(str(programs.resolve()) for programs in path), os.environ["PATH"]])}
    for kind, text in blocks(page):
        if kind == "output":
            line = missing_line(text, said)
            if line is not None:
                return f"'{line}' is not in what is said: {said[-300:]!r}"
        elif kind == "sh":
            said, count = "", count + 1
            done = subprocess.run(["bash", "-veuo", "pipefail", "-c", text], cwd=folder, env=environment, text=True,
                                  errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
            talk = list(conversation(text, done.stdout))
            said = "".join(f"{line}\n" for prompt, line in talk if prompt is None)
            if transcript is not None:
                transcript += [f"{prompt or ''}{line}" for prompt, line in talk]
            if done.returncode:
                return f"exit status {done.returncode} of '{text.strip().splitlines()[0]}': {said[-300:]!r}"
        else:
            name = FILE.search(text)
            if not name:
                return f"a block of {kind} is no file, no command and no output"
            (folder / name[1]).write_text(text)
            if transcript is not None:
                transcript.append(f"(now {name[1]} is written, as it stands in the tutorial)")
    return None if count else "there is no command on the page"
