"""Calling the compiler. It is a program of its own: what goes wrong in it cannot take this process along, and its LLVM
does not meet one that another package has loaded."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ._runtime import Error
from .graph import with_place
from .model import Model


class CompileError(Error):
    """The compiler refused a model, or was not found. A nnfc.Error.

    message   what it says first: node, function, argument, what was found and what was expected
    detail    all it says: of a Graph, the line of Python that added the node as well
    """

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

    output    where to keep the library (*.so); None: nowhere, it lives as long as the model. What is made follows the
              extension: *.o and *.a come with a *.h, *.s, *.ll and *.mlir are text
    cpu       "native", "x86-64-v2", "x86-64-v3", "x86-64-v4" or a CPU that LLVM knows
    dims      {"N": 1}: named sizes that are fixed, in elements
    opt       how hard to optimise, 0 to 3
    accuracy  "strict": no algorithm that rounds otherwise than the function says; "default"; "relaxed": errors up to
              1e-5 of the largest result
    name      the model's name in the library; None: the graph's or the file's
    weights   "embed", or "external": a file beside `output`, which has to stay there
    tuning    a file that `nnfc tune` has written
    inout     {"past": "present"}: an output that is the new value of an input
    options   more of `nnfc compile`, as they are on the command line
    threads, seed   as nnfc.load has them

    Returns an nnfc.Model; of other outputs than *.so, None. Raises nnfc.CompileError where the compiler refuses the
    model, nnfc.Error where this machine cannot run what was made, ValueError for a Graph without an output.
    """
    with tempfile.TemporaryDirectory(prefix="nnfc-") as folder:
        library = str(output) if output is not None else os.path.join(folder, "model.so")
        graph = None
        if hasattr(model, "save") and hasattr(model, "places"):
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
            raise CompileError(with_place(text, graph.places) if graph else text)
        return Model(library, None, threads, seed, graph.places if graph else {}) if library.endswith(".so") else None
