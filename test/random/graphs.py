"""Random graphs of 3 to 12 nodes, and what PyTorch makes of them.

A seed is a graph. PyTorch evaluates it node by node in the graph's dtypes, in float64, and in float64 with rounding noise
after every node that rounds; how far the noisy values stray says how much error a right program may show, and elements
on which the evaluations disagree about an integer, a NaN or an infinity are not judged.
"""
import collections
import random
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("ops", "harness")]

import numpy as np
import torch

import reference
import rows
from reference import HALF

GRAPH_DTYPES = {rows.DTYPES[short]: name for short, name in rows.GRAPH_DTYPES.items()}
DTYPE_WORDS = {dtype: word for word, dtype in reference.DTYPE_NAMES.items()}
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
# Rounding unit, and the absolute and relative difference that is always allowed.
ROUNDING = {torch.float32: 2.0 ** -24, torch.float64: 2.0 ** -53, torch.float16: 2.0 ** -11, torch.bfloat16: 2.0 ** -8}
ALLOWED = {torch.float32: (1e-5, 1e-4), torch.float64: (1e-10, 1e-9), torch.float16: (1e-4, 2.0 ** -9),
           torch.bfloat16: (1e-4, 2.0 ** -6)}
# Ops that round nothing.
EXACT = set("""neg abs relu relu_ relu6 hardtanh hardtanh_ threshold threshold_ floor ceil trunc sign clamp maximum minimum
    where eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf reshape flatten expand permute
    transpose squeeze unsqueeze flip roll tril triu cat stack split chunk slice pad gather index_select embedding scatter
    amax amin argmax argmin sort topk max_pool1d max_pool2d max_pool3d all any one_hot masked_fill pixel_shuffle
    pixel_unshuffle channel_shuffle unfold adaptive_max_pool1d adaptive_max_pool2d dropout hardshrink round""".split())
PROMOTING = set("add sub mul div pow maximum minimum where logaddexp".split())


class Name(str):
    """The name of a tensor, where a plain str is a word such as a mode."""


@dataclass
class Leaf:
    """An input or a constant. `sample` says how its data are drawn: 'normal', 'unit', 'special', 'bool' or (low, high)."""
    data: torch.Tensor
    dims: list  # of sizes, or of names for sizes
    sample: object
    is_constant: bool


@dataclass
class Node:
    op: str
    arguments: dict
    outputs: list
    changes: tuple = ()  # arguments changed in place


@dataclass
class Graph:
    name: str
    leaves: dict = field(default_factory=dict)
    nodes: list = field(default_factory=list)
    outputs: list = field(default_factory=list)

    def text(self):
        lines = [f'name: "{self.name}"']
        for name, leaf in self.leaves.items():
            dims = "".join(f' dims {{ symbol: "{d}" }}' if isinstance(d, str) else f" dims {{ size: {d} }}" for d in leaf.dims)
            kind = f"type {{ dtype: {GRAPH_DTYPES[leaf.data.dtype]}{dims} }}"
            lines.append(f'constants {{ name: "{name}" tensor {{ {kind} data: "{rows.escaped(rows.raw_bytes(leaf.data))}" }} }}'
                         if leaf.is_constant else f'inputs {{ name: "{name}" {kind} }}')
        for i, node in enumerate(self.nodes):
            words = [f'op: "{node.op}" name: "n{i}"']
            for name, value in node.arguments.items():
                if isinstance(value, Name):
                    words.append(f'arguments {{ name: "{name}" tensor: "{value}" }}')
                elif isinstance(value, list) and value and isinstance(value[0], Name):
                    words.append(f'arguments {{ name: "{name}" tensors {{ names: [{", ".join(map(repr, map(str, value)))}] }} }}')
                else:
                    words.append(f"arguments {{ {rows.argument_text(name, value)} }}")
            lines.append("nodes { " + " ".join(words + [f'outputs: "{o}"' for o in node.outputs]) + " }")
        return "\n".join(lines + [f'outputs: "{o}"' for o in self.outputs]) + "\n"

    def changed_inputs(self):
        changed = {node.arguments[c] for node in self.nodes for c in node.changes}
        return [n for n, leaf in self.leaves.items() if n in changed and not leaf.is_constant]


# ---- what PyTorch makes of a graph

def names_in(node):
    for value in node.arguments.values():
        if isinstance(value, Name):
            yield value
        elif isinstance(value, list):
            yield from (v for v in value if isinstance(v, Name))


def rounded_dtype(node, values):
    """The 16-bit float that the results of a node on `values` have, or None. Computed is in float32."""
    tensors = [values[n] for n in names_in(node) if values[n].is_floating_point()]
    if node.op == "to" or "dtype" in node.arguments or not any(t.dtype in HALF for t in tensors):
        return None
    if node.op in PROMOTING:
        operands = [values[v] if isinstance(v, Name) else v for n, v in node.arguments.items() if n in ("input", "other", "exponent")]
        dtype = torch.result_type(*operands) if len(operands) == 2 else operands[0].dtype
    else:
        kinds = {t.dtype for t in tensors}
        dtype = kinds.pop() if len(kinds) == 1 else torch.float32
    return dtype if dtype in HALF else None


def call(node, values, wide, noise=None, unit=0.0):
    """The results of a node and the new values of the arguments it changes."""
    def stray(t):
        return t * (1 + 2 * unit * (2 * torch.rand(t.shape, generator=noise, dtype=t.dtype) - 1)) if t.is_floating_point() else t

    strays = noise is not None and node.op not in EXACT

    def plain(name, value):
        if isinstance(value, Name):
            data = values[value].float() if values[value].dtype in HALF else values[value].clone()
            return stray(data) if strays else data
        if isinstance(value, list) and value and isinstance(value[0], Name):
            return [plain(name, v) for v in value]
        if name == "dtype":
            dtype = reference.DTYPE_NAMES[value]
            return torch.float64 if wide and dtype in FLOATS else dtype
        return value

    arguments = {n: plain(n, v) for n, v in node.arguments.items()}
    op = node.op[:-1] if node.op.endswith("_") else node.op
    function = reference.function_of(op)
    if op in ("where", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "maximum", "minimum") or op in PROMOTING:
        order = [arguments.pop(n) for n in ("condition", "input", "other", "exponent") if n in arguments]
        results = function(*order, **arguments)
    else:
        results = function(**arguments)
    results = [r.detach() for r in results] if isinstance(results, (tuple, list)) else [results.detach()]
    if node.op == "batch_norm":
        changed = [arguments[c].detach() for c in node.changes]
    else:
        changed = [results[0]] * len(node.changes)
    half = rounded_dtype(node, values)
    if half and not wide:
        results, changed = ([r.to(half) if r.dtype == torch.float32 else r for r in rs] for rs in (results, changed))
    if wide:
        results, changed = ([r.double() if r.is_floating_point() else r for r in rs] for rs in (results, changed))
    return ([stray(r) for r in results], [stray(r) for r in changed]) if strays else (results, changed)


def evaluate(graph, wide=False, noise=None, narrow=None):
    """Name -> value after the last node. `narrow`: the values in the graph's own dtypes, which size the noise."""
    values = {n: leaf.data.double() if wide and leaf.data.is_floating_point() else leaf.data for n, leaf in graph.leaves.items()}
    torch.set_default_dtype(torch.float64 if wide else torch.float32)
    try:
        for node in graph.nodes:
            unit = 0.0
            if noise is not None:
                unit = max([ROUNDING.get(narrow[n].dtype, 0.0) for n in [*names_in(node), *node.outputs]] + [0.0])
            results, changed = call(node, values, wide, noise, unit)
            values.update(zip(node.outputs, results))
            values.update((node.arguments[c], v) for c, v in zip(node.changes, changed))
    finally:
        torch.set_default_dtype(torch.float32)
    return values


class Expected:
    """The values of a graph and how well they are known."""

    def __init__(self, graph):
        self.narrow = evaluate(graph)
        self.wide = evaluate(graph, wide=True)
        noise = torch.Generator().manual_seed(1)
        self.strayed = []
        for _ in range(4):
            try:
                self.strayed.append(evaluate(graph, True, noise, self.narrow))
            except RuntimeError:  # noise took a value out of what an op takes
                pass

    def difference(self, name, found):
        """Why `found` is wrong for the tensor `name`; None where it is right."""
        narrow, wide = self.narrow[name], self.wide[name]
        if tuple(found.shape) != tuple(narrow.shape):
            return f"{name}: shape {list(found.shape)}, expected {list(narrow.shape)}"
        if narrow.dtype == torch.bfloat16:
            found = torch.from_numpy(found.view(np.int16).copy()).view(torch.bfloat16)
        else:
            found = torch.from_numpy(found.copy())
        if found.dtype != narrow.dtype:
            return f"{name}: dtype {found.dtype}, expected {narrow.dtype}"
        others = [s[name] for s in self.strayed]
        if not narrow.is_floating_point():
            sure = torch.ones(narrow.shape, dtype=torch.bool)
            for other in [wide, *others]:
                sure &= other == narrow
            bad = sure & (found != narrow)
        else:
            a, n = found.double(), narrow.double()
            sure, dev = torch.ones(n.shape, dtype=torch.bool), (n - wide).abs()
            for other in [n, *others]:
                sure &= (other.isnan() == wide.isnan()) & ((other == wide) | wide.isfinite() & other.isfinite() | wide.isnan())
                dev = torch.maximum(dev, (other - wide).abs())
            known = dev[dev.isfinite()]
            absolute, relative = ALLOWED[narrow.dtype]
            allowed = absolute + relative * wide.abs() + 8 * dev + (4 * known.median() if known.numel() else 0)
            bad = sure & ~(((a - wide).abs() <= allowed) | (a == wide) | (a.isnan() & wide.isnan()))
        where = bad.flatten().nonzero()
        if len(where) == 0:
            return None
        i = int(where[0])
        return (f"{name}: {len(where)} of {found.numel()} differ, first at {i}: {found.flatten()[i].item():.9g}, expected "
                f"{wide.flatten()[i].item():.9g}")


# ---- making graphs

class Refused(Exception):
    """PyTorch does not take this node, or its values would not be worth comparing."""


def draw(rng, sample, shape, dtype):
    if sample == "bool":
        return torch.from_numpy(np.asarray(rng.random(shape) < 0.5))
    if isinstance(sample, tuple):
        return torch.from_numpy(np.asarray(rng.integers(sample[0], sample[1], shape))).to(dtype)
    values = np.asarray(rng.random(shape) if sample == "unit" else rng.standard_normal(shape))
    if sample == "special" and values.size:
        for special in (np.nan, np.inf, -np.inf, -0.0):
            values.reshape(-1)[rng.integers(values.size)] = special
    return torch.from_numpy(values).to(dtype)


class Builder:
    """Grows one graph; the functions below, one a family of ops, each add a node or a few."""
    tried, taken = collections.Counter(), collections.Counter()

    def __init__(self, seed):
        self.rng, self.data = random.Random(seed), np.random.default_rng(seed)
        self.graph, self.values = Graph(f"g{seed}"), {}
        self.dtype = self.rng.choices(FLOATS, (75, 9, 8, 8))[0]
        small, odd = (1, 2, 3, 4, 5, 6, 7, 8), (9, 12, 15, 16, 17, 31, 32, 33, 65)
        self.sizes = [self.rng.choice(small if self.chance(0.65) else odd) for _ in range(4)]
        if self.chance(0.05):
            self.sizes[0] = 0
        self.symbols = {}
        if self.chance(0.4):  # sizes that nothing else has by chance
            for name, at in zip("NM", self.rng.sample(range(4), self.rng.choice((1, 1, 2)))):
                self.sizes[at] = {"N": self.choice((11, 13)), "M": self.choice((19, 23))}[name]
                self.symbols[self.sizes[at]] = name
        self.special = self.chance(0.08)

    def chance(self, p):
        return self.rng.random() < p

    def choice(self, values):
        return self.rng.choice(values)

    def size(self):
        return self.choice(self.sizes)

    def shape(self, low=0, high=4):
        rank = self.rng.choices(range(5), (1, 3, 5, 4, 3))[0]
        return [self.size() for _ in range(min(max(rank, low), high))]

    def leaf(self, shape, dtype=None, sample="normal", constant=0.4):
        dtype = dtype or self.dtype
        data = draw(self.data, sample, tuple(shape), dtype)
        fixed = self.chance(constant) and data.numel() < 3000 and not any(s in self.symbols for s in shape)
        dims = [self.symbols.get(s, s) for s in shape]
        name = Name(f"{'c' if fixed else 'x'}{len(self.graph.leaves)}")
        self.graph.leaves[name] = Leaf(data, dims, sample, fixed)
        self.values[name] = data
        return name

    def pick(self, low=0, high=4, dtype=None, fresh=0.12):
        """A tensor of a rank from low to high: one of the graph's, the latest more likely, or a new input."""
        dtype = dtype or self.dtype
        known = [n for n, v in self.values.items() if v.dtype == dtype and low <= v.dim() <= high]
        if known and not self.chance(fresh):
            return self.choice(known[-3:] if self.chance(0.5) else known)
        sample = "bool" if dtype == torch.bool else "normal" if dtype in FLOATS else (-5, 6)
        if sample == "normal" and self.special and self.chance(0.5):
            sample = "special"
        return self.leaf(self.shape(low, high), dtype, sample)

    def of(self, name):
        return self.values[name]

    def dim(self, name):
        rank = self.of(name).dim()
        return self.rng.randrange(-rank, rank) if rank else 0

    def partner(self, name, dtype=None):
        """Something that broadcasts with `name`: a tensor of the graph, a new one, or a number."""
        shape, dtype = list(self.of(name).shape), dtype or self.of(name).dtype
        if self.chance(0.2):
            return self.rng.choice((2, -1, 3)) if dtype not in FLOATS else round(self.rng.uniform(-2, 2), 2)
        known = [n for n, v in self.values.items() if v.dtype == dtype and (list(v.shape) == shape or self.chance(0.1))]
        if known and self.chance(0.6):
            return self.choice(known)
        cut = [1 if self.chance(0.3) else s for s in shape[self.rng.randrange(len(shape) + 1) if self.chance(0.4) else 0:]]
        return self.leaf(cut, dtype, "bool" if dtype == torch.bool else "normal" if dtype in FLOATS else (-5, 6))

    def index(self, shape, bound):
        return self.leaf(shape, torch.int64, (0, max(bound, 1)), constant=0.3)

    def add(self, op, count=1, changes=(), **arguments):
        """Adds a node; returns its first output."""
        arguments = {n: v for n, v in arguments.items() if v is not None}
        node = Node(op, arguments, [Name(f"v{len(self.graph.nodes)}_{i}") for i in range(count)], changes)
        Builder.tried[op] += 1
        try:
            results, changed = call(node, self.values, wide=False)
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, ArithmeticError) as error:
            raise Refused(f"{op}: {error}")
        for result in results:
            if result.numel() > 20000 or result.dim() > 5:
                raise Refused("large")
            if result.is_floating_point() and not self.special and result.numel() and not result.abs().max() < 500:
                raise Refused("not finite or large")
            if not result.is_floating_point() and result.dtype != torch.bool and result.numel() and result.abs().max() > 10 ** 6:
                raise Refused("large integers")
        if len(results) != count:
            raise AssertionError(f"{op} has {len(results)} outputs, not {count}")
        Builder.taken[op] += 1
        self.graph.nodes.append(node)
        self.values.update(zip(node.outputs, results))
        self.values.update((arguments[c], v) for c, v in zip(changes, changed))
        return node.outputs[0]


def unary(b):
    op = b.choice("""neg abs exp sin cos erf floor ceil round sign square tanh sigmoid silu gelu mish softplus softsign selu elu
        celu relu relu6 leaky_relu hardtanh hardsigmoid hardswish tanhshrink hardshrink softshrink logsigmoid log1p expm1
        reciprocal sqrt rsqrt log log2 trunc atan""".split())
    x = b.pick()
    if op in ("sqrt", "rsqrt", "log", "log2", "log1p", "reciprocal"):
        x = b.add("add", input=b.add("abs", input=x), other=0.25)
    b.add(op, input=x)


def binary(b):
    dtype = b.rng.choices((b.dtype, torch.int64, torch.float32), (12, 2, 1))[0]
    x = b.pick(dtype=dtype)
    op = b.choice(["add", "sub", "mul", "mul", "add", "maximum", "minimum", "div", "pow"])
    if op == "pow":
        return b.add(op, input=b.pick(), exponent=b.choice((2, 3, 2.0)))
    y = b.partner(x, b.dtype if b.chance(0.1) else None)
    if op == "div":
        y = b.choice((2.0, -3.0)) if dtype in FLOATS and b.chance(0.5) else b.leaf([], torch.int64, (1, 6)) \
            if dtype not in FLOATS else b.add("add", input=b.add("abs", input=x), other=0.5)
        return b.add(op, input=x, other=y, rounding_mode=b.choice((None, None, "floor", "trunc")))
    if op in ("maximum", "minimum") and not isinstance(y, Name):
        y = b.leaf([], dtype, "normal" if dtype in FLOATS else (-3, 4))
    return b.add(op, input=x, other=y, **({"alpha": 2} if op in ("add", "sub") and b.chance(0.15) else {}))


def compare(b):
    x = b.pick(dtype=b.choice((b.dtype, b.dtype, torch.int64)))
    mask = b.add(b.choice("eq ne lt le gt ge".split()), input=x, other=b.partner(x))
    if b.chance(0.3):
        mask = b.add(b.choice("logical_and logical_or logical_xor".split()), input=mask, other=b.pick(dtype=torch.bool))
    if b.chance(0.2):
        mask = b.add("logical_not", input=mask)
    if b.chance(0.3):
        return b.add("masked_fill", input=x, mask=mask, value=2.0 if b.of(x).dtype in FLOATS else 2)
    if b.chance(0.7):
        a = b.pick()
        return b.add("where", condition=mask, input=a, other=b.partner(a))
    return b.add("to", input=mask, dtype=DTYPE_WORDS[b.dtype])


def reduction(b):
    x = b.pick(low=1)
    op = b.choice("sum mean prod amax amin argmax argmin var std logsumexp cumsum norm sum mean all any".split())
    dim = b.dim(x)
    keep = b.chance(0.5)
    if op in ("sum", "mean", "amax", "amin", "var", "norm") and b.chance(0.35):
        dim = b.rng.sample(range(b.of(x).dim()), b.rng.randint(1, b.of(x).dim()))
    if op in ("sum", "mean", "argmax", "var", "norm") and b.chance(0.2):
        return b.add(op, input=x)
    if op == "cumsum":
        return b.add(op, input=x, dim=dim)
    if op in ("all", "any"):
        x = b.add("gt", input=x, other=0.5)
    if op == "norm":
        return b.add(op, input=x, p=b.choice((1.0, 2.0, float("inf"), 3.0)), dim=dim, keepdim=keep)
    if op in ("var", "std"):
        return b.add(op, input=x, dim=dim, unbiased=b.chance(0.5), keepdim=keep)
    return b.add(op, input=x, dim=dim, keepdim=keep)


def normalization(b):
    op = b.choice("softmax log_softmax softmin layer_norm layer_norm rms_norm group_norm batch_norm instance_norm normalize local_response_norm glu".split())
    x = b.pick(low=1 if op not in ("group_norm", "batch_norm", "instance_norm", "local_response_norm") else 3, high=4)
    shape = list(b.of(x).shape)
    if op in ("softmax", "log_softmax", "softmin", "glu"):
        return b.add(op, input=x, dim=b.dim(x))
    if op == "normalize":
        return b.add(op, input=x, p=b.choice((1.0, 2.0)), dim=b.dim(x))
    if op == "local_response_norm":
        return b.add(op, input=x, size=b.choice((2, 3)))
    if op in ("layer_norm", "rms_norm"):
        last = shape[b.rng.randrange(len(shape)) if b.chance(0.3) else -1:]
        weight = b.leaf(last) if b.chance(0.6) else None
        bias = b.leaf(last) if weight and op == "layer_norm" else None
        return b.add(op, input=x, normalized_shape=last, weight=weight, bias=bias, eps=1e-3)
    channel = lambda sample="normal": b.leaf([shape[1]], sample=sample)
    weight, bias = (channel(), channel()) if b.chance(0.6) else (None, None)
    if op == "group_norm":
        groups = b.choice([g for g in (1, 2, 3, shape[1]) if g and shape[1] % g == 0])
        return b.add(op, input=x, num_groups=groups, weight=weight, bias=bias, eps=1e-3)
    if op == "instance_norm":
        return b.add(op, input=x, weight=weight, bias=bias, eps=1e-3)
    training = b.chance(0.3)
    return b.add(op, input=x, running_mean=channel(), running_var=channel("unit"), weight=weight, bias=bias, training=training,
                 eps=1e-2, changes=("running_mean", "running_var") if training else ())


def contraction(b):
    op = b.choice("linear linear matmul matmul bmm scaled_dot_product_attention bilinear".split())
    out = b.size()
    if op == "bilinear":
        x = b.pick(low=2, high=2)
        n, k = b.of(x).shape
        y = b.leaf([n, b.size()])
        return b.add(op, input1=x, input2=y, weight=b.leaf([out, k, b.of(y).shape[1]]))
    x = b.pick(low=3, high=3) if op == "bmm" else b.pick(low=2 if op[0] == "s" else 1)
    shape = list(b.of(x).shape)
    if op == "linear":
        return b.add(op, input=x, weight=b.leaf([out, shape[-1]], constant=0.7), bias=b.leaf([out]) if b.chance(0.5) else None)
    if op == "bmm":
        return b.add(op, input=x, mat2=b.leaf([shape[0], shape[2], out]))
    if op == "matmul":
        known = [n for n, v in b.values.items() if v.dtype == b.dtype and v.dim() > 1 and v.shape[-2] == shape[-1]]
        y = b.choice(known) if known and b.chance(0.5) else b.leaf(
            [1 if b.chance(0.2) else s for s in shape[:-2]][b.rng.randrange(len(shape)):] + ([shape[-1], out] if b.chance(0.9) else [shape[-1]]))
        return b.add(op, input=x, other=y)
    keys = shape[:-2] + [out, shape[-1]]
    return b.add(op, query=x, key=b.leaf(keys), value=b.leaf(keys), is_causal=b.chance(0.3))


def convolution(b):
    rank, transposed = b.choice((1, 1, 2, 2, 2)), b.chance(0.35)
    x = b.pick(low=rank + 2, high=rank + 2)
    channels, out = b.of(x).shape[1], b.choice((1, 2, 3, 4, 8, 17))
    groups = b.choice([g for g in (1, 1, 2, channels) if g and channels % g == 0])
    out *= groups if groups > 1 else 1
    kernel = [b.choice((1, 2, 3, 3, 4)) for _ in range(rank)]
    per = lambda values: b.choice(values) if b.chance(0.6) else [b.choice(values) for _ in range(rank)]
    weight = b.leaf(([channels, out // groups] if transposed else [out, channels // groups]) + kernel, constant=0.8)
    bias = b.leaf([out]) if b.chance(0.5) else None
    extra = dict(stride=per((1, 1, 2, 3)), padding=per((0, 1, 2)), dilation=per((1, 1, 2)), groups=groups)
    if transposed and b.chance(0.3):
        extra["output_padding"] = 1
    return b.add(f"conv{'_transpose' if transposed else ''}{rank}d", input=x, weight=weight, bias=bias, **extra)


def pooling(b):
    rank = b.choice((1, 2, 2))
    x = b.pick(low=rank + 2, high=rank + 2)
    op = b.choice(("max_pool", "max_pool", "avg_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool", "interpolate"))
    if op == "interpolate":
        mode = b.choice(("nearest", "linear" if rank == 1 else "bilinear", "nearest-exact"))
        return b.add(op, input=x, scale_factor=b.choice((2.0, 0.5)), mode=mode) if b.chance(0.5) else \
            b.add(op, input=x, size=[b.choice((1, 3, 5, 8)) for _ in range(rank)], mode=mode)
    op = f"{op}{rank}d"
    if op.startswith("adaptive"):
        return b.add(op, input=x, output_size=b.choice((1, 2, 3)))
    if op.startswith("lp"):
        return b.add(op, input=b.add("abs", input=x), norm_type=2.0, kernel_size=2, ceil_mode=b.chance(0.3))
    kernel = b.choice((1, 2, 3))
    extra = dict(stride=b.choice((None, 1, 2, 3)), padding=b.rng.randint(0, kernel // 2), ceil_mode=b.chance(0.3))
    if op.startswith("max"):
        indices = b.chance(0.3)
        return b.add(op, 2 if indices else 1, input=x, kernel_size=kernel, dilation=b.choice((1, 1, 2)), **extra,
                     **({"return_indices": True} if indices else {}))
    return b.add(op, input=x, kernel_size=kernel, count_include_pad=b.chance(0.5), **extra)


def movement(b):
    x = b.pick(low=1, dtype=b.rng.choices((b.dtype, torch.int64, torch.bool), (12, 2, 1))[0])
    shape, dim = list(b.of(x).shape), b.dim(x)
    op = b.choice("""reshape reshape flatten permute permute transpose squeeze unsqueeze flip roll tril slice slice slice cat cat
        stack split chunk pad pad expand to channel_shuffle""".split())
    if op == "reshape":
        flat, parts = int(np.prod(shape)), []
        for factor in (2, 3, 4, 5, 7, 8, 17):
            if flat and flat % factor == 0 and b.chance(0.5):
                parts.append(factor)
                flat //= factor
        parts.insert(b.rng.randint(0, len(parts)), -1)
        if b.chance(0.3):
            parts = [-1] if len(shape) > 1 else [1, -1]
        return b.add(op, input=x, shape=parts)
    if op == "flatten":
        start = b.rng.randrange(len(shape))
        return b.add(op, input=x, start_dim=start, end_dim=b.rng.randrange(start, len(shape)))
    if op == "permute":
        return b.add(op, input=x, dims=b.rng.sample(range(len(shape)), len(shape)))
    if op == "transpose":
        return b.add(op, input=x, dim0=dim, dim1=b.dim(x))
    if op in ("squeeze", "unsqueeze"):
        return b.add(op, input=x, dim=dim)
    if op == "flip":
        return b.add(op, input=x, dims=[dim])
    if op == "roll":
        return b.add(op, input=x, shifts=b.rng.randint(-3, 3), dims=dim)
    if op == "tril":
        return b.add(b.choice(("tril", "triu")), input=x, diagonal=b.rng.randint(-1, 1))
    if op == "slice":
        start = b.rng.randint(-3, 2)
        return b.add(op, input=x, dim=dim, start=start, end=b.choice((None, None, -1, 3, 5)), step=b.choice((1, 1, 2, 3))) \
            if b.chance(0.9) else b.add(op, input=x, dim=dim, start=-1, step=-1)
    if op == "cat":
        same = [n for n, v in b.values.items() if v.dtype == b.of(x).dtype and v.dim() == len(shape)
                and all(v.shape[d] == shape[d] for d in range(len(shape)) if d != dim % len(shape))]
        return b.add(op, tensors=[b.choice(same) for _ in range(b.rng.randint(1, 4))], dim=dim)
    if op == "stack":
        return b.add(op, tensors=[x, b.choice([n for n, v in b.values.items() if v.dtype == b.of(x).dtype and list(v.shape) == shape])], dim=dim)
    if op == "split":
        sizes = b.choice((1, 2, 3, [1, shape[dim] - 1]))
        if isinstance(sizes, list) and sizes[1] < 0:
            raise Refused("split")
        return b.add(op, len(torch.split(b.of(x), sizes, dim)), input=x, split_size_or_sections=sizes, dim=dim)
    if op == "chunk":
        return b.add(op, len(torch.chunk(b.of(x), 2, dim)), input=x, chunks=2, dim=dim)
    if op == "pad":
        if b.chance(0.4):
            return b.add(op, input=b.pick(low=3), pad=[b.choice((0, 1, 2)), 1], mode=b.choice(("reflect", "replicate", "circular")))
        return b.add(op, input=x, pad=[b.choice((-1, 0, 1, 2, 3)) for _ in range(2 * b.rng.randint(1, len(shape)))], value=b.choice((0, 1.5)) if b.of(x).dtype in FLOATS else 0)
    if op == "expand":
        return b.add(op, input=x, size=[b.choice((1, 2, 3)) if b.chance(0.5) else 1] + [s if s == 1 and b.chance(0.5) else -1 if s != 1 else b.size() for s in shape])
    if op == "to":
        if not b.of(x).isfinite().all():
            raise Refused("a NaN as an integer")
        return b.add(op, input=x, dtype=DTYPE_WORDS[b.choice((b.dtype, torch.float32, torch.int64, torch.float64, torch.int32, torch.bool))])
    return b.add(op, input=b.pick(low=3), groups=b.choice((1, 2)))


def indexing(b):
    op = b.choice("gather index_select embedding embedding scatter scatter_add sort topk one_hot argsort".split())
    x = b.pick(low=2 if op == "embedding" else 1, high=2 if op == "embedding" else 4)
    shape, dim = list(b.of(x).shape), b.dim(x)
    if op == "embedding":
        return b.add(op, input=b.index(b.shape(0, 2), shape[0]), weight=x)
    if op == "index_select":
        return b.add(op, input=x, dim=dim, index=b.index([b.size()], shape[dim]))
    if op == "sort":
        return b.add(op, 2, input=x, dim=dim, descending=b.chance(0.5), stable=True)
    if op == "topk":
        if len(b.of(x).double().unique()) < b.of(x).numel():  # which of equal values is taken is not said
            x = b.leaf(shape)
        return b.add(op, 2, input=x, k=b.rng.randint(1, max(shape[dim], 1)), dim=dim, largest=b.chance(0.5))
    if op == "argsort":
        known = [n for n, v in b.values.items() if v.dtype == torch.int64 and v.numel() and 0 <= v.min() and v.max() < 9]
        return b.add("one_hot", tensor=b.choice(known) if known else b.index(b.shape(0, 2), 5), num_classes=9)
    if op == "one_hot":
        return b.add("to", input=b.pick(dtype=torch.int64), dtype=DTYPE_WORDS[b.dtype])
    smaller = list(shape)
    smaller[dim] = b.choice((1, 2, 3)) if op == "gather" else shape[dim]
    index = b.index(smaller, shape[dim])
    if op == "gather":
        return b.add(op, input=x, dim=dim, index=index)
    if op == "scatter":
        return b.add(op, input=x, dim=dim, index=index, value=1.5)
    return b.add(op, input=x, dim=dim, index=index, src=b.leaf(shape))


def in_place(b):
    op = b.choice(("relu_", "leaky_relu_", "elu_", "hardtanh_", "selu_", "celu_", "threshold_"))
    extra = {"threshold": 0.1, "value": -0.5} if op == "threshold_" else {}
    return b.add(op, input=b.pick(), changes=("input",), **extra)


def loss(b):
    x = b.pick(low=1)
    shape, how = list(b.of(x).shape), b.choice(("mean", "mean", "sum", "none"))
    op = b.choice("""mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits binary_cross_entropy kl_div
        cross_entropy cross_entropy nll_loss poisson_nll_loss gaussian_nll_loss soft_margin_loss multi_margin_loss
        cosine_similarity margin_ranking_loss triplet_margin_loss hinge_embedding_loss pairwise_distance""".split())
    same = [n for n, v in b.values.items() if v.dtype == b.dtype and list(v.shape) == shape]
    other = b.choice(same) if b.chance(0.4) else b.leaf(shape)
    if op in ("cross_entropy", "nll_loss", "multi_margin_loss"):
        x = b.pick(low=2, high=4 if op[0] != "m" else 2)
        shape = list(b.of(x).shape)
        if op == "nll_loss":
            x = b.add("log_softmax", input=x, dim=1)
        extra = {"label_smoothing": 0.1} if op == "cross_entropy" and b.chance(0.4) else {}
        if op == "cross_entropy" and b.chance(0.2):
            return b.add(op, input=x, target=b.leaf(shape, sample="unit"), reduction=how, **extra)
        weight = b.leaf([shape[1]], sample="unit") if b.chance(0.3) else None
        return b.add(op, input=x, target=b.index(shape[:1] + shape[2:], shape[1]), weight=weight, reduction=how, **extra)
    if op in ("cosine_similarity",):
        return b.add(op, x1=x, x2=other, dim=b.dim(x))
    if op == "pairwise_distance":
        return b.add(op, x1=x, x2=other)
    if op == "margin_ranking_loss":
        return b.add(op, input1=x, input2=other, target=b.add("sign", input=b.leaf(shape)), margin=0.3, reduction=how)
    if op == "triplet_margin_loss":
        return b.add(op, anchor=x, positive=other, negative=b.leaf(shape), reduction=how)
    if op == "gaussian_nll_loss":
        return b.add(op, input=x, target=other, var=b.leaf(shape, sample="unit"), eps=0.1, reduction=how)
    if op in ("soft_margin_loss", "hinge_embedding_loss"):
        return b.add(op, input=x, target=b.add("sign", input=other), reduction=how)
    if op == "binary_cross_entropy":
        return b.add(op, input=b.add("sigmoid", input=x), target=b.add("sigmoid", input=other), reduction=how)
    if op == "kl_div":
        return b.add(op, input=x, target=b.add("softmax", input=other, dim=-1), reduction=how)
    return b.add(op, input=x, target=other, reduction=how)


FAMILIES = {unary: 20, binary: 20, compare: 8, reduction: 12, normalization: 9, contraction: 10, convolution: 8, pooling: 5,
            movement: 24, indexing: 8, in_place: 3}


def make_graph(seed):
    b = Builder(seed)
    wanted = b.rng.randint(3, 12)
    families = b.rng.choices(list(FAMILIES), list(FAMILIES.values()), k=200)
    for family in families:
        if len(b.graph.nodes) >= wanted:
            break
        try:
            family(b)
        except Refused:
            pass
    if b.chance(0.3):
        try:
            loss(b)
        except Refused:
            pass
    used = {n for node in b.graph.nodes for n in names_in(node)}
    made = [o for node in b.graph.nodes for o in node.outputs]
    b.graph.outputs = [o for o in made if o not in used] + [o for o in made if o in used and b.chance(0.15)]
    if b.chance(0.04):
        b.graph.outputs += list(b.graph.leaves)[:1]
    drop_unused(b.graph)
    return b.graph


def drop_unused(graph):
    """Takes away nodes and leaves that no output and no effect on an input needs."""
    needed, kept = set(graph.outputs) | set(graph.changed_inputs()), []
    for node in reversed(graph.nodes):
        if needed & set(node.outputs) or any(node.arguments[c] in needed for c in node.changes):
            needed |= set(names_in(node))
            kept.insert(0, node)
    graph.nodes = kept
    graph.leaves = {n: leaf for n, leaf in graph.leaves.items() if n in needed}


def with_fixed_sizes(graph):
    return replace(graph, leaves={n: replace(leaf, dims=list(leaf.data.shape)) for n, leaf in graph.leaves.items()})


def with_other_sizes(graph):
    """The graph with its named sizes 1 larger and new data; None where it has none."""
    names = {d for leaf in graph.leaves.values() for d in leaf.dims if isinstance(d, str)}
    if not names:
        return None
    rng, leaves = np.random.default_rng(7), {}
    for name, leaf in graph.leaves.items():
        shape = tuple(s + 1 if isinstance(d, str) else s for d, s in zip(leaf.dims, leaf.data.shape))
        same = leaf.is_constant or shape == tuple(leaf.data.shape)
        leaves[name] = leaf if same else replace(leaf, data=draw(rng, leaf.sample, shape, leaf.data.dtype))
    return replace(graph, leaves=leaves)
