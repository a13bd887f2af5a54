#!/usr/bin/env python3
"""data_parallel beside PyTorch's own: its scatter and gather (torch/nn/parallel/scatter_gather.py), for which the CPU has
no kernels, with torch.chunk and torch.cat below them. Also what the command line says of several devices.

Prints `FAIL case: why` lines and, last, the counts.
"""
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn.parallel import scatter_gather

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "harness"))
import casefolder  # noqa: E402
import nnf  # noqa: E402
from casefolder import Failure, expect  # noqa: E402
from craft import Ref, constant, input_of, node, outputs, x, w  # noqa: E402

TIMEOUT_S = 120


# ---- PyTorch's rules on the CPU

def chunks(devices, _, dim, tensor):
    """torch::cuda::scatter."""
    return tensor.chunk(len(devices), dim)


def joined(_, dim, *tensors):
    """torch/nn/parallel/_functions.py, Gather; its sizes are checked as torch::cuda::gather does."""
    if all(t.dim() == 0 for t in tensors) and dim == 0:
        tensors = [t.view(1) for t in tensors]
    first = tensors[0]
    wrapped = dim + first.dim() if dim < 0 else dim
    for t in tensors:
        if t.dim() == 0 or any(a != b for d, (a, b) in enumerate(zip(t.shape, first.shape)) if d != wrapped):
            raise RuntimeError(f"Gather got an input of invalid size: {list(t.shape)} beside {list(first.shape)}")
    return torch.cat(tensors, dim)


scatter_gather.Scatter = SimpleNamespace(apply=chunks)
scatter_gather.Gather = SimpleNamespace(apply=joined)


def data_parallel(module, inputs, devices, dim=0, module_kwargs=None):
    """torch.nn.parallel.data_parallel, but for devices that are not GPUs."""
    parts, kwargs = scatter_gather.scatter_kwargs(inputs, module_kwargs, devices, dim)
    if not parts and not kwargs:
        parts, kwargs = ((),), ({},)
    if len(devices) == 1:
        return module(*parts[0], **kwargs[0])
    results = [module(*part, **keywords) for part, keywords in zip(parts, kwargs)]
    return scatter_gather.gather(results, "cpu", dim)


class Work:
    def __init__(self, build, folder):
        self.build, self.folder, self.runtime = build, folder, nnf.Runtime(build)

    def compiled(self, name, text):
        (self.folder / f"{name}.nnf.txt").write_text(text)
        self.tool("nnfc", "compile", f"{name}.nnf.txt", "-o", f"{name}.so")
        return nnf.Program(self.folder / f"{name}.so", runtime=self.runtime)

    def attempt(self, program, *arguments, **more):
        return subprocess.run([self.build / "bin" / program, *map(str, arguments)], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=TIMEOUT_S, **more)

    def tool(self, program, *arguments, **more):
        done = self.attempt(program, *arguments, **more)
        expect(done.returncode == 0, f"{program} {' '.join(map(str, arguments))}: {done.stderr[:300]}")
        return done.stdout

    def refused(self, says, program, *arguments, status=1):
        done = self.attempt(program, *arguments)
        first = done.stderr.split("\n")[0]
        expect(done.returncode == status and first.startswith("error: ") and says in first,
               f"{' '.join(map(str, arguments))}: status {done.returncode}, '{first[:200]}', expected {status}, '{says}'")


def same(got, want, why):
    want = want.numpy()
    expect(got.shape == want.shape, f"{why}: sizes {got.shape}, expected {want.shape}")
    error = float(np.max(np.abs(got.astype(np.float64) - want) - 1e-4 * np.abs(want), initial=0))
    expect(error <= 1e-5, f"{why}: off by {error:.1e}")


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# ---- cases

WEIGHT = numbers(5, 3)


def network():
    """y = relu(x w^T) + s over a batch of N, its mean over all, and over columns."""
    text = input_of("x", ("N", 3)) + input_of("s", ()) + constant("w", (5, 3), data=WEIGHT.tobytes())
    text += node("linear", "l", input=x, weight=w) + node("relu", "r", input=Ref("l"))
    text += node("add", "y", input=Ref("r"), other=Ref("s")) + node("mean", "total", input=Ref("y"))
    return text + node("sum", "columns", input=Ref("y"), dim=[0]) + outputs("y total columns")


def module(x, s):
    y = torch.relu(x @ torch.from_numpy(WEIGHT).T) + s
    return {"y": y, "total": y.mean(), "columns": y.sum(0)}


def batches_of_every_size(work):
    """Even, uneven and too small batches over 1 to 5 devices; `s` is a number, `columns` a result of each replica."""
    with work.compiled("net", network()) as program:
        for devices in range(1, 6):
            with nnf.Replicas(program, range(devices)) as replicas:
                for size in (12, 7, 4, 3, 2, 1, 0, 11):
                    batch, s = numbers(size, 3, seed=size), np.float32(0.5)
                    want = data_parallel(module, (torch.from_numpy(batch), float(s)), list(range(devices)))
                    got = replicas.run({"x": batch, "s": s})
                    for name in want:
                        if name != "total" or size:  # the mean of nothing is NaN
                            same(got[name], want[name], f"{size} over {devices}: {name}")


def keyword_inputs(work):
    with work.compiled("net", network()) as program, nnf.Replicas(program, range(3)) as replicas:
        batch, s = numbers(7, 3), np.float32(2)
        want = data_parallel(module, (torch.from_numpy(batch),), [0, 1, 2], module_kwargs={"s": float(s)})
        same(replicas.run({"x": batch, "s": s}, kwargs=("s",))["y"], want["y"], "s by name")
        want = data_parallel(module, (), [0, 1, 2], module_kwargs={"x": torch.from_numpy(batch), "s": float(s)})
        same(replicas.run({"x": batch, "s": s}, kwargs=("s", "x"))["y"], want["y"], "all by name")
        # A batch of 4 has 2 parts, s 3: PyTorch calls replica 2 without x.
        small = numbers(4, 3)
        try:
            data_parallel(module, (torch.from_numpy(small),), [0, 1, 2], module_kwargs={"s": float(s)})
            raise Failure("PyTorch takes parts of different numbers")
        except TypeError:
            pass
        try:
            replicas.run({"x": small, "s": s}, kwargs=("s",))
            raise Failure("parts of different numbers are taken")
        except nnf.Error as error:
            expect("input 'x' has 2 parts and module_kwargs' 's' has 3" in str(error), str(error))


def inputs_of_different_sizes(work):
    """Each tensor is cut by its own size, and as many replicas run as the shortest list has: the rest is left out."""
    text = input_of("x", ("N",)) + input_of("w", ("M",)) + node("sum", "a", input=x, dim=[0], keepdim=True)
    text += node("sum", "b", input=w, dim=[0], keepdim=True) + node("add", "y", input=Ref("a"), other=Ref("b")) + outputs("y")
    both = lambda x, w: {"y": x.sum(0, True) + w.sum(0, True)}  # noqa: E731
    with work.compiled("two", text) as program, nnf.Replicas(program, range(3)) as replicas:
        for n, m in ((7, 4), (3, 3), (4, 7), (6, 1), (2, 9)):
            a, b = numbers(n), numbers(m, seed=1)
            want = data_parallel(both, (torch.from_numpy(a), torch.from_numpy(b)), [0, 1, 2])
            same(replicas.run({"x": a, "w": b})["y"], want["y"], f"{n} and {m} over 3")


def dimensions(work):
    """Any dimension, counted from either end; what a wrong one is."""
    text = input_of("x", ("A", "B", "C")) + node("exp", "y", input=x) + node("sum", "z", input=x, dim=[1], keepdim=True)
    text += outputs("y z")
    function = lambda x: {"y": x.exp(), "z": x.sum(1, True)}  # noqa: E731
    with work.compiled("cube", text) as program:
        for dim in (-3, -2, -1, 0, 1, 2):
            with nnf.Replicas(program, range(3), dim=dim) as replicas:
                for dims in ((7, 4, 5), (2, 1, 3), (3, 8, 1)):
                    a = numbers(*dims)
                    want = data_parallel(function, (torch.from_numpy(a),), [0, 1, 2], dim)
                    got = replicas.run({"x": a})
                    for name in want:
                        same(got[name], want[name], f"{dims} along {dim}: {name}")
        for dim in (3, -4):
            try:
                data_parallel(function, (torch.ones(2, 2, 2),), [0, 1], dim)
                raise Failure(f"PyTorch takes dim {dim}")
            except IndexError:
                pass
            with nnf.Replicas(program, range(2), dim=dim) as replicas:
                try:
                    replicas.run({"x": numbers(2, 2, 2)})
                    raise Failure(f"dim {dim} is taken")
                except nnf.Error as error:
                    expect(f"along dimension {dim}, expected -3 to 2" in str(error), str(error))


def results_that_do_not_fit(work):
    """x x^T has the batch in both dimensions: uneven parts cannot be joined."""
    text = input_of("x", ("N", 3)) + node("transpose", "t", input=x, dim0=0, dim1=1)
    text += node("matmul", "y", input=x, other=Ref("t")) + outputs("y")
    gram = lambda x: {"y": x @ x.T}  # noqa: E731
    with work.compiled("gram", text) as program, nnf.Replicas(program, range(2)) as replicas:
        a = numbers(6, 3)
        same(replicas.run({"x": a})["y"], data_parallel(gram, (torch.from_numpy(a),), [0, 1])["y"], "even parts")
        try:
            data_parallel(gram, (torch.ones(5, 3),), [0, 1])
            raise Failure("PyTorch joins parts of different sizes")
        except RuntimeError:
            pass
        try:
            replicas.run({"x": numbers(5, 3)})
            raise Failure("parts of different sizes are joined")
        except nnf.Error as error:
            expect("replica 1 on cpu:1 has size 2 in dimension 1, expected 3" in str(error), str(error))


def errors_name_the_device(work):
    text = input_of("x", ("N",), "INT64") + constant("w", (4, 2), data=numbers(4, 2).tobytes())
    text += node("embedding", "y", input=x, weight=w) + outputs("y")
    with work.compiled("lookup", text) as program, nnf.Replicas(program, (0, 2, 1)) as replicas:
        expect(replicas.run({"x": np.array([0, 1, 2, 3, 0, 1, 2])})["y"].shape == (7, 2), "a right run")
        for place, text in ((1, "replica 0 on cpu:0: "), (4, "replica 1 on cpu:2: "), (6, "replica 2 on cpu:1: ")):
            index = np.zeros(7, np.int64)
            index[place] = 9
            try:
                replicas.run({"x": index})
                raise Failure("an index out of range is taken")
            except nnf.Error as error:
                expect(str(error).startswith(text) and "9" in str(error), str(error))


def random_draws_differ(work):
    """Replicas draw their own numbers, the same ones with the same seed."""
    text = input_of("x", ("N",)) + node("dropout", "y", input=x, p=0.5, training=True) + outputs("y")
    with work.compiled("drop", text) as program:
        results = []
        for _ in range(2):
            with nnf.Replicas(program, range(2), seed=7) as replicas:
                results.append([replicas.run({"x": np.ones(2000, np.float32)})["y"] for _ in range(2)])
        first, second = results[0]
        expect((first[:1000] != first[1000:]).any(), "both replicas drop the same")
        expect((first != second).any(), "both runs drop the same")
        expect(all((a == b).all() for a, b in zip(*results)), "the same seed draws other numbers")
        with nnf.Context(program, seed=7) as context:
            plain = context.run({"x": np.ones(1000, np.float32)})["y"]
        expect((plain == first[:1000]).all(), "replica 0 draws other numbers than a run alone")


def command_line(work):
    """nnfc run MODEL, nnfc run LIBRARY and nnf-run give what a run alone gives."""
    work.compiled("net", network()).close()
    batch = numbers(7, 3)
    np.save(work.folder / "x.npy", batch)
    np.save(work.folder / "s.npy", np.float32(1))
    given = ("--input", "x=x.npy", "--input", "s=s.npy", "--output-dir", "out")
    want = data_parallel(module, (torch.from_numpy(batch), 1.0), [0, 1, 2])
    for program, model in (("nnfc", "net.nnf.txt"), ("nnfc", "net.so"), ("nnf-run", "net.so")):
        command = (program, "run", model, *given)
        work.tool(*command, "--device", "cpu:0,cpu:1,cpu:2", "--data-parallel-dim", "0")
        for name in want:
            same(np.load(work.folder / "out" / f"{name}.npy"), want[name], f"{program} {model}: {name}")
        work.tool(*command, "--device", "cpu:1")
        expect(np.load(work.folder / "out" / "total.npy").shape == (), "one device joins a scalar")
        work.tool(*command, "--data-parallel-dim", "-2")
    text = work.tool("nnf-run", "bench", "net.so", "--device", "cpu:0,cpu:1", "--dim", "N=10", "--iterations", "3")
    expect("2 devices of " in text, f"bench does not show the devices: {text}")
    work.refused("the model has no input 'z'", "nnf-run", "net.so", *given, "--device", "cpu:0,cpu:1", "--replicate", "z")
    work.refused("only with several devices", "nnf-run", "net.so", *given, "--replicate", "x", status=2)
    work.refused("found 'gpu' in 'cpu:0,gpu'", "nnf-run", "net.so", *given, "--device", "cpu:0,gpu", status=2)
    work.refused("cuda:0", "nnf-run", "net.so", *given, "--device", "cuda:0,cuda:1")
    work.refused("along dimension 2", "nnf-run", "net.so", *given, "--device", "cpu:0,cpu:1", "--data-parallel-dim", "2")
    work.refused("a trace is of one device", "nnf-run", "bench", "net.so", "--device", "cpu:0,cpu:1", "--profile", "t", status=2)
    (work.folder / "fixed.nnf.txt").write_text(network().replace('symbol: "N"', "size: 7"))
    work.refused("but the model is compiled for 7 there", "nnfc", "run", "fixed.nnf.txt", "--random-inputs",
                 "--device", "cpu:0,cpu:1")


def affinity_is_honoured(work):
    """Core sets are of the CPUs the process has; one CPU is shared by both."""
    work.compiled("net", network()).close()
    one = {min(os.sched_getaffinity(0))}
    text = work.tool("nnf-run", "bench", "net.so", "--device", "cpu:0,cpu:1", "--dim", "N=10", "--iterations", "2",
                     preexec_fn=lambda: os.sched_setaffinity(0, one))
    expect("2 devices of 1 and 1 threads" in text, text)


# What a process in a group with a limit of processor time sees, made in a mount namespace of its own.
GROUP = """mount -t tmpfs none /sys/fs/cgroup && cp -r "$1"/. /sys/fs/cgroup && mount --bind "$2" "/proc/$$/cgroup" || exit 99
shift 2
exec "$@"
"""
QUOTAS = [  # lines of /proc/self/cgroup, files under /sys/fs/cgroup, CPUs
    ("version 2", "0::/", {"cpu.max": "100000 100000"}, 1),
    ("version 2, half a CPU", "0::/a/b", {"a/b/cpu.max": "50000 100000"}, 1),
    ("version 2, of the group above", "0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "90000 100000"}, 1),
    ("version 2, more than one", "0::/", {"cpu.max": "110000 100000"}, 2),
    ("version 2, none", "0::/", {"cpu.max": "max 100000"}, 2),
    ("version 1", "3:cpuset:/\n2:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "20000", "cpu/a/cpu.cfs_period_us": "50000"}, 1),
    ("version 1, none", "2:cpuacct:/\n1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 2),
    ("version 1, in a container", "1:cpu:/docker/1f", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ("both versions", "1:cpu:/\n0::/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000", "cpu.max": "100000 100000"}, 1),
    ("other controllers", "1:cpuset:/\n0::/", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 2),
]


def quotas_are_honoured(work):
    """Threads are as many as the time of CPUs that a group may use, rounded up; core sets share it out."""
    if len(os.sched_getaffinity(0)) < 2:
        raise casefolder.Skipped("one CPU")
    two = set(sorted(os.sched_getaffinity(0))[:2])
    work.compiled("net", network()).close()
    bench = [work.build / "bin" / "nnf-run", "bench", "net.so", "--dim", "N=10", "--iterations", "2", "--warmup", "0"]
    for number, (why, lines, files, cpus) in enumerate(QUOTAS):
        folder, group = work.folder / f"cgroup{number}", work.folder / f"self{number}"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text + "\n")
        group.write_text(lines + "\n")
        for more, says in (([], f"{cpus} threads"), (["--device", "cpu:0,cpu:1"], "2 devices of 1 and 1 threads")):
            done = subprocess.run(["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", GROUP, "sh",
                                   folder, group, *bench, *more], cwd=work.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=TIMEOUT_S, preexec_fn=lambda: os.sched_setaffinity(0, two))
            if done.returncode == 99 or "unshare failed" in done.stderr:
                raise casefolder.Skipped(f"no mount namespaces: {done.stderr.strip()[:100]}")
            expect(done.returncode == 0 and says in done.stdout, f"{why}: {done.stdout[:200]}{done.stderr[:200]}, expected {says}")


def ops_knows_it(work):
    text = work.tool("nnfc", "ops", "data_parallel")
    expect(text.startswith("data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None)"), text[:200])
    expect("data_parallel " in work.tool("nnfc", "ops"), "nnfc ops does not list it")


CASES = [batches_of_every_size, keyword_inputs, inputs_of_different_sizes, dimensions, results_that_do_not_fit,
         errors_name_the_device, random_draws_differ, command_line, affinity_is_honoured, quotas_are_honoured,
         ops_knows_it]


if __name__ == "__main__":
    sys.exit(casefolder.run(__doc__, CASES, Work))
