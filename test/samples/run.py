#!/usr/bin/env python3
"""PyTorch's own samples of its functions (torch.testing's op_db), compiled, run and compared with what PyTorch gives.

Every function of torch.nn.functional that op_db has, in float32, one sample in six of each; and every function, torch's
own too (torch.add, …), in two of three of the other dtypes that op_db lists for it, one sample of each. With --all all
samples in all dtypes, with --each so many of each function and dtype. A sample's arguments are those of the graph, by
the order that `nnfc ops NAME` says. Left out are arguments that a graph has no words for (functions, nested lists with
None) and samples whose meaning is another function's (ELSEWHERE). What is refused by decision is in REFUSED and
FLOATS_ONLY; anything else that is refused is a failure. With --kind error the samples are what PyTorch refuses: nnfc
must, too. Prints `FAIL case: why` lines and, last, `N passed, N failed, N skipped`.

    /usr/bin/python3 -B test/samples/run.py [--only TEXT] [--all | --each N] [--kind sample|reference|error]
"""
import argparse
import concurrent.futures
import re
import subprocess
import sys
import tempfile
import types
import unittest
import warnings
import zlib
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "ops"), str(ROOT / "test" / "harness")]
import cases  # noqa: E402
import nnf  # noqa: E402
import reference  # noqa: E402
import rows as reading  # noqa: E402

# A base class of tests, which op_db's module imports and samples have no use for.
sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase, ACCEPT=False))
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool)
SAMPLES_PER_LIBRARY, ONE_IN = 24, 6
# Of a tensor, in elements: reference_inputs has some that are larger, of the same forms.
LARGEST = 1 << 17
NAMES = {dtype: name for name, dtype in reading.DTYPES.items()}
# Their draws are nnfc's own: shapes and dtypes are compared.
RANDOM = {"alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
          "fractional_max_pool2d", "fractional_max_pool3d", "gumbel_softmax", "rrelu"}
# Which of equal elements comes first PyTorch leaves open.
STABLE = {"argsort", "sort", "topk"}
# op_db calls these by a function of its own, with arguments in another order.
ELSEWHERE = {"nn.functional.embedding", "nn.functional.embedding_bag", "where", "unfold"}
# Of these a bool in the place of `dim` is `unbiased`.
UNBIASED_FIRST = {"std", "var"}
# What nnfc refuses, and why.
REFUSED = (
    ("add", "argument 'alpha': the bool"),  # which makes sense for bools only
    ("batch_norm", "rank 1, expected at least 2 [N, C, ...]"),  # of no elements
    ("norm", "argument 'p': the string"),  # 'fro' is 2; the nuclear norm is another function
)
# PyTorch has these for integers, too; nnfc, by its rule that integers are refused unless a function says otherwise, not.
FLOATS_ONLY = {
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "bilinear", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss", "linear", "local_response_norm",
    "margin_ranking_loss", "pairwise_distance", "poisson_nll_loss", "triplet_margin_loss"}
# What nnfc takes though PyTorch refuses it: numbers on the left or on both sides, int32 indices, -1 for a size that is
# kept.
TAKEN = {"eq", "ge", "gt", "le", "lt", "ne", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "pow",
         "gather", "scatter", "scatter_add",
         "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d"}


class Unsaid(Exception):
    """An argument that a graph has no words for."""


def value_of(value):
    if isinstance(value, torch.Tensor):
        if value.dtype not in NAMES or value.numel() > LARGEST:
            raise Unsaid
        data = value.detach().contiguous().clone()
        return reading.TensorValue(data, NAMES[value.dtype], list(data.shape))
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, torch.Tensor) for item in value):
            return [value_of(item) for item in value]
        if all(isinstance(item, (int, float, bool)) for item in value):
            return list(value)
    elif value is None or isinstance(value, (int, float, bool, str)):
        return value
    raise Unsaid


class Functions:
    """What nnfc knows, and the names of its parameters."""

    def __init__(self, nnfc):
        self.nnfc, self.names = nnfc, {}
        self.known = {line.split()[0] for line in self.say().splitlines() if line and not line.startswith(" ")}

    def say(self, *name):
        return subprocess.run([self.nnfc, "ops", *name], capture_output=True, text=True, check=True).stdout

    def parameters(self, function):
        if function not in self.names:
            text = self.say(function).splitlines()[0]
            listed = reading.split_list(text[text.index("(") + 1:text.rindex(")")])
            self.names[function] = [re.split("[=:]", name)[0].strip().lstrip("*") for name in listed]
        return self.names[function]


def row_of(functions, function, number, dtype, sample):
    names, given = functions.parameters(function), [sample.input, *sample.args]
    if function == "arange" and len(given) == 1:
        names = ["end"]
    if len(given) > len(names) or function in UNBIASED_FIRST and len(given) > 1 and isinstance(given[1], bool):
        raise Unsaid
    arguments = {name: value_of(value) for name, value in zip(names, given)}
    if function != "arange" and all(isinstance(value, (int, float, bool)) for value in given):
        raise Unsaid  # of numbers alone PyTorch makes scalars of float64
    for name, value in sample.kwargs.items():
        if name == "inplace" and not value or name == "device":
            continue
        if name not in names:
            raise Unsaid
        arguments[name] = value_of(value)
    return reading.Row(f"{function} {str(dtype).removeprefix('torch.')}", number, "", function, arguments)


class Sample(cases.Case):
    """A row whose results op_db's own call has given."""

    def __init__(self, row, number, expected, dtype=torch.float32):
        super().__init__(row, number)
        self.expected, self.dtype = expected, dtype
        if row.op in reference.CONTRACTIONS or row.op in ("scaled_dot_product_attention", "multi_head_attention_forward"):
            # Of the largest result: how large its terms were is not known here.
            self.slack = [torch.full_like(y, float(y.abs().max()) if y.numel() else 0.0, dtype=torch.float64)
                          if y.is_floating_point() else torch.zeros_like(y, dtype=torch.float64) for y in expected]


def results_of(functions, function, op, sample):
    """What PyTorch makes of a sample. 16-bit floats are computed in float32 and rounded once, as nnfc does; the order of
    equal elements is the stable one."""
    results = call(op, sample)
    if function in STABLE:
        named = dict(zip(functions.parameters(function), (sample.input, *sample.args)), **sample.kwargs)
        results = listed(reference.function_of(function)(**named))
    elif any(y.dtype in reference.HALF for y in results):
        wide = call(op, sample.transform(lambda x: x.float() if isinstance(x, torch.Tensor) and x.dtype in reference.HALF else x))
        results = [w.to(y.dtype) for w, y in zip(wide, results)]
    if function == "div" and sample.kwargs.get("rounding_mode") == "floor" and results[0].is_floating_point():
        # 1.13's vectors make NaN of a quotient that overflows to -inf, its single numbers and later versions do not.
        quotient = (sample.input / sample.args[0]).to(results[0].dtype)
        overflows = quotient.isinf() & torch.as_tensor(sample.input).isfinite()
        results = [torch.where(results[0].isnan() & overflows, quotient, results[0])]
    return results


def call(op, sample):
    results = listed(op.op(sample.input, *sample.args, **sample.kwargs))
    if not all(isinstance(y, torch.Tensor) for y in results):
        raise Unsaid
    return results


def listed(results):
    return list(results) if isinstance(results, (tuple, list)) else [results]


def chosen(op, dtype, count, options):
    """Which of an op's samples are looked at."""
    function = op.name.removeprefix("nn.functional.")
    if options.all:
        return range(count)
    if options.each is None and dtype == torch.float32:
        first = -zlib.crc32(function.encode()) % ONE_IN
        return range(first, count, ONE_IN) if function != op.name else ()
    hash_of = lambda *what: zlib.crc32(" ".join(map(str, what)).encode())
    if options.each is None and hash_of(function, dtype) % 3 == 0:
        return ()
    return sorted(range(count), key=lambda number: hash_of(function, dtype, number))[:options.each or 1]


def samples_of(functions, dtypes, options):
    """Samples, and how many are left out."""
    found, left_out = [], 0
    for op in op_db:
        function = op.name.removeprefix("nn.functional.")
        if function not in functions.known or op.name in ELSEWHERE or options.only not in function:
            continue
        for dtype in dtypes:
            if not op.supports_dtype(dtype, "cpu"):
                continue
            torch.manual_seed(0)
            samples = list(getattr(op, options.kind + "_inputs")("cpu", dtype, requires_grad=False))
            for number in chosen(op, dtype, len(samples), options):
                try:
                    row = row_of(functions, function, number, dtype, samples[number])
                    found.append(Sample(row, len(found), results_of(functions, function, op, samples[number]), dtype))
                except Unsaid:
                    left_out += 1
    return found, left_out


def refusals_of(functions, options):
    """What PyTorch refuses, which nnfc must refuse, and how many are left out."""
    found, left_out = [], 0
    for op in op_db:
        function = op.name.removeprefix("nn.functional.")
        if op.error_inputs_func is None or function not in functions.known or options.only not in function:
            continue
        for number, error in enumerate(op.error_inputs("cpu")):
            try:
                row = row_of(functions, function, number, "refused", error.sample_input)
            except Unsaid:
                left_out += 1
                continue
            results = 2 if row.arguments.get("return_indices") or function in ("sort", "topk") else 1
            found.append(Sample(row, len(found), [torch.zeros(())] * results))
    return found, left_out


def why_taken(nnfc, folder, sample, runtime):
    """None where a sample is refused, by the compiler or by its run, or taken by decision."""
    built, refused = cases.compiled(nnfc, folder, [sample], [])
    if refused:
        return None if refused[0][1].startswith("error: ") else refused[0][1]
    library = built[0][1]
    try:
        with nnf.Program(library, name=sample.model, runtime=runtime) as program, nnf.Context(program, threads=1) as context:
            context.run(sample.inputs())
        return None if sample.row.op in TAKEN else "is taken, and PyTorch refuses it"
    except nnf.Error:
        return None
    finally:
        library.unlink()


def of_another_form(sample, outputs):
    """Why outputs have not the expected shapes and dtypes; None where they have."""
    for i, expected in enumerate(sample.expected):
        found, wanted = outputs[f"y{i}"], cases.as_numpy(expected)
        if found.shape != wanted.shape or found.dtype.itemsize != wanted.dtype.itemsize:
            return f"y{i}: {found.dtype}{list(found.shape)}, expected {expected.dtype}{list(expected.shape)}"
    return None


def wants_a_float(sample):
    return sample.row.op in FLOATS_ONLY and not sample.dtype.is_floating_point


def refused_by_decision(sample, why):
    if wants_a_float(sample) and re.search("dtype (u?int[0-9]+|bool), expected a float", why):
        return True
    return any(sample.row.op == function and text in why for function, text in REFUSED)


def run_all(nnfc, folder, part, runtime):
    """[(sample, why it fails; None: it is right)]"""
    built, refused = cases.compiled(nnfc, folder, part, [])
    outcomes = [(sample, None if refused_by_decision(sample, why) else why) for sample, why in refused]
    for samples, library in built:
        for sample in samples:
            try:
                with nnf.Program(library, name=sample.model, runtime=runtime) as program, \
                        nnf.Context(program, threads=1) as context:
                    outputs = context.run(sample.inputs())
                    judge = of_another_form if sample.row.op in RANDOM else Sample.difference
                    outcomes.append((sample, judge(sample, outputs)))
            except nnf.Error as error:
                outcomes.append((sample, None if refused_by_decision(sample, str(error)) else str(error)))
        library.unlink()
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="", help="functions with this in their names")
    parser.add_argument("--each", type=int, metavar="N", help="so many samples of each function and dtype")
    parser.add_argument("--dtypes", help="with a comma between them, in place of all")
    parser.add_argument("--kind", choices=("sample", "reference", "error"), default="sample",
                        help="op_db's sample_inputs, the many more of its reference_inputs, or what PyTorch refuses")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    nnfc, runtime = options.build / "bin" / "nnfc", nnf.Runtime(options.build)
    dtypes = [getattr(torch, name) for name in options.dtypes.split(",")] if options.dtypes else DTYPES
    functions = Functions(nnfc)
    found, left_out = refusals_of(functions, options) if options.kind == "error" else \
        samples_of(functions, dtypes, options)
    # What will be refused would have the library of the others halved until it is found.
    alone = [sample for sample in found if options.kind == "error" or wants_a_float(sample)]
    together = [sample for sample in found if not (options.kind == "error" or wants_a_float(sample))]
    parts = [together[i:i + SAMPLES_PER_LIBRARY] for i in range(0, len(together), SAMPLES_PER_LIBRARY)]
    parts += [[sample] for sample in alone]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def outcomes_of(part):
            if options.kind == "error":
                return [(part[0], why_taken(nnfc, Path(scratch), part[0], runtime))]
            return run_all(nnfc, Path(scratch), part, runtime)

        for outcomes in pool.map(outcomes_of, parts):
            for sample, why in outcomes:
                if why:
                    failed += 1
                    print(f"FAIL {sample.row.file}, sample {sample.row.line}: {why}", flush=True)
    print(f"{len(found) - failed} passed, {failed} failed, {left_out} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
