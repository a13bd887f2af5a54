#!/usr/bin/env python3
"""The command line and the rules for compiled models, as users are promised them; each case is a sentence of that promise.

Results are compared with numpy. Prints `FAIL case: why` lines and, last, the counts.
"""
import functools
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
import nnf  # noqa: E402
from casefolder import Failure, expect  # noqa: E402
from craft import Ref, adding, call, constant, entry, input_of, node, outputs, safetensors, x, y, w  # noqa: E402
import kernel_cache  # noqa: E402
import progress  # noqa: E402
import reduce  # noqa: E402
import ranges  # noqa: E402
import seeing  # noqa: E402
import tuning  # noqa: E402
import versions  # noqa: E402
from promised import TENSOR_OPS  # noqa: E402

# The example of the graph file's description.
TINY = '''name: "tiny"
inputs { name: "x" type { dtype: FLOAT32 dims { symbol: "N" } dims { size: 3 } dims { size: 8 } dims { size: 8 } } }
constants { name: "w" tensor { type { dtype: FLOAT32 dims { size: 4 } dims { size: 3 } dims { size: 3 } dims { size: 3 } } file: "w.npy" } }
nodes {
  op: "conv2d"
  arguments { name: "input" tensor: "x" }
  arguments { name: "weight" tensor: "w" }
  arguments { name: "padding" ints { values: [1, 1] } }
  outputs: "y"
}
nodes { op: "max_pool2d" arguments { name: "input" tensor: "y" } arguments { name: "kernel_size" i: 2 }
        arguments { name: "return_indices" b: true } outputs: "p" outputs: "idx" }
outputs: "p" outputs: "idx"
'''
RELU = call("relu", input=x)


class Work:
    """A case's folder, and the programs run in it."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder

    def __truediv__(self, name):
        return self.folder / name

    def write(self, name, content):
        (self / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def save(self, name, array):
        np.save(self / name, array)
        return name

    def load(self, name):
        return np.load(self / name)

    def attempt(self, *command, stdin=None):
        command = [str(self.build / "bin" / command[0]) if "/" not in str(command[0]) else str(command[0]),
                   *map(str, command[1:])]
        try:
            return subprocess.run(command, cwd=self.folder, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"{Path(command[0]).name}: no end after {TIMEOUT_S} s") from None

    def call(self, *command, stdin=None):
        done = self.attempt(*command, stdin=stdin)
        if done.returncode:
            why = done.stderr.decode(errors="replace")[:300]
            raise Failure(f"{' '.join(map(str, command))}: exit status {done.returncode}: {why}")
        return done.stdout if stdin is not None else done.stdout.decode()

    def refused(self, says, *command, status=1):
        done = self.attempt(*command)
        first = done.stderr.decode(errors="replace").split("\n")[0]
        expect(done.returncode == status and first.startswith("error: ") and says in first,
               f"{' '.join(map(str, command))}: status {done.returncode}, '{first[:200]}', expected {status}, '{says}'")

    def nnfc(self, *arguments):
        return self.call("nnfc", *arguments)

    def result(self, model, name="y", *arguments, **inputs):
        """One output of `nnfc run`, the inputs given as arrays."""
        given = []
        for key, array in inputs.items():
            given += ["--input", f"{key}={self.save(f'in-{key}.npy', array)}"]
        shutil.rmtree(self / "out", ignore_errors=True)
        self.nnfc("run", model, *given, "--output-dir", "out", *arguments)
        return self.load(f"out/{name}.npy")

    def tool(self, name, *arguments):
        done = subprocess.run([name, *map(str, arguments)], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=TIMEOUT_S)
        expect(done.returncode == 0, f"{name}: {done.stdout[:300]}")
        return done.stdout


def close(got, want, why="results"):
    expect(got.shape == want.shape, f"{why}: sizes {got.shape}, expected {want.shape}")
    error = float(np.max(np.abs(got.astype(np.float64) - want) - 1e-4 * np.abs(want), initial=0))
    expect(error <= 1e-5, f"{why}: off by {error:.1e} beyond the relative tolerance")


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# ---- the graph file

def tiny(work):
    """Writes the example and its weight; returns an input and what must come out."""
    weight, image = numbers(4, 3, 3, 3), numbers(2, 3, 8, 8, seed=1)
    work.write("tiny.nnf.txt", TINY)
    work.save("w.npy", weight)
    padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    conv = sum(np.einsum("nchw,oc->nohw", padded[:, :, i:i + 8, j:j + 8], weight[:, :, i, j].astype(np.float64))
               for i in range(3) for j in range(3))
    windows = conv.reshape(2, 4, 4, 2, 4, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 4, 4, 4, 4)
    best = windows.argmax(-1)
    row = 2 * np.arange(4)[:, None] + best // 2
    column = 2 * np.arange(4)[None, :] + best % 2
    return image, windows.max(-1), row * 8 + column


def example_of_the_description(work):
    image, pooled, index = tiny(work)
    close(work.result("tiny.nnf.txt", "p", x=image), pooled)
    got = work.load("out/idx.npy")
    expect(got.dtype == np.int64 and (got == index).all(), "idx: other indices than numpy's")


def nodes_in_any_order(work):
    work.write("m.nnf.txt", input_of("x") + node("neg", "y", input=Ref("z")) + node("exp", "z", input=x) + outputs("y"))
    a = numbers(4)
    close(work.result("m.nnf.txt", x=a), -np.exp(a))


def argument_without_a_value_is_the_default(work):
    work.write("m.nnf.txt", input_of("x", (2, 3)) + 'nodes { op: "softmax" arguments { name: "input" tensor: "x" } '
               'arguments { name: "dim" i: 1 } arguments { name: "dtype" } outputs: "y" }' + outputs("y"))
    a = numbers(2, 3)
    e = np.exp(a - a.max(1, keepdims=True))
    close(work.result("m.nnf.txt", x=a), e / e.sum(1, keepdims=True))


def number_or_tuple_and_integer_for_float(work):
    a = numbers(1, 1, 4, 6)
    results = []
    for kernel in (2, [2, 2]):
        work.write("m.nnf.txt", call("avg_pool2d", dims=(1, 1, 4, 6), input=x, kernel_size=kernel))
        results.append(work.result("m.nnf.txt", x=a))
    close(results[0], a.reshape(1, 1, 2, 2, 3, 2).mean((3, 5)))
    expect(results[0].tobytes() == results[1].tobytes(), "kernel_size 2 and [2, 2] differ")
    work.write("m.nnf.txt", call("leaky_relu", dims=(4,), input=x, negative_slope=2))
    b = numbers(4)
    close(work.result("m.nnf.txt", x=b), np.where(b > 0, b, 2 * b))


def weights_in_safetensors(work):
    values = numbers(4)
    work.write("m.nnf.txt", adding(file="m.safetensors#w"))
    work.write("m.safetensors", safetensors({"w": entry(), "other": entry(offsets=(0, 16))}, values.tobytes()))
    a = numbers(4, seed=1)
    close(work.result("m.nnf.txt", x=a), a + values)


def column_major_npy(work):
    values, a = numbers(2, 3), numbers(2, 3, seed=1)
    work.write("m.nnf.txt", adding((2, 3), file="w.npy"))
    np.save(work / "w.npy", np.asfortranarray(values))
    close(work.result("m.nnf.txt", x=np.asfortranarray(a)), a + values)


def in_place_changes_what_comes_after(work):
    """relu_(x) on an input: an in-out input, its new value written as NAME.npy; a node before it saw the old one."""
    work.write("m.nnf.txt", input_of("x") + node("neg", "before", input=x) + node("relu_", "", input=x) +
               node("neg", "after", input=x) + outputs("before after"))
    a = np.array([-1, 2, -3, 4], np.float32)
    close(work.result("m.nnf.txt", "before", x=a), -a)
    close(work.load("out/after.npy"), -np.maximum(a, 0))
    close(work.load("out/x.npy"), np.maximum(a, 0))
    expect("in-out" in work.nnfc("inspect", "m.nnf.txt"), "inspect does not say that 'x' is an in-out input")


def names_never_alias(work):
    work.write("m.nnf.txt", input_of("x", (2, 2)) + node("reshape", "flat", input=x, shape=[4]) +
               node("relu_", "", input=Ref("flat")) + node("neg", "y", input=x) + outputs("y flat"))
    a = np.array([[-1, 2], [-3, 4]], np.float32)
    close(work.result("m.nnf.txt", x=a), -a)
    close(work.load("out/flat.npy"), np.maximum(a, 0).reshape(4))


def changed_constant_starts_anew(work):
    """batch_norm in training moves its running statistics; each run starts from the stored ones."""
    text = input_of("x", (4, 2))
    for name in ("mean", "var"):
        text += constant(name, (2,), data=np.array([1, 2], np.float32).tobytes())
    text += node("batch_norm", "y", input=x, running_mean=Ref("mean"), running_var=Ref("var"), training=True, momentum=0.5)
    text += node("neg", "moved", input=Ref("mean")) + outputs("y moved")
    work.write("m.nnf.txt", text)
    work.nnfc("compile", "m.nnf.txt", "-o", "m.so")
    a = numbers(4, 2)
    with nnf.Program(work / "m.so", runtime=nnf.Runtime(work.build)) as program, nnf.Context(program) as context:
        runs = [context.run({"x": a})["moved"] for _ in range(2)]
    close(runs[0], -(0.5 * np.array([1, 2]) + 0.5 * a.mean(0)))
    expect(runs[0].tobytes() == runs[1].tobytes(), "the second run started from the changed constant")


def inout_flag_makes_one_buffer(work):
    work.write("m.nnf.txt", input_of("x") + node("add", "y", input=x, other=1) + outputs("y"))
    work.nnfc("compile", "m.nnf.txt", "--inout", "x=y", "-o", "m.so")
    a = numbers(4)
    close(work.result("m.so", x=a), a + 1)
    close(work.load("out/x.npy"), a + 1)
    expect("in-out, becomes output 'y'" in work.nnfc("inspect", "m.so"), "inspect does not show the tie")


# ---- compile

def every_kind_of_output(work):
    tiny(work)
    for kind in ("so", "o", "a", "s", "ll", "mlir"):
        work.nnfc("compile", "tiny.nnf.txt", "-o", f"net.{kind}")
        work.nnfc("compile", "tiny.nnf.txt", f"--emit={kind}", "-o", f"by-emit-{kind}.x")
        expect((work / f"net.{kind}").stat().st_size > 0, f"net.{kind} is empty")
        expect((work / f"by-emit-{kind}.x").stat().st_size > 0, f"--emit={kind} wrote nothing")
    expect((work / "net.h").exists(), "no header beside net.o")
    expect("\ndefine " in (work / "net.ll").read_text(), "net.ll is no LLVM IR")
    expect(".text" in (work / "net.s").read_text(), "net.s is no assembly")


def every_phase(work):
    tiny(work)
    seen = set()
    for phase, holds in (("input", "nnf.conv2d"), ("primitives", "nnf.prim."), ("groups", "nnf.kernel @"), ("tiles", "scf.for"),
                         ("buffers", "nnf"), ("code", "llvm.func")):
        work.nnfc("compile", "tiny.nnf.txt", f"--phase={phase}", "-o", "p.mlir")
        text = (work / "p.mlir").read_text()
        expect(holds in text, f"--phase={phase} has no '{holds}'")
        seen.add(text)
    expect(len(seen) == 6, "two phases give the same text")


def object_has_no_undefined_symbols(work):
    tiny(work)
    for kind in ("o", "so"):
        work.nnfc("compile", "tiny.nnf.txt", "-o", f"net.{kind}")
    undefined = work.tool("nm", "-u", "net.o").split()
    expect(not undefined, f"net.o needs {undefined}")
    globals_ = [line.split()[-1] for line in work.tool("nm", "-g", "--defined-only", "net.o").splitlines() if line.strip()]
    expect(globals_ == ["nnf_model_tiny"], f"net.o exports {globals_}, expected nnf_model_tiny alone")
    needed = set(re.findall(r"NEEDED.*\[(.*?)\]", work.tool("readelf", "-d", "net.so")))
    expect(all(re.match(r"lib(c|m|nnf)\.so", name) for name in needed), f"net.so needs {sorted(needed)}")


def header_in_c_and_cxx(work):
    """A `.o` and an `.a` with the header, in a C and in a C++ program, give the bytes of the `.so`."""
    work.write("m.nnf.txt", input_of('a "b"?', (4, 3)) + node("softmax", "y", input=Ref('a "b"?'), dim=1) + outputs("y"))
    a = numbers(4, 3)
    want = work.result("m.nnf.txt", **{'a "b"?': a})
    runtime = [f"-I{ROOT}", f"-I{work.folder}", work.build / "lib" / "libnnf.a", "-lm", "-lpthread"]
    for kind in ("o", "a"):
        work.nnfc("compile", "m.nnf.txt", "--name=net", "-o", f"net.{kind}")
        for compiler, language in (("clang-22", ("-x", "c", "-std=c99")), ("clang++-22", ("-x", "c++", "-std=c++17"))):
            work.tool(compiler, *language, "-Wall", "-Werror", ROOT / "test/cli/embed.c", "-x", "none", f"net.{kind}", *runtime,
                      "-o", "program")
            got = work.call("./program", stdin=a.tobytes())
            expect(got == want.tobytes(), f"net.{kind} in a program of {compiler} gives other bytes than the .so")


def names_of_models(work):
    """The file's stem, other bytes become `_`; --name says another."""
    work.write("my net-2.0.nnf.txt", RELU)
    work.nnfc("compile", "my net-2.0.nnf.txt", "-o", "a.o")
    text = (work / "a.h").read_text()
    expect("nnf_model my_net_2_0" in text.replace("nnf_model nnf_model_", "nnf_model ") and "MY_NET_2_0_NUM_INPUTS 1" in text,
           f"a.h does not declare nnf_model_my_net_2_0: {text[:400]}")
    work.nnfc("compile", "my net-2.0.nnf.txt", "--name=net", "-o", "a.o")
    text = (work / "a.h").read_text()
    for line in ("extern const nnf_model nnf_model_net;", '#define NET_INPUT_0_NAME "x"', "#define NET_INPUT_0_DTYPE 1",
                 "#define NET_INPUT_0_RANK 1", "#define NET_ARENA_BYTES "):
        expect(line in text, f"a.h lacks '{line}'")


def arange_starts_at_0_in_steps_of_1(work):
    work.write("m.nnf.txt", input_of("x") + node("arange", "n", end=4) + node("add", "y", input=x, other=Ref("n")) + outputs("y"))
    a = numbers(4)
    close(work.result("m.nnf.txt", x=a), a + np.arange(4))


def several_models(work):
    a = numbers(4)
    for name, op in (("A", "neg"), ("B", "exp"), ("C", "abs")):
        work.write(f"{name}.nnf.txt", call(op, input=x))
    work.nnfc("compile", "A.nnf.txt", "B.nnf.txt", "C.nnf.txt", "-o", "many.so")
    for name, want in (("A", -a), ("B", np.exp(a)), ("C", np.abs(a))):
        close(work.result("many.so", "y", "--model", name, x=a), want)
        expect(f"model {name}\n" in work.nnfc("inspect", "many.so", "--model", name), f"inspect --model {name}")
        work.nnfc("bench", "many.so", "--model", name, "--iterations", "1")
    expect(work.nnfc("inspect", "many.so").count("model ") == 3, "inspect does not show three models")
    work.refused("many.so", "nnfc", "run", "many.so", "--random-inputs")


def fixed_sizes(work):
    image, pooled, _ = tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "--dim", "N=2", "-o", "two.so")
    close(work.result("two.so", "p", x=image), pooled)
    expect("float32 [2, 3, 8, 8]" in work.nnfc("inspect", "two.so"), "inspect does not show the fixed size")
    work.refused("input 'x'", "nnfc", "run", "two.so", "--input", f"x={work.save('one.npy', image[:1])}")
    close(work.result("tiny.nnf.txt", "p", "--dim", "N=2", x=image), pooled)


def levels_and_cpus_agree(work):
    image, pooled, _ = tiny(work)
    for flags in (("-O0",), ("-O1",), ("-O2",), ("-O3",), ("--cpu=x86-64-v2",), ("--cpu=x86-64-v3",)):
        close(work.result("tiny.nnf.txt", "p", *flags, x=image), pooled, " ".join(flags))
    close(work.result("tiny.nnf.txt", "p", "--device", "cuda-emu", "-O0", x=image), pooled, "the emulator with -O0")


def other_machines(work):
    tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "--triple=aarch64-linux-gnu", "-o", "arm.o")
    expect("AArch64" in work.tool("readelf", "-h", "arm.o"), "arm.o is for another machine")


def external_weights(work):
    image, pooled, _ = tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "--weights=external", "-o", "net.so")
    close(work.result("net.so", "p", x=image), pooled)
    beside = [p.name for p in work.folder.iterdir() if p.name.startswith("net.") and p.name != "net.so"]
    expect(len(beside) == 1, f"beside net.so lie {beside}, expected one file of weights")
    content = bytearray((work / beside[0]).read_bytes())
    content[5] ^= 1
    (work / beside[0]).write_bytes(bytes(content))
    work.refused(beside[0], "nnfc", "run", "net.so", "--input", "x=in-x.npy")
    (work / beside[0]).unlink()
    work.refused(beside[0], "nnfc", "run", "net.so", "--input", "x=in-x.npy")


def large_weights_lie_for_large_pages(work):
    """Address and place in the file of weights of 9 MB agree within 2 MB; small ones are as near as pages allow."""
    for rows, alignment in ((1500, 2 << 20), (6, 4096)):
        weight, left = numbers(rows, 1501) / 40, numbers(3, 1501, seed=1)
        work.write("net.nnf.txt", input_of("x", left.shape) +
                   constant("w", weight.shape, file=work.save("w.npy", weight)) +
                   node("linear", "y", input=x, weight=w) + outputs("y"))
        work.nnfc("compile", "net.nnf.txt", "-o", "net.so")
        close(work.result("net.so", "y", x=left), left.astype(np.float64) @ weight.T.astype(np.float64))
        loads = [line.split() for line in work.tool("readelf", "-lW", "net.so").splitlines() if line.split()[:1] == ["LOAD"]]
        offset, address, size, align = (int(loads[-1][i], 16) for i in (1, 2, 4, -1))
        expect(size >= weight.nbytes, f"the last segment has {size} bytes, expected the weights")
        expect(align == alignment, f"{size} bytes of weights are aligned to {align}, expected {alignment}")
        expect((address - offset) % align == 0, f"weights at {address:x} of the address space, {offset:x} of the file")
        whole = (work / "net.so").stat().st_size
        expect(whole < size + (size >> 6) + (32 << 10), f"{whole} bytes with {size} of weights")


# ---- convert

def conversions(work):
    """Every format to every other: the same results, and the text again as it was."""
    image, _, _ = tiny(work)
    want = work.result("tiny.nnf.txt", "p", x=image)
    made = {}
    for kind in ("nnf", "nnf.txt", "mlir"):
        made[kind] = f"from-text.{kind}"
        work.nnfc("convert", "tiny.nnf.txt", "-o", made[kind])
    for source in ("nnf", "nnf.txt", "mlir"):
        expect(work.result(made[source], "p", x=image).tobytes() == want.tobytes(), f"{made[source]} gives other bytes")
        for kind in ("nnf", "nnf.txt", "mlir"):
            work.nnfc("convert", made[source], "-o", f"again-{source}.{kind}")
        expect((work / f"again-{source}.nnf.txt").read_bytes() == (work / "from-text.nnf.txt").read_bytes(),
               f"text, {source}, text: not the same text")


def format_by_flag(work):
    work.write("model.data", call("neg", input=x))
    a = numbers(4)
    close(work.result("model.data", "y", "--format=nnf-text", x=a), -a)
    work.refused("model.data", "nnfc", "run", "model.data", "--random-inputs", status=2)


# ---- run

def file_names_of_outputs(work):
    work.write("m.nnf.txt", input_of("x") + node("neg", "a/b", input=x) + node("exp", ".dot.A-_9", input=x) +
               node("abs", "ä%", input=x) + outputs("a/b .dot.A-_9 ä%"))
    work.nnfc("run", "m.nnf.txt", "--random-inputs", "--output-dir", "out/deep")
    names = sorted(p.name for p in (work / "out/deep").iterdir())
    want = sorted(["a%2Fb.npy", "%2Edot.A-_9.npy", "%C3%A4%25.npy"])
    expect(names == want, f"wrote {names}, expected {want}")


def bfloat16_in_npy(work):
    work.write("m.nnf.txt", call("neg", dtype="BFLOAT16", input=x))
    bits = np.array([0x3F80, 0xC000, 0x0000, 0x7F80], np.uint16)
    for array in (bits, bits.view("V2")):
        got = work.result("m.nnf.txt", x=array)
        header = (work / "out/y.npy").read_bytes()[:128]
        expect(b"'<V2'" in header, f"the header is {header}, expected '<V2'")
        expect((got.view(np.uint16) == bits ^ 0x8000).all(), f"bits {got.view(np.uint16)}")


def every_dtype_goes_through(work):
    for name, kind in (("FLOAT32", "f4"), ("FLOAT64", "f8"), ("FLOAT16", "f2"), ("INT64", "i8"), ("INT32", "i4"), ("INT16", "i2"),
                       ("INT8", "i1"), ("UINT8", "u1"), ("BOOL", "?"), ("UINT16", "u2"), ("UINT32", "u4"), ("UINT64", "u8")):
        work.write("m.nnf.txt", input_of("x", dtype=name) + node("flip", "y", input=x, dims=[0]) + outputs("y"))
        array = np.array([0, 1, 1, 0] if kind == "?" else [1, 2, 100, 7]).astype(kind)
        got = work.result("m.nnf.txt", x=array)
        expect(got.dtype == array.dtype and (got == array[::-1]).all(), f"{name}: {got} of {got.dtype}")


def draws_follow_seed_and_place(work):
    """Nodes are counted in the order of the file, whatever order they run in; a model and its conversions draw alike."""
    x_dims = (1000,)
    late = node("dropout", "late", input=Ref("first"), p=0.25)
    first = node("dropout", "first", input=x, p=0.25)
    ones = np.ones(1000, np.float32)

    def drawn(model, *flags):
        return [(work.result(model, name, *flags, x=ones) != 0).tobytes() for name in ("first", "late")]
    work.write("ordered.nnf.txt", input_of("x", x_dims) + first + late + outputs("first late"))
    work.write("swapped.nnf.txt", input_of("x", x_dims) + late + first + outputs("first late"))
    one, two = drawn("ordered.nnf.txt")
    expect(one != two, "two nodes share their draws")
    expect(drawn("ordered.nnf.txt", "--seed", "0") == [one, two], "the seed is not 0 by default")
    expect(drawn("ordered.nnf.txt", "--seed", "1")[0] != one, "two seeds, the same draws")
    expect(drawn("ordered.nnf.txt", "--threads", "2") == [one, two], "draws depend on threads")
    expect(drawn("swapped.nnf.txt")[0] != one, "the file's order does not number the nodes")
    for kind in ("nnf", "mlir"):
        work.nnfc("convert", "ordered.nnf.txt", "-o", f"again.{kind}")
        expect(drawn(f"again.{kind}") == [one, two], f".{kind} draws otherwise")


def random_inputs_follow_the_seed(work):
    work.write("m.nnf.txt", call("neg", dims=(64,), input=x))

    def drawn(*flags):
        return work.result("m.nnf.txt", "y", "--random-inputs", *flags).tobytes()
    expect(drawn() == drawn("--seed", "0"), "the seed is not 0 by default")
    expect(drawn("--seed", "1") != drawn("--seed", "2"), "two seeds, the same random inputs")


def mixed(work):
    """A model with contractions, reductions over long rows and windows, large enough for several tasks."""
    text = input_of("x", (4, 16, 24, 24)) + constant("w", (32, 16, 3, 3), file="w.npy")
    text += node("conv2d", "c", input=x, weight=w, padding=1) + node("relu", "r", input=Ref("c"))
    text += node("max_pool2d", "m", input=Ref("r"), kernel_size=3, stride=2)
    text += node("flatten", "f", input=Ref("m"), start_dim=1) + node("softmax", "s", input=Ref("f"), dim=1)
    text += node("sum", "total", input=Ref("r")) + node("mean", "mean", input=Ref("c"), dim=[0, 2, 3])
    text += node("matmul", "gram", input=Ref("f"), other=Ref("ft")) + node("transpose", "ft", input=Ref("f"), dim0=0, dim1=1)
    work.write("mixed.nnf.txt", text + outputs("s total mean gram"))
    work.save("w.npy", numbers(32, 16, 3, 3))
    work.nnfc("compile", "mixed.nnf.txt", "-o", "mixed.so")
    work.save("x.npy", numbers(4, 16, 24, 24, seed=1))


def threads_and_repetition_give_the_same_bytes(work):
    mixed(work)
    results = []
    for flags in (("--threads", "1"), ("--threads", "2"), ("--threads", "3"), ()):
        work.nnfc("run", "mixed.so", "--input", "x=x.npy", "--output-dir", "out", *flags)
        results.append({p.name: p.read_bytes() for p in (work / "out").iterdir()})
    expect(len(results[0]) == 4, f"{sorted(results[0])}, expected 4 files")
    for other in results[1:]:
        for name, content in results[0].items():
            expect(other[name] == content, f"{name} depends on the number of threads")
    with nnf.Program(work / "mixed.so", runtime=nnf.Runtime(work.build)) as program, nnf.Context(program, threads=2) as context:
        runs = [{k: v.tobytes() for k, v in context.run({"x": work.load("x.npy")}).items()} for _ in range(5)]
    expect(all(run == runs[0] for run in runs), "repeated runs differ")


def several_callers_at_once(work):
    """One program, each thread its own context, all with the same input: the same bytes."""
    mixed(work)
    image, results = work.load("x.npy"), []
    with nnf.Program(work / "mixed.so", runtime=nnf.Runtime(work.build)) as program:
        def caller():
            with nnf.Context(program, threads=2) as context:
                for _ in range(10):
                    results.append(context.run({"x": image})["gram"].tobytes())
        threads = [threading.Thread(target=caller) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    expect(len(results) == 40 and len(set(results)) == 1, f"{len(results)} runs, {len(set(results))} different results")


def nnf_run_is_nnfc_run(work):
    mixed(work)
    work.nnfc("run", "mixed.so", "--input", "x=x.npy", "--output-dir", "by-nnfc")
    for number, command in enumerate((("nnf-run", "mixed.so"), ("nnf-run", "run", "mixed.so"))):
        work.call(*command, "--input", "x=x.npy", "--output-dir", f"by-nnf-run{number}")
        for path in (work / "by-nnfc").iterdir():
            expect((work / f"by-nnf-run{number}" / path.name).read_bytes() == path.read_bytes(), f"{path.name} differs")
    needed = re.findall(r"NEEDED.*\[(.*?)\]", work.tool("readelf", "-d", work.build / "bin" / "nnf-run"))
    expect(not [name for name in needed if "LLVM" in name or "MLIR" in name], f"nnf-run needs {needed}")


def model_files_are_not_read_again(work):
    """A compiled model reads no file but external weights: it runs alone in a folder."""
    image, pooled, _ = tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "-o", "net.so")
    for name in ("tiny.nnf.txt", "w.npy"):
        (work / name).unlink()
    close(work.result("net.so", "p", x=image), pooled)


# ---- bench, inspect, ops

def bench(work):
    tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "-o", "net.so")
    for program in (("nnfc", "bench", "tiny.nnf.txt"), ("nnfc", "bench", "net.so"), ("nnf-run", "bench", "net.so")):
        text = work.call(*program, "--iterations", "3", "--json", "a.json", "--profile", "trace.json")
        for word in ("p50", "p99", "runs/s", "peak"):
            expect(word in text, f"{' '.join(program)} does not say '{word}'")
        report = json.loads((work / "a.json").read_text())
        expect(report["latency_us"]["p50"] > 0 and report["throughput_per_s"] > 0 and report["peak_memory_bytes"] > 0,
               f"a.json lacks a number: {report}")
        events = json.loads((work / "trace.json").read_text())["traceEvents"]
        expect(any(e["ph"] == "X" and e["dur"] >= 0 for e in events), "trace.json has no kernel")


def inspect(work):
    tiny(work)
    work.nnfc("compile", "tiny.nnf.txt", "-o", "net.so")
    for file, words in (("tiny.nnf.txt", ("inputs", "outputs", "ops", "conv2d: 1", "weights", "memory plan", "kernels")),
                        ("net.so", ("inputs", "outputs", "weights", "memory plan", "kernels"))):
        text = work.nnfc("inspect", file)
        for word in (*words, "x: float32 [N, 3, 8, 8]", "idx: int64 [N, 4, 4, 4]"):
            expect(word in text, f"inspect {file} does not say '{word}'")


def ops(work):
    """Every promised op is known, with the promised parameters and defaults."""
    known = {line.split()[0] for line in work.nnfc("ops").splitlines() if line.strip()}
    for name, parameters in TENSOR_OPS.items():
        expect(name in known, f"nnfc ops does not list {name}")
        signature = work.nnfc("ops", name).splitlines()[0]
        found = dict(part.partition("=")[::2] for part in signature[len(name) + 1:-1].split(", "))
        for parameter in parameters.split(", "):
            key, _, default = parameter.partition("=")
            expect(key in found, f"{signature}: no parameter '{key}'")
            expect(not default or found[key].removesuffix(".0") == default, f"{signature}: expected {parameter}")
    text = work.nnfc("ops", "conv2d")
    for word in ("targets", "gradient", "[Cout, Cin/groups, kh, kw]", "bias=None"):
        expect(word in text, f"nnfc ops conv2d does not say '{word}'")


def help_is_no_error(work):
    for command in (("nnfc", "--help"), ("nnfc", "compile", "--help"), ("nnfc", "run", "-h"), ("nnf-run", "--help"),
                    ("nnfc", "--version")):
        expect(work.call(*command).strip(), f"{' '.join(command)} says nothing")


CASES = [example_of_the_description, nodes_in_any_order, argument_without_a_value_is_the_default,
         number_or_tuple_and_integer_for_float, weights_in_safetensors, column_major_npy, arange_starts_at_0_in_steps_of_1, in_place_changes_what_comes_after,
         names_never_alias, changed_constant_starts_anew, inout_flag_makes_one_buffer, every_kind_of_output, every_phase,
         object_has_no_undefined_symbols, header_in_c_and_cxx, names_of_models, several_models, fixed_sizes,
         levels_and_cpus_agree, other_machines, external_weights, large_weights_lie_for_large_pages, conversions,
         format_by_flag, file_names_of_outputs,
         bfloat16_in_npy, every_dtype_goes_through, random_inputs_follow_the_seed, draws_follow_seed_and_place,
         threads_and_repetition_give_the_same_bytes, several_callers_at_once, nnf_run_is_nnfc_run,
         model_files_are_not_read_again, bench, inspect, ops, help_is_no_error]


def of_the_example(case):
    @functools.wraps(case)
    def run(work):
        tiny(work)
        case(work, expect)
    return run


CASES += map(of_the_example, kernel_cache.CASES)


def with_expect(case):
    return functools.wraps(case)(lambda work: case(work, expect))


CASES += map(with_expect, [*tuning.CASES, *seeing.CASES, *progress.CASES, *reduce.CASES, *ranges.CASES, *versions.CASES])


if __name__ == "__main__":
    sys.exit(casefolder.run(__doc__, CASES, Work))
