"""IREE: its ONNX import, compiled for this processor at its highest level with data tiling.

Convolutions it can also compile as im2col and a product, which is faster for most models and slower for some: both are
compiled, and the faster one is kept. One thread is its device local-sync, which runs in the caller; more are local-task.
"""
import subprocess
import sys
import time
from pathlib import Path

from engines import Unable, out_of_date

TITLE = "IREE"
FLAGS = ["--iree-input-type=onnx", "--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
         "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3", "--iree-opt-data-tiling",
         # ViT's first convolution takes 147 KB, above the limit of 32 KB that is the default.
         "--iree-llvmcpu-stack-allocation-limit=262144"]
IM2COL = "--iree-global-opt-use-im2col-for-convs"
TRIAL_CALLS = 3
CONV_NODE = b"\x22\x04Conv"  # the field op_type of a NodeProto


def version():
    import importlib.metadata
    return f"IREE {importlib.metadata.version('iree-base-compiler')}, {' '.join(FLAGS[3:])}, with {IM2COL} where it is faster"


def environment(threads):
    return {}


def module_file(case):
    return case.work("iree") / f"{case.key}.vmfb"


def tool(name):
    return Path(sys.executable).parent / name


def step(*arguments):
    done = subprocess.run(arguments, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.strip().splitlines()
        why = errors[0].split("error: ")[-1] if errors else f"exit status {done.returncode}"
        raise Unable(f"{arguments[0].name}: {why}")


def compile(case):
    made, mlir = module_file(case), case.work("iree") / f"{case.key}.mlir"
    if not out_of_date(made, case.onnx, __file__):
        return
    step(tool("iree-import-onnx"), case.onnx, "-o", mlir)
    trials = []
    for extra in [[], [IM2COL]] if CONV_NODE in case.onnx.read_bytes() else [[]]:
        trial = made.with_suffix(f".{len(trials)}.vmfb")
        try:
            step(tool("iree-compile"), mlir, *FLAGS, *extra, "-o", trial)
            trials.append((trial_seconds(case, trial), trial))
        except Unable as reason:
            trials.append((float("inf"), reason))
    mlir.unlink()
    seconds, best = min(trials, key=lambda trial: trial[0])
    if seconds == float("inf"):
        raise best
    best.rename(made)
    for _, other in trials:
        if isinstance(other, Path):
            other.unlink(missing_ok=True)


def trial_seconds(case, module):
    """Processor time of the best of a few calls, with one thread."""
    run, seconds = bound(case, module, 1), []
    for _ in range(TRIAL_CALLS):
        start = time.process_time()
        run(False)
        seconds.append(time.process_time() - start)
    return min(seconds)


def shipped(case):
    return [module_file(case)]


def load(case, threads):
    return bound(case, module_file(case), threads)


def bound(case, file, threads):
    import iree.runtime as iree
    if threads > 1:
        iree.flags.parse_flags(f"--task_topology_group_count={threads}")
    device = iree.get_device("local-sync" if threads == 1 else "local-task")
    config = iree.Config(device=device)
    module = iree.VmModule.mmap(config.vm_instance, str(file))
    name = next(name for name in module.function_names if not name.endswith("$async") and name != "__init")
    function = iree.load_vm_module(module, config)[name]
    inputs = [iree.asdevicearray(device, array) for array in case.tensors("inputs").values()]
    names = case.about["outputs"]

    def run(want_outputs=True):
        results = function(*inputs)
        if want_outputs:
            return {name: r.to_host() for name, r in zip(names, results if isinstance(results, tuple) else (results,))}

    return run
