"""Cases beside ONNX's suite, for what it has none of: more ranks, sizes that only the run knows, large tensors.

A case is a function that returns its inputs and the outputs to expect, or, when outputs are drawn, runs the program
and says what is wrong with what comes out.
"""
import nnf
import numpy as np
import onnx
from onnx import numpy_helper, parser

CASES, CHECKS = {}, {}


def model(graph, opset=17):
    """A graph in ONNX's text form: "(float[N] x) => (float[N] y) { y = Relu(x) }"."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}, "ai.onnx.preview.training" : 1]> '
                              f"case {graph}")


def case(graph, opset=17):
    """The function gives (inputs, outputs), lists of arrays."""
    def add(function):
        CASES[function.__name__] = (model(graph, opset), *function())
        return function
    return add


def draws(graph, *inputs, opset=17):
    """The function gets drawn(seed=0), which runs the inputs in a new context and returns the outputs by name."""
    def add(function):
        proto = model(graph, opset)
        CASES[function.__name__] = (proto, inputs, [])
        names = [info.name for info in proto.graph.input]

        def check(program):
            def drawn(seed=0):
                with nnf.Context(program, threads=1, seed=seed) as context:
                    return context.run(dict(zip(names, inputs)))
            return function(drawn)
        CHECKS[function.__name__] = check
        return function
    return add


def fails(graph, text, *inputs, opset=17):
    """A case whose run must end with this error."""
    def add(function):
        proto = model(graph, opset)
        CASES[function.__name__] = (proto, inputs, [])
        names = [info.name for info in proto.graph.input]

        def check(program):
            with nnf.Context(program, threads=1) as context:
                try:
                    context.run(dict(zip(names, inputs)))
                except nnf.Error as error:
                    return None if text in str(error) else f"'{error}', expected '{text}'"
            return f"no error, expected '{text}'"
        CHECKS[function.__name__] = check
        return function
    return add


def write(folder):
    """Writes every case as the suite has them; returns their folders."""
    folders = []
    for name, (proto, inputs, outputs) in CASES.items():
        data = folder / name / "test_data_set_0"
        data.mkdir(parents=True)
        onnx.save(proto, folder / name / "model.onnx")
        for kind, arrays in ("input", inputs), ("output", outputs):
            for i, array in enumerate(arrays):
                (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.asarray(array)).SerializeToString())
        folders.append(folder / name)
    return folders


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
