#!/usr/bin/env python3
"""The installed package, used by applications outside the tree: nothing of the sources or the build is in their reach.

Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TIMEOUT_S = 300
sys.path.insert(0, str(ROOT / "test" / "harness"))
from craft import Ref, constant, input_of, node, outputs, x, w  # noqa: E402

WEIGHT = np.array([[1, 2, 3], [-1, 0.5, 0], [2, -3, 1]], np.float32)
BATCH = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
RUNTIME_PROJECT = """cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES C)
find_package(nnfc REQUIRED COMPONENTS runtime)
if(TARGET nnfc::nnfc)
  message(FATAL_ERROR "the compiler is there, though only the runtime was asked for")
endif()
add_executable(app app.c)
target_link_libraries(app nnfc::runtime)
add_executable(app_shared app.c)
target_link_libraries(app_shared nnfc::runtime_shared)
"""


class Failure(Exception):
    """Why a case failed, in a line."""


def expect(condition, why):
    if not condition:
        raise Failure(why)


class Work:
    def __init__(self, build, folder):
        self.build, self.folder, self.prefix = build, folder, folder / "prefix"

    def attempt(self, *command, cwd=None, **more):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("CMAKE", "PKG_CONFIG", "LD_LIBRARY"))}
        environment.update(more.pop("env", {}))
        return subprocess.run([str(c) for c in command], cwd=cwd or self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT_S, env=environment, **more)

    def call(self, *command, **more):
        done = self.attempt(*command, **more)
        text = (done.stderr or done.stdout).decode(errors="replace")
        expect(done.returncode == 0, f"{' '.join(map(str, command))[:200]}: exit status {done.returncode}: {text[-600:]}")
        return done.stdout

    def nnfc(self, *arguments, **more):
        return self.call(self.prefix / "bin" / "nnfc", *arguments, **more)

    def install(self, prefix, *components):
        for component in components:
            self.call("cmake", "--install", self.build, "--prefix", prefix, "--component", component)

    def model(self, weight=WEIGHT, folder=None):
        """net.nnf.txt with its weight beside it."""
        folder = folder or self.folder
        text = input_of("x", ("N", 3)) + constant("w", (3, 3), file="w.npy")
        text += node("linear", "l", input=x, weight=w) + node("relu", "y", input=Ref("l")) + outputs("y")
        (folder / "net.nnf.txt").write_text(text)
        np.save(folder / "w.npy", weight)

    def check(self, *command, weight=WEIGHT, **more):
        got = np.frombuffer(self.call(*command, input=BATCH.tobytes(), **more), np.float32).reshape(-1, 3)
        expect(np.allclose(got, np.maximum(BATCH @ weight.T, 0), rtol=1e-4, atol=1e-5), f"{command}: other numbers than numpy's")


def flags(work):
    """What pkg-config says for the prefix."""
    text = work.call("pkg-config", "--cflags", "--libs", "nnfc", env={"PKG_CONFIG_PATH": str(work.prefix / "lib/pkgconfig")})
    return text.decode().split()


# ---- cases

def plain_cc(work):
    """.so by nnf.h, .o with its .h, .a: a C compiler and nothing else."""
    work.model()
    shutil.copy(HERE / "app.c", work.folder)
    for kind in ("so", "o", "a"):
        work.nnfc("compile", "net.nnf.txt", "-o", f"net.{kind}")
    work.call("cc", "-std=c99", "-Wall", "-Werror", "app.c", *flags(work), "-o", "app")
    work.check("./app", "./net.so", env={"LD_LIBRARY_PATH": str(work.prefix / "lib")})
    include, static = f"-I{work.prefix}/include/nnfc", work.prefix / "lib" / "libnnf.a"
    for kind in ("o", "a"):
        work.call("cc", "-std=c99", "-Wall", "-Werror", "-DLINKED", "-I.", include, "app.c", f"net.{kind}", static, "-lm",
                  "-lpthread", "-ldl", "-o", f"app-{kind}")
        work.check(f"./app-{kind}")
        needed = re.findall(rb"NEEDED.*\[(.*?)\]", work.call("readelf", "-d", f"app-{kind}"))
        expect(set(needed) <= {b"libc.so.6", b"libm.so.6", b"ld-linux-x86-64.so.2"}, f"app-{kind} needs {needed}")


def headers_stand_alone(work):
    """Each installed header is taken alone, by C and C++, with no include path of the tree."""
    include = work.prefix / "include" / "nnfc"
    for header, compilers in (("abi.h", ("cc", "c++")), ("nnf.h", ("cc", "c++")), ("nnf.hpp", ("c++",))):
        for compiler in compilers:
            language = ("-xc", "-std=c99") if compiler == "cc" else ("-xc++", "-std=c++20")
            work.call(compiler, *language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-include", include / header, "/dev/null")


def runtime_alone(work):
    """Where only runtime and dev are installed (no compiler), find_package(nnfc COMPONENTS runtime) is enough."""
    prefix = work.folder / "small"
    work.install(prefix, "runtime", "dev")
    expect(not (prefix / "bin" / "nnfc").exists() and (prefix / "bin" / "nnf-run").exists(), "bin/ is not the runtime's")
    work.model()
    work.nnfc("compile", "net.nnf.txt", "-o", "net.so")
    project = work.folder / "project"
    project.mkdir()
    shutil.copy(HERE / "app.c", project)
    (project / "CMakeLists.txt").write_text(RUNTIME_PROJECT)
    work.call("cmake", "-S", project, "-B", project / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    work.call("cmake", "--build", project / "b")
    for app in ("app", "app_shared"):
        work.check(project / "b" / app, work.folder / "net.so")
    (project / "CMakeLists.txt").write_text(RUNTIME_PROJECT.replace(" COMPONENTS runtime", ""))
    done = work.attempt("cmake", "-S", project, "-B", project / "b2", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    expect(done.returncode != 0 and b"compiler" in done.stderr, "find_package(nnfc) is content without the compiler")


def debian_packages(work):
    """Each package has what its name says, knows what it needs, and works from where it is unpacked."""
    work.call("cpack", "--config", work.build / "CPackConfig.cmake", "-B", work.folder / "deb")
    packages = {path.name.split("_")[0]: path for path in (work.folder / "deb").glob("*.deb")}
    expect(set(packages) == {"nnfc", "libnnfc-runtime", "libnnfc-dev"}, f"packages {sorted(packages)}")
    depends = {name: work.call("dpkg-deb", "-f", path, "Depends").decode() for name, path in packages.items()}
    for name, words in (("nnfc", ("libnnfc-dev (=", "libmlir-22", "libllvm22", "libc6")), ("libnnfc-dev", ("libnnfc-runtime (=",)),
                        ("libnnfc-runtime", ("libc6",))):
        for word in words:
            expect(word in depends[name], f"{name} depends on '{depends[name].strip()}', expected {word}")
    for name in ("libnnfc-runtime", "libnnfc-dev"):
        expect("llvm" not in depends[name] and "mlir" not in depends[name], f"{name} needs LLVM: {depends[name]}")
    root = work.folder / "root"
    for path in packages.values():
        work.call("dpkg-deb", "-x", path, root)
    work.model()
    work.call(root / "usr/bin/nnfc", "compile", "net.nnf.txt", "-o", "net.so")
    np.save(work.folder / "x.npy", BATCH)
    work.call(root / "usr/bin/nnf-run", "net.so", "--input", "x=x.npy", "--output-dir", "out")
    expect(np.allclose(np.load(work.folder / "out/y.npy"), np.maximum(BATCH @ WEIGHT.T, 0), rtol=1e-4, atol=1e-5), "other numbers")
    project = work.folder / "project"
    project.mkdir()
    shutil.copy(HERE / "app.c", project)
    (project / "CMakeLists.txt").write_text(RUNTIME_PROJECT)
    work.call("cmake", "-S", project, "-B", project / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={root / 'usr'}")
    work.call("cmake", "--build", project / "b")
    work.check(project / "b" / "app", work.folder / "net.so")


CASES = [plain_cc, headers_stand_alone, runtime_alone, debian_packages]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used")
    parser.add_argument("--all", action="store_true", help="not used: all cases run always")
    parser.add_argument("--only", help="cases whose name holds this")
    options = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="nnf-prefix-") as installed:
        for case in CASES:
            if options.only and options.only not in case.__name__:
                continue
            with tempfile.TemporaryDirectory(prefix="nnf-package-") as folder:
                work = Work(options.build.resolve(), Path(folder))
                work.prefix = Path(installed)
                try:
                    if not (work.prefix / "bin").exists():
                        work.install(work.prefix, "runtime", "dev", "compiler")
                    case(work)
                    passed += 1
                except (Failure, OSError, ValueError, subprocess.TimeoutExpired) as why:
                    print(f"FAIL {case.__name__}: {why}", flush=True)
                    failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
