"""The engines that ./dev bench measures, a module each. What a module has:

    TITLE                           its name in tables and plots
    version()                       what is measured: a text for the head of the report
    environment(threads)            variables its process is started with
    compile(case)                   where it compiles beforehand: does so, unless its files below case.work are current
    shipped(case)                   the files of the model that a user would ship
    NOT_FOR_CPU                     where it has that: parts of the names of libraries that do not count
    load(case, threads)             gives run(), which gives the outputs, {name: array}; it is called in the engine's own process

`load` imports the engine: modules are imported by who only wants a name. Where an engine has a choice it is set to what
its documentation recommends for latency, in float32, and the module says so. Calls go through the engine's Python
interface, with inputs and, where it can, outputs bound beforehand.
"""
import importlib
import json
from pathlib import Path

ALL = ["nnfc", "onnxruntime", "openvino", "pytorch", "iree"]
# Engine -> another way to ship its models, that differs in how they start.
STARTS_ALSO_AS = {"pytorch": "aotinductor"}


class Unable(Exception):
    """The engine cannot do this; the text stands in the table."""


class Case:
    """An exported model (bench/cases.py) and the folder where engines keep what they make of it."""

    def __init__(self, folder, build):
        self.folder, self.build = Path(folder), Path(build)
        self.about = json.loads((self.folder / "case.json").read_text())
        self.key = self.folder.name
        self.onnx = self.folder / "model.onnx"

    def work(self, engine):
        folder = self.build / "bench" / engine / self.about["level"]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def tensors(self, part):
        """`inputs` or `expected`, in the model's order: {name: array}."""
        import numpy as np
        found = {path.stem: np.load(path) for path in sorted((self.folder / part).glob("*.npy"))}
        return {name: found[name] for name in self.about["inputs" if part == "inputs" else "outputs"]}


def module(name):
    return importlib.import_module(f"engines.{name}")


def out_of_date(made, *sources):
    return not made.exists() or any(made.stat().st_mtime < Path(source).stat().st_mtime for source in sources)
