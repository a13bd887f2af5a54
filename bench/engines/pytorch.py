"""PyTorch's torch.compile: Inductor with frozen weights, which lets it fold batch-norms and pack weights for oneDNN.

The module is built anew from the same definition and takes the weights of the export. What Inductor compiles it keeps in
build/bench/pytorch, so that a later process only loads it.
"""
import os

TITLE = "PyTorch"
COMPILER = "g++"
# Parts of the names of libraries that PyPI's wheel brings for GPUs; a build for the CPU has none of them.
NOT_FOR_CPU = ("/nvidia/", "cuda", "nvrtc")


def version():
    import torch
    compiler = os.environ.get("CXX", COMPILER)
    return (f"PyTorch {torch.__version__}, torch.compile (Inductor, freezing, {compiler}), "
            f"{torch.backends.cpu.get_cpu_capability()}")


def environment(threads):
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "TORCHINDUCTOR_FREEZING": "1",
            "CXX": os.environ.get("CXX", COMPILER), "TORCHINDUCTOR_COMPILE_THREADS": "1"}


def shipped(case):
    return [case.folder / "state.pt"]


def network(case, threads):
    """The module, and its inputs."""
    import torch
    import models
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)  # freezing wants it
    module = models.named(case.about["level"], case.about["name"]).network().eval()
    module.load_state_dict(torch.load(case.folder / "state.pt", weights_only=True, mmap=True))
    return module, tuple(torch.from_numpy(array) for array in case.tensors("inputs").values())


def bound(compiled, case, inputs):
    names = case.about["outputs"]

    def run(want_outputs=True):
        results = compiled(*inputs)
        if want_outputs:
            return {name: r.numpy() for name, r in zip(names, results if isinstance(results, (tuple, list)) else (results,))}

    return run


def load(case, threads):
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(case.work("pytorch"))
    import torch
    module, inputs = network(case, threads)
    # One model's graphs are not another's; what does not compile as a whole is an error, not run by the interpreter.
    torch._dynamo.reset()
    return bound(torch.compile(module, dynamic=False, fullgraph=True), case, inputs)
