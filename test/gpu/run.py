#!/usr/bin/env python3
"""Libraries for GPUs on a real one: every model of test/cuda and the digits network, compared with the CPU.
`./dev gpu-check`.

Only run when asked for: it needs an NVIDIA GPU and its driver, no toolkit. Each model runs several times, so that its
graph is captured and replayed, for two sizes where it has named ones.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cuda"), str(HERE.parent / "harness")]

# How far results may be apart, by bytes of a float: of the largest one.
TOLERANCES = {2: 4e-3, 4: 1e-4, 8: 1e-9}


def libraries(nnfc, model, folder):
    """The model for the CPU, for the GPU and for the emulator; or why there is none."""
    made = [folder / f"{target}.so" for target in ("cpu", "cuda", "cuda-emu")]
    for out in made:
        flags = ["--cuda-arch=sm_80,sm_90a"] if out.stem == "cuda" else []
        done = subprocess.run([nnfc, "compile", model, "-o", out, f"--target={out.stem}", *flags], capture_output=True,
                              text=True, errors="replace")
        if done.returncode:
            return None, done.stderr.strip() or f"nnfc ends with {done.returncode}"
    return made, None


def check(build, model, folder, environment=None):
    """None, or why the GPU's answer is not the CPU's."""
    made, why = libraries(build / "bin" / "nnfc", model, folder)
    if why:
        return why
    done = subprocess.run([sys.executable, "-B", __file__, "--build", build, "--compare", *made[:2]], capture_output=True,
                          text=True, errors="replace", env=environment(made[2]) if environment else None)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def random_array(rng, dtype, dims):
    import nnf
    import numpy as np

    if dtype == nnf.BFLOAT16:
        return (rng.integers(0, 256, dims) + 0x3f00).astype(np.uint16)
    kind = np.dtype(nnf.DTYPES[dtype])
    if kind.kind == "f":
        return (rng.integers(-128, 128, dims) / 128).astype(kind)
    return rng.integers(0, 2, dims).astype(kind)


def difference(found, expected):
    import numpy as np

    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if found.dtype.kind != "f":
        return None if np.array_equal(found, expected) else "values differ, expected equal ones"
    wide, right = found.astype(np.float64), expected.astype(np.float64)
    allowed = TOLERANCES[found.dtype.itemsize] * (0.1 + abs(right[np.isfinite(right)]).max(initial=0))
    same = (abs(wide - right) <= allowed) | (wide == right) | (np.isnan(wide) & np.isnan(right))
    if same.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~same)[0])
    return f"element {at} is {wide[at]}, expected {right[at]}"


def compare(build, cpu_library, cuda_library):
    import nnf
    import numpy as np

    rng, runtime = np.random.default_rng(1), nnf.Runtime(build)
    with nnf.Program(cpu_library, runtime=runtime) as cpu, nnf.Program(cuda_library, runtime=runtime) as cuda, \
            nnf.Context(cpu, threads=1) as here, nnf.Context(cuda) as there:
        is_symbolic = any(size < 0 for _, _, dims in cpu.inputs for size in dims)
        for run, size in enumerate((5, 5, 5, 17, 17, 5) if is_symbolic else (5, 5, 5)):
            inputs = {name: random_array(rng, dtype, [size if d < 0 else d for d in dims]) for name, dtype, dims in cpu.inputs}
            expected = here.run({name: array.copy() for name, array in inputs.items()})
            found = there.run(inputs)
            for name in expected:
                if why := difference(found[name], expected[name]):
                    return f"run {run}, output '{name}': {why}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("CPU.so", "CUDA.so"), help="compare these two only")
    options = parser.parse_args()
    if options.compare:
        import nnf

        try:
            why = compare(options.build, *options.compare)
        except nnf.Error as error:
            why = str(error)
        if why:
            print(why, file=sys.stderr)
        return 1 if why else 0

    from models import models

    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = []
        for model in models():
            files.append(folder / f"{model.name}.nnf.txt")
            files[-1].write_text(model.text())
        for file in files + [HERE.parent.parent / "examples" / "digits" / "digits.onnx"]:
            why = check(options.build, file, folder)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"FAIL {file.name}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
