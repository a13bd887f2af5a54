"""Reading rows: one case a line, `op  name=value …  [error: text | run error: text]`.

Values:
  f32[2,3]            a random tensor; dtypes f32 f64 f16 bf16 i64 i32 i16 i8 u8 bool; [] is a scalar; a size may be
                      symbolic with its size in this case: f32[N:2,3]
  f32[2,3]~unit       options: ~unit in 0..1, ~positive, ~special (nan, inf, -inf, 0, -0 among them), ~big, ~const (a
                      constant of the graph, not an input)
  i64[5]<10           integers from 0 to 9
  [-2, 0, nan]        a literal tensor, float32, or [1, 2]~i64
  {f32[2], f32[3]}    a list of tensors
  (1, 2)  2  0.5  true  "tanh"  none       parameters: lists, numbers, bools, words, left out
`also=(running_mean)` makes the new value of an argument that is changed in place an output, too.
"""
import re
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch

DTYPES = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16, "i64": torch.int64,
          "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool}
GRAPH_DTYPES = {"f32": "FLOAT32", "f64": "FLOAT64", "f16": "FLOAT16", "bf16": "BFLOAT16", "i64": "INT64", "i32": "INT32",
                "i16": "INT16", "i8": "INT8", "u8": "UINT8", "bool": "BOOL"}
TENSOR = re.compile(r"^(f32|f64|f16|bf16|i64|i32|i16|i8|u8|bool)\[([^\]]*)\](?:<(\d+))?((?:~\w+)*)$")
LITERAL = re.compile(r"^\[(.*)\]((?:~\w+)*)$", re.S)


@dataclass
class TensorValue:
    """A tensor argument: its data, and how the graph declares it."""
    data: torch.Tensor
    dtype: str
    dims: list  # int, or (symbol, size)
    is_constant: bool = False


@dataclass
class Row:
    file: str
    line: int
    text: str
    op: str
    arguments: dict = field(default_factory=dict)  # name -> TensorValue, list of them, or a Python value
    also: tuple = ()
    compile_error: str = None
    run_error: str = None

    @property
    def name(self):
        return f"{self.file}:{self.line}"


def split_words(text):
    """At whitespace outside brackets and quotes."""
    words, word, depth, quoted = [], "", 0, False
    for c in text:
        if c == '"':
            quoted = not quoted
        if not quoted:
            depth += (c in "[({") - (c in "])}")
            if c.isspace() and depth == 0:
                if word:
                    words.append(word)
                word = ""
                continue
        word += c
    return words + ([word] if word else [])


def split_list(text):
    """At commas outside brackets."""
    items, item, depth = [], "", 0
    for c in text:
        depth += (c in "[({") - (c in "])}")
        if c == "," and depth == 0:
            items.append(item.strip())
            item = ""
        else:
            item += c
    return items + ([item.strip()] if item.strip() else [])


def scalar(text):
    if text in ("true", "false"):
        return text == "true"
    if text == "none":
        return None
    if text.startswith('"'):
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        return float(text)


def random_tensor(rng, dtype, shape, bound, options):
    if dtype == "bool":
        return torch.from_numpy(np.asarray(rng.random(shape) < 0.5))
    if dtype in ("f32", "f64", "f16", "bf16"):
        values = rng.random(shape) if "unit" in options else rng.standard_normal(shape)
        values = np.asarray(values, dtype=np.float64)
        if "positive" in options:
            values = np.asarray(np.abs(values) + 0.1)
        if "big" in options:
            values = np.asarray(values * 1e4)
        if "special" in options:
            flat = values.reshape(-1)
            for i, special in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0)):
                if flat.size:
                    flat[(i * 7 + 3) % flat.size] = special
        return torch.from_numpy(values).to(DTYPES[dtype])
    low, high = (0, int(bound)) if bound else ((0, 9) if dtype == "u8" else (-5, 6))
    return torch.from_numpy(np.asarray(rng.integers(low, high, shape))).to(DTYPES[dtype])


def nested(text):
    """A literal's numbers as nested lists; whole numbers stay exact."""
    return [nested(item[1:-1]) if item.startswith("[") else scalar(item) for item in split_list(text)]


def value_of(text, rng):
    if match := TENSOR.match(text):
        dtype, sizes, bound, options = match.groups()
        dims = []
        for size in split_list(sizes):
            symbol, _, number = size.rpartition(":")
            dims.append((symbol, int(number)) if symbol else int(number))
        shape = tuple(d[1] if isinstance(d, tuple) else d for d in dims)
        options = options.split("~")[1:]
        return TensorValue(random_tensor(rng, dtype, shape, bound, options), dtype, dims, "const" in options)
    if match := LITERAL.match(text):
        options = match[2].split("~")[1:]
        dtype = next((o for o in options if o in DTYPES), "f32")
        numbers = nested(match[1])
        data = torch.tensor(numbers, dtype=torch.int64 if dtype[0] in "iu" else torch.float64).to(DTYPES[dtype])
        return TensorValue(data, dtype, list(data.shape), "const" in options)
    if text.startswith("{"):
        return [value_of(item, rng) for item in split_list(text[1:-1])]
    if text.startswith("("):
        return [scalar(item) for item in split_list(text[1:-1])]
    return scalar(text)


def read_row(file, number, line):
    text = line.strip()
    call, run_error, compile_error = text, None, None
    if " run error: " in text:
        call, _, run_error = text.partition(" run error: ")
    elif " error: " in text:
        call, _, compile_error = text.partition(" error: ")
    words = split_words(call)
    # Two rows that differ only in their place have the same data.
    rng = np.random.default_rng(zlib.crc32(call.strip().encode()))
    row = Row(file, number, text, words[0], compile_error=compile_error, run_error=run_error)
    for word in words[1:]:
        name, _, value = word.partition("=")
        if name == "also":
            row.also = tuple(value.strip("()").split(","))
        else:
            row.arguments[name] = value_of(value, rng)
    return row


def read_rows(path):
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.strip().startswith("#"):
            rows.append(read_row(path.name, number, line))
    return rows


# ---- the graph file of a row

def raw_bytes(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().tobytes()
    return tensor.contiguous().numpy().tobytes()


def escaped(data):
    return "".join(f"\\{byte:03o}" for byte in data)


def type_text(value, fixed):
    dims = ""
    for dim in value.dims:
        if isinstance(dim, tuple) and not fixed:
            dims += f' dims {{ symbol: "{dim[0]}" }}'
        else:
            dims += f" dims {{ size: {dim[1] if isinstance(dim, tuple) else dim} }}"
    return f"dtype: {GRAPH_DTYPES[value.dtype]}{dims}"


def argument_text(name, value):
    head = f'name: "{name}" '
    if isinstance(value, str):
        return head + f's: "{value}"'
    if isinstance(value, bool):
        return head + f"b: {str(value).lower()}"
    if isinstance(value, int):
        return head + f"i: {value}"
    if isinstance(value, float):
        return head + f"f: {value!r}"
    if any(isinstance(v, float) for v in value):
        return head + f"floats {{ values: [{', '.join(repr(float(v)) for v in value)}] }}"
    return head + f"ints {{ values: [{', '.join(str(v) for v in value)}] }}"


def tensors_of(row):
    """Name in the graph -> tensor, in order."""
    tensors = {}
    for name, value in row.arguments.items():
        if isinstance(value, TensorValue):
            tensors[name] = value
        elif isinstance(value, list) and value and isinstance(value[0], TensorValue):
            tensors.update({f"{name}{i}": v for i, v in enumerate(value)})
    return tensors


def graph_text(row, name, outputs):
    """The row as a graph file with this many outputs of the node; y0, y1, … and what is changed in place."""
    lines = [f'name: "{name}"']
    for tensor, value in tensors_of(row).items():
        if value.is_constant:
            lines.append(f'constants {{ name: "{tensor}" tensor {{ type {{ {type_text(value, True)} }} '
                         f'data: "{escaped(raw_bytes(value.data))}" }} }}')
        else:
            lines.append(f'inputs {{ name: "{tensor}" type {{ {type_text(value, False)} }} }}')
    node = [f'op: "{row.op}" name: "n"']
    for argument, value in row.arguments.items():
        if value is None:
            continue
        if isinstance(value, TensorValue):
            node.append(f'arguments {{ name: "{argument}" tensor: "{argument}" }}')
        elif isinstance(value, list) and value and isinstance(value[0], TensorValue):
            names = ", ".join(f'"{argument}{i}"' for i in range(len(value)))
            node.append(f'arguments {{ name: "{argument}" tensors {{ names: [{names}] }} }}')
        else:
            node.append(f"arguments {{ {argument_text(argument, value)} }}")
    node += [f'outputs: "y{i}"' for i in range(outputs)]
    lines.append("nodes { " + " ".join(node) + " }")
    lines += [f'outputs: "y{i}"' for i in range(outputs)] + [f'outputs: "{name}"' for name in row.also]
    return "\n".join(lines) + "\n"
