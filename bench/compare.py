#!/usr/bin/env python3
"""Latency of compiled models beside ONNX Runtime, in one process, call by call in turn.

    ./dev bench [CASE...] [--seconds S] [--threads 1,2] [--json FILE]

The machine may be shared and its clock moves, so a wall time says little: what counts is the ratio of medians of
interleaved calls. "of peak" is the rate of the best call (contractions counted by the direct method) over the best rate
that bench/peak.c reached just before. Runs in ./dev's virtual environment. Exit status 1 when a model fails or gives other numbers than ONNX Runtime.
"""
import argparse
import json
import os
import statistics
import subprocess
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
MAX_RELATIVE_ERROR = 1e-4


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
    """Medians of both, and our best, in seconds, and how many calls that were."""
    for _ in range(WARMUP_RUNS):
        ours(), theirs()
    a, b, end = [], [], time.monotonic() + seconds
    while len(a) < MIN_RUNS or (time.monotonic() < end and len(a) < MAX_RUNS):
        a.append(timed(ours))
        b.append(timed(theirs))
    return statistics.median(a), statistics.median(b), min(a), len(a)


def compile_model(nnfc, model, library):
    library.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    done = subprocess.run([nnfc, "compile", model, "-o", library], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("nnfc compile: " + (done.stderr.strip().splitlines() or ["no message"])[0])
    return time.monotonic() - start


def largest_error(got, expected):
    return max(float(np.abs(got[name] - value).max() / np.abs(value).max()) for name, value in expected.items())


def measure(case, options, runtime):
    folder = options.build / "models" / case
    library = options.build / "bench" / f"{case}.so"
    row = {"model": case, "compile_s": compile_model(options.build / "bin" / "nnfc", folder / "model.onnx", library)}
    row["size_bytes"] = library.stat().st_size
    inputs = {path.stem: np.load(path) for path in sorted((folder / "inputs").glob("*.npy"))}
    flops_file = folder / "flops"  # only measured cases have one
    flops = int(flops_file.read_text()) if flops_file.exists() else None
    with nnf.Program(library, runtime=runtime) as program:
        for threads in options.threads:
            with nnf.Context(program, threads=threads) as context:
                run = context.prepare(inputs)
                session = ort_session(folder / "model.onnx", threads)
                expected = dict(zip((o.name for o in session.get_outputs()), session.run(None, inputs)))
                row["relative_error"] = largest_error(run(), expected)
                if not row["relative_error"] < MAX_RELATIVE_ERROR:
                    raise RuntimeError(f"relative error {row['relative_error']:.1e} against ONNX Runtime")
                ours, theirs, best, runs = in_turn(lambda: run(False), lambda: session.run(None, inputs), options.seconds)
            row[f"threads_{threads}"] = {"nnfc_ms": ours * 1e3, "ort_ms": theirs * 1e3, "ratio": ours / theirs,
                                         "best_ms": best * 1e3, "runs": runs, "gflops": flops / best / 1e9 if flops else None}
    return row


def peak(build, threads):
    return float(subprocess.run([build / "bin" / "nnf-peak", str(threads)], stdout=subprocess.PIPE, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all measured models")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--seconds", type=float, default=8, help="per model and thread count (default: 8)")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    export = ["/usr/bin/python3", "-B", ROOT / "test" / "models" / "export.py", "--out", options.build / "models"]
    listed = subprocess.run([*export, *(options.cases or ["--bench"])], stdout=subprocess.PIPE, text=True, check=True)
    cases = options.cases or listed.stdout.split()

    peaks = {t: peak(options.build, t) for t in options.threads}
    print("measured peak: " + ", ".join(f"{p:.0f} GFLOP/s on {t} thread{'s'[:t > 1]}" for t, p in peaks.items()) +
          f"; ONNX Runtime {onnxruntime.__version__}")
    if (load := os.getloadavg()[0]) > 1:
        print(f"note: other processes are busy (load average {load:.1f}): figures are rough")
    print(f"\n{'model':<16} {'threads':>7} {'nnfc ms':>9} {'ort ms':>9} {'nnfc/ort':>8} {'of peak':>8} {'compile s':>9} {'MB':>7}")
    runtime, rows, failed = nnf.Runtime(options.build), [], False
    for case in cases:
        try:
            row = measure(case, options, runtime)
        except (RuntimeError, nnf.Error) as error:
            print(f"{case:<16} failed: {error}", flush=True)
            rows.append({"model": case, "error": str(error)})
            failed = True
            continue
        rows.append(row)
        for threads in options.threads:
            t = row[f"threads_{threads}"]
            of_peak = f"{t['gflops'] / peaks[threads]:.0%}" if t["gflops"] else "-"
            print(f"{case:<16} {threads:>7} {t['nnfc_ms']:9.2f} {t['ort_ms']:9.2f} {t['ratio']:8.2f} {of_peak:>8} "
                  f"{row['compile_s']:9.2f} {row['size_bytes'] / 1e6:7.1f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"peak_gflops": peaks, "onnxruntime": onnxruntime.__version__,
                                            "models": rows}, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
