"""PyTorch's AOTInductor: what torch.compile's Inductor makes, beforehand and in a package. For start-up only: once loaded
it runs the same kernels as torch.compile does.
"""
import os

from engines import out_of_date, pytorch

TITLE = "PyTorch AOTInductor"
NOT_FOR_CPU = pytorch.NOT_FOR_CPU
environment = pytorch.environment


def version():
    return pytorch.version().replace("torch.compile (Inductor, ", "AOTInductor (")


def package(case):
    return case.work("aotinductor") / f"{case.key}.pt2"


def compile(case):
    if not out_of_date(package(case), case.onnx, __file__, pytorch.__file__):
        return
    # A start is with one thread, and the number is compiled in.
    os.environ |= {**environment(1), "TORCHINDUCTOR_CACHE_DIR": str(case.work("aotinductor"))}
    import torch
    network, inputs = pytorch.network(case, 1)
    program = torch.export.export(network, inputs)
    torch._inductor.aoti_compile_and_package(program, package_path=str(package(case)))


def shipped(case):
    return [package(case)]


def load(case, threads):
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    compiled = torch._inductor.aoti_load_package(str(package(case)))
    return pytorch.bound(compiled, case, tuple(torch.from_numpy(array) for array in case.tensors("inputs").values()))
