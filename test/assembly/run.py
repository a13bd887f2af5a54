#!/usr/bin/env python3
"""What the inner loops of typical kernels look like, in x86 assembly: what loses a factor of ten in silence.

Each row of kernels.rows is `V3 V4 INSTRUCTION | call`, the call as test/ops has it (../ops/rows.py), or `onnx CASE`, one of
../onnx/own*.py; `-`: not for that CPU. It is compiled for x86-64-v3 (256-bit vectors, 16 registers), x86-64-v4 (512-bit vectors,
32 registers), and, where there is a third number, for icelake-server (as v4, with products of bytes). The hot loop, the innermost one
with the most of the instruction, a pattern, has at least V3 or V4 of them, stores no vector to the stack, a register that
was spilled, and does no arithmetic on single floats. (Constants and addresses may come from the stack.)

    /usr/bin/python3 -B test/assembly/run.py [--only TEXT] [--counts]     --counts prints what there is

Prints `FAIL case: why` lines and, last, `N passed, N failed`.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("ops", "onnx", "harness", "codegen")]

import onnx
import own
import own_quantized  # noqa: F401: adds its cases to own.CASES
import rows as reading
from hot_loop import innermost_loops

CPUS = ("x86-64-v3", "x86-64-v4", "icelake-server")
SCALAR = re.compile(r"^v?(add|sub|mul|div|max|min|sqrt|fn?m(add|sub)\d*)s[sd]\b")
SPILL = re.compile(r"^vmov\w+\s+%[xyz]mm\d+, -?\d*\(%rsp")
TIMEOUT_S = 120


@dataclass(frozen=True)
class OnnxCase:
    name: str

    @property
    def text(self):
        return f"onnx {self.name}"


def read_kernels(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            wanted, _, call = line.partition("|")
            *counts, instruction = wanted.split()
            is_onnx = call.split()[0] == "onnx"
            row = OnnxCase(call.split()[1]) if is_onnx else reading.read_row(path.name, number, call)
            yield row, [None if count == "-" else int(count) for count in counts], re.compile(instruction)


def assembly_of(nnfc, row, cpu, folder):
    graph, output = folder / "k.nnf.txt", folder / "k.s"
    if isinstance(row, OnnxCase):
        graph = folder / "k.onnx"
        onnx.save(own.CASES[row.name][0], graph)
    else:
        graph.write_text(reading.graph_text(row, "k", 1))
    done = subprocess.run([nnfc, "compile", graph, "--emit=s", f"--cpu={cpu}", "-o", output], stderr=subprocess.PIPE,
                          text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[0])
    return output.read_text().splitlines()


def judge(loops, instruction, at_least):
    """(how many the hot loop has, why that is wrong or None)"""
    def count(body):
        return sum(bool(instruction.match(line)) for line in body)

    hot = max(loops, key=count, default=[])
    found = count(hot)
    if found < at_least:
        return found, f"the hot loop has {found} of {instruction.pattern}, expected at least {at_least}"
    spills = [line for line in hot if SPILL.match(line)]
    if spills:
        return found, f"the hot loop spills: {'; '.join(spills[:3])}"
    scalars = [line for line in hot if SCALAR.match(line)]
    if scalars:
        return found, f"the hot loop has arithmetic on single floats: {'; '.join(scalars[:3])}"
    return found, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used: a kernel takes a fraction of a second")
    parser.add_argument("--all", action="store_true", help="the same: there is one product")
    parser.add_argument("--only", default="", help="rows whose text holds this")
    parser.add_argument("--counts", action="store_true", help="print what the hot loops have")
    options = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for row, counts, instruction in read_kernels(HERE / "kernels.rows"):
            if options.only not in row.text:
                continue
            for cpu, at_least in zip(CPUS, counts):
                if at_least is None:
                    continue
                try:
                    loops = list(innermost_loops(assembly_of(options.build / "bin" / "nnfc", row, cpu, Path(folder))))
                    found, why = judge(loops, instruction, at_least)
                except RuntimeError as error:
                    found, why = 0, f"compile: {error}"
                if options.counts:
                    print(f"{found:3} {cpu}  {row.text}")
                passed, failed = passed + (why is None), failed + (why is not None)
                if why:
                    print(f"FAIL {row.text} for {cpu}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
