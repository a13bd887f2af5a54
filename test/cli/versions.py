"""Cases of run.py: one library with code for several CPUs. This machine must run all that are named."""
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from craft import Ref, constant, input_of, node, outputs, x, w
from kernel_cache import environment

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("x86-64-v4", "x86-64-v3", "x86-64-v2")  # the best first
LIST = "--cpu=x86-64-v3,x86-64-v2,x86-64-v4"
FLAGS = {"x86-64-v4": "avx512vl", "x86-64-v3": "avx2", "x86-64-v2": "sse4_2"}


def here():
    """The versions that this machine runs."""
    flags = set(re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M).group(1).split())
    return [name for name in NAMES if FLAGS[name] in flags]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights(work, text, **arrays):
    """Constants before the nodes of `text`, each in a file."""
    kinds = {"float32": "FLOAT32", "float64": "FLOAT64", "float16": "FLOAT16", "int8": "INT8"}
    return "".join(constant(name, array.shape, kinds[str(array.dtype)], file=work.save(f"{name}.npy", array))
                   for name, array in arrays.items()) + text


def convolution(work, channels, outs, size, groups=1, **arguments):
    weight, image = numbers(outs, channels // groups, 3, 3) / 16, numbers(2, channels, size, size, seed=1)
    text = weights(work, node("conv2d", "y", input=x, weight=w, groups=groups, **arguments) + outputs("y"), w=weight)
    return input_of("x", image.shape) + text, image, F.conv2d(
        torch.from_numpy(image).double(), torch.from_numpy(weight).double(), groups=groups, **arguments).numpy()


def product(work, rows, depth, columns, dtype=np.float32, symbolic=False):
    weight, left = (numbers(columns, depth) / 16).astype(dtype), numbers(rows, depth, seed=1).astype(dtype)
    kind = "FLOAT64" if dtype == np.float64 else "FLOAT32"
    text = input_of("x", ("N" if symbolic else rows, depth), kind)
    text += weights(work, node("linear", "y", input=x, weight=w) + outputs("y"), w=weight)
    return text, left, left.astype(np.float64) @ weight.T.astype(np.float64)


def half_weights(work):
    weight, left = (numbers(520, 400) / 16).astype(np.float16), numbers(9, 400, seed=1)
    text = node("to", "wide", name="wide", input=w, dtype="float32") + node("linear", "y", input=x, weight=Ref("wide"))
    return (input_of("x", left.shape) + weights(work, text + outputs("y"), w=weight), left,
            left.astype(np.float64) @ weight.T.astype(np.float64))


def bytes_product(work):
    generator = np.random.default_rng(0)
    weight, left = (generator.integers(-128, 128, size, np.int8) for size in ((72, 50), (6, 72)))
    text = node("to", "a", name="a", input=x, dtype="int32") + node("to", "b", name="b", input=w, dtype="int32")
    text += node("matmul", "y", input=Ref("a"), other=Ref("b")) + outputs("y")
    return (input_of("x", left.shape, "INT8") + weights(work, text, w=weight), left,
            left.astype(np.int64) @ weight.astype(np.int64))


def inverted_residual(work):
    first, middle, last = numbers(96, 16, 1, 1) / 4, numbers(96, 1, 3, 3) / 3, numbers(24, 96, 1, 1) / 10
    image = numbers(1, 16, 28, 28, seed=1)
    text = node("conv2d", "a", name="a", input=x, weight=Ref("first")) + node("relu6", "b", name="b", input=Ref("a"))
    text += node("conv2d", "c", name="c", input=Ref("b"), weight=Ref("middle"), padding=1, groups=96)
    text += node("relu6", "d", name="d", input=Ref("c")) + node("conv2d", "y", name="e", input=Ref("d"), weight=Ref("last"))
    t = [torch.from_numpy(a).double() for a in (image, first, middle, last)]
    want = F.conv2d(F.relu6(F.conv2d(F.relu6(F.conv2d(t[0], t[1])), t[2], padding=1, groups=96)), t[3])
    return (input_of("x", image.shape) + weights(work, text + outputs("y"), first=first, middle=middle, last=last), image,
            want.numpy())


MODELS = {
    "winograd": lambda work: convolution(work, 32, 80, 14, padding=1),
    "taps": lambda work: convolution(work, 24, 40, 15, padding=2, stride=2, dilation=2),
    "groups": lambda work: convolution(work, 64, 96, 9, groups=4, padding=1),
    "narrow groups": lambda work: convolution(work, 32, 64, 9, groups=4, padding=1),
    "inverted residual": inverted_residual,
    "one row": lambda work: product(work, 1, 520, 1000),
    "three rows": lambda work: product(work, 3, 520, 104),
    "deep": lambda work: product(work, 40, 4100, 72),
    "rows by name": lambda work: product(work, 17, 100, 72, symbolic=True),
    "float64": lambda work: product(work, 13, 100, 44, np.float64),
    "half weights": half_weights,
    "bytes": bytes_product,
}


def each_version_gives_right_numbers(work, expect):
    for name, make in MODELS.items():
        text, given, want = make(work)
        work.write("m.nnf.txt", text)
        work.nnfc("compile", "m.nnf.txt", LIST, "-o", "m.so")
        seen = []
        for cpu in here():
            with environment(NNFC_CPU=cpu):
                got = work.result("m.so", x=given)
            error = float(np.max(np.abs(got.astype(np.float64) - want) - 1e-4 * np.abs(want)))
            expect(got.shape == want.shape and error <= 2e-5, f"{name}, {cpu}: off by {error:.1e} beyond the tolerance")
            seen.append(got.tobytes())
        expect(work.result("m.so", x=given).tobytes() == seen[0], f"{name}: without NNFC_CPU the best version was not taken")


def every_route_has_all_versions(work, expect):
    """In a C program as `.o` and `.a`, and in a library of several models."""
    weight, given = numbers(3, 3), numbers(4, 3, seed=1)
    want = given.astype(np.float64) @ weight.T.astype(np.float64)
    text = weights(work, node("linear", "y", input=Ref('a "b"?'), weight=w) + outputs("y"), w=weight)
    work.write("m.nnf.txt", input_of('a "b"?', (4, 3)) + text)
    runtime = [f"-I{ROOT}", f"-I{work.folder}", work.build / "lib" / "libnnf.a", "-lm", "-lpthread"]
    for kind in ("o", "a"):
        work.nnfc("compile", "m.nnf.txt", "--name=net", LIST, "-o", f"net.{kind}")
        exported = [line.split()[-1] for line in work.tool("nm", "-g", "--defined-only", f"net.{kind}").splitlines()
                    if len(line.split()) == 3]
        expect(exported == ["nnf_model_net"], f"net.{kind} exports {exported}")
        expect("avx" not in work.tool("nm", "-u", f"net.{kind}"), f"net.{kind} needs symbols")
        work.tool("clang-22", "-Wall", "-Werror", ROOT / "test/cli/embed.c", f"net.{kind}", *runtime, "-o", "program")
        for cpu in here():
            with environment(NNFC_CPU=cpu):
                got = np.frombuffer(work.attempt("./program", stdin=given.tobytes()).stdout, np.float32)
            expect(got.size == 12 and np.abs(got.reshape(4, 3) - want).max() < 1e-5, f"net.{kind}, {cpu}: {got}, expected {want}")
        with environment(NNFC_CPU="abacus"):
            said = work.attempt("./program", stdin=given.tobytes()).stderr.decode()
        expect("NNFC_CPU=abacus: model 'net' is compiled for x86-64-v4, x86-64-v3, x86-64-v2" in said, said)
    for name, scale in (("one", 1), ("two", 2)):
        text = weights(work, node("linear", "y", input=x, weight=Ref(f"w{name}")) + outputs("y"), **{f"w{name}": scale * weight})
        work.write(f"{name}.nnf.txt", input_of("x", (4, 3)) + text)
    work.nnfc("compile", "one.nnf.txt", "two.nnf.txt", LIST, "-o", "both.so")
    for cpu in here():
        with environment(NNFC_CPU=cpu):
            one, two = (work.result("both.so", "y", "--model", name, x=given) for name in ("one", "two"))
        expect(np.abs(one - want).max() < 1e-5 and np.abs(two - 2 * want).max() < 1e-5, f"both.so, {cpu}: wrong numbers")


def weights_are_stored_once(work, expect):
    """Convolutions and products of all kinds of layout: what a library for three takes more is code."""
    text, given, want = inverted_residual(work)
    matrix = numbers(1000, 1500)
    text = text.replace(outputs("y"), node("slice", "s", name="s", input=Ref("f"), dim=1, start=0, end=1500, step=1) +
                        node("linear", "z", name="g", input=Ref("s"), weight=Ref("m")) + outputs("z"))
    text = text.replace('nodes { op: "slice"', node("flatten", "f", name="h", input=Ref("y"), start_dim=1) + 'nodes { op: "slice"')
    work.write("m.nnf.txt", constant("m", matrix.shape, file=work.save("m.npy", matrix)) + text)
    size = {}
    for kind in ("so", "o", "a"):
        for key, flag in (("three", LIST), ("one", "--cpu=x86-64-v4")):
            work.nnfc("compile", "m.nnf.txt", flag, "-o", f"m.{kind}")
            size[key] = (work / f"m.{kind}").stat().st_size
        more = size["three"] - size["one"]
        expect(size["one"] > matrix.nbytes and 0 < more < matrix.nbytes / 20,
               f"m.{kind}: {size['one']} bytes for one CPU, {size['three']} for three: {more} more beside {matrix.nbytes} of weights")
    work.nnfc("compile", "m.nnf.txt", LIST, "--weights=external", "-o", "far.so")
    results = {}
    for cpu in here():
        with environment(NNFC_CPU=cpu):
            results[cpu] = work.result("far.so", "z", x=given)
    want = want.reshape(1, -1)[:, :1500] @ matrix.T.astype(np.float64)
    for cpu, got in results.items():
        expect(np.abs(got - want).max() < 1e-4 * np.abs(want).max(), f"far.so, {cpu}: wrong numbers")
    beside = sum(path.stat().st_size for path in work.folder.glob("far.so.*"))
    expect(matrix.nbytes <= beside < 1.1 * matrix.nbytes, f"{beside} bytes beside far.so for {matrix.nbytes} of weights")


def inspect_lists_versions(work, expect):
    work.write("m.nnf.txt", product(work, 4, 100, 40)[0])
    work.nnfc("compile", "m.nnf.txt", LIST, "-o", "m.so")
    best = here()[0]

    def listed():
        lines = work.nnfc("inspect", "m.so").split("code for several CPUs\n")[1].splitlines()
        return [line.split(":")[0].strip() for line in lines[:3]], [line for line in lines if "chosen here" in line]

    names, chosen = listed()
    expect(names == list(NAMES) and len(chosen) == 1 and chosen[0].startswith(f"  {best}: "), f"{names}, {chosen}")
    with environment(NNFC_CPU="x86-64-v2"):
        expect(listed()[1][0].startswith("  x86-64-v2: "), f"NNFC_CPU=x86-64-v2: {listed()}")
    with environment(NNFC_CPU="abacus"):
        expect(listed()[1] == ["  none is chosen here: NNFC_CPU=abacus: model 'm' is compiled for x86-64-v4, x86-64-v3, x86-64-v2 [NNFC-E0014]"],
               f"NNFC_CPU=abacus: {listed()}")


def lists_that_make_no_sense(work, expect):
    work.write("m.nnf.txt", product(work, 4, 100, 40)[0])
    for flags, says, output in ((("--cpu=x86-64-v2,",), "a name is missing", "m.so"),
                                (("--cpu=x86-64-v2,x86-64-v3,x86-64-v2",), "x86-64-v2 is named twice", "m.so"),
                                (("--cpu=x86-64-v2,abacus",), "'abacus' is no CPU", "m.so"),
                                (("--cpu=broadwell,haswell,skylake",), "need the same features of a CPU", "m.so"),
                                (("--cpu=generic,cortex-a72", "--triple=aarch64-linux-gnu"), "only those of x86-64", "m.so"),
                                ((LIST, "--target=cuda"), "several CPUs go with --target=cpu", "m.so"),
                                ((LIST,), "several CPUs go with an output of .so, .o or .a", "m.s"),
                                ((LIST,), "several CPUs go with an output of .so, .o or .a", "m.mlir")):
        work.refused(says, "nnfc", "compile", "m.nnf.txt", *flags, "-o", output, status=2)
        expect(not (work / output).exists(), f"{flags}: {output} was written")


CASES = [each_version_gives_right_numbers, every_route_has_all_versions, weights_are_stored_once, inspect_lists_versions,
         lists_that_make_no_sense]
