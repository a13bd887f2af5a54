"""Calling the compiler. It is a program of its own: what goes wrong in it cannot take this process along, and its LLVM
does not meet one that another package has loaded."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ._runtime import Error
from .model import Model


class CompileError(Error):
    """The compiler refused a model. `message` is what it says first, `detail` all of it."""

    def __init__(self, text):
        lines = text.strip().splitlines() or ["the compiler says nothing"]
        self.detail = text.strip()
        self.message = re.sub(r"^error: ", "", lines[0])
        super().__init__("\n".join([self.message, *lines[1:]]))


def program():
    """Where nnfc is: $NNFC_PROGRAM, in this package, or in PATH."""
    if os.environ.get("NNFC_PROGRAM"):
        return os.environ["NNFC_PROGRAM"]
    inside = Path(__file__).parent / "bin" / "nnfc"
    found = str(inside) if inside.is_file() else shutil.which("nnfc")
    if not found:
        raise CompileError("the program nnfc was not found: expected it in the package, in PATH, or in $NNFC_PROGRAM")
    return found


def compile(model, output=None, *, cpu="native", dims=None, opt=2, accuracy="default", name=None, weights="embed",
            tuning=None, inout=None, options=(), threads=0, seed=0):
    """Compiles a model file (*.onnx, *.nnf, *.nnf.txt, *.mlir) or an nnfc.Graph.

    output    where to keep the library (*.so); None: nowhere, it lives as long as the model
    dims      {"N": 1}: named sizes that are fixed
    inout     {"past": "present"}: an output that is the new value of an input
    options   more of `nnfc compile`, as they are on the command line

    The others are as `nnfc compile` has them. Returns an nnfc.Model; of other outputs than *.so, None.
    """
    with tempfile.TemporaryDirectory(prefix="nnfc-") as folder:
        library = str(output) if output is not None else os.path.join(folder, "model.so")
        graph = None
        if hasattr(model, "save") and hasattr(model, "explain"):
            graph, model = model, os.path.join(folder, "graph.nnf")
            graph.save(model)
            name = name or graph.name
        command = [program(), "compile", os.fspath(model), "-o", library, f"--cpu={cpu}", f"-O{int(opt)}",
                   f"--accuracy={accuracy}", f"--weights={weights}"]
        command += [f"--dim={symbol}={int(size)}" for symbol, size in (dims or {}).items()]
        command += [f"--inout={a}={b}" for a, b in (inout or {}).items()]
        command += [f"--name={name}"] if name else []
        command += [f"--tuning={os.fspath(tuning)}"] if tuning else []
        done = subprocess.run([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace")
        if done.returncode:
            text = done.stderr
            if done.returncode < 0:
                text = f"internal: the compiler was ended by signal {-done.returncode}\n" + text
            raise CompileError(graph.explain(text) if graph else text)
        return Model(library, None, threads, seed) if library.endswith(".so") else None
