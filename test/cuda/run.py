#!/usr/bin/env python3
"""The CUDA road: PTX that ptxas takes without spills, and right numbers from the GPU's own code on the emulator.

Every model of models.py is compiled for the emulator with two orders of threads (three with --all), run, and compared
with numpy and with run through the CPU's kernels beside it; its PTX goes through ptxas for two architectures. Every row
of test/ops runs on the emulator, and the PTX of some goes through ptxas (of all with --all). EmulatorTest.cpp breaks
kernels on purpose. hopper.py has what sm_90a has of its own; runtime.py has libraries for GPUs run through a driver that
plays one; custom.py has kernels that models bring with them, tf32.py products of float32 on tensor cores, nvrtc.py kernels as the
CUDA C++ that NVRTC gets.
"""
import argparse
import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness"), str(HERE.parent / "ops")]

import numpy as np

import cases as ops
import custom
import hopper
import hopper_attention
import nnf
import nvrtc
import rows as reading
import runtime
import tf32
from attention import attentions, kernels_of
from models import models, widened

# One order is the threads' own; a fixed and a large number stand for any other.
SEEDS = (0, 1, 20240607)
# Into which models are cut where one core compiles a library's kernels.
LIBRARIES = len(os.sched_getaffinity(0))
ARCHITECTURES = ("sm_80", "sm_90a")
# Device code is what a GPU would get at every level. Left alone, the emulator's own is compiled in 0.4 of the time, and
# runs half as fast, which is little of these models. Other kinds take the emulator at its default level.
EMULATOR = ("--target=cuda-emu", "-O0")


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def case(self, name, why):
        if why is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {name}: {why}", flush=True)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", timeout=600)
    return done.returncode, done.stdout, done.stderr


def difference(found, expected, scale):
    expected = np.asarray(expected)
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    is_bfloat = found.dtype in (np.uint16, np.dtype("V2")) and expected.dtype.kind == "f"
    if is_bfloat:
        found = widened(found.view(np.uint16))
    elif found.dtype.kind in "iub":
        return None if np.array_equal(found, expected) else f"{np.sum(found != expected)} of {found.size} differ"
    relative = 8e-3 if is_bfloat else {2: 2e-3, 4: 1e-4, 8: 1e-9}[found.dtype.itemsize]
    allowed = relative / 10 + relative * abs(expected)
    if scale is not None:
        allowed = allowed + 4 * 2.0 ** -24 * scale
    with np.errstate(invalid="ignore"):  # of infinities
        bad = ~((found == expected) | (abs(found.astype(np.float64) - expected) <= allowed))
    if not bad.any():
        return None
    at = np.unravel_index(np.argmax(bad), bad.shape)
    return f"{bad.sum()} of {bad.size} differ, first at {tuple(map(int, at))}: {found[at]}, expected {expected[at]}"


def numbers(nnfc, folder, all_models, seeds, results, targets=("cpu", "cuda-emu"), more=()):
    """Every model on the emulator, in these orders, and on the CPU."""
    for model in all_models:
        (folder / f"{model.name}.nnf.txt").write_text(model.text())
    flags = {"cpu": ["--target=cpu"]} if "cpu" in targets else {}
    flags |= {"cuda-emu": [*EMULATOR, *more]}
    # A library's kernels for the emulator are compiled by one core: as many libraries as there are.
    parts = [all_models[i::LIBRARIES] for i in range(LIBRARIES) if all_models[i::LIBRARIES]]
    work = [(title, part, folder / f"{title}{'-'.join(more)}-{i}.so") for title in flags for i, part in enumerate(parts)]

    def compile_one(item):
        title, part, library = item
        return run(nnfc, "compile", *(folder / f"{model.name}.nnf.txt" for model in part), "-o", library, *flags[title])

    with ThreadPoolExecutor(LIBRARIES) as pool:
        done = list(pool.map(compile_one, work))
    for (title, part, library), (code, _, err) in zip(work, done):
        if code:
            results.case(f"models for {title}", err.strip())
            continue
        for seed in seeds if title == "cuda-emu" else [None]:
            order = "" if seed is None else f", order {seed}"
            if seed is not None:
                set_order(library, seed)
            for model in part:
                results.case(f"{model.name} on {title}{order}", run_model(model, library))


def set_order(library, seed):
    """In which order the emulator runs threads from now on, whatever --emu-seed was."""
    ctypes.c_uint64.in_dll(ctypes.CDLL(str(library)), "nnf_emu_seed").value = seed


def run_model(model, library, runs=1):
    wide = [widened(a) for a in model.inputs.values()]
    expected = model.reference(*wide)
    scale = model.scale(*wide) if model.scale else None
    with nnf.Program(library, model.name) as program, nnf.Context(program, threads=2) as context:
        try:
            for _ in range(runs):
                outputs = context.run(model.inputs)
        except nnf.Error as error:
            return str(error)
    for name, value in zip(model.outputs, expected):
        if why := difference(outputs[name], value, scale):
            return f"{name}: {why}"
    return None


def ptx(nnfc, ptxas, folder, sources, jobs, results, more=()):
    """PTX of graph files (title -> file, what to look for): what its text has and what ptxas says, on all architectures.
    Equal code is assembled once."""
    def compile_one(item):
        (title, (file, look)), arch = item
        out = folder / f"{file.name}.{arch}.ptx"
        code, _, err = run(nnfc, "compile", file, "--target=cuda", "--emit=ptx", f"--cuda-arch={arch}", *more, "-o", out)
        if ops.NOT_THERE in err:
            return out, None, None
        if code:
            return out, None, err.strip() or f"exit status {code}"
        text = out.read_text()
        code = re.sub(r"//.*", "", text)
        if f".target {arch}\n" not in text:
            return out, code, f"no '.target {arch}'"
        if "call" in code:
            return out, code, "it calls a function"
        return out, code, look(code)

    def assemble(item):
        _, arch, out = item
        code, stdout, stderr = run(ptxas, f"-arch={arch}", "-v", out, "-o", out.with_suffix(".cubin"))
        log = stdout + stderr
        if code:
            return log.strip()
        if re.search(r"[1-9]\d* bytes spill", log):
            return f"registers are spilled: {log.strip()}"
        if re.search(r"[1-9]\d* bytes stack frame", log):
            return f"a kernel has a stack frame: {log.strip()}"
        if "(C75" in log:
            return f"products wait for each other: {log.strip()}"
        if "bytes spill" not in log and ".entry" in out.read_text():
            return f"ptxas does not speak of spills: {log.strip()}"
        return None

    seen, work = set(), []
    items = [(source, arch) for source in sources.items() for arch in ARCHITECTURES]
    with ThreadPoolExecutor(jobs) as pool:
        for ((title, _), arch), (out, code, why) in zip(items, pool.map(compile_one, items)):
            if code is None and why is None:
                results.skipped += 1
                continue
            results.case(f"PTX of {title} for {arch}", why)
            if code is not None and code not in seen:
                seen.add(code)
                work.append((title, arch, out))
        if not ptxas:
            results.skipped += len(work)
            return
        for (title, arch, _), why in zip(work, pool.map(assemble, work)):
            results.case(f"ptxas of {title} for {arch}", why)


def tensor_product(text, model):
    """Products of 16-bit floats: on tensor cores, from copies that run beside them, with sums in registers."""
    if "wgmma" in text:
        return "it has local memory" if ".local" in text else None
    for wanted in ("mma.sync.aligned.m16n8k16", "ldmatrix.sync.aligned.m8n8.x4", "cp.async.wait_group"):
        if wanted not in text:
            return f"no {wanted}"
    if ".local" in text:
        return "it has local memory"
    # The lines of both are whole chunks: of a, of b.
    lines = [array.shape[-1] for array in model.inputs.values()][:2]
    if not model.symbols and all(line % 8 == 0 for line in lines) and "cp.async.cg.shared.global" not in text:
        return "no copies of 16 bytes"
    return None


def convolution(text, model):
    """Convolutions read their rows from the image by copies, or (single elements of 16 bits) by loads."""
    if "wgmma" in text and model.family == "convolution16":
        return "it has local memory" if ".local" in text else None
    if "fma.rn" not in text and model.family == "convolution":
        return "no products of float32"
    if "mma.sync.aligned.m16n8k16" not in text and model.family == "convolution16":
        return "no products on tensor cores"
    if not (".shared" in text and "cp.async.wait_group" in text and "bar.sync" in text):
        return "no slabs in shared memory"
    # The weight that is turned, and the bias: what the image and the weight are read by are copies.
    if model.name == "conv_cube" and text.count("ld.global") > 2:
        return "sums are computed again where they are stored"
    return "it has local memory" if ".local" in text else None


def attention(text, model):
    """One kernel, whatever lies where; 16-bit floats on tensor cores, with scores and sums in registers. One more puts
    parts of the keys together."""
    if text.count(".entry") != kernels_of(model):
        return f"{text.count('.entry')} kernels"
    if ".local" in text:
        return "it has local memory"
    if "wgmma" in text:
        return hopper_attention.look_at(text, model)
    is_float = model.inputs["q"].dtype == np.float32
    for wanted in ("cp.async.wait_group", "ex2.approx.ftz.f32", *(() if is_float else ("mma.sync", "ldmatrix"))):
        if wanted not in text:
            return f"no {wanted}"
    return None


def look_at(text, model):
    """What the PTX of a model should have, by its family."""
    shared = ".shared" in text
    if model.family == "contract" and not (shared and "fma.rn" in text and "ld.shared.v" in text and "bar.sync" in text):
        return "no product of matrices on shared memory"
    if model.family == "tensor":
        return tensor_product(text, model)
    if model.family.startswith("convolution"):
        return convolution(text, model)
    if model.family == "attention":
        return attention(text, model)
    if model.family == "map" and (shared or "bar.sync" in text):
        return "threads of a map meet"
    if model.name == "chain_64x1024" and not ("ld.global.nc.v4" in text and "st.global.v4" in text):
        return "no accesses of 16 bytes"
    return None


def tensor_floats(nnfc, ptxas, folder, all_models, seeds, jobs, results):
    """Float32 on tensor cores."""
    found = tf32.tf32_models(all_models)
    numbers(nnfc, folder, found, seeds, results, ("cuda-emu",), ("--allow-tf32",))
    sources = {model.name: (folder / f"{model.name}.nnf.txt", partial(tf32.look_at, model=model)) for model in found}
    ptx(nnfc, ptxas, folder, sources, jobs, results, ("--allow-tf32",))
    library = folder / "with-tf32.so"
    code, _, err = run(nnfc, "compile", folder / f"{found[0].name}.nnf.txt", "--target=cuda", "--allow-tf32", "-o", library)
    _, text, _ = run(nnfc, "inspect", library)
    results.case("inspect of tf32", err.strip() if code else None if "cuda sm_80 with tf32" in text else text)
    # Text on the way holds for either: each compilation says it.
    middle, out = folder / "with-tf32.mlir", folder / "with-tf32.ptx"
    for phase in ("input", "groups"):
        run(nnfc, "compile", folder / f"{found[0].name}.nnf.txt", "--target=cuda", "--allow-tf32", f"--phase={phase}", "-o", middle)
        for flags in (["--allow-tf32"], []):
            code, _, err = run(nnfc, "compile", middle, "--trust-mlir", "--target=cuda", *flags, "-o", out)
            ok = code == 0 and ("tf32" in out.read_text()) == bool(flags)
            results.case(f"text of phase {phase} {flags}", None if ok else err.strip() or "the flag does not decide")


# ---- the command line

def errors(nnfc, folder, results):
    model = folder / "chain_3x8.nnf.txt"
    for flags, status, message in (
            (["--target=cuda", "--cuda-arch=sm_999", "-o", "x.ptx"], 2, "--cuda-arch: 'sm_999' is no architecture that LLVM knows"),
            (["--target=cuda", "--cuda-arch=hopper", "-o", "x.ptx"], 2, "--cuda-arch: 'hopper' is no architecture"),
            (["--target=cuda", "--cuda-arch=sm_70", "-o", "x.ptx"], 2, "'sm_70' is older than sm_80, expected that or newer"),
            (["--target=cuda", "--cuda-arch=sm_80,sm_90a", "-o", "x.ptx"], 2, "several architectures go into a library"),
            (["--target=cuda-emu", "--cuda-arch=sm_80,sm_90a", "-o", "x.so"], 2, "several architectures go into a library"),
            (["--target=cuda", "--cuda-arch=sm_90a,sm_90a", "-o", "x.so"], 2, "sm_90a is named twice"),
            (["--target=cuda", "--cuda-arch=sm_90a,", "-o", "x.so"], 2, "a name is missing"),
            (["-o", "x.cubin"], 2, "a cubin is code for GPUs: found --target=cpu"),
            (["--cuda-cubin", "-o", "x.so"], 2, "--cuda-cubin goes with a library of --target=cuda"),
            (["--target=cuda-emu", "-o", "x.ptx"], 2, "found --target=cuda-emu, expected --target=cuda"),
            (["-o", "x.ptx"], 2, "found --target=cpu, expected --target=cuda"),
            (["-o", "x.cu"], 2, "CUDA C++ is code for GPUs: found --target=cpu, expected --target=cuda"),
            (["--cuda-arch=sm_80", "-o", "x.so"], 2, "--cuda-arch goes with --target=cuda or cuda-emu"),
            (["--target=cuda-emu", "--cpu=x86-64-v2", "-o", "x.so"], 2, "expected an x86-64 CPU with FMA and F16C"),
            (["--allow-tf32", "-o", "x.so"], 2, "--allow-tf32 goes with --target=cuda or cuda-emu"),
            (["--target=cuda", "--allow-tf32", "--accuracy=strict", "-o", "x.so"], 2, "expected no --accuracy=strict"),
            (["--target=rocm", "-o", "x.so"], 2, "--target=rocm: expected cpu, cuda or cuda-emu")):
        flags = [str(folder / flag) if flag.startswith("x.") else flag for flag in flags]
        code, _, err = run(nnfc, "compile", model, *flags)
        first = (err.splitlines() or [""])[0]
        ok = code == status and first.startswith("error: ") and message in first
        results.case(" ".join(flags[:-2]) or flags[-1], None if ok else f"exit status {code}, '{first}', expected '{message}'")
    out = folder / "sm_90a.ptx"
    code, _, err = run(nnfc, "compile", model, "--target=cuda", "--cuda-arch=sm_90a", "-o", out)
    results.case("sm_90a", err.strip() if code else None if ".target sm_90a" in out.read_text() else "no .target sm_90a")
    code, stdout, err = run(nnfc, "run", model, "--device", "cuda-emu", "--random-inputs")
    results.case("nnfc run --device cuda-emu", None if code == 0 and "y: float32[3, 8]" in stdout else f"{code}: {stdout}{err}")
    library = folder / "of-a-cpu.so"
    run(nnfc, "compile", model, "-o", library)
    code, _, err = run(nnfc, "run", library, "--device", "cuda-emu", "--random-inputs")
    message = "expected a library of nnfc compile --target=cuda-emu"
    results.case("a CPU library on cuda-emu", None if code == 1 and message in err else f"{code}: {err}")


# ---- what other folders have

def row_files(folder, everything):
    """Graph files of the rows of test/ops; without `everything` every fortieth by a hash of its text."""
    files = {}
    for path in sorted((HERE.parent / "ops").glob("*.rows")):
        for row in reading.read_rows(path):
            if row.compile_error or not (everything or zlib.crc32(row.text.encode()) % 40 == 0):
                continue
            case = ops.Case(row, len(files))
            case.prepare()
            file = folder / f"{case.model}.nnf.txt"
            file.write_text(case.text())
            files[row.name] = (file, lambda code: None)
    return files


def rows_on_emulator(options, results):
    done = subprocess.run([sys.executable, "-B", str(HERE.parent / "ops" / "run.py"), "--build", str(options.build),
                           "--jobs", str(options.jobs), "--target", "cuda-emu", "--level", "0",
                           "--one-in", "1" if options.all else "6"],
                          stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines() or ["no output"]
    for line in lines:
        if line.startswith("FAIL "):
            print(line, flush=True)
    counts = re.match(r"(\d+) passed, (\d+) failed", lines[-1])
    if counts:
        results.passed += int(counts[1])
        results.failed += int(counts[2])
    else:
        results.case("rows on the emulator", f"exit status {done.returncode}, {lines[-1]}")


def gpu_check(build, folder, results):
    """What ./dev gpu-check does, with a driver whose GPU is the emulator."""
    spec = importlib.util.spec_from_file_location("gpu", HERE.parent / "gpu" / "run.py")
    gpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gpu)
    driver = str(build / "unit" / "nnf-fake-cuda.so")

    def fake(emulated, **more):
        return os.environ | {"NNFC_CUDA_DRIVER": driver, "NNF_FAKE_LIBRARY": str(emulated)} | more

    for name in ("linear", "softmax_symbolic", "extremes", "halves", "integers"):
        results.case(f"gpu-check of {name}", gpu.check(build, folder / f"{name}.nnf.txt", folder, fake))
    digits_model = HERE.parent.parent / "examples" / "digits" / "digits.onnx"
    results.case("gpu-check of digits", gpu.check(build, digits_model, folder, fake))
    why = gpu.check(build, folder / "linear.nnf.txt", folder, lambda made: fake(made, NNF_FAKE_FAULT="1"))
    results.case("gpu-check notices a missing block", None if why and "output 'y'" in why else f"it says {why}")
    why = gpu.check(build, folder / "linear.nnf.txt", folder, lambda made: fake(made, NNFC_CUDA_DRIVER="/nowhere.so"))
    results.case("gpu-check without a driver", None if why and "no NVIDIA driver" in why else f"it says {why}")


def cubins(nnfc, ptxas, folder, results):
    """Machine code by ptxas: as a file, in a library, and what is said where there is no ptxas."""
    model = folder / "softmax_symbolic.nnf.txt"
    os.environ["NNFC_PTXAS"] = "/nowhere/ptxas"
    for out, flags in (("x.cubin", []), ("x.so", ["--cuda-cubin"])):
        code, _, err = run(nnfc, "compile", model, "--target=cuda", *flags, "-o", folder / out)
        ok = code == 1 and "NNFC_PTXAS=/nowhere/ptxas: no such program" in err.splitlines()[0] and not (folder / out).exists()
        results.case(f"{out} without ptxas", None if ok else f"exit status {code}: {err}")
    if not ptxas:
        del os.environ["NNFC_PTXAS"]
        results.skipped += 3
        return
    os.environ["NNFC_PTXAS"] = ptxas
    out = folder / "x.cubin"
    code, _, err = run(nnfc, "compile", model, "--target=cuda", "--cuda-arch=sm_90a", "-o", out)
    results.case("a cubin", err.strip() if code else None if out.read_bytes()[:4] == b"\x7fELF" else "no ELF file")
    library, emulated = folder / "with-cubin.so", folder / "with-cubin-emulated.so"
    for target, made in (("cuda", library), ("cuda-emu", emulated)):
        code, _, err = run(nnfc, "compile", model, f"--target={target}", *(["--cuda-cubin"] if target == "cuda" else []), "-o", made)
        if code:
            return results.case(f"a library with a cubin for {target}", err.strip())
    _, text, _ = run(nnfc, "inspect", library)
    results.case("inspect of a cubin", None if re.search(r"sm_80: machine code.*\n.* \d+ registers\n", text) else text)
    fake = runtime.Fake(Path(nnfc).parent.parent / "unit" / "nnf-fake-cuda.so")
    fake.reset()
    fake.set(library=emulated, model=None)
    case = next(m for m in models() if m.name == "softmax_symbolic")
    why = run_model(case, library)
    results.case("a library with a cubin runs", why or (None if fake.count("cubin") == 1 else "its PTX is loaded"))


def hopper_products(build, folder, ptxas, seeds, results, only=""):
    """What sm_90a has of its own; `only`: of some models, and not through a driver."""
    fake = runtime.Fake(build / "unit" / "nnf-fake-cuda.so")
    hopper.Suite(build, folder, ptxas, seeds, results, sys.modules[__name__], only).everything(fake)


def by_nvrtc(options, folder, ptxas, all_models, results):
    """nnfc's own kernels as the CUDA C++ that NVRTC gets."""
    fake = runtime.Fake(options.build / "unit" / "nnf-fake-cuda.so")
    found = [model for model in all_models if options.only in model.name]
    nvrtc.Suite(options, folder, ptxas, results, sys.modules[__name__]).everything(found, fake)


def digits(nnfc, folder, results):
    """A whole network: the same answers as on the CPU."""
    model = HERE.parent.parent / "examples" / "digits" / "digits.onnx"
    images = np.load(model.with_name("images.npy"))[:4]
    answers = []
    for target in ("cpu", "cuda-emu"):
        library = folder / f"digits-{target}.so"
        code, _, err = run(nnfc, "compile", model, f"--target={target}", "-o", library)
        if code:
            return results.case(f"digits for {target}", err.strip())
        with nnf.Program(library) as program, nnf.Context(program, threads=2) as context:
            name, _, dims = program.inputs[0]
            given = images.reshape(-1, *dims[1:]).astype(np.float32)
            answers.append(next(iter(context.run({name: given}).values())))
    results.case("digits", difference(answers[1], answers[0].astype(np.float64), None))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--custom", action="store_true", help="kernels that models bring with them, and nothing else")
    parser.add_argument("--tf32", action="store_true", help="float32 on tensor cores, and nothing else")
    parser.add_argument("--nvrtc", action="store_true", help="kernels as CUDA C++, and nothing else")
    parser.add_argument("--only", default="", help="with --nvrtc or --hopper: models with this in their names")
    parser.add_argument("--hopper", action="store_true", help="products and attention of sm_90a, and nothing else")
    options = parser.parse_args()
    nnfc = options.build / "bin" / "nnfc"
    ptxas = os.environ.get("NNF_PTXAS") or shutil.which("ptxas")
    results, all_models = Results(), models() + attentions()
    seeds = SEEDS if options.all else SEEDS[:2]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.hopper:
            hopper_products(options.build, folder, ptxas, seeds, results, options.only)
            print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
            return 1 if results.failed else 0
        if options.custom or options.tf32 or options.nvrtc:
            if options.nvrtc:
                by_nvrtc(options, folder, ptxas, all_models, results)
            elif options.custom:
                custom.everything(options.build, folder, ptxas, results, run)
            else:
                tensor_floats(nnfc, ptxas, folder, all_models, seeds, options.jobs, results)
            print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
            return 1 if results.failed else 0
        numbers(nnfc, folder, all_models, seeds, results)
        sources = {model.name: (folder / f"{model.name}.nnf.txt", partial(look_at, model=model)) for model in all_models}
        ptx(nnfc, ptxas, folder, sources | row_files(folder, options.all), options.jobs, results)
        tensor_floats(nnfc, ptxas, folder, all_models, seeds, options.jobs, results)
        errors(nnfc, folder, results)
        digits(nnfc, folder, results)
        runtime.Suite(options.build, folder, results, run).everything()
        cubins(nnfc, ptxas, folder, results)
        hopper_products(options.build, folder, ptxas, seeds, results)
        custom.everything(options.build, folder, ptxas, results, run)
        by_nvrtc(options, folder, ptxas, all_models, results)
        gpu_check(options.build, folder, results)
        rows_on_emulator(options, results)
    print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
