#!/usr/bin/env python3
"""The time of one compiled model in that of ONNX Runtime: prints the ratio of medians of interleaved calls.

    .venv/bin/python bench/pair.py FOLDER LIBRARY

FOLDER has model.onnx and inputs/NAME.npy, as test/models/export.py writes them. Both are in this process, call by call in
turn: cheaper than bench.py, for many models once.
"""
import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "harness"))
import nnf  # noqa: E402

WARMUP_RUNS, MIN_RUNS, MAX_RUNS = 3, 11, 400
# Between calls: long enough for the other engine's threads to park.
PAUSE_S = 0.002


def ort_session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Its threads spin within a run, and stop with it: spinning on would slow the other engine's next call.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def timed(call):
    time.sleep(PAUSE_S)
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(ours, theirs, seconds):
    """Medians of both, in seconds."""
    for _ in range(WARMUP_RUNS):
        ours(), theirs()
    a, b, end = [], [], time.monotonic() + seconds
    while len(a) < MIN_RUNS or (time.monotonic() < end and len(a) < MAX_RUNS):
        a.append(timed(ours))
        b.append(timed(theirs))
    return statistics.median(a), statistics.median(b)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    inputs = {path.stem: np.load(path) for path in sorted((options.folder / "inputs").glob("*.npy"))}
    session = ort_session(options.folder / "model.onnx", options.threads)
    with nnf.Program(options.library, runtime=nnf.Runtime(options.build)) as program:
        with nnf.Context(program, threads=options.threads) as context:
            run = context.prepare(inputs)
            ours, theirs = in_turn(lambda: run(False), lambda: session.run(None, inputs), options.seconds)
    print(f"{ours / theirs:.3f}")


if __name__ == "__main__":
    main()
