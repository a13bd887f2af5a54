"""Compiled models: what they take and give, and calling them."""
import sys
import threading
from typing import NamedTuple, Optional, Tuple, Union

from . import _runtime
from .graph import with_place


class TensorInfo(NamedTuple):
    """An input or output. Sizes are in elements, outermost first: numbers, names of sizes that inputs decide (equal
    names are equal sizes), or None where only the run knows. The dtype is "float32", "float64", "float16", "bfloat16",
    "int8" to "int64", "uint8" to "uint64" or "bool"."""
    name: str
    dtype: str
    shape: Tuple[Union[int, str, None], ...]
    is_inout: bool  # an input that holds its new value after a run


class Model:
    """A compiled model. Call it with arrays in the order of its inputs, or by their names:

        y = model(x)
        y = model(x=x)

    inputs, outputs   lists of nnfc.TensorInfo, in the order of the call and of its results

    Made by nnfc.compile and nnfc.load. Any number of threads may call a model at once.
    """

    def __init__(self, path, name=None, threads=0, seed=0, places=None):
        self._program = _runtime.Program(str(path), name)
        self._threads, self._seed = threads, seed
        self._places = places or {}  # of nodes: the lines that added them, where a Graph was compiled
        self._lock = threading.Lock()
        self._idle = []  # contexts that no thread uses now
        self.inputs = [TensorInfo(*entry) for entry in self._program.tensors(True)]
        self.outputs = [TensorInfo(*entry) for entry in self._program.tensors(False)]

    @property
    def name(self):
        """What it is called in its library."""
        return self._program.name

    @property
    def target(self):
        """The machine it was compiled for, as LLVM writes it: "x86_64-pc-linux-gnu emeraldrapids"."""
        return self._program.target

    def __call__(self, *args, **kwargs):
        """One run: inputs in order, or by their names.

        Each is a NumPy array, a torch tensor, or anything else with `__dlpack__`, of the dtype, rank and sizes that
        `inputs` says; of Python's numbers and lists an array of that dtype is made. Its memory is read where it lies,
        if it is compact and row-major, else from a copy; that of an in-out input is written, and no copy will do. The
        result is a new NumPy array, or a torch tensor where an input was one; a tuple of them where there are several
        outputs.

        Raises TypeError for inputs that are missing, unknown, given twice or of a dtype that no model has, ValueError
        for an in-out input that cannot be written where it lies, nnfc.Error for a dtype or sizes that this model does
        not take and for checks that fail on the data. The message names the input, what was found and expected.
        """
        values = self._in_order(args, kwargs)
        with self._lock:
            context = self._idle.pop() if self._idle else None
        if context is None:
            context = _runtime.Context(self._program, self._threads, self._seed)
        try:
            results = context.run(values)
        except _runtime.Error as error:
            raise _runtime.Error(with_place(str(error), self._places)) from None
        finally:
            with self._lock:
                self._idle.append(context)
        torch = sys.modules.get("torch")
        if torch is not None and any(isinstance(value, torch.Tensor) for value in values):
            results = [_to_torch(torch, array, info) for array, info in zip(results, self.outputs)]
        return results[0] if len(results) == 1 else tuple(results)

    def _in_order(self, args, kwargs):
        names = [info.name for info in self.inputs]
        if len(args) > len(names):
            raise TypeError(f"{len(args)} inputs given, expected {len(names)}: {', '.join(names) or 'none'}")
        given = dict(zip(names, args))
        for name, value in kwargs.items():
            if name not in names:
                raise TypeError(f"no input '{name}', expected {', '.join(names) or 'none'}")
            if name in given:
                raise TypeError(f"input '{name}' is given twice")
            given[name] = value
        missing = [name for name in names if name not in given]
        if missing:
            raise TypeError(f"input '{missing[0]}' is missing")
        return [given[name] for name in names]

    def __repr__(self):
        def text(tensors):
            return ", ".join(f"{t.name}: {t.dtype} [{', '.join(str(s) for s in t.shape)}]" for t in tensors)
        return f"nnfc.Model({self.name}: ({text(self.inputs)}) -> ({text(self.outputs)}))"


def _to_torch(torch, array, info):
    """On the array's memory."""
    if info.dtype == "bfloat16":  # which torch takes from no NumPy dtype
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def load(path, name: Optional[str] = None, *, threads: int = 0, seed: int = 0) -> Model:
    """A compiled library (*.so), as an nnfc.Model. Needs no compiler.

    name      which model, where the library has several
    threads   of a run at most; 0: as many as the process may use. Results do not depend on it
    seed      of random functions

    Raises nnfc.Error where there is no such file or model, where it was made for another machine or a later runtime,
    and where weights beside it are not those it was made with.
    """
    return Model(path, name, threads, seed)
