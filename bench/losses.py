#!/usr/bin/env python3
"""Where whole models lose against the roofline: a table for docs/benchmarks.md, of `nnfc bench --kernels`.

    /usr/bin/python3 -B bench/losses.py [--build BUILD] [--threads N] [--seconds S] [MODEL...]

MODELs are those of ./dev bench, which has compiled them: build/bench/nnfc/models/MODEL-b1.so. A kernel's roofline is the
longer of its arithmetic at the measured peak and its bytes at the measured bandwidth; one whose data a cache still holds
may be above it, and counts as at it. "lost" is the share of the model's time above the roofline.
"""
import argparse
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 4


def measured(nnfc, library, threads, seconds):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        cores = ",".join(map(str, range(threads)))
        subprocess.run(["taskset", "-c", cores, nnfc, "bench", library, "--kernels", "--threads", str(threads), "--seconds",
                        str(seconds), "--json", file.name], check=True, stdout=subprocess.DEVNULL)
        return json.load(open(file.name))


def kind(kernel):
    """What a kernel is, in the words of the tables: of the primitives in its name, and what bounds it."""
    parts = kernel["kernel"].split("+")
    if kernel["flops"] <= 0:
        return "rows and copies"
    if "conv" not in parts and "dot" not in parts:
        return "rows and elements"
    if kernel["bytes"] > 0 and kernel["flops"] / kernel["bytes"] < 2:
        return "one row of input (weights from memory)"
    costly = next((name for name in ("erf", "tanh", "exp") if name in parts), None)
    shape = "product or convolution"
    return f"{shape} with {costly}" if costly else shape


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    options = parser.parse_args()
    folder = options.build / "bench" / "nnfc" / "models"
    names = options.models or sorted(file.name[:-len("-b1.so")] for file in folder.glob("*-b1.so"))
    print("| model | of its roofline | time by kind: share (of its roofline) | most is lost in |")
    print("| --- | --- | --- | --- |")
    for name in names:
        report = measured(options.build / "bin" / "nnfc", folder / f"{name}-b1.so", options.threads, options.seconds)
        kernels = [k for k in report["kernels"] if k["us"] > 0]
        total = sum(k["us"] for k in kernels)
        for k in kernels:
            k["ideal"] = k["us"] * min(max(k["of_roofline"], 0), 1)
        kinds = collections.defaultdict(lambda: [0, 0])
        for k in kernels:
            kinds[kind(k)][0] += k["us"]
            kinds[kind(k)][1] += k["ideal"]
        by_kind = "; ".join(f"{what} {us / total:.0%} ({ideal / us:.0%})"
                            for what, (us, ideal) in sorted(kinds.items(), key=lambda item: -item[1][0]) if us >= 0.01 * total)
        lost = sorted(kernels, key=lambda k: k["ideal"] - k["us"])[:SHOWN]
        worst = "; ".join(f"`{k['node'].strip('/')}` {(k['us'] - k['ideal']) / total:.1%}" for k in lost)
        print(f"| {name} | {sum(k['ideal'] for k in kernels) / total:.0%} | {by_kind} | {worst} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
