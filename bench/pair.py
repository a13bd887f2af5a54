#!/usr/bin/env python3
"""The time of one compiled model in that of ONNX Runtime: prints the ratio of medians of interleaved calls.

    .venv/bin/python bench/pair.py FOLDER LIBRARY

FOLDER has model.onnx and inputs/NAME.npy, as test/models/export.py writes them.
"""
import argparse
from pathlib import Path

import numpy as np

import compare
from compare import nnf


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("--build", type=Path, default=compare.ROOT / "build")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    inputs = {path.stem: np.load(path) for path in sorted((options.folder / "inputs").glob("*.npy"))}
    session = compare.ort_session(options.folder / "model.onnx", options.threads)
    with nnf.Program(options.library, runtime=nnf.Runtime(options.build)) as program:
        with nnf.Context(program, threads=options.threads) as context:
            run = context.prepare(inputs)
            ours, theirs, *_ = compare.in_turn(lambda: run(False), lambda: session.run(None, inputs), options.seconds)
    print(f"{ours / theirs:.3f}")


if __name__ == "__main__":
    main()
