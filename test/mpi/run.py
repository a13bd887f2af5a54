#!/usr/bin/env python3
"""data_parallel over MPI's ranks, several on this machine: the same files as a run alone or over core sets writes.

Skipped where nnfc was built without MPI, or mpirun is not there. Prints `FAIL case: why` lines and, last, the counts.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
from casefolder import expect  # noqa: E402
from craft import Ref, constant, input_of, node, outputs, relu, w, x  # noqa: E402

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 300
DTYPES = {"float32": 1, "int64": 5}
# Of Open MPI: tests may run as root, on fewer cores than ranks, in a container without ptrace.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
               "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}


class Work:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder

    def compiled(self, name, text, *options):
        (self.folder / f"{name}.nnf.txt").write_text(text)
        done = subprocess.run([self.build / "bin" / "nnfc", "compile", f"{name}.nnf.txt", "-o", f"{name}.so", *options], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
        expect(done.returncode == 0, done.stdout[:300])

    def attempt(self, ranks, library, *arguments, out="out"):
        shutil.rmtree(self.folder / out, ignore_errors=True)
        launcher = ["mpirun", "-n", str(ranks)] if ranks else []
        command = [*launcher, self.build / "bin" / "nnf-run", library, *(["--data-parallel"] if ranks else []),
                   "--output-dir", out, *arguments]
        return subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=TIMEOUT_S, env=ENVIRONMENT)

    def bench(self, ranks, library, *arguments):
        command = ["mpirun", "-n", str(ranks), self.build / "bin" / "nnf-run", "bench", "--data-parallel", library, *arguments]
        return subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=TIMEOUT_S, env=ENVIRONMENT)

    def run(self, ranks, library, *arguments, out="out"):
        """Name -> array of what was written. `ranks` 0: without MPI."""
        done = self.attempt(ranks, library, *arguments, out=out)
        expect(done.returncode == 0, f"{ranks} ranks: status {done.returncode}: {done.stderr[:400]}")
        return {path.stem: np.load(path) for path in sorted((self.folder / out).glob("*.npy"))}

    def refused(self, says, ranks, library, *arguments, status=1):
        done = self.attempt(ranks, library, *arguments)
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        expect(done.returncode == status and len(lines) == 1 and says in lines[0],
               f"status {done.returncode}, {lines or done.stderr[:300]}, expected {status}, '{says}'")

    def save(self, **arrays):
        given = []
        for name, array in arrays.items():
            np.save(self.folder / f"{name}.npy", array)
            given += ["--input", f"{name}={name}.npy"]
        return given


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def equal(got, want, why):
    expect(sorted(got) == sorted(want), f"{why}: {sorted(got)}, expected {sorted(want)}")
    for name, array in want.items():
        expect(got[name].dtype == array.dtype and got[name].shape == array.shape and got[name].tobytes() == array.tobytes(),
               f"{why}: {name} {got[name].shape} is not what core sets give {array.shape}")


def network():
    text = input_of("x", ("N", 3)) + input_of("s", ()) + constant("w", (5, 3), data=floats(5, 3).tobytes())
    text += node("linear", "l", input=x, weight=w) + node("relu", "r", input=Ref("l"))
    text += node("add", "y", input=Ref("r"), other=Ref("s")) + node("mean", "total", input=Ref("y"))
    return text + node("sum", "columns", input=Ref("y"), dim=[0]) + outputs("y total columns")


def batches_of_every_size(work):
    """Even, uneven and too small batches: the bytes that as many core sets write, which are held against PyTorch."""
    work.compiled("net", network())
    for ranks, size in ((4, 12), (4, 7), (3, 4), (4, 3), (2, 1), (3, 0), (1, 5)):
        given = work.save(x=floats(size, 3, seed=size), s=np.float32(0.5))
        sets = ",".join(f"cpu:{k}" for k in range(ranks))
        want = work.run(0, "net.so", *given, "--device", sets, out="want")
        equal(work.run(ranks, "net.so", *given), want, f"{size} over {ranks}")


def other_dimensions_and_replicated_inputs(work):
    work.compiled("cube", input_of("x", ("A", "B", "C")) + input_of("w", ("B",)) + node("sum", "z", input=x, dim=[1]) +
                  node("exp", "y", input=x) + node("exp", "v", input=w) + outputs("y"))
    given = work.save(x=floats(3, 4, 5), w=floats(4))
    for dim in ("0", "2", "-1"):
        more = (*given, "--data-parallel-dim", dim, "--replicate", "w")
        want = work.run(0, "cube.so", *more, "--device", "cpu:0,cpu:1,cpu:2", out="want")
        equal(work.run(3, "cube.so", *more), want, f"along {dim}")
    work.refused("along dimension 5, expected -3 to 2", 2, "cube.so", *given, "--data-parallel-dim", "5", "--replicate", "w")
    work.refused("the model has no input 'q'", 2, "cube.so", *given, "--replicate", "q")


def inout_inputs_come_back(work):
    work.compiled("change", input_of("x", ("N", 4)) + relu().replace('op: "relu"', 'op: "relu_"') + outputs("y"))
    given = work.save(x=floats(7, 4))
    equal(work.run(3, "change.so", *given), work.run(0, "change.so", *given, "--device", "cpu:0,cpu:1,cpu:2", out="want"), "relu_")


def an_error_names_its_rank(work):
    text = input_of("x", ("N",), "INT64") + constant("w", (4, 2), data=floats(4, 2).tobytes())
    work.compiled("lookup", text + node("embedding", "y", input=x, weight=w) + outputs("y"))
    for place, rank in ((1, 0), (4, 1), (6, 2)):
        index = np.zeros(7, np.int64)
        index[place] = 9
        work.refused(f"rank {rank} on ", 3, "lookup.so", *work.save(x=index))
    done = work.attempt(3, "lookup.so", *work.save(x=index))
    expect("embedding" in done.stderr and not (work.folder / "out").exists(), f"the op is named, nothing is written: {done.stderr[:300]}")


def what_is_wrong_is_said_once(work):
    work.compiled("net", network())
    work.refused("absent.so", 2, "absent.so")
    alone = shutil.copy(work.build / "bin" / "nnf-run", work.folder / "nnf-run-alone")  # its part for MPI is not beside it
    done = subprocess.run([alone, "net.so", "--data-parallel"], cwd=work.folder, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
    expect(done.returncode == 1 and "no MPI" in done.stderr and "[NNFC-E0809]" in done.stderr, done.stderr[:300])
    work.refused("input 'x' is missing", 2, "net.so")
    given = work.save(x=floats(4, 3), s=np.float32(1))
    work.refused("each rank is one device", 1, "net.so", *given, "--device", "cpu:0,cpu:1", status=2)


def bench_goes_over_ranks(work):
    """Rank 0 says one figure for all; in-out inputs begin each run as they were, a run that fails ends it on all ranks."""
    work.compiled("net", network())
    done = work.bench(3, "net.so", "--dim", "N=7", "--iterations", "20", "--json", "bench.json")
    expect(done.returncode == 0 and done.stdout.count("latency") == 1 and "20 runs, 3 ranks" in done.stdout, done.stdout + done.stderr)
    figures = json.loads((work.folder / "bench.json").read_text())
    expect(figures["ranks"] == 3 and figures["iterations"] == 20 and figures["latency_us"]["min"] > 0, f"{figures}")
    text = input_of("x", ("N",), "INT64") + constant("w", (4, 2), data=floats(4, 2).tobytes())
    text += node("embedding", "y", input=x, weight=w) + node("add", "z", input=x, other=1)
    work.compiled("count", text + outputs("y z"), "--inout=x=z")
    given = work.save(x=np.zeros(6, np.int64))
    done = work.bench(2, "count.so", *given, "--iterations", "20")  # more than 4 runs on end would leave the table
    expect(done.returncode == 0, done.stderr[:300])
    done = work.bench(2, "count.so", *work.save(x=np.array([0, 0, 0, 9])), "--iterations", "5")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    expect(done.returncode == 1 and len(errors) == 1 and "rank 1 on " in errors[0], f"status {done.returncode}: {done.stderr[:300]}")
    for option in (["--kernels"], ["--profile", "trace.json"]):
        done = work.bench(2, "net.so", "--dim", "N=7", *option)
        expect(done.returncode == 2 and "whose figures are of one device [NNFC-E0004]" in done.stderr, done.stderr[:300])


class Program:
    """app.c, built with the headers alone and linked with the runtime and MPI."""

    def __init__(self, work):
        self.work = work
        include = work.folder / "include" / "dlpack"
        include.mkdir(parents=True)
        for name in ("nnf.h", "nnf_mpi.h", "abi.h"):
            shutil.copy(ROOT / "runtime" / name, include.parent)
        dlpack = next(path for path in ("/usr/include/dlpack/dlpack.h", "/usr/local/include/dlpack/dlpack.h") if Path(path).exists())
        shutil.copy(dlpack, include)
        lib = work.build / "lib"
        done = subprocess.run(["mpicc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-D_POSIX_C_SOURCE=200809L", f"-I{include.parent}",
                               HERE / "app.c", f"-L{lib}", "-lnnf", f"-Wl,-rpath,{lib}", "-o", work.folder / "app"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
        expect(done.returncode == 0, f"mpicc: {done.stdout[:500]}")

    def start(self, ranks, library, arrays, dim=0, replicated=""):
        given = []
        for name, array in arrays.items():
            array.tofile(self.work.folder / f"{name}.bin")
            given.append(f"{name}.bin:{DTYPES[array.dtype.name]}:" + ",".join(map(str, array.shape)))
        for path in self.work.folder.glob("app.out*"):
            path.unlink()
        done = subprocess.run(["mpirun", "-n", str(ranks), "./app", library, str(dim), replicated or "0", "app", *given],
                              cwd=self.work.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
                              env=ENVIRONMENT)
        expect(done.returncode == 0, f"{ranks} ranks: status {done.returncode}: {done.stderr[:400]}")
        return sorted(line for line in done.stdout.splitlines() if line.startswith("rank "))

    def array(self, name, dtype):
        sizes, data = (self.work.folder / f"app.{name}").read_bytes().split(b"\n", 1)
        return np.frombuffer(data, dtype).reshape([int(size) for size in sizes.split()])

    def same(self, ranks, library, arrays, names, **options):
        """Outputs in order are called `names`; the bytes that as many core sets give."""
        errors = self.start(ranks, library, arrays, **options)
        expect(not errors, f"{ranks} ranks: {errors}")
        given = self.work.save(**arrays)
        more = ["--data-parallel-dim", str(options.get("dim", 0))]
        for name, whole in zip(arrays, options.get("replicated", "")):
            more += ["--replicate", name] if whole == "1" else []
        sets = ",".join(f"cpu:{k}" for k in range(ranks))
        want = self.work.run(0, library, *given, *more, "--device", sets, out="want")
        equal({name: self.array(f"out{j}", want[name].dtype) for j, name in enumerate(names)}, {n: want[n] for n in names},
              f"{ranks} ranks from C")
        return want


def from_a_c_program(work):
    program = Program(work)
    work.compiled("net", network())
    for ranks, size in ((2, 12), (3, 7), (3, 4), (3, 2), (2, 1), (3, 0), (1, 5)):
        program.same(ranks, "net.so", {"x": floats(size, 3, seed=size), "s": np.array(0.5, np.float32)}, ["y", "total", "columns"])
    work.compiled("cube", input_of("x", ("A", "B", "C")) + input_of("w", ("B",)) + node("sum", "z", input=x, dim=[1]) +
                  node("exp", "y", input=x) + node("exp", "v", input=w) + outputs("y"))
    for dim in (0, 2, -1):
        program.same(3, "cube.so", {"x": floats(3, 4, 5), "w": floats(4)}, ["y"], dim=dim, replicated="01")
    work.compiled("drawn", input_of("x", ("N", 4)) + node("dropout", "y", input=x, p=0.5, training=True) + outputs("y"))
    expect(not program.start(3, "drawn.so", {"x": floats(9, 4)}), "random")
    drawn = program.array("out0", np.float32) != 0
    expect(not np.array_equal(drawn[:3], drawn[3:6]) and not np.array_equal(drawn[3:6], drawn[6:]), "ranks draw the same numbers")


def inout_inputs_from_c(work):
    """Two runs: cut ones change part by part; after a failure of one rank none has changed."""
    program = Program(work)
    text = input_of("x", ("N",), "INT64") + constant("w", (4, 2), data=floats(4, 2).tobytes())
    text += node("embedding", "y", input=x, weight=w) + node("add", "z", input=x, other=1)
    work.compiled("count", text + outputs("y z"), "--inout=x=z")
    start = np.array([0, 1, 0, 1, 2], np.int64)
    expect(not program.start(3, "count.so", {"x": start}), "two runs")
    expect(np.array_equal(program.array("in0", np.int64), start + 2), f"{program.array('in0', np.int64)}, expected {start + 2}")
    late = np.array([0, 0, 0, 0, 3], np.int64)  # the second run would leave the table, on rank 2
    errors = program.start(3, "count.so", {"x": late})
    expect(len(errors) == 3 and all("rank 2 on " in error and "embedding" in error for error in errors), f"{errors}")
    expect(np.array_equal(program.array("in0", np.int64), late + 1), f"a run that failed has changed {program.array('in0', np.int64)}")


def errors_of_one_rank_from_c(work):
    program = Program(work)
    text = input_of("x", ("N",), "INT64") + constant("w", (4, 2), data=floats(4, 2).tobytes())
    work.compiled("lookup", text + node("embedding", "y", input=x, weight=w) + outputs("y"))
    for place, rank in ((1, 0), (4, 1), (6, 2)):
        index = np.zeros(7, np.int64)
        index[place] = 9
        errors = program.start(3, "lookup.so", {"x": index})
        expect(len(errors) == 3 and all(f"gets status 2: rank {rank} on " in error and "node 'n' (embedding)" in error for error in errors),
               f"{errors}")
    errors = program.start(2, "lookup.so", {"x": np.zeros(7, np.int64)}, dim=3)
    expect(len(errors) == 2 and all("rank 0 on " in e and "it is to be cut along dimension 3" in e and "[NNFC-E0808]" in e for e in errors),
           f"{errors}")
    work.compiled("net", network())
    (work.folder / "app.sh").write_text("#!/bin/sh\n[ \"$OMPI_COMM_WORLD_RANK\" = 1 ] && exec ./app lookup.so 0 0 app\nexec ./app net.so 0 0 app\n")
    done = subprocess.run(["mpirun", "-n", "3", "sh", "app.sh"], cwd=work.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=TIMEOUT_S, env=ENVIRONMENT)
    errors = [line for line in done.stdout.splitlines() if line.startswith("rank ")]
    expect(len(errors) == 3 and all("rank 1 on " in e and "is another one than rank 0's" in e and "[NNFC-E0809]" in e for e in errors),
           f"another model on rank 1: {errors} {done.stderr[:300]}")


CASES = [batches_of_every_size, other_dimensions_and_replicated_inputs, inout_inputs_come_back, an_error_names_its_rank,
         what_is_wrong_is_said_once, bench_goes_over_ranks, from_a_c_program, inout_inputs_from_c, errors_of_one_rank_from_c]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    known, _ = parser.parse_known_args()
    if not shutil.which("mpirun") or not (known.build / "lib" / "nnfc" / "nnf-mpi.so").exists():
        print(f"0 passed, 0 failed, {len(CASES)} skipped")
        sys.exit(0)
    sys.exit(casefolder.run(__doc__, CASES, Work))
