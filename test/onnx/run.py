#!/usr/bin/env python3
"""ONNX's own operator suite: every case is compiled, run on its data and compared. Debian's libonnx-testdata has them; the
group `later`, of operator sets 18 to 21, is made by `./dev test` (later_opsets.py). The group `own` is ours (own*.py):
what the suite has no case for.

    test/onnx/run.py [--build DIR] [--jobs N] [--all] [CASE...]

Many models go into one library. A case whose operators are not supported is skipped; the table at the end counts why.
Each case is run as it is in the file, and those of ONNX's suite in variants:

    undeclared  without the sizes that the model declares for its outputs: where inputs hold sizes, axes and the like, the
                data decide sizes
    constants   (--all) with inputs that hold sizes, axes and the like made constants
    symbolic    (--all) with symbols for all sizes of inputs but 0, 1 and the length of what holds sizes, axes and the
                like, one symbol for each number; without declared sizes. What needs a fixed size is skipped.

    v2, v3, …   those of our own that compute with 8-bit integers, for other CPUs, as far as this one can run their code

test/onnx/expected-failures.txt lists what fails and why: a case with its variants, or one of those alone. A case that
passes while it is listed fails the run. Last line: `N passed, N failed, N skipped`.
"""
import argparse
import collections
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Debian's numpy and onnx belong to Debian's Python.
if sys.executable != "/usr/bin/python3":
    import os
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

import numpy as np
import onnx
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
sys.path.insert(0, str(HERE))
import nnf  # noqa: E402
import own  # noqa: E402
import own_parameters  # noqa: E402,F401: adds its cases to own.CASES
import own_quantized  # noqa: E402,F401: the same
import own_sequences  # noqa: E402,F401: the same
import own_windows  # noqa: E402,F401: the same

DATA = Path("/usr/share/libonnx-testdata/data")
GROUPS = ("node", "pytorch-converted", "pytorch-operator", "simple", "later")
LATER = "onnx-cases/later"  # in the build folder
# The suite's own tolerances (onnx.backend.test.runner), with the absolute one of float32 arithmetic.
RTOL, ATOL = 1e-3, 1e-6
BATCH = 24
TIMEOUT_S = 600
# Parts of messages that say that something is not there, rather than that it went wrong.
SKIPPED = ("not supported", "not there yet", "known at run time only", "expected a tensor")
VARIANTS = ("", "undeclared", "constants", "symbolic")
# By name: what --cpu is given, and what /proc/cpuinfo must name for it.
CPUS = {"v2": ("x86-64-v2", {"sse4_2"}), "v3": ("x86-64-v3", {"avx2", "fma", "bmi2", "f16c"}),
        "v4": ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
        "vnni256": ("alderlake", {"avx2", "fma", "bmi2", "f16c", "avx_vnni"})}
# Operators with inputs that sizes, axes, places and the like are made of.
WITH_PARAMETERS = {
    "AffineGrid", "BlackmanWindow", "CenterCropPad", "Col2Im", "ConstantOfShape", "CumSum", "DFT", "Dropout", "Expand",
    "HammingWindow", "HannWindow", "MaxUnpool", "MelWeightMatrix", "OneHot", "Pad", "Range", "ReduceL1", "ReduceL2",
    "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Reshape", "Resize", "STFT", "Slice", "Split", "Squeeze", "Tile", "TopK", "Trilu", "Unsqueeze",
    "Upsample",
}


class Case:
    """One model of the suite with its data sets. `path` is the model as it is compiled."""

    def __init__(self, folder, variant=""):
        self.folder, self.group, self.variant = folder, folder.parent.name, variant
        self.name = folder.name.removeprefix("test_")
        self.path = folder / "model.onnx"
        # The names of models in a library: other bytes become `_`.
        self.base = re.sub(r"[^A-Za-z0-9_]", "_", f"{self.group}_{self.name}")
        self.symbol = f"{self.base}_{variant}" if variant else self.base

    @property
    def flags(self):
        return [f"--cpu={CPUS[self.variant][0]}"] if self.variant in CPUS else []

    def data_sets(self):
        return sorted(self.folder.glob("test_data_set_*"))


def value_of(path):
    """The tensor in a .pb file; None when it is a sequence or an optional."""
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
        return numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001: protobuf and numpy_helper raise what they like at other messages
        return None


def values_in(folder, kind):
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[-1]))
    return [value_of(path) for path in files]


def batches(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]


def read_all(cases, tool):
    """Imports each; returns path -> error, "" for none."""
    errors = {}
    for some in batches(cases, 200):
        done = subprocess.run([tool, *(str(c.path) for c in some)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=TIMEOUT_S)
        for line in done.stdout.splitlines():
            state, _, rest = line.partition(" ")
            path, _, text = rest.partition("\t")
            errors[path] = "" if state == "ok" else text
        if done.returncode:
            crashed = next(c for c in some if str(c.path) not in errors)
            errors[str(crashed.path)] = f"the importer ended with status {done.returncode}: {done.stderr.strip()[-200:]}"
            errors.update(read_all([c for c in some if str(c.path) not in errors], tool))
    return errors


def parameters(case, model):
    """Inputs that sizes, axes, scales and the like are made of, with their values: scalars, and lists of integers."""
    sets = case.data_sets()
    if len(sets) != 1 or not any(node.op_type in WITH_PARAMETERS for node in model.graph.node):
        return {}
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in stored]
    found = {}
    for info, value in zip(inputs, values_in(sets[0], "input")):
        if value is None or value.ndim > 1 or value.dtype.kind not in "iub" and value.size > 8:
            continue
        # Data is left alone.
        if value.dtype.kind == "f" and value.ndim > 0 and info.name not in ("scales", "roi"):
            continue
        found[info.name] = value
    return found


def undeclare(model):
    del model.graph.value_info[:]
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()


def make_variant(case, variant, work):
    """The case with its model changed; None where there is nothing to change."""
    model = onnx.load(case.path)
    given = parameters(case, model)
    if variant == "symbolic":
        changed = False
        for info in model.graph.input:
            for dim in info.type.tensor_type.shape.dim:
                if info.name not in given and dim.dim_value > 1:
                    dim.dim_param, changed = f"S{dim.dim_value}", True
        if not changed:
            return None
    elif not given:
        return None
    if variant == "constants":
        model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in given.items())
    else:
        undeclare(model)
    result = Case(case.folder, variant)
    result.path = work / variant / f"{result.symbol}.onnx"
    result.path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, result.path)
    return result


def compile_batch(cases, library, nnfc, links):
    """Compiles cases into one library; halves the batch around what does not compile. Returns case -> library or error."""
    files = []
    for case in cases:
        link = links / f"{case.symbol}.onnx"
        link.unlink(missing_ok=True)
        link.symlink_to(case.path)
        files.append(link)
    try:
        done = subprocess.run([nnfc, "compile", *files, *cases[0].flags, "-o", library], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", timeout=TIMEOUT_S)
        status, text = done.returncode, done.stderr.strip()
    except subprocess.TimeoutExpired:
        status, text = -1, f"no end after {TIMEOUT_S} s"
    if status == 0:
        return {case: library for case in cases}
    if len(cases) == 1:
        return {cases[0]: f"compile: status {status}: " + " / ".join(text.splitlines()[:2])}
    half = len(cases) // 2
    first = compile_batch(cases[:half], library.with_name(library.stem + "a.so"), nnfc, links)
    return first | compile_batch(cases[half:], library.with_name(library.stem + "b.so"), nnfc, links)


def difference(got, expected):
    """What is wrong with an output, in a line; None when nothing is."""
    if expected.dtype.kind == "V" or got.dtype.kind == "V":
        got, expected = got.view(np.uint16), expected.view(np.uint16)
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return f"{got.dtype}{list(got.shape)}, expected {expected.dtype}{list(expected.shape)}"
    if got.dtype.kind == "f":
        close = np.isclose(got.astype(np.float64), expected.astype(np.float64), rtol=RTOL, atol=ATOL, equal_nan=True)
    else:
        close = got == expected
    if close.all():
        return None
    first = tuple(int(i) for i in np.argwhere(~close)[0])
    return f"{int((~close).sum())} of {close.size} elements differ, first at {list(first)}: " \
           f"{got[first]}, expected {expected[first]}"


def run_case(case, library, runtime):
    """Runs every data set. Returns why it fails, or None."""
    model = onnx.load(case.path, load_external_data=False)
    stored = {tensor.name for tensor in model.graph.initializer}
    with nnf.Program(library, case.symbol, runtime) as program, nnf.Context(program, threads=1) as context:
        if case.group == "own" and case.name in own.CHECKS:
            return own.CHECKS[case.name](program)
        for folder in case.data_sets():
            names = [i.name for i in model.graph.input]
            given = values_in(folder, "input")
            if len(given) != len(names):
                names = [name for name in names if name not in stored]
            inputs = {name: value for name, value in zip(names, given) if name not in stored}
            got = context.run(inputs)
            for info, expected in zip(model.graph.output, values_in(folder, "output")):
                wrong = difference(got[info.name], expected)
                if wrong:
                    return f"output '{info.name}': {wrong}"
    return None


def expected_failures():
    listed = {}
    for line in (HERE / "expected-failures.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(": ")
            listed[name] = reason
    return listed


def run_isolated(cases_and_libraries, build):
    """Runs cases in a process of their own: a crash of one must not end the rest. Returns name -> result."""
    results = {}
    pending = list(cases_and_libraries)
    while pending:
        lines = [f"{case.folder}\t{case.variant}\t{case.path}\t{library}" for case, library in pending]
        done = subprocess.run(["/usr/bin/python3", "-B", __file__, "--build", build, "--worker"], input="\n".join(lines),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
        finished = 0
        for line in done.stdout.splitlines():
            name, _, text = line.partition("\t")
            results[name] = text
            finished += 1
        if finished < len(pending):
            results[pending[finished][0].symbol] = f"run: status {done.returncode}: {done.stderr.strip()[-200:]}"
            finished += 1
        pending = pending[finished:]
    return results


def worker(build):
    runtime = nnf.Runtime(build)
    for line in sys.stdin.read().splitlines():
        folder, variant, path, library = line.split("\t")
        case = Case(Path(folder), variant)
        case.path = Path(path)
        try:
            text = run_case(case, library, runtime) or ""
        except Exception as error:  # noqa: BLE001: whatever it is, it is why the case fails
            text = f"run: {type(error).__name__}: {error}"
        print(f"{case.symbol}\t{' '.join(text.split())}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="names or parts of names; default: all")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="all variants")
    parser.add_argument("--import-only", action="store_true", help="import, and count; compile nothing")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.worker:
        return worker(options.build)
    if not DATA.is_dir():
        print("libonnx-testdata is not installed")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    folders = [DATA / group for group in GROUPS[:-1]] + [options.build / LATER]
    cases = [Case(path.parent) for folder in folders for path in sorted(folder.glob("*/model.onnx"))]
    work = options.build / "onnx-suite"
    shutil.rmtree(work, ignore_errors=True)
    (work / "links").mkdir(parents=True)
    cases += [Case(folder) for folder in own.write(work / "own")]
    if options.cases:
        cases = [c for c in cases if any(part in c.symbol for part in options.cases)]

    for variant in VARIANTS[1:] if options.all else VARIANTS[1:2]:
        made = [make_variant(case, variant, work) for case in cases if not case.variant and case.group != "own"]
        cases += [case for case in made if case]
    here = set(next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split())
    cases += [Case(case.folder, name) for name, (_, needs) in CPUS.items() if needs <= here
              for case in cases if case.group == "own" and case.name in own.ON_CPUS and not case.variant]
    errors = read_all(cases, options.build / "unit" / "nnf-onnx-read-all")

    reasons, skipped, failures, ready = collections.defaultdict(list), [], {}, []
    for case in cases:
        error = errors[str(case.path)]
        if not error:
            ready.append(case)
        elif case.variant == "symbolic" or any(text in error for text in SKIPPED):
            skipped.append(case)
            for line in error.split("\\n")[1:] or [re.sub(r"^node '.*?' \(([\w.]+)\)(?: is not supported)?", r"\1", error)]:
                reasons[re.sub(r", \d+ nodes?(, the first one)? '.*?':", ":", line).strip()].append(case)
        else:
            failures[case] = f"import: {error}"
    for variant in (*VARIANTS, *CPUS):
        some = [case for case in cases if case.variant == variant]
        if not some:
            continue
        print(f"{sum(c.variant == variant for c in ready)} of {len(some)} cases{' ' + variant if variant else ''} "
              "can be imported")

    passed = []
    if not options.import_only:
        nnfc = options.build / "bin" / "nnfc"
        alike = [[case for case in ready if case.flags == flags] for flags in ([], *([f"--cpu={cpu}"] for cpu, _ in CPUS.values()))]
        jobs = [(some, work / f"suite{i}.so") for i, some in enumerate(sum((batches(cases, BATCH) for cases in alike), []))]
        with ThreadPoolExecutor(options.jobs) as pool:
            compiled = {}
            for result in pool.map(lambda job: compile_batch(job[0], job[1], nnfc, work / "links"), jobs):
                compiled.update(result)
        runnable = [(case, compiled[case]) for case in ready if isinstance(compiled[case], Path)]
        failures.update({case: compiled[case] for case in ready if isinstance(compiled[case], str)})
        results = run_isolated(runnable, options.build)
        for case, _ in runnable:
            if results[case.symbol]:
                failures[case] = results[case.symbol]
            else:
                passed.append(case)

    listed = expected_failures()
    failed = 0
    for case, why in failures.items():
        if case.symbol in listed or case.base in listed:
            skipped.append(case)
            continue
        failed += 1
        print(f"FAIL {case.symbol}: {why}")
    for case in passed:
        if case.symbol in listed:
            failed += 1
            print(f"FAIL {case.symbol}: passes, and is listed in expected-failures.txt ({listed[case.symbol]})")
    print("\nnot supported, with the number of cases:")
    for reason, some in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(f"  {len(some):4}  {reason}")
    by_group = collections.Counter(case.group for case in passed if not case.variant)
    by_variant = collections.Counter(case.variant for case in passed if case.variant)
    print("\npassed: " + ", ".join(f"{group} {by_group[group]}" for group in (*GROUPS, "own")) +
          "".join(f", {name} {count}" for name, count in by_variant.items()))
    print(f"{len([c for c in passed if c.symbol not in listed])} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
