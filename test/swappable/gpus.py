"""Weights of libraries for GPUs, behind test/gpu/FakeCuda.cpp: cases of run.py.

The driver's GPU runs the kernels of a library for the emulator; weights they find where the library for GPUs says.
"""
import os
import sys
import threading
from ctypes import byref, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "cuda"))
import nnf  # noqa: E402
import runtime as cuda  # noqa: E402
from casefolder import expect  # noqa: E402

CUDA = (2, 0)


class Gpus:
    """A model for GPUs whose weights can be set, and what it computes with some."""

    def __init__(self, work, network, weights, reference, batch, flag):
        self.work, self.reference, self.batch = work, reference, batch
        (work.folder / "net.nnf.txt").write_text(network(weights))
        self.library = work.compile("net.nnf.txt", "gpu.so", flag, "--target=cuda")
        emulator = work.compile("net.nnf.txt", "emulator.so", flag, "--target=cuda-emu")
        self.fake = cuda.Fake(work.build / "unit" / "nnf-fake-cuda.so")
        self.fake.reset()
        self.fake.set(library=emulator, model="net", devices=2)

    def __enter__(self):
        self.kept = self.fake.count("kept")
        return self

    def __exit__(self, kind, *_):
        now = self.fake.count("kept")
        self.fake.reset()
        self.fake.set(library=None, model=None)
        os.environ.pop("NNFC_CUDA_DRIVER", None)
        if kind is None:
            expect(now == self.kept, f"{now - self.kept} things of the driver are not given back")

    def check(self, context, weights, why):
        found, want = context.run({"x": self.batch})["y"], self.reference(weights, self.batch).detach().numpy()
        error = float(np.max(np.abs(found - want) - 1e-4 * np.abs(want)))
        expect(found.shape == want.shape and error <= 2e-5, f"{why}: off by {error:.1e}")


def next_runs_have_them(gpus, old, new):
    """Kernel by kernel, captured and replayed: before and after, on a GPU that had the program and on one that had not."""
    with gpus.work.program(gpus.library) as program:
        with nnf.Context(program, device=CUDA) as context:
            for weights, what in ((old, "as compiled"), (new, "new"), (old, "the first again")):
                if what != "as compiled":
                    program.set_weights(weights)
                for run in range(4):
                    gpus.check(context, weights, f"{what}, run {run}")
            expect(gpus.fake.count("cuGraphInstantiateWithFlags") >= 3, "no graph was captured for each of the weights")
            program.set_weights(new)
            with nnf.Context(program, device=(2, 1)) as later:
                gpus.check(later, new, "a GPU that comes later")
                program.set_weights(old)
                gpus.check(later, old, "both GPUs, the second")
                gpus.check(context, old, "both GPUs, the first")


def before_any_gpu(gpus, old, new):
    with gpus.work.program(gpus.library) as program:
        program.set_weights(new)
        with nnf.Context(program, device=CUDA) as context:
            gpus.check(context, new, "set before a context was made")


def runs_on_their_way_keep_theirs(gpus, old, new):
    """A run that nobody has waited for, in the caller's stream, ends with the weights it has begun with."""
    fake, batch = gpus.fake, gpus.batch
    fake.enter()
    stream = c_void_p()
    assert fake.lib.cuStreamCreate(byref(stream), 0) == 0
    with gpus.work.program(gpus.library) as program, nnf.Context(program, device=CUDA) as context:
        want = {name: gpus.reference(weights, batch).detach().numpy() for name, weights in (("old", old), ("new", new))}
        memory = [fake.allocate(array.nbytes) for array in (batch, want["old"], want["new"])]
        fake.lib.nnf_fake_write(memory[0], batch.ctypes.data, batch.nbytes)
        x = cuda.tensor(context, batch, 1, memory[0], CUDA)
        outs = [cuda.tensor(context, want[name], 1, address, CUDA) for name, address in zip(("old", "new"), memory[1:])]
        kernels, freed = fake.count("kernel"), fake.count("cuMemFree_v2")
        cuda.call(context, [x], [outs[0]], stream=stream)
        program.set_weights(new)
        expect(fake.count("kernel") == kernels, "setting weights has waited for a run that is on its way")
        expect(fake.count("cuMemFree_v2") == freed, "weights that a run may still read are given back")
        cuda.call(context, [x], [outs[1]], stream=stream)
        expect(fake.count("cuMemFree_v2") == freed + 1, "the first weights are not given back")
        assert fake.lib.cuStreamSynchronize(stream) == 0
        for name, address in zip(("old", "new"), memory[1:]):
            found = fake.read(address, want[name].shape, np.float32)
            expect(np.allclose(found, want[name], 1e-4, 2e-5), f"the run with the {name} weights")
        for address in memory:
            fake.lib.cuMemFree_v2(address)
    assert fake.lib.cuStreamDestroy_v2(stream) == 0
    fake.leave()


def errors_leave_them(gpus, old, new):
    with gpus.work.program(gpus.library) as program, nnf.Context(program, device=CUDA) as context, \
            nnf.Context(program, device=(2, 1)) as other:
        gpus.check(context, old, "as compiled")
        for error, says in (("cuMemAlloc_v2:2=2", "on the device for cuda:"), ("cuMemcpyHtoD_v2:1=1", "bytes of weights to cuda:")):
            gpus.fake.set(error=error)
            try:
                program.set_weights(new)
                expect(False, f"{error}: no error")
            except nnf.Error as failed:
                expect(says in str(failed), str(failed))
            gpus.fake.set(error=None)
            gpus.check(context, old, f"after {error}")
            gpus.check(other, old, f"after {error}, the other GPU")
        program.set_weights(new)
        gpus.check(context, new, "after the errors")


def over_replicas(gpus, old, new):
    """data_parallel over two GPUs."""
    batch = gpus.batch
    with gpus.work.program(gpus.library) as program, nnf.Replicas(program, [(2, 0), (2, 1)]) as replicas:
        for weights in (old, new):
            program.set_weights(weights)
            found = replicas.run({"x": batch})["y"]
            want = gpus.reference(weights, batch).detach().numpy()
            expect(np.allclose(found, want, 1e-4, 2e-5), "parts on two GPUs")


def while_others_run(gpus, old, new):
    """Each result is all old or all new."""
    want = [gpus.reference(weights, gpus.batch).detach().numpy() for weights in (old, new)]
    wrong = []

    def run(program, device):
        with nnf.Context(program, device=(2, device)) as context:
            for _ in range(20):
                found = context.run({"x": gpus.batch})["y"]
                if not any(np.allclose(found, one, 1e-4, 2e-5) for one in want):
                    wrong.append(device)

    with gpus.work.program(gpus.library) as program:
        program.set_weights(old)
        threads = [threading.Thread(target=run, args=(program, device)) for device in (0, 1, 0)]
        for thread in threads:
            thread.start()
        for i in range(10):
            program.set_weights((old, new)[i % 2])
        for thread in threads:
            thread.join()
        expect(not wrong, f"{len(wrong)} results with weights of both sets")


CASES = [next_runs_have_them, before_any_gpu, runs_on_their_way_keep_theirs, errors_leave_them, over_replicas,
         while_others_run]
