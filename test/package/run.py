#!/usr/bin/env python3
"""The installed package, used by applications outside the tree: nothing of the sources or the build is in their reach.

Prints `FAIL case: why` lines and, last, the counts.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TIMEOUT_S = 300
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
from casefolder import expect  # noqa: E402
from craft import Ref, constant, input_of, node, onnx_model, onnx_tensor, outputs, x, w  # noqa: E402

WEIGHT = np.array([[1, 2, 3], [-1, 0.5, 0], [2, -3, 1]], np.float32)
BATCH = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
# Of Open MPI: tests may run as root, on fewer cores than ranks, in a container without ptrace.
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
       "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_hwloc_base_binding_policy": "none"}
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


class Work:
    def __init__(self, build, folder, prefix):
        """`prefix` is where all of nnfc is installed, by the first who comes."""
        self.build, self.folder, self.prefix = build, folder, prefix
        if not (prefix / "bin").exists():
            self.install(prefix, "runtime", "dev", "compiler", "mpi")

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

    def onnx_model(self, folder):
        """beside.onnx, the same function with its weight in beside.bin."""
        change = [("Gemm", ["x", "w"], ["l"], {"transB": 1}), ("Relu", ["l"], ["y"], {})]
        sizes = [("x", 1, ["N", 3])], [("y", 1, ["N", 3])]
        weight = onnx_tensor("w", (3, 3), external={"location": "beside.bin"})
        (folder / "beside.onnx").write_bytes(onnx_model(change, *sizes, [weight]))
        (folder / "beside.bin").write_bytes(WEIGHT.tobytes())

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
    for how in ("-no-pie", "-static", "-static-pie"):  # the same object, at a fixed place and at any, with no library at all
        work.call("cc", "-std=c99", "-DLINKED", how, "-I.", include, "app.c", "net.o", static, "-lm", "-lpthread", "-ldl", "-o", f"app{how}")
        work.check(f"./app{how}")


def headers_stand_alone(work):
    """Each installed header is taken alone, by C and C++, with no include path of the tree."""
    include = work.prefix / "include" / "nnfc"
    for header, compilers in (("abi.h", ("cc", "c++")), ("nnf.h", ("cc", "c++")), ("nnf.hpp", ("c++",)),
                              ("typed.hpp", ("c++",))):
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


def builder_outside_the_tree(work):
    """builder.cpp makes a graph, compiles it and runs it, from the installed library and header alone."""
    project = work.folder / "project"
    project.mkdir()
    shutil.copy(HERE / "builder.cpp", project)
    shutil.copy(HERE / "builder.cmake", project / "CMakeLists.txt")
    work.call("cmake", "-S", project, "-B", project / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={work.prefix}")
    work.call("cmake", "--build", project / "b")
    work.check(project / "b" / "builder")
    symbols = work.call("nm", "-D", "--defined-only", "-C", work.prefix / "lib" / "libnnfc-compiler.so").decode().splitlines()
    foreign = [line for line in symbols if "nnfc::v1::" not in line]
    expect(len(symbols) > 15 and not foreign, f"libnnfc-compiler.so also shows {foreign[:3]}")


def ranks_outside_the_tree(work):
    """test/mpi/app.c, built with find_package(nnfc COMPONENTS mpi)."""
    if not shutil.which("mpirun"):
        raise casefolder.Skipped("MPI is not here")
    project = work.folder / "project"
    project.mkdir()
    shutil.copy(ROOT / "test" / "mpi" / "app.c", project)
    shutil.copy(HERE / "mpi.cmake", project / "CMakeLists.txt")
    work.call("cmake", "-S", project, "-B", project / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={work.prefix}")
    work.call("cmake", "--build", project / "b")
    (work.folder / "ranks.cpp").write_text("#include <nnf_mpi.h>\n")
    for standard in ("c++11", "c++20"):  # of the warnings one is Open MPI's own
        work.call("mpicxx", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type",
                  f"-I{work.prefix}/include/nnfc", "-fsyntax-only", "ranks.cpp")
    work.model()
    work.nnfc("compile", "net.nnf.txt", "-o", "net.so")
    BATCH.tofile(work.folder / "x.bin")
    work.call("mpirun", "-n", "2", project / "b" / "ranks", "net.so", "0", "0", "app", "x.bin:1:5,3", env=MPI)
    sizes, data = (work.folder / "app.out0").read_bytes().split(b"\n", 1)
    expect(sizes.split() == [b"5", b"3"], f"sizes {sizes}")
    expect(np.allclose(np.frombuffer(data, np.float32).reshape(5, 3), np.maximum(BATCH @ WEIGHT.T, 0), rtol=1e-4, atol=1e-5), "other numbers")
    small = work.folder / "small"
    work.install(small, "runtime", "dev")
    done = work.attempt("cmake", "-S", project, "-B", project / "b2", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={small}")
    expect(done.returncode != 0 and b"libnnfc-mpi" in done.stderr, f"without component mpi: {done.stderr[-300:]}")


def manual_pages(work):
    """One for each program, which man takes without a complaint, with what --help says."""
    pages = {path.name for path in (work.prefix / "share" / "man" / "man1").iterdir()}
    expect(pages == {f"{path.name}.1" for path in (work.prefix / "bin").iterdir()}, f"pages {sorted(pages)}")
    for page in pages:
        done = work.attempt("man", "--warnings", "-l", work.prefix / "share" / "man" / "man1" / page,
                            env={"MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""})
        text = re.sub(".\b", "", done.stdout.decode())
        expect(done.returncode == 0 and not done.stderr, f"{page}: {done.stderr[:300]}")
        expect("SYNOPSIS" in text and "SEE ALSO" in text, f"{page}: {text[:200]}")
        if page == "nnfc.1":
            expect("--swappable-weights" in text and "NNFC TUNE" in text and "EXIT STATUS" in text, "nnfc.1 lacks options")


class Project:
    """app.cmake with its sources, configured with the installed package."""

    def __init__(self, work, generator):
        self.work = work
        self.folder = work.folder / "an app"  # a space: paths go through depfiles
        self.build = self.folder / "b"
        self.folder.mkdir()
        work.model(folder=self.folder)
        work.onnx_model(self.folder)
        for name in ("app.c", "app.cpp"):
            shutil.copy(HERE / name, self.folder)
        shutil.copy(HERE / "app.cmake", self.folder / "CMakeLists.txt")
        work.call("cmake", "-S", self.folder, "-B", self.build, "-G", generator, f"-DCMAKE_PREFIX_PATH={work.prefix}")
        self.make()

    def make(self, *more):
        return self.work.call("cmake", "--build", self.build, "-j2", *more).decode()

    def remake(self, why, anew):
        """Builds after a change; of the models, those named `anew` are compiled and no other."""
        text = self.make()
        compiled = set(re.findall(r"\bnnfc (\w+)$", text, re.M))
        expect(compiled == set(anew), f"{why}: {sorted(compiled)} compiled, expected {sorted(anew)}")

    def check(self, weight, beside):
        for app, expected in (("app", weight), ("capp", weight), ("beside_app", beside)):
            self.work.check(self.build / app, weight=expected)


def add_model(work, generator):
    """Compiled with the program, and again when something it is made of has changed, and only then."""
    project = Project(work, generator)
    project.check(WEIGHT, WEIGHT)
    project.remake("nothing changed", [])
    np.save(project.folder / "w.npy", 2 * WEIGHT)
    project.remake("a constant's file changed", ["net", "fixed", "bounded"])
    (project.folder / "beside.bin").write_bytes((3 * WEIGHT).tobytes())
    project.remake("an external-weights file changed", ["net_beside"])
    project.check(2 * WEIGHT, 3 * WEIGHT)
    text = (project.folder / "net.nnf.txt").read_text()
    (project.folder / "net.nnf.txt").write_text(text.replace('"relu"', '"neg"'))
    project.remake("a model changed", ["net", "fixed", "bounded"])
    got = np.frombuffer(work.call(project.build / "capp", input=BATCH.tobytes()), np.float32).reshape(-1, 3)
    expect(np.allclose(got, -(BATCH @ (2 * WEIGHT).T), rtol=1e-4, atol=1e-5), "the changed model is not in the program")
    (work.prefix / "bin" / "nnfc").touch()
    project.remake("the compiler changed", ["net", "fixed", "bounded", "net_beside"])
    project.remake("nothing changed since", [])
    return project


def add_model_with_ninja(work):
    add_model(work, "Ninja")


def add_model_with_makefiles(work):
    add_model(work, "Unix Makefiles")


def model_programs(work):
    """The smoke test, run by ctest, and the benchmark."""
    project = Project(work, "Ninja")
    text = work.call("ctest", "--output-on-failure", "-j2", cwd=project.build).decode()
    for name in ("net", "fixed", "beside"):
        expect(re.search(rf" {name}_smoke_test \.+ +Passed", text), f"ctest: {text[-600:]}")
    text = work.call(project.build / "beside_smoke_test", "N=7").decode()
    expect(text == "y: float32 [7, 3]\n", f"the smoke test says '{text}'")
    for argument, why in (("M=7", "no such named size"), ("N=many", "expected SYMBOL=SIZE")):
        done = work.attempt(project.build / "beside_smoke_test", argument)
        expect(done.returncode == 1 and why in done.stderr.decode(), f"{argument}: {done.stderr}")
    project.make("--target", "net_benchmark")
    text = work.call(project.build / "net_benchmark", "N=4").decode()
    expect(re.match(r"net: \d+ runs, \d+ threads, min [\d.]+ us", text), text)
    work.call("cmake", "--install", project.build, "--prefix", work.folder / "installed")
    shutil.move(project.build / "beside.nnfc", work.folder / "gone")
    work.check(work.folder / "installed/bin/beside_app", env={"LD_LIBRARY_PATH": str(work.folder / "installed/lib")})
    (work.folder / "installed/lib/net_beside.o.weights").unlink()
    done = work.attempt(work.folder / "installed/bin/beside_app", input=b"", env={"LD_LIBRARY_PATH": str(work.folder / "installed/lib")})
    expect(done.returncode == 1 and b"net_beside.o.weights" in done.stderr, f"without its weights: {done.stderr}")


# A call of a model with dynamic sizes, 16-bit floats, booleans, a scalar and an input that is changed.
TYPED = """#include "net.hpp"
int main() {
  Net net;
  float data[6] = {1, -1, 2, -2, 3, -3}, state[2] = {4, 5}, total[1];
  nnf::float16 h[2] = {{0x3C00}, {0x7E00}}; // 1, NaN
  bool b[2];
  Net::Input0 x(data, {2});
  Net::Output0 y;
  { WRONG }
  if (!net.run(x, h, state, y, b, total, {}))
    return 1;
  if (y.dims().size() != 2 || y.dims()[0] != 2 || y.dims()[1] != 3)
    return 2;
  for (int i = 0; i < 6; ++i)
    if (y.data()[i] != (data[i] > 0 ? data[i] : 0))
      return 3;
  return b[0] || !b[1] ? 4 : total[0] != 9 ? 5 : state[0] != -4 || state[1] != -5 ? 6 : 0;
}
"""
WRONG_TYPES = {
    "doubles for floats": ("double wrong[6]; Net::Input0 x(wrong, {2});", "no matching function"),
    "a missing size": ("Net::Input0 x(data);", "no matching function"),
    "a size too many": ("Net::Input0 x(data, {2, 3});", "no matching function"),
    "a longer array": ("std::array<nnf::float16, 3> wrong; net.run(x, wrong, state, y, b, total, {});", "cannot convert"),
    "bfloat16 for float16": ("nnf::bfloat16 wrong[2]; net.run(x, wrong, state, y, b, total, {});", "cannot convert"),
    "uint16_t for float16": ("uint16_t wrong[2]; net.run(x, wrong, state, y, b, total, {});", "cannot convert"),
    "a byte for a bool": ("uint8_t wrong[2]; net.run(x, h, state, y, wrong, total, {});", "cannot convert"),
    "a constant result": ("const bool wrong[2] = {}; net.run(x, h, state, y, wrong, total, {});", "cannot convert"),
    "a constant where the run writes": ("const float wrong[2] = {}; net.run(x, h, wrong, y, b, total, {});", "cannot convert"),
    "inputs in another order": ("net.run(h, x, state, y, b, total, {});", "cannot convert"),
    "an output too few": ("net.run(x, h, state, y, b);", "no matching function"),
}


def types_are_checked(work):
    """What is right compiles with all warnings on; each mistake does not, in the line where it is."""
    text = input_of("x", ("N", 3)) + input_of("h", (2,), "FLOAT16") + input_of("state", (2,))
    text += node("relu", "y", input=x) + node("isnan", "b", input=Ref("h")) + node("sum", "total", input=Ref("state"))
    (work.folder / "typed.nnf.txt").write_text(text + node("neg", "next", input=Ref("state")) + outputs("y b total next"))
    work.nnfc("compile", "typed.nnf.txt", "-o", "net.o", "--inout=state=next", "--cxx-class=Net", "--name=net")

    def attempt(wrong, *more):
        (work.folder / "use.cpp").write_text(TYPED.replace("WRONG", wrong))
        return work.attempt("c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{work.prefix}/include/nnfc", "use.cpp", *more)

    done = attempt("", "net.o", work.prefix / "lib" / "libnnf.a", "-lm", "-lpthread", "-ldl", "-o", "use")
    expect(done.returncode == 0, f"what is right does not compile: {done.stderr.decode()[:600]}")
    work.call("./use")
    for what, (wrong, why) in WRONG_TYPES.items():
        errors = attempt(wrong, "-fsyntax-only").stderr.decode()
        expect(re.search(rf"^use.cpp:9:\d+: error: {why}", errors, re.M), f"{what} compiles: {errors[:600]}")


def model_for_gpus(work):
    """CUDA names the architectures; on a machine without a GPU the smoke test says what is missing."""
    project = work.folder / "project"
    project.mkdir()
    work.model(folder=project)
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES C)\nfind_package(nnfc REQUIRED)\n"
        "nnfc_add_model(TARGET gpu MODEL net.nnf.txt CUDA sm_80 sm_90)\n")
    work.call("cmake", "-S", project, "-B", project / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={work.prefix}")
    work.call("cmake", "--build", project / "b", "--target", "gpu_smoke_test")
    code = (project / "b/gpu.nnfc/gpu.o").read_bytes()
    expect(b".target sm_80" in code and b".target sm_90" in code, "the object has no code for sm_80 and sm_90")
    done = work.attempt(project / "b" / "gpu_smoke_test")
    expect(done.returncode == 0 or b"error: context: no NVIDIA driver" in done.stderr, f"the smoke test says {done.stderr}")


def errors_of_add_model(work):
    """What is seen while configuring; what nnfc itself finds, while building."""
    def attempt(call, languages="C"):
        folder = work.folder / "wrong"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        work.model(folder=folder)
        (folder / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.25)\nproject(wrong LANGUAGES {languages})\nfind_package(nnfc REQUIRED)\n"
            f"nnfc_add_model({call})\n")
        done = work.attempt("cmake", "-S", folder, "-B", folder / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={work.prefix}")
        if done.returncode == 0:
            done = work.attempt("cmake", "--build", folder / "b")
            expect(done.returncode != 0, f"{call}: no error")
        return " ".join((done.stdout + done.stderr).decode().split())

    for call, why in (("TARGET net", "no MODEL given"), ("TARGET net MODEL net.nnf.txt WEIGHTS far", "found WEIGHTS far, expected"),
                      ("TARGET net MODEL net.nnf.txt SIZE 3", "found 'SIZE;3', expected"),
                      ("TARGET net MODEL net.nnf.txt CLASS", "found 'CLASS', expected"),
                      ("TARGET net MODEL net.nnf.txt NAME a-b", "found NAME a-b, expected"),
                      ("TARGET net MODEL net.nnf.txt DIM N=32:1", "--dim N=32:1: 32 found, expected at most 1"),
                      ("TARGET net MODEL net.nnf.txt CPU x86-64-v2 x86-64-v2", "--cpu=x86-64-v2,x86-64-v2: x86-64-v2 is named twice"),
                      ("TARGET net MODEL net.nnf.txt CUDA sm_80 sm_80", "--cuda-arch=sm_80,sm_80: sm_80 is named twice"),
                      ("TARGET net MODEL net.nnf.txt CLASS run", "--cxx-class=run: expected")):
        text = attempt(call)
        expect(why in text, f"{call}: '{text[-600:]}', expected '{why}'")
    text = attempt("TARGET net MODEL net.nnf.txt", "CXX")  # which many a project of C++ says
    expect("project(wrong LANGUAGES C CXX)" in text, text[-600:])
    text = attempt("TARGET net MODEL net.nnf.txt", "NONE")
    expect("expected C among its languages" in text, text[-600:])


def debian_packages(work):
    """Each package has what its name says, knows what it needs, and works from where it is unpacked."""
    work.call("cpack", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=none", "--config", work.build / "CPackConfig.cmake", "-B", work.folder / "deb")
    packages = {path.name.split("_")[0]: path for path in (work.folder / "deb").glob("*.deb")}
    has_mpi = (work.build / "lib" / "nnfc" / "nnf-mpi.so").exists()
    wanted = {"nnfc", "libnnfc-runtime", "libnnfc-dev"} | ({"libnnfc-mpi"} if has_mpi else set())
    expect(set(packages) == wanted, f"packages {sorted(packages)}")
    depends = {name: work.call("dpkg-deb", "-f", path, "Depends").decode() for name, path in packages.items()}
    for name, words in (("nnfc", ("libnnfc-dev (=", "libmlir-22", "libllvm22", "libc6")), ("libnnfc-dev", ("libnnfc-runtime (=",)),
                        ("libnnfc-runtime", ("libc6",))):
        for word in words:
            expect(word in depends[name], f"{name} depends on '{depends[name].strip()}', expected {word}")
    if has_mpi:
        expect("openmpi" in depends["libnnfc-mpi"] and "libnnfc-runtime (=" in depends["libnnfc-mpi"], depends["libnnfc-mpi"])
    for name in ("libnnfc-runtime", "libnnfc-dev"):
        expect("mpi" not in depends[name], f"{name} needs MPI: {depends[name]}")
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


CASES = [plain_cc, headers_stand_alone, runtime_alone, builder_outside_the_tree, ranks_outside_the_tree, manual_pages, add_model_with_ninja, add_model_with_makefiles, model_programs,
         types_are_checked, model_for_gpus, errors_of_add_model, debian_packages]


def main():
    with tempfile.TemporaryDirectory(prefix="nnf-prefix-") as installed:
        return casefolder.run(__doc__, CASES, lambda build, folder: Work(build, folder, Path(installed)))


if __name__ == "__main__":
    sys.exit(main())
