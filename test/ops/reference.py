"""What PyTorch makes of a row. 16-bit floats: computed in float32, rounded once at the result."""
import torch
import torch.nn.functional as F

import philox
from rows import TensorValue

HALF = (torch.float16, torch.bfloat16)
# Sums of products, whose tolerance grows with the sum of their absolute values.
CONTRACTIONS = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "conv_tbc",
                "linear", "bilinear", "matmul", "bmm", "sum", "mean", "fold"}
DTYPE_NAMES = {name: getattr(torch, name) for name in
               ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")}


def slice_(input, dim, start=None, end=None, step=1):
    """Python's slices; torch has no negative steps, numpy does."""
    as_list = lambda v, n: v if isinstance(v, list) else [v] * n
    dims = as_list(dim, 1)
    index = [slice(None)] * input.dim()
    for i, d in enumerate(dims):
        index[d] = slice(as_list(start, len(dims))[i], as_list(end, len(dims))[i], as_list(step, len(dims))[i])
    return torch.from_numpy(input.numpy()[tuple(index)].copy())


def attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """torch 2's scaled_dot_product_attention; a row with nothing kept is 0."""
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scores = query @ key.transpose(-2, -1) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    weights = torch.where((scores == -torch.inf).all(-1, keepdim=True), torch.zeros(()), scores.softmax(-1))
    if dropout_p:
        weights = philox.attention_dropout(weights, dropout_p)
    return weights @ value


def rms_norm(input, normalized_shape, weight=None, eps=None):
    shape = [normalized_shape] if isinstance(normalized_shape, int) else normalized_shape
    dims = list(range(input.dim() - len(shape), input.dim()))
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    y = input / (input.square().mean(dims, keepdim=True) + eps).sqrt()
    return y if weight is None else y * weight


def arange(start=0, end=None, step=1, dtype=None):
    return torch.arange(start, end, step, dtype=dtype)


def var(input, dim=None, unbiased=True, keepdim=False, correction=None, root=False):
    dims = list(range(input.dim())) if dim is None else dim
    correction = (1 if unbiased else 0) if correction is None else correction
    dims = [dims] if isinstance(dims, int) else dims
    # 1.13 takes integers alone.
    count = 1
    for d in dims:
        count *= input.size(d)
    squares = torch.var(input, dims, correction=0, keepdim=keepdim) * count
    result = torch.var(input, dims, correction=correction, keepdim=keepdim) if isinstance(correction, int) else \
        squares / max(count - correction, 0.0)
    return result.sqrt() if root else result


def everything(input, dim=None, keepdim=False, which=torch.all):
    """torch 1.13 reduces one dimension at a time."""
    dims = range(input.dim()) if dim is None else dim if isinstance(dim, list) else [dim]
    for d in sorted((d % input.dim() for d in dims), reverse=True):
        input = which(input, d, keepdim)
    return input.bool().to(torch.uint8) if input.dtype == torch.uint8 else input.bool()


def prod(input, dim=None, keepdim=False, dtype=None):
    if dim is None:
        return torch.prod(input, dtype=dtype).reshape([1] * input.dim() if keepdim else [])
    return torch.prod(input, dim, keepdim, dtype=dtype)


def mean(input, dim=None, keepdim=False, dtype=None):
    return torch.mean(input, list(range(input.dim())) if dim is None else dim, keepdim, dtype=dtype)


def total(input, dim=None, keepdim=False, dtype=None):
    return torch.sum(input, list(range(input.dim())) if dim is None else dim, keepdim, dtype=dtype)


def wide_indices(function):
    """Later versions than 1.13 take int32 indices."""
    return lambda input, dim, index, **rest: function(input, dim, index.long() if index.dtype == torch.int32 else index, **rest)


def clamp(input, min=None, max=None):
    """1.13 refuses bounds that an integer dtype cannot hold; later versions compare with what they are."""
    narrow = input.dtype in (torch.uint8, torch.int8, torch.int16, torch.int32)
    if not narrow or not all(bound is None or isinstance(bound, int) for bound in (min, max)):
        return torch.clamp(input, min, max)
    info = torch.iinfo(input.dtype)
    return torch.clamp(input.long(), min, max).clamp(info.min, info.max).to(input.dtype)


def squeeze(input, dim=None):
    dims = range(input.dim()) if dim is None else dim if isinstance(dim, list) else [dim]
    for d in sorted((d % max(input.dim(), 1) for d in dims), reverse=True):
        input = input.squeeze(d)
    return input


def norm(input, p=2.0, dim=None, keepdim=False):
    return torch.norm(input, p, list(range(input.dim())) if dim is None else dim, keepdim)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    shape = [normalized_shape] if isinstance(normalized_shape, int) else normalized_shape
    return F.layer_norm(input, shape, weight, bias, eps)


def batch_norm(input, running_mean=None, running_var=None, **rest):
    return F.batch_norm(input, running_mean, running_var, **rest)


def multi_head_attention_forward(**arguments):
    """What may be left out in a graph is positional in torch."""
    left_out = {name: arguments.pop(name, None) for name in
                ("in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj_bias")}
    return F.multi_head_attention_forward(**left_out, **arguments)


def channel_shuffle(input, groups):
    n, c, *rest = input.shape
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    k = [kernel_size] * 3 if isinstance(kernel_size, int) else kernel_size
    m = F.avg_pool3d(input.pow(norm_type), k, stride, 0, ceil_mode)
    return (m.sign() * F.relu(m.abs()) * k[0] * k[1] * k[2]).pow(1.0 / norm_type)


def adaptive(function):
    def call(input, output_size, **rest):
        sizes = output_size if isinstance(output_size, list) else [output_size]
        return function(input, [None if s == -1 else s for s in sizes] if len(sizes) > 1 else
                        sizes[0] if sizes[0] != -1 else None, **rest)
    return call


def softshrink(input, lambd=0.5):
    """1.13 makes 0 of NaN."""
    return torch.where(input.isnan(), input, F.softshrink(input, lambd))


def stable_sort(input, dim=-1, descending=False, stable=True):
    """torch leaves the order of equal elements open unless asked; ours is always the stable one."""
    return torch.sort(input, dim=dim, descending=descending, stable=True)


def topk(input, k, dim=-1, largest=True, sorted=True):
    if input.dim() == 0:
        return input, torch.zeros((), dtype=torch.int64)
    values, indices = stable_sort(input, dim, descending=largest)
    return values.narrow(dim, 0, k), indices.narrow(dim, 0, k)


# What is spelled otherwise than in torch.nn.functional or torch, or is not in 1.13.
SPELLED = {
    "slice": slice_, "scaled_dot_product_attention": attention, "rms_norm": rms_norm, "arange": arange, "var": var,
    "std": lambda **a: var(root=True, **a), "all": everything, "any": lambda **a: everything(which=torch.any, **a),
    "sort": stable_sort, "argsort": lambda **a: stable_sort(**a)[1], "topk": topk,
    "prod": prod, "mean": mean, "sum": total, "squeeze": squeeze, "norm": norm, "channel_shuffle": channel_shuffle,
    "lp_pool3d": lp_pool3d, "layer_norm": layer_norm, "batch_norm": batch_norm,
    "multi_head_attention_forward": multi_head_attention_forward, "to": lambda input, dtype: input.to(dtype),
    "expand": lambda input, size: input.expand(size), "reshape": lambda input, shape: input.reshape(shape),
    "permute": lambda input, dims: input.permute(dims),
    "split": lambda input, split_size_or_sections, dim=0: torch.split(input, split_size_or_sections, dim),
    "logsigmoid": lambda input: F.logsigmoid(input),
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "one_hot": lambda tensor, num_classes=-1: F.one_hot(tensor, num_classes),
    "clamp": clamp, "gather": wide_indices(torch.gather), "scatter": wide_indices(torch.scatter),
    "scatter_add": wide_indices(torch.scatter_add), "square": torch.square, "softshrink": softshrink,
    "masked_fill": lambda input, mask, value: input.masked_fill(mask, value),
    "pow": lambda input, exponent: torch.pow(input, exponent), "bmm": lambda input, mat2: torch.bmm(input, mat2),
    "adaptive_avg_pool1d": F.adaptive_avg_pool1d, "adaptive_avg_pool2d": adaptive(F.adaptive_avg_pool2d),
    "adaptive_avg_pool3d": adaptive(F.adaptive_avg_pool3d), "adaptive_max_pool2d": adaptive(F.adaptive_max_pool2d),
    "adaptive_max_pool3d": adaptive(F.adaptive_max_pool3d),
    "cat": lambda tensors, dim=0: torch.cat(tensors, dim), "stack": lambda tensors, dim=0: torch.stack(tensors, dim),
    "where": lambda condition, input, other: torch.where(condition, input, other),
}


def function_of(op):
    for place in (philox.FUNCTIONS, SPELLED, vars(F), vars(torch)):
        if op in place:
            return place[op]
    if op.endswith("_") and hasattr(torch.Tensor, op):
        return lambda input, **rest: getattr(input, op)(**rest)
    raise KeyError(f"no reference for '{op}'")


def call(row, wide=False, absolute=False):
    """The outputs of the row, those changed in place last."""
    floats = []

    def plain(name, value):
        if isinstance(value, TensorValue):
            data = value.data.clone()
            if data.is_floating_point():
                floats.append(data)
            if data.dtype in HALF:
                data = data.float()
            if wide and data.dtype == torch.float32:
                data = data.double()
            return data.abs() if absolute and data.is_floating_point() else data
        if isinstance(value, list) and value and isinstance(value[0], TensorValue):
            return [plain(name, v) for v in value]
        if name == "dtype":
            return DTYPE_NAMES[value]
        return value

    arguments = {name: plain(name, value) for name, value in row.arguments.items() if value is not None}
    if row.op == "rms_norm" and "eps" not in arguments:  # that of the dtype it has in the graph
        arguments["eps"] = torch.finfo(row.arguments["input"].data.dtype).eps
    function = function_of(row.op)
    positional = row.op in ("where", "add", "sub", "mul", "div", "minimum", "maximum", "eq", "ne", "lt", "le", "gt", "ge",
                            "logical_and", "logical_or", "logical_xor")
    if positional:
        # Numbers on the left and Python operators: torch takes tensors there.
        names = [n for n in ("condition", "input", "other") if n in arguments]
        values = [arguments.pop(n) for n in names]
        if not any(isinstance(v, torch.Tensor) for v in values[-2:]):
            values[-1] = torch.tensor(values[-1])
        if row.op not in ("where", "add", "sub", "mul", "div") and not isinstance(values[0], torch.Tensor):
            values[0] = torch.tensor(values[0])
        if row.op in ("minimum", "maximum", "logical_and", "logical_or", "logical_xor"):
            values = [v if isinstance(v, torch.Tensor) else torch.tensor(v) for v in values]
        if row.op in ("sub", "div", "add", "mul") and not isinstance(values[0], torch.Tensor):
            values[0] = torch.tensor(values[0])
        results = function(*values, **arguments)
    else:
        results = function(**arguments)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    results += [arguments[name] for name in row.also]
    explicit = row.arguments.get("dtype")
    if any(f.dtype in HALF for f in floats) and not wide and not absolute:
        # Scalars do not count beside tensors; float16 with bfloat16 or float32 is float32.
        dtypes = {f.dtype for f in floats if f.dim()} or {f.dtype for f in floats}
        half = dtypes.pop() if len(dtypes) == 1 else torch.float32
        for i, result in enumerate(results):
            follows = explicit is None and row.op not in ("to", "full")  # those do not take their input's dtype
            if result.dtype == torch.float32 and follows:
                results[i] = result.to(half)
    return [r.detach() for r in results]
