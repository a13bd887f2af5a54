#!/usr/bin/env python3
"""docs/ops/coverage.md: what the rows say of each function, and how fast it is beside PyTorch.

    test/ops/run.py --coverage docs/ops/coverage.md [--bench FILE]
        writes the lines of the functions whose rows were all run; others (with --only) stay as they are
    test/ops/coverage.py docs/ops/coverage.md FILE
        writes the ratios of ./dev bench ops --json FILE into the page

A function that `nnfc ops` does not list any more loses its line; a new one without rows gets one that says so.
"""
import json
import math
import re
import statistics
import subprocess
import sys
from pathlib import Path

FEWEST_ROWS = 15
# The functions of torch.nn.functional in 1.4, twins and all.
FIRST_TIER = """
conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d unfold fold
avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d max_unpool1d max_unpool2d max_unpool3d lp_pool1d lp_pool2d
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
threshold threshold_ relu relu_ hardtanh hardtanh_ relu6 elu elu_ selu celu leaky_relu leaky_relu_ prelu rrelu rrelu_ glu
gelu logsigmoid hardshrink tanhshrink softsign softplus softmin softmax softshrink gumbel_softmax log_softmax tanh sigmoid
batch_norm instance_norm layer_norm local_response_norm normalize
linear bilinear dropout alpha_dropout dropout2d dropout3d
embedding embedding_bag one_hot pairwise_distance cosine_similarity pdist
binary_cross_entropy binary_cross_entropy_with_logits poisson_nll_loss cosine_embedding_loss cross_entropy ctc_loss
hinge_embedding_loss kl_div l1_loss mse_loss margin_ranking_loss multilabel_margin_loss multilabel_soft_margin_loss
multi_margin_loss nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss
pixel_shuffle pad interpolate upsample upsample_nearest upsample_bilinear grid_sample affine_grid data_parallel""".split()
# What later versions added to it.
SECOND_TIER = """
silu mish hardswish hardsigmoid celu_ selu_ group_norm rms_norm scaled_dot_product_attention multi_head_attention_forward
pixel_unshuffle channel_shuffle huber_loss gaussian_nll_loss fractional_max_pool2d fractional_max_pool3d lp_pool3d dropout1d
feature_alpha_dropout triplet_margin_with_distance_loss conv_tbc""".split()
DTYPES = ["f32", "f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool"]
# What no row of test/ops runs.
ELSEWHERE = {"data_parallel": ["`test/data_parallel`", "f32 i64", "yes", "-", "-"]}
BENCHES = [("cache", 1), ("cache", 2), ("memory", 1), ("memory", 2)]
HEADER = "| function | rows | dtypes | symbolic | refused | run-time errors | " + \
    " | ".join(f"{size}, {threads}" for size, threads in BENCHES) + " |\n" + "| --- " * (6 + len(BENCHES)) + "|\n"
TITLES = ("Functions of torch.nn.functional", "What later versions added", "Tensor functions")


def known_functions(nnfc):
    """Name -> twin or ""."""
    listed = subprocess.run([nnfc, "ops"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    pages = {name: subprocess.run([nnfc, "ops", name], stdout=subprocess.PIPE, text=True, check=True).stdout for name in names}
    return {name: twin[1] if (twin := re.search(r"in place: `(\w+)`", page)) else "" for name, page in pages.items()}


def tensors(value):
    """The tensors of an argument; only they have `dims`."""
    return [v for v in (value if isinstance(value, list) else [value]) if hasattr(v, "dims")]


def cells_of(results):
    """What the rows of one function say; `results` are (row, why it fails or None)."""
    passed = [row for row, why in results if why is None]
    calls = [row for row in passed if not row.compile_error and not row.run_error]
    given = [t for row in calls for value in row.arguments.values() for t in tensors(value)]
    dtypes = [d for d in DTYPES if any(t.dtype == d for t in given)]
    symbolic = any(isinstance(dim, tuple) for t in given for dim in t.dims)
    few = ", few" if len(results) < FEWEST_ROWS else ""
    return [f"{len(passed)} / {len(results)}{few}", " ".join(dtypes) or "-", "yes" if symbolic else "no",
            str(sum(bool(row.compile_error) for row in passed)), str(sum(bool(row.run_error) for row in passed))]


def ratios(report):
    """Function -> a cell for each of BENCHES: the geometric mean of its calls' ratios."""
    found = {}
    for figure in report["figures"]:
        found.setdefault(figure["function"], {}).setdefault((figure["size"], figure["threads"]), []).append(figure["ratio"])
    mean = lambda series: f"{math.exp(statistics.fmean(map(math.log, series))):.2f}" if series else "-"
    return {function: [mean(by.get(bench)) for bench in BENCHES] for function, by in found.items()}


def read_page(path):
    """Function -> (cells about rows, cells about time)."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \w", line)]
    return {name.split(",")[0]: (rest[:5], rest[5:]) for name, *rest in found if name != "function"}


def page_text(functions, cells):
    def tier(name, twin):
        return 0 if name in FIRST_TIER or twin in FIRST_TIER else 1 if name in SECOND_TIER else 2

    absent = sorted(set(FIRST_TIER + SECOND_TIER) - set(functions) - set(functions.values()))
    text = ("<!-- Made by test/ops/run.py --coverage; a test looks for every function. -->\n# Coverage\n\n"
            "What the rows of `test/ops` say of each [function](README.md), run for `cpu`; a row is a call compared with PyTorch 1.13, "
            "or one that is refused.\n\n"
            f"- *rows*: how many pass of how many there are, twins' among them; *few*: less than {FEWEST_ROWS}.\n"
            "- *dtypes*: those of tensor arguments in calls that pass. *symbolic*: a call with a symbolic size passes.\n"
            "- *refused*, *run-time errors*: rows for what does not compile, and for what the run finds in the data.\n"
            "- *cache, 1* and so on: PyTorch's time over nnfc's for data in cache or in memory and a number of threads, from "
            "`./dev bench ops --json`; a function with several calls has their geometric mean. -: not measured.\n\n"
            f"Not there: {', '.join(absent) or 'none'}.\n")
    for number, title in enumerate(TITLES):
        text += f"\n## {title}\n\n{HEADER}"
        for name, twin in functions.items():
            if tier(name, twin) == number:
                about_rows, about_time = cells[name]
                text += "| " + " | ".join([name + (f", {twin}" if twin else ""), *about_rows, *about_time]) + " |\n"
    return text


def write(path, nnfc, results, rows_by_function, report):
    """`results`: function -> (row, why)...; `rows_by_function`: how many rows each has, run or not."""
    functions, before, timed = known_functions(nnfc), read_page(path), ratios(report) if report else None
    cells = {}
    for name in functions:
        about_rows, about_time = before.get(name, (cells_of([]), ["-"] * len(BENCHES)))
        if name in ELSEWHERE:
            about_rows = ELSEWHERE[name]
        elif len(results.get(name, [])) == rows_by_function.get(name, 0):
            about_rows = cells_of(results.get(name, []))
        cells[name] = about_rows, timed.get(name, ["-"] * len(BENCHES)) if timed else about_time
    path.write_text(page_text(functions, cells))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, report = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    functions = {name.split(",")[0]: twin.strip() for name, _, twin in
                 (re.match(r"\| (\w+)(,?)([ \w]*) \|", line).groups() for line in path.read_text().splitlines()
                  if re.match(r"\| \w", line) and not line.startswith("| function"))}
    timed = ratios(report)
    path.write_text(page_text(functions, {name: (about_rows, timed.get(name, ["-"] * len(BENCHES)))
                                          for name, (about_rows, _) in read_page(path).items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
