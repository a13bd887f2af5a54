"""The tensor ops that users are promised, with their parameters; a default stands where one is promised."""

_TABLE = """
add sub | input, other, alpha=1
mul minimum maximum eq ne lt le gt ge logical_and logical_or | input, other
div | input, other, rounding_mode
pow | input, exponent
neg abs exp log sqrt rsqrt reciprocal sin cos erf floor ceil sign logical_not isnan isinf | input
round | input, decimals
clamp | input, min=None, max=None
where | condition, input, other
matmul | input, other
bmm | input, mat2
sum mean prod | input, dim=None, keepdim=False, dtype=None
amax amin | input, dim, keepdim
argmax argmin | input, dim=None, keepdim=False
var | input, dim=None, unbiased=True, keepdim=False, correction
cumsum | input, dim, dtype
topk | input, k, dim=-1, largest=True, sorted=True
sort | input, dim=-1, descending=False, stable
reshape | input, shape
flatten | input, start_dim, end_dim
expand | input, size
permute | input, dims
transpose | input, dim0, dim1
squeeze unsqueeze | input, dim
flip | input, dims
cat stack | tensors, dim=0
split | input, split_size_or_sections, dim=0
slice | input, dim, start, end, step
gather index_select | input, dim, index
scatter | input, dim, index, src, value
scatter_add | input, dim, index, src
arange | start, end, step, dtype
full | size, fill_value, dtype
to | input, dtype
"""
TENSOR_OPS = {name: parameters.strip() for line in _TABLE.strip().splitlines()
              for names, _, parameters in [line.partition("|")] for name in names.split()}
