#!/usr/bin/env python3
"""Cases of the Python package, run by an interpreter that has it installed. Results are compared with numpy, or torch."""
import argparse
import inspect
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path


class Skip(Exception):
    """Why a case cannot be run here."""


def torch():
    try:
        import torch as module
        return module
    except ImportError:
        raise Skip("torch is not installed") from None


def expect(condition, why):
    if not condition:
        raise AssertionError(why)


def refused(kind, says, call):
    try:
        call()
    except kind as error:
        expect(says in str(error), f"{kind.__name__}: {str(error)[:300]!r}, expected {says!r}")
        return error
    raise AssertionError(f"nothing is raised, expected {kind.__name__} with {says!r}")


def network(nnfc, np):
    """conv2d, relu and max_pool2d with its indices, over a batch of any size; and its weight."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    graph = nnfc.Graph("net")
    x = graph.input("x", "float32", ["N", 3, 8, 8])
    pooled, index = graph.max_pool2d(graph.relu(graph.conv2d(x, graph.constant(weight), padding=1)), 2, return_indices=True)
    graph.output("p", pooled)
    graph.output("idx", index)
    return graph, weight


def expected(np, image, weight):
    padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    conv = sum(np.einsum("nchw,oc->nohw", padded[:, :, i:i + 8, j:j + 8], weight[:, :, i, j].astype(np.float64))
               for i in range(3) for j in range(3))
    windows = np.maximum(conv, 0).reshape(-1, 4, 4, 2, 4, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4, 4, 4, 4)
    return windows.max(-1)


def built_graph_is_compiled_and_called(nnfc, np, folder):
    graph, weight = network(nnfc, np)
    model = nnfc.compile(graph, cpu="native")
    expect(model.name == "net" and model.inputs[0] == ("x", "float32", ("N", 3, 8, 8), False), f"{model!r}")
    expect([t.name for t in model.outputs] == ["p", "idx"] and model.outputs[1].dtype == "int64", f"{model!r}")
    for batch in (1, 3):
        image = np.random.default_rng(batch).standard_normal((batch, 3, 8, 8)).astype(np.float32)
        pooled, index = model(image)
        expect(np.allclose(pooled, expected(np, image, weight), 1e-4, 1e-5), "other values than numpy's")
        expect(index.dtype == np.int64 and index.shape == (batch, 4, 4, 4), f"indices {index.dtype} {index.shape}")
        expect((model(x=image)[0] == pooled).all(), "by name it gives other results")


def library_needs_no_compiler(nnfc, np, folder):
    graph, weight = network(nnfc, np)
    nnfc.compile(graph, folder / "net.so")
    image = np.ones((2, 3, 8, 8), np.float32)
    os.environ["NNFC_PROGRAM"] = "/nowhere/nnfc"
    try:
        model = nnfc.load(folder / "net.so", threads=1)
        expect(np.allclose(model(image)[0], expected(np, image, weight), 1e-4, 1e-5), "other values than numpy's")
        refused(FileNotFoundError, "/nowhere/nnfc", lambda: nnfc.compile(graph))
    finally:
        del os.environ["NNFC_PROGRAM"]


def memory_is_shared(nnfc, np, folder):
    """A run writes the new value of an in-out input into the caller's array; nothing else could."""
    graph = nnfc.Graph("counter")
    x = graph.input("x", "float32", [4])
    graph.output("y", graph.relu_(x))
    model = nnfc.compile(graph)
    expect(model.inputs[0].is_inout, f"{model.inputs}")
    array = np.array([-1, 2, -3, 4], np.float32)
    model(array)
    expect((array == [0, 2, 0, 4]).all(), f"the array is {array} after the run")
    array = np.array([-1, 2, -3, 4], np.float32)
    array.flags.writeable = False
    refused(ValueError, "read-only", lambda: model(array))
    refused(ValueError, "not row-major", lambda: model(np.zeros(8, np.float32)[::2]))


class Lent:
    """An array that is known by DLPack alone, and how often it was asked for."""

    def __init__(self, array):
        self.array, self.asked = array, 0

    def __dlpack__(self, stream=None):
        self.asked += 1
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def dlpack_is_taken(nnfc, np, folder):
    graph, weight = network(nnfc, np)
    model = nnfc.compile(graph)
    image = np.random.default_rng(5).standard_normal((2, 3, 8, 8)).astype(np.float32)
    lent = Lent(image)
    expect((model(lent)[0] == model(image)[0]).all() and lent.asked == 1, f"asked {lent.asked} times")
    expect(np.allclose(model(image.transpose(0, 1, 3, 2))[0], expected(np, image.transpose(0, 1, 3, 2), weight), 1e-4, 1e-5),
           "an array that is not compact gives other values")
    references = sys.getrefcount(image)
    for _ in range(100):
        model(Lent(image))
    expect(sys.getrefcount(image) == references, "tensors are not given back")


def torch_in_torch_out(nnfc, np, folder):
    module = torch()
    graph, weight = network(nnfc, np)
    model = nnfc.compile(graph)
    image = module.randn(2, 3, 8, 8, requires_grad=True)
    pooled, index = model(image)
    want, where = module.nn.functional.max_pool2d(
        module.relu(module.nn.functional.conv2d(image, module.from_numpy(weight), padding=1)), 2, return_indices=True)
    expect(isinstance(pooled, module.Tensor) and module.allclose(pooled, want, 1e-4, 1e-5), "other values than torch's")
    expect((index == where).all(), "other indices than torch's")
    half = nnfc.Graph("half")
    half.output("y", half.add(half.input("x", module.bfloat16, [4]), half.constant(module.ones(4).bfloat16())))
    x = module.tensor([1, 2.5, -3, 100]).bfloat16()
    expect((nnfc.compile(half)(x) == x + 1).all(), "bfloat16: other values than torch's")


def errors_are_exceptions(nnfc, np, folder):
    graph, _ = network(nnfc, np)
    model = nnfc.compile(graph)
    image = np.zeros((2, 3, 8, 8), np.float32)
    refused(nnfc.Error, "input 'x': dtype float64, expected float32", lambda: model(image.astype(np.float64)))
    refused(nnfc.Error, "input 'x': size 7 in dimension 3, expected 8", lambda: model(image[..., :7]))
    refused(nnfc.Error, "input 'x': rank 3", lambda: model(image[0]))
    refused(TypeError, "input 'x' is missing", lambda: model())
    refused(TypeError, "no input 'y', expected x", lambda: model(image, y=1))
    refused(TypeError, "2 inputs given, expected 1: x", lambda: model(image, image))
    refused(nnfc.Error, "nowhere.so", lambda: nnfc.load("/nowhere.so"))
    # The compiler's words, as it says them on the command line.
    program = Path(nnfc.__file__).parent / "bin" / "nnfc"
    said = subprocess.run([program, "compile", "nowhere.onnx", "-o", "x.so"], cwd=folder, capture_output=True, text=True)
    error = refused(nnfc.CompileError, "nowhere.onnx", lambda: nnfc.compile("nowhere.onnx"))
    expect("error: " + error.message == said.stderr.splitlines()[0], f"{error.message!r}, but nnfc says {said.stderr!r}")


def errors_name_the_line(nnfc, np, folder):
    graph = nnfc.Graph("bad")
    x = graph.input("x", "float32", [2, 3, 8, 8])
    line = inspect.currentframe().f_lineno + 1
    y = graph.conv2d(x, graph.constant(np.zeros((4, 3, 3), np.float32)), node="stem")
    graph.output("y", y)
    error = refused(nnfc.CompileError, "node 'stem' (conv2d), argument 'weight'", lambda: nnfc.compile(graph))
    expect(f"at {__file__}:{line}" in str(error), f"no line {line} in {error}")
    expect("graph.nnf" not in str(error), f"{error} speaks of the compiler's own file")
    table = nnfc.Graph("table")
    place = inspect.currentframe().f_lineno + 2
    table.output("y", table.relu(
        table.embedding(table.input("i", "int64", [2]), table.constant(np.zeros((4, 3), np.float32)), node="words")))
    model = nnfc.compile(table)
    error = refused(nnfc.Error, "node 'words' (embedding), argument 'input': index 4", lambda: model(np.array([0, 4])))
    expect(str(error).endswith(f"[NNFC-E0501]\n  at {__file__}:{place}"), f"no line {place} in {error}")
    other = nnfc.Graph("other")
    refused(TypeError, "expected a tensor of this graph", lambda: other.relu(x))
    refused(TypeError, "argument 'input': ndarray", lambda: graph.relu(np.zeros(3)))
    refused(ValueError, "'x' is there already", lambda: graph.input("x", "float32", [1]))
    refused(ValueError, "no output", lambda: nnfc.compile(other))


def every_function_is_there(nnfc, np, folder):
    """With the parameters and defaults that `nnfc ops` tells, and with what each takes, gives and refuses."""
    program = Path(nnfc.__file__).parent / "bin" / "nnfc"
    listed = subprocess.run([program, "ops"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    expect(len(names) > 150, f"{len(names)} functions")
    for name in names[::7] + ["arange", "multi_head_attention_forward", "split"]:
        signature = subprocess.run([program, "ops", name], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        told = dict(part.partition("=")[::2] for part in __import__("re").findall(
            r"(\w+(?:=(?:\([^)]*\)|'[^']*'|[^,()]+))?)(?:, |\)$)", signature[len(name) + 1:]))
        found = inspect.signature(getattr(nnfc.Graph, name)).parameters
        for parameter, default in told.items():
            expect(parameter in found, f"{name}: no parameter {parameter}")
            if default:
                expect(found[parameter].default == eval(default, {"inf": float("inf")}), f"{name}: {parameter} is "
                       f"{found[parameter].default!r}, expected {default}")
            else:
                expect(found[parameter].default is inspect.Parameter.empty, f"{name}: {parameter} has a default")
    for name in sorted(set(names) - {"data_parallel"}):  # which is the runtime's, and no part of a graph
        told = inspect.getdoc(getattr(nnfc.Graph, name)) or ""
        lacks = [part for part in ("Value: ", "\nTakes\n", "\nGives\n- ") if part not in told]
        expect(not lacks, f"help on {name} lacks {lacks}")
    told = inspect.getdoc(nnfc.Graph.conv2d)
    expect("- `weight`: tensor; dtype of input `[Cout, Cin/groups, kh, kw]`" in told and
           "`rank 1, expected 4 [out, in/groups, kh, kw]`" in told, f"help on conv2d is {told}")


def lists_and_operators(nnfc, np, folder):
    graph = nnfc.Graph("lists")
    x = graph.input("x", "float32", [2, 6])
    parts = graph.split(x, [1, 2, 3], dim=1, pieces=3)
    graph.output("y", graph.cat([parts[2], parts[0] * 2 + 1, -parts[1] / 4], dim=1))
    graph.output("z", 1 - x @ graph.constant(np.eye(6, dtype=np.float32)))
    graph.output("w", graph.where(graph.gt(x, 0), x, graph.constant([[10.0], [20.0]])))
    array = np.random.default_rng(2).standard_normal((2, 6)).astype(np.float32)
    y, z, w = nnfc.compile(graph)(array)
    want = np.concatenate([array[:, 3:], array[:, :1] * 2 + 1, -array[:, 1:3] / 4], 1)
    expect(np.allclose(y, want) and np.allclose(z, 1 - array, atol=1e-6), "other values than numpy's")
    expect((w == np.where(array > 0, array, [[10], [20]]).astype(np.float32)).all(), "where: other values than numpy's")


def graphs_are_saved(nnfc, np, folder):
    """The file that the command line reads; with numbers that protobuf writes in its own way."""
    graph = nnfc.Graph("saved")
    x = graph.input("x", "int64", [3])
    graph.output("y", graph.add(graph.mul(x, -3), 2**40))
    graph.save(folder / "saved.nnf")
    model = nnfc.compile(folder / "saved.nnf")
    expect((model(np.array([1, -2, 3])) == np.array([1, -2, 3]) * -3 + 2**40).all(), "other values than numpy's")
    fixed = nnfc.compile(network(nnfc, np)[0], dims={"N": 2}, opt=1, accuracy="strict")
    expect(fixed.inputs[0].shape == (2, 3, 8, 8), f"{fixed!r}")


def threads_share_a_model(nnfc, np, folder):
    graph, _ = network(nnfc, np)
    model = nnfc.compile(graph)
    images = [np.random.default_rng(i).standard_normal((4, 3, 8, 8)).astype(np.float32) for i in range(4)]
    wanted, wrong = [model(image)[0] for image in images], []

    def work(i):
        for _ in range(50):
            if not (model(images[i])[0] == wanted[i]).all():
                wrong.append(i)
    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expect(not wrong, f"other results in threads {wrong}")


CASES = [built_graph_is_compiled_and_called, library_needs_no_compiler, memory_is_shared, dlpack_is_taken, torch_in_torch_out,
         errors_are_exceptions, errors_name_the_line, every_function_is_there, lists_and_operators, graphs_are_saved,
         threads_share_a_model]
NAMES = [case.__name__ for case in CASES]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    import numpy
    import nnfc
    for case in CASES:
        if options.only not in case.__name__:
            continue
        with tempfile.TemporaryDirectory(prefix="nnf-python-") as folder:
            try:
                case(nnfc, numpy, Path(folder))
                print(f"ok {case.__name__}", flush=True)
            except Skip as why:
                print(f"skip {case.__name__}: {why}", flush=True)
            except Exception as why:  # the next cases are run all the same
                where = traceback.extract_tb(why.__traceback__)[-1].lineno
                print(f"FAIL {case.__name__}: {type(why).__name__} at line {where}: {str(why)!r}", flush=True)


if __name__ == "__main__":
    main()
