"""Float32 on tensor cores (--allow-tf32): the models of models.py and attention.py, with operands of products rounded to
10 bits of mantissa where their answers are computed, in float64. What is 16 bits wide there is float32 here, for its
sizes and the ways it lies. Answers of exact operands, or of operands that are cut off, are too far off to pass.
"""
from dataclasses import replace

import numpy as np

from attention import kernels_of

# Of products that read something else than inputs the answer would have to round that, too; what these read are doubles,
# or has a scale for sums that are rounded to 16 bits. Of heads of 256 elements (wide) float32 has no tile.
LEFT_OUT = {"matmul_doubles", "perceptron16", "conv_residual", "conv16_residual", "linear16", "linear_bfloat16"}


def rounded(x):
    """The nearest numbers with 10 bits behind the leading one; of two the larger one."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.copysign(np.floor(np.abs(mantissa) * 2.0 ** 11 + 0.5) * 2.0 ** -11, mantissa), exponent)


def tf32_models(all_models):
    rng = np.random.default_rng(32)
    found = []
    for model in all_models:
        kinds = {array.dtype for array in model.inputs.values()}
        if (model.family not in ("contract", "tensor", "convolution", "convolution16", "attention")
                or model.name in LEFT_OUT or "_wide_" in model.name or np.dtype(np.uint16) in kinds):
            continue
        inputs = {name: rng.standard_normal(array.shape).astype(np.float32) if array.dtype == np.float16 else array
                  for name, array in model.inputs.items()}
        operands = "qkv" if model.family == "attention" else list(inputs)[:2]

        def reference(*arrays, model=model, operands=operands):
            return model.reference(*(rounded(a) if name in operands else a for name, a in zip(model.inputs, arrays)))

        scale = model.scale
        if model.family == "attention":  # powers are rounded as well
            def scale(*arrays, reference=reference):
                return np.full_like(reference(*arrays)[0], 2.0 ** 13)
        if model.family == "convolution16":
            def scale(*arrays, model=model):
                return model.scale(*arrays) / 64
        found.append(replace(model, name=f"tf32_{model.name}", inputs=inputs, reference=reference, scale=scale))
    return found


def look_at(text, model):
    """One kernel with products on tensor cores, and nothing in local memory; or (depthwise and the like) as without."""
    if "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32" not in text:
        return "no products of tf32"
    if "cvt.rna.tf32.f32" not in text:
        return "operands are not rounded"
    if "mma.sync.aligned.m16n8k16" in text:
        return "products of 16-bit floats"
    if model.family == "attention" and text.count(".entry") != kernels_of(model):
        return f"{text.count('.entry')} kernels"
    return "it has local memory" if ".local" in text else None
