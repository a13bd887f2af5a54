"""A row as a case: its graph file, what PyTorch says of it, and whether a result is right.

Tolerance in float32: |a-b| <= 1e-5 + 1e-4 |b|, and 4 * 2^-24 of the sum of absolute products for sums. Integers and bool
are equal.
"""
import subprocess
import warnings
from pathlib import Path

import numpy as np
import torch

import reference
import rows as reading

HERE = Path(__file__).resolve().parent
COMPILE_TIMEOUT_S = 300
# What nnfc says of a function that another target has: such rows are skipped.
NOT_THERE = "is not there yet for this target"
TOLERANCE = {torch.float64: (1e-10, 1e-9), torch.float32: (1e-5, 1e-4), torch.float16: (1e-4, 2 ** -9),
             torch.bfloat16: (1e-4, 2 ** -6)}


def all_rows():
    return [row for path in sorted(HERE.glob("*.rows")) for row in reading.read_rows(path)]


class Case:
    """A row with what PyTorch says of it."""

    def __init__(self, row, number):
        self.row, self.model = row, f"r{number}"
        self.expected, self.slack = None, None

    def prepare(self):
        if self.row.compile_error or self.row.run_error:
            # How many outputs to name where PyTorch cannot be asked: one is right for all that are tested so.
            self.expected = [torch.zeros(())] * (1 + len(self.row.also))
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.expected = reference.call(self.row)
            if self.row.op in reference.CONTRACTIONS:
                self.slack = reference.call(self.row, wide=True, absolute=True)

    def text(self):
        return reading.graph_text(self.row, self.model, len(self.expected) - len(self.row.also))

    def inputs(self):
        """Name -> a fresh array."""
        return {name: as_numpy(value.data.clone()) for name, value in reading.tensors_of(self.row).items()
                if not value.is_constant}

    def difference(self, outputs):
        """Why `outputs` (name -> array) are wrong; None where they are right."""
        names = [f"y{i}" for i in range(len(self.expected) - len(self.row.also))] + list(self.row.also)
        for i, (name, expected) in enumerate(zip(names, self.expected)):
            why = difference(outputs[name], expected, self.slack[i] if self.slack else None)
            if why:
                return f"{name}: {why}"
        return None


def first_line(text):
    return (text.strip().splitlines() or ["no output"])[0]


def compiled(nnfc, folder, cases, flags, write=None):
    """[(cases, library)] and [(case, why it does not compile)]: a library that does not compile is halved.

    `write(folder, case)` writes a case's file there and returns its path; by default its text.
    """
    files = [(write or write_text)(folder, case) for case in cases]
    library = folder / f"{cases[0].model}_{len(cases)}.so"
    try:
        done = subprocess.run([nnfc, "compile", *map(str, files), "-o", str(library), *flags], capture_output=True, text=True,
                              errors="replace", timeout=COMPILE_TIMEOUT_S)
        why = first_line(done.stderr) if done.returncode > 0 else f"nnfc was killed by signal {-done.returncode}: " + \
            first_line(done.stderr) if done.returncode else None
    except subprocess.TimeoutExpired:
        why = f"no end after {COMPILE_TIMEOUT_S} s"
    if why is None:
        return [(cases, library)], []
    if len(cases) == 1:
        return [], [(cases[0], why)]
    built, refused = [], []
    for half in (cases[:len(cases) // 2], cases[len(cases) // 2:]):
        b, r = compiled(nnfc, folder, half, flags, write)
        built += b
        refused += r
    return built, refused


def write_text(folder, case):
    path = folder / f"{case.model}.nnf.txt"
    path.write_text(case.text())
    return path


def as_numpy(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    return tensor.contiguous().numpy()


def difference(found, expected, slack):
    """Why `found` is not `expected`; None where it is."""
    if tuple(found.shape) != tuple(expected.shape):
        return f"shape {list(found.shape)}, expected {list(expected.shape)}"
    if expected.dtype == torch.bfloat16:
        found = torch.from_numpy(found.view(np.int16).copy()).view(torch.bfloat16)
    else:
        if found.dtype != as_numpy(expected).dtype:
            return f"dtype {found.dtype}, expected {expected.dtype}"
        found = torch.from_numpy(found.copy())
    if not expected.is_floating_point():
        bad = (found != expected).flatten().nonzero()
        if len(bad) == 0:
            return None
        i = int(bad[0])
        return f"{len(bad)} of {expected.numel()} differ, first at {i}: {found.flatten()[i]}, expected {expected.flatten()[i]}"
    absolute, relative = TOLERANCE[expected.dtype]
    a, b = found.double(), expected.double()
    allowed = absolute + relative * b.abs()
    if slack is not None:
        allowed = allowed + 4 * 2.0 ** -24 * slack.double()
    same = ((a - b).abs() <= allowed) | (a == b) | (a.isnan() & b.isnan())
    bad = (~same).flatten().nonzero()
    if len(bad) == 0:
        return None
    i = int(bad[0])
    return f"{len(bad)} of {b.numel()} differ, first at {i}: {a.flatten()[i]:.9g}, expected {b.flatten()[i]:.9g}"
