"""Runs a compiled model by the command line and compares its outputs with those of PyTorch."""
import re
import subprocess
from pathlib import Path

import numpy as np

MAX_RELATIVE_ERROR = 1e-4
TIMEOUT_S = 300


class Failure(Exception):
    """Why a case failed, in a line."""


def call(command):
    """What the command writes to standard output."""
    try:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(command[0]).name} {command[1]}: no end after {TIMEOUT_S} s") from None
    if done.returncode != 0:
        what = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        text = " / ".join(done.stderr.strip().splitlines()[:3])
        raise Failure(f"{Path(command[0]).name} {command[1]}: {what}: {text or 'no message'}")
    return done.stdout


def file_name(output):
    """The contract's file name of an output."""
    text = re.sub(rb"[^A-Za-z0-9._-]", lambda m: b"%%%02X" % m.group()[0], output.encode()).decode()
    return ("%2E" + text[1:] if text.startswith(".") else text) + ".npy"


def run(nnfc, library, inputs, folder, threads):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npy"):
        old.unlink()
    given = [a for path in sorted(inputs.glob("*.npy")) for a in ("--input", f"{path.stem}={path}")]
    call([nnfc, "run", library, *given, "--output-dir", folder, "--threads", threads])


def paired(got, expected):
    """What a detector found, in the order of `expected`: it sorts by score, which rounding decides where two are close."""
    free, order = list(range(len(got["scores"]))), []
    near = MAX_RELATIVE_ERROR * np.abs(expected["scores"]).max(initial=0)
    for box, label, score in zip(expected["boxes"], expected["labels"], expected["scores"]):
        close = [i for i in free if abs(got["scores"][i] - score) < near]
        if not close:
            return got  # which is wrong as it is
        order.append(min(close, key=lambda i: (got["labels"][i] != label, np.abs(got["boxes"][i] - box).max())))
        free.remove(order[-1])
    return {name: value[order] for name, value in got.items()}


def without_ties(got, expected):
    """A keypoint is where its heatmap is largest. Of a hundred, one may be where another place is as large but for
    rounding, as its score says."""
    near = MAX_RELATIVE_ERROR * np.abs(expected["keypoints"]).max()
    moved = np.abs(got["keypoints"] - expected["keypoints"]).max(-1) >= near
    scores = [x["keypoint_scores"] for x in (got, expected)]
    is_tie = moved & (np.abs(scores[0] - scores[1]) < MAX_RELATIVE_ERROR * np.abs(scores[1]).max())
    if is_tie.sum() * 100 > is_tie.size:
        return got
    return got | {"keypoints": np.where(is_tie[..., None], expected["keypoints"], got["keypoints"])}


def relative_error(got, expected):
    """The largest of all outputs."""
    for name, value in got.items():
        if value.shape != expected[name].shape or value.dtype != expected[name].dtype:
            raise Failure(f"output '{name}': {value.dtype}{list(value.shape)}, "
                          f"expected {expected[name].dtype}{list(expected[name].shape)}")
        if not np.isfinite(value).all():
            raise Failure(f"output '{name}': not finite")
    if {"boxes", "labels", "scores"} <= got.keys():
        got = paired(got, expected)
    if {"keypoints", "keypoint_scores"} <= got.keys():
        got = without_ties(got, expected)
    return max(float(np.abs(value - expected[name]).max() / np.abs(expected[name]).max()) for name, value in got.items())


def compare(folder, library, work, nnfc):
    """Runs with one thread and with two. Returns the largest relative error of all outputs."""
    outputs = sorted((folder / "expected").glob("*.npy"))
    for threads in (1, 2):
        run(nnfc, library, folder / "inputs", work / f"threads-{threads}", threads)
    missing = [o.stem for o in outputs if not (work / "threads-1" / file_name(o.stem)).exists()]
    if missing:
        raise Failure(f"no output file of {', '.join(missing)}")
    error = relative_error({o.stem: np.load(work / "threads-1" / file_name(o.stem)) for o in outputs},
                           {o.stem: np.load(o) for o in outputs})
    if error >= MAX_RELATIVE_ERROR:
        raise Failure(f"relative error {error:.1e}, expected below {MAX_RELATIVE_ERROR:.0e}")
    for o in outputs:
        one, two = ((work / f"threads-{t}" / file_name(o.stem)).read_bytes() for t in (1, 2))
        if one != two:
            raise Failure(f"output '{o.stem}' differs between one and two threads")
    return error
