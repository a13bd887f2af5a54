#!/usr/bin/env python3
"""The Debian packages on a bare Debian 12: installed by apt, used as a stranger would, purged. Needs mmdebstrap and the
network (./dev test-deb), so it is no part of ./dev test. Where all three tutorials ran, docs/tutorials/transcripts.md is
written of what they said.

Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TIMEOUT_S = 1800
sys.path.insert(0, str(ROOT / "test" / "harness"))
sys.path.insert(0, str(HERE))
import run as package  # noqa: E402
from casefolder import Failure, expect  # noqa: E402

TUTORIAL = """
if __name__ == "__main__":  # PAGE FOLDER PATH TRANSCRIPT
    import sys
    from pathlib import Path
    lines = []
    problem = run(Path(sys.argv[1]), Path(sys.argv[2]), [Path(sys.argv[3])], lines)
    Path(sys.argv[4]).write_text("".join(line + chr(10) for line in lines))
    sys.exit(problem)
"""
TRANSCRIPTS = ROOT / "docs" / "tutorials" / "transcripts.md"


def called(*command, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=TIMEOUT_S, **more)
    expect(done.returncode == 0, f"{' '.join(map(str, command))[:100]}: exit status {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def packages(build, folder):
    called("cpack", "--config", build / "CPackConfig.cmake", "-B", folder / "made", cwd=build)
    made = sorted((folder / "made").glob("*.deb"))
    expect({path.name.split("_")[0] for path in made} >= {"nnfc", "libnnfc-dev", "libnnfc-runtime"}, f"packages {made}")
    return made


def material(build, wheel, made, folder):
    """What the stranger has: packages, an application, its model and data, tutorials."""
    folder.mkdir()
    for path in [*made, *([wheel] if wheel else []), HERE / "app.c", HERE / "in_root.sh", *(ROOT / "docs/tutorials").glob("*.md")]:
        shutil.copy(path, folder)
    shutil.copytree(ROOT / "examples/digits", folder / "examples/digits")
    (folder / "tutorial.py").write_text((ROOT / "test/harness/tutorial.py").read_text() + TUTORIAL)

    project = package.Work.__new__(package.Work)  # its models alone: nothing is installed here
    project.folder = folder
    project.model()
    (folder / "project").mkdir()
    project.model(folder=folder / "project")
    project.onnx_model(folder / "project")
    for name in ("app.c", "app.cpp"):
        shutil.copy(HERE / name, folder / "project")
    shutil.copy(HERE / "app.cmake", folder / "project" / "CMakeLists.txt")
    runtime = folder / "runtime-project"
    runtime.mkdir()
    shutil.copy(HERE / "app.c", runtime)
    (runtime / "CMakeLists.txt").write_text(package.RUNTIME_PROJECT)
    for name, sources in (("builder", [HERE / "builder.cpp"]), ("ranks", [ROOT / "test/mpi/app.c"])):
        other = folder / f"{name}-project"
        other.mkdir()
        shutil.copy(HERE / ("builder.cmake" if name == "builder" else "mpi.cmake"), other / "CMakeLists.txt")
        for source in sources:
            shutil.copy(source, other)
    called(build / "bin" / "nnfc", "compile", "net.nnf.txt", "--cpu=x86-64-v3", "-o", "ready.so", cwd=folder)

    x = np.random.default_rng(0).integers(-8, 8, (5, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    (folder / "x.bin").write_bytes(x.tobytes())
    (folder / "expected.bin").write_bytes(np.maximum(x @ package.WEIGHT.T, 0).tobytes())


def machine():
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} processors"


def write_transcripts(folder, page, made, date):
    """The page with what the tutorials said in the fresh root, in the order of the book."""
    titles = {"command-line": "On the command line", "c": "In C", "python": "In Python"}
    packages = ", ".join(f"`{path.name}`" for path in made if path.name.split("_")[0] in ("nnfc", "libnnfc-dev", "libnnfc-runtime"))
    text = f"""# Transcripts of the tutorials
What the tutorials said when they were run on a bare Debian 12, with what they say is to be installed and nothing else of the project. `./dev test-deb` makes that Debian, runs them there and writes this page anew; where one fails, the page stays as it was.

| made | on |
| --- | --- |
| date | {date} |
| machine | {machine()}, shared with other work |
| packages | {packages}, and nnfc's wheel for the third |

Times, rates and the CPU's name are this machine's, as they were seen.
"""
    for name, title in titles.items():
        said = folder / f"{name}.txt"
        if said.exists():
            text += f"\n## {title}\n[The tutorial]({name}.md).\n\n```console\n{said.read_text()}```\n"
    page.write_text(text)


def lintian(made):
    """No errors, and a manual page for each program; what else is a warning stays one."""
    done = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0", *map(str, made)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
    errors = re.findall(r"^(?:E: .*|W: .* no-manual-page .*)$", done.stdout, re.MULTILINE)
    expect(done.returncode == 0 and not errors, " / ".join(errors) or done.stdout[-400:])


def in_fresh_root(folder):
    """Lines of in_root.sh, run in a Debian that mmdebstrap makes and throws away."""
    hooks = (f"copy-in {folder} /", 'chroot "$1" bash /nnfc/in_root.sh >&2', f"copy-out /nnfc/transcripts {folder.parent}")
    done = subprocess.run(["mmdebstrap", "--variant=apt", "--quiet", *(f"--customize-hook={hook}" for hook in hooks),
                           "bookworm", "/dev/null"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=TIMEOUT_S)
    lines = re.findall(r"^(?:ok|FAIL) .*$", done.stdout, re.MULTILINE)
    expect(lines and any(" purge" in line for line in lines), f"mmdebstrap: exit status {done.returncode}: {done.stdout[-800:]}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--wheel", type=Path, help="the Python package, for its tutorial")
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory(prefix="nnf-root-") as folder:
        folder = Path(folder)
        folder.chmod(0o755)  # mmdebstrap reads it as another user where it is not root
        try:
            made = packages(options.build.resolve(), folder)
            material(options.build.resolve(), options.wheel, made, folder / "nnfc")
            lines += in_fresh_root(folder / "nnfc")
            tutorials = [line for line in lines if "tutorial" in line]
            if options.wheel and tutorials and all(line.startswith("ok") for line in tutorials):
                write_transcripts(folder / "transcripts", TRANSCRIPTS, made, datetime.date.today().isoformat())
            lintian(made)
            lines.append("ok lintian")
        except Failure as why:
            lines.append(f"FAIL packages: {why}")
    print("\n".join(lines))
    failed = sum(line.startswith("FAIL") for line in lines)
    print(f"{len(lines) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
