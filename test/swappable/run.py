#!/usr/bin/env python3
"""Weights that a program sets (--swappable-weights): results beside PyTorch with the new weights, and the same bytes as
of the model compiled with them; graph files and ONNX, libraries and objects, weights inside and beside.

Prints `FAIL case: why` lines and, last, the counts.
"""
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
import gpus  # noqa: E402
import nnf  # noqa: E402
import quantized  # noqa: E402
from casefolder import Failure, expect  # noqa: E402
from craft import Ref, constant, input_of, node, outputs, x  # noqa: E402

TIMEOUT_S = 300
FLAG = "--swappable-weights"


class Work:
    def __init__(self, build, folder):
        self.build, self.folder, self.runtime = build, folder, nnf.Runtime(build)

    def attempt(self, *arguments):
        return subprocess.run([self.build / "bin" / "nnfc", *map(str, arguments)], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIMEOUT_S)

    def compile(self, model, output, *options):
        done = self.attempt("compile", model, "-o", output, *options)
        expect(done.returncode == 0, f"compile {model}: {done.stdout[:300]}")
        return self.folder / output

    def program(self, path, **options):
        return nnf.Program(path, runtime=self.runtime, **options)


def floats(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def same(got, want, why):
    want = want.detach().numpy()
    error = float(np.max(np.abs(got.astype(np.float64) - want) - 1e-4 * np.abs(want), initial=0))
    expect(got.shape == want.shape and error <= 2e-5, f"{why}: off by {error:.1e}")


def weights_of(seed):
    """Of network(): some below 1 KB, some above, one that nothing reads."""
    return {"c1": floats(16, 3, 3, 3, seed=seed, scale=0.3), "b1": floats(16, seed=seed + 1),
            "mean": floats(16, seed=seed + 2, scale=0.1), "var": np.abs(floats(16, seed=seed + 3)) + 0.5,
            "gamma": floats(16, seed=seed + 4), "beta": floats(16, seed=seed + 5),
            "c2": floats(32, 16, 1, 1, seed=seed + 6, scale=0.3), "fc": floats(10, 32, seed=seed + 7),
            "b2": floats(10, seed=seed + 8), "scale": floats(seed=seed + 9), "unread": floats(3, seed=seed)}


def network(weights):
    """conv, batch norm, relu, conv, mean, linear, times a scalar; a weight read as it is, too."""
    text = input_of("x", ("N", 3, 12, 12))
    for name, array in weights.items():
        text += constant(name, array.shape, data=array.tobytes())
    text += node("conv2d", "h1", "conv1", input=x, weight=Ref("c1"), bias=Ref("b1"), padding=[1, 1])
    text += node("batch_norm", "h2", "norm", input=Ref("h1"), running_mean=Ref("mean"), running_var=Ref("var"),
                 weight=Ref("gamma"), bias=Ref("beta"))
    text += node("relu", "h3", input=Ref("h2")) + node("conv2d", "h4", "conv2", input=Ref("h3"), weight=Ref("c2"))
    text += node("mean", "h5", input=Ref("h4"), dim=[2, 3])
    text += node("linear", "h6", "fc", input=Ref("h5"), weight=Ref("fc"), bias=Ref("b2"))
    return text + node("mul", "y", input=Ref("h6"), other=Ref("scale")) + outputs("y")


def reference(weights, batch):
    w = {name: torch.from_numpy(np.asarray(array)) for name, array in weights.items()}
    h = F.conv2d(torch.from_numpy(batch), w["c1"], w["b1"], padding=1)
    h = F.relu(F.batch_norm(h, w["mean"], w["var"], w["gamma"], w["beta"]))
    return F.linear(F.conv2d(h, w["c2"]).mean((2, 3)), w["fc"], w["b2"]) * w["scale"]


def results(program, batch, threads=1):
    with nnf.Context(program, threads=threads) as context:
        return context.run({"x": batch})["y"]


def new_weights_are_those_of_a_model_compiled_with_them(work):
    old, new, batch = weights_of(1), weights_of(100), floats(5, 3, 12, 12, seed=7)
    (work.folder / "old.nnf.txt").write_text(network(old))
    (work.folder / "new.nnf.txt").write_text(network(new))
    with work.program(work.compile("new.nnf.txt", "new.so", FLAG)) as compiled:
        want = results(compiled, batch)
    for name, options in (("inside", ()), ("beside", ("--weights=external",))):
        with work.program(work.compile("old.nnf.txt", f"{name}.so", FLAG, *options)) as program:
            before = results(program, batch)
            same(before, reference(old, batch), f"{name}: as compiled")
            program.set_weights(new)
            same(results(program, batch, threads=2), reference(new, batch), f"{name}: new weights")
            expect(results(program, batch).tobytes() == want.tobytes(), f"{name}: other bytes than of a model compiled so")
            program.set_weights(old)
            expect(results(program, batch).tobytes() == before.tobytes(), f"{name}: other bytes with the first weights again")


def inspect_lists_what_is_set(work):
    """Names, dtypes and sizes as the model file has them: also what is folded into others, and what nothing reads."""
    weights = weights_of(1)
    (work.folder / "m.nnf.txt").write_text(network(weights))
    work.compile("m.nnf.txt", "m.so", FLAG)
    lines = work.attempt("inspect", "m.so").stdout.split("weights that can be set\n")
    expect(len(lines) == 2, f"no list of weights: {lines}")
    got = lines[1].split("memory plan\n")[0].splitlines()
    want = [f"  {name}: float32 [{', '.join(map(str, array.shape))}]{' (nothing reads it)' if name == 'unread' else ''}"
            for name, array in weights.items()]
    expect(sorted(got) == sorted(want), f"{got}, expected {want}")
    work.compile("m.nnf.txt", "fixed.so")
    expect("can be set" not in work.attempt("inspect", "fixed.so").stdout, "weights of a fixed model")


def every_version_sets_its_weights(work):
    """Of a library for several CPUs: each by its own code, into the layout that all share. The version of the CPU that
    this machine is most like gives the bytes of a model compiled with the weights for the same CPUs."""
    cpus = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]
    old, new, batch = weights_of(1), weights_of(100), floats(5, 3, 12, 12, seed=7)
    several = "--cpu=" + ",".join(cpus)
    (work.folder / "old.nnf.txt").write_text(network(old))
    (work.folder / "new.nnf.txt").write_text(network(new))
    work.compile("new.nnf.txt", "new.so", FLAG, several)
    for output, options in (("inside.so", ()), ("beside.so", ("--weights=external",)), ("object.o", ())):
        work.compile("old.nnf.txt", output, FLAG, several, *options)
        linked = None
        if output == "object.o":
            subprocess.run(["cc", "-shared", "-o", "linked.so", "object.o"], cwd=work.folder, check=True, timeout=TIMEOUT_S)
            linked = ctypes.CDLL(str(work.folder / "linked.so"))
        ran = 0
        for cpu in cpus:
            os.environ["NNFC_CPU"] = cpu
            try:
                with work.program(None if linked else work.folder / output, name="old" if linked else None,
                                  linked=linked) as program:
                    before = results(program, batch)
                    same(before, reference(old, batch), f"{output}, {cpu}: as compiled")
                    program.set_weights(new)
                    after = results(program, batch, threads=2)
                    program.set_weights(old)
                    again = results(program, batch)
                with work.program(work.folder / "new.so") as compiled:
                    want = results(compiled, batch)
            except nnf.Error as error:
                if "lacks" in str(error):
                    continue
                raise
            finally:
                del os.environ["NNFC_CPU"]
            ran += 1
            same(after, reference(new, batch), f"{output}, {cpu}: new weights")
            expect(np.max(np.abs(after - want)) <= 1e-5 * np.max(np.abs(want)), f"{output}, {cpu}: not those compiled with them")
            expect(np.max(np.abs(again - before)) <= 1e-5 * np.max(np.abs(before)), f"{output}, {cpu}: not the first weights again")
        expect(ran > 0, f"{output}: no version runs here")


def weights_of_gpu_kernels(work):
    """Kernels for GPUs as the emulator runs them on the CPU: what is packed for tensor cores is prepared, too."""
    old, new, batch = weights_of(1), weights_of(100), floats(5, 3, 12, 12, seed=7)
    (work.folder / "old.nnf.txt").write_text(network(old))
    (work.folder / "new.nnf.txt").write_text(network(new))
    options = (FLAG, "--target=cuda-emu")
    with work.program(work.compile("new.nnf.txt", "new.so", *options)) as compiled:
        want = results(compiled, batch)
    with work.program(work.compile("old.nnf.txt", "old.so", *options)) as program:
        same(results(program, batch), reference(old, batch), "as compiled")
        program.set_weights(new)
        same(results(program, batch), reference(new, batch), "new weights")
        expect(results(program, batch).tobytes() == want.tobytes(), "other bytes than of a model compiled so")


def gpu_case(case):
    def run(work):
        old, new, batch = weights_of(1), weights_of(100), floats(5, 3, 12, 12, seed=7)
        with gpus.Gpus(work, network, old, reference, batch, FLAG) as its:
            case(its, old, new)
    run.__name__ = f"gpu_{case.__name__}"
    return run


def equal_weights_may_part(work):
    """Two constants of equal bytes are two weights: each gets its own new value."""
    w = np.ones((8, 8), np.float32)
    text = input_of("x", (4, 8)) + constant("a", (8, 8), data=w.tobytes()) + constant("b", (8, 8), data=w.tobytes())
    text += node("linear", "h", input=x, weight=Ref("a")) + node("linear", "g", input=x, weight=Ref("b"))
    (work.folder / "two.nnf.txt").write_text(text + node("add", "y", input=Ref("h"), other=Ref("g")) + outputs("y"))
    batch, a, b = floats(4, 8), floats(8, 8, seed=1), floats(8, 8, seed=2)
    with work.program(work.compile("two.nnf.txt", "two.so", FLAG)) as program:
        program.set_weights({"a": a, "b": b})
        same(results(program, batch), torch.from_numpy(batch @ a.T + batch @ b.T), "a and b")


def objects_and_two_models_in_one(work):
    """Linked from objects; and two models of one library, each with its own weights."""
    old, new, batch = weights_of(1), weights_of(100), floats(2, 3, 12, 12, seed=7)
    for name in ("first", "second"):
        (work.folder / f"{name}.nnf.txt").write_text(network(old))
    done = work.attempt("compile", "first.nnf.txt", "second.nnf.txt", "-o", "both.so", FLAG)
    expect(done.returncode == 0, done.stdout[:300])
    with work.program(work.folder / "both.so", name="first") as one, work.program(work.folder / "both.so", name="second") as two:
        two.set_weights(new)
        same(results(one, batch), reference(old, batch), "the other model's weights")
        same(results(two, batch), reference(new, batch), "its own weights")
    for output in ("first.o", "first.a"):
        work.compile("first.nnf.txt", output, FLAG)
        whole = ["-Wl,--whole-archive", output, "-Wl,--no-whole-archive"]
        subprocess.run(["cc", "-shared", "-o", "linked.so", *whole], cwd=work.folder, check=True, timeout=TIMEOUT_S)
        symbols = subprocess.run(["nm", "-g", "--defined-only", output], cwd=work.folder, stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.split()
        names = [symbol for symbol in symbols if symbol.startswith("nnf")]
        expect(names == ["nnf_model_first"], f"{output} exports {names}")
        linked = ctypes.CDLL(str(work.folder / "linked.so"))
        with work.program(None, name="first", linked=linked) as program:
            program.set_weights(new)
            same(results(program, batch), reference(new, batch), output)
        (work.folder / "linked.so").unlink()


def onnx_initializers(work):
    """By their names in the file. A number that the graph depends on is compiled in, and setting it is refused."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def model(w, bias, bounds):
        graph = helper.make_graph(
            [helper.make_node("Gemm", ["x", "w", "bias"], ["h"], transB=1), helper.make_node("Mul", ["h", "two"], ["g"]),
             helper.make_node("Resize", ["g4", "", "sizes"], ["r"], mode="nearest"),
             helper.make_node("Reshape", ["g", "shape"], ["g4"]), helper.make_node("Flatten", ["r"], ["y"])],
            "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(w, "w"), numpy_helper.from_array(bias, "bias"), numpy_helper.from_array(bounds, "sizes"),
             numpy_helper.from_array(np.float32(2), "two"), numpy_helper.from_array(np.array([2, 1, 2, 2]), "shape")])
        graph.node.insert(2, graph.node.pop(3))  # in order
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    sizes = np.array([1, 1, 2, 2], np.float32)
    onnx.save(model(floats(4, 8), floats(4, seed=1), sizes), work.folder / "net.onnx")
    batch, w, bias, two = floats(2, 8, seed=3), floats(4, 8, seed=4), floats(4, seed=5), np.float32(-3)
    with work.program(work.compile("net.onnx", "net.so", FLAG)) as program:
        program.set_weights({"w": w, "bias": bias, "two": two})
        want = torch.from_numpy((batch @ w.T + bias) * two).reshape(2, 1, 2, 2)
        same(results(program, batch), F.interpolate(want, scale_factor=2).flatten(1), "ONNX")
        try:
            program.set_weights({"w": w, "bias": bias, "two": two, "sizes": sizes})
            raise Failure("a number that is compiled in can be set")
        except nnf.Error as error:
            expect("weight 'sizes': the model has no such constant that can be set, or it is compiled in" in str(error), str(error))


def what_is_refused(work):
    (work.folder / "net.nnf.txt").write_text(network(weights_of(1)))
    for options, says in ((("-o", "net.ll", FLAG), "--swappable-weights goes with an output of .so, .o or .a"),
                          (("-o", "net.ptx", FLAG, "--target=cuda"), "--swappable-weights goes with an output of .so, .o or .a"),
                          (("-o", "net.so", FLAG, "--format=mlir"), "--swappable-weights goes with .nnf, .nnf.txt and .onnx")):
        done = work.attempt("compile", "net.nnf.txt", *options)
        expect(done.returncode == 2 and done.stdout.startswith("error: " + says), f"{options}: {done.stdout[:200]}")
    with work.program(work.compile("net.nnf.txt", "net.so", FLAG)) as program:
        some = weights_of(2)
        del some["b2"]
        try:
            program.set_weights(some)
            raise Failure("a weight may be left out")
        except nnf.Error as error:
            expect("weight 'b2': not given" in str(error), str(error))
    with work.program(work.compile("net.nnf.txt", "fixed.so")) as program:
        try:
            program.set_weights(weights_of(2))
            raise Failure("weights of a fixed model are set")
        except nnf.Error as error:
            expect("not compiled with --swappable-weights" in str(error), str(error))


CASES = [new_weights_are_those_of_a_model_compiled_with_them, inspect_lists_what_is_set, every_version_sets_its_weights,
         weights_of_gpu_kernels, equal_weights_may_part, objects_and_two_models_in_one,
         onnx_initializers, what_is_refused, *quantized.cases(FLAG), *map(gpu_case, gpus.CASES)]


if __name__ == "__main__":
    sys.exit(casefolder.run(__doc__, CASES, Work))
