"""Graphs made in Python: a method for each function, with torch's names, parameters and defaults."""
import numbers
import re
import sys

from . import message
from .functions import Functions


class Tensor:
    """A tensor of a Graph. The operators are functions of it: x + 1 is graph.add(x, 1), x @ y is graph.matmul(x, y).
    It has no data: it stands for what each run computes. `name` is its name in the graph."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def __add__(self, other): return self.graph.add(self, other)
    def __radd__(self, other): return self.graph.add(self, other)
    def __sub__(self, other): return self.graph.sub(self, other)
    def __rsub__(self, other): return self.graph.add(self.graph.neg(self), other)
    def __mul__(self, other): return self.graph.mul(self, other)
    def __rmul__(self, other): return self.graph.mul(self, other)
    def __truediv__(self, other): return self.graph.div(self, other)
    def __matmul__(self, other): return self.graph.matmul(self, other)
    def __neg__(self): return self.graph.neg(self)
    def __repr__(self): return f"nnfc.Tensor({self.name!r})"


class Graph(Functions):
    """A graph under construction:

        g = nnfc.Graph("net")
        x = g.input("x", "float32", ["N", 8])
        g.output("y", g.relu(g.linear(x, g.constant(weight))))
        model = nnfc.compile(g)

    A method for each function of torch's, with its parameters and defaults, and `node` besides: what the call is called
    in messages. Types are checked when it is compiled; an error then names the line here that added the node. Before
    that, TypeError and ValueError say what no graph may have: a tensor of another graph, an argument that is neither
    tensor nor number nor word, a name that is taken.
    """

    def __init__(self, name="graph"):
        self.name = name
        self._inputs, self._constants, self._nodes = [], [], []
        self._names, self._input_names = set(), set()
        self._places = {}  # of each node: the line that added it
        self._renamed = []  # of each output: its name, and the tensor that is to have it

    def input(self, name, dtype, shape) -> Tensor:
        """Adds an input and returns its Tensor.

        name      not taken by another tensor of the graph
        dtype     "float32", …, torch.float32 or numpy.float32
        shape     sizes in elements, outermost first: numbers, or names that the run binds; equal names are equal sizes
        """
        self._take(name)
        self._input_names.add(name)
        self._inputs.append(message.graph_input(name, _dtype_name(dtype), _sizes(shape)))
        return Tensor(self, name)

    def constant(self, value, name=None, dtype=None) -> Tensor:
        """Adds a constant and returns its Tensor. Its elements are copied here.

        value     a NumPy array, a torch tensor, or what NumPy makes an array of
        name      in messages and in `nnfc inspect`; None: made up
        dtype     None: the array's own; of Python's numbers float32 and int64, as torch has it
        """
        data, found, shape = _bytes_of(value, dtype)
        name = self._take(name) if name else self._fresh("constant")
        self._constants.append((name, found, shape, data))
        return Tensor(self, name)

    def output(self, name, tensor):
        """Adds an output, called `name`; outputs keep the order of these calls. ValueError for a name that is taken,
        and for a tensor that is an input or an output already."""
        own = self._own(tensor, "output")
        if name != own:
            # An output is called as its tensor is, which therefore takes the name; an input has one already.
            if own in self._input_names:
                raise ValueError(f"output '{name}' is the input '{own}' itself: an output of that name, or a copy of it")
            if any(own == known for _, known in self._renamed):
                raise ValueError(f"output '{name}': its tensor is an output already")
            self._take(name)
        elif any(name == known for known, _ in self._renamed):
            raise ValueError(f"output '{name}' is given twice")
        self._renamed.append((name, own))

    def call(self, function, outputs=1, node=None, **arguments):
        """Calls a function by its name, for names that only the program knows when it runs.

        function    as `nnfc ops` lists it: "conv2d", "relu_"
        outputs     how many it has; a Tensor for one, else a tuple
        arguments   by the names of its parameters: Tensors, numbers, words, lists of one kind of these
        """
        return self._call(function, arguments, outputs, node)

    def save(self, path):
        """Writes a *.nnf file, with constants inside, which `nnfc compile` and nnfc.compile take. ValueError for a
        graph without an output."""
        if not self._renamed:
            raise ValueError(f"graph '{self.name}' has no output")
        named = {tensor: name for name, tensor in self._renamed}

        def final(kind, value):
            if kind == "tensor":
                return named.get(value, value)
            return [named.get(tensor, tensor) for tensor in value] if kind == "tensors" else value

        nodes = [message.node(function, node,
                              [message.argument(name, kind, final(kind, value)) for name, kind, value in arguments],
                              [named.get(output, output) for output in outputs])
                 for function, node, arguments, outputs in self._nodes]
        constants = [message.constant(named.get(name, name), *rest) for name, *rest in self._constants]
        with open(path, "wb") as file:
            file.write(message.graph(self.name, self._inputs, constants, nodes, [name for name, _ in self._renamed]))

    @property
    def places(self):
        """Of each node, by its name, the file and the line that added it."""
        return dict(self._places)

    # ---- for the generated methods

    def _call(self, function, arguments, outputs, node, as_list=False):
        base = node or _free(function, self._places)
        if base in self._places:
            raise ValueError(f"node '{base}' is there already")
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("nnfc."):
            frame = frame.f_back
        self._places[base] = (frame.f_code.co_filename, frame.f_lineno)
        encoded = [(name, *self._encode(function, name, value)) for name, value in arguments.items()
                   if value is not None]
        names = [self._fresh(f"{base}.{i}" if i else base) for i in range(outputs)]
        self._nodes.append((function, base, encoded, names))
        tensors = [Tensor(self, name) for name in names]
        return tensors if as_list else tensors[0] if outputs == 1 else tuple(tensors)

    def _encode(self, function, name, value):
        """The member of Argument for a value, and the value in it."""
        if isinstance(value, Tensor):
            return "tensor", self._own(value, f"{function}, argument '{name}'")
        if isinstance(value, bool):
            return "b", value
        if isinstance(value, str):
            return "s", value
        if isinstance(value, numbers.Integral):
            return "i", int(value)
        if isinstance(value, numbers.Real):
            return "f", float(value)
        if isinstance(value, (list, tuple)):
            if value and all(isinstance(entry, Tensor) for entry in value):
                return "tensors", [self._own(entry, f"{function}, argument '{name}'") for entry in value]
            if all(isinstance(entry, numbers.Integral) for entry in value):
                return "ints", [int(entry) for entry in value]
            if all(isinstance(entry, numbers.Real) for entry in value):
                return "floats", [float(entry) for entry in value]
        if name == "dtype":
            return "s", _dtype_name(value)
        raise TypeError(f"{function}, argument '{name}': {type(value).__name__}, expected a tensor of the graph, a "
                        "number, a word, or a list of one kind of these (arrays go in with constant())")

    def _own(self, tensor, where):
        if not isinstance(tensor, Tensor) or tensor.graph is not self:
            raise TypeError(f"{where}: expected a tensor of this graph")
        return tensor.name

    def _take(self, name):
        if not isinstance(name, str) or not name:
            raise TypeError("a tensor's name is text, and not empty")
        if name in self._names:
            raise ValueError(f"tensor '{name}' is there already")
        self._names.add(name)
        return name

    def _fresh(self, base):
        name = _free(base, self._names)
        self._names.add(name)
        return name


def with_place(text, places):
    """Words of the compiler or of a run, with the line that added the node they name, of `Graph.places`. Text that names
    none of these nodes is given back as it is."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        found = re.search(r"node '([^']*)'", line)
        if found and found.group(1) in places:
            file, number = places[found.group(1)]
            # In place of where the node stands in the file that the compiler was given, which nobody else sees.
            rest = [later for later in lines[i + 1 :] if not later.startswith("  at graph.nnf")]
            return "\n".join([*lines[: i + 1], f"  at {file}:{number}", *rest])
    return text


def _free(base, taken):
    """The name, or the first of name_1, name_2, … that is not taken."""
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def _dtype_name(dtype):
    """Of text, a torch dtype ("torch.float32") or a NumPy one."""
    text = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None) or str(dtype)
    text = text.removeprefix("torch.") if hasattr(text, "removeprefix") else text.replace("torch.", "")
    text = {"bool_": "bool", "float": "float32", "double": "float64"}.get(text, text)
    if text not in message.DTYPES:
        raise TypeError(f"dtype {text}, expected one of {', '.join(message.DTYPES)}")
    return text


def _sizes(shape):
    for size in shape:
        if not isinstance(size, str) and not hasattr(size, "__index__"):
            raise TypeError(f"size {size!r}, expected a number or a name")
    return [size if isinstance(size, str) else size.__index__() for size in shape]


def _bytes_of(value, dtype):
    """Little-endian row-major bytes, dtype and sizes."""
    import numpy
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().contiguous()
        found = _dtype_name(value.dtype)
        if found == "bfloat16":
            return value.view(torch.int16).numpy().tobytes(), found, list(value.shape)
        value = value.numpy()
    array = numpy.asarray(value, dtype=None if dtype is None else _dtype_name(dtype))
    if dtype is None and array.dtype == numpy.float64 and not isinstance(value, (numpy.ndarray, numpy.generic)):
        array = array.astype(numpy.float32)  # Python's numbers: torch's default
    found = _dtype_name(array.dtype)
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), found, list(array.shape)
