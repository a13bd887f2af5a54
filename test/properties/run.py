#!/usr/bin/env python3
"""What must not change a result, on a sample of the rows of test/ops (by hash) and on large.rows beside this.

  threads  1, 2 and 4 threads and a repeated run give the same bits
  forms    .nnf.txt, .nnf and .mlir, .so, and .a and .o that were linked, give the same bits
  levels   -O0, -O1 and -O3 are within the rows' tolerance
  accuracy so is --accuracy=strict; relaxed is within 1e-5 of the largest value
  sizes    named sizes in place of fixed ones, or the other way round, too; skipped where the compiler refuses them
  cpus     --cpu=x86-64-v2, -v3 and -v4, too; skipped where this machine cannot run them
Random ops: with the same seed. A run error is the same error. The plain build (-O2, this CPU, .so) is held against PyTorch
by test/ops. Prints `FAIL case: why` lines and, last, `N passed, N failed, N skipped`: a case is a row and a property.
"""
import argparse
import collections
import concurrent.futures
import json
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "ops"), str(HERE.parent / "harness")]

import numpy as np
import torch

import nnf
from apart import each_apart
from cases import Case, all_rows
from rows import read_rows
from variants import Workshop

ROWS_PER_LIBRARY = 20
ONE_IN, ONE_IN_OF_ALL = 40, 10
SEED = 0  # what the rows expect
CHILD_TIMEOUT_S = 60


def run(case, runtime, words, threads=2, again=False):
    """Name -> array of the outputs and of the inputs after the run; or the error's first line: the second, where the node
    stands, is of graph files in text."""
    with nnf.Program(name=case.model, runtime=runtime, **words) as program, \
            nnf.Context(program, threads=threads, seed=SEED) as context:
        try:
            for _ in range(2 if again else 1):
                context.set_run(0)
                inputs = case.inputs()
                outputs = context.run(inputs)
        except nnf.Error as error:
            return str(error).partition("\n")[0]
    return {**{f"{name} after the run": array for name, array in inputs.items()}, **outputs}


def other_bits(found, plain):
    """Where two results differ; None where they do not."""
    if isinstance(found, str) or isinstance(plain, str):
        if found == plain:
            return None
        said = [f"error '{r}'" if isinstance(r, str) else "a result" for r in (found, plain)]
        return f"{said[0]}, expected {said[1]}"
    for name, expected in plain.items():
        array = found[name]
        if array.shape != expected.shape or array.dtype != expected.dtype:
            return f"{name}: {array.dtype} {list(array.shape)}, expected {expected.dtype} {list(expected.shape)}"
        if array.tobytes() != expected.tobytes():
            return f"{name}: other bits"
    return None


def off(case, found, property_):
    """Why a result is not within the row's tolerance."""
    if wanted := case.row.run_error:
        said = f"error '{found}'" if isinstance(found, str) else "a result"
        if property_ == "sizes":  # what is expected may be said in named sizes
            wanted = wanted.partition(", expected")[0]
        return None if wanted in said else f"{said}, expected the run error '{wanted}'"
    return f"run: {found}" if isinstance(found, str) else case.difference(found)


def off_largest(case, found, plain):
    """Why results, taken together, are off those of the plain build by more than 1e-5 of the largest value."""
    if isinstance(found, str) or isinstance(plain, str):
        return off(case, found, "accuracy")
    for name, array in found.items():
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(plain[name]).all():
            if why := off(case, found, "accuracy"):
                return why
            continue
        error, largest = np.abs(array - plain[name]).max(initial=0), np.abs(plain[name]).max(initial=0)
        if not error <= 1e-5 * largest:
            return f"{name}: off by {error:.1e}, expected at most 1e-5 of {largest:.1e}"
    return ""


def properties_of(case, plain, variants, runtime):
    """Property -> why it does not hold, "" where it does, None where it could not be looked at."""
    results = {}

    def note(property_, title, why):
        if not results.get(property_):  # the first failure is the one that is told
            results[property_] = f"{title}: {why}" if why else ""

    reference = run(case, runtime, plain.source(case.model), threads=1)
    for threads in (1, 2, 4):
        found = run(case, runtime, plain.source(case.model), threads=threads, again=True)
        note("threads", f"{threads} threads", other_bits(found, reference))
    for variant in variants:
        if case.model in variant.libraries:
            found = run(case, runtime, variant.source(case.model))
            note(variant.property, variant.titles.get(case.model, variant.title),
                 other_bits(found, reference) if variant.exact else
                 off_largest(case, found, reference) if variant.title == "--accuracy=relaxed" else
                 off(case, found, variant.property))
        elif why := variant.refused.get(case.model):
            ours = "internal" in why or "signal" in why or "no end" in why
            if ours or not variant.may_refuse:
                note(variant.property, variant.title, f"compile: {why}")
            else:
                results.setdefault(variant.property, None)
        elif variant.is_missing:
            results.setdefault(variant.property, None)
    return results


def check_cases(cases, options):
    """[(case, property, why or "" or None)] for rows that share a library."""
    torch.set_num_threads(1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            case.prepare()
        shop = Workshop(str(options.build / "bin" / "nnfc"), folder, cases)
        plain = shop.plain()
        results += [(case, "plain", f"compile: {plain.refused[case.model]}") for case in cases if case.model in plain.refused]
        cases = shop.cases = [case for case in cases if case.model in plain.libraries]
        variants = [shop.converted("nnf"), shop.converted("mlir"), shop.linked("a"), shop.linked("o"),
                    *(shop.flags("levels", level) for level in ("-O0", "-O1", "-O3")),
                    *(shop.flags("accuracy", f"--accuracy={how}") for how in ("strict", "relaxed")),
                    *shop.other_sizes(options.all), *shop.cpus()]
        runtime = nnf.Runtime(options.build)
        for case, text in each_apart(cases, lambda c: json.dumps(properties_of(c, plain, variants, runtime)), CHILD_TIMEOUT_S):
            found = json.loads(text) if text.startswith("{") else {"run": text}
            results += [(case, property_, why) for property_, why in found.items()]
    return results


def sample(one_in, only):
    """The cases of this run: of all rows that compile, one in `one_in`, and the large ones."""
    small = [row for row in all_rows() if only or zlib.crc32(row.text.encode()) % one_in == 0]
    rows = small + read_rows(HERE / "large.rows")
    return [Case(row, number) for number, row in enumerate(rows) if not row.compile_error and only in row.text]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help=f"one row in {ONE_IN_OF_ALL}, every dimension named")
    parser.add_argument("--one-in", type=int, metavar="N", help=f"the sample of test/ops (default: {ONE_IN})")
    parser.add_argument("--only", default="", help="every row whose text holds this")
    parser.add_argument("--verbose", action="store_true", help="say what was skipped, too")
    options = parser.parse_args()
    options.build = options.build.resolve()
    cases = sample(options.one_in or (ONE_IN_OF_ALL if options.all else ONE_IN), options.only)
    pieces = [cases[i:i + ROWS_PER_LIBRARY] for i in range(0, len(cases), ROWS_PER_LIBRARY)]
    count = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for results in pool.map(check_cases, pieces, [options] * len(pieces)):
            for case, property_, why in results:
                count["skipped" if why is None else "failed" if why else "passed"] += 1
                if why:
                    print(f"FAIL {case.row.name} {case.row.text}: {property_}: {why}", flush=True)
                elif why is None and options.verbose:
                    print(f"skipped {case.row.name} {case.row.text}: {property_}", flush=True)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
